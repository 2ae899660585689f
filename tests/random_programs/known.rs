//! Differences that are known: conventions, and faults that wait to be mended, each with its reason and a program that shows it.
//!
//! A finding that an entry covers does not fail the suite. An entry whose example no longer differs does, so that the table stays
//! true: then the entry goes.

use crate::compare::{Finding, Kind, check};
use crate::generate;
use crate::methods::{self, Method};
use crate::points;
use crate::program::{Node, Numbers, Op, Program};
use crate::source;
use retrograd::ops::{BinaryOp, UnaryOp};

pub struct Known {
    pub name: &'static str,
    pub reason: &'static str,
    pub covers: fn(&Program, &Finding) -> bool,
    pub example: fn() -> Program,
}

impl Program {
    fn has(&self, names: &[&str]) -> bool {
        self.nodes.iter().any(|node| match &node.op {
            Op::Unary(op) => names.contains(&op.name()),
            Op::Binary(op) => names.contains(&op.name()),
            Op::Method(method) => names.contains(&method.name),
            Op::Select => names.contains(&"select"),
            Op::Input(_) | Op::Literal(_) => false,
        })
    }
}

/// A program of doubles, written down: inputs, then nodes by the names of their ops, with a seed of ones.
fn example(inputs: &[(&[usize], &[f64])], nodes: &[(&str, &[usize])], shape: &[usize]) -> Program {
    let numbers = |(shape, values): &(&[usize], &[f64])| Numbers { shape: shape.to_vec(), values: values.to_vec() };
    let mut all: Vec<Node> = (0..inputs.len()).map(|k| Node { op: Op::Input(k), args: vec![] }).collect();
    all.extend(nodes.iter().map(|(name, args)| Node { op: named(name), args: args.to_vec() }));
    let seed = Numbers { shape: shape.to_vec(), values: vec![1.0; shape.iter().product()] };
    Program { single: false, nodes: all, inputs: inputs.iter().map(numbers).collect(), seed }
}

/// The op of this name, with parameters at their defaults.
fn named(name: &str) -> Op {
    let unary = UnaryOp::all().into_iter().find(|op| op.name() == name).map(Op::Unary);
    let binary = BinaryOp::all().into_iter().find(|op| op.name() == name).map(Op::Binary);
    let method = methods::ONE.iter().chain(methods::TWO).find(|&&method| method == name);
    let method = method.map(|name| Op::Method(Method { name, ..Method::default() }));
    unary.or(binary).or(method).unwrap_or_else(|| panic!("no op {name}"))
}

/// The entry that covers a finding.
pub fn covering(program: &Program, finding: &Finding) -> Option<&'static Known> {
    KNOWN.iter().find(|known| (known.covers)(program, finding))
}

#[test]
fn what_is_known_to_differ_still_does() {
    crate::engines::hush_what_is_caught();
    for known in KNOWN {
        let program = (known.example)();
        let mut findings = check(&program);
        if known.name.contains("source") {
            findings.extend(source::check(&[(0, program.clone())]).1.into_iter().map(|(_, finding)| finding));
        }
        let differs = findings.iter().any(|finding| (known.covers)(&program, finding));
        assert!(differs, "{} agrees now: take it out of the table ({})", known.name, known.reason);
    }
}
/// NaN, or an infinity, by one route alone, in a derivative, where an infinite factor meets a zero one.
fn is_hidden(program: &Program, finding: &Finding) -> bool {
    finding.order > 0 && matches!(finding.kind, Kind::Nan | Kind::Infinite) && points::hide(program, finding)
}

/// The engines that carry tangents forward.
const FORWARD: [&str; 4] = ["forward", "recorded tangents", "dual", "map, jacobian"];

/// A seed of which the generator makes max(x, log10 x) at 0: 1 backward, NaN forward.
const MODE_OF_JACOBIAN: u64 = 20;

