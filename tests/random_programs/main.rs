//! Random programs through every engine.
//!
//! A program is data ([`program`]), made from a seed ([`generate`]), run by each engine ([`engines`], [`public`], [`numbers`], [`sets`],
//! [`source`]), and compared ([`compare`]) up to what rounding may do to it ([`noise`]). A failing one is made small ([`shrink`])
//! and printed as a Rust test ([`print`]), unless the difference stands in the table of [`known`] ones.
//!
//! The suite runs a few hundred. A million of them:
//! `RETROGRAD_PROGRAMS=1000000 cargo test --release --test random_programs`; `RETROGRAD_SEED` is the first of the seeds, or of
//! the pairs of ops at special points, which are counted, not drawn. At most 4,000 programs become source, and 20,000 run by other
//! instruction sets. With `RETROGRAD_KNOWN=1` the tests fail on what is known as well, and print it. One finding again: its
//! seed, `RETROGRAD_PROGRAMS=1`, and the name of its test.

mod compare;
mod engines;
mod generate;
mod known;
mod mended;
mod methods;
mod noise;
mod numbers;
mod parameters;
mod points;
mod print;
mod program;
mod public;
mod sets;
mod shrink;
mod source;
mod values;

use compare::{Finding, check};
use program::Program;
use std::collections::BTreeMap;

fn setting(name: &str) -> Option<u64> {
    let whole =
        |text: String| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?} is no whole number of 64 bits"));
    std::env::var(name).ok().map(whole)
}

/// The first seed, and how many: `short` in the suite; what the setting says, at most `long`, when it is set.
fn seeds(short: u64, long: u64) -> (u64, u64) {
    (setting("RETROGRAD_SEED").unwrap_or(1), count(short, long))
}

fn count(short: u64, long: u64) -> u64 {
    let count = setting("RETROGRAD_PROGRAMS").map_or(short, |count| count.min(long));
    assert!(count > 0, "RETROGRAD_PROGRAMS: 0 programs find nothing; give at least 1");
    count
}

/// So many seeds from this one on; after the last one comes 0.
fn of(first: u64, count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |k| first.wrapping_add(k))
}

/// What was found of one family: how often, and first by which program.
struct Family {
    count: usize,
    seed: u64,
    program: Program,
    finding: Finding,
}

/// Findings by family, without those that are known; prints how often each known one was met.
#[derive(Default)]
struct Report {
    families: BTreeMap<String, Family>,
    /// How often, and first by which seed.
    known: BTreeMap<&'static str, (usize, u64)>,
}

impl Report {
    fn add(&mut self, seed: u64, program: &Program, finding: Finding) {
        if let Some(known) = known::covering(program, &finding)
            && setting("RETROGRAD_KNOWN") != Some(1)
        {
            self.known.entry(known.name).or_insert((0, seed)).0 += 1;
            return;
        }
        let name = format!("{:?} of {} at order {}", finding.kind, finding.engine, finding.order);
        let family = || Family { count: 0, seed, program: program.clone(), finding };
        self.families.entry(name).or_insert_with(family).count += 1;
    }

    #[track_caller]
    fn finish(self, what: &str) {
        let (outputs, free) = compare::compared();
        let known: usize = self.known.values().map(|(count, _)| count).sum();
        println!("{what}; {outputs} outputs compared, {free} of them arbitrary by rounding, {known} known to differ");
        println!("known differences: {:?}", self.known);
        // Before any is made small, which takes a while.
        for (name, family) in &self.families {
            println!("{name}: {} times, first with seed {}: {}", family.count, family.seed, family.finding.what);
        }
        let mut text = String::new();
        let mut shown: BTreeMap<String, &str> = BTreeMap::new();
        for (name, family) in &self.families {
            let small = shrink::shrink(&family.program, &family.finding);
            let mut findings = check(&small);
            if family.finding.engine == "source" {
                findings = source::check(&[(0, small.clone())]).1.into_iter().map(|(_, finding)| finding).collect();
            }
            let found = findings.into_iter().find(|found| found.is_like(&family.finding));
            let found = found.as_ref().unwrap_or(&family.finding);
            text += &format!("\n{name}: {} times, first with seed {}\n", family.count, family.seed);
            match shown.get(&format!("{small:?}")) {
                Some(first) => text += &format!("/// the program of `{first}`: {}\n", found.what),
                None => text += &print::rust(&small, found),
            }
            shown.entry(format!("{small:?}")).or_insert(name);
        }
        assert!(text.is_empty(), "{what}:\n{text}");
    }
}

