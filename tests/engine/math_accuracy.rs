//! How exact the functions of `num::math` are, in units in the last place, against a higher precision.
//!
//! f64: against the points of `tests/data/math_points.txt`, computed with mpmath (its generator stands beside it); the
//! environment variable `MATH_POINTS` names another such file. f32: swept against f64, `MATH_STRIDE` numbers apart.
//! `BOUNDS` is the one table of what is allowed; what the module's documentation states must lie between what is
//! measured here and that. Special values and exact results are stated one by one.

use retrograd::num::math::{Fused, Mode, Plain, double, single};
use std::fmt::Write;

/// The function, and the most that it may be off by in f32 and in f64, in ulp, in either mode.
const BOUNDS: &[(&str, f64, f64)] = &[
    ("exp", 1.0, 1.0),
    ("exp2", 1.0, 1.0),
    ("expm1", 1.1, 1.0),
    ("ln", 1.0, 1.0),
    ("log2", 1.0, 1.0),
    ("log10", 1.0, 1.0),
    ("log1p", 1.0, 1.0),
    ("sin", 1.0, 1.0),
    ("cos", 1.0, 1.0),
    ("tan", 1.1, 1.0),
    ("asin", 1.0, 1.0),
    ("acos", 1.0, 1.0),
    ("atan", 1.0, 1.0),
    ("sinh", 1.1, 1.0),
    ("cosh", 1.0, 1.0),
    ("tanh", 1.1, 1.0),
    ("asinh", 1.0, 1.0),
    ("acosh", 1.0, 1.0),
    ("atanh", 1.0, 1.0),
    ("cbrt", 1.0, 1.0),
    ("sigmoid", 1.0, 1.0),
    ("softplus", 1.0, 1.0),
    ("log_sigmoid", 1.0, 1.0),
    ("erf", 1.0, 1.0),
    ("erfc", 1.0, 1.0),
    ("atan2", 1.0, 1.0),
    ("hypot", 1.0, 1.0),
    ("pow", 1.0, 1.0),
    ("powi", 1.0, 1.0),
    ("lgamma", 1.0, 3.0),
    ("digamma", 1.0, 3.0),
    ("polygamma", 1.0, 6.0),
];

type Unary<T> = fn(T) -> T;
type Binary<T> = fn(T, T) -> T;

macro_rules! tables {
    ($unary:ident, $binary:ident, $t:ident, $module:ident) => {
        fn $unary<M: Mode>(name: &str) -> Option<Unary<$t>> {
            Some(match name {
                "exp" => $module::exp::<M>,
                "exp2" => $module::exp2::<M>,
                "expm1" => $module::expm1::<M>,
                "ln" => $module::ln::<M>,
                "log2" => $module::log2::<M>,
                "log10" => $module::log10::<M>,
                "log1p" => $module::log1p::<M>,
                "sin" => $module::sin::<M>,
                "cos" => $module::cos::<M>,
                "tan" => $module::tan::<M>,
                "sin_large" | "sin_huge" => $module::sin_any::<M>,
                "cos_large" | "cos_huge" => $module::cos_any::<M>,
                "tan_large" | "tan_huge" => $module::tan_any::<M>,
                "asin" => $module::asin::<M>,
                "acos" => $module::acos::<M>,
                "atan" => $module::atan::<M>,
                "sinh" => $module::sinh::<M>,
                "cosh" => $module::cosh::<M>,
                "tanh" => $module::tanh::<M>,
                "asinh" => $module::asinh::<M>,
                "acosh" => $module::acosh::<M>,
                "atanh" => $module::atanh::<M>,
                "cbrt" => $module::cbrt::<M>,
                "sigmoid" => $module::sigmoid::<M>,
                "softplus" => $module::softplus::<M>,
                "log_sigmoid" => $module::log_sigmoid::<M>,
                "erf" => $module::erf::<M>,
                "erfc" => $module::erfc::<M>,
                "lgamma" => $module::lgamma::<M>,
                "digamma" => $module::digamma::<M>,
                _ => return None,
            })
        }

        fn $binary<M: Mode>(name: &str) -> Option<Binary<$t>> {
            Some(match name {
                "atan2" => $module::atan2::<M>,
                "hypot" => $module::hypot::<M>,
                "pow" => $module::pow::<M>,
                "powi" => |x, n| $module::powi::<M>(x, n as i32),
                "polygamma" => |n, x| $module::polygamma::<M>(n as u32, x),
                _ => return None,
            })
        }
    };
}
tables!(unary64, binary64, f64, double);
tables!(unary32, binary32, f32, single);

