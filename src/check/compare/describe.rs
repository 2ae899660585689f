//! Mistakes in words, and how plausible each kind is.

use super::case::Case;
use super::mutant::{self, Change, Mutation};
use super::{Kind, Mistake};
use crate::graph::{Arg, Graph, GraphNode};
use crate::ops::UnaryOp;
use crate::ops::structural::MatMul;

/// The user's line that recorded a node; none where that is a line of this library.
pub(super) fn site(node: &GraphNode<f64>) -> Option<String> {
    let site = node.site()?;
    let library = file!().strip_suffix("check/compare/describe.rs")?;
    (!site.file().starts_with(library)).then(|| format!("{}:{}", site.file(), site.line()))
}

/// How implausible a mistake is; ties at the point are listed in this order.
pub(super) fn cost(mutation: &Mutation) -> f64 {
    let kind = match &mutation.change {
        Change::OneExample { .. } | Change::OnlyTerm(_) => 0.25,
        Change::OnlyStart => 0.3,
        Change::Adjoint(_) => 0.35,
        Change::Exchanged | Change::Skipped | Change::Twice => 0.4,
        Change::Operand(..) | Change::Flipped => 0.5,
    };
    kind + 0.06 * mutation.level as f64 + if mutation.also.is_empty() { 0.0 } else { 0.04 }
}

/// The mistake as a report has it.
pub(super) fn mistake(case: &Case, mutation: &Mutation) -> Mistake {
    let graph = &case.levels[mutation.level];
    let node = &graph.nodes()[mutation.node];
    Mistake {
        kind: kind(&mutation.change),
        node: Some(graph.title(mutation.node)),
        nodes: vec![graph.title(mutation.node)],
        op: Some(node.op().into()),
        scope: node.scope().map(String::from),
        site: site(node),
        factor: None,
        wrong: None,
        right: None,
        text: format!("with {}", text(case, mutation, graph, node)),
    }
}

fn kind(change: &Change) -> Kind {
    match change {
        Change::Exchanged => Kind::ArgumentsExchanged,
        Change::OneExample { .. } | Change::OnlyTerm(_) => Kind::OneExample,
        Change::OnlyStart => Kind::ArgumentForgotten,
        Change::Twice => Kind::OpTwice,
        // A loss without its square is another loss, but it is the op that was forgotten.
        Change::Skipped => Kind::OpLeftOut,
        Change::Operand(..) => Kind::OperandDropped,
        Change::Flipped => Kind::OperandNegated,
        Change::Adjoint(_) => Kind::OtherLoss,
    }
}

fn text(case: &Case, mutation: &Mutation, graph: &Graph<f64>, node: &GraphNode<f64>) -> String {
    let here = place(case, mutation.level, mutation.node);
    let arg = |i: usize| argument(graph, mutation.level, &node.args()[i]);
    match &mutation.change {
        Change::Exchanged => format!("the derivatives of {here} by its two arguments exchanged"),
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
        Change::OnlyStart => format!("what a loop adds up at {here} forgotten"),
        Change::Twice => format!("{here} applied twice"),
        Change::Skipped => format!("{here} left out of the function"),
        Change::Operand(i, x) => format!("{} dropped from {here} (taken as {x})", arg(*i)),
        Change::Flipped if node.op() == "sub" => format!("{here} taken as a sum"),
        Change::Flipped => format!("{here} taken as a difference"),
        Change::Adjoint(_) => format!("another gradient by {here}"),
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
    let site = site(node);
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
