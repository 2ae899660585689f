//! Weights alone: from files that hold all of them under the model's names, or a part.
//!
//! Whatever reads weights gathers all values first and puts them in at the end, so that a refusal changes nothing.

use super::{Model, ParamKey};
use crate::data::listed;
use crate::store::{self, TensorFile};
use crate::{Element, Error, Result, Shape, Tensor};
use std::fmt;
use std::path::Path;

/// What became of the tensors of a file, and of the model's parameters. Printed as a few lines.
///
/// # Examples
/// ```
/// use retrograd::nn::Mlp;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("model.safetensors");
/// Mlp::new(4).dense(8).relu().dense(3).build::<f64>(0)?.save(&path)?;
/// // Another number of classes: the first layer is taken, and the last one stays as it is.
/// let mut model = Mlp::new(4).dense(8).relu().dense(5).build::<f64>(1)?;
/// let taken = model.load_weights_partly(&path)?;
/// assert!(!taken.is_complete());
/// assert_eq!((taken.matched.len(), taken.mismatched.len()), (2, 2));
/// println!("{taken}");
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Parameters that were taken from the file, each with the name of its tensor there.
    pub matched: Vec<(String, String)>,
    /// Parameters that the file has nothing for. They stay as they are.
    pub missing: Vec<String>,
    /// Parameters whose tensor has another shape: name, the model's shape, the file's. They stay as they are.
    pub mismatched: Vec<(String, Shape, Shape)>,
    /// Tensors of the file that the model has no place for.
    pub unexpected: Vec<String>,
}

impl Taken {
    /// Whether every parameter was taken, and every tensor used.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.mismatched.is_empty() && self.unexpected.is_empty()
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} parameters taken from the file", self.matched.len())?;
        if !self.missing.is_empty() {
            write!(f, "\nnot in the file: {}", listed(&self.missing))?;
        }
        if !self.mismatched.is_empty() {
            let other = |(name, own, held): &(String, Shape, Shape)| format!("{name} ({own}, the file's {held})");
            write!(f, "\nof another shape: {}", listed(&self.mismatched.iter().map(other).collect::<Vec<_>>()))?;
        }
        if !self.unexpected.is_empty() {
            write!(f, "\nnot in the model: {}", listed(&self.unexpected))?;
        }
        Ok(())
    }
}

impl<T: Element> Model<T> {
    /// Reads the weights alone, from a model file or any safetensors file with the parameters' names; the model stays as it
    /// is unless all of them fit. Numbers of 16, 32 and 64 bits are read ([`TensorFile::tensor`]). What is strange about the file
    /// stands in [`Model::file_warnings`]. PyTorch's files have other names and keep matrices the other way round:
    /// [`Model::load_torch`].
    ///
    /// # Errors
    /// The file cannot be read; a tensor is missing, is one too many, or has another shape than the model's; a weight is NaN.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let file = store::read(path)?;
        self.refuse_others(&file)?;
        let mut reading = Reading::of(&file);
        for (key, param) in self.params().iter() {
            let tensor = file.tensor(param.name())?;
            let (held, own) = (tensor.shape(), param.value().shape());
            if held != own {
                let turned = held.rank() == 2 && own.rank() == 2 && held[0] == own[1] && held[1] == own[0];
                let advice =
                    if turned { ": the other way round, as PyTorch keeps matrices; use load_torch" } else { "" };
                let name = param.name();
                return Err(Error::shape(format!(
                    "{}: {name} has shape {held}, the model's {own}{advice}",
                    file.path()
                )));
            }
            reading.take_as_it_lies(key, param.name(), tensor)?;
        }
        reading.put(self).map(drop)
    }

    /// As [`Model::load_weights`], of those that there are: parameters whose name and shape the file has are taken from it, the
    /// others stay as they are. For a model that is to go on from another with a part in common.
    ///
    /// # Errors
    /// The file cannot be read, a weight is NaN; nothing of the file fits.
    ///
    /// # Examples
    /// ```
    /// use retrograd::nn::Mlp;
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("ten_classes.safetensors");
    /// Mlp::new(4).dense(8).relu().dense(10).build::<f32>(0)?.save(&path)?;
    /// let mut model = Mlp::new(4).dense(8).relu().dense(3).build::<f32>(1)?;
    /// let taken = model.load_weights_partly(&path)?;
    /// assert_eq!(taken.matched.len(), 2);
    /// assert_eq!(taken.mismatched[0].0, "dense2.weight");
    /// model.freeze("dense1.*")?;
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn load_weights_partly(&mut self, path: impl AsRef<Path>) -> Result<Taken> {
        let file = store::read(path)?;
        let mut reading = Reading::of(&file);
        for (key, param) in self.params().iter() {
            let (name, own) = (param.name(), param.value().shape());
            match file.shape(name) {
                None => reading.taken.missing.push(name.to_owned()),
                Some(held) if held == own => reading.take_as_it_lies(key, name, file.tensor(name)?)?,
                Some(held) => reading.taken.mismatched.push((name.to_owned(), own.clone(), held.clone())),
            }
        }
        let unknown = file.names().into_iter().filter(|name| self.params().find(name).is_none());
        reading.taken.unexpected = unknown.map(str::to_owned).collect();
        if reading.taken.matched.is_empty() {
            return Err(Error::argument(format!(
                "{}: none of its tensors fits this model: {}",
                file.path(),
                reading.taken
            )));
        }
        reading.put(self)
    }

    /// An error if the file holds a tensor that this model does not have.
    pub(super) fn refuse_others(&self, file: &TensorFile) -> Result<()> {
        if let Some(name) = file.names().into_iter().find(|name| self.params().find(name).is_none()) {
            let names: Vec<&str> = self.params().iter().map(|(_, param)| param.name()).collect();
            let may_be_torch = file.kind().is_none_or(|kind| kind == "tensors");
            let advice = if may_be_torch { "; if PyTorch wrote it, use load_torch" } else { "" };
            return Err(Error::argument(format!(
                "{}: holds {name:?}, which this model does not have; it has {}{advice}",
                file.path(),
                listed(&names)
            )));
        }
        Ok(())
    }
}