/// The modes that this CPU can run, by name.
fn modes() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    if !is_x86_feature_detected!("fma") {
        return vec!["plain"];
    }
    // Elsewhere `mul_add` is right whether or not it is one instruction.
    vec!["plain", "fused"]
}

struct Worst {
    error: f64,
    at: String,
}

/// The distance between `got` and value + rest thousandths of value's last place, in last places.
fn error64(got: f64, value: f64, rest: f64) -> f64 {
    if got == value {
        return rest.abs() / 1000.0;
    }
    if !got.is_finite() || !value.is_finite() {
        // The largest number is within an ulp of what rounds to infinity.
        return if got.is_nan() || value.is_nan() {
            f64::INFINITY
        } else if got.abs() == f64::MAX || value.abs() == f64::MAX {
            1.0
        } else {
            f64::INFINITY
        };
    }
    // Last places of neighbours are adjacent integers; across a power of two this counts the smaller ones.
    let order = |v: f64| if v.is_sign_negative() { -((v.to_bits() & !(1 << 63)) as i128) } else { v.to_bits() as i128 };
    let apart =
        (order(got) - order(value)) as f64 * if value < 0.0 || (value == 0.0 && got < 0.0) { -1.0 } else { 1.0 };
    let rest = rest * value.signum();
    (apart - rest / 1000.0).abs()
}

/// The distance between `got` and the f64 `value`, in f32's last places.
fn error32(got: f32, value: f64) -> f64 {
    if got as f64 == value || (got.is_nan() && value.is_nan()) || (value as f32 == got && !got.is_finite()) {
        return 0.0;
    }
    if got.is_nan() || value.is_nan() {
        return f64::INFINITY;
    }
    if got.is_infinite() && value.abs() > 3.4028234e38 {
        return 1.0;
    }
    let exponent = (((value.to_bits() >> 52) & 0x7ff) as i32 - 1023).max(-126);
    (got as f64 - value).abs() / 2f64.powi(exponent - 23)
}

fn points() -> String {
    match std::env::var("MATH_POINTS") {
        Ok(path) => std::fs::read_to_string(path).expect("MATH_POINTS names a readable file"),
        Err(_) => include_str!("../data/math_points.txt").to_string(),
    }
}

