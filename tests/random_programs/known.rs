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
pub fn example(inputs: &[(&[usize], &[f64])], nodes: &[(&str, &[usize])], shape: &[usize]) -> Program {
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
    let method = methods::ONE.iter().chain(methods::TWO).chain(methods::DECOMPOSITIONS).find(|&&method| method == name);
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
    let mut agreeing = Vec::new();
    for known in KNOWN {
        let program = (known.example)();
        let mut findings = check(&program);
        if known.name.contains("source") {
            findings.extend(source::check(&[(0, program.clone())]).1.into_iter().map(|(_, finding)| finding));
        }
        if !findings.iter().any(|finding| (known.covers)(&program, finding)) {
            agreeing.push(format!("{} ({})", known.name, known.reason));
        }
    }
    assert!(agreeing.is_empty(), "these agree now, take them out of the table: {agreeing:#?}");
}

/// NaN, or an infinity, by one route alone, in a derivative, where an infinite factor meets a zero one.
fn is_hidden(program: &Program, finding: &Finding) -> bool {
    finding.order > 0 && matches!(finding.kind, Kind::Nan | Kind::Infinite) && points::hide(program, finding)
}

/// The engines that carry tangents forward.
const FORWARD: [&str; 4] = ["forward", "recorded tangents", "dual", "map, jacobian"];

/// Seeds of programs at the ends of the range, one for each entry below that needs more than a line to show.
const SIGN: u64 = 177997;
const DWARF: u64 = 5652;
const SINGULAR: u64 = 10855;

/// The engines whose gradients are recorded, and so multiply as numbers do.
fn records(engine: &str) -> bool {
    ["recorded", "relaxed", "compiled step", "jacobian of one"].contains(&engine) || engine.starts_with("program")
}

fn is_nan_or_infinite(finding: &Finding) -> bool {
    matches!(finding.kind, Kind::Nan | Kind::Infinite)
}

const KNOWN: &[Known] = &[
    Known {
        name: "forward and backward meet an infinite derivative from two sides",
        reason: "a zero upstream hides an infinite derivative behind it, a zero tangent one before it: x sqrt(x) at 0 is 0 \
                 backward and NaN forward",
        covers: |program, finding| FORWARD.contains(&finding.engine) && is_hidden(program, finding),
        example: || example(&[(&[1], &[0.0])], &[("sqrt", &[0]), ("mul", &[0, 1])], &[1]),
    },
    Known {
        name: "generated source multiplies a zero upstream as any number",
        reason: "it is the textbook's formula, so that 0 times an infinite derivative is NaN",
        covers: |program, finding| finding.engine == "source" && is_hidden(program, finding),
        example: || {
            let inputs: [(&[usize], &[f64]); 2] = [(&[1], &[-1.125]), (&[1], &[-2.75])];
            let nodes: [(&str, &[usize]); 4] =
                [("scale", &[0, 1]), ("log10", &[0]), ("div", &[0, 3]), ("maximum", &[4, 2])];
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
        name: "a matrix that is singular where a program is made",
        reason: "programs that are made elsewhere are made at ordinary numbers, and a matrix may have no inverse there",
        covers: |program, finding| {
            let made = ["compiled step", "function", "program, elsewhere", "relaxed"].contains(&finding.engine);
            let refused = finding.what.ends_with("is singular") || finding.what.contains("is not positive definite");
            let singular = refused && !finding.what.starts_with("runs");
            finding.kind == Kind::Refusal && made && singular && program.has(&["inv", "solve", "det", "cholesky"])
        },
        example: || generate::program(SINGULAR),
    },
    Known {
        name: "the sign of a zero that is scaled in a program",
        reason: "0 scaled by -1 is -0 there, since it is negated, and 0 on the tape; atan2 and quotients tell the two apart",
        covers: |program, finding| {
            let tell = ["atan2", "div", "over", "reciprocal", "rsqrt", "powi", "pow"];
            let compiled = ["program", "map", "relaxed", "compiled", "jacobian", "numbers, program"];
            compiled.iter().any(|name| finding.engine.starts_with(name))
                && matches!(finding.kind, Kind::Number | Kind::Infinite)
                && program.has(&tell)
                && points::some_argument(program, &["scale", "over"], |x| x == 0.0)
        },
        example: || generate::program(SIGN),
    },
    Known {
        name: "a singular matrix that no result needs",
        reason: "a program leaves out what nothing depends on; the tape inverts as it records",
        covers: |_, finding| {
            let runs = finding.what.starts_with("runs, and the tape says: ");
            finding.kind == Kind::Refusal && runs && finding.what.ends_with(" is singular")
        },
        example: || example(&[(&[1, 1], &[0.0])], &[("inv", &[0]), ("minimum", &[0, 0])], &[1, 1]),
    },
    Known {
        name: "second derivatives of acos, acosh, asin and atanh at 1 and beside it",
        reason: "they are infinite there: NaN by one route, where infinities meet, infinite by another",
        covers: |program, finding| {
            let branch = |x: f64| (x.abs() - 1.0).abs() <= 100.0 * f32::EPSILON as f64;
            let names = ["acos", "acosh", "asin", "atanh"];
            finding.order == 2 && is_nan_or_infinite(finding) && points::some_argument(program, &names, branch)
        },
        example: || example(&[(&[], &[1.0])], &[("acos", &[0])], &[]),
    },
    Known {
        name: "second derivative of pow at a base of 0",
        reason: "0^(y - 1) at y = 1 is 1, and its derivative by y is 0 ln 0: a number by one route, 0 by the other",
        covers: |program, finding| finding.order == 2 && points::some_argument(program, &["pow"], |x| x == 0.0),
        example: || example(&[(&[1], &[0.0]), (&[1], &[1.0])], &[("pow", &[0, 1])], &[1]),
    },
    Known {
        name: "second derivative of logaddexp of what is not finite",
        reason: "forward, the difference of the two tangents is 0 before it meets NaN or an infinity",
        covers: |program, finding| {
            finding.order == 2
                && finding.kind == Kind::Nan
                && points::some_argument(program, &["logaddexp"], |x| !x.is_finite())
        },
        example: || example(&[(&[1], &[f64::NAN])], &[("logaddexp", &[0, 0])], &[1]),
    },
    Known {
        name: "a difference of a number from itself, which a program takes once",
        reason: "what is recorded twice is one node there, whose two adjoints cancel to 0, and 0 hides the NaN that the tape has twice",
        covers: |program, finding| records(finding.engine) && is_hidden(program, finding),
        example: || example(&[(&[], &[-3.0])], &[("kl_divergence", &[0, 0])], &[]),
    },
    Known {
        name: "derivatives beside numbers to which 1 adds nothing",
        reason: "terms that would cancel are lost, by each route in an order of its own",
        covers: |program, finding| finding.order > 0 && finding.kind == Kind::Number && points::dwarfs_one(program),
        example: || generate::program(DWARF),
    },
];
