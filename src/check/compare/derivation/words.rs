//! Statements in words: in the user's names, as one writes them.

use super::Finding;
use super::edits::Family;
use super::program::Derivation;
use super::term::{REVERSED, Term, TermOp};
use crate::check::compare::describe;
use crate::check::compare::{Kind, Mistake};
use crate::graph::{Arg, Graph};
use crate::ops::BinaryOp;
use crate::ops::structural::{Map, Reduce, Sum, TensorOp};
use crate::tensor::kernels::rows::{RowMap, RowReduction};
use std::collections::HashMap;
use std::rc::Rc;

/// How tightly an expression holds together: what is looser stands in parentheses.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Bond {
    Sum,
    Product,
    Power,
    Whole,
}

/// How many unnamed nodes deep an expression is written out.
const DEPTH: usize = 3;

/// Writes terms in the names of a graph.
pub(super) struct Writer<'a> {
    graph: &'a Graph<f64>,
    derivation: &'a Derivation<'a>,
    /// How often each name stands in the graph, as in the steps of a recurrence.
    counts: HashMap<&'a str, usize>,
}

impl<'a> Writer<'a> {
    pub fn of(derivation: &'a Derivation<'a>) -> Self {
        let mut counts = HashMap::new();
        derivation
            .graph
            .nodes()
            .iter()
            .filter_map(|node| node.name())
            .for_each(|name| *counts.entry(name).or_default() += 1);
        Self { graph: derivation.graph, derivation, counts }
    }

    pub fn term(&self, term: &Term) -> String {
        self.write(term, DEPTH).0
    }

    /// A node's value by its name, or as an expression.
    pub fn node(&self, node: usize) -> String {
        self.value(node, DEPTH).0
    }

    /// The gradient by a node.
    pub fn gradient(&self, node: usize) -> String {
        self.adjoint(node, DEPTH)
    }

    fn adjoint(&self, node: usize, depth: usize) -> String {
        match self.name(node).as_deref() {
            Some(name) if name.chars().all(|c| c.is_alphanumeric() || "_'[]".contains(c)) => format!("d{name}"),
            Some(name) => format!("d({name})"),
            // The gradient by what is only added to something is that by the sum.
            None => match self.handed_on(node) {
                Some(reader) => self.adjoint(reader, depth),
                None => format!("d({})", self.value(node, depth).0),
            },
        }
    }

    /// A node's name, with its number from 0 on where others have the same.
    fn name(&self, node: usize) -> Option<String> {
        let name = self.graph.nodes()[node].name()?;
        if self.counts[name] == 1 {
            return Some(name.into());
        }
        let before = self.graph.nodes()[..node].iter().filter(|other| other.name() == Some(name)).count();
        Some(format!("{name}[{before}]"))
    }

    /// The node whose gradient is that by this one, as it stands.
    fn handed_on(&self, node: usize) -> Option<usize> {
        match &self.derivation.shares[node][..] {
            [only] => match only.forms[0].op {
                TermOp::Adjoint(reader) => Some(reader),
                _ => None,
            },
            _ => None,
        }
    }

    fn value(&self, node: usize, depth: usize) -> (String, Bond) {
        if let Some(name) = self.name(node) {
            return (name, Bond::Whole);
        }
        let node = &self.graph.nodes()[node];
        if node.args().is_empty() {
            return match node.value().shape().rank() {
                0 => (number(node.value().as_slice()[0]), Bond::Whole),
                _ => (format!("data {}", node.shape()), Bond::Whole),
            };
        }
        match self.derivation.definitions[node.index()].first() {
            Some(definition) if depth > 0 => self.write(definition, depth - 1),
            _ => {
                let args: Vec<String> = node
                    .args()
                    .iter()
                    .map(|arg| match arg {
                        Arg::Node(k) if depth > 0 => self.value(*k, depth - 1).0,
                        Arg::Node(_) => "..".into(),
                        Arg::Literal(x) => number(*x),
                    })
                    .collect();
                (format!("{}({})", node.op(), args.join(", ")), Bond::Whole)
            }
        }
    }

