//! How exact the ops are that are made of several elementary functions, with three derivatives, against a higher precision.
//!
//! `tests/data/op_points.txt` has the points (mpmath; its generator stands beside it). `BOUNDS` is what is allowed; the ops'
//! documentation must state the bound of the value. The values of numbers and of tensors are measured both.

use retrograd::ops::{BuiltinUnary, UnaryOp, UnaryVisitor};
use retrograd::{Dual, Element, Number, Tape, Tensor};

/// What is allowed of an op.
struct Bounds {
    name: &'static str,
    /// The value in f32 and in f64, in ulp.
    values: [f64; 2],
    /// The first derivative in f32, in multiples of its epsilon.
    single_slope: f64,
    /// Three derivatives in f64, in multiples of the epsilon of the derivative, or of the floor where it is smaller.
    slopes: [f64; 3],
    /// 0 where a derivative is right however small it is.
    floors: [f64; 3],
}

const fn bounds(name: &'static str, values: [f64; 2], single_slope: f64, slopes: [f64; 3], floors: [f64; 3]) -> Bounds {
    Bounds { name, values, single_slope, slopes, floors }
}

const RELATIVE: [f64; 3] = [0.0; 3];
const BOUNDS: &[Bounds] = &[
    // 1 - tanh(x)^2 cancels.
    bounds("log_cosh", [3.0, 3.0], 2.0, [2.0, 4.0, 8.0], [0.0, 1.0, 1.0]),
    // The second derivative vanishes at 1/2.
    bounds("logit", [2.0, 2.0], 2.0, [2.0, 4.0, 6.0], [0.0, 16.0, 0.0]),
    // 2 y^2 is at most 69, and 28 for an f32.
    bounds("erfinv", [1.0, 2.0], 30.0, [70.0, 140.0, 210.0], RELATIVE),
    bounds("erfcx", [1.0, 3.0], 1.0, [5.0, 5.0, 5.0], RELATIVE),
    bounds("erfcx_derivative", [1.0, 5.0], 1.0, [5.0, 5.0, 6.0], RELATIVE),
    // The third derivative vanishes at sqrt(3), the others of the distribution function at 0 and 1.
    bounds("normal_pdf", [1.0, 4.0], 2.0, [5.0, 6.0, 8.0], [0.0, 1.0, 1.0]),
    bounds("normal_cdf", [1.0, 4.0], 2.0, [5.0, 5.0, 8.0], [0.0, 0.0, 1.0]),
    // x^2 / 2 is at most 745 above 0, and 104 for an f32. Of the third derivative, about 2 / x^3, terms of 1 / x cancel far below it.
    bounds("log_normal_cdf", [1.0, 4.0], 60.0, [60.0, 60.0, 60.0], [0.0, 0.0, 1.0]),
];

struct Point {
    x: f64,
    value: f64,
    /// What rounding the value left out, in its last places.
    rest: f64,
    slopes: [f64; 3],
}

fn points() -> Vec<(UnaryOp, Vec<Point>)> {
    let mut found: Vec<(UnaryOp, Vec<Point>)> = Vec::new();
    for line in include_str!("../data/op_points.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["op", name, parameter] = words[..] {
            let op = UnaryOp::all().into_iter().find(|op| op.name() == name).expect("an op of the registry");
            found.push((op.with_parameters([parameter.parse().unwrap(), 0.0]), Vec::new()));
            continue;
        }
        let number = |k: usize| f64::from_bits(u64::from_str_radix(words[k], 16).unwrap());
        let rest = words[5].parse::<f64>().unwrap() / 1000.0;
        let point = Point { x: number(0), value: number(1), rest, slopes: [2, 3, 4].map(number) };
        found.last_mut().expect("a line with an op comes first").1.push(point);
    }
    found
}

/// The distance in last places of T, for a value known to more than its own.
fn ulps<T: Element>(got: T, point: &Point) -> f64 {
    let smallest = if T::NAME == "f32" { -126 } else { -1022 };
    let exponent = (point.value.abs().log2().floor() as i32).max(smallest);
    let unit = T::EPSILON * 2f64.powi(exponent);
    let last = f64::EPSILON * 2f64.powi(exponent.max(-1022));
    let apart = (got.to_f64() - point.value).abs();
    if got == T::from_f64(point.value) && !got.to_f64().is_finite() {
        return 0.0;
    }
    if !got.to_f64().is_finite() { f64::INFINITY } else { (apart + point.rest.abs() * last) / unit }
}

/// The worst of some errors, and where.
#[derive(Clone, Copy, Default)]
struct Worst(f64, f64);

