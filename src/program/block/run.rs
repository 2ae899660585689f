//! The loop over blocks, and over segments of lanes for threads.
//!
//! In compiler terms: the tiled loop nest, split into segments for threads.
//!
//! Lanes are cut into segments that depend on the code and the number of lanes alone. A segment has accumulators of its own, whose
//! sums are carried every few blocks or rows, to be added two by two ([`pairwise`]); so are those of the segments. So rounding grows
//! with the logarithm of the number of lanes, and the bits of a sum are the same for any number of threads.

use super::code::{BlockInstruction, LoweredBody, REGISTERS, STREAMS, Stream, UNIFORM};
use super::{Access, BlockCode, Origin, Source, Target};
use crate::num::Element;
use crate::parallel::Workers;
use crate::tensor::kernels::chunks::rows::CARRIED;
use crate::tensor::kernels::chunks::{Call, accumulators, chunk};
use crate::tensor::kernels::pairwise::{self, Counter};
use crate::tensor::kernels::{elementwise, reduce};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most segments of a run, and the fewest blocks of one.
const SEGMENTS: usize = 64;
const SEGMENT_BLOCKS: usize = 8;
/// The fewest rows of a segment where sums by column leave it: they are cleared and added once, which its rows must outweigh.
const SEGMENT_ROWS: usize = 32;
/// Kernel work in element operations that is worth waking a thread for: some 50 microseconds.
const WORTH_A_THREAD: usize = 500_000;

/// Bytes of streams from which on they are fetched ahead: fewer are in the second-level cache.
const STREAMED: usize = 4 << 20;

/// What a worker computes in.
pub(super) struct Frame<T> {
    memory: Vec<T>,
    bases: Vec<*mut T>,
    /// Sums that were carried: of the accumulators, and by column.
    totals: Vec<T>,
    columns: Vec<T>,
    /// Those of rows that are much longer than a block.
    rows: Vec<Counter<T>>,
}

// SAFETY: the addresses are set anew by every run, before they are used; the memory is the frame's own.
unsafe impl<T: Send> Send for Frame<T> {}

impl<T: Element> Frame<T> {
    pub fn new(code: &LoweredBody<T>) -> Mutex<Self> {
        let line = 64 / size_of::<T>();
        let memory = vec![T::from_f64(0.0); code.frame() + line];
        let bases = vec![std::ptr::null_mut(); STREAMS + code.streams.len()];
        Mutex::new(Self { memory, bases, totals: Vec::new(), columns: Vec::new(), rows: Vec::new() })
    }

    pub fn bytes(&self) -> usize {
        let numbers = self.memory.capacity() + self.totals.capacity() + self.columns.capacity();
        numbers * size_of::<T>()
            + self.bases.capacity() * size_of::<*mut T>()
            + self.rows.capacity() * size_of::<Counter<T>>()
    }

    /// The memory from its first cache line on, for all of a segment.
    fn start(&mut self) -> *mut T {
        let at = self.memory.as_ptr().align_offset(64);
        self.memory[at..].as_mut_ptr()
    }
}

/// A frame that only one worker uses at a time; after a panic, its next run clears what it reads.
pub(super) fn lock<T>(frame: &Mutex<Frame<T>>) -> MutexGuard<'_, Frame<T>> {
    frame.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All that the segments of a run share.
struct SharedState<'a, T> {
    code: &'a BlockCode<T>,
    lanes: usize,
    inputs: &'a [&'a [T]],
    outputs: &'a [*mut T],
    uniforms: *const T,
    /// The sums of each segment: those over all lanes, then those by column.
    partials: *mut T,
    segment: usize,
}

// SAFETY: what is behind the pointers is read only, or written by one segment alone: outputs at the segment's lanes and rows,
// partial sums at the segment's own place.
unsafe impl<T: Sync> Sync for SharedState<'_, T> {}

