//! Reverse-mode automatic differentiation on a tape of scalars and tensors.
//!
//! A [`Tape`] records operations as they are computed; a backward sweep applies the chain rule node by node. Scalars and
//! tensors mix freely, in f32 or f64, with NumPy's broadcasting. Gradients can themselves be recorded and differentiated, to
//! any order, and carried forward, all from one rule for each op.
//!
//! # Quickstart
//!
//! ```
//! use retrograd::{Tape, Tensor, grad, hessian_slice};
//!
//! // A tape records operations on its variables while they are computed.
//! let tape = Tape::new();
//! let (x, w, b) = (tape.var(0.5), tape.var(-1.5), tape.var(0.2));
//! let y = (x * w + b).tanh();
//!
//! // One backward sweep gives the derivative by every variable.
//! let grads = y.backward();
//! let slope = 1.0 - y.item() * y.item();
//! assert_eq!([grads.item(x), grads.item(w), grads.item(b)], [slope * -1.5, slope * 0.5, slope]);
//!
//! // Tensors live on the same tape, mix with numbers, and broadcast.
//! let weights = tape.var([[0.1, -0.2], [0.4, 0.3]]);
//! let inputs = tape.data([[1.0, 2.0], [0.0, -1.0], [0.5, 0.5]]);
//! let loss = (inputs.matmul(weights) * w + b).cross_entropy(&[0, 1, 1]);
//! let grads = loss.backward();
//! assert_eq!(grads.wrt(weights).shape().dims(), [2, 2]);
//! assert!(grads.item(w) != 0.0);
//!
//! // Gradients can be recorded, and differentiated again, to any order.
//! let first = tape.grad(y, &[x])[0];
//! let second = tape.grad(first, &[x])[0];
//! assert!((second.item() - -2.0 * y.item() * slope * 1.5 * 1.5).abs() < 1e-15);
//!
//! // Or leave the tape to functions of closures.
//! assert_eq!(grad(|x| x * x + 1.0, 3.0), 6.0);
//! assert_eq!(grad(|x| x.square().sum(()), Tensor::from([1.0, -2.0])).to_vec(), [2.0, -4.0]);
//! assert_eq!(hessian_slice(|x| x[0] * x[0] * x[1], &[1.0, 2.0]).to_vec(), [4.0, 2.0, 2.0, 0.0]);
//! ```
//!
//! # Where to find what
//!
#![cfg_attr(
    feature = "training",
    doc = "The [`guide`] says which tool is for what, how it works in one page, what things are called that you"
)]
#![cfg_attr(feature = "training", doc = "know from PyTorch, JAX or NumPy, and has ten recipes. All that is public:")]
//!
//! - [`Tape`] and [`Var`]: recording, every op as a method, `backward`; [`Gradients`]: what a sweep found. [`Id`] names a node,
//!   [`Guard`] a comparison, [`Input`] is what a tape takes.
//! - [`Tensor`]: arrays of numbers, with [`Shape`], [`Axes`] (and [`keep`](fn@keep)), [`Span`] and [`Spans`] to address them, and every op as a
//!   method as well; [`Value`] is a number or a tensor, [`Triangle`] which half of a matrix is read, [`update`](fn@update) with an [`ElementUpdate`]
//!   writes in place.
//! - [`grad`], [`value_and_grad`], [`vjp`], [`jvp`], [`hvp`], [`hessian`], [`jacobian`], each with `_slice` for several numbers: derivatives of
//!   closures at a [`Point`], for f64; they nest. [`grad_tensors`], [`value_and_grad_tensors`], [`jacobian_tensors`], [`hessian_tensors`] are of
//!   several tensors, in parts and blocks. [`vmap`] and [`Tape::vmap`] map a closure over examples. [`functional`] has them for either
//!   precision, and as `try_grad` and so on.
//! - [`Element`], [`Number`], [`Real`]: what generic code is written over; [`Dual`] is forward mode in plain numbers; [`num`] says which
//!   instructions compute.
#![cfg_attr(feature = "training", doc = "- [`nn`]: layers, losses, models; [`optim`]: optimisers and schedules;")]
#![cfg_attr(
    feature = "training",
    doc = "  [`data`]: data sets from files; [`train`]: the training loop, metrics, checkpoints;"
)]
#![cfg_attr(feature = "training", doc = "  [`store`]: tensors in files.")]
#![cfg_attr(feature = "plots", doc = "- [`plot`]: pictures and reports.")]
#![cfg_attr(feature = "serve", doc = "- [`serve`]: the page on this machine that judges what is typed.")]
//! - [`graph`]: a recorded computation as a value: its nodes, names, textbook expansions.
//! - [`compile`] and [`Program`]: what is recorded once, optimised, and run again; [`Map`] over many [`Points`], or over a
//!   [`program::PointSource`] that memory need not hold, [`Compiled`] for steps of training; [`program::Options`] has the settings of all of them.
//! - [`check`]: [`gradcheck`] and [`gradgradcheck`], with the options of [`Gradcheck`], hold gradients against forward mode and differences;
//!   [`check::Compare`] finds the mistake in a gradient made by hand.
//! - [`explain`]: the backward sweep shown: as a table, as products along paths, as formulas, as Rust source.
//! - [`ops`]: the elementwise ops with their rules, and the traits for ops of your own: [`Unary`] and [`Binary`] (values over [`Float`], rules
//!   over [`Number`] with an [`Upstream`] gradient), [`CustomOp`] over an [`Algebra`], [`NumericOp`].
//! - [`world`]: several processes that work on one thing, and sums whose bits do not depend on how many.
//! - [`Error`] and [`Result`]: what can go wrong, with predicates.
//!
//! # Limits
//!
//! - Dense, row-major arrays of `f32` or `f64`, on one CPU; integers only as labels and indices.
//! - A shape has at most 32 axes ([`Shape::MAX_RANK`]), and no more elements than [`Shape::MAX_NUMEL`]: its lengths, those of 0
//!   left out, multiply to no more.
//! - A tape belongs to one thread and is used while it is alive; tensors and gradients go anywhere.
//! - Recording is per run: control flow on values is recorded as it went, not as it might have gone. [`Tape::guards`] lists the
//!   comparisons that it hung on.
//! - Where a derivative does not exist, it is a documented choice: 0 for relu at 0, half to each of two equal maxima.
//! - A tape holds up to 2^27 scalar nodes. Values of intermediate tensors stay in memory until the tape is cleared.
//!
//! # Features
//!
//! On by default: `training` (layers, optimisers, data, the loop, files), `plots` (SVG, the HTML report), `progress` (a bar),
//! `interrupt` (Ctrl-C), `serve` (the page on 127.0.0.1), `cli` (what only the program `retrograd` needs). Off: `tracing` (events), `ndarray` (tensors from and to
//! arrays of that crate). Without default features the engine stands alone, with 8 crates in all.

