//! What turns a raw row into a network's inputs, and its outputs back into answers.
//!
//! A [`Preprocessing`] is data alone: it knows columns, categories, scalers and names, and is saved as JSON with a model.
//! Numbers in it are f64. Reading it checks it, so that what is read can be used.
//!
//! Invariant: a row that was read from a file gives the same bits when it is encoded again.

use super::Scaler;
use crate::{Element, Error, Result, Tensor};
use serde::{Deserialize, Serialize};

/// How raw rows become inputs, and outputs answers.
///
/// A data set carries one ([`Dataset::preprocessing`](super::Dataset::preprocessing)).
///
/// # Examples
/// ```
/// use retrograd::data::{Csv, Preprocessing};
/// let file = "colour,size,kind\nred,1.0,a\nblue,2.0,b\n";
/// let data = Csv::new().target("kind").categorical("colour").read::<f64>(file.as_bytes())?;
///
/// let saved = data.preprocessing().to_json();
/// let preprocessing = Preprocessing::from_json(&saved)?;
/// let inputs = preprocessing.encode_rows::<f64, _, _>(&[["red", "4.5"]])?;
/// assert_eq!(preprocessing.feature_names(), ["colour=blue", "colour=red", "size"]);
/// assert_eq!(inputs.to_vec(), [0.0, 1.0, 4.5]);
/// assert_eq!(preprocessing.decode_labels(&[1])?, ["b"]);
///
/// let error = preprocessing.encode_rows::<f64, _, _>(&[["green", "1"]]).unwrap_err();
/// assert_eq!(error.to_string(), "encode: row 0, column \"colour\": \"green\" is not one of blue, red");
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Preprocessing {
    columns: Vec<Column>,
    feature_shape: Vec<usize>,
    scalers: Vec<Scaler>,
    class_names: Vec<String>,
    target_scalers: Vec<Scaler>,
}

/// A preprocessing as written in a file, before it is checked.
#[derive(Deserialize)]
struct Parts {
    columns: Vec<Column>,
    feature_shape: Vec<usize>,
    scalers: Vec<Scaler>,
    class_names: Vec<String>,
    target_scalers: Vec<Scaler>,
}

/// A column of raw rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name; x0, x1, ... where the data has none.
    pub name: String,
    /// What becomes of it.
    pub kind: ColumnKind,
}

/// What becomes of a column of raw rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// A number, one feature.
    Numeric {
        /// What stands in for a missing value, where that is allowed.
        fill: Option<f64>,
    },
    /// One of some words: a feature for each, 1 for the word that it is, else 0.
    Categorical {
        /// The words, in the order of their features.
        vocabulary: Vec<String>,
    },
    /// Not a feature.
    Ignored,
    /// What a network is to find out.
    Target,
}

impl Column {
    /// The number of features that it becomes.
    pub(super) fn width(&self) -> usize {
        match &self.kind {
            ColumnKind::Numeric { .. } => 1,
            ColumnKind::Categorical { vocabulary } => vocabulary.len(),
            ColumnKind::Ignored | ColumnKind::Target => 0,
        }
    }

    fn is_feature(&self) -> bool {
        matches!(self.kind, ColumnKind::Numeric { .. } | ColumnKind::Categorical { .. })
    }

    /// Appends the features of a cell; what is wrong with it, otherwise.
    pub(super) fn encode<T: Element>(&self, cell: &str, features: &mut Vec<T>) -> Result<(), String> {
        match &self.kind {
            ColumnKind::Numeric { fill } => {
                let number = match (*fill, is_missing(cell)) {
                    (Some(fill), true) => fill,
                    _ => parse_number(cell)?,
                };
                features.push(T::from_f64(number));
            }
            ColumnKind::Categorical { vocabulary } => {
                let word = cell.trim();
                let Some(at) = vocabulary.iter().position(|known| known == word) else {
                    return Err(match is_missing(word) {
                        true => missing(word),
                        false => format!("{word:?} is not one of {}", listed(vocabulary)),
                    });
                };
                features.extend((0..vocabulary.len()).map(|i| T::from_f64((i == at) as u8 as f64)));
            }
            ColumnKind::Ignored | ColumnKind::Target => {}
        }
        Ok(())
    }
}

/// Whether the cell holds no value: empty, `?`, `NA` or `NaN`.
pub(super) fn is_missing(cell: &str) -> bool {
    let cell = cell.trim();
    cell.is_empty() || cell == "?" || cell.eq_ignore_ascii_case("na") || cell.eq_ignore_ascii_case("nan")
}

pub(super) fn missing(cell: &str) -> String {
    match cell.trim() {
        "" => "the value is missing".into(),
        mark => format!("the value is missing ({mark:?})"),
    }
}

/// The finite number in the cell; what is wrong with it, otherwise.
pub(super) fn parse_number(cell: &str) -> Result<f64, String> {
    let cell = cell.trim();
    match cell.parse::<f64>() {
        _ if is_missing(cell) => Err(missing(cell)),
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(format!("{cell:?} is not a finite number")),
        Err(_) => Err(format!("{cell:?} is not a number")),
    }
}

