//! The classes in a column, and the label of each cell.

use super::reading::Reading;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Whole numbers up to this have an f64 each.
const EXACT: f64 = (1u64 << 53) as f64;

/// The names of the classes in ascending order, and the label of each cell.
///
/// In a column of numbers, a number is the same class however it is written, as 9 and 9.0. Cells with leading zeros are codes, such as
/// 007 beside 7, and whole numbers above 2^53 would be rounded: both are told apart by their digits.
pub(super) fn of(cells: &[&str], reading: &Reading) -> (Vec<String>, Vec<usize>) {
    let numbers: Option<Vec<f64>> = cells.iter().map(|cell| reading.number(cell).ok()).collect();
    let Some(numbers) = numbers else { return sorted(cells, |a, b| a.cmp(b)) };
    let names: Vec<Cow<'_, str>> =
        cells.iter().zip(&numbers).map(|(cell, number)| plain(cell, *number, reading)).collect();
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    if names.iter().any(|name| is_code(name)) {
        return sorted(&names, |a, b| a.cmp(b));
    }
    if names.iter().all(|name| is_whole(name)) {
        return sorted(&names, by_digits);
    }
    let number = |name: &str| name.parse::<f64>().unwrap_or(f64::NAN);
    sorted(&names, |a, b| number(a).total_cmp(&number(b)).then_with(|| a.cmp(b)))
}

/// The one way in which a class that is a number is written.
fn plain<'c>(cell: &'c str, number: f64, reading: &Reading) -> Cow<'c, str> {
    let cell = cell.strip_prefix('+').unwrap_or(cell);
    // Digits that an f64 does not hold are read as text, without what parts them, and without decimals of 0.
    if number.abs() >= EXACT
        && let Some(text) = reading.plain(cell)
        && let Some((whole, rest)) = text.split_once('.').or(Some((&text, "")))
        && is_whole(whole)
        && rest.bytes().all(|digit| digit == b'0')
    {
        return Cow::Owned(whole.to_owned());
    }
    match is_code(cell) {
        true => Cow::Borrowed(cell),
        // Without the sign of a zero.
        false => Cow::Owned((number + 0.0).to_string()),
    }
}

/// The label of a cell among classes of these names.
pub(super) fn label(cell: &str, names: &[String], reading: &Reading) -> Option<usize> {
    if let Some(label) = names.iter().position(|name| name == cell) {
        return Some(label);
    }
    if reading.classes_by_number {
        return cell.parse::<usize>().ok().filter(|&label| label < names.len());
    }
    let number = reading.number(cell).ok()?;
    let written = plain(cell, number, reading);
    names.iter().position(|name| *name == *written)
}

fn sorted(cells: &[&str], by: impl Fn(&str, &str) -> Ordering) -> (Vec<String>, Vec<usize>) {
    let mut classes: Vec<&str> = cells.iter().copied().collect::<BTreeSet<&str>>().into_iter().collect();
    classes.sort_by(|a, b| by(a, b));
    let labels = cells.iter().map(|cell| classes.partition_point(|class| by(class, cell) == Ordering::Less)).collect();
    (classes.into_iter().map(String::from).collect(), labels)
}

/// A zero before other digits.
fn is_code(cell: &str) -> bool {
    let digits = cell.trim_start_matches(['-', '+']).as_bytes();
    digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit()
}

fn is_whole(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whole numbers without leading zeros, of any length.
fn by_digits(a: &str, b: &str) -> Ordering {
    let below = |text: &str| text.starts_with('-');
    let size = |text: &str| text.trim_start_matches('-').len();
    match (below(a), below(b)) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => size(a).cmp(&size(b)).then_with(|| a.cmp(b)),
        (true, true) => size(b).cmp(&size(a)).then_with(|| b.cmp(a)),
    }
}
