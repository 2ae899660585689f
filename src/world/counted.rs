//! Worlds to measure with: one that counts what it sends, and one that is a single rank of many.

use super::{World, check_peer};
use crate::error::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A world that counts what goes through it: what a rank of a thousand would send can be measured by one.
///
/// # Examples
/// ```
/// use retrograd::world::{self, Counted, World};
/// let counts = world::threads(4).run(|world| {
///     let world = Counted::new(world);
///     world::sum(&world, &mut [1.0f32; 1000], &mut []).unwrap();
///     world.counts()
/// });
/// // Half, a quarter, and the same back: 2 (1 - 1/4) times the vector, in two exchanges each way.
/// assert_eq!((counts[0].messages, counts[0].bytes), (4, 6000));
/// ```
#[derive(Clone, Debug)]
pub struct Counted<W> {
    world: W,
    sent: Arc<[AtomicU64; 2]>,
}

/// What a rank has sent.
///
/// # Examples
/// ```
/// use retrograd::world::{self, Counted, Counts};
/// assert_eq!(Counted::new(world::alone()).counts(), Counts { messages: 0, bytes: 0 });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages.
    pub messages: u64,
    /// The bytes in them.
    pub bytes: u64,
}

impl<W: World> Counted<W> {
    /// Counts from 0.
    pub fn new(world: W) -> Self {
        Self { world, sent: Arc::default() }
    }
    /// What was sent so far, by all copies.
    pub fn counts(&self) -> Counts {
        let [messages, bytes] = [0, 1].map(|k| self.sent[k].load(Ordering::Relaxed));
        Counts { messages, bytes }
    }
    fn count(&self, bytes: &[u8]) {
        self.sent[0].fetch_add(1, Ordering::Relaxed);
        self.sent[1].fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }
}

// A broadcast is left to the trait, so that its messages are counted one by one.
impl<W: World> World for Counted<W> {
    fn rank(&self) -> usize {
        self.world.rank()
    }
    fn size(&self) -> usize {
        self.world.size()
    }
    fn send(&self, to: usize, bytes: &[u8]) -> Result<()> {
        self.count(bytes);
        self.world.send(to, bytes)
    }
    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        self.world.receive(from, bytes)
    }
    fn exchange(&self, peer: usize, sent: &[u8], received: &mut [u8]) -> Result<()> {
        self.count(sent);
        self.world.exchange(peer, sent, received)
    }
    fn abandon(&self, why: &str) {
        self.world.abandon(why);
    }
}

/// One rank of a world of any size in which nobody else is: what it receives are zeros, and what it sends goes nowhere. With
/// [`Counted`], it measures what a rank among a thousand would send.
///
/// # Examples
/// ```
/// use retrograd::world::{self, Counted, Simulated};
/// let world = Counted::new(Simulated::new(7, 1024));
/// world::sum(&world, &mut vec![0.0f32; 1 << 20], &mut [])?;
/// // Ten exchanges each way, and 2 (1 - 1/1024) times 4 MiB.
/// assert_eq!((world.counts().messages, world.counts().bytes), (20, 2 * 1023 * 4096));
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulated {
    rank: usize,
    size: usize,
}

impl Simulated {
    /// This rank of so many.
    ///
    /// # Panics
    /// There is no such rank.
    pub fn new(rank: usize, size: usize) -> Self {
        assert!(rank < size, "simulated: no rank {rank} of {size}");
        Self { rank, size }
    }
}

impl World for Simulated {
    fn rank(&self) -> usize {
        self.rank
    }
    fn size(&self) -> usize {
        self.size
    }
    fn send(&self, to: usize, _: &[u8]) -> Result<()> {
        check_peer(self, to)
    }
    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        check_peer(self, from)?;
        bytes.fill(0);
        Ok(())
    }
    fn abandon(&self, _: &str) {}
}
