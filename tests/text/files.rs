//! `load`: arrays and tables of files, with NumPy's kinds; what cannot be read says why, and no file is read without a loader.

use retrograd::text::{Content, Kind, Module, Options, Scope};
use retrograd::{Result, store};
use std::path::Path;

/// An `.npy` file of version 1.
fn npy(kind: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), bytes].concat()
}

fn run(folder: &Path, text: &str) -> Result<Scope> {
    let options = Options { loader: Some(store::loader(folder)), ..Options::default() };
    Ok(Module::parse(text)?.run(&options)?)
}

fn numbers(scope: &Scope, name: &str) -> (Kind, Vec<usize>, Vec<f64>) {
    match scope.names().iter().find(|(known, _)| known == name) {
        Some((_, Content::Array(x, kind))) => (*kind, x.shape().to_vec(), x.to_vec()),
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn arrays_and_tables_are_loaded_with_their_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let floats: Vec<u8> = [1.5f64, -2.0, 0.25, 8.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    put("x.npy", &npy("<f8", "(2, 2)", &floats));
    let whole: Vec<u8> = [2i64, 0, 1].iter().flat_map(|x| x.to_le_bytes()).collect();
    put("labels.npy", &npy("<i8", "(3,)", &whole));
    put("mask.npy", &npy("|b1", "(2,)", &[1, 0]));
    put("table.csv", b"a,b\n1,2\n3.5,-4\n");
    put("bare.csv", b"1, 2\n3, 4\n");
    let text = "x = load('x.npy')\nk = load('labels.npy')\nm = load('mask.npy')\nt = load('table.csv')\nb = load('bare.csv')\nrow = x[m]\npicked = t[0, k[2]]\n";
    let scope = run(folder.path(), text).unwrap();
    assert_eq!(numbers(&scope, "x"), (Kind::Float, vec![2, 2], vec![1.5, -2.0, 0.25, 8.0]));
    assert_eq!(numbers(&scope, "k"), (Kind::Int, vec![3], vec![2.0, 0.0, 1.0]));
    assert_eq!(numbers(&scope, "m"), (Kind::Bool, vec![2], vec![1.0, 0.0]));
    assert_eq!(numbers(&scope, "t"), (Kind::Float, vec![2, 2], vec![1.0, 2.0, 3.5, -4.0]));
    assert_eq!(numbers(&scope, "b"), (Kind::Float, vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]));
    assert_eq!(numbers(&scope, "row").2, [1.5, -2.0]);
}

#[test]
fn arrays_of_an_archive_are_loaded_by_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/problem");
    let error = run(&folder, "x = load('stored.npz', 'nobody')\n").unwrap_err().to_string();
    assert!(error.contains("there is no array \"nobody\"; there are "), "{error}");
    let known = error.split("there are ").nth(1).unwrap().split([',', ' ', '\n']).next().unwrap().to_owned();
    for file in ["stored.npz", "deflated.npz"] {
        let scope = run(&folder, &format!("x = load('{file}', '{known}')\n")).unwrap();
        assert!(scope.get("x").is_some(), "{known} of {file}");
    }
}

#[test]
fn what_cannot_be_loaded_says_why_and_where() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ragged.csv"), "1,2\n3\n").unwrap();
    std::fs::write(folder.path().join("words.csv"), "1,2\n3,four\n").unwrap();
    std::fs::write(folder.path().join("broken.npy"), b"\x93NUMPY\x01").unwrap();
    for (text, said) in [
        ("a = 1\nx = load('missing.npy')", "line 2"),
        ("x = load('missing.npy')", "missing.npy"),
        ("x = load('ragged.csv')", "line 2 has 1 numbers, and those before it 2"),
        ("x = load('words.csv')", "\"four\" is no number"),
        ("x = load('broken.npy')", "broken.npy"),
        ("x = load('x.npz')", "which array is meant"),
        ("x = load('x.txt')", ".npy, .npz and .csv are read"),
    ] {
        let error = run(folder.path(), text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
    // Without a loader no file is opened.
    let error = Module::parse("x = load('ragged.csv')").unwrap().run(&Options::default()).unwrap_err().to_string();
    assert!(error.contains("load"), "{error}");
}
