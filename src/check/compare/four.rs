//! Four ways to a gradient, side by side.

use super::case::{Case, Target, Wrt};
use super::{Block, Compare, Right, Worst, cause, choices, notes};
use crate::check::Verdict;
use crate::check::differences::{self, Estimate, Plan};
use crate::check::gradcheck::index_of;
use crate::check::replay::{Function, Move, Replay, variables};
use crate::error::Result;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;

/// The relative error below which a difference quotient or forward mode confirms a value.
const CONFIRMS: f64 = 1e-6;

/// The relative error that rounding makes.
pub(super) const ROUNDING: f64 = 1e-12;

/// One block for each hand-coded gradient, and what could not be compared.
pub(super) fn blocks(compare: &Compare<'_>, case: &Case) -> Result<(Vec<Block>, Vec<String>)> {
    let mut notes = Vec::new();
    let mut own = Replay::new("compare", &*compare.f, compare.point.clone())?;
    own.weights = vec![1.0];
    let mut blocks = Vec::with_capacity(case.targets.len());
    let choices = choices::made(compare, case);
    let mut cause = None;
    for (target, choice) in case.targets.iter().zip(choices) {
        let opinions = match target.place {
            Wrt::Parameter(k) => {
                second_opinions(compare, &*compare.f, &compare.point, k, target, &mut own, &mut notes)?
            }
            Wrt::Intermediate(k) => {
                let f = fallible(|tape, p| {
                    let vars = case.levels[0].record_with(tape, |node, _| (node.index() == k).then_some(Ok(p[0])))?;
                    Ok(vars[vars.len() - 1])
                });
                let point = [target.value.clone()];
                let mut replay = Replay::new("compare", &f, point.to_vec())?;
                replay.weights = vec![1.0];
                second_opinions(compare, &f, &point, 0, target, &mut replay, &mut notes)?
            }
        };
        let mut block = block(target, &opinions);
        if let Some((i, _)) = opinions.contradict {
            let cause = cause.get_or_insert_with(|| cause::of_contradiction(compare, case));
            let who = match block.right {
                Right::HandCoded => "autodiff is contradicted by differences, and the hand-coded gradient is right",
                _ if target.agrees => "the hand-coded gradient and autodiff agree, and differences contradict both",
                _ => "autodiff is contradicted by differences",
            };
            if target.agrees {
                (block.verdict, block.right) = (Verdict::Differs, Right::Neither);
                block.worst = Some(worst_at(&block, i));
            }
            block.reason = Some(format!("{who}: {cause}"));
        } else if let Some(place) = choice {
            (block.verdict, block.right) = (Verdict::Inconclusive, Right::Undecided);
            block.reason = Some(format!(
                "a choice at a kink of {place}: the hand-coded gradient is one of those that the function has there, autodiff's is another"
            ));
        } else if target.agrees && !block.reverse.is_empty() && block.numeric.iter().all(|x| x.is_nan()) {
            let why = opinions.in_the_way.as_deref().unwrap_or("none were computed");
            notes.push(format!("{}: not confirmed by differences: {why}", block.name));
        }
        notes.extend(block.reason.iter().map(|reason| format!("{}: {reason}", block.name)));
        notes.extend(notes::of_values(&block));
        blocks.push(block);
    }
    Ok((blocks, notes))
}

