//! Several processes that work on one thing: who they are, how bytes go from one to another, and sums whose bits do not depend on
//! how many there are.
//!
//! A [`World`] is what a process sees: its rank, how many there are, and messages. [`alone`] is one process by itself, [`threads`]
//! are several in one process, for tests and teaching, and `mpi` (with the feature `mpi`) the processes that `mpirun` or Slurm
//! started. `Trainer::world` trains on one.
//!
//! Floating-point addition is not associative, so a sum's bits depend on the order of its additions. Here the order is that of a
//! binary tree over numbered pieces of the work, which nobody's number of processes changes: pieces are [shared out](share) so that
//! each rank has a whole subtree, adds it up by itself ([`Tree`]), and [`sum`] goes on with the same tree from rank to rank.
//!
//! A process that ends while others wait for it says so: whoever waits gets an error that names it, instead of waiting for ever.
//!
//! ```
//! use retrograd::world::{self, Tree, World, share};
//! // Eight numbers, added up by one, two and three ranks: the same bits.
//! let add = |left: f32, right: f32| left + right;
//! let sum = |ranks: usize| {
//!     world::threads(ranks).run(|world| {
//!         let mut tree = Tree::new();
//!         share(8, world.rank(), ranks)?.for_each(|k| tree.push(Some(0.1 * k as f32), add));
//!         let mut own = [tree.finish(add).unwrap_or(-0.0)];
//!         world::sum(&world, &mut own, &mut [])?;
//!         Ok::<_, retrograd::Error>(own[0])
//!     })
//! };
//! assert_eq!((sum(2)[1].clone(), sum(3)[2].clone()), (sum(1)[0].clone(), sum(1)[0].clone()));
//! ```
//!
//! Does not own: what is summed, or when. Cost of [`sum`]: log2(ranks) exchanges each way, in which a rank sends
//! 2 (1 - 1 / ranks) times the vector where the number of ranks is a power of two, and at most 3 times where it is not.

mod alone;
mod bytes;
mod counted;
#[cfg(feature = "mpi")]
mod mpi;
mod sum;
mod threads;
mod tree;

pub use alone::{Alone, alone};
pub use bytes::{read_numbers, write_numbers};
pub use counted::{Counted, Counts, Simulated};
#[cfg(feature = "mpi")]
pub use mpi::{Mpi, mpi};
pub use sum::{sum, sum_of};
pub use threads::{Thread, Threads, threads};
pub use tree::{Tree, share};

use crate::error::{Error, Result};

/// The processes that work together, as one of them sees them.
///
/// A message is a run of bytes; two ranks' messages arrive in the order in which they were sent. Whoever is waited for and has ended,
/// by an error, a panic or too early, is an error that names it.
///
/// # Examples
/// ```
/// use retrograd::world::{self, World};
/// let sums = world::threads(3).run(|world| {
///     // Each rank sends its number to rank 0, which tells all of them the sum.
///     let mut total = [world.rank() as u8];
///     if world.rank() > 0 {
///         world.send(0, &total)?;
///     } else {
///         for rank in 1..world.size() {
///             let mut number = [0];
///             world.receive(rank, &mut number)?;
///             total[0] += number[0];
///         }
///     }
///     world.broadcast(0, &mut total)?;
///     Ok::<_, retrograd::Error>(total[0])
/// });
/// assert_eq!(sums, [Ok(3), Ok(3), Ok(3)]);
/// ```
pub trait World {
    /// The number of this process, from 0.
    fn rank(&self) -> usize;

    /// How many processes there are.
    fn size(&self) -> usize;

    /// Sends a message. It may return before the message is received, or wait for that.
    ///
    /// # Errors
    /// The other rank has ended.
    fn send(&self, to: usize, bytes: &[u8]) -> Result<()>;

    /// Waits for the next message of this rank, and fills `bytes` with it.
    ///
    /// # Errors
    /// The other rank has ended; the message has another length, as where two ranks do not do the same.
    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()>;

    /// Sends to a rank, and receives from it, which does the same.
    ///
    /// # Errors
    /// As [`World::send`] and [`World::receive`].
    fn exchange(&self, peer: usize, sent: &[u8], received: &mut [u8]) -> Result<()> {
        // One after the other, so that two sends never wait for each other.
        if self.rank() < peer {
            self.send(peer, sent)?;
            self.receive(peer, received)
        } else {
            self.receive(peer, received)?;
            self.send(peer, sent)
        }
    }

