//! retrograd, through its public interface. Arguments: workload, mode.
//!
//! Modes: `tape` records and sweeps on every step, with parameters that are plain tensors where descent is all they need;
//! `layers` is the same through `nn` and `optim`; `program` freezes the whole step once and runs it again. A further mode is
//! a few more arms of `main`.

mod networks;
mod programs;
mod scalars;

use retrograd::{Tape, Tensor, Var};
use std::cell::RefCell;

fn main() {
    let (workload, mode) = common::arguments();
    let network = common::network(&workload);
    match (mode.as_str(), workload.as_str(), network) {
        ("tape", "hvp", Some(network)) => networks::hessian_vector_product(&network),
        ("tape", _, Some(network)) if network.adam => common::unsupported("Adam is a part of optim: see layers"),
        ("tape", _, Some(network)) => networks::on_the_tape(&network),
        ("layers", name, Some(network)) if name != "hvp" => networks::with_layers(&network),
        ("tape", "chain", _) => chain(),
        ("tape", "hessian", _) => hessian(),
        ("program", "hvp", Some(network)) => programs::hessian_vector_product(&network),
        ("program", _, Some(network)) => programs::train(&network),
        ("program", "chain", _) => programs::chain(),
        ("program", "hessian", _) => programs::hessian(),
        ("tape" | "program", "rosenbrock" | "speelpenning" | "scalar_mlp", _) => scalars::run(&workload, &mode),
        ("layers", _, _) => common::unsupported("no layers in it: see tape"),
        _ => common::unsupported("no such workload or mode"),
    }
}

fn chain() {
    let x = Tensor::from(common::chain_x());
    let (mut tape, gradient) = (Tape::of(), RefCell::new(None));
    let step = |_| {
        let (y, id, mut grads) = tape.step(|t| {
            let v = t.var(&x);
            (chain_of(v), v.id())
        });
        // The gradient of the step before goes back to the tape.
        if let Some(spent) = gradient.replace(grads.take(id)) {
            tape.recycle_tensor(spent);
        }
        tape.recycle(grads);
        y
    };
    let norm = || gradient.borrow().as_ref().map_or(0.0, |g| common::norm(g.iter().map(|&g| g as f64)));
    common::serve(step, |y: f32| vec![y as f64, norm()]);
}

fn chain_of(x: Var<'_, f32>) -> Var<'_, f32> {
    let (a, b) = ((x.sin() * (-x.square()).exp()).tanh(), (x * 0.5).sigmoid() * (x.square() + 1.0).ln());
    (a + b).sum(())
}

fn hessian() {
    let x = Tensor::from(common::hessian_x());
    let step = |_| retrograd::hessian(|x| rosenbrock(x), &x);
    common::serve(step, |h: Tensor<f64>| vec![common::norm(h.iter().copied())]);
}

/// As in the other peers of tensors: a few ops, whatever n is.
fn rosenbrock(x: Var<'_, f64>) -> Var<'_, f64> {
    let n = x.numel();
    let (low, high) = (x.slice(0..n - 1), x.slice(1..n));
    ((high - low.square()).square() * 100.0 + (low * -1.0 + 1.0).square()).sum(())
}
