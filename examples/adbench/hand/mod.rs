//! HAND: distances of points from a hand whose bones are bent; three numbers for each point, and their dense Jacobian.
//!
//! Bone i's transform is Abs_i = Abs_parent Rel_i R_i, with R_i = Rz Rx from the angles of its finger, and a vertex stands at
//! V = G sum_i w_i (Abs_i Inv_i [x; 1]) + translation, with G the rotation by theta[0..3]. The error of a point is
//!
//!   simple:      e = point - V
//!   complicated: e = point - (u0 Va + u1 Vb + (1 - u0 - u1) Vc), in a triangle, differentiated by its own u as well
//!
//! Columns of the Jacobian: the derivatives by u0 and u1 in the complicated variant, then theta [26].

pub(crate) mod body;
mod map;
pub(crate) mod model;
mod plain;

use super::problem::{Method, Mode, Problem, in_a_line, no_such_mode, pack};
use super::tokens::{Tokens, name, read_text};
use model::Model;
use retrograd::Dual;
use serde_json::{Map, Value, json};
use std::path::Path;

/// A rotation vector [3], a translation [3], four angles for each of five fingers.
pub(crate) const N_THETA: usize = 26;

/// The data of a file, with its model.
pub(crate) struct Hand {
    pub(crate) model: Model,
    pub(crate) points: Vec<[f64; 3]>,
    /// The vertices that points belong to: indices into `skin`; the same three times in the simple variant.
    pub(crate) corners: Vec<[usize; 3]>,
    /// The numbers u of each point, in the complicated variant.
    pub(crate) u: Option<Vec<[f64; 2]>>,
    pub(crate) theta: [f64; N_THETA],
    /// For each vertex in use, the bones that move it with w [x; 1].
    pub(crate) skin: Vec<Vec<(usize, [f64; 4])>>,
}

impl Hand {
    /// Reads the text of a file.
    pub(crate) fn parse(file: String, text: &str, model: Model) -> Result<Self, String> {
        let count = text.split_whitespace().count();
        let mut tokens = Tokens::new(file, text);
        let n = tokens.count("N, the points")?;
        let n_theta = tokens.count("the number of angles")?;
        if n_theta != N_THETA {
            return Err(tokens.wrong(format_args!("{n_theta} angles; a hand has {N_THETA}")));
        }
        let needs = |each: usize| n.checked_mul(each).and_then(|all| all.checked_add(2 + N_THETA));
        let complicated = match count {
            _ if needs(4) == Some(count) => false,
            _ if needs(6) == Some(count) => true,
            _ => {
                return Err(tokens.wrong(format_args!(
                    "{n} points need 4 numbers each (6 with u) beside {}, got {count} numbers in all",
                    2 + N_THETA
                )));
            }
        };
        let (mut points, mut corners) = (Vec::new(), Vec::new());
        for i in 0..n {
            let what = || format!("the correspondence of point {i}");
            if complicated {
                corners.push(model.triangles[tokens.index(&what, model.triangles.len())?]);
            } else {
                corners.push([tokens.index(&what, model.vertices.len())?; 3]);
            }
            let point = tokens.table(&format!("point {i}"), 1, 3)?;
            points.push([point[0], point[1], point[2]]);
        }
        let mut u = None;
        if complicated {
            u = Some(tokens.table("u", n, 2)?.chunks_exact(2).map(|u| [u[0], u[1]]).collect());
        }
        let theta = tokens.table("theta", N_THETA, 1)?.try_into().expect("as many as asked for");
        tokens.end()?;
        Ok(Self::new(model, points, corners, u, theta))
    }

