//! Numbers by the names that people have for them: 1/7, sqrt(2), pi, and those of the derivation.

use crate::check::compare::factors::Factors;
use crate::check::report::significant;

/// The largest numerator and denominator of a fraction that is one.
const PARTS: u32 = 16;
/// The largest whole number, and the largest one below a 1.
const WHOLE: u32 = 100;
/// Values so coarse are near some fraction whatever they are.
const COARSE: f64 = 1e-4;

/// The name, with its digits where it is no whole number; the digits alone where it has none.
pub(super) fn name(c: f64, factors: Option<&Factors>, tolerance: f64) -> String {
    match known(c, factors, tolerance) {
        Some(name) if name.parse::<f64>().is_ok() => name,
        Some(name) => format!("{name} ({})", significant(c, 6)),
        None => significant(c, 6),
    }
}

/// The simplest name of a number, of either sign.
pub(super) fn known(c: f64, factors: Option<&Factors>, tolerance: f64) -> Option<String> {
    if tolerance > COARSE || !c.is_finite() || c == 0.0 {
        return None;
    }
    if let Some(named) = factors.and_then(|factors| factors.find(c, tolerance)) {
        return Some(named.name);
    }
    let near = |x: f64| (x - c.abs()).abs() <= tolerance.max(1e-12) * c.abs();
    let constant = || {
        let pi = std::f64::consts::PI;
        let constants = [
            (pi, "pi"),
            (2.0 * pi, "2 pi"),
            (pi.sqrt(), "sqrt(pi)"),
            ((2.0 * pi).sqrt(), "sqrt(2 pi)"),
            (std::f64::consts::E, "e"),
            (std::f64::consts::LN_2, "ln(2)"),
            (std::f64::consts::LN_10, "ln(10)"),
        ];
        constants.into_iter().find_map(|(x, name)| match (near(x), near(1.0 / x)) {
            (true, _) => Some(name.to_owned()),
            (_, true) if name.contains(' ') && !name.ends_with(')') => Some(format!("1/({name})")),
            (_, true) => Some(format!("1/{name}")),
            _ => None,
        })
    };
    let root = || {
        let name = fraction(&|x| near(x.sqrt()))?;
        Some(match name.strip_prefix("1/") {
            Some(below) => format!("1/sqrt({below})"),
            None => format!("sqrt({name})"),
        })
    };
    let name = fraction(&near).or_else(constant).or_else(root)?;
    Some(if c < 0.0 { format!("-{name}") } else { name })
}

/// The fraction with the smallest denominator that will do.
fn fraction(near: &dyn Fn(f64) -> bool) -> Option<String> {
    for below in 1..=WHOLE {
        let most = if below == 1 { WHOLE } else { PARTS };
        for above in 1..=if below > PARTS { 1 } else { most } {
            if near(f64::from(above) / f64::from(below)) {
                return Some(if below == 1 { above.to_string() } else { format!("{above}/{below}") });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_by_their_simplest_name() {
        let name = |c: f64| known(c, None, 1e-9);
        assert_eq!(name(-1.0).as_deref(), Some("-1"));
        assert_eq!(name(2.0 / 3.0).as_deref(), Some("2/3"));
        assert_eq!(name(0.01).as_deref(), Some("1/100"));
        assert_eq!(name(1.0 / 3f64.sqrt()).as_deref(), Some("1/sqrt(3)"));
        assert_eq!(name(-1.5f64.sqrt()).as_deref(), Some("-sqrt(3/2)"));
        assert_eq!(name(0.5 / std::f64::consts::PI).as_deref(), Some("1/(2 pi)"));
        assert_eq!(name(1.0 / std::f64::consts::LN_2).as_deref(), Some("1/ln(2)"));
        assert_eq!(name(0.123456), None);
        // At two digits everything is a fraction.
        assert_eq!(known(0.5, None, 1e-2), None);
    }
}
