//! Sorting, the first few, running extremes, and elements by position.

use crate::tensor_ops::cases::case;
use crate::tensor_ops::naive::{self, T};
use retrograd::{Program, Tape, Tensor, Var, hessian, jvp};

/// Positions of a row in rising order, the definition in words.
fn rising(row: &[f64]) -> Vec<usize> {
    let mut at: Vec<usize> = (0..row.len()).collect();
    at.sort_by(|&i, &j| row[i].partial_cmp(&row[j]).unwrap());
    at
}
fn sorted(row: &[f64]) -> Vec<f64> {
    rising(row).iter().map(|&i| row[i]).collect()
}
/// The k largest along an axis, by a full sort.
fn largest(x: &T, k: usize, axis: isize) -> T {
    let sorted = naive::map(x, Some(&[axis]), |row| sorted(row).into_iter().rev().collect());
    let at = if axis < 0 { axis + x.shape().rank() as isize } else { axis } as usize;
    let mut shape = x.shape().to_vec();
    shape[at] = k;
    naive::build(&shape, |index| naive::at(&sorted, index))
}
fn running(row: &[f64], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    (1..=row.len()).map(|n| row[1..n].iter().fold(row[0], |best, &x| f(best, x))).collect()
}
/// x at positions along an axis, the naive way.
fn along(x: &T, positions: &T, axis: usize) -> T {
    naive::build(positions.shape(), |index| {
        let mut from = index.to_vec();
        from[axis] = naive::at(positions, index) as usize;
        naive::at(x, &from)
    })
}
/// Positions among n, of a shape.
fn labels(shape: &[usize], n: usize) -> T {
    let count: usize = shape.iter().product();
    Tensor::new(shape, (0..count).map(|i| ((5 * i + 2) % n) as f64).collect()).unwrap()
}
fn single(x: &T) -> Tensor<f32> {
    Tensor::new(x.shape(), x.iter().map(|&x| x as f32).collect()).unwrap()
}

/// Positions as data on a variable's tape, in either precision.
trait OnTape {
    fn labels(self, labels: &T) -> Self;
}
impl OnTape for Var<'_, f64> {
    fn labels(self, labels: &T) -> Self {
        self.tape().data(labels)
    }
}
impl OnTape for Var<'_, f32> {
    fn labels(self, labels: &T) -> Self {
        self.tape().data(single(labels))
    }
}

#[test]
fn sort_and_topk_along_any_axis() {
    for axis in [0isize, 1, 2, -1] {
        case!(format!("sort along {axis}"), Smooth, [[3, 4, 2]], |v| v[0].sort(axis), |x| {
            naive::map(&x[0], Some(&[axis]), sorted)
        });
        case!(format!("topk along {axis}"), Smooth, [[3, 4, 2]], |v| v[0].topk(2, axis).0, |x| {
            largest(&x[0], 2, axis)
        });
    }
    case!("sort of nothing", Quadratic, [[2, 0]], |v| v[0].sort(1), |x| x[0].clone());
    case!("topk of none", Quadratic, [[2, 3]], |v| v[0].topk(0, 1).0, |x| naive::build(&[2, 0], |_| x[0][[0, 0]]));
    case!("elements in the order of another", Smooth, [[2, 5], [2, 5]], |v| v[0].take_along(v[1].argsort(1), 1), |x| {
        let order = naive::map(&x[1], Some(&[1]), |row| rising(row).iter().map(|&i| i as f64).collect());
        along(&x[0], &order, 1)
    });
}

#[test]
fn cummax_and_cummin_along_any_axis() {
    for axis in [0isize, 1, -1] {
        case!(format!("cummax along {axis}"), Smooth, [[4, 5, 2]], |v| v[0].cummax(axis), |x| {
            naive::map(&x[0], Some(&[axis]), |row| running(row, f64::max))
        });
        case!(format!("cummin along {axis}"), Smooth, [[4, 5, 2]], |v| v[0].cummin(axis), |x| {
            naive::map(&x[0], Some(&[axis]), |row| running(row, f64::min))
        });
    }
}

#[test]
fn take_along_and_put_along_any_axis() {
    for (axis, shape) in [(0usize, [5usize, 3, 2]), (1, [4, 2, 2]), (2, [4, 3, 6])] {
        let n = [4, 3, 2][axis];
        case!(
            format!("take_along {axis}"),
            Quadratic,
            [[4, 3, 2]],
            |v| v[0].take_along(v[0].labels(&labels(&shape, n)), axis as isize),
            |x| along(&x[0], &labels(&shape, n), axis)
        );
        case!(
            format!("put_along {axis}"),
            Quadratic,
            [[4, 3, 2]],
            |v| v[0].put_along(v[0].labels(&labels(&[4, 3, 2], 5)), axis as isize, 5),
            |x| put(&x[0], &labels(&[4, 3, 2], 5), axis, 5)
        );
    }
}

