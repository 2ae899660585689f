//! A function and hand-coded gradients as data, so that gradients made in any language can be judged.
//!
//! The text is read in one go and then asked for its parts, so that every error names the node and the key. The function is run once
//! when it is read: what does not fit is an error there, and not while it is compared. How large values become is bounded before
//! they are computed. Files are opened elsewhere (`store`), as this module stands below them.
//!
//! Some nodes are recorded as several: only the last has the node's name, and a diagnosis that points at one before it says its op and
//! number. These are `transpose`, `pick`, `slice` with numbers, `mean`, `var`, `std`, `prod`, `norm1`, `norm_inf`, `outer`, `diag`, `trace`, `stack`,
//! `roll`, products and systems with vectors, reductions that are not along the last axes, and losses.

mod json;
mod ops;

use super::Compare;
use crate::error::{Error, Result};
use crate::tape::{Tape, Var};
use crate::tensor::{Shape, Tensor};
use json::{Json, said, shortened};
use ops::{Attributes, Cost, Op};
use std::collections::HashMap;
use std::fmt;

/// The values of all nodes together have at most so many elements: a short text can ask for any number.
const MOST_ELEMENTS: usize = 1 << 25;
/// Products and factorisations together have at most so many multiplications, which take seconds.
const MOST_WORK: usize = 1 << 32;

/// An argument of a node.
#[derive(Clone, Copy, Debug)]
enum Arg {
    Number(f64),
    /// A parameter, an array of data or a node, counted through in this order.
    Item(usize),
}

/// A step of the function.
#[derive(Clone)]
struct Node {
    name: String,
    op: Op,
    op_name: String,
    args: Vec<Arg>,
    /// The line of the text that it was made from.
    line: Option<usize>,
}

/// A function, a point, and hand-coded gradients as data: gradients from any language, to be judged.
///
/// A text of JSON says what is computed in named steps, from which numbers, and what the hand-coded pass gave:
///
/// | key | meaning |
/// |---|---|
/// | `params` | the parameters: arrays by name |
/// | `data` | other arrays by name; may be left out |
/// | `constants` | numbers of the derivation by name (m, lambda), so that factors can be called by them; may be left out |
/// | `nodes` | the function, in order: `name`, `op`, `args` (names of parameters, data, constants and earlier nodes, or numbers), the attributes of the op, and a `line` of the text that it was made from, if there is one |
/// | `output` | the name of the number that is differentiated |
/// | `hand` | the hand-coded gradients: arrays by the names of parameters |
/// | `intermediates` | those by nodes, as far as the hand-coded pass has them; they bound where a mistake can be |
/// | `value` | the hand-coded value of the output |
/// | `arrays` | a file of arrays, or a list of them, beside this one: `.npz` or `.safetensors` |
///
/// Other keys are left to the reader. An array is `{"shape": [2, 3], "data": [..]}` in row-major order, a number, lists in lists, or the
/// name under which it lies in the files of `arrays`. JSON has no NaN: among the numbers stand the texts `"NaN"`, `"Infinity"` and
/// `"-Infinity"`. A hand-coded gradient of a wrong shape is a finding, not an error.
///
/// # Ops
/// Every elementwise op goes by its method's name, with its parameters by theirs: `tanh`, `leaky_relu` with `"slope"`, `clamp` with
/// `"lo"` and `"hi"`, `add`, `pow`, `maximum`. Of those on whole tensors there are:
///
/// | ops | attributes |
/// |---|---|
/// | `sum` `mean` `prod` `max` `min` `norm1` `norm2` `norm_inf` `logsumexp` | `axes`: one, several, or null for all; `keep`, false unless given |
/// | `var` `std` | the same, and `ddof` |
/// | `softmax` `log_softmax` `cumsum` `cumprod` `flip` `squeeze` | `axes` |
/// | `matmul` `dot` `outer` `solve` `transpose` `det` `inv` `cholesky` `trace` `diag` `select` | |
/// | `tril` `triu` | `k` |
/// | `reshape`, `permute`, `unsqueeze` | `shape`, `axes`, `axis` |
/// | `concat` `stack` | `axis`; any number of arguments |
/// | `gather` | `axis`, `indices` |
/// | `pick` | `columns`: one of each row |
/// | `slice` | `spans`: a number drops the axis, `[from, to]` or `[from, to, step]` has null for open ends |
/// | `roll` | `shift`, `axis` |
/// | `squared_error` `mean_squared_error` `mean_absolute_error` `binary_cross_entropy` `binary_cross_entropy_with_logits` `cross_entropy_soft` `kl_divergence` `hinge` | |
/// | `huber_error` | `delta` |
/// | `cross_entropy` `nll` | `labels` |
///
/// # Examples
/// ```
/// use retrograd::check::Problem;
/// let problem = Problem::parse(
///     r#"{
///         "params": {"w": [0.4, -0.3], "b": 0.1},
///         "data": {"X": [[1.0, 2.0], [-0.5, 0.3]], "t": [1.0, 0.0]},
///         "constants": {"m": 2},
///         "nodes": [
///             {"name": "p", "op": "matmul", "args": ["X", "w"]},
///             {"name": "z", "op": "add", "args": ["p", "b"]},
///             {"name": "a", "op": "sigmoid", "args": ["z"]},
///             {"name": "e", "op": "squared_error", "args": ["a", "t"]},
///             {"name": "s", "op": "sum", "args": ["e"]},
///             {"name": "C", "op": "div", "args": ["s", "m"]}
///         ],
///         "output": "C",
///         "hand": {"w": [-0.7513003784073954, -0.9141656604008068], "b": -0.07233680562202927}
///     }"#,
/// )?;
/// // Made without the slope of the sigmoid, a (1 - a).
/// let report = problem.compare().run()?;
/// let mistake = &report.diagnosis.best().unwrap().mistakes[0];
/// assert_eq!(mistake.node.as_deref(), Some("a"));
/// # Ok::<(), retrograd::Error>(())
/// ```
/// From a file, with arrays as NumPy writes them (`numpy.savez("arrays.npz", w=w, X=X, dw=dw)`):
/// ```no_run
/// use retrograd::check::Problem;
/// // {"arrays": "arrays.npz", "params": {"w": "w"}, "data": {"X": "X"}, "hand": {"w": "dw"}, "nodes": [..], "output": "C"}
/// println!("{}", Problem::read("derivation.json")?.compare().run()?);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone)]
pub struct Problem {
    parameters: Vec<(String, Tensor<f64>)>,
    data: Vec<(String, Tensor<f64>)>,
    constants: Vec<(String, f64)>,
    nodes: Vec<Node>,
    /// The item that is differentiated.
    output: usize,
    hand: Vec<(String, Tensor<f64>)>,
    value: Option<f64>,
    /// For each item the first that is the same variable: a reshape to the shape that is there gives its argument.
    same_as: Vec<usize>,
}

