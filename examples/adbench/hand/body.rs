//! The objective once for every kind of number, without branches on values.

use super::model::Affine;
use super::{Hand, N_THETA};
use retrograd::Real;

/// Hands every error over in turn: three for each point.
pub(crate) fn errors<S: Real>(hand: &Hand, theta: &[S; N_THETA], u: &[[S; 2]], mut take: impl FnMut(S)) {
    let transforms = transforms(hand, theta);
    // A running sum of multiples, its three numbers side by side.
    let place = |influences: &Vec<(usize, [f64; 4])>| {
        let mut vertex = [theta[3], theta[4], theta[5]];
        for (bone, x) in influences {
            for (column, &x) in x.iter().enumerate() {
                for (row, sum) in vertex.iter_mut().enumerate() {
                    *sum += transforms[*bone][4 * row + column] * x;
                }
            }
        }
        vertex
    };
    let vertices: Vec<[S; 3]> = hand.skin.iter().map(place).collect();
    for (i, (point, corners)) in hand.points.iter().zip(&hand.corners).enumerate() {
        for (axis, &x) in point.iter().enumerate() {
            let [a, b, c] = corners.map(|corner| vertices[corner][axis]);
            let at = match u.get(i) {
                Some(&[u0, u1]) => u0 * a + u1 * b + (-u0 - u1 + 1.0) * c,
                None => a,
            };
            take(-at + x);
        }
    }
}

/// From rest to where the angles put it, G Abs_i Inv_i, for each bone.
fn transforms<S: Real>(hand: &Hand, theta: &[S; N_THETA]) -> Vec<[S; 12]> {
    let bones = &hand.model.bones;
    let mut absolute: Vec<[S; 12]> = Vec::with_capacity(bones.len());
    for (i, bone) in bones.iter().enumerate() {
        let bent = bend(&bone.relative, angles(i, theta));
        absolute.push(match bone.parent {
            Some(parent) => compose(&absolute[parent], &bent),
            None if hand.turned() => compose(&rotation([theta[0], theta[1], theta[2]]), &bent),
            None => bent,
        });
    }
    absolute.iter().zip(bones).map(|(absolute, bone)| compose_with(absolute, &bone.inverse)).collect()
}

/// The angles about z and x of a bone, where it has them.
fn angles<S: Real>(bone: usize, theta: &[S; N_THETA]) -> [Option<S>; 2] {
    let (finger, joint) = (bone.wrapping_sub(1) / 4, bone.wrapping_sub(1) % 4);
    match joint {
        _ if bone == 0 || finger >= 5 => [None, None],
        1 => [Some(theta[7 + 4 * finger]), Some(theta[6 + 4 * finger])],
        2 | 3 => [None, Some(theta[6 + joint + 4 * finger])],
        _ => [None, None],
    }
}

/// Rel Rz Rx.
fn bend<S: Real>(relative: &Affine, [about_z, about_x]: [Option<S>; 2]) -> [S; 12] {
    let mut bent = relative.map(S::lit);
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

/// Rodrigues' matrix cos I + sin [a]x + (1 - cos) a a', of a rotation vector that is not zero.
fn rotation<S: Real>(r: [S; 3]) -> [S; 12] {
    let norm = (r[0] * r[0] + r[1] * r[1] + r[2] * r[2]).sqrt();
    let (sin, cos) = (norm.sin(), norm.cos());
    let [x, y, z] = r.map(|r| r / norm);
    let rest = -cos + 1.0;
    let zero = S::lit(0.0);
    [
        [x * x * rest + cos, x * y * rest - z * sin, x * z * rest + y * sin, zero],
        [x * y * rest + z * sin, y * y * rest + cos, y * z * rest - x * sin, zero],
        [x * z * rest - y * sin, y * z * rest + x * sin, z * z * rest + cos, zero],
    ]
    .as_flattened()
    .try_into()
    .expect("three rows of four")
}

/// The product of two affine transforms.
fn compose<S: Real>(a: &[S; 12], b: &[S; 12]) -> [S; 12] {
    std::array::from_fn(|at| {
        let (row, column) = (&a[at / 4 * 4..][..4], at % 4);
        let product = row[0] * b[column] + row[1] * b[4 + column] + row[2] * b[8 + column];
        if column == 3 { product + row[3] } else { product }
    })
}

/// The same with a constant one.
fn compose_with<S: Real>(a: &[S; 12], b: &Affine) -> [S; 12] {
    std::array::from_fn(|at| {
        let (row, column) = (&a[at / 4 * 4..][..4], at % 4);
        let product = row[0] * b[column] + row[1] * b[4 + column] + row[2] * b[8 + column];
        if column == 3 { product + row[3] } else { product }
    })
}
