//! F. Trask's networks: syn += layer' (error .* l (1 - l)) is gradient descent with step 1 on 1/2 the squared error.
//!
//! So each update is minus the gradient. The published points are the initial weights of both posts.

use super::{Derivation, Gradients, named, random, uniform};
use retrograd::Tensor;

const INPUTS: [[f64; 3]; 4] = [[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]];

/// One layer: l1 = s(X syn0); syn0 += X' ((y - l1) .* l1 (1 - l1)).
fn one_layer(title: &str, syn0: Tensor<f64>) -> Derivation {
    let (x, y) = (Tensor::from(INPUTS), Tensor::from([[0.0], [0.0], [1.0], [1.0]]));
    let (inputs, wanted) = (x.clone(), y.clone());
    let derivation = Derivation::new(title, &[("syn0", &syn0)], move |p| {
        let tape = p[0].tape();
        let l1 = tape.data(&inputs).named("X").matmul(p[0]).sigmoid().named("l1");
        (tape.data(&wanted).named("y") - l1).square().sum(()) * 0.5
    });
    derivation.right("minus the update", move || {
        let l1 = x.matmul(&syn0).sigmoid();
        let l1_error = &y - &l1;
        let l1_delta = l1_error * nonlin_deriv(&l1);
        let update = x.t().matmul(&l1_delta);
        named(&[("syn0", &-update)])
    })
}

/// Two layers, on exclusive or.
fn two_layers(title: &str, syn0: Tensor<f64>, syn1: Tensor<f64>) -> Derivation {
    let (x, y) = (Tensor::from(INPUTS), Tensor::from([[0.0], [1.0], [1.0], [0.0]]));
    let (inputs, wanted) = (x.clone(), y.clone());
    let derivation = Derivation::new(title, &[("syn0", &syn0), ("syn1", &syn1)], move |p| {
        let tape = p[0].tape();
        let l1 = tape.data(&inputs).named("X").matmul(p[0]).sigmoid().named("l1");
        let l2 = l1.matmul(p[1]).sigmoid().named("l2");
        (tape.data(&wanted).named("y") - l2).square().sum(()) * 0.5
    });
    derivation.right("minus the updates", move || two_layer_updates(&x, &y, &syn0, &syn1))
}

fn two_layer_updates(x: &Tensor<f64>, y: &Tensor<f64>, syn0: &Tensor<f64>, syn1: &Tensor<f64>) -> Gradients {
    let l1 = x.matmul(syn0).sigmoid();
    let l2 = l1.matmul(syn1).sigmoid();
    let l2_error = y - &l2;
    let l2_delta = l2_error * nonlin_deriv(&l2);
    let l1_error = l2_delta.matmul(syn1.t());
    let l1_delta = l1_error * nonlin_deriv(&l1);
    named(&[("syn0", &-x.t().matmul(&l1_delta)), ("syn1", &-l1.t().matmul(&l2_delta))])
}

/// `nonlin(x, deriv=True)`: x (1 - x), of what the sigmoid gave.
fn nonlin_deriv(l: &Tensor<f64>) -> Tensor<f64> {
    l * &(1.0 - l)
}

pub fn derivations() -> Vec<Derivation> {
    let syn0 = Tensor::from([
        [-0.165955990594852, 0.4406489868843162, -0.9997712503653102, -0.39533485473632046],
        [-0.7064882183657739, -0.8153228104624044, -0.6274795772446582, -0.3088785459139045],
        [-0.20646505153866013, 0.07763346800671389, -0.1616109711934104, 0.370439000793519],
    ]);
    let syn1 =
        Tensor::from([[-0.5910955005369651], [0.7562348727818908], [-0.9452248136041477], [0.34093502035680445]]);
    let first = Tensor::from([[-0.165955990594852], [0.4406489868843162], [-0.9997712503653102]]);
    let mut rng = random(41);
    vec![
        one_layer("F. Trask, one layer, his weights", first),
        two_layers("F. Trask, two layers, his weights", syn0, syn1),
        one_layer("F. Trask, one layer", uniform([3, 1], &mut rng)),
        two_layers("F. Trask, two layers", uniform([3, 4], &mut rng), uniform([4, 1], &mut rng)),
    ]
}