/// The words as a list, cut where it grows long.
pub(crate) fn listed<S: AsRef<str>>(words: &[S]) -> String {
    const MOST: usize = 12;
    let shown: Vec<&str> = words.iter().take(MOST).map(AsRef::as_ref).collect();
    match words.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

impl TryFrom<Parts> for Preprocessing {
    type Error = Error;
    fn try_from(parts: Parts) -> Result<Self> {
        let Parts { columns, feature_shape, scalers, class_names, target_scalers } = parts;
        let width = columns.iter().map(Column::width).sum::<usize>();
        let product = feature_shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        if product != Some(width) {
            return Err(Error::shape(format!(
                "preprocessing: the columns make {width} features, the feature shape is {feature_shape:?}"
            )));
        }
        for column in &columns {
            match &column.kind {
                ColumnKind::Numeric { fill: Some(fill) } if !fill.is_finite() => {
                    return Err(Error::not_finite(format!(
                        "preprocessing: column {:?} fills missing values with {fill}; expected a finite number",
                        column.name
                    )));
                }
                ColumnKind::Categorical { vocabulary } => distinct("words of a column", vocabulary)?,
                _ => {}
            }
        }
        scalers.iter().try_for_each(|scaler| scaler.check_columns(width))?;
        distinct("names of classes", &class_names)?;
        Ok(Self { columns, feature_shape, scalers, class_names, target_scalers })
    }
}

/// An error where a word comes twice.
fn distinct(what: &str, words: &[String]) -> Result<()> {
    let mut sorted: Vec<&String> = words.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::argument(format!("preprocessing: {what} must differ, {:?} comes twice", pair[0]))),
        None => Ok(()),
    }
}

impl Preprocessing {
    /// Numbers as they are, for features of this shape.
    pub(super) fn numeric(feature_shape: &[usize]) -> Self {
        let kind = ColumnKind::Numeric { fill: None };
        let column = |i| Column { name: format!("x{i}"), kind: kind.clone() };
        Self {
            columns: (0..feature_shape.iter().product()).map(column).collect(),
            feature_shape: feature_shape.to_vec(),
            scalers: Vec::new(),
            class_names: Vec::new(),
            target_scalers: Vec::new(),
        }
    }

    /// For the columns of a file, whose classes have these names.
    pub(super) fn of_columns(columns: Vec<Column>, class_names: Vec<String>) -> Result<Self> {
        let feature_shape = vec![columns.iter().map(Column::width).sum()];
        Parts { columns, feature_shape, scalers: vec![], class_names, target_scalers: vec![] }.try_into()
    }

    pub(super) fn set_class_names(&mut self, names: Vec<String>) -> Result<()> {
        distinct("names of classes", &names)?;
        self.class_names = names;
        Ok(())
    }

    pub(super) fn set_feature_names(&mut self, names: Vec<String>) -> Result<()> {
        if !self.columns.iter().all(|column| matches!(column.kind, ColumnKind::Numeric { .. })) {
            return Err(Error::argument("dataset: columns of a file keep their names; name them with Csv::names"));
        }
        if names.len() != self.columns.len() {
            let n = self.columns.len();
            return Err(Error::argument(format!("dataset: {} names for {n} features", names.len())));
        }
        distinct("names of features", &names)?;
        self.columns.iter_mut().zip(names).for_each(|(column, name)| column.name = name);
        Ok(())
    }

    pub(super) fn push_scaler(&mut self, scaler: Scaler) {
        self.scalers.push(scaler);
    }

    pub(super) fn push_target_scaler(&mut self, scaler: Scaler) {
        self.target_scalers.push(scaler);
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("names and finite numbers have a JSON form")
    }

