//! The ADBench problems of `examples/adbench`: every mode on every file that is kept here, to the results of others; files of the
//! same formats with other numbers, to dual numbers and differences.

#[path = "../../examples/adbench/main.rs"]
mod example;

use example::ba::{Ba, Observation};
use example::gmm::Gmm;
use example::gmm::body::log_posterior;
use example::gmm::tensor::{Form, in_form};
use example::hand::{Hand, model::Model};
use example::lstm::{Lstm, body::loss};
use example::problem::{Mode, Problem, evaluate, max_abs};
use example::{Kind, check};
use retrograd::Dual;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// It reads the arguments of its process, so it is only compiled here; the tests call what it calls.
const _: fn() -> ExitCode = example::main;

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/adbench").join(name)
}

/// The largest difference, relative to the largest of the wanted numbers.
fn apart(wanted: &[f64], got: &[f64]) -> f64 {
    assert_eq!(wanted.len(), got.len());
    let differences: Vec<f64> = wanted.iter().zip(got).map(|(a, b)| a - b).collect();
    max_abs(&differences) / max_abs(wanted).max(1e-300)
}

/// The derivative of the plain objective by central differences, a row for each value.
fn differences(x: &[f64], n_values: usize, mut objective: impl FnMut(&[f64], &mut [f64])) -> Vec<f64> {
    const STEP: f64 = 1e-6;
    let mut jacobian = vec![0.0; n_values * x.len()];
    let (mut above, mut below, mut at) = (vec![0.0; n_values], vec![0.0; n_values], x.to_vec());
    for j in 0..x.len() {
        at[j] = x[j] + STEP;
        objective(&at, &mut above);
        at[j] = x[j] - STEP;
        objective(&at, &mut below);
        at[j] = x[j];
        for i in 0..n_values {
            jacobian[i * x.len() + j] = (above[i] - below[i]) / (2.0 * STEP);
        }
    }
    jacobian
}

/// The gradient of a generic formula by dual numbers.
fn by_dual_numbers(x: &[f64], f: impl Fn(&[Dual<f64>]) -> Dual<f64>) -> Vec<f64> {
    let along = |j: usize| (0..x.len()).map(|i| Dual::new(x[i], f64::from(i == j))).collect::<Vec<_>>();
    (0..x.len()).map(|j| f(&along(j)).tangent).collect()
}

/// Unoptimised, compiling half a million scalars takes minutes; a shorter sequence has a test of its own.
fn is_quick(kind: Kind, mode: Mode) -> bool {
    (kind, mode) != (Kind::Lstm, Mode::Program)
}

#[test]
fn every_mode_reaches_the_expected_results_on_every_kept_file() {
    let files = [(2, Kind::Gmm), (1, Kind::Ba), (1, Kind::Lstm), (2, Kind::Hand)];
    let modes = |kind: Kind| kind.modes().iter().filter(|&&mode| is_quick(kind, mode)).count();
    let results: usize = files.map(|(n, kind)| n * modes(kind)).iter().sum();
    assert!(results >= 9);
    assert_eq!(check::run([&kept("data"), &kept("expected")], 0.0, is_quick), Ok(results));
}

#[test]
fn every_mode_differentiates_the_start_of_the_kept_language_model() {
    let mut lstm = Lstm::read(&kept("data/lstm/lstm_l2_c1024.txt")).unwrap();
    lstm.c = 12;
    lstm.sequence.truncate(12 * lstm.b);
    let wanted = by_dual_numbers(&lstm.parameters, |x| loss(&lstm, x));
    for &mode in Lstm::MODES {
        let (_, gradient) = evaluate(&lstm, mode).unwrap();
        assert!(apart(&wanted, &gradient) < 1e-13, "{mode}");
    }
}

