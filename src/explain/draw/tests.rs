use super::*;
use crate::{Tape, Tensor, Var};
use std::process::{Command, Stdio};

fn olah(tape: &Tape<f64>) -> Var<'_, f64> {
    let (a, b) = (tape.var(2.0).named("a"), tape.var(1.0).named("b"));
    ((a + b).named("c") * (b + 1.0).named("d")).named("e")
}

/// Two layers, with names that DOT and XML must escape.
fn network(tape: &Tape<f64>) -> Var<'_, f64> {
    let x = tape.data([[1.0, 2.0], [0.5, -1.0], [0.0, 1.0]]).named("X<\"&'>");
    let (w1, b1) = (tape.var([[0.1, -0.4], [0.5, 0.2]]).named("W1"), tape.var([0.1, 0.2]).named("b1"));
    let (w2, b2) = (tape.var([[0.3, -0.1], [0.2, 0.4]]).named("W2"), tape.var([0.0, 0.1]).named("b2"));
    let a1 = {
        let _scope = tape.scope("layer \"1\"");
        let z1 = (x.matmul(w1) + b1).named("z1");
        z1.tanh().named("a1")
    };
    let _scope = tape.scope("layer 2");
    let z2 = {
        let _inner = tape.scope("affine");
        (a1.matmul(w2) + b2).named("z2")
    };
    z2.cross_entropy(&[1, 0, 1]).named("loss")
}

/// A chain in which every node also reads the one three steps before.
fn ladder(tape: &Tape<f64>, steps: usize) -> Var<'_, f64> {
    let mut line = vec![tape.var(0.3).named("x0"), tape.var(0.2), tape.var(0.1)];
    for k in 0..steps {
        let _scope = tape.scope(&format!("part {}", k / 10));
        line.push(line[k + 2].tanh() * line[k] + line[k + 1]);
    }
    line[line.len() - 1]
}

/// Every combination of what is shown, in both directions.
fn every_option() -> Vec<DrawOptions> {
    let mut all = Vec::new();
    for direction in [Direction::Right, Direction::Down] {
        for bits in 0..8 {
            for fold in [Fold::Never, Fold::Depth(1), Fold::Depth(2)] {
                all.push(DrawOptions {
                    direction,
                    fold,
                    values: bits & 1 == 0,
                    locals: bits & 2 == 0,
                    backward: bits & 4 == 0,
                    derivatives: Derivatives::Reverse,
                    ..DrawOptions::default()
                });
            }
        }
    }
    all
}

/// What every picture must keep: boxes and labels are apart and inside, edges touch their boxes and cross no other.
fn hold_together(picture: &Picture, case: &str) {
    let rects: Vec<Rect> = picture.boxes().iter().copied().chain(picture.labels()).collect();
    let (width, height) = (picture.placed.width, picture.placed.height);
    for (i, a) in rects.iter().enumerate() {
        assert!(
            a.x >= 0.0 && a.y >= 0.0 && a.x + a.width <= width && a.y + a.height <= height,
            "{case}: {a:?} outside"
        );
        for b in &rects[i + 1..] {
            assert!(!a.overlaps(b), "{case}: {a:?} and {b:?} overlap");
        }
    }
    for route in picture.routes() {
        let (first, last) = (route.points[0], route.points[route.points.len() - 1]);
        assert!(picture.boxes()[route.from].border_distance(first) < 1e-9, "{case}: {} to {}", route.from, route.to);
        assert!(picture.boxes()[route.to].border_distance(last) < 1e-9, "{case}: {} to {}", route.from, route.to);
        for rect in &rects {
            let inside = route.points.iter().find(|&&point| rect.contains(point) && rect.border_distance(point) > 1e-9);
            assert!(inside.is_none(), "{case}: the edge {} to {} runs through {rect:?}", route.from, route.to);
        }
    }
}

#[test]
fn nothing_overlaps_and_every_edge_touches_its_boxes() {
    let tape = Tape::new();
    for (name, output) in [("olah", olah(&tape)), ("network", network(&tape)), ("ladder", ladder(&tape, 12))] {
        let graph = Graph::of(output);
        for options in every_option() {
            let picture = Picture::of(&graph, &options).unwrap();
            hold_together(&picture, &format!("{name} with {options:?}"));
        }
    }
}

