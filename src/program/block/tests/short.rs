//! Short code against [`BlockCode`], to the bit, with what lies behind the buffers watched.

use super::runs::plain;
use super::*;

/// A buffer of a short run: its elements, then what belongs to it, then what must not change.
struct Room<T> {
    memory: Vec<T>,
    extent: Extent,
}

impl<T: Element> Room<T> {
    fn new(elements: &[T], padded: bool) -> Self {
        let mut memory = vec![T::from_f64(77.0); elements.len().next_multiple_of(chunk::<T>()) + WIDE];
        memory[..elements.len()].copy_from_slice(elements);
        Self { memory, extent: Extent { len: elements.len(), padded } }
    }
    fn elements(&self) -> Vec<T> {
        let len = self.extent.len;
        let own = if self.extent.padded { len.next_multiple_of(chunk::<T>()) } else { len };
        assert!(self.memory[own..].iter().all(|&x| x == T::from_f64(77.0)), "written behind a buffer's end");
        self.memory[..len].to_vec()
    }
}

/// The body and buffers of a run.
pub(super) struct Case<'a, T> {
    pub body: &'a Body<T>,
    pub sources: &'a [Source],
    pub targets: &'a [Target],
    pub inner: usize,
    pub lanes: usize,
    pub inputs: &'a [Vec<T>],
    pub shared: &'a [T],
    /// What outputs and sums hold before.
    pub outputs: &'a [Vec<T>],
    pub sums: &'a [T],
}

impl<T: Element> Case<'_, T> {
    /// The outputs, then the sums, of short code; none where the code is not for it.
    fn short(&self, padded: bool) -> Option<Vec<Vec<T>>> {
        let rooms = |buffers: &[Vec<T>]| buffers.iter().map(|buffer| Room::new(buffer, padded)).collect::<Vec<_>>();
        let (mut inputs, mut outputs) = (rooms(self.inputs), rooms(self.outputs));
        let extents = |rooms: &[Room<T>]| rooms.iter().map(|room| room.extent).collect::<Vec<_>>();
        let space = Space {
            sources: self.sources,
            targets: self.targets,
            inner: self.inner,
            lanes: self.lanes,
            inputs: &extents(&inputs),
            outputs: &extents(&outputs),
        };
        let mut code = Short::new(self.body, &space)?;
        let (mut shared, mut sums) = (self.shared.to_vec(), self.sums.to_vec());
        inputs.iter_mut().enumerate().for_each(|(k, room)| code.set_input(k, room.memory.as_mut_ptr()));
        outputs.iter_mut().enumerate().for_each(|(k, room)| code.set_output(k, room.memory.as_mut_ptr()));
        shared.iter_mut().enumerate().for_each(|(k, number)| code.set_shared(k, number));
        sums.iter_mut().enumerate().for_each(|(k, sum)| code.set_sum(k, sum));
        // SAFETY: the rooms are as their extents say, and nothing else refers to them.
        unsafe { code.run() };
        for (room, input) in inputs.iter().zip(self.inputs) {
            assert!(room.elements().iter().zip(input).all(|(&a, &b)| same_bits(a, b)), "an input has changed");
        }
        Some(outputs.iter().map(Room::elements).chain([sums]).collect())
    }

    fn long(&self) -> Vec<Vec<T>> {
        let mut code = BlockCode::new(self.body, self.sources, self.targets, self.inner);
        let inputs: Vec<&[T]> = self.inputs.iter().map(|input| &input[..]).collect();
        let (mut outputs, mut sums) = (self.outputs.to_vec(), self.sums.to_vec());
        let mut to: Vec<&mut [T]> = outputs.iter_mut().map(|output| &mut output[..]).collect();
        code.run(self.lanes, &inputs, self.shared, &mut to, &mut sums, &mut Workers::new(1));
        outputs.push(sums);
        outputs
    }

    /// Panics where short code differs; says whether there is any.
    pub fn check(&self) -> bool {
        let expected = self.long();
        let found = [true, false].map(|padded| self.short(padded));
        for found in found.iter().flatten() {
            for (k, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let by_row = self.targets.iter().any(|t| matches!(t, Target::PerRow { output, .. } if *output == k));
                let same = found.iter().zip(expected).all(|(&a, &b)| {
                    let apart = (a.to_f64() - b.to_f64()).abs();
                    same_bits(a, b) || by_row && apart <= T::EPSILON * 8.0 * b.to_f64().abs().max(1.0)
                });
                let (lanes, inner) = (self.lanes, self.inner);
                assert!(same, "output {k} of {lanes} lanes by {inner}: {found:?}, not {expected:?}");
            }
        }
        found.iter().all(Option::is_some)
    }
}

/// Every walk that short code knows to every target, and sums that are added to what is there.
fn walks_and_targets<T: Element>(rows: usize, inner: usize, add: bool) -> bool {
    let lanes = rows * inner;
    let walks = [Access::Flat, Access::Row, Access::Column, Access::Row];
    let lengths = [lanes, inner, rows, inner];
    let inputs: Vec<Vec<T>> = (0..).zip(lengths).map(|(k, n)| plain(n, k)).collect();
    let sources: Vec<Source> =
        walks.iter().enumerate().map(|(k, &walk)| Source { from: Origin::Input(k), walk }).collect();
    let mut ops: Vec<BodyOp<T>> = (0..4).map(BodyOp::Input).chain([BodyOp::Shared(1)]).collect();
    ops.push(BodyOp::Binary(BinaryOp::Mul(ops::Mul), 0, 1));
    ops.push(BodyOp::Binary(BinaryOp::Add(ops::Add), 5, 2));
    ops.push(BodyOp::Unary(UnaryOp::Tanh(ops::Tanh), 4));
    ops.push(BodyOp::Binary(BinaryOp::Mul(ops::Mul), 6, 7));
    ops.push(BodyOp::Binary(BinaryOp::Sub(ops::Sub), 8, 3));
    let sinks = [Sink::Store(9), Sink::Sum(9), Sink::Sum(8), Sink::Sum(1), Sink::Sum(6), Sink::Sum(5)];
    let targets = [
        Target::Flat { output: 0 },
        Target::PerColumn { output: 1, add },
        Target::PerRow { output: 2, add },
        Target::PerColumn { output: 3, add: false },
        Target::Total { sum: 0, add },
        Target::Total { sum: 1, add: false },
    ];
    let outputs: Vec<Vec<T>> = [lanes, inner, rows, inner].map(|n| plain(n, 9)).to_vec();
    Case {
        body: &Body { ops, sinks: sinks.to_vec() },
        sources: &sources,
        targets: &targets,
        inner,
        lanes,
        inputs: &inputs,
        shared: &[T::from_f64(7.0), T::from_f64(0.25)],
        outputs: &outputs,
        sums: &[T::from_f64(1.0); 2],
    }
    .check()
}

#[test]
fn short_code_has_the_bits_of_block_code() {
    let shapes =
        [(1, 1), (1, 7), (7, 1), (2, 2), (4, 4), (5, 30), (3, 64), (16, 16), (40, 3), (2, 17), (9, 20), (1, 250)];
    for (rows, inner) in shapes {
        for add in [false, true] {
            assert!(walks_and_targets::<f32>(rows, inner, add), "{rows} x {inner}");
            assert!(walks_and_targets::<f64>(rows, inner, add), "{rows} x {inner}");
        }
    }
}

#[test]
fn what_no_block_holds_is_not_short() {
    assert!(!walks_and_targets::<f32>(800, 1, false));
    assert!(!walks_and_targets::<f64>(150, 3, false));
}
