//! expressions.json and mgh.json: scalar formulas with value, gradient and Hessian, by every way of computing them.

use crate::compare::{Report, Scale};
use crate::expression::{Expr, eval, names};
use crate::infix::parse;
use crate::json::{Json, list, number, numbers, text};
use retrograd::optim::Lbfgs;
use retrograd::{Dual, Real, Tape, Var, grad_slice, hessian_slice, hvp_slice, value_and_grad_slice};

/// One expression of expressions.json at its points.
pub fn run_expression(case: &Json, report: &mut Report) -> Result<(), String> {
    let vars = names(&case["vars"])?;
    let expr = Expr::from_tree(&case["tree"], &vars)?;
    let from_text = parse(text(&case["expr"])?, &vars)?;
    for point in list(&case["points"])? {
        let at = numbers(&point["at"])?;
        let expected = Expected::read(&point["value"], point)?;
        compare(report, &Formula::Expression(&expr), &at, &expected);
        report.compare("value from infix text", &[eval(&from_text, &at)], &[expected.value], Scale::Element);
        same_digits(report, &[expected.value], &point["value_30"])?;
        same_digits(report, &expected.grad, &point["grad_30"])?;
    }
    Ok(())
}

/// One least-squares problem of mgh.json at its points.
pub fn run_problem(case: &Json, report: &mut Report) -> Result<(), String> {
    let vars = names(&case["vars"])?;
    let residuals = list(&case["residuals"])?.iter().map(|residual| parse(text(residual)?, &vars));
    let residuals = residuals.collect::<Result<Vec<_>, _>>()?;
    if text(&case["objective"])? != "sum of squares of the residuals" {
        return Err(format!("unknown objective {}", case["objective"]));
    }
    for point in list(&case["points"])? {
        let expected = Expected::read(&point["f"], point)?;
        compare(report, &Formula::SumOfSquares(&residuals), &numbers(&point["x"])?, &expected);
        same_digits(report, &expected.grad, &point["grad_30"])?;
    }
    Ok(())
}

/// Local minima that Moré, Garbow & Hillstrom 1981 list beside the least.
const OTHER_MINIMA: &[(&str, f64)] = &[("mgh/18-biggs_exp6", 5.65565e-3)];

/// L-BFGS from both points of a problem: the value where it ends is a published minimum.
pub fn minimize_problem(case: &Json, report: &mut Report) -> Result<(), String> {
    let vars = names(&case["vars"])?;
    let residuals = list(&case["residuals"])?.iter().map(|residual| parse(text(residual)?, &vars));
    let residuals = residuals.collect::<Result<Vec<_>, _>>()?;
    let want = number(&case["published_fmin"])?;
    for point in list(&case["points"])? {
        let mut lbfgs = Lbfgs::new().max_iter(2000).tolerance_grad(1e-9).tolerance_change(1e-16);
        let mut x = numbers(&point["x"])?;
        let found = lbfgs.minimize_with(&mut x, |x| {
            Ok(value_and_grad_slice(|x: &[Var<f64>]| Formula::SumOfSquares(&residuals).eval(x), x))
        });
        let found = found.map_err(|e| e.to_string())?;
        let other = OTHER_MINIMA.iter().find(|(id, value)| case["id"] == *id && (found.value - value).abs() < 1e-8);
        let want = other.map_or(want, |(_, value)| *value);
        report.compare_within("minimum", &[found.value], &[want], 1e-5, 1e-10, Scale::Element);
    }
    Ok(())
}

struct Expected {
    value: f64,
    grad: Vec<f64>,
    hess: Vec<f64>,
}

impl Expected {
    fn read(value: &Json, point: &Json) -> Result<Self, String> {
        Ok(Self { value: number(value)?, grad: numbers(&point["grad"])?, hess: numbers(&point["hess"])? })
    }
}

enum Formula<'a> {
    Expression(&'a Expr),
    SumOfSquares(&'a [Expr]),
}

impl Formula<'_> {
    fn eval<S: Real>(&self, x: &[S]) -> S {
        match self {
            Formula::Expression(expr) => eval(expr, x),
            Formula::SumOfSquares(residuals) => {
                let squares = residuals.iter().map(|residual| eval(residual, x).square());
                squares.reduce(|sum, square| sum + square).unwrap_or_else(|| S::lit(0.0))
            }
        }
    }
}

fn compare(report: &mut Report, formula: &Formula, at: &[f64], want: &Expected) {
    let n = at.len();
    report.compare("value of numbers", &[formula.eval(at)], &[want.value], Scale::Element);

    let tape = Tape::new();
    let x = tape.vars(at);
    let y = formula.eval(&x);
    report.compare("value recorded", &[y.item()], &[want.value], Scale::Element);
    report.compare("gradient", &y.backward().items(&x), &want.grad, Scale::Array);
    let recorded: Vec<_> = tape.grad(y, &x).iter().map(|g| g.item()).collect();
    report.compare("gradient recorded", &recorded, &want.grad, Scale::Array);
    let gradient = grad_slice(|x: &[Var<f64>]| formula.eval(x), at);
    report.compare("gradient of a closure", &gradient, &want.grad, Scale::Array);

    let hessian = hessian_slice(|x: &[Var<f64>]| formula.eval(x), at);
    report.compare("hessian reverse over reverse", hessian.as_slice(), &want.hess, Scale::Array);
    let column = |j: usize| hvp_slice(|x: &[Var<f64>]| formula.eval(x), at, &unit(n, j));
    let columns: Vec<_> = (0..n).flat_map(column).collect();
    report.compare("hessian forward over reverse", &columns, &want.hess, Scale::Array);
    let doubly: Vec<_> = x.iter().zip(tape.grad(y, &x)).map(|(_, g)| tape.grad(g, &x)).collect();
    let doubly: Vec<_> = doubly.iter().flatten().map(|h| h.item()).collect();
    report.compare("hessian recorded", &doubly, &want.hess, Scale::Array);

    let (gradient, hessian) = by_duals(formula, at);
    report.compare("gradient of duals", &gradient, &want.grad, Scale::Array);
    report.compare("hessian of duals", &hessian, &want.hess, Scale::Array);
}

/// Gradient and Hessian from nested dual numbers, one pair of directions at a time.
fn by_duals(formula: &Formula, at: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let n = at.len();
    let (mut gradient, mut hessian) = (Vec::new(), Vec::new());
    for i in 0..n {
        for j in 0..n {
            let (outer, inner) = (unit(n, i), unit(n, j));
            let x: Vec<_> = (0..n).map(|k| Dual::new(Dual::new(at[k], inner[k]), Dual::new(outer[k], 0.0))).collect();
            let y: Dual<Dual<f64>> = formula.eval(&x);
            if j == 0 {
                gradient.push(y.tangent.value);
            }
            hessian.push(y.tangent.tangent);
        }
    }
    (gradient, hessian)
}

fn unit(n: usize, i: usize) -> Vec<f64> {
    (0..n).map(|k| if k == i { 1.0 } else { 0.0 }).collect()
}

/// The file's numbers are its 30 digits rounded: what is read is what was written.
fn same_digits(report: &mut Report, read: &[f64], digits: &Json) -> Result<(), String> {
    if !digits.is_null() {
        report.compare_within("30 digits", read, &numbers(digits)?, 3e-16, 1e-300, Scale::Element);
    }
    Ok(())
}
