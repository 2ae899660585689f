//! Against values by hand and by scikit-learn 1.9.1, whose calls stand beside them.

use super::*;
use approx::assert_relative_eq;

/// Eight rows of three probabilities.
fn scores() -> Tensor<f64> {
    Tensor::from([
        [0.5, 0.25, 0.25],
        [0.1, 0.7, 0.2],
        [0.3, 0.38, 0.32],
        [0.2, 0.1, 0.7],
        [0.6, 0.3, 0.1],
        [0.25, 0.35, 0.4],
        [0.1, 0.8, 0.1],
        [0.05, 0.15, 0.8],
    ])
}

fn targets() -> Targets<f64> {
    Targets::Labels(vec![0, 1, 2, 2, 1, 0, 1, 0])
}

/// Ten rows of one probability, with ties within and between the classes.
fn binary_scores() -> (Tensor<f64>, Targets<f64>) {
    let scores = Tensor::from([0.1, 0.4, 0.35, 0.8, 0.8, 0.4, 0.9, 0.4, 0.2, 0.7]);
    (scores, Targets::Labels(vec![0, 1, 1, 0, 1, 0, 1, 0, 1, 1]))
}

fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn accuracies_count_hits() {
    // By hand: the largest scores are of classes 0, 1, 1, 2, 0, 2, 1, 2: right in rows 0, 1, 3, 6.
    assert_eq!(accuracy(&scores(), &targets()).unwrap(), 0.5);
    // sklearn.metrics.top_k_accuracy_score(t, s, k=2): rows 5 and 7 alone have their class last.
    assert_eq!(top_k_accuracy(&scores(), &targets(), 2).unwrap(), 0.75);
    assert_eq!(top_k_accuracy(&scores(), &targets(), 1).unwrap(), 0.5);
    assert_eq!(top_k_accuracy(&scores(), &targets(), 3).unwrap(), 1.0);
    // sklearn.metrics.accuracy_score(b, bs > 0.5)
    let (scores, labels) = binary_scores();
    assert_eq!(binary_accuracy(&scores, &labels, 0.5).unwrap(), 0.6);
    assert_eq!(binary_accuracy(&scores.reshape([10, 1]), &labels, 0.5).unwrap(), 0.6);
}

#[test]
fn of_equal_scores_the_first_counts_as_larger() {
    let tied = Tensor::from([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]);
    let labels = Targets::Labels(vec![0, 2]);
    assert_eq!(accuracy(&tied, &labels).unwrap(), 0.5);
    assert_eq!([1, 2, 3].map(|k| top_k_accuracy(&tied, &labels, k).unwrap()), [0.5, 0.5, 1.0]);
}

#[test]
fn targets_may_be_one_hot_or_numbers() {
    let labels = [0, 1, 2, 2, 1, 0, 1, 0];
    let hot = Targets::Values(Tensor::one_hot(&labels, 3));
    assert_eq!(accuracy(&scores(), &hot).unwrap(), 0.5);
    let numbers = Targets::Values(labels.iter().map(|&label| label as f64).collect());
    assert_eq!(accuracy(&scores(), &numbers).unwrap(), 0.5);
    let soft = Targets::Values(Tensor::full([8, 3], 0.5));
    assert_eq!(
        message(accuracy(&scores(), &soft)),
        "accuracy: the target of row 0 is not one-hot; expected a 1, and 0 elsewhere"
    );
    let halves = Targets::Values(Tensor::full([8], 0.5));
    assert_eq!(
        message(accuracy(&scores(), &halves)),
        "accuracy: the target of row 0 is 0.5; expected a label, 0, 1, ...; values are measured by mean_absolute_error, \
         root_mean_squared_error or r2 (Metric::Mae, Rmse, R2)"
    );
}

