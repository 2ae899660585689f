//! What a comparison says, as text, data, Markdown and HTML.

use super::without_lines;
use crate::explain::golden::assert_golden;
use retrograd::Tensor;
use retrograd::check::compare::{Compare, Comparison};

/// A1 = sigmoid(W1 X + b1), L = |W2 A1 - T|^2 / 2, and what a derivation by hand makes of it.
struct Layers {
    w1: Tensor<f64>,
    b1: Tensor<f64>,
    w2: Tensor<f64>,
    x: Tensor<f64>,
    t: Tensor<f64>,
    a1: Tensor<f64>,
    dy: Tensor<f64>,
}

impl Layers {
    fn new() -> Self {
        let w1 = Tensor::from([[0.4, -0.3], [0.2, 0.7], [-0.5, 0.1]]);
        let b1 = Tensor::from([[0.1], [-0.2], [0.3]]);
        let w2 = Tensor::from([[0.6, -0.4, 0.25], [-0.35, 0.15, 0.8]]);
        let x = Tensor::from([[1.0, -0.5, 0.3, 2.0], [0.2, 0.8, -1.1, 0.4]]);
        let t = Tensor::from([[1.0, 0.0, 0.5, 1.0], [0.0, 1.0, 0.25, -1.0]]);
        let a1 = (w1.matmul(&x) + &b1).map(|z| 1.0 / (1.0 + f64::exp(-z)));
        let dy = w2.matmul(&a1) - &t;
        Self { w1, b1, w2, x, t, a1, dy }
    }
    fn da1(&self) -> Tensor<f64> {
        self.w2.t().matmul(&self.dy)
    }
    fn right(&self) -> Tensor<f64> {
        self.da1() * self.a1.map(|a| a * (1.0 - a))
    }
    fn compare(&self) -> Compare<'_> {
        Compare::new(|p| {
            let z1 = (p["W1"].matmul(&self.x) + p["b1"]).named("Z1");
            let a1 = z1.sigmoid().named("A1");
            let y = p["W2"].matmul(a1).named("Y");
            (y - &self.t).square().sum(()) * 0.5
        })
        .parameter("W1", &self.w1)
        .parameter("b1", &self.b1)
        .parameter("W2", &self.w2)
    }
    /// The comparison of what follows from this dZ1.
    fn report(&self, dz1: &Tensor<f64>) -> Comparison {
        self.with_parameters(dz1).run().unwrap()
    }
    fn with_parameters(&self, dz1: &Tensor<f64>) -> Compare<'_> {
        self.compare()
            .hand("W1", dz1.matmul(self.x.t()))
            .hand("b1", dz1.sum(1).reshape([3, 1]))
            .hand("W2", self.dy.matmul(self.a1.t()))
    }
    /// Numbers that no small mistake gives.
    fn noise(&self) -> Tensor<f64> {
        let mut number = 0.0;
        self.right().map(|x| {
            number += 1.0;
            x + 0.3 * f64::sin(number * number * 1.7)
        })
    }
}

/// How many were tried is no part of what is held.
fn without_counts(text: &str) -> String {
    let Some((before, after)) = text.split_once(" among ") else { return text.into() };
    format!("{before} among COUNT{}", &after[after.find(' ').unwrap()..])
}

#[test]
fn a_report_prints_the_statement_as_it_is_and_as_it_should_be() {
    let layers = Layers::new();
    let report = layers.report(&(layers.da1() * &layers.a1));
    let text = without_lines(&report.to_string());
    println!("{text}");
    let diagnosis = text.split("diagnosis: ").nth(1).unwrap();
    let lines: Vec<&str> = diagnosis.lines().collect();
    assert!(lines[0].starts_with("your W1 and b1 equal") || lines[0].starts_with("your W1, b1 equal"), "{}", lines[0]);
    assert!(lines[0].contains("A1") && lines[0].contains("report.rs:LINE"), "{}", lines[0]);
    let mistake = &report.diagnosis.best().unwrap().mistakes[0];
    let (wrong, right) = (mistake.wrong.as_deref().unwrap(), mistake.right.as_deref().unwrap());
    assert_ne!(wrong, right);
    let width = wrong.chars().count().max(right.chars().count());
    assert_eq!(lines[1], format!("    {wrong:<width$}    as it is"));
    assert_eq!(lines[2], format!("    {right:<width$}    as it should be"));
}

