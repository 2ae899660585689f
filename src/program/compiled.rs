//! Steps of training as programs: the compiled twin of [`Tape::step`].
//!
//! In compiler terms: a trace cache keyed by the recorded ops, with a guard on each replay.
//!
//! A closure says what a step is. The first time it is recorded and compiled, with its gradients; from then on it runs on a
//! tape that goes along the recording ([`crate::tape::replay`]) and only hands the step's data over, and the program computes.
//! So the closure needs no inputs and outputs to be named, and whatever changes from step to step (data, labels, masks) is
//! taken from it. Where it does something else than before, it is recorded again.
//!
//! The first step is computed by the program, too, so that a step gives the same bits whichever step recorded it.

use super::pieces::Sums;
use super::recorded::{Leaf, StepGraph};
use super::variants::Variants;
use super::{Options, Program};
use crate::error::{Error, OrPanic, Result};
use crate::num::Element;
use crate::sweep::Gradients;
use crate::tape::entry::NodeOp;
use crate::tape::{NodeId, NodeRef, Tape, Value, Var};
use crate::tensor::Tensor;
use smallvec::SmallVec;

/// Recordings of one key that are kept: a closure with a branch or two has so many.
const VARIANTS: usize = 4;
/// Recordings of all keys that are kept.
const RECORDINGS: usize = 32;
/// So many steps of one key in a row that had to be recorded, and recording is given up.
pub(super) const PATIENCE: usize = 8;

/// Steps that are compiled the first time and run as programs from then on.
///
/// # Examples
/// ```
/// use retrograd::{Compiled, Tensor};
/// let mut compiled = Compiled::<f32>::new();
/// let mut w = Tensor::from([1.0f32, -2.0]);
/// for _ in 0..3 {
///     let (loss, id, grads) = compiled.step(0, |t| {
///         let v = t.var(&w);
///         Ok((v.square().sum(()), v.id()))
///     })?;
///     assert!(loss > 0.0);
///     w.add_scaled(-0.1, grads.get(id).unwrap());
///     compiled.recycle(grads);
/// }
/// assert_eq!(compiled.recorded(), 1);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Compiled<T: 'static> {
    pub(super) options: Options,
    pub(super) eager: bool,
    /// Where eager steps are recorded, and gradients come from.
    pub(super) home: Tape<T>,
    recordings: Variants<Recording<T>>,
    /// Steps that are computed together.
    pub(super) sums: Sums<T>,
    /// Steps in a row that were recorded, by key; those that are given up have no number.
    misses: Vec<(u64, Option<usize>)>,
    problem: Option<Error>,
    pub(super) recorded: usize,
}

/// What a step computed.
///
/// # Examples
/// ```
/// use retrograd::{Compiled, Tensor};
/// let mut compiled = Compiled::<f64>::new();
/// let rows = Tensor::from([[1.0], [2.0]]);
/// let computed = compiled.step_with(0, &rows, |tape, rows| {
///     let w = tape.var([0.5]);
///     let outputs = tape.data(rows) * w;
///     Ok((outputs.square().sum(()), [outputs].into_iter().collect(), w.id()))
/// })?;
/// assert_eq!((computed.loss, computed.values[0].to_vec()), (1.25, vec![0.5, 1.0]));
/// assert_eq!(computed.gradients.get(computed.rest).unwrap().to_vec(), [5.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Computed<T, R> {
    /// The loss.
    pub loss: T,
    /// The values of the other variables that were asked for.
    pub values: SmallVec<[Tensor<T>; 4]>,
    /// What the closure returned beside.
    pub rest: R,
    /// The gradients of the loss.
    pub gradients: Gradients<T>,
}

/// What a closure of [`Compiled::step_with`] returns: the loss, other variables whose values are wanted, and anything else.
///
/// # Examples
/// ```
/// use retrograd::{Compiled, Id, Result, Tape, program::Outcome};
/// fn build<'t>(tape: &'t Tape<f64>, target: &'t f64) -> Result<Outcome<'t, f64, Id>> {
///     let x = tape.var(3.0);
///     let error = x - tape.data(*target);
///     Ok((error.square(), [error].into_iter().collect(), x.id()))
/// }
/// let computed = Compiled::new().step_with(0, &1.0, build)?;
/// assert_eq!((computed.loss, computed.values[0].item()), (4.0, 2.0));
/// assert_eq!(computed.gradients.get_item(computed.rest), Some(4.0));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub type Outcome<'t, T, R> = (Var<'t, T>, SmallVec<[Var<'t, T>; 4]>, R);

