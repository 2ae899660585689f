//! Tests against mutants: which test reaches which site, and whether one of those that do notices the mutant.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A test and what it does without a mutant.
pub struct Test {
    pub binary: PathBuf,
    pub name: String,
    pub seconds: f64,
    pub reaches: BTreeSet<usize>,
    /// How many mutants it has caught: those that catch much are asked first.
    caught: AtomicUsize,
}

pub enum Outcome {
    /// By this test, or one of these that ran together.
    Caught(String),
    Survived,
    /// No test evaluates the place.
    Unreached,
}

/// Mutated sizes may ask for all the memory there is.
const MEMORY: u64 = 8 << 20; // KiB

fn command(binary: &Path, root: &Path, names: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\"")]).arg(binary).arg("--exact").args(names);
    command.args(["--test-threads=1", "-q"]).current_dir(root).stdin(Stdio::null()).stdout(Stdio::null());
    // The generator of random programs draws as many as fit into a second or two.
    command.env("RETROGRAD_PROGRAMS", "100");
    // Tests look for their files beside the manifest.
    command.env("CARGO_MANIFEST_DIR", root);
    // A group of its own, so that what a test starts ends with it.
    command.stderr(Stdio::null()).process_group(0);
    command
}

/// Whether it ended well before the deadline.
fn passes(mut command: Command, deadline: Duration) -> bool {
    let started = Instant::now();
    let mut child = command.spawn().expect("the test starts");
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait().expect("its own child") {
            return status.success();
        }
        if started.elapsed() > deadline {
            let _ = Command::new("kill").args(["-9", "--", &format!("-{}", child.id())]).status();
            let _ = child.wait();
            return false;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Runs each test by itself and notes which sites it reaches. Those that fail or are slow without a mutant say nothing.
pub fn trace(binaries: &[(String, PathBuf)], root: &Path, modules: &[String], slow: f64, jobs: usize) -> Vec<Test> {
    let mut names = Vec::new();
    for (name, binary) in binaries {
        let out =
            Command::new(binary).args(["--list", "--format", "terse"]).current_dir(root).output().expect("it lists");
        let listed = String::from_utf8(out.stdout).unwrap();
        let names_here = listed.lines().filter_map(|line| line.strip_suffix(": test"));
        // Of the library's unit tests those of the mutated modules, of the training tests those of updates; the rest is slow and about other things.
        let close = |test: &&str| match &**name {
            "retrograd" => modules.iter().any(|module| test.starts_with(module)),
            "training" => test.starts_with("optim::") || test.starts_with("lbfgs::"),
            _ => true,
        };
        names.extend(names_here.filter(close).map(|test| (name.clone(), binary.clone(), test.to_owned())));
    }
    let found = Mutex::new(Vec::new());
    let refused = Mutex::new(Vec::new());
    in_parallel(&names, jobs, |k, (binary_name, binary, name)| {
        let file = std::env::temp_dir().join(format!("mutants-{}-{k}", std::process::id()));
        File::create(&file).unwrap();
        let mut command = command(binary, root, &[name]);
        command.env("MUTANT_TRACE", &file);
        let started = Instant::now();
        let passed = passes(command, Duration::from_secs_f64(slow));
        let seconds = started.elapsed().as_secs_f64();
        let reaches = std::fs::read_to_string(&file).unwrap().lines().map(|line| line.parse().unwrap()).collect();
        std::fs::remove_file(&file).unwrap();
        if passed {
            let test =
                Test { binary: binary.clone(), name: name.clone(), seconds, reaches, caught: AtomicUsize::new(0) };
            found.lock().unwrap().push(test);
        } else {
            refused.lock().unwrap().push(format!("{binary_name} {name} ({seconds:.1} s)"));
        }
    });
    let refused = refused.into_inner().unwrap();
    println!("{} tests, {} left out as slow or failing: {}", names.len(), refused.len(), refused.join(", "));
    found.into_inner().unwrap()
}

/// Asks the tests that reach the site, the quickest and the most successful first, until one fails.
pub fn outcome(mutant: usize, site: usize, tests: &[Test], root: &Path) -> Outcome {
    let mut asked: Vec<&Test> = tests.iter().filter(|test| test.reaches.contains(&site)).collect();
    if asked.is_empty() {
        return Outcome::Unreached;
    }
    let cost = |test: &Test| test.seconds / (1 + test.caught.load(Ordering::Relaxed)) as f64;
    asked.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    let (mut at, mut n) = (0, 3);
    while at < asked.len() {
        let part = &asked[at..(at + n).min(asked.len())];
        let mut by_binary: BTreeMap<&Path, Vec<&Test>> = BTreeMap::new();
        for test in part {
            by_binary.entry(&test.binary).or_default().push(test);
        }
        for (binary, tests) in by_binary {
            let names: Vec<&str> = tests.iter().map(|test| &*test.name).collect();
            let seconds: f64 = tests.iter().map(|test| test.seconds).sum();
            let mut command = command(binary, root, &names);
            command.env("MUTANT", mutant.to_string());
            if !passes(command, Duration::from_secs_f64(5.0 + 10.0 * seconds)) {
                if let [test] = tests[..] {
                    test.caught.fetch_add(1, Ordering::Relaxed);
                }
                return Outcome::Caught(names.join(", "));
            }
        }
        (at, n) = (at + n, n * 3);
    }
    Outcome::Survived
}

/// Calls the function for each item, on so many threads.
pub fn in_parallel<T: Sync>(items: &[T], jobs: usize, call: impl Fn(usize, &T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((k, item)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|k| Some((k, items.get(k)?)))
                {
                    call(k, item);
                }
            });
        }
    });
}
