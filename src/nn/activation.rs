//! Elementwise functions as layers: every one-argument op of the registry.

use super::{Ending, Layer, Params, Pass};
use crate::for_each_unary;
use crate::{Element, Error, Result, Tensor, Var};
use serde_json::{Value as Json, json};
use std::fmt;
use std::str::FromStr;

/// A parameter of a function, as a number of a configuration.
trait Parameter: Copy {
    fn number(self) -> f64;
    fn of(number: f64) -> Option<Self>;
}
impl Parameter for f64 {
    fn number(self) -> f64 {
        self
    }
    fn of(number: f64) -> Option<Self> {
        number.is_finite().then_some(number)
    }
}
macro_rules! whole {
    ($($t:ty),*) => {$(
        impl Parameter for $t {
            fn number(self) -> f64 {
                self as f64
            }
            fn of(number: f64) -> Option<Self> {
                let whole = number as $t;
                (whole as f64 == number).then_some(whole)
            }
        }
    )*};
}
whole!(i32, u32);

macro_rules! activations {
    ($($(#[$doc:meta])* $method:ident $(($($arg:ident : $ty:ty),+))? => $Op:ident;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq)]
        enum Function {
            $($Op $({ $($arg: $ty),+ })?,)*
        }

        /// An elementwise function as a layer; the shape stays.
        ///
        /// There is one constructor for every one-argument op that variables have; [`Activation::named`] and parsing take the
        /// same names.
        ///
        /// # Examples
        /// ```
        /// use retrograd::nn::Activation;
        /// assert_eq!("leaky_relu(0.1)".parse(), Ok(Activation::leaky_relu(0.1)));
        /// assert_eq!(Activation::gelu().to_string(), "gelu");
        /// let error = "leaky_relu".parse::<Activation>().unwrap_err();
        /// assert_eq!(error.to_string(), "activation: leaky_relu takes (slope), got 0 parameters");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct Activation {
            function: Function,
        }

        impl Activation {
            $(
                $(#[$doc])*
                pub const fn $method($($($arg: $ty),+)?) -> Self {
                    Self { function: Function::$Op $({ $($arg),+ })? }
                }
            )*

            /// The names of all functions.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($method)),*];

            /// The function's name, as of its constructor.
            pub fn name(&self) -> &'static str {
                match self.function { $(Function::$Op $({ $($arg: _),+ })? => stringify!($method),)* }
            }

            /// The function's parameters.
            pub fn parameters(&self) -> Vec<f64> {
                match self.function {
                    $(Function::$Op $({ $($arg),+ })? => vec![$($(Parameter::number($arg)),+)?],)*
                }
            }

            /// The function of a name with its parameters.
            ///
            /// # Errors
            /// No function has this name; it takes other parameters.
            pub fn named(name: &str, parameters: &[f64]) -> Result<Self> {
                match name {
                    $(stringify!($method) => {
                        let names: &[&str] = &[$($(stringify!($arg)),+)?];
                        if names.len() != parameters.len() {
                            return Err(wrong_number(name, names, parameters.len()));
                        }
                        let mut numbers = parameters.iter().copied();
                        $($(let $arg: $ty = next(name, stringify!($arg), &mut numbers)?;)+)?
                        let rest = numbers.next();
                        debug_assert!(rest.is_none());
                        Ok(Self::$method($($($arg),+)?))
                    })*
                    _ => Err(Error::argument(format!(
                        "activation: there is no function {name:?}; there are {}",
                        Self::NAMES.join(", ")
                    ))),
                }
            }

            fn of_var<'t, T: Element>(self, x: Var<'t, T>) -> Var<'t, T> {
                match self.function { $(Function::$Op $({ $($arg),+ })? => x.$method($($($arg),+)?),)* }
            }

            fn of_tensor<T: Element>(self, x: &Tensor<T>) -> Tensor<T> {
                match self.function { $(Function::$Op $({ $($arg),+ })? => activations!(@tensor x $method $($($arg),+)?),)* }
            }
        }
    };
    (@tensor $x:ident neg) => { -$x };
    (@tensor $x:ident $method:ident $($arg:ident),*) => { $x.$method($($arg),*) };
}
for_each_unary!(activations);

impl Activation {
    /// What its values are bounded by.
    #[inline(never)]
    fn bounds(self) -> Ending {
        Ending::of_function(|x| self.of_tensor(&Tensor::<f64>::scalar(x)).item())
    }
}

