//! Tables as other programs write them, and files that are none.

use super::{gzip, message};
use retrograd::data::{Csv, Dataset, Missing};
use retrograd::{Result, Tensor};

fn read(csv: &Csv, text: impl AsRef<[u8]>) -> Result<Dataset<f64>> {
    csv.read(text.as_ref())
}

#[test]
fn a_quote_that_another_row_closes_is_an_error_with_its_line() {
    let csv = Csv::new().target("y").ignore("note");
    let text = "y,a,note\n1,2,\"8 inch\n3,4,x\n5,6,\"9 inch\n7,8,y\n";
    assert!(
        message(read(&csv, text))
            .starts_with("csv: row 2: a quote opens a cell, closes in row 4, and more text follows it")
    );
    assert_eq!(read(&csv.clone().no_quotes(), text).unwrap().len(), 4);
    // Cells of several lines that close where they end stay.
    let data = read(&csv, "y,a,note\n1,2,\"8\ninch\" \n3,4,\"a \"\"b\"\"\"\n").unwrap();
    assert_eq!(data.len(), 2);
}

#[test]
fn blanks_around_quotes_do_not_count_and_other_text_is_an_error() {
    let words = |text: &str| {
        let rows = Csv::new().header(false).read_rows_from(text.as_bytes())?;
        Ok(rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>())
    };
    assert_eq!(words("1, \"a,b\" ,2\n").unwrap(), [["1", "a,b", "2"]]);
    assert_eq!(words("5\"\n").unwrap(), [["5\""]]);
    let error: retrograd::Result<Vec<Vec<String>>> = words("1,2\n\"x\"q,2\n");
    assert!(message(error).starts_with("csv: row 2: a quote opens a cell, closes in row 2, and more text follows it"));
    let tabs = Csv::new().delimiter(b'\t').header(false).read_rows_from("a\t\t \"b\"\n".as_bytes()).unwrap();
    assert_eq!(tabs[0], ["a", "", "b"]);
}

#[test]
fn what_a_cell_may_have_meant_is_said() {
    let german = Csv::new().delimiter(b';').decimal(',').target("y");
    assert!(message(read(&german, "a;y\n130.625;1,5\n")).contains("if it parts thousands, call thousands('.')"));
    let marks = Csv::new().missing_marks(["-"]).target("y");
    assert!(message(read(&marks, "a,b,y\n1,,2\n")).contains("name \"\" as well"));
    let train = read(&Csv::new().target("y"), "a,y\n1,2\n3,4\n").unwrap();
    assert!(message(read(&Csv::like(train.preprocessing()), "5,6\n7,8\n")).ends_with(
        "the first row is taken for a header, as in the file that it is read like: if it has none, call header(false)"
    ));
}

#[test]
fn numbers_are_the_same_class_however_they_are_written_beside_codes_and_great_numbers_too() {
    let csv = Csv::new().target("y").classification();
    let classes = |cells: &[&str]| {
        let text = cells.iter().fold("a,y\n".to_owned(), |text, cell| text + "1," + cell + "\n");
        let data = read(&csv, &text).unwrap();
        // Another file is read to the same labels.
        let again = read(&Csv::like(data.preprocessing()), &text).unwrap();
        assert_eq!(again.labels(), data.labels());
        (data.class_names().to_vec(), data.labels().unwrap().to_vec())
    };
    let (names, labels) = classes(&["01234", "1234", "1234.0", "7"]);
    assert_eq!((names, labels), (vec!["01234".into(), "1234".into(), "7".into()], vec![0, 1, 1, 2]));
    let (names, labels) = classes(&["9007199254740993", "9007199254740992", "9.0", "9", "+9007199254740993"]);
    assert_eq!(names, ["9", "9007199254740992", "9007199254740993"]);
    assert_eq!(labels, [2, 1, 0, 0, 2]);
    let parted = Csv::new().target("y").classification().thousands(',').delimiter(b';');
    let text =
        "a;y\n1;9,007,199,254,740,993\n2;9,007,199,254,740,992\n3;9007199254740993.0\n4;-9,007,199,254,740,993\n";
    let data = read(&parted, text).unwrap();
    assert_eq!(data.class_names(), ["-9007199254740993", "9007199254740992", "9007199254740993"]);
    assert_eq!(data.labels().unwrap(), [2, 1, 2, 0]);
    let (names, labels) = classes(&["0.5", "-0", "0", "10", "9"]);
    assert_eq!((names.join(" "), labels), ("0 0.5 9 10".to_owned(), vec![1, 0, 0, 3, 2]));
}

