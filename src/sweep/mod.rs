//! The backward sweep, and its forward twin.
//!
//! Visits nodes in reverse order of recording; parents always come before children, so nothing is sorted and nothing
//! recurses. It is the only code that adds gradients, undoes broadcasts and skips what no one asked for; rules never see
//! where gradients are stored. One loop serves every interpreter of the algebra: numbers
//! ([`Eager`](crate::ops::eager::Eager)), variables ([`Recording`](crate::tape::Recording)), which makes the gradient
//! differentiable again, and the nodes of a compiled program.
//!
//! The first gradient to reach a node moves in; later ones are added in place where the buffer is not shared. Between two
//! tensor entries, the scalars recorded between them are swept in one tight loop.
//!
//! Cost: O(nodes), with one live gradient for each unfinished node.

mod backward;
mod bends;
mod careful;
mod eager;
mod finite;
mod gradients;
mod needs;
mod recording;
mod several;
mod tails;
mod transposed;

pub use gradients::Gradients;
pub(crate) use needs::Needs;
pub(crate) use recording::{BinaryRule, BuildingMode, UnaryRule, adjoint};

use crate::error::{Error, OrPanic, Result};
use crate::num::{Element, all_finite};
use crate::ops::algebra::Algebra;
use crate::ops::eager::Eager;
use crate::ops::structural::{Contribution, TensorOp};
use crate::tape::entry::Entry;
use crate::tape::{NodeId, NodeOp, NodeRef, Recording, Tape, Value, Var};
use crate::tensor::Shape;
use std::collections::HashSet;
use std::ops::Range;
use tails::Tail;

/// How a sweep applies rules and holds adjoints: as numbers, or as variables.
pub(crate) trait SweepMode<T: Element>: Algebra<T> {
    /// The adjoints of the scalar lane.
    type Scalars;
    /// Whether adjoints of intermediate tensors are kept.
    const KEEPS_ALL: bool;
    /// Whether hooks are called.
    const CALLS_HOOKS: bool;

    fn scalars(&self, tape: &Tape<T>, n: u32) -> Self::Scalars;
    fn add_scalar(&self, scalars: &mut Self::Scalars, id: u32, x: Self::V);
    /// The adjoint of a scalar, unless it is zero.
    fn scalar(&self, scalars: &Self::Scalars, id: u32) -> Option<Self::V>;
    /// Sweeps the scalars `lo..hi`.
    fn segment(
        &self,
        tape: &Tape<T>,
        lo: u32,
        hi: u32,
        scalars: &mut Self::Scalars,
        needs: Option<&Needs>,
    ) -> Result<()>;
    /// Carries tangents forward through the scalars of a range.
    fn forward_segment(&self, tape: &Tape<T>, range: Range<u32>, scalars: &mut Self::Scalars, way: &Way);
    /// What entry `k` contributes to its parent `wrt`, up to broadcasting.
    fn contribution(&self, tape: &Tape<T>, k: usize, wrt: usize, g: Self::V) -> Result<Contribution<Self::V>>;
    /// The tangent that parent `wrt` contributes to entry `k`.
    fn tangent(&self, tape: &Tape<T>, k: usize, wrt: usize, tangent: Self::V) -> Result<Self::V>;
    /// The error of a tangent that does not exist, as that of a singular matrix, unless nothing of it is in what was found: what is
    /// not selected is asked by nobody, forward as backward.
    fn refused_tangent(&self, found: &[Option<Self::V>]) -> Option<Error>;
    /// Whether a gradient, or a tangent, passes f between the logarithm of f, entry `k`, and x, of these entries.
    fn passes(&self, tape: &Tape<T>, entries: [usize; 3]) -> bool;
    /// What it is then.
    fn past(&self, tape: &Tape<T>, tail: Tail, entries: [usize; 3], g: Self::V) -> Self::V;
    /// What a tangent on its way to gradients has in addition behind entry `k`, where that is of ops that bend.
    fn unknown(&self, tape: &Tape<T>, k: usize, tangent: &Self::V) -> Option<Self::V>;
    /// Adds a contribution to an adjoint.
    fn accumulate(&self, slot: &mut Option<Self::V>, contribution: Contribution<Self::V>, shape: &Shape);
    /// Adds what entry `k` contributes to its parent `wrt`, the entry `parent`, to that one's adjoint.
    fn contribute(
        &self,
        tape: &Tape<T>,
        [k, wrt, parent]: [usize; 3],
        g: Self::V,
        slot: &mut Option<Self::V>,
    ) -> Result<()> {
        let contribution = self.contribution(tape, k, wrt, g)?;
        let shape = tape.entries()[parent].value.shape();
        self.accumulate(slot, fit(self, contribution, &shape), &shape);
        Ok(())
    }
    /// An empty list of adjoints.
    fn slots(&self, _tape: &Tape<T>) -> Vec<Option<Self::V>> {
        Vec::new()
    }
    /// Lets the hooks of a node see its adjoint.
    fn hooked(&self, tape: &Tape<T>, id: NodeId, g: Self::V) -> Self::V;
    /// The same for a number that an op on tensors made, which a sweep of scalars comes to only after the op.
    fn hook_result(&self, tape: &Tape<T>, scalars: &mut Self::Scalars, id: u32);
    /// Adds what has gone past numbers to their adjoints, once these go nowhere any more.
    fn finish(&self, _scalars: &mut Self::Scalars) {}
}

