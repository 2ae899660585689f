//! Python's subscripts, as formulas spell them: `x[1:, ::2]`, `x[-1]`, `x[3:0:-1]`.

use retrograd::{Span, Var};

/// The part of `x` that the subscript in the formula names.
pub fn subscript<'t>(formula: &str, x: Var<'t, f64>) -> Result<Var<'t, f64>, String> {
    let open = formula.find('[').ok_or_else(|| format!("no subscript in {formula:?}"))?;
    let close = formula.rfind(']').ok_or_else(|| format!("no subscript in {formula:?}"))?;
    let shape = x.shape();
    let parts: Vec<_> = formula[open + 1..close].split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let mut spans = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        if *part == "..." {
            let rest = parts.len() - i - 1;
            while spans.len() + rest < shape.rank() {
                spans.push(Span::from(..));
            }
            continue;
        }
        let length =
            *shape.dims().get(spans.len()).ok_or_else(|| format!("{formula:?} has too many axes for {shape}"))?;
        spans.push(span(part, length as isize)?);
    }
    x.try_slice(&spans[..]).map_err(|error| error.to_string())
}

/// One axis's part. Python lets bounds lie outside; a negative step starts from the last element.
fn span(part: &str, length: isize) -> Result<Span, String> {
    let integer = |text: &str| text.trim().parse::<isize>().map_err(|_| format!("{part:?} is no subscript"));
    let fields: Vec<_> = part.split(':').collect();
    if fields.len() == 1 {
        return Ok(Span::from(integer(part)?));
    }
    let field = |i: usize| fields.get(i).filter(|text| !text.trim().is_empty()).map(|text| integer(text)).transpose();
    let step = field(2)?.unwrap_or(1);
    let bound = |given: Option<isize>, default: isize, least: isize, most: isize| match given {
        None => default,
        Some(i) => (if i < 0 { i + length } else { i }).clamp(least, most),
    };
    if step > 0 {
        let (start, stop) = (bound(field(0)?, 0, 0, length), bound(field(1)?, length, 0, length));
        return Ok(Span::from(start..stop.max(start)).step(step));
    }
    let (start, stop) = (bound(field(0)?, length - 1, -1, length - 1), bound(field(1)?, -1, -1, length - 1));
    Ok(Span::from(stop.min(start) + 1..start + 1).step(step))
}

#[test]
fn subscripts_mean_what_python_means() {
    let tape = retrograd::Tape::new();
    let x = tape.var([0.0, 1.0, 2.0, 3.0, 4.0]);
    let cases: &[(&str, &[f64])] = &[
        ("x[1:]", &[1.0, 2.0, 3.0, 4.0]),
        ("x[:-2]", &[0.0, 1.0, 2.0]),
        ("x[::2]", &[0.0, 2.0, 4.0]),
        ("x[::-1]", &[4.0, 3.0, 2.0, 1.0, 0.0]),
        ("x[3:0:-2]", &[3.0, 1.0]),
        ("x[3:0:-1]", &[3.0, 2.0, 1.0]),
        ("x[-2:9]", &[3.0, 4.0]),
        ("x[4:1]", &[]),
        ("x[-1]", &[4.0]),
    ];
    for (formula, want) in cases {
        assert_eq!(subscript(formula, x).unwrap().value().to_vec(), *want, "{formula}");
    }
    let x = tape.var([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]);
    assert_eq!(subscript("x[1:, ::2]", x).unwrap().value().to_vec(), [3.0, 5.0]);
    assert_eq!(subscript("x[..., 1]", x).unwrap().value().to_vec(), [1.0, 4.0]);
    assert_eq!(subscript("x[1]", x).unwrap().shape().dims(), [3]);
    assert!(subscript("x[0, 0, 0]", x).is_err());
}
