//! Tables of text: what is read, and what is refused.

use super::{gzip, message};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use retrograd::data::{Csv, Dataset, Missing, Preprocessing};
use retrograd::{Result, Tensor};
use std::cell::Cell;
use std::fs;

fn read(csv: &Csv, text: &str) -> Result<Dataset<f64>> {
    csv.read(text.as_bytes())
}

#[test]
fn a_header_is_told_by_its_lack_of_numbers() {
    let with = read(&Csv::new().target("y"), "a,b,y\n1,2,3\n4,5,6\n").unwrap();
    assert_eq!(with.feature_names(), ["a", "b"]);
    assert_eq!(with.inputs().to_vec(), [1.0, 2.0, 4.0, 5.0]);
    assert_eq!(with.targets().values().unwrap().to_vec(), [3.0, 6.0]);
    let without = read(&Csv::new().target(-1), "1,2,3\n4,5,6\n").unwrap();
    assert_eq!((without.len(), without.feature_names()), (2, vec!["x0".to_string(), "x1".to_string()]));
    // Names that are numbers need a word.
    let years = read(&Csv::new().header(true).target("1990"), "1989,1990\n1,2\n3,4\n").unwrap();
    assert_eq!((years.len(), years.feature_names()), (2, vec!["1989".to_string()]));
    // Rows of words alone look like a header.
    let words = read(&Csv::new().header(false).target(-1).categorical(0), "a,yes\nb,no\n").unwrap();
    assert_eq!(words.len(), 2);
}

#[test]
fn delimiters_quotes_line_ends_and_gzip() {
    let expected = read(&Csv::new().target("y"), "a,y\n1,2\n3,4\n").unwrap();
    let same = |csv: Csv, bytes: &[u8]| {
        let data = csv.target("y").read::<f64>(bytes).unwrap();
        assert_eq!((data.inputs(), data.targets()), (expected.inputs(), expected.targets()));
        assert_eq!(data.feature_names(), ["a"]);
    };
    same(Csv::new(), b"\"a\",\"y\"\r\n\"1\",2\r\n\r\n3,4\r\n\r\n");
    same(Csv::new(), b"\xef\xbb\xbfa,y\n1,2\n3,4");
    same(Csv::new(), b"a, y\n 1 , 2 \n3, 4\n");
    same(Csv::new().delimiter(b';'), b"a;y\n1;2\n3;4\n");
    same(Csv::new().whitespace(), b"  a\t y \r\n1   2\n\n 3 4\n\n");
    same(Csv::new().skip_rows(2), b"some title, with commas\n\na,y\n1,2\n3,4\n");
    same(Csv::new(), &gzip(b"a,y\n1,2\n3,4\n"));
    same(Csv::new().names(["a", "y"]), b"left,right\n1,2\n3,4\n");
}

#[test]
fn words_become_features_and_labels_in_sorted_order() {
    let text = "colour,size,kind\nred,1,b\nblue,2,a\nred,3,a\n";
    let data = read(&Csv::new().target("kind").categorical("colour"), text).unwrap();
    assert_eq!(data.feature_names(), ["colour=blue", "colour=red", "size"]);
    assert_eq!(data.inputs(), &Tensor::from([[0.0, 1.0, 1.0], [1.0, 0.0, 2.0], [0.0, 1.0, 3.0]]));
    assert_eq!((data.labels().unwrap(), data.class_names()), (&[1, 0, 0][..], &["a".to_string(), "b".into()][..]));
    assert_eq!(data.preprocessing().target_names(), ["kind"]);
}

#[test]
fn numbers_are_values_unless_classes_are_asked_for() {
    let text = "x,y\n1,10\n2,9.0\n3,9\n4,-1\n";
    let values = read(&Csv::new().target("y"), text).unwrap();
    assert_eq!(values.targets().values().unwrap().to_vec(), [10.0, 9.0, 9.0, -1.0]);
    let classes = read(&Csv::new().target("y").classification(), text).unwrap();
    // Ascending as numbers, and 9.0 is 9.
    assert_eq!(classes.class_names(), ["-1", "9", "10"]);
    assert_eq!(classes.labels().unwrap(), [2, 1, 1, 0]);
}

#[test]
fn classes_may_be_given_by_name() {
    let csv = Csv::new().target(-1).class_names(["no", "yes", "maybe"]);
    let data = read(&csv, "1,yes\n2,no\n3,1\n").unwrap();
    assert_eq!((data.labels().unwrap(), data.n_classes()), (&[1, 0, 1][..], 3));
    assert_eq!(
        message(read(&csv, "1,yes\n2,3\n")),
        "csv: row 2, column \"x1\": \"3\" is not a class; expected one of no, yes, maybe, or 0..=2"
    );
}

