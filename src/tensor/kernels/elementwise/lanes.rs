//! Brings a tensor's lanes to the kernels over vectors.

use super::walk::Loop;
use crate::num::Element;
use crate::tensor::kernels::chunks::{At, Call, Operands, vector};
use smallvec::SmallVec;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

/// What a kernel is given for one of its arguments.
#[derive(Clone, Copy)]
pub(crate) struct Argument<'a, T> {
    at: *const T,
    /// From one lane to the next, in numbers; that of one number for all lanes, which the kernel takes as such, is 0.
    step: usize,
    /// Loops to be staged; without any it is one number for all lanes, which the kernel does not take as such.
    staged: Option<&'a [Loop]>,
    of: PhantomData<&'a [T]>,
}

impl<'a, T: Copy> Argument<'a, T> {
    /// Nothing.
    pub const UNREAD: Self = Self { at: ptr::dangling(), step: 0, staged: None, of: PhantomData };

    /// A number for each of `n` lanes.
    pub fn flat(x: &'a [T], n: usize) -> Self {
        assert!(x.len() >= n, "an argument is shorter than its shape");
        Self { at: x.as_ptr(), step: 1, ..Self::UNREAD }
    }
    /// One number for all lanes, which the kernel takes as such.
    pub fn one(x: &'a [T]) -> Self {
        Self { at: &x[0], ..Self::UNREAD }
    }
    pub fn is_one(&self) -> bool {
        self.step == 0 && self.staged.is_none()
    }
    /// Numbers to be staged.
    pub fn staged(x: &'a [T], loops: &'a [Loop]) -> Self {
        let last: usize = loops.iter().map(|l| (l.length - 1) * l.step).sum();
        assert!(x.len() > last, "an argument is shorter than its shape");
        Self { at: x.as_ptr(), staged: Some(loops), ..Self::UNREAD }
    }

    /// Where its numbers are from a lane on, if it is not staged.
    ///
    /// # Safety
    /// It has that lane.
    unsafe fn address(&self, lane: usize) -> *mut T {
        // SAFETY: the caller's.
        unsafe { self.at.add(lane * self.step).cast_mut() }
    }

    /// Writes the numbers of `n` lanes from this one on.
    ///
    /// # Safety
    /// It has them, and `to` has room for so many outside of it.
    pub unsafe fn stage(&self, lane: usize, to: *mut T, n: usize) {
        // SAFETY: the caller's.
        unsafe {
            match self.staged {
                None => to.copy_from_nonoverlapping(self.address(lane), n),
                Some([]) => fill(to, *self.at, n),
                Some(loops) => gather(loops, self.at, lane, to, n),
            }
        }
    }

    /// The length of a row that comes again and again, and is nothing else.
    fn period(&self) -> Option<usize> {
        match self.staged {
            Some(&[Loop { length, step: 1 }, Loop { step: 0, .. }]) => Some(length),
            _ => None,
        }
    }
}

/// # Safety
/// As for [`Argument::stage`].
unsafe fn gather<T: Copy>(loops: &[Loop], x: *const T, lane: usize, to: *mut T, n: usize) {
    let mut rounds: SmallVec<[usize; 4]> = SmallVec::new();
    let (mut at, mut left) = (0, lane);
    for l in loops {
        rounds.push(left % l.length);
        at += left % l.length * l.step;
        left /= l.length;
    }
    let (inner, mut done) = (&loops[0], 0);
    while done < n {
        let run = (inner.length - rounds[0]).min(n - done);
        // SAFETY: the caller's.
        unsafe {
            if inner.step == 1 {
                to.add(done).copy_from_nonoverlapping(x.add(at), run);
            } else {
                fill(to.add(done), *x.add(at), run);
            }
        }
        done += run;
        at -= rounds[0] * inner.step;
        rounds[0] = 0;
        for (round, l) in rounds.iter_mut().zip(loops).skip(1) {
            *round += 1;
            at += l.step;
            if *round < l.length {
                break;
            }
            *round = 0;
            at -= l.step * l.length;
        }
    }
}

/// # Safety
/// There is room for `n` numbers.
unsafe fn fill<T: Copy>(to: *mut T, x: T, n: usize) {
    for i in 0..n {
        // SAFETY: the caller's.
        unsafe { to.add(i).write(x) }
    }
}

/// The operands of a call that has one tuple: each is where its base is.
const OPERANDS: Operands = [At::new(0, 0), At::new(1, 0), At::new(2, 0), At::new(3, 0)];

/// A kernel and the address of its op.
#[derive(Clone, Copy)]
pub(crate) struct Entry<T> {
    kernel: unsafe fn(&Call<T>),
    op: *const u8,
    /// Up to how many lanes it reads and writes those alone, and not whole vectors: all, where it goes one by one or is a user's; a
    /// single one, where it has a way for that.
    exact: usize,
}

impl<T> Entry<T> {
    /// Of an op that has no parameters.
    pub fn plain(kernel: unsafe fn(&Call<T>)) -> Self {
        Self { kernel, op: ptr::null(), exact: 0 }
    }
    pub fn of<O>(kernel: unsafe fn(&Call<T>), op: &O, exact: usize) -> Self {
        Self { kernel, op: ptr::from_ref(op).cast(), exact }
    }
}

