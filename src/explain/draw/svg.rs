//! A placed sketch as SVG.

use super::Picture;
use super::layout::{EdgePath, Rect};
use super::sketch::{Cell, Kind, NodeStyle};
use std::fmt::Write;

pub(super) const RED: &str = "#c00000";
pub(super) const BLUE: &str = "#0059a8";
pub(super) const ORANGE: &str = "#d97a00";
const GREY: &str = "#444444";

/// Of the text in boxes; every character is as wide as 0.61 of it, or twice that.
const SIZE: f64 = 13.0;
const LABEL_SIZE: f64 = 12.0;
const LINE: f64 = 17.0;
const TITLE: f64 = 34.0;

/// The width of a text in a font of fixed width, at the widest of the usual ones.
fn text_width(text: &str, size: f64) -> f64 {
    let columns: usize = text.chars().map(|c| if u32::from(c) >= 0x1100 && !is_narrow(c) { 2 } else { 1 }).sum();
    columns as f64 * size * 0.612
}

/// Punctuation and symbols beyond Latin and Greek that take one column.
fn is_narrow(c: char) -> bool {
    ('\u{2000}'..'\u{2e80}').contains(&c)
}

pub(super) fn box_size(cell: &Cell) -> (f64, f64) {
    let width = cell.lines.iter().map(|line| text_width(&line.text, SIZE)).fold(30.0, f64::max);
    ((width + 20.0).ceil(), cell.lines.len() as f64 * LINE + 12.0)
}

pub(super) fn label_size(text: &str) -> (f64, f64) {
    ((text_width(text, LABEL_SIZE) + 4.0).ceil(), 16.0)
}

/// Fill and stroke of a box.
pub(super) fn colours(cell: &Cell) -> (&'static str, &'static str) {
    let fill = match cell.kind {
        Kind::Input => "#fff4cc",
        Kind::Data => "#eeeeee",
        Kind::Op => "#ffffff",
        Kind::Output => "#dff3e4",
        Kind::Fold => "#e3effa",
    };
    (fill, if cell.highlighted { ORANGE } else { "#666666" })
}

/// Width and height, with the title.
pub(super) fn size(picture: &Picture) -> (f64, f64) {
    let title = if picture.title.is_empty() { 0.0 } else { TITLE };
    let wide = text_width(&picture.title, 16.0) + 32.0;
    let width = if picture.title.is_empty() { picture.placed.width } else { picture.placed.width.max(wide) };
    (width.ceil(), (picture.placed.height + title).ceil())
}

