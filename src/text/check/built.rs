//! Statements built of the values at hand, where no edit of what stands there is right.

use super::edits::{Edit, Maker, binary, broadcasts, forms, minus, new, number, turned};
use super::judge::{Judge, state_of, statement};
use crate::tensor::Tensor;
use crate::text::run::State;
use crate::text::syntax::{E, Node, Sign, StmtKind};
use crate::text::value::Value;
use std::rc::Rc;

/// An expression of the values at hand, with what it gives.
struct Made {
    expr: E,
    value: Tensor<f64>,
    price: f64,
}

/// How many expressions are made, at most.
const MADE: usize = 4000;

/// What a unit's last statement may be where no edit of it is right: built of the values at hand, in its place, or as a term or factor
/// that it lacks. `right` is what the unit should come to, `found` what it does.
pub(super) fn built(
    judge: &Judge<'_>,
    unit: usize,
    snaps: &[Rc<State<'static>>],
    right: &Tensor<f64>,
    found: Option<&Tensor<f64>>,
) -> Vec<Edit> {
    let Some(&k) = judge.units[unit].members.last() else { return Vec::new() };
    let (Some(stmt), Some(state)) = (statement(&judge.steps[k]), snaps.get(k)) else { return Vec::new() };
    let (StmtKind::Assign(_, value) | StmtKind::Update(_, _, value)) = &stmt.kind else { return Vec::new() };
    let is_whole = matches!(&stmt.kind, StmtKind::Assign(targets, _) if matches!(targets[..], [ref x] if matches!(x.node, Node::Name(_))));
    let mut maker = Maker::new(judge, stmt, value.clone(), state_of(&judge.steps[k], state), true);
    maker.collect();
    let wanted = right.shape().to_vec();
    let numbers: Vec<(E, f64)> = maker
        .at_hand
        .clone()
        .into_iter()
        .filter(|name| name.shape.is_empty() && !matches!(name.expr.node, Node::Number(..)))
        .filter_map(|name| Some((name.expr.clone(), maker.evaluate(&name.expr)?.item())))
        .collect();
    let made = maker.expressions(&wanted);
    // What it should come to, less what it does, and divided by it.
    let same = found.filter(|found| found.shape() == right.shape());
    let rest =
        same.map(|found| Tensor::new(right.shape(), right.iter().zip(found.iter()).map(|(r, f)| r - f).collect()));
    let ratio =
        same.map(|found| Tensor::new(right.shape(), right.iter().zip(found.iter()).map(|(r, f)| r / f).collect()));
    let (rest, ratio) = (rest.and_then(Result::ok), ratio.and_then(Result::ok).filter(Tensor::is_finite));
    for Made { expr, value: x, price } in &made {
        if let Some((scaled, extra)) = multiple(x, right, &numbers).map(|c| scaled(expr, c, &numbers))
            && is_whole
        {
            maker.emit(value, scaled, 0, price + extra);
        }
        if let Some(c) = rest.as_ref().and_then(|rest| multiple(x, rest, &numbers)) {
            let (term, extra) = scaled(expr, c.abs(), &numbers);
            let sign = if c < 0.0 { Sign::Sub } else { Sign::Add };
            maker.emit(value, binary(sign, value, &term), 0, price + extra - 0.5);
        }
        if let Some(c) = ratio.as_ref().and_then(|ratio| multiple(x, ratio, &numbers)) {
            let (factor, extra) = scaled(expr, c, &numbers);
            maker.emit(value, binary(Sign::Mul, value, &factor), 0, price + extra - 0.5);
        }
    }
    if is_whole {
        maker.sums_of_two(value, &made, right);
    }
    maker.found.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    maker.found
}

/// The number that one is times the other, if people would multiply with it.
fn multiple(x: &Tensor<f64>, of: &Tensor<f64>, numbers: &[(E, f64)]) -> Option<f64> {
    if x.shape() != of.shape() {
        return None;
    }
    let i = (0..x.len()).max_by(|&i, &j| x.as_slice()[i].abs().total_cmp(&x.as_slice()[j].abs()))?;
    let c = of.as_slice()[i] / x.as_slice()[i];
    let size = of.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    let fits = c.is_finite() && c != 0.0 && size > 0.0;
    if !fits || !x.iter().zip(of.iter()).all(|(x, y)| (c * x - y).abs() <= 1e-8 * size) {
        return None;
    }
    let near = |x: f64| (c.abs() - x).abs() < 1e-9 * x;
    let plain = [1.0, 2.0, 0.5].into_iter().any(near);
    let named =
        numbers.iter().any(|(_, n)| [n.abs(), 1.0 / n.abs(), 2.0 / n.abs(), n.abs() / 2.0].into_iter().any(near));
    (plain || named).then_some(c)
}

/// An expression times such a number, as people write it, and what that adds to the price.
fn scaled(x: &E, c: f64, numbers: &[(E, f64)]) -> (E, f64) {
    let turn = |y: E| if c < 0.0 { minus(&y) } else { y };
    let is = |y: f64| (c.abs() - y).abs() < 1e-9 * y;
    if is(1.0) {
        return (turn(x.clone()), if c < 0.0 { 0.3 } else { 0.0 });
    }
    for (name, n) in numbers {
        let n = n.abs();
        if is(n) {
            return (turn(binary(Sign::Mul, name, x)), 0.5);
        }
        if is(1.0 / n) {
            return (turn(binary(Sign::Div, x, name)), 0.5);
        }
    }
    if is(2.0) || is(0.5) {
        return (turn(binary(Sign::Mul, &number(if is(2.0) { 2.0 } else { 0.5 }), x)), 0.6);
    }
    for (name, n) in numbers {
        let n = n.abs();
        if is(2.0 / n) {
            return (turn(binary(Sign::Div, &binary(Sign::Mul, &number(2.0), x), name)), 0.9);
        }
        if is(n / 2.0) {
            return (turn(binary(Sign::Mul, &binary(Sign::Div, name, &number(2.0)), x)), 0.9);
        }
    }
    (turn(x.clone()), 9.0)
}

impl Maker<'_, '_> {
    /// What an expression gives, without a trace of it left behind.
    fn evaluate(&mut self, expr: &E) -> Option<Tensor<f64>> {
        if !self.judge.may_go_on() {
            return None;
        }
        let cells = self.machine.state.heap.cells.len();
        self.machine.rewind_limits();
        let value = self.machine.eval(expr).ok();
        let found = value.and_then(|value| match value {
            Value::Number(_) | Value::Array(_) => self.machine.operand(&value).ok().map(|x| x.data.value()),
            _ => None,
        });
        self.machine.state.heap.cells.truncate(cells);
        found
    }

    /// Expressions of the values at hand that have this shape, the simplest first.
    fn expressions(&mut self, wanted: &[usize]) -> Vec<Made> {
        let names = self.at_hand.clone();
        let mut all: Vec<(E, f64)> = Vec::new();
        let reduced = |maker: &Self, x: &E, shape: &[usize], all: &mut Vec<(E, f64)>, price: f64| {
            if shape == wanted {
                all.push((x.clone(), price));
                return;
            }
            if wanted.is_empty() {
                all.push((maker.call("sum", &[x], &[]), price + 0.3));
                return;
            }
            for axis in 0..shape.len() {
                let mut without = shape.to_vec();
                without.remove(axis);
                let mut kept = shape.to_vec();
                kept[axis] = 1;
                if without == wanted {
                    all.push((maker.call("sum", &[x], &[("axis", number(axis as f64))]), price + 0.3));
                }
                if kept == wanted {
                    let named = [("axis", number(axis as f64)), ("keepdims", new(Node::True))];
                    all.push((maker.call("sum", &[x], &named), price + 0.3));
                }
            }
        };
        for a in &names {
            reduced(self, &a.expr, &a.shape, &mut all, 4.0);
            if a.shape == wanted {
                for name in ["exp", "sigmoid", "tanh", "log"] {
                    all.push((self.call(name, &[&a.expr], &[]), 4.6));
                }
                all.extend(forms(&a.expr).into_iter().map(|form| (form, 4.8)));
            }
            for b in &names {
                let (x, y) = (&a.expr, &b.expr);
                match (&a.shape[..], &b.shape[..]) {
                    ([r, c], [s, d]) => {
                        for (fits, x, y, shape) in [
                            (c == s, x.clone(), y.clone(), [*r, *d]),
                            (r == s, turned(x), y.clone(), [*c, *d]),
                            (c == d, x.clone(), turned(y), [*r, *s]),
                        ] {
                            if fits && shape == wanted {
                                all.push((binary(Sign::MatMul, &x, &y), 5.0));
                            }
                        }
                    }
                    ([r, c], [s]) if wanted.len() == 1 => {
                        if c == s && wanted == [*r] {
                            all.push((binary(Sign::MatMul, x, y), 5.0));
                        }
                        if r == s && wanted == [*c] {
                            all.push((binary(Sign::MatMul, &turned(x), y), 5.0));
                        }
                    }
                    ([r], [s]) if wanted == [*r, *s] => all.push((self.call("outer", &[x, y], &[]), 5.0)),
                    _ => {}
                }
                if broadcasts(&b.shape, &a.shape) && !b.shape.is_empty() || a.shape.is_empty() && b.shape.is_empty() {
                    let product = binary(Sign::Mul, x, y);
                    reduced(self, &product, &a.shape, &mut all, 5.2);
                    reduced(self, &binary(Sign::Div, x, y), &a.shape, &mut all, 5.6);
                    if a.shape == wanted {
                        all.push((binary(Sign::Sub, x, y), 5.3));
                        all.push((binary(Sign::Add, x, y), 5.4));
                        all.extend(forms(y).into_iter().map(|form| (binary(Sign::Mul, x, &form), 5.6)));
                    }
                }
            }
        }
        all.sort_by(|a, b| a.1.total_cmp(&b.1));
        all.truncate(MADE);
        let mut found = Vec::new();
        for (expr, price) in all {
            if let Some(value) =
                self.evaluate(&expr).filter(|value| value.shape().dims() == wanted && value.is_finite())
            {
                found.push(Made { expr, value, price });
            }
        }
        found
    }

    /// Two of them whose sum, or difference, is right.
    fn sums_of_two(&mut self, value: &E, made: &[Made], right: &Tensor<f64>) {
        // One number for each, by which pairs are looked up.
        let print = |x: &Tensor<f64>| {
            let weight = |i: usize| ((i + 1) as f64 * 0.754_877_666_246_692_8).fract() - 0.4;
            x.iter().enumerate().map(|(i, x)| weight(i) * x).sum::<f64>()
        };
        let mut prints: Vec<(f64, usize)> = made.iter().enumerate().map(|(i, made)| (print(&made.value), i)).collect();
        prints.sort_by(|a, b| a.0.total_cmp(&b.0));
        let target = print(right);
        let size = right.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        let mut pairs = 0;
        for (i, first) in made.iter().enumerate() {
            let own = print(&first.value);
            for sign in [1.0, -1.0] {
                // own + sign * other = target
                let other = sign * (target - own);
                let allowed = 1e-8 * (own.abs() + target.abs() + size);
                let from = prints.partition_point(|(x, _)| *x < other - allowed);
                for &(x, j) in &prints[from..] {
                    if x > other + allowed || pairs > 60 {
                        break;
                    }
                    if j == i || sign > 0.0 && j < i {
                        continue;
                    }
                    pairs += 1;
                    let second = &made[j];
                    let operator = if sign < 0.0 { Sign::Sub } else { Sign::Add };
                    self.emit(value, binary(operator, &first.expr, &second.expr), 0, first.price + second.price);
                }
            }
        }
    }
}