/// Arrays of a file, by name.
pub(crate) trait Arrays {
    /// The array of a name; nothing where the file has none.
    fn array(&self, name: &str) -> Option<Result<Tensor<f64>>>;
    /// All of them.
    fn names(&self) -> Vec<&str>;
}

impl Problem {
    /// Reads a problem from JSON that holds its arrays. From a file, with arrays beside it: [`Problem::read`].
    ///
    /// # Errors
    /// What is not of the format, by node and key: a key that is missing or of another kind, a name that is there twice or not known,
    /// an argument that stands further down, an op or an attribute of it that there is not; a function that cannot be run at the
    /// point, whose output is no number, or whose values together have more than 2^25 elements, or whose products take more than 2^32 multiplications; a hand-coded gradient by something
    /// that is no parameter, or no node between one and the output.
    pub fn parse(text: &str) -> Result<Self> {
        Self::with_arrays(text, &mut |file| {
            let why =
                format!("the file {:?} is looked for beside the problem's own, with Problem::read", shortened(file));
            Err(said("arrays", why))
        })
    }

    /// The same, with the files that it names opened by `open`.
    pub(crate) fn with_arrays(text: &str, open: &mut dyn FnMut(&str) -> Result<Box<dyn Arrays>>) -> Result<Self> {
        let json = Json::parse(text)?;
        json.entries("the file")?;
        let files: Vec<&str> = match json.get("arrays") {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::List(files)) => files.iter().map(|file| file.text("arrays")).collect::<Result<_>>()?,
            Some(file) => vec![file.text("arrays")?],
        };
        let files: Vec<Box<dyn Arrays>> = files.into_iter().map(open).collect::<Result<_>>()?;
        let array = |value: &Json, place: &str| match value {
            Json::Text(name) => {
                let mut found = files.iter().filter_map(|file| file.array(name));
                let first = found.next().ok_or_else(|| {
                    let known: Vec<&str> = files.iter().flat_map(|file| file.names()).take(20).collect();
                    let there = match known.is_empty() {
                        true => "\"arrays\" names no file that has arrays".to_owned(),
                        false => format!("the files of \"arrays\" have {}", known.join(", ")),
                    };
                    said(place, format!("no array {:?}: {there}", shortened(name)))
                })?;
                match found.next() {
                    Some(_) => Err(said(place, format!("array {:?} is in two files", shortened(name)))),
                    None => first.map_err(|error| error.within(&format!("problem: {place}"))),
                }
            }
            other => other.array(place),
        };
        let named = |key: &str| -> Result<Vec<(String, Tensor<f64>)>> {
            let Some(entries) = json.get(key) else { return Ok(Vec::new()) };
            let read = |(name, value): &(String, Json)| {
                Ok((name.clone(), array(value, &format!("{key}: {:?}", shortened(name)))?))
            };
            entries.entries(key)?.iter().map(read).collect()
        };
        let (parameters, data) = (named("params")?, named("data")?);
        if parameters.is_empty() {
            return Err(said("params", "there are none; give at least one array by its name"));
        }
        let constants = match json.get("constants") {
            None => Vec::new(),
            Some(constants) => constants
                .entries("constants")?
                .iter()
                .map(|(name, value)| Ok((name.clone(), value.number(&format!("constants: {:?}", shortened(name)))?)))
                .collect::<Result<Vec<_>>>()?,
        };
        let mut scope = Scope { items: HashMap::new(), constants: &constants, later: HashMap::new() };
        for (name, _) in parameters.iter().chain(&data) {
            scope.add(name, "params and data")?;
        }
        let list = json.get("nodes").ok_or_else(|| said("nodes", "is missing"))?.list("nodes")?;
        for (at, node) in list.iter().enumerate() {
            if let Some(Json::Text(name)) = node.get("name") {
                scope.later.entry(name).or_insert(at);
            }
        }
        let mut nodes = Vec::with_capacity(list.len());
        for (at, node) in list.iter().enumerate() {
            let node = Node::read(at, node, &scope)?;
            scope.add(&node.name, &format!("nodes: {:?}: name", shortened(&node.name)))?;
            nodes.push(node);
        }
        let output = json.get("output").ok_or_else(|| said("output", "is missing"))?.text("output")?;
        let output = scope.item(output).ok_or_else(|| said("output", format!("no node {:?}", shortened(output))))?;
        let value = json.get("value").filter(|value| **value != Json::Null);
        let value = value.map(|value| value.number("value")).transpose()?;
        let (hand, intermediates) = (named("hand")?, named("intermediates")?);
        if let Some((name, _)) = hand.iter().find(|(name, _)| !parameters.iter().any(|(known, _)| known == name)) {
            let why = "is not a parameter; gradients by nodes stand under \"intermediates\"";
            return Err(said("hand", format!("{:?} {why}", shortened(name))));
        }
        let n_by_parameters = hand.len();
        let hand = hand.into_iter().chain(intermediates).collect();
        let mut problem = Self { parameters, data, constants, nodes, output, hand, value, same_as: Vec::new() };
        problem.try_out()?;
        problem.check_intermediates(n_by_parameters)?;
        Ok(problem)
    }

    /// Whether hand-coded gradients, from this one on, are by nodes between a parameter and the output, each once.
    fn check_intermediates(&self, from: usize) -> Result<()> {
        let arrays = self.parameters.len() + self.data.len();
        let reads =
            |node: &Node, wanted: &[bool]| node.args.iter().any(|arg| matches!(*arg, Arg::Item(item) if wanted[item]));
        let mut active: Vec<bool> = (0..arrays).map(|at| at < self.parameters.len()).collect();
        for node in &self.nodes {
            active.push(reads(node, &active));
        }
        let mut leads = vec![false; active.len()];
        leads[self.output] = true;
        for (at, node) in self.nodes.iter().enumerate().rev().filter(|(at, _)| active[arrays + at]) {
            let leads_on = leads[arrays + at];
            for arg in &node.args {
                if let Arg::Item(item) = *arg {
                    leads[item] |= leads_on;
                }
            }
        }
        let places: HashMap<&str, usize> =
            self.nodes.iter().enumerate().map(|(at, node)| (node.name.as_str(), arrays + at)).collect();
        let name = |at: usize| self.hand[at].0.as_str();
        let mut taken: HashMap<&str, &str> = (0..from).map(|at| (name(at), name(at))).collect();
        for (name, _) in &self.hand[from..] {
            let place = format!("intermediates: {:?}", shortened(name));
            let Some(&at) = places.get(name.as_str()) else { return Err(said(&place, "is not a node")) };
            if !active[at] || !leads[at] {
                let why = "does not lead from a parameter to the output; give an array that it hangs on as a parameter";
                return Err(said(&place, why));
            }
            if let Some(other) = taken.insert(self.name(self.same_as[at]), name) {
                let why = format!("is the same variable as {:?}; give one gradient for the two", shortened(other));
                return Err(said(&place, why));
            }
        }
        Ok(())
    }

    /// Runs the function at the point, so that what does not fit is an error here.
    fn try_out(&mut self) -> Result<()> {
        let tape = Tape::new();
        let parameters: Vec<Var<'_, f64>> = self.parameters.iter().map(|(_, x)| tape.var(x)).collect();
        let mut taken = Cost { elements: 0, work: 0 };
        let items = self.items(&tape, &parameters, |node, args| {
            let shapes: Vec<Shape> = args.iter().map(|arg| arg.shape()).collect();
            let cost = Cost::of(&node.op_name, &shapes);
            taken.elements = taken.elements.saturating_add(cost.elements);
            taken.work = taken.work.saturating_add(cost.work);
            if taken.elements > MOST_ELEMENTS {
                return Err(Error::argument(format!("the values up to here have more than {MOST_ELEMENTS} elements")));
            }
            if taken.work > MOST_WORK {
                let why = "products and systems up to here take more than";
                return Err(Error::argument(format!("{why} {MOST_WORK} multiplications")));
            }
            Ok(())
        })?;
        let output = items[self.output];
        if output.rank() > 0 {
            let why = format!("{:?} has shape {}; reduce it to a number", self.name(self.output), output.shape());
            return Err(said("output", why));
        }
        let mut first = HashMap::new();
        let place = |(at, item): (usize, &Var<'_, f64>)| match item.is_constant() {
            true => at,
            false => *first.entry(item.id).or_insert(at),
        };
        self.same_as = items.iter().enumerate().map(place).collect();
        Ok(())
    }

    fn name(&self, item: usize) -> &str {
        let arrays = self.parameters.iter().chain(&self.data).map(|(name, _)| name);
        arrays.chain(self.nodes.iter().map(|node| &node.name)).nth(item).map_or("", String::as_str)
    }

    /// Every item on a tape.
    fn items<'t>(
        &self,
        tape: &'t Tape<f64>,
        parameters: &[Var<'t, f64>],
        mut check: impl FnMut(&Node, &[Var<'t, f64>]) -> Result<()>,
    ) -> Result<Vec<Var<'t, f64>>> {
        if parameters.len() != self.parameters.len() {
            let (wanted, given) = (self.parameters.len(), parameters.len());
            return Err(Error::argument(format!("problem: {wanted} parameters, {given} variables given")));
        }
        let mut items = parameters.to_vec();
        items.extend(self.data.iter().map(|(name, x)| tape.data(x).named(name)));
        for node in &self.nodes {
            let arg = |arg: &Arg| match *arg {
                Arg::Number(number) => tape.data(number),
                Arg::Item(item) => items[item],
            };
            let args: Vec<Var<'t, f64>> = node.args.iter().map(arg).collect();
            let place = || format!("problem: nodes: {:?}", shortened(&node.name));
            check(node, &args).map_err(|error| error.within(&place()))?;
            // What stands on one line, as the steps of a loop do, is known by it.
            let scope = node.line.map(|line| tape.scope(&format!("line {line}")));
            let item = node.op.record(&args).map_err(|error| error.within(&place()))?;
            drop(scope);
            let at = items.len();
            if self.same_as.get(at).is_none_or(|&first| first == at) {
                item.named(&node.name);
            }
            items.push(item);
        }
        Ok(items)
    }

    /// Records the function of these variables, one for each parameter in the order of the text, every node under its name and in a
    /// scope by its line.
    ///
    /// # Errors
    /// Another number of variables; an op that refuses its arguments, by its node.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tape, check::Problem};
    /// let nodes = r#"{"name": "y", "op": "powi", "n": 3, "args": ["x"]}"#;
    /// let problem = Problem::parse(&format!(r#"{{"params": {{"x": 2}}, "nodes": [{nodes}], "output": "y"}}"#))?;
    /// let tape = Tape::new();
    /// let x = tape.var(5.0);
    /// let y = problem.record(&tape, &[x])?;
    /// assert_eq!((y.item(), y.backward().item(x)), (125.0, 75.0));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn record<'t>(&self, tape: &'t Tape<f64>, parameters: &[Var<'t, f64>]) -> Result<Var<'t, f64>> {
        let items = self.items(tape, parameters, |_, _| Ok(()))?;
        Ok(items[self.output])
    }

    /// The comparison of the hand-coded gradients with autodiff, to be run. Where an op refuses its numbers beside the point (a matrix
    /// that is singular there), the function is NaN.
    pub fn compare(&self) -> Compare<'_> {
        self.compare_with(self.hand.iter().map(|(name, gradient)| (name.as_str(), gradient)))
    }

    /// The comparison of these hand-coded gradients, by parameters and nodes, in place of the problem's own.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tensor, check::Problem};
    /// let nodes = r#"{"name": "y", "op": "square", "args": ["x"]}"#;
    /// let problem = Problem::parse(&format!(r#"{{"params": {{"x": 3}}, "nodes": [{nodes}], "output": "y"}}"#))?;
    /// assert!(problem.compare_with([("x", &Tensor::scalar(6.0))]).run()?.agrees());
    /// assert!(!problem.compare_with([("x", &Tensor::scalar(3.0))]).run()?.agrees());
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn compare_with<'a>(&self, hand: impl IntoIterator<Item = (&'a str, &'a Tensor<f64>)>) -> Compare<'_> {
        let mut compare = Compare::new(|p| {
            // Away from the point an op may refuse its numbers: a singular matrix. There the function has no value.
            self.record(p[0].tape(), p).unwrap_or_else(|_| p[0].sum(()) * f64::NAN)
        });
        for (name, value) in &self.parameters {
            compare = compare.parameter(name, value);
        }
        for (name, value) in &self.constants {
            compare = compare.constant(name, *value);
        }
        for (name, gradient) in hand {
            compare = compare.hand(self.first_name(name), gradient);
        }
        compare
    }

    /// The value of the function as the hand-coded pass gives it, where the problem states one.
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// The name that a node's variable was recorded under.
    fn first_name<'a>(&'a self, name: &'a str) -> &'a str {
        let arrays = self.parameters.len() + self.data.len();
        let node = self.nodes.iter().position(|node| node.name == name);
        node.map_or(name, |node| self.name(self.same_as[arrays + node]))
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |arrays: &[(String, Tensor<f64>)]| arrays.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let mut shown = f.debug_struct("Problem");
        shown.field("parameters", &names(&self.parameters)).field("nodes", &self.nodes.len());
        shown.field("output", &self.name(self.output)).field("hand", &names(&self.hand)).finish_non_exhaustive()
    }
}

