//! BA: reprojection errors of bundle adjustment, and their sparse Jacobian.
//!
//! A camera is a rotation vector r [3], a centre c [3], a focal length f, a principal point u [2] and two coefficients of
//! distortion kappa [2]. A point X is seen at feat with weight w:
//!
//!   Y = the rotation by r of X - c;  p = (Y0/Y2, Y1/Y2);  rho = |p|^2
//!   e = w (p (1 + kappa0 rho + kappa1 rho^2) f + u - feat);  g = 1 - w^2
//!
//! Rows of the Jacobian: both e of each observation, then the g. Columns: 11 for each camera, 3 for each point, 1 for each weight.
//!
//! A file has one camera, one point, one weight and one feature, repeated as often as its header says. Nothing here knows that
//! they are equal.

pub(crate) mod body;
mod map;
mod plain;
mod program;

use super::problem::{Method, Mode, Problem, in_a_line, no_such_mode};
use super::tokens::{Tokens, name, read_text};
use retrograd::{Tape, Var};
use serde_json::{Map, Value, json};
use std::path::Path;

/// How many numbers an observation depends on: 11 of its camera, 3 of its point, its weight.
pub(crate) const INPUTS: usize = 15;
/// How many nonzeros it has in the Jacobian: those for both e, and one of g.
const NONZEROS: usize = 2 * INPUTS + 1;

/// The data of a file.
pub(crate) struct Ba {
    pub(crate) cameras: Vec<[f64; 11]>,
    pub(crate) points: Vec<[f64; 3]>,
    pub(crate) observations: Vec<Observation>,
    /// The Jacobian's structure: where each row starts, and the column of each nonzero.
    pub(crate) rows: Vec<u32>,
    pub(crate) columns: Vec<u32>,
}

/// Which camera saw which point where, and how much that counts.
#[derive(Clone, Copy)]
pub(crate) struct Observation {
    pub(crate) camera: u32,
    pub(crate) point: u32,
    pub(crate) weight: f64,
    pub(crate) feature: [f64; 2],
}

impl Ba {
    /// Reads the text of a file.
    pub(crate) fn parse(file: String, text: &str) -> Result<Self, String> {
        let mut tokens = Tokens::new(file, text);
        let (n, m) = (tokens.count("n, the cameras")?, tokens.count("m, the points")?);
        let p = tokens.count("p, the observations")?;
        let needed = [n.checked_mul(11), m.checked_mul(3), p.checked_mul(NONZEROS)];
        let total = needed.into_iter().try_fold(0usize, |sum, part| sum.checked_add(part?));
        if total.is_none_or(|total| total > u32::MAX as usize) {
            return Err(
                tokens.wrong(format_args!("{n} cameras, {m} points, {p} observations: more than 2^32 nonzeros"))
            );
        }
        let camera = tokens.table("camera", 1, 11)?.try_into().expect("11 numbers");
        let point = tokens.table("point", 1, 3)?.try_into().expect("3 numbers");
        let weight = tokens.number(&|| "the weight".to_owned())?;
        let feature = tokens.table("feature", 1, 2)?.try_into().expect("2 numbers");
        tokens.end()?;
        let seen = |i| Observation { camera: (i % n) as u32, point: (i % m) as u32, weight, feature };
        Ok(Self::new(vec![camera; n], vec![point; m], (0..p).map(seen).collect()))
    }

    /// The problem of any cameras, points and observations.
    pub(crate) fn new(cameras: Vec<[f64; 11]>, points: Vec<[f64; 3]>, observations: Vec<Observation>) -> Self {
        let (n, m, p) = (cameras.len(), points.len(), observations.len());
        let mut columns = Vec::with_capacity(NONZEROS * p);
        for (i, seen) in observations.iter().enumerate() {
            for _ in 0..2 {
                columns.extend(11 * seen.camera..11 * seen.camera + 11);
                let point = (11 * n) as u32 + 3 * seen.point;
                columns.extend(point..point + 3);
                columns.push((11 * n + 3 * m + i) as u32);
            }
        }
        columns.extend((0..p).map(|i| (11 * n + 3 * m + i) as u32));
        let ends = (0..=2 * p).map(|row| row * INPUTS).chain((1..=p).map(|i| 2 * p * INPUTS + i));
        let rows = ends.map(|end| end as u32).collect();
        Self { cameras, points, observations, rows, columns }
    }

    /// What an observation depends on.
    pub(crate) fn inputs(&self, seen: &Observation) -> [f64; INPUTS] {
        let mut inputs = [0.0; INPUTS];
        inputs[..11].copy_from_slice(&self.cameras[seen.camera as usize]);
        inputs[11..14].copy_from_slice(&self.points[seen.point as usize]);
        inputs[14] = seen.weight;
        inputs
    }
}

/// How many observations are recorded before they are swept: enough for a sweep to be long, few enough to stay in cache.
pub(crate) const CHUNK: usize = 64;

