//! Whether two data sets went through the same preprocessing, and if not, the first difference in words.
//!
//! What is compared is what makes the numbers: kinds of targets, columns, words, stand-ins for missing values, classes, scaling.
//! How files were read (delimiters, encodings) and columns that are not used may differ. Names are compared where both sides have
//! some: data made of tensors has none.

use super::preprocessing::{Column, ColumnKind, Preprocessing, listed};
use super::{Scaler, TargetKind};
use crate::{Error, Result};

impl Preprocessing {
    /// The first difference to another preprocessing that changes what inputs or targets mean, in words; nothing where there is
    /// none. `this` and `other` are what the two are called in the message.
    ///
    /// # Examples
    /// ```
    /// use retrograd::data::Csv;
    /// let csv = Csv::new().target("y");
    /// let train = csv.read::<f32>("a,b,y\n1,0,1\n2,1,2\n".as_bytes())?;
    /// let test = csv.read::<f32>("b,a,y\n0,1,1\n1,2,2\n".as_bytes())?;
    /// let difference = train.preprocessing().difference(test.preprocessing(), "train", "test");
    /// assert_eq!(difference.unwrap(), "feature column 0 is \"a\" in train, \"b\" in test");
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn difference(&self, other: &Preprocessing, this: &str, other_name: &str) -> Option<String> {
        self.find_difference(other, this, other_name).map(|difference| difference.what)
    }

    /// An error that names the first difference and what to do about it. `self` is that of the training data.
    pub(crate) fn check_like(&self, trained: &Preprocessing, name: &str) -> Result<()> {
        match trained.find_difference(self, "the training data", name) {
            Some(Difference { what, scaling }) => Err(Error::argument(format!(
                "{name} went through another preprocessing than the training data: {what}; {}",
                match scaling {
                    true =>
                        "scale both by the same scaler (Dataset::scaled_by, targets_scaled_by), fitted on the training data",
                    false => "read the file as the training file was: Csv::like(train.preprocessing())",
                }
            ))),
            None => Ok(()),
        }
    }

    fn find_difference(&self, other: &Preprocessing, this: &str, there: &str) -> Option<Difference> {
        let what = self.kinds(other, this, there).or_else(|| self.features(other, this, there));
        let what = what.or_else(|| self.targets(other, this, there));
        let scaling = || {
            let names = (self.feature_names(), self.target_names());
            let features = |column: usize| names.0.get(column).map_or(String::new(), |name| format!("{name:?}"));
            let targets = |column: usize| match names.1.get(column) {
                Some(name) => format!("target {name:?}"),
                None => format!("target {column}"),
            };
            let sides = |ours, theirs| [(this, ours), (there, theirs)];
            scalers("the features", sides(self.scalers(), other.scalers()), features)
                .or_else(|| scalers("the targets", sides(self.target_scalers(), other.target_scalers()), targets))
        };
        match what {
            Some(what) => Some(Difference { what, scaling: false }),
            None => scaling().map(|what| Difference { what, scaling: true }),
        }
    }

    fn kinds(&self, other: &Preprocessing, this: &str, there: &str) -> Option<String> {
        let (Some(ours), Some(theirs)) = (self.target_kind(), other.target_kind()) else { return None };
        let word = |kind| if kind == TargetKind::Label { "classes" } else { "values" };
        (word(ours) != word(theirs))
            .then(|| format!("the targets are {} in {this}, {} in {there}", word(ours), word(theirs)))
    }

