//! Generated Rust source: many programs in one file, compiled once, run once.

use crate::compare::{Finding, Kind, differences};
use crate::engines::{self, Outcome, Outputs};
use crate::noise;
use crate::program::Program;
use retrograd::explain::rust_source;
use retrograd::graph::Graph;
use retrograd::{Element, Tape};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// A program's module and the statements that print its results, or nothing where the source has no formula for an op.
fn written<T: Element>(program: &Program, name: &str) -> Option<(String, String)> {
    let tape = Tape::<T>::of();
    let tensors = program.tensors::<T>();
    let x: Vec<_> = tensors.iter().enumerate().map(|(k, x)| tape.var(x).named(format!("x{k}"))).collect();
    let y = program.record(&x).ok()?;
    let total = y.try_mul(tape.data(program.seed.tensor::<T>())).ok()?.try_sum(()).ok()?;
    let graph = Graph::of(total);
    let source = rust_source(&graph, "value_and_gradient").ok()?;
    let bits = |x: &f64| match T::NAME {
        "f32" => format!("f32::from_bits({})", (*x as f32).to_bits()),
        _ => format!("f64::from_bits({})", x.to_bits()),
    };
    let mut arguments = Vec::new();
    let mut prints = String::new();
    let given: Vec<&str> = graph.inputs().filter(|input| input.is_active()).filter_map(|input| input.name()).collect();
    for (k, input) in program.inputs.iter().enumerate() {
        let argument = format!("x{k}");
        if !given.contains(&&argument[..]) {
            prints += "text += \";\";";
            continue;
        }
        let numbers: Vec<String> = input.values.iter().map(bits).collect();
        let gradient = if input.shape.is_empty() {
            arguments.push(numbers[0].clone());
            format!("[gradient.x{k}]")
        } else {
            arguments.push(format!("&[{}]", numbers.join(", ")));
            format!("gradient.x{k}")
        };
        let element = "text += &format!(\"{:x} \", (*x as f64).to_bits());";
        write!(prints, "for x in &{gradient} {{ {element} }} text += \";\";").unwrap();
    }
    let call = format!("{name}::value_and_gradient({})", arguments.join(", "));
    let run = format!(
        "fn run_{name}() -> String {{ let (_value, gradient) = {call}; let _ = &gradient; let mut text = String::new(); \
         {prints} text }}\n"
    );
    Some((format!("mod {name} {{\n{source}\n}}\n"), run))
}

/// Compiles and runs the source of these programs; what differs from the tape, by seed, and how many have a source.
///
/// They are one file. If it does not compile, its halves are tried, down to the program whose source is wrong.
pub fn check(programs: &[(u64, Program)]) -> (usize, Vec<(u64, Finding)>) {
    let folder = tempfile::tempdir().unwrap();
    let mut file = String::from("#![allow(warnings)]\n");
    let mut runs = String::new();
    let mut written_out = Vec::new();
    let mut findings = Vec::new();
    for (seed, program) in programs {
        let numbers: usize = program.inputs.iter().map(|input| input.values.len()).sum();
        if numbers > 60 {
            continue;
        }
        let name = format!("p{seed}");
        let written = engines::catch(|| {
            if program.single { written::<f32>(program, &name) } else { written::<f64>(program, &name) }
        });
        let panics =
            |what: String| (*seed, Finding { engine: "source", kind: Kind::Panic, order: 0, element: 0, what });
        match written {
            Ok(Some((module, run))) => {
                file += &(module + &run);
                let caught = format!("std::panic::catch_unwind(run_{name}).unwrap_or(\"panicked\".into())");
                writeln!(runs, "println!(\"{{}}\", {caught});").unwrap();
                written_out.push((*seed, program));
            }
            Ok(None) => {}
            // A constant has no graph, as the documentation says.
            Err(payload) => match engines::message(&*payload) {
                message if message.contains("the output is a constant") => {}
                message => findings.push(panics(message)),
            },
        }
    }
    write!(file, "fn main() {{\n{runs}}}\n").unwrap();
    let output = match compiled(folder.path(), &file) {
        Ok(output) => output,
        Err(message) if programs.len() == 1 => {
            findings.push((programs[0].0, not_compiled(message)));
            return (1, findings);
        }
        Err(_) => {
            let (first, second) = programs.split_at(programs.len() / 2);
            let (mut written, mut findings) = check(first);
            let (more, others) = check(second);
            written += more;
            findings.extend(others);
            return (written, findings);
        }
    };
    for (&(seed, program), line) in written_out.iter().zip(output.lines()) {
        if line == "panicked" {
            findings.push((
                seed,
                Finding { engine: "source", kind: Kind::Panic, order: 0, element: 0, what: "it panics".into() },
            ));
            continue;
        }
        let outputs = line.split(';').take(program.inputs.len()).map(|output| {
            let numbers = output.split_whitespace();
            let numbers: Vec<f64> =
                numbers.map(|bits| f64::from_bits(u64::from_str_radix(bits, 16).expect("bits"))).collect();
            // An input that the output does not depend on is no argument.
            (!numbers.is_empty()).then_some(numbers)
        });
        // The total is not the output; its gradients are.
        let found: Outputs = std::iter::once(None).chain(outputs).collect();
        let found = if program.single { against::<f32>(program, &found) } else { against::<f64>(program, &found) };
        findings.extend(found.into_iter().map(|finding| (seed, finding)));
    }
    assert_eq!(output.lines().count(), written_out.len(), "a generated function ends the process");
    (written_out.len(), findings)
}

fn not_compiled(message: String) -> Finding {
    Finding { engine: "source", kind: Kind::Refusal, order: 0, element: 0, what: message }
}

/// What the file prints, or what the compiler says of it.
fn compiled(folder: &Path, file: &str) -> Result<String, String> {
    let (source, binary) = (folder.join("generated.rs"), folder.join("generated"));
    std::fs::write(&source, file).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let made = Command::new(rustc)
        .args(["--edition", "2024", "-C", "debuginfo=0", "-C", "opt-level=0", "-o"])
        .arg(&binary)
        .arg(&source)
        .output()
        .unwrap();
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into_owned());
    }
    let run = Command::new(binary).output().unwrap();
    Ok(String::from_utf8(run.stdout).unwrap())
}

fn against<T: Element>(program: &Program, found: &Outputs) -> Vec<Finding> {
    let Outcome::Numbers(expected) = engines::caught(|| engines::tape::<T>(program)) else { return Vec::new() };
    let allowed = noise::allowed::<T>(program, &expected);
    differences("source", program, found, &expected, Some(&allowed))
}

#[test]
fn a_file_is_run_or_the_compiler_is_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let message = compiled(folder.path(), "fn main() { missing() }").unwrap_err();
    assert!(message.contains("missing"), "{message}");
    assert_eq!(compiled(folder.path(), "fn main() { println!(\"1;\") }").unwrap(), "1;\n");
}
