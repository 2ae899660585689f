//! What a trained model says of raw rows.
//!
//! Rows are encoded as the training data were, and the outputs read through the model's [`Head`], so that an answer is in the
//! units of the targets: a class, a number, or for targets of 0 and 1 the probability of 1.

use super::head::NAME_THE_HEAD;
use super::{Head, Model};
use crate::data::{Preprocessing, RawRow, TargetKind};
use crate::{Element, Error, Result, Shape, Tensor};

/// What a model says of one raw row.
///
/// # Examples
/// ```
/// use retrograd::{data::Csv, nn::{Answer, Mlp}, optim::Adam, train::Trainer};
/// let data = Csv::new().target("kind").read::<f64>("size,kind\n1.0,pear\n1.5,pear\n3.0,melon\n3.5,melon\n".as_bytes())?;
/// let mut model = Mlp::new(1).dense(2).build(0)?;
/// Trainer::new(Adam::new(0.1)).epochs(200).batch(4).fit(&mut model, &data)?;
/// match &model.answer(&[["3.6"]])?[0] {
///     Answer::Class { name, probability } => assert!(name == "melon" && *probability > 0.5),
///     Answer::Values(_) => unreachable!("the targets are words"),
/// }
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A class: its name (its number, where classes have no names), and its probability.
    Class {
        /// The name.
        name: String,
        /// The probability, by softmax or sigmoid of the scores; NaN where the loss gives none, as hinge does, or does not say
        /// what the outputs are ([`Head::Unknown`]).
        probability: f64,
    },
    /// Numbers, in the units of the targets that the model was trained on; where those are 0 or 1 and the loss is one of
    /// probabilities, the probabilities of 1.
    Values(Vec<f64>),
}

impl<T: Element> Model<T> {
    /// What the model says of raw rows, cells as they stand in a CSV file: encoded and scaled as the training data were, the
    /// outputs decoded to classes or scaled back. How columns are found is said at [`Preprocessing::encode_rows`]: by name, where
    /// rows have names.
    ///
    /// # Errors
    /// The model was not trained on data, or one of the rows cannot be read, which is named with its column
    /// ([`Model::answer_each`] answers the others all the same). The outputs are not one row for each row, or not finite.
    pub fn answer<R: RawRow<S>, S: AsRef<str>>(&self, rows: &[R]) -> Result<Vec<Answer>> {
        self.answer_each(rows)?.into_iter().collect()
    }

    /// As [`Model::answer`], with an answer or an error for each row.
    ///
    /// # Errors
    /// The model was not trained on data; there are no rows.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{data::Csv, nn::Mlp, optim::Adam, train::Trainer};
    /// let file = "size,kind\n1.0,pear\n1.5,pear\n3.0,melon\n3.5,melon\n";
    /// let data = Csv::new().target("kind").read::<f32>(file.as_bytes())?;
    /// let mut model = Mlp::new(1).dense(2).build(0)?;
    /// Trainer::new(Adam::new(0.1)).batch(4).fit(&mut model, &data)?;
    /// let answers = model.answer_each(&[["1.2"], ["big"]])?;
    /// assert!(answers[0].is_ok());
    /// let error = answers[1].as_ref().unwrap_err();
    /// assert_eq!(error.to_string(), "encode: row 1, column \"size\": \"big\" is not a number");
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn answer_each<R: RawRow<S>, S: AsRef<str>>(&self, rows: &[R]) -> Result<Vec<Result<Answer>>> {
        let Some(preprocessing) = self.preprocessing() else {
            return Err(Error::argument("answer: the model has not been trained on data; use predict"));
        };
        if rows.is_empty() {
            return Err(Error::argument("answer: no rows"));
        }
        self.refuse_unread(preprocessing)?;
        let encoded: Vec<Result<Vec<T>>> = preprocessing.encode_each(rows).collect();
        self.answers(preprocessing, encoded)
    }

    /// An error where nobody said what the outputs mean, and more is asked than which is the largest.
    fn refuse_unread(&self, preprocessing: &Preprocessing) -> Result<()> {
        let ranked = is_labelled(preprocessing, None) && self.output_shape().numel() > 1;
        match self.head() {
            Some(Head::Unknown) if !ranked => Err(Error::argument(format!(
                "answer: the loss that the model was trained on does not say what its outputs mean; {NAME_THE_HEAD}"
            ))),
            _ => Ok(()),
        }
    }

