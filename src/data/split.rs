//! Parts of a data set: for training, validation and testing.
//!
//! Rows are drawn under a seed, without replacement; every row goes into exactly one part. Stratified parts hold each class
//! in the proportion that the whole has it.

use super::Dataset;
use super::batches::{Purpose, generator, shuffle};
use crate::{Element, Error, Result};
use std::collections::BTreeMap;
use std::fmt;

impl<T: Element> Dataset<T> {
    /// Shuffles and holds back a fraction: (the rest, the held-back rows).
    ///
    /// round(n fraction) rows are held back.
    ///
    /// # Errors
    /// A fraction that is not above 0 and below 1, or that leaves one part empty.
    ///
    /// # Examples
    /// ```
    /// use retrograd::data::synthetic;
    /// let data = synthetic::two_moons::<f32>(100, 0.1, 0)?;
    /// let (train, test) = data.split(0.2, 1)?;
    /// assert_eq!((train.len(), test.len()), (80, 20));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    #[inline(never)]
    pub fn split(&self, fraction: f64, seed: u64) -> Result<(Self, Self)> {
        let [held] = counts("split", self.len(), [fraction])?;
        let order = self.shuffled_rows(seed);
        let (held, rest) = order.split_at(held);
        Ok((self.pick(rest), self.pick(held)))
    }

    /// Splits in order: (the first n rows, the others). For data that is shuffled already, or whose order is that of time.
    ///
    /// # Errors
    /// n of 0, or so many that none are left.
    #[inline(never)]
    pub fn split_at(&self, n: usize) -> Result<(Self, Self)> {
        if !(1..self.len()).contains(&n) {
            return Err(Error::argument(format!(
                "split_at: {n} of {} rows leave a part empty; expected at least 1, and fewer than all",
                self.len()
            )));
        }
        let rows: Vec<usize> = (0..self.len()).collect();
        Ok((self.pick(&rows[..n]), self.pick(&rows[n..])))
    }

    /// Shuffles and holds back two fractions: (training, validation, test).
    ///
    /// # Errors
    /// A fraction that is not above 0 and below 1, fractions that leave nothing, or one part empty.
    #[inline(never)]
    pub fn split3(&self, validation: f64, test: f64, seed: u64) -> Result<(Self, Self, Self)> {
        let [validation, test] = counts("split3", self.len(), [validation, test])?;
        let order = self.shuffled_rows(seed);
        let (held, train) = order.split_at(validation + test);
        let (validation, test) = held.split_at(validation);
        Ok((self.pick(train), self.pick(validation), self.pick(test)))
    }

    /// Splits as [`split`](Dataset::split) does, with each class in both parts in the proportion that the whole has it.
    ///
    /// # Errors
    /// As for [`split`](Dataset::split); targets that are not labels; rows of one class only; a class with one row; more classes
    /// than rows in a part.
    #[inline(never)]
    pub fn stratified_split(&self, fraction: f64, seed: u64) -> Result<(Self, Self)> {
        let op = "stratified_split";
        let [held] = counts(op, self.len(), [fraction])?;
        let (rest, held) = self.stratify(op, (0..self.len()).collect(), held, seed)?;
        Ok((self.pick(&rest), self.pick(&held)))
    }

    /// Splits as [`split3`](Dataset::split3) does, with each class in all parts in the proportion that the whole has it.
    ///
    /// # Errors
    /// As for [`split3`](Dataset::split3) and [`stratified_split`](Dataset::stratified_split).
    #[inline(never)]
    pub fn stratified_split3(&self, validation: f64, test: f64, seed: u64) -> Result<(Self, Self, Self)> {
        let op = "stratified_split3";
        let [validation, test] = counts(op, self.len(), [validation, test])?;
        let (rest, test) = self.stratify(op, (0..self.len()).collect(), test, seed)?;
        let (train, validation) = self.stratify(op, rest, validation, seed)?;
        Ok((self.pick(&train), self.pick(&validation), self.pick(&test)))
    }

