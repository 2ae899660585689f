//! The instrumented tree: a copy of the repository in which every site asks, as it runs, which of its forms is on.
//!
//! One build then serves all mutants; a build for each would take a minute, a run takes a second. An arm that does not compile
//! is left out: rustc names the line, the line names the arm. What is left out is remembered for the next run.

use crate::find::Mutant;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folders whose files are mutated, and two files more.
pub const FOLDERS: [&str; 6] =
    ["src/num/elementwise", "src/ops", "src/optim", "src/sweep", "src/tape/custom.rs", "src/tape/recording.rs"];

/// What the instrumented sources call. An environment variable turns one mutant on, or writes down which sites are reached.
const RUNTIME: &str = r#"//! Which mutant is on.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

const UNKNOWN: u32 = u32::MAX;
const TRACE: u32 = u32::MAX - 1;
static ON: AtomicU32 = AtomicU32::new(UNKNOWN);
static SEEN: [AtomicBool; SITES] = [const { AtomicBool::new(false) }; SITES];

#[inline(always)]
pub(crate) fn at(site: u32) -> u32 {
    let on = ON.load(Relaxed);
    if on < TRACE { on } else { seldom(site) }
}

#[cold]
#[inline(never)]
fn seldom(site: u32) -> u32 {
    if ON.load(Relaxed) == UNKNOWN {
        let mutant = std::env::var("MUTANT").ok().map(|n| n.parse().expect("MUTANT is a number"));
        let traced = if std::env::var_os("MUTANT_TRACE").is_some() { TRACE } else { 0 };
        ON.store(mutant.unwrap_or(traced), Relaxed);
    }
    let on = ON.load(Relaxed);
    if on < TRACE {
        return on;
    }
    if !SEEN[site as usize].swap(true, Relaxed) {
        let path = std::env::var_os("MUTANT_TRACE").expect("it was there");
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a file for the trace");
        writeln!(file, "{site}").expect("a line for the trace");
    }
    0
}
"#;

pub struct Tree {
    repository: PathBuf,
    pub root: PathBuf,
    target: PathBuf,
    /// All mutants of all files; a mutant's number is its place here plus 1.
    pub mutants: Vec<Mutant>,
    dropped: BTreeSet<usize>,
}

impl Tree {
    /// The tree of this repository in a folder that is not its own.
    pub fn new(repository: &Path, folder: &Path) -> Self {
        let mut mutants = Vec::new();
        for folder in FOLDERS {
            for path in rust_files(&repository.join(folder)) {
                let file = path.strip_prefix(repository).unwrap().to_str().expect("a plain name").to_owned();
                if !file.contains("/tests") {
                    mutants.extend(crate::find::mutants(&file, &read(&path)));
                }
            }
        }
        let kept = std::fs::read_to_string(folder.join("dropped.txt")).unwrap_or_default();
        let kept: BTreeSet<&str> = kept.lines().collect();
        let dropped = (0..mutants.len()).filter(|&k| kept.contains(&*mutants[k].key())).collect();
        let root = folder.join("tree");
        Self { repository: repository.into(), root, target: folder.join("target"), mutants, dropped }
    }

    /// The mutants that compile, by number.
    pub fn living(&self) -> Vec<usize> {
        (0..self.mutants.len()).filter(|k| !self.dropped.contains(k)).map(|k| k + 1).collect()
    }

    /// The number of the site at which a mutant stands: its first arm's.
    pub fn site(&self, mutant: usize) -> usize {
        let m = &self.mutants[mutant - 1];
        let before = self.mutants[..mutant].iter().rev();
        mutant + 1 - before.take_while(|other| other.file == m.file && other.range == m.range).count()
    }

    /// Writes the tree and leaves arms out until it compiles.
    pub fn write_until_it_compiles(&mut self) {
        self.copy();
        for round in 1.. {
            self.instrument();
            let errors = self.check();
            if errors.is_empty() {
                break;
            }
            let before = self.dropped.len();
            for error in &errors {
                self.drop_arms_of(error);
            }
            println!("round {round}: {} errors, {} arms left out", errors.len(), self.dropped.len() - before);
            assert!(self.dropped.len() > before, "errors that no arm explains: {errors:#?}");
        }
        let keys: Vec<String> = self.dropped.iter().map(|&k| self.mutants[k].key()).collect();
        std::fs::write(self.root.with_file_name("dropped.txt"), keys.join("\n")).unwrap();
    }

    /// The test binaries, by name.
    pub fn build_tests(&self, integration: &[String]) -> Vec<(String, PathBuf)> {
        let mut cargo = self.cargo("test");
        cargo.args(["--no-run", "--message-format=json", "--lib"]);
        for name in integration {
            cargo.args(["--test", name]);
        }
        let out = cargo.stderr(Stdio::inherit()).output().expect("cargo runs");
        assert!(out.status.success(), "the tests do not build");
        let messages = messages(&out.stdout).into_iter();
        let binaries = messages.filter_map(|message| {
            let path = message["executable"].as_str()?.into();
            Some((message["target"]["name"].as_str()?.to_owned(), path))
        });
        binaries.collect()
    }

