//! The list of ops. Adding an elementwise op is one file with its rule and one line here.
//!
//! A line gives the documentation, the method, its parameters and the op. From it come the enum variant and its
//! dispatch, the methods on numbers, variables and tensors, and the op's rows in the table-driven tests.

/// Calls a macro with the list of one-argument elementwise ops: for each its documentation, the method, its parameters and the
/// op, as in the example.
///
/// # Examples
/// ```
/// macro_rules! names {
///     ($($(#[$doc:meta])* $method:ident $(($($arg:ident : $ty:ty),+))? => $Op:ident;)*) => {
///         [$((stringify!($method), &[$($(stringify!($arg)),+)?] as &[&str])),*]
///     };
/// }
/// let names = retrograd::for_each_unary!(names);
/// assert!(names.contains(&("tanh", &[])));
/// assert!(names.contains(&("clamp", &["lo", "hi"])));
/// ```
#[macro_export]
macro_rules! for_each_unary {
    ($callback:ident) => {
        $callback! {
            /// -x. Derivative -1.
            neg => Neg;
            /// |x|. Derivative sign(x), 0 at 0.
            abs => Abs;
            /// -1, 0 or 1. Derivative 0.
            sign => Sign;
            /// x^2. Derivative 2 x.
            square => Square;
            /// Square root, NaN below 0. Derivative 1 / (2 sqrt(x)), infinite at 0.
            sqrt => Sqrt;
            /// 1 / sqrt(x). Derivative -1/2 x^(-3/2).
            rsqrt => Rsqrt;
            /// Real cube root. Derivative 1 / (3 cbrt(x)^2), infinite at 0.
            cbrt => Cbrt;
            /// 1 / x. Derivative -1 / x^2.
            reciprocal => Reciprocal;
            /// x^n for an integer n. Derivative n x^(n-1), and 0 for n = 0.
            powi(n: i32) => Powi;
            /// x^p for a constant p. Derivative p x^(p-1), and 0 for p = 0.
            powf(p: f64) => Powf;
            /// e^x. Derivative e^x.
            exp => Exp;
            /// 2^x. Derivative ln(2) 2^x.
            exp2 => Exp2;
            /// e^x - 1, accurate near 0. Derivative e^x.
            expm1 => Expm1;
            /// Natural logarithm, NaN below 0. Derivative 1 / x.
            ln => Ln;
            /// Logarithm to base 2. Derivative 1 / (x ln 2).
            log2 => Log2;
            /// Logarithm to base 10. Derivative 1 / (x ln 10).
            log10 => Log10;
            /// ln(1 + x), accurate near 0. Derivative 1 / (1 + x).
            log1p => Log1p;
            /// Sine of an angle in radians. Derivative cos(x).
            sin => Sin;
            /// Cosine of an angle in radians. Derivative -sin(x).
            cos => Cos;
            /// Tangent of an angle in radians. Derivative 1 + tan(x)^2.
            tan => Tan;
            /// Inverse sine, in [-pi/2, pi/2]. Derivative 1 / sqrt(1 - x^2), infinite at -1 and 1.
            asin => Asin;
            /// Inverse cosine, in [0, pi]. Derivative -1 / sqrt(1 - x^2).
            acos => Acos;
            /// Inverse tangent, in (-pi/2, pi/2). Derivative 1 / (1 + x^2).
            atan => Atan;
            /// Hyperbolic sine. Derivative cosh(x).
            sinh => Sinh;
            /// Hyperbolic cosine. Derivative sinh(x).
            cosh => Cosh;
            /// Hyperbolic tangent. Derivative 1 - tanh(x)^2.
            tanh => Tanh;
            /// ln cosh(x), without overflow; x^2/2 near 0, |x| - ln 2 far out. Derivative tanh(x). Error at most 3 ulp.
            log_cosh => LogCosh;
            /// Inverse hyperbolic sine. Derivative 1 / sqrt(x^2 + 1).
            asinh => Asinh;
            /// Inverse hyperbolic cosine, NaN below 1. Derivative 1 / sqrt(x^2 - 1).
            acosh => Acosh;
            /// Inverse hyperbolic tangent, NaN outside [-1, 1]. Derivative 1 / (1 - x^2).
            atanh => Atanh;
            /// Error function, 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x. Derivative 2/sqrt(pi) e^(-x^2).
            erf => Erf;
            /// 1 - erf(x) without cancellation. Derivative -2/sqrt(pi) e^(-x^2).
            ///
            /// `x.erfc().ln()` is differentiated past erfc, so that it has its derivative wherever it has a value; with something between
            /// the two it has not: write `x.erfc().ln() + 0.5_f64.ln()` in place of `(x.erfc() * 0.5).ln()`, or take `log_normal_cdf`.
            erfc => Erfc;
            /// Inverse of erf: the y with erf(y) = x; infinite at -1 and 1, NaN beyond. Derivative sqrt(pi)/2 e^(y^2).
            /// Error at most 2 ulp; the derivative, of a rounded y, has 2 y^2 + 2.
            erfinv => Erfinv;
            /// e^(x^2) erfc(x), the scaled complementary error function: 1 / (sqrt(pi) x) far above 0, infinite from where
            /// 2 e^(x^2) is no number below it. Derivative 2 x y - 2/sqrt(pi), without the cancellation of that difference:
            /// erfcx_derivative(1, x). Error at most 3 ulp.
            /// Source: Shepherd & Laframboise, Math. Comp. 36 (1981).
            erfcx => Erfcx;
            /// The n-th derivative of erfcx; NaN from the 1001st on. Derivative erfcx_derivative(n + 1, x).
            /// Error at most 5 ulp up to n = 3. Source: Gautschi, SIAM Review 9 (1967).
            erfcx_derivative(n: u32) => ErfcxDerivative;
            /// The standard normal density phi(x) = e^(-x^2/2) / sqrt(2 pi). Derivative -x y. Error at most 4 ulp, down to the
            /// subnormal numbers.
            normal_pdf => NormalPdf;
            /// The standard normal distribution function Phi(x) = erfc(-x / sqrt(2)) / 2. Derivative normal_pdf(x).
            /// Error at most 4 ulp, in both tails, down to the subnormal numbers.
            normal_cdf => NormalCdf;
            /// ln Phi(x), the logarithm of the normal distribution function: -x^2/2 - ln(-x) - ln(2 pi)/2 far below 0.
            /// Derivative e^(-x^2/2 - y) / sqrt(2 pi), as sqrt(2/pi) / erfcx(-x / sqrt(2)), which does not cancel: -x far below 0.
            /// Error at most 4 ulp; the first two derivatives have 5 below 0, x^2/2 + 5 above, the third x^2 far below 0.
            log_normal_cdf => LogNormalCdf;
            /// ln |Gamma(x)|. Derivative digamma(x).
            lgamma => Lgamma;
            /// Gamma'(x) / Gamma(x). Derivative polygamma(1, x).
            digamma => Digamma;
            /// The n-th derivative of digamma. Derivative polygamma(n + 1, x).
            polygamma(n: u32) => Polygamma;
            /// The logistic function 1 / (1 + e^-x). Derivative y (1 - y).
            sigmoid => Sigmoid;
            /// ln(x / (1 - x)), the inverse of sigmoid, accurate near 1/2 too; infinite at 0 and 1, NaN outside. Derivative
            /// 1 / (x (1 - x)). Error at most 2 ulp.
            logit => Logit;
            /// ln sigmoid(x), stable for any x. Derivative sigmoid(-x).
            log_sigmoid => LogSigmoid;
            /// ln(1 + e^x), stable for any x. Derivative sigmoid(x).
            softplus => Softplus;
            /// max(x, 0). Derivative 1 above 0, else 0.
            relu => Relu;
            /// x above 0, else slope x. Derivative 1 above 0, else slope.
            leaky_relu(slope: f64) => LeakyRelu;
            /// x above 0, else alpha (e^x - 1). Derivative 1 above 0, else alpha e^x.
            elu(alpha: f64) => Elu;
            /// Scaled elu with the self-normalising constants of Klambauer et al. (2017). Derivative scale, or scale alpha e^x.
            selu => Selu;
            /// x above 0, else alpha (e^(x/alpha) - 1). Derivative 1 above 0, else e^(x/alpha).
            celu(alpha: f64) => Celu;
            /// min(max(x, 0), 6). Derivative 1 strictly between 0 and 6, else 0.
            relu6 => Relu6;
            /// x Phi(x) with the normal distribution function Phi. Derivative Phi(x) + x phi(x).
            gelu => Gelu;
            /// The tanh form of gelu: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
            gelu_tanh => GeluTanh;
            /// x sigmoid(x). Derivative sigmoid(x) (1 + x (1 - sigmoid(x))).
            silu => Silu;
            /// x tanh(softplus(x)). Source: Misra (2019).
            mish => Mish;
            /// x / (1 + |x|). Derivative 1 / (1 + |x|)^2.
            softsign => Softsign;
            /// min(max(x, -1), 1). Derivative 1 strictly between -1 and 1, else 0.
            hard_tanh => HardTanh;
            /// min(max(x + 3, 0), 6) / 6. Derivative 1/6 strictly between -3 and 3, else 0.
            hard_sigmoid => HardSigmoid;
            /// sin(pi x) / (pi x), and 1 at 0.
            sinc => Sinc;
            /// The n-th derivative of sinc; NaN from the 621st on, whose factor pi^n no number holds.
            sinc_derivative(n: u32) => SincDerivative;
            /// min(max(x, lo), hi). Derivative 1 strictly between the bounds, else 0.
            clamp(lo: f64, hi: f64) => Clamp;
            /// Huber's function of a residual: x^2/2 where |x| <= delta, else delta (|x| - delta/2). Derivative clamp(x, -delta, delta).
            huber(delta: f64) => Huber;
            /// Largest integer not above x. Derivative 0.
            floor => Floor;
            /// Smallest integer not below x. Derivative 0.
            ceil => Ceil;
            /// Nearest integer, ties to even. Derivative 0.
            round => Round;
        }
    };
}

