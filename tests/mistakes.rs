//! Wrong hand-coded gradients that mutation tools and a fourth mutator made, and what a comparison says of each.
//!
//! By default a fixed part of `tests/data/mistakes` is run. `RETROGRAD_MISTAKES_ALL=1` runs all of it; `RETROGRAD_MISTAKES=FOLDER` runs all
//! and the files of that folder; `RETROGRAD_MISTAKES_JSON=FILE` runs all and writes the counts there. `RETROGRAD_MISTAKES_ONLY=a,b` keeps
//! derivations of these ids, and `RETROGRAD_MISTAKES_LIST=1` prints a line for each case: its id, kind, class, score, the right statement and
//! the wrong one, and the first explanation. Run them in release:
//!
//! ```text
//! RETROGRAD_MISTAKES_ALL=1 cargo test --release --test mistakes -- --nocapture
//! ```
//!
//! *Right*: each mistake of the first explanation names a node whose derivative the wrong statement implements, or one of another
//! statement whose change gives the same numbers; its values fit. *Adjacent*: the same at a parent or child of such a node, or a factor
//! on exactly the gradients that are wrong. *Elsewhere*: another explanation. *None*: no explanation. Of two mistakes, right is both in
//! their places, adjacent one.

use retrograd::check::compare::{Comparison, Hypothesis, Kind, Mistake};
use retrograd::check::{Problem, Verdict};
use retrograd::serde_json::{self, Value as Json, json};
use retrograd::{Error, Result, Tensor};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// What the repository's own files must come to, in percent of their cases, in the part that is run by default and in all.
const SINGLE_RIGHT: f64 = 95.0;
const SINGLE_ELSEWHERE: f64 = 1.0;
const INTERMEDIATES_RIGHT: f64 = 95.0;
/// Noise and three mutations at once: nothing is to be claimed.
const UNEXPLAINED_NONE: f64 = 100.0;
/// Comparisons that may end in an error or a panic.
const FAILED: f64 = 0.0;

/// By default one in so many cases is run, of single mistakes and of each other kind.
const ONE_SINGLE_IN: usize = 12;
const ONE_OTHER_IN: usize = 4;

/// An explanation's values are the hand-coded ones up to this, relative to the largest.
const FITS: f64 = 1e-7;

/// So many single mistakes are timed again, alone.
const TIMED: usize = 150;

/// The nodes that a mistake of an explanation names.
fn nodes(mistake: &Mistake) -> Vec<&str> {
    mistake.nodes.iter().map(String::as_str).collect()
}

/// One file.
struct Derivation {
    id: String,
    json: Json,
    problem: Problem,
    /// The parents and children of each parameter, array of data and node.
    neighbours: HashMap<String, HashSet<String>>,
    /// Nodes that lead from a parameter to the output.
    inner: HashSet<String>,
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_else(|| panic!("{key} is a text"))
}
fn texts(json: &Json) -> impl Iterator<Item = &str> {
    json.as_array().into_iter().flatten().map(|entry| entry.as_str().expect("a text"))
}
fn names(json: &Json) -> impl Iterator<Item = &String> {
    json.as_object().into_iter().flatten().map(|(name, _)| name)
}

/// The gradients of an object by their names.
fn gradients(json: &Json) -> Vec<(&str, Tensor<f64>)> {
    let numbers = |json: &Json| -> Vec<f64> {
        json.as_array().expect("a list").iter().map(|x| x.as_f64().unwrap_or(f64::NAN)).collect()
    };
    let array = |(name, json): (_, &Json)| {
        let shape: Vec<usize> = numbers(&json["shape"]).into_iter().map(|n| n as usize).collect();
        (name, Tensor::new(shape, numbers(&json["data"])).expect("as many numbers as the shape has"))
    };
    json.as_object().into_iter().flatten().map(|(name, json)| array((name.as_str(), json))).collect()
}

impl Derivation {
    fn read(path: &Path) -> Self {
        let shown = path.display();
        let text_of = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let problem = Problem::parse(&text_of).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let json: Json = serde_json::from_str(&text_of).expect("it was read just now");
        let mut neighbours: HashMap<String, HashSet<String>> = HashMap::new();
        let mut active: HashSet<String> = names(&json["params"]).cloned().collect();
        let mut args_of: HashMap<&str, Vec<&str>> = HashMap::new();
        for node in json["nodes"].as_array().expect("a list") {
            let name = text(node, "name");
            let args: Vec<&str> = node["args"].as_array().expect("a list").iter().filter_map(Json::as_str).collect();
            for arg in &args {
                neighbours.entry(name.to_owned()).or_default().insert(arg.to_string());
                neighbours.entry(arg.to_string()).or_default().insert(name.to_owned());
            }
            if args.iter().any(|&arg| active.contains(arg)) {
                active.insert(name.to_owned());
            }
            args_of.insert(name, args);
        }
        let mut open = vec![text(&json, "output")];
        let mut inner = HashSet::new();
        while let Some(name) = open.pop() {
            if let Some(args) = args_of.get(name).filter(|_| active.contains(name) && inner.insert(name.to_owned())) {
                open.extend(args);
            }
        }
        Self { id: text(&json, "id").to_owned(), problem, neighbours, inner, json }
    }

