//! Formulas of scalars: a tree, read from JSON or from infix text, evaluated on any kind of number.

use crate::elementwise::{binary, unary};
use crate::json::{Json, list, number, text};
use retrograd::{Number, Real};

/// A formula over numbered variables.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Literal(f64),
    Variable(usize),
    Call(String, Box<Expr>),
    Call2(String, Box<Expr>, Box<Expr>),
    Add(Box<Expr>, Box<Expr>),
    Sub(Box<Expr>, Box<Expr>),
    Mul(Box<Expr>, Box<Expr>),
    Div(Box<Expr>, Box<Expr>),
    Pow(Box<Expr>, Box<Expr>),
}

impl Expr {
    /// Reads nested lists `[op, args...]`; strings are variables, or the constants E and pi.
    pub fn from_tree(tree: &Json, vars: &[&str]) -> Result<Self, String> {
        let items = match tree {
            Json::String(name) => return Self::name(name, vars),
            Json::Array(items) => items,
            literal => return number(literal).map(Expr::Literal),
        };
        let (op, args) = items.split_first().ok_or("an empty list is no expression")?;
        let args = args.iter().map(|arg| Self::from_tree(arg, vars)).collect::<Result<Vec<_>, _>>()?;
        Self::apply(text(op)?, args)
    }

    /// An operator or function by name.
    pub fn apply(op: &str, args: Vec<Expr>) -> Result<Self, String> {
        let mut args = args.into_iter().map(Box::new);
        match (op, args.len(), args.next(), args.next()) {
            ("-" | "neg", 1, Some(x), _) => Ok(Expr::Call("neg".into(), x)),
            (op, 1, Some(x), _) if unary(op, 1.0).is_some() => Ok(Expr::Call(op.into(), x)),
            ("+", 2, Some(x), Some(y)) => Ok(Expr::Add(x, y)),
            ("-", 2, Some(x), Some(y)) => Ok(Expr::Sub(x, y)),
            ("*", 2, Some(x), Some(y)) => Ok(Expr::Mul(x, y)),
            ("/", 2, Some(x), Some(y)) => Ok(Expr::Div(x, y)),
            ("^", 2, Some(x), Some(y)) => Ok(Expr::Pow(x, y)),
            (op, 2, Some(x), Some(y)) if binary(op, 1.0, 1.0).is_some() => Ok(Expr::Call2(op.into(), x, y)),
            (op, n, ..) => Err(format!("unknown op {op} of {n} arguments")),
        }
    }

    /// A variable or a constant by name.
    pub fn name(name: &str, vars: &[&str]) -> Result<Self, String> {
        match vars.iter().position(|var| *var == name) {
            Some(i) => Ok(Expr::Variable(i)),
            None => match name {
                "E" | "e" => Ok(Expr::Literal(std::f64::consts::E)),
                "pi" => Ok(Expr::Literal(std::f64::consts::PI)),
                _ => Err(format!("unknown name {name}")),
            },
        }
    }

    /// The value where no variable occurs.
    fn constant(&self) -> Option<f64> {
        if self.varies() { None } else { Some(eval(self, &[])) }
    }

    fn varies(&self) -> bool {
        match self {
            Expr::Literal(_) => false,
            Expr::Variable(_) => true,
            Expr::Call(_, x) => x.varies(),
            Expr::Call2(_, x, y)
            | Expr::Add(x, y)
            | Expr::Sub(x, y)
            | Expr::Mul(x, y)
            | Expr::Div(x, y)
            | Expr::Pow(x, y) => x.varies() || y.varies(),
        }
    }
}

/// The formula's value. A literal on the right of an operator stays a plain number, so that those operators run too.
pub fn eval<S: Real>(expr: &Expr, x: &[S]) -> S {
    let literal = |expr: &Expr| if let Expr::Literal(c) = expr { Some(*c) } else { None };
    match expr {
        Expr::Literal(c) => S::lit(*c),
        Expr::Variable(i) => x[*i],
        Expr::Call(name, arg) => unary(name, eval(arg, x)).expect("checked when the expression was read"),
        Expr::Call2(name, a, b) => binary(name, eval(a, x), eval(b, x)).expect("checked when the expression was read"),
        Expr::Add(a, b) => literal(b).map_or_else(|| eval(a, x) + eval(b, x), |c| eval(a, x) + c),
        Expr::Sub(a, b) => literal(b).map_or_else(|| eval(a, x) - eval(b, x), |c| eval(a, x) - c),
        Expr::Mul(a, b) => literal(b).map_or_else(|| eval(a, x) * eval(b, x), |c| eval(a, x) * c),
        Expr::Div(a, b) => literal(b).map_or_else(|| eval(a, x) / eval(b, x), |c| eval(a, x) / c),
        Expr::Pow(a, b) => power(eval(a, x), b, x),
    }
}

fn power<S: Real>(base: S, exponent: &Expr, x: &[S]) -> S {
    match exponent.constant() {
        Some(n) if n.fract() == 0.0 && n.abs() < 1e9 => Number::powi(base, n as i32),
        Some(p) => Number::powf(base, p),
        None => base.pow(eval(exponent, x)),
    }
}

/// A list of names.
pub fn names(value: &Json) -> Result<Vec<&str>, String> {
    list(value)?.iter().map(text).collect()
}
