//! Losses: values against formulas and PyTorch, gradients against differences, what is refused.

use crate::nn::{assert_close, numbers};
use retrograd::data::Targets;
use retrograd::nn::loss::{self, Loss};
use retrograd::nn::{Mlp, Pass, Penalty, Role};
use retrograd::{Gradcheck, Result, Tape, Tensor};

fn value(
    loss: &dyn Loss<f64>,
    output: &Tensor<f64>,
    target: &Targets<f64>,
    weights: Option<&Tensor<f64>>,
) -> Result<f64> {
    let tape = Tape::new();
    loss.value(tape.var(output), target, weights).map(|loss| loss.item())
}

#[track_caller]
fn assert_value(loss: &dyn Loss<f64>, output: &Tensor<f64>, target: &Targets<f64>, weights: Option<&[f64]>, want: f64) {
    let weights = weights.map(Tensor::from);
    let got = value(loss, output, target, weights.as_ref()).unwrap();
    assert!((got - want).abs() <= 1e-12 * want.abs().max(1.0), "{}: {got}, wanted {want}", loss.name());
}

fn logits() -> Tensor<f64> {
    Tensor::from([[0.5, -1.2, 2.0], [0.1, 0.4, -0.3], [-2.0, 1.5, 0.7], [3.0, 0.0, -1.0]])
}
fn labels() -> Targets<f64> {
    Targets::Labels(vec![2, 0, 1, 1])
}
fn soft() -> Targets<f64> {
    Targets::Values(Tensor::from([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.3, 0.3, 0.4]]))
}

/// PyTorch 2.15 in double precision: torch.nn.functional.cross_entropy with every combination of reduction, class weights
/// (0.5, 2, 3), label smoothing, and labels or probabilities.
#[test]
fn cross_entropy_weighs_and_smooths_as_pytorch() {
    let cases = [
        // Sum, class weights, smoothing, target, value.
        (false, false, 0.0, labels(), 1.1992795236710245),
        (false, false, 0.0, soft(), 1.2342795236710244),
        (false, false, 0.1, labels(), 1.2584461903376911),
        (false, false, 0.1, soft(), 1.289946190337691),
        (false, true, 0.0, labels(), 1.0893944329971907),
        (false, true, 0.0, soft(), 2.6364407075231204),
        (false, true, 0.1, labels(), 1.1572734320119717),
        (false, true, 0.1, soft(), 2.704331216110496),
        (true, false, 0.0, labels(), 4.797118094684098),
        (true, false, 0.0, soft(), 4.937118094684098),
        (true, false, 0.1, labels(), 5.0337847613507645),
        (true, false, 0.1, soft(), 5.159784761350764),
        (true, true, 0.0, labels(), 8.17045824747893),
        (true, true, 0.0, soft(), 10.545762830092482),
        (true, true, 0.1, labels(), 8.679550740089788),
        (true, true, 0.1, soft(), 10.817324864441984),
    ];
    for (sum, weighted, eps, target, want) in cases {
        let mut loss = loss::cross_entropy().label_smoothing(eps);
        loss = if sum { loss.sum() } else { loss.mean() };
        loss = if weighted { loss.class_weights([0.5, 2.0, 3.0]) } else { loss };
        assert_value(&loss, &logits(), &target, None, want);
    }
}

/// PyTorch 2.15 in double precision: the functions of torch.nn.functional.
#[test]
fn losses_of_values_are_pytorchs() {
    let (z, p) = (logits(), logits().sigmoid());
    let nll = loss::nll().class_weights([0.5, 2.0, 3.0]);
    assert_value(&nll, &z.log_softmax(-1), &labels(), None, 1.0893944329971907);
    assert_value(&loss::mean_squared_error(), &z, &soft(), None, 1.5125000000000002);
    assert_value(&loss::mean_squared_error().sum(), &z, &soft(), None, 18.150000000000002);
    assert_value(&loss::mean_absolute_error(), &z, &soft(), None, 0.9583333333333334);
    assert_value(&loss::huber(0.7), &z, &soft(), None, 0.4633333333333332);
    assert_value(&loss::huber(0.7).sum(), &z, &soft(), None, 5.559999999999999);
    assert_value(&loss::binary_cross_entropy(), &p, &soft(), None, 0.758548181422188);
    assert_value(&loss::binary_cross_entropy_with_logits(), &z, &soft(), None, 0.7585481814221877);
    assert_value(&loss::kl_divergence(), &z.softmax(-1), &soft(), None, 0.5883130965588979);
}

