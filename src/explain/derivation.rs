//! The chain rule of a graph written out: as Markdown with LaTeX, as MathML, as text.
//!
//! The statements are trees until they are printed, so that all notations say the same.

use super::symbol::{Equations, Formulas, collapsed, escaped, latex, leaves, mathml, text};
use crate::error::Result;
use crate::graph::ssa::{IrOp, Node, NodeKey};
use crate::graph::{Graph, GraphNode};
use crate::num::Element;
use crate::num::elementwise::formula::{Between, Math};
use crate::ops::structural::TensorOp;
use crate::tape::NodeOp;
use std::fmt;

/// Formulas of nodes without a name up to this length stand where they are used.
const INLINE: usize = 6;

/// What formulas are written in.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::{Explanation, Notation}};
/// let tape = Tape::new();
/// let x = tape.var([1.0, 2.0]).named("x");
/// let explanation = Explanation::of(x.square().sum(()).named("y"))?;
/// let gradient = |notation| Ok::<_, retrograd::Error>(explanation.derivation_as(notation)?.backward.pop().unwrap().formula);
/// assert_eq!(gradient(Notation::Text)?, "dx = dy * 2 * x = 2 * x");
/// assert_eq!(gradient(Notation::Latex)?, r"\bar{x} = \bar{y} \, 2 x = 2 x");
/// assert!(gradient(Notation::MathMl)?.starts_with("<math><mrow><mover accent=\"true\"><mi>x</mi>"));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notation {
    /// LaTeX, for where mathematics is.
    #[default]
    Latex,
    /// MathML: elements that browsers show without a script.
    MathMl,
    /// Text in a line: the gradient by `W` is `dW`, `@` a product of matrices, `*` one element by element.
    Text,
}

/// The chain rule of a graph, statement by statement; printed, it is a document: Markdown, a part of a page, or text.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::{Explanation, Notation}};
/// let tape = Tape::new();
/// let (x, w) = (tape.var(0.5).named("x"), tape.var(-2.0).named("w"));
/// let explanation = Explanation::of((w * x).named("z").tanh().named("y"))?;
/// let derivation = explanation.derivation_as(Notation::Text)?;
/// let backward: Vec<(usize, &str)> = derivation.backward.iter().map(|line| (line.node, &line.formula[..])).collect();
/// assert_eq!(backward[..2], [(3, "dy = 1"), (2, "dz = dy * (1 - y^2) = 1 - y^2")]);
/// assert_eq!(derivation.backward[1].name, "dz");
/// println!("{derivation}");
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Derivation {
    /// What the formulas are written in.
    pub notation: Notation,
    /// What the function is given: variables and data, with their shapes in words.
    pub given: Vec<Statement>,
    /// The values, in the order of the forward pass.
    pub forward: Vec<Statement>,
    /// The gradients, in the order of the backward sweep.
    pub backward: Vec<Statement>,
    /// Arrays that rules brought along.
    pub constants: Vec<String>,
    /// The name of what is derived, in the notation.
    output: String,
    /// Whether sums of rows and columns are written, and labels as a matrix.
    explains: [bool; 2],
}

/// A line of a derivation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Statement {
    /// The node of the graph whose value or gradient it is.
    pub node: usize,
    /// What it is called, as text: `W1`, or `dW1` for the gradient.
    pub name: String,
    /// The whole statement in the notation: `\\bar{W}_{1} = ...`, a `<math>` element, or `dW1 = ...`. Of what is given, the name.
    pub formula: String,
    /// Its sides; of what is given, the name and what it is in words.
    left: String,
    right: String,
}

