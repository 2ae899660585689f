//! Products, determinants, inverses and linear systems.

use crate::tensor_ops::cases::case;
use crate::tensor_ops::harness::Domain;
use crate::tensor_ops::naive;
use retrograd::{Tape, Tensor};

#[test]
fn matmul_of_matrices_vectors_and_batches() {
    let shapes: [(&[usize], &[usize]); 16] = [
        (&[2, 3], &[3, 4]),
        (&[1, 3], &[3, 1]),
        (&[3], &[3, 2]),
        (&[2, 3], &[3]),
        (&[3], &[3]),
        (&[2, 2, 3], &[2, 3, 2]),
        (&[2, 2, 3], &[3, 2]),
        (&[2, 3], &[2, 3, 2]),
        (&[2, 1, 2, 3], &[3, 3, 2]),
        (&[1, 2, 3], &[2, 3, 1]),
        (&[3], &[2, 3, 2]),
        (&[2, 2, 3], &[3]),
        (&[2, 0], &[0, 3]),
        (&[0, 2], &[2, 3]),
        (&[17, 9], &[9, 11]),
        (&[2, 3, 2, 2], &[1, 3, 2, 2]),
    ];
    for (a, b) in shapes {
        case!(format!("matmul {a:?} {b:?}"), Quadratic, [a, b], |v| v[0].matmul(v[1]), |x| naive::matmul(&x[0], &x[1]));
    }
}

#[test]
fn matmul_of_a_transposed_operand() {
    let shapes: [(&[usize], &[usize]); 5] =
        [(&[3, 2], &[3, 4]), (&[2, 3, 2], &[2, 3, 4]), (&[2, 3, 2], &[3, 4]), (&[3, 2], &[2, 3, 4]), (&[3, 2], &[3])];
    for (a, b) in shapes {
        case!(format!("matmul_tn {a:?} {b:?}"), Quadratic, [a, b], |v| v[0].matmul_tn(v[1]), |x| {
            naive::matmul(&naive::transpose(&x[0]), &x[1])
        });
    }
    let shapes: [(&[usize], &[usize]); 5] =
        [(&[2, 3], &[4, 3]), (&[2, 2, 3], &[2, 4, 3]), (&[2, 2, 3], &[4, 3]), (&[2, 3], &[2, 4, 3]), (&[3], &[4, 3])];
    for (a, b) in shapes {
        case!(format!("matmul_nt {a:?} {b:?}"), Quadratic, [a, b], |v| v[0].matmul_nt(v[1]), |x| {
            naive::matmul(&x[0], &naive::transpose(&x[1]))
        });
    }
    // A vector is what fits, transposed or not.
    case!("matmul_tn of vectors", Quadratic, [[3], [3]], |v| v[0].matmul_tn(v[1]), |x| naive::matmul(&x[0], &x[1]));
    case!("matmul_nt of vectors", Quadratic, [[3], [3]], |v| v[0].matmul_nt(v[1]), |x| naive::matmul(&x[0], &x[1]));
    case!("matmul_nt by a vector", Quadratic, [[2, 3], [3]], |v| v[0].matmul_nt(v[1]), |x| naive::matmul(&x[0], &x[1]));
}

#[test]
fn a_matrix_times_itself_gathers_both_gradients() {
    case!("x x", Quadratic, [[3, 3]], |v| v[0].matmul(v[0]), |x| naive::matmul(&x[0], &x[0]));
    case!("x' x", Quadratic, [[2, 3]], |v| v[0].matmul_tn(v[0]), |x| naive::matmul(&naive::transpose(&x[0]), &x[0]));
    case!("x x'", Quadratic, [[2, 3]], |v| v[0].matmul_nt(v[0]), |x| naive::matmul(&x[0], &naive::transpose(&x[0])));
    case!("dot(x, x)", Quadratic, [[4]], |v| v[0].dot(v[0]), |x| naive::matmul(&x[0], &x[0]));
    // Cubic: each factor's gradient depends on the others.
    case!("x y x", Smooth, [[2, 2], [2, 2]], |v| v[0].matmul(v[1]).matmul(v[0]), |x| {
        naive::matmul(&naive::matmul(&x[0], &x[1]), &x[0])
    });
}

