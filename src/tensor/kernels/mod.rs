//! The loops over elements.
//!
//! Each is written once over the element's lane type and entered through run-time dispatch; nothing here knows of tapes,
//! nodes or gradients beyond "multiply this rule in".

#[doc(hidden)]
pub mod elementwise;
pub(crate) mod gather;
pub(crate) mod layout;
pub(crate) mod linalg;
#[doc(hidden)]
pub mod matmul;
pub(crate) mod reduce;
pub(crate) mod rows;

use crate::ops::{BinaryOp, UnaryOp};
use crate::program::block::kernels::{self, Call, KernelVariant};
use elementwise::{BinaryInputs, Plan, Side};

/// The loops that are compiled for every op: once for each element type, here, not wherever a generic caller is compiled.
#[doc(hidden)]
pub trait Kernels: Sized {
    /// out = op(x).
    fn unary_kernel(op: UnaryOp, x: &[Self], out: &mut [Self]);
    /// g = g f'(x), from the input and the output.
    fn unary_vjp_kernel(op: UnaryOp, x: &[Self], y: &[Self], g: &mut [Self]);
    /// out = op(x, y), broadcast by the plan.
    fn binary_kernel(op: BinaryOp, plan: &Plan, x: &[Self], y: &[Self], out: &mut [Self]);
    /// g = g df/dx or g df/dy, in the output's shape.
    fn binary_vjp_kernel(op: BinaryOp, side: Side, inputs: BinaryInputs<'_, Self>, g: &mut [Self]);
    /// An op over chunks of registers.
    fn chunk_kernel(form: KernelVariant) -> unsafe fn(&Call<Self>);
}

macro_rules! kernels {
    ($($t:ty),*) => {$(
        impl Kernels for $t {
            fn unary_kernel(op: UnaryOp, x: &[Self], out: &mut [Self]) {
                elementwise::unary(op, x, out);
            }
            fn unary_vjp_kernel(op: UnaryOp, x: &[Self], y: &[Self], g: &mut [Self]) {
                elementwise::unary_vjp(op, x, y, g);
            }
            fn binary_kernel(op: BinaryOp, plan: &Plan, x: &[Self], y: &[Self], out: &mut [Self]) {
                elementwise::binary(op, plan, x, y, out);
            }
            fn binary_vjp_kernel(op: BinaryOp, side: Side, inputs: BinaryInputs<'_, Self>, g: &mut [Self]) {
                elementwise::binary_vjp(op, side, inputs, g);
            }
            fn chunk_kernel(form: KernelVariant) -> unsafe fn(&Call<Self>) {
                kernels::bind(form)
            }
        }
    )*};
}
kernels!(f32, f64);
