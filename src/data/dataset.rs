//! Inputs with what they should give.
//!
//! Invariants: at least one row and one feature; inputs, targets and weights have as many rows; every number is finite; every
//! label is below the number of classes. They are checked where a data set is made, so that nothing behind it checks again.

use super::batches::{Batches, Order};
use super::preprocessing::Preprocessing;
use super::source::{Inputs, RowSource};
use super::targets::check_rows;
use super::{Scaler, TargetKind, Targets};
use crate::{Element, Error, Result, Shape, Tensor};
use std::fmt;
use std::sync::Arc;

/// Rows of inputs, what each should give, and perhaps how much each counts.
///
/// Cloning shares the buffers.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, data::Dataset};
/// let xor = Dataset::labelled(Tensor::from([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), vec![0, 1, 1, 0])?
///     .with_class_names(["equal", "different"])?;
/// assert_eq!((xor.len(), xor.n_features(), xor.n_classes()), (4, 2, 2));
///
/// let error = Dataset::labelled(Tensor::from([[0.5], [f64::NAN]]), vec![0, 1]).unwrap_err();
/// assert!(error.to_string().starts_with("dataset: row 1, column \"x0\" is NaN"));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone)]
pub struct Dataset<T> {
    inputs: Inputs<T>,
    targets: Targets<T>,
    weights: Option<Tensor<T>>,
    n_classes: usize,
    preprocessing: Arc<Preprocessing>,
}

impl<T: Element> Dataset<T> {
    /// Inputs of shape [n, ...features] with a label for each row; the largest label says how many classes there are.
    ///
    /// # Errors
    /// No rows, no features, as many labels as rows is not the case, a label of 2^24 or more, or a number that is not finite.
    pub fn labelled(inputs: impl Into<Tensor<T>>, labels: Vec<usize>) -> Result<Self> {
        Self::new(inputs.into(), Targets::Labels(labels))
    }

    /// Inputs of shape [n, ...features] with values of shape `[n]` or [n, k].
    ///
    /// # Errors
    /// No rows, no features, as many values as rows is not the case, or a number that is not finite.
    pub fn regression(inputs: impl Into<Tensor<T>>, values: impl Into<Tensor<T>>) -> Result<Self> {
        Self::new(inputs.into(), Targets::Values(values.into()))
    }

    /// Inputs of shape [n, ...features] with targets.
    ///
    /// # Errors
    /// As for [`labelled`](Dataset::labelled) and [`regression`](Dataset::regression).
    pub fn new(inputs: Tensor<T>, targets: Targets<T>) -> Result<Self> {
        // Before there is a column for each feature: a shape without rows may state any number of them.
        check_filled(&inputs)?;
        let preprocessing = Preprocessing::numeric(&inputs.shape()[1..]);
        Self::with_preprocessing(inputs, targets, preprocessing)
    }

    /// Rows that are read when they are needed, with targets that are in memory: training reads a batch's rows and no others, and with
    /// several [processes](crate::train::Trainer::world) each its own.
    ///
    /// What takes all rows at once reads them then: [`inputs`](Dataset::inputs), scalers, other precisions, pictures.
    ///
    /// # Errors
    /// As for [`Dataset::new`], but for numbers that are not finite: those are found when they are read.
    pub fn rows_of(source: impl RowSource<T> + 'static, targets: Targets<T>) -> Result<Self> {
        let preprocessing = Preprocessing::numeric(&source.feature_shape());
        Self::of(Inputs::of(source)?, targets, preprocessing)
    }

    #[inline(never)]
    pub(super) fn with_preprocessing(
        inputs: Tensor<T>,
        targets: Targets<T>,
        preprocessing: Preprocessing,
    ) -> Result<Self> {
        check_inputs(&inputs, &preprocessing)?;
        Self::of(Inputs::Held(inputs), targets, preprocessing)
    }

