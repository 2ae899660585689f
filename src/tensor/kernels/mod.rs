//! The loops over elements.
//!
//! Each is written once over the element's lane type and entered through run-time dispatch; nothing here knows of tapes,
//! nodes or gradients beyond "multiply this rule in".

pub(crate) mod elementwise;
pub(crate) mod layout;
pub(crate) mod linalg;
#[doc(hidden)]
pub mod matmul;
pub(crate) mod reduce;
pub(crate) mod rows;
