//! Training, watched: how gradients, updates and activations move, and how the decision boundary takes shape.
//!
//! Teaches: a callback that looks at the model on fixed data; what the norm of a gradient, the ratio of updates to weights and the
//! share of dead units say.
//! Prints the accuracy on XOR and on two moons, and where it writes for each a page that can be stepped through, and the curves.
//!
//! Run: `cargo run --release --example learning -- [FOLDER]`; without a folder, one under the system's temporary folder.

use retrograd::data::Dataset;
use retrograd::data::synthetic::{two_moons, xor};
use retrograd::nn::{Mlp, Model, loss};
use retrograd::optim::Adam;
use retrograd::train::{Learning, Trainer, metrics};
use std::error::Error;
use std::path::{Path, PathBuf};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let folder =
        std::env::args_os().nth(1).map_or_else(|| std::env::temp_dir().join("retrograd-learning"), PathBuf::from);
    run(&folder)
}

pub(crate) fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let model = Mlp::new(2).dense(4).tanh().dense(2).build(1)?;
    learn("XOR", "xor", model, &xor(), 200, folder)?;
    let model = Mlp::new(2).dense(16).relu().dense(16).relu().dense(2).build(0)?;
    learn("Two moons", "moons", model, &two_moons(240, 0.12, 0)?, 80, folder)
}

/// Trains, asserts that it worked, and writes what was seen.
fn learn(
    title: &str,
    name: &str,
    mut model: Model<f32>,
    data: &Dataset<f32>,
    epochs: u64,
    folder: &Path,
) -> Result<(), Box<dyn Error>> {
    let learning = Learning::new(data, loss::cross_entropy()).every(epochs / 20);
    Trainer::new(Adam::new(0.03))
        .epochs(epochs)
        .batch(data.len().min(32))
        .callback(learning.clone())
        .fit(&mut model, data)?;

    let accuracy = metrics::accuracy(&model.predict(data.inputs())?, data.targets())?;
    let snapshots = learning.snapshots()?;
    assert!(accuracy >= 0.95, "{title}: {accuracy}");
    assert!(snapshots[snapshots.len() - 1].loss < snapshots[0].loss / 2.0);

    let page = folder.join(format!("{name}.html"));
    learning.save_page(title, &page)?;
    for (i, svg) in learning.curves()?.iter().enumerate() {
        svg.save(folder.join(format!("{name}-{}.svg", i + 1)))?;
    }
    println!("{title}: accuracy {accuracy:.3}; {} epochs to step through in {}", snapshots.len(), page.display());
    Ok(())
}
