//! xad-rs, which needs a newer compiler than the other scalar crates. Arguments: workload.

#[path = "../../scalars/src/problems.rs"]
mod problems;

use problems::{Problem, Scalar};
use xad_rs::{AReal, Tape, compute_gradient_rev_with};

fn main() {
    let (workload, _) = common::arguments();
    let Some(problem) = Problem::named(&workload) else {
        return common::unsupported("tensors are not for scalar tapes");
    };
    let (x, points) = (common::scalar_x(&workload), common::scalar_points());
    let mut tape = Tape::<f64>::new(true);
    let step = |_| compute_gradient_rev_with(&mut tape, std::hint::black_box(&x), |x| problem.of(x, &points));
    common::serve(step, |(y, gradient): (f64, Vec<f64>)| vec![y, common::norm(gradient)]);
}

/// References, so that nothing is cloned that need not be.
impl Scalar for AReal<f64> {
    #[inline(always)]
    fn add(&self, other: &Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn sub(&self, other: &Self) -> Self {
        self - other
    }
    #[inline(always)]
    fn mul(&self, other: &Self) -> Self {
        self * other
    }
    #[inline(always)]
    fn tanh(&self) -> Self {
        xad_rs::math::ad::tanh(self)
    }
    #[inline(always)]
    fn times(&self, c: f64) -> Self {
        self * c
    }
    #[inline(always)]
    fn less(&self, c: f64) -> Self {
        self - c
    }
    #[inline(always)]
    fn from(&self, c: f64) -> Self {
        c - self
    }
}
