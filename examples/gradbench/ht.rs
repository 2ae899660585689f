//! ht: distances of points from a hand whose bones are bent, three numbers for each point, and their dense Jacobian.
//!
//! Bone i's transform is Abs_i = Abs_parent Rel_i Rz Rx with the angles of its finger, and a vertex stands at
//! R sum_i w_i (Abs_i Inv_i p) + translation. The error of a point is what is left to its vertex, or to a place u in a triangle.
//!
//! A vertex is a function of theta, and of its own weights: recorded and compiled once, and mapped over all vertices, with its
//! derivatives by theta; bones depend on theta alone, and are computed once a run. A point's error is a short formula of three
//! vertices: it runs over dual numbers, a column of the Jacobian after the other. All vertices and all weights are computed, also
//! those that no point touches, or that are zero.

use super::matrix::{Matrix, exactly, long, room};
use super::protocol::{Eval, Object, Output, Request};
use retrograd::program::Options;
use retrograd::{Dual, Error, Map, Number, Points};
use serde::Deserialize;

pub(crate) const EVAL: Eval = Eval { name: "ht", functions: &[("objective", objective), ("jacobian", jacobian)] };

/// A rotation vector [3], a translation [3], four angles for each of five fingers.
const N_THETA: usize = 26;
/// Bones that the angles of five fingers move, and the wrist.
const LEAST_BONES: usize = 21;

#[derive(Deserialize)]
struct Input {
    theta: Vec<f64>,
    data: Object<Data>,
    us: Matrix,
}

#[derive(Deserialize)]
struct Data {
    model: Object<ModelInput>,
    correspondences: Vec<usize>,
    points: Matrix,
}

#[derive(Deserialize)]
struct ModelInput {
    parents: Vec<i64>,
    base_relatives: Vec<Matrix>,
    inverse_base_absolutes: Vec<Matrix>,
    base_positions: Matrix,
    weights: Matrix,
    triangles: Vec<Vec<usize>>,
    is_mirrored: bool,
}

/// The first three rows of an affine transform [4][4].
type Affine<S> = [S; 12];

struct Bone {
    parent: Option<usize>,
    /// From this bone's frame to its parent's, at rest.
    relative: Affine<f64>,
    /// From the model's frame to this bone's, at rest.
    inverse: Affine<f64>,
}

struct Hand {
    theta: Vec<f64>,
    bones: Vec<Bone>,
    mirrored: bool,
    /// Homogeneous, [n, 4], and how much each bone moves each, [n, bones].
    positions: Matrix,
    weights: Matrix,
    /// What the points should be at, [n, 3], the vertices that they belong to, and where between these, [n, 2]. Without `u`, it is
    /// the first vertex.
    points: Matrix,
    corners: Vec<[usize; 3]>,
    u: Option<Matrix>,
}

impl Hand {
    fn of(request: &mut Request<'_>) -> Result<Self, String> {
        let Input { theta, data: Object(Data { model: Object(mut model), correspondences, points }), us } =
            request.input()?;
        let theta = long(theta, "theta", N_THETA)?;
        let bones = bones(&model)?;
        let n_vertices = model.base_positions.rows;
        let positions = model.base_positions.shaped("data.model.base_positions", n_vertices, 4)?;
        let weights = model.weights.shaped("data.model.weights", n_vertices, bones.len())?;
        let n = correspondences.len();
        let points = points.shaped("data.points", n, 3)?;
        let u = if us.rows == 0 { None } else { Some(us.shaped("us", n, 2)?) };
        let triangles = std::mem::take(&mut model.triangles).into_iter().enumerate();
        let triangles = triangles
            .map(|(i, triangle)| exactly(triangle, &format!("data.model.triangles[{i}]")))
            .collect::<Result<Vec<[usize; 3]>, _>>()?;
        let corner = |(i, &at): (usize, &usize)| {
            let (found, what, count) = match &u {
                Some(_) => (triangles.get(at).copied(), "triangles", triangles.len()),
                None => ((at < n_vertices).then_some([at; 3]), "vertices", n_vertices),
            };
            found.ok_or_else(|| format!("input.data.correspondences[{i}]: {at} is out of range for {count} {what}"))
        };
        let corners = correspondences.iter().enumerate().map(corner).collect::<Result<Vec<_>, _>>()?;
        for (i, triangle) in triangles.iter().enumerate() {
            if let Some(vertex) = triangle.iter().find(|&&vertex| vertex >= n_vertices) {
                return Err(format!(
                    "input.data.model.triangles[{i}]: vertex {vertex} is out of range for {n_vertices} vertices"
                ));
            }
        }
        Ok(Self { theta, bones, mirrored: model.is_mirrored, positions, weights, points, corners, u })
    }

