//! Ops by the names of the methods that record them.
//!
//! Elementwise ops come from the registry, with their parameters by name. Those on whole tensors stand in one table, a line each,
//! which says what they read and what is asked of the JSON.

use super::json::{Json, said, shortened};
use crate::error::{Error, Result};
use crate::num::elementwise::registry::for_each_binary;
use crate::num::elementwise::{self, Apply, BinaryOp, BinaryVisitor, BuiltinBinary, UnaryOp};
use crate::tape::{Conv, Pooling, Var};
use crate::tensor::{Axes, PerAxis, Shape, Span, keep};
use std::cell::Cell;
use std::sync::Arc;

type Whole = Arc<dyn for<'t> Fn(&[Var<'t, f64>]) -> Result<Var<'t, f64>> + Send + Sync>;

/// What a node does with its arguments.
#[derive(Clone)]
pub(super) enum Op {
    Unary(UnaryOp),
    Binary(BinaryOp),
    Whole(Whole),
}

impl Op {
    /// The op of a name, with what its node says beside its arguments, of which there are so many.
    pub fn read(name: &str, node: &Attributes<'_>, n_args: usize) -> Result<Self> {
        let (op, reads) = match unary(name, node)? {
            Some(op) => (Op::Unary(op), Some(1)),
            None => match binary(name) {
                Some(op) => (Op::Binary(op), Some(2)),
                None => whole(name, node)?.ok_or_else(|| unknown(name, node))?,
            },
        };
        match reads {
            Some(wanted) if wanted != n_args => {
                let some = if wanted == 1 { "argument" } else { "arguments" };
                Err(said(&node.place, format!("args: {name} reads {wanted} {some}, not {n_args}")))
            }
            None if n_args == 0 => Err(said(&node.place, format!("args: {name} reads at least one argument"))),
            _ => node.all_are_read(name).map(|()| op),
        }
    }

    pub fn record<'t>(&self, args: &[Var<'t, f64>]) -> Result<Var<'t, f64>> {
        match (self, args) {
            (Op::Unary(op), &[x]) => Ok(op.with(Apply(x))),
            (Op::Binary(op), &[x, y]) => op.with(Pair(x, y)),
            (Op::Whole(op), args) => op(args),
            _ => Err(Error::argument("a node has more or fewer arguments than its op reads")),
        }
    }
}

struct Pair<'t>(Var<'t, f64>, Var<'t, f64>);

impl<'t> BinaryVisitor for Pair<'t> {
    type Output = Result<Var<'t, f64>>;
    fn visit<O: BuiltinBinary>(self, op: O) -> Self::Output {
        self.0.try_record_binary(op, self.1)
    }
}

fn unknown(name: &str, node: &Attributes<'_>) -> Error {
    let mut known: Vec<&str> = UNARY.iter().chain(BINARY).chain(WHOLE).copied().collect();
    known.sort_unstable();
    said(&node.place, format!("op: {:?} is not one of {}", shortened(name), known.join(", ")))
}

/// What a node says beside its name, op and arguments.
pub(super) struct Attributes<'a> {
    /// The node, for messages.
    pub place: String,
    entries: Vec<(&'a str, &'a Json, Cell<bool>)>,
}

impl<'a> Attributes<'a> {
    pub fn new(place: String, entries: impl Iterator<Item = (&'a str, &'a Json)>) -> Self {
        Self { place, entries: entries.map(|(key, value)| (key, value, Cell::new(false))).collect() }
    }

    /// The attribute of this name; null where there is none.
    fn get<A: Attribute>(&self, key: &str) -> Result<A> {
        let found = self.entries.iter().find(|(name, ..)| *name == key);
        let value = found.map_or(&Json::Null, |(_, value, is_read)| {
            is_read.set(true);
            value
        });
        let place = format!("{}: {key}", self.place);
        if *value == Json::Null && !A::OPTIONAL {
            return Err(said(&place, "is missing"));
        }
        A::read(value, &place)
    }

    fn all_are_read(&self, op: &str) -> Result<()> {
        match self.entries.iter().find(|(.., is_read)| !is_read.get()) {
            Some((key, ..)) => Err(said(&self.place, format!("{op} has no attribute {:?}", shortened(key)))),
            None => Ok(()),
        }
    }
}

/// A kind of attribute.
trait Attribute: Sized {
    const OPTIONAL: bool = false;
    fn read(value: &Json, place: &str) -> Result<Self>;
}

