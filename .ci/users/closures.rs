//! Derivatives of closures, and a mapped function.
use retrograd::{Map, Points, Tensor, grad, hessian_slice, grad_slice};
fn main() -> retrograd::Result<()> {
    println!("{}", grad(|x| x * x.tanh() + 1.0, 3.0));
    println!("{:?}", grad(|x| x.square().sum(()), Tensor::from([1.0, -2.0])).to_vec());
    println!("{:?}", grad_slice(|x| x[0] * x[1], &[1.0, 2.0]));
    println!("{:?}", hessian_slice(|x| x[0] * x[0] * x[1], &[1.0, 2.0]).to_vec());
    let mut map = Map::compile_gradient(2, 2, |p, line| (p[0] * line[0] + line[1] - p[1]).square())?;
    let points = [0.0, 1.0, 1.0, 3.0, 2.0, 5.0];
    let mut gradient = [0.0; 2];
    println!("{} {gradient:?}", map.gradient(&Points::new(3).rows(&points, 2), &[2.0, 0.0], &mut gradient)?);
    Ok(())
}