    /// What a vertex has of its own: its position, then its weights.
    fn vertices(&self) -> Points<'_, f64> {
        let (positions, weights) = (&self.positions, &self.weights);
        Points::new(positions.rows).rows(&positions.values, 4).rows(&weights.values, weights.columns)
    }

    /// How many numbers these are.
    fn n_inputs(&self) -> usize {
        4 + self.bones.len()
    }

    /// Where a vertex stands.
    fn vertex<S: Number>(&self, own: &[S], theta: &[S]) -> [S; 3] {
        let (position, weights) = own.split_at(4);
        let mut at = [S::lit(0.0); 3];
        for (transform, &weight) in self.transforms(theta).iter().zip(weights) {
            for (at, row) in at.iter_mut().zip(transform.chunks_exact(4)) {
                *at += weight * dot(row, position);
            }
        }
        if self.mirrored {
            at[0] = -at[0];
        }
        let turned =
            if self.is_turned() { rotation([theta[0], theta[1], theta[2]]).map(|row| dot(&row, &at)) } else { at };
        std::array::from_fn(|i| turned[i] + theta[3 + i])
    }

    /// Whether the global rotation is one: a shorter vector stands for none.
    fn is_turned(&self) -> bool {
        self.theta[..3].iter().map(|r| r * r).sum::<f64>().sqrt() >= 1e-4
    }

    /// From rest to where the angles put it, Abs_i Inv_i, for each bone.
    fn transforms<S: Number>(&self, theta: &[S]) -> Vec<Affine<S>> {
        let mut absolute: Vec<Affine<S>> = Vec::with_capacity(self.bones.len());
        for (i, bone) in self.bones.iter().enumerate() {
            let bent = bend(bone.relative.map(S::lit), angles(i, theta));
            absolute.push(bone.parent.map_or(bent, |parent| compose(&absolute[parent], &bent)));
        }
        absolute.iter().zip(&self.bones).map(|(absolute, bone)| compose(absolute, &bone.inverse.map(S::lit))).collect()
    }

    /// Columns of the Jacobian.
    fn columns(&self) -> usize {
        if self.u.is_some() { 2 + N_THETA } else { N_THETA }
    }
}

fn bones(model: &ModelInput) -> Result<Vec<Bone>, String> {
    let n = model.parents.len();
    if n < LEAST_BONES {
        return Err(format!("input.data.model.parents: {n} bones; five fingers need {LEAST_BONES} or more"));
    }
    for (name, found) in
        [("base_relatives", model.base_relatives.len()), ("inverse_base_absolutes", model.inverse_base_absolutes.len())]
    {
        if found != n {
            return Err(format!("input.data.model.{name}: {found} matrices for {n} bones"));
        }
    }
    let affine = |name: &str, i: usize, matrix: &Matrix| {
        let matrix = matrix.clone().shaped(&format!("data.model.{name}[{i}]"), 4, 4)?;
        let (affine, last) = matrix.values.split_at(12);
        match last == [0.0, 0.0, 0.0, 1.0] {
            true => Ok(affine.try_into().expect("12 numbers")),
            false => Err(format!("input.data.model.{name}[{i}]: the last row is {last:?}, not 0 0 0 1")),
        }
    };
    let bone = |i: usize| {
        let parent = match model.parents[i] {
            -1 => None,
            parent => Some(usize::try_from(parent).ok().filter(|&parent| parent < i).ok_or_else(|| {
                format!("input.data.model.parents[{i}]: {parent} is neither -1 nor a bone that comes before")
            })?),
        };
        let relative = affine("base_relatives", i, &model.base_relatives[i])?;
        Ok(Bone { parent, relative, inverse: affine("inverse_base_absolutes", i, &model.inverse_base_absolutes[i])? })
    };
    (0..n).map(bone).collect()
}

