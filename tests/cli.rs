//! The program's commands, run as a user runs them: what they do on small data, what they print, and their exit codes.

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run said.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    fn fine(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }
    #[track_caller]
    fn json(self) -> Json {
        let out = self.fine();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }
    /// Wrong arguments, with these words on standard error and nothing on standard output.
    #[track_caller]
    fn usage(self, said: &str) {
        assert_eq!((self.code, &self.out[..]), (2, ""), "{}", self.err);
        assert!(self.err.contains(said), "{said}\nis not in\n{}", self.err);
        assert!(self.err.contains("usage: retrograd"), "{}", self.err);
    }
    /// Work that failed, with these words on standard error.
    #[track_caller]
    fn failed(self, said: &str) {
        assert_eq!((self.code, &self.out[..]), (1, ""), "{}", self.err);
        assert!(self.err.starts_with("error: ") && self.err.contains(said), "{said}\nis not in\n{}", self.err);
    }
}

/// A folder to run in.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn write(&self, name: &str, text: &str) -> &Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }
    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
    fn run(&self, arguments: &[&str]) -> Ran {
        run_in(self.0.path(), arguments)
    }
}

fn run_in(folder: &Path, arguments: &[&str]) -> Ran {
    let mut program = Command::new(env!("CARGO_BIN_EXE_retrograd"));
    let ran = program.args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: ran.status.code().unwrap(), out: text(ran.stdout), err: text(ran.stderr) }
}

fn run(arguments: &[&str]) -> Ran {
    run_in(Path::new("."), arguments)
}

/// Two clouds of points and a word that says which, with a column that says nothing.
fn fruit() -> String {
    let row = |i: usize| {
        let (pear, wobble) = (i.is_multiple_of(2), (i * 7 % 11) as f64 / 10.0);
        let (size, weight) = if pear { (2.0 + wobble, 1.0 - wobble) } else { (6.0 - wobble, 4.0 + wobble) };
        let (colour, kind) = (["red", "green", "blue"][i % 3], if pear { "pear" } else { "melon" });
        format!("{size},{weight},{colour},{kind}\n")
    };
    format!("size,weight,colour,kind\n{}", (0..90).map(row).collect::<String>())
}

/// y = 3 a - 2 b.
fn line() -> String {
    let row = |i: usize| {
        let (a, b) = ((i % 10) as f64, (i / 10) as f64);
        format!("{a},{b},{}\n", 3.0 * a - 2.0 * b + 100.5)
    };
    format!("a,b,y\n{}", (0..100).map(row).collect::<String>())
}

#[test]
fn a_table_of_words_is_classified_saved_asked_and_measured() {
    let place = Place::new();
    place.write("fruit.csv", &fruit());
    let out = place.run(&["train", "fruit.csv", "--target", "kind", "--hidden", "8", "--epochs", "40"]).fine();
    assert!(out.contains("categories: colour (3)"), "{out}");
    assert!(
        out.contains("fruit.csv: 5 features, 2 classes; 58 rows to learn from, 14 to validate, 18 to test"),
        "{out}"
    );
    assert!(out.lines().any(|line| line.starts_with("epoch  1/40")), "{out}");
    assert_eq!(out.lines().next_back().unwrap().split(',').next(), Some("test accuracy: 1.0000"), "{out}");
    assert!(place.read("fruit/report.html").starts_with("<!DOCTYPE html>"));
    assert!(place.read("fruit/history.csv").starts_with("epoch,"));

    // Columns are found by name; the target's and others are not looked at.
    let model = "fruit/model.safetensors";
    place.write("new.csv", "weight,note,colour,size\n0.5,x,red,2.1\n4.5,y,blue,5.6\n");
    let out = place.run(&["predict", model, "new.csv"]).fine();
    let rows: Vec<Vec<&str>> = out.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["kind", "probability", "p(melon)", "p(pear)"]);
    assert_eq!([rows[1][0], rows[2][0], rows[1][1], rows[2][1]], ["pear", "melon", rows[1][3], rows[2][2]], "{out}");
    assert!(rows.len() == 3 && rows[1][1].parse::<f64>().unwrap() > 0.5, "{out}");
    assert_eq!(place.run(&["predict", model, "new.csv", "--out", "answers.csv"]).fine(), "");
    assert_eq!(place.read("answers.csv"), out);
    let json = place.run(&["predict", model, "new.csv", "--json"]).json();
    assert_eq!((json[0]["kind"].as_str(), json[1]["kind"].as_str()), (Some("pear"), Some("melon")));
    assert!(json[1]["probabilities"]["melon"].as_f64().unwrap() > 0.5, "{json}");

    let out = place.run(&["evaluate", model, "fruit.csv"]).fine();
    assert!(out.contains("true \\ predicted") && out.contains("90 rows: accuracy: "), "{out}");
    let json = place.run(&["evaluate", model, "fruit.csv", "--json"]).json();
    assert!(json["rows"] == 90 && json["metrics"]["accuracy"].as_f64().unwrap() > 0.95, "{json}");
    assert_eq!(json["confusion"]["classes"][0], "melon");
}

