//! ba: reprojection errors of bundle adjustment and their sparse Jacobian, by the formula of the example `adbench`.
//!
//! The body of an observation is recorded and compiled once, and mapped over all of them: cameras and points come from their
//! tables by index, and blocks of the Jacobian go where they belong. All observations are equal in this eval; nothing here knows.

use super::adbench::ba::{INPUTS, body};
use super::matrix::{exactly, fits, room};
use super::protocol::{Eval, Output, Request};
use retrograd::program::Options;
use retrograd::{Error, Map, Points, Var};
use serde::Deserialize;

pub(crate) const EVAL: Eval = Eval { name: "ba", functions: &[("objective", objective), ("jacobian", jacobian)] };

/// Numbers of a camera, and of a point.
const CAMERA: usize = 11;
const POINT: usize = 3;
/// Bytes for what is known of an observation, for its errors, and for its part of the Jacobian.
const KNOWN: usize = 2 * size_of::<u32>() + 3 * size_of::<f64>();
const ERRORS: usize = 3 * size_of::<f64>();
const ROWS: usize = (2 * INPUTS + 1) * (size_of::<u32>() + size_of::<f64>()) + 3 * size_of::<u32>();
/// How many entries of the Jacobian are answered, beside the last.
const SHOWN: usize = 30;

#[derive(Deserialize)]
struct Input {
    n: usize,
    m: usize,
    p: usize,
    cam: Vec<f64>,
    x: Vec<f64>,
    w: f64,
    feat: Vec<f64>,
}

/// Cameras, points, and observations of them.
struct Problem {
    cameras: Vec<f64>,
    points: Vec<f64>,
    camera: Vec<u32>,
    point: Vec<u32>,
    weights: Vec<f64>,
    features: Vec<f64>,
}

impl Problem {
    /// The problem of a message, where there is memory for it and so many bytes for each observation.
    fn of(request: &mut Request<'_>, bytes: usize) -> Result<Self, String> {
        let Input { n, m, p, cam, x, w, feat } = request.input()?;
        let cam: [f64; CAMERA] = exactly(cam, "cam")?;
        let (x, feat): ([f64; POINT], [f64; 2]) = (exactly(x, "x")?, exactly(feat, "feat")?);
        for (name, count) in [("n", n), ("m", m), ("p", p)] {
            if count == 0 {
                return Err(format!("input.{name}: cameras, points and observations are 1 or more, got 0"));
            }
        }
        // Columns of the Jacobian and places among its entries are counted by 32 bits.
        let sizes = [(n, CAMERA), (m, POINT), (p, 2 * INPUTS + 1)];
        if sizes.iter().map(|&(count, each)| count as u128 * each as u128).sum::<u128>() > u128::from(u32::MAX) {
            return Err(format!("input: {n} cameras, {m} points, {p} observations have 2^32 or more entries"));
        }
        let real = size_of::<f64>();
        fits("n", n, CAMERA * real)?;
        fits("m", m, POINT * real)?;
        fits("p", p, KNOWN + bytes)?;
        Ok(Self {
            cameras: cam.repeat(n),
            points: x.repeat(m),
            camera: (0..p).map(|i| (i % n) as u32).collect(),
            point: (0..p).map(|i| (i % m) as u32).collect(),
            weights: vec![w; p],
            features: feat.repeat(p),
        })
    }

    /// How many observations there are.
    fn count(&self) -> usize {
        self.weights.len()
    }

    fn observations(&self) -> Points<'_, f64> {
        Points::new(self.count())
            .gathered(&self.cameras, CAMERA, &self.camera)
            .gathered(&self.points, POINT, &self.point)
            .column(&self.weights)
            .rows(&self.features, 2)
    }

    fn weights(&self) -> Points<'_, f64> {
        Points::new(self.count()).column(&self.weights)
    }
}

fn reprojection<'t>(x: &[Var<'t, f64>]) -> Vec<Var<'t, f64>> {
    let (inputs, feature) = x.split_first_chunk::<INPUTS>().expect("as many as it is compiled for");
    body::reprojection_of_any(inputs, [feature[0], feature[1]]).to_vec()
}

