//! What a model is made of, as a table.

use super::{Layer, Model, Params, Role, Stage};
use crate::{Element, Shape};
use std::fmt;

/// A model's layers with their shapes and parameters; printed as a table. Made by [`Model::summary`].
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Summary {
    /// A row for each layer, containers before what they contain.
    pub rows: Vec<SummaryRow>,
    /// How many numbers training changes.
    pub trainable: usize,
    /// How many numbers are frozen.
    pub frozen: usize,
    /// How many numbers are statistics, observed rather than learned.
    pub statistics: usize,
}

/// A layer in a [`Summary`].
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct SummaryRow {
    /// The full name, `block1.dense2`; empty for a model that is one layer.
    pub name: String,
    /// The kind with its settings, `dense(30)`.
    pub layer: String,
    /// The shape of one output, without the batch.
    pub output: Vec<usize>,
    /// How many numbers it has of its own, statistics left out.
    pub parameters: usize,
    /// How many of them are frozen.
    pub frozen: usize,
}

impl Summary {
    pub(super) fn of<T: Element>(model: &Model<T>) -> Self {
        let params = model.params();
        let (mut rows, mut statistics, mut frozen) = (Vec::new(), 0, 0);
        describe(model.network(), "", model.output_shape(), params, &mut rows);
        for (_, param) in params.iter() {
            if param.role() == Role::Statistic {
                statistics += param.value().len();
            } else if param.is_frozen() {
                frozen += param.value().len();
            }
        }
        Self { rows, trainable: params.count() - frozen, frozen, statistics }
    }

    /// How many numbers there are, statistics left out.
    pub fn parameters(&self) -> usize {
        self.trainable + self.frozen
    }
}

/// Adds the row of a layer and those of the layers inside it. A network at the top that only contains has no row.
fn describe<T: Element>(
    layer: &dyn Layer<T>,
    name: &str,
    output: &Shape,
    params: &Params<T>,
    rows: &mut Vec<SummaryRow>,
) {
    let children = layer.children();
    let below = |inner: &str| if name.is_empty() { inner.to_owned() } else { format!("{name}.{inner}") };
    if !name.is_empty() || children.is_empty() {
        let (parameters, frozen) = own(params, &below(""), children);
        let output = output.to_vec();
        rows.push(SummaryRow { name: name.to_owned(), layer: layer.describe(), output, parameters, frozen });
    }
    for stage in children {
        describe(&*stage.layer, &below(&stage.name), &stage.output, params, rows);
    }
}

/// How many numbers stand directly under a name (which ends in a dot or is empty), and how many of them are frozen.
fn own<T: Element>(params: &Params<T>, prefix: &str, children: &[Stage<T>]) -> (usize, usize) {
    let is_own = |name: &str| {
        let Some(rest) = name.strip_prefix(prefix) else { return false };
        !children.iter().any(|child| rest.strip_prefix(&child.name[..]).is_some_and(|rest| rest.starts_with('.')))
    };
    let meant = params.iter().filter(|(_, param)| param.role() != Role::Statistic && is_own(param.name()));
    meant.fold((0, 0), |(all, frozen), (_, param)| {
        let n = param.value().len();
        (all + n, frozen + if param.is_frozen() { n } else { 0 })
    })
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![["name", "layer", "output", "parameters"].map(str::to_owned)];
        for row in &self.rows {
            let lengths = row.output.iter().map(usize::to_string);
            let output = format!("[{}]", ["n".to_owned()].into_iter().chain(lengths).collect::<Vec<_>>().join(", "));
            let count = match row.frozen {
                0 => grouped(row.parameters),
                n if n == row.parameters => format!("{} frozen", grouped(n)),
                n => format!("{} ({} frozen)", grouped(row.parameters), grouped(n)),
            };
            lines.push([row.name.clone(), row.layer.clone(), output, count]);
        }
        let widths: Vec<usize> =
            (0..4).map(|i| lines.iter().map(|line| line[i].chars().count()).max().unwrap_or(0)).collect();
        for [name, layer, output, count] in &lines {
            let [a, b, c, d] = widths[..] else { return Err(fmt::Error) };
            let line = format!("{name:<a$}  {layer:<b$}  {output:<c$}  {count:>d$}");
            writeln!(f, "{}", line.trim_end())?;
        }
        write!(f, "{} parameters", grouped(self.parameters()))?;
        if self.frozen > 0 {
            write!(f, ", {} trainable, {} frozen", grouped(self.trainable), grouped(self.frozen))?;
        }
        if self.statistics > 0 {
            write!(f, "; {} statistics", grouped(self.statistics))?;
        }
        Ok(())
    }
}

/// A number with its thousands apart.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
