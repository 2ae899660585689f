//! What is done to the whole graph before it is lowered. What looks at one node only is done as nodes are made
//! ([`simplify`](super::simplify)).
//!
//! In compiler terms: the passes over the whole graph: dead-code elimination, fusing a product with its sum, updates in place.

use crate::graph::ssa::{Ir, IrOp, Node, NodeKey};
use crate::num::Element;
use crate::ops::structural::{BroadcastTo, MatMul, TensorOp};
use crate::ops::{self, BinaryOp};
use crate::tape::NodeOp;
use slotmap::SecondaryMap;

/// All passes, in order. `carried` are inputs that the program keeps, with the outputs that replace them.
pub(super) fn run<T: Element>(ir: &mut Ir<T>, carried: &[(usize, usize)]) {
    ir.drop_dead();
    ir.order_arguments();
    add_products_to_stretched(ir);
    accumulate_products(ir);
    if !may_fail(ir) {
        add_products_to_carried(ir, carried);
    }
    copy_leaves_out(ir);
    ir.drop_dead();
}

/// Whether a run may end with an error, after which what is carried must be as it was.
pub(super) fn may_fail<T: Element>(ir: &Ir<T>) -> bool {
    let refuses = |op: &IrOp<T>| op.is_call() || matches!(op, IrOp::Op(NodeOp::Tensor(op)) if op.can_fail());
    !ir.guards.is_empty() || ir.order.iter().any(|&key| refuses(&ir.node(key).op))
}

/// A carried matrix that is replaced by itself plus or minus a multiple of a product: the product is added in place, the
/// multiple taken of its smaller factor. That is a step of gradient descent without a gradient in memory.
fn add_products_to_carried<T: Element>(ir: &mut Ir<T>, carried: &[(usize, usize)]) {
    let uses = uses(ir);
    let mut moved = Vec::new();
    for &(input, output) in carried {
        let (Some(&matrix), Some(&sum)) = (ir.inputs.get(input), ir.outputs.get(output)) else { continue };
        let Some((op, [x, y], factor)) = added_product(ir, &uses, matrix, sum) else { continue };
        let factor = ir.literal(factor);
        let scale = |ir: &mut Ir<T>, key| ir.binary(BinaryOp::Mul(ops::Mul), key, factor);
        let smaller_x = ir.shape(x).numel() < ir.shape(y).numel();
        let args = if smaller_x { [matrix, scale(ir, x), y] } else { [matrix, x, scale(ir, y)] };
        let node = &mut ir.nodes[sum];
        (node.op, node.args) = (IrOp::Accumulate(op), args.into_iter().collect());
        moved.push(sum);
    }
    // The factors were made last, and what they are added to is read by nothing else.
    ir.order.retain(|key| !moved.contains(key));
    ir.order.extend(moved);
}

/// The product and its factor, where a node is a carried matrix plus that.
fn added_product<T: Element>(
    ir: &Ir<T>,
    uses: &SecondaryMap<NodeKey, u32>,
    matrix: NodeKey,
    sum: NodeKey,
) -> Option<(MatMul, [NodeKey; 2], f64)> {
    let once = |key: NodeKey| uses.get(key) == Some(&1);
    let node = ir.node(sum);
    let (mut term, mut factor) = match (&node.op, node.args.as_slice()) {
        (IrOp::Op(NodeOp::Binary(BinaryOp::Sub(_))), &[a, b]) if a == matrix => (b, -1.0),
        (IrOp::Op(NodeOp::Binary(BinaryOp::Add(_))), &[a, b]) if a == matrix => (b, 1.0),
        (IrOp::Op(NodeOp::Binary(BinaryOp::Add(_))), &[a, b]) if b == matrix => (a, 1.0),
        _ => return None,
    };
    if !once(sum) || !once(term) || node.shape.rank() != 2 {
        return None;
    }
    if let (IrOp::Op(NodeOp::Binary(BinaryOp::Mul(_))), &[a, b]) = (&ir.node(term).op, ir.node(term).args.as_slice()) {
        let (number, rest) = match (ir.literal_of(a), ir.literal_of(b)) {
            (Some(number), _) => (number, b),
            (_, Some(number)) => (number, a),
            _ => return None,
        };
        (term, factor) = (rest, factor * number);
    }
    let product = ir.node(term);
    let IrOp::Op(NodeOp::Tensor(TensorOp::MatMul(op))) = &product.op else { return None };
    let [x, y] = [product.args[0], product.args[1]];
    let reads_itself = [x, y].iter().any(|&key| ir.root(key) == matrix);
    (once(term) && product.shape == node.shape && !reads_itself).then(|| (op.clone(), [x, y], factor))
}

