//! One way through the house: what each module of the library may import, read from its source.
//!
//! That `data`, `nn`, `optim` and `train` stand on the public API alone is held by `tests/outside.rs`, which compiles them as a
//! user's crate; here it is checked that they keep away from what is public in name only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The top-level modules, lowest first: each imports from those before it.
const ORDER: [&str; 26] = [
    "error",
    "parallel",
    "num",
    "world",
    "tensor",
    "ops",
    "tape",
    "sweep",
    "vmap",
    "graph",
    "program",
    "functional",
    "grad",
    "check",
    "explain",
    "text",
    "files",
    "store",
    "plot",
    "data",
    "nn",
    "optim",
    "train",
    "serve",
    "instances",
    "guide",
];

/// Modules that could as well be a crate of a user's.
const OUTSIDE: [&str; 4] = ["data", "nn", "optim", "train"];

/// A file of the library without comments and tests.
struct Source {
    /// Where it is below `src`.
    path: String,
    /// Its top-level module.
    module: String,
    /// How many modules deep it is.
    depth: usize,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 200, "found {} files of the library", found.len());
    found
}

fn collect(folder: &Path, root: &Path, found: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let is_test = path.file_stem().is_some_and(|name| name == "tests");
        if path.is_dir() && !is_test {
            collect(&path, root, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !is_test {
            let below = path.strip_prefix(root).unwrap().with_extension("");
            let mut modules: Vec<String> = below.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            modules.retain(|part| part != "mod");
            let text = without_tests(&without_comments(&fs::read_to_string(&path).unwrap()));
            // The program stands on the library as any other does.
            if modules[0] == "main" {
                continue;
            }
            let (path, module) = (below.display().to_string(), modules[0].clone());
            found.push(Source { path, module, depth: modules.len(), text });
        }
    }
}

/// Every line up to its comment. A `//` inside a string ends the line, too, which hides no import.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap().to_owned() + "\n").collect()
}

/// The text without modules that are compiled for tests alone.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..start]);
        rest = &rest[start + "#[cfg(test)]".len()..];
        if rest.trim_start().starts_with("mod ") {
            let open = rest.find(['{', ';']).unwrap();
            rest = if rest[open..].starts_with('{') { &rest[closing(rest, open) + 1..] } else { &rest[open..] };
        }
    }
    kept + rest
}

/// Where the brace at `open` is closed.
fn closing(text: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, c) in text[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at;
        }
    }
    panic!("a brace is not closed: {}", &text[open..text.len().min(open + 80)]);
}

fn is_part_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The first name of a path.
fn first_name(path: &str) -> &str {
    let path = path.trim_start();
    &path[..path.find(|c| !is_part_of_name(c)).unwrap_or(path.len())]
}

/// What follows every `prefix` that begins a path.
fn after<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    let begins = |&(at, _): &(usize, &str)| !text[..at].ends_with(|c| is_part_of_name(c) || c == ':');
    text.match_indices(prefix).filter(begins).map(|(at, _)| &text[at + prefix.len()..]).collect()
}

