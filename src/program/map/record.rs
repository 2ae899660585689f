//! From a closure to the body of a mapped function: recorded once on a tape of numbers, differentiated as a graph.
//!
//! In compiler terms: the front end of mapped functions: trace, differentiate, lower.

use super::super::block::Target;
use super::super::body::{Body, BodyOp, Register, Sink};
use super::tail::{Output, TangentLanes, tangents_and_values};
use crate::error::{Error, Result};
use crate::graph::ssa::trace::{RuleForm, Traced};
use crate::graph::ssa::{Ir, IrOp, Level, NodeKey};
use crate::num::Element;
use crate::tape::entry::NodeOp;
use crate::tape::scalar::LIMIT;
use crate::tape::{NodeId, Tape, Value, Var};
use crate::tensor::Shape;
use slotmap::SecondaryMap;
use std::cell::RefCell;

/// What is wanted of the function.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// Its values.
    Values,
    /// The sum of its first value over the points, the sum's gradient by the shared numbers, and by these inputs.
    Gradient { inputs: &'a [usize] },
    /// Its values, and their derivatives by these numbers: inputs, then shared ones.
    Jacobian { by: &'a [usize], way: Way },
}

/// How a Jacobian is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Backward,
    Forward,
    /// Whichever takes fewer ops.
    Shorter,
}

/// A function of a point: what is computed, and where it goes.
pub(super) struct Recorded<T> {
    pub body: Body<T>,
    /// For each sink of the body.
    pub targets: Vec<Target>,
    /// How many numbers a point has in each output.
    pub widths: Vec<usize>,
    /// How many sums over the points there are.
    pub sums: usize,
}

/// What numbers the closure is called with: they leave no trace.
const ANY: f64 = 0.75;

/// What a closure did with a point's numbers and with shared ones, once.
pub(super) struct Trace<T> {
    pub tape: Tape<T>,
    pub n_inputs: usize,
    pub n_shared: usize,
    /// What it returned: nodes, and values of constants.
    outputs: Vec<(NodeId, T)>,
}

impl<T: Element> Trace<T> {
    /// Calls the closure.
    pub fn new(
        [n_inputs, n_shared]: [usize; 2],
        build: impl for<'t> FnOnce(&[Var<'t, T>], &[Var<'t, T>]) -> Vec<Var<'t, T>>,
    ) -> Result<Self> {
        let tape = Self::empty_tape(n_inputs.saturating_add(n_shared))?;
        let outputs = {
            let x = numbers(&tape, n_inputs + n_shared);
            let y = build(&x[..n_inputs], &x[n_inputs..]);
            check(&tape, &y)?;
            y.iter().map(|y| (y.id, y.scalar)).collect()
        };
        Ok(Self { tape, n_inputs, n_shared, outputs })
    }

    /// How its Jacobian is best computed. Forward and backward agree to rounding unless a derivative on the way is infinite or
    /// undefined; where an op may have such a one, it goes backward, as gradients do, but for many more values than numbers.
    pub fn way(&self, columns: usize) -> Way {
        let rows = self.outputs.len();
        match () {
            _ if rows == 1 => Way::Backward,
            _ if rows > 4 * columns => Way::Forward,
            _ if columns > 4 * rows || self.tape.has_singular_ops() => Way::Backward,
            _ => Way::Shorter,
        }
    }

    /// A tape that is traced, with the closure's numbers.
    #[inline(never)]
    pub fn empty_tape(n: usize) -> Result<Tape<T>> {
        let limit = LIMIT as usize;
        if n > limit {
            return Err(Error::argument(format!("map: a function of {n} numbers; at most {limit}")));
        }
        let tape = Tape::of();
        tape.tracing().start();
        tape.vars(&vec![T::from_f64(ANY); n]);
        Ok(tape)
    }

