//! Mistakes that a person may make in these derivations, each with what the diagnosis must call it.

mod cells;
mod geometry;
mod layers;
mod networks;
mod norms;
mod regressions;
mod scalars;

use crate::compare::classics::{Derivation, Gradients};
use retrograd::check::compare::{Comparison, Kind};

/// The mistakes made, by name; none for the right derivation.
pub type Slips<'a> = &'a [&'a str];

/// A mistake, what it may rightly be called, and where it must be found: the beginning of the node's name, or nothing where
/// the mistake is no node's.
pub type Expected = (&'static str, &'static [Kind], &'static str);

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

#[test]
fn nine_in_ten_mistakes_are_named_first() {
    let (mut tried, mut misses) = (0, Vec::new());
    for family in families() {
        for &(slip, kinds, node) in family.mistakes {
            let report = family.report(&[slip]);
            let title = format!("{}, {slip}", family.derivation.title);
            assert!(!report.agrees(), "{title} changes nothing");
            tried += 1;
            let best = report.diagnosis.best();
            let right = best.is_some_and(|best| {
                // Of one kind: a second one beside the right one would be a wrong one.
                best.mistakes.iter().all(|mistake| {
                    let named = mistake.node.as_deref().unwrap_or_default();
                    mistake.kind == best.kind() && kinds.contains(&mistake.kind) && named.starts_with(node)
                })
            });
            if !right {
                let found = best.map(|best| best.mistakes.iter().map(|m| (m.kind, m.node.clone())).collect::<Vec<_>>());
                misses.push(format!("{title}: {found:?}\n  {}", report.diagnosis));
            }
        }
    }
    println!("{} of {tried} named first; missed:\n{}", tried - misses.len(), misses.join("\n"));
    assert!(tried >= 60);
    assert!(misses.len() * 10 <= tried, "{} of {tried} missed:\n{}", misses.len(), misses.join("\n"));
}
