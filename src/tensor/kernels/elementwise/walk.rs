//! How arguments of other shapes lie beside a contiguous output.

use super::Argument;
use crate::num::Element;
use crate::tensor::shape::same_lengths;
use smallvec::SmallVec;

/// How two arguments walk beside a contiguous output.
pub struct Plan {
    pub(super) x: Walk,
    pub(super) y: Walk,
}

/// Lanes that are run together: all, or a long row of an argument that is stretched along others.
pub(super) struct Piece {
    pub lane: usize,
    pub n: usize,
    is_row: bool,
}

/// Rows from this length on run by themselves: each argument is then one number, or lies side by side.
const ROW: usize = 512;

impl Plan {
    /// The plan for shapes that broadcast to `out`.
    pub fn new(out: &[usize], x: &[usize], y: &[usize]) -> Self {
        Self { x: Walk::new(out, x), y: Walk::new(out, y) }
    }

    pub(super) fn pieces(&self, lanes: usize) -> impl Iterator<Item = Piece> + use<> {
        let row = self.x.row().min(self.y.row());
        let is_row = (ROW..lanes).contains(&row);
        let n = if is_row { row } else { lanes };
        (0..lanes).step_by(n.max(1)).map(move |lane| Piece { lane, n, is_row })
    }
}

impl Piece {
    pub fn of<'a, T>(&self, out: &'a mut [T]) -> &'a mut [T] {
        &mut out[self.lane..][..self.n]
    }
}

/// Which of its elements an argument has for each lane.
pub(super) enum Walk {
    /// Element `lane`.
    Flat,
    /// Its one element.
    Same,
    /// Those of nested loops, the innermost first.
    Loops(SmallVec<[Loop; 4]>),
}

pub(crate) struct Loop {
    pub length: usize,
    /// Elements from one round to the next: 0 where they share them, and in an innermost loop else 1.
    pub step: usize,
}

impl Walk {
    fn new(out: &[usize], argument: &[usize]) -> Self {
        if same_lengths(out, argument) {
            return Self::Flat;
        }
        let moves =
            |axis: usize| (axis + argument.len()).checked_sub(out.len()).is_some_and(|i| argument[i] == out[axis]);
        // Axes that are stretched, or not, one after another are one loop; those of length 1 belong to any.
        let mut loops: SmallVec<[Loop; 4]> = SmallVec::new();
        let mut size = 1;
        for axis in (0..out.len()).rev().filter(|&axis| out[axis] != 1) {
            let is_moving = moves(axis);
            match loops.last_mut() {
                Some(last) if (last.step > 0) == is_moving => last.length *= out[axis],
                _ => loops.push(Loop { length: out[axis], step: if is_moving { size } else { 0 } }),
            }
            size *= if is_moving { out[axis] } else { 1 };
        }
        match loops[..] {
            [] | [Loop { step: 1, .. }] => Self::Flat,
            [_] => Self::Same,
            _ => Self::Loops(loops),
        }
    }

    /// How many lanes have one number, or numbers side by side.
    fn row(&self) -> usize {
        match self {
            Self::Flat | Self::Same => usize::MAX,
            Self::Loops(loops) => loops[0].length,
        }
    }

    /// The argument of a piece; as one number where the kernel takes one.
    pub fn over<'a, T: Element>(&'a self, x: &'a [T], piece: &Piece, takes_one: bool) -> Argument<'a, T> {
        let Piece { lane, n, is_row } = *piece;
        let one = |x| if takes_one { Argument::one(x) } else { Argument::staged(x, &[]) };
        match self {
            Self::Flat => Argument::flat(&x[lane..], n),
            Self::Same => one(x),
            Self::Loops(loops) if !is_row => Argument::staged(x, loops),
            Self::Loops(loops) => {
                let mut left = lane;
                let at = loops.iter().map(|l| {
                    let round = left % l.length;
                    left /= l.length;
                    round * l.step
                });
                let x = &x[at.sum::<usize>()..];
                if loops[0].step == 1 { Argument::flat(x, n) } else { one(x) }
            }
        }
    }
}
