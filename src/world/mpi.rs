//! The processes that an MPI launcher started.
//!
//! Messages are MPI's own, point to point. Whoever waits does not block inside MPI but asks again and again, so that a rank that has
//! left is noticed: a rank says goodbye to all others when its world is dropped or abandoned, with the reason, as a message of its
//! own tag. A process that is killed says nothing; its launcher ends the others, and names it.
//!
//! **Invariant.** A rank finalizes MPI once all have said goodbye, and takes in what is still on its way until then, so that nobody
//! waits in a send to a rank that has left.

use super::{World, check_peer, gone, other_length};
use crate::error::{Error, Result};
use mpi::Tag;
use mpi::datatype::Equivalence;
use mpi::environment::Universe;
use mpi::point_to_point::{Message, Status};
use mpi::request::scope;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, Destination, Source};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

const DATA: Tag = 1;
const GOODBYE: Tag = 2;
/// The longest message that is sent at once: MPI counts in `i32`.
const LONGEST: usize = 1 << 30;
/// The longest goodbye: short enough that it is sent without waiting for its receiver.
const GOODBYE_BYTES: usize = 1000;
/// So often it is asked for a message before other processes get the core.
const PATIENCE: u32 = 2000;

/// A process among those that `mpirun` or Slurm's `srun` started. Made by [`mpi()`]. A copy is the same rank.
///
/// # Examples
/// ```no_run
/// use retrograd::world::{self, World};
/// let world = world::mpi()?;
/// println!("rank {} of {}", world.rank(), world.size());
/// # Ok::<(), retrograd::Error>(())
/// ```
#[derive(Clone)]
pub struct Mpi(Rc<Process>);

struct Process {
    communicator: SimpleCommunicator,
    /// Why each rank has left, where it has.
    left: RefCell<Vec<Option<String>>>,
    /// Which was found to have left first, and why: that is why this one leaves, too.
    cause: RefCell<Option<String>>,
    told: Cell<bool>,
    /// Finalizes MPI; dropped after all that is above.
    _universe: Universe,
}

/// The processes of this run; one, where no launcher has started several.
///
/// To be called once, and kept until the process has done its part: dropping it says goodbye to the others.
///
/// # Errors
/// MPI was begun before in this process.
///
/// # Examples
/// `mpirun -n 4 target/release/train`, with this in its `main`, trains with four processes, and without `mpirun` with one, to the same bits:
/// ```no_run
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::Trainer, world};
/// let world = world::mpi()?;
/// let data = synthetic::two_moons::<f32>(512, 0.1, 0)?;
/// let mut model = Mlp::new(2).dense(16).tanh().dense(2).build(0)?;
/// Trainer::new(Adam::new(0.01)).epochs(20).world(&world).fit(&mut model, &data)?;
/// # Ok::<(), retrograd::Error>(())
/// ```
pub fn mpi() -> Result<Mpi> {
    let universe = mpi::initialize().ok_or_else(|| {
        Error::argument("world: MPI was begun in this process before; call mpi() once, and pass the world on")
    })?;
    let communicator = universe.world();
    let left = RefCell::new(vec![None; communicator.size() as usize]);
    Ok(Mpi(Rc::new(Process {
        communicator,
        left,
        cause: RefCell::default(),
        told: Cell::new(false),
        _universe: universe,
    })))
}

impl World for Mpi {
    fn rank(&self) -> usize {
        self.0.communicator.rank() as usize
    }
    fn size(&self) -> usize {
        self.0.communicator.size() as usize
    }
    fn send(&self, to: usize, bytes: &[u8]) -> Result<()> {
        self.check(to)?;
        parts(bytes).for_each(|part| self.0.send(to, part, || {}));
        Ok(())
    }
    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        self.check(from)?;
        parts_mut(bytes).try_for_each(|part| self.0.receive(from, part))
    }
    fn exchange(&self, peer: usize, sent: &[u8], received: &mut [u8]) -> Result<()> {
        self.check(peer)?;
        let (mut to, mut from) = (parts(sent), parts_mut(received));
        loop {
            match (to.next(), from.next()) {
                (Some(sent), Some(received)) => {
                    let mut outcome = Ok(());
                    self.0.send(peer, sent, || outcome = self.0.receive(peer, received));
                    outcome?;
                }
                (Some(sent), None) => self.0.send(peer, sent, || {}),
                (None, Some(received)) => self.0.receive(peer, received)?,
                (None, None) => return Ok(()),
            }
        }
    }
    fn abandon(&self, why: &str) {
        self.0.say_goodbye(why);
    }
}