/// Runs a kernel over all lanes of a destination.
///
/// # Safety
/// The kernel takes such arguments, which have all lanes; its op is at the address; and it reads the destination only where that
/// is `in_place`.
#[inline(never)]
pub(crate) unsafe fn run<T: Element>(entry: Entry<T>, arguments: &[Argument<'_, T>; 3], out: &mut [T], in_place: bool) {
    let n = out.len();
    let lanes = Lanes { entry, arguments, out: out.as_mut_ptr() };
    let whole = if n <= entry.exact { n } else { n / vector::<T>() * vector::<T>() };
    // SAFETY: the caller's; the lanes that the kernel reads and writes are among those that there are.
    unsafe {
        if whole > 0 {
            lanes.along(0, whole);
        }
        if whole < n && whole > 0 && !in_place {
            // The last vector, some of whose lanes are computed twice.
            lanes.along(n - vector::<T>(), vector::<T>());
        } else if whole < n {
            lanes.staged(whole, n - whole, in_place);
        }
    }
}

/// A kernel with all that it runs over.
struct Lanes<'a, T> {
    entry: Entry<T>,
    arguments: &'a [Argument<'a, T>; 3],
    out: *mut T,
}

/// Bytes in which a long argument is staged.
const ROOM: usize = 6 << 10;

/// Where numbers are staged, from a cache line on.
#[repr(C, align(64))]
struct Room<M>(M);

impl<T: Element> Lanes<'_, T> {
    /// # Safety
    /// The operands have what the kernel reaches for so many lanes.
    unsafe fn enter(&self, out: *mut T, [a, b, c]: [*mut T; 3], lanes: usize) {
        let bases = [out, a, b, c];
        let Entry { kernel, op, .. } = self.entry;
        // SAFETY: the caller's.
        unsafe { kernel(&Call { bases: bases.as_ptr(), operands: &OPERANDS, count: 1, lanes, op }) }
    }

    /// Lanes that are written where they belong.
    ///
    /// # Safety
    /// There are so many lanes from this one on, and the kernel reaches no others.
    unsafe fn along(&self, lane: usize, n: usize) {
        // SAFETY: the caller's.
        unsafe {
            let [a, b, c] = self.arguments;
            if a.staged.is_some() | b.staged.is_some() | c.staged.is_some() {
                return self.in_blocks(lane, n);
            }
            self.enter(self.out.add(lane), [a.address(lane), b.address(lane), c.address(lane)], n);
        }
    }

    /// The same where some argument is staged: in blocks that there is room for. What is the same in each of them is staged once.
    ///
    /// # Safety
    /// As for [`Lanes::along`].
    #[inline(never)]
    unsafe fn in_blocks(&self, first: usize, n: usize) {
        let mut rooms = [const { Room(MaybeUninit::<[u8; ROOM]>::uninit()) }; 3];
        let room = ROOM / size_of::<T>();
        // A period and a block behind it have the numbers of any block.
        let period = |argument: &Argument<'_, T>| argument.period().filter(|period| period + vector::<T>() <= room);
        let longest = self.arguments.iter().filter_map(period).max().unwrap_or(0);
        let block = ((room - longest) / vector::<T>() * vector::<T>()).min(n);
        for lane in (first..first + n).step_by(block) {
            let n = block.min(first + n - lane);
            let mut bases = [NonNull::dangling().as_ptr(); 3];
            for ((base, argument), room) in bases.iter_mut().zip(self.arguments).zip(&mut rooms) {
                let room: *mut T = room.0.as_mut_ptr().cast();
                // SAFETY: the room holds a block, and a period before it, and the buffers have the lanes.
                *base = unsafe {
                    match (argument.staged, period(argument)) {
                        (None, _) => argument.address(lane),
                        (_, Some(period)) => {
                            if lane == first {
                                argument.stage(0, room, period + block);
                            }
                            room.add(lane % period)
                        }
                        (Some(loops), None) => {
                            if lane == first || !loops.is_empty() {
                                argument.stage(lane, room, n);
                            }
                            room
                        }
                    }
                };
            }
            // SAFETY: the lanes are there, as just staged and as the caller says.
            unsafe { self.enter(self.out.add(lane), bases, n) }
        }
    }

    /// Fewer lanes than a vector: all is staged, with zeros behind.
    ///
    /// # Safety
    /// There are so many lanes from this one on, and they are fewer than a vector.
    #[inline(never)]
    unsafe fn staged(&self, lane: usize, n: usize, in_place: bool) {
        let mut rooms = [const { Room([0u64; vector::<u64>()]) }; 4];
        let [out, rooms @ ..] = &mut rooms;
        let out: *mut T = out.0.as_mut_ptr().cast();
        let mut bases = [NonNull::dangling().as_ptr(); 3];
        // SAFETY: the rooms hold a vector, zeros are numbers, and the buffers have the lanes.
        unsafe {
            if in_place {
                out.copy_from_nonoverlapping(self.out.add(lane), n);
            }
            for ((base, argument), room) in bases.iter_mut().zip(self.arguments).zip(rooms) {
                *base = if argument.step == 0 && argument.staged.is_none() {
                    argument.address(lane)
                } else {
                    let room: *mut T = room.0.as_mut_ptr().cast();
                    argument.stage(lane, room, n);
                    room
                };
            }
            self.enter(out, bases, n);
            self.out.add(lane).copy_from_nonoverlapping(out, n);
        }
    }
}