/// Where tangents are from and what for.
pub(crate) struct Way {
    /// Whose tangents were given.
    pub from: Vec<NodeId>,
    /// Whether numbers are among those that are not leaves: then theirs is not only what comes from before them.
    pub from_inside: bool,
    /// Whether they are on their way to gradients ([`bends`]).
    pub to_gradients: bool,
}

/// Adjoints, or tangents, of both lanes.
pub(crate) struct Adjoints<S, V> {
    pub scalars: S,
    pub tensors: Vec<Option<V>>,
}

pub(crate) type AdjointsOf<T, M> = Adjoints<<M as SweepMode<T>>::Scalars, <M as Algebra<T>>::V>;

/// Sweeps backwards from `from`, whose adjoint is `seed`.
pub(crate) fn sweep<T: Element, M: SweepMode<T>>(
    tape: &Tape<T>,
    mode: &M,
    from: NodeId,
    seed: M::V,
    needs: Option<&Needs>,
) -> Result<AdjointsOf<T, M>> {
    tape.take_up_hooks();
    let (n_entries, n_scalars) = extent(tape, &[from]);
    let mut adjoints = Adjoints { scalars: mode.scalars(tape, n_scalars), tensors: mode.slots(tape) };
    adjoints.tensors.resize_with(n_entries, || None);
    match from.lane() {
        NodeRef::Tensor(k) => adjoints.tensors[k] = Some(seed),
        NodeRef::Scalar(id) => mode.add_scalar(&mut adjoints.scalars, id, seed),
        NodeRef::Constant => {}
    }
    let mut hi = n_scalars;
    for k in (0..n_entries).rev() {
        let mark = tape.entries()[k].mark;
        if mark < hi {
            mode.segment(tape, mark, hi, &mut adjoints.scalars, needs)?;
            hi = mark;
        }
        visit(tape, mode, k, &mut adjoints, needs)?;
    }
    mode.segment(tape, 0, hi, &mut adjoints.scalars, needs)?;
    mode.finish(&mut adjoints.scalars);
    Ok(adjoints)
}

