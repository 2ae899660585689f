//! The steps of a program at work.
//!
//! In compiler terms: code generation: each scheduled step with its addresses resolved.
//!
//! Steps on few numbers, which a call of two would double the time of, are bound: they keep the addresses of what they read and
//! write, and everything else about them is settled when they are made. Only those that touch what callers hold are bound again
//! in every run.

use super::batch::BatchCode;
use super::block::{BlockCode, Extent, Short, Space};
use super::call::Call;
use super::lockstep::Product;
use super::lower::{self, ScheduledStep};
use super::memory::{Allocation, Base};
use super::products::Way;
use crate::error::Result;
use crate::graph::ssa::NodeKey;
use crate::num::{Element, simd};
use crate::ops::structural::{MatMul, Source, StackOfProducts, TensorOp};
use crate::parallel::Workers;
use crate::tape::Value;
use crate::tensor::kernels::matmul::Prepared;
use crate::tensor::{Shape, Tensor};
use smallvec::SmallVec;

#[cfg(test)]
mod tests;

/// What a step does; places are where its values are.
pub(super) enum Step<T> {
    /// A fused group that one block holds; bound, as is `Bound`.
    Short {
        code: Short<T>,
        at: Buffers,
        outside: bool,
    },
    Block {
        code: BlockCode<T>,
        lanes: usize,
        at: Buffers,
    },
    Batch {
        code: BatchCode<T>,
        inputs: Vec<Move>,
        outputs: Vec<Move>,
    },
    /// A product of matrices too small for threads.
    Bound {
        product: Prepared<T>,
        factors: [Allocation; 2],
        output: Allocation,
        outside: bool,
    },
    /// A stack of such products.
    Stack {
        product: Prepared<T>,
        stack: StackOfProducts,
        factors: [Allocation; 2],
        output: Allocation,
    },
    /// Any other product; of `panels` rows at a time where there is a number.
    Product {
        op: MatMul,
        factors: [(Allocation, Shape); 2],
        output: Allocation,
        accumulate: bool,
        panels: Option<usize>,
    },
    Tensor {
        op: TensorOp,
        inputs: Vec<(Allocation, Shape)>,
        output: Allocation,
    },
    Call {
        op: Call<T>,
        inputs: Vec<(Allocation, Shape)>,
        output: Allocation,
        shape: Shape,
    },
    Copy {
        from: Allocation,
        to: Allocation,
    },
}

/// Numbers that are one after another, both in the arena and in a list.
pub(super) struct Move {
    arena: Allocation,
    listed: usize,
}

impl Move {
    /// All numbers at these places, in as few moves as there are stretches.
    fn all(places: &[Allocation]) -> Vec<Self> {
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

/// What fused code reads and writes.
pub(super) struct Buffers {
    inputs: Vec<Allocation>,
    shared: Vec<Allocation>,
    outputs: Vec<Allocation>,
    sums: Vec<Allocation>,
}

impl Buffers {
    fn reads(&self) -> impl Iterator<Item = &Allocation> {
        self.inputs.iter().chain(&self.shared)
    }
    fn writes(&self) -> impl Iterator<Item = &Allocation> {
        self.outputs.iter().chain(&self.sums)
    }
}

/// Whether callers hold what is there.
fn is_outside(place: &Allocation) -> bool {
    place.base != Base::Arena
}

/// Lists that steps fill anew, kept for their memory.
pub(super) struct Scratch<T: 'static> {
    numbers: Vec<T>,
    sums: Vec<T>,
    inputs: Vec<&'static [T]>,
    outputs: Vec<&'static mut [T]>,
}

impl<T> Scratch<T> {
    pub fn new() -> Self {
        Self { numbers: Vec::new(), sums: Vec::new(), inputs: Vec::new(), outputs: Vec::new() }
    }

    /// Forgets everything, also what a step left that panicked: slices of a run that is over.
    fn clear(&mut self) {
        self.numbers.clear();
        self.sums.clear();
        self.inputs.clear();
        self.outputs.clear();
    }
}

/// What inputs and the arena are during a run.
#[derive(Clone, Copy)]
pub(super) struct View<'a, T> {
    pub arena: *mut T,
    pub inputs: &'a [*const T],
    pub outputs: &'a [*mut T],
}

