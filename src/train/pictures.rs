//! What a run looked like: learning curves, and the report with all there is to see.

use super::figures;
use super::history::{History, Stop};
use super::measure::{Judged, predictions};
use super::trainer::{Trainer, check_fit};
use crate::data::Dataset;
use crate::nn::{Model, SummaryRow};
use crate::plot::{self, Curve, CurveOptions, Report, Svg};
use crate::{Element, Result};

impl History {
    /// The losses, and below them each metric that has a finite value, by epoch.
    ///
    /// # Errors
    /// There is no epoch, or no finite loss.
    pub fn curves(&self, title: &str) -> Result<Svg> {
        let of = |name: &str, shown: &str| Some(Curve::by_epoch(shown, self.values(name)?));
        let losses: Vec<Curve> =
            [of("loss", "training"), of("valid_loss", "validation")].into_iter().flatten().collect();
        let drawn = |curve: &Curve| curve.points.iter().any(|(_, y)| y.is_finite());
        let metrics = self.metrics.iter().filter_map(|name| of(name, name)).filter(drawn).collect();
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
    /// The report of a run: settings, layers, learning curves with a panel for each metric, and on data that was held back what the
    /// model makes of it, in the users' units. Classes have a confusion matrix, a table, and ROC and precision-recall curves;
    /// numbers are drawn against the actual ones, with residuals, target by target; for images some examples and the first
    /// layer's weights, for two inputs the decision boundary.
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
        let head = model.head_for(held_back.preprocessing());
        let judged = Judged::new(predictions(model, held_back)?, held_back, head)?;
        report = report.table("Held-back data", self.measured(held_back, &judged));
        report = report.figure(&history.curves("Learning curves")?, "Loss and metrics by epoch.");
        report = figures::add(report, model, held_back, &judged)?;
        let row = |row: SummaryRow| {
            let shape = row.output.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
            [row.name, row.layer, shape, row.parameters.to_string(), row.frozen.to_string()]
        };
        let layers: Vec<_> = model.summary().rows.into_iter().map(row).collect();
        report = report.rows("Layers", &["name", "layer", "output", "parameters", "frozen"], &layers);
        report = report.table("Run", self.run(model, history, held_back));
        report = report.table("Settings", self.settings());
        Ok(report.history(&history.columns(), &rows(history)))
    }

    /// How much data and how many parameters there were, and how long it took.
    fn run(&self, model: &Model<T>, history: &History, held_back: &Dataset<T>) -> Vec<(String, String)> {
        let seconds: f64 = history.epochs.iter().map(|epoch| epoch.seconds).sum();
        let mut run = Vec::new();
        if history.examples > 0 {
            run.push(("training rows", history.examples.to_string()));
        }
        run.extend(self.validation.as_ref().map(|data| ("validation rows", data.len().to_string())));
        run.push(("held-back rows", held_back.len().to_string()));
        run.push(("features of a row", held_back.n_features().to_string()));
        run.push(("parameters", model.params().count().to_string()));
        run.push(("epochs", history.epochs.len().to_string()));
        run.push(("time", duration(seconds)));
        run.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The metrics that were asked for, on these data, and how many examples they have.
    fn measured(&self, data: &Dataset<T>, judged: &Judged<T>) -> Vec<(String, String)> {
        let mut pairs = vec![("examples".to_owned(), data.len().to_string())];
        for metric in &self.metrics {
            let value = match judged.measure_or_nan(metric) {
                (value, None) => four_digits(value),
                (value, Some(why)) => format!("{value} ({why})"),
            };
            pairs.push((metric.name(), value));
        }
        pairs
    }
}

/// The epochs in four digits.
fn rows(history: &History) -> Vec<Vec<String>> {
    let short = |cell: String| match cell.parse::<f64>() {
        Ok(number) if number.fract() != 0.0 || number.abs() >= 1e6 => four_digits(number),
        _ => cell,
    };
    history.rows().into_iter().map(|row| row.into_iter().map(short).collect()).collect()
}

/// A number in four digits that count.
fn four_digits(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    if !(1e-3..1e6).contains(&size) {
        return format!("{number:.3e}");
    }
    let before = size.log10().floor() as i32;
    format!("{number:.*}", (3 - before).max(0) as usize)
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => format!("{} s", four_digits(s)),
        s if s < 3600.0 => format!("{} min {:.0} s", (s / 60.0).floor(), s % 60.0),
        s => format!("{} h {:.0} min", (s / 3600.0).floor(), s % 3600.0 / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits_that_count() {
        for (number, shown) in [
            (0.123456, "0.1235"),
            (0.00123456, "0.001235"),
            (12.3456, "12.35"),
            (123456.7, "123457"),
            (-1.5, "-1.500"),
            (0.0, "0"),
            (1.23456e-7, "1.235e-7"),
            (9.87654e8, "9.877e8"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(four_digits(number), shown);
        }
        assert_eq!([duration(0.5), duration(75.0), duration(7260.0)], ["0.5000 s", "1 min 15 s", "2 h 1 min"]);
    }
}
