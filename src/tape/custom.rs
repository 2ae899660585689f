//! Users' own ops.
//!
//! Elementwise ops implement [`Unary`] or [`Binary`] and go through [`Number::apply`](crate::Number::apply). Ops on whole
//! tensors implement [`CustomOp`]; written over [`Algebra`], they get everything that built-in ops have. A rule that only
//! exists as numbers implements [`NumericOp`] and gives first derivatives alone, backward and forward. And a rule beside a value that the
//! tape knows how to compute is a closure over variables ([`Tape::custom_vjp`]).

mod closure;

use super::{Recording, Tape, Var};
use crate::error::{Error, Result};
use crate::num::{Element, Upstream};
use crate::ops::algebra::Algebra;
use crate::ops::eager::{self, Eager};
use crate::ops::symbol::{Rules, Symbol};
use crate::ops::{Binary, Unary};
use crate::tensor::kernels::elementwise::{self, BinaryInputs, Plan, Side};
use crate::tensor::pool::Pool;
use crate::tensor::{Operand, Shape, Tensor, Value};
use std::any::TypeId;
use std::sync::Arc;

/// A user's op on whole tensors, with a rule written over the algebra: differentiable to any order.
///
/// # Examples
/// The sum of squares as one op:
/// ```
/// use retrograd::{Algebra, CustomOp, Element, Result, Tape, Tensor};
///
/// struct SumOfSquares;
/// impl CustomOp for SumOfSquares {
///     const NAME: &'static str = "sum_of_squares";
///     fn value<T: Element>(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
///         let sum = inputs[0].iter().map(|&x| x * x).sum();
///         Ok(Tensor::scalar(sum))
///     }
///     fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V], _output: &A::V, g: &A::V) -> Vec<A::V> {
///         vec![a.mul(&a.mul(g, &a.literal(2.0)), &inputs[0])]
///     }
/// }
///
/// let tape = Tape::new();
/// let x = tape.var([1.0, -3.0]);
/// let y = tape.custom(SumOfSquares, &[x]);
/// assert_eq!(y.backward().wrt(x).to_vec(), [2.0, -6.0]);
/// // The recorded gradient is differentiable again.
/// let g = tape.grad(y, &[x])[0].square().sum(());
/// assert_eq!(g.backward().wrt(x).to_vec(), [8.0, -24.0]);
/// ```
pub trait CustomOp: Send + Sync + 'static {
    /// The op's name.
    const NAME: &'static str;
    /// Checks the shapes, and computes.
    ///
    /// # Errors
    /// Inputs that do not fit; [`Error::custom`] makes one.
    fn value<T: Element>(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>>;
    /// The gradients by the inputs, one each, in the inputs' shapes or broadcast ones, from the upstream gradient `g`.
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V], output: &A::V, g: &A::V) -> Vec<A::V>;
}

