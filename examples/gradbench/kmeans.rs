//! kmeans: f(C) = sum_i min_j |P_i - C_j|^2, and the direction of Newton's method, (df/dC) / (d2f/dC2) entry by entry.
//!
//! Which centroid is nearest comes from a matrix product and its smallest entries, of some points at a time, compiled. The product
//! rounds where its terms cancel: all centroids that it does not tell apart from the nearest are compared by their squared
//! distances themselves, and the first of equals is taken.
//!
//! Then f is the sum of the squared distances to the chosen centroids: that is differentiated, and each point reaches one centroid
//! only. The Hessian is diagonal, so its product with a vector of ones is its diagonal: the tangent of the recorded gradient,
//! forward over reverse.

use super::matrix::Matrix;
use super::protocol::{Eval, Output, Request};
use retrograd::program::Options;
use retrograd::{Error, Program, Tape, Tensor, Value, Var};
use serde::Deserialize;

pub(crate) const EVAL: Eval = Eval { name: "kmeans", functions: &[("cost", cost), ("dir", direction)] };

#[derive(Deserialize)]
struct Input {
    points: Matrix,
    centroids: Matrix,
}

/// Products of points and centroids that are worked on at a time: they stay in the cache.
const AT_ONCE: usize = 1 << 16;

/// A problem, and the programs that find the nearest centroids.
struct Clusters {
    points: Tensor<f64>,
    centroids: Tensor<f64>,
    /// Blocks of equally many points, the last of what is left over.
    blocks: Vec<Tensor<f64>>,
    /// What is made of the centroids for all blocks, and the distances of a block and of the last one.
    made: Program<f64>,
    distances: Vec<Program<f64>>,
    labels: Vec<usize>,
}

impl Clusters {
    fn of(request: &mut Request<'_>) -> Result<Self, String> {
        let Input { points, centroids } = request.input()?;
        let (n, k, d) = (points.rows, centroids.rows, points.columns.max(centroids.columns));
        if k == 0 || d == 0 {
            return Err(format!("input.centroids: {k} centroids of {d} numbers; 1 or more of 1 or more are needed"));
        }
        let (points, centroids) = (points.shaped("points", n, d)?, centroids.shaped("centroids", k, d)?);
        let options = Options::new().threads(request.threads);
        let each = (AT_ONCE / k).max(1);
        let block = |rows: &[f64]| Tensor::new([rows.len() / d, d], rows.to_vec());
        request.prepare(|| {
            let blocks: Vec<_> = points.values.chunks(each * d).map(block).collect::<Result<_, _>>()?;
            let centroids = Tensor::new([k, d], centroids.values)?;
            let (made, origin) = (Tensor::zeros([k, d + 1]), Tensor::zeros([1, d]));
            let distances = |block: &Tensor<f64>| {
                let like = [block.clone(), made.clone(), origin.clone()];
                options.compile(&like, |x| distances([x[0], x[1], x[2]]))
            };
            Ok(Self {
                made: options.compile(std::slice::from_ref(&centroids), |x| made_of(x[0]))?,
                distances: blocks.first().into_iter().chain(blocks.last()).map(distances).collect::<Result<_, _>>()?,
                points: Tensor::new([n, d], points.values)?,
                centroids,
                blocks,
                labels: Vec::with_capacity(n),
            })
        })
    }

    /// Finds the nearest centroid of each point.
    fn label(&mut self) -> Result<(), Error> {
        self.made.run(&[&self.centroids])?;
        let [made, origin] = [self.made.tensor(0), self.made.tensor(1)];
        let [k, d] = [self.centroids.shape()[0], self.centroids.shape()[1]];
        let furthest = made.as_slice().chunks_exact(d + 1).map(|made| 2.0 * made[d]).fold(0.0, f64::max).sqrt();
        self.labels.clear();
        for (i, block) in self.blocks.iter().enumerate() {
            let program = &mut self.distances[usize::from(i + 1 == self.blocks.len())];
            program.run(&[block, &made, &origin])?;
            let rows = program.output(0).chunks_exact(k).zip(program.output(1)).zip(block.as_slice().chunks_exact(d));
            self.labels.extend(rows.map(|((row, &smallest), point)| {
                let limit = smallest + in_doubt(distance_in_lanes(point, origin.as_slice()), furthest, d);
                nearest(row, limit, point, self.centroids.as_slice())
            }));
        }
        Ok(())
    }

    /// f, each point with its nearest centroid.
    fn cost<'t>(&self, tape: &'t Tape<f64>, centroids: Var<'t, f64>) -> Var<'t, f64> {
        (tape.data(&self.points) - centroids.gather(0, &self.labels)).square().sum(())
    }
}

/// Half the squared distances of points and centroids but for the points' own squares, [n, k], and the smallest of each row, [n].
///
/// |P - C|^2 = |P|^2 + 2 (|C|^2 / 2 - P . C), relative to an origin among them, so that a cloud far from 0 cancels no digits. It is one
/// product with what is [`made_of`] the centroids.
fn distances<'t>([points, made, origin]: [Var<'t, f64>; 3]) -> Vec<Var<'t, f64>> {
    let ones = points.tape().data(Tensor::full([points.shape()[0], 1], 1.0));
    let distances = Var::concat(&[points - origin, ones], 1).matmul_nt(made);
    vec![distances, distances.min(1)]
}