#[test]
fn areas_under_the_curve_count_ties_half() {
    // By hand: of 6 x 4 pairs, 13 in order and 3 tied: (13 + 3/2) / 24.
    // sklearn.metrics.roc_auc_score(b, bs) = 0.6041666666666666
    let (scores_of_two, labels) = binary_scores();
    assert_relative_eq!(roc_auc(&scores_of_two, &labels).unwrap(), 14.5 / 24.0, epsilon = 1e-15);
    // The area depends on the order alone, and is mirrored by the sign.
    let logits = scores_of_two.map(|p| 10.0 * p - 3.0);
    assert_eq!(roc_auc(&logits, &labels).unwrap(), roc_auc(&scores_of_two, &labels).unwrap());
    let mirrored = roc_auc(&scores_of_two.map(|p| -p), &labels).unwrap();
    assert_relative_eq!(mirrored, 1.0 - 14.5 / 24.0, epsilon = 1e-15);
    // sklearn.metrics.roc_auc_score(t, s, multi_class='ovr')
    let area = roc_auc_one_vs_rest(&scores(), &targets()).unwrap();
    assert_relative_eq!(area, 0.6944444444444443, epsilon = 1e-15);
    let same = Tensor::from([0.0, -0.0, 0.0]);
    assert_eq!(roc_auc(&same, &Targets::Labels(vec![0, 1, 1])).unwrap(), 0.5);
}

#[test]
fn log_losses() {
    // sklearn.metrics.log_loss(t, s), log_loss(b, bs), log_loss([0, 1], [1.0, 1.0])
    assert_relative_eq!(log_loss(&scores(), &targets()).unwrap(), 1.0443842927424754, epsilon = 1e-15);
    let (scores, labels) = binary_scores();
    assert_relative_eq!(log_loss(&scores, &labels).unwrap(), 0.699717945534161, epsilon = 1e-15);
    let sure = log_loss(&Tensor::from([1.0, 1.0]), &Targets::Labels(vec![0, 1])).unwrap();
    assert_relative_eq!(sure, 18.021826694558577, epsilon = 1e-14);
    let logits = Tensor::from([[0.5, 0.5], [2.0, -1.0]]);
    assert_eq!(
        message(log_loss(&logits, &Targets::Labels(vec![0, 1]))),
        "log_loss: row 1 has a probability of 2; expected 0 to 1: apply sigmoid or softmax to logits"
    );
}

#[test]
fn errors_of_regression() {
    let y = Tensor::from([[2.5, 0.1], [0.0, -1.2], [2.1, 3.3], [7.8, 0.4]]);
    let t = Tensor::from([[3.0, 0.0], [-0.5, -1.0], [2.0, 3.0], [7.0, 1.0]]);
    let first = |m: &Tensor<f64>| -> Tensor<f64> { m.iter().step_by(2).copied().collect() };
    let (one, both) = (Targets::Values(first(&t)), Targets::Values(t));
    // sklearn.metrics: mean_absolute_error, mean_squared_error, root_mean_squared_error, r2_score of (t[:, 0], y[:, 0]), (t, y)
    assert_relative_eq!(mean_absolute_error(&first(&y), &one).unwrap(), 0.475, epsilon = 1e-15);
    assert_relative_eq!(mean_absolute_error(&y, &both).unwrap(), 0.3875, epsilon = 1e-15);
    assert_relative_eq!(mean_squared_error(&first(&y), &one).unwrap(), 0.2875, epsilon = 1e-15);
    assert_relative_eq!(mean_squared_error(&y, &both).unwrap(), 0.20625, epsilon = 1e-15);
    assert_relative_eq!(root_mean_squared_error(&first(&y), &one).unwrap(), 0.5361902647381803, epsilon = 1e-15);
    assert_relative_eq!(root_mean_squared_error(&y, &both).unwrap(), 0.444871827665727, epsilon = 1e-15);
    assert_relative_eq!(r2(&first(&y), &one).unwrap(), 0.9605995717344754, epsilon = 1e-15);
    assert_relative_eq!(r2(&y, &both).unwrap(), 0.9517283572958091, epsilon = 1e-15);
    // One value a row in either shape.
    assert_eq!(mean_absolute_error(&first(&y).reshape([4, 1]), &one).unwrap(), 0.475);
    // 0.1 three times has a mean that is not 0.1, and a variance of 0 all the same.
    let constant = Targets::Values(Tensor::from([0.1, 0.1, 0.1]));
    for predictions in [[0.1, 0.1, 0.1], [0.1, 0.1, 0.2]] {
        let error = r2(&Tensor::from(predictions), &constant).unwrap_err();
        assert!(error.is_not_finite());
        assert_eq!(error.to_string(), "r2: every target is 0.1; the share of a variance of 0 is not defined");
    }
    let second = Targets::Values(Tensor::from([[1.0, 2.0], [3.0, 2.0]]));
    let error = r2(&Tensor::from([[1.0, 2.0], [3.0, 2.0]]), &second).unwrap_err();
    assert!(error.to_string().starts_with("r2: every target of column 1 is 2;"), "{error}");
}