#[test]
fn a_table_of_numbers_is_fitted_in_its_own_units() {
    let place = Place::new();
    place.write("line.csv", &line());
    let arguments = ["train", "line.csv", "--target", "y", "--hidden", "0", "--lr", "0.05", "--out", "here", "--json"];
    let json = place.run(&arguments).json();
    assert_eq!((json["task"].as_str(), json["target"].as_str()), (Some("regression"), Some("y")));
    assert!(json["test"]["rmse"].as_f64().unwrap() < 0.2 && json["test"]["r2"].as_f64().unwrap() > 0.999, "{json}");
    let out = place.run(&["predict", "here/model.safetensors", "line.csv"]).fine();
    let (heading, first) = (out.lines().next().unwrap(), out.lines().nth(1).unwrap());
    assert!(heading == "y" && (first.parse::<f64>().unwrap() - 100.5).abs() < 1.0, "{heading} {first}");
    let json = place.run(&["evaluate", "here/model.safetensors", "line.csv", "--json"]).json();
    assert!(json["metrics"]["mae"].as_f64().unwrap() < 0.2 && json["confusion"].is_null(), "{json}");
}

#[test]
fn numbers_of_a_few_classes_are_classified_unless_told_otherwise() {
    let place = Place::new();
    place.write("fruit.csv", &fruit().replace("pear", "0").replace("melon", "1"));
    let train = |more: &[&str]| place.run(&[&["train", "fruit.csv", "--target", "-1", "--epochs", "2"], more].concat());
    let out = train(&[]).fine();
    assert!(out.contains("target kind: its 2 whole numbers are taken for classes; --task regression"), "{out}");
    let json = train(&["--task", "regression", "--json"]).json();
    assert!(json["task"] == "regression" && json["found"].as_array().unwrap().len() == 1, "{json}");
}

#[test]
fn training_follows_its_seed() {
    let place = Place::new();
    place.write("line.csv", &line());
    let last = |seed: &str| {
        let out = place.run(&["train", "line.csv", "--target", "y", "--epochs", "3", "--seed", seed]).fine();
        out.lines().next_back().unwrap().to_owned()
    };
    assert_eq!(last("1"), last("1"));
    assert_ne!(last("1"), last("2"));
}

