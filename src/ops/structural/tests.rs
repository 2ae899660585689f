//! The ops with rules of their own, held against their textbook expansions: value, gradient, and gradient of the gradient.

use super::*;
use crate::algebra::Recording;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
use crate::tensor::kernels::rows::{RowMap, RowReduction};
use std::sync::Arc;

/// Value, gradient by the first input, and Hessian-vector product of the sum of squares of what `f` records.
fn derivatives(
    inputs: &[Tensor<f64>],
    f: impl for<'t> Fn(&Recording<'t, f64>, &[Var<'t, f64>]) -> Var<'t, f64>,
) -> Vec<f64> {
    let tape = Tape::new();
    let vars: Vec<_> = inputs.iter().map(|x| tape.var(x)).collect();
    let y = f(&Recording { tape: &tape }, &vars);
    let loss = y.square().sum(());
    let gradient = tape.grad(loss, &vars[..1])[0];
    let along = (gradient * tape.data(inputs[0].map(|x| x + 0.3))).sum(());
    let curvature = tape.grad(along, &vars[..1])[0];
    [y.value().to_vec(), gradient.value().to_vec(), curvature.value().to_vec()].concat()
}

#[test]
fn ops_with_their_own_rules_equal_their_expansions_to_second_order() {
    let x = Tensor::from([[0.3, -1.2, 0.7], [2.0, 0.1, -0.4]]);
    let y = Tensor::from([[1.0, 0.2, -0.6], [0.5, 0.0, 1.5]]);
    let labels = Arc::new(vec![2, 0]);
    let ops = [
        TensorOp::Map(Map(RowMap::Softmax)),
        TensorOp::Map(Map(RowMap::LogSoftmax)),
        TensorOp::Reduce(Reduce(RowReduction::LogSumExp)),
        TensorOp::Reduce(Reduce(RowReduction::Norm2)),
        TensorOp::SquaredError(SquaredError),
        TensorOp::CrossEntropy(CrossEntropy { labels }),
    ];
    for op in ops {
        let binary = matches!(op, TensorOp::SquaredError(_));
        let inputs = if binary { vec![x.clone(), y.clone()] } else { vec![x.clone()] };
        let by_rule = derivatives(&inputs, |a, v| a.apply(op.clone(), &v.iter().collect::<Vec<_>>()));
        let by_expansion = derivatives(&inputs, |a, v| op.expansion(a, v).expect("it has an expansion"));
        assert_eq!(by_rule.len(), by_expansion.len(), "{}", op.name());
        for (rule, expansion) in by_rule.iter().zip(&by_expansion) {
            assert!(
                (rule - expansion).abs() <= 1e-13 * (1.0 + expansion.abs()),
                "{}: {rule} and {expansion}",
                op.name()
            );
        }
    }
}
