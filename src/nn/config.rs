//! Layers from their descriptions, for files of models.
//!
//! A description comes from a file, which anybody may have made. Reading one copies no part of it, and what it can ask for is
//! bounded: so many layers ([`MOST_LAYERS`]), those in shared ones counted as often as they are used, and names of such a length
//! ([`LONGEST_NAME`]). JSON itself nests at most 128 levels, where it is parsed.

use super::*;
use crate::{Element, Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use std::collections::HashMap;

/// Makes layers of your own from their kind and configuration, when a model is read from its description.
///
/// # Examples
/// ```
/// use retrograd::nn::{Layer, Model, Pass, Restore};
/// use retrograd::{Var, serde_json::{Value, json}};
///
/// struct Doubled;
/// impl Layer<f64> for Doubled {
///     fn kind(&self) -> &'static str {
///         "doubled"
///     }
///     fn forward<'t>(&self, x: Var<'t, f64>, _pass: &Pass<'t, f64>) -> Var<'t, f64> {
///         x * 2.0
///     }
///     fn config(&self) -> Option<Value> {
///         Some(json!({}))
///     }
/// }
///
/// let restore: &Restore<'_, f64> = &|kind, _config| (kind == "doubled").then(|| Box::new(Doubled) as Box<dyn Layer<f64>>);
/// let config = Model::new(Doubled, 1, 0)?.config()?;
/// assert_eq!(Model::from_config_with(&config, 0, restore)?.predict_one(&[3.0])?, [6.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
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

/// How many layers a described network may have.
const MOST_LAYERS: usize = 100_000;
/// How many bytes the name of a layer in a described network may have, those of the layers around it included.
const LONGEST_NAME: usize = 1000;

/// Reads layers, and remembers which of them are shared.
pub(super) struct Reader<'a, T> {
    restore: &'a Restore<'a, T>,
    /// Each with the number of layers in it.
    shared: HashMap<String, (Shared<T>, usize)>,
    /// How many layers were read, those in shared ones as often as they are used.
    layers: usize,
    /// The length of the name of the layer that is being read.
    name: usize,
}

/// A layer in a description.
struct Described<'j> {
    kind: &'j str,
    config: &'j Json,
}

impl<'j> Described<'j> {
    fn read(what: &str, json: &'j Json) -> Result<Self> {
        let config = json.get("config").ok_or_else(|| damaged(what, "it has no config", json))?;
        Ok(Self { kind: text(what, "kind", json)?, config })
    }
}

impl<'a, T: Element> Reader<'a, T> {
    pub fn new(restore: &'a Restore<'a, T>) -> Self {
        Self { restore, shared: HashMap::new(), layers: 0, name: 0 }
    }

    /// The layer of a description.
    pub fn layer(&mut self, json: &Json) -> Result<Box<dyn Layer<T>>> {
        let Described { kind, config } = Described::read("layer", json)?;
        self.of_kind(kind, config)
    }

    fn of_kind(&mut self, kind: &str, config: &Json) -> Result<Box<dyn Layer<T>>> {
        self.count(1)?;
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
        let stages = config.as_array().ok_or_else(|| damaged("sequential", "it is no list", config))?;
        stages.iter().try_fold(Sequential::new(), |network, stage| {
            let Described { kind, config } = Described::read("sequential", stage)?;
            let name = text("sequential", "name", stage)?;
            self.name += name.len() + 1;
            if self.name > LONGEST_NAME {
                return Err(Error::argument(format!(
                    "model: the name of a layer has more than {LONGEST_NAME} bytes with those around it; shorten them"
                )));
            }
            let layer = self.of_kind(kind, config).map_err(|error| error.within(name))?;
            self.name -= name.len() + 1;
            Ok(network.with_boxed(name, layer))
        })
    }

    /// Counts layers, and refuses too many.
    fn count(&mut self, layers: usize) -> Result<()> {
        self.layers = self.layers.saturating_add(layers);
        if self.layers <= MOST_LAYERS {
            return Ok(());
        }
        Err(Error::argument(format!(
            "model: the description has more than {MOST_LAYERS} layers, those in shared ones counted as often as they are used; \
             make the model in code and load its weights alone"
        )))
    }

    fn shared(&mut self, config: &Json) -> Result<Shared<T>> {
        let of = text("shared", "of", config)?;
        if let Some((shared, layers)) = self.shared.get(of) {
            let (shared, layers) = (shared.clone(), *layers);
            self.count(layers)?;
            return Ok(shared);
        }
        let before = self.layers;
        let Described { kind, config } = Described::read("shared", config)?;
        let shared = Shared::boxed(self.of_kind(kind, config)?);
        self.shared.insert(of.to_owned(), (shared.clone(), self.layers - before));
        Ok(shared)
    }
}

/// A value of a description.
pub(super) fn read<V: DeserializeOwned>(what: &str, json: &Json) -> Result<V> {
    V::deserialize(json).map_err(|error| damaged(what, &error.to_string(), json))
}

/// A text in a description.
fn text<'j>(what: &str, field: &str, json: &'j Json) -> Result<&'j str> {
    let text = json.get(field).and_then(Json::as_str);
    text.ok_or_else(|| damaged(what, &format!("it has no {field}"), json))
}

fn damaged(what: &str, why: &str, json: &Json) -> Error {
    const MOST: usize = 200;
    let json = json.to_string();
    let shown: String = json.chars().take(MOST).collect();
    let rest = if shown.len() < json.len() { "..." } else { "" };
    Error::argument(format!("model: the description of {what} is damaged: {why}: {shown}{rest}"))
}