#[test]
fn a_result_that_differs_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = std::fs::read_to_string(kept("expected/ba/test.json")).unwrap();
    std::fs::create_dir(folder.path().join("ba")).unwrap();
    std::fs::write(folder.path().join("ba/test.json"), wanted.replace("634.5748114955455", "634.5748115055455"))
        .unwrap();
    let message = check::run([&kept("data"), folder.path()], 0.0, is_quick).unwrap_err();
    assert!(message.contains("ba/test.txt in mode tape"), "{message}");
    std::fs::write(folder.path().join("ba/test.json"), wanted.replace("\"w_err_row\"", "\"w_row\"")).unwrap();
    assert_eq!(check::run([&kept("data"), folder.path()], 0.0, is_quick), Err("w_row is missing".to_owned()));
}

#[test]
fn json_has_the_members_of_the_reference_files_and_times() {
    for (kind, name) in [("gmm", "gmm/test"), ("ba", "ba/test"), ("hand", "hand/test"), ("hand", HAND_COMPLICATED)] {
        let data = kept("data").join(name).with_extension("txt");
        let text = example::run(&[kind, data.to_str().unwrap(), "--json", "--seconds=0"]).unwrap();
        let got: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        let wanted = check::read_json(&kept("expected").join(name).with_extension("json")).unwrap();
        let mut members: Vec<&str> = wanted.as_object().unwrap().keys().map(String::as_str).collect();
        members.extend(["objective_us", "derivative_us", "ratio"]);
        members.sort_unstable();
        let mut found: Vec<&str> = got.keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, members, "{name}");
        let figure = |name: &str| got[name].as_f64().unwrap();
        assert!(figure("derivative_us") > 0.0 && figure("objective_us") >= 0.0);
        let text = example::run(&[kind, data.to_str().unwrap(), "--seconds=0"]).unwrap();
        assert!(text.contains("ratio: "), "{text}");
    }
}

const HAND_COMPLICATED: &str = "hand/complicated_small/hand1_t26_c100";

/// d = 3, k = 2, n = 4 with gamma = 1.7 and m = 2; d = 1, k = 2, n = 3 with gamma = 0.6 and m = 0. The values are those of the
/// formula in 30 digits.
const GMM: [(&str, f64); 2] = [
    (
        "3 2 4  0.3 -0.8   0.5 -0.25 1.0  -1.5 0.75 0.125
         0.1 -0.2 0.3 0.5 -0.6 0.7
         -0.4 0.25 0.0 -0.35 0.45 -0.55
         0.9 -1.1 0.4  2.0 0.3 -0.7  -1.2 0.8 1.6  0.05 -0.15 0.25   1.7 2",
        -32.40465492186405,
    ),
    ("1 2 3  0.3 -0.8   0.5  -1.5   0.1 -0.4   0.9 -1.1 0.4   0.6 0", -7.9131663000766945),
];

#[test]
fn a_mixture_with_other_gamma_and_m_or_one_dimension_has_its_value_and_gradient() {
    for (text, value) in GMM {
        let mut gmm = Gmm::parse("file".to_owned(), text).unwrap();
        let wanted = by_dual_numbers(&gmm.parameters, |x| log_posterior(&gmm, x, |t| t));
        for &mode in Gmm::MODES {
            let (values, gradient) = evaluate(&gmm, mode).unwrap();
            assert!((values[0] - value).abs() < 1e-13 * value.abs(), "{mode}: {} instead of {value}", values[0]);
            assert!(apart(&wanted, &gradient) < 1e-13, "{mode}: {gradient:?} instead of {wanted:?}");
        }
        for form in [Form::Monomials, Form::Residuals] {
            let (mut values, mut gradient) = ([0.0], vec![0.0; wanted.len()]);
            (in_form(&gmm, form).unwrap().run)(&mut values, &mut gradient);
            assert!((values[0] - value).abs() < 1e-13 * value.abs(), "{form:?}: {} instead of {value}", values[0]);
            assert!(apart(&wanted, &gradient) < 1e-13, "{form:?}: {gradient:?} instead of {wanted:?}");
        }
        let x = gmm.parameters.clone();
        let numeric = differences(&x, 1, |x, values| {
            gmm.parameters.copy_from_slice(x);
            gmm.objective(values);
        });
        assert!(apart(&wanted, &numeric) < 1e-8, "{wanted:?}, differences {numeric:?}");
        gmm.parameters.copy_from_slice(&x);
        let mut values = [0.0];
        gmm.objective(&mut values);
        assert!((values[0] - value).abs() < 1e-13 * value.abs(), "{}", values[0]);
    }
}