    fn numbers(&self) -> Vec<Var<'_, T>> {
        numbers(&self.tape, self.n_inputs + self.n_shared)
    }

    fn outputs(&self) -> Vec<Var<'_, T>> {
        self.outputs.iter().map(|&(id, scalar)| Var { tape: Some(&self.tape), id, scalar }).collect()
    }

    /// What is wanted of the numbers that the closure made.
    pub fn derive(&self, level: Level, wanted: Wanted<'_>) -> Result<Recorded<T>> {
        let (tape, x, y) = (&self.tape, self.numbers(), self.outputs());
        let (inputs, shared) = x.split_at(self.n_inputs);
        let finish = |grown, widths, sums| {
            let input = |k: usize| match k.checked_sub(self.n_inputs) {
                None => BodyOp::Input(k as u32),
                Some(k) => BodyOp::Shared(k as u32),
            };
            finish(grown, input, widths, sums)
        };
        let graph = |write: &dyn Fn(&mut Graph<'_, '_, T>) -> Result<()>| -> Result<Grown<T>> {
            let ir = RefCell::new(Ir::new(level));
            let mut graph = Graph { tape, traced: Traced::new(tape, &ir, &x, RuleForm::Fused)?, leaves: Vec::new() };
            write(&mut graph)?;
            let leaves = graph.leaves;
            drop(graph.traced);
            Ok((ir.into_inner(), leaves))
        };
        match wanted {
            Wanted::Values => finish(graph(&|graph| graph.values(&y))?, vec![y.len()], 0),
            Wanted::Gradient { inputs: by } => {
                let by: Vec<Var<'_, T>> = shared.iter().copied().chain(chosen(by, inputs)?).collect();
                let n = shared.len();
                finish(graph(&|graph| graph.gradient(y[0], &by, n))?, vec![by.len() - n], 1 + n)
            }
            Wanted::Jacobian { by, way } => {
                let by = chosen(by, &x)?;
                let widths = vec![y.len(), y.len() * by.len()];
                let backward = || finish(graph(&|graph| graph.rows(&y, &by))?, widths.clone(), 0);
                let forward = || finish(graph(&|graph| graph.columns(&y, &by))?, widths.clone(), 0);
                match way {
                    Way::Forward => return forward(),
                    Way::Backward => return backward(),
                    Way::Shorter => {}
                }
                let (backward, forward) = (backward()?, forward()?);
                Ok(if forward.body.ops.len() < backward.body.ops.len() { forward } else { backward })
            }
        }
    }

    /// The derivatives by all shared numbers, where there are no others. The lanes are directions, with a tangent of each number
    /// for inputs, and then the value, with an input that is 1 there. Lanes leave in rows of so many, from which the m numbers and
    /// their derivatives follow.
    pub fn derive_directions(&self, level: Level, row: usize) -> Result<(Recorded<T>, Vec<Output<T>>)> {
        let (tape, x, y) = (&self.tape, self.numbers(), self.outputs());
        let n = x.len();
        let ir = RefCell::new(Ir::new(level));
        let traced = Traced::new(tape, &ir, &x, RuleForm::Fused)?;
        let lane = || ir.borrow_mut().input(Shape::scalar());
        let moving: Vec<_> = x.iter().map(|&x| (x, lane())).collect();
        let lanes = TangentLanes { moving: &moving, value: lane() };
        let (keys, outputs) = tangents_and_values(tape, &traced, &ir, &y, lanes)?;
        drop(traced);
        let target = |k: usize| Target::Row { output: 0, start: k * row };
        let rows = keys.len();
        let leaves = keys.into_iter().enumerate().map(|(k, key)| (key, target(k))).collect();
        let input = |k: usize| match k.checked_sub(n) {
            None => BodyOp::Shared(k as u32),
            Some(k) => BodyOp::Input(k as u32),
        };
        Ok((finish((ir.into_inner(), leaves), input, vec![rows], 0)?, outputs))
    }
}

/// The first numbers of a tape.
fn numbers<T: Element>(tape: &Tape<T>, n: usize) -> Vec<Var<'_, T>> {
    (0..n as u32).map(|id| Var::scalar(tape, id, T::from_f64(ANY))).collect()
}

/// What a body cannot do.
#[inline(never)]
fn check<T: Element>(tape: &Tape<T>, outputs: &[Var<'_, T>]) -> Result<()> {
    tape.tracing().check()?;
    for entry in tape.entries().iter() {
        let (op, site) = (entry.op.name(), entry.site);
        if let Value::Tensor(value) = &entry.value {
            let shape = value.shape();
            return Err(Error::shape(format!(
                "map: {op} at {site} makes a tensor of shape {shape}; a mapped function works on a point's numbers one by one"
            )));
        }
        if matches!(entry.op, NodeOp::CustomUnary(_) | NodeOp::CustomBinary(_) | NodeOp::Custom(_)) {
            return Err(Error::argument(format!(
                "map: {op} at {site} is an op of your own, which has no form for many points at once; use the crate's ops"
            )));
        }
    }
    if let Some(guard) = tape.guards().first() {
        let (left, right) = guard.values();
        return Err(Error::tape(format!(
            "map: the function compares variables ({left} with {right} while it was recorded), and what it does then it would \
             do for all points; choose for each with condition.select(a, b), maximum or minimum"
        )));
    }
    if outputs.is_empty() {
        return Err(Error::argument("map: the function returns no number; one or more are needed"));
    }
    for (k, output) in outputs.iter().enumerate() {
        crate::tape::same_tape(&format!("map: output {k}"), Some(tape), output.tape)?;
    }
    Ok(())
}

fn chosen<'t, T: Element>(by: &[usize], x: &[Var<'t, T>]) -> Result<Vec<Var<'t, T>>> {
    let n = x.len();
    let missing = |k: usize| Error::argument(format!("map: there is no number {k} to differentiate by; there are {n}"));
    by.iter().map(|&k| x.get(k).copied().ok_or_else(|| missing(k))).collect()
}

