//! A program at work: steps over the arena.
//!
//! **Invariant.** What a step writes overlaps nothing that it reads, but for what it is meant to write over; the memory plan
//! sees to that and [`Machine::check`] proves it. So the slices below do not alias.

use super::batch::BatchCode;
use super::block::{BlockCode, Origin};
use super::foreign::Foreign;
use super::ir::{Ir, NodeKey};
use super::lower::{Draft, Run};
use super::memory::{Base, Layout, Place};
use super::panels::{self, Panels};
use crate::error::{Error, Result};
use crate::num::Element;
use crate::ops::structural::{Source, TensorOp};
use crate::parallel::Workers;
use crate::tape::Value;
use crate::tape::replay::Swap;
use crate::tensor::{Shape, Tensor};
use smallvec::SmallVec;

/// Memory that begins on a cache line.
struct Arena<T> {
    memory: Vec<T>,
    start: usize,
}

impl<T: Element> Arena<T> {
    fn new(length: usize) -> Self {
        let line = 64 / size_of::<T>();
        let memory = vec![T::from_f64(0.0); length + line];
        let start = (memory.as_ptr().addr().wrapping_neg() % 64) / size_of::<T>();
        Self { memory, start }
    }
    fn base(&mut self) -> *mut T {
        self.memory[self.start..].as_mut_ptr()
    }
}

/// What a step does; places are where its values are.
enum Step<T> {
    Block {
        code: BlockCode<T>,
        lanes: usize,
        inputs: Vec<Place>,
        shared: Vec<Place>,
        outputs: Vec<Place>,
        sums: Vec<Place>,
    },
    Batch {
        code: BatchCode<T>,
        inputs: Vec<Move>,
        outputs: Vec<Move>,
        numbers: Vec<T>,
        results: Vec<T>,
    },
    Tensor {
        op: TensorOp,
        inputs: Vec<(Place, Shape)>,
        output: Place,
        accumulate: bool,
    },
    Foreign {
        op: Foreign<T>,
        inputs: Vec<(Place, Shape)>,
        output: Place,
        shape: Shape,
    },
    Copy {
        from: Place,
        to: Place,
    },
}

/// Numbers that are one after another, both in the arena and in a list.
struct Move {
    arena: Place,
    listed: usize,
}

impl Move {
    /// All numbers at these places, in as few moves as there are stretches.
    fn all(places: &[Place]) -> Vec<Self> {
        let mut moves: Vec<Self> = Vec::new();
        for (listed, &place) in places.iter().enumerate() {
            match moves.last_mut() {
                Some(Self { arena, .. }) if arena.base == place.base && arena.start + arena.len == place.start => {
                    arena.len += place.len;
                }
                _ => moves.push(Self { arena: place, listed }),
            }
        }
        moves
    }
}

/// Steps with their memory.
pub(super) struct Machine<T: 'static> {
    steps: Vec<Step<T>>,
    /// For every step whether it and the next run together, by panels.
    panels: Vec<Option<Panels>>,
    arena: Arena<T>,
    workers: Workers,
    /// Inputs that are numbers, with where they go.
    numbers: Vec<(usize, usize)>,
    /// Where the inputs and the outputs of this run are.
    inputs: Vec<*const T>,
    outputs: Vec<*mut T>,
    scratch: Scratch<T>,
}

/// Lists that steps fill anew, kept for their memory.
struct Scratch<T: 'static> {
    numbers: Vec<T>,
    sums: Vec<T>,
    inputs: Vec<&'static [T]>,
    outputs: Vec<&'static mut [T]>,
}

/// What inputs and the arena are during a run.
#[derive(Clone, Copy)]
struct View<'a, T> {
    arena: *mut T,
    inputs: &'a [*const T],
    outputs: &'a [*mut T],
}

