//! The problems, over the few operations that every peer has.

pub trait Scalar: Clone {
    fn add(&self, other: &Self) -> Self;
    fn sub(&self, other: &Self) -> Self;
    fn mul(&self, other: &Self) -> Self;
    fn tanh(&self) -> Self;
    /// Times a number.
    fn times(&self, c: f64) -> Self;
    /// Minus a number.
    fn less(&self, c: f64) -> Self;
    /// A number minus this.
    fn from(&self, c: f64) -> Self;
}

#[derive(Clone, Copy)]
pub enum Problem {
    Rosenbrock,
    Speelpenning,
    Network,
}

impl Problem {
    pub fn named(workload: &str) -> Option<Self> {
        Some(match workload {
            "rosenbrock" => Self::Rosenbrock,
            "speelpenning" => Self::Speelpenning,
            "scalar_mlp" => Self::Network,
            _ => return None,
        })
    }

    pub fn of<S: Scalar>(self, x: &[S], points: &[[f64; 3]]) -> S {
        match self {
            Self::Rosenbrock => rosenbrock(x),
            Self::Speelpenning => speelpenning(x),
            Self::Network => network(x, points),
        }
    }
}

#[inline]
fn rosenbrock<S: Scalar>(x: &[S]) -> S {
    let term = |i: usize| {
        let (t, u) = (x[i + 1].sub(&x[i].mul(&x[i])), x[i].from(1.0));
        t.mul(&t).times(100.0).add(&u.mul(&u))
    };
    (1..x.len() - 1).map(term).fold(term(0), |sum, e| sum.add(&e))
}

#[inline]
fn speelpenning<S: Scalar>(x: &[S]) -> S {
    x[1..].iter().fold(x[0].clone(), |p, v| p.mul(v))
}

pub const HIDDEN: usize = 16;

/// The squared error of a 2-16-16-1 tanh network, every weight a scalar.
#[inline]
fn network<S: Scalar>(p: &[S], points: &[[f64; 3]]) -> S {
    let (w1, p) = p.split_at(2 * HIDDEN);
    let (b1, p) = p.split_at(HIDDEN);
    let (w2, p) = p.split_at(HIDDEN * HIDDEN);
    let (b2, p) = p.split_at(HIDDEN);
    let (w3, b3) = p.split_at(HIDDEN);
    let error = |q: &[f64; 3]| {
        let h1: [S; HIDDEN] =
            std::array::from_fn(|j| w1[2 * j].times(q[0]).add(&w1[2 * j + 1].times(q[1])).add(&b1[j]).tanh());
        let sum = |j: usize| (0..HIDDEN).fold(b2[j].clone(), |z, i| z.add(&w2[j * HIDDEN + i].mul(&h1[i])));
        let h2: [S; HIDDEN] = std::array::from_fn(|j| sum(j).tanh());
        let e = (0..HIDDEN).fold(b3[0].clone(), |z, i| z.add(&w3[i].mul(&h2[i]))).less(q[2]);
        e.mul(&e)
    };
    points[1..].iter().map(error).fold(error(&points[0]), |sum, e| sum.add(&e))
}