fn dot<S: Number>(a: &[S], b: &[S]) -> S {
    let products = a.iter().zip(b).map(|(&a, &b)| a * b);
    products.reduce(|sum, product| sum + product).expect("one number or more")
}

/// The angles about z and x of a bone, where it has them.
fn angles<S: Number>(bone: usize, theta: &[S]) -> [Option<S>; 2] {
    let (finger, joint) = (bone.wrapping_sub(1) / 4, bone.wrapping_sub(1) % 4);
    match joint {
        _ if bone == 0 || finger >= 5 => [None, None],
        1 => [Some(theta[7 + 4 * finger]), Some(theta[6 + 4 * finger])],
        2 | 3 => [None, Some(theta[6 + joint + 4 * finger])],
        _ => [None, None],
    }
}

/// Rel Rz Rx.
fn bend<S: Number>(mut bent: Affine<S>, [about_z, about_x]: [Option<S>; 2]) -> Affine<S> {
    let mut turn = |angle: S, a: usize, b: usize| {
        let (sin, cos) = (angle.sin(), angle.cos());
        for row in bent.chunks_exact_mut(4) {
            (row[a], row[b]) = (row[a] * cos + row[b] * sin, row[b] * cos - row[a] * sin);
        }
    };
    if let Some(angle) = about_z {
        turn(angle, 0, 1);
    }
    if let Some(angle) = about_x {
        turn(angle, 1, 2);
    }
    bent
}

/// The product of two affine transforms.
fn compose<S: Number>(a: &Affine<S>, b: &Affine<S>) -> Affine<S> {
    std::array::from_fn(|at| {
        let (row, column) = (&a[at / 4 * 4..][..4], at % 4);
        let product = row[0] * b[column] + row[1] * b[4 + column] + row[2] * b[8 + column];
        if column == 3 { product + row[3] } else { product }
    })
}

/// Rodrigues' matrix cos I + sin [a]x + (1 - cos) a a', of a rotation vector that is not zero.
fn rotation<S: Number>(r: [S; 3]) -> [[S; 3]; 3] {
    let norm = dot(&r, &r).sqrt();
    let (sin, cos) = (norm.sin(), norm.cos());
    let [x, y, z] = r.map(|r| r / norm);
    let rest = S::lit(1.0) - cos;
    [
        [x * x * rest + cos, x * y * rest - z * sin, x * z * rest + y * sin],
        [x * y * rest + z * sin, y * y * rest + cos, y * z * rest - x * sin],
        [x * z * rest - y * sin, y * z * rest + x * sin, z * z * rest + cos],
    ]
}

/// How far a point is from its place u between three vertices, along one axis.
#[inline(always)]
fn distance<S: Number>(point: S, [u0, u1]: [S; 2], [a, b, c]: [S; 3]) -> S {
    point - (u0 * a + u1 * b + (S::lit(1.0) - u0 - u1) * c)
}