/// Zeros with each element of x added at its position along an axis.
fn put(x: &T, positions: &T, axis: usize, length: usize) -> T {
    let mut shape = x.shape().to_vec();
    shape[axis] = length;
    let all = naive::indices(x.shape());
    naive::build(&shape, |index| {
        let comes_here = |from: &&Vec<usize>| {
            let mut to = from.to_vec();
            to[axis] = naive::at(positions, from) as usize;
            to == index
        };
        all.iter().filter(comes_here).map(|from| naive::at(x, from)).sum()
    })
}

/// A label for each place beside an axis of [4, 3, 2].
fn chosen(axis: usize) -> Vec<usize> {
    let shape = [4, 3, 2];
    labels(&[24 / shape[axis]], shape[axis]).iter().map(|&i| i as usize).collect()
}

#[test]
fn pick_along_any_axis() {
    for axis in 0..3usize {
        case!(
            format!("pick_along {axis}"),
            Quadratic,
            [[4, 3, 2]],
            |v| v[0].pick_along(axis as isize, &chosen(axis)),
            |x| {
                let labels = chosen(axis);
                let others: Vec<usize> = (0..3).filter(|&k| k != axis).map(|k| [4, 3, 2][k]).collect();
                naive::build(&others, |index| {
                    let mut from = index.to_vec();
                    from.insert(axis, labels[index[0] * others[1] + index[1]]);
                    naive::at(&x[0], &from)
                })
            }
        );
    }
    let x: Tensor<f64> = Tensor::from([[1.0, 7.0, 3.0], [4.0, 5.0, 6.0]]);
    assert_eq!(x.pick_along(-1, &[2, 0]), x.pick(&[2, 0]));
}

#[test]
fn equals_keep_their_order_and_nan_is_last() {
    let x = Tensor::from([2.0, f64::NAN, 0.0, -0.0, 2.0, f64::INFINITY, f64::NEG_INFINITY]);
    assert_eq!(x.argsort(0).to_vec(), [6.0, 2.0, 3.0, 0.0, 4.0, 5.0, 1.0]);
    let (values, positions) = x.topk(4, 0);
    assert_eq!(positions.to_vec(), [1.0, 5.0, 0.0, 4.0]);
    assert!(values.as_slice()[0].is_nan());
    let y = Tensor::from([1.0, 1.0, f64::NAN, 5.0]);
    assert_eq!(y.cummax(0).to_vec()[..2], [1.0, 1.0]);
    assert!(y.cummax(0).to_vec()[2..].iter().all(|x| x.is_nan()));
    let tape = Tape::new();
    let x = tape.var([1.0, 3.0, 3.0]);
    assert_eq!(x.cummax(0).sum(()).backward().wrt(x).to_vec(), [1.0, 2.0, 0.0], "the first of equals has it all");
}

fn ordered<'t>(x: Var<'t, f64>) -> Var<'t, f64> {
    let weights = x.tape().data([1.0, 10.0, 100.0]);
    (x.sort(0) * weights).sum(()) + x.cummax(0).square().sum(()) + x.topk(2, 0).0.exp().sum(())
}

/// Positions are found anew where a program runs, forward and backward, and in every run of a stack.
#[test]
fn programs_and_stacks_of_them_sort_what_they_are_given() {
    let points = [[3.0, 1.0, 2.0], [0.5, 1.0, 1.5], [-1.0, -2.0, -3.0]];
    let given = |x: [f64; 3]| {
        let tape = Tape::new();
        let x = tape.var(x);
        let y = ordered(x);
        (y.item(), y.backward().wrt(x).to_vec())
    };
    let mut program = Program::compile(&[Tensor::from(points[0])], |x| {
        let y = ordered(x[0]);
        vec![y, x[0].tape().grad(y, &[x[0]])[0]]
    })
    .unwrap();
    for x in points {
        program.run(&[&Tensor::from(x)]).unwrap();
        let (value, gradient) = given(x);
        assert!((program.tensor(0).item() - value).abs() < 1e-12 * value.abs(), "{x:?}");
        assert_eq!(program.tensor(1).to_vec(), gradient, "{x:?}");
    }
    let x = Tensor::from(points[0]);
    let (_, moved) = jvp(ordered, &x, &Tensor::from([1.0, 0.0, 0.0]));
    assert_eq!(moved.item(), given(points[0]).1[0]);
    // Second derivatives are those of the squares and exponentials.
    let second = hessian(ordered, &x);
    assert!((second.as_slice()[0] - (3.0f64.exp() + 6.0)).abs() < 1e-12, "{second}");
}

/// A gradient that comes to one place ten million times loses nothing on the way.
#[test]
fn many_gradients_of_one_place_are_summed_two_by_two() {
    let tape = Tape::<f32>::of();
    let n = 200_000;
    let x = tape.var(Tensor::from_fn([n], |at| if at[0] == 0 { 1.0 } else { 0.0 }));
    let slopes = (x.cummax(0) * 0.1f32).sum(()).backward().wrt(x);
    assert!((slopes.as_slice()[0] - 20_000.0).abs() < 0.1, "{}", slopes.as_slice()[0]);
}