    /// What a comparison of these gradients says.
    fn compare(&self, hand: &[(&str, Tensor<f64>)]) -> Result<Comparison> {
        self.problem.compare_with(hand.iter().map(|(name, gradient)| (*name, gradient))).run()
    }

    /// The gradients by the parameters, and by those nodes that have one.
    fn hand<'a>(&self, by_parameters: &'a Json, by_nodes: &'a Json) -> Vec<(&'a str, Tensor<f64>)> {
        let mut hand = gradients(by_parameters);
        hand.extend(gradients(by_nodes).into_iter().filter(|(name, _)| self.inner.contains(*name)));
        hand
    }

    /// The places of a mistake of a case, those of its alternatives included.
    fn places<'a>(&self, mistake: &'a Json) -> HashSet<&'a str> {
        let others = mistake["alternatives"].as_array().into_iter().flatten();
        others.chain([mistake]).flat_map(|mistake| texts(&mistake["at"])).collect()
    }

    fn is_beside(&self, places: &HashSet<&str>, node: &str) -> bool {
        self.neighbours.get(node).is_some_and(|around| around.iter().any(|other| places.contains(other.as_str())))
    }

    fn score(&self, mistakes: &[Json], report: &Comparison) -> Score {
        let Some(first) = report.diagnosis.explanations.first() else { return Score::None };
        if first.fit > FITS || first.fit.is_nan() {
            return Score::Elsewhere;
        }
        let places: Vec<HashSet<&str>> = mistakes.iter().map(|mistake| self.places(mistake)).collect();
        match &places[..] {
            [places] => {
                let at = |mistake: &Mistake| nodes(mistake).iter().any(|node| places.contains(node));
                let near = |mistake: &Mistake| at(mistake) || nodes(mistake).iter().any(|n| self.is_beside(places, n));
                if first.mistakes.iter().all(at) {
                    Score::Right
                } else if first.mistakes.iter().all(near) || is_factor_of_the_wrong(first, report) {
                    Score::Adjacent
                } else {
                    Score::Elsewhere
                }
            }
            places => {
                let at =
                    |mistake: &Mistake, place: usize| nodes(mistake).iter().any(|node| places[place].contains(node));
                match placed(&first.mistakes, places.len(), &at) {
                    n if n == places.len() => Score::Right,
                    0 => Score::Elsewhere,
                    _ => Score::Adjacent,
                }
            }
        }
    }
}

/// How many places can be given mistakes of an explanation, to each its own.
fn placed(mistakes: &[Mistake], n_places: usize, at: &dyn Fn(&Mistake, usize) -> bool) -> usize {
    let Some(place) = n_places.checked_sub(1) else { return 0 };
    let without = placed(mistakes, place, at);
    let with = (0..mistakes.len()).filter(|&k| at(&mistakes[k], place)).map(|k| {
        let rest: Vec<Mistake> = [&mistakes[..k], &mistakes[k + 1..]].concat();
        1 + placed(&rest, place, at)
    });
    with.max().unwrap_or(0).max(without)
}

/// Whether it says that the gradients which differ, and no others, have a factor.
fn is_factor_of_the_wrong(explanation: &Hypothesis, report: &Comparison) -> bool {
    let wrong = report.blocks.iter().filter(|block| block.verdict != Verdict::Agrees).map(|block| block.name.as_str());
    let explained: BTreeSet<&str> = explanation.blocks.iter().map(String::as_str).collect();
    explanation.mistakes.iter().all(|mistake| mistake.kind == Kind::Factor && nodes(mistake).is_empty())
        && explained == wrong.collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Score {
    Right,
    Adjacent,
    Elsewhere,
    None,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts([usize; 4]);

impl Counts {
    fn of<'a>(scores: impl Iterator<Item = &'a Outcome>) -> Self {
        let mut counts = Self::default();
        scores.for_each(|outcome| counts.0[outcome.score as usize] += 1);
        counts
    }
    fn cases(self) -> usize {
        self.0.iter().sum()
    }
    fn percent(self, score: Score) -> f64 {
        100.0 * self.0[score as usize] as f64 / self.cases().max(1) as f64
    }
    fn json(self) -> Json {
        let [right, adjacent, elsewhere, none] = self.0;
        json!({ "cases": self.cases(), "right": right, "adjacent": adjacent, "elsewhere": elsewhere, "none": none })
    }
    fn row(self, name: &str) -> String {
        let [right, adjacent, elsewhere, none] = self.0;
        let (first, near) = (self.percent(Score::Right), self.percent(Score::Right) + self.percent(Score::Adjacent));
        let cases = self.cases();
        format!("{name:<28}{cases:>6}{right:>7}{adjacent:>10}{elsewhere:>11}{none:>6}{first:>9.1} %{near:>9.1} %")
    }
}

/// A comparison to be made.
#[derive(Clone, Copy)]
struct Task<'a> {
    derivation: &'a Derivation,
    case: &'a Json,
    /// What it counts as.
    kind: &'a str,
}

