//! Values of a text by themselves, without the memory that they share; and how one is put back into it.

use crate::tensor::Tensor;
use crate::text::number::{Data, Kind, Operand};
use crate::text::run::Machine;
use crate::text::value::Value;

/// A value, by itself: what a name has without the memory that it shares.
#[derive(Clone, Debug)]
pub(super) enum Owned {
    Data(Tensor<f64>, Kind, bool),
    List(Vec<Owned>),
    Other,
}

/// A value in memory as one by itself.
pub(super) fn owned(machine: &Machine<'static, '_>, value: &Value<'static>) -> Owned {
    match value {
        Value::Number(x) => Owned::Data(x.data.value(), x.kind, true),
        Value::Array(_) => match machine.operand(value) {
            Ok(x) => Owned::Data(x.data.value(), x.kind, false),
            Err(_) => Owned::Other,
        },
        Value::List(_) | Value::Tuple(_) => match machine.elements_of(value) {
            Ok(all) => Owned::List(all.iter().map(|x| owned(machine, x)).collect()),
            Err(_) => Owned::Other,
        },
        _ => Owned::Other,
    }
}

/// All numbers of a value, one behind the other.
pub(super) fn numbers(value: &Owned) -> Vec<f64> {
    match value {
        Owned::Data(x, ..) => x.to_vec(),
        Owned::List(all) => all.iter().flat_map(numbers).collect(),
        Owned::Other => Vec::new(),
    }
}

/// The same with no number in it.
pub(super) fn poisoned(value: &Owned) -> Owned {
    match value {
        Owned::Data(x, _, python) => Owned::Data(x.map(|_| f64::NAN), Kind::Float, *python),
        Owned::List(all) => Owned::List(all.iter().map(poisoned).collect()),
        Owned::Other => Owned::Other,
    }
}

/// Puts a value under a name; what shares its memory sees it.
pub(super) fn put(machine: &mut Machine<'static, '_>, old: Option<Value<'static>>, new: &Owned) -> Value<'static> {
    match (old, new) {
        (Some(Value::Array(array)), Owned::Data(x, kind, _))
            if machine.state.heap.shape(&array) == x.shape().dims() =>
        {
            let operand = Operand { data: Data::Tensor(x.clone()).settled(), kind: *kind, python: false };
            match machine.write_over(&array, &operand) {
                Ok(()) => Value::Array(array),
                Err(_) => Value::None,
            }
        }
        (_, Owned::Data(x, kind, false)) if x.shape().rank() > 0 => {
            machine.heap().array(Data::Tensor(x.clone()), *kind)
        }
        (_, Owned::Data(x, kind, _)) => {
            let operand = Operand { data: Data::Tensor(x.clone()).settled(), kind: *kind, python: false };
            machine.given(operand)
        }
        (Some(Value::List(list)), Owned::List(all)) if machine.state.heap.elements(list).len() == all.len() => {
            for (i, new) in all.iter().enumerate() {
                let old = machine.state.heap.elements(list)[i].clone();
                let value = put(machine, Some(old), new);
                machine.state.heap.elements_mut(list)[i] = value;
            }
            Value::List(list)
        }
        (_, Owned::List(all)) => {
            let all: Vec<Value<'static>> = all.iter().map(|x| put(machine, None, x)).collect();
            machine.heap().list(all)
        }
        _ => Value::None,
    }
}
