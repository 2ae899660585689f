//! A progress bar for points, for those who ask for one.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// A bar on standard error for [`Traversal::progress`](super::Traversal::progress), with points per second and time left. Where standard
/// error is no terminal there is none.
///
/// # Examples
/// ```
/// use retrograd::{Map, Points, program::progress_bar};
/// let mut sum = Map::compile_gradient(1, 0, |x, _| x[0])?;
/// let points = Points::new(2).column(&[1.0, 2.0]);
/// assert_eq!(sum.over(&points).progress(progress_bar()).gradient(&[], &mut [])?, 3.0);
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn progress_bar() -> impl FnMut(u64, u64) + Send + 'static {
    let mut bar: Option<ProgressBar> = None;
    let shown = std::io::stderr().is_terminal();
    move |done, of| {
        if !shown {
            return;
        }
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(of), ProgressDrawTarget::stderr_with_hz(10));
            let template = "{bar:30} {percent}% of {len} points  {per_sec}  {eta} left";
            bar.with_style(ProgressStyle::with_template(template).expect("a template that indicatif knows"))
        });
        bar.set_position(done);
        if done == of {
            bar.finish_and_clear();
        }
    }
}