    pub(super) fn of(inputs: Inputs<T>, targets: Targets<T>, mut preprocessing: Preprocessing) -> Result<Self> {
        check_shape(inputs.shape())?;
        let n = inputs.shape()[0];
        if targets.len() != n {
            return Err(Error::shape(format!("dataset: {n} rows of inputs, but targets for {} rows", targets.len())));
        }
        let n_classes = match &targets {
            Targets::Labels(labels) => check_labels(labels)?,
            Targets::Values(values) => check_values(values)?,
        };
        // Data that are read like others are of their kind, unless a value is neither 0 nor 1.
        let found = TargetKind::of(&targets);
        if preprocessing.target_kind().is_none() || matches!(found, TargetKind::Value | TargetKind::Label) {
            preprocessing.set_target_kind(found);
        }
        let preprocessing = Arc::new(preprocessing);
        let mut data = Self { inputs, targets, weights: None, n_classes, preprocessing };
        let names = data.preprocessing.class_names().len();
        if names > 0 {
            data = data.with_n_classes(names)?;
        }
        Ok(data)
    }

    /// Says how many classes there are, where the largest label does not.
    ///
    /// # Errors
    /// Targets that are not labels; a label out of range; another number of names of classes; more than 2^24 classes.
    #[inline(never)]
    pub fn with_n_classes(mut self, n_classes: usize) -> Result<Self> {
        let Targets::Labels(labels) = &self.targets else {
            return Err(Error::argument("dataset: values have no classes; make the data with Dataset::labelled"));
        };
        if let Some((row, label)) = labels.iter().enumerate().find(|&(_, &label)| label >= n_classes) {
            return Err(Error::argument(match n_classes {
                0 => "dataset: 0 classes; labels need at least 1".to_string(),
                n => {
                    format!("dataset: label {label} at row {row} is out of range for {n} classes (valid 0..={})", n - 1)
                }
            }));
        }
        if n_classes > MOST_CLASSES {
            return Err(Error::argument(format!("dataset: {n_classes} classes; at most {MOST_CLASSES}")));
        }
        let names = self.class_names().len();
        if names > 0 && names != n_classes {
            return Err(Error::argument(format!("dataset: {n_classes} classes, but names for {names}")));
        }
        self.n_classes = n_classes;
        Ok(self)
    }

