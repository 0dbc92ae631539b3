//! The helper threads: they carry out what would make `io_submit` wait for a disk.
//!
//! There is one queue for the process. Submitting a request only pushes it, with one exchange, so a
//! signal handler may do it at any point. Helpers start when there is work, up to a limit, start
//! one another, and end after an idle second, so that they never keep a process alive.

use core::ptr;

use super::carry_out;
use super::requests::{BUSY, CANCELLED, QUEUED, Request, change, finish, give_back};
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::errno::Errno;
use crate::sys::futex;
use crate::sys::process::{self, Run};

/// A helper without work ends after so many nanoseconds.
const IDLE: i64 = 1_000_000_000;

/// The queue and its helpers. All zero: empty.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Helpers {
    /// Pushed requests, newest first.
    pushed: AtomicUsize,
    /// Requests in order, oldest first, once they were taken out of `pushed`; under `lock`.
    ordered: AtomicUsize,
    /// Taken by helpers, and by a thread that runs the queue itself where no helper can be started.
    /// 0: free, 1: taken, 2: taken, and somebody waits for it.
    lock: AtomicU32,
    /// Counts pushes; idle helpers sleep on it.
    pushes: AtomicU32,
    /// Helpers that sleep, or are about to.
    idle: AtomicU32,
    /// Helpers that there are.
    alive: AtomicU32,
    /// The process ends: helpers do not stay, and get nothing more to do. It stays set.
    ending: AtomicU32,
    /// How many helpers there may be.
    limit: AtomicU32,
}

impl Helpers {
    /// Says how many helpers there may be, before the first request.
    pub(crate) fn set_limit(&self, limit: u32) {
        self.limit.store(limit, Relaxed);
    }

    /// Makes sure that there is a helper. False: none can be started, or the process ends.
    pub(crate) fn are_there(&self) -> bool {
        // SeqCst: see `start_one`, which looks again. Who relies on a helper that is there finds one that
        // looks at the queue again before it ends, or none, in `push`.
        if self.ending.load(SeqCst) != 0 {
            return false;
        }
        // SeqCst: pairs with `retire`; the helper that ends last looks at the queue again.
        if self.alive.load(SeqCst) != 0 {
            return true;
        }
        self.start_one()
    }

    #[cold]
    fn start_one(&self) -> bool {
        let alive = self.alive.load(Relaxed);
        if alive >= self.limit.load(Relaxed)
            || self
                .alive
                .compare_exchange(alive, alive + 1, SeqCst, Relaxed)
                .is_err()
        {
            return alive != 0;
        }
        // SeqCst: pairs with `drain`, which says that the process ends and then looks who is alive.
        let ends = self.ending.load(SeqCst) != 0;
        // SAFETY: it is part of the state, which stays.
        if !ends && unsafe { process::start_thread(self) } {
            return true;
        }
        // SeqCst: pairs with `push`. Others may have relied on this helper meanwhile, and pushed.
        if self.alive.fetch_sub(1, SeqCst) > 1 {
            return true;
        }
        self.run_queue();
        false
    }

    /// Gives a request to the helpers. [`Helpers::wake`] must follow.
    ///
    /// # Safety
    /// The caller owns the request, and gives it away.
    pub(crate) unsafe fn push(&self, request: *mut Request) {
        let mut newest = self.pushed.load(Relaxed);
        loop {
            // SAFETY: it is the caller's until the exchange succeeds.
            unsafe { &*request }.next.store(newest, Relaxed);
            // SeqCst: releases the request; before `alive` and `idle` are looked at.
            match self
                .pushed
                .compare_exchange(newest, request.expose_provenance(), SeqCst, Relaxed)
            {
                Ok(_) => break,
                Err(found) => newest = found,
            }
        }
        // The helper that the caller relied on may have failed to start, or may just have ended.
        if self.alive.load(SeqCst) == 0 && !self.start_one() {
            self.run_queue();
        }
    }

    /// Wakes helpers for so many requests that were pushed.
    pub(crate) fn wake(&self, requests: u32) {
        if requests == 0 {
            return;
        }
        // SeqCst: a helper counts itself idle, then looks at the queue, then sleeps on `pushes`.
        self.pushes.fetch_add(1, SeqCst);
        if self.idle.load(SeqCst) != 0 {
            futex::wake(&self.pushes, requests);
        } else if !self.is_empty() {
            // All helpers are busy, perhaps for long.
            self.start_one();
        }
    }

    /// As [`Helpers::is_empty`], and no thread is between taking the pushed requests and ordering
    /// them.
    fn is_idle(&self) -> bool {
        self.take_lock();
        let is_empty = self.is_empty();
        self.drop_lock();
        is_empty
    }

