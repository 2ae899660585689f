//! The backward sweep, shown: as a table, as products along paths, as formulas, as Rust source, as a drawing.
//!
//! Everything starts from a recorded [`Graph`]. Local derivatives come from the ops' own rules, as numbers or as formulas;
//! nothing is derived here a second time.
//!
//! # Examples
//! ```
//! use retrograd::{Tape, explain::{Explanation, draw}};
//! let tape = Tape::new();
//! let (x, w) = (tape.var(0.5).named("x"), tape.var(-2.0).named("w"));
//! let explanation = Explanation::of((w * x).named("z").tanh().named("y"))?;
//! println!("{}", explanation.table());
//! assert_eq!(explanation.paths("w")?.to_string().lines().next(), Some("dy/dw = dy/dz * dz/dw"));
//! assert!(explanation.derivation()?.contains("\\tanh"));
//! assert!(explanation.rust_source("slope")?.contains("fn slope"));
//! let svg = draw::svg(explanation.graph(), &draw::DrawOptions::default())?;
//! assert!(svg.starts_with("<svg"));
//! # Ok::<(), retrograd::Error>(())
//! ```

mod counts;
mod derivation;
pub mod draw;
mod paths;
mod source;
mod sweep;
pub(crate) mod symbol;
mod table;

pub use counts::{Cost, Counts, counts};
pub use derivation::{Derivation, Notation, Statement, derivation, derivation_as};
pub use paths::{Factor, MOST_PATHS, Path, Paths, paths, paths_up_to};
pub use source::rust_source;
pub use table::{Table, TableRow};

use crate::error::Result;
use crate::graph::Graph;
use crate::num::Element;
use crate::tape::{Value, Var};
use crate::tensor::Tensor;

/// A graph with what a backward sweep carries along its edges.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::Explanation};
/// let tape = Tape::new();
/// let (a, b) = (tape.var(2.0).named("a"), tape.var(1.0).named("b"));
/// let e = ((a + b).named("c") * (b + 1.0).named("d")).named("e");
/// let explanation = Explanation::of(e)?;
/// println!("{}", explanation.table());
/// let by_b = explanation.paths("b")?;
/// assert_eq!(by_b.gradient(), 5.0);
/// assert_eq!(by_b.to_string().lines().next(), Some("de/db = de/dc * dc/db + de/dd * dd/db"));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone)]
pub struct Explanation<T> {
    graph: Graph<T>,
    steps: Vec<SweepStep<T>>,
}

/// What a backward sweep does at one node.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::Explanation};
/// let tape = Tape::new();
/// let x = tape.var(3.0);
/// let explanation = Explanation::of(x * x * 5.0)?;
/// let x = &explanation.steps()[0];
/// // Nothing is passed on from a variable; what arrived is its gradient.
/// assert_eq!((x.node, x.upstream.as_slice(), x.links.len()), (0, &[30.0][..], 0));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct SweepStep<T> {
    /// The node's number in the graph.
    pub node: usize,
    /// The gradient of the output by this node: what arrives from the nodes that read it.
    pub upstream: Value<T>,
    /// What is passed on, one entry for each argument that is a node, in order.
    pub links: Vec<Link<T>>,
}

/// What a node passes on to one of its parents.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::{Explanation, Local}};
/// let tape = Tape::new();
/// let (x, y) = (tape.var(3.0), tape.var(4.0));
/// let explanation = Explanation::of((x * y) * 10.0)?;
/// let to_x = &explanation.steps()[2].links[0];
/// assert_eq!((to_x.parent, to_x.argument), (0, 0));
/// assert!(matches!(to_x.local, Local::Number(4.0)));
/// assert_eq!(to_x.contribution.as_slice(), [40.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Link<T> {
    /// The parent's number.
    pub parent: usize,
    /// Which argument it is.
    pub argument: usize,
    /// The derivative of the node by this argument.
    pub local: Local<T>,
    /// Upstream times local, in the parent's shape: what is added to the parent's gradient.
    pub contribution: Value<T>,
}

