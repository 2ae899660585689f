//! Formulas evaluated: what is written down must be what the sweep computes.

use super::*;
use crate::graph::Graph;
use crate::num::elementwise::Math;
use crate::ops::algebra::Algebra;
use crate::ops::{Apply, Apply2, BinaryOp, BuiltinBinary, BuiltinUnary, UnaryOp};
use crate::tape::Recording;
use crate::tape::{Tape, Value, Var};
use crate::tensor::Tensor;
use std::collections::HashMap;

/// Evaluates formulas at a graph's values and gradients.
struct Evaluation<'t, 'b> {
    algebra: Recording<'t, f64>,
    ir: &'b RefCell<Ir<f64>>,
    /// What nodes are, but for the one that is evaluated.
    known: HashMap<NodeKey, Value<f64>>,
}

impl<'t> Evaluation<'t, '_> {
    /// What the node computes, from the known values of others.
    fn of(&self, key: NodeKey) -> Var<'t, f64> {
        let node = self.ir.borrow().node(key).clone();
        let args: Vec<Var<'t, f64>> = node.args.iter().map(|&arg| self.at(arg)).collect();
        match &node.op {
            IrOp::Literal(x) => self.algebra.literal(*x),
            IrOp::Constant(x) => self.algebra.constant(x.clone()),
            IrOp::Op(NodeOp::Unary(op)) => self.algebra.unary(*op, &args[0]),
            IrOp::Op(NodeOp::Binary(op)) => self.algebra.binary(*op, &args[0], &args[1]),
            IrOp::Op(NodeOp::Select) => self.algebra.select(&args[0], &args[1], &args[2]),
            IrOp::Op(NodeOp::Tensor(op)) => self.algebra.apply(op.clone(), &args.iter().collect::<Vec<_>>()),
            _ => panic!("{key:?} is not known and has no formula"),
        }
    }
    fn at(&self, key: NodeKey) -> Var<'t, f64> {
        match self.known.get(&key) {
            Some(value) => self.algebra.tape.leaf(value.clone(), true),
            None => self.of(key),
        }
    }
}

/// Every equation and every collapsed form of the graph, held against its gradients. Gives the number of collapsed forms.
#[track_caller]
fn assert_equations_hold(output: Var<'_, f64>) -> usize {
    let graph = Graph::of(output);
    let equations = Equations::readable(&graph).unwrap();
    let collapsed = collapsed(&graph, &equations);
    let tape = Tape::new();
    let adjoints = graph.adjoints().unwrap();
    let mut evaluation = Evaluation { algebra: Recording::on(&tape), ir: &equations.ir, known: HashMap::new() };
    let mut formulas = Formulas::new(&equations.ir, &graph);
    let literal = |key: NodeKey| equations.ir.borrow().literal_of(key).is_some();
    for node in graph.nodes() {
        let (index, key) = (node.index(), equations.values[node.index()]);
        let known = evaluation.known.contains_key(&key);
        if !known && !node.args().is_empty() {
            assert_is_well_formed(&formulas.formula(key));
            assert_close(&evaluation.of(key).value(), &node.value().clone().into_tensor(), &node.to_string());
        }
        if !literal(key) && !known {
            evaluation.known.insert(key, node.value().clone());
            formulas.say(key, formulas.node(index));
        }
    }
    let last = graph.output().index();
    let seed = equations.adjoints[last].unwrap();
    evaluation.known.insert(seed, adjoints[last].clone());
    formulas.say(seed, formulas.adjoint(last));
    let mut count = 0;
    for node in graph.nodes()[..last].iter().rev().filter(|node| node.is_active()) {
        let index = node.index();
        let expected = adjoints[index].clone().into_tensor();
        let forms = [equations.adjoints[index], collapsed[index]];
        for formula in forms.into_iter().flatten() {
            assert_is_well_formed(&formulas.formula(formula));
            let found = evaluation.at(formula).value();
            let found = tape.data(&found).broadcast_to(node.shape()).value();
            assert_close(&found, &expected, &format!("{node}: {}", latex(&formulas.formula(formula))));
        }
        if let Some(key) = equations.adjoints[index].filter(|&key| !literal(key)) {
            evaluation.known.entry(key).or_insert(adjoints[index].clone());
            formulas.say(key, formulas.adjoint(index));
        }
        count += collapsed[index].is_some() as usize;
    }
    count
}

