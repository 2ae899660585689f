//! How ops are written: as formulas ([`Math`]), and as Rust that depends on nothing but `std`.
//!
//! An op says it beside its value and rule, by [`Unary::formula`](super::Unary::formula), [`Unary::rust`](super::Unary::rust) and
//! their like. Whoever writes formulas (`explain`) asks, and knows only what depends on what stands around: brackets, and signs.

use super::formula::{Between, Bond, Fence, Formula, LN, Math};

/// What an op is written with: its arguments, and what they decide themselves.
pub trait Arguments {
    /// Argument `i`, in brackets where it holds less tightly.
    fn at(&self, i: usize, least: Bond) -> Math;
    /// Argument `i` as it is.
    fn plain(&self, i: usize) -> Formula;
    /// Argument `i` as a factor of a product of matrices: where one number is everywhere, times a matrix of ones.
    fn matrix(&self, i: usize) -> Math {
        self.at(i, Bond::Whole)
    }
    /// Argument `i` with this above, in brackets where it has something there already: a transpose, an inverse.
    fn raised(&self, i: usize, above: Math) -> Math {
        let matrix = self.matrix(i);
        if matrix.is_raised() { matrix.within(Fence::Round).above(above) } else { matrix.above(above) }
    }
    /// Argument `i` to this power.
    fn power(&self, i: usize, exponent: Math) -> Math;
    /// All of them in brackets behind a function.
    fn call(&self, function: Math) -> Math;
    /// x + y.
    fn sum(&self) -> Formula;
    /// x - y.
    fn difference(&self) -> Formula;
    /// x y: with a dot, a circle, or nothing between.
    fn product(&self) -> Formula;
    /// x over y.
    fn quotient(&self) -> Formula;
    /// Whether x and y stand to each other in this way, as a number.
    fn relation(&self, sign: Between) -> Formula;

    /// A function of all arguments, in brackets.
    fn function(&self, function: Math) -> Formula {
        (self.call(function), Bond::Whole)
    }
    /// The logarithm of such a function: what is beside it would be taken for a part of it.
    fn logarithm_of(&self, function: Math) -> Formula {
        (LN.of(self.call(function)), Bond::Product)
    }
    /// A function of the first argument, without brackets where it holds together.
    fn prefixed(&self, function: Math) -> Formula {
        let argument = self.at(0, Bond::Whole);
        // Beside a bare name, a power of brackets would be read as one of the function.
        let bracketed = argument.is_raised() && matches!(argument.first(), Math::Fenced(..));
        let argument = if bracketed { argument.within(Fence::Round) } else { argument };
        (function.of(argument), Bond::Product)
    }
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