impl<T: Element> BlockCode<T> {
    /// Runs over `lanes` lanes, a multiple of `inner`. With several workers the bits are the same as with one.
    ///
    /// # Panics
    /// A buffer is shorter than its walk.
    pub fn run(
        &mut self,
        lanes: usize,
        inputs: &[&[T]],
        shared: &[T],
        outputs: &mut [&mut [T]],
        sums: &mut [T],
        workers: &mut Workers,
    ) {
        self.check(lanes, inputs, outputs);
        let zero = T::from_f64(0.0);
        if lanes == 0 {
            return self.leave_empty_sums(outputs, sums);
        }
        self.code.run_hoisted(shared, &mut self.uniforms);
        if !self.rows.is_empty() {
            for target in &self.targets {
                if let Target::PerRow { output, add: false } = *target {
                    outputs[output][..lanes / self.inner].fill(zero);
                }
            }
        }
        let segment = self.segment(lanes);
        let segments = lanes.div_ceil(segment);
        self.partials.clear();
        self.partials.resize(segments * self.sums_per_segment(), zero);
        let parallel = segments > 1 && workers.threads() > 1 && self.pays_for_threads(lanes);
        while self.frames.len() < if parallel { workers.threads() } else { 1 } {
            self.frames.push(Frame::new(&self.code));
        }
        self.outputs.0.clear();
        self.outputs.0.extend(outputs.iter_mut().map(|output| output.as_mut_ptr()));
        let partials = self.partials.as_mut_ptr();
        let (uniforms, outputs_at) = (self.uniforms.as_ptr(), &self.outputs.0[..]);
        let run = SharedState { code: self, lanes, inputs, outputs: outputs_at, uniforms, partials, segment };
        let work = |worker: usize, k: usize| run.segment(&mut lock(&run.code.frames[worker]), k);
        if parallel {
            workers.run(segments, &work);
        } else {
            (0..segments).for_each(|k| work(0, k));
        }
        self.combine(segments, outputs, sums);
    }

    /// Whether every walk stays inside its buffer; the loops rely on it.
    fn check(&self, lanes: usize, inputs: &[&[T]], outputs: &[&mut [T]]) {
        if self.bounds.iter().any(|target| matches!(target, Target::Row { .. })) {
            assert_eq!(lanes % chunk::<T>(), 0, "rows of lanes that are no whole chunks");
            assert!(lanes <= self.rows_apart, "{lanes} lanes to rows that are {} apart", self.rows_apart);
        }
        if self.has_rows() {
            assert_eq!(lanes % self.inner, 0, "lanes that are no whole rows");
        }
        for source in &self.sources {
            let has = match source.from {
                Origin::Input(k) => inputs[k].len(),
                Origin::Output(k) => outputs[k].len(),
            };
            source.check(lanes, self.inner, has);
        }
        for target in &self.bounds {
            if let Some(output) = target.output() {
                target.check(lanes, self.inner, outputs[output].len());
            }
        }
    }

    /// Lanes of a segment: whole blocks, or whole rows where rows or columns matter.
    fn segment(&self, lanes: usize) -> usize {
        let by_axis = !self.columns.is_empty() || !self.rows.is_empty();
        let unit = if by_axis { self.inner } else { self.code.block };
        let rows = if self.columns.is_empty() { 0 } else { SEGMENT_ROWS };
        let least = (SEGMENT_BLOCKS * self.code.block).max(rows * self.inner);
        // Powers of two, so that two or four threads have equal shares.
        let segments = 1 << (lanes / least).clamp(1, SEGMENTS).ilog2();
        lanes.div_ceil(segments).next_multiple_of(unit).max(unit)
    }

    fn pays_for_threads(&self, lanes: usize) -> bool {
        lanes.saturating_mul(self.code.operands.len()) >= WORTH_A_THREAD
    }

    /// What a run over no lanes leaves: sums are 0, and there may be rows without columns, or columns without rows.
    fn leave_empty_sums(&self, outputs: &mut [&mut [T]], sums: &mut [T]) {
        for target in &self.targets {
            match *target {
                Target::PerRow { output, add: false } | Target::PerColumn { output, add: false } => {
                    outputs[output].fill(T::from_f64(0.0));
                }
                Target::Total { sum, add: false } => sums[sum] = T::from_f64(0.0),
                _ => {}
            }
        }
    }