#[test]
fn random_programs_agree_by_every_route() {
    engines::hush_what_is_caught();
    let (first, count) = seeds(300, u64::MAX);
    let mut report = Report::default();
    for seed in of(first, count) {
        let program = generate::program(seed);
        for finding in check(&program) {
            report.add(seed, &program, finding);
        }
    }
    report.finish(&format!("{count} programs from seed {first} on"));
}

/// Two ops that meet at a point where one of them is singular: what a chain of drawn ops and numbers rarely hits.
#[test]
fn pairs_of_ops_agree_at_special_points_by_every_route() {
    engines::hush_what_is_caught();
    let all = generate::pairs();
    let count = count(300, all);
    let mut report = Report::default();
    for i in 0..count {
        // From one on, as a report names it, or all over them.
        let k = setting("RETROGRAD_SEED").map_or(i * all / count, |first| (first % all + i) % all);
        let program = generate::pair(k);
        for finding in check(&program) {
            report.add(k, &program, finding);
        }
    }
    report.finish(&format!("{count} of {all} pairs"));
}

/// Each part of each decomposition, alone and inside other ops, at matrices that have them.
#[test]
fn decompositions_agree_by_every_route() {
    engines::hush_what_is_caught();
    let definite: &[f64] = &[4.0, 1.0, -0.5, 1.0, 3.0, 0.25, -0.5, 0.25, 2.0];
    let tall: &[f64] = &[1.0, 2.0, -0.5, 0.25, 3.0, 1.5, 0.75, -1.0, 2.5, -2.0, 0.5, 1.25];
    let (mut report, mut programs) = (Report::default(), Vec::new());
    for &name in methods::DECOMPOSITIONS {
        let others: &[(&[usize], &[f64])] = &[(&[4, 3], tall), (&[3, 4], tall), (&[2, 2, 3], tall)];
        // Of any matrix, not of definite ones alone.
        let anyhow =
            ["qr", "svd", "topk", "take_along", "put_along", "lstsq", "einsum"].iter().any(|of| name.starts_with(of));
        for &input in std::iter::once(&(&[3, 3][..], definite)).chain(others.iter().filter(|_| anyhow)) {
            let args: &[usize] = if methods::reads_two(name) { &[0, 0] } else { &[0] };
            for around in [&[][..], &[("sin", &[1][..])], &[("square", &[1]), ("mul", &[1, 2])]] {
                let nodes = [&[(name, args)][..], around].concat();
                let double = known::example(&[input], &nodes, &methods::shape_of_part(name, input));
                let single = Program { single: true, ..double.clone() };
                for program in [double, single] {
                    for finding in check(&program) {
                        report.add(programs.len() as u64, &program, finding);
                    }
                    programs.push((programs.len() as u64, program));
                }
            }
        }
    }
    let (written, findings) = source::check(&programs);
    assert_eq!(written, programs.len(), "each has a source");
    for (k, finding) in findings {
        report.add(k, &programs[k as usize].1, finding);
    }
    report.finish("decompositions");
}

#[test]
fn other_instruction_sets_agree() {
    engines::hush_what_is_caught();
    let (first, count) = seeds(100, 20_000);
    let mut report = Report::default();
    for (seed, finding) in sets::check(first, count) {
        report.add(seed, &generate::program(seed), finding);
    }
    report.finish(&format!("{count} programs from seed {first} on under other instruction sets"));
}

#[test]
fn generated_source_agrees() {
    engines::hush_what_is_caught();
    let (first, count) = seeds(40, 4_000);
    let mut report = Report::default();
    let programs: Vec<_> = of(first, count).map(|seed| (seed, generate::program(seed))).collect();
    let (written, findings) = source::check(&programs);
    // A handful of seeds may have none.
    assert!(count < 10 || written as u64 > count / 4, "only {written} of {count} programs have a source");
    for (seed, finding) in findings {
        report.add(seed, &generate::program(seed), finding);
    }
    report.finish(&format!("source of {written} programs from seed {first} on"));
}
