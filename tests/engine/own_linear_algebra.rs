//! Rules of users' ops over an [`Algebra`] have its linear algebra: one gradient, written by each decomposition, and differentiated again.

use retrograd::{Algebra, CustomOp, Element, Result, Tape, Tensor, Var};

/// By which way the rule solves the system.
#[derive(Clone, Copy, Debug)]
enum By {
    Solve,
    SolveTransposed,
    Inverse,
    Cholesky,
    Qr,
    Eigenvalues,
    SingularValues,
}
const WAYS: [By; 7] =
    [By::Solve, By::SolveTransposed, By::Inverse, By::Cholesky, By::Qr, By::Eigenvalues, By::SingularValues];

/// b^T A^-1 b + ln det A for symmetric A and a column b.
struct Gaussian(By);

impl Gaussian {
    fn solution<T: Element, A: Algebra<T>>(&self, a: &A, m: &A::V, b: &A::V) -> A::V {
        let over = |values: &A::V, x: &A::V| {
            let n = a.shape(values)[0];
            a.div(x, &a.reshape(values, &[n, 1].into()))
        };
        match self.0 {
            By::Solve => a.solve(m, false, b),
            By::SolveTransposed => a.solve(&a.transpose(m), true, b),
            By::Inverse => a.matmul(&a.inv(m), false, b, false),
            By::Cholesky => {
                let l = a.cholesky(m);
                a.solve_triangular(&l, true, true, &a.solve_triangular(&l, true, false, b))
            }
            By::Qr => {
                let (q, r) = a.qr(m);
                a.solve_triangular(&r, false, false, &a.matmul(&q, true, b, false))
            }
            By::Eigenvalues => {
                let (values, vectors) = a.eigh(m);
                a.matmul(&vectors, false, &over(&values, &a.matmul(&vectors, true, b, false)), false)
            }
            By::SingularValues => {
                let (u, s, v) = a.svd(m);
                a.matmul(&v, false, &over(&s, &a.matmul(&u, true, b, false)), false)
            }
        }
    }
}

impl CustomOp for Gaussian {
    const NAME: &'static str = "gaussian";
    fn value<T: Element>(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
        let (m, b) = (&inputs[0], &inputs[1]);
        Ok((b * m.try_solve(b)?).sum(()) + m.try_slogdet()?.1)
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V], _: &A::V, g: &A::V) -> Vec<A::V> {
        let (m, b) = (&inputs[0], &inputs[1]);
        let x = self.solution(a, m, b);
        // The derivative of ln det is the inverse, whichever way the determinant is taken.
        let (sign, log) = a.slogdet(m);
        let one = a.div(&a.det(m), &a.mul(&sign, &a.exp(&log)));
        let inverse = a.mul(&a.inv(m), &one);
        let by_m = a.sub(&inverse, &a.matmul(&x, false, &x, true));
        vec![a.mul(g, &by_m), a.mul(g, &a.mul(&a.literal(2.0), &x))]
    }
}

fn built_in<'t>(m: Var<'t, f64>, b: Var<'t, f64>) -> Var<'t, f64> {
    (b * m.solve(b)).sum(()) + m.slogdet().1
}

#[test]
fn every_decomposition_serves_a_rule_and_is_differentiated_again() {
    let m = Tensor::from([[4.0, 1.0, 0.5], [1.0, 3.0, -0.25], [0.5, -0.25, 2.0]]);
    let b = Tensor::from([[1.0], [-2.0], [0.5]]);
    // The second derivatives along these; symmetric, as the rules of some ways read the matrix so.
    let along = Tensor::from([[0.3, -1.0, 0.2], [-1.0, 0.7, 0.1], [0.2, 0.1, -0.4]]);
    let found = |f: &dyn for<'t> Fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>| {
        let tape = Tape::new();
        let (m, b) = (tape.var(&m), tape.var(&b));
        let y = f(m, b);
        let slopes = tape.grad(y, &[m, b]);
        let second = (slopes[0] * tape.data(&along)).sum(()) + slopes[1].square().sum(());
        let second = second.backward();
        let by_m = second.wrt(m);
        [y.value(), slopes[0].value(), slopes[1].value(), &by_m + by_m.t(), second.wrt(b)]
    };
    let expected = found(&|m, b| built_in(m, b));
    for way in WAYS {
        let own = found(&|m, b| m.tape().custom(Gaussian(way), &[m, b]));
        for (k, (own, expected)) in own.iter().zip(&expected).enumerate() {
            let apart = (own - expected).abs().max(()).item();
            assert!(apart < 1e-13, "{way:?}, {k}: {own} instead of {expected}");
        }
    }
}
