//! What a run looked like: learning curves, and the report with all there is to see.

use super::history::{History, Stop};
use super::measure::predictions;
use super::metrics::ConfusionMatrix;
use super::trainer::Trainer;
use crate::data::{Dataset, Targets};
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
        let mark = match self.stop {
            Some(Stop::EarlyStopping { best_epoch }) => {
                Some((best_epoch as f64, "the weights that were kept".to_owned()))
            }
            _ => None,
        };
        plot::curves(title, &losses, &CurveOptions { metrics, metrics_label, mark, ..CurveOptions::default() })
    }
}

impl<T: Element> Trainer<T> {
    /// The report of a run: settings, layers, learning curves, and on data that was held back what the model makes of it;
    /// for images the first layer's weights, for two inputs the decision boundary.
    ///
    /// # Errors
    /// Data that do not fit the model; a history without an epoch.
    pub fn report(&self, title: &str, model: &Model<T>, history: &History, held_back: &Dataset<T>) -> Result<Report> {
        let mut report = Report::new(title);
        for warning in &history.warnings {
            report = report.warning(warning);
        }
        if let Some(stop) = &history.stop {
            report = report.text(&stop.to_string());
        }
        let outputs = predictions(model, held_back)?;
        report = report.table("Held-back data", self.measured(model, held_back, &outputs)?);
        report = report.figure(&history.curves("Learning curves")?, "Loss and metrics by epoch.");
        for (svg, caption) in figures(model, held_back, &outputs)? {
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
    fn measured(&self, model: &Model<T>, data: &Dataset<T>, outputs: &Tensor<T>) -> Result<Vec<(String, String)>> {
        let mut pairs = vec![("examples".to_owned(), data.len().to_string())];
        for metric in &self.metrics {
            let value = metric.value(outputs, data.targets(), head(model, data))?;
            pairs.push((metric.name(), format!("{value:.4}")));
        }
        Ok(pairs)
    }
}

/// What can be drawn of a model and data like these.
fn figures<T: Element>(model: &Model<T>, data: &Dataset<T>, outputs: &Tensor<T>) -> Result<Vec<(Svg, &'static str)>> {
    let mut figures = Vec::new();
    match data.targets() {
        Targets::Labels(labels) => {
            let names = class_names(data);
            let predicted = head(model, data).classes(outputs);
            let matrix = ConfusionMatrix::new(&predicted, labels, names.len())?;
            let rows: Vec<Vec<usize>> = (0..names.len()).map(|class| matrix.row(class).to_vec()).collect();
            let svg = plot::confusion_matrix("Confusion matrix", &rows, &names)?;
            figures.push((svg, "Rows are what it is, columns what the model says."));
            if model.input_shape().dims() == [2] {
                let head = head(model, data);
                let predict = |points: &Tensor<T>| Ok(head.probabilities(&model.predict(points)?));
                let svg =
                    plot::decision_boundary("Decision boundary", data.inputs(), labels, &names, predict, RESOLUTION)?;
                figures.push((svg, "The class that the model gives each point, and the held-back points."));
            }
        }
        Targets::Values(values) if values.len() == values.shape()[0] => {
            let svg = plot::regression("Predicted and actual", outputs.as_slice(), values.as_slice())?;
            figures.push((svg, "A point on the line is predicted exactly."));
        }
        Targets::Values(_) => {}
    }
    if let Some(svg) = first_weights(model)? {
        figures.push((svg, "What each unit of the first layer looks for."));
    }
    Ok(figures)
}

/// The names of the classes, or their numbers.
fn class_names<T: Element>(data: &Dataset<T>) -> Vec<String> {
    match data.class_names() {
        [] => (0..data.n_classes()).map(|class| class.to_string()).collect(),
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

/// What the outputs mean: as the model says, or by the targets.
fn head<T: Element>(model: &Model<T>, data: &Dataset<T>) -> Head {
    model.head().unwrap_or(if data.labels().is_some() { Head::Logits } else { Head::Values })
}