#[test]
fn quotes_comments_and_separators_are_settings() {
    let expected = Tensor::from([[1234.5], [0.25]]);
    let same = |csv: Csv, text: &str| assert_eq!(read(&csv.target("y"), text).unwrap().inputs(), &expected, "{text}");
    same(Csv::new().quote(b'\''), "a,y\n'1234.5',1\n'0.25',2\n");
    same(Csv::new().comment(b'#'), "# of May\na,y\n#1,1\n1234.5,1\n0.25,2\n# end");
    same(Csv::new().comment(b'#').whitespace(), "# of May\na y\n1234.5 1\n0.25 2\n");
    same(Csv::new().delimiter(b';').decimal(','), "a;y\n1234,5;1\n0,25;2\n");
    same(Csv::new().delimiter(b';').decimal(',').thousands('.'), "a;y\n1.234,5;1\n0,25;2\n");
    same(Csv::new().thousands(','), "a,y\n\"1,234.5\",1\n0.25,2\n");
    same(Csv::new().index_column(0), ",a,y\n0,1234.5,1\n1,0.25,2\n");
    // A first row of numbers is no header, with commas for decimals either.
    let data = read(&Csv::new().delimiter(b';').decimal(',').target(-1), "1,5;2,5\n3,5;4,5\n").unwrap();
    assert_eq!(data.targets().values().unwrap().to_vec(), [2.5, 4.5]);
    // Digits that are not in threes are no thousands, and a comma says what it may be.
    assert!(
        message(read(&Csv::new().thousands(',').target("y"), "a,y\n\"1,23\",1\n")).contains("\"1,23\" is not a number")
    );
    assert!(message(read(&Csv::new().delimiter(b';').target("y"), "a;y\n1,5;1\n")).contains("call decimal(',')"));
    for (csv, what) in [
        (Csv::new().delimiter(0xe9), "the delimiter is the byte 0xe9"),
        (Csv::new().comment(b'\n'), "the comment is the byte 0x0a"),
        (Csv::new().quote(b','), "the delimiter and the quote are the same character"),
        (Csv::new().comment(b','), "the delimiter and the comment are the same character"),
        (Csv::new().thousands('.'), "as with decimal(',')"),
        (Csv::new().decimal('5'), "decimal('5'): expected a character that numbers have between digits alone"),
        (Csv::new().delimiter(b'1'), "the delimiter is '1', which numbers and words are written with"),
    ] {
        assert!(message(read(&csv.target("y"), "a,y\n1,2\n")).contains(what));
    }
}

#[test]
fn a_column_without_a_name_that_numbers_the_rows_is_no_feature() {
    for first in [0, 1] {
        let text = format!(",a,y\n{},5,1\n{},6,2\n{},7,3\n", first, first + 1, first + 2);
        assert_eq!(
            message(read(&Csv::new().target("y"), &text)),
            "csv: column 0 has no name and numbers the rows; leave it out with index_column(0), or name it"
        );
        assert_eq!(read(&Csv::new().target("y").index_column(0), &text).unwrap().feature_names(), ["a"]);
        assert_eq!(read(&Csv::new().target("y").names(["n", "a", "y"]), &text).unwrap().n_features(), 2);
    }
    assert_eq!(read(&Csv::new().target("y"), ",a,y\n4,5,1\n9,6,2\n").unwrap().n_features(), 2);
    // A delimiter at the end of each line makes no column.
    assert_eq!(read(&Csv::new().target("y"), "a,y,\n5,1,\n   \n6,2,\n").unwrap().feature_names(), ["a"]);
    assert!(message(read(&Csv::new().target("y"), "a,y\n5,1,\n6,2,\n")).contains("the rows end in a delimiter"));
    let short = "a,y\nr1,5,1\nr2,6,2\n";
    assert!(message(read(&Csv::new().target("y"), short)).contains("one of row names, which the header leaves out?"));
}