    fn inside(&self, term: &Term, at_least: Bond, depth: usize) -> String {
        let (text, bond) = self.write(term, depth);
        if bond < at_least { format!("({text})") } else { text }
    }

    fn write(&self, term: &Term, depth: usize) -> (String, Bond) {
        let call = |name: &str| {
            let args: Vec<String> = term.args.iter().map(|arg| self.write(arg, depth).0).collect();
            (format!("{name}({})", args.join(", ")), Bond::Whole)
        };
        let arg = |i: usize, bond| self.inside(&term.args[i], bond, depth);
        match &term.op {
            TermOp::Value(k) => self.value(*k, depth),
            TermOp::Adjoint(k) => (self.adjoint(*k, depth), Bond::Whole),
            TermOp::Share(k, i) => {
                let by = self.derivation.shares[*k]
                    .get(*i)
                    .map_or(String::new(), |share| self.value(share.consumer, depth).0);
                (format!("({} by way of {by})", self.adjoint(*k, depth)), Bond::Whole)
            }
            TermOp::Number(x) => (number(*x), if *x < 0.0 { Bond::Sum } else { Bond::Whole }),
            TermOp::Named(name) if name.contains(' ') => (name.split(' ').next().unwrap_or(name).into(), Bond::Whole),
            TermOp::Named(name) => (name.clone(), Bond::Whole),
            TermOp::Constant => match term.value.as_slice() {
                [x, rest @ ..] if rest.iter().all(|y| y == x) => (number(*x), Bond::Whole),
                _ => (format!("constants {}", term.shape()), Bond::Whole),
            },
            TermOp::Product(inverse) => self.product(term, inverse, depth),
            TermOp::Sum(negative) => {
                let mut text = String::new();
                for (i, negative) in negative.iter().enumerate() {
                    let part = arg(i, if *negative { Bond::Product } else { Bond::Sum });
                    text += match (i, negative) {
                        (0, false) => "",
                        (0, true) => "-",
                        (_, false) => " + ",
                        (_, true) => " - ",
                    };
                    text += &part;
                }
                (text, Bond::Sum)
            }
            TermOp::Power(p) if *p == 0.5 => call("sqrt"),
            TermOp::Power(p) => {
                let p = if *p < 0.0 { format!("({})", number(*p)) } else { number(*p) };
                (format!("{}^{p}", arg(0, Bond::Whole)), Bond::Power)
            }
            TermOp::Unary(op) => call(op.name()),
            TermOp::Binary(op) => {
                let sign = match op {
                    BinaryOp::Greater(_) => ">",
                    BinaryOp::GreaterEqual(_) => ">=",
                    BinaryOp::Less(_) => "<",
                    BinaryOp::LessEqual(_) => "<=",
                    BinaryOp::Equal(_) => "==",
                    BinaryOp::Pow(_) => "^",
                    op => return call(op.name()),
                };
                let text = format!("{} {sign} {}", arg(0, Bond::Product), arg(1, Bond::Product));
                (format!("({text})"), Bond::Whole)
            }
            TermOp::Select => call("where"),
            TermOp::Largest(axes) => self.along("max", term, axes.0, depth),
            TermOp::Reordered(REVERSED) => call("reversed"),
            TermOp::Reordered(by) => (format!("shifted({}, {by})", self.write(&term.args[0], depth).0), Bond::Whole),
            TermOp::Tensor(op) => match op {
                TensorOp::MatMul(_) => (format!("{} @ {}", arg(0, Bond::Power), arg(1, Bond::Power)), Bond::Product),
                TensorOp::Permute(op) if op.axes[..] == [1, 0] => (format!("{}.T", arg(0, Bond::Whole)), Bond::Whole),
                TensorOp::Sum(Sum { axes, .. }) => self.along("sum", term, axes.0, depth),
                TensorOp::Reshape(_) | TensorOp::BroadcastTo(_) => self.write(&term.args[0], depth),
                TensorOp::Map(Map(RowMap::Softmax)) => call("softmax"),
                TensorOp::Map(Map(RowMap::Cumsum)) => call("cumsum"),
                TensorOp::Reduce(Reduce(RowReduction::LogSumExp)) => call("logsumexp"),
                op => call(op.name()),
            },
        }
    }