#[test]
fn a_mixture_far_from_the_origin_keeps_its_digits_in_every_mode() {
    let mut gmm = Gmm::parse("file".to_owned(), GMM[0].0).unwrap();
    let at_origin = evaluate(&gmm, Mode::Tape).unwrap();
    // A power of two: moving the data by it is exact but for the digits that fall off the end, 2^-42 of these.
    gmm.x.iter_mut().for_each(|x| *x += 1024.0);
    let means = gmm.k..gmm.k + gmm.k * gmm.d;
    gmm.parameters[means].iter_mut().for_each(|mu| *mu += 1024.0);
    for &mode in Gmm::MODES {
        let (values, gradient) = evaluate(&gmm, mode).unwrap();
        assert!(apart(&at_origin.0, &values) < 1e-12, "{mode}");
        assert!(apart(&at_origin.1, &gradient) < 1e-12, "{mode}");
    }
}

/// Numbers that look random.
fn waves(n: usize, shift: f64) -> Vec<f64> {
    (0..n).map(|i| ((i as f64 + shift) * 1.7).sin() * 0.9).collect()
}

#[test]
fn a_language_model_of_any_layers_and_characters_has_its_gradient() {
    // Also with more layers than characters to step over.
    for [l, c, b] in [[3, 7, 2], [3, 2, 3], [4, 3, 1], [1, 4, 2], [2, 3, 3]] {
        let mut words = vec![l as f64, c as f64, b as f64];
        words.extend(waves(8 * l * b + 3 * b + 2 * l * b, 0.5));
        words.extend((0..c * b).map(|i| f64::from(i % 3 == 1)));
        let text: Vec<String> = words.iter().map(f64::to_string).collect();
        let mut lstm = Lstm::parse("file".to_owned(), &text.join(" ")).unwrap();
        let wanted = by_dual_numbers(&lstm.parameters, |x| loss(&lstm, x));
        let mut plain = [0.0];
        lstm.objective(&mut plain);
        for &mode in Lstm::MODES {
            let (values, gradient) = evaluate(&lstm, mode).unwrap();
            assert!(apart(&plain, &values) < 1e-13, "{l} {c} {b} {mode}");
            assert!(apart(&wanted, &gradient) < 1e-12, "{l} {c} {b} {mode}: {gradient:?} instead of {wanted:?}");
        }
        let x = lstm.parameters.clone();
        let numeric = differences(&x, 1, |x, values| {
            lstm.parameters.copy_from_slice(x);
            lstm.objective(values);
        });
        assert!(apart(&wanted, &numeric) < 1e-7, "{l} {c} {b}: {wanted:?}, differences {numeric:?}");
    }
}

/// Two cameras, one of them without a rotation, and three points, each seen with another weight.
fn cameras(x: &[f64]) -> Ba {
    let (cameras, rest) = x.split_at(22);
    let (points, weights) = rest.split_at(9);
    let seen = |i: usize| Observation {
        camera: (i % 2) as u32,
        point: (i % 3) as u32,
        weight: weights[i],
        feature: [0.3 * i as f64, -0.1],
    };
    let (cameras, _) = cameras.as_chunks::<11>();
    let (points, _) = points.as_chunks::<3>();
    Ba::new(cameras.to_vec(), points.to_vec(), (0..weights.len()).map(seen).collect())
}

