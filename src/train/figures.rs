//! What can be drawn of a model on data that was held back, in the users' units: what it takes for what, how its scores order the
//! rows, how far its numbers are off.

use super::measure::Judged;
use super::metrics::{ConfusionMatrix, precision_recall_curve, roc_auc, roc_curve};
use crate::data::{Dataset, Preprocessing, TargetKind, Targets};
use crate::nn::{Head, Model, NAME_THE_HEAD, Role};
use crate::plot::{self, Colours, Curve, CurveOptions, ImageOptions, Report, Svg};
use crate::{Element, Result, Tensor};

/// The most units whose weights are drawn.
const MOST_UNITS: usize = 100;
/// The most classes or targets that have a curve or a picture each.
const MOST_EACH: usize = 12;
/// Examples that are shown as images.
const MOST_IMAGES: usize = 25;
/// Grid points along a side of a decision boundary.
const RESOLUTION: usize = 120;

/// The report with all that there is to see of the model on these data.
pub(super) fn add<T: Element>(
    mut report: Report,
    model: &Model<T>,
    data: &Dataset<T>,
    judged: &Judged<T>,
) -> Result<Report> {
    let Judged { outputs, targets, head, kind } = judged;
    let one_a_row = outputs.len() == data.len();
    let flags = matches!(kind, TargetKind::Flags | TargetKind::OneHot) && *head != Head::Values;
    let unread = *head == Head::Unknown && *kind != TargetKind::Value;
    if unread {
        report = report.warning(format!(
            "the loss does not say what the outputs mean, so that they are not drawn; {NAME_THE_HEAD}"
        ));
    }
    match targets {
        _ if unread => {}
        Targets::Labels(labels) => report = classes(report, model, data, judged, labels)?,
        Targets::Values(values) if flags && one_a_row => {
            let labels: Vec<usize> = values.iter().map(|x| usize::from(x.to_f64() == 1.0)).collect();
            report = classes(report, model, data, judged, &labels)?;
        }
        Targets::Values(values) if flags && values.shape() == outputs.shape() => {
            report = columns_of_flags(report, data.preprocessing(), outputs, values, *head)?;
        }
        Targets::Values(values) if values.len() == outputs.len() => {
            report = numbers(report, data.preprocessing(), &head.probabilities(outputs), values)?;
        }
        Targets::Values(_) => {}
    }
    if let Some(svg) = examples(data, judged)? {
        report = report
            .figure(&svg, "Some of the held-back examples: what they are, and what the model says where it is wrong.");
    }
    if let Some(svg) = first_weights(model)? {
        report = report.figure(&svg, "What each unit of the first layer looks for.");
    }
    Ok(report)
}

/// Pictures of a classifier.
fn classes<T: Element>(
    mut report: Report,
    model: &Model<T>,
    data: &Dataset<T>,
    judged: &Judged<T>,
    labels: &[usize],
) -> Result<Report> {
    let (outputs, head) = (&judged.outputs, judged.head);
    let names = class_names(data, outputs);
    let predicted = head.classes(outputs);
    let matrix = ConfusionMatrix::new(&predicted, labels, names.len())?;
    let counts: Vec<Vec<usize>> = (0..names.len()).map(|class| matrix.row(class).to_vec()).collect();
    let svg = plot::confusion_matrix("Confusion matrix", &counts, &names)?;
    report = report.figure(&svg, "Rows are what it is, columns what the model says.");
    let row = |class: usize| quality(&names[class], &matrix, class);
    let rows: Vec<_> = (0..names.len()).map(row).collect();
    report = report.rows("Classes", &["class", "precision", "recall", "f1", "rows"], &rows);

    let scores = head.probabilities(outputs);
    let is_class = |class: usize| Targets::Labels(labels.iter().map(|&label| usize::from(label == class)).collect());
    let width = outputs.len() / labels.len();
    let each: Vec<(String, Tensor<T>, Targets<T>)> = match width {
        // A single score tells class 1 from class 0.
        1 => vec![(names.get(1).cloned().unwrap_or_default(), column(outputs, 1, 0)?, is_class(1))],
        _ => (0..width.min(names.len()))
            .map(|class| Ok((names[class].clone(), column(&scores, width, class)?, is_class(class))))
            .collect::<Result<_>>()?,
    };
    report = score_curves(report, each)?;
    if model.input_shape().dims() == [2] {
        // Drawn in the units of the raw data.
        let preprocessing = data.preprocessing();
        let points = preprocessing.unscale(data.inputs())?;
        let predict = |points: &Tensor<T>| Ok(head.probabilities(&model.predict(&preprocessing.scale(points)?)?));
        let svg = plot::decision_boundary("Decision boundary", &points, labels, &names, predict, RESOLUTION)?;
        report = report.figure(&svg, "The class that the model gives each point, and the held-back points.");
    }
    Ok(report)
}

