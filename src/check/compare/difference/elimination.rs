//! Where the mistake must be, by what is computed from it: gradients that are right bound the place of one that is wrong.
//!
//! The gradient by a node is computed from those by what reads it, so a wrong one makes wrong what is computed from it, on the
//! way back to the parameters.

use super::listed;
use crate::check::compare::case::{Case, Target};
use crate::check::compare::describe;
use crate::graph::{Graph, GraphNode};

/// Nodes that are named one by one.
const NAMED: usize = 3;

/// A hand-coded gradient's node, and what is computed from its value.
struct Placed<'a> {
    name: &'a str,
    node: usize,
    leads_to: Vec<bool>,
}

/// The first wrong ones on the way back, by name; and what follows for the place of the mistake, if anything does.
pub(super) fn of(case: &Case) -> (Vec<&str>, Option<String>) {
    let graph = &case.levels[0];
    let placed = |agrees: bool| -> Vec<Placed<'_>> {
        let targets = case.targets.iter().filter(move |target| target.agrees == agrees);
        let place = |target| Some(Placed::of(graph, target, target.nodes[0]?));
        targets.filter_map(|target: &Target| place(target)).collect()
    };
    let (right, all_wrong) = (placed(true), placed(false));
    let is_first =
        |one: &&Placed<'_>| all_wrong.iter().all(|other| other.node == one.node || !one.leads_to[other.node]);
    let first: Vec<&Placed<'_>> = all_wrong.iter().filter(is_first).collect();
    (first.iter().map(|one| one.name).collect(), place(graph, &first, &right))
}

fn place(graph: &Graph<f64>, first: &[&Placed<'_>], right: &[Placed<'_>]) -> Option<String> {
    if first.is_empty() {
        return None;
    }
    // The last right ones before those.
    let mut before: Vec<String> = Vec::new();
    for one in first {
        let later: Vec<&Placed<'_>> = right.iter().filter(|other| one.leads_to[other.node]).collect();
        let is_last = |other: &&&Placed<'_>| !later.iter().any(|nearer| nearer.leads_to[other.node]);
        for other in later.iter().filter(is_last) {
            let name = other.gradient();
            if !before.contains(&name) {
                before.push(name);
            }
        }
    }
    let wrong: Vec<String> = first.iter().map(|one| one.gradient()).collect();
    // With one statement wrong, it gives a gradient from which all wrong ones are computed and no right one is.
    let gives = |node: &&GraphNode<f64>| {
        let from = |one: &Placed<'_>| one.node == node.index() || one.leads_to[node.index()];
        node.is_active() && first.iter().all(|one| from(one)) && !right.iter().any(from)
    };
    let suspects: Vec<&GraphNode<f64>> = graph.nodes().iter().filter(gives).collect();
    let all_right: Vec<String> = right.iter().map(Placed::gradient).collect();
    let is = |names: &[String]| if names.len() == 1 { "is" } else { "are" };
    let of = match &suspects[..] {
        [] if first.len() > 1 => {
            let all = if first.len() == 2 { "both" } else { "all" };
            return Some(format!(
                "by elimination: {} come from no one gradient from which nothing right comes, so {all} have a mistake of their \
                 own, or read one wrong value",
                listed(&wrong, "and")
            ));
        }
        [] => {
            let later: Vec<String> =
                right.iter().filter(|one| one.leads_to[first[0].node]).map(Placed::gradient).collect();
            let (of, is) = (listed(&wrong, "and"), is(&later));
            let that = if later.len() == 1 { "that one" } else { "those" };
            return (!later.is_empty()).then(|| {
                let later = listed(&later, "and");
                format!("by elimination: {of} is wrong and {later}, computed from it, {is} right: another value went into {that}")
            });
        }
        nodes if nodes.len() <= NAMED => {
            let names: Vec<String> = nodes.iter().rev().map(|node| by(graph, node)).collect();
            format!("the statement of {}", listed(&names, "or"))
        }
        nodes => {
            // Parents come first, so the last is nearest to the output.
            let [from, to] = [nodes.len() - 1, 0].map(|i| by(graph, nodes[i]));
            format!("one of the {} statements from {from} to {to}", nodes.len())
        }
    };
    let is_of_itself = matches!((&suspects[..], first), ([node], [one]) if node.index() == one.node);
    // Two gradients may be wrong for two reasons; the first wrong one on its own has one.
    let it_is = if first.len() == 1 { "a mistake is" } else { "if it is one mistake, it is" };
    Some(if !before.is_empty() {
        let (right, are, wrong, too) = (listed(&before, "and"), is(&before), listed(&wrong, "and"), is(&wrong));
        let so = if first.len() == 1 { ", so" } else { ";" };
        format!("by elimination: {right} {are} right and {wrong} {too} wrong{so} {it_is} in {of}")
    } else if all_right.is_empty() || is_of_itself {
        format!("by elimination: {it_is} in {of}")
    } else {
        let [come, does] = [wrong.len(), all_right.len()].map(|n| n == 1);
        let (come, does) = (if come { "comes" } else { "come" }, if does { "does" } else { "do" });
        let (wrong, right) = (listed(&wrong, "and"), listed(&all_right, "and"));
        format!("by elimination: {it_is} in {of}, from which {wrong} {come} and {right} {does} not")
    })
}

impl<'a> Placed<'a> {
    fn of(graph: &Graph<f64>, target: &'a Target, node: usize) -> Self {
        let mut leads_to = vec![false; graph.nodes().len()];
        for other in &graph.nodes()[node + 1..] {
            let reads = other.parents().any(|parent| parent == node || leads_to[parent]);
            leads_to[other.index()] = other.is_active() && reads;
        }
        Self { name: &target.name, node, leads_to }
    }
    fn gradient(&self) -> String {
        format!("d{}", self.name)
    }
}

/// The gradient by a node, with the source line where the node has no name.
fn by(graph: &Graph<f64>, node: &GraphNode<f64>) -> String {
    match node.name() {
        Some(name) => format!("d{name}"),
        None if node.index() + 1 == graph.nodes().len() => "the result".into(),
        None => match describe::site(node) {
            Some(site) => format!("{} at {site}", node.op()),
            None => node.op().into(),
        },
    }
}