    /// A product without the gradient that it hands on.
    fn local(&self, term: &Rc<Term>) -> String {
        let rest = factors(term).into_iter().filter(|(factor, _)| !factor.has_adjoint());
        Term::product(rest).map_or_else(|| self.term(term), |rest| self.inside(&rest, Bond::Power, DEPTH))
    }

    fn along(&self, name: &str, term: &Term, axes: u32, depth: usize) -> (String, Bond) {
        let x = &term.args[0];
        let inner = self.write(x, depth).0;
        let all: Vec<String> =
            (0..x.rank()).filter(|axis| axes >> axis & 1 == 1).map(|axis| axis.to_string()).collect();
        if all.len() == x.rank() {
            return (format!("{name}({inner})"), Bond::Whole);
        }
        (format!("{name}({inner}, axis {})", all.join(", ")), Bond::Whole)
    }

    fn product(&self, term: &Term, inverse: &[bool], depth: usize) -> (String, Bond) {
        let mut text = String::new();
        // A sum over as many as it is divided by.
        if let ([number, sum], [divides, false]) = (&term.args[..], inverse)
            && let (Some(c), TermOp::Tensor(TensorOp::Sum(Sum { axes, .. }))) = (number.as_number(), &sum.op)
            && let count = sum.args[0].value.len() as f64 / sum.value.len().max(1) as f64
            && count > 1.0
            && ((if *divides { c } else { 1.0 / c }) - count).abs() < 1e-9 * count
        {
            return self.along("mean", sum, axes.0, depth);
        }
        for (i, inverse) in inverse.iter().enumerate() {
            let arg = &term.args[i];
            if i == 0 && arg.as_number() == Some(-1.0) && term.args.len() > 1 && !inverse {
                text = "-".into();
                continue;
            }
            let factor = self.inside(arg, Bond::Power, depth);
            match (text.as_str(), inverse) {
                ("" | "-", false) => text += &factor,
                ("" | "-", true) => text += &format!("1 / {factor}"),
                (_, false) => text += &format!(" * {factor}"),
                (_, true) => text += &format!(" / {factor}"),
            }
        }
        (text, Bond::Product)
    }
}

/// A number as people write it.
pub(super) fn number(x: f64) -> String {
    if x.abs() < 1e6 && x.abs() > 1e-4 && (x * 1e6).round() / 1e6 == x || x == 0.0 {
        return format!("{x}");
    }
    for n in 2..=12 {
        let n = f64::from(n);
        if x.abs() > 1e-3
            && (x * n - (x * n).round()).abs() < 1e-12 * n
            && (x * n).round().abs() < 12.0
            && (x * 8.0).fract() != 0.0
        {
            return format!("{}/{n}", (x * n).round());
        }
    }
    crate::check::report::significant(x, 6)
}

/// A node of a graph by its op and what that is of.
fn described(graph: &Graph<f64>, node: usize) -> String {
    let node = &graph.nodes()[node];
    let name = |arg: &Arg<f64>| match arg {
        Arg::Node(k) => graph.nodes()[*k].name().unwrap_or("..").to_owned(),
        Arg::Literal(x) => number(*x),
    };
    format!("{}({})", node.op(), node.args().iter().map(name).collect::<Vec<_>>().join(", "))
}

