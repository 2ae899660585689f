//! Tokens to a tree, by recursive descent; how deep is bounded, so that no text overflows the stack.

use super::fault::{Fault, Span};
use super::syntax::{Def, E, Expr, Node, Prefix, Relation, Sign, Stmt, StmtKind};
use super::token::{Token, tokens};
use std::rc::Rc;

/// How deep expressions and blocks may stand in each other.
const DEPTH: usize = 64;
/// The longest text, in bytes.
const LONGEST: usize = 1 << 24;

/// Words that Python keeps for itself.
const WORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// What statements there are, for messages.
pub(super) const KNOWN: &str =
    "assignments, +=, for over a range or a list, if, def, return, pass, import numpy as np and expressions are known";

pub(super) fn parse(text: &str) -> Result<Vec<Stmt>, Fault> {
    if text.len() > LONGEST {
        return Err(Fault::of_all(format!("the text has {} bytes; at most {LONGEST} are read", text.len())));
    }
    let tokens = tokens(text)?;
    let mut starts = vec![0];
    starts.extend(text.bytes().enumerate().filter(|(_, c)| *c == b'\n').map(|(at, _)| at + 1));
    let mut parser = Parser { tokens, at: 0, depth: 0, starts, in_def: false, in_loop: false };
    let mut all = Vec::new();
    while *parser.peek() != Token::End {
        parser.statement(&mut all)?;
    }
    Ok(all)
}