#[test]
fn dot_and_outer() {
    case!("dot", Quadratic, [[5], [5]], |v| v[0].dot(v[1]), |x| naive::matmul(&x[0], &x[1]));
    case!("dot of nothing", Quadratic, [[0], [0]], |v| v[0].dot(v[1]), |_x| Tensor::scalar(0.0));
    case!("outer", Quadratic, [[2], [3]], |v| v[0].outer(v[1]), |x| {
        naive::build(&[2, 3], |i| naive::at(&x[0], &i[..1]) * naive::at(&x[1], &i[1..]))
    });
}

#[test]
fn determinants() {
    for n in [1, 2, 3, 4] {
        case!(format!("det {n}"), Smooth, [([n, n], Domain::Regular)], |v| v[0].det(), |x| {
            Tensor::scalar(naive::det(&naive::matrices(&x[0])[0]))
        });
    }
    case!("det of a stack", Smooth, [([2, 3, 3], Domain::Regular)], |v| v[0].det(), |x| {
        naive::matrices(&x[0]).iter().map(|m| naive::det(m)).collect()
    });
    case!("det of any matrix", Smooth, [[3, 3]], |v| v[0].det(), |x| {
        Tensor::scalar(naive::det(&naive::matrices(&x[0])[0]))
    });
}

#[test]
fn inverses() {
    for n in [1, 2, 3] {
        case!(format!("inv {n}"), Smooth, [([n, n], Domain::Regular)], |v| v[0].inv(), |x| naive::inverse(&x[0]));
    }
    case!("inv of a stack", Smooth, [([2, 1, 2, 2], Domain::Regular)], |v| v[0].inv(), |x| naive::inverse(&x[0]));
}

#[test]
fn linear_systems() {
    case!("solve a vector", Smooth, [([3, 3], Domain::Regular), ([3], Domain::Any)], |v| v[0].solve(v[1]), |x| {
        naive::matmul(&naive::inverse(&x[0]), &x[1])
    });
    case!("solve columns", Smooth, [([2, 2], Domain::Regular), ([2, 3], Domain::Any)], |v| v[0].solve(v[1]), |x| {
        naive::matmul(&naive::inverse(&x[0]), &x[1])
    });
    case!(
        "solve a stack",
        Smooth,
        [([2, 2, 2], Domain::Regular), ([2, 2, 1], Domain::Any)],
        |v| v[0].solve(v[1]),
        |x| { naive::matmul(&naive::inverse(&x[0]), &x[1]) }
    );
}

#[test]
fn empty_matrices_have_determinant_1_and_are_their_own_inverse() {
    let tape = Tape::new();
    let x = tape.var(Tensor::zeros([0, 0]));
    assert_eq!(x.det().item(), 1.0);
    assert_eq!(x.inv().shape().dims(), [0, 0]);
    assert_eq!(x.solve(tape.var(Tensor::zeros([0, 2]))).shape().dims(), [0, 2]);
    assert_eq!(x.det().backward().wrt(x).shape().dims(), [0, 0]);
}

#[test]
fn a_product_over_no_columns_is_zero_with_zero_gradients() {
    let tape = Tape::new();
    let (x, y) = (tape.var(Tensor::zeros([2, 0])), tape.var(Tensor::zeros([0, 3])));
    let z = x.matmul(y);
    assert_eq!(z.value(), Tensor::zeros([2, 3]));
    let grads = z.sum(()).backward();
    assert_eq!([grads.wrt(x).shape().to_vec(), grads.wrt(y).shape().to_vec()], [[2, 0], [0, 3]]);
}

#[test]
fn a_product_is_written_or_added_where_a_tensor_lies() {
    let (a, b) =
        (Tensor::from_fn([4, 3], |i| (i[0] * 3 + i[1]) as f64), Tensor::from_fn([3, 5], |i| i[0] as f64 - 2.0));
    let expected = a.matmul(&b);
    for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
        let (x, y) = (if ta { a.t() } else { a.clone() }, if tb { b.t() } else { b.clone() });
        let mut c = Tensor::full([4, 5], f64::NAN);
        let at = c.as_slice().as_ptr();
        c.assign_matmul(&x, ta, &y, tb);
        assert_eq!(c, expected);
        c.add_matmul(&x, ta, &y, tb);
        assert_eq!(c, 2.0 * &expected);
        assert_eq!(c.as_slice().as_ptr(), at, "in place");
    }
}

