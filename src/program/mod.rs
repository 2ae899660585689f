//! Compiled programs: a recorded computation, frozen, optimised, and run again without recording and, but for linear algebra and
//! users' ops, without allocating.
//!
//! In compiler terms: tracing, an SSA graph with value numbering, fusion, static memory planning, and an interpreter of fused groups.
//!
//! [`Program`] is the ceiling of speed: what a tape records once, with its gradient, runs over planned memory, elementwise
//! ops fused into passes over blocks that stay in the first-level cache.
//!
//! The way of a node: a closure records on a tape; the tape is rebuilt as a graph, and the ops' own rules, run over a number
//! that builds, write the backward pass; the graph simplifies as it grows and as a whole; nodes are grouped into steps, every
//! value gets a place in memory, and a run goes through the steps. ARCHITECTURE.md tells it with the files' names.
//!
//! # Examples
//! ```
//! use retrograd::{Program, Tensor};
//! let w = Tensor::from([0.5, -1.0]);
//! let mut program = Program::compile_gradient(&[w.clone()], &[0], |v| (v[0].tanh() * v[0]).sum(()))?;
//! program.run(&[&w])?;
//! assert!((program.item(0) - (0.5 * 0.5f64.tanh() + 1.0f64.tanh())).abs() < 1e-15);
//! assert_eq!(program.output(1).len(), 2);
//! # Ok::<(), retrograd::Error>(())
//! ```

mod batch;
pub(crate) mod block;
pub(crate) mod body;
mod call;
mod compiled;
mod display;
mod function;
mod lockstep;
mod lower;
mod map;
mod memory;
mod passes;
mod pieces;
mod products;
mod recorded;
mod run;
mod step;
#[cfg(test)]
mod tests;
mod variants;

pub use compiled::{Compiled, Computed, Outcome};
pub use function::{Function, compile};
#[cfg(feature = "progress")]
pub use map::progress_bar;
pub use map::{Beside, Map, PointSource, Points, Traversal};
pub use memory::Memory;
pub use pieces::Summed;
pub use recorded::RecordedStep;

use crate::error::{Error, Result};
use crate::graph::ssa::batch::batched;
use crate::graph::ssa::trace::{RuleForm, Traced};
use crate::graph::ssa::{Ir, Level, NodeKey};
use crate::num::Element;
use crate::tape::{Tape, Var};
use crate::tensor::{Shape, Tensor};
use lower::Schedule;
use memory::Allocation;
use run::Machine;
use std::cell::RefCell;
use std::cmp::Ordering;

/// The settings of compiling, and what is compiled by them: programs, functions, maps, and the steps of
/// [`Compiled::with`].
///
/// # Examples
/// A step of gradient descent that keeps its parameters:
/// ```
/// use retrograd::{Tensor, program::Options};
/// let w = Tensor::from([1.0, -2.0]);
/// let mut step = Options::new().carry(0, 1).compile(&[w.clone()], |v| {
///     let loss = v[0].square().sum(());
///     vec![loss, v[0] - 0.25 * v[0].tape().grad(loss, v)[0]]
/// })?;
/// step.set_carried(0, &w)?;
/// for _ in 0..3 {
///     step.run(&[])?;
/// }
/// assert_eq!(step.carried(0), [0.125, -0.25]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    relaxed: bool,
    threads: usize,
    carried: Vec<(usize, usize)>,
    by: Vec<usize>,
    written_out: Vec<usize>,
    stack: Option<(usize, Vec<usize>)>,
}

impl Options {
    /// Results as a tape would give them, to rounding; one thread; nothing carried.
    pub fn new() -> Self {
        Self { threads: 1, ..Self::default() }
    }
    /// Also applies identities that assume finite numbers or change last bits: `x * 0`, `x - x`, `2 * (3 * x)`, `x / c`.
    pub fn relaxed(mut self, relaxed: bool) -> Self {
        self.relaxed = relaxed;
        self
    }
    /// How many threads may work, where it pays; results have the same bits for any number. At most 256 are started, and no
    /// more than the system gives.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }
    /// The program keeps this input, and after each run puts this output in its place: a parameter and its update.
    pub fn carry(mut self, input: usize, output: usize) -> Self {
        self.carried.push((input, output));
        self
    }
    /// Adds to the outputs the gradients of the first one by these inputs.
    pub fn gradient(mut self, by: &[usize]) -> Self {
        self.by = by.to_vec();
        self
    }

