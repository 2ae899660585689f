//! What a comparison found, as data and as text.

use super::Kind;
use super::four::ROUNDING;
use crate::check::Verdict;
use crate::check::report::{digits, short, significant};
use crate::error::{Error, Result};
use crate::tensor::{Shape, Tensor};
use std::fmt;
use std::time::Duration;

/// Which of hand-coded and autodiff is confirmed by forward mode and differences.
///
/// # Examples
/// ```
/// use retrograd::{check::Compare, check::compare::Right};
/// let report = Compare::new(|p| p[0].exp() + p[1]).parameter("x", 0.0).parameter("y", 2.0);
/// let report = report.hand("x", 1.0).hand("y", 2.0).run()?;
/// assert_eq!(report.block("x").unwrap().right, Right::Both);
/// assert_eq!(report.block("y").unwrap().right, Right::Autodiff);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Both: they agree.
    Both,
    /// Autodiff: forward mode and differences give what reverse mode gives.
    Autodiff,
    /// The hand-coded values: forward mode and differences give what they are.
    HandCoded,
    /// Neither of the two: differences contradict both, whether or not they agree with each other.
    Neither,
    /// Nothing tells: forward mode and differences do not agree with each other or could not be computed, or the two are
    /// different choices at a kink of the function.
    Undecided,
}

/// The element in which a hand-coded gradient is farthest from autodiff, with its four values.
///
/// # Examples
/// ```
/// use retrograd::{Tensor, check::Compare};
/// let report = Compare::new(|p| p[0].square().sum(()))
///     .parameter("x", [1.0, 2.0, 3.0])
///     .hand("x", [2.0, 4.0, 3.0]) // the last one should be 6
///     .run()?;
/// let worst = report.blocks[0].worst.as_ref().unwrap();
/// assert_eq!((&worst.index[..], worst.hand, worst.reverse, worst.forward), (&[2][..], 3.0, 6.0, 6.0));
/// assert!((worst.numeric - 6.0).abs() < 1e-6);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Worst {
    /// Where it is.
    pub index: Vec<usize>,
    /// The hand-coded value.
    pub hand: f64,
    /// The value from reverse mode.
    pub reverse: f64,
    /// The value from forward mode; NaN where there is none.
    pub forward: f64,
    /// The value from extrapolated central differences; NaN where there is none.
    pub numeric: f64,
}

/// One hand-coded gradient beside autodiff.
///
/// # Examples
/// ```
/// use retrograd::check::Compare;
/// let report = Compare::new(|p| p[0].square().sum(()))
///     .parameter("x", [1.0, 2.0])
///     .hand("x", [1.0, 2.0]) // half of what it should be
///     .run()?;
/// let block = report.block("x").unwrap();
/// assert!(!block.agrees());
/// assert_eq!((block.max_absolute, block.max_relative), (2.0, 0.5));
/// assert!((block.cosine - 1.0).abs() < 1e-15);
/// assert_eq!(block.reverse.to_vec(), [2.0, 4.0]);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Block {
    /// The name of the parameter or intermediate.
    pub name: String,
    /// The shape of the parameter, and of its gradient.
    pub shape: Shape,
    /// The largest |hand-coded - reverse|; NaN for a wrong shape.
    pub max_absolute: f64,
    /// The same relative to the largest value of the gradient; NaN for a wrong shape.
    pub max_relative: f64,
    /// The cosine of the angle between the two; NaN for a wrong shape or zeros.
    pub cosine: f64,
    /// The element that is farthest off, or the largest where only rounding differs; where differences contradict both, the one
    /// that they contradict most. None for a wrong shape.
    pub worst: Option<Worst>,
    /// Whether hand-coded and reverse mode agree and nothing contradicts them; inconclusive where they are different choices at
    /// a kink.
    pub verdict: Verdict,
    /// Why it is inconclusive, or why autodiff is contradicted by differences.
    pub reason: Option<String>,
    /// Who is right.
    pub right: Right,
    /// Whether hand-coded and reverse mode agree with each other, whatever else is found.
    pub(super) matches: bool,
    /// The hand-coded values.
    pub hand: Tensor<f64>,
    /// The gradient from reverse mode.
    pub reverse: Tensor<f64>,
    /// The gradient from forward mode; NaN where it was not computed.
    pub forward: Tensor<f64>,
    /// The gradient from differences; NaN where it was not or could not be computed.
    pub numeric: Tensor<f64>,
}

