//! What counts as equal, and the report of a file.

use crate::json::Json;
use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Relative tolerance, unless the table of exceptions says otherwise.
pub const RELATIVE: f64 = 1e-12;
/// Absolute tolerance, in addition.
pub const ABSOLUTE: f64 = 1e-14;

/// Ops that need more than [`RELATIVE`], how much, and why.
const EXCEPTIONS: &[(&str, f64, &str)] = &[];

/// The relative tolerance of an op.
pub fn relative_tolerance(op: &str) -> f64 {
    EXCEPTIONS.iter().find(|(name, ..)| *name == op).map_or(RELATIVE, |&(_, relative, _)| relative)
}

/// What relative tolerances are relative to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Each element: values.
    Element,
    /// The array's largest finite entry: gradients and Hessians.
    Array,
}

/// The largest error among the elements in units of the tolerance, or what is wrong beyond that.
///
/// NaN equals NaN and an infinity itself, and nothing else.
pub fn error(got: &[f64], want: &[f64], relative: f64, absolute: f64, scale: Scale) -> Result<f64, String> {
    if got.len() != want.len() {
        return Err(format!("{} elements instead of {}", got.len(), want.len()));
    }
    let largest = want.iter().filter(|x| x.is_finite()).fold(0.0f64, |m, x| m.max(x.abs()));
    let mut worst = 0.0f64;
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        if got == want || (got.is_nan() && want.is_nan()) {
            continue;
        }
        let size = if scale == Scale::Element { want.abs() } else { largest };
        let error = (got - want).abs() / (relative * size + absolute);
        if error > 1.0 || error.is_nan() || !want.is_finite() {
            return Err(format!("element {i} is {got:e} instead of {want:e}, {error:.1} times the tolerance"));
        }
        worst = worst.max(error);
    }
    Ok(worst)
}

/// What ran of a file, and what failed.
pub struct Report {
    file: String,
    case: String,
    relative: f64,
    cases: usize,
    comparisons: BTreeMap<&'static str, usize>,
    worst: (f64, String),
    failures: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    /// Nothing yet.
    pub fn new(file: &str) -> Self {
        Report {
            file: file.into(),
            case: String::new(),
            relative: RELATIVE,
            cases: 0,
            comparisons: BTreeMap::new(),
            worst: (0.0, String::new()),
            failures: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The file's name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Runs a case; an error or a panic in it is a failure, and so is a case without a comparison.
    pub fn case(&mut self, case: &Json, run: fn(&Json, &mut Report) -> Result<(), String>) {
        self.case = case["id"].as_str().unwrap_or("a case without id").into();
        self.relative = case["op"].as_str().map_or(RELATIVE, relative_tolerance);
        let before = self.total();
        match catch_unwind(AssertUnwindSafe(|| run(case, self))) {
            Ok(Ok(())) if self.total() == before => self.fail("nothing was compared"),
            Ok(Ok(())) => self.cases += 1,
            Ok(Err(message)) => self.fail(&message),
            Err(panic) => {
                let message = panic.downcast_ref::<String>().cloned();
                let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
                self.fail(&format!("panicked: {}", message.unwrap_or_default()));
            }
        }
    }

    /// Compares at the case's tolerance.
    pub fn compare(&mut self, what: &'static str, got: &[f64], want: &[f64], scale: Scale) {
        self.compare_within(what, got, want, self.relative, ABSOLUTE, scale);
    }

    /// Compares at a tolerance of its own.
    pub fn compare_within(
        &mut self,
        what: &'static str,
        got: &[f64],
        want: &[f64],
        relative: f64,
        absolute: f64,
        scale: Scale,
    ) {
        *self.comparisons.entry(what).or_default() += 1;
        match error(got, want, relative, absolute, scale) {
            Err(message) => self.fail(&format!("{what}: {message}")),
            Ok(error) if error > self.worst.0 => self.worst = (error, format!("{}: {what}", self.case)),
            Ok(_) => {}
        }
    }

    /// Something to say in the summary that is no failure.
    pub fn note(&mut self, note: &str) {
        self.notes.push(format!("{}: {note}", self.case));
    }

    fn fail(&mut self, message: &str) {
        self.failures.push(format!("{}: {message}", self.case));
    }

    fn total(&self) -> usize {
        self.comparisons.values().sum()
    }

    /// The failures so far.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Prints what ran, and fails with the list of failures if there are any.
    ///
    /// Written to the stream itself, since the printing macros are captured in a test that passes.
    pub fn finish(self) {
        let mut text = format!("{}: {} cases, {} comparisons (", self.file, self.cases, self.total());
        let parts: Vec<_> = self.comparisons.iter().map(|(what, n)| format!("{what} {n}")).collect();
        text += &parts.join(", ");
        text += &format!("); largest error {:.2e} of the tolerance, {}", self.worst.0, self.worst.1);
        for note in &self.notes {
            text += &format!("\n  {note}");
        }
        // Where standard error is closed there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "{text}");
        assert!(self.total() > 0, "{}: nothing ran", self.file);
        assert!(
            self.failures.is_empty(),
            "{}: {} failures\n{}",
            self.file,
            self.failures.len(),
            self.failures.join("\n")
        );
    }
}

#[test]
fn an_error_beyond_the_tolerance_is_seen_and_one_within_is_not() {
    let element = |got: &[f64], want: &[f64]| error(got, want, RELATIVE, ABSOLUTE, Scale::Element);
    assert!(element(&[1.0 + 0.9e-12, 1e300], &[1.0, 1e300]).is_ok());
    assert!(element(&[1.0 + 2e-12, 1e300], &[1.0, 1e300]).is_err());
    assert!(error(&[1.0 + 2e-12, 2.0], &[1.0, 2.0], RELATIVE, ABSOLUTE, Scale::Array).is_ok());
    assert!(error(&[1.0 + 3e-12, 2.0], &[1.0, 2.0], RELATIVE, ABSOLUTE, Scale::Array).is_err());
    assert!(element(&[1.0], &[1.0, 1.0]).is_err());
}

#[test]
fn nan_and_infinities_equal_only_themselves() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    for (i, x) in [nan, inf, -inf, 1.0].into_iter().enumerate() {
        for (j, y) in [nan, inf, -inf, 1.0].into_iter().enumerate() {
            for scale in [Scale::Element, Scale::Array] {
                assert_eq!(error(&[x], &[y], RELATIVE, ABSOLUTE, scale).is_ok(), i == j, "{x} against {y}");
            }
        }
    }
}

#[test]
fn a_case_that_panics_fails_or_compares_nothing_is_a_failure() {
    let mut report = Report::new("made up");
    let case = serde_json::json!({"id": "made up/00"});
    report.case(&case, |_, _| panic!("no way"));
    report.case(&case, |_, _| Err("cannot".into()));
    report.case(&case, |_, _| Ok(()));
    report.case(&case, |_, report| {
        report.compare("value", &[1.0], &[2.0], Scale::Element);
        Ok(())
    });
    assert_eq!(report.failures().len(), 4, "{:?}", report.failures());
    assert!(report.failures()[0].contains("panicked: no way"));
}
