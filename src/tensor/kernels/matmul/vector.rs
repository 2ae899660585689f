//! The vectors that the matrix kernels are written in.
//!
//! One generic kernel body serves every instruction set: it is `#[inline(always)]` and reaches the machine through
//! [`Vector::enter`], which is the only function compiled with target features. Why not `std::simd`: it is nightly
//! only. Why not the elementwise kernels' vectors: a product needs masks, 128-bit chunks and horizontal sums, and
//! nothing else.
//!
//! Every method is unsafe for one reason: it may execute instructions that only the vector's own level has. They must
//! be reached through `enter`, and `enter` may be called only where the level was detected.

/// A float.
pub(super) trait Scalar: Copy + Default + std::ops::Add<Output = Self> + 'static {
    fn plus(self, b: Self) -> Self;
}

impl Scalar for f32 {
    #[inline(always)]
    fn plus(self, b: f32) -> f32 {
        self + b
    }
}

impl Scalar for f64 {
    #[inline(always)]
    fn plus(self, b: f64) -> f64 {
        self + b
    }
}

/// Code to be compiled for an instruction set: `run` must be `#[inline(always)]`.
pub(super) trait Kernel {
    /// # Safety
    /// Called only from [`Vector::enter`]; the kernel's own pointers must be valid.
    unsafe fn run(self);
}

pub(super) trait Vector: Copy {
    type Elem: Scalar;
    type Mask: Copy;
    const LANES: usize;
    /// Columns that [`Vector::columns`] transposes at a time.
    const CHUNK: usize;
    /// The most rows of a tile that is one, two or three vectors wide: what the registers hold.
    const ROWS: [usize; 3];
    /// Whether a masked load costs no more than a whole one, so that full tiles need no code of their own.
    const MASKS_ARE_FREE: bool;
    /// Rows of a tile of dot products, which is four columns wide.
    const DOT_ROWS: usize;

    /// Runs `kernel` compiled for this instruction set.
    ///
    /// # Safety
    /// The processor must have it.
    unsafe fn enter<K: Kernel>(kernel: K);
    /// The first `lanes` lanes, 1 ..= LANES.
    unsafe fn mask(lanes: usize) -> Self::Mask;
    unsafe fn zero() -> Self;
    unsafe fn splat(p: *const Self::Elem) -> Self;
    unsafe fn load(p: *const Self::Elem) -> Self;
    /// Masked lanes are zero and not read.
    unsafe fn load_part(p: *const Self::Elem, mask: Self::Mask) -> Self;
    unsafe fn store(self, p: *mut Self::Elem);
    /// Masked lanes are not written.
    unsafe fn store_part(self, p: *mut Self::Elem, mask: Self::Mask);
    /// self * b + c
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    unsafe fn plus(self, b: Self) -> Self;
    /// The sums of four vectors' lanes.
    unsafe fn sums(v: [Self; 4]) -> [Self::Elem; 4];
    /// Transposes LANES rows of CHUNK elements: out[c * ld_out + r] = src[min(r, last) * ld + c].
    unsafe fn columns(src: *const Self::Elem, ld: usize, last: usize, out: *mut Self::Elem, ld_out: usize);
}