impl Worst {
    fn note(&mut self, error: f64, x: f64) {
        if error > self.0 || error.is_nan() {
            *self = Worst(if error.is_nan() { f64::INFINITY } else { error }, x);
        }
    }
}

/// Errors of the value by numbers and tensors, and of the first derivative by both.
fn measure<T: Element>(op: impl BuiltinUnary, points: &[Point], value: &mut Worst, slope: &mut Worst) {
    let fits = |point: &&Point| T::from_f64(point.x).to_f64() == point.x;
    let points: Vec<&Point> = points.iter().filter(fits).collect();
    assert!(points.len() > 20);
    let tape = Tape::<T>::of();
    let xs: Vec<T> = points.iter().map(|point| T::from_f64(point.x)).collect();
    let x = tape.var(Tensor::from(xs));
    let y = Number::unary(x, op);
    let slopes = y.sum(()).backward().wrt(x).to_vec();
    for (k, point) in points.iter().enumerate() {
        let number = tape.var(T::from_f64(point.x));
        let single = Number::unary(number, op);
        for got in [y.value().to_vec()[k], single.item()] {
            value.note(ulps(got, point), point.x);
        }
        // In f32, a derivative may be out of range.
        let expected = T::from_f64(point.slopes[0]).to_f64();
        for got in [slopes[k], single.backward().item(number)] {
            let apart = (got.to_f64() - expected).abs();
            let subnormal =
                expected.abs() < 1e3 * if T::NAME == "f32" { f32::MIN_POSITIVE as f64 } else { f64::MIN_POSITIVE };
            let fine = got.to_f64() == expected || subnormal && apart <= 1e-3 * T::EPSILON * T::EPSILON;
            slope.note(if fine { 0.0 } else { apart / expected.abs() / T::EPSILON }, point.x);
        }
    }
}

struct Measure<'p>(&'p [Point], [f64; 3]);
impl UnaryVisitor for Measure<'_> {
    type Output = [Worst; 6];
    fn visit<O: BuiltinUnary>(self, op: O) -> [Worst; 6] {
        let [mut single, mut double, mut single_slope] = [Worst::default(); 3];
        let mut slopes = [Worst::default(); 3];
        measure::<f32>(op, self.0, &mut single, &mut single_slope);
        measure::<f64>(op, self.0, &mut double, &mut slopes[0]);
        for point in self.0 {
            let y = Dual::variable(Dual::variable(Dual::variable(point.x))).unary(op);
            let found = [y.tangent.value.value, y.tangent.tangent.value, y.tangent.tangent.tangent];
            for (k, (got, expected)) in found.into_iter().zip(point.slopes).enumerate() {
                let error = (got - expected).abs() / expected.abs().max(self.1[k]) / f64::EPSILON;
                slopes[k].note(if got == expected { 0.0 } else { error }, point.x);
            }
        }
        [single, double, single_slope, slopes[0], slopes[1], slopes[2]]
    }
}

/// What the registry says about the op, on one line.
fn documentation(name: &str) -> String {
    let mut text = String::new();
    for line in include_str!("../../src/num/elementwise/registry.rs").lines().map(str::trim) {
        match line.strip_prefix("/// ") {
            Some(more) => text = text + more + " ",
            None if line.split(['(', ' ']).next() == Some(name) => return text,
            None => text.clear(),
        }
    }
    panic!("{name} is not in the registry")
}

