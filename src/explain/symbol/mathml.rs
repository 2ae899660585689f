//! Formulas as MathML: presentation markup that browsers show without a script.
//!
//! Only what MathML Core has is used. Products without a sign and functions of what follows carry the invisible operators, which
//! are read out.

use crate::num::elementwise::formula::{Between, Fence, Math};

/// The invisible sign of a function of what follows, and that of a product.
const APPLY: &str = "<mo>&#x2061;</mo>";
const TIMES: &str = "<mo>&#x2062;</mo>";
const THIN: &str = "<mspace width=\"0.1667em\"/>";

/// The formula, for between `<math>` and `</math>`.
pub(in crate::explain) fn mathml(formula: &Math) -> String {
    let mut out = String::new();
    write(formula, &mut out);
    out
}

fn write(formula: &Math, out: &mut String) {
    match formula {
        Math::Number(digits) => *out += &format!("<mn>{digits}</mn>"),
        Math::Letter(letter) => *out += &format!("<mi>{}</mi>", escaped(&letter.to_string())),
        Math::Word(word) => upright(word, out),
        Math::Function(name) => upright(name, out),
        // Several letters are upright by themselves, as functions are; Greek letters are names.
        Math::Symbol(symbol) => *out += &format!("<mi>{}</mi>", symbol.unicode),
        Math::Bold(inner) => within("<mrow style=\"font-weight: bold\">", inner, "</mrow>", out),
        Math::Row(parts) => {
            out.push_str("<mrow>");
            parts.iter().for_each(|part| write(part, out));
            out.push_str("</mrow>");
        }
        Math::Sign(sign) => out.push_str(between(*sign)),
        Math::Negative(inner) => within("<mrow><mo>−</mo>", inner, "</mrow>", out),
        Math::Apply(parts) => {
            within("<mrow>", &parts[0], APPLY, out);
            if !matches!(parts[1], Math::Fenced(..)) {
                out.push_str(THIN);
            }
            within("", &parts[1], "</mrow>", out);
        }
        Math::Fraction(parts) => {
            within("<mfrac>", &parts[0], "", out);
            within("", &parts[1], "</mfrac>", out);
        }
        Math::Root { cube: false, of } => within("<msqrt>", of, "</msqrt>", out),
        Math::Root { cube: true, of } => within("<mroot>", of, "<mn>3</mn></mroot>", out),
        Math::Scripts { base, below: Some(below), above: Some(above) } => {
            within("<msubsup>", base, "", out);
            within("", below, "", out);
            within("", above, "</msubsup>", out);
        }
        Math::Scripts { base, below: Some(below), above: None } => {
            within("<msub>", base, "", out);
            within("", below, "</msub>", out);
        }
        Math::Scripts { base, below: None, above: Some(above) } => {
            within("<msup>", base, "", out);
            within("", above, "</msup>", out);
        }
        Math::Scripts { base, below: None, above: None } => write(base, out),
        Math::Bar(inner) => within("<mover accent=\"true\">", inner, "<mo stretchy=\"false\">¯</mo></mover>", out),
        Math::Hat(inner) => within("<mover accent=\"true\">", inner, "<mo stretchy=\"false\">^</mo></mover>", out),
        Math::Fenced(fence, inner) => {
            let (left, right) = match fence {
                Fence::Round => ("(", ")"),
                Fence::Square => ("[", "]"),
                Fence::Bars => ("|", "|"),
                Fence::Norm => ("‖", "‖"),
                Fence::Floor => ("⌊", "⌋"),
                Fence::Ceil => ("⌈", "⌉"),
            };
            *out += &format!("<mrow><mo form=\"prefix\" fence=\"true\">{left}</mo>");
            write(inner, out);
            *out += &format!("<mo form=\"postfix\" fence=\"true\">{right}</mo></mrow>");
        }
        Math::Cases { then, condition, otherwise } => {
            out.push_str("<mrow><mo form=\"prefix\" fence=\"true\">{</mo><mtable style=\"text-align: left\">");
            within("<mtr><mtd>", then, "</mtd>", out);
            within("<mtd>", condition, "</mtd></mtr>", out);
            within("<mtr><mtd>", otherwise, "</mtd><mtd><mtext>otherwise</mtext></mtd></mtr></mtable></mrow>", out);
        }
        Math::Matrix(rows) => {
            out.push_str("<mrow><mo form=\"prefix\" fence=\"true\">(</mo><mtable>");
            for row in rows {
                out.push_str("<mtr>");
                row.iter().for_each(|cell| within("<mtd>", cell, "</mtd>", out));
                out.push_str("</mtr>");
            }
            out.push_str("</mtable><mo form=\"postfix\" fence=\"true\">)</mo></mrow>");
        }
    }
}

fn within(before: &str, inner: &Math, after: &str, out: &mut String) {
    out.push_str(before);
    write(inner, out);
    out.push_str(after);
}

/// A name in upright letters, which one letter is not by itself.
fn upright(word: &str, out: &mut String) {
    let variant = if word.chars().count() == 1 { " mathvariant=\"normal\"" } else { "" };
    *out += &format!("<mi{variant}>{}</mi>", escaped(word));
}

fn between(sign: Between) -> &'static str {
    match sign {
        Between::Plus => "<mo>+</mo>",
        Between::Minus => "<mo>−</mo>",
        Between::Dot => "<mo>⋅</mo>",
        Between::Circle => "<mo>⊙</mo>",
        Between::Beside => TIMES,
        Between::Thin | Between::Matrix => "<mo>&#x2062;</mo><mspace width=\"0.1667em\"/>",
        Between::And => "<mo>∧</mo>",
        Between::Equal => "<mo>=</mo>",
        Between::NotEqual => "<mo>≠</mo>",
        Between::Less => "<mo>&lt;</mo>",
        Between::Greater => "<mo>&gt;</mo>",
        Between::LessEqual => "<mo>≤</mo>",
        Between::GreaterEqual => "<mo>≥</mo>",
        Between::Comma => "<mo>,</mo>",
        Between::Colon => "<mo lspace=\"0\" rspace=\"0\">:</mo>",
    }
}

/// Text between tags: nothing of it is markup, and nothing is what no document may hold.
pub(in crate::explain) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