pub mod check;
#[cfg(feature = "training")]
pub mod data;
mod error;
pub mod explain;
#[cfg(feature = "training")]
mod files;
pub mod functional;
mod grad;
pub mod graph;
#[cfg(feature = "training")]
pub mod guide;
#[doc(hidden)]
pub mod instances;
#[cfg(feature = "training")]
pub mod nn;
pub mod num;
pub mod ops;
#[cfg(feature = "training")]
pub mod optim;
mod parallel;
#[cfg(feature = "plots")]
pub mod plot;
pub mod program;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "training")]
pub mod store;
mod sweep;
mod tape;
mod tensor;
#[cfg(feature = "text")]
pub mod text;
#[cfg(feature = "training")]
pub mod train;
mod vmap;
pub mod world;

pub use check::{Gradcheck, gradcheck, gradgradcheck};
pub use error::{Error, Result};
pub use functional::Point;
pub use grad::{
    grad, grad_slice, grad_tensors, hessian, hessian_slice, hessian_tensors, hvp, hvp_slice, jacobian, jacobian_slice,
    jacobian_tensors, jvp, jvp_slice, value_and_grad, value_and_grad_slice, value_and_grad_tensors, vjp, vjp_slice,
    vmap,
};
pub use num::{Dual, Element, Float, Number, Real, Upstream};
pub use ops::algebra::Algebra;
pub use ops::{Binary, Unary};
pub use program::{Compiled, Map, Points, Program, compile};
/// The crate whose generators [`Tensor::normal`] and others draw from: its types stand in this one's API.
pub use rand;
/// The crate whose generator [`nn::Pass::rng`] gives.
#[cfg(feature = "training")]
pub use rand_chacha;
/// The crate whose [`Value`](serde_json::Value) layers, losses, rules and schedules describe themselves with.
#[cfg(feature = "training")]
pub use serde_json;
pub use sweep::Gradients;
pub use tape::custom::{CustomOp, NumericOp};
pub use tape::{Conv, Guard, Id, Input, IntoVar, Pooling, Tape, Triangle, Var};
pub use tensor::{Axes, ElementUpdate, IntoShape, PerAxis, Shape, Span, Spans, Tensor, Value, keep, update};

/// Compiles and runs the README's examples with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