impl Mpi {
    fn check(&self, peer: usize) -> Result<()> {
        check_peer(self, peer)?;
        if self.0.told.get() {
            return Err(Error::argument("world: this rank has left; nothing is sent or received any more"));
        }
        self.0.left.borrow()[peer].as_deref().map_or(Ok(()), |why| Err(gone(peer, why)))
    }
}

impl Process {
    /// Sends, and does something else meanwhile.
    fn send(&self, to: usize, bytes: &[u8], meanwhile: impl FnOnce()) {
        let process = self.communicator.process_at_rank(to as i32);
        scope(|scope| {
            let request = process.immediate_send_with_tag(scope, bytes, DATA);
            meanwhile();
            request.wait_without_status();
        });
    }

    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        let process = self.communicator.process_at_rank(from as i32);
        let mut asked = 0;
        let (message, status) = loop {
            if let Some(found) = process.immediate_matched_probe() {
                break found;
            }
            asked += 1;
            if asked > PATIENCE {
                std::thread::yield_now();
            }
        };
        let length = status.count(u8::equivalent_datatype()) as usize;
        if status.tag() == DATA && length == bytes.len() {
            message.matched_receive_into(bytes);
            return Ok(());
        }
        let text = taken(message, &status);
        if status.tag() == DATA {
            return Err(other_length(from, bytes.len(), length));
        }
        let why = String::from_utf8_lossy(&text).into_owned();
        let error = gone(from, &why);
        self.cause.borrow_mut().get_or_insert_with(|| format!("rank {from} has left: {why}"));
        self.left.borrow_mut()[from] = Some(why);
        Err(error)
    }

    fn others(&self) -> impl Iterator<Item = i32> + '_ {
        let own = self.communicator.rank();
        (0..self.communicator.size()).filter(move |&rank| rank != own)
    }

    fn say_goodbye(&self, why: &str) {
        if self.told.replace(true) {
            return;
        }
        let end = (0..=GOODBYE_BYTES.min(why.len())).rev().find(|&end| why.is_char_boundary(end)).unwrap_or(0);
        for rank in self.others() {
            let process = self.communicator.process_at_rank(rank);
            scope(|scope| {
                process.immediate_send_with_tag(scope, &why.as_bytes()[..end], GOODBYE).wait_without_status()
            });
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let own = if std::thread::panicking() { "it panicked" } else { "its program has ended, or left its world" };
        let cause = self.cause.take();
        self.say_goodbye(cause.as_deref().unwrap_or(own));
        let here = self.left.get_mut().iter().flatten().count();
        let mut missing = self.communicator.size() as usize - 1 - here;
        while missing > 0 {
            match self.communicator.any_process().immediate_matched_probe() {
                Some((message, status)) => {
                    drop(taken(message, &status));
                    missing -= usize::from(status.tag() == GOODBYE);
                }
                None => std::thread::yield_now(),
            }
        }
    }
}

/// The bytes of a message of any length.
fn taken(message: Message, status: &Status) -> Vec<u8> {
    let mut bytes = vec![0; status.count(u8::equivalent_datatype()) as usize];
    message.matched_receive_into(&mut bytes[..]);
    bytes
}

/// A message of no bytes is one part, too.
fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let empty = bytes.is_empty().then_some(bytes);
    empty.into_iter().chain(bytes.chunks(LONGEST))
}

fn parts_mut(bytes: &mut [u8]) -> impl Iterator<Item = &mut [u8]> {
    let empty: Option<&mut [u8]> = bytes.is_empty().then_some(&mut []);
    empty.into_iter().chain(bytes.chunks_mut(LONGEST))
}

impl fmt::Debug for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mpi {{ rank: {}, size: {} }}", self.rank(), self.size())
    }
}
