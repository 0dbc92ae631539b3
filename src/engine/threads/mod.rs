//! Threads instead of the kernel's AIO, for where the kernel has none.
//!
//! What the kernel does inside `io_submit` is done there, by the caller: reads and writes of
//! everything that is not direct I/O. Direct I/O and FSYNC go to helper threads, POLL to a poller. With
//! `LIBAIO_SUBMIT=async` helpers also have what would make the caller wait for a disk.
//! A context is a genuine ring, which programs may read themselves. The rules are those of
//! `fs/aio.c`, check by check.
//!
//! | module | holds |
//! |---|---|
//! | [`making`], [`destroying`] | `io_setup` and `io_destroy` |
//! | [`submitting`] | `io_submit`: the kernel's checks, in order |
//! | [`iocb`], [`checks`], [`mod@file`] | reading an iocb; what is checked of it; what its descriptor stands for |
//! | [`batch`] | what one call remembers from one iocb to the next |
//! | [`carry_out`] | carrying a read or write out |
//! | [`handing_over`], [`sending`] | giving a request to a helper or to a poller; sending those of one call |
//! | [`cancelling`] | `io_cancel` |
//! | [`collecting`] | `io_getevents` |
//! | [`contexts`] | the table of contexts, and how long their memory stays |
//! | [`context`], [`events`] | what a context consists of; where its events go |
//! | [`completions`], [`waiting`] | posting events to a ring and taking them out; threads that wait for them |
//! | [`requests`], [`in_flight`] | requests that another thread carries out; how many there are |
//! | [`lanes`] | the order of requests for one file |
//! | [`helpers`], [`poller`] | the threads that carry requests out; those that wait for readiness |
//! | [`ending`] | the end of the process |
//! | [`state`] | all that the engine knows |

pub(super) mod batch;
pub(super) mod cancelling;
pub(super) mod carry_out;
pub(super) mod checks;
pub(super) mod collecting;
pub(super) mod completions;
pub(super) mod context;
pub(super) mod contexts;
pub(super) mod destroying;
pub(super) mod ending;
pub(super) mod events;
pub(super) mod file;
pub(super) mod handing_over;
pub(super) mod helpers;
pub(super) mod in_flight;
pub(super) mod iocb;
pub(super) mod lanes;
pub(super) mod making;
pub(super) mod poller;
pub(super) mod requests;
pub(super) mod sending;
pub(super) mod state;
pub(super) mod submitting;
pub(super) mod waiting;

use core::ffi::{c_int, c_long};
use core::ptr;

use super::getevents::{Getevents, Timespec};
use crate::abi::{io_context_t, iocb as Iocb};
use crate::configuration::{self, Engine};
use crate::sys::aio;
use crate::sys::errno::Errno;
use crate::sys::process::AtQuickExit;
use crate::sys::signals::Blocked;

pub(super) use cancelling::cancel_nothing;
pub(super) use collecting::collect_nothing;
pub(super) use contexts::Hold;
pub(super) use state::{Root, Threads};

impl Root {
    /// Makes a context. `is_limited`: `fs.aio-max-nr` counts. `wipes` lets a forked child find this
    /// state zeroed, and says whether it does. `at_quick_exit` calls [`Root::finish`]. `made` is called with the context's address before
    /// the program can know it.
    ///
    /// # Safety
    /// `ctxp` is null, bad, or the caller's to write.
    pub(super) unsafe fn setup(
        &self,
        nr_events: c_int,
        ctxp: *mut io_context_t,
        is_limited: bool,
        wipes: impl Fn() -> bool,
        at_quick_exit: AtQuickExit,
        made: impl FnOnce(usize),
    ) -> Result<c_int, Errno> {
        // SAFETY: the caller keeps the same promise.
        unsafe {
            making::make(
                self,
                nr_events,
                ctxp,
                is_limited,
                wipes,
                at_quick_exit,
                made,
            )
        }
    }

    /// Whether a context of this engine does better than one of the kernel, in a program whose `io_submit`
    /// is not to wait: the program collects its events through this library, and helpers can be had. The
    /// other arguments are those of [`Root::setup`].
    #[cold]
    pub(super) fn spares_waiting(
        &self,
        collects: impl FnOnce() -> bool,
        wipes: impl Fn() -> bool,
        at_quick_exit: AtQuickExit,
    ) -> bool {
        self.serves(collects)
            && self.made(wipes, at_quick_exit).is_some_and(|threads| {
                let signals = Blocked::new();
                // SAFETY: it is this thread's mask.
                unsafe { ending::try_helpers(threads, signals.before()) }
            })
    }

    /// Whether the kernel has no AIO, not even errors for contexts that are none, and this engine
    /// does its work. `collects`: as in [`Root::serves`].
    #[cold]
    #[inline(never)]
    pub(super) fn stand_alone(&self, collects: impl FnOnce() -> bool) -> bool {
        // SAFETY: there is no such context.
        let answer = unsafe { aio::io_destroy(ptr::null_mut()) };
        let is_missing = answer == Err(Errno::ENOSYS) || answer == Err(Errno::EPERM);
        is_missing
            && match configuration::engine() {
                Engine::Kernel => false,
                Engine::Threads => true,
                Engine::Auto | Engine::AutoAndSpill => self.serves(collects),
            }
    }
}

impl Threads {
    /// The context behind a handle, if this engine serves it.
    #[inline]
    pub(super) fn hold(&self, ctx: io_context_t) -> Option<Hold<'_>> {
        self.contexts.hold(ctx)
    }

    /// Destroys a context.
    ///
    /// # Safety
    /// Nobody reads the ring behind `ctx` any more.
    #[inline(never)]
    pub(super) unsafe fn destroy(&self, hold: Hold<'_>, ctx: io_context_t) -> Result<c_int, Errno> {
        // SAFETY: the caller keeps the same promise.
        unsafe { destroying::destroy(self, hold, ctx) }
    }

    /// Submits requests, and says how many.
    ///
    /// # Safety
    /// The buffers that the iocbs name stay valid until their events are taken.
    #[inline(never)]
    pub(super) unsafe fn submit(
        &self,
        hold: &Hold<'_>,
        nr: c_long,
        ios: *mut *mut Iocb,
    ) -> Result<c_int, Errno> {
        // SAFETY: the caller keeps the same promise.
        unsafe { submitting::submit(self, hold, nr, ios) }
    }

    /// Cancels a request. Every argument is checked.
    #[inline(never)]
    pub(super) fn cancel(&self, hold: &Hold<'_>, iocb: *mut Iocb) -> Result<c_int, Errno> {
        let _blocked = Blocked::new();
        cancelling::cancel(self, hold, iocb)
    }

    /// Waits for events and takes them.
    ///
    /// # Safety
    /// `events` has room for `nr` events, or is bad; so is `timeout`, or it is null or readable.
    pub(super) unsafe fn collect<T: Timespec>(
        &self,
        hold: &Hold<'_>,
        wanted: Getevents<T>,
    ) -> Result<c_int, Errno> {
        // SAFETY: the caller keeps the same promise.
        unsafe { collecting::collect(hold, wanted) }
    }
}
