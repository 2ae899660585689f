//! Moving elements: strided views, blocks by index, concatenation. The one sum here is that of what goes to the same place.

use crate::num::Element;
use smallvec::SmallVec;
use std::cell::Cell;

/// A view into a buffer: where it starts, and how far each axis steps, backwards too.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    pub start: usize,
    pub strides: SmallVec<[isize; 4]>,
}

/// out = the elements of the view, in the order of `dims`.
pub(crate) fn read_view<T: Element>(x: &[T], view: &View, dims: &[usize], out: &mut [T]) {
    let mut out = out.iter_mut();
    for_each_run(view, dims, |start, step, n| {
        if step == 1 {
            for (out, &x) in out.by_ref().take(n).zip(&x[start..start + n]) {
                *out = x;
            }
        } else {
            for (i, out) in out.by_ref().take(n).enumerate() {
                *out = x[(start as isize + i as isize * step) as usize];
            }
        }
    });
}

/// The elements of the view += x.
pub(crate) fn add_to_view<T: Element>(x: &[T], view: &View, dims: &[usize], out: &mut [T]) {
    let mut x = x.iter();
    for_each_run(view, dims, |start, step, n| {
        for (i, &x) in x.by_ref().take(n).enumerate() {
            out[(start as isize + i as isize * step) as usize] += x;
        }
    });
}

/// Calls `run(start, step, length)` for every run along the last axis.
fn for_each_run(view: &View, dims: &[usize], mut run: impl FnMut(usize, isize, usize)) {
    if dims.contains(&0) {
        return;
    }
    let Some((&n, outer)) = dims.split_last() else {
        return run(view.start, 1, 1);
    };
    let step = view.strides[outer.len()];
    let mut counters: SmallVec<[usize; 4]> = SmallVec::from_elem(0, outer.len());
    let mut start = view.start as isize;
    loop {
        run(start as usize, step, n);
        let mut axis = outer.len();
        loop {
            let Some(next) = axis.checked_sub(1) else { return };
            axis = next;
            counters[axis] += 1;
            start += view.strides[axis];
            if counters[axis] < outer[axis] {
                break;
            }
            counters[axis] = 0;
            start -= view.strides[axis] * outer[axis] as isize;
        }
    }
}

/// out[o, j, :] = x[o, indices[j], :] for x of [outer, n, inner].
pub(crate) fn take<T: Element>(x: &[T], n: usize, inner: usize, indices: &[usize], out: &mut [T]) {
    if out.is_empty() {
        return;
    }
    if inner == 1 && x.len() == n {
        for (out, &i) in out.iter_mut().zip(indices) {
            *out = x[i];
        }
        return;
    }
    let blocks = x.chunks_exact(n * inner).zip(out.chunks_exact_mut(indices.len() * inner));
    for (x, out) in blocks {
        for (out, &i) in out.chunks_exact_mut(inner).zip(indices) {
            out.copy_from_slice(&x[i * inner..(i + 1) * inner]);
        }
    }
}

/// out[o, indices[j], :] += x[o, j, :] for out of [outer, n, inner], which holds zeros.
///
/// A row that is met again and again, as a padding token's is, is summed like any other long sum: what has been added to it leaves
/// for a level of its own every [`MEETINGS`] times.
pub(crate) fn scatter_add<T: Element>(x: &[T], n: usize, inner: usize, indices: &[usize], out: &mut [T]) {
    if x.is_empty() {
        return;
    }
    // Few indices meet no row often.
    let mut met = MET.take();
    met.resize(if indices.len() <= MEETINGS as usize { 0 } else { n }, Met::default());
    let blocks = x.chunks_exact(indices.len() * inner).zip(out.chunks_exact_mut(n * inner));
    for (x, out) in blocks {
        if met.is_empty() {
            for (x, &i) in x.chunks_exact(inner).zip(indices) {
                add(&mut out[i * inner..(i + 1) * inner], x);
            }
            continue;
        }
        met.fill(Met::default());
        let (mut often, mut carried): (Vec<Often>, Vec<T>) = (Vec::new(), Vec::new());
        for (x, &i) in x.chunks_exact(inner).zip(indices) {
            let row = &mut out[i * inner..(i + 1) * inner];
            add(row, x);
            let met = &mut met[i];
            met.times += 1;
            if met.times == MEETINGS {
                met.times = 0;
                if met.often == 0 {
                    often.push(Often { row: i, count: 0, levels: SmallVec::new() });
                    met.often = often.len() as u32;
                }
                often[met.often as usize - 1].carry(row, &mut carried);
            }
        }
        for often in &often {
            often.settle(&mut out[often.row * inner..][..inner], &carried);
        }
    }
    MET.set(met);
}

/// How often a row is added to before its sum is carried.
const MEETINGS: u32 = 128;

/// How often a row was met since its sum was carried, and its number among those whose sums were, from 1 on.
#[derive(Clone, Copy, Default)]
struct Met {
    times: u32,
    often: u32,
}

/// A row whose sums were carried, as [`super::pairwise`] does it: how often, and where the sum of each level is.
struct Often {
    row: usize,
    count: usize,
    levels: SmallVec<[u32; 6]>,
}

impl Often {
    #[cold]
    #[inline(never)]
    fn carry<T: Element>(&mut self, row: &mut [T], carried: &mut Vec<T>) {
        self.count += 1;
        let full = self.count.trailing_zeros() as usize;
        for &level in &self.levels[..full] {
            add(row, &carried[level as usize * row.len()..]);
        }
        if full == self.levels.len() {
            self.levels.push((carried.len() / row.len()) as u32);
            carried.extend_from_slice(row);
        } else {
            carried[self.levels[full] as usize * row.len()..][..row.len()].copy_from_slice(row);
        }
        row.fill(T::from_f64(0.0));
    }

    fn settle<T: Element>(&self, row: &mut [T], carried: &[T]) {
        for (k, &level) in self.levels.iter().enumerate() {
            if self.count >> k & 1 == 1 {
                add(row, &carried[level as usize * row.len()..]);
            }
        }
    }
}

thread_local! {
    /// Of each row; the thread keeps it for its next sum.
    static MET: Cell<Vec<Met>> = const { Cell::new(Vec::new()) };
}

fn add<T: Element>(row: &mut [T], x: &[T]) {
    for (out, &x) in row.iter_mut().zip(x) {
        *out += x;
    }
}

/// out = the parts one after the other along an axis; each part is [outer, its length, inner], given with length times inner.
pub(crate) fn concat<'a, T: Element>(parts: impl Iterator<Item = (&'a [T], usize)> + Clone, out: &mut [T]) {
    let row: usize = parts.clone().map(|part| part.1).sum();
    if row == 0 {
        return;
    }
    for (i, out) in out.chunks_exact_mut(row).enumerate() {
        let mut at = 0;
        for (x, size) in parts.clone() {
            out[at..at + size].copy_from_slice(&x[i * size..(i + 1) * size]);
            at += size;
        }
    }
}

/// out = x transposed, for x of [rows, columns], in tiles that stay in cache.
pub(crate) fn transpose<T: Element>(x: &[T], rows: usize, columns: usize, out: &mut [T]) {
    const TILE: usize = 16;
    if out.is_empty() {
        // One side is 0, and the other may be as long as it likes.
        return;
    }
    for i0 in (0..rows).step_by(TILE) {
        for j0 in (0..columns).step_by(TILE) {
            for j in j0..(j0 + TILE).min(columns) {
                for i in i0..(i0 + TILE).min(rows) {
                    out[j * rows + i] = x[i * columns + j];
                }
            }
        }
    }
}
