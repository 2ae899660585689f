use super::*;
use crate::Tensor;

fn network(tape: &Tape<f64>) -> (Var<'_, f64>, Var<'_, f64>, Var<'_, f64>) {
    let w = tape.var([[0.1, -0.4], [0.5, 0.2], [0.3, -0.1]]).named("W");
    let s = tape.var(1.5).named("s");
    let x = tape.data([[1.0, 2.0, -1.0], [0.5, 0.0, 2.0]]).named("X");
    let _scope = tape.scope("head");
    let loss = (x.matmul(w) * s.square() + 0.5).cross_entropy(&[1, 0]).named("loss");
    (loss * 3.0 - s, w, s)
}

#[test]
fn a_graph_lists_what_leads_to_the_output_and_nothing_else() {
    let tape = Tape::new();
    let (y, w, s) = network(&tape);
    let _unused = w.square().sum(()) + s;
    let graph = Graph::of(y);
    let ops: Vec<&str> = graph.nodes().iter().map(GraphNode::op).collect();
    assert_eq!(ops, ["input", "input", "data", "matmul", "square", "mul", "add", "cross_entropy", "mul", "sub"]);
    assert_eq!(graph.find_node(w.id).unwrap().name(), Some("W"));
    assert_eq!(graph.find_node(s.id).unwrap().name(), Some("s"));
    assert_eq!(graph.named("loss").unwrap().op(), "cross_entropy");
    assert_eq!(graph.named("loss").unwrap().scope(), Some("head"));
    assert_eq!(graph.inputs().map(|node| node.name().unwrap()).collect::<Vec<_>>(), ["W", "s"]);
    for node in graph.nodes() {
        assert!(node.parents().all(|parent| parent < node.index()), "{node}");
    }
}

#[test]
fn a_graph_recorded_again_has_the_same_value_and_gradients() {
    let tape = Tape::new();
    let (y, w, s) = network(&tape);
    let grads = y.backward();
    let graph = Graph::of(y);
    let again = Tape::new();
    let vars = graph.record(&again).unwrap();
    assert_eq!(vars.last().unwrap().item(), y.item());
    let adjoints = graph.adjoints().unwrap();
    let of = |id| adjoints[graph.find_node(id).unwrap().index()].clone().into_tensor();
    assert_eq!(of(w.id), grads.wrt(w));
    assert_eq!(of(s.id).item(), grads.item(s));
    assert_eq!(adjoints[graph.output().index()].as_slice(), [1.0]);
}

#[test]
fn an_expanded_graph_shows_the_textbook_formula_and_keeps_names_and_gradients() {
    let tape = Tape::new();
    let (y, w, s) = network(&tape);
    let grads = y.backward();
    let expanded = Graph::of(y).expanded().unwrap();
    assert!(expanded.nodes().iter().all(|node| node.op() != "cross_entropy"), "still fused");
    let has = |graph: &Graph<f64>, op: &str| graph.nodes().iter().any(|node| node.op() == op);
    assert!(has(&expanded, "softmax") && !has(&expanded, "exp"));
    let twice = expanded.expanded().unwrap();
    assert!(has(&twice, "exp") && !has(&twice, "softmax"));
    let adjoints = expanded.adjoints().unwrap();
    let of = |id| adjoints[expanded.find_node(id).unwrap().index()].clone().into_tensor();
    assert_eq!(*of(w.id).shape(), w.shape());
    for (a, b) in of(w.id).iter().zip(grads.wrt(w).iter()) {
        assert!((a - b).abs() < 1e-14, "{a} and {b}");
    }
    assert!((of(s.id).item() - grads.item(s)).abs() < 1e-14);
    assert_eq!(expanded.named("W").unwrap().shape().dims(), [3, 2]);
    assert!(expanded.named("loss").is_some());
}

#[test]
fn the_sum_of_a_tensor_output_is_what_adjoints_are_of() {
    let tape = Tape::new();
    let x = tape.var([1.0, 2.0]);
    let adjoints = Graph::of(x.square()).adjoints().unwrap();
    assert_eq!(adjoints[0].clone().into_tensor(), Tensor::from([2.0, 4.0]));
}
