//! Walks, targets, sums, threads.

use super::*;
use crate::error::refusal;

const MUL: BinaryOp = BinaryOp::Mul(ops::Mul);
const ADD: BinaryOp = BinaryOp::Add(ops::Add);

pub(super) fn plain<T: Element>(n: usize, seed: u64) -> Vec<T> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| T::from_f64(random.random_range(-1.0..1.0))).collect()
}

fn at<T: Copy>(x: &[T], walk: Access, lane: usize, inner: usize) -> T {
    x[match walk {
        Access::Flat => lane,
        Access::Row => lane % inner,
        Access::Column => lane / inner,
        Access::Strided { start, step } => start + lane * step,
    }]
}

/// z = x y + s over all walks, to every target at once; compared with the ops one by one where asked for.
fn walks_and_targets<T: Element>(rows: usize, inner: usize, threads: usize, compare: bool) -> Vec<Vec<T>> {
    let lanes = rows * inner;
    let walks = [
        Access::Flat,
        Access::Row,
        Access::Column,
        Access::Strided { start: 2, step: 3 },
        Access::Strided { start: 1, step: 1 },
    ];
    let buffers: Vec<Vec<T>> = (0..5).map(|k| plain(3 * lanes + 3, k)).collect();
    let sources: Vec<Source> =
        walks.iter().enumerate().map(|(k, &walk)| Source { from: Origin::Input(k), walk }).collect();
    let mut ops: Vec<BodyOp<T>> = (0..5).map(BodyOp::Input).collect();
    ops.push(BodyOp::Shared(0));
    ops.push(BodyOp::Binary(MUL, 0, 1));
    ops.push(BodyOp::Binary(ADD, 6, 2));
    ops.push(BodyOp::Binary(MUL, 7, 3));
    ops.push(BodyOp::Binary(ADD, 8, 5));
    ops.push(BodyOp::Binary(MUL, 9, 4));
    // A sum of a product that nothing else reads, of an input, of what is the same for all lanes.
    ops.push(BodyOp::Binary(MUL, 8, 4));
    let sinks = vec![
        Sink::Store(10),
        Sink::Store(8),
        Sink::Store(5),
        Sink::Sum(10),
        Sink::Sum(9),
        Sink::Sum(11),
        Sink::Sum(0),
        Sink::Sum(5),
    ];
    let targets = [
        Target::Flat { output: 0 },
        Target::Strided { output: 1, start: 1, step: 3 },
        Target::Strided { output: 1, start: 0, step: 3 },
        Target::PerColumn { output: 2, add: false },
        Target::PerRow { output: 3, add: true },
        Target::Total { sum: 1, add: true },
        Target::Total { sum: 0, add: false },
        Target::Total { sum: 2, add: false },
    ];
    let mut code = BlockCode::new(&Body { ops: ops.clone(), sinks }, &sources, &targets, inner);
    let shared = [T::from_f64(0.25)];
    let mut outputs = [vec![T::from_f64(9.0); lanes], vec![T::from_f64(9.0); 3 * lanes]].to_vec();
    outputs.extend([vec![T::from_f64(9.0); inner], vec![T::from_f64(1.0); rows]]);
    let mut sums = vec![T::from_f64(1.0); 3];
    let inputs: Vec<&[T]> = buffers.iter().map(|buffer| &buffer[..]).collect();
    let mut to: Vec<&mut [T]> = outputs.iter_mut().map(|output| &mut output[..]).collect();
    code.run(lanes, &inputs, &shared, &mut to, &mut sums, &mut Workers::new(threads));

    drop(to);
    if compare {
        compare_targets(&Body { ops, sinks: Vec::new() }, [rows, inner], &buffers, &walks, &outputs, &sums);
    }
    outputs.push(sums);
    outputs
}

