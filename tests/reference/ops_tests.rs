//! The harness itself: what it must notice, and which authority it follows.

use crate::compare::Report;
use crate::json::Json;
use crate::ops::run_case;
use serde_json::json;

fn failures(case: &Json) -> Vec<String> {
    let mut report = Report::new("made up");
    report.case(case, run_case);
    report.failures().to_vec()
}

fn column(values: &[f64]) -> Json {
    let spelt = |&x: &f64| if x.is_finite() { json!(x) } else { json!(x.to_string().to_lowercase()) };
    json!({"shape": [values.len()], "data": values.iter().map(spelt).collect::<Vec<_>>()})
}

/// A case at a singular point, in which another engine claims a slope of 42 by every input.
fn singular(op: &str, params: Json, inputs: &[&[f64]], output: &[f64], shape: &[usize]) -> Json {
    let n = inputs[0].len();
    let each = |values: Vec<f64>| inputs.iter().map(|_| column(&values)).collect::<Vec<_>>();
    let mut output = column(output);
    output["shape"] = json!(shape);
    let ones = json!({"shape": shape, "data": vec![1.0; shape.iter().product()]});
    json!({
        "id": op, "op": op, "formula": "", "params": params,
        "inputs": inputs.iter().map(|x| column(x)).collect::<Vec<_>>(), "cotangent": ones,
        "tangents": each(vec![1.0; n]), "mpmath": null,
        "torch": {"output": output, "vjp": each(vec![42.0; n]), "hvp": each(vec![42.0; n])},
    })
}

#[test]
fn decisions_stand_before_what_other_engines_answer() {
    let (inf, none) = (f64::INFINITY, json!({}));
    let cases = [
        singular("relu", none.clone(), &[&[0.0]], &[0.0], &[1]),
        singular("relu6", none.clone(), &[&[0.0, 6.0]], &[0.0, 6.0], &[2]),
        singular("clip", json!({"lo": -1.0, "hi": 2.0}), &[&[-1.0, 2.0]], &[-1.0, 2.0], &[2]),
        singular("abs", none.clone(), &[&[0.0]], &[0.0], &[1]),
        singular("leaky_relu", json!({"a": 0.3}), &[&[0.0]], &[0.0], &[1]),
        singular("elu", json!({"a": 0.7}), &[&[0.0]], &[0.0], &[1]),
        singular("selu", none.clone(), &[&[0.0]], &[0.0], &[1]),
        singular("sqrt", none.clone(), &[&[0.0]], &[0.0], &[1]),
        singular("log", none.clone(), &[&[0.0, -0.0]], &[-inf, -inf], &[2]),
        singular("reciprocal", none.clone(), &[&[0.0, -0.0]], &[inf, -inf], &[2]),
        singular("maximum", none.clone(), &[&[2.0], &[2.0]], &[2.0], &[1]),
        singular("minimum", none.clone(), &[&[2.0], &[2.0]], &[2.0], &[1]),
        singular("hypot", none.clone(), &[&[0.0], &[0.0]], &[0.0], &[1]),
        singular("atan2", none.clone(), &[&[0.0], &[0.0]], &[0.0], &[1]),
        singular("xlogy", none.clone(), &[&[0.0], &[0.0]], &[0.0], &[1]),
        singular("power", none.clone(), &[&[0.0], &[0.0]], &[1.0], &[1]),
        singular("where_unsafe", none.clone(), &[&[2.0, 0.0, -1.0]], &[2f64.ln(), 0.0, 0.0], &[3]),
        singular("sub_self", none.clone(), &[&[2.0, -3.0]], &[0.0, 0.0], &[2]),
        singular("norm2", none.clone(), &[&[0.0, 0.0]], &[0.0], &[]),
        singular("norm1", json!({"axis": 0}), &[&[0.0, 0.0]], &[0.0], &[]),
        singular("norminf", json!({"keepdims": true}), &[&[0.0, 0.0]], &[0.0], &[1]),
        singular("std", json!({"ddof": 1}), &[&[3.0, 3.0]], &[0.0], &[]),
        singular("logsumexp", none, &[&[-inf, -inf]], &[-inf], &[]),
    ];
    for case in &cases {
        assert_eq!(failures(case), Vec::<String>::new());
    }
}

#[test]
fn without_a_decision_the_other_engine_decides() {
    let case = singular("cbrt", json!({}), &[&[0.0]], &[0.0], &[1]);
    let found = failures(&case);
    assert!(found.iter().any(|failure| failure.contains("vjp") && failure.contains("4.2e1")), "{found:?}");
}

#[test]
fn a_case_that_cannot_be_run_fails_and_says_why() {
    let unknown = singular("no_such_op", json!({}), &[&[1.0]], &[1.0], &[1]);
    assert_eq!(failures(&unknown), ["no_such_op: unknown op no_such_op"]);
    let lacking = singular("powi", json!({}), &[&[1.0]], &[1.0], &[1]);
    assert!(failures(&lacking)[0].contains("powi: n"), "{:?}", failures(&lacking));
    let mut misshapen = singular("exp", json!({}), &[&[0.0]], &[1.0], &[1]);
    misshapen["cotangent"] = json!({"shape": [2], "data": [1.0, 1.0]});
    assert!(failures(&misshapen)[0].contains("shape"), "{:?}", failures(&misshapen));
}

/// y = e^x at 0 with cotangent 1: every derivative is 1, and each wrong field is noticed.
#[test]
fn each_field_of_a_case_is_compared() {
    let right = json!({"output": [1.0], "vjp": [[1.0]], "jvp": [1.0], "hvp": [[1.0]]});
    let mut case = singular("exp", json!({}), &[&[0.0]], &[1.0], &[1]);
    case["mpmath"] = right.clone();
    assert_eq!(failures(&case), Vec::<String>::new());
    for (field, wrong) in
        [("output", json!([1.1])), ("vjp", json!([[1.1]])), ("jvp", json!([1.1])), ("hvp", json!([["nan"]]))]
    {
        case["mpmath"] = right.clone();
        case["mpmath"][field] = wrong;
        assert!(!failures(&case).is_empty(), "{field}");
    }
}
