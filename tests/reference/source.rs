//! The reference expressions as generated Rust: compiled, run, and compared with the tape.

use crate::expression::{Expr, eval, names};
use crate::harness::{Case, assert_agree};
use crate::json::{self, list, numbers, text};
use retrograd::{Tape, Var};

#[test]
fn reference_expressions_as_generated_rust_agree_with_the_tape() {
    let content = json::load_own("expressions.json");
    let mut cases = Vec::new();
    for case in content["cases"].as_array().unwrap() {
        let vars = names(&case["vars"]).unwrap();
        let expr = Expr::from_tree(&case["tree"], &vars).unwrap();
        for point in list(&case["points"]).unwrap() {
            let tape = Tape::new();
            let at = numbers(&point["at"]).unwrap();
            let x: Vec<Var<'_, f64>> = vars.iter().zip(&at).map(|(name, &x)| tape.var(x).named(*name)).collect();
            cases.push(Case::new(text(&case["id"]).unwrap(), eval(&expr, &x)));
        }
    }
    assert!(cases.len() > 40, "{} cases", cases.len());
    assert_agree(cases);
}
