//! What threads sleep at, and the clock.
//!
//! The clock stands, until a model lets it go on: a sleep lasts until somebody ends it, and loom reports a thread that
//! nobody wakes. Those that are shorter than any wait of the library for another thread are over at once.

use std::cell::Cell;
use std::ptr;

use loom::sync::{Condvar, Mutex};

use super::errno::Errno;
use crate::signal;

/// A shorter sleep is over at once.
pub(super) const SHORT: i64 = 10_000_000;

/// What the clock says when a process starts: later than any time that the library waits.
const START: i64 = 1_000_000_000_000;

/// Where threads sleep: the kernel's lock of what they sleep for.
#[derive(Default)]
pub struct Place {
    lock: Mutex<()>,
    changed: Condvar,
}

/// All places of a process.
#[derive(Default)]
pub struct Places {
    /// Words.
    pub words: Place,
    /// Contexts.
    pub contexts: Place,
    /// Sockets.
    pub sockets: Place,
    /// Requests whose system call is in the hands of a helper.
    pub files: Place,
    /// The program, until it is told.
    pub notices: Place,
}

thread_local! {
    static PLACES: Cell<*const Places> = const { Cell::new(ptr::null()) };
    static NOW: Cell<i64> = const { Cell::new(0) };
}

/// A process that lives until this is dropped.
pub struct Life(Box<Places>);

impl Life {
    pub fn start() -> Life {
        let life = Life(Box::default());
        NOW.set(START);
        PLACES.set(&raw const *life.0);
        life
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        PLACES.set(ptr::null());
    }
}

/// The places of the current process.
pub fn places() -> &'static Places {
    let places = PLACES.get();
    assert!(!places.is_null(), "no process");
    unsafe { &*places }
}

/// Nanoseconds of the clock.
pub fn now() -> i64 {
    NOW.get()
}

/// Lets the clock go on.
pub fn tick(nanoseconds: i64) {
    NOW.set(NOW.get() + nanoseconds);
    let places = places();
    for place in [&places.words, &places.contexts, &places.sockets] {
        place.change(|| ());
    }
}

impl Place {
    /// Does something in one step, and lets those look again who sleep here.
    pub fn change<T>(&self, body: impl FnOnce() -> T) -> T {
        let held = self.lock.lock().unwrap();
        let result = body();
        drop(held);
        self.changed.notify_all();
        result
    }

    /// Looks in one step.
    pub fn look<T>(&self, body: impl FnOnce() -> T) -> T {
        let _held = self.lock.lock().unwrap();
        body()
    }

    /// Sleeps until `look` finds something. EINTR: a handler ran. ETIMEDOUT: the moment `until` has come.
    pub fn sleep<T>(&self, until: i64, mut look: impl FnMut() -> Option<T>) -> Result<T, Errno> {
        if signal::point() {
            return Err(Errno::EINTR);
        }
        let is_short = until - now() < SHORT;
        let mut held = self.lock.lock().unwrap();
        loop {
            if let Some(found) = look() {
                return Ok(found);
            }
            if is_short {
                drop(held);
                crate::sync::yield_now();
                return Err(Errno::ETIMEDOUT);
            }
            if now() >= until {
                return Err(Errno::ETIMEDOUT);
            }
            held = self.changed.wait(held).unwrap();
        }
    }
}
