//! Generated Rust: compiled, run, and compared with the tape.

use crate::explain::derivation::classifier;
use crate::explain::golden::assert_golden;
use crate::explain::harness::{Case, assert_agree};
use crate::explain::paths::{chain, olah};
use crate::explain::table::xor;
use retrograd::explain::rust_source;
use retrograd::graph::Graph;
use retrograd::{Float, Number, Tape, Tensor, Unary, Upstream, Var, ops::Saves};

fn scalars(tape: &Tape<f64>) -> Vec<Case> {
    let v = |value: f64, name: &str| tape.var(value).named(name);
    let (x, y) = (v(0.7, "x"), v(1.3, "y"));
    // Every one-argument op that std has a formula for.
    let unary =
        x.abs() + x.sign() + x.square() + x.sqrt() + x.rsqrt() + x.cbrt() + x.reciprocal() + x.powi(3) + x.powi(-2);
    let exponential = x.powf(2.5) * x.exp() + x.exp2() + x.expm1() * x.ln() + x.log2() + x.log10() + x.log1p();
    let circular = x.sin() + x.cos() * x.tan() + x.asin() + x.acos() * x.atan() + x.sinh() + x.cosh() * x.tanh();
    let inverse = x.asinh() + y.acosh() + x.atanh() + x.floor() + x.ceil() + y.round();
    let squashing = x.sigmoid() + x.log_sigmoid() * x.softplus() + x.relu() + (-x).relu() + (-x).leaky_relu(0.01);
    let units = (-x).elu(0.9) + (-x).selu() + (-x).celu(1.2) + x.relu6() + x.gelu_tanh() + x.silu() * x.mish();
    let bounded = x.softsign() + x.hard_tanh() + x.hard_sigmoid() + x.clamp(-1.0, 1.0) + x.huber(0.5) + y.huber(2.0);
    let binary = (x - y) / (x + y * 2.0) - x.pow(y) + x.atan2(y) * x.hypot(y) + x.maximum(y) + x.minimum(y);
    let others = x.logaddexp(y) + x.xlogy(y) + x.bce_with_logits(y) + x.greater(y).select(x, y) + x.less(y) * x;
    let distributions = (-x).erfcx() * x.erfcx() + y.normal_cdf() * (-y).log_normal_cdf() + y.log_normal_cdf();
    let inverses =
        x.logit() + (x * 0.3).logit() + x.erfinv() + (x * 1.3).erfinv() + x.log_cosh() * (x * 30.0).log_cosh();
    let zero = v(0.0, "zero");
    vec![
        Case::new("olah", olah(tape)),
        Case::new("chain", chain(tape)),
        Case::new("unary", unary),
        Case::new("exponential", exponential),
        Case::new("circular", circular),
        Case::new("inverse", inverse),
        Case::new("squashing", squashing),
        Case::new("units", units),
        Case::new("bounded", bounded),
        Case::new("binary", binary),
        Case::new("others", others),
        Case::new("distributions", distributions),
        Case::new("derivatives", x.erfcx_derivative(3) + (-x).erfcx_derivative(2) + (x * 0.1).erfcx_derivative(4)),
        Case::new("inverses", inverses),
        Case::new("moved", x.permute(&[]) * y.at([])),
        // From the reference expressions: sin(x y) + exp(-x^2) / (1 + y^2), and more of their kind.
        Case::new("expr/00", (x * y).sin() + (-x.powi(2)).exp() / (1.0 + y.powi(2))),
        Case::new("nested", ((x * 2.0 - (y - 1.0)) - -(x / (y / x))).tanh() * (3.0 - x)),
        // No gradient arrives where the derivative is infinite; the output itself is a variable.
        Case::new("masked", zero.sqrt() * 0.0 + x),
        Case::new("identity", v(2.0, "only") + 0.0),
        Case::new(
            "names",
            (v(1.0, "fn") * v(2.0, "W") * v(3.0, "w") + v(4.0, "relu") * v(5.0, "d_w") * v(6.0, "2nd")).relu(),
        ),
    ]
}

