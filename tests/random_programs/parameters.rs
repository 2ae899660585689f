//! Parameters that fit, for the ops that have some.

use crate::methods::Method;
use crate::values::Random;
use retrograd::ops::UnaryOp;

/// Of an elementwise op. An op without a line here gets two positive numbers in order.
pub fn of_unary(op: UnaryOp, random: &mut Random) -> [f64; 2] {
    match op.name() {
        "powi" => [random.of(&[-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 7.0]), 0.0],
        "powf" => [random.of(&[-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0]), 0.0],
        "polygamma" | "sinc_derivative" => [random.of(&[0.0, 1.0, 2.0, 3.0]), 0.0],
        "clamp" => random.of(&[[-1.0, 1.0], [0.0, 2.0], [-0.5, 0.0], [1.0, 1.0]]),
        _ => [random.of(&[0.1, 0.5, 1.0, 1.5]), 2.0],
    }
}

/// The shape that the second variable of a method needs beside this one.
pub fn second_shape(name: &str, shape: &[usize], random: &mut Random) -> Vec<usize> {
    let n = random.of(&[1, 2, 3, 8]);
    match (name, shape) {
        ("matmul", [.., k]) if shape.len() > 1 => vec![*k, n],
        ("matmul_tn", [rows, _]) => vec![*rows, n],
        ("matmul_nt", [_, k]) => vec![n, *k],
        ("outer", _) => vec![n],
        ("kron", _) => (0..random.below(3)).map(|_| random.of(&[1, 2])).collect(),
        ("conv1d", [_, channels, length]) => vec![n, *channels, random.between(1, (*length).clamp(1, 3))],
        ("conv2d", [_, channels, height, width]) => {
            let size = |n: usize, random: &mut Random| random.between(1, n.clamp(1, 3));
            vec![n, *channels, size(*height, random), size(*width, random)]
        }
        ("solve", [rows, _]) => random.of(&[&[*rows][..], &[*rows, n]]).to_vec(),
        _ => shape.to_vec(),
    }
}

fn an_axis(rank: usize, random: &mut Random) -> isize {
    let axis = random.below(rank.max(1)) as isize;
    if random.chance(25) { axis - rank as isize } else { axis }
}

fn some_axes(rank: usize, random: &mut Random) -> Option<Vec<isize>> {
    if random.chance(30) {
        return None;
    }
    let mut axes: Vec<isize> = (0..rank as isize).filter(|_| random.chance(40)).collect();
    if axes.is_empty() && rank > 0 {
        axes.push(an_axis(rank, random));
    }
    Some(axes)
}

fn below_all(count: usize, n: usize, random: &mut Random) -> Vec<usize> {
    (0..count).map(|_| random.below(n.max(1))).collect()
}

/// Another shape of as many elements.
fn reshaped(shape: &[usize], random: &mut Random) -> Vec<usize> {
    let mut dims = shape.to_vec();
    match random.below(4) {
        0 => vec![shape.iter().product()],
        1 => {
            let at = random.below(dims.len() + 1);
            dims.insert(at, 1);
            dims
        }
        2 if dims.len() > 1 => {
            let last = dims.pop().unwrap_or(1);
            *dims.last_mut().expect("another axis") *= last;
            dims
        }
        _ => {
            dims.reverse();
            dims
        }
    }
}

/// A method with parameters for a variable of this shape; they need not fit, but mostly do.
pub fn of_method(name: &'static str, shape: &[usize], random: &mut Random) -> Method {
    let rank = shape.len();
    let axis = an_axis(rank, random);
    let along = shape.get(axis.rem_euclid(rank.max(1) as isize) as usize).copied().unwrap_or(1);
    let mut method = Method { name, axis, axes: some_axes(rank, random), ..Method::default() };
    match name {
        "var" | "var_keep" | "std" | "std_keep" => method.length = random.below(2),
        "reshape" => method.dims = reshaped(shape, random),
        "broadcast_to" => {
            method.dims = shape.iter().map(|&n| if n == 1 { random.between(1, 3) } else { n }).collect();
            if random.chance(50) {
                method.dims.insert(0, random.between(1, 3));
            }
        }
        "permute" => {
            method.dims = (0..rank).collect();
            for k in (1..rank).rev() {
                method.dims.swap(k, random.below(k + 1));
            }
        }
        "swap_axes" => method.other = an_axis(rank, random),
        "roll" => method.other = random.between(0, 7) as isize - 3,
        "tril" | "triu" => method.other = random.between(0, 4) as isize - 2,
        "unsqueeze" => method.axis = random.below(rank + 1) as isize,
        "squeeze" => {
            let single = (0..rank).filter(|&k| shape[k] == 1).map(|k| k as isize).collect();
            method.axes = if random.chance(50) { None } else { Some(single) };
        }
        "slice" => {
            for &n in &shape[..random.below(rank + 1)] {
                let (a, b) = (random.below(n + 1) as isize, random.below(n + 1) as isize);
                method.spans.push([a.min(b), a.max(b), random.of(&[1, 1, 2, -1, -2])]);
            }
        }
        "gather" => {
            let count = random.between(0, 4);
            method.indices = below_all(count, along, random);
        }
        "pick_along" => {
            let places = shape.iter().product::<usize>() / along.max(1);
            method.indices = below_all(places, along, random);
        }
        "conv1d" | "conv2d" => {
            method.length = random.between(1, 2);
            method.other = random.below(2) as isize;
        }
        "max_pool1d" | "max_pool2d" | "avg_pool1d" | "avg_pool2d" => {
            method.dims = vec![random.between(1, 3), random.between(1, 2), random.below(2)];
            method.dims[2] = method.dims[2].min(method.dims[0] - 1);
        }
        "scatter_add" => {
            method.length = random.between(1, 5);
            method.indices = below_all(along, method.length, random);
        }
        "pick" | "cross_entropy" | "nll" if rank == 2 => method.indices = below_all(shape[0], shape[1], random),
        "pad" => method.widths = shape.iter().map(|_| (random.below(3), random.below(2))).collect(),
        "tile" => method.dims = shape.iter().map(|_| random.between(1, 2)).collect(),
        "huber_error" => method.number = random.of(&[0.3, 1.0, 2.0]),
        _ => {}
    }
    method
}
