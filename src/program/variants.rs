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

#[cfg(test)]
mod tests {
    use super::Variants;
    use crate::error::{Error, Result};

    /// Which are kept, from the one used last, as (kind, number).
    fn kept(variants: &mut Variants<(u8, u8)>) -> Vec<(u8, u8)> {
        let mut seen = Vec::new();
        let found: Result<Option<()>> = variants.find(
            |_| true,
            |variant| {
                seen.push(*variant);
                Ok(None)
            },
        );
        assert!(found.is_ok_and(|found| found.is_none()));
        seen
    }

    #[test]
    fn the_variant_used_least_recently_goes_first_of_its_kind_then_of_all() {
        let mut variants = Variants::new(4);
        for (kind, number) in [(0, 0), (1, 1), (0, 2), (1, 3)] {
            variants.keep((kind, number), |kept: &(u8, u8)| kept.0 == kind, 3);
        }
        let zero = variants.find(|kept| kept.0 == 0, |kept| Ok((kept.1 == 0).then_some("zero"))).unwrap();
        assert_eq!((zero, kept(&mut variants)), (Some("zero"), vec![(0, 0), (1, 3), (0, 2), (1, 1)]));
        assert_eq!(variants.last(|kept| kept.0 == 1), Some(&(1, 3)));
        // Of all four the one that waited longest; then of three of a kind.
        variants.keep((0, 4), |kept| kept.0 == 0, 3);
        assert_eq!(kept(&mut variants), [(0, 4), (0, 0), (1, 3), (0, 2)]);
        variants.keep((0, 5), |kept| kept.0 == 0, 3);
        assert_eq!(kept(&mut variants), [(0, 5), (0, 4), (0, 0), (1, 3)]);
    }

    #[test]
    fn an_error_ends_the_search_and_moves_nothing() {
        let mut variants = Variants::new(4);
        (0..3).for_each(|number| variants.keep((0, number), |_| true, 4));
        let refuse = |kept: &mut (u8, u8)| match kept.1 {
            1 => Err(Error::custom("one")),
            _ => Ok(None::<()>),
        };
        assert!(variants.find(|_| true, refuse).is_err());
        assert_eq!(kept(&mut variants), [(0, 2), (0, 1), (0, 0)]);
    }
}
