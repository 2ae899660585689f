//! Generated Rust, compiled with rustc as one program, run, and compared with the tape.

use retrograd::Var;
use retrograd::explain::rust_source;
use retrograd::graph::Graph;
use std::fmt::Write;
use std::process::Command;

/// A graph with what the tape says of it.
pub struct Case {
    name: String,
    source: String,
    /// The arguments of the call, and how the gradient is printed.
    call: String,
    print: String,
    expected: Vec<f64>,
}

impl Case {
    pub fn new(name: &str, output: Var<'_, f64>) -> Self {
        let graph = Graph::of(output);
        let source = rust_source(&graph, "value_and_gradient").unwrap_or_else(|error| panic!("{name}: {error}"));
        let adjoints = graph.adjoints().unwrap();
        let mut case = Case {
            name: name.into(),
            source,
            call: String::new(),
            print: String::new(),
            expected: vec![output.item()],
        };
        // Fields stand in the order of the inputs.
        let fields =
            case.source.lines().filter_map(|line| line.strip_prefix("    pub ")?.split(':').next()).map(str::to_owned);
        let fields: Vec<String> = fields.collect();
        assert_eq!(graph.inputs().count(), fields.len(), "{name}: a field for each input\n{}", case.source);
        for (node, field) in graph.inputs().zip(&fields) {
            let values = node.value().as_slice();
            case.expected.extend_from_slice(adjoints[node.index()].as_slice());
            if node.shape().rank() == 0 {
                write!(case.call, "{:?}, ", values[0]).unwrap();
                writeln!(case.print, "    show(&[gradient.{field}]);").unwrap();
            } else {
                write!(case.call, "&{values:?}, ").unwrap();
                writeln!(case.print, "    show(&gradient.{field});").unwrap();
            }
        }
        case
    }
}

/// The program's output for each case.
fn run(cases: &[Case]) -> Vec<Vec<f64>> {
    let mut program = String::from("#![deny(warnings)]\n");
    let mut main =
        String::from("fn show(x: &[f64]) {\n    for x in x {\n        print!(\"{x:?} \");\n    }\n}\n\nfn main() {\n");
    for (k, case) in cases.iter().enumerate() {
        write!(program, "mod case_{k} {{\n{}}}\n", case.source).unwrap();
        write!(main, "    let (value, gradient) = case_{k}::value_and_gradient({});\n    show(&[value]);\n", case.call)
            .unwrap();
        writeln!(main, "{}    println!();", case.print).unwrap();
    }
    let program = program + &main + "}\n";
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("source-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (file, binary) =
        (folder.join("generated.rs"), folder.join(format!("generated{}", std::env::consts::EXE_SUFFIX)));
    std::fs::write(&file, &program).unwrap();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let mut command = Command::new(&rustc);
    command.args(["--edition", "2021", "-A", "dead_code", "-o"]).arg(&binary).arg(&file);
    // Whoever runs this has a compiler; to pass without one would be to pass without a test.
    let built = command.output().unwrap_or_else(|error| panic!("{rustc} cannot be run, set RUSTC to one: {error}"));
    assert!(built.status.success(), "{}\n{program}", String::from_utf8_lossy(&built.stderr));
    let ran = Command::new(&binary).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    std::fs::remove_dir_all(&folder).unwrap();
    let numbers = |line: &str| line.split_whitespace().map(|x| x.parse().unwrap()).collect();
    String::from_utf8(ran.stdout).unwrap().lines().map(numbers).collect()
}

/// Runs the cases and compares; elementary functions and the order of sums may differ in the last bits.
pub fn assert_agree(cases: Vec<Case>) {
    let found = run(&cases);
    assert!(!cases.is_empty(), "there is nothing to compare");
    assert_eq!(found.len(), cases.len());
    for (case, found) in cases.iter().zip(found) {
        assert_eq!(found.len(), case.expected.len(), "{}\n{}", case.name, case.source);
        let size = case.expected[1..].iter().fold(0.0f64, |size, x| size.max(x.abs()));
        for (i, (a, b)) in found.iter().zip(&case.expected).enumerate() {
            let scale = if i == 0 { b.abs() } else { size };
            let close =
                (a - b).abs() <= 1e-14 * scale.max(0.1) || a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
            assert!(close, "{}: number {i} is {a}, the tape has {b}\n{}", case.name, case.source);
        }
    }
}
