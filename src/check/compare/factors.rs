//! Numbers by the names that a derivation has for them: 2, m, 1/m, lambda/m.

use crate::graph::{Arg, Graph, GraphNode};
use crate::ops::structural::TensorOp;
use crate::tape::NodeOp;

/// A number with a name.
#[derive(Clone, Debug)]
pub(super) struct Factor {
    pub value: f64,
    pub name: String,
    /// How many numbers it is made of.
    pub parts: usize,
}

/// The factors that are plausible in a derivation, the simplest first.
#[derive(Debug)]
pub(super) struct Factors {
    all: Vec<Factor>,
    /// The number of examples, where the data shows it.
    pub examples: Option<usize>,
}

impl Factors {
    /// The numbers that have a name, such as m and lambda.
    pub fn named(&self) -> Vec<(String, f64)> {
        let plain = |factor: &&Factor| factor.parts == 1 && !factor.name.starts_with("1/") && factor.name != "2";
        self.all.iter().filter(plain).map(|factor| (factor.name.clone(), factor.value)).collect()
    }

    /// From the constants that the user gave, and the sizes of the graph's data.
    pub fn new(constants: &[(String, f64)], graph: &Graph<f64>) -> Self {
        let Sizes { examples, outputs, named, others } = sizes(constants, graph);
        let mut bases: Vec<(String, f64)> = constants.iter().filter(|(_, x)| usable(*x)).cloned().collect();
        bases.push(("2".into(), 2.0));
        for (name, size) in [("m", examples), ("K", outputs)] {
            if let Some(size) = size.filter(|&size| size > 1)
                && bases.iter().all(|(known, x)| known != name && *x != size as f64)
            {
                let name = if named { format!("{name} = {size}") } else { size.to_string() };
                bases.push((name, size as f64));
            }
        }
        for size in others {
            if bases.iter().all(|(_, x)| *x != size as f64) {
                bases.push((size.to_string(), size as f64));
            }
        }
        let mut factors = Self { all: vec![Factor { value: 1.0, name: "1".into(), parts: 0 }], examples };
        for (name, x) in bases.iter().filter(|(_, x)| *x > 1.0 && x.fract() == 0.0) {
            let name = bracketed(name);
            if *x > 2.0 {
                factors.add(x / (x - 1.0), format!("{name}/({name} - 1)"), 2);
                factors.add((x - 1.0) / x, format!("({name} - 1)/{name}"), 2);
            }
        }
        for (name, x) in &bases {
            factors.add(*x, name.clone(), 1);
            factors.add(1.0 / x, format!("1/{}", bracketed(name)), 1);
        }
        for (i, (a, x)) in bases.iter().enumerate() {
            for (j, (b, y)) in bases.iter().enumerate() {
                if i < j {
                    factors.add(x * y, format!("{a} {b}"), 2);
                    factors.add(1.0 / (x * y), format!("1/({a} {b})"), 2);
                }
                if i != j {
                    factors.add(x / y, format!("{}/{}", bracketed(a), bracketed(b)), 2);
                }
            }
            factors.add(x * x, format!("{}^2", bracketed(a)), 2);
            factors.add(1.0 / (x * x), format!("1/{}^2", bracketed(a)), 2);
        }
        factors
    }

    fn add(&mut self, value: f64, name: String, parts: usize) {
        match self.all.iter_mut().find(|known| near(known.value, value)) {
            // Two numbers of the derivation may be the same.
            Some(known) if known.parts == 1 && parts == 1 => known.name = format!("{} or {name}", known.name),
            Some(_) => {}
            None if value.is_finite() => self.all.push(Factor { value, name, parts }),
            None => {}
        }
    }

    /// The simplest factor of this value, of either sign, within a relative tolerance.
    pub fn find(&self, value: f64, tolerance: f64) -> Option<Factor> {
        let fits = |factor: &&Factor| (factor.value - value.abs()).abs() <= tolerance.max(1e-12) * value.abs();
        if !value.is_finite() {
            return None;
        }
        let found = self.all.iter().filter(fits).min_by_key(|factor| factor.parts)?;
        let name = if value < 0.0 { format!("-{}", found.name) } else { found.name.clone() };
        let name = if name.starts_with("-1/") || !name.starts_with('-') || !name.contains(' ') {
            name
        } else {
            format!("-({})", &name[1..])
        };
        Some(Factor { value: found.value.copysign(value), name, parts: found.parts })
    }
}

fn usable(x: f64) -> bool {
    x.is_finite() && x != 0.0 && x != 1.0
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}

