//! The quickstart: the text between the two marks below is also that of the crate's documentation and of the README.

use retrograd::{Tape, Tensor, grad, hessian_slice};
use std::fs;
use std::path::Path;

#[test]
fn the_quickstart_runs() {
    // quickstart begins
    // A tape records operations on its variables while they are computed.
    let tape = Tape::new();
    let (x, w, b) = (tape.var(0.5), tape.var(-1.5), tape.var(0.2));
    let y = (x * w + b).tanh();

    // One backward sweep gives the derivative by every variable.
    let grads = y.backward();
    let slope = 1.0 - y.item() * y.item();
    assert_eq!([grads.item(x), grads.item(w), grads.item(b)], [slope * -1.5, slope * 0.5, slope]);

    // Tensors live on the same tape, mix with numbers, and broadcast.
    let weights = tape.var([[0.1, -0.2], [0.4, 0.3]]);
    let inputs = tape.data([[1.0, 2.0], [0.0, -1.0], [0.5, 0.5]]);
    let loss = (inputs.matmul(weights) * w + b).cross_entropy(&[0, 1, 1]);
    let grads = loss.backward();
    assert_eq!(grads.wrt(weights).shape().dims(), [2, 2]);
    assert!(grads.item(w) != 0.0);

    // Gradients can be recorded, and differentiated again, to any order.
    let first = tape.grad(y, &[x])[0];
    let second = tape.grad(first, &[x])[0];
    assert!((second.item() - -2.0 * y.item() * slope * 1.5 * 1.5).abs() < 1e-15);

    // Or leave the tape to functions of closures.
    assert_eq!(grad(|x| x * x + 1.0, 3.0), 6.0);
    assert_eq!(grad(|x| x.square().sum(()), Tensor::from([1.0, -2.0])).to_vec(), [2.0, -4.0]);
    assert_eq!(hessian_slice(|x| x[0] * x[0] * x[1], &[1.0, 2.0]).to_vec(), [4.0, 2.0, 2.0, 0.0]);
    // quickstart ends
}

/// This file's quickstart, with its import, as it stands in documents.
fn quickstart() -> String {
    let text = read("tests/quickstart.rs");
    let import = text.lines().find(|line| line.starts_with("use retrograd::")).unwrap();
    let (_, rest) = text.split_once("    // quickstart begins\n").unwrap();
    let (body, _) = rest.split_once("    // quickstart ends").unwrap();
    let body: Vec<&str> = body.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    format!("{import}\n\n{}\n", body.join("\n"))
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_readme_shows_the_quickstart() {
    assert!(read("README.md").contains(&format!("```rust\n{}```\n", quickstart())));
}

#[test]
fn the_crate_documentation_shows_the_quickstart() {
    let source = read("src/lib.rs");
    let documentation = source.lines().map_while(|line| line.strip_prefix("//!"));
    let text: String = documentation.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect();
    assert!(text.contains(&format!("```\n{}```\n", quickstart())), "{text}");
}

/// Values in blue (class fw) and gradients in red (class bw), of x, w, b, their product, sum and tanh.
#[test]
fn the_picture_in_the_readme_shows_what_the_engine_computes() {
    let tape = Tape::new();
    let (x, w, b) = (tape.var(0.5), tape.var(-1.5), tape.var(0.2));
    let product = x * w;
    let sum = product + b;
    let y = sum.tanh();
    let grads = y.backward();
    let nodes = [x, w, b, product, sum, y];
    let picture = read("docs/graph.svg");
    assert_eq!(labels(&picture, "fw"), nodes.map(|node| format!("{:.4}", node.item())));
    assert_eq!(labels(&picture, "bw"), nodes.map(|node| format!("{:.4}", grads.item(node))));
}

/// The numbers of a class, in the order in which they are drawn.
fn labels(picture: &str, class: &str) -> Vec<String> {
    let mark = format!("class=\"{class}\">");
    let texts = picture.split(&mark).skip(1).map(|rest| rest.split('<').next().unwrap());
    texts.map(|text| text.replace('\u{2212}', "-")).collect()
}
