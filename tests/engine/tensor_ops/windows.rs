//! Convolutions and pooling.

use crate::tensor_ops::cases::case;
use crate::tensor_ops::naive::{self, T};
use retrograd::{Conv, Pooling, Tape, Tensor, Var, hessian};

/// Stride, padding and dilation along an axis.
#[derive(Clone, Copy)]
struct Along([usize; 3]);
impl Along {
    fn count(self, n: usize, size: usize) -> usize {
        let Along([stride, padding, dilation]) = self;
        (n + 2 * padding - dilation * (size - 1) - 1) / stride + 1
    }
    fn place(self, window: usize, k: usize, n: usize) -> Option<usize> {
        let Along([stride, padding, dilation]) = self;
        (window * stride + k * dilation).checked_sub(padding).filter(|&i| i < n)
    }
}

/// The definition, in two axes.
fn convolution(x: &T, w: &T, [rows, columns]: [Along; 2], groups: usize) -> T {
    let ([h, wide], [kh, kw]) = ([x.shape()[2], x.shape()[3]], [w.shape()[2], w.shape()[3]]);
    let (channels, outputs) = (w.shape()[1], w.shape()[0] / groups);
    let out = [x.shape()[0], w.shape()[0], rows.count(h, kh), columns.count(wide, kw)];
    naive::build(&out, |at| {
        let mut sum = 0.0;
        for place in naive::indices(&[channels, kh, kw]) {
            let (i, j) = (rows.place(at[2], place[1], h), columns.place(at[3], place[2], wide));
            if let (Some(i), Some(j)) = (i, j) {
                let channel = at[1] / outputs * channels + place[0];
                sum += naive::at(x, &[at[0], channel, i, j]) * naive::at(w, &[at[1], place[0], place[1], place[2]]);
            }
        }
        sum
    })
}
fn in_one_axis(x: &T, w: &T, along: Along, groups: usize) -> T {
    let plane = |x: &T| x.reshape([x.shape()[0], x.shape()[1], 1, x.shape()[2]]);
    let out = convolution(&plane(x), &plane(w), [Along([1, 0, 1]), along], groups);
    out.reshape([out.shape()[0], out.shape()[1], out.shape()[3]])
}

#[test]
fn conv1d_and_conv2d_with_strides_padding_gaps_and_groups() {
    for (n, size, numbers) in
        [(6, 3, [1, 0, 1]), (7, 3, [2, 1, 1]), (6, 2, [3, 2, 2]), (4, 1, [1, 0, 1]), (3, 1, [1, 1, 1])]
    {
        let [stride, padding, dilation] = numbers;
        case!(
            format!("conv1d of {n} by {size}, {numbers:?}"),
            Quadratic,
            [[2, 3, n], [2, 3, size]],
            |v| v[0].conv1d(v[1], Conv::new().stride(stride).padding(padding).dilation(dilation)),
            |x| in_one_axis(&x[0], &x[1], Along(numbers), 1)
        );
    }
    case!("conv1d in groups", Quadratic, [[1, 4, 5], [6, 2, 2]], |v| v[0].conv1d(v[1], Conv::new().groups(2)), |x| {
        in_one_axis(&x[0], &x[1], Along([1, 0, 1]), 2)
    });
    case!("conv2d", Quadratic, [[2, 2, 4, 5], [3, 2, 3, 2]], |v| v[0].conv2d(v[1], Conv::new()), |x| {
        convolution(&x[0], &x[1], [Along([1, 0, 1]); 2], 1)
    });
    case!(
        "conv2d with numbers of each axis",
        Quadratic,
        [[1, 2, 5, 4], [2, 2, 2, 3]],
        |v| v[0].conv2d(v[1], Conv::new().stride([2, 1]).padding([1, 2]).dilation([2, 1])),
        |x| convolution(&x[0], &x[1], [Along([2, 1, 2]), Along([1, 2, 1])], 1)
    );
    case!(
        "conv2d of each channel by itself",
        Quadratic,
        [[1, 3, 4, 4], [3, 1, 3, 3]],
        |v| v[0].conv2d(v[1], Conv::new().padding(1).groups(3)),
        |x| { convolution(&x[0], &x[1], [Along([1, 1, 1]); 2], 3) }
    );
    case!("conv2d of no images", Quadratic, [[0, 2, 4, 4], [3, 2, 3, 3]], |v| v[0].conv2d(v[1], Conv::new()), |x| {
        convolution(&x[0], &x[1], [Along([1, 0, 1]); 2], 1)
    });
}

