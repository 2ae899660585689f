//! Bodies of well-known formulas with their gradients, as a compiler would make them.

use crate::num::Element;
use crate::ops::{self, BinaryOp, UnaryOp};
use crate::program::body::{Body, BodyOp, Register, Sink};
use crate::tensor::kernels::elementwise::Side;
use std::collections::HashMap;

/// Writes a body op by op. Formulas written with it compute nothing twice, as a compiler's do not.
pub struct Writer<T> {
    pub ops: Vec<BodyOp<T>>,
    literals: HashMap<u64, Register>,
    known: HashMap<(&'static str, Register, Register), Register>,
    active: Vec<bool>,
}

impl<T: Element> Writer<T> {
    pub fn new(n_inputs: u32) -> (Self, Vec<Register>) {
        let mut writer = Self { ops: Vec::new(), literals: HashMap::new(), known: HashMap::new(), active: Vec::new() };
        let inputs = (0..n_inputs).map(|k| writer.push(BodyOp::Input(k), true)).collect();
        (writer, inputs)
    }
    fn push(&mut self, op: BodyOp<T>, active: bool) -> Register {
        self.ops.push(op);
        self.active.push(active);
        self.ops.len() as Register - 1
    }
    pub fn literal(&mut self, x: f64) -> Register {
        if let Some(&slot) = self.literals.get(&x.to_bits()) {
            return slot;
        }
        let slot = self.push(BodyOp::Literal(T::from_f64(x)), false);
        self.literals.insert(x.to_bits(), slot);
        slot
    }
    pub fn unary(&mut self, op: UnaryOp, x: Register) -> Register {
        let active = self.active[x as usize];
        self.push(BodyOp::Unary(op, x), active)
    }
    pub fn binary(&mut self, op: BinaryOp, x: Register, y: Register) -> Register {
        if let Some(&slot) = self.known.get(&(op.name(), x, y)) {
            return slot;
        }
        let active = self.active[x as usize] || self.active[y as usize];
        let slot = self.push(BodyOp::Binary(op, x, y), active);
        self.known.insert((op.name(), x, y), slot);
        slot
    }
    pub fn select(&mut self, slots: [Register; 3]) -> Register {
        self.push(BodyOp::Select(slots), false)
    }
    pub fn vjp(&mut self, op: BodyOp<T>) -> Register {
        self.push(op, true)
    }
    pub fn add(&mut self, x: Register, y: Register) -> Register {
        self.binary(BinaryOp::Add(ops::Add), x, y)
    }
    pub fn sub(&mut self, x: Register, y: Register) -> Register {
        self.binary(BinaryOp::Sub(ops::Sub), x, y)
    }
    pub fn mul(&mut self, x: Register, y: Register) -> Register {
        self.binary(BinaryOp::Mul(ops::Mul), x, y)
    }
    pub fn tanh(&mut self, x: Register) -> Register {
        self.unary(UnaryOp::Tanh(ops::Tanh), x)
    }
    fn scale(&mut self, g: Register, y: Register) -> Register {
        match self.ops[g as usize] {
            BodyOp::Literal(one) if one == T::from_f64(1.0) => y,
            _ => self.binary(BinaryOp::Scale(ops::Scale), g, y),
        }
    }

    /// The adjoints of `inputs`, by the sweep's rules.
    pub fn gradient(&mut self, y: Register, inputs: &[Register]) -> Vec<Register> {
        let mut adjoints: Vec<Option<Register>> = vec![None; self.ops.len()];
        adjoints[y as usize] = Some(self.literal(1.0));
        for i in (0..=y).rev() {
            let Some(g) = adjoints.get(i as usize).copied().flatten() else { continue };
            let mut give: Vec<(Register, Register)> = Vec::new();
            let active = |s: &Self, slot: Register| s.active[slot as usize];
            match self.ops[i as usize] {
                BodyOp::Unary(UnaryOp::Neg(_), x) => give.push((x, self.unary(UnaryOp::Neg(ops::Neg), g))),
                BodyOp::Unary(op, x) => give.push((x, self.push(BodyOp::UnaryVjp(op, [x, i, g]), true))),
                BodyOp::Binary(op, x, y) => {
                    for (side, slot, other) in [(Side::X, x, y), (Side::Y, y, x)] {
                        if !active(self, slot) {
                            continue;
                        }
                        let to = match (op, side) {
                            (BinaryOp::Add(_), _) | (BinaryOp::Sub(_), Side::X) => g,
                            (BinaryOp::Sub(_), Side::Y) => self.unary(UnaryOp::Neg(ops::Neg), g),
                            (BinaryOp::Mul(_), _) => self.scale(g, other),
                            _ => self.push(BodyOp::BinaryVjp(op, side, [x, y, i, g]), true),
                        };
                        give.push((slot, to));
                    }
                }
                _ => {}
            }
            for (slot, to) in give {
                let sum = match adjoints[slot as usize] {
                    None => to,
                    Some(so_far) => self.add(so_far, to),
                };
                adjoints[slot as usize] = Some(sum);
            }
        }
        inputs.iter().map(|&x| adjoints[x as usize].unwrap_or_else(|| self.literal(0.0))).collect()
    }