    fn sums_per_segment(&self) -> usize {
        self.code.totals.len() + self.columns.len() * self.inner
    }

    /// Adds the sums of the segments, two by two.
    fn combine(&mut self, segments: usize, outputs: &mut [&mut [T]], sums: &mut [T]) {
        let stride = self.sums_per_segment();
        let mut apart = 1;
        while apart < segments {
            for s in (0..segments - apart).step_by(2 * apart) {
                let (to, from) = self.partials[s * stride..].split_at_mut(apart * stride);
                elementwise::add_assign(&mut to[..stride], &from[..stride]);
            }
            apart *= 2;
        }
        for (total, &found) in self.code.totals.iter().zip(&self.partials) {
            let sum = &mut sums[total.at];
            *sum = if total.add { *sum + found } else { found };
        }
        for (k, &target) in self.columns.iter().enumerate() {
            let Target::PerColumn { output, add } = self.targets[target as usize] else { continue };
            let found = &self.partials[self.code.totals.len() + k * self.inner..][..self.inner];
            let out = &mut outputs[output][..self.inner];
            if add {
                elementwise::add_assign(out, found);
            } else {
                out.copy_from_slice(found);
            }
        }
    }
}

impl<T: Element> SharedState<'_, T> {
    fn segment(&self, frame: &mut Frame<T>, k: usize) {
        let code = &self.code.code;
        let start = frame.start();
        let n_accumulators = code.totals.len() * accumulators::<T>();
        // SAFETY: the frame is that long. Nothing else refers to its memory while the lock is held.
        let sums = unsafe { std::slice::from_raw_parts_mut(start.add(code.first_accumulator()), n_accumulators) };
        sums.fill(T::from_f64(0.0));
        frame.bases[REGISTERS] = start;
        frame.bases[UNIFORM] = self.uniforms.cast_mut();
        let (mut lane, end) = (k * self.segment, self.lanes.min((k + 1) * self.segment));
        let (blocks, carried_blocks) =
            ((end - lane).div_ceil(code.block), (CARRIED * chunk::<T>()).div_ceil(code.block));
        frame.totals.resize(n_accumulators * pairwise::levels(blocks / carried_blocks), T::from_f64(0.0));
        frame.columns.resize(self.code.columns.len() * self.column_levels(end - lane), T::from_f64(0.0));
        frame.rows.clear();
        if self.code.inner > CARRIED * code.block {
            frame.rows.resize_with(self.code.rows.len(), Counter::new);
        }
        let mut done: usize = 0;
        while lane < end {
            let lanes = (end - lane).min(code.block);
            let whole = lanes / chunk::<T>() * chunk::<T>();
            if whole > 0 {
                for (base, stream) in frame.bases[STREAMS..].iter_mut().zip(&code.streams) {
                    // SAFETY: flat buffers have an element for every lane, as `check` found.
                    *base = unsafe { self.stream(*stream).add(lane) };
                }
                self.block(frame, lane, whole, k);
            }
            if whole < lanes {
                self.last_lanes(frame, lane + whole, lanes - whole, k);
            }
            lane += lanes;
            done += 1;
            if done.is_multiple_of(carried_blocks) && n_accumulators > 0 {
                // SAFETY: as above; no kernel runs meanwhile.
                let sums =
                    unsafe { std::slice::from_raw_parts_mut(start.add(code.first_accumulator()), n_accumulators) };
                pairwise::carry(sums, &mut frame.totals, n_accumulators, 0, done / carried_blocks);
            }
        }
        // SAFETY: the segment's own partial sums; the accumulators as above.
        let (sums, partials) = unsafe {
            let partials = self.partials.add(k * self.code.sums_per_segment());
            let sums = std::slice::from_raw_parts_mut(start.add(code.first_accumulator()), n_accumulators);
            (sums, std::slice::from_raw_parts_mut(partials, self.code.sums_per_segment()))
        };
        pairwise::settle(sums, &frame.totals, n_accumulators, 0, done / carried_blocks);
        let (totals, columns) = partials.split_at_mut(code.totals.len());
        totals.iter_mut().zip(sums.chunks_exact(accumulators::<T>())).for_each(|(total, sum)| *total = folded(sum));
        let (inner, lanes) = (self.code.inner, end - k * self.segment);
        let levels = frame.columns.chunks_exact(self.column_levels(lanes).max(1));
        for (sums, levels) in columns.chunks_exact_mut(inner).zip(levels) {
            pairwise::settle(sums, levels, inner, 0, lanes / inner / CARRIED);
        }
    }

    /// Elements of the carried sums of one target that is a sum by column, in a segment of so many lanes.
    fn column_levels(&self, lanes: usize) -> usize {
        let inner = self.code.inner;
        pairwise::levels(lanes / inner / CARRIED) * inner
    }

    fn stream(&self, stream: Stream) -> *mut T {
        match stream {
            Stream::Source(Origin::Input(k)) => self.inputs[k].as_ptr().cast_mut(),
            Stream::Source(Origin::Output(k)) | Stream::Output(k) => self.outputs[k],
        }
    }

    /// Fewer lanes than a chunk: streams are copied, for kernels know whole chunks only.
    fn last_lanes(&self, frame: &mut Frame<T>, lane: usize, lanes: usize, segment: usize) {
        let code = &self.code.code;
        let start = frame.bases[REGISTERS];
        for (k, &stream) in code.streams.iter().enumerate() {
            // SAFETY: the frame has a chunk for every stream, and the buffer has those lanes.
            unsafe {
                let staged = start.add(code.first_staged() + k * chunk::<T>());
                if let Stream::Source(_) = stream {
                    staged.copy_from_nonoverlapping(self.stream(stream).add(lane), lanes);
                }
                frame.bases[STREAMS + k] = staged;
            }
        }
        self.block(frame, lane, lanes, segment);
        for (k, &stream) in code.streams.iter().enumerate() {
            if let Stream::Output(output) = stream {
                // SAFETY: as above.
                unsafe {
                    self.outputs[output].add(lane).copy_from_nonoverlapping(frame.bases[STREAMS + k], lanes);
                }
            }
        }
    }

    fn block(&self, frame: &mut Frame<T>, lane: usize, lanes: usize, segment: usize) {
        let code = &self.code.code;
        let Frame { bases, columns, rows, .. } = frame;
        let in_cache = code.streams.len() * self.lanes * size_of::<T>() < STREAMED;
        let mut ahead = Ahead::new(&bases[STREAMS..], code, in_cache || lane + code.block >= self.lanes);
        let bases = bases.as_ptr();
        for step in &code.steps {
            ahead.fetch();
            match *step {
                BlockInstruction::Kernel { kernel, ref op, first, count } => {
                    let operands = code.operands[first as usize..][..count as usize].as_ptr();
                    // SAFETY: `assemble` gave every operand an address in the frame, the numbers for all lanes or a stream,
                    // each long enough for the lanes in whole chunks, and no destination that is a source.
                    unsafe { kernel(&Call { bases, operands, count: count as usize, lanes, op: op.address() }) }
                }
                BlockInstruction::Gather { source, to } => {
                    // SAFETY: the register has room for a block, and nothing else refers to it.
                    let register = unsafe { std::slice::from_raw_parts_mut(to.of(bases), lanes) };
                    self.gather(&self.code.sources[source as usize], lane, register);
                }
                BlockInstruction::Leave { target, from } => {
                    // SAFETY: the value is as long as the block, and is not written to meanwhile.
                    let value = unsafe { std::slice::from_raw_parts(from.of(bases), lanes) };
                    self.leave(target, lane, value, segment, columns, rows);
                }
            }
        }
    }

    fn gather(&self, source: &Source, lane: usize, register: &mut [T]) {
        let input = match source.from {
            Origin::Input(k) => self.inputs[k],
            // SAFETY: walks of outputs are flat, and the buffer has an element for every lane.
            Origin::Output(k) => unsafe { std::slice::from_raw_parts(self.outputs[k], self.lanes) },
        };
        match source.walk {
            Access::Flat => register.copy_from_slice(&input[lane..][..register.len()]),
            Access::Strided { start, step } => {
                let column = input[start + lane * step..].iter().step_by(step.max(1));
                register.iter_mut().zip(column).for_each(|(to, &from)| *to = from);
            }
            Access::Row => pieces(lane, register.len(), self.code.inner, |at, _, column, n| {
                register[at..at + n].copy_from_slice(&input[column..column + n]);
            }),
            Access::Column => pieces(lane, register.len(), self.code.inner, |at, row, _, n| {
                register[at..at + n].fill(input[row]);
            }),
        }
    }

    fn leave(&self, target: u32, lane: usize, value: &[T], segment: usize, columns: &mut [T], rows: &mut [Counter<T>]) {
        match self.code.targets[target as usize] {
            // SAFETY: the lanes of a segment are its own, and the buffer has an element for every lane.
            Target::Flat { output } => unsafe {
                self.outputs[output].add(lane).copy_from_nonoverlapping(value.as_ptr(), value.len());
            },
            // SAFETY: as above.
            Target::Row { output, start } => unsafe {
                self.outputs[output].add(start + lane).copy_from_nonoverlapping(value.as_ptr(), value.len());
            },
            Target::Strided { output, start, step } => {
                for (i, &x) in value.iter().enumerate() {
                    // SAFETY: the elements of a lane belong to its segment, since `start < step`, and are in the buffer.
                    unsafe { *self.outputs[output].add(start + (lane + i) * step) = x }
                }
            }
            Target::PerRow { output, .. } => {
                let inner = self.code.inner;
                let index = self.code.rows.iter().position(|&k| k == target).unwrap_or_default();
                pieces(lane, value.len(), inner, |at, row, column, n| {
                    let mut sum = reduce::total(&value[at..at + n]);
                    if let Some(counter) = rows.get_mut(index) {
                        counter.push(sum);
                        if column + n < inner {
                            return;
                        }
                        sum = counter.take();
                    }
                    // SAFETY: whole rows belong to a segment, and the buffer has an element for every row.
                    unsafe { *self.outputs[output].add(row) += sum }
                });
            }
            Target::PerColumn { .. } => {
                let inner = self.code.inner;
                let index = self.code.columns.iter().position(|&k| k == target).unwrap_or_default();
                let first = segment * self.code.sums_per_segment() + self.code.code.totals.len() + index * inner;
                // SAFETY: the segment's own partial sums.
                let sums = unsafe { std::slice::from_raw_parts_mut(self.partials.add(first), inner) };
                let first_row = segment * self.segment / inner;
                let size = self.column_levels(self.lanes.min((segment + 1) * self.segment) - segment * self.segment);
                let levels = &mut columns[index * size..][..size];
                pieces(lane, value.len(), inner, |at, row, column, n| {
                    let sums = &mut sums[column..column + n];
                    elementwise::add_assign(sums, &value[at..at + n]);
                    let added = row - first_row + 1;
                    if added.is_multiple_of(CARRIED) {
                        pairwise::carry(sums, levels, inner, column, added / CARRIED);
                    }
                });
            }
            Target::Total { .. } => unreachable!("summed by kernels"),
        }
    }
}

