//! Formulas as trees, whatever they are written in.
//!
//! An op says how it looks by building one; who prints it as LaTeX, MathML or text (`explain::symbol`) knows nothing of ops. What is
//! read off a formula to decide on brackets and signs is asked of the tree, not of text.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2, LN_10, PI};

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

/// A formula, and how tightly it holds together.
pub type Formula = (Math, Bond);

/// A formula as a tree.
#[derive(Clone, Debug, PartialEq)]
pub enum Math {
    /// A number without a sign, in digits.
    Number(String),
    /// A name of one letter, in italics.
    Letter(char),
    /// A name of several characters, whatever they are, upright.
    Word(String),
    /// A function of the library by its name, upright.
    Function(String),
    /// A sign with a name of its own.
    Symbol(&'static Symbol),
    /// Bold, as a matrix of ones is.
    Bold(Box<Math>),
    /// Parts side by side: operands and what stands between them.
    Row(Vec<Math>),
    /// What stands between operands.
    Sign(Between),
    /// With a minus in front.
    Negative(Box<Math>),
    /// A function of what follows: brackets, or an operand without any.
    Apply(Box<[Math; 2]>),
    /// Numerator and denominator.
    Fraction(Box<[Math; 2]>),
    /// The square root, or the cube root.
    Root {
        /// Whether it is the cube root.
        cube: bool,
        /// Of what.
        of: Box<Math>,
    },
    /// Something below, something above, or both.
    Scripts {
        /// What they belong to.
        base: Box<Math>,
        /// An index.
        below: Option<Box<Math>>,
        /// A power, or what stands where powers do.
        above: Option<Box<Math>>,
    },
    /// The gradient by a name, which has a bar.
    Bar(Box<Math>),
    /// With a hat.
    Hat(Box<Math>),
    /// Between brackets, or other signs that come in twos.
    Fenced(Fence, Box<Math>),
    /// The first where the condition holds, and otherwise the second.
    Cases {
        /// The first.
        then: Box<Math>,
        /// The condition.
        condition: Box<Math>,
        /// The second.
        otherwise: Box<Math>,
    },
    /// Rows of a matrix.
    Matrix(Vec<Vec<Math>>),
}

/// A sign with a name.
#[derive(Debug, PartialEq)]
pub struct Symbol {
    /// In LaTeX.
    pub latex: &'static str,
    /// In Unicode.
    pub unicode: &'static str,
    /// In letters and signs of a keyboard.
    pub text: &'static str,
}

/// What stands between operands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Between {
    /// A sum.
    Plus,
    /// A difference.
    Minus,
    /// A product of numbers.
    Dot,
    /// A product element by element.
    Circle,
    /// A product where no sign is needed: of a number in digits, or with brackets.
    Beside,
    /// A product of a number and a tensor.
    Thin,
    /// A product of matrices.
    Matrix,
    /// Both hold.
    And,
    /// Equal, or a statement.
    Equal,
    /// Not equal.
    NotEqual,
    /// Below.
    Less,
    /// Above.
    Greater,
    /// Below or equal.
    LessEqual,
    /// Above or equal.
    GreaterEqual,
    /// Between arguments.
    Comma,
    /// Between the ends of a range.
    Colon,
}

/// Signs that come in twos.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fence {
    /// Round brackets.
    Round,
    /// Square brackets.
    Square,
    /// The absolute value.
    Bars,
    /// The norm.
    Norm,
    /// The largest integer not above.
    Floor,
    /// The smallest integer not below.
    Ceil,
}

macro_rules! symbols {
    ($($NAME:ident $latex:literal $unicode:literal $text:literal;)*) => {
        $(pub(crate) const $NAME: Math = Math::Symbol(&Symbol { latex: $latex, unicode: $unicode, text: $text });)*
    };
}
symbols! {
    SIN "\\sin" "sin" "sin";
    COS "\\cos" "cos" "cos";
    TAN "\\tan" "tan" "tan";
    ARCSIN "\\arcsin" "arcsin" "arcsin";
    ARCCOS "\\arccos" "arccos" "arccos";
    ARCTAN "\\arctan" "arctan" "arctan";
    SINH "\\sinh" "sinh" "sinh";
    COSH "\\cosh" "cosh" "cosh";
    TANH "\\tanh" "tanh" "tanh";
    LN "\\ln" "ln" "ln";
    LOG "\\log" "log" "log";
    MAX "\\max" "max" "max";
    MIN "\\min" "min" "min";
    DET "\\det" "det" "det";
    SIGMOID "\\sigma" "σ" "sigmoid";
    PDF "\\varphi" "φ" "normal_pdf";
    CDF "\\Phi" "Φ" "normal_cdf";
    GAMMA_FUNCTION "\\Gamma" "Γ" "gamma";
    DIGAMMA "\\psi" "ψ" "digamma";
    INFINITY "\\infty" "∞" "inf";
    PI_SIGN "\\pi" "π" "pi";
    TRANSPOSE "\\top" "⊤" "T";
}