/// Every brace, bracket and element is closed, in each notation.
#[track_caller]
fn assert_is_well_formed(formula: &Math) {
    let markup = mathml(formula);
    let parsed = roxmltree::Document::parse(&markup);
    assert!(parsed.is_ok(), "{markup}: {parsed:?}");
    let line = text(formula);
    assert_eq!(line.matches('(').count(), line.matches(')').count(), "{line}");
    assert_eq!(line.matches('[').count(), line.matches(']').count(), "{line}");
    assert!(!line.contains(['\\', '{', '\n']) && !line.contains("--") && !line.contains("  "), "{line}");
    let latex = &latex(formula)[..];
    let mut open = 0;
    for c in latex.chars() {
        open += (c == '{') as i32 - (c == '}') as i32;
        assert!(open >= 0, "{latex}");
    }
    assert_eq!(open, 0, "{latex}");
    assert_eq!(latex.matches("\\left").count(), latex.matches("\\right").count(), "{latex}");
    assert_eq!(latex.matches("\\begin").count(), latex.matches("\\end").count(), "{latex}");
    assert!(!latex.contains("--") && !latex.contains("+ -") && !latex.contains("  "), "{latex}");
}

#[track_caller]
fn assert_close(found: &Tensor<f64>, expected: &Tensor<f64>, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    for (a, b) in found.iter().zip(expected.iter()) {
        let close = (a - b).abs() <= 1e-12 * b.abs().max(1.0) || a == b || (a.is_nan() && b.is_nan());
        assert!(close, "{what}: {a} and {b}");
    }
}

#[test]
fn equations_of_every_elementwise_op_hold_at_its_sample_points() {
    use crate::ops::{BinaryVisitor, UnaryVisitor};
    struct Points;
    impl UnaryVisitor for Points {
        type Output = Vec<f64>;
        fn visit<O: BuiltinUnary>(self, _op: O) -> Vec<f64> {
            O::POINTS.to_vec()
        }
    }
    impl BinaryVisitor for Points {
        type Output = Vec<(f64, f64)>;
        fn visit<O: BuiltinBinary>(self, _op: O) -> Vec<(f64, f64)> {
            O::POINTS.to_vec()
        }
    }
    for op in UnaryOp::all().into_iter().filter(|op| !op.is_flat()) {
        for x in op.with(Points) {
            let tape = Tape::new();
            assert_equations_hold(op.with(Apply(tape.var(x))) * 1.5);
            assert_equations_hold((op.with(Apply(tape.var([x, x]))) * 1.5).sum(()));
        }
    }
    for op in BinaryOp::all().into_iter().filter(|op| !op.is_flat()) {
        for (x, y) in op.with(Points) {
            let tape = Tape::new();
            assert_equations_hold(op.with(Apply2(tape.var(x), tape.var(y))) * 1.5);
            assert_equations_hold((op.with(Apply2(tape.var([[x], [x]]), tape.var([y, y, y]))) * 1.5).sum(()));
        }
    }
}

#[test]
fn collapsed_forms_equal_the_gradients() {
    let tape = Tape::new();
    let z = tape.var([[0.3, -0.8, 1.5], [0.1, 0.2, -0.4]]);
    let hot = tape.data([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]);
    let y = tape.data([[0.2, 1.0, 0.0], [1.0, 0.3, 0.0]]);
    let (a, s) = (z.sigmoid(), z.softmax(1));
    for target in [hot, y] {
        assert!(assert_equations_hold(-((target * a.ln() + (1.0 - target) * (1.0 - a).ln()).mean(()))) > 4);
        assert!(assert_equations_hold(-(target * s.ln()).sum(()) / 2.0) > 3);
        assert!(assert_equations_hold(-(target * z.log_softmax(1)).sum(())) > 2);
        assert!(assert_equations_hold(z.bce_with_logits(target).mean(())) > 1);
        assert!(assert_equations_hold(((a - target).square() * 0.5).sum(())) > 2);
    }
    let (x, w, b) = (tape.var(0.7), tape.var(-1.2), tape.var(0.4));
    assert_equations_hold((x - w) / (x + w) * (1.0 / (x - w)) + b / ((b * x - 1.0) * (b * x - 1.0)));
}

#[test]
fn equations_of_tensors_hold() {
    let tape = Tape::new();
    let m = tape.var([[0.3, -1.2, 0.7], [2.0, 0.1, -0.4]]);
    let row = tape.var([0.5, -0.3, 1.1]);
    let square = tape.var([[2.0, 0.3, 0.1], [0.5, 1.5, -0.2], [0.1, 0.4, 3.0]]);
    assert_equations_hold(((m + row).matmul(square).tanh() * m).mean(()) + m.cross_entropy(&[2, 0]));
    assert_equations_hold(square.det() + square.inv().sum(()) + square.solve(m.transpose()).square().sum(()));
    assert_equations_hold(
        m.max(1).sum(()) + m.norm2(0).sum(()) + m.logsumexp(1).sum(()) + m.cumsum(1).square().sum(()),
    );
    assert_equations_hold(
        m.gather(1, &[2, 0, 2]).square().sum(()) + m.slice((.., 1..)).exp().sum(()) + m.std(1, 1).sum(()),
    );
    assert_equations_hold(
        Var::concat(&[m, m * 2.0], 0).square().sum(0).softmax(0).square().sum(()) + m.squared_error(m * 0.5),
    );
}