impl<T: Copy> View<'_, T> {
    fn address(self, place: Place) -> *mut T {
        match place.base {
            // SAFETY: the plan's places lie within the arena.
            Base::Arena => unsafe { self.arena.add(place.start) },
            // SAFETY: the run's slices are as long as the places.
            Base::Input(k) => unsafe { self.inputs[k].add(place.start) }.cast_mut(),
            // SAFETY: as above.
            Base::Output(k) => unsafe { self.outputs[k].add(place.start) },
        }
    }
    /// The elements of a place.
    ///
    /// # Safety
    /// Nothing writes there while the slice is used; for an input, this run has its pointer.
    unsafe fn slice<'s>(self, place: Place) -> &'s [T] {
        // SAFETY: the place is within its buffer and initialised; the rest is the caller's promise.
        unsafe { std::slice::from_raw_parts(self.address(place), place.len) }
    }
    /// The same for writing.
    ///
    /// # Safety
    /// Nothing else reads or writes there while the slice is used.
    unsafe fn slice_mut<'s>(self, place: Place) -> &'s mut [T] {
        debug_assert!(!matches!(place.base, Base::Input(_)));
        // SAFETY: as in `slice`.
        unsafe { std::slice::from_raw_parts_mut(self.address(place), place.len) }
    }
    /// The number at a place.
    fn number(self, place: Place) -> T {
        // SAFETY: read at once, between steps' writes.
        unsafe { *self.address(place) }
    }
}

impl<T: Element> Machine<T> {
    /// The steps of a plan.
    pub fn new(ir: &Ir<T>, mut drafts: Vec<Draft<T>>, layout: &mut Layout<T>) -> Self {
        let panels = panels::find(ir, &mut drafts);
        let mut arena = Arena::new(layout.length);
        let base = arena.base();
        for (place, values) in &layout.constants {
            let view = View { arena: base, inputs: &[], outputs: &[] };
            // SAFETY: nothing else refers to the new arena.
            unsafe { view.slice_mut(*place) }.copy_from_slice(values);
        }
        let places = |keys: &[NodeKey]| -> Vec<Place> { keys.iter().map(|&key| layout.places[key]).collect() };
        let mut code_bytes = 0;
        let steps: Vec<Step<T>> = drafts
            .into_iter()
            .map(|draft| {
                let (mut reads, mut writes) = (places(&draft.reads), places(&draft.writes));
                match draft.run {
                    Run::Block(block) => {
                        let code = BlockCode::new(&block.body, &block.sources, &block.targets, block.inner);
                        code_bytes += code.bytes();
                        let (shared, sums) = (reads.split_off(block.buffers), writes.split_off(block.stores));
                        Step::Block { code, lanes: block.lanes, inputs: reads, shared, outputs: writes, sums }
                    }
                    Run::Batch(body) => {
                        let code = BatchCode::new(&body);
                        code_bytes += code.bytes();
                        let zero = T::from_f64(0.0);
                        let (numbers, results) = (vec![zero; reads.len()], vec![zero; writes.len()]);
                        let (inputs, outputs) = (Move::all(&reads), Move::all(&writes));
                        Step::Batch { code, inputs, outputs, numbers, results }
                    }
                    Run::Tensor { op, shapes, accumulate } => Step::Tensor {
                        op,
                        inputs: reads.into_iter().zip(shapes).collect(),
                        output: writes[0],
                        accumulate,
                    },
                    Run::Foreign { op, shapes, shape } => {
                        Step::Foreign { op, inputs: reads.into_iter().zip(shapes).collect(), output: writes[0], shape }
                    }
                    Run::Copy => Step::Copy { from: reads[0], to: writes[0] },
                }
            })
            .collect();
        layout.memory.code = code_bytes;
        let scratch = Scratch { numbers: Vec::new(), sums: Vec::new(), inputs: Vec::new(), outputs: Vec::new() };
        let (inputs, outputs) = (vec![std::ptr::null(); ir.inputs.len()], vec![std::ptr::null_mut(); ir.outputs.len()]);
        let numbers = layout.given.iter().enumerate().map(|(at, &k)| (k, at)).collect();
        let machine = Self { steps, panels, arena, workers: Workers::new(1), numbers, inputs, outputs, scratch };
        machine.check();
        machine
    }

