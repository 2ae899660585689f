//! Every example runs, and asserts its own results; and the program's commands.
//!
//! The examples are compiled into this test, so that no binary needs to be found or built while tests run.

#[path = "../examples/classification.rs"]
mod classification;
#[path = "../src/main/command.rs"]
#[expect(dead_code, reason = "the program has all of it in use")]
mod command;
#[path = "../examples/04_custom_op.rs"]
mod custom_op;
#[path = "../src/main/digits.rs"]
mod digits;
#[path = "../examples/digits.rs"]
mod digits_lesson;
#[path = "../examples/graphs.rs"]
mod graphs;
#[path = "../examples/03_higher_order.rs"]
mod higher_order;
#[path = "../examples/learning.rs"]
mod learning;
#[path = "../examples/map_files.rs"]
mod map_files;
#[path = "../examples/mazur.rs"]
mod mazur;
#[path = "../examples/mnist.rs"]
mod mnist;
#[path = "../examples/moons.rs"]
mod moons;
#[path = "../examples/ng_exercise.rs"]
mod ng_exercise;
#[path = "../examples/regression.rs"]
mod regression;
#[path = "../examples/01_scalar_expression.rs"]
mod scalar_expression;
#[path = "../examples/02_tensor_expression.rs"]
mod tensor_expression;
#[path = "../examples/trask.rs"]
mod trask;

use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// These read the arguments of their process, so they are only compiled here; the tests call what they call.
const _: fn() -> ExitCode = mnist::main;
const _: fn() -> retrograd::Result<()> = map_files::main;
const _: [fn() -> Result<(), Box<dyn Error>>; 3] = [graphs::main, learning::main, moons::main];

#[test]
fn lesson_1_a_scalar_expression() {
    scalar_expression::main();
}

#[test]
fn lesson_2_a_tensor_expression() {
    tensor_expression::main();
}

#[test]
fn lesson_3_higher_order() {
    higher_order::main();
}

#[test]
fn lesson_4_a_custom_op() {
    custom_op::main().unwrap();
}

#[test]
fn graphs_are_drawn_without_overlaps() {
    let folder = tempfile::tempdir().unwrap();
    let count = graphs::write_all(folder.path()).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2 * count);
}

#[test]
fn learning_is_written_as_pages() {
    let folder = tempfile::tempdir().unwrap();
    learning::run(folder.path()).unwrap();
    for name in ["xor.html", "moons.html", "moons-3.svg"] {
        assert!(folder.path().join(name).exists(), "{name}");
    }
}

#[test]
fn trask_prints_what_the_post_prints() {
    trask::main();
}

#[test]
fn mazur_prints_what_the_text_prints() {
    mazur::main();
}

#[test]
fn ng_exercise_checks_its_gradient_and_learns_digits() {
    ng_exercise::main().unwrap();
}

#[test]
fn regression_reaches_what_is_expected_of_two_tables() {
    regression::main().unwrap();
}

#[test]
fn classification_is_right_on_rows_held_back_and_answers_raw_rows() {
    classification::main().unwrap();
}

#[test]
fn map_files_finds_a_line_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    map_files::run(&folder.path().join("points.f32"), 100_000, 2).unwrap();
}

#[test]
fn moons_are_told_apart_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    moons::run(&folder.path().join("moons")).unwrap();
    assert!(text(&folder.path().join("moons/boundary.svg")).starts_with("<svg"));
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn digits_are_learned_in_a_short_lesson() {
    digits_lesson::main().unwrap();
}

/// The options of these arguments.
fn parse(arguments: &[&str]) -> Result<digits::Options, command::Failure> {
    let given = digits::COMMAND.parse(arguments.iter().map(OsString::from))?;
    digits::Options::of(&given.expect("no help was asked for"))
}

fn options(arguments: &[&str]) -> digits::Options {
    parse(arguments).unwrap()
}

/// The accuracy that digits returns, for these arguments, and drawings in a folder of its own.
fn digits(arguments: &[&str]) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let out = format!("--out={}", folder.path().display());
    digits::run(&options(&[arguments, &[&out]].concat())).unwrap()
}