#[test]
fn text_in_other_encodings_is_read() {
    let csv = || Csv::new().target("y").categorical("ort");
    let names = ["ort=Köln", "ort=Łódź"];
    let text = "ort,y\nKöln,1\nŁódź,2\n";
    let with_mark = |mark: &[u8], units: Vec<u8>| [mark, &units[..]].concat();
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (csv, bytes) in [
        (csv(), with_mark(&[0xef, 0xbb, 0xbf], text.as_bytes().to_vec())),
        (csv(), with_mark(&[0xff, 0xfe], little.clone())),
        (csv(), with_mark(&[0xfe, 0xff], big)),
        (csv().encoding("utf-16le"), little.clone()),
        // A mark says more than a name.
        (csv().encoding("windows-1252"), with_mark(&[0xff, 0xfe], little.clone())),
        (csv().encoding("iso-8859-2"), b"ort,y\nK\xf6ln,1\n\xa3\xf3d\xbc,2\n".to_vec()),
    ] {
        assert_eq!(read(&csv, bytes).unwrap().feature_names(), names);
    }
    assert!(message(read(&csv(), &little)).contains("encoding(\"utf-16le\")"));
    assert!(message(read(&csv(), b"ort,y\nK\xf6ln,1\n")).contains("row 2: the text is not UTF-8; name its encoding"));
    assert!(message(read(&csv().encoding("utf-9"), text)).contains("no encoding is called \"utf-9\""));
    assert!(
        message(read(&csv().encoding("shift_jis"), b"ort,y\n\xff,1\n")).contains("is not in the encoding shift_jis")
    );
    // The encoding is saved with the rest.
    let train = read(&csv().encoding("windows-1252"), b"ort,y\nK\xf6ln,1\nUlm,2\n").unwrap();
    assert_eq!(read(&Csv::like(train.preprocessing()), b"ort,y\nK\xf6ln,1\n").unwrap().inputs().to_vec(), [1.0, 0.0]);
}

#[test]
fn files_that_are_no_tables_are_told_by_their_first_bytes() {
    let xlsx = [&b"PK\x03\x04\x14\0\x06\0"[..], &[0; 22], b"[Content_Types].xml"].concat();
    for (bytes, what) in [
        (b"<!DOCTYPE html>\n<html>".to_vec(), "a page of HTML"),
        (b"\n  <HTML lang=en>".to_vec(), "a page of HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n".to_vec(), "a pointer of Git LFS"),
        (xlsx, "an Excel workbook (xlsx); save the sheet as CSV"),
        (b"PK\x03\x04\x14\0\0\0\x08\0data.csv".to_vec(), "a zip archive; unpack it first"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), "an old Excel workbook (xls)"),
        (b"\x80\x04\x95\x10\0\0".to_vec(), "a pickle of Python's"),
        (gzip(b"a,y\n1,2\n"), "gzip, packed twice"),
        (b"[{\"a\": 1}]".to_vec(), "JSON"),
        (b"PAR1\x15\x04".to_vec(), "a Parquet file"),
        (b"\x93NUMPY\x01\0".to_vec(), "an array of NumPy's"),
        (b"\x89HDF\r\n\x1a\n".to_vec(), "an HDF5 file"),
        (b"SQLite format 3\0".to_vec(), "an SQLite database"),
        (b"\x28\xb5\x2f\xfd\0".to_vec(), "a zstd archive"),
    ] {
        // Inside gzip, too.
        for bytes in [gzip(&bytes), bytes] {
            let inside = bytes.starts_with(&[0x1f, 0x8b]) && what.starts_with("gzip");
            let expected = if inside { "no rows" } else { what };
            let found = read(&Csv::new().target("y"), &bytes).map_or_else(|error| error.to_string(), |_| "read".into());
            assert!(found.contains(expected) || inside, "{what}: {found}");
        }
    }
    assert!(message(read(&Csv::new().target("y"), b"a,y\n1,2\0\n")).contains("byte 7 is 0, which no text holds"));
}