    fn features(&self, other: &Preprocessing, this: &str, there: &str) -> Option<String> {
        let of = |preprocessing: &Preprocessing| -> Vec<Column> {
            preprocessing.columns().iter().filter(|column| column.is_feature()).cloned().collect()
        };
        let (ours, theirs) = (of(self), of(other));
        let named = self.has_names() && other.has_names();
        for (i, (a, b)) in ours.iter().zip(&theirs).enumerate() {
            if named && a.name != b.name {
                return Some(format!("feature column {i} is {:?} in {this}, {:?} in {there}", a.name, b.name));
            }
            let name = &a.name;
            let difference = match (&a.kind, &b.kind) {
                (ColumnKind::Numeric { fill }, ColumnKind::Numeric { fill: other }) if fill != other => {
                    let stand_in = |fill: &Option<f64>| fill.map_or("nothing".to_owned(), |fill| fill.to_string());
                    Some(format!(
                        "where a value of column {name:?} is missing, {} stands in in {this}, {} in {there}",
                        stand_in(fill),
                        stand_in(other)
                    ))
                }
                (ColumnKind::Categorical { vocabulary: a }, ColumnKind::Categorical { vocabulary: b }) if a != b => {
                    Some(format!("column {name:?} has the words {} in {this}, {} in {there}", listed(a), listed(b)))
                }
                (ColumnKind::Numeric { .. }, ColumnKind::Categorical { .. }) => {
                    Some(format!("column {name:?} holds numbers in {this}, words in {there}"))
                }
                (ColumnKind::Categorical { .. }, ColumnKind::Numeric { .. }) => {
                    Some(format!("column {name:?} holds words in {this}, numbers in {there}"))
                }
                _ => None,
            };
            if difference.is_some() {
                return difference;
            }
        }
        let more =
            |of: &[Column], than: &[Column]| listed(&of[than.len()..].iter().map(|c| &c.name).collect::<Vec<_>>());
        match (ours.len(), theirs.len()) {
            (a, b) if a > b => Some(format!("{this} has the feature columns {} as well", more(&ours, &theirs))),
            (a, b) if a < b => Some(format!("{there} has the feature columns {} as well", more(&theirs, &ours))),
            _ => None,
        }
    }

    /// Whether the features have names that somebody gave them.
    fn has_names(&self) -> bool {
        let made_up = |(i, column): (usize, &Column)| !column.is_feature() || column.name == format!("x{i}");
        !self.columns().iter().enumerate().all(made_up)
    }

    fn targets(&self, other: &Preprocessing, this: &str, there: &str) -> Option<String> {
        let (ours, theirs) = (self.target_names(), other.target_names());
        if self.has_names() && other.has_names() && ours != theirs && !ours.is_empty() && !theirs.is_empty() {
            return Some(format!("the targets are {} in {this}, {} in {there}", listed(&ours), listed(&theirs)));
        }
        let (ours, theirs) = (self.class_names(), other.class_names());
        if ours == theirs || ours.is_empty() || theirs.is_empty() {
            return None;
        }
        let at = ours.iter().zip(theirs).position(|(a, b)| a != b).unwrap_or(ours.len().min(theirs.len()));
        let name = |names: &[String]| names.get(at).map_or("none".to_owned(), |name| format!("{name:?}"));
        Some(format!(
            "class {at} is {} in {this} (of {}), {} in {there} (of {})",
            name(ours),
            ours.len(),
            name(theirs),
            theirs.len()
        ))
    }
}

struct Difference {
    what: String,
    scaling: bool,
}

/// The first difference between how two sides were scaled.
fn scalers(what: &str, sides: [(&str, &[Scaler]); 2], name: impl Fn(usize) -> String) -> Option<String> {
    let [(this, ours), (there, theirs)] = sides;
    for (a, b) in ours.iter().zip(theirs) {
        if a == b {
            continue;
        }
        let columns = a.offset().len().max(b.offset().len());
        let of = |scaler: &Scaler, column: usize| {
            let at = |numbers: &[f64]| numbers.get(column).or(numbers.first()).copied().unwrap_or(f64::NAN);
            (at(scaler.offset()), at(scaler.scale()))
        };
        let column = (0..columns).find(|&column| of(a, column) != of(b, column)).unwrap_or(0);
        let ((offset, scale), (other_offset, other_scale)) = (of(a, column), of(b, column));
        return Some(format!(
            "{} is scaled as (x - {offset}) / {scale} in {this}, as (x - {other_offset}) / {other_scale} in {there}",
            name(column)
        ));
    }
    let times = |n: usize| match n {
        0 => "not scaled".to_owned(),
        1 => "scaled once".to_owned(),
        n => format!("scaled {n} times"),
    };
    (ours.len() != theirs.len())
        .then(|| format!("{what} are {} in {this}, {} in {there}", times(ours.len()), times(theirs.len())))
}
