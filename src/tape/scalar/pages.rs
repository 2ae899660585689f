//! Pages of arenas.
//!
//! The system gives a page when it is first written to, which takes several times what the ops recorded on it take: 10 ns an op,
//! and 50 where a virtual machine has to ask its host. An arena can be touched before it is used.
//!
//! Tried: touching some pages ahead while recording is no faster; asking for large pages (`madvise`) takes 3 ns an op where the
//! memory is there, and 50 where the host has to give it.

use std::mem::MaybeUninit;

/// The least size of a page.
const PAGE: usize = 4 << 10;

/// Has all pages there, by a write to each.
pub(super) fn touch<T>(memory: &mut [MaybeUninit<T>]) {
    let (start, length) = (memory.as_mut_ptr().cast::<u8>(), size_of_val(memory));
    // The first byte lies anywhere in its page; then one in each page, and the last one.
    for at in (0..length).step_by(PAGE).chain(length.checked_sub(1)) {
        // SAFETY: inside memory that is borrowed for writing, and whose elements need not be initialised.
        unsafe { start.add(at).write_volatile(0) };
    }
}

/// Room for so many elements, with its pages.
pub(in crate::tape) fn prepared<T>(n: usize) -> Vec<T> {
    let mut memory = Vec::with_capacity(n);
    touch(memory.spare_capacity_mut());
    memory
}