#[test]
fn what_is_missing_is_a_setting() {
    let marks = [
        "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
        "NULL", "NaN", "None", "n/a", "nan", "null",
    ];
    for mark in marks {
        let text = format!("a,y\n1,2\n{mark},3\n");
        let data = read(&Csv::new().target("y").missing(Missing::DropRow), &text).unwrap();
        assert_eq!(data.len(), 1, "{mark}");
    }
    let csv = Csv::new().target("y").missing(Missing::Mean).missing_marks(["-9", "unknown"]);
    let data = read(&csv, "a,y\n1,2\n-9,3\nunknown,4\n3,5\n").unwrap();
    assert_eq!(data.inputs().to_vec(), [1.0, 2.0, 2.0, 3.0]);
    // Answers know them, too; and what is not a mark any more is a word.
    assert_eq!(data.preprocessing().encode_rows::<f64, _, _>(&[["-9"]]).unwrap().to_vec(), [2.0]);
    let data = read(&Csv::new().target("y").categorical("c").missing_marks([""]), "c,y\nNone,1\nNA,2\n").unwrap();
    assert_eq!(data.feature_names(), ["c=NA", "c=None"]);
}

#[test]
fn missing_words_can_be_a_category() {
    let csv = Csv::new().target("y").categorical("c").missing_category().missing(Missing::Mean);
    let data = read(&csv, "a,c,y\n1,u,1\n?,,2\n3,NA,3\n").unwrap();
    assert_eq!(data.feature_names(), ["a", "c=u", "c=(missing)"]);
    assert_eq!(data.inputs(), &Tensor::from([[1.0, 1.0, 0.0], [2.0, 0.0, 1.0], [3.0, 0.0, 1.0]]));
    assert_eq!(data.preprocessing().encode_rows::<f64, _, _>(&[["", "None"]]).unwrap().to_vec(), [2.0, 0.0, 1.0]);
    // A column without gaps has no such category, so that a gap in a later row is named.
    let whole = read(&csv, "a,c,y\n1,u,1\n2,v,2\n").unwrap();
    assert!(message(whole.preprocessing().encode_rows::<f64, _, _>(&[["1", ""]])).contains("the value is missing"));
}

#[test]
fn classes_whose_digits_differ_stay_apart() {
    let classes = |cells: &[&str]| {
        let text = cells.iter().fold("a,y\n".to_owned(), |text, cell| text + &format!("1,{cell}\n"));
        let data = read(&Csv::new().target("y").classification(), text).unwrap();
        (data.class_names().to_vec(), data.labels().unwrap().to_vec())
    };
    let apart = |cells: &[&str], names: &[&str], labels: &[usize]| {
        let (found, found_labels) = classes(cells);
        assert_eq!((found.iter().map(String::as_str).collect::<Vec<_>>(), &found_labels[..]), (names.to_vec(), labels));
    };
    let [big, bigger] = ["9007199254740992", "9007199254740993"];
    apart(&[bigger, big, "1"], &["1", big, bigger], &[2, 1, 0]);
    let long = "123456789012345678901234567890123456789012";
    apart(
        &[long, "-9007199254740993", "-9007199254740992", "7"],
        &["-9007199254740993", "-9007199254740992", "7", long],
        &[3, 0, 1, 2],
    );
    apart(&["007", "7", "07"], &["007", "07", "7"], &[0, 2, 1]);
    apart(&["10", "9.0", "9", "-1"], &["-1", "9", "10"], &[2, 1, 1, 0]);
    apart(&["0", "1", "0.5"], &["0", "0.5", "1"], &[0, 2, 1]);
}

