//! A program at work: steps over the arena.
//!
//! In compiler terms: the interpreter of steps.
//!
//! **Invariant.** What a step writes overlaps nothing that it reads, but for what it is meant to write over; the memory plan
//! sees to that and [`Machine::check`] proves it. So the slices below do not alias.

use super::block::{Origin, WIDE};
use super::lower::{Schedule, ScheduledStep, StepKind};
use super::memory::{Allocation, Base, Layout};
use super::step::{Scratch, Step, View};
use crate::error::Result;
use crate::graph::ssa::NodeKey;
use crate::num::Element;
use crate::parallel::Workers;
use crate::tape::replay::Swap;
use smallvec::SmallVec;

/// Memory that begins on a cache line. Bound steps hold addresses in it, so that it is used through its own alone.
struct Arena<T> {
    _memory: Vec<T>,
    start: *mut T,
    length: usize,
}

impl<T: Element> Arena<T> {
    /// With room for rows of short code to be read behind the end.
    fn new(length: usize) -> Self {
        let line = 64 / size_of::<T>();
        let mut memory = vec![T::from_f64(0.0); length + WIDE + line];
        let at = (memory.as_ptr().addr().wrapping_neg() % 64) / size_of::<T>();
        Self { start: memory[at..].as_mut_ptr(), _memory: memory, length }
    }
    fn all(&self) -> Allocation {
        Allocation { base: Base::Arena, start: 0, len: self.length }
    }
    /// Whether a place lies in the arena.
    fn holds(&self, place: Allocation) -> bool {
        place.start.checked_add(place.len).is_some_and(|end| end <= self.length)
    }
    fn slice(&self, place: Allocation) -> &[T] {
        assert!(self.holds(place), "{place:?} is not in the arena");
        // SAFETY: it lies in the memory, which only a run, or a caller of `slice_mut`, writes.
        unsafe { std::slice::from_raw_parts(self.start.add(place.start), place.len) }
    }
    fn slice_mut(&mut self, place: Allocation) -> &mut [T] {
        assert!(self.holds(place), "{place:?} is not in the arena");
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(place.start), place.len) }
    }
}

/// Steps with their memory.
pub(super) struct Machine<T: 'static> {
    steps: Vec<Step<T>>,
    arena: Arena<T>,
    workers: Workers,
    /// Where inputs that are numbers go.
    numbers: Vec<Option<usize>>,
    /// Where the inputs and the outputs of this run are.
    inputs: Vec<*const T>,
    outputs: Vec<*mut T>,
    scratch: Scratch<T>,
}

impl<T: Element> Machine<T> {
    /// The steps of a plan.
    pub fn new(schedule: &Schedule<T>, layout: &mut Layout<T>) -> Self {
        let mut arena = Arena::new(layout.length);
        for (place, values) in &layout.constants {
            arena.slice_mut(*place).copy_from_slice(values);
        }
        let steps = schedule.steps.iter().map(|step| Step::new(step, |key| layout.places[key])).collect();
        let ir = &schedule.graph;
        let (inputs, outputs) = (vec![std::ptr::null(); ir.inputs.len()], vec![std::ptr::null_mut(); ir.outputs.len()]);
        let mut numbers = vec![None; ir.inputs.len()];
        layout.given.iter().enumerate().for_each(|(at, &k)| numbers[k] = Some(at));
        let (workers, scratch) = (Workers::new(1), Scratch::new());
        let mut machine = Self { steps, arena, workers, numbers, inputs, outputs, scratch };
        machine.check();
        for step in &mut machine.steps {
            step.bind_inside(machine.arena.start);
        }
        layout.memory.code = machine.steps.iter().map(Step::bytes).sum();
        machine
    }

    pub fn set_threads(&mut self, n: usize) {
        if n.max(1) != self.workers.threads() {
            self.workers = Workers::new(n);
        }
    }

