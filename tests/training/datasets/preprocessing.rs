//! Raw rows to inputs and outputs to answers, through JSON and back.

use super::message;
use retrograd::Tensor;
use retrograd::data::{Csv, Dataset, Missing, Preprocessing, Scaler};

const CARS: &str = "power,origin,name,economy\n130,usa,a,18\n?,japan,b,15\n90,usa,c,27\n70,europe,d,30\n";

fn cars() -> Dataset<f64> {
    let csv = Csv::new().target("economy").categorical("origin").ignore("name").missing(Missing::Mean);
    let data = csv.read(CARS.as_bytes()).unwrap();
    let data = data.scaled_by(&Scaler::min_max(&data).unwrap()).unwrap();
    data.targets_scaled_by(&Scaler::standardise_targets(&data).unwrap()).unwrap()
}

#[test]
fn raw_rows_give_the_bits_of_the_file_after_json_too() {
    let data = cars();
    let saved = Preprocessing::from_json(&data.preprocessing().to_json()).unwrap();
    assert_eq!(saved, *data.preprocessing());
    let rows: Vec<Vec<&str>> = CARS.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(saved.encode_rows::<f64, _, _>(&rows).unwrap(), *data.inputs());
    // The missing power is the mean of the others, (130 + 90 + 70) / 3, between 70 and 130.
    assert!((data.inputs()[[1, 0]] - (290.0 / 3.0 - 70.0) / 60.0).abs() < 1e-15);
    let features = saved.encode_rows::<f64, _, _>(&[["", "japan"]]).unwrap();
    assert_eq!(features.row(0), data.inputs().row(1));
    let single = saved.encode_rows::<f32, _, _>(&[["90", "usa"]]).unwrap();
    assert_eq!(single.row(0), [1.0f32 / 3.0, 0.0, 0.0, 1.0]);
}

#[test]
fn values_come_back_in_their_units() {
    let data = cars();
    let back = data.preprocessing().decode_values(data.targets().values().unwrap()).unwrap();
    assert_eq!(back.shape().dims()[0], 4, "{back}");
    for (value, expected) in back.iter().zip([18.0, 15.0, 27.0, 30.0]) {
        assert!((value - expected).abs() < 1e-12);
    }
    // A network's outputs have an axis more.
    let outputs = Tensor::<f64>::zeros([5, 1]);
    assert_eq!(data.preprocessing().decode_values(&outputs).unwrap(), Tensor::full([5, 1], 22.5));
}

#[test]
fn target_scalers_are_undone_from_the_last() {
    let data = Dataset::<f64>::regression([[1.0], [2.0]], [10.0, 30.0]).unwrap();
    let once = data.targets_scaled_by(&Scaler::new(vec![10.0], vec![4.0]).unwrap()).unwrap();
    let twice = once.targets_scaled_by(&Scaler::new(vec![1.0], vec![2.0]).unwrap()).unwrap();
    // ((10 - 10) / 4 - 1) / 2 and ((30 - 10) / 4 - 1) / 2
    assert_eq!(twice.targets().values().unwrap().to_vec(), [-0.5, 2.0]);
    let back = twice.preprocessing().decode_values(twice.targets().values().unwrap()).unwrap();
    assert_eq!(back.to_vec(), [10.0, 30.0]);
}

#[test]
fn scalers_are_applied_one_after_another() {
    let data = Dataset::<f32>::labelled([[1.0, 10.0], [2.0, 30.0], [4.0, 20.0]], vec![0, 1, 0]).unwrap();
    let once = data.scaled_by(&Scaler::min_max(&data).unwrap()).unwrap();
    let twice = once.scaled_by(&Scaler::standardise(&once).unwrap()).unwrap();
    assert_eq!(twice.preprocessing().scale(data.inputs()).unwrap(), *twice.inputs());
    assert_eq!(twice.preprocessing().scalers().len(), 2);
    // The set that was scaled is as before.
    assert!(data.preprocessing().scalers().is_empty());
}

