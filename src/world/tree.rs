//! A sum in the order of a binary tree, and who adds up which part of it.

use crate::error::{Error, Result};
use std::ops::Range;

/// Adds up numbered pieces in the order of a binary tree: 0 and 1, 2 and 3, then those two sums, and so on.
///
/// Pieces come one after the other; only one sum of each size waits, so log2(pieces) of them. A piece that is not there leaves its
/// place empty: what stands beside it goes up unchanged.
///
/// # Examples
/// ```
/// use retrograd::world::Tree;
/// let mut tree = Tree::new();
/// for piece in ["a", "b", "c", "d"] {
///     tree.push(Some(piece.to_owned()), |left, right| format!("({left}+{right})"));
/// }
/// assert_eq!(tree.finish(|left, right| format!("({left}+{right})")).unwrap(), "((a+b)+(c+d))");
/// ```
#[derive(Clone, Debug)]
pub struct Tree<S> {
    /// Sums that wait for their right neighbour, with the height of each, the largest first.
    waiting: Vec<(u32, Option<S>)>,
}

impl<S> Tree<S> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { waiting: Vec::new() }
    }

    /// The next piece; `add` gives the sum of a left and a right one.
    pub fn push(&mut self, piece: Option<S>, mut add: impl FnMut(S, S) -> S) {
        let (mut height, mut sum) = (0, piece);
        while let Some((_, left)) = self.waiting.pop_if(|(waits, _)| *waits == height) {
            sum = joined(left, sum, &mut add);
            height += 1;
        }
        self.waiting.push((height, sum));
    }

    /// The sum of all pieces, where there was one. Of a number of pieces that is no power of two, the smaller sums are added from the
    /// right, as if the rest were empty.
    pub fn finish(self, mut add: impl FnMut(S, S) -> S) -> Option<S> {
        let mut waiting = self.waiting.into_iter().map(|(_, sum)| sum).rev();
        let last = waiting.next().flatten();
        waiting.fold(last, |right, left| joined(left, right, &mut add))
    }
}

impl<S> Default for Tree<S> {
    fn default() -> Self {
        Self::new()
    }
}

fn joined<S>(left: Option<S>, right: Option<S>, add: &mut impl FnMut(S, S) -> S) -> Option<S> {
    match (left, right) {
        (Some(left), Some(right)) => Some(add(left, right)),
        (left, right) => left.or(right),
    }
}

/// More pieces than anybody has ranks for.
const MOST_PIECES: usize = 1 << 20;

/// The pieces of a rank: a whole subtree of the tree over all of them.
///
/// Where the number of ranks is a power of two, each has as many. Otherwise the first ranks share subtrees by twos that the last ones
/// have whole.
///
/// # Errors
/// A number of pieces that is no power of two, or beyond 2^20; more ranks than pieces; a rank that there is not.
///
/// # Examples
/// ```
/// use retrograd::world::share;
/// assert_eq!((share(8, 0, 2)?, share(8, 1, 2)?), (0..4, 4..8));
/// assert_eq!((share(4, 0, 3)?, share(4, 1, 3)?, share(4, 2, 3)?), (0..1, 1..2, 2..4));
/// assert!(share(4, 0, 5).is_err());
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn share(pieces: usize, rank: usize, ranks: usize) -> Result<Range<usize>> {
    if !pieces.is_power_of_two() {
        return Err(Error::argument(format!("world: {pieces} pieces; use a power of two, such as 4 or 8")));
    }
    if pieces > MOST_PIECES {
        return Err(Error::argument(format!("world: {pieces} pieces; at most {MOST_PIECES}")));
    }
    if rank >= ranks {
        return Err(Error::argument(format!("world: no rank {rank} of {ranks}")));
    }
    if ranks > pieces {
        return Err(Error::argument(format!(
            "world: {pieces} pieces for {ranks} ranks, of which some would have nothing to do; set pieces({}), or start fewer",
            ranks.next_power_of_two()
        )));
    }
    let Place { group, groups, part } = Place::of(rank, ranks);
    let each = pieces / groups;
    let whole = group * each..(group + 1) * each;
    let middle = whole.start + each / 2;
    Ok(match part {
        Part::Whole => whole,
        Part::Left { .. } => whole.start..middle,
        Part::Right { .. } => middle..whole.end,
    })
}

/// Where a rank stands in the tree: as many groups as the largest power of two that the ranks fill, the first of them of two ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub group: usize,
    pub groups: usize,
    pub part: Part,
}

/// What a rank is in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// The one of two that goes on for both, and the other's rank.
    Left {
        right: usize,
    },
    Right {
        left: usize,
    },
}

impl Place {
    pub fn of(rank: usize, ranks: usize) -> Self {
        let groups = 1 << ranks.ilog2();
        let doubled = ranks - groups;
        let (group, part) = match rank {
            _ if rank >= 2 * doubled => (rank - doubled, Part::Whole),
            _ if rank.is_multiple_of(2) => (rank / 2, Part::Left { right: rank + 1 }),
            _ => (rank / 2, Part::Right { left: rank - 1 }),
        };
        Self { group, groups, part }
    }

    /// The rank that goes on for a group.
    pub fn leader(group: usize, ranks: usize) -> usize {
        let doubled = ranks - (1 << ranks.ilog2());
        if group < doubled { 2 * group } else { group + doubled }
    }
}
