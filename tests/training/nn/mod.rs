//! Networks through the public API.

mod init;
mod layers;
mod losses;
mod models;

use retrograd::nn::{Dense, Draw, Layer, Model, Pass, Sequential};
use retrograd::optim::{Optimizer, Sgd};
use retrograd::{Element, Tape, Tensor, Var};

/// Whether all elements differ by at most the tolerance.
#[track_caller]
fn assert_close(got: &Tensor<f64>, want: &Tensor<f64>, tolerance: f64) {
    assert_eq!(got.shape(), want.shape());
    for (i, (a, b)) in got.iter().zip(want).enumerate() {
        assert!((a - b).abs() <= tolerance, "element {i}: {a}, wanted {b}");
    }
}

/// Numbers of no particular pattern, none near 0 or another's value, of either sign.
fn numbers(shape: &[usize]) -> Tensor<f64> {
    let mut k = 0.0;
    Tensor::from_fn(shape, |_| {
        k += 1.0;
        let x: f64 = (k * 1.7_f64).sin() * 1.9;
        x + 0.05 * x.signum()
    })
}

struct Tanh;
impl<T: Element> Layer<T> for Tanh {
    fn kind(&self) -> &'static str {
        "tanh"
    }
    fn forward<'t>(&self, x: Var<'t, T>, _: &Pass<'t, T>) -> Var<'t, T> {
        x.tanh()
    }
}

#[test]
fn a_hand_written_loop_learns_xor() {
    let x = Tensor::from([[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
    let y = [0, 1, 1, 0];
    let network = Sequential::new().with(Dense::new(8)).with(Tanh).with(Dense::new(2));
    let mut model = Model::<f32>::new(network, 2, 1).unwrap();
    let names: Vec<_> = model.params().iter().map(|(_, p)| p.name().to_owned()).collect();
    assert_eq!(names, ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"]);

    let mut optimizer: Optimizer<f32> = Sgd::new(0.5).momentum(0.9).into();
    let mut tape = Tape::of();
    let mut last = f64::INFINITY;
    for batch in 0..200 {
        let draw = Draw { batch, ..Draw::default() };
        let step = model
            .step(&mut tape, draw, |model, pass| model.forward(pass.tape().data(&x), pass).try_cross_entropy(&y))
            .unwrap();
        optimizer.step(model.params_mut(), &step.grads);
        step.grads.recycle(&tape);
        last = step.loss;
    }
    assert!(last < 0.01, "the loss is {last}");
    assert_eq!(model.predict(&x).unwrap().argmax_rows(), y);
}