    /// k pairs of (training, validation): each row is in the validation part of exactly one.
    ///
    /// The first n mod k validation parts have one row more.
    ///
    /// # Errors
    /// k below 2, or above the number of rows.
    ///
    /// # Examples
    /// ```
    /// use retrograd::data::synthetic;
    /// let data = synthetic::two_moons::<f32>(10, 0.1, 0)?;
    /// let sizes: Vec<_> = data.k_folds(3, 1)?.map(|(train, valid)| (train.len(), valid.len())).collect();
    /// assert_eq!(sizes, [(6, 4), (7, 3), (7, 3)]);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    #[inline(never)]
    pub fn k_folds(&self, k: usize, seed: u64) -> Result<Folds<'_, T>> {
        check_k("k_folds", k, self.len())?;
        let mut rows: Vec<usize> = (0..self.len()).collect();
        shuffle(&mut rows, &mut generator(seed, Purpose::Folds, 0));
        let mut fold_of = vec![0; self.len()];
        rows.iter().enumerate().for_each(|(i, &row)| fold_of[row] = i % k);
        Ok(Folds { data: self, rows, fold_of, k, next: 0 })
    }

    /// Folds as [`k_folds`](Dataset::k_folds) makes them, with each class spread evenly over them.
    ///
    /// # Errors
    /// As for [`k_folds`](Dataset::k_folds); targets that are not labels; rows of one class only; a class with fewer rows than k.
    #[inline(never)]
    pub fn stratified_k_folds(&self, k: usize, seed: u64) -> Result<Folds<'_, T>> {
        let op = "stratified_k_folds";
        check_k(op, k, self.len())?;
        let mut rng = generator(seed, Purpose::Folds, 0);
        let mut rows: Vec<usize> = (0..self.len()).collect();
        shuffle(&mut rows, &mut rng);
        let mut fold_of = vec![0; self.len()];
        let mut dealt = 0;
        for (label, members) in self.by_class(op, &rows)? {
            if members.len() < k {
                return Err(Error::argument(format!(
                    "{op}: class {} has {} rows, fewer than {k} folds",
                    self.name_of(label),
                    members.len()
                )));
            }
            // Dealt on from where the class before ended, so that the folds' sizes differ by one at most.
            for row in members {
                fold_of[row] = dealt % k;
                dealt += 1;
            }
        }
        Ok(Folds { data: self, rows, fold_of, k, next: 0 })
    }

    fn shuffled_rows(&self, seed: u64) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..self.len()).collect();
        shuffle(&mut rows, &mut generator(seed, Purpose::Split, 0));
        rows
    }

    /// Draws `held` of the rows, stratified: (the rest, the held-back rows), both shuffled.
    fn stratify(&self, op: &str, mut rows: Vec<usize>, held: usize, seed: u64) -> Result<(Vec<usize>, Vec<usize>)> {
        let mut rng = generator(seed, Purpose::Split, 1);
        shuffle(&mut rows, &mut rng);
        let classes = self.by_class(op, &rows)?;
        let rest = rows.len() - held;
        if held.min(rest) < classes.len() {
            return Err(Error::argument(format!(
                "{op}: parts of {rest} and {held} rows cannot both hold each of {} classes",
                classes.len()
            )));
        }
        if let Some((label, _)) = classes.iter().find(|(_, members)| members.len() < 2) {
            let name = self.name_of(*label);
            return Err(Error::argument(format!(
                "{op}: class {name} has 1 row; at least 2 are needed, one for each part"
            )));
        }
        let sizes: Vec<usize> = classes.iter().map(|(_, members)| members.len()).collect();
        let (mut kept, mut drawn) = (Vec::with_capacity(rest), Vec::with_capacity(held));
        for ((_, members), quota) in classes.iter().zip(quotas(&sizes, held)) {
            drawn.extend_from_slice(&members[..quota]);
            kept.extend_from_slice(&members[quota..]);
        }
        shuffle(&mut kept, &mut rng);
        shuffle(&mut drawn, &mut rng);
        Ok((kept, drawn))
    }

    /// The rows of each class that has any, in the order of `rows`; at least two classes.
    fn by_class(&self, op: &str, rows: &[usize]) -> Result<Vec<(usize, Vec<usize>)>> {
        let Some(labels) = self.labels() else {
            return Err(Error::argument(format!(
                "{op}: targets are values, which have no classes; split without strata"
            )));
        };
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        rows.iter().for_each(|&row| members.entry(labels[row]).or_default().push(row));
        let classes: Vec<(usize, Vec<usize>)> = members.into_iter().collect();
        if let [(label, _)] = &classes[..] {
            return Err(Error::argument(format!(
                "{op}: every row is of class {}; strata need at least two classes",
                self.name_of(*label)
            )));
        }
        Ok(classes)
    }

    fn name_of(&self, label: usize) -> String {
        self.class_names().get(label).map_or_else(|| label.to_string(), |name| format!("{name:?}"))
    }
}