/// The finding as a report has it.
///
/// A node of an expansion goes by the op as it was recorded, in `recorded`, of which it is a part.
pub(super) fn mistake(derivation: &Derivation<'_>, recorded: &[&Graph<f64>], finding: &Finding) -> Mistake {
    let writer = Writer::of(derivation);
    let graph = derivation.graph;
    let first = &graph.nodes()[finding.at[0]];
    let title = |node: usize| {
        let mut node = &graph.nodes()[node];
        let mut text = node.name().map_or_else(|| writer.node(node.index()), String::from);
        for above in recorded.iter().rev() {
            let Some(origin) = node.origin.filter(|_| node.name().is_none()) else { break };
            node = &above.nodes()[origin];
            text = node.name().map_or_else(|| described(above, origin), String::from);
        }
        text
    };
    let mut nodes: Vec<String> = Vec::new();
    for &node in &finding.at {
        let title = title(node);
        if !nodes.contains(&title) {
            nodes.push(title);
        }
    }
    let gradient = writer.gradient(finding.target);
    let (right, wrong) = (writer.term(&finding.right), writer.term(&finding.wrong));
    let what = what(&writer, finding);
    // The whole derivative of the op.
    let whole = finding.family == Family::Local && is_handed_on(&finding.instead);
    let site = describe::site(first);
    let known: Vec<String> = first.scope().map(String::from).into_iter().chain(site.clone()).collect();
    let place = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
    let others = match nodes.len() {
        0 | 1 => String::new(),
        2..=4 => format!(", and likewise of {}", nodes[1..].join(", ")),
        n => format!(", and likewise of {} and {} more", nodes[1..3].join(", "), n - 3),
    };
    // What a statement adds up is a derivative of all that reads the value, and no edit of each.
    let likewise = if finding.everywhere { others } else { String::new() };
    let of = if nodes.first().is_some_and(|node| node.len() < 40) {
        format!(" in the derivative of {}", nodes[0])
    } else {
        String::new()
    };
    let (kind, factor) = kind(derivation, finding);
    // Where others are added to it, a share is not the whole.
    let edited = finding.edits.iter().filter(|((node, _), _)| *node == finding.target).count();
    let sign = if edited < derivation.shares[finding.target].len() { "+=" } else { "=" };
    let nodes_text = nodes.first().cloned().filter(|node| node.len() < 40);
    Mistake {
        kind,
        node: nodes.first().cloned(),
        nodes,
        op: Some(first.op().into()),
        scope: first.scope().map(String::from),
        site,
        factor,
        wrong: Some(format!("{gradient} {sign} {wrong}")),
        right: Some(format!("{gradient} {sign} {right}")),
        text: match nodes_text {
            Some(node) if whole => format!("with the derivative of {node}{place} left out{likewise}"),
            _ => format!("with {what}{of}{place}{likewise}"),
        },
    }
}

/// What was done to the statement.
fn what(writer: &Writer<'_>, finding: &Finding) -> String {
    let (part, instead) = (writer.term(&finding.part), writer.term(&finding.instead));
    match finding.family {
        Family::Dropped if Rc::ptr_eq(&finding.part, &finding.right) || finding.part.key() == finding.right.key() => {
            format!("{} forgotten", writer.gradient(finding.target))
        }
        Family::Dropped => format!("{part} forgotten"),
        Family::LeftOut => format!("{part} left out"),
        Family::Sign | Family::TermSign => match turned_term(&finding.part, &finding.instead) {
            Some(term) => format!("{} of the wrong sign", writer.term(&term)),
            None => format!("{part} of the wrong sign"),
        },
        Family::Twice => format!("{} taken twice", writer.local(&finding.part)),
        Family::Local if is_handed_on(&finding.instead) => "the derivative left out".into(),
        Family::One => format!("one of those alone that {part} adds up"),
        Family::Factor | Family::Local if !lost_factors(&finding.instead, &finding.part).is_empty() => {
            format!("{instead} in place of {part}")
        }
        Family::Factor | Family::Local => {
            let lost = lost_factors(&finding.part, &finding.instead);
            let names: Vec<String> = lost
                .iter()
                .map(|(term, inverse)| {
                    let text = writer.inside(term, Bond::Power, DEPTH);
                    if *inverse { format!("1/{text}") } else { text }
                })
                .collect();
            match names.len() {
                0 => format!("{instead} in place of {part}"),
                1 => format!("the factor {} left out", names[0]),
                _ => format!("the factors {} left out", names.join(" and ")),
            }
        }
        Family::TermDropped => {
            let lost: Vec<String> = finding
                .part
                .args
                .iter()
                .filter(|arg| {
                    !finding.instead.args.iter().any(|other| other.key() == arg.key())
                        && finding.instead.key() != arg.key()
                })
                .map(|arg| writer.term(arg))
                .collect();
            if lost.len() == 1 {
                format!("the term {} left out", lost[0])
            } else {
                format!("{instead} in place of {part}")
            }
        }
        _ => format!("{instead} in place of {part}"),
    }
}

