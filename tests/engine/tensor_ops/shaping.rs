//! Shapes, parts and indices.

use crate::tensor_ops::cases::case;
use crate::tensor_ops::naive::{self, at, build};
use retrograd::{Span, Tape, Tensor, Var};

#[test]
fn reshape_squeeze_and_unsqueeze() {
    case!("reshape", Quadratic, [[2, 6]], |v| v[0].reshape([3, 2, 2]), |x| x[0].reshape([3, 2, 2]));
    case!("reshape to its own shape", Quadratic, [[2, 3]], |v| v[0].reshape([2, 3]), |x| x[0].clone());
    case!("reshape to a number", Quadratic, [[1, 1]], |v| v[0].reshape([0; 0]), |x| x[0].reshape([0; 0]));
    case!("reshape of a number", Quadratic, [[0; 0]], |v| v[0].reshape([1, 1]), |x| x[0].reshape([1, 1]));
    case!("squeeze all", Quadratic, [[1, 3, 1, 2]], |v| v[0].squeeze(()), |x| x[0].reshape([3, 2]));
    case!("squeeze -2", Quadratic, [[1, 3, 1, 2]], |v| v[0].squeeze(-2), |x| x[0].reshape([1, 3, 2]));
    case!("squeeze leaves other axes", Quadratic, [[1, 3]], |v| v[0].squeeze([0, 1]), |x| x[0].reshape([3]));
    case!("unsqueeze 0", Quadratic, [[2, 3]], |v| v[0].unsqueeze(0), |x| x[0].reshape([1, 2, 3]));
    case!("unsqueeze -1", Quadratic, [[2, 3]], |v| v[0].unsqueeze(-1), |x| x[0].reshape([2, 3, 1]));
    case!("unsqueeze of a number", Quadratic, [[0; 0]], |v| v[0].unsqueeze(0), |x| x[0].reshape([1]));
}

#[test]
fn broadcast_to_and_tile() {
    let shapes: [(&[usize], &[usize]); 6] =
        [(&[3], &[2, 3]), (&[2, 1], &[2, 3]), (&[], &[2, 2]), (&[1, 3, 1], &[2, 2, 3, 4]), (&[2], &[2]), (&[1], &[0])];
    for (from, to) in shapes {
        case!(format!("broadcast_to {from:?} {to:?}"), Quadratic, [from], |v| v[0].broadcast_to(to), |x| {
            build(to, |index| naive::stretched(&x[0], index))
        });
    }
    let repeated: [(&[usize], &[usize]); 5] =
        [(&[2, 3], &[2, 2]), (&[3], &[2, 1]), (&[2, 2], &[3]), (&[], &[4]), (&[2], &[1])];
    for (shape, repeats) in repeated {
        case!(format!("tile {shape:?} {repeats:?}"), Quadratic, [shape], |v| v[0].tile(repeats), |x| {
            let rank = shape.len().max(repeats.len());
            let pad = |list: &[usize]| [vec![1; rank - list.len()], list.to_vec()].concat();
            let (own, times) = (pad(shape), pad(repeats));
            let out: Vec<usize> = own.iter().zip(&times).map(|(n, t)| n * t).collect();
            let x = x[0].reshape(&own);
            build(&out, |index| at(&x, &index.iter().zip(&own).map(|(i, n)| i % n).collect::<Vec<_>>()))
        });
    }
}

#[test]
fn permute_swap_axes_and_t() {
    for axes in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        case!(format!("permute {axes:?}"), Quadratic, [[2, 3, 4]], |v| v[0].permute(&axes), |x| {
            naive::permute(&x[0], &axes)
        });
    }
    case!("permute of rank 4", Quadratic, [[2, 1, 3, 2]], |v| v[0].permute(&[3, 1, 0, 2]), |x| {
        naive::permute(&x[0], &[3, 1, 0, 2])
    });
    case!("permute of a vector", Quadratic, [[3]], |v| v[0].permute(&[0]), |x| x[0].clone());
    case!("swap_axes", Quadratic, [[2, 3, 4]], |v| v[0].swap_axes(0, -1), |x| naive::permute(&x[0], &[2, 1, 0]));
    case!("t", Quadratic, [[2, 3]], |v| v[0].t(), |x| naive::transpose(&x[0]));
    case!("transpose", Quadratic, [[2, 3]], |v| v[0].transpose(), |x| naive::transpose(&x[0]));
    case!("t of a stack", Quadratic, [[2, 3, 4]], |v| v[0].t(), |x| naive::transpose(&x[0]));
    case!("t of many", Quadratic, [[17, 9]], |v| v[0].t(), |x| naive::transpose(&x[0]));
}