#[test]
fn several_targets_stand_side_by_side() {
    let data = read(&Csv::new().target("b").target("a"), "a,x,b\n1,2,3\n4,5,6\n").unwrap();
    assert_eq!(data.targets().values().unwrap(), &Tensor::from([[3.0, 1.0], [6.0, 4.0]]));
    assert_eq!(data.n_outputs(), 2);
    assert_eq!(
        message(read(&Csv::new().target("a").target("b").classification(), "a,x,b\n1,2,3\n")),
        "csv: 2 target columns of classes; only one is read, or several of numbers"
    );
}

#[test]
fn a_missing_value_is_named_unless_something_is_done() {
    let text = |hole: &str| format!("a,b,y\n1,2,3\n4,{hole},6\n7,8,9\n");
    for (hole, shown) in
        [("", ""), ("?", " (\"?\")"), ("NA", " (\"NA\")"), ("nan", " (\"nan\")"), (" NaN ", " (\"NaN\")")]
    {
        assert_eq!(
            message(read(&Csv::new().target("y"), &text(hole))),
            format!(
                "csv: row 3, column \"b\": the value is missing{shown}; fill it in, or leave the row out with missing(Missing::DropRow)"
            )
        );
        let dropped = read(&Csv::new().target("y").missing(Missing::DropRow), &text(hole)).unwrap();
        assert_eq!(dropped.inputs(), &Tensor::from([[1.0, 2.0], [7.0, 8.0]]));
        let filled = read(&Csv::new().target("y").missing(Missing::Mean), &text(hole)).unwrap();
        assert_eq!(filled.inputs().row(1), [4.0, 5.0]);
    }
    // A hole in a column that is ignored is none.
    let ignored = Csv::new().target("y").ignore("b");
    assert_eq!(read(&ignored, &text("")).unwrap().len(), 3);
    assert_eq!(read(&ignored.missing(Missing::DropRow), &text("")).unwrap().len(), 3);
}

#[test]
fn a_missing_target_or_word_is_named() {
    assert_eq!(
        message(read(&Csv::new().target("y"), "a,y\n1,2\n3,?\n")),
        "csv: row 3, column \"y\": the value is missing (\"?\"); fill it in, or leave the row out with missing(Missing::DropRow)"
    );
    assert_eq!(
        message(read(&Csv::new().target("y").missing(Missing::Mean), "a,y\n1,2\n3,\n")),
        "csv: row 3, column \"y\": the value is missing; the mean stands in for numbers of features alone: use missing(Missing::DropRow)"
    );
    assert_eq!(
        message(read(&Csv::new().target("y").categorical("a"), "a,y\nu,2\n,3\n")),
        "csv: row 3, column \"a\": the value is missing; fill it in, or leave the row out with missing(Missing::DropRow)"
    );
    let holes = "a,y\n,2\n?,3\n";
    assert_eq!(
        message(read(&Csv::new().target("y").missing(Missing::DropRow), holes)),
        "csv: a value is missing in every row; none is left"
    );
    assert_eq!(
        message(read(&Csv::new().target("y").missing(Missing::Mean), holes)),
        "csv: column \"a\" holds no number, so it has no mean; leave it out with ignore(\"a\")"
    );
}

#[test]
fn what_is_not_a_finite_number_is_named_by_its_line() {
    // A quoted line end and empty lines count as lines.
    let text = "note,b,y\n\"two\nlines\",2,3\r\n\r\n\nx,inf,6\n";
    assert_eq!(
        message(read(&Csv::new().target("y").ignore("note"), text)),
        "csv: row 6, column \"b\": \"inf\" is not a finite number"
    );
    let crlf = "a,y\r\n1,2\r\n3,4\r\nx,5\r\n";
    assert!(
        message(read(&Csv::new().target("y"), crlf)).starts_with("csv: row 4, column \"a\": \"x\" is not a number")
    );
    let skipped = "title\n1,2\n3,x4\n";
    assert_eq!(
        message(read(&Csv::new().skip_rows(1).target(-1), skipped)),
        "csv: row 3, column \"x1\": \"x4\" is not a number; if it names a class, call classification()"
    );
    assert_eq!(
        message(read(&Csv::new().whitespace().target(-1), "1 2\n\n3 4\n1e999 6\n")),
        "csv: row 4, column \"x0\": \"1e999\" is not a finite number"
    );
    // Too large for f32, though not for f64.
    let narrow = Csv::new().target(-1).read::<f32>("1,2\n1e300,3\n".as_bytes());
    assert_eq!(message(narrow), "csv: row 2, column \"x0\": \"1e300\" is beyond the range of f32; read it as f64");
}