#[test]
fn train_says_which_argument_is_wrong() {
    let place = Place::new();
    place.write("fruit.csv", &fruit());
    let train = |more: &[&str]| place.run(&[&["train"], more].concat());
    train(&[]).usage("DATA.csv is missing");
    train(&["fruit.csv"]).usage("--target COLUMN is missing: what to predict");
    train(&["fruit.csv", "--target", "kin"])
        .usage("fruit.csv has no column \"kin\"; did you mean kind? there are size");
    train(&["fruit.csv", "--target", "9"]).usage("has no column \"9\"; there are size");
    train(&["fruit.csv", "--target", "kind", "--ignore", "sizes"]).usage("--ignore: fruit.csv has no column \"sizes\"");
    let wrong = |flag: &str, value: &str, said: &str| {
        train(&["fruit.csv", "--target", "kind", flag, value]).usage(&format!("{flag} takes {said}, got {value:?}"));
    };
    wrong("--task", "regresion", "classification or regression");
    wrong("--hidden", "8,x", "whole numbers above 0 with commas between, such as 64,32, or 0 for none");
    wrong("--epochs", "0", "a whole number above 0");
    wrong("--lr", "inf", "a number above 0");
    wrong("--test", "1", "a number above 0 and below 1");
    wrong("--delimiter", ";;", "one character of ASCII, or tab");
    train(&["fruit.csv", "--target", "kind", "--out", ""]).usage("--out takes a folder, got an empty name");
    train(&["fruit.csv", "--target", "kind", "--json=yes"]).usage("--json takes no value, got \"yes\"");
    train(&["fruit.csv", "--target", "kind", "--test=0.7", "--validation=0.5"]).usage("together leave no rows");
    train(&["fruit.csv", "--target", "kind", "--epoch", "3"]).usage("\"--epoch\"; did you mean --epochs? there are");
    train(&["fruit.csv", "more.csv", "--target", "kind"]).usage("unknown argument \"more.csv\"");
    assert!(!place.path("fruit").exists(), "nothing is written for wrong arguments");
}

#[test]
fn what_is_wrong_with_a_table_is_said_with_the_flag_that_helps() {
    let place = Place::new();
    place.write("gap.csv", "a,b,y\n1,2,3.5\n4,,6.5\n7,8,9.5\n");
    let train = |file: &str| place.run(&["train", file, "--target", "y"]);
    train("gap.csv").failed("row 3, column \"b\": the value is missing");
    train("gap.csv").failed("--missing drop");
    place.write("word.csv", "a,b,y\n1,2,3.5\n4,high,6.5\n7,8,9.5\n");
    train("word.csv")
        .failed("\"high\" is not a number; read the column with --categorical \"b\", or leave it out with --ignore");
    let names: String = (0..60).map(|i| format!("n{i},{i},{i}.5\n")).collect();
    place.write("names.csv", &format!("name,a,y\n{names}"));
    train("names.csv").failed("column \"name\" holds 60 different words; leave it out with --ignore \"name\"");
    train("none.csv").failed("none.csv");
    place.write("fruit.csv", &fruit());
    place.run(&["train", "fruit.csv", "--target", "kind", "--epochs", "1"]).fine();
    place.write("odd.csv", "size,weight,colour\n1,2,red\n1,2,violet\n");
    place.run(&["predict", "fruit/model.safetensors", "odd.csv"]).failed("odd.csv: encode: row 2, column \"colour\"");
    place.run(&["predict", "fruit.csv", "odd.csv"]).failed("fruit.csv");
    place.run(&["evaluate", "fruit/model.safetensors", "odd.csv"]).failed("no column is called \"kind\"");
}

/// loss = (w x)^2 at w = 2, x = 3, whose gradient is 2 w x^2 = 36.
fn problem(by_hand: f64) -> String {
    format!(
        r#"{{"params": {{"w": 2}}, "data": {{"x": 3}}, "output": "loss", "hand": {{"w": {by_hand}}}, "nodes":
        [{{"name": "z", "op": "mul", "args": ["w", "x"]}}, {{"name": "loss", "op": "square", "args": ["z"]}}]}}"#
    )
}

