//! The classic derivations: right forms agree, wrong ones differ, and the diagnosis names what is wrong.
//!
//! The derivations are those of the example `compare`, compiled into this test.

#[path = "../../../examples/compare.rs"]
mod compare;
mod corpus;
mod noise;
mod printed;

#[test]
fn the_example_prints_a_table_of_what_it_expects() {
    compare::main().unwrap();
}
