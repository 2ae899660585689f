//! The functions that a text may call: NumPy's, and those of the crate's registry.
//!
//! Elementwise ones come from the registry. The others stand in one table, a line each: names, parameters in NumPy's order, and what
//! they do with them. A function is known by its bare name, as in the prelude for Python, and where NumPy has it with `np.`; a method
//! is the function of the same name with the value as its first argument.

mod table;

use crate::error::{Error, Result};
use crate::num::elementwise::registry::for_each_binary;
use crate::num::elementwise::{self, BinaryOp, UnaryOp};
use crate::ops;
use crate::tape::Var;
use crate::tensor::{Axes, Shape, Tensor, keep};
use crate::text::index::whole_number;
use crate::text::number::{Data, Kind, Operand, arithmetic, binary, map1, map2, product, unary, whole};
use crate::text::run::{Machine, nearest, truth};
use crate::text::syntax::Sign;
use crate::text::value::{Array, Value};
use std::rc::Rc;
use table::FUNCTIONS;

fn said(what: impl Into<String>) -> Error {
    Error::argument(what)
}

/// NumPy's names of elementwise functions, and the registry's.
const RENAMED: [(&str, &str); 24] = [
    ("absolute", "abs"),
    ("fabs", "abs"),
    ("log", "ln"),
    ("arcsin", "asin"),
    ("arccos", "acos"),
    ("arctan", "atan"),
    ("arcsinh", "asinh"),
    ("arccosh", "acosh"),
    ("arctanh", "atanh"),
    ("arctan2", "atan2"),
    ("rint", "round"),
    ("around", "round"),
    ("negative", "neg"),
    ("power", "pow"),
    ("multiply", "mul"),
    ("subtract", "sub"),
    ("divide", "div"),
    ("true_divide", "div"),
    ("less_equal", "less_equal"),
    ("fmax", "maximum"),
    ("fmin", "minimum"),
    ("float_power", "pow"),
    ("log_softplus", "log_sigmoid"),
    ("inverse", "inv"),
];

/// Elementwise functions that NumPy has under the registry's name.
const NUMPYS: [&str; 35] = [
    "abs",
    "sign",
    "square",
    "sqrt",
    "cbrt",
    "reciprocal",
    "exp",
    "exp2",
    "expm1",
    "log2",
    "log10",
    "log1p",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "sinc",
    "floor",
    "ceil",
    "round",
    "add",
    "hypot",
    "maximum",
    "minimum",
    "logaddexp",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "equal",
    "not_equal",
    "arctan2",
    "pow",
];

/// Functions of whole numbers that give whole numbers.
const WHOLE: [&str; 9] = ["neg", "abs", "sign", "square", "floor", "ceil", "round", "maximum", "minimum"];

const RELATIONS: [&str; 6] = ["greater", "greater_equal", "less", "less_equal", "equal", "not_equal"];

macro_rules! unary_names {
    ($($(#[$doc:meta])* $method:ident $(($($arg:ident : $ty:ty),+))? => $Op:ident;)*) => {
        const UNARY: &[(&str, &[&str])] = &[$((stringify!($method), &[$($(stringify!($arg)),+)?])),*];
        /// The op of a name with its parameters, in order.
        fn unary_op(name: &str, given: &[f64]) -> Option<UnaryOp> {
            let mut given = given.iter();
            let _ = &mut given;
            Some(match name {
                $(stringify!($method) => {
                    UnaryOp::$Op(elementwise::$Op $({ $($arg: *given.next()? as $ty),+ })?)
                })*
                _ => return None,
            })
        }
    };
}
crate::for_each_unary!(unary_names);

macro_rules! binary_names {
    (operators { $($operators:tt)* } inside { $($inside:tt)* } methods { $($methods:tt)* }) => {
        binary_names! { $($operators)* $($methods)* }
    };
    ($($(#[$doc:meta])* $method:ident $try_method:ident => $Op:ident;)*) => {
        const BINARY: &[&str] = &[$(stringify!($method)),*];
        fn binary_op(name: &str) -> Option<BinaryOp> {
            Some(match name {
                $(stringify!($method) => BinaryOp::$Op(elementwise::$Op),)*
                _ => return None,
            })
        }
    };
}
for_each_binary!(binary_names);

/// A function that is no elementwise one.
struct Function {
    names: &'static str,
    /// Parameters in order; those with `?` may be left out.
    params: &'static str,
    /// Whether NumPy has it.
    numpy: bool,
    /// Whether arrays have it as a method.
    method: bool,
    run: for<'t> fn(&mut Machine<'t, '_>, &Given<'t>) -> Result<Value<'t>>,
}

/// The arguments of a call, by parameter.
struct Given<'t> {
    name: &'static str,
    values: Vec<(&'static str, Option<Value<'t>>)>,
}

impl<'t> Given<'t> {
    fn get(&self, param: &str) -> Option<&Value<'t>> {
        let found = self.values.iter().find(|(name, _)| *name == param).and_then(|(_, value)| value.as_ref());
        found.filter(|value| !matches!(value, Value::None))
    }
    fn need(&self, param: &str) -> Result<&Value<'t>> {
        self.get(param).ok_or_else(|| said(format!("{param} is missing")))
    }
    fn array(&self, m: &Machine<'t, '_>, param: &str) -> Result<Operand<'t>> {
        m.operand(self.need(param)?)
    }
    fn flag(&self, m: &mut Machine<'t, '_>, param: &str) -> Result<bool> {
        match self.get(param) {
            None => Ok(false),
            Some(value) => m.truth(value, Default::default()).map_err(|fault| said(fault.message().to_owned())),
        }
    }
    fn whole(&self, m: &Machine<'t, '_>, param: &str) -> Result<Option<i64>> {
        self.get(param).map(|value| m.whole(value, param)).transpose()
    }
    /// One axis, several, or all.
    fn axes(&self, m: &mut Machine<'t, '_>) -> Result<Axes> {
        let keepdims = self.flag(m, "keepdims")?;
        let axes = match self.get("axis") {
            None => Axes::ALL,
            Some(Value::Tuple(all)) => {
                let all =
                    all.iter().map(|axis| m.whole(axis, "axis").map(|i| i as isize)).collect::<Result<Vec<_>>>()?;
                Axes::from(&all[..])
            }
            Some(one) => Axes::from(m.whole(one, "axis")? as isize),
        };
        Ok(if keepdims { keep(axes) } else { axes })
    }
    fn axis(&self, m: &Machine<'t, '_>, rank: usize) -> Result<Option<usize>> {
        let Some(axis) = self.whole(m, "axis")? else { return Ok(None) };
        let at = if axis < 0 { axis + rank as i64 } else { axis };
        match usize::try_from(at) {
            Ok(at) if at < rank => Ok(Some(at)),
            _ => Err(said(format!("axis {axis} of an array of {rank} axes"))),
        }
    }
    /// Lengths: a number, or several.
    fn shape(&self, m: &Machine<'t, '_>, param: &str) -> Result<Vec<usize>> {
        lengths(m, self.need(param)?)
    }
    fn kind(&self) -> Result<Option<Kind>> {
        self.get("dtype").map(kind_of).transpose()
    }
}