/// A line of the table of classes.
fn quality(name: &str, matrix: &ConfusionMatrix, class: usize) -> [String; 5] {
    let shares = [matrix.precision(class), matrix.recall(class), matrix.f1(class)].map(|share| format!("{share:.4}"));
    let [precision, recall, f1] = shares;
    [name.to_owned(), precision, recall, f1, matrix.support(class).to_string()]
}

/// Pictures of independent columns of 0 and 1.
fn columns_of_flags<T: Element>(
    report: Report,
    preprocessing: &Preprocessing,
    outputs: &Tensor<T>,
    values: &Tensor<T>,
    head: Head,
) -> Result<Report> {
    let width = values.shape()[1];
    let mut rows = Vec::new();
    let mut each = Vec::new();
    for k in 0..width {
        let (scores, truth) = (column(outputs, width, k)?, Targets::Values(column(values, width, k)?));
        let matrix = ConfusionMatrix::from_binary_scores(&scores, &truth, head.threshold())?;
        rows.push(quality(&target_name(preprocessing, k), &matrix, 1));
        each.push((target_name(preprocessing, k), scores, truth));
    }
    score_curves(report.rows("Targets of 0 and 1", &["target", "precision", "recall", "f1", "rows of 1"], &rows), each)
}

/// The ROC and precision-recall curves of scores against targets of 0 and 1; those of which every row is the same have none.
fn score_curves<T: Element>(mut report: Report, each: Vec<(String, Tensor<T>, Targets<T>)>) -> Result<Report> {
    let (mut roc, mut recall) = (Vec::new(), Vec::new());
    for (name, scores, truth) in each.iter().take(MOST_EACH) {
        let Ok(area) = roc_auc(scores, truth) else { continue };
        roc.push(Curve::new(format!("{name}: area {area:.4}"), roc_curve(scores, truth)?));
        recall.push(Curve::new(name.clone(), precision_recall_curve(scores, truth)?));
    }
    if roc.is_empty() {
        return Ok(report);
    }
    roc.push(Curve::new("by chance", [(0.0, 0.0), (1.0, 1.0)]));
    let axes = |x: &str, y: &str| CurveOptions {
        x_label: x.to_owned(),
        y_label: y.to_owned(),
        scale: plot::AxisScale::Linear,
        ..CurveOptions::default()
    };
    let svg = plot::curves("ROC", &roc, &axes("false positive rate", "true positive rate"))?;
    report = report.figure(
        &svg,
        "The share of rows of a class that is found, against the share of other rows that is taken for it.",
    );
    let svg = plot::curves("Precision and recall", &recall, &axes("recall", "precision"))?;
    let more = match each.len() > MOST_EACH {
        true => format!(" The first {MOST_EACH} of {}.", each.len()),
        false => String::new(),
    };
    let caption = format!(
        "Of the rows taken for a class, the share that is of it, against the share of the class that is found.{more}"
    );
    Ok(report.figure(&svg, &caption))
}

/// Pictures of a regression, target by target.
fn numbers<T: Element>(
    mut report: Report,
    preprocessing: &Preprocessing,
    predicted: &Tensor<T>,
    values: &Tensor<T>,
) -> Result<Report> {
    let n = values.shape()[0];
    let width = values.len() / n.max(1);
    for k in 0..width.min(MOST_EACH) {
        let (predicted, actual) = (column(predicted, width, k)?, column(values, width, k)?);
        let of = if width == 1 { String::new() } else { format!(": {}", target_name(preprocessing, k)) };
        let drawn = |p: &T, a: &T| p.to_f64().is_finite() && a.to_f64().is_finite();
        if !predicted.iter().zip(actual.iter()).any(|(p, a)| drawn(p, a)) {
            report = report.text(&format!("No prediction is a number{of}."));
            continue;
        }
        let svg = plot::regression(&format!("Predicted and actual{of}"), predicted.as_slice(), actual.as_slice())?;
        report = report.figure(&svg, "A point on the line is predicted exactly.");
        let svg = plot::residuals(&format!("Residuals{of}"), predicted.as_slice(), actual.as_slice())?;
        report =
            report.figure(&svg, "What predictions are off by. A pattern is something that the model has not learned.");
    }
    if width > MOST_EACH {
        report = report.text(&format!("The first {MOST_EACH} of {width} targets are drawn."));
    }
    Ok(report)
}