/// Panels of windows: more of them than one panel has, cut inside of rows, and more images than are added up one after another.
#[test]
fn a_convolution_of_many_panels_is_that_of_one_window_after_another() {
    let number = |salt: usize| {
        move |at: &[usize]| ((at.iter().fold(salt, |all, i| all * 31 + i) * 7919) % 101) as f64 / 50.0 - 1.0
    };
    let cases = [
        (1, 40, [23, 29], 5, [Along([1, 1, 1]), Along([2, 1, 1])]),
        (35, 3, [9, 7], 2, [Along([1, 1, 1]), Along([2, 1, 1])]),
        // Without strides and with many channels, no window is copied: one row after another, padded and with gaps, in several slices.
        (2, 16, [33, 41], 13, [Along([1, 1, 1]), Along([1, 2, 2])]),
        (1, 300, [9, 8], 12, [Along([1, 0, 1]), Along([1, 3, 1])]),
    ];
    for (images, channels, size, outputs, along) in cases {
        let x = Tensor::from_fn([images, channels, size[0], size[1]], number(1));
        let w = Tensor::from_fn([outputs, channels, 3, 3], number(2));
        let tape = Tape::new();
        let (vx, vw) = (tape.var(&x), tape.var(&w));
        let both = |k: usize| along.map(|along| along.0[k]);
        let how = Conv::new().stride(both(0)).padding(both(1)).dilation(both(2));
        let y = vx.conv2d(vw, how);
        let close = |a: &T, b: &T, what: &str| {
            let most = a.iter().zip(b.iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(a.shape() == b.shape() && most < 1e-11, "{what} of {images} images: {most}");
        };
        close(&y.value(), &convolution(&x, &w, along, 1), "value");
        // The form is linear in each argument: its derivatives along the arguments themselves give it back.
        let g = Tensor::from_fn(y.shape().dims(), number(3));
        let total: f64 = y.value().iter().zip(g.iter()).map(|(y, g)| y * g).sum();
        let gradients = y.backward_with(&g);
        for (name, var, value) in [("input", vx, &x), ("kernels", vw, &w)] {
            let back: f64 = gradients.wrt(var).iter().zip(value.iter()).map(|(g, x)| g * x).sum();
            assert!((back - total).abs() < 1e-10 * total.abs().max(1.0), "{name}: {back} for {total}");
        }
        // And one element of each, by its definition.
        let (dx, dw) = (gradients.wrt(vx), gradients.wrt(vw));
        let moved = |x: &T, w: &T| {
            let y = convolution(x, w, along, 1);
            y.iter().zip(g.iter()).map(|(y, g)| y * g).sum::<f64>() - total
        };
        for at in [0, x.len() / 2, x.len() - 1] {
            let mut x = x.clone();
            x.as_mut_slice()[at] += 1.0;
            assert!((moved(&x, &w) - dx.as_slice()[at]).abs() < 1e-9, "input {at}");
        }
        for at in [0, w.len() / 2, w.len() - 1] {
            let mut w = w.clone();
            w.as_mut_slice()[at] += 1.0;
            assert!((moved(&x, &w) - dw.as_slice()[at]).abs() < 1e-9, "kernels {at}");
        }
    }
}

/// The mean or the largest of each window in the last two axes.
fn pooled(x: &T, size: [usize; 2], along: [Along; 2], mean: bool) -> T {
    let rank = x.shape().rank();
    let [h, w] = [x.shape()[rank - 2], x.shape()[rank - 1]];
    let mut shape = x.shape().to_vec();
    shape[rank - 2] = along[0].count(h, size[0]);
    shape[rank - 1] = along[1].count(w, size[1]);
    naive::build(&shape, |at| {
        let (front, window) = at.split_at(rank - 2);
        let places = naive::indices(&size).into_iter().filter_map(|k| {
            let place = [along[0].place(window[0], k[0], h)?, along[1].place(window[1], k[1], w)?];
            Some(naive::at(x, &[front, &place].concat()))
        });
        if mean { places.sum::<f64>() / (size[0] * size[1]) as f64 } else { places.fold(f64::NEG_INFINITY, f64::max) }
    })
}
fn pooled_row(x: &T, size: usize, along: Along, mean: bool) -> T {
    let shape = x.shape().to_vec();
    let plane = x.reshape([&shape[..shape.len() - 1], &[1, shape[shape.len() - 1]]].concat());
    let out = pooled(&plane, [1, size], [Along([1, 0, 1]), along], mean);
    out.reshape([&shape[..shape.len() - 1], &[out.shape()[shape.len()]]].concat())
}

#[test]
fn pooling_with_strides_and_padding() {
    for (n, size, stride, padding) in [(6, 2, 2, 0), (7, 3, 2, 1), (5, 3, 1, 2), (4, 4, 3, 0)] {
        let along = Along([stride, padding, 1]);
        case!(
            format!("max_pool1d of {n} by {size}"),
            Smooth,
            [[2, 2, n]],
            |v| v[0].max_pool1d(Pooling::of(size).stride(stride).padding(padding)),
            |x| pooled_row(&x[0], size, along, false)
        );
        case!(
            format!("avg_pool1d of {n} by {size}"),
            Quadratic,
            [[2, 2, n]],
            |v| v[0].avg_pool1d(Pooling::of(size).stride(stride).padding(padding)),
            |x| pooled_row(&x[0], size, along, true)
        );
    }
    let along = [Along([2, 1, 1]), Along([1, 0, 1])];
    let how = Pooling::of([3, 2]).stride([2, 1]).padding([1, 0]);
    case!("max_pool2d", Smooth, [[2, 1, 5, 4]], |v| v[0].max_pool2d(how), |x| pooled(&x[0], [3, 2], along, false));
    case!("avg_pool2d", Quadratic, [[2, 1, 5, 4]], |v| v[0].avg_pool2d(how), |x| pooled(&x[0], [3, 2], along, true));
    case!("max_pool2d of a plane", Smooth, [[4, 4]], |v| v[0].max_pool2d(Pooling::of(2)), |x| {
        pooled(&x[0], [2, 2], [Along([2, 0, 1]); 2], false)
    });
}

#[test]
fn the_first_of_equals_is_pooled_and_nan_before_all() {
    let tape = Tape::new();
    let x = tape.var([[1.0, 2.0, 2.0, f64::NAN, 5.0, 4.0]]);
    let y = x.max_pool1d(Pooling::of(3));
    assert_eq!(y.value().as_slice()[0], 2.0);
    assert!(y.value().as_slice()[1].is_nan());
    assert_eq!(y.sum(()).backward().wrt(x).to_vec(), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    // Padding is not the largest, however small the others are.
    assert_eq!(Tensor::full([1, 2], -1e300).max_pool1d(Pooling::of(2).padding(1)).to_vec(), [-1e300; 2]);
}

/// A net of both: its Hessian is symmetric, and that of differences.
#[test]
fn second_derivatives_go_through_a_small_net() {
    fn net<'t>(w: Var<'t, f64>) -> Var<'t, f64> {
        let x = w.tape().data(Tensor::from_fn([1, 1, 6, 6], |at| ((at[2] * 5 + at[3] * 3) % 7) as f64 / 3.0 - 1.0));
        let hidden = x.conv2d(w, Conv::new().padding(1)).tanh().max_pool2d(Pooling::of(2));
        hidden.conv2d(w.permute(&[1, 0, 2, 3]), Conv::new()).square().sum(())
    }
    let w = Tensor::from_fn([2, 1, 2, 2], |at| (at[0] * 4 + at[2] * 2 + at[3]) as f64 * 0.17 - 0.5);
    let found = hessian(net, &w);
    let slope = |w: &T| retrograd::grad(net, w).to_vec();
    let n = w.len();
    for j in 0..n {
        let step = |h: f64| {
            let mut w = w.clone();
            w.as_mut_slice()[j] += h;
            slope(&w)
        };
        let (up, down) = (step(1e-5), step(-1e-5));
        for i in 0..n {
            let expected = (up[i] - down[i]) / 2e-5;
            let found = [found.as_slice()[i * n + j], found.as_slice()[j * n + i]];
            assert!(
                (found[0] - expected).abs() < 1e-6 && (found[0] - found[1]).abs() < 1e-12,
                "[{i}, {j}]: {found:?}, {expected}"
            );
        }
    }
}