/// Whole numbers of a value: one, or several.
fn wholes<'t>(m: &Machine<'t, '_>, value: &Value<'t>, what: &str) -> Result<Vec<i64>> {
    match value {
        Value::Tuple(_) | Value::List(_) => m.elements_of(value)?.iter().map(|x| m.whole(x, what)).collect(),
        Value::Array(array) if m.state.heap.shape(array).len() == 1 => {
            m.elements_of(value)?.iter().map(|x| m.whole(x, what)).collect()
        }
        other => Ok(vec![m.whole(other, what)?]),
    }
}

fn lengths<'t>(m: &Machine<'t, '_>, value: &Value<'t>) -> Result<Vec<usize>> {
    let all = wholes(m, value, "a length")?;
    all.into_iter().map(|n| usize::try_from(n).map_err(|_| said(format!("{n} is no length")))).collect()
}

/// Lengths of which one may be -1: what is left.
fn lengths_of<'t>(m: &Machine<'t, '_>, value: &Value<'t>, numel: usize) -> Result<Vec<usize>> {
    let all = wholes(m, value, "a length")?;
    let open = all.iter().filter(|&&n| n == -1).count();
    let known: usize =
        all.iter().filter(|&&n| n >= 0).map(|&n| n as usize).try_fold(1usize, usize::checked_mul).unwrap_or(0);
    if open > 1 || all.iter().any(|&n| n < -1) || open == 1 && (known == 0 || !numel.is_multiple_of(known)) {
        return Err(Error::shape(format!("{numel} elements in lengths {all:?}")));
    }
    Ok(all.into_iter().map(|n| if n == -1 { numel / known } else { n as usize }).collect())
}

fn kind_of(value: &Value<'_>) -> Result<Kind> {
    let name = match value {
        Value::Builtin(name) | Value::Text(name) => name.clone(),
        _ => return Err(said("dtype is float, int or bool")),
    };
    match &*name {
        "float" | "float64" | "double" => Ok(Kind::Float),
        "int" | "int64" => Ok(Kind::Int),
        "bool" | "bool_" => Ok(Kind::Bool),
        other => Err(said(format!("dtype {other} is not known; float, int and bool are"))),
    }
}

fn known(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.names.split(' ').any(|known| known == name))
}

fn registry(name: &str) -> Option<&str> {
    let own = RENAMED.iter().find(|(numpy, _)| *numpy == name).map_or(name, |(_, own)| own);
    (UNARY.iter().any(|(known, _)| *known == own) || BINARY.contains(&own)).then_some(own)
}

/// Names that Python itself has.
const PYTHONS: [&str; 15] = [
    "len",
    "range",
    "reversed",
    "float",
    "int",
    "bool",
    "enumerate",
    "zip",
    "list",
    "tuple",
    "print",
    "load",
    "isinstance",
    "sorted",
    "str",
];

/// The sum without `np.`: of a list of arrays it is another array, and `np.sum` a number.
const PYTHONS_SUM: &str = "Python's sum";

fn holds_arrays(m: &Machine<'_, '_>, list: &Value<'_>) -> bool {
    m.held(list).iter().any(|x| matches!(x, Value::Array(array) if !m.state.heap.shape(array).is_empty()))
}

/// What a bare name is, where no value has it.
pub(in crate::text) fn bare<'t>(name: &str) -> Option<Value<'t>> {
    match name {
        "pi" => return Some(float(std::f64::consts::PI)),
        "inf" => return Some(float(f64::INFINITY)),
        "nan" => return Some(float(f64::NAN)),
        _ => {}
    }
    let is = PYTHONS[..13].contains(&name) && name != "str"
        || registry(name).is_some()
        || known(name).is_some_and(|f| !f.names.contains('.'));
    match name {
        "sum" => Some(Value::Builtin(PYTHONS_SUM.into())),
        _ => (is || name == "linalg").then(|| Value::Builtin(name.into())),
    }
}

pub(in crate::text) fn bare_names() -> impl Iterator<Item = &'static str> {
    let names = FUNCTIONS.iter().flat_map(|function| function.names.split(' ')).filter(|name| !name.contains('.'));
    let registry = UNARY.iter().map(|(name, _)| *name).chain(BINARY.iter().copied());
    names.chain(registry).chain(RENAMED.iter().map(|(name, _)| *name)).chain(PYTHONS[..13].iter().copied())
}

fn float<'t>(x: f64) -> Value<'t> {
    Value::Number(Operand { data: Data::Number(x), kind: Kind::Float, python: true })
}

