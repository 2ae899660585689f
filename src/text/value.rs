//! Values of names, and the memory that arrays and lists lie in.
//!
//! An array is a view of a storage, as in NumPy: `b = a` and `b = a[1:]` share the storage, and what is assigned into one is seen in
//! the other. A storage is a number of the heap, so that a copy of heap and names is a copy of the whole state, aliases and all;
//! tensors are shared until they are written to, so such a copy is cheap.
//!
//! On a tape nothing is overwritten: an assignment into a recorded array gives its storage a new variable. A view then takes its
//! elements from that; as long as nothing was assigned it is the op that made it (a transpose, a slice), which reads better.

use super::number::{Data, Kind, Operand};
use super::syntax::Def;
use crate::error::{Error, Result};
use crate::tape::{Tape, Var};
use crate::tensor::{Shape, Tensor};
use std::rc::Rc;

#[derive(Clone)]
pub(super) enum Value<'t> {
    None,
    /// An immutable number, Python's or NumPy's.
    Number(Operand<'t>),
    Array(Array<'t>),
    Text(Rc<str>),
    Tuple(Rc<[Value<'t>]>),
    /// The list of this number.
    List(usize),
    Range(i64, i64, i64),
    Slice([Option<i64>; 3]),
    Ellipsis,
    /// A function with the defaults of its parameters, as they were when it was defined.
    Function(Rc<Def>, Rc<[Option<Value<'t>>]>),
    /// A name of a function's own that nothing was assigned to yet.
    Unset,
    /// A function of NumPy's or of the registry, by the names on the way to it.
    Builtin(Rc<str>),
    /// A method of a value.
    Method(Rc<(Value<'t>, Rc<str>)>),
}

/// A view of a storage: the whole of it, or some of its elements.
#[derive(Clone)]
pub(super) struct Array<'t> {
    pub storage: usize,
    pub view: Option<Rc<View>>,
    /// What the view is on a tape, made when the storage had that version.
    pub made: Option<(u32, Var<'t, f64>)>,
}

/// Elements of a storage: strides in elements, from an offset on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub shape: Vec<usize>,
    pub strides: Vec<isize>,
    pub offset: usize,
    /// Whether nothing may be written through it: stretched arrays, diagonals.
    pub fixed: bool,
}

impl View {
    pub fn whole(shape: &[usize]) -> Self {
        let mut strides = vec![1isize; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis] as isize;
        }
        Self { shape: shape.to_vec(), strides, offset: 0, fixed: false }
    }

    pub fn numel(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the elements stand one behind the other.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1isize;
        for (n, stride) in self.shape.iter().zip(&self.strides).rev() {
            if *n != 1 && *stride != expected {
                return false;
            }
            expected *= *n as isize;
        }
        true
    }

    /// Where each element lies, in row-major order.
    pub fn places(&self) -> Vec<usize> {
        let mut all = Vec::with_capacity(self.numel());
        if self.shape.contains(&0) {
            return all;
        }
        let mut index = vec![0; self.shape.len()];
        let mut at = self.offset as isize;
        loop {
            all.push(at as usize);
            let mut axis = self.shape.len();
            loop {
                if axis == 0 {
                    return all;
                }
                axis -= 1;
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.strides[axis] * self.shape[axis] as isize;
                index[axis] = 0;
            }
        }
    }

    /// The same elements in another shape, as a view of the same storage; none where that would be a copy.
    ///
    /// Axes are taken together as far as their elements stand evenly apart, and cut anew, as NumPy does.
    pub fn reshaped(&self, shape: &[usize]) -> Option<Self> {
        if self.numel() == 0 || self.is_contiguous() {
            return Some(Self { offset: self.offset, fixed: self.fixed, ..Self::whole(shape) });
        }
        let old: Vec<(usize, isize)> =
            self.shape.iter().copied().zip(self.strides.iter().copied()).filter(|(n, _)| *n != 1).collect();
        let mut strides = vec![0isize; shape.len()];
        let (mut i, mut j) = (0, 0);
        while i < old.len() && j < shape.len() {
            let (mut from, mut to) = (i + 1, j + 1);
            let (mut taken, mut cut) = (old[i].0, shape[j]);
            while taken != cut {
                if taken < cut {
                    taken *= old.get(from)?.0;
                    from += 1;
                } else {
                    cut *= shape.get(to)?;
                    to += 1;
                }
            }
            for k in i..from - 1 {
                if old[k].1 != old[k + 1].0 as isize * old[k + 1].1 {
                    return None;
                }
            }
            strides[to - 1] = old[from - 1].1;
            for k in (j + 1..to).rev() {
                strides[k - 1] = strides[k] * shape[k] as isize;
            }
            (i, j) = (from, to);
        }
        Some(Self { shape: shape.to_vec(), strides, offset: self.offset, fixed: self.fixed })
    }
}

#[derive(Clone)]
pub(super) enum Cell<'t> {
    /// On a tape also what was written where since it was made: the variable after each assignment, and the places.
    Array {
        data: Data<'t>,
        kind: Kind,
        version: u32,
        writes: Vec<Write<'t>>,
    },
    List(Vec<Value<'t>>),
}

/// The variable that an array is after an assignment into it, and the places that were written.
pub(super) type Write<'t> = (Var<'t, f64>, Rc<[usize]>);

/// Arrays and lists by number.
#[derive(Clone, Default)]
pub(super) struct Heap<'t> {
    pub cells: Vec<Cell<'t>>,
}

impl<'t> Heap<'t> {
    pub fn array(&mut self, data: Data<'t>, kind: Kind) -> Value<'t> {
        self.cells.push(Cell::Array { data, kind, version: 0, writes: Vec::new() });
        Value::Array(Array { storage: self.cells.len() - 1, view: None, made: None })
    }

    /// What an op gives: a number where it has no axes, else a new array.
    pub fn given(&mut self, x: Operand<'t>) -> Value<'t> {
        match x.data.shape().rank() {
            0 => Value::Number(Operand { data: x.data.settled(), ..x }),
            _ => self.array(x.data, x.kind),
        }
    }

    pub fn list(&mut self, all: Vec<Value<'t>>) -> Value<'t> {
        self.cells.push(Cell::List(all));
        Value::List(self.cells.len() - 1)
    }

    pub fn elements(&self, list: usize) -> &Vec<Value<'t>> {
        match &self.cells[list] {
            Cell::List(all) => all,
            Cell::Array { .. } => unreachable!("a list's number is that of a list"),
        }
    }
    pub fn elements_mut(&mut self, list: usize) -> &mut Vec<Value<'t>> {
        match &mut self.cells[list] {
            Cell::List(all) => all,
            Cell::Array { .. } => unreachable!("a list's number is that of a list"),
        }
    }

    pub fn storage(&self, array: &Array<'t>) -> (&Data<'t>, Kind, u32) {
        match &self.cells[array.storage] {
            Cell::Array { data, kind, version, .. } => (data, *kind, *version),
            Cell::List(_) => unreachable!("an array's number is that of a storage"),
        }
    }

    /// What was written into an array's storage on a tape, since it was made.
    pub fn writes(&self, array: &Array<'t>) -> &[Write<'t>] {
        match &self.cells[array.storage] {
            Cell::Array { writes, .. } => writes,
            Cell::List(_) => &[],
        }
    }

    pub fn view(&self, array: &Array<'t>) -> View {
        match &array.view {
            Some(view) => (**view).clone(),
            None => View::whole(self.storage(array).0.shape().dims()),
        }
    }

    pub fn shape(&self, array: &Array<'t>) -> Vec<usize> {
        match &array.view {
            Some(view) => view.shape.clone(),
            None => self.storage(array).0.shape().to_vec(),
        }
    }

    /// The elements of a view.
    pub fn read(&self, array: &Array<'t>) -> Result<Operand<'t>> {
        let (data, kind, version) = self.storage(array);
        let operand = |data: Data<'t>| Operand { data, kind, python: false };
        let Some(view) = &array.view else { return Ok(operand(data.clone())) };
        if let (Some((made, var)), true) = (array.made, data.is_recorded())
            && made == version
        {
            return Ok(operand(Data::Var(var)));
        }
        Ok(operand(match data {
            Data::Var(x) => Data::Var(taken(*x, view)?),
            other => {
                let x = other.value();
                let all = x.as_slice();
                let shape = Shape::new(&view.shape)?;
                if view.is_contiguous() && view.numel() == all.len() {
                    Data::Tensor(x.try_reshape(&shape)?)
                } else {
                    Data::Tensor(Tensor::new(&shape, view.places().into_iter().map(|at| all[at]).collect())?)
                }
            }
        }))
    }

    /// Another view of the same storage; on a tape it is `made`.
    pub fn viewed(&self, array: &Array<'t>, view: View, made: Option<Var<'t, f64>>) -> Value<'t> {
        let version = self.storage(array).2;
        Value::Array(Array { storage: array.storage, view: Some(Rc::new(view)), made: made.map(|var| (version, var)) })
    }

    /// Writes elements into places of a storage; `places` and elements in the same order.
    pub fn write(
        &mut self,
        storage: usize,
        places: &[usize],
        new: &Data<'t>,
        tape: Option<&'t Tape<f64>>,
    ) -> Result<()> {
        let Cell::Array { data, version, writes, .. } = &mut self.cells[storage] else {
            unreachable!("an array's number is that of a storage")
        };
        *version += 1;
        let shape = data.shape();
        match (&mut *data, new) {
            (Data::Tensor(x), Data::Tensor(_) | Data::Number(_)) => {
                let new = new.value();
                let all = x.as_mut_slice();
                match new.as_slice() {
                    [one] => places.iter().for_each(|&at| all[at] = *one),
                    many => places.iter().zip(many).for_each(|(&at, x)| all[at] = *x),
                }
            }
            (Data::Number(x), Data::Tensor(_) | Data::Number(_)) => *x = new.item(),
            (old, new) => {
                if let (Data::Var(old), true) = (&*old, writes.is_empty()) {
                    writes.push((*old, (0..shape.numel()).collect()));
                }
                let tape = tape.ok_or_else(|| Error::argument("a variable is on no tape"))?;
                let n = shape.numel();
                let whole = places.len() == n && places.iter().enumerate().all(|(i, &at)| i == at);
                let new = new.var(tape);
                *data = Data::Var(if whole {
                    new.try_broadcast_to(spread(&new.shape(), n, &shape)?)?.try_reshape(&shape)?
                } else {
                    // Elements of the old and the new, one behind the other, and which is where.
                    let old = old.var(tape).try_broadcast_to(&shape)?.try_reshape([n])?;
                    let m = new.numel();
                    let parts = Var::try_concat(&[old, new.try_reshape([m])?], 0)?;
                    let mut from: Vec<usize> = (0..n).collect();
                    places.iter().enumerate().for_each(|(i, &at)| from[at] = n + if m == 1 { 0 } else { i });
                    parts.try_gather(0, &from)?.try_reshape(&shape)?
                });
                if let Data::Var(var) = data {
                    writes.push((*var, places.into()));
                }
            }
        }
        Ok(())
    }

    /// Puts other data into a whole storage.
    pub fn replace(&mut self, storage: usize, new: Data<'t>) {
        if let Cell::Array { data, version, writes, .. } = &mut self.cells[storage] {
            *version += 1;
            *data = new;
            writes.clear();
        }
    }
}

/// The shape that a value written over a whole storage is stretched to: its own, where it has all elements.
fn spread(from: &Shape, n: usize, to: &Shape) -> Result<Shape> {
    if from.numel() == n { Ok(from.clone()) } else { Ok(to.clone()) }
}

/// Elements of a variable.
fn taken<'t>(x: Var<'t, f64>, view: &View) -> Result<Var<'t, f64>> {
    let n = x.numel();
    let flat = x.try_reshape([n])?;
    let all = if view.is_contiguous() && view.numel() == n { flat } else { flat.try_gather(0, &view.places())? };
    all.try_reshape(&view.shape[..])
}

impl<'t> super::run::State<'t> {
    /// Forgets the memory that no name leads to.
    pub fn compact(&mut self) {
        let reached: usize = self.frames.iter().map(|frame| frame.len()).sum();
        if self.heap.cells.len() < 2 * reached + 32 {
            return;
        }
        let old = std::mem::take(&mut self.heap.cells);
        let mut moved = Moved { old: old.into_iter().map(Some).collect(), to: Default::default(), new: Vec::new() };
        for frame in &mut self.frames {
            frame.values_mut().for_each(|value| moved.value(value));
        }
        self.heap.cells = moved.new.into_iter().flatten().collect();
    }

    /// The same on no tape: variables are their values.
    pub fn plain(&self) -> super::run::State<'static> {
        let cells = self.heap.cells.iter().map(|cell| match cell {
            Cell::Array { data, kind, version, .. } => {
                Cell::Array { data: plain_data(data), kind: *kind, version: *version, writes: Vec::new() }
            }
            Cell::List(all) => Cell::List(all.iter().map(plain_value).collect()),
        });
        let frames = self
            .frames
            .iter()
            .map(|frame| frame.iter().map(|(name, value)| (name.clone(), plain_value(value))).collect());
        super::run::State { heap: Heap { cells: cells.collect() }, frames: frames.collect() }
    }
}

/// Cells on their way to a smaller heap.
struct Moved<'t> {
    old: Vec<Option<Cell<'t>>>,
    to: std::collections::HashMap<usize, usize>,
    new: Vec<Option<Cell<'t>>>,
}