impl<T: Copy> View<'_, T> {
    /// Where a place begins: an address alone, which is nobody's promise.
    #[inline]
    pub fn address(self, place: Allocation) -> *mut T {
        match place.base {
            Base::Arena => self.arena.wrapping_add(place.start),
            Base::Input(k) => self.inputs[k].wrapping_add(place.start).cast_mut(),
            Base::Output(k) => self.outputs[k].wrapping_add(place.start),
        }
    }
    /// The elements of a place.
    ///
    /// # Safety
    /// The place is in the arena, or in what this run was given. Nothing writes there while the slice is used.
    unsafe fn slice<'s>(self, place: Allocation) -> &'s [T] {
        // SAFETY: the place is within its buffer and initialised; the rest is the caller's promise.
        unsafe { std::slice::from_raw_parts(self.address(place), place.len) }
    }
    /// The same with its shape, as ops take it.
    ///
    /// # Safety
    /// As for [`View::slice`].
    unsafe fn source<'s>(self, (place, shape): &'s (Allocation, Shape)) -> Source<'s, T> {
        // SAFETY: by contract.
        Source { dims: shape, data: unsafe { self.slice(*place) } }
    }
    /// The same for writing.
    ///
    /// # Safety
    /// The place is in the arena, or in an output that this run was given. Nothing else reads or writes there while the slice
    /// is used.
    pub unsafe fn slice_mut<'s>(self, place: Allocation) -> &'s mut [T] {
        // SAFETY: as in `slice`.
        unsafe { std::slice::from_raw_parts_mut(self.address(place), place.len) }
    }
    /// The number at a place.
    ///
    /// # Safety
    /// As for [`View::slice`].
    unsafe fn number(self, place: Allocation) -> T {
        // SAFETY: read at once, between steps' writes; the rest is the caller's promise.
        unsafe { *self.address(place) }
    }
}

impl<T: Element> Step<T> {
    /// What runs a scheduled step; `place` says where its values are.
    pub fn new(step: &ScheduledStep<T>, place: impl Fn(NodeKey) -> Allocation) -> Self {
        let places = |keys: &[NodeKey]| -> Vec<Allocation> { keys.iter().map(|&key| place(key)).collect() };
        let (reads, writes) = (places(&step.reads), places(&step.writes));
        match &step.run {
            lower::StepKind::FusedGroup(block) => Self::block(block, reads, writes),
            lower::StepKind::Batch(body) => {
                Step::Batch { code: BatchCode::new(body), inputs: Move::all(&reads), outputs: Move::all(&writes) }
            }
            lower::StepKind::Tensor { op, shapes } => Step::Tensor {
                op: op.clone(),
                inputs: reads.into_iter().zip(shapes.iter().cloned()).collect(),
                output: writes[0],
            },
            lower::StepKind::Product { op, factors, accumulate, way } => {
                let places = [reads[*accumulate as usize], reads[1 + *accumulate as usize]];
                Self::product(op.clone(), places, factors.clone(), writes[0], *accumulate, *way)
            }
            lower::StepKind::Call { op, shapes, shape } => {
                let inputs = reads.into_iter().zip(shapes.iter().cloned()).collect();
                Step::Call { op: op.clone(), inputs, output: writes[0], shape: shape.clone() }
            }
            lower::StepKind::Copy => Step::Copy { from: reads[0], to: writes[0] },
        }
    }

    fn block(block: &lower::FusedGroup<T>, mut inputs: Vec<Allocation>, mut outputs: Vec<Allocation>) -> Self {
        let (shared, sums) = (inputs.split_off(block.buffers), outputs.split_off(block.stores));
        let extent = |place: &Allocation| Extent { len: place.len, padded: place.is_padded() };
        let space = Space {
            sources: &block.sources,
            targets: &block.targets,
            inner: block.inner,
            lanes: block.lanes,
            inputs: &inputs.iter().map(extent).collect::<Vec<_>>(),
            outputs: &outputs.iter().map(extent).collect::<Vec<_>>(),
        };
        let short = Short::new(&block.body, &space);
        let at = Buffers { inputs, shared, outputs, sums };
        // Numbers are all inside.
        let outside = at.inputs.iter().chain(&at.outputs).any(is_outside);
        match short {
            Some(code) => Step::Short { code, at, outside },
            None => {
                let code = BlockCode::new(&block.body, &block.sources, &block.targets, block.inner);
                Step::Block { code, lanes: block.lanes, at }
            }
        }
    }

