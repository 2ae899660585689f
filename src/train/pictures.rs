//! What a run looked like: learning curves, and the report with all there is to see.

use super::history::{History, Stop};
use super::measure::{Judged, predictions};
use super::metrics::ConfusionMatrix;
use super::trainer::{Trainer, check_fit};
use crate::data::{Dataset, TargetKind, Targets};
use crate::nn::{Head, Model, Role, SummaryRow};
use crate::plot::{self, Curve, CurveOptions, ImageOptions, Report, Svg};
use crate::{Element, Result, Tensor};

/// The most units whose weights are drawn.
const MOST_UNITS: usize = 100;
/// Grid points along a side of a decision boundary.
const RESOLUTION: usize = 120;

impl History {
    /// The losses, and the metrics below them, by epoch.
    ///
    /// # Errors
    /// There is no epoch, or no finite loss.
    pub fn curves(&self, title: &str) -> Result<Svg> {
        let of = |name: &str, shown: &str| Some(Curve::by_epoch(shown, self.values(name)?));
        let losses: Vec<Curve> =
            [of("loss", "training"), of("valid_loss", "validation")].into_iter().flatten().collect();
        let metrics = self.metrics.iter().filter_map(|name| of(name, name)).collect();
        let metrics_label = if self.validated { "validation" } else { "training" }.to_owned();
        let kept = match self.stop {
            Some(Stop::EarlyStopping { best_epoch }) => Some(best_epoch),
            _ => self.kept,
        };
        let mark = kept.map(|epoch| (epoch as f64, "the weights that were kept".to_owned()));
        plot::curves(title, &losses, &CurveOptions { metrics, metrics_label, mark, ..CurveOptions::default() })
    }
}

impl<T: Element> Trainer<T> {
    /// The report of a run: settings, layers, learning curves, and on data that was held back what the model makes of it;
    /// for images the first layer's weights, for two inputs the decision boundary.
    ///
    /// # Errors
    /// Data that do not fit the model, or went through another preprocessing than those that it was trained on; a history without
    /// an epoch.
    pub fn report(&self, title: &str, model: &Model<T>, history: &History, held_back: &Dataset<T>) -> Result<Report> {
        check_fit(model, held_back)?;
        if let Some(trained) = model.preprocessing() {
            held_back.preprocessing().check_like(trained, "the held-back data")?;
        }
        let mut report = Report::new(title);
        for warning in &history.warnings {
            report = report.warning(warning);
        }
        report = report.text(&history.ending());
        let judged = Judged::new(predictions(model, held_back)?, held_back, model.head_for(held_back.preprocessing()))?;
        report = report.table("Held-back data", self.measured(held_back, &judged));
        report = report.figure(&history.curves("Learning curves")?, "Loss and metrics by epoch.");
        for (svg, caption) in figures(model, held_back, &judged)? {
            report = report.figure(&svg, caption);
        }
        let row = |row: SummaryRow| {
            let shape = row.output.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
            [row.name, row.layer, shape, row.parameters.to_string(), row.frozen.to_string()]
        };
        let layers: Vec<_> = model.summary().rows.into_iter().map(row).collect();
        report = report.rows("Layers", &["name", "layer", "output", "parameters", "frozen"], &layers);
        report = report.table("Settings", self.settings());
        Ok(report.history(&history.columns(), &history.rows()))
    }

    /// The metrics that were asked for, on these data, and how many examples they have.
    fn measured(&self, data: &Dataset<T>, judged: &Judged<T>) -> Vec<(String, String)> {
        let mut pairs = vec![("examples".to_owned(), data.len().to_string())];
        for metric in &self.metrics {
            let value = match judged.measure_or_nan(metric) {
                (value, None) => format!("{value:.4}"),
                (value, Some(why)) => format!("{value} ({why})"),
            };
            pairs.push((metric.name(), value));
        }
        pairs
    }
}

/// What can be drawn of a model and data like these.
fn figures<T: Element>(model: &Model<T>, data: &Dataset<T>, judged: &Judged<T>) -> Result<Vec<(Svg, &'static str)>> {
    let mut figures = Vec::new();
    let Judged { outputs, targets, head, kind } = judged;
    let one_a_row = outputs.len() == data.len();
    let labels = match targets {
        Targets::Labels(labels) => Some(labels.clone()),
        Targets::Values(values) if one_a_row && *kind == TargetKind::Flags && *head != Head::Values => {
            Some(values.iter().map(|x| usize::from(x.to_f64() == 1.0)).collect())
        }
        Targets::Values(_) => None,
    };
    match (labels, targets) {
        (Some(labels), _) => {
            let names = class_names(data);
            let predicted = head.classes(outputs);
            let matrix = ConfusionMatrix::new(&predicted, &labels, names.len())?;
            let rows: Vec<Vec<usize>> = (0..names.len()).map(|class| matrix.row(class).to_vec()).collect();
            let svg = plot::confusion_matrix("Confusion matrix", &rows, &names)?;
            figures.push((svg, "Rows are what it is, columns what the model says."));
            if model.input_shape().dims() == [2] {
                // Drawn in the units of the raw data.
                let preprocessing = data.preprocessing();
                let points = preprocessing.unscale(data.inputs())?;
                let predict =
                    |points: &Tensor<T>| Ok(head.probabilities(&model.predict(&preprocessing.scale(points)?)?));
                let svg = plot::decision_boundary("Decision boundary", &points, &labels, &names, predict, RESOLUTION)?;
                figures.push((svg, "The class that the model gives each point, and the held-back points."));
            }
        }
        (None, Targets::Values(values)) if values.len() == data.len() => {
            let predicted = head.probabilities(outputs);
            let svg = plot::regression("Predicted and actual", predicted.as_slice(), values.as_slice())?;
            figures.push((svg, "A point on the line is predicted exactly."));
        }
        _ => {}
    }
    if let Some(svg) = first_weights(model)? {
        figures.push((svg, "What each unit of the first layer looks for."));
    }
    Ok(figures)
}

/// The names of the classes, or their numbers.
fn class_names<T: Element>(data: &Dataset<T>) -> Vec<String> {
    match data.class_names() {
        // Values of 0 and 1 have no count of classes.
        [] => (0..data.n_classes().max(2)).map(|class| class.to_string()).collect(),
        names => names.to_vec(),
    }
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