struct Parser {
    tokens: Vec<(Token, Span)>,
    at: usize,
    depth: usize,
    /// Where lines begin.
    starts: Vec<usize>,
    in_def: bool,
    in_loop: bool,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)].0
    }
    fn span(&self) -> Span {
        self.tokens[self.at.min(self.tokens.len() - 1)].1
    }
    fn last(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].1
    }
    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(message, self.span())
    }
    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }
    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(found) if &**found == word)
    }
    fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.at += usize::from(found);
        found
    }
    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }
    fn expect(&mut self, sign: &str, why: &str) -> Result<(), Fault> {
        if self.take(sign) { Ok(()) } else { Err(self.fault(format!("{sign:?} is missing here{why}"))) }
    }
    fn name(&mut self, what: &str) -> Result<Rc<str>, Fault> {
        match self.peek().clone() {
            Token::Name(name) if !WORDS.contains(&&*name) => {
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.fault(format!("{what} is missing here"))),
        }
    }

    /// Runs one level deeper.
    fn deeper<R>(&mut self, f: impl FnOnce(&mut Self) -> Result<R, Fault>) -> Result<R, Fault> {
        if self.depth >= DEPTH {
            return Err(self.fault(format!("this stands more than {DEPTH} levels deep; give parts of it names")));
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    fn statement(&mut self, all: &mut Vec<Stmt>) -> Result<(), Fault> {
        let from = self.span();
        let line = self.starts.partition_point(|&start| start <= from.start);
        if *self.peek() == Token::Indent {
            return Err(self.fault("the line is indented, and no block begins before it"));
        }
        let word = match self.peek() {
            Token::Name(word) => word.to_string(),
            _ => String::new(),
        };
        let kind = match word.as_str() {
            "for" => {
                self.at += 1;
                let target = self.targets()?;
                if !self.take_word("in") {
                    return Err(self.fault("\"in\" is missing here: for t in range(n):"));
                }
                let source = self.tuple()?;
                let outer = std::mem::replace(&mut self.in_loop, true);
                let body = self.block();
                self.in_loop = outer;
                let body = body?;
                if self.is_word("else") {
                    return Err(self.fault("a loop with else is not known"));
                }
                StmtKind::For(target, source, body)
            }
            "if" => {
                self.at += 1;
                self.choice()?
            }
            "def" => {
                self.at += 1;
                self.def()?
            }
            _ => return self.simple_line(all, line),
        };
        all.push(Stmt { kind, span: from.to(self.last()), line });
        Ok(())
    }

    /// Statements of one line, between semicolons.
    fn simple_line(&mut self, all: &mut Vec<Stmt>, line: usize) -> Result<(), Fault> {
        loop {
            let from = self.span();
            let kind = self.simple()?;
            all.push(Stmt { kind, span: from.to(self.last()), line });
            if self.take(";") && *self.peek() != Token::NewLine {
                continue;
            }
            return match self.peek() {
                Token::NewLine => {
                    self.at += 1;
                    Ok(())
                }
                _ => Err(self.fault("the statement goes on where it should end")),
            };
        }
    }

    fn simple(&mut self) -> Result<StmtKind, Fault> {
        if let Token::Name(word) = self.peek().clone() {
            let kind = match &*word {
                "pass" => Some(StmtKind::Pass),
                "break" if self.in_loop => Some(StmtKind::Break),
                "continue" if self.in_loop => Some(StmtKind::Continue),
                "import" | "from" => {
                    self.import()?;
                    return Ok(StmtKind::Pass);
                }
                "return" if self.in_def => {
                    self.at += 1;
                    let ends = matches!(self.peek(), Token::NewLine) || self.is(";");
                    let value = if ends { None } else { Some(self.tuple()?) };
                    return Ok(StmtKind::Return(value));
                }
                "return" => return Err(self.fault("return stands in no function")),
                "break" | "continue" => return Err(self.fault(format!("{word} stands in no loop"))),
                word if WORDS.contains(&word) && !["True", "False", "None", "not", "lambda"].contains(&word) => {
                    return Err(self.fault(format!("{word} is not known here: {KNOWN}")));
                }
                _ => None,
            };
            if let Some(kind) = kind {
                self.at += 1;
                return Ok(kind);
            }
        }
        let first = self.tuple()?;
        for (sign, update) in UPDATES {
            if self.is(sign) {
                assignable(&first, true)?;
                self.at += 1;
                let value = self.tuple()?;
                return Ok(StmtKind::Update(first, update, value));
            }
        }
        if !self.is("=") {
            if self.is(":") {
                return Err(self.fault(format!("\":\" begins a block after for, if or def only; {KNOWN}")));
            }
            return Ok(StmtKind::Expr(first));
        }
        let mut all = vec![first];
        while self.take("=") {
            all.push(self.tuple()?);
        }
        let value = all.pop().expect("there are two at least");
        for target in &all {
            assignable(target, false)?;
        }
        Ok(StmtKind::Assign(all, value))
    }

    /// `import numpy as np`, and what else gives names that are here anyway.
    fn import(&mut self) -> Result<(), Fault> {
        let from = self.span();
        let mut words = Vec::new();
        while !matches!(self.peek(), Token::NewLine | Token::End) && !self.is(";") {
            match self.peek() {
                Token::Name(word) => words.push(word.to_string()),
                Token::Sign(sign) => words.push((*sign).into()),
                _ => {}
            }
            self.at += 1;
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["import", "numpy", "as", "np"] | ["import", "numpy"] | ["import", "math"] => Ok(()),
            ["from", "retrograd_prelude", "import", ..] => Ok(()),
            _ => Err(Fault::new(
                "this import is not known: import numpy as np, import math and from retrograd_prelude import * are",
                from.to(self.last()),
            )),
        }
    }

    fn choice(&mut self) -> Result<StmtKind, Fault> {
        let condition = self.expression()?;
        let then = self.block()?;
        let from = self.span();
        let line = self.starts.partition_point(|&start| start <= from.start);
        if self.take_word("elif") {
            let kind = self.deeper(Self::choice)?;
            let otherwise = Stmt { kind, span: from.to(self.last()), line };
            return Ok(StmtKind::If(condition, then, [otherwise].into()));
        }
        let otherwise = if self.take_word("else") { self.block()? } else { [].into() };
        Ok(StmtKind::If(condition, then, otherwise))
    }

    fn def(&mut self) -> Result<StmtKind, Fault> {
        let name = self.name("the function's name")?;
        self.expect("(", "")?;
        let mut params: Vec<(Rc<str>, Option<E>)> = Vec::new();
        while !self.take(")") {
            if self.is("*") || self.is("**") {
                return Err(self.fault("a function takes named arguments only; * is not known"));
            }
            let span = self.span();
            let param = self.name("a parameter's name")?;
            if params.iter().any(|(known, _)| *known == param) {
                return Err(Fault::new(format!("the parameter {param} is there twice"), span));
            }
            if self.take(":") {
                self.expression()?;
            }
            let default = if self.take("=") { Some(self.expression()?) } else { None };
            if default.is_none() && params.iter().any(|(_, default)| default.is_some()) {
                return Err(Fault::new("a parameter without a default stands behind one with", span));
            }
            params.push((param, default));
            if !self.take(",") && !self.is(")") {
                return Err(self.fault("\",\" or \")\" is missing here"));
            }
        }
        if self.take("->") {
            self.expression()?;
        }
        let (in_def, in_loop) =
            (std::mem::replace(&mut self.in_def, true), std::mem::replace(&mut self.in_loop, false));
        let body = self.block();
        (self.in_def, self.in_loop) = (in_def, in_loop);
        let body = body?;
        let locals = super::syntax::assigned(&body);
        Ok(StmtKind::Def(Rc::new(Def { name, params, body, locals })))
    }

    /// The body of a loop, a choice or a function.
    fn block(&mut self) -> Result<Rc<[Stmt]>, Fault> {
        self.expect(":", ", and the block in the lines below, indented")?;
        self.deeper(|parser| {
            let mut body = Vec::new();
            if *parser.peek() != Token::NewLine {
                let line = parser.starts.partition_point(|&start| start <= parser.span().start);
                parser.simple_line(&mut body, line)?;
                return Ok(body.into());
            }
            parser.at += 1;
            if *parser.peek() != Token::Indent {
                return Err(parser.fault("a block is missing here: indent its lines"));
            }
            parser.at += 1;
            while *parser.peek() != Token::Dedent && *parser.peek() != Token::End {
                parser.statement(&mut body)?;
            }
            parser.at += 1;
            Ok(body.into())
        })
    }

    /// What a loop assigns.
    fn targets(&mut self) -> Result<E, Fault> {
        let from = self.span();
        let mut all = vec![self.postfix()?];
        let mut many = false;
        while self.take(",") {
            many = true;
            if !self.is_word("in") {
                all.push(self.postfix()?);
            }
        }
        let target = if many { Expr::new(Node::Tuple(all), from.to(self.last()))? } else { all.remove(0) };
        assignable(&target, false)?;
        Ok(target)
    }

    /// Expressions with commas between them.
    fn tuple(&mut self) -> Result<E, Fault> {
        let from = self.span();
        let first = self.expression()?;
        if !self.is(",") {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.take(",") {
            if matches!(self.peek(), Token::NewLine) || self.is("=") || self.is(")") || self.is("]") || self.is(";") {
                break;
            }
            all.push(self.expression()?);
        }
        Expr::new(Node::Tuple(all), from.to(self.last()))
    }

    fn expression(&mut self) -> Result<E, Fault> {
        self.deeper(|parser| {
            let value = parser.either()?;
            if !parser.is_word("if") {
                return Ok(value);
            }
            parser.at += 1;
            let condition = parser.either()?;
            if !parser.take_word("else") {
                return Err(parser.fault("\"else\" is missing here: a if condition else b"));
            }
            let other = parser.expression()?;
            let span = value.span.to(other.span);
            Expr::new(Node::Choice(condition, value, other), span)
        })
    }

    fn either(&mut self) -> Result<E, Fault> {
        let mut left = self.both()?;
        while self.take_word("or") {
            let right = self.both()?;
            let span = left.span.to(right.span);
            left = Expr::new(Node::Both(false, left, right), span)?;
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<E, Fault> {
        let mut left = self.negation()?;
        while self.take_word("and") {
            let right = self.negation()?;
            let span = left.span.to(right.span);
            left = Expr::new(Node::Both(true, left, right), span)?;
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<E, Fault> {
        let from = self.span();
        if self.take_word("not") {
            let x = self.deeper(Self::negation)?;
            let span = from.to(x.span);
            return Expr::new(Node::Prefix(Prefix::Not, x), span);
        }
        self.comparison()
    }

    fn relation(&mut self) -> Option<Relation> {
        let known = [
            ("<", Relation::Less),
            ("<=", Relation::LessEqual),
            (">", Relation::Greater),
            (">=", Relation::GreaterEqual),
            ("==", Relation::Equal),
            ("!=", Relation::NotEqual),
        ];
        for (sign, relation) in known {
            if self.take(sign) {
                return Some(relation);
            }
        }
        if self.take_word("is") {
            return Some(if self.take_word("not") { Relation::IsNot } else { Relation::Is });
        }
        if self.take_word("in") {
            return Some(Relation::In);
        }
        let next = self.tokens.get(self.at + 1).map(|(token, _)| token);
        if self.is_word("not") && matches!(next, Some(Token::Name(word)) if &**word == "in") {
            self.at += 2;
            return Some(Relation::NotIn);
        }
        None
    }

    fn comparison(&mut self) -> Result<E, Fault> {
        let first = self.binary(0)?;
        let mut rest = Vec::new();
        while let Some(relation) = self.relation() {
            rest.push((relation, self.binary(0)?));
        }
        match rest.last() {
            None => Ok(first),
            Some((_, last)) => {
                let span = first.span.to(last.span);
                Expr::new(Node::Compare(first, rest), span)
            }
        }
    }

    /// Operators, from the loosest level on.
    fn binary(&mut self, level: usize) -> Result<E, Fault> {
        let Some(signs) = LEVELS.get(level) else { return self.prefix() };
        let mut left = self.binary(level + 1)?;
        'next: loop {
            for (text, sign) in *signs {
                if self.take(text) {
                    let right = self.binary(level + 1)?;
                    let span = left.span.to(right.span);
                    left = Expr::new(Node::Binary(*sign, left, right), span)?;
                    continue 'next;
                }
            }
            if level == 2 && (self.is("<<") || self.is(">>")) {
                return Err(self.fault("shifts of bits are not known"));
            }
            return Ok(left);
        }
    }

    fn prefix(&mut self) -> Result<E, Fault> {
        let from = self.span();
        for (sign, prefix) in [("-", Prefix::Minus), ("+", Prefix::Plus), ("~", Prefix::Invert)] {
            if self.take(sign) {
                let x = self.deeper(Self::prefix)?;
                let span = from.to(x.span);
                return Expr::new(Node::Prefix(prefix, x), span);
            }
        }
        let base = self.postfix()?;
        if !self.take("**") {
            return Ok(base);
        }
        // From the right, and looser than a sign before the exponent.
        let exponent = self.deeper(Self::prefix)?;
        let span = base.span.to(exponent.span);
        Expr::new(Node::Binary(Sign::Pow, base, exponent), span)
    }

    fn postfix(&mut self) -> Result<E, Fault> {
        let mut x = self.atom()?;
        loop {
            if self.take(".") {
                let name = self.name("a name after the point")?;
                let span = x.span.to(self.last());
                x = Expr::new(Node::Member(x, name), span)?;
            } else if self.take("(") {
                let (args, named) = self.deeper(Self::arguments)?;
                let span = x.span.to(self.last());
                x = Expr::new(Node::Call(x, args, named), span)?;
            } else if self.take("[") {
                let index = self.deeper(Self::index)?;
                let span = x.span.to(self.last());
                x = Expr::new(Node::Index(x, index), span)?;
            } else {
                return Ok(x);
            }
        }
    }

    #[allow(clippy::type_complexity, reason = "arguments by place and by name")]
    fn arguments(&mut self) -> Result<(Vec<E>, Vec<(Rc<str>, E)>), Fault> {
        let (mut args, mut named): (Vec<E>, Vec<(Rc<str>, E)>) = (Vec::new(), Vec::new());
        while !self.take(")") {
            if self.is("*") || self.is("**") {
                return Err(self.fault("arguments are written out; * is not known"));
            }
            let next = self.tokens.get(self.at + 1).map(|(token, _)| token);
            if let (Token::Name(name), Some(Token::Sign("="))) = (self.peek().clone(), next) {
                let span = self.span();
                if named.iter().any(|(known, _)| *known == name) {
                    return Err(Fault::new(format!("the argument {name} is there twice"), span));
                }
                self.at += 2;
                named.push((name, self.expression()?));
            } else {
                if !named.is_empty() {
                    return Err(self.fault("an argument without a name stands behind one with"));
                }
                let value = self.expression()?;
                args.push(if self.is_word("for") { self.each(value)? } else { value });
            }
            if !self.take(",") && !self.is(")") {
                return Err(self.fault("\",\" or \")\" is missing here"));
            }
        }
        Ok((args, named))
    }

    /// `element for target in source if condition`, the element read.
    fn each(&mut self, element: E) -> Result<E, Fault> {
        self.at += 1;
        let target = self.targets()?;
        if !self.take_word("in") {
            return Err(self.fault("\"in\" is missing here"));
        }
        let source = self.deeper(Self::either)?;
        let condition = if self.take_word("if") { Some(self.either()?) } else { None };
        if self.is_word("for") {
            return Err(self.fault("one for in a list is known"));
        }
        let span = element.span.to(self.last());
        Expr::new(Node::Each(element, target, source, condition), span)
    }

    fn index(&mut self) -> Result<E, Fault> {
        let from = self.span();
        let mut all = Vec::new();
        let mut many = false;
        while !self.is("]") {
            all.push(self.part()?);
            if !self.take(",") {
                break;
            }
            many = true;
        }
        let end = self.last();
        self.expect("]", "")?;
        match all.len() {
            0 => Err(Fault::new("an index is missing here", from)),
            1 if !many => Ok(all.remove(0)),
            _ => Expr::new(Node::Tuple(all), from.to(end)),
        }
    }

    /// An index, or a part from : to : step.
    fn part(&mut self) -> Result<E, Fault> {
        let from = self.span();
        let ends = |parser: &Self| parser.is(":") || parser.is(",") || parser.is("]");
        let first = if ends(self) { None } else { Some(self.expression()?) };
        if !self.take(":") {
            return first.ok_or_else(|| self.fault("an index is missing here"));
        }
        let second = if ends(self) { None } else { Some(self.expression()?) };
        let third = if self.take(":") && !ends(self) { Some(self.expression()?) } else { None };
        Expr::new(Node::Slice(first, second, third), from.to(self.last()))
    }

    fn atom(&mut self) -> Result<E, Fault> {
        let from = self.span();
        let node = match self.peek().clone() {
            Token::Number(x, is_whole) => Node::Number(x, is_whole),
            Token::Text(text) => Node::Text(text),
            Token::Name(word) => match &*word {
                "True" => Node::True,
                "False" => Node::False,
                "None" => Node::None,
                "lambda" => return Err(self.fault("lambda is not known: write def f(x): return ..")),
                word if WORDS.contains(&word) => return Err(self.fault("an expression is missing here")),
                _ => Node::Name(word),
            },
            Token::Sign("...") => Node::Ellipsis,
            Token::Sign("(") => {
                self.at += 1;
                if self.take(")") {
                    return Expr::new(Node::Tuple(vec![]), from.to(self.last()));
                }
                let inner = self.deeper(Self::tuple)?;
                let inner = if self.is_word("for") { self.each(inner)? } else { inner };
                self.expect(")", "")?;
                // With its parentheses, which is what stands in the text.
                return Expr::new(inner.node.clone(), from.to(self.last()));
            }
            Token::Sign("[") => {
                self.at += 1;
                let mut all = Vec::new();
                while !self.take("]") {
                    let element = self.deeper(Self::expression)?;
                    if self.is_word("for") && all.is_empty() {
                        let each = self.each(element)?;
                        self.expect("]", "")?;
                        return Expr::new(each.node.clone(), from.to(self.last()));
                    }
                    all.push(element);
                    if !self.take(",") && !self.is("]") {
                        return Err(self.fault("\",\" or \"]\" is missing here"));
                    }
                }
                return Expr::new(Node::List(all), from.to(self.last()));
            }
            Token::Sign("{") => return Err(self.fault("dictionaries and sets are not known; give each value a name")),
            _ => return Err(self.fault("an expression is missing here")),
        };
        self.at += 1;
        Expr::new(node, from)
    }
}

/// Operators by how tightly they bind, the loosest first.
const LEVELS: [&[(&str, Sign)]; 5] = [
    &[("|", Sign::Or)],
    &[("^", Sign::Xor)],
    &[("&", Sign::And)],
    &[("+", Sign::Add), ("-", Sign::Sub)],
    &[("*", Sign::Mul), ("/", Sign::Div), ("//", Sign::FloorDiv), ("%", Sign::Mod), ("@", Sign::MatMul)],
];

const UPDATES: [(&str, Sign); 11] = [
    ("+=", Sign::Add),
    ("-=", Sign::Sub),
    ("*=", Sign::Mul),
    ("/=", Sign::Div),
    ("//=", Sign::FloorDiv),
    ("%=", Sign::Mod),
    ("**=", Sign::Pow),
    ("@=", Sign::MatMul),
    ("&=", Sign::And),
    ("|=", Sign::Or),
    ("^=", Sign::Xor),
];

/// Whether something may stand left of `=`.
fn assignable(target: &Expr, update: bool) -> Result<(), Fault> {
    match &target.node {
        Node::Name(name) if &**name == "np" || &**name == "math" => {
            Err(Fault::new(format!("{name} is the module; take another name"), target.span))
        }
        Node::Name(_) | Node::Index(..) => Ok(()),
        Node::Tuple(all) | Node::List(all) if !update && !all.is_empty() => {
            all.iter().try_for_each(|x| assignable(x, false))
        }
        Node::Member(_, member) if &**member == "shape" => {
            Err(Fault::new("the shape is not assigned: write x = x.reshape(..)", target.span))
        }
        _ => Err(Fault::new("this cannot be assigned: a name, an index x[..] or several of them can", target.span)),
    }
}
