//! Formulas as text: the statements that people write in papers and in NumPy, run on numbers or recorded on a tape.
//!
//! A [`Module`] is a parsed text. It runs on plain numbers ([`Module::run`]), or is recorded ([`Module::record`]), and then everything works
//! on it that works on a tape: gradients, Hessians, compiled programs, drawings, derivations, Rust source. [`check`](check()) takes a text
//! with a forward and a backward part and says which statement of the backward part is wrong, and what belongs there.
//!
//! # The language
//!
//! A subset of Python with NumPy: what runs here runs there with the same values, aliases and views included, or is an error that says
//! what is known.
//!
//! | | |
//! |---|---|
//! | statements | `x = ..`, `a, b = ..`, `x += ..`, `a[mask] = 0`, `p[rows, labels] -= 1`, `for t in range(n):`, `if`/`elif`/`else` on plain numbers, `def f(x, y=1):` with `return`, `pass`, `break`, `continue`, `import numpy as np` |
//! | operators | `+ - * / // % ** @`, comparisons, `and or not`, `& \| ^ ~` of booleans, `a if c else b` |
//! | values | numbers, arrays, lists, tuples, ranges, `[f(x) for x in xs]`, booleans, None |
//! | indices | numbers, slices with steps, `None`, `...`, masks, arrays of whole numbers |
//! | functions | those of NumPy that derivations use, with `np.` and without; those of the crate's registry by their names (`sigmoid`, `relu`, `huber(x, delta)`), `softmax(x, axis)`, `logsumexp(x, axis, keepdims)`, `pick(P, labels)`, `load("x.npy")` |
//! | methods | `x.T`, `x.sum(0)`, `x.dot(w)`, `x.shape[0]`, `x.reshape(2, -1)`, `x.copy()`, `list.append(x)` and so on |
//!
//! Loops are unrolled as they run. Numbers are `f64`; whole numbers are exact up to 2^53, and more is an error. Execution is bounded: see
//! [`Options`].
//!
//! # Examples
//! ```
//! use retrograd::{Tape, Tensor, text::{Module, Options}};
//! let module = Module::parse("a = np.tanh(w * x)\nC = np.sum(a ** 2)")?;
//! assert_eq!(module.inputs(), ["w", "x"]);
//! let tape = Tape::new();
//! let given = [("w".to_owned(), Tensor::from([1.0, 2.0])), ("x".to_owned(), Tensor::from([0.5, -1.0]))];
//! let recorded = module.record(&tape, &given, &Options::default())?;
//! let gradients = recorded.output.backward();
//! let (_, w) = &recorded.variables[0];
//! // dC/dw = 2 a (1 - a^2) x.
//! let a = f64::tanh(0.5);
//! assert!((gradients.wrt(*w).as_slice()[0] - 2.0 * a * (1.0 - a * a) * 0.5).abs() < 1e-15);
//! # Ok::<(), retrograd::Error>(())
//! ```

mod check;
mod fault;
mod functions;
mod index;
mod number;
pub mod page;
mod parse;
mod run;
mod syntax;
mod token;
mod value;

pub use check::{CheckOptions, Line, Report, Statement, Status, check};
pub use fault::Fault;
pub use number::Kind;

use crate::error::Result;
use crate::tape::{Id, Tape, Var};
use crate::tensor::Tensor;
use run::Machine;
use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use syntax::{Expr, Node, Stmt, StmtKind};
use value::Value;

/// What opens the files that a text names, and an array of several by its name: the numbers, and of what kind they are. For files on disk
/// there is `store::loader`.
///
/// # Examples
/// ```
/// use retrograd::{Error, Tensor, text::{Kind, Loader, Module, Options}};
/// use std::sync::Arc;
/// let loader: Loader = Arc::new(|file, _| match file {
///     "x.npy" => Ok((Tensor::from([1.0, 2.0]), Kind::Float)),
///     other => Err(Error::argument(format!("there is no {other}"))),
/// });
/// let options = Options { loader: Some(loader), ..Options::default() };
/// let scope = Module::parse("s = load('x.npy').sum()")?.run(&options)?;
/// assert_eq!(scope.get("s"), Some(Tensor::from(3.0)));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub type Loader = Arc<dyn Fn(&str, Option<&str>) -> Result<(Tensor<f64>, Kind)> + Send + Sync>;