    /// Names the classes, label 0 first.
    ///
    /// # Errors
    /// Targets that are not labels; a label without a name; the same name twice.
    pub fn with_class_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let n_classes = names.len();
        Arc::make_mut(&mut self.preprocessing).set_class_names(names)?;
        self.with_n_classes(n_classes)
    }

    /// Names the features.
    ///
    /// # Errors
    /// Not one name for each feature; the same name twice; data from a file, whose columns have names.
    pub fn with_feature_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        let names = names.into_iter().map(Into::into).collect();
        Arc::make_mut(&mut self.preprocessing).set_feature_names(names)?;
        Ok(self)
    }

    /// Gives each row a weight, `[n]`, of at least 0.
    ///
    /// # Errors
    /// Not one weight for each row; a weight below 0 or not finite; no weight above 0.
    pub fn with_weights(mut self, weights: impl Into<Tensor<T>>) -> Result<Self> {
        let weights = weights.into();
        if *weights.shape() != [self.len()].into() {
            return Err(Error::shape(format!(
                "dataset: weights of shape {} for {} rows; expected [{}]",
                weights.shape(),
                self.len(),
                self.len()
            )));
        }
        let wrong = |weight: f64| !(weight.is_finite() && weight >= 0.0);
        if let Some((row, weight)) = weights.iter().enumerate().find(|(_, weight)| wrong(weight.to_f64())) {
            return Err(Error::argument(format!(
                "dataset: weight {weight} at row {row}; weights are finite and at least 0"
            )));
        }
        if weights.iter().all(|weight| weight.to_f64() == 0.0) {
            return Err(Error::argument("dataset: every weight is 0; at least one must be above"));
        }
        self.weights = Some(weights);
        Ok(self)
    }

    /// The inputs, [n, ...features]. Of rows that are read on demand, all: they stay in memory then.
    ///
    /// # Panics
    /// Rows that are read on demand and cannot be read.
    pub fn inputs(&self) -> &Tensor<T> {
        self.try_inputs().unwrap_or_else(|error| panic!("{error}"))
    }

    /// The inputs, or why they cannot be read.
    ///
    /// # Errors
    /// As for [`RowSource::read`].
    pub fn try_inputs(&self) -> Result<&Tensor<T>> {
        self.inputs.all()
    }

    /// Whether rows are read when they are needed.
    pub fn is_on_demand(&self) -> bool {
        matches!(self.inputs, Inputs::OnDemand(_))
    }

    pub(super) fn held_or_not(&self) -> &Inputs<T> {
        &self.inputs
    }

    /// What the rows should give.
    pub fn targets(&self) -> &Targets<T> {
        &self.targets
    }

    /// The weight of each row, where there are weights.
    pub fn weights(&self) -> Option<&Tensor<T>> {
        self.weights.as_ref()
    }

    /// What the targets are: of the data that this was made as, whatever its rows are now.
    pub fn target_kind(&self) -> TargetKind {
        self.preprocessing.target_kind().unwrap_or_else(|| TargetKind::of(&self.targets))
    }

    /// The labels, where the targets are labels.
    pub fn labels(&self) -> Option<&[usize]> {
        self.targets.labels()
    }

    /// The number of rows, at least 1.
    pub fn len(&self) -> usize {
        self.inputs.shape()[0]
    }

    /// Whether there are no rows: never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of features of a row, over all its axes.
    pub fn n_features(&self) -> usize {
        self.feature_shape().iter().product()
    }

    /// The shape of one row's features.
    pub fn feature_shape(&self) -> &[usize] {
        &self.inputs.shape()[1..]
    }

    /// The number of classes; 0 where the targets are values.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// How many numbers a network should give for a row: the number of classes, or of values.
    pub fn n_outputs(&self) -> usize {
        match &self.targets {
            Targets::Labels(_) => self.n_classes,
            Targets::Values(values) => values.len() / self.len(),
        }
    }

    /// The names of the classes, label 0 first; empty where they have none.
    pub fn class_names(&self) -> &[String] {
        self.preprocessing.class_names()
    }

    /// The names of the features, one for each input of a network.
    pub fn feature_names(&self) -> Vec<String> {
        self.preprocessing.feature_names()
    }

    /// How many rows each class has, by label.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.n_classes];
        for &label in self.labels().unwrap_or(&[]) {
            counts[label] += 1;
        }
        counts
    }

    /// What turns a raw row into these inputs, and a network's outputs into answers.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// These rows, in this order; one may come more than once.
    ///
    /// # Errors
    /// No rows, or one that is not there.
    #[inline(never)]
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        if rows.is_empty() {
            return Err(Error::argument("select: no rows; a data set has at least one"));
        }
        check_rows("select", rows, self.len())?;
        Ok(self.pick(rows))
    }

    /// The same for rows that are known to be there.
    #[inline(never)]
    pub(super) fn pick(&self, rows: &[usize]) -> Self {
        let mut picked = Self { inputs: self.inputs.pick(rows), targets: self.targets.nothing(), ..self.clone() };
        self.targets.gather(rows, &mut picked.targets);
        if let (Some(from), Some(to)) = (&self.weights, &mut picked.weights) {
            from.select_rows_into(rows, &[], to);
        }
        picked
    }

    /// The same data in another precision.
    ///
    /// # Errors
    /// A number that is too large for it.
    pub fn cast<U: Element>(&self) -> Result<Dataset<U>> {
        let cast =
            |tensor: &Tensor<T>| Tensor::new(tensor.shape(), tensor.iter().map(|x| U::from_f64(x.to_f64())).collect());
        let inputs = cast(self.try_inputs()?)?;
        check_inputs(&inputs, &self.preprocessing)?;
        let targets = match &self.targets {
            Targets::Labels(labels) => Targets::Labels(labels.clone()),
            Targets::Values(values) => Targets::Values(cast(values)?),
        };
        if let Targets::Values(values) = &targets {
            check_values(values)?;
        }
        let (n_classes, preprocessing) = (self.n_classes, self.preprocessing.clone());
        let data = Dataset { inputs: Inputs::Held(inputs), targets, weights: None, n_classes, preprocessing };
        match &self.weights {
            Some(weights) => data.with_weights(cast(weights)?),
            None => Ok(data),
        }
    }

    /// The batches of one epoch: `size` rows each, the last one perhaps fewer; all rows at once where there are not as many.
    ///
    /// # Errors
    /// A size of 0.
    #[inline(never)]
    pub fn batches(&self, size: usize, order: Order) -> Result<Batches<'_, T>> {
        Batches::new(self, size, order)
    }

    /// The inputs scaled, and the scaler recorded in the preprocessing, after those before it.
    ///
    /// # Errors
    /// A scaler for another number of features.
    #[inline(never)]
    pub fn scaled_by(&self, scaler: &Scaler) -> Result<Self> {
        let inputs = scaler.apply_tensor(self.try_inputs()?)?;
        check_inputs(&inputs, &self.preprocessing)?;
        let mut data = Self { inputs: Inputs::Held(inputs), ..self.clone() };
        Arc::make_mut(&mut data.preprocessing).push_scaler(scaler.clone());
        Ok(data)
    }

    /// The target values scaled, and the scaler recorded in the preprocessing, which scales predictions back.
    ///
    /// # Errors
    /// Targets that are labels; a scaler for another number of values.
    #[inline(never)]
    pub fn targets_scaled_by(&self, scaler: &Scaler) -> Result<Self> {
        let Targets::Values(values) = &self.targets else {
            return Err(Error::argument("scaler: labels are not scaled, only target values"));
        };
        let values = scaler.apply_tensor(values)?;
        check_values(&values)?;
        let mut data = Self { targets: Targets::Values(values), ..self.clone() };
        Arc::make_mut(&mut data.preprocessing).push_target_scaler(scaler.clone());
        Ok(data)
    }
}

