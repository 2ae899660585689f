//! What a page shows of a text, as data; and the page itself, whose script needs no build.
//!
//! [`analysis`] is the one function behind it: verdicts, values, the graph drawn, the sweep step by step, formulas, and where sliders may
//! move numbers, as one JSON object. [`still`] writes a page that has it all within; the server behind `serve` answers with it as a text is
//! typed. Nothing here reads a clock or a file, starts a thread, or knows of a server.
//!
//! # Examples
//! ```
//! use retrograd::text::{CheckOptions, page};
//! let text = "x = 2.0\ny = x ** 3\n# backward\ndx = 2 * x ** 2\n";
//! let said = page::analysis(text, &CheckOptions::default());
//! assert_eq!((&said["verdict"], &said["first_wrong_line"]), (&"wrong".into(), &4.into()));
//! assert_eq!(said["graph"]["nodes"][0]["gradient"], "12");
//! let page = page::still("A cube", text, &said);
//! assert!(page.starts_with("<!DOCTYPE html>") && page.contains("A cube"));
//! ```

mod analysis;
mod classics;
mod explained;
mod sliders;

pub use analysis::analysis;
pub use classics::classics;

use serde_json::{Value, json};

/// The page's style.
pub const STYLE: &str = include_str!("assets/page.css");
/// The page's script.
pub const SCRIPT: &str = include_str!("assets/page.js");
/// The script of the pane that trains.
pub const TRAINING: &str = include_str!("assets/training.js");
/// The page's icon.
pub const ICON: &str = include_str!("assets/icon.svg");
const PAGE: &str = include_str!("assets/page.html");

/// The page as a server has it, with its style and its scripts beside it.
///
/// # Examples
/// ```
/// assert!(retrograd::text::page::live().contains("<script src=\"/page.js\" defer></script>"));
/// ```
pub fn live() -> String {
    let head = "<title>retrograd</title>\n<link rel=\"icon\" href=\"/icon.svg\">\n<link rel=\"stylesheet\" href=\"/page.css\">\n\
        <script src=\"/page.js\" defer></script>\n<script src=\"/training.js\" defer></script>";
    filled(head, "retrograd", "")
}

/// One file that shows a text and what there is to say of it ([`analysis`]), and asks nobody for anything.
pub fn still(title: &str, text: &str, analysis: &Value) -> String {
    let title = escape(title);
    let head = format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'nonce-own'; style-src 'nonce-own'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"generator\" content=\"retrograd {}\">\n<title>{title}</title>\n<style nonce=\"own\">\n{STYLE}</style>",
        env!("CARGO_PKG_VERSION")
    );
    // No text of anybody's ends the element early.
    let said = json!({ "text": text, "analysis": analysis }).to_string().replace('<', "\\u003c");
    let data = format!(
        "<script type=\"application/json\" id=\"analysis\">{said}</script>\n<script nonce=\"own\">\n{SCRIPT}</script>"
    );
    filled(&head, &title, &data)
}

/// The page with these parts in their places; a part that holds another's mark stays as it is.
fn filled(head: &str, heading: &str, data: &str) -> String {
    let mut out = String::with_capacity(PAGE.len() + head.len() + heading.len() + data.len());
    let mut rest = PAGE;
    for (mark, part) in [("<!--head-->", head), ("<!--heading-->", heading), ("<!--data-->", data)] {
        let (before, after) = rest.split_once(mark).expect("the page has a place for each part, in this order");
        out += before;
        out += part;
        rest = after;
    }
    out + rest
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
