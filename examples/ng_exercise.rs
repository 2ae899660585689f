//! The exercise of A. Ng's course: a network with sigmoid units, its cost with a penalty, checked and minimised.
//!
//! Teaches: a loss and a penalty as one graph, a gradient check of a whole model, L-BFGS, a loop without a trainer.
//! Prints what the check found, how the cost fell, and the accuracy on digits that were held back.
//!
//! J(Theta) = 1/m sum_i sum_k [ -y ln h - (1 - y) ln(1 - h) ] + lambda/(2m) sum Theta^2, biases spared. His images have 20 x 20
//! pixels and his network 400-25-10 units; these have 8 x 8, so 64-25-10. He minimises with fmincg.
//!
//! Run: `cargo run --release --example ng_exercise`

use retrograd::check::Gradcheck;
use retrograd::data::{Csv, Dataset, Scaler};
use retrograd::nn::{Draw, Mlp, Model, Pass, Penalty, loss, loss::Loss};
use retrograd::optim::Lbfgs;
use retrograd::train::metrics;
use retrograd::{Result, Tape, Tensor, Var};

const DIGITS: &[u8] = include_bytes!("data/digits.csv.gz");
const LAMBDA: f64 = 1.0;

pub(crate) fn main() -> Result<()> {
    let digits = Csv::new().header(false).target(-1).classification().read::<f64>(DIGITS)?;
    let (train, test) = digits.scaled_by(&Scaler::uniform(0.0, 16.0)?)?.stratified_split(0.2, 0)?;

    // Weights start uniform in +-sqrt(6) / sqrt(n_in + n_out), as in the exercise: the rule that Glorot found as well.
    let mut model = Mlp::new(64).dense(25).sigmoid().dense(10).build::<f64>(0)?;
    check_gradient(&model, &train.select(&[0, 1, 2, 3, 4])?)?;

    let mut tape = Tape::new();
    let first = cost_of(&mut model, &mut tape, &train)?;
    let mut lbfgs = Lbfgs::new().max_iter(60);
    let report = lbfgs.minimize_model(&mut model, |model| {
        model.step(&mut tape, Draw::default(), |model, pass| cost(model, pass, &train))
    })?;
    let last = cost_of(&mut model, &mut tape, &train)?;
    println!("cost {first:.4} before, {last:.4} after {} iterations: {report}", report.iterations);

    let accuracy = |data: &Dataset<f64>| metrics::accuracy(&model.predict(data.inputs())?, data.targets());
    let (on_train, on_test) = (accuracy(&train)?, accuracy(&test)?);
    println!("training accuracy {on_train:.4}, on digits that were held back {on_test:.4}");
    assert!(last < first / 10.0);
    assert!(on_train >= 0.98 && on_test >= 0.95);
    Ok(())
}

/// J, on the tape. The network gives logits, from which the cross-entropy of a sigmoid is stable.
fn cost<'t>(model: &Model<f64>, pass: &Pass<'t, f64>, data: &Dataset<f64>) -> Result<Var<'t, f64>> {
    let logits = model.forward(pass.tape().data(data.inputs()), pass);
    let fit = loss::sigmoid_cross_entropy().value(logits, data.targets(), None)?;
    Ok(Penalty::l2(LAMBDA).value(pass, data.len()).map_or(fit, |penalty| fit + penalty))
}

fn cost_of(model: &mut Model<f64>, tape: &mut Tape<f64>, data: &Dataset<f64>) -> Result<f64> {
    Ok(model.step(tape, Draw::default(), |model, pass| cost(model, pass, data))?.loss)
}

/// Holds the gradient by a hundred weights of each layer, and its biases, against forward mode and [J(t + e) - J(t - e)] / 2e.
fn check_gradient(model: &Model<f64>, data: &Dataset<f64>) -> Result<()> {
    let point: Vec<(&str, Tensor<f64>)> = model.params().iter().map(|(_, p)| (p.name(), p.value().clone())).collect();
    let report = Gradcheck::new()
        .max_elements(100)
        .gradcheck(&point, |vars| {
            let tape = vars[0].tape();
            let pass = Pass::eval(tape, model.params().clone());
            let pass = model.params().keys().zip(vars).fold(pass, |pass, (key, var)| pass.with(key, *var));
            cost(model, &pass, data).expect("the data fit the model")
        })
        .into_result()?;
    for parameter in &report.parameters {
        println!("{}: largest relative error of the gradient {:.1e}", parameter.name, parameter.worst_agreeing);
    }
    Ok(())
}