/// Whether a statement is what comes from above and nothing else.
fn is_handed_on(term: &Term) -> bool {
    matches!(term.op, TermOp::Adjoint(_))
}

fn turned_term(part: &Rc<Term>, instead: &Rc<Term>) -> Option<Rc<Term>> {
    let (TermOp::Sum(a), TermOp::Sum(b)) = (&part.op, &instead.op) else { return None };
    let i = (0..a.len().min(b.len())).find(|&i| a[i] != b[i])?;
    Some(part.args[i].clone())
}

fn factors(term: &Rc<Term>) -> Vec<(Rc<Term>, bool)> {
    match &term.op {
        TermOp::Product(inverse) => term.args.iter().cloned().zip(inverse.iter().copied()).collect(),
        TermOp::Tensor(TensorOp::MatMul(_)) => term.args.iter().map(|arg| (arg.clone(), false)).collect(),
        _ => vec![(term.clone(), false)],
    }
}

/// The factors of one that the other has not.
fn lost_factors(part: &Rc<Term>, instead: &Rc<Term>) -> Vec<(Rc<Term>, bool)> {
    let mut kept = factors(instead);
    let mut lost = Vec::new();
    for (factor, inverse) in factors(part) {
        match kept.iter().position(|(other, at)| other.key() == factor.key() && *at == inverse) {
            Some(i) => {
                kept.remove(i);
            }
            None => lost.push((factor, inverse)),
        }
    }
    lost
}

/// What kind of mistake it is.
fn kind(derivation: &Derivation<'_>, finding: &Finding) -> (Kind, Option<f64>) {
    let graph = derivation.graph;
    let node = &graph.nodes()[finding.at[0]];
    let (part, instead) = (&finding.part, &finding.instead);
    let is_root = part.key() == finding.right.key();
    let is_result = graph.nodes()[finding.target].is_input();
    if finding.wrong.value.iter().all(|&x| x == 0.0) {
        return (Kind::ArgumentForgotten, None);
    }
    if is_result && is_penalty(derivation, finding) {
        return (Kind::Regularisation, None);
    }
    if let Some(ratio) = ratio(finding)
        && !matches!(finding.family, Family::Local | Family::Factor if !is_number(part, instead))
    {
        let kind = match ratio {
            _ if is_result && derivation.shares[finding.target].len() == 1 => Kind::Factor,
            -1.0 => Kind::RuleNegated,
            _ => Kind::RuleScaled,
        };
        return (kind, Some(ratio));
    }
    let kind = match finding.family {
        Family::Replaced => match (&part.op, &instead.op) {
            (TermOp::Value(a), TermOp::Value(b)) if *a == node.index() && node.parents().any(|parent| parent == *b) => {
                Kind::InputForOutput
            }
            (TermOp::Value(a), TermOp::Value(b)) if *b == node.index() && node.parents().any(|parent| parent == *a) => {
                Kind::OutputForInput
            }
            _ if instead.value.iter().all(|&x| x == 0.0) => Kind::ArgumentForgotten,
            _ => Kind::OtherValue,
        },
        Family::Dropped if is_root => Kind::ArgumentForgotten,
        Family::Dropped => Kind::PathForgotten,
        Family::Number | Family::Scaled => Kind::RuleScaled,
        Family::LeftOut | Family::Factor | Family::Local => Kind::RuleLeftOut,
        Family::Sign | Family::TermSign => Kind::RuleNegated,
        Family::Exponent => Kind::WrongExponent,
        Family::TermDropped if part.has_adjoint() => Kind::ArgumentForgotten,
        Family::TermDropped => Kind::OperandDropped,
        Family::TermTwice | Family::Twice => Kind::RuleTwice,
        Family::Operator | Family::Function | Family::Inserted => Kind::OtherDerivative,
        Family::Transposed if is_turned(finding) => Kind::Transposed,
        Family::Transposed => Kind::TransposedOperand,
        // A sum inside a rule, as softmax has one, is over what others contribute.
        Family::Reduction if !is_last(&finding.right, part) && is_without(part, instead) => Kind::DiagonalAlone,
        Family::One => Kind::OneExample,
        Family::Reduction | Family::Index => Kind::NotSummed,
        Family::Argument => Kind::InputForOutput,
        Family::Mask => Kind::Kink,
    };
    (kind, None)
}

