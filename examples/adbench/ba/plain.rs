//! The objective in plain Rust, the reference for time.

use super::{Ba, Observation};

/// Both errors of each observation, then the errors of the weights.
pub(crate) fn errors(ba: &Ba, values: &mut [f64]) {
    let (errors, weights) = values.split_at_mut(2 * ba.observations.len());
    for (seen, (e, g)) in ba.observations.iter().zip(errors.chunks_exact_mut(2).zip(weights)) {
        e.copy_from_slice(&reprojection(&ba.cameras[seen.camera as usize], &ba.points[seen.point as usize], seen));
        *g = 1.0 - seen.weight * seen.weight;
    }
}

fn reprojection(camera: &[f64; 11], point: &[f64; 3], seen: &Observation) -> [f64; 2] {
    let [r0, r1, r2, c0, c1, c2, focal, u0, u1, kappa0, kappa1] = *camera;
    let y = rotate([r0, r1, r2], [point[0] - c0, point[1] - c1, point[2] - c2]);
    let (p0, p1) = (y[0] / y[2], y[1] / y[2]);
    let rho = p0 * p0 + p1 * p1;
    let scale = (1.0 + kappa0 * rho + kappa1 * rho * rho) * focal;
    let w = seen.weight;
    [w * (p0 * scale + u0 - seen.feature[0]), w * (p1 * scale + u1 - seen.feature[1])]
}

fn rotate(r: [f64; 3], z: [f64; 3]) -> [f64; 3] {
    let squared = dot(r, r);
    if squared == 0.0 {
        let across = cross(r, z);
        return [z[0] + across[0], z[1] + across[1], z[2] + across[2]];
    }
    let theta = squared.sqrt();
    let (sin, cos) = theta.sin_cos();
    let a = r.map(|r| r / theta);
    let across = cross(a, z);
    let along = dot(a, z) * (1.0 - cos);
    [0, 1, 2].map(|i| z[i] * cos + across[i] * sin + a[i] * along)
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