/// A user's op on whole tensors whose rule exists as numbers only: first derivatives, backward and forward, and an error beyond.
///
/// # Examples
/// ```
/// use retrograd::{NumericOp, Result, Tape, Tensor};
///
/// /// A sum of squares, with the gradient as some other program gives it.
/// struct Energy;
/// impl NumericOp<f64> for Energy {
///     fn name(&self) -> &str {
///         "energy"
///     }
///     fn value(&self, inputs: &[Tensor<f64>]) -> Result<Tensor<f64>> {
///         Ok(inputs[0].square().sum(()))
///     }
///     fn vjp(&self, inputs: &[Tensor<f64>], _output: &Tensor<f64>, g: &Tensor<f64>) -> Vec<Tensor<f64>> {
///         vec![&inputs[0] * 2.0 * g.item()]
///     }
/// }
///
/// let tape = Tape::new();
/// let x = tape.var([1.0, -3.0]);
/// let y = tape.numeric(Energy, &[x]);
/// assert_eq!(y.backward().wrt(x).to_vec(), [2.0, -6.0]);
/// assert!(tape.try_grad(y, &[x]).is_err_and(|error| error.is_not_differentiable()));
/// // Forward mode asks the same rule, once for each element of the value.
/// let tangent = tape.jvp(y, &[(x, Tensor::from([1.0, 1.0]).into())])?;
/// assert_eq!(tangent.into_tensor().item(), -4.0);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub trait NumericOp<T>: Send + Sync + 'static {
    /// The op's name.
    fn name(&self) -> &str;
    /// Checks the shapes, and computes.
    ///
    /// # Errors
    /// Inputs that do not fit; [`Error::custom`] makes one.
    fn value(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>>;
    /// The gradients by the inputs, one each, from the upstream gradient `g`.
    fn vjp(&self, inputs: &[Tensor<T>], output: &Tensor<T>, g: &Tensor<T>) -> Vec<Tensor<T>>;
    /// The tangent of the output when each input moves along its tangent, which is 0 for those that stay: for forward mode.
    ///
    /// Unless the op says otherwise it is what `vjp` makes of it, asked once for each element of the output: exact, and for a long output
    /// slow.
    ///
    /// # Errors
    /// Where there is none; [`Error::custom`] makes one.
    fn jvp(&self, inputs: &[Tensor<T>], output: &Tensor<T>, tangents: &[Tensor<T>]) -> Result<Tensor<T>>
    where
        T: Element,
    {
        let zero = T::from_f64(0.0);
        let mut unit = Tensor::zeros(output.shape());
        let mut tangent = Tensor::zeros(output.shape());
        for i in 0..output.len() {
            unit.as_mut_slice()[i] = T::from_f64(1.0);
            let gradients = fitting(self.name(), inputs, self.vjp(inputs, output, &unit), |x| x.shape().clone())?;
            unit.as_mut_slice()[i] = zero;
            let mut sum = zero;
            for (gradient, moved) in gradients.iter().zip(tangents) {
                // What does not move adds nothing, whatever its derivative.
                sum += moved.equal(zero).try_select(zero, gradient * moved)?.sum(()).item();
            }
            tangent.as_mut_slice()[i] = sum;
        }
        Ok(tangent)
    }
}

impl<T: Element> Tape<T> {
    /// Applies a user's op.
    ///
    /// # Panics
    /// The op refuses the inputs; [`Tape::try_custom`] returns that as an error.
    #[track_caller]
    pub fn custom<'t>(&'t self, op: impl CustomOp, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        crate::error::OrPanic::or_panic(self.try_custom(op, inputs))
    }
    /// As [`Tape::custom`].
    ///
    /// # Errors
    /// The op refuses the inputs, or they are of different tapes.
    #[track_caller]
    pub fn try_custom<'t>(&'t self, op: impl CustomOp, inputs: &[Var<'t, T>]) -> Result<Var<'t, T>> {
        self.record_custom(Arc::new(Differentiable(op)), inputs)
    }
    /// Applies a user's op whose rule exists as numbers only.
    ///
    /// # Panics
    /// The op refuses the inputs; [`Tape::try_numeric`] returns that as an error.
    #[track_caller]
    pub fn numeric<'t>(&'t self, op: impl NumericOp<T>, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        crate::error::OrPanic::or_panic(self.try_numeric(op, inputs))
    }
    /// As [`Tape::numeric`].
    ///
    /// # Errors
    /// The op refuses the inputs, or they are of different tapes.
    #[track_caller]
    pub fn try_numeric<'t>(&'t self, op: impl NumericOp<T>, inputs: &[Var<'t, T>]) -> Result<Var<'t, T>> {
        self.record_custom(Arc::new(Numeric(op)), inputs)
    }
}