#[test]
fn rows_that_do_not_fit_are_named() {
    let data = cars();
    let encode = |rows: &[&[&str]]| message(data.preprocessing().encode_rows::<f64, _, _>(rows));
    let good: &[&str] = &["90", "usa"];
    assert_eq!(encode(&[]), "encode: no rows");
    assert_eq!(encode(&[good, &["90"]]), "encode: row 1 has 1 columns; expected the 2: power, origin");
    assert_eq!(encode(&[&["1", "2", "3", "4", "5"]]), "encode: row 0 has 5 columns; expected the 2: power, origin");
    assert_eq!(
        encode(&[good, &["90", "mars"]]),
        "encode: row 1, column \"origin\": \"mars\" is not one of europe, japan, usa"
    );
    assert_eq!(encode(&[&["90", " "]]), "encode: row 0, column \"origin\": the value is missing");
    assert_eq!(encode(&[&["fast", "usa"]]), "encode: row 0, column \"power\": \"fast\" is not a number");
    assert_eq!(encode(&[&["1e999", "usa"]]), "encode: row 0, column \"power\": \"1e999\" is not a finite number");

    let plain = Dataset::<f32>::labelled([[1.0], [2.0]], vec![0, 1]).unwrap();
    let encode = |rows: &[[&str; 1]]| message(plain.preprocessing().encode_rows::<f32, _, _>(rows));
    assert_eq!(encode(&[["?"]]), "encode: row 0, column \"x0\": the value is missing (\"?\")");
    assert_eq!(
        encode(&[["1e300"]]),
        "encode: row 0, column \"x0\": \"1e300\" is beyond the range of f32; read it as f64"
    );
    assert_eq!(
        message(plain.preprocessing().scale(&Tensor::<f32>::zeros([3, 2]))),
        "encode: inputs of shape [3, 2]; expected [rows, 1]"
    );
    assert_eq!(
        message(plain.preprocessing().scale(&Tensor::from([[0.0f32], [f32::NAN]]))),
        "encode: row 1, column \"x0\" is NaN; features must be finite"
    );
}

#[test]
fn labels_are_decoded() {
    let data = Dataset::<f64>::labelled([[1.0], [2.0]], vec![0, 1]).unwrap();
    assert_eq!(data.preprocessing().decode_labels(&[1, 7]).unwrap(), ["1", "7"]);
    let data = data.with_class_names(["cat", "dog"]).unwrap();
    let decode = data.preprocessing();
    assert_eq!(decode.decode_scores(&Tensor::from([[0.1, 0.9], [0.5, 0.5]])).unwrap(), ["dog", "cat"]);
    assert_eq!(message(decode.decode_labels(&[2])), "decode: label 2 is out of range for 2 classes");
    assert_eq!(
        message(decode.decode_scores(&Tensor::<f64>::zeros([4, 3]))),
        "decode: scores of shape [4, 3]; expected [n, classes]"
    );
    assert_eq!(message(decode.decode_scores(&Tensor::from([[0.0, f64::NAN]]))), "decode: a score of row 0 is NaN");
}

#[test]
fn a_file_whose_parts_do_not_fit_is_refused() {
    let text = cars().preprocessing().to_json();
    let broken = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        message(Preprocessing::from_json(&text.replace(from, to)))
    };
    assert!(
        broken("\"feature_shape\":[4]", "\"feature_shape\":[5]").contains("make 4 features, the feature shape is [5]")
    );
    assert!(broken("\"japan\"", "\"usa\"").contains("words of a column must differ, \"usa\" comes twice"));
    assert!(broken("\"uniform\":false", "\"uniform\":true").contains("one offset and one scale"));
    let (one, three) = ("\"offset\":[22.5]", "\"offset\":[22.5,1.0]");
    assert!(broken(one, three).contains("2 offsets and 1 scales"));
    let four = data_scaler(&text);
    assert!(
        broken(&four, "[{\"offset\":[0.0],\"scale\":[1.0],\"uniform\":false}]").contains("fitted on 1 columns, got 4")
    );
    assert!(broken("\"columns\"", "\"rows\"").starts_with("preprocessing: "));
    assert!(message(Preprocessing::from_json(&text[..40])).starts_with("preprocessing: EOF"));
}

/// The scalers of features as the text has them.
fn data_scaler(text: &str) -> String {
    let start = text.find("\"scalers\":").unwrap() + "\"scalers\":".len();
    let end = start + text[start..].find("}]").unwrap() + 2;
    text[start..end].to_string()
}
