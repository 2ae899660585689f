//! Whether a number, an element of a tensor and a dual number have the same bits, for every op of one argument and as many f32 as
//! asked for: `cargo bench -p benches --bench lanes -- STRIDE [FIRST COUNT]`. A stride of 1 takes all 2^32, some hours on a few
//! cores; 4099 takes seconds. FIRST and COUNT are of bit patterns, to go through them in parts.
//!
//! Differences are counted by op, with the first argument of each. The derivative of an op that says that it leaves the range
//! is left out where it does: numbers may go there by another way.

use retrograd::ops::{BuiltinUnary, UnaryOp, UnaryVisitor};
use retrograd::{Dual, Number, Tape, Tensor};

/// Numbers that are looked at together: whole vectors and a rest.
const BLOCK: usize = 4099;

/// What differs in a block: values and derivatives, and the first argument of either.
#[derive(Clone, Copy, Default)]
struct Found {
    differing: usize,
    first: Option<f32>,
}

struct Compare<'a>(&'a [f32]);
impl UnaryVisitor for Compare<'_> {
    type Output = Found;
    fn visit<O: BuiltinUnary>(self, op: O) -> Found {
        let tape = Tape::<f32>::of();
        let x = tape.var(Tensor::from(self.0.to_vec()));
        let y = Number::unary(x, op);
        let (values, slopes) = (y.value(), y.sum(()).backward().wrt(x));
        let mut numbers = Tape::<f32>::of();
        let mut found = Found::default();
        for (&at, (&value, &slope)) in self.0.iter().zip(values.iter().zip(slopes.iter())) {
            numbers.clear();
            let x = numbers.var(at);
            let y = Number::unary(x, op);
            let (number, by_number) = (y.item(), y.backward().item(x));
            let dual = Number::unary(Dual::variable(at), op);
            let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
            let same_slope = |a: f32, b: f32| same(a, b) || a == b || O::FAR && !(a.is_normal() && b.is_normal());
            let agree = same(number, value) && same(dual.value, value);
            if !(agree && same_slope(by_number, slope) && same_slope(dual.tangent, slope)) {
                found.differing += 1;
                found.first.get_or_insert(at);
            }
        }
        found
    }
}

fn main() {
    // `cargo bench` adds an argument of its own.
    let given: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let (stride, first) = (given.first().copied().unwrap_or(65_537).max(1), given.get(1).copied().unwrap_or(0));
    let end = given.get(2).map_or(1 << 32, |count| (first + count * stride).min(1 << 32));
    let ops = UnaryOp::all();
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let part = |k: u64| {
        let mut found = vec![Found::default(); ops.len()];
        let mut patterns =
            (first + k * stride..end).step_by((threads * stride) as usize).map(|bits| f32::from_bits(bits as u32));
        loop {
            let block: Vec<f32> = patterns.by_ref().take(BLOCK).collect();
            if block.is_empty() {
                return found;
            }
            for (op, sum) in ops.iter().zip(&mut found) {
                let new = op.with(Compare(&block));
                sum.differing += new.differing;
                sum.first = sum.first.or(new.first);
            }
        }
    };
    let parts: Vec<Vec<Found>> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|k| scope.spawn(move || part(k))).collect();
        running.into_iter().map(|thread| thread.join().expect("a part")).collect()
    });
    let mut total = 0;
    for (i, op) in ops.iter().enumerate() {
        let differing: usize = parts.iter().map(|part| part[i].differing).sum();
        if let Some(at) = parts.iter().find_map(|part| part[i].first) {
            println!("{}: {differing} differ, the first at {at:e} ({:#010x})", op.name(), at.to_bits());
        }
        total += differing;
    }
    println!("{} numbers, {} ops: {total} differ", (end - first).div_ceil(stride), ops.len());
}
