//! Which vector instructions the kernels may use, and how a kernel is entered with them.
//!
//! One build runs well everywhere: a kernel is written once, generic over the [`Mode`] of its multiply-adds,
//! and [`dispatch`] compiles it once for each instruction set, inside a function that enables it.
//! The environment variable `RETROGRAD_SIMD` (`avx512`, `avx2`, `neon` or `plain`) forces a lesser one.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use super::math::Fused;
use super::math::{Mode, Plain};
use std::sync::OnceLock;

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What the target guarantees; multiply and add are two roundings.
    Plain,
    /// NEON, part of every aarch64.
    Neon,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, DQ, BW and VL, and FMA.
    Avx512,
}

/// A loop over data, to be compiled for each instruction set.
pub trait Kernel {
    /// Whether it takes numbers one at a time, with the same bits in every mode: then it is compiled for the plain set alone.
    const ONE_BY_ONE: bool = false;
    /// Whether 512 bits are of use; without, AVX2 does the same work in the same instructions.
    const WIDE: bool = true;
    /// What the loop returns.
    type Output;
    /// The loop; mark it `#[inline(always)]`, and all that it calls per element.
    fn run<M: Mode>(self) -> Self::Output;
}

/// The instruction set in use: the best that the CPU has, or what `RETROGRAD_SIMD` asks for.
///
/// # Panics
/// `RETROGRAD_SIMD` asks for what does not exist, or what the CPU does not have.
#[inline]
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(detect_allowed)
}

/// The instruction set that kernels use, as `RETROGRAD_SIMD` names it.
///
/// The same build on the same set gives the same bits.
///
/// # Panics
/// `RETROGRAD_SIMD` asks for what does not exist, or what the CPU does not have.
pub fn instruction_set() -> &'static str {
    match level() {
        Level::Plain => "plain",
        Level::Neon => "neon",
        Level::Avx2 => "avx2",
        Level::Avx512 => "avx512",
    }
}

#[cold]
fn detect_allowed() -> Level {
    let best = detect();
    let Ok(asked) = std::env::var("RETROGRAD_SIMD") else { return best };
    let allowed = match asked.as_str() {
        "plain" => Some(Level::Plain),
        "neon" => Some(Level::Neon).filter(|_| best == Level::Neon),
        "avx2" => Some(Level::Avx2).filter(|_| matches!(best, Level::Avx2 | Level::Avx512)),
        "avx512" => Some(Level::Avx512).filter(|_| best == Level::Avx512),
        _ => panic!("RETROGRAD_SIMD: no level {asked:?}; there are plain, neon, avx2 and avx512"),
    };
    allowed.unwrap_or_else(|| panic!("RETROGRAD_SIMD: this CPU cannot do {asked}; its best is {best:?}"))
}

fn detect() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("fma") {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
            {
                return Level::Avx512;
            }
            if is_x86_feature_detected!("avx2") {
                return Level::Avx2;
            }
        }
    }
    if cfg!(target_arch = "aarch64") { Level::Neon } else { Level::Plain }
}

/// Runs the kernel with the instructions of [`level`].
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    if K::ONE_BY_ONE {
        return kernel.run::<Plain>();
    }
    match level() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `level` returned this only after the CPU said that it has these instructions.
        Level::Avx512 if K::WIDE => unsafe { run_avx512(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above; what has AVX-512 has AVX2.
        Level::Avx512 | Level::Avx2 => unsafe { run_avx2(kernel) },
        #[cfg(target_arch = "aarch64")]
        Level::Neon => kernel.run::<Fused>(),
        _ => kernel.run::<Plain>(),
    }
}

/// A loop over what `A` points to, which is entered so often that looking up the instruction set each time would be felt.
pub trait Routine<A> {
    /// As [`Kernel::ONE_BY_ONE`].
    const ONE_BY_ONE: bool = false;
    /// As [`Kernel::WIDE`].
    const WIDE: bool = true;
    /// The loop; mark it `#[inline(always)]`, and all that it calls per element.
    ///
    /// # Safety
    /// `call` points to what the routine says that it reads and writes.
    unsafe fn run<M: Mode>(call: &A);
}

/// The routine compiled for the instructions of [`level`].
pub fn bind<A, R: Routine<A>>() -> unsafe fn(&A) {
    if R::ONE_BY_ONE {
        return R::run::<Plain>;
    }
    match level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 if R::WIDE => routine_avx512::<A, R>,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Avx2 => routine_avx2::<A, R>,
        #[cfg(target_arch = "aarch64")]
        Level::Neon => R::run::<Fused>,
        _ => R::run::<Plain>,
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
unsafe fn routine_avx512<A, R: Routine<A>>(call: &A) {
    // SAFETY: as the caller promises; `bind` returns this only where the CPU has these instructions.
    unsafe { R::run::<Fused>(call) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn routine_avx2<A, R: Routine<A>>(call: &A) {
    // SAFETY: as the caller promises; `bind` returns this only where the CPU has these instructions.
    unsafe { R::run::<Fused>(call) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Fused>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Fused>()
}
