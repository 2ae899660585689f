//! What becomes a stack and what stays as it is; that numbers are right, `tests/programs/stack.rs` and the ops' own tests hold.

use super::*;
use crate::graph::ssa::Level;
use crate::ops::{self, BinaryOp, UnaryOp};

/// tanh(w) of w [3, 4], and the sum of that and x [4].
fn sum_of_two() -> Ir<f64> {
    let mut ir = Ir::new(Level::Exact);
    let (x, w) = (ir.input([4].into()), ir.input([3, 4].into()));
    let tanh = ir.unary(UnaryOp::Tanh(ops::Tanh), w);
    let sum = ir.binary(BinaryOp::Add(ops::Add), x, tanh);
    ir.outputs = vec![sum, tanh];
    ir
}

#[test]
fn what_depends_on_no_stack_is_computed_once() {
    let stacked = batched(&sum_of_two(), 5, &[true, false]).unwrap();
    stacked.verify().unwrap();
    let tanh = stacked.order.iter().find(|&&key| matches!(stacked.node(key).op, IrOp::Op(NodeOp::Unary(_))));
    assert_eq!(*stacked.shape(*tanh.unwrap()), Shape::from([3, 4]));
    // Outputs are stacks all the same.
    assert!(stacked.outputs.iter().all(|&key| *stacked.shape(key) == Shape::from([5, 3, 4])));
}

#[test]
fn a_stack_of_lower_rank_stands_beside_others_with_axes_of_length_1() {
    for stacks in [[true, true], [true, false]] {
        let stacked = batched(&sum_of_two(), 5, &stacks).unwrap();
        stacked.verify().unwrap();
        let sum = stacked.node(stacked.outputs[0]);
        assert_eq!(*stacked.shape(sum.args[0]), Shape::from([5, 1, 4]));
    }
    // A shared one broadcasts as it is.
    let stacked = batched(&sum_of_two(), 5, &[false, true]).unwrap();
    assert_eq!(*stacked.shape(stacked.node(stacked.outputs[0]).args[0]), Shape::from([4]));
}

#[test]
fn an_op_without_a_rule_is_named_where_it_reads_a_stack() {
    let mut ir = sum_of_two();
    let x = ir.inputs[0];
    let named = ir.append(IrOp::Named("mystery".to_owned()), std::iter::once(x).collect(), [4].into());
    ir.outputs.push(named);
    let error = batched(&ir, 2, &[true, false]).err().unwrap().to_string();
    assert!(error.contains("mystery cannot be computed for many runs at once"), "{error}");
    batched(&ir, 2, &[false, true]).unwrap();
    assert!(batched(&ir, usize::MAX / 2, &[true, false]).err().unwrap().to_string().contains("stack"));
}