impl Block {
    /// Whether hand-coded and reverse mode agree, and nothing contradicts them.
    pub fn agrees(&self) -> bool {
        self.verdict == Verdict::Agrees
    }
    /// Whether it agrees with autodiff, and differences contradict both.
    fn is_contradicted(&self) -> bool {
        self.verdict == Verdict::Differs && self.matches
    }
    /// Whether it is the hand-coded gradient that is wrong, as far as anything tells.
    pub(super) fn is_mistaken(&self) -> bool {
        self.verdict == Verdict::Differs && self.reason.is_none() && self.right != Right::HandCoded
    }
    pub(super) fn row(&self) -> Vec<String> {
        let verdict = match self.verdict {
            Verdict::Agrees => "agree",
            Verdict::Inconclusive => "undecided",
            Verdict::Differs if self.matches => "contradicted",
            Verdict::Differs => "differ",
        };
        let right = match self.right {
            Right::Both => "both",
            Right::Autodiff => "autodiff",
            Right::HandCoded => "hand-coded",
            Right::Neither => "neither",
            Right::Undecided => "undecided",
        };
        let mut row = vec![self.name.clone(), self.shape.to_string(), verdict.into(), right.into()];
        let Some(worst) = &self.worst else {
            let shape = if self.hand.shape() == &self.shape { String::new() } else { self.hand.shape().to_string() };
            row.push(if shape.is_empty() { "empty".into() } else { format!("hand-coded shape {shape}") });
            return row;
        };
        let small = self.max_relative < ROUNDING;
        let error = |x: f64| if small { "0".into() } else { short(x) };
        row.extend([error(self.max_absolute), error(self.max_relative), format!("{:.6}", self.cosine)]);
        row.push(if worst.index.is_empty() { "-".into() } else { format!("{:?}", worst.index) });
        let digits = if self.agrees() { 6 } else { digits(self.max_relative).min(12) };
        row.extend([worst.hand, worst.reverse].map(|x| significant(x, digits)));
        // There is none where it was not or could not be computed.
        row.extend(
            [worst.forward, worst.numeric].map(|x| if x.is_nan() { "-".into() } else { significant(x, digits) }),
        );
        row
    }
}

/// One mistake of a derivation.
///
/// # Examples
/// ```
/// use retrograd::check::Compare;
/// let report = Compare::new(|p| p[0].tanh().named("a").square().sum(()))
///     .parameter("x", [0.5, 1.0])
///     .hand("x", [2.0 * f64::tanh(0.5), 2.0 * f64::tanh(1.0)]) // without 1 - a^2
///     .run()?;
/// let mistake = &report.diagnosis.best().unwrap().mistakes[0];
/// assert_eq!((mistake.op.as_deref(), mistake.node.as_deref()), (Some("tanh"), Some("a")));
/// println!("{}", mistake.text);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Mistake {
    /// What kind of mistake.
    pub kind: Kind,
    /// The node where it was made, by its name or op and number.
    pub node: Option<String>,
    /// All nodes whose derivatives are in the statement that is wrong.
    pub nodes: Vec<String>,
    /// The op of that node.
    pub op: Option<String>,
    /// The scope in which it was recorded.
    pub scope: Option<String>,
    /// The source line that recorded it.
    pub site: Option<String>,
    /// The factor that it comes to, for mistakes that are one.
    pub factor: Option<f64>,
    /// The statement of the derivation as it was written, where that is known: "dZ = dA * A".
    pub wrong: Option<String>,
    /// The same as it should be: "dZ = dA * A * (1 - A)".
    pub right: Option<String>,
    /// What was done wrong, in words.
    pub text: String,
}

