//! One network trained by several processes, to the same bits whatever their number.
//!
//! Teaches: a world of processes, and that `Trainer::world` is the one word that training needs.
//! Prints, on rank 0, a line for each epoch and the accuracy on images that were held back; writes the model where asked to.
//!
//! ```text
//! cargo run --release --example distributed -- --out alone.safetensors
//! cargo build --release --example distributed --features mpi
//! mpirun -n 3 target/release/examples/distributed --out three.safetensors
//! cmp alone.safetensors three.safetensors
//! ```
//!
//! Run: `cargo run --release --example distributed`

mod flags {
    include!("common/flags.rs");
}

use flags::Flags;
use retrograd::data::{Csv, Dataset, Scaler};
use retrograd::nn::{Mlp, Model};
use retrograd::optim::Adam;
use retrograd::train::{Checkpoint, Flow, StopFlag, Trainer, metrics};
use retrograd::world::{self, World};
use retrograd::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// 1797 images of 8 x 8 pixels.
const DIGITS: &[u8] = include_bytes!("data/digits.csv.gz");
const NAMES: [&str; 10] = [
    "--out",
    "--epochs",
    "--threads",
    "--dropout",
    "--batch",
    "--pieces",
    "--layers",
    "--checkpoint",
    "--pause",
    "--seed",
];
const USAGE: &str = "\
usage: distributed [DIR] [options]
  DIR                 the folder of MNIST's four files, or of a set of its shape, plain; without it, digits of 8 x 8 pixels.
                      Each process reads those rows alone that it needs
  --out FILE          writes the trained model
  --epochs 5
  --threads 1         threads of each process
  --batch 64          images in a batch, of all processes together
  --pieces 4          pieces that a batch is cut into: a power of two, as many as processes or more
  --layers 64,32      units of the hidden layers
  --dropout 0         the probability with which hidden units are dropped
  --batch-norm        normalises each hidden layer
  --checkpoint FILE   saves the run after each update, and goes on from there
  --pause 0           milliseconds to wait after each batch, for trying what happens when a process is killed
  --seed 0";

/// What to train.
struct Options {
    folder: Option<PathBuf>,
    out: Option<PathBuf>,
    checkpoint: Option<PathBuf>,
    epochs: u64,
    threads: usize,
    batch: usize,
    pieces: usize,
    layers: Vec<usize>,
    dropout: f64,
    batch_norm: bool,
    pause: u64,
    seed: u64,
}