/// A graph, and what leaves it.
type Grown<T> = (Ir<T>, Vec<(NodeKey, Target)>);

/// A graph that grows, and what leaves it.
struct Graph<'a, 'b, T> {
    tape: &'a Tape<T>,
    traced: Traced<'b, T>,
    leaves: Vec<(NodeKey, Target)>,
}

impl<T: Element> Graph<'_, '_, T> {
    /// Element `at` of rows of `width` in an output.
    fn store(&mut self, key: NodeKey, output: usize, at: usize, width: usize) {
        let strided = Target::Strided { output, start: at, step: width };
        self.leaves.push((key, if width == 1 { Target::Flat { output } } else { strided }));
    }

    fn values(&mut self, y: &[Var<'_, T>]) -> Result<()> {
        for (j, &value) in y.iter().enumerate() {
            self.store(self.traced.key(value), 0, j, y.len());
        }
        Ok(())
    }

    /// The first `totals` derivatives are summed over the points.
    fn gradient(&mut self, y: Var<'_, T>, by: &[Var<'_, T>], totals: usize) -> Result<()> {
        self.leaves.push((self.traced.key(y), Target::Total { sum: 0, add: true }));
        let gradients = self.traced.gradients(self.tape, y, self.traced.number_key(1.0), by)?;
        let width = gradients.len() - totals;
        for (k, key) in gradients.into_iter().enumerate() {
            if k < totals {
                self.leaves.push((key, Target::Total { sum: 1 + k, add: true }));
            } else {
                self.store(key, 0, k - totals, width);
            }
        }
        Ok(())
    }

    /// The Jacobian by a sweep back from each value.
    fn rows(&mut self, y: &[Var<'_, T>], by: &[Var<'_, T>]) -> Result<()> {
        self.values(y)?;
        for (i, &value) in y.iter().enumerate() {
            let row = self.traced.gradients(self.tape, value, self.traced.number_key(1.0), by)?;
            for (j, key) in row.into_iter().enumerate() {
                self.store(key, 1, i * by.len() + j, y.len() * by.len());
            }
        }
        Ok(())
    }

    /// The Jacobian by a sweep forward from each number.
    fn columns(&mut self, y: &[Var<'_, T>], by: &[Var<'_, T>]) -> Result<()> {
        self.values(y)?;
        for (j, &x) in by.iter().enumerate() {
            let column = self.traced.tangents(self.tape, y, &[(x, self.traced.number_key(1.0))])?;
            for (i, key) in column.into_iter().enumerate() {
                self.store(key, 1, i * by.len() + j, y.len() * by.len());
            }
        }
        Ok(())
    }
}

/// The graph as a body.
fn finish<T: Element>(
    (mut ir, leaves): Grown<T>,
    input: impl Fn(usize) -> BodyOp<T>,
    widths: Vec<usize>,
    sums: usize,
) -> Result<Recorded<T>> {
    ir.outputs = leaves.iter().map(|&(key, _)| key).collect();
    ir.drop_dead();
    ir.order_arguments();
    let mut slots: SecondaryMap<NodeKey, Register> = SecondaryMap::new();
    let mut body = Body { ops: Vec::with_capacity(ir.order.len()), sinks: Vec::with_capacity(leaves.len()) };
    for &key in &ir.order {
        let node = ir.node(key);
        let args: Vec<Register> = node.args.iter().map(|&arg| slots[arg]).collect();
        let op = match node.op {
            IrOp::Input(k) => Some(input(k)),
            ref op => BodyOp::of(op, &args),
        };
        let op = op.ok_or_else(|| Error::argument("map: an op of the function has no form for many points at once"))?;
        slots.insert(key, body.ops.len() as Register);
        body.ops.push(op);
    }
    let mut targets = Vec::with_capacity(leaves.len());
    for (key, target) in leaves {
        let summed = matches!(target, Target::Total { .. });
        // A derivative that is always zero adds nothing.
        if summed && ir.literal_of(key) == Some(0.0) {
            continue;
        }
        body.sinks.push(if summed { Sink::Sum(slots[key]) } else { Sink::Store(slots[key]) });
        targets.push(target);
    }
    Ok(Recorded { body, targets, widths, sums })
}