    /// Whether every step's writes are apart from its reads and from each other, and inside the arena; and those of a step that
    /// reads panels apart from the factors of the product.
    fn check(&self) {
        for (k, step) in self.steps.iter().enumerate() {
            let [mut reads, writes] = step.touches();
            if let Some(product) = k.checked_sub(1).map(|before| &self.steps[before]).filter(|step| step.has_panels()) {
                assert!(matches!(step, Step::Block { .. }), "program: step {k} reads no panels");
                reads.extend(product.touches().into_iter().next().into_iter().flatten());
            }
            for place in reads.iter().chain(&writes).filter(|place| place.base == Base::Arena) {
                assert!(self.arena.holds(*place), "program: step {k} leaves the arena");
            }
            for (i, write) in writes.iter().enumerate() {
                let clash = |other: &Allocation| write.overlaps(*other) && write.len > 0;
                assert!(!matches!(write.base, Base::Input(_)), "program: step {k} writes an input");
                assert!(
                    !reads.iter().any(clash) && !writes[..i].iter().any(clash),
                    "program: step {k} overwrites itself"
                );
            }
        }
    }

    pub fn arena(&self) -> &[T] {
        self.arena.slice(self.arena.all())
    }
    /// The elements of a place that the program keeps.
    pub fn kept(&self, place: Allocation) -> &[T] {
        self.arena.slice(place)
    }
    /// The same for writing.
    pub fn kept_mut(&mut self, place: Allocation) -> &mut [T] {
        self.arena.slice_mut(place)
    }
    /// Copies from one kept place to another.
    pub fn copy(&mut self, from: Allocation, to: Allocation) {
        self.arena.slice_mut(self.arena.all()).copy_within(from.start..from.start + from.len, to.start);
    }
    #[cfg(test)]
    pub fn panels(&self) -> usize {
        self.steps.iter().filter(|step| step.has_panels()).count()
    }

    /// The number of steps.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Sets an input of the next run.
    #[inline]
    pub fn set_input(&mut self, k: usize, input: &[T]) {
        self.inputs[k] = input.as_ptr();
        if let Some(at) = self.numbers[k] {
            self.arena.slice_mut(Allocation { base: Base::Arena, start: at, len: 1 })[0] = input[0];
        }
    }

    /// Runs all steps. There is a slice for each output, empty for those that the program keeps; or none, where it keeps all.
    ///
    /// # Safety
    /// The inputs that are not carried were set to slices of their lengths, which are still there. The outputs have theirs.
    pub unsafe fn run(&mut self, outputs: &mut [&mut [T]]) -> Result<()> {
        self.set_outputs(outputs);
        // SAFETY: the caller's promise.
        unsafe { self.run_steps() }
    }

    /// Sets the outputs of the next run.
    #[inline]
    pub fn set_outputs(&mut self, outputs: &mut [&mut [T]]) {
        for (pointer, output) in self.outputs.iter_mut().zip(outputs) {
            *pointer = output.as_mut_ptr();
        }
    }

    /// Runs all steps on inputs that are numbers.
    ///
    /// # Safety
    /// All inputs that are not carried are numbers, as many as these, and nothing is written out.
    pub unsafe fn run_numbers(&mut self, inputs: &[T]) -> Result<()> {
        self.arena.slice_mut(Allocation { base: Base::Arena, start: 0, len: inputs.len() }).copy_from_slice(inputs);
        // SAFETY: all that steps read and write is in the arena.
        unsafe { self.run_steps() }
    }

    /// # Safety
    /// The inputs and outputs that steps read and write are those of this run, with their lengths.
    #[inline]
    unsafe fn run_steps(&mut self) -> Result<()> {
        let mut k = 0;
        while k < self.steps.len() {
            // SAFETY: the caller's promise.
            k += unsafe { self.run_from(k)? };
        }
        Ok(())
    }

