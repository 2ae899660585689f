//! Losses.

use crate::tensor_ops::cases::case;
use crate::tensor_ops::harness::Domain::{Any, Probability};
use crate::tensor_ops::naive::{self, at};
use retrograd::{Tape, Tensor};

/// The mean over all elements of a function of pairs.
fn mean_of(x: &naive::T, y: &naive::T, f: impl Fn(f64, f64) -> f64) -> naive::T {
    Tensor::scalar(naive::mean(naive::zip(x, y, f).as_slice()))
}

#[test]
fn squared_errors() {
    case!("squared_error", Quadratic, [[2, 3], [2, 3]], |v| v[0].squared_error(v[1]), |x| {
        Tensor::scalar(naive::zip(&x[0], &x[1], |x, t| (x - t) * (x - t)).iter().sum())
    });
    case!("squared_error of numbers", Quadratic, [[0; 0], [0; 0]], |v| v[0].squared_error(v[1]), |x| {
        Tensor::scalar((x[0].item() - x[1].item()).powi(2))
    });
    case!("mean_squared_error", Quadratic, [[2, 3], [2, 3]], |v| v[0].mean_squared_error(v[1]), |x| {
        mean_of(&x[0], &x[1], |x, t| (x - t) * (x - t))
    });
}

#[test]
fn absolute_and_huber_errors() {
    case!("mean_absolute_error", Smooth, [[2, 3], [2, 3]], |v| v[0].mean_absolute_error(v[1]), |x| {
        mean_of(&x[0], &x[1], |x, t| (x - t).abs())
    });
    case!("huber_error", Smooth, [[3, 4], [4]], |v| v[0].huber_error(v[1], 0.63), |x| {
        mean_of(&x[0], &x[1], |x, t| {
            let r = (x - t).abs();
            if r <= 0.63 { r * r / 2.0 } else { 0.63 * (r - 0.63 / 2.0) }
        })
    });
}

#[test]
fn binary_cross_entropies() {
    case!(
        "binary_cross_entropy",
        Smooth,
        [([2, 3], Probability), ([2, 3], Probability)],
        |v| v[0].binary_cross_entropy(v[1]),
        |x| mean_of(&x[0], &x[1], |p, t| -(t * p.ln() + (1.0 - t) * (1.0 - p).ln()))
    );
    case!(
        "binary_cross_entropy_with_logits",
        Smooth,
        [([2, 3], Any), ([2, 3], Probability)],
        |v| v[0].binary_cross_entropy_with_logits(v[1]),
        |x| mean_of(&x[0], &x[1], |z, t| z.max(0.0) - z * t + (-z.abs()).exp().ln_1p())
    );
}

#[test]
fn cross_entropies_of_labels_and_of_distributions() {
    case!("cross_entropy", Smooth, [[4, 3]], |v| v[0].cross_entropy(&[2, 0, 0, 1]), |x| {
        let loss = |(i, &label): (usize, &usize)| naive::logsumexp(x[0].row(i)) - at(&x[0], &[i, label]);
        Tensor::scalar([2, 0, 0, 1].iter().enumerate().map(loss).sum::<f64>() / 4.0)
    });
    case!(
        "cross_entropy_soft",
        Smooth,
        [([3, 4], Any), ([3, 4], Probability)],
        |v| v[0].cross_entropy_soft(v[1]),
        |x| {
            let logs = naive::map(&x[0], Some(&[1]), naive::log_softmax);
            Tensor::scalar(-naive::zip(&x[1], &logs, |t, l| t * l).iter().sum::<f64>() / 3.0)
        }
    );
    case!("nll", Smooth, [[3, 4]], |v| v[0].nll(&[3, 0, 1]), |x| {
        Tensor::scalar(-(at(&x[0], &[0, 3]) + at(&x[0], &[1, 0]) + at(&x[0], &[2, 1])) / 3.0)
    });
    case!("nll of log_softmax", Smooth, [[3, 4]], |v| v[0].log_softmax(1).nll(&[3, 0, 1]), |x| {
        let logs = naive::map(&x[0], Some(&[1]), naive::log_softmax);
        Tensor::scalar(-(at(&logs, &[0, 3]) + at(&logs, &[1, 0]) + at(&logs, &[2, 1])) / 3.0)
    });
}

#[test]
fn divergence_and_hinge() {
    case!("kl_divergence", Smooth, [([2, 3], Probability), ([2, 3], Probability)], |v| v[0].kl_divergence(v[1]), |x| {
        Tensor::scalar(naive::zip(&x[0], &x[1], |p, q| p * (p.ln() - q.ln())).iter().sum())
    });
    case!("hinge", Smooth, [[2, 3], [2, 3]], |v| v[0].hinge(v[1]), |x| {
        mean_of(&x[0], &x[1], |x, t| (1.0 - t * x).max(0.0))
    });
}

#[test]
fn losses_take_targets_that_are_data_and_broadcast_plain_numbers() {
    let tape = Tape::new();
    let x = tape.var([0.25, 0.75]);
    assert_eq!(x.mean_absolute_error(0.5).item(), 0.25);
    assert_eq!(x.squared_error(tape.data([0.0, 1.0])).backward().wrt(x).to_vec(), [0.5, -0.5]);
    assert_eq!(x.hinge(1.0).backward().wrt(x).to_vec(), [-0.5, -0.5]);
}

#[test]
fn sure_and_right_probabilities_cost_nothing() {
    let tape = Tape::new();
    let p = tape.var([0.0, 1.0]);
    assert_eq!(p.binary_cross_entropy(tape.data([0.0, 1.0])).item(), 0.0);
    let q = tape.var([0.0, 1.0]);
    let divergence = p.detach().kl_divergence(q);
    assert_eq!(divergence.item(), 0.0);
    assert_eq!(divergence.backward().wrt(q).to_vec(), [0.0, -1.0]);
}

#[test]
fn the_gradient_of_cross_entropy_is_softmax_minus_one_hot_over_rows() {
    let tape = Tape::new();
    let z = tape.var([[0.2, -1.0, 0.7], [1.5, 0.0, 0.1]]);
    let gradient = z.cross_entropy(&[0, 2]).backward().wrt(z);
    let softmax = naive::map(&z.value(), Some(&[1]), naive::softmax);
    let one_hot = Tensor::<f64>::one_hot(&[0, 2], 3);
    for ((g, s), t) in gradient.iter().zip(softmax.iter()).zip(one_hot.iter()) {
        assert!((g - (s - t) / 2.0).abs() < 1e-15);
    }
}