    fn is_empty(&self) -> bool {
        self.pushed.load(SeqCst) == 0 && self.ordered.load(SeqCst) == 0
    }

    /// Carries out what is queued, in the calling thread.
    #[cold]
    fn run_queue(&self) {
        while let Some(request) = self.next() {
            self.carry_out(request);
        }
    }

    /// The oldest request of the queue.
    fn next(&self) -> Option<*mut Request> {
        self.take_lock();
        if self.ordered.load(Relaxed) == 0 {
            // Acquire: pairs with `push`.
            let mut newest = self.pushed.swap(0, AcqRel);
            while newest != 0 {
                let request: *mut Request = ptr::with_exposed_provenance_mut(newest);
                // SAFETY: what is in the queue is the helpers'.
                let next = unsafe { &(*request).next };
                let older = next.load(Relaxed);
                next.store(self.ordered.load(Relaxed), Relaxed);
                self.ordered.store(newest, SeqCst);
                newest = older;
            }
        }
        let oldest = self.ordered.load(Relaxed);
        let request: *mut Request = ptr::with_exposed_provenance_mut(oldest);
        if oldest != 0 {
            // SAFETY: as above.
            let next = unsafe { &(*request).next }.load(Relaxed);
            self.ordered.store(next, SeqCst);
        }
        self.drop_lock();
        (oldest != 0).then_some(request)
    }

    fn take_lock(&self) {
        // Acquire: pairs with `drop_lock`.
        if self.lock.compare_exchange(0, 1, Acquire, Relaxed).is_ok() {
            return;
        }
        while self.lock.swap(2, AcqRel) != 0 {
            let _ = futex::sleep_until(&self.lock, 2, futex::now() + IDLE);
        }
    }

    fn drop_lock(&self) {
        // Release: pairs with `take_lock`.
        if self.lock.swap(0, AcqRel) == 2 {
            futex::wake(&self.lock, 1);
        }
    }

    /// Carries one request out and posts its event.
    fn carry_out(&self, request: *mut Request) {
        // SAFETY: the request came out of the queue; its memory stays until it is finished.
        unsafe {
            if change(request, QUEUED, BUSY) {
                let details = &(*request).details;
                finish(request, carry_out::in_helper(details));
            } else if change(request, CANCELLED, BUSY) {
                finish(request, Err(Errno::ECANCELED));
            } else {
                give_back(request);
            }
        }
    }

    /// Waits until nothing is queued or being carried out, and no helper is there, for the end of the
    /// process. From now on requests are carried out by who submits them: those of handlers that the
    /// program registered earlier, which run after this, and those of threads that go on meanwhile.
    pub(crate) fn drain(&self) {
        // SeqCst: see `start_one`.
        self.ending.store(1, SeqCst);
        // Idle helpers end, and the others when nothing is left to do: also because the library's code
        // may go away with a program's plug-in.
        self.pushes.fetch_add(1, SeqCst);
        futex::wake(&self.pushes, u32::MAX >> 1);
        loop {
            let alive = self.alive.load(SeqCst);
            if alive == 0 {
                break;
            }
            let _ = futex::sleep_until(&self.alive, alive, futex::now() + 1_000_000);
        }
        // A helper that could not be started may have left something to a thread that is not here yet.
        self.run_queue();
    }

    /// Whether this helper may end: there is no work.
    fn retire(&self) -> bool {
        // SeqCst: pairs with `push`, which adds work and then looks whether anybody is alive.
        self.alive.fetch_sub(1, SeqCst);
        if self.is_idle() {
            return true;
        }
        self.alive.fetch_add(1, SeqCst);
        false
    }
}

/// What a helper does.
impl Run for Helpers {
    fn run(&self) {
        loop {
            if let Some(request) = self.next() {
                if !self.is_empty() && self.idle.load(SeqCst) == 0 {
                    self.start_one();
                }
                self.carry_out(request);
                continue;
            }
            let pushes = self.pushes.load(SeqCst);
            self.idle.fetch_add(1, SeqCst);
            let mut slept = Ok(());
            if self.is_idle() && self.ending.load(SeqCst) == 0 {
                slept = futex::sleep_until(&self.pushes, pushes, futex::now() + IDLE);
            }
            self.idle.fetch_sub(1, SeqCst);
            let ends = slept == Err(Errno::ETIMEDOUT) || self.ending.load(SeqCst) != 0;
            if ends && self.is_empty() && self.retire() {
                return;
            }
        }
    }
}