fn compare_targets<T: Element>(
    body: &Body<T>,
    [rows, inner]: [usize; 2],
    buffers: &[Vec<T>],
    walks: &[Access],
    outputs: &[Vec<T>],
    sums: &[T],
) {
    let shared = [T::from_f64(0.25)];
    let mut expected: Vec<Vec<f64>> = [vec![0.0; inner], vec![1.0; rows], vec![0.0, 1.0, 0.0]].to_vec();
    for lane in 0..rows * inner {
        let of_lane: Vec<T> = (0..5).map(|k| at(&buffers[k], walks[k], lane, inner)).collect();
        let values = by_kernels(body, &of_lane, &shared);
        assert!(same_bits(outputs[0][lane], values[10]));
        assert!(same_bits(outputs[1][3 * lane + 1], values[8]));
        assert!(same_bits(outputs[1][3 * lane], shared[0]));
        assert!(same_bits(outputs[1][3 * lane + 2], T::from_f64(9.0)));
        let f = |slot: usize| values[slot].to_f64();
        expected[0][lane % inner] += f(10);
        expected[1][lane / inner] += f(9);
        expected[2][1] += f(11);
        expected[2][0] += f(0);
        expected[2][2] += f(5);
    }
    for (found, expected) in outputs[2..].iter().map(|v| &v[..]).chain([sums]).zip(&expected) {
        assert_eq!(found.len(), expected.len(), "{rows} x {inner}");
        for (found, expected) in found.iter().zip(expected) {
            let tolerance = T::EPSILON * 4.0 * ((rows * inner) as f64).sqrt() * expected.abs().max(1.0);
            assert!((found.to_f64() - expected).abs() <= tolerance, "{rows} x {inner}: {found}, not {expected}");
        }
    }
}

