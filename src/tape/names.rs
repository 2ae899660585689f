//! Names of variables, and the scopes that they are recorded in. A tape that no one names anything on holds none.

use super::{NodeId, NodeRef, Tape, Var};
use crate::num::Element;
use std::collections::HashMap;

/// What was named on a tape.
#[derive(Default)]
pub(crate) struct Names {
    names: HashMap<NodeId, String>,
    /// Finished and open scopes, in the order in which they were opened.
    scopes: Vec<Span>,
    /// The open ones, outermost first.
    open: Vec<usize>,
    /// Whether layers name their parameters and open scopes.
    pub keep: bool,
}

/// The nodes that were recorded in a scope: from the first counts of both lanes to the second.
struct Span {
    path: String,
    from: (u32, usize),
    to: Option<(u32, usize)>,
}

impl Names {
    pub fn clear(&mut self) {
        self.names.clear();
        self.scopes.clear();
        self.open.clear();
    }

    fn of(&self, id: NodeId) -> (Option<String>, Option<String>) {
        let inside = |span: &&Span| match id.lane() {
            NodeRef::Scalar(node) => span.from.0 <= node && span.to.is_none_or(|to| node < to.0),
            NodeRef::Tensor(entry) => span.from.1 <= entry && span.to.is_none_or(|to| entry < to.1),
            NodeRef::Constant => false,
        };
        let scope = self.scopes.iter().rev().find(inside).map(|span| span.path.clone());
        (self.names.get(&id).cloned(), scope)
    }
}

impl<'t, T: Element> Var<'t, T> {
    /// Names this variable, for graphs, explanations and pictures. A constant has no place for a name and is left as it is.
    pub fn named(self, name: impl Into<String>) -> Self {
        if let Some(tape) = self.get_tape().filter(|_| !self.is_constant()) {
            let id = match self.node().and_then(|node| tape.maker(node)) {
                Some(entry) => NodeId::tensor(entry),
                None => self.id,
            };
            tape.names.borrow_mut().names.insert(id, name.into());
        }
        self
    }
}

impl<T: Element> Tape<T> {
    /// Opens a scope: what is recorded until the result is dropped stands in it, for graphs and pictures that fold by scope.
    /// Scopes nest.
    ///
    /// # Examples
    /// ```
    /// use retrograd::{Tape, graph::Graph};
    /// let tape = Tape::new();
    /// let x = tape.var(0.5);
    /// let h = {
    ///     let _hidden = tape.scope("hidden");
    ///     (x * 2.0).tanh()
    /// };
    /// let graph = Graph::of(h * h);
    /// assert_eq!(graph.nodes()[2].scope(), Some("hidden"));
    /// assert_eq!(graph.output().scope(), None);
    /// ```
    pub fn scope(&self, name: &str) -> Scope<'_, T> {
        let from = (self.scalars.len(), self.entries.borrow().len());
        let mut names = self.names.borrow_mut();
        let path = match names.open.last() {
            Some(&outer) => format!("{}/{name}", names.scopes[outer].path),
            None => name.to_owned(),
        };
        let place = names.scopes.len();
        names.scopes.push(Span { path, from, to: None });
        names.open.push(place);
        Scope { tape: self, place }
    }

    /// Whether layers name their parameters and open scopes on this tape, which takes time and memory. Off unless asked for.
    pub fn keep_names(&mut self, keep: bool) {
        self.names.get_mut().keep = keep;
    }
    /// What [`Tape::keep_names`] says.
    pub fn keeps_names(&self) -> bool {
        self.names.borrow().keep
    }

    /// The name and the innermost scope of a node: of the entry, for a number that an op on tensors made.
    pub(crate) fn name_and_scope(&self, id: NodeId) -> (Option<String>, Option<String>) {
        self.names.borrow().of(id)
    }
}

/// An open scope; dropping it closes it.
///
/// # Examples
/// ```
/// use retrograd::{Tape, graph::Graph};
/// let tape = Tape::new();
/// let x = tape.var(0.5);
/// let hidden = {
///     let _layer = tape.scope("layer1");
///     x.tanh()
/// };
/// let graph = Graph::of(hidden * 2.0);
/// assert_eq!(graph.find(hidden.id()).unwrap().scope(), Some("layer1"));
/// assert_eq!(graph.output().scope(), None);
/// ```
pub struct Scope<'t, T: Element> {
    tape: &'t Tape<T>,
    place: usize,
}

impl<T: Element> Drop for Scope<'_, T> {
    fn drop(&mut self) {
        let to = (self.tape.scalars.len(), self.tape.entries.borrow().len());
        let mut names = self.tape.names.borrow_mut();
        names.scopes[self.place].to = Some(to);
        names.open.retain(|&open| open != self.place);
    }
}
