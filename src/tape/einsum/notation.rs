//! What the letters say: of each operand the axes, of the output the axes, and of each letter the length.

use crate::error::{Error, Result};
use crate::tensor::Shape;

/// A letter, or an axis that `...` stands for, counted from the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Letter(char),
    Dots(usize),
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Label::Letter(letter) => write!(f, "letter {letter}"),
            Label::Dots(at) => write!(f, "axis {} of the dots, counted from their last,", at),
        }
    }
}

/// The notation of one call, read against its operands.
pub(super) struct Notation {
    /// A label for each axis of each operand.
    pub inputs: Vec<Vec<Label>>,
    pub output: Vec<Label>,
    /// Every label with its length.
    lengths: Vec<(Label, usize)>,
}

impl Notation {
    pub fn read(text: &str, shapes: &[Shape]) -> Result<Self> {
        let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (operands, output) = match plain.split_once("->") {
            Some((operands, output)) => (operands, Some(output)),
            None => (&plain[..], None),
        };
        let lists: Vec<&str> = operands.split(',').collect();
        if lists.len() != shapes.len() {
            return Err(Error::einsum(format!(
                "{text:?} has letters for {} operands, got {}",
                lists.len(),
                shapes.len()
            )));
        }
        let mut read = Self { inputs: Vec::new(), output: Vec::new(), lengths: Vec::new() };
        let mut dots = 0;
        for (at, (list, shape)) in lists.iter().zip(shapes).enumerate() {
            let letters = letters(list)?;
            let named = letters.iter().flatten().count();
            let hidden = shape.rank().checked_sub(named).filter(|&hidden| hidden == 0 || letters.contains(&None));
            let Some(hidden) = hidden else {
                return Err(Error::einsum(format!("{list:?} names {named} axes, and operand {at} has shape {shape}")));
            };
            dots = dots.max(hidden);
            let labels: Vec<Label> = letters
                .iter()
                .flat_map(|letter| match letter {
                    Some(letter) => vec![Label::Letter(*letter)],
                    None => (0..hidden).rev().map(Label::Dots).collect(),
                })
                .collect();
            for (&label, &n) in labels.iter().zip(shape.iter()) {
                read.note(label, n, at, shapes)?;
            }
            read.inputs.push(labels);
        }
        read.output = match output {
            Some(output) => read.given(output, dots)?,
            None => read.implied(dots),
        };
        Ok(read)
    }

    /// Holds a label to the length that it has elsewhere; what the dots stand for broadcasts.
    fn note(&mut self, label: Label, n: usize, operand: usize, shapes: &[Shape]) -> Result<()> {
        let Some((_, known)) = self.lengths.iter_mut().find(|(seen, _)| *seen == label) else {
            self.lengths.push((label, n));
            return Ok(());
        };
        match label {
            _ if *known == n => Ok(()),
            Label::Dots(_) if n == 1 => Ok(()),
            Label::Dots(_) if *known == 1 => {
                *known = n;
                Ok(())
            }
            label => {
                let shape = &shapes[operand];
                Err(Error::shape(format!(
                    "einsum: {label} has length {n} in operand {operand} of shape {shape}, and {known} before"
                )))
            }
        }
    }

    /// The output as it is written.
    fn given(&self, text: &str, dots: usize) -> Result<Vec<Label>> {
        let letters = letters(text)?;
        if dots > 0 && !letters.contains(&None) {
            return Err(Error::einsum(format!("the output {text:?} has no dots, and operands have {dots} axes there")));
        }
        let mut output = Vec::new();
        for letter in letters {
            let Some(letter) = letter else {
                output.extend((0..dots).rev().map(Label::Dots));
                continue;
            };
            let label = Label::Letter(letter);
            if output.contains(&label) {
                return Err(Error::einsum(format!("letter {letter} is twice in the output {text:?}")));
            }
            if !self.lengths.iter().any(|(known, _)| *known == label) {
                return Err(Error::einsum(format!("letter {letter} of the output {text:?} is in no operand")));
            }
            output.push(label);
        }
        Ok(output)
    }

    /// Without an arrow: what the dots stand for, and the letters that stand once.
    fn implied(&self, dots: usize) -> Vec<Label> {
        let all = || self.inputs.iter().flatten();
        let mut once: Vec<char> = all()
            .filter_map(|&label| match label {
                Label::Letter(letter) if all().filter(|&&other| other == label).count() == 1 => Some(letter),
                _ => None,
            })
            .collect();
        once.sort_unstable();
        (0..dots).rev().map(Label::Dots).chain(once.into_iter().map(Label::Letter)).collect()
    }

    pub fn length(&self, label: Label) -> usize {
        self.lengths.iter().find(|(known, _)| *known == label).map_or(1, |&(_, n)| n)
    }
}

/// The letters of an operand; none for dots, of which there is one group at most.
fn letters(list: &str) -> Result<Vec<Option<char>>> {
    let mut letters = Vec::new();
    let mut rest = list;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("...") {
            if letters.contains(&None) {
                return Err(Error::einsum(format!("dots stand twice in {list:?}")));
            }
            letters.push(None);
            rest = after;
        } else if first.is_ascii_alphabetic() {
            letters.push(Some(first));
            rest = &rest[1..];
        } else {
            return Err(Error::einsum(format!(
                "{first:?} in {list:?} is no letter from a to z or A to Z, and no dots (...)"
            )));
        }
    }
    Ok(letters)
}
