//! How a hand-coded gradient differs from the true one, where no mistake tried explains it: what a person would look at next.
//!
//! Each gradient that differs is described by *where* it does (the narrowest region with a name that is made of the wrong
//! elements) and by *what* stands there beside the truth (relations, the one that explains most first). What has been
//! computed right bounds the place of the mistake (`elimination`).
//!
//! A new relation is a function more in `RELATIONS`; nothing here knows which mistakes there are.

mod elimination;
mod number;
mod region;

use super::case::{Case, Target};
use super::factors::Factors;
use crate::check::gradcheck::index_of;
use crate::check::report::{short, significant};
use std::collections::HashMap;

/// Gradients that are described one by one, even where they follow from others.
const DESCRIBED: usize = 4;
/// Elements, and numbers of lines, that are listed one by one.
const LISTED: usize = 3;
const LINES: usize = 5;

/// Matrices of more rows and columns have their rank left alone.
const LARGEST: usize = 64;
/// What is so near is not told by its length and angle.
const NEAR: f64 = 0.1;
/// The largest error relative to the largest value that arithmetic in f32 leaves.
const SINGLE: f64 = 4e-6;
/// The same for numbers that are known to be of f32, and may have cancelled.
const CANCELLED: f64 = 1e-4;
/// What is smaller than any rounding in f32.
const LEAST: f64 = 1e-8;

/// How the gradients of these numbers differ, those alike in one sentence, the first wrong ones on the way back alone where
/// there are many; and where the mistake must be.
pub(super) fn describe(case: &Case, differing: &[usize]) -> Vec<String> {
    let (first, place) = elimination::of(case);
    let is_first = |k: &usize| differing.len() <= DESCRIBED || first.contains(&&*case.targets[*k].name);
    let (described, rest): (Vec<usize>, Vec<usize>) = differing.iter().partition(|k| is_first(k));
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for k in described {
        let target = &case.targets[k];
        let text = of_target(case, target);
        match groups.iter_mut().find(|(known, _)| *known == text) {
            Some((_, names)) => names.push(&target.name),
            None => groups.push((text, vec![&target.name])),
        }
    }
    let sentence = |(text, names): (String, Vec<&str>)| format!("your {}: {text}", listed(&names, "and"));
    let rest: Vec<&str> = rest.iter().map(|&k| &*case.targets[k].name).collect();
    let follow = (!rest.is_empty()).then(|| {
        let differ = if rest.len() == 1 { "differs too, and is" } else { "differ too, and are" };
        format!("your {} {differ} computed from what is wrong above", listed(&rest, "and"))
    });
    groups.into_iter().map(sentence).chain(follow).chain(place).collect()
}

fn of_target(case: &Case, target: &Target) -> String {
    let (shape, of) = (target.hand.shape(), target.truth.shape());
    if !target.has_right_shape() {
        let as_many = if shape.numel() == of.numel() { ", with as many numbers" } else { "" };
        return format!("of shape {shape} for {of}{as_many}");
    }
    let largest = |values: &mut dyn Iterator<Item = &f64>| {
        values.filter(|x| x.is_finite()).fold(0.0, |max: f64, x| max.max(x.abs()))
    };
    let size = largest(&mut target.hand.iter().chain(target.truth.iter()));
    let of_all = largest(&mut case.targets.iter().flat_map(|target| target.truth.iter()));
    Difference {
        hand: target.hand.as_slice(),
        truth: target.truth.as_slice(),
        value: Some((&target.name, target.value.as_slice())),
        dims: of.dims(),
        tolerance: target.tolerance,
        noise: target.tolerance * size + 1e-13 * of_all,
        factors: Some(&case.factors),
    }
    .text()
}

/// "a", "a and b", "a, b and 3 more".
fn listed<S: AsRef<str>>(names: &[S], and: &str) -> String {
    let text = |names: &[S]| names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    match names {
        [] => String::new(),
        [one] => one.as_ref().into(),
        [start @ .., last] if start.len() < 6 => format!("{} {and} {}", text(start), last.as_ref()),
        _ => format!("{} {and} {} more", text(&names[..LISTED]), names.len() - LISTED),
    }
}

/// Hand-coded numbers beside the true ones, in one shape.
struct Difference<'a> {
    hand: &'a [f64],
    truth: &'a [f64],
    /// The name and the values of what the gradient is by.
    value: Option<(&'a str, &'a [f64])>,
    dims: &'a [usize],
    tolerance: f64,
    /// The error that is none, in absolute size.
    noise: f64,
    factors: Option<&'a Factors>,
}

