//! Mistakes of a result: what was done to the true gradient of one parameter.

use super::case::{Case, Target, Variable, Wrt};
use super::mutant;
use super::{Kind, Mistake};
use crate::graph::{Arg, GraphNode};
use crate::tensor::Tensor;

/// A mistake that explains one target.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    pub mistake: Mistake,
    pub cost: f64,
    pub fit: f64,
}

/// A mistake without a place in the graph.
pub(super) fn mistake(kind: Kind, factor: Option<f64>, text: String) -> Mistake {
    Mistake {
        kind,
        node: None,
        nodes: Vec::new(),
        op: None,
        scope: None,
        site: None,
        factor,
        wrong: None,
        right: None,
        text,
    }
}

/// The mistakes that explain a target, and how many were tried.
pub(super) fn findings(case: &Case, k: usize) -> (Vec<Suspect>, usize) {
    let target = &case.targets[k];
    let mut found = Vec::new();
    let mut push = |cost: f64, fit: Option<f64>, mistake: Mistake| {
        if let Some(fit) = fit {
            found.push(Suspect { mistake, cost, fit });
        }
    };
    if target.has_right_shape()
        && let Some((factor, name, parts)) = factor(case, target.hand.as_slice(), target.truth.as_slice())
    {
        let scaled = target.truth.map(|x| x * factor);
        let cost = 0.1 * parts as f64;
        push(cost, case.fit(k, &scaled), mistake(Kind::Factor, Some(factor), format!("times {name}")));
    }
    if let (Ok(transposed), 2) = (target.truth.try_t(), target.truth.shape().rank())
        && transposed.shape() == target.hand.shape()
    {
        let text = || String::from("transposed");
        push(0.1, case.fit(k, &transposed), mistake(Kind::Transposed, None, text()));
        if let Some((c, name, _)) = factor(case, target.hand.as_slice(), transposed.as_slice()) {
            let text = format!("transposed, and times {name}");
            push(0.7, case.fit(k, &transposed.map(|x| x * c)), mistake(Kind::Transposed, Some(c), text));
        }
    }
    let mut tried = 4;
    if target.has_right_shape() {
        regularisation(case, k, &mut push);
        permuted(case, k, &mut push);
    } else if target.hand.len() == target.truth.len() {
        let same = target.truth.try_reshape(target.hand.shape()).ok();
        let fit = same.and_then(|same| case.fit(k, &same));
        let text = format!("in shape {} instead of {}", target.hand.shape(), target.truth.shape());
        push(0.0, fit, mistake(Kind::Reshaped, None, text));
    }
    for other in others(case, target) {
        tried += 1;
        let text = format!("by {} instead", other.name);
        push(0.3, case.fit(k, &other.truth), mistake(Kind::OtherParameter, None, text));
    }
    not_summed(case, k, &mut push);
    tried += elementwise(case, k, &mut push);
    (found, tried + 4)
}

/// The one factor between two lists, if there is one and it has a name.
pub(super) fn factor(case: &Case, hand: &[f64], truth: &[f64]) -> Option<(f64, String, usize)> {
    let (largest, _) = truth.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    let c = hand[largest] / truth[largest];
    if !c.is_finite() || c == 0.0 {
        return None;
    }
    let factor = case.factors.find(c, case.tolerance)?;
    (factor.value != 1.0).then_some((factor.value, factor.name, factor.parts))
}

/// Other parameters and hand-coded intermediates.
fn others<'a>(case: &'a Case, target: &'a Target) -> impl Iterator<Item = &'a Variable> {
    let intermediates = case.targets.iter().map(|other| &other.variable);
    let intermediates = intermediates.filter(|other| matches!(other.place, Wrt::Intermediate(_)));
    case.parameters.iter().chain(intermediates).filter(|other| other.name != target.name)
}

