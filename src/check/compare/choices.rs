//! Whether a hand-coded gradient is another choice at a kink.
//!
//! Where a point lies on a kink (relu and abs at 0, a tie of max, a bound of clamp, a condition that turns there) the function
//! has no derivative, and the gradients of the smooth pieces that meet in the point, and what lies between them, are choices
//! of equal right: its generalised gradient (Clarke, Optimization and Nonsmooth Analysis, 1983). Autodiff makes one choice, by
//! convention. A hand-coded gradient that makes another is not wrong.
//!
//! No list of ops says where kinks are. The rule of each op is evaluated at arguments moved up and down by little more than
//! rounding; where its contribution jumps, and does so no more at twice the distance, there is a kink, and the jump is what
//! another choice would bring, swept on to the targets. So each element of each op chooses for itself, as whoever writes `z >= 0` for
//! `z > 0` does. What no op's rule shows (a condition that selects, an `if` of the closure) is found in the same way
//! from the whole gradient beside the point. A gradient is a choice if it is the true one plus jumps, each from
//! 0 to 1 times, those of one tie together at most once: a least-squares problem with bounds.
//!
//! Not found: choices of kinks behind kinks that no common side makes, more than [`MOST`] elements on kinks that meet in one
//! gradient.
//!
//! Cost: two sweeps where the point is on no kink. Else, two evaluations of each op, and a sweep for each element on a kink.

use super::case::{Case, Target, Wrt, share};
use super::mutant::{contributions, inputs_of};
use super::{Compare, notes};
use crate::check::pieces::Signature;
use crate::check::replay::variables;
use crate::error::{Error, Result};
use crate::graph::{Arg, Graph, GraphNode};
use crate::tape::custom::NumericOp;
use crate::tape::{NodeOp, Tape, Var};
use crate::tensor::{Shape, Tensor};

/// How far arguments are moved, relative to themselves, and to the largest of their tensor: what is summed in another order is a
/// tie all the same.
const OWN: f64 = 1e-12;
const LARGEST: f64 = 1e-15;
/// The least jump relative to what jumps.
const JUMP: f64 = 1e-6;
/// The most elements on kinks, and elements of a parameter that are moved alone.
const MOST: usize = 96;
const MOVED: usize = 32;
/// The most sweeps, and numbers of the graph that they go over in all.
const MOST_SWEEPS: usize = 4 * MOST;
const SWEPT: usize = 30_000_000;

/// What another choice at one kink would add to the gradients by the targets.
struct Jump {
    by_target: Vec<Tensor<f64>>,
    /// Jumps that share one choice.
    tie: usize,
    /// Where, in words.
    place: String,
}

/// How the gradients jump along a direction, by parameter and element.
type Beside<'a> = dyn Fn(&dyn Fn(usize, usize) -> f64) -> Option<Vec<Tensor<f64>>> + 'a;

/// For each target, where the choice is that its hand-coded gradient makes; none where it makes none.
pub(super) fn made(compare: &Compare<'_>, case: &Case) -> Vec<Option<String>> {
    let mut made = vec![None; case.targets.len()];
    let candidates: Vec<usize> = (0..made.len()).filter(|&k| may_be_a_choice(&case.targets[k])).collect();
    if candidates.is_empty() {
        return made;
    }
    let truths: Vec<Tensor<f64>> = case.targets.iter().map(|target| target.truth.clone()).collect();
    let beside = |direction: &dyn Fn(usize, usize) -> f64| jump_beside(compare, case, &truths, direction);
    // A direction that moves everything crosses every kink at the point, one way or back.
    let on_a_kink = [1.0, -1.0].map(|sign| beside(&|k, i| sign * share(1 + 31 * k + i)));
    let intermediates = case.targets.iter().any(|target| matches!(target.place, Wrt::Intermediate(_)));
    if on_a_kink.iter().all(Option::is_none) && !intermediates {
        return made;
    }
    let mut explain = |jumps: &[Jump]| {
        for &k in &candidates {
            if made[k].is_none() {
                made[k] = choice(&case.targets[k], k, jumps);
            }
        }
        candidates.iter().all(|&k| made[k].is_some())
    };
    // Each set by itself, the cheapest first: what two of them find at one kink must not be added.
    let Ok(kinks) = kinks(case) else { return made };
    if explain(&of_one_side(case, &truths, &kinks))
        || explain(&of_each(case, &truths, &kinks).unwrap_or_default())
        || on_a_kink.iter().all(Option::is_none)
    {
        return made;
    }
    let place = bend(compare).unwrap_or_else(|| "the function".into());
    let mut alone = of_elements(case, &candidates, &beside, &place);
    if !explain(&alone) {
        // What lies between all gradients beside the point.
        let everywhere = [1.0, -1.0].map(|sign| beside(&|_, _| sign));
        alone.extend(on_a_kink.into_iter().chain(everywhere).flatten().map(|by_target| Jump {
            by_target,
            tie: 0,
            place: place.clone(),
        }));
        alone.iter_mut().for_each(|jump| jump.tie = 0);
        explain(&alone);
    }
    made
}

