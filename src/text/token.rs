//! Characters to tokens: names, numbers, operators, and the indentation that blocks are made of.
//!
//! Inside brackets lines go on; a comment ends with its line. The words are Python's, of which [`super::parse`] knows a part.

use super::fault::{Fault, Span};
use std::rc::Rc;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(Rc<str>),
    /// A number, and whether it is written as a whole one.
    Number(f64, bool),
    Text(Rc<str>),
    /// An operator or a bracket.
    Sign(&'static str),
    NewLine,
    Indent,
    Dedent,
    End,
}

/// Longer ones first: the first that fits is taken.
const SIGNS: [&str; 42] = [
    "**=", "//=", "...", "<<=", ">>=", "->", "**", "//", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "@=", "%=",
    "&=", "|=", "^=", ":=", "<<", ">>", "+", "-", "*", "/", "@", "%", "(", ")", "[", "]", "{", "}", ",", ":", ".", ";",
    "=", "<",
];
const MORE_SIGNS: [&str; 5] = [">", "&", "|", "^", "~"];

/// The tokens of a text, each with its place.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Span)>, Fault> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), brackets: Vec::new(), blocks: vec![0] };
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<(Token, Span)>,
    /// The brackets that are open, with their places.
    brackets: Vec<(&'static str, usize)>,
    /// The indentations of the blocks that are open.
    blocks: Vec<usize>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn push(&mut self, token: Token, from: usize) {
        self.tokens.push((token, Span::new(from, self.at)));
    }

    fn run(&mut self) -> Result<(), Fault> {
        let mut line_begins = true;
        while self.at < self.text.len() {
            if line_begins && self.brackets.is_empty() {
                if !self.indentation()? {
                    continue;
                }
                line_begins = false;
            }
            let Some(c) = self.rest().chars().next() else { break };
            let from = self.at;
            match c {
                '\n' => {
                    self.at += 1;
                    if self.brackets.is_empty() {
                        self.push(Token::NewLine, from);
                        line_begins = true;
                    }
                }
                '\\' if self.rest()[1..].trim_start_matches('\r').starts_with('\n') => {
                    self.at += self.rest().find('\n').map_or(1, |n| n + 1);
                }
                '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                c if c.is_whitespace() || c == '\u{feff}' => self.at += c.len_utf8(),
                c if c.is_alphabetic() || c == '_' => self.name(),
                c if c.is_ascii_digit() => self.number()?,
                '.' if self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number()?,
                '"' | '\'' => self.string(c)?,
                _ => self.sign()?,
            }
        }
        if let Some((bracket, at)) = self.brackets.pop() {
            return Err(Fault::new(format!("{bracket:?} is never closed"), Span::new(at, at + 1)));
        }
        let from = self.at;
        if !matches!(self.tokens.last(), None | Some((Token::NewLine, _))) {
            self.push(Token::NewLine, from);
        }
        while self.blocks.len() > 1 {
            self.blocks.pop();
            self.push(Token::Dedent, from);
        }
        self.push(Token::End, from);
        Ok(())
    }

    /// The blanks that a line begins with, as the beginning or end of blocks; false where the line has nothing else.
    fn indentation(&mut self) -> Result<bool, Fault> {
        let from = self.at;
        let mut width = 0;
        for c in self.text[from..].chars() {
            match c {
                ' ' => width += 1,
                '\t' => width = width / 8 * 8 + 8,
                '\r' | '\u{c}' | '\u{feff}' => {}
                _ => break,
            }
            self.at += c.len_utf8();
        }
        match self.rest().chars().next() {
            None => return Ok(false),
            Some('\n') => {
                self.at += 1;
                return Ok(false);
            }
            Some('#') => {
                self.at += self.rest().find('\n').map_or(self.rest().len(), |n| n + 1);
                return Ok(false);
            }
            Some(_) => {}
        }
        let current = self.blocks[self.blocks.len() - 1];
        if width > current {
            self.blocks.push(width);
            self.push(Token::Indent, from);
        }
        while width < self.blocks[self.blocks.len() - 1] {
            self.blocks.pop();
            self.push(Token::Dedent, from);
            if width > self.blocks[self.blocks.len() - 1] {
                let message = "the line is indented by less than its block and by more than the one around it";
                return Err(Fault::new(message, Span::new(from, self.at)));
            }
        }
        Ok(true)
    }

    fn name(&mut self) {
        let from = self.at;
        let end = self.rest().find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(self.rest().len());
        self.at += end;
        self.push(Token::Name(self.text[from..self.at].into()), from);
    }

    fn number(&mut self) -> Result<(), Fault> {
        let from = self.at;
        let bytes = self.text.as_bytes();
        let digits = |mut at: usize| {
            while bytes.get(at).is_some_and(|c| c.is_ascii_digit() || *c == b'_') {
                at += 1;
            }
            at
        };
        let mut at = digits(from);
        let mut is_whole = true;
        if bytes.get(at) == Some(&b'.') {
            is_whole = false;
            at = digits(at + 1);
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            let signed = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            if bytes.get(signed).is_some_and(u8::is_ascii_digit) {
                is_whole = false;
                at = digits(signed);
            }
        }
        let goes_on = self.text[at..].chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
        self.at = at;
        let word = &self.text[from..at];
        let span = Span::new(from, at);
        if goes_on || word.ends_with('_') || word.contains("__") {
            return Err(Fault::new("this is no number; decimal numbers are known, as 12, 0.5, 1e-3", span));
        }
        if is_whole && word.len() > 1 && word.starts_with('0') && word.chars().any(|c| c.is_ascii_digit() && c != '0') {
            return Err(Fault::new("a whole number does not begin with 0", span));
        }
        let Ok(value) = word.replace('_', "").parse::<f64>() else {
            return Err(Fault::new("this is no number", span));
        };
        if is_whole && value > super::number::LARGEST {
            return Err(Fault::new("whole numbers go up to 2^53 here; write it with a point", span));
        }
        self.push(Token::Number(value, is_whole), from);
        Ok(())
    }

    /// A text: in NumPy code the name of a file, or the letters of an einsum; as a statement of its own, a comment.
    fn string(&mut self, quote: char) -> Result<(), Fault> {
        let from = self.at;
        let triple = self.rest().starts_with(&quote.to_string().repeat(3));
        let ending = quote.to_string().repeat(if triple { 3 } else { 1 });
        let begin = self.at + ending.len();
        let Some(length) = self.text[begin..].find(&ending) else {
            return Err(Fault::new("the text is never closed", Span::new(from, from + 1)));
        };
        let content = &self.text[begin..begin + length];
        self.at = begin + length + ending.len();
        if !triple && content.contains('\n') {
            return Err(Fault::new("the text is not closed on its line", Span::new(from, from + 1)));
        }
        if !triple && content.contains('\\') {
            return Err(Fault::new("texts with \\ are not known here", Span::new(from, self.at)));
        }
        let content = content.into();
        self.push(Token::Text(content), from);
        Ok(())
    }

    fn sign(&mut self) -> Result<(), Fault> {
        let from = self.at;
        let found = SIGNS.iter().chain(&MORE_SIGNS).find(|sign| self.rest().starts_with(**sign));
        let Some(&sign) = found else {
            let c = self.rest().chars().next().unwrap_or(' ');
            return Err(Fault::new(
                format!("the character {c:?} has no meaning here"),
                Span::new(from, from + c.len_utf8()),
            ));
        };
        self.at += sign.len();
        match sign {
            "(" | "[" | "{" => self.brackets.push((sign, from)),
            ")" | "]" | "}" => {
                let opening = match sign {
                    ")" => "(",
                    "]" => "[",
                    _ => "{",
                };
                match self.brackets.pop() {
                    Some((open, _)) if open == opening => {}
                    _ => return Err(Fault::new(format!("{sign:?} closes nothing"), Span::new(from, self.at))),
                }
            }
            _ => {}
        }
        self.push(Token::Sign(sign), from);
        Ok(())
    }
}
