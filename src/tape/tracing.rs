//! What changes on a tape while a program is traced: everything that depends on an input is recorded, and looking at numbers
//! is noted, since what is done with them would be frozen. The same holds inside a closure that is mapped over examples
//! ([`crate::vmap`]): it runs once, on one of them.

use super::{NodeId, Tape};
use crate::error::{Error, Result};
use crate::num::Element;
use std::cell::{Cell, RefCell};
use std::panic::Location;

/// Whether a tape is traced, and the first thing that a program could not repeat.
#[derive(Default)]
pub(crate) struct Tracing {
    on: Cell<bool>,
    problem: RefCell<Option<Error>>,
    /// How many closures that are mapped over examples stand around what is recorded now.
    mapped: Cell<u32>,
    looks: RefCell<Vec<Look>>,
}

/// Where a closure over one example looked at a number: of this node, or of whatever it was.
#[derive(Clone)]
pub(crate) struct Look {
    pub of: Option<NodeId>,
    pub error: Error,
}

impl Tracing {
    pub fn start(&self) {
        self.on.set(true);
    }
    /// Forgets what was noted.
    pub fn forget(&self) {
        self.problem.take();
    }
    #[inline]
    pub fn is_on(&self) -> bool {
        self.on.get() || self.mapped.get() > 0
    }

    /// Notes that a plain number of this node was read.
    #[track_caller]
    pub fn note_read(&self, what: &str, of: NodeId) {
        let site = Location::caller();
        if self.mapped.get() > 0 {
            let error = Error::tape(format!(
                "vmap: {what} read at {site} inside the closure, which runs once for all examples; use ops on variables (select for a \
                 choice), or give it back as an output"
            ));
            self.looks.borrow_mut().push(Look { of: Some(of), error });
        }
        if self.on.get() {
            self.keep(Error::tape(format!(
                "compile: {what} read at {site} while compiling; the program would keep what was done with it. Use ops on \
                 variables (select for a choice), or return it as an output"
            )));
        }
    }
    /// Notes what a program, or a closure over one example, cannot do: what, and what to do instead.
    pub fn note(&self, problem: &str) {
        if self.mapped.get() > 0 {
            self.looks.borrow_mut().push(Look { of: None, error: Error::tape(format!("vmap: {problem}")) });
        }
        if self.on.get() {
            self.keep(Error::tape(format!("compile: {problem}")));
        }
    }
    fn keep(&self, problem: Error) {
        self.problem.borrow_mut().get_or_insert(problem);
    }
    /// The first problem.
    ///
    /// # Errors
    /// There is one.
    pub fn check(&self) -> Result<()> {
        self.problem.borrow().clone().map_or(Ok(()), Err)
    }
}

/// A closure over one example is running, until this is dropped.
pub(crate) struct Mapped<'t, T: Element> {
    tape: &'t Tape<T>,
    looks: Vec<Look>,
}

impl<'t, T: Element> Mapped<'t, T> {
    pub fn on(tape: &'t Tape<T>) -> Self {
        let tracing = tape.tracing();
        tracing.mapped.set(tracing.mapped.get() + 1);
        Self { tape, looks: tracing.looks.take() }
    }
    /// Where the closure looked at numbers so far. They are the closure's around as well, whose examples it may have looked at.
    pub fn take_looks(&mut self) -> Vec<Look> {
        let found = self.tape.tracing().looks.take();
        self.looks.extend(found.iter().cloned());
        found
    }
}

impl<T: Element> Drop for Mapped<'_, T> {
    fn drop(&mut self) {
        let tracing = self.tape.tracing();
        tracing.mapped.set(tracing.mapped.get() - 1);
        // Those of the closure around, if there is one.
        let looks = std::mem::take(&mut self.looks);
        tracing.looks.replace(if tracing.mapped.get() > 0 { looks } else { Vec::new() });
    }
}