/// The chain rule of the graph: each node's formula, then each node's gradient from those of its readers.
///
/// Derivatives are the ops' own rules, written down by running them over formulas. Nodes without a name that are used once
/// stand where they are used. Where a gradient collapses to something as short in terms of values alone, that is written
/// behind it: softmax with cross-entropy to s - y, sigmoid with binary cross-entropy to a - y.
///
/// # Errors
/// A user's op whose rule exists as numbers only.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain, graph::Graph};
/// let tape = Tape::new();
/// let x = tape.var(0.5).named("x");
/// let text = explain::derivation(&Graph::of(x.tanh().named("y")))?;
/// assert!(text.contains(r"y &= \tanh\left(x\right)"));
/// assert!(text.contains(r"\bar{x} &= \bar{y} \left(1 - y^{2}\right)"), "{text}");
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn derivation<T: Element>(graph: &Graph<T>) -> Result<String> {
    Ok(derivation_as(graph, Notation::Latex)?.to_string())
}

/// The same in another notation, statement by statement.
///
/// # Errors
/// As for [`derivation`].
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::{Notation, derivation_as}, graph::Graph};
/// let tape = Tape::new();
/// let (x, w) = (tape.var([[1.0, 2.0]]).named("X"), tape.var([[0.5], [0.25]]).named("W"));
/// let derivation = derivation_as(&Graph::of(x.matmul(w).tanh().sum(()).named("L")), Notation::Text)?;
/// assert!(derivation.to_string().contains("dW = X^T @ "), "{derivation}");
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn derivation_as<T: Element>(graph: &Graph<T>, notation: Notation) -> Result<Derivation> {
    let equations = Equations::readable(graph)?;
    // Before more is made of it.
    let is_sum = |node: &Node<T>| matches!(node.op, IrOp::Op(NodeOp::Tensor(TensorOp::Sum(_))));
    let sums = equations.ir.borrow().nodes.values().any(is_sum);
    let collapsed = collapsed(graph, &equations);
    let formulas = Formulas::new(&equations.ir, graph);
    Ok(Writer { graph, equations: &equations, formulas, notation }.derivation(&collapsed, sums))
}

/// Writes line by line; what has a line goes by its name from there on.
struct Writer<'a, T> {
    graph: &'a Graph<T>,
    equations: &'a Equations<T>,
    formulas: Formulas<'a, T>,
    notation: Notation,
}

