//! `digits`, the main job, from data to a trained network: 8 x 8 images of handwritten digits.
//!
//! Prints a line for each epoch and the accuracy on the fifth of the images that was held back, and leaves a report, learning
//! curves, the confusion matrix, the first layer's weights and the model in a folder. The images are in the program.

use super::command::{Command, Failure, Flag, Given, Outcome, say};
use retrograd::Element;
use retrograd::check::Gradcheck;
use retrograd::data::{Csv, Dataset, Scaler};
use retrograd::nn::loss::{Loss, cross_entropy};
use retrograd::nn::{Init, Mlp, Pass};
use retrograd::optim::Sgd;
use retrograd::optim::schedule::OneCycle;
use retrograd::plot;
use retrograd::train::metrics::ConfusionMatrix;
use retrograd::train::{Metric, Trainer};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

const DIGITS: &[u8] = include_bytes!("../../examples/data/digits.csv.gz");

pub(crate) const COMMAND: Command = Command {
    name: "digits",
    does: "trains a network on handwritten digits, and leaves a report (without a command, this one)",
    more: "The last line is the accuracy on the fifth of the images that was held back. Report, drawings and model are left in the folder.",
    words: &[],
    flags: &[
        Flag::text("epochs", "N", "passes over the training images (default 15)"),
        Flag::text("seed", "N", "seed of the split, the first weights and the order of images (default 0)"),
        Flag::text("lr", "X", "highest learning rate, above 0 (default 0.2)"),
        Flag::folder("out", "where the report and the drawings go (default target/digits)"),
    ],
    examples: &["digits", "digits --epochs 30 --seed 1 --out report"],
    run: main,
};

fn main(given: &Given) -> Outcome {
    let accuracy = run(&Options::of(given)?).map_err(|error| Failure::Work(error.to_string()))?;
    say(&format!("test accuracy: {accuracy:.4}"));
    Ok(ExitCode::SUCCESS)
}

/// How to train, and where to.
pub(crate) struct Options {
    epochs: u64,
    seed: u64,
    lr: f64,
    out: PathBuf,
}

impl Options {
    /// What these arguments say; an error says which one is wrong, and how.
    pub(crate) fn of(given: &Given) -> Result<Self, Failure> {
        Ok(Self {
            epochs: given.number("epochs", "a whole number above 0", |n| *n > 0)?.unwrap_or(15),
            seed: given.number("seed", "a whole number", |_| true)?.unwrap_or(0),
            lr: given.number("lr", "a number above 0", |x: &f64| *x > 0.0 && x.is_finite())?.unwrap_or(0.2),
            out: given.path("out").unwrap_or_else(|| "target/digits".into()),
        })
    }
}

/// Checks the gradient, trains, draws, and returns the accuracy on the held-back fifth.
pub(crate) fn run(options: &Options) -> Result<f64, Box<dyn Error>> {
    let Options { epochs, seed, lr, out } = options;
    std::fs::create_dir_all(out).map_err(|error| format!("--out: {}: {error}", out.display()))?;
    let (train, test) = read::<f32>()?.split(0.2, *seed)?;

    // The settings, this start among them, were chosen together, and the figures of the README go with them.
    let network = Mlp::new(64).dense(64).init(Init::HeNormal).relu().dense(10);
    say(&format!("gradient checked on 3 images: largest relative error {:.1e}", check_gradient(&network)?));

    let mut model = network.build(*seed)?;
    let mut trainer = Trainer::new(Sgd::new(*lr).momentum(0.9).weight_decay(1e-4))
        .loss(cross_entropy().label_smoothing(0.1))
        .schedule(OneCycle::over_epochs(*lr, *epochs))
        .epochs(*epochs)
        .batch(32)
        .seed(*seed)
        .metrics([Metric::Accuracy])
        .validation(&test)
        .progress();
    let history = trainer.fit(&mut model, &train)?;
    history.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));

    let confusion = ConfusionMatrix::from_scores(&model.predict(test.inputs())?, test.targets())?;
    let weights = model.parameter("dense1.weight")?;
    history.curves("Digits")?.save(out.join("curves.svg"))?;
    let counts: Vec<Vec<usize>> = (0..10).map(|digit| confusion.row(digit).to_vec()).collect();
    plot::confusion_matrix("Digits", &counts, test.class_names())?.save(out.join("confusion.svg"))?;
    plot::weights("First layer", weights, (8, 8), &Default::default())?.save(out.join("weights.svg"))?;
    trainer.report("Digits", &model, &history, &test)?.save(out.join("report.html"))?;
    model.save(out.join("model.safetensors"))?;
    say(&format!("report, drawings and model are in {}", out.display()));
    Ok(confusion.accuracy())
}

/// The embedded file, 64 pixels from 0 to 16 and the label in a row, with pixels from 0 to 1.
fn read<T: Element>() -> retrograd::Result<Dataset<T>> {
    let digits = Csv::new().header(false).target(-1).classification().read(DIGITS)?;
    digits.scaled_by(&Scaler::uniform(0.0, 16.0)?)
}

/// Holds a sample of the gradient, in double precision, against forward mode and differences; the largest relative error.
fn check_gradient(network: &Mlp) -> retrograd::Result<f64> {
    let (model, images) = (network.build::<f64>(0)?, read::<f64>()?.select(&[0, 1, 2])?);
    let point: Vec<_> = model.params().iter().map(|(_, param)| (param.name(), param.value().clone())).collect();
    let report = Gradcheck::new()
        .max_elements(100)
        .gradcheck(&point, |vars| {
            let tape = vars[0].tape();
            let pass = Pass::eval(tape, model.params().clone());
            let pass = model.params().keys().zip(vars).fold(pass, |pass, (key, var)| pass.with(key, *var));
            let logits = model.forward(tape.data(images.inputs()), &pass);
            cross_entropy().value(logits, images.targets(), None).expect("ten scores for each of ten classes")
        })
        .into_result()?;
    Ok(report.parameters.iter().map(|parameter| parameter.worst_agreeing).fold(0.0, f64::max))
}