    /// The body whose outputs are y and its gradient.
    pub fn with_gradient(mut self, y: Register, inputs: &[Register]) -> Body<T> {
        let gradient = self.gradient(y, inputs);
        let sinks = std::iter::once(y).chain(gradient).map(Sink::Store).collect();
        Body { ops: self.ops, sinks }
    }
}

/// x0 x1 x2 ...
pub fn speelpenning<T: Element>(n: u32) -> Body<T> {
    let (mut w, x) = Writer::new(n);
    let y = x[1..].iter().fold(x[0], |p, &x| w.mul(p, x));
    w.with_gradient(y, &x)
}

/// The sum of 100 (x' - x^2)^2 + (1 - x)^2.
pub fn rosenbrock<T: Element>(n: u32) -> Body<T> {
    let (mut w, x) = Writer::new(n);
    let (one, hundred) = (w.literal(1.0), w.literal(100.0));
    let mut sum = None;
    for pair in x.windows(2) {
        let square = w.mul(pair[0], pair[0]);
        let (t, u) = (w.sub(pair[1], square), w.sub(one, pair[0]));
        let (tt, uu) = (w.mul(t, t), w.mul(u, u));
        let scaled = w.mul(tt, hundred);
        let e = w.add(scaled, uu);
        sum = Some(sum.map_or(e, |s| w.add(s, e)));
    }
    w.with_gradient(sum.expect("n > 1"), &x)
}

/// The squared error of a perceptron 2-h-h-1 of scalars over so many points.
pub fn perceptron<T: Element>(hidden: usize, points: usize) -> Body<T> {
    let sizes = [2 * hidden, hidden, hidden * hidden, hidden, hidden, 1];
    let (mut w, p) = Writer::new(sizes.iter().sum::<usize>() as u32);
    let mut rest = &p[..];
    let [w1, b1, w2, b2, w3, b3] = sizes.map(|n| {
        let (head, tail) = rest.split_at(n);
        rest = tail;
        head
    });
    let mut loss = None;
    for k in 0..points {
        let [a, b, target] = [1.7, 2.9, 0.3].map(|f| w.literal((f * k as f64).sin()));
        let mut h1 = Vec::new();
        for j in 0..hidden {
            let (first, second) = (w.mul(w1[2 * j], a), w.mul(w1[2 * j + 1], b));
            let sum = w.add(first, second);
            let z = w.add(sum, b1[j]);
            h1.push(w.tanh(z));
        }
        let mut h2 = Vec::new();
        for j in 0..hidden {
            let mut z = b2[j];
            for i in 0..hidden {
                let product = w.mul(w2[hidden * j + i], h1[i]);
                z = w.add(z, product);
            }
            h2.push(w.tanh(z));
        }
        let mut z = b3[0];
        for i in 0..hidden {
            let product = w.mul(w3[i], h2[i]);
            z = w.add(z, product);
        }
        let e = w.sub(z, target);
        let square = w.mul(e, e);
        loss = Some(loss.map_or(square, |s| w.add(s, square)));
    }
    w.with_gradient(loss.expect("some points"), &p)
}

/// The determinant of an n by n matrix by expansion, each minor once.
pub fn determinant<T: Element>(n: usize) -> Body<T> {
    let (mut w, x) = Writer::new((n * n) as u32);
    let mut minors: HashMap<u32, Register> = HashMap::new();
    fn minor<T: Element>(
        w: &mut Writer<T>,
        x: &[Register],
        n: usize,
        known: &mut HashMap<u32, Register>,
        columns: u32,
    ) -> Register {
        if let Some(&slot) = known.get(&columns) {
            return slot;
        }
        let row = n - columns.count_ones() as usize;
        let mut sum = None;
        for (k, column) in (0..n).filter(|c| columns >> c & 1 == 1).enumerate() {
            let rest = columns & !(1 << column);
            let term = match rest {
                0 => x[row * n + column],
                _ => {
                    let below = minor(w, x, n, known, rest);
                    w.mul(x[row * n + column], below)
                }
            };
            sum = Some(match sum {
                None => term,
                Some(sum) if k % 2 == 1 => w.sub(sum, term),
                Some(sum) => w.add(sum, term),
            });
        }
        let slot = sum.expect("some column");
        known.insert(columns, slot);
        slot
    }
    let y = minor(&mut w, &x, n, &mut minors, (1 << n) - 1);
    w.with_gradient(y, &x)
}

/// Some steps of Euler's method on a ring of coupled logistic equations, and the gradient of one component's end.
pub fn ring<T: Element>(n: usize, steps: usize) -> Body<T> {
    let (mut w, x) = Writer::new(n as u32);
    let (dt, one) = (w.literal(0.01), w.literal(1.0));
    let mut state = x.clone();
    for _ in 0..steps {
        let next = (0..n).map(|i| {
            let room = w.sub(one, state[i]);
            let growth = w.mul(state[i], room);
            let difference = w.sub(state[(i + 1) % n], state[i]);
            let rate = w.add(growth, difference);
            let step = w.mul(dt, rate);
            w.add(state[i], step)
        });
        state = next.collect();
    }
    w.with_gradient(state[n - 1], &x)
}
