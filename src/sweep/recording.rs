//! The sweep over variables: the gradient is recorded, and can be differentiated again.

use super::{Adjoints, Needs, SweepMode};
use crate::error::{Error, Result};
use crate::num::{Element, Number, Upstream};
use crate::ops::algebra::Algebra;
use crate::ops::structural::{Contribution, Node};
use crate::ops::{BinaryVisitor, BuiltinBinary, BuiltinUnary, UnaryVisitor};
use crate::tape::NodeRef;
use crate::tape::entry::NodeOp;
use crate::tape::scalar::{ScalarNode, ScalarOperand};
use crate::tape::{Id, Recording, Tape, Var};
use crate::tensor::kernels::elementwise::Side;
use crate::tensor::{Shape, Tensor};

/// Recorded adjoints of the scalar lane, and the values of its nodes.
pub(crate) struct ScalarVars<'t, T> {
    adjoints: Vec<Option<Var<'t, T>>>,
    values: Vec<T>,
}

/// The gradient by `x` after a recorded sweep.
pub(crate) fn gradient<'t, T: Element>(
    tape: &'t Tape<T>,
    adjoints: &Adjoints<ScalarVars<'t, T>, Var<'t, T>>,
    x: Var<'t, T>,
) -> Var<'t, T> {
    let found = match x.id.lane() {
        NodeRef::Scalar(id) => adjoints.scalars.adjoints.get(id as usize).copied().flatten(),
        NodeRef::Tensor(k) => adjoints.tensors.get(k).copied().flatten(),
        NodeRef::Constant => None,
    };
    found.unwrap_or_else(|| tape.data(Tensor::zeros(x.shape())))
}

/// g f'(x): of the input, the output and the gradient, over any number.
pub(crate) struct UnaryRule<S>(pub S, pub S, pub S);
impl<S: Number> UnaryVisitor for UnaryRule<S> {
    type Output = S;
    fn visit<O: BuiltinUnary>(self, op: O) -> S {
        op.vjp(self.0, self.1, Upstream(self.2)).0
    }
}

/// g df/dx or g df/dy: of x, y, the output and the gradient.
pub(crate) struct BinaryRule<S> {
    pub side: Side,
    pub nodes: [S; 3],
    pub g: S,
}
impl<S: Number> BinaryVisitor for BinaryRule<S> {
    type Output = S;
    fn visit<O: BuiltinBinary>(self, op: O) -> S {
        let [x, y, out] = self.nodes;
        match self.side {
            Side::X => op.vjp_x(x, y, out, Upstream(self.g)).0,
            Side::Y => op.vjp_y(x, y, out, Upstream(self.g)).0,
        }
    }
}

impl<'t, T: Element> Recording<'t, T> {
    fn node(&self, id: u32, values: &[T]) -> Var<'t, T> {
        Var::scalar(self.tape, id, values[id as usize])
    }

    fn operand(&self, operand: ScalarOperand<T>, values: &[T]) -> Var<'t, T> {
        match operand {
            ScalarOperand::Node(id) => self.node(id, values),
            ScalarOperand::Literal(x) => Var::constant(x),
        }
    }

    /// The products of `g` with the local derivatives of a scalar node, by parent; backward and forward are the same.
    fn scalar_products(
        &self,
        id: u32,
        values: &[T],
        g: impl Fn(u32) -> Option<Var<'t, T>>,
        mut add: impl FnMut(u32, Var<'t, T>),
    ) {
        match self.tape.scalars().decode(id) {
            ScalarNode::Leaf(_) => {}
            ScalarNode::Copy(parent) => {
                if let Some(g) = g(parent) {
                    add(parent, g);
                }
            }
            ScalarNode::Unary(op, parent) => {
                if let Some(g) = g(parent).filter(|_| !op.is_flat()) {
                    add(parent, op.with(UnaryRule(self.node(parent, values), self.node(id, values), g)));
                }
            }
            ScalarNode::Binary(op, a, b) => {
                let nodes = [self.operand(a, values), self.operand(b, values), self.node(id, values)];
                for (side, operand) in [(Side::X, a), (Side::Y, b)] {
                    let ScalarOperand::Node(parent) = operand else { continue };
                    if let Some(g) = g(parent).filter(|_| !op.is_flat()) {
                        add(parent, op.with(BinaryRule { side, nodes, g }));
                    }
                }
            }
        }
    }

    /// The variables of an entry's parents, and its own.
    fn entry_vars(&self, k: usize) -> (NodeOp<T>, Vec<Var<'t, T>>, Var<'t, T>) {
        let entries = self.tape.entries();
        let entry = &entries[k];
        let var = |id: Id, value: T| Var { tape: Some(self.tape), id, scalar: value };
        let inputs = entry.parents.iter().map(|parent| var(parent.id, parent.value)).collect();
        let output = match entry.scalar {
            Some(id) => Var::scalar(self.tape, id, entry.value.as_slice()[0]),
            None => var(Id::tensor(k), T::from_f64(f64::NAN)),
        };
        (entry.op.clone(), inputs, output)
    }

    fn elementwise(
        &self,
        op: &NodeOp<T>,
        nodes: &[Var<'t, T>],
        out: Var<'t, T>,
        wrt: usize,
        g: Var<'t, T>,
    ) -> Var<'t, T> {
        let side = if wrt == 0 { Side::X } else { Side::Y };
        match op {
            NodeOp::Unary(op) => op.with(UnaryRule(nodes[0], out, g)),
            NodeOp::CustomUnary(op) => op.record_vjp(nodes[0], out, g),
            NodeOp::Binary(op) => op.with(BinaryRule { side, nodes: [nodes[0], nodes[1], out], g }),
            NodeOp::CustomBinary(op) => op.record_vjp(side, [nodes[0], nodes[1], out], g),
            NodeOp::Select => match wrt {
                0 => Var::constant(T::from_f64(0.0)),
                1 => Number::select(nodes[0], g, Var::constant(T::from_f64(0.0))),
                _ => Number::select(nodes[0], Var::constant(T::from_f64(0.0)), g),
            },
            _ => unreachable!("only elementwise ops come here"),
        }
    }
}

