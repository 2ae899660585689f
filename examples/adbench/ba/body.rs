//! The body of one observation, once for every kind of number, without branches on values: whether the camera is rotated is said
//! from outside.

use retrograd::Real;

/// The reprojection error of a camera [11], a point [3] and a weight, one after the other, for a feature seen at `feature`.
pub(crate) fn reprojection<S: Real>(inputs: &[S], feature: [S; 2], rotated: bool) -> [S; 2] {
    let [r, centre, point] = [0, 3, 11].map(|at| [inputs[at], inputs[at + 1], inputs[at + 2]]);
    let (focal, principal, kappa) = (inputs[6], [inputs[7], inputs[8]], [inputs[9], inputs[10]]);
    let z = [point[0] - centre[0], point[1] - centre[1], point[2] - centre[2]];
    let y = if rotated { rotate(r, z) } else { add(z, cross(r, z)) };
    let p = [y[0] / y[2], y[1] / y[2]];
    let rho = p[0].square() + p[1].square();
    let scale = (rho * kappa[0] + rho.square() * kappa[1] + 1.0) * focal;
    [0, 1].map(|j| inputs[14] * (p[j] * scale + principal[j] - feature[j]))
}

/// The error of a weight.
pub(crate) fn weight_error<S: Real>(w: S) -> S {
    -w.square() + 1.0
}

/// Rodrigues' formula: Z cos(theta) + (a x Z) sin(theta) + a (a . Z) (1 - cos(theta)), with r = theta a not zero.
fn rotate<S: Real>(r: [S; 3], z: [S; 3]) -> [S; 3] {
    let theta = dot(r, r).sqrt();
    let (sin, cos) = (theta.sin(), theta.cos());
    let a = r.map(|r| r / theta);
    let along = dot(a, z) * (-cos + 1.0);
    let across = cross(a, z);
    [0, 1, 2].map(|i| z[i] * cos + across[i] * sin + a[i] * along)
}

fn dot<S: Real>(a: [S; 3], b: [S; 3]) -> S {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross<S: Real>(a: [S; 3], b: [S; 3]) -> [S; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn add<S: Real>(a: [S; 3], b: [S; 3]) -> [S; 3] {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}
