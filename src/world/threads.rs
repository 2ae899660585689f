//! Ranks that are threads of one process: channels between each two of them.

use super::{World, check_peer, gone, other_length};
use crate::error::{Error, Result};
use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The ranks of [`threads`], to be handed out: one for each thread.
///
/// # Examples
/// ```
/// use retrograd::world::{self, World};
/// let ranks: Vec<usize> = world::threads(2).into_iter().map(|world| world.rank()).collect();
/// assert_eq!(ranks, [0, 1]);
/// ```
#[derive(Debug)]
pub struct Threads(Vec<Thread>);

/// One of several threads that work together as processes do. A copy is the same rank.
///
/// # Examples
/// ```
/// use retrograd::world::{self, World};
/// // A rank that panics is named to those who wait for it.
/// let mut ranks = world::threads(2).into_iter();
/// let (first, second) = (ranks.next().unwrap(), ranks.next().unwrap());
/// drop(second);
/// let error = first.receive(1, &mut [0]).unwrap_err().to_string();
/// assert!(error.starts_with("world: rank 1 has left"), "{error}");
/// ```
#[derive(Clone)]
pub struct Thread(Arc<Ends>);

/// A rank's ends of its channels. No list is locked for longer than a message takes.
struct Ends {
    rank: usize,
    /// To each rank; none to itself.
    to: Vec<Option<Mutex<Sender<Message>>>>,
    from: Vec<Option<Mutex<Incoming>>>,
    /// Which rank was found to have left first, and why: that is why this one leaves, too.
    cause: Mutex<Option<String>>,
}

struct Incoming {
    channel: Receiver<Message>,
    /// Why nothing comes any more.
    left: Option<String>,
}

enum Message {
    Bytes(Vec<u8>),
    Left(String),
}

/// So many ranks in this process, at least one.
///
/// # Examples
/// The same model from one thread and from three:
/// ```
/// use retrograd::{data::synthetic, nn::Mlp, optim::Adam, train::Trainer, world};
/// let weights = |ranks| {
///     world::threads(ranks).run(|world| {
///         let data = synthetic::two_moons::<f32>(64, 0.1, 0)?;
///         let mut model = Mlp::new(2).dense(8).tanh().dense(2).build(0)?;
///         Trainer::new(Adam::new(0.1)).epochs(3).world(&world).fit(&mut model, &data)?;
///         Ok::<_, retrograd::Error>(model.parameter("dense1.weight")?.to_vec())
///     })
/// };
/// assert_eq!(weights(3)[2], weights(1)[0]);
/// ```
pub fn threads(ranks: usize) -> Threads {
    let ranks = ranks.max(1);
    let mut to: Vec<Vec<_>> = (0..ranks).map(|_| Vec::new()).collect();
    let mut from: Vec<Vec<_>> = (0..ranks).map(|_| Vec::new()).collect();
    for (sender, to) in to.iter_mut().enumerate() {
        for (receiver, from) in from.iter_mut().enumerate() {
            let (a, b) = channel();
            let other = sender != receiver;
            to.push(other.then(|| Mutex::new(a)));
            from.push(other.then(|| Mutex::new(Incoming { channel: b, left: None })));
        }
    }
    let ends = to.into_iter().zip(from).enumerate();
    Threads(ends.map(|(rank, (to, from))| Thread(Arc::new(Ends { rank, to, from, cause: Mutex::default() }))).collect())
}

impl Threads {
    /// Calls the closure once for each rank, on a thread of its own, and returns what they return, in the order of ranks.
    ///
    /// # Panics
    /// Some rank does, once all have ended.
    pub fn run<R: Send>(self, work: impl Fn(Thread) -> R + Sync) -> Vec<R> {
        let work = &work;
        std::thread::scope(|scope| {
            let running: Vec<_> = self.0.into_iter().map(|rank| scope.spawn(move || work(rank))).collect();
            let ended: Vec<_> = running.into_iter().map(|thread| thread.join()).collect();
            ended.into_iter().map(|end| end.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        })
    }
}

impl IntoIterator for Threads {
    type Item = Thread;
    type IntoIter = std::vec::IntoIter<Thread>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl World for Thread {
    fn rank(&self) -> usize {
        self.0.rank
    }
    fn size(&self) -> usize {
        self.0.to.len()
    }
    fn send(&self, to: usize, bytes: &[u8]) -> Result<()> {
        check_peer(self, to)?;
        let channel = self.0.to[to].as_ref().expect("a channel to each other rank");
        let sent = locked(channel).send(Message::Bytes(bytes.to_vec()));
        sent.map_err(|_| {
            // What it sent before it left is of no use any more, but for the reason at its end.
            let mut incoming = locked(self.0.from[to].as_ref().expect("a channel from each other rank"));
            let said = incoming.channel.try_iter().find_map(|message| match message {
                Message::Left(why) => Some(why),
                Message::Bytes(_) => None,
            });
            let why = incoming.left.take().or(said).unwrap_or_else(|| "its thread has ended".to_owned());
            self.0.lost(to, why, &mut incoming)
        })
    }
    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        check_peer(self, from)?;
        let mut incoming = locked(self.0.from[from].as_ref().expect("a channel from each other rank"));
        if let Some(why) = &incoming.left {
            return Err(gone(from, why));
        }
        let why = match incoming.channel.recv() {
            Ok(Message::Bytes(message)) if message.len() == bytes.len() => {
                bytes.copy_from_slice(&message);
                return Ok(());
            }
            Ok(Message::Bytes(message)) => return Err(other_length(from, bytes.len(), message.len())),
            Ok(Message::Left(why)) => why,
            Err(_) => "its thread has ended".to_owned(),
        };
        Err(self.0.lost(from, why, &mut incoming))
    }
    fn abandon(&self, why: &str) {
        self.0.leave(why);
    }
}

impl Ends {
    /// Notes that a rank has left, and says so.
    fn lost(&self, rank: usize, why: String, incoming: &mut Incoming) -> Error {
        let error = gone(rank, &why);
        locked(&self.cause).get_or_insert_with(|| format!("rank {rank} has left: {why}"));
        incoming.left = Some(why);
        error
    }

    fn leave(&self, why: &str) {
        for channel in self.to.iter().flatten() {
            // Whoever has ended need not know.
            let _ = locked(channel).send(Message::Left(why.to_owned()));
        }
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        let cause = locked(&self.cause).take();
        let own = if std::thread::panicking() { "it panicked" } else { "its thread has ended" };
        self.leave(cause.as_deref().unwrap_or(own));
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thread {{ rank: {}, size: {} }}", self.rank(), self.size())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
