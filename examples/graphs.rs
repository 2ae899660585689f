//! Computation graphs, drawn.
//!
//! Teaches: names and scopes on a tape, and what a drawing can show of a recorded graph: values, gradients, local derivatives on
//! the edges, the backward sweep in red, one path highlighted, layers folded.
//! Prints where it writes each picture, as SVG and as Graphviz's DOT.
//!
//! Run: `cargo run --example graphs -- [FOLDER]`; without a folder, one under the system's temporary folder.

use retrograd::explain::draw::{self, Derivatives, Direction, DrawOptions, Fold, Picture};
use retrograd::graph::Graph;
use retrograd::{Tape, Tensor, Var};
use std::error::Error;
use std::path::{Path, PathBuf};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let folder =
        std::env::args_os().nth(1).map_or_else(|| std::env::temp_dir().join("retrograd-graphs"), PathBuf::from);
    let count = write_all(&folder)?;
    println!("{count} graphs drawn in {}", folder.display());
    Ok(())
}

/// Writes every picture into a folder; how many.
pub(crate) fn write_all(folder: &Path) -> Result<usize, Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let pictures = pictures();
    for (name, graph, options) in &pictures {
        let picture = Picture::of(graph, options)?;
        check(name, &picture);
        std::fs::write(folder.join(format!("{name}.svg")), picture.svg())?;
        std::fs::write(folder.join(format!("{name}.dot")), draw::dot(graph, options)?)?;
        let (width, height) = picture.size();
        println!("{name}: {} boxes, {} edges, {width} by {height}", picture.boxes().len(), picture.routes().len());
    }
    Ok(pictures.len())
}

/// No two boxes or labels overlap, and every edge touches its boxes.
fn check(name: &str, picture: &Picture) {
    let rects: Vec<_> = picture.boxes().iter().copied().chain(picture.labels()).collect();
    for (i, a) in rects.iter().enumerate() {
        assert!(rects[i + 1..].iter().all(|b| !a.overlaps(b)), "{name}: overlap at {a:?}");
    }
    for route in picture.routes() {
        let ends = [(route.from, route.points[0]), (route.to, route.points[route.points.len() - 1])];
        assert!(
            ends.iter().all(|&(at, point)| picture.boxes()[at].border_distance(point) < 1e-9),
            "{name}: loose edge"
        );
    }
}

type Drawn = (&'static str, Graph<f64>, DrawOptions);

fn pictures() -> Vec<Drawn> {
    let named = |title: &str| DrawOptions { title: title.to_owned(), ..DrawOptions::default() };
    let reverse = |title: &str| DrawOptions { derivatives: Derivatives::Reverse, ..named(title) };
    let olah = graph(olah);
    let layers = graph(two_layers);
    let layers_title = "Two layers: x W1 b1 -> z1 a1, W2 b2 -> z2 a2, and the sweep back";
    vec![
        (
            "olah-forward",
            olah.clone(),
            DrawOptions {
                locals: true,
                derivatives: Derivatives::Forward("b".to_owned()),
                direction: Direction::Down,
                ..named("e = (a + b)(b + 1), derivatives by b, forward")
            },
        ),
        (
            "olah-reverse",
            olah,
            DrawOptions {
                locals: true,
                direction: Direction::Down,
                ..reverse("e = (a + b)(b + 1), derivatives of e, reverse")
            },
        ),
        ("micrograd", graph(micrograd), reverse("micrograd's demo: x1 w1 + x2 w2 + b through tanh")),
        (
            "xor",
            graph(xor),
            DrawOptions {
                direction: Direction::Down,
                ..reverse("XOR: two inputs, two hidden units, one output, at (1, 0)")
            },
        ),
        ("two-layers-flat", layers.clone(), DrawOptions { backward: true, ..named(layers_title) }),
        ("two-layers", layers, DrawOptions { backward: true, direction: Direction::Down, ..reverse(layers_title) }),
        (
            "chain",
            graph(chain),
            DrawOptions {
                highlight: Some("t2".to_owned()),
                locals: true,
                backward: true,
                direction: Direction::Down,
                ..reverse("A chain of two units: the path from the cost to t2")
            },
        ),
        (
            "mlp",
            graph(perceptron),
            DrawOptions { fold: Fold::Depth(1), backward: true, ..reverse("Three layers, folded") },
        ),
        ("mlp-open", graph(perceptron), DrawOptions { fold: Fold::Never, ..named("Three layers, every op") }),
    ]
}

fn graph(record: impl Fn(&Tape<f64>) -> Var<'_, f64>) -> Graph<f64> {
    Graph::of(record(&Tape::new()))
}

/// C. Olah, Calculus on Computational Graphs: Backpropagation, 2015.
fn olah(tape: &Tape<f64>) -> Var<'_, f64> {
    let (a, b) = (tape.var(2.0).named("a"), tape.var(1.0).named("b"));
    ((a + b).named("c") * (b + 1.0).named("d")).named("e")
}

