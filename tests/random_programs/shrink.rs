//! A failing program made small: fewer nodes, simpler ops, smaller shapes, simpler numbers, as long as it fails alike.

use crate::compare::{Finding, check};
use crate::engines::catch;
use crate::known;
use crate::program::{Node, Numbers, Op, Program};
use crate::source;
use crate::values::Random;
use retrograd::{Tape, Var};

/// Programs tried at most.
const TRIES: usize = 600;

/// Steps at most for generated source, each of which is one call of the compiler.
const ROUNDS: usize = 12;

/// The smallest program found that still shows a finding like this one.
pub fn shrink(program: &Program, finding: &Finding) -> Program {
    let mut smallest = program.clone();
    let name = known::covering(program, finding).map(|known| known.name);
    let (mut tries, mut rounds) = (0, 0);
    loop {
        let mut candidates = candidates(&smallest).into_iter().filter(is_small);
        let better = if finding.engine == "source" {
            rounds += 1;
            if rounds > ROUNDS { None } else { first_by_source(candidates.collect(), finding, name) }
        } else {
            candidates.find(|candidate| {
                tries += 1;
                tries < TRIES && check(candidate).iter().any(|found| shows(candidate, found, finding, name))
            })
        };
        match better {
            Some(candidate) => smallest = candidate,
            None => return smallest,
        }
    }
}

/// Whether nothing on the way has more than a million elements: without the op that made them fewer, two long inputs may meet in
/// a matrix that fills the memory.
fn is_small(program: &Program) -> bool {
    let tape = Tape::<f32>::of();
    let x: Vec<_> = program.tensors().iter().map(|x| tape.var(x)).collect();
    let mut small = true;
    // What panics, or is refused, is as large as it came.
    let _ = catch(|| {
        program.record_with(&x, |_, _, value| {
            small &= value.numel() <= 1_000_000;
            if small { value } else { Var::constant(0.0) }
        })
    });
    small
}

/// What is known stays that, and what is new does not become it.
fn shows(candidate: &Program, found: &Finding, wanted: &Finding, name: Option<&str>) -> bool {
    found.is_like(wanted) && known::covering(candidate, found).map(|known| known.name) == name
}

/// The first whose source shows the finding: all candidates are one file.
fn first_by_source(candidates: Vec<Program>, finding: &Finding, name: Option<&str>) -> Option<Program> {
    let numbered: Vec<(u64, Program)> = (0..).zip(candidates).collect();
    let (_, findings) = source::check(&numbered);
    let shows = findings.into_iter().filter(|(k, found)| shows(&numbered[*k as usize].1, found, finding, name));
    let first = shows.map(|(k, _)| k).min()?;
    Some(numbered.into_iter().nth(first as usize)?.1)
}

/// Programs that are a step simpler, boldest first.
fn candidates(program: &Program) -> Vec<Program> {
    let mut found = Vec::new();
    // An earlier node as the output.
    for last in 0..program.nodes.len() - 1 {
        let mut shorter = program.clone();
        shorter.nodes.truncate(last + 1);
        found.push(shorter);
    }
    // A node replaced by one of its arguments, or by an input of its own.
    for k in 0..program.nodes.len() {
        for &arg in &program.nodes[k].args {
            let mut bypassed = program.clone();
            let pass = |i: &mut usize| *i = if *i == k { arg } else { *i };
            bypassed.nodes.iter_mut().flat_map(|node| &mut node.args).for_each(pass);
            if k + 1 == program.nodes.len() {
                bypassed.nodes.truncate(arg + 1);
            }
            found.push(bypassed);
        }
        if !matches!(program.nodes[k].op, Op::Input(_) | Op::Literal(_)) {
            found.extend(cut(program, k));
        }
    }
    // One length less, everywhere.
    let mut lengths: Vec<usize> = program.inputs.iter().flat_map(|input| input.shape.clone()).collect();
    lengths.sort_unstable();
    lengths.dedup();
    for &length in lengths.iter().rev().filter(|&&length| length > 1) {
        for shorter in [1, 2, length / 2, length - 1] {
            found.push(resized(program, length, shorter));
        }
    }
    found.extend((0..program.inputs.len()).filter_map(|k| without_input(program, k)));
    let mut found: Vec<Program> = found.into_iter().filter_map(fitted).collect();
    for k in 0..=program.inputs.len() {
        let input = |program: &Program| program.inputs.get(k).unwrap_or(&program.seed).clone();
        let numbers = input(program);
        let few = numbers.values.len().min(40);
        for j in 0..few {
            for simpler in [1.0, 0.0, 2.0, 0.5, numbers.values[j].round()] {
                if complexity(simpler) < complexity(numbers.values[j]) {
                    let mut plain = program.clone();
                    let values = if k < program.inputs.len() { &mut plain.inputs[k] } else { &mut plain.seed };
                    values.values[j] = simpler;
                    found.push(plain);
                }
            }
        }
    }
    found
}