/// The names that a node's arguments may have.
struct Scope<'a> {
    items: HashMap<String, usize>,
    constants: &'a [(String, f64)],
    /// All nodes, by where they stand.
    later: HashMap<&'a str, usize>,
}

impl Scope<'_> {
    fn add(&mut self, name: &str, place: &str) -> Result<()> {
        let item = self.items.len();
        if self.items.insert(name.to_owned(), item).is_some() || self.constants.iter().any(|(known, _)| known == name) {
            return Err(said(place, format!("the name {:?} is given twice", shortened(name))));
        }
        Ok(())
    }
    fn item(&self, name: &str) -> Option<usize> {
        self.items.get(name).copied()
    }
    fn arg(&self, value: &Json, place: &str) -> Result<Arg> {
        let Json::Text(name) = value else { return value.number(place).map(Arg::Number) };
        if let Some(item) = self.item(name) {
            return Ok(Arg::Item(item));
        }
        if let Some((_, number)) = self.constants.iter().find(|(known, _)| known == name) {
            return Ok(Arg::Number(*number));
        }
        let why = match self.later.contains_key(name.as_str()) {
            true => "is itself, or stands further down: a node reads what stands before it",
            false => "is neither parameter, data, constant nor node",
        };
        Err(said(place, format!("{:?} {why}", shortened(name))))
    }
}

impl Node {
    fn read(at: usize, node: &Json, scope: &Scope<'_>) -> Result<Self> {
        let place = format!("nodes: number {at}");
        let entries = node.entries(&place)?;
        let part = |place: &str, key: &str| node.get(key).ok_or_else(|| said(place, format!("{key:?} is missing")));
        let name = part(&place, "name")?.text(&format!("{place}: name"))?;
        let place = format!("nodes: {:?}", shortened(name));
        let op_name = part(&place, "op")?.text(&format!("{place}: op"))?;
        let args_place = format!("{place}: args");
        let args = part(&place, "args")?.each(&args_place, |arg, place| scope.arg(arg, place))?;
        let line = node.get("line").filter(|line| **line != Json::Null);
        let line = line.map(|line| line.count(&format!("{place}: line"))).transpose()?;
        let known = ["name", "op", "args", "statement", "line"];
        let rest = entries.iter().filter(|(key, _)| !known.contains(&key.as_str()));
        let attributes = Attributes::new(place, rest.map(|(key, value)| (key.as_str(), value)));
        let op = Op::read(op_name, &attributes, args.len())?;
        Ok(Self { name: name.to_owned(), op, op_name: op_name.to_owned(), args, line })
    }
}
