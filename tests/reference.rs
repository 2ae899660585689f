//! Reference values of other people's programs, case by case; see tests/reference/README.md for where they come from.
//!
//! Every case of ops.json, expressions.json, mgh.json and mlp.json runs: values, first and second derivatives, by every way the
//! engine has of computing them; and every optimiser and schedule of training.json. A case that cannot be run fails. The environment variable RETROGRAD_REFERENCE names another
//! folder with files of the same formats; nothing here knows the expressions, only the names of ops.
//!
//! How many cases and comparisons ran goes to standard error, which the test harness does not capture.

#[path = "reference/compare.rs"]
mod compare;
#[path = "reference/conventions.rs"]
mod conventions;
#[path = "reference/elementwise.rs"]
mod elementwise;
#[path = "reference/expression.rs"]
mod expression;
#[path = "reference/formulas.rs"]
mod formulas;
#[path = "reference/functions.rs"]
mod functions;
#[path = "checking/explain/harness.rs"]
mod harness;
#[path = "reference/infix.rs"]
mod infix;
#[path = "reference/json.rs"]
mod json;
#[path = "reference/mlp.rs"]
mod mlp;
#[path = "reference/ops.rs"]
mod ops;
#[path = "reference/ops_tests.rs"]
mod ops_tests;
#[path = "reference/published.rs"]
mod published;
#[path = "reference/schedules.rs"]
mod schedules;
#[path = "reference/slicing.rs"]
mod slicing;
#[path = "reference/source.rs"]
mod source;
#[path = "reference/training.rs"]
mod training;

use compare::Report;

#[test]
fn ops_agree_with_the_reference() {
    run("ops.json", ops::run_case);
}

#[test]
fn expressions_agree_with_the_reference() {
    run("expressions.json", formulas::run_expression);
}

#[test]
fn mgh_problems_agree_with_the_reference() {
    run("mgh.json", formulas::run_problem);
}

#[test]
fn mlps_agree_with_the_reference() {
    run("mlp.json", mlp::run_case);
}

#[test]
fn optimisers_and_schedules_agree_with_the_reference() {
    run_training("training.json", json::load("training.json"));
}

/// Settings and schedules that the files from elsewhere lack; always the file in this repository.
#[test]
fn variants_of_optimisers_and_schedules_agree_with_pytorch() {
    run_training("training_variants.json", json::load_own("training_variants.json"));
}

#[test]
fn lbfgs_reaches_the_published_minima() {
    run_cases("mgh.json", json::load_own("mgh.json"), formulas::minimize_problem);
}

fn run_training(file: &str, content: json::Json) {
    let mut report = Report::new(file);
    schedules::run(&content, &mut report);
    run_all(content, report, training::run_case);
}

/// Parameters, axes and shapes that the files from elsewhere lack; always the file in this repository.
#[test]
fn variants_of_ops_agree_with_mpmath() {
    run_cases("variants.json", json::load_own("variants.json"), ops::run_case);
}

/// Ops on whole tensors that those files lack; always the file in this repository.
#[test]
fn ops_on_whole_tensors_agree_with_mpmath() {
    run_cases("tensor_ops.json", json::load_own("tensor_ops.json"), ops::run_case);
}

/// Runs a file of the replaceable folder.
fn run(file: &str, run_case: fn(&json::Json, &mut Report) -> Result<(), String>) {
    run_cases(file, json::load(file), run_case);
}

/// Runs every case, whatever happens in any of them, and fails if any could not be run or disagrees.
fn run_cases(file: &str, content: json::Json, run_case: fn(&json::Json, &mut Report) -> Result<(), String>) {
    run_all(content, Report::new(file), run_case);
}

/// The same, into a report that has begun.
fn run_all(content: json::Json, mut report: Report, run_case: fn(&json::Json, &mut Report) -> Result<(), String>) {
    let file = report.file().to_owned();
    let cases = content["cases"].as_array().unwrap_or_else(|| panic!("{file}: no cases"));
    for case in cases {
        report.case(case, run_case);
    }
    assert_eq!(
        content["n"].as_u64(),
        Some(cases.len() as u64),
        "{file}: the number of cases is not what the file states"
    );
    report.finish();
}