/// A tensor op of a user's behind a pointer.
pub(crate) trait DynTensorOp<T>: Send + Sync {
    /// Which op it is, whatever its parameters.
    fn kind(&self) -> TypeId;
    fn name(&self) -> &str;
    fn value(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>>;
    fn vjp(&self, a: &Eager<'_, T>, inputs: &[Value<T>], output: &Value<T>, g: &Value<T>) -> Result<Vec<Value<T>>>;
    fn record_vjp<'t>(
        &self,
        a: &Recording<'t, T>,
        inputs: &[Var<'t, T>],
        output: &Var<'t, T>,
        g: &Var<'t, T>,
    ) -> Result<Vec<Var<'t, T>>>;
    /// The tangent of the output when one input moves, of an op whose rule exists as numbers only; `None` for others, whose tangents come
    /// of their rules.
    fn jvp(
        &self,
        _inputs: &[Value<T>],
        _output: &Value<T>,
        _wrt: usize,
        _tangent: &Value<T>,
    ) -> Option<Result<Value<T>>> {
        None
    }
    /// The gradients as formulas; `None` for a rule that exists as numbers only.
    fn symbol_vjp<'b>(
        &self,
        _a: &Rules<'b, T>,
        _inputs: &[Symbol<'b>],
        _output: &Symbol<'b>,
        _g: &Symbol<'b>,
    ) -> Result<Option<Vec<Symbol<'b>>>> {
        Ok(None)
    }
}

struct Differentiable<O>(O);
impl<T: Element, O: CustomOp> DynTensorOp<T> for Differentiable<O> {
    fn kind(&self) -> TypeId {
        TypeId::of::<Self>()
    }
    fn name(&self) -> &str {
        O::NAME
    }
    fn value(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
        self.0.value(inputs)
    }
    fn vjp(&self, a: &Eager<'_, T>, inputs: &[Value<T>], output: &Value<T>, g: &Value<T>) -> Result<Vec<Value<T>>> {
        fitting(O::NAME, inputs, self.0.vjp(a, inputs, output, g), |x| a.shape(x))
    }
    fn record_vjp<'t>(
        &self,
        a: &Recording<'t, T>,
        inputs: &[Var<'t, T>],
        output: &Var<'t, T>,
        g: &Var<'t, T>,
    ) -> Result<Vec<Var<'t, T>>> {
        fitting(O::NAME, inputs, self.0.vjp(a, inputs, output, g), |x| a.shape(x))
    }
    fn symbol_vjp<'b>(
        &self,
        a: &Rules<'b, T>,
        inputs: &[Symbol<'b>],
        output: &Symbol<'b>,
        g: &Symbol<'b>,
    ) -> Result<Option<Vec<Symbol<'b>>>> {
        fitting(O::NAME, inputs, self.0.vjp(a, inputs, output, g), |x| a.shape(x)).map(Some)
    }
}

struct Numeric<O>(O);
impl<T: Element, O: NumericOp<T>> DynTensorOp<T> for Numeric<O> {
    fn kind(&self) -> TypeId {
        TypeId::of::<Self>()
    }
    fn name(&self) -> &str {
        self.0.name()
    }
    fn value(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
        self.0.value(inputs)
    }
    fn vjp(&self, _a: &Eager<'_, T>, inputs: &[Value<T>], output: &Value<T>, g: &Value<T>) -> Result<Vec<Value<T>>> {
        let tensors: Vec<_> = inputs.iter().map(|v| v.clone().into_tensor()).collect();
        let gradients = self.0.vjp(&tensors, &output.clone().into_tensor(), &g.clone().into_tensor());
        fitting(self.0.name(), inputs, gradients.into_iter().map(Value::from).collect(), Value::shape)
    }
    fn jvp(&self, inputs: &[Value<T>], output: &Value<T>, wrt: usize, tangent: &Value<T>) -> Option<Result<Value<T>>> {
        let tensors: Vec<Tensor<T>> = inputs.iter().map(|v| v.clone().into_tensor()).collect();
        let mut tangents: Vec<Tensor<T>> = tensors.iter().map(|x| Tensor::zeros(x.shape())).collect();
        tangents[wrt] = tangent.clone().into_tensor();
        let found = self.0.jvp(&tensors, &output.clone().into_tensor(), &tangents);
        Some(found.and_then(|found| {
            let (own, found_shape) = (output.shape(), found.shape().clone());
            if found_shape == own {
                return Ok(found.into());
            }
            Err(Error::shape(format!(
                "{}: its forward rule gave a tangent of shape {found_shape} for an output of shape {own}",
                self.0.name()
            )))
        }))
    }
    fn record_vjp<'t>(
        &self,
        _a: &Recording<'t, T>,
        _inputs: &[Var<'t, T>],
        _output: &Var<'t, T>,
        _g: &Var<'t, T>,
    ) -> Result<Vec<Var<'t, T>>> {
        Err(Error::not_differentiable(format!(
            "{}: its rule is numeric, so its gradient cannot be recorded and differentiated again; write it over Algebra (CustomOp), or as a \
             closure (custom_vjp). backward() and compile_gradient take the first derivative as it is",
            self.0.name()
        )))
    }
}