/// `np.name`, `math.name`.
pub(in crate::text) fn of_module<'t>(module: &str, name: &Rc<str>) -> Result<Value<'t>> {
    match &**name {
        "pi" => return Ok(float(std::f64::consts::PI)),
        "e" => return Ok(float(std::f64::consts::E)),
        "inf" => return Ok(float(f64::INFINITY)),
        "nan" => return Ok(float(f64::NAN)),
        "newaxis" if module != "math" => return Ok(Value::None),
        "float64" | "int64" | "bool_" | "double" if module != "math" => return Ok(Value::Builtin(name.clone())),
        "linalg" if module != "math" => return Ok(Value::Builtin(name.clone())),
        _ => {}
    }
    if module == "math" {
        let maths = [
            "exp", "log", "log2", "log10", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan",
            "sinh", "cosh", "tanh", "erf", "erfc", "floor", "ceil", "fabs", "pow", "hypot", "atan2", "lgamma",
        ];
        return match maths.contains(&&**name) {
            true => Ok(Value::Builtin(name.clone())),
            false => Err(said(format!("math.{name} is not known; {} are", maths.join(", ")))),
        };
    }
    let own = registry(name);
    let numpys = own.is_some() && (NUMPYS.contains(&&**name) || RENAMED.iter().any(|(numpy, _)| *numpy == &**name));
    if numpys || known(name).is_some_and(|function| function.numpy) {
        return Ok(Value::Builtin(name.clone()));
    }
    if own.is_some() || known(name).is_some() {
        return Err(said(format!("numpy has no {name}; without np. it is known here")));
    }
    let all: Vec<&str> = FUNCTIONS
        .iter()
        .filter(|function| function.numpy)
        .flat_map(|function| function.names.split(' '))
        .chain(NUMPYS)
        .chain(RENAMED.iter().map(|(name, _)| *name))
        .collect();
    Err(said(match nearest(name, &all) {
        Some(near) => format!("np.{name} is not known; is np.{near} meant?"),
        None => format!(
            "np.{name} is not known here; {} and more are",
            ["exp", "log", "sum", "mean", "dot", "where", "einsum", "linalg.solve"].join(", ")
        ),
    }))
}

/// The values of parameters; an error says which there are.
fn bind<'t>(
    function: &'static str,
    params: &'static str,
    args: Vec<Value<'t>>,
    named: Vec<(Rc<str>, Value<'t>)>,
) -> Result<Given<'t>> {
    let mut values: Vec<(&'static str, Option<Value<'t>>)> =
        params.split_whitespace().map(|p| (p.trim_end_matches('?'), None)).collect();
    let all = || params.split_whitespace().map(|p| p.trim_end_matches('?')).collect::<Vec<_>>().join(", ");
    if args.len() > values.len() {
        return Err(said(format!("{} arguments; it takes {}", args.len(), all())));
    }
    for (value, arg) in values.iter_mut().zip(args) {
        value.1 = Some(arg);
    }
    for (name, arg) in named {
        let Some(value) = values.iter_mut().find(|(known, _)| *known == &*name) else {
            return Err(said(format!("there is no parameter {name}; it takes {}", all())));
        };
        if value.1.replace(arg).is_some() {
            return Err(said(format!("{name} is given twice")));
        }
    }
    for (param, (name, value)) in params.split_whitespace().zip(&values) {
        if !param.ends_with('?') && value.is_none() {
            return Err(said(format!("{name} is missing; it takes {}", all())));
        }
    }
    Ok(Given { name: function, values })
}

/// Calls a function by its name.
pub(in crate::text) fn call<'t>(
    m: &mut Machine<'t, '_>,
    name: &Rc<str>,
    args: Vec<Value<'t>>,
    named: Vec<(Rc<str>, Value<'t>)>,
) -> Result<Value<'t>> {
    let within = |error: Error| match error.to_string().starts_with(&format!("{name}:")) {
        true => error,
        false => error.within(name),
    };
    if PYTHONS.contains(&&**name) {
        return pythons(m, name, args, named).map_err(within);
    }
    // Python's own max and min of numbers, and sums of lists.
    if ["max", "min"].contains(&&**name) && args.len() > 1 && args.iter().all(|x| matches!(x, Value::Number(_))) {
        let op = if &**name == "max" { "maximum" } else { "minimum" };
        let mut all = args.into_iter();
        let first = all.next().unwrap_or(Value::None);
        return all.try_fold(first, |x, y| elementwise_call(m, op, vec![x, y], vec![])).map_err(within);
    }
    // Python's own goes over a list's elements, whatever they are.
    if &**name == PYTHONS_SUM {
        return match (&args[..], &named[..]) {
            ([list @ (Value::List(_) | Value::Tuple(_))], []) if holds_arrays(m, list) => {
                let all = m.elements_of(list)?;
                let mut sum = Operand { data: Data::Number(0.0), kind: Kind::Int, python: true };
                for x in &all {
                    let x = m.operand(x)?;
                    let shape = Shape::broadcast("sum", &sum.data.shape(), &x.data.shape())?;
                    m.makes(shape.numel())?;
                    sum = arithmetic(Sign::Add, &sum, &x)?;
                }
                Ok(m.given(sum))
            }
            _ => call(m, &"sum".into(), args, named),
        };
    }
    if let Some(function) = known(name) {
        let first = function.names.split(' ').next().unwrap_or(function.names);
        let given = bind(first, function.params, args, named).map_err(within)?;
        return (function.run)(m, &given).map_err(within);
    }
    match registry(name) {
        Some(own) => elementwise_call(m, own, args, named).map_err(within),
        None => Err(said(format!("{name} is not known"))),
    }
}