#[test]
fn nielsens_costs_are_means_over_examples_of_sums_over_outputs() {
    let a = Tensor::from([[0.2, 0.9], [0.6, 0.3]]);
    let y = Targets::Labels(vec![1, 0]);
    // 1/(2n) sum |y - a|^2.
    let squares = 0.2f64.powi(2) + 0.1f64.powi(2) + 0.4f64.powi(2) + 0.3f64.powi(2);
    assert_value(&loss::quadratic(), &a, &y, None, squares / 4.0);
    assert_value(&loss::quadratic().sum(), &a, &y, None, squares / 2.0);
    // -1/n sum_x sum_j y ln a + (1 - y) ln(1 - a), given the logits of a.
    let z = (&a / (1.0 - &a)).ln();
    let entropy = -(0.8f64.ln() + 0.9f64.ln() + 0.6f64.ln() + 0.7f64.ln());
    assert_value(&loss::sigmoid_cross_entropy(), &z, &y, None, entropy / 2.0);
    assert_value(&loss::binary_cross_entropy_with_logits(), &z, &y, None, entropy / 4.0);
    assert_value(&loss::binary_cross_entropy(), &a, &y, None, entropy / 4.0);
}

#[test]
fn the_gradient_of_nielsens_cross_entropy_is_the_output_error() {
    let tape = Tape::new();
    let z = tape.var(logits());
    let cost = loss::sigmoid_cross_entropy().value(z, &labels(), None).unwrap();
    let error = (logits().sigmoid() - Tensor::one_hot(&[2, 0, 1, 1], 3)) / 4.0;
    assert_close(&cost.backward().wrt(z), &error, 1e-15);
}

#[test]
fn the_plain_mean_of_labels_is_the_engines_own_op() {
    let nodes = |loss: &dyn Loss<f64>| {
        let tape = Tape::new();
        let x = tape.var(logits());
        let value = loss.value(x, &labels(), None).unwrap().item();
        (tape.len(), value)
    };
    let (n, value) = nodes(&loss::cross_entropy());
    let tape = Tape::new();
    assert_eq!(value, tape.var(logits()).cross_entropy(&[2, 0, 1, 1]).item());
    assert_eq!(n, tape.len());
    // The squared error is one op and its factor.
    let tape = Tape::new();
    let (n, value) = nodes(&loss::mean_squared_error());
    let fused = tape.var(logits()).mean_squared_error(tape.data(Tensor::one_hot(&[2, 0, 1, 1], 3)));
    assert_eq!((n, value), (tape.len(), fused.item()));
}

#[test]
fn labels_of_one_output_stand_for_themselves() {
    let p = Tensor::from([[0.8], [0.3]]);
    let y = Targets::Labels(vec![1, 0]);
    assert_value(&loss::binary_cross_entropy(), &p, &y, None, -(0.8f64.ln() + 0.7f64.ln()) / 2.0);
    // As -1 and 1 for the hinge: max(0, 1 - 0.8) and max(0, 1 + 0.3).
    assert_value(&loss::hinge(), &p, &y, None, (0.2 + 1.3) / 2.0);
    // The same without the axis of one.
    assert_value(&loss::hinge(), &Tensor::from([0.8, 0.3]), &y, None, (0.2 + 1.3) / 2.0);
    // A list of values serves a column, without broadcasting to a square.
    let values = Targets::Values(Tensor::from([1.0, 0.0]));
    assert_value(&loss::mean_squared_error(), &p, &values, None, (0.04 + 0.09) / 2.0);
}

#[test]
fn a_weight_of_2_counts_as_the_example_twice_and_0_as_none() {
    let twice = Tensor::from([[0.5, -1.2, 2.0], [0.5, -1.2, 2.0], [-2.0, 1.5, 0.7]]);
    let losses: Vec<Box<dyn Loss<f64>>> = vec![
        Box::new(loss::cross_entropy()),
        Box::new(loss::cross_entropy().label_smoothing(0.1)),
        Box::new(loss::cross_entropy().class_weights([0.5, 2.0, 3.0])),
        Box::new(loss::cross_entropy().class_weights([0.5, 2.0, 3.0]).label_smoothing(0.2)),
        Box::new(loss::cross_entropy().sum()),
        Box::new(loss::nll()),
        Box::new(loss::quadratic()),
        Box::new(loss::quadratic().sum().class_weights([0.5, 2.0, 3.0])),
        Box::new(loss::mean_squared_error()),
        Box::new(loss::mean_absolute_error()),
        Box::new(loss::huber(0.7)),
        Box::new(loss::hinge().class_weights([1.0, 0.1, 1.0])),
        Box::new(loss::sigmoid_cross_entropy()),
        Box::new(loss::func("cube", |x, t| (x - t).abs().powi(3))),
    ];
    for loss in &losses {
        let want = value(loss, &twice, &Targets::Labels(vec![2, 2, 1]), None).unwrap();
        assert_value(loss, &logits(), &labels(), Some(&[2.0, 0.0, 1.0, 0.0]), want);
    }
}

