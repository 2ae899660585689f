//! One op of each family: value and gradient of the sum, on the tape, in a program, and in a loop written by hand.

use super::scalars::numbers;
use criterion::Criterion;
use retrograd::{Conv, Program, Tape, Tensor, Var, keep};
use std::hint::black_box;

const ROWS: usize = 64;
const COLUMNS: usize = 64;

/// An op on a matrix, and a loop that gives the sum of its values and writes the derivatives of that.
struct Family {
    name: &'static str,
    op: for<'t> fn(Var<'t, f32>) -> Var<'t, f32>,
    by_hand: fn(&[f32], &mut [f32]) -> f32,
}

/// A loop from a function of one element that gives value and derivative.
macro_rules! each {
    (|$x:ident| $body:expr) => {
        |xs, gradient| {
            let mut sum = 0.0;
            for (&$x, g) in xs.iter().zip(gradient) {
                let (value, slope): (f32, f32) = $body;
                sum += value;
                *g = slope;
            }
            sum
        }
    };
}

const FAMILIES: &[Family] = &[
    Family { name: "arithmetic", op: |x| x * x - x * 0.5, by_hand: each!(|x| (x * x - x * 0.5, 2.0 * x - 0.5)) },
    Family { name: "exponential", op: |x| x.exp(), by_hand: each!(|x| (x.exp(), x.exp())) },
    Family { name: "trigonometric", op: |x| x.sin(), by_hand: each!(|x| (x.sin(), x.cos())) },
    Family {
        name: "hyperbolic",
        op: |x| x.tanh(),
        by_hand: each!(|x| {
            let y = x.tanh();
            (y, 1.0 - y * y)
        }),
    },
    Family {
        name: "power",
        op: |x| (x * x + 1.0).sqrt(),
        by_hand: each!(|x| {
            let y = (x * x + 1.0).sqrt();
            (y, x / y)
        }),
    },
    Family {
        name: "activation",
        op: |x| x.sigmoid(),
        by_hand: each!(|x| {
            let y = 1.0 / (1.0 + (-x).exp());
            (y, y * (1.0 - y))
        }),
    },
    Family {
        name: "choice",
        op: |x| x.greater(Var::constant(0.0)).select(x * x, -x),
        by_hand: each!(|x| if x > 0.0 { (x * x, 2.0 * x) } else { (-x, -1.0) }),
    },
    Family { name: "rows and columns", op: |x| x * x.sum(keep(1)), by_hand: times_row_sums },
    Family { name: "softmax", op: |x| x.softmax(1).square(), by_hand: softmax_squares },
    Family { name: "layout", op: |x| x.t().square(), by_hand: each!(|x| (x * x, 2.0 * x)) },
];

/// sum_ij x_ij s_i with the row sums s: sum_i s_i^2.
fn times_row_sums(x: &[f32], gradient: &mut [f32]) -> f32 {
    let rows = x.chunks(COLUMNS).zip(gradient.chunks_mut(COLUMNS));
    rows.map(|(x, g)| {
        let sum: f32 = x.iter().sum();
        g.fill(2.0 * sum);
        sum * sum
    })
    .sum()
}

/// The sum of p^2 over the softmax p of each row; its derivative is 2 p (p - sum of p^2).
fn softmax_squares(x: &[f32], gradient: &mut [f32]) -> f32 {
    let rows = x.chunks(COLUMNS).zip(gradient.chunks_mut(COLUMNS));
    rows.map(|(x, g)| {
        let largest = x.iter().copied().fold(f32::MIN, f32::max);
        g.iter_mut().zip(x).for_each(|(g, x)| *g = (x - largest).exp());
        let total: f32 = g.iter().sum();
        g.iter_mut().for_each(|p| *p /= total);
        let squares: f32 = g.iter().map(|p| p * p).sum();
        g.iter_mut().for_each(|p| *p = 2.0 * *p * (*p - squares));
        squares
    })
    .sum()
}

fn family(c: &mut Criterion, family: &Family) {
    let elements = numbers(ROWS * COLUMNS, -2.0, 2.0).iter().map(|&x| x as f32).collect();
    let x = Tensor::new([ROWS, COLUMNS], elements).expect("as many numbers");
    let (op, by_hand) = (family.op, family.by_hand);
    let program = Program::compile_gradient(std::slice::from_ref(&x), &[0], |v| op(v[0]).sum(()));
    let mut program = program.expect("an op");
    program.run(&[&x]).expect("numbers");
    let mut gradient = vec![0.0; x.len()];
    let value = by_hand(x.as_slice(), &mut gradient);
    let close = |a: f32, b: f32| (a - b).abs() <= 1e-4 * (1.0 + b.abs());
    assert!(close(program.item(0), value), "{}: {} by hand, {}", family.name, value, program.item(0));
    assert!(program.output(1).iter().zip(&gradient).all(|(&a, &b)| close(a, b)), "{}: gradients differ", family.name);
    let mut group = c.benchmark_group(format!("op: {}", family.name));
    group.bench_function("hand", |b| b.iter(|| by_hand(black_box(x.as_slice()), &mut gradient)));
    group.bench_function("program", |b| b.iter(|| program.run(&[black_box(&x)]).expect("numbers")));
    let mut tape = Tape::<f32>::of();
    group.bench_function("tape", |b| {
        b.iter(|| {
            let (value, _, grads) = tape.step(|t| (op(t.var(black_box(&x))).sum(()), ()));
            tape.recycle(grads);
            value
        })
    });
    group.finish();
}

