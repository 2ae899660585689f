//! hello: x^2 and its derivative.

use super::protocol::{Eval, Output, Request};
use retrograd::{Var, grad};

pub(crate) const EVAL: Eval = Eval { name: "hello", functions: &[("square", square), ("double", double)] };

fn square(request: &mut Request<'_>) -> Result<Output, String> {
    let x = request.number()?;
    let mut y = 0.0;
    request.once(|| {
        y = x * x;
        Ok(())
    })?;
    Ok(Output::Number(y))
}

fn double(request: &mut Request<'_>) -> Result<Output, String> {
    let x = request.number()?;
    let mut dy = 0.0;
    request.once(|| {
        dy = grad(|x: Var<'_, f64>| x * x, x);
        Ok(())
    })?;
    Ok(Output::Number(dy))
}
