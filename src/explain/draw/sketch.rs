//! What stands in each box and on each edge, before anything is placed: shared by DOT and SVG.

use super::{Derivatives, DrawOptions, Fold};
use crate::error::{Error, Result};
use crate::explain::{Local, SweepStep, sweep};
use crate::graph::{Arg, Graph, GraphNode};
use crate::num::Element;
use crate::tape::Value;
use std::collections::BTreeMap;

/// Boxes and ties; ties lead from lower to higher numbers.
pub(super) struct Sketch {
    pub cells: Vec<Cell>,
    pub ties: Vec<Tie>,
}

/// A box.
pub(super) struct Cell {
    /// The nodes that it stands for.
    pub nodes: Vec<usize>,
    pub title: String,
    pub kind: Kind,
    pub lines: Vec<Connector>,
    /// Scopes, outermost first.
    pub scope: Vec<String>,
    pub highlighted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Input,
    Data,
    Op,
    Output,
    Fold,
}

pub(super) struct Connector {
    pub text: String,
    pub role: NodeStyle,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NodeStyle {
    Title,
    Plain,
    Gradient,
    Forward,
}

/// An edge.
pub(super) struct Tie {
    pub from: usize,
    pub to: usize,
    pub label: Option<String>,
    /// A backward edge beside it.
    pub backward: bool,
    pub backward_label: Option<String>,
    pub highlighted: bool,
}

/// Longer texts are cut.
const LONGEST: usize = 44;
/// Parameters that a folded box lists.
const LISTED: usize = 6;

impl Sketch {
    pub fn new<T: Element>(graph: &Graph<T>, options: &DrawOptions) -> Result<Self> {
        let groups = Groups::new(graph, options)?;
        let needs_sweep = options.locals || options.backward || options.derivatives != Derivatives::None;
        let steps = if needs_sweep { sweep::steps(graph)? } else { Vec::new() };
        let forward = match &options.derivatives {
            Derivatives::Forward(name) => Some((find(graph, name)?, forward(graph, &steps, find(graph, name)?)?)),
            _ => None,
        };
        let mut highlighted = vec![false; graph.nodes().len()];
        if let Some(name) = &options.highlight {
            highlighted[find(graph, name)?] = true;
            for node in graph.nodes() {
                highlighted[node.index()] |= node.parents().any(|parent| highlighted[parent]);
            }
        }
        let draft = SketchBuilder { graph, options, steps, forward, highlighted };
        let cells = groups.members.iter().map(|members| draft.cell(&groups, members)).collect();
        Ok(Self { cells, ties: draft.ties(&groups) })
    }
}

/// The node of a name or title.
fn find<T: Element>(graph: &Graph<T>, name: &str) -> Result<usize> {
    let by_title = || graph.nodes().iter().find(|node| graph.title(node.index()) == name);
    graph.named(name).or_else(by_title).map(|node| node.index()).ok_or_else(|| {
        let named: Vec<&str> = graph.nodes().iter().filter_map(|node| node.name()).collect();
        Error::argument(format!("draw: no node is called {name:?}; those with names are {}", named.join(", ")))
    })
}

/// The derivative of every node by one input, from the local derivatives, in recording order.
fn forward<T: Element>(graph: &Graph<T>, steps: &[SweepStep<T>], input: usize) -> Result<Vec<f64>> {
    let mut tangents = vec![0.0; steps.len()];
    let mut reached = vec![false; steps.len()];
    (tangents[input], reached[input]) = (1.0, true);
    for step in steps {
        for link in step.links.iter().filter(|_| step.node != input) {
            if !reached[link.parent] {
                continue;
            }
            let Local::Number(local) = link.local else {
                let (title, shape) = (graph.title(step.node), graph.nodes()[step.node].shape());
                return Err(Error::argument(format!(
                    "draw: forward derivatives are of graphs of numbers; {title} of shape {shape} is an op on tensors"
                )));
            };
            tangents[step.node] += local.to_f64() * tangents[link.parent];
            reached[step.node] = true;
        }
    }
    Ok(tangents)
}

/// Which nodes stand in which box.
struct Groups {
    /// For each box its nodes; the last computes what leaves it.
    members: Vec<Vec<usize>>,
    /// The scope of a folded box.
    folds: Vec<Option<String>>,
    /// For each node its box.
    of: Vec<usize>,
}

impl Groups {
    fn new<T: Element>(graph: &Graph<T>, options: &DrawOptions) -> Result<Self> {
        let most = options.most;
        let deepest = graph.nodes().iter().filter_map(|node| node.scope()).map(|scope| scope.split('/').count()).max();
        let single = |_: &GraphNode<T>| None;
        match options.fold {
            Fold::Depth(depth) if depth > 0 => {
                let groups = Self::folded(graph, |node| scope_to(node, depth));
                groups.checked(graph, most)
            }
            Fold::Auto => {
                let whole = Self::folded(graph, single);
                if whole.members.len() <= most {
                    return Ok(whole);
                }
                let depths = (1..=deepest.unwrap_or(0)).rev();
                let fits = |groups: &Self| groups.members.len() <= most;
                let found = depths.map(|depth| Self::folded(graph, |node| scope_to(node, depth))).find(fits);
                found.map_or_else(|| whole.checked(graph, most), Ok)
            }
            _ => Self::folded(graph, single).checked(graph, most),
        }
    }

