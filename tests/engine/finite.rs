//! The hunter of NaN and infinity: which op it names, with what operands, line and advice.

use retrograd::Tape;

/// Checks a message, whose source line must be that of `line`.
#[track_caller]
fn says(result: retrograd::Result<()>, line: u32, wanted: &str) {
    let error = result.expect_err("something is not finite");
    assert!(error.is_not_finite());
    assert_eq!(error.to_string(), wanted.replace("LINE", &format!("tests/engine/finite.rs:{line}")));
}

const SQRT: &str = "its slope at 0 is infinite: select around it, or add a small number inside";
const LN: &str = "keep the argument above 0: add a small number, clamp it, or compute from logits";

#[test]
fn a_value_names_its_op_operands_line_and_advice() {
    let tape = Tape::new();
    let x = tape.var([2.0, 0.0]);
    let (_, line) = ((x.ln() * 3.0).sum(()), line!());
    let wanted =
        format!("not finite: value -inf at element 1 of shape [2] of ln #1 (0 in [2]), recorded at LINE; {LN}");
    says(tape.check_finite(), line, &wanted);
}

#[test]
fn a_scalar_value_names_its_op_operands_line_and_advice() {
    let mut tape = Tape::new();
    tape.keep_source_lines(true);
    let x = tape.var(1.0);
    let (_, line) = (1.0 / (x - 1.0) + 2.0, line!());
    let wanted =
        "not finite: value inf of div #2 (1, 0), recorded at LINE; keep the divisor away from 0, or select around it";
    says(tape.check_finite(), line, wanted);
}

#[test]
fn a_bad_input_is_called_that() {
    let mut tape = Tape::new();
    tape.keep_source_lines(true);
    let (_, line) = (tape.var(f64::NAN) + 1.0, line!());
    says(
        tape.check_finite(),
        line,
        "not finite: value NaN of variable #0, recorded at LINE; the input itself is not finite",
    );
}

#[test]
fn a_gradient_names_the_op_whose_rule_made_it() {
    let mut tape = Tape::new();
    tape.keep_source_lines(true);
    let x = tape.var(0.0);
    let (y, line) = (x.sqrt() * 2.0, line!());
    assert!(tape.check_finite().is_ok());
    let wanted = format!("not finite: gradient inf, passed back by the rule of sqrt #1 (0), recorded at LINE; {SQRT}");
    says(tape.check_finite_gradients(y), line, &wanted);
}

#[test]
fn a_gradient_of_a_tensor_names_the_op_whose_rule_made_it() {
    let tape = Tape::new();
    let x = tape.var([1.0, 0.0]);
    let (root, line) = (x.square().sqrt(), line!());
    // x enters a second op, which is not to blame.
    let y = (root + x).sum(());
    let wanted = format!(
        "not finite: gradient inf at element 1 of shape [2], passed back by the rule of sqrt #2 (0 in [2]), recorded at LINE; {SQRT}"
    );
    says(tape.check_finite_gradients(y), line, &wanted);
}

#[test]
fn a_number_broadcast_into_a_tensor_is_traced_to_its_op() {
    // d/dc sum(x / c) = -sum(x) / c^2 overflows, while x / c does not.
    let tape = Tape::new();
    let (x, c) = (tape.data([1.0, 0.0]), tape.var(1e-200));
    let (y, line) = ((x / c).sum(()), line!());
    says(
        tape.check_finite_gradients(y),
        line,
        "not finite: gradient -inf, passed back by the rule of div #1 ([2], 1e-200), recorded at LINE; \
         keep the divisor away from 0, or select around it",
    );
}

#[test]
fn checking_leaves_no_gradient_behind() {
    let tape = Tape::new();
    let x = tape.var([1.0, 2.0]);
    let middle = x.exp();
    let y = middle.sum(());
    tape.check_finite_gradients(y).unwrap();
    assert!(y.backward().try_wrt(middle).is_err(), "intermediate gradients are not kept from now on");
}

#[test]
fn reductions_go_by_the_names_that_users_know() {
    let tape = Tape::new();
    let x = tape.data([[1.0, f64::MAX], [f64::MAX, f64::MAX]]);
    let (_, line) = (x.norm2(1), line!());
    let error = tape.check_finite().unwrap_err().to_string();
    assert!(error.contains("norm2 #") && error.contains(&format!("finite.rs:{line}")), "{error}");
}