/// Carries the adjoint of entry `k` to its parents.
fn visit<T: Element, M: SweepMode<T>>(
    tape: &Tape<T>,
    mode: &M,
    k: usize,
    adjoints: &mut AdjointsOf<T, M>,
    needs: Option<&Needs>,
) -> Result<()> {
    let hooked = M::CALLS_HOOKS && tape.has_hooks();
    let wanted = |entries: &[Entry<T>], parent: NodeId| match parent.lane() {
        NodeRef::Tensor(p) => entries[p].active && needs.is_none_or(|needs| needs.entry(p)),
        NodeRef::Scalar(id) => needs.is_none_or(|needs| needs.scalar(id)),
        NodeRef::Constant => false,
    };
    let (scalar, keep, n_parents, first) = {
        let entries = tape.entries();
        let entry = &entries[k];
        let done = entry.parents.is_empty() && !hooked;
        if !entry.active || done || needs.is_some_and(|needs| !needs.entry(k)) {
            return Ok(());
        }
        let keep = M::KEEPS_ALL || entry.retained || entry.parents.is_empty();
        let first = entry.parents.iter().position(|parent| wanted(&entries, parent.id));
        (entry.scalar, keep, entry.parents.len(), first)
    };
    let mut g = match scalar {
        Some(id) => {
            if hooked {
                mode.hook_result(tape, &mut adjoints.scalars, id);
            }
            mode.scalar(&adjoints.scalars, id)
        }
        None => adjoints.tensors[k].take(),
    };
    if g.is_none() {
        return Ok(());
    }
    if scalar.is_none() {
        if hooked {
            g = g.map(|g| mode.hooked(tape, NodeId::tensor(k), g));
        }
        if keep {
            adjoints.tensors[k] = g.clone();
        }
    }
    let ends = needs.map_or(&[][..], Needs::ends);
    let tail = Tail::of_entry(&tape.entries(), k, ends);
    if let Some((tail, entries)) = tail
        && !(hooked && tape.is_hooked(NodeId::tensor(entries[1])))
        && first.is_some()
        && mode.passes(tape, entries)
    {
        let product = mode.past(tape, tail, entries, g.expect("looked at above"));
        let [.., x] = entries;
        let shape = tape.entries()[x].value.shape();
        mode.accumulate(&mut adjoints.tensors[x], product.into(), &shape);
        return Ok(());
    }
    // From the last to the first that is wanted, which gets the gradient itself, so that it can be overwritten in place.
    let Some(first) = first else { return Ok(()) };
    for wrt in (first..n_parents).rev() {
        let parent = {
            let entries = tape.entries();
            let parent = entries[k].parents[wrt].id;
            if !wanted(&entries, parent) {
                continue;
            }
            parent
        };
        let upstream = if wrt == first { g.take() } else { g.clone() };
        let upstream = upstream.expect("taken only by the last to be served");
        match parent.lane() {
            NodeRef::Tensor(p) => mode.contribute(tape, [k, wrt, p], upstream, &mut adjoints.tensors[p])?,
            NodeRef::Scalar(id) => {
                let contribution = mode.contribution(tape, k, wrt, upstream)?;
                let mut sum = None;
                mode.accumulate(&mut sum, fit(mode, contribution, &Shape::scalar()), &Shape::scalar());
                mode.add_scalar(&mut adjoints.scalars, id, sum.expect("just set"));
            }
            NodeRef::Constant => {}
        }
    }
    Ok(())
}

/// What entry `k` contributes to its parent `wrt`, of this shape, from its gradient `g`: for looking into a sweep afterwards.
#[inline(never)]
pub(crate) fn contribution_of<T: Element>(
    tape: &Tape<T>,
    [k, wrt]: [usize; 2],
    g: Value<T>,
    shape: &Shape,
) -> Option<Value<T>> {
    let mode = Eager::new(tape.pool());
    let contribution = mode.contribution(tape, k, wrt, g).ok()?;
    let mut slot = None;
    mode.accumulate(&mut slot, fit(&mode, contribution, shape), shape);
    slot
}

