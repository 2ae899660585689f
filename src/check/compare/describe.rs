//! Mistakes in words, and how plausible each kind is.

use super::case::Case;
use super::mutant::{self, Change, Mutation};
use super::{Kind, Mistake};
use crate::graph::{Arg, Graph, GraphNode};
use crate::ops::structural::{MatMul, TensorOp};
use crate::ops::{BinaryOp, UnaryOp};
use crate::tape::NodeOp;

/// How implausible a mistake is; ties at the point are listed in this order.
pub(super) fn cost(case: &Case, mutation: &Mutation) -> f64 {
    let node = &case.levels[mutation.level].nodes()[mutation.node];
    let kind = match &mutation.change {
        // Of a square it is the 2 that people forget.
        Change::LeftOut(Some(_)) if node.op() == "square" => 0.32,
        Change::LeftOut(Some(_)) => 0.0,
        Change::LeftOut(None) => 0.3,
        // Whoever leaves a rule out does so off the kink as well.
        Change::Kink => -0.05,
        Change::Diagonal => 0.05,
        Change::Formula(_) => 0.12,
        Change::TransposedFactor(_) | Change::TransposedUpstream(_) | Change::TransposedResult(_) => 0.1,
        Change::Overwritten => 0.1,
        Change::InputForOutput | Change::OutputForInput => 0.15,
        Change::Scaled(-1.0) if matches!(node.op(), "sub" | "neg" | "ln" | "xlogy") => 0.2,
        Change::Scaled(-1.0) | Change::ArgumentScaled(_, -1.0) => 0.25,
        Change::OneExample { .. } | Change::OnlyTerm(_) => 0.25,
        // 2 x without its x is the path forgotten, where what sums to 0 is left.
        Change::Power(..) if node.op() == "square" => 0.34,
        Change::Power(..) => 0.28,
        Change::WithoutOperand(_) => 0.3,
        Change::RuleTwice => 0.62,
        Change::OtherValue(..) => 0.42,
        Change::ArgumentScaled(_, 0.0) => 0.3,
        Change::ArgumentScaled(..) => 0.7,
        Change::Adjoint(_) => 0.35,
        Change::Exchanged | Change::Skipped | Change::Twice => 0.4,
        Change::Scaled(0.0) => 0.45,
        Change::Operand(..) | Change::Flipped => 0.5,
        Change::Scaled(_) => 0.55,
    };
    kind + 0.06 * mutation.level as f64 + if mutation.also.is_empty() { 0.0 } else { 0.04 }
}

/// The mistake as a report has it.
pub(super) fn mistake(case: &Case, mutation: &Mutation) -> Mistake {
    let graph = &case.levels[mutation.level];
    let node = &graph.nodes()[mutation.node];
    let (kind, factor) = kind(&mutation.change);
    Mistake {
        kind,
        node: Some(graph.title(mutation.node)),
        op: Some(node.op().into()),
        scope: node.scope().map(String::from),
        site: node.site().map(|site| format!("{}:{}", site.file(), site.line())),
        factor,
        text: format!("with {}", text(case, mutation, graph, node)),
    }
}

fn kind(change: &Change) -> (Kind, Option<f64>) {
    let kind = match change {
        Change::LeftOut(_) => Kind::RuleLeftOut,
        Change::Scaled(-1.0) => Kind::RuleNegated,
        Change::Scaled(0.0) => Kind::PathForgotten,
        Change::Scaled(c) => return (Kind::RuleScaled, Some(*c)),
        Change::ArgumentScaled(_, -1.0) => Kind::RuleNegated,
        Change::ArgumentScaled(_, 0.0) => Kind::ArgumentForgotten,
        Change::ArgumentScaled(_, c) => return (Kind::RuleScaled, Some(*c)),
        Change::RuleTwice => Kind::RuleTwice,
        Change::WithoutOperand(_) => Kind::OperandDropped,
        Change::InputForOutput => Kind::InputForOutput,
        Change::OutputForInput => Kind::OutputForInput,
        Change::Formula(_) => Kind::OtherDerivative,
        Change::Kink => Kind::Kink,
        Change::Diagonal => Kind::DiagonalAlone,
        Change::TransposedFactor(_) | Change::TransposedUpstream(_) | Change::TransposedResult(_) => {
            Kind::TransposedOperand
        }
        Change::Overwritten => Kind::NotSummed,
        Change::Exchanged => Kind::ArgumentsExchanged,
        Change::OtherValue(..) => Kind::OtherValue,
        Change::Power(..) => Kind::WrongExponent,
        Change::OneExample { .. } | Change::OnlyTerm(_) => Kind::OneExample,
        Change::Twice => Kind::OpTwice,
        // A loss without its square is another loss, but it is the op that was forgotten.
        Change::Skipped => Kind::OpLeftOut,
        Change::Operand(..) => Kind::OperandDropped,
        Change::Flipped => Kind::OperandNegated,
        Change::Adjoint(_) => Kind::OtherLoss,
    };
    (kind, None)
}