    /// These outputs are written to tensors that [`Program::run_into`] is handed, and not kept in the program.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tensor, program::Options};
    /// let x = Tensor::from([1.0, 2.0]);
    /// let mut double = Options::new().write_out(&[0]).compile(&[x.clone()], |v| vec![v[0] * 2.0])?;
    /// let mut y = Tensor::zeros([2]);
    /// double.run_into(&[&x], &mut [&mut y])?;
    /// assert_eq!(y.to_vec(), [2.0, 4.0]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn write_out(mut self, outputs: &[usize]) -> Self {
        self.written_out = outputs.to_vec();
        self
    }

    /// One program for `count` runs of what is compiled: these inputs are stacks, with a value for each run along an axis in front,
    /// and the other inputs are shared by all runs. Outputs, gradients among them, are stacks as well. The closure sees one run.
    ///
    /// Each run's numbers are those that it has alone, to rounding, and do not depend on the others. What has no batching rule, as a
    /// user's op on tensors, is computed for one run after another.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tensor, program::Options};
    /// let (x, w) = (Tensor::from([[1.0, 2.0], [3.0, 4.0]]), Tensor::from([0.5, -1.0]));
    /// // Three models over the same rows: the loss of each, and its gradient.
    /// let options = Options::new().stack(3, &[1]).gradient(&[1]);
    /// let mut program = options.compile(&[x.clone(), w], |v| vec![(v[0] * v[1]).sum(1).square().sum(())])?;
    /// program.run(&[&x, &Tensor::from([[0.5, -1.0], [1.0, 0.0], [0.0, 0.0]])])?;
    /// assert_eq!(program.output(0), [1.5 * 1.5 + 2.5 * 2.5, 1.0 + 9.0, 0.0]);
    /// assert_eq!(program.tensor(1).shape().dims(), [3, 2]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn stack(mut self, count: usize, inputs: &[usize]) -> Self {
        self.stack = Some((count, inputs.to_vec()));
        self
    }

    /// Compiles what a closure makes of inputs shaped like these; it is called once.
    ///
    /// # Errors
    /// As [`Program::compile`].
    pub fn compile<T: Element>(
        &self,
        inputs: &[Tensor<T>],
        build: impl for<'t> FnOnce(&[Var<'t, T>]) -> Vec<Var<'t, T>>,
    ) -> Result<Program<T>> {
        let tape = Tape::of();
        tape.tracing().start();
        let vars: Vec<Var<'_, T>> = inputs.iter().map(|x| tape.var(x)).collect();
        let outputs = build(&vars);
        tape.tracing().check()?;
        self.freeze(&tape, &vars, &outputs)
    }

    /// Compiles what a tape has recorded.
    ///
    /// # Errors
    /// As [`Program::freeze`].
    #[inline(never)]
    pub fn freeze<'t, T: Element>(
        &self,
        tape: &'t Tape<T>,
        inputs: &[Var<'t, T>],
        outputs: &[Var<'t, T>],
    ) -> Result<Program<T>> {
        for (what, vars) in [("input", inputs), ("output", outputs)] {
            for (k, var) in vars.iter().enumerate() {
                crate::tape::same_tape(&format!("compile: {what} {k}"), Some(tape), var.tape)?;
            }
        }
        if let Some(k) = inputs.iter().position(|input| input.is_constant()) {
            return Err(Error::argument(format!(
                "compile: input {k} is a constant number, which leaves no trace on a tape; make it with tape.var"
            )));
        }
        let ir = RefCell::new(Ir::new(self.level()));
        let traced = Traced::new(tape, &ir, inputs, RuleForm::Fused)?;
        let mut keys: Vec<NodeKey> = outputs.iter().map(|&output| traced.key(output)).collect();
        if !self.by.is_empty() {
            keys.extend(self.gradients(tape, &ir, &traced, inputs, outputs)?);
        }
        drop(traced);
        let mut ir = ir.into_inner();
        ir.outputs = keys;
        self.assemble(ir)
    }

    fn level(&self) -> Level {
        if self.relaxed { Level::Relaxed } else { Level::Exact }
    }

    fn gradients<'t, T: Element>(
        &self,
        tape: &'t Tape<T>,
        ir: &RefCell<Ir<T>>,
        traced: &Traced<'_, T>,
        inputs: &[Var<'t, T>],
        outputs: &[Var<'t, T>],
    ) -> Result<Vec<NodeKey>> {
        let Some(y) = outputs.first().filter(|y| !y.is_tensor()) else {
            let found = outputs.first().map_or("nothing".to_owned(), |y| format!("shape {}", y.shape()));
            return Err(Error::shape(format!(
                "compile: the first output must be a scalar to differentiate, got {found}; reduce it with sum() or mean()"
            )));
        };
        let by: Vec<Var<'t, T>> = self
            .by
            .iter()
            .map(|&k| inputs.get(k).copied().ok_or_else(|| missing("gradient", "input", k, inputs.len())))
            .collect::<Result<_>>()?;
        let seed = ir.borrow_mut().literal(1.0);
        traced.gradients(tape, *y, seed, &by)
    }

    fn assemble<T: Element>(&self, mut ir: Ir<T>) -> Result<Program<T>> {
        twice("write_out", "output", self.written_out.iter().copied())?;
        twice("carry", "input", self.carried.iter().map(|&(input, _)| input))?;
        if let Some((count, inputs)) = &self.stack {
            ir = self.stacked(&ir, *count, inputs)?;
        }
        passes::run(&mut ir, &self.carried);
        let carried = self.carried_nodes(&ir)?;
        let mut schedule = lower::schedule(ir);
        if cfg!(debug_assertions) {
            // With what was written out.
            schedule.graph.verify()?;
        }
        let (ir, steps) = (&schedule.graph, &mut schedule.steps);
        products::settle(ir, steps);
        // What may fail leaves what is carried alone, so then it is replaced at the end.
        if !passes::may_fail(ir) {
            run::in_place(steps, &carried);
        }
        let fixed = memory::Fixed { carried, written_out: self.written_out_nodes(ir)? };
        let mut layout = memory::plan(&schedule.graph, &schedule.steps, &fixed);
        let carried = fixed.carried;
        let machine = Machine::new(&schedule, &mut layout);
        let graph = &schedule.graph;
        let mut program = Program {
            inputs: graph.inputs.iter().map(|&key| graph.shape(key).clone()).collect(),
            takes_numbers: None,
            kept: vec![None; graph.inputs.len()],
            open: Vec::new(),
            outputs: Vec::new(),
            items: Vec::new(),
            written_out: self.written_out.clone(),
            guards: Vec::new(),
            commits: Vec::new(),
            exports: Vec::new(),
            diverged: false,
            memory: layout.memory,
            schedule,
            machine,
        };
        let ir = &program.schedule.graph;
        for (k, key) in ir.inputs.iter().enumerate() {
            if carried.iter().any(|(input, _)| input == key) {
                program.kept[k] = Some(layout.places[*key]);
            }
        }
        program.open = (0..ir.inputs.len()).filter(|&k| program.kept[k].is_none()).collect();
        let only_numbers = program.open_inputs().all(|(_, shape)| shape.rank() == 0);
        program.takes_numbers = only_numbers.then_some(program.open.len());
        for &(input, output) in &carried {
            let [to, from] = [layout.places[input], layout.places[output]];
            if to != from {
                program.commits.push((from, to));
            }
        }
        program.outputs = ir.outputs.iter().map(|&key| (layout.places[ir.root(key)], ir.shape(key).clone())).collect();
        let place = |key| layout.places[ir.root(key)];
        program.guards = ir.guards.iter().map(|guard| (place(guard.left), place(guard.right), guard.outcome)).collect();
        for &k in &self.written_out {
            let to = Allocation { base: memory::Base::Output(k), start: 0, len: program.outputs[k].1.numel() };
            if program.outputs[k].0 != to {
                program.exports.push((program.outputs[k].0, k));
            }
            program.outputs[k].0 = to;
        }
        program.items = program.outputs.iter().map(|(place, _)| place.number()).collect();
        program.machine.set_threads(self.threads.max(1));
        Ok(program)
    }

    /// The graph of many runs.
    fn stacked<T: Element>(&self, ir: &Ir<T>, count: usize, inputs: &[usize]) -> Result<Ir<T>> {
        twice("stack", "input", inputs.iter().copied())?;
        if count == 0 {
            return Err(Error::argument("stack: 0 runs; ask for 1 or more"));
        }
        let mut stacked = vec![false; ir.inputs.len()];
        for &k in inputs {
            *stacked.get_mut(k).ok_or_else(|| missing("stack", "input", k, ir.inputs.len()))? = true;
        }
        batched(ir, count, &stacked)
    }

    /// The outputs that callers keep, with their numbers; numbers and what guards read stay inside and are copied.
    fn written_out_nodes<T: Element>(&self, ir: &Ir<T>) -> Result<Vec<(NodeKey, usize)>> {
        let node = |&k: &usize| {
            let key = *ir.outputs.get(k).ok_or_else(|| missing("write_out", "output", k, ir.outputs.len()))?;
            Ok((ir.root(key), k))
        };
        let kept = |key: NodeKey| {
            ir.guards.iter().any(|guard| [guard.left, guard.right].map(|side| ir.root(side)).contains(&key))
        };
        let nodes: Vec<(NodeKey, usize)> = self.written_out.iter().map(node).collect::<Result<_>>()?;
        // An output that is another one as well has to be in both places.
        let shared = |key| ir.outputs.iter().filter(|&&output| ir.root(output) == key).count() > 1;
        Ok(nodes.into_iter().filter(|&(key, _)| ir.shape(key).numel() != 1 && !kept(key) && !shared(key)).collect())
    }

    /// The carried inputs and the outputs that replace them.
    fn carried_nodes<T: Element>(&self, ir: &Ir<T>) -> Result<Vec<(NodeKey, NodeKey)>> {
        let pair = |&(input, output): &(usize, usize)| {
            let (n, m) = (ir.inputs.len(), ir.outputs.len());
            let from = *ir.inputs.get(input).ok_or_else(|| missing("carry", "input", input, n))?;
            let to = *ir.outputs.get(output).ok_or_else(|| missing("carry", "output", output, m))?;
            if ir.shape(from) != ir.shape(to) {
                let (a, b) = (ir.shape(from), ir.shape(to));
                return Err(Error::shape(format!("carry: input {input} has shape {a}, output {output} {b}")));
            }
            Ok((from, ir.root(to)))
        };
        self.carried.iter().map(pair).collect()
    }
}

/// An input or output that a setting names more than once.
fn twice(setting: &str, what: &str, numbers: impl Iterator<Item = usize>) -> Result<()> {
    let mut seen = Vec::new();
    for k in numbers {
        if seen.contains(&k) {
            return Err(Error::argument(format!(
                "{setting}: {what} {k} is named twice; once is enough, and twice would be unclear"
            )));
        }
        seen.push(k);
    }
    Ok(())
}

fn missing(what: &str, kind: &str, k: usize, n: usize) -> Error {
    Error::argument(format!("{what}: there is no {kind} {k}; there are {n}"))
}

/// A compiled computation with its memory.
///
/// # Examples
/// ```
/// use retrograd::{Program, Tensor};
/// let (x, w) = (Tensor::from([1.0, 2.0]), Tensor::from([0.5, -1.0]));
/// let mut program = Program::compile_gradient(&[x, w], &[1], |v| (v[0] * v[1]).square().sum(()))?;
/// // Compiled once, by shapes; run on whatever numbers.
/// for x in [[1.0, 2.0], [3.0, 0.0]].map(Tensor::from) {
///     program.run(&[&x, &Tensor::from([1.0, 1.0])])?;
///     assert_eq!(program.item(0), x.square().sum(()).item());
///     assert_eq!(program.tensor(1), x.square() * 2.0);
/// }
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Program<T: 'static> {
    /// The graph after all passes and its steps, for printing and checking.
    schedule: Schedule<T>,
    machine: Machine<T>,
    inputs: Vec<Shape>,
    /// How many inputs there are to give, if all are numbers.
    takes_numbers: Option<usize>,
    /// Where carried inputs are.
    kept: Vec<Option<Allocation>>,
    /// The inputs that every run is given.
    open: Vec<usize>,
    outputs: Vec<(Allocation, Shape)>,
    /// Where the arena has outputs that are numbers; for others, beyond its end.
    items: Vec<usize>,
    guards: Vec<(Allocation, Allocation, Option<Ordering>)>,
    /// Outputs that callers keep.
    written_out: Vec<usize>,
    /// Carried outputs that are not yet where their inputs are.
    commits: Vec<(Allocation, Allocation)>,
    /// Outputs that are not yet where their callers keep them.
    exports: Vec<(Allocation, usize)>,
    diverged: bool,
    memory: Memory,
}

