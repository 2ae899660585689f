//! The functions that generated source calls, each with those that it needs itself. Those of an elementwise op of one argument
//! stand with the op.

use crate::num::elementwise::{Rust, RustFunction};
use crate::ops::UnaryOp;
use crate::ops::structural::{SHARED, TensorOp};
use std::collections::BTreeSet;

/// All of them, in the order in which they are printed.
fn all() -> impl Iterator<Item = &'static RustFunction> {
    let of_ops = UnaryOp::all().into_iter().filter_map(|op| match op.rust() {
        Rust::Function(function, _) => Some(function),
        Rust::Method(..) | Rust::Expansion => None,
    });
    UPSTREAM.iter().chain(of_ops).chain(OTHERS).chain(SHARED).chain(TensorOp::rust_functions())
}

/// Every name that a generated function may call.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|helper| helper.name)
}

/// The texts of these helpers and of those that they call.
pub(super) fn texts(used: &BTreeSet<&'static str>, number: &str) -> String {
    let helpers: Vec<&RustFunction> = all().collect();
    let mut needed = used.clone();
    loop {
        let calls = helpers.iter().filter(|helper| needed.contains(helper.name)).flat_map(|helper| helper.calls);
        let more: Vec<&'static str> = calls.copied().filter(|name| !needed.contains(name)).collect();
        if more.is_empty() {
            break;
        }
        needed.extend(more);
    }
    let used = helpers.iter().filter(|helper| needed.contains(helper.name));
    used.map(|helper| format!("\n{}", helper.text.replace("f64", number))).collect()
}

/// What a gradient is multiplied with.
const UPSTREAM: &[RustFunction] = &[
    RustFunction {
        name: "scale",
        calls: &[],
        text: "/// A gradient times a derivative; where no gradient arrives, none leaves.
fn scale(g: f64, derivative: f64) -> f64 {
    if g == 0.0 { 0.0 } else { g * derivative }
}
",
    },
    RustFunction {
        name: "over",
        calls: &[],
        text: "/// A gradient divided; where no gradient arrives, none leaves.
fn over(g: f64, divisor: f64) -> f64 {
    if g == 0.0 { 0.0 } else { g / divisor }
}
",
    },
    RustFunction {
        name: "gate",
        calls: &[],
        text: "/// A product, and 0 where either is 0, whatever the other.
fn gate(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}
",
    },
];