#[test]
fn explanations_of_one_place_are_shown_once() {
    let layers = Layers::new();
    let mut report = layers.report(&(layers.da1() * &layers.a1));
    let best = report.diagnosis.best().unwrap().clone();
    let at = |node: &str| {
        let mut other = best.clone();
        other.mistakes.truncate(1);
        other.mistakes[0].nodes = vec![node.into()];
        other.text = format!("at {node}");
        other
    };
    let places = ["A", "A", "A", "B", "C", "D", "B"];
    report.diagnosis.explanations = places.iter().map(|node| at(node)).collect();
    let text = report.diagnosis.to_string();
    let shown: Vec<&str> = text.lines().filter(|line| !line.starts_with("    ")).collect();
    assert_eq!(
        shown,
        [
            "at A",
            "  the same at this point: at B",
            "  the same at this point: at C",
            "  and 4 more that come to the same"
        ]
    );
}

#[test]
fn what_nothing_explains_is_described_with_its_place() {
    let layers = Layers::new();
    let report = layers.report(&layers.noise());
    let text = report.diagnosis.to_string();
    println!("{text}");
    assert!(report.diagnosis.best().is_none());
    let description = &report.diagnosis.description;
    assert!(description.iter().any(|line| line.starts_with("your W1: ") && line.contains("cosine")), "{text}");
    assert_eq!(
        description.last().unwrap(),
        "by elimination: if it is one mistake, it is in the statement of dA1 or dZ1, from which dW1 and db1 come and dW2 does not"
    );
    assert!(text.contains("no mistake among "), "{text}");
}

#[test]
fn intermediates_bound_the_place_of_what_nothing_explains() {
    let layers = Layers::new();
    let noise = layers.noise();
    let report = layers.with_parameters(&noise).hand("Z1", &noise).hand("A1", layers.da1()).run().unwrap();
    let description = &report.diagnosis.description;
    assert_eq!(
        description.last().map(String::as_str),
        Some("by elimination: dA1 is right and dZ1 is wrong, so a mistake is in the statement of dZ1"),
        "{report}"
    );
    // What follows from it is not described one by one where there are many.
    let (dy, t) = (layers.noise().slice(..2) + &layers.dy, &layers.w2.t());
    let da1 = t.matmul(&dy);
    let dz1 = &da1 * layers.a1.map(|a| a * (1.0 - a));
    let report = layers.with_parameters(&dz1).hand("Z1", &dz1).hand("A1", &da1).hand("Y", &dy).run().unwrap();
    let description = &report.diagnosis.description;
    assert_eq!(description.len(), 3, "{report}");
    assert!(description[0].starts_with("your Y: "), "{report}");
    assert_eq!(description[1], "your W1, b1, Z1 and A1 differ too, and are computed from what is wrong above");
    assert_eq!(
        description[2],
        "by elimination: dY is wrong and dW2, computed from it, is right: another value went into that one"
    );
    // Right ones on all ways leave no single place.
    let wrong = layers.dy.map(|x| x + 0.1 * x * x * x);
    let report = layers
        .compare()
        .hand("Z1", layers.right())
        .hand("b1", layers.noise().sum(1).reshape([3, 1]))
        .hand("W2", wrong.matmul(layers.a1.t()).map(|x| x + 0.01 * f64::sin(900.0 * x)))
        .run()
        .unwrap();
    let text = report.to_string();
    assert!(text.contains("both have a mistake of their own"), "{text}");
}

#[test]
fn a_ratio_without_a_reason_is_named() {
    let layers = Layers::new();
    let report = layers.report(&(layers.right() * (1.0 / 37.0)));
    let text = report.diagnosis.to_string();
    assert!(report.diagnosis.best().is_none(), "{text}");
    assert!(text.starts_with("your W1 and b1: 1/37 (0.0270270) times the true gradient, everywhere\n"), "{text}");
}

#[test]
fn nan_by_hand_is_located_and_zero_called_that() {
    let layers = Layers::new();
    let mut dz1 = layers.right();
    dz1.as_mut_slice()[0] = f64::NAN;
    let report = layers.report(&dz1);
    let text = report.to_string();
    assert!(text.contains("your W1: NaN in row 0; right elsewhere"), "{text}");
    assert!(text.contains("your b1: NaN in [0, 0]; right elsewhere"), "{text}");
}

#[test]
fn reports_read_as_in_the_golden_files() {
    let layers = Layers::new();
    let mut report = layers.report(&(layers.da1() * &layers.a1));
    // What else gives the same numbers is the search's matter.
    report.diagnosis.explanations.truncate(1);
    assert_golden("compare.md", &without_lines(&report.to_markdown()));
    assert_golden("compare.html", &without_lines(&report.to_html()));
    let report = layers.report(&layers.noise());
    assert_golden("compare_unexplained.txt", &(without_counts(&without_lines(&report.to_string())) + "\n"));
}