    /// Gives every rank the bytes that `root` has: log2(ranks) messages one after the other.
    ///
    /// # Errors
    /// As [`World::send`] and [`World::receive`].
    fn broadcast(&self, root: usize, bytes: &mut [u8]) -> Result<()> {
        let size = self.size();
        if root >= size {
            return Err(Error::argument(format!("world: no rank {root}; there are {size}, from 0")));
        }
        let place = (self.rank() + size - root) % size;
        let rank_of = |place: usize| (place + root) % size;
        // The highest bit of a place says who tells it; those above it are whom it tells.
        let mut distance = 1;
        if place > 0 {
            distance = 1 << place.ilog2();
            self.receive(rank_of(place - distance), bytes)?;
            distance *= 2;
        }
        while place + distance < size {
            self.send(rank_of(place + distance), bytes)?;
            distance *= 2;
        }
        Ok(())
    }

    /// Leaves for good: whoever waits for this rank gets an error that says why. To be called where this rank alone meets an error.
    fn abandon(&self, why: &str);
}

/// Whether all is well on all ranks: otherwise everybody gets the first error in the order of ranks.
///
/// # Errors
/// That of this rank or of another, which is named then.
///
/// # Examples
/// ```
/// use retrograd::{Error, world::{self, World}};
/// let told = world::threads(2).run(|world| {
///     let read = if world.rank() == 1 { Err(Error::io("cannot read a.csv")) } else { Ok(()) };
///     world::agree(&world, read).unwrap_err().to_string()
/// });
/// assert_eq!(told, ["rank 1: cannot read a.csv"; 2]);
/// ```
pub fn agree(world: &dyn World, outcome: Result<()>) -> Result<()> {
    if world.size() == 1 {
        return outcome;
    }
    // A first byte says that there is an error, whatever its text is.
    let own = outcome.as_ref().err().map(|error| format!("!{error}")).unwrap_or_default();
    let texts = gather(world, own.as_bytes())?;
    match texts.iter().position(|text| !text.is_empty()) {
        // An error keeps its kind where it arose.
        Some(rank) if rank == world.rank() => outcome.map_err(|error| error.within(&format!("rank {rank}"))),
        Some(rank) => Err(Error::argument(format!("rank {rank}: {}", String::from_utf8_lossy(&texts[rank][1..])))),
        None => Ok(()),
    }
}

/// What each rank has to say, in the order of ranks, of any lengths.
///
/// # Errors
/// As [`World::receive`].
///
/// # Examples
/// ```
/// use retrograd::world::{self, World};
/// let heard = world::threads(3).run(|world| {
///     let own = "x".repeat(world.rank());
///     world::gather(&world, own.as_bytes()).unwrap()
/// });
/// assert_eq!(heard[0], [b"".to_vec(), b"x".to_vec(), b"xx".to_vec()]);
/// assert!(heard.iter().all(|all| *all == heard[0]));
/// ```
pub fn gather(world: &dyn World, own: &[u8]) -> Result<Vec<Vec<u8>>> {
    (0..world.size()).map(|root| tell(world, root, own)).collect()
}

/// The bytes that `root` has, of any length; those of the others are not looked at.
///
/// # Errors
/// As [`World::receive`]; the ranks do not do the same.
///
/// # Examples
/// ```
/// use retrograd::world::{self, World};
/// let told = world::threads(2).run(|world| world::tell(&world, 1, &[world.rank() as u8; 3]).unwrap());
/// assert_eq!(told, [[1, 1, 1], [1, 1, 1]]);
/// ```
pub fn tell(world: &dyn World, root: usize, own: &[u8]) -> Result<Vec<u8>> {
    // A length is marked as one, so that no other message is taken for it.
    const MARK: u64 = 0x7265_7472_6f67_7264;
    let mut bytes = if root == world.rank() { own.to_vec() } else { Vec::new() };
    let mut head = [MARK.to_le_bytes(), (bytes.len() as u64).to_le_bytes()];
    world.broadcast(root, head.as_flattened_mut())?;
    let [mark, length] = head.map(u64::from_le_bytes);
    if mark != MARK {
        return Err(Error::argument(format!("world: rank {root} sent something else: the ranks do not do the same")));
    }
    bytes.resize(length as usize, 0);
    world.broadcast(root, &mut bytes)?;
    Ok(bytes)
}

/// An error unless it is the rank of another.
fn check_peer(world: &dyn World, peer: usize) -> Result<()> {
    match peer {
        _ if peer >= world.size() => {
            Err(Error::argument(format!("world: no rank {peer}; there are {}, from 0", world.size())))
        }
        _ if peer == world.rank() => Err(Error::argument(format!("world: rank {peer} has no messages for itself"))),
        _ => Ok(()),
    }
}

/// What is said of a rank that has ended.
fn gone(rank: usize, why: &str) -> Error {
    Error::io(format!("world: rank {rank} has left: {why}"))
}

/// What is said of a message of another length.
fn other_length(from: usize, wanted: usize, got: usize) -> Error {
    Error::argument(format!(
        "world: a message of {wanted} bytes was expected from rank {from}, one of {got} came: the ranks do not do the same"
    ))
}
