//! `digits`, the main job, from data to a trained network: 8 x 8 images of handwritten digits.
//!
//! Prints a line for each epoch and the accuracy on the fifth of the images that was held back, and leaves a report, learning
//! curves, the confusion matrix, the first layer's weights and the model in a folder. The images are in the program.

use lexopt::{Arg, Parser, ValueExt};
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
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

const DIGITS: &[u8] = include_bytes!("../../examples/data/digits.csv.gz");

pub(crate) const USAGE: &str = "\
usage: retrograd digits [--epochs N] [--seed N] [--lr X] [--out DIR]
  --epochs N  passes over the training images (default 15)
  --seed N    seed of the split, the first weights and the order of images (default 0)
  --lr X      highest learning rate, above 0 (default 0.2)
  --out DIR   where the report and the drawings go (default target/digits)
  --help      this text";

/// Runs the command with these arguments.
pub(crate) fn main(arguments: Vec<OsString>) -> ExitCode {
    let options = match Options::parse(arguments) {
        Ok(Some(options)) => options,
        Ok(None) => {
            say(USAGE);
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("digits: {message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(accuracy) => {
            say(&format!("test accuracy: {accuracy:.4}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A line on standard output. Where nobody reads on, as behind `head`, the program ends; where it cannot be written, with an error.
pub(crate) fn say(line: &str) {
    let Err(error) = writeln!(std::io::stdout(), "{line}") else { return };
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    eprintln!("error: standard output cannot be written to: {error}");
    std::process::exit(1);
}

/// How to train, and where to.
pub(crate) struct Options {
    epochs: u64,
    seed: u64,
    lr: f64,
    out: PathBuf,
}

impl Options {
    /// Reads the arguments; an error says which one is wrong, and how. None where help is asked for.
    pub(crate) fn parse<S: Into<OsString>>(arguments: impl IntoIterator<Item = S>) -> Result<Option<Self>, String> {
        let mut options = Self { epochs: 15, seed: 0, lr: 0.2, out: "target/digits".into() };
        let mut parser = Parser::from_args(arguments.into_iter().map(Into::into));
        while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
            match argument {
                Arg::Long("epochs") => {
                    options.epochs = number(&mut parser, "--epochs", "a whole number above 0", |n| *n > 0)?;
                }
                Arg::Long("seed") => options.seed = number(&mut parser, "--seed", "a whole number", |_| true)?,
                Arg::Long("lr") => {
                    let fits = |x: &f64| *x > 0.0 && x.is_finite();
                    options.lr = number(&mut parser, "--lr", "a number above 0", fits)?;
                }
                Arg::Long("out") => {
                    options.out = value(&mut parser, "--out")?.into();
                    if options.out.as_os_str().is_empty() {
                        return Err("--out takes a folder, got an empty name".to_owned());
                    }
                }
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Long(name) => {
                    return Err(format!("unknown argument \"--{name}\"; there are --epochs, --seed, --lr, --out"));
                }
                Arg::Short(name) => {
                    return Err(format!("unknown argument \"-{name}\"; there are --epochs, --seed, --lr, --out"));
                }
                Arg::Value(word) => return Err(format!("unknown argument {word:?}")),
            }
        }
        Ok(Some(options))
    }
}

fn value(parser: &mut Parser, name: &str) -> Result<OsString, String> {
    parser.value().map_err(|_| format!("{name} needs a value"))
}

/// The value of an argument; an error unless it is what is expected.
fn number<T>(parser: &mut Parser, name: &str, expected: &str, fits: impl Fn(&T) -> bool) -> Result<T, String>
where
    T: FromStr,
    T::Err: Into<Box<dyn Error + Send + Sync>>,
{
    let text = value(parser, name)?;
    let number = text.parse().ok().filter(fits);
    number.ok_or_else(|| format!("{name} takes {expected}, got {text:?}"))
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