/// A. Karpathy, micrograd, its demonstration of a neuron.
fn micrograd(tape: &Tape<f64>) -> Var<'_, f64> {
    let var = |name: &str, value| tape.var(value).named(name);
    let (x1, w1, x2, w2) = (var("x1", 2.0), var("w1", -3.0), var("x2", 0.0), var("w2", 1.0));
    let sum = ((x1 * w1).named("x1w1") + (x2 * w2).named("x2w2")).named("sum");
    let n = (sum + var("b", 6.881_373_587_019_543)).named("n");
    n.tanh().named("o")
}

/// A network of numbers, unit by unit.
fn xor(tape: &Tape<f64>) -> Var<'_, f64> {
    let inputs = [tape.var(1.0).named("x1"), tape.var(0.0).named("x2")];
    let hidden = [unit(tape, 1, [4.2, 4.1, -1.8], inputs), unit(tape, 2, [-3.9, -4.0, 5.9], inputs)];
    let y = unit(tape, 3, [5.1, 5.3, -7.7], hidden);
    (y - 1.0).named("error").square().named("cost")
}

/// A unit with two weights and a bias.
fn unit<'t>(tape: &'t Tape<f64>, k: usize, weights: [f64; 3], [a, b]: [Var<'t, f64>; 2]) -> Var<'t, f64> {
    let [v, w, c] = weights;
    let var = |name: &str, value| tape.var(value).named(format!("{name}{k}"));
    let net = a * var("v", v) + b * var("w", w) + var("c", c);
    net.named(format!("net{k}")).sigmoid().named(format!("h{k}"))
}

/// Two layers on a batch, with the names of a lecture's notation.
fn two_layers(tape: &Tape<f64>) -> Var<'_, f64> {
    let x = tape.data(wave(4, 3, 0.0)).named("X");
    let (w1, b1) = (tape.var(wave(3, 5, 1.0)).named("W1"), tape.var(wave(1, 5, 2.0)).named("b1"));
    let (w2, b2) = (tape.var(wave(5, 1, 3.0)).named("W2"), tape.var(wave(1, 1, 4.0)).named("b2"));
    let a1 = (x.matmul(w1).named("XW1") + b1).named("z1").tanh().named("a1");
    let a2 = (a1.matmul(w2).named("a1W2") + b2).named("z2").sigmoid().named("a2");
    let y = tape.data([[1.0], [0.0], [0.0], [1.0]]).named("Y");
    (a2 - y).named("error").square().named("squares").mean(()).named("L")
}

/// A scalar chain: weights w, thresholds t, two sigmoids.
fn chain(tape: &Tape<f64>) -> Var<'_, f64> {
    let var = |name: &str, value| tape.var(value).named(name);
    let (x, w1, t1) = (var("x", 0.8), var("w1", 0.6), var("t1", 0.1));
    let a1 = ((x * w1).named("p1") - t1).named("z1").sigmoid().named("a1");
    let (w2, t2) = (var("w2", -1.1), var("t2", 0.3));
    let a2 = ((a1 * w2).named("p2") - t2).named("z2").sigmoid().named("a2");
    ((a2 - 1.0).named("e").square() * 0.5).named("C")
}

/// Three layers, each in a scope of its own.
fn perceptron(tape: &Tape<f64>) -> Var<'_, f64> {
    let x = tape.data(Tensor::full([32, 64], 0.1)).named("X");
    let mut h = x;
    for (k, (n_in, n_out)) in [(64, 48), (48, 24), (24, 10)].into_iter().enumerate() {
        let name = format!("layer{}", k + 1);
        let w = tape.var(wave(n_in, n_out, 0.0)).named(format!("{name}/W"));
        let b = tape.var(Tensor::full([n_out], 0.05)).named(format!("{name}/b"));
        let _scope = tape.scope(&name);
        let z = h.matmul(w) + b;
        h = if k < 2 { z.relu().named(format!("h{}", k + 1)) } else { z };
    }
    let labels: Vec<usize> = (0..32).map(|i| i % 10).collect();
    h.named("logits").cross_entropy(&labels).named("loss")
}

/// A matrix of values that look like weights.
fn wave(rows: usize, columns: usize, shift: f64) -> Tensor<f64> {
    let values = (0..rows * columns).map(|i| ((i as f64 + shift) * 1.3).sin() * 0.5).collect();
    Tensor::new([rows, columns], values).expect("as many values as the shape has")
}