impl<'t> Moved<'t> {
    fn cell(&mut self, at: &mut usize) {
        if let Some(&to) = self.to.get(at) {
            *at = to;
            return;
        }
        let Some(mut cell) = self.old[*at].take() else { return };
        let to = self.new.len();
        self.to.insert(*at, to);
        self.new.push(None);
        *at = to;
        if let Cell::List(all) = &mut cell {
            all.iter_mut().for_each(|value| self.value(value));
        }
        self.new[to] = Some(cell);
    }

    fn value(&mut self, value: &mut Value<'t>) {
        match value {
            Value::Array(array) => self.cell(&mut array.storage),
            Value::List(list) => self.cell(list),
            Value::Tuple(all) => {
                let mut own: Vec<Value<'t>> = all.to_vec();
                own.iter_mut().for_each(|value| self.value(value));
                *all = own.into();
            }
            Value::Method(method) => {
                let (mut of, name) = (**method).clone();
                self.value(&mut of);
                *method = Rc::new((of, name));
            }
            _ => {}
        }
    }
}

fn plain_data(data: &Data<'_>) -> Data<'static> {
    match data {
        Data::Number(x) => Data::Number(*x),
        other => Data::Tensor(other.value()).settled(),
    }
}

fn plain_value(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::None => Value::None,
        Value::Number(x) => Value::Number(Operand { data: plain_data(&x.data), kind: x.kind, python: x.python }),
        Value::Array(array) => Value::Array(Array { storage: array.storage, view: array.view.clone(), made: None }),
        Value::Text(text) => Value::Text(text.clone()),
        Value::Tuple(all) => Value::Tuple(all.iter().map(plain_value).collect()),
        Value::List(list) => Value::List(*list),
        Value::Range(a, b, c) => Value::Range(*a, *b, *c),
        Value::Slice(slice) => Value::Slice(*slice),
        Value::Ellipsis => Value::Ellipsis,
        Value::Function(def, defaults) => {
            Value::Function(def.clone(), defaults.iter().map(|value| value.as_ref().map(plain_value)).collect())
        }
        Value::Unset => Value::Unset,
        Value::Builtin(name) => Value::Builtin(name.clone()),
        Value::Method(method) => Value::Method(Rc::new((plain_value(&method.0), method.1.clone()))),
    }
}
