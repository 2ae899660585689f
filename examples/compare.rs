//! The classic derivations, coded by hand, beside autodiff.
//!
//! Teaches: `check::Compare` on what people derive by hand: the course's algorithm, Nielsen's equations, softmax, an LSTM, and
//! twenty more; and on forms that teaching material prints wrong. Prints one table: derivation, verdict, largest
//! disagreement, diagnosis, and how long recording with a sweep, and a compiled program, take over the hand-coded form.
//!
//! Run: `cargo run --release --example compare`

pub(crate) mod classics;

use classics::{Derivation, Form};
use retrograd::{Error, Result};

const HEADINGS: [&str; 6] =
    ["derivation", "verdict", "largest disagreement", "diagnosis", "autodiff/hand time", "program/hand time"];

pub(crate) fn main() -> Result<()> {
    if let Some(word) = std::env::args().nth(1) {
        return Err(Error::argument(format!("compare takes no arguments, got {word:?}; it prints the whole table")));
    }
    let derivations = classics::all();
    let forms = derivations.iter().flat_map(|derivation| derivation.forms.iter().map(move |form| (derivation, form)));
    let rows = forms.map(|(derivation, form)| row(derivation, form)).collect::<Result<Vec<_>>>()?;
    print_table(&rows);
    Ok(())
}

/// One line of the table. What is marked right must agree, and what is marked wrong must not.
fn row(derivation: &Derivation, form: &Form) -> Result<[String; 6]> {
    let report = derivation.compare(form).time(|| (form.by_hand)()).run()?;
    assert_eq!(report.agrees(), form.right, "{}, {}: {report}", derivation.title, form.title);
    let largest = report.largest();
    let disagreement = if largest.is_finite() { format!("{largest:.1e}") } else { "wrong shape".into() };
    let diagnosis = match report.diagnosis.best() {
        _ if report.agrees() => "-".into(),
        Some(best) => best.text.clone(),
        None => report.diagnosis.to_string(),
    };
    let [eager, program] = match &report.timing {
        None => ["-", "-"].map(String::from),
        Some(timing) => {
            let program =
                timing.program_ratio().map_or_else(|why| format!("none: {why}"), |ratio| format!("{ratio:.1}"));
            [format!("{:.1}", timing.ratio()), program]
        }
    };
    let verdict = if report.agrees() { "agree" } else { "differ" };
    Ok([format!("{}: {}", derivation.title, form.title), verdict.into(), disagreement, diagnosis, eager, program])
}

fn print_table(rows: &[[String; 6]]) {
    let headings = HEADINGS.map(String::from);
    let widths: [usize; 6] = std::array::from_fn(|column| {
        let cells = std::iter::once(&headings).chain(rows);
        cells.map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    for row in std::iter::once(&headings).chain(rows) {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    }
}