struct Outcome {
    score: Score,
    /// The class of a single mistake.
    class: String,
    seconds: f64,
    line: String,
    failed: bool,
}

impl Task<'_> {
    fn run(&self) -> Outcome {
        let Self { derivation, case, kind } = self;
        let nothing = Json::Null;
        let by_nodes = if *kind == "single_intermediates" { &case["intermediates"] } else { &nothing };
        let hand = derivation.hand(&case["hand"], by_nodes);
        let start = Instant::now();
        let report = catch_unwind(AssertUnwindSafe(|| derivation.compare(&hand)));
        let report = report.unwrap_or_else(|_| Err(Error::custom("panicked")));
        let seconds = start.elapsed().as_secs_f64();
        let mistakes = case["mistakes"].as_array().expect("a list");
        let (score, found) = match &report {
            Ok(report) => {
                let best = report.diagnosis.explanations.first();
                (derivation.score(mistakes, report), best.map_or("-".to_owned(), |best| best.text.clone()))
            }
            Err(error) => (Score::None, format!("error: {error}")),
        };
        let joined = |key| mistakes.iter().map(|mistake| text(mistake, key)).collect::<Vec<_>>().join(" | ");
        let class = joined("class");
        // Of a tab and a line's end stands a space, so that a case is one line of five columns and the explanation.
        let plain = |text: String| text.replace(['\t', '\n'], " ");
        let change = plain(format!("{} => {}", joined("right_statement"), joined("statement")));
        let columns = [text(case, "id"), kind, &class, &format!("{score:?}").to_lowercase(), &change, &plain(found)];
        Outcome { score, line: columns.join("\t"), class, seconds, failed: report.is_err() }
    }
}

/// Files of a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    paths.sort();
    paths
}

fn setting(name: &str) -> Option<String> {
    std::env::var(format!("RETROGRAD_MISTAKES{name}")).ok().filter(|value| !value.is_empty())
}

/// The outcomes of all tasks, in order.
fn run(tasks: &[Task<'_>]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let work = || {
        let mut done = Vec::new();
        while let Some((at, task)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, tasks.get(at)?)))
        {
            done.push((at, task.run()));
        }
        done
    };
    let mut done: Vec<(usize, Outcome)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no comparison panics")).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