impl Attribute for f64 {
    fn read(value: &Json, place: &str) -> Result<Self> {
        value.number(place)
    }
}
macro_rules! integers {
    ($($t:ty)*) => {$(
        impl Attribute for $t {
            fn read(value: &Json, place: &str) -> Result<Self> {
                let number = value.integer(place)?;
                <$t>::try_from(number).map_err(|_| {
                    said(place, format!("{number} is not between {} and {}", <$t>::MIN, <$t>::MAX))
                })
            }
        }
    )*};
}
integers! { i32 u32 usize isize }

impl Attribute for bool {
    const OPTIONAL: bool = true;
    fn read(value: &Json, place: &str) -> Result<Self> {
        if *value == Json::Null { Ok(false) } else { value.flag(place) }
    }
}
/// Lengths of a shape, labels, places along an axis.
impl Attribute for Vec<usize> {
    fn read(value: &Json, place: &str) -> Result<Self> {
        value.each(place, Json::count)
    }
}
/// What need not be said.
impl<A: Attribute> Attribute for Option<A> {
    const OPTIONAL: bool = true;
    fn read(value: &Json, place: &str) -> Result<Self> {
        if *value == Json::Null { Ok(None) } else { A::read(value, place).map(Some) }
    }
}
/// A number for each axis that windows slide over, or one for all.
impl Attribute for PerAxis {
    fn read(value: &Json, place: &str) -> Result<Self> {
        if let Json::Number(_) = value {
            return value.count(place).map(PerAxis::from);
        }
        match value.each(place, Json::count)?[..] {
            [a, b] => Ok(PerAxis::from([a, b])),
            ref list => {
                Err(said(place, format!("is a number, or one for each of two axes, not a list of {}", list.len())))
            }
        }
    }
}
/// Axes: one, several, or null for all.
impl Attribute for Axes {
    const OPTIONAL: bool = true;
    fn read(value: &Json, place: &str) -> Result<Self> {
        Ok(match value {
            Json::Null => Axes::ALL,
            Json::Number(_) => Axes::from(value.integer(place)?),
            other => Axes::from(&other.each(place, Json::integer)?[..]),
        })
    }
}
/// Parts of axes: a number drops its axis, `[from, to]` has null for open ends, and may have a step.
impl Attribute for Vec<Span> {
    fn read(value: &Json, place: &str) -> Result<Self> {
        value.each(place, |span, place| match span {
            Json::Null => Ok(Span::from(..)),
            Json::Number(_) => Ok(Span::from(span.integer(place)?)),
            Json::List(ends) => {
                let end = |at: usize| match ends.get(at) {
                    None | Some(Json::Null) => Ok(None),
                    Some(end) => end.integer(place).map(Some),
                };
                if ends.len() < 2 || ends.len() > 3 {
                    return Err(said(
                        place,
                        format!("a span is a number, or [from, to], not a list of {}", ends.len()),
                    ));
                }
                let range = match (end(0)?, end(1)?) {
                    (Some(from), Some(to)) => Span::from(from..to),
                    (Some(from), None) => Span::from(from..),
                    (None, Some(to)) => Span::from(..to),
                    (None, None) => Span::from(..),
                };
                Ok(range.step(end(2)?.unwrap_or(1)))
            }
            other => Err(said(place, format!("a span is a number, or [from, to], not {}", other.kind()))),
        })
    }
}

