//! The ops: name, value, derivative rule, sample points, each op in a file with its family.
//!
//! An elementwise op is a [`Unary`] or [`Binary`]; its rule is written over [`Number`](crate::Number), so that the same line
//! computes gradients of plain numbers in vectorised loops, records gradients of gradients, and carries tangents.
//! Ops on whole tensors are in `structural`; their rules are written over [`Algebra`](crate::Algebra).
//!
//! **Invariants.** A rule returns its contribution; it never sees where gradients are stored, never adds to them and never
//! undoes a broadcast. A derivative that is zero everywhere is declared (`FLAT`), never computed.
//!
//! # The families
//!
//! An elementwise op is a struct of this module, and a method of numbers ([`Number`](crate::Number)), variables and tensors. What the
//! op takes besides its arguments is a field of the struct, and an argument of the method.
//!
//! Arithmetic: [`Add`], [`Sub`], [`Mul`], [`Div`], [`Neg`], [`Abs`], [`Sign`], [`Maximum`], [`Minimum`], [`Floor`], [`Ceil`], [`Round`].
//! ```
//! use retrograd::grad;
//! assert_eq!(grad(|x| (x * 3.0 - 1.0).abs(), -1.0), -3.0);
//! assert_eq!(grad(|x| x.maximum(2.0) + x.floor(), 5.5), 1.0);
//! ```
//!
//! Comparisons, which are 1 where they hold and 0 elsewhere: [`Greater`], [`GreaterEqual`], [`Less`], [`LessEqual`], [`Equal`], [`NotEqual`].
//! ```
//! use retrograd::{Tensor, grad};
//! let slopes = grad(|x| x.greater(2.0).select(x.square(), 0.0).sum(()), Tensor::from([1.0, 3.0]));
//! assert_eq!(slopes.to_vec(), [0.0, 6.0]);
//! ```
//!
//! Powers and roots: [`Square`], [`Sqrt`], [`Rsqrt`], [`Cbrt`], [`Reciprocal`], [`Powi`], [`Powf`], [`Pow`], [`Hypot`].
//! ```
//! use retrograd::{grad, grad_slice};
//! assert_eq!((grad(|x| x.powi(3), 2.0), grad(|x| x.sqrt(), 4.0)), (12.0, 0.25));
//! assert_eq!(grad_slice(|x| x[0].hypot(x[1]), &[3.0, 4.0]), [0.6, 0.8]);
//! ```
//!
//! Exponentials and logarithms: [`Exp`], [`Exp2`], [`Expm1`], [`Ln`], [`Log2`], [`Log10`], [`Log1p`], [`Logaddexp`], [`Xlogy`].
//! ```
//! use retrograd::grad;
//! assert_eq!((grad(|x| x.log1p(), 0.0), grad(|x| x.ln(), 4.0)), (1.0, 0.25));
//! // ln(e^x + e^1000) leaves the range on the way, and its derivative does not.
//! assert_eq!(grad(|x| x.logaddexp(1000.0), 1000.0), 0.5);
//! ```
//!
//! Circular functions and their inverses: [`Sin`], [`Cos`], [`Tan`], [`Asin`], [`Acos`], [`Atan`], [`Atan2`], [`Sinc`], [`SincDerivative`].
//! ```
//! use retrograd::grad;
//! assert_eq!((grad(|x| x.sin(), 0.0), grad(|x| x.atan(), 1.0), grad(|x| x.sinc(), 0.0)), (1.0, 0.5, 0.0));
//! ```
//!
//! Hyperbolic functions and their inverses: [`Sinh`], [`Cosh`], [`Tanh`], [`LogCosh`], [`Asinh`], [`Acosh`], [`Atanh`].
//! ```
//! use retrograd::grad;
//! assert_eq!((grad(|x| x.tanh(), 0.0), grad(|x| x.log_cosh(), 1000.0)), (1.0, 1.0));
//! ```
//!
//! Special functions: [`Erf`], [`Erfc`], [`Erfinv`], [`Erfcx`], [`ErfcxDerivative`], [`NormalPdf`], [`NormalCdf`], [`LogNormalCdf`], [`Logit`],
//! [`Lgamma`], [`Digamma`], [`Polygamma`].
//! ```
//! use retrograd::{Tensor, grad};
//! assert_eq!(grad(|x| x.lgamma(), 3.0), Tensor::scalar(3.0).digamma().item());
//! assert_eq!(grad(|x| x.normal_cdf(), 0.5), Tensor::scalar(0.5).normal_pdf().item());
//! ```
//!
//! Activations and what losses are made of: [`Sigmoid`], [`LogSigmoid`], [`Softplus`], [`Relu`], [`LeakyRelu`], [`Elu`], [`Selu`], [`Celu`],
//! [`Relu6`], [`Gelu`], [`GeluTanh`], [`Silu`], [`Mish`], [`Softsign`], [`HardTanh`], [`HardSigmoid`], [`Clamp`], [`Huber`], [`BceWithLogits`].
//! ```
//! use retrograd::grad;
//! assert_eq!((grad(|x| x.sigmoid(), 0.0), grad(|x| x.leaky_relu(0.1), -2.0)), (0.25, 0.1));
//! assert_eq!(grad(|x| x.clamp(-1.0, 1.0), 0.5), 1.0);
//! ```
//!
//! Products with an upstream gradient, which rules are made of: [`Scale`], [`Over`], [`Gate`].
//! ```
//! use retrograd::{Binary, ops};
//! // No gradient times an infinite derivative is no gradient.
//! assert_eq!((ops::Scale.value(0.0, f64::INFINITY), ops::Over.value(0.0, 0.0_f64)), (0.0, 0.0));
//! ```
//!
//! # Where no derivative exists
//!
//! There the value is a decision. Each row is a test in `tests/engine/conventions.rs`. JAX is 0.10 in f64, as measured; PyTorch is
//! 2.15, from the reference values that the tests carry (a dash where those have no such point).
//!
//! | point | derivative here | PyTorch | JAX |
//! |---|---|---|---|
//! | `relu` at 0; `relu6` at 0 and 6 | 0 | - | 0 |
//! | `clamp` at its bounds | 0 | - | 1/2 |
//! | `abs` at 0 | 0 | - | 1 |
//! | `norm1`, `norm_inf` of zeros | 0 | 0 | 1; shared evenly |
//! | `norm2` of zeros | 0 | - | NaN |
//! | `std` of equal numbers | 0 | 0 | NaN |
//! | `hypot` at the origin | 0 | - | 1/2 |
//! | `atan2` at the origin | 0 | - | NaN |
//! | `leaky_relu` at 0 | its slope | its slope | 1 |
//! | `elu` at 0; `selu` at 0 | alpha; alpha scale | -; alpha scale | alpha; alpha scale |
//! | `sign`, `floor`, `ceil`, `round`, comparisons | 0 | 0 | 0 |
//! | `maximum`, `minimum` of equal numbers | 1/2 to each | - | 1/2 to each |
//! | `max`, `min` over an axis with ties | shared evenly | shared evenly | shared evenly |
//! | `sqrt`, `ln` at 0; at -0 | inf; -inf | - | inf; -inf |
//! | `reciprocal` at -0 | -inf | -inf | -inf |
//! | x^y by x, for y = 0 | 0 | 0 | NaN at x = 0 |
//! | x^y by y, for x = 0 and y >= 0 | 0 | 0 | 0 |
//! | x^y for x < 0 | an integer power's; NaN by y | same | same |
//! | `logsumexp` of nothing but -inf | 0 | - | NaN |
//! | `xlogy` at (0, 0) | 0; 0 | 0; NaN | -inf; NaN |
//! | `select` | the chosen side's alone | same, with the inner `where` too | same, with the inner `where` too |
//!
//! A zero upstream gradient stays zero, whatever it is multiplied with, at every order ([`Scale`], [`Over`]), and so does a zero
//! tangent: through every op, also of whole tensors, where a row or a matrix that nobody asks for leaves the others alone. That is
//! why one `select` around a logarithm is enough here, where PyTorch and JAX need a second one inside.
//! [`Tape::strict`](crate::Tape::strict) turns it off, for who hunts a NaN.
//!
//! What is given up for that, and for the choices of the table:
//!
//! - A limit of 0 times infinity is 0: the derivative of sqrt(x)^2 at 0, which is 1, and of |x| written as sqrt(x^2), forward.
//! - Backward, what hides is a zero that arrives; forward, one that is there. So the two differ where an infinite derivative
//!   stands between: of x sqrt(x) at 0, `grad` has 0, which is right, and `jvp` NaN. [`jacobian`](fn@crate::jacobian) takes `grad`'s answer.
//! - Second derivatives beside a choice. Of `norm2`, `std`, `hypot` and `atan2` at those points they are NaN by every route, in any
//!   order of sweeps and tangents, never a silent 0: norm2(x)^2 at 0 has 2 I, and no rule of the norm can know. `dot(x, x)`, a sum
//!   of squares or a variance can. (Dual numbers of dual numbers have the rules alone, without that second recording: infinite for
//!   hypot itself, and 0 for that of squares.) Of the pieces that are straight (`abs`, `relu`, `norm1`, `max`) they are those of the piece that
//!   the choice is on: of |x|^2 at 0, 0. Of `xlogy` at (0, 0) they are the formula's: 0, and the mixed one infinite.
//!
//! # What rounding does
//!
//! Every sum is one of blocks, added two by two: along any axes, of norms, softmax and losses, running sums, rows that are gathered
//! again and again, broadcasts backwards, products of matrices with a long inner dimension, on the tape, in programs and in maps. Its
//! error grows with the logarithm of how much is added: of 10^8 numbers in `f32`, some units in the last place of the sum of their
//! absolute values. The order follows from shapes alone: threads change no bits. (Numbers that a closure adds one by one are added one
//! by one, and so are the gradients of a variable that many ops read.)
//!
//! Where value, derivative and upstream gradient are ordinary numbers, a rule's result is one: it goes from the upstream gradient to
//! the result without turning back, and where a number's derivative leaves the range, as that of 1/x at 1e-200, its tape is swept by
//! the rules and not by what was kept of them. A logarithm of a tail (`erfc`, `normal_cdf`, `normal_pdf`, `sigmoid`, `exp`) hands its
//! gradient on to the tail's argument in one go, since 1/f is no number where f is subnormal. What is itself out of range, as the tangent of 1/x there, is infinite or 0. `sigmoid`, `tanh` and what is made of them
//! (the gradient of `bce_with_logits` at a target of 1, the second one of `softplus` and `logaddexp`) take their slope from the output
//! and are 0 where that is 1, from 17 on in `f32` and 37 in `f64`.
//!
//! A number, an element of a tensor at any place, and a dual number go through one implementation, with the same bits on the same
//! instruction set.

pub(crate) mod algebra;
pub(crate) mod eager;
pub(crate) mod structural;
pub(crate) mod symbol;
#[cfg(test)]
mod tests;

pub use crate::num::elementwise::*;
