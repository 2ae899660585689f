//! What a check found, as data and as text.

use crate::error::{Error, Result};
use crate::tensor::Shape;
use std::fmt;

/// What a check says about one element, one parameter, or the whole function.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, check::Verdict, gradcheck};
/// let of = |x: f64| gradcheck(&[("x", Tensor::scalar(x))], |p| p[0].relu()).verdict();
/// assert_eq!(of(0.5), Verdict::Agrees);
/// assert_eq!(of(0.0), Verdict::Inconclusive); // a kink
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The values agree within the tolerance.
    Agrees,
    /// The numbers cannot tell: a kink at the point, or noise above the tolerance.
    Inconclusive,
    /// The values differ by more than can be explained.
    Differs,
}

/// What the gradient of reverse mode was held against.
///
/// See the example of [`Finding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// The derivative of forward mode, which is exact up to rounding.
    ForwardMode,
    /// Central differences, extrapolated to step 0.
    Differences,
}

/// Where in a parameter.
///
/// See the example of [`Finding`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The element with this index.
    Element(Vec<usize>),
    /// Along the random direction of this number.
    Direction(usize),
}

/// One comparison.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, check::{Against, Place, Verdict}, gradcheck};
/// // A factor is taken off the tape: the function is x^2, and its gradient x.
/// let report = gradcheck(&[("x", Tensor::from([0.0, 3.0]))], |p| (p[0].detach() * p[0]).sum(()));
/// let finding = report.differences()[0];
/// assert_eq!((finding.parameter.as_str(), &finding.place), ("x", &Place::Element(vec![1])));
/// assert_eq!((finding.against, finding.verdict), (Against::Differences, Verdict::Differs));
/// assert_eq!(finding.analytic, 3.0);
/// assert!((finding.numeric - 6.0).abs() < 1e-6);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// The parameter's name.
    pub parameter: String,
    /// Where in the parameter.
    pub place: Place,
    /// What the gradient was held against.
    pub against: Against,
    /// The derivative from reverse mode.
    pub analytic: f64,
    /// The derivative from forward mode or differences; NaN where there is none.
    pub numeric: f64,
    /// |analytic - numeric| / max(|analytic| + |numeric|, floor).
    pub relative_error: f64,
    /// How far the numeric value is to be trusted.
    pub uncertainty: f64,
    /// The step of the differences; 0 for forward mode.
    pub step: f64,
    /// The relative error that was allowed.
    pub tolerance: f64,
    /// What follows.
    pub verdict: Verdict,
    /// Why it is inconclusive.
    pub reason: Option<String>,
}

/// What was found about one parameter.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, check::Verdict, gradcheck};
/// let parameters = [("w", Tensor::from([0.0, 2.0, -1.0])), ("b", Tensor::scalar(0.5))];
/// let report = gradcheck(&parameters, |p| (p[0].relu() * p[1]).sum(()));
/// let w = report.parameter("w").unwrap();
/// // At 0 there is a kink, which decides nothing; the others agree.
/// assert_eq!((w.checked, w.agreeing, w.inconclusive, w.differing), (3, 2, 1, 0));
/// assert_eq!(w.verdict(), Verdict::Agrees);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ParameterReport {
    /// The parameter's name.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
    /// How many elements or directions were checked.
    pub checked: usize,
    /// How many of them agree.
    pub agreeing: usize,
    /// How many are inconclusive.
    pub inconclusive: usize,
    /// How many differ.
    pub differing: usize,
    /// The largest relative error against differences among those that agree.
    pub worst_agreeing: f64,
    /// Every comparison that does not agree, in order.
    pub findings: Vec<Finding>,
}

impl ParameterReport {
    pub(super) fn new(name: &str, shape: &Shape) -> Self {
        Self {
            name: name.into(),
            shape: shape.clone(),
            checked: 0,
            agreeing: 0,
            inconclusive: 0,
            differing: 0,
            worst_agreeing: 0.0,
            findings: Vec::new(),
        }
    }

    /// Takes in the comparisons of one element or direction.
    pub(super) fn add(&mut self, findings: Vec<Finding>) {
        self.checked += 1;
        match findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Agrees) {
            Verdict::Agrees => self.agreeing += 1,
            Verdict::Inconclusive => self.inconclusive += 1,
            Verdict::Differs => self.differing += 1,
        }
        for finding in findings {
            if finding.verdict != Verdict::Agrees {
                self.findings.push(finding);
            } else if finding.against == Against::Differences {
                self.worst_agreeing = self.worst_agreeing.max(finding.relative_error);
            }
        }
    }

    /// Differs if any element does; inconclusive if none could be decided; else agrees.
    pub fn verdict(&self) -> Verdict {
        match (self.differing, self.agreeing) {
            (1.., _) => Verdict::Differs,
            (0, 0) if self.checked > 0 => Verdict::Inconclusive,
            _ => Verdict::Agrees,
        }
    }
}

