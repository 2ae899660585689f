//! A function and hand-coded gradients as data.

mod json;
mod ops;

use super::Compare;
use crate::error::{Error, Result};
use crate::tape::{Tape, Var};
use crate::tensor::{Shape, Tensor};
use json::{Json, said, shortened};
use ops::{Attributes, Op, most_elements};
use std::collections::HashMap;

/// The values of all nodes together have at most so many elements: a short file can ask for any number.
const MOST_ELEMENTS: usize = 1 << 26;

/// An argument of a node.
#[derive(Clone, Copy, Debug)]
enum Arg {
    Number(f64),
    /// A parameter, an array of data or a node, counted through in this order.
    Item(usize),
}

/// A step of the function.
#[derive(Clone)]
struct Node {
    name: String,
    op: Op,
    op_name: String,
    args: Vec<Arg>,
    /// The line of the text that it was made from.
    line: Option<usize>,
}

/// A function, a point, and hand-coded gradients as data.
#[derive(Clone)]
pub struct Problem {
    parameters: Vec<(String, Tensor<f64>)>,
    data: Vec<(String, Tensor<f64>)>,
    constants: Vec<(String, f64)>,
    nodes: Vec<Node>,
    /// The item that is differentiated.
    output: usize,
    hand: Vec<(String, Tensor<f64>)>,
    value: Option<f64>,
    /// For each item the first that is the same variable: a reshape to the shape that is there gives its argument.
    same_as: Vec<usize>,
}

/// Arrays of a file, by name.
pub(crate) trait Arrays {
    /// The array of a name; nothing where the file has none.
    fn array(&self, name: &str) -> Option<Result<Tensor<f64>>>;
    /// All of them.
    fn names(&self) -> Vec<&str>;
}

impl Problem {
    /// Reads a problem from JSON that holds its arrays.
    pub fn parse(text: &str) -> Result<Self> {
        Self::with_arrays(text, &mut |file| {
            let why =
                format!("the file {:?} is looked for beside the problem's own, with Problem::read", shortened(file));
            Err(said("arrays", why))
        })
    }

