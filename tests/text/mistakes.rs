//! The wrong hand-coded gradients of `tests/data/mistakes`, as files for `check`: data as literals, the forward pass, a line `# backward`,
//! and the backward pass with the wrong statement in its place.
//!
//! By default a fixed part of the cases is run; `RETROGRAD_MISTAKES_ALL=1` runs all, `RETROGRAD_MISTAKES_ONLY=a,b` those of these
//! derivations, and `RETROGRAD_MISTAKES_LIST=1` prints what was missed.
//! *Named*: the first wrong line is one of the mistake's, or of another change that gives the same numbers. *Corrected*: the line that is
//! offered, put in its place, gives the right gradients when the file is run.

use retrograd::Tensor;
use retrograd::check::Verdict;
use retrograd::serde_json::{self, Value as Json};
use retrograd::text::{CheckOptions, Module, Options, check};
use std::collections::BTreeSet;
use std::path::Path;

/// What must come out of the part that is run by default, and of all, in percent. Of all there are 99.9; of the eight derivations that were
/// put aside while this was made, recurrent ones among them, 99.6.
const NAMED: f64 = 98.0;
const CORRECTED: f64 = 90.0;
const OTHERS_NAMED: f64 = 90.0;

/// By default one in so many cases is run, of single mistakes and of each other kind.
const ONE_SINGLE_IN: usize = 6;
const ONE_OTHER_IN: usize = 3;

/// Gradients are right up to this, relative to the largest.
const RIGHT: f64 = 1e-6;

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_else(|| panic!("{key} is a text"))
}
fn list<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json[key].as_array().map_or(&[], Vec::as_slice)
}
fn object<'a>(json: &'a Json, key: &str) -> impl Iterator<Item = (&'a String, &'a Json)> {
    json[key].as_object().into_iter().flatten()
}

/// An array as a nested list.
fn literal(json: &Json) -> String {
    fn level(shape: &[Json], data: &mut dyn Iterator<Item = &Json>) -> String {
        match shape {
            [] => format!("{:?}", data.next().and_then(Json::as_f64).expect("a number")),
            [n, rest @ ..] => {
                let all: Vec<String> = (0..n.as_u64().expect("a length")).map(|_| level(rest, data)).collect();
                format!("[{}]", all.join(", "))
            }
        }
    }
    let nested = level(list(json, "shape"), &mut list(json, "data").iter());
    if list(json, "shape").is_empty() { nested } else { format!("np.array({nested})") }
}

/// A derivation: the lines before its backward pass, and that.
struct Derivation {
    json: Json,
    head: Vec<String>,
    right: Vec<String>,
}

/// A file, and for each mistake the lines that name it.
struct File {
    id: String,
    text: String,
    places: Vec<BTreeSet<usize>>,
}

impl Derivation {
    fn read(path: &Path) -> Self {
        let json: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let forward = list(&json, "forward").iter().map(|line| line.as_str().unwrap().to_owned());
        let right: Vec<String> =
            list(&json, "backward").iter().map(|line| text(line, "statement").to_owned()).collect();
        let mut head = vec!["import numpy as np".to_owned()];
        let reads = |name: &str| {
            right.iter().chain(&forward.clone().collect::<Vec<_>>()).any(|line| words(line).any(|word| word == name))
        };
        head.extend(object(&json, "constants").map(|(name, value)| format!("{name} = {value}")));
        // What the derivations leave to their surroundings.
        if reads("C") && json["constants"]["C"].is_null() {
            head.push("C = np.sqrt(2 / np.pi)".to_owned());
        }
        let mut gathers: Vec<&Json> = Vec::new();
        for node in list(&json, "nodes").iter().filter(|node| node["op"] == "gather") {
            if !gathers.contains(&&node["indices"]) {
                gathers.push(&node["indices"]);
            }
        }
        head.extend(
            gathers
                .iter()
                .enumerate()
                .filter(|(i, _)| reads(&format!("i{i}")))
                .map(|(i, at)| format!("i{i} = np.array({at})")),
        );
        for part in ["params", "data"] {
            head.extend(object(&json, part).map(|(name, array)| format!("{name} = {}", literal(array))));
        }
        head.extend(forward);
        head.push("# backward".to_owned());
        Self { head, right, json }
    }

