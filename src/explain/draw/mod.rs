//! Graphs drawn: as Graphviz's DOT, and as SVG that needs no Graphviz.
//!
//! Each box shows a node's formula, shape, value and gradient; edges can carry local derivatives, and red edges beside them
//! what the backward sweep carries. Big graphs fold by scope. All derivatives come from the ops' own rules. The layout is our
//! own (see `layout`): the crates that exist place boxes, but not the labels of edges beside twin edges, or bring a graph
//! library along. Deterministic: the same graph gives the same bytes.
//!
//! # Examples
//! ```
//! use retrograd::{Tape, explain::draw, graph::Graph};
//! let tape = Tape::new();
//! let (x, w) = (tape.var(0.5).named("x"), tape.var(-2.0).named("w"));
//! let graph = Graph::of((w * x).named("z").tanh().named("y"));
//! let options = draw::DrawOptions { derivatives: draw::Derivatives::Reverse, locals: true, ..Default::default() };
//! let (svg, dot) = (draw::svg(&graph, &options)?, draw::dot(&graph, &options)?);
//! assert!(svg.contains("dz/dw = 0.5") && dot.contains("dz/dw = 0.5"));
//! # Ok::<(), retrograd::Error>(())
//! ```

mod dot;
mod layout;
mod order;
mod sketch;
mod svg;
#[cfg(test)]
mod tests;

pub use layout::Rect;

use crate::error::Result;
use crate::graph::Graph;
use crate::num::Element;
use layout::{Placed, Request, Wire};
use sketch::Sketch;

/// What a drawing shows.
///
/// # Examples
/// ```
/// use retrograd::explain::draw::{Derivatives, DrawOptions};
/// let options = DrawOptions { derivatives: Derivatives::Reverse, locals: true, ..DrawOptions::default() };
/// assert!(options.values && !options.backward);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DrawOptions {
    /// Above the drawing; empty, none.
    pub title: String,
    /// Which way the computation flows.
    pub direction: Direction,
    /// Values of numbers, norms of tensors; else shapes alone.
    pub values: bool,
    /// Which derivatives stand in the boxes.
    pub derivatives: Derivatives,
    /// Local derivatives on the edges: numbers, or the range of those of an op that works element by element. Ops on whole
    /// tensors have none that could be shown.
    pub locals: bool,
    /// Red edges beside the others, with what the sweep carries back: `dz2`, and its value where it is a number.
    pub backward: bool,
    /// Highlights the paths from the output to the node of this name or title.
    pub highlight: Option<String>,
    /// Whether scopes are drawn as one box each.
    pub fold: Fold,
    /// How many boxes are drawn at most.
    pub most: usize,
}

impl Default for DrawOptions {
    fn default() -> Self {
        Self {
            title: String::new(),
            direction: Direction::Right,
            values: true,
            derivatives: Derivatives::None,
            locals: false,
            backward: false,
            highlight: None,
            fold: Fold::Auto,
            most: 150,
        }
    }
}

/// Which way the computation flows.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::draw::{Direction, DrawOptions, Picture}, graph::Graph};
/// let tape = Tape::new();
/// let graph = Graph::of(tape.var(2.0).exp().ln().tanh());
/// let picture = |direction| Picture::of(&graph, &DrawOptions { direction, ..Default::default() });
/// let (right, down) = (picture(Direction::Right)?.size(), picture(Direction::Down)?.size());
/// assert!(right.0 > down.0 && right.1 < down.1);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the left to the right.
    Right,
    /// From the top down.
    Down,
}

/// Which derivatives stand in the boxes.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::draw::{self, Derivatives, DrawOptions}, graph::Graph};
/// let tape = Tape::new();
/// let x = tape.var(3.0).named("x");
/// let graph = Graph::of((x * x).named("y"));
/// let drawn = |derivatives| draw::svg(&graph, &DrawOptions { derivatives, ..Default::default() });
/// assert!(drawn(Derivatives::Reverse)?.contains("dy/dx = 6"));
/// assert!(drawn(Derivatives::Forward("x".into()))?.contains("dy/dx = 6"));
/// assert!(!drawn(Derivatives::None)?.contains("dy/dx"));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Derivatives {
    /// None.
    None,
    /// Of the output by every node, in red.
    Reverse,
    /// Of every node by the input of this name, in blue; for graphs of numbers.
    Forward(String),
}

/// Whether scopes are drawn as one box each.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::draw::{DrawOptions, Fold, Picture}, graph::Graph};
/// let tape = Tape::new();
/// let x = tape.var(0.5);
/// let hidden = {
///     let _layer = tape.scope("layer");
///     (x * 3.0).tanh()
/// };
/// let graph = Graph::of(hidden.square());
/// let picture = |fold| Picture::of(&graph, &DrawOptions { fold, ..Default::default() });
/// // Four nodes; the layer, with the variable that it alone reads, and its reader.
/// assert_eq!((picture(Fold::Never)?.boxes().len(), picture(Fold::Depth(1))?.boxes().len()), (4, 2));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Where the graph has too many nodes otherwise, to the deepest scopes that fit.
    Auto,
    /// Never.
    Never,
    /// Scopes of this depth: with 1, `encoder/layer1` is part of the box `encoder`. 0 folds nothing.
    Depth(usize),
}

