//! LSTM: the loss of a diagonal language model; one number, differentiated by the weights.
//!
//! All products of vectors are elementwise. For t = 0 .. c-2, with v = seq[t] extra[0], for each layer:
//!
//!   c <- c sigma(v Wf + Bf) + sigma(h Wi + Bi) tanh(h Wc + Bc);   h <- sigma(v Wo + Bo) tanh(c);   v = h
//!
//! then y = v extra[1] + extra[2], and the loss takes -sum_j seq[t+1][j] (y_j - ln(2 + sum_i exp(y_i))) / ((c-1) b).

pub(crate) mod body;
mod plain;
mod program;
mod tensor;

use super::problem::{Method, Mode, Problem, in_a_line, no_such_mode, pack, scalar_gradient};
use super::tokens::{Tokens, name, read_text};
use retrograd::Tape;
use serde_json::{Map, Value, json};
use std::path::Path;

/// The data of a file.
pub(crate) struct Lstm {
    /// Layers, characters, bits of a character.
    pub(crate) l: usize,
    pub(crate) c: usize,
    pub(crate) b: usize,
    /// main [2l][4b] (weights and biases of a layer's gates f, i, o, c), then extra [3][b].
    pub(crate) parameters: Vec<f64>,
    /// h and c of each layer at the start, [2l][b].
    pub(crate) state: Vec<f64>,
    /// [c][b].
    pub(crate) sequence: Vec<f64>,
}

impl Lstm {
    /// Reads the text of a file.
    pub(crate) fn parse(file: String, text: &str) -> Result<Self, String> {
        let mut tokens = Tokens::new(file, text);
        let l = tokens.count("l, the layers")?;
        let c = tokens.whole("c, the characters", 2)? as usize;
        let b = tokens.count("b, the bits")?;
        let sizes = l.checked_mul(2).zip(b.checked_mul(4));
        let (rows, columns) = sizes.ok_or_else(|| tokens.wrong(format_args!("{l} layers of {b} bits are too many")))?;
        let mut parameters = tokens.table("main", rows, columns)?;
        parameters.extend(tokens.table("extra", 3, b)?);
        let state = tokens.table("state", rows, b)?;
        let sequence = tokens.table("seq", c, b)?;
        tokens.end()?;
        Ok(Self { l, c, b, parameters, state, sequence })
    }

    /// Weights and biases of a layer, and the three extra rows.
    pub(crate) fn main_and_extra<'a, S>(&self, parameters: &'a [S]) -> (&'a [S], &'a [S]) {
        parameters.split_at(8 * self.l * self.b)
    }

    /// What a sum over all characters is divided by.
    pub(crate) fn count(&self) -> f64 {
        (self.c - 1) as f64 * self.b as f64
    }
}

impl Problem for Lstm {
    const NAME: &'static str = "lstm";
    const MODES: &'static [Mode] = &[Mode::Program, Mode::Tensor, Mode::Tape];

    fn read(path: &Path) -> Result<Self, String> {
        Self::parse(name(path), &read_text(path)?)
    }

    fn lengths(&self) -> [usize; 2] {
        [1, self.parameters.len()]
    }

    fn objective(&self, values: &mut [f64]) {
        values[0] = plain::loss(self);
    }

    fn method(&self, mode: Mode) -> Result<Method<'_>, String> {
        match mode {
            Mode::Tape => {
                let mut tape = Tape::new();
                let run = move |values: &mut [f64], gradient: &mut [f64]| {
                    values[0] = scalar_gradient(&mut tape, &self.parameters, |x| body::loss(self, x), gradient);
                };
                Ok(Method { how: "scalars recorded each call, one sweep", run: Box::new(run) })
            }
            Mode::Tensor => tensor::method(self),
            Mode::Program => program::method(self),
            Mode::Map => Err(no_such_mode::<Self>(mode)),
        }
    }

    fn describe(&self, values: &[f64], derivative: &[f64]) -> Map<String, Value> {
        let members = json!({
            "l": self.l, "c": self.c, "b": self.b,
            "objective": values[0],
            "gradient_order": "main_params (2l rows of 4b, row-major), then extra_params (3 rows of b)",
            "gradient": pack(derivative),
        });
        members.as_object().cloned().unwrap_or_default()
    }

    fn summary(&self, values: &[f64], derivative: &[f64]) -> String {
        let Self { l, c, b, .. } = self;
        format!("l = {l}, c = {c}, b = {b}\nobjective: {}\ngradient: {}", values[0], in_a_line(derivative))
    }
}
