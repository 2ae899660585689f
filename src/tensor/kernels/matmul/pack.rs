//! Packing: copies of B and A in the order in which the tiles read them.

use super::vector::{Kernel, Vector};

/// How many vectors wide the next panel is, with `left` columns to go: two and two rather than three and a slow one.
#[inline(always)]
pub(super) fn panel<V: Vector>(left: usize, widest: usize) -> usize {
    let vectors = left.div_ceil(V::LANES);
    if vectors == 4 && widest == 3 { 2 } else { vectors.min(widest) }
}

/// Copies `k` rows and `n` columns of B into panels side by side: the one that begins at column j lies at out + j * k,
/// and its rows are `panel` vectors long. Lanes past the last column hold zeros or copies of it; what tiles make of
/// them is not stored.
pub(super) struct PackB<V: Vector> {
    pub k: usize,
    pub n: usize,
    pub widest: usize,
    /// B's element (p, j) is b[p * ld + j], or b[j * ld + p] when transposed.
    pub b: *const V::Elem,
    pub ld: usize,
    pub transposed: bool,
    pub out: *mut V::Elem,
}

impl<V: Vector> Kernel for PackB<V> {
    #[inline(always)]
    unsafe fn run(self) {
        // SAFETY: by the caller, out holds k rows of n rounded up to whole vectors.
        unsafe { if self.transposed { self.columns() } else { self.rows() } }
    }
}

impl<V: Vector> PackB<V> {
    /// Row by row, so that B is read in order.
    #[inline(always)]
    unsafe fn rows(&self) {
        // SAFETY: whole vectors end at or before column n, the last one is masked.
        unsafe {
            for p in 0..self.k {
                let b = self.b.add(p * self.ld);
                let mut first = 0;
                while first < self.n {
                    let vectors = panel::<V>(self.n - first, self.widest);
                    let out = self.out.add(first * self.k + p * vectors * V::LANES);
                    for v in 0..vectors {
                        let j = first + v * V::LANES;
                        let left = self.n - j;
                        let x =
                            if left >= V::LANES { V::load(b.add(j)) } else { V::load_part(b.add(j), V::mask(left)) };
                        x.store(out.add(v * V::LANES));
                    }
                    first += vectors * V::LANES;
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn columns(&self) {
        let whole = self.k - self.k % V::CHUNK;
        // SAFETY: columns past n repeat the last one, and no row is read past k.
        unsafe {
            let mut first = 0;
            while first < self.n {
                let vectors = panel::<V>(self.n - first, self.widest);
                let step = vectors * V::LANES;
                for v in 0..vectors {
                    let j = first + v * V::LANES;
                    let last = (self.n - j).min(V::LANES) - 1;
                    let b = self.b.add(j * self.ld);
                    let out = self.out.add(first * self.k + v * V::LANES);
                    let mut p = 0;
                    while p < whole {
                        V::columns(b.add(p), self.ld, last, out.add(p * step), step);
                        p += V::CHUNK;
                    }
                    while p < self.k {
                        for r in 0..V::LANES {
                            *out.add(p * step + r) = *b.add(r.min(last) * self.ld + p);
                        }
                        p += 1;
                    }
                }
                first += step;
            }
        }
    }
}

/// Copies a tile's `rows` rows of a transposed A ([k, m], one row of it every `ld`) to [k, rows].
pub(super) struct PackA<V: Vector> {
    pub k: usize,
    pub rows: usize,
    pub a: *const V::Elem,
    pub ld: usize,
    pub out: *mut V::Elem,
}

impl<V: Vector> Kernel for PackA<V> {
    #[inline(always)]
    unsafe fn run(self) {
        // SAFETY: masked lanes are neither read nor written.
        unsafe {
            let mut i = 0;
            while i < self.rows {
                let mask = V::mask((self.rows - i).min(V::LANES));
                for p in 0..self.k {
                    V::load_part(self.a.add(p * self.ld + i), mask).store_part(self.out.add(p * self.rows + i), mask);
                }
                i += V::LANES;
            }
        }
    }
}
