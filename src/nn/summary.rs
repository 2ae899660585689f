//! What a model is made of, as a table.

use super::{Layer, Model, Params, Role};
use crate::{Element, Shape};
use std::collections::HashMap;
use std::fmt;

/// A model's layers with their shapes and parameters; printed as a table. Made by [`Model::summary`].
///
/// # Examples
/// ```
/// use retrograd::nn::Mlp;
/// let mut model = Mlp::new(4).dense(8).relu().dense(3).build::<f64>(0)?;
/// model.freeze("dense1.*")?;
/// let summary = model.summary();
/// assert_eq!((summary.parameters(), summary.trainable, summary.frozen), (40 + 27, 27, 40));
/// println!("{summary}");
/// # Ok::<(), retrograd::Error>(())
/// ```
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
    /// [`Model::file_warnings`].
    pub warnings: Vec<String>,
}

/// A layer in a [`Summary`].
///
/// # Examples
/// ```
/// use retrograd::nn::Mlp;
/// let summary = Mlp::new(4).dense(8).relu().dense(3).build::<f64>(0)?.summary();
/// let row = &summary.rows[0];
/// assert_eq!((&row.name[..], &row.layer[..], &row.output[..], row.parameters), ("dense1", "dense(8)", &[8][..], 40));
/// # Ok::<(), retrograd::Error>(())
/// ```
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
        describe(model.network(), "", model.output_shape(), &mut rows);
        count_own(params, &mut rows);
        for (_, param) in params.iter() {
            if param.role() == Role::Statistic {
                statistics += param.value().len();
            } else if param.is_frozen() {
                frozen += param.value().len();
            }
        }
        let warnings = model.file_warnings().to_vec();
        Self { rows, trainable: params.count() - frozen, frozen, statistics, warnings }
    }

    /// How many numbers there are, statistics left out.
    pub fn parameters(&self) -> usize {
        self.trainable + self.frozen
    }
}

/// Adds the row of a layer and those of the layers inside it. A network at the top that only contains has no row.
fn describe<T: Element>(layer: &dyn Layer<T>, name: &str, output: &Shape, rows: &mut Vec<SummaryRow>) {
    let children = layer.children();
    let below = |inner: &str| if name.is_empty() { inner.to_owned() } else { format!("{name}.{inner}") };
    if !name.is_empty() || children.is_empty() {
        let (name, layer, output) = (name.to_owned(), layer.describe(), output.to_vec());
        rows.push(SummaryRow { name, layer, output, parameters: 0, frozen: 0 });
    }
    for stage in children {
        describe(&*stage.layer, &below(&stage.name), &stage.output, rows);
    }
}

/// Gives each parameter's numbers to the layer that it stands directly under: the one with the longest of its name's beginnings,
/// where the empty name is that of a model that is one layer.
fn count_own<T: Element>(params: &Params<T>, rows: &mut [SummaryRow]) {
    let places: HashMap<String, usize> = rows.iter().enumerate().map(|(i, row)| (row.name.clone(), i)).collect();
    for (_, param) in params.iter().filter(|(_, param)| param.role() != Role::Statistic) {
        let dots = param.name().rmatch_indices('.').map(|(at, _)| at).chain([0]);
        let place = dots.filter_map(|end| places.get(&param.name()[..end])).next();
        let Some(row) = place.map(|&place| &mut rows[place]) else { continue };
        row.parameters += param.value().len();
        row.frozen += if param.is_frozen() { param.value().len() } else { 0 };
    }
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
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))?;
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
