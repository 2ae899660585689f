//! The gradient of a graph of numbers as a sum over paths: for each path the product of the local derivatives along it.
//!
//! The number of paths can grow exponentially with the graph; they are counted before any is listed.

use super::{Local, SweepStep, brief, label};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::num::Element;
use std::fmt;

/// How many paths are listed at most, unless asked otherwise.
pub const MOST_PATHS: usize = 1000;

/// Every path from the output to a chosen node.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::Explanation};
/// let tape = Tape::new();
/// let x = tape.var(3.0).named("x");
/// let (a, b) = ((x * x).named("a"), (x * 2.0).named("b"));
/// let paths = Explanation::of((a + b).named("y"))?.paths("x")?;
/// assert_eq!(paths.paths().iter().map(|path| path.product).collect::<Vec<_>>(), [3.0, 3.0, 2.0]);
/// assert_eq!((paths.sum(), paths.gradient()), (8.0, 8.0));
/// println!("{paths}");
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Paths {
    output: String,
    input: String,
    paths: Vec<Path>,
    gradient: f64,
}

/// One path.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::Explanation};
/// let tape = Tape::new();
/// let x = tape.var(0.5).named("x");
/// let paths = Explanation::of((x * 4.0).named("u").square().named("y"))?.paths("x")?;
/// let path = &paths.paths()[0];
/// assert_eq!((&path.nodes[..], &path.locals[..]), (&[2, 1, 0][..], &[4.0, 4.0][..]));
/// assert_eq!(path.product, 16.0);
/// assert_eq!(path.factors[1].to_string(), "du/dx");
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Path {
    /// The nodes' numbers, the output's first.
    pub nodes: Vec<usize>,
    /// The local derivatives along it, in the same order: one fewer.
    pub locals: Vec<f64>,
    /// The same as they are written: through nodes without a name, where only one way leads, in one factor.
    pub factors: Vec<Factor>,
    /// The product of the local derivatives.
    pub product: f64,
}

/// A factor of a path's product as it is written.
///
/// See the example of [`Path`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Factor {
    /// Of what the derivative is.
    pub of: String,
    /// By what it is.
    pub by: String,
    /// Its value.
    pub value: f64,
}

impl Paths {
    /// The paths.
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }
    /// The sum of the products.
    pub fn sum(&self) -> f64 {
        self.paths.iter().map(|path| path.product).sum()
    }
    /// The gradient from the sweep, which the sum equals up to rounding.
    pub fn gradient(&self) -> f64 {
        self.gradient
    }
}

/// Every path from the output to node `input` of a graph of numbers.
///
/// # Errors
/// No such node; tensors on the way; more than [`MOST_PATHS`] paths.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain, graph::Graph};
/// let tape = Tape::new();
/// let x = tape.var(3.0).named("x");
/// let graph = Graph::of((x * x).named("y"));
/// let paths = explain::paths(&graph, 0)?;
/// assert_eq!(paths.to_string(), "dy/dx = dy/dx + dy/dx\n      = 3 + 3\n      = 6, over 2 paths\n");
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn paths<T: Element>(graph: &Graph<T>, input: usize) -> Result<Paths> {
    paths_up_to(graph, input, MOST_PATHS)
}

/// As [`paths`], up to a number of paths of your own.
///
/// # Errors
/// As [`paths`].
pub fn paths_up_to<T: Element>(graph: &Graph<T>, input: usize, most: usize) -> Result<Paths> {
    collect(graph, &super::sweep::steps(graph)?, input, most)
}

/// The node of a name or title.
pub(super) fn index_of<T: Element>(graph: &Graph<T>, name: &str) -> Result<usize> {
    let by_title = || graph.nodes().iter().find(|node| graph.title(node.index()) == name);
    graph.named(name).or_else(by_title).map(|node| node.index()).ok_or_else(|| {
        let named: Vec<&str> = graph.nodes().iter().filter_map(|node| node.name()).collect();
        Error::argument(format!("paths: no node is called {name:?}; those with names are {}", named.join(", ")))
    })
}

pub(super) fn collect<T: Element>(
    graph: &Graph<T>,
    steps: &[SweepStep<T>],
    input: usize,
    most: usize,
) -> Result<Paths> {
    if input >= graph.nodes().len() {
        let n = graph.nodes().len();
        return Err(Error::argument(format!("paths: node {input} does not exist; the graph has {n} nodes")));
    }
    let walk = PathFinder::new(graph, steps, input)?;
    let output = graph.output().index();
    let count = walk.routes[output];
    if count > most as u128 {
        let (from, to) = (label(graph, output), label(graph, input));
        return Err(Error::argument(format!(
            "paths: {count} paths lead from {from} to {to}, {most} are listed at most; the sweep's table adds them up node by node"
        )));
    }
    Ok(Paths {
        output: label(graph, output),
        input: label(graph, input),
        paths: walk.all(output),
        gradient: steps[input].upstream.as_slice()[0].to_f64(),
    })
}

