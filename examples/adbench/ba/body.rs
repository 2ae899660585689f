//! The body of one observation, once for every kind of number, without branches on values: whether the camera is rotated is said
//! from outside.

use retrograd::Real;

/// The reprojection error of a camera [11], a point [3] and a weight, one after the other, for a feature seen at `feature`.
pub(crate) fn reprojection<S: Real>(inputs: &[S; 15], feature: [S; 2], rotated: bool) -> [S; 2] {
    let turn = |r: [S; 3], z: [S; 3]| if rotated { rotate(r, squared(r), z) } else { tilt(r, z) };
    project(inputs, feature, turn)
}

/// The same, where each observation chooses between the formulas of rotation and none.
pub(crate) fn reprojection_of_any<S: Real>(inputs: &[S; 15], feature: [S; 2]) -> [S; 2] {
    project(inputs, feature, |r, z| {
        let squared = squared(r);
        // Where there is none, a root of 1 stands for the root of 0, which has no derivative; it is not chosen.
        let turned = rotate(r, squared.select(squared, S::lit(1.0)), z);
        let tilted = tilt(r, z);
        [0, 1, 2].map(|i| squared.select(turned[i], tilted[i]))
    })
}

#[inline(always)]
fn project<S: Real>(inputs: &[S; 15], feature: [S; 2], turn: impl Fn([S; 3], [S; 3]) -> [S; 3]) -> [S; 2] {
    let &[r0, r1, r2, c0, c1, c2, focal, u0, u1, kappa0, kappa1, x0, x1, x2, w] = inputs;
    let y = turn([r0, r1, r2], [x0 - c0, x1 - c1, x2 - c2]);
    let (p0, p1) = (y[0] / y[2], y[1] / y[2]);
    let rho = p0.square() + p1.square();
    let scale = ((rho * kappa1 + kappa0) * rho + 1.0) * focal;
    [w * (p0 * scale + u0 - feature[0]), w * (p1 * scale + u1 - feature[1])]
}

/// The error of a weight.
#[inline(always)]
pub(crate) fn weight_error<S: Real>(w: S) -> S {
    S::lit(1.0) - w.square()
}

#[inline(always)]
fn squared<S: Real>(r: [S; 3]) -> S {
    r[0].square() + r[1].square() + r[2].square()
}

/// Rodrigues' formula: Z cos(theta) + (a x Z) sin(theta) + a (a . Z) (1 - cos(theta)), with r = theta a not zero, of r, its
/// square and Z.
#[inline(always)]
fn rotate<S: Real>(r: [S; 3], squared: S, z: [S; 3]) -> [S; 3] {
    let theta = squared.sqrt();
    let (sin, cos) = (theta.sin(), theta.cos());
    let inverse = theta.reciprocal();
    let a = [r[0] * inverse, r[1] * inverse, r[2] * inverse];
    let along = dot(a, z) * (S::lit(1.0) - cos);
    let across = cross(a, z);
    [
        z[0] * cos + across[0] * sin + a[0] * along,
        z[1] * cos + across[1] * sin + a[1] * along,
        z[2] * cos + across[2] * sin + a[2] * along,
    ]
}

/// What remains of it where r is zero: Z + r x Z.
#[inline(always)]
fn tilt<S: Real>(r: [S; 3], z: [S; 3]) -> [S; 3] {
    let across = cross(r, z);
    [z[0] + across[0], z[1] + across[1], z[2] + across[2]]
}

#[inline(always)]
fn dot<S: Real>(a: [S; 3], b: [S; 3]) -> S {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[inline(always)]
fn cross<S: Real>(a: [S; 3], b: [S; 3]) -> [S; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
