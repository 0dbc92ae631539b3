//! The order of requests for one file that the kernel's AIO would have carried out inside `io_submit`,
//! one after the other, and that helpers have instead.
//!
//! Each file has a lane, which it may share with others. A request waits in it until those that were
//! submitted earlier have ended, as far as the kernel would have carried them out before:
//!
//! | request | begins after earlier | and later ones |
//! |---|---|---|
//! | write that the kernel does inside `io_submit` | writes and reads | wait for it |
//! | such a read | writes | wait for it, if they write |
//! | direct write within the file | writes and reads | do not |
//! | direct read, FSYNC | writes | do not |
//!
//! "Writes" and "reads" are those of the first two lines. Nothing overtakes what waits. No helper waits:
//! who ends a request puts those whose turn it is then in front of the queue.

use core::ptr;

use super::requests::{Details, Request, Work};
use crate::engine::tables::LANES;
use crate::sync::Ordering::{Relaxed, SeqCst};
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::futex;

/// All lanes. All zero: empty. The queue's lock is held for what does not say otherwise.
#[cfg_attr(loom, derive(Default))]
#[repr(C)]
pub(crate) struct Lanes([Lane; LANES]);

#[cfg_attr(loom, derive(Default))]
#[repr(C)]
struct Lane {
    /// Requests that others wait for, from their submission until they have ended. Changes without the
    /// lock, as do the two that follow.
    pending: AtomicU32,
    /// Those of them that write.
    pending_writes: AtomicU32,
    /// Threads of the program that wait until nothing is pending.
    waiting: AtomicU32,
    /// Reads that helpers have begun, or are to begin next.
    reading: AtomicU32,
    /// Whether there is such a write.
    writing: AtomicU32,
    /// Those that wait, linked by `next`.
    first: AtomicUsize,
    last: AtomicUsize,
}

/// Requests that are linked, the first and the last. 0: none.
#[derive(Default)]
pub(crate) struct Chain {
    pub first: usize,
    pub last: usize,
}

impl Chain {
    /// Adds a request behind the others.
    ///
    /// # Safety
    /// The requests are the caller's.
    unsafe fn push(&mut self, request: *mut Request) {
        let address = request.expose_provenance();
        // SAFETY: as the caller promises.
        unsafe { &(*request).next }.store(0, Relaxed);
        if self.first == 0 {
            self.first = address;
        } else {
            let last: *mut Request = ptr::with_exposed_provenance_mut(self.last);
            // SAFETY: as above.
            unsafe { &(*last).next }.store(address, Relaxed);
        }
        self.last = address;
    }
}

impl Lanes {
    /// The lane of this number; none for 0.
    fn lane(&self, lane: u32) -> Option<&Lane> {
        self.0.get(lane.wrapping_sub(1) as usize)
    }

    /// Whether a write of this lane is pending, without the lock.
    pub(crate) fn has_writes(&self, lane: u32) -> bool {
        // Relaxed: a thread sees its own requests, and those that it knows of from others.
        let lane = self.lane(lane);
        lane.is_some_and(|lane| lane.pending_writes.load(Relaxed) != 0)
    }

    /// Whether anything is, without the lock.
    pub(crate) fn is_busy(&self, lane: u32) -> bool {
        // Relaxed: as above.
        self.lane(lane)
            .is_some_and(|lane| lane.pending.load(Relaxed) != 0)
    }

    /// Whether a thread of the program waits for its turn. Others do not get before it for ever.
    pub(crate) fn is_waited_for(&self, lane: u32) -> bool {
        // Relaxed: one that is seen late waits longer.
        self.lane(lane)
            .is_some_and(|lane| lane.waiting.load(Relaxed) != 0)
    }

    /// A request is going to be sent: it is pending, if others wait for it. Without the lock.
    pub(crate) fn add(&self, details: &Details) {
        if let Some(lane) = self.lane(details.lane).filter(|_| details.is_waited_for) {
            lane.pending.fetch_add(1, Relaxed);
            lane.pending_writes
                .fetch_add(u32::from(details.work == Work::Write), Relaxed);
        }
    }

