//! Layers from their descriptions, for files of models.

use super::*;
use crate::{Element, Error, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use std::collections::HashMap;

/// Makes layers of your own from their kind and configuration, when a model is read from its description.
pub type Restore<'a, T> = dyn Fn(&str, &Json) -> Option<Box<dyn Layer<T>>> + 'a;

/// The description of a layer.
///
/// # Errors
/// A layer of a kind that cannot describe itself, named by its place.
pub(super) fn describe<T: Element>(layer: &dyn Layer<T>) -> Result<Json> {
    match layer.config() {
        Some(config) => Ok(json!({ "kind": layer.kind(), "config": config })),
        None => Err(Error::argument(format!(
            "model: the layer {} has no configuration (Layer::config), so a file cannot say how to make it; make the model in \
             code and load its weights alone",
            nameless(layer, "").unwrap_or_else(|| layer.kind().to_owned())
        ))),
    }
}

/// The innermost layer without a configuration.
fn nameless<T: Element>(layer: &dyn Layer<T>, place: &str) -> Option<String> {
    let inside = |stage: &Stage<T>| {
        let place = if place.is_empty() { stage.name.clone() } else { format!("{place}.{}", stage.name) };
        nameless(&*stage.layer, &place)
    };
    if layer.config().is_some() {
        return None;
    }
    let own = || if place.is_empty() { layer.kind().to_owned() } else { format!("{place} ({})", layer.kind()) };
    Some(layer.children().iter().find_map(inside).unwrap_or_else(own))
}

/// Reads layers, and remembers which of them are shared.
pub(super) struct Reader<'a, T> {
    restore: &'a Restore<'a, T>,
    shared: HashMap<String, Shared<T>>,
}

/// A layer in a description.
#[derive(Deserialize)]
struct Described {
    kind: String,
    config: Json,
    #[serde(default)]
    name: String,
    #[serde(default)]
    of: String,
}

impl<'a, T: Element> Reader<'a, T> {
    pub fn new(restore: &'a Restore<'a, T>) -> Self {
        Self { restore, shared: HashMap::new() }
    }

    /// The layer of a description.
    pub fn layer(&mut self, json: &Json) -> Result<Box<dyn Layer<T>>> {
        let Described { kind, config, .. } = read("layer", json)?;
        self.of_kind(&kind, &config)
    }

    fn of_kind(&mut self, kind: &str, config: &Json) -> Result<Box<dyn Layer<T>>> {
        if let Some(layer) = (self.restore)(kind, config) {
            return Ok(layer);
        }
        Ok(match kind {
            "dense" => Box::new(read::<Dense>(kind, config)?),
            "dropout" => Box::new(read::<Dropout>(kind, config)?),
            "batch_norm" => Box::new(read::<BatchNorm>(kind, config)?),
            "layer_norm" => Box::new(read::<LayerNorm>(kind, config)?),
            "embedding" => Box::new(read::<Embedding>(kind, config)?),
            "flatten" => Box::new(Flatten),
            "softmax" => Box::new(Softmax),
            "log_softmax" => Box::new(LogSoftmax),
            "sequential" => Box::new(self.sequential(config)?),
            "residual" => Box::new(Residual::boxed(self.layer(config)?)),
            "shared" => Box::new(self.shared(config)?),
            _ if Activation::NAMES.contains(&kind) => {
                let parameters = config.get("parameters").unwrap_or(&Json::Null);
                Box::new(Activation::named(kind, &read::<Vec<f64>>(kind, parameters)?)?)
            }
            _ => {
                return Err(Error::argument(format!(
                    "model: there is no built-in layer of kind {kind:?}; make the model in code and load its weights alone, or \
                     make such layers in Model::from_config_with"
                )));
            }
        })
    }

    fn sequential(&mut self, config: &Json) -> Result<Sequential<T>> {
        let stages: Vec<Described> = read("sequential", config)?;
        stages.into_iter().try_fold(Sequential::new(), |network, stage| {
            let layer = self.of_kind(&stage.kind, &stage.config).map_err(|error| error.within(&stage.name))?;
            Ok(network.with_boxed(stage.name, layer))
        })
    }

    fn shared(&mut self, config: &Json) -> Result<Shared<T>> {
        let Described { of, kind, config, .. } = read("shared", config)?;
        if let Some(shared) = self.shared.get(&of) {
            return Ok(shared.clone());
        }
        let shared = Shared::boxed(self.of_kind(&kind, &config)?);
        self.shared.insert(of, shared.clone());
        Ok(shared)
    }
}

/// A value of a description.
pub(super) fn read<V: DeserializeOwned>(what: &str, json: &Json) -> Result<V> {
    V::deserialize(json)
        .map_err(|error| Error::argument(format!("model: the description of {what} is damaged: {error}: {json}")))
}
