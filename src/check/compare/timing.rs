//! Hand-coded and autodiff, timed in one run.

use super::{Compare, Timing};
use crate::check::replay::variables;
use crate::error::Result;
use crate::tape::Tape;
use std::time::{Duration, Instant};

/// How long each is run at least, and how often.
const LEAST: Duration = Duration::from_millis(20);
const MOST_RUNS: usize = 2000;
/// Of fewer runs, all may have been interrupted on a busy machine.
const LEAST_RUNS: usize = 5;

/// The best of many runs of each, in turn, so that both see the same machine.
pub(super) fn measure(compare: &Compare<'_>, mut by_hand: Box<dyn FnMut() + '_>) -> Result<Timing> {
    let mut tape = Tape::new();
    let mut best = Timing { hand: Duration::MAX, autodiff: Duration::MAX };
    let began = Instant::now();
    for run in 1..=MOST_RUNS {
        let start = Instant::now();
        by_hand();
        best.hand = best.hand.min(start.elapsed());
        let start = Instant::now();
        let grads = {
            let output = (compare.f)(&tape, &variables(&tape, &compare.point))?;
            output.try_backward()?
        };
        tape.clear();
        best.autodiff = best.autodiff.min(start.elapsed());
        tape.recycle(grads);
        if run >= LEAST_RUNS && began.elapsed() > LEAST {
            break;
        }
    }
    Ok(best)
}