#[test]
fn slices_and_single_entries() {
    case!("slice of one axis", Quadratic, [[5]], |v| v[0].slice(1..4), |x| build(&[3], |i| at(&x[0], &[i[0] + 1])));
    case!("slice from", Quadratic, [[5]], |v| v[0].slice(2..), |x| build(&[3], |i| at(&x[0], &[i[0] + 2])));
    case!("slice to, from the end", Quadratic, [[5]], |v| v[0].slice(..-1), |x| build(&[4], |i| at(&x[0], i)));
    case!("slice drops an axis", Quadratic, [[3, 4]], |v| v[0].slice((1, ..)), |x| build(&[4], |i| at(
        &x[0],
        &[1, i[0]]
    )));
    case!("slice of a column", Quadratic, [[3, 4]], |v| v[0].slice((.., -1)), |x| build(&[3], |i| at(
        &x[0],
        &[i[0], 3]
    )));
    case!("slice with a step", Quadratic, [[3, 5]], |v| v[0].slice((.., Span::from(..).step(2))), |x| {
        build(&[3, 3], |i| at(&x[0], &[i[0], 2 * i[1]]))
    });
    case!("slice backwards", Quadratic, [[5]], |v| v[0].slice(Span::from(1..4).step(-2)), |x| {
        build(&[2], |i| at(&x[0], &[3 - 2 * i[0]]))
    });
    case!("slice of four axes", Quadratic, [[2, 3, 2, 4]], |v| v[0].slice((1, 0..2, .., 1..3)), |x| {
        build(&[2, 2, 2], |i| at(&x[0], &[1, i[0], i[1], i[2] + 1]))
    });
    case!("slice of nothing", Quadratic, [[3, 4]], |v| v[0].slice((1..1, ..)), |_x| Tensor::zeros([0, 4]));
    case!("at, all axes", Quadratic, [[3, 4]], |v| v[0].at([2, 1]), |x| Tensor::scalar(at(&x[0], &[2, 1])));
    case!("at, one axis", Quadratic, [[3, 4]], |v| v[0].at([2]), |x| build(&[4], |i| at(&x[0], &[2, i[0]])));
}

#[test]
fn gather_pick_and_scatter_add() {
    case!("gather rows, some twice", Quadratic, [[3, 4]], |v| v[0].gather(0, &[2, 0, 2]), |x| {
        build(&[3, 4], |i| at(&x[0], &[[2, 0, 2][i[0]], i[1]]))
    });
    case!("gather columns", Quadratic, [[3, 4]], |v| v[0].gather(-1, &[3, 3, 1, 0, 3]), |x| {
        build(&[3, 5], |i| at(&x[0], &[i[0], [3, 3, 1, 0, 3][i[1]]]))
    });
    case!("gather in the middle", Quadratic, [[2, 3, 2]], |v| v[0].gather(1, &[1]), |x| {
        build(&[2, 1, 2], |i| at(&x[0], &[i[0], 1, i[2]]))
    });
    case!("gather nothing", Quadratic, [[3]], |v| v[0].gather(0, &[]), |_x| Tensor::zeros([0]));
    case!("pick", Quadratic, [[3, 4]], |v| v[0].pick(&[1, 3, 0]), |x| {
        build(&[3], |i| at(&x[0], &[i[0], [1, 3, 0][i[0]]]))
    });
    case!("scatter_add, some twice", Quadratic, [[3, 2]], |v| v[0].scatter_add(0, &[4, 1, 4], 5), |x| {
        build(&[5, 2], |i| (0..3).filter(|&k| [4, 1, 4][k] == i[0]).map(|k| at(&x[0], &[k, i[1]])).sum())
    });
    case!("scatter_add in the last axis", Quadratic, [[2, 3]], |v| v[0].scatter_add(-1, &[0, 0, 1], 2), |x| {
        build(&[2, 2], |i| (0..3).filter(|&k| [0, 0, 1][k] == i[1]).map(|k| at(&x[0], &[i[0], k])).sum())
    });
}

#[test]
fn pad_flip_and_roll() {
    case!("pad", Quadratic, [[2, 3]], |v| v[0].pad(&[(1, 0), (2, 1)]), |x| {
        build(&[3, 6], |i| if i[0] >= 1 && (2..5).contains(&i[1]) { at(&x[0], &[i[0] - 1, i[1] - 2]) } else { 0.0 })
    });
    case!("pad of a number", Quadratic, [[0; 0]], |v| v[0].pad(&[]), |x| x[0].clone());
    case!("flip 0", Quadratic, [[3, 2]], |v| v[0].flip(0), |x| build(&[3, 2], |i| at(&x[0], &[2 - i[0], i[1]])));
    case!("flip all", Quadratic, [[3, 2]], |v| v[0].flip(()), |x| build(&[3, 2], |i| at(&x[0], &[2 - i[0], 1 - i[1]])));
    case!("flip of a number", Quadratic, [[0; 0]], |v| v[0].flip(()), |x| x[0].clone());
    for shift in [-7isize, -1, 0, 2, 3, 5] {
        case!(format!("roll by {shift}"), Quadratic, [[2, 3]], |v| v[0].roll(shift, -1), |x| {
            build(&[2, 3], |i| at(&x[0], &[i[0], (i[1] as isize - shift).rem_euclid(3) as usize]))
        });
    }
    case!("roll rows", Quadratic, [[4, 2]], |v| v[0].roll(1, 0), |x| {
        build(&[4, 2], |i| at(&x[0], &[(i[0] + 3) % 4, i[1]]))
    });
}

