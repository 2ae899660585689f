//! Numbers and arrays of them as a text computes with them: plain, or recorded on a tape; whole, true or false, or with a fraction.
//!
//! Whole numbers are held as floats, exact up to 2^53; beyond that is an error, where NumPy would go on to 2^63.

use super::syntax::Sign;
use crate::error::{Error, Result};
use crate::num::elementwise::{Apply, UnaryOp};
use crate::ops::{self, BinaryOp};
use crate::tape::{Tape, Var};
use crate::tensor::{Shape, Tensor};

/// The largest whole number that no rounding leads to.
pub(super) const LARGEST: f64 = 9_007_199_254_740_991.0;

/// What an array holds. As in NumPy, an array of whole numbers is an index, and one of true and false a mask.
///
/// # Examples
/// ```
/// use retrograd::text::{Content, Kind, Module, Options};
/// let scope = Module::parse("mask = np.array([1.5, -2.0]) > 0\nn = len([4, 5])")?.run(&Options::default())?;
/// let kinds: Vec<Kind> =
///     scope.names().iter().filter_map(|(_, x)| if let Content::Array(_, kind) = x { Some(*kind) } else { None }).collect();
/// assert_eq!(kinds, [Kind::Bool, Kind::Int]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// True or false.
    Bool,
    /// Whole numbers.
    Int,
    /// Numbers with a fraction.
    Float,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bool => "booleans",
            Self::Int => "whole numbers",
            Self::Float => "floats",
        }
    }
}

/// A number, an array, or a variable on a tape.
#[derive(Clone)]
pub(super) enum Data<'t> {
    Number(f64),
    Tensor(Tensor<f64>),
    Var(Var<'t, f64>),
}

/// Data, what they are of, and whether they are a number of Python's, and not NumPy's.
#[derive(Clone)]
pub(super) struct Operand<'t> {
    pub data: Data<'t>,
    pub kind: Kind,
    pub python: bool,
}

impl<'t> Data<'t> {
    pub fn shape(&self) -> Shape {
        match self {
            Self::Number(_) => Shape::scalar(),
            Self::Tensor(x) => x.shape().clone(),
            Self::Var(x) => x.shape(),
        }
    }
    /// The numbers, wherever they are.
    pub fn value(&self) -> Tensor<f64> {
        match self {
            Self::Number(x) => Tensor::scalar(*x),
            Self::Tensor(x) => x.clone(),
            Self::Var(x) => x.value(),
        }
    }
    /// The one number of a scalar.
    pub fn item(&self) -> f64 {
        match self {
            Self::Number(x) => *x,
            Self::Tensor(x) => x.as_slice()[0],
            Self::Var(x) => x.value().as_slice()[0],
        }
    }
    pub fn is_recorded(&self) -> bool {
        matches!(self, Self::Var(_))
    }
    /// On the tape.
    pub fn var(&self, tape: &'t Tape<f64>) -> Var<'t, f64> {
        match self {
            Self::Number(x) => tape.data(*x),
            Self::Tensor(x) => tape.data(x),
            Self::Var(x) => *x,
        }
    }
    /// A tensor of no axes is a number.
    pub fn settled(self) -> Self {
        match self {
            Self::Tensor(x) if x.shape().rank() == 0 => Self::Number(x.as_slice()[0]),
            other => other,
        }
    }
}

/// An op on one array, whether it is plain or recorded.
pub(super) fn map1<'t>(
    x: &Data<'t>,
    plain: impl FnOnce(&Tensor<f64>) -> Result<Tensor<f64>>,
    recorded: impl FnOnce(Var<'t, f64>) -> Result<Var<'t, f64>>,
) -> Result<Data<'t>> {
    Ok(match x {
        Data::Var(x) => Data::Var(recorded(*x)?),
        other => Data::Tensor(plain(&other.value())?).settled(),
    })
}

pub(super) fn map2<'t>(
    x: &Data<'t>,
    y: &Data<'t>,
    plain: impl FnOnce(&Tensor<f64>, &Tensor<f64>) -> Result<Tensor<f64>>,
    recorded: impl FnOnce(Var<'t, f64>, Var<'t, f64>) -> Result<Var<'t, f64>>,
) -> Result<Data<'t>> {
    let tape = match (x, y) {
        (Data::Var(x), _) => Some(*x),
        (_, Data::Var(y)) => Some(*y),
        _ => None,
    };
    Ok(match tape.map(|var| var.home()) {
        Some(tape) => Data::Var(recorded(x.var(tape), y.var(tape))?),
        None => Data::Tensor(plain(&x.value(), &y.value())?).settled(),
    })
}

/// `op` with one argument.
pub(super) fn unary<'t>(op: UnaryOp, x: &Data<'t>) -> Result<Data<'t>> {
    Ok(match x {
        Data::Var(x) => Data::Var(op.with(Apply(*x))),
        Data::Number(x) => Data::Tensor(op.with(Apply2(&Tensor::scalar(*x)))).settled(),
        Data::Tensor(x) => Data::Tensor(op.with(Apply2(x))),
    })
}

