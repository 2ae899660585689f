//! One step of an LSTM cell, in the order of gates i, f, o, g of the course CS231n.
//!
//! a = x Wx + h0 Wh + b; i, f, o = sigmoid of its first three parts, g = tanh of the fourth; c = f c0 + i g; h = o tanh(c).
//! The loss is sum(h .* dh) + sum(c .* dc).

use super::super::{Derivation, Gradients, named, random, uniform};
use retrograd::Tensor;

#[derive(Clone)]
pub struct Cell {
    pub x: Tensor<f64>,
    pub h0: Tensor<f64>,
    pub c0: Tensor<f64>,
    pub wx: Tensor<f64>,
    pub wh: Tensor<f64>,
    pub b: Tensor<f64>,
    pub dh: Tensor<f64>,
    pub dc: Tensor<f64>,
}

/// What the forward pass leaves for the backward pass.
pub struct Gates {
    pub i: Tensor<f64>,
    pub f: Tensor<f64>,
    pub o: Tensor<f64>,
    pub g: Tensor<f64>,
    pub tanh_c: Tensor<f64>,
}

impl Cell {
    /// m examples of n features, h units.
    pub fn random([m, n, h]: [usize; 3], seed: u64) -> Self {
        let mut rng = random(seed);
        Self {
            x: uniform([m, n], &mut rng),
            h0: uniform([m, h], &mut rng),
            c0: uniform([m, h], &mut rng),
            wx: uniform([n, 4 * h], &mut rng),
            wh: uniform([h, 4 * h], &mut rng),
            b: uniform([4 * h], &mut rng),
            dh: uniform([m, h], &mut rng),
            dc: uniform([m, h], &mut rng),
        }
    }

    pub fn derivation(&self) -> Derivation {
        let (x, dh, dc) = (self.x.clone(), self.dh.clone(), self.dc.clone());
        let h = self.h0.shape()[1];
        let point = [("Wx", &self.wx), ("Wh", &self.wh), ("b", &self.b), ("h0", &self.h0), ("c0", &self.c0)];
        Derivation::new("I. LSTM cell", &point, move |p| {
            let tape = p[0].tape();
            let a = (tape.data(&x).named("x").matmul(p[0]) + p[3].matmul(p[1]) + p[2]).named("a");
            let i = a.slice((.., 0..h)).sigmoid().named("i");
            let f = a.slice((.., h..2 * h)).sigmoid().named("f");
            let o = a.slice((.., 2 * h..3 * h)).sigmoid().named("o");
            let g = a.slice((.., 3 * h..4 * h)).tanh().named("g");
            let c = (f * p[4] + i * g).named("c");
            let tanh_c = c.tanh().named("tanh_c");
            (o * tanh_c * tape.data(&dh).named("dh")).sum(()) + (c * tape.data(&dc).named("dc")).sum(())
        })
        .constant("m", self.x.shape()[0] as f64)
    }

    pub fn forward(&self) -> Gates {
        let a = self.x.matmul(&self.wx) + self.h0.matmul(&self.wh) + &self.b;
        let [i, f, o, g] = columns(&a);
        let (i, f, o, g) = (i.sigmoid(), f.sigmoid(), o.sigmoid(), g.tanh());
        let tanh_c = (&f * &self.c0 + &i * &g).tanh();
        Gates { i, f, o, g, tanh_c }
    }

    /// `lstm_step_backward(dnext_h, dnext_c, cache)`.
    fn by_hand(&self) -> Gradients {
        let Gates { i, f, o, g, tanh_c } = self.forward();
        let dc = &self.dc + &self.dh * &o * (1.0 - &tanh_c * &tanh_c);
        let d_o = &self.dh * &tanh_c;
        let df = &dc * &self.c0;
        let di = &dc * &g;
        let dg = &dc * &i;
        let dai = di * &i * (1.0 - &i);
        let daf = df * &f * (1.0 - &f);
        let dao = d_o * &o * (1.0 - &o);
        let dag = dg * (1.0 - &g * &g);
        self.below(&side_by_side(&[dai, daf, dao, dag]), &(dc * f))
    }

    /// From da to the parameters.
    pub fn below(&self, da: &Tensor<f64>, dc0: &Tensor<f64>) -> Gradients {
        named(&[
            ("Wx", &self.x.t().matmul(da)),
            ("Wh", &self.h0.t().matmul(da)),
            ("b", &da.sum(0)),
            ("h0", &da.matmul(self.wh.t())),
            ("c0", dc0),
        ])
    }
}

/// The four parts of a matrix's columns.
fn columns(a: &Tensor<f64>) -> [Tensor<f64>; 4] {
    let [m, n] = [a.shape()[0], a.shape()[1] / 4];
    [0, 1, 2, 3].map(|part| Tensor::from_fn([m, n], |at| a[[at[0], part * n + at[1]]]))
}

/// `np.hstack`.
pub fn side_by_side(parts: &[Tensor<f64>; 4]) -> Tensor<f64> {
    let [m, n] = [parts[0].shape()[0], parts[0].shape()[1]];
    Tensor::from_fn([m, 4 * n], |at| parts[at[1] / n][[at[0], at[1] % n]])
}

pub fn derivations() -> Vec<Derivation> {
    let cell = Cell::random([4, 3, 2], 91);
    vec![cell.derivation().right("lstm_step_backward", move || cell.by_hand())]
}
