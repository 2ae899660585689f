//! Optimisers from their written settings.

use super::{Adadelta, Adagrad, Adam, AdamW, Adamax, Lion, NAdam, Optimizer, RmsProp, Sgd};
use crate::{Element, Error, Result};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// The optimiser of a built-in rule with the settings that [`Rule::config`](super::Rule::config) wrote. A setting that is left
/// out has its default; their names are PyTorch's.
///
/// # Errors
/// An unknown rule or setting, and values that make no sense; each is named.
///
/// # Examples
/// ```
/// use retrograd::optim;
/// use serde_json::json;
/// let adam = optim::from_config::<f32>("adam", &json!({ "lr": 0.01, "betas": [0.8, 0.99] }))?;
/// assert_eq!(adam.learning_rate(), 0.01);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn from_config<T: Element>(name: &str, settings: &Json) -> Result<Optimizer<T>> {
    let optimizer = match name {
        "sgd" => read::<T, Sgd>(name, settings)?,
        "rmsprop" => read::<T, RmsProp>(name, settings)?,
        "adagrad" => read::<T, Adagrad>(name, settings)?,
        "adadelta" => read::<T, Adadelta>(name, settings)?,
        "adam" => read::<T, Adam>(name, settings)?,
        "adamw" => read::<T, AdamW>(name, settings)?,
        "adamax" => read::<T, Adamax>(name, settings)?,
        "nadam" => read::<T, NAdam>(name, settings)?,
        "lion" => read::<T, Lion>(name, settings)?,
        _ => {
            return Err(Error::argument(format!(
                "optimiser: no built-in rule is named {name:?}; there are sgd, rmsprop, adagrad, adadelta, adam, adamw, \
                 adamax, nadam and lion"
            )));
        }
    };
    optimizer.rule().validate()?;
    Ok(optimizer)
}

fn read<T: Element, R: DeserializeOwned + Into<Optimizer<T>>>(name: &str, settings: &Json) -> Result<Optimizer<T>> {
    let rule: R = serde_json::from_value(settings.clone()).map_err(|e| Error::argument(format!("{name}: {e}")))?;
    Ok(rule.into())
}
