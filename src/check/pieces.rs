//! Which smooth piece of every recorded op a point lies on.
//!
//! relu, abs, max, clamp, select and their like are smooth piece by piece. A [`Signature`] says, node by node, which
//! op was recorded, from which parents, and which piece its operands lie on; recorded comparisons say which way control
//! flow went. Two points with the same signature have no kink between them that the tape knows of, so a difference
//! quotient over them means something. Signatures of different lengths took different paths.
//!
//! Elements of a tensor are folded into one code per node: enough to name the op and its source line.
//!
//! Cost: O(elements), one number per node.

use crate::num::Element;
use crate::ops::eager;
use crate::ops::structural::TensorOp;
use crate::ops::{BinaryVisitor, BuiltinBinary, BuiltinUnary, UnaryVisitor};
use crate::tape::entry::{Entry, NodeOp};
use crate::tape::scalar::{ScalarNode, ScalarOperand};
use crate::tape::{NodeRef, Tape};
use crate::tensor::{Operand, Tensor};
use std::panic::Location;

/// One code for each comparison and node of a tape, in a fixed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature(Vec<i64>);

impl Signature {
    /// The signature of what is recorded on the tape.
    pub(crate) fn of<T: Element>(tape: &Tape<T>) -> Self {
        let mut walk = PieceHasher { codes: Vec::new(), wanted: usize::MAX, found: None };
        walk.tape(tape);
        Self(walk.codes)
    }

    /// Where the tape took another side than this signature: the op and, if it was kept, the source line.
    pub(crate) fn departure<T: Element>(&self, tape: &Tape<T>) -> Option<String> {
        let other = Signature::of(tape);
        if *self == other {
            return None;
        }
        let shared = self.0.iter().zip(&other.0).take_while(|(a, b)| a == b).count();
        // Where this tape merely stopped earlier, its last node is the nearest thing to name.
        let wanted = shared.min(other.0.len().saturating_sub(1));
        let mut walk = PieceHasher { codes: Vec::new(), wanted, found: None };
        walk.tape(tape);
        Some(walk.found.unwrap_or_else(|| "control flow".into()))
    }
}

/// A pass over a tape that collects codes, and names the node whose code is number `wanted`.
struct PieceHasher {
    codes: Vec<i64>,
    wanted: usize,
    found: Option<String>,
}

impl PieceHasher {
    fn emit(&mut self, code: u64, op: &str, site: Option<&Location<'_>>) {
        if self.codes.len() == self.wanted {
            self.found = Some(match site {
                Some(site) => format!("{op} ({}:{})", site.file(), site.line()),
                None => op.to_string(),
            });
        }
        self.codes.push(code as i64);
    }

    fn tape<T: Element>(&mut self, tape: &Tape<T>) {
        // Comparisons come first: where they differ, they are why the nodes do.
        for guard in tape.guards().iter() {
            let outcome = guard.outcome.map_or(2, |outcome| outcome as i8);
            let code = Fingerprint::of("comparison").with(outcome as u64).with(lane(guard.left.0.lane()));
            self.emit(code.with(lane(guard.right.0.lane())).0, "a comparison of variables", None);
        }
        let values = tape.scalars().values(tape.scalars().len());
        for id in 0..tape.scalars().len() {
            self.scalar(tape, id, &values);
        }
        let entries = tape.entries();
        for entry in entries.iter() {
            self.entry(tape, &entries, entry);
        }
    }

    fn scalar<T: Element>(&mut self, tape: &Tape<T>, id: u32, values: &[T]) {
        let at = |operand| match operand {
            ScalarOperand::Node(i) => values[i as usize].to_f64(),
            ScalarOperand::Literal(x) => T::to_f64(x),
        };
        let (name, piece) = match tape.scalars().decode(id) {
            ScalarNode::Leaf(_) => ("leaf", 0),
            ScalarNode::Copy(_) => ("select", 0),
            ScalarNode::Unary(op, parent) => (op.name(), op.with(UnaryPiece(values[parent as usize].to_f64()))),
            ScalarNode::Binary(op, a, b) => (op.name(), op.with(BinaryPiece(at(a), at(b)))),
        };
        let mut code = Fingerprint::of(name).with(piece as u64);
        for parent in tape.scalars().parents(id).into_iter().flatten() {
            code = code.with(parent as u64);
        }
        self.emit(code.0, name, tape.scalars().site(id));
    }