/// Of ops of two arguments, and of whole tensors.
const OTHERS: &[RustFunction] = &[
    RustFunction {
        name: "maximum",
        calls: &[],
        text: "/// The larger of the two; NaN if either is.
fn maximum(x: f64, y: f64) -> f64 {
    if x > y || x.is_nan() { x } else { y }
}
",
    },
    RustFunction {
        name: "minimum",
        calls: &[],
        text: "/// The smaller of the two; NaN if either is.
fn minimum(x: f64, y: f64) -> f64 {
    if x < y || x.is_nan() { x } else { y }
}
",
    },
    RustFunction {
        name: "logaddexp",
        calls: &[],
        text: "/// ln(e^x + e^y), of powers that do not overflow.
fn logaddexp(x: f64, y: f64) -> f64 {
    let (small, large) = if x > y { (y, x) } else { (x, y) };
    if x == y { x + (2.0 as f64).ln() } else { large + (small - large).exp().ln_1p() }
}
",
    },
    RustFunction {
        name: "xlogy",
        calls: &[],
        text: "/// x ln(y), and 0 where x = 0.
fn xlogy(x: f64, y: f64) -> f64 {
    if x == 0.0 && !y.is_nan() { 0.0 } else { x * y.ln() }
}
",
    },
    RustFunction {
        name: "bce_with_logits",
        calls: &["softplus"],
        text: "/// Binary cross-entropy of a logit against a target.
fn bce_with_logits(logit: f64, target: f64) -> f64 {
    (logit.max(0.0) - logit * target) + softplus(-logit.abs())
}
",
    },
    RustFunction {
        name: "matmul",
        calls: &[],
        text:
            "/// The m x n product of an m x k and a k x n matrix; a transposed one lies in memory the other way round.
fn matmul(x: &[f64], transpose_x: bool, y: &[f64], transpose_y: bool, [m, k, n]: [usize; 3]) -> Vec<f64> {
    let mut out = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..n {
            for l in 0..k {
                let a = if transpose_x { x[l * m + i] } else { x[i * k + l] };
                let b = if transpose_y { y[j * k + l] } else { y[l * n + j] };
                out[i * n + j] += a * b;
            }
        }
    }
    out
}
",
    },
    RustFunction {
        name: "matmul_blocks",
        calls: &["matmul"],
        text: "/// Products of pairs of matrices, one after the other.
fn matmul_blocks(
    x: &[f64],
    transpose_x: bool,
    y: &[f64],
    transpose_y: bool,
    [m, k, n]: [usize; 3],
    pairs: &[(usize, usize)],
) -> Vec<f64> {
    let product = |&(a, b): &(usize, usize)| {
        let (x, y) = (&x[a * m * k..(a + 1) * m * k], &y[b * k * n..(b + 1) * k * n]);
        matmul(x, transpose_x, y, transpose_y, [m, k, n])
    };
    pairs.iter().flat_map(product).collect()
}
",
    },
    RustFunction {
        name: "transpose",
        calls: &[],
        text: "/// Rows as columns.
fn transpose(x: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect()
}
",
    },
    RustFunction {
        name: "sum_axes",
        calls: &[],
        text: "/// The sums over the middle one of three axes.
fn sum_axes(x: &[f64], [outer, n, inner]: [usize; 3]) -> Vec<f64> {
    let mut out = vec![0.0; outer * inner];
    for (i, x) in x.iter().enumerate() {
        out[i / (n * inner) * inner + i % inner] += x;
    }
    out
}
",
    },
    RustFunction {
        name: "places",
        calls: &[],
        text: "/// Where the elements of a view lie.
fn places(start: usize, shape: &[usize], strides: &[isize]) -> Vec<usize> {
    let mut places = vec![start];
    for (&n, &stride) in shape.iter().zip(strides) {
        let along = |&place: &usize| (0..n as isize).map(move |i| (place as isize + i * stride) as usize);
        places = places.iter().flat_map(along).collect();
    }
    places
}
",
    },
    RustFunction {
        name: "view",
        calls: &["places"],
        text: "/// The elements of a view.
fn view(x: &[f64], start: usize, shape: &[usize], strides: &[isize]) -> Vec<f64> {
    places(start, shape, strides).into_iter().map(|i| x[i]).collect()
}
",
    },
    RustFunction {
        name: "embed",
        calls: &["places"],
        text: "/// n zeros, with x added at the elements of a view.
fn embed(x: &[f64], n: usize, start: usize, shape: &[usize], strides: &[isize]) -> Vec<f64> {
    let mut out = vec![0.0; n];
    for (x, i) in x.iter().zip(places(start, shape, strides)) {
        out[i] += x;
    }
    out
}
",
    },
    RustFunction {
        name: "take",
        calls: &[],
        text: "/// Entries of an axis of length n, each of `inner` numbers.
fn take(x: &[f64], n: usize, inner: usize, indices: &[usize]) -> Vec<f64> {
    let block = |block: &[f64]| -> Vec<f64> {
        indices.iter().flat_map(|&i| block[i * inner..(i + 1) * inner].to_vec()).collect()
    };
    x.chunks(n * inner).flat_map(block).collect()
}
",
    },
    RustFunction {
        name: "scatter_add",
        calls: &[],
        text: "/// Zeros, with entries added at places of an axis of length n.
fn scatter_add(x: &[f64], n: usize, inner: usize, indices: &[usize]) -> Vec<f64> {
    let outer = x.len() / (indices.len() * inner);
    let mut out = vec![0.0; outer * n * inner];
    for (k, x) in x.iter().enumerate() {
        let (block, entry, j) = (k / (indices.len() * inner), k / inner % indices.len(), k % inner);
        out[(block * n + indices[entry]) * inner + j] += x;
    }
    out
}
",
    },
    RustFunction {
        name: "concat",
        calls: &[],
        text: "/// Tensors one after the other, block by block.
fn concat(parts: &[&[f64]], blocks: usize) -> Vec<f64> {
    let part = |part: &[f64], block: usize| {
        let n = part.len() / blocks;
        part[block * n..(block + 1) * n].to_vec()
    };
    (0..blocks).flat_map(|block| parts.iter().flat_map(move |x| part(x, block))).collect()
}
",
    },
    RustFunction {
        name: "max_rows",
        calls: &[],
        text: "/// The largest element of each row of n.
fn max_rows(x: &[f64], n: usize) -> Vec<f64> {
    x.chunks(n).map(|row| row.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect()
}
",
    },
    RustFunction {
        name: "min_rows",
        calls: &[],
        text: "/// The smallest element of each row of n.
fn min_rows(x: &[f64], n: usize) -> Vec<f64> {
    x.chunks(n).map(|row| row.iter().copied().fold(f64::INFINITY, f64::min)).collect()
}
",
    },
    RustFunction {
        name: "logsumexp_rows",
        calls: &[],
        text: "/// ln sum e^x of each row of n, of powers that do not overflow.
fn logsumexp_rows(x: &[f64], n: usize) -> Vec<f64> {
    let of = |row: &[f64]| {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if max.is_infinite() { max } else { max + row.iter().map(|x| (x - max).exp()).sum::<f64>().ln() }
    };
    x.chunks(n).map(of).collect()
}
",
    },
    RustFunction {
        name: "norm_rows",
        calls: &[],
        text: "/// The Euclidean norm of each row of n.
fn norm_rows(x: &[f64], n: usize) -> Vec<f64> {
    x.chunks(n).map(|row| row.iter().map(|x| x * x).sum::<f64>().sqrt()).collect()
}
",
    },
    RustFunction {
        name: "softmax_rows",
        calls: &[],
        text: "/// e^x / sum e^x of each row of n, of powers that do not overflow.
fn softmax_rows(x: &[f64], n: usize) -> Vec<f64> {
    let of = |row: &[f64]| -> Vec<f64> {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = row.iter().map(|x| (x - max).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.into_iter().map(|e| e / sum).collect()
    };
    x.chunks(n).flat_map(of).collect()
}
",
    },
    RustFunction {
        name: "log_softmax_rows",
        calls: &[],
        text: "/// x - ln sum e^x of each row of n.
fn log_softmax_rows(x: &[f64], n: usize) -> Vec<f64> {
    let of = |row: &[f64]| -> Vec<f64> {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_sum = row.iter().map(|x| (x - max).exp()).sum::<f64>().ln();
        row.iter().map(|x| x - max - log_sum).collect()
    };
    x.chunks(n).flat_map(of).collect()
}
",
    },
    RustFunction {
        name: "cumsum_rows",
        calls: &[],
        text: "/// Sums up to each element of each row of n.
fn cumsum_rows(x: &[f64], n: usize) -> Vec<f64> {
    let mut out = x.to_vec();
    for row in out.chunks_mut(n) {
        for i in 1..row.len() {
            row[i] += row[i - 1];
        }
    }
    out
}
",
    },
    RustFunction {
        name: "reverse_cumsum_rows",
        calls: &[],
        text: "/// Sums from each element of each row of n on.
fn reverse_cumsum_rows(x: &[f64], n: usize) -> Vec<f64> {
    let mut out = x.to_vec();
    for row in out.chunks_mut(n) {
        for i in (1..row.len()).rev() {
            row[i - 1] += row[i];
        }
    }
    out
}
",
    },
    RustFunction {
        name: "squared_error",
        calls: &[],
        text: "/// The sum of squared differences.
fn squared_error(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum()
}
",
    },
    RustFunction {
        name: "cross_entropy",
        calls: &["log_softmax_rows"],
        text: "/// The mean of -ln softmax at each row's label.
fn cross_entropy(logits: &[f64], classes: usize, labels: &[usize]) -> f64 {
    let logs = log_softmax_rows(logits, classes);
    let sum: f64 = labels.iter().enumerate().map(|(row, label)| -logs[row * classes + label]).sum();
    sum / labels.len() as f64
}
",
    },
    RustFunction {
        name: "cross_entropy_slope",
        calls: &["softmax_rows"],
        text: "/// (softmax - one-hot labels) / rows.
fn cross_entropy_slope(logits: &[f64], classes: usize, labels: &[usize]) -> Vec<f64> {
    let mut out = softmax_rows(logits, classes);
    for (row, label) in labels.iter().enumerate() {
        out[row * classes + label] -= 1.0;
    }
    out.iter().map(|x| x / labels.len() as f64).collect()
}
",
    },
];