#[test]
fn walks_and_targets_of_any_shape() {
    for (rows, inner) in [(1, 1), (1, 7), (7, 1), (5, 30), (3, 64), (40, 10), (2, 700), (130, 17)] {
        walks_and_targets::<f32>(rows, inner, 1, true);
        walks_and_targets::<f64>(rows, inner, 1, true);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for (rows, inner) in [(60_000, 1), (1_200, 50), (60, 1000)] {
        let one = walks_and_targets::<f32>(rows, inner, 1, false);
        for threads in [2, 3] {
            let many = walks_and_targets::<f32>(rows, inner, threads, false);
            let lengths = |outputs: &[Vec<f32>]| outputs.iter().map(Vec::len).collect::<Vec<_>>();
            assert_eq!(lengths(&one), lengths(&many), "{rows} x {inner} on {threads}");
            let pairs = one.iter().flatten().zip(many.iter().flatten());
            assert!(pairs.into_iter().all(|(&a, &b)| same_bits(a, b)), "{rows} x {inner} on {threads}");
        }
    }
}

#[test]
fn nothing_comes_of_no_lanes() {
    let body = Body { ops: vec![BodyOp::<f64>::Input(0)], sinks: vec![Sink::Sum(0), Sink::Sum(0), Sink::Store(0)] };
    let targets =
        [Target::Total { sum: 0, add: false }, Target::Total { sum: 1, add: true }, Target::Flat { output: 0 }];
    let mut code = BlockCode::new(&body, &flat_inputs(1), &targets, 1);
    let mut sums = [5.0, 5.0];
    code.run(0, &[&[]], &[], &mut [&mut []], &mut sums, &mut Workers::new(1));
    assert_eq!(sums, [0.0, 5.0]);
}

#[test]
fn outputs_are_changed_in_place() {
    // p - lr g and g momentum in place of p and g, and a swap of two outputs.
    let ops = vec![
        BodyOp::<f32>::Input(0),
        BodyOp::Input(1),
        BodyOp::Shared(0),
        BodyOp::Binary(MUL, 1, 2),
        BodyOp::Binary(BinaryOp::Sub(ops::Sub), 0, 3),
        BodyOp::Input(2),
        BodyOp::Input(3),
    ];
    let sinks = vec![Sink::Store(4), Sink::Store(3), Sink::Store(6), Sink::Store(5), Sink::Sum(0)];
    let mut targets: Vec<Target> = (0..4).map(|output| Target::Flat { output }).collect();
    targets.push(Target::Total { sum: 0, add: false });
    let sources: Vec<Source> = (0..4).map(|k| Source { from: Origin::Output(k), walk: Access::Flat }).collect();
    let mut code = BlockCode::new(&Body { ops, sinks }, &sources, &targets, 1);
    for n in [3, 64, 1500] {
        let before: Vec<Vec<f32>> = (0..4).map(|k| plain(n, k)).collect();
        let mut outputs = before.clone();
        let mut to: Vec<&mut [f32]> = outputs.iter_mut().map(|output| &mut output[..]).collect();
        let mut sums = [0.0];
        code.run(n, &[], &[0.5], &mut to, &mut sums, &mut Workers::new(1));
        let product: Vec<f32> = before[1].iter().map(|g| g * 0.5).collect();
        assert_eq!(outputs[1], product);
        assert_eq!(outputs[0], before[0].iter().zip(&product).map(|(p, d)| p - d).collect::<Vec<_>>());
        assert_eq!([&outputs[2], &outputs[3]], [&before[3], &before[2]]);
        assert!((sums[0] - before[0].iter().sum::<f32>()).abs() < 1e-3);
    }
}

#[test]
fn two_targets_do_not_share_elements() {
    let body = Body { ops: vec![BodyOp::<f64>::Input(0)], sinks: vec![Sink::Store(0), Sink::Store(0)] };
    let targets = [Target::Flat { output: 0 }, Target::Strided { output: 0, start: 0, step: 2 }];
    let message = refusal(|| BlockCode::new(&body, &flat_inputs(1), &targets, 1));
    assert!(message.contains("share elements of output 0"), "{message}");
}

#[test]
fn a_buffer_that_is_too_short_is_refused() {
    let body = Body { ops: vec![BodyOp::<f64>::Input(0)], sinks: vec![Sink::Store(0)] };
    let mut code = BlockCode::new(&body, &flat_inputs(1), &[Target::Flat { output: 0 }], 1);
    let run = || code.run(5, &[&[0.0; 5]], &[], &mut [&mut [0.0; 4]], &mut [], &mut Workers::new(1));
    let message = refusal(run);
    assert!(message.contains("needs 5 elements, has 4"), "{message}");
}

#[test]
fn a_walk_whose_end_wraps_is_refused() {
    let store = |target: Target, walk: Access| {
        let body = Body { ops: vec![BodyOp::<f64>::Input(0)], sinks: vec![Sink::Store(0)] };
        let mut code = BlockCode::new(&body, &[Source { from: Origin::Input(0), walk }], &[target], 1);
        let (input, mut output) = (vec![0.0; 64], vec![0.0; 64]);
        let message = refusal(|| code.run(64, &[&input], &[], &mut [&mut output], &mut [], &mut Workers::new(1)));
        assert!(message.contains(&format!("needs {} elements, has 64", usize::MAX)), "{message}");
    };
    // To arithmetic that wraps, all of these end within 64 elements.
    let flat = Target::Flat { output: 0 };
    store(flat, Access::Strided { start: usize::MAX - 2 * 63, step: 2 });
    store(flat, Access::Strided { start: 1 << 60, step: (1 << 60) + 1 });
    store(Target::Strided { output: 0, start: 1 << 62, step: (1 << 62) + 1 }, Access::Flat);
    store(Target::Row { output: 0, start: usize::MAX - 63 }, Access::Flat);
}

/// Two rows of an output, the last of them first, over so many lanes and with room for so much.
fn run_rows(lanes: usize, room: usize) -> Vec<f64> {
    run_rows_apart(lanes, lanes, room)
}

/// The same, with the second row so far behind the first.
fn run_rows_apart(apart: usize, lanes: usize, room: usize) -> Vec<f64> {
    let body =
        Body { ops: vec![BodyOp::Input(0), BodyOp::Binary(ADD, 0, 0)], sinks: vec![Sink::Store(1), Sink::Store(0)] };
    let targets = [Target::Row { output: 0, start: apart }, Target::Row { output: 0, start: 0 }];
    let mut code = BlockCode::new(&body, &flat_inputs(1), &targets, 1);
    let mut output = vec![0.0; room];
    code.run(lanes, &[&vec![1.5; lanes]], &[], &mut [&mut output], &mut [], &mut Workers::new(1));
    output
}

#[test]
fn rows_of_an_output_lie_behind_one_another() {
    for lanes in [32, 64, 1024] {
        let output = run_rows(lanes, 2 * lanes);
        assert!(output[..lanes].iter().all(|&x| x == 1.5) && output[lanes..].iter().all(|&x| x == 3.0));
    }
}

#[test]
fn an_output_that_is_too_short_for_its_last_row_is_refused() {
    let message = refusal(|| run_rows(32, 63));
    assert!(message.contains("needs 64 elements, has 63"), "{message}");
}

#[test]
fn rows_of_part_of_a_chunk_are_refused() {
    let message = refusal(|| run_rows(33, 99));
    assert!(message.contains("no whole chunks"), "{message}");
}

#[test]
fn rows_that_overlap_are_refused() {
    let message = refusal(|| run_rows_apart(32, 64, 128));
    assert!(message.contains("64 lanes to rows that are 32 apart"), "{message}");
}

#[test]
fn sums_by_row_beside_a_row_of_the_same_output_are_refused() {
    let body = Body { ops: vec![BodyOp::<f64>::Input(0)], sinks: vec![Sink::Store(0), Sink::Sum(0)] };
    let targets = [Target::Row { output: 0, start: 32 }, Target::PerRow { output: 0, add: false }];
    let message = refusal(|| BlockCode::new(&body, &flat_inputs(1), &targets, 4));
    assert!(message.contains("two targets share elements of output 0"), "{message}");
}

#[test]
fn blocks_whose_parts_do_not_fit_are_refused() {
    let one = || Body { ops: vec![BodyOp::<f64>::Input(0)], sinks: vec![Sink::Store(0)] };
    let flat = [Target::Flat { output: 0 }];
    let leaves = [Target::Strided { output: 0, start: 2, step: 2 }];
    let strided = [Target::Strided { output: 0, start: 0, step: 2 }];
    let from = |from: Origin, walk: Access| [Source { from, walk }];
    for (message, sources, targets) in [
        ("a source for every input", vec![], &flat),
        ("leaves the row of its lane", flat_inputs(1).to_vec(), &leaves),
        ("output 0 is read and written in other orders", from(Origin::Output(0), Access::Row).to_vec(), &flat),
        ("output 0 is read and written in other orders", from(Origin::Output(0), Access::Flat).to_vec(), &strided),
    ] {
        let found = refusal(|| BlockCode::new(&one(), &sources, targets, 1));
        assert!(found.contains(message), "{found}, expected {message}");
    }
    let found = refusal(|| BlockCode::new(&one(), &flat_inputs(1), &[], 1));
    assert!(found.contains("a target for every sink"), "{found}");
}

#[test]
fn lanes_that_are_no_whole_rows_are_refused() {
    let body = Body { ops: vec![BodyOp::<f64>::Input(0)], sinks: vec![Sink::Store(0)] };
    let by_row = [Source { from: Origin::Input(0), walk: Access::Row }];
    let mut code = BlockCode::new(&body, &by_row, &[Target::Flat { output: 0 }], 4);
    let mut output = vec![0.0; 10];
    let run = || code.run(10, &[&[1.0; 4]], &[], &mut [&mut output], &mut [], &mut Workers::new(1));
    let found = refusal(run);
    assert!(found.contains("lanes that are no whole rows"), "{found}");
}