/// Lets the compiler see that a closure takes a tape of any lifetime.
fn fallible<F>(f: F) -> F
where
    F: for<'t> Fn(&'t Tape<f64>, &[Var<'t, f64>]) -> Result<Var<'t, f64>>,
{
    f
}

/// The gradient by one parameter from forward mode and from differences; NaN where there is none.
struct Opinions {
    forward: Tensor<f64>,
    numeric: Tensor<f64>,
    /// The element in which differences that can be trusted contradict reverse mode most, if they do.
    contradict: Option<(usize, f64)>,
    /// Why there are no differences of an element.
    in_the_way: Option<String>,
}

/// How many times its estimated uncertainty a difference must be off to count.
const TRUST: f64 = 8.0;

/// The first steps of differences, relative to what moves.
const STEP: f64 = 1e-2;
const SMALL_STEP: f64 = 1e-5;

fn second_opinions(
    compare: &Compare<'_>,
    f: &Function<'_, f64>,
    point: &[Tensor<f64>],
    parameter: usize,
    target: &Target,
    replay: &mut Replay<'_, f64>,
    notes: &mut Vec<String>,
) -> Result<Opinions> {
    let tape = Tape::new();
    let xs = variables(&tape, point);
    let output = f(&tape, &xs)?;
    let x = xs[parameter];
    let unknown = Tensor::full(x.shape(), f64::NAN);
    let (mut forward, mut numeric, mut in_the_way) = (unknown.clone(), unknown, None);
    let truth = target.truth.iter().filter(|x| x.is_finite());
    let size = truth.fold(1e-3, |max: f64, x| max.max(x.abs()));
    let mut contradict: Option<(usize, f64)> = None;
    for i in spread(x.numel(), compare.max_elements) {
        let mut tangent = Tensor::zeros(x.shape());
        tangent.as_mut_slice()[i] = 1.0;
        match tape.jvp(output, &[(x, tangent.into())]) {
            Ok(slope) => forward.as_mut_slice()[i] = slope.as_slice()[0],
            Err(why) => {
                let note = format!("forward mode was not compared: {why}");
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        }
        let step = Move { parameter, shares: vec![(i, 1.0)] };
        let mut derivative = |first: f64| {
            let plan = Plan {
                step: first * replay.scale(&step),
                centre: replay.centre(),
                rounding: f64::EPSILON * replay.magnitude(),
                tolerance: CONFIRMS,
                floor: 1e-3,
                across_kinks: false,
            };
            differences::derivative(&plan, |h| replay.sample(&step, h))
        };
        let reverse = target.truth.as_slice()[i];
        match derivative(STEP) {
            Ok(estimate) => {
                numeric.as_mut_slice()[i] = estimate.value;
                // What changes within a step is seen with a small one: both must contradict.
                let error = (reverse - estimate.value).abs();
                if contradicts(&estimate, reverse, size)
                    && derivative(SMALL_STEP).is_ok_and(|estimate| contradicts(&estimate, reverse, size))
                    && contradict.is_none_or(|(_, most)| error > most)
                {
                    contradict = Some((i, error));
                }
            }
            Err(why) => in_the_way = Some(why),
        }
    }
    Ok(Opinions { forward, numeric, contradict, in_the_way })
}

/// Whether a difference contradicts a derivative, for sure: at a corner it says what lies between the slopes, and no one slope.
fn contradicts(estimate: &Estimate, reverse: f64, size: f64) -> bool {
    let allowed = (CONFIRMS * size.max(estimate.value.abs())).max(TRUST * estimate.uncertainty);
    reverse.is_finite() && estimate.corner.is_none() && (reverse - estimate.value).abs() > allowed
}

/// At most so many of n elements, from first to last.
pub(super) fn spread(n: usize, most: usize) -> Vec<usize> {
    match most {
        most if n <= most => (0..n).collect(),
        0 | 1 => (0..most).collect(),
        most => (0..most).map(|k| k * (n - 1) / (most - 1)).collect(),
    }
}

fn block(target: &Target, opinions: &Opinions) -> Block {
    let (hand, reverse) = (&target.hand, &target.truth);
    let mut block = Block {
        name: target.name.clone(),
        shape: reverse.shape().clone(),
        max_absolute: f64::NAN,
        max_relative: f64::NAN,
        cosine: f64::NAN,
        worst: None,
        verdict: if target.agrees { Verdict::Agrees } else { Verdict::Differs },
        right: Right::Both,
        matches: target.agrees,
        hand: hand.clone(),
        reverse: reverse.clone(),
        forward: opinions.forward.clone(),
        numeric: opinions.numeric.clone(),
        reason: None,
    };
    if target.has_right_shape() {
        measure(&mut block);
    } else {
        block.right = if confirmed(&block, reverse) { Right::Autodiff } else { Right::Undecided };
    }
    block
}

/// Fills in the errors, the worst element, and who is right.
fn measure(block: &mut Block) {
    let pairs = || block.hand.iter().zip(block.reverse.iter()).map(|(&h, &r)| (h, r));
    let (mut dot, mut hands, mut reverses, mut size) = (0.0, 0.0, 0.0, 0.0);
    let mut worst: Option<(usize, f64)> = None;
    for (i, (h, r)) in pairs().enumerate() {
        (dot, hands, reverses) = (dot + h * r, hands + h * h, reverses + r * r);
        size = f64::max(size, h.abs().max(r.abs()));
        let error = if h == r { 0.0 } else { (h - r).abs() };
        // NaN is the worst of all.
        if worst.is_none_or(|(_, most)| error > most || (error.is_nan() && !most.is_nan())) {
            worst = Some((i, error));
        }
    }
    let Some((mut i, error)) = worst else { return };
    if error <= ROUNDING * size {
        // Which element rounding hit hardest says nothing.
        let largest = pairs().enumerate().max_by(|(_, a), (_, b)| a.1.abs().total_cmp(&b.1.abs()));
        i = largest.map_or(i, |(largest, _)| largest);
    }
    block.max_absolute = error;
    block.max_relative = if error == 0.0 || error.is_infinite() { error } else { error / size };
    block.cosine = dot / (f64::sqrt(hands) * f64::sqrt(reverses));
    block.worst = Some(worst_at(block, i));
    if block.agrees() {
        return;
    }
    // Over all elements that the other two know. Differences alone cannot tell values apart that are this close.
    block.right = match (confirmed(block, &block.reverse), confirmed(block, &block.hand)) {
        (true, true) => Right::Undecided,
        (true, false) => Right::Autodiff,
        (false, true) => Right::HandCoded,
        // Forward mode shares with reverse mode what is taken off the tape and the rules of users' ops; differences do not.
        (false, false) if agree(&block.numeric, &block.hand, CONFIRMS, 1e-3) == Some(true) => Right::HandCoded,
        (false, false) if agree(&block.forward, &block.numeric, CONFIRMS, 1e-3) == Some(true) => Right::Neither,
        _ => Right::Undecided,
    };
}

/// The four values of an element.
fn worst_at(block: &Block, i: usize) -> Worst {
    let [hand, reverse, forward, numeric] =
        [&block.hand, &block.reverse, &block.forward, &block.numeric].map(|x| x.as_slice()[i]);
    Worst { index: index_of(i, &block.shape), hand, reverse, forward, numeric }
}

/// Whether forward mode or differences are there, and those that are give these values.
fn confirmed(block: &Block, values: &Tensor<f64>) -> bool {
    let opinions = [agree(&block.forward, values, 1e-9, 1e-12), agree(&block.numeric, values, CONFIRMS, 1e-3)];
    opinions.contains(&Some(true)) && !opinions.contains(&Some(false))
}

/// Whether values agree as far as the first are known; none where nothing is.
fn agree(known: &Tensor<f64>, values: &Tensor<f64>, tolerance: f64, floor: f64) -> Option<bool> {
    let finite = values.iter().chain(known.iter()).filter(|x| x.is_finite());
    let size = finite.fold(floor, |max: f64, x| max.max(x.abs()));
    let mut pairs = known.iter().zip(values.iter()).filter(|(k, _)| !k.is_nan()).peekable();
    pairs.peek()?;
    Some(pairs.all(|(k, v)| k == v || (k - v).abs() <= tolerance * size))
}