/// The op that is on another piece beside the point, if one says so.
fn bend(compare: &Compare<'_>) -> Option<String> {
    let mut tape = Tape::new();
    (compare.f)(&tape, &variables(&tape, &compare.point)).ok()?;
    let home = Signature::of(&tape);
    [1.0, -1.0].into_iter().find_map(|sign| {
        tape.clear();
        let mut place = 0;
        let point = compare.point.iter().map(|x| {
            let start = place;
            place += x.len();
            moved(x, |i| sign * share(1 + start + i))
        });
        let point: Vec<_> = point.collect();
        (compare.f)(&tape, &variables(&tape, &point)).ok()?;
        home.departure(&tape)
    })
}

/// Whether it differs, in a way that a choice may make.
fn may_be_a_choice(target: &Target) -> bool {
    !target.agrees && target.has_right_shape() && target.hand.iter().chain(target.truth.iter()).all(|x| x.is_finite())
}

/// A distance beside a number, up or down.
fn step(x: f64, largest: f64) -> f64 {
    if largest > 0.0 { (OWN * x.abs()).max(LARGEST * largest) } else { OWN }
}

fn largest(x: &Tensor<f64>) -> f64 {
    x.iter().filter(|x| x.is_finite()).fold(0.0, |max: f64, x| max.max(x.abs()))
}

/// A tensor moved by so many steps: by place, or everywhere.
fn moved(x: &Tensor<f64>, steps: impl Fn(usize) -> f64) -> Tensor<f64> {
    let (mut out, largest) = (x.clone(), largest(x));
    for (i, x) in out.as_mut_slice().iter_mut().enumerate() {
        *x += steps(i) * step(*x, largest);
    }
    out
}

/// The jumps from one array to another: what changed at a step, and did not change twice as much at two. None where nothing
/// did.
fn jumped(base: &Tensor<f64>, near: &Tensor<f64>, far: impl FnOnce() -> Option<Tensor<f64>>) -> Option<Tensor<f64>> {
    let sizes = |base: f64, near: f64| JUMP * base.abs().max(near.abs());
    let candidate = |(base, near): (&f64, &f64)| (near - base).abs() > sizes(*base, *near);
    if base.shape() != near.shape() || !base.iter().zip(near.iter()).any(candidate) {
        return None;
    }
    let far = far()?;
    if far.shape() != base.shape() {
        return None;
    }
    let mut jump = Tensor::zeros(base.shape());
    let numbers = jump.as_mut_slice();
    for (i, ((base, near), far)) in base.iter().zip(near.iter()).zip(far.iter()).enumerate() {
        let (once, twice) = (near - base, far - base);
        let is_jump = once.abs() > sizes(*base, *near) && (twice - once).abs() < 0.1 * once.abs();
        if is_jump && twice.is_finite() {
            // Without what is smooth.
            numbers[i] = 2.0 * once - twice;
        }
    }
    jump.iter().any(|&x| x != 0.0).then_some(jump)
}

