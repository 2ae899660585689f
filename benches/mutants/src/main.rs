//! Mutants of rules and update formulas: do the tests notice them?
//!
//! Reads the folders of `tree::FOLDERS`, writes each expression in wrong forms (another operator, another literal, arguments
//! exchanged, a sign or condition turned, `cos` for `sin`), builds one copy of the library that holds all of them, and runs
//! the tests that reach a mutant with that mutant on. A failing test, a crash, or a run past its deadline catches it.
//!
//! Not cargo-mutants, which builds anew for each mutant, and leaves literals and arguments alone.
//!
//! Run from anywhere, on Linux, with as many threads as there are cores to spare:
//!
//! ```text
//! cargo run --release --manifest-path benches/mutants/Cargo.toml -- --sample 300 --seed 1
//! ```
//!
//! - `--sample N`: so many mutants, drawn by `--seed`; without it all of them.
//! - `--only TEXT`: those whose file begins so.
//! - `--keys FILE`: those that a file names as `survivors.txt` and `equivalent.txt` do; so the survivors of a run can be tried
//!   again by themselves.
//! - `--minutes N`: no new mutant after so long; those that were tried are counted.
//! - `--jobs N`: processes at a time (2).
//!
//! Survivors stand in `target/mutants/survivors.txt`, in lines of file, function, original, mutated and number; those of
//! `equivalent.txt` beside this file are counted apart, each with the reason why no test can tell.
//! Cost: one debug build of the tests (minutes), then about a second for each mutant that is caught, and half a minute for one
//! that all tests let pass. `--minutes` ends in the middle of the order of files, unless `--sample` draws.

mod find;
mod run;
mod tree;

use run::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The integration tests about derivatives or updates; beside them run the unit tests of the mutated modules.
const TESTS: [&str; 6] = ["checking", "engine", "programs", "random_programs", "reference", "training"];
/// Tests that take longer than this by themselves are left out.
const SLOW: f64 = 15.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |flag: &str| arguments.iter().position(|a| a == flag).and_then(|k| arguments.get(k + 1)).map(|s| &**s);
    let number =
        |flag: &str| after(flag).map(|n| n.parse::<usize>().unwrap_or_else(|_| panic!("{flag}: not a number: {n}")));
    let (seed, jobs) = (number("--seed").unwrap_or(1), number("--jobs").unwrap_or(2));

    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let repository = here.ancestors().nth(2).expect("two folders up").to_owned();
    let folder = repository.join("target/mutants");
    std::fs::create_dir_all(&folder).unwrap();
    let equivalent = equivalent(&here.join("equivalent.txt"));

    let mut tree = tree::Tree::new(&repository, &folder);
    let all: BTreeSet<String> = tree.mutants.iter().map(|m| m.key()).collect();
    for key in equivalent.keys().filter(|key| !all.contains(*key)) {
        println!("equivalent.txt names what is no longer there: {}", key.replace('\t', " | "));
    }
    tree.write_until_it_compiles();
    let mut chosen = tree.living();
    println!("{} mutants, {} of them compile", tree.mutants.len(), chosen.len());
    if let Some(only) = after("--only") {
        chosen.retain(|&k| tree.mutants[k - 1].file.starts_with(only));
    }
    if let Some(path) = after("--keys") {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let keys: BTreeSet<&str> = text.lines().collect();
        chosen.retain(|&k| keys.contains(&*tree.mutants[k - 1].key()));
        println!("{} of {} mutants that {path} names are there", chosen.len(), keys.len());
    }
    if let Some(n) = number("--sample") {
        shuffle(&mut chosen, seed as u64);
        chosen.truncate(n);
    }
    let binaries = tree.build_tests(&TESTS.map(str::to_owned));
    let modules = tree::FOLDERS
        .map(|folder| format!("{}::", folder.trim_start_matches("src/").trim_end_matches(".rs").replace('/', "::")));
    let tests = run::trace(&binaries, &tree.root, &modules, SLOW, jobs);
    let started = Instant::now();
    let limit = Duration::from_secs(60 * number("--minutes").unwrap_or(usize::MAX >> 8) as u64);

    let outcomes = Mutex::new(BTreeMap::new());
    run::in_parallel(&chosen, jobs, |_, &k| {
        if started.elapsed() > limit {
            return;
        }
        let outcome = run::outcome(k, tree.site(k), &tests, &tree.root);
        let m = &tree.mutants[k - 1];
        match &outcome {
            Outcome::Caught(_) => {}
            Outcome::Survived => println!("survived: {}:{} {} => {}", m.file, m.line, m.original, m.mutated),
            Outcome::Unreached => println!("unreached: {}:{} {} => {}", m.file, m.line, m.original, m.mutated),
        }
        let mut outcomes = outcomes.lock().unwrap();
        outcomes.insert(k, outcome);
        if outcomes.len() % 20 == 0 {
            let caught = outcomes.values().filter(|o| matches!(o, Outcome::Caught(_))).count();
            println!("{caught} caught of {}, {} to try", outcomes.len(), chosen.len());
        }
    });

    let outcomes = outcomes.into_inner().unwrap();
    let (mut caught, mut same, mut survivors, mut log) = (0, 0, Vec::new(), String::new());
    for (k, outcome) in &outcomes {
        let key = tree.mutants[k - 1].key();
        let said = match outcome {
            Outcome::Caught(by) => {
                caught += 1;
                assert!(!equivalent.contains_key(&key), "said to be equivalent, and caught by {by}: {key}");
                format!("caught by {by}")
            }
            _ if equivalent.contains_key(&key) => {
                same += 1;
                format!("equivalent: {}", equivalent[&key])
            }
            Outcome::Survived => "survived".into(),
            Outcome::Unreached => "unreached".into(),
        };
        if matches!(&*said, "survived" | "unreached") {
            survivors.push(key.clone());
        }
        log += &format!("{}:{key}\t{said}\n", tree.mutants[k - 1].line);
    }
    std::fs::write(folder.join("survivors.txt"), survivors.join("\n")).unwrap();
    std::fs::write(folder.join("outcomes.txt"), log).unwrap();
    let tried = outcomes.len() - same;
    println!(
        "{tried} mutants and {same} equivalent ones: {caught} caught, {:.1} %",
        100.0 * caught as f64 / tried as f64
    );
    for survivor in survivors {
        println!("  {}", survivor.replace('\t', " | "));
    }
}

/// The mutants that no test can tell from the original, with the reason: lines of a key, a tab and a sentence.
fn equivalent(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| line.rsplit_once('\t').map(|(key, why)| (key.into(), why.into())).expect("a key and a reason"))
        .collect()
}

/// Fisher and Yates, with numbers from splitmix64.
fn shuffle(items: &mut [usize], seed: u64) {
    let mut state = seed;
    for i in (1..items.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        items.swap(i, ((z ^ (z >> 31)) % (i as u64 + 1)) as usize);
    }
}