/// What is in it, without the rows.
impl<T: Element> fmt::Debug for Dataset<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Dataset");
        fields.field("rows", &self.len()).field("features", &self.feature_shape());
        match &self.targets {
            Targets::Labels(_) => fields.field("classes", &self.n_classes),
            Targets::Values(values) => fields.field("values", values.shape()),
        };
        fields.field("weighted", &self.weights.is_some()).finish()
    }
}

/// Rows and features, at least one of each.
fn check_filled<T: Element>(inputs: &Tensor<T>) -> Result<()> {
    check_shape(inputs.shape())
}

fn check_shape(shape: &Shape) -> Result<()> {
    if shape.rank() < 2 {
        return Err(Error::shape(format!(
            "dataset: inputs of shape {shape}; expected [rows, features], so reshape to [{}, 1] for one feature",
            shape.numel()
        )));
    }
    if shape.numel() == 0 {
        return Err(Error::argument(format!(
            "dataset: inputs of shape {shape} hold nothing; at least one row and one feature are needed"
        )));
    }
    Ok(())
}

fn check_inputs<T: Element>(inputs: &Tensor<T>, preprocessing: &Preprocessing) -> Result<()> {
    check_filled(inputs)?;
    let shape = inputs.shape();
    let Some(at) = inputs.iter().position(|x| !x.to_f64().is_finite()) else { return Ok(()) };
    let (row, column) = (at / (inputs.len() / shape[0]), at % (inputs.len() / shape[0]));
    let name = preprocessing.feature_names().swap_remove(column);
    Err(Error::not_finite(format!(
        "dataset: row {row}, column {name:?} is {}; features must be finite: drop the row, or fill the value in",
        inputs.as_slice()[at]
    )))
}

/// The most classes: a label that numbers no class, but identifies a row, must not ask for a count of all numbers below it.
const MOST_CLASSES: usize = 1 << 24;

/// How many classes labels have: one more than the largest.
fn check_labels(labels: &[usize]) -> Result<usize> {
    match labels.iter().enumerate().find(|&(_, &label)| label >= MOST_CLASSES) {
        Some((row, label)) => Err(Error::argument(format!(
            "dataset: label {label} at row {row}; labels number classes from 0, and there are at most {MOST_CLASSES} of them"
        ))),
        None => Ok(labels.iter().max().map_or(0, |&label| label + 1)),
    }
}

/// Values of one or two axes, all finite; the number of classes, which is 0.
fn check_values<T: Element>(values: &Tensor<T>) -> Result<usize> {
    let shape = values.shape();
    if !(1..=2).contains(&shape.rank()) || values.is_empty() {
        return Err(Error::shape(format!("dataset: target values of shape {shape}; expected [n] or [n, k]")));
    }
    match values.iter().position(|x| !x.to_f64().is_finite()) {
        Some(at) => Err(Error::not_finite(format!(
            "dataset: the target of row {} is {}; targets must be finite",
            at / (values.len() / shape[0]),
            values.as_slice()[at]
        ))),
        None => Ok(0),
    }
}