#[test]
fn what_follows_from_a_confusion_matrix() {
    let matrix = ConfusionMatrix::from_scores(&scores(), &targets()).unwrap();
    // sklearn.metrics.confusion_matrix(t, p)
    assert_eq!(matrix.counts(), [1, 0, 2, 1, 2, 0, 0, 1, 1]);
    assert_eq!((matrix.total(), matrix.support(2), matrix.predicted(2)), (8, 2, 3));
    // sklearn.metrics.precision_recall_fscore_support(t, p)
    let each = |of: fn(&ConfusionMatrix, usize) -> f64| [0, 1, 2].map(|class| of(&matrix, class));
    assert_eq!(each(ConfusionMatrix::precision), [0.5, 2.0 / 3.0, 1.0 / 3.0]);
    assert_eq!(each(ConfusionMatrix::recall), [1.0 / 3.0, 2.0 / 3.0, 0.5]);
    assert_eq!(each(ConfusionMatrix::f1), [0.4, 2.0 / 3.0, 0.4]);
    // The same with average='macro', 'micro', 'weighted'.
    let expected = [
        (Average::Macro, [0.5, 0.5, 0.48888888888888893]),
        (Average::Micro, [0.5, 0.5, 0.5]),
        (Average::Weighted, [0.5208333333333334, 0.5, 0.5]),
    ];
    for (average, [precision, recall, f1]) in expected {
        assert_relative_eq!(matrix.average_precision(average), precision, epsilon = 1e-15);
        assert_relative_eq!(matrix.average_recall(average), recall, epsilon = 1e-15);
        assert_relative_eq!(matrix.average_f1(average), f1, epsilon = 1e-15);
    }
}

#[test]
fn a_class_that_never_occurs_does_not_count() {
    // precision_recall_fscore_support([0, 0, 1], [0, 2, 1], average='macro', zero_division=0)
    let matrix = ConfusionMatrix::new(&[0, 2, 1], &[0, 0, 1], 5).unwrap();
    assert_relative_eq!(matrix.average_precision(Average::Macro), 2.0 / 3.0, epsilon = 1e-15);
    assert_relative_eq!(matrix.average_recall(Average::Macro), 0.5, epsilon = 1e-15);
    assert_relative_eq!(matrix.average_f1(Average::Macro), 0.5555555555555555, epsilon = 1e-15);
    assert_eq!((matrix.precision(4), matrix.recall(2), matrix.f1(4)), (0.0, 0.0, 0.0));
}

#[test]
fn a_binary_confusion_matrix_has_a_threshold() {
    let (scores, labels) = binary_scores();
    let matrix = ConfusionMatrix::from_binary_scores(&scores, &labels, 0.5).unwrap();
    assert_eq!(matrix.counts(), [3, 1, 3, 3]);
    assert_eq!(matrix.accuracy(), 0.6);
}

