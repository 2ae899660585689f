//! det: a determinant by expansion along the first row, recursively: ell! products, and their gradient, the cofactors.
//!
//! The recursion goes breadth first: all minors of a level are one tensor of lanes, those of a row's entries laid out next to each
//! other. No minor is looked up where it was met before: a level has as many lanes as the recursion makes calls, and the three
//! last rows are expanded lane by lane. Of a large matrix the first levels are a loop over ordered choices of columns, which runs
//! one compiled program, so that what it works on stays in the cache.

use super::protocol::{Eval, Output, Request};
use retrograd::program::Options;
use retrograd::{Error, Program, Tensor, Var};
use serde::Deserialize;

pub(crate) const EVAL: Eval = Eval { name: "det", functions: &[("primal", primal), ("gradient", gradient)] };

/// Rows of the minors that one run of the program expands.
const DEPTH: usize = 8;
/// More rows have more products than there is time for: 15! are more than 10^12.
const MOST_ROWS: usize = 14;

#[derive(Deserialize)]
struct Input {
    #[serde(rename = "A")]
    a: Vec<f64>,
    ell: usize,
}

impl Input {
    fn of(request: &mut Request<'_>) -> Result<Self, String> {
        let input: Self = request.input()?;
        let (found, ell) = (input.a.len(), input.ell);
        if ell > MOST_ROWS {
            // Infinite from 171 rows on.
            let products: f64 = (1..=ell.min(171)).map(|row| row as f64).product();
            let products = if products.is_finite() { format!("{products:.1e}") } else { "more than 1e308".to_owned() };
            return Err(format!("input.ell: {ell}! = {products} products are too many; {MOST_ROWS}! can be asked for"));
        }
        match found == ell * ell {
            true => Ok(input),
            false => Err(format!("input.A: {found} numbers are no {ell} by {ell} matrix")),
        }
    }
}

/// Determinants of a batch of matrices, [n], of rows [size, n].
fn by_minors<'t>(rows: &[Var<'t, f64>]) -> Var<'t, f64> {
    let (size, n) = (rows.len(), rows[0].shape()[1]);
    if size <= 3 {
        let entries: Vec<Vec<_>> = rows.iter().map(|row| (0..size).map(|j| row.slice(j)).collect()).collect();
        return expand(&entries);
    }
    // Column i of minor j is column i of the matrix, or i + 1 from j on.
    let columns: Vec<usize> = (0..size - 1).flat_map(|i| (0..size).map(move |j| i + usize::from(i >= j))).collect();
    let below: Vec<_> = rows[1..].iter().map(|row| row.gather(0, &columns).reshape([size - 1, size * n])).collect();
    let minors = by_minors(&below).reshape([size, n]);
    let signs: Vec<f64> = (0..size).map(sign).collect();
    let signs = Tensor::new([size, 1], signs).expect("one for each");
    (rows[0] * minors * rows[0].tape().data(signs)).sum(0)
}

/// The same of three rows or fewer, entry by entry.
fn expand<'t>(rows: &[Vec<Var<'t, f64>>]) -> Var<'t, f64> {
    let [first, below @ ..] = rows else { return Var::constant(1.0) };
    if below.is_empty() {
        return first[0];
    }
    let term = |j: usize| {
        let without = |row: &Vec<_>| row.iter().enumerate().filter(|&(i, _)| i != j).map(|(_, &x)| x).collect();
        first[j] * expand(&below.iter().map(without).collect::<Vec<_>>())
    };
    (1..first.len()).fold(term(0), |sum, j| if j.is_multiple_of(2) { sum + term(j) } else { sum - term(j) })
}

fn sign(j: usize) -> f64 {
    if j.is_multiple_of(2) { 1.0 } else { -1.0 }
}

