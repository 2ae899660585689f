//! A comparison as a page: one HTML file that opens anywhere and asks the network for nothing.

use super::report::{AS_IT_IS, AS_IT_SHOULD_BE, HEADINGS, SAME, and_more};
use super::{Block, Comparison};
use crate::check::Verdict;
use std::fmt::Write as _;

/// The first column of numbers.
const NUMBERS: usize = 4;

impl Comparison {
    /// The report as a whole page of HTML. It holds no scripts and no links, is well-formed XML too, and follows the reader's choice of
    /// light or dark; what the wrong statement and the right one do not share is marked. All text is escaped.
    ///
    /// # Examples
    /// ```
    /// use retrograd::check::Compare;
    /// let report = Compare::new(|p| p["x"].square().sum(())).parameter("x", [1.0, 2.0]).hand("x", [1.0, 2.0]).run()?;
    /// let page = report.to_html();
    /// assert!(page.starts_with("<!DOCTYPE html>") && page.contains("1 of 1 hand-coded gradients differs from autodiff"));
    /// let path = std::env::temp_dir().join(format!("retrograd-compare-{}.html", std::process::id()));
    /// std::fs::write(&path, page).unwrap();
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn to_html(&self) -> String {
        let headline = escape(&self.headline());
        // Writing to a string does not fail.
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <meta name=\"generator\" content=\"retrograd {}\"/>\n<title>compare: {headline}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{headline}</h1>\n\
             <p>Value: {}</p>\n",
            env!("CARGO_PKG_VERSION"),
            escape(&self.values())
        );
        if self.has_diagnosis() {
            out += "<h2>Diagnosis</h2>\n";
            self.write_diagnosis(&mut out);
        }
        if !self.blocks.is_empty() {
            out += "<h2>Gradients</h2>\n";
            write_table(&mut out, &self.blocks);
        }
        if let Some(timing) = &self.timing {
            let _ = writeln!(out, "<h2>Timing</h2>\n<p>{}</p>", escape(&timing.to_string()));
        }
        if !self.notes.is_empty() {
            out += "<h2>Notes</h2>\n";
            write_list(&mut out, self.notes.iter().map(|note| escape(note)));
        }
        out + "</main>\n</body>\n</html>\n"
    }

    fn write_diagnosis(&self, out: &mut String) {
        let (shown, more) = self.diagnosis.by_place();
        let Some((best, others)) = shown.split_first() else {
            let lines = self.diagnosis.unexplained();
            return write_list(out, lines.iter().map(|line| escape(line)));
        };
        let _ = writeln!(out, "<p class=\"best\">{}</p>", escape(&best.text));
        for (wrong, right) in best.statements() {
            let (wrong, right) = parts(wrong, right);
            let row = |label: &str, class: &str, [start, changed, end]: [&str; 3]| {
                let changed = match changed {
                    "" => String::new(),
                    changed => format!("<mark class=\"{class}\">{}</mark>", escape(changed)),
                };
                let (start, end) = (escape(start), escape(end));
                format!("<tr><th scope=\"row\">{label}</th><td><code>{start}{changed}{end}</code></td></tr>\n")
            };
            let _ = writeln!(
                out,
                "<div class=\"wide\" role=\"region\" aria-label=\"the statement\" tabindex=\"0\">\
                 <table class=\"statement\">\n{}{}</table></div>",
                row(AS_IT_IS, "wrong", wrong),
                row(AS_IT_SHOULD_BE, "right", right)
            );
        }
        if shown.len() > 1 || more > 0 {
            let others = others.iter().map(|other| escape(&format!("{SAME} {}", other.text)));
            write_list(out, others.chain((more > 0).then(|| and_more(more))));
        }
    }
}

fn write_list(out: &mut String, items: impl Iterator<Item = String>) {
    out.push_str("<ul>\n");
    for item in items {
        let _ = writeln!(out, "<li>{item}</li>");
    }
    out.push_str("</ul>\n");
}