    fn checked<T: Element>(self, graph: &Graph<T>, most: usize) -> Result<Self> {
        if self.members.len() <= most {
            return Ok(self);
        }
        let (boxes, nodes) = (self.members.len(), graph.nodes().len());
        Err(Error::argument(format!(
            "draw: the graph has {nodes} nodes, which makes {boxes} boxes, more than {most}; record in scopes (Tape::scope) and fold by them, or raise Options::most"
        )))
    }

    /// Runs of nodes of one scope become one box, with the inputs that nothing else reads. A run is contiguous in recording
    /// order, so no edge leads back from a box to one before it.
    fn folded<T: Element>(graph: &Graph<T>, key: impl Fn(&GraphNode<T>) -> Option<String>) -> Self {
        let n = graph.nodes().len();
        let mut runs: Vec<(Option<String>, Vec<usize>)> = Vec::new();
        let mut of = vec![usize::MAX; n];
        for node in graph.nodes() {
            let scope = key(node);
            // Inputs are placed afterwards: they depend on nothing, so they break no run.
            if node.parents().next().is_none() {
                continue;
            }
            match runs.last_mut() {
                Some((last, members)) if scope.is_some() && *last == scope => members.push(node.index()),
                _ => runs.push((scope, vec![node.index()])),
            }
            of[node.index()] = runs.len() - 1;
        }
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); n];
        for node in graph.nodes() {
            node.parents().for_each(|parent| readers[parent].push(of[node.index()]));
        }
        for node in graph.nodes().iter().filter(|node| node.parents().next().is_none()) {
            let one = readers[node.index()].first().filter(|&first| readers[node.index()].iter().all(|at| at == first));
            match one {
                Some(&run) if runs[run].0.is_some() && node.is_input() => runs[run].1.push(node.index()),
                _ => runs.push((None, vec![node.index()])),
            }
        }
        for (_, members) in &mut runs {
            members.sort_unstable();
        }
        // In order of what leaves the box: parents' boxes come first, inputs in front of them.
        let last_op = |members: &[usize]| {
            members.iter().copied().filter(|&at| graph.nodes()[at].parents().next().is_some()).max()
        };
        runs.sort_by_key(|(_, members)| (last_op(members).is_some(), last_op(members), members[0]));
        let (folds, members): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
        for (at, members) in members.iter().enumerate() {
            members.iter().for_each(|&node| of[node] = at);
        }
        Self { members, folds, of }
    }
}

fn scope_to<T: Element>(node: &GraphNode<T>, depth: usize) -> Option<String> {
    node.scope().map(|scope| scope.split('/').take(depth).collect::<Vec<_>>().join("/"))
}

struct SketchBuilder<'a, T> {
    graph: &'a Graph<T>,
    options: &'a DrawOptions,
    steps: Vec<SweepStep<T>>,
    forward: Option<(usize, Vec<f64>)>,
    highlighted: Vec<bool>,
}

