//! The same functions as loops over indices: slow, and plain enough to be read as the definition.

use retrograd::Tensor;

pub type T = Tensor<f64>;

/// The index of every element, row-major.
pub fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &n in shape {
        all = all.iter().flat_map(|index| (0..n).map(|i| [&index[..], &[i]].concat())).collect();
    }
    all
}

pub fn build(shape: &[usize], f: impl Fn(&[usize]) -> f64) -> T {
    Tensor::new(shape, indices(shape).iter().map(|index| f(index)).collect()).unwrap()
}

pub fn at(x: &T, index: &[usize]) -> f64 {
    x.get(index).unwrap_or_else(|| panic!("{index:?} in {}", x.shape()))
}

/// Axes as a mask; `None` is all of them, negative numbers count from the last.
fn chosen(rank: usize, axes: Option<&[isize]>) -> Vec<bool> {
    match axes {
        None => vec![true; rank],
        Some(axes) => {
            (0..rank as isize).map(|axis| axes.iter().any(|&a| a == axis || a + rank as isize == axis)).collect()
        }
    }
}

/// The elements over which a reduction runs, by place among the axes that stay, as indices.
fn groups(shape: &[usize], chosen: &[bool]) -> Vec<(Vec<usize>, Vec<Vec<usize>>)> {
    let kept: Vec<usize> = (0..shape.len()).filter(|&axis| !chosen[axis]).collect();
    let lengths: Vec<usize> = kept.iter().map(|&axis| shape[axis]).collect();
    let member = |index: &[usize], place: &[usize]| kept.iter().zip(place).all(|(&axis, &i)| index[axis] == i);
    let everything = indices(shape);
    indices(&lengths)
        .into_iter()
        .map(|place| {
            let members = everything.iter().filter(|index| member(index, &place)).cloned().collect();
            (place, members)
        })
        .collect()
}

/// A function of the elements along axes, giving one number.
pub fn reduce(x: &T, axes: Option<&[isize]>, keep: bool, f: impl Fn(&[f64]) -> f64) -> T {
    let chosen = chosen(x.shape().rank(), axes);
    let values = groups(x.shape(), &chosen)
        .iter()
        .map(|(_, members)| f(&members.iter().map(|index| at(x, index)).collect::<Vec<_>>()))
        .collect();
    let lengths = x.shape().iter().zip(&chosen);
    let shape: Vec<usize> = match keep {
        true => lengths.map(|(&n, &gone)| if gone { 1 } else { n }).collect(),
        false => lengths.filter(|(_, gone)| !**gone).map(|(&n, _)| n).collect(),
    };
    Tensor::new(&shape, values).unwrap()
}

/// A function of the elements along axes, giving as many.
pub fn map(x: &T, axes: Option<&[isize]>, f: impl Fn(&[f64]) -> Vec<f64>) -> T {
    let mut out = x.clone();
    for (_, members) in groups(x.shape(), &chosen(x.shape().rank(), axes)) {
        let results = f(&members.iter().map(|index| at(x, index)).collect::<Vec<_>>());
        for (index, result) in members.iter().zip(results) {
            let offset = index.iter().zip(x.shape().iter()).fold(0, |offset, (i, n)| offset * n + i);
            out.as_mut_slice()[offset] = result;
        }
    }
    out
}

pub fn sum(xs: &[f64]) -> f64 {
    xs.iter().sum()
}
pub fn mean(xs: &[f64]) -> f64 {
    sum(xs) / xs.len() as f64
}
pub fn prod(xs: &[f64]) -> f64 {
    xs.iter().product()
}
pub fn max(xs: &[f64]) -> f64 {
    xs.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}
pub fn min(xs: &[f64]) -> f64 {
    xs.iter().copied().fold(f64::INFINITY, f64::min)
}
pub fn var(xs: &[f64], ddof: usize) -> f64 {
    let mean = mean(xs);
    xs.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (xs.len() - ddof) as f64
}
pub fn norm1(xs: &[f64]) -> f64 {
    xs.iter().map(|x| x.abs()).sum()
}
pub fn norm2(xs: &[f64]) -> f64 {
    xs.iter().map(|x| x * x).sum::<f64>().sqrt()
}
pub fn norm_inf(xs: &[f64]) -> f64 {
    xs.iter().map(|x| x.abs()).fold(0.0, f64::max)
}
pub fn logsumexp(xs: &[f64]) -> f64 {
    xs.iter().map(|x| x.exp()).sum::<f64>().ln()
}
pub fn softmax(xs: &[f64]) -> Vec<f64> {
    let total: f64 = xs.iter().map(|x| x.exp()).sum();
    xs.iter().map(|x| x.exp() / total).collect()
}
pub fn log_softmax(xs: &[f64]) -> Vec<f64> {
    softmax(xs).into_iter().map(f64::ln).collect()
}
pub fn cumsum(xs: &[f64]) -> Vec<f64> {
    (1..=xs.len()).map(|n| xs[..n].iter().sum()).collect()
}
pub fn cumprod(xs: &[f64]) -> Vec<f64> {
    (1..=xs.len()).map(|n| xs[..n].iter().product()).collect()
}