/// What would have to be wrong for the hand-coded values to come out.
///
/// # Examples
/// ```
/// use retrograd::{check::Compare, check::compare::Kind};
/// let report = Compare::new(|p| p[0].square().sum(()) * p[1])
///     .parameter("x", [1.0, 2.0])
///     .parameter("rate", 0.5)
///     .hand("x", [-1.0, -2.0]) // the other sign
///     .hand("rate", 5.0)
///     .run()?;
/// let best = report.diagnosis.best().unwrap();
/// assert_eq!((best.blocks.as_slice(), best.mistakes.len()), (&["x".to_owned()][..], 1));
/// assert!(best.fit < 1e-9);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Hypothesis {
    /// The mistakes that together give the hand-coded values.
    pub mistakes: Vec<Mistake>,
    /// The hand-coded gradients that they explain: all that differ.
    pub blocks: Vec<String>,
    /// Whether the gradients that agree would still agree with the mistake made in the derivation of all. Otherwise it was
    /// made in the formulas of the explained ones alone.
    pub shared: bool,
    /// The largest error left, relative to the largest value of a gradient.
    pub fit: f64,
    /// The whole in a sentence.
    pub text: String,
}

impl Hypothesis {
    /// The kind of the first mistake.
    pub fn kind(&self) -> Kind {
        self.mistakes[0].kind
    }
}

/// The explanations that fit.
///
/// # Examples
/// ```
/// use retrograd::check::Compare;
/// let x = [1.0, 2.0, 3.0];
/// let compare = |by_hand: [f64; 3]| Compare::new(|p| p[0].square().sum(())).parameter("x", x).hand("x", by_hand);
/// let wrong = compare([1.0, 2.0, 3.0]).run()?.diagnosis;
/// assert!(wrong.best().is_some() && wrong.singles > 0);
/// // Numbers that nothing explains get no explanation.
/// let odd = compare([0.3, -7.1, 0.02]).run()?.diagnosis;
/// assert!(odd.best().is_none() && odd.complete);
/// // They are described instead: each line says what a person would look at next.
/// assert!(odd.description[0].starts_with("your x: 0.950 times as long as the true gradient at a cosine of"));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Diagnosis {
    /// Explanations, the simplest first. They give the same values at the point, so nothing here tells them apart.
    pub explanations: Vec<Hypothesis>,
    /// Where there are none: in what, and in which elements, each gradient differs, and where the mistake must be by which
    /// gradients are wrong.
    pub description: Vec<String>,
    /// How many mistakes were tried, one at a time.
    pub singles: usize,
    /// How many pairs of mistakes were tried.
    pub pairs: usize,
    /// Whether every hypothesis was tried within the budget.
    pub complete: bool,
    /// How many explanations fit where one would by chance, since the values are too few for their tolerance. They are not
    /// reported.
    pub by_chance: usize,
}

impl Diagnosis {
    /// The simplest explanation, if any fits.
    pub fn best(&self) -> Option<&Hypothesis> {
        self.explanations.first()
    }
    /// The kind of the simplest explanation's first mistake.
    pub fn kind(&self) -> Option<Kind> {
        self.best().map(Hypothesis::kind)
    }
}

/// Places that a report shows: that of the best explanation, and the next ones.
const PLACES: usize = 3;

impl Diagnosis {
    /// The best explanation, the best ones of other places, at most three in all, and how many more there are.
    ///
    /// Explanations of one place that give the same numbers are mostly the same mistake in other words.
    pub(super) fn by_place(&self) -> (Vec<&Hypothesis>, usize) {
        let mut shown: Vec<&Hypothesis> = Vec::new();
        for explanation in &self.explanations {
            if shown.len() < PLACES && shown.iter().all(|known| !known.is_at_place_of(explanation)) {
                shown.push(explanation);
            }
        }
        let more = self.explanations.len() - shown.len();
        (shown, more)
    }

