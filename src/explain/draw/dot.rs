//! Graphviz's language.

use super::sketch::{Cell, Kind, NodeStyle, Sketch, Tie};
use super::svg::escape;
use super::{Direction, DrawOptions, svg};
use std::fmt::Write;

/// The sketch as a digraph; boxes in clusters by scope.
pub(super) fn text(sketch: &Sketch, options: &DrawOptions) -> String {
    let mut out = String::from("digraph retrograd {\n");
    let direction = if options.direction == Direction::Down { "TB" } else { "LR" };
    let _ = writeln!(out, "  rankdir={direction};\n  fontname=\"Helvetica\";");
    if !options.title.is_empty() {
        let _ = writeln!(out, "  labelloc=t;\n  label=<{}>;", html(&options.title));
    }
    out.push_str("  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", fontsize=11];\n");
    out.push_str("  edge [fontname=\"Helvetica\", fontsize=10, arrowsize=0.7];\n");
    let all: Vec<usize> = (0..sketch.cells.len()).collect();
    let mut clusters = 0;
    cluster(&mut out, sketch, &all, 0, &mut clusters);
    for tie in &sketch.ties {
        edge(&mut out, tie);
    }
    out.push_str("}\n");
    out
}

/// Boxes of one scope, given the depth of that scope: those of deeper ones in clusters of their own.
fn cluster(out: &mut String, sketch: &Sketch, members: &[usize], depth: usize, clusters: &mut usize) {
    let indent = "  ".repeat(depth + 1);
    let mut inner: Vec<(&str, Vec<usize>)> = Vec::new();
    for &at in members {
        match sketch.cells[at].scope.get(depth) {
            None => cell(out, &indent, at, &sketch.cells[at]),
            Some(name) => match inner.iter_mut().find(|(scope, _)| scope == name) {
                Some((_, members)) => members.push(at),
                None => inner.push((name, vec![at])),
            },
        }
    }
    for (name, members) in inner {
        let _ = writeln!(out, "{indent}subgraph cluster_{clusters} {{");
        let _ = writeln!(out, "{indent}  label=<{}>; color=\"#999999\"; fontcolor=\"#555555\";", html(name));
        *clusters += 1;
        cluster(out, sketch, &members, depth + 1, clusters);
        let _ = writeln!(out, "{indent}}}");
    }
}

fn cell(out: &mut String, indent: &str, at: usize, cell: &Cell) {
    let lines = cell.lines.iter().map(|line| {
        let text = html(&line.text);
        match line.role {
            NodeStyle::Title => format!("<b>{text}</b>"),
            NodeStyle::Plain => text,
            NodeStyle::Gradient => format!("<font color=\"{}\">{text}</font>", svg::RED),
            NodeStyle::Forward => format!("<font color=\"{}\">{text}</font>", svg::BLUE),
        }
    });
    let label = lines.collect::<Vec<_>>().join("<br/>");
    let (fill, stroke) = svg::colours(cell);
    let shape = if cell.kind == Kind::Fold { ", peripheries=2" } else { "" };
    let width = if cell.highlighted { 2.5 } else { 1.0 };
    let _ = writeln!(
        out,
        "{indent}n{at} [label=<{label}>, fillcolor=\"{fill}\", color=\"{stroke}\", penwidth={width}{shape}];"
    );
}

fn edge(out: &mut String, tie: &Tie) {
    let mut attributes = Vec::new();
    if let Some(label) = &tie.label {
        attributes.push(format!("label=<{}>", html(label)));
    }
    if tie.highlighted {
        attributes.push(format!("color=\"{}\", penwidth=2.5", svg::ORANGE));
    }
    let list = if attributes.is_empty() { String::new() } else { format!(" [{}]", attributes.join(", ")) };
    let _ = writeln!(out, "  n{} -> n{}{list};", tie.from, tie.to);
    if tie.backward {
        let label = tie.backward_label.as_ref().map(|label| format!(", label=<{}>", html(label))).unwrap_or_default();
        let red = svg::RED;
        let _ = writeln!(
            out,
            "  n{} -> n{} [color=\"{red}\", fontcolor=\"{red}\", constraint=false{label}];",
            tie.to, tie.from
        );
    }
}

/// A text for a label, which Graphviz does not allow to be empty.
fn html(text: &str) -> String {
    if text.is_empty() { " ".to_owned() } else { escape(text) }
}
