//! A layered layout: boxes in ranks, edges as smooth curves between them (Sugiyama, Tagawa and Toda, 1981).
//!
//! Works along the flow (`along`: downwards, or to the right) and across it, so that both directions share every step. An edge
//! that passes a rank takes a slot in it, as does its label; slots of a rank never overlap, edges run straight through a rank's
//! band and bend between bands only. So nothing but edges can cross edges, by construction.
//!
//! **Invariant.** Deterministic: no hashing, no randomness. Cost: quadratic in the slots of a rank, for a fixed number of sweeps.

use super::order;

/// What is to be placed.
pub(super) struct Request {
    /// Width and height of each box.
    pub boxes: Vec<(f64, f64)>,
    pub wires: Vec<Wire>,
    /// From the top down; else from the left to the right.
    pub down: bool,
}

/// An edge to be placed. Ends are numbers of boxes; no edge leads back.
pub(super) struct Wire {
    pub from: usize,
    pub to: usize,
    /// Whether a second line runs beside it, the other way.
    pub twin: bool,
    /// Width and height of the label beside the line.
    pub label: Option<(f64, f64)>,
    /// The same beside the second line.
    pub twin_label: Option<(f64, f64)>,
}

impl Wire {
    fn is_labelled(&self) -> bool {
        self.label.is_some() || self.twin_label.is_some()
    }
    /// Half of what the lines take up across.
    fn half(&self) -> f64 {
        if self.twin { TWIN + 3.0 } else { 5.0 }
    }
}

/// A rectangle: its upper left corner and its size.
///
/// # Examples
/// ```
/// use retrograd::{Tape, explain::draw, graph::Graph};
/// let tape = Tape::new();
/// let picture = draw::Picture::of(&Graph::of(tape.var(2.0).exp()), &draw::DrawOptions::default())?;
/// let [input, output] = picture.boxes() else { unreachable!() };
/// assert!(!input.overlaps(output) && input.x + input.width < output.x);
/// assert!(input.contains((input.x + 1.0, input.y + 1.0)));
/// assert_eq!(input.border_distance((input.x - 3.0, input.y + 5.0)), 3.0);
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rect {
    /// The left edge.
    pub x: f64,
    /// The upper edge.
    pub y: f64,
    /// The width.
    pub width: f64,
    /// The height.
    pub height: f64,
}

impl Rect {
    /// Whether the two have more than an edge in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        let apart = |a: f64, a_size: f64, b: f64, b_size: f64| a + a_size <= b || b + b_size <= a;
        !apart(self.x, self.width, other.x, other.width) && !apart(self.y, self.height, other.y, other.height)
    }
    /// How far a point is from the rectangle's border, inside or outside.
    pub fn border_distance(&self, (x, y): (f64, f64)) -> f64 {
        let (dx, dy) = ((self.x - x).max(x - self.x - self.width), (self.y - y).max(y - self.y - self.height));
        if dx <= 0.0 && dy <= 0.0 { -dx.max(dy) } else { dx.max(0.0).hypot(dy.max(0.0)) }
    }
    /// Whether a point is inside, not on the border.
    pub fn contains(&self, (x, y): (f64, f64)) -> bool {
        x > self.x && x < self.x + self.width && y > self.y && y < self.y + self.height
    }
    pub(super) fn centre(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }
}

/// Where an edge runs: from a point along cubic Bézier curves, each with two control points and an end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EdgePath {
    pub start: (f64, f64),
    pub pieces: Vec<[(f64, f64); 3]>,
}