fn text(case: &Case, mutation: &Mutation, graph: &Graph<f64>, node: &GraphNode<f64>) -> String {
    let mut here = place(case, mutation.level, mutation.node);
    if !mutation.also.is_empty() && !matches!(mutation.change, Change::OnlyTerm(_)) {
        let others = mutation.also.iter().take(3).map(|&node| short(graph, mutation.level, node));
        let more = mutation.also.len().saturating_sub(3);
        let more = (more > 0).then(|| format!("{more} more"));
        here = format!("{here} and likewise of {}", others.chain(more).collect::<Vec<_>>().join(", "));
    }
    let level = mutation.level;
    let arg = |i: usize| argument(graph, level, &node.args()[i]);
    let named = |c: f64| case.factors.find(c, case.tolerance).map_or(c.to_string(), |factor| factor.name);
    match &mutation.change {
        Change::LeftOut(None) => format!("the derivatives of {here} left out"),
        Change::LeftOut(Some(i)) => match left_out(case, mutation, graph, node, *i) {
            Some(factor) => format!("the factor {factor} of {here} left out of the derivative by {}", arg(*i)),
            None if node.args().len() == 1 => format!("the derivative of {here} left out"),
            None => format!("the derivative of {here} by {} left out", arg(*i)),
        },
        Change::Scaled(-1.0) => format!("the derivative of {here} of the wrong sign"),
        Change::Scaled(0.0) => format!("the path through {here} forgotten"),
        Change::Scaled(c) => format!("the derivative of {here} times {}", named(*c)),
        Change::ArgumentScaled(i, -1.0) => format!("the derivative of {here} by {} of the wrong sign", arg(*i)),
        Change::ArgumentScaled(i, c) if *c != 0.0 => {
            format!("the derivative of {here} by {} times {}, a mean in place of a sum", arg(*i), named(*c))
        }
        Change::RuleTwice => format!("the derivative of {here} applied twice"),
        Change::WithoutOperand(operand) => {
            let parent = node.parents().next().map(|parent| &graph.nodes()[parent].args()[*operand]);
            let operand = parent.map_or(String::new(), |operand| argument(graph, level, operand));
            format!("{operand} dropped in the derivative of {here}")
        }
        Change::ArgumentScaled(i, _) => format!("the path through {here} to {} forgotten", arg(*i)),
        Change::InputForOutput => format!("the derivative of {here} computed from its input where its output belongs"),
        Change::OutputForInput => format!("the derivative of {here} taken at its output instead of its input"),
        Change::Formula(formula) => {
            format!("the derivative of {here} taken as {}, where a is its output", formula.text())
        }
        Change::Kink => format!("the derivative of {here} at 0 taken as that above 0 (>= for >)"),
        Change::Diagonal => format!("the diagonal alone of the derivative of {here}"),
        Change::TransposedFactor(i) => {
            let other = argument(graph, level, &node.args()[1 - *i]);
            format!("{other} in the derivative of {here} by {} transposed the wrong way", arg(*i))
        }
        Change::TransposedUpstream(i) => {
            format!("the gradient by {here} in its derivative by {} transposed the wrong way", arg(*i))
        }
        Change::Overwritten => format!("what {here} takes several times overwritten where it should be added"),
        Change::TransposedResult(i) => format!("the derivative of {here} by {} transposed", arg(*i)),
        Change::OtherValue(i, other) => {
            let place = mutant::place_of_other(node.args().len(), *i);
            let (wrong, right) = (short(graph, level, *other), arg(place));
            format!("{wrong} in place of {right} in the derivative of {here} by {}", arg(*i))
        }
        Change::Power(i, power) => {
            let (arg, which) = (arg(*i), if *power > 0 { "high" } else { "low" });
            format!("the exponent of {arg} in the derivative of {here} too {which} by 1")
        }
        Change::Exchanged => format!("the derivatives of {here} by its two arguments exchanged"),
        _ => text_of_function(case, mutation, graph, node, &here),
    }
}

/// The same for mistakes in the function, and for what is summed.
fn text_of_function(case: &Case, mutation: &Mutation, graph: &Graph<f64>, node: &GraphNode<f64>, here: &str) -> String {
    let arg = |i: usize| argument(graph, mutation.level, &node.args()[i]);
    match &mutation.change {
        Change::OneExample { axis, index } => {
            let size = mutant::inputs_of(graph, node)[0].shape()[*axis];
            match case.factors.examples {
                Some(examples) if examples != size => {
                    format!("only index {index} of axis {axis} of what {here} adds up")
                }
                _ => format!("only example {index} of those that {here} adds up"),
            }
        }
        Change::OnlyTerm(k) => format!("only term {k} of the sum that a loop adds up at {here}"),
        Change::Twice => format!("{here} applied twice"),
        Change::Skipped => format!("{here} left out of the function"),
        Change::Operand(i, x) => format!("{} dropped from {here} (taken as {x})", arg(*i)),
        Change::Flipped if node.op() == "sub" => format!("{here} taken as a sum"),
        Change::Flipped => format!("{here} taken as a difference"),
        Change::Adjoint(_) => format!("another gradient by {here}"),
        _ => format!("another derivative of {here}"),
    }
}