/// Writes the errors and the nonzeros of the Jacobian: some observations at a time, each with variables of its own, so that
/// three sweeps give a row for every one of them.
fn by_tape(ba: &Ba, tape: &mut Tape<f64>, values: &mut [f64], nonzeros: &mut [f64]) {
    let p = ba.observations.len();
    let (errors, weight_errors) = values.split_at_mut(2 * p);
    let (blocks, weight_rows) = nonzeros.split_at_mut(2 * INPUTS * p);
    let outputs = errors.chunks_mut(2 * CHUNK).zip(weight_errors.chunks_mut(CHUNK));
    let derivatives = blocks.chunks_mut(2 * INPUTS * CHUNK).zip(weight_rows.chunks_mut(CHUNK));
    for ((seen, (e, g)), (blocks, weight_rows)) in ba.observations.chunks(CHUNK).zip(outputs).zip(derivatives) {
        record_chunk(ba, seen, tape, [e, g, blocks, weight_rows]);
        tape.clear();
    }
}

/// The same for some observations, whose parts of the results are handed over.
fn record_chunk(ba: &Ba, seen: &[Observation], tape: &Tape<f64>, [e, g, blocks, weight_rows]: [&mut [f64]; 4]) {
    let inputs: Vec<f64> = seen.iter().flat_map(|seen| ba.inputs(seen)).collect();
    let x = tape.vars(&inputs);
    let (x, _) = x.as_chunks::<INPUTS>();
    let mut total = Var::constant(0.0);
    for (x, g) in x.iter().zip(g) {
        let error = body::weight_error(x[14]);
        *g = error.item();
        total += error;
    }
    let grads = total.backward();
    for (slot, x) in weight_rows.iter_mut().zip(x) {
        *slot = grads.item(x[14]);
    }
    tape.recycle(grads);

    let mut totals = [Var::constant(0.0); 2];
    for ((seen, x), e) in seen.iter().zip(x).zip(e.chunks_exact_mut(2)) {
        let rotated = is_rotated(&ba.cameras[seen.camera as usize]);
        let feature = [Var::constant(seen.feature[0]), Var::constant(seen.feature[1])];
        let error = body::reprojection(x, feature, rotated);
        for j in 0..2 {
            e[j] = error[j].item();
            totals[j] += error[j];
        }
    }
    for (j, total) in totals.into_iter().enumerate() {
        let grads = total.backward();
        let rows = grads.items(x.as_flattened());
        for (block, row) in blocks.chunks_exact_mut(2 * INPUTS).zip(rows.chunks_exact(INPUTS)) {
            block[j * INPUTS..][..INPUTS].copy_from_slice(row);
        }
        tape.recycle(grads);
    }
}

/// Whether the formula of a rotation that is not zero holds.
pub(crate) fn is_rotated(camera: &[f64]) -> bool {
    camera[..3].iter().map(|r| r * r).sum::<f64>() != 0.0
}

impl Problem for Ba {
    const NAME: &'static str = "ba";
    const MODES: &'static [Mode] = &[Mode::Map, Mode::Program, Mode::Tape];

    fn read(path: &Path) -> Result<Self, String> {
        Self::parse(name(path), &read_text(path)?)
    }

    fn lengths(&self) -> [usize; 2] {
        [3 * self.observations.len(), self.columns.len()]
    }

    fn objective(&self, values: &mut [f64]) {
        plain::errors(self, values);
    }

    fn method(&self, mode: Mode) -> Result<Method<'_>, String> {
        match mode {
            Mode::Tape => {
                let mut tape = Tape::new();
                let run = move |values: &mut [f64], nonzeros: &mut [f64]| by_tape(self, &mut tape, values, nonzeros);
                Ok(Method {
                    how: "scalars recorded each call, 64 observations at a time, three sweeps",
                    run: Box::new(run),
                })
            }
            Mode::Program => program::method(self),
            Mode::Map => map::method(self),
            Mode::Tensor => Err(no_such_mode::<Self>(mode)),
        }
    }

    fn describe(&self, values: &[f64], derivative: &[f64]) -> Map<String, Value> {
        let p = self.observations.len();
        let members = json!({
            "n": self.cameras.len(), "m": self.points.len(), "p": p,
            "reproj_err_one_observation": values[..2],
            "w_err_one_observation": values[2 * p],
            "jacobian_nonzeros_total": derivative.len(),
            "row0_of_block": derivative[..INPUTS],
            "row1_of_block": derivative[INPUTS..2 * INPUTS],
            "w_err_row": derivative[2 * INPUTS * p],
            "note": "every observation has the same camera, point, weight and feature values in this format, so every 2x15 block and every w_err row is the same; columns of a block: 11 camera params, 3 point coordinates, 1 weight",
            "first_observation_columns": self.columns[..2 * INPUTS],
        });
        members.as_object().cloned().unwrap_or_default()
    }

    fn summary(&self, values: &[f64], derivative: &[f64]) -> String {
        format!(
            "{} cameras, {} points, {} observations\nerrors: {}\nJacobian: {} rows, {} columns, nonzeros: {}",
            self.cameras.len(),
            self.points.len(),
            self.observations.len(),
            in_a_line(values),
            self.rows.len() - 1,
            11 * self.cameras.len() + 3 * self.points.len() + self.observations.len(),
            in_a_line(derivative)
        )
    }
}