/// The table in the README: ten seeds and their mean. Another CPU may round one of the 359 images to the other side.
#[test]
fn digits_learns_what_the_readme_says_with_each_of_ten_seeds() {
    let row = include_str!("../README.md").lines().find(|line| line.starts_with("| accuracy |")).unwrap();
    let numbers = row.split('|').filter_map(|cell| cell.trim().trim_matches('*').parse::<f64>().ok());
    let said: Vec<f64> = numbers.collect();
    let [seeds @ .., mean_said] = &said[..] else { panic!("no row of numbers: {row}") };
    assert_eq!(seeds.len(), 10, "{row}");
    let found: Vec<f64> = (0..10).map(|seed| digits(&["--seed", &seed.to_string()])).collect();
    for (seed, (found, said)) in found.iter().zip(seeds).enumerate() {
        assert!((found - said).abs() < 1.5 / 359.0, "seed {seed}: {found}, the README says {said}");
    }
    let mean = found.iter().sum::<f64>() / 10.0;
    assert!((mean - mean_said).abs() < 1e-3, "mean {mean}, the README says {mean_said}: {found:?}");
}

#[test]
fn digits_leaves_a_report_drawings_and_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/folder");
    let arguments = ["--epochs", "2", "--out", out.to_str().unwrap()];
    digits::run(&options(&arguments)).unwrap();
    for drawing in ["curves.svg", "confusion.svg", "weights.svg"] {
        assert!(text(&out.join(drawing)).starts_with("<svg"), "{drawing}");
    }
    let report = text(&out.join("report.html"));
    assert!(report.starts_with("<!DOCTYPE html>") && report.contains("accuracy"));
    let model = retrograd::nn::Model::<f32>::load(out.join("model.safetensors")).unwrap();
    assert_eq!(model.answer(&[["0"; 64]]).unwrap().len(), 1);
}

#[test]
fn digits_obeys_its_flags_and_repeats_itself() {
    let base = digits(&["--epochs", "1", "--seed", "3", "--lr", "0.1"]);
    assert_eq!(base, digits(&["--lr=0.1", "--seed=3", "--epochs=1"]));
    for changed in [["--epochs", "1", "--seed", "4"], ["--epochs", "2", "--seed", "3"]] {
        assert_ne!(base, digits(&[&changed[..], &["--lr", "0.1"]].concat()), "{changed:?}");
    }
    assert_ne!(base, digits(&["--epochs", "1", "--seed", "3", "--lr", "0.05"]));
}

#[test]
fn digits_says_which_argument_is_wrong() {
    let message = |arguments: &[&str]| parse(arguments).err().unwrap().to_string();
    assert_eq!(message(&["--rate", "1"]), "unknown argument \"--rate\"; there are --epochs, --seed, --lr, --out");
    assert_eq!(message(&["-r"]), "unknown argument \"-r\"; there are --epochs, --seed, --lr, --out");
    assert_eq!(message(&["more"]), "unknown argument \"more\"");
    assert_eq!(message(&["--seed"]), "--seed needs a value");
    assert_eq!(message(&["--out", ""]), "--out takes a folder, got an empty name");
    for wrong in ["-1", "0", "many"] {
        assert_eq!(message(&["--epochs", wrong]), format!("--epochs takes a whole number above 0, got {wrong:?}"));
    }
    for wrong in ["0", "-0.1", "nan", "inf", "fast"] {
        assert_eq!(message(&["--lr", wrong]), format!("--lr takes a number above 0, got {wrong:?}"));
    }
}

/// Nobody reads on, or the device is full: an end, or an error, and no panic.
#[cfg(target_os = "linux")]
#[test]
fn a_line_that_cannot_be_written_ends_the_program() {
    let program = || Command::new(env!("CARGO_BIN_EXE_retrograd"));
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let ran = program().arg("--help").stdout(full).output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.code() == Some(1) && said.starts_with("error: standard output cannot be written to"), "{said}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = program().arg("--help").stdout(writer).output().unwrap();
    assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
}