#[test]
fn olahs_picture_states_every_derivative_forward_and_reverse() {
    let tape = Tape::new();
    let graph = Graph::of(olah(&tape));
    let options = DrawOptions { locals: true, derivatives: Derivatives::Reverse, ..DrawOptions::default() };
    let reverse = svg(&graph, &options).unwrap();
    // e = (a + b)(b + 1) at a = 2, b = 1: c = 3, d = 2.
    for text in ["c = a + b", "d = b + 1", "e = c * d", "value 6", "dc/da = 1", "dc/db = 1", "dd/db = 1", "de/dc = 2"] {
        assert!(reverse.contains(&format!(">{text}<")), "{text} is missing");
    }
    for text in ["de/de = 1", "de/dc = 2", "de/dd = 3", "de/da = 2", "de/db = 5"] {
        assert!(reverse.contains(&format!(">{text}<")), "{text} is missing");
    }
    let forward = svg(&graph, &DrawOptions { derivatives: Derivatives::Forward("b".into()), ..options }).unwrap();
    for text in ["da/db = 0", "db/db = 1", "dc/db = 1", "dd/db = 1", "de/db = 5"] {
        assert!(forward.contains(&format!(">{text}<")), "{text} is missing");
    }
}

#[test]
fn red_edges_say_what_they_carry_back() {
    let tape = Tape::new();
    let options = DrawOptions { backward: true, ..DrawOptions::default() };
    let svg = svg(&Graph::of(network(&tape)), &options).unwrap();
    for text in ["dz2", "da1", "dz1", "dW2", "db1"] {
        assert!(svg.contains(&format!(">{text}<")), "{text} is missing");
    }
    let x = tape.var(3.0).named("x");
    // d(x * x)/dx arrives in two parts of 3.
    let twice = super::svg(&Graph::of(x * x), &options).unwrap();
    assert_eq!(twice.matches(">dx += 3<").count(), 2);
    // Data has no gradient, so nothing is carried to it.
    assert!(!svg.contains(">dX"));
}

#[test]
fn a_highlighted_path_leads_from_the_output_to_the_node_and_nowhere_else() {
    let tape = Tape::new();
    let graph = Graph::of(olah(&tape));
    let sketch = Sketch::new(&graph, &DrawOptions { highlight: Some("a".into()), ..DrawOptions::default() }).unwrap();
    let titles = |ends: &sketch::Tie| (sketch.cells[ends.from].title.as_str(), sketch.cells[ends.to].title.as_str());
    let highlighted: Vec<_> = sketch.ties.iter().filter(|tie| tie.highlighted).map(titles).collect();
    assert_eq!(highlighted, [("a", "c"), ("c", "e")]);
    let boxes: Vec<_> = sketch.cells.iter().filter(|cell| cell.highlighted).map(|cell| cell.title.as_str()).collect();
    assert_eq!(boxes, ["a", "c", "e"]);
    let error = svg(&graph, &DrawOptions { highlight: Some("t2".into()), ..DrawOptions::default() }).unwrap_err();
    assert_eq!(error.to_string(), "draw: no node is called \"t2\"; those with names are a, b, c, d, e");
}

#[test]
fn scopes_fold_into_one_box_with_their_parameters() {
    let tape = Tape::new();
    let graph = Graph::of(network(&tape));
    let folded =
        |depth| Sketch::new(&graph, &DrawOptions { fold: Fold::Depth(depth), ..DrawOptions::default() }).unwrap();
    let titles = |sketch: &Sketch| sketch.cells.iter().map(|cell| cell.title.clone()).collect::<Vec<_>>();
    assert_eq!(titles(&folded(1)), ["X<\"&'>", "layer \"1\"", "layer 2"]);
    assert_eq!(titles(&folded(2)), ["X<\"&'>", "layer \"1\"", "layer 2/affine", "layer 2"]);
    let lines: Vec<String> = folded(1).cells[1].lines.iter().map(|line| line.text.clone()).collect();
    assert_eq!(lines, ["layer \"1\"", "3 ops to [3, 2]", "W1 [2, 2]", "b1 [2]"]);
    let ties: Vec<_> = folded(2).ties.iter().map(|tie| (tie.from, tie.to)).collect();
    assert_eq!(ties, [(0, 1), (1, 2), (2, 3)]);
}