/// What the matrix contributes through one choice of a column in each of its first rows: their product, with its sign, times the
/// determinant of what is below in the other columns. `chosen` [first rows, ell] and `kept` [ell, others] pick them by products.
fn of_choice<'t>([a, chosen, kept]: [Var<'t, f64>; 3]) -> Var<'t, f64> {
    let [first, depth] = [chosen.shape()[0], kept.shape()[1]];
    let picked =
        (0..first).fold(Var::constant(1.0), |product, row| product * (a.slice(row) * chosen.slice(row)).sum(()));
    let below = a.slice(first..).matmul(kept);
    let rows: Vec<_> = (0..depth).map(|row| below.slice(row).reshape([depth, 1])).collect();
    picked * by_minors(&rows).sum(())
}

/// The program of a choice, and all choices.
struct Expansion {
    program: Program<f64>,
    a: Tensor<f64>,
    ell: usize,
    first: usize,
}

impl Expansion {
    fn new(input: &Input, options: &Options) -> Result<Self, Error> {
        let ell = input.ell;
        let first = ell.saturating_sub(DEPTH);
        let a = Tensor::new([ell, ell], input.a.clone())?;
        let like = [a.clone(), Tensor::zeros([first, ell]), Tensor::zeros([ell, ell - first])];
        let program = options.compile(&like, |x| vec![of_choice([x[0], x[1], x[2]])])?;
        Ok(Self { program, a, ell, first })
    }

    /// Runs the program for every choice.
    fn run(&mut self, take: &mut dyn FnMut(&Program<f64>)) -> Result<(), Error> {
        self.choose(&mut Vec::new(), 1.0, take)
    }

    /// The same for those that begin so.
    fn choose(
        &mut self,
        chosen: &mut Vec<usize>,
        product: f64,
        take: &mut dyn FnMut(&Program<f64>),
    ) -> Result<(), Error> {
        let kept: Vec<usize> = (0..self.ell).filter(|column| !chosen.contains(column)).collect();
        if chosen.len() < self.first {
            for (j, &column) in kept.iter().enumerate() {
                chosen.push(column);
                self.choose(chosen, product * sign(j), take)?;
                chosen.pop();
            }
            return Ok(());
        }
        let picks = |columns: &[usize]| (0..columns.len()).map(|i| i * self.ell + columns[i]).collect::<Vec<_>>();
        let (mut first, mut below) = (vec![0.0; chosen.len() * self.ell], vec![0.0; kept.len() * self.ell]);
        for (row, at) in picks(chosen).into_iter().enumerate() {
            first[at] = if row == 0 { product } else { 1.0 };
        }
        for (i, &column) in kept.iter().enumerate() {
            below[column * kept.len() + i] = 1.0;
        }
        let first = Tensor::new([chosen.len(), self.ell], first)?;
        let below = Tensor::new([self.ell, kept.len()], below)?;
        self.program.run(&[&self.a, &first, &below])?;
        take(&self.program);
        Ok(())
    }
}

fn primal(request: &mut Request<'_>) -> Result<Output, String> {
    let input = Input::of(request)?;
    let options = Options::new().threads(request.threads);
    if input.ell == 0 {
        // The empty product.
        request.evaluate(|| Ok(()))?;
        return Ok(Output::Number(1.0));
    }
    let mut expansion = request.prepare(|| Expansion::new(&input, &options))?;
    let mut det = 0.0;
    request.evaluate(|| {
        det = 0.0;
        expansion.run(&mut |program| det += program.item(0))
    })?;
    Ok(Output::Number(det))
}

fn gradient(request: &mut Request<'_>) -> Result<Output, String> {
    let input = Input::of(request)?;
    let options = Options::new().threads(request.threads).gradient(&[0]);
    let mut gradient = vec![0.0; input.a.len()];
    if input.ell == 0 {
        request.evaluate(|| Ok(()))?;
        return Ok(Output::Vector(gradient));
    }
    let mut expansion = request.prepare(|| Expansion::new(&input, &options))?;
    request.evaluate(|| {
        gradient.fill(0.0);
        expansion.run(&mut |program| {
            for (sum, part) in gradient.iter_mut().zip(program.output(1)) {
                *sum += part;
            }
        })
    })?;
    Ok(Output::Vector(gradient))
}
