//! A progress bar, for those who ask for one.

use super::callback::{BatchEvent, Callback, EpochEvent, Flow, RunInfo};
use super::history::{EpochRecord, History};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};

/// A bar on standard error with loss, examples per second and time left, and a line on standard output for each epoch. Where
/// standard error is no terminal there is no bar, and only the lines remain.
///
/// # Examples
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::{ProgressReporter, Trainer}};
/// let data = synthetic::two_moons::<f32>(64, 0.1, 0)?;
/// let mut model = Mlp::new(2).dense(2).build(0)?;
/// let reporter = ProgressReporter::new().without_lines();
/// let history = Trainer::new(Adam::new(0.1)).epochs(2).callback(reporter).fit(&mut model, &data)?;
/// assert_eq!(history.epochs.len(), 2);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Default)]
pub struct ProgressReporter {
    bar: Option<ProgressBar>,
    run: Option<RunInfo>,
    quiet_lines: bool,
}

impl ProgressReporter {
    /// A bar and lines.
    pub fn new() -> Self {
        Self::default()
    }
    /// The bar alone.
    pub fn without_lines(mut self) -> Self {
        self.quiet_lines = true;
        self
    }
}

/// One line on an epoch: losses, metrics, speed.
pub(crate) fn line(record: &EpochRecord, metrics: &[String], epochs: u64) -> String {
    let width = epochs.to_string().len();
    let mut line = format!("epoch {:>width$}/{epochs}  loss {:.4}", record.epoch, record.loss);
    if let Some(loss) = record.valid_loss {
        line += &format!("  valid loss {loss:.4}");
    }
    // Metrics are of the validation data where there is any.
    let of = if record.valid_loss.is_some() { "valid " } else { "" };
    for (name, value) in metrics.iter().zip(&record.metrics) {
        line += &format!("  {of}{name} {value:.4}");
    }
    line + &format!("  {:.0} examples/s", record.examples_per_second)
}

impl<T> Callback<T> for ProgressReporter {
    fn on_start(&mut self, run: &RunInfo) {
        let total = run.epochs * run.examples;
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
            let template = "{bar:30} epoch {msg}  {per_sec} examples  {eta} left";
            bar.set_style(ProgressStyle::with_template(template).expect("a template that indicatif knows"));
            bar.set_position(run.done * run.examples);
            bar.reset_eta();
            self.bar = Some(bar);
        }
        self.run = Some(run.clone());
    }
    fn on_batch(&mut self, event: &BatchEvent) -> Flow {
        if let (Some(bar), Some(run)) = (&self.bar, &self.run) {
            bar.set_position((event.epoch - 1) * run.examples + event.examples);
            // A message is text to make; a bar that is drawn ten times a second does not need one for every batch.
            if event.batch.is_multiple_of(16) || event.batch == run.batches {
                bar.set_message(format!("{}/{}  loss {:.4}", event.epoch, run.epochs, event.loss));
            }
        }
        Flow::Continue
    }
    fn on_epoch(&mut self, event: &EpochEvent<'_, T>) -> Flow {
        let Some(run) = self.run.as_ref().filter(|_| !self.quiet_lines) else { return Flow::Continue };
        let line = line(event.record, &run.metrics, run.epochs);
        let print = || {
            let mut out = std::io::stdout().lock();
            // A closed pipe is the reader's wish to see no more; training goes on.
            let _ = writeln!(out, "{line}");
            let _ = out.flush();
        };
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
        Flow::Continue
    }
    fn on_end(&mut self, _: &History) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_which_data_its_metrics_are_of() {
        let record = |valid_loss| EpochRecord {
            epoch: 3,
            loss: 0.25,
            valid_loss,
            metrics: vec![0.9375],
            learning_rate: 0.1,
            gradient_norm: 1.0,
            examples_per_second: 1234.4,
            seconds: 2.0,
        };
        let metrics = ["accuracy".to_owned()];
        assert_eq!(line(&record(None), &metrics, 12), "epoch  3/12  loss 0.2500  accuracy 0.9375  1234 examples/s");
        assert_eq!(
            line(&record(Some(0.5)), &metrics, 12),
            "epoch  3/12  loss 0.2500  valid loss 0.5000  valid accuracy 0.9375  1234 examples/s"
        );
    }
}