/// A node whose rule jumps at its arguments, with the jumps.
struct Kink {
    node: usize,
    locals: Vec<Local>,
}

/// The nodes that are on a kink. Where none of its upstream gradient arrives, another kink may stand in the way.
fn kinks(case: &Case) -> Result<Vec<Kink>> {
    let graph = &case.levels[0];
    let adjoints = graph.adjoints()?;
    let mut kinks = Vec::new();
    for node in graph.nodes().iter().filter(|node| may_have_kinks(node)) {
        let upstream = adjoints[node.index()].clone().into_tensor();
        let arrives = upstream.iter().any(|&g| g != 0.0);
        let upstream = if arrives { upstream } else { Tensor::ones(node.shape()) };
        let locals = of_op(graph, node, &upstream);
        if !locals.is_empty() {
            kinks.push(Kink { node: node.index(), locals: if arrives { locals } else { Vec::new() } });
        }
    }
    Ok(kinks)
}

/// The jumps of each element on a kink, swept on to the targets.
fn of_each(case: &Case, truths: &[Tensor<f64>], kinks: &[Kink]) -> Result<Vec<Jump>> {
    let graph = &case.levels[0];
    let tape = Tape::new();
    let vars = graph.record(&tape)?;
    for target in &case.targets {
        target.nodes[0].iter().for_each(|&node| {
            vars[node].retain_gradient();
        });
    }
    let size: usize = graph.nodes().iter().map(|node| node.shape().numel()).sum();
    let most = (SWEPT / size.max(1)).clamp(8, MOST_SWEEPS);
    let mut jumps: Vec<Jump> = Vec::new();
    let mut ties = 0;
    for kink in kinks {
        let node = &graph.nodes()[kink.node];
        for local in &kink.locals {
            if jumps.len() >= most {
                return Ok(jumps);
            }
            let mut output: Option<Var<'_, f64>> = None;
            for (arg, jump) in node.args().iter().zip(&local.by_argument) {
                let (Arg::Node(parent), Some(jump)) = (arg, jump) else { continue };
                if graph.nodes()[*parent].is_active() {
                    let term = (vars[*parent] * tape.data(jump)).sum(());
                    output = Some(output.map_or(term, |sum| sum + term));
                }
            }
            let Some(output) = output.filter(|output| !output.is_constant()) else { continue };
            let gradients = output.try_backward()?;
            let gradient = |(k, target): (usize, &Target)| {
                let node = target.nodes[0]?;
                gradients.try_wrt(vars[node]).ok().filter(|gradient| gradient.shape() == truths[k].shape())
            };
            let zeros = |k: usize| Tensor::zeros(truths[k].shape());
            let targets = case.targets.iter().enumerate();
            let by_target = targets.map(|at| gradient(at).unwrap_or_else(|| zeros(at.0))).collect();
            let place = notes::place_of(graph, node);
            jumps.push(Jump { by_target, tie: ties + local.tie, place });
        }
        ties = jumps.iter().map(|jump| jump.tie + 1).max().unwrap_or(ties);
    }
    Ok(jumps)
}

/// One choice made at all kinks at once, also at those behind others.
fn of_one_side(case: &Case, truths: &[Tensor<f64>], kinks: &[Kink]) -> Vec<Jump> {
    let graph = &case.levels[0];
    let Some(first) = kinks.first() else { return Vec::new() };
    let others = if kinks.len() > 1 { " and others" } else { "" };
    let place = format!("{}{others}", notes::place_of(graph, &graph.nodes()[first.node]));
    let sides = [1.0, -1.0].into_iter().filter_map(|side| all_on_one_side(case, kinks, side));
    let jump = |gradients: Vec<Tensor<f64>>| {
        let by_target = gradients.iter().zip(truths).map(|(g, truth)| g - truth).collect();
        Jump { by_target, tie: 0, place: place.clone() }
    };
    sides.map(jump).collect()
}