    /// Keeps of the model's vertices those that are used.
    pub(crate) fn new(
        model: Model,
        points: Vec<[f64; 3]>,
        mut corners: Vec<[usize; 3]>,
        u: Option<Vec<[f64; 2]>>,
        theta: [f64; N_THETA],
    ) -> Self {
        let mut places = vec![None; model.vertices.len()];
        let mut skin = Vec::new();
        for corner in corners.iter_mut().flatten() {
            let vertex = &model.vertices[*corner];
            *corner = *places[*corner].get_or_insert_with(|| {
                let [x, y, z] = vertex.position;
                skin.push(vertex.weights.iter().map(|&(bone, w)| (bone, [w * x, w * y, w * z, w])).collect());
                skin.len() - 1
            });
        }
        Self { model, points, corners, u, theta, skin }
    }

    /// Columns of the Jacobian before those of theta.
    fn n_u(&self) -> usize {
        if self.u.is_some() { 2 } else { 0 }
    }

    /// Whether the global rotation is one.
    pub(crate) fn turned(&self) -> bool {
        self.theta[..3].iter().map(|r| r * r).sum::<f64>().sqrt() >= 1e-4
    }
}

/// Writes the errors and the Jacobian: a column for each pass over dual numbers.
fn by_dual_numbers(hand: &Hand, values: &mut [f64], jacobian: &mut [f64]) {
    let columns = hand.n_u() + N_THETA;
    for column in 0..columns {
        let along = |j: usize| f64::from(j == column);
        let theta = std::array::from_fn(|j| Dual::new(hand.theta[j], along(hand.n_u() + j)));
        let u = hand.u.iter().flatten().map(|u| [Dual::new(u[0], along(0)), Dual::new(u[1], along(1))]);
        let mut row = 0;
        body::errors(hand, &theta, &u.collect::<Vec<_>>(), |error: Dual<f64>| {
            values[row] = error.value;
            jacobian[row * columns + column] = error.tangent;
            row += 1;
        });
    }
}

impl Problem for Hand {
    const NAME: &'static str = "hand";
    const MODES: &'static [Mode] = &[Mode::Map, Mode::Tape];

    fn read(path: &Path) -> Result<Self, String> {
        let text = read_text(path)?;
        Self::parse(name(path), &text, Model::beside(path)?)
    }

    fn lengths(&self) -> [usize; 2] {
        let rows = 3 * self.points.len();
        [rows, rows * (self.n_u() + N_THETA)]
    }

    fn objective(&self, values: &mut [f64]) {
        plain::errors(self, values);
    }

    fn method(&self, mode: Mode) -> Result<Method<'_>, String> {
        match mode {
            Mode::Tape => {
                let run = |values: &mut [f64], jacobian: &mut [f64]| by_dual_numbers(self, values, jacobian);
                Ok(Method { how: "forward mode: a pass over dual numbers for each column", run: Box::new(run) })
            }
            Mode::Map => map::method(self),
            Mode::Program | Mode::Tensor => Err(no_such_mode::<Self>(mode)),
        }
    }

    fn describe(&self, values: &[f64], derivative: &[f64]) -> Map<String, Value> {
        let columns = self.n_u() + N_THETA;
        let column = |j: usize| derivative.iter().skip(j).step_by(columns).sum::<f64>();
        let sums: Vec<f64> = (0..columns).map(column).collect();
        let theta = "theta[0..26]";
        let with_u = "us0 (d/du_i0 of the residuals of point i), us1, then theta[0..26]";
        let members = json!({
            "n_points": self.points.len(),
            "complicated": self.u.is_some(),
            "objective_order": "3 residuals per point: x,y,z",
            "objective": pack(values),
            "jacobian_shape": [values.len(), columns],
            "jacobian_columns": if self.u.is_some() { with_u } else { theta },
            "jacobian_row_major": pack(derivative),
            "jacobian_column_sums": sums,
        });
        members.as_object().cloned().unwrap_or_default()
    }

    fn summary(&self, values: &[f64], derivative: &[f64]) -> String {
        let columns = self.n_u() + N_THETA;
        let variant = if self.u.is_some() { "complicated" } else { "simple" };
        format!(
            "{variant}, {} points\nerrors: {}\nJacobian: {} by {columns}, {}",
            self.points.len(),
            in_a_line(values),
            values.len(),
            in_a_line(derivative)
        )
    }
}