/// What a text may do as it runs.
///
/// # Examples
/// ```
/// use retrograd::text::{Module, Options};
/// let endless = Module::parse("x = 1\nfor i in range(1000000):\n    x = x + 1")?;
/// let options = Options { steps: 1000, ..Options::default() };
/// assert!(endless.run(&options).unwrap_err().to_string().contains("steps"));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone)]
pub struct Options {
    /// The most steps, a step being a part of an expression: 20 million.
    pub steps: usize,
    /// The most elements that are made in all, a product counting for its work: 2^28.
    pub elements: usize,
    /// Opens what `load("x.npy")` names; without it no file is read.
    pub loader: Option<Loader>,
    /// Asked now and then; where it says so, the text ends with an error. A caller with a clock bounds the time with it.
    pub stop: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { steps: 20_000_000, elements: 1 << 28, loader: None, stop: None }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (loader, stop) = (self.loader.is_some(), self.stop.is_some());
        write!(f, "Options {{ steps: {}, elements: {}, loader: {loader}, stop: {stop} }}", self.steps, self.elements)
    }
}

/// A parsed text.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, text::{Module, Options}};
/// let module = Module::parse("a = w * x\na + 1")?;
/// assert_eq!(module.inputs(), ["w", "x"]);
/// let given = [("w".to_string(), Tensor::from(2.0)), ("x".to_string(), Tensor::from(3.0))];
/// assert_eq!(module.run_with(&given, &Options::default())?.get("a"), Some(Tensor::from(6.0)));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Module {
    text: Rc<str>,
    body: Rc<[Stmt]>,
}

/// Names and their values after a text has run on numbers.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, text::{Module, Options}};
/// let scope = Module::parse("x = np.arange(3)\ny = x ** 2\ny[0] = 7")?.run(&Options::default())?;
/// assert_eq!(scope.get("y"), Some(Tensor::from([7.0, 1.0, 4.0])));
/// assert_eq!(scope.get("z"), None);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scope {
    names: Vec<(String, Content)>,
    output: Option<(Tensor<f64>, Kind)>,
}

/// A value of a text.
///
/// # Examples
/// ```
/// use retrograd::text::{Content, Module, Options};
/// let scope = Module::parse("pair = [1.0, 'two']")?.run(&Options::default())?;
/// let (_, Content::List(all)) = &scope.names()[0] else { panic!("a list") };
/// assert_eq!(all[1], Content::Text("two".into()));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A number or array, and of what kind it is.
    Array(Tensor<f64>, Kind),
    /// A list or a tuple.
    List(Vec<Content>),
    /// A text.
    Text(String),
    /// What has no value to show: None, a function, a range.
    Other(String),
}

/// A text on a tape.
///
/// # Examples
/// ```
/// use retrograd::{Tape, Tensor, text::{Module, Options}};
/// let tape = Tape::new();
/// let given = [("w".to_string(), Tensor::from([1.0, 2.0]))];
/// let recorded = Module::parse("z = 3 * w\n(z ** 2).sum()")?.record(&tape, &given, &Options::default())?;
/// let gradients = recorded.output.backward();
/// assert_eq!(gradients.wrt(recorded.variables[0].1), Tensor::from([18.0, 36.0]));
/// // The product was recorded by line 1.
/// assert!(recorded.lines.iter().any(|(_, line)| *line == 1));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Recorded<'t> {
    /// The value of the last statement: of an expression, or what it assigned.
    pub output: Var<'t, f64>,
    /// The variables that were given, in order.
    pub variables: Vec<(String, Var<'t, f64>)>,
    /// What was recorded, and the line of the statement that did.
    pub lines: Vec<(Id, usize)>,
}