fn objective(request: &mut Request<'_>) -> Result<Output, String> {
    let problem = Problem::of(request, ERRORS)?;
    let options = Options::new().threads(request.threads);
    let p = problem.count();
    let ([mut errors, mut weight_errors], mut e, mut g) = request.prepare(|| {
        let errors = options.map(INPUTS + 2, 0, |x, _| reprojection(x))?;
        Ok(([errors, options.map(1, 0, |x, _| vec![body::weight_error(x[0])])?], room(2 * p), room(p)))
    })?;
    request.evaluate(|| {
        errors.run_into(&problem.observations(), &[], &mut e)?;
        weight_errors.run_into(&problem.weights(), &[], &mut g)
    })?;
    let repeated = || ("repeated", Output::Count(p as u64));
    Ok(Output::Object(vec![
        ("reproj_error", Output::Object(vec![("elements", Output::Vector(e[..2].to_vec())), repeated()])),
        ("w_err", Output::Object(vec![("element", Output::Number(g[0])), repeated()])),
    ]))
}

/// A sparse matrix, row by row: where each row starts, and the column and the value of each entry.
struct Sparse {
    rows: Vec<u32>,
    columns: Vec<u32>,
    values: Vec<f64>,
}

impl Sparse {
    fn for_observations(p: usize) -> Self {
        let entries = (2 * INPUTS + 1) * p;
        Self { rows: vec![u32::MAX; 3 * p + 1], columns: vec![u32::MAX; entries], values: room(entries) }
    }

    /// Writes the structure: two rows for each observation, then one for each weight.
    fn write_structure(&mut self, problem: &Problem) {
        let (first_point, first_weight) = (problem.cameras.len(), problem.cameras.len() + problem.points.len());
        let (blocks, last) = self.columns.split_at_mut(2 * INPUTS * problem.count());
        let seen = problem.camera.iter().zip(&problem.point);
        for (i, (block, (&camera, &point))) in blocks.chunks_exact_mut(2 * INPUTS).zip(seen).enumerate() {
            let (camera, point) = (camera * CAMERA as u32, first_point as u32 + point * POINT as u32);
            for row in block.chunks_exact_mut(INPUTS) {
                (0..CAMERA).for_each(|j| row[j] = camera + j as u32);
                (0..POINT).for_each(|j| row[CAMERA + j] = point + j as u32);
                row[CAMERA + POINT] = (first_weight + i) as u32;
            }
        }
        last.iter_mut().zip(first_weight as u32..).for_each(|(column, at)| *column = at);
        let (starts, ends) = self.rows.split_at_mut(2 * problem.count());
        starts.iter_mut().enumerate().for_each(|(row, start)| *start = (row * INPUTS) as u32);
        let first = 2 * INPUTS * problem.count();
        ends.iter_mut().enumerate().for_each(|(i, end)| *end = (first + i) as u32);
    }

    /// Writes the values, and the errors, which are computed with them.
    fn write_values(
        &mut self,
        problem: &Problem,
        maps: &mut [Map<f64>; 2],
        e: &mut [f64],
        g: &mut [f64],
    ) -> Result<(), Error> {
        let [errors, weight_errors] = maps;
        let (blocks, by_weight) = self.values.split_at_mut(2 * INPUTS * problem.count());
        errors.jacobian_into(&problem.observations(), &[], e, blocks)?;
        weight_errors.jacobian_into(&problem.weights(), &[], g, by_weight)
    }
}

fn jacobian(request: &mut Request<'_>) -> Result<Output, String> {
    let problem = Problem::of(request, ERRORS + ROWS)?;
    let options = Options::new().threads(request.threads);
    let p = problem.count();
    let (mut maps, mut e, mut g, mut matrix) = request.prepare(|| {
        let by: Vec<usize> = (0..INPUTS).collect();
        let errors = options.map_jacobian(INPUTS + 2, 0, &by, |x, _| reprojection(x))?;
        let maps = [errors, options.map_jacobian(1, 0, &[0], |x, _| vec![body::weight_error(x[0])])?];
        Ok((maps, room(2 * p), room(p), Sparse::for_observations(p)))
    })?;
    request.evaluate(|| {
        matrix.write_structure(&problem);
        matrix.write_values(&problem, &mut maps, &mut e, &mut g)
    })?;
    let counts = |x: &[u32]| Output::Counts(excerpt(x).map(u64::from).collect());
    Ok(Output::Object(vec![
        ("rows", counts(&matrix.rows)),
        ("cols", counts(&matrix.columns)),
        ("vals", Output::Vector(excerpt(&matrix.values).collect())),
    ]))
}

/// What is answered of a list.
fn excerpt<T: Copy>(list: &[T]) -> impl Iterator<Item = T> {
    list.iter().take(SHOWN).chain(list.last()).copied()
}
