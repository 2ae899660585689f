//! What turns a raw row into a network's inputs, and its outputs back into answers.
//!
//! A [`Preprocessing`] is data alone: it knows columns, categories, scalers and names, and is saved as JSON with a model.
//! Numbers in it are f64. Reading it checks it, so that what is read can be used.
//!
//! Invariant: a row that was read from a file gives the same bits when it is encoded again.

use super::csv::reading::{MISSING_WORD, Reading, USUAL, missing};
use super::csv::{Header, Unseen};
use super::{RawRow, Scaler, TargetKind};
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
    /// What the targets are, where that is known.
    target_kind: Option<TargetKind>,
    /// The target columns in the order of the values, where they have names.
    target_names: Vec<String>,
    /// How the file was read, where there was one.
    reading: Option<Reading>,
}

/// A preprocessing as written in a file, before it is checked.
#[derive(Deserialize)]
struct Parts {
    columns: Vec<Column>,
    feature_shape: Vec<usize>,
    scalers: Vec<Scaler>,
    class_names: Vec<String>,
    target_scalers: Vec<Scaler>,
    // Files of older versions do not have what follows.
    #[serde(default)]
    target_kind: Option<TargetKind>,
    #[serde(default)]
    target_names: Vec<String>,
    #[serde(default)]
    reading: Option<Reading>,
}

/// A column of raw rows.
///
/// # Examples
/// ```
/// use retrograd::data::{ColumnKind, Csv};
/// let data = Csv::new().target("kind").ignore("id").read::<f64>("id,size,kind\n1,0.5,a\n2,1.5,b\n".as_bytes())?;
/// let columns = data.preprocessing().columns();
/// assert_eq!(columns.iter().map(|column| &column.name[..]).collect::<Vec<_>>(), ["id", "size", "kind"]);
/// assert_eq!((&columns[0].kind, &columns[2].kind), (&ColumnKind::Ignored, &ColumnKind::Target));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name; x0, x1, ... where the data has none.
    pub name: String,
    /// What becomes of it.
    pub kind: ColumnKind,
}

