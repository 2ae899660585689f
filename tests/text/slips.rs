//! Slips in backward passes that are written out step by step, or filled element by element: the line with the slip is named first.
//!
//! The right passes, in `slips/`, are ours: an Elman network of three steps, a minimal gated unit of two, two attention heads, a
//! network of tied layers, two steps of a Kalman filter.

use retrograd::check::Verdict;
use retrograd::text::{CheckOptions, check};
use std::path::Path;

fn right(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/text/slips/{name}.py"));
    std::fs::read_to_string(path).unwrap()
}

/// The file with these statements in place of others, each of which stands there once; and the first line that was changed.
fn with(name: &str, changes: &[(&str, &str)]) -> (String, usize) {
    let mut text = right(name);
    let mut first = usize::MAX;
    for (old, new) in changes {
        let at: Vec<usize> = text.lines().enumerate().filter(|(_, line)| line == old).map(|(at, _)| at).collect();
        assert_eq!(at.len(), 1, "{name}: {old}");
        first = first.min(at[0] + 1);
        text = text.lines().map(|line| if line == *old { *new } else { line }).collect::<Vec<_>>().join("\n");
    }
    (text, first)
}

/// Checks that the first changed line is named, and gives what is said to belong there.
fn named(name: &str, changes: &[(&str, &str)]) -> Option<String> {
    let (text, line) = with(name, changes);
    let report = check(&text, &CheckOptions::default()).unwrap();
    assert_eq!(report.verdict, Verdict::Differs, "{name} {changes:?}");
    assert_eq!(report.first_wrong_line, Some(line), "{name} {changes:?}\n{report}");
    report.corrected
}

#[test]
fn the_right_passes_are_right() {
    for name in ["elman", "mgu", "heads", "tied", "smooth"] {
        let report = check(&right(name), &CheckOptions::default()).unwrap();
        assert_eq!(report.verdict, Verdict::Agrees, "{name}\n{report}");
    }
}

#[test]
fn a_slip_in_all_steps_is_one_slip_and_each_of_its_lines_is_corrected() {
    let changes = [
        ("slope2 = g2 + z2 * g2 * (1 - g2)", "slope2 = g2 + z2 * g2 * (1 - z2)"),
        ("slope1 = g1 + z1 * g1 * (1 - g1)", "slope1 = g1 + z1 * g1 * (1 - z1)"),
    ];
    let (text, _) = with("tied", &changes);
    let report = check(&text, &CheckOptions::default()).unwrap();
    let corrected: Vec<&str> =
        report.statements.iter().filter_map(|statement| statement.corrected.as_deref()).collect();
    assert_eq!(corrected, [changes[0].0, changes[1].0], "{report}");
    named("tied", &changes);
    named(
        "heads",
        &[
            (
                "dS1 = A1 * (dA1 - np.sum(dA1 * A1, axis=1, keepdims=True))",
                "dS1 = A1 * (dA1 - np.sum(H1 * A1, axis=1, keepdims=True))",
            ),
            (
                "dS2 = A2 * (dA2 - np.sum(dA2 * A2, axis=1, keepdims=True))",
                "dS2 = A2 * (dA2 - np.sum(H2 * A2, axis=1, keepdims=True))",
            ),
        ],
    );
    named(
        "elman",
        &[
            ("da3 = dh3 * (1 - h3 ** 2)", "da3 = dh3 * (1 - h3)"),
            ("da2 = dh2 * (1 - h2 ** 2)", "da2 = dh2 * (1 - h2)"),
            ("da1 = dh1 * (1 - h1 ** 2)", "da1 = dh1 * (1 - h1)"),
        ],
    );
}

#[test]
fn a_slip_in_one_step_is_mended_by_what_another_step_says() {
    let right = "dS1 = A1 * (dA1 - np.sum(dA1 * A1, axis=1, keepdims=True))";
    assert_eq!(named("heads", &[(right, "dS1 = A1 * dA1")]).as_deref(), Some(right));
    let right = "df1 = dh1 * (c1 - h0)";
    assert_eq!(named("mgu", &[(right, "df1 = dh1")]).as_deref(), Some(right));
}

