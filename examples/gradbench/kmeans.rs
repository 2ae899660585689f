//! kmeans: f(C) = sum_i min_j |P_i - C_j|^2, and the direction of Newton's method, (df/dC) / (d2f/dC2) entry by entry.
//!
//! Which centroid is nearest comes from one matrix product, whose smallest entries a compiled program finds, some thousand
//! numbers at a time. Then f is the sum of the squared distances to the chosen centroids: that is differentiated, and each point
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
    /// Blocks of points, and what is left over.
    blocks: Vec<Tensor<f64>>,
    nearest: Option<Program<f64>>,
    nearest_of_rest: Option<Program<f64>>,
    labels: Vec<usize>,
}

impl Clusters {
    fn of(request: &mut Request<'_>) -> Result<Self, String> {
        let Input { points, centroids } = request.input()?;
        let (n, k, d) = (points.rows, centroids.rows, points.columns.max(centroids.columns));
        if k == 0 && n > 0 {
            return Err("input.centroids: no centroid is nearest to a point where there are none".to_owned());
        }
        let (points, centroids) = (points.shaped("points", n, d)?, centroids.shaped("centroids", k, d)?);
        let options = Options::new().threads(request.threads);
        let each = (AT_ONCE / k.max(1)).clamp(1, n.max(1));
        let block = |rows: &[f64]| Tensor::new([rows.len() / d.max(1), d], rows.to_vec());
        request.prepare(|| {
            let blocks: Vec<_> = points.values.chunks((each * d).max(1)).map(block).collect::<Result<_, _>>()?;
            let centroids = Tensor::new([k, d], centroids.values)?;
            let compiled = |block: Option<&Tensor<f64>>| {
                let like = block.map(|block| [block.clone(), centroids.clone()]);
                like.map(|like| options.compile(&like, |x| vec![nearest(x[0], x[1])])).transpose()
            };
            Ok(Self {
                nearest: compiled(blocks.first())?,
                nearest_of_rest: compiled(blocks.last())?,
                points: Tensor::new([n, d], points.values)?,
                centroids,
                blocks,
                labels: Vec::with_capacity(n),
            })
        })
    }

    /// Finds the nearest centroid of each point.
    fn label(&mut self) -> Result<(), Error> {
        self.labels.clear();
        let last = self.blocks.len().saturating_sub(1);
        for (i, block) in self.blocks.iter().enumerate() {
            let program = if i == last { &mut self.nearest_of_rest } else { &mut self.nearest };
            let Some(program) = program else { continue };
            program.run(&[block, &self.centroids])?;
            self.labels.extend(program.output(0).iter().map(|&label| label as usize));
        }
        Ok(())
    }

    /// f, each point with its nearest centroid.
    fn cost<'t>(&self, tape: &'t Tape<f64>, centroids: Var<'t, f64>) -> Var<'t, f64> {
        (tape.data(&self.points) - centroids.gather(0, &self.labels)).square().sum(())
    }
}

/// The number of the nearest centroid for each point, [n]; the first of equals.
///
/// |P - C|^2 = |P|^2 + 2 (|C|^2 / 2 - P . C), relative to the first centroid, so that a cloud far from the origin cancels no digits.
fn nearest<'t>(points: Var<'t, f64>, centroids: Var<'t, f64>) -> Var<'t, f64> {
    let k = centroids.shape()[0];
    let origin = centroids.slice(..1);
    let (points, centroids) = (points - origin, centroids - origin);
    let distances = centroids.square().sum(1) * 0.5 - points.matmul_nt(centroids);
    let smallest = distances.min(1).unsqueeze(1);
    let numbers: Vec<f64> = (0..k).map(|j| j as f64).collect();
    let tape = points.tape();
    distances.equal(smallest).select(tape.data(numbers), tape.data(vec![k as f64; k])).min(1)
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