/// An elementwise function of the registry.
fn elementwise_call<'t>(
    m: &mut Machine<'t, '_>,
    own: &str,
    args: Vec<Value<'t>>,
    named: Vec<(Rc<str>, Value<'t>)>,
) -> Result<Value<'t>> {
    if let Some((_, params)) = UNARY.iter().find(|(known, _)| *known == own) {
        let mut values: Vec<Option<Value<'t>>> = vec![None; params.len() + 1];
        if args.len() > values.len() {
            return Err(said(format!(
                "{} arguments; it takes x{}",
                args.len(),
                params.iter().map(|p| format!(", {p}")).collect::<String>()
            )));
        }
        for (value, arg) in values.iter_mut().zip(args) {
            *value = Some(arg);
        }
        for (name, arg) in named {
            let at =
                if &*name == "x" { Some(0) } else { params.iter().position(|known| **known == *name).map(|at| at + 1) };
            let Some(at) = at else { return Err(said(format!("there is no parameter {name}"))) };
            values[at] = Some(arg);
        }
        let mut given = Vec::new();
        for (param, value) in params.iter().zip(&values[1..]) {
            let value = value.as_ref().ok_or_else(|| said(format!("{param} is missing")))?;
            let x = m.operand(value)?;
            if x.data.is_recorded() || x.data.shape().rank() > 0 {
                return Err(said(format!("{param} is a plain number")));
            }
            if *param == "n" && x.kind != Kind::Int {
                return Err(said(format!("{param} is a whole number")));
            }
            given.push(x.data.item());
        }
        let x = values[0].as_ref().ok_or_else(|| said("x is missing"))?;
        let x = m.operand(x)?;
        m.makes(x.data.shape().numel())?;
        let op = unary_op(own, &given).ok_or_else(|| said("is not known"))?;
        let kind = match x.kind {
            Kind::Float => Kind::Float,
            Kind::Int if WHOLE.contains(&own) => Kind::Int,
            Kind::Int if own == "reciprocal" => return Err(said("of whole numbers; write 1 / x")),
            Kind::Bool if own == "abs" => Kind::Bool,
            // NumPy computes these of booleans in half precision, or not at all.
            Kind::Bool => return Err(said("of booleans; write x.astype(float)")),
            Kind::Int => Kind::Float,
        };
        let mut data = unary(op, &x.data)?;
        if kind == Kind::Int && !data.is_recorded() {
            // A whole 0 has no sign.
            data = whole(own, kind, binary(BinaryOp::Add(ops::Add), &data, &Data::Number(0.0))?)?;
        }
        return Ok(m.given(Operand { data, kind, python: false }));
    }
    let [x, y] = &args[..] else { return Err(said(format!("{} arguments; it takes two", args.len()))) };
    if !named.is_empty() {
        return Err(said(format!("there is no parameter {}", named[0].0)));
    }
    let (x, y) = (m.operand(x)?, m.operand(y)?);
    let sign = match own {
        "add" => Some(Sign::Add),
        "sub" => Some(Sign::Sub),
        "mul" => Some(Sign::Mul),
        "div" => Some(Sign::Div),
        "pow" => Some(Sign::Pow),
        _ => None,
    };
    let shape = Shape::broadcast(own, &x.data.shape(), &y.data.shape())?;
    m.makes(shape.numel())?;
    if let Some(sign) = sign {
        // NumPy's, and not Python's, numbers.
        let x = Operand { python: false, ..x };
        let result = arithmetic(sign, &x, &y)?;
        return Ok(m.given(result));
    }
    let kind = if RELATIONS.contains(&own) {
        Kind::Bool
    } else if WHOLE.contains(&own) {
        x.kind.max(y.kind)
    } else {
        Kind::Float
    };
    let op = binary_op(own).ok_or_else(|| said("is not known"))?;
    let data = binary(op, &x.data, &y.data)?;
    Ok(m.given(Operand { data, kind, python: false }))
}

/// What Python has without NumPy.
fn pythons<'t>(
    m: &mut Machine<'t, '_>,
    name: &str,
    args: Vec<Value<'t>>,
    named: Vec<(Rc<str>, Value<'t>)>,
) -> Result<Value<'t>> {
    if name == "print" {
        return Ok(Value::None);
    }
    if let Some((keyword, _)) = named.first() {
        return Err(said(format!("there is no parameter {keyword}")));
    }
    match (name, &args[..]) {
        ("len", [Value::Array(array)]) => {
            let shape = m.state.heap.shape(array);
            let n = shape.first().ok_or_else(|| said("an array of no axes has no length"))?;
            Ok(whole_number(*n as i64))
        }
        ("len", [Value::Number(_)]) => Err(said("a number has no length")),
        ("len", [Value::Text(text)]) => Ok(whole_number(text.chars().count() as i64)),
        ("len", [x @ (Value::List(_) | Value::Tuple(_))]) => Ok(whole_number(m.held(x).len() as i64)),
        ("len", [x]) => Ok(whole_number(m.elements_of(x)?.len() as i64)),
        ("range", all) if (1..=3).contains(&all.len()) => {
            let all = all.iter().map(|x| m.whole(x, "range")).collect::<Result<Vec<_>>>()?;
            let far = |x: &i64| x.unsigned_abs() > 1 << 53;
            if all.iter().any(far) || all.get(2) == Some(&0) {
                return Err(said("a range goes by steps that are not 0, to whole numbers up to 2^53"));
            }
            Ok(match all[..] {
                [to] => Value::Range(0, to, 1),
                [from, to] => Value::Range(from, to, 1),
                _ => Value::Range(all[0], all[1], all[2]),
            })
        }
        ("reversed", [x]) => {
            let all = m.elements_of(x)?;
            Ok(Value::Tuple(all.into_iter().rev().collect()))
        }
        ("enumerate", [x]) => {
            let all = m.elements_of(x)?.into_iter().enumerate();
            Ok(Value::Tuple(all.map(|(i, x)| Value::Tuple([whole_number(i as i64), x].into())).collect()))
        }
        ("zip", all) => {
            let all = all.iter().map(|x| m.elements_of(x)).collect::<Result<Vec<_>>>()?;
            let n = all.iter().map(Vec::len).min().unwrap_or(0);
            Ok(Value::Tuple((0..n).map(|i| Value::Tuple(all.iter().map(|x| x[i].clone()).collect())).collect()))
        }
        ("list", []) => Ok(m.heap().list(vec![])),
        ("list", [x]) => {
            let all = m.elements_of(x)?;
            Ok(m.heap().list(all))
        }
        ("tuple", [x]) => Ok(Value::Tuple(m.elements_of(x)?.into())),
        ("float" | "int" | "bool", [x]) => {
            let x = m.operand(x)?;
            if x.data.shape().numel() != 1 || x.data.shape().rank() > 0 {
                return Err(said(format!(
                    "an array of shape {} is no number; write .astype({name}) or .item()",
                    x.data.shape()
                )));
            }
            let (data, kind) = match name {
                "float" => (x.data.clone(), Kind::Float),
                "int" => (Data::Number(x.data.item().trunc()), Kind::Int),
                _ => (Data::Number(f64::from(u8::from(x.data.item() != 0.0))), Kind::Bool),
            };
            if name == "int" && !x.data.item().is_finite() {
                return Err(said(format!("{} is no whole number", x.data.item())));
            }
            Ok(Value::Number(Operand { data, kind, python: true }))
        }
        ("load", [Value::Text(file)] | [Value::Text(file), Value::Text(_)]) => {
            let name = match args.get(1) {
                Some(Value::Text(name)) => Some(&**name),
                _ => None,
            };
            let Some(loader) = m.options.loader.clone() else {
                return Err(said("files are not read here; write the numbers into the text"));
            };
            let tensor = loader(file, name)?;
            m.makes(tensor.0.len())?;
            let data =
                if tensor.0.shape().rank() == 0 { Data::Number(tensor.0.item()) } else { Data::Tensor(tensor.0) };
            Ok(m.heap().array(data, tensor.1))
        }
        (_, all) => Err(said(format!("{} arguments of these kinds are not known", all.len()))),
    }
}

