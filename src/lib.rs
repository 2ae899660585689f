//! Reverse-mode automatic differentiation on a tape of scalars and tensors.
//!
//! A [`Tape`] records operations as they are computed; a backward sweep applies the chain rule node by node. Scalars and
//! tensors mix freely, in f32 or f64, with NumPy's broadcasting. Gradients can themselves be recorded and differentiated, to
//! any order, and carried forward, all from one rule for each op.
//!
//! ```
//! use retrograd::Tape;
//! let tape = Tape::new();
//! let (x, w, b) = (tape.var(0.5), tape.var(-1.5), tape.var(0.2));
//! let y = (x * w + b).tanh();
//! let grads = y.backward();
//! let slope = 1.0 - y.item() * y.item();
//! assert_eq!(grads.item(w), slope * 0.5);
//! ```

pub mod algebra;
pub mod check;
mod error;
pub mod functional;
mod grad;
pub mod num;
pub mod ops;
mod sweep;
mod tape;
mod tensor;

pub use algebra::Algebra;
pub use check::{Gradcheck, gradcheck, gradgradcheck};
pub use error::{Error, Result};
pub use functional::Point;
pub use grad::{
    grad, grad_slice, hessian, hessian_slice, hvp, hvp_slice, jacobian, jacobian_slice, jvp, jvp_slice, value_and_grad,
    value_and_grad_slice, vjp, vjp_slice,
};
pub use num::{Dual, Element, Float, Number, Real, Upstream};
pub use ops::custom::{CustomOp, NumericOp};
pub use ops::{Binary, Unary};
pub use sweep::Gradients;
pub use tape::{Guard, Id, Input, Tape, Value, Var};
pub use tensor::{Axes, Shape, Span, Spans, Tensor};
