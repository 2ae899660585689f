//! Formulas as plain text, for terminals and mail: signs of a keyboard in one line, the gradient by W as dW.
//!
//! `*` is element by element, `@` the product of matrices, `^T` and `^-1` stand behind what is transposed and inverted. Brackets that a
//! fraction bar, a root or a raised letter make needless are written.

use crate::num::elementwise::formula::{Between, Fence, Math};

/// The formula in a line.
pub(in crate::explain) fn text(formula: &Math) -> String {
    match formula {
        Math::Number(digits) => digits.clone(),
        Math::Letter(letter) => letter.to_string(),
        Math::Word(word) => word.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        Math::Function(name) => name.clone(),
        Math::Symbol(symbol) => symbol.text.to_owned(),
        Math::Bold(inner) => match **inner {
            Math::Number(_) => "ones".to_owned(),
            _ => text(inner),
        },
        Math::Row(parts) => parts.iter().map(text).collect(),
        Math::Sign(sign) => between(*sign).to_owned(),
        Math::Negative(inner) => format!("-{}", text(inner)),
        Math::Apply(parts) => match &parts[1] {
            Math::Fenced(..) => format!("{}{}", text(&parts[0]), text(&parts[1])),
            bare => format!("{}({})", text(&parts[0]), text(bare)),
        },
        Math::Fraction(parts) => {
            let above =
                if has(&parts[0], &[Between::Plus, Between::Minus]) { bracketed(&parts[0]) } else { text(&parts[0]) };
            let below = if is_one(&parts[1]) { text(&parts[1]) } else { bracketed(&parts[1]) };
            match (&parts[0], &parts[1]) {
                (Math::Number(_), Math::Number(_)) => format!("{above}/{below}"),
                _ => format!("{above} / {below}"),
            }
        }
        Math::Root { cube, of } => format!("{}({})", if *cube { "cbrt" } else { "sqrt" }, text(of)),
        Math::Scripts { base, below, above } => {
            let mut out = text(base);
            match below.as_deref() {
                Some(Math::Number(digits)) if digits.chars().all(|c| c.is_ascii_digit()) => out += digits,
                Some(below) => out += &format!("_{}", text(below).replace(", ", ",")),
                None => {}
            }
            match above.as_deref() {
                Some(above) if is_one(above) || matches!(above, Math::Negative(of) if is_one(of)) => {
                    out += &format!("^{}", text(above));
                }
                Some(above) => out += &format!("^({})", text(above)),
                None => {}
            }
            out
        }
        Math::Bar(inner) => format!("d{}", text(inner)),
        Math::Hat(inner) => format!("{}_hat", text(inner)),
        Math::Fenced(fence, inner) => {
            let inner = text(inner);
            match fence {
                Fence::Round => format!("({inner})"),
                Fence::Square => format!("[{inner}]"),
                Fence::Bars => format!("|{inner}|"),
                Fence::Norm => format!("||{inner}||"),
                Fence::Floor => format!("floor({inner})"),
                Fence::Ceil => format!("ceil({inner})"),
            }
        }
        Math::Cases { then, condition, otherwise } => {
            format!("({} if {}, else {})", text(then), text(condition), text(otherwise))
        }
        Math::Matrix(rows) => {
            let row = |row: &Vec<Math>| format!("[{}]", row.iter().map(text).collect::<Vec<_>>().join(", "));
            format!("[{}]", rows.iter().map(row).collect::<Vec<_>>().join(", "))
        }
    }
}

fn bracketed(formula: &Math) -> String {
    format!("({})", text(formula))
}

/// Whether one of these stands between its parts.
fn has(formula: &Math, signs: &[Between]) -> bool {
    matches!(formula, Math::Row(parts) if parts.iter().any(|part| matches!(part, Math::Sign(sign) if signs.contains(sign))))
}

/// Whether it is read as one thing behind a sign.
fn is_one(formula: &Math) -> bool {
    match formula {
        Math::Row(_) | Math::Negative(_) | Math::Fraction(_) | Math::Sign(_) => false,
        Math::Scripts { .. } => true,
        _ => true,
    }
}

fn between(sign: Between) -> &'static str {
    match sign {
        Between::Plus => " + ",
        Between::Minus => " - ",
        Between::Dot | Between::Circle | Between::Beside | Between::Thin => " * ",
        Between::Matrix => " @ ",
        Between::And => " and ",
        Between::Equal => " = ",
        Between::NotEqual => " != ",
        Between::Less => " < ",
        Between::Greater => " > ",
        Between::LessEqual => " <= ",
        Between::GreaterEqual => " >= ",
        Between::Comma => ", ",
        Between::Colon => ":",
    }
}