    /// What there is to say where nothing explains the values, line by line.
    pub(super) fn unexplained(&self) -> Vec<String> {
        let tried = self.singles + self.pairs;
        let ended = if self.complete { "" } else { " (the budget ended the search)" };
        let chance = match self.by_chance {
            0 => format!("no mistake among {tried} tried gives these numbers{ended}"),
            n => format!(
                "{n} of {tried} mistakes tried fit, as they might by chance: too few or too coarse values{ended}"
            ),
        };
        self.description.iter().cloned().chain([chance]).collect()
    }
}

impl Hypothesis {
    /// The statements as they were written and as they should be, each pair once.
    pub(super) fn statements(&self) -> Vec<(&str, &str)> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for mistake in &self.mistakes {
            if let (Some(wrong), Some(right)) = (&mistake.wrong, &mistake.right)
                && !pairs.contains(&(wrong, right))
            {
                pairs.push((wrong, right));
            }
        }
        pairs
    }

    /// Whether the same nodes' derivatives are wrong.
    fn is_at_place_of(&self, other: &Hypothesis) -> bool {
        let place = |explanation: &Hypothesis| {
            let nodes = explanation.mistakes.iter().flat_map(|mistake| &mistake.nodes);
            nodes.cloned().collect::<std::collections::BTreeSet<String>>()
        };
        // What is no statement of a node is told by its kind.
        let (here, there) = (place(self), place(other));
        here == there && (!here.is_empty() || self.kind() == other.kind())
    }
}

impl fmt::Display for Diagnosis {
    /// The best explanation, with the statement as it is and as it should be; then, a line each, those of other places that
    /// give the same numbers. Without an explanation: how the gradients differ.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(best) = self.best() else { return f.write_str(&self.unexplained().join("\n  ")) };
        f.write_str(&best.text)?;
        for (wrong, right) in best.statements() {
            let width = wrong.chars().count().max(right.chars().count());
            write!(f, "\n    {wrong:<width$}    {AS_IT_IS}\n    {right:<width$}    {AS_IT_SHOULD_BE}")?;
        }
        let (shown, more) = self.by_place();
        for other in &shown[1..] {
            write!(f, "\n  {SAME} {}", other.text)?;
        }
        match more {
            0 => Ok(()),
            more => write!(f, "\n  {}", and_more(more)),
        }
    }
}

/// What stands beside the two statements.
pub(super) const AS_IT_IS: &str = "as it is";
pub(super) const AS_IT_SHOULD_BE: &str = "as it should be";
/// What stands before an explanation that gives the same numbers.
pub(super) const SAME: &str = "the same at this point:";

/// What is said of explanations that are not shown.
pub(super) fn and_more(more: usize) -> String {
    let come = if more == 1 { "comes" } else { "come" };
    format!("and {more} more that {come} to the same")
}

/// How long each took, at best.
///
/// # Examples
/// ```
/// use retrograd::check::Compare;
/// let x = [1.0, 2.0];
/// let by_hand = || x.map(|x| 2.0 * x);
/// let report = Compare::new(|p| p[0].square().sum(())).parameter("x", x).hand("x", by_hand()).time(by_hand).run()?;
/// let timing = report.timing.unwrap();
/// assert!(timing.ratio() > 0.0 && timing.program_ratio().is_ok());
/// println!("{timing}");
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Timing {
    /// The hand-coded computation.
    pub hand: Duration,
    /// Recording the function, and one backward sweep.
    pub autodiff: Duration,
    /// A run of the function with its gradients as a compiled [`Program`](crate::Program), or why there is none.
    pub program: std::result::Result<Duration, String>,
}

impl Timing {
    /// The time of autodiff over that of the hand-coded computation.
    pub fn ratio(&self) -> f64 {
        self.over_hand(self.autodiff)
    }
    /// The time of the compiled program over that of the hand-coded computation, or why there is none.
    pub fn program_ratio(&self) -> std::result::Result<f64, &str> {
        self.program.as_ref().map(|&program| self.over_hand(program)).map_err(String::as_str)
    }
    fn over_hand(&self, time: Duration) -> f64 {
        time.as_secs_f64() / self.hand.as_secs_f64().max(1e-9)
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = |time: Duration| time.as_secs_f64() * 1e6;
        let (hand, auto) = (us(self.hand), us(self.autodiff));
        write!(f, "hand-coded {hand:.1} us, autodiff {auto:.1} us, ratio {:.1}", self.ratio())?;
        match &self.program {
            Ok(program) => write!(f, ", program {:.1} us, ratio {:.1}", us(*program), self.over_hand(*program)),
            Err(why) => write!(f, ", no program: {why}"),
        }
    }
}

