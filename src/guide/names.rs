//! What it is called here, for who comes from PyTorch, JAX or NumPy.
//!
//! # The same name, another thing
//!
//! - **`gather(axis, &indices)`** takes whole entries of an axis, as `index_select` and `jnp.take` do. `torch.gather` is
//!   [`take_along`](crate::Var::take_along); with one index a row, as `x[arange(n), labels]`, it is [`pick`](crate::Var::pick), or along any
//!   axis [`pick_along`](crate::Var::pick_along).
//! - **Positions** that [`argsort`](crate::Var::argsort) and [`topk`](crate::Var::topk) give are numbers like any, so that programs find
//!   them anew; [`argmax`](crate::Var::argmax) gives `usize`.
//! - **`var`** is two: [`tape.var(x)`](crate::Tape::var) makes a variable; [`x.var(axes, ddof)`](crate::Var::var) is the variance, with what it is divided by
//!   said: `ddof` is 0 in NumPy and JAX, 1 in PyTorch.
//! - **`data`** makes a constant on the tape ([`tape.data(x)`](crate::Tape::data)). PyTorch's `x.data`, or `x.detach()`, is [`x.detach()`](crate::Var::detach).
//! - **`select`** chooses by a mask, as `where` does: `mask.select(a, b)`. `torch.select(x, 0, i)` is `x.slice(i)`.
//! - **`max`** and `min` split the gradient among equals, as `amax` does and `torch.max(x, dim)` does not; [`argmax`](crate::Var::argmax) has
//!   the places. Of two arguments they are [`maximum`](crate::Var::maximum) and `minimum`.
//! - **`squared_error`** is the sum; the mean is [`mean_squared_error`](crate::Var::mean_squared_error). Cross-entropy takes logits and gives the mean.
//! - **`t`** swaps the last two axes, as `mT` does; NumPy's `x.T` reverses all of them: `permute`.
//! - **weights** of [`Dense`](crate::nn::Dense) are [inputs, outputs], as in JAX; PyTorch's are the other way round
//!   ([`Model::load_torch`](crate::nn::Model::load_torch) turns them).
//! - **gradients** are returned, not added up in variables: there is no `zero_grad`.
//! - **Losses** as methods want a target of the prediction's shape; [`cross_entropy`](crate::Var::cross_entropy) takes labels.
//! - A **batch of rows** is an axis: ops of matrices treat leading axes as batches. What is written for one row is mapped over rows by
//!   [`vmap`](crate::vmap); [`Map`](crate::Map) runs a function of numbers over many points, and gives numbers.
//!
//! # Differentiation
//!
//! | PyTorch | JAX | here |
//! |---|---|---|
//! | `torch.tensor(x, requires_grad=True)` | an argument of the function | [`tape.var(x)`](crate::Tape::var) |
//! | `torch.tensor(x)` | `jnp.array(x)` | [`Tensor::from(x)`](crate::Tensor), on a tape [`tape.data(x)`](crate::Tape::data) |
//! | `y.backward(); x.grad` | `jax.grad(f)(x)` | `y.backward().wrt(x)`, [`grad(f, x)`](crate::grad) |
//! | `autograd.grad(y, xs, create_graph=True)` | `jax.grad(jax.grad(f))` | [`tape.grad(y, &xs)`](crate::Tape::grad) |
//! | `y.backward(v)`, `func.vjp` | `jax.vjp` | [`y.backward_with(v)`](crate::Var::backward_with), [`vjp`](crate::vjp) |
//! | `func.jvp` | `jax.jvp` | [`jvp`](crate::jvp), [`Tape::jvp`](crate::Tape::jvp), [`Dual`](crate::Dual) |
//! | `func.jacrev`, `jacfwd`, `hessian` | `jax.jacobian`, `hessian` | [`jacobian`](crate::jacobian), [`hessian`](crate::hessian), [`hvp`](crate::hvp) |
//! | | `jax.grad(f, argnums=(0, 1))` | [`grad_tensors`](crate::grad_tensors), [`jacobian_tensors`](crate::jacobian_tensors), [`hessian_tensors`](crate::hessian_tensors) |
//! | `func.vmap` | `jax.vmap` | [`vmap`](crate::vmap), [`tape.vmap`](crate::Tape::vmap); of a model's gradients [`Model::per_example`](crate::nn::Model::per_example) |
//! | `x.detach()` | `lax.stop_gradient(x)` | [`x.detach()`](crate::Var::detach) |
//! | `torch.no_grad()` | | compute with [`Tensor`](crate::Tensor)s |
//! | `x.register_hook(f)`, `x.retain_grad()` | | [`x.on_gradient(f)`](crate::Var::on_gradient), [`x.retain_gradient()`](crate::Var::retain_gradient) |
//! | `autograd.Function` | `jax.custom_vjp` | [`tape.custom_vjp`](crate::Tape::custom_vjp) for closures; [`Unary`](crate::Unary), [`Binary`](crate::Binary), [`CustomOp`](crate::CustomOp), [`NumericOp`](crate::NumericOp) |
//! | `autograd.gradcheck` | `check_grads` | [`gradcheck`](crate::gradcheck), [`gradgradcheck`](crate::gradgradcheck) |
//! | `detect_anomaly` | `jax_debug_nans` | [`Tape::check_finite`](crate::Tape::check_finite), [`Tape::check_finite_gradients`](crate::Tape::check_finite_gradients) |
//! | `torch.compile` | `jax.jit` | [`compile`](fn@crate::compile), [`Program`](crate::Program) |
//!
//! # Arrays
//!
//! | PyTorch | NumPy, JAX | here |
//! |---|---|---|
//! | `x.sum(dim=1, keepdim=True)` | `x.sum(1, keepdims=True)` | `x.sum(keep(1))`; `x.sum(1)` without the axis |
//! | `x.mean()`, `x.amax()` | `x.mean()`, `x.max()` | `x.mean(())`, `x.max(())` |
//! | `x @ y`, `x.T @ y` | the same | `x.matmul(y)`, `x.matmul_tn(y)` |
//! | `x.reshape(2, 3)`, `x.view(2, 3)` | `x.reshape(2, 3)` | `x.reshape([2, 3])` |
//! | `x.permute(2, 0, 1)`, `x.mT` | `x.transpose(2, 0, 1)` | `x.permute(&[2, 0, 1])`, `x.t()` |
//! | `x[1:3, ::2]`, `x[i]`, `x[i, j]` | the same | `x.slice((1..3, Span::from(..).step(2)))`, `x.slice(i)` (the other axes stay whole), `x.at([i, j])` |
//! | `torch.cat`, `torch.stack` | `concatenate`, `stack` | [`Var::concat(&[x, y], axis)`](crate::Var::concat), [`Var::stack`](crate::Var::stack) |
//! | `torch.where(c, a, b)` | `jnp.where(c, a, b)` | `c.select(a, b)` |
//! | `x.index_select(0, i)` | `x[i]`, `take` | `x.gather(0, &i)` |
//! | `x[arange(n), j]` | the same | `x.pick(&j)` |
//! | `x.gather(1, i)` | `take_along_axis(x, i, 1)` | `x.take_along(i, 1)` |
//! | `zeros.scatter_add(1, i, x)` | | `x.put_along(i, 1, n)` |
//! | `x.sort(1).values`, `x.argsort(1)`, `x.topk(k, 1)` | `sort(x, 1)`, `argsort(x, 1)`, `lax.top_k(x, k)` | `x.sort(1)`, `x.argsort(1)`, `x.topk(k, 1)` |
//! | `x.cummax(1).values`, `x.logcumsumexp(1)` | `maximum.accumulate(x, 1)`, `lax.cumlogsumexp(x, 1)` | `x.cummax(1)`, `x.cumlogsumexp(1)` |
//! | `zeros.index_add(0, i, x)` | `zeros.at[i].add(x)` | `x.scatter_add(0, &i, n)` |
//! | `x.clamp(a, b)`, `x.expand(2, 3)` | `clip`, `broadcast_to` | `x.clamp(a, b)`, `x.broadcast_to([2, 3])` |
//! | `x.unsqueeze(0)`, `x.squeeze(0)` | `x[None]`, `squeeze` | `x.unsqueeze(0)`, `x.squeeze(0)` |
//! | `linalg.solve`, `cholesky`, `slogdet`, `eigh` | the same | `a.solve(b)`, `a.cholesky()`, `a.slogdet()`, `a.eigh()` |
//! | `torch.einsum("ij,jk->ik", a, b)` | the same | [`Var::einsum("ij,jk->ik", &[a, b])`](crate::Var::einsum) |
//! | `torch.kron`, `matrix_exp`, `linalg.lstsq(a, b).solution` | `kron`, `linalg.expm`, `linalg.lstsq(a, b)[0]` | `a.kron(b)`, `a.expm()`, `a.lstsq(b)` |
//! | `F.conv2d(x, w, stride=2, padding=1)` | `lax.conv_general_dilated` | [`x.conv2d(w, Conv::new().stride(2).padding(1))`](crate::Var::conv2d) |
//! | `F.max_pool2d(x, 2)`, `F.avg_pool2d(x, 2)` | `lax.reduce_window` | `x.max_pool2d(Pooling::of(2))`, `x.avg_pool2d(Pooling::of(2))` |
//! | `torch.randn(2, 3)` | `rng.normal(size=(2, 3))` | `Tensor::normal([2, 3], 0.0, 1.0, &mut rng)` |
//! | `x.numpy()` | | `x.as_slice()`, `x.to_vec()`; with the feature `ndarray`, `ArrayD::from(x)` |
//!
//! # Networks
//!
//! | PyTorch | here |
//! |---|---|
//! | `nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))` | `Mlp::new(4).dense(8).relu().dense(3).build::<f32>(seed)?` |
//! | `nn.Module` | [`Layer`](crate::nn::Layer), or [`func`](crate::nn::func) of a closure |
//! | `F.cross_entropy(logits, labels)` | `logits.cross_entropy(&labels)`, [`loss::cross_entropy()`](crate::nn::loss::cross_entropy) |
//! | `F.mse_loss(y, t)` | `y.mean_squared_error(t)`, [`loss::mean_squared_error()`](crate::nn::loss::mean_squared_error) |
//! | `optim.SGD(params, lr, momentum=0.9)` | `Optimizer::from(Sgd::new(lr).momentum(0.9))` |
//! | `loss.backward(); opt.step(); opt.zero_grad()` | `let step = model.step(..)?; optimizer.step(model.params_mut(), &step.grads)` |
//! | `lr_scheduler` | [`optim::schedule`](crate::optim::schedule), [`Trainer::schedule`](crate::train::Trainer::schedule) |
//! | `model.train()`, `model.eval()` | [`Pass::train`](crate::nn::Pass::train), [`Pass::eval`](crate::nn::Pass::eval); [`Model::predict`](crate::nn::Model::predict) |
//! | `DataLoader` | [`Dataset::batches`](crate::data::Dataset::batches); [`Trainer`](crate::train::Trainer) makes them |
//! | `state_dict`, `torch.save` | [`Model::save`](crate::nn::Model::save), [`Model::load`](crate::nn::Model::load), [`Model::load_torch`](crate::nn::Model::load_torch) |
//! | `torch.manual_seed(7)` | `.seed(7)` where something is drawn: the same seed gives the same bits |
//!
//! ```
//! use retrograd::{Tape, Tensor, keep};
//! let tape = Tape::new();
//! let x = tape.var([[1.0, 2.0, 4.0], [3.0, 5.0, 7.0]]);
//! // x[arange(2), [2, 0]], x[:, [2, 0]], x.var(1), x - x.mean(1, keepdims=True), where(x > 2, x, 0)
//! assert_eq!(x.pick(&[2, 0]).value().to_vec(), [4.0, 3.0]);
//! assert_eq!(x.gather(1, &[2, 0]).value().to_vec(), [4.0, 1.0, 7.0, 3.0]);
//! assert_eq!(x.var(1, 0).value().to_vec()[1], 8.0 / 3.0);
//! assert_eq!((x - x.mean(keep(1))).value().to_vec()[3..], [-2.0, 0.0, 2.0]);
//! assert_eq!(x.greater(2.0).select(x, 0.0).value(), Tensor::from([[0.0, 0.0, 4.0], [3.0, 5.0, 7.0]]));
//! assert_eq!(x.gather(0, &[1, 1, 0]).scatter_add(0, &[1, 1, 0], 2).value().to_vec()[3], 6.0);
//! ```