#[test]
fn a_label_and_its_one_hot_row_are_the_same_target() {
    let hot = Targets::Values(Tensor::one_hot(&[2, 0, 1, 1], 3));
    for eps in [0.0, 0.3] {
        let loss = loss::cross_entropy().label_smoothing(eps);
        let want = value(&loss, &logits(), &labels(), None).unwrap();
        assert_value(&loss, &logits(), &hot, None, want);
    }
}

#[test]
fn gradients_of_all_losses_agree_with_differences() {
    let inside = || Targets::Values(numbers(&[4, 3]).sigmoid());
    let losses: Vec<(Box<dyn Loss<f64>>, Targets<f64>)> = vec![
        (Box::new(loss::cross_entropy()), labels()),
        (Box::new(loss::cross_entropy().sum()), labels()),
        (Box::new(loss::cross_entropy().class_weights([0.5, 2.0, 3.0]).label_smoothing(0.2)), labels()),
        (Box::new(loss::cross_entropy().class_weights([0.5, 2.0, 3.0]).label_smoothing(0.2)), soft()),
        (Box::new(loss::nll().class_weights([0.5, 2.0, 3.0])), labels()),
        (Box::new(loss::nll()), soft()),
        (Box::new(loss::mean_squared_error()), labels()),
        (Box::new(loss::quadratic().class_weights([0.5, 2.0, 3.0])), labels()),
        (Box::new(loss::mean_absolute_error()), inside()),
        (Box::new(loss::huber(0.5)), inside()),
        (Box::new(loss::binary_cross_entropy_with_logits()), inside()),
        (Box::new(loss::sigmoid_cross_entropy()), labels()),
        (Box::new(loss::hinge()), labels()),
        (Box::new(loss::func("quartic", |x, t| (x - t).powi(4))), inside()),
    ];
    let weights = Tensor::from([1.0, 0.5, 2.0, 3.0]);
    for weights in [None, Some(&weights)] {
        for (loss, target) in &losses {
            let report =
                Gradcheck::new().gradcheck(&[("output", logits())], |p| loss.value(p[0], target, weights).unwrap());
            report.assert();
        }
        for loss in [loss::binary_cross_entropy(), loss::kl_divergence()] {
            let inside = inside();
            let probabilities = [("output", logits().sigmoid())];
            Gradcheck::new().gradcheck(&probabilities, |p| loss.value(p[0], &inside, weights).unwrap()).assert();
        }
    }
}