fn tensors(tape: &Tape<f64>) -> Vec<Case> {
    let m = tape.var([[0.3, -1.2, 0.7], [2.0, 0.1, -0.4]]).named("m");
    let row = tape.var([0.5, -0.3, 1.1]).named("row");
    let column = tape.var([[0.2], [-0.8]]).named("column");
    let s = tape.var(1.5).named("s");
    let t = tape.var(Tensor::new([2, 3, 4], (0..24).map(|i| (i as f64 * 0.7).sin()).collect()).unwrap()).named("t");
    let q = tape.var(Tensor::new([2, 4, 2], (0..16).map(|i| (i as f64 * 1.3).cos()).collect()).unwrap()).named("q");
    let y = tape.data([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]).named("y");
    let middle = tape.var([[[0.4], [-0.9], [0.6]]]).named("middle");
    vec![
        Case::new("xor", xor(tape)),
        Case::new("classifier", classifier(tape)),
        Case::new("broadcast", ((m + row) * column / (s + 2.0) - m.square() * s).mean(())),
        Case::new("general broadcast", (t * middle + column.reshape([2, 1, 1]) * t.sum(0).sum(())).square().mean(())),
        Case::new(
            "reductions",
            m.sum(0).square().sum(()) + (m.mean(1) * s).sum(()) + m.max(1).sum(()) * m.min(0).sum(()),
        ),
        Case::new(
            "sums",
            (t.sum([0, 2]) * row).sum(()) + t.sum(1).square().sum(()) + t.logsumexp(2).sum(()) + m.norm2(1).sum(()),
        ),
        Case::new("rows", (m.softmax(1) * y).sum(()) + (m.log_softmax(0) * m).sum(()) + (m.cumsum(1) * y).sum(())),
        Case::new(
            "losses",
            m.mean_squared_error(y) + m.bce_with_logits(y).mean(()) + m.huber_error(y, 0.7) + (m * s).squared_error(m),
        ),
        Case::new("norms", m.norm1(1).sum(()) + m.norm_inf(0).sum(()) + t.std(2, 1).sum(()) + t.var(1, 0).sum(()) * s),
        Case::new("products along an axis", m.prod(1).sum(()) + row.cumprod(0).sum(())),
        Case::new(
            "transposes",
            (m.transpose().matmul(m).reshape([9]) * 0.5).sin().sum(()) + t.permute(&[2, 0, 1]).square().sum(0).sum(()),
        ),
        Case::new(
            "views",
            t.slice((1, .., 1..3)).square().sum(())
                + m.flip(1).matmul(m.roll(1, 1).transpose()).sum(())
                + m.tril(0).at([1, 0]) * s,
        ),
        Case::new(
            "indices",
            (m.gather(1, &[2, 0, 2, 1]) * m.gather(0, &[1, 1]).sum(())).square().sum(())
                + m.scatter_add(1, &[0, 3, 0], 4).square().sum(()),
        ),
        Case::new(
            "parts",
            Var::concat(&[m, column, m * s], 1).square().sum(0).tanh().sum(())
                + Var::stack(&[row, row * s], 0).prod(0).sum(()),
        ),
        Case::new("padding", m.pad(&[(1, 0), (0, 2)]).square().sum(()) + row.outer(row).trace() + row.dot(row * s)),
        Case::new(
            "products",
            t.matmul(q).tanh().sum(())
                + m.matmul(t.slice((0, .., ..))).sum(())
                + m.matmul_nt(m).sum(())
                + m.matmul_tn(m).sin().sum(()),
        ),
        Case::new("stretched products", m.matmul(t).cos().sum(()) + t.matmul(q.slice((0, .., ..))).square().mean(())),
        Case::new("infinite data", (s * tape.data([f64::INFINITY, 1.0])).minimum(5.0).sum(())),
        Case::new("ties", m.maximum(m * 1.0).sum(()) + (row * 0.0).relu().sum(()) + (row * 0.0).max(0) * s),
        Case::new("a stretched number", (s.broadcast_to([2, 3]) * m).sum(()) + s.reshape([1]).square().sum(())),
    ]
}

#[test]
fn generated_rust_gives_the_tapes_values_and_gradients() {
    let (tape, others) = (Tape::new(), [Tape::new(), Tape::new()]);
    let mut cases = scalars(&tape);
    cases.extend(tensors(&tape));
    // Expanded graphs, where softmax and its like stand as their formulas.
    let graphs = [("expanded xor", Graph::of(xor(&tape))), ("expanded classifier", Graph::of(classifier(&tape)))];
    for ((name, graph), again) in graphs.into_iter().zip(&others) {
        let expanded = graph.expanded().and_then(|graph| graph.expanded()).unwrap();
        let vars = expanded.record(again).unwrap();
        cases.push(Case::new(name, vars[vars.len() - 1]));
    }
    assert_agree(cases);
}