const KNOWN: &[Known] = &[
    Known {
        name: "forward and backward meet an infinite derivative from two sides",
        reason: "a zero upstream hides an infinite derivative behind it, a zero tangent one before it: x sqrt(x) at 0 is 0 \
                 backward and NaN forward",
        covers: |program, finding| FORWARD.contains(&finding.engine) && is_hidden(program, finding),
        example: || example(&[(&[1], &[0.0])], &[("sqrt", &[0]), ("mul", &[0, 1])], &[1]),
    },
    Known {
        name: "jacobian answers by the mode that its sizes pick",
        reason: "with more values than numbers in the point it goes forward, otherwise backward, and those meet an infinite \
                 derivative from two sides",
        covers: |program, finding| finding.engine == "jacobian of many" && is_hidden(program, finding),
        example: || generate::program(MODE_OF_JACOBIAN),
    },
    Known {
        name: "the lane of numbers multiplies an infinite upstream by a stored derivative of 0",
        reason: "a number's node keeps its partial derivatives, so that infinity times 0 is NaN there, where the rule itself says \
                 that nothing passes: a flat op, a gate",
        covers: |program, finding| finding.engine.starts_with("numbers") && is_hidden(program, finding),
        example: || example(&[(&[1], &[1.0])], &[("greater_equal", &[0, 0]), ("asin", &[1])], &[1]),
    },
    Known {
        name: "generated source multiplies a zero upstream as any number",
        reason: "it is the textbook's formula, so that 0 times an infinite derivative is NaN",
        covers: |program, finding| finding.engine == "source" && is_hidden(program, finding),
        example: || {
            let inputs: [(&[usize], &[f64]); 2] = [(&[1], &[-1.125]), (&[1], &[-2.75])];
            let nodes: [(&str, &[usize]); 4] =
                [("scale", &[0, 1]), ("log10", &[0]), ("hypot", &[0, 3]), ("maximum", &[4, 2])];
            example(&inputs, &nodes, &[1])
        },
    },
    Known {
        name: "generated source panics where an axis has length 0",
        reason: "its helpers cut rows of length 0; the numbers that it would give are none",
        covers: |program, finding| {
            let empty = program.seed.values.is_empty() || program.inputs.iter().any(|input| input.values.is_empty());
            finding.engine == "source" && finding.kind == Kind::Panic && empty
        },
        example: || example(&[(&[0, 1], &[])], &[("pick", &[0])], &[0]),
    },
    Known {
        name: "determinants in programs",
        reason: "their second derivative looks at numbers, so that compile refuses it; a tape takes it",
        covers: |program, finding| {
            program.has(&["det"]) && finding.kind == Kind::Refusal && finding.what.contains("det")
        },
        example: || example(&[(&[1, 1], &[2.0])], &[("det", &[0])], &[]),
    },
    Known {
        name: "a partial derivative that leaves the range inside a second derivative",
        reason: "x/y^2 of xlogy and its like overflow or underflow where the derivative is an ordinary number",
        covers: |program, finding| {
            finding.order == 2
                && finding.kind == Kind::Number
                && points::square_leaves_range(program, &["xlogy", "kl_divergence"])
        },
        example: || example(&[(&[], &[700.0])], &[("exp", &[0]), ("xlogy", &[0, 1])], &[]),
    },
    Known {
        name: "a loss of an infinity, whose second derivative the tape sweeps to NaN",
        reason: "the tape multiplies an upstream of 0 from beyond a logarithm by an infinite difference; what is recorded or compiled hides it",
        covers: |program, finding| {
            let infinite = program.inputs.iter().any(|input| input.values.iter().any(|x| x.is_infinite()));
            let recorded =
                finding.engine == "recorded" || finding.engine.starts_with("program") || finding.engine == "relaxed";
            recorded
                && finding.order == 2
                && infinite
                && is_hidden(program, finding)
                && program.has(&["mean_squared_error", "squared_error"])
        },
        example: || generate::program(1084),
    },
    Known {
        name: "the same, where the tape has numbers among its tensors",
        reason: "an input without axes is a number on the tape, which is what the other engines are held to",
        covers: |program, finding| {
            let has_numbers =
                program.inputs.iter().any(|input| input.shape.is_empty()) || program.seed.shape.is_empty();
            has_numbers && is_hidden(program, finding)
        },
        example: || example(&[(&[], &[1.0])], &[("greater_equal", &[0, 0]), ("acos", &[1])], &[]),
    },
];