    /// A request has ended, or could not be sent. Without the lock.
    pub(crate) fn remove(&self, details: &Details) {
        if let Some(lane) = self.lane(details.lane).filter(|_| details.is_waited_for) {
            lane.pending_writes
                .fetch_sub(u32::from(details.work == Work::Write), Relaxed);
            // SeqCst: pairs with `wait`.
            if lane.pending.fetch_sub(1, SeqCst) == 1 && lane.waiting.load(SeqCst) != 0 {
                futex::wake(&lane.pending, u32::MAX >> 1);
            }
        }
    }

    /// Waits, in a thread of the program and without the lock, until nothing is pending that was sent
    /// before. Of the caller's all is sent.
    pub(crate) fn wait(&self, lane: u32) {
        let Some(lane) = self.lane(lane) else {
            return;
        };
        // SeqCst: pairs with `remove`.
        lane.waiting.fetch_add(1, SeqCst);
        loop {
            let pending = lane.pending.load(SeqCst);
            if pending == 0 {
                break;
            }
            let _ = futex::sleep_until(&lane.pending, pending, futex::now() + PATIENCE);
        }
        lane.waiting.fetch_sub(1, Relaxed);
    }

    /// Whether a request that comes out of the queue may begin. Else it waits here.
    ///
    /// # Safety
    /// The caller owns it, and gives it away if it waits.
    pub(crate) unsafe fn begin(&self, request: *mut Request) -> bool {
        // SAFETY: as the caller promises.
        let details = unsafe { &mut (*request).details };
        let Some(lane) = self.lane(details.lane).filter(|_| !details.has_turn) else {
            return true;
        };
        if lane.first.load(Relaxed) == 0 && lane.lets(details) {
            lane.enter(details);
            return true;
        }
        let mut waiting = lane.chain();
        // SAFETY: as the caller promises; those that wait are the lane's.
        unsafe { waiting.push(request) };
        lane.set_chain(&waiting);
        false
    }

    /// A request has ended: those whose turn it is now.
    pub(crate) fn end(&self, ended: &Details) -> Chain {
        let mut next = Chain::default();
        let Some(lane) = self.lane(ended.lane).filter(|_| ended.is_waited_for) else {
            return next;
        };
        if ended.work == Work::Write {
            lane.writing.store(0, Relaxed);
        } else {
            lane.reading.fetch_sub(1, Relaxed);
        }
        loop {
            let request: *mut Request = ptr::with_exposed_provenance_mut(lane.first.load(Relaxed));
            if request.is_null() {
                return next;
            }
            // SAFETY: those that wait are the lane's.
            let (details, following) = unsafe { (&mut (*request).details, &(*request).next) };
            if !lane.lets(details) {
                return next;
            }
            lane.enter(details);
            details.has_turn = true;
            lane.first.store(following.load(Relaxed), Relaxed);
            // SAFETY: it was just taken out.
            unsafe { next.push(request) };
        }
    }
}

impl Lane {
    fn chain(&self) -> Chain {
        Chain {
            first: self.first.load(Relaxed),
            last: self.last.load(Relaxed),
        }
    }

    fn set_chain(&self, chain: &Chain) {
        self.first.store(chain.first, Relaxed);
        self.last.store(chain.last, Relaxed);
    }

    /// Whether nothing that has begun is in the way of a request.
    fn lets(&self, details: &Details) -> bool {
        self.writing.load(Relaxed) == 0
            && (details.work != Work::Write || self.reading.load(Relaxed) == 0)
    }

    /// A request begins.
    fn enter(&self, details: &Details) {
        if !details.is_waited_for {
            return;
        }
        if details.work == Work::Write {
            self.writing.store(1, Relaxed);
        } else {
            self.reading.fetch_add(1, Relaxed);
        }
    }
}

/// A sleep has a deadline; it begins again.
const PATIENCE: i64 = 10_000_000;