fn objective(request: &mut Request<'_>) -> Result<Output, String> {
    let hand = Hand::of(request)?;
    let options = Options::new().threads(request.threads);
    let (mut map, mut vertices, mut errors) = request.prepare(|| {
        let map = options.map(hand.n_inputs(), N_THETA, |own, theta| hand.vertex(own, theta).to_vec())?;
        Ok((map, room(3 * hand.positions.rows), room(hand.points.values.len())))
    })?;
    request.evaluate(|| {
        map.run_into(&hand.vertices(), &hand.theta, &mut vertices)?;
        for (i, (errors, corners)) in errors.chunks_exact_mut(3).zip(&hand.corners).enumerate() {
            let point = &hand.points.values[3 * i..][..3];
            for (axis, error) in errors.iter_mut().enumerate() {
                let [a, b, c] = corners.map(|corner| vertices[3 * corner + axis]);
                *error = match &hand.u {
                    Some(u) => distance(point[axis], [u.values[2 * i], u.values[2 * i + 1]], [a, b, c]),
                    None => point[axis] - a,
                };
            }
        }
        Ok(())
    })?;
    Ok(Output::Vector(errors))
}

/// Vertices, [n, 3], and their derivatives by theta, [n, 3, 26].
struct Vertices {
    values: Vec<f64>,
    blocks: Vec<f64>,
}

impl Vertices {
    fn compute(&mut self, hand: &Hand, map: &mut Map<f64>) -> Result<(), Error> {
        map.jacobian_into(&hand.vertices(), &hand.theta, &mut self.values, &mut self.blocks)
    }

    /// Coordinate number `at`, and its derivatives.
    fn coordinate(&self, at: usize) -> (f64, &[f64; N_THETA]) {
        (self.values[at], self.blocks[at * N_THETA..].first_chunk().expect("as many for each"))
    }
}

/// Writes a row of the Jacobian: for each column, what the error's tangent is.
fn write_row(point: f64, u: Option<[f64; 2]>, corners: [(f64, &[f64; N_THETA]); 3], row: &mut [f64]) {
    let [(a, by_a), (b, by_b), (c, by_c)] = corners;
    let point = Dual::constant(point);
    let Some([u0, u1]) = u else {
        for (slot, &tangent) in row.iter_mut().zip(by_a) {
            *slot = (point - Dual::new(a, tangent)).tangent;
        }
        return;
    };
    let still = [a, b, c].map(Dual::constant);
    let (by_u, by_theta) = row.split_at_mut(2);
    by_u[0] = distance(point, [Dual::variable(u0), Dual::constant(u1)], still).tangent;
    by_u[1] = distance(point, [Dual::constant(u0), Dual::variable(u1)], still).tangent;
    let u = [u0, u1].map(Dual::constant);
    let by_theta: &mut [f64; N_THETA] = by_theta.try_into().expect("26 columns");
    for j in 0..N_THETA {
        let corners = [Dual::new(a, by_a[j]), Dual::new(b, by_b[j]), Dual::new(c, by_c[j])];
        by_theta[j] = distance(point, u, corners).tangent;
    }
}

fn jacobian(request: &mut Request<'_>) -> Result<Output, String> {
    let hand = Hand::of(request)?;
    let options = Options::new().threads(request.threads);
    let n_inputs = hand.n_inputs();
    let by: Vec<usize> = (n_inputs..n_inputs + N_THETA).collect();
    let (n, rows, columns) = (3 * hand.positions.rows, hand.points.values.len(), hand.columns());
    let (mut map, mut vertices, mut jacobian) = request.prepare(|| {
        let map = options.map_jacobian(n_inputs, N_THETA, &by, |own, theta| hand.vertex(own, theta).to_vec())?;
        Ok((map, Vertices { values: room(n), blocks: room(n * N_THETA) }, room(rows * columns)))
    })?;
    request.evaluate(|| {
        vertices.compute(&hand, &mut map)?;
        for (i, (rows, corners)) in jacobian.chunks_exact_mut(3 * columns).zip(&hand.corners).enumerate() {
            let u = hand.u.as_ref().map(|u| [u.values[2 * i], u.values[2 * i + 1]]);
            for (axis, row) in rows.chunks_exact_mut(columns).enumerate() {
                let corners = corners.map(|corner| vertices.coordinate(3 * corner + axis));
                write_row(hand.points.values[3 * i + axis], u, corners, row);
            }
        }
        Ok(())
    })?;
    Ok(Output::Rows(Matrix::new(rows, columns, jacobian)))
}
