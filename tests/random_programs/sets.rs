//! Other instruction sets: the same programs in a child process that may use less of the CPU.
//!
//! The set is read once in a process, so it takes another one. The child writes what its tape and its compiled programs give.

use crate::compare::{Finding, differences};
use crate::engines::{self, Outcome, Outputs};
use crate::noise;
use crate::program::Program;
use retrograd::Element;
use std::fmt::Write;
use std::process::{Command, Stdio};

const FILE: &str = "RETROGRAD_ANSWERS";
const SEEDS: &str = "RETROGRAD_ANSWERS_SEEDS";

/// The child's side: without a file to write to, nothing is asked.
#[test]
fn answers_for_another_process() {
    let (Ok(file), Ok(seeds)) = (std::env::var(FILE), std::env::var(SEEDS)) else { return };
    crate::engines::hush_what_is_caught();
    let (first, count) = seeds.split_once(' ').expect("two numbers");
    let (first, count): (u64, u64) = (first.parse().unwrap(), count.parse().unwrap());
    let mut text = String::new();
    for seed in crate::of(first, count) {
        let program = crate::generate::program(seed);
        let both = if program.single { answers::<f32>(&program) } else { answers::<f64>(&program) };
        for outcome in both {
            text += &line(&outcome);
        }
    }
    std::fs::write(file, text).unwrap();
}

fn answers<T: Element>(program: &Program) -> [Outcome; 2] {
    [engines::caught(|| engines::tape::<T>(program)), engines::caught(|| engines::elsewhere_compiled::<T>(program))]
}

/// Outputs apart by semicolons, numbers by spaces, as bits.
fn line(outcome: &Outcome) -> String {
    let mut text = String::new();
    match outcome {
        Outcome::Numbers(outputs) => {
            for output in outputs {
                output.iter().flatten().for_each(|x| write!(text, "{:x} ", x.to_bits()).unwrap());
                text += ";";
            }
        }
        Outcome::Refused(_) => text += "refused",
        Outcome::Panicked(_) => text += "panicked",
    }
    text + "\n"
}

fn read(line: &str) -> Option<Outputs> {
    let outputs = line.strip_suffix(';')?.split(';').map(|output| {
        let bits = output.split_whitespace().map(|bits| u64::from_str_radix(bits, 16).expect("bits"));
        Some(bits.map(f64::from_bits).collect())
    });
    Some(outputs.collect())
}

/// The sets that this CPU can do with less than its best.
fn lesser() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        return vec!["plain", "avx2"];
    }
    vec!["plain"]
}

/// What differs, by seed, under each lesser set.
pub fn check(first: u64, count: u64) -> Vec<(u64, Finding)> {
    let mut findings = Vec::new();
    for set in lesser() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("answers");
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "sets::answers_for_another_process"]).env("RETROGRAD_SIMD", set);
        child.env(FILE, &file).env(SEEDS, format!("{first} {count}")).stdout(Stdio::null());
        assert!(child.status().unwrap().success(), "the child process for {set} fails");
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len() as u64, 2 * count);
        for (seed, pair) in crate::of(first, count).zip(lines.chunks(2)) {
            let program = crate::generate::program(seed);
            let found = if program.single { compare::<f32>(&program, pair) } else { compare::<f64>(&program, pair) };
            findings.extend(found.into_iter().map(|finding| (seed, finding)));
        }
    }
    findings
}

fn compare<T: Element>(program: &Program, lines: &[&str]) -> Vec<Finding> {
    let Outcome::Numbers(expected) = engines::caught(|| engines::tape::<T>(program)) else { return Vec::new() };
    let allowed = noise::allowed::<T>(program, &expected);
    let mut findings = Vec::new();
    for (engine, line) in ["tape, other set", "program, other set"].into_iter().zip(lines) {
        if let Some(found) = read(line) {
            findings.extend(differences(engine, program, &found, &expected, Some(&allowed)));
        }
    }
    findings
}