/// Methods of arrays that are not functions of the same name with the same parameters.
const METHODS: [&str; 9] = ["reshape", "transpose", "astype", "item", "tolist", "append", "extend", "pop", "fill"];

pub(in crate::text) fn has_method<'t>(m: &Machine<'t, '_>, value: &Value<'t>, name: &str) -> Result<()> {
    let fits = match value {
        Value::List(_) => ["append", "extend", "pop", "insert", "reverse", "copy"].contains(&name),
        Value::Array(_) | Value::Number(_) => {
            known(name).is_some_and(|function| function.method)
                || METHODS[..5].contains(&name)
                || ["fill", "round"].contains(&name)
        }
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let known: Vec<&str> = match value {
        Value::List(_) => vec!["append", "extend", "pop", "insert", "reverse", "copy"],
        _ => FUNCTIONS
            .iter()
            .filter(|f| f.method)
            .flat_map(|f| f.names.split(' '))
            .chain(METHODS[..5].iter().copied())
            .chain(["T", "shape", "size", "ndim"])
            .collect(),
    };
    Err(said(match nearest(name, &known) {
        Some(near) => format!("{} has no {name}; is {near} meant?", m.what(value)),
        None => format!("{} has no {name}; known are {}", m.what(value), known.join(", ")),
    }))
}

/// Calls a method.
pub(in crate::text) fn method<'t>(
    m: &mut Machine<'t, '_>,
    x: Value<'t>,
    name: &Rc<str>,
    mut args: Vec<Value<'t>>,
    named: Vec<(Rc<str>, Value<'t>)>,
) -> Result<Value<'t>> {
    let own = |error: Error| error.within(name);
    if let Value::List(list) = x {
        return method_of_list(m, list, name, args, named).map_err(own);
    }
    match &**name {
        "reshape" | "transpose" if named.is_empty() => {
            let one = match &args[..] {
                [Value::Tuple(_) | Value::List(_)] => args.remove(0),
                [] if &**name == "transpose" => Value::None,
                all => Value::Tuple(all.to_vec().into()),
            };
            return call(m, name, vec![x, one], vec![]);
        }
        "item" | "tolist" if args.is_empty() && named.is_empty() => {
            let value = m.operand(&x)?;
            if &**name == "item" {
                if value.data.shape().numel() != 1 {
                    return Err(said(format!("item: an array of shape {} is not one number", value.data.shape())));
                }
                let data = map1(&value.data, |x| x.try_reshape(Shape::scalar()), |x| x.try_reshape(Shape::scalar()))?;
                return Ok(Value::Number(Operand { data, python: true, ..value }));
            }
            let all = m.elements_of(&x)?;
            let mut list = Vec::with_capacity(all.len());
            for value in all {
                list.push(match value {
                    Value::Array(_) => method(m, value, name, vec![], vec![])?,
                    Value::Number(x) => Value::Number(Operand { python: true, ..x }),
                    other => other,
                });
            }
            return Ok(m.heap().list(list));
        }
        "fill" => {
            let [value] = &args[..] else { return Err(said("fill: one number")) };
            m.assign_at(&x, &Value::Ellipsis, value.clone()).map_err(own)?;
            return Ok(Value::None);
        }
        _ => {}
    }
    args.insert(0, x);
    call(m, name, args, named)
}

fn method_of_list<'t>(
    m: &mut Machine<'t, '_>,
    list: usize,
    name: &str,
    mut args: Vec<Value<'t>>,
    named: Vec<(Rc<str>, Value<'t>)>,
) -> Result<Value<'t>> {
    if let Some((name, _)) = named.first() {
        return Err(said(format!("there is no parameter {name}")));
    }
    m.makes(args.len())?;
    match (name, args.len()) {
        ("append", 1) => {
            let value = args.remove(0);
            m.state.heap.elements_mut(list).push(value);
        }
        ("extend", 1) => {
            let more = m.elements_of(&args[0])?;
            m.makes(more.len())?;
            m.state.heap.elements_mut(list).extend(more);
        }
        ("pop", 0) => {
            return m.state.heap.elements_mut(list).pop().ok_or_else(|| said("the list is empty"));
        }
        ("pop" | "insert", n) if n == usize::from(name == "insert") + 1 => {
            let i = m.whole(&args[0], "an index")?;
            let length = m.state.heap.elements(list).len() as i64;
            let at = if i < 0 { i + length } else { i };
            if name == "insert" {
                let value = args.remove(1);
                m.state.heap.elements_mut(list).insert(at.clamp(0, length) as usize, value);
                return Ok(Value::None);
            }
            if at < 0 || at >= length {
                return Err(said(format!("index {i} is out of range for a list of length {length}")));
            }
            return Ok(m.state.heap.elements_mut(list).remove(at as usize));
        }
        ("reverse", 0) => m.state.heap.elements_mut(list).reverse(),
        ("copy", 0) => {
            let all = m.elements_of(&Value::List(list))?;
            return Ok(m.heap().list(all));
        }
        (_, n) => return Err(said(format!("{n} arguments are not known for it"))),
    }
    Ok(Value::None)
}