    fn id(&self) -> &str {
        text(&self.json, "id")
    }

    /// The statements of the right pass that a change replaces, in its order.
    fn replaced(&self, change: &Json) -> Vec<usize> {
        let mut at: Vec<usize> = Vec::new();
        for part in parts(text(change, "right_statement")) {
            let hinted = change["line"].as_u64().map(|line| line as usize - 1).filter(|_| at.is_empty());
            let found = hinted.filter(|&line| self.right[line] == part);
            let later =
                || (0..self.right.len()).find(|&k| self.right[k] == part && at.last().is_none_or(|&last| k > last));
            at.push(found.or_else(later).unwrap_or_else(|| panic!("{}: no statement {part}", self.id())));
        }
        at
    }

    /// The file of a case, which gives the case's gradients.
    fn file(&self, case: &Json) -> File {
        let mut lines: Vec<Vec<String>> = self.right.iter().map(|line| vec![line.clone()]).collect();
        for mistake in list(case, "mistakes") {
            let (at, new) = (self.replaced(mistake), parts(text(mistake, "statement")));
            match (&at[..], &new[..]) {
                (_, ["(nothing)"]) => at.iter().for_each(|&k| lines[k].clear()),
                // Moved up to the other.
                (&[a, b], [first, second, "(nothing)"]) => {
                    lines[a] = vec![first.to_string(), second.to_string()];
                    lines[b].clear();
                }
                (&[at], new) => lines[at] = new.iter().map(ToString::to_string).collect(),
                _ => at.iter().zip(&new).for_each(|(&k, new)| lines[k] = vec![new.to_string()]),
            }
        }
        let mut line = self.head.len();
        let mut numbers: Vec<BTreeSet<usize>> = Vec::new();
        for group in &lines {
            numbers.push((line + 1..=line + group.len()).collect());
            line += group.len();
        }
        let places = |mistake: &Json| {
            let changes = std::iter::once(mistake).chain(list(mistake, "alternatives"));
            let at: Vec<usize> = changes.flat_map(|change| self.replaced(change)).collect();
            let mut places: BTreeSet<usize> = at.iter().flat_map(|&k| &numbers[k]).copied().collect();
            // In place of a statement that was left out, others of the same name.
            for &left_out in at.iter().filter(|&&k| numbers[k].is_empty()) {
                let same = |k: &usize| words(&self.right[*k]).next() == words(&self.right[left_out]).next();
                places.extend((0..lines.len()).filter(same).flat_map(|k| &numbers[k]));
            }
            places
        };
        let places = list(case, "mistakes").iter().map(places).collect();
        let text_of = self.head.iter().chain(lines.iter().flatten()).map(|line| format!("{line}\n")).collect();
        let file = File { id: text(case, "id").to_owned(), text: text_of, places };
        let given = self.gives(&file.text, &case["hand"]);
        assert_eq!(given, Ok(true), "{}: the file does not give the case's gradients\n{}", file.id, file.text);
        file
    }

    /// Whether a file gives these gradients by the parameters.
    fn gives(&self, file: &str, gradients: &Json) -> Result<bool, String> {
        let scope = Module::parse(file).map_err(|error| error.to_string())?;
        let scope = scope.run(&Options::default()).map_err(|error| error.to_string())?;
        let same = |(name, wanted): (&String, &Json)| {
            let Some(found) = scope.get(&format!("d{name}")) else { return false };
            let numbers = |key| list(wanted, key).iter().map(|x| x.as_f64().unwrap_or(f64::NAN));
            let wanted =
                Tensor::new(numbers("shape").map(|n| n as usize).collect::<Vec<_>>(), numbers("data").collect())
                    .unwrap();
            let largest = wanted.iter().fold(0.0_f64, |a, x| a.max(x.abs()));
            found.shape() == wanted.shape()
                && found.iter().zip(wanted.iter()).all(|(a, b)| (a - b).abs() <= RIGHT * largest)
        };
        Ok(gradients.as_object().into_iter().flatten().all(same))
    }
}