    /// The step of a product.
    ///
    /// # Panics
    /// A place has another length than its shape: products read and write as much as their shapes say, without looking.
    fn product(
        op: MatMul,
        at: [Allocation; 2],
        shapes: [Shape; 2],
        output: Allocation,
        accumulate: bool,
        way: Way,
    ) -> Self {
        let panels = match way {
            Way::Bound => {
                let result = op.product_shape(&shapes[0], &shapes[1]).map(|shape| shape.numel());
                let fits = at.iter().zip(&shapes).all(|(place, shape)| place.len == shape.numel());
                assert!(
                    fits && result.is_ok_and(|n| n == output.len),
                    "program: a product of {} and {} at places of {}, {} and {} elements",
                    shapes[0],
                    shapes[1],
                    at[0].len,
                    at[1].len,
                    output.len
                );
                let product = op.prepared(&shapes[0], &shapes[1], accumulate);
                let outside = at.iter().chain([&output]).any(is_outside);
                return Step::Bound { product, factors: at, output, outside };
            }
            Way::Stack => {
                let stack = op.stack(&shapes[0], &shapes[1]).expect("a stack of products");
                let [m, n, _] = stack.sizes;
                let fits = at.iter().zip(&shapes).all(|(place, shape)| place.len == shape.numel());
                assert!(
                    fits && output.len == stack.count * m * n,
                    "program: a stack of products at places of other sizes"
                );
                return Step::Stack { product: op.prepared_in_stack(&stack, accumulate), stack, factors: at, output };
            }
            Way::Panels { rows } => Some(rows),
            Way::Whole => None,
        };
        let [x, y] = shapes;
        Step::Product { op, factors: [(at[0], x), (at[1], y)], output, accumulate, panels }
    }

    /// The product of matrices that it is, if its result is not added to what is there, for so many programs.
    pub fn product_of(&self, count: usize) -> Option<Product<T>> {
        let (together, factors, output) = match self {
            Step::Bound { product, factors, output, .. } => {
                (product.together(simd::level(), count)?, *factors, *output)
            }
            Step::Product { op, factors: [x, y], output, accumulate: false, panels: None } => {
                (op.together(&x.1, &y.1, count)?, [x.0, y.0], *output)
            }
            _ => return None,
        };
        Some(Product { together, factors, output })
    }

    /// Whether it is a product of which the next step reads panels.
    pub fn has_panels(&self) -> bool {
        matches!(self, Step::Product { panels: Some(_), .. })
    }