/// A recording with its program.
pub(super) struct Recording<T: 'static> {
    key: u64,
    pub tape: Tape<T>,
    pub program: Program<T>,
    loss: NodeId,
    pub values: Vec<NodeId>,
    leaves: Vec<Leaf>,
    /// What stands in for the leaves' values between two steps.
    blanks: Vec<Value<T>>,
    /// The nodes whose gradients are the last outputs, in their order: numbers, then tensors.
    pub gradients: Vec<NodeId>,
    /// The gradients of numbers before any has come: 0 by a variable. Of any other number there is none, and nobody may take
    /// NaN for it.
    unreached: Vec<T>,
    /// Lists that every step fills, kept for their memory.
    numbers: Vec<T>,
    written: Vec<&'static mut [T]>,
}

impl<T: Element> Default for Compiled<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Element> Compiled<T> {
    /// No steps yet.
    pub fn new() -> Self {
        Self::with(Options::new())
    }
    /// The same, compiled by these options.
    #[inline(never)]
    pub fn with(options: Options) -> Self {
        Self {
            options,
            eager: false,
            home: Tape::of(),
            recordings: Variants::new(RECORDINGS),
            sums: Sums::default(),
            misses: Vec::new(),
            problem: None,
            recorded: 0,
        }
    }
    /// Steps that are recorded and differentiated anew each time, as [`Tape::step`] does.
    pub fn eager() -> Self {
        Self { eager: true, ..Self::new() }
    }

    /// Computes what the closure builds and its gradients: its value, what else the closure returned, and the gradients, by
    /// the nodes' numbers.
    ///
    /// Steps of different shapes (batches of different sizes) are told apart by the key. The closure is called once a step,
    /// and again where it did something else than before; it changes nothing outside. Gradients are those of variables made
    /// with [`Tape::var`], and of tensors marked with [`Var::retain_gradient`]; that of any other number is NaN.
    ///
    /// # Errors
    /// Those of the closure; a loss that is a tensor.
    pub fn step<R>(
        &mut self,
        key: u64,
        build: impl for<'t> Fn(&'t Tape<T>) -> Result<(Var<'t, T>, R)>,
    ) -> Result<(T, R, Gradients<T>)> {
        let computed = self.step_with(key, &(), |tape, ()| {
            let (loss, rest) = build(tape)?;
            Ok((loss, SmallVec::new(), rest))
        })?;
        Ok((computed.loss, computed.rest, computed.gradients))
    }

    /// As [`Compiled::step`], with something that the closure borrows for as long as the tape, and with variables whose values
    /// are wanted beside the loss.
    ///
    /// # Errors
    /// As [`Compiled::step`].
    pub fn step_with<C: ?Sized, R>(
        &mut self,
        key: u64,
        context: &C,
        build: impl for<'t> Fn(&'t Tape<T>, &'t C) -> Result<Outcome<'t, T, R>>,
    ) -> Result<Computed<T, R>> {
        if self.eager || self.misses.contains(&(key, None)) {
            return self.eagerly(context, build);
        }
        let home = &self.home;
        let found = self.recordings.find(|kept| kept.key == key, |kept| kept.replay(home, context, &build))?;
        if let Some(computed) = found {
            self.misses.retain(|(missed, _)| *missed != key);
            return Ok(computed);
        }
        match self.record(key, context, &build)? {
            Some(computed) => Ok(computed),
            None => self.eagerly(context, build),
        }
    }

    /// Records, compiles, and runs; nothing where that cannot be done.
    fn record<C: ?Sized, R>(
        &mut self,
        key: u64,
        context: &C,
        build: &impl for<'t> Fn(&'t Tape<T>, &'t C) -> Result<Outcome<'t, T, R>>,
    ) -> Result<Option<Computed<T, R>>> {
        self.recorded += 1;
        let Some((compiled, rest)) = Recording::record(key, context, build, &self.options)? else {
            // The eager step says what is wrong.
            return Ok(None);
        };
        let mut recording = match compiled {
            Ok(recording) => recording,
            Err(problem) => {
                self.give_up(key, problem);
                return Ok(None);
            }
        };
        let computed = recording.run(&self.home);
        recording.release();
        let misses = match self.misses.iter_mut().find(|(missed, _)| *missed == key) {
            Some((_, misses)) => misses,
            None => {
                self.misses.push((key, Some(0)));
                &mut self.misses.last_mut().expect("just pushed").1
            }
        };
        *misses = misses.map(|misses| misses + 1);
        if misses.is_some_and(|misses| misses >= PATIENCE) {
            self.give_up(
                key,
                Error::tape(format!(
                    "compiled step: {PATIENCE} steps in a row recorded something else than those before; they run eagerly now"
                )),
            );
        }
        self.recordings.keep(recording, |kept| kept.key == key, VARIANTS);
        let Ok((loss, values, gradients)) = computed else {
            // A comparison on the edge, which rounding decides, or an op that refuses its numbers: eagerly it is clear.
            return Ok(None);
        };
        Ok(Some(Computed { loss, values, rest, gradients }))
    }

