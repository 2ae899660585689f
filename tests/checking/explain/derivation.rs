use crate::explain::golden::assert_golden;
use crate::explain::paths::{chain, olah};
use crate::explain::table::xor;
use retrograd::explain::{Notation, derivation, derivation_as};
use retrograd::graph::Graph;
use retrograd::{Algebra, CustomOp, Element, NumericOp, Result, Tape, Tensor, Triangle, Var};

/// Two layers and softmax with cross-entropy on three labelled rows.
pub fn classifier(tape: &Tape<f64>) -> Var<'_, f64> {
    let x = tape.data([[1.0, -0.5], [0.3, 0.8], [-1.2, 0.4]]).named("X");
    let w1 = tape.var([[0.2, -0.5, 0.7, 0.1], [0.4, 0.3, -0.6, 0.9]]).named("W1");
    let b1 = tape.var([0.1, 0.0, -0.1, 0.2]).named("b1");
    let w2 = tape.var([[0.3, -0.2, 0.5], [-0.7, 0.6, 0.1], [0.2, 0.4, -0.3], [0.8, -0.1, 0.05]]).named("W2");
    let b2 = tape.var([0.0, 0.1, -0.2]).named("b2");
    let a1 = (x.matmul(w1) + b1).named("Z1").relu().named("A1");
    (a1.matmul(w2) + b2).named("Z2").cross_entropy(&[2, 0, 1]).named("L")
}

fn of(var: Var<'_, f64>) -> String {
    derivation(&Graph::of(var)).unwrap()
}

#[track_caller]
fn assert_says(text: &str, line: &str) {
    assert!(text.contains(line), "{line}\nis not in\n{text}");
}

#[test]
fn the_chain_of_numbers_reads_as_in_a_textbook() {
    let tape = Tape::new();
    assert_golden("olah_derivation.md", &of(olah(&tape)));
    let text = of(chain(&tape));
    assert_says(&text, r"\bar{z}_{3} &= \bar{\hat{y}} \cdot \hat{y} \left(1 - \hat{y}\right)");
    assert_golden("chain_derivation.md", &text);
}

#[test]
fn the_two_layer_network_has_the_vectorised_equations() {
    let tape = Tape::new();
    let text = of(xor(&tape));
    assert_says(&text, r"\bar{W}_{1} &= X^{\top} \, \bar{Z}_{1}");
    assert_says(&text, r"\bar{b}_{1} &= \operatorname{colsum}\left(\bar{Z}_{1}\right)");
    assert_golden("xor_derivation.md", &text);
}

#[test]
fn sigmoid_with_binary_cross_entropy_collapses_to_a_minus_y() {
    let tape = Tape::new();
    let z = tape.var(0.3).named("z");
    let y = tape.var(1.0).named("y");
    let a = z.sigmoid().named("a");
    let loss = -(y * a.ln() + (1.0 - y) * (1.0 - a).ln());
    assert_says(&of(loss.named("L")), " = a - y");
    // The same in tensors, a mean over examples, and by way of the fused op.
    let z = tape.var([0.3, -0.8, 1.5, 0.1]).named("z");
    let y = tape.data([1.0, 0.0, 1.0, 1.0]).named("y");
    let a = z.sigmoid().named("a");
    let loss = -((y * a.ln() + (1.0 - y) * (1.0 - a).ln()).mean(()));
    assert_says(&of(loss.named("L")), r" = \frac{1}{4} \left(a - y\right)");
    let fused = Graph::of(z.bce_with_logits(y).sum(()).named("L"));
    assert_says(&derivation(&fused).unwrap(), r"\sigma\left(z\right) - y");
    assert_says(&derivation(&fused.expanded().unwrap()).unwrap(), " - y");
}

