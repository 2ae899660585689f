//! Networks: layers, initialisers, losses, models. On the engine's public API alone.
//!
//! A [`Layer`] makes its [`Params`] once it knows the shape of its input, and is a formula from then on: a function of a
//! variable, the parameters taken from a [`Pass`]. A [`Model`] is a layer, usually [`Sequential`], with its parameters.
//!
//! # Examples
//! ```
//! use retrograd::nn::{Activation, Dense, Dropout, Mlp, Model, Sequential};
//! use retrograd::{Tape, Tensor, nn::Pass};
//! // The usual network in a line, and the same from its layers.
//! let short = Mlp::new(4).dense(8).relu().dropout(0.2).dense(3).build::<f64>(7)?;
//! let network = Sequential::new().with(Dense::new(8)).with(Activation::relu()).with(Dropout::new(0.2)).with(Dense::new(3));
//! let model = Model::<f64>::new(network, 4, 7)?;
//! assert_eq!(model.params().count(), short.params().count());
//!
//! let x = Tensor::from([[0.1, 0.2, 0.3, 0.4]]);
//! assert_eq!(model.predict(&x)?.shape().dims(), [1, 3]);
//! let tape = Tape::new();
//! let loss = model.forward(tape.data(&x), &Pass::eval(&tape, model.params())).cross_entropy(&[2]);
//! assert!(loss.item() > 0.0);
//! # Ok::<(), retrograd::Error>(())
//! ```

mod activation;
mod answer;
mod compose;
mod config;
mod dense;
mod dropout;
mod embedding;
mod ending;
mod file;
mod func;
mod head;
mod init;
mod layer;
pub mod loss;
mod mlp;
mod model;
mod norm;
mod params;
mod pass;
mod penalty;
mod per_example;
mod sequential;
mod shape;
mod summary;
mod torch;
mod weights;

pub use activation::{Activation, LogSoftmax, Softmax};
pub use answer::Answer;
pub use compose::{Residual, Shared};
pub use config::Restore;
pub use dense::Dense;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use ending::Ending;
pub(crate) use ending::{last_layer, neediest};
pub use func::{Func, func};
pub use head::Head;
pub(crate) use head::NAME_THE_HEAD;
pub use init::Init;
pub use layer::{Layer, ParamScope, Stage};
pub use loss::Loss;
pub use mlp::Mlp;
pub use model::{Model, Step};
pub use norm::{BatchNorm, LayerNorm};
pub(crate) use params::matches;
pub use params::{Param, ParamGrads, ParamKey, Params, Role};
pub use pass::{Draw, Pass, Passed};
pub use penalty::Penalty;
pub use per_example::PerExample;
pub use sequential::Sequential;
pub use shape::Flatten;
pub use summary::{Summary, SummaryRow};
pub use weights::Taken;
