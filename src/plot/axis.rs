//! Axes: the range shown, where the ticks stand, and what they say.

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use std::ops::Range;

/// One axis of a chart. Places are coordinates on paper: the value itself, or its logarithm.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub label: String,
    /// The first and last place shown.
    pub range: (f64, f64),
    pub ticks: Vec<Tick>,
    log: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub place: f64,
    pub name: String,
}

impl Axis {
    /// An axis of values from `low` to `high`, with room on both sides and at most `ticks` ticks, about.
    pub fn linear(label: &str, (low, high): (f64, f64), ticks: usize) -> Self {
        // A range below the numbers' own precision cannot be divided.
        let least = (low.abs().max(high.abs()) * 1e-12).max(1e-290);
        let (low, high) = if high - low > least {
            let room = 0.04 * (high - low);
            (low - room, high + room)
        } else {
            let room = if low.abs() < 1e-290 { 1.0 } else { 0.1 * low.abs() };
            (low - room, high + room)
        };
        Self { label: label.to_string(), range: (low, high), ticks: round_ticks(low, high, ticks, 0.0), log: false }
    }

    /// An axis of whole numbers, such as epochs, from end to end.
    pub fn whole(label: &str, (low, high): (f64, f64), ticks: usize) -> Self {
        let room =
            if high - low > low.abs().max(high.abs()) * 1e-12 { 0.0 } else { (0.1 * high.abs()).ceil().max(1.0) };
        let (low, high) = (low - room, high + room);
        Self { label: label.to_string(), range: (low, high), ticks: round_ticks(low, high, ticks, 1.0), log: false }
    }

    /// An axis of counts, from zero.
    pub fn from_zero(label: &str, high: f64, ticks: usize) -> Self {
        let high = 1.04 * high.max(1.0);
        Self { label: label.to_string(), range: (0.0, high), ticks: round_ticks(0.0, high, ticks, 1.0), log: false }
    }

    /// A logarithmic axis of positive values.
    pub fn log(label: &str, (low, high): (f64, f64), ticks: usize) -> Self {
        let (low, high) = (low.log10(), high.log10());
        let room = if high - low > 1e-9 { 0.04 * (high - low) } else { 0.3 };
        let range = (low - room, high + room);
        Self { label: label.to_string(), range, ticks: log_ticks(range.0, range.1, ticks), log: true }
    }

    /// Where a value stands; none for what the axis cannot show.
    pub fn place(&self, value: f64) -> Option<f64> {
        let place = if self.log && value > 0.0 {
            value.log10()
        } else if self.log {
            f64::NAN
        } else {
            value
        };
        is_shown(value).then_some(place).filter(|place| place.is_finite())
    }

    /// How far along the axis a place is: 0 at its beginning, 1 at its end.
    pub fn share(&self, place: f64) -> f64 {
        (place - self.range.0) / (self.range.1 - self.range.0)
    }
}

/// Lets plotters draw the grid at our ticks, of places on paper.
impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, place: &f64, limit: (i32, i32)) -> i32 {
        limit.0 + (self.share(*place) * f64::from(limit.1 - limit.0)).round() as i32
    }
    fn key_points<H: KeyPointHint>(&self, _: H) -> Vec<f64> {
        self.ticks.iter().map(|tick| tick.place).collect()
    }
    fn range(&self) -> Range<f64> {
        self.range.0..self.range.1
    }
}

/// About `count` ticks at multiples of 1, 2 or 5 times a power of ten, at least `least` apart.
fn round_ticks(low: f64, high: f64, count: usize, least: f64) -> Vec<Tick> {
    let rough = ((high - low) / count.max(1) as f64).max(least);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|m| m * power)
        .into_iter()
        .find(|s| *s >= (rough * 0.7).max(least))
        .unwrap_or(power * 10.0);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    let largest = (first.unsigned_abs().max(last.unsigned_abs())) as f64 * step;
    (first..=last).map(|k| k as f64 * step).map(|v| Tick { place: v, name: named(v, step, largest) }).collect()
}

/// A tick's number, with the digits that its step needs.
fn named(value: f64, step: f64, largest: f64) -> String {
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    if largest >= 1e6 || decimals > 5 {
        let digits = (largest.log10().floor() - step.log10().floor()).max(0.0) as usize;
        return if value == 0.0 { "0".to_string() } else { tidy(&format!("{value:.digits$e}")) };
    }
    format!("{value:.decimals$}")
}

/// `1.50e3` as `1.5e3`.
fn tidy(number: &str) -> String {
    match number.split_once('e') {
        Some((digits, power)) if digits.contains('.') => {
            format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => number.to_string(),
    }
}

/// Powers of ten; 1, 2 and 5 times them where the range is short; round numbers where it is shorter still.
fn log_ticks(low: f64, high: f64, count: usize) -> Vec<Tick> {
    let power = |k: i32| Tick { place: f64::from(k), name: multiple_name(1.0, k) };
    let (first, last) = (low.ceil() as i32, high.floor() as i32);
    let decades = last - first + 1;
    if decades >= 3 {
        let every = (decades as usize).div_ceil(count.max(1)).max(1);
        return (first..=last).filter(|k| k.rem_euclid(every as i32) == 0).map(power).collect();
    }
    let (from, to) = (10f64.powf(low), 10f64.powf(high));
    if to / from < 4.0 {
        let round = round_ticks(from, to, count, 0.0);
        return round.into_iter().filter(|t| t.place > 0.0).map(|t| Tick { place: t.place.log10(), ..t }).collect();
    }
    let between = (first - 1..=last).flat_map(|k| [(1.0, k), (2.0, k), (5.0, k)]);
    let tick = |(m, k): (f64, i32)| Tick { place: m.log10() + f64::from(k), name: multiple_name(m, k) };
    between.map(tick).filter(|t| (low..=high).contains(&t.place)).collect()
}

fn multiple_name(m: f64, k: i32) -> String {
    match k {
        -3..=-1 => format!("{:.*}", k.unsigned_abs() as usize, m * 10f64.powi(k)),
        0..=4 => format!("{}", m * 10f64.powi(k)),
        _ => format!("{m}e{k}"),
    }
}

/// Finite, and far enough below the largest number that a range of such values has a width.
pub(super) fn is_shown(value: f64) -> bool {
    value.abs() < 1e150
}

/// The least and greatest value that can be shown.
pub(super) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|v| is_shown(*v)).fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((v.min(low), v.max(high))),
    })
}
