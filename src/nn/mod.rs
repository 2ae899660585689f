//! Networks: layers, initialisers, losses, models. On the engine's public API alone.
//!
//! A [`Layer`] makes its [`Params`] once it knows the shape of its input, and is a formula from then on: a function of a
//! variable, the parameters taken from a [`Pass`]. A [`Model`] is a layer, usually [`Sequential`], with its parameters.

mod dense;
mod init;
mod layer;
mod model;
mod params;
mod pass;
mod sequential;

pub use dense::Dense;
pub use init::Init;
pub use layer::{Layer, Scope, Stage};
pub use model::{Model, Step};
pub(crate) use params::matches;
pub use params::{Param, ParamGrads, ParamKey, Params, Role};
pub use pass::{Draw, Pass, Passed};
pub use sequential::Sequential;
