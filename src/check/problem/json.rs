//! JSON as it was written: keys in their order, none of them twice.
//!
//! Everything that can be wrong with a value is said by whoever asks for it, who knows its place. Depth is bounded by the parser.

use crate::error::{Error, Result};
use crate::tensor::{Shape, Tensor};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A value of JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

/// The integers that a number of JSON holds without a gap.
const MOST: f64 = 9_007_199_254_740_992.0;

impl Json {
    /// The value that a text holds.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| {
            let said = error.to_string();
            // What Python writes, and JSON does not have.
            let hint = match said.contains("expected value") && (text.contains("NaN") || text.contains("Infinity")) {
                true => "; JSON has no NaN and no Infinity: write the texts \"NaN\", \"Infinity\", \"-Infinity\"",
                false => "",
            };
            Error::argument(format!("problem: not readable as JSON: {said}{hint}"))
        })
    }

    /// What kind of value it is, for messages.
    pub fn kind(&self) -> String {
        match self {
            Json::Null => "null".into(),
            Json::Flag(flag) => flag.to_string(),
            Json::Number(number) => format!("the number {number}"),
            Json::Text(text) => format!("the text {:?}", shortened(text)),
            Json::List(list) => format!("a list of {}", list.len()),
            Json::Map(_) => "an object".into(),
        }
    }

    /// The value under a key, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Json> {
        let Json::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub fn entries(&self, place: &str) -> Result<&[(String, Json)]> {
        match self {
            Json::Map(entries) => Ok(entries),
            other => Err(wrong(place, "an object", other)),
        }
    }
    pub fn list(&self, place: &str) -> Result<&[Json]> {
        match self {
            Json::List(list) => Ok(list),
            other => Err(wrong(place, "a list", other)),
        }
    }
    pub fn text(&self, place: &str) -> Result<&str> {
        match self {
            Json::Text(text) => Ok(text),
            other => Err(wrong(place, "a text", other)),
        }
    }
    pub fn flag(&self, place: &str) -> Result<bool> {
        match self {
            Json::Flag(flag) => Ok(*flag),
            other => Err(wrong(place, "true or false", other)),
        }
    }
    pub fn number(&self, place: &str) -> Result<f64> {
        match self {
            Json::Number(number) => Ok(*number),
            Json::Text(text) if text == "NaN" => Ok(f64::NAN),
            Json::Text(text) if text == "Infinity" => Ok(f64::INFINITY),
            Json::Text(text) if text == "-Infinity" => Ok(f64::NEG_INFINITY),
            other => Err(wrong(place, "a number", other)),
        }
    }
    pub fn integer(&self, place: &str) -> Result<isize> {
        match self {
            Json::Number(number) if number.fract() == 0.0 && number.abs() < MOST => Ok(*number as isize),
            other => Err(wrong(place, "an integer", other)),
        }
    }
    pub fn count(&self, place: &str) -> Result<usize> {
        match self.integer(place) {
            Ok(number) if number >= 0 => Ok(number as usize),
            _ => Err(wrong(place, "an integer that is not below 0", self)),
        }
    }
    /// A list, each of its values read.
    pub fn each<R>(&self, place: &str, read: impl Fn(&Json, &str) -> Result<R>) -> Result<Vec<R>> {
        self.list(place)?.iter().map(|value| read(value, place)).collect()
    }

    /// An array: `{"shape": [..], "data": [..]}` in row-major order, lists in lists, or a number.
    pub fn array(&self, place: &str) -> Result<Tensor<f64>> {
        match self {
            Json::Map(_) => {
                let part = |key: &str| self.get(key).ok_or_else(|| said(place, format!("{key:?} is missing")));
                let lengths = part("shape")?.each(&format!("{place}: shape"), Json::count)?;
                let data = part("data")?.each(&format!("{place}: data"), Json::number)?;
                let shape = Shape::new(&lengths).map_err(|error| error.within(&format!("problem: {place}")))?;
                if shape.numel() != data.len() {
                    let (wanted, found) = (shape.numel(), data.len());
                    return Err(said(place, format!("shape {shape} has {wanted} numbers, and {found} are given")));
                }
                Tensor::new(shape, data)
            }
            Json::List(_) => {
                let mut lengths = Vec::new();
                let mut inner = self;
                while let Json::List(list) = inner {
                    lengths.push(list.len());
                    let Some(first) = list.first() else { break };
                    inner = first;
                }
                let shape = Shape::new(&lengths).map_err(|error| error.within(&format!("problem: {place}")))?;
                let mut data = Vec::new();
                self.flatten(place, &lengths, &mut data)?;
                Tensor::new(shape, data)
            }
            Json::Null | Json::Flag(_) => Err(wrong(place, "an array", self)),
            Json::Number(_) | Json::Text(_) => Ok(Tensor::scalar(self.number(place)?)),
        }
    }

    fn flatten(&self, place: &str, lengths: &[usize], data: &mut Vec<f64>) -> Result<()> {
        let Some((&length, inner)) = lengths.split_first() else {
            data.push(self.number(place)?);
            return Ok(());
        };
        let list = self.list(place)?;
        if list.len() != length {
            let why = format!("lists of {length} and of {} stand side by side: rows have one length", list.len());
            return Err(said(place, why));
        }
        list.iter().try_for_each(|part| part.flatten(place, inner, data))
    }
}

/// The beginning of a long text.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

pub(super) fn said(place: &str, what: impl fmt::Display) -> Error {
    Error::argument(format!("problem: {place}: {what}"))
}

fn wrong(place: &str, wanted: &str, found: &Json) -> Error {
    said(place, format!("wants {wanted}, not {}", found.kind()))
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Json;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }
    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Flag(flag))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number as f64))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number as f64))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }
    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = access.next_element()? {
            list.push(value);
        }
        Ok(Json::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut entries: Vec<(String, Json)> = Vec::new();
        let mut keys = std::collections::HashSet::new();
        while let Some((key, value)) = access.next_entry::<String, Json>()? {
            if !keys.insert(key.clone()) {
                return Err(A::Error::custom(format!("the name {:?} is given twice", shortened(&key))));
            }
            entries.push((key, value));
        }
        Ok(Json::Map(entries))
    }
}
