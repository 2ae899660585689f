//! Bodies made at random.

use super::*;

/// A body of `n` ops that read anything before them, mostly what is near.
fn random_body<T: Element>(n: usize, inputs: u32, shared: u32, random: &mut ChaCha8Rng) -> Body<T> {
    let (unary, binary) = (UnaryOp::all(), BinaryOp::all());
    let mut ops: Vec<BodyOp<T>> = (0..inputs).map(BodyOp::Input).chain((0..shared).map(BodyOp::Shared)).collect();
    ops.push(BodyOp::Literal(T::from_f64(1.0)));
    for _ in 0..n {
        let len = ops.len() as Register;
        let mut slot = || {
            if random.random_bool(0.5) {
                random.random_range(0..len)
            } else {
                random.random_range(len.saturating_sub(6)..len)
            }
        };
        let slots = [slot(), slot(), slot(), slot()];
        let side = if random.random_bool(0.5) { Side::X } else { Side::Y };
        let light =
            [BinaryOp::Add(ops::Add), BinaryOp::Sub(ops::Sub), BinaryOp::Mul(ops::Mul), BinaryOp::Scale(ops::Scale)];
        let any = binary[random.random_range(0..binary.len())];
        let one = unary[random.random_range(0..unary.len())];
        ops.push(match random.random_range(0..10) {
            0..5 => BodyOp::Binary(light[random.random_range(0..4)], slots[0], slots[1]),
            5 => BodyOp::Binary(any, slots[0], slots[1]),
            6 => BodyOp::BinaryVjp(any, side, slots),
            7 => BodyOp::UnaryVjp(one, [slots[0], slots[1], slots[2]]),
            8 => BodyOp::Select([slots[0], slots[1], slots[2]]),
            _ => BodyOp::Unary(one, slots[0]),
        });
    }
    Body { ops, sinks: Vec::new() }
}

fn random_bodies_equal<T: Element>(seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for n in [1, 3, 10, 30, 100, 300] {
        for _ in 0..3 {
            let body = random_body::<T>(n, 3, 2, &mut random);
            let lanes = random.random_range(1..3 * chunk::<T>());
            let inputs: Vec<Vec<T>> = (0..3).map(|_| numbers(lanes, random.random())).collect();
            let n_slots = body.ops.len() as Register;
            let slots: Vec<Register> = (0..5).map(|_| random.random_range(0..n_slots)).chain([n_slots - 1]).collect();
            assert_lanes_equal(&body, &slots, &inputs, &numbers(2, random.random()));
        }
    }
}

#[test]
fn random_bodies_are_their_ops_lane_for_lane() {
    random_bodies_equal::<f32>(1);
    random_bodies_equal::<f64>(2);
}

#[test]
fn more_flat_buffers_than_can_be_read_where_they_are() {
    let inputs: Vec<Vec<f32>> = (0..300).map(|k| numbers(70, k)).collect();
    let mut ops: Vec<BodyOp<f32>> = (0..300).map(BodyOp::Input).collect();
    ops.extend((0..300).map(|k| BodyOp::Binary(BinaryOp::Add(ops::Add), k, (k + 1) % 300)));
    let slots: Vec<Register> = (0..600).step_by(2).collect();
    assert_lanes_equal(&Body { ops, sinks: Vec::new() }, &slots, &inputs, &[]);
}

#[test]
fn a_register_is_reused_once_its_value_is_spent() {
    // x_{k+1} = x_k^2 + x_k in one kernel: a register for the number that is read, one for that being made.
    let mut ops = vec![BodyOp::<f64>::Input(0)];
    for _ in 0..1000 {
        let x = ops.len() as Register - 1;
        ops.push(BodyOp::Unary(UnaryOp::Square(ops::Square), x));
        ops.push(BodyOp::Binary(BinaryOp::Add(ops::Add), x + 1, x));
    }
    let last = ops.len() as Register - 1;
    let body = Body { ops, sinks: vec![Sink::Store(last)] };
    let code = BlockCode::new(&body, &flat_inputs(1), &[Target::Flat { output: 0 }], 1);
    assert_eq!(code.code.registers, 2);
    assert_lanes_equal(&body, &[last], &[vec![1e-4; 50]], &[]);
}
