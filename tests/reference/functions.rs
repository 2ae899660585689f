//! The functions of ops.json by name: from inputs to a recorded output. Everything else of a case is in its `params`.

use crate::elementwise::elementwise;
use crate::json::{Json, integer, integers, list, naturals, number, numbers, tensor, text};
use crate::ops::Case;
use crate::slicing::subscript;
use retrograd::{Axes, Conv, PerAxis, Pooling, Result as EngineResult, Tape, Tensor, Var};

type V<'t> = Var<'t, f64>;
type Built<'t> = Result<V<'t>, String>;

/// Records a case's function of `x`.
pub fn build<'t>(tape: &'t Tape<f64>, case: &Case, x: &[V<'t>]) -> Built<'t> {
    if let Some(y) = elementwise(&case.op, &case.params, x)? {
        return Ok(y);
    }
    let families = [reduction, loss, shaping, linear, order, sliding, composition];
    for family in families {
        if let Some(y) = family(tape, case, x) {
            return y;
        }
    }
    Err(format!("unknown op {}", case.op))
}

fn said<'t>(result: EngineResult<V<'t>>) -> Built<'t> {
    result.map_err(|error| error.to_string())
}

/// The case's `axis`: a number, a list, or null or nothing for `default`.
fn axes(params: &Json, default: Axes) -> Result<Axes, String> {
    match &params["axis"] {
        Json::Null => Ok(default),
        Json::Array(items) => Ok(Axes::from(&items.iter().map(integer).collect::<Result<Vec<_>, _>>()?[..])),
        axis => Ok(Axes::from(integer(axis)?)),
    }
}

fn axis(params: &Json, default: isize) -> Result<isize, String> {
    if params["axis"].is_null() { Ok(default) } else { integer(&params["axis"]) }
}

/// An array parameter as a constant; a flat list takes the shape of `like`.
fn constant<'t>(tape: &'t Tape<f64>, value: &Json, like: V<'t>) -> Built<'t> {
    let value = tensor(value)?;
    if value.shape().rank() == 1 && value.len() == like.numel() && *value.shape() != like.shape() {
        return Ok(tape.data(&value.try_reshape(like.shape()).map_err(|error| error.to_string())?));
    }
    Ok(tape.data(&value))
}

fn reduction<'t>(_: &'t Tape<f64>, case: &Case, x: &[V<'t>]) -> Option<Built<'t>> {
    let [x] = *x else { return None };
    let (op, params) = (case.op.as_str(), &case.params);
    Some(reduce(op, params, x).transpose()?.and_then(said))
}

fn reduce<'t>(op: &str, params: &Json, x: V<'t>) -> Result<Option<EngineResult<V<'t>>>, String> {
    let keep = params["keepdims"].as_bool().unwrap_or(false);
    let ddof = params["ddof"].as_u64().unwrap_or(0) as usize;
    let all = axes(params, Axes::ALL)?;
    let all = if keep { retrograd::keep(all) } else { all };
    Ok(Some(match op {
        "sum" => x.try_sum(all),
        "mean" => x.try_mean(all),
        "prod" => x.try_prod(all),
        "max" => x.try_max(all),
        "min" => x.try_min(all),
        "var" => x.try_var(all, ddof),
        "std" => x.try_std(all, ddof),
        "norm1" => x.try_norm1(all),
        "norm2" => x.try_norm2(all),
        "norminf" => x.try_norm_inf(all),
        "logsumexp" => x.try_logsumexp(all),
        "softmax" => x.try_softmax(axes(params, Axes::from(-1))?),
        "log_softmax" => x.try_log_softmax(axes(params, Axes::from(-1))?),
        // Without an axis NumPy runs over the flattened array.
        "cumsum" | "cumprod" => {
            let flat = if params["axis"].is_null() { x.reshape([x.numel()]) } else { x };
            let along = axes(params, Axes::from(0))?;
            if op == "cumsum" { flat.try_cumsum(along) } else { flat.try_cumprod(along) }
        }
        _ => return Ok(None),
    }))
}