    /// The same, with the files that it names opened by `open`.
    pub(crate) fn with_arrays(text: &str, open: &mut dyn FnMut(&str) -> Result<Box<dyn Arrays>>) -> Result<Self> {
        let json = Json::parse(text)?;
        json.entries("the file")?;
        let files: Vec<&str> = match json.get("arrays") {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::List(files)) => files.iter().map(|file| file.text("arrays")).collect::<Result<_>>()?,
            Some(file) => vec![file.text("arrays")?],
        };
        let files: Vec<Box<dyn Arrays>> = files.into_iter().map(open).collect::<Result<_>>()?;
        let array = |value: &Json, place: &str| match value {
            Json::Text(name) => {
                let mut found = files.iter().filter_map(|file| file.array(name));
                let first = found.next().ok_or_else(|| {
                    let known: Vec<&str> = files.iter().flat_map(|file| file.names()).take(20).collect();
                    let there = match known.is_empty() {
                        true => "\"arrays\" names no file that has arrays".to_owned(),
                        false => format!("the files of \"arrays\" have {}", known.join(", ")),
                    };
                    said(place, format!("no array {:?}: {there}", shortened(name)))
                })?;
                match found.next() {
                    Some(_) => Err(said(place, format!("array {:?} is in two files", shortened(name)))),
                    None => first.map_err(|error| error.within(&format!("problem: {place}"))),
                }
            }
            other => other.array(place),
        };
        let named = |key: &str| -> Result<Vec<(String, Tensor<f64>)>> {
            let Some(entries) = json.get(key) else { return Ok(Vec::new()) };
            let read = |(name, value): &(String, Json)| {
                Ok((name.clone(), array(value, &format!("{key}: {:?}", shortened(name)))?))
            };
            entries.entries(key)?.iter().map(read).collect()
        };
        let (parameters, data) = (named("params")?, named("data")?);
        if parameters.is_empty() {
            return Err(said("params", "there are none; give at least one array by its name"));
        }
        let constants = match json.get("constants") {
            None => Vec::new(),
            Some(constants) => constants
                .entries("constants")?
                .iter()
                .map(|(name, value)| Ok((name.clone(), value.number(&format!("constants: {:?}", shortened(name)))?)))
                .collect::<Result<Vec<_>>>()?,
        };
        let mut scope = Scope { items: HashMap::new(), constants: &constants, later: HashMap::new() };
        for (name, _) in parameters.iter().chain(&data) {
            scope.add(name, "params and data")?;
        }
        let list = json.get("nodes").ok_or_else(|| said("nodes", "is missing"))?.list("nodes")?;
        for (at, node) in list.iter().enumerate() {
            if let Some(Json::Text(name)) = node.get("name") {
                scope.later.entry(name).or_insert(at);
            }
        }
        let mut nodes = Vec::with_capacity(list.len());
        for (at, node) in list.iter().enumerate() {
            let node = Node::read(at, node, &scope)?;
            scope.add(&node.name, &format!("nodes: {:?}: name", shortened(&node.name)))?;
            nodes.push(node);
        }
        let output = json.get("output").ok_or_else(|| said("output", "is missing"))?.text("output")?;
        let output = scope.item(output).ok_or_else(|| said("output", format!("no node {:?}", shortened(output))))?;
        let value = json.get("value").filter(|value| **value != Json::Null);
        let value = value.map(|value| value.number("value")).transpose()?;
        let (hand, intermediates) = (named("hand")?, named("intermediates")?);
        if let Some((name, _)) = hand.iter().find(|(name, _)| !parameters.iter().any(|(known, _)| known == name)) {
            let why = "is not a parameter; gradients by nodes stand under \"intermediates\"";
            return Err(said("hand", format!("{:?} {why}", shortened(name))));
        }
        let is_node = |name: &str| nodes.iter().any(|node| node.name == name);
        if let Some((name, _)) = intermediates.iter().find(|(name, _)| !is_node(name)) {
            return Err(said("intermediates", format!("{:?} is not a node", shortened(name))));
        }
        let hand = hand.into_iter().chain(intermediates).collect();
        let mut problem = Self { parameters, data, constants, nodes, output, hand, value, same_as: Vec::new() };
        problem.try_out()?;
        Ok(problem)
    }

    /// Runs the function at the point, so that what does not fit is an error here.
    fn try_out(&mut self) -> Result<()> {
        let tape = Tape::new();
        let parameters: Vec<Var<'_, f64>> = self.parameters.iter().map(|(_, x)| tape.var(x)).collect();
        let mut taken = 0usize;
        let items = self.items(&tape, &parameters, |node, args| {
            let shapes: Vec<Shape> = args.iter().map(|arg| arg.shape()).collect();
            taken = taken.saturating_add(most_elements(&node.op_name, &shapes));
            if taken > MOST_ELEMENTS {
                return Err(Error::argument(format!("the values up to here have more than {MOST_ELEMENTS} elements")));
            }
            Ok(())
        })?;
        let output = items[self.output];
        if output.rank() > 0 {
            let why = format!("{:?} has shape {}; reduce it to a number", self.name(self.output), output.shape());
            return Err(said("output", why));
        }
        let mut first = HashMap::new();
        let place = |(at, item): (usize, &Var<'_, f64>)| match item.is_constant() {
            true => at,
            false => *first.entry(item.id).or_insert(at),
        };
        self.same_as = items.iter().enumerate().map(place).collect();
        Ok(())
    }

    fn name(&self, item: usize) -> &str {
        let arrays = self.parameters.iter().chain(&self.data).map(|(name, _)| name);
        arrays.chain(self.nodes.iter().map(|node| &node.name)).nth(item).map_or("", String::as_str)
    }

    /// Every item on a tape.
    fn items<'t>(
        &self,
        tape: &'t Tape<f64>,
        parameters: &[Var<'t, f64>],
        mut check: impl FnMut(&Node, &[Var<'t, f64>]) -> Result<()>,
    ) -> Result<Vec<Var<'t, f64>>> {
        if parameters.len() != self.parameters.len() {
            let (wanted, given) = (self.parameters.len(), parameters.len());
            return Err(Error::argument(format!("problem: {wanted} parameters, {given} variables given")));
        }
        let mut items = parameters.to_vec();
        items.extend(self.data.iter().map(|(_, x)| tape.data(x)));
        for node in &self.nodes {
            let arg = |arg: &Arg| match *arg {
                Arg::Number(number) => tape.data(number),
                Arg::Item(item) => items[item],
            };
            let args: Vec<Var<'t, f64>> = node.args.iter().map(arg).collect();
            let place = || format!("problem: nodes: {:?}", shortened(&node.name));
            check(node, &args).map_err(|error| error.within(&place()))?;
            // What stands on one line, as the steps of a loop do, is known by it.
            let scope = node.line.map(|line| tape.scope(&format!("line {line}")));
            let item = node.op.record(&args).map_err(|error| error.within(&place()))?;
            drop(scope);
            let at = items.len();
            if self.same_as.get(at).is_none_or(|&first| first == at) {
                item.named(&node.name);
            }
            items.push(item);
        }
        Ok(items)
    }

    /// Records the function, every node under its name.
    pub fn record<'t>(&self, tape: &'t Tape<f64>, parameters: &[Var<'t, f64>]) -> Result<Var<'t, f64>> {
        let items = self.items(tape, parameters, |_, _| Ok(()))?;
        Ok(items[self.output])
    }

    /// The comparison of the hand-coded gradients with autodiff.
    pub fn compare(&self) -> Compare<'_> {
        self.compare_with(self.hand.iter().map(|(name, gradient)| (name.as_str(), gradient)))
    }

    /// The comparison of these hand-coded gradients, by parameters and nodes, in place of the problem's own.
    pub fn compare_with<'a>(&self, hand: impl IntoIterator<Item = (&'a str, &'a Tensor<f64>)>) -> Compare<'_> {
        let mut compare = Compare::new(|p| {
            // Away from the point an op may refuse its numbers: a singular matrix. There the function has no value.
            self.record(p[0].tape(), p).unwrap_or_else(|_| p[0].sum(()) * f64::NAN)
        });
        for (name, value) in &self.parameters {
            compare = compare.parameter(name, value);
        }
        for (name, value) in &self.constants {
            compare = compare.constant(name, *value);
        }
        for (name, gradient) in hand {
            compare = compare.hand(self.first_name(name), gradient);
        }
        compare
    }

    /// The value of the function as the hand-coded pass gives it, where the problem states one.
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// The name that a node's variable was recorded under.
    fn first_name<'a>(&'a self, name: &'a str) -> &'a str {
        let arrays = self.parameters.len() + self.data.len();
        let node = self.nodes.iter().position(|node| node.name == name);
        node.map_or(name, |node| self.name(self.same_as[arrays + node]))
    }
}

