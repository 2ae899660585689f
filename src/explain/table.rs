//! The sweep as a table: plain text, Markdown, HTML, and the cells themselves.

use super::{Local, SweepStep, brief, label};
use crate::graph::{Arg, Graph, GraphNode};
use crate::num::Element;
use crate::tape::Value;
use std::fmt;

/// The sweep node by node, the output first: a line for each node and parent.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::Explanation};
/// let tape = Tape::new();
/// let x = tape.var(3.0).named("x");
/// let table = Explanation::of((x * 2.0).named("y"))?.table();
/// assert_eq!(table.lines().len(), 2);
/// assert!(table.markdown().starts_with('|') && table.html().starts_with("<table"));
/// println!("{table}");
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    lines: Vec<TableRow>,
    with_scopes: bool,
}

/// One line of the table: a node, and what it passes on to one parent.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::Explanation};
/// let tape = Tape::new();
/// let x = tape.var(3.0).named("x");
/// let table = Explanation::of((x * 2.0).named("y"))?.table();
/// let row = &table.lines()[0];
/// assert_eq!((row.name.as_str(), row.op.as_str(), row.value.as_str()), ("y", "mul(x, 2)", "6"));
/// assert_eq!((row.parent.as_str(), row.local.as_str(), row.contribution.as_str()), ("x", "2", "2"));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
#[non_exhaustive]
pub struct TableRow {
    /// The node's number.
    pub node: usize,
    /// Its name, or v and its number.
    pub name: String,
    /// Its op with its arguments: `mul(a, b)`.
    pub op: String,
    /// The scope that it was recorded in.
    pub scope: String,
    /// Its value: a number, or shape and norm.
    pub value: String,
    /// The gradient that arrives.
    pub upstream: String,
    /// The parent's name, empty where the node has no parent with a gradient.
    pub parent: String,
    /// The derivative of the node by the parent: a number, the shape and norm of an elementwise one, or the rule's name.
    pub local: String,
    /// What is added to the parent's gradient.
    pub contribution: String,
    /// Whether the line above is of the same node.
    pub continues: bool,
}

impl Table {
    pub(super) fn new<T: Element>(graph: &Graph<T>, steps: &[SweepStep<T>]) -> Self {
        let mut lines = Vec::new();
        for step in steps.iter().rev() {
            let node = &graph.nodes()[step.node];
            let head = TableRow {
                node: node.index(),
                name: label(graph, node.index()),
                op: call(graph, node),
                scope: node.scope().unwrap_or_default().to_owned(),
                value: summary(node.value()),
                upstream: if node.is_active() { summary(&step.upstream) } else { String::new() },
                ..TableRow::default()
            };
            if step.links.is_empty() {
                lines.push(head.clone());
            }
            for (i, link) in step.links.iter().enumerate() {
                lines.push(TableRow {
                    parent: label(graph, link.parent),
                    local: match &link.local {
                        Local::Number(x) => brief(x.to_f64()),
                        Local::Elementwise(x) => summary(&Value::Tensor(x.clone())),
                        Local::Rule => format!("rule of {}", node.op()),
                    },
                    contribution: summary(&link.contribution),
                    continues: i > 0,
                    ..head.clone()
                });
            }
        }
        let with_scopes = lines.iter().any(|line| !line.scope.is_empty());
        Self { lines, with_scopes }
    }

    /// The lines, the output's first.
    pub fn lines(&self) -> &[TableRow] {
        &self.lines
    }

    /// The columns' titles.
    fn head(&self) -> Vec<&'static str> {
        let mut head = vec!["node", "op", "value", "upstream", "parent", "local derivative", "contribution"];
        if self.with_scopes {
            head.insert(2, "scope");
        }
        head
    }

    /// A line's cells; what the line above said of the node is not said again.
    fn cells<'a>(&self, line: &'a TableRow) -> Vec<&'a str> {
        let mut cells: Vec<&str> = vec![&line.name, &line.op, &line.value, &line.upstream];
        if self.with_scopes {
            cells.insert(2, &line.scope);
        }
        if line.continues {
            cells.fill("");
        }
        cells.extend([&line.parent[..], &line.local, &line.contribution]);
        cells
    }

    /// The table in Markdown.
    pub fn markdown(&self) -> String {
        let row = |cells: Vec<&str>| {
            let cells: Vec<String> = cells.into_iter().map(markdown_escaped).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = format!("|{}\n", "---|".repeat(self.head().len()));
        let body: String = self.lines.iter().map(|line| row(self.cells(line))).collect();
        row(self.head()) + &rule + &body
    }

    /// The table in HTML: a `table` element with class `sweep`.
    pub fn html(&self) -> String {
        let row = |cells: Vec<&str>, tag: &str, class: &str| {
            let cells: String =
                cells.into_iter().map(|cell| format!("<{tag}>{}</{tag}>", html_escaped(cell))).collect();
            format!("<tr{class}>{cells}</tr>\n")
        };
        let class = |line: &TableRow| if line.continues { " class=\"same\"" } else { "" };
        let body: String = self.lines.iter().map(|line| row(self.cells(line), "td", class(line))).collect();
        format!(
            "<table class=\"sweep\">\n<thead>\n{}</thead>\n<tbody>\n{body}</tbody>\n</table>\n",
            row(self.head(), "th", "")
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<Vec<&str>> =
            std::iter::once(self.head()).chain(self.lines.iter().map(|l| self.cells(l))).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.head().len()).map(width).collect();
        for row in &rows {
            let line: String = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}  ")).collect();
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// The op with its arguments as they are called.
fn call<T: Element>(graph: &Graph<T>, node: &GraphNode<T>) -> String {
    if node.args().is_empty() {
        return node.op().to_owned();
    }
    let arg = |arg: &Arg<T>| match arg {
        Arg::Node(index) => label(graph, *index),
        Arg::Literal(x) => brief(x.to_f64()),
    };
    let args: Vec<String> = node.args().iter().map(arg).collect();
    format!("{}({})", node.op(), args.join(", "))
}

/// A number, or a tensor's shape and Euclidean norm.
fn summary<T: Element>(value: &Value<T>) -> String {
    match value {
        Value::Scalar(x) => brief(x.to_f64()),
        Value::Tensor(x) => {
            let norm = x.iter().map(|x| x.to_f64().powi(2)).sum::<f64>().sqrt();
            format!("{} norm {}", x.shape(), brief(norm))
        }
    }
}

fn markdown_escaped(cell: &str) -> String {
    let mut escaped = String::with_capacity(cell.len());
    for c in cell.chars() {
        match c {
            '|' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '\\' | '#' => escaped.extend(['\\', c]),
            '\n' | '\r' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

fn html_escaped(cell: &str) -> String {
    let mut escaped = String::with_capacity(cell.len());
    for c in cell.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}
