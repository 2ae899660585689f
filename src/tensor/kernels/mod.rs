//! The loops over elements.
//!
//! Each is written once over the element's lane type and entered through run-time dispatch; nothing here knows of tapes,
//! nodes or gradients beyond "multiply this rule in".

pub(crate) mod chunks;
pub(crate) mod conv;
#[doc(hidden)]
pub mod elementwise;
pub(crate) mod gather;
pub(crate) mod layout;
pub(crate) mod linalg;
#[doc(hidden)]
pub mod matmul;
pub(crate) mod order;
pub(crate) mod pairwise;
pub(crate) mod reduce;
pub(crate) mod rows;

use crate::num::elementwise::{BinaryOp, UnaryOp};
use crate::num::{Element, PerElement};
use chunks::{Call, KernelVariant};
use elementwise::{Argument, BinaryInputs, Entry, Plan, Side};

/// The loops that are compiled for every op: once for each element type, here, not wherever a generic caller is compiled.
pub(crate) trait Kernels: Element {
    /// out = op(x).
    fn unary_kernel(op: UnaryOp, x: &[Self], out: &mut [Self]) {
        (Self::pick::<Tables>().unary)(op, x, out);
    }
    /// g = g f'(x), from the input and the output.
    fn unary_vjp_kernel(op: UnaryOp, x: &[Self], y: &[Self], g: &mut [Self]) {
        (Self::pick::<Tables>().unary_vjp)(op, x, y, g);
    }
    /// out = op(x, y), broadcast by the plan.
    fn binary_kernel(op: BinaryOp, plan: &Plan, x: &[Self], y: &[Self], out: &mut [Self]) {
        (Self::pick::<Tables>().binary)(op, plan, x, y, out);
    }
    /// g = g df/dx or g df/dy, in the output's shape.
    fn binary_vjp_kernel(op: BinaryOp, side: Side, inputs: BinaryInputs<'_, Self>, g: &mut [Self]) {
        (Self::pick::<Tables>().binary_vjp)(op, side, inputs, g);
    }
    /// A user's op over the lanes of a destination, as [`elementwise::run`].
    ///
    /// # Safety
    /// As there.
    unsafe fn run_kernel(entry: Entry<Self>, arguments: &[Argument<'_, Self>; 3], out: &mut [Self], in_place: bool) {
        // SAFETY: the caller's.
        unsafe { (Self::pick::<Tables>().run)(entry, arguments, out, in_place) }
    }
    /// An op over chunks of registers.
    fn chunk_kernel(form: KernelVariant) -> unsafe fn(&Call<Self>) {
        (Self::pick::<Tables>().chunk)(form)
    }
}
impl<T: Element> Kernels for T {}

/// The entry points for one element type.
struct Table<T: 'static> {
    unary: fn(UnaryOp, &[T], &mut [T]),
    unary_vjp: fn(UnaryOp, &[T], &[T], &mut [T]),
    binary: fn(BinaryOp, &Plan, &[T], &[T], &mut [T]),
    binary_vjp: fn(BinaryOp, Side, BinaryInputs<'_, T>, &mut [T]),
    run: unsafe fn(Entry<T>, &[Argument<'_, T>; 3], &mut [T], bool),
    chunk: fn(KernelVariant) -> unsafe fn(&Call<T>),
}

impl<T: Element> Table<T> {
    const NEW: Self = Self {
        unary: elementwise::unary,
        unary_vjp: elementwise::unary_vjp,
        binary: elementwise::binary,
        binary_vjp: elementwise::binary_vjp,
        run: elementwise::run,
        chunk: chunks::bind,
    };
}

static SINGLE: Table<f32> = Table::NEW;
static DOUBLE: Table<f64> = Table::NEW;

struct Tables;
impl PerElement for Tables {
    type Of<T: Element> = &'static Table<T>;
    fn single() -> &'static Table<f32> {
        &SINGLE
    }
    fn double() -> &'static Table<f64> {
        &DOUBLE
    }
}
