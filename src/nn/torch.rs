//! Weights of PyTorch's modules, from safetensors files.
//!
//! A `state_dict` names tensors by module: `0.weight` in a Sequential, `fc1.bias` in a class. The file keeps them by name, not in
//! the order in which the modules stand. So each layer of the model looks for its module: that of its own name, or else one whose
//! tensors have the kinds and shapes that it needs, in the order of the numbers in the names. If more than one way remains to give
//! every layer its module, that is an error: a guess among layers of one shape would answer wrongly without a word.

use super::weights::{Reading, Taken};
use super::{Layer, Model, ParamKey};
use crate::data::listed;
use crate::store::{self, TensorFile};
use crate::{Element, Error, Result, Shape};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// How many partial matches are looked at; with numbered names there is one for each layer.
const MOST_STEPS: usize = 100_000;
/// A counter of PyTorch's batch norms that is only used without momentum.
const COUNTER: &str = "num_batches_tracked";

impl<T: Element> Model<T> {
    /// Reads weights that PyTorch wrote: `safetensors.torch.save_file(model.state_dict(), path)`.
    ///
    /// | module | tensors there | ours |
    /// |---|---|---|
    /// | Linear | weight [outputs, inputs], bias | [`Dense`](super::Dense): weight [inputs, outputs], turned; bias |
    /// | Embedding | weight | [`Embedding`](super::Embedding): weight |
    /// | BatchNorm | weight, bias, running_mean, running_var | [`BatchNorm`](super::BatchNorm): scale, bias, mean, variance |
    /// | LayerNorm | weight, bias | [`LayerNorm`](super::LayerNorm): scale, bias |
    ///
    /// `num_batches_tracked` is left out. A layer takes the module of its name ([`Mlp::name`](super::Mlp::name); wrappers' `module.`
    /// and `_orig_mod.` do not count), or else the next one that fits in kind and shapes: `0`, `2`, `10`, or `fc1`, `fc2`, are taken in
    /// the order of their numbers. The pairs stand in what is returned. Numbers of 16, 32 and 64 bits are read. The model
    /// stays as it is unless every layer finds its module, and every module its layer.
    ///
    /// PyTorch's defaults are ours but for the start: eps 1e-5, momentum 0.1, the unbiased running variance.
    ///
    /// # Errors
    /// The file cannot be read, or is a pickle (.pt, .pth), which can hold code and is not read: the message says how to write it as
    /// safetensors; it is a model or a checkpoint of our own. A layer without a module, a module without a layer; layers that could take either of several modules: give them
    /// the modules' names. A weight is NaN.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tensor, nn::Mlp, store};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("torch.safetensors");
    /// // As of nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)).
    /// let tensors: [(&str, Tensor<f32>); 4] = [
    ///     ("0.weight", Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])),
    ///     ("0.bias", Tensor::from([0.5, -0.5])),
    ///     ("2.weight", Tensor::from([[7.0, 8.0]])),
    ///     ("2.bias", Tensor::from([0.25])),
    /// ];
    /// store::write(&path, tensors.iter().map(|(name, tensor)| (*name, tensor)))?;
    /// let mut model = Mlp::new(3).dense(2).relu().dense(1).build::<f32>(0)?;
    /// let taken = model.load_torch(&path)?;
    /// assert_eq!(taken.matched[0], ("dense1.weight".to_owned(), "0.weight".to_owned()));
    /// assert_eq!(model.predict(&Tensor::from([[1.0, 0.0, 0.0]]))?.item(), 7.0 * 1.5 + 8.0 * 3.5 + 0.25);
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn load_torch(&mut self, path: impl AsRef<Path>) -> Result<Taken> {
        let file = store::read(path)?;
        if let Some(kind) = file.kind().filter(|kind| *kind != "tensors") {
            let advice = match kind {
                "model" => "; read it with Model::load, or its weights alone with load_weights",
                "checkpoint" => "; go on from it with Checkpoint::at(path).resume()",
                _ => "",
            };
            return Err(Error::argument(format!(
                "{}: a {kind} that retrograd wrote, no weights of PyTorch{advice}",
                file.path()
            )));
        }
        let modules = modules(&file);
        let layers = layers(self);
        let wrong = |why: String| Error::argument(format!("{}: {why}", file.path()));
        let pairs = matched(&layers, &modules).map_err(wrong)?;
        let mut reading = Reading::of(&file);
        for (layer, module) in layers.iter().zip(pairs) {
            for own in &layer.params {
                let name = module.tensor(layer.kind.there(own.suffix));
                let tensor = file.tensor(&name)?;
                let value = if layer.kind == Kind::Dense && tensor.shape().rank() == 2 { tensor.t() } else { tensor };
                reading.take(own.key, own.name, &name, value)?;
            }
        }
        reading.put(self)
    }
}

