//! What is done to the whole graph before it is lowered. What looks at one node only is done as nodes are made
//! ([`simplify`](super::simplify)).

use super::ir::{Ir, IrOp, NodeKey};
use super::lower::root;
use crate::num::Element;
use crate::ops::BinaryOp;
use crate::ops::structural::TensorOp;
use slotmap::SecondaryMap;

/// All passes, in order.
pub(super) fn run<T: Element>(ir: &mut Ir<T>) {
    ir.drop_dead();
    accumulate_products(ir);
    copy_leaves_out(ir);
    ir.drop_dead();
}

/// What leaves the program is in its own memory, even where it came in as it is.
fn copy_leaves_out<T: Element>(ir: &mut Ir<T>) {
    for k in 0..ir.outputs.len() {
        let output = ir.outputs[k];
        let leaf = root(ir, output);
        if matches!(ir.node(leaf).op, IrOp::Input(_) | IrOp::Literal(_) | IrOp::Constant(_)) {
            let shape = ir.shape(output).clone();
            ir.outputs[k] = ir.append(IrOp::Copy, std::iter::once(output).collect(), shape);
        }
    }
}

/// A sum of a matrix product and something else that nothing else reads is added to where that already is.
fn accumulate_products<T: Element>(ir: &mut Ir<T>) {
    let uses = uses(ir);
    for key in ir.order.clone() {
        let node = ir.node(key);
        let IrOp::Binary(BinaryOp::Add(_)) = node.op else { continue };
        for (sum, product) in [(node.args[0], node.args[1]), (node.args[1], node.args[0])] {
            let IrOp::Tensor(TensorOp::MatMul(op)) = ir.node(product).op.clone() else { continue };
            let ours = |key: NodeKey| uses[key] == 1 && ir.node(key).shape == node.shape && root(ir, key) == key;
            let first = ir.node(sum);
            let kept = matches!(
                first.op,
                IrOp::Input(_) | IrOp::Literal(_) | IrOp::Constant(_) | IrOp::Tensor(TensorOp::BroadcastTo(_))
            );
            if node.shape.rank() == 2 && !kept && ours(sum) && ours(product) {
                let args = std::iter::once(sum).chain(ir.node(product).args.iter().copied()).collect();
                let node = &mut ir.nodes[key];
                (node.op, node.args) = (IrOp::Accumulate(op), args);
                break;
            }
        }
    }
}

/// How often each node is read, by nodes, as an output or by a guard.
fn uses<T: Element>(ir: &Ir<T>) -> SecondaryMap<NodeKey, u32> {
    let mut uses = SecondaryMap::new();
    for &key in &ir.order {
        uses.insert(key, 0);
    }
    let guarded = ir.guards.iter().flat_map(|guard| [guard.left, guard.right]);
    let read = ir.order.iter().flat_map(|&key| ir.node(key).args.iter().copied());
    for key in read.chain(ir.outputs.iter().copied()).chain(guarded) {
        uses[key] += 1;
    }
    uses
}