#[test]
fn a_loss_comes_back_from_its_configuration() {
    let losses: Vec<Box<dyn Loss<f64>>> = vec![
        Box::new(loss::cross_entropy().class_weights([0.5, 2.0, 3.0]).label_smoothing(0.2).sum()),
        Box::new(loss::huber(0.3)),
        Box::new(loss::quadratic()),
        Box::new(loss::nll()),
    ];
    for loss in &losses {
        let again = loss::from_config::<f64>(&loss.config()).unwrap();
        assert_eq!(again.config(), loss.config());
        assert_eq!(again.name(), loss.name());
        let of = |loss: &dyn Loss<f64>| value(loss, &logits(), &labels(), None).unwrap();
        assert_eq!(of(&*again), of(loss));
    }
    let own = loss::func("mine", |x: retrograd::Var<'_, f64>, t| x * t);
    let error = loss::from_config::<f64>(&own.config()).err().unwrap().to_string();
    assert!(error.starts_with(r#"loss: {"kind":"function","name":"mine"} is not a built-in loss"#), "{error}");
}

#[test]
fn what_a_loss_cannot_take_is_an_error() {
    let refusal = |loss: &dyn Loss<f64>, output: Tensor<f64>, target: Targets<f64>, weights: Option<&[f64]>| {
        let weights = weights.map(Tensor::from);
        value(loss, &output, &target, weights.as_ref()).unwrap_err().to_string()
    };
    let cross = loss::cross_entropy();
    let row = || Tensor::from([[1.0, 2.0, 3.0]]);
    let label = |label| Targets::Labels(vec![label]);
    assert_eq!(
        refusal(&cross, row(), label(3), None),
        "cross_entropy: label 3 at row 0 is out of range for 3 classes (valid 0..=2)"
    );
    assert_eq!(
        refusal(&loss::quadratic(), row(), label(4), None),
        "quadratic: label 4 at row 0 is out of range for 3 classes (valid 0..=2)"
    );
    assert_eq!(refusal(&cross, row(), Targets::Labels(vec![0, 1]), None), "cross_entropy: 1 examples, 2 labels");
    assert_eq!(
        refusal(&cross, Tensor::from([1.0]), label(0), None),
        "cross_entropy: needs a row of scores for each example, [n, classes], got shape [1]"
    );
    assert_eq!(
        refusal(&cross, row(), Targets::Values(Tensor::from([[1.0, 0.0]])), None),
        "cross_entropy: output has shape [1, 3], target [1, 2]; it takes labels (of a file: with classification()) or rows of \
         probabilities, and for values there is mean_squared_error()"
    );
    assert_eq!(
        refusal(&loss::mean_squared_error(), Tensor::zeros([3, 1]), Targets::Values(Tensor::zeros([2])), None),
        "mean_squared_error: output has shape [3, 1], target [2]"
    );
    assert_eq!(
        refusal(&cross, row(), label(0), Some(&[-1.0])),
        "cross_entropy: sample weight -1 at 0; weights are finite and not negative"
    );
    assert_eq!(
        refusal(&cross, row(), label(0), Some(&[1.0, 1.0])),
        "cross_entropy: 1 examples, sample weights of shape [2]; give one for each example"
    );
    assert_eq!(
        refusal(&cross, row(), label(0), Some(&[0.0])),
        "cross_entropy: the weights of the batch are all 0, so it has no mean"
    );
    let weighted = |weights: &[f64]| loss::cross_entropy().class_weights(weights);
    assert_eq!(refusal(&weighted(&[1.0, 2.0]), row(), label(0), None), "cross_entropy: 2 class weights for 3 classes");
    assert_eq!(
        refusal(&weighted(&[1.0, f64::NAN, 1.0]), row(), label(0), None),
        "cross_entropy: class weight NaN at 1; weights are finite and not negative"
    );
    assert_eq!(
        refusal(&loss::quadratic().class_weights([1.0; 3]), row(), Targets::Values(row()), None),
        "quadratic: class weights need labels as targets, got values"
    );
    assert_eq!(
        refusal(&loss::cross_entropy().label_smoothing(1.5), row(), label(0), None),
        "cross_entropy: label smoothing is in [0, 1], got 1.5"
    );
    assert_eq!(refusal(&loss::huber(0.0), row(), label(0), None), "huber: delta is 0; it must be above 0");
    for loss in [&cross as &dyn Loss<f64>, &loss::quadratic(), &loss::mean_absolute_error()] {
        let error = refusal(loss, Tensor::zeros([0, 3]), Targets::Labels(vec![]), None);
        assert!(error.contains("examples") || error.contains("row"), "{error}");
    }
}

#[test]
fn penalties_spare_biases_unless_told_otherwise() {
    let model = Mlp::new(2).dense(3).tanh().batch_norm().dense(1).build::<f64>(1).unwrap();
    let params = model.params();
    let squares = |names: &[&str]| -> f64 {
        names.iter().map(|name| model.parameter(name).unwrap().square().sum(()).item()).sum()
    };
    let term = |penalty: &Penalty, m| {
        let tape = Tape::new();
        penalty.value(&Pass::eval(&tape, params), m).map(|term| term.item())
    };
    let close = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-15, "{a:?}, wanted {b}");
    close(term(&Penalty::l2(5.0), 50), 5.0 / 100.0 * squares(&["dense1.weight", "dense2.weight"]));
    close(term(&Penalty::l2(5.0).only("dense2.*"), 50), 5.0 / 100.0 * squares(&["dense2.weight", "dense2.bias"]));
    // The scales of the norm are three ones.
    close(term(&Penalty::l2(2.0).roles(&[Role::Scale]), 10), 0.3);
    let magnitudes: f64 =
        ["dense1.weight", "dense2.weight"].iter().map(|name| model.parameter(name).unwrap().abs().sum(()).item()).sum();
    close(term(&Penalty::l1(5.0), 50), 5.0 / 50.0 * magnitudes);
    assert_eq!(term(&Penalty::l2(0.0), 50), None);
    assert_eq!(term(&Penalty::l2(1.0).roles(&[Role::Bias]).only("dense1.weight"), 50), None);

    assert_eq!(Penalty::l2(-1.0).validate(params).unwrap_err().to_string(), "penalty: lambda is 0 or more, got -1");
    let error = Penalty::l1(1.0).only("dense3.*").validate(params).unwrap_err().to_string();
    assert!(error.starts_with(r#"penalty: params: none is named "dense3.*"; there are dense1.weight,"#), "{error}");
}

#[test]
fn gradients_of_penalties_are_lambda_w_over_m() {
    let model = Mlp::new(2).dense(3).build::<f64>(1).unwrap();
    let key = model.params().find("dense1.weight").unwrap();
    let w = &model.params()[key];
    for (penalty, want) in [(Penalty::l2(3.0), w * 0.3), (Penalty::l1(3.0), w.sign() * 0.3)] {
        let tape = Tape::new();
        let pass = Pass::eval(&tape, model.params());
        let mut gradients = penalty.value(&pass, 10).unwrap().backward();
        let grads = pass.finish().gradients(&mut gradients);
        assert_close(grads.get(key).unwrap(), &want, 1e-15);
    }
}