    fn entry<T: Element>(&mut self, tape: &Tape<T>, entries: &[Entry<T>], entry: &Entry<T>) {
        let mut code = Fingerprint::of(entry.op.name());
        for &n in entry.value.shape().dims() {
            code = code.with(n as u64);
        }
        for parent in &entry.parents {
            code = code.with(lane(parent.id.lane()));
        }
        let operand = |i: usize| match entry.parents[i].id.lane() {
            NodeRef::Tensor(k) => entries[k].value.operand(),
            _ => Operand::Scalar(entry.parents[i].value),
        };
        let stretched = |i: usize| eager::broadcast(tape.pool(), operand(i), &entry.value.shape());
        let code = match &entry.op {
            NodeOp::Leaf | NodeOp::Copy => code,
            NodeOp::Unary(op) => op.with(UnaryPieces { x: operand(0), code }),
            NodeOp::CustomUnary(op) => code.pieces(operand(0).data().iter().map(|x| op.piece(x.to_f64()))),
            NodeOp::Binary(op) => op.with(BinaryPieces { x: stretched(0), y: stretched(1), code }),
            NodeOp::CustomBinary(op) => {
                let (x, y) = (stretched(0), stretched(1));
                code.pieces(x.iter().zip(y.iter()).map(|(x, y)| op.piece(x.to_f64(), y.to_f64())))
            }
            NodeOp::Select => code.pieces(operand(0).data().iter().map(|&c| (c != T::from_f64(0.0)) as i64)),
            NodeOp::Tensor(op) => code.tensor_op(op, operand(0).data(), entry.value.as_slice()),
            NodeOp::Custom(_) => code,
        };
        self.emit(code.0, entry.op.name(), Some(entry.site));
    }
}

fn lane(lane: NodeRef) -> u64 {
    match lane {
        NodeRef::Constant => 0,
        NodeRef::Scalar(id) => 2 * id as u64 + 1,
        NodeRef::Tensor(k) => 2 * k as u64 + 2,
    }
}

/// A running hash (FNV-1a over 64-bit words).
#[derive(Clone, Copy)]
struct Fingerprint(u64);

impl Fingerprint {
    fn of(name: &str) -> Self {
        name.bytes().fold(Self(0xcbf2_9ce4_8422_2325), |code, byte| code.with(byte as u64))
    }
    fn with(self, word: u64) -> Self {
        Self((self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17))
    }
    /// Piece 0 leaves the code alone, so that ops without kinks cost nothing.
    #[inline(always)]
    fn pieces(self, pieces: impl Iterator<Item = i64>) -> Self {
        let mut code = self;
        for (i, piece) in pieces.enumerate() {
            if piece != 0 {
                code = code.with(i as u64).with(piece as u64);
            }
        }
        code
    }
    fn tensor_op<T: Element>(self, op: &TensorOp, x: &[T], out: &[T]) -> Self {
        let mut code = self;
        op.pieces(x, out, &mut |place, piece| {
            if piece != 0 {
                code = code.with(place as u64).with(piece as u64);
            }
        });
        // Indices may have been computed from values, by argmax or by sorting.
        let indices = op.indices().map_or(&[][..], |indices| &indices[..]);
        indices.iter().fold(code, |code, &i| code.with(i as u64))
    }
}

/// The piece of a number.
struct UnaryPiece(f64);
impl UnaryVisitor for UnaryPiece {
    type Output = i64;
    fn visit<O: BuiltinUnary>(self, op: O) -> i64 {
        op.piece(self.0)
    }
}

/// The piece of a pair of numbers.
struct BinaryPiece(f64, f64);
impl BinaryVisitor for BinaryPiece {
    type Output = i64;
    fn visit<O: BuiltinBinary>(self, op: O) -> i64 {
        op.piece(self.0, self.1)
    }
}

/// The pieces of many numbers, with one dispatch.
struct UnaryPieces<'a, T> {
    x: Operand<'a, T>,
    code: Fingerprint,
}
impl<T: Element> UnaryVisitor for UnaryPieces<'_, T> {
    type Output = Fingerprint;
    fn visit<O: BuiltinUnary>(self, op: O) -> Fingerprint {
        self.code.pieces(self.x.data().iter().map(|x| op.piece(x.to_f64())))
    }
}

/// The pieces of many pairs of numbers, with one dispatch.
struct BinaryPieces<T> {
    x: Tensor<T>,
    y: Tensor<T>,
    code: Fingerprint,
}
impl<T: Element> BinaryVisitor for BinaryPieces<T> {
    type Output = Fingerprint;
    fn visit<O: BuiltinBinary>(self, op: O) -> Fingerprint {
        self.code.pieces(self.x.iter().zip(self.y.iter()).map(|(x, y)| op.piece(x.to_f64(), y.to_f64())))
    }
}
