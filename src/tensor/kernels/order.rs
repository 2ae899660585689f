//! Positions of elements along rows, and elements by their positions.
//!
//! Positions are numbers of the element type, so that programs compute them as they run. NaN is larger than every number, and equals
//! keep the order in which they stand.

use super::layout;
use crate::num::Element;
use crate::tensor::windows::Windows;

/// Which positions of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Of its elements in rising order.
    Rising,
    /// ... and in falling order.
    Falling,
    /// Of the largest element up to each place, the first of equals.
    LargestSoFar,
    /// ... and of the smallest.
    SmallestSoFar,
    /// Of the largest element of every window over the last axes, the first of equals: as a number among the elements of all of these
    /// axes. Padding is never the largest.
    LargestInWindows(std::sync::Arc<Windows>),
}

/// The largest length along which positions are exact in this element type.
pub(crate) fn longest<T: Element>() -> usize {
    (2.0 / T::EPSILON) as usize
}

/// out = the positions of every row of n elements; of windows, of every plane.
pub(crate) fn positions<T: Element>(order: &Order, x: &[T], n: usize, out: &mut [T]) {
    if out.is_empty() {
        return;
    }
    match order {
        Order::Rising | Order::Falling => {
            let mut keys = Vec::with_capacity(n);
            for (row, out) in x.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
                keys.clear();
                keys.extend(row.iter().enumerate().map(|(i, x)| {
                    let key = key(x.to_f64());
                    (if *order == Order::Rising { key } else { !key }, i)
                }));
                sort(&mut keys);
                out.iter_mut().zip(&keys).for_each(|(out, &(_, i))| *out = T::from_f64(i as f64));
            }
        }
        Order::LargestSoFar => so_far(x, n, out, |a, b| a > b),
        Order::SmallestSoFar => so_far(x, n, out, |a, b| a < b),
        Order::LargestInWindows(windows) => {
            let plane = windows.plane().max(1);
            for (plane, out) in x.chunks(plane).zip(out.chunks_exact_mut(windows.count())) {
                largest_in_windows(plane, windows, out);
            }
        }
    }
}

/// A whole number that is larger where x is; 0 and -0 are equal, and NaN is the largest.
fn key(x: f64) -> u64 {
    let bits = (x + 0.0).to_bits();
    if x.is_nan() {
        u64::MAX
    } else if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

#[inline(never)]
fn sort(keys: &mut [(u64, usize)]) {
    keys.sort_unstable();
}

#[allow(clippy::eq_op, reason = "NaN is what is not itself")]
fn so_far<T: Element>(x: &[T], n: usize, out: &mut [T], better: impl Fn(T, T) -> bool) {
    for (row, out) in x.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
        let (mut best, mut at) = (row[0], 0);
        for (i, (&x, out)) in row.iter().zip(out).enumerate() {
            if better(x, best) || x != x && best == best {
                (best, at) = (x, i);
            }
            *out = T::from_f64(at as f64);
        }
    }
}

#[allow(clippy::eq_op, reason = "NaN is what is not itself")]
fn largest_in_windows<T: Element>(plane: &[T], windows: &Windows, out: &mut [T]) {
    let counts: Vec<usize> = windows.counts().collect();
    let (last, outer) = windows.0.split_last().expect("windows slide over an axis");
    let mut out = out.chunks_exact_mut(last.count);
    Windows::each(&counts[..outer.len()], |window| {
        let out = out.next().expect("a row for each");
        // The rows that a window of this row has: the first place of each, row by row.
        let within: Vec<_> = outer.iter().zip(window).map(|(along, &window)| along.within(window)).collect();
        let sizes: Vec<usize> = within.iter().map(|k| k.len()).collect();
        let mut rows: Vec<usize> = Vec::with_capacity(sizes.iter().product());
        Windows::each(&sizes, |k| {
            let place = outer.iter().zip(window).zip(within.iter().zip(k)).try_fold(
                0,
                |place, ((along, &window), (within, &k))| {
                    along.place(window, within.start + k).map(|i| place * along.n + i)
                },
            );
            rows.extend(place.map(|place| place * last.n));
        });
        for (window, out) in out.iter_mut().enumerate() {
            let mut best: Option<(T, usize)> = None;
            for &row in &rows {
                for k in last.within(window) {
                    let Some(i) = last.place(window, k) else { continue };
                    let x = plane[row + i];
                    if best.is_none_or(|(best, _)| x > best || x != x && best == best) {
                        best = Some((x, row + i));
                    }
                }
            }
            *out = T::from_f64(best.map_or(0, |(_, at)| at) as f64);
        }
    });
}

/// A label that is no position: which row it is in, where there, and what it is.
pub(crate) struct NoPosition {
    pub row: usize,
    pub at: usize,
    pub label: f64,
}

/// The positions of a row as whole numbers below n.
fn whole<T: Element>(positions: &[T], n: usize, row: usize, out: &mut Vec<usize>) -> Result<(), NoPosition> {
    out.clear();
    for (at, label) in positions.iter().enumerate() {
        let label = label.to_f64();
        // What is negative, NaN or too large becomes another number.
        let position = label as usize;
        if position as f64 != label || position >= n {
            return Err(NoPosition { row, at, label });
        }
        out.push(position);
    }
    Ok(())
}

/// out[row, i] = x[row, positions[row, i]], of n elements and m positions in a row.
pub(crate) fn take_along<T: Element>(
    x: &[T],
    n: usize,
    positions: &[T],
    m: usize,
    out: &mut [T],
) -> Result<(), NoPosition> {
    let mut places = Vec::with_capacity(m);
    for (row, (positions, out)) in positions.chunks_exact(m.max(1)).zip(out.chunks_exact_mut(m.max(1))).enumerate() {
        whole(positions, n, row, &mut places)?;
        let x = &x[row * n..(row + 1) * n];
        out.iter_mut().zip(&places).for_each(|(out, &i)| *out = x[i]);
    }
    Ok(())
}

/// out[row, positions[row, i]] += x[row, i], of n elements of zeros and m positions in a row; long sums as [`layout::scatter_add`] has them.
pub(crate) fn put_along<T: Element>(
    x: &[T],
    n: usize,
    positions: &[T],
    m: usize,
    out: &mut [T],
) -> Result<(), NoPosition> {
    out.fill(T::from_f64(0.0));
    let mut places = Vec::with_capacity(m);
    for (row, (positions, x)) in positions.chunks_exact(m.max(1)).zip(x.chunks_exact(m.max(1))).enumerate() {
        whole(positions, n, row, &mut places)?;
        layout::scatter_add(x, n, 1, &places, &mut out[row * n..(row + 1) * n]);
    }
    Ok(())
}