macro_rules! unary_by_name {
    ($($(#[$doc:meta])* $method:ident $(($($arg:ident : $ty:ty),+))? => $Op:ident;)*) => {
        const UNARY: &[&str] = &[$(stringify!($method)),*];
        fn unary(name: &str, node: &Attributes<'_>) -> Result<Option<UnaryOp>> {
            Ok(Some(match name {
                $(stringify!($method) => {
                    UnaryOp::$Op(elementwise::$Op $({ $($arg: node.get::<$ty>(stringify!($arg))?),+ })?)
                })*
                _ => return Ok(None),
            }))
        }
    };
}
crate::for_each_unary!(unary_by_name);

macro_rules! binary_by_name {
    // What is for rules alone is no op of a function.
    (operators { $($operators:tt)* } inside { $($inside:tt)* } methods { $($methods:tt)* }) => {
        binary_by_name! { $($operators)* $($methods)* }
    };
    ($($(#[$doc:meta])* $method:ident $try_method:ident => $Op:ident;)*) => {
        const BINARY: &[&str] = &[$(stringify!($method)),*];
        fn binary(name: &str) -> Option<BinaryOp> {
            Some(match name {
                $(stringify!($method) => BinaryOp::$Op(elementwise::$Op),)*
                _ => return None,
            })
        }
    };
}
for_each_binary!(binary_by_name);

/// Lets the compiler see that a closure takes variables of any lifetime.
fn boxed<F>(f: F) -> Whole
where
    F: for<'t> Fn(&[Var<'t, f64>]) -> Result<Var<'t, f64>> + Send + Sync + 'static,
{
    Arc::new(f)
}

/// Ops on whole tensors: the arguments, or all of them as one slice, and the attributes with their kinds.
macro_rules! whole_by_name {
    ($($name:ident ($($arg:ident),* $(@ $args:ident)? $(; $($key:ident : $Kind:ty),+)?) => $body:expr;)*) => {
        const WHOLE: &[&str] = &[$(stringify!($name)),*];
        /// The op, and how many arguments it reads, unless any number.
        fn whole(name: &str, node: &Attributes<'_>) -> Result<Option<(Op, Option<usize>)>> {
            Ok(Some(match name {
                $(stringify!($name) => {
                    $($(let $key: $Kind = node.get(stringify!($key))?;)+)?
                    let names: &[&str] = &[$(stringify!($arg)),*];
                    let op = boxed(move |args| {
                        $(let $args = args;)?
                        $crate::check::problem::ops::arguments!(args; $($arg)*);
                        $body
                    });
                    (Op::Whole(op), (!names.is_empty()).then_some(names.len()))
                })*
                _ => return Ok(None),
            }))
        }
    };
}
macro_rules! arguments {
    ($args:ident;) => {};
    ($args:ident; $($arg:ident)+) => {
        let &[$($arg),+] = $args else { return Err(Error::argument("a node's arguments are not those of its op")) };
    };
}
use arguments;

whole_by_name! {
    matmul(x, y) => x.try_matmul(y);
    dot(x, y) => x.try_dot(y);
    outer(x, y) => x.try_outer(y);
    solve(a, b) => a.try_solve(b);
    transpose(x) => x.try_transpose();
    det(x) => x.try_det();
    inv(x) => x.try_inv();
    cholesky(x) => x.try_cholesky();
    kron(x, y) => x.try_kron(y);
    lstsq(a, b) => a.try_lstsq(b);
    expm(x) => x.try_expm();
    sort(x; axis: isize) => x.try_sort(axis);
    argsort(x; axis: isize) => x.try_argsort(axis);
    pick_along(x; axis: isize, labels: Vec<usize>) => x.try_pick_along(axis, &labels);
    cummax(x; axis: isize) => x.try_cummax(axis);
    cummin(x; axis: isize) => x.try_cummin(axis);
    conv1d(x, kernels; stride: Option<PerAxis>, dilation: Option<PerAxis>, groups: Option<usize>) => {
        x.try_conv1d(kernels, conv(stride, dilation, groups))
    };
    conv2d(x, kernels; stride: Option<PerAxis>, dilation: Option<PerAxis>, groups: Option<usize>) => {
        x.try_conv2d(kernels, conv(stride, dilation, groups))
    };
    max_pool1d(x; size: PerAxis, stride: Option<PerAxis>) => x.try_max_pool1d(pooling(size, stride));
    max_pool2d(x; size: PerAxis, stride: Option<PerAxis>) => x.try_max_pool2d(pooling(size, stride));
    trace(x) => x.try_trace();
    diag(x) => x.try_diag();
    tril(x; k: isize) => x.try_tril(k);
    triu(x; k: isize) => x.try_triu(k);
    sum(x; axes: Axes, keep: bool) => x.try_sum(reduced(&axes, keep));
    mean(x; axes: Axes, keep: bool) => x.try_mean(reduced(&axes, keep));
    prod(x; axes: Axes, keep: bool) => x.try_prod(reduced(&axes, keep));
    max(x; axes: Axes, keep: bool) => x.try_max(reduced(&axes, keep));
    min(x; axes: Axes, keep: bool) => x.try_min(reduced(&axes, keep));
    var(x; axes: Axes, keep: bool, ddof: usize) => x.try_var(reduced(&axes, keep), ddof);
    std(x; axes: Axes, keep: bool, ddof: usize) => x.try_std(reduced(&axes, keep), ddof);
    norm1(x; axes: Axes, keep: bool) => x.try_norm1(reduced(&axes, keep));
    norm2(x; axes: Axes, keep: bool) => x.try_norm2(reduced(&axes, keep));
    norm_inf(x; axes: Axes, keep: bool) => x.try_norm_inf(reduced(&axes, keep));
    logsumexp(x; axes: Axes, keep: bool) => x.try_logsumexp(reduced(&axes, keep));
    softmax(x; axes: Axes) => x.try_softmax(axes.clone());
    log_softmax(x; axes: Axes) => x.try_log_softmax(axes.clone());
    cumsum(x; axes: Axes) => x.try_cumsum(axes.clone());
    cumprod(x; axes: Axes) => x.try_cumprod(axes.clone());
    cumlogsumexp(x; axes: Axes) => x.try_cumlogsumexp(axes.clone());
    flip(x; axes: Axes) => x.try_flip(axes.clone());
    squeeze(x; axes: Axes) => x.try_squeeze(axes.clone());
    unsqueeze(x; axis: isize) => x.try_unsqueeze(axis);
    reshape(x; shape: Vec<usize>) => x.try_reshape(&shape[..]);
    permute(x; axes: Vec<usize>) => x.try_permute(&axes);
    roll(x; shift: isize, axis: isize) => x.try_roll(shift, axis);
    concat(@ parts; axis: isize) => Var::try_concat(parts, axis);
    stack(@ parts; axis: isize) => Var::try_stack(parts, axis);
    gather(x; axis: isize, indices: Vec<usize>) => x.try_gather(axis, &indices);
    pick(x; columns: Vec<usize>) => x.try_pick(&columns);
    slice(x; spans: Vec<Span>) => x.try_slice(&spans[..]);
    select(condition, a, b) => condition.try_select(a, b);
    squared_error(x, target) => x.try_squared_error(target);
    mean_squared_error(x, target) => x.try_mean_squared_error(target);
    mean_absolute_error(x, target) => x.try_mean_absolute_error(target);
    huber_error(x, target; delta: f64) => x.try_huber_error(target, delta);
    binary_cross_entropy(x, target) => x.try_binary_cross_entropy(target);
    binary_cross_entropy_with_logits(x, target) => x.try_binary_cross_entropy_with_logits(target);
    cross_entropy_soft(x, target) => x.try_cross_entropy_soft(target);
    cross_entropy(x; labels: Vec<usize>) => x.try_cross_entropy(&labels);
    nll(x; labels: Vec<usize>) => x.try_nll(&labels);
    kl_divergence(x, q) => x.try_kl_divergence(q);
    hinge(x, target) => x.try_hinge(target);
}

fn reduced(axes: &Axes, stay: bool) -> Axes {
    if stay { keep(axes.clone()) } else { axes.clone() }
}

/// Convolutions without padding, which a short text might ask any amount of.
fn conv(stride: Option<PerAxis>, dilation: Option<PerAxis>, groups: Option<usize>) -> Conv {
    let one = PerAxis::from(1);
    Conv::new().stride(stride.unwrap_or(one)).dilation(dilation.unwrap_or(one)).groups(groups.unwrap_or(1))
}

fn pooling(size: PerAxis, stride: Option<PerAxis>) -> Pooling {
    stride.map_or(Pooling::of(size), |stride| Pooling::of(size).stride(stride))
}

/// What an op comes to, of arguments of these shapes: known before it is computed.
pub(super) struct Cost {
    /// At least so many elements has what it gives.
    pub elements: usize,
    /// The multiplications of products and factorisations.
    pub work: usize,
}

impl Cost {
    pub fn of(op: &str, shapes: &[Shape]) -> Self {
        let sum = shapes.iter().fold(0, |sum: usize, x| sum.saturating_add(x.numel()));
        let last = shapes.first().and_then(|x| x.last().copied()).unwrap_or(1).max(1);
        let stretched = || shapes.iter().try_fold(Shape::default(), |all, x| Shape::broadcast(op, &all, x));
        match (op, shapes) {
            ("matmul", [a, b]) => {
                // Stacks broadcast against each other.
                let right = if a.rank() > 2 && b.rank() > 2 { b.numel() } else { b.numel() / last };
                let elements = (a.numel() / last).saturating_mul(right);
                Self { elements, work: elements.saturating_mul(last) }
            }
            ("outer" | "kron", [a, b]) => Self { elements: a.numel().saturating_mul(b.numel()), work: 0 },
            ("conv1d" | "conv2d", [x, kernels]) => {
                // Each element meets every place of every kernel at most, and there is an output for each kernel and element at most.
                let outputs = kernels.first().copied().unwrap_or(0);
                Self { elements: x.numel().saturating_mul(outputs), work: x.numel().saturating_mul(kernels.numel()) }
            }
            // A dozen products and as many squarings as doubles have exponents, at most.
            ("expm", _) => Self { elements: sum, work: sum.saturating_mul(last).saturating_mul(64) },
            ("lstsq", _) => Self { elements: sum, work: sum.saturating_mul(sum.min(last)) },
            ("diag", [x]) if x.rank() == 1 => Self { elements: sum.saturating_mul(sum), work: 0 },
            ("solve" | "inv" | "det" | "cholesky", _) => Self { elements: sum, work: sum.saturating_mul(last) },
            _ => Self { elements: stretched().map_or(sum, |shape| shape.numel().max(sum)), work: 0 },
        }
    }
}