/// The factor of a derivative by an argument, where that is another argument or a number.
fn left_out(case: &Case, mutation: &Mutation, graph: &Graph<f64>, node: &GraphNode<f64>, wrt: usize) -> Option<String> {
    let level = mutation.level;
    let other = node.args().get(1 - wrt.min(1))?;
    let number = |c: f64| match case.factors.find(c, case.tolerance) {
        Some(factor) if factor.parts > 0 && factor.name != c.to_string() => format!("{c} ({})", factor.name),
        _ => c.to_string(),
    };
    match (&node.op, other) {
        (NodeOp::Binary(BinaryOp::Mul(_)), Arg::Literal(c)) => Some(number(*c)),
        (NodeOp::Binary(BinaryOp::Div(_)), Arg::Literal(c)) if wrt == 0 => Some(format!("1/{c}")),
        (NodeOp::Binary(BinaryOp::Mul(_)), other) => Some(argument(graph, level, other)),
        (NodeOp::Binary(BinaryOp::Div(_)), other) if wrt == 0 => Some(format!("1/{}", argument(graph, level, other))),
        (NodeOp::Tensor(TensorOp::MatMul(op)), other) => Some(factor_of_product(op, graph, level, other, wrt)),
        _ => None,
    }
}

/// The other operand of a product as it stands in the derivative: transposed, unless it was so in the product.
pub(super) fn factor_of_product(op: &MatMul, graph: &Graph<f64>, level: usize, other: &Arg<f64>, wrt: usize) -> String {
    let was = if wrt == 0 { op.tb } else { op.ta };
    format!("{}{}", argument(graph, level, other), if was { "" } else { "'" })
}

/// The derivative of an elementwise op as a factor: `sigmoid'(z1)`.
pub(super) fn local_derivative(graph: &Graph<f64>, level: usize, node: &GraphNode<f64>) -> String {
    let argument = node.args().first().map_or(String::new(), |arg| argument(graph, level, arg));
    match mutant::unary(node) {
        Some(UnaryOp::Neg(_)) => "-1".into(),
        _ => format!("{}'({argument})", node.op()),
    }
}

/// An argument by its name, or its op and number.
pub(super) fn argument(graph: &Graph<f64>, level: usize, arg: &Arg<f64>) -> String {
    match arg {
        Arg::Node(index) => short(graph, level, *index),
        Arg::Literal(x) => x.to_string(),
    }
}

/// A node by its name, as a function of a named one, or by op and number.
pub(super) fn short(graph: &Graph<f64>, level: usize, index: usize) -> String {
    let node = &graph.nodes()[index];
    // Numbers of an expansion's nodes stand nowhere that one could look.
    let plain = || if level == 0 { graph.title(index) } else { node.name().unwrap_or(node.op()).to_string() };
    match node.args() {
        [Arg::Node(x)] if node.name().is_none() => match graph.nodes()[*x].name() {
            Some(name) => format!("{}({name})", node.op()),
            None => plain(),
        },
        _ => plain(),
    }
}

/// A node with its op, its scope, and its source line.
pub(super) fn place(case: &Case, level: usize, index: usize) -> String {
    let graph = &case.levels[level];
    let node = &graph.nodes()[index];
    let mut text = match node.name() {
        Some(name) => format!("{name} = {}", node.op()),
        None if level == 0 => graph.title(index),
        None => node.op().to_string(),
    };
    // In an expansion, the op that it is part of says more than a number.
    if level > 0
        && let Some(whole) = whole(case, graph, node)
    {
        text = format!("{text} within {}", case.levels[0].title(whole.index()));
    }
    let site = node.site().map(|site| format!("{}:{}", site.file(), site.line()));
    let known: Vec<String> = node.scope().map(String::from).into_iter().chain(site).collect();
    if known.is_empty() { text } else { format!("{text} ({})", known.join(", ")) }
}

/// The op as recorded that a node of an expansion is part of: one of its source line that the expansion has no more.
fn whole<'a>(case: &'a Case, graph: &Graph<f64>, node: &GraphNode<f64>) -> Option<&'a GraphNode<f64>> {
    let site = node.site()?;
    let stays = |op: &str| graph.nodes().iter().any(|other| other.site() == Some(site) && other.op() == op);
    let here = |whole: &&GraphNode<f64>| whole.site() == Some(site) && whole.is_active() && !stays(whole.op());
    case.levels[0].nodes().iter().rfind(here)
}