    /// The memory of code and tables in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Step::Short { code, .. } => code.bytes(),
            Step::Block { code, .. } => code.bytes(),
            Step::Batch { code, .. } => code.bytes(),
            _ => 0,
        }
    }

    /// What the step reads, but for what it adds to, and what it writes: all that may be touched there.
    pub fn touches(&self) -> [Vec<Allocation>; 2] {
        let whole = |place: &Allocation| place.whole::<T>();
        match self {
            Step::Short { at, .. } => [at.reads().map(whole).collect(), at.writes().map(whole).collect()],
            Step::Block { at, .. } => [at.reads().copied().collect(), at.writes().copied().collect()],
            Step::Batch { inputs, outputs, .. } => {
                [inputs, outputs].map(|moves| moves.iter().map(|one| one.arena).collect())
            }
            Step::Bound { factors, output, .. } | Step::Stack { factors, output, .. } => {
                [factors.to_vec(), vec![*output]]
            }
            Step::Product { factors: [x, y], output, .. } => [vec![x.0, y.0], vec![*output]],
            Step::Tensor { inputs, output, .. } | Step::Call { inputs, output, .. } => {
                [inputs.iter().map(|input| input.0).collect(), vec![*output]]
            }
            Step::Copy { from, to } => [vec![*from], vec![*to]],
        }
    }

    /// Gives a bound step the addresses of what the program keeps, among which are all numbers.
    pub fn bind_inside(&mut self, arena: *mut T) {
        let view = View { arena, inputs: &[], outputs: &[] };
        match self {
            Step::Short { code, at, .. } => {
                let inside = |places: &'_ [Allocation]| -> Vec<(usize, *mut T)> {
                    let kept = places.iter().enumerate().filter(|(_, place)| !is_outside(place));
                    kept.map(|(k, place)| (k, view.address(*place))).collect()
                };
                inside(&at.inputs).into_iter().for_each(|(k, address)| code.set_input(k, address));
                inside(&at.shared).into_iter().for_each(|(k, address)| code.set_shared(k, address));
                inside(&at.outputs).into_iter().for_each(|(k, address)| code.set_output(k, address));
                inside(&at.sums).into_iter().for_each(|(k, address)| code.set_sum(k, address));
            }
            Step::Bound { product, factors: [x, y], output, outside: false } => {
                product.bind(view.address(*x), view.address(*y), view.address(*output));
            }
            _ => {}
        }
    }

    /// Gives a step the addresses of what callers hold in this run.
    fn bind_outside(&mut self, view: View<'_, T>) {
        match self {
            Step::Short { code, at, outside: true } => {
                for (k, place) in at.inputs.iter().enumerate() {
                    if is_outside(place) {
                        code.set_input(k, view.address(*place));
                    }
                }
                for (k, place) in at.outputs.iter().enumerate() {
                    if is_outside(place) {
                        code.set_output(k, view.address(*place));
                    }
                }
            }
            Step::Bound { product, factors: [x, y], output, outside: true } => {
                product.bind(view.address(*x), view.address(*y), view.address(*output));
            }
            _ => {}
        }
    }

    /// Runs the step if it is a bound one; says whether it is.
    ///
    /// # Safety
    /// The view has all places of the step, with their lengths, and nothing else refers to what is there. The step was checked:
    /// it overwrites nothing that it reads.
    #[inline]
    pub unsafe fn run_bound(&mut self, view: View<'_, T>) -> bool {
        if matches!(self, Step::Short { outside: true, .. } | Step::Bound { outside: true, .. }) {
            self.bind_outside(view);
        }
        match self {
            // SAFETY: the addresses are those of the step's places, and its writes overlap neither its reads nor each other.
            Step::Short { code, .. } => unsafe { code.run() },
            // SAFETY: as above; the places have the sizes that the product was made for.
            Step::Bound { product, .. } => unsafe { product.run() },
            Step::Stack { product, stack, factors: [x, y], output } => {
                let factors = [view.address(*x).cast_const(), view.address(*y).cast_const()];
                // SAFETY: as above; the places have the sizes that the stack was made for.
                unsafe { product.run_stack(stack.count, factors, stack.steps, view.address(*output)) }
            }
            Step::Batch { code, inputs, outputs } => {
                let numbers = code.inputs();
                for &Move { arena, listed } in &*inputs {
                    // A copy of unknown length is a call.
                    match arena.len {
                        // SAFETY: the caller's promise.
                        1 => numbers[listed] = unsafe { view.number(arena) },
                        // SAFETY: no other slice is out.
                        len => numbers[listed..][..len].copy_from_slice(unsafe { view.slice(arena) }),
                    }
                }
                code.run();
                for &Move { arena, listed } in &*outputs {
                    // SAFETY: as above.
                    code.results(listed, unsafe { view.slice_mut(arena) });
                }
            }
            _ => return false,
        }
        true
    }

    /// Runs a step that is not bound.
    ///
    /// # Safety
    /// As for [`Step::run_bound`].
    pub unsafe fn run(&mut self, view: View<'_, T>, scratch: &mut Scratch<T>, workers: &mut Workers) -> Result<()> {
        match self {
            Step::Short { .. } | Step::Bound { .. } | Step::Stack { .. } | Step::Batch { .. } => unreachable!("bound"),
            Step::Block { code, lanes, at } => {
                scratch.clear();
                scratch.sums.resize(at.sums.len(), T::from_f64(0.0));
                // SAFETY: the step's writes overlap neither its reads nor each other, and the lists are emptied below.
                unsafe {
                    scratch.numbers.extend(at.shared.iter().map(|&place| view.number(place)));
                    scratch.inputs.extend(at.inputs.iter().map(|&place| view.slice(place)));
                    scratch.outputs.extend(at.outputs.iter().map(|&place| view.slice_mut(place)));
                }
                let Scratch { numbers, sums: totals, inputs, outputs } = scratch;
                code.run(*lanes, inputs, numbers, outputs, totals, workers);
                inputs.clear();
                outputs.clear();
                for (&place, &total) in at.sums.iter().zip(&*totals) {
                    // SAFETY: a number's place, and no slice is out.
                    unsafe { view.slice_mut(place)[0] = total };
                }
            }
            Step::Product { op, factors: [x, y], output, accumulate, .. } => {
                // SAFETY: the write overlaps neither factor; what it is added to is not made a slice.
                let (x, y, out) = unsafe { (view.source(x), view.source(y), view.slice_mut(*output)) };
                op.product(x, y, out, *accumulate, Some(workers));
            }
            Step::Tensor { op, inputs, output } => {
                // SAFETY: the write overlaps no read.
                let (sources, out): (SmallVec<[Source<'_, T>; 4]>, _) =
                    unsafe { (inputs.iter().map(|input| view.source(input)).collect(), view.slice_mut(*output)) };
                op.write(&sources, out)?;
            }
            Step::Call { op, inputs, output, shape } => {
                let value = |(place, shape): &(Allocation, Shape)| -> Result<Value<T>> {
                    // SAFETY: copied at once.
                    let data = unsafe { view.slice(*place) }.to_vec();
                    Ok(Tensor::new(shape.clone(), data)?.into())
                };
                let args = inputs.iter().map(value).collect::<Result<Vec<_>>>()?;
                let result = op.evaluate(&args, shape)?;
                // SAFETY: no slice is out.
                unsafe { view.slice_mut(*output) }.copy_from_slice(result.as_slice());
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
    /// Runs this product and the fused step after it a panel of rows at a time, if that is the product's way; says whether it
    /// is. Every panel is written over the one before.
    ///
    /// # Safety
    /// As for [`Step::run_bound`], of both steps.
    #[inline]
    pub unsafe fn run_panels(
        &self,
        fused: &mut Step<T>,
        view: View<'_, T>,
        scratch: &mut Scratch<T>,
        workers: &mut Workers,
    ) -> bool {
        let Step::Product { op, factors: [x, y], output, panels: Some(rows), .. } = self else { return false };
        let Step::Block { code, lanes, at } = fused else { return false };
        let rows = *rows;
        scratch.clear();
        // SAFETY: the caller's promise.
        scratch.numbers.extend(at.shared.iter().map(|&place| unsafe { view.number(place) }));
        let columns = y.1[1 - op.tb as usize];
        let m = *lanes / columns;
        let mut from = 0;
        while from < m {
            // The last panel takes what is over, so that none is short.
            let to = if from + 2 * rows > m { m } else { from + rows };
            let part = |place: Allocation| Allocation {
                start: place.start + from * columns,
                len: (to - from) * columns,
                ..place
            };
            let panel = Allocation { len: (to - from) * columns, ..*output };
            // SAFETY: the product's place overlaps no factor, and is not read while it is written.
            unsafe {
                op.rows(view.source(x), view.source(y), view.slice_mut(panel), [from, to]);
            }
            // SAFETY: as for a fused step on all lanes; parts of places are apart where the places are.
            unsafe {
                scratch.inputs.extend(at.inputs.iter().map(|&place| match place.len == *lanes {
                    _ if place == *output => view.slice(panel),
                    true => view.slice(part(place)),
                    false => view.slice(place),
                }));
                scratch.outputs.extend(at.outputs.iter().map(|&place| view.slice_mut(part(place))));
            }
            let Scratch { numbers, inputs, outputs, .. } = scratch;
            code.run((to - from) * columns, inputs, numbers, outputs, &mut [], workers);
            inputs.clear();
            outputs.clear();
            from = to;
        }
        true
    }
}
