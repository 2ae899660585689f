//! Elements, parts and attributes of values: what stands in brackets and behind a point.

use super::number::{Data, Kind, Operand};
use super::run::{Machine, fits};
use super::value::{Array, Value, View};
use crate::error::{Error, Result};
use crate::tape::Var;
use crate::tensor::{Shape, Span, Tensor};
use std::rc::Rc;

/// One part of an index.
enum Part {
    One(i64),
    Span([Option<i64>; 3]),
    New,
    Ellipsis,
    /// Whole numbers, in a shape.
    Places(Vec<i64>, Vec<usize>),
}

/// Which elements an index takes.
enum Taken {
    View(View, Vec<Span>),
    /// Where each is, and the shape of all.
    Places(Vec<usize>, Vec<usize>),
}

fn said(what: impl Into<String>) -> Error {
    Error::argument(what)
}

/// The place of an index that may count from the end.
fn place(i: i64, n: usize, axis: usize) -> Result<usize> {
    let at = if i < 0 { i + n as i64 } else { i };
    if at < 0 || at >= n as i64 {
        return Err(said(format!("index {i} is out of range for axis {axis} of length {n}")));
    }
    Ok(at as usize)
}

/// Start, count and step of a slice of an axis of length n.
pub(super) fn resolved([start, end, step]: [Option<i64>; 3], n: usize) -> Result<(usize, usize, isize)> {
    let (n, step) = (n as i64, step.unwrap_or(1));
    if step == 0 {
        return Err(said("the step of a slice is 0"));
    }
    let clamp = |i: i64, lo: i64, hi: i64| (if i < 0 { i + n } else { i }).clamp(lo, hi);
    let (from, to) = if step > 0 {
        (start.map_or(0, |i| clamp(i, 0, n)), end.map_or(n, |i| clamp(i, 0, n)))
    } else {
        (start.map_or(n - 1, |i| clamp(i, -1, n - 1)), end.map_or(-1, |i| clamp(i, -1, n - 1)))
    };
    let count =
        if step > 0 { (to - from + step - 1).div_euclid(step) } else { (from - to - step - 1).div_euclid(-step) };
    Ok((from.max(0) as usize, count.max(0) as usize, step as isize))
}