/// Applies an op to a tensor.
struct Apply2<'a>(&'a Tensor<f64>);
impl crate::num::elementwise::UnaryVisitor for Apply2<'_> {
    type Output = Tensor<f64>;
    fn visit<O: crate::num::elementwise::BuiltinUnary>(self, op: O) -> Tensor<f64> {
        self.0.apply(op)
    }
}

struct Pair<'a, 't>(&'a Data<'t>, &'a Data<'t>);
impl<'t> crate::num::elementwise::BinaryVisitor for Pair<'_, 't> {
    type Output = Result<Data<'t>>;
    fn visit<O: crate::num::elementwise::BuiltinBinary>(self, op: O) -> Self::Output {
        map2(self.0, self.1, |x, y| x.try_apply2(op, y), |x, y| x.try_record_binary(op, y))
    }
}

/// `op` with two arguments.
pub(super) fn binary<'t>(op: BinaryOp, x: &Data<'t>, y: &Data<'t>) -> Result<Data<'t>> {
    op.with(Pair(x, y))
}

fn both_numbers(x: &Operand<'_>, y: &Operand<'_>) -> Option<(f64, f64)> {
    match (&x.data, &y.data) {
        (Data::Number(x), Data::Number(y)) => Some((*x, *y)),
        _ => None,
    }
}

/// Refuses whole numbers that floats do not hold.
pub(super) fn whole<'t>(op: &str, kind: Kind, data: Data<'t>) -> Result<Data<'t>> {
    if kind != Kind::Int || data.is_recorded() {
        return Ok(data);
    }
    // A sum that comes to 2^53 may have been rounded; a power has not.
    let largest = if op == "**" { LARGEST + 1.0 } else { LARGEST };
    let fits = match &data {
        Data::Number(x) => x.abs() <= largest,
        Data::Tensor(x) => x.iter().all(|x| x.abs() <= largest),
        Data::Var(_) => true,
    };
    match fits {
        true => Ok(data),
        false => Err(Error::argument(format!("{op}: whole numbers go up to 2^53 here; write them with a point"))),
    }
}

/// `x sign y`, as NumPy or Python have it.
pub(super) fn arithmetic<'t>(sign: Sign, x: &Operand<'t>, y: &Operand<'t>) -> Result<Operand<'t>> {
    let python = x.python && y.python;
    let text = sign.text();
    let mut kind = x.kind.max(y.kind);
    let numbers = both_numbers(x, y);
    if kind == Kind::Bool && python && !matches!(sign, Sign::And | Sign::Or | Sign::Xor) {
        // Python's True is 1.
        kind = Kind::Int;
    }
    let said = |what: String| Error::argument(format!("{text}: {what}"));
    let data = match sign {
        Sign::Add if kind == Kind::Bool => binary(BinaryOp::Maximum(ops::Maximum), &x.data, &y.data)?,
        Sign::Sub if kind == Kind::Bool => {
            return Err(said("booleans are not subtracted; write a != b, or a.astype(float)".into()));
        }
        Sign::Add | Sign::Sub | Sign::Mul => match (numbers, sign) {
            (Some((a, b)), Sign::Add) => Data::Number(a + b),
            (Some((a, b)), Sign::Sub) => Data::Number(a - b),
            (Some((a, b)), _) => Data::Number(a * b),
            (None, Sign::Add) => binary(BinaryOp::Add(ops::Add), &x.data, &y.data)?,
            (None, Sign::Sub) => binary(BinaryOp::Sub(ops::Sub), &x.data, &y.data)?,
            (None, _) => binary(BinaryOp::Mul(ops::Mul), &x.data, &y.data)?,
        },
        Sign::Div => {
            kind = Kind::Float;
            match numbers {
                Some((_, 0.0)) if python => return Err(said("division by zero".into())),
                Some((a, b)) => Data::Number(a / b),
                None => binary(BinaryOp::Div(ops::Div), &x.data, &y.data)?,
            }
        }
        Sign::FloorDiv | Sign::Mod => {
            if kind == Kind::Bool {
                return Err(said("of booleans; write a.astype(float)".into()));
            }
            if kind == Kind::Int && y.data.value().iter().any(|&b| b == 0.0) || python && y.data.item() == 0.0 {
                return Err(said("division by zero".into()));
            }
            divided(sign, &x.data, &y.data)?
        }
        Sign::Pow => return power(x, y, kind, python),
        Sign::MatMul => {
            if x.data.shape().rank() == 0 || y.data.shape().rank() == 0 {
                return Err(said("a number is no matrix; write * for a product with a number".into()));
            }
            if kind == Kind::Bool {
                return Err(said("of booleans; write a.astype(float)".into()));
            }
            product(&x.data, &y.data)?
        }
        Sign::And | Sign::Or | Sign::Xor => {
            if kind != Kind::Bool {
                return Err(said(format!("bits of {} are not known; of booleans they are", kind.name())));
            }
            match sign {
                Sign::And => binary(BinaryOp::Mul(ops::Mul), &x.data, &y.data)?,
                Sign::Or => binary(BinaryOp::Maximum(ops::Maximum), &x.data, &y.data)?,
                _ => binary(BinaryOp::NotEqual(ops::NotEqual), &x.data, &y.data)?,
            }
        }
    };
    Ok(Operand { data: whole(text, kind, data)?, kind, python })
}