impl Module {
    /// Reads a text.
    ///
    /// # Errors
    /// What is no statement of [the language](self#the-language), with line and column.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let body = parse::parse(text).map_err(|fault| fault.in_text(text))?;
        Ok(Self { text: text.into(), body: body.into() })
    }

    /// The names that are read before a statement assigns them: they are to be given.
    pub fn inputs(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut known = HashSet::new();
        inputs(&self.body, &mut known, &mut found);
        found
    }

    /// Runs on plain numbers.
    ///
    /// # Errors
    /// What cannot be computed, with line and column.
    pub fn run(&self, options: &Options) -> Result<Scope, Fault> {
        self.run_with(&[], options)
    }

    /// The same, with values of names that the text does not assign.
    ///
    /// # Errors
    /// As for [`Module::run`].
    pub fn run_with(&self, given: &[(String, Tensor<f64>)], options: &Options) -> Result<Scope, Fault> {
        let mut machine = Machine::new(None, options);
        for (name, value) in given {
            let value = match value.shape().rank() {
                0 => Value::Number(number::Operand {
                    data: number::Data::Number(value.item()),
                    kind: Kind::Float,
                    python: true,
                }),
                _ => machine.heap().array(number::Data::Tensor(value.clone()), Kind::Float),
            };
            machine.frame().insert(name.as_str().into(), value);
        }
        machine.run(&self.body).map_err(|fault| fault.in_text(&self.text))?;
        // Lists that hold one another often are longer written out than they are in memory.
        machine.rewind_limits();
        let mut names: Vec<(String, Content)> = machine.state.frames[0]
            .iter()
            .map(|(name, value)| (name.to_string(), content(&machine, value, 0)))
            .collect();
        names.sort_by(|a, b| a.0.cmp(&b.0));
        let output = machine.last.take().and_then(|value| machine.operand(&value).ok());
        Ok(Scope { names, output: output.map(|x| (x.data.value(), x.kind)) })
    }

    /// Runs and records on a tape. What is given becomes a variable of its name; where the text assigns such a name, the value given takes
    /// the place of the first one assigned. All other numbers are data.
    ///
    /// # Errors
    /// What cannot be computed, with line and column; a name that is given and not used; a last statement without a value.
    pub fn record<'t>(
        &self,
        tape: &'t Tape<f64>,
        given: &[(String, Tensor<f64>)],
        options: &Options,
    ) -> Result<Recorded<'t>, Fault> {
        let mut variables = Vec::with_capacity(given.len());
        for (name, value) in given {
            let var = match value.shape().rank() {
                0 => tape.var(value.item()),
                _ => tape.var(value),
            };
            variables.push((name.clone(), var.named(name.as_str())));
        }
        self.record_vars(tape, &variables, options)
    }

    /// The same with variables that are on the tape already.
    ///
    /// # Errors
    /// As for [`Module::record`].
    pub fn record_vars<'t>(
        &self,
        tape: &'t Tape<f64>,
        variables: &[(String, Var<'t, f64>)],
        options: &Options,
    ) -> Result<Recorded<'t>, Fault> {
        let mut machine = Machine::new(Some(tape), options);
        let inputs = self.inputs();
        let assigned = self.assigned();
        for (name, var) in variables {
            let key: Rc<str> = name.as_str().into();
            machine.variables.push((key.clone(), *var));
            if inputs.contains(name) {
                let value = machine.variable(*var);
                machine.frame().insert(key, value);
            } else if assigned.contains(name) {
                machine.given.insert(key, *var);
            } else {
                let known: Vec<&str> = inputs.iter().chain(&assigned).map(String::as_str).collect();
                let near = run::nearest(name, &known).map_or(String::new(), |near| format!("; is {near} meant?"));
                return Err(Fault::of_all(format!("{name} is given, and the text does not use it{near}")));
            }
        }
        machine.run(&self.body).map_err(|fault| fault.in_text(&self.text))?;
        let last = machine.last.take().ok_or_else(|| Fault::of_all("the text has no statement with a value"))?;
        let output = machine.operand(&last).map_err(|error| Fault::of_all(format!("the last statement: {error}")))?;
        let output = output.data.var(tape);
        Ok(Recorded { output, variables: variables.to_vec(), lines: machine.lines })
    }

    /// The names that statements of the text itself assign.
    fn assigned(&self) -> Vec<String> {
        let mut found = Vec::new();
        for stmt in self.body.iter() {
            if let StmtKind::Assign(targets, _) = &stmt.kind {
                for target in targets {
                    target.walk(&mut |x| {
                        if let Node::Name(name) = &x.node {
                            found.push(name.to_string());
                        }
                    });
                }
            }
        }
        found
    }
}

