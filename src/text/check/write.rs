//! Expressions as text: what stood in the text as it stood, what is new with the parentheses that it needs.

use crate::text::syntax::{Expr, Node, Prefix, Sign, Stmt};

/// How tightly an expression binds.
pub(super) fn bond(expr: &Expr) -> u8 {
    match &expr.node {
        Node::Tuple(_) => 0,
        Node::Choice(..) => 1,
        Node::Both(..) => 2,
        Node::Prefix(Prefix::Not, _) => 3,
        Node::Compare(..) => 4,
        Node::Binary(sign, ..) => of_sign(*sign),
        Node::Prefix(..) => 10,
        _ => 12,
    }
}

pub(super) fn of_sign(sign: Sign) -> u8 {
    match sign {
        Sign::Or => 5,
        Sign::Xor => 6,
        Sign::And => 7,
        Sign::Add | Sign::Sub => 8,
        Sign::Mul | Sign::Div | Sign::FloorDiv | Sign::Mod | Sign::MatMul => 9,
        Sign::Pow => 11,
    }
}

/// How tightly the child of this number has to bind.
pub(super) fn needed(parent: &Expr, child: usize) -> u8 {
    match &parent.node {
        Node::Binary(Sign::Pow, ..) => {
            if child == 0 {
                12
            } else {
                10
            }
        }
        Node::Binary(sign, ..) => of_sign(*sign) + u8::from(child == 1),
        Node::Prefix(Prefix::Not, _) => 3,
        Node::Prefix(..) => 10,
        Node::Compare(..) => 5,
        Node::Both(..) => 3,
        Node::Choice(..) => 2,
        Node::Member(..) => 12,
        Node::Index(..) | Node::Call(..) if child == 0 => 12,
        _ => 1,
    }
}

fn is_new(expr: &Expr) -> bool {
    expr.span.start == expr.span.end
}

/// Whether the whole stands in parentheses of its own in the text.
fn in_parentheses(text: &str) -> bool {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.starts_with('(') && at + 1 == text.len();
        }
    }
    false
}

/// An expression that binds at least so tightly.
pub(super) fn expression(expr: &Expr, source: &str, at_least: u8) -> String {
    if !is_new(expr) {
        let text = &source[expr.span.start..expr.span.end];
        let closed = in_parentheses(text);
        let bond = if closed { 12 } else { bond(expr) };
        if bond < at_least {
            return format!("({text})");
        }
        // Parentheses that nothing needs here.
        if closed && self::bond(expr) >= at_least && !matches!(expr.node, Node::Tuple(_)) && !text[1..].contains('\n') {
            return text[1..text.len() - 1].to_owned();
        }
        return text.to_owned();
    }
    let child = |i: usize, child: &Expr| expression(child, source, needed(expr, i));
    let text = match &expr.node {
        Node::Number(x, true) => format!("{x:.0}"),
        Node::Number(x, false) => format!("{x:?}"),
        Node::Name(name) => name.to_string(),
        Node::Text(text) => format!("{text:?}"),
        Node::True => "True".into(),
        Node::False => "False".into(),
        Node::None => "None".into(),
        Node::Ellipsis => "...".into(),
        Node::Prefix(prefix, x) => {
            let sign = match prefix {
                Prefix::Minus => "-",
                Prefix::Plus => "+",
                Prefix::Invert => "~",
                Prefix::Not => "not ",
            };
            format!("{sign}{}", child(0, x))
        }
        Node::Binary(sign, x, y) => format!("{} {} {}", child(0, x), sign.text(), child(1, y)),
        Node::Compare(x, rest) => {
            let mut text = child(0, x);
            for (relation, y) in rest {
                text += &format!(" {} {}", relation.text(), child(1, y));
            }
            text
        }
        Node::Both(is_and, x, y) => {
            format!("{} {} {}", child(0, x), if *is_and { "and" } else { "or" }, child(1, y))
        }
        Node::Choice(condition, a, b) => format!("{} if {} else {}", child(0, a), child(1, condition), child(2, b)),
        Node::Call(f, args, named) => {
            let args =
                args.iter().map(|x| child(1, x)).chain(named.iter().map(|(name, x)| format!("{name}={}", child(1, x))));
            format!("{}({})", child(0, f), args.collect::<Vec<_>>().join(", "))
        }
        Node::Member(x, name) => format!("{}.{name}", child(0, x)),
        Node::Index(x, index) => format!("{}[{}]", child(0, x), expression(index, source, 0)),
        Node::Slice(a, b, c) => {
            let part =
                |x: &Option<crate::text::syntax::E>| x.as_ref().map_or(String::new(), |x| expression(x, source, 1));
            let step = if c.is_some() { format!(":{}", part(c)) } else { String::new() };
            format!("{}:{}{step}", part(a), part(b))
        }
        Node::Tuple(all) => all.iter().map(|x| expression(x, source, 1)).collect::<Vec<_>>().join(", "),
        Node::List(all) => format!("[{}]", all.iter().map(|x| expression(x, source, 1)).collect::<Vec<_>>().join(", ")),
        Node::Each(element, target, list, condition) => {
            let condition = condition.as_ref().map_or(String::new(), |x| format!(" if {}", expression(x, source, 2)));
            let part = |x: &Expr| expression(x, source, 1);
            format!("[{} for {} in {}{condition}]", part(element), part(target), part(list))
        }
    };
    if bond(expr) < at_least { format!("({text})") } else { text }
}

/// The lines that a statement stands in, with a part of them replaced.
pub(super) fn line(stmt: &Stmt, source: &str, (from, to): (usize, usize), new: &str) -> String {
    let begin = source[..stmt.span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = source[stmt.span.end..].find('\n').map_or(source.len(), |at| stmt.span.end + at);
    let line = format!("{}{new}{}", &source[begin..from], &source[to..end]);
    line.trim_end().to_owned()
}