fn bracketed(name: &str) -> String {
    if name.contains(' ') { format!("({name})") } else { name.into() }
}

/// The sizes that gradients are divided by.
struct Sizes {
    examples: Option<usize>,
    outputs: Option<usize>,
    /// Whether it is known which is which.
    named: bool,
    /// The lengths of all axes of data.
    others: Vec<usize>,
}

/// The number of examples and of outputs. The examples lie along the axis whose length is a constant of the user's, the number
/// of labels, or a number in the graph; else along the one that two data tensors share. The other axis of the last data
/// tensor, which is the target, counts the outputs.
fn sizes(constants: &[(String, f64)], graph: &Graph<f64>) -> Sizes {
    let is_data = |node: &&GraphNode<f64>| node.op() == "data" && node.shape().rank() > 0;
    let shapes: Vec<_> = graph.nodes().iter().filter(is_data).map(|node| node.shape()).collect();
    let labels = graph.nodes().iter().find_map(|node| labels(graph, node));
    let (labels, classes) = labels.unzip();
    // With one tensor alone there is no telling which axis is which.
    let named = labels.is_some() || shapes.len() > 1;
    let mut others: Vec<usize> = shapes.iter().flat_map(|shape| shape.iter().copied()).filter(|&n| n > 1).collect();
    others.sort_unstable();
    others.dedup();
    others.truncate(4);
    let (Some(first), Some(last)) = (shapes.first(), shapes.last()) else {
        return Sizes { examples: labels, outputs: classes, named, others };
    };
    let given = |n: usize| constants.iter().any(|(_, x)| *x == n as f64);
    let literals = || {
        graph.nodes().iter().flat_map(|node| node.args()).filter_map(|arg| match arg {
            Arg::Literal(x) => Some(*x),
            Arg::Node(_) => None,
        })
    };
    let written = |n: usize| literals().any(|x| near(x, n as f64) || near(x, 1.0 / n as f64));
    let shared = |n: usize| shapes.len() > 1 && shapes[1..].iter().all(|shape| shape.contains(&n));
    let signs: [&dyn Fn(usize) -> bool; 4] = [&given, &|n| labels == Some(n), &|n| n > 2 && written(n), &shared];
    let found = signs.iter().find_map(|sign| first.iter().copied().find(|&n| n > 1 && sign(n)));
    let examples = found.unwrap_or(first[0]);
    let outputs = if last.rank() > 1 { last.iter().copied().find(|&size| size != examples) } else { None };
    Sizes { examples: Some(examples), outputs: classes.or(outputs), named, others }
}

/// The rows and classes of a cross-entropy.
fn labels(graph: &Graph<f64>, node: &GraphNode<f64>) -> Option<(usize, usize)> {
    let (NodeOp::Tensor(TensorOp::CrossEntropy(op)), Some(logits)) = (&node.op, node.parents().next()) else {
        return None;
    };
    Some((op.labels.len(), *graph.nodes()[logits].shape().last()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tape;

    fn factors(constants: &[(&str, f64)]) -> Factors {
        let tape = Tape::new();
        let w = tape.var([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]);
        let x = tape.data([[1.0, 2.0, 3.0], [0.0, 1.0, 2.0], [1.0, 1.0, 0.5], [0.2, 0.1, 0.0], [0.2, 0.6, 0.0]]);
        let y = tape.data([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]);
        let graph = Graph::of((x.matmul(w) - y).square().sum(()));
        let constants: Vec<_> = constants.iter().map(|(name, x)| (name.to_string(), *x)).collect();
        Factors::new(&constants, &graph)
    }

    #[test]
    fn factors_are_called_by_the_simplest_name() {
        let found = factors(&[("lambda", 0.3)]);
        let name = |x: f64| found.find(x, 1e-9).map(|factor| factor.name);
        assert_eq!(found.examples, Some(5));
        assert_eq!(name(-1.0).unwrap(), "-1");
        assert_eq!(name(0.5).unwrap(), "1/2");
        assert_eq!(name(0.2).unwrap(), "1/(m = 5)");
        assert_eq!(name(-0.06).unwrap(), "-(lambda/(m = 5))");
        assert_eq!(name(0.123), None);
        let found = factors(&[("m", 5.0)]);
        assert_eq!(found.find(0.2, 1e-9).unwrap().name, "1/m");
        let found = factors(&[("lambda", 0.5)]);
        assert_eq!(found.find(0.5, 1e-9).unwrap().name, "lambda or 1/2");
        assert!(found.find(f64::INFINITY, 1e-9).is_none());
    }
}