impl Scope {
    /// A number or array by its name; a list of numbers is none.
    pub fn get(&self, name: &str) -> Option<Tensor<f64>> {
        self.names.iter().find_map(|(known, value)| match value {
            Content::Array(tensor, _) if known == name => Some(tensor.clone()),
            _ => None,
        })
    }
    /// All names with their values, by name.
    pub fn names(&self) -> &[(String, Content)] {
        &self.names
    }
    /// The value of the last statement that has one.
    pub fn output(&self) -> Option<&(Tensor<f64>, Kind)> {
        self.output.as_ref()
    }
}

fn content<'t>(machine: &Machine<'t, '_>, value: &Value<'t>, depth: usize) -> Content {
    match value {
        Value::Number(x) => Content::Array(x.data.value(), x.kind),
        Value::Array(_) => match machine.operand(value) {
            Ok(x) => Content::Array(x.data.value(), x.kind),
            Err(error) => Content::Other(error.to_string()),
        },
        Value::List(_) | Value::Tuple(_) if depth < 32 => match machine.elements_of(value) {
            Ok(all) => Content::List(all.iter().map(|x| content(machine, x, depth + 1)).collect()),
            Err(error) => Content::Other(error.to_string()),
        },
        Value::Text(text) => Content::Text(text.to_string()),
        other => Content::Other(machine.what(other)),
    }
}

/// Adds names that are read and not assigned before.
fn inputs(body: &[Stmt], known: &mut HashSet<Rc<str>>, found: &mut Vec<String>) {
    let read = |expr: &Expr, known: &HashSet<Rc<str>>, found: &mut Vec<String>| {
        let mut own: HashSet<Rc<str>> = HashSet::new();
        expr.walk(&mut |x| {
            if let Node::Each(_, target, ..) = &x.node {
                target.walk(&mut |x| {
                    if let Node::Name(name) = &x.node {
                        own.insert(name.clone());
                    }
                });
            }
        });
        expr.walk(&mut |x| {
            if let Node::Name(name) = &x.node
                && !known.contains(name)
                && !own.contains(name)
                && functions::bare(name).is_none()
                && !["np", "numpy", "math"].contains(&&**name)
                && !found.contains(&name.to_string())
            {
                found.push(name.to_string());
            }
        });
    };
    let assign = |target: &Expr, known: &mut HashSet<Rc<str>>, found: &mut Vec<String>| {
        let mut stack = vec![target];
        while let Some(target) = stack.pop() {
            match &target.node {
                Node::Name(name) => {
                    known.insert(name.clone());
                }
                Node::Tuple(all) | Node::List(all) => stack.extend(all.iter().map(|x| &**x)),
                _ => read(target, known, found),
            }
        }
    };
    for stmt in body {
        match &stmt.kind {
            StmtKind::Assign(targets, value) => {
                read(value, known, found);
                targets.iter().for_each(|target| assign(target, known, found));
            }
            StmtKind::Update(target, _, value) => {
                read(value, known, found);
                read(target, known, found);
            }
            StmtKind::Expr(value) | StmtKind::Return(Some(value)) => read(value, known, found),
            StmtKind::For(target, source, body) => {
                read(source, known, found);
                assign(target, known, found);
                inputs(body, known, found);
            }
            StmtKind::If(condition, then, otherwise) => {
                read(condition, known, found);
                inputs(then, known, found);
                inputs(otherwise, known, found);
            }
            StmtKind::Def(def) => {
                known.insert(def.name.clone());
                // What its body reads of the text may be assigned below it: only what nothing assigns is an input, and that is seen at a call.
                let _ = &def.body;
            }
            StmtKind::Return(None) | StmtKind::Pass | StmtKind::Break | StmtKind::Continue => {}
        }
    }
}
