//! kmeans: f(C) = sum_i min_j |P_i - C_j|^2, and the direction of Newton's method, (df/dC) / (d2f/dC2) entry by entry.
//!
//! Which centroid is nearest comes from a matrix product and its smallest entries, of some points at a time, compiled. Then f is the sum of the squared distances to the chosen centroids: that is differentiated, and each point
//! reaches one centroid only. The Hessian is diagonal, so its product with a vector of ones is its diagonal: the tangent of the
//! recorded gradient, forward over reverse.

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
        let k = self.centroids.shape()[0];
        self.labels.clear();
        for (i, block) in self.blocks.iter().enumerate() {
            let program = &mut self.distances[usize::from(i + 1 == self.blocks.len())];
            program.run(&[block, &made, &origin])?;
            let rows = program.output(0).chunks_exact(k).zip(program.output(1));
            self.labels.extend(rows.map(|(row, &smallest)| position(row, smallest)));
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

/// Where the smallest number of a row stands first: a block of numbers is looked through at once.
fn position(row: &[f64], smallest: f64) -> usize {
    const BLOCK: usize = 32;
    let has = |block: &[f64]| block.iter().fold(false, |found, &x| found | (x == smallest));
    let first = row.chunks(BLOCK).position(has).map_or(0, |block| block * BLOCK);
    first + row[first..].iter().position(|&x| x == smallest).unwrap_or_default()
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