fn may_have_kinks(node: &GraphNode<f64>) -> bool {
    match &node.op {
        NodeOp::Leaf | NodeOp::Copy | NodeOp::Select => false,
        NodeOp::Tensor(_) | NodeOp::Custom(_) => node.is_active(),
        op => node.is_active() && !op.is_flat(),
    }
}

/// What one element's choice changes in what an op hands to its arguments.
struct Local {
    by_argument: Vec<Option<Tensor<f64>>>,
    tie: usize,
}

fn of_op(graph: &Graph<f64>, node: &GraphNode<f64>, upstream: &Tensor<f64>) -> Vec<Local> {
    let mut inputs = inputs_of(graph, node);
    let elementwise =
        matches!(node.op, NodeOp::Unary(_) | NodeOp::Binary(_) | NodeOp::CustomUnary(_) | NodeOp::CustomBinary(_));
    if elementwise {
        // Each element of the result chooses for itself, also where they share an operand.
        for input in &mut inputs {
            match input.try_broadcast_to(node.shape()) {
                Ok(stretched) => *input = stretched,
                Err(_) => return Vec::new(),
            }
        }
    } else if let NodeOp::Tensor(op) = &node.op {
        let mut tells = false;
        op.pieces(inputs[0].as_slice(), node.value().as_slice(), &mut |_, _| tells = true);
        if !tells {
            return Vec::new();
        }
    }
    let Ok(base) = contributions(node, &inputs, upstream) else { return Vec::new() };
    let rule = |k: usize, steps: &dyn Fn(usize) -> f64| {
        let mut beside = inputs.clone();
        beside[k] = moved(&inputs[k], steps);
        contributions(node, &beside, upstream).ok()
    };
    let jump = |k: usize, steps: &dyn Fn(usize) -> f64| -> Option<Vec<Option<Tensor<f64>>>> {
        let near = rule(k, steps)?;
        let mut far = None;
        let jumps: Vec<_> = (0..base.len())
            .map(|j| {
                jumped(&base[j], &near[j], || {
                    let far = far.get_or_insert_with(|| rule(k, &|i| 2.0 * steps(i)));
                    far.as_ref().map(|far| far[j].clone())
                })
            })
            .collect();
        jumps.iter().any(Option::is_some).then_some(jumps)
    };
    let active = |k: usize| matches!(node.args()[k], Arg::Node(index) if graph.nodes()[index].is_active());
    let mut found = Vec::new();
    for k in (0..inputs.len()).filter(|&k| active(k)) {
        if elementwise {
            for sign in [1.0, -1.0] {
                let Some(jumps) = jump(k, &|_| sign) else { continue };
                for i in 0..inputs[k].len() {
                    let alone = |jump: &Option<Tensor<f64>>| {
                        let value = jump.as_ref().map(|jump| jump.as_slice()[i]).filter(|&x| x != 0.0)?;
                        let mut one = Tensor::zeros(node.shape());
                        one.as_mut_slice()[i] = value;
                        Some(one)
                    };
                    let by_argument: Vec<_> = jumps.iter().map(alone).collect();
                    if by_argument.iter().any(Option::is_some) && found.len() < MOST_SWEEPS {
                        found.push(Local { by_argument, tie: i });
                    }
                }
            }
            continue;
        }
        // Elements one by one, if a direction without a pattern crosses a kink.
        if [1.0, -1.0].iter().all(|sign| jump(k, &|i| sign * share(i + 1)).is_none()) {
            continue;
        }
        for i in super::four::spread(inputs[k].len(), MOST_SWEEPS) {
            for sign in [1.0, -1.0] {
                if let Some(by_argument) = jump(k, &|at| if at == i { sign } else { 0.0 }) {
                    found.push(Local { by_argument, tie: found.len() });
                }
            }
        }
        join_ties(&mut found);
    }
    // Undo the stretching, and in the same way for all.
    for local in &mut found {
        for (arg, jump) in node.args().iter().zip(&mut local.by_argument) {
            if let (Arg::Node(parent), Some(stretched)) = (arg, jump.as_mut()) {
                *stretched = summed_to(stretched, &graph.nodes()[*parent].shape());
            }
        }
    }
    found
}

