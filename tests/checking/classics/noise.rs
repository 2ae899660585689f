//! Gradients that no mistake explains: noise, and several mistakes at once. A diagnosis of these would be a wrong one.

use crate::classics::compare::classics::{Gradients, random};
use crate::classics::corpus::{Family, families};
use retrograd::Tensor;
use retrograd::check::compare::Comparison;

/// Pairs are tried up to here, so that the test stays fast.
const BUDGET: usize = 600;

fn report(family: &Family, hand: &Gradients) -> Comparison {
    family.derivation.beside(hand).budget(BUDGET).max_elements(1).run().unwrap()
}

fn assert_no_diagnosis(family: &Family, what: &str, hand: &Gradients) {
    let report = report(family, hand);
    let title = &family.derivation.title;
    assert!(!report.agrees(), "{title}, {what}");
    assert!(report.diagnosis.best().is_none(), "{title}, {what}: {}", report.diagnosis);
    let text = report.diagnosis.to_string();
    assert!(text.starts_with("your ") && text.contains("no mistake among "), "{title}, {what}: {text}");
}

#[test]
fn noise_has_no_diagnosis() {
    for (seed, family) in families().iter().enumerate() {
        let mut rng = random(300 + seed as u64);
        let mut hand = (family.by_hand)(&[]);
        for (_, gradient) in &mut hand {
            let noise = Tensor::normal(gradient.shape(), 0.0, 0.1, &mut rng);
            *gradient = &*gradient + noise;
        }
        assert_no_diagnosis(family, "noise", &hand);
    }
}

/// Noise far below the values is no rounding either.
#[test]
fn small_noise_in_one_gradient_has_no_diagnosis() {
    for (seed, family) in families().iter().enumerate().step_by(3) {
        let mut hand = (family.by_hand)(&[]);
        let mut rng = random(400 + seed as u64);
        for (_, gradient) in &mut hand {
            let noise = Tensor::normal(gradient.shape(), 0.0, 1e-5, &mut rng);
            *gradient = &*gradient * &(1.0 + noise);
        }
        assert_no_diagnosis(family, "small noise", &hand);
    }
}

/// Three mistakes of three kinds, each in another gradient of one derivation. Two at once are looked for, three are not.
#[test]
fn several_unrelated_mistakes_have_no_diagnosis() {
    let mut tried = 0;
    for family in families() {
        for first in (0..family.mistakes.len()).step_by(3) {
            let Some(hand) = three_mistakes(&family, first) else { continue };
            assert_no_diagnosis(&family, &format!("three mistakes from {}", family.mistakes[first].0), &hand);
            tried += 1;
        }
    }
    assert!(tried >= 20, "{tried}");
}

/// The first three gradients, each with a mistake that explains neither of the others, beginning with this one; none if there
/// are not so many.
fn three_mistakes(family: &Family, first: usize) -> Option<Gradients> {
    let right = (family.by_hand)(&[]);
    let mut hand = right.clone();
    let mut made: Vec<Gradients> = Vec::new();
    for (slip, ..) in family.mistakes.iter().cycle().skip(first).take(family.mistakes.len()) {
        let (next, wrong) = (made.len(), (family.by_hand)(&[slip]));
        let differs = wrong.get(next)?.1.shape() == right[next].1.shape() && !alike(&wrong, &right, next);
        let unrelated = (0..next).all(|k| !alike(&wrong, &hand, k) && !alike(&made[k], &wrong, next));
        if differs && unrelated {
            hand[next] = wrong[next].clone();
            made.push(wrong);
        }
        if made.len() == 3 {
            return Some(hand);
        }
    }
    None
}

/// Whether two gradients are the same up to rounding.
fn alike(a: &Gradients, b: &Gradients, k: usize) -> bool {
    let (a, b) = (&a[k].1, &b[k].1);
    a.shape() == b.shape() && a.iter().zip(b.iter()).all(|(a, b)| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()))
}