/// The tangent that an input of an op contributes whose rule exists as numbers only: of its inputs, its output and that tangent.
pub(crate) struct NumericTangent<T> {
    pub of: Arc<dyn DynTensorOp<T>>,
    pub wrt: usize,
    pub name: String,
}
impl<T: Element> NumericTangent<T> {
    fn refused(&self) -> Error {
        Error::not_differentiable(format!(
            "{}: its rule is numeric, so its tangent cannot be differentiated again; write it over Algebra (CustomOp)",
            self.of.name()
        ))
    }
}
impl<T: Element> DynTensorOp<T> for NumericTangent<T> {
    fn kind(&self) -> TypeId {
        // That of the op, which may be replaced by another of its kind.
        self.of.kind()
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn value(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
        let [inputs @ .., output, tangent] = inputs else { unreachable!("recorded with both") };
        let inputs: Vec<Value<T>> = inputs.iter().map(|x| x.clone().into()).collect();
        let found = self.of.jvp(&inputs, &output.clone().into(), self.wrt, &tangent.clone().into());
        Ok(found.expect("a rule of numbers alone")?.into_tensor())
    }
    fn vjp(&self, _: &Eager<'_, T>, _: &[Value<T>], _: &Value<T>, _: &Value<T>) -> Result<Vec<Value<T>>> {
        Err(self.refused())
    }
    fn jvp(&self, _: &[Value<T>], _: &Value<T>, _: usize, _: &Value<T>) -> Option<Result<Value<T>>> {
        Some(Err(self.refused()))
    }
    fn record_vjp<'t>(
        &self,
        _: &Recording<'t, T>,
        _: &[Var<'t, T>],
        _: &Var<'t, T>,
        _: &Var<'t, T>,
    ) -> Result<Vec<Var<'t, T>>> {
        Err(self.refused())
    }
}

/// The gradients of a user's rule, if there is one for each input and it stretches to the input's shape, or the other way round.
fn fitting<V>(name: &str, inputs: &[V], gradients: Vec<V>, shape: impl Fn(&V) -> Shape) -> Result<Vec<V>> {
    if gradients.len() != inputs.len() {
        return Err(Error::argument(format!(
            "{name}: its rule gave {} gradients for {} inputs; it must give one each",
            gradients.len(),
            inputs.len()
        )));
    }
    for (k, (input, gradient)) in inputs.iter().zip(&gradients).enumerate() {
        let (own, found) = (shape(input), shape(gradient));
        if !own.broadcasts_to(&found) && !found.broadcasts_to(&own) {
            return Err(Error::shape(format!(
                "{name}: its rule gave a gradient of shape {found} for input {k} of shape {own}; it must have the input's shape, or one \
                 that broadcasting makes of it"
            )));
        }
    }
    Ok(gradients)
}

/// A one-argument elementwise op of a user's behind a pointer.
pub(crate) trait DynUnary<T>: Send + Sync {
    /// Which op it is, whatever its parameters.
    fn kind(&self) -> TypeId;
    fn name(&self) -> &str;
    fn is_flat(&self) -> bool;
    fn value(&self, pool: &Pool<T>, x: Operand<'_, T>) -> Value<T>;
    /// out = f(x), of one length.
    fn write(&self, x: &[T], out: &mut [T]);
    /// g = g f'(x), of the inputs, the outputs and the upstream gradients.
    fn vjp(&self, x: &[T], y: &[T], g: &mut [T]);
    fn record_vjp<'t>(&self, x: Var<'t, T>, y: Var<'t, T>, g: Var<'t, T>) -> Var<'t, T>;
    /// The rule as a formula.
    fn symbol_vjp<'b>(&self, x: Symbol<'b>, y: Symbol<'b>, g: Symbol<'b>) -> Symbol<'b>;
    fn piece(&self, x: f64) -> i64;
}