impl Options {
    fn parse(mut arguments: Vec<String>) -> Result<Self, String> {
        let given = arguments.len();
        arguments.retain(|argument| argument != "--batch-norm");
        let batch_norm = arguments.len() < given;
        let flags = Flags::read(&arguments, &NAMES)?;
        if let [_, second, ..] = &flags.words[..] {
            return Err(format!("one folder at most, got {second:?} as well"));
        }
        let count = |name: &str| flags.get(name, "a whole number above 0", |n: &usize| *n > 0);
        let file = |name: &str| flags.get(name, "a file", |path: &PathBuf| !path.as_os_str().is_empty());
        let units =
            |text: &str| text.split(',').map(|n| n.parse().ok().filter(|n| *n > 0)).collect::<Option<Vec<usize>>>();
        let layers =
            flags.get("--layers", "whole numbers above 0, such as 64,32", |text: &String| units(text).is_some())?;
        Ok(Self {
            folder: flags.words.first().map(PathBuf::from),
            out: file("--out")?,
            checkpoint: file("--checkpoint")?,
            epochs: count("--epochs")?.unwrap_or(5) as u64,
            threads: count("--threads")?.unwrap_or(1),
            batch: count("--batch")?.unwrap_or(64),
            pieces: flags.get("--pieces", "a power of two", |n: &usize| n.is_power_of_two())?.unwrap_or(4),
            layers: layers.and_then(|text| units(&text)).unwrap_or(vec![64, 32]),
            dropout: flags.get("--dropout", "a number from 0 and below 1", |p| (0.0..1.0).contains(p))?.unwrap_or(0.0),
            batch_norm,
            pause: flags.get("--pause", "milliseconds", |_| true)?.unwrap_or(0),
            seed: flags.get("--seed", "a whole number", |_| true)?.unwrap_or(0),
        })
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("distributed: {message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    #[cfg(feature = "mpi")]
    let world = retrograd::world::mpi();
    #[cfg(not(feature = "mpi"))]
    let world = Ok::<_, Error>(retrograd::world::alone());
    let world = match world {
        Ok(world) => world,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    match run(&options, &world) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Said before the world is dropped, which waits for the others: their ends may be the launcher's reason to end this one. They
            // learn why from `abandon`.
            eprintln!("rank {}: error: {error}", world.rank());
            world.abandon(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, world: &(impl World + Clone + 'static)) -> Result<()> {
    let leads = world.rank() == 0;
    // A file that one process alone does not find is everybody's error.
    let read = read(options);
    world::agree(world, read.as_ref().map(drop).map_err(Clone::clone))?;
    let (train, test) = read?;
    let mut model = network(options, &train)?;
    let pause = Duration::from_millis(options.pause);
    // Ctrl-C on one process ends all after the same batch.
    let stop = StopFlag::on_ctrl_c()?;
    let mut trainer = Trainer::new(Adam::new(0.003))
        .epochs(options.epochs)
        .batch(options.batch)
        .drop_last()
        .seed(options.seed)
        .threads(options.threads)
        .pieces(options.pieces)
        .world(world)
        .validation(&test)
        .stop_flag(stop)
        .callback(Pause(pause))
        .on_epoch(|event| {
            let record = event.record;
            println!(
                "epoch {:2}  loss {:.4}  {:.0} images a second",
                record.epoch, record.loss, record.examples_per_second
            );
            Flow::Continue
        });
    if let Some(path) = &options.checkpoint {
        trainer = trainer.checkpoint(Checkpoint::at(path).every_updates(1).resume());
    }
    let history = trainer.fit(&mut model, &train)?;
    if leads {
        for warning in &history.warnings {
            eprintln!("warning: {warning}");
        }
        let accuracy = metrics::accuracy(&model.predict(test.inputs())?, test.targets())?;
        println!("{}", history.ending());
        println!("{} processes, accuracy on {} images held back: {accuracy:.4}", world.size(), test.len());
        if let Some(path) = &options.out {
            model.save(path)?;
        }
    }
    Ok(())
}

/// Waits after each batch.
struct Pause(Duration);

impl<T> retrograd::train::Callback<T> for Pause {
    fn on_batch(&mut self, _: &retrograd::train::BatchEvent) -> Flow {
        std::thread::sleep(self.0);
        Flow::Continue
    }
}

fn network(options: &Options, data: &Dataset<f32>) -> Result<Model<f32>> {
    let mut network = Mlp::new(data.n_features());
    for &units in &options.layers {
        network = network.dense(units);
        if options.batch_norm {
            network = network.batch_norm();
        }
        network = network.relu();
        if options.dropout > 0.0 {
            network = network.dropout(options.dropout);
        }
    }
    network.dense(data.n_classes()).build(options.seed)
}

/// Images to train on, and to hold back.
fn read(options: &Options) -> Result<(Dataset<f32>, Dataset<f32>)> {
    let Some(folder) = &options.folder else {
        let digits = Csv::new().header(false).target(-1).classification().read::<f32>(DIGITS)?;
        return digits.scaled_by(&Scaler::uniform(0.0, 16.0)?)?.split(0.2, 0);
    };
    let pair = |part: &str| {
        let [images, labels] =
            ["images-idx3-ubyte", "labels-idx1-ubyte"].map(|name| found(folder, &format!("{part}-{name}")));
        Dataset::idx_on_demand(images?, labels?)
    };
    Ok((pair("train")?, pair("t10k")?))
}

/// A file of the folder.
fn found(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    if path.exists() { Ok(path) } else { Err(Error::io(format!("{} is missing", path.display()))) }
}
