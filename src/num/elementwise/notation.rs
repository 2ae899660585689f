//! How ops are written: as LaTeX, and as Rust that depends on nothing but `std`.
//!
//! An op says it beside its value and rule, by [`Unary::latex`](super::Unary::latex), [`Unary::rust`](super::Unary::rust) and
//! their like. Whoever writes formulas (`explain`) asks, and knows only what depends on the text around: brackets, and signs.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2, LN_10, PI};
use std::fmt::Display;

/// How tightly a formula holds together, loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bond {
    /// Terms, or a sign in front.
    Sum,
    /// Factors, or a function's name without brackets.
    Product,
    /// What needs no brackets anywhere.
    Whole,
}

/// An op of one argument as LaTeX.
#[derive(Clone, Debug)]
pub enum Latex {
    /// `before`, the argument, `after`.
    Around {
        /// What stands in front of the argument.
        before: String,
        /// An argument that holds less tightly gets brackets.
        argument: Bond,
        /// What stands behind it.
        after: &'static str,
        /// How tightly all of it holds.
        bond: Bond,
    },
    /// The argument to this power.
    Power(String),
}

impl Latex {
    /// The argument between two signs that say where it ends.
    pub(crate) fn around(before: &str, after: &'static str) -> Latex {
        Latex::Around { before: before.to_owned(), argument: Bond::Sum, after, bond: Bond::Whole }
    }

    /// A function of that name, its argument in brackets.
    pub(crate) fn function(name: impl Display) -> Latex {
        Latex::around(&format!("{name}\\left("), "\\right)")
    }

    /// The logarithm of such a function: what is beside it would be taken for a part of it.
    pub(crate) fn logarithm_of(name: &str) -> Latex {
        match Latex::function(format!("\\ln {name}")) {
            Latex::Around { before, argument, after, .. } => {
                Latex::Around { before, argument, after, bond: Bond::Product }
            }
            power => power,
        }
    }

    /// A sign or name that takes what follows without brackets, as far as it holds together.
    pub(crate) fn prefix(before: &str, argument: Bond, bond: Bond) -> Latex {
        Latex::Around { before: before.to_owned(), argument, after: "", bond }
    }
}

/// A formula as LaTeX, and how tightly it holds together.
pub type Formula = (String, Bond);

/// What an op of several arguments is written with: its arguments, and what their own text decides.
pub trait Arguments {
    /// Argument `i`, in brackets where it holds less tightly.
    fn at(&self, i: usize, least: Bond) -> String;
    /// Argument `i` as it is.
    fn plain(&self, i: usize) -> Formula;
    /// Argument `i` as a factor of a product of matrices: where one number is everywhere, times a matrix of ones.
    fn matrix(&self, i: usize) -> String {
        self.at(i, Bond::Whole)
    }
    /// Argument `i` with this above, in brackets where it has something there already: a transpose, an inverse.
    fn raised(&self, i: usize, above: &str) -> String {
        let text = self.matrix(i);
        // What stands above an expression in brackets is behind them.
        let has_one = text.rsplit("\\right").next().is_some_and(|end| end.contains('^'));
        if has_one { format!("\\left({text}\\right)^{{{above}}}") } else { format!("{text}^{{{above}}}") }
    }
    /// Argument `i` to this power.
    fn power(&self, i: usize, exponent: &str) -> String;
    /// All of them in brackets behind a name.
    fn call(&self, name: &str) -> String;
    /// x + y.
    fn sum(&self) -> Formula;
    /// x - y.
    fn difference(&self) -> Formula;
    /// x y: with a dot, a circle, or nothing between.
    fn product(&self) -> Formula;
    /// x over y.
    fn quotient(&self) -> Formula;
    /// Whether x and y stand to each other in this way, as a number.
    fn relation(&self, sign: &str) -> Formula;
}

/// An op of one argument as Rust.
#[derive(Clone, Debug)]
pub enum Rust {
    /// -x.
    Negated,
    /// An integer power.
    Power(i32),
    /// 1 over the argument, or over what this method makes of it.
    Reciprocal(Option<&'static str>),
    /// A method of `f32` and `f64`, and its arguments.
    Method(&'static str, Vec<f64>),
    /// A function that is printed with what calls it, and its arguments after the first.
    Function(&'static RustFunction, Vec<f64>),
    /// As its expansion says; without one, there is none.
    Expansion,
}

impl Rust {
    /// A method without arguments.
    pub(crate) fn method(name: &'static str) -> Rust {
        Rust::Method(name, Vec::new())
    }

    /// A function of the op's argument alone.
    pub(crate) fn function(function: &'static RustFunction) -> Rust {
        Rust::Function(function, Vec::new())
    }
}

/// An op of two arguments as Rust.
#[derive(Clone, Copy, Debug)]
pub enum RustPair {
    /// + or -, or * or /, between the arguments.
    Sign(&'static str),
    /// The same; where the second argument may not be finite, a function that keeps a zero a zero.
    Guarded {
        /// * or /.
        sign: &'static str,
        /// What keeps zeros.
        function: &'static RustFunction,
    },
    /// A comparison with this sign, as a number.
    Relation(&'static str),
    /// A method of the first argument.
    Method(&'static str),
    /// A function that is printed with what calls it.
    Function(&'static RustFunction),
}

/// A function that generated source calls.
#[derive(Debug)]
pub struct RustFunction {
    /// Its name.
    pub name: &'static str,
    /// The names of the functions that it calls itself.
    pub calls: &'static [&'static str],
    /// Its text in double precision; `f64` becomes `f32` where numbers are such.
    pub text: &'static str,
}

/// A name in upright letters.
pub(crate) fn operator(name: &str) -> String {
    format!("\\operatorname{{{}}}", name.replace('_', "\\_"))
}

/// A number as it is written: known constants by their names, fractions 1/n as fractions.
pub(crate) fn number(x: f64) -> String {
    if x < 0.0 {
        return format!("-{}", number(-x));
    }
    let known = [
        (LN_2, "\\ln 2"),
        (1.0 / LN_2, "\\frac{1}{\\ln 2}"),
        (LN_10, "\\ln 10"),
        (1.0 / LN_10, "\\frac{1}{\\ln 10}"),
        (FRAC_2_SQRT_PI, "\\frac{2}{\\sqrt{\\pi}}"),
        (FRAC_1_SQRT_2, "\\frac{1}{\\sqrt{2}}"),
        ((1.0 / (2.0 * PI)).sqrt(), "\\frac{1}{\\sqrt{2 \\pi}}"),
        (PI, "\\pi"),
    ];
    if let Some((_, name)) = known.iter().find(|(value, _)| (value - x).abs() <= 1e-15) {
        return (*name).to_owned();
    }
    if x.is_infinite() {
        return "\\infty".to_owned();
    }
    let n = (1.0 / x).round();
    if (2.0..=1e6).contains(&n) && x == 1.0 / n {
        return format!("\\frac{{1}}{{{n}}}");
    }
    let plain = format!("{x}");
    if plain.len() <= 12 {
        return plain;
    }
    let text = format!("{x:e}");
    match text.split_once('e') {
        Some((mantissa, "0")) => mantissa.to_owned(),
        Some((mantissa, exponent)) if !(-4..6).contains(&exponent.parse::<i32>().unwrap_or(0)) => {
            format!("{mantissa} \\cdot 10^{{{exponent}}}")
        }
        _ => plain,
    }
}
