//! The order of slots within their ranks, with few crossings: sweeps by barycentres, then exchanges of neighbours.

use super::layout::Layers;

/// For each slot its neighbours in the rank before, and in the rank after.
struct Neighbours {
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
}

/// Reorders every rank.
pub(super) fn reduce_crossings(layers: &mut Layers) {
    let n = layers.slots.len();
    let mut neighbours = Neighbours { before: vec![Vec::new(); n], after: vec![Vec::new(); n] };
    for pair in layers.chains.iter().flat_map(|chain| chain.windows(2)) {
        neighbours.after[pair[0]].push(pair[1]);
        neighbours.before[pair[1]].push(pair[0]);
    }
    let mut best: Option<(usize, Vec<Vec<usize>>)> = None;
    for start in [layers.ranks.clone(), by_search(layers, &neighbours)] {
        let mut ranks = start;
        for sweep in 0..24 {
            let down = sweep % 2 == 0;
            reorder(&mut ranks, &neighbours, n, down);
            exchange(&mut ranks, &neighbours, n);
            let crossings = crossings(&ranks, &neighbours, n);
            if best.as_ref().is_none_or(|(least, _)| crossings < *least) {
                best = Some((crossings, ranks.clone()));
            }
            if best.as_ref().is_some_and(|(least, _)| *least == 0) {
                break;
            }
        }
    }
    if let Some((_, ranks)) = best {
        layers.ranks = ranks;
    }
}

/// The order in which a depth-first search from the last ranks meets the slots: neighbours by their arguments' order.
fn by_search(layers: &Layers, neighbours: &Neighbours) -> Vec<Vec<usize>> {
    let mut ranks = vec![Vec::new(); layers.ranks.len()];
    let mut seen = vec![false; layers.slots.len()];
    for &root in layers.ranks.iter().rev().flatten() {
        let mut open = vec![root];
        while let Some(slot) = open.pop() {
            if !std::mem::replace(&mut seen[slot], true) {
                ranks[layers.slots[slot].rank].push(slot);
                open.extend(neighbours.before[slot].iter().rev());
            }
        }
    }
    ranks
}

fn places(ranks: &[Vec<usize>], n: usize) -> Vec<usize> {
    let mut place = vec![0; n];
    for rank in ranks {
        rank.iter().enumerate().for_each(|(i, &slot)| place[slot] = i);
    }
    place
}

/// One sweep: every slot to the mean place of its neighbours; slots without any stay where they are.
fn reorder(ranks: &mut [Vec<usize>], neighbours: &Neighbours, n: usize, down: bool) {
    let mut place = places(ranks, n);
    let order: Vec<usize> = if down { (1..ranks.len()).collect() } else { (0..ranks.len() - 1).rev().collect() };
    for rank in order {
        let row = &mut ranks[rank];
        let mut keyed: Vec<(f64, usize)> = row
            .iter()
            .map(|&slot| {
                let near = if down { &neighbours.before[slot] } else { &neighbours.after[slot] };
                let sum: usize = near.iter().map(|&other| place[other]).sum();
                let mean = if near.is_empty() { place[slot] as f64 } else { sum as f64 / near.len() as f64 };
                (mean, slot)
            })
            .collect();
        // Stable: equals keep their order.
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (i, (_, slot)) in keyed.into_iter().enumerate() {
            row[i] = slot;
            place[slot] = i;
        }
    }
}

/// Crossings between the edges of two slots of which the first stands before the second.
fn between(a: &[usize], b: &[usize], place: &[usize]) -> usize {
    a.iter().map(|&x| b.iter().filter(|&&y| place[y] < place[x]).count()).sum()
}

/// Exchanges neighbours as long as that takes crossings away.
fn exchange(ranks: &mut [Vec<usize>], neighbours: &Neighbours, n: usize) {
    let mut place = places(ranks, n);
    for _ in 0..20 {
        let mut changed = false;
        for row in ranks.iter_mut() {
            for i in 1..row.len() {
                let (a, b) = (row[i - 1], row[i]);
                let now = between(&neighbours.before[a], &neighbours.before[b], &place)
                    + between(&neighbours.after[a], &neighbours.after[b], &place);
                let then = between(&neighbours.before[b], &neighbours.before[a], &place)
                    + between(&neighbours.after[b], &neighbours.after[a], &place);
                if then < now {
                    row.swap(i - 1, i);
                    (place[a], place[b]) = (i, i - 1);
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
}

fn crossings(ranks: &[Vec<usize>], neighbours: &Neighbours, n: usize) -> usize {
    let place = places(ranks, n);
    let of_row = |row: &Vec<usize>| -> usize {
        let pairs = row.iter().enumerate().flat_map(|(i, &a)| row[i + 1..].iter().map(move |&b| (a, b)));
        pairs.map(|(a, b)| between(&neighbours.after[a], &neighbours.after[b], &place)).sum()
    };
    ranks.iter().map(of_row).sum()
}
