//! How tensors print: nested brackets, columns aligned, long axes shortened.
//!
//! Cost: that of what is shown. Long axes are not walked; a tensor without elements and of more than two axes prints its shape.

use super::Tensor;
use crate::num::Element;
use std::fmt;

/// Axes longer than this print their first and last entries only.
const LONG: usize = 12;
const EDGE: usize = 4;

/// A number in the shorter of its two forms: 1e-200 rather than 199 zeros.
pub(crate) fn readable<T: Element>(x: &T) -> String {
    let size = x.to_f64().abs();
    let plain = size == 0.0 || !size.is_finite() || (1e-5..1e16).contains(&size);
    if plain { format!("{x}") } else { format!("{x:e}") }
}

impl<T: Element> fmt::Display for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = |x: &T| match f.precision() {
            Some(digits) => format!("{x:.digits$}"),
            None => readable(x),
        };
        if self.is_empty() && self.shape.rank() > 2 {
            // All its brackets would be empty, and there may be billions of them.
            return write!(f, "[] of shape {}", self.shape);
        }
        let shown: Vec<usize> = self.shown_offsets(0, 0);
        let width = if self.shape.rank() < 2 {
            0
        } else {
            shown.iter().map(|&i| format(&self.data[i]).len()).max().unwrap_or(0)
        };
        let mut text = String::new();
        self.write_axis(&mut text, 0, 0, &|x: &T| format!("{:>width$}", format(x)));
        f.write_str(&text)
    }
}

impl<T> Tensor<T> {
    /// The entries of an axis that are printed, with `None` for those between: at most [`LONG`], however long the axis is.
    fn shown(&self, axis: usize) -> impl Iterator<Item = Option<usize>> + use<T> {
        let n = self.shape[axis];
        let (first, gap, last) = if n > LONG { (EDGE, 1, n - EDGE) } else { (n, 0, n) };
        (0..first).map(Some).chain(std::iter::repeat_n(None, gap)).chain((last..n).map(Some))
    }

    fn stride(&self, axis: usize) -> usize {
        self.shape[axis + 1..].iter().product()
    }

    fn shown_offsets(&self, axis: usize, offset: usize) -> Vec<usize> {
        if axis == self.shape.rank() {
            return vec![offset];
        }
        let step = self.stride(axis);
        self.shown(axis).flatten().flat_map(|i| self.shown_offsets(axis + 1, offset + i * step)).collect()
    }

    fn write_axis(&self, text: &mut String, axis: usize, offset: usize, format: &dyn Fn(&T) -> String) {
        if axis == self.shape.rank() {
            text.push_str(&format(&self.data[offset]));
            return;
        }
        let step = self.stride(axis);
        let last = axis + 1 == self.shape.rank();
        text.push('[');
        for (position, entry) in self.shown(axis).enumerate() {
            if position > 0 {
                text.push(',');
                if last {
                    text.push(' ');
                } else {
                    text.push_str(&"\n".repeat(self.shape.rank() - axis - 1));
                    text.push_str(&" ".repeat(axis + 1));
                }
            }
            match entry {
                Some(i) => self.write_axis(text, axis + 1, offset + i * step, format),
                None => text.push_str("..."),
            }
        }
        text.push(']');
    }
}

impl<T: Element> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor{} {}", self.shape, self)
    }
}