impl<T: Element, O: Unary> DynUnary<T> for O {
    fn kind(&self) -> TypeId {
        TypeId::of::<O>()
    }
    fn name(&self) -> &str {
        O::NAME
    }
    fn is_flat(&self) -> bool {
        O::FLAT
    }
    fn value(&self, pool: &Pool<T>, x: Operand<'_, T>) -> Value<T> {
        match x {
            Operand::Scalar(x) => Value::Scalar(x.apply(*self)),
            Operand::Tensor(x) => {
                Value::Tensor(pool.fill(O::NAME, x.shape().clone(), |out| DynUnary::write(self, x.as_slice(), out)))
            }
        }
    }
    fn write(&self, x: &[T], out: &mut [T]) {
        elementwise::custom_unary(*self, x, out);
    }
    fn vjp(&self, x: &[T], y: &[T], g: &mut [T]) {
        elementwise::custom_unary_vjp(*self, x, y, g);
    }
    fn record_vjp<'t>(&self, x: Var<'t, T>, y: Var<'t, T>, g: Var<'t, T>) -> Var<'t, T> {
        Unary::vjp(*self, x, y, Upstream(g)).0
    }
    fn symbol_vjp<'b>(&self, x: Symbol<'b>, y: Symbol<'b>, g: Symbol<'b>) -> Symbol<'b> {
        Unary::vjp(*self, x, y, Upstream(g)).0
    }
    fn piece(&self, x: f64) -> i64 {
        Unary::piece(*self, x)
    }
}

/// A two-argument elementwise op of a user's behind a pointer.
pub(crate) trait DynBinary<T>: Send + Sync {
    /// Which op it is, whatever its parameters.
    fn kind(&self) -> TypeId;
    fn name(&self) -> &str;
    fn is_flat(&self) -> bool;
    fn value(&self, pool: &Pool<T>, x: Operand<'_, T>, y: Operand<'_, T>) -> Result<Value<T>>;
    /// out = f(x, y), broadcast by the plan.
    fn write(&self, plan: &Plan, x: &[T], y: &[T], out: &mut [T]);
    /// g = g df/dx or g df/dy, in the output's shape.
    fn vjp(&self, side: Side, inputs: BinaryInputs<'_, T>, g: &mut [T]);
    fn record_vjp<'t>(&self, side: Side, nodes: [Var<'t, T>; 3], g: Var<'t, T>) -> Var<'t, T>;
    /// The rule for an argument as a formula, of the inputs and the output.
    fn symbol_vjp<'b>(&self, nodes: [Symbol<'b>; 3], wrt: usize, g: Symbol<'b>) -> Symbol<'b>;
    fn piece(&self, x: f64, y: f64) -> i64;
}

impl<T: Element, O: Binary> DynBinary<T> for O {
    fn kind(&self) -> TypeId {
        TypeId::of::<O>()
    }
    fn name(&self) -> &str {
        O::NAME
    }
    fn is_flat(&self) -> bool {
        O::FLAT
    }
    fn value(&self, pool: &Pool<T>, x: Operand<'_, T>, y: Operand<'_, T>) -> Result<Value<T>> {
        if let (Operand::Scalar(x), Operand::Scalar(y)) = (x, y) {
            return Ok(Value::Scalar(x.apply2(*self, y)));
        }
        let shape = eager::broadcast_shape(O::NAME, x, y)?;
        let plan = Plan::new(&shape, x.dims(), y.dims());
        Ok(pool.try_fill(O::NAME, shape, |out| DynBinary::write(self, &plan, x.data(), y.data(), out))?.into())
    }
    fn write(&self, plan: &Plan, x: &[T], y: &[T], out: &mut [T]) {
        elementwise::custom_binary(*self, plan, x, y, out);
    }
    fn vjp(&self, side: Side, inputs: BinaryInputs<'_, T>, g: &mut [T]) {
        elementwise::custom_binary_vjp(*self, side, inputs, g);
    }
    fn record_vjp<'t>(&self, side: Side, [x, y, out]: [Var<'t, T>; 3], g: Var<'t, T>) -> Var<'t, T> {
        match side {
            Side::X => self.vjp_x(x, y, out, Upstream(g)).0,
            Side::Y => self.vjp_y(x, y, out, Upstream(g)).0,
        }
    }
    fn symbol_vjp<'b>(&self, [x, y, out]: [Symbol<'b>; 3], wrt: usize, g: Symbol<'b>) -> Symbol<'b> {
        match wrt {
            0 => self.vjp_x(x, y, out, Upstream(g)).0,
            _ => self.vjp_y(x, y, out, Upstream(g)).0,
        }
    }
    fn piece(&self, x: f64, y: f64) -> i64 {
        Binary::piece(*self, x, y)
    }
}