/// Two arguments element by element, with broadcasting.
pub fn zip(x: &T, y: &T, f: impl Fn(f64, f64) -> f64) -> T {
    let shape = broadcast_shape(x.shape(), y.shape());
    build(&shape, |index| f(stretched(x, index), stretched(y, index)))
}

pub fn broadcast_shape(x: &[usize], y: &[usize]) -> Vec<usize> {
    let rank = x.len().max(y.len());
    let pad = |s: &[usize]| [vec![1; rank - s.len()], s.to_vec()].concat();
    pad(x).iter().zip(pad(y)).map(|(&a, b)| if a == 1 { b } else { a }).collect()
}

/// The element that a stretched tensor has at an index.
pub fn stretched(x: &T, index: &[usize]) -> f64 {
    let own = &index[index.len() - x.shape().rank()..];
    at(x, &own.iter().zip(x.shape().iter()).map(|(&i, &n)| if n == 1 { 0 } else { i }).collect::<Vec<_>>())
}

pub fn permute(x: &T, axes: &[usize]) -> T {
    let shape: Vec<usize> = axes.iter().map(|&axis| x.shape()[axis]).collect();
    build(&shape, |index| {
        let mut source = vec![0; axes.len()];
        axes.iter().zip(index).for_each(|(&axis, &i)| source[axis] = i);
        at(x, &source)
    })
}

/// The last two axes swapped.
pub fn transpose(x: &T) -> T {
    let rank = x.shape().rank();
    permute(x, &(0..rank - 2).chain([rank - 1, rank - 2]).collect::<Vec<_>>())
}

/// The product of matrices in the last two axes, others broadcast; vectors are a row on the left, a column on the right.
pub fn matmul(x: &T, y: &T) -> T {
    if x.shape().rank() == 1 {
        let row = matmul(&x.reshape([1, x.len()]), y);
        let mut shape = row.shape().to_vec();
        shape.remove(shape.len() - if y.shape().rank() == 1 { 1 } else { 2 });
        return row.reshape(shape);
    }
    if y.shape().rank() == 1 {
        let column = matmul(x, &y.reshape([y.len(), 1]));
        let mut shape = column.shape().to_vec();
        shape.pop();
        return column.reshape(shape);
    }
    let (xr, yr) = (x.shape().rank(), y.shape().rank());
    let (m, k, n) = (x.shape()[xr - 2], x.shape()[xr - 1], y.shape()[yr - 1]);
    let blocks = broadcast_shape(&x.shape()[..xr - 2], &y.shape()[..yr - 2]);
    build(&[&blocks[..], &[m, n]].concat(), |index| {
        let (block, &[i, j]) = index.split_at(blocks.len()) else { unreachable!("rank of the output") };
        let index = |own: &T, row: usize, column: usize| {
            let lead = own.shape().rank() - 2;
            let place = &block[block.len() - lead..];
            let mut index: Vec<usize> =
                place.iter().zip(own.shape().iter()).map(|(&i, &n)| if n == 1 { 0 } else { i }).collect();
            index.extend([row, column]);
            index
        };
        (0..k).map(|l| at(x, &index(x, i, l)) * at(y, &index(y, l, j))).sum()
    })
}

/// The determinant by expansion along the first row.
pub fn det(x: &[Vec<f64>]) -> f64 {
    if x.is_empty() {
        return 1.0;
    }
    (0..x.len())
        .map(|j| {
            let minor: Vec<Vec<f64>> = x[1..].iter().map(|row| [&row[..j], &row[j + 1..]].concat()).collect();
            if j.is_multiple_of(2) { x[0][j] * det(&minor) } else { -x[0][j] * det(&minor) }
        })
        .sum()
}

/// The inverse by cofactors.
pub fn inv(x: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let (n, whole) = (x.len(), det(x));
    let cofactor = |i: usize, j: usize| {
        let rows = (0..n).filter(|&r| r != i);
        let minor: Vec<Vec<f64>> = rows.map(|r| [&x[r][..j], &x[r][j + 1..]].concat()).collect();
        if (i + j).is_multiple_of(2) { det(&minor) } else { -det(&minor) }
    };
    (0..n).map(|i| (0..n).map(|j| cofactor(j, i) / whole).collect()).collect()
}

/// Every matrix in the last two axes, as rows.
pub fn matrices(x: &T) -> Vec<Vec<Vec<f64>>> {
    let rank = x.shape().rank();
    let (rows, columns) = (x.shape()[rank - 2], x.shape()[rank - 1]);
    let count = x.shape()[..rank - 2].iter().product();
    let row = |k: usize, i: usize| x.as_slice()[(k * rows + i) * columns..][..columns].to_vec();
    (0..count).map(|k| (0..rows).map(|i| row(k, i)).collect()).collect()
}

/// The inverse of every matrix in the last two axes.
pub fn inverse(x: &T) -> T {
    let data = matrices(x).iter().flat_map(|m| inv(m).concat()).collect();
    Tensor::new(x.shape(), data).unwrap()
}