/// A module of the file: tensors whose names differ in their last part alone.
struct Module {
    /// As in the file.
    full: String,
    /// Without wrappers.
    name: String,
    /// By the last part of their names.
    shapes: BTreeMap<String, Shape>,
}

impl Module {
    fn tensor(&self, suffix: &str) -> String {
        if self.full.is_empty() { suffix.to_owned() } else { format!("{}.{suffix}", self.full) }
    }
    fn shown(&self) -> String {
        let shapes = self.shapes.iter().map(|(suffix, shape)| format!("{suffix} {shape}")).collect::<Vec<_>>();
        let name = if self.full.is_empty() { "the module without a name" } else { &self.full };
        format!("{name} ({})", shapes.join(", "))
    }
}

fn modules(file: &TensorFile) -> Vec<Module> {
    let mut found: BTreeMap<&str, BTreeMap<String, Shape>> = BTreeMap::new();
    for name in file.names() {
        let (module, suffix) = name.rsplit_once('.').unwrap_or(("", name));
        let shape = file.shape(name).expect("a name of the file").clone();
        let module = found.entry(module).or_default();
        if suffix != COUNTER {
            module.insert(suffix.to_owned(), shape);
        }
    }
    let unwrapped = |full: &str| {
        let mut name = full;
        while let Some(inner) = ["module.", "_orig_mod."].iter().find_map(|wrapper| name.strip_prefix(wrapper)) {
            name = inner;
        }
        name.to_owned()
    };
    let module = |(full, shapes): (&str, _)| Module { full: full.to_owned(), name: unwrapped(full), shapes };
    found.into_iter().map(module).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Dense,
    Norm,
    /// Kept there as here: an embedding, a layer of one's own.
    Same,
}

impl Kind {
    /// What PyTorch calls a parameter.
    fn there(self, suffix: &str) -> &str {
        match (self, suffix) {
            (Self::Norm, "scale") => "weight",
            (Self::Norm, "mean") => "running_mean",
            (Self::Norm, "variance") => "running_var",
            _ => suffix,
        }
    }
}

/// A layer of the model that has parameters of its own.
struct Own<'a> {
    name: &'a str,
    kind: Kind,
    params: Vec<OwnParam<'a>>,
}

struct OwnParam<'a> {
    key: ParamKey,
    name: &'a str,
    suffix: &'a str,
    shape: &'a Shape,
}

impl Own<'_> {
    /// Whether the module has what this layer needs, and nothing else.
    fn fits(&self, module: &Module) -> bool {
        let held = |param: &OwnParam<'_>| {
            let Some(held) = module.shapes.get(self.kind.there(param.suffix)) else { return false };
            match (self.kind, held.dims(), param.shape.dims()) {
                (Kind::Dense, [outputs, inputs], [own_inputs, own_outputs]) => {
                    (outputs, inputs) == (own_outputs, own_inputs)
                }
                (_, held, own) => held == own,
            }
        };
        self.params.len() == module.shapes.len() && self.params.iter().all(held)
    }
    fn shown(&self) -> String {
        let shapes = self.params.iter().map(|param| format!("{} {}", param.suffix, param.shape)).collect::<Vec<_>>();
        let name = if self.name.is_empty() { "the layer" } else { self.name };
        format!("{name} ({})", shapes.join(", "))
    }
}

fn layers<T: Element>(model: &Model<T>) -> Vec<Own<'_>> {
    let mut kinds = HashMap::new();
    kinds_below(model.network(), String::new(), &mut kinds);
    let mut layers: Vec<Own<'_>> = Vec::new();
    for (key, param) in model.params().iter() {
        let name = param.name();
        let (layer, suffix) = name.rsplit_once('.').unwrap_or(("", name));
        let param = OwnParam { key, name, suffix, shape: param.value().shape() };
        match layers.last_mut().filter(|last| last.name == layer) {
            Some(last) => last.params.push(param),
            None => {
                let kind = kinds.get(layer).copied().unwrap_or(Kind::Same);
                layers.push(Own { name: layer, kind, params: vec![param] });
            }
        }
    }
    layers
}

/// The kinds of the layers by their full names.
fn kinds_below<T: Element>(layer: &dyn Layer<T>, name: String, kinds: &mut HashMap<String, Kind>) {
    for stage in layer.children() {
        let inner = if name.is_empty() { stage.name.clone() } else { format!("{name}.{}", stage.name) };
        kinds_below(&*stage.layer, inner, kinds);
    }
    // A shared layer's is that of the layer in it.
    let shared = (layer.kind() == "shared").then(|| layer.config()).flatten();
    let kind = match shared.as_ref().and_then(|config| config["kind"].as_str()).unwrap_or(layer.kind()) {
        "dense" => Kind::Dense,
        "batch_norm" | "layer_norm" => Kind::Norm,
        _ => Kind::Same,
    };
    kinds.insert(name, kind);
}

