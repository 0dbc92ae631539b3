//! Requests as helpers and poller see them; the states are those of the library.

use std::cell::OnceCell;
use std::ffi::c_int;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};

use loom::cell::UnsafeCell;
use loom::sync::{Arc, Condvar, Mutex};

use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::errno::Errno;

pub const FREE: u32 = 0;
pub const BUSY: u32 = 1;
pub const QUEUED: u32 = 2;
pub const ARMED: u32 = 3;
pub const CANCELLED: u32 = 4;

#[derive(Default)]
pub struct Request {
    pub state: AtomicU32,
    pub poll: AtomicU32,
    pub next: AtomicUsize,
    pub details: Details,
}

#[derive(Default)]
pub struct Details {
    /// Loom reports two owners.
    pub owned: UnsafeCell<()>,
    pub done: Arc<Done>,
    /// The request takes until that one is done.
    pub waits_for: OnceCell<Arc<Done>>,
    pub fd: c_int,
    pub poll_events: u16,
}

/// Whether a request was carried out.
#[derive(Default)]
pub struct Done {
    results: Mutex<Vec<c_int>>,
    changed: Condvar,
}

impl Done {
    pub fn finish(&self, result: c_int) {
        self.results.lock().unwrap().push(result);
        self.changed.notify_all();
    }

    pub fn wait(&self) {
        let mut results = self.results.lock().unwrap();
        while results.is_empty() {
            results = self.changed.wait(results).unwrap();
        }
    }

    /// How it ended, each time.
    pub fn results(&self) -> Vec<c_int> {
        self.results.lock().unwrap().clone()
    }
}

/// # Safety
/// The caller owns the request.
pub unsafe fn give_back(request: *mut Request) {
    unsafe { &(*request).state }.store(FREE, Release);
}

/// # Safety
/// The request's memory is there.
pub unsafe fn change(request: *mut Request, from: u32, to: u32) -> bool {
    unsafe { &(*request).state }
        .compare_exchange(from, to, AcqRel, Relaxed)
        .is_ok()
}

/// # Safety
/// The caller owns the request.
pub unsafe fn finish(request: *mut Request, result: Result<c_int, Errno>) {
    let details = unsafe { &(*request).details };
    details.owned.with_mut(|_| ());
    details.done.finish(result.unwrap_or_else(Errno::negated));
    unsafe { give_back(request) };
}
