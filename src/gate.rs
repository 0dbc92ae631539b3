//! Who may move a ring's `head` now.
//!
//! The kernel's reader loads `head`, copies events and stores `head` without comparing. So a reaper
//! in user space and a thread inside an `io_getevents` system call must never overlap, and neither
//! must two reapers. A reaper holds the gate for one bounded copy; threads in system calls are
//! counted. A reaper that finds either makes the system call instead of waiting.
//!
//! A signal handler may call while the thread that it interrupted holds the gate. It is recognised
//! by its thread and does not wait; `ring::disturb_head` then makes the interrupted reap start over.
//! Until the handler has returned, callers of other threads wait: see CAVEATS in libaio(7).

use crate::sync::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::sync::{AtomicU32, AtomicUsize, SPINS, signal_fence, sleep_while, spin_loop, wake_all};

/// The gate of one context. All zero: open, nobody inside.
#[derive(Default)]
#[repr(C)]
pub struct Gate {
    /// The thread of the reaper inside, with [`DONE`] once it has moved `head`; 0: none.
    holder: AtomicUsize,
    /// Threads that are in, or about to make, a system call that may move `head`.
    callers: AtomicU32,
    /// Threads asleep until the holder has left.
    sleepers: AtomicU32,
}

/// Added to the holder's thread when it will not touch `head` any more.
const DONE: usize = 1;

/// How a thread stands to the holder of the gate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Passage {
    /// Nobody is inside.
    Free,
    /// The caller is a signal handler that interrupted a reap of its own thread.
    Interrupting,
    /// Likewise, but that reap moves `head` no more.
    Finishing,
}

impl Gate {
    /// Enters as reaper. False if somebody else is inside and stays there, or if this thread is.
    ///
    /// `thread` identifies the calling thread; it is even and not 0.
    #[inline]
    pub fn enter(&self, thread: usize) -> bool {
        self.try_enter(thread) == 0 || self.enter_later(thread)
    }

    /// Enters if nobody is inside; else returns who is.
    #[inline]
    fn try_enter(&self, thread: usize) -> usize {
        // SeqCst: with `callers` in `may_move_head` and in `begin_call`, one of a reaper and a
        // caller that arrive together sees the other. It acquires what `leave` released.
        match self.holder.compare_exchange(0, thread, SeqCst, Relaxed) {
            Ok(_) => 0,
            Err(holder) => holder,
        }
    }

    #[cold]
    fn enter_later(&self, thread: usize) -> bool {
        for _ in 0..SPINS {
            spin_loop();
            let holder = self.try_enter(thread);
            if holder == 0 || holder & !DONE == thread {
                return holder == 0;
            }
        }
        false
    }

    /// Whether the reaper inside may move `head`: nobody is in a system call.
    #[inline]
    pub fn may_move_head(&self) -> bool {
        // SeqCst: see `enter`. It acquires what callers released in `end_call`.
        self.callers.load(SeqCst) == 0
    }

    /// Says that the reaper inside has moved `head` for the last time.
    #[inline]
    pub fn done(&self, thread: usize) {
        // Release, and a fence for the compiler: signal handlers of the same thread must find it after
        // `head` was moved and before it is restored.
        self.holder.store(thread | DONE, Release);
        signal_fence();
    }

    /// Leaves as reaper.
    #[inline]
    pub fn leave(&self) {
        // Release: pairs with the loads of `holder` in `enter` and `wait`.
        self.holder.store(0, Release);
        // A sleeper that this load misses looks again after a millisecond; so no fence is needed.
        if self.sleepers.load(Relaxed) != 0 {
            wake_all(&self.sleepers);
        }
    }

    /// Counts the thread in as about to make a system call that may move `head`, when no reaper is
    /// inside.
    #[inline]
    pub fn begin_call(&self, thread: usize) -> Passage {
        // SeqCst: see `enter`. From here on no new reaper moves `head`.
        self.callers.fetch_add(1, SeqCst);
        self.wait(thread)
    }

    /// Counts the thread out again.
    #[inline]
    pub fn end_call(&self) {
        // In a child that was forked during the call the count was wiped. Relaxed: otherwise this thread
        // is in it.
        if self.callers.load(Relaxed) != 0 {
            // Release: pairs with the load in `may_move_head`, which must see the `head` that the
            // kernel stored.
            self.callers.fetch_sub(1, Release);
        }
    }

    /// Waits until no reaper is inside. It spins briefly, then sleeps: the holder may be a thread of
    /// lower priority.
    #[inline]
    pub fn wait(&self, thread: usize) -> Passage {
        // SeqCst: see `enter`. It acquires the `head` that the last reaper stored.
        let holder = self.holder.load(SeqCst);
        if holder == 0 {
            return Passage::Free;
        }
        self.wait_long(thread)
    }

    #[cold]
    fn wait_long(&self, thread: usize) -> Passage {
        let mut spins = 0;
        loop {
            // Acquire: pairs with `leave`.
            match self.holder.load(Acquire) {
                0 => return Passage::Free,
                holder if holder == thread => return Passage::Interrupting,
                holder if holder == thread | DONE => return Passage::Finishing,
                _ => {}
            }
            if spins < SPINS {
                spins += 1;
                spin_loop();
                continue;
            }
            // Relaxed: a count; `leave` tells why nothing hangs on it.
            let sleepers = self.sleepers.fetch_add(1, Relaxed) + 1;
            if self.holder.load(SeqCst) != 0 {
                sleep_while(&self.sleepers, sleepers);
            }
            self.sleepers.fetch_sub(1, Relaxed);
        }
    }

    /// Whether anybody is inside, or counted in, at this moment.
    pub fn is_in_use(&self) -> bool {
        // SeqCst: pairs with `enter` and `begin_call`, against an entry of the registry that is given
        // to another context.
        self.holder.load(SeqCst) != 0 || self.callers.load(SeqCst) != 0
    }
}