    pub fn set_threads(&mut self, n: usize) {
        if n.max(1) != self.workers.threads() {
            self.workers = Workers::new(n);
        }
    }

    /// Whether every step's writes are apart from its reads and from each other.
    fn check(&self) {
        for (k, step) in self.steps.iter().enumerate() {
            let (reads, writes): (Vec<Place>, Vec<Place>) = match step {
                Step::Block { inputs, shared, outputs, sums, .. } => {
                    (inputs.iter().chain(shared).copied().collect(), outputs.iter().chain(sums).copied().collect())
                }
                Step::Batch { inputs, outputs, .. } => {
                    let places = |moves: &[Move]| moves.iter().map(|one| one.arena).collect();
                    (places(inputs), places(outputs))
                }
                Step::Tensor { inputs, output, accumulate, .. } => {
                    (inputs.iter().skip(*accumulate as usize).map(|input| input.0).collect(), vec![*output])
                }
                Step::Foreign { inputs, output, .. } => (inputs.iter().map(|input| input.0).collect(), vec![*output]),
                Step::Copy { from, to } => (vec![*from], vec![*to]),
            };
            for (i, write) in writes.iter().enumerate() {
                let clash = |other: &Place| write.overlaps(*other) && write.len > 0;
                assert!(!matches!(write.base, Base::Input(_)), "program: step {k} writes an input");
                assert!(
                    !reads.iter().any(clash) && !writes[..i].iter().any(clash),
                    "program: step {k} overwrites itself"
                );
            }
        }
    }

    pub fn arena(&self) -> &[T] {
        &self.arena.memory[self.arena.start..]
    }
    /// The elements of a place that the program keeps.
    pub fn kept(&self, place: Place) -> &[T] {
        &self.arena()[place.start..place.start + place.len]
    }
    /// The same for writing.
    pub fn kept_mut(&mut self, place: Place) -> &mut [T] {
        &mut self.arena.memory[self.arena.start..][place.start..place.start + place.len]
    }

    /// Copies from one kept place to another.
    pub fn copy(&mut self, from: Place, to: Place) {
        let kept = &mut self.arena.memory[self.arena.start..];
        kept.copy_within(from.start..from.start + from.len, to.start);
    }
    #[cfg(test)]
    pub fn panels(&self) -> usize {
        self.panels.iter().flatten().count()
    }

    /// The number of steps.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Runs all steps. There is a slice for each input, empty for those that are carried, and for each output, empty for
    /// those that the program keeps; their lengths are checked.
    pub fn run(&mut self, inputs: &[&[T]], outputs: &mut [&mut [T]]) -> Result<()> {
        debug_assert_eq!(inputs.len(), self.inputs.len());
        for (pointer, input) in self.inputs.iter_mut().zip(inputs) {
            *pointer = input.as_ptr();
        }
        for (pointer, output) in self.outputs.iter_mut().zip(outputs) {
            *pointer = output.as_mut_ptr();
        }
        let arena = &mut self.arena.memory[self.arena.start..];
        for &(k, at) in &self.numbers {
            arena[at] = inputs[k][0];
        }
        self.run_steps()
    }

    /// The same where all inputs that are not carried are numbers, and nothing is written out.
    pub fn run_numbers(&mut self, inputs: &[T]) -> Result<()> {
        self.arena.memory[self.arena.start..][..inputs.len()].copy_from_slice(inputs);
        self.run_steps()
    }

    fn run_steps(&mut self) -> Result<()> {
        let view = View { arena: self.arena.base(), inputs: &self.inputs, outputs: &self.outputs };
        let mut k = 0;
        while let Some((step, rest)) = self.steps[k..].split_first_mut() {
            match self.panels[k] {
                Some(panels) if self.workers.threads() == 1 => {
                    step.run_panels(&mut rest[0], panels, view, &mut self.scratch, &mut self.workers);
                    k += 2;
                }
                _ => {
                    step.run(view, &mut self.scratch, &mut self.workers)?;
                    k += 1;
                }
            }
        }
        Ok(())
    }

