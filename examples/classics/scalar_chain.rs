//! C. The scalar chain: six partial derivatives, each the product of the local derivatives along its path.
//!
//! x -> z1 = t1 x + b1 -> a1 = g(z1) -> z2 -> a2 -> z3 -> y^ = sigmoid(z3); C = (y^ - y)^2. g is relu, or sigmoid.

use super::{Derivation, Gradients, scalars, sigmoid};
use retrograd::{Tensor, Var};

#[derive(Clone, Copy)]
pub struct Chain {
    pub t: [f64; 3],
    pub b: [f64; 3],
    pub x: f64,
    pub y: f64,
    /// relu in the hidden layers, else sigmoid.
    pub relu: bool,
}

impl Chain {
    pub fn derivation(self, title: &str) -> Derivation {
        let values = [self.t[0], self.b[0], self.t[1], self.b[1], self.t[2], self.b[2]].map(Tensor::scalar);
        let names = ["t1", "b1", "t2", "b2", "t3", "b3"];
        let point: Vec<_> = names.into_iter().zip(&values).collect();
        Derivation::new(title, &point, move |p| {
            let z1 = (p[0] * self.x + p[1]).named("z1");
            let a1 = self.recorded(z1).named("a1");
            let z2 = (p[2] * a1 + p[3]).named("z2");
            let a2 = self.recorded(z2).named("a2");
            let z3 = (p[4] * a2 + p[5]).named("z3");
            (z3.sigmoid().named("y^") - self.y).square()
        })
    }

    fn recorded<'t>(self, z: Var<'t, f64>) -> Var<'t, f64> {
        if self.relu { z.relu() } else { z.sigmoid() }
    }

    fn activation(self, z: f64) -> f64 {
        if self.relu { z.max(0.0) } else { sigmoid(z) }
    }

    /// relu' is 0 below and at zero, 1 above.
    fn slope(self, z: f64) -> f64 {
        match self.relu {
            true if z > 0.0 => 1.0,
            true => 0.0,
            false => sigmoid(z) * (1.0 - sigmoid(z)),
        }
    }

    fn by_hand(self) -> Gradients {
        let Self { t: [t1, t2, t3], b: [b1, b2, b3], x, y, .. } = self;
        let z1 = t1 * x + b1;
        let a1 = self.activation(z1);
        let z2 = t2 * a1 + b2;
        let a2 = self.activation(z2);
        let z3 = t3 * a2 + b3;
        let output = sigmoid(z3);

        let dc_dy = 2.0 * (output - y);
        let dy_dz3 = output * (1.0 - output);
        let (dz3_da2, da2_dz2) = (t3, self.slope(z2));
        let (dz2_da1, da1_dz1) = (t2, self.slope(z1));
        scalars([
            ("t3", dc_dy * dy_dz3 * a2),
            ("b3", dc_dy * dy_dz3),
            ("t2", dc_dy * dy_dz3 * dz3_da2 * da2_dz2 * a1),
            ("b2", dc_dy * dy_dz3 * dz3_da2 * da2_dz2),
            ("t1", dc_dy * dy_dz3 * dz3_da2 * da2_dz2 * dz2_da1 * da1_dz1 * x),
            ("b1", dc_dy * dy_dz3 * dz3_da2 * da2_dz2 * dz2_da1 * da1_dz1),
        ])
    }
}

/// y = f7(f6(...f1(x))), and its derivative as a product of seven factors; printed with one of them left out.
fn seven_functions(x: f64, left_out: Option<usize>) -> Gradients {
    let u1 = x.sin();
    let u2 = u1.exp();
    let u3 = 3.0 * u2;
    let u4 = u3.sqrt();
    let u5 = u4.tanh();
    let u6 = u5.powi(2);
    let factors = [x.cos(), u1.exp(), 3.0, 0.5 / u3.sqrt(), 1.0 - u4.tanh().powi(2), 2.0 * u5, 1.0 / (1.0 + u6)];
    let product = factors.iter().enumerate().filter(|(i, _)| Some(*i) != left_out).map(|(_, factor)| factor).product();
    scalars([("x", product)])
}

pub fn derivations() -> Vec<Derivation> {
    let relu = Chain { t: [0.7, -1.3, 0.9], b: [0.1, 1.6, -0.2], x: 0.8, y: 1.0, relu: true };
    let smooth = Chain { relu: false, ..relu };
    // The second unit is off: four of the six partial derivatives are 0.
    let off = Chain { b: [0.1, 0.2, -0.2], ..relu };
    let seven = Derivation::new("C. chain of seven functions", &[("x", &Tensor::scalar(0.4))], |p| {
        let u1 = p[0].sin().named("u1");
        let u2 = u1.exp().named("u2");
        let u3 = (u2 * 3.0).named("u3");
        let u4 = u3.sqrt().named("u4");
        let u5 = u4.tanh().named("u5");
        let u6 = u5.square().named("u6");
        u6.log1p().named("u7")
    });
    vec![
        relu.derivation("C. scalar chain, relu").right("path products", move || relu.by_hand()),
        off.derivation("C. scalar chain, a relu off").right("path products", move || off.by_hand()),
        smooth.derivation("C. scalar chain, sigmoid").right("path products", move || smooth.by_hand()),
        seven
            .right("seven factors", || seven_functions(0.4, None))
            .wrong("the fourth factor left out", || seven_functions(0.4, Some(3)))
            .wrong("the fifth factor left out", || seven_functions(0.4, Some(4))),
    ]
}