/// The names that a node's arguments may have.
struct Scope<'a> {
    items: HashMap<String, usize>,
    constants: &'a [(String, f64)],
    /// All nodes, by where they stand.
    later: HashMap<&'a str, usize>,
}

impl Scope<'_> {
    fn add(&mut self, name: &str, place: &str) -> Result<()> {
        let item = self.items.len();
        if self.items.insert(name.to_owned(), item).is_some() || self.constants.iter().any(|(known, _)| known == name) {
            return Err(said(place, format!("the name {:?} is given twice", shortened(name))));
        }
        Ok(())
    }
    fn item(&self, name: &str) -> Option<usize> {
        self.items.get(name).copied()
    }
    fn arg(&self, value: &Json, place: &str) -> Result<Arg> {
        let Json::Text(name) = value else { return value.number(place).map(Arg::Number) };
        if let Some(item) = self.item(name) {
            return Ok(Arg::Item(item));
        }
        if let Some((_, number)) = self.constants.iter().find(|(known, _)| known == name) {
            return Ok(Arg::Number(*number));
        }
        let why = match self.later.contains_key(name.as_str()) {
            true => "is itself, or stands further down: a node reads what stands before it",
            false => "is neither parameter, data, constant nor node",
        };
        Err(said(place, format!("{:?} {why}", shortened(name))))
    }
}

impl Node {
    fn read(at: usize, node: &Json, scope: &Scope<'_>) -> Result<Self> {
        let place = format!("nodes: number {at}");
        let entries = node.entries(&place)?;
        let part = |place: &str, key: &str| node.get(key).ok_or_else(|| said(place, format!("{key:?} is missing")));
        let name = part(&place, "name")?.text(&format!("{place}: name"))?;
        let place = format!("nodes: {:?}", shortened(name));
        let op_name = part(&place, "op")?.text(&format!("{place}: op"))?;
        let args_place = format!("{place}: args");
        let args = part(&place, "args")?.each(&args_place, |arg, place| scope.arg(arg, place))?;
        let line = node.get("line").filter(|line| **line != Json::Null);
        let line = line.map(|line| line.count(&format!("{place}: line"))).transpose()?;
        let known = ["name", "op", "args", "statement", "line"];
        let rest = entries.iter().filter(|(key, _)| !known.contains(&key.as_str()));
        let attributes = Attributes::new(place, rest.map(|(key, value)| (key.as_str(), value)));
        let op = Op::read(op_name, &attributes, args.len())?;
        Ok(Self { name: name.to_owned(), op, op_name: op_name.to_owned(), args, line })
    }
}
