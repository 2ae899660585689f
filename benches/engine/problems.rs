//! The ADBench problems of `examples/adbench` on the files that are kept here: the objective in plain Rust, and its derivative in
//! every mode.

#[path = "../../examples/adbench/main.rs"]
mod adbench;

use adbench::problem::{Method, Problem};
use adbench::{ba::Ba, gmm::Gmm, hand::Hand, lstm::Lstm};
use criterion::Criterion;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;

/// It reads the arguments of its process, so it is only compiled here.
const _: fn() -> ExitCode = adbench::main;

fn problem<P: Problem>(c: &mut Criterion, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/adbench/data").join(file);
    let problem = P::read(&path).expect("a file that is kept here");
    let [n_values, n_derivative] = problem.lengths();
    let (mut plain, mut values, mut derivative) = (vec![0.0; n_values], vec![0.0; n_values], vec![0.0; n_derivative]);
    problem.objective(&mut plain);
    let mut group = c.benchmark_group(format!("adbench {}", file.trim_end_matches(".txt")));
    group.sample_size(20);
    group.bench_function("objective by hand", |b| b.iter(|| black_box(&problem).objective(&mut plain)));
    for &mode in P::MODES {
        let Method { mut run, .. } = problem.method(mode).expect("one of its modes");
        run(&mut values, &mut derivative);
        let worst = plain.iter().zip(&values).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f64::max);
        assert!(worst < 1e-9, "{file}, {mode}: the objective differs by {worst}");
        group.bench_function(format!("derivative by {mode}"), |b| b.iter(|| run(&mut values, &mut derivative)));
    }
    group.finish();
}

pub fn benches(c: &mut Criterion) {
    problem::<Gmm>(c, "gmm/1k/gmm_d2_K5.txt");
    problem::<Ba>(c, "ba/test.txt");
    problem::<Lstm>(c, "lstm/lstm_l2_c1024.txt");
    problem::<Hand>(c, "hand/complicated_small/hand1_t26_c100.txt");
}
