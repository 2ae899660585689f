//! Crates that differentiate scalars, a plain tape, and the gradients written by hand. Arguments: workload, mode.

mod by_hand;
mod plain;
mod problems;
mod scalar;

use common::{arguments, scalar_points, scalar_x, serve};
use problems::Problem;

fn main() {
    let (workload, mode) = arguments();
    let Some(problem) = Problem::named(&workload) else {
        return common::unsupported("tensors are not for scalar tapes");
    };
    let (x, points) = (scalar_x(&workload), scalar_points());
    let x = std::hint::black_box(x.as_slice());
    match mode.as_str() {
        "hand" => {
            let gradient = std::cell::RefCell::new(vec![0.0; x.len()]);
            let step = |_| by_hand::gradient(problem, std::hint::black_box(x), &points, &mut gradient.borrow_mut());
            serve(step, |y| vec![y, common::norm(gradient.borrow().iter().copied())]);
        }
        "plain" => {
            let mut tape = plain::Tape::default();
            report(|| {
                tape.clear();
                let vars = tape.vars(x);
                let y = problem.of(&vars, &points);
                (y.value(), tape.gradient(y, x.len()))
            });
        }
        "reverse" => {
            use reverse::Gradient as _;
            let tape = reverse::Tape::new();
            report(|| {
                tape.clear();
                let vars = tape.add_vars(x);
                let y = problem.of(&vars, &points);
                (y.val(), y.grad().wrt(&vars))
            });
        }
        "rustquant" => {
            use RustQuant_autodiff::{Accumulate as _, Gradient as _};
            let tape = RustQuant_autodiff::Graph::new();
            report(|| {
                tape.clear();
                let vars = tape.vars(x);
                let y = problem.of(&vars, &points);
                let gradient: Vec<f64> = y.accumulate();
                (y.value(), gradient.wrt(&vars))
            });
        }
        "echidna" => report(|| {
            let value = std::cell::Cell::new(0.0);
            let f = |x: &[echidna::Reverse<f64>]| {
                let y = problem.of(x, &points);
                value.set(num_traits::ToPrimitive::to_f64(&y).unwrap_or(f64::NAN));
                y
            };
            let gradient = echidna::grad(f, x);
            (value.get(), gradient)
        }),
        "echidna-replay" => {
            let (mut tape, value) = echidna::record(|x| problem.of(x, &points), x);
            // A replay gives the gradient alone; the value is the one recorded.
            report(|| (value, tape.gradient(x)));
        }
        _ => common::unsupported("no such mode"),
    }
}

fn report(mut gradient: impl FnMut() -> (f64, Vec<f64>)) {
    serve(|_| gradient(), |(y, gradient)| vec![y, common::norm(gradient)]);
}