impl Source {
    /// How many elements of its buffer it reads.
    pub(super) fn need(&self, lanes: usize, inner: usize) -> usize {
        match self.walk {
            Access::Flat => lanes,
            Access::Row => inner,
            Access::Column => lanes / inner,
            Access::Strided { start, step } => strided(lanes, start, step),
        }
    }
    pub(super) fn check(&self, lanes: usize, inner: usize, has: usize) {
        let need = self.need(lanes, inner);
        assert!(need <= has || lanes == 0, "{self:?} needs {need} elements, has {has}");
    }
}

impl Target {
    /// The output that it writes to, unless that is one of the sums.
    pub(super) fn output(&self) -> Option<usize> {
        match *self {
            Target::Flat { output } | Target::Row { output, .. } | Target::Strided { output, .. } => Some(output),
            Target::PerColumn { output, .. } | Target::PerRow { output, .. } => Some(output),
            Target::Total { .. } => None,
        }
    }
    /// How many elements of it.
    pub(super) fn need(&self, lanes: usize, inner: usize) -> usize {
        match *self {
            Target::Flat { .. } => lanes,
            Target::Row { start, .. } => start.saturating_add(lanes),
            Target::Strided { start, step, .. } => strided(lanes, start, step),
            Target::PerColumn { .. } => inner,
            Target::PerRow { .. } => lanes / inner,
            Target::Total { .. } => 0,
        }
    }
    pub(super) fn check(&self, lanes: usize, inner: usize, has: usize) {
        let need = self.need(lanes, inner);
        assert!(need <= has || lanes == 0, "{self:?} needs {need} elements, has {has}");
    }
}

