//! All errors as one function, compiled with its derivatives along all columns of the Jacobian at once: a lane for each.

use super::super::problem::Method;
use super::{Hand, N_THETA, body};
use retrograd::{Map, Points, Var};

/// Prepares the mode.
pub(crate) fn method(hand: &Hand) -> Result<Method<'_>, String> {
    let n_u = hand.n_u();
    // All u0 move together, and all u1: what moves them is zero.
    let n = n_u + N_THETA;
    let mut compiled = Map::compile_jacobian(0, n, &Vec::from_iter(0..n), |_, x| {
        let (shift, theta) = x.split_at(n_u);
        let theta = theta.try_into().expect("as many as it is compiled for");
        let u: Vec<_> = hand.u.iter().flatten().map(|u| [shift[0] + u[0], shift[1] + u[1]]).collect();
        let mut errors: Vec<Var<'_, f64>> = Vec::with_capacity(3 * hand.points.len());
        body::errors(hand, theta, &u, |error| errors.push(error));
        errors
    })
    .map_err(|error| error.to_string())?;
    let mut inputs = vec![0.0; n_u];
    inputs.extend(hand.theta);
    let run = move |values: &mut [f64], jacobian: &mut [f64]| {
        let point = Points::new(1);
        compiled.jacobian_into(&point, &inputs, values, jacobian).expect("as many numbers as it was compiled for");
    };
    Ok(Method { how: "all errors compiled once, forward along all columns at once", run: Box::new(run) })
}
