//! Sums over ranks, in the order of a binary tree.
//!
//! Recursive halving, then doubling: neighbours in the tree first, each two exchange halves of what they have, so that after
//! log2(ranks) steps a rank has the sum of its part of the vector, and in as many steps back everything. Left is added to right
//! in each step, whoever does it. Where the ranks are no power of two, the second of two ranks hands its numbers to the first before
//! and gets the sums afterwards. Source: Thakur, Rabenseifner & Gropp, Optimization of Collective Communication Operations in
//! MPICH (2005), with the order of neighbours reversed, since theirs adds up in another one.

use super::World;
use super::bytes::{self, Join};
use super::tree::{Part, Place};
use crate::error::Result;
use crate::num::Element;
use std::cell::Cell;
use std::ops::Range;

/// Adds up the ranks' numbers, each with those at its place: every rank gets the same bits, those of a binary tree over ranks
/// 0, 1, 2 and so on, in which each rank stands for its [pieces](super::share).
///
/// The notes are a few numbers beside: they are added in the same order, and travel with the first halves.
///
/// Write -0 for what is missing: it is the number that changes no sum, the sign of a zero included.
///
/// # Errors
/// A rank has ended; lengths that differ.
///
/// # Examples
/// ```
/// use retrograd::world::{self, World};
/// let sums = world::threads(3).run(|world| {
///     let (mut numbers, mut notes) = ([0.1f32 * world.rank() as f32, 1.0], [2.0]);
///     world::sum(&world, &mut numbers, &mut notes)?;
///     Ok::<_, retrograd::Error>((numbers, notes))
/// });
/// assert_eq!(sums[0], Ok(([(0.0f32 + 0.1) + 0.2, 3.0], [6.0])));
/// assert_eq!(sums[1], sums[0]);
/// ```
pub fn sum<T: Element>(world: &dyn World, numbers: &mut [T], notes: &mut [f64]) -> Result<()> {
    sum_of(world, &mut [numbers], notes)
}

/// The same of a vector that lies in several places, one after the other: the gradients of a model's parameters, say.
///
/// # Errors
/// As of [`sum`].
///
/// # Examples
/// ```
/// use retrograd::world::{self, World};
/// let sums = world::threads(2).run(|world| {
///     let (mut weight, mut bias) = ([1.0, 2.0, 3.0], [world.rank() as f64]);
///     world::sum_of(&world, &mut [&mut weight, &mut bias], &mut [])?;
///     Ok::<_, retrograd::Error>((weight, bias))
/// });
/// assert_eq!(sums[0], Ok(([2.0, 4.0, 6.0], [1.0])));
/// ```
pub fn sum_of<T: Element>(world: &dyn World, numbers: &mut [&mut [T]], notes: &mut [f64]) -> Result<()> {
    let (rank, ranks) = (world.rank(), world.size());
    if ranks == 1 {
        return Ok(());
    }
    let [sent, received] = KEPT.take();
    let mut wire = Wire { world, sent, received };
    let outcome = wire.sum(Place::of(rank, ranks), numbers, notes);
    KEPT.set([wire.sent, wire.received]);
    outcome
}

/// Calls `work` with the parts of the range that lie in one place each, and with where they begin in the range, in bytes.
fn each<T>(numbers: &mut [&mut [T]], range: &Range<usize>, mut work: impl FnMut(&mut [T], Range<usize>)) {
    let mut start = 0;
    for place in numbers {
        let (from, to) = (range.start.max(start), range.end.min(start + place.len()));
        if from < to {
            let bytes = |at: usize| (at - range.start) * size_of::<T>();
            work(&mut place[from - start..to - start], bytes(from)..bytes(to));
        }
        start += place.len();
    }
}

