//! Every example runs, and asserts its own results.
//!
//! The examples are compiled into this test, so that no binary needs to be found or built while tests run.

#[path = "../examples/04_custom_op.rs"]
mod custom_op;
#[path = "../examples/digits.rs"]
mod digits;
#[path = "../examples/03_higher_order.rs"]
mod higher_order;
#[path = "../examples/mazur.rs"]
mod mazur;
#[path = "../examples/01_scalar_expression.rs"]
mod scalar_expression;
#[path = "../examples/02_tensor_expression.rs"]
mod tensor_expression;
#[path = "../examples/trask.rs"]
mod trask;

use digits::Options;
use std::process::ExitCode;

/// Reads the arguments of its process, so it is only compiled here; the tests call what it calls.
const _: fn() -> ExitCode = digits::main;

#[test]
fn lesson_1_a_scalar_expression() {
    scalar_expression::main();
}

#[test]
fn lesson_2_a_tensor_expression() {
    tensor_expression::main();
}

#[test]
fn lesson_3_higher_order() {
    higher_order::main();
}

#[test]
fn lesson_4_a_custom_op() {
    custom_op::main().unwrap();
}

#[test]
fn trask_prints_what_the_post_prints() {
    trask::main();
}

#[test]
fn mazur_prints_what_the_text_prints() {
    mazur::main();
}

/// What digits prints, and the accuracy that it returns.
fn digits(arguments: &[&str]) -> (String, f64) {
    let mut out = Vec::new();
    let accuracy = digits::run(&Options::parse(arguments).unwrap(), &mut out).unwrap();
    (String::from_utf8(out).unwrap(), accuracy)
}

#[test]
fn digits_learns_to_97_percent_on_average_over_ten_seeds() {
    let accuracies: Vec<f64> = (0..10).map(|seed| digits(&["--seed", &seed.to_string()]).1).collect();
    let mean = accuracies.iter().sum::<f64>() / 10.0;
    assert!(mean >= 0.97, "mean {mean}: {accuracies:?}");
}

#[test]
fn digits_prints_a_line_per_epoch_and_ends_with_the_accuracy() {
    let (text, accuracy) = digits(&["--epochs", "2"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("epoch ")).count(), 2);
    assert_eq!(lines.iter().filter(|line| line.starts_with("test accuracy:")).count(), 1);
    assert_eq!(lines.last(), Some(&format!("test accuracy: {accuracy:.4}").as_str()));
    assert!(lines[0].starts_with("gradient checked"), "{}", lines[0]);
}

#[test]
fn digits_obeys_its_flags_and_repeats_itself() {
    let base = digits(&["--epochs", "1", "--seed", "3", "--lr", "0.1"]).0;
    assert_eq!(base, digits(&["--lr=0.1", "--seed=3", "--epochs=1"]).0);
    for changed in [["--epochs", "1", "--seed", "4"], ["--epochs", "2", "--seed", "3"]] {
        assert_ne!(base, digits(&changed).0, "{changed:?}");
    }
    assert_ne!(base, digits(&["--epochs", "1", "--seed", "3", "--lr", "0.05"]).0);
}

#[test]
fn digits_says_which_argument_is_wrong() {
    let message = |arguments: &[&str]| Options::parse(arguments).err().unwrap();
    assert_eq!(message(&["--rate", "1"]), "unknown argument \"--rate\"");
    assert_eq!(message(&["--seed"]), "--seed needs a value");
    assert_eq!(message(&["--epochs", "-1"]), "--epochs takes a whole number, got \"-1\"");
    for wrong in ["0", "-0.1", "nan", "inf", "fast"] {
        assert_eq!(message(&["--lr", wrong]), format!("--lr takes a number above 0, got {wrong:?}"));
    }
}

#[test]
fn digits_stops_with_advice_when_training_diverges() {
    let error = digits::run(&Options::parse(&["--lr", "1e9"]).unwrap(), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("a smaller --lr"), "{error}");
}