#[test]
fn tables_without_rows_or_with_ragged_ones_are_refused() {
    let csv = Csv::new().target("y");
    assert_eq!(message(read(&csv, "")), "csv: no rows: the file is empty");
    assert_eq!(message(read(&csv, "\n\n")), "csv: no rows: the file is empty");
    assert_eq!(message(read(&csv, "a,y\n")), "csv: no rows below the header");
    assert_eq!(message(read(&csv.clone().skip_rows(9), "a,y\n1,2\n")), "csv: no rows: the file is empty");
    assert_eq!(
        message(read(&csv, "a,y\n1,2\n3,4\n5,6,7\n")),
        "csv: row 4 has 3 columns, the first row has 2; is a delimiter missing, or another one used?"
    );
    assert_eq!(
        message(read(&csv.clone().whitespace(), "a y\n1 2\n\n3\n")),
        "csv: row 4 has 1 columns, the first row has 2; is a delimiter missing, or another one used?"
    );
    assert_eq!(
        message(csv.read::<f64>(&b"a,y\n1,2\n3,\xff\n"[..])),
        "csv: row 3: the text is not UTF-8; name its encoding, as in encoding(\"windows-1252\")"
    );
}

#[test]
fn columns_that_are_not_there_or_named_twice_are_refused() {
    let text = "a,b,y\n1,2,3\n4,5,6\n";
    assert_eq!(message(read(&Csv::new().target("z"), text)), "csv: no column is called \"z\"; there are a, b, y");
    assert_eq!(message(read(&Csv::new().target(3), text)), "csv: no column 3 in rows of 3 columns (valid: -3..=2)");
    assert_eq!(message(read(&Csv::new().target(-4), text)), "csv: no column -4 in rows of 3 columns (valid: -3..=2)");
    assert_eq!(
        message(read(&Csv::new().target("y").ignore(7usize), text)),
        "csv: no column 7 in rows of 3 columns (valid: -3..=2)"
    );
    assert_eq!(
        message(read(&Csv::new(), text)),
        "csv: no target column; name one of a, b, y with target(\"...\"), or the last with target(-1)"
    );
    assert_eq!(
        message(read(&Csv::new().target("y").ignore(-1), text)),
        "csv: column \"y\" is named as a target and as ignored; name it once"
    );
    assert_eq!(
        message(read(&Csv::new().target("y").ignore("a").ignore("b"), text)),
        "csv: every column is a target or ignored; no feature is left"
    );
    assert_eq!(message(read(&Csv::new().target(0).names(["a"]), text)), "csv: 1 names for 3 columns");
    assert_eq!(
        message(read(&Csv::new().target("a"), "a,a\n1,2\n")),
        "csv: columns 0 and 1 (counted from 0) are both called \"a\"; use a number instead"
    );
    let twice = "a,a,y\n1,2,3\n";
    assert_eq!(
        message(read(&Csv::new().target("y"), twice)),
        "csv: columns 0 and 1 (counted from 0) are both called \"a\"; name them apart with names([...]), or leave one out with ignore(1)"
    );
    assert_eq!(read(&Csv::new().target("y").ignore(1), twice).unwrap().n_features(), 1);
    for csv in [Csv::new().target(-1), Csv::new().target("y")] {
        assert!(
            message(read(&csv, "a;y\n1;2\n")).ends_with("; is the delimiter ';'? Then say so with delimiter(b';')")
        );
    }
    assert_eq!(
        message(read(&Csv::new().target("y"), "# made in May\na,y\n1,2\n")),
        "csv: row 2 has 2 columns, the first row has 1; if rows that begin with # are comments, leave them out with comment(b'#')"
    );
}

#[test]
fn words_in_a_regression_target_are_not_taken_for_classes() {
    let text = "a,y\n1,2.5\n2,3..5\n";
    assert_eq!(
        message(read(&Csv::new().target("y"), text)),
        "csv: row 3, column \"y\": \"3..5\" is not a number; if it names a class, call classification()"
    );
    assert_eq!(
        message(read(&Csv::new().target("y").regression(), "a,y\n1,low\n2,high\n")),
        "csv: row 2, column \"y\": \"low\" is not a number"
    );
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let csv = Csv::new().target(-1);
    let error = csv.read_path::<f64>(folder.path()).unwrap_err();
    assert!(error.is_io());
    assert_eq!(error.to_string(), format!("csv: {} is a directory; name a file in it", folder.path().display()));
    let absent = path("absent.csv");
    assert_eq!(message(csv.read_path::<f64>(&absent)), format!("csv: {} does not exist", absent.display()));

    let packed = gzip("1,2\n3,4\n".repeat(500).as_bytes());
    fs::write(path("whole.csv.gz"), &packed).unwrap();
    assert_eq!(csv.read_path::<f64>(path("whole.csv.gz")).unwrap().len(), 1000);
    for kept in [3, 12, packed.len() / 2, packed.len() - 1] {
        fs::write(path("part.gz"), &packed[..kept]).unwrap();
        let error = csv.read_path::<f64>(path("part.gz")).unwrap_err();
        assert!(
            error.is_io() && error.to_string().contains("the file is truncated; fetch it again"),
            "{kept}: {error}"
        );
    }
    let mut damaged = packed.clone();
    let end = damaged.len() - 6;
    damaged[end] ^= 0xff;
    fs::write(path("damaged.gz"), &damaged).unwrap();
    assert!(message(csv.read_path::<f64>(path("damaged.gz"))).contains("the gzip data is damaged"));

    fs::write(path("bad.csv"), "1,2\n3,x\n").unwrap();
    let bad = path("bad.csv");
    assert_eq!(
        message(csv.regression().read_path::<f64>(&bad)),
        format!("csv: {}: row 2, column \"x1\": \"x\" is not a number", bad.display())
    );
}