fn loss<'t>(tape: &'t Tape<f64>, case: &Case, x: &[V<'t>]) -> Option<Built<'t>> {
    Some(match (case.op.as_str(), x) {
        ("softmax_cross_entropy", &[z]) => cross_entropy(&case.params, z),
        ("bce_with_logits", &[z]) => constant(tape, &case.params["targets"], z)
            .and_then(|targets| said(z.try_binary_cross_entropy_with_logits(targets))),
        ("bce_prob", &[p]) => {
            constant(tape, &case.params["targets"], p).and_then(|targets| said(p.try_binary_cross_entropy(targets)))
        }
        ("huber", &[x]) => number(&case.params["delta"]).and_then(|delta| said(x.huber(delta).try_sum(()))),
        // Computed as sum q ln q - sum q log_softmax(z), which is stable.
        ("kl_div", &[z]) => {
            constant(tape, &case.params["q"], z).and_then(|q| said((q.xlogy(q) - q * z.log_softmax(-1)).try_sum(())))
        }
        ("mse", &[x, y]) => said(x.try_mean_squared_error(y)),
        ("half_sse", &[x, y]) => said(x.try_squared_error(y)).map(|sum| sum * 0.5),
        ("mae", &[x, y]) => said(x.try_mean_absolute_error(y)),
        _ => return None,
    })
}

fn cross_entropy<'t>(params: &Json, z: V<'t>) -> Built<'t> {
    let labels = naturals(&params["labels"])?;
    let rows = if z.rank() == 1 { z.unsqueeze(0) } else { z };
    said(rows.try_cross_entropy(&labels))
}

fn shaping<'t>(tape: &'t Tape<f64>, case: &Case, x: &[V<'t>]) -> Option<Built<'t>> {
    let params = &case.params;
    Some(match (case.op.as_str(), x) {
        ("reshape", &[x]) => reshape(params, x),
        ("concat", parts) => {
            named_parts(&case.formula, parts).and_then(|parts| said(Var::try_concat(&parts, axis(params, 0)?)))
        }
        ("stack", parts) => {
            named_parts(&case.formula, parts).and_then(|parts| said(Var::try_stack(&parts, axis(params, 0)?)))
        }
        ("slice" | "index", &[x]) => subscript(&case.formula, x),
        ("tile", &[x]) => naturals(&params["reps"]).and_then(|repeats| said(x.try_tile(&repeats))),
        ("transpose", &[x]) => transpose(params, x),
        ("take", &[x]) => take(params, x),
        ("pad", &[x]) => pad(params, x),
        ("broadcast_to", &[x]) => naturals(&params["shape"]).and_then(|shape| said(x.try_broadcast_to(&shape[..]))),
        ("flip", &[x]) => axes(params, Axes::ALL).and_then(|axes| said(x.try_flip(axes))),
        ("roll", &[x]) => integer(&params["shift"]).and_then(|shift| said(x.try_roll(shift, axis(params, 0)?))),
        ("diag", &[x]) => said(x.try_diag()),
        ("trace", &[x]) => said(x.try_trace()),
        ("tril", &[x]) => said(x.try_tril(params["k"].as_i64().unwrap_or(0) as isize)),
        ("triu", &[x]) => said(x.try_triu(params["k"].as_i64().unwrap_or(0) as isize)),
        ("where", &[x, y]) => mask(tape, params, x).and_then(|mask| said(mask.try_select(x, y))),
        ("where_safe", &[x]) => mask(tape, params, x).map(|mask| mask.select(mask.select(x, 1.0).ln(), 0.0)),
        _ => return None,
    })
}

fn mask<'t>(tape: &'t Tape<f64>, params: &Json, x: V<'t>) -> Built<'t> {
    constant(tape, &params["mask"], x)
}

/// The parts that a formula such as `concat(x,y,x)` names, x being the first input; all of them where it names none.
fn named_parts<'t>(formula: &str, inputs: &[V<'t>]) -> Result<Vec<V<'t>>, String> {
    let Some((_, rest)) = formula.split_once('(') else { return Ok(inputs.to_vec()) };
    let Some((names, _)) = rest.split_once(')') else { return Ok(inputs.to_vec()) };
    let input = |name: &str| {
        let position = ["x", "y", "z", "w"].iter().position(|known| *known == name.trim());
        position.and_then(|i| inputs.get(i)).copied().ok_or_else(|| format!("{formula:?} names {name:?}"))
    };
    names.split(',').map(input).collect()
}

/// A length of -1 is what the others leave.
fn reshape<'t>(params: &Json, x: V<'t>) -> Built<'t> {
    let lengths = integers(&params["shape"])?;
    let known: usize = lengths.iter().filter(|&&n| n >= 0).map(|&n| n as usize).product();
    let length = |&n: &isize| if n < 0 { x.numel() / known.max(1) } else { n as usize };
    said(x.try_reshape(lengths.iter().map(length).collect::<Vec<_>>()))
}