/// Products of [n, n] matrices and their gradients by both, beside three bare products.
fn products(c: &mut Criterion, n: usize) {
    let random = |seed: usize| -> Tensor<f32> {
        Tensor::from_fn([n, n], |index| ((index[0] * 31 + index[1] * 17 + seed) % 13) as f32 / 13.0 - 0.5)
    };
    let (x, y, ones) = (random(1), random(2), Tensor::full([n, n], 1.0));
    let mut outputs = [random(0), random(0), random(0)];
    let program = Program::compile_gradient(&[x.clone(), y.clone()], &[0, 1], |v| v[0].matmul(v[1]).sum(()));
    let mut program = program.expect("a product");
    let by_hand = |[product, dx, dy]: &mut [Tensor<f32>; 3]| {
        product.assign_matmul(black_box(&x), false, &y, false);
        dx.assign_matmul(&ones, false, &y, true);
        dy.assign_matmul(&x, true, &ones, false);
    };
    // Before they are timed, so that a filter which leaves one out leaves the check.
    by_hand(&mut outputs);
    program.run(&[&x, &y]).expect("numbers");
    for k in [1, 2] {
        let near = program.output(k).iter().zip(outputs[k].iter()).all(|(a, b)| (a - b).abs() < 1e-3);
        assert!(near, "product of {n}: gradient {k} differs");
    }
    let mut group = c.benchmark_group(format!("op: product of {n}"));
    group.bench_function("hand", |b| b.iter(|| by_hand(&mut outputs)));
    group.bench_function("program", |b| b.iter(|| program.run(&[black_box(&x), &y]).expect("numbers")));
    group.finish();
}

fn random(shape: &[usize], seed: usize) -> Tensor<f32> {
    Tensor::from_fn(shape, |at| (at.iter().fold(seed, |all, i| all * 31 + i * 17) % 13) as f32 / 13.0 - 0.5)
}

/// A product by letters beside the product, on a tape.
fn letters(
    c: &mut Criterion,
    letters: &str,
    shapes: [&[usize]; 2],
    product: for<'t> fn(&[Var<'t, f32>]) -> Var<'t, f32>,
) {
    let inputs = [random(shapes[0], 1), random(shapes[1], 2)];
    let by_letters = |v: &[Var<'_, f32>]| Var::einsum(letters, v).value();
    let plain = |v: &[Var<'_, f32>]| product(v).value();
    let mut tape = Tape::<f32>::of();
    let mut group = c.benchmark_group(format!("op: einsum {letters} {:?}", shapes[0]));
    for (name, f) in [("matmul", &plain as &dyn Fn(&[Var<'_, f32>]) -> Tensor<f32>), ("einsum", &by_letters)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let out = f(&inputs.each_ref().map(|x| tape.data(black_box(x))));
                tape.clear();
                out
            })
        });
    }
    group.finish();
}

/// A convolution [batch, channels, side, side] with kernels [outputs, channels, size, size], its gradients, and a product of matrices of as
/// many multiplications.
fn convolution(c: &mut Criterion, [batch, channels, side, outputs, size]: [usize; 5]) {
    let (x, w) = (random(&[batch, channels, side, side], 1), random(&[outputs, channels, size, size], 2));
    let how = Conv::new().padding(size / 2);
    let (depth, count) = (channels * size * size, batch * side * side);
    let (left, right) = (random(&[outputs, depth], 3), random(&[depth, count], 4));
    let mut tape = Tape::<f32>::of();
    let name = format!("op: conv2d [{batch}, {channels}, {side}, {side}] by {outputs} of {size}");
    let mut group = c.benchmark_group(name);
    group.bench_function("product of the size", |b| {
        b.iter(|| {
            let out = tape.data(black_box(&left)).matmul(tape.data(&right)).value();
            tape.clear();
            out
        })
    });
    group.bench_function("value", |b| {
        b.iter(|| {
            let out = tape.data(black_box(&x)).conv2d(tape.data(&w), how).value();
            tape.clear();
            out
        })
    });
    group.bench_function("value and both gradients", |b| {
        b.iter(|| {
            let (value, _, grads) = tape.step(|t| (t.var(black_box(&x)).conv2d(t.var(&w), how).sum(()), ()));
            tape.recycle(grads);
            value
        })
    });
    group.finish();
}

pub fn benches(c: &mut Criterion) {
    FAMILIES.iter().for_each(|one| family(c, one));
    products(c, 16);
    products(c, 256);
    letters(c, "ij,jk->ik", [&[256, 256], &[256, 256]], |v| v[0].matmul(v[1]));
    letters(c, "ij,kj->ik", [&[64, 784], &[128, 784]], |v| v[0].matmul_nt(v[1]));
    letters(c, "bij,bjk->bik", [&[32, 64, 64], &[32, 64, 64]], |v| v[0].matmul(v[1]));
    letters(c, "bij,jk->bik", [&[32, 64, 64], &[64, 64]], |v| v[0].matmul(v[1]));
    convolution(c, [8, 64, 28, 64, 3]);
    convolution(c, [16, 3, 32, 32, 5]);
    convolution(c, [8, 64, 28, 128, 1]);
    convolution(c, [1, 256, 14, 256, 3]);
}