/// Undoes broadcasting: sums over stretched axes, or stretches what a rule left small.
fn fit<T: Element, M: SweepMode<T>>(mode: &M, contribution: Contribution<M::V>, shape: &Shape) -> Contribution<M::V> {
    let value = match contribution {
        Contribution::Value(value) => value,
        Contribution::Product { x, y, product } => {
            let two = mode.rank(&x) == 2 && mode.rank(&y) == 2;
            if two {
                return Contribution::Product { x, y, product };
            }
            mode.apply(TensorOp::MatMul(product), &[&x, &y])
        }
    };
    if mode.has_shape(&value, shape) {
        return value.into();
    }
    let from = mode.shape(&value);
    if shape.broadcasts_to(&from) { mode.sum_to(&value, shape) } else { mode.broadcast_to(&value, shape) }.into()
}

/// Carries tangents of some nodes forward to each of `to`; `None` is a tangent of zero.
pub(crate) fn forward<T: Element, M: SweepMode<T>>(
    tape: &Tape<T>,
    mode: &M,
    tangents: Vec<(NodeId, M::V)>,
    to: impl Iterator<Item = NodeId>,
) -> Result<Vec<Option<M::V>>> {
    let to: Vec<NodeId> = to.collect();
    let (n_entries, n_scalars) = extent(tape, &to);
    let to_gradients = bends::lead_to_gradients(tape, &to, n_entries, n_scalars);
    let found = carried(tape, mode, tangents, &to, to_gradients)?;
    mode.refused_tangent(&found).map_or(Ok(found), Err)
}

/// The same, of tangents that are known to be on their way to gradients, or not; what is refused is the caller's to ask.
fn carried<T: Element, M: SweepMode<T>>(
    tape: &Tape<T>,
    mode: &M,
    tangents: Vec<(NodeId, M::V)>,
    to: &[NodeId],
    to_gradients: bool,
) -> Result<Vec<Option<M::V>>> {
    let (n_entries, n_scalars) = extent(tape, to);
    let from: Vec<NodeId> = tangents.iter().map(|&(id, _)| id).collect();
    let from_inside = from.iter().any(|id| tape.scalars().is_inside(*id));
    let mut state: AdjointsOf<T, M> = Adjoints { scalars: mode.scalars(tape, n_scalars), tensors: Vec::new() };
    state.tensors.resize_with(n_entries, || None);
    for (id, tangent) in tangents {
        match id.lane() {
            NodeRef::Tensor(k) if k >= n_entries => {}
            NodeRef::Scalar(id) if id >= n_scalars => {}
            NodeRef::Tensor(k) => state.tensors[k] = Some(tangent),
            NodeRef::Scalar(id) => mode.add_scalar(&mut state.scalars, id, tangent),
            NodeRef::Constant => {}
        }
    }
    let way = Way { from, from_inside, to_gradients };
    let custom = custom_ancestors(tape, to, n_entries);
    let mut lo = 0;
    for k in 0..n_entries {
        let (mark, scalar, parents, active) = {
            let entry = &tape.entries()[k];
            (entry.mark, entry.scalar, entry.parents.clone(), entry.active)
        };
        // A number out of an entry is the last scalar before the entry's mark; its tangent comes from the entry.
        mode.forward_segment(tape, lo..mark, &mut state.scalars, &way);
        lo = mark;
        if !active || custom.as_ref().is_some_and(|custom| !custom.contains(&k) && is_custom(&tape.entries()[k])) {
            continue;
        }
        let mut sum = state.tensors[k].take();
        let shape = tape.entries()[k].value.shape();
        let tail = Tail::of_entry(&tape.entries(), k, &way.from);
        if let Some((tail, entries)) = tail
            && mode.passes(tape, entries)
        {
            if let Some(tangent) = state.tensors[entries[2]].clone() {
                let part = mode.past(tape, tail, entries, mode.broadcast_to(&tangent, &shape));
                mode.accumulate(&mut sum, Contribution::Value(part), &shape);
            }
            state.tensors[k] = sum;
            continue;
        }
        for (wrt, parent) in parents.iter().enumerate() {
            let tangent = match parent.id.lane() {
                NodeRef::Tensor(p) => state.tensors[p].clone(),
                NodeRef::Scalar(id) => mode.scalar(&state.scalars, id),
                NodeRef::Constant => None,
            };
            if let Some(tangent) = tangent {
                if to_gradients && let Some(unknown) = mode.unknown(tape, k, &tangent) {
                    let unknown = mode.broadcast_to(&unknown, &shape);
                    mode.accumulate(&mut sum, Contribution::Value(unknown), &shape);
                }
                let part = mode.tangent(tape, k, wrt, tangent)?;
                mode.accumulate(&mut sum, Contribution::Value(mode.broadcast_to(&part, &shape)), &shape);
            }
        }
        match (scalar, sum) {
            (Some(id), Some(tangent)) => mode.add_scalar(&mut state.scalars, id, tangent),
            (None, sum) => state.tensors[k] = sum,
            _ => {}
        }
    }
    mode.forward_segment(tape, lo..n_scalars, &mut state.scalars, &way);
    let tangent_of = |to: &NodeId| match to.lane() {
        NodeRef::Tensor(k) => state.tensors[k].clone(),
        NodeRef::Scalar(id) => mode.scalar(&state.scalars, id),
        NodeRef::Constant => None,
    };
    Ok(to.iter().map(tangent_of).collect())
}

