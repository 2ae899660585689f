//! Convolutions and their two gradients, in any number of axes: products of matrices over panels of windows.
//!
//! The windows of some outputs, written side by side as columns (im2col), make a panel; the kernel times the panel is these outputs. A panel
//! stays in the second-level cache, so that nothing the size of all windows is ever in memory. The gradient by the input goes the same way
//! back: a panel is computed and added to the places it came from. Windows of one element need no panel: the input is one. Windows that
//! follow each other without a stride need none either, if there are channels enough ([`direct`]), and neither do their gradients.
//!
//! Cost: the products', and a copy of each window's elements. One thread, f32, AVX-512, milliseconds for the value, and for value and both
//! gradients, beside PyTorch 2.8 on one thread of the same shared machine (`cargo bench --package benches -- "op: conv2d"`):
//!
//! ```text
//! [8, 64, 28, 28] by 64 of 3 x 3     2.9   8.2    PyTorch 3.3   6.5
//! [8, 64, 28, 28] by 128 of 1 x 1    0.5   1.5            1.0   3.5
//! [1, 256, 14, 14] by 256 of 3 x 3   1.4   5.1            1.1   3.7
//! [16, 3, 32, 32] by 32 of 5 x 5     0.6   2.1            0.5   2.9
//! ```
//!
//! Not here: Winograd's and Fourier's ways, whose rounding is another, and threads.

mod direct;

use super::matmul::{Part, gemm_parts};
use super::pairwise;
use crate::num::{Element, simd};
use crate::tensor::windows::Windows;
use direct::Direct;
use smallvec::SmallVec;

/// A convolution: `channels` and `outputs` are those of one group.
#[derive(Clone, Copy)]
pub(crate) struct Convolution<'a> {
    pub windows: &'a Windows,
    pub batch: usize,
    pub groups: usize,
    pub channels: usize,
    pub outputs: usize,
}

/// Bytes of a panel: a share of the second-level cache.
const PANEL: usize = 256 << 10;
/// The least columns of a panel, as far as there are windows: three of the widest vectors of f32, and six of f64.
const COLUMNS: usize = 48;