#[test]
fn features_of_words_are_not_scaled() {
    let csv = Csv::new().target("y").categorical("c");
    let data = read(&csv, "a,c,y\n1,u,1\n3,v,2\n5,v,3\n").unwrap();
    use retrograd::data::Scaler;
    for scaler in [Scaler::standardise(&data).unwrap(), Scaler::min_max(&data).unwrap()] {
        let scaled = data.scaled_by(&scaler).unwrap();
        assert_eq!(scaled.inputs().row(0)[1..], [1.0, 0.0]);
        assert_eq!(scaled.inputs().row(2)[1..], [0.0, 1.0]);
        assert!((scaled.inputs()[[0, 0]] + scaled.inputs()[[2, 0]]).abs() < 1e-12 || scaled.inputs()[[0, 0]] == 0.0);
        assert_ne!(scaled.inputs()[[2, 0]], 5.0);
    }
}

#[test]
fn a_column_number_beyond_any_is_out_of_range_and_does_not_count_from_the_last() {
    for column in [usize::MAX, isize::MAX as usize + 1] {
        let error = message(read(&Csv::new().target(column), "a,y\n1,2\n"));
        assert!(
            error.starts_with("csv: no column ") && error.ends_with("in rows of 2 columns (valid: -2..=1)"),
            "{error}"
        );
    }
}

#[test]
fn the_first_of_a_numbers_groups_does_not_begin_with_0() {
    let german = Csv::new().delimiter(b';').decimal(',').thousands('.').target("y");
    for cell in ["0.123", "-0.123", "012.345"] {
        let error = message(read(&german, format!("a;y\n{cell};1\n")));
        assert!(
            error.starts_with(&format!("csv: row 2, column \"a\": {cell:?} is not a number; groups of thousands")),
            "{error}"
        );
    }
    assert_eq!(read(&german, "a;y\n1.023;0,5\n").unwrap().inputs().to_vec(), [1023.0]);
}

#[test]
fn a_sign_of_numbers_that_opens_comments_or_quotes_is_refused() {
    let csv = || Csv::new().delimiter(b';').target("y");
    for (csv, what) in [
        (csv().thousands('"'), "thousands and the quote"),
        (csv().decimal('"'), "decimal and the quote"),
        (csv().comment(b'\'').thousands('\''), "thousands and the comment"),
        (csv().comment(b',').decimal(','), "decimal and the comment"),
    ] {
        let error = message(read(&csv, "a;y\n1;2\n"));
        assert!(error.contains(&format!("the {what} are the same character")), "{what}: {error}");
    }
    assert!(read(&csv().no_quotes().thousands('"'), "a;y\n1;2\n").is_ok());
}

#[test]
fn a_number_beyond_the_precision_that_is_read_is_named_with_its_line() {
    let read = |text: &str, csv: &Csv| csv.read::<f32>(text.as_bytes());
    let csv = Csv::new().target("y");
    let expected =
        |column: &str| format!("csv: row 5, column {column:?}: \"1e39\" is beyond the range of f32; read it as f64");
    let text = "a,y\n1,2\n\n\n1e39,3\n";
    assert_eq!(message(read(text, &csv)), expected("a"));
    assert_eq!(message(read("a,y\n1,2\n\n\n3,1e39\n", &csv)), expected("y"));
    assert_eq!(csv.read::<f64>(text.as_bytes()).unwrap().len(), 2);
    let data = read("a,y\n1,2\n2,3\n", &csv).unwrap();
    let error = data.preprocessing().encode_rows::<f32, _, _>(&[["1e39"]]).unwrap_err();
    assert_eq!(error.to_string(), "encode: row 0, column \"a\": \"1e39\" is beyond the range of f32; read it as f64");
}