#[test]
fn big_graphs_fold_by_themselves_or_are_refused() {
    let tape = Tape::new();
    let graph = Graph::of(ladder(&tape, 100));
    let picture = Picture::of(&graph, &DrawOptions::default()).unwrap();
    assert!(picture.boxes().len() <= 20, "{} boxes", picture.boxes().len());
    hold_together(&picture, "folded ladder");
    let error = dot(&graph, &DrawOptions { fold: Fold::Never, ..DrawOptions::default() }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "draw: the graph has 303 nodes, which makes 303 boxes, more than 150; record in scopes (Tape::scope) and fold by them, or raise Options::most"
    );
    assert!(error.is_argument());
}

#[test]
fn forward_derivatives_of_tensors_are_refused() {
    let tape = Tape::new();
    let w = tape.var([1.0, 2.0]).named("w");
    let options = DrawOptions { derivatives: Derivatives::Forward("w".into()), ..DrawOptions::default() };
    let error = svg(&Graph::of(w.square().named("y").sum(())), &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "draw: forward derivatives are of graphs of numbers; y of shape [2] is an op on tensors"
    );
}

#[test]
fn svg_is_well_formed_and_the_same_every_time() {
    let tape = Tape::new();
    let graph = Graph::of(network(&tape));
    for options in every_option() {
        let text = svg(&graph, &DrawOptions { title: "a < b & \"c\"".into(), ..options.clone() }).unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        let texts: Vec<&str> =
            document.descendants().filter(|node| node.has_tag_name("text")).filter_map(|node| node.text()).collect();
        assert!(texts.contains(&"X<\"&'>"), "{texts:?}");
        assert_eq!(svg(&graph, &DrawOptions { title: "a < b & \"c\"".into(), ..options }).unwrap(), text);
    }
}

/// Braces balance outside labels, every edge joins boxes that are declared, once each.
fn check_dot(text: &str) {
    let mut declared = Vec::new();
    let mut depth = 0i32;
    for line in text.lines().map(str::trim) {
        depth += i32::from(line.ends_with('{')) - i32::from(line == "}");
        assert!(depth > 0 || line == "}", "{line}");
        let Some((name, _)) = line.split_once(" [").filter(|(name, _)| name.starts_with('n') && !name.contains(' '))
        else {
            continue;
        };
        if name != "node" {
            assert!(!declared.contains(&name), "{name} is declared twice");
            declared.push(name);
        }
    }
    assert_eq!(depth, 0);
    for line in text.lines().filter(|line| line.contains(" -> n")) {
        let (from, rest) = line.trim().split_once(" -> ").unwrap();
        let to = rest.split([' ', ';']).next().unwrap();
        assert!(declared.contains(&from) && declared.contains(&to), "{line}");
    }
}

#[test]
fn dot_has_clusters_by_scope_and_is_accepted_by_graphviz() {
    let tape = Tape::new();
    let mut texts = Vec::new();
    for output in [olah(&tape), network(&tape), tape.var(Tensor::from([1.0])).named("").sum(()) * 2.0] {
        let all = every_option();
        texts.extend(all.iter().step_by(5).map(|options| dot(&Graph::of(output), options).unwrap()));
    }
    texts.iter().for_each(|text| check_dot(text));
    let clusters = dot(&Graph::of(network(&tape)), &DrawOptions { backward: true, ..DrawOptions::default() }).unwrap();
    assert_eq!(clusters.matches("subgraph cluster_").count(), 3);
    assert!(clusters.contains("label=<layer &quot;1&quot;>") && clusters.contains("label=<dz2>"));
    for text in texts.iter().chain([&clusters]) {
        let Ok(mut child) = Command::new("dot")
            .arg("-Tsvg")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
        else {
            println!("Graphviz's dot is not installed: its verdict is not asked for");
            return;
        };
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !said.to_lowercase().contains("syntax error"), "{said}\n{text}");
    }
}

