//! Whether a graph is sound: order, arity and shapes. Run after every pass in debug builds.
//!
//! In compiler terms: the verifier of the SSA graph.

use super::{Ir, IrOp, Node, NodeKey};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::ops::structural::TensorOp;
use crate::tape::NodeOp;
use crate::tensor::Shape;
use slotmap::SecondaryMap;

impl<T: Element> Ir<T> {
    /// # Errors
    /// The first unsound node.
    pub fn verify(&self) -> Result<()> {
        verify(self)
    }
}

fn verify<T: Element>(ir: &Ir<T>) -> Result<()> {
    let mut places: SecondaryMap<NodeKey, usize> = SecondaryMap::new();
    for (place, &key) in ir.order.iter().enumerate() {
        let Some(node) = ir.nodes.get(key) else { return Err(wrong(place, "is listed and does not exist")) };
        if node.args.iter().any(|&arg| !places.contains_key(arg)) {
            return Err(wrong(place, "reads a node that comes later or does not exist"));
        }
        check(ir, node).map_err(|problem| wrong(place, &problem))?;
        if places.insert(key, place).is_some() {
            return Err(wrong(place, "is listed twice"));
        }
    }
    let ends = ir.guards.iter().flat_map(|guard| [guard.left, guard.right]).chain(ir.outputs.iter().copied());
    match ends.into_iter().all(|key| places.contains_key(key)) {
        true => Ok(()),
        false => Err(Error::check("program: an output or a guard does not exist")),
    }
}

fn wrong(place: usize, problem: &str) -> Error {
    Error::check(format!("program: node %{place} {problem}"))
}

fn check<T: Element>(ir: &Ir<T>, node: &Node<T>) -> Result<(), String> {
    let shapes: Vec<Shape> = node.args.iter().map(|&arg| ir.shape(arg).clone()).collect();
    let of = |op: &NodeOp<T>| match op {
        NodeOp::Leaf => 0,
        NodeOp::Copy | NodeOp::Unary(_) | NodeOp::CustomUnary(_) => 1,
        NodeOp::Binary(_) | NodeOp::CustomBinary(_) => 2,
        NodeOp::Select => 3,
        NodeOp::Tensor(_) | NodeOp::Custom(_) => shapes.len(),
    };
    let arity = match &node.op {
        IrOp::Input(_) | IrOp::Literal(_) | IrOp::Constant(_) => 0,
        IrOp::Op(op) => of(op),
        IrOp::Rule(NodeOp::Tensor(_) | NodeOp::Custom(_), _) | IrOp::Named(_) => shapes.len(),
        // The output and the gradient beside the arguments.
        IrOp::Rule(op, _) => of(op) + 2,
        IrOp::Accumulate(_) => 3,
    };
    if shapes.len() != arity {
        return Err(format!("has {} arguments, its op takes {arity}", shapes.len()));
    }
    let shape = match &node.op {
        IrOp::Input(_) | IrOp::Named(_) => return Ok(()),
        op if op.is_call() => return Ok(()),
        IrOp::Literal(_) => Shape::scalar(),
        IrOp::Constant(x) => x.shape().clone(),
        IrOp::Op(NodeOp::Tensor(op)) => op.shape(&shapes).map_err(|error| error.to_string())?,
        IrOp::Accumulate(op) => TensorOp::MatMul(op.clone()).shape(&shapes[1..]).map_err(|error| error.to_string())?,
        _ => {
            let broadcast = |sum: Result<Shape>, shape: &Shape| Shape::broadcast("program", &sum?, shape);
            shapes.iter().fold(Ok(Shape::scalar()), broadcast).map_err(|error| error.to_string())?
        }
    };
    if shape == node.shape { Ok(()) } else { Err(format!("has shape {}, its op gives {shape}", node.shape)) }
}