    /// Runs step k, and the next one where that reads its panels; says how many.
    ///
    /// # Safety
    /// As for [`Machine::run_steps`].
    #[inline(always)]
    pub unsafe fn run_from(&mut self, k: usize) -> Result<usize> {
        let view = View { arena: self.arena.start, inputs: &self.inputs, outputs: &self.outputs };
        let Some((step, rest)) = self.steps[k..].split_first_mut() else { return Ok(0) };
        // SAFETY: the caller's promise, and `check` has looked at every step.
        unsafe {
            // Small programs are bound steps alone: those first.
            if step.run_bound(view) {
                return Ok(1);
            }
            if let Some(fused) = rest.first_mut()
                && self.workers.threads() == 1
                && step.run_panels(fused, view, &mut self.scratch, &mut self.workers)
            {
                return Ok(2);
            }
            step.run(view, &mut self.scratch, &mut self.workers)?;
        }
        Ok(1)
    }

    /// Where a place of the next run begins.
    pub fn address(&self, place: Allocation) -> *mut T {
        View { arena: self.arena.start, inputs: &self.inputs, outputs: &self.outputs }.address(place)
    }
    pub fn list(&self) -> &[Step<T>] {
        &self.steps
    }
    pub fn threads(&self) -> usize {
        self.workers.threads()
    }
    pub fn workers(&mut self) -> &mut Workers {
        &mut self.workers
    }

    /// Puts what a replay met in place of what was recorded.
    ///
    /// # Errors
    /// Indices that do not fit.
    pub fn take_over(&mut self, swap: &Swap<T>) -> Result<()> {
        match swap {
            Swap::Indices { old, new } => self.replace_indices(old, new),
            Swap::Op { old, new } => {
                for step in &mut self.steps {
                    if let Step::Call { op, .. } = step {
                        op.take_over(old, new);
                    }
                }
                Ok(())
            }
        }
    }

    /// Gives ops that hold these labels others of the same number.
    fn replace_indices(
        &mut self,
        old: &crate::tensor::pool::Indices,
        new: &crate::tensor::pool::Indices,
    ) -> Result<()> {
        for step in &mut self.steps {
            if let Step::Tensor { op, inputs, .. } = step
                && op.indices().is_some_and(|held| std::sync::Arc::ptr_eq(held, old))
            {
                let shapes: SmallVec<[&[usize]; 4]> = inputs.iter().map(|(_, shape)| &shape[..]).collect();
                op.check_indices(&shapes, new)?;
                op.set_indices(new.clone());
            }
        }
        Ok(())
    }
}

/// Lets fused code write its result over the carried input that it replaces, where it is the last to read that input.
pub(super) fn in_place<T: Element>(drafts: &mut [ScheduledStep<T>], carried: &[(NodeKey, NodeKey)]) {
    use super::block::{Access, Target};
    for &(input, output) in carried {
        let Some(writer) = drafts.iter().position(|draft| draft.writes.contains(&output)) else { continue };
        let readers_left = drafts[writer + 1..].iter().chain(drafts[..writer].last().filter(|draft| draft.goes_on()));
        if readers_left.into_iter().any(|draft| draft.reads.contains(&input)) {
            continue;
        }
        let draft = &mut drafts[writer];
        let StepKind::FusedGroup(block) = &mut draft.run else { continue };
        let write = draft.writes.iter().position(|&key| key == output).expect("it writes it");
        let flat = block.targets.contains(&Target::Flat { output: write });
        let read = draft.reads[..block.buffers].iter().position(|&key| key == input);
        let (Some(read), true) = (read, flat && write < block.stores) else { continue };
        let readers = block.sources.iter().filter(|source| source.from == Origin::Input(read));
        if draft.reads.iter().filter(|&&key| key == input).count() != 1
            || !readers.clone().all(|s| s.walk == Access::Flat)
        {
            continue;
        }
        draft.reads.remove(read);
        block.buffers -= 1;
        for source in &mut block.sources {
            source.from = match source.from {
                Origin::Input(k) if k == read => Origin::Output(write),
                Origin::Input(k) if k > read => Origin::Input(k - 1),
                from => from,
            };
        }
    }
}