#[test]
fn a_product_that_does_not_fit_is_refused() {
    let message = |mut c: Tensor<f64>, a: &Tensor<f64>, b: &Tensor<f64>| {
        let write = std::panic::AssertUnwindSafe(|| c.assign_matmul(a, false, b, false));
        *std::panic::catch_unwind(write).unwrap_err().downcast::<String>().unwrap()
    };
    let (a, b) = (Tensor::ones([4, 3]), Tensor::ones([3, 5]));
    assert_eq!(
        message(Tensor::zeros([5, 4]), &a, &b),
        "matmul: the product has shape [4, 5], what it is written to [5, 4]"
    );
    assert_eq!(
        message(Tensor::zeros([4, 5]), &a, &a),
        "matmul: inner dimensions differ: lhs [4, 3] has 3 columns, rhs [4, 3] has 4 rows"
    );
    assert_eq!(
        message(Tensor::zeros([4]), &a, &Tensor::ones([3])),
        "matmul: needs two matrices, got shapes [4, 3] and [3]"
    );
}

/// The Kronecker product by its definition.
fn kron(a: &naive::T, b: &naive::T) -> naive::T {
    let rank = a.shape().rank().max(b.shape().rank());
    let pad = |x: &naive::T| x.reshape([vec![1; rank - x.shape().rank()], x.shape().to_vec()].concat());
    let (a, b) = (pad(a), pad(b));
    let shape: Vec<usize> = a.shape().iter().zip(b.shape().iter()).map(|(a, b)| a * b).collect();
    naive::build(&shape, |index| {
        let at = |of: fn(usize, usize) -> usize| {
            index.iter().zip(b.shape().iter()).map(|(&i, &n)| of(i, n)).collect::<Vec<_>>()
        };
        naive::at(&a, &at(|i, n| i / n)) * naive::at(&b, &at(|i, n| i % n))
    })
}

#[test]
fn kron_of_any_axes() {
    let shapes: [(&[usize], &[usize]); 5] =
        [(&[2, 3], &[3, 2]), (&[2], &[3]), (&[2], &[2, 3]), (&[2, 1, 2], &[2, 2]), (&[], &[2, 2])];
    for (a, b) in shapes {
        case!(format!("kron {a:?} {b:?}"), Quadratic, [a, b], |v| v[0].kron(v[1]), |x| kron(&x[0], &x[1]));
    }
}

/// By the normal equations, in the larger or the smaller space.
fn lstsq(a: &naive::T, b: &naive::T) -> naive::T {
    let (m, n) = (a.shape()[a.shape().rank() - 2], a.shape()[a.shape().rank() - 1]);
    let column = if b.shape().rank() < a.shape().rank() { b.unsqueeze(-1) } else { b.clone() };
    let at = naive::transpose(a);
    let x = if m >= n {
        naive::matmul(&naive::inverse(&naive::matmul(&at, a)), &naive::matmul(&at, &column))
    } else {
        naive::matmul(&at, &naive::matmul(&naive::inverse(&naive::matmul(a, &at)), &column))
    };
    if b.shape().rank() < a.shape().rank() { x.squeeze(-1) } else { x }
}

#[test]
fn lstsq_of_tall_and_flat_matrices() {
    let shapes: [(&[usize], &[usize]); 6] = [
        (&[4, 2], &[4]),
        (&[4, 2], &[4, 3]),
        (&[2, 4], &[2]),
        (&[2, 3, 2], &[2, 3, 2]),
        (&[2, 2, 3], &[2, 2, 1]),
        (&[3, 3], &[3]),
    ];
    for (a, b) in shapes {
        case!(
            format!("lstsq {a:?} {b:?}"),
            Smooth,
            [(a, Domain::Regular), (b, Domain::Any)],
            |v| v[0].lstsq(v[1]),
            |x| lstsq(&x[0], &x[1])
        );
    }
}

/// The exponential by its power series, of small matrices.
fn expm(x: &naive::T) -> naive::T {
    let n = x.shape()[x.shape().rank() - 1];
    let mut power = naive::build(x.shape(), |at| f64::from(u8::from(at[at.len() - 1] == at[at.len() - 2])));
    let mut sum = power.clone();
    for k in 1..60 {
        power = naive::matmul(&power, x).map(|x| x / k as f64);
        sum.add_scaled(1.0, &power);
    }
    assert!(n > 0);
    sum
}

#[test]
fn expm_of_matrices_and_stacks() {
    case!("expm", Smooth, [[3, 3]], |v| v[0].expm(), |x| expm(&x[0]));
    case!("expm of one number", Smooth, [[1, 1]], |v| v[0].expm(), |x| x[0].map(f64::exp));
    case!("expm of a stack", Smooth, [[2, 2, 2]], |v| v[0].expm(), |x| expm(&x[0]));
}