impl<T: Element> Writer<'_, T> {
    fn leaves(&self, key: NodeKey, limit: usize) -> usize {
        leaves(&self.equations.ir.borrow(), key, limit, &|key| self.formulas.is_said(key))
    }

    fn derivation(mut self, collapsed: &[Option<NodeKey>], sums: bool) -> Derivation {
        let graph = self.graph;
        let output = graph.output();
        let labels = self.mentions(|op| matches!(op, NodeOp::Tensor(TensorOp::CrossEntropy(_))));
        let mut given = Vec::new();
        for node in graph.nodes().iter().filter(|node| node.is_input() || node.is_data()) {
            let kind = if node.is_input() { "variable" } else { "data" };
            let name = self.formulas.node(node.index());
            let left = self.notation.printed(&name);
            given.push(Statement {
                node: node.index(),
                name: text(&name),
                formula: self.notation.whole(&left),
                left,
                right: format!("{kind}, {}", in_words(node)),
            });
            self.formulas.say(self.equations.values[node.index()], name);
        }
        let mut readers = vec![0; graph.nodes().len()];
        graph.nodes().iter().flat_map(|node| node.parents()).for_each(|parent| readers[parent] += 1);
        let mut forward = Vec::new();
        let mut lined = vec![false; graph.nodes().len()];
        for node in graph.nodes().iter().filter(|node| !node.args().is_empty()) {
            let index = node.index();
            lined[index] = node.name().is_some() || index == output.index() || {
                let key = self.equations.values[index];
                let said = self.formulas.is_said(key);
                !said && (readers[index] > 1 || self.leaves(key, INLINE) > INLINE)
            };
            if lined[index] {
                forward.push(self.value(node));
            }
        }
        let bar = self.formulas.adjoint(output.index());
        let mut backward = vec![self.statement(output.index(), &bar, &[Math::integer(1)])];
        if let Some(seed) = self.equations.adjoints[output.index()] {
            self.formulas.say(seed, bar);
        }
        for node in graph.nodes().iter().rev().skip(1) {
            if node.is_active() && (lined[node.index()] || node.is_input()) {
                backward.push(self.gradient(node, collapsed));
            }
        }
        let constants = self.formulas.constants().into_iter().map(|constant| match constant.rows {
            Some(rows) => self.notation.inline(&Math::row(constant.name, Between::Equal, rows)),
            None => {
                let shape = constant.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
                let [name, first] = [constant.name, constant.first].map(|part| self.notation.inline(&part));
                format!("{name}, {shape}, of the numbers from {first} on")
            }
        });
        let constants = constants.collect();
        let output = self.notation.printed(&self.formulas.node(output.index()));
        Derivation { notation: self.notation, given, forward, backward, constants, output, explains: [sums, labels] }
    }

    fn mentions(&self, test: impl Fn(&NodeOp<T>) -> bool) -> bool {
        self.graph.nodes().iter().any(|node| test(&node.op))
    }

    fn statement(&self, node: usize, name: &Math, values: &[Math]) -> Statement {
        let left = self.notation.printed(name);
        let right = self.notation.printed(&Math::list(values.iter().cloned(), Between::Equal));
        let formula = self.notation.whole(&self.notation.equation(&left, &right));
        Statement { node, name: text(name), formula, left, right }
    }

    /// The line of a node's value.
    fn value(&mut self, node: &GraphNode<T>) -> Statement {
        let (name, key) = (self.formulas.node(node.index()), self.equations.values[node.index()]);
        let line = self.statement(node.index(), &name, &[self.formulas.formula(key)]);
        self.formulas.say(key, name);
        line
    }

    /// The line of a node's gradient.
    fn gradient(&mut self, node: &GraphNode<T>, collapsed: &[Option<NodeKey>]) -> Statement {
        let bar = self.formulas.adjoint(node.index());
        let Some(raw) = self.equations.adjoints[node.index()] else {
            return self.statement(node.index(), &bar, &[Math::integer(0)]);
        };
        let mut values = vec![self.formulas.formula(raw)];
        if let Some(short) = collapsed[node.index()] {
            let formula = self.formulas.formula(short);
            if self.leaves(short, 100) <= self.leaves(raw, 100) && values[0] != formula {
                values.push(formula);
            }
        }
        let line = self.statement(node.index(), &bar, &values);
        self.formulas.say(raw, bar);
        line
    }
}

impl Notation {
    fn printed(self, formula: &Math) -> String {
        match self {
            Notation::Latex => latex(formula),
            Notation::MathMl => mathml(formula),
            Notation::Text => text(formula),
        }
    }

    /// Two sides that were printed.
    fn equation(self, left: &str, right: &str) -> String {
        match self {
            Notation::Latex | Notation::Text => format!("{left} = {right}"),
            Notation::MathMl => format!("<mrow>{left}<mo>=</mo>{right}</mrow>"),
        }
    }

    /// What was printed, as it stands by itself.
    fn whole(self, printed: &str) -> String {
        match self {
            Notation::Latex | Notation::Text => printed.to_owned(),
            Notation::MathMl => format!("<math>{printed}</math>"),
        }
    }

    /// What was printed, in the middle of a sentence.
    fn within(self, printed: &str) -> String {
        match self {
            Notation::Latex => format!("${printed}$"),
            _ => self.whole(printed),
        }
    }

    fn inline(self, formula: &Math) -> String {
        self.within(self.printed(formula).trim())
    }
}

impl Derivation {
    /// What a reader of the formulas needs to know.
    fn preface(&self) -> String {
        let of = self.notation;
        let meaning = match of {
            Notation::Latex => format!("$\\bar{{v}}$ stands for $\\partial {} / \\partial v$", self.output),
            Notation::MathMl => format!(
                "{} stands for <math><mfrac><mrow><mo>∂</mo>{}</mrow><mrow><mo>∂</mo><mi>v</mi></mrow></mfrac></math>",
                of.inline(&Math::Bar(Box::new(Math::Letter('v')))),
                self.output
            ),
            Notation::Text => format!("dv is the gradient of {} by v", self.output),
        };
        let circle = of.inline(&Math::Sign(Between::Circle));
        let mut text = format!(
            "{meaning}. Functions, powers, fractions and {circle} act element by element; numbers and rows stretch to the shape \
             they meet."
        );
        let [sums, labels] = self.explains;
        if sums {
            let [rows, columns] = ["rowsum", "colsum"].map(|name| of.inline(&Math::function(name)));
            text += &format!(" {rows} and {columns} are the sums of each row and of each column.");
        }
        if labels {
            text += &format!(" {} holds a 1 for each row's label and 0 elsewhere.", of.inline(&Math::Letter('Y')));
        }
        text
    }

