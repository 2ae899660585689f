//! What changes on a tape while a program is traced: everything that depends on an input is recorded, and looking at numbers
//! is noted, since what is done with them would be frozen.

use crate::error::{Error, Result};
use std::cell::{Cell, RefCell};
use std::panic::Location;

/// Whether a tape is traced, and the first thing that a program could not repeat.
#[derive(Default)]
pub(crate) struct Tracing {
    on: Cell<bool>,
    problem: RefCell<Option<Error>>,
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
        self.on.get()
    }

    /// Notes that a plain number was read.
    #[track_caller]
    pub fn note_read(&self, what: &str) {
        if self.is_on() {
            let site = Location::caller();
            self.note(Error::tape(format!(
                "compile: {what} read at {site} while compiling; the program would keep what was done with it. Use ops on \
                 variables (select for a choice), or return it as an output"
            )));
        }
    }
    /// Notes what a program cannot do.
    pub fn note(&self, problem: Error) {
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
