//! Every form that teaching material prints wrong, and every mistake named with softmax: the diagnosis names it.

use crate::classics::compare::classics::{self, Derivation, Form};
use retrograd::check::compare::Kind;

/// The form, what it must be called, and the node where.
const EXPECTED: [(&str, &[Kind], &str); 15] = [
    ("D = Delta/m + lambda W", &[Kind::Regularisation], ""),
    ("lambda on the bias", &[Kind::Regularisation], ""),
    ("error terms from 0 - y", &[Kind::OperandDropped], ""),
    ("cost without its minus", &[Kind::RuleNegated], ""),
    ("delta_2 without g'(z_2)", &[Kind::RuleLeftOut], "a2"),
    ("y/a + (1-y)/(1-a)", &[Kind::RuleNegated], ""),
    ("dW1 = dZ2/m", &[Kind::MissingFactors, Kind::OtherValue], ""),
    ("the fourth factor left out", &[Kind::RuleLeftOut], "u4"),
    ("the fifth factor left out", &[Kind::RuleLeftOut], "u5"),
    ("dL/da = y - a", &[Kind::Factor, Kind::RuleNegated], ""),
    ("the loss is y^ - y", &[Kind::OtherLoss, Kind::RuleLeftOut, Kind::OtherValue], ""),
    ("the diagonal alone", &[Kind::DiagonalAlone], "S"),
    ("softmax applied twice", &[Kind::OpTwice], "S"),
    ("mean over classes too", &[Kind::Factor, Kind::RuleScaled, Kind::NotSummed], ""),
    ("by probabilities, given to logits", &[Kind::RuleLeftOut], "S"),
];

fn forms(derivations: &[Derivation]) -> impl Iterator<Item = (&Derivation, &Form)> {
    derivations.iter().flat_map(|derivation| derivation.forms.iter().map(move |form| (derivation, form)))
}

#[test]
fn right_forms_agree_with_the_graph() {
    let all = classics::all();
    let right = forms(&all).filter(|(_, form)| form.right);
    for (derivation, form) in right {
        let report = derivation.compare(form).run().unwrap();
        assert!(report.agrees(), "{}, {}: {report}", derivation.title, form.title);
        assert!(report.largest() <= form.tolerance);
    }
}

#[test]
fn wrong_forms_are_diagnosed() {
    let all = classics::all();
    for (derivation, form) in forms(&all).filter(|(_, form)| !form.right) {
        let expected = EXPECTED.iter().find(|(title, ..)| *title == form.title);
        let (_, kinds, node) = expected.unwrap_or_else(|| panic!("{} is not expected here", form.title));
        let report = derivation.compare(form).run().unwrap();
        println!("{}, {}: {}", derivation.title, form.title, report.diagnosis);
        if form.title == "dW1 = dZ2/m" {
            assert!(report.diagnosis.to_string().contains("dZ2"), "{report}");
        }
        let mistake = &report.diagnosis.best().unwrap_or_else(|| panic!("{report}")).mistakes[0];
        assert!(kinds.contains(&mistake.kind), "{}: {:?}, {}", form.title, mistake.kind, report.diagnosis);
        let named = mistake.node.as_deref().unwrap_or_default();
        assert!(named.starts_with(node), "{}: {named}, {}", form.title, report.diagnosis);
    }
}
