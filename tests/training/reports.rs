//! What the report of a run shows, by kind of target.

use super::answers::read;
use retrograd::Tensor;
use retrograd::data::{Csv, Dataset, Scaler, synthetic};
use retrograd::nn::{Loss, Mlp, loss};
use retrograd::optim::Adam;
use retrograd::train::{History, Metric, Trainer};

fn page(data: &Dataset<f64>, loss: Option<Box<dyn Loss<f64>>>, metrics: &[Metric]) -> (String, History) {
    let mut model = Mlp::new(data.n_features()).dense(data.n_outputs()).build(0).unwrap();
    let mut trainer =
        Trainer::new(Adam::new(0.05)).epochs(3).batch(16).metrics(metrics.iter().copied()).validation(data);
    if let Some(loss) = loss {
        trainer = trainer.loss(loss);
    }
    let history = trainer.fit(&mut model, data).unwrap();
    (trainer.report("A run", &model, &history, data).unwrap().html(), history)
}

#[track_caller]
fn holds(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part:?} is not in the page");
    }
}

#[test]
fn classes_have_a_matrix_a_table_and_curves() {
    let data = synthetic::two_moons(40, 0.1, 1).unwrap().with_class_names(["upper", "lower"]).unwrap();
    let (page, _) = page(&data, None, &[Metric::Accuracy]);
    let all = ["Confusion matrix", ">Classes<", "precision", "recall", "ROC", "by chance", "Precision and recall"];
    holds(&page, &all);
    holds(&page, &["upper: area 0.", "lower: area 0.", "Decision boundary"]);
    holds(&page, &["training rows", "validation rows", "held-back rows", ">40<", "parameters", ">6<", ">time<"]);
    assert!(!page.contains("Residuals"));
}

#[test]
fn held_back_data_may_lack_a_class() {
    let data = Dataset::labelled([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]], vec![0, 0, 1, 1, 2, 2]).unwrap();
    let mut model = Mlp::new(1).dense(3).build(0).unwrap();
    let mut trainer = Trainer::new(Adam::new(0.1)).epochs(200).batch(6).metrics([Metric::Accuracy]);
    let history = trainer.fit(&mut model, &data).unwrap();
    // One of the rows is taken for the class that the others lack.
    let few = Dataset::labelled([[0.0], [2.0], [5.0]], vec![0, 1, 1]).unwrap();
    let page = trainer.report("", &model, &history, &few).unwrap().html();
    holds(&page, &["Confusion matrix", "class=\"number\">2</td>"]);
}

#[test]
fn several_numbers_have_a_picture_and_residuals_each_in_their_units() {
    let text = (0..20).fold("a,price,size\n".to_owned(), |text, i| text + &format!("{i},{},{}\n", 1000 * i, 5 - i));
    let data = read(Csv::new().target("price").target("size"), &text);
    let data = data.targets_scaled_by(&Scaler::standardise_targets(&data).unwrap()).unwrap();
    let (page, _) = page(&data, None, &[Metric::Mae]);
    holds(&page, &["Predicted and actual: price", "Predicted and actual: size", "Residuals: price", "Residuals: size"]);
    // A tick of the axis of prices.
    holds(&page, &["15000"]);
    assert!(!page.contains("ROC"));
}

#[test]
fn independent_flags_have_a_table_and_a_curve_each() {
    let text = (0..20).fold("a,hot,wet\n".to_owned(), |text, i| text + &format!("{i},{},{}\n", i / 10, i % 2));
    let data = read(Csv::new().target("hot").target("wet"), &text);
    let (page, _) = page(&data, Some(Box::new(loss::binary_cross_entropy_with_logits())), &[Metric::F1]);
    holds(&page, &["Targets of 0 and 1", "hot: area", "wet: area", "rows of 1"]);
}

#[test]
fn numbers_of_the_history_have_four_digits() {
    let data = synthetic::two_moons(40, 0.1, 1).unwrap();
    let (page, history) = page(&data, None, &[Metric::LogLoss]);
    let loss = history.epochs[0].loss;
    assert!(page.contains(&format!(">{loss:.4}<")) && !page.contains(&loss.to_string()), "{loss}");
}

#[test]
fn pixels_are_shown_as_grey_images_and_other_features_are_not() {
    let levels = |i: &[usize]| ((7 * i[0] + i[1]) % 17) as f64;
    let labels: Vec<usize> = (0..12).map(|i| i % 2).collect();
    let pixels = Dataset::labelled(Tensor::from_fn([12, 25], levels), labels.clone()).unwrap();
    let scaled = pixels.scaled_by(&Scaler::uniform(0.0, 16.0).unwrap()).unwrap();
    let images = "Some of the held-back examples";
    for data in [&pixels, &scaled] {
        assert!(page(data, None, &[]).0.contains(images));
    }
    let named = pixels.clone().with_feature_names((0..25).map(|i| format!("gene{i}"))).unwrap();
    let signed = Dataset::labelled(Tensor::from_fn([12, 25], |i: &[usize]| levels(i) - 8.0), labels).unwrap();
    for data in [&named, &signed] {
        assert!(!page(data, None, &[]).0.contains(images));
    }
}