    /// Puts what a replay met in place of what was recorded.
    ///
    /// # Errors
    /// Indices that do not fit.
    pub fn take_over(&mut self, swap: &Swap<T>) -> Result<()> {
        if let Swap::Indices { old, new } = swap {
            return self.replace_indices(old, new);
        }
        for step in &mut self.steps {
            if let Step::Foreign { op, .. } = step {
                op.take_over(swap);
            }
        }
        Ok(())
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

impl<T: Element> Step<T> {
    fn run(&mut self, view: View<'_, T>, scratch: &mut Scratch<T>, workers: &mut Workers) -> Result<()> {
        match self {
            Step::Block { code, lanes, inputs, shared, outputs, sums } => {
                scratch.numbers.clear();
                scratch.numbers.extend(shared.iter().map(|&place| view.number(place)));
                scratch.sums.clear();
                scratch.sums.resize(sums.len(), T::from_f64(0.0));
                // SAFETY: the step's writes overlap neither its reads nor each other, and the lists are emptied below.
                unsafe {
                    scratch.inputs.extend(inputs.iter().map(|&place| view.slice(place)));
                    scratch.outputs.extend(outputs.iter().map(|&place| view.slice_mut(place)));
                }
                let Scratch { numbers, sums: totals, inputs, outputs } = scratch;
                code.run(*lanes, inputs, numbers, outputs, totals, workers);
                inputs.clear();
                outputs.clear();
                for (&place, &total) in sums.iter().zip(&*totals) {
                    // SAFETY: a number's place, and no slice is out.
                    unsafe { view.slice_mut(place)[0] = total };
                }
            }
            Step::Batch { code, inputs, outputs, numbers, results } => {
                for &Move { arena, listed } in &*inputs {
                    // SAFETY: no other slice is out.
                    numbers[listed..][..arena.len].copy_from_slice(unsafe { view.slice(arena) });
                }
                code.run(numbers, results);
                for &Move { arena, listed } in &*outputs {
                    // SAFETY: as above.
                    unsafe { view.slice_mut(arena) }.copy_from_slice(&results[listed..][..arena.len]);
                }
            }
            Step::Tensor { op, inputs, output, accumulate } => {
                // SAFETY: the write overlaps no read but, where it accumulates, the first, which is not made a slice.
                let (sources, out): (SmallVec<[Source<'_, T>; 4]>, _) = unsafe {
                    let source = |(place, shape)| Source { dims: shape, data: view.slice(place) };
                    let reads = inputs.iter().skip(*accumulate as usize);
                    (reads.map(|(place, shape)| source((*place, shape))).collect(), view.slice_mut(*output))
                };
                match (op, *accumulate) {
                    (TensorOp::MatMul(op), add) => op.product(sources[0], sources[1], out, add, Some(workers)),
                    (op, _) => op.write(&sources, out)?,
                }
            }
            Step::Foreign { op, inputs, output, shape } => {
                let value = |(place, shape): &(Place, Shape)| -> Result<Value<T>> {
                    // SAFETY: copied at once.
                    let data = unsafe { view.slice(*place) }.to_vec();
                    Ok(Tensor::new(shape.clone(), data)?.into())
                };
                let args = inputs.iter().map(value).collect::<Result<Vec<_>>>()?;
                let result = op.evaluate(&args)?;
                let found = result.shape();
                // A rule may leave a gradient small that stretches, or long where it is to be summed.
                let fitted = if found == *shape { result } else { fitted(op, result, shape)? };
                // SAFETY: no slice is out.
                unsafe { view.slice_mut(*output) }.copy_from_slice(fitted.as_slice());
            }
            Step::Copy { from, to } => {
                // SAFETY: apart, as for every step.
                unsafe { view.slice_mut(*to).copy_from_slice(view.slice(*from)) };
            }
        }
        Ok(())
    }
}

impl<T: Element> Step<T> {
    /// This product and the fused step after it, a panel of rows at a time; every panel is written over the one before.
    fn run_panels(
        &mut self,
        fused: &mut Step<T>,
        panels: Panels,
        view: View<'_, T>,
        scratch: &mut Scratch<T>,
        workers: &mut Workers,
    ) {
        let Step::Tensor { op: TensorOp::MatMul(op), inputs: factors, output, .. } = self else {
            unreachable!("panels are of products")
        };
        let Step::Block { code, lanes, inputs, shared, outputs, .. } = fused else {
            unreachable!("panels go into fused steps")
        };
        scratch.numbers.clear();
        scratch.numbers.extend(shared.iter().map(|&place| view.number(place)));
        let columns = factors[1].1[1 - op.tb as usize];
        let m = *lanes / columns;
        let mut from = 0;
        while from < m {
            // The last panel takes what is over, so that none is short.
            let to = if from + 2 * panels.rows > m { m } else { from + panels.rows };
            let part =
                |place: Place| Place { start: place.start + from * columns, len: (to - from) * columns, ..place };
            let panel = Place { len: (to - from) * columns, ..*output };
            // SAFETY: the product's place overlaps no factor, and is not read while it is written.
            unsafe {
                let source = |(place, shape): &(Place, Shape)| -> (&[T], Shape) { (view.slice(*place), shape.clone()) };
                let [(x, x_shape), (y, y_shape)] = [source(&factors[0]), source(&factors[1])];
                let [x, y] = [Source { dims: &x_shape, data: x }, Source { dims: &y_shape, data: y }];
                op.rows(x, y, view.slice_mut(panel), [from, to]);
            }
            // SAFETY: as for a fused step on all lanes; parts of places are apart where the places are.
            unsafe {
                scratch.inputs.extend(inputs.iter().enumerate().map(|(k, &place)| match place.len == *lanes {
                    _ if k == panels.read => view.slice(panel),
                    true => view.slice(part(place)),
                    false => view.slice(place),
                }));
                scratch.outputs.extend(outputs.iter().map(|&place| view.slice_mut(part(place))));
            }
            let Scratch { numbers, inputs, outputs, .. } = scratch;
            code.run((to - from) * columns, inputs, numbers, outputs, &mut [], workers);
            inputs.clear();
            outputs.clear();
            from = to;
        }
    }
}

/// A rule's result in the shape of its argument.
fn fitted<T: Element>(op: &Foreign<T>, value: Value<T>, shape: &Shape) -> Result<Value<T>> {
    use crate::algebra::{Algebra, Eager};
    let pool = crate::tensor::pool::Pool::transient();
    let eager = Eager::new(&pool);
    let found = value.shape();
    if shape.broadcasts_to(&found) {
        Ok(eager.sum_to(&value, shape))
    } else if found.broadcasts_to(shape) {
        Ok(eager.broadcast_to(&value, shape))
    } else {
        Err(Error::shape(format!("{}: gave shape {found}, when compiled it was {shape}", op.name())))
    }
}

/// Lets fused code write its result over the carried input that it replaces, where it is the last to read that input.
pub(super) fn in_place<T: Element>(drafts: &mut [Draft<T>], carried: &[(NodeKey, NodeKey)]) {
    use super::block::{Target, Walk};
    for &(input, output) in carried {
        let Some(writer) = drafts.iter().position(|draft| draft.writes.contains(&output)) else { continue };
        if drafts[writer + 1..].iter().any(|draft| draft.reads.contains(&input)) {
            continue;
        }
        let draft = &mut drafts[writer];
        let Run::Block(block) = &mut draft.run else { continue };
        let write = draft.writes.iter().position(|&key| key == output).expect("it writes it");
        let flat = block.targets.contains(&Target::Flat { output: write });
        let read = draft.reads[..block.buffers].iter().position(|&key| key == input);
        let (Some(read), true) = (read, flat && write < block.stores) else { continue };
        let readers = block.sources.iter().filter(|source| source.from == Origin::Input(read));
        if draft.reads.iter().filter(|&&key| key == input).count() != 1
            || !readers.clone().all(|s| s.walk == Walk::Flat)
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