    #[inline(never)]
    fn give_up(&mut self, key: u64, problem: Error) {
        self.misses.retain(|(missed, _)| *missed != key);
        self.misses.push((key, None));
        self.problem.get_or_insert(problem);
    }

    fn eagerly<C: ?Sized, R>(
        &mut self,
        context: &C,
        build: impl for<'t> Fn(&'t Tape<T>, &'t C) -> Result<Outcome<'t, T, R>>,
    ) -> Result<Computed<T, R>> {
        let computed = build(&self.home, context).and_then(|(loss, values, rest)| {
            let gradients = loss.try_backward()?;
            let values = values.iter().map(|value| value.value()).collect();
            Ok(Computed { loss: loss.item(), values, rest, gradients })
        });
        self.home.clear();
        computed
    }

    /// Takes the buffers of gradients back for the next step.
    pub fn recycle(&self, gradients: Gradients<T>) {
        self.home.recycle(gradients);
    }
    /// A tape whose memory gradients come from: [`Tape::recycle_tensor`] gives it back.
    pub fn tape(&self) -> &Tape<T> {
        &self.home
    }
    /// Why steps run eagerly, where some do: the first reason.
    pub fn problem(&self) -> Option<&Error> {
        self.problem.as_ref()
    }
    /// How often a step was recorded and compiled.
    pub fn recorded(&self) -> usize {
        self.recorded
    }
    /// The program that ran last, for this key.
    pub fn program(&self, key: u64) -> Option<&Program<T>> {
        self.recordings.last(|kept| kept.key == key).map(|kept| &kept.program)
    }
}

/// The loss, the other values, and the gradients.
pub(super) type Results<T> = (T, SmallVec<[Tensor<T>; 4]>, Gradients<T>);

impl<T: Element> Recording<T> {
    /// What a closure builds, compiled, if that can be; and what it returned beside. Nothing where the loss is a tensor.
    ///
    /// # Errors
    /// Those of the closure.
    pub fn record<C: ?Sized, R>(
        key: u64,
        context: &C,
        build: &impl for<'t> Fn(&'t Tape<T>, &'t C) -> Result<Outcome<'t, T, R>>,
        options: &Options,
    ) -> Result<Option<(Result<Self>, R)>> {
        let tape = Tape::of();
        tape.tracing().start();
        let (loss, values, rest) = {
            let (loss, values, rest) = build(&tape, context)?;
            if loss.is_tensor() {
                return Ok(None);
            }
            (loss.id, values.iter().map(|value| value.id).collect(), rest)
        };
        let compiled = tape.tracing().check().and_then(|()| Recording::new(key, tape, loss, values, options));
        Ok(Some((compiled, rest)))
    }

    /// Compiles what a tape has recorded.
    #[inline(never)]
    fn new(key: u64, tape: Tape<T>, loss: NodeId, values: Vec<NodeId>, options: &Options) -> Result<Self> {
        let StepGraph { ir, gradients, by, leaves } = StepGraph::new(&tape, loss, &values, options.level())?;
        let last = gradients.iter().filter_map(|id| scalar(*id)).max().map_or(0, |last| last + 1);
        let mut unreached = vec![T::from_f64(f64::NAN); last];
        for id in by.iter().filter_map(|&id| scalar(id)).filter(|&id| id < last) {
            unreached[id] = T::from_f64(0.0);
        }
        let written_out = (1..ir.outputs.len()).filter(|&k| ir.shape(ir.outputs[k]).rank() > 0).collect();
        let options = Options { carried: Vec::new(), by: Vec::new(), written_out, stack: None, ..options.clone() };
        let program = options.assemble(ir)?;
        let blanks = blank(&tape, &leaves);
        tape.pool().clear();
        let numbers = Vec::with_capacity(leaves.len());
        let written = Vec::with_capacity(program.outputs.len());
        Ok(Self { key, tape, program, loss, values, leaves, blanks, gradients, unreached, numbers, written })
    }