#[test]
fn bundle_adjustment_of_unlike_cameras_has_its_sparse_jacobian_also_without_rotation() {
    // More observations than are recorded at once.
    let n = 70;
    let mut x = waves(22 + 9 + n, 0.0);
    x[..3].fill(0.0);
    let depths = [24, 27, 30];
    depths.iter().for_each(|&at| x[at] += 6.0);
    let ba = cameras(&x);
    let numeric = differences(&x, 3 * n, |x, values| cameras(x).objective(values));
    let mut plain = vec![0.0; 3 * n];
    ba.objective(&mut plain);
    for &mode in Ba::MODES {
        let (values, nonzeros) = evaluate(&ba, mode).unwrap();
        assert!(apart(&plain, &values) < 1e-13, "{mode}");
        let mut dense = vec![0.0; 3 * n * x.len()];
        assert_eq!(ba.rows.len(), 3 * n + 1);
        for (row, ends) in ba.rows.windows(2).enumerate() {
            for at in ends[0] as usize..ends[1] as usize {
                dense[row * x.len() + ba.columns[at] as usize] += nonzeros[at];
            }
        }
        assert!(apart(&dense, &numeric) < 1e-8, "{mode}: {}", apart(&dense, &numeric));
    }
}

#[test]
fn a_file_with_a_zero_rotation_is_differentiated() {
    let text = "1 1 1  0 0 0 0.5 -0.25 -4 2 0.1 0.2 0.05 0.01  0.3 0.6 1.5  0.8  0.1 -0.2";
    let ba = Ba::parse("file".to_owned(), text).unwrap();
    for &mode in Ba::MODES {
        let (_, nonzeros) = evaluate(&ba, mode).unwrap();
        assert!(nonzeros.iter().all(|x| x.is_finite()), "{mode}: {nonzeros:?}");
        assert!(nonzeros[..3].iter().all(|x| *x != 0.0), "{mode}: {nonzeros:?}");
    }
}

/// A kept hand with another theta.
fn hand(name: &str, change: impl Fn(&mut [f64; 26])) -> Hand {
    let mut hand = Hand::read(&kept("data").join(name)).unwrap();
    change(&mut hand.theta);
    hand
}

