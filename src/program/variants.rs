//! A cache of compiled variants of one thing: by shape, by key, by the way that its comparisons went.
//!
//! In compiler terms: an inline cache with a guard on each entry, the most recently used first.
//!
//! Whether a variant is the one may show only when it runs, so a look-up is an attempt: variants are asked in turn, from the one
//! that was used last, and the first that answers is it.

use crate::error::Result;

/// Variants, the last used one at the end.
pub(super) struct Variants<V> {
    kept: Vec<V>,
    limit: usize,
}

impl<V> Variants<V> {
    /// None yet; no more than so many are kept, and the one that was used least recently goes.
    pub fn new(limit: usize) -> Self {
        Self { kept: Vec::new(), limit }
    }

    /// What the first of these variants that answers says.
    pub fn find<R>(
        &mut self,
        of_these: impl Fn(&V) -> bool,
        mut ask: impl FnMut(&mut V) -> Result<Option<R>>,
    ) -> Result<Option<R>> {
        for k in (0..self.kept.len()).rev() {
            if !of_these(&self.kept[k]) {
                continue;
            }
            if let Some(answer) = ask(&mut self.kept[k])? {
                self.kept[k..].rotate_left(1);
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// Adds a variant as the last used; of those that are of its kind, no more than so many are kept.
    pub fn keep(&mut self, variant: V, of_its_kind: impl Fn(&V) -> bool, limit_of_kind: usize) {
        if self.kept.iter().filter(|kept| of_its_kind(kept)).count() == limit_of_kind {
            let oldest = self.kept.iter().position(of_its_kind).expect("just counted");
            self.kept.remove(oldest);
        }
        if self.kept.len() == self.limit {
            self.kept.remove(0);
        }
        self.kept.push(variant);
    }

    /// The one of these that was used last.
    pub fn last(&self, of_these: impl Fn(&V) -> bool) -> Option<&V> {
        self.kept.iter().rev().find(|kept| of_these(kept))
    }
}