/// The product as `@` and NumPy's matmul have it.
pub(super) fn product<'t>(x: &Data<'t>, y: &Data<'t>) -> Result<Data<'t>> {
    map2(x, y, |x, y| x.try_matmul(y), |x, y| x.try_matmul(y))
}

/// x // y and x % y with the sign of y, as Python has them.
fn divided<'t>(sign: Sign, x: &Data<'t>, y: &Data<'t>) -> Result<Data<'t>> {
    if x.is_recorded() || y.is_recorded() {
        let quotient = binary(BinaryOp::Div(ops::Div), x, y)?;
        let floor = unary(UnaryOp::Floor(ops::Floor), &quotient)?;
        return match sign {
            Sign::FloorDiv => Ok(floor),
            _ => binary(BinaryOp::Sub(ops::Sub), x, &binary(BinaryOp::Mul(ops::Mul), y, &floor)?),
        };
    }
    let remainder = |a: f64, b: f64| {
        let r = a % b;
        if r != 0.0 && (r < 0.0) != (b < 0.0) {
            r + b
        } else if r == 0.0 {
            f64::copysign(0.0, b)
        } else {
            r
        }
    };
    let quotient = |a: f64, b: f64| {
        if b == 0.0 {
            return a / b;
        }
        let r = a % b;
        let turned = r != 0.0 && (b < 0.0) != (r < 0.0);
        let q = (a - r) / b - f64::from(u8::from(turned));
        if q == 0.0 {
            return f64::copysign(0.0, a / b);
        }
        let floor = q.floor();
        if q - floor > 0.5 { floor + 1.0 } else { floor }
    };
    let (x, y) = (x.value(), y.value());
    let shape = Shape::broadcast(sign.text(), x.shape(), y.shape())?;
    let (x, y) = (stretched(&x, &shape)?, stretched(&y, &shape)?);
    let values = x.iter().zip(y.iter()).map(|(&a, &b)| match sign {
        Sign::FloorDiv => quotient(a, b),
        _ => remainder(a, b),
    });
    Ok(Data::Tensor(Tensor::new(&shape, values.collect())?).settled())
}

/// Stretched to a shape.
pub(super) fn stretched(x: &Tensor<f64>, shape: &Shape) -> Result<Tensor<f64>> {
    if x.shape() == shape { Ok(x.clone()) } else { x.try_broadcast_to(shape) }
}

fn power<'t>(x: &Operand<'t>, y: &Operand<'t>, kind: Kind, python: bool) -> Result<Operand<'t>> {
    let said = |what: &str| Error::argument(format!("**: {what}"));
    if kind == Kind::Bool {
        return Err(said("of booleans; write a.astype(float)"));
    }
    let mut kind = kind;
    if kind == Kind::Int && y.data.value().iter().any(|&p| p < 0.0) {
        if !python {
            return Err(said(
                "a whole number to a negative whole power is not known to NumPy; write the base with a point",
            ));
        }
        kind = Kind::Float;
    }
    let data = match (both_numbers(x, y), &y.data) {
        (Some((a, b)), _) => {
            if python && a == 0.0 && b < 0.0 {
                return Err(said("0 to a negative power"));
            }
            if python && a < 0.0 && b.fract() != 0.0 && b.is_finite() {
                return Err(said("a negative number to a power with a fraction is complex in Python"));
            }
            let is_whole = b.fract() == 0.0 && b.abs() < 1024.0;
            let power = if is_whole { a.powi(b as i32) } else { a.powf(b) };
            if python && power.is_infinite() && a.is_finite() && b.is_finite() {
                return Err(said("the power is too large for a number"));
            }
            Data::Number(power)
        }
        (None, Data::Number(p)) => match *p {
            2.0 => unary(UnaryOp::Square(ops::Square), &x.data)?,
            0.5 => unary(UnaryOp::Sqrt(ops::Sqrt), &x.data)?,
            p if p.fract() == 0.0 && p.abs() < 1024.0 => unary(UnaryOp::Powi(ops::Powi { n: p as i32 }), &x.data)?,
            p => unary(UnaryOp::Powf(ops::Powf { p }), &x.data)?,
        },
        _ => binary(BinaryOp::Pow(ops::Pow), &x.data, &y.data)?,
    };
    Ok(Operand { data: whole("**", kind, data)?, kind, python })
}