/// The edges between the output and the input.
struct PathFinder<'a, T> {
    graph: &'a Graph<T>,
    input: usize,
    /// For each node its parents that lead to the input, with the local derivatives.
    edges: Vec<Vec<(usize, f64)>>,
    /// How many paths lead from each node to the input.
    routes: Vec<u128>,
}

impl<'a, T: Element> PathFinder<'a, T> {
    fn new(graph: &'a Graph<T>, steps: &[SweepStep<T>], input: usize) -> Result<Self> {
        let n = graph.nodes().len();
        let mut walk = Self { graph, input, edges: vec![Vec::new(); n], routes: vec![0; n] };
        walk.routes[input] = 1;
        for step in &steps[input + 1..] {
            for link in &step.links {
                let routes = walk.routes[link.parent];
                if routes == 0 {
                    continue;
                }
                let Local::Number(local) = link.local else {
                    let node = &graph.nodes()[step.node];
                    return Err(Error::argument(format!(
                        "paths: {} has a parent of shape {} and a value of shape {}; paths are of graphs of numbers",
                        graph.title(step.node),
                        graph.nodes()[link.parent].shape(),
                        node.shape()
                    )));
                };
                walk.edges[step.node].push((link.parent, local.to_f64()));
                walk.routes[step.node] = walk.routes[step.node].saturating_add(routes);
            }
        }
        Ok(walk)
    }

    /// Every path from a node to the input, depth first, in the order of the arguments.
    fn all(&self, from: usize) -> Vec<Path> {
        let mut found = Vec::new();
        let mut open = vec![(vec![from], Vec::new())];
        while let Some((nodes, locals)) = open.pop() {
            let at = nodes[nodes.len() - 1];
            if at == self.input {
                found.push(self.path(nodes, locals));
                continue;
            }
            for &(parent, local) in self.edges[at].iter().rev() {
                let (mut nodes, mut locals): (Vec<usize>, Vec<f64>) = (nodes.clone(), locals.clone());
                nodes.push(parent);
                locals.push(local);
                open.push((nodes, locals));
            }
        }
        found
    }

    fn path(&self, nodes: Vec<usize>, locals: Vec<f64>) -> Path {
        let stands = |&at: &usize| at == nodes[0] || at == self.input || self.is_named(at);
        let mut factors = Vec::new();
        let mut start = 0;
        for end in 1..nodes.len() {
            if !stands(&nodes[end]) {
                continue;
            }
            let merged = self.unnamed_routes(nodes[start], nodes[end]) == 1;
            let cuts: Vec<usize> = if merged { vec![start, end] } else { (start..=end).collect() };
            for cut in cuts.windows(2) {
                factors.push(Factor {
                    of: label(self.graph, nodes[cut[0]]),
                    by: label(self.graph, nodes[cut[1]]),
                    value: locals[cut[0]..cut[1]].iter().product(),
                });
            }
            start = end;
        }
        let product = locals.iter().product();
        Path { nodes, locals, factors, product }
    }

    fn is_named(&self, at: usize) -> bool {
        self.graph.nodes()[at].name().is_some()
    }

    /// How many ways lead from one node to another through nodes without a name.
    fn unnamed_routes(&self, from: usize, to: usize) -> u128 {
        let mut routes = vec![0u128; from - to + 1];
        routes[0] = 1;
        for at in to + 1..=from {
            for &(parent, _) in &self.edges[at] {
                if parent == to || (parent > to && !self.is_named(parent)) {
                    routes[at - to] = routes[at - to].saturating_add(routes[parent - to]);
                }
            }
        }
        routes[from - to]
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "d{}/d{}", self.of, self.by)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let factors: Vec<String> = self.factors.iter().map(Factor::to_string).collect();
        f.write_str(if factors.is_empty() { "1" } else { "" })?;
        f.write_str(&factors.join(" * "))
    }
}

impl fmt::Display for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = format!("d{}/d{}", self.output, self.input);
        let indent = " ".repeat(left.chars().count());
        let formulas: Vec<String> = self.paths.iter().map(Path::to_string).collect();
        let values = |path: &Path| {
            let signed = |x: f64| if x < 0.0 { format!("({})", brief(x)) } else { brief(x) };
            let values: Vec<String> = path.factors.iter().map(|factor| signed(factor.value)).collect();
            if values.is_empty() { "1".to_owned() } else { values.join(" * ") }
        };
        let values: Vec<String> = self.paths.iter().map(values).collect();
        if self.paths.is_empty() {
            return writeln!(f, "{left} = 0, over no path");
        }
        writeln!(f, "{left} = {}", formulas.join(" + "))?;
        writeln!(f, "{indent} = {}", values.join(" + "))?;
        let n = self.paths.len();
        writeln!(f, "{indent} = {}, over {n} path{}", brief(self.sum()), if n == 1 { "" } else { "s" })
    }
}
