//! A program from a seed: elementwise ones, ones on tensors, and a few with as many rows as a data set.
//!
//! Nodes are tried on a tape as they are chosen, at ordinary numbers, so that shapes fit; a node that panics there is kept, since
//! that is what is looked for.

use crate::engines::catch;
use crate::methods::{self, Method};
use crate::parameters;
use crate::program::{Node, Numbers, Op, Program, broadcast};
use crate::values::{Random, Style, number};
use retrograd::ops::{BinaryOp, UnaryOp};
use retrograd::{Tape, Tensor, Var};

/// What kinds of program there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Elementwise,
    Tensors,
    Large,
}

/// How many numbers a value may have.
fn room(kind: Kind) -> usize {
    if kind == Kind::Large { 200_000 } else { 600 }
}

struct Builder<'t> {
    random: Random,
    kind: Kind,
    style: Style,
    tape: &'t Tape<f64>,
    vars: Vec<Var<'t, f64>>,
    values: Vec<Var<'t, f64>>,
    program: Program,
}

pub fn program(seed: u64) -> Program {
    let mut random = Random::new(seed);
    let kind = match random.below(1000) {
        0..12 => Kind::Large,
        12..600 => Kind::Elementwise,
        _ => Kind::Tensors,
    };
    program_of(kind, random)
}

/// Points at which ops are singular, flat, or at an edge.
const POINTS: [f64; 11] = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -3.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];

/// How many programs [`pair`] has.
pub fn pairs() -> u64 {
    (BinaryOp::all().len() * UnaryOp::all().len() * POINTS.len() * 4) as u64
}

/// The k-th of f(x, g(x)) and f(g(x), x), for all pairs of ops, at each of the points, in either precision.
pub fn pair(k: u64) -> Program {
    let mut rest = k as usize;
    let mut of = |n: usize| {
        let digit = rest % n;
        rest /= n;
        digit
    };
    let (binary, unary) = (BinaryOp::all(), UnaryOp::all());
    let (single, args) = (of(2) == 1, [[0, 1], [1, 0]][of(2)].to_vec());
    let (point, g, f) = (POINTS[of(POINTS.len())], unary[of(unary.len())], binary[of(binary.len())]);
    let numbers = |x: f64| Numbers { shape: vec![1], values: vec![x] };
    let nodes = vec![
        Node { op: Op::Input(0), args: vec![] },
        Node { op: Op::Unary(g), args: vec![0] },
        Node { op: Op::Binary(f), args },
    ];
    Program { single, nodes, inputs: vec![numbers(point)], seed: numbers(1.0) }
}

pub fn program_of(kind: Kind, mut random: Random) -> Program {
    let tape = Tape::new();
    let style = random.of(&[Style::Ordinary, Style::Mixed, Style::Mixed, Style::Special]);
    let style = if kind == Kind::Large { Style::Ordinary } else { style };
    let single = random.chance(40);
    let nothing = Numbers { shape: vec![], values: vec![] };
    let program = Program { single, nodes: vec![], inputs: vec![], seed: nothing };
    let mut builder = Builder { random, kind, style, tape: &tape, vars: vec![], values: vec![], program };
    match kind {
        Kind::Elementwise => builder.elementwise(),
        Kind::Tensors => builder.tensors(),
        Kind::Large => builder.large(),
    }
    builder.finish()
}

impl<'t> Builder<'t> {
    fn numbers(&mut self, shape: &[usize]) -> Numbers {
        let n = shape.iter().product();
        let (style, single) = (self.style, self.program.single);
        let values = (0..n).map(|_| number(&mut self.random, style, single)).collect();
        Numbers { shape: shape.to_vec(), values }
    }

    fn input(&mut self, shape: &[usize]) -> usize {
        let numbers = self.numbers(shape);
        let k = self.program.inputs.len();
        self.program.inputs.push(numbers);
        let random = &mut self.random;
        let ordinary = Tensor::from_fn(shape, |_| 0.1 + 0.8 * random.unit());
        self.vars.push(self.tape.var(ordinary));
        self.push(Op::Input(k), vec![]);
        self.values.len() - 1
    }