/// The result of a gradient check: print it, look into it, or [`assert`](GradcheckReport::assert) it.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, gradcheck};
/// let x = Tensor::from([[0.3, -1.2], [2.0, 0.1]]);
/// let report = gradcheck(&[("x", x)], |p| p[0].tanh());
/// assert!(report.passed() && report.differences().is_empty());
/// assert_eq!(report.parameters[0].checked, 4);
/// let report = report.into_result()?;
/// assert_eq!(report.check(), "gradcheck");
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a report says nothing until it is asserted, printed or looked into"]
#[non_exhaustive]
pub struct GradcheckReport {
    /// 1 for gradcheck, 2 for gradgradcheck.
    pub order: u8,
    /// `"f64"` or `"f32"`: the precision of the gradient.
    pub element: &'static str,
    /// Whether random directions were checked instead of elements.
    pub fast: bool,
    /// The relative error allowed against differences.
    pub tolerance: f64,
    /// What was found, by parameter.
    pub parameters: Vec<ParameterReport>,
    /// What could not be checked, though the rest was.
    pub notes: Vec<String>,
    /// Why nothing could be checked.
    pub refusal: Option<Error>,
}

/// Findings printed in full by a failing assertion.
const SHOWN: usize = 8;

impl GradcheckReport {
    /// The name of the check: gradcheck or gradgradcheck.
    pub fn check(&self) -> &'static str {
        if self.order == 1 { "gradcheck" } else { "gradgradcheck" }
    }

    /// Differs if any parameter does or the check was refused; inconclusive if any parameter is; else agrees.
    pub fn verdict(&self) -> Verdict {
        if self.refusal.is_some() {
            return Verdict::Differs;
        }
        self.parameters.iter().map(ParameterReport::verdict).max().unwrap_or(Verdict::Agrees)
    }

    /// Whether every parameter agrees.
    pub fn passed(&self) -> bool {
        self.verdict() == Verdict::Agrees
    }

    /// The parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<&ParameterReport> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// Every comparison that differs, those with the largest relative errors first.
    pub fn differences(&self) -> Vec<&Finding> {
        self.sorted(Verdict::Differs)
    }

    fn sorted(&self, verdict: Verdict) -> Vec<&Finding> {
        let all = self.parameters.iter().flat_map(|parameter| &parameter.findings);
        let mut found: Vec<&Finding> = all.filter(|finding| finding.verdict == verdict).collect();
        // NaN counts as the largest.
        found.sort_by(|a, b| b.relative_error.total_cmp(&a.relative_error));
        found
    }

    /// The report, if every parameter agrees.
    ///
    /// # Errors
    /// The check was refused, or a parameter differs or is inconclusive: what, where, and by how much.
    pub fn into_result(self) -> Result<GradcheckReport> {
        match self.failure() {
            None => Ok(self),
            Some(message) => Err(self.refusal.unwrap_or_else(|| Error::check(message))),
        }
    }

    /// For tests: nothing if every parameter agrees, else a panic that says what differs, where, and by how much.
    ///
    /// # Panics
    /// The check was refused, or a parameter differs, or is inconclusive in every element.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tensor, gradcheck};
    /// let x = Tensor::from([[0.3, -1.2], [2.0, 0.1]]);
    /// gradcheck(&[("x", x)], |p| p[0].tanh()).assert();
    /// ```
    #[track_caller]
    pub fn assert(&self) {
        if let Some(message) = self.failure() {
            panic!("{message}");
        }
    }

    fn failure(&self) -> Option<String> {
        if let Some(refusal) = &self.refusal {
            return Some(refusal.to_string());
        }
        let verdict = self.verdict();
        if verdict == Verdict::Agrees {
            return None;
        }
        let found = self.sorted(verdict);
        let mut lines: Vec<String> = found.iter().take(SHOWN).map(|finding| self.line(finding)).collect();
        if found.len() > SHOWN {
            lines.push(format!("... and {} more", found.len() - SHOWN));
        }
        lines
            .extend(self.parameters.iter().filter(|parameter| parameter.verdict() == verdict).map(|p| self.summary(p)));
        if verdict == Verdict::Inconclusive {
            lines.push("nothing was verified there: move the point off the kink, or raise the tolerance".into());
        }
        Some(lines.join("\n"))
    }

    fn line(&self, finding: &Finding) -> String {
        let place = match &finding.place {
            Place::Element(index) => format!("index {index:?}"),
            Place::Direction(number) => format!("along random direction {number}"),
        };
        let head = format!("{}: {}, {place}", self.check(), finding.parameter);
        let digits = digits(finding.relative_error);
        let (a, n) = (significant(finding.analytic, digits), significant(finding.numeric, digits));
        let (ours, theirs) = match finding.against {
            Against::ForwardMode => ("reverse", "forward"),
            Against::Differences => ("analytic", "numeric"),
        };
        let step = match finding.against {
            Against::ForwardMode => String::new(),
            Against::Differences => format!(", step {}", short(finding.step)),
        };
        let reason = match &finding.reason {
            Some(reason) if finding.numeric.is_nan() => return format!("{head}: {ours} {a}: inconclusive, {reason}"),
            Some(reason) => format!(": inconclusive, {reason}"),
            None => String::new(),
        };
        format!(
            "{head}: {ours} {a}, {theirs} {n} (rel {}, tol {}{step}, {}){reason}",
            short(finding.relative_error),
            short(finding.tolerance),
            self.element
        )
    }

    fn summary(&self, parameter: &ParameterReport) -> String {
        let ParameterReport { name, shape, checked, agreeing, inconclusive, differing, worst_agreeing, .. } = parameter;
        let of = match (self.fast, shape.numel()) {
            (true, _) => format!("{checked} directions"),
            (false, n) if n > *checked => format!("{checked} of {n} elements"),
            (false, _) => format!("{checked} elements"),
        };
        let word = match parameter.verdict() {
            Verdict::Agrees => "agrees",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Differs => "differs",
        };
        let worst = if *agreeing > 0 { format!(" (worst rel {})", short(*worst_agreeing)) } else { String::new() };
        let others: String = [(differing, "differ"), (inconclusive, "inconclusive")]
            .iter()
            .filter(|(count, _)| **count > 0)
            .map(|(count, word)| format!(", {count} {word}"))
            .collect();
        format!("{name} {shape} {word}: of {of} {agreeing} agree{worst}{others}")
    }
}