#[test]
fn softmax_with_cross_entropy_collapses_to_s_minus_y() {
    let tape = Tape::new();
    let text = of(classifier(&tape));
    assert_says(&text, r"\frac{1}{3} \left(\operatorname{softmax}\left(Z_{2}\right) - Y\right)");
    assert_golden("classifier_derivation.md", &text);
    // As its textbook formula, over targets that are one-hot rows.
    let z = tape.var([[0.3, -0.8, 1.5], [0.1, 0.2, -0.4]]).named("z");
    let y = tape.data([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]).named("y");
    let s = z.softmax(1).named("s");
    let text = of((-(y * s.ln()).sum(()) * 0.5).named("L"));
    assert_says(&text, r" = \frac{1}{2} \left(s - y\right)");
    assert_golden("softmax_derivation.md", &text);
    // With log_softmax, too.
    let p = z.log_softmax(1).named("p");
    assert_says(&of((-(y * p).sum(())).named("L")), r" = e^{p} - y");
}

#[test]
fn rows_that_do_not_add_up_to_one_do_not_collapse_to_s_minus_y() {
    let tape = Tape::new();
    let z = tape.var([[0.3, -0.8, 1.5], [0.1, 0.2, -0.4]]).named("z");
    let y = tape.data([[0.0, 1.0, 0.5], [1.0, 0.0, 0.0]]).named("y");
    let s = z.softmax(1).named("s");
    let text = of((-(y * s.ln()).sum(())).named("L"));
    assert!(!text.contains("= s - y"), "{text}");
    assert_says(&text, r"\operatorname{rowsum}\left(y\right)");
}