    /// A step: the closure goes along the recording, and the program computes. Nothing where it does something else, or the
    /// program finds that a comparison goes another way.
    fn replay<C: ?Sized, R>(
        &mut self,
        home: &Tape<T>,
        context: &C,
        build: &impl for<'t> Fn(&'t Tape<T>, &'t C) -> Result<Outcome<'t, T, R>>,
    ) -> Result<Option<Computed<T, R>>> {
        let computed = self.go_along(context, build).map(|rest| self.results(home, rest?));
        self.release();
        computed
    }

    /// Lets the closure go along the recording, whose leaves then hold its values. Nothing where it does something else.
    pub fn go_along<C: ?Sized, R>(
        &mut self,
        context: &C,
        build: &impl for<'t> Fn(&'t Tape<T>, &'t C) -> Result<Outcome<'t, T, R>>,
    ) -> Result<Option<R>> {
        self.tape.start_replay();
        let built = build(&self.tape, context).map(|(loss, values, rest)| {
            let ids = values.iter().map(|value| value.id);
            (loss.id == self.loss && ids.eq(self.values.iter().copied()), rest)
        });
        let left = self.tape.has_left_replay();
        let complete = self.tape.end_replay();
        let has_read = self.tape.tracing().check().is_err();
        self.tape.tracing().forget();
        match built {
            _ if left || has_read => Ok(None),
            Err(error) => Err(error),
            Ok((true, rest)) if complete => Ok(Some(rest)),
            Ok(_) => Ok(None),
        }
    }

    fn results<R>(&mut self, home: &Tape<T>, rest: R) -> Option<Computed<T, R>> {
        let (loss, values, gradients) = self.run(home).ok()?;
        Some(Computed { loss, values, rest, gradients })
    }

    /// Runs the program on what the leaves hold.
    #[inline(never)]
    fn run(&mut self, home: &Tape<T>) -> Result<Results<T>> {
        self.load()?;
        let mut room = self.room(home, &[]);
        let mut written = self.open(&mut room, &[]);
        // SAFETY: the leaves hold the inputs until the end, and the room has the outputs.
        let ran = unsafe { self.program.run_set(&mut written) };
        self.close(written);
        ran?;
        Ok(self.read(room))
    }

    /// Gives the program what the leaves hold, and hold until it has run.
    #[inline(never)]
    pub fn load(&mut self) -> Result<()> {
        let (program, tape) = (&mut self.program, &self.tape);
        let mut taken = Ok(());
        tape.for_each_swap(|swap| {
            let swapped = program.machine.take_over(swap);
            taken = std::mem::replace(&mut taken, Ok(())).and(swapped);
        });
        taken?;
        self.numbers.clear();
        for leaf in &self.leaves {
            if let Leaf::Scalar(id) = *leaf {
                self.numbers.push(tape.scalars().leaf_value(id));
            }
        }
        let mut numbers = self.numbers.chunks(1);
        let entries = tape.entries();
        for (k, leaf) in self.leaves.iter().enumerate() {
            program.machine.set_input(
                k,
                match *leaf {
                    Leaf::Entry(k) => entries[k].value.as_slice(),
                    Leaf::Scalar(_) => numbers.next().expect("one for each"),
                },
            );
        }
        Ok(())
    }

    /// Where the leaf of a gradient lies, if it is a tensor's.
    pub fn leaf_of(&self, gradient: NodeId) -> Option<*const T> {
        let NodeRef::Tensor(k) = gradient.lane() else { return None };
        let entries = self.tape.entries();
        let entry = entries.get(k)?;
        matches!(entry.op, NodeOp::Leaf).then(|| entry.value.as_slice().as_ptr())
    }

    /// Room for the values that are asked for and the gradients, but for outputs that are computed elsewhere.
    pub fn room(&self, home: &Tape<T>, elsewhere: &[usize]) -> Room<T> {
        room(&self.program, self.values.len(), &self.gradients, &self.unreached, home, elsewhere)
    }

