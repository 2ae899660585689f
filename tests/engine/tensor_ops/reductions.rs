//! Reductions and maps over axes.

use crate::tensor_ops::cases::case;
use crate::tensor_ops::naive;
use retrograd::{Axes, Tape, Tensor, keep};

/// Shapes of every rank up to 4 with axes: none given is all of them.
const PLACES: [(&[usize], Option<&[isize]>); 15] = [
    (&[], None),
    (&[4], None),
    (&[4], Some(&[0])),
    (&[5], Some(&[-1])),
    (&[1], Some(&[0])),
    (&[2, 3], None),
    (&[2, 3], Some(&[0])),
    (&[2, 3], Some(&[1])),
    (&[3, 2], Some(&[-2])),
    (&[1, 3], Some(&[0])),
    (&[2, 3, 4], Some(&[0, 2])),
    (&[2, 3, 4], Some(&[1])),
    (&[2, 3, 2], Some(&[-1, 0])),
    (&[2, 2, 3, 2], Some(&[1, 3])),
    (&[2, 2, 3, 2], Some(&[2, -4])),
];

fn axes(given: Option<&'static [isize]>) -> Axes {
    given.map_or(Axes::ALL, Axes::from)
}

/// Cases of a reduction and its form that keeps axes, at every place with at least so many elements along the axes.
macro_rules! reduction {
    ($kind:ident, $method:ident ($($extra:expr)?), $at_least:expr, $naive:expr) => {
        for (shape, given) in PLACES {
            let along: usize = match given {
                None => shape.iter().product(),
                Some(axes) => axes.iter().map(|&a| shape[a.rem_euclid(shape.len() as isize) as usize]).product(),
            };
            if along < $at_least {
                continue;
            }
            let name = concat!(stringify!($method), " ", $(stringify!($extra))?);
            let (plain, kept) = (format!("{name} of {shape:?} over {given:?}"), format!("{name} keep {shape:?} {given:?}"));
            case!(plain, $kind, [shape], |v| v[0].$method(axes(given) $(, $extra)?), |x| {
                naive::reduce(&x[0], given, false, $naive)
            });
            case!(kept, $kind, [shape], |v| v[0].$method(keep(axes(given)) $(, $extra)?), |x| {
                naive::reduce(&x[0], given, true, $naive)
            });
        }
    };
}

#[test]
fn sum_and_mean_over_any_axes() {
    reduction!(Quadratic, sum(), 1, naive::sum);
    reduction!(Quadratic, mean(), 1, naive::mean);
}

#[test]
fn prod_over_any_axes() {
    reduction!(Smooth, prod(), 1, naive::prod);
}

#[test]
fn max_and_min_over_any_axes() {
    reduction!(Smooth, max(), 1, naive::max);
    reduction!(Smooth, min(), 1, naive::min);
}

#[test]
fn var_over_any_axes() {
    reduction!(Quadratic, var(0), 1, |xs| naive::var(xs, 0));
    reduction!(Quadratic, var(1), 2, |xs| naive::var(xs, 1));
}

#[test]
fn std_over_any_axes() {
    reduction!(Smooth, std(0), 2, |xs| naive::var(xs, 0).sqrt());
    reduction!(Smooth, std(1), 2, |xs| naive::var(xs, 1).sqrt());
}

#[test]
fn norms_over_any_axes() {
    reduction!(Smooth, norm1(), 1, naive::norm1);
    reduction!(Smooth, norm2(), 1, naive::norm2);
    reduction!(Smooth, norm_inf(), 1, naive::norm_inf);
}

#[test]
fn logsumexp_over_any_axes() {
    reduction!(Smooth, logsumexp(), 1, naive::logsumexp);
}

#[test]
fn softmax_and_log_softmax_over_any_axes() {
    for (shape, given) in PLACES {
        case!(format!("softmax {shape:?} {given:?}"), Smooth, [shape], |v| v[0].softmax(axes(given)), |x| naive::map(
            &x[0],
            given,
            naive::softmax
        ));
        case!(format!("log_softmax {shape:?} {given:?}"), Smooth, [shape], |v| v[0].log_softmax(axes(given)), |x| {
            naive::map(&x[0], given, naive::log_softmax)
        });
    }
}

#[test]
fn cumsum_and_cumprod_over_any_axes() {
    for (shape, given) in PLACES {
        case!(format!("cumsum {shape:?} {given:?}"), Quadratic, [shape], |v| v[0].cumsum(axes(given)), |x| {
            naive::map(&x[0], given, naive::cumsum)
        });
        case!(format!("cumlogsumexp {shape:?} {given:?}"), Smooth, [shape], |v| v[0].cumlogsumexp(axes(given)), |x| {
            naive::map(&x[0], given, |xs| {
                naive::cumsum(&xs.iter().map(|x| x.exp()).collect::<Vec<_>>()).into_iter().map(f64::ln).collect()
            })
        });
        case!(format!("cumprod {shape:?} {given:?}"), Smooth, [shape], |v| v[0].cumprod(axes(given)), |x| {
            naive::map(&x[0], given, naive::cumprod)
        });
    }
}

#[test]
fn long_rows_reduce_as_short_ones() {
    // Lengths around the kernels' vector widths and blocks.
    for n in [7, 8, 9, 31, 33] {
        case!(format!("logsumexp of {n}"), Smooth, [[2, n]], |v| v[0].logsumexp(-1), |x| {
            naive::reduce(&x[0], Some(&[1]), false, naive::logsumexp)
        });
        case!(format!("softmax of {n}"), Smooth, [[n, 2]], |v| v[0].softmax(0), |x| {
            naive::map(&x[0], Some(&[0]), naive::softmax)
        });
        case!(format!("sum of {n}"), Quadratic, [[n, 3]], |v| v[0].sum(0), |x| {
            naive::reduce(&x[0], Some(&[0]), false, naive::sum)
        });
        case!(format!("cumprod of {n}"), Smooth, [[n]], |v| v[0].cumprod(0), |x| {
            naive::map(&x[0], Some(&[0]), naive::cumprod)
        });
        case!(format!("norm2 of {n}"), Smooth, [[n]], |v| v[0].norm2(0), |x| {
            naive::reduce(&x[0], Some(&[0]), false, naive::norm2)
        });
    }
}

