//! The report of a run: one HTML file that shows everything, opens anywhere and asks the network for nothing.

use super::canvas::{Svg, escape};
use crate::Result;
use crate::files::write_atomically;
use std::fmt::Write as _;
use std::path::Path;

/// Builds the report of a run, part by part, in the order in which they are added; warnings go to the top.
///
/// All text is escaped; the file holds no scripts and no links, and is well-formed XML too. It follows the reader's choice of light or dark, and prints.
///
/// ```
/// use retrograd::plot::{Curve, CurveOptions, Report, curves};
///
/// let losses = Curve::by_epoch("training", [0.9, 0.4, 0.2]);
/// let html = Report::new("Two moons")
///     .text("Trained on 800 points.")
///     .table("Configuration", [("optimiser", "adam"), ("learning rate", "0.01")])
///     .figure(&curves("Learning curves", &[losses], &CurveOptions::default())?, "Loss by epoch.")
///     .history(&["epoch", "loss"], &[["1", "0.9"], ["2", "0.4"], ["3", "0.2"]])
///     .html();
/// assert!(html.contains("Two moons"));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    title: String,
    warnings: Vec<String>,
    body: String,
}

impl Report {
    /// An empty report.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), warnings: Vec::new(), body: String::new() }
    }

    /// What the reader should know first: a parameter that no gradient reached, a run that was stopped.
    pub fn warning(mut self, text: impl Into<String>) -> Self {
        self.warnings.push(text.into());
        self
    }

    /// A heading above what follows.
    pub fn heading(mut self, text: &str) -> Self {
        self.push(format_args!("<h2>{}</h2>\n", escape(text)));
        self
    }

    /// Text; an empty line begins a new paragraph, line breaks are kept.
    pub fn text(mut self, text: &str) -> Self {
        for paragraph in text.replace("\r\n", "\n").split("\n\n").map(str::trim).filter(|p| !p.is_empty()) {
            let lines: Vec<String> = paragraph.lines().map(escape).collect();
            self.push(format_args!("<p>{}</p>\n", lines.join("<br/>\n")));
        }
        self
    }

    /// Names and values: the configuration, the final metrics.
    pub fn table<K: AsRef<str>, V: AsRef<str>>(
        mut self,
        heading: &str,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.push(format_args!("<h2>{}</h2>\n<div class=\"wide\"><table class=\"pairs\">\n", escape(heading)));
        for (name, value) in pairs {
            let (name, value) = (escape(name.as_ref()), escape(value.as_ref()));
            self.push(format_args!("<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>\n"));
        }
        self.push(format_args!("</table></div>\n"));
        self
    }

    /// A table with a header, such as the model's layers. Columns of numbers are set to the right.
    ///
    /// A row shorter than the header is filled with empty cells; cells beyond it stay without a header.
    pub fn rows<C: AsRef<str>, R: AsRef<[S]>, S: AsRef<str>>(
        mut self,
        heading: &str,
        columns: &[C],
        rows: &[R],
    ) -> Self {
        let table = table(columns, rows);
        self.push(format_args!("<h2>{}</h2>\n{table}", escape(heading)));
        self
    }

    /// A drawing, with what it shows below it.
    pub fn figure(mut self, svg: &Svg, caption: &str) -> Self {
        let caption = escape(caption);
        self.push(format_args!("<figure>\n{svg}<figcaption>{caption}</figcaption>\n</figure>\n"));
        self
    }

    /// The numbers of every epoch, folded away until asked for.
    pub fn history<C: AsRef<str>, R: AsRef<[S]>, S: AsRef<str>>(mut self, columns: &[C], rows: &[R]) -> Self {
        let (table, n) = (table(columns, rows), rows.len());
        let of = if n == 1 { "1 epoch".to_string() } else { format!("{n} epochs") };
        self.push(format_args!("<details>\n<summary>History of {of}</summary>\n{table}</details>\n"));
        self
    }

    /// The text of the file.
    pub fn html(&self) -> String {
        let title = escape(&self.title);
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <meta name=\"generator\" content=\"retrograd {}\"/>\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
             <body>\n<main>\n<h1>{title}</h1>\n",
            env!("CARGO_PKG_VERSION")
        );
        for warning in &self.warnings {
            let _ = writeln!(out, "<p class=\"warning\"><strong>Warning:</strong> {}</p>", escape(warning));
        }
        out + &self.body + "</main>\n</body>\n</html>\n"
    }

    /// Writes the file, all or nothing.
    ///
    /// # Errors
    /// The folder is missing or not writable, the path is a directory, the disk is full.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path, self.html().as_bytes())
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.body.write_fmt(text);
    }
}

fn table<C: AsRef<str>, R: AsRef<[S]>, S: AsRef<str>>(columns: &[C], rows: &[R]) -> String {
    let cell = |row: &R, i: usize| row.as_ref().get(i).map_or(String::new(), |s| s.as_ref().to_string());
    let is_number = |text: &str| text.is_empty() || text.replace(',', "").trim_end_matches(" %").parse::<f64>().is_ok();
    let width = rows.iter().map(|row| row.as_ref().len()).fold(columns.len(), usize::max);
    let numeric: Vec<bool> =
        (0..width).map(|i| !rows.is_empty() && rows.iter().all(|row| is_number(&cell(row, i)))).collect();
    let class = |i: usize| if numeric[i] { " class=\"number\"" } else { "" };
    let mut out = String::from("<div class=\"wide\"><table>\n<thead><tr>");
    for i in 0..width {
        let name = columns.get(i).map_or("", AsRef::as_ref);
        let _ = write!(out, "<th scope=\"col\"{}>{}</th>", class(i), escape(name));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for i in 0..width {
            let _ = write!(out, "<td{}>{}</td>", class(i), escape(&cell(row, i)));
        }
        out.push_str("</tr>\n");
    }
    out + "</tbody>\n</table></div>\n"
}

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1c1e21; --paper: #ffffff; --line: #d9dce1; --soft: #f4f5f7; --muted: #5a6069;
  --alarm: #8a4b00; --alarm-paper: #fff4e0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --paper: #17191c; --line: #3a3f46; --soft: #22262b; --muted: #a3aab4;
    --alarm: #ffcf8a; --alarm-paper: #3a2c14; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 .6rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: .32rem .9rem .32rem .5rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { background: var(--soft); white-space: nowrap; }
.pairs th { font-weight: 600; color: var(--muted); }
.pairs td { overflow-wrap: anywhere; }
.number { text-align: right; white-space: nowrap; }
figure { margin: 1.5rem 0; }
figure > svg { display: block; max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 6px; }
figcaption { color: var(--muted); font-size: .92rem; margin-top: .4rem; }
details { margin: 2rem 0; }
summary { cursor: pointer; font-weight: 600; padding: .3rem 0; }
.warning { background: var(--alarm-paper); color: var(--alarm); border-left: 4px solid currentColor; margin: .5rem 0;
  padding: .5rem .9rem; }
@media print {
  :root { --ink: #000000; --paper: #ffffff; --line: #bbbbbb; --soft: #f2f2f2; --muted: #444444; --alarm: #000000;
    --alarm-paper: #ffffff; }
  main { max-width: none; padding: 0; }
  figure, tr, .warning { break-inside: avoid; }
  figure > svg { width: auto; max-height: 11cm; }
  h2 { break-after: avoid; }
  .wide { overflow: visible; }
}
";
