//! G. Computational graphs: e = (a + b) (b + 1), by the sum over all paths, by forward mode, and by reverse mode.
//!
//! At a = 2, b = 1 the derivatives are 2 and 5.

use super::{Derivation, Gradients, random, scalars};
use rand_chacha::rand_core::RngCore;
use retrograd::Tensor;

/// Every path's product, added up: a -> c -> e; b -> c -> e and b -> d -> e.
fn path_sums(a: f64, b: f64) -> Gradients {
    let (c, d) = (a + b, b + 1.0);
    let (de_dc, de_dd) = (d, c);
    let (dc_da, dc_db, dd_db) = (1.0, 1.0, 1.0);
    scalars([("a", de_dc * dc_da), ("b", de_dc * dc_db + de_dd * dd_db)])
}

/// Tangents carried with the values, one pass for each input.
fn forward_mode(a: f64, b: f64) -> Gradients {
    let pass = |a_dot: f64, b_dot: f64| {
        let (c, c_dot) = (a + b, a_dot + b_dot);
        let (d, d_dot) = (b + 1.0, b_dot);
        c_dot * d + c * d_dot
    };
    scalars([("a", pass(1.0, 0.0)), ("b", pass(0.0, 1.0))])
}

/// Adjoints from e backwards, one pass for all inputs.
fn reverse_mode(a: f64, b: f64) -> Gradients {
    let (c, d) = (a + b, b + 1.0);
    let e_bar = 1.0;
    let (c_bar, d_bar) = (e_bar * d, e_bar * c);
    let (mut a_bar, mut b_bar) = (0.0, 0.0);
    b_bar += d_bar;
    a_bar += c_bar;
    b_bar += c_bar;
    scalars([("a", a_bar), ("b", b_bar), ("c", c_bar), ("d", d_bar)])
}

fn derivation(title: &str, a: f64, b: f64) -> Derivation {
    let (at_a, at_b) = (Tensor::scalar(a), Tensor::scalar(b));
    Derivation::new(title, &[("a", &at_a), ("b", &at_b)], |p| {
        let c = (p[0] + p[1]).named("c");
        let d = (p[1] + 1.0).named("d");
        (c * d).named("e")
    })
    .right("sum over paths", move || path_sums(a, b))
    .right("forward mode", move || forward_mode(a, b))
    .right("reverse mode", move || reverse_mode(a, b))
}

pub fn derivations() -> Vec<Derivation> {
    let mut rng = random(51);
    let mut number = || f64::from(rng.next_u32()) / f64::from(u32::MAX) * 4.0 - 2.0;
    vec![derivation("G. e = (a+b)(b+1) at 2, 1", 2.0, 1.0), derivation("G. e = (a+b)(b+1)", number(), number())]
}