#[test]
fn values_and_three_derivatives_stay_within_the_table() {
    let mut failures = Vec::new();
    let found = points();
    assert_eq!(found.len(), BOUNDS.len());
    for ((op, points), bounds) in found.iter().zip(BOUNDS) {
        let name = bounds.name;
        assert_eq!(op.name(), name);
        let worst = op.with(Measure(points, bounds.floors));
        let [single, double] = bounds.values;
        let [first, second, third] = bounds.slopes;
        let allowed = [single, double, bounds.single_slope, first, second, third];
        let what = ["f32 value", "f64 value", "f32 slope", "first", "second", "third derivative"];
        for ((Worst(error, x), allowed), what) in worst.into_iter().zip(allowed).zip(what) {
            println!("{name:17} {what:17} {error:10.2} at {x:e}");
            if error > allowed {
                failures.push(format!("{name} at {x:e}: {what} is off by {error}, more than {allowed}"));
            }
        }
        let stated = format!("Error at most {double} ulp");
        if !documentation(name).contains(&stated) {
            failures.push(format!("{name}: the documentation does not say: {stated}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Value and slope, of a number in either precision and of a tensor.
#[track_caller]
fn is<const N: usize>(name: &str, at: [(f64, f64); N]) {
    struct At(f64);
    impl UnaryVisitor for At {
        type Output = Vec<f64>;
        fn visit<O: BuiltinUnary>(self, op: O) -> Vec<f64> {
            let kernel = Number::unary(Tape::new().var([self.0, 0.5]), op).value();
            vec![Number::unary(self.0, op), Number::unary(self.0 as f32, op) as f64, kernel[[0]]]
        }
    }
    let op = UnaryOp::all().into_iter().find(|op| op.name() == name).expect("an op of the registry");
    for (x, expected) in at {
        for got in op.with(At(x)) {
            let same = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
            assert!(
                same || (got - expected).abs() <= 1e-6 * expected.abs(),
                "{name}({x:e}) is {got:e}, not {expected:e}"
            );
        }
    }
}

#[test]
fn the_ends_of_domains_and_of_the_number_line_are_limits() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    is("log_cosh", [(0.0, 0.0), (-0.0, 0.0), (inf, inf), (-inf, inf), (nan, nan), (3e38, 3e38)]);
    is(
        "logit",
        [
            (0.0, -inf),
            (-0.0, -inf),
            (1.0, inf),
            (0.5, 0.0),
            (-0.1, nan),
            (1.1, nan),
            (nan, nan),
            (inf, nan),
            (-inf, nan),
        ],
    );
    is("logit", [(1e-38, -87.49823353377374), (1e-30, -69.07755278982137)]);
    is(
        "erfinv",
        [
            (0.0, 0.0),
            (-0.0, -0.0),
            (1.0, inf),
            (-1.0, -inf),
            (1.5, nan),
            (-2.0, nan),
            (nan, nan),
            (inf, nan),
            (-inf, nan),
        ],
    );
    is("erfinv", [(1e-30, 8.86226925452758e-31), (-1e-30, -8.86226925452758e-31)]);
    is(
        "erfcx",
        [(0.0, 1.0), (-0.0, 1.0), (inf, 0.0), (-inf, inf), (nan, nan), (1e30, 5.641895835477563e-31), (-30.0, inf)],
    );
    is(
        "normal_cdf",
        [
            (0.0, 0.5),
            (-0.0, 0.5),
            (inf, 1.0),
            (-inf, 0.0),
            (nan, nan),
            (40.0, 1.0),
            (-50.0, 0.0),
            (1e30, 1.0),
            (-1e30, 0.0),
        ],
    );
    is("log_normal_cdf", [(inf, -0.0), (-inf, -inf), (nan, nan), (0.0, -std::f64::consts::LN_2), (-1e18, -5e35)]);
}

/// Where 2 e^(x^2) passes the largest number: mpmath, findroot(2 exp(x^2) - erfcx(-x) = 2^1024 (1 - 2^-54)).
#[test]
fn erfcx_overflows_where_its_value_does() {
    assert!(Number::erfcx(-26.628735713751024f64).is_finite());
    assert!(Number::erfcx(-26.6287357137515f64).is_infinite());
    assert!(Number::erfcx(-9.38241f32).is_finite());
    assert!(Number::erfcx(-9.38242f32).is_infinite());
    // Subnormal numbers on the way down: mpmath.
    let tail = Number::normal_cdf(-38.4f64);
    assert!((tail - 6.6e-323).abs() <= 5e-324, "{tail:e}");
    assert_eq!(Number::erfcx(1e308f64), 5.641895835477563e-309);
    assert!(Number::erfcx_derivative(2.0f64, 1001).is_nan() && Number::erfcx_derivative(2.0f64, u32::MAX).is_nan());
    // n! / (sqrt(pi) x^(n+1)) far out.
    assert!((Number::erfcx_derivative(1e6f64, 2) / 1.1283791670955126e-18 - 1.0).abs() < 1e-11);
}

/// The inverse Mills ratio phi(x) / Phi(x), 50 digits: about -x - 1/x + 2/x^3.
#[test]
fn the_slope_of_log_normal_cdf_is_the_inverse_mills_ratio() {
    for (x, ratio) in
        [(-1e3, 1000.000999998), (-1e5, 100000.00001), (-1e8, 1e8), (-1e150, 1e150), (0.0, 0.7978845608028654)]
    {
        let slope = Dual::variable(x).log_normal_cdf().tangent;
        assert!((slope - ratio).abs() <= 4e-15 * ratio, "at {x:e}: {slope}, not {ratio}");
    }
    assert_eq!(Dual::variable(f64::NEG_INFINITY).log_normal_cdf().tangent, f64::INFINITY);
    assert_eq!(Dual::variable(f64::INFINITY).log_normal_cdf().tangent, 0.0);
}