fn transpose<'t>(params: &Json, x: V<'t>) -> Built<'t> {
    let rank = x.rank();
    if params["axes"].is_null() {
        return said(x.try_permute(&(0..rank).rev().collect::<Vec<_>>()));
    }
    let from_end = |i: isize| if i < 0 { i + rank as isize } else { i } as usize;
    said(x.try_permute(&integers(&params["axes"])?.into_iter().map(from_end).collect::<Vec<_>>()))
}

fn take<'t>(params: &Json, x: V<'t>) -> Built<'t> {
    let axis = axis(params, 0)?;
    let length = x.shape().dims()[if axis < 0 { axis + x.rank() as isize } else { axis } as usize];
    let from_end = |i: isize| if i < 0 { i + length as isize } else { i } as usize;
    said(x.try_gather(axis, &integers(&params["indices"])?.into_iter().map(from_end).collect::<Vec<_>>()))
}

fn pad<'t>(params: &Json, x: V<'t>) -> Built<'t> {
    let width = |pair: &Json| match naturals(pair)?[..] {
        [before, after] => Ok((before, after)),
        _ => Err(format!("pad: {pair} is no pair")),
    };
    said(x.try_pad(&list(&params["widths"])?.iter().map(width).collect::<Result<Vec<_>, String>>()?))
}

