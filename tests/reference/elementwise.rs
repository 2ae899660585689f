//! Elementwise ops by name, generic over the number, so that variables, plain numbers and dual numbers run the same line.

use crate::json::{Json, integer, number};
use retrograd::Number;

macro_rules! unary_by_name {
    ($($($name:literal)|+ => $method:ident;)*) => {
        /// A function of one argument without parameters, by its name or the registry's.
        pub fn unary<S: Number>(name: &str, x: S) -> Option<S> {
            Some(match name {
                $($($name)|+ => Number::$method(x),)*
                _ => return None,
            })
        }
    };
}
unary_by_name! {
    "neg" => neg; "abs" | "Abs" => abs; "sign" => sign; "square" => square; "sqrt" => sqrt; "rsqrt" => rsqrt; "cbrt" => cbrt;
    "reciprocal" => reciprocal; "exp" => exp; "exp2" => exp2; "expm1" => expm1; "log" | "ln" => ln; "log2" => log2;
    "log10" => log10; "log1p" => log1p; "sin" => sin; "cos" => cos; "tan" => tan; "asin" => asin; "acos" => acos;
    "atan" => atan; "sinh" => sinh; "cosh" => cosh; "tanh" => tanh; "asinh" => asinh; "acosh" => acosh; "atanh" => atanh;
    "erf" => erf; "erfc" => erfc; "lgamma" => lgamma; "digamma" => digamma; "sigmoid" => sigmoid;
    "log_sigmoid" => log_sigmoid; "softplus" => softplus; "relu" => relu; "relu6" => relu6; "selu" => selu;
    "gelu_erf" | "gelu" => gelu; "gelu_tanh" => gelu_tanh; "silu" => silu; "mish" => mish; "softsign" => softsign;
    "hard_tanh" => hard_tanh; "hard_sigmoid" => hard_sigmoid; "sinc" => sinc; "floor" => floor; "ceil" => ceil;
    "round" => round;
}

macro_rules! binary_by_name {
    ($($($name:literal)|+ => $method:ident;)*) => {
        /// A function of two arguments by its name.
        pub fn binary<S: Number>(name: &str, x: S, y: S) -> Option<S> {
            Some(match name {
                "add" => x + y,
                "sub" => x - y,
                "mul" => x * y,
                "div" => x / y,
                $($($name)|+ => Number::$method(x, y),)*
                _ => return None,
            })
        }
    };
}
binary_by_name! {
    "power" | "pow" => pow; "atan2" => atan2; "hypot" => hypot; "maximum" => maximum; "minimum" => minimum;
    "logaddexp" => logaddexp; "xlogy" => xlogy;
}

/// Any elementwise op of ops.json: nothing where the name is of no such op, an error where its parameters are not there.
pub fn elementwise<S: Number>(name: &str, params: &Json, x: &[S]) -> Result<Option<S>, String> {
    if let [x, y] = *x {
        return Ok(binary(name, x, y));
    }
    let [x] = *x else { return Ok(None) };
    let same = x;
    let parameter = |key: &str| number(&params[key]).map_err(|error| format!("{name}: {key}: {error}"));
    let degree = || integer(&params["n"]).map_err(|error| format!("{name}: n: {error}"));
    Ok(Some(match name {
        "leaky_relu" => x.leaky_relu(parameter("a")?),
        "elu" => x.elu(parameter("a")?),
        "celu" => x.celu(parameter("a")?),
        "powi" => x.powi(i32::try_from(degree()?).map_err(|error| error.to_string())?),
        "polygamma" => x.polygamma(u32::try_from(degree()?).map_err(|error| error.to_string())?),
        "powf" => x.powf(parameter("p")?),
        "clip" | "clamp" => x.clamp(parameter("lo")?, parameter("hi")?),
        "add_self" => x + x,
        "sub_self" => x - same,
        "mul_self" => x * x,
        "div_self" => x / same,
        // No inner mask: the infinite slope of the side that is not chosen must not leak.
        "where_unsafe" => x.greater(S::lit(0.0)).select(x.ln(), S::lit(0.0)),
        "chain50" => (0..50).fold(x, |y, _| y.sin()),
        "fan_doubling" => (0..30).fold(x, |y, _| (y + y) / S::lit(2.0)),
        "log_exp" => x.exp().ln(),
        "newton_sqrt" => (0..4).fold(S::lit(1.0), |y, _| (y + x / y) / S::lit(2.0)),
        "constant_branch" => x * S::lit(0.0) + S::lit(5.0),
        "diamond" => {
            let a = x.sin();
            let b = a.exp();
            b * (a * a) + a
        }
        _ => return Ok(unary(name, x)),
    }))
}
