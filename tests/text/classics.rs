//! The derivations that people code by hand, as files in `examples/classics`: the right ones are right, and of the wrong ones the line
//! marked `# <- wrong` is named.

use retrograd::check::Verdict;
use retrograd::text::{CheckOptions, Report, Status, check};
use std::path::{Path, PathBuf};

const MARK: &str = "# <- wrong";

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/classics")).unwrap();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.extension().is_some_and(|ending| ending == "py"));
    all.sort();
    all
}

/// The lines that carry the mark, from 1 on.
fn marked(text: &str) -> Vec<usize> {
    text.lines().enumerate().filter(|(_, line)| line.ends_with(MARK)).map(|(at, _)| at + 1).collect()
}

/// What is not as it should be.
fn complaint(text: &str, report: &Report) -> Option<String> {
    let marked = marked(text);
    let verdict = if marked.is_empty() { Verdict::Agrees } else { Verdict::Differs };
    if report.verdict != verdict || report.first_wrong_line != marked.first().copied() {
        return Some(format!(
            "{:?}, first wrong line {:?}; lines {marked:?} are wrong",
            report.verdict, report.first_wrong_line
        ));
    }
    let wrong = report.statements.iter().filter(|statement| statement.status == Status::Wrong);
    let beside: Vec<usize> = wrong.map(|statement| statement.line).filter(|line| !marked.contains(line)).collect();
    (!beside.is_empty()).then(|| format!("lines {beside:?} are called wrong beside {marked:?}"))
}

#[test]
fn each_is_right_or_wrong_in_the_marked_line() {
    let files = files();
    assert!(files.len() > 70, "{} files", files.len());
    let judge = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let said = match check(&text, &CheckOptions::default()) {
            Ok(report) => complaint(&text, &report)?,
            Err(error) => error.to_string(),
        };
        Some(format!("{}: {said}", path.file_name().unwrap().to_string_lossy()))
    };
    let said: Vec<String> = files.iter().filter_map(judge).collect();
    assert!(said.is_empty(), "{} of {}:\n{}", said.len(), files.len(), said.join("\n"));
}

/// With one line wrong, what is offered in its place makes the file right.
#[test]
fn the_corrected_line_is_right() {
    let mut offered = 0;
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let [line] = marked(&text)[..] else { continue };
        let report = check(&text, &CheckOptions::default()).unwrap();
        let Some(corrected) = report.corrected.filter(|_| report.first_wrong_line == Some(line)) else { continue };
        offered += 1;
        let lines = text.lines().enumerate().map(|(at, old)| if at + 1 == line { corrected.as_str() } else { old });
        let again = check(&lines.collect::<Vec<_>>().join("\n"), &CheckOptions::default()).unwrap();
        assert_eq!(again.verdict, Verdict::Agrees, "{}: {corrected}", path.display());
    }
    assert!(offered > 20, "{offered} corrections");
}
