//! Which numbers of a text a slider may move: those that a statement of the forward part gives to a name.

use crate::text::syntax::{E, Node, Prefix, Stmt, StmtKind};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::rc::Rc;

/// More do not help anybody.
const MOST: usize = 12;

/// The sliders of the statements before a line, as the page takes them.
pub(super) fn sliders(text: &str, body: &[Stmt], before: Option<usize>) -> Value {
    let mut written = HashMap::new();
    count(body, &mut written);
    let forward = body.iter().filter(|stmt| before.is_none_or(|line| stmt.line < line));
    let forward = forward.filter(|stmt| targets(stmt).all(|name| written[&name] == 1));
    let found: Vec<Value> = forward.filter_map(|stmt| slider(text, stmt)).take(MOST).collect();
    found.into()
}

/// How often each name is written to: what is added up does not begin with a number that anybody would move.
fn count(body: &[Stmt], written: &mut HashMap<Rc<str>, usize>) {
    for stmt in body {
        targets(stmt).for_each(|name| *written.entry(name).or_default() += 1);
        match &stmt.kind {
            StmtKind::For(_, _, body) => count(body, written),
            StmtKind::If(_, then, otherwise) => {
                count(then, written);
                count(otherwise, written);
            }
            _ => {}
        }
    }
}

/// The names that a statement gives values to, or whose values it changes.
fn targets(stmt: &Stmt) -> impl Iterator<Item = Rc<str>> {
    let mut found = Vec::new();
    let mut add = |target: &E| {
        target.walk(&mut |part| {
            if let Node::Name(name) = &part.node {
                found.push(name.clone());
            }
        });
    };
    match &stmt.kind {
        StmtKind::Assign(targets, _) => targets.iter().for_each(add),
        StmtKind::Update(target, ..) | StmtKind::For(target, ..) => add(target),
        _ => {}
    }
    found.into_iter()
}

/// The slider of a statement that gives a number to a name.
fn slider(text: &str, stmt: &Stmt) -> Option<Value> {
    let StmtKind::Assign(targets, value) = &stmt.kind else { return None };
    let [target] = &targets[..] else { return None };
    let Node::Name(name) = &target.node else { return None };
    let is_negative = matches!(value.node, Node::Prefix(Prefix::Minus, _));
    let digits = match &value.node {
        Node::Prefix(Prefix::Minus, digits) => digits,
        _ => value,
    };
    let Node::Number(size, is_whole) = digits.node else { return None };
    let number = if is_negative { -size } else { size };
    let literal = text.get(value.span.start..value.span.end)?;
    let line = text[..value.span.start].rsplit('\n').next().unwrap_or_default();
    // In units of UTF-16, as scripts count.
    let start = line.encode_utf16().count();
    let (low, high, step) = match is_whole {
        // A count or a label does not change its sign.
        true if number < 0.0 => (3.0 * number, 0.0, 1.0),
        true => (0.0, (3.0 * number).max(5.0), 1.0),
        false => {
            let reach = nice(if number == 0.0 { 1.0 } else { 2.0 * number.abs() });
            (number - reach, number + reach, reach / 100.0)
        }
    };
    (low.is_finite() && high.is_finite() && step > 0.0).then(|| {
        json!({
            "name": &**name, "line": stmt.line, "start": start, "end": start + literal.len(), "text": literal, "value": number,
            "low": low, "high": high, "step": step, "is_whole": is_whole,
        })
    })
}

/// 1, 2 or 5 times a power of ten: the next above.
fn nice(x: f64) -> f64 {
    let power = 10f64.powf(x.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * power).find(|nice| *nice >= x).unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Module;

    #[test]
    fn numbers_given_to_names_in_the_forward_part_have_sliders() {
        let text = "x = 0.5\né = -2e-1  # start\nn = 4\nW = [[1.0, 2.0]]\ny = x * 2\nif n > 3:\n    z = 3.0\ns = 0.0\ns += x\nw = 1e308\ndx = 1.0\n";
        let found = sliders(text, &Module::parse(text).unwrap().body, Some(11));
        let found = found.as_array().unwrap();
        let names: Vec<&str> = found.iter().map(|slider| slider["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["x", "é", "n"]);
        for slider in found {
            let line = text.lines().nth(slider["line"].as_u64().unwrap() as usize - 1).unwrap();
            let line: Vec<u16> = line.encode_utf16().collect();
            let [start, end] = ["start", "end"].map(|name| slider[name].as_u64().unwrap() as usize);
            assert_eq!(String::from_utf16(&line[start..end]).unwrap(), slider["text"].as_str().unwrap());
            let [low, value, high] = ["low", "value", "high"].map(|name| slider[name].as_f64().unwrap());
            assert!(low < value && value < high, "{slider}");
        }
        assert_eq!((found[0]["low"].as_f64(), found[0]["high"].as_f64()), (Some(-0.5), Some(1.5)));
        assert_eq!(found[2]["is_whole"], true);
    }
}
