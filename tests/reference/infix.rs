//! A parser of infix text: + - * / ^, parentheses, calls. `^` binds tighter than unary minus and groups from the right.

use crate::expression::Expr;

/// Reads a formula over the named variables.
pub fn parse(text: &str, vars: &[&str]) -> Result<Expr, String> {
    let mut parser = Parser { rest: text.trim_start(), vars };
    let expr = parser.sum()?;
    if parser.rest.is_empty() { Ok(expr) } else { Err(format!("{text:?}: cannot read {:?}", parser.rest)) }
}

struct Parser<'a> {
    rest: &'a str,
    vars: &'a [&'a str],
}

impl<'a> Parser<'a> {
    /// Takes the token off the front if it stands there. `**` is another spelling of `^`, so that a star before a star is none.
    fn take(&mut self, token: &str) -> bool {
        if token == "*" && self.rest.starts_with("**") {
            return false;
        }
        match self.rest.strip_prefix(token) {
            Some(rest) => self.rest = rest.trim_start(),
            None => return false,
        }
        true
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }

    fn sum(&mut self) -> Result<Expr, String> {
        let mut left = self.product()?;
        loop {
            let op = if self.take("+") {
                "+"
            } else if self.take("-") {
                "-"
            } else {
                return Ok(left);
            };
            left = Expr::apply(op, vec![left, self.product()?])?;
        }
    }

    fn product(&mut self) -> Result<Expr, String> {
        let mut left = self.signed()?;
        loop {
            let op = if self.take("*") {
                "*"
            } else if self.take("/") {
                "/"
            } else {
                return Ok(left);
            };
            left = Expr::apply(op, vec![left, self.signed()?])?;
        }
    }

    fn signed(&mut self) -> Result<Expr, String> {
        if self.take("-") {
            return Expr::apply("neg", vec![self.signed()?]);
        }
        if self.take("+") {
            return self.signed();
        }
        let base = self.atom()?;
        if self.take("^") || self.take("**") {
            return Expr::apply("^", vec![base, self.signed()?]);
        }
        Ok(base)
    }

    fn atom(&mut self) -> Result<Expr, String> {
        if self.take("(") {
            let inner = self.sum()?;
            return if self.take(")") {
                Ok(inner)
            } else {
                Err(format!("no closing parenthesis before {:?}", self.rest))
            };
        }
        if self.rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return self.literal();
        }
        let name = self.word(|c| c.is_alphanumeric() || c == '_');
        if self.take("(") {
            let mut arguments = vec![self.sum()?];
            while self.take(",") {
                arguments.push(self.sum()?);
            }
            return if self.take(")") {
                Expr::apply(name, arguments)
            } else {
                Err(format!("{name}: no end of arguments"))
            };
        }
        if name.is_empty() {
            return Err(format!("an operand is missing before {:?}", self.rest));
        }
        Expr::name(name, self.vars)
    }

    /// Digits, a fraction, and an exponent if digits follow the e.
    fn literal(&mut self) -> Result<Expr, String> {
        let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut end = digits(self.rest);
        if let Some(exponent) = self.rest[end..].strip_prefix(['e', 'E']) {
            let sign = usize::from(exponent.starts_with(['+', '-']));
            if exponent[sign..].starts_with(|c: char| c.is_ascii_digit()) {
                end += 1 + sign + digits(&exponent[sign..]);
            }
        }
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        number.parse().map(Expr::Literal).map_err(|_| format!("{number:?} is no number"))
    }
}

#[test]
fn infix_binds_as_on_paper() {
    use crate::expression::eval;
    let cases = [
        ("-x^2", -9.0),
        ("2^3^2", 512.0),
        ("2 - 3 - 4", -5.0),
        ("12/3/2", 2.0),
        ("7/2*x", 10.5),
        ("-x*y + 1", -11.0),
        ("x^-1", 1.0 / 3.0),
        ("2*-x", -6.0),
        ("sqrt(y)*(x - 1)", 4.0),
        ("1.5e1 + x", 18.0),
        ("pi*E", std::f64::consts::PI * std::f64::consts::E),
        ("x**2", 9.0),
        ("-exp(-(x - 3))", -1.0),
        ("hypot(x, y) + maximum(x, y)", 9.0),
        ("Abs(-x)", 3.0),
    ];
    for (text, want) in cases {
        assert_eq!(eval(&parse(text, &["x", "y"]).unwrap(), &[3.0, 4.0]), want, "{text}");
    }
}

#[test]
fn infix_that_makes_no_sense_is_an_error() {
    for text in ["x +", "(x", "foo(x)", "u", "x y", "sin(x", "sin(x, y)", "hypot(x)", "", "1..2", "x ++"] {
        assert!(parse(text, &["x", "y"]).is_err(), "{text:?}");
    }
}
