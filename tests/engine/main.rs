//! The engine: tapes, ops, sweeps, conventions, memory, accuracy.

mod allocation;
mod conventions;
mod decompositions;
mod determinants;
mod doc_examples;
mod einsum;
mod ergonomics;
mod finite;
mod layers;
mod math_accuracy;
mod op_accuracy;
mod own_linear_algebra;
mod range;
mod rules;
mod second_conventions;
mod smoke;
mod sums;
mod tape;
mod tensor_methods;
mod tensor_ops;
mod zeros;
