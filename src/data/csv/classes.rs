//! The classes in a column, and the label of each cell.

use super::reading::Reading;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The names of the classes in ascending order, and the label of each cell.
///
/// Numbers are the same class however they are written, as 9 and 9.0. Cells with leading zeros are codes, such as 007 beside 7, and
/// numbers above 2^53 would be rounded: both are told apart by their digits.
pub(super) fn of(cells: &[&str], reading: &Reading) -> (Vec<String>, Vec<usize>) {
    const EXACT: f64 = (1u64 << 53) as f64;
    let numbers: Option<Vec<f64>> = cells.iter().map(|cell| reading.number(cell).ok()).collect();
    if let Some(numbers) = numbers.filter(|_| !cells.iter().any(|cell| is_code(cell))) {
        if numbers.iter().all(|number| number.abs() < EXACT) {
            let mut classes = numbers.clone();
            classes.sort_by(f64::total_cmp);
            classes.dedup();
            let labels = numbers.iter().map(|number| classes.partition_point(|class| class < number)).collect();
            return (classes.iter().map(f64::to_string).collect(), labels);
        }
        if cells.iter().all(|cell| is_whole(cell)) {
            return sorted(cells, by_digits);
        }
    }
    sorted(cells, |a, b| a.cmp(b))
}

/// The label of a cell among classes of these names.
pub(super) fn label(cell: &str, names: &[String], reading: &Reading) -> Option<usize> {
    if let Some(label) = names.iter().position(|name| name == cell) {
        return Some(label);
    }
    if reading.classes_by_number {
        return cell.parse::<usize>().ok().filter(|&label| label < names.len());
    }
    // Classes that are numbers are the same however they are written.
    let number = reading.number(cell).ok().filter(|number| !is_code(cell) && number.abs() < (1u64 << 53) as f64)?;
    let of_number = |name: &String| !is_code(name) && name.parse() == Ok(number);
    names.iter().position(of_number)
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
