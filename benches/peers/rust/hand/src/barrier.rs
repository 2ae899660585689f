//! A barrier that spins: steps of a few microseconds leave no time for the system's.

use std::sync::atomic::{AtomicUsize, Ordering::*};

pub struct Barrier {
    threads: usize,
    arrived: AtomicUsize,
    passed: AtomicUsize,
}

impl Barrier {
    pub fn new(threads: usize) -> Self {
        Self { threads, arrived: AtomicUsize::new(0), passed: AtomicUsize::new(0) }
    }

    pub fn wait(&self) {
        if self.threads == 1 {
            return;
        }
        let passed = self.passed.load(Acquire);
        if self.arrived.fetch_add(1, AcqRel) + 1 == self.threads {
            self.arrived.store(0, Relaxed);
            self.passed.store(passed + 1, Release);
        } else {
            while self.passed.load(Acquire) == passed {
                std::hint::spin_loop();
            }
        }
    }
}