/// A multiple of the parameter added to the true gradient.
fn regularisation(case: &Case, k: usize, push: &mut impl FnMut(f64, Option<f64>, Mistake)) {
    let target = &case.targets[k];
    let difference = &target.hand - &target.truth;
    let noise = case.tolerance * target.hand.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    absolute_values(case, k, noise, push);
    let Some((c, part)) = multiple(&difference, &target.value, noise) else { return };
    let whole = difference.len();
    let added = Tensor::new(
        difference.shape(),
        difference.iter().zip(target.value.iter()).map(|(d, x)| if d.abs() > noise { c * x } else { 0.0 }).collect(),
    );
    let Some(fit) = added.ok().and_then(|added| case.fit(k, &(&target.truth + &added))) else { return };
    // A term on part of the parameter says nothing of the rest.
    let within = |(own, there): (f64, Vec<bool>)| {
        let touched = difference.iter().zip(&there).any(|(d, there)| d.abs() > noise && *there);
        if touched { Ok(own) } else { Err(own) }
    };
    let own = coefficient(case, target).map(within);
    let rest = own.and_then(Result::err);
    let own = own.and_then(Result::ok);
    // What the other parameters' terms have, should this one have none.
    let others = case.parameters.iter().filter(|other| other.name != target.name);
    let other = others.filter_map(|other| Some((other, coefficient(case, other)?.0))).next();
    let of = |x: f64| match case.factors.find(x, 1e-7) {
        Some(factor) => format!("{} {}", factor.name, target.name),
        None => format!("{} {}", crate::check::report::significant(x, 6), target.name),
    };
    let here = match line(&difference, noise) {
        Some(line) if part < whole => format!(" in {line}"),
        _ if part < whole => format!(" in {part} of {whole} elements"),
        _ => String::new(),
    };
    let ratio = own.map(|own| (own + c) / own);
    let (cost, factor, text) = match (own, ratio) {
        (Some(_), Some(ratio)) if ratio.abs() < 1e-7 => {
            (0.05, 0.0, format!("with the regularisation term left out{here}"))
        }
        (Some(own), Some(ratio)) => match case.factors.find(ratio, 1e-7) {
            Some(named) => {
                let text = format!("with the regularisation term times {}{here}: {}", named.name, of(own + c));
                (0.1 + 0.1 * named.parts as f64, ratio, text)
            }
            None if part > 2 => (0.4, ratio, format!("with the regularisation term as {}{here}", of(own + c))),
            None => return,
        },
        _ if rest.is_some_and(|rest| (rest / c - 1.0).abs() < 1e-7) => {
            (0.05, c, format!("plus {}{here}: regularised as the rest is", of(c)))
        }
        _ => match other {
            Some((other, theirs)) if (theirs / c - 1.0).abs() < 1e-7 => {
                (0.05, c, format!("plus {}{here}: regularised as {} is", of(c), other.name))
            }
            _ if part > 2 => (0.4, c, format!("plus {}{here}: a regularisation term that the function lacks", of(c))),
            _ if case.factors.find(c, 1e-7).is_some() => {
                (0.5, c, format!("plus {}{here}: a regularisation term that the function lacks", of(c)))
            }
            _ => return,
        },
    };
    push(cost, Some(fit), mistake(Kind::Regularisation, Some(factor), text));
}

/// The derivative of |w| in place of that of w^2.
fn absolute_values(case: &Case, k: usize, noise: f64, push: &mut impl FnMut(f64, Option<f64>, Mistake)) {
    let target = &case.targets[k];
    let Some((own, there)) = coefficient(case, target) else { return };
    let parts = target.value.iter().zip(&there).map(|(x, there)| if *there { own * x } else { 0.0 }).collect();
    let Ok(term) = Tensor::new(target.value.shape(), parts) else { return };
    let signs = target.value.sign();
    let rest = &target.truth - &term;
    let Some((c, count)) = multiple(&(&target.hand - &rest), &signs, noise) else { return };
    if count > 2 {
        let fit = case.fit(k, &(&rest + &(&signs * c)));
        let text = format!("with the regularisation term of |{0}| instead of {0}^2", target.name);
        push(0.3, fit, mistake(Kind::Regularisation, Some(c), text));
    }
}

/// The number by which `x` was multiplied to give `y`, where `y` is not 0, and how many elements that are.
fn multiple(y: &Tensor<f64>, x: &Tensor<f64>, noise: f64) -> Option<(f64, usize)> {
    if x.shape() != y.shape() {
        return None;
    }
    let pairs = || y.iter().zip(x.iter()).filter(|(y, _)| y.abs() > noise);
    let size: f64 = pairs().map(|(_, x)| x * x).sum();
    let c = pairs().map(|(y, x)| x * y).sum::<f64>() / size;
    let largest = pairs().fold(0.0, |max: f64, (y, _)| max.max(y.abs()));
    let fits = pairs().all(|(y, x)| (y - c * x).abs() <= 10.0 * noise + 1e-7 * largest);
    (c.is_finite() && c != 0.0 && fits).then(|| (c, pairs().count()))
}

/// The one row or column of a matrix in which something differs.
fn line(difference: &Tensor<f64>, noise: f64) -> Option<String> {
    let [_, columns] = *difference.shape().dims() else { return None };
    let places =
        difference.iter().enumerate().filter(|(_, d)| d.abs() > noise).map(|(i, _)| (i / columns, i % columns));
    let places: Vec<(usize, usize)> = places.collect();
    let &(row, column) = places.first()?;
    match (places.iter().all(|place| place.0 == row), places.iter().all(|place| place.1 == column)) {
        (_, true) => Some(format!("column {column}")),
        (true, _) => Some(format!("row {row}")),
        _ => None,
    }
}