impl<'t> Machine<'t, '_> {
    /// A value in words.
    pub fn what(&self, value: &Value<'t>) -> String {
        match value {
            Value::None => "None".into(),
            Value::Number(_) => "a number".into(),
            Value::Array(array) => {
                let shape = self.state.heap.shape(array);
                Shape::new(&shape).map_or("an array".into(), |shape| format!("an array of shape {shape}"))
            }
            Value::Text(_) => "a text".into(),
            Value::Tuple(_) => "a tuple".into(),
            Value::List(_) => "a list".into(),
            Value::Range(..) => "a range".into(),
            Value::Slice(_) => "a slice".into(),
            Value::Ellipsis => "...".into(),
            Value::Unset => "a name without a value".into(),
            Value::Function(def, _) => format!("the function {}", def.name),
            Value::Builtin(name) => format!("the function {name}"),
            Value::Method(method) => format!("the method {}", method.1),
        }
    }

    /// A whole number.
    pub fn whole(&self, value: &Value<'t>, what: &str) -> Result<i64> {
        let x = match value {
            Value::Number(x) => x.clone(),
            Value::Array(array) if self.state.heap.shape(array).is_empty() => self.state.heap.read(array)?,
            other => return Err(said(format!("{what}: {} is no whole number", self.what(other)))),
        };
        match x.kind {
            Kind::Float => Err(said(format!("{what}: {} is no whole number; write int(..)", x.data.item()))),
            _ => Ok(x.data.item() as i64),
        }
    }

    /// A value as a number or array.
    pub fn operand(&self, value: &Value<'t>) -> Result<Operand<'t>> {
        match value {
            Value::Number(x) => Ok(x.clone()),
            Value::Array(array) => {
                // What a view shows is copied.
                self.makes(array.view.as_ref().map_or(0, |view| view.numel()))?;
                self.state.heap.read(array)
            }
            Value::List(_) | Value::Tuple(_) | Value::Range(..) => self.stacked(value, 0),
            other => Err(said(format!("{} is no number and no array", self.what(other)))),
        }
    }

    /// An array of a list of numbers, arrays or lists.
    fn stacked(&self, value: &Value<'t>, depth: usize) -> Result<Operand<'t>> {
        if depth > Shape::MAX_RANK {
            return Err(said("lists stand too deep in each other"));
        }
        let all = self.elements_of(value)?;
        if all.is_empty() {
            let data = Data::Tensor(Tensor::zeros([0]));
            return Ok(Operand { data, kind: Kind::Float, python: false });
        }
        let parts = all
            .iter()
            .map(|x| match x {
                Value::List(_) | Value::Tuple(_) | Value::Range(..) => self.stacked(x, depth + 1),
                other => self.operand(other),
            })
            .collect::<Result<Vec<_>>>()?;
        // What each part takes beside its numbers.
        self.makes(parts.len().saturating_mul(4 * size_of::<Operand<'_>>() / size_of::<f64>()))?;
        let shape = parts[0].data.shape();
        if let Some(other) = parts.iter().find(|part| part.data.shape() != shape) {
            return Err(Error::shape(format!(
                "a list has parts of shapes {shape} and {}; arrays are rectangular",
                other.data.shape()
            )));
        }
        let kind = parts.iter().map(|part| part.kind).max().unwrap_or(Kind::Float);
        let recorded = parts.iter().find_map(|part| match part.data {
            Data::Var(var) => Some(var.home()),
            _ => None,
        });
        let data = match recorded {
            Some(tape) => {
                let vars: Vec<Var<'t, f64>> = parts.iter().map(|part| part.data.var(tape)).collect();
                Data::Var(Var::try_stack(&vars, 0)?)
            }
            None => {
                let mut lengths = vec![parts.len()];
                lengths.extend(shape.iter());
                self.makes(parts.len().saturating_mul(shape.numel()))?;
                let mut values = Vec::with_capacity(parts.len() * shape.numel());
                parts.iter().for_each(|part| match &part.data {
                    Data::Number(x) => values.push(*x),
                    other => values.extend_from_slice(other.value().as_slice()),
                });
                Data::Tensor(Tensor::new(&lengths[..], values)?)
            }
        };
        Ok(Operand { data, kind, python: false })
    }

    /// What a loop goes over.
    pub fn elements_of(&self, value: &Value<'t>) -> Result<Vec<Value<'t>>> {
        Ok(match value {
            Value::Tuple(_) | Value::List(_) => {
                let all = self.held(value);
                self.makes_values(all.len())?;
                all.to_vec()
            }
            &Value::Range(from, to, step) => {
                let count = if step > 0 {
                    (to - from + step - 1).div_euclid(step)
                } else {
                    (from - to - step - 1).div_euclid(-step)
                };
                if count > self.options.steps as i64 {
                    return Err(said("the range is longer than there may be steps"));
                }
                self.makes_values(count.max(0) as usize)?;
                (0..count.max(0)).map(|i| whole_number(from + i * step)).collect()
            }
            Value::Array(array) => {
                let view = self.state.heap.view(array);
                let Some(&n) = view.shape.first() else {
                    return Err(said("an array of no axes has no elements to go over"));
                };
                self.makes_values(n)?;
                (0..n as i64).map(|i| self.element_of(value, &whole_number(i))).collect::<Result<_>>()?
            }
            other => return Err(said(format!("{} has no elements to go over", self.what(other)))),
        })
    }

    /// What a list or a tuple holds.
    pub fn held<'a>(&'a self, value: &'a Value<'t>) -> &'a [Value<'t>] {
        match value {
            Value::Tuple(all) => all,
            Value::List(list) => self.state.heap.elements(*list),
            _ => &[],
        }
    }

    /// `value[index]`.
    pub fn index(&mut self, value: &Value<'t>, index: &Value<'t>) -> Result<Value<'t>> {
        if let (Value::List(_) | Value::Tuple(_), Value::Slice(slice)) = (value, index) {
            return self.part_of_list(value, *slice);
        }
        match self.element_of(value, index)? {
            // Elements that were picked are a new array.
            Value::Number(x) => {
                self.makes(x.data.shape().numel())?;
                Ok(self.given(x))
            }
            other => Ok(other),
        }
    }

    /// The same, where a copy is not in memory yet.
    fn element_of(&self, value: &Value<'t>, index: &Value<'t>) -> Result<Value<'t>> {
        match value {
            Value::Array(array) => self.element(array, index),
            Value::List(_) | Value::Tuple(_) => {
                let all = self.held(value);
                let i = self.whole(index, "an index")?;
                let at = place(i, all.len(), 0).map_err(|_| {
                    said(format!("index {i} is out of range for {} of length {}", self.what(value), all.len()))
                })?;
                Ok(all[at].clone())
            }
            other => Err(said(format!("{} has no elements", self.what(other)))),
        }
    }

    /// A slice of a list or tuple is a new one.
    pub fn part_of_list(&mut self, value: &Value<'t>, slice: [Option<i64>; 3]) -> Result<Value<'t>> {
        let all = self.held(value);
        let (from, count, step) = resolved(slice, all.len())?;
        self.makes_values(count)?;
        let part: Vec<Value<'t>> =
            (0..count).map(|i| all[(from as isize + i as isize * step) as usize].clone()).collect();
        Ok(match value {
            Value::List(_) => self.heap().list(part),
            _ => Value::Tuple(part.into()),
        })
    }

    fn parts(&self, index: &Value<'t>) -> Result<Vec<Part>> {
        let one = |value: &Value<'t>| -> Result<Vec<Part>> {
            Ok(vec![match value {
                Value::Slice(slice) => Part::Span(*slice),
                Value::None => Part::New,
                Value::Ellipsis => Part::Ellipsis,
                Value::Number(x) if x.kind == Kind::Bool => {
                    return Err(said("a boolean is no index; an array of booleans is a mask"));
                }
                Value::Number(_) => Part::One(self.whole(value, "an index")?),
                Value::Array(_) | Value::List(_) | Value::Range(..) => {
                    let x = self.operand(value)?;
                    let (values, shape) = (x.data.value(), x.data.shape());
                    match x.kind {
                        Kind::Bool if shape.rank() > 0 => {
                            // A mask is the places where it is true, axis by axis.
                            let strides = View::whole(shape.dims()).strides;
                            let there: Vec<usize> =
                                (0..values.len()).filter(|&at| values.as_slice()[at] != 0.0).collect();
                            return Ok((0..shape.rank())
                                .map(|axis| {
                                    let along = |&at: &usize| (at / strides[axis] as usize % shape[axis]) as i64;
                                    Part::Places(there.iter().map(along).collect(), vec![there.len()])
                                })
                                .collect());
                        }
                        Kind::Int => Part::Places(values.iter().map(|&i| i as i64).collect(), shape.to_vec()),
                        _ if values.is_empty() => Part::Places(vec![], shape.to_vec()),
                        _ => return Err(said("indices are whole numbers; write .astype(int)")),
                    }
                }
                other => return Err(said(format!("{} is no index", self.what(other)))),
            }])
        };
        match index {
            Value::Tuple(all) => Ok(all.iter().map(one).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect()),
            other => one(other),
        }
    }

    /// Checks that masks have the lengths of their axes.
    fn check_masks(&self, shape: &[usize], index: &Value<'t>) -> Result<()> {
        let all = match index {
            Value::Tuple(all) => all.to_vec(),
            other => vec![other.clone()],
        };
        if all.iter().any(|value| matches!(value, Value::Ellipsis)) {
            return Ok(());
        }
        let mut axis = 0;
        for value in &all {
            match value {
                Value::None => {}
                Value::Array(_) | Value::List(_) => {
                    let x = self.operand(value)?;
                    let own = x.data.shape();
                    if x.kind != Kind::Bool {
                        axis += 1;
                        continue;
                    }
                    for (i, &n) in own.iter().enumerate() {
                        if shape.get(axis + i) != Some(&n) {
                            let all = Shape::new(shape)?;
                            return Err(Error::shape(format!(
                                "a mask of shape {own} does not fit an array of shape {all}"
                            )));
                        }
                    }
                    axis += own.rank();
                }
                _ => axis += 1,
            }
        }
        Ok(())
    }

    fn taken(&self, array: &Array<'t>, index: &Value<'t>) -> Result<Taken> {
        let view = self.state.heap.view(array);
        self.check_masks(&view.shape, index)?;
        let mut parts = self.parts(index)?;
        let rank = view.shape.len();
        let used = parts.iter().filter(|part| !matches!(part, Part::New | Part::Ellipsis)).count();
        if used > rank {
            return Err(said(format!("{used} indices for an array of shape {}", Shape::new(&view.shape)?)));
        }
        let all = || Part::Span([None; 3]);
        match parts.iter().position(|part| matches!(part, Part::Ellipsis)) {
            Some(at) => {
                parts.splice(at..=at, (used..rank).map(|_| all()));
                if parts.iter().any(|part| matches!(part, Part::Ellipsis)) {
                    return Err(said("... stands twice in an index"));
                }
            }
            None => parts.extend((used..rank).map(|_| all())),
        }
        if parts.iter().any(|part| matches!(part, Part::Places(..))) {
            return self.places(&view, &parts);
        }
        let mut new = View { shape: vec![], strides: vec![], offset: view.offset, fixed: view.fixed };
        let mut spans = Vec::new();
        let mut axis = 0;
        for part in &parts {
            match part {
                Part::New => {
                    new.shape.push(1);
                    new.strides.push(0);
                    continue;
                }
                Part::One(i) => {
                    let at = place(*i, view.shape[axis], axis)?;
                    new.offset = (new.offset as isize + at as isize * view.strides[axis]) as usize;
                    spans.push(Span::from(at));
                }
                Part::Span(slice) => {
                    let (from, count, step) = resolved(*slice, view.shape[axis])?;
                    if count > 0 {
                        new.offset = (new.offset as isize + from as isize * view.strides[axis]) as usize;
                    }
                    new.shape.push(count);
                    new.strides.push(view.strides[axis] * step);
                    let to = from as isize + count as isize * step;
                    spans.push(match step {
                        _ if count == 0 => Span::from(0..0usize),
                        1 => Span::from(from..from + count),
                        step if step > 0 => Span::from(from as isize..to.min(view.shape[axis] as isize)).step(step),
                        // Handled by places.
                        _ => Span::from(..),
                    });
                }
                Part::Ellipsis | Part::Places(..) => {}
            }
            axis += 1;
        }
        Ok(Taken::View(new, spans))
    }

    /// Arrays of whole numbers among the indices: they are stretched to one shape, and taken together.
    fn places(&self, view: &View, parts: &[Part]) -> Result<Taken> {
        let mut common = Shape::scalar();
        for part in parts {
            if let Part::Places(_, shape) = part {
                common = Shape::broadcast("index", &common, &Shape::new(shape)?)?;
            }
        }
        let picks = |part: &Part| matches!(part, Part::Places(..) | Part::One(_));
        let first = parts.iter().position(picks).unwrap_or(0);
        let last = parts.iter().rposition(picks).unwrap_or(0);
        let together = parts[first..=last].iter().all(picks);
        // Offsets by the axes of the result: those before the picked ones, the picked ones, those behind.
        let mut picked = vec![view.offset as isize; common.numel()];
        let (mut before, mut behind): (Vec<Vec<isize>>, Vec<Vec<isize>>) = (Vec::new(), Vec::new());
        let mut axis = 0;
        for (k, part) in parts.iter().enumerate() {
            let offsets = match part {
                Part::New => vec![0],
                Part::Span(slice) => {
                    let (from, count, step) = resolved(*slice, view.shape[axis])?;
                    let stride = view.strides[axis];
                    axis += 1;
                    (0..count).map(|i| (from as isize + i as isize * step) * stride).collect()
                }
                Part::One(i) => {
                    let at = place(*i, view.shape[axis], axis)? as isize * view.strides[axis];
                    picked.iter_mut().for_each(|offset| *offset += at);
                    axis += 1;
                    continue;
                }
                Part::Places(values, shape) => {
                    let from = Tensor::new(&shape[..], values.iter().map(|&i| i as f64).collect())?;
                    let all = super::number::stretched(&from, &common)?;
                    for (offset, &i) in picked.iter_mut().zip(all.iter()) {
                        *offset += place(i as i64, view.shape[axis], axis)? as isize * view.strides[axis];
                    }
                    axis += 1;
                    continue;
                }
                Part::Ellipsis => continue,
            };
            if together && k < first { before.push(offsets) } else { behind.push(offsets) }
        }
        let mut places = vec![0isize];
        let mut shape = Vec::new();
        let spread = |places: Vec<isize>, offsets: &[isize]| -> Vec<isize> {
            places.iter().flat_map(|at| offsets.iter().map(move |offset| at + offset)).collect()
        };
        let total = before.iter().chain(&behind).map(Vec::len).fold(picked.len(), usize::saturating_mul);
        if total > self.options.elements {
            return Err(said("the index takes more elements than there may be"));
        }
        for offsets in &before {
            places = spread(places, offsets);
            shape.push(offsets.len());
        }
        places = spread(places, &picked);
        shape.extend(common.iter());
        for offsets in &behind {
            places = spread(places, offsets);
            shape.push(offsets.len());
        }
        Ok(Taken::Places(places.into_iter().map(|at| at as usize).collect(), shape))
    }

    fn element(&self, array: &Array<'t>, index: &Value<'t>) -> Result<Value<'t>> {
        let (data, kind, _) = self.state.heap.storage(array);
        let recorded = data.is_recorded();
        match self.taken(array, index)? {
            Taken::View(view, spans) => {
                let backwards = view.strides.iter().zip(&view.shape).any(|(stride, n)| *stride < 0 && *n > 1)
                    || matches!(index, Value::Slice([_, _, Some(step)]) if *step < 0);
                let made = if recorded && !backwards && !view.shape.contains(&0) {
                    let Operand { data: Data::Var(x), .. } = self.state.heap.read(array)? else {
                        return Err(said("a variable became a number"));
                    };
                    Some(x.try_slice(&spans[..])?.try_reshape(&view.shape[..])?)
                } else {
                    None
                };
                let has_dots = match index {
                    Value::Ellipsis => true,
                    Value::Tuple(all) => all.iter().any(|value| matches!(value, Value::Ellipsis)),
                    _ => false,
                };
                if view.shape.is_empty() && !has_dots {
                    let data = match made {
                        Some(var) => Data::Var(var),
                        None => Data::Number(data.value().as_slice()[view.offset]),
                    };
                    return Ok(Value::Number(Operand { data, kind, python: false }));
                }
                Ok(self.state.heap.viewed(array, view, made))
            }
            // A copy: read by the caller, who has the heap.
            Taken::Places(places, shape) => {
                let data = self.gathered(data, &places, &shape)?;
                Ok(Value::Number(Operand { data, kind, python: false }))
            }
        }
    }

    fn gathered(&self, data: &Data<'t>, places: &[usize], shape: &[usize]) -> Result<Data<'t>> {
        Ok(match data {
            Data::Var(x) => {
                let n = x.numel();
                Data::Var(x.try_reshape([n])?.try_gather(0, places)?.try_reshape(shape)?)
            }
            other => {
                let all = other.value();
                Data::Tensor(Tensor::new(shape, places.iter().map(|&at| all.as_slice()[at]).collect())?).settled()
            }
        })
    }

    /// `value[index] = new`.
    pub fn assign_at(&mut self, value: &Value<'t>, index: &Value<'t>, new: Value<'t>) -> Result<()> {
        match value {
            Value::List(list) => {
                if matches!(index, Value::Slice(_)) {
                    return Err(said("parts of lists are not assigned here; elements are"));
                }
                let i = self.whole(index, "an index")?;
                let n = self.state.heap.elements(*list).len();
                let at =
                    place(i, n, 0).map_err(|_| said(format!("index {i} is out of range for a list of length {n}")))?;
                self.state.heap.elements_mut(*list)[at] = new;
                Ok(())
            }
            Value::Array(array) => {
                let new = self.operand(&new)?;
                let kind = self.state.heap.storage(array).1;
                let exact = new.data.value().iter().all(|x| x.fract() == 0.0 && x.is_finite());
                if !(kind == Kind::Int && new.kind == Kind::Float && exact && !new.data.is_recorded()) {
                    fits(kind, new.kind, "=")?;
                }
                if self.state.heap.view(array).fixed {
                    return Err(said("a stretched array or a diagonal is not written to; take a copy"));
                }
                let (places, shape) = self.places_of(array, index)?;
                // On a tape the whole array is a new one, with what its derivative needs.
                let storage = &self.state.heap.storage(array).0;
                let recorded = storage.is_recorded() || new.data.is_recorded();
                self.makes(if recorded { storage.shape().numel().saturating_mul(8) } else { places.len() })?;
                let target = Shape::new(&shape)?;
                let from = new.data.shape();
                // Leading axes of length 1 are dropped, as NumPy does.
                let extra = from.rank().saturating_sub(target.rank());
                if from.iter().take(extra).any(|&n| n != 1) || !Shape::new(&from[extra..])?.broadcasts_to(&target) {
                    return Err(Error::shape(format!(
                        "a value of shape {from} does not fit into a part of shape {target}"
                    )));
                }
                let own = Shape::new(&from[extra..])?;
                let data = match &new.data {
                    Data::Number(x) => Data::Number(*x),
                    other if other.shape() == target => other.clone(),
                    other => super::number::map1(
                        other,
                        |x| x.try_reshape(&own)?.try_broadcast_to(&target),
                        |x| x.try_reshape(&own)?.try_broadcast_to(&target),
                    )?,
                };
                if let (Data::Tensor(x), true) = (&data, places.is_empty()) {
                    debug_assert!(x.is_empty());
                    return Ok(());
                }
                self.state.heap.write(array.storage, &places, &data, self.tape)
            }
            other => Err(said(format!("elements of {} cannot be assigned", self.what(other)))),
        }
    }

    /// Where the elements lie that an index takes, and the shape of all.
    pub fn places_of(&self, array: &Array<'t>, index: &Value<'t>) -> Result<(Vec<usize>, Vec<usize>)> {
        Ok(match self.taken(array, index)? {
            Taken::View(view, _) => (view.places(), view.shape),
            Taken::Places(places, shape) => (places, shape),
        })
    }

    /// `value.name`.
    pub fn member(&mut self, value: &Value<'t>, name: &Rc<str>) -> Result<Value<'t>> {
        match (&**name, value) {
            ("T", Value::Number(_)) => Ok(value.clone()),
            ("T", Value::Array(array)) => self.turned(array, None),
            ("shape" | "size" | "ndim", Value::Array(_) | Value::Number(_)) => {
                let shape = match value {
                    Value::Array(array) => self.state.heap.shape(array),
                    Value::Number(x) if x.python => {
                        return Err(said(format!("a number of Python's has no {name}; write np.{name}(x)")));
                    }
                    _ => vec![],
                };
                Ok(match &**name {
                    "shape" => Value::Tuple(shape.iter().map(|&n| whole_number(n as i64)).collect()),
                    "size" => whole_number(shape.iter().product::<usize>() as i64),
                    _ => whole_number(shape.len() as i64),
                })
            }
            ("at", Value::Builtin(function)) => super::functions::of_module("np", &format!("{function}.at").into()),
            (_, Value::Builtin(module)) if &**module == "linalg" => {
                super::functions::of_module("np", &format!("linalg.{name}").into())
            }
            _ => {
                super::functions::has_method(self, value, name)?;
                Ok(Value::Method(Rc::new((value.clone(), name.clone()))))
            }
        }
    }

    /// Axes in another order, as a view; reversed unless said.
    pub fn turned(&mut self, array: &Array<'t>, axes: Option<&[usize]>) -> Result<Value<'t>> {
        let view = self.state.heap.view(array);
        let rank = view.shape.len();
        let axes: Vec<usize> = axes.map_or_else(|| (0..rank).rev().collect(), <[usize]>::to_vec);
        let mut seen = vec![false; rank];
        for &axis in &axes {
            if axis >= rank || std::mem::replace(&mut seen[axis], true) {
                return Err(said(format!("the axes {axes:?} are not those of {rank} axes in another order")));
            }
        }
        if axes.len() != rank {
            return Err(said(format!("{} axes are named of {rank}", axes.len())));
        }
        let new = View {
            shape: axes.iter().map(|&axis| view.shape[axis]).collect(),
            strides: axes.iter().map(|&axis| view.strides[axis]).collect(),
            offset: view.offset,
            fixed: view.fixed,
        };
        let made = match self.state.heap.read(array)?.data {
            Data::Var(x) if rank == 2 && axes == [1, 0] => Some(x.try_transpose()?),
            Data::Var(x) => Some(x.try_permute(&axes)?),
            _ => None,
        };
        Ok(self.state.heap.viewed(array, new, made))
    }

    /// The same elements in another shape: a view where that can be, else a copy.
    pub fn reshaped(&mut self, value: &Value<'t>, shape: &[usize]) -> Result<Value<'t>> {
        let x = self.operand(value)?;
        let new = Shape::new(shape)?;
        if new.numel() != x.data.shape().numel() {
            return Err(Error::shape(format!(
                "reshape: {} elements of shape {} in shape {new}",
                x.data.shape().numel(),
                x.data.shape()
            )));
        }
        if let Value::Array(array) = value
            && let Some(view) = self.state.heap.view(array).reshaped(shape)
        {
            let made = match &x.data {
                Data::Var(x) => Some(x.try_reshape(&new)?),
                _ => None,
            };
            return Ok(self.state.heap.viewed(array, view, made));
        }
        let data = super::number::map1(&x.data, |x| x.try_reshape(&new), |x| x.try_reshape(&new))?;
        let data = match data {
            Data::Number(x) if new.rank() > 0 => Data::Tensor(Tensor::full(&new, x)),
            other => other,
        };
        Ok(self.heap().array(data, x.kind))
    }
}

/// A whole number of Python's.
pub(super) fn whole_number<'t>(i: i64) -> Value<'t> {
    Value::Number(Operand { data: Data::Number(i as f64), kind: Kind::Int, python: true })
}
