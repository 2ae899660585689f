use crate::explain::golden::assert_golden;
use crate::explain::paths::{chain, olah};
use retrograd::explain::Explanation;
use retrograd::{Tape, Var};

/// The two-layer network on XOR with its binary cross-entropy.
pub fn xor(tape: &Tape<f64>) -> Var<'_, f64> {
    let x = tape.data([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).named("X");
    let y = tape.data([[0.0], [1.0], [1.0], [0.0]]).named("Y");
    let w1 = tape.var([[0.5, -0.3, 0.8], [-0.6, 0.9, 0.1]]).named("W1");
    let b1 = tape.var([0.1, -0.2, 0.3]).named("b1");
    let w2 = tape.var([[0.7], [-0.4], [0.2]]).named("W2");
    let b2 = tape.var([0.05]).named("b2");
    let a1 = {
        let _scope = tape.scope("hidden");
        let z1 = (x.matmul(w1) + b1).named("Z1");
        z1.tanh().named("A1")
    };
    let _scope = tape.scope("head");
    let z2 = (a1.matmul(w2) + b2).named("Z2");
    z2.bce_with_logits(y).mean(()).named("L")
}

#[test]
fn tables_of_numbers_read_as_in_a_textbook() {
    let tape = Tape::new();
    let table = Explanation::of(olah(&tape)).unwrap().table();
    assert_golden("olah_table.txt", &table.to_string());
    assert_golden("olah_table.md", &table.markdown());
    let tape = Tape::new();
    assert_golden("chain_table.txt", &Explanation::of(chain(&tape)).unwrap().table().to_string());
}

#[test]
fn tables_of_tensors_have_shapes_norms_and_scopes() {
    let tape = Tape::new();
    let table = Explanation::of(xor(&tape)).unwrap().table();
    assert_golden("xor_table.txt", &table.to_string());
    assert_golden("xor_table.md", &table.markdown());
}

#[test]
fn the_output_comes_first_and_every_node_once() {
    let tape = Tape::new();
    let explanation = Explanation::of(xor(&tape)).unwrap();
    let table = explanation.table();
    assert_eq!(table.lines()[0].name, "L");
    assert_eq!(table.lines()[0].upstream, "1");
    let nodes: Vec<usize> = table.lines().iter().filter(|line| !line.continues).map(|line| line.node).collect();
    assert!(nodes.iter().rev().copied().eq(0..explanation.graph().nodes().len()), "{nodes:?}");
}

#[test]
fn names_are_escaped() {
    let tape = Tape::new();
    let x = tape.var(2.0).named("<b>&\"x|y\"_*");
    let table = Explanation::of(x.square()).unwrap().table();
    let html = table.html();
    assert!(html.contains("&lt;b&gt;&amp;&quot;x|y&quot;_*") && !html.contains("<b>"), "{html}");
    roxmltree::Document::parse(&html).unwrap();
    let markdown = table.markdown();
    assert!(markdown.contains("\\<b\\>&\"x\\|y\"\\_\\*"), "{markdown}");
    for line in markdown.lines() {
        assert_eq!(line.replace("\\|", "").matches('|').count(), 8, "{line}");
    }
}
