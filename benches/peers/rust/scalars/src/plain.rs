//! The least that a tape can be: a node holds two parents and two partial derivatives, 24 bytes.

use crate::problems::Scalar;
use std::cell::UnsafeCell;

#[derive(Clone, Copy)]
struct Node {
    parents: [u32; 2],
    partials: [f64; 2],
}

#[derive(Default)]
pub struct Tape {
    nodes: UnsafeCell<Vec<Node>>,
    adjoints: Vec<f64>,
}

#[derive(Clone, Copy)]
pub struct Var {
    tape: *const Tape,
    node: u32,
    value: f64,
}

impl Tape {
    pub fn clear(&mut self) {
        self.nodes.get_mut().clear();
    }

    pub fn vars(&self, values: &[f64]) -> Vec<Var> {
        values.iter().map(|&value| self.push(value, [0, 0], [0.0, 0.0])).collect()
    }

    #[inline(always)]
    fn push(&self, value: f64, parents: [u32; 2], partials: [f64; 2]) -> Var {
        // SAFETY: no reference into the nodes is kept.
        let nodes = unsafe { &mut *self.nodes.get() };
        let node = nodes.len() as u32;
        nodes.push(Node { parents, partials });
        Var { tape: self, node, value }
    }

    /// The derivatives of `y` by the first n variables.
    pub fn gradient(&mut self, y: Var, n: usize) -> Vec<f64> {
        let (nodes, adjoints) = (self.nodes.get_mut(), &mut self.adjoints);
        adjoints.clear();
        adjoints.resize(nodes.len(), 0.0);
        adjoints[y.node as usize] = 1.0;
        for i in (n..=y.node as usize).rev() {
            let (g, node) = (adjoints[i], nodes[i]);
            for (parent, partial) in node.parents.into_iter().zip(node.partials) {
                // SAFETY: parents come before their node, and there is an adjoint for each node.
                unsafe { *adjoints.get_unchecked_mut(parent as usize) += g * partial };
            }
        }
        adjoints[..n].to_vec()
    }
}

impl Var {
    pub fn value(self) -> f64 {
        self.value
    }

    #[inline(always)]
    fn with(self, value: f64, other: u32, partials: [f64; 2]) -> Self {
        // SAFETY: a variable is used while its tape is alive, and the tape does not move meanwhile.
        unsafe { (*self.tape).push(value, [self.node, other], partials) }
    }
}

impl Scalar for Var {
    #[inline(always)]
    fn add(&self, other: &Self) -> Self {
        self.with(self.value + other.value, other.node, [1.0, 1.0])
    }
    #[inline(always)]
    fn sub(&self, other: &Self) -> Self {
        self.with(self.value - other.value, other.node, [1.0, -1.0])
    }
    #[inline(always)]
    fn mul(&self, other: &Self) -> Self {
        self.with(self.value * other.value, other.node, [other.value, self.value])
    }
    #[inline(always)]
    fn tanh(&self) -> Self {
        let t = self.value.tanh();
        self.with(t, 0, [1.0 - t * t, 0.0])
    }
    #[inline(always)]
    fn times(&self, c: f64) -> Self {
        self.with(self.value * c, 0, [c, 0.0])
    }
    #[inline(always)]
    fn less(&self, c: f64) -> Self {
        self.with(self.value - c, 0, [1.0, 0.0])
    }
    #[inline(always)]
    fn from(&self, c: f64) -> Self {
        self.with(c - self.value, 0, [-1.0, 0.0])
    }
}