#[test]
fn a_helper_is_found_far_before_the_gradient_that_it_spoils() {
    named("mgu", &[("uf2 = df2 * f2 * (1 - f2)", "uf2 = df2 * f2 * (1 + f2)")]);
    named("mgu", &[("dk2 = uc2 @ Uh.T", "dk2 = uc2 @ Uh")]);
    named("smooth", &[("dK1 = du1 * e1 - dV1 * P1", "dK1 = du1 * e1 + dV1 * P1")]);
    named("tied", &[("slope1 = g1 + z1 * g1 * (1 - g1)", "slope1 = g1 - z1 * g1 * (1 - g1)")]);
}

#[test]
fn what_is_written_over_before_it_is_read_is_not_to_blame() {
    for right in ["dWx += x1.T @ da1", "dWh += h0.T @ da1"] {
        assert_eq!(named("elman", &[(right, &right.replace("+=", "="))]).as_deref(), Some(right));
    }
}

#[test]
fn an_operator_is_corrected_as_the_text_reads_with_it() {
    // Read as (2 * F * V1) - dP2, and mended to a product of four.
    let right = "dF += 2 * F * V1 * dP2";
    assert_eq!(named("smooth", &[(right, "dF += 2 * F * V1 - dP2")]).as_deref(), Some(right));
}

/// A sum over units in loops: what is not filled yet is no slip of the statement that makes the array.
#[test]
fn an_array_that_is_filled_in_a_loop_is_judged_as_far_as_it_is_filled() {
    let text = "\
x = np.array([0.4, -0.7, 0.9])
w = np.array([[0.3, -0.5], [0.6, 0.1], [-0.2, 0.4]])
y = np.array([0.5, -0.1])
z = np.zeros(2)
a = np.zeros(2)
for j in range(2):
    for i in range(3):
        z[j] += w[i, j] * x[i]
    a[j] = np.tanh(z[j])
L = 0.5 * ((a - y) ** 2).sum()
# backward
delta = np.zeros(2)
dw = np.zeros((3, 2))
for j in range(2):
    delta[j] = (a[j] - y[j]) * (1 - a[j])
    for i in range(3):
        dw[i, j] = delta[j] * x[i]
";
    let report = check(&format!("{text}# check delta = z\n"), &CheckOptions::default()).unwrap();
    assert_eq!(report.first_wrong_line, Some(15), "{report}");
    // Without a word on what delta is, too.
    let report = check(text, &CheckOptions::default()).unwrap();
    assert_eq!(report.first_wrong_line, Some(15), "{report}");
}

/// A function of the forward part is no part of the backward pass: the statement that calls it is.
#[test]
fn a_call_of_what_the_forward_part_calls_is_a_statement() {
    let text = "\
def act(x, slope=False):
    if slope:
        return 1 - x * x
    return np.tanh(x)
x = np.array([0.4, -0.7, 0.9])
w = np.array([0.3, 0.1, -0.4])
a = act(w * x)
b = act(0.5 * a)
L = b.sum()
# backward
db = np.ones(3)
sb = act(a, True)
da = db * sb * 0.5
sa = act(a, True)
dw = da * sa * x
";
    let report = check(text, &CheckOptions::default()).unwrap();
    assert_eq!(report.first_wrong_line, Some(12), "{report}");
    assert_eq!(report.corrected.as_deref(), Some("sb = act(b, True)"));
}

/// What a function returns goes by the name that the text gives it, and not by the function's own.
#[test]
fn a_gradient_is_by_the_name_that_the_text_gives() {
    let text = "\
def act(x):
    output = np.tanh(x)
    return output
x = np.array([0.4, -0.7])
w = np.array([0.3, 0.1])
hidden = act(w * x)
L = (hidden ** 2).sum()
# backward
error = 2 * hidden
dw = error * (1 - hidden ** 2) * x
";
    let report = check(text, &CheckOptions::default()).unwrap();
    assert_eq!(report.statements[0].adjoint_of.as_deref(), Some("hidden"), "{report}");
}
