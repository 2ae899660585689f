//! What `check` must not say: right code called wrong, wrong code called right, and what is neither.

use retrograd::check::Verdict;
use retrograd::text::{CheckOptions, Report, Status, check};

fn judged(text: &str) -> Report {
    check(text, &CheckOptions::default()).unwrap_or_else(|fault| panic!("{fault}"))
}

#[track_caller]
fn is_right(text: &str) {
    let report = judged(text);
    assert_eq!(report.verdict, Verdict::Agrees, "{report}");
}

#[track_caller]
fn is_wrong(text: &str, line: usize) -> Report {
    let report = judged(text);
    assert_eq!((report.verdict, report.first_wrong_line), (Verdict::Differs, Some(line)), "{report}");
    report
}

#[track_caller]
fn is_undecided(text: &str) -> Report {
    let report = judged(text);
    assert_eq!(report.verdict, Verdict::Inconclusive, "{report}");
    assert!(report.statements.iter().all(|x| x.status != Status::Wrong), "{report}");
    report
}

#[test]
fn functions_of_the_backward_part_have_their_arguments() {
    is_right(
        "x = np.array([0.5, -1.0])\nw = np.array([0.3, 0.2])\nL = np.tanh(w * x).sum()\n# backward\ndef slope(z, by=2):\n    t = np.tanh(z)\n    return 1 - t ** by\nds = slope(w * x)\ndw = ds * x",
    );
    // Defined before the forward part, called behind it; names of its own are no names of the forward part.
    is_right(
        "def backward(x, w):\n    dw = 2 * w * x ** 2\n    dx = 2 * x * w ** 2\n    return dx, dw\nx = 1.5\nw = -0.5\nL = (w * x) ** 2\n# backward\ndx, dw = backward(x, w)",
    );
    let text = "def back(w, x):\n    dw = 3 * w * x ** 2\n    return dw\nx = 1.5\nw = -0.5\nL = (w * x) ** 2\n# backward\ndw = back(w, x)";
    assert_eq!(judged(text).verdict, Verdict::Differs);
}

#[test]
fn names_that_are_none_before_the_backward_part_are_gradients_all_the_same() {
    is_right("x = 1.5\ndx, dy = None, None\ny = 2.0\nL = x * y\n# backward\ndx = y\ndy = x");
}

#[test]
fn what_happens_to_be_right_at_the_point_is_wrong() {
    // Weights of 0 hide a factor, ones an exponent, 2 a product for a square.
    is_wrong(
        "x = np.array([1.5, -2.0])\nw = np.zeros(2)\nL = ((w * x - 1) ** 2).sum() + 0.1 * (w ** 2).sum()\n# backward\ndw = 2 * (w * x - 1) * x + 7 * w",
        5,
    );
    is_wrong("x = np.ones(2)\nL = (x ** 3).sum()\n# backward\ndx = 3 * x ** 5", 4);
    let report = is_wrong("x = 2.0\nL = x ** 2\n# backward\ndx = x ** 2", 4);
    assert!(report.reason.unwrap().contains("at this point alone"));
}

#[test]
fn a_kink_of_the_hand_written_code_alone_is_a_mistake() {
    is_wrong("x = np.array([0.0, 1.0, -2.0])\nL = (x ** 2).sum()\n# backward\ndx = 2 * x\ndx[x == 0] = 1", 5);
    // relu at 0 may have any slope between 0 and 1, and no other.
    is_undecided("z = np.array([0.0, 2.0])\nL = np.maximum(z, 0).sum()\n# backward\ndz = (z > 0) + 0.4 * (z == 0)");
    is_wrong("z = np.array([0.0, 2.0])\nL = np.maximum(z, 0).sum()\n# backward\ndz = (z > 0) + 5 * (z == 0)", 4);
}

#[test]
fn numbers_are_held_against_themselves_and_not_against_the_largest() {
    is_wrong("x = np.array([1e8, 1e-3, 5.0])\nL = (x ** 2).sum()\n# backward\ndx = 2 * x\ndx[1] = 0", 5);
    // A guard in a logarithm is no mistake.
    is_right(
        "x = np.array([0.2, 0.9, -0.4])\np = np.exp(x) / np.exp(x).sum()\nL = -np.log(p[1] + 1e-8)\n# backward\ndx = p.copy()\ndx[1] -= 1",
    );
}

#[test]
fn what_is_made_of_a_complete_gradient_is_not_judged() {
    let forward = "x = np.array([1.0, 2.0, 4.0])\nL = (x ** 2).sum()\n# backward\ndx = 2 * x\n";
    for after in [
        "dx = np.clip(dx, -1, 1)\nx -= 0.1 * dx",
        "dx = dx.clip(-1, 1)",
        "n = np.sqrt(np.sum(dx ** 2))\nif n > 1:\n    dx *= 1 / n",
        "scale = 1.0 / np.linalg.norm(dx)\ndx = dx * scale",
    ] {
        is_right(&format!("{forward}{after}"));
    }
    // A factor that comes from nowhere is judged.
    is_wrong(&format!("{forward}dx *= 3"), 5);
    // A descent's next rounds are at other points.
    is_right(
        "x = 0.5\nw = 2.0\nL = (w * x - 1) ** 2\n# backward\nfor step in range(3):\n    e = w * x - 1\n    dw = 2 * e * x\n    w = w - 0.1 * dw",
    );
}

