//! A model on data that it was not trained on: the loss and the metrics.

use super::checks;
use super::measure::{Judged, predictions};
use super::run::{default_loss, loss_of};
use super::trainer::{Trainer, check_fit};
use crate::data::Dataset;
use crate::nn::{Head, Model};
use crate::{Element, Result};

/// What a model makes of data, by [`Trainer::evaluate`].
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::{Metric, Trainer}};
/// let (train, test) = synthetic::two_moons::<f32>(100, 0.1, 0)?.split(0.5, 0)?;
/// let mut model = Mlp::new(2).dense(8).tanh().dense(2).build(0)?;
/// let mut trainer = Trainer::new(Adam::new(0.1)).epochs(20).metrics([Metric::Accuracy]);
/// trainer.fit(&mut model, &train)?;
/// let evaluation = trainer.evaluate(&model, &test)?;
/// assert_eq!(evaluation.get("loss"), Some(evaluation.loss));
/// assert!(evaluation.get("accuracy").unwrap() > 0.7 && evaluation.warnings.is_empty());
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The loss.
    pub loss: f64,
    /// The metrics that were asked for: names and values, in the users' units; NaN where one is not defined.
    pub metrics: Vec<(String, f64)>,
    /// Why metrics are not defined.
    pub warnings: Vec<String>,
}

impl Evaluation {
    /// The metric of this name; the loss is called `loss`.
    pub fn get(&self, name: &str) -> Option<f64> {
        match name {
            "loss" => Some(self.loss),
            _ => self.metrics.iter().find(|(known, _)| known == name).map(|(_, value)| *value),
        }
    }
}

impl<T: Element> Trainer<T> {
    /// The loss (without penalties) and the metrics of a model on these data, which went through the same preprocessing as those
    /// that it was trained on.
    ///
    /// # Errors
    /// Data that do not fit the model; another preprocessing, with the first difference; metrics that are not for such targets.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{data::Csv, nn::Mlp, optim::Adam, train::{Metric, Trainer}};
    /// let train = Csv::new().target("y").read::<f32>("a,y\n0,no\n1,no\n3,yes\n4,yes\n".as_bytes())?;
    /// let mut model = Mlp::new(1).dense(2).build(0)?;
    /// let mut trainer = Trainer::new(Adam::new(0.1)).epochs(200).batch(4).metrics([Metric::Accuracy]);
    /// trainer.fit(&mut model, &train)?;
    /// let test = Csv::like(train.preprocessing()).read("a,y\n5,yes\n".as_bytes())?;
    /// assert_eq!(trainer.evaluate(&model, &test)?.get("accuracy"), Some(1.0));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    #[inline(never)]
    pub fn evaluate(&self, model: &Model<T>, data: &Dataset<T>) -> Result<Evaluation> {
        check_fit(model, data)?;
        if let Some(trained) = model.preprocessing() {
            data.preprocessing().check_like(trained, "the data")?;
        }
        let usual = || default_loss(data.targets(), model);
        let usual = self.loss.is_none().then(usual);
        let loss = self.loss.as_deref().or(usual.as_deref()).expect("one of them is there");
        let said = model.head().filter(|head| *head != Head::Unknown);
        let head = said.unwrap_or_else(|| checks::head(model, data, loss));
        checks::metrics(&self.metrics, model, data, head)?;
        let outputs = predictions(model, data)?;
        let value = loss_of(loss, &outputs, data)?;
        let judged = Judged::new(outputs, data, head)?;
        let mut evaluation = Evaluation { loss: value, metrics: Vec::new(), warnings: Vec::new() };
        for metric in &self.metrics {
            let (value, warning) = judged.measure_or_nan(metric);
            evaluation.metrics.push((metric.name(), value));
            evaluation.warnings.extend(warning);
        }
        Ok(evaluation)
    }
}
