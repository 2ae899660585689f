//! Formulas as LaTeX.

use crate::num::elementwise::formula::{Between, Fence, Math};

/// The formula, for where mathematics is.
pub(in crate::explain) fn latex(formula: &Math) -> String {
    let mut out = String::new();
    write(formula, &mut out);
    out
}

fn write(formula: &Math, out: &mut String) {
    match formula {
        Math::Number(digits) => out.push_str(digits),
        Math::Letter(letter) => out.push(*letter),
        Math::Word(word) => *out += &format!("\\mathrm{{{}}}", escaped(word)),
        Math::Function(name) => *out += &format!("\\operatorname{{{}}}", name.replace('_', "\\_")),
        Math::Symbol(symbol) => out.push_str(symbol.latex),
        Math::Bold(inner) => within("\\mathbf{", inner, "}", out),
        Math::Row(parts) => parts.iter().for_each(|part| write(part, out)),
        Math::Sign(sign) => out.push_str(between(*sign)),
        Math::Negative(inner) => within("-", inner, "", out),
        Math::Apply(parts) => {
            write(&parts[0], out);
            // A command takes the letters behind it for its own.
            if !matches!(parts[1], Math::Fenced(..)) {
                out.push(' ');
            }
            write(&parts[1], out);
        }
        Math::Fraction(parts) => {
            within("\\frac{", &parts[0], "}", out);
            within("{", &parts[1], "}", out);
        }
        Math::Root { cube, of } => within(if *cube { "\\sqrt[3]{" } else { "\\sqrt{" }, of, "}", out),
        Math::Scripts { base, below, above } => {
            write(base, out);
            below.iter().for_each(|below| within("_{", below, "}", out));
            above.iter().for_each(|above| within("^{", above, "}", out));
        }
        Math::Bar(inner) => within("\\bar{", inner, "}", out),
        Math::Hat(inner) => within("\\hat{", inner, "}", out),
        Math::Fenced(fence, inner) => {
            let (left, right) = match fence {
                Fence::Round => ("\\left(", "\\right)"),
                Fence::Square => ("\\left[", "\\right]"),
                Fence::Bars => ("\\left|", "\\right|"),
                Fence::Norm => ("\\left\\lVert ", "\\right\\rVert"),
                Fence::Floor => ("\\left\\lfloor ", "\\right\\rfloor"),
                Fence::Ceil => ("\\left\\lceil ", "\\right\\rceil"),
            };
            within(left, inner, right, out);
        }
        Math::Cases { then, condition, otherwise } => {
            within("\\begin{cases} ", then, " & ", out);
            within("", condition, " \\\\ ", out);
            within("", otherwise, " & \\text{otherwise} \\end{cases}", out);
        }
        Math::Matrix(rows) => {
            let rows: Vec<String> =
                rows.iter().map(|row| row.iter().map(latex).collect::<Vec<_>>().join(" & ")).collect();
            *out += &format!("\\begin{{pmatrix}} {} \\end{{pmatrix}}", rows.join(" \\\\ "));
        }
    }
}

fn within(before: &str, inner: &Math, after: &str, out: &mut String) {
    out.push_str(before);
    write(inner, out);
    out.push_str(after);
}

fn between(sign: Between) -> &'static str {
    match sign {
        Between::Plus => " + ",
        Between::Minus => " - ",
        Between::Dot => " \\cdot ",
        Between::Circle => " \\odot ",
        Between::Beside => " ",
        Between::Thin | Between::Matrix => " \\, ",
        Between::And => " \\wedge ",
        Between::Equal => " = ",
        Between::NotEqual => " \\ne ",
        Between::Less => " < ",
        Between::Greater => " > ",
        Between::LessEqual => " \\le ",
        Between::GreaterEqual => " \\ge ",
        Between::Comma => ", ",
        Between::Colon => ":",
    }
}

/// A word that stands in a formula.
fn escaped(word: &str) -> String {
    let mut escaped = String::new();
    for c in word.chars() {
        match c {
            '_' | '%' | '&' | '#' | '$' | '{' | '}' => escaped.extend(['\\', c]),
            '\\' => escaped.push_str("\\backslash "),
            '^' => escaped.push_str("\\wedge "),
            '~' => escaped.push_str("\\sim "),
            '<' => escaped.push_str("\\lt "),
            '>' => escaped.push_str("\\gt "),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