/// What stands in the place of the truth, as "it is ...", and how much of the difference that explains: 1 for all.
struct Relation {
    text: String,
    explains: f64,
    /// Whether it is one of every element alone.
    of_each: bool,
}

impl Relation {
    /// One that explains all, of each element.
    fn each(text: impl Into<String>) -> Option<Self> {
        Some(Self { text: text.into(), explains: 1.0, of_each: true })
    }
    /// One that explains all, of them together.
    fn all(text: impl Into<String>) -> Option<Self> {
        Some(Self { text: text.into(), explains: 1.0, of_each: false })
    }
}

/// Each looks at the elements at hand and says what they are beside the truth, if it can.
const RELATIONS: [fn(&Difference<'_>, &[usize]) -> Option<Relation>; 10] =
    [zero, rounded, single_precision, multiple, shifted, multiples_by_line, alike_in_lines, reordered, low_rank, angle];

impl Difference<'_> {
    fn text(&self) -> String {
        let all: Vec<usize> = (0..self.hand.len()).collect();
        let (finite, broken): (Vec<usize>, Vec<usize>) = all.iter().partition(|&&i| self.hand[i].is_finite());
        let wrong: Vec<usize> = finite.iter().copied().filter(|&i| self.is_wrong(i)).collect();
        let mut parts = Vec::new();
        if !broken.is_empty() {
            let what = if broken.iter().all(|&i| self.hand[i].is_nan()) { "NaN" } else { "not finite" };
            parts.push(if finite.is_empty() {
                if all.len() > 1 { format!("{what} everywhere") } else { what.into() }
            } else {
                let region = region::named(self, &broken, &all).unwrap_or_else(|| region::counted(self, &broken));
                format!("{what} in {region}")
            });
            if wrong.is_empty() && !finite.is_empty() {
                parts.push("right elsewhere".into());
            }
        }
        if !wrong.is_empty() {
            let Relation { text: what, of_each, .. } = self.relation(&wrong);
            // Where both are 0, nothing can differ.
            let telling: Vec<usize> =
                finite.iter().copied().filter(|&i| self.hand[i] != 0.0 || self.truth[i] != 0.0).collect();
            let right: Vec<usize> = telling.iter().copied().filter(|&i| !self.is_wrong(i)).collect();
            parts.push(if right.is_empty() {
                if of_each && self.hand.len() > 1 { format!("{what}, everywhere") } else { what }
            } else if let Some(region) = region::named(self, &wrong, &telling) {
                format!("right but for {region}, where it is {what}")
            } else if let Some(region) = region::named(self, &right, &telling) {
                format!("right in {region} alone, elsewhere it is {what}")
            } else {
                format!("right but for {}, where it is {what}", region::counted(self, &wrong))
            });
        }
        parts.join("; ")
    }

    /// The relation that explains most; where that is not all, with what others say.
    fn relation(&self, at: &[usize]) -> Relation {
        let mut found: Vec<Relation> = Vec::new();
        for relation in RELATIONS.iter().filter_map(|relation| relation(self, at)) {
            if relation.explains >= 1.0 {
                return relation;
            }
            found.push(relation);
        }
        found.sort_by(|a, b| b.explains.total_cmp(&a.explains));
        let text = found.into_iter().map(|relation| relation.text).collect::<Vec<_>>().join(", ");
        Relation { text, explains: 0.0, of_each: false }
    }

    fn is_wrong(&self, i: usize) -> bool {
        let off = self.off(i).abs();
        self.hand[i] != self.truth[i] && (off > self.noise || off.is_nan())
    }

    fn off(&self, i: usize) -> f64 {
        self.hand[i] - self.truth[i]
    }

    /// The number that the truth is multiplied by at these elements, if there is one.
    fn ratio(&self, at: &[usize]) -> Option<f64> {
        let (mut along, mut size) = (0.0, 0.0);
        for &i in at {
            along += self.hand[i] * self.truth[i];
            size += self.truth[i] * self.truth[i];
        }
        let c = along / size;
        let fits = |&i: &usize| (self.hand[i] - c * self.truth[i]).abs() <= self.noise * c.abs().max(1.0);
        (c.is_finite() && at.iter().all(fits)).then_some(c)
    }

    /// A number by its name, with its value where that does not show.
    fn name(&self, c: f64) -> String {
        number::name(c, self.factors, self.tolerance)
    }

    /// The element's index along an axis.
    fn index(&self, i: usize, axis: usize) -> usize {
        i / self.stride(axis) % self.dims[axis]
    }

    /// How far apart neighbours along an axis are.
    fn stride(&self, axis: usize) -> usize {
        self.dims[axis + 1..].iter().product()
    }

    fn place(&self, i: usize) -> String {
        format!("{:?}", index_of(i, self.dims))
    }

    /// What lines along the other axes are called: a matrix has rows and columns.
    fn line(&self, axis: usize) -> String {
        match (self.dims.len(), axis) {
            (2, 0) => "row".into(),
            (2, 1) => "column".into(),
            _ => format!("index of axis {axis}"),
        }
    }
}

fn zero(difference: &Difference<'_>, at: &[usize]) -> Option<Relation> {
    let is_zero = |x: &f64| *x == 0.0;
    match at.iter().all(|&i| difference.hand[i] == 0.0) {
        true if difference.hand.len() > 1 && difference.hand.iter().all(is_zero) => {
            Relation::all("all zero, and the true gradient is not")
        }
        true if at.len() > 1 || difference.truth.len() == 1 => Relation::each("0"),
        _ => None,
    }
}

/// A number of decimals that people print, to which all are rounded.
fn rounded(difference: &Difference<'_>, at: &[usize]) -> Option<Relation> {
    if at.len() < 2 {
        return None;
    }
    let decimals = (2..=8).find(|&n| {
        let unit = 10f64.powi(n);
        at.iter().all(|&i| {
            let whole = difference.hand[i] * unit;
            (whole - whole.round()).abs() <= 1e-12 * whole.abs() && (difference.off(i) * unit).abs() <= 0.5 + 1e-6
        })
    })?;
    // To a single digit, anything is rounded.
    let telling = at.iter().any(|&i| (difference.hand[i] * 10f64.powi(decimals)).abs() >= 10.0);
    if telling { Relation::all(format!("the true gradient rounded to {decimals} decimals")) } else { None }
}

fn single_precision(difference: &Difference<'_>, at: &[usize]) -> Option<Relation> {
    let largest = difference.truth.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    let off = at.iter().fold(0.0, |max: f64, &i| max.max(difference.off(i).abs())) / largest;
    // Numbers that were f32 may have lost more on the way.
    let is_single = difference.hand.iter().all(|&x| f64::from(x as f32) == x);
    let size = short(off);
    match off {
        _ if off < LEAST => Relation::all(format!(
            "off by {size} of the largest value: an epsilon of the formula, or digits that cancelled"
        )),
        _ if off <= SINGLE || (is_single && off <= CANCELLED) => {
            Relation::all(format!("off by {size} of the largest value, which is what single precision leaves"))
        }
        _ => None,
    }
}

fn multiple(difference: &Difference<'_>, at: &[usize]) -> Option<Relation> {
    let c = difference.ratio(at)?;
    // One number is a multiple of any other.
    let is_known = number::known(c, difference.factors, difference.tolerance).is_some();
    if let ([i], false) = (at, is_known) {
        let digits = 6;
        let [hand, truth] = [difference.hand[*i], difference.truth[*i]].map(|x| significant(x, digits));
        return Relation::each(format!("{hand} and should be {truth}"));
    }
    Relation::each(match c {
        -1.0 => "the true gradient with the other sign".into(),
        c if (c + 1.0).abs() <= difference.tolerance => "the true gradient with the other sign".into(),
        c => format!("{} times the true gradient", difference.name(c)),
    })
}

fn shifted(difference: &Difference<'_>, at: &[usize]) -> Option<Relation> {
    let n = at.len();
    let d = at.iter().map(|&i| difference.off(i)).sum::<f64>() / n as f64;
    let fits = at.iter().all(|&i| (difference.off(i) - d).abs() <= difference.noise);
    if n < 2 {
        // Where the truth is 0, there is no ratio.
        let [hand, truth] = [difference.hand[*at.first()?], difference.truth[at[0]]].map(|x| significant(x, 6));
        return Relation::each(format!("{hand} and should be {truth}"));
    }
    if at.iter().all(|&i| difference.truth[i] == 0.0) && fits {
        return Relation::each(difference.name(d));
    }
    let (sign, size) = if d < 0.0 { ("less", -d) } else { ("plus", d) };
    if fits { Relation::each(format!("the true gradient {sign} {}", difference.name(size))) } else { None }
}

/// Each row, or each column, by a number of its own.
fn multiples_by_line(difference: &Difference<'_>, at: &[usize]) -> Option<Relation> {
    (0..difference.dims.len()).find_map(|axis| {
        let lines = lines(difference, at, axis);
        // Of a line with one number nothing follows.
        let telling = |line: &Vec<usize>| line.iter().filter(|&&i| difference.truth[i] != 0.0).count() > 1;
        if lines.is_empty() || !lines.iter().all(telling) {
            return None;
        }
        let factors: Vec<f64> = lines.iter().map(|line| difference.ratio(line)).collect::<Option<_>>()?;
        let line = difference.line(axis);
        Relation::all(match factors.len() {
            n if n <= LINES => {
                let names: Vec<String> = factors.iter().map(|&c| difference.name(c)).collect();
                format!("the true gradient times {}, {line} by {line}", names.join(", "))
            }
            _ => format!("the true gradient times a number for each {line}"),
        })
    })
}

/// A difference that is the same in every row, or in every column.
fn alike_in_lines(difference: &Difference<'_>, at: &[usize]) -> Option<Relation> {
    (0..difference.dims.len()).filter(|_| difference.dims.len() > 1).find_map(|axis| {
        // By what the elements share that differ in their index along this axis alone: one of them, and how many.
        let mut across: HashMap<usize, (f64, usize)> = HashMap::new();
        let alike = at.iter().all(|&i| {
            let rest = i - difference.index(i, axis) * difference.stride(axis);
            let (first, count) = across.entry(rest).or_insert((difference.off(i), 0));
            *count += 1;
            (difference.off(i) - *first).abs() <= difference.noise
        });
        if !alike || across.values().any(|(_, count)| *count < 2) {
            return None;
        }
        Relation::all(format!("the true gradient plus a term that is the same in every {}", difference.line(axis)))
    })
}

fn reordered(difference: &Difference<'_>, at: &[usize]) -> Option<Relation> {
    let sorted = |values: &[f64]| {
        let mut values: Vec<f64> = at.iter().map(|&i| values[i]).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let (hand, truth) = (sorted(difference.hand), sorted(difference.truth));
    let same = hand.iter().zip(&truth).all(|(h, t)| (h - t).abs() <= difference.noise);
    if same && at.len() > 1 { Relation::all("the true numbers in another order") } else { None }
}

/// A term that few outer products add up to.
fn low_rank(difference: &Difference<'_>, at: &[usize]) -> Option<Relation> {
    let [rows, columns] = *difference.dims else { return None };
    let most = rows.min(columns);
    if !(2..=LARGEST).contains(&most) {
        return None;
    }
    let mut left = vec![0.0; rows * columns];
    at.iter().for_each(|&i| left[i] = difference.off(i));
    let noise = 4.0 * difference.noise;
    let mut rank = 0;
    // Each pivot takes the outer product through it away.
    while rank < most {
        let pivot = (0..left.len()).max_by(|&i, &j| left[i].abs().total_cmp(&left[j].abs()))?;
        if left[pivot].abs() <= noise {
            break;
        }
        let (row, column, of) = (pivot / columns, pivot % columns, left[pivot]);
        let (through, along): (Vec<f64>, Vec<f64>) = (
            (0..rows).map(|i| left[i * columns + column]).collect(),
            (0..columns).map(|j| left[row * columns + j]).collect(),
        );
        for i in 0..rows {
            for j in 0..columns {
                left[i * columns + j] -= through[i] * along[j] / of;
            }
        }
        rank += 1;
    }
    // What differs in a line or two has no greater rank, which is said of it already.
    let (mut rows_hit, mut columns_hit) = (vec![false; rows], vec![false; columns]);
    at.iter().for_each(|&i| (rows_hit[i / columns], columns_hit[i % columns]) = (true, true));
    let hit = |lines: &[bool]| lines.iter().filter(|hit| **hit).count();
    if rank >= hit(&rows_hit).min(hit(&columns_hit)) {
        return None;
    }
    let what = match rank {
        1 => "the difference is one outer product".into(),
        rank => format!("the difference has rank {rank} of {most}"),
    };
    Some(Relation { text: what, explains: 0.0, of_each: false })
}

fn angle(difference: &Difference<'_>, at: &[usize]) -> Option<Relation> {
    let dot = |a: &[f64], b: &[f64]| at.iter().map(|&i| a[i] * b[i]).sum::<f64>();
    let (hand, truth) = (difference.hand, difference.truth);
    let (hh, tt, ht) = (dot(hand, hand), dot(truth, truth), dot(hand, truth));
    let turned = at.iter().filter(|&&i| hand[i] * truth[i] < 0.0).count();
    if tt == 0.0 {
        return Relation::all(format!("of length {} and should be 0", significant(hh.sqrt(), 3)));
    }
    let cosine = ht / (hh * tt).sqrt();
    let off = at.iter().map(|&i| difference.off(i) * difference.off(i)).sum::<f64>().sqrt() / tt.sqrt();
    let mut text = if off < NEAR {
        format!("the true gradient but for {} % of its length", significant(100.0 * off, 2))
    } else {
        let longer = significant((hh / tt).sqrt(), 3);
        format!("{longer} times as long as the true gradient at a cosine of {cosine:.3}")
    };
    if turned > 0 {
        text += &format!(", with the other sign in {turned} of {} elements", at.len());
    }
    Some(Relation { text, explains: (cosine * cosine).min(0.999), of_each: false })
}

/// The elements at hand by their index along an axis, where there are several.
fn lines(difference: &Difference<'_>, at: &[usize], axis: usize) -> Vec<Vec<usize>> {
    let mut lines = vec![Vec::new(); difference.dims[axis]];
    at.iter().for_each(|&i| lines[difference.index(i, axis)].push(i));
    lines.retain(|line| !line.is_empty());
    if lines.len() > 1 { lines } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: [f64; 6] = [0.3, -1.25, 2.0, 0.7, 0.11, -0.4];

    fn text_in(dims: &[usize], hand: &[f64], truth: &[f64]) -> String {
        let size = hand.iter().chain(truth).filter(|x| x.is_finite()).fold(0.0, |max: f64, x| max.max(x.abs()));
        let (tolerance, noise) = (1e-9, 1e-9 * size);
        Difference { hand, truth, value: None, dims, tolerance, noise, factors: None }.text()
    }

    fn text(change: impl Fn(usize, f64) -> f64) -> String {
        let hand: Vec<f64> = TRUTH.iter().enumerate().map(|(i, &x)| change(i, x)).collect();
        text_in(&[2, 3], &hand, &TRUTH)
    }

    #[test]
    fn a_constant_ratio_is_named_with_its_place() {
        assert_eq!(text(|_, x| x / 7.0), "1/7 (0.142857) times the true gradient, everywhere");
        assert_eq!(text(|_, x| 3.0 * x), "3 times the true gradient, everywhere");
        assert_eq!(text(|_, x| -x), "the true gradient with the other sign, everywhere");
        assert_eq!(text(|_, x| x * 2f64.sqrt()), "sqrt(2) (1.41421) times the true gradient, everywhere");
        assert_eq!(text(|_, x| x * 0.61803), "0.618030 times the true gradient, everywhere");
        let row = |i: usize, x: f64| if i > 2 { x * std::f64::consts::PI } else { x };
        assert_eq!(text(row), "right but for row 1, where it is pi (3.14159) times the true gradient");
        let column = |i: usize, x: f64| if i % 3 == 2 { x / 2.0 } else { x };
        assert_eq!(text(column), "right but for column 2, where it is 1/2 (0.500000) times the true gradient");
    }

    #[test]
    fn what_stands_in_place_of_the_truth_is_said() {
        assert_eq!(text(|_, _| 0.0), "all zero, and the true gradient is not");
        assert_eq!(text(|_, x| x + 0.25), "the true gradient plus 1/4 (0.250000), everywhere");
        assert_eq!(
            text(|i, x| x + [0.1, 0.25, -0.37][i % 3]),
            "the true gradient plus a term that is the same in every row"
        );
        assert_eq!(
            text(|i, x| x * if i < 3 { 2.0 } else { 0.2 }),
            "the true gradient times 2, 1/5 (0.200000), row by row"
        );
        assert_eq!(text(|i, _| TRUTH[5 - i]), "the true numbers in another order");
        assert_eq!(
            text(|i, x| if i == 1 { 0.3 } else { x }),
            "right but for [0, 1], where it is 0.300000 and should be -1.25000"
        );
        // Two outer products at most make a [3, 3] matrix of rank 2; one makes this.
        let truth = [0.3, -1.25, 2.0, 0.7, 0.11, -0.4, 0.9, 0.35, -0.6];
        let (u, v) = ([1.0, 2.0, -0.7], [0.3, -0.1, 0.45]);
        let hand: Vec<f64> = (0..9).map(|i| truth[i] + u[i / 3] * v[i % 3]).collect();
        assert!(text_in(&[3, 3], &hand, &truth).contains("the difference is one outer product"));
    }

    #[test]
    fn noise_is_measured_against_the_precision_that_leaves_it() {
        let single = [0.3f32, -1.25, 2.0, 0.7, 0.11, -0.4].map(|x| f64::from(x * 1.1) / 1.1);
        let found = text_in(&[6], &single, &TRUTH);
        assert!(found.contains("of the largest value, which is what single precision leaves"), "{found}");
        let found = text(|i, x| x + 4e-9 * (1.5 + (i as f64).cos()));
        assert_eq!(found, "off by 5e-9 of the largest value: an epsilon of the formula, or digits that cancelled");
        let truth = TRUTH.map(|x| x * 0.987654321);
        let printed = truth.map(|x| (x * 1e4).round() / 1e4);
        assert_eq!(text_in(&[6], &printed, &truth), "the true gradient rounded to 4 decimals");
    }

    #[test]
    fn what_is_not_finite_is_located_and_the_rest_described() {
        assert_eq!(text(|i, x| if i == 4 { f64::NAN } else { x }), "NaN in [1, 1]; right elsewhere");
        assert_eq!(text(|_, _| f64::NAN), "NaN everywhere");
        let rest = |i: usize, x: f64| if i < 3 { f64::INFINITY } else { 2.0 * x };
        assert_eq!(text(rest), "not finite in row 0; 2 times the true gradient, everywhere");
    }

    #[test]
    fn regions_go_by_the_truth_and_the_diagonal() {
        let truth = [0.3, -1.25, 2.0, 0.7, 0.11, -0.4, 0.9, 0.35, -0.6];
        let place = |wrong: &dyn Fn(usize) -> bool| {
            let hand: Vec<f64> = (0..9).map(|i| if wrong(i) { 2.0 * truth[i] } else { truth[i] }).collect();
            text_in(&[3, 3], &hand, &truth).split(", where").next().unwrap_or_default().to_owned()
        };
        assert_eq!(place(&|i| i / 3 == i % 3), "right but for the diagonal");
        assert_eq!(place(&|i| i / 3 != i % 3), "right but for what is off the diagonal");
        assert_eq!(place(&|i| i / 3 < i % 3), "right but for what is above the diagonal");
        assert_eq!(place(&|i| truth[i] < 0.0), "right but for the elements in which the true gradient is negative");
        assert_eq!(place(&|i| i / 3 != 1), "right but for rows 0 and 2");
        assert_eq!(place(&|i| i == 0 || i == 5), "right but for 2 of 9 elements ([0, 0], [1, 2])");
        let zeros = [0.0, -1.25, 0.0, 0.7];
        let hand = [0.2, -1.25, 0.2, 0.7];
        assert_eq!(
            text_in(&[4], &hand, &zeros),
            "right but for the elements in which the true gradient is 0, where it is 1/5 (0.200000)"
        );
    }

    #[test]
    fn what_is_right_alone_is_named_where_the_wrong_ones_have_no_name() {
        let truth: Vec<f64> = (0..10).map(|i| f64::from(i) + 0.5).collect();
        let hand: Vec<f64> = truth.iter().enumerate().map(|(i, x)| if i / 2 == 3 { *x } else { 3.0 * x }).collect();
        let found = text_in(&[5, 2], &hand, &truth);
        assert_eq!(found, "right in row 3 alone, elsewhere it is 3 times the true gradient");
        let found = text_in(&[10], &hand, &truth);
        assert_eq!(found, "right but for 8 of 10 elements ([0], [1], [2], ...), where it is 3 times the true gradient");
    }

    #[test]
    fn numbers_without_a_pattern_get_their_angle() {
        let found = text(|i, x| x + [0.3, 0.1, -0.2, 0.5, -0.6, 0.77][i]);
        assert!(found.contains("times as long as the true gradient at a cosine of"), "{found}");
        assert!(found.contains("with the other sign in 2 of 6 elements"), "{found}");
    }
}