/// Whether one name stands before the other by its numbers: where they first differ, both have the same word and a number, `fc2`
/// and `fc10`, or a number alone. Names that differ in words have no order.
fn before(a: &str, b: &str) -> bool {
    let word = |part: &str| part.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let parts = a.split('.').zip(b.split('.')).find(|(a, b)| a != b);
    parts.is_some_and(|(a, b)| {
        let ((a, i), (b, j)) = (a.split_at(word(a)), b.split_at(word(b)));
        matches!((i.parse::<u64>(), j.parse::<u64>()), (Ok(i), Ok(j)) if a == b && i < j)
    })
}

/// A module for each layer, if there is one way to give every layer its own.
fn matched<'m>(layers: &[Own<'_>], modules: &'m [Module]) -> Result<Vec<&'m Module>, String> {
    let shown = || listed(&modules.iter().map(Module::shown).collect::<Vec<_>>());
    if layers.len() != modules.len() {
        return Err(format!(
            "it has {} modules, the model {} layers with parameters: {}; the model's are {}",
            modules.len(),
            layers.len(),
            shown(),
            listed(&layers.iter().map(Own::shown).collect::<Vec<_>>())
        ));
    }
    let search = Search::new(layers, modules).run();
    if search.steps > MOST_STEPS {
        return Err(
            "its modules go with the model's layers in very many ways; give the layers the modules' names".to_owned()
        );
    }
    match &search.found[..] {
        [one] => Ok(one.iter().map(|&m| &modules[m]).collect()),
        [] => Err(format!(
            "no module fits {}, after those that the layers before it take; there are {}",
            layers[search.furthest].shown(),
            shown()
        )),
        [one, other, ..] => {
            let at = (0..layers.len()).find(|&i| one[i] != other[i]).unwrap_or(0);
            Err(format!(
                "{} may be {} or {}; give the layer the name of its module",
                layers[at].shown(),
                modules[one[at]].shown(),
                modules[other[at]].shown()
            ))
        }
    }
}

/// A search for modules, one layer after the other, that goes back where none is left.
struct Search<'a, 'p> {
    layers: &'a [Own<'p>],
    modules: &'a [Module],
    /// The module of a layer's own name.
    named: Vec<Option<usize>>,
    used: Vec<bool>,
    steps: usize,
    /// The first two ways.
    found: Vec<Vec<usize>>,
    /// How many layers have had a module at most.
    furthest: usize,
}

impl<'a, 'p> Search<'a, 'p> {
    fn new(layers: &'a [Own<'p>], modules: &'a [Module]) -> Self {
        let names: HashMap<&str, usize> = modules.iter().enumerate().map(|(m, module)| (&module.name[..], m)).collect();
        let named = layers.iter().map(|layer| names.get(layer.name).copied()).collect();
        let used = vec![false; modules.len()];
        Self { layers, modules, named, used, steps: 0, found: Vec::new(), furthest: 0 }
    }

    fn run(mut self) -> Self {
        let mut chosen: Vec<usize> = Vec::new();
        if self.layers.is_empty() {
            self.found.push(chosen);
            return self;
        }
        // What is left to try, for each layer that has a module and the one behind.
        let mut left = vec![self.candidates(0).into_iter()];
        while !left.is_empty() {
            if chosen.len() == left.len()
                && let Some(m) = chosen.pop()
            {
                self.used[m] = false;
            }
            let Some(options) = left.last_mut() else { break };
            let Some(m) = options.next() else {
                left.pop();
                continue;
            };
            (self.used[m], self.steps) = (true, self.steps + 1);
            chosen.push(m);
            if chosen.len() == self.layers.len() {
                self.found.push(chosen.clone());
            } else {
                self.furthest = self.furthest.max(chosen.len());
                left.push(self.candidates(chosen.len()).into_iter());
            }
            if self.found.len() > 1 || self.steps > MOST_STEPS {
                break;
            }
        }
        self
    }

    /// The modules that the layer at this place may take.
    fn candidates(&self, at: usize) -> Vec<usize> {
        let layer = &self.layers[at];
        if let Some(m) = self.named[at] {
            return if layer.fits(&self.modules[m]) { vec![m] } else { Vec::new() };
        }
        let free: Vec<usize> =
            (0..self.modules.len()).filter(|&m| !self.used[m] && !self.named.contains(&Some(m))).collect();
        let name = |m: usize| &self.modules[m].name[..];
        let waits = |m: usize| free.iter().any(|&u| before(name(u), name(m)));
        free.iter().copied().filter(|&m| layer.fits(&self.modules[m]) && !waits(m)).collect()
    }
}
