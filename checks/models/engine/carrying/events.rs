//! Where the events of one context go: a list of them.

use std::cell::Cell;

use loom::cell::UnsafeCell;
use loom::sync::{Condvar, Mutex};

use super::in_flight::InFlight;
use crate::abi::io_event;

/// Requests are numbered, below this.
pub const REQUESTS: usize = 4;

/// See the module.
#[derive(Default)]
pub struct Events {
    pub completions: Completions,
    pub in_flight: InFlight,
    /// Loom reports two owners of a request.
    owned: [UnsafeCell<()>; REQUESTS],
    /// A request takes until that other one is done.
    others: [Cell<Option<u32>>; REQUESTS],
    /// What is in the files of a lane: loom reports who reads or writes beside a writer. The first is no lane's.
    pub lanes: [UnsafeCell<()>; 3],
    /// Requests in the order in which they were begun and ended: number, and whether it is the end.
    steps: std::sync::Mutex<Vec<(u32, bool)>>,
    /// Loom reports an access after the context is gone.
    memory: UnsafeCell<()>,
}

/// The events that were posted.
#[derive(Default)]
pub struct Completions {
    posted: Mutex<Vec<(u32, i32)>>,
    changed: Condvar,
}

impl Completions {
    pub fn post(&self, event: io_event, signal: impl FnOnce()) {
        let mut posted = self.posted.lock().unwrap();
        posted.push((event.number, event.result));
        signal();
        drop(posted);
        self.changed.notify_all();
    }
}

impl Events {
    /// The caller owns a request.
    pub fn own(&self, number: u32) {
        self.owned[number as usize].with_mut(|_| ());
    }

    /// A request is begun.
    pub fn begin(&self, number: u32) {
        self.steps.lock().unwrap().push((number, false));
    }

    /// A request has ended.
    pub fn end(&self, number: u32) {
        self.steps.lock().unwrap().push((number, true));
    }

    /// Whether a request had ended when another one was begun.
    pub fn was_before(&self, one: u32, other: u32) -> bool {
        let steps = self.steps.lock().unwrap();
        let place = |step| steps.iter().position(|&found| found == step).unwrap();
        place((one, true)) < place((other, false))
    }

    /// A request is to take until another one is done.
    pub fn set_other(&self, number: u32, other: u32) {
        self.others[number as usize].set(Some(other));
    }

    pub fn wait_for_other(&self, number: u32) {
        if let Some(other) = self.others[number as usize].get() {
            self.wait(other);
        }
    }

    /// Waits until a request is done.
    pub fn wait(&self, number: u32) {
        let mut posted = self.completions.posted.lock().unwrap();
        while posted.iter().all(|event| event.0 != number) {
            posted = self.completions.changed.wait(posted).unwrap();
        }
    }

    /// How a request ended, each time.
    pub fn results(&self, number: u32) -> Vec<i32> {
        let posted = self.completions.posted.lock().unwrap();
        let of_it = posted.iter().filter(|event| event.0 == number);
        of_it.map(|event| event.1).collect()
    }

    pub fn wake(&self) {
        self.memory.with(|_| ());
    }

    /// The context's memory goes.
    pub fn free(&self) {
        self.memory.with_mut(|_| ());
    }
}