/// How many rows of each fraction; every part, and what is left, has some.
fn counts<const N: usize>(op: &str, n: usize, fractions: [f64; N]) -> Result<[usize; N]> {
    if let Some(fraction) = fractions.iter().find(|fraction| !(**fraction > 0.0 && **fraction < 1.0)) {
        return Err(Error::argument(format!("{op}: a fraction of {fraction}; expected above 0 and below 1")));
    }
    let held = fractions.map(|fraction| (n as f64 * fraction).round() as usize);
    if held.contains(&0) || held.iter().sum::<usize>() >= n {
        return Err(Error::argument(format!(
            "{op}: of {n} rows, {fractions:?} would be {held:?}, which leaves a part empty; use other fractions, or more rows"
        )));
    }
    Ok(held)
}

fn check_k(op: &str, k: usize, n: usize) -> Result<()> {
    if (2..=n).contains(&k) {
        return Ok(());
    }
    Err(Error::argument(format!("{op}: {k} folds of {n} rows; expected at least 2, and at most as many as rows")))
}

/// How many of each class are drawn for `held` in all: proportional, by largest remainders, with at least one drawn and
/// one left of each.
fn quotas(sizes: &[usize], held: usize) -> Vec<usize> {
    let n: usize = sizes.iter().sum();
    let exact = |class: usize| sizes[class] as f64 * held as f64 / n as f64;
    let mut quotas: Vec<usize> =
        sizes.iter().enumerate().map(|(class, &size)| (exact(class) as usize).clamp(1, size - 1)).collect();
    let mut drawn: usize = quotas.iter().sum();
    while drawn != held {
        let more = drawn < held;
        let owed = |class: &usize| exact(*class) - quotas[*class] as f64;
        let movable = (0..sizes.len()).filter(|&class| match more {
            true => quotas[class] < sizes[class] - 1,
            false => quotas[class] > 1,
        });
        // Equal claims go to the first class in one direction, so that the draw does not depend on anything else.
        let class = match more {
            true => movable.rev().max_by(|a, b| owed(a).total_cmp(&owed(b))),
            false => movable.min_by(|a, b| owed(a).total_cmp(&owed(b))),
        };
        let class = class.expect("both parts have room for each class");
        if more {
            quotas[class] += 1;
            drawn += 1;
        } else {
            quotas[class] -= 1;
            drawn -= 1;
        }
    }
    quotas
}

/// Pairs of (training, validation); made by [`Dataset::k_folds`].
///
/// # Examples
/// ```
/// use retrograd::data::synthetic;
/// let data = synthetic::two_moons::<f64>(10, 0.1, 0)?;
/// let folds = data.k_folds(5, 7)?;
/// let mut held: Vec<usize> = (0..5).flat_map(|fold| folds.rows(fold).unwrap().1).collect();
/// held.sort();
/// assert_eq!(held, (0..10).collect::<Vec<_>>());
/// for (training, validation) in folds {
///     assert_eq!((training.len(), validation.len()), (8, 2));
/// }
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone)]
pub struct Folds<'a, T> {
    data: &'a Dataset<T>,
    /// The rows, shuffled.
    rows: Vec<usize>,
    fold_of: Vec<usize>,
    k: usize,
    next: usize,
}

impl<T: Element> Folds<'_, T> {
    /// The numbers of the rows of fold `fold`: (training, validation).
    ///
    /// # Errors
    /// No such fold.
    pub fn rows(&self, fold: usize) -> Result<(Vec<usize>, Vec<usize>)> {
        if fold >= self.k {
            return Err(Error::argument(format!("folds: no fold {fold} of {} (counted from 0)", self.k)));
        }
        Ok(self.rows.iter().partition(|&&row| self.fold_of[row] != fold))
    }
}

/// Where it is, without the rows.
impl<T: Element> fmt::Debug for Folds<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folds").field("next", &self.next).field("of", &self.k).field("data", self.data).finish()
    }
}

impl<T: Element> Iterator for Folds<'_, T> {
    type Item = (Dataset<T>, Dataset<T>);

    fn next(&mut self) -> Option<Self::Item> {
        let (train, validation) = self.rows(self.next).ok()?;
        self.next += 1;
        Some((self.data.pick(&train), self.data.pick(&validation)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.k - self.next, Some(self.k - self.next))
    }
}

impl<T: Element> ExactSizeIterator for Folds<'_, T> {}
