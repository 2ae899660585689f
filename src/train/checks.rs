//! Whether model, loss, metrics and data fit each other, found before the first batch: what cannot be computed is an error, what can
//! be computed and is probably not meant is a warning in the history.

use super::measure::{Judged, Metric};
use super::pieces;
use super::run::loss_of;
use crate::data::{Dataset, TargetKind, Targets};
use crate::nn::{Ending, Head, Loss, Model, NAME_THE_HEAD, last_layer, neediest};
use crate::{Element, Error, Result, Shape, Tensor};

/// What the outputs mean: as the loss says, or else as the network ends, or else plain values where the targets are such.
pub(super) fn head<T: Element>(model: &Model<T>, data: &Dataset<T>, loss: &dyn Loss<T>) -> Head {
    match (loss.head(), model.network().ending()) {
        (Head::Unknown, Ending::Probabilities) => Head::Probabilities,
        (Head::Unknown, Ending::LogProbabilities) => Head::LogProbabilities,
        (Head::Unknown, Ending::Between { low, high }) if low >= 0.0 && high <= 1.0 => Head::Values,
        (Head::Unknown, _) if data.target_kind() == TargetKind::Value => Head::Values,
        (said, _) => said,
    }
}

/// An error if a metric is not for targets and outputs such as these. They are measured on outputs of 0: whatever depends on the
/// numbers may be undefined, and is not looked at.
pub(super) fn metrics<T: Element>(metrics: &[Metric], model: &Model<T>, data: &Dataset<T>, head: Head) -> Result<()> {
    let judged = Judged::new(zeros(model, data), data, head)?;
    for metric in metrics {
        match judged.measure(metric) {
            Err(error) if !error.is_not_finite() => {
                return Err(error.within(&format!("train: the metric {} does not fit", metric.name())));
            }
            _ => {}
        }
    }
    Ok(())
}

/// An error if the loss or the network cannot take these data. Of data for training, the loss is asked for a few rows: it is
/// never computed of all at once.
pub(super) fn data<T: Element>(model: &Model<T>, data: &Dataset<T>, loss: &dyn Loss<T>, whole: bool) -> Result<()> {
    let few = if whole { data.clone() } else { first_rows(data)? };
    // Of rows that are read on demand, the others are checked when they are read.
    let checked = if data.is_on_demand() { first_rows(data)? } else { data.clone() };
    model.network().check_input(checked.try_inputs()?)?;
    loss_of(loss, &zeros(model, &few), &few).map(drop)
}

fn first_rows<T: Element>(data: &Dataset<T>) -> Result<Dataset<T>> {
    let rows: Vec<usize> = (0..data.len().min(ROWS)).collect();
    data.select(&rows)
}

fn zeros<T: Element>(model: &Model<T>, data: &Dataset<T>) -> Tensor<T> {
    let shape: Shape = std::iter::once(data.len()).chain(model.output_shape().iter().copied()).collect();
    Tensor::zeros(shape)
}

/// An error if the shortest batch of an epoch, or piece of it, has too few rows for a layer.
pub(super) fn shortest_batch<T: Element>(
    model: &Model<T>,
    rows: usize,
    size: usize,
    drop_last: bool,
    cut: usize,
) -> Result<()> {
    let Some((name, least)) = neediest(model.network(), "") else { return Ok(()) };
    let rest = rows % size;
    let (which, shortest) = match rest {
        0 => ("a batch", size),
        _ if drop_last => ("a batch", size),
        // Where it is the pieces of every batch that are too short, that is said.
        _ if pieces::shortest(size, cut) < least => ("a batch", size),
        rest => ("the last batch of an epoch", rest),
    };
    let of_piece = pieces::shortest(shortest, cut);
    if of_piece >= least {
        return Ok(());
    }
    let name = if name.is_empty() { model.network().kind() } else { &name };
    let advice = match which {
        "a batch" => "train with larger batches".to_owned(),
        _ => format!("leave it out with drop_last(), or choose another batch size than {size}"),
    };
    if cut > 1 {
        return Err(Error::argument(format!(
            "train: one of {cut} pieces of {which} of {shortest} rows has {of_piece}, and {name} needs {least} at least, for they are \
             compared; cut it into fewer pieces, or {advice}"
        )));
    }
    Err(Error::argument(format!(
        "train: {which} has {shortest} of {rows} rows, and {name} needs {least} at least, for they are compared; {advice}"
    )))
}

/// What is strange about the network's end, the loss and the targets together.
pub(super) fn warnings<T: Element>(model: &Model<T>, data: &Dataset<T>, loss: &dyn Loss<T>) -> Vec<String> {
    let ending = ending(model, data, loss.head());
    let last = last_layer(model.network());
    let mut warnings: Vec<String> = misfit(loss, data.targets(), &last, ending).into_iter().collect();
    if ending == Ending::Probabilities && model.output_shape().last() == Some(&1) {
        warnings
            .push(format!("the model ends in {last} of one output, which is always 1; use sigmoid, or two outputs"));
    }
    warnings.extend(strange_targets(loss, data.targets()));
    if head(model, data, loss) == Head::Unknown {
        warnings.push(format!(
            "the loss {} does not say what the outputs mean, so that probabilities are not known: {NAME_THE_HEAD}",
            loss.name()
        ));
    }
    warnings
}

