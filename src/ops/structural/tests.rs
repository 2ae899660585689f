//! The ops with rules of their own, held against their textbook expansions: value, gradient, and gradient of the gradient.
//! Every op's two parts, shape and elements, held against its value.

use super::*;
use crate::num::Number;
use crate::ops::{Atan2, Sin};
use crate::tape::custom::{DynBinary, DynUnary};
use crate::tape::{Recording, Tape, Var};
use crate::tensor::kernels::elementwise::Plan;
use crate::tensor::kernels::layout::View;
use crate::tensor::kernels::order::Order;
use crate::tensor::kernels::rows::{RowMap, RowReduction};
use crate::tensor::shape::AxisMask;
use crate::tensor::span::SliceSpec;
use crate::tensor::windows::{Along, Windows};
use std::collections::HashSet;
use std::mem::discriminant;
use std::sync::Arc;

/// Value, gradient by the first input, and Hessian-vector product of the sum of squares of what `f` records.
fn derivatives(
    inputs: &[Tensor<f64>],
    f: impl for<'t> Fn(&Recording<'t, f64>, &[Var<'t, f64>]) -> Var<'t, f64>,
) -> Vec<f64> {
    let tape = Tape::new();
    let vars: Vec<_> = inputs.iter().map(|x| tape.var(x)).collect();
    let y = f(&Recording::on(&tape), &vars);
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

/// A tensor of some numbers.
fn some(shape: impl Into<Shape>) -> Tensor<f64> {
    let shape = shape.into();
    let elements = (0..shape.numel()).map(|i| (1.7 * i as f64 + 0.3).sin() * 2.0).collect();
    Tensor::new(shape, elements).unwrap()
}

/// Symmetric matrices with large diagonals: positive definite.
fn definite(shape: impl Into<Shape>) -> Tensor<f64> {
    let x = some(shape);
    let n = x.shape()[x.shape().rank() - 1];
    let rows = x.shape().numel() / n;
    let at =
        |i: usize, j: usize| x.as_slice()[i / n * n * n + i % n * n + j] + x.as_slice()[i / n * n * n + j * n + i % n];
    let elements =
        (0..rows).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| at(i, j) + if i % n == j { 9.0 } else { 0.0 });
    Tensor::new(x.shape().clone(), elements.collect()).unwrap()
}

fn layout_samples() -> Vec<(TensorOp, Vec<Tensor<f64>>)> {
    let reshape = |shape: &[usize]| TensorOp::Reshape(Reshape { shape: shape.into() });
    let stretch = |shape: &[usize]| TensorOp::BroadcastTo(BroadcastTo { shape: shape.into() });
    let permute = |axes: &[u8]| TensorOp::Permute(Permute { axes: axes.into() });
    // Every other element of each row, backwards.
    let view = View { start: 3, strides: [4, -2].into_iter().collect() };
    let spec = Arc::new(SliceSpec { from: [3, 4].into(), to: [3, 2].into(), view });
    let take = |axis, indices: &[usize]| TensorOp::Take(Take { axis, indices: Arc::new(indices.to_vec()) });
    let scatter =
        |axis, n, indices: &[usize]| TensorOp::ScatterAdd(ScatterAdd { axis, n, indices: Arc::new(indices.to_vec()) });
    vec![
        (reshape(&[4, 3]), vec![some([2, 6])]),
        (reshape(&[]), vec![some([1, 1])]),
        (reshape(&[1, 1]), vec![some([])]),
        (reshape(&[0, 3]), vec![some([0])]),
        (stretch(&[2, 3, 4]), vec![some([3, 1])]),
        (stretch(&[2, 2]), vec![some([])]),
        (stretch(&[]), vec![some([])]),
        (permute(&[1, 0]), vec![some([3, 5])]),
        (permute(&[2, 0, 1]), vec![some([2, 3, 4])]),
        (permute(&[4, 3, 2, 1, 0]), vec![some([2, 1, 3, 2, 2])]),
        (TensorOp::Slice(Slice { spec: spec.clone() }), vec![some([3, 4])]),
        (TensorOp::Embed(Embed { spec }), vec![some([3, 2])]),
        (take(0, &[2, 0, 2]), vec![some([3])]),
        (take(1, &[2, 0, 2, 1]), vec![some([2, 3, 2])]),
        (take(0, &[]), vec![some([3, 2])]),
        (scatter(1, 5, &[4, 0, 4]), vec![some([2, 3, 2])]),
        (scatter(0, 2, &[]), vec![some([0, 2])]),
        (TensorOp::Concat(Concat { axis: 1 }), vec![some([2, 1, 3]), some([2, 0, 3]), some([2, 2, 3])]),
        (TensorOp::Concat(Concat { axis: 0 }), vec![some([2]); 6]),
    ]
}

fn arithmetic_samples() -> Vec<(TensorOp, Vec<Tensor<f64>>)> {
    let sum = |axes, keep| TensorOp::Sum(Sum { axes: AxisMask(axes), keep });
    let reduce = |kind| TensorOp::Reduce(Reduce(kind));
    let map = |kind| TensorOp::Map(Map(kind));
    let matmul = |ta, tb| TensorOp::MatMul(MatMul::plain(ta, tb));
    let labels = Arc::new(vec![2, 0]);
    vec![
        (sum(0b11, false), vec![some([3, 4])]),
        (sum(0b11, true), vec![some([3, 4])]),
        (sum(0b01, false), vec![some([3, 4])]),
        (sum(0b101, true), vec![some([2, 3, 4])]),
        (sum(0b1, false), vec![some([0])]),
        (sum(0b10, false), vec![some([2, 0])]),
        (sum(0, false), vec![some([])]),
        (reduce(RowReduction::Max), vec![some([2, 3])]),
        (reduce(RowReduction::Min), vec![some([3])]),
        (reduce(RowReduction::LogSumExp), vec![some([2, 0])]),
        (reduce(RowReduction::Norm2), vec![some([2, 2, 3])]),
        (map(RowMap::Softmax), vec![some([2, 3])]),
        (map(RowMap::LogSoftmax), vec![some([3])]),
        (map(RowMap::Cumsum), vec![some([2, 3])]),
        (map(RowMap::ReverseCumsum), vec![some([2, 0])]),
        (matmul(false, false), vec![some([2, 3]), some([3, 4])]),
        (matmul(true, true), vec![some([3, 2]), some([4, 3])]),
        (matmul(false, false), vec![some([2, 0]), some([0, 4])]),
        (matmul(false, true), vec![some([2, 1, 2, 3]), some([3, 4, 3])]),
        (matmul(false, false), vec![some([2, 2, 0]), some([0, 2])]),
        (TensorOp::Det(Det), vec![some([3, 3])]),
        (TensorOp::Det(Det), vec![some([2, 2, 2])]),
        (TensorOp::DetSlope(DetSlope { directions: 0 }), vec![some([2, 3, 3])]),
        (TensorOp::DetSlope(DetSlope { directions: 2 }), vec![some([3, 3]), definite([3, 3]), some([3, 3])]),
        (TensorOp::DetSlope(DetSlope { directions: 1 }), vec![some([2, 0, 0]), some([2, 0, 0])]),
        (TensorOp::Expm(Expm { directions: 0 }), vec![some([2, 3, 3])]),
        (TensorOp::Expm(Expm { directions: 2 }), vec![some([3, 3]), definite([3, 3]), some([3, 3])]),
        (TensorOp::Expm(Expm { directions: 1 }), vec![some([2, 0, 0]), some([2, 0, 0])]),
        (TensorOp::Inv(Inv), vec![some([2, 3, 3])]),
        (TensorOp::Inv(Inv), vec![some([0, 0])]),
        (TensorOp::Solve(Solve { transposed: false, right: Right::Given }), vec![some([2, 3, 3]), some([2, 3, 2])]),
        (TensorOp::Solve(Solve { transposed: true, right: Right::Given }), vec![some([2, 3, 3]), some([2, 3, 2])]),
        (TensorOp::Cholesky(Cholesky), vec![definite([2, 3, 3])]),
        (
            TensorOp::SolveTriangular(SolveTriangular { lower: true, transposed: true, right: Right::Given }),
            vec![definite([2, 3, 3]), some([2, 3, 2])],
        ),
        (TensorOp::SlogDet(SlogDet), vec![some([2, 3, 3])]),
        (TensorOp::SlogDet(SlogDet), vec![some([2, 0, 0])]),
        (TensorOp::Qr(Qr), vec![some([2, 4, 3])]),
        (TensorOp::Eigh(Eigh), vec![some([2, 3, 3])]),
        (TensorOp::Eigh(Eigh), vec![some([0, 0])]),
        (TensorOp::Svd(Svd), vec![some([2, 4, 3])]),
        (TensorOp::Svd(Svd), vec![some([2, 3, 4])]),
        (
            TensorOp::GapQuotient(GapQuotient { spectral: true, of: "eigh" }),
            vec![some([2, 3, 3]), some([2, 1, 3]), some([2, 3, 1])],
        ),
        (TensorOp::SquaredError(SquaredError), vec![some([2, 70]), some([2, 70]).map(f64::cos)]),
        (TensorOp::CrossEntropy(CrossEntropy { labels: labels.clone() }), vec![some([2, 3])]),
        (TensorOp::CrossEntropySlope(CrossEntropySlope { labels }), vec![some([2, 3])]),
        (TensorOp::Chosen(Chosen), vec![some([2, 3]), some([2, 3])]),
    ]
}

/// Whole numbers below n.
fn places(shape: impl Into<Shape>, n: usize) -> Tensor<f64> {
    let shape = shape.into();
    let elements = (0..shape.numel()).map(|i| ((7 * i + 3) % n) as f64).collect();
    Tensor::new(shape, elements).unwrap()
}

fn windows(axes: &[[usize; 5]]) -> Arc<Windows> {
    let along = |&[n, size, stride, dilation, padding]: &[usize; 5]| {
        Along::new("test", 0, n, size, [stride, dilation, padding]).unwrap()
    };
    Arc::new(Windows(axes.iter().map(along).collect()))
}

fn order_samples() -> Vec<(TensorOp, Vec<Tensor<f64>>)> {
    let positions = |order| TensorOp::Positions(Positions(order));
    let pool = windows(&[[4, 2, 2, 1, 0], [5, 3, 2, 1, 1]]);
    vec![
        (positions(Order::Rising), vec![some([2, 5])]),
        (positions(Order::Falling), vec![some([6])]),
        (positions(Order::LargestSoFar), vec![some([2, 2, 4])]),
        (positions(Order::SmallestSoFar), vec![some([2, 0])]),
        (positions(Order::LargestInWindows(pool)), vec![some([2, 4, 5])]),
        (TensorOp::TakeAlong(TakeAlong), vec![some([2, 5]), places([2, 3], 5)]),
        (TensorOp::TakeAlong(TakeAlong), vec![some([4]), places([7], 4)]),
        (TensorOp::TakeAlong(TakeAlong), vec![some([2, 0]), places([2, 0], 1)]),
        (TensorOp::PutAlong(PutAlong { n: 4 }), vec![some([2, 5]), places([2, 5], 4)]),
        (TensorOp::PutAlong(PutAlong { n: 2 }), vec![some([2, 0]), places([2, 0], 1)]),
    ]
}

fn conv_samples() -> Vec<(TensorOp, Vec<Tensor<f64>>)> {
    let conv = |gives, windows: &Arc<Windows>, groups| {
        TensorOp::Conv(Conv { gives, windows: windows.clone(), groups, gates: [false; 2] })
    };
    let line = windows(&[[7, 3, 2, 1, 1]]);
    let plane = windows(&[[5, 3, 2, 1, 1], [6, 2, 1, 2, 0]]);
    let single = windows(&[[4, 1, 1, 1, 0], [3, 1, 1, 1, 0]]);
    // Without strides, and with channels enough that no window is copied.
    let close = windows(&[[5, 2, 1, 2, 0], [4, 3, 1, 1, 1]]);
    let (x, w, g) = ([2, 4, 5, 6], [6, 2, 3, 2], [2, 6, 3, 4]);
    vec![
        (conv(Slot::Output, &line, 1), vec![some([2, 3, 7]), some([4, 3, 3])]),
        (conv(Slot::Input, &line, 1), vec![some([4, 3, 3]), some([2, 4, 4])]),
        (conv(Slot::Kernel, &line, 1), vec![some([2, 3, 7]), some([2, 4, 4])]),
        (conv(Slot::Output, &plane, 2), vec![some(x), some(w)]),
        (conv(Slot::Input, &plane, 2), vec![some(w), some(g)]),
        (conv(Slot::Kernel, &plane, 2), vec![some(x), some(g)]),
        (conv(Slot::Output, &single, 1), vec![some([2, 3, 4, 3]), some([5, 3, 1, 1])]),
        (conv(Slot::Input, &single, 1), vec![some([5, 3, 1, 1]), some([2, 5, 4, 3])]),
        (conv(Slot::Kernel, &single, 1), vec![some([40, 3, 4, 3]), some([40, 5, 4, 3])]),
        (conv(Slot::Output, &line, 1), vec![some([0, 3, 7]), some([4, 3, 3])]),
        (conv(Slot::Output, &close, 2), vec![some([1, 24, 5, 4]), some([2, 12, 2, 3])]),
        (conv(Slot::Input, &close, 2), vec![some([24, 1, 2, 3]), some([1, 24, 3, 4])]),
    ]
}

/// Samples of every op.
fn samples() -> Vec<(TensorOp, Vec<Tensor<f64>>)> {
    [layout_samples(), arithmetic_samples(), order_samples(), conv_samples()].concat()
}

#[test]
fn a_value_is_what_an_op_writes_whatever_the_memory_held() {
    let samples = samples();
    let kinds: HashSet<_> = samples.iter().map(|(op, _)| discriminant(op)).collect();
    assert_eq!(kinds.len(), TensorOp::COUNT, "an op has no sample");
    let pool = Pool::new();
    for (op, inputs) in samples {
        let values: Vec<Value<f64>> = inputs.iter().map(|x| x.clone().into()).collect();
        let operands: Vec<_> = values.iter().map(Value::operand).collect();
        let value = op.value(&pool, &operands).unwrap();
        let shapes: Vec<Shape> = inputs.iter().map(|x| x.shape().clone()).collect();
        let shape = op.shape(&shapes).unwrap();
        assert_eq!(shape, value.shape(), "{op:?}");
        assert_eq!(matches!(value, Value::Scalar(_)), shape.rank() == 0, "{op:?}: a number has no axes");
        let mut out = vec![f64::NAN; shape.numel()];
        let sources: Vec<Source<'_, f64>> = inputs.iter().map(Source::from).collect();
        op.write(&sources, &mut out).unwrap();
        assert_eq!(out, value.as_slice(), "{op:?}");
        assert!(out.iter().all(|x| !x.is_nan()), "{op:?}: {out:?}");
    }
}

#[test]
fn products_add_to_what_is_there() {
    for (op, inputs) in arithmetic_samples() {
        let TensorOp::MatMul(op) = op else { continue };
        let (x, y) = ((&inputs[0]).into(), (&inputs[1]).into());
        let mut product =
            vec![f64::NAN; op.shape(&[inputs[0].shape().clone(), inputs[1].shape().clone()]).unwrap().numel()];
        op.product(x, y, &mut product, false, None);
        let mut sum = vec![0.5; product.len()];
        op.product(x, y, &mut sum, true, None);
        for (sum, product) in sum.iter().zip(product) {
            assert!((sum - (product + 0.5)).abs() < 1e-14, "{op:?}: {sum} and {product} + 0.5");
        }
    }
}

/// Rounding leaves no pivot to the transposed matrix, and one of 2e-16 to the matrix itself.
#[test]
fn a_system_that_was_solved_has_a_gradient() {
    let (tape, nearly) = (Tape::new(), Tensor::from([[6.2, 7.3], [1.24, 1.46]]));
    let turned = Tensor::from([[6.2, 1.24], [7.3, 1.46]]);
    let (a, b) = (tape.var(&nearly), tape.var([[1.0], [2.0]]));
    assert!(tape.var(&turned).try_solve(b).is_err());
    let x = a.try_solve(b).unwrap();
    let gradients = x.sum(()).backward();
    // The gradient is that of a matrix beside this one.
    let product = turned.matmul(gradients.wrt(b));
    let size = gradients.wrt(b).iter().fold(0.0f64, |size, x| size.max(x.abs()));
    assert!(product.iter().all(|back| (back - 1.0).abs() < 1e-15 * size), "{product} of {size}");
    let second = tape.grad(x.sum(()), &[a, b]);
    assert!(second[0].sum(()).try_backward().is_ok() && second[1].sum(()).try_backward().is_ok());
    assert!(tape.jvp(x, &[(a, Tensor::ones([2, 2]).into())]).is_ok());
}

/// Programs leave carried inputs alone while a step may fail: an op that refuses numbers and does not say so would corrupt them.
#[test]
fn an_op_that_refuses_numbers_says_so() {
    let mut refused = HashSet::new();
    for (op, inputs) in samples() {
        for x in [0.0, 1.0, -1.0, f64::NAN, f64::INFINITY] {
            let inputs: Vec<Tensor<f64>> = inputs.iter().map(|input| Tensor::full(input.shape().clone(), x)).collect();
            let sources: Vec<Source<'_, f64>> = inputs.iter().map(Source::from).collect();
            let mut out =
                vec![0.0; op.shape(&inputs.iter().map(|x| x.shape().clone()).collect::<Vec<_>>()).unwrap().numel()];
            if op.write(&sources, &mut out).is_err() {
                assert!(op.can_fail(), "{op:?} refuses {x}");
                refused.insert(discriminant(&op));
            }
        }
        // The quotient by gaps refuses more than equal numbers show.
        let shown = refused.contains(&discriminant(&op)) || matches!(op, TensorOp::GapQuotient(_));
        assert!(!op.can_fail() || shown || inputs.iter().all(|x| x.is_empty()), "{op:?} was never seen to fail");
    }
}

#[test]
fn a_singular_matrix_is_an_error_where_it_is_written() {
    let singular = Tensor::from([[1.0, 2.0], [2.0, 4.0]]);
    let mut out = [0.0; 4];
    let error = Inv.write(&[(&singular).into()], &mut out).unwrap_err();
    assert_eq!(error.to_string(), "inv: matrix 0 of shape [2, 2] is singular");
    let right = some([2, 1]);
    let error = Solve { transposed: false, right: Right::Given }
        .write(&[(&singular).into(), (&right).into()], &mut out[..2])
        .unwrap_err();
    assert_eq!(error.to_string(), "solve: matrix 0 of shape [2, 2] is singular");
}

#[test]
fn reshapes_that_do_not_fit_say_so_with_and_without_a_value() {
    let op = TensorOp::Reshape(Reshape { shape: [2, 2].into() });
    for (x, message) in [
        (some([]), "reshape: a scalar holds 1 element, [2, 2] would hold 4"),
        (some([3]), "reshape: [3] holds 3 elements, [2, 2] would hold 4"),
    ] {
        assert_eq!(op.shape(&[x.shape().clone()]).unwrap_err().to_string(), message);
        let value = Value::from(x);
        assert_eq!(op.value(&Pool::new(), &[value.operand()]).unwrap_err().to_string(), message);
    }
}

#[test]
fn other_indices_are_checked_before_they_are_set() {
    let other: Indices = Arc::new(vec![1, 2]);
    let of = |x: &[usize]| Arc::new(x.to_vec());
    let shape: Shape = [2, 3].into();
    for (mut op, short, large) in [
        (
            TensorOp::Take(Take { axis: 1, indices: of(&[0, 0]) }),
            "gather: got 1 indices in place of 2; another number of them gives another shape",
            "gather: index 3 at position 1 is out of range for axis 1 of shape [2, 3]",
        ),
        (
            TensorOp::ScatterAdd(ScatterAdd { axis: 0, n: 3, indices: of(&[0, 0]) }),
            "scatter_add: axis 0 of shape [2, 3] has 2 entries, got 1 indices",
            "scatter_add: index 3 at position 1 is out of range for length 3",
        ),
        (
            TensorOp::CrossEntropy(CrossEntropy { labels: of(&[0, 0]) }),
            "cross_entropy: 2 rows of logits, 1 labels; they must agree and be at least 1",
            "cross_entropy: label 3 at row 1 is out of range for 3 classes (valid 0..=2)",
        ),
        (
            TensorOp::CrossEntropySlope(CrossEntropySlope { labels: of(&[0, 0]) }),
            "cross_entropy: 2 rows of logits, 1 labels; they must agree and be at least 1",
            "cross_entropy: label 3 at row 1 is out of range for 3 classes (valid 0..=2)",
        ),
    ] {
        let shapes = [shape.clone()];
        assert_eq!(op.check_indices(&shapes, &[1]).unwrap_err().to_string(), short);
        assert_eq!(op.check_indices(&shapes, &[0, 3]).unwrap_err().to_string(), large);
        op.check_indices(&shapes, &other).unwrap();
        op.set_indices(other.clone());
        assert_eq!(op.indices(), Some(&other));
        assert!(op.holds_indices());
    }
    assert_eq!(TensorOp::Det(Det).indices(), None);
}

#[test]
fn users_elementwise_ops_write_what_they_give_as_values() {
    let pool = Pool::new();
    let (x, y) = (Value::from(some([2, 3])), Value::from(some([3])));
    let sin: &dyn DynUnary<f64> = &Sin;
    let mut out = [f64::NAN; 6];
    sin.write(x.as_slice(), &mut out);
    assert_eq!(out, sin.value(&pool, x.operand()).as_slice());
    let atan2: &dyn DynBinary<f64> = &Atan2;
    let mut out = [f64::NAN; 6];
    let plan = Plan::new(&[2, 3], &[2, 3], &[3]);
    atan2.write(&plan, x.as_slice(), y.as_slice(), &mut out);
    assert_eq!(out, atan2.value(&pool, x.operand(), y.operand()).unwrap().as_slice());
    assert_eq!(out[4], Number::atan2(x.as_slice()[4], y.as_slice()[1]));
    let number = x.as_slice()[1];
    let mut out = [f64::NAN];
    sin.write(&[number], &mut out);
    assert_eq!(out, [Number::sin(number)], "a number and a tensor of one element");
}

/// The derivative has one power of the scale less than the determinant, and is there where that one is 0 or infinite.
fn cofactors_beyond_the_range<T: Element>(scales: &[f64]) {
    for n in 2..=5 {
        let plain: Vec<f64> = (0..n * n)
            .map(|k| if k % (n + 1) == 0 { 2.0 + k as f64 / 8.0 } else { 0.25 - 0.125 * (k % 3) as f64 })
            .collect();
        let gradient = |scale: f64| {
            let tape = Tape::<T>::of();
            let x = tape.var(Tensor::new([n, n], plain.iter().map(|x| T::from_f64(scale * x)).collect()).unwrap());
            let det = x.det();
            (det.item().to_f64(), det.backward().wrt(x).iter().map(|x| x.to_f64()).collect::<Vec<f64>>())
        };
        let (_, ordinary) = gradient(1.0);
        let mut left = 0;
        for &scale in scales {
            let (det, found) = gradient(scale);
            let factor = scale.powi(n as i32 - 1);
            // Where the derivative leaves the range too, there is nothing to compare.
            let whole =
                |x: &f64| (T::from_f64(x * factor).to_f64() - x * factor).abs() <= T::EPSILON * (x * factor).abs();
            if !factor.is_normal() || !ordinary.iter().all(whole) {
                continue;
            }
            left += (det == 0.0 || det.is_infinite()) as usize;
            let largest = ordinary.iter().fold(0.0f64, |largest, x| largest.max(x.abs())) * factor;
            for (found, ordinary) in found.iter().zip(&ordinary) {
                let apart = (found - ordinary * factor).abs();
                assert!(
                    apart <= 64.0 * T::EPSILON * largest,
                    "n = {n}, scale {scale:e}: {found:e}, expected {:e}",
                    ordinary * factor
                );
            }
        }
        assert!(left > 0, "no determinant of {n} rows leaves the range");
    }
}

#[test]
fn determinants_that_leave_the_range_have_derivatives() {
    let powers = |least: i32, most: i32| (least..=most).map(|k| 2f64.powi(k)).collect::<Vec<f64>>();
    cofactors_beyond_the_range::<f32>(&powers(-70, 64));
    cofactors_beyond_the_range::<f64>(&powers(-530, 520));
}

/// An input of three runs: run k has all numbers times 1 + k / 8, or, where they are positions, another of their rows' order.
fn runs<T: Element>(x: &Tensor<f64>, is_positions: bool) -> Vec<Tensor<T>> {
    let run = |k: usize| {
        let n = x.len().max(1);
        let element =
            |i: usize| if is_positions { x.as_slice()[(i + k) % n] } else { x.as_slice()[i] * (1.0 + k as f64 / 8.0) };
        let elements = (0..x.len()).map(|i| T::from_f64(element(i))).collect();
        Tensor::new(x.shape().clone(), elements).unwrap()
    };
    (0..3).map(run).collect()
}

/// Every op, with each choice of inputs that are stacks, against the op on one run after another.
fn check_batching<T: Element>(tolerance: f64) {
    let pool = Pool::new();
    let eager = crate::ops::eager::Eager::<T>::new(&pool);
    for (op, inputs) in samples() {
        let by_position = matches!(op, TensorOp::TakeAlong(_) | TensorOp::PutAlong(_));
        let inputs: Vec<Vec<Tensor<T>>> =
            inputs.iter().enumerate().map(|(k, x)| runs(x, by_position && k == 1)).collect();
        for mask in 1..1usize << inputs.len().min(3) {
            let is_stack = |k: usize| mask >> k & 1 == 1;
            let argument = |(k, runs): (usize, &Vec<Tensor<T>>)| {
                let value = match is_stack(k) {
                    true => {
                        let shape: Shape = std::iter::once(3).chain(runs[0].shape().iter().copied()).collect();
                        let elements = runs.iter().flat_map(|x| x.iter().copied()).collect();
                        Value::from(Tensor::new(shape, elements).unwrap())
                    }
                    false => Value::from(runs[0].clone()),
                };
                Argument { value, stacked: is_stack(k) }
            };
            let arguments: Vec<_> = inputs.iter().enumerate().map(argument).collect();
            let stack = Stack { count: 3, arguments: &arguments };
            let together = op.batched(&eager, &stack).unwrap_or_else(|| panic!("{op:?} has no batching rule"));
            let mut alone = Vec::new();
            for k in 0..3 {
                let values: Vec<Value<T>> = inputs
                    .iter()
                    .enumerate()
                    .map(|(i, runs)| runs[if is_stack(i) { k } else { 0 }].clone().into())
                    .collect();
                let operands: Vec<_> = values.iter().map(Value::operand).collect();
                let value = op.value(&pool, &operands).unwrap();
                let shape: Shape = std::iter::once(3).chain(value.shape().iter().copied()).collect();
                assert_eq!(together.shape(), shape, "{op:?}, stacks {mask:b}");
                alone.extend_from_slice(value.as_slice());
            }
            for (a, b) in together.as_slice().iter().zip(&alone) {
                let [a, b] = [a, b].map(|x| x.to_f64());
                assert!(a == b || (a - b).abs() <= tolerance * (1.0 + b.abs()), "{op:?}, stacks {mask:b}: {a} for {b}");
            }
        }
    }
}

#[test]
fn every_op_on_stacks_is_the_op_on_each_run() {
    check_batching::<f64>(1e-12);
    check_batching::<f32>(1e-5);
}