/// Calls a macro with the list of two-argument elementwise ops: those of Rust's operators, those inside rules
/// alone, and the methods; where there is a method, its fallible twin is named beside it.
macro_rules! for_each_binary {
    ($callback:ident) => {
        $callback! {
            operators {
                /// x + y.
                add try_add => Add;
                /// x - y.
                sub try_sub => Sub;
                /// x y.
                mul try_mul => Mul;
                /// x / y.
                div try_div => Div;
            }
            inside {
                /// An upstream gradient x times a derivative y: 0 where x = 0, whatever y.
                scale => Scale;
                /// An upstream gradient x divided by y: 0 where x = 0, whatever y.
                over => Over;
                /// x y, and 0 where either is 0, whatever the other.
                gate => Gate;
            }
            methods {
                /// x^y. d/dx = y x^(y-1), 0 for y = 0; d/dy = x^y ln(x), 0 for x = 0 and y >= 0, NaN for x < 0.
                pow try_pow => Pow;
                /// The angle of the point (y, self), in (-pi, pi]: self is the ordinate. Derivatives 0 at the origin, second ones NaN.
                atan2 try_atan2 => Atan2;
                /// sqrt(x^2 + y^2) without overflow in between. Derivatives x/out and y/out, at the origin 0, and second ones
                /// NaN.
                hypot try_hypot => Hypot;
                /// The larger of the two. The gradient goes to it, half to each where they are equal.
                maximum try_maximum => Maximum;
                /// The smaller of the two. The gradient goes to it, half to each where they are equal.
                minimum try_minimum => Minimum;
                /// ln(e^x + e^y), stable. Derivatives sigmoid(x - y) and sigmoid(y - x).
                logaddexp try_logaddexp => Logaddexp;
                /// x ln(y), and 0 where x = 0. Derivatives ln(y) and x/y, both 0 at (0, 0).
                xlogy try_xlogy => Xlogy;
                /// Binary cross-entropy of the logit x against the target y, elementwise:
                /// max(x, 0) - x y + ln(1 + e^-|x|), in nats. Derivatives sigmoid(x) - y and -x.
                bce_with_logits try_bce_with_logits => BceWithLogits;
                /// 1 where x > y, else 0. Derivative 0.
                greater try_greater => Greater;
                /// 1 where x >= y, else 0. Derivative 0.
                greater_equal try_greater_equal => GreaterEqual;
                /// 1 where x < y, else 0. Derivative 0.
                less try_less => Less;
                /// 1 where x <= y, else 0. Derivative 0.
                less_equal try_less_equal => LessEqual;
                /// 1 where x = y, else 0. Derivative 0.
                equal try_equal => Equal;
                /// 1 where x differs from y, else 0. Derivative 0.
                not_equal try_not_equal => NotEqual;
            }
        }
    };
}

pub(crate) use for_each_binary;
pub(crate) use for_each_unary;
