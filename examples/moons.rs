//! Two moons, told apart by a small network whose decision boundary is drawn.
//!
//! Teaches: data made by a seed, a stop at convergence, a picture of what the network says everywhere.
//! Prints the accuracy on points that were held back, and where the drawing is.
//!
//! Run: `cargo run --release --example moons`, or with the folder to draw into: `... --example moons -- DIR`

use retrograd::data::synthetic::two_moons;
use retrograd::nn::Mlp;
use retrograd::optim::Adam;
use retrograd::plot::decision_boundary;
use retrograd::train::{Trainer, metrics};
use std::error::Error;
use std::path::Path;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).unwrap_or_else(|| "target/moons".into());
    run(Path::new(&folder))
}

pub(crate) fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    let (train, test) = two_moons::<f32>(600, 0.15, 0)?.stratified_split(0.3, 0)?;
    let mut model = Mlp::new(2).dense(16).tanh().dense(16).tanh().dense(2).build(0)?;
    let history =
        Trainer::new(Adam::new(0.01)).epochs(200).until_loss_changes_less_than(1e-6).fit(&mut model, &train)?;

    let accuracy = metrics::accuracy(&model.predict(test.inputs())?, test.targets())?;
    println!("accuracy {accuracy:.4} on points that were held back, after {} epochs", history.epochs.len());
    assert!(accuracy >= 0.97);

    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let labels = test.labels().expect("moons have labels");
    let names = ["upper moon", "lower moon"];
    let drawing = folder.join("boundary.svg");
    decision_boundary("Two moons", test.inputs(), labels, &names, |points| model.predict(points), 200)?
        .save(&drawing)?;
    println!("drawn in {}", drawing.display());
    Ok(())
}