pub(super) fn text(picture: &Picture) -> String {
    let (width, height) = size(picture);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\">"
    );
    let shift = if picture.title.is_empty() { 0.0 } else { TITLE };
    let called = if picture.title.is_empty() { "Computation graph" } else { &picture.title };
    let _ = writeln!(
        out,
        "<title>{}</title>\n<rect class=\"paper\" width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>",
        escape(called)
    );
    if !picture.title.is_empty() {
        let title = escape(&picture.title);
        let _ = writeln!(out, "<text x=\"16\" y=\"26\" font-size=\"16\" fill=\"#111111\">{title}</text>");
    }
    let _ = writeln!(out, "<g transform=\"translate(0 {shift})\">");
    let ties = || picture.sketch.ties.iter().zip(&picture.placed.wires);
    // Highlighted edges over the others, boxes and labels over all.
    for highlighted in [false, true] {
        for (tie, wire) in ties().filter(|(tie, _)| tie.highlighted == highlighted) {
            let open = |out: &mut String, class: &str| {
                let _ = write!(out, "<g class=\"{class}\" data-from=\"{}\" data-to=\"{}\">", tie.from, tie.to);
            };
            open(&mut out, "edge");
            edge(&mut out, &wire.curve, if highlighted { ORANGE } else { GREY }, if highlighted { 2.6 } else { 1.3 });
            out.push_str("</g>\n");
            if let Some(twin) = &wire.twin {
                open(&mut out, "edge backward");
                edge(&mut out, twin, RED, if highlighted && tie.backward { 2.6 } else { 1.3 });
                out.push_str("</g>\n");
            }
        }
    }
    for (i, (cell, rect)) in picture.sketch.cells.iter().zip(&picture.placed.boxes).enumerate() {
        node(&mut out, i, cell, rect);
    }
    for (tie, wire) in ties() {
        for (label, rect, colour) in [(&tie.label, wire.label, GREY), (&tie.backward_label, wire.twin_label, RED)] {
            if let (Some(label), Some(rect)) = (label, rect) {
                let (x, y) = rect.centre();
                write_text(&mut out, label, (x, y + 4.0), LABEL_SIZE, (colour, "label"), false);
            }
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// The box of this number. What a page may show, hide or colour anew has a class; boxes say which nodes they stand for.
fn node(out: &mut String, number: usize, cell: &Cell, rect: &Rect) {
    let (fill, stroke) = colours(cell);
    let weight = if cell.highlighted { 2.6 } else { 1.2 };
    let frame = |out: &mut String, inset: f64, fill: &str, weight: f64| {
        let (x, y) = (brief(rect.x + inset), brief(rect.y + inset));
        let (width, height) = (brief(rect.width - 2.0 * inset), brief(rect.height - 2.0 * inset));
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"{weight}\"/>"
        );
    };
    let kind = match cell.kind {
        Kind::Input => "input",
        Kind::Data => "data",
        Kind::Op => "op",
        Kind::Output => "output",
        Kind::Fold => "fold",
    };
    let nodes: Vec<String> = cell.nodes.iter().map(usize::to_string).collect();
    let _ = writeln!(
        out,
        "<g class=\"box {kind}\" data-box=\"{number}\" data-nodes=\"{}\"><title>{}</title>",
        nodes.join(" "),
        escape(&cell.title)
    );
    frame(out, 0.0, fill, weight);
    if cell.kind == Kind::Fold {
        frame(out, 3.0, "none", 0.8);
    }
    let (x, middle) = rect.centre();
    let first = middle - cell.lines.len() as f64 * LINE / 2.0 + LINE * 0.76;
    for (i, line) in cell.lines.iter().enumerate() {
        let colour = match line.role {
            NodeStyle::Title => ("#111111", "title"),
            NodeStyle::Plain => (GREY, "value"),
            NodeStyle::Gradient => (RED, "gradient"),
            NodeStyle::Forward => (BLUE, "tangent"),
        };
        write_text(out, &line.text, (x, first + i as f64 * LINE), SIZE, colour, line.role == NodeStyle::Title);
    }
    out.push_str("</g>\n");
}

fn write_text(out: &mut String, text: &str, (x, y): (f64, f64), size: f64, (colour, class): (&str, &str), bold: bool) {
    let weight = if bold { " font-weight=\"bold\"" } else { "" };
    let (x, y, text) = (brief(x), brief(y), escape(text));
    let _ = writeln!(
        out,
        "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{colour}\" text-anchor=\"middle\" xml:space=\"preserve\"{weight}>{text}</text>"
    );
}

/// A curve with an arrowhead at its end.
fn edge(out: &mut String, curve: &EdgePath, colour: &str, weight: f64) {
    let point = |(x, y): (f64, f64)| format!("{} {}", brief(x), brief(y));
    let (tip, from) = (curve.end(), curve.pieces.last().map_or(curve.start, |piece| piece[0]));
    let length = (tip.0 - from.0).hypot(tip.1 - from.1).max(1e-9);
    let (dx, dy) = ((tip.0 - from.0) / length, (tip.1 - from.1) / length);
    let head = 7.0 + weight * 0.6;
    let base = (tip.0 - dx * head, tip.1 - dy * head);
    let _ = write!(out, "<path d=\"M{}", point(curve.start));
    for (i, piece) in curve.pieces.iter().enumerate() {
        // The line ends inside the arrowhead, so that its own end does not stick out.
        let end = if i + 1 == curve.pieces.len() { base } else { piece[2] };
        let straight = i + 1 == curve.pieces.len() || is_straight(piece);
        let _ = match straight {
            true => write!(out, " L{}", point(end)),
            false => write!(out, " C{}, {}, {}", point(piece[0]), point(piece[1]), point(end)),
        };
    }
    let _ = writeln!(out, "\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{weight}\"/>");
    let side = 3.4 + weight * 0.4;
    let (left, right) = ((base.0 - dy * side, base.1 + dx * side), (base.0 + dy * side, base.1 - dx * side));
    let _ = writeln!(out, "<path d=\"M{} L{} L{} Z\" fill=\"{colour}\"/>", point(tip), point(left), point(right));
}

/// Every piece begins along the flow; one whose points share a coordinate is a line.
fn is_straight(piece: &[(f64, f64); 3]) -> bool {
    piece.iter().all(|point| point.0 == piece[0].0) || piece.iter().all(|point| point.1 == piece[0].1)
}

/// A coordinate with one decimal.
fn brief(x: f64) -> String {
    ((x * 10.0).round() / 10.0 + 0.0).to_string()
}

/// The text as XML and DOT's labels write it, on one line.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
