//! Threads that wait for work: a pool of a caller's own, started when it is made.
//!
//! A run hands out numbered tasks; whoever is free takes the next one, the caller too. Idle threads sleep on a condition
//! variable and are woken once a run; nothing spins. There is no global pool, and a pool of one starts no thread at all.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// The caller's thread and those that help it.
pub(crate) struct Workers {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    started: Condvar,
    finished: Condvar,
    next: AtomicUsize,
    panicked: AtomicBool,
}

struct State {
    /// Counts runs, so that a helper joins each at most once.
    run: u64,
    job: Option<Job>,
    /// Helpers that are inside the job.
    inside: usize,
    stop: bool,
}

#[derive(Clone, Copy)]
struct Job {
    work: &'static (dyn Fn(usize, usize) + Sync),
    tasks: usize,
}

/// No pool has more threads than this, however many are asked for: beyond those that the machine has, each costs and none works.
const MOST: usize = 256;

impl Workers {
    /// A pool of `n` threads, the caller's included; at least one, at most [`MOST`].
    pub fn new(n: usize) -> Self {
        let state = State { run: 0, job: None, inside: 0, stop: false };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            started: Condvar::new(),
            finished: Condvar::new(),
            next: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
        });
        let start = |worker| {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name(format!("retrograd-{worker}"));
            // A machine that gives no more threads gets by with fewer.
            thread.spawn(move || shared.help(worker)).ok()
        };
        let helpers = (1..n.min(MOST)).map_while(start).collect();
        Self { shared, helpers }
    }

    /// How many threads work, the caller's included.
    pub fn threads(&self) -> usize {
        1 + self.helpers.len()
    }

    /// Calls `work(worker, task)` for every task in `0..tasks`, each once, in any order; workers are numbered from 0, the
    /// caller. Returns when all are done.
    ///
    /// # Panics
    /// Some task does.
    pub fn run(&mut self, tasks: usize, work: &(dyn Fn(usize, usize) + Sync)) {
        if self.helpers.is_empty() || tasks < 2 {
            (0..tasks).for_each(|task| work(0, task));
            return;
        }
        let shared = &*self.shared;
        // SAFETY: only the lifetime changes. Helpers use the reference between joining the run and leaving it, both under the
        // lock; below, the job is taken back and the last helper waited for before this function returns or unwinds.
        let work: &'static (dyn Fn(usize, usize) + Sync) = unsafe { std::mem::transmute(work) };
        let job = Job { work, tasks };
        shared.next.store(0, Ordering::Relaxed);
        let mut state = shared.lock();
        state.job = Some(job);
        state.run += 1;
        drop(state);
        if tasks == 2 {
            shared.started.notify_one()
        } else {
            shared.started.notify_all()
        }
        let own = catch_unwind(AssertUnwindSafe(|| shared.work(0, job)));
        let mut state = shared.lock();
        state.job = None;
        while state.inside > 0 {
            state = shared.finished.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        let panicked = shared.panicked.swap(false, Ordering::Relaxed);
        if let Err(panic) = own {
            resume_unwind(panic);
        }
        assert!(!panicked, "a worker thread panicked");
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, worker: usize, job: Job) {
        loop {
            let task = self.next.fetch_add(1, Ordering::Relaxed);
            if task >= job.tasks {
                break;
            }
            (job.work)(worker, task);
        }
    }

    fn help(&self, worker: usize) {
        let mut seen = 0;
        let mut state = self.lock();
        while !state.stop {
            if let Some(job) = state.job.filter(|_| state.run != seen) {
                seen = state.run;
                state.inside += 1;
                drop(state);
                if catch_unwind(AssertUnwindSafe(|| self.work(worker, job))).is_err() {
                    self.panicked.store(true, Ordering::Relaxed);
                }
                state = self.lock();
                state.inside -= 1;
                if state.inside == 0 {
                    self.finished.notify_one();
                }
            } else {
                state = self.started.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.started.notify_all();
        for helper in self.helpers.drain(..) {
            // A helper catches what its tasks throw, so there is nothing to pass on.
            let _ = helper.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_done_once_by_any_number_of_threads() {
        for n in [1, 2, 5] {
            let mut workers = Workers::new(n);
            assert_eq!(workers.threads(), n);
            for tasks in [0, 1, 2, 3, 100] {
                let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                workers.run(tasks, &|worker, task| {
                    assert!(worker < n);
                    counts[task].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{n} threads, {tasks} tasks");
            }
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_works_on() {
        let mut workers = Workers::new(2);
        for bad in [0, 1, 19] {
            let result = catch_unwind(AssertUnwindSafe(|| {
                workers.run(20, &|_, task| assert!(task != bad, "task {task}"));
            }));
            assert!(result.is_err());
        }
        let sum = AtomicUsize::new(0);
        workers.run(20, &|_, task| _ = sum.fetch_add(task, Ordering::Relaxed));
        assert_eq!(sum.into_inner(), 190);
    }
}
