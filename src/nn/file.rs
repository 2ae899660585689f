//! Models in files: weights alone, or all that predicting from raw rows takes.

use super::weights::{looked_at, refuse_nan};
use super::{Head, Init, Model, Restore};
use crate::data::{Preprocessing, listed};
use crate::store::{self, TensorFile};
use crate::{Element, Error, Result, Shape};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of model files that this writes; it reads all up to it.
const VERSION: u32 = 1;

/// What a model file says beside the weights.
#[derive(Serialize, Deserialize)]
struct Content {
    element: String,
    /// How to make the layers again; absent where one of them is the user's own.
    network: Option<serde_json::Value>,
    /// Why that is absent.
    without: Option<String>,
    head: Option<Head>,
    preprocessing: Option<Preprocessing>,
}

impl<T: Element> Model<T> {
    /// Writes the model to one file: layers, weights, scaling, categories and label names. [`Model::load`] reads it; the weights
    /// are readable by Python's safetensors as well.
    ///
    /// # Errors
    /// The file cannot be written. A weight is NaN: the model answers nothing any more, and the old file stays.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        for (_, param) in self.params().iter() {
            refuse_nan(param.name(), param.value()).map_err(|error| error.within("save"))?;
        }
        let network = self.config();
        let content = Content {
            element: T::NAME.to_owned(),
            without: network.as_ref().err().map(ToString::to_string),
            network: network.ok(),
            head: self.head(),
            preprocessing: self.preprocessing().cloned(),
        };
        let content = serde_json::to_value(content).expect("plain data has a JSON form");
        let tensors = self.params().iter().map(|(_, param)| (param.name().to_owned(), param.value())).collect();
        store::write_kind(path.as_ref(), "model", VERSION, tensors, content)
    }

    /// Reads a model that [`Model::save`] wrote. What is strange about the file stands in [`Model::file_warnings`], and below the
    /// printed summary: no checksum of the whole (files of early versions), infinite weights.
    ///
    /// # Errors
    /// The file cannot be read, is damaged or of another kind; a weight is NaN; it holds a layer of the user's own, which only
    /// their code can make: use [`Model::load_with`], or build the model and [`Model::load_weights`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::load_with(path, &|_, _| None)
    }

    /// As [`Model::load`], with a closure that makes layers of your own, as for [`Model::from_config_with`].
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load_with(path: impl AsRef<Path>, restore: &Restore<'_, T>) -> Result<Self> {
        Self::of_file(&store::read(path)?, restore)
    }

    /// As [`Model::load`], from the bytes of the file.
    ///
    /// # Errors
    /// As [`Model::load`].
    ///
    /// # Examples
    /// ```
    /// use retrograd::nn::{Mlp, Model};
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("model.safetensors");
    /// Mlp::new(2).dense(1).build::<f32>(0)?.save(&path)?;
    /// let model = Model::<f32>::from_bytes(std::fs::read(path)?)?;
    /// assert_eq!(model.params().count(), 3);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        Self::of_file(&store::from_bytes(bytes)?, &|_, _| None)
    }

    fn of_file(file: &TensorFile, restore: &Restore<'_, T>) -> Result<Self> {
        let content = content(file)?;
        let Some(network) = &content.network else {
            return Err(Error::argument(format!(
                "{}: {}; build the model in code and use load_weights",
                file.path(),
                content.without.as_deref().unwrap_or("it does not say how its layers are made")
            )));
        };
        let mut warnings = file.warnings().to_vec();
        if content.element == "f64" && T::NAME == "f32" {
            warnings.push(format!("{}: a model of f64, whose weights were rounded to f32", file.path()));
        }
        let mut start = |name: &str, shape: &Shape, init: Init| {
            init.check(shape)?;
            match file.shape(name) {
                Some(held) if held == shape => looked_at(name, file.tensor(name)?, &mut warnings),
                Some(held) => Err(Error::shape(format!("{name} has shape {held}, the model's {shape}"))),
                None => Err(Error::argument(format!("no tensor {name:?}; there are {}", listed(&file.names())))),
            }
        };
        let mut model =
            Self::from_config_started(network, restore, &mut start).map_err(|error| error.within(file.path()))?;
        model.refuse_others(file)?;
        model.set_head(content.head);
        model.set_preprocessing(content.preprocessing);
        model.set_file_warnings(warnings);
        Ok(model)
    }
}

fn content(file: &TensorFile) -> Result<Content> {
    Content::deserialize(file.content("model", VERSION)?)
        .map_err(|error| Error::io(format!("cannot read {}: its description is damaged: {error}", file.path())))
}
