//! The derivations that people code by hand, each beside the graph that gives the same gradient.
//!
//! One file per family: A the course's loops over examples, B vectorised columns, C products along paths, D unit by unit,
//! E Nielsen's four equations, F Trask's few lines, G computational graphs, H softmax, and under `others` what else is often
//! derived: regressions, normalisation, LSTM, convolution, attention, distances, k-means, likelihood. The hand-coded
//! functions are written in the style of their sources, loops and all, and share nothing with the engine but `Tensor`. Where
//! teaching material prints a wrong form, that form stands here as well, marked wrong.
//!
//! The `.py` files beside these are the same derivations as people write them in NumPy, forward and backward part, for `retrograd check`:
//! `course.py`, and `course_printed_no_slope.py` with the line marked that is wrong. With the names of `../python/retrograd_prelude.py` they
//! run in Python.

pub mod columns;
pub mod course;
pub mod graphs;
pub mod nielsen;
pub mod others;
pub mod scalar_chain;
pub mod softmax;
pub mod trask;
pub mod units;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use retrograd::check::Compare;
use retrograd::{Tensor, Var};

/// Gradients by the names of parameters and intermediates.
pub type Gradients = Vec<(String, Tensor<f64>)>;

type Function = dyn for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>;

/// A function at a point, and hand-coded forms of its gradient.
pub struct Derivation {
    /// The letter, the derivation, and the point.
    pub title: String,
    /// The hand-coded forms.
    pub forms: Vec<Form>,
    point: Vec<(String, Tensor<f64>)>,
    constants: Vec<(&'static str, f64)>,
    function: Box<Function>,
}

/// One hand-coded form of the gradient.
pub struct Form {
    /// What it is, or what is wrong with it.
    pub title: &'static str,
    /// Whether it is the gradient.
    pub right: bool,
    /// How close it must come, relative to the largest value.
    pub tolerance: f64,
    /// The computation.
    pub by_hand: Box<dyn Fn() -> Gradients>,
}

impl Derivation {
    /// A derivation without forms yet.
    pub fn new<F>(title: impl Into<String>, point: &[(&str, &Tensor<f64>)], function: F) -> Self
    where
        F: for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64> + 'static,
    {
        let point = named(point);
        Self { title: title.into(), forms: Vec::new(), point, constants: Vec::new(), function: Box::new(function) }
    }

    /// A number of the derivation, so that factors can be called by its name.
    pub fn constant(mut self, name: &'static str, value: f64) -> Self {
        self.constants.push((name, value));
        self
    }

    /// A right form.
    pub fn right(self, title: &'static str, by_hand: impl Fn() -> Gradients + 'static) -> Self {
        self.form(title, true, 1e-10, by_hand)
    }

    /// A right form that approximates.
    pub fn approximate(self, title: &'static str, tolerance: f64, by_hand: impl Fn() -> Gradients + 'static) -> Self {
        self.form(title, true, tolerance, by_hand)
    }

    /// A wrong form.
    pub fn wrong(self, title: &'static str, by_hand: impl Fn() -> Gradients + 'static) -> Self {
        self.form(title, false, 1e-10, by_hand)
    }

    fn form(
        mut self,
        title: &'static str,
        right: bool,
        tolerance: f64,
        by_hand: impl Fn() -> Gradients + 'static,
    ) -> Self {
        self.forms.push(Form { title, right, tolerance, by_hand: Box::new(by_hand) });
        self
    }

    /// The function and point beside these hand-coded values, still without options.
    pub fn beside(&self, hand: &Gradients) -> Compare<'_> {
        let mut compare = Compare::new(|p| (self.function)(p));
        for (name, value) in &self.point {
            compare = compare.parameter(name, value);
        }
        for (name, gradient) in hand {
            compare = compare.hand(name, gradient);
        }
        for &(name, value) in &self.constants {
            compare = compare.constant(name, value);
        }
        compare
    }

    /// A form beside the graph.
    pub fn compare(&self, form: &Form) -> Compare<'_> {
        self.beside(&(form.by_hand)()).tolerance(form.tolerance)
    }
}

/// Every derivation, at published points and at random.
pub fn all() -> Vec<Derivation> {
    let mut all = Vec::new();
    all.extend(course::derivations());
    all.extend(columns::derivations());
    all.extend(scalar_chain::derivations());
    all.extend(units::derivations());
    all.extend(nielsen::derivations());
    all.extend(trask::derivations());
    all.extend(graphs::derivations());
    all.extend(softmax::derivations());
    all.extend(others::derivations());
    all
}

/// Gradients from names and tensors.
pub fn named(gradients: &[(&str, &Tensor<f64>)]) -> Gradients {
    gradients.iter().map(|&(name, gradient)| (name.to_string(), gradient.clone())).collect()
}

/// Numbers by name, for derivations of scalars.
pub fn scalars<const N: usize>(gradients: [(&str, f64); N]) -> Gradients {
    gradients.map(|(name, gradient)| (name.to_string(), Tensor::scalar(gradient))).into()
}

/// A seeded generator for points.
pub fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Numbers from -1 to 1.
pub fn uniform<const N: usize>(shape: [usize; N], rng: &mut ChaCha8Rng) -> Tensor<f64> {
    Tensor::uniform(shape, -1.0, 1.0, rng)
}

/// 1 / (1 + e^-z), in plain numbers.
pub fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}
