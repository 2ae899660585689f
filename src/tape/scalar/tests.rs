//! The sweep of the scalar lane against the plain loop that it stands for, bit for bit.

use super::{LIMIT, Node, ScalarLane};
use crate::ops::{Add, Exp, Mul};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Every node gives its parents their parts, the first one first; a zero gives nothing.
fn plainly(nodes: &[Node<f64>], lo: usize, adjoints: &mut [f64]) {
    for (i, node) in nodes.iter().enumerate().skip(lo).rev() {
        let g = adjoints[i];
        for (parent, partial) in [(node.a(), node.first), (node.b(), node.second)] {
            if g != 0.0 && parent < LIMIT {
                adjoints[parent as usize] += partial * g;
            }
        }
    }
}

/// Leaves, literals and ops on near and far nodes, with partials that are zero or infinite now and then.
fn random_lane(rng: &mut ChaCha8Rng, n: u32) -> ScalarLane<f64> {
    let lane = ScalarLane::new(false);
    lane.push_leaves(&[0.5, -1.5, 2.0][..rng.random_range(1..=3)]);
    while lane.len() < n {
        let len = lane.len();
        let mut near = || len - 1 - if rng.random_bool(0.8) { rng.random_range(0..len.min(3)) } else { len - 1 };
        let parents = [near(), near()];
        let mut x = || [0.0, 1.0, -0.75, 1.25, f64::INFINITY][rng.random_range(0..if len > 40 { 5 } else { 4 })];
        let (x, y) = (x(), x());
        // SAFETY: the parents are below the length.
        unsafe {
            match rng.random_range(0..8) {
                0 => lane.push_leaf(x),
                1 => lane.push_unary(Exp, parents[0], 0.0, x),
                2 => lane.push_with_literal(Mul, parents[0], x, y, x * y),
                3 => lane.push_binary(Add, parents, x, y, x + y),
                _ => lane.push_binary(Mul, parents, x, y, x * y),
            }
        };
    }
    lane
}

fn bits(adjoints: &[f64]) -> Vec<u64> {
    // What NaN it is may depend on the order of the operands of one addition.
    adjoints.iter().map(|g| if g.is_nan() { u64::MAX } else { g.to_bits() }).collect()
}

#[test]
fn the_sweep_equals_the_plain_loop_bit_for_bit_in_one_piece_and_in_several() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for round in 0..400 {
        let n = rng.random_range(1..60);
        let lane = random_lane(&mut rng, n);
        let n = lane.len() as usize;
        let mut adjoints: Vec<f64> = (0..n).map(|_| if rng.random_bool(0.2) { 1.0 } else { 0.0 }).collect();
        adjoints[n - 1] = 1.0;
        let mut expected = adjoints.clone();
        plainly(lane.nodes(), 0, &mut expected);
        let mut whole = adjoints.clone();
        lane.sweep(0, n as u32, &mut whole);
        assert_eq!(bits(&whole), bits(&expected), "round {round}");
        let mut hi = n as u32;
        while hi > 0 {
            let lo = rng.random_range(0..hi);
            lane.sweep(lo, hi, &mut adjoints);
            hi = lo;
        }
        assert_eq!(bits(&adjoints), bits(&expected), "round {round}, in pieces");
    }
}

#[test]
fn a_sweep_goes_no_further_than_it_is_told() {
    let lane = ScalarLane::new(false);
    lane.push_leaf(2.0);
    for k in 0..4 {
        // SAFETY: node k is the last one.
        unsafe { lane.push_with_literal(Mul, k, 1.0, 3.0, 3.0) };
    }
    let mut adjoints = vec![0.0, 0.0, 0.0, 0.0, 1.0];
    lane.sweep(3, 5, &mut adjoints);
    assert_eq!(adjoints, [0.0, 0.0, 9.0, 3.0, 1.0]);
    lane.sweep(3, 3, &mut adjoints);
    assert_eq!(adjoints, [0.0, 0.0, 9.0, 3.0, 1.0]);
}

#[test]
fn leaves_pushed_together_remember_who_asked() {
    let lane = ScalarLane::<f64>::new(true);
    lane.push_leaves(&[1.0, 2.0]);
    let site = lane.site(1).expect("kept");
    assert_eq!((site.file(), site.line()), (file!(), line!() - 2));
    assert_eq!(lane.site(2), None);
}

#[test]
fn room_for_more_nodes_than_there_are_numbers_is_refused() {
    for more in [LIMIT as usize, usize::MAX - 2, usize::MAX] {
        let mut tape = crate::Tape::new();
        let x = tape.vars(&[1.0, 2.0, 3.0]).iter().map(|x| x.item()).sum::<f64>();
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tape.reserve(more)));
        assert!(x == 6.0 && refused.is_err(), "{more}");
        assert_eq!(tape.len(), 3);
    }
}

#[test]
fn a_reserved_tape_keeps_what_it_has_and_does_not_grow() {
    let mut tape = crate::Tape::new();
    tape.reserve(5000);
    for _ in 0..2 {
        let bytes = tape.bytes();
        let x = tape.vars(&[1.5, 0.5]);
        let y = (0..4998).fold(x[0], |y, _| y + x[1]);
        assert_eq!(tape.bytes(), bytes);
        let grads = y.backward();
        assert_eq!(grads.items(&x), [1.0, 4998.0]);
        tape.recycle(grads);
        // More room for the same nodes.
        tape.reserve(100);
        tape.clear();
        tape.reserve(0);
    }
    let lane = &mut random_lane(&mut ChaCha8Rng::seed_from_u64(5), 700);
    let before: Vec<f64> = lane.nodes().iter().flat_map(|node| [node.first, node.second]).collect();
    lane.prepare(100_000);
    let after: Vec<f64> = lane.nodes().iter().flat_map(|node| [node.first, node.second]).collect();
    assert_eq!(before.len(), after.len());
    assert!(before.iter().zip(after).all(|(a, b)| a.to_bits() == b.to_bits()));
    assert!(lane.bytes() >= 100_700 * size_of::<Node<f64>>());
}

#[test]
fn what_is_recorded_in_place_of_leaves_is_swept() {
    let lane = ScalarLane::new(false);
    lane.push_leaves(&[1.0, 2.0, 3.0, 4.0, 5.0]);
    lane.replay();
    lane.push_leaves(&[1.0, 2.0, 3.0]);
    // SAFETY: the parents are leaves.
    let sum = unsafe { lane.push_binary(Add, [0, 1], 1.0, 2.0, 3.0) };
    assert!(sum == 3 && lane.has_left());
    let mut adjoints = [0.0, 0.0, 0.0, 1.0];
    lane.sweep(0, 4, &mut adjoints);
    assert_eq!(adjoints, [1.0, 1.0, 0.0, 1.0]);
}

#[test]
fn what_is_put_back_behind_leaves_is_swept() {
    let lane = ScalarLane::new(false);
    lane.push_leaves(&[1.0, 2.0, 3.0]);
    // SAFETY: the parents are the leaves and the node before.
    unsafe {
        lane.push_binary(Add, [0, 1], 1.0, 2.0, 3.0);
        lane.push_binary(Add, [2, 3], 3.0, 3.0, 6.0);
    }
    lane.replay();
    lane.push_leaves(&[1.0, 2.0, 3.0]);
    lane.leave();
    lane.push_leaves(&[4.0, 5.0, 6.0]);
    assert!(!lane.end_replay());
    let mut adjoints = [0.0, 0.0, 0.0, 0.0, 1.0];
    lane.sweep(0, 5, &mut adjoints);
    assert_eq!(adjoints, [1.0; 5]);
}
