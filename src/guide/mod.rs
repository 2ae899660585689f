//! A guide: which tool for what, how it works in one page, and where to go on.
//!
//! - [`names`]: what it is called here, for who comes from PyTorch, JAX or NumPy, and where the same name means something else.
//! - [`recipes`]: ten whole programs.
//! - [`errors`]: what they mean, and what compilers say of common slips.
//! - [`processes`]: training by several processes, on a laptop, with Slurm, on several hosts.
//! - [`speed`]: when a program pays, threads, debug builds, memory.
//!
//! # Which tool for what
//!
//! | you have | take | you get |
//! |---|---|---|
//! | a formula, to be differentiated once or a few times | [`grad`](crate::grad) and its kin: [`value_and_grad`](crate::value_and_grad), [`hessian`](crate::hessian), [`jacobian`](crate::jacobian), [`jvp`](crate::jvp), [`vjp`](crate::vjp), [`hvp`](crate::hvp), each with `_slice` for several numbers | numbers, no tape in sight |
//! | a computation of your own shape: a loop, hooks, names, pictures, several sweeps | a [`Tape`](crate::Tape) and its [`Var`](crate::Var)s | [`Gradients`](crate::Gradients), or gradients that are recorded in turn ([`Tape::grad`](crate::Tape::grad)) |
//! | the same function, many times, on shapes that may change | [`compile`](fn@crate::compile) | a function that records where it must and else runs a program |
//! | the same function, many times, of one set of shapes, and no allocation | [`Program`](crate::Program) | its outputs, in memory that is used again |
//! | a function of a few numbers, over thousands of points | [`Map`](crate::Map) | values, a summed gradient, Jacobians, in vector lanes |
//! | the same over more points than memory holds | [`Map::over`](crate::Map::over) a [`PointFile`](crate::data::PointFile) | values or a summed gradient, in blocks |
//! | one derivative along one direction, or code without a tape | [`Dual`](crate::Dual) | value and tangent, on the stack |
//! | a gradient that was derived by hand | [`Compare`](crate::check::Compare), [`gradcheck`](crate::gradcheck) | whether it is right, and else what the mistake is |
//! | gradients made in another language | [`Problem`](crate::check::Problem) | the same, of a function as data in a file, with its arrays |
//! | more data or a larger network than one machine trains in time | [`Trainer::world`](crate::train::Trainer::world) with [`world`](crate::world) | the same model, byte for byte, by several processes |
//! | data and a network | [`Trainer`](crate::train::Trainer) with [`Mlp`](crate::nn::Mlp), [`Csv`](crate::data::Csv) | a trained model in a file, its history, a report |
//! | data and a small network, for many seeds, rates and penalties | [`Sweep`](crate::train::Sweep) | a table with a row for each combination, and the model of each |
//!
//! Closures have one shape: `|x|`, a variable, or `|v|`, a slice of them, and return a variable or a `Vec` of them (a map's takes two
//! slices: a point's numbers, and those that all points share). Where such a closure needs the tape, to put data on it or to
//! differentiate inside, it has it from a variable: [`x.tape()`](crate::Var::tape). What stands beside a variable needs no tape: a
//! [`Tensor`](crate::Tensor) in operators, a tensor, an array or a number in methods, as in `x * &weights`, `x.matmul(&weights)`,
//! `y.mean_squared_error([1.0, 2.0])`.
//!
//! **To minimise** something, there is [`Lbfgs`](crate::optim::Lbfgs): of a closure ([`minimize`](crate::optim::Lbfgs::minimize), and
//! [`try_minimize`](crate::optim::Lbfgs::try_minimize) where it is not defined everywhere), of a [`Program`](crate::Program)
//! ([`minimize_program`](crate::optim::Lbfgs::minimize_program)), of a model. For steps of Adam and its like on parameters that are no network's, put
//! them into [`Params`](crate::nn::Params), use them through a [`Pass`](crate::nn::Pass), and give
//! [`Optimizer::step`](crate::optim::Optimizer::step) the gradients of [`Passed`](crate::nn::Passed).
//!
//! ```
//! use retrograd::{Map, Points, Program, Tensor, compile, grad, hessian};
//! // One formula, by four tools.
//! let x = Tensor::from([0.5, -1.0]);
//! let weights = Tensor::from([2.0, 3.0]);
//! let slopes = grad(|x| (x.sin() * &weights).sum(()), &x);
//! assert!(hessian(|x| (x.sin() * &weights).sum(()), &x).is_finite());
//!
//! let mut program = Program::compile_gradient(&[x.clone()], &[0], |v| (v[0].sin() * &weights).sum(()))?;
//! program.run(&[&x])?;
//! assert_eq!(program.tensor(1), slopes);
//!
//! let mut function = compile(|v| {
//!     let y = (v[0].sin() * &weights).sum(());
//!     vec![y.tape().grad(y, &[v[0]])[0]]
//! });
//! assert_eq!(function.call(&[&x])?.tensor(0), slopes);
//!
//! // Of one point's numbers, (x, weight); the derivative by what all points share, here a factor of 1.
//! let mut map = Map::compile_gradient(2, 1, |point, shared| (point[0] * shared[0]).sin() * point[1])?;
//! let mut by_factor = [0.0];
//! map.gradient(&Points::new(2).column(&x.to_vec()).column(&weights.to_vec()), &[1.0], &mut by_factor)?;
//! assert!((by_factor[0] - x.dot(&slopes).item()).abs() < 1e-15);
//! # Ok::<(), retrograd::Error>(())
//! ```
//!
//! # How it works, in one page
//!
//! **What is recorded.** A [`Tape`](crate::Tape) has two lanes: numbers, as a list of 24 bytes an op with its partial derivatives, and
//! tensors, as ops with their values. Every op on a [`Var`](crate::Var) computes its value at once and appends itself; ops on
//! constants alone are computed and not recorded. Control flow is Rust's: it is recorded as it went ([`Tape::guards`](crate::Tape::guards) lists the
//! comparisons). A `Var` is a small `Copy` handle that borrows the tape.
//!
//! **What a sweep does.** [`Var::backward`](crate::Var::backward) goes from the value back to the leaves, once, and gives
//! [`Gradients`](crate::Gradients): a value of its own. Nothing is stored in variables, so nothing has to be zeroed, and two sweeps do not add
//! up. [`Tape::grad`](crate::Tape::grad) records the sweep, so that its results are variables and can be differentiated again; every rule is written
//! over an [`Algebra`](crate::Algebra), once, and serves both, forward mode, and programs.
//!
//! **When memory is freed.** A tape keeps the values of intermediate tensors until [`Tape::clear`](crate::Tape::clear) or its end; the borrow
//! checker does not let a `Var` outlive either. A cleared tape keeps its buffers for the next round, and
//! [`Tape::recycle`](crate::Tape::recycle) gives it those of gradients back: a training loop on one tape allocates nothing once it is warm. Tensors are
//! counted references to their numbers: a clone is cheap, writing to one that is shared copies it first.
//!
//! **What freezes.** A program is what was recorded. What the closure captures, numbers and tensors alike, is a constant of it; what is
//! to change must be an input. A comparison of variables becomes a guard: a run in which it goes another way is refused by a
//! [`Program`](crate::Program), and recorded anew by [`compile`](fn@crate::compile). Reading a number out of a variable ([`Var::item`](crate::Var::item)) while
//! compiling is an error, as that number could not change. Random numbers drawn in a closure freeze.
//!
//! Training steps are another matter ([`Model::step_compiled`](crate::nn::Model::step_compiled), [`Trainer`](crate::train::Trainer)): their closure is called
//! each time to feed the program, so that tensors put on the tape in it, noise of [`Pass::normal`](crate::nn::Pass::normal) among them, are new
//! each time. A plain number that changes from step to step is a constant of the recording, which is then made anew, and after a
//! few times given up ([`Compiled::problem`](crate::Compiled::problem) says so): put it on the tape, `tape.data(beta)`.
//!
//! **Conventions.** Where no gradient arrives, none goes on, whatever the derivative: rows that nobody selected may be infinite
//! ([`Tape::strict`](crate::Tape::strict) turns that off). Where there is no derivative there is a choice, as 0 for relu at 0. Broadcasting is NumPy's. An
//! op that may fail has a twin, `try_x`, that returns an [`Error`](crate::Error) where `x` panics with it, at the caller's line.
//!
//! ```
//! use retrograd::Tape;
//! let mut tape = Tape::new();
//! for step in 1..=3 {
//!     {
//!         let w = tape.var([1.0, 2.0]);
//!         let loss = (w * f64::from(step)).square().sum(());
//!         let gradients = loss.backward();
//!         assert_eq!(gradients.wrt(w).to_vec()[0], 2.0 * f64::from(step * step));
//!         tape.recycle(gradients);
//!     }
//!     tape.clear(); // no variable of this round can be used from here on
//! }
//! ```

pub mod errors;
pub mod names;
pub mod processes;
pub mod recipes;
pub mod speed;