/// The Greek letters that names are written with.
const GREEK: &[Symbol] = &[
    Symbol { latex: "\\alpha", unicode: "α", text: "alpha" },
    Symbol { latex: "\\beta", unicode: "β", text: "beta" },
    Symbol { latex: "\\gamma", unicode: "γ", text: "gamma" },
    Symbol { latex: "\\delta", unicode: "δ", text: "delta" },
    Symbol { latex: "\\epsilon", unicode: "ϵ", text: "epsilon" },
    Symbol { latex: "\\theta", unicode: "θ", text: "theta" },
    Symbol { latex: "\\lambda", unicode: "λ", text: "lambda" },
    Symbol { latex: "\\mu", unicode: "μ", text: "mu" },
    Symbol { latex: "\\nu", unicode: "ν", text: "nu" },
    Symbol { latex: "\\pi", unicode: "π", text: "pi" },
    Symbol { latex: "\\rho", unicode: "ρ", text: "rho" },
    Symbol { latex: "\\sigma", unicode: "σ", text: "sigma" },
    Symbol { latex: "\\phi", unicode: "ϕ", text: "phi" },
    Symbol { latex: "\\omega", unicode: "ω", text: "omega" },
];

impl Math {
    /// A name as it is given by users: a letter, a Greek letter, or a word.
    pub(crate) fn name(word: &str) -> Math {
        if let Some(letter) = GREEK.iter().find(|letter| letter.text == word) {
            return Math::Symbol(letter);
        }
        let mut letters = word.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) if letter.is_alphabetic() => Math::Letter(letter),
            _ => Math::Word(word.to_owned()),
        }
    }

    /// A whole number.
    pub(crate) fn integer(n: impl Into<i64>) -> Math {
        let n = n.into();
        let digits = Math::Number(n.unsigned_abs().to_string());
        if n < 0 { Math::Negative(Box::new(digits)) } else { digits }
    }

    /// A number: known constants by their names, fractions 1/n as fractions.
    pub(crate) fn number(x: f64) -> Math {
        if x < 0.0 {
            return Math::number(-x).negative();
        }
        let ln = |n| LN.of(Math::integer(n));
        let one_over = |below| Math::over(Math::integer(1), below);
        let pi = || PI_SIGN;
        let known: [(f64, &dyn Fn() -> Math); 8] = [
            (LN_2, &|| ln(2)),
            (1.0 / LN_2, &|| one_over(ln(2))),
            (LN_10, &|| ln(10)),
            (1.0 / LN_10, &|| one_over(ln(10))),
            (FRAC_2_SQRT_PI, &|| Math::over(Math::integer(2), pi().root())),
            (FRAC_1_SQRT_2, &|| one_over(Math::integer(2).root())),
            ((1.0 / (2.0 * PI)).sqrt(), &|| one_over(Math::row(Math::integer(2), Between::Beside, pi()).root())),
            (PI, &|| pi()),
        ];
        if let Some((_, name)) = known.iter().find(|(value, _)| (value - x).abs() <= 1e-15) {
            return name();
        }
        if x.is_infinite() {
            return INFINITY;
        }
        let n = (1.0 / x).round();
        if (2.0..=1e6).contains(&n) && x == 1.0 / n {
            return one_over(Math::Number(n.to_string()));
        }
        let plain = format!("{x}");
        if plain.len() <= 12 {
            return Math::Number(plain);
        }
        let text = format!("{x:e}");
        match text.split_once('e') {
            Some((mantissa, "0")) => Math::Number(mantissa.to_owned()),
            Some((mantissa, exponent)) => match exponent.parse::<i64>() {
                Ok(power) if !(-4..6).contains(&power) => {
                    let ten = Math::integer(10).above(Math::integer(power));
                    Math::row(Math::Number(mantissa.to_owned()), Between::Dot, ten)
                }
                _ => Math::Number(plain),
            },
            None => Math::Number(plain),
        }
    }

    /// A function by its name.
    pub(crate) fn function(name: &str) -> Math {
        Math::Function(name.to_owned())
    }

    /// Two operands with a sign between them.
    pub(crate) fn row(x: Math, sign: Between, y: Math) -> Math {
        Math::Row(vec![x, Math::Sign(sign), y])
    }

    /// Operands with this sign between them.
    pub(crate) fn list(parts: impl IntoIterator<Item = Math>, sign: Between) -> Math {
        let mut row = Vec::new();
        for part in parts {
            if !row.is_empty() {
                row.push(Math::Sign(sign));
            }
            row.push(part);
        }
        if row.len() == 1 { row.swap_remove(0) } else { Math::Row(row) }
    }

    /// x over y.
    pub(crate) fn over(x: Math, y: Math) -> Math {
        Math::Fraction(Box::new([x, y]))
    }

    /// This function of an operand: in brackets, or of what stands bare.
    pub(crate) fn of(self, argument: Math) -> Math {
        Math::Apply(Box::new([self, argument]))
    }

    /// This function of what is put between round brackets.
    pub(crate) fn call(self, arguments: Math) -> Math {
        self.of(arguments.within(Fence::Round))
    }

    /// Between these.
    pub(crate) fn within(self, fence: Fence) -> Math {
        Math::Fenced(fence, Box::new(self))
    }

    /// With a minus in front.
    pub(crate) fn negative(self) -> Math {
        Math::Negative(Box::new(self))
    }

    /// The square root.
    pub(crate) fn root(self) -> Math {
        Math::Root { cube: false, of: Box::new(self) }
    }

    /// With this above, as a power stands.
    pub(crate) fn above(self, above: Math) -> Math {
        match self {
            Math::Scripts { base, below, above: None } => Math::Scripts { base, below, above: Some(Box::new(above)) },
            base => Math::Scripts { base: Box::new(base), below: None, above: Some(Box::new(above)) },
        }
    }

    /// With this below, as an index stands.
    pub(crate) fn below(self, below: Math) -> Math {
        match self {
            Math::Scripts { base, below: None, above } => Math::Scripts { base, below: Some(Box::new(below)), above },
            base => Math::Scripts { base: Box::new(base), below: Some(Box::new(below)), above: None },
        }
    }

    /// Whether something stands above it.
    pub(crate) fn is_raised(&self) -> bool {
        matches!(self, Math::Scripts { above: Some(_), .. })
    }

    /// What is without the minus that it begins with; nothing where it has none.
    pub(crate) fn without_minus(&self) -> Option<Math> {
        match self {
            Math::Negative(inner) => Some((**inner).clone()),
            Math::Row(parts) => {
                let first = parts.first()?.without_minus()?;
                let mut parts = parts.clone();
                parts[0] = first;
                Some(Math::Row(parts))
            }
            _ => None,
        }
    }

    /// What it begins with, as it is read.
    pub(crate) fn first(&self) -> &Math {
        match self {
            Math::Row(parts) => parts.first().map_or(self, Math::first),
            Math::Scripts { base, .. } => base.first(),
            Math::Apply(parts) => parts[0].first(),
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_greek_letters_or_words() {
        assert_eq!(Math::name("x"), Math::Letter('x'));
        assert!(matches!(Math::name("lambda"), Math::Symbol(letter) if letter.unicode == "λ"));
        assert_eq!(Math::name("loss"), Math::Word("loss".into()));
        assert_eq!(Math::name("1"), Math::Word("1".into()));
    }

    #[test]
    fn a_minus_in_front_is_found_in_a_row() {
        let row = Math::row(Math::integer(-2), Between::Beside, Math::Letter('x'));
        assert_eq!(row.without_minus(), Some(Math::row(Math::integer(2), Between::Beside, Math::Letter('x'))));
        assert_eq!(Math::Letter('x').without_minus(), None);
    }
}