    fn cargo(&self, command: &str) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.arg(command).current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        cargo.args(["--config", "profile.dev.package.retrograd.debug=false"]);
        cargo.args(["--config", "profile.dev.package.retrograd.incremental=false"]);
        cargo
    }

    fn copy(&self) {
        let out =
            Command::new("git").args(["ls-files", "-co", "--exclude-standard"]).current_dir(&self.repository).output();
        let listed = String::from_utf8(out.expect("git runs").stdout).unwrap();
        let mutated: BTreeSet<&str> = self.mutants.iter().map(|m| &*m.file).collect();
        for file in listed
            .lines()
            .filter(|file| !file.starts_with("benches/mutants/") && *file != "src/lib.rs" && !mutated.contains(file))
        {
            let (from, to) = (self.repository.join(file), self.root.join(file));
            if let Ok(content) = std::fs::read(&from) {
                write_if_other(&to, &content);
            }
        }
    }

    fn instrument(&self) {
        let mut files: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (k, mutant) in self.mutants.iter().enumerate() {
            files.entry(&mutant.file).or_default().push(k);
        }
        for (file, mutants) in files {
            let source = read(&self.repository.join(file));
            let mut out = String::new();
            let mut sites: Vec<((usize, usize), Vec<usize>)> = Vec::new();
            for k in mutants {
                let range = self.mutants[k].range;
                match sites.iter_mut().find(|(other, _)| *other == range) {
                    Some((_, arms)) => arms.push(k),
                    None => sites.push((range, vec![k])),
                }
            }
            // Outer sites before what stands in them.
            sites.sort_by_key(|&((start, end), _)| (start, usize::MAX - end));
            self.render(&source, (0, source.len()), &mut &sites[..], &mut out);
            write_if_other(&self.root.join(file), out.as_bytes());
        }
        let runtime = RUNTIME.replace("SITES", &(self.mutants.len() + 1).to_string());
        write_if_other(&self.root.join("src/mutants.rs"), runtime.as_bytes());
        let library = read(&self.repository.join("src/lib.rs")) + "\n#[allow(missing_docs)]\npub(crate) mod mutants;\n";
        write_if_other(&self.root.join("src/lib.rs"), library.as_bytes());
    }

    /// Writes a part of a file with the sites in it, which it takes from the list. Marks in comments lead back from errors.
    fn render(
        &self,
        source: &str,
        part: (usize, usize),
        sites: &mut &[((usize, usize), Vec<usize>)],
        out: &mut String,
    ) {
        let mut at = part.0;
        while let Some((range, arms)) = sites.first().filter(|(range, _)| range.0 < part.1) {
            *sites = &sites[1..];
            out.push_str(&source[at..range.0]);
            at = range.1;
            let living: Vec<usize> = arms.iter().copied().filter(|k| !self.dropped.contains(k)).collect();
            if !living.is_empty() {
                write!(out, "\n(match crate::mutants::at({}) {{ /*site {}*/\n", arms[0] + 1, arms[0]).unwrap();
                for k in living {
                    writeln!(out, "{} => {{ {} }}, /*arm {k}*/", k + 1, self.mutants[k].mutated).unwrap();
                }
                out.push_str("_ => ");
            }
            self.render(source, *range, sites, out);
            if arms.iter().any(|k| !self.dropped.contains(k)) {
                out.push_str("\n}) /*end*/\n");
            }
        }
        out.push_str(&source[at..part.1]);
    }

    fn check(&self) -> Vec<Json> {
        let out = self.cargo("build").args(["--lib", "--message-format=json"]).output().expect("cargo runs");
        let is_error =
            |message: &Json| message["level"] == "error" && message["spans"].as_array().is_some_and(|s| !s.is_empty());
        let errors: Vec<Json> =
            messages(&out.stdout).into_iter().map(|m| m["message"].clone()).filter(is_error).collect();
        assert!(out.status.success() || !errors.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
        errors
    }

    /// Leaves out the arm that the error is about: the one that it points at first, else those that it mentions, else all of
    /// the site around.
    fn drop_arms_of(&mut self, error: &Json) {
        let spans = error["spans"].as_array().expect("was looked at");
        let (first, rest): (Vec<&Json>, Vec<&Json>) = spans.iter().partition(|span| span["is_primary"] == true);
        let arms =
            |spans: &[&Json]| -> Vec<usize> { spans.iter().filter_map(|span| self.mark(span, "/*arm ")).collect() };
        let mut found = arms(&first);
        if found.is_empty() {
            found = arms(&rest);
        }
        if found.is_empty()
            && let Some(site) = first.iter().chain(&rest).find_map(|span| self.mark(span, "/*site "))
        {
            let m = self.mutants[site].clone();
            found = (site..self.mutants.len())
                .take_while(|&k| self.mutants[k].file == m.file && self.mutants[k].range == m.range)
                .collect();
        }
        self.dropped.extend(found);
    }

    /// The number in the mark of the span's line, or of the innermost site that is open there and has an arm left.
    fn mark(&self, span: &Json, mark: &str) -> Option<usize> {
        let text = std::fs::read_to_string(self.root.join(span["file_name"].as_str()?)).ok()?;
        let lines: Vec<&str> = text.lines().collect();
        let mut line = span["line_start"].as_u64()? as usize - 1;
        let number = |line: &str| line.split_once(mark)?.1.split_once("*/")?.0.parse().ok();
        if mark == "/*arm " {
            return number(lines.get(line)?);
        }
        let mut closed = 0;
        loop {
            let here = lines.get(line)?;
            if here.contains("/*end*/") {
                closed += 1;
            } else if let Some(site) = number(here) {
                if closed == 0 {
                    return Some(site);
                }
                closed -= 1;
            }
            line = line.checked_sub(1)?;
        }
    }
}

impl Mutant {
    /// What names it as long as the function does not change.
    pub fn key(&self) -> String {
        format!("{}\t{}\t{}\t{}\t{}", self.file, self.place, self.original, self.mutated, self.repeat)
    }
}

fn messages(out: &[u8]) -> Vec<Json> {
    String::from_utf8_lossy(out).lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Leaves a file that is as it should be untouched, so that cargo does not build it again.
fn write_if_other(path: &Path, content: &[u8]) {
    if std::fs::read(path).is_ok_and(|there| there == content) {
        return;
    }
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.into()];
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