/// Statements that are joined with `;`.
fn parts(joined: &str) -> Vec<&str> {
    joined.split(';').map(str::trim).collect()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn setting(name: &str) -> Option<String> {
    std::env::var(format!("RETROGRAD_MISTAKES_{name}")).ok().filter(|value| !value.is_empty())
}

fn derivations() -> Vec<Derivation> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mistakes");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    let mut all: Vec<Derivation> = paths.iter().map(|path| Derivation::read(path)).collect();
    if let Some(only) = setting("ONLY") {
        all.retain(|derivation| only.split(',').any(|id| id == derivation.id()));
    }
    all
}

/// Cases of a kind: how many there are, run, named, corrected.
#[derive(Default)]
struct Counts {
    seen: usize,
    cases: usize,
    named: usize,
    corrected: usize,
}

fn percent(part: usize, of: usize) -> f64 {
    100.0 * part as f64 / of.max(1) as f64
}

#[test]
fn right_passes_are_right() {
    for derivation in derivations() {
        let nothing = serde_json::json!({ "id": derivation.id(), "hand": derivation.json["right"], "mistakes": [] });
        let file = derivation.file(&nothing);
        let report = check(&file.text, &CheckOptions::default()).unwrap_or_else(|error| panic!("{}: {error}", file.id));
        assert_eq!(report.verdict, Verdict::Agrees, "{}: {report}", file.id);
    }
}

#[test]
fn the_wrong_statement_is_named_and_corrected() {
    let (only, listed) = (setting("ONLY").is_some(), setting("LIST").is_some());
    let all = only || setting("ALL").is_some();
    let [mut single, mut shape, mut double] = [Counts::default(), Counts::default(), Counts::default()];
    for derivation in derivations() {
        for case in list(&derivation.json, "cases") {
            let (counts, one_in) = match text(case, "kind") {
                "single" => (&mut single, ONE_SINGLE_IN),
                "wrong_shape" => (&mut shape, ONE_OTHER_IN),
                "double" => (&mut double, ONE_OTHER_IN),
                _ => continue,
            };
            counts.seen += 1;
            if !all && (counts.seen - 1) % one_in != 0 {
                continue;
            }
            let file = derivation.file(case);
            let report =
                check(&file.text, &CheckOptions::default()).unwrap_or_else(|error| panic!("{}: {error}", file.id));
            let line = report.first_wrong_line.filter(|_| report.verdict == Verdict::Differs);
            let named = line.is_some_and(|line| file.places.iter().any(|places| places.contains(&line)));
            let corrected = line.zip(report.corrected.as_deref()).is_some_and(|(line, corrected)| {
                let lines = file.text.lines().enumerate().map(|(at, old)| if at + 1 == line { corrected } else { old });
                derivation.gives(&lines.collect::<Vec<_>>().join("\n"), &derivation.json["right"]) == Ok(true)
            });
            counts.cases += 1;
            counts.named += usize::from(named);
            counts.corrected += usize::from(corrected);
            if listed && !named {
                println!("{}: line {line:?}, not {:?}; {:?}", file.id, file.places, report.corrected);
            }
        }
    }
    for (name, counts) in [("single", &single), ("wrong shape", &shape), ("double", &double)] {
        println!("{name}: {} cases, {} named, {} corrected", counts.cases, counts.named, counts.corrected);
    }
    if only {
        return;
    }
    let at_least = |what: &str, found: f64, floor: f64| assert!(found >= floor, "{what}: {found:.1} %, not {floor} %");
    at_least("single ones named", percent(single.named, single.cases), NAMED);
    at_least("single ones corrected", percent(single.corrected, single.cases), CORRECTED);
    at_least("others named", percent(shape.named + double.named, shape.cases + double.cases), OTHERS_NAMED);
}