/// Jumps that touch a common element are of one tie.
fn join_ties(found: &mut [Local]) {
    let touches = |local: &Local| -> Vec<(usize, usize)> {
        let arguments = local.by_argument.iter().enumerate();
        let elements = arguments.flat_map(|(k, jump)| {
            jump.iter()
                .flat_map(move |jump| jump.iter().enumerate().filter(|(_, x)| **x != 0.0).map(move |(i, _)| (k, i)))
        });
        elements.collect()
    };
    let touched: Vec<Vec<(usize, usize)>> = found.iter().map(touches).collect();
    for a in 0..found.len() {
        for b in 0..a {
            if found[a].tie != found[b].tie && touched[a].iter().any(|at| touched[b].contains(at)) {
                let (from, to) = (found[a].tie, found[b].tie);
                found.iter_mut().filter(|local| local.tie == from).for_each(|local| local.tie = to);
            }
        }
    }
}

/// A gradient by what was stretched, from that by the stretched.
fn summed_to(x: &Tensor<f64>, shape: &Shape) -> Tensor<f64> {
    if x.shape() == shape {
        return x.clone();
    }
    let tape = Tape::new();
    let small = tape.var(Tensor::zeros(shape.clone()));
    // The sweep undoes broadcasts; no one else does.
    (small * tape.data(x)).sum(()).backward().wrt(small)
}

/// An op whose rule is that of the piece on one side.
struct OneSided {
    node: GraphNode<f64>,
    side: f64,
}

impl NumericOp<f64> for OneSided {
    fn name(&self) -> &str {
        self.node.op()
    }
    fn value(&self, _inputs: &[Tensor<f64>]) -> Result<Tensor<f64>> {
        Ok(self.node.value().clone().into_tensor())
    }
    fn vjp(&self, inputs: &[Tensor<f64>], _output: &Tensor<f64>, g: &Tensor<f64>) -> Vec<Tensor<f64>> {
        // The first argument alone: a tie of two has its sides from either.
        let mut beside = inputs.to_vec();
        beside[0] = moved(&inputs[0], |_| self.side);
        let zeros = || inputs.iter().map(|x| Tensor::zeros(x.shape())).collect();
        contributions(&self.node, &beside, g).unwrap_or_else(|_| zeros())
    }
}

/// The gradients by the targets with the rules of these nodes taken on one side of their kinks.
fn all_on_one_side(case: &Case, kinks: &[Kink], side: f64) -> Option<Vec<Tensor<f64>>> {
    let graph = &case.levels[0];
    let tape = Tape::new();
    let vars = graph.record_with(&tape, |node, args| {
        let is_kink = kinks.iter().any(|kink| kink.node == node.index());
        is_kink.then(|| tape.try_numeric(OneSided { node: node.clone(), side }, args))
    });
    let vars = vars.ok()?;
    for target in &case.targets {
        target.nodes[0].iter().for_each(|&node| {
            vars[node].retain_gradient();
        });
    }
    let gradients = vars.last()?.try_backward().ok()?;
    let gradient = |target: &Target| {
        let zeros = || Tensor::zeros(target.value.shape());
        Some(target.nodes[0].and_then(|node| gradients.try_wrt(vars[node]).ok()).unwrap_or_else(zeros))
    };
    case.targets.iter().map(gradient).collect()
}

/// How the gradients jump when the parameters move in a direction, by parameter and element; none where they do not.
fn jump_beside(
    compare: &Compare<'_>,
    case: &Case,
    truths: &[Tensor<f64>],
    direction: &dyn Fn(usize, usize) -> f64,
) -> Option<Vec<Tensor<f64>>> {
    let at = |steps: f64| {
        let parameters = compare.point.iter().enumerate();
        let point: Vec<_> = parameters.map(|(k, x)| moved(x, |i| steps * direction(k, i))).collect();
        gradients_at(compare, case, &point).ok()
    };
    let near = at(1.0)?;
    let mut far = None;
    let jump = |k: usize, far: &mut Option<Option<Vec<Tensor<f64>>>>| {
        jumped(&truths[k], &near[k], || {
            let far = far.get_or_insert_with(|| at(2.0));
            far.as_ref().map(|far| far[k].clone())
        })
    };
    let jumps: Vec<_> = (0..truths.len()).map(|k| jump(k, &mut far)).collect();
    if jumps.iter().all(Option::is_none) {
        return None;
    }
    let zeros = |k: usize| Tensor::zeros(truths[k].shape());
    Some(jumps.into_iter().enumerate().map(|(k, jump)| jump.unwrap_or_else(|| zeros(k))).collect())
}