/// Some of the data as grey images, where they are pixels.
fn examples<T: Element>(data: &Dataset<T>, judged: &Judged<T>) -> Result<Option<Svg>> {
    let Some((height, width)) = pixels(data) else { return Ok(None) };
    let n = data.len().min(MOST_IMAGES);
    let few = Tensor::new([n, height * width], data.inputs().as_slice()[..n * height * width].to_vec())?;
    let titles = match &judged.targets {
        Targets::Labels(labels) if judged.head != Head::Unknown => {
            let (names, said) = (class_names(data, &judged.outputs), judged.head.classes(&judged.outputs));
            let title = |row: usize| match (&names[labels[row]], names.get(said[row])) {
                (is, Some(said)) if is != said => format!("{is}, not {said}"),
                (is, _) => is.clone(),
            };
            (0..n).map(title).collect()
        }
        _ => Vec::new(),
    };
    let options = ImageOptions { titles, colours: Colours::Grey, ..ImageOptions::default() };
    plot::images("Examples", &few, (height, width), &options).map(Some)
}

/// The height and width of the images that the inputs are, if they look like pixels: without names, or on two axes; raw values from 0
/// to 1, or whole ones to 255.
fn pixels<T: Element>(data: &Dataset<T>) -> Option<(usize, usize)> {
    let shape = match *data.feature_shape() {
        [height, width] => (height, width),
        [n] if n.isqrt() * n.isqrt() == n => (n.isqrt(), n.isqrt()),
        _ => return None,
    };
    let made_up = data.feature_names().iter().enumerate().all(|(i, name)| *name == format!("x{i}"));
    if shape.0 < 4 || shape.1 < 4 || (!made_up && data.feature_shape().len() == 1) {
        return None;
    }
    let raw = data.preprocessing().unscale(data.inputs()).ok()?;
    // Scaling back leaves an error in the last digits.
    let near = |x: f64| (x - x.round()).abs() < 1e-3;
    let shares = raw.iter().all(|x| (-1e-6..=1.0 + 1e-6).contains(&x.to_f64()));
    let levels = || raw.iter().map(|x| x.to_f64()).all(|x| (-1e-3..255.5).contains(&x) && near(x));
    (shares || levels()).then_some(shape)
}

/// The names of the classes that the data or the outputs have, or their numbers: the held-back data may lack some of the classes,
/// and values of 0 and 1 have no count of them.
fn class_names<T: Element>(data: &Dataset<T>, outputs: &Tensor<T>) -> Vec<String> {
    let n = data.n_classes().max(outputs.len() / data.len()).max(2);
    let name = |class: usize| data.class_names().get(class).cloned().unwrap_or_else(|| class.to_string());
    (0..n).map(name).collect()
}

fn target_name(preprocessing: &Preprocessing, k: usize) -> String {
    preprocessing.target_names().get(k).map_or_else(|| format!("target {k}"), |name| (*name).to_owned())
}

fn column<T: Element>(of: &Tensor<T>, width: usize, k: usize) -> Result<Tensor<T>> {
    let values: Vec<T> = of.iter().skip(k).step_by(width.max(1)).copied().collect();
    Tensor::new([values.len()], values)
}

/// The weights of the first layer as images, where the inputs look like square images of 4 by 4 pixels or more.
fn first_weights<T: Element>(model: &Model<T>) -> Result<Option<Svg>> {
    let inputs = model.input_shape().numel();
    let side = inputs.isqrt();
    let mut weights = model.params().iter().filter(|(_, param)| param.role() == Role::Weight);
    let Some((_, first)) = weights.next().filter(|_| side >= 4 && side * side == inputs) else { return Ok(None) };
    let shape = first.value().shape();
    if shape.rank() != 2 || shape[0] != inputs {
        return Ok(None);
    }
    let units = shape[1].min(MOST_UNITS);
    let shown = Tensor::from_fn([inputs, units], |index| first.value()[[index[0], index[1]]]);
    plot::weights("First layer's weights", &shown, (side, side), &ImageOptions::default()).map(Some)
}