/// The parts of a list in braces, or the one path that stands there.
fn paths(text: &str) -> Vec<&str> {
    if !text.starts_with('{') {
        return vec![text];
    }
    let list = &text[1..closing(text, 0)];
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

/// The names that the crate's root publishes, and the module that each comes from.
fn published() -> BTreeMap<String, String> {
    let lib = sources().into_iter().find(|source| source.path == "lib").unwrap();
    let mut names = BTreeMap::new();
    for line in after(&lib.text, "pub use ") {
        let (module, rest) = line.split_once("::").unwrap();
        let mut rest = &rest[..rest.find(';').unwrap()];
        while let Some((inner, last)) = rest.split_once("::").filter(|(inner, _)| !inner.starts_with('{')) {
            assert!(!inner.contains(','), "{line}");
            rest = last;
        }
        for name in paths(rest) {
            names.insert(first_name(name).to_owned(), module.to_owned());
        }
    }
    // The one macro that is exported, which the compiler puts at the root.
    names.insert("for_each_unary".to_owned(), "num".to_owned());
    assert_eq!(names["Tensor"], "tensor");
    assert_eq!(names["CustomOp"], "tape");
    names
}

#[test]
fn modules_import_from_those_below_them() {
    let published = published();
    let place = |module: &str| ORDER.iter().position(|&known| known == module);
    let mut wrong = Vec::new();
    let mut edges = BTreeSet::new();
    for source in sources().iter().filter(|source| source.path != "lib") {
        let own = place(&source.module).unwrap_or_else(|| panic!("{} has no place in the order", source.module));
        for path in after(&source.text, "crate::").into_iter().flat_map(paths) {
            let name = first_name(path);
            let module = published.get(name).map_or(name, String::as_str);
            match place(module) {
                Some(other) if other <= own => {}
                Some(_) => wrong.push(format!("{} imports {module}, which stands above it", source.path)),
                None => wrong.push(format!("{} imports {name}, which no module is", source.path)),
            }
            edges.insert((source.module.clone(), module.to_owned()));
        }
        if source.text.contains("crate as ") {
            wrong.push(format!("{} gives the root another name, under which imports are not seen", source.path));
        }
        let to_root = "super::".repeat(source.depth);
        if !after(&source.text, &to_root).is_empty() {
            wrong.push(format!("{} goes to the root by {to_root}; say crate::", source.path));
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The reading found what is there.
    for (from, to) in [("tape", "ops"), ("sweep", "tape"), ("program", "sweep"), ("nn", "tensor"), ("train", "nn")] {
        assert!(edges.contains(&(from.to_owned(), to.to_owned())), "{from} does import {to}");
    }
}

#[test]
fn the_order_is_that_of_the_architecture() {
    let map = include_str!("../../ARCHITECTURE.md");
    let (_, order) = map.split_once("Imports go one way:").expect("the order is stated");
    let order = order.split('`').nth(1).unwrap();
    let stated: Vec<&str> = order.split("->").flat_map(|step| step.split(',')).map(str::trim).collect();
    assert_eq!(stated, ORDER);
}

/// The names of what is public for the compiler or the benchmarks only.
fn hidden(sources: &[Source]) -> BTreeSet<&str> {
    let mut hidden = BTreeSet::new();
    let mut shown = BTreeSet::new();
    let words = ["fn ", "mod ", "trait ", "struct ", "enum ", "const ", "type "];
    for source in sources.iter().filter(|source| !OUTSIDE.contains(&&source.module[..])) {
        let mut is_hidden = false;
        for line in source.text.lines().map(str::trim) {
            // What a macro makes methods of: `sum try_sum(`.
            if let Some((name, twin)) = line.split_once(" try_")
                && twin.starts_with(name)
            {
                shown.insert(name);
            }
            if line.contains("#[doc(hidden)]") {
                is_hidden = true;
            }
            let Some(at) = words.iter().filter_map(|word| line.find(word).map(|at| at + word.len())).min() else {
                continue;
            };
            if line.starts_with('#') {
                continue;
            }
            let name = first_name(&line[at..]);
            if is_hidden {
                hidden.insert(name);
            } else if line.starts_with("pub ") {
                shown.insert(name);
            }
            is_hidden = false;
        }
    }
    assert!(hidden.contains("simd") && hidden.contains("is_large_angle"), "{hidden:?}");
    hidden.difference(&shown).copied().collect()
}

#[test]
fn layers_and_training_keep_away_from_what_is_hidden() {
    let sources = sources();
    let hidden = hidden(&sources);
    for source in sources.iter().filter(|source| OUTSIDE.contains(&&source.module[..])) {
        for name in &hidden {
            for (at, _) in source.text.match_indices(name) {
                let (before, behind) = (&source.text[..at], &source.text[at + name.len()..]);
                let whole = !before.ends_with(is_part_of_name) && !behind.starts_with(is_part_of_name);
                let called = behind.starts_with('(') || behind.starts_with("::");
                let reached = before.ends_with("::") || (before.ends_with('.') && called);
                assert!(!(whole && reached), "{} uses {name}, which the documentation does not have", source.path);
            }
        }
    }
}
