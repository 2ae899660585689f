//! The body of an observation, recorded once, mapped over all of them: cameras and points come from their tables by index, and
//! blocks of the Jacobian go where they belong.

use super::super::problem::Method;
use super::{Ba, INPUTS, body};
use retrograd::Error;
use retrograd::program::{Map, Points};

/// What the observations are made of, each kind together.
struct Seen {
    cameras: Vec<u32>,
    points: Vec<u32>,
    weights: Vec<f64>,
    features: Vec<f64>,
}

/// Prepares the mode.
pub(crate) fn method(ba: &Ba) -> Result<Method<'_>, String> {
    let by: Vec<usize> = (0..INPUTS).collect();
    let errors = Map::compile_jacobian(INPUTS + 2, 0, &by, |x, _| {
        let (inputs, feature) = x.split_first_chunk::<INPUTS>().expect("as many as it is compiled for");
        body::reprojection_of_any(inputs, [feature[0], feature[1]]).to_vec()
    });
    let weights = Map::compile_jacobian(1, 0, &[0], |x, _| vec![body::weight_error(x[0])]);
    let wrong = |error: Error| error.to_string();
    let (mut errors, mut weights) = (errors.map_err(wrong)?, weights.map_err(wrong)?);
    let all = || ba.observations.iter();
    let seen = Seen {
        cameras: all().map(|seen| seen.camera).collect(),
        points: all().map(|seen| seen.point).collect(),
        weights: all().map(|seen| seen.weight).collect(),
        features: all().flat_map(|seen| seen.feature).collect(),
    };
    let run = move |values: &mut [f64], nonzeros: &mut [f64]| {
        run(ba, &seen, &mut errors, &mut weights, [values, nonzeros])
            .expect("as many numbers as they were compiled for");
    };
    Ok(Method { how: "an observation's body recorded once, mapped over the observations", run: Box::new(run) })
}

fn run(
    ba: &Ba,
    seen: &Seen,
    errors: &mut Map<f64>,
    weights: &mut Map<f64>,
    [values, nonzeros]: [&mut [f64]; 2],
) -> Result<(), Error> {
    let p = seen.weights.len();
    let (e, g) = values.split_at_mut(2 * p);
    let (blocks, by_weight) = nonzeros.split_at_mut(2 * INPUTS * p);
    let observations = Points::new(p)
        .gathered(ba.cameras.as_flattened(), 11, &seen.cameras)
        .gathered(ba.points.as_flattened(), 3, &seen.points)
        .column(&seen.weights)
        .rows(&seen.features, 2);
    errors.jacobian_into(&observations, &[], e, blocks)?;
    weights.jacobian_into(&Points::new(p).column(&seen.weights), &[], g, by_weight)
}