#[test]
fn derivatives_are_the_ops_own_rules() {
    let tape = Tape::new();
    let x = tape.var(0.5).named("x");
    let cases: [(Var<'_, f64>, &str); 9] = [
        (x.sin(), r"\cos\left(x\right)"),
        (x.ln(), r"\frac{1}{x}"),
        (x.tanh(), r"1 - y^{2}"),
        (x.powi(5), r"5 x^{4}"),
        (x.square(), r"2 x"),
        (x.asin(), r"\frac{1}{\sqrt{1 - x^{2}}}"),
        (x.exp2(), r"y \cdot \ln 2"),
        (x.relu(), r"\left[y > 0\right]"),
        (x.atan(), r"= \frac{1}{1 + x^{2}}"),
    ];
    for (y, derivative) in cases {
        let text = of(y.named("y"));
        assert!(text.contains(derivative), "{derivative}\nis not in\n{text}");
    }
}

#[test]
fn names_are_safe_in_formulas() {
    let tape = Tape::new();
    let x = tape.var(0.5).named("50%_of $x#{}");
    let text = of(x.square().named("loss"));
    assert_says(&text, r"\mathrm{50\%\_of \$x\#\{\}}");
    assert_says(&text, r"\mathrm{loss}");
    let text = of(tape.var(0.5).named("<b>\n").square());
    assert_says(&text, r"\mathrm{\lt b\gt  }");
    // Two of the same name are told apart.
    let (a, b) = (tape.var(1.0).named("w"), tape.var(2.0).named("w"));
    let text = of(a * b);
    assert_says(&text, r"w^{\left(0\right)} \cdot w^{\left(1\right)}");
}

/// The sum of squares, with a rule over the algebra.
struct SumOfSquares;
impl CustomOp for SumOfSquares {
    const NAME: &'static str = "sum_of_squares";
    fn value<T: Element>(&self, inputs: &[Tensor<T>]) -> Result<Tensor<T>> {
        Ok(Tensor::scalar(inputs[0].iter().map(|&x| x * x).sum()))
    }
    fn vjp<T: Element, A: Algebra<T>>(&self, a: &A, inputs: &[A::V], _output: &A::V, g: &A::V) -> Vec<A::V> {
        vec![a.mul(&a.mul(g, &a.literal(2.0)), &inputs[0])]
    }
}

/// The same with a rule in numbers.
struct InNumbers;
impl NumericOp<f64> for InNumbers {
    fn name(&self) -> &str {
        "in_numbers"
    }
    fn value(&self, inputs: &[Tensor<f64>]) -> Result<Tensor<f64>> {
        Ok(Tensor::scalar(inputs[0].iter().map(|&x| x * x).sum()))
    }
    fn vjp(&self, inputs: &[Tensor<f64>], _output: &Tensor<f64>, g: &Tensor<f64>) -> Vec<Tensor<f64>> {
        vec![inputs[0].map(|x| 2.0 * g.item() * x)]
    }
}

#[test]
fn a_users_op_over_the_algebra_has_a_derivation_and_one_in_numbers_says_why_not() {
    let tape = Tape::new();
    let x = tape.var([1.0, -3.0]).named("x");
    let text = of(tape.custom(SumOfSquares, &[x]).named("y"));
    assert_says(&text, r"y &= \operatorname{sum\_of\_squares}\left(x\right)");
    assert_says(&text, r"\bar{x} &= 2 \bar{y} \, x = 2 x");
    let message = derivation(&Graph::of(tape.numeric(InNumbers, &[x]))).unwrap_err().to_string();
    assert!(message.contains("in_numbers: its rule exists as numbers only"), "{message}");
}

#[test]
fn what_is_raised_twice_stands_in_brackets() {
    let tape = Tape::new();
    let a = tape.var([[2.0, 0.3], [0.5, 1.5]]).named("A");
    let b = tape.var([[1.0], [2.0]]).named("b");
    let text = of((a.inv().matmul(b)).square().sum(()).named("y") + a.det());
    assert!(!text.contains("}^{\\top}^") && !text.contains("^{-1}^{"), "{text}");
    assert_says(&text, r"\left(A^{-1}\right)^{\top}");
}

#[test]
fn what_was_recorded_twice_under_two_names_is_one_formula() {
    let tape = Tape::new();
    let (x, y) = (tape.var(0.5).named("x"), tape.var(2.0).named("y"));
    let (a, b) = ((x * y).named("a"), (y * x).named("b"));
    let text = of((a * b).named("z"));
    assert_says(&text, "b &= a \\\\\nz &= a^{2}");
    assert_says(&text, r"\bar{x} &= 2 \bar{b} \cdot y = 2 y \cdot a");
    // What compile runs computes it once.
    let source = retrograd::explain::rust_source(&Graph::of((a * b).named("z")), "f").unwrap();
    assert_eq!(source.matches("x * y").count() + source.matches("y * x").count(), 1, "{source}");
}

#[test]
fn numbers_of_single_precision_are_written_as_they_were() {
    let tape = Tape::<f32>::of();
    let x = tape.var(0.3f32).named("x");
    assert_says(&derivation(&Graph::of((x * 0.3).named("y"))).unwrap(), r"\bar{x} &= 0.3 \bar{y}");
}

#[test]
fn the_logarithm_of_a_power_is_not_a_power_of_the_logarithm() {
    let tape = Tape::new();
    let (x, z) = (tape.var(0.5).named("x"), tape.var(2.0).named("z"));
    assert_says(&of((x + z).square().ln().named("y")), r"\ln\left(\left(x + z\right)^{2}\right)");
}

#[test]
fn triangular_systems_parts_and_constants_are_written_in_full() {
    let tape = Tape::new();
    let a = tape.var([[2.0, 0.3], [0.5, 1.5]]).named("A");
    let b = tape.var([[1.0], [2.0]]).named("b");
    let solved = |half| of(a.solve_triangular(b, half).square().sum(()).named("y"));
    let lower = solved(Triangle::Lower);
    assert_says(&lower, r"\operatorname{tril}\left(A\right)^{-1} \, b");
    assert_says(&lower, r"\bar{b} &= \operatorname{tril}\left(A\right)^{-\top} \, ");
    assert_says(&lower, r"- $c_{1} = \begin{pmatrix} 1 & 0 \\ 1 & 1 \end{pmatrix}$");
    assert_says(&solved(Triangle::Upper), r"\operatorname{triu}\left(A\right)^{-1} \, b");
    let (sign, log) = a.slogdet();
    let text = of((sign * log).named("y"));
    assert_says(&text, r"\left[0:1, :\right]");
    assert_says(&text, r"\left[1:2, :\right]");
    let text = of(a.matmul(a.transpose()).sum(()).named("y"));
    assert_says(&text, r"= \mathbf{1} \, A + \left(A^{\top} \, \mathbf{1}\right)^{\top}");
}

#[test]
fn the_same_statements_come_as_text_and_as_mathml() {
    let tape = Tape::new();
    for (name, output) in [("classifier", classifier(&tape)), ("chain", chain(&tape))] {
        let graph = Graph::of(output);
        let [latex, mathml, text] = [Notation::Latex, Notation::MathMl, Notation::Text]
            .map(|notation| derivation_as(&graph, notation).unwrap());
        assert_golden(&format!("{name}_derivation.txt"), &text.to_string());
        assert_golden(&format!("{name}_derivation.html"), &mathml.to_string());
        assert_eq!(latex.to_string(), derivation(&graph).unwrap());
        // A fragment of a page is well-formed: browsers and readers of XML agree on it.
        let page = mathml.to_string();
        let page = roxmltree::Document::parse(&page).unwrap();
        let elements = page.descendants().filter(|node| node.is_element());
        assert!(elements.clone().any(|node| node.has_tag_name("math")));
        // The lines have the same nodes and names in every notation, and the document has all of them.
        let lines = |of: &retrograd::explain::Derivation| -> Vec<(usize, String)> {
            of.forward.iter().chain(&of.backward).map(|line| (line.node, line.name.clone())).collect()
        };
        assert_eq!(lines(&latex), lines(&text));
        assert_eq!(lines(&mathml), lines(&text));
        let blocks = elements.filter(|node| node.has_tag_name("div")).filter_map(|node| node.attribute("data-node"));
        let nodes: Vec<usize> = blocks.map(|node| node.parse().unwrap()).collect();
        assert_eq!(nodes, lines(&text).iter().map(|(node, _)| *node).collect::<Vec<_>>());
    }
}

#[test]
fn a_statement_belongs_to_the_node_whose_gradient_it_is() {
    let tape = Tape::new();
    let graph = Graph::of(classifier(&tape));
    for line in derivation_as(&graph, Notation::Text).unwrap().backward {
        let name = graph.nodes()[line.node].name().unwrap();
        assert_eq!(line.name, format!("d{name}"));
        assert!(line.formula.starts_with(&format!("d{name} = ")), "{}", line.formula);
    }
}

#[test]
fn text_has_the_brackets_that_a_fraction_bar_makes_needless() {
    let tape = Tape::new();
    let (x, y) = (tape.var(0.5).named("x"), tape.var(2.0).named("y"));
    let forward = |of: Var<'_, f64>| {
        derivation_as(&Graph::of(of.named("z")), Notation::Text).unwrap().forward.pop().unwrap().formula
    };
    assert_eq!(forward((x + y) / (x * y)), "z = (x + y) / (x * y)");
    assert_eq!(forward(x / y / x), "z = x / y / x");
    assert_eq!(forward(x / (y / x)), "z = x / (y / x)");
    assert_eq!(forward((x - y).square().ln()), "z = ln((x - y)^2)");
    assert_eq!(forward((x + y).sqrt() * y.powf(1.5)), "z = sqrt(x + y) * y^1.5");
    assert_eq!(forward((x * y).exp().powi(-2)), "z = (e^(x * y))^-2");
    assert_eq!(forward(x.greater(y)), "z = [x > y]");
    assert_eq!(forward(x.pow(y) - (y - x)), "z = x^y - (y - x)");
}

#[test]
fn markup_in_a_name_is_text() {
    let tape = Tape::new();
    let x = tape.var(0.5).named("<script>&\u{1}");
    let page = derivation_as(&Graph::of(x.square()), Notation::MathMl).unwrap().to_string();
    assert!(page.contains("&lt;script&gt;&amp; ") && !page.contains("<script>"), "{page}");
}
