//! The portable vector: an array, which the compiler vectorises with what the target always has (NEON, for one).
//!
//! Not used on x86-64, where the tests run it all the same.

use super::vector::{Kernel, Scalar, Vector};

pub(super) trait Fused: Scalar {
    /// self * b + c, fused where that is one instruction of every processor of the target.
    fn multiply_add(self, b: Self, c: Self) -> Self;
}

macro_rules! fused {
    ($($t:ty),*) => { $(impl Fused for $t {
        #[inline(always)]
        fn multiply_add(self, b: $t, c: $t) -> $t {
            // Elsewhere mul_add is a library call, twenty times slower.
            if cfg!(any(target_arch = "aarch64", target_feature = "fma")) { self.mul_add(b, c) } else { self * b + c }
        }
    })* };
}
fused!(f32, f64);

/// A vector of N lanes.
#[derive(Clone, Copy)]
pub(super) struct Array<T, const N: usize>([T; N]);

impl<T: Fused, const N: usize> Vector for Array<T, N> {
    type Elem = T;
    type Mask = usize;
    const LANES: usize = N;
    const CHUNK: usize = 4;
    const ROWS: [usize; 3] = [4, 4, 0];
    const MASKS_ARE_FREE: bool = false;
    const DOT_ROWS: usize = 2;

    #[inline]
    unsafe fn enter<K: Kernel>(kernel: K) {
        // SAFETY: the kernel's pointers are the caller's to answer for; no instruction beyond the target's own is used.
        unsafe { kernel.run() }
    }
    #[inline(always)]
    unsafe fn mask(lanes: usize) -> usize {
        lanes
    }
    #[inline(always)]
    unsafe fn zero() -> Self {
        Array([T::default(); N])
    }
    #[inline(always)]
    unsafe fn splat(p: *const T) -> Self {
        // SAFETY: p is valid by contract.
        unsafe { Array([*p; N]) }
    }
    #[inline(always)]
    unsafe fn load(p: *const T) -> Self {
        // SAFETY: p is valid for N elements by contract.
        unsafe { Array(p.cast::<[T; N]>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn load_part(p: *const T, lanes: usize) -> Self {
        let mut v = [T::default(); N];
        for (lane, x) in v.iter_mut().enumerate() {
            if lane < lanes {
                // SAFETY: p is valid for `lanes` elements.
                *x = unsafe { *p.add(lane) };
            }
        }
        Array(v)
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut T) {
        // SAFETY: p is valid for N elements by contract.
        unsafe { p.cast::<[T; N]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn store_part(self, p: *mut T, lanes: usize) {
        for (lane, x) in self.0.iter().enumerate() {
            if lane < lanes {
                // SAFETY: p is valid for `lanes` elements.
                unsafe { *p.add(lane) = *x };
            }
        }
    }
    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        let mut v = c;
        for lane in 0..N {
            v.0[lane] = self.0[lane].multiply_add(b.0[lane], c.0[lane]);
        }
        v
    }
    #[inline(always)]
    unsafe fn plus(self, b: Self) -> Self {
        let mut v = b;
        for lane in 0..N {
            v.0[lane] = self.0[lane].plus(b.0[lane]);
        }
        v
    }
    #[inline(always)]
    unsafe fn sums(v: [Self; 4]) -> [T; 4] {
        let mut sums = [T::default(); 4];
        for (sum, v) in sums.iter_mut().zip(v) {
            for x in v.0 {
                *sum = sum.plus(x);
            }
        }
        sums
    }
    #[inline(always)]
    unsafe fn columns(src: *const T, ld: usize, last: usize, out: *mut T, ld_out: usize) {
        for r in 0..N {
            for c in 0..Self::CHUNK {
                // SAFETY: rows up to `last` have CHUNK elements by contract, and so have N lanes of as many rows of
                // out.
                unsafe { *out.add(c * ld_out + r) = *src.add(r.min(last) * ld + c) };
            }
        }
    }
}
