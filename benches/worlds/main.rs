//! What a step of training costs with a world, by the same networks as `networks` in the engine's benchmarks; by hand.
//!
//! ```text
//! cargo bench -p benches --bench worlds                      # in one process: without a world, alone, and pieces
//! cargo bench -p benches --bench worlds --features mpi --no-run
//! mpirun -n 2 target/release/deps/worlds-...                 # the same network with two processes, and two that do not talk
//! ```
//!
//! Ways are measured in turns, and the least of each is printed, in milliseconds a step, validation and saving left out.

use retrograd::data::Dataset;
use retrograd::nn::{Mlp, Model};
use retrograd::optim::{Adam, Optimizer, Sgd};
use retrograd::train::Trainer;
use retrograd::world::{self, World};
use retrograd::{Result, Tensor};

struct Workload {
    name: &'static str,
    sizes: &'static [usize],
    batch: usize,
    /// The rate of plain descent; without, Adam with its defaults.
    descent: Option<f64>,
    /// Batches in an epoch, of which the fastest of some counts.
    steps: usize,
}

const WORKLOADS: [Workload; 3] = [
    Workload { name: "mlp_small", sizes: &[784, 128, 64, 10], batch: 64, descent: None, steps: 200 },
    Workload { name: "mlp_wide", sizes: &[784, 1024, 1024, 10], batch: 256, descent: None, steps: 20 },
    Workload { name: "mlp_big", sizes: &[1024, 2048, 2048, 2048, 10], batch: 512, descent: Some(0.01), steps: 4 },
];
const ROUNDS: usize = 5;

impl Workload {
    fn model(&self) -> Model<f32> {
        let hidden = &self.sizes[1..self.sizes.len() - 1];
        let network = hidden.iter().fold(Mlp::new(self.sizes[0]), |network, &units| network.dense(units).relu());
        network.dense(self.sizes[hidden.len() + 1]).build(1).expect("a sound network")
    }

    fn data(&self) -> Dataset<f32> {
        let rows = self.batch * self.steps;
        let x = (0..rows * self.sizes[0]).map(|k| (k * 2_654_435_761 % 1009) as f32 / 1009.0).collect();
        let x = Tensor::new([rows, self.sizes[0]], x).expect("as many numbers");
        Dataset::labelled(x, (0..rows).map(|k| k * 7 % 10).collect()).expect("sound data")
    }

    fn trainer(&self) -> Trainer<f32> {
        let optimizer: Optimizer<f32> = match self.descent {
            Some(rate) => Sgd::new(rate).into(),
            None => Adam::new(1e-3).into(),
        };
        Trainer::new(optimizer).epochs(2).batch(self.batch)
    }

    /// Milliseconds a step, of the second epoch.
    fn time(&self, data: &Dataset<f32>, trainer: Trainer<f32>) -> f64 {
        let history = { trainer }.fit(&mut self.model(), data).expect("it trains");
        1e3 * self.batch as f64 / history.epochs[1].examples_per_second
    }
}

fn main() -> Result<()> {
    let only = std::env::var("WORKLOAD").unwrap_or_default();
    let threads = std::env::var("THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    #[cfg(feature = "mpi")]
    let world = world::mpi()?;
    #[cfg(not(feature = "mpi"))]
    let world = world::alone();
    let size = world.size();
    for workload in WORKLOADS.iter().filter(|workload| workload.name.contains(&only)) {
        let data = workload.data();
        type Way<'a> = (&'a str, Box<dyn Fn() -> Trainer<f32> + 'a>);
        let trainer = || workload.trainer().threads(threads);
        let mut ways: Vec<Way<'_>> = vec![("no world", Box::new(trainer))];
        for (name, pieces) in [("2 pieces", 2), ("4 pieces", 4), ("8 pieces", 8)] {
            ways.push((name, Box::new(move || trainer().pieces(pieces))));
        }
        if size > 1 {
            ways.push(("together", Box::new(|| trainer().world(&world))));
        }
        let mut least = vec![f64::INFINITY; ways.len()];
        for _ in 0..ROUNDS {
            for (least, (_, way)) in least.iter_mut().zip(&ways) {
                // All begin at once.
                world::agree(&world, Ok(()))?;
                *least = least.min(workload.time(&data, way()));
            }
        }
        if world.rank() == 0 {
            for ((name, _), time) in ways.iter().zip(&least) {
                println!(
                    "{} ({size} processes): {name}: {time:.3} ms, {:.3} of no world",
                    workload.name,
                    time / least[0]
                );
            }
        }
    }
    Ok(())
}