#[test]
fn features_and_targets_may_come_from_two_files() {
    let folder = tempfile::tempdir().unwrap();
    let [left, right] = ["left.txt", "right.txt"].map(|name| folder.path().join(name));
    fs::write(&left, "1 2\n3 4\n").unwrap();
    fs::write(&right, "5\n6\n").unwrap();
    let csv = Csv::new().whitespace();
    let data: Dataset<f64> = csv.read_pair(&left, &right).unwrap();
    assert_eq!(data.inputs(), &Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
    assert_eq!(data.targets().values().unwrap().to_vec(), [5.0, 6.0]);
    assert_eq!(data.preprocessing().target_names(), ["y0"]);
    let named: Dataset<f64> = csv.clone().names(["a", "b", "c"]).read_pair(&left, &right).unwrap();
    assert_eq!(
        (named.feature_names(), named.preprocessing().target_names()),
        (vec!["a".into(), "b".into()], vec!["c"])
    );

    fs::write(&right, "progression\n5\n\n?\n").unwrap();
    assert_eq!(
        message(csv.read_pair::<f64>(&left, &right)),
        format!(
            "csv: {}: row 4, column \"progression\": the value is missing (\"?\"); fill it in, or leave the row out with missing(Missing::DropRow)",
            right.display()
        )
    );
    fs::write(&right, "5\n6\n7\n").unwrap();
    assert_eq!(
        message(csv.read_pair::<f64>(&left, &right)),
        format!("csv: {} has 2 rows, {} has 3", left.display(), right.display())
    );
}

#[test]
fn rows_can_be_read_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.csv");
    fs::write(&path, "a,b\n1,red\n2,\n").unwrap();
    assert_eq!(Csv::new().read_rows(&path).unwrap(), [["1", "red"], ["2", ""]]);
}

/// Whatever the text is, it is read or refused; most are refused, so that those which are read are counted.
#[test]
fn no_text_ends_in_a_panic() {
    type Settings = (isize, isize, Option<bool>, usize, bool, bool);
    let read_at_all = Cell::new(0);
    let strategy = (
        "([0-9a?,;\" .\r\n\t-]|nan|1e9|\u{e9}){0,40}",
        (-3isize..3, -3isize..3, any::<Option<bool>>(), 0usize..3, any::<bool>(), any::<bool>()),
        prop::sample::select(vec![Missing::Error, Missing::DropRow, Missing::Mean]),
    );
    let one = |(text, (target, other, header, skip, space, classes), missing): (String, Settings, Missing)| {
        let csv = Csv::new().target(target).missing(missing).skip_rows(skip).categorical(other);
        let csv = header.map_or(csv.clone(), |header| csv.header(header));
        let csv = if space { csv.whitespace() } else { csv };
        let csv = if classes { csv.classification() } else { csv };
        if let Ok(data) = read(&csv, &text) {
            prop_assert!(data.inputs().is_finite());
            // What was read goes through JSON.
            let json = data.preprocessing().to_json();
            prop_assert_eq!(&Preprocessing::from_json(&json).unwrap(), data.preprocessing());
            read_at_all.set(read_at_all.get() + 1);
        }
        Ok(())
    };
    let config = Config { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..Config::with_cases(1000) };
    TestRunner::new(config).run(&strategy, one).unwrap();
    assert!(read_at_all.get() > 0, "not one text was read");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
    /// However a file is cut or changed, it is read or refused.
    #[test]
    fn no_gzip_ends_in_a_panic(cut in 0usize..60, at in 0usize..60, byte: u8) {
        let mut packed = gzip(b"a,y\n1,2\n3,4\n");
        let (cut, at) = (cut.min(packed.len()), at % packed.len());
        packed[at] = byte;
        let _ = Csv::new().target("y").read::<f32>(&packed[..cut]);
    }
}