/// The result of a comparison: print it, look into it, or [`assert`](Comparison::assert) it.
///
/// # Examples
/// ```
/// use retrograd::check::{Compare, Verdict};
/// let report = Compare::new(|p| p[0].square().sum(())).parameter("x", [1.0, 2.0]).hand("x", [1.0, 2.0]).run()?;
/// assert_eq!((report.value, report.agrees(), report.largest()), (5.0, false, 0.5));
/// assert!(report.to_string().starts_with("compare: 1 of 1 hand-coded gradients differs from autodiff"));
/// assert!(report.into_result().is_err_and(|error| error.is_check()));
///
/// // At 0, 1 is as good a slope of relu as the 0 that autodiff takes: a choice, and no mistake.
/// let choice = Compare::new(|p| p[0].relu()).parameter("x", 0.0).hand("x", 1.0).run()?;
/// assert_eq!(choice.verdict(), Verdict::Inconclusive);
/// choice.assert();
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a comparison says nothing until it is asserted, printed or looked into"]
#[non_exhaustive]
pub struct Comparison {
    /// The value of the function at the point.
    pub value: f64,
    /// The value of the hand-coded function, where it was given.
    pub hand_value: Option<f64>,
    /// Whether the two values are the same; inconclusive where the hand-coded one was not given. Where they differ, nothing
    /// else was compared.
    pub value_verdict: Verdict,
    /// One for each hand-coded gradient, in order; none where the values differ.
    pub blocks: Vec<Block>,
    /// What the mistake is; empty where all agree.
    pub diagnosis: Diagnosis,
    /// How long each took, where asked for.
    pub timing: Option<Timing>,
    /// What could not be compared, though the rest was, and what a reader would want to know.
    pub notes: Vec<String>,
}

impl Comparison {
    /// What follows from all: [`Differs`](Verdict::Differs) if the values or a gradient differ, or differences contradict a gradient that
    /// agrees with autodiff; else [`Inconclusive`](Verdict::Inconclusive) if a gradient is another choice at a kink.
    pub fn verdict(&self) -> Verdict {
        let values = if self.value_verdict == Verdict::Differs { Verdict::Differs } else { Verdict::Agrees };
        self.blocks.iter().map(|block| block.verdict).fold(values, Verdict::max)
    }
    /// Whether nothing differs. A choice at a kink is no difference: [`verdict`](Self::verdict) and the report tell it from
    /// agreement.
    pub fn agrees(&self) -> bool {
        self.verdict() != Verdict::Differs
    }
    /// The gradient of this name.
    pub fn block(&self, name: &str) -> Option<&Block> {
        self.blocks.iter().find(|block| block.name == name)
    }
    /// The largest relative disagreement; infinite for a wrong shape, and for two different functions.
    pub fn largest(&self) -> f64 {
        let error = |block: &Block| if block.max_relative.is_nan() { f64::INFINITY } else { block.max_relative };
        let values = if self.value_verdict == Verdict::Differs { f64::INFINITY } else { 0.0 };
        self.blocks.iter().map(error).fold(values, f64::max)
    }

    /// For tests: nothing if nothing differs, else a panic with the report: what differs, by how much, who is right, and what
    /// the mistake is. A choice at a kink passes; a test that wants none at its point asserts that
    /// [`verdict`](Self::verdict) is [`Agrees`](Verdict::Agrees).
    ///
    /// # Panics
    /// A gradient differs, or is contradicted by differences; or the hand-coded value is that of another function.
    #[track_caller]
    pub fn assert(&self) {
        if !self.agrees() {
            panic!("{self}");
        }
    }