/// The gradients by the targets at a point.
fn gradients_at(compare: &Compare<'_>, case: &Case, point: &[Tensor<f64>]) -> Result<Vec<Tensor<f64>>> {
    let tape = Tape::new();
    let xs = variables(&tape, point);
    let output = (compare.f)(&tape, &xs)?;
    if case.targets.iter().all(|target| matches!(target.place, Wrt::Parameter(_))) {
        let gradients = output.try_backward()?;
        let gradient = |target: &Target| match target.place {
            Wrt::Parameter(k) => gradients.try_wrt(xs[k]),
            Wrt::Intermediate(_) => unreachable!("there are parameters alone"),
        };
        return case.targets.iter().map(gradient).collect();
    }
    let graph = Graph::of(output);
    let adjoints = graph.adjoints()?;
    let gradient = |target: &Target| {
        let node = match target.place {
            Wrt::Parameter(k) => graph.find_node(xs[k].id),
            Wrt::Intermediate(_) => graph.named(&target.name),
        };
        let node = node.ok_or_else(|| Error::argument("compare: another graph beside the point"))?;
        Ok(adjoints[node.index()].clone().into_tensor())
    };
    case.targets.iter().map(gradient).collect()
}

/// The jumps of the whole function along single elements of the parameters that differ. Those that meet in an element are of
/// one tie.
fn of_elements(case: &Case, candidates: &[usize], beside: &Beside<'_>, place: &str) -> Vec<Jump> {
    let mut jumps: Vec<Jump> = Vec::new();
    for &k in candidates {
        let Wrt::Parameter(parameter) = case.targets[k].place else { continue };
        let target = &case.targets[k];
        let differ = target.hand.iter().zip(target.truth.iter()).enumerate().filter(|(_, (h, t))| h != t);
        for i in differ.map(|(i, _)| i).take(MOVED) {
            for sign in [1.0, -1.0] {
                let along = |p: usize, at: usize| if (p, at) == (parameter, i) { sign } else { 0.0 };
                let found = beside(&along).map(|by_target| Jump { by_target, tie: jumps.len(), place: place.into() });
                jumps.extend(found);
            }
        }
    }
    let columns: Vec<Vec<f64>> =
        jumps.iter().map(|jump| jump.by_target.iter().flat_map(|part| part.iter().copied()).collect()).collect();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let mut ties: Vec<usize> = (0..jumps.len()).collect();
    join(&mut ties, &columns);
    jumps.iter_mut().zip(ties).for_each(|(jump, tie)| jump.tie = tie);
    jumps
}