/// The worst error of each function over the points, in f64.
#[inline(always)]
fn measure64<M: Mode>(points: &str) -> Vec<(String, Worst)> {
    let mut found: Vec<(String, Worst)> = Vec::new();
    let mut name = "";
    for line in points.lines() {
        if let Some(next) = line.strip_prefix("fn ") {
            name = next;
            let base = base_name(name);
            if found.iter().all(|(n, _)| n != base) {
                found.push((base.to_string(), Worst { error: 0.0, at: String::new() }));
            }
            continue;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let number = |w: &str| f64::from_bits(u64::from_str_radix(w, 16).expect("hex bits"));
        let rest: f64 = words[words.len() - 1].parse().expect("thousandths");
        let value = number(words[words.len() - 2]);
        let x = number(words[0]);
        let got = match words.len() {
            3 => unary64::<M>(name).unwrap_or_else(|| panic!("no function {name}"))(x),
            _ => binary64::<M>(name).unwrap_or_else(|| panic!("no function {name}"))(x, number(words[1])),
        };
        let error = error64(got, value, rest);
        let worst = &mut found.iter_mut().find(|(n, _)| n == base_name(name)).expect("pushed").1;
        if error > worst.error || error.is_nan() {
            *worst = Worst { error, at: format!("{name} {line} ({x:e}: {got:e}, not {value:e})") };
        }
    }
    found
}

/// sin_large and sin_huge count as sin.
fn base_name(name: &str) -> &str {
    name.trim_end_matches("_large").trim_end_matches("_huge")
}

/// # Safety
/// The CPU has fused multiply-adds: on x86 with AVX2.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2,fma"))]
unsafe fn measure64_fused(points: &str) -> Vec<(String, Worst)> {
    measure64::<Fused>(points)
}

/// f32 values all over the range: `stride` apart as integers.
fn sweep32(stride: u32) -> impl Iterator<Item = f32> {
    (0..u32::MAX / stride).map(move |i| f32::from_bits(i * stride + i % stride.min(97))).filter(|x| x.is_finite())
}

/// The function in f64, good to far below an f32's last place.
fn reference(name: &str) -> Unary<f64> {
    match name {
        "exp" => f64::exp,
        "exp2" => f64::exp2,
        "expm1" => f64::exp_m1,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "log1p" => f64::ln_1p,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "cbrt" => f64::cbrt,
        // std has asinh and acosh, but inexact ones; these are measured above.
        "asinh" => double::asinh::<Plain>,
        "acosh" => double::acosh::<Plain>,
        "atanh" => double::atanh::<Plain>,
        "sigmoid" => double::sigmoid::<Plain>,
        "softplus" => double::softplus::<Plain>,
        "log_sigmoid" => double::log_sigmoid::<Plain>,
        "erf" => double::erf::<Plain>,
        "erfc" => double::erfc::<Plain>,
        "lgamma" => double::lgamma::<Plain>,
        "digamma" => double::digamma::<Plain>,
        _ => panic!("no reference for {name}"),
    }
}

/// A function of two arguments in f64, likewise, and pairs to try it at.
fn reference2(name: &str) -> Option<Binary<f64>> {
    Some(match name {
        "atan2" => f64::atan2,
        "hypot" => f64::hypot,
        "pow" => f64::powf,
        "powi" => |x, n| f64::powf(x, n),
        "polygamma" => |n, x| double::polygamma::<Plain>(n as u32, x),
        _ => return None,
    })
}

/// Pairs for a function of two arguments: a small generator of our own, so that the points never change.
fn pairs32(name: &str, count: usize) -> Vec<(f32, f32)> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as u32
    };
    let mut out = Vec::with_capacity(count);
    while out.len() < count {
        let (a, b) = (f32::from_bits(next() << 1 | next() & 1), f32::from_bits(next() << 1 | next() & 1));
        let (u, v) = (next() as f32 / 2147483648.0, next() as f32 / 2147483648.0);
        out.push(match (name, out.len() % 3) {
            ("pow", 0) => (4.0 * u, 200.0 * v - 100.0),
            ("pow", 1) => (a.abs(), (160.0 * v - 80.0) / (a.abs() as f64).ln() as f32),
            ("powi", _) => (8.0 * u - 4.0, (40.0 * v).floor() - 20.0),
            ("polygamma", _) => ((4.0 * u).floor() + 1.0, 30.0 * v + 0.01),
            (_, 0) => (a, b),
            (_, 1) => (2.0 * u - 1.0, 2.0 * v - 1.0),
            _ => (a, a * (v * 4.0 - 2.0)),
        });
    }
    out.retain(|(a, b)| a.is_finite() && b.is_finite());
    out
}

#[inline(always)]
fn measure32<M: Mode>(stride: u32) -> Vec<(String, Worst)> {
    let mut found = Vec::new();
    for &(name, ..) in BOUNDS {
        let mut worst = Worst { error: 0.0, at: String::new() };
        let mut note = |got: f32, value: f64, at: &dyn Fn() -> String| {
            let error = error32(got, value);
            if error > worst.error || error.is_nan() {
                worst = Worst { error, at: format!("{name} {} ({got:e}, not {value:e})", at()) };
            }
        };
        if let Some(reference) = reference2(name) {
            let f = binary32::<M>(name).expect("in the table");
            for (a, b) in pairs32(name, (1 << 30) / stride as usize) {
                note(f(a, b), reference(a as f64, b as f64), &|| format!("{a:e} {b:e}"));
            }
        } else {
            let f = unary32::<M>(name).expect("in the table");
            let reference = reference(name);
            let slow = if matches!(name, "lgamma" | "digamma") { 16 } else { 1 };
            for x in sweep32(stride * slow) {
                if matches!(name, "sin" | "cos" | "tan") && single::is_large::<M>(x) {
                    continue;
                }
                note(f(x), reference(x as f64), &|| format!("{x:e}"));
            }
        }
        found.push((name.to_string(), worst));
    }
    found
}

/// # Safety
/// The CPU has fused multiply-adds: on x86 with AVX2.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2,fma"))]
unsafe fn measure32_fused(stride: u32) -> Vec<(String, Worst)> {
    measure32::<Fused>(stride)
}

