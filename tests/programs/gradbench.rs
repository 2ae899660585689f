//! The example `gradbench`: every eval to references of 60 digits, and what the protocol says about odd messages.

#[path = "../../examples/gradbench/main.rs"]
mod example;

use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

/// It reads the arguments of its process and its standard input, so it is only compiled here; the tests call what it calls.
const _: fn() -> ExitCode = example::main;

/// The answers to some lines.
fn answers(lines: &str) -> Vec<Value> {
    let mut out = Vec::new();
    example::protocol::serve(example::EVALS, 1, lines.as_bytes(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn answer(message: &Value) -> Value {
    let mut answers = answers(&format!("{message}\n"));
    assert_eq!(answers.len(), 1);
    answers.swap_remove(0)
}

/// A message that asks for a function, run once.
fn evaluate(eval: &str, function: &str, input: &Value) -> Value {
    let mut input = input.clone();
    if let Some(members) = input.as_object_mut() {
        members.entry("min_runs").or_insert(json!(1));
        members.entry("min_seconds").or_insert(json!(0));
    }
    json!({ "id": 3, "kind": "evaluate", "module": eval, "function": function, "input": input })
}

fn output(eval: &str, function: &str, input: &Value) -> Value {
    let mut answer = answer(&evaluate(eval, function, input));
    assert_eq!((&answer["success"], &answer["error"]), (&json!(true), &Value::Null), "{eval} {function}: {answer}");
    answer["output"].take()
}

fn error(eval: &str, function: &str, input: &Value) -> String {
    let answer = answer(&evaluate(eval, function, input));
    assert_eq!((&answer["id"], &answer["success"], answer.get("output")), (&json!(3), &json!(false), None), "{answer}");
    answer["error"].as_str().unwrap().to_owned()
}

/// All numbers, in order.
fn numbers(value: &Value, found: &mut Vec<f64>) {
    match value {
        Value::Number(x) => found.push(x.as_f64().unwrap()),
        Value::Array(values) => values.iter().for_each(|value| numbers(value, found)),
        _ => panic!("{value} is no number"),
    }
}

/// An error unless both have the same structure, the same integers, and numbers within so much of the largest of their array.
fn compare(wanted: &Value, got: &Value, tolerance: f64) -> Result<(), String> {
    match (wanted, got) {
        (Value::Object(wanted), Value::Object(got)) => {
            let names = |members: &serde_json::Map<_, _>| members.keys().cloned().collect::<Vec<String>>();
            let (mut a, mut b) = (names(wanted), names(got));
            a.sort();
            b.sort();
            if a != b {
                return Err(format!("members {b:?}, not {a:?}"));
            }
            wanted.iter().try_for_each(|(name, wanted)| {
                compare(wanted, &got[name], tolerance).map_err(|error| format!("{name}: {error}"))
            })
        }
        _ => {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            numbers(wanted, &mut a);
            numbers(got, &mut b);
            if shape(wanted) != shape(got) {
                return Err(format!("shape {}, not {}", shape(got), shape(wanted)));
            }
            if is_whole(wanted) != is_whole(got) {
                return Err(format!("{got}, not {wanted}"));
            }
            let largest = a.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
            let apart = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            if apart > tolerance * largest { Err(format!("{apart:e} apart: {got}, not {wanted}")) } else { Ok(()) }
        }
    }
}

/// The lengths of nested arrays.
fn shape(value: &Value) -> String {
    value.as_array().map_or(String::new(), |values| {
        let first = values.first().map_or(String::new(), shape);
        assert!(values.iter().all(|value| shape(value) == first), "ragged: {value}");
        format!("[{}]{first}", values.len())
    })
}

/// Whether all numbers are written as integers: counts and columns.
fn is_whole(value: &Value) -> bool {
    match value {
        Value::Array(values) => !values.is_empty() && values.iter().all(is_whole),
        value => value.is_u64(),
    }
}

#[test]
fn every_eval_answers_as_the_formulas_do_in_60_digits() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gradbench/samples.jsonl");
    let text = std::fs::read_to_string(file).unwrap();
    let (mut seen, mut wrong) = (Vec::new(), Vec::new());
    for (i, line) in text.lines().enumerate() {
        let sample: Value = serde_json::from_str(line).unwrap();
        let [eval, function] = ["eval", "function"].map(|name| sample[name].as_str().unwrap());
        let got = output(eval, function, &sample["input"]);
        if let Err(error) = compare(&sample["output"], &got, 1e-12) {
            wrong.push(format!("line {}, {eval} {function}: {error}", i + 1));
        }
        seen.push((eval.to_owned(), function.to_owned()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Those without a line have a test of their own.
    for eval in example::EVALS.iter().filter(|eval| !["hello", "particle", "saddle"].contains(&eval.name)) {
        for &(function, _) in eval.functions {
            assert!(seen.contains(&(eval.name.to_owned(), function.to_owned())), "{} {function}", eval.name);
        }
    }
}

#[test]
fn all_twelve_evals_are_there() {
    let mut names: Vec<&str> = example::EVALS.iter().map(|eval| eval.name).collect();
    names.sort_unstable();
    let wanted = ["ba", "det", "gmm", "hello", "ht", "kmeans", "llsq", "lse", "lstm", "ode", "particle", "saddle"];
    assert_eq!(names, wanted);
}

#[test]
fn nested_derivatives_of_all_four_kinds_find_the_same() {
    // What GradBench expects, within what it accepts. Backward through backward starts closer.
    for (function, w) in [("ff", 0.0), ("fr", 0.0), ("rf", 0.0), ("rr", 0.2)] {
        let found = output("particle", function, &json!({ "w": w })).as_f64().unwrap();
        assert!((found - 0.2071918746486116).abs() < 1e-4, "particle {function}: {found}");
        let found = output("saddle", function, &json!({ "start": [1.0, 1.0] }));
        assert_eq!(compare(&json!(vec![8.246324826140356e-06; 4]), &found, 1e-10), Ok(()), "saddle {function}");
    }
    let from_there = |function| output("particle", function, &json!({ "w": 0.2 })).as_f64().unwrap();
    assert!((from_there("rr") - from_there("ff")).abs() < 1e-12);
}

#[test]
fn a_session_is_answered_line_by_line() {
    let session = r#"{"id":0,"kind":"start","eval":"hello","config":{"l":[1,null]}}
{"id":1,"kind":"define","module":"hello"}
{"id":2,"kind":"evaluate","module":"hello","function":"square","input":3}

{"description":"d \u00e9\n\"quoted\"","input":1.5e3,"function":"double","module":"hello","kind":"evaluate","id":7}
{"id":8,"kind":"analysis","of":7,"valid":false,"error":"x"}
{"id":9,"kind":"some-future-kind","input":[{"a":[]}]}
{"id":10}
{"id":11,"kind":"start"}"#;
    let answers = answers(session);
    let ids: Vec<u64> = answers.iter().map(|answer| answer["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [0, 1, 2, 7, 8, 9, 10, 11]);
    assert_eq!(answers[0], json!({ "id": 0, "tool": "retrograd" }));
    assert_eq!(answers[1], json!({ "id": 1, "success": true }));
    assert_eq!((&answers[2]["output"], &answers[3]["output"]), (&json!(9.0), &json!(3000.0)));
    for k in 4..7 {
        assert_eq!(answers[k], json!({ "id": ids[k] }));
    }
}

#[test]
fn what_is_unknown_is_refused() {
    let refused = |message: Value| {
        let answer = answer(&message);
        assert_eq!((&answer["success"], answer.get("output")), (&json!(false), None), "{answer}");
        answer["error"].as_str().unwrap().to_owned()
    };
    let text = refused(json!({ "id": 1, "kind": "define", "module": "no-such" }));
    assert!(text.starts_with("there is no module \"no-such\"; there are hello, "), "{text}");
    assert!(refused(json!({ "id": 1, "kind": "define" })).starts_with("there is no module null"));
    assert_eq!(error("hello", "cube", &json!(1.0)), "hello has no function \"cube\"; it has square, double");
    assert!(refused(json!({ "id": 1, "kind": "evaluate", "module": "x" })).starts_with("there is no module \"x\""));
}

#[test]
fn a_line_that_is_no_json_is_refused_and_the_next_one_answered() {
    let answers = answers("{\"id\n[1,2\n\"\\ud800\"\n[7,\"start\"]\n{\"id\":007}\n{\"id\":2,\"kind\":\"start\"}\n");
    assert_eq!(answers.len(), 6);
    for answer in &answers[..5] {
        assert_eq!((&answer["id"], &answer["success"]), (&Value::Null, &json!(false)), "{answer}");
    }
    assert_eq!(answers[5]["id"], json!(2));
}

#[test]
fn an_id_goes_back_also_where_the_rest_of_the_line_does_not_parse() {
    let deep = "[".repeat(300) + &"]".repeat(300);
    let kind = format!(r#"{{"id":41,"kind":{deep}}}"#);
    let lines: [(&str, &[u8]); 9] = [
        ("1", br#"{"id":1,"#),
        ("41", kind.as_bytes()),
        ("2", br#"{"id":2,"kind":"start","\ud800":0}"#),
        ("3", br#"{"id":3,"kind":"start","kind":"start"}"#),
        ("4", br#"{"input":{"id":9,"x":[NaN]},"description":"\"id\":8","id" : 4}"#),
        ("-5", br#"{"id":-5,"input":-Infinity}"#),
        ("6", br#"{"id":6,"kind":"start",}"#),
        ("7", b"{\"id\":7,\"kind\":\"\xff\"}"),
        ("123456789012345678901234567890", br#"{"id":123456789012345678901234567890,"#),
    ];
    for (id, line) in lines {
        let mut out = Vec::new();
        example::protocol::serve(example::EVALS, 1, line, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with(&format!(r#"{{"id":{id},"success":false,"error":""#)), "{text}");
        serde_json::from_str::<Value>(&text).unwrap();
    }
    let mut out = Vec::new();
    example::protocol::serve(example::EVALS, 1, &br#"{"id":18446744073709551616,"kind":"start"}"#[..], &mut out)
        .unwrap();
    assert_eq!(out, b"{\"id\":18446744073709551616,\"tool\":\"retrograd\"}\n");
}

#[test]
fn a_long_error_shows_its_ends() {
    let answer = answer(&json!({ "id": 1, "kind": "define", "module": "\u{e9}".repeat(5000) }));
    let text = answer["error"].as_str().unwrap();
    assert!(text.chars().count() <= 300, "{text}");
    assert!(text.starts_with("there is no module \"\u{e9}") && text.ends_with("particle, saddle"), "{text}");
}

/// The direction of a problem of k-means, each point with the first of the nearest centroids.
fn by_brute_force(points: &[Vec<f64>], centroids: &[Vec<f64>]) -> (f64, Vec<Vec<f64>>) {
    let squared = |p: &[f64], c: &[f64]| p.iter().zip(c).map(|(p, c)| (p - c) * (p - c)).sum::<f64>();
    let (mut cost, mut counts) = (0.0, vec![0.0; centroids.len()]);
    let mut sums = vec![vec![0.0; centroids[0].len()]; centroids.len()];
    for point in points {
        let mut best = 0;
        for j in 1..centroids.len() {
            best = if squared(point, &centroids[j]) < squared(point, &centroids[best]) { j } else { best };
        }
        cost += squared(point, &centroids[best]);
        counts[best] += 1.0;
        for ((sum, c), p) in sums[best].iter_mut().zip(&centroids[best]).zip(point) {
            *sum += c - p;
        }
    }
    for (sums, count) in sums.iter_mut().zip(counts) {
        sums.iter_mut().for_each(|sum| *sum /= count);
    }
    (cost, sums)
}

#[test]
fn kmeans_takes_the_first_of_the_nearest_centroids_where_the_product_cancels_or_ties() {
    let check = |points: Vec<Vec<f64>>, centroids: Vec<Vec<f64>>| {
        let (cost, direction) = by_brute_force(&points, &centroids);
        let input = json!({ "points": points, "centroids": centroids });
        assert_eq!(compare(&json!(cost), &output("kmeans", "cost", &input), 1e-13), Ok(()));
        assert_eq!(compare(&json!(direction), &output("kmeans", "dir", &input), 1e-13), Ok(()));
        direction
    };
    let far = |x: &[f64]| x.iter().map(|&x| vec![x]).collect::<Vec<_>>();
    let direction = check(far(&[0.0, 100_000_000.6, 1e8, 100_000_001.0]), far(&[0.0, 1e8, 100_000_001.0]));
    assert!((direction[2][0] - 0.2).abs() < 1e-8, "{direction:?}");
    let ends = vec![vec![-0.3, -0.4], vec![0.3, 0.4]];
    let direction = check([vec![vec![0.0, 0.0]], ends.clone()].concat(), ends);
    assert_eq!(direction, [[-0.15, -0.2], [0.0, 0.0]]);
    // On a grid most points have several nearest centroids, equal or apart by a rounding; so they have far from 0, too.
    let mut state = 1_u64;
    let mut below = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    for (d, k, origin) in [(1, 7, 0.0), (2, 40, 0.0), (3, 70, 1e6), (9, 33, -3.0)] {
        let mut point = |_| (0..d).map(|_| origin + below(10) as f64 * 0.1).collect::<Vec<_>>();
        let centroids: Vec<_> = (0..k).map(&mut point).collect();
        // Those that stand twice have no points: the first has them.
        let mut seen: Vec<Vec<f64>> = Vec::new();
        centroids.into_iter().for_each(|c| {
            if !seen.contains(&c) {
                seen.push(c)
            }
        });
        check((0..500).map(&mut point).chain(seen.clone()).collect(), seen);
    }
    // What overflows is compared as it is.
    check(vec![vec![1e200], vec![3.0], vec![1.0]], vec![vec![1e200], vec![1.0]]);
}

#[test]
fn gmm_keeps_its_digits_where_clouds_are_far_apart() {
    // Each point belongs to one cloud alone: with Q = I, dF/dmu sums up x - mu, and dF/dq is n - sum (x - mu)^2 - 1.
    let clouds = [[5e4, 3e4], [-5e4, 1e4]];
    let around = [[0.3, -0.5], [-0.7, 0.1], [1.6, 0.4], [0.0, 1.2]];
    let x = clouds.map(|c| around.map(|y| [c[0] + y[0], c[1] + y[1]]));
    let input = json!({ "d": 2, "k": 2, "n": 8, "x": x.concat(), "m": 0, "gamma": 1.0, "alpha": [0.0, 0.0], "mu": clouds,
        "q": [[0.0, 0.0], [0.0, 0.0]], "l": [[0.0], [0.0]] });
    let found = output("gmm", "jacobian", &input);
    let sum = |f: fn(f64) -> f64, k: usize, axis: usize| x[k].iter().map(|x| f(x[axis] - clouds[k][axis])).sum::<f64>();
    let mu = [0, 1].map(|k| [0, 1].map(|axis| sum(|y| y, k, axis)));
    let q = [0, 1].map(|k| [0, 1].map(|axis| 3.0 - sum(|y| y * y, k, axis)));
    assert_eq!(compare(&json!(mu), &found["mu"], 1e-10), Ok(()));
    assert_eq!(compare(&json!(q), &found["q"], 1e-10), Ok(()));
}

#[test]
fn what_no_memory_holds_is_refused() {
    let ba = |name: &str, count: u64| {
        let mut input = json!({ "n": 1, "m": 1, "p": 10, "cam": vec![1; 11], "x": vec![0; 3], "w": 1, "feat": [0, 0] });
        input[name] = json!(count);
        input
    };
    for (eval, function, member, input) in [
        ("llsq", "primal", "n", json!({ "x": [1.0], "n": 1_000_000_000_000_000_u64 })),
        ("llsq", "gradient", "n", json!({ "x": [1.0], "n": u64::MAX })),
        ("ode", "gradient", "s", json!({ "x": [1.0], "s": 1_000_000_000_000_000_u64 })),
        ("ode", "gradient", "s", json!({ "x": [1.0], "s": u64::MAX })),
    ] {
        let text = error(eval, function, &input);
        assert!(text.starts_with(&format!("input.{member}: ")) && text.ends_with("than there is memory for"), "{text}");
    }
    assert!(error("ba", "jacobian", &ba("p", u64::MAX)).contains("2^32 or more entries"));
    let text = error("det", "primal", &json!({ "A": [1.0], "ell": 15 }));
    assert_eq!(text, "input.ell: 15! = 1.3e12 products are too many; 14! can be asked for");
    // How often to run is looked at first.
    let text = error("llsq", "primal", &json!({ "x": [1.0], "n": u64::MAX, "min_runs": -1 }));
    assert_eq!(text, "input.min_runs: invalid value: integer `-1`, expected a whole number, 0 or more");
}

#[test]
fn each_run_has_its_timing() {
    let input = json!({ "x": [0.5, 0.25], "n": 4, "min_runs": 5, "min_seconds": 0.002 });
    let answer = answer(&evaluate("llsq", "gradient", &input));
    let timings = answer["timings"].as_array().unwrap();
    let of = |name: &str| -> Vec<u64> {
        timings
            .iter()
            .filter(|timing| timing["name"] == name)
            .map(|timing| timing["nanoseconds"].as_u64().unwrap())
            .collect()
    };
    let (prepared, runs) = (of("prepare"), of("evaluate"));
    assert_eq!((prepared.len(), prepared.len() + runs.len()), (1, timings.len()));
    assert!(runs.len() >= 5 && runs.iter().sum::<u64>() >= 2_000_000, "{runs:?}");
}

#[test]
fn wrong_input_is_named_by_its_place() {
    let place = |eval, function, input| error(eval, function, &input);
    let text = place("llsq", "primal", json!({ "x": [0.5, null], "n": 2 }));
    assert_eq!(text, "input.x[1]: invalid type: null, expected a number");
    assert_eq!(place("llsq", "primal", json!({ "x": [0.5] })), "input: missing field `n`");
    assert!(place("llsq", "primal", json!({ "x": [], "n": -2 })).starts_with("input.n: "));
    assert!(place("llsq", "primal", json!({ "x": [1.0], "n": 1 })).starts_with("input.n: 1 point has no distance"));
    assert_eq!(
        place("llsq", "primal", json!({ "x": [1.0], "n": 2, "min_seconds": -1 })),
        "input.min_seconds: -1 is below 0"
    );
    assert!(place("lse", "primal", json!({ "x": [] })).contains("no numbers have no largest"));
    assert_eq!(
        place("det", "gradient", json!({ "A": [1, 2, 3], "ell": 2 })),
        "input.A: 3 numbers are no 2 by 2 matrix"
    );
    assert!(place("det", "primal", json!({ "A": [], "ell": 40 })).starts_with("input.ell: 40! = 8.2e47 products"));
    assert!(place("ode", "primal", json!({ "x": [1.0], "s": 0 })).starts_with("input.s: 0 steps"));
    let ragged = json!({ "points": [[1, 2], [3, 4, 5]], "centroids": [[1, 2]] });
    assert_eq!(place("kmeans", "dir", ragged), "input.points[1]: row 1 has length 3, those before it 2");
    let unlike = json!({ "points": [[1, 2]], "centroids": [[1, 2, 3]] });
    assert_eq!(place("kmeans", "dir", unlike), "input.points: 1 rows of 2, expected 1 of 3");
    let empty = json!({ "points": [[1, 2], [3, 4]], "centroids": [[1, 2], [1, 2]] });
    assert!(place("kmeans", "dir", empty).starts_with("output[1][0] is "));
    let text = place(
        "ba",
        "jacobian",
        json!({ "n": 1, "m": 1, "p": 0, "cam": vec![0; 11], "x": vec![0; 3], "w": 1, "feat": [0, 0] }),
    );
    assert!(text.starts_with("input.p: "), "{text}");
    let many = json!({ "n": 1, "m": 1, "p": 200_000_000, "cam": vec![0; 11], "x": vec![0; 3], "w": 1, "feat": [0, 0] });
    assert!(place("ba", "objective", many).contains("2^32 or more entries"));
    let short = json!({ "n": 1, "m": 1, "p": 1, "cam": vec![0; 10], "x": vec![0; 3], "w": 1, "feat": [0, 0] });
    assert_eq!(place("ba", "objective", short), "input.cam: 10 entries, expected 11");
    assert!(place("particle", "ff", json!({ "w": "zero" })).starts_with("input.w: invalid type: string"));
    assert_eq!(place("saddle", "rr", json!({ "start": [1.0, 1.0, 1.0] })), "input.start: 3 entries, expected 2");
    assert_eq!(place("hello", "square", json!({ "x": 1 })), "input: invalid type: an object, expected a number");
    assert_eq!(place("lse", "primal", json!([[0.5], 1, 0])), "input: invalid type: an array, expected an object");
    let text = place("ht", "objective", json!({ "theta": [], "data": [1], "us": [] }));
    assert_eq!(text, "input.data: invalid type: an array, expected an object");
}

#[test]
fn what_is_not_finite_is_no_answer() {
    assert_eq!(error("hello", "square", &json!(1e200)), "output is inf, which JSON has no number for");
    let far = json!({ "points": [[1e200, 0.0]], "centroids": [[-1e200, 0.0]] });
    assert!(error("kmeans", "cost", &far).starts_with("output is "));
}

#[test]
fn numbers_read_back_to_the_same_bits() {
    for x in [0.1_f64, 1e-310, 123456789.12345679, 5e-324, 1.7976931348623157e308] {
        // The derivative is twice the input.
        let half = x / 2.0;
        let got = output("hello", "double", &json!(half)).as_f64().unwrap();
        assert_eq!(got.to_bits(), (2.0 * half).to_bits(), "{x:e}");
    }
}
