//! Whether model, loss, metrics and data fit each other, found before the first batch: what cannot be computed is an error, what can
//! be computed and is probably not meant is a warning in the history.

use super::measure::{Judged, Metric};
use crate::data::Dataset;
use crate::nn::{Head, Model};
use crate::{Element, Result, Shape, Tensor};

/// An error if a metric is not for targets and outputs such as these. They are measured on outputs of 0: whatever depends on the
/// numbers may be undefined, and is not looked at.
pub(super) fn metrics<T: Element>(metrics: &[Metric], model: &Model<T>, data: &Dataset<T>, head: Head) -> Result<()> {
    let shape: Shape = std::iter::once(data.len()).chain(model.output_shape().iter().copied()).collect();
    let judged = Judged::new(Tensor::zeros(shape), data, head)?;
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