/// Messages on their way, in memory that is used again.
struct Wire<'w> {
    world: &'w dyn World,
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl Wire<'_> {
    /// Adds up, from this place.
    fn sum<T: Element>(&mut self, place: Place, numbers: &mut [&mut [T]], notes: &mut [f64]) -> Result<()> {
        let all = 0..numbers.iter().map(|place| place.len()).sum::<usize>();
        let bytes = |range: &Range<usize>| range.len() * size_of::<T>();
        let Place { group, groups, part } = place;
        let ranks = self.world.size();
        match part {
            Part::Right { left } => {
                self.pack(notes, numbers, &all);
                self.world.send(left, &self.sent)?;
                self.receive(left, self.sent.len())?;
                self.join(notes, numbers, &all, Join::Instead);
                return Ok(());
            }
            Part::Left { right } => {
                self.receive(right, size_of_val(notes) + bytes(&all))?;
                self.join(notes, numbers, &all, Join::Right);
            }
            Part::Whole => {}
        }
        // The part of the vector that this rank has the sum of, and those that it gave away.
        let (mut own, mut given) = (all.clone(), Vec::new());
        let mut distance = 1;
        while distance < groups {
            let low = group & distance == 0;
            let peer = Place::leader(group ^ distance, ranks);
            let middle = own.start + own.len() / 2;
            let (left, right) = (own.start..middle, middle..own.end);
            let (kept, other) = if low { (left, right) } else { (right, left) };
            self.pack(notes, numbers, &other);
            self.exchange(peer, size_of_val(notes) + bytes(&kept))?;
            self.join(notes, numbers, &kept, if low { Join::Right } else { Join::Left });
            given.push((peer, other));
            own = kept;
            distance *= 2;
        }
        while let Some((peer, other)) = given.pop() {
            self.pack(&[], numbers, &own);
            self.exchange(peer, bytes(&other))?;
            self.join(&mut [], numbers, &other, Join::Instead);
            own = own.start.min(other.start)..own.end.max(other.end);
        }
        if let Part::Left { right } = part {
            self.pack(notes, numbers, &all);
            self.world.send(right, &self.sent)?;
        }
        Ok(())
    }

    /// Makes a message of the notes and a range of the numbers.
    fn pack<T: Element>(&mut self, notes: &[f64], numbers: &mut [&mut [T]], range: &Range<usize>) {
        self.sent.resize(size_of_val(notes) + range.len() * size_of::<T>(), 0);
        let (head, rest) = self.sent.split_at_mut(size_of_val(notes));
        bytes::write(notes, head);
        each(numbers, range, |part, at| bytes::write(part, &mut rest[at]));
    }

    fn receive(&mut self, from: usize, length: usize) -> Result<()> {
        self.received.resize(length, 0);
        self.world.receive(from, &mut self.received)
    }

    fn exchange(&mut self, peer: usize, length: usize) -> Result<()> {
        self.received.resize(length, 0);
        self.world.exchange(peer, &self.sent, &mut self.received)
    }

    /// Joins what has come with a range of the numbers.
    fn join<T: Element>(&self, notes: &mut [f64], numbers: &mut [&mut [T]], range: &Range<usize>, join: Join) {
        let (head, rest) = self.received.split_at(size_of_val(notes));
        bytes::read(head, notes, join);
        each(numbers, range, |part, at| bytes::read(&rest[at], part, join));
    }
}

thread_local! {
    /// The memory of messages, kept: that of a large network's is fresh pages otherwise, in every step.
    static KEPT: Cell<[Vec<u8>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Tree, share, threads};

    /// Numbers of which no two orders of addition agree.
    fn piece(k: usize, n: usize) -> Vec<f32> {
        (0..n).map(|i| ((k * 7919 + i * 104_729) % 1009) as f32 / 997.0 * 10f32.powi((k % 5) as i32 - 2)).collect()
    }

    fn add(mut left: Vec<f32>, right: Vec<f32>) -> Vec<f32> {
        left.iter_mut().zip(right).for_each(|(left, right)| *left += right);
        left
    }

    #[test]
    fn a_sum_over_ranks_has_the_bits_of_one_tree() {
        for n in [0, 1, 2, 7, 1000] {
            for pieces in [1, 2, 4, 8, 16] {
                let mut tree = Tree::new();
                (0..pieces).for_each(|k| tree.push(Some(piece(k, n)), add));
                let whole = tree.finish(add).unwrap();
                for ranks in 1..=pieces {
                    let sums = threads(ranks).run(|world| {
                        let mut tree = Tree::new();
                        share(pieces, world.rank(), ranks).unwrap().for_each(|k| tree.push(Some(piece(k, n)), add));
                        let (mut own, mut notes) = (tree.finish(add).unwrap(), [1.0, world.rank() as f64]);
                        let (mut parts, mut again) = (own.clone(), notes);
                        sum(&world, &mut own, &mut notes).unwrap();
                        // In several places, one of them empty.
                        let (first, rest) = parts.split_at_mut(n / 3);
                        sum_of(&world, &mut [first, &mut [], rest], &mut again).unwrap();
                        assert_eq!((&parts, again), (&own, notes));
                        (own, notes)
                    });
                    let notes = [ranks as f64, (ranks * (ranks - 1) / 2) as f64];
                    for (own, found) in sums {
                        assert_eq!(own, whole, "{n} numbers, {pieces} pieces, {ranks} ranks");
                        assert_eq!(found, notes, "{pieces} pieces, {ranks} ranks");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_missing_changes_no_sign_of_a_zero() {
        let sums = threads(3).run(|world| {
            let mut own = [[-0.0f64, 0.0], [-0.0, -0.0], [-0.0, -0.0]][world.rank()];
            sum(&world, &mut own, &mut []).unwrap();
            own.map(f64::to_bits)
        });
        assert!(sums.iter().all(|sum| *sum == [(-0.0f64).to_bits(), 0.0f64.to_bits()]));
    }
}