impl EdgePath {
    pub fn end(&self) -> (f64, f64) {
        self.pieces.last().map_or(self.start, |piece| piece[2])
    }
    fn line(&mut self, end: (f64, f64)) {
        let (a, b) = (self.end(), end);
        let at = |t: f64| (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
        self.pieces.push([at(1.0 / 3.0), at(2.0 / 3.0), end]);
    }
    fn reversed(&self) -> Self {
        let mut starts: Vec<(f64, f64)> = vec![self.start];
        starts.extend(self.pieces.iter().map(|piece| piece[2]));
        let backward = self.pieces.iter().zip(&starts).rev().map(|(piece, &start)| [piece[1], piece[0], start]);
        Self { start: self.end(), pieces: backward.collect() }
    }
}

/// Where everything is.
pub(super) struct Placed {
    pub width: f64,
    pub height: f64,
    pub boxes: Vec<Rect>,
    pub wires: Vec<PlacedWire>,
}

pub(super) struct PlacedWire {
    pub curve: EdgePath,
    pub label: Option<Rect>,
    /// Of the second line, from the target back to the source.
    pub twin: Option<EdgePath>,
    pub twin_label: Option<Rect>,
}

/// Half the distance between an edge and its twin.
const TWIN: f64 = 4.5;
/// Between slots of a rank.
const APART: f64 = 18.0;
/// Edges leave and enter boxes straight for this long, so that arrowheads point into the box.
const STUB: f64 = 9.0;
/// How strongly a leaf's edge pulls.
const LEAF: f64 = 0.001;
/// Around the whole drawing.
const MARGIN: f64 = 16.0;

/// A box, or an edge passing a rank, with what it takes up.
#[derive(Clone)]
pub(super) struct Slot {
    pub rank: usize,
    along: f64,
    /// Across, on either side of its line.
    before: f64,
    after: f64,
    pub is_box: bool,
}

/// The slots with their connections.
pub(super) struct Layers {
    pub slots: Vec<Slot>,
    /// For each wire its slots, from the source's box to the target's.
    pub chains: Vec<Vec<usize>>,
    /// For each rank its slots in order.
    pub ranks: Vec<Vec<usize>>,
}

/// Places boxes and edges.
pub(super) fn place(request: &Request) -> Placed {
    let mut layers = slots(request);
    order::reduce_crossings(&mut layers);
    let ports = Ports::new(request, &layers);
    let across = positions(request, &layers, &ports);
    let bands = bands(&layers, &across);
    trace(request, &layers, &ports, &across, &bands)
}

/// The rank of each box: the longest path that leads to it; a box with more readers than parents moves close to its readers.
fn rank_boxes(request: &Request) -> Vec<usize> {
    let n = request.boxes.len();
    let step = if request.wires.iter().any(Wire::is_labelled) { 2 } else { 1 };
    let mut ranks = vec![0; n];
    let mut wires: Vec<&Wire> = request.wires.iter().collect();
    wires.sort_by_key(|wire| wire.to);
    for wire in &wires {
        ranks[wire.to] = ranks[wire.to].max(ranks[wire.from] + step);
    }
    for at in (0..n).rev() {
        let parents = wires.iter().filter(|wire| wire.to == at).count();
        let readers: Vec<usize> = wires.iter().filter(|wire| wire.from == at).map(|wire| ranks[wire.to]).collect();
        if let Some(first) = readers.iter().min().filter(|_| readers.len() > parents) {
            ranks[at] = first - step;
        }
    }
    let first = ranks.iter().copied().min().unwrap_or(0);
    ranks.iter().map(|rank| rank - first).collect()
}

fn slots(request: &Request) -> Layers {
    let ranks = rank_boxes(request);
    let mut slots: Vec<Slot> = Vec::new();
    for (at, &rank) in ranks.iter().enumerate() {
        let (along, across) = box_size(request, at);
        slots.push(Slot { rank, along, before: across / 2.0, after: across / 2.0, is_box: true });
    }
    let mut chains = Vec::new();
    for wire in &request.wires {
        let (from, to) = (ranks[wire.from], ranks[wire.to]);
        // Labels stand in odd ranks, which no box does.
        let label_rank = from + (((to - from) / 2) | 1);
        let mut chain = vec![wire.from];
        for rank in from + 1..to {
            let mut slot = Slot { rank, along: 0.0, before: wire.half(), after: wire.half(), is_box: false };
            if wire.is_labelled() && rank == label_rank {
                widen(&mut slot, wire, request.down);
            }
            chain.push(slots.len());
            slots.push(slot);
        }
        chain.push(wire.to);
        chains.push(chain);
    }
    let last = slots.iter().map(|slot| slot.rank).max().unwrap_or(0);
    let mut ranks = vec![Vec::new(); last + 1];
    for (at, slot) in slots.iter().enumerate() {
        ranks[slot.rank].push(at);
    }
    Layers { slots, chains, ranks }
}

/// A box's size along and across; wide enough for the edges of its busier side.
fn box_size(request: &Request, at: usize) -> (f64, f64) {
    let (width, height) = request.boxes[at];
    let side = |ours: &dyn Fn(&Wire) -> bool| -> f64 {
        request.wires.iter().filter(|wire| ours(wire)).map(|wire| 2.0 * wire.half() + 2.0).sum()
    };
    let edges = side(&|wire| wire.from == at).max(side(&|wire| wire.to == at)) + 10.0;
    if request.down { (height, width.max(edges)) } else { (width, height.max(edges)) }
}

/// Room for a wire's labels beside its lines.
fn widen(slot: &mut Slot, wire: &Wire, down: bool) {
    for (label, is_twin) in [(wire.label, false), (wire.twin_label, true)] {
        let Some((width, height)) = label else { continue };
        let (along, across) = if down { (height, width) } else { (width, height) };
        slot.along = slot.along.max(along);
        let side = if stands_before(wire, is_twin, down) { &mut slot.before } else { &mut slot.after };
        *side += across;
    }
}

/// On which side of its line a label stands. Above where the flow goes right; right where it goes down; a twin's on the other.
fn stands_before(wire: &Wire, is_twin: bool, down: bool) -> bool {
    match (is_twin, wire.twin) {
        (true, _) => false,
        (false, true) => true,
        (false, false) => !down,
    }
}

/// How far from the middle of a box's side each edge leaves and enters.
pub(super) struct Ports {
    /// For each wire: at its source, at its target.
    at: Vec<(f64, f64)>,
}

impl Ports {
    fn new(request: &Request, layers: &Layers) -> Self {
        let mut place = vec![0; layers.slots.len()];
        for rank in &layers.ranks {
            rank.iter().enumerate().for_each(|(i, &slot)| place[slot] = i);
        }
        let mut at = vec![(0.0, 0.0); request.wires.len()];
        for node in 0..request.boxes.len() {
            for is_source in [true, false] {
                let ours = |&k: &usize| {
                    is_source && request.wires[k].from == node || !is_source && request.wires[k].to == node
                };
                let mut wires: Vec<usize> = (0..request.wires.len()).filter(ours).collect();
                let neighbour = |k: usize| {
                    let chain = &layers.chains[k];
                    if is_source { chain[1] } else { chain[chain.len() - 2] }
                };
                wires.sort_by_key(|&k| (place[neighbour(k)], k));
                let (_, across) = box_size(request, node);
                let taken: f64 = wires.iter().map(|&k| 2.0 * request.wires[k].half() + 2.0).sum();
                let spread = ((across - 10.0 - taken) / wires.len().max(1) as f64).clamp(0.0, 14.0);
                let mut from = -(taken + spread * wires.len() as f64) / 2.0;
                for k in wires {
                    let width = 2.0 * request.wires[k].half() + 2.0 + spread;
                    let port = if is_source { &mut at[k].0 } else { &mut at[k].1 };
                    *port = from + width / 2.0;
                    from += width;
                }
            }
        }
        Self { at }
    }
}

/// Where each slot's line is across: near its neighbours, in order, apart.
fn positions(request: &Request, layers: &Layers, ports: &Ports) -> Vec<f64> {
    let n = layers.slots.len();
    // For each slot: another slot, where the edge would run straight relative to it, the weight, whether it is above.
    let mut pulls: Vec<Vec<(usize, f64, f64, bool)>> = vec![Vec::new(); n];
    for (k, chain) in layers.chains.iter().enumerate() {
        for (i, pair) in chain.windows(2).enumerate() {
            let (a, b) = (pair[0], pair[1]);
            let (out, into) =
                (if i == 0 { ports.at[k].0 } else { 0.0 }, if i + 2 == chain.len() { ports.at[k].1 } else { 0.0 });
            let weight = match (layers.slots[a].is_box, layers.slots[b].is_box) {
                _ if is_leaf(request, k) => LEAF,
                (false, false) => 8.0,
                (true, true) => 1.0,
                _ => 2.0,
            };
            pulls[a].push((b, into - out, weight, false));
            pulls[b].push((a, out - into, weight, true));
        }
    }
    let mut at = vec![0.0; n];
    for rank in &layers.ranks {
        let mut from = 0.0;
        for &slot in rank {
            at[slot] = from + layers.slots[slot].before;
            from = at[slot] + layers.slots[slot].after + APART;
        }
        rank.iter().for_each(|&slot| at[slot] -= from / 2.0);
    }
    let down: Vec<usize> = (0..layers.ranks.len()).collect();
    let up: Vec<usize> = down.iter().rev().copied().collect();
    for sweep in 0..60 {
        let (order, both) = (if sweep % 2 == 0 { &down } else { &up }, sweep >= 12);
        for &rank in order {
            let row = &layers.ranks[rank];
            let wanted: Vec<(f64, f64)> = row
                .iter()
                .map(|&slot| {
                    let heard = pulls[slot].iter().filter(|pull| both || pull.3 == (sweep % 2 == 0));
                    let (sum, weight) = heard.fold((0.0, 0.0), |(sum, weight), &(other, offset, pull, _)| {
                        (sum + (at[other] + offset) * pull, weight + pull)
                    });
                    if weight > 0.0 { (sum / weight, weight) } else { (at[slot], 0.1) }
                })
                .collect();
            spread(row, &layers.slots, &wanted, &mut at);
        }
    }
    let first = (0..n).map(|slot| at[slot] - layers.slots[slot].before).fold(f64::INFINITY, f64::min);
    at.iter().map(|x| x - first + MARGIN).collect()
}

/// Whether an edge leads from a box that nothing else touches: such a parameter stands beside what the data flow through, and
/// does not bend that.
fn is_leaf(request: &Request, wire: usize) -> bool {
    let from = request.wires[wire].from;
    request.wires.iter().enumerate().all(|(k, other)| k == wire || (other.from != from && other.to != from))
}

/// The positions closest to those wanted, by weighted squares, that keep order and distance: pools adjacent violators.
fn spread(row: &[usize], slots: &[Slot], wanted: &[(f64, f64)], at: &mut [f64]) {
    let mut offsets = vec![0.0];
    for pair in row.windows(2) {
        let last = offsets[offsets.len() - 1];
        let gap = if slots[pair[0]].is_box || slots[pair[1]].is_box { APART } else { APART / 2.0 };
        offsets.push(last + slots[pair[0]].after + slots[pair[1]].before + gap);
    }
    // Blocks of slots at their least distance: sum of wishes, weight, how many.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for (i, &(wish, weight)) in wanted.iter().enumerate() {
        let mut block = ((wish - offsets[i]) * weight, weight, 1);
        while let Some(&(sum, total, count)) = blocks.last() {
            if sum / total <= block.0 / block.1 {
                break;
            }
            block = (block.0 + sum, block.1 + total, block.2 + count);
            blocks.pop();
        }
        blocks.push(block);
    }
    let mut i = 0;
    for (sum, total, count) in blocks {
        for _ in 0..count {
            at[row[i]] = sum / total + offsets[i];
            i += 1;
        }
    }
}