#[test]
fn diagonals_and_triangles() {
    case!("diag of a matrix", Quadratic, [[3, 3]], |v| v[0].diag(), |x| build(&[3], |i| at(&x[0], &[i[0], i[0]])));
    case!("diag of a wide matrix", Quadratic, [[2, 4]], |v| v[0].diag(), |x| build(&[2], |i| at(&x[0], &[i[0], i[0]])));
    case!("diag of a vector", Quadratic, [[3]], |v| v[0].diag(), |x| {
        build(&[3, 3], |i| if i[0] == i[1] { at(&x[0], &[i[0]]) } else { 0.0 })
    });
    case!("trace", Quadratic, [[3, 3]], |v| v[0].trace(), |x| {
        Tensor::scalar((0..3).map(|i| at(&x[0], &[i, i])).sum())
    });
    for k in [-2isize, -1, 0, 1, 3] {
        let kept = move |below: bool, i: &[usize]| {
            let d = i[i.len() - 1] as isize - i[i.len() - 2] as isize;
            if below { d <= k } else { d >= k }
        };
        case!(format!("tril {k}"), Quadratic, [[3, 4]], |v| v[0].tril(k), |x| {
            build(&[3, 4], |i| if kept(true, i) { at(&x[0], i) } else { 0.0 })
        });
        case!(format!("triu {k}"), Quadratic, [[2, 3, 3]], |v| v[0].triu(k), |x| {
            build(&[2, 3, 3], |i| if kept(false, i) { at(&x[0], i) } else { 0.0 })
        });
    }
}

#[test]
fn concat_and_stack() {
    case!("concat rows", Quadratic, [[1, 3], [2, 3]], |v| Var::concat(&[v[0], v[1], v[0]], 0), |x| {
        build(&[4, 3], |i| match i[0] {
            0 | 3 => at(&x[0], &[0, i[1]]),
            row => at(&x[1], &[row - 1, i[1]]),
        })
    });
    case!("concat columns", Quadratic, [[2, 1], [2, 3], [2, 0]], |v| Var::concat(v, -1), |x| {
        build(&[2, 4], |i| if i[1] == 0 { at(&x[0], &[i[0], 0]) } else { at(&x[1], &[i[0], i[1] - 1]) })
    });
    case!("concat of one", Quadratic, [[3]], |v| Var::concat(v, 0), |x| x[0].clone());
    case!("stack of numbers", Quadratic, [[0; 0], [0; 0]], |v| Var::stack(&[v[0], v[1], v[0]], 0), |x| {
        Tensor::from([x[0].item(), x[1].item(), x[0].item()])
    });
    case!("stack of vectors as columns", Quadratic, [[3], [3]], |v| Var::stack(v, -1), |x| {
        build(&[3, 2], |i| at(&x[i[1]], &[i[0]]))
    });
    case!("stack of matrices in the middle", Quadratic, [[2, 3], [2, 3]], |v| Var::stack(v, 1), |x| {
        build(&[2, 2, 3], |i| at(&x[i[1]], &[i[0], i[2]]))
    });
}

#[test]
fn select_broadcasts_all_three() {
    // Linear on either side; a step of 1 would change sides.
    case!("select", Smooth, [[2, 3], [3]], |v| v[0].greater(0.0).select(v[0], v[1]), |x| {
        build(&[2, 3], |i| {
            let own = at(&x[0], i);
            if own > 0.0 { own } else { at(&x[1], &[i[1]]) }
        })
    });
    case!(
        "select by a condition of its own shape",
        Smooth,
        [[2, 1], [3], [0; 0]],
        |v| v[1].greater(0.0).select(v[0], v[2]),
        |x| build(&[2, 3], |i| if at(&x[1], &[i[1]]) > 0.0 { at(&x[0], &[i[0], 0]) } else { x[2].item() })
    );
}

#[test]
fn shaping_empty_tensors() {
    let tape = Tape::new();
    let x = tape.var(Tensor::zeros([0, 3]));
    let results = [
        x.reshape([3, 0]),
        x.t(),
        x.permute(&[1, 0]),
        x.broadcast_to([2, 0, 3]),
        x.slice((.., 1..)),
        x.gather(1, &[0, 2]),
        x.gather(0, &[]),
        x.scatter_add(0, &[], 2),
        x.pad(&[(1, 1), (0, 0)]),
        x.flip(0),
        x.roll(1, 0),
        x.roll(1, 1),
        x.unsqueeze(0),
        x.tile(&[2, 2]),
        x.tril(0),
        x.diag(),
        Var::concat(&[x, x], 0),
        Var::stack(&[x, x], 0),
        x.matmul(tape.var(Tensor::ones([3, 2]))),
        x.t().matmul(x),
    ];
    for y in results {
        assert!(y.value().iter().all(|&y| y == 0.0), "{y:?}");
        assert_eq!(y.sum(()).backward().wrt(x).shape().dims(), [0, 3], "{y:?}");
        assert_eq!(tape.grad(y.sum(()), &[x])[0].shape().dims(), [0, 3], "{y:?}");
    }
}
