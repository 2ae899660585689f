//! Where the wrong elements are: the first region with a name that is made of them.

use super::{Difference, LISTED, listed};

/// A region: its name, and which elements lie in it.
struct Region<'a> {
    name: String,
    holds: Box<dyn Fn(usize) -> bool + 'a>,
}

/// The region with a name that these elements are, of `telling` ones.
pub(super) fn named(difference: &Difference<'_>, at: &[usize], telling: &[usize]) -> Option<String> {
    if let [i] = at {
        return Some(difference.place(*i));
    }
    let mut chosen = vec![false; difference.hand.len()];
    at.iter().for_each(|&i| chosen[i] = true);
    let is_it = |region: &Region<'_>| telling.iter().all(|&i| (region.holds)(i) == chosen[i]);
    let others = || by_place(difference).into_iter().chain(by_value(difference)).find(is_it);
    lines(difference, at, telling).or_else(|| others().map(|region| region.name))
}

/// How many elements these are, and the first of them.
pub(super) fn counted(difference: &Difference<'_>, at: &[usize]) -> String {
    let places: Vec<String> = at.iter().take(LISTED).map(|&i| difference.place(i)).collect();
    let more = if at.len() > LISTED { ", ..." } else { "" };
    format!("{} of {} elements ({}{more})", at.len(), difference.hand.len(), places.join(", "))
}

/// Whole rows, whole columns.
fn lines(difference: &Difference<'_>, at: &[usize], telling: &[usize]) -> Option<String> {
    (0..difference.dims.len()).filter(|_| difference.dims.len() > 1).find_map(|axis| {
        let mut hit = vec![false; difference.dims[axis]];
        at.iter().for_each(|&i| hit[difference.index(i, axis)] = true);
        let within = telling.iter().filter(|&&i| hit[difference.index(i, axis)]).count();
        let numbers: Vec<String> = (0..hit.len()).filter(|&k| hit[k]).map(|k| k.to_string()).collect();
        let name = match (difference.line(axis), numbers.len()) {
            (name, 1) => name,
            (name, _) => name.replacen("row", "rows", 1).replacen("column", "columns", 1),
        };
        let name = match name.strip_prefix("index of ") {
            Some(axis) => format!("index {} of {axis}", listed(&numbers, "and")),
            None => format!("{name} {}", listed(&numbers, "and")),
        };
        (within == at.len() && numbers.len() <= LISTED && numbers.len() < hit.len()).then_some(name)
    })
}

/// The diagonal, and what lies on either side.
fn by_place<'a>(difference: &Difference<'_>) -> Vec<Region<'a>> {
    let [_, columns] = *difference.dims else { return Vec::new() };
    let region = |name: &str, holds: fn(usize, usize) -> bool| Region {
        name: name.into(),
        holds: Box::new(move |i| holds(i / columns, i % columns)),
    };
    vec![
        region("the diagonal", |i, j| i == j),
        region("what is off the diagonal", |i, j| i != j),
        region("what is above the diagonal", |i, j| i < j),
        region("what is below the diagonal", |i, j| i > j),
        region("the upper triangle", |i, j| i <= j),
        region("the lower triangle", |i, j| i >= j),
    ]
}

/// Where the true gradient, or what it is by, is 0, negative or positive.
fn by_value<'a>(difference: &Difference<'a>) -> Vec<Region<'a>> {
    let signs: [(&str, fn(f64) -> bool); 3] =
        [("0", |x| x == 0.0), ("negative", |x| x < 0.0), ("positive", |x| x > 0.0)];
    let values = [Some(("the true gradient", difference.truth)), difference.value];
    let mut regions = Vec::new();
    for (of, values) in values.into_iter().flatten() {
        for (sign, is_so) in signs {
            let name = format!("the elements in which {of} is {sign}");
            regions.push(Region { name, holds: Box::new(move |i| is_so(values[i])) });
        }
    }
    regions
}
