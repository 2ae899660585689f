//! The objective in plain Rust, the reference for time.

use super::model::Affine;
use super::{Hand, N_THETA};

/// Three errors for each point.
pub(crate) fn errors(hand: &Hand, values: &mut [f64]) {
    let transforms = transforms(hand);
    let translation = &hand.theta[3..6];
    let mut vertices = Vec::with_capacity(hand.skin.len());
    for influences in &hand.skin {
        let mut v = [translation[0], translation[1], translation[2]];
        for (bone, x) in influences {
            for (v, row) in v.iter_mut().zip(transforms[*bone].chunks_exact(4)) {
                *v += row[0] * x[0] + row[1] * x[1] + row[2] * x[2] + row[3] * x[3];
            }
        }
        vertices.push(v);
    }
    for (i, (error, point)) in values.chunks_exact_mut(3).zip(&hand.points).enumerate() {
        let [a, b, c] = hand.corners[i].map(|corner| vertices[corner]);
        for axis in 0..3 {
            let at = match &hand.u {
                Some(u) => u[i][0] * a[axis] + u[i][1] * b[axis] + (1.0 - u[i][0] - u[i][1]) * c[axis],
                None => a[axis],
            };
            error[axis] = point[axis] - at;
        }
    }
}

fn transforms(hand: &Hand) -> Vec<Affine> {
    let mut absolute: Vec<Affine> = Vec::with_capacity(hand.model.bones.len());
    for (i, bone) in hand.model.bones.iter().enumerate() {
        let local = local(i, &bone.relative, &hand.theta);
        absolute.push(match bone.parent {
            Some(parent) => compose(&absolute[parent], &local),
            None => compose(&global(&hand.theta), &local),
        });
    }
    absolute.iter().zip(&hand.model.bones).map(|(absolute, bone)| compose(absolute, &bone.inverse)).collect()
}

/// Rel Rz Rx.
fn local(bone: usize, relative: &Affine, theta: &[f64; N_THETA]) -> Affine {
    let mut local = *relative;
    let mut turn = |angle: f64, a: usize, b: usize| {
        let (sin, cos) = angle.sin_cos();
        for row in local.chunks_exact_mut(4) {
            (row[a], row[b]) = (row[a] * cos + row[b] * sin, row[b] * cos - row[a] * sin);
        }
    };
    if (1..=20).contains(&bone) {
        let angles = &theta[6 + (bone - 1) / 4 * 4..][..4];
        match (bone - 1) % 4 {
            0 => {}
            1 => {
                turn(angles[1], 0, 1);
                turn(angles[0], 1, 2);
            }
            joint => turn(angles[joint], 1, 2),
        }
    }
    local
}

/// The rotation by theta[0..3]; none below 1e-4.
fn global(theta: &[f64; N_THETA]) -> Affine {
    let norm = theta[..3].iter().map(|r| r * r).sum::<f64>().sqrt();
    if norm < 1e-4 {
        return [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    }
    let (s, c) = norm.sin_cos();
    let [x, y, z] = [theta[0], theta[1], theta[2]].map(|r| r / norm);
    let k = 1.0 - c;
    [
        [x * x * k + c, x * y * k - z * s, x * z * k + y * s, 0.0],
        [x * y * k + z * s, y * y * k + c, y * z * k - x * s, 0.0],
        [x * z * k - y * s, y * z * k + x * s, z * z * k + c, 0.0],
    ]
    .as_flattened()
    .try_into()
    .expect("three rows of four")
}

fn compose(a: &Affine, b: &Affine) -> Affine {
    let mut product = [0.0; 12];
    for (out, row) in product.chunks_exact_mut(4).zip(a.chunks_exact(4)) {
        for (column, out) in out.iter_mut().enumerate() {
            *out = row[0] * b[column] + row[1] * b[4 + column] + row[2] * b[8 + column];
        }
        out[3] += row[3];
    }
    product
}