    fn sections(&self) -> [(&'static str, &[Statement]); 2] {
        [("Forward", &self.forward), ("Backward", &self.backward)]
    }

    fn markdown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# The chain rule of ${}$\n\n{}\n\n## Given\n\n", self.output, self.preface())?;
        self.given.iter().try_for_each(|line| writeln!(f, "- ${}$: {}", line.left, line.right))?;
        for (title, lines) in self.sections().into_iter().filter(|(_, lines)| !lines.is_empty()) {
            let lines: Vec<String> = lines.iter().map(|line| format!("{} &= {}", line.left, line.right)).collect();
            let lines = lines.join(" \\\\\n");
            write!(f, "\n## {title}\n\n$$\n\\begin{{aligned}}\n{lines}\n\\end{{aligned}}\n$$\n")?;
        }
        if !self.constants.is_empty() {
            write!(f, "\n## Constants\n\n")?;
        }
        self.constants.iter().try_for_each(|constant| writeln!(f, "- {constant}"))
    }

    /// A part of a page: each statement is a block with the number of its node.
    fn page(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let output = &self.output;
        writeln!(f, "<section class=\"derivation\">\n<h1>The chain rule of <math>{output}</math></h1>")?;
        writeln!(f, "<p>{}</p>\n<h2>Given</h2>\n<ul>", self.preface())?;
        for line in &self.given {
            writeln!(f, "<li data-node=\"{}\">{}: {}</li>", line.node, line.formula, escaped(&line.right))?;
        }
        writeln!(f, "</ul>")?;
        for (title, lines) in self.sections().into_iter().filter(|(_, lines)| !lines.is_empty()) {
            writeln!(f, "<h2>{title}</h2>")?;
            for line in lines {
                writeln!(f, "<div data-node=\"{}\">{}</div>", line.node, line.formula)?;
            }
        }
        if !self.constants.is_empty() {
            writeln!(f, "<h2>Constants</h2>\n<ul>")?;
            self.constants.iter().try_for_each(|constant| writeln!(f, "<li>{constant}</li>"))?;
            writeln!(f, "</ul>")?;
        }
        writeln!(f, "</section>")
    }

    fn plain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The chain rule of {}\n\n{}\n\nGiven\n", self.output, self.preface())?;
        self.given.iter().try_for_each(|line| writeln!(f, "  {}: {}", line.left, line.right))?;
        for (title, lines) in self.sections().into_iter().filter(|(_, lines)| !lines.is_empty()) {
            write!(f, "\n{title}\n")?;
            lines.iter().try_for_each(|line| writeln!(f, "  {}", line.formula))?;
        }
        if !self.constants.is_empty() {
            write!(f, "\nConstants\n")?;
        }
        self.constants.iter().try_for_each(|constant| writeln!(f, "  {constant}"))
    }
}

impl fmt::Display for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.notation {
            Notation::Latex => self.markdown(f),
            Notation::MathMl => self.page(f),
            Notation::Text => self.plain(f),
        }
    }
}

fn in_words<T: Element>(node: &GraphNode<T>) -> String {
    match node.shape().rank() {
        0 => "a number".to_owned(),
        1 if node.shape().numel() == 1 => "1 number".to_owned(),
        1 => format!("{} numbers", node.shape().numel()),
        _ => node.shape().iter().map(usize::to_string).collect::<Vec<_>>().join(" x "),
    }
}
