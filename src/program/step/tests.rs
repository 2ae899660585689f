//! Steps whose places are not what the plan makes them.

use super::super::block::{Access, Origin, Source, Target};
use super::super::body::{Body, BodyOp, Sink};
use super::*;
use crate::ops::{self, BinaryOp};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn place(base: Base, len: usize) -> Allocation {
    Allocation { base, start: 0, len }
}

/// The double of so many lanes of the first input, to an arena of such a length.
fn doubled(lanes: usize, room: usize) -> Step<f64> {
    let add = BodyOp::Binary(BinaryOp::Add(ops::Add), 0, 0);
    let body = Body { ops: vec![BodyOp::Input(0), add], sinks: vec![Sink::Store(1)] };
    let source = Source { from: Origin::Input(0), walk: Access::Flat };
    let at = Buffers {
        inputs: vec![place(Base::Input(0), lanes)],
        shared: Vec::new(),
        outputs: vec![place(Base::Arena, room)],
        sums: Vec::new(),
    };
    Step::Block { code: BlockCode::new(&body, &[source], &[Target::Flat { output: 0 }], 1), lanes, at }
}

#[test]
fn what_a_step_left_that_panicked_is_not_read_by_the_next() {
    let (first, second, mut arena) = ([1.0; 40], [2.0; 40], [0.0; 40]);
    let (mut scratch, mut workers) = (Scratch::new(), Workers::new(1));
    let mut run = |input: &[f64], room: usize| {
        let view = View { arena: arena.as_mut_ptr(), inputs: &[input.as_ptr()], outputs: &[] };
        // SAFETY: the input and the arena are as long as the places, and nothing else refers to them.
        let run = || unsafe { doubled(40, room).run(view, &mut scratch, &mut workers) };
        let done = catch_unwind(AssertUnwindSafe(run));
        (done.is_ok_and(|result| result.is_ok()), arena[0])
    };
    assert_eq!(run(&first, 39), (false, 0.0));
    assert_eq!(run(&second, 40), (true, 4.0));
}

#[test]
fn a_product_at_places_of_other_lengths_is_refused() {
    // [2, 3] x [3, 4] at places of these lengths; a bound product would go by its shapes.
    let product = |x: usize, y: usize, out: usize| {
        let at = [place(Base::Input(0), x), place(Base::Input(1), y)];
        let shapes = [Shape::from([2, 3]), Shape::from([3, 4])];
        let op = MatMul::plain(false, false);
        Step::<f64>::product(op, at, shapes, place(Base::Arena, out), false, Way::Bound)
    };
    assert!(matches!(product(6, 12, 8), Step::Bound { .. }));
    for [x, y, out] in [[5, 12, 8], [6, 11, 8], [6, 12, 7]] {
        let panic = catch_unwind(|| _ = product(x, y, out)).expect_err("places too short");
        let message = panic.downcast_ref::<String>().expect("a message with the lengths in it");
        assert!(message.ends_with(&format!("at places of {x}, {y} and {out} elements")), "{message}");
    }
}