fn stride() -> u32 {
    std::env::var("MATH_STRIDE").ok().and_then(|s| s.parse().ok()).unwrap_or(40009)
}

/// The rows of the table in the module's documentation.
fn documented() -> Vec<(String, f64, f64)> {
    let mut rows = Vec::new();
    for line in include_str!("../../src/num/math/mod.rs").lines() {
        let cells: Vec<&str> = line.trim_start_matches("//!").split('|').map(str::trim).collect();
        if let [_, names, f32s, f64s, _] = cells[..]
            && let (Ok(f32s), Ok(f64s)) = (f32s.parse(), f64s.parse())
        {
            rows.extend(names.split(", ").map(|name| (name.to_string(), f32s, f64s)));
        }
    }
    rows
}

#[test]
fn errors_stay_within_the_table() {
    let points = points();
    let mut columns = vec![("f32 plain", measure32::<Plain>(stride())), ("f64 plain", measure64::<Plain>(&points))];
    if modes().contains(&"fused") {
        // SAFETY: the CPU has the features, as `modes` has asked it.
        let (f32s, f64s) = unsafe { (measure32_fused(stride()), measure64_fused(&points)) };
        columns.push(("f32 fused", f32s));
        columns.push(("f64 fused", f64s));
    }
    let documented = documented();
    let mut table = String::new();
    let mut failures = String::new();
    for &(name, bound32, bound64) in BOUNDS {
        write!(table, "{name:12}").unwrap();
        for (column, found) in &columns {
            let Some((_, worst)) = found.iter().find(|(n, _)| n == name) else { continue };
            let bound = if column.starts_with("f32") { bound32 } else { bound64 };
            write!(table, "  {column} {:.3}", worst.error).unwrap();
            if std::env::var("MATH_WORST").is_ok() {
                write!(table, " [{}]\n   ", worst.at).unwrap();
            }
            if worst.error > bound || worst.error.is_nan() {
                writeln!(failures, "{name}, {column}: {:.3} ulp, more than {bound}: {}", worst.error, worst.at)
                    .unwrap();
            }
        }
        table.push('\n');
        let &(_, stated32, stated64) =
            documented.iter().find(|(n, ..)| n == name).unwrap_or_else(|| panic!("{name} is not in the docs"));
        for (column, found) in &columns {
            let worst = &found.iter().find(|(n, _)| n == name).expect("measured").1;
            let stated = if column.starts_with("f32") { stated32 } else { stated64 };
            if worst.error > stated {
                writeln!(failures, "{name}, {column}: the docs say {stated}, it is {:.3}: {}", worst.error, worst.at)
                    .unwrap();
            }
        }
        if stated32 > bound32 || stated64 > bound64 {
            writeln!(failures, "{name}: the docs say {stated32} and {stated64}, more than is allowed").unwrap();
        }
    }
    println!("{table}");
    assert!(failures.is_empty(), "\n{failures}");
}