/// A graph of n ops on arguments drawn at random: far and near, the same one twice, some named, in scopes that come and go.
fn random(tape: &Tape<f64>, n: usize, seed: u64) -> Var<'_, f64> {
    use rand::{Rng, SeedableRng};
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut vars: Vec<Var<'_, f64>> = (0..4).map(|i| tape.var(f64::from(i) * 0.3 - 0.5)).collect();
    for k in 0..n {
        let _scope = rng.random_bool(0.7).then(|| tape.scope(["enc", "dec/attention", "dec/mlp"][k / 4 % 3]));
        let from = if rng.random_bool(0.7) { vars.len().saturating_sub(5) } else { 0 };
        let (a, b) = (vars[rng.random_range(from..vars.len())], vars[rng.random_range(from..vars.len())]);
        let result = match rng.random_range(0..4) {
            0 => a * b,
            1 => a + b,
            2 => (a - b).tanh(),
            _ => a.sigmoid(),
        };
        vars.push(if rng.random_bool(0.4) { result.named(format!("value number {k}")) } else { result });
    }
    vars.into_iter().skip(n / 2).fold(tape.var(0.0), |sum, var| sum + var)
}

#[test]
fn graphs_at_random_are_drawn_without_overlaps() {
    for seed in 0..12 {
        let tape = Tape::new();
        let graph = Graph::of(random(&tape, 6 + 2 * seed as usize, seed));
        for options in every_option().iter().skip(seed as usize % 5).step_by(5) {
            let picture = Picture::of(&graph, options).unwrap();
            hold_together(&picture, &format!("graph {seed} with {options:?}"));
        }
    }
}

#[test]
fn odd_graphs_are_drawn_too() {
    let tape = Tape::new();
    let alone = tape.var(f64::NAN).named("");
    let long = (tape.var(f64::INFINITY).named("名".repeat(60)) * 2.0).named("y\n\u{0}".repeat(30));
    let empty = tape.var(Tensor::<f64>::zeros([0, 3])).sum(());
    for (name, output) in [("alone", alone), ("long", long), ("empty", empty)] {
        let graph = Graph::of(output);
        for options in every_option() {
            let picture = Picture::of(&graph, &options).unwrap();
            hold_together(&picture, name);
            roxmltree::Document::parse(&picture.svg()).unwrap();
            check_dot(&dot(&graph, &options).unwrap());
        }
    }
    assert!(svg(&Graph::of(long), &DrawOptions::default()).unwrap().contains("…"));
    assert!(svg(&Graph::of(alone), &DrawOptions::default()).unwrap().contains(">value NaN<"));
}

#[cfg(feature = "training")]
#[test]
fn a_model_folds_by_its_layers() {
    use crate::nn::{Mlp, Pass};
    let model = Mlp::new(2).dense(3).relu().dense(2).build::<f64>(0).unwrap();
    let mut tape = Tape::new();
    tape.keep_names(true);
    let pass = Pass::eval(&tape, model.params());
    let loss = model.forward(tape.data([[0.5, -1.0]]).named("X"), &pass).cross_entropy(&[1]);
    let options = DrawOptions { fold: Fold::Depth(1), derivatives: Derivatives::Reverse, ..DrawOptions::default() };
    let sketch = Sketch::new(&Graph::of(loss), &options).unwrap();
    let titles: Vec<&str> = sketch.cells.iter().map(|cell| cell.title.as_str()).collect();
    assert_eq!(titles, ["X", "dense1", "relu1", "dense2", "cross_entropy #10"]);
    let lines: Vec<&str> = sketch.cells[1].lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!((lines[0], lines[2]), ("dense1", "weight [2, 3]"));
    assert!(lines[3].starts_with("dweight norm "), "{lines:?}");
}

#[test]
fn a_graph_of_150_nodes_is_drawn_without_overlaps() {
    let tape = Tape::new();
    let graph = Graph::of(random(&tape, 80, 3));
    let options = DrawOptions { backward: true, locals: true, fold: Fold::Never, most: 400, ..DrawOptions::default() };
    let picture = Picture::of(&graph, &options).unwrap();
    assert!(picture.boxes().len() > 140);
    hold_together(&picture, "big");
}
