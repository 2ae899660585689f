//! A thousand networks of 2-16-1 by `Trainer`, one after another, and as a `Sweep`: how much faster, and how near; by hand.
//!
//! ```text
//! cargo bench -p benches --bench sweeps
//! ```

use retrograd::data::synthetic;
use retrograd::nn::Mlp;
use retrograd::optim::Adam;
use retrograd::train::{Sweep, Trainer};

fn main() {
    let data = synthetic::two_moons::<f32>(256, 0.1, 0).unwrap();
    let recipe = |seed| Mlp::new(2).dense(16).tanh().dense(1).build::<f32>(seed);
    for (seeds, rates) in [(1000, 1), (100, 10), (10, 100)] {
        let rates: Vec<f64> = (0..rates).map(|k| 0.01 + 0.0001 * k as f64).collect();
        let started = std::time::Instant::now();
        let mut alone = Vec::new();
        for &rate in &rates {
            for seed in 0..seeds {
                let mut model = recipe(seed).unwrap();
                let mut trainer = Trainer::new(Adam::new(rate)).epochs(20).batch(32).seed(seed);
                alone.push((trainer.fit(&mut model, &data).unwrap().last().unwrap().loss, model));
            }
        }
        let one_by_one = started.elapsed().as_secs_f64();
        for threads in [1, 2] {
            let started = std::time::Instant::now();
            let sweep = Sweep::new(recipe, Adam::new).seeds(0..seeds).learning_rates(rates.iter().copied());
            let swept = sweep.epochs(20).batch(32).threads(threads).run(&data).unwrap();
            let together = started.elapsed().as_secs_f64();
            let (mut losses, mut weights) = (0.0f64, 0.0f64);
            for (row, (loss, model)) in swept.rows().iter().zip(&alone) {
                losses = losses.max((row.loss - loss).abs() / loss);
                for (ours, (_, param)) in row.weights.iter().zip(model.params().iter()) {
                    let size = param.value().iter().fold(0.0f32, |size, x| size.max(x.abs()));
                    let each = ours.iter().zip(param.value().iter()).map(|(a, b)| f64::from((a - b).abs() / size));
                    weights = each.fold(weights, f64::max);
                }
            }
            println!(
                "{seeds} seeds, {} rates, {threads} threads: {one_by_one:.3} s one by one, {together:.3} s together, {:.1} times; losses \
                 differ by {losses:.1e}, weights by {weights:.1e}",
                rates.len(),
                one_by_one / together
            );
        }
    }
}