/// How much a product costs, in elements.
pub(in crate::text) fn work_of_product(a: &Shape, b: &Shape) -> usize {
    let inner = a.last().copied().unwrap_or(1).max(1);
    let rows = a.numel() / inner;
    let columns = b.numel() / inner;
    rows.saturating_mul(columns.max(1)).saturating_mul(1 + inner / 64)
}

type Plain = Result<Tensor<f64>>;

/// A function of one array, over axes.
fn reduced<'t>(
    m: &mut Machine<'t, '_>,
    c: &Given<'t>,
    kind: impl Fn(Kind) -> Kind,
    plain: impl Fn(&Tensor<f64>, Axes) -> Plain,
    recorded: impl Fn(Var<'t, f64>, Axes) -> Result<Var<'t, f64>>,
) -> Result<Value<'t>> {
    let x = c.array(m, "a")?;
    let axes = c.axes(m)?;
    m.makes(x.data.shape().numel())?;
    let data = map1(&x.data, |x| plain(x, axes.clone()), |x| recorded(x, axes.clone()))?;
    let kind = kind(x.kind);
    let data = whole(c.name, kind, data)?;
    Ok(m.given(Operand { data, kind, python: false }))
}

/// The same of a function that keeps the shape.
fn mapped<'t>(
    m: &mut Machine<'t, '_>,
    x: &Operand<'t>,
    kind: Kind,
    plain: impl Fn(&Tensor<f64>) -> Plain,
    recorded: impl Fn(Var<'t, f64>) -> Result<Var<'t, f64>>,
) -> Result<Value<'t>> {
    m.makes(x.data.shape().numel())?;
    let data = whole("the result", kind, map1(&x.data, plain, recorded)?)?;
    Ok(m.given(Operand { data, kind, python: false }))
}

fn same(kind: Kind) -> Kind {
    kind
}
fn counted(kind: Kind) -> Kind {
    kind.max(Kind::Int)
}
fn fractional(_: Kind) -> Kind {
    Kind::Float
}

fn no_nan(x: &Operand<'_>) -> Result<()> {
    match x.data.value().is_empty() {
        true => Err(said("of no elements")),
        false => Ok(()),
    }
}

fn full<'t>(m: &mut Machine<'t, '_>, shape: &[usize], value: f64, kind: Kind) -> Result<Value<'t>> {
    let shape = Shape::new(shape)?;
    m.makes(shape.numel())?;
    let data = if shape.rank() == 0 { Data::Number(value) } else { Data::Tensor(Tensor::full(&shape, value)) };
    Ok(m.heap().array(data, kind))
}

/// Values as another kind.
fn converted<'t>(x: &Operand<'t>, kind: Kind) -> Result<Data<'t>> {
    if x.kind <= kind {
        return Ok(x.data.clone());
    }
    let value = x.data.value();
    if kind == Kind::Int && value.iter().any(|x| !x.is_finite() || x.abs() > crate::text::number::LARGEST) {
        return Err(said("a value is no whole number up to 2^53"));
    }
    let value = value.map(|x| match kind {
        Kind::Bool => f64::from(u8::from(x != 0.0)),
        _ => x.trunc() + 0.0,
    });
    Ok(Data::Tensor(value).settled())
}

/// A new array of a value, with axes even where it has none.
fn fresh<'t>(m: &mut Machine<'t, '_>, x: &Operand<'t>, kind: Kind) -> Result<Value<'t>> {
    m.makes(x.data.shape().numel())?;
    let data = converted(x, kind)?;
    Ok(m.heap().array(data, kind))
}

fn arrays<'t>(m: &mut Machine<'t, '_>, value: &Value<'t>) -> Result<(Vec<Operand<'t>>, Kind)> {
    let all = m.elements_of(value)?.iter().map(|x| m.operand(x)).collect::<Result<Vec<_>>>()?;
    if all.is_empty() {
        return Err(said("of no arrays"));
    }
    let kind = all.iter().map(|x| x.kind).max().unwrap_or(Kind::Float);
    m.makes(all.iter().map(|x| x.data.shape().numel()).sum())?;
    Ok((all, kind))
}

/// Several arrays as one: on the tape of those that are on one.
fn joined<'t>(
    all: &[Operand<'t>],
    plain: impl Fn(&[Tensor<f64>]) -> Plain,
    recorded: impl Fn(&[Var<'t, f64>]) -> Result<Var<'t, f64>>,
) -> Result<Data<'t>> {
    let tape = all.iter().find_map(|x| match x.data {
        Data::Var(var) => Some(var.home()),
        _ => None,
    });
    Ok(match tape {
        Some(tape) => Data::Var(recorded(&all.iter().map(|x| x.data.var(tape)).collect::<Vec<_>>())?),
        None => Data::Tensor(plain(&all.iter().map(|x| x.data.value()).collect::<Vec<_>>())?),
    })
}

fn reshaped<'t>(x: &Operand<'t>, shape: &[usize]) -> Result<Operand<'t>> {
    let data = map1(&x.data, |x| x.try_reshape(shape), |x| x.try_reshape(shape))?;
    let data = match data {
        Data::Number(n) if !shape.is_empty() => Data::Tensor(Tensor::full(shape, n)),
        other => other,
    };
    Ok(Operand { data, ..x.clone() })
}

/// NumPy's dot: a product with a number, of vectors, of matrices.
fn dot<'t>(m: &mut Machine<'t, '_>, x: &Operand<'t>, y: &Operand<'t>) -> Result<Value<'t>> {
    let (a, b) = (x.data.shape(), y.data.shape());
    let sign = if a.rank() == 0 || b.rank() == 0 { Sign::Mul } else { Sign::MatMul };
    if sign == Sign::MatMul && (a.rank() > 2 && b.rank() > 1 || b.rank() > 2) {
        return Err(said("of more than two axes; write @, matmul or einsum"));
    }
    m.makes(work_of_product(&a, &b))?;
    let result = arithmetic(sign, &Operand { python: false, ..x.clone() }, y)?;
    Ok(m.given(result))
}