    /// From what [`to_json`](Preprocessing::to_json) wrote.
    ///
    /// # Errors
    /// Not JSON of this form; parts that do not fit each other.
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| Error::argument(format!("preprocessing: {error}")))
    }

    /// The columns of a raw row, as in the file.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The number of features of a row, over all its axes.
    pub fn n_features(&self) -> usize {
        self.feature_shape.iter().product()
    }

    /// The shape of one row's features.
    pub fn feature_shape(&self) -> &[usize] {
        &self.feature_shape
    }

    /// The names of the features; those of a categorical column are `column=word`.
    pub fn feature_names(&self) -> Vec<String> {
        let mut names = Vec::with_capacity(self.n_features());
        for column in &self.columns {
            match &column.kind {
                ColumnKind::Numeric { .. } => names.push(column.name.clone()),
                ColumnKind::Categorical { vocabulary } => {
                    names.extend(vocabulary.iter().map(|word| format!("{}={word}", column.name)));
                }
                ColumnKind::Ignored | ColumnKind::Target => {}
            }
        }
        names
    }

    /// The names of the target columns of a file.
    pub fn target_names(&self) -> Vec<&str> {
        let targets = self.columns.iter().filter(|column| column.kind == ColumnKind::Target);
        targets.map(|column| &column.name[..]).collect()
    }

    /// The names of the classes, label 0 first; empty where they have none.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The scalers of features, in the order in which they are applied.
    pub fn scalers(&self) -> &[Scaler] {
        &self.scalers
    }

    /// The scalers of target values, in the order in which they are applied.
    pub fn target_scalers(&self) -> &[Scaler] {
        &self.target_scalers
    }

    /// Raw rows of text as inputs, [rows, ...features], scaled.
    ///
    /// A row holds the columns of the file in their order: all of them, or all but the targets, or the features alone.
    ///
    /// # Errors
    /// No rows, another number of columns, a word that the column does not know, not a number, or a missing value where none is
    /// filled in. Rows are counted from 0.
    pub fn encode_rows<T: Element, R: AsRef<[S]>, S: AsRef<str>>(&self, rows: &[R]) -> Result<Tensor<T>> {
        if rows.is_empty() {
            return Err(Error::argument("encode: no rows"));
        }
        let mut features = Vec::with_capacity(rows.len() * self.n_features());
        for (row, cells) in rows.iter().enumerate() {
            let cells = cells.as_ref();
            for (column, cell) in self.columns_of(row, cells.len())?.into_iter().zip(cells) {
                column.encode(cell.as_ref(), &mut features).map_err(|wrong| {
                    Error::argument(format!("encode: row {row}, column {:?}: {wrong}", column.name))
                })?;
            }
        }
        self.scale(&Tensor::new([rows.len(), self.n_features()], features)?)
    }

    /// The columns that a row of this many cells holds.
    fn columns_of(&self, row: usize, cells: usize) -> Result<Vec<&Column>> {
        let kept: [fn(&Column) -> bool; 3] = [|_| true, |column| column.kind != ColumnKind::Target, Column::is_feature];
        for keep in kept {
            let columns: Vec<&Column> = self.columns.iter().filter(|column| keep(column)).collect();
            if columns.len() == cells {
                return Ok(columns);
            }
        }
        let expected: Vec<&str> =
            self.columns.iter().filter(|column| column.is_feature()).map(|column| &column.name[..]).collect();
        Err(Error::shape(format!(
            "encode: row {row} has {cells} columns; expected the {}: {}",
            expected.len(),
            listed(&expected)
        )))
    }

    /// Features that are numbers already, [rows, ...features], scaled as those of the training data were.
    ///
    /// # Errors
    /// Another number of features, or a number that is not finite.
    pub fn scale<T: Element>(&self, inputs: &Tensor<T>) -> Result<Tensor<T>> {
        let features = inputs.shape().get(1..).unwrap_or(&[]).iter().product::<usize>();
        if features != self.n_features() || inputs.shape().rank() < 2 {
            return Err(Error::shape(format!(
                "encode: inputs of shape {}; expected [rows, {}]",
                inputs.shape(),
                self.n_features()
            )));
        }
        let mut scaled = inputs.clone();
        for scaler in &self.scalers {
            scaled = scaler.apply_tensor(&scaled)?;
        }
        if let Some(at) = scaled.iter().position(|x| !x.as_f64().is_finite()) {
            return Err(Error::not_finite(format!(
                "encode: row {}, column {:?} is {}; features must be finite",
                at / features,
                self.feature_names()[at % features],
                scaled.as_slice()[at]
            )));
        }
        let shape = std::iter::once(inputs.shape()[0]).chain(self.feature_shape.iter().copied());
        scaled.try_reshape(shape.collect::<crate::Shape>())
    }

    /// The names of these classes; their numbers, where they have no names.
    ///
    /// # Errors
    /// A label without a name.
    pub fn decode_labels(&self, labels: &[usize]) -> Result<Vec<String>> {
        let decode = |&label: &usize| match self.class_names.get(label) {
            _ if self.class_names.is_empty() => Ok(label.to_string()),
            Some(name) => Ok(name.clone()),
            None => Err(Error::argument(format!(
                "decode: label {label} is out of range for {} classes",
                self.class_names.len()
            ))),
        };
        labels.iter().map(decode).collect()
    }

    /// For each row of scores, [n, classes], the name of the class with the largest, the first of equals.
    ///
    /// # Errors
    /// Another shape, or a score that is NaN.
    pub fn decode_scores<T: Element>(&self, scores: &Tensor<T>) -> Result<Vec<String>> {
        let shape = scores.shape();
        let classes = self.class_names.len();
        if shape.rank() != 2 || shape[1] == 0 || (classes > 0 && shape[1] != classes) {
            return Err(Error::shape(format!("decode: scores of shape {shape}; expected [n, classes]")));
        }
        if let Some(at) = scores.iter().position(|score| score.as_f64().is_nan()) {
            return Err(Error::not_finite(format!("decode: a score of row {} is NaN", at / shape[1])));
        }
        self.decode_labels(&scores.argmax_rows())
    }

    /// Predicted values in the units of the data: what the target scalers did, undone.
    ///
    /// # Errors
    /// Another number of values in a row.
    pub fn decode_values<T: Element>(&self, values: &Tensor<T>) -> Result<Tensor<T>> {
        self.target_scalers.iter().rev().try_fold(values.clone(), |values, scaler| scaler.invert_tensor(&values))
    }
}