impl Convolution<'_> {
    /// Places of a kernel for one output.
    fn depth(&self) -> usize {
        self.channels * self.windows.size()
    }
    /// The windows of the panels.
    fn panels<T>(&self) -> impl Iterator<Item = [usize; 2]> + use<T> {
        let count = self.windows.count();
        let fitting = PANEL / (self.depth() * size_of::<T>()).max(1) / COLUMNS * COLUMNS;
        let width = if self.windows.are_elements() { count.max(1) } else { fitting.max(COLUMNS) };
        (0..count).step_by(width).map(move |from| [from, (from + width).min(count)])
    }
    fn room<T: Element>(&self) -> Vec<T> {
        let width = self.panels::<T>().next().map_or(0, |[from, to]| to - from);
        vec![T::from_f64(0.0); if self.windows.are_elements() { 0 } else { width * self.depth() }]
    }
    /// Whether there is nothing to multiply.
    fn is_empty(&self) -> bool {
        self.batch * self.groups * self.channels * self.outputs == 0 || self.windows.count() * self.windows.plane() == 0
    }
    /// The elements of an image that belong to a group.
    fn image(&self, b: usize, group: usize) -> std::ops::Range<usize> {
        let size = self.channels * self.windows.plane();
        let at = (b * self.groups + group) * size;
        at..at + size
    }
    /// The results of an image that belong to a group.
    fn result(&self, b: usize, group: usize) -> std::ops::Range<usize> {
        let size = self.outputs * self.windows.count();
        let at = (b * self.groups + group) * size;
        at..at + size
    }
    /// The kernels of a group.
    fn kernel(&self, group: usize) -> std::ops::Range<usize> {
        let size = self.outputs * self.depth();
        group * size..(group + 1) * size
    }

    /// Groups, and the channels and outputs of one.
    fn sizes(&self) -> [usize; 3] {
        [self.groups, self.channels, self.outputs]
    }
    /// out [batch, groups outputs, windows], from x and kernels; which of both are gates.
    #[inline(never)]
    pub fn output<T: Element>(&self, x: &[T], kernel: &[T], [gx, gk]: [bool; 2], out: &mut [T]) {
        if self.is_empty() {
            return out.fill(T::from_f64(0.0));
        }
        if let Some(direct) = Direct::output(self.windows, self.sizes()) {
            return direct.run(x, kernel, false, [gx, gk], out);
        }
        let (level, count, depth) = (simd::level(), self.windows.count(), self.depth());
        let mut room = self.room::<T>();
        for b in 0..self.batch {
            for group in 0..self.groups {
                let (image, kernel) = (&x[self.image(b, group)], &kernel[self.kernel(group)]);
                let out = &mut out[self.result(b, group)];
                for [from, to] in self.panels::<T>() {
                    let panel = self.gathered(image, [from, to], &mut room);
                    let kernel = Part { data: kernel, ld: depth, transposed: false };
                    let sizes = [self.outputs, to - from, depth];
                    gemm_parts(level, sizes, [kernel, panel], [gk, gx], &mut out[from..], count, false);
                }
            }
        }
    }

    /// The gradient by the input, from kernels and that by the output.
    #[inline(never)]
    pub fn input<T: Element>(&self, kernel: &[T], g: &[T], gates: [bool; 2], out: &mut [T]) {
        if let (false, Some(direct)) = (self.is_empty(), Direct::input(self.windows, self.sizes())) {
            return direct.run(g, kernel, true, [gates[1], gates[0]], out);
        }
        out.fill(T::from_f64(0.0));
        if self.is_empty() {
            return;
        }
        let (level, count, depth) = (simd::level(), self.windows.count(), self.depth());
        let mut room = self.room::<T>();
        for b in 0..self.batch {
            for group in 0..self.groups {
                let (g, kernel) = (&g[self.result(b, group)], &kernel[self.kernel(group)]);
                let image = &mut out[self.image(b, group)];
                for [from, to] in self.panels::<T>() {
                    let width = to - from;
                    let kernel = Part { data: kernel, ld: depth, transposed: true };
                    let g = Part { data: &g[from..], ld: count, transposed: false };
                    let sizes = [depth, width, self.outputs];
                    if self.windows.are_elements() {
                        gemm_parts(level, sizes, [kernel, g], gates, image, width, false);
                    } else {
                        let panel = &mut room[..depth * width];
                        gemm_parts(level, sizes, [kernel, g], gates, panel, width, false);
                        self.scatter(panel, [from, to], image);
                    }
                }
            }
        }
    }

    /// The gradient by the kernels, from the input and that by the output: its sums over images are pairwise.
    #[inline(never)]
    pub fn kernels<T: Element>(&self, x: &[T], g: &[T], [gx, gg]: [bool; 2], out: &mut [T]) {
        if self.is_empty() {
            return out.fill(T::from_f64(0.0));
        }
        let (level, count, depth) = (simd::level(), self.windows.count(), self.depth());
        let mut room = self.room::<T>();
        let size = self.outputs * depth;
        let rounds = self.batch.div_ceil(IMAGES);
        let mut levels = vec![T::from_f64(0.0); size * pairwise::levels(rounds)];
        // [depth, outputs]: of the two factors the smaller one is the one that is packed.
        let mut turned = vec![T::from_f64(0.0); size];
        for group in 0..self.groups {
            turned.fill(T::from_f64(0.0));
            for b in 0..self.batch {
                let (image, g) = (&x[self.image(b, group)], &g[self.result(b, group)]);
                for [from, to] in self.panels::<T>() {
                    let panel = self.gathered(image, [from, to], &mut room);
                    let g = Part { data: &g[from..], ld: count, transposed: true };
                    let sizes = [depth, self.outputs, to - from];
                    gemm_parts(level, sizes, [panel, g], [gx, gg], &mut turned, self.outputs, true);
                }
                if rounds > 1 && (b + 1) % IMAGES == 0 {
                    pairwise::carry(&mut turned, &mut levels, size, 0, (b + 1) / IMAGES);
                }
            }
            if rounds > 1 {
                pairwise::settle(&mut turned, &levels, size, 0, self.batch / IMAGES);
            }
            super::layout::transpose(&turned, depth, self.outputs, &mut out[self.kernel(group)]);
        }
    }

    /// The windows from one to before another as columns.
    fn gathered<'a, T: Element>(&self, image: &'a [T], [from, to]: [usize; 2], room: &'a mut [T]) -> Part<'a, T> {
        let width = to - from;
        if self.windows.are_elements() {
            return Part { data: &image[from..], ld: self.windows.plane(), transposed: false };
        }
        let panel = &mut room[..self.depth() * width];
        let (stride, zero) = (self.windows.0[self.windows.0.len() - 1].stride, T::from_f64(0.0));
        self.each_run([from, to], |Run { at, len, before, inside, place }| {
            let (first, rest) = panel[at..at + len].split_at_mut(before);
            let (middle, last) = rest.split_at_mut(inside);
            first.fill(zero);
            last.fill(zero);
            if stride == 1 {
                middle.copy_from_slice(&image[place..place + inside]);
            } else if inside > 0 {
                middle.iter_mut().zip(image[place..].iter().step_by(stride)).for_each(|(out, &x)| *out = x);
            }
        });
        Part { data: panel, ld: width, transposed: false }
    }

    /// Adds the columns of windows to where their elements are.
    fn scatter<T: Element>(&self, panel: &[T], windows: [usize; 2], image: &mut [T]) {
        let stride = self.windows.0[self.windows.0.len() - 1].stride;
        self.each_run(windows, |Run { at, before, inside, place, .. }| {
            let x = &panel[at + before..at + before + inside];
            if stride == 1 {
                image[place..place + inside].iter_mut().zip(x).for_each(|(out, &x)| *out += x);
            } else if inside > 0 {
                image[place..].iter_mut().step_by(stride).zip(x).for_each(|(out, &x)| *out += x);
            }
        });
    }

    /// Every run of a panel: one place of the kernel, over windows that lie along the last axis.
    #[inline(always)]
    fn each_run(&self, [from, to]: [usize; 2], mut f: impl FnMut(Run)) {
        let (last, outer) = self.windows.0.split_last().expect("windows slide over an axis");
        let (width, plane) = (to - from, self.windows.plane());
        let counts: SmallVec<[usize; 2]> = outer.iter().map(|along| along.count).collect();
        let sizes: SmallVec<[usize; 2]> = outer.iter().map(|along| along.size).collect();
        // Of each place of the kernel in the outer axes, and each row of windows: the row of the plane, unless it is padding.
        let rows = from / last.count..(to - 1) / last.count + 1;
        let mut windows: Vec<SmallVec<[usize; 2]>> = Vec::with_capacity(rows.len());
        for row in rows.clone() {
            let mut rest = row;
            let mut window: SmallVec<[usize; 2]> = counts.iter().rev().map(|&n| (rest % n, rest /= n).0).collect();
            window.reverse();
            windows.push(window);
        }
        let mut lines: Vec<Option<usize>> = Vec::new();
        Windows::each(&sizes, |k| {
            lines.extend(windows.iter().map(|window| {
                let places = outer.iter().zip(window).zip(k);
                let mut places = places.map(|((along, &window), &k)| (along.place(window, k), along.n));
                places.try_fold(0, |line, (place, n)| place.map(|i| line * n + i)).map(|line| line * last.n)
            }));
        });
        for channel in 0..self.channels {
            for (outer, lines) in lines.chunks_exact(windows.len()).enumerate() {
                for k in 0..last.size {
                    let column = ((channel * lines_of(&sizes) + outer) * last.size + k) * width;
                    let inside = last.inside(k);
                    for (row, line) in rows.clone().zip(lines) {
                        let first = (row * last.count).max(from);
                        let len = ((row + 1) * last.count).min(to) - first;
                        let at = column + first - from;
                        let q = first - row * last.count;
                        let run = Run { at, len, before: len, inside: 0, place: 0 };
                        let [start, end] = [inside[0].clamp(q, q + len), inside[1].clamp(q, q + len)];
                        f(match line {
                            Some(line) if start < end => {
                                let place =
                                    channel * plane + line + start * last.stride + k * last.dilation - last.padding;
                                Run { before: start - q, inside: end - start, place, ..run }
                            }
                            _ => run,
                        });
                    }
                }
            }
        }
    }
}

/// How many images are added up one after another.
const IMAGES: usize = 16;

fn lines_of(sizes: &[usize]) -> usize {
    sizes.iter().product()
}

/// One place of a kernel over windows side by side: where in the panel, how many, how many of these lie in the padding before, how many
/// are inside, and where in the image the first of these has its element.
struct Run {
    at: usize,
    len: usize,
    before: usize,
    inside: usize,
    place: usize,
}
