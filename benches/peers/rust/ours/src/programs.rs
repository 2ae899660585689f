//! The workloads compiled: recorded once, frozen with their gradients and updates, and run again.

use crate::networks::{forward, parameters, tensor};
use common::{BATCHES, Loss, Network};
use retrograd::program::Options;
use retrograd::{Element, Program, Tensor, Var};
use std::cell::RefCell;
use std::hint::black_box;

fn options() -> Options {
    Options::new().threads(common::threads())
}

fn loss<'t, T: Element>(n: &Network, z: Var<'t, T>, y: Var<'t, T>) -> Var<'t, T> {
    match n.loss {
        Loss::SquaredError => z.sigmoid().mean_squared_error(y),
        Loss::SigmoidCrossEntropy => z.bce_with_logits(y).sum(()) * T::from_f64(1.0 / n.batch as f64),
        // Labels would be frozen; as one-hot rows they are an input like any other.
        Loss::SoftmaxCrossEntropy => z.cross_entropy_soft(y),
    }
}

/// The whole step is one program that keeps parameters and averages.
pub fn train(n: &Network) {
    let matrices = |batches: Vec<Vec<f64>>, columns| -> Vec<Tensor<f32>> {
        batches.iter().map(|batch| tensor(&[n.batch, columns], batch)).collect()
    };
    let (x, y) = (matrices(n.x(), n.inputs()), matrices(n.targets(), n.outputs()));
    let parameters: Vec<Tensor<f32>> = parameters(n);
    // Adam's rate and eps, with the bias corrections of the step taken into them.
    let mut settings = [Tensor::scalar(n.rate as f32), Tensor::scalar(0.0f32)];
    let given = 4;
    let mut inputs = vec![x[0].clone(), y[0].clone(), settings[0].clone(), settings[1].clone()];
    let copies = if n.adam { 3 } else { 1 };
    inputs.extend(parameters.iter().cloned());
    for p in (1..copies).flat_map(|_| &parameters) {
        inputs.push(Tensor::zeros(p.shape()));
    }
    let carried = given..inputs.len();
    let options = carried.clone().fold(options(), |options, k| options.carry(k, 1 + k - given));
    let program = options.compile(&inputs, |v| {
        let tape = v[0].tape();
        let (p, averages) = v[given..].split_at(parameters.len());
        let loss = loss(n, forward(n, v[0], p), v[1]);
        let gradients = tape.grad(loss, p);
        if !n.adam {
            let updated = p.iter().zip(gradients).map(|(&p, g)| p - v[2] * g);
            return std::iter::once(loss).chain(updated).collect();
        }
        let (m, s) = averages.split_at(p.len());
        let m: Vec<_> = m.iter().zip(&gradients).map(|(&m, &g)| m * 0.9f32 + g * 0.1f32).collect();
        let s: Vec<_> = s.iter().zip(&gradients).map(|(&s, &g)| s * 0.999f32 + g.square() * 0.001f32).collect();
        let updated = (0..p.len()).map(|k| p[k] - v[2] * m[k] / (s[k].sqrt() + v[3])).collect();
        [vec![loss], updated, m.clone(), s.clone()].concat()
    });
    let mut program = program.expect("a sound step");
    for k in carried {
        program.set_carried(k, &inputs[k]).expect("the same shape");
    }
    let step = |i: usize| {
        if n.adam {
            let t = i as i32 + 1;
            let root = (1.0 - 0.999f64.powi(t)).sqrt();
            settings[0].as_mut_slice()[0] = (n.rate * root / (1.0 - 0.9f64.powi(t))) as f32;
            settings[1].as_mut_slice()[0] = (1e-8 * root) as f32;
        }
        program.run(&[&x[i % BATCHES], &y[i % BATCHES], &settings[0], &settings[1]]).expect("a step");
        program.item(0)
    };
    common::serve(step, |loss: f32| vec![loss as f64]);
}

/// Reverse over reverse: the gradient of the gradient's product with the direction.
pub fn hessian_vector_product(n: &Network) {
    let parameters: Vec<Tensor<f64>> = parameters(n);
    let layers = parameters.len();
    let mut inputs = vec![tensor(&[n.batch, n.inputs()], &n.x()[0]), tensor(&[n.batch, n.outputs()], &n.targets()[0])];
    inputs.extend(parameters.iter().cloned());
    inputs.extend(n.direction().iter().zip(&parameters).map(|(d, p)| tensor::<f64>(p.shape(), d)));
    let program = options().compile(&inputs, |v| {
        let tape = v[0].tape();
        let (p, directions) = v[2..].split_at(layers);
        let loss = loss(n, forward(n, v[0], p), v[1]);
        let products = tape.grad(loss, p).into_iter().zip(directions).map(|(g, &d)| (g * d).sum(()));
        tape.grad(products.sum(), p)
    });
    let mut program = program.expect("a sound product");
    let inputs: Vec<&Tensor<f64>> = inputs.iter().collect();
    let products = std::cell::Cell::new(0.0);
    let step = |i| {
        program.run(&inputs).expect("a product");
        if i == 4 {
            products.set(common::norm((0..layers).flat_map(|k| program.output(k).to_vec())));
        }
    };
    common::serve(step, |()| vec![products.get()]);
}

pub fn chain() {
    let x = Tensor::from(common::chain_x());
    let by_x = options().gradient(&[0]);
    let mut program = by_x.compile(&[x.clone()], |v| vec![crate::chain_of(v[0])]).expect("a sound function");
    let found = std::cell::Cell::new(0.0);
    let step = |i| {
        program.run(&[&x]).expect("a gradient");
        if i == 4 {
            found.set(common::norm(program.output(1).iter().map(|&g| g as f64)));
        }
        program.item(0)
    };
    common::serve(step, |y: f32| vec![y as f64, found.get()]);
}

/// By numbers, whose zeros cost nothing: one sweep for each row, when compiling.
pub fn hessian() {
    let x = common::hessian_x();
    let inputs: Vec<Tensor<f64>> = x.iter().copied().map(Tensor::scalar).collect();
    let program = options().compile(&inputs, |v| {
        let tape = v[0].tape();
        let gradient = tape.grad(crate::scalars::rosenbrock(v), v);
        gradient.iter().flat_map(|&row| tape.grad(row, v)).collect()
    });
    let mut program = program.expect("a sound function");
    let hessian = RefCell::new(vec![0.0; x.len() * x.len()]);
    let step = |_| {
        program.run_numbers(black_box(&x)).expect("a Hessian");
        program.items_into(0, &mut hessian.borrow_mut());
    };
    common::serve(step, |()| vec![common::norm(hessian.borrow().iter().copied())]);
}

/// A recording of scalars with its gradient, replayed; the gradient is copied out, as in the other modes.
pub fn scalars(x: &[f64], f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>) {
    let mut program: Program<f64> = {
        let tape = retrograd::Tape::new();
        let vars = tape.vars(x);
        let y = f(&vars);
        let all: Vec<usize> = (0..x.len()).collect();
        options().gradient(&all).freeze(&tape, &vars, &[y]).expect("a sound recording")
    };
    let step = |_| {
        program.run_numbers(black_box(x)).expect("a gradient");
        let mut gradient = vec![0.0; x.len()];
        program.items_into(1, &mut gradient);
        (program.item(0), gradient)
    };
    common::serve(step, |(y, gradient): (f64, Vec<f64>)| vec![y, common::norm(gradient)]);
}