impl fmt::Display for GradcheckReport {
    /// A line for the whole, one for each parameter, and one for each comparison that does not agree.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(refusal) = &self.refusal {
            return write!(f, "{refusal}");
        }
        let how = if self.fast { "random directions" } else { "every element" };
        let word = match self.verdict() {
            Verdict::Agrees => "agrees",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Differs => "differs",
        };
        write!(f, "{} ({}, {how}, tol {}): {word}", self.check(), self.element, short(self.tolerance))?;
        for parameter in &self.parameters {
            write!(f, "\n  {}", self.summary(parameter))?;
            for finding in parameter.findings.iter().take(SHOWN) {
                write!(f, "\n    {}", self.line(finding))?;
            }
            if parameter.findings.len() > SHOWN {
                write!(f, "\n    ... and {} more", parameter.findings.len() - SHOWN)?;
            }
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n  note: {note}"))
    }
}

/// As many digits as show a relative difference, at least five.
pub(super) fn digits(relative: f64) -> usize {
    if relative > 0.0 { (2.0 - relative.log10()).clamp(5.0, 17.0) as usize } else { 5 }
}

/// A number to this many significant digits.
pub(crate) fn significant(x: f64, digits: usize) -> String {
    let size = x.abs();
    if x == 0.0 || !x.is_finite() {
        return x.to_string();
    }
    if !(1e-4..1e6).contains(&size) {
        return format!("{x:.*e}", digits - 1);
    }
    format!("{x:.*}", (digits as i32 - 1 - size.log10().floor() as i32).max(0) as usize)
}

/// A small number in a few characters: 1.1e-1, 1e-6.
pub(super) fn short(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return x.to_string();
    }
    format!("{x:.1e}").replace(".0e", "e")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_with_the_digits_that_tell_them_apart() {
        assert_eq!(significant(0.419974, digits(0.11)), "0.41997");
        assert_eq!(significant(0.4199743417, digits(1e-6)), "0.41997434");
        assert_eq!(significant(-12345.678, 5), "-12346");
        assert_eq!(significant(1.5e-7, 5), "1.5000e-7");
        assert_eq!(significant(f64::NAN, 5), "NaN");
        assert_eq!((short(0.107), short(1e-6), short(0.0)), ("1.1e-1".into(), "1e-6".into(), "0".into()));
    }
}
