//! The library's threads among the program's: how many there are, and what happens when no other is
//! left.
//!
//! A process whose main thread has ended by `pthread_exit` ends with its last thread, in which the
//! program's exit handlers run. That is to be an ordinary thread, with the program's descriptors. So
//! one more thread of the library is there as long as the others are, and has the program's
//! descriptor table: the *keeper*. When the others have ended and the program has no thread any more,
//! it starts an ordinary one to end the process.
//!
//! | who | does | holding |
//! |---|---|---|
//! | a thread of the program that starts one | counts it, and starts the keeper if there is none | the lock |
//! | a thread of the library that starts one | counts it; the keeper is there | nothing |
//! | a thread that ends | is remembered as leaving, and counts itself out | nothing |
//! | the keeper | leaves, when no thread is counted and those that were are gone | the lock |

use core::ffi::c_int;
use core::ptr;

use super::lock::Lock;
use crate::sync::Ordering::{Acquire, Relaxed, SeqCst};
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::futex;
use crate::sys::process::{self, Run, Stack};
use crate::sys::signals::Signals;

/// Threads that are about to be gone, and are remembered. The models have fewer.
const LEAVING: usize = if cfg!(loom) { 2 } else { 32 };

/// All zero: no thread.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Crew {
    lock: Lock,
    /// The process that these are threads of.
    process: AtomicU32,
    /// Threads of the library, without the keeper.
    alive: AtomicU32,
    /// Threads that are counted, and may not be there yet.
    starting: AtomicU32,
    /// Whether the keeper is there. Changes under the lock.
    is_kept: AtomicU32,
    /// The signal mask of the thread of the program that started the keeper, in two halves.
    mask: [AtomicU32; 2],
    /// Numbers of threads that have left; the kernel may still have them. 0: none.
    leaving: [AtomicU32; LEAVING],
    heir: Heir,
}

/// The ordinary thread in which the process ends.
#[derive(Default)]
#[repr(C)]
struct Heir {
    crew: AtomicUsize,
}

impl Crew {
    /// Says which process these will be threads of.
    pub(crate) fn set_process(&self, process: c_int) {
        self.process.store(process as u32, Relaxed);
    }

    /// Starts a thread of the library from one of the program's, whose signal mask was `mask`. False:
    /// there can be none.
    ///
    /// # Safety
    /// `work` stays as long as the process.
    pub(crate) unsafe fn start<R: Run>(&self, work: &R, mask: Signals) -> bool {
        // Another process that shares this memory would take the threads along when it ends.
        if process::id() as u32 != self.process.load(Relaxed) {
            return false;
        }
        // SeqCst: before it is counted; see `are_alone`.
        self.starting.fetch_add(1, SeqCst);
        // SAFETY: as the caller promises.
        let is_there = self.keep(mask) && unsafe { self.start_counted(work) };
        self.starting.fetch_sub(1, SeqCst);
        is_there
    }

    /// Counts a thread, and starts the keeper if there is none. False: there can be none.
    fn keep(&self, mask: Signals) -> bool {
        let _held = self.lock.take();
        // First, so that the keeper stays.
        self.alive.fetch_add(1, SeqCst);
        if self.is_kept.load(Relaxed) == 0 {
            for (word, half) in self.mask.iter().zip(mask.halves()) {
                word.store(half, Relaxed);
            }
            self.is_kept.store(1, SeqCst);
            // SAFETY: it is part of the state, which stays.
            if !unsafe { process::start_thread(self, Stack::Small) } {
                self.is_kept.store(0, SeqCst);
                self.alive.fetch_sub(1, SeqCst);
                return false;
            }
        }
        true
    }

    /// Starts a thread of the library from another one.
    ///
    /// # Safety
    /// As [`Crew::start`].
    pub(crate) unsafe fn start_another<R: Run>(&self, work: &R) -> bool {
        // SeqCst: as in `start`.
        self.starting.fetch_add(1, SeqCst);
        self.alive.fetch_add(1, SeqCst);
        // SAFETY: as the caller promises.
        let is_there = unsafe { self.start_counted(work) };
        self.starting.fetch_sub(1, SeqCst);
        is_there
    }

