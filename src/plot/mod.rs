//! Drawings of training and of models, as SVG, and the HTML report of a run.
//!
//! Every function takes plain numbers and returns an [`Svg`]: text to save, to print, or to place into a [`Report`]. Nothing here
//! knows the trainer. Drawings are deterministic: the same input gives the same bytes. They need no fonts, scripts, or network.
//! Colours stay apart for colour-blind readers (Okabe and Ito's palette; blue to red through white for signed values).
//!
//! Values that are NaN, infinite or beyond 1e150 leave a gap where a gap can be seen, are counted where they are left out, and
//! are an error where neither is possible.
//!
//! # Examples
//! ```
//! use retrograd::plot;
//! let scatter = plot::regression("Prices", &[1.1, 1.9, 3.2], &[1.0, 2.0, 3.0])?;
//! let losses = plot::curves("Losses", &[plot::Curve::by_epoch("training", [0.9, 0.2])], &Default::default())?;
//! let html = plot::Report::new("Prices").figure(&losses, "Loss by epoch.").figure(&scatter, "What was predicted.").html();
//! assert!(html.contains("<svg") && html.contains("Loss by epoch."));
//! # Ok::<(), retrograd::Error>(())
//! ```

mod axis;
mod boundary;
mod canvas;
mod chart;
mod colour;
mod confusion;
mod curves;
mod images;
mod png;
mod report;
mod scatter;

#[cfg(test)]
mod tests;

pub use boundary::decision_boundary;
pub use canvas::Svg;
pub use canvas::escape;
pub use confusion::confusion_matrix;
pub use curves::{AxisScale, Curve, CurveOptions, curves};
pub use images::{Colours, ImageOptions, images, weights};
pub use report::Report;
pub use scatter::{histogram, regression, residuals};