/// What becomes of a column of raw rows.
///
/// # Examples
/// ```
/// use retrograd::data::{ColumnKind, Csv, Missing};
/// let file = "colour,size,y\nred,1,0.5\nblue,,0.25\nred,3,0.75\n";
/// let data = Csv::new().target("y").categorical("colour").missing(Missing::Mean).read::<f64>(file.as_bytes())?;
/// let columns = data.preprocessing().columns();
/// assert_eq!(columns[0].kind, ColumnKind::Categorical { vocabulary: vec!["blue".into(), "red".into()] });
/// assert_eq!(columns[1].kind, ColumnKind::Numeric { fill: Some(2.0) });
/// # Ok::<(), retrograd::Error>(())
/// ```
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

    pub(super) fn is_feature(&self) -> bool {
        matches!(self.kind, ColumnKind::Numeric { .. } | ColumnKind::Categorical { .. })
    }

    /// Appends the features of a cell; what is wrong with it, otherwise.
    pub(super) fn encode<T: Element>(
        &self,
        cell: &str,
        reading: &Reading,
        features: &mut Vec<T>,
    ) -> Result<(), String> {
        match &self.kind {
            ColumnKind::Numeric { fill } => {
                features.push(match fill {
                    Some(fill) if reading.is_missing(cell) => T::from_f64(*fill),
                    _ => reading.number_of(cell)?,
                });
            }
            ColumnKind::Categorical { vocabulary } => {
                let word = cell.trim();
                let place = |word: &str| vocabulary.iter().position(|known| known == word);
                let gap = || place(MISSING_WORD).filter(|_| reading.missing_category);
                let at = match place(word) {
                    Some(at) => Some(at),
                    None if reading.is_missing(word) => Some(gap().ok_or_else(|| missing(word))?),
                    None if reading.unseen == Unseen::Zeros => None,
                    None => return Err(format!("{word:?} is not one of {}", listed(vocabulary))),
                };
                features.extend((0..vocabulary.len()).map(|i| T::from_f64((Some(i) == at) as u8 as f64)));
            }
            ColumnKind::Ignored | ColumnKind::Target => {}
        }
        Ok(())
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
        let Parts {
            columns,
            feature_shape,
            scalers,
            class_names,
            target_scalers,
            target_kind,
            mut target_names,
            reading,
        } = parts;
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
        reading.iter().try_for_each(|reading| reading.check().map_err(|error| error.within("preprocessing")))?;
        let targets = columns.iter().filter(|column| column.kind == ColumnKind::Target);
        let targets: Vec<&String> = targets.map(|column| &column.name).collect();
        if target_names.is_empty() {
            target_names = targets.into_iter().cloned().collect();
        } else if target_names.len() != targets.len() || target_names.iter().any(|name| !targets.contains(&name)) {
            return Err(Error::argument(format!(
                "preprocessing: the targets are called {}, their columns {}",
                listed(&target_names),
                listed(&targets)
            )));
        }
        Ok(Self { columns, feature_shape, scalers, class_names, target_scalers, target_kind, target_names, reading })
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
            target_kind: None,
            target_names: Vec::new(),
            reading: None,
        }
    }

    /// For the columns of a file, whose classes have these names; the target columns in the order of their values.
    pub(super) fn of_columns(
        columns: Vec<Column>,
        class_names: Vec<String>,
        target_names: Vec<String>,
        reading: Reading,
    ) -> Result<Self> {
        let reading = Some(reading);
        let feature_shape = vec![columns.iter().map(Column::width).sum()];
        let (scalers, target_scalers, target_kind) = (Vec::new(), Vec::new(), None);
        Parts { columns, feature_shape, scalers, class_names, target_scalers, target_kind, target_names, reading }
            .try_into()
    }

    /// For each feature, whether it is 1 for one word of a column and 0 for the others.
    pub(super) fn one_hot(&self) -> Vec<bool> {
        let of = |column: &Column| {
            std::iter::repeat_n(matches!(column.kind, ColumnKind::Categorical { .. }), column.width())
        };
        self.columns.iter().flat_map(of).collect()
    }

    /// How the file was read; the usual settings where there was none.
    pub(super) fn reading(&self) -> &Reading {
        const NONE: &Reading = &USUAL;
        self.reading.as_ref().unwrap_or(NONE)
    }

    /// Whether there is a table of text that it was made for.
    pub(crate) fn is_of_file(&self) -> bool {
        self.reading.is_some()
    }

    /// The same without scaling.
    pub(super) fn unscaled(&self) -> Self {
        Self { scalers: Vec::new(), target_scalers: Vec::new(), ..self.clone() }
    }

    pub(super) fn set_target_kind(&mut self, kind: TargetKind) {
        self.target_kind = Some(kind);
    }

    pub(super) fn set_class_names(&mut self, names: Vec<String>) -> Result<()> {
        distinct("names of classes", &names)?;
        let before = std::mem::replace(&mut self.class_names, names);
        if let Some(reading) = self.reading.as_mut().filter(|reading| reading.class_cells.is_empty()) {
            reading.class_cells = before;
        }
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

    /// The names of the target columns of a file, in the order of the values.
    pub fn target_names(&self) -> Vec<&str> {
        self.target_names.iter().map(String::as_str).collect()
    }

    /// What the targets are; nothing where that was not recorded, as in files of version 1.
    pub fn target_kind(&self) -> Option<TargetKind> {
        self.target_kind
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
    /// A row of a file with a header ([`Csv::read_rows`](super::Csv::read_rows)) has its columns matched by name, in whatever order
    /// they come; columns without use here are left out; where the data had no names, it is refused. A row without names holds the columns of the file in their order: all of
    /// them, or the features alone. Other numbers of cells are taken only where they can be read in one way.
    ///
    /// # Errors
    /// No rows, a column that the row does not have, another number of columns, one that can be read in two ways, a word that the
    /// column does not know, not a number, or a missing value where none is filled in. Rows are counted from 0.
    pub fn encode_rows<T: Element, R: RawRow<S>, S: AsRef<str>>(&self, rows: &[R]) -> Result<Tensor<T>> {
        if rows.is_empty() {
            return Err(Error::argument("encode: no rows"));
        }
        let features: Vec<Vec<T>> = self.encode_each(rows).collect::<Result<_>>()?;
        Tensor::new([rows.len(), self.n_features()], features.concat())?.try_reshape(self.shape_of(rows.len()))
    }

    /// The same row by row: the features of each, scaled, or what is wrong with it.
    pub(crate) fn encode_each<T: Element, R: RawRow<S>, S: AsRef<str>>(
        &self,
        rows: &[R],
    ) -> impl Iterator<Item = Result<Vec<T>>> {
        // Rows of one file share their names, so that their places are looked up once.
        let mut last: Option<(*const [String], usize, Vec<usize>)> = None;
        rows.iter().enumerate().map(move |(number, row)| {
            let (names, cells) = (row.names(), row.cells());
            if let Some(names) = names.filter(|names| names.len() != cells.len()) {
                return Err(Error::shape(format!(
                    "encode: row {number} has {} names of columns and {} cells; expected a cell for each",
                    names.len(),
                    cells.len()
                )));
            }
            let key = (names.map_or(&[] as *const [String], |names| names), cells.len());
            let places = match last.take() {
                Some((names, n, places)) if std::ptr::eq(names, key.0) && n == key.1 => places,
                _ => self.places(number, names, cells.len())?,
            };
            let mut features = Vec::with_capacity(self.n_features());
            for (column, &place) in self.columns.iter().filter(|column| column.is_feature()).zip(&places) {
                column.encode(cells[place].as_ref(), self.reading(), &mut features).map_err(|wrong| {
                    Error::argument(format!("encode: row {number}, column {:?}: {wrong}", column.name))
                })?;
            }
            last = Some((key.0, key.1, places));
            let row = Tensor::new([1, self.n_features()], features)?;
            Ok(self.scaled(&row, number)?.into_vec())
        })
    }

    /// Where in a row of these names, or of this many cells, the cells of the feature columns stand.
    ///
    /// By name where there are any. Names here that were made up say nothing to a row that has none of them: its cells may stand in
    /// another order.
    fn places(&self, row: usize, names: Option<&[String]>, cells: usize) -> Result<Vec<usize>> {
        let had_header = self.reading.as_ref().is_some_and(|reading| reading.header == Header::Yes);
        let unnamed = |(i, column): (usize, &Column)| !column.is_feature() || column.name == format!("x{i}");
        let made_up = !had_header && self.columns.iter().enumerate().all(unnamed);
        let known =
            |names: &[String]| self.columns.iter().any(|column| column.is_feature() && names.contains(&column.name));
        match names {
            Some(names) if !made_up || known(names) => self.places_by_name(row, names),
            Some(names) => Err(Error::argument(format!(
                "encode: row {row} has columns called {}, and the model's data had no names of columns: give the cells alone, in their \
                 order, as row.to_vec() does",
                listed(names)
            ))),
            None => self.places_by_position(row, cells),
        }
    }

    fn places_by_name(&self, row: usize, names: &[String]) -> Result<Vec<usize>> {
        let place = |column: &Column| {
            let mut found = names.iter().enumerate().filter(|(_, name)| **name == column.name);
            match (found.next(), found.next()) {
                (Some((place, _)), None) => Ok(place),
                (Some(_), Some(_)) => Err(Error::argument(format!(
                    "encode: row {row} has two columns called {:?}; name them apart",
                    column.name
                ))),
                (None, _) => Err(Error::argument(format!(
                    "encode: row {row} has no column {:?}; it has {}",
                    column.name,
                    listed(names)
                ))),
            }
        };
        self.columns.iter().filter(|column| column.is_feature()).map(place).collect()
    }

    /// Cells beyond the features are those of some of the other columns. Whichever they are, each feature must stand in one place.
    fn places_by_position(&self, row: usize, cells: usize) -> Result<Vec<usize>> {
        let others = self.columns.iter().filter(|column| !column.is_feature()).count();
        let features = self.columns.len() - others;
        let Some(given) = cells.checked_sub(features).filter(|given| *given <= others) else {
            return Err(Error::shape(format!(
                "encode: row {row} has {cells} columns; expected the {features}: {}",
                listed(&self.named(Column::is_feature))
            )));
        };
        let (mut places, mut before) = (Vec::with_capacity(features), 0);
        for column in &self.columns {
            if !column.is_feature() {
                before += 1;
                continue;
            }
            let least = given.saturating_sub(others - before);
            if least != given.min(before) {
                return Err(Error::argument(format!(
                    "encode: row {row} has {cells} columns, which can be read in more than one way: give the features alone ({}), \
                     all columns ({}), or rows of a file with a header, whose columns are matched by name (Csv::read_rows)",
                    listed(&self.named(Column::is_feature)),
                    listed(&self.named(|_| true))
                )));
            }
            places.push(places.len() + least);
        }
        Ok(places)
    }

    fn named(&self, keep: impl Fn(&Column) -> bool) -> Vec<&str> {
        self.columns.iter().filter(|column| keep(column)).map(|column| &column.name[..]).collect()
    }

    fn shape_of(&self, rows: usize) -> crate::Shape {
        std::iter::once(rows).chain(self.feature_shape.iter().copied()).collect()
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
        self.scaled(inputs, 0)?.try_reshape(self.shape_of(inputs.shape()[0]))
    }

    /// Inputs in the units of the raw data: what the scalers did, undone.
    ///
    /// # Errors
    /// Another number of features.
    pub fn unscale<T: Element>(&self, inputs: &Tensor<T>) -> Result<Tensor<T>> {
        self.scalers.iter().rev().try_fold(inputs.clone(), |inputs, scaler| scaler.invert_tensor(&inputs))
    }

    /// Rows of as many features as these, scaled; the first row has this number in errors.
    fn scaled<T: Element>(&self, inputs: &Tensor<T>, first: usize) -> Result<Tensor<T>> {
        let mut scaled = inputs.clone();
        for scaler in &self.scalers {
            scaled = scaler.apply_tensor(&scaled)?;
        }
        match scaled.iter().position(|x| !x.to_f64().is_finite()) {
            Some(at) => Err(Error::not_finite(format!(
                "encode: row {}, column {:?} is {}; features must be finite",
                first + at / self.n_features(),
                self.feature_names()[at % self.n_features()],
                scaled.as_slice()[at]
            ))),
            None => Ok(scaled),
        }
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
        if let Some(at) = scores.iter().position(|score| score.to_f64().is_nan()) {
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