fn wrong_number(name: &str, names: &[&str], got: usize) -> Error {
    let wanted = if names.is_empty() { "no parameters".to_owned() } else { format!("({})", names.join(", ")) };
    Error::argument(format!("activation: {name} takes {wanted}, got {got} parameters"))
}

/// The next parameter, which the caller has counted.
fn next<P: Parameter>(name: &str, parameter: &str, numbers: &mut impl Iterator<Item = f64>) -> Result<P> {
    let number = numbers.next().unwrap_or(f64::NAN);
    P::of(number).ok_or_else(|| Error::argument(format!("activation: {name}'s {parameter} cannot be {number}")))
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let numbers: Vec<String> = self.parameters().iter().map(f64::to_string).collect();
        if numbers.is_empty() { Ok(()) } else { write!(f, "({})", numbers.join(", ")) }
    }
}

impl FromStr for Activation {
    type Err = Error;
    /// The function of a text such as `relu` or `clamp(-1, 1)`.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let (name, rest) = text.split_once('(').unwrap_or((text, ")"));
        let numbers = rest.strip_suffix(')').map(|list| list.split(',').map(str::trim).filter(|n| !n.is_empty()));
        let numbers: Option<Vec<f64>> = numbers.and_then(|list| list.map(|number| number.parse().ok()).collect());
        match numbers {
            Some(numbers) => Self::named(name.trim(), &numbers),
            None => Err(Error::argument(format!("activation: {text:?} is not of the form name(number, ...)"))),
        }
    }
}

impl<T: Element> Layer<T> for Activation {
    fn kind(&self) -> &'static str {
        self.name()
    }
    fn describe(&self) -> String {
        self.to_string()
    }
    fn ending(&self) -> Ending {
        self.bounds()
    }
    #[inline(never)]
    fn forward<'t>(&self, x: Var<'t, T>, _: &Pass<'t, T>) -> Var<'t, T> {
        self.of_var(x)
    }
    #[inline(never)]
    fn predict(&self, x: &Tensor<T>, _: &Params<T>) -> Tensor<T> {
        self.of_tensor(x)
    }
    #[inline(never)]
    fn config(&self) -> Option<Json> {
        Some(json!({ "parameters": self.parameters() }))
    }
}

/// e^x / sum e^x along the last axis, so that an example's outputs add up to 1; the shape stays. Stable.
///
/// # Examples
/// ```
/// use retrograd::nn::{Model, Softmax};
/// let model = Model::<f64>::new(Softmax, 3, 0)?;
/// let y = model.predict_one(&[1000.0, 1000.0, 0.0])?;
/// assert_eq!(y, [0.5, 0.5, 0.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Softmax;

impl<T: Element> Layer<T> for Softmax {
    fn kind(&self) -> &'static str {
        "softmax"
    }
    fn ending(&self) -> Ending {
        Ending::Probabilities
    }
    #[inline(never)]
    fn forward<'t>(&self, x: Var<'t, T>, _: &Pass<'t, T>) -> Var<'t, T> {
        x.softmax(-1)
    }
    #[inline(never)]
    fn predict(&self, x: &Tensor<T>, _: &Params<T>) -> Tensor<T> {
        x.softmax(-1)
    }
    #[inline(never)]
    fn config(&self) -> Option<Json> {
        Some(json!({}))
    }
}

/// x - logsumexp(x) along the last axis: the logarithm of [`Softmax`]; the shape stays. Stable.
///
/// # Examples
/// ```
/// use retrograd::nn::{LogSoftmax, Model};
/// let model = Model::<f64>::new(LogSoftmax, 2, 0)?;
/// let y = model.predict_one(&[0.0, 1000.0])?;
/// assert_eq!(y, [-1000.0, 0.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogSoftmax;

impl<T: Element> Layer<T> for LogSoftmax {
    fn kind(&self) -> &'static str {
        "log_softmax"
    }
    fn ending(&self) -> Ending {
        Ending::LogProbabilities
    }
    #[inline(never)]
    fn forward<'t>(&self, x: Var<'t, T>, _: &Pass<'t, T>) -> Var<'t, T> {
        x.log_softmax(-1)
    }
    #[inline(never)]
    fn predict(&self, x: &Tensor<T>, _: &Params<T>) -> Tensor<T> {
        x.log_softmax(-1)
    }
    #[inline(never)]
    fn config(&self) -> Option<Json> {
        Some(json!({}))
    }
}