#[test]
fn a_wrong_gradient_is_diagnosed_with_code_1_and_a_right_one_with_0() {
    let place = Place::new();
    place.write("right.json", &problem(36.0)).write("wrong.json", &problem(18.0));
    let out = place.run(&["diagnose", "right.json"]).fine();
    assert!(out.starts_with("compare: the hand-coded gradient agrees") || out.contains("agree"), "{out}");
    let ran = place.run(&["diagnose", "wrong.json", "--html", "page.html"]);
    assert!(ran.code == 1 && ran.err.is_empty() && ran.out.contains("diagnosis: "), "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains('\x1b'), "colours are for terminals");
    assert!(place.read("page.html").starts_with("<!DOCTYPE html>"));
    let ran = place.run(&["diagnose", "wrong.json", "--json"]);
    let json: Json = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, json["verdict"].as_str()), (1, Some("differs")));
    assert!(place.run(&["diagnose", "wrong.json", "--markdown"]).out.contains("| gradient |"));
    place.run(&["diagnose", "wrong.json", "--json", "--markdown"]).usage("give one of them");
    place.run(&["diagnose", "none.json"]).failed("none.json");
    place.write("broken.json", "{\"params\": ");
    place.run(&["diagnose", "broken.json"]).failed("broken.json");
}

#[test]
fn a_problem_may_come_from_standard_input() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_retrograd"));
    let mut child = program.args(["diagnose", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), problem(18.0).as_bytes()).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
}

#[test]
fn every_command_has_help_with_examples_that_it_takes() {
    let help = run(&["--help"]).fine();
    let list = help.split("\n\n").nth(2).unwrap();
    let names: Vec<&str> = list
        .lines()
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.contains(&"train") && names.contains(&"diagnose"), "{names:?}");
    for name in names {
        let text = run(&[name, "--help"]).fine();
        assert!(text.starts_with(&format!("retrograd {name}: ")), "{text}");
        assert!(text.contains(&format!("usage: retrograd {name}")) && text.contains("--help"), "{text}");
        let examples = text.split("examples:\n").nth(1).unwrap_or_else(|| panic!("{name} has no examples"));
        // Each flag of an example is one that the command has.
        for word in examples.split_whitespace().filter(|word| word.starts_with("--")) {
            assert!(text.split("examples:").next().unwrap().contains(word), "{name}: {word}");
        }
        assert!(text.split("examples:").next().unwrap().lines().all(|line| line.chars().count() <= 100), "{text}");
        run(&[name, "--surely-not"]).usage("unknown argument \"--surely-not\"");
        assert_eq!(run(&["help", name]).fine(), text);
    }
}

#[test]
fn completions_are_the_files_that_the_package_carries() {
    for (shell, file) in [("bash", "retrograd.bash"), ("zsh", "_retrograd"), ("fish", "retrograd.fish")] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/completions").join(file);
        let held = std::fs::read_to_string(&path).unwrap();
        assert!(
            held == run(&["completions", shell]).fine(),
            "{file} is another one; renew it: retrograd completions {shell} > docs/completions/{file}"
        );
    }
    run(&["completions", "csh"]).usage("SHELL is bash or zsh or fish, got \"csh\"");
    run(&["completions"]).usage("SHELL is missing");
}

/// What bash offers for the last of these words.
#[cfg(unix)]
fn completed(words: &[&str]) -> Option<Vec<String>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/completions/retrograd.bash");
    let test =
        "source \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _retrograd; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let ran = Command::new("bash").args(["-c", test, script]).args(words).output().ok()?;
    assert!(ran.status.success(), "{ran:?}");
    Some(String::from_utf8(ran.stdout).unwrap().split_whitespace().map(String::from).collect())
}

/// Where bash is installed.
#[cfg(unix)]
#[test]
fn bash_completes_commands_flags_and_values() {
    let Some(commands) = completed(&["retrograd", "tr"]) else { return };
    assert_eq!(commands, ["train"]);
    assert_eq!(completed(&["retrograd", "train", "--ta"]).unwrap(), ["--target", "--task"]);
    assert_eq!(completed(&["retrograd", "train", "--task", "c"]).unwrap(), ["classification"]);
    assert_eq!(completed(&["retrograd", "train", "--task", "=", "r"]).unwrap(), ["regression"]);
    assert_eq!(completed(&["retrograd", "completions", "f"]).unwrap(), ["fish"]);
    assert!(completed(&["retrograd", "train", "no-such-fi"]).unwrap().is_empty(), "files are the shell's own");
}