/// The derivative of a node by one of its arguments.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::{Explanation, Local}};
/// let tape = Tape::new();
/// let x = tape.var([1.0, -2.0]);
/// let explanation = Explanation::of(x.square().sum(()))?;
/// let locals: Vec<_> = explanation.steps().iter().flat_map(|step| &step.links).map(|link| &link.local).collect();
/// assert!(matches!(locals[0], Local::Elementwise(slopes) if slopes.to_vec() == [2.0, -4.0]));
/// assert!(matches!(locals[1], Local::Rule));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone)]
pub enum Local<T> {
    /// A number by a number.
    Number(T),
    /// Of an op that works element by element, in the shape of the node.
    Elementwise(Tensor<T>),
    /// Of an op on whole tensors, whose Jacobian is never built: its rule multiplies by it.
    Rule,
}

impl<T: Element> Explanation<T> {
    /// The sweep from this output back to the variables; of the output's sum, where it is a tensor.
    ///
    /// # Errors
    /// A user's op refuses its inputs.
    ///
    /// # Panics
    /// The output is a constant, which no tape has recorded.
    #[track_caller]
    pub fn of(output: Var<'_, T>) -> Result<Self> {
        Self::of_graph(Graph::of(output))
    }

    /// The same for a graph: an expanded one shows every op as its textbook formula.
    ///
    /// # Errors
    /// A user's op refuses its inputs.
    pub fn of_graph(graph: Graph<T>) -> Result<Self> {
        let steps = sweep::steps(&graph)?;
        Ok(Self { graph, steps })
    }

    /// The graph.
    pub fn graph(&self) -> &Graph<T> {
        &self.graph
    }

    /// What happens at each node, in the graph's order; the sweep goes through them backwards.
    pub fn steps(&self) -> &[SweepStep<T>] {
        &self.steps
    }

    /// The sweep as a table: one line for each node and parent, the output first.
    pub fn table(&self) -> Table {
        Table::new(&self.graph, &self.steps)
    }

    /// Every path from the output to the node of this name, or with this title ([`Graph::title`]).
    ///
    /// # Errors
    /// No such node; tensors on the way; more than [`MOST_PATHS`] paths.
    pub fn paths(&self, input: &str) -> Result<Paths> {
        let index = paths::index_of(&self.graph, input)?;
        paths::collect(&self.graph, &self.steps, index, MOST_PATHS)
    }

    /// The chain rule written out, as Markdown with LaTeX: [`derivation`].
    ///
    /// # Errors
    /// A user's op whose rule exists as numbers only.
    pub fn derivation(&self) -> Result<String> {
        derivation(&self.graph)
    }

    /// The chain rule in this notation, statement by statement: [`derivation_as`].
    ///
    /// # Errors
    /// A user's op whose rule exists as numbers only.
    pub fn derivation_as(&self, notation: Notation) -> Result<Derivation> {
        derivation_as(&self.graph, notation)
    }

    /// The graph as Rust source: [`rust_source`].
    ///
    /// # Errors
    /// As [`rust_source`].
    pub fn rust_source(&self, name: &str) -> Result<String> {
        rust_source(&self.graph, name)
    }

    /// How many multiplications and additions forward and reverse mode take for this graph.
    pub fn counts(&self) -> Counts {
        counts(&self.graph)
    }
}

/// A number with six significant digits, for reading.
pub(crate) fn brief(x: f64) -> String {
    if !x.is_finite() || x == 0.0 {
        return format!("{x}");
    }
    let rounded: f64 = format!("{x:.5e}").parse().unwrap_or(x);
    if (1e-4..1e7).contains(&rounded.abs()) { format!("{rounded}") } else { format!("{rounded:e}") }
}

/// How a node is called in derivatives: its name, or v and its number.
pub(crate) fn label<T: Element>(graph: &Graph<T>, index: usize) -> String {
    graph.nodes()[index].name().map_or_else(|| format!("v{index}"), str::to_owned)
}