fn complexity(x: f64) -> usize {
    match x {
        1.0 => 0,
        0.0 => 1,
        2.0 | 0.5 => 2,
        x if x.is_finite() && x == x.round() && x.abs() < 1e6 => 3,
        _ => 4,
    }
}

/// The node's value as an input.
fn cut(program: &Program, k: usize) -> Option<Program> {
    let tape = Tape::<f64>::new();
    let x: Vec<_> = program.tensors().iter().map(|x| tape.var(x)).collect();
    let mut values = Vec::new();
    catch(|| {
        let kept = program.record_with(&x, |_, _, value| {
            values.push((value.shape().dims().to_vec(), value.value().to_vec()));
            value
        });
        kept.map(|_| ())
    })
    .ok()?
    .ok()?;
    let (shape, values) = values.swap_remove(k);
    let rounded = |x: f64| if program.single { x as f32 as f64 } else { x };
    let mut cut = program.clone();
    cut.nodes[k] = Node { op: Op::Input(cut.inputs.len()), args: vec![] };
    cut.inputs.push(Numbers { shape, values: values.into_iter().map(rounded).collect() });
    // It is simpler only if something falls away.
    let cut = cut.pruned();
    (cut.nodes.len() < program.nodes.len()).then_some(cut)
}

/// The same program, with axes of one length made shorter.
fn resized(program: &Program, length: usize, shorter: usize) -> Program {
    let mut resized = program.clone();
    let change = |n: &mut usize| *n = if *n == length { shorter } else { *n };
    for input in &mut resized.inputs {
        let values = std::mem::take(&mut input.values);
        input.shape.iter_mut().for_each(change);
        let count = input.shape.iter().product();
        input.values = values.into_iter().chain(std::iter::repeat(1.0)).take(count).collect();
    }
    for node in &mut resized.nodes {
        if let Op::Method(method) = &mut node.op {
            method.dims.iter_mut().for_each(change);
        }
    }
    resized
}

/// Without an input that nothing reads.
fn without_input(program: &Program, k: usize) -> Option<Program> {
    if program.nodes.iter().any(|node| matches!(node.op, Op::Input(i) if i == k)) || program.inputs.len() == 1 {
        return None;
    }
    let mut fewer = program.clone();
    fewer.inputs.remove(k);
    for node in &mut fewer.nodes {
        if let Op::Input(i) = &mut node.op
            && *i > k
        {
            *i -= 1;
        }
    }
    Some(fewer)
}

/// With a seed of the output's shape, if the program still makes one.
fn fitted(program: Program) -> Option<Program> {
    let mut program = program.pruned();
    let tape = Tape::<f64>::new();
    let shape = catch(|| {
        let x: Vec<_> = program.tensors().iter().map(|x| tape.var(x)).collect();
        program.record(&x).map(|y| y.shape().dims().to_vec()).ok()
    });
    // Where the tape itself panics, the seed does not matter.
    let shape = shape.unwrap_or(Some(vec![]))?;
    let n = shape.iter().product();
    if program.seed.values.len() != n {
        let mut random = Random::new(n as u64);
        program.seed.values = (0..n).map(|_| random.of(&[1.0, 0.0, -0.5])).collect();
    }
    program.seed.shape = shape;
    Some(program)
}
