//! I. What else people code by hand.

pub mod attention;
pub mod clusters;
pub mod convolution;
pub mod likelihood;
pub mod lstm;
pub mod norms;
pub mod regressions;

use super::Derivation;

pub fn derivations() -> Vec<Derivation> {
    let mut all = Vec::new();
    all.extend(regressions::derivations());
    all.extend(norms::derivations());
    all.extend(lstm::derivations());
    all.extend(convolution::derivations());
    all.extend(attention::derivations());
    all.extend(clusters::derivations());
    all.extend(likelihood::derivations());
    all
}
