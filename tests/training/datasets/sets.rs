//! Data sets in memory: what is checked where they are made.

use super::message;
use retrograd::Tensor;
use retrograd::data::{Dataset, Scaler, Targets};

fn three() -> Dataset<f64> {
    Dataset::labelled([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], vec![0, 2, 1]).unwrap()
}

#[test]
fn what_is_in_a_set() {
    let data = three().with_feature_names(["a", "b"]).unwrap().with_weights(Tensor::from([1.0, 0.0, 2.0])).unwrap();
    assert_eq!((data.len(), data.n_features(), data.n_classes(), data.n_outputs()), (3, 2, 3, 3));
    assert_eq!((data.feature_names(), data.class_counts()), (vec!["a".into(), "b".into()], vec![1, 1, 1]));
    assert_eq!(format!("{data:?}"), "Dataset { rows: 3, features: [2], classes: 3, weighted: true }");
    let picked = data.select(&[2, 2, 0]).unwrap();
    assert_eq!(picked.inputs(), &Tensor::from([[5.0, 6.0], [5.0, 6.0], [1.0, 2.0]]));
    assert_eq!(picked.targets(), &Targets::Labels(vec![1, 1, 0]));
    assert_eq!(picked.weights().unwrap().to_vec(), [2.0, 2.0, 1.0]);
    // A part without its largest label still knows how many classes there are.
    assert_eq!(picked.n_classes(), 3);
    let images = Dataset::regression(Tensor::<f32>::zeros([2, 3, 4]), Tensor::zeros([2, 5])).unwrap();
    assert_eq!((images.n_features(), images.feature_shape(), images.n_outputs()), (12, &[3, 4][..], 5));
    assert_eq!(images.select(&[1]).unwrap().inputs().shape().dims(), [1, 3, 4]);
}

#[test]
fn empty_or_misshapen_inputs_are_refused() {
    assert_eq!(
        message(Dataset::<f64>::labelled(Tensor::zeros([0, 3]), vec![])),
        "dataset: inputs of shape [0, 3] hold nothing; at least one row and one feature are needed"
    );
    assert_eq!(
        message(Dataset::<f64>::labelled(Tensor::zeros([3, 0]), vec![0; 3])),
        "dataset: inputs of shape [3, 0] hold nothing; at least one row and one feature are needed"
    );
    assert_eq!(
        message(Dataset::<f64>::labelled([1.0, 2.0], vec![0, 1])),
        "dataset: inputs of shape [2]; expected [rows, features], so reshape to [2, 1] for one feature"
    );
    assert_eq!(
        message(Dataset::<f64>::labelled([[1.0], [2.0]], vec![0])),
        "dataset: 2 rows of inputs, but targets for 1 rows"
    );
    assert_eq!(
        message(Dataset::<f64>::regression([[1.0], [2.0]], Tensor::zeros([2, 1, 1]))),
        "dataset: target values of shape [2, 1, 1]; expected [n] or [n, k]"
    );
    assert!(message(Dataset::<f64>::regression([[1.0]], Tensor::scalar(1.0))).contains("targets for 0 rows"));
}

#[test]
fn numbers_that_are_not_finite_are_named() {
    let nan = Dataset::<f64>::labelled([[1.0, 2.0], [3.0, f64::NAN]], vec![0, 1]);
    let error = nan.unwrap_err();
    assert!(error.is_not_finite());
    assert_eq!(
        error.to_string(),
        "dataset: row 1, column \"x1\" is NaN; features must be finite: drop the row, or fill the value in"
    );
    assert_eq!(
        message(Dataset::<f64>::regression([[1.0], [2.0]], [1.0, f64::NEG_INFINITY])),
        "dataset: the target of row 1 is -inf; targets must be finite"
    );
}

#[test]
fn labels_out_of_range_are_named() {
    assert_eq!(
        message(three().with_class_names(["a", "b"])),
        "dataset: label 2 at row 1 is out of range for 2 classes (valid 0..=1)"
    );
    assert_eq!(message(three().with_n_classes(0)), "dataset: 0 classes; labels need at least 1");
    assert_eq!(three().with_n_classes(9).unwrap().n_classes(), 9);
    assert_eq!(
        message(three().with_class_names(["a", "b", "c"]).unwrap().with_n_classes(4)),
        "dataset: 4 classes, but names for 3"
    );
    assert_eq!(
        message(three().with_class_names(["a", "b", "a"])),
        "preprocessing: names of classes must differ, \"a\" comes twice"
    );
    let values = Dataset::<f64>::regression([[1.0]], [2.0]).unwrap();
    assert_eq!(
        message(values.with_class_names(["a"])),
        "dataset: values have no classes; make the data with Dataset::labelled"
    );
    for label in [1 << 24, usize::MAX] {
        assert_eq!(
            message(Dataset::<f64>::labelled([[1.0], [2.0]], vec![0, label])),
            format!(
                "dataset: label {label} at row 1; labels number classes from 0, and there are at most 16777216 of them"
            )
        );
    }
    assert_eq!(Dataset::<f64>::labelled([[1.0]], vec![(1 << 24) - 1]).unwrap().n_classes(), 1 << 24);
}

#[test]
fn weights_are_checked() {
    let weighted = |weights: &[f64]| message(three().with_weights(Tensor::from(weights)));
    assert_eq!(weighted(&[1.0]), "dataset: weights of shape [1] for 3 rows; expected [3]");
    assert_eq!(weighted(&[1.0, -0.5, 1.0]), "dataset: weight -0.5 at row 1; weights are finite and at least 0");
    assert_eq!(weighted(&[1.0, 1.0, f64::NAN]), "dataset: weight NaN at row 2; weights are finite and at least 0");
    assert_eq!(weighted(&[0.0; 3]), "dataset: every weight is 0; at least one must be above");
}

#[test]
fn a_set_in_another_precision() {
    let data = three().with_class_names(["a", "b", "c"]).unwrap().with_weights([1.0, 2.0, 3.0]).unwrap();
    let single = data.cast::<f32>().unwrap();
    assert_eq!(single.inputs(), &Tensor::from([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]));
    assert_eq!((single.labels(), single.class_names()), (data.labels(), data.class_names()));
    assert_eq!(single.weights().unwrap().to_vec(), [1.0f32, 2.0, 3.0]);
    let large = Dataset::<f64>::regression([[1.0], [2.0]], [1.0, 1e300]).unwrap();
    assert_eq!(message(large.cast::<f32>()), "dataset: the target of row 1 is inf; targets must be finite");
}

#[test]
fn rows_that_are_not_there_are_named() {
    assert_eq!(message(three().select(&[0, 3])), "select: no row 3 in data of 3 rows (counted from 0)");
    assert_eq!(message(three().select(&[])), "select: no rows; a data set has at least one");
}

#[test]
fn scaling_that_does_not_fit_is_refused() {
    let other = Dataset::<f64>::labelled([[1.0], [2.0]], vec![0, 1]).unwrap();
    let scaler = Scaler::standardise(&other).unwrap();
    assert_eq!(message(three().scaled_by(&scaler)), "scaler: fitted on 1 columns, got 2");
    assert_eq!(message(three().targets_scaled_by(&scaler)), "scaler: labels are not scaled, only target values");
    // What a scale too small makes infinite.
    let tiny = Scaler::uniform(0.0, 1e-320).unwrap();
    assert!(message(three().scaled_by(&tiny)).starts_with("dataset: row 0, column \"x0\" is inf"));
}