/// What leaves the program is in its own memory, even where it came in as it is. Constants are there already.
fn copy_leaves_out<T: Element>(ir: &mut Ir<T>) {
    for k in 0..ir.outputs.len() {
        let output = ir.outputs[k];
        let leaf = ir.root(output);
        if matches!(ir.node(leaf).op, IrOp::Input(_)) {
            let shape = ir.shape(output).clone();
            ir.outputs[k] = ir.append(IrOp::Op(NodeOp::Copy), std::iter::once(output).collect(), shape);
        }
    }
}

/// A product that is added to another product, which nothing else reads, is added where that already is.
fn accumulate_products<T: Element>(ir: &mut Ir<T>) {
    let uses = uses(ir);
    for key in ir.order.clone() {
        let node = ir.node(key);
        let IrOp::Op(NodeOp::Binary(BinaryOp::Add(_))) = node.op else { continue };
        for (sum, product) in [(node.args[0], node.args[1]), (node.args[1], node.args[0])] {
            let IrOp::Op(NodeOp::Tensor(TensorOp::MatMul(op))) = ir.node(product).op.clone() else { continue };
            let ours = |key: NodeKey| uses[key] == 1 && ir.node(key).shape == node.shape && ir.root(key) == key;
            // A sum with anything elementwise is cheaper in the fused step that the other part is computed in.
            let products =
                matches!(ir.node(sum).op, IrOp::Op(NodeOp::Tensor(TensorOp::MatMul(_))) | IrOp::Accumulate(_));
            if node.shape.rank() == 2 && products && ours(sum) && ours(product) {
                let args = std::iter::once(sum).chain(ir.node(product).args.iter().copied()).collect();
                let node = &mut ir.nodes[key];
                (node.op, node.args) = (IrOp::Accumulate(op), args);
                break;
            }
        }
    }
}

/// A sum of a stack of products and something that is stretched between its axes, as the biases of a stack of models: the stretched one,
/// which would have to be written out to be read beside the products, gets them added where it is written.
fn add_products_to_stretched<T: Element>(ir: &mut Ir<T>) {
    let uses = uses(ir);
    let mut written = Vec::new();
    for key in ir.order.clone() {
        let node = ir.node(key).clone();
        let IrOp::Op(NodeOp::Binary(BinaryOp::Add(_))) = node.op else { continue };
        for (stretched, product) in [(node.args[0], node.args[1]), (node.args[1], node.args[0])] {
            let IrOp::Op(NodeOp::Tensor(TensorOp::MatMul(op))) = ir.node(product).op.clone() else { continue };
            let from = ir.shape(stretched);
            let between = |axis: usize| from[axis] == 1 && node.shape[axis] != 1;
            let inside = from.rank() == node.shape.rank()
                && node.shape.rank() > 2
                && between(from.rank() - 2)
                && (0..from.rank()).all(|axis| axis == from.rank() - 2 || !between(axis));
            if !inside || uses[product] != 1 || op.gates != [false; 2] || ir.node(product).shape != node.shape {
                continue;
            }
            let op_out = BroadcastTo { shape: node.shape.clone() };
            let out = ir.nodes.insert(Node {
                op: IrOp::Op(NodeOp::Tensor(TensorOp::BroadcastTo(op_out))),
                args: std::iter::once(stretched).collect(),
                shape: node.shape.clone(),
            });
            written.push((out, key));
            let args = std::iter::once(out).chain(ir.node(product).args.iter().copied()).collect();
            let sum = &mut ir.nodes[key];
            (sum.op, sum.args) = (IrOp::Accumulate(op), args);
            break;
        }
    }
    for (out, before) in written {
        let at = ir.order.iter().position(|&key| key == before).expect("a node of the graph");
        ir.order.insert(at, out);
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
