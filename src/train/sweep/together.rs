//! A sweep shared out among the ranks of a world: each trains a part of the combinations, and all get every row.

use super::table::{SweepRow, Swept};
use super::{Combination, Sweep};
use crate::data::Dataset;
use crate::nn::Model;
use crate::train::{setup, together};
use crate::world::{self, World};
use crate::{Element, Error, Result, Tensor};
use serde_json::json;

impl<T: Element> Sweep<T> {
    /// Trains all models together with the other ranks of a world, each a [part](Sweep::part), and gives every rank all rows: those of
    /// [`Sweep::run`], with the same bits. Every rank calls it with the same sweep and data.
    ///
    /// # Errors
    /// As of [`Sweep::run`], on any rank; a rank whose sweep or data differ from rank 0's, or that has ended.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::Sweep, world};
    /// let data = synthetic::two_moons::<f32>(48, 0.1, 0)?;
    /// let sweep = || {
    ///     Sweep::new(|seed| Mlp::new(2).dense(4).tanh().dense(1).build(seed), |rate| Adam::new(rate))
    ///         .seeds(0..5)
    ///         .learning_rates([0.01, 0.1])
    ///         .epochs(2)
    /// };
    /// let tables = world::threads(3).run(|world| Ok::<_, retrograd::Error>(sweep().run_on(&world, &data)?.to_csv()));
    /// let alone = sweep().run(&data)?.to_csv();
    /// assert!(tables.into_iter().all(|table| table.as_ref() == Ok(&alone)));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    #[inline(never)]
    pub fn run_on(&self, world: &dyn World, data: &Dataset<T>) -> Result<Swept<T>> {
        let sound = self.combinations((world.rank(), world.size())).map(drop);
        world::agree(world, sound)?;
        let model = (self.recipe)(self.seeds[0]);
        world::agree(world, model.as_ref().map(drop).map_err(Clone::clone))?;
        let model = model?;
        together::compare_setups(world, || {
            let loss = self.loss_for(&model, data);
            let penalties = self.penalties.as_ref().map(|(penalty, factors)| json!([penalty, factors]));
            json!({
                "run": setup::describe(&self.trainer(self.learning_rates[0]), &*loss, &model, data),
                "epochs": self.shared.epochs,
                "seeds": self.seeds,
                "learning_rates": self.learning_rates,
                "penalties": penalties,
            })
        })?;
        let own = self.run_part(data, (world.rank(), world.size()));
        world::agree(world, own.as_ref().map(drop).map_err(Clone::clone))?;
        let mut bytes = Vec::new();
        for row in own?.rows() {
            world::write_numbers(&numbers(row), &mut bytes);
        }
        let all = world::gather(world, &bytes)?;
        let (combinations, wide) = (self.all(), self.width(&model));
        let mut numbers = vec![0.0; all.iter().map(Vec::len).sum::<usize>() / size_of::<f64>()];
        if wide * combinations.len() != numbers.len() {
            return Err(Error::argument(
                "sweep: the ranks' rows are not those of one sweep; give all of them the same one",
            ));
        }
        world::read_numbers(&all.concat(), &mut numbers)?;
        let rows = combinations.iter().zip(numbers.chunks_exact(wide));
        let rows: Result<Vec<_>> = rows.map(|(of, numbers)| self.row(of, &model, numbers)).collect();
        self.gather(data, rows?)
    }

    /// How many numbers a row is.
    fn width(&self, model: &Model<T>) -> usize {
        let weights: usize = model.params().iter().map(|(_, param)| param.value().len()).sum();
        HEAD + self.shared.metrics.len() + weights
    }

    /// The row of a combination, from its numbers.
    fn row(&self, of: &Combination, model: &Model<T>, numbers: &[f64]) -> Result<SweepRow<T>> {
        let (head, rest) = numbers.split_at(HEAD);
        let (metrics, mut rest) = rest.split_at(self.shared.metrics.len());
        let mut weights = Vec::new();
        for (_, param) in model.params().iter() {
            let (values, after) = rest.split_at(param.value().len());
            rest = after;
            weights.push(Tensor::new(param.value().shape(), values.iter().map(|&x| T::from_f64(x)).collect())?);
        }
        let [number, loss, has_valid, valid, diverged] = *head else { unreachable!("as many as HEAD says") };
        Ok(SweepRow {
            number: number as usize,
            seed: of.seed,
            learning_rate: of.learning_rate,
            penalty: of.factor,
            loss,
            valid_loss: (has_valid > 0.0).then_some(valid),
            metrics: metrics.to_vec(),
            diverged: (diverged > 0.0).then_some(diverged as u64),
            weights,
        })
    }
}

/// Number, loss, whether there is a validation loss, that, and the epoch in which it diverged, or 0.
const HEAD: usize = 5;

/// What of a row its combination does not say.
fn numbers<T: Element>(row: &SweepRow<T>) -> Vec<f64> {
    let valid = [f64::from(u8::from(row.valid_loss.is_some())), row.valid_loss.unwrap_or(0.0)];
    let mut numbers = vec![row.number as f64, row.loss, valid[0], valid[1], row.diverged.unwrap_or(0) as f64];
    numbers.extend(&row.metrics);
    numbers.extend(row.weights.iter().flat_map(|weight| weight.iter().map(|x| x.to_f64())));
    numbers
}