    /// The room as the program's outputs.
    pub fn open<'r>(&mut self, (values, gradients): &'r mut Room<T>, elsewhere: &[usize]) -> Vec<&'r mut [T]> {
        let mut written: Vec<&mut [T]> = std::mem::take(&mut self.written);
        written.push(&mut []);
        let first = 1 + values.len();
        written.extend(values.iter_mut().map(Tensor::as_mut_slice));
        let mut made = gradients.1.iter_mut().flatten();
        for (id, k) in self.gradients.iter().zip(first..) {
            let place = match id.lane() {
                NodeRef::Tensor(_) if !elsewhere.contains(&k) => made.next(),
                _ => None,
            };
            written.push(match place {
                Some(Value::Tensor(gradient)) => gradient.as_mut_slice(),
                Some(Value::Scalar(_)) | None => &mut [],
            });
        }
        written
    }

    /// Keeps the list of outputs for its memory.
    pub fn close(&mut self, mut written: Vec<&mut [T]>) {
        // An empty list of another lifetime.
        written.clear();
        self.written = written.into_iter().map(|_| -> &'static mut [T] { &mut [] }).collect();
    }

    /// What the program has computed into the room, with the numbers that it keeps.
    pub fn read(&self, (mut values, mut gradients): Room<T>) -> Results<T> {
        let program = &self.program;
        for (value, k) in values.iter_mut().zip(1..).filter(|(value, _)| value.shape().rank() == 0) {
            value.as_mut_slice()[0] = program.item(k);
        }
        for (id, k) in self.gradients.iter().zip(1 + self.values.len()..) {
            if let NodeRef::Scalar(id) = id.lane() {
                gradients.0[id as usize] = program.item(k);
            }
        }
        (program.item(0), values, Gradients::from_parts(gradients.0, gradients.1, self.tape.recorded()))
    }

    /// Lets go of the leaves' values, so that their owners can write them in place.
    #[inline(never)]
    pub fn release(&mut self) {
        let held = self.leaves.iter().filter_map(|leaf| match leaf {
            Leaf::Entry(k) => Some(*k),
            Leaf::Scalar(_) => None,
        });
        for (k, blank) in held.zip(&self.blanks) {
            if let Value::Tensor(tensor) = self.tape.exchange_value(k, blank.clone()) {
                self.tape.pool().give(tensor);
            }
        }
    }
}

/// Gradients by node: of numbers, and of tensors.
pub(super) type Slots<T> = (Vec<T>, Vec<Option<Value<T>>>);

/// Room for the values that are asked for, and for gradients.
pub(super) type Room<T> = (SmallVec<[Tensor<T>; 4]>, Slots<T>);

/// The place of a number's gradient.
fn scalar(id: NodeId) -> Option<usize> {
    match id.lane() {
        NodeRef::Scalar(id) => Some(id as usize),
        NodeRef::Tensor(_) | NodeRef::Constant => None,
    }
}

/// Room for the values that are asked for and the gradients, but for outputs that are computed elsewhere, in memory of the home tape.
fn room<T: Element>(
    program: &Program<T>,
    values: usize,
    gradients: &[NodeId],
    unreached: &[T],
    home: &Tape<T>,
    elsewhere: &[usize],
) -> Room<T> {
    let tensor = |k: usize| home.pool().take("program", program.outputs[k].1.clone()).or_panic();
    let (mut scalars, mut tensors) = (home.spare_adjoints(), home.spare_slots());
    scalars.clear();
    scalars.extend_from_slice(unreached);
    tensors.clear();
    for (id, k) in gradients.iter().zip(1 + values..) {
        match id.lane() {
            NodeRef::Tensor(entry) if !elsewhere.contains(&k) => {
                tensors.resize(entry, None);
                tensors.push(Some(Value::Tensor(tensor(k))));
            }
            _ => {}
        }
    }
    ((1..=values).map(tensor).collect(), (scalars, tensors))
}

/// Puts one shared blank for each shape in place of everything that was computed, and returns those for the leaves.
///
/// A blank is not a number, so that a value that is read by mistake is seen.
fn blank<T: Element>(tape: &Tape<T>, leaves: &[Leaf]) -> Vec<Value<T>> {
    let mut made: Vec<Tensor<T>> = Vec::new();
    let mut of = |value: &Value<T>| match value {
        Value::Scalar(_) => Value::Scalar(T::from_f64(f64::NAN)),
        Value::Tensor(tensor) => {
            let known = made.iter().find(|blank| blank.shape() == tensor.shape()).cloned();
            Value::Tensor(known.unwrap_or_else(|| {
                let blank = Tensor::full(tensor.shape(), T::from_f64(f64::NAN));
                made.push(blank.clone());
                blank
            }))
        }
    };
    // The loop must not hold the entries: each turn writes one.
    let n = tape.entries().len();
    for k in 0..n {
        let blank = match &tape.entries()[k] {
            entry if matches!(entry.op, NodeOp::Leaf) => continue,
            entry => of(&entry.value),
        };
        tape.exchange_value(k, blank);
    }
    let entries = tape.entries();
    let held = leaves.iter().filter_map(|leaf| match leaf {
        Leaf::Entry(k) => Some(of(&entries[*k].value)),
        Leaf::Scalar(_) => None,
    });
    held.collect()
}
