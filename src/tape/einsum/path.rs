//! The order in which operands are multiplied, two at a time: the one with the fewest multiplications.
//!
//! For few operands all orders are compared, set by set of operands (dynamic programming, 3^n steps); for many the next product is the one
//! that leaves the least, which need not be the best.

use super::notation::{Label, Notation};

/// How many operands all orders are compared for: 3^8 is 6561.
const FEW: usize = 8;

/// Which terms are multiplied, pair by pair; the product of a pair is appended to the terms.
pub(super) fn order(terms: &[&[Label]], notation: &Notation) -> Vec<[usize; 2]> {
    match terms.len() {
        0 | 1 => Vec::new(),
        2 => vec![[0, 1]],
        n if n <= FEW => cheapest(terms, notation),
        _ => greedy(terms, notation),
    }
}

/// The letters of a set of terms that something outside it needs.
fn left_over(terms: &[&[Label]], notation: &Notation, is_in: impl Fn(usize) -> bool) -> Vec<Label> {
    let mut all: Vec<Label> = Vec::new();
    for (_, term) in terms.iter().enumerate().filter(|&(k, _)| is_in(k)) {
        let needed = |label: &Label| {
            notation.output.contains(label)
                || terms.iter().enumerate().any(|(k, term)| !is_in(k) && term.contains(label))
        };
        let new: Vec<Label> = term.iter().copied().filter(|label| !all.contains(label) && needed(label)).collect();
        all.extend(new);
    }
    all
}

fn size<'a>(labels: impl IntoIterator<Item = &'a Label>, notation: &Notation) -> f64 {
    labels.into_iter().map(|&label| notation.length(label) as f64).product()
}

/// The multiplications of a product: one for each index of either.
fn cost(a: &[Label], b: &[Label], notation: &Notation) -> f64 {
    size(a, notation) * size(b.iter().filter(|label| !a.contains(label)), notation)
}

/// Of all orders.
fn cheapest(terms: &[&[Label]], notation: &Notation) -> Vec<[usize; 2]> {
    let n = terms.len();
    let labels: Vec<Vec<Label>> =
        (0..1usize << n).map(|set| left_over(terms, notation, |k| set >> k & 1 == 1)).collect();
    // Of each set of terms: the cost of their product, and the part that is multiplied with the rest of them last.
    let mut best: Vec<(f64, usize)> = vec![(f64::INFINITY, 0); 1 << n];
    for set in 1..1usize << n {
        if set.is_power_of_two() {
            best[set] = (0.0, 0);
            continue;
        }
        // Every part that has the first term of the set.
        let first = set & set.wrapping_neg();
        let mut part = (set - 1) & set;
        while part > 0 {
            let rest = set & !part;
            if part & first != 0 {
                let whole = best[part].0 + best[rest].0 + cost(&labels[part], &labels[rest], notation);
                if best[set].1 == 0 || whole < best[set].0 {
                    best[set] = (whole, part);
                }
            }
            part = (part - 1) & set;
        }
    }
    let (mut pairs, mut made) = (Vec::new(), n);
    multiply((1 << n) - 1, &best, &mut pairs, &mut made);
    pairs
}

/// The products that a set takes, and the number of the term that it becomes.
fn multiply(set: usize, best: &[(f64, usize)], pairs: &mut Vec<[usize; 2]>, made: &mut usize) -> usize {
    if set.is_power_of_two() {
        return set.trailing_zeros() as usize;
    }
    let part = best[set].1;
    let pair = [part, set & !part].map(|part| multiply(part, best, pairs, made));
    pairs.push(pair);
    *made += 1;
    *made - 1
}

/// By what the next product leaves, less what it takes.
fn greedy(terms: &[&[Label]], notation: &Notation) -> Vec<[usize; 2]> {
    let mut now: Vec<(usize, Vec<Label>)> = terms.iter().map(|term| term.to_vec()).enumerate().collect();
    let mut pairs = Vec::new();
    let mut made = terms.len();
    while now.len() > 1 {
        let lists: Vec<&[Label]> = now.iter().map(|(_, labels)| &labels[..]).collect();
        let mut best: Option<(f64, [usize; 2])> = None;
        for i in 0..now.len() {
            for j in i + 1..now.len() {
                let left = left_over(&lists, notation, |k| k == i || k == j);
                let grows = size(&left, notation) - size(lists[i], notation) - size(lists[j], notation);
                if best.is_none_or(|(least, _)| grows < least) {
                    best = Some((grows, [i, j]));
                }
            }
        }
        let Some((_, [i, j])) = best else { unreachable!("there is a pair") };
        let left = left_over(&lists, notation, |k| k == i || k == j);
        pairs.push([now[i].0, now[j].0]);
        now.remove(j);
        now.remove(i);
        now.push((made, left));
        made += 1;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Shape;

    fn orders(text: &str, shapes: &[&[usize]]) -> Vec<[usize; 2]> {
        let shapes: Vec<Shape> = shapes.iter().map(|&shape| shape.into()).collect();
        let notation = Notation::read(text, &shapes).unwrap();
        order(&notation.inputs.iter().map(|labels| &labels[..]).collect::<Vec<_>>(), &notation)
    }

    #[test]
    fn a_chain_of_matrices_and_a_vector_starts_at_the_vector() {
        let found = orders("ij,jk,kl,l->i", &[&[50, 40], &[40, 60], &[60, 30], &[30]]);
        assert_eq!(found, [[2, 3], [1, 4], [0, 5]]);
    }

    /// Matrices of 10 by 100, 100 by 5 and 5 by 50: 7,500 multiplications from the left, and 75,000 from the right.
    #[test]
    fn the_order_of_a_chain_follows_its_lengths() {
        assert_eq!(orders("ij,jk,kl->il", &[&[10, 100], &[100, 5], &[5, 50]]), [[0, 1], [3, 2]]);
        assert_eq!(orders("ij,jk,kl->il", &[&[50, 5], &[5, 100], &[100, 10]]), [[1, 2], [0, 3]]);
    }

    #[test]
    fn many_operands_are_multiplied_until_one_is_left() {
        let letters = "ab,bc,cd,de,ef,fg,gh,hi,ij,jk->ak";
        let shapes: Vec<&[usize]> = (0..10).map(|_| &[3, 3][..]).collect();
        let found = orders(letters, &shapes);
        assert_eq!(found.len(), 9);
        let mut taken: Vec<usize> = found.into_iter().flatten().collect();
        taken.sort_unstable();
        assert_eq!(taken, (0..18).collect::<Vec<_>>());
    }
}