    /// The answers for the rows that could be encoded.
    #[inline(never)]
    pub(crate) fn answers(
        &self,
        preprocessing: &Preprocessing,
        encoded: Vec<Result<Vec<T>>>,
    ) -> Result<Vec<Result<Answer>>> {
        let good: Vec<&[T]> = encoded.iter().flatten().map(Vec::as_slice).collect();
        if good.is_empty() {
            return Ok(encoded.into_iter().map(|row| Err(row.expect_err("no row was encoded"))).collect());
        }
        let outputs = self.outputs(preprocessing, &good);
        // A layer that cannot take one of the rows says so of it alone.
        let mut answers: Vec<Result<Answer>> = match outputs.and_then(|outputs| self.read(preprocessing, &outputs)) {
            Ok(answers) => answers,
            Err(_) => good
                .iter()
                .map(|row| self.read(preprocessing, &self.outputs(preprocessing, &[*row])?)?.swap_remove(0))
                .collect(),
        };
        let mut next = answers.drain(..);
        let answer = |(number, row): (usize, Result<Vec<T>>)| {
            row?;
            let answer = next.next().expect("an answer for each row that was encoded");
            answer.map_err(|error| error.within(&format!("row {number}")).within("answer"))
        };
        Ok(encoded.into_iter().enumerate().map(answer).collect())
    }

    fn outputs(&self, preprocessing: &Preprocessing, rows: &[&[T]]) -> Result<Tensor<T>> {
        let shape = std::iter::once(rows.len()).chain(preprocessing.feature_shape().iter().copied());
        self.predict(&Tensor::new(shape.collect::<Shape>(), rows.concat())?)
    }

    /// The answers that outputs stand for.
    fn read(&self, preprocessing: &Preprocessing, outputs: &Tensor<T>) -> Result<Vec<Result<Answer>>> {
        let n = outputs.shape().first().copied().unwrap_or(0);
        let head = self.head_for(preprocessing);
        let labelled = is_labelled(preprocessing, self.head());
        if labelled && outputs.shape().rank() > 2 {
            return Err(Error::shape(format!(
                "the outputs of {n} rows have shape {}; classes go with one row of scores for each",
                outputs.shape()
            )));
        }
        let width = outputs.len() / n.max(1);
        let broken: Vec<Option<T>> = outputs
            .as_slice()
            .chunks(width.max(1))
            .map(|row| row.iter().copied().find(|x| !x.to_f64().is_finite()))
            .collect();
        let probabilities = head.probabilities(outputs);
        let answers: Vec<Answer> = if labelled {
            let classes = head.classes(outputs);
            let names = preprocessing.decode_labels(&classes)?;
            let rows = probabilities.as_slice().chunks(width.max(1)).zip(classes).zip(names);
            let answer = |((row, class), name)| Answer::Class { name, probability: head.probability_of(class, row) };
            rows.map(answer).collect()
        } else {
            let values = preprocessing.decode_values(&probabilities)?;
            values.as_slice().chunks(width.max(1)).map(|row| Answer::Values(to_f64(row))).collect()
        };
        let answer = |(answer, broken): (Answer, Option<T>)| match broken {
            // An infinite score is still a certain class.
            Some(x) if x.to_f64().is_nan() || !labelled => Err(Error::not_finite(format!("the model's output is {x}"))),
            _ => Ok(answer),
        };
        Ok(answers.into_iter().zip(broken).map(answer).collect())
    }

    /// What the outputs mean: as training said, or else the usual for such targets.
    pub(crate) fn head_for(&self, preprocessing: &Preprocessing) -> Head {
        let usual = if is_labelled(preprocessing, None) { Head::Logits } else { Head::Values };
        self.head().unwrap_or(usual)
    }
}

/// Whether the targets are classes; of files that do not say so, what their names and the head suggest.
fn is_labelled(preprocessing: &Preprocessing, head: Option<Head>) -> bool {
    match preprocessing.target_kind() {
        Some(kind) => kind == TargetKind::Label,
        None => !preprocessing.class_names().is_empty() || matches!(head, Some(Head::Logits | Head::LogProbabilities)),
    }
}

fn to_f64<T: Element>(row: &[T]) -> Vec<f64> {
    row.iter().map(|x| x.to_f64()).collect()
}