/// Weights on their way from a file into a model.
pub(super) struct Reading<'a, T> {
    file: &'a TensorFile,
    values: Vec<(ParamKey, Tensor<T>)>,
    warnings: Vec<String>,
    pub taken: Taken,
}

impl<'a, T: Element> Reading<'a, T> {
    pub fn of(file: &'a TensorFile) -> Self {
        Self { file, values: Vec::new(), warnings: file.warnings().to_vec(), taken: Taken::default() }
    }

    /// Takes the tensor of the parameter's own name. A square matrix does not show which way round it lies.
    fn take_as_it_lies(&mut self, key: ParamKey, name: &str, value: Tensor<T>) -> Result<()> {
        if let ([rows, columns], false) = (value.shape().dims(), self.file.is_own())
            && rows == columns
            && *rows > 1
        {
            self.warnings.push(format!(
                "{name} is square, and was taken from {} as it lies, [inputs, outputs]; if PyTorch wrote it, use load_torch",
                self.file.path()
            ));
        }
        self.take(key, name, name, value)
    }

    /// Takes a value for the parameter, of the tensor of this name in the file.
    pub fn take(&mut self, key: ParamKey, param: &str, tensor: &str, value: Tensor<T>) -> Result<()> {
        let value = looked_at(param, value, &mut self.warnings).map_err(|error| error.within(self.file.path()))?;
        self.values.push((key, value));
        self.taken.matched.push((param.to_owned(), tensor.to_owned()));
        Ok(())
    }

    /// Puts all of them into the model.
    pub fn put(self, model: &mut Model<T>) -> Result<Taken> {
        self.values.into_iter().try_for_each(|(key, value)| model.params_mut().set(key, value))?;
        model.set_file_warnings(self.warnings);
        Ok(self.taken)
    }
}

/// Weights of a file, unless one is NaN; a warning for infinite ones, which may stand for a mask.
pub(super) fn looked_at<T: Element>(name: &str, value: Tensor<T>, warnings: &mut Vec<String>) -> Result<Tensor<T>> {
    refuse_nan(name, &value)?;
    if let Some(i) = value.iter().position(|x| !x.to_f64().is_finite()) {
        warnings.push(format!("{name} holds {} at element {i}", value.as_slice()[i]));
    }
    Ok(value)
}

pub(super) fn refuse_nan<T: Element>(name: &str, value: &Tensor<T>) -> Result<()> {
    match value.iter().position(|x| x.to_f64().is_nan()) {
        None => Ok(()),
        Some(i) => Err(Error::not_finite(format!(
            "element {i} of {name} is NaN: training diverged before it was saved; take the weights of an earlier epoch (the \
             tensors can be looked at with store::read)"
        ))),
    }
}