/// Sums of products over letters: `ij,jk->ik`.
fn einsum<'t>(m: &mut Machine<'t, '_>, letters: &str, all: &[Operand<'t>]) -> Result<Value<'t>> {
    let letters: String = letters.chars().filter(|c| !c.is_whitespace()).collect();
    if letters.contains('.') {
        return Err(said("... is not known; write a letter for each axis"));
    }
    let (inputs, output) = match letters.split_once("->") {
        Some((inputs, output)) => (inputs.to_owned(), output.to_owned()),
        None => {
            let mut once: Vec<char> = letters.chars().filter(|c| *c != ',').collect();
            once.sort_unstable();
            let times = |c: char| once.iter().filter(|other| **other == c).count();
            let mut output: Vec<char> = once.iter().copied().filter(|&c| times(c) == 1).collect();
            output.dedup();
            (letters.clone(), output.into_iter().collect())
        }
    };
    let inputs: Vec<Vec<char>> = inputs.split(',').map(|word| word.chars().collect()).collect();
    let output: Vec<char> = output.chars().collect();
    if inputs.len() != all.len() {
        return Err(said(format!("{letters:?} is about {} arrays, and there are {}", inputs.len(), all.len())));
    }
    let mut order: Vec<char> = output.clone();
    for &c in inputs.iter().flatten() {
        if !c.is_ascii_alphabetic() {
            return Err(said(format!("{c:?} is no letter")));
        }
        if !order.contains(&c) {
            order.push(c);
        }
    }
    let mut length: Vec<usize> = vec![0; order.len()];
    for (word, x) in inputs.iter().zip(all) {
        let shape = x.data.shape();
        if shape.rank() != word.len() {
            return Err(said(format!(
                "{:?} is about {} axes, and the array has shape {shape}",
                word.iter().collect::<String>(),
                word.len()
            )));
        }
        if (1..word.len()).any(|i| word[..i].contains(&word[i])) {
            return Err(said("a letter that is twice in one array is not known; take the diagonal first"));
        }
        for (c, &n) in word.iter().zip(shape.iter()) {
            let at = order.iter().position(|o| o == c).unwrap_or(0);
            if length[at] != 0 && length[at] != n {
                return Err(Error::shape(format!("the axis {c} is of length {} and of length {n}", length[at])));
            }
            length[at] = n;
        }
    }
    if let Some(c) = output.iter().find(|c| !inputs.iter().flatten().any(|known| known == *c)) {
        return Err(said(format!("{c:?} is in the result alone")));
    }
    if (1..output.len()).any(|i| output[..i].contains(&output[i])) {
        return Err(said("a letter is twice in the result"));
    }
    // A product of two matrices is one.
    if let ([a, b], [i, k]) = (&inputs[..], &output[..])
        && let ([a0, a1], [b0, b1]) = (&a[..], &b[..])
    {
        let flip = |x: &Operand<'t>| map1(&x.data, |x| x.try_transpose(), |x| x.try_transpose());
        let shared = [*a0, *a1].into_iter().find(|c| b.contains(c));
        if let Some(j) = shared.filter(|j| i != j && k != j) {
            let left = if *a1 == j { all[0].data.clone() } else { flip(&all[0])? };
            let right = if *b0 == j { all[1].data.clone() } else { flip(&all[1])? };
            let first = if *a1 == j { *a0 } else { *a1 };
            let second = if *b0 == j { *b1 } else { *b0 };
            if first != second {
                m.makes(work_of_product(&left.shape(), &right.shape()))?;
                let mut data = product(&left, &right)?;
                if first != *i {
                    data = map1(&data, |x| x.try_transpose(), |x| x.try_transpose())?;
                }
                let kind = all[0].kind.max(all[1].kind);
                return Ok(m.given(Operand { data, kind, python: false }));
            }
        }
    }
    let total = length.iter().fold(1usize, |n, &l| n.saturating_mul(l));
    m.makes(total)?;
    let mut found: Option<Operand<'t>> = None;
    for (word, x) in inputs.iter().zip(all) {
        // Axes in the common order, with ones where a letter is missing.
        let mut axes: Vec<usize> = (0..word.len()).collect();
        axes.sort_by_key(|&axis| order.iter().position(|c| *c == word[axis]));
        let turned = map1(&x.data, |x| x.try_permute(&axes), |x| x.try_permute(&axes))?;
        let shape: Vec<usize> = order.iter().zip(&length).map(|(c, &n)| if word.contains(c) { n } else { 1 }).collect();
        let x = reshaped(&Operand { data: turned, ..x.clone() }, &shape)?;
        found = Some(match found {
            None => x,
            Some(other) => arithmetic(Sign::Mul, &other, &x)?,
        });
    }
    let product = found.ok_or_else(|| said("of no arrays"))?;
    let axes: Vec<isize> = (output.len() as isize..order.len() as isize).collect();
    let kind = product.kind.max(Kind::Int);
    let data = if axes.is_empty() {
        product.data
    } else {
        map1(&product.data, |x| x.try_sum(&axes[..]), |x| x.try_sum(&axes[..]))?
    };
    Ok(m.given(Operand { data, kind, python: false }))
}

/// Indices of the largest or smallest along an axis, or of all.
fn extreme<'t>(m: &mut Machine<'t, '_>, c: &Given<'t>, largest: bool) -> Result<Value<'t>> {
    let x = c.array(m, "a")?;
    let x = x.data.value();
    if x.is_empty() {
        return Err(said("of no elements"));
    }
    let axis = c.axis(m, x.shape().rank())?;
    let best = |at: &mut dyn Iterator<Item = (usize, f64)>| {
        let better = |a: f64, b: f64| a.is_nan() && !b.is_nan() || !b.is_nan() && if largest { a > b } else { a < b };
        at.fold(
            (0, f64::NAN, true),
            |(i, y, first), (k, x)| if first || better(x, y) { (k, x, false) } else { (i, y, false) },
        )
        .0
    };
    match axis {
        None => Ok(Value::Number(Operand {
            data: Data::Number(best(&mut x.iter().copied().enumerate()) as f64),
            kind: Kind::Int,
            python: false,
        })),
        Some(axis) => {
            let n = x.shape()[axis];
            let inner: usize = x.shape()[axis + 1..].iter().product();
            let outer: usize = x.shape()[..axis].iter().product();
            let all = x.as_slice();
            let found = (0..outer * inner).map(|k| {
                let (o, i) = (k / inner, k % inner);
                best(&mut (0..n).map(|j| (j, all[(o * n + j) * inner + i]))) as f64
            });
            let mut shape = x.shape().to_vec();
            shape.remove(axis);
            let data = Data::Tensor(Tensor::new(&shape[..], found.collect())?).settled();
            Ok(m.given(Operand { data, kind: Kind::Int, python: false }))
        }
    }
}

