//! Mistakes that a person may make in these derivations, each with what the diagnosis must call it.

mod cells;
mod geometry;
mod layers;
mod networks;
mod norms;
mod regressions;
mod scalars;

use crate::classics::compare::classics::{Derivation, Gradients};
use retrograd::check::Verdict;
use retrograd::check::compare::{Comparison, Kind};

/// The mistakes made, by name; none for the right derivation.
pub type Slips<'a> = &'a [&'a str];

/// A mistake, what it may rightly be called, and where it must be found: the beginning of the node's name, or nothing where
/// the mistake is no node's. What may be called nothing is a choice at a kink, and undecided.
pub type Expected = (&'static str, &'static [Kind], &'static str);

/// A number too much, or too little, wherever in the derivation.
pub const TIMES: &[Kind] = &[Kind::Factor, Kind::RuleScaled, Kind::RuleNegated, Kind::RuleLeftOut, Kind::NotSummed];

/// A derivation coded by hand with switches for mistakes.
pub struct Family {
    pub derivation: Derivation,
    pub by_hand: Box<dyn Fn(Slips<'_>) -> Gradients>,
    pub mistakes: &'static [Expected],
}

impl Family {
    fn new(
        derivation: Derivation,
        mistakes: &'static [Expected],
        by_hand: impl Fn(Slips<'_>) -> Gradients + 'static,
    ) -> Self {
        Self { derivation, by_hand: Box::new(by_hand), mistakes }
    }

    pub fn report(&self, slips: Slips<'_>) -> Comparison {
        // Who is right is tested with the printed forms; here it is the diagnosis.
        self.derivation.beside(&(self.by_hand)(slips)).max_elements(1).run().unwrap()
    }
}

pub fn families() -> Vec<Family> {
    let mut all = networks::families();
    all.extend(scalars::families());
    all.extend(layers::families());
    all.extend(regressions::families());
    all.extend(norms::families());
    all.extend(cells::families());
    all.extend(geometry::families());
    assert!(!all.is_empty() && all.iter().all(|family| !family.mistakes.is_empty()), "a family without a mistake");
    all
}

/// Replaces a gradient.
pub fn replace(
    gradients: &mut Gradients,
    name: &str,
    change: impl FnOnce(&retrograd::Tensor<f64>) -> retrograd::Tensor<f64>,
) {
    let (_, gradient) = gradients.iter_mut().find(|(known, _)| known == name).expect("a gradient of this name");
    *gradient = change(gradient);
}

#[test]
fn without_a_slip_they_agree() {
    for family in families() {
        let report = family.report(&[]);
        assert!(report.agrees(), "{}: {report}", family.derivation.title);
    }
}

/// Threads that share the families, since each mistake takes hundreds of sweeps.
const PARTS: usize = 4;

#[test]
fn every_mistake_is_named_first() {
    let parts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..PARTS).map(|part| scope.spawn(move || diagnose(part))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let tried: usize = parts.iter().map(|(tried, _)| tried).sum();
    let misses: Vec<String> = parts.into_iter().flat_map(|(_, misses)| misses).collect();
    println!("{} of {tried} named first; missed:\n{}", tried - misses.len(), misses.join("\n"));
    // What the README says: 156 of 156.
    assert_eq!(tried, 156);
    assert!(misses.is_empty(), "{} of {tried} missed:\n{}", misses.len(), misses.join("\n"));
}

/// How many mistakes were made in one part of the families, and those that were not named first.
fn diagnose(part: usize) -> (usize, Vec<String>) {
    let (mut tried, mut misses) = (0, Vec::new());
    for family in families().into_iter().skip(part).step_by(PARTS) {
        for expected in family.mistakes {
            tried += 1;
            misses.extend(miss(&family, expected));
        }
    }
    (tried, misses)
}

/// What a mistake is called instead, if it is not named first.
fn miss(family: &Family, &(slip, kinds, node): &Expected) -> Option<String> {
    let report = family.report(&[slip]);
    let title = format!("{}, {slip}", family.derivation.title);
    if kinds.is_empty() {
        let undecided = report.verdict() == Verdict::Inconclusive && report.diagnosis.best().is_none();
        return (!undecided).then(|| format!("{title}: {report}"));
    }
    assert!(!report.agrees(), "{title} changes nothing");
    let best = report.diagnosis.best();
    let right = best.is_some_and(|best| {
        // Of one kind: a second one beside the right one would be a wrong one.
        best.mistakes.iter().all(|mistake| {
            let named = mistake.node.as_deref().unwrap_or_default();
            let op = mistake.op.as_deref() == Some(node);
            mistake.kind == best.kind() && kinds.contains(&mistake.kind) && (named.starts_with(node) || op)
        })
    });
    (!right).then(|| format!("{title}: {:?}: {}", report.diagnosis.kind(), report.diagnosis))
}