#[test]
fn pages_are_well_formed_and_names_are_no_markup() {
    let name = "w<b>&\"'|`*_\n$";
    let report = Compare::new(|p| p[0].tanh().named("</style><script>").square().sum(()))
        .parameter(name, [0.5, 1.0])
        .hand(name, [2.0 * f64::tanh(0.5), 2.0 * f64::tanh(1.0)])
        .run()
        .unwrap();
    let page = report.to_html();
    roxmltree::Document::parse_with_options(
        &page,
        roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() },
    )
    .unwrap();
    assert!(!page.contains("<script") && !page.contains("http"), "{page}");
    // Without the mark, the statements are those of the diagnosis.
    let mistake = &report.diagnosis.best().unwrap().mistakes[0];
    let plain = page.replace("<mark class=\"right\">", "").replace("<mark class=\"wrong\">", "").replace("</mark>", "");
    for statement in [&mistake.wrong, &mistake.right].into_iter().flatten() {
        let escaped = statement.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let escaped = escaped.replace('"', "&quot;").replace('\'', "&#39;").replace('\n', " ");
        assert!(plain.contains(&format!("<code>{escaped}</code>")), "{escaped}: {page}");
    }
    assert!(page.contains("w&lt;b&gt;&amp;&quot;&#39;|`*_ $"), "{page}");
    let markdown = report.to_markdown();
    assert!(markdown.contains("w\\<b\\>\\&\"'\\|\\`\\*\\_ \\$"), "{markdown}");
    let table: Vec<&str> = markdown.lines().filter(|line| line.starts_with('|')).collect();
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(table.len() == 3 && table.iter().all(|line| bars(line) == 13), "{markdown}");
}

#[cfg(feature = "training")]
mod json {
    use super::*;
    use retrograd::serde_json::{Value, json, to_string_pretty};

    /// Numbers to five digits, and rounding as 0; how many were tried is no part of what is held.
    fn steady(value: &mut Value) {
        match value {
            Value::Number(x) if x.is_f64() => {
                let x = x.as_f64().unwrap();
                let brief = if x.abs() < 1e-9 { 0.0 } else { format!("{x:.4e}").parse().unwrap() };
                *value = json!(brief);
            }
            Value::Array(values) => values.iter_mut().for_each(steady),
            Value::Object(map) => map.iter_mut().for_each(|(key, value)| match key.as_str() {
                "singles" | "pairs" => *value = json!("COUNT"),
                _ => steady(value),
            }),
            _ => {}
        }
    }

    #[test]
    fn the_data_reads_as_in_the_golden_file() {
        let layers = Layers::new();
        let mut report = layers.report(&(layers.da1() * &layers.a1));
        report.diagnosis.explanations.truncate(1);
        let mut value = report.to_json();
        steady(&mut value);
        assert_golden("compare.json", &(without_lines(&to_string_pretty(&value).unwrap()) + "\n"));
    }

    #[test]
    fn what_json_has_no_number_for_is_null_or_a_text() {
        let report = Compare::new(|p| p["x"].square().sum(()))
            .parameter("x", [1.0, 2.0, 3.0])
            .hand("x", [f64::NAN, f64::INFINITY, f64::NEG_INFINITY])
            .run()
            .unwrap()
            .to_json();
        let x = &report["gradients"][0];
        assert_eq!(x["hand"], json!({"shape": [3], "data": ["NaN", "Infinity", "-Infinity"]}));
        assert_eq!(x["reverse"]["data"], json!([2.0, 4.0, 6.0]));
        assert_eq!(report["diagnosis"]["description"][0], "your x: not finite everywhere");
        let shape = Compare::new(|p| p["x"].square().sum(()))
            .parameter("x", [1.0, 2.0, 3.0])
            .hand("x", [0.3, 0.7])
            .run()
            .unwrap()
            .to_json();
        assert_eq!(
            (&shape["gradients"][0]["max_relative"], &shape["gradients"][0]["worst"]),
            (&Value::Null, &Value::Null)
        );
        let right = Compare::new(|p| p["x"].square()).parameter("x", 1.0).hand("x", 2.0).run().unwrap().to_json();
        assert_eq!((&right["verdict"], &right["diagnosis"]), (&json!("agrees"), &Value::Null));
        assert_eq!(right["hand_value"], Value::Null);
    }
}