/// Which elements are equal up to a tolerance, as 1 and 0.
fn near(m: &mut Machine<'_, '_>, c: &Given<'_>) -> Result<Tensor<f64>> {
    let (x, y) = (c.array(m, "a")?.data.value(), c.array(m, "b")?.data.value());
    let number = |param: &str, default: f64| match c.get(param) {
        Some(x) => Ok::<f64, Error>(m.operand(x)?.data.item()),
        None => Ok(default),
    };
    let (relative, absolute) = (number("rtol", 1e-5)?, number("atol", 1e-8)?);
    let shape = Shape::broadcast(c.name, x.shape(), y.shape())?;
    m.makes(shape.numel())?;
    let (x, y) = (crate::text::number::stretched(&x, &shape)?, crate::text::number::stretched(&y, &shape)?);
    let near = |x: f64, y: f64| x == y || (x - y).abs() <= absolute + relative * y.abs() && y.is_finite();
    Tensor::new(&shape, x.iter().zip(y.iter()).map(|(&x, &y)| f64::from(u8::from(near(x, y)))).collect())
}

/// The places of what is not 0, by axis.
fn places<'t>(m: &mut Machine<'t, '_>, x: &Operand<'t>) -> Result<Value<'t>> {
    let x = x.data.value();
    if x.shape().rank() == 0 {
        return Err(said("of a number; of an array there are places"));
    }
    m.makes(x.len().saturating_mul(x.shape().rank()))?;
    let strides = crate::text::value::View::whole(x.shape().dims()).strides;
    let there: Vec<usize> = (0..x.len()).filter(|&at| x.as_slice()[at] != 0.0).collect();
    let mut all = Vec::new();
    for (axis, &n) in x.shape().iter().enumerate() {
        let along: Vec<f64> = there.iter().map(|&at| (at / strides[axis] as usize % n) as f64).collect();
        all.push(m.heap().array(Data::Tensor(Tensor::from(along)), Kind::Int));
    }
    Ok(Value::Tuple(all.into()))
}

fn axis_of(axis: i64, rank: usize) -> Result<usize> {
    let at = if axis < 0 { axis + rank as i64 } else { axis };
    let at = usize::try_from(at).ok().filter(|&axis| axis < rank);
    at.ok_or_else(|| said(format!("axis {axis} of an array of {rank} axes")))
}

fn axis_or_last<'t>(m: &Machine<'t, '_>, c: &Given<'t>) -> Result<isize> {
    Ok(c.whole(m, "axis")?.unwrap_or(-1) as isize)
}

fn tested<'t>(m: &mut Machine<'t, '_>, c: &Given<'t>, test: impl Fn(f64) -> bool) -> Result<Value<'t>> {
    let x = c.array(m, "x")?.data.value();
    m.makes(x.len())?;
    let data = Data::Tensor(x.map(|x| f64::from(u8::from(test(x))))).settled();
    Ok(m.given(Operand { data, kind: Kind::Bool, python: false }))
}

fn logical<'t>(m: &mut Machine<'t, '_>, c: &Given<'t>, test: impl Fn(bool, bool) -> bool) -> Result<Value<'t>> {
    let (x, y) = (c.array(m, "x")?.data.value(), c.array(m, "y")?.data.value());
    let shape = Shape::broadcast(c.name, x.shape(), y.shape())?;
    m.makes(shape.numel())?;
    let (x, y) = (crate::text::number::stretched(&x, &shape)?, crate::text::number::stretched(&y, &shape)?);
    let values = x.iter().zip(y.iter()).map(|(&x, &y)| f64::from(u8::from(test(x != 0.0, y != 0.0))));
    let data = Data::Tensor(Tensor::new(&shape, values.collect())?).settled();
    Ok(m.given(Operand { data, kind: Kind::Bool, python: false }))
}

/// `np.add.at(a, indices, b)`: places that are named twice get both.
fn at<'t>(m: &mut Machine<'t, '_>, c: &Given<'t>, sign: Sign) -> Result<Value<'t>> {
    let Value::Array(array) = c.need("a")?.clone() else { return Err(said("a is an array that is changed")) };
    let (places, shape) = m.places_of(&array, c.need("indices")?)?;
    let new = c.array(m, "b")?;
    crate::text::run::fits(m.state.heap.storage(&array).1, new.kind, c.name)?;
    m.makes(places.len())?;
    let target = Shape::new(&shape)?;
    if !new.data.shape().broadcasts_to(&target) {
        return Err(Error::shape(format!("values of shape {} for places of shape {target}", new.data.shape())));
    }
    let n = places.len();
    let flat = map1(
        &new.data,
        |x| x.try_broadcast_to(&target)?.try_reshape([n]),
        |x| x.try_broadcast_to(&target)?.try_reshape([n]),
    )?;
    let whole = m.state.heap.storage(&array).0.clone();
    let kind = m.state.heap.storage(&array).1;
    let (own, numel) = (whole.shape(), whole.shape().numel());
    m.makes(numel)?;
    let added = map1(
        &flat,
        |x| x.try_scatter_add(0, &places, numel)?.try_reshape(&own),
        |x| x.try_scatter_add(0, &places, numel)?.try_reshape(&own),
    )?;
    let python = false;
    let all =
        arithmetic(sign, &Operand { data: whole, kind, python }, &Operand { data: added, kind: new.kind, python })?;
    let storage = Array { view: None, made: None, ..array };
    m.write_over(&storage, &all)?;
    Ok(Value::None)
}
