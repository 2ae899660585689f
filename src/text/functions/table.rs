//! The table of functions that are no elementwise ones: names, parameters in NumPy's order, whether NumPy has it, whether it is a method, and
//! what it does.

use super::*;

macro_rules! functions {
    ($($names:literal ($params:literal) $numpy:literal $method:literal => $run:expr;)*) => {
        pub(super) const FUNCTIONS: &[Function] =
            &[$(Function { names: $names, params: $params, numpy: $numpy, method: $method, run: $run }),*];
    };
}

functions! {
    // Sums and the like, over axes.
    "sum" ("a axis? keepdims?") true true => |m, c| reduced(m, c, counted, |x, axes| x.try_sum(axes), |x, axes| x.try_sum(axes));
    "mean" ("a axis? keepdims?") true true => |m, c| reduced(m, c, fractional, |x, axes| x.try_mean(axes), |x, axes| x.try_mean(axes));
    "prod" ("a axis? keepdims?") true true => |m, c| reduced(m, c, counted, |x, axes| x.try_prod(axes), |x, axes| x.try_prod(axes));
    "max amax" ("a axis? keepdims?") true true => |m, c| {
        no_nan(&c.array(m, "a")?)?;
        reduced(m, c, same, |x, axes| x.try_max(axes), |x, axes| x.try_max(axes))
    };
    "min amin" ("a axis? keepdims?") true true => |m, c| {
        no_nan(&c.array(m, "a")?)?;
        reduced(m, c, same, |x, axes| x.try_min(axes), |x, axes| x.try_min(axes))
    };
    "var" ("a axis? keepdims? ddof?") true true => |m, c| {
        let ddof = c.whole(m, "ddof")?.unwrap_or(0).max(0) as usize;
        reduced(m, c, fractional, |x, axes| x.try_var(axes, ddof), |x, axes| x.try_var(axes, ddof))
    };
    "std" ("a axis? keepdims? ddof?") true true => |m, c| {
        let ddof = c.whole(m, "ddof")?.unwrap_or(0).max(0) as usize;
        reduced(m, c, fractional, |x, axes| x.try_std(axes, ddof), |x, axes| x.try_std(axes, ddof))
    };
    "any" ("a axis? keepdims?") true true => |m, c| {
        let x = c.array(m, "a")?.data.value().map(|x| f64::from(u8::from(x != 0.0)));
        let axes = c.axes(m)?;
        let data = if x.is_empty() { Data::Tensor(x.try_sum(axes)?) } else { Data::Tensor(x.try_max(axes)?) }.settled();
        Ok(m.given(Operand { data, kind: Kind::Bool, python: false }))
    };
    "all" ("a axis? keepdims?") true true => |m, c| {
        let x = c.array(m, "a")?.data.value().map(|x| f64::from(u8::from(x != 0.0)));
        let axes = c.axes(m)?;
        let data = Data::Tensor(x.try_prod(axes)?).settled();
        Ok(m.given(Operand { data, kind: Kind::Bool, python: false }))
    };
    "count_nonzero" ("a axis? keepdims?") true false => |m, c| {
        let x = c.array(m, "a")?.data.value().map(|x| f64::from(u8::from(x != 0.0)));
        let data = Data::Tensor(x.try_sum(c.axes(m)?)?).settled();
        Ok(m.given(Operand { data, kind: Kind::Int, python: false }))
    };
    "logsumexp" ("a axis? keepdims?") false false => |m, c| reduced(m, c, fractional, |x, axes| x.try_logsumexp(axes), |x, axes| x.try_logsumexp(axes));
    "norm1" ("a axis? keepdims?") false false => |m, c| reduced(m, c, fractional, |x, axes| x.try_norm1(axes), |x, axes| x.try_norm1(axes));
    "norm2" ("a axis? keepdims?") false false => |m, c| reduced(m, c, fractional, |x, axes| x.try_norm2(axes), |x, axes| x.try_norm2(axes));
    "norm_inf" ("a axis? keepdims?") false false => |m, c| reduced(m, c, fractional, |x, axes| x.try_norm_inf(axes), |x, axes| x.try_norm_inf(axes));
    "linalg.norm" ("a ord? axis? keepdims?") true false => |m, c| {
        if let Some(ord) = c.get("ord") {
            let rank = c.array(m, "a")?.data.shape().rank();
            let ord = m.operand(ord)?.data.item();
            if rank > 1 && c.get("axis").is_none() || ord != 2.0 && ord != 1.0 && ord != f64::INFINITY {
                return Err(said("of order 1, 2 or inf of a vector, or without an order"));
            }
            if ord == 1.0 {
                return reduced(m, c, fractional, |x, axes| x.try_norm1(axes), |x, axes| x.try_norm1(axes));
            }
            if ord == f64::INFINITY {
                return reduced(m, c, fractional, |x, axes| x.try_norm_inf(axes), |x, axes| x.try_norm_inf(axes));
            }
        }
        reduced(m, c, fractional, |x, axes| x.try_norm2(axes), |x, axes| x.try_norm2(axes))
    };
    "round around" ("a decimals?") true true => |m, c| {
        let (x, decimals) = (c.array(m, "a")?, c.whole(m, "decimals")?.unwrap_or(0));
        if !(-15..=15).contains(&decimals) {
            return Err(said("to between -15 and 15 decimals"));
        }
        if x.kind == Kind::Bool || x.kind == Kind::Int && decimals < 0 {
            return Err(said(format!("of {}, to {decimals} decimals", x.kind.name())));
        }
        if x.kind == Kind::Int {
            return Ok(m.given(Operand { python: false, ..x }));
        }
        m.makes(x.data.shape().numel())?;
        let scale = 10f64.powi(decimals.unsigned_abs() as i32);
        let (first, last) = if decimals < 0 { (Sign::Div, Sign::Mul) } else { (Sign::Mul, Sign::Div) };
        let scale = Operand { data: Data::Number(scale), kind: Kind::Float, python: false };
        let mut x = x;
        if decimals != 0 {
            x = arithmetic(first, &x, &scale)?;
        }
        x.data = unary(UnaryOp::Round(ops::Round), &x.data)?;
        if decimals != 0 {
            x = arithmetic(last, &x, &scale)?;
        }
        Ok(m.given(Operand { python: false, ..x }))
    };
    "argmax" ("a axis?") true true => |m, c| extreme(m, c, true);
    "argmin" ("a axis?") true true => |m, c| extreme(m, c, false);
    "cumsum" ("a axis?") true true => |m, c| {
        let x = c.array(m, "a")?;
        let (x, axis) = match c.axis(m, x.data.shape().rank())? {
            Some(axis) => (x, axis),
            None => (reshaped(&x, &[x.data.shape().numel()])?, 0),
        };
        let kind = counted(x.kind);
        mapped(m, &x, kind, |x| x.try_cumsum(axis), |x| x.try_cumsum(axis))
    };
    "cumprod" ("a axis?") true true => |m, c| {
        let x = c.array(m, "a")?;
        let (x, axis) = match c.axis(m, x.data.shape().rank())? {
            Some(axis) => (x, axis),
            None => (reshaped(&x, &[x.data.shape().numel()])?, 0),
        };
        let kind = counted(x.kind);
        mapped(m, &x, kind, |x| x.try_cumprod(axis), |x| x.try_cumprod(axis))
    };
    "softmax" ("a axis?") false false => |m, c| {
        let (x, axes) = (c.array(m, "a")?, axis_or_last(m, c)?);
        mapped(m, &x, Kind::Float, |x| x.try_softmax(axes), |x| x.try_softmax(axes))
    };
    "log_softmax" ("a axis?") false false => |m, c| {
        let (x, axes) = (c.array(m, "a")?, axis_or_last(m, c)?);
        mapped(m, &x, Kind::Float, |x| x.try_log_softmax(axes), |x| x.try_log_softmax(axes))
    };
    // Products and linear algebra.
    "dot" ("a b") true true => |m, c| {
        let (x, y) = (c.array(m, "a")?, c.array(m, "b")?);
        dot(m, &x, &y)
    };
    "matmul" ("a b") true false => |m, c| {
        let (x, y) = (c.array(m, "a")?, c.array(m, "b")?);
        m.makes(work_of_product(&x.data.shape(), &y.data.shape()))?;
        let result = arithmetic(Sign::MatMul, &x, &y)?;
        Ok(m.given(result))
    };
    "vdot inner" ("a b") true false => |m, c| {
        let (x, y) = (c.array(m, "a")?, c.array(m, "b")?);
        if x.data.shape().rank() != 1 || y.data.shape().rank() != 1 {
            return Err(said("of two vectors"));
        }
        dot(m, &x, &y)
    };
    "outer" ("a b") true false => |m, c| {
        let (x, y) = (c.array(m, "a")?, c.array(m, "b")?);
        let (a, b) = (x.data.shape().numel(), y.data.shape().numel());
        m.makes(a.saturating_mul(b))?;
        let (x, y) = (reshaped(&x, &[a])?, reshaped(&y, &[b])?);
        let kind = x.kind.max(y.kind);
        let data = whole("outer", kind, map2(&x.data, &y.data, |x, y| x.try_outer(y), |x, y| x.try_outer(y))?)?;
        Ok(m.given(Operand { data, kind, python: false }))
    };
    "einsum" ("subscripts a b? c? d?") true false => |m, c| {
        let Some(Value::Text(letters)) = c.get("subscripts").cloned() else { return Err(said("the letters are a text, as \"ij,jk->ik\"")) };
        let all = ["a", "b", "c", "d"].iter().filter_map(|name| c.get(name)).map(|x| m.operand(x)).collect::<Result<Vec<_>>>()?;
        // Axes in another order are a view.
        if let Some((from, to)) = letters.split_once("->")
            && all.len() == 1
            && let Value::Array(array) = c.need("a")?.clone()
        {
            let (from, to) = (from.trim(), to.trim());
            let axes: Option<Vec<usize>> = to.chars().map(|c| from.find(c)).collect();
            let distinct = |word: &str| word.chars().enumerate().all(|(i, c)| word.find(c) == Some(i));
            if let Some(axes) = axes.filter(|axes| {
                axes.len() == from.len() && from.len() == all[0].data.shape().rank() && distinct(from) && distinct(to)
            }) {
                return m.turned(&array, Some(&axes));
            }
        }
        einsum(m, &letters, &all)
    };
    "linalg.inv inv" ("a") true false => |m, c| {
        let x = c.array(m, "a")?;
        m.makes(work_of_product(&x.data.shape(), &x.data.shape()))?;
        mapped(m, &x, Kind::Float, |x| x.try_inv(), |x| x.try_inv())
    };
    "linalg.det det" ("a") true false => |m, c| {
        let x = c.array(m, "a")?;
        m.makes(work_of_product(&x.data.shape(), &x.data.shape()))?;
        mapped(m, &x, Kind::Float, |x| x.try_det(), |x| x.try_det())
    };
    "linalg.cholesky cholesky" ("a") true false => |m, c| {
        let x = c.array(m, "a")?;
        m.makes(work_of_product(&x.data.shape(), &x.data.shape()))?;
        mapped(m, &x, Kind::Float, |x| x.try_cholesky(), |x| x.try_cholesky())
    };
    "linalg.solve solve" ("a b") true false => |m, c| {
        let (x, y) = (c.array(m, "a")?, c.array(m, "b")?);
        m.makes(work_of_product(&x.data.shape(), &x.data.shape()).saturating_add(y.data.shape().numel()))?;
        let data = map2(&x.data, &y.data, |x, y| x.try_solve(y), |x, y| x.try_solve(y))?;
        Ok(m.given(Operand { data, kind: Kind::Float, python: false }))
    };
    "linalg.slogdet slogdet" ("a") true false => |m, c| {
        let x = c.array(m, "a")?;
        m.makes(work_of_product(&x.data.shape(), &x.data.shape()))?;
        let (sign, logarithm) = match &x.data {
            Data::Var(x) => {
                let (sign, logarithm) = x.try_slogdet()?;
                (Data::Var(sign), Data::Var(logarithm))
            }
            other => {
                let (sign, logarithm) = other.value().try_slogdet()?;
                (Data::Tensor(sign).settled(), Data::Tensor(logarithm).settled())
            }
        };
        let both = [sign, logarithm].map(|data| m.given(Operand { data, kind: Kind::Float, python: false }));
        Ok(Value::Tuple(both.into()))
    };
    "trace" ("a") true true => |m, c| {
        let x = c.array(m, "a")?;
        mapped(m, &x, counted(x.kind), |x| x.try_trace(), |x| x.try_trace())
    };
    "diag" ("v") true false => |m, c| {
        let x = c.array(m, "v")?;
        let (shape, n) = (x.data.shape(), x.data.shape().numel());
        if let (Value::Array(array), 2) = (c.need("v")?.clone(), shape.rank()) {
            // The diagonal is a view.
            let mut view = m.state.heap.view(&array);
            view.strides = vec![view.strides[0] + view.strides[1]];
            view.shape = vec![shape[0].min(shape[1])];
            view.fixed = true;
            let made = match &x.data {
                Data::Var(x) => Some(x.try_diag()?),
                _ => None,
            };
            return Ok(m.state.heap.viewed(&array, view, made));
        }
        m.makes(n.saturating_mul(n))?;
        mapped(m, &x, x.kind, |x| x.try_diag(), |x| x.try_diag())
    };
    "tril" ("a k?") true false => |m, c| {
        let (x, k) = (c.array(m, "a")?, c.whole(m, "k")?.unwrap_or(0) as isize);
        mapped(m, &x, x.kind, |x| x.try_tril(k), |x| x.try_tril(k))
    };
    "triu" ("a k?") true false => |m, c| {
        let (x, k) = (c.array(m, "a")?, c.whole(m, "k")?.unwrap_or(0) as isize);
        mapped(m, &x, x.kind, |x| x.try_triu(k), |x| x.try_triu(k))
    };
    // Shapes.
    "reshape" ("a shape") true false => |m, c| {
        let n = c.array(m, "a")?.data.shape().numel();
        let shape = lengths_of(m, c.need("shape")?, n)?;
        let value = c.need("a")?.clone();
        m.reshaped(&value, &shape)
    };
    "ravel" ("a") true true => |m, c| {
        let x = c.array(m, "a")?;
        let n = x.data.shape().numel();
        match c.need("a")?.clone() {
            // A view where the elements stand one behind the other, else a copy.
            Value::Array(array) if m.state.heap.view(&array).is_contiguous() => m.reshaped(&Value::Array(array), &[n]),
            _ => {
                let flat = reshaped(&x, &[n])?;
                Ok(m.heap().array(flat.data, flat.kind))
            }
        }
    };
    "flatten" ("a") false true => |m, c| {
        let x = c.array(m, "a")?;
        let flat = reshaped(&x, &[x.data.shape().numel()])?;
        Ok(m.heap().array(flat.data, flat.kind))
    };
    "squeeze" ("a axis?") true true => |m, c| {
        let shape = c.array(m, "a")?.data.shape();
        let axis = c.axis(m, shape.rank())?;
        if let Some(axis) = axis.filter(|&axis| shape[axis] != 1) {
            return Err(said(format!("axis {axis} is of length {}", shape[axis])));
        }
        let kept: Vec<usize> = shape.iter().enumerate().filter(|&(k, &n)| axis.map_or(n != 1, |axis| axis != k)).map(|(_, &n)| n).collect();
        let value = c.need("a")?.clone();
        m.reshaped(&value, &kept)
    };
    "expand_dims" ("a axis") true false => |m, c| {
        let shape = c.array(m, "a")?.data.shape();
        let axis = c.axis(m, shape.rank() + 1)?.unwrap_or(0);
        let mut new = shape.to_vec();
        new.insert(axis, 1);
        let value = c.need("a")?.clone();
        let Value::Array(array) = &value else { return m.reshaped(&value, &new) };
        let mut view = m.state.heap.view(array);
        view.shape.insert(axis, 1);
        view.strides.insert(axis, 0);
        let made = match m.state.heap.read(array)?.data {
            Data::Var(x) => Some(x.try_reshape(&new[..])?),
            _ => None,
        };
        Ok(m.state.heap.viewed(array, view, made))
    };
    "transpose" ("a axes?") true false => |m, c| {
        let axes = c.get("axes").cloned().map(|axes| wholes(m, &axes, "an axis")).transpose()?;
        match c.need("a")?.clone() {
            Value::Array(array) => {
                let rank = m.state.heap.shape(&array).len() as i64;
                let axes: Option<Vec<usize>> =
                    axes.map(|axes| axes.into_iter().map(|axis| if axis < 0 { axis + rank } else { axis }.max(0) as usize).collect());
                m.turned(&array, axes.as_deref())
            }
            other => {
                let x = m.operand(&other)?;
                let Value::Array(array) = m.heap().array(x.data.clone(), x.kind) else { return Ok(other) };
                m.turned(&array, None)
            }
        }
    };
    "swapaxes" ("a axis1 axis2") true true => |m, c| {
        let (a, b) = (c.whole(m, "axis1")?.unwrap_or(0), c.whole(m, "axis2")?.unwrap_or(0));
        let Value::Array(array) = c.need("a")?.clone() else { return Err(said("of an array")) };
        let rank = m.state.heap.shape(&array).len();
        let mut axes: Vec<usize> = (0..rank).collect();
        axes.swap(axis_of(a, rank)?, axis_of(b, rank)?);
        m.turned(&array, Some(&axes))
    };
    "moveaxis" ("a source destination") true false => |m, c| {
        let (from, to) = (c.whole(m, "source")?.unwrap_or(0), c.whole(m, "destination")?.unwrap_or(0));
        let Value::Array(array) = c.need("a")?.clone() else { return Err(said("of an array")) };
        let rank = m.state.heap.shape(&array).len();
        let (from, to) = (axis_of(from, rank)?, axis_of(to, rank)?);
        let mut axes: Vec<usize> = (0..rank).filter(|&axis| axis != from).collect();
        axes.insert(to, from);
        m.turned(&array, Some(&axes))
    };
    "split" ("a parts axis?") true false => |m, c| {
        let value = match c.need("a")?.clone() {
            Value::Array(array) => Value::Array(array),
            other => {
                let x = m.operand(&other)?;
                m.heap().array(x.data, x.kind)
            }
        };
        let shape = m.operand(&value)?.data.shape();
        let axis = c.axis(m, shape.rank())?.unwrap_or(0);
        let n = *shape.get(axis).ok_or_else(|| said("of a number"))?;
        let parts = c.need("parts")?.clone();
        let is_number = matches!(&parts, Value::Number(_));
        let given = wholes(m, &parts, "parts")?;
        let ends: Vec<i64> = if is_number {
            let count = usize::try_from(given[0]).ok().filter(|&k| k > 0 && n.is_multiple_of(k));
            let count = count.ok_or_else(|| said(format!("{n} elements along axis {axis} are not {} equal parts", given[0])))?;
            (1..=count).map(|k| (k * n / count) as i64).collect()
        } else {
            given.into_iter().chain([n as i64]).collect()
        };
        m.makes_values(ends.len())?;
        let mut from = 0;
        let mut all = Vec::with_capacity(ends.len());
        for to in ends {
            let part = Value::Slice([Some(from), Some(to), None]);
            let index: Vec<Value<'_>> = (0..axis).map(|_| Value::Slice([None; 3])).chain([part]).collect();
            all.push(m.index(&value, &Value::Tuple(index.into()))?);
            from = to;
        }
        Ok(m.heap().list(all))
    };
    "broadcast_to" ("a shape") true false => |m, c| {
        let (x, shape) = (c.array(m, "a")?, Shape::new(&c.shape(m, "shape")?)?);
        m.makes(shape.numel())?;
        let own = x.data.shape();
        if !own.broadcasts_to(&shape) {
            return Err(Error::shape(format!("shape {own} does not stretch to {shape}")));
        }
        let array = match c.need("a")?.clone() {
            Value::Array(array) => array,
            _ => match m.heap().array(x.data.clone(), x.kind) {
                Value::Array(array) => array,
                _ => return Err(said("of an array")),
            },
        };
        let mut view = m.state.heap.view(&array);
        let added = shape.rank() - own.rank();
        let stretched = |axis: usize| if axis < added || own[axis - added] != shape[axis] { 0 } else { view.strides[axis - added] };
        view.strides = (0..shape.rank()).map(stretched).collect();
        view.shape = shape.to_vec();
        view.fixed = true;
        let made = match &x.data {
            Data::Var(x) => Some(x.try_broadcast_to(&shape)?),
            _ => None,
        };
        Ok(m.state.heap.viewed(&array, view, made))
    };
    "concatenate concat" ("arrays axis?") true false => |m, c| {
        let (mut all, kind) = arrays(m, c.need("arrays")?)?;
        if all.iter().any(|x| x.data.shape().rank() == 0) {
            return Err(said("a number is joined to nothing; write [x]"));
        }
        let axis = if c.get("axis").is_none() && matches!(c.values.get(1), Some((_, Some(Value::None)))) {
            for x in &mut all {
                *x = reshaped(x, &[x.data.shape().numel()])?;
            }
            0
        } else {
            c.whole(m, "axis")?.unwrap_or(0) as isize
        };
        let data = joined(&all, |all| Tensor::try_concat(all, axis), |all| Var::try_concat(all, axis))?;
        Ok(m.given(Operand { data, kind, python: false }))
    };
    "stack" ("arrays axis?") true false => |m, c| {
        let axis = c.whole(m, "axis")?.unwrap_or(0) as isize;
        let (all, kind) = arrays(m, c.need("arrays")?)?;
        let data = joined(&all, |all| Tensor::try_stack(all, axis), |all| Var::try_stack(all, axis))?;
        Ok(m.given(Operand { data, kind, python: false }))
    };
    "vstack" ("arrays") true false => |m, c| {
        let (mut all, kind) = arrays(m, c.need("arrays")?)?;
        for x in &mut all {
            let shape = x.data.shape();
            if shape.rank() < 2 {
                *x = reshaped(x, &[1, shape.numel()])?;
            }
        }
        let data = joined(&all, |all| Tensor::try_concat(all, 0), |all| Var::try_concat(all, 0))?;
        Ok(m.given(Operand { data, kind, python: false }))
    };
    "hstack" ("arrays") true false => |m, c| {
        let (mut all, kind) = arrays(m, c.need("arrays")?)?;
        for x in &mut all {
            if x.data.shape().rank() == 0 {
                *x = reshaped(x, &[1])?;
            }
        }
        let axis = if all[0].data.shape().rank() == 1 { 0 } else { 1 };
        let data = joined(&all, |all| Tensor::try_concat(all, axis), |all| Var::try_concat(all, axis))?;
        Ok(m.given(Operand { data, kind, python: false }))
    };
    "column_stack" ("arrays") true false => |m, c| {
        let (mut all, kind) = arrays(m, c.need("arrays")?)?;
        for x in &mut all {
            let shape = x.data.shape();
            if shape.rank() < 2 {
                *x = reshaped(x, &[shape.numel(), 1])?;
            }
        }
        let data = joined(&all, |all| Tensor::try_concat(all, 1), |all| Var::try_concat(all, 1))?;
        Ok(m.given(Operand { data, kind, python: false }))
    };
    "repeat" ("a repeats axis?") true true => |m, c| {
        let (x, times) = (c.array(m, "a")?, wholes(m, c.need("repeats")?, "repeats")?);
        let (x, axis) = match c.axis(m, x.data.shape().rank())? {
            Some(axis) => (x, axis),
            None => (reshaped(&x, &[x.data.shape().numel()])?, 0),
        };
        let n = x.data.shape()[axis];
        if times.iter().any(|&t| t < 0) || times.len() != 1 && times.len() != n {
            return Err(said(format!("{} counts for {n} elements", times.len())));
        }
        let total = (0..n).map(|i| times[i.min(times.len() - 1)] as usize).fold(0usize, usize::saturating_add);
        m.makes(total.saturating_mul(x.data.shape().numel() / n.max(1)))?;
        let from: Vec<usize> = (0..n).flat_map(|i| std::iter::repeat_n(i, times[i.min(times.len() - 1)] as usize)).collect();
        let axis = axis as isize;
        mapped(m, &x, x.kind, |x| x.try_gather(axis, &from), |x| x.try_gather(axis, &from))
    };
    "tile" ("a reps") true false => |m, c| {
        let (x, times) = (c.array(m, "a")?, c.shape(m, "reps")?);
        let shape = x.data.shape();
        let rank = shape.rank().max(times.len());
        let padded = |all: &[usize]| [vec![1; rank - all.len()], all.to_vec()].concat();
        let (own, times) = (padded(&shape), padded(&times));
        m.makes(own.iter().chain(&times).fold(1usize, |n, &l| n.saturating_mul(l)))?;
        let mut x = reshaped(&x, &own)?;
        for axis in (0..rank).filter(|&axis| times[axis] != 1) {
            let from: Vec<usize> = (0..times[axis]).flat_map(|_| 0..own[axis]).collect();
            x.data = map1(&x.data, |x| x.try_gather(axis as isize, &from), |x| x.try_gather(axis as isize, &from))?;
        }
        Ok(m.given(Operand { python: false, ..x }))
    };
    "flip" ("a axis?") true false => |m, c| {
        let (x, axes) = (c.array(m, "a")?, c.axes(m)?);
        let Value::Array(array) = c.need("a")?.clone() else {
            return mapped(m, &x, x.kind, |x| x.try_flip(axes.clone()), |x| x.try_flip(axes.clone()));
        };
        let turned = axes.mask("flip", &x.data.shape())?;
        let mut view = m.state.heap.view(&array);
        for axis in (0..view.shape.len()).filter(|&axis| turned.contains(axis) && view.shape[axis] > 0) {
            view.offset = (view.offset as isize + (view.shape[axis] as isize - 1) * view.strides[axis]) as usize;
            view.strides[axis] = -view.strides[axis];
        }
        let made = match &x.data {
            Data::Var(x) => Some(x.try_flip(axes.clone())?),
            _ => None,
        };
        Ok(m.state.heap.viewed(&array, view, made))
    };
    "roll" ("a shift axis?") true false => |m, c| {
        let (x, shift) = (c.array(m, "a")?, c.whole(m, "shift")?.unwrap_or(0) as isize);
        let shape = x.data.shape();
        match c.axis(m, shape.rank())? {
            Some(axis) => mapped(m, &x, x.kind, |x| x.try_roll(shift, axis as isize), |x| x.try_roll(shift, axis as isize)),
            None => {
                let flat = reshaped(&x, &[shape.numel()])?;
                let rolled = map1(&flat.data, |x| x.try_roll(shift, 0), |x| x.try_roll(shift, 0))?;
                let result = reshaped(&Operand { data: rolled, ..flat }, &shape)?;
                Ok(m.given(Operand { python: false, ..result }))
            }
        }
    };
    // New arrays.
    "array" ("object dtype?") true false => |m, c| {
        let (value, kind) = (c.need("object")?.clone(), c.kind()?);
        let x = m.operand(&value)?;
        fresh(m, &x, kind.unwrap_or(x.kind))
    };
    "asarray" ("a dtype?") true false => |m, c| {
        let (value, kind) = (c.need("a")?.clone(), c.kind()?);
        let x = m.operand(&value)?;
        match &value {
            Value::Array(_) if kind.is_none_or(|kind| kind == x.kind) => Ok(value),
            _ => fresh(m, &x, kind.unwrap_or(x.kind)),
        }
    };
    "copy" ("a") true true => |m, c| {
        let x = c.array(m, "a")?;
        fresh(m, &x, x.kind)
    };
    "astype" ("a dtype") false true => |m, c| {
        let (x, kind) = (c.array(m, "a")?, c.kind()?.ok_or_else(|| said("dtype is missing"))?);
        m.makes(x.data.shape().numel())?;
        let data = converted(&x, kind)?;
        Ok(m.given(Operand { data, kind, python: false }))
    };
    "zeros empty" ("shape dtype?") true false => |m, c| {
        let (shape, kind) = (c.shape(m, "shape")?, c.kind()?.unwrap_or(Kind::Float));
        full(m, &shape, 0.0, kind)
    };
    "ones" ("shape dtype?") true false => |m, c| {
        let (shape, kind) = (c.shape(m, "shape")?, c.kind()?.unwrap_or(Kind::Float));
        full(m, &shape, 1.0, kind)
    };
    "full" ("shape fill_value dtype?") true false => |m, c| {
        let (shape, x) = (c.shape(m, "shape")?, c.array(m, "fill_value")?);
        let kind = c.kind()?.unwrap_or(x.kind);
        let shape = Shape::new(&shape)?;
        m.makes(shape.numel())?;
        let data = map1(&converted(&x, kind)?, |x| x.try_broadcast_to(&shape), |x| x.try_broadcast_to(&shape))?;
        Ok(m.heap().array(data, kind))
    };
    "zeros_like" ("a dtype?") true false => |m, c| {
        let (x, kind) = (c.array(m, "a")?, c.kind()?);
        full(m, &x.data.shape(), 0.0, kind.unwrap_or(x.kind))
    };
    "ones_like" ("a dtype?") true false => |m, c| {
        let (x, kind) = (c.array(m, "a")?, c.kind()?);
        full(m, &x.data.shape(), 1.0, kind.unwrap_or(x.kind))
    };
    "full_like" ("a fill_value") true false => |m, c| {
        let (x, value) = (c.array(m, "a")?, c.array(m, "fill_value")?);
        let value = converted(&value, x.kind)?.item();
        full(m, &x.data.shape(), value, x.kind)
    };
    "eye identity" ("n m?") true false => |m, c| {
        let n = c.whole(m, "n")?.unwrap_or(0).max(0) as usize;
        let columns = c.whole(m, "m")?.map_or(n, |k| k.max(0) as usize);
        m.makes(n.saturating_mul(columns))?;
        let x = Tensor::from_fn([n, columns], |at| f64::from(u8::from(at[0] == at[1])));
        Ok(m.heap().array(Data::Tensor(x), Kind::Float))
    };
    "arange" ("start stop? step?") true false => |m, c| {
        let start = c.array(m, "start")?;
        let (from, to) = match c.get("stop") {
            None => (Operand { data: Data::Number(0.0), kind: Kind::Int, python: true }, start),
            Some(stop) => (start, m.operand(stop)?),
        };
        let step = c.get("step").map(|step| m.operand(step)).transpose()?;
        let kind = from.kind.max(to.kind).max(step.as_ref().map_or(Kind::Int, |step| step.kind));
        let step = step.map_or(1.0, |step| step.data.item());
        if step == 0.0 || !step.is_finite() {
            return Err(said("the step is 0"));
        }
        let count = ((to.data.item() - from.data.item()) / step).ceil().max(0.0);
        m.makes(if count < 1e15 { count as usize } else { usize::MAX })?;
        let first = from.data.item();
        let values: Vec<f64> = (0..count as usize).map(|i| first + i as f64 * step).collect();
        Ok(m.heap().array(Data::Tensor(Tensor::from(values)), kind))
    };
    "linspace" ("start stop num?") true false => |m, c| {
        let (from, to) = (c.array(m, "start")?.data.item(), c.array(m, "stop")?.data.item());
        let n = c.whole(m, "num")?.unwrap_or(50);
        let n = usize::try_from(n).map_err(|_| said("num is below 0"))?;
        m.makes(n)?;
        let step = (to - from) / (n.max(2) - 1) as f64;
        let values: Vec<f64> = (0..n).map(|i| if i > 0 && i + 1 == n { to } else { from + i as f64 * step }).collect();
        Ok(m.heap().array(Data::Tensor(Tensor::from(values)), Kind::Float))
    };
    // Choices and elements.
    "where" ("condition x? y?") true false => |m, c| {
        let condition = c.array(m, "condition")?;
        if c.get("x").is_none() && c.get("y").is_none() {
            return places(m, &condition);
        }
        let (Some(x), Some(y)) = (c.get("x").cloned(), c.get("y").cloned()) else {
            return Err(said("x and y are missing: where(condition, x, y)"));
        };
        let (x, y) = (m.operand(&x)?, m.operand(&y)?);
        let shape = Shape::broadcast("where", &condition.data.shape(), &x.data.shape())?;
        let shape = Shape::broadcast("where", &shape, &y.data.shape())?;
        m.makes(shape.numel())?;
        let condition = match &condition.data {
            Data::Var(_) if condition.kind == Kind::Bool => condition.data.clone(),
            other => Data::Tensor(other.value().map(|x| f64::from(u8::from(x != 0.0)))),
        };
        let tape = [&condition, &x.data, &y.data].into_iter().find_map(|x| match x {
            Data::Var(var) => Some(var.home()),
            _ => None,
        });
        let data = match tape {
            Some(tape) => Data::Var(condition.var(tape).try_select(x.data.var(tape), y.data.var(tape))?),
            None => Data::Tensor(condition.value().try_select(x.data.value(), y.data.value())?).settled(),
        };
        Ok(m.heap().array(data, x.kind.max(y.kind)))
    };
    "clip" ("a a_min? a_max?") true true => |m, c| {
        let mut x = c.array(m, "a")?;
        let shape = x.data.shape();
        if x.data.is_recorded()
            && let (Some(lo), Some(hi)) = (c.get("a_min"), c.get("a_max"))
            && let (Data::Number(lo), Data::Number(hi)) = (m.operand(lo)?.data, m.operand(hi)?.data)
        {
            let data = unary(UnaryOp::Clamp(elementwise::Clamp { lo, hi }), &x.data)?;
            return Ok(m.given(Operand { data, kind: x.kind, python: false }));
        }
        m.makes(shape.numel())?;
        for (param, op) in [("a_min", BinaryOp::Maximum(ops::Maximum)), ("a_max", BinaryOp::Minimum(ops::Minimum))] {
            if let Some(bound) = c.get(param) {
                let bound = m.operand(bound)?;
                x.kind = x.kind.max(bound.kind);
                x.data = binary(op, &x.data, &bound.data)?;
            }
        }
        Ok(m.given(Operand { python: false, ..x }))
    };
    "pick" ("p labels") false false => |m, c| {
        let x = c.array(m, "p")?;
        let labels: Vec<usize> = c.array(m, "labels")?.data.value().iter().map(|&i| i as usize).collect();
        mapped(m, &x, x.kind, |x| x.try_pick(&labels), |x| x.try_pick(&labels))
    };
    "gather" ("a axis indices") false false => |m, c| {
        let x = c.array(m, "a")?;
        let axis = c.axis(m, x.data.shape().rank())?.unwrap_or(0) as isize;
        let indices = c.array(m, "indices")?;
        if indices.data.value().iter().any(|&i| i < 0.0 || i.fract() != 0.0) {
            return Err(said("indices are whole numbers from 0 on"));
        }
        let indices: Vec<usize> = indices.data.value().iter().map(|&i| i as usize).collect();
        m.makes(indices.len().saturating_mul(x.data.shape().numel()))?;
        mapped(m, &x, x.kind, |x| x.try_gather(axis, &indices), |x| x.try_gather(axis, &indices))
    };
    "take" ("a indices axis?") true true => |m, c| {
        let index = c.need("indices")?.clone();
        let x = c.array(m, "a")?;
        match c.axis(m, x.data.shape().rank())? {
            None => {
                let flat = reshaped(&x, &[x.data.shape().numel()])?;
                let flat = m.heap().array(flat.data, flat.kind);
                m.index(&flat, &index)
            }
            Some(axis) => {
                let all = (0..axis).map(|_| Value::Slice([None; 3])).chain([index]);
                let value = c.need("a")?.clone();
                m.index(&value, &Value::Tuple(all.collect()))
            }
        }
    };
    "add.at" ("a indices b") true false => |m, c| at(m, c, Sign::Add);
    "subtract.at" ("a indices b") true false => |m, c| at(m, c, Sign::Sub);
    "nonzero" ("a") true true => |m, c| {
        let x = c.array(m, "a")?;
        places(m, &x)
    };
    "argsort" ("a axis?") true true => |m, c| {
        let x = c.array(m, "a")?.data.value();
        if x.shape().rank() != 1 {
            return Err(said(format!("of a vector; this has shape {}", x.shape())));
        }
        no_nan(&c.array(m, "a")?)?;
        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_by(|&i, &j| x.as_slice()[i].total_cmp(&x.as_slice()[j]));
        // NumPy sorts few elements by insertion, which keeps the order of equal ones; of more that is not known.
        if x.len() > 16 && order.windows(2).any(|pair| x.as_slice()[pair[0]] == x.as_slice()[pair[1]]) {
            return Err(said("of equal elements, whose order NumPy does not say"));
        }
        let order: Vec<f64> = order.into_iter().map(|i| i as f64).collect();
        Ok(m.heap().array(Data::Tensor(Tensor::from(order)), Kind::Int))
    };
    "isfinite" ("x") true false => |m, c| tested(m, c, f64::is_finite);
    "isnan" ("x") true false => |m, c| tested(m, c, f64::is_nan);
    "isinf" ("x") true false => |m, c| tested(m, c, f64::is_infinite);
    "logical_not" ("x") true false => |m, c| tested(m, c, |x| x == 0.0);
    "logical_and" ("x y") true false => |m, c| logical(m, c, |x, y| x && y);
    "logical_or" ("x y") true false => |m, c| logical(m, c, |x, y| x || y);
    "logical_xor" ("x y") true false => |m, c| logical(m, c, |x, y| x != y);
    "shape" ("a") true false => |m, c| {
        let x = c.array(m, "a")?;
        Ok(Value::Tuple(x.data.shape().iter().map(|&n| whole_number(n as i64)).collect()))
    };
    "size" ("a axis?") true false => |m, c| {
        let x = c.array(m, "a")?;
        let axis = c.axis(m, x.data.shape().rank())?;
        Ok(whole_number(axis.map_or(x.data.shape().numel(), |axis| x.data.shape()[axis]) as i64))
    };
    "ndim" ("a") true false => |m, c| Ok(whole_number(c.array(m, "a")?.data.shape().rank() as i64));
    "allclose" ("a b rtol? atol?") true false => |m, c| {
        let near = near(m, c)?;
        Ok(truth(near.iter().all(|&x| x != 0.0)))
    };
    "isclose" ("a b rtol? atol?") true false => |m, c| {
        let data = Data::Tensor(near(m, c)?).settled();
        Ok(m.given(Operand { data, kind: Kind::Bool, python: false }))
    };
    "array_equal" ("a1 a2") true false => |m, c| {
        let (x, y) = (c.array(m, "a1")?.data.value(), c.array(m, "a2")?.data.value());
        Ok(truth(x.shape() == y.shape() && x.iter().zip(y.iter()).all(|(x, y)| x == y)))
    };
    "mod remainder" ("x1 x2") true false => |m, c| {
        let (x, y) = (c.array(m, "x1")?, c.array(m, "x2")?);
        let shape = Shape::broadcast(c.name, &x.data.shape(), &y.data.shape())?;
        m.makes(shape.numel())?;
        let result = arithmetic(Sign::Mod, &x, &y)?;
        Ok(m.given(Operand { python: false, ..result }))
    };
}