    /// Adds a node, if it fits.
    fn push(&mut self, op: Op, args: Vec<usize>) -> bool {
        let values: Vec<_> = args.iter().map(|&k| self.values[k]).collect();
        let (tape, vars) = (self.tape, &self.vars);
        let value = match catch(|| op.record(&values, vars)) {
            Ok(Ok(value)) if value.numel() <= room(self.kind) && value.rank() <= 6 => value,
            Ok(_) => return false,
            // The shape is unknown, so this is the end.
            Err(_) => tape.data(0.0),
        };
        self.values.push(value);
        self.program.nodes.push(Node { op, args });
        true
    }

    fn shape(&self, k: usize) -> Vec<usize> {
        self.values[k].shape().dims().to_vec()
    }

    /// Whether an op takes values of these shapes, and the result has room: two columns of a data set make a matrix.
    fn fit(&self, a: &[usize], b: &[usize]) -> bool {
        broadcast(a, b).is_some_and(|shape| shape.iter().product::<usize>() <= room(self.kind))
    }

    /// A node: late ones more often, so that programs are deep.
    fn any(&mut self) -> usize {
        let n = self.values.len();
        if self.random.chance(50) { n - 1 } else { self.random.below(n) }
    }

    fn unary(&mut self) {
        let op = self.random.of(&UnaryOp::all());
        let op = op.with_parameters(parameters::of_unary(op, &mut self.random));
        let arg = self.any();
        self.push(Op::Unary(op), vec![arg]);
    }

    fn binary(&mut self) {
        let op = self.random.of(&BinaryOp::all());
        let a = self.any();
        let shape = self.shape(a);
        let fitting: Vec<usize> = (0..self.values.len()).filter(|&k| self.fit(&shape, &self.shape(k))).collect();
        let b = match self.random.below(20) {
            0 => {
                let (style, single) = (self.style, self.program.single);
                let literal = number(&mut self.random, style, single);
                self.push(Op::Literal(literal), vec![]);
                self.values.len() - 1
            }
            _ => self.random.of(&fitting),
        };
        let args = if self.random.chance(50) { vec![a, b] } else { vec![b, a] };
        self.push(Op::Binary(op), args);
    }

    fn select(&mut self) {
        let mask = self.any();
        let shape = self.shape(mask);
        let fitting: Vec<usize> = (0..self.values.len()).filter(|&k| self.fit(&shape, &self.shape(k))).collect();
        let args = vec![mask, self.random.of(&fitting), self.random.of(&fitting)];
        self.push(Op::Select, args);
    }

    fn method(&mut self) {
        let (ones, twos) = (methods::ONE.len(), methods::TWO.len());
        let arg = self.any();
        let shape = self.shape(arg);
        let pick = match self.random.below(10) {
            0..6 => self.random.below(ones),
            6..9 => ones + self.random.below(twos),
            _ => ones + twos,
        };
        let n = shape.iter().product::<usize>();
        let name = methods::ONE.iter().chain(methods::TWO).nth(pick);
        if n * n > room(self.kind) && name.is_some_and(|name| ["diag", "outer", "kron"].contains(name)) {
            return;
        }
        if pick < ones {
            let method = parameters::of_method(methods::ONE[pick], &shape, &mut self.random);
            self.push(Op::Method(method), vec![arg]);
        } else if pick < ones + twos {
            let name = methods::TWO[pick - ones];
            let method = parameters::of_method(name, &shape, &mut self.random);
            let wanted = parameters::second_shape(name, &shape, &mut self.random);
            let same: Vec<usize> = (0..self.values.len()).filter(|&k| self.shape(k) == wanted).collect();
            let other =
                if same.is_empty() || self.random.chance(30) { self.input(&wanted) } else { self.random.of(&same) };
            self.push(Op::Method(method), vec![arg, other]);
        } else {
            let name = self.random.of(methods::LIST);
            let same: Vec<usize> = (0..self.values.len()).filter(|&k| self.shape(k) == shape).collect();
            let args = (0..self.random.between(1, 3)).map(|_| self.random.of(&same)).collect();
            let method = parameters::of_method(name, &shape, &mut self.random);
            self.push(Op::Method(method), args);
        }
    }