/// Where the choice is that makes the hand-coded gradient of the true one, if there is one.
fn choice(target: &Target, k: usize, jumps: &[Jump]) -> Option<String> {
    let wanted: Vec<f64> = target.hand.iter().zip(target.truth.iter()).map(|(h, t)| h - t).collect();
    let size = target.hand.iter().chain(target.truth.iter()).fold(0.0, |max: f64, x| max.max(x.abs()));
    let allowed = target.tolerance.max(1e-7) * size;
    let columns: Vec<(&Jump, &[f64])> = jumps
        .iter()
        .map(|jump| (jump, jump.by_target[k].as_slice()))
        .filter(|(_, column)| column.iter().any(|&x| x != 0.0))
        .collect();
    let reached = |i: usize| columns.iter().any(|(_, column)| column[i] != 0.0);
    if (0..wanted.len()).any(|i| wanted[i].abs() > allowed && !reached(i)) {
        return None;
    }
    // Jumps that share an element or a tie are chosen together; the rest apart from them.
    let ties: Vec<usize> = columns.iter().map(|(jump, _)| jump.tie).collect();
    let first = |tie: &usize| ties.iter().position(|other| other == tie).unwrap_or_default();
    let mut part: Vec<usize> = ties.iter().map(first).collect();
    join(&mut part, &columns.iter().map(|(_, column)| *column).collect::<Vec<_>>());
    let mut places: Vec<&str> = Vec::new();
    for of in 0..columns.len() {
        let members: Vec<usize> = (0..columns.len()).filter(|&j| part[j] == of).collect();
        if members.is_empty() {
            continue;
        }
        let reached = |i: &usize| members.iter().any(|&j| columns[j].1[*i] != 0.0);
        let rows: Vec<usize> = (0..wanted.len()).filter(reached).collect();
        if rows.iter().all(|&i| wanted[i].abs() <= allowed) {
            continue;
        }
        if members.len() > MOST {
            return None;
        }
        let column = |&j: &usize| rows.iter().map(|&i| columns[j].1[i]).collect();
        let matrix: Vec<Vec<f64>> = members.iter().map(column).collect();
        let ties: Vec<usize> = members.iter().map(|&j| columns[j].0.tie).collect();
        let part: Vec<f64> = rows.iter().map(|&i| wanted[i]).collect();
        let shares = within_bounds(&matrix, &ties, &part, allowed)?;
        for (&j, share) in members.iter().zip(shares) {
            let place = columns[j].0.place.as_str();
            if share > 1e-9 && !places.contains(&place) {
                places.push(place);
            }
        }
    }
    let more = places.len().saturating_sub(3);
    places.truncate(3);
    let others = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!places.is_empty()).then(|| format!("{}{others}", places.join(", ")))
}

/// Makes one part of the parts of columns that meet in an element.
fn join(part: &mut [usize], columns: &[&[f64]]) {
    for i in 0..columns.first().map_or(0, |column| column.len()) {
        let mut meet = (0..columns.len()).filter(|&j| columns[j][i] != 0.0);
        let Some(first) = meet.next() else { continue };
        for other in meet.collect::<Vec<_>>() {
            let (from, to) = (part[other], part[first]);
            if from != to {
                part.iter_mut().filter(|part| **part == from).for_each(|part| *part = to);
            }
        }
    }
}

/// The shares of the columns that give what is wanted, each at least 0 and those of a tie at most 1 together; none where
/// there are none.
fn within_bounds(columns: &[Vec<f64>], ties: &[usize], wanted: &[f64], allowed: f64) -> Option<Vec<f64>> {
    // What is left of a tie is a column of its own: then all are bounded below alone, and each tie adds the equation that
    // its shares sum to 1.
    let mut kinds: Vec<usize> = ties.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    let weight = wanted.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    let equation = |tie: usize| kinds.iter().map(move |&kind| if kind == tie { weight } else { 0.0 });
    let own = columns.iter().zip(ties).map(|(column, &tie)| column.iter().copied().chain(equation(tie)).collect());
    let rest = kinds.iter().map(|&tie| wanted.iter().map(|_| 0.0).chain(equation(tie)).collect());
    let matrix: Vec<Vec<f64>> = own.chain(rest).collect();
    let goal: Vec<f64> = wanted.iter().copied().chain(kinds.iter().map(|_| weight)).collect();
    let shares = non_negative(&matrix, &goal);
    let left = |i: usize| goal[i] - matrix.iter().zip(&shares).map(|(column, share)| column[i] * share).sum::<f64>();
    let fits = (0..wanted.len()).all(|i| left(i).abs() <= allowed)
        && (wanted.len()..goal.len()).all(|i| left(i).abs() <= 1e-6 * weight);
    fits.then(|| shares[..columns.len()].to_vec())
}