#[test]
fn products_with_zeros_among_the_factors_have_the_right_gradients_to_second_order() {
    let tape = Tape::new();
    let x = tape.var([2.0, 0.0, 3.0, 5.0]);
    let y = x.prod(());
    let slope = tape.grad(y, &[x])[0];
    assert_eq!(y.backward().wrt(x).to_vec(), [0.0, 30.0, 0.0, 0.0]);
    assert_eq!(slope.value().to_vec(), [0.0, 30.0, 0.0, 0.0]);
    // d2/dx_1 dx_0 = 15, and so on.
    assert_eq!(slope.slice(1).backward().wrt(x).to_vec(), [15.0, 0.0, 10.0, 6.0]);
    let x = tape.var([0.0, 3.0, 0.0]);
    assert_eq!(x.prod(()).backward().wrt(x).to_vec(), [0.0; 3]);
    assert_eq!(x.cumprod(0).sum(()).backward().wrt(x).to_vec(), [4.0, 0.0, 0.0]);
}

#[test]
fn reductions_of_nothing_are_their_neutral_elements() {
    let tape = Tape::new();
    let x = tape.var(retrograd::Tensor::zeros([2, 0]));
    assert_eq!(x.sum(1).value().to_vec(), [0.0, 0.0]);
    assert_eq!(x.prod(1).value().to_vec(), [1.0, 1.0]);
    assert_eq!(x.norm1(1).value().to_vec(), [0.0, 0.0]);
    assert_eq!(x.norm2(1).value().to_vec(), [0.0, 0.0]);
    assert_eq!(x.logsumexp(1).value().to_vec(), [f64::NEG_INFINITY; 2]);
    assert_eq!(x.sum(0).shape().dims(), [0]);
    for y in [x.softmax(1), x.log_softmax(0), x.cumsum(1), x.cumprod(1), x.max(keep(0)), x.mean(0)] {
        assert_eq!(y.numel(), 0);
        assert_eq!(y.sum(()).backward().wrt(x).shape().dims(), [2, 0]);
    }
    for y in [x.sum(()), x.prod(()), x.norm2(()), x.sum(keep(1)).sum(())] {
        assert_eq!(y.backward().wrt(x).shape().dims(), [2, 0]);
        assert_eq!(tape.grad(y, &[x])[0].shape().dims(), [2, 0]);
    }
}

#[test]
fn argmax_and_argmin_give_the_first_of_equals_in_every_row() {
    let tape = Tape::new();
    let x = tape.var([[1.0, 5.0, 5.0], [-2.0, -3.0, -3.0]]);
    assert_eq!(x.argmax(1), [1, 0]);
    assert_eq!(x.argmin(-1), [0, 1]);
    assert_eq!(x.argmax(0), [0, 0, 0]);
    assert_eq!(x.argmin(0), [1, 1, 1]);
}

#[test]
fn norm2_neither_overflows_nor_underflows_in_between() {
    let tape = Tape::new();
    for scale in [1e300, 1e-300, 1e-310, 5e-324 * 8.0, 1e-160] {
        let x = tape.var([3.0 * scale, -4.0 * scale]);
        let norm = x.norm2(());
        assert!((norm.item() / (5.0 * scale) - 1.0).abs() < 1e-12, "scale {scale:e}: {}", norm.item());
        let gradient = norm.backward().wrt(x);
        assert!(
            (gradient[[0]] - 0.6).abs() < 1e-12 && (gradient[[1]] + 0.8).abs() < 1e-12,
            "scale {scale:e}: {gradient}"
        );
    }
    let tape = Tape::<f32>::of();
    for scale in [1e37f32, 1e-38, 1e-40] {
        let norm = tape.var([3.0 * scale, -4.0 * scale]).norm2(()).item();
        assert!((norm / (5.0 * scale) - 1.0).abs() < 1e-4, "scale {scale:e}: {norm:e}");
    }
}

#[test]
fn extremes_of_rows_of_every_length_are_found_wherever_they_stand() {
    for n in 1..=100 {
        for at in 0..n {
            let row =
                |x: f64| Tensor::from((0..n).map(|i| if i == at { x } else { (i % 7) as f64 }).collect::<Vec<f64>>());
            assert_eq!((row(9.0).max(()).item(), row(-9.0).min(()).item()), (9.0, -9.0), "{at} of {n}");
            assert_eq!(row(f64::INFINITY).logsumexp(()).item(), f64::INFINITY, "{at} of {n}");
            assert_eq!(row(f64::NEG_INFINITY).norm2(()).item(), f64::INFINITY, "{at} of {n}");
            let not_a_number = row(f64::NAN);
            for found in [not_a_number.max(()), not_a_number.min(()), not_a_number.norm2(())] {
                assert!(found.item().is_nan(), "{at} of {n}: {found}");
            }
        }
        let zeros = Tensor::from(vec![-0.0_f64; n]);
        assert_eq!(zeros.norm2(()).item().to_bits(), 0, "of {n}");
        assert_eq!(
            (zeros.max(()).item().to_bits(), zeros.min(()).item().to_bits()),
            ((-0.0_f64).to_bits(), (-0.0_f64).to_bits())
        );
    }
}