#[test]
fn grad_prints_the_value_and_a_gradient_for_each_name() {
    // d(x^2 sin y) = (2 x sin y, x^2 cos y).
    let (x, y) = (3f64, 0.5f64);
    let json = run(&["grad", "x**2 * sin(y)", "x=3", "y=0.5", "--json"]).json();
    let close = |found: &Json, expected: f64| (found.as_f64().unwrap() - expected).abs() < 1e-12;
    assert!(close(&json["value"], x * x * y.sin()), "{json}");
    assert!(
        close(&json["gradient"]["x"], 2.0 * x * y.sin()) && close(&json["gradient"]["y"], x * x * y.cos()),
        "{json}"
    );
    let out = run(&["grad", "x**2 * sin(y)", "x=3", "y=0.5"]).fine();
    let first: Vec<&str> = out.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(first, ["value", "dx", "dy"], "{out}");
    // A formula may begin with a minus, and so may a number.
    assert_eq!(run(&["grad", "-x**2", "x=-3"]).fine(), "value -9\ndx 6\n");
}

#[test]
fn grad_takes_nested_lists_and_gives_hessians_by_names() {
    // f = sum(w^2 b): d2f/dw2 = 2 b on the diagonal, d2f/dw db = 2 w.
    let arguments = ["grad", "--hessian", "sum(w**2) * b", "w=[[1, 2], [3, 4]]", "b=0.5"];
    let json = run(&[&arguments[..], &["--json"]].concat()).json();
    assert_eq!(json["gradient"]["w"], serde_json::json!([[1.0, 2.0], [3.0, 4.0]]));
    assert_eq!(json["hessian"]["w"]["b"], serde_json::json!([[2.0, 4.0], [6.0, 8.0]]));
    assert_eq!(json["hessian"]["w"]["w"][1][0], serde_json::json!([[0.0, 0.0], [1.0, 0.0]]));
    assert_eq!(json["hessian"]["b"]["b"], 0.0);
    let out = run(&arguments).fine();
    assert!(out.contains("hessian by w (4 numbers), b\n[[1, 0, 0, 0, 2],"), "{out}");
}

/// Statements with data in them.
const NETWORK: &str = "\
import numpy as np
X = np.array([[1.0, 2.0], [0.5, -1.0]])
W = np.array([[0.1, -0.2], [0.3, 0.4]])
A = np.tanh(X @ W)
C = np.sum(A ** 2)
";

#[test]
fn statements_of_a_file_have_gradients_by_the_names_that_are_asked_for() {
    let place = Place::new();
    place.write("net.py", NETWORK).write("twice.py", "x = 2\nx = x * y\nx ** 2\n");
    let json = place.run(&["grad", "--file", "net.py", "--by", "W", "--json"]).json();
    let given = place.run(&["grad", "--file", "net.py", "W=[[0.1, -0.2], [0.3, 0.4]]", "--json"]).json();
    assert_eq!(json, given);
    assert_eq!(json["gradient"].as_object().unwrap().keys().collect::<Vec<_>>(), ["W"]);
    place.run(&["grad", "--file", "net.py"]).usage("there is no variable");
    place.run(&["grad", "--file", "net.py", "V=1"]).usage("V is given, and the text does not use it");
    place.run(&["grad", "--file", "net.py", "--by", "V"]).usage("the text assigns no number or array of this name");
    place.run(&["grad", "--file", "twice.py", "y=2", "--by", "x"]).usage("x is assigned more than once");
    place.run(&["grad", "--file", "none.py", "V=1"]).failed("none.py: ");
    place
        .run(&["grad", "--file", "net.py", "x + 1"])
        .usage("with --file there are only NAME=VALUE besides, got \"x + 1\"");
}