/// The graph in Graphviz's language, with a cluster for each scope.
///
/// # Errors
/// More boxes than [`DrawOptions::most`]; an unknown name; a user's op that refuses its inputs.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::draw, graph::Graph};
/// let tape = Tape::new();
/// let (a, b) = (tape.var(2.0).named("a"), tape.var(1.0).named("b"));
/// let dot = draw::dot(&Graph::of((a + b).named("c")), &draw::DrawOptions::default())?;
/// assert!(dot.starts_with("digraph") && dot.contains("c = a + b"));
/// # Ok::<(), retrograd::Error>(())
/// ```
///
/// Source: E. R. Gansner, E. Koutsofios, S. North, Drawing graphs with dot, 2015.
pub fn dot<T: Element>(graph: &Graph<T>, options: &DrawOptions) -> Result<String> {
    Ok(dot::text(&Sketch::new(graph, options)?, options))
}

/// The graph as SVG.
///
/// # Errors
/// As [`dot`].
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::draw, graph::Graph};
/// let tape = Tape::new();
/// let (a, b) = (tape.var(2.0).named("a"), tape.var(1.0).named("b"));
/// let e = ((a + b).named("c") * (b + 1.0).named("d")).named("e");
/// let options = draw::DrawOptions { derivatives: draw::Derivatives::Reverse, locals: true, ..Default::default() };
/// let svg = draw::svg(&Graph::of(e), &options)?;
/// assert!(svg.contains("de/db = 5") && svg.contains("dc/da = 1"));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn svg<T: Element>(graph: &Graph<T>, options: &DrawOptions) -> Result<String> {
    Ok(Picture::of(graph, options)?.svg())
}

/// A graph with the place of everything on it.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::draw, graph::Graph};
/// let tape = Tape::new();
/// let (a, b) = (tape.var(2.0), tape.var(1.0));
/// let picture = draw::Picture::of(&Graph::of(a * b), &draw::DrawOptions::default())?;
/// assert_eq!((picture.boxes().len(), picture.routes().len()), (3, 2));
/// assert!(picture.svg().starts_with("<svg"));
/// # Ok::<(), retrograd::Error>(())
/// ```
pub struct Picture {
    sketch: Sketch,
    placed: Placed,
    title: String,
}

/// An edge of a [`Picture`].
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::draw, graph::Graph};
/// let tape = Tape::new();
/// let options = draw::DrawOptions { backward: true, ..Default::default() };
/// let picture = draw::Picture::of(&Graph::of(tape.var(2.0).exp()), &options)?;
/// let routes = picture.routes();
/// assert_eq!((routes[0].from, routes[0].to, routes[0].backward), (0, 1, false));
/// assert_eq!((routes[1].from, routes[1].to, routes[1].backward), (1, 0, true));
/// // It begins on the border of the box that it leaves.
/// assert_eq!(picture.boxes()[0].border_distance(routes[0].points[0]), 0.0);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Route {
    /// The number of the box that it leaves.
    pub from: usize,
    /// The number of the box that it leads to.
    pub to: usize,
    /// Whether it is one of the sweep's.
    pub backward: bool,
    /// Points along it, both ends included.
    pub points: Vec<(f64, f64)>,
}

impl Picture {
    /// Places a graph.
    ///
    /// # Errors
    /// As [`dot`].
    pub fn of<T: Element>(graph: &Graph<T>, options: &DrawOptions) -> Result<Self> {
        let sketch = Sketch::new(graph, options)?;
        let label = |text: &Option<String>| text.as_ref().map(|text| svg::label_size(text));
        let wire = |tie: &sketch::Tie| Wire {
            from: tie.from,
            to: tie.to,
            twin: tie.backward,
            label: label(&tie.label),
            twin_label: label(&tie.backward_label),
        };
        let request = Request {
            boxes: sketch.cells.iter().map(svg::box_size).collect(),
            wires: sketch.ties.iter().map(wire).collect(),
            down: options.direction == Direction::Down,
        };
        Ok(Self { placed: layout::place(&request), sketch, title: options.title.clone() })
    }

    /// Width and height, in pixels.
    pub fn size(&self) -> (f64, f64) {
        svg::size(self)
    }
    /// The boxes.
    pub fn boxes(&self) -> &[Rect] {
        &self.placed.boxes
    }
    /// The labels of edges.
    pub fn labels(&self) -> Vec<Rect> {
        self.placed.wires.iter().flat_map(|wire| wire.label.into_iter().chain(wire.twin_label)).collect()
    }
    /// The edges.
    pub fn routes(&self) -> Vec<Route> {
        let ties = self.sketch.ties.iter().zip(&self.placed.wires);
        let routes = ties.flat_map(|(tie, wire)| {
            let forward = Route { from: tie.from, to: tie.to, backward: false, points: points(&wire.curve) };
            let twin = wire.twin.as_ref();
            let backward =
                twin.map(|curve| Route { from: tie.to, to: tie.from, backward: true, points: points(curve) });
            std::iter::once(forward).chain(backward)
        });
        routes.collect()
    }
    /// The picture as SVG: one file, without scripts, links or fonts of its own.
    pub fn svg(&self) -> String {
        svg::text(self)
    }
}

/// Points along a curve: eight for each piece.
fn points(curve: &layout::EdgePath) -> Vec<(f64, f64)> {
    let mut points = vec![curve.start];
    for piece in &curve.pieces {
        let start = points[points.len() - 1];
        points.extend((1..=8).map(|i| {
            let (t, u) = (f64::from(i) / 8.0, 1.0 - f64::from(i) / 8.0);
            let mix = |a: f64, b: f64, c: f64, d: f64| {
                u * u * u * a + 3.0 * u * u * t * b + 3.0 * u * t * t * c + t * t * t * d
            };
            (mix(start.0, piece[0].0, piece[1].0, piece[2].0), mix(start.1, piece[0].1, piece[1].1, piece[2].1))
        }));
    }
    points
}