    fn elementwise(&mut self) {
        let shape: &[usize] = self.random.of(&[&[1][..], &[], &[2], &[3], &[3], &[17], &[0], &[2, 3]]);
        for _ in 0..self.random.between(1, 3) {
            self.input(shape);
        }
        let most = self.random.of(&[1, 2, 5, 8]);
        for _ in 0..self.random.between(1, most) {
            match self.random.below(10) {
                0..5 => self.unary(),
                5..9 => self.binary(),
                _ => self.select(),
            }
        }
    }

    fn tensors(&mut self) {
        let rank = self.random.of(&[0, 1, 1, 2, 2, 2, 2, 3, 3, 4, 5, 6]);
        let mut base: Vec<usize> = (0..rank).map(|_| self.random.of(&[1, 2, 2, 3, 3, 4, 5])).collect();
        while base.iter().product::<usize>() > 200 {
            let axis = self.random.below(rank);
            base[axis] = self.random.of(&[1, 2]);
        }
        if rank > 0 && self.random.chance(20) {
            let axis = self.random.below(rank);
            base[axis] = self.random.of(&[0, 3, 1]);
        }
        if rank == 2 && self.random.chance(25) {
            base[1] = base[0];
        }
        if rank == 1 && self.random.chance(15) {
            base[0] = 17;
        }
        for k in 0..self.random.between(1, 3) {
            let mut shape = base.clone();
            if k > 0 && self.random.chance(50) {
                shape.drain(..self.random.below(rank + 1));
                for n in &mut shape {
                    *n = if self.random.chance(30) { 1 } else { *n };
                }
            }
            self.input(&shape);
        }
        for _ in 0..self.random.between(1, 7) {
            match self.random.below(20) {
                0..5 => self.unary(),
                5..9 => self.binary(),
                9..10 => self.select(),
                _ => self.method(),
            }
        }
    }

    /// Rows of a data set, weights and a bias, as in a layer.
    fn large(&mut self) {
        let rows = self.random.of(&[1_000, 2_500, 10_000, 20_000]);
        let (k, n) = (self.random.of(&[1, 2, 2, 3, 10]), self.random.of(&[1, 3, 8, 8, 10]));
        self.input(&[rows, k]);
        self.input(&[k, n]);
        self.input(&[n]);
        if self.random.chance(80) {
            let matmul = Method { name: "matmul", ..Method::default() };
            self.push(Op::Method(matmul), vec![0, 1]);
        }
        if self.random.chance(60) {
            self.unary();
        }
        for _ in 0..self.random.between(1, 4) {
            match self.random.below(10) {
                0..4 => self.unary(),
                4..7 => self.binary(),
                _ => self.method(),
            }
        }
    }

    fn finish(mut self) -> Program {
        let shape = self.shape(self.values.len() - 1);
        let mut seed = self.numbers(&shape);
        let weights = self.random.chance(60);
        // Nothing arrives from outside, as where a select takes the other side.
        let unwanted = self.random.chance(10);
        for x in &mut seed.values {
            // Zeros, of which nothing may leak, and ordinary numbers.
            if weights || !x.is_finite() || x.abs() > 10.0 || (*x != 0.0 && x.abs() < 0.01) {
                *x = self.random.of(&[1.0, -0.5, 0.75, 2.0, 0.0, -1.25]);
            }
            *x = if unwanted { 0.0 } else { *x };
        }
        self.program.seed = seed;
        self.program.pruned()
    }
}