/// The non-negative least-squares solution of columns x = goal (Lawson & Hanson, Solving Least Squares Problems, 1974, chapter 23).
fn non_negative(columns: &[Vec<f64>], goal: &[f64]) -> Vec<f64> {
    let n = columns.len();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let lengths: Vec<f64> = columns.iter().map(|column| dot(column, column).sqrt().max(f64::MIN_POSITIVE)).collect();
    // Of unit length, so that one measure of small serves all.
    let gram: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| dot(&columns[i], &columns[j]) / (lengths[i] * lengths[j])).collect()).collect();
    let along: Vec<f64> = (0..n).map(|i| dot(&columns[i], goal) / lengths[i]).collect();
    let small = 1e-12 * along.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    let (mut x, mut free) = (vec![0.0; n], vec![false; n]);
    for _ in 0..3 * n {
        let slope = |i: usize| along[i] - dot(&gram[i], &x);
        let steepest = (0..n).filter(|&i| !free[i]).max_by(|&a, &b| slope(a).total_cmp(&slope(b)));
        let Some(next) = steepest.filter(|&i| slope(i) > small) else { break };
        free[next] = true;
        loop {
            let members: Vec<usize> = (0..n).filter(|&i| free[i]).collect();
            let solution = solve(&members, &gram, &along);
            if solution.iter().all(|&s| s > 0.0) {
                members.iter().zip(&solution).for_each(|(&i, &s)| x[i] = s);
                break;
            }
            // As far as the first one that would become negative.
            let negative = members.iter().zip(&solution).filter(|(_, s)| **s <= 0.0);
            let way = negative.map(|(&i, s)| if x[i] > s + 0.0 { x[i] / (x[i] - s) } else { 0.0 }).fold(1.0, f64::min);
            for (&i, s) in members.iter().zip(&solution) {
                x[i] += way * (s - x[i]);
                if x[i] <= 1e-15 {
                    (x[i], free[i]) = (0.0, false);
                }
            }
            if !free.contains(&true) {
                break;
            }
        }
    }
    x.iter().zip(&lengths).map(|(x, length)| x / length).collect()
}

/// Solves the normal equations of some of the columns, by Cholesky's decomposition.
fn solve(members: &[usize], gram: &[Vec<f64>], along: &[f64]) -> Vec<f64> {
    let n = members.len();
    let mut lower = vec![vec![0.0; n]; n];
    let mut y = vec![0.0; n];
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = gram[members[i]][members[j]] - sum;
            // A column that the others give gets next to nothing, rather than a division by 0.
            lower[i][j] = if i == j { rest.max(1e-14).sqrt() } else { rest / lower[j][j] };
        }
        let sum: f64 = (0..i).map(|k| lower[i][k] * y[k]).sum();
        y[i] = (along[members[i]] - sum) / lower[i][i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| lower[k][i] * y[k]).sum();
        y[i] = (y[i] - sum) / lower[i][i];
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_found_within_their_bounds_and_nowhere_else() {
        let columns = [vec![-1.0, 1.0, 0.0], vec![-1.0, 0.0, 1.0]];
        let shares = |wanted: [f64; 3]| within_bounds(&columns, &[0, 0], &wanted, 1e-9);
        for (a, b) in [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (0.25, 0.5)] {
            let found = shares([-a - b, a, b]).unwrap();
            assert!((found[0] - a).abs() < 1e-9 && (found[1] - b).abs() < 1e-9, "{found:?}");
        }
        // Together more than once, less than nothing, and elsewhere.
        for wanted in [[-2.0, 1.0, 1.0], [0.5, -0.5, 0.0], [0.0, 1.0, 0.0]] {
            assert_eq!(shares(wanted), None, "{wanted:?}");
        }
        // Of two ties each may be taken in whole.
        assert!(within_bounds(&columns, &[0, 1], &[-2.0, 1.0, 1.0], 1e-9).is_some());
        // Columns that others give as well.
        let twice = [vec![1.0, 2.0], vec![1.0, 2.0], vec![0.0, 1.0]];
        assert!(within_bounds(&twice, &[0, 1, 2], &[2.0, 5.0], 1e-9).is_some());
    }
}