#[test]
fn digits_stops_with_advice_when_training_diverges() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--lr", "1e30", "--out", folder.path().to_str().unwrap()];
    let error = digits::run(&options(&arguments)).unwrap_err();
    assert!(error.to_string().contains("a smaller learning rate"), "{error}");
}

#[test]
fn digits_names_a_folder_that_it_cannot_make() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let out = file.path().join("below").display().to_string();
    let error = digits::run(&options(&["--out", &out])).unwrap_err();
    assert!(error.to_string().starts_with(&format!("--out: {out}: ")), "{error}");
}

/// What the program says for these arguments: its exit code, and both its outputs.
fn program(arguments: &[&str]) -> (i32, String, String) {
    let ran = Command::new(env!("CARGO_BIN_EXE_retrograd")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ran.status.code().unwrap(), text(ran.stdout), text(ran.stderr))
}

#[test]
fn the_program_trains_without_a_command_and_ends_with_the_accuracy() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--epochs", "1", "--out", folder.path().to_str().unwrap()];
    let (code, out, _) = program(&arguments);
    let last = out.lines().next_back().unwrap();
    assert!(code == 0 && last.starts_with("test accuracy: 0."), "{out}");
    assert_eq!(program(&[&["digits"], &arguments[..]].concat()).1.lines().next_back().unwrap(), last);
}

#[test]
fn the_program_refuses_bad_arguments_with_code_2_and_says_what_is_right() {
    for (arguments, said) in [
        (&["--lr", "fast"][..], "digits: --lr takes a number above 0, got \"fast\""),
        (&["digits", "--lr", "fast"], "digits: --lr takes a number above 0, got \"fast\""),
        (&["digits", "--epoch=3"], "digits: unknown argument \"--epoch\"; did you mean --epochs? there are --epochs,"),
        (&["letters"], "retrograd: there is no command \"letters\"; there are: digits"),
        (&["digit"], "retrograd: there is no command \"digit\"; did you mean digits? there are: digits"),
    ] {
        let (code, out, message) = program(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(message.starts_with(said) && message.contains("usage: retrograd"), "{arguments:?}: {message}");
    }
    let (code, out, _) = program(&["--help"]);
    assert!(code == 0 && out.contains("digits"), "{out}");
    for arguments in [["digits", "--help"], ["help", "digits"]] {
        let (code, out, _) = program(&arguments);
        assert!(code == 0 && out.contains("--epochs N") && out.contains("examples:"), "{out}");
    }
}

/// Runs mnist, and returns the test accuracy.
fn mnist(arguments: &[&str]) -> Result<f64, String> {
    mnist::run(&mnist::Options::parse(arguments)?).map_err(|error| error.to_string())
}

/// A folder with the four files of a set like MNIST: 4 x 4 pixels, of which the label's quarter is bright.
fn small_set(train: usize, test: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, n) in [("train", train), ("t10k", test)] {
        let n_bytes = (n as u32).to_be_bytes();
        let mut labels = [&[0, 0, 8, 1], &n_bytes[..]].concat();
        let mut images = [&[0, 0, 8, 3], &n_bytes[..], &[0, 0, 0, 4, 0, 0, 0, 4]].concat();
        for i in 0..n {
            labels.push((i % 4) as u8);
            // The second bit of the label is the half of rows, the first that of columns.
            let bright = |pixel: usize| (pixel / 8, pixel % 4 / 2) == (i % 4 / 2, i % 2);
            images.extend((0..16).map(|pixel| if bright(pixel) { 200 + (i % 50) as u8 } else { (i % 40) as u8 }));
        }
        std::fs::write(folder.path().join(format!("{name}-images-idx3-ubyte")), images).unwrap();
        std::fs::write(folder.path().join(format!("{name}-labels-idx1-ubyte")), labels).unwrap();
    }
    folder
}