/// Runs a check in every mode that this CPU has, as code compiled for it.
macro_rules! in_every_mode {
    ($check:ident) => {{
        $check::<Plain>();
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2,fma")]
            fn fused() {
                $check::<Fused>();
            }
            if modes().contains(&"fused") {
                // SAFETY: the CPU has the features, as `modes` has asked it.
                unsafe { fused() }
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        $check::<Fused>();
    }};
}

/// The same number, zeros told apart, any NaN equal to any other.
fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

#[test]
fn special_values_are_those_of_the_standard_library() {
    fn check<M: Mode>() {
        let specials = [0.0, f64::INFINITY, f64::NAN, 1.0, 5e-324, f64::MIN_POSITIVE, f64::MAX, 1e-20];
        let specials32 = [0.0, f32::INFINITY, f32::NAN, 1.0, 1e-45, f32::MIN_POSITIVE, f32::MAX, 1e-12];
        for &(name, ..) in BOUNDS {
            if let Some(f) = unary64::<M>(name) {
                // Only std's own functions are a second opinion.
                let ours = [
                    "asinh",
                    "acosh",
                    "atanh",
                    "sigmoid",
                    "softplus",
                    "log_sigmoid",
                    "erf",
                    "erfc",
                    "lgamma",
                    "digamma",
                ];
                if ours.contains(&name) || matches!(name, "sin" | "cos" | "tan") {
                    continue;
                }
                let reference = reference(name);
                for x in specials.into_iter().flat_map(|x| [x, -x]) {
                    let (got, expected) = (f(x), reference(x));
                    let fine =
                        same(got, expected) || (got - expected).abs() <= expected.abs() * 4e-16 && expected != 0.0;
                    assert!(fine, "{name}({x:e}) is {got:e}, not {expected:e}");
                }
                let f = unary32::<M>(name).expect("in both tables");
                for x in specials32.into_iter().flat_map(|x| [x, -x]) {
                    let (got, expected) = (f(x) as f64, reference(x as f64) as f32 as f64);
                    let fine =
                        same(got, expected) || (got - expected).abs() <= expected.abs() * 2e-7 && expected != 0.0;
                    assert!(fine, "{name}({x:e}) is {got:e} in f32, not {expected:e}");
                }
            } else {
                assert!(
                    reference2(name).is_some(),
                    "{name} has neither one argument nor two, so nothing tests it here"
                );
            }
        }
    }
    in_every_mode!(check);
}

#[test]
fn special_values_of_two_arguments_are_those_of_the_standard_library() {
    fn check<M: Mode>() {
        let magnitudes = [
            0.0,
            1.0,
            2.0,
            0.5,
            3.0,
            2.5,
            1e300,
            5e-324,
            1e-310,
            9007199254740991.0,
            9007199254740993.0,
            4503599627370497.5,
            1.0 + f64::EPSILON,
            1.0 - f64::EPSILON,
            f64::INFINITY,
            f64::NAN,
            f64::MAX,
        ];
        for x in magnitudes.into_iter().flat_map(|x| [x, -x]) {
            for y in magnitudes.into_iter().flat_map(|y| [y, -y]) {
                for (name, reference) in
                    [("pow", f64::powf as Binary<f64>), ("atan2", f64::atan2), ("hypot", f64::hypot)]
                {
                    let (got, expected) = (binary64::<M>(name).expect("known")(x, y), reference(x, y));
                    let near = error64(got, expected, 0.0) <= 1.0 && expected != 0.0;
                    assert!(same(got, expected) || near, "{name}({x:e}, {y:e}) is {got:e}, not {expected:e}");
                    let (x, y) = (x as f32, y as f32);
                    let (got, expected) = (binary32::<M>(name).expect("known")(x, y), reference(x as f64, y as f64));
                    let fine = same(got as f64, expected as f32 as f64) || error32(got, expected) <= 1.0 && got != 0.0;
                    assert!(fine, "{name}({x:e}, {y:e}) is {got:e} in f32, not {expected:e}");
                }
            }
            for n in [0, 1, -1, 2, -2, 3, -3, 1023, -1074, i32::MAX, i32::MIN] {
                let (got, expected) = (double::powi::<M>(x, n), f64::powf(x, n as f64));
                assert!(
                    same(got, expected) || error64(got, expected, 0.0) <= 1.0 && expected != 0.0,
                    "powi({x:e}, {n})"
                );
                let (got, expected) = (single::powi::<M>(x as f32, n), f64::powf(x as f32 as f64, n as f64));
                let fine = same(got as f64, expected as f32 as f64) || error32(got, expected) <= 1.0 && got != 0.0;
                assert!(fine, "powi({x:e}, {n}) is {got:e} in f32, not {expected:e}");
            }
        }
    }
    in_every_mode!(check);
}

#[test]
fn functions_of_our_own_have_their_limits() {
    fn check<M: Mode>() {
        let inf = f64::INFINITY;
        let tiny = 5e-324;
        // (function, argument, value)
        let cases: &[(&str, f64, f64)] = &[
            ("exp", -745.0, tiny),
            ("exp", -746.0, 0.0),
            ("exp", 709.7, 1.6549840276802644e308),
            ("exp", 709.8, inf),
            ("sigmoid", -745.0, tiny),
            ("sigmoid", -800.0, 0.0),
            ("sigmoid", -inf, 0.0),
            ("sigmoid", inf, 1.0),
            ("sigmoid", 0.0, 0.5),
            ("sigmoid", -0.0, 0.5),
            ("sigmoid", 800.0, 1.0),
            ("sigmoid", -710.0, 4.47628622567513e-309),
            ("softplus", -745.0, tiny),
            ("softplus", -800.0, 0.0),
            ("softplus", -inf, 0.0),
            ("softplus", inf, inf),
            ("softplus", 1e300, 1e300),
            ("softplus", 0.0, std::f64::consts::LN_2),
            ("log_sigmoid", -1000.0, -1000.0),
            ("log_sigmoid", inf, -0.0),
            ("log_sigmoid", -inf, -inf),
            ("asinh", inf, inf),
            ("asinh", -inf, -inf),
            ("asinh", -0.0, -0.0),
            ("asinh", tiny, tiny),
            ("asinh", 1e-20, 1e-20),
            ("asinh", f64::MAX, 710.4758600739439),
            ("acosh", 1.0, 0.0),
            ("acosh", inf, inf),
            ("acosh", 0.5, f64::NAN),
            ("acosh", -inf, f64::NAN),
            ("acosh", f64::MAX, 710.4758600739439),
            ("atanh", 1.0, inf),
            ("atanh", -1.0, -inf),
            ("atanh", -0.0, -0.0),
            ("atanh", tiny, tiny),
            ("atanh", 1.5, f64::NAN),
            ("atanh", -inf, f64::NAN),
            ("erf", inf, 1.0),
            ("erf", -inf, -1.0),
            ("erf", -0.0, -0.0),
            ("erf", 30.0, 1.0),
            ("erf", tiny, tiny),
            ("erfc", inf, 0.0),
            ("erfc", -inf, 2.0),
            ("erfc", 0.0, 1.0),
            ("erfc", 30.0, 0.0),
            ("erfc", 27.22, tiny),
            ("erfc", -30.0, 2.0),
            ("sin", 0.0, 0.0),
            ("sin", -0.0, -0.0),
            ("tan", -0.0, -0.0),
            ("cos", -0.0, 1.0),
            ("sin", inf, f64::NAN),
            ("sin", tiny, tiny),
            ("tan", -tiny, -tiny),
            ("cos", -inf, f64::NAN),
            ("tan", inf, f64::NAN),
            ("lgamma", 1.0, 0.0),
            ("lgamma", 2.0, 0.0),
            ("lgamma", 0.0, inf),
            ("lgamma", -3.0, inf),
            ("lgamma", inf, inf),
            ("lgamma", -inf, inf),
            ("lgamma", f64::MAX, inf),
            ("digamma", 0.0, -inf),
            ("digamma", -0.0, inf),
            ("digamma", -2.0, f64::NAN),
            ("digamma", inf, inf),
            ("digamma", -inf, f64::NAN),
        ];
        for &(name, x, expected) in cases {
            let got = unary64::<M>(name).expect("known")(x);
            let near = (got - expected).abs() <= expected.abs() * 4e-16 && expected.abs() > 1e-320;
            assert!(
                same(got, expected) || near || error64(got, expected, 0.0) <= 1.0 && expected == tiny && got != 0.0,
                "{name}({x:e}) is {got:e}, not {expected:e}"
            );
        }
        for name in [
            "sigmoid",
            "softplus",
            "log_sigmoid",
            "asinh",
            "acosh",
            "atanh",
            "erf",
            "erfc",
            "sin",
            "cos",
            "tan",
            "lgamma",
            "digamma",
        ] {
            assert!(unary64::<M>(name).expect("known")(f64::NAN).is_nan(), "{name}(NaN)");
            assert!(unary32::<M>(name).expect("known")(f32::NAN).is_nan(), "{name}(NaN) in f32");
        }
        assert_eq!(single::sigmoid::<M>(-103.0), 1e-45);
        assert_eq!(single::sigmoid::<M>(f32::NEG_INFINITY), 0.0);
        assert_eq!(single::softplus::<M>(-103.0), 1e-45);
        assert_eq!(single::log_sigmoid::<M>(-1000.0), -1000.0);
        assert_eq!(single::tanh::<M>(f32::INFINITY), 1.0);
        assert_eq!(single::erfc::<M>(-f32::INFINITY), 2.0);
        assert_eq!(single::asinh::<M>(f32::MAX), 89.415985);
    }
    in_every_mode!(check);
}

#[test]
fn exact_results_are_exact() {
    fn check<M: Mode>() {
        for k in -1074..1024 {
            let power =
                if k < -1022 { f64::from_bits(1 << (k + 1074)) } else { f64::from_bits(((k + 1023) as u64) << 52) };
            assert_eq!(double::exp2::<M>(k as f64), power, "exp2({k})");
            assert_eq!(double::log2::<M>(power), k as f64, "log2(2^{k})");
            assert_eq!(double::sin_cos::<M>(power.min(1e6)).0, double::sin::<M>(power.min(1e6)));
        }
        for k in -149..128 {
            let power = 2f64.powi(k) as f32;
            assert_eq!(single::exp2::<M>(k as f32), power, "exp2({k}) in f32");
            assert_eq!(single::log2::<M>(power), k as f32, "log2(2^{k}) in f32");
        }
        for k in 0..=22 {
            assert_eq!(double::log10::<M>(format!("1e{k}").parse().unwrap()), k as f64, "log10(1e{k})");
        }
        for k in 0..=10 {
            assert_eq!(single::log10::<M>(format!("1e{k}").parse().unwrap()), k as f32, "log10(1e{k}) in f32");
        }
        for k in 0..=1000 {
            let n = k as f64;
            assert_eq!(double::cbrt::<M>(-n * n * n), -n, "cbrt of -{k} cubed");
            assert_eq!(double::pow::<M>(n, 2.0), n * n, "{k} squared");
            assert_eq!(double::hypot::<M>(3.0 * n, -4.0 * n), 5.0 * n);
        }
        assert_eq!(double::atan2::<M>(-0.0, -1.0), -std::f64::consts::PI);
        assert_eq!(double::acos::<M>(-1.0), std::f64::consts::PI);
        assert_eq!(double::asin::<M>(-1.0), -std::f64::consts::FRAC_PI_2);
    }
    in_every_mode!(check);
}

#[test]
fn sines_beyond_the_limit_are_nan_unless_asked_for_one_at_a_time() {
    fn check<M: Mode>() {
        for x in [1e3, 1e5, 1e6, 2e6, 1e7, 1e12, 1e15, 1e16, 1e22, 1e300] {
            for x in [x, -x] {
                assert_eq!(double::sin::<M>(x).is_nan(), double::is_large::<M>(x));
                assert_eq!(double::tan::<M>(x).is_nan(), double::is_large::<M>(x));
                assert!((double::sin_any::<M>(x) - x.sin()).abs() < 1e-15, "sin({x:e})");
                assert!((double::cos_any::<M>(x) - x.cos()).abs() < 1e-15, "cos({x:e})");
                let single = x as f32;
                assert_eq!(single::cos::<M>(single).is_nan(), single::is_large::<M>(single) || single.is_infinite());
                if single.is_finite() {
                    assert!((single::sin_any::<M>(single) as f64 - (single as f64).sin()).abs() < 1e-7);
                }
            }
        }
    }
    in_every_mode!(check);
}

#[test]
fn gamma_functions_reflect_negative_arguments() {
    // x, ln|Gamma(x)|, psi(x), psi'(x), psi''(x), from mpmath.
    let cases = [
        (-0.5, 1.2655121234846454, 0.03648997397857652, 8.934802200544679, -0.82879664423432),
        (-1.5, 0.860047015376481, 0.7031566406452432, 9.379246644989124, -0.2362040516417274),
        (-2.25, 0.5555015450206475, 4.158583564657972, 19.37941051186914, 123.89694977406016),
        (-10.75, -15.403074503504817, -0.7208957601671612, 19.650378280099094, -124.0329924197052),
        (-100.3, -363.7662061826763, 6.895643124860435, 15.06949314924401, 68.8374452979615),
        (-1e-5, 11.512931237209125, 99999.42276788563, 10000000001.644957, 1999999999999997.0),
    ];
    for (x, lgamma, digamma, first, second) in cases {
        let near = |got: f64, expected: f64| (got - expected).abs() <= 4e-14 * expected.abs().max(1.0);
        assert!(near(double::lgamma::<Plain>(x), lgamma), "lgamma({x}) is {:e}", double::lgamma::<Plain>(x));
        assert!(near(double::digamma::<Plain>(x), digamma), "digamma({x}) is {:e}", double::digamma::<Plain>(x));
        assert!(near(double::polygamma::<Plain>(1, x), first), "trigamma({x})");
        assert!(near(double::polygamma::<Plain>(2, x), second), "polygamma(2, {x})");
    }
}
