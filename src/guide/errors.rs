//! What errors mean, and what compilers say of common slips.
//!
//! # At run time
//!
//! There is one type, [`Error`](crate::Error), whose message begins with the op that was called and says what was wrong and what would be
//! right. A method `x` panics with the message at its caller's line; its twin `try_x` returns it. The kinds:
//!
//! | predicate | what it is | what to do |
//! |---|---|---|
//! | [`is_shape`](crate::Error::is_shape) | shapes do not fit: `add: shapes [2, 3] and [4] do not broadcast` | look at both shapes; [`keep`](fn@crate::keep) keeps a reduced axis |
//! | [`is_argument`](crate::Error::is_argument) | a value that the op does not take; a cell of a file, with row and column | as the message says |
//! | [`is_tape`](crate::Error::is_tape) | variables of two tapes, or of what a tape held before it was cleared | make all variables of a formula on one tape |
//! | [`is_not_differentiable`](crate::Error::is_not_differentiable) | a second derivative through an op whose rule is plain numbers; vectors of equal eigenvalues | another formula, or an op over an [`Algebra`](crate::Algebra) |
//! | [`is_not_finite`](crate::Error::is_not_finite) | NaN or infinite: [`Tape::check_finite`](crate::Tape::check_finite), training that diverged, a metric that is not defined | the message names the op, its operands and its line |
//! | [`is_check`](crate::Error::is_check) | a gradient check or a comparison that failed | the report says where they differ |
//! | [`is_io`](crate::Error::is_io) | a file: missing, damaged, of another kind | as the message says; nothing was changed, nothing half written |
//!
//! ```
//! use retrograd::{Tape, Tensor};
//! let tape = Tape::new();
//! let (x, y) = (tape.var(Tensor::ones([2, 3])), tape.var(Tensor::ones([4])));
//! let error = x.try_add(y).unwrap_err();
//! assert!(error.is_shape());
//! assert!(x.try_sum(2).unwrap_err().to_string().starts_with("sum: axis 2 is out of range for shape [2, 3]"));
//!
//! // A NaN is traced to where it came from.
//! let z = tape.var(-1.0).ln();
//! let found = (z + 1.0).tape().check_finite().unwrap_err().to_string();
//! assert!(found.contains("ln"), "{found}");
//! ```
//!
//! Numbers that are probably not meant, and are no error, are warnings: in [`History`](crate::train::History), in a report, in
//! [`Model::file_warnings`](crate::nn::Model::file_warnings).
//!
//! # While compiling a program
//!
//! - *reads a plain number*: [`Var::item`](crate::Var::item), or a decision of yours that hung on it. Return it as an output, or choose with
//!   [`select`](crate::Var::select).
//! - *record again*: a comparison went another way than when the program was recorded. [`compile`](fn@crate::compile) does that by itself.
//! - *shape*: a program is of one set of shapes; [`compile`](fn@crate::compile) keeps one for each.
//!
//! # Mapping over examples
//!
//! - *was read inside the closure*, *control flow hung on*: the closure of [`vmap`](crate::Tape::vmap) runs once, for all examples; choose with
//!   [`select`](crate::Var::select), and give back what is to be read.
//!
//! # What rustc says
//!
//! **A variable outlives its tape.** A tape must not be cleared or dropped while variables of it are in use:
//! ```compile_fail,E0502
//! use retrograd::Tape;
//! let mut tape = Tape::new();
//! let x = tape.var(1.0);
//! tape.clear(); // cannot borrow `tape` as mutable because it is also borrowed as immutable
//! println!("{}", x.item());
//! ```
//! Put a round of work into a block of its own, or into a function, and clear the tape after it.
//!
//! **A closure returns a variable of another tape, or a number.** `grad(|x| 1.0, ..)` is a mismatch of types: return
//! [`Var::constant(1.0)`](crate::Var::constant).
//! ```compile_fail,E0308
//! retrograd::grad(|x| 1.0, 2.0);
//! ```
//!
//! **A derivative inside another, at a number.** At a number the inner closure has a tape of its own, where the outer variable does not
//! stand; what is wanted is a variable of the outer tape with that number, `x.tape().data(2.0)`:
//! ```compile_fail,E0271
//! retrograd::grad(|x| retrograd::grad(|y| x * y * y, 2.0), 3.0);
//! ```
//! ```
//! use retrograd::grad;
//! assert_eq!(grad(|x| grad(|y| x * y * y, x.tape().data(2.0)), 3.0), 4.0);
//! ```
//!
//! **A generic function by its bare name.** `grad_slice(rosenbrock, &x)` asks for one lifetime where all are needed; write the closure:
//! `grad_slice(|x| rosenbrock(x), &x)`.
//!
//! **A closure in a `let`.** rustc gives a closure that is not written where it is used one lifetime, and says *lifetime may not live long
//! enough*. Write it in the call, or as a function: `fn loss<'t>(x: Var<'t, f64>) -> Var<'t, f64>`.
//!
//! **Type annotations needed (E0282).** `Tensor::from([0.0])` may be of f32 or f64 where nothing else says which: `Tensor::<f64>::from([0.0])`.
//!
//! **An optimiser's rule of your own.** `Trainer::new(MyRule { .. })`, as `Optimizer::from`, takes what becomes an [`Optimizer`](crate::optim::Optimizer):
//! `Trainer::new(Optimizer::new(MyRule { .. }))`.
//!
//! **A literal on the left in generic code.** No bound can say that `1.0 - x` is an `S`. Write `S::lit(1.0) - x`, or `-x + 1.0` with
//! [`Real`](crate::Real):
//! ```compile_fail,E0277
//! fn f<S: retrograd::Real>(x: S) -> S {
//!     1.0 - x
//! }
//! ```
//! ```
//! fn f<S: retrograd::Real>(x: S) -> S {
//!     S::lit(1.0) - x
//! }
//! assert_eq!(f(0.25), 0.75);
//! assert_eq!(retrograd::grad(|x| f(x), 0.25), -1.0);
//! ```
//!
//! [`Real`](crate::Real) has literals of one precision. A formula for f32 *and* f64 is written over [`Number`](crate::Number), with every literal as
//! `S::lit(0.5)`.
//!
//! **Single precision.** A tape is of one precision; `Tape::new()` is of f64, `Tape::<f32>::of()` of f32, and a literal beside a variable is of
//! its type. In generic formulas, `S: Real<f32>`.
//! ```compile_fail,E0277
//! use retrograd::{Tape, Tensor};
//! let tape = Tape::new();
//! let x = tape.var(1.0);
//! let y = x * Tensor::from([1.0_f32]); // cannot multiply `Var<'_, f64>` by `Tensor<f32>`
//! ```
//!
//! **What tensors are made of.** Arrays, vectors, slices and numbers become tensors with `Tensor::from` and where a method takes
//! `impl Into<Tensor>`; integers do not, so that `tape.var(1)` says that an integer is no point of differentiation: write `1.0`.
//! ```compile_fail,E0277
//! retrograd::Tape::new().var(1);
//! ```