impl<T: Element> Program<T> {
    /// Compiles what a closure makes of inputs shaped like these: its outputs, as of [`Program::run`]. Gradients may be among
    /// them, by `tape.grad`.
    ///
    /// # Errors
    /// The closure reads a plain number out of a variable, which would be frozen; hooks on gradients.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Program, Tensor};
    /// let x = Tensor::from([3.0, 4.0]);
    /// let mut norm = Program::compile(&[x.clone()], |v| vec![v[0].square().sum(()).sqrt()])?;
    /// norm.run(&[&x])?;
    /// assert_eq!(norm.item(0), 5.0);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn compile(inputs: &[Tensor<T>], build: impl for<'t> FnOnce(&[Var<'t, T>]) -> Vec<Var<'t, T>>) -> Result<Self> {
        Options::new().compile(inputs, build)
    }

    /// Compiles a scalar function with its gradients by these inputs: output 0 is the value, the others the gradients.
    ///
    /// # Errors
    /// As [`Program::compile`]; the closure gives a tensor; no such input.
    pub fn compile_gradient(
        inputs: &[Tensor<T>],
        by: &[usize],
        build: impl for<'t> FnOnce(&[Var<'t, T>]) -> Var<'t, T>,
    ) -> Result<Self> {
        Options::new().gradient(by).compile(inputs, |vars| vec![build(vars)])
    }

    /// Compiles what a tape has recorded between these variables. Other variables and data become constants; comparisons
    /// that control flow made become guards.
    ///
    /// # Errors
    /// An input that is a constant number; hooks on gradients; variables of another tape.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Program, Tape};
    /// let tape = Tape::new();
    /// let x = tape.var(2.0);
    /// let y = if x > 0.0 { x.ln() } else { -x };
    /// let mut program = Program::freeze(&tape, &[x], &[y])?;
    /// program.run_numbers(&[1.0])?;
    /// assert_eq!(program.item(0), 0.0);
    /// // The branch was recorded as it went: the other one needs a recording of its own.
    /// assert!(program.run_numbers(&[-1.0]).unwrap_err().to_string().contains("record again"));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn freeze<'t>(tape: &'t Tape<T>, inputs: &[Var<'t, T>], outputs: &[Var<'t, T>]) -> Result<Self> {
        Options::new().freeze(tape, inputs, outputs)
    }

    /// Runs on new inputs, those that are not carried, in order.
    ///
    /// # Errors
    /// Another number of inputs, or other shapes, than were compiled; a comparison that would now go the other way; an op
    /// that refuses its numbers. What is carried is then as it was before.
    pub fn run(&mut self, inputs: &[&Tensor<T>]) -> Result<()> {
        self.run_into(inputs, &mut [])
    }

    /// As [`Program::run`], with a tensor for each output of [`Options::write_out`], in that order.
    ///
    /// # Errors
    /// As [`Program::run`]; another number of outputs, or other shapes, than were compiled. After an error the outputs hold
    /// anything.
    #[inline(never)]
    pub fn run_into(&mut self, inputs: &[&Tensor<T>], outputs: &mut [&mut Tensor<T>]) -> Result<()> {
        if inputs.len() != self.open.len() {
            return Err(Error::argument(format!("program: takes {} inputs, got {}", self.open.len(), inputs.len())));
        }
        if outputs.len() != self.written_out.len() {
            let (count, found) = (self.written_out.len(), outputs.len());
            return Err(Error::argument(format!("program: writes {count} outputs, got tensors for {found}")));
        }
        for (&k, input) in self.open.iter().zip(inputs) {
            let (found, shape) = (input.shape(), &self.inputs[k]);
            if found != shape {
                return Err(Error::shape(format!("program: input {k} was compiled for shape {shape}, got {found}")));
            }
            self.machine.set_input(k, input.as_slice());
        }
        let mut written: smallvec::SmallVec<[&mut [T]; 16]> = smallvec::SmallVec::new();
        if !outputs.is_empty() {
            written.extend((0..self.outputs.len()).map(|_| -> &mut [T] { &mut [] }));
        }
        for (&k, output) in self.written_out.iter().zip(outputs) {
            let (found, shape) = (output.shape(), &self.outputs[k].1);
            if found != shape {
                return Err(Error::shape(format!("program: output {k} has shape {shape}, its tensor {found}")));
            }
            written[k] = output.as_mut_slice();
        }
        // SAFETY: the inputs are those just set, borrowed until the end.
        unsafe { self.run_set(&mut written) }
    }

    /// As [`Program::run`], where all inputs that are not carried are numbers.
    ///
    /// # Errors
    /// As [`Program::run`].
    #[inline(never)]
    pub fn run_numbers(&mut self, inputs: &[T]) -> Result<()> {
        if self.takes_numbers != Some(inputs.len()) {
            return Err(self.not_these_numbers(inputs.len()));
        }
        if !self.written_out.is_empty() {
            return Err(Error::argument("program: some outputs are written out; hand their tensors to run_into"));
        }
        // SAFETY: just checked.
        let done = unsafe { self.machine.run_numbers(inputs) };
        self.finish(done, &mut [])
    }

    #[cold]
    fn not_these_numbers(&self, found: usize) -> Error {
        match self.open_inputs().find(|(_, shape)| shape.rank() > 0) {
            Some((k, shape)) => {
                Error::shape(format!("program: input {k} was compiled for shape {shape}, got a number"))
            }
            None => Error::argument(format!("program: takes {} numbers, got {found}", self.open.len())),
        }
    }

    /// The inputs that are not carried, by number.
    fn open_inputs(&self) -> impl Iterator<Item = (usize, &Shape)> {
        self.open.iter().map(|&k| (k, &self.inputs[k]))
    }

    /// Runs on the inputs that are set.
    ///
    /// # Safety
    /// Every input that is not carried was set to a slice of its length that is still there. The outputs are slices for all,
    /// empty for those that the program keeps; or none at all, where it keeps all.
    unsafe fn run_set(&mut self, outputs: &mut [&mut [T]]) -> Result<()> {
        // SAFETY: the caller's promise.
        let done = unsafe { self.machine.run(outputs) };
        self.finish(done, outputs)
    }

    /// After all steps: guards, and what is not yet where it belongs.
    #[inline]
    fn finish(&mut self, run: Result<()>, outputs: &mut [&mut [T]]) -> Result<()> {
        self.diverged = false;
        run?;
        for &(left, right, recorded) in &self.guards {
            let [a, b] = [left, right].map(|place| self.machine.kept(place)[0]);
            if a.partial_cmp(&b) != recorded {
                self.diverged = true;
                let recorded = match recorded {
                    Some(Ordering::Less) => "less",
                    Some(Ordering::Equal) => "equal",
                    Some(Ordering::Greater) => "greater",
                    None => "not to be compared",
                };
                return Err(Error::tape(format!(
                    "program: a comparison that control flow hung on goes another way now: {a} against {b}, recorded as {recorded}; \
                     record again, or choose with select"
                )));
            }
        }
        for &(from, to) in &self.commits {
            self.machine.copy(from, to);
        }
        for &(from, k) in &self.exports {
            match from.base {
                memory::Base::Output(j) => {
                    let [source, target] = outputs.get_disjoint_mut([j, k]).expect("outputs are told apart");
                    target.copy_from_slice(source);
                }
                _ => outputs[k].copy_from_slice(self.machine.kept(from)),
            }
        }
        Ok(())
    }

    /// Whether the last run ended because a comparison that control flow hung on went another way than when recorded.
    pub fn has_diverged(&self) -> bool {
        self.diverged
    }

    /// The elements of an output of the last run; before the first, zeros.
    ///
    /// # Panics
    /// There is no such output, or it is one of [`Options::write_out`].
    #[track_caller]
    pub fn output(&self, k: usize) -> &[T] {
        assert!(!self.written_out.contains(&k), "program: output {k} is written out to its caller's tensor");
        self.machine.kept(self.outputs[k].0)
    }
    /// An output of the last run as a tensor of its own.
    ///
    /// # Panics
    /// There is no such output.
    #[inline(never)]
    #[track_caller]
    pub fn tensor(&self, k: usize) -> Tensor<T> {
        Tensor::new(self.outputs[k].1.clone(), self.output(k).to_vec()).expect("the shape was planned")
    }
    /// An output of the last run as a number.
    ///
    /// # Panics
    /// There is no such output, or it has more than one element.
    #[track_caller]
    pub fn item(&self, k: usize) -> T {
        let elements = self.output(k);
        assert!(elements.len() == 1, "program: output {k} has {} elements, not one", elements.len());
        elements[0]
    }
    /// Copies outputs that are numbers, from `first` on as many as there is room for: a gradient or a Jacobian by numbers, in
    /// one go.
    ///
    /// # Panics
    /// There are fewer outputs, or one of them has more than one element.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Program, Tensor};
    /// let inputs = [2.0, 3.0].map(Tensor::scalar);
    /// let mut program = Program::compile_gradient(&inputs, &[0, 1], |v| v[0] * v[1].square())?;
    /// program.run_numbers(&[2.0, 3.0])?;
    /// let mut gradient = [0.0; 2];
    /// program.items_into(1, &mut gradient);
    /// assert_eq!(gradient, [9.0, 12.0]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    #[inline(never)]
    #[track_caller]
    pub fn items_into(&self, first: usize, items: &mut [T]) {
        let (end, all) = (first.saturating_add(items.len()), self.items.len());
        assert!(end <= all, "program: there are {all} outputs, asked for {first}..{end}");
        let arena = self.machine.arena();
        for (item, (k, &at)) in items.iter_mut().zip(self.items.iter().enumerate().skip(first)) {
            *item = match arena.get(at) {
                Some(number) => *number,
                None => self.item(k),
            };
        }
    }
    /// The shapes of the outputs.
    pub fn output_shapes(&self) -> impl Iterator<Item = &Shape> {
        self.outputs.iter().map(|(_, shape)| shape)
    }

    /// The elements of a carried input: what the last run left there.
    ///
    /// # Panics
    /// The input is not carried.
    pub fn carried(&self, input: usize) -> &[T] {
        let place = self.kept.get(input).copied().flatten();
        self.machine.kept(place.expect("an input that is carried"))
    }
    /// Sets a carried input.
    ///
    /// # Errors
    /// The input is not carried, or has another shape.
    #[inline(never)]
    pub fn set_carried(&mut self, input: usize, value: &Tensor<T>) -> Result<()> {
        let Some(place) = self.kept.get(input).copied().flatten() else {
            return Err(Error::argument(format!("program: input {input} is not carried")));
        };
        if *value.shape() != self.inputs[input] {
            let (found, shape) = (value.shape(), &self.inputs[input]);
            return Err(Error::shape(format!("program: input {input} was compiled for shape {shape}, got {found}")));
        }
        self.machine.kept_mut(place).copy_from_slice(value.as_slice());
        Ok(())
    }

    /// The memory that the program holds, by kind.
    pub fn memory(&self) -> Memory {
        self.memory
    }
    /// The number of nodes of the graph, inputs and constants included, after all passes.
    pub fn nodes(&self) -> usize {
        self.schedule.graph.order.len()
    }
    /// The number of steps of a run.
    pub fn steps(&self) -> usize {
        self.machine.steps()
    }
    #[cfg(test)]
    fn panels(&self) -> usize {
        self.machine.panels()
    }

    /// Checks the graph: order, arity and shapes of every node.
    ///
    /// # Errors
    /// What is wrong: a mistake of this crate's.
    pub fn verify(&self) -> Result<()> {
        self.schedule.graph.verify()
    }
}