#[test]
fn generated_rust_reads_as_documentation() {
    let tape = Tape::new();
    assert_golden("olah_source.rs", &rust_source(&Graph::of(olah(&tape)), "value_and_gradient").unwrap());
    assert_golden("chain_source.rs", &rust_source(&Graph::of(chain(&tape)), "value_and_gradient").unwrap());
    assert_golden("xor_source.rs", &rust_source(&Graph::of(xor(&tape)), "value_and_gradient").unwrap());
    assert_golden("classifier_source.rs", &rust_source(&Graph::of(classifier(&tape)), "value_and_gradient").unwrap());
}

#[test]
fn single_precision_stays_single() {
    let tape = Tape::<f32>::of();
    let x = tape.var([0.1f32, 2.0]).named("x");
    let source = rust_source(&Graph::of((x * 0.3).sigmoid().sum(())), "f").unwrap();
    assert!(source.contains("pub fn f(x: &[f32]) -> (f32, Gradient)") && !source.contains("f64"), "{source}");
    assert!(source.contains("x[i] * 0.3)") || source.contains("x[i] * 0.3;"), "{source}");
}

/// An op of a user's, with a rule and without a formula for its value.
#[derive(Clone, Copy, Debug)]
struct Cube;
impl Unary for Cube {
    const NAME: &'static str = "cube";
    const SAVES: Saves = Saves::X;
    const POINTS: &'static [f64] = &[0.5];
    fn value<F: Float>(self, x: F) -> F {
        x * x * x
    }
    fn vjp<S: Number>(self, x: S, _y: S, g: Upstream<S>) -> Upstream<S> {
        g * (S::lit(3.0) * x * x)
    }
}

#[test]
fn ops_without_a_formula_are_refused_by_name() {
    let tape = Tape::new();
    let x = tape.var(2.5).named("x");
    let m = tape.var([[2.0, 1.0], [0.5, 3.0]]);
    for (op, y) in [("lgamma", x.lgamma()), ("erf", x.erf()), ("gelu", x.gelu()), ("cube", x.apply(Cube))] {
        let message = rust_source(&Graph::of(y), "f").unwrap_err().to_string();
        assert!(message.contains(&format!("rust_source: {op} has no formula in std")), "{message}");
    }
    let message = rust_source(&Graph::of(m.square()), "f").unwrap_err().to_string();
    assert!(message.contains("output must be a number, got shape [2, 2]"), "{message}");
    for name in ["", "2f", "f(x)", "fn", "F"] {
        let message = rust_source(&Graph::of(x.square()), name).unwrap_err().to_string();
        assert!(message.contains("is not the name of a Rust function"), "{message}");
    }
}

#[test]
fn a_users_rule_writes_its_own_derivative() {
    let tape = Tape::new();
    let x = tape.var(2.0).named("x");
    let text = retrograd::explain::derivation(&Graph::of(x.apply(Cube).named("y"))).unwrap();
    assert!(text.contains(r"y &= \operatorname{cube}\left(x\right)"), "{text}");
    assert!(text.contains(r"3 x \cdot x") || text.contains(r"= 3 x^{2}"), "{text}");
}

#[test]
fn long_graphs_and_nodes_with_many_readers_are_written() {
    let tape = Tape::new();
    let x = tape.var(0.999).named("x");
    let y = (0..1000).fold(x, |y, _| (y * x).sin() + 0.1);
    let graph = Graph::of(y);
    let source = rust_source(&graph, "f").unwrap();
    assert!(source.lines().count() > 2000);
    assert!(retrograd::explain::derivation(&graph).unwrap().len() > 30_000);
}

#[test]
fn an_infinite_literal_is_a_constant_of_its_type() {
    let tape = Tape::new();
    let x = tape.var(0.5).named("x");
    for (number, text) in [(f64::NAN, "NAN"), (f64::INFINITY, "INFINITY"), (f64::NEG_INFINITY, "NEG_INFINITY")] {
        let source = rust_source(&Graph::of(Var::constant(number).hypot(x)), "f").unwrap();
        assert!(source.contains(&format!("f64::{text}.hypot(x)")), "{source}");
    }
}
