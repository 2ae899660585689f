//! One process by itself.

use super::World;
use crate::error::{Error, Result};

/// One process by itself. Made by [`alone`].
///
/// # Examples
/// ```
/// use retrograd::world::{self, Alone, World};
/// let mut numbers = [1.5];
/// world::sum(&Alone, &mut numbers, &mut [])?;
/// assert_eq!((numbers, Alone.size()), ([1.5], 1));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alone;

/// One process by itself: training on it gives the bits that training on any other world gives.
///
/// # Examples
/// ```
/// use retrograd::world::{self, World};
/// let world = world::alone();
/// assert_eq!((world.rank(), world.size()), (0, 1));
/// assert!(world.send(1, &[]).is_err());
/// ```
pub fn alone() -> Alone {
    Alone
}

impl World for Alone {
    fn rank(&self) -> usize {
        0
    }
    fn size(&self) -> usize {
        1
    }
    fn send(&self, to: usize, _: &[u8]) -> Result<()> {
        nobody(to)
    }
    fn receive(&self, from: usize, _: &mut [u8]) -> Result<()> {
        nobody(from)
    }
    fn abandon(&self, _: &str) {}
}

fn nobody(rank: usize) -> Result<()> {
    Err(Error::argument(format!("world: no messages with rank {rank}; this process is alone")))
}