fn linear<'t>(_: &'t Tape<f64>, case: &Case, x: &[V<'t>]) -> Option<Built<'t>> {
    Some(match (case.op.as_str(), x) {
        ("matmul", &[a, b]) => said(a.try_matmul(b)),
        ("matmul_tn", &[a, b]) => said(a.try_matmul_tn(b)),
        ("matmul_nt", &[a, b]) => said(a.try_matmul_nt(b)),
        ("gram", &[a]) => said(a.try_matmul_nt(a)),
        ("dot", &[u, v]) => said(u.try_dot(v)),
        ("outer", &[u, v]) => said(u.try_outer(v)),
        ("quadform", &[x, a]) => said(x.try_matmul(a)).and_then(|xa| said(xa.try_dot(x))),
        ("trace_prod", &[a, b]) => said(a.try_matmul(b)).and_then(|ab| said(ab.try_trace())),
        ("det", &[a]) => said(a.try_det()),
        ("inv", &[a]) => said(a.try_inv()),
        ("solve", &[a, b]) => said(a.try_solve(b)),
        ("kron", &[a, b]) => said(a.try_kron(b)),
        ("lstsq", &[a, b]) => said(a.try_lstsq(b)),
        ("expm", &[a]) => said(a.try_expm()),
        ("einsum", parts) => text(&case.params["letters"]).and_then(|letters| said(Var::try_einsum(letters, parts))),
        ("affine", &[x, w, b]) => said(x.try_matmul(w)).and_then(|xw| said(xw.try_add(b))),
        _ => return None,
    })
}

fn order<'t>(tape: &'t Tape<f64>, case: &Case, x: &[V<'t>]) -> Option<Built<'t>> {
    let [x] = *x else { return None };
    let params = &case.params;
    if !["sort", "topk", "take_along", "put_along", "cummax", "cummin", "cumlogsumexp"].contains(&case.op.as_str()) {
        return None;
    }
    Some(axis(params, -1).and_then(|axis| {
        let positions = || Ok::<_, String>(tape.data(&nested(&params["positions"])?));
        let count = |key: &str| integer(&params[key]).map(|n| n as usize);
        said(match case.op.as_str() {
            "sort" => x.try_sort(axis),
            "topk" => x.try_topk(count("k")?, axis).map(|(values, _)| values),
            "take_along" => x.try_take_along(positions()?, axis),
            "put_along" => x.try_put_along(positions()?, axis, count("length")?),
            "cummax" => x.try_cummax(axis),
            "cummin" => x.try_cummin(axis),
            _ => x.try_cumlogsumexp(axis),
        })
    }))
}

/// A matrix as a list of rows.
fn nested(value: &Json) -> Result<Tensor<f64>, String> {
    let rows = number_lists(value)?;
    let columns = rows.first().map_or(0, Vec::len);
    Tensor::new([rows.len(), columns], rows.concat()).map_err(|error| error.to_string())
}

/// One number, or one for each of two axes.
fn per_axis(value: &Json, default: usize) -> Result<PerAxis, String> {
    match value {
        Json::Null => Ok(default.into()),
        Json::Array(_) => match naturals(value)?[..] {
            [n] => Ok(n.into()),
            [a, b] => Ok([a, b].into()),
            _ => Err(format!("{value} has numbers for other axes")),
        },
        one => integer(one).map(|n| PerAxis::from(n as usize)),
    }
}

fn sliding<'t>(_: &'t Tape<f64>, case: &Case, x: &[V<'t>]) -> Option<Built<'t>> {
    let params = &case.params;
    let conv = || -> Result<Conv, String> {
        Ok(Conv::new()
            .stride(per_axis(&params["stride"], 1)?)
            .padding(per_axis(&params["padding"], 0)?)
            .dilation(per_axis(&params["dilation"], 1)?)
            .groups(params["groups"].as_u64().unwrap_or(1) as usize))
    };
    let pooling = || -> Result<(Pooling, usize), String> {
        let windows = Pooling::of(per_axis(&params["size"], 1)?).padding(per_axis(&params["padding"], 0)?);
        let axes = naturals(&params["size"])?.len();
        Ok((if params["stride"].is_null() { windows } else { windows.stride(per_axis(&params["stride"], 1)?) }, axes))
    };
    Some(match (case.op.as_str(), x) {
        ("conv", &[x, w]) if x.rank() == 3 => conv().and_then(|how| said(x.try_conv1d(w, how))),
        ("conv", &[x, w]) => conv().and_then(|how| said(x.try_conv2d(w, how))),
        ("max_pool", &[x]) => pooling()
            .and_then(|(how, axes)| said(if axes == 1 { x.try_max_pool1d(how) } else { x.try_max_pool2d(how) })),
        ("avg_pool", &[x]) => pooling()
            .and_then(|(how, axes)| said(if axes == 1 { x.try_avg_pool1d(how) } else { x.try_avg_pool2d(how) })),
        _ => return None,
    })
}

fn composition<'t>(_: &'t Tape<f64>, case: &Case, x: &[V<'t>]) -> Option<Built<'t>> {
    Some(Ok(match (case.op.as_str(), x) {
        ("karpathy_expr", &[x, y]) => x * y + x.sin() * y.tanh(),
        ("rosenbrock", &[x]) => {
            let n = x.numel() as isize;
            let (head, tail) = (x.slice(..n - 1), x.slice(1..));
            ((tail - head.square()).square() * 100.0 + (1.0 - head).square()).sum(())
        }
        ("wengert", &[x, y]) => ((x / y).sin() + x / y - y.exp()) * (x / y - y.exp()),
        ("baydin_survey", &[x, y]) => x.ln() + x * y - y.sin(),
        ("layer_norm", &[x, gain, bias]) => normalised(x, -1) * gain + bias,
        ("batch_norm_train", &[x, gain, bias]) => normalised(x, 0) * gain + bias,
        ("neuron", &[w, x, b]) => (w.dot(x) + b).tanh(),
        ("mlp_scalar", &[x, w1, b1, w2, b2]) => {
            let hidden = (x.matmul(w1) + b1).sigmoid();
            (hidden.matmul(w2) + b2).sigmoid().square().sum(())
        }
        ("attention", &[q, k, v]) => {
            let scale = 1.0 / (q.shape().dims()[1] as f64).sqrt();
            (q.matmul_nt(k) * scale).softmax(-1).matmul(v)
        }
        ("exp_neg_sq", &[x, y]) => (-x.square()).exp() / (1.0 + y.square()),
        ("broadcast_chain", &[x, y, z]) => (x * y + z).mean(0).square().sum(()),
        ("residual", &[x, w]) => (x + x.matmul(w).tanh()).square().sum(()),
        _ => return None,
    }))
}

fn normalised<'t>(x: V<'t>, axis: isize) -> V<'t> {
    (x - x.mean(retrograd::keep(axis))) / (x.var(retrograd::keep(axis), 0) + 1e-5).sqrt()
}

/// A tensor of one element of another's shape.
pub fn nth(tensor: &Tensor<f64>, i: usize) -> Tensor<f64> {
    Tensor::scalar(tensor.as_slice()[i])
}

/// The numbers of a list of arrays, by array.
pub fn number_lists(value: &Json) -> Result<Vec<Vec<f64>>, String> {
    list(value)?.iter().map(numbers).collect()
}