#[test]
fn mistakes_of_the_corpus_are_found_where_they_were_made() {
    let own = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mistakes"));
    let (others, only) = (setting(""), setting("_ONLY"));
    let is_own = others.is_none() && only.is_none();
    let folder = others.as_ref().map(|folder| files(Path::new(folder))).unwrap_or_default();
    let json_file = setting("_JSON");
    let all = setting("_ALL").is_some() || !is_own || json_file.is_some();
    let mut derivations: Vec<Derivation> = Vec::new();
    for path in own.iter().chain(&folder) {
        let derivation = Derivation::read(path);
        let is_wanted = only.as_ref().is_none_or(|only| only.split(',').any(|id| id == derivation.id));
        // The folder may have files of ours.
        if is_wanted && derivations.iter().all(|known| known.id != derivation.id) {
            derivations.push(derivation);
        }
    }
    assert!(!derivations.is_empty(), "no derivation is left to run");

    let mut tasks = Vec::new();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for derivation in &derivations {
        for case in derivation.json["cases"].as_array().expect("a list") {
            let kind = text(case, "kind");
            let count = seen.entry(kind).or_default();
            *count += 1;
            let one_in = if kind == "single" { ONE_SINGLE_IN } else { ONE_OTHER_IN };
            if all || (*count - 1).is_multiple_of(one_in) {
                tasks.push(Task { derivation, case, kind });
                if kind == "single" {
                    tasks.push(Task { derivation, case, kind: "single_intermediates" });
                }
            }
        }
    }
    let outcomes = run(&tasks);
    let of = |kind: &'static str| {
        let both = tasks.iter().zip(&outcomes);
        both.filter(move |(task, _)| task.kind == kind).map(|(_, outcome)| outcome)
    };
    if setting("_LIST").is_some() {
        outcomes.iter().for_each(|outcome| println!("{}", outcome.line));
    }

    let agree = |derivation: &&Derivation| {
        let hand = derivation.hand(&derivation.json["right"], &derivation.json["right_intermediates"]);
        let report = derivation.compare(&hand);
        report.map(|report| report.agrees()).unwrap_or_else(|error| panic!("{}: {error}", derivation.id))
    };
    let wrong: Vec<&str> = derivations.iter().filter(|d| !agree(d)).map(|d| d.id.as_str()).collect();

    // One after the other, as users run them.
    let singles: Vec<&Task<'_>> = tasks.iter().filter(|task| task.kind == "single").collect();
    let step = singles.len().div_ceil(TIMED).max(1);
    let mut seconds: Vec<f64> = match json_file {
        Some(_) => singles.iter().step_by(step).map(|task| task.run().seconds).collect(),
        None => of("single").map(|outcome| outcome.seconds).collect(),
    };
    seconds.sort_by(f64::total_cmp);
    let quantile = |share: f64| match seconds.len() {
        0 => 0.0,
        n => seconds[((n - 1) as f64 * share).round() as usize],
    };

    let kinds = ["single", "single_intermediates", "double", "wrong_shape", "unexplained"];
    let counts: BTreeMap<&str, Counts> = kinds.into_iter().map(|kind| (kind, Counts::of(of(kind)))).collect();
    let classes: BTreeSet<&str> = of("single").map(|outcome| outcome.class.as_str()).collect();
    let by_class = |class: &str| Counts::of(of("single").filter(|outcome| outcome.class == class));
    println!(
        "{:<28}{:>6}{:>7}{:>10}{:>11}{:>6}{:>11}{:>11}",
        "", "cases", "right", "adjacent", "elsewhere", "none", "right", "or near"
    );
    classes.iter().for_each(|class| println!("{}", by_class(class).row(class)));
    kinds.iter().for_each(|kind| println!("{}", counts[kind].row(kind)));
    println!("right derivations that agree: {} of {}", derivations.len() - wrong.len(), derivations.len());
    println!("seconds: median {:.4}, 95 % below {:.4}", quantile(0.5), quantile(0.95));

    let unexplained = counts["unexplained"];
    if let Some(file) = json_file {
        let classes: serde_json::Map<String, Json> =
            classes.iter().map(|class| (class.to_string(), by_class(class).json())).collect();
        let json = json!({
            "single": counts["single"].json(),
            "single_intermediates": counts["single_intermediates"].json(),
            "double": counts["double"].json(),
            "wrong_shape": counts["wrong_shape"].json(),
            "unexplained": { "cases": unexplained.cases(), "none": unexplained.0[Score::None as usize] },
            "right_derivations": { "cases": derivations.len(), "agree": derivations.len() - wrong.len() },
            "by_class": classes,
            "seconds": { "median": quantile(0.5), "p95": quantile(0.95) },
        });
        std::fs::write(&file, format!("{json:#}\n")).unwrap_or_else(|error| panic!("{file}: {error}"));
    }

    let failed: Vec<&str> = outcomes.iter().filter(|outcome| outcome.failed).map(|o| o.line.as_str()).collect();
    let share = 100.0 * failed.len() as f64 / outcomes.len() as f64;
    assert!(!is_own || share <= FAILED, "comparisons that could not be made: {share:.1} %\n{}", failed.join("\n"));
    assert!(wrong.is_empty(), "right derivations do not agree: {}", wrong.join(", "));
    if is_own {
        let at_least =
            |what: &str, found: f64, floor: f64| assert!(found >= floor, "{what}: {found:.1} %, not {floor} %");
        at_least("single, right", counts["single"].percent(Score::Right), SINGLE_RIGHT);
        at_least(
            "single_intermediates, right",
            counts["single_intermediates"].percent(Score::Right),
            INTERMEDIATES_RIGHT,
        );
        at_least("unexplained, none", unexplained.percent(Score::None), UNEXPLAINED_NONE);
        let elsewhere = counts["single"].percent(Score::Elsewhere);
        assert!(elsewhere <= SINGLE_ELSEWHERE, "single, elsewhere: {elsewhere:.1} %, above {SINGLE_ELSEWHERE} %");
    }
}