#[test]
fn what_is_wrong_with_a_formula_is_said_with_its_place() {
    let grad = |arguments: &[&str]| run(&[&["grad"], arguments].concat());
    grad(&[]).usage("EXPRESSION is missing: a formula such as 'x**2 * sin(y)', or --file FILE");
    grad(&["x +* 2", "x=1"]).usage("line 1, column 4: an expression is missing here\n    x +* 2\n       ^");
    grad(&["x * y", "x=1"]).usage("no value for y: give it as in y=1.5\nline 1, column 5");
    grad(&["x", "x"]).usage("a variable is NAME=VALUE, got \"x\"");
    grad(&["x", "x=1", "x=2"]).usage("x is given twice");
    grad(&["x", "x=[1, [2]]"]).usage("expected a number or a nested list of numbers in rows of one length");
    grad(&["x", "x=1", "--hesian"]).usage("did you mean --hessian?");
    grad(&["exp(x)", "x=[1, 2]"])
        .failed("the value has shape [2], and a gradient is of a number: end with a sum or a mean");
    grad(&["x[3]", "x=[1, 2]"]).failed("line 1, column 1: index 3 is out of range");
    grad(&["round(x)", "x=1.4"]).fine();
}

#[test]
fn derive_writes_the_chain_rule_in_three_notations() {
    let place = Place::new();
    let derive = |more: &[&str]| place.run(&[&["derive", "sigmoid(w * x)", "w=2", "x=0.5"], more].concat());
    assert!(derive(&[]).fine().contains("\n  dx = df * f * (1 - f) * w = w * f * (1 - f)\n"));
    assert!(derive(&["--format", "latex"]).fine().contains(r"\bar{f} &= 1 \\"));
    assert_eq!(derive(&["--format", "mathml", "--out", "page.html"]).fine(), "");
    let page = place.read("page.html");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<math>") && page.contains("<mi>σ</mi>"), "{page}");
    let json = derive(&["--json"]).json();
    assert_eq!(json["backward"][0]["formula"], "df = 1");
    assert_eq!(json["backward"].as_array().unwrap().iter().filter(|line| line["name"] == "dw").count(), 1);
    // Which numbers they are makes no difference, and that is said.
    let ran = place.run(&["derive", "sigmoid(w * x)"]);
    assert_eq!(ran.err, "no value for w, x: taken for numbers, 1 each\n");
    assert_eq!(ran.out, derive(&[]).out);
    derive(&["--format", "word"]).usage("--format takes text or latex or mathml, got \"word\"");
}

#[test]
fn draw_writes_svg_and_dot() {
    let place = Place::new();
    let draw = |more: &[&str]| place.run(&[&["draw", "(a + b) * (b + 1)", "a=2", "b=1"], more].concat());
    let svg = draw(&["--locals"]).fine();
    assert!(svg.starts_with("<svg") && svg.contains("df/db = 5"), "{svg}");
    assert!(!draw(&["--no-gradients"]).fine().contains("df/db"));
    assert!(draw(&["--format", "dot"]).fine().starts_with("digraph"));
    draw(&["--out", "graph.dot"]).fine();
    assert!(place.read("graph.dot").starts_with("digraph"), "the file's name says what it is");
    draw(&["--out", "no/such/folder/graph.svg"]).failed("no/such/folder/graph.svg: ");
}

#[test]
fn rust_writes_a_function() {
    let source = run(&["rust", "x**2 * sin(y)", "--name", "slope"]).fine();
    assert!(source.contains("pub fn slope(x: f64, y: f64) -> (f64, Gradient)"), "{source}");
    run(&["rust", "x**2", "x=3", "--name", "1st"]).failed("\"1st\" is not the name of a Rust function");
    run(&["rust", "gelu(x)", "x=3"]).failed("gelu");
}