#[test]
fn mnist_learns_a_set_of_another_size_and_reports_it_as_data() {
    let folder = small_set(240, 40);
    let file: PathBuf = folder.path().join("run.json");
    let (dir, json) = (folder.path().to_str().unwrap(), file.to_str().unwrap());
    for arguments in [
        &["--hidden", "8"][..],
        &["--cost=cross-entropy", "--lambda=0.1", "--optimizer=momentum"],
        &[
            "--cost",
            "cross-entropy",
            "--activation",
            "relu",
            "--layers",
            "12,8",
            "--optimizer",
            "adam",
            "--eta",
            "0.01",
        ],
        &["--cost", "cross-entropy", "--activation", "tanh", "--threads", "2", "--seed", "5"],
    ] {
        let accuracy = mnist(&[&[dir, "--epochs", "12", "--json", json], arguments].concat()).unwrap();
        assert_eq!(accuracy, 1.0, "{arguments:?}");
        let report: serde_json::Value = serde_json::from_str(&text(&file)).unwrap();
        assert_eq!(report["test_accuracy"], 1.0);
        assert_eq!(report["settings"]["epochs"], 12);
        let epochs = report["epochs"].as_array().unwrap();
        assert_eq!(epochs.len(), 12);
        assert_eq!(epochs[11]["validation_accuracy"], 1.0);
        assert!(epochs[0]["examples_per_second"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn mnist_runs_on_small_digits_without_a_folder() {
    let accuracy = mnist(&["--epochs", "3"]).unwrap();
    assert!(accuracy > 0.8, "{accuracy}");
}

#[test]
fn mnist_says_which_argument_is_wrong() {
    let message = |arguments: &[&str]| mnist::Options::parse(arguments).err().unwrap();
    assert!(message(&["--speed", "1"]).starts_with("unknown argument \"--speed\"; there are --hidden, --layers,"));
    assert_eq!(message(&["one", "two"]), "one folder at most, got \"two\" as well");
    assert_eq!(message(&["--cost", "linear"]), "--cost takes quadratic or cross-entropy, got \"linear\"");
    assert_eq!(message(&["--activation=step"]), "--activation takes sigmoid or relu or tanh, got \"step\"");
    for layers in ["", "30,", "0", "30,-1", "many"] {
        let wrong = "--layers takes whole numbers above 0 with commas between, such as 100,30";
        assert_eq!(message(&["--layers", layers]), format!("{wrong}, got {layers:?}"));
    }
    for name in ["--hidden", "--batch", "--epochs", "--threads"] {
        assert_eq!(message(&[name, "0"]), format!("{name} takes a whole number above 0, got \"0\""));
    }
    assert_eq!(message(&["--eta", "0"]), "--eta takes a number above 0, got \"0\"");
    assert_eq!(message(&["--lambda", "-1"]), "--lambda takes a number of 0 or more, got \"-1\"");
    assert_eq!(message(&["--json"]), "--json needs a value");
}

#[test]
fn mnist_names_the_file_that_is_missing_or_damaged_and_writes_nothing() {
    let set = small_set(24, 8);
    let (dir, images) = (set.path().to_str().unwrap(), set.path().join("train-images-idx3-ubyte"));
    let json = set.path().join("run.json");
    let error = || mnist(&[dir, "--json", json.to_str().unwrap()]).unwrap_err();

    let bytes = std::fs::read(&images).unwrap();
    std::fs::write(&images, &bytes[..100]).unwrap();
    assert!(error().contains("train-images-idx3-ubyte") && error().contains("truncated"), "{}", error());
    std::fs::write(&images, [&[0, 0, 7, 3], &bytes[4..]].concat()).unwrap();
    assert!(error().contains("train-images-idx3-ubyte") && error().contains("00 00 08"), "{}", error());
    std::fs::remove_file(&images).unwrap();
    assert!(error().contains("train-images"), "{}", error());
    assert!(mnist(&["no such folder"]).unwrap_err().contains("does not exist"));
    assert!(!json.exists());

    let out = set.path().join("nowhere/run.json");
    let message = mnist(&["--json", out.to_str().unwrap()]).unwrap_err();
    assert!(message.starts_with("--json: cannot write to "), "{message}");
}