#[test]
fn a_hand_with_or_without_rotation_has_its_jacobian() {
    for name in ["hand/test.txt", "hand/complicated_small/hand1_t26_c100.txt"] {
        for rotation in [[0.4, -0.3, 0.2], [2e-5, 0.0, -1e-5], [0.0; 3]] {
            let mut hand = hand(name, |theta| theta[..3].copy_from_slice(&rotation));
            let (values, jacobian) = evaluate(&hand, Mode::Tape).unwrap();
            let n_rows = values.len();
            let columns = jacobian.len() / n_rows;
            let mut plain = vec![0.0; n_rows];
            hand.objective(&mut plain);
            assert!(apart(&plain, &values) < 1e-13);
            let numeric = differences(&hand.theta.clone(), n_rows, |theta, values| {
                hand.theta.copy_from_slice(theta);
                hand.objective(values);
            });
            let of_theta: Vec<f64> =
                jacobian.chunks_exact(columns).flat_map(|row| &row[columns - 26..]).copied().collect();
            assert!(apart(&of_theta, &numeric) < 1e-8, "{name} {rotation:?}: {}", apart(&of_theta, &numeric));
        }
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    let gmm = |text: &str| Gmm::parse("a.txt".to_owned(), text).err().unwrap();
    assert_eq!(gmm(""), "a.txt: ends after line 0, where d, the dimensions should follow");
    assert_eq!(gmm("2 0 1"), "a.txt: line 1: k, the components: \"0\" is not a whole number from 1 on");
    assert_eq!(gmm("1 1 1\n0.5\n\nn/a"), "a.txt: line 4: mu[0][0] of 1 rows of 1: \"n/a\" is not a finite number");
    assert_eq!(gmm("1 1 1 0 0 0"), "a.txt: ends after line 1, where x[0][0] of 1 rows of 1 should follow");
    assert!(gmm("1 1 1 0 0 0 0 -1 0").contains("gamma: -1 is not above 0"));
    assert!(gmm("1 1 1 0 0 0 0 1 0 7").contains("\"7\" follows where the file should end"));
    let ba = |text: &str| Ba::parse("b.txt".to_owned(), text).err().unwrap();
    assert!(ba("1 1 400000000 0").contains("more than 2^32 nonzeros"));
    assert!(ba("1 99999999999999999999 1").contains("m, the points"));
    assert!(ba("1 1 1 0").contains("camera[0][1]"));
    let lstm = |text: &str| Lstm::parse("c.txt".to_owned(), text).err().unwrap();
    assert_eq!(lstm("1 1 1"), "c.txt: line 1: c, the characters: \"1\" is not a whole number from 2 on");
    assert!(lstm("1 2 9223372036854775807").contains("too many"));
}

#[test]
fn what_is_wrong_with_a_hand_is_said_with_its_place() {
    let text = |file: &str| std::fs::read_to_string(kept("data/hand/model").join(file)).unwrap();
    let (bones, vertices, triangles) = (text("bones.txt"), text("vertices.txt"), text("triangles.txt"));
    let model = |bones: &str, vertices: &str, triangles: &str| Model::parse(bones, vertices, triangles).err().unwrap();
    assert_eq!(model("", &vertices, &triangles), "bones.txt: 0 bones; five fingers need 21 or more");
    assert!(model("a:0", &vertices, &triangles).contains("bones.txt: line 1: parent, which comes first: \"0\""));
    assert!(model("a:-1:1", &vertices, &triangles).contains("relative transform should follow"));
    assert!(model(&bones, "1:2:x", &triangles).contains("vertices.txt: line 1: z: \"x\""));
    assert!(model(&bones, "0:0:0:0:0:0:0:0:1:22:1", &triangles).contains("bone: \"22\""));
    assert!(model(&bones, &vertices, "1:2:544").contains("triangles.txt: line 1: vertex 2: \"544\""));
    let hand = |text: &str| {
        let model = Model::parse(&bones, &vertices, &triangles).unwrap();
        Hand::parse("h.txt".to_owned(), text, model).err().unwrap()
    };
    assert!(hand("1 25").contains("25 angles; a hand has 26"));
    assert!(hand("2 26 0 0 0 0").contains("2 points need 4 numbers each (6 with u) beside 28, got 6 numbers in all"));
    let angles = " 0".repeat(26);
    assert!(hand(&format!("1 26\n544 0 0 0{angles}")).contains("line 2: the correspondence of point 0: \"544\""));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hand.txt"), "1 26").unwrap();
    let message = Hand::read(&folder.path().join("hand.txt")).err().unwrap();
    assert!(message.starts_with("hand.txt: no folder \"model\""), "{message}");
}

#[test]
fn what_is_wrong_with_the_arguments_is_said() {
    let message = |arguments: &[&str]| example::run(arguments).unwrap_err();
    assert!(message(&[]).starts_with("usage: adbench gmm|ba|lstm|hand FILE"));
    assert!(message(&["gmm"]).starts_with("usage: "));
    assert!(message(&["svm", "file"]).starts_with("\"svm\" is no problem"));
    assert!(message(&["gmm", "a", "b"]).starts_with("\"b\" follows the file"));
    assert_eq!(message(&["gmm", "a", "--mode", "fast"]), "--mode takes tape, program, map or tensor, got \"fast\"");
    assert!(message(&["gmm", "no such file"]).starts_with("no such file: cannot be read: "));
    assert!(message(&["check", "one"]).starts_with("check takes two folders"));
    let ba = kept("data/ba/test.txt");
    let message = message(&["ba", ba.to_str().unwrap(), "--mode", "tensor"]);
    assert!(message.starts_with("ba: there is no mode tensor here; there are "), "{message}");
}