/// The number that the right statement has become a multiple of, if it is one.
fn ratio(finding: &Finding) -> Option<f64> {
    let (right, wrong) = (&finding.right.value, &finding.wrong.value);
    let i = (0..right.len()).max_by(|&a, &b| right.as_slice()[a].abs().total_cmp(&right.as_slice()[b].abs()))?;
    if wrong.shape() != right.shape() {
        return None;
    }
    let ratio = wrong.as_slice()[i] / right.as_slice()[i];
    let size = wrong.as_slice()[i].abs();
    let near = |(w, r): (&f64, &f64)| (w - ratio * r).abs() <= 1e-9 * size;
    // One number is a multiple of any other.
    let told = right.len() > 1 || matches!(finding.family, Family::Number | Family::Scaled | Family::Sign);
    (told && ratio != 0.0 && ratio.is_finite() && wrong.iter().zip(right.iter()).all(near))
        .then(|| if (ratio.abs() - 1.0).abs() < 1e-9 { ratio.round() } else { ratio })
}

/// Whether what is lost of a product is a number.
fn is_number(part: &Rc<Term>, instead: &Rc<Term>) -> bool {
    lost_factors(part, instead).iter().all(|(factor, _)| factor.value.len() == 1 && factor.is_leaf())
}

/// Whether a statement is that of a penalty: a multiple of the parameter, or of its signs.
fn is_penalty(derivation: &Derivation<'_>, finding: &Finding) -> bool {
    let (value, right) = (derivation.value(finding.target), &finding.right.value);
    let multiple_of = |x: &dyn Fn(f64) -> f64| {
        let Some(i) = (0..value.len()).find(|&i| value.as_slice()[i] != 0.0) else { return false };
        let c = right.as_slice()[i] / x(value.as_slice()[i]);
        let near = |(v, r): (&f64, &f64)| (c * x(*v) - r).abs() <= 1e-9 * r.abs();
        c.is_finite() && value.iter().zip(right.iter()).all(near)
    };
    value.len() > 1 && right.shape() == value.shape() && (multiple_of(&|x| x) || multiple_of(&f64::signum))
}

/// Whether a sum is what is done last, to undo a broadcast.
fn is_last(whole: &Rc<Term>, part: &Rc<Term>) -> bool {
    let shapes = matches!(whole.op, TermOp::Tensor(TensorOp::Reshape(_) | TensorOp::BroadcastTo(_)));
    whole.key() == part.key() || shapes && is_last(&whole.args[0], part)
}

/// Whether a sum is left out.
fn is_without(sum: &Term, instead: &Term) -> bool {
    sum.args.first().is_some_and(|x| x.key() == instead.key())
}

/// Whether the whole has come out transposed.
fn is_turned(finding: &Finding) -> bool {
    let turned = finding.right.transposed();
    turned.is_some_and(|turned| {
        let size = turned.value.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        turned.shape() == finding.wrong.shape()
            && turned.value.iter().zip(finding.wrong.value.iter()).all(|(a, b)| (a - b).abs() <= 1e-9 * size)
    })
}