/// The end of the last lane; no buffer is as long as a sum that would wrap.
fn strided(lanes: usize, start: usize, step: usize) -> usize {
    if lanes == 0 { 0 } else { (lanes - 1).saturating_mul(step).saturating_add(start).saturating_add(1) }
}

/// Brings what the next block streams through into the cache while this one is computed, some lines with each step: the first
/// kernel to read a stream does little else, and would wait for memory.
struct Ahead<'a, T> {
    streams: std::slice::Iter<'a, *mut T>,
    /// The next line of a stream, and how many are left.
    line: *mut T,
    left: usize,
    lines: usize,
    block: usize,
    with_a_step: usize,
}

impl<'a, T: Element> Ahead<'a, T> {
    /// Of a block that has another one behind it; or with nothing to fetch.
    fn new(streams: &'a [*mut T], code: &LoweredBody<T>, nothing: bool) -> Self {
        let lines = (code.block * size_of::<T>()).div_ceil(64);
        let with_a_step = if nothing { 0 } else { (streams.len() * lines).div_ceil(code.steps.len().max(1)) };
        Self { streams: streams.iter(), line: std::ptr::null_mut(), left: 0, lines, block: code.block, with_a_step }
    }

    fn fetch(&mut self) {
        for _ in 0..self.with_a_step {
            if self.left == 0 {
                let Some(stream) = self.streams.next() else { return };
                (self.line, self.left) = (stream.wrapping_add(self.block), self.lines);
            }
            prefetch(self.line);
            self.line = self.line.wrapping_add(64 / size_of::<T>());
            self.left -= 1;
        }
    }
}

#[inline(always)]
fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which may name any address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Calls `work(offset, row, column, length)` for each piece of a row among the lanes.
fn pieces(lane: usize, lanes: usize, inner: usize, mut work: impl FnMut(usize, usize, usize, usize)) {
    let (mut row, mut column, mut at) = (lane / inner, lane % inner, 0);
    while at < lanes {
        let n = (inner - column).min(lanes - at);
        work(at, row, column, n);
        (row, column, at) = (row + 1, 0, at + n);
    }
}

/// The sum of accumulators, the upper half added to the lower one until one is left.
#[inline]
pub(super) fn folded<T: Element>(sums: &[T]) -> T {
    let mut parts = [T::from_f64(0.0); 16];
    let mut n = const { accumulators::<T>() };
    // Of a fixed length, the copy is a few moves and no call.
    for (part, &sum) in parts[..n].iter_mut().zip(&sums[..n]) {
        *part = sum;
    }
    while n > 1 {
        n /= 2;
        for i in 0..n {
            parts[i] += parts[i + n];
        }
    }
    parts[0]
}