#[test]
fn what_is_not_defined_is_an_error() {
    let nothing = Targets::Labels(vec![]);
    assert_eq!(message(accuracy(&Tensor::<f64>::zeros([0, 3]), &nothing)), "accuracy: no rows; at least one is needed");
    assert_eq!(message(roc_auc(&Tensor::<f64>::zeros([0]), &nothing)), "roc_auc: no rows; at least one is needed");
    let none = Targets::Values(Tensor::zeros([0]));
    assert_eq!(message(r2(&Tensor::<f64>::zeros([0]), &none)), "r2: no rows; at least one is needed");
    assert_eq!(message(ConfusionMatrix::new(&[], &[], 2)), "confusion_matrix: no rows; at least one is needed");

    let three = Tensor::from([0.1, 0.2, 0.3]);
    assert_eq!(
        message(roc_auc(&three, &Targets::Labels(vec![1, 1, 1]))),
        "roc_auc: every row is of the class, none of other classes; the area is not defined for one class only"
    );
    assert!(
        message(roc_auc(&three, &Targets::Labels(vec![0, 0, 0]))).starts_with("roc_auc: every row is of other classes")
    );
    let missing = roc_auc_one_vs_rest(&scores(), &Targets::Labels(vec![0, 1, 1, 1, 1, 0, 1, 0]));
    assert!(message(missing).ends_with("one class only (class 2)"));
    let one = Targets::Values(Tensor::from([1.0]));
    assert_eq!(message(r2(&Tensor::from([1.0]), &one)), "r2: 1 row; at least 2 are needed for a variance");
}

#[test]
fn what_does_not_fit_is_an_error() {
    let labels = |labels: &[usize]| Targets::<f64>::Labels(labels.to_vec());
    assert_eq!(message(accuracy(&scores(), &labels(&[0]))), "accuracy: 8 rows of predictions, targets for 1");
    assert_eq!(
        message(accuracy(&scores(), &labels(&[0, 1, 2, 3, 0, 0, 0, 0]))),
        "accuracy: label 3 at row 3 is out of range for 3 classes (valid 0..=2)"
    );
    assert_eq!(
        message(accuracy(&Tensor::from([0.1, 0.2]), &labels(&[0, 1]))),
        "accuracy: scores of shape [2]; expected [n, classes]; for one score a row use binary_accuracy"
    );
    assert_eq!(
        message(top_k_accuracy(&scores(), &targets(), 4)),
        "top_k_accuracy: k is 4; expected 1..=3, at most the number of classes"
    );
    let nan = Tensor::from([[0.1, 0.2], [f64::NAN, 0.3]]);
    assert_eq!(message(accuracy(&nan, &labels(&[0, 1]))), "accuracy: the prediction of row 1 is NaN");
    assert!(accuracy(&nan, &labels(&[0, 1])).unwrap_err().is_not_finite());
    assert_eq!(
        message(roc_auc(&nan, &labels(&[0, 1]))),
        "roc_auc: scores of shape [2, 2]; expected one a row, [n] or [n, 1]"
    );
    let y = Tensor::from([1.0, 2.0]);
    assert_eq!(
        message(mean_absolute_error(&y, &labels(&[0, 1]))),
        "mean_absolute_error: targets are labels; expected values"
    );
    assert_eq!(
        message(r2(&y, &Targets::Values(Tensor::zeros([2, 2])))),
        "r2: predictions of shape [2], targets of shape [2, 2]"
    );
    assert_eq!(
        message(binary_accuracy(&y, &labels(&[0, 1]), f64::NAN)),
        "binary_accuracy: the threshold is NaN; use 0 for logits, 0.5 for probabilities"
    );
    assert_eq!(
        message(ConfusionMatrix::new(&[0, 2], &[0, 1], 2)),
        "confusion_matrix: label 2 at row 1 is out of range for 2 classes"
    );
    let matrix = ConfusionMatrix::new(&[0, 1], &[0, 1], 2).unwrap();
    assert_eq!(message(matrix.with_class_names(["one"])), "confusion_matrix: 1 names for 2 classes");
}