impl<'t, T: Element> SweepMode<T> for Recording<'t, T> {
    type Scalars = ScalarVars<'t, T>;
    const KEEPS_ALL: bool = true;

    fn scalars(&self, tape: &Tape<T>, n: u32) -> ScalarVars<'t, T> {
        ScalarVars { adjoints: vec![None; n as usize], values: tape.scalars().values(n) }
    }

    fn add_scalar(&self, scalars: &mut ScalarVars<'t, T>, id: u32, x: Var<'t, T>) {
        let slot = &mut scalars.adjoints[id as usize];
        *slot = Some(slot.map_or(x, |sum| sum + x));
    }

    fn scalar(&self, scalars: &ScalarVars<'t, T>, id: u32) -> Option<Var<'t, T>> {
        scalars.adjoints[id as usize]
    }

    fn segment(
        &self,
        _tape: &Tape<T>,
        lo: u32,
        hi: u32,
        scalars: &mut ScalarVars<'t, T>,
        needs: Option<&Needs>,
    ) -> Result<()> {
        for id in (lo..hi).rev() {
            let Some(g) = scalars.adjoints[id as usize] else { continue };
            let ScalarVars { adjoints, values } = &mut *scalars;
            let wanted = |parent| needs.is_none_or(|needs| needs.scalar(parent)).then_some(g);
            self.scalar_products(id, values, wanted, |parent, product| {
                let slot = &mut adjoints[parent as usize];
                *slot = Some(slot.map_or(product, |sum| sum + product));
            });
        }
        Ok(())
    }

    fn forward_segment(&self, _tape: &Tape<T>, lo: u32, hi: u32, scalars: &mut ScalarVars<'t, T>) {
        for id in lo..hi {
            let ScalarVars { adjoints, values } = &mut *scalars;
            let mut sum = adjoints[id as usize];
            let tangents = &*adjoints;
            self.scalar_products(
                id,
                values,
                |parent| tangents[parent as usize],
                |_, product| {
                    sum = Some(sum.map_or(product, |sum| sum + product));
                },
            );
            adjoints[id as usize] = sum;
        }
    }

    fn contribution(&self, _tape: &Tape<T>, k: usize, wrt: usize, g: Var<'t, T>) -> Result<Contribution<Var<'t, T>>> {
        let (op, inputs, output) = self.entry_vars(k);
        match &op {
            NodeOp::Tensor(op) => {
                let contribution = op.vjp(self, Node { inputs: &inputs, output: &output }, wrt, &g);
                self.refused(op)?;
                Ok(contribution)
            }
            NodeOp::Custom(op) => Ok(op.record_vjp(self, &inputs, &output, &g)?.swap_remove(wrt).into()),
            NodeOp::Leaf => unreachable!("a leaf has no parents"),
            op => Ok(self.elementwise(op, &inputs, output, wrt, g).into()),
        }
    }

    fn tangent(&self, _tape: &Tape<T>, k: usize, wrt: usize, tangent: Var<'t, T>) -> Result<Var<'t, T>> {
        let (op, inputs, output) = self.entry_vars(k);
        match &op {
            NodeOp::Tensor(op) => {
                let tangent = op.jvp(self, Node { inputs: &inputs, output: &output }, wrt, &tangent);
                self.refused(op)?;
                Ok(tangent)
            }
            NodeOp::Custom(op) => Err(Error::not_differentiable(format!(
                "{}: a recorded tangent of a user's op on tensors is not supported; use jvp over numbers, or vjp",
                op.name()
            ))),
            NodeOp::Leaf => unreachable!("a leaf has no parents"),
            op => {
                let full = self.broadcast_to(&tangent, &output.shape());
                Ok(self.elementwise(op, &inputs, output, wrt, full))
            }
        }
    }

    fn accumulate(&self, slot: &mut Option<Var<'t, T>>, contribution: Contribution<Var<'t, T>>, shape: &Shape) {
        let value = match contribution {
            Contribution::Value(value) => value,
            Contribution::Product { x, transpose_x, y, transpose_y } => self.matmul(&x, transpose_x, &y, transpose_y),
        };
        let value = self.broadcast_to(&value, shape);
        *slot = Some(slot.map_or(value, |sum| sum + value));
    }

    fn hooked(&self, _tape: &Tape<T>, _id: Id, g: Var<'t, T>) -> Var<'t, T> {
        g
    }

    fn hook_result(&self, _tape: &Tape<T>, _scalars: &mut ScalarVars<'t, T>, _id: u32) {}
}