fn is_custom<T>(entry: &Entry<T>) -> bool {
    matches!(entry.op, NodeOp::Custom(_))
}

/// The users' ops on tensors that lead to these nodes, where there are any: of others no tangent is asked, which they may not have.
fn custom_ancestors<T: Element>(tape: &Tape<T>, to: &[NodeId], n_entries: usize) -> Option<HashSet<usize>> {
    let entries = &tape.entries()[..n_entries];
    if !entries.iter().any(is_custom) {
        return None;
    }
    let (mut seen, mut custom, mut next) = (HashSet::new(), HashSet::new(), to.to_vec());
    while let Some(id) = next.pop() {
        let entry = match id.lane() {
            NodeRef::Constant => continue,
            NodeRef::Tensor(k) => Some(k),
            NodeRef::Scalar(id) => tape.maker(id),
        };
        if !seen.insert(id) {
            continue;
        }
        match (entry, id.lane()) {
            (Some(k), _) => {
                if is_custom(&entries[k]) {
                    custom.insert(k);
                }
                next.extend(entries[k].parents.iter().map(|parent| parent.id));
            }
            (None, NodeRef::Scalar(id)) => {
                next.extend(tape.scalars().parents(id).into_iter().flatten().map(NodeId::scalar));
            }
            _ => {}
        }
    }
    Some(custom)
}

/// How many entries and scalars there are up to the last of these nodes: what is recorded later does not lead to them.
fn extent<T: Element>(tape: &Tape<T>, to: &[NodeId]) -> (usize, u32) {
    let entries = tape.entries();
    to.iter().fold((0, 0), |(n_entries, n_scalars), id| match id.lane() {
        NodeRef::Tensor(k) => (n_entries.max(k + 1), n_scalars.max(entries[k].mark)),
        NodeRef::Scalar(id) => {
            (n_entries.max(entries.partition_point(|entry| entry.mark <= id + 1)), n_scalars.max(id + 1))
        }
        NodeRef::Constant => (n_entries, n_scalars),
    })
}