fn write_table(out: &mut String, blocks: &[Block]) {
    out.push_str("<div class=\"wide\" role=\"region\" aria-label=\"gradients\" tabindex=\"0\"><table>\n<thead><tr>");
    for (column, heading) in HEADINGS.iter().enumerate() {
        let class = if column < NUMBERS { "" } else { " class=\"number\"" };
        let _ = write!(out, "<th scope=\"col\"{class}>{heading}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for block in blocks {
        let class = match block.verdict {
            Verdict::Agrees => "agrees",
            Verdict::Inconclusive => "undecided",
            Verdict::Differs => "differs",
        };
        let row = block.row();
        let _ = write!(out, "<tr class=\"{class}\">");
        for (column, cell) in row.iter().enumerate() {
            let cell = escape(cell);
            let is_remark = row.len() < HEADINGS.len() && column + 1 == row.len();
            let _ = match column {
                0 => write!(out, "<th scope=\"row\">{cell}</th>"),
                2 => write!(out, "<td class=\"verdict\">{cell}</td>"),
                // What is said of a shape stands in place of the numbers.
                _ if is_remark => write!(out, "<td colspan=\"{}\">{cell}</td>", HEADINGS.len() - column),
                column if column < NUMBERS => write!(out, "<td>{cell}</td>"),
                _ => write!(out, "<td class=\"number\">{cell}</td>"),
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
}

/// Both statements as what they begin with, what they do not share, and what they end with.
fn parts<'a>(wrong: &'a str, right: &'a str) -> ([&'a str; 3], [&'a str; 3]) {
    let (a, b) = (tokens(wrong), tokens(right));
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let rest = a.len().min(b.len()) - start;
    let end = a.iter().rev().zip(b.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let split = |text: &'a str, tokens: &[&str]| {
        let length = |tokens: &[&str]| tokens.iter().map(|token| token.len()).sum::<usize>();
        let (from, to) = (length(&tokens[..start]), text.len() - length(&tokens[tokens.len() - end..]));
        // A space at the edge is no part of what is marked.
        let from = from + text[from..to].len() - text[from..to].trim_start().len();
        let to = from + text[from..to].trim_end().len();
        [&text[..from], &text[from..to], &text[to..]]
    };
    (split(wrong, &a), split(right, &b))
}

/// Names and numbers, signs, and spaces.
fn tokens(text: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '\'');
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut last: Option<char> = None;
    for (at, c) in text.char_indices() {
        if last.is_some_and(|last| !(is_word(last) && is_word(c))) {
            tokens.push(&text[start..at]);
            start = at;
        }
        last = Some(c);
    }
    if start < text.len() {
        tokens.push(&text[start..]);
    }
    tokens
}

/// The text as HTML and XML write it, on one line.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c1e21; --paper: #ffffff; --line: #d9dce1; --soft: #f4f5f7; --muted: #5a6069;
  --wrong: #a11d1d; --wrong-paper: #fde3e1; --right: #14602f; --right-paper: #dcf3e2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --paper: #17191c; --line: #3a3f46; --soft: #22262b; --muted: #a3aab4;
    --wrong: #ffb4ab; --wrong-paper: #4a2020; --right: #a5e3b6; --right-paper: #1d3d28; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 78rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 .6rem; }
p, ul, h1 { max-width: 50rem; }
ul { padding-left: 1.2rem; }
li { margin: .3rem 0; }
.best { font-size: 1.05rem; }
.wide { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .32rem .8rem .32rem .5rem; text-align: left; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
thead th { background: var(--soft); }
.number { text-align: right; }
.differs .verdict { color: var(--wrong); font-weight: 600; }
.agrees .verdict { color: var(--right); }
.statement { background: var(--soft); width: 100%; }
.statement th { font-weight: 400; color: var(--muted); width: 1%; }
code { font: .95rem/1.5 ui-monospace, Menlo, Consolas, monospace; white-space: pre; }
mark { border-radius: 3px; padding: .1em 0; text-decoration: underline; text-underline-offset: .2em; }
mark.wrong { background: var(--wrong-paper); color: var(--wrong); }
mark.right { background: var(--right-paper); color: var(--right); }
@media (max-width: 40rem) {
  main { padding: 1.25rem 1rem 3rem; }
  .statement, .statement tbody, .statement tr, .statement th, .statement td { display: block; width: 100%; }
  .statement code { white-space: pre-wrap; overflow-wrap: anywhere; }
  .statement th { border-bottom: 0; padding-bottom: 0; font-size: .85rem; }
  .statement td { padding-top: 0; }
}
@media print {
  :root { --ink: #000000; --paper: #ffffff; --line: #bbbbbb; --soft: #f2f2f2; --muted: #444444; }
  .wide { overflow: visible; }
  tr { break-inside: avoid; }
}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_statements_do_not_share_is_marked() {
        let marked = |wrong, right| {
            let ([_, was, _], [_, is, _]) = parts(wrong, right);
            (was, is)
        };
        assert_eq!(marked("dZ = dA * A", "dZ = dA * A * (1 - A)"), ("", "* (1 - A)"));
        assert_eq!(marked("db = mean(dZ, axis 0)", "db = sum(dZ, axis 0)"), ("mean", "sum"));
        assert_eq!(marked("dW = dZ1 @ X", "dW = dZ @ X.T"), ("dZ1 @ X", "dZ @ X.T"));
        assert_eq!(marked("x", "x"), ("", ""));
        assert_eq!(marked("dx = é * 2", "dx = éa * 2"), ("é", "éa"));
        let (wrong, right) = ("dZ = dA * A", "dZ = dA * A * (1 - A)");
        let (was, is) = parts(wrong, right);
        assert_eq!((was.concat(), is.concat()), (wrong.into(), right.into()));
        // What begins alike and ends alike shares no token twice.
        assert_eq!(marked("a * a", "a * a * a"), ("", "* a"));
    }
}