/// Where each rank's band begins and ends along the flow; the gap grows with how far edges go sideways.
fn bands(layers: &Layers, across: &[f64]) -> Vec<(f64, f64)> {
    let mut furthest = vec![0.0f64; layers.ranks.len()];
    for pair in layers.chains.iter().flat_map(|chain| chain.windows(2)) {
        let rank = layers.slots[pair[0]].rank;
        furthest[rank] = furthest[rank].max((across[pair[0]] - across[pair[1]]).abs());
    }
    let mut from = MARGIN;
    let mut bands = Vec::new();
    for (rank, row) in layers.ranks.iter().enumerate() {
        let size = row.iter().map(|&slot| layers.slots[slot].along).fold(0.0, f64::max);
        bands.push((from, from + size));
        let straight = if row.iter().any(|&slot| layers.slots[slot].is_box) { STUB } else { 0.0 };
        let next = layers.ranks.get(rank + 1);
        let next_straight =
            if next.is_some_and(|row| row.iter().any(|&slot| layers.slots[slot].is_box)) { STUB } else { 0.0 };
        from += size + straight + next_straight + (0.22 * furthest[rank]).clamp(18.0, 70.0);
    }
    bands
}

fn trace(request: &Request, layers: &Layers, ports: &Ports, across: &[f64], bands: &[(f64, f64)]) -> Placed {
    // From along and across to x and y.
    let point = |along: f64, across: f64| if request.down { (across, along) } else { (along, across) };
    let rect = |along: (f64, f64), across: (f64, f64)| {
        let ((x, y), (right, lower)) = (point(along.0, across.0), point(along.1, across.1));
        Rect { x, y, width: right - x, height: lower - y }
    };
    let middle = |rank: usize| (bands[rank].0 + bands[rank].1) / 2.0;
    let extent = |slot: usize| {
        let (centre, half) = (middle(layers.slots[slot].rank), layers.slots[slot].along / 2.0);
        (centre - half, centre + half)
    };
    let boxes: Vec<Rect> = (0..request.boxes.len())
        .map(|at| rect(extent(at), (across[at] - layers.slots[at].before, across[at] + layers.slots[at].after)))
        .collect();
    let stub = |rank: usize| if layers.ranks[rank].iter().any(|&slot| layers.slots[slot].is_box) { STUB } else { 0.0 };
    let wires = request.wires.iter().zip(&layers.chains).enumerate().map(|(k, (wire, chain))| {
        let last = chain.len() - 1;
        let curve = |shift: f64| {
            let line = |i: usize| {
                let port = if i == 0 {
                    ports.at[k].0
                } else if i == last {
                    ports.at[k].1
                } else {
                    0.0
                };
                across[chain[i]] + port + shift
            };
            let mut curve = EdgePath { start: point(extent(chain[0]).1, line(0)), pieces: Vec::new() };
            for i in 0..last {
                let (rank, next) = (layers.slots[chain[i]].rank, layers.slots[chain[i + 1]].rank);
                let (from, to) = (bands[rank].1 + stub(rank), bands[next].0 - stub(next));
                curve.line(point(from, line(i)));
                let half = (from + to) / 2.0;
                curve.pieces.push([point(half, line(i)), point(half, line(i + 1)), point(to, line(i + 1))]);
            }
            curve.line(point(extent(chain[last]).0, line(last)));
            curve
        };
        let label_slot = chain[1..last].iter().copied().find(|&slot| layers.slots[slot].along > 0.0);
        let label = |size: Option<(f64, f64)>, is_twin: bool| {
            let (size, slot) = (size?, label_slot?);
            let (along, wide) = if request.down { (size.1, size.0) } else { (size.0, size.1) };
            let centre = middle(layers.slots[slot].rank);
            let line = across[slot];
            let across = match stands_before(wire, is_twin, request.down) {
                true => (line - wire.half() - wide, line - wire.half()),
                false => (line + wire.half(), line + wire.half() + wide),
            };
            Some(rect((centre - along / 2.0, centre + along / 2.0), across))
        };
        PlacedWire {
            curve: curve(if wire.twin { -TWIN } else { 0.0 }),
            label: label(wire.label, false),
            twin: wire.twin.then(|| curve(TWIN).reversed()),
            twin_label: label(wire.twin_label, true),
        }
    });
    let wires = wires.collect();
    let far = (0..layers.slots.len()).map(|slot| across[slot] + layers.slots[slot].after).fold(0.0, f64::max);
    let (width, height) = point(bands[bands.len() - 1].1 + MARGIN, far + MARGIN);
    Placed { width, height, boxes, wires }
}