/// (-C, |C|^2 / 2) for each centroid, relative to the first one, and that.
fn made_of<'t>(centroids: Var<'t, f64>) -> Vec<Var<'t, f64>> {
    let origin = centroids.slice(..1);
    let centred = centroids - origin;
    vec![Var::concat(&[-centred, centred.square().sum(1).unsqueeze(1) * 0.5], 1), origin]
}

/// By how much two of the [`distances`] of a point can be apart although the first is not the larger one in truth.
///
/// With the origin moved to, let P be the norm of the point, C the largest of the centroids, and u half of eps, what a rounding
/// changes. Moving both there changes |C|^2 / 2 - P . C by u (C^2 + 2 P C) or less, the sum |C|^2 / 2 of d squares rounds by
/// d u C^2 / 2, and a product of d + 1 terms, in any order, by (d + 1) u (P C + C^2 / 2): together less than (d + 4) u (P + C)^2.
/// That counts twice, for two centroids. The squares of the distances themselves, in [`squared_distance`], round by
/// (d + 2) u (P + C)^2 / 2 for each. The sum is below 3/2 of (d + 4) eps (P + C)^2, of which 2 are given, which leaves a quarter for
/// u^2 and for the roundings of P, C and this; what is below the smallest normal number is added.
fn in_doubt(point: f64, furthest: f64, d: usize) -> f64 {
    2.0 * (d as f64 + 4.0) * (f64::EPSILON * (point + furthest).powi(2) + f64::MIN_POSITIVE)
}

/// The squared distance, in the order of the coordinates.
fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The distance, summed in lanes, which is faster and all that a bound needs.
fn distance_in_lanes(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        (0..LANES).for_each(|i| sums[i] += (a[i] - b[i]) * (a[i] - b[i]));
    }
    let halves: [f64; LANES / 2] = std::array::from_fn(|i| sums[i] + sums[i + LANES / 2]);
    ((halves[0] + halves[2]) + (halves[1] + halves[3]) + squared_distance(a_rest, b_rest)).sqrt()
}

/// The centroid nearest to a point, the first of equals, among those whose entry in `row` is not above the limit. Where that is not
/// finite, all are among them.
fn nearest(row: &[f64], limit: f64, point: &[f64], centroids: &[f64]) -> usize {
    let limit = if limit.is_finite() { limit } else { f64::NAN };
    let mut best = next_near(row, 0, limit).unwrap_or_default();
    let Some(mut next) = next_near(row, best + 1, limit) else { return best };
    let distance = |j: usize| squared_distance(point, &centroids[j * point.len()..][..point.len()]);
    let mut least = distance(best);
    loop {
        let found = distance(next);
        if found < least {
            (best, least) = (next, found);
        }
        match next_near(row, next + 1, limit) {
            Some(j) => next = j,
            None => return best,
        }
    }
}

/// Where the first number of a row from there on stands that is not above the limit: a block of numbers is looked through at once.
#[expect(clippy::neg_cmp_op_on_partial_ord, reason = "what cannot be compared is not told apart")]
fn next_near(row: &[f64], from: usize, limit: f64) -> Option<usize> {
    const BLOCK: usize = 32;
    let is_near = |&x: &f64| !(x > limit);
    let has = |block: &[f64]| block.iter().fold(false, |any, x| any | is_near(x));
    let rest = &row[from..];
    let first = rest.chunks(BLOCK).position(has)? * BLOCK;
    Some(from + first + rest[first..].iter().position(is_near)?)
}

fn cost(request: &mut Request<'_>) -> Result<Output, String> {
    let mut clusters = Clusters::of(request)?;
    let (mut tape, mut cost) = (Tape::new(), 0.0);
    request.evaluate(|| {
        clusters.label()?;
        cost = clusters.cost(&tape, tape.data(&clusters.centroids)).item();
        tape.clear();
        Ok(())
    })?;
    Ok(Output::Number(cost))
}

fn direction(request: &mut Request<'_>) -> Result<Output, String> {
    let mut clusters = Clusters::of(request)?;
    let (k, d) = (clusters.centroids.shape()[0], clusters.centroids.shape()[1]);
    let mut tape = Tape::new();
    let mut direction = vec![0.0; k * d];
    let ones = Tensor::new([k, d], vec![1.0; k * d]).map_err(|error| error.to_string())?;
    request.evaluate(|| {
        clusters.label()?;
        let centroids = tape.var(&clusters.centroids);
        let cost = clusters.cost(&tape, centroids);
        let gradient = tape.try_grad(cost, &[centroids])?[0];
        let curvature = tape.jvp(gradient, &[(centroids, Value::from(ones.clone()))])?;
        for ((slot, g), h) in direction.iter_mut().zip(gradient.value().as_slice()).zip(curvature.as_slice()) {
            *slot = g / h;
        }
        tape.clear();
        Ok(())
    })?;
    Ok(Output::Rows(Matrix::new(k, d, direction)))
}