/// The output of a function whose gradient is asked for, unless it is a tensor.
pub(crate) fn scalar_to_differentiate<T: Element>(y: Var<'_, T>) -> Result<Var<'_, T>> {
    if y.is_tensor() {
        return Err(Error::shape(format!(
            "grad: output must be a scalar, got shape {}; reduce it with sum() or mean(), or use vjp with a seed",
            y.shape()
        )));
    }
    Ok(y)
}

impl<T: Element> Tape<T> {
    /// The gradients of the scalar `y` by each of `xs`, recorded: they are variables, to be used and differentiated again.
    ///
    /// # Panics
    /// As [`Tape::try_grad`] fails.
    #[track_caller]
    pub fn grad<'t>(&'t self, y: Var<'t, T>, xs: &[Var<'t, T>]) -> Vec<Var<'t, T>> {
        self.try_grad(y, xs).or_panic()
    }

    /// As [`Tape::grad`].
    ///
    /// # Errors
    /// `y` is no scalar; an op on the way has a numeric rule only; a variable is of another tape.
    #[inline(never)]
    pub fn try_grad<'t>(&'t self, y: Var<'t, T>, xs: &[Var<'t, T>]) -> Result<Vec<Var<'t, T>>> {
        scalar_to_differentiate(y)?;
        self.try_vjp(y, Var::constant(T::from_f64(1.0)), xs)
    }

    /// The gradients of the sum of `seed` times `y` by each of `xs`, recorded.
    ///
    /// # Errors
    /// `seed` does not have the shape of `y`; an op on the way has a numeric rule only; a variable is of another tape.
    #[inline(never)]
    pub fn try_vjp<'t>(&'t self, y: Var<'t, T>, seed: Var<'t, T>, xs: &[Var<'t, T>]) -> Result<Vec<Var<'t, T>>> {
        for var in xs.iter().chain([&y, &seed]) {
            crate::tape::same_tape("grad", Some(self), var.tape)?;
        }
        if seed.shape() != y.shape() {
            return Err(Error::shape(format!("grad: seed has shape {}, the output {}", seed.shape(), y.shape())));
        }
        let needs = Needs::downstream_of(self, xs);
        let recorded = |mode| sweep(self, &mode, y.id, seed.on(self), Some(&needs));
        let shown = recorded(Recording::on(self))?;
        let (n_entries, n_scalars) = extent(self, &[y.id]);
        let behind = if bends::may_be_chosen(self, n_entries, n_scalars) {
            Some(recorded(Recording::behind_choices(self))?)
        } else {
            None
        };
        let gradient = |&x: &Var<'t, T>| {
            let shown = recording::gradient(self, &shown, x);
            match behind.as_ref().and_then(|behind| adjoint(behind, x)) {
                Some(behind) => bends::chosen(self, shown, behind),
                None => shown,
            }
        };
        Ok(xs.iter().map(gradient).collect())
    }

    /// The directional derivative of `y` when each variable moves along its tangent, carried forward through the tape.
    ///
    /// # Errors
    /// A tangent does not have its variable's shape, or a variable has two; an op on the way has no forward rule; a variable is of another tape.
    pub fn jvp(&self, y: Var<'_, T>, tangents: &[(Var<'_, T>, Value<T>)]) -> Result<Value<T>> {
        Ok(self.jvp_all(&[y], tangents)?.swap_remove(0))
    }

    /// As [`Tape::jvp`], of several outputs in one pass.
    ///
    /// # Errors
    /// As [`Tape::jvp`].
    #[inline(never)]
    pub fn jvp_all(&self, ys: &[Var<'_, T>], tangents: &[(Var<'_, T>, Value<T>)]) -> Result<Vec<Value<T>>> {
        self.tracing().note(
            "a tangent in plain numbers would be kept as it is; use try_record_jvp, or jvp at a variable, whose tangents are recorded",
        );
        self.check_tangents(tangents.iter().map(|(var, tangent)| (*var, tangent.shape())))?;
        for y in ys {
            crate::tape::same_tape("jvp", Some(self), y.tape)?;
        }
        if self.is_strict() {
            return self.strict_jvp(ys, tangents);
        }
        let pass = |mode: Eager<'_, T>| {
            let tangents = tangents.iter().map(|(var, tangent)| (var.id, tangent.clone())).collect();
            forward(self, &mode, tangents, ys.iter().map(|y| y.id))
        };
        let far = self.scalars().has_far();
        let mut found = pass(if far { careful::careful(self) } else { Eager::new(self.pool()) })?;
        let finite = |value: &Value<T>| all_finite(value.as_slice());
        if !far && self.scalars().len() > 0 && !found.iter().flatten().all(finite) {
            found = pass(careful::careful(self))?;
        }
        let zero = |y: &Var<'_, T>| crate::Tensor::zeros(y.shape()).into();
        Ok(found.into_iter().zip(ys).map(|(tangent, y)| tangent.unwrap_or_else(|| zero(y))).collect())
    }

    /// An error unless each tangent has its variable's shape, and each variable one tangent: two could be added up, or one of them meant.
    fn check_tangents<'v>(&self, tangents: impl Iterator<Item = (Var<'v, T>, Shape)>) -> Result<()>
    where
        T: 'v,
    {
        let mut moved = HashSet::new();
        for (var, tangent) in tangents {
            crate::tape::same_tape("jvp", Some(self), var.tape)?;
            if var.shape() != tangent {
                let own = var.shape();
                return Err(Error::shape(format!("jvp: tangent has shape {tangent}, its variable {own}")));
            }
            if !var.is_constant() && !moved.insert(var.id()) {
                return Err(Error::argument("jvp: a variable is given two tangents; add them up"));
            }
        }
        Ok(())
    }

    /// By plain arithmetic, recorded.
    fn strict_jvp(&self, ys: &[Var<'_, T>], tangents: &[(Var<'_, T>, Value<T>)]) -> Result<Vec<Value<T>>> {
        let tangent = |(var, tangent): &(Var<'_, T>, Value<T>)| match tangent {
            Value::Scalar(x) => (var.id, Var::constant(*x).on(self)),
            Value::Tensor(x) => (var.id, self.data(x.clone())),
        };
        let found =
            forward(self, &Recording::on(self), tangents.iter().map(tangent).collect(), ys.iter().map(|y| y.id))?;
        let zero = |y: &Var<'_, T>| crate::Tensor::zeros(y.shape());
        Ok(found
            .into_iter()
            .zip(ys)
            .map(|(found, y)| found.map_or_else(|| zero(y), |found| found.value()).into())
            .collect())
    }

    /// The directional derivative of `y`, recorded: a variable, to be used and differentiated again.
    ///
    /// # Errors
    /// As [`Tape::jvp`].
    #[inline(never)]
    pub fn try_record_jvp<'t>(&'t self, y: Var<'t, T>, tangents: &[(Var<'t, T>, Var<'t, T>)]) -> Result<Var<'t, T>> {
        self.check_tangents(tangents.iter().map(|(var, tangent)| (*var, tangent.shape())))?;
        for var in tangents.iter().map(|(_, tangent)| tangent).chain([&y]) {
            crate::tape::same_tape("jvp", Some(self), var.tape)?;
        }
        let mode = Recording::on(self);
        let (n_entries, n_scalars) = extent(self, &[y.id]);
        let recorded = |to_gradients| {
            let tangents = tangents.iter().map(|(var, tangent)| (var.id, tangent.on(self))).collect();
            carried(self, &mode, tangents, &[y.id], to_gradients)
        };
        let to_gradients = bends::lead_to_gradients(self, &[y.id], n_entries, n_scalars);
        let shown = recorded(to_gradients)?;
        if let Some(error) = mode.refused_tangent(&shown) {
            return Err(error);
        }
        let Some(shown) = shown[0] else {
            return Ok(self.data(crate::Tensor::zeros(y.shape())));
        };
        if to_gradients || !bends::may_be_chosen(self, n_entries, n_scalars) {
            return Ok(shown);
        }
        let behind = recorded(true)?[0];
        Ok(behind.map_or(shown, |behind| bends::chosen(self, shown, behind)))
    }
}
