//! Ten recipes: whole programs, each small enough to read at once, and each a test that asserts its result.
//!
//! They are written for `f64` where nothing speaks against it: literals need no suffix there. Copy one, and change the formula.
//!
//! # One formula for numbers, dual numbers and variables
//!
//! A formula over [`Number`](crate::Number) runs on `f32` and `f64` at no cost, on [`Dual`](crate::Dual) for its derivative in the
//! same pass, and on [`Var`](crate::Var) for gradients by any number of variables. Here it is van der Waals' pressure of a gas in
//! units of its critical point, p = 8 t / (3 v - 1) - 3 / v^2, whose first and second derivative by v are 0 at v = t = 1. Literals
//! are written by `S::lit`, on either side; where double precision is enough, [`Real`](crate::Real) has them on the right of an
//! operator as they are.
//!
//! ```rust
//! use retrograd::{Dual, Number, Real, Tape};
//!
//! fn pressure<S: Number>(v: S, t: S) -> S {
//!     let n = S::lit;
//!     n(8.0) * t / (n(3.0) * v - n(1.0)) - n(3.0) / v.square()
//! }
//! fn in_double_precision<S: Real>(v: S, t: S) -> S {
//!     t * 8.0 / (v * 3.0 - 1.0) - v.square().reciprocal() * 3.0
//! }
//!
//! // Plain numbers, in either precision.
//! assert_eq!(pressure(1.0_f32, 1.0), 1.0);
//! assert_eq!(pressure(1.0_f64, 1.0), 1.0);
//! assert_eq!(in_double_precision(1.0, 1.0), 1.0);
//!
//! // A dual number carries the derivative along: by v here, then by t.
//! let by_v = pressure(Dual::variable(1.0), Dual::constant(1.0));
//! let by_t = pressure(Dual::constant(1.0), Dual::variable(1.0));
//! assert_eq!((by_v.value, by_v.tangent, by_t.tangent), (1.0, 0.0, 4.0));
//!
//! // Variables on a tape: both derivatives from one sweep, and derivatives of derivatives.
//! let tape = Tape::new();
//! let (v, t) = (tape.var(1.0), tape.var(1.0));
//! let slopes = tape.grad(pressure(v, t), &[v, t]);
//! assert_eq!((slopes[0].item(), slopes[1].item()), (0.0, 4.0));
//! let bends = tape.grad(slopes[0], &[v, t]);
//! assert_eq!((bends[0].item(), bends[1].item()), (0.0, -6.0));
//! ```
//!
//! # Option Greeks by Black and Scholes
//!
//! The value of a European call is s N(d1) - k e^(-r t) N(d2), where d1 = (ln(s/k) + (r + v^2/2) t) / (v sqrt(t)), d2 = d1 - v
//! sqrt(t), and N is the standard normal distribution function. Its derivatives, the Greeks, are known in closed form, which is
//! what this asserts. [`value_and_grad_slice`](crate::value_and_grad_slice) gives all first ones from one sweep,
//! [`hessian_slice`](crate::hessian_slice) all second ones; the formula is over [`Real`](crate::Real), so that plain numbers take
//! it as well. For many options at once, see [`Map`](crate::Map).
//!
//! ```rust
//! use retrograd::{Number, Real, hessian_slice, value_and_grad_slice};
//!
//! /// The value of a call by price, strike, volatility, rate and time.
//! fn call<S: Real>(x: &[S]) -> S {
//!     let (price, strike, volatility, rate, time) = (x[0], x[1], x[2], x[3], x[4]);
//!     let spread = volatility * time.sqrt();
//!     let d1 = ((price / strike).ln() + (rate + volatility.square() * 0.5) * time) / spread;
//!     price * d1.normal_cdf() - strike * (-rate * time).exp() * (d1 - spread).normal_cdf()
//! }
//!
//! let market = [100.0, 105.0, 0.2, 0.03, 0.5];
//! let (value, greeks) = value_and_grad_slice(|x| call(x), &market);
//! let second = hessian_slice(|x| call(x), &market);
//! assert_eq!(value, call(&market));
//! println!("value {value:.4}, delta {:.4}, vega {:.4}, rho {:.4}", greeks[0], greeks[2], greeks[3]);
//!
//! // The closed forms.
//! let [s, k, v, r, t] = market;
//! let d1 = ((s / k).ln() + (r + v * v / 2.0) * t) / (v * t.sqrt());
//! let density = d1.normal_pdf();
//! let (delta, vega, gamma) = (d1.normal_cdf(), s * density * t.sqrt(), density / (s * v * t.sqrt()));
//! let vanna = vega / s * (1.0 - d1 / (v * t.sqrt()));
//! assert!((greeks[0] - delta).abs() < 1e-13);
//! assert!((greeks[2] - vega).abs() < 1e-11);
//! assert!((second[[0, 0]] - gamma).abs() < 1e-13);
//! assert!((second[[0, 2]] - vanna).abs() < 1e-12);
//! ```
//!
//! # Least squares by Levenberg and Marquardt
//!
//! A curve a e^(-b x) + c is fitted to points: the step d solves (J^T J + m diag(J^T J)) d = J^T r, with the residuals r and their
//! Jacobian J. The damping m falls while steps succeed, towards Gauss and Newton's method, and rises where they fail, towards short
//! steps downhill. [`jacobian`](crate::jacobian) takes three forward passes here, one for each parameter, whatever the number of
//! points; [`Tensor::solve`](crate::Tensor::solve) needs no tape.
//!
//! ```rust
//! use retrograd::{Tensor, Var, jacobian, value_and_grad};
//!
//! fn residuals<'t>(p: Var<'t, f64>, x: &Tensor<f64>, y: &Tensor<f64>) -> Var<'t, f64> {
//!     p.at([0]) * (-p.at([1]) * x).exp() + p.at([2]) - y
//! }
//!
//! let x = Tensor::<f64>::linspace(0.0, 4.0, 25);
//! let y = x.map(|x| 3.0 * (-1.3 * x).exp() + 0.5);
//! // Half the sum of squares, and its gradient J^T r.
//! let half_squares = |p: &Tensor<f64>| value_and_grad(|p| residuals(p, &x, &y).square().sum(()) * 0.5, p);
//!
//! let mut p = Tensor::from([1.0, 0.2, 0.0]);
//! let mut damping = 1e-3;
//! let (mut loss, mut slope) = half_squares(&p);
//! for _ in 0..50 {
//!     let j = jacobian(|p| residuals(p, &x, &y), &p);
//!     let normal = j.matmul_tn(&j);
//!     let step = (&normal + damping * normal.diag().diag()).solve(&slope);
//!     let trial = &p - step;
//!     let (trial_loss, trial_slope) = half_squares(&trial);
//!     if trial_loss < loss {
//!         (p, loss, slope) = (trial, trial_loss, trial_slope);
//!         damping /= 10.0;
//!     } else {
//!         damping *= 10.0;
//!     }
//!     if slope.norm_inf(()).item() < 1e-12 {
//!         break;
//!     }
//! }
//! assert!((&p - Tensor::from([3.0, 1.3, 0.5])).abs().max(()).item() < 1e-9, "{p}");
//! ```
//!
//! # Fitting a differential equation
//!
//! Prey x and predators y follow Lotka and Volterra's x' = x (a - b y), y' = y (c x - d); the four rates are found from a
//! trajectory, by the squares of what the simulated one misses. The simulation is a plain loop of Runge-Kutta steps over
//! [`Real`](crate::Real): on `f64` it makes the data, on variables it is recorded step by step.
//! [`Program::compile_gradient`](crate::Program::compile_gradient) records the loop once, and
//! [`Lbfgs::minimize_program`](crate::optim::Lbfgs::minimize_program) runs the program as often as it needs.
//!
//! ```rust
//! use retrograd::optim::Lbfgs;
//! use retrograd::{Program, Real, Tensor};
//!
//! fn slope<S: Real>(p: &[S], [x, y]: [S; 2]) -> [S; 2] {
//!     [x * (p[0] - p[1] * y), y * (p[2] * x - p[3])]
//! }
//! /// The states after each of `n` steps of length `h`, by the classical method of order 4.
//! fn simulate<S: Real>(p: &[S], start: [f64; 2], h: f64, n: usize) -> Vec<[S; 2]> {
//!     let moved = |[x, y]: [S; 2], [dx, dy]: [S; 2], h: f64| [x + dx * h, y + dy * h];
//!     let mut now = start.map(S::lit);
//!     let mut states = Vec::with_capacity(n);
//!     for _ in 0..n {
//!         let k1 = slope(p, now);
//!         let k2 = slope(p, moved(now, k1, h / 2.0));
//!         let k3 = slope(p, moved(now, k2, h / 2.0));
//!         let k4 = slope(p, moved(now, k3, h));
//!         now = [0, 1].map(|i| now[i] + (k1[i] + (k2[i] + k3[i]) * 2.0 + k4[i]) * (h / 6.0));
//!         states.push(now);
//!     }
//!     states
//! }
//!
//! let (rates, start, h, n) = ([1.1, 0.4, 0.1, 0.4], [10.0, 5.0], 0.1, 60);
//! let seen = simulate(&rates, start, h, n);
//!
//! let by = [0, 1, 2, 3];
//! let mut guess = [0.9, 0.3, 0.12, 0.5].map(Tensor::scalar);
//! let mut squares = Program::compile_gradient(&guess, &by, |p| {
//!     let states = simulate(p, start, h, n);
//!     states.iter().zip(&seen).map(|(z, s)| (z[0] - s[0]).square() + (z[1] - s[1]).square()).sum()
//! })?;
//! let report = Lbfgs::new().max_iter(100).minimize_program(&mut squares, &mut guess, &by)?;
//! assert!(report.value < 1e-6, "{report}");
//! assert!(guess.iter().zip(rates).all(|(found, rate)| (found.item() - rate).abs() < 1e-3));
//! # Ok::<(), retrograd::Error>(())
//! ```
//!
//! # A Gaussian process
//!
//! Values y at points x are seen with noise; the process has the kernel s^2 e^(-(x - x')^2 / (2 l^2)), and n^2 + 1e-6 more on the
//! diagonal, so that K stays positive definite wherever the search tries. The logarithms of s, l and n are those that make the data
//! likeliest: with the Cholesky factor L of the kernel's matrix K and z = L^-1 y, minus the log marginal likelihood is z z / 2 +
//! sum ln diag L + N/2 ln 2 pi. [`Var::cholesky`](crate::Var::cholesky) and [`Var::solve_triangular`](crate::Var::solve_triangular)
//! have derivatives of their own, so [`Lbfgs::minimize`](crate::optim::Lbfgs::minimize) takes the formula as it stands.
//!
//! ```rust
//! use retrograd::optim::Lbfgs;
//! use retrograd::{Tape, Tensor, Triangle, Var, rand::SeedableRng, rand_chacha::ChaCha8Rng};
//! use std::f64::consts::TAU;
//!
//! /// The kernel between all points of `a` and all of `b`.
//! fn kernel<'t>(log: Var<'t, f64>, a: &Tensor<f64>, b: &Tensor<f64>) -> Var<'t, f64> {
//!     let apart = (a.unsqueeze(1) - b.unsqueeze(0)).square();
//!     (2.0 * log.at([0]) - apart / (2.0 * (2.0 * log.at([1])).exp())).exp()
//! }
//! fn noisy_factor<'t>(log: Var<'t, f64>, x: &Tensor<f64>) -> Var<'t, f64> {
//!     (kernel(log, x, x) + ((2.0 * log.at([2])).exp() + 1e-6) * Tensor::eye(x.len())).cholesky()
//! }
//!
//! let x = Tensor::<f64>::linspace(0.0, 6.0, 40);
//! let y = x.sin() + Tensor::normal([40], 0.0, 0.1, &mut ChaCha8Rng::seed_from_u64(0));
//!
//! let best = Lbfgs::new().max_iter(50).minimize([0.0, 0.0, -1.0], |log| {
//!     let l = noisy_factor(log, &x);
//!     let z = l.solve_triangular(log.tape().data(&y), Triangle::Lower);
//!     z.square().sum(()) * 0.5 + l.diag().ln().sum(()) + 0.5 * y.len() as f64 * TAU.ln()
//! })?;
//! assert!(best.report.stop.is_converged(), "{}", best.report);
//! let noise = best.x[[2]].exp();
//! assert!((0.07..0.13).contains(&noise), "{noise}");
//!
//! // The mean where nothing was seen: k(new, x) K^-1 y.
//! let tape = Tape::new();
//! let (log, new) = (tape.data(&best.x), Tensor::from([1.1, 2.9, 4.7]));
//! let l = noisy_factor(log, &x);
//! let z = l.solve_triangular(tape.data(&y), Triangle::Lower);
//! let weights = l.t().solve_triangular(z, Triangle::Upper);
//! let mean = kernel(log, &new, &x).matmul(weights).value();
//! assert!((mean - new.sin()).abs().max(()).item() < 0.1);
//! # Ok::<(), retrograd::Error>(())
//! ```
//!
//! # Hamiltonian Monte Carlo
//!
//! Draws come from the density e^-U with U = (x^2 + (y - x^2)^2) / 2, a bent ridge where the mean of y is that of x^2, 1. A draw is
//! given a random momentum and follows U's gradient by leapfrog steps; it is accepted with probability e^(H - H'), H being U and
//! half the squared momentum. Every step needs the same gradient at another point, so it is compiled once, by
//! [`Program::compile_gradient`](crate::Program::compile_gradient), and run from then on; the generators are those of
//! [`retrograd::rand`](crate::rand).
//!
//! ```rust
//! use retrograd::rand::{Rng, SeedableRng};
//! use retrograd::rand_chacha::ChaCha8Rng;
//! use retrograd::{Program, Tensor};
//!
//! let mut here = Tensor::<f64>::zeros([2]);
//! let mut energy = Program::compile_gradient(&[here.clone()], &[0], |v| {
//!     let (x, y) = (v[0].at([0]), v[0].at([1]));
//!     (x.square() + (y - x.square()).square()) * 0.5
//! })?;
//!
//! let mut rng = ChaCha8Rng::seed_from_u64(5);
//! let (length, draws) = (0.3, 3000);
//! let (mut accepted, mut sum_y, mut sum_xx) = (0, 0.0, 0.0);
//! for _ in 0..draws {
//!     let mut momentum = Tensor::normal([2], 0.0, 1.0, &mut rng);
//!     let mut to = here.clone();
//!     energy.run(&[&to])?;
//!     let before = energy.item(0) + 0.5 * momentum.square().sum(()).item();
//!     for _ in 0..8 {
//!         momentum -= energy.tensor(1) * (length / 2.0);
//!         to += &momentum * length;
//!         energy.run(&[&to])?;
//!         momentum -= energy.tensor(1) * (length / 2.0);
//!     }
//!     let after = energy.item(0) + 0.5 * momentum.square().sum(()).item();
//!     if rng.random::<f64>() < (before - after).exp() {
//!         accepted += 1;
//!         here = to;
//!     }
//!     let [x, y] = here.as_slice() else { unreachable!() };
//!     sum_y += y;
//!     sum_xx += x * x;
//! }
//! let n = f64::from(draws);
//! assert!(f64::from(accepted) / n > 0.8);
//! assert!((sum_y / n - 1.0).abs() < 0.2 && (sum_xx / n - 1.0).abs() < 0.2, "{} {}", sum_y / n, sum_xx / n);
//! # Ok::<(), retrograd::Error>(())
//! ```
//!
//! # A physics-informed network
//!
//! A network learns the solution of u'' = -pi^2 sin(pi x) with u(0) = u(1) = 0, which is sin(pi x), from the equation alone: the
//! loss is the mean square of u'' + pi^2 sin(pi x) at a few points. The factor x (1 - x) before the network keeps the boundary.
//! [`Tape::grad`](crate::Tape::grad) records derivatives by the input, so that they can stand in the loss; taken twice, of sums
//! over the points, it gives u'' at all of them. [`Model::step`](crate::nn::Model::step) then differentiates that by the weights,
//! and [`Lbfgs::minimize_model`](crate::optim::Lbfgs::minimize_model) moves them.
//!
//! ```rust
//! use retrograd::nn::{Draw, Mlp};
//! use retrograd::optim::Lbfgs;
//! use retrograd::{Tape, Tensor};
//! use std::f64::consts::PI;
//!
//! let points = Tensor::linspace(0.0, 1.0, 16).reshape([16, 1]);
//! let mut model = Mlp::new(1).dense(10).tanh().dense(1).build::<f64>(0)?;
//! let mut tape = Tape::new();
//! let report = Lbfgs::new().max_iter(100).minimize_model(&mut model, |model| {
//!     model.step(&mut tape, Draw::default(), |model, pass| {
//!         let tape = pass.tape();
//!         let x = tape.var(&points);
//!         let u = x * (1.0 - x) * model.forward(x, pass);
//!         let slope = tape.grad(u.sum(()), &[x])[0];
//!         let bend = tape.grad(slope.sum(()), &[x])[0];
//!         Ok((bend + PI * PI * (PI * x).sin()).square().mean(()))
//!     })
//! })?;
//! assert!(report.value < 1e-3, "{report}");
//!
//! let x = Tensor::linspace(0.0, 1.0, 101).reshape([101, 1]);
//! let u = &x * (1.0 - &x) * model.predict(&x)?;
//! assert!((u - (PI * &x).sin()).abs().max(()).item() < 1e-2);
//! # Ok::<(), retrograd::Error>(())
//! ```
//!
//! # A variational autoencoder
//!
//! Points on a curve in four dimensions are described by one number: the encoder gives its mean m and the logarithm v of its
//! variance, a sample m + e^(v/2) noise goes to the decoder, and the loss is the squared error over 2 s^2 plus the divergence from
//! the standard normal distribution, (m^2 + e^v - v - 1) / 2. The sample is a layer of one's own that draws by
//! [`Pass::normal`](crate::nn::Pass::normal) in training and gives the mean in use. The loss needs the code between the layers, so
//! it takes the parts by name, with [`Model::layer`](crate::nn::Model::layer).
//!
//! ```rust
//! use retrograd::nn::{Activation, Dense, Draw, Layer, Model, ParamScope, Pass, Sequential};
//! use retrograd::optim::{Adam, Optimizer};
//! use retrograd::{Result, Shape, Tape, Tensor, Var};
//!
//! struct Sample;
//! impl Layer<f64> for Sample {
//!     fn kind(&self) -> &'static str {
//!         "sample"
//!     }
//!     fn build(&mut self, input: &Shape, _: &mut ParamScope<'_, f64>) -> Result<Shape> {
//!         Shape::new(&[input[0] / 2])
//!     }
//!     fn forward<'t>(&self, code: Var<'t, f64>, pass: &Pass<'t, f64>) -> Var<'t, f64> {
//!         let (mean, log_variance) = (code.slice((.., ..1)), code.slice((.., 1..)));
//!         if pass.is_training() { mean + (log_variance / 2.0).exp() * pass.normal(mean.shape()) } else { mean }
//!     }
//! }
//!
//! let t = Tensor::<f64>::linspace(-1.0, 1.0, 32);
//! let x = Tensor::stack(&[t.clone(), -&t, t.square(), (3.0 * &t).sin()], 1);
//! let two = |inner, outer| Sequential::new().with(Dense::new(inner)).with(Activation::tanh()).with(Dense::new(outer));
//! let network =
//!     Sequential::new().with_named("encoder", two(12, 2)).with_named("sample", Sample).with_named("decoder", two(12, 4));
//! let mut model = Model::<f64>::new(network, 4, 3)?;
//! let mut optimizer = Optimizer::from(Adam::new(0.01));
//! let mut tape = Tape::new();
//! for batch in 0..400 {
//!     let step = model.step(&mut tape, Draw { batch, ..Draw::default() }, |model, pass| {
//!         let code = model.layer("encoder")?.forward(pass.tape().data(&x), pass);
//!         let sample = model.layer("sample")?.forward(code, pass);
//!         let error = (model.layer("decoder")?.forward(sample, pass) - &x).square() / (2.0 * 0.01);
//!         let (mean, log_variance) = (code.slice((.., ..1)), code.slice((.., 1..)));
//!         let divergence = (mean.square() + log_variance.exp() - log_variance - 1.0) * 0.5;
//!         Ok(error.sum(1).mean(()) + divergence.sum(1).mean(()))
//!     })?;
//!     optimizer.step(model.params_mut(), &step.grads);
//! }
//! let error = (model.predict(&x)? - &x).square().mean(()).item();
//! assert!(error < 0.01, "{error}");
//! # Ok::<(), retrograd::Error>(())
//! ```
//!
//! # A recurrent layer of one's own
//!
//! A gated recurrent unit reads a sequence x_1, x_2, ... and keeps a state h: with gates z and r, which are sigmoids of W x + U h +
//! b, the candidate c = tanh(W x + r U h + b) replaces a part of it, h = z h + (1 - z) c. It is a [`Layer`](crate::nn::Layer) for
//! examples of shape `[steps, features]`. There `build` registers its parameters, `forward` is a plain loop, and models, trainers
//! and files take it as any other. [`Trainer`](crate::train::Trainer) compiles the loop. The task is to remember the first number
//! of each sequence.
//!
//! ```rust
//! use retrograd::data::Dataset;
//! use retrograd::nn::{Dense, Init, Layer, Model, ParamKey, ParamScope, Pass, Sequential};
//! use retrograd::{Result, Shape, Tensor, Var, optim::Adam, rand::SeedableRng, rand_chacha::ChaCha8Rng, train::Trainer};
//!
//! struct Gru {
//!     size: usize,
//!     keys: [ParamKey; 3],
//! }
//! impl Layer<f64> for Gru {
//!     fn kind(&self) -> &'static str {
//!         "gru"
//!     }
//!     fn build(&mut self, input: &Shape, scope: &mut ParamScope<'_, f64>) -> Result<Shape> {
//!         let (n, init) = (self.size, Init::GlorotUniform);
//!         let from_input = scope.weight("input", [input[1], 3 * n], init)?;
//!         let from_state = scope.weight("state", [n, 3 * n], init)?;
//!         self.keys = [from_input, from_state, scope.bias("bias", [3 * n], Init::Zeros)?];
//!         Shape::new(&[n])
//!     }
//!     fn forward<'t>(&self, x: Var<'t, f64>, pass: &Pass<'t, f64>) -> Var<'t, f64> {
//!         let (n, [input, state, bias]) = (self.size, self.keys.map(|key| pass.param(key)));
//!         let driven = x.matmul(input) + bias; // of all steps at once: [batch, steps, 3 n]
//!         let mut h = pass.tape().data(Tensor::zeros([x.shape()[0], n]));
//!         for t in 0..x.shape()[1] {
//!             let (a, u) = (driven.slice((.., t)), h.matmul(state));
//!             let part = |v: Var<'t, f64>, k: usize| v.slice((.., k * n..(k + 1) * n));
//!             let (z, r) = ((part(a, 0) + part(u, 0)).sigmoid(), (part(a, 1) + part(u, 1)).sigmoid());
//!             h = z * h + (1.0 - z) * (part(a, 2) + r * part(u, 2)).tanh();
//!         }
//!         h
//!     }
//! }
//!
//! let x = Tensor::uniform([64, 6, 1], -1.0, 1.0, &mut ChaCha8Rng::seed_from_u64(0));
//! let data = Dataset::regression(&x, x.slice((.., 0)))?;
//! let gru = Gru { size: 8, keys: Default::default() };
//! let mut model = Model::new(Sequential::new().with(gru).with(Dense::new(1)), [6, 1], 0)?;
//! let history = Trainer::new(Adam::new(0.03)).epochs(60).batch(32).fit(&mut model, &data)?;
//! assert!(history.last().unwrap().loss < 0.02, "{}", history.last().unwrap().loss); // the variance is 1/3
//! # Ok::<(), retrograd::Error>(())
//! ```
//!
//! # An optimiser of one's own
//!
//! Steps of one length along the sign of the averaged gradient: m = b m + (1 - b) g, then p = p - lr m / (|m| + 1e-12), whose
//! quotient is the sign of m. A [`Rule`](crate::optim::Rule) says what one parameter's update is, and which tensors of its shape it
//! keeps between updates; the optimiser does the rest (state, groups, schedules, checkpoints). The arithmetic is an
//! [`ElementUpdate`](crate::ElementUpdate), which [`update`](crate::update) runs as one vectorised pass in either precision.
//!
//! ```rust
//! use retrograd::optim::{At, Optimizer, Rule};
//! use retrograd::serde_json::{Value, json};
//! use retrograd::train::{Metric, Trainer};
//! use retrograd::{Element, ElementUpdate, Error, Float, Result, data::synthetic::two_moons, nn::Mlp, update};
//!
//! struct SignMomentum {
//!     lr: f64,
//!     beta: f64,
//! }
//! impl<T: Element> Rule<T> for SignMomentum {
//!     fn name(&self) -> &'static str {
//!         "sign_momentum"
//!     }
//!     fn learning_rate(&self) -> f64 {
//!         self.lr
//!     }
//!     fn slots(&self) -> Vec<&'static str> {
//!         vec!["mean"]
//!     }
//!     fn update(&self, at: At, parameter: &mut [T], gradient: &[T], slots: &mut [&mut [T]], _: &mut [f64]) {
//!         update(&Self { lr: at.learning_rate, ..*self }, parameter, gradient, [&mut *slots[0]]);
//!     }
//!     fn config(&self) -> Value {
//!         json!({ "lr": self.lr, "beta": self.beta })
//!     }
//!     fn validate(&self) -> Result<()> {
//!         if self.lr > 0.0 && (0.0..1.0).contains(&self.beta) { Ok(()) } else { Err(Error::argument("sign_momentum")) }
//!     }
//! }
//! impl ElementUpdate<1> for SignMomentum {
//!     #[inline(always)]
//!     fn apply<F: Float>(&self, p: F, g: F, [m]: [F; 1]) -> (F, [F; 1]) {
//!         let m = F::lit(self.beta) * m + F::lit(1.0 - self.beta) * g;
//!         (p - F::lit(self.lr) * m / (m.abs() + F::lit(1e-12)), [m])
//!     }
//! }
//!
//! let data = two_moons::<f32>(200, 0.1, 0)?;
//! let mut model = Mlp::new(2).dense(16).tanh().dense(2).build(0)?;
//! let optimizer = Optimizer::new(SignMomentum { lr: 0.01, beta: 0.9 });
//! let history = Trainer::new(optimizer).epochs(40).metrics([Metric::Accuracy]).fit(&mut model, &data)?;
//! assert!(history.last().unwrap().metrics[0] > 0.95, "{}", history.last().unwrap().metrics[0]);
//! # Ok::<(), retrograd::Error>(())
//! ```