    /// The comparison, if nothing differs, as for [`assert`](Self::assert).
    ///
    /// # Errors
    /// Something differs: the report.
    pub fn into_result(self) -> Result<Self> {
        if self.agrees() { Ok(self) } else { Err(Error::check(self.to_string())) }
    }

    /// The value of the function, and the hand-coded one.
    pub(super) fn values(&self) -> String {
        match (self.hand_value, self.value_verdict) {
            (Some(by_hand), Verdict::Differs) => {
                let relative = (by_hand - self.value).abs() / by_hand.abs().max(self.value.abs());
                let [by_hand, value] = [by_hand, self.value].map(|x| significant(x, digits(relative)));
                format!("hand-coded {by_hand}, function {value}")
            }
            (Some(_), _) => format!("{}, hand-coded the same", significant(self.value, 6)),
            (None, _) => significant(self.value, 6),
        }
    }

    /// Whether a mistake was looked for.
    pub(super) fn has_diagnosis(&self) -> bool {
        self.blocks.iter().any(Block::is_mistaken)
    }

    /// The first line: how many agree.
    pub(super) fn headline(&self) -> String {
        if self.value_verdict == Verdict::Differs {
            return "two different functions are compared: the hand-coded value is not the function's".into();
        }
        let count = |verdict| self.blocks.iter().filter(|block| block.verdict == verdict).count();
        let contradicted = self.blocks.iter().filter(|block| block.is_contradicted()).count();
        let (n, undecided, differing) =
            (self.blocks.len(), count(Verdict::Inconclusive), count(Verdict::Differs) - contradicted);
        let s = |d: usize| if d == 1 { "s" } else { "" };
        let mut parts = Vec::new();
        if differing > 0 {
            parts.push(format!("{differing} of {n} hand-coded gradients differ{} from autodiff", s(differing)));
        }
        if contradicted > 0 {
            let agree = s(contradicted);
            parts.push(format!(
                "{contradicted} of {n} hand-coded gradients agree{agree} with autodiff and {} contradicted by differences",
                if contradicted == 1 { "is" } else { "are" }
            ));
        }
        if undecided > 0 {
            let (is, choice) = if undecided == 1 { ("is", "a choice") } else { ("are", "choices") };
            parts.push(format!("{undecided} of {n} hand-coded gradients {is} undecided, {choice} at a kink"));
        }
        match (parts.is_empty(), n) {
            (true, 1) => "the hand-coded gradient agrees with autodiff".into(),
            (true, n) => format!("all {n} hand-coded gradients agree with autodiff"),
            (false, _) => parts.join("; "),
        }
    }
}

pub(super) const HEADINGS: [&str; 12] = [
    "gradient",
    "shape",
    "verdict",
    "right",
    "max abs",
    "max rel",
    "cosine",
    "worst at",
    "hand-coded",
    "reverse",
    "forward",
    "differences",
];

impl fmt::Display for Comparison {
    /// A line for the whole, a table with a row for each gradient, the value, and the diagnosis. Errors of rounding (1e-12) print as 0.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "compare: {}", self.headline())?;
        if self.value_verdict == Verdict::Differs {
            write!(f, "\n  value: {}", self.values())?;
            return self.notes.iter().try_for_each(|note| write!(f, "\nnote: {note}"));
        }
        let mut rows = vec![HEADINGS.map(String::from).to_vec()];
        rows.extend(self.blocks.iter().map(Block::row));
        // The remark on a wrong shape may run into the columns that it leaves empty.
        let width = |column: usize| {
            let cells = rows.iter().filter(|row| row.len() > column + 1);
            cells.map(|row| row[column].chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
        for row in &rows {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &w)| format!("{cell:<w$}")).collect();
            write!(f, "\n  {}", cells.join("  ").trim_end())?;
        }
        write!(f, "\nvalue: {}", self.values())?;
        if self.has_diagnosis() {
            write!(f, "\ndiagnosis: {}", self.diagnosis)?;
        }
        if let Some(timing) = &self.timing {
            write!(f, "\ntiming: {timing}")?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "\nnote: {note}"))
    }
}