/// What the loss expects and the network's last layer cannot give.
fn misfit<T: Element>(loss: &dyn Loss<T>, targets: &Targets<T>, last: &str, ending: Ending) -> Option<String> {
    let gives = match ending {
        Ending::Unknown | Ending::Unchanged => return None,
        Ending::Any => "which gives any numbers".to_owned(),
        Ending::Between { low, high } if high == f64::INFINITY => format!("which gives {low} and more"),
        Ending::Between { low, high } if low == f64::NEG_INFINITY => format!("which gives at most {high}"),
        Ending::Between { low, high } => format!("which gives {low} to {high}"),
        Ending::Probabilities => "which gives probabilities".to_owned(),
        Ending::LogProbabilities => "which gives logarithms of probabilities".to_owned(),
    };
    let (low, high) = ending.range();
    let bounded = low > f64::NEG_INFINITY || high < f64::INFINITY;
    let (takes, advice) = match loss.head() {
        // The softmax of logarithms of probabilities is the probabilities.
        Head::Logits if ending == Ending::LogProbabilities || !bounded => return None,
        Head::Logits => ("scores before softmax (logits)", "leave the last layer out"),
        Head::IndependentLogits if !bounded => return None,
        Head::IndependentLogits => {
            ("scores before sigmoid (logits)", "leave the last layer out, or use binary_cross_entropy() after sigmoid")
        }
        Head::Probabilities if low >= 0.0 && high <= 1.0 => return None,
        Head::Probabilities => ("probabilities", "end in sigmoid or softmax, or use a loss with logits"),
        Head::LogProbabilities if high <= 0.0 => return None,
        Head::LogProbabilities => ("logarithms of probabilities", "end in log_softmax, or use cross_entropy()"),
        Head::Scores if low < 0.0 && high > 0.0 => return None,
        Head::Scores => ("scores below and above 0", "leave the last layer out"),
        Head::Values => return out_of_reach(loss, targets, last, &gives, (low, high)),
        Head::Unknown => return None,
    };
    let name = loss.name();
    Some(format!("the model ends in {last}, {gives}, and the loss {name} takes {takes}: {advice}"))
}

/// Target values that the last layer cannot reach. What a loss of the user's own compares is not known.
fn out_of_reach<T: Element>(
    loss: &dyn Loss<T>,
    targets: &Targets<T>,
    last: &str,
    gives: &str,
    (low, high): (f64, f64),
) -> Option<String> {
    let (least, most) = match targets {
        Targets::Labels(_) => (0.0, 1.0),
        Targets::Values(values) => values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), x| (least.min(x.to_f64()), most.max(x.to_f64()))),
    };
    let room = 1e-6 * (1.0 + most.abs().max(least.abs()));
    let unreached = if least < low - room { least } else { most };
    let reached = least >= low - room && most <= high + room;
    (!reached && is_built_in(loss)).then(|| {
        format!(
            "the model ends in {last}, {gives}, and the targets go to {unreached}: leave the last layer out, or scale the targets"
        )
    })
}

fn is_built_in<T: Element>(loss: &dyn Loss<T>) -> bool {
    crate::nn::loss::from_config::<T>(&loss.config()).is_ok()
}

/// Target values that the loss is not for.
fn strange_targets<T: Element>(loss: &dyn Loss<T>, targets: &Targets<T>) -> Option<String> {
    let values = targets.values()?;
    let outside = |range: std::ops::RangeInclusive<f64>| values.iter().find(|x| !range.contains(&x.to_f64()));
    let (expected, found) = match loss.head() {
        Head::IndependentLogits | Head::Probabilities => ("targets between 0 and 1", *outside(0.0..=1.0)?),
        Head::Scores => ("targets of -1 and 1", *values.iter().find(|x| x.to_f64().abs() != 1.0)?),
        Head::Logits | Head::LogProbabilities => {
            let columns = values.shape().get(1).copied().unwrap_or(1).max(1);
            let sum = |row: &[T]| row.iter().map(|x| x.to_f64()).sum::<f64>();
            let row = values.as_slice().chunks(columns).find(|row| (sum(row) - 1.0).abs() > 1e-3);
            match (outside(0.0..=1.0), row) {
                (Some(found), _) => ("rows of probabilities", *found),
                (None, Some(row)) => {
                    let name = loss.name();
                    return Some(format!(
                        "the loss {name} expects rows of probabilities, which add up to 1; one of the targets' adds up to {}",
                        sum(row)
                    ));
                }
                (None, None) => return None,
            }
        }
        Head::Values | Head::Unknown => return None,
    };
    Some(format!("the loss {} expects {expected}; one of the targets is {found}", loss.name()))
}

/// Rows that are tried.
const ROWS: usize = 64;

/// What the network's last layer gives: as it says, or where it does not say and the loss takes logits, by what it makes of a few
/// examples, and of them far out.
fn ending<T: Element>(model: &Model<T>, data: &Dataset<T>, head: Head) -> Ending {
    let said = model.network().ending();
    if said != Ending::Unknown || !matches!(head, Head::Logits | Head::IndependentLogits) {
        return said;
    }
    let Ok(few) = first_rows(data) else { return said };
    let mut outputs = Vec::new();
    for factor in [1.0, 1e3, -1e3] {
        // A layer that cannot take numbers so large says nothing.
        let Ok(found) = model.predict(&few.inputs().map(|x| T::from_f64(x.to_f64() * factor))) else { return said };
        outputs.extend(found.iter().map(|x| x.to_f64()));
    }
    let classes = model.output_shape().last().copied().unwrap_or(1);
    let between = outputs.iter().all(|x| (0.0..=1.0).contains(x));
    let adds_up = classes > 1 && outputs.chunks(classes).all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-4);
    match (between, adds_up) {
        (true, true) => Ending::Probabilities,
        (true, false) if outputs.len() >= 16 => Ending::Between { low: 0.0, high: 1.0 },
        _ => said,
    }
}