    /// # Safety
    /// As [`Crew::start`].
    unsafe fn start_counted<R: Run>(&self, work: &R) -> bool {
        // SAFETY: as the caller promises.
        let is_there = unsafe { process::start_thread(work, Stack::Small) };
        if !is_there {
            self.retract();
        }
        is_there
    }

    fn retract(&self) {
        // SeqCst: pairs with the look of the keeper.
        if self.alive.fetch_sub(1, SeqCst) == 1 {
            futex::wake(&self.alive, u32::MAX >> 1);
        }
    }

    /// A thread of the library is about to end.
    pub(crate) fn leave(&self) {
        self.remember();
        self.retract();
    }

    fn remember(&self) {
        let own = process::thread_id() as u32;
        let is_taken = |place: &AtomicU32| {
            let found = place.load(Relaxed);
            !is_there(found) && place.compare_exchange(found, own, SeqCst, Relaxed).is_ok()
        };
        let _ = self.leaving.iter().any(is_taken);
    }

    /// Whether the process has no other threads any more. Called by one of these.
    pub(crate) fn are_alone(&self) -> bool {
        let look = || {
            let words = [&self.starting, &self.alive, &self.is_kept];
            (process::threads(), words.map(|word| word.load(SeqCst)))
        };
        let mut before = look();
        loop {
            let leaving = self.leaving.iter();
            let leaving = leaving.filter(|place| is_there(place.load(SeqCst))).count() as u32;
            // One that has begun or is gone meanwhile was counted on one side only.
            let after = look();
            if after == before {
                let (threads, [starting, alive, kept]) = after;
                let own = alive + kept + leaving;
                return starting == 0 && threads.is_some_and(|threads| threads <= own);
            }
            before = after;
        }
    }

    /// Waits until the kernel has none of the threads any more, if they end by themselves or are told
    /// to; for a tenth of a second at most, because the number of one may be another's by now.
    pub(crate) fn wait_until_gone(&self) {
        let until = futex::now() + 100_000_000;
        // SeqCst: pairs with the end of the keeper.
        while self.is_kept.load(SeqCst) != 0 && futex::now() < until {
            let _ = futex::sleep_until(&self.is_kept, 1, until);
        }
        self.wait_for_leaving(until);
        process::wait_for_ends();
    }

    /// Waits until the kernel has none of the threads that have left.
    fn wait_for_leaving(&self, until: i64) {
        for place in &self.leaving {
            let found = place.load(Acquire);
            if found == 0 {
                continue;
            }
            while is_there(found) && futex::now() < until {
                futex::sleep(20_000);
            }
            let _ = place.compare_exchange(found, 0, Relaxed, Relaxed);
        }
    }
}

/// Whether the kernel still has a thread that has left.
fn is_there(number: u32) -> bool {
    number != 0 && process::has_thread(number as c_int)
}

/// What the keeper does.
impl Run for Crew {
    fn run(&self) {
        loop {
            // SeqCst: pairs with `retract`.
            let alive = self.alive.load(SeqCst);
            if alive != 0 {
                let _ = futex::sleep_until(&self.alive, alive, futex::now() + FAR);
                continue;
            }
            // If the program's last thread ends now, none of those is to be the process's last one.
            self.wait_for_leaving(futex::now() + 100_000_000);
            let _held = self.lock.take();
            if self.alive.load(SeqCst) != 0 {
                continue;
            }
            if self.are_alone() {
                self.heir
                    .crew
                    .store(ptr::from_ref(self).expose_provenance(), Relaxed);
                // SAFETY: it is part of the state, which stays.
                unsafe { process::start_thread(&self.heir, Stack::Ordinary) };
            }
            self.remember();
            // SeqCst: the last thing that is done here; pairs with `wait_until_gone`.
            self.is_kept.store(0, SeqCst);
            futex::wake(&self.is_kept, u32::MAX >> 1);
            return;
        }
    }
}

impl Run for Heir {
    fn run(&self) {
        // SAFETY: it was stored by the crew, of which this is a part.
        let crew: &Crew = unsafe { &*ptr::with_exposed_provenance(self.crew.load(Relaxed)) };
        crew.wait_until_gone();
        let [low, high] = &crew.mask;
        Signals::of_halves([low.load(Relaxed), high.load(Relaxed)]).set();
    }
}

/// A sleep has a deadline; it begins again.
const FAR: i64 = 1_000_000_000_000;