impl<T: Element> SketchBuilder<'_, T> {
    fn cell(&self, groups: &Groups, members: &[usize]) -> Cell {
        let at = groups.of[members[0]];
        let highlighted = members.iter().any(|&node| self.highlighted[node]);
        let output = members.contains(&self.graph.output().index());
        if let Some(fold) = &groups.folds[at] {
            let scope: Vec<String> = fold.split('/').map(str::to_owned).collect();
            let outer = scope[..scope.len() - 1].to_vec();
            let lines = self.fold_lines(fold, members);
            let nodes = members.to_vec();
            return Cell { nodes, title: fold.clone(), kind: Kind::Fold, lines, scope: outer, highlighted };
        }
        let node = &self.graph.nodes()[members[0]];
        let kind = match () {
            () if output => Kind::Output,
            () if node.is_input() => Kind::Input,
            () if node.parents().next().is_none() => Kind::Data,
            () => Kind::Op,
        };
        let scope = node.scope().map(|scope| scope.split('/').map(str::to_owned).collect()).unwrap_or_default();
        let nodes = vec![node.index()];
        Cell { nodes, title: self.graph.title(node.index()), kind, lines: self.lines(node), scope, highlighted }
    }

    fn lines(&self, node: &GraphNode<T>) -> Vec<Connector> {
        let formula = self.formula(node);
        let title = match node.name() {
            Some(name) if node.args().is_empty() => name.to_owned(),
            Some(name) => format!("{name} = {formula}"),
            None => formula,
        };
        let title = if title.chars().count() > LONGEST / 2 + 6 {
            node.name().map_or(node.op().to_owned(), |name| format!("{name} = {}", node.op()))
        } else {
            title
        };
        let mut lines = vec![line(NodeStyle::Title, title)];
        let shape = match node.value() {
            Value::Scalar(_) => String::new(),
            Value::Tensor(value) => value.shape().to_string(),
        };
        match (self.options.values, shape.is_empty()) {
            (true, true) => lines.push(line(NodeStyle::Plain, format!("value {}", number(node.value().as_slice()[0])))),
            (true, false) => lines.push(line(NodeStyle::Plain, format!("{shape}  norm {}", norm(node.value())))),
            (false, true) => {}
            (false, false) => lines.push(line(NodeStyle::Plain, shape)),
        }
        lines.extend(self.derivative(node));
        lines
    }

    /// The gradient of the output by a node, or of the node by the chosen input.
    fn derivative(&self, node: &GraphNode<T>) -> Option<Connector> {
        if !node.is_active() {
            return None;
        }
        let name = |index: usize| self.graph.nodes()[index].name();
        match &self.options.derivatives {
            Derivatives::None => None,
            Derivatives::Reverse => {
                let what = match (self.graph.output().name(), node.name()) {
                    (Some(of), Some(by)) => format!("d{of}/d{by}"),
                    _ => "grad".to_owned(),
                };
                let text = match &self.steps[node.index()].upstream {
                    Value::Scalar(x) => format!("{what} = {}", number(*x)),
                    tensor => format!("{what} norm {}", norm(tensor)),
                };
                Some(line(NodeStyle::Gradient, text))
            }
            Derivatives::Forward(_) => {
                let (input, tangents) = self.forward.as_ref()?;
                let what = match (node.name(), name(*input)) {
                    (Some(of), Some(by)) => format!("d{of}/d{by}"),
                    _ => "tangent".to_owned(),
                };
                Some(line(NodeStyle::Forward, format!("{what} = {}", brief(tangents[node.index()]))))
            }
        }
    }

    fn fold_lines(&self, fold: &str, members: &[usize]) -> Vec<Connector> {
        let nodes = || members.iter().map(|&at| &self.graph.nodes()[at]);
        let (inputs, ops): (Vec<_>, Vec<_>) = nodes().partition(|node| node.is_input());
        let mut lines = vec![line(NodeStyle::Title, fold.to_owned())];
        let plural = if ops.len() == 1 { "" } else { "s" };
        let last = ops.last().map_or(String::new(), |node| format!(" to {}", node.shape()));
        lines.push(line(NodeStyle::Plain, format!("{} op{plural}{last}", ops.len())));
        for node in inputs.iter().take(LISTED) {
            let name = self.graph.title(node.index());
            let short =
                name.strip_prefix(fold).and_then(|rest| rest.strip_prefix(['/', '.'])).unwrap_or(&name).to_owned();
            lines.push(line(NodeStyle::Plain, format!("{short} {}", node.shape())));
            if self.options.derivatives == Derivatives::Reverse {
                let gradient = norm(&self.steps[node.index()].upstream);
                lines.push(line(NodeStyle::Gradient, format!("d{short} norm {gradient}")));
            }
        }
        if inputs.len() > LISTED {
            lines.push(line(NodeStyle::Plain, format!("and {} more", inputs.len() - LISTED)));
        }
        lines
    }

    /// What the node computes, with the names of its arguments: `a + b`; the op alone where no argument has a name.
    fn formula(&self, node: &GraphNode<T>) -> String {
        let arg = |arg: &Arg<T>| match arg {
            Arg::Node(index) => self.graph.nodes()[*index].name().unwrap_or("·").to_owned(),
            Arg::Literal(x) => number(*x),
        };
        let args: Vec<String> = node.args().iter().map(arg).collect();
        if args.iter().all(|arg| arg == "·") {
            return node.op().to_owned();
        }
        let infix = match node.op() {
            "add" => "+",
            "sub" => "-",
            "mul" => "*",
            "div" => "/",
            "matmul" => "@",
            _ => "",
        };
        match &args[..] {
            [a, b] if !infix.is_empty() => format!("{a} {infix} {b}"),
            _ => format!("{}({})", node.op(), args.join(", ")),
        }
    }

    fn ties(&self, groups: &Groups) -> Vec<Tie> {
        let mut ties = Vec::new();
        let mut seen = BTreeMap::new();
        for node in self.graph.nodes() {
            for (argument, arg) in node.args().iter().enumerate() {
                let &Arg::Node(parent) = arg else { continue };
                let (from, to) = (groups.of[parent], groups.of[node.index()]);
                let folded = groups.folds[from].is_some() || groups.folds[to].is_some();
                let highlighted = self.highlighted[parent];
                // Between folded boxes one edge stands for all.
                if from == to || folded && seen.contains_key(&(from, to)) {
                    if let Some(&at) = seen.get(&(from, to)) {
                        let tie: &mut Tie = &mut ties[at];
                        tie.highlighted |= highlighted;
                    }
                    continue;
                }
                seen.insert((from, to), ties.len());
                let backward = self.options.backward && node.is_active() && self.graph.nodes()[parent].is_active();
                ties.push(Tie {
                    from,
                    to,
                    label: if self.options.locals && !folded { self.local(node.index(), argument) } else { None },
                    backward,
                    backward_label: if backward { self.carried(node.index(), argument, parent) } else { None },
                    highlighted,
                });
            }
        }
        ties
    }

    /// The derivative of a node by an argument: `dc/da = 1`.
    fn local(&self, node: usize, argument: usize) -> Option<String> {
        let link = self.steps[node].links.iter().find(|link| link.argument == argument)?;
        let value = match &link.local {
            Local::Number(x) => number(*x),
            Local::Elementwise(values) => {
                let least = values.iter().map(|x| x.to_f64()).fold(f64::INFINITY, f64::min);
                let most = values.iter().map(|x| x.to_f64()).fold(f64::NEG_INFINITY, f64::max);
                if least == most { brief(least) } else { format!("{}..{}", brief(least), brief(most)) }
            }
            Local::Rule => return None,
        };
        let names = (self.graph.nodes()[node].name(), self.graph.nodes()[link.parent].name());
        Some(match names {
            (Some(of), Some(by)) => cut(&format!("d{of}/d{by} = {value}")),
            _ => value,
        })
    }

    /// What the sweep carries back along an edge: `dz2`, with its value where that is a number; `+=` where more is added.
    fn carried(&self, node: usize, argument: usize, parent: usize) -> Option<String> {
        let links = self.steps.iter().flat_map(|step| &step.links);
        let parts = links.filter(|link| link.parent == parent).count();
        let sign = if parts > 1 { "+=" } else { "=" };
        let link = self.steps[node].links.iter().find(|link| link.argument == argument)?;
        let value = match &link.contribution {
            Value::Scalar(x) if self.options.values => Some(number(*x)),
            _ => None,
        };
        match (self.graph.nodes()[parent].name(), value) {
            (Some(name), Some(value)) => Some(cut(&format!("d{name} {sign} {value}"))),
            (Some(name), None) => Some(cut(&format!("d{name}{}", if parts > 1 { " +=" } else { "" }))),
            (None, Some(value)) if parts > 1 => Some(format!("+= {value}")),
            (None, value) => value,
        }
    }
}

fn line(role: NodeStyle, text: String) -> Connector {
    Connector { text: cut(&text), role }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

fn number<T: Element>(x: T) -> String {
    brief(x.to_f64())
}

/// A number with four significant digits.
fn brief(x: f64) -> String {
    if !x.is_finite() {
        return x.to_string();
    }
    // Adding zero turns -0 into 0.
    let rounded: f64 = format!("{x:.3e}").parse().unwrap_or(x) + 0.0;
    if rounded == 0.0 || (1e-4..1e6).contains(&rounded.abs()) { rounded.to_string() } else { format!("{rounded:e}") }
}

/// The Euclidean norm, without overflow.
fn norm<T: Element>(value: &Value<T>) -> String {
    brief(value.as_slice().iter().fold(0.0, |norm: f64, x| norm.hypot(x.to_f64())))
}