#[test]
fn the_loss_is_the_last_number_that_depends_on_something() {
    let text =
        "x = np.array([1.0, -2.0])\nL = (x ** 2).sum()\nshare = np.mean(x > 0)\nrate = 0.1\n# backward\ndx = 2 * x";
    assert_eq!(judged(text).loss, "L");
    is_right(text);
    let options = CheckOptions { loss: Some("share".into()), ..CheckOptions::default() };
    let error = check(text, &options).unwrap_err().to_string();
    assert!(error.contains("share") && error.contains("--loss"), "{error}");
}

#[test]
fn what_is_not_of_the_language_is_no_wrong_statement() {
    let fault = check(
        "x = np.ones((2, 2))\nL = (x ** 2).sum()\n# backward\ndx = np.tensordot(2.0, x, 0)",
        &CheckOptions::default(),
    );
    let fault = fault.unwrap_err();
    assert_eq!(fault.line(), 4);
    assert!(fault.to_string().contains("np.tensordot is not known"), "{fault}");
}

#[test]
fn gradients_that_no_name_tells_keep_the_verdict_open_unless_their_values_tell() {
    let forward = "x = np.array([0.5, -1.5])\nw = np.array([0.3, 0.8])\nb = 0.1\nL = (w[0] * x[0] + w[1] * x[1] + b - 1) ** 2\n# backward\ne = 2 * (w @ x + b - 1)\ndb = e\ndw0 = e * x[0]\n";
    is_right(&format!("{forward}dw1 = e * x[1]"));
    let report = is_undecided(&format!("{forward}dw1 = e * x[1] * 3"));
    assert!(report.reason.unwrap().contains("dw1"));
}

/// The gradients of a loop's turns feed sums that begin before them.
#[test]
fn what_feeds_a_sum_that_began_before_it_is_judged() {
    is_right(
        "x = np.array([0.5, -0.3, 0.8])\nw = 0.7\nu = 0.4\nh = [0.0]\nfor t in range(3):\n    h.append(np.tanh(w * x[t] + u * h[t]))\nL = (h[3] - 0.2) ** 2\n# backward\ndh = 2 * (h[3] - 0.2)\ndw = 0.0\ndu = 0.0\nfor t in reversed(range(3)):\n    da = dh * (1 - h[t + 1] ** 2)\n    dw += da * x[t]\n    du += da * h[t]\n    dh = da * u",
    );
}

#[test]
fn a_scale_is_a_count_above_0() {
    // The mean's 1 / m may come later; a sign may not.
    is_right(
        "X = np.array([[0.5, -1.0], [1.5, 0.2], [0.3, 0.9], [1.1, -0.7]])\ny = np.array([0.2, 1.0, -0.4, 0.6])\nw = np.array([0.3, -0.2])\nm = 4\nz = X @ w\nL = ((z - y) ** 2).sum() / (2 * m)\n# backward\ndz = z - y\ndw = X.T @ dz / m",
    );
    is_wrong(
        "X = np.array([[0.5, -1.0], [1.5, 0.2], [0.3, 0.9], [1.1, -0.7]])\ny = np.array([0.2, 1.0, -0.4, 0.6])\nw = np.array([0.3, -0.2])\nm = 4\nz = X @ w\nL = ((z - y) ** 2).sum() / (2 * m)\n# backward\ndz = y - z\ndw = X.T @ dz / m",
        8,
    );
}

#[test]
fn the_number_of_examples_that_is_missing_is_written_by_what_has_it() {
    let text = "x = np.array([0.5, -1.0, 2.0])\ny = np.array([0.2, 0.4, -0.3])\nL = np.mean((x - y) ** 2)\n# backward\ndx = x - y";
    let corrected = is_wrong(text, 5).corrected.unwrap();
    assert!(corrected.contains("len("), "{corrected}");
    // Rows that are read twice get both.
    let text = "E = np.array([[0.5, -1.0], [2.0, 0.3], [0.1, 0.7]])\nids = np.array([0, 2, 0])\nL = (E[ids] ** 2).sum()\n# backward\nde = 2 * E[ids]\ndE = np.zeros((3, 2))\ndE[ids] += de";
    assert_eq!(is_wrong(text, 7).corrected.as_deref(), Some("np.add.at(dE, ids, de)"));
}

#[test]
fn hostile_texts_end_in_an_error() {
    let nested = format!("x = {}1{}", "[i for i in ".repeat(20_000), "]".repeat(20_000));
    assert!(check(&format!("{nested}\n# backward\ndx = 1"), &CheckOptions::default()).is_err());
    let own = "x = [1]\nx[0] = x\nL = x == x\n# backward\ndL = 1";
    assert!(check(own, &CheckOptions::default()).is_err());
}
