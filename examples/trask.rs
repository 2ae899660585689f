//! Trask's eleven lines of Python: a network trained by nothing but its gradient.
//!
//! Teaches: gradient descent by hand, in a loop of your own; that hand-coded updates are minus the gradient of a loss.
//! Prints what A. Trask's "A Neural Network in 11 lines of Python" (2015) printed, from the same weights (NumPy's seed 1),
//! digit for digit: the outputs of one layer after 10,000 steps, and the error of two layers while they learn XOR.
//!
//! Run: `cargo run --release --example trask`

use retrograd::{Tape, Tensor, Var};

/// What the post prints after training one layer.
const OUTPUTS: [&str; 4] = ["0.00966449", "0.00786506", "0.99358898", "0.99211957"];
/// What it prints for two layers at steps 0, 10,000, ..., 50,000.
const ERRORS: [&str; 6] = [
    "0.496410031903",
    "0.00858452565325",
    "0.00578945986251",
    "0.00462917677677",
    "0.00395876528027",
    "0.00351012256786",
];
const INPUTS: [[f64; 3]; 4] = [[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]];

pub(crate) fn main() {
    one_layer();
    two_layers();
}

/// l1 = s(X syn0); syn0 += X' ((y - l1) .* l1 (1 - l1)).
fn one_layer() {
    let (inputs, wanted) = (Tensor::from(INPUTS), Tensor::from([[0.0], [0.0], [1.0], [1.0]]));
    let mut syn0 = Tensor::from([[-0.165955990594852], [0.4406489868843162], [-0.9997712503653102]]);
    let mut outputs = Tensor::zeros([4, 1]);
    let mut tape = Tape::new();
    for step in 0..10_000 {
        let (_, (l1, id), gradients) = tape.step(|tape| {
            let syn0 = tape.var(&syn0);
            let l1 = tape.data(&inputs).matmul(syn0).sigmoid();
            (half_squared_error(l1, tape.data(&wanted)), (l1.value(), syn0.id()))
        });
        let gradient = gradients.get(id).expect("the loss depends on the weights");
        if step % 1000 == 0 {
            let by_hand = inputs.t().matmul(delta(&(&wanted - &l1), &l1));
            assert_same_step(gradient, &by_hand);
        }
        syn0.add_scaled(-1.0, gradient);
        tape.recycle(gradients);
        outputs = l1;
    }
    let printed: Vec<String> = outputs.iter().map(|output| format!("{output:.8}")).collect();
    println!("Output After Training:\n{}", printed.join("\n"));
    assert_eq!(printed, OUTPUTS);
}

/// The same with a hidden layer, on exclusive or, which one layer cannot learn: 60,000 steps in the post.
fn two_layers() {
    let (inputs, wanted) = (Tensor::from(INPUTS), Tensor::from([[0.0], [1.0], [1.0], [0.0]]));
    let mut syn0 = Tensor::from([
        [-0.165955990594852, 0.4406489868843162, -0.9997712503653102, -0.39533485473632046],
        [-0.7064882183657739, -0.8153228104624044, -0.6274795772446582, -0.3088785459139045],
        [-0.20646505153866013, 0.07763346800671389, -0.1616109711934104, 0.370439000793519],
    ]);
    let mut syn1 =
        Tensor::from([[-0.5910955005369651], [0.7562348727818908], [-0.9452248136041477], [0.34093502035680445]]);
    let mut tape = Tape::new();
    for step in 0..60_000 {
        let (_, (l1, l2, ids), gradients) = tape.step(|tape| {
            let (syn0, syn1) = (tape.var(&syn0), tape.var(&syn1));
            let l1 = tape.data(&inputs).matmul(syn0).sigmoid();
            let l2 = l1.matmul(syn1).sigmoid();
            (half_squared_error(l2, tape.data(&wanted)), (l1.value(), l2.value(), [syn0.id(), syn1.id()]))
        });
        let [by_syn0, by_syn1] = ids.map(|id| gradients.get(id).expect("the loss depends on both"));
        if step % 10_000 == 0 {
            let error = &wanted - &l2;
            let l2_delta = delta(&error, &l2);
            let l1_delta = delta(&l2_delta.matmul(syn1.t()), &l1);
            assert_same_step(by_syn1, &l1.t().matmul(&l2_delta));
            assert_same_step(by_syn0, &inputs.t().matmul(&l1_delta));
            let printed = twelve_digits(error.abs().mean(()).item());
            println!("Error:{printed}");
            assert_eq!(printed, ERRORS[step / 10_000]);
        }
        syn0.add_scaled(-1.0, by_syn0);
        syn1.add_scaled(-1.0, by_syn1);
        tape.recycle(gradients);
    }
}

/// 1/2 sum (l - y)^2. The minus of its gradient is what the post adds to the weights.
fn half_squared_error<'t>(l: Var<'t, f64>, y: Var<'t, f64>) -> Var<'t, f64> {
    l.squared_error(y) * 0.5
}

/// The post's delta: the error times the sigmoid's slope at its output, l (1 - l).
fn delta(error: &Tensor<f64>, l: &Tensor<f64>) -> Tensor<f64> {
    error * &(l * &(1.0 - l))
}

/// The step by hand is minus the gradient, up to rounding.
fn assert_same_step(gradient: &Tensor<f64>, by_hand: &Tensor<f64>) {
    assert_eq!(gradient.shape(), by_hand.shape());
    for (g, step) in gradient.iter().zip(by_hand.iter()) {
        assert!((g + step).abs() <= 1e-15, "gradient {g}, step {step}");
    }
}

/// As Python 2 prints numbers: twelve significant digits, without zeros at the end.
fn twelve_digits(x: f64) -> String {
    let decimals = 11 - x.abs().log10().floor() as i32;
    format!("{x:.*}", decimals.max(0) as usize).trim_end_matches('0').to_owned()
}
