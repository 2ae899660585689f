//! A comparison as Markdown, for an issue or a pull request.

use super::Comparison;
use super::report::{HEADINGS, SAME, and_more};
use std::fmt::Write as _;

impl Comparison {
    /// The report as Markdown: the table with a row for each gradient, and the diagnosis with the wrong statement as a `diff`, where
    /// `-` is how it is and `+` how it should be. Text is escaped, so that names stay names.
    ///
    /// # Examples
    /// ```
    /// use retrograd::check::Compare;
    /// let report = Compare::new(|p| p["x"].square().sum(())).parameter("x", [1.0, 2.0]).hand("x", [1.0, 2.0]).run()?;
    /// let text = report.to_markdown();
    /// assert!(text.starts_with("**compare:** 1 of 1 hand-coded gradients differs from autodiff\n\n| gradient | shape |"));
    /// # Ok::<(), retrograd::Error>(())
    /// ```
    pub fn to_markdown(&self) -> String {
        // Writing to a string does not fail.
        let mut out = format!("**compare:** {}\n\n", escape(&self.headline()));
        if !self.blocks.is_empty() {
            let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
            out += &line(&HEADINGS.map(String::from));
            out += &line(&HEADINGS.map(|_| "---".into()));
            for block in &self.blocks {
                let mut row: Vec<String> = block.row().iter().map(|cell| escape(cell)).collect();
                row.resize(HEADINGS.len(), String::new());
                out += &line(&row);
            }
            out.push('\n');
        }
        let _ = writeln!(out, "value: {}", escape(&self.values()));
        if self.has_diagnosis() {
            let (shown, more) = self.diagnosis.by_place();
            match shown.split_first() {
                Some((best, others)) => {
                    let _ = writeln!(out, "\n**diagnosis:** {}", escape(&best.text));
                    for (wrong, right) in best.statements() {
                        let code = format!("- {}\n+ {}", one_line(wrong), one_line(right));
                        let fence = fence(&code);
                        let _ = writeln!(out, "\n{fence}diff\n{code}\n{fence}");
                    }
                    let others = others.iter().map(|other| format!("{SAME} {}", other.text));
                    list(&mut out, others.chain((more > 0).then(|| and_more(more))));
                }
                None => {
                    out += "\n**diagnosis:**\n";
                    list(&mut out, self.diagnosis.unexplained());
                }
            }
        }
        if let Some(timing) = &self.timing {
            let _ = writeln!(out, "\n**timing:** {}", escape(&timing.to_string()));
        }
        list(&mut out, self.notes.iter().map(|note| format!("note: {note}")));
        out
    }
}

fn list(out: &mut String, lines: impl IntoIterator<Item = String>) {
    for (i, line) in lines.into_iter().enumerate() {
        let before = if i == 0 { "\n" } else { "" };
        let _ = writeln!(out, "{before}- {}", escape(&line));
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Text in which nothing is taken for markup, on one line.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '|' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '\\' | '#' | '~' | '&' | '$' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A fence that nothing in the code ends.
fn fence(code: &str) -> String {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(3.max(longest + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(escape("a*b|c\n<d>"), "a\\*b\\|c \\<d\\>");
        assert_eq!(fence("x```y"), "````");
        assert_eq!(fence("x"), "```");
    }
}