/// The coefficient of a parameter in its own gradient: what an op that reads it alone contributes, as a multiple of it, and
/// in which elements.
fn coefficient(case: &Case, parameter: &Variable) -> Option<(f64, Vec<bool>)> {
    let graph = &case.levels[0];
    let index = parameter.nodes[0]?;
    let adjoints = graph.adjoints().ok()?;
    let alone = |node: &&GraphNode<f64>| {
        let reads = |arg: &Arg<f64>| *arg == Arg::Node(index);
        let powers = matches!(node.op(), "square" | "powi" | "powf" | "mul" | "squared_error");
        node.args().iter().any(reads)
            && match node.args() {
                [_] => powers || parameter.value.len() > 2,
                [a, b] => powers && reads(a) && reads(b),
                _ => false,
            }
    };
    let of = |node: &GraphNode<f64>| -> Option<(f64, Vec<bool>)> {
        let g = adjoints[node.index()].clone().into_tensor();
        let parts = mutant::contributions(node, &mutant::inputs_of(graph, node), &g).ok()?;
        let sum = parts.into_iter().reduce(|a, b| &a + &b)?;
        let noise = 1e-12 * sum.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        let (c, _) = multiple(&sum, &parameter.value, noise)?;
        Some((c, sum.iter().map(|x| x.abs() > noise).collect()))
    };
    // A term that is read twice counts twice.
    graph.nodes().iter().filter(alone).filter_map(of).reduce(|(a, there), (b, here)| {
        (a + b, there.into_iter().zip(here).map(|(there, here)| there || here).collect())
    })
}

/// Rows, columns or elements in another order.
fn permuted(case: &Case, k: usize, push: &mut impl FnMut(f64, Option<f64>, Mistake)) {
    let target = &case.targets[k];
    let lines = |x: &Tensor<f64>, columns: bool| -> Vec<Vec<f64>> {
        match x.shape().dims() {
            [n] if !columns => (0..*n).map(|i| vec![x.as_slice()[i]]).collect(),
            [rows, _] if !columns => (0..*rows).map(|i| x.row(i).to_vec()).collect(),
            [rows, n] => (0..*n).map(|j| (0..*rows).map(|i| x.row(i)[j]).collect()).collect(),
            _ => Vec::new(),
        }
    };
    let reversed: Vec<f64> = target.truth.iter().rev().copied().collect();
    if reversed.len() > 2 && case.fit_values(target.hand.as_slice(), &reversed).is_some() {
        let text = "with its elements in reverse order, as of a kernel that is not flipped";
        push(0.3, Some(0.0), mistake(Kind::Permuted, None, text.into()));
    }
    for (columns, name) in [(false, "rows"), (true, "columns")] {
        let (hand, truth) = (lines(&target.hand, columns), lines(&target.truth, columns));
        let mut taken = vec![false; truth.len()];
        let order: Option<Vec<usize>> = hand
            .iter()
            .map(|line| {
                let j = (0..truth.len()).find(|&j| !taken[j] && case.fit_values(line, &truth[j]).is_some())?;
                taken[j] = true;
                Some(j)
            })
            .collect();
        let name = if target.truth.shape().rank() == 1 { "elements" } else { name };
        if let Some(order) = order.filter(|order| order.len() > 1) {
            let text = format!("with its {name} in the order {order:?}");
            push(0.4, Some(0.0), mistake(Kind::Permuted, None, text));
        }
    }
}

/// The true gradient times or over a value of the graph, element by element: a factor of the whole left out.
fn elementwise(case: &Case, k: usize, push: &mut impl FnMut(f64, Option<f64>, Mistake)) -> usize {
    let target = &case.targets[k];
    if !target.has_right_shape() || target.truth.len() < 2 {
        return 0;
    }
    let graph = &case.levels[0];
    let mut tried = 0;
    for node in graph.nodes().iter().filter(|node| node.name().is_some() && node.shape().numel() > 1) {
        let (value, name) = (node.value().clone().into_tensor(), graph.title(node.index()));
        for (with, factor) in
            [(target.truth.try_mul(&value), format!("1/{name}")), (target.truth.try_div(&value), name)]
        {
            let Ok(with) = with else { continue };
            tried += 1;
            let text = format!("with the factor {factor} of the whole left out");
            let mut left_out = mistake(Kind::RuleLeftOut, None, text);
            left_out.node = Some(graph.title(node.index()));
            left_out.op = Some(node.op().into());
            // What fits in the derivation itself is more likely.
            push(1.3, case.fit(k, &with), left_out);
        }
    }
    tried
}

/// A gradient with axes left that a broadcast had stretched: its sum over them is the true one.
fn not_summed(case: &Case, k: usize, push: &mut impl FnMut(f64, Option<f64>, Mistake)) {
    let target = &case.targets[k];
    let rank = target.hand.shape().rank();
    if target.hand.len() <= target.truth.len() {
        return;
    }
    for axis in 0..rank {
        let Ok(summed) = target.hand.try_sum(axis) else { continue };
        if summed.len() != target.truth.len() {
            continue;
        }
        let Ok(summed) = summed.try_reshape(target.truth.shape()) else { continue };
        let text = format!("with the sum over axis {axis} left out: a broadcast is undone by summing");
        let fit = case.fit_values(target.truth.as_slice(), summed.as_slice());
        push(0.05, fit, mistake(Kind::NotSummed, None, text));
    }
}
