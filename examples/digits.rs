//! The shortest way from data to a trained network: 8 x 8 images of handwritten digits.
//!
//! Teaches: a data file, a network, training, and the accuracy on images that were held back. The program does more with the
//! same data (`cargo run --release`): it checks the gradient, draws, and leaves a report.
//! Prints the accuracy after each epoch, and at the end.
//!
//! Run: `cargo run --release --example digits`

use retrograd::data::{Csv, Scaler};
use retrograd::nn::Mlp;
use retrograd::optim::Sgd;
use retrograd::optim::schedule::OneCycle;
use retrograd::train::metrics::accuracy;
use retrograd::train::{Flow, Trainer};

pub(crate) fn main() -> retrograd::Result<()> {
    // A row is 64 pixels from 0 to 16, and the digit.
    let images = Csv::new().header(false).target(-1).classification();
    let images = images.read::<f32>(&include_bytes!("data/digits.csv.gz")[..])?;
    let (train, test) = images.scaled_by(&Scaler::uniform(0.0, 16.0)?)?.split(0.2, 0)?;

    let mut model = Mlp::new(64).dense(64).relu().dense(10).build(0)?;
    Trainer::new(Sgd::new(0.2).momentum(0.9))
        .schedule(OneCycle::over_epochs(0.2, 15))
        .epochs(15)
        .on_epoch(|event| {
            println!("epoch {:2}  loss {:.4}", event.record.epoch, event.record.loss);
            Flow::Continue
        })
        .fit(&mut model, &train)?;

    let accuracy = accuracy(&model.predict(test.inputs())?, test.targets())?;
    println!("accuracy on {} images held back: {accuracy:.4}", test.len());
    assert!(accuracy > 0.96);
    Ok(())
}
