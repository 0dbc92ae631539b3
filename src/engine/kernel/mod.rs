//! The kernel's own AIO: every request is a system call, and so is every wait. Events that are
//! ready are taken from the ring.
//!
//! | module | holds |
//! |---|---|
//! | [`registry`] | the contexts that this process made |
//! | [`gate`] | who may move a ring's `head` |
//! | [`mod@ours`] | changes of `head` that a forked child does not make |
//! | [`ring`] | how `head` is moved |
//! | [`reaping`] | what a call does with the three |
//! | [`spinning`] | looking at the ring before the system call |
//! | [`stand_in`] | what `io_destroy` leaves to a thread that is still at the ring |
//! | [`system_call`] | the system call for events, and with 64-bit seconds on 32 bits |

pub(super) mod gate;
pub(super) mod ours;
pub(super) mod reaping;
pub(super) mod registry;
pub(super) mod ring;
pub(super) mod spinning;
pub(super) mod stand_in;
pub(super) mod system_call;
#[cfg(target_pointer_width = "32")]
mod time64;

use core::ffi::{c_int, c_long};

use crate::abi::{io_context_t, io_event, iocb};
use crate::configuration;
use crate::engine::getevents::Getevents;
use crate::sync::AtomicU32;
use crate::sync::Ordering::Relaxed;
use crate::sys::aio;
use crate::sys::errno::Errno;
use crate::sys::sanitizers;
use reaping::Pages;
use registry::{Entry, Registry};
use spinning::Spinning;
use system_call::SystemCall;

/// What the engine knows of this process. All zero: nothing, as in a forked child.
#[repr(C)]
pub(super) struct Kernel {
    /// The contexts.
    registry: Registry,
    /// Which pointers may be used without asking the kernel.
    pages: Pages,
    /// Whether it has paid to look at rings before a system call.
    spinning: Spinning,
    /// Whether a forked child finds this memory wiped, and events may be taken from the ring:
    /// [`UNASKED`], [`COLLECTED`], [`YES`] or [`NO`].
    reaps: AtomicU32,
}

/// No context was made yet, or none of its events asked for.
const UNASKED: u32 = 0;
const YES: u32 = 1;
const NO: u32 = 2;
/// Events were asked for once. A program may be killed for a system call that its author does not
/// know of, so none is made before it pays.
const COLLECTED: u32 = 3;

impl Kernel {
    /// See `io_setup(3)`.
    ///
    /// # Safety
    /// As [`aio::io_setup`].
    #[inline]
    pub(super) unsafe fn setup(
        &self,
        nr_events: c_int,
        ctxp: *mut io_context_t,
    ) -> Result<c_int, Errno> {
        // Relaxed: threads that ask at the same time come to the same answer. Before the context is
        // made: a child that is forked from here on finds a zero, if it was YES.
        let reaps = self.reaps.load(Relaxed);
        let may_reap = || configuration::reaps_in_user_space() && !sanitizers::are_there();
        if reaps == UNASKED && !may_reap() {
            self.reaps.store(NO, Relaxed);
        }
        // SAFETY: the caller keeps the same promise.
        let result = unsafe { aio::io_setup(nr_events, ctxp) }?;
        // Relaxed: it was written by this thread, or wiped since, in a child that a signal handler
        // forked.
        let is_ours = || reaps != YES || self.reaps.load(Relaxed) == YES;
        if is_ours() && self.reaps.load(Relaxed) != NO {
            // SAFETY: the kernel has just written it.
            let ctx = unsafe { ctxp.read_unaligned() };
            self.registry.insert(ctx.addr(), reaps == YES, is_ours);
        }
        Ok(result)
    }

    /// Before a system call for the events of a context that was made before children found this
    /// memory wiped: whether they do now. `wipes` sees to that, and says whether it can be done; else
    /// every call is a system call.
    ///
    /// Then the kernel's word that the context is this process's is good: a child that is forked
    /// later does not find the entry.
    #[cold]
    fn is_wiped(&self, wipes: impl FnOnce() -> bool) -> bool {
        // Relaxed: as in `setup`.
        let found = self.reaps.load(Relaxed);
        let now = match found {
            UNASKED => COLLECTED,
            COLLECTED if wipes() => YES,
            COLLECTED => NO,
            _ => found,
        };
        if now != found {
            self.reaps.store(now, Relaxed);
        }
        now == YES
    }

    /// What is known of a context, if this engine made it.
    #[inline(always)]
    pub(super) fn find(&self, ctx: io_context_t) -> Option<&Entry> {
        self.registry.find(ctx.addr())
    }

    /// Another engine has a context at `address` from now on.
    #[cfg(feature = "threads")]
    pub(super) fn give_up(&self, address: usize) {
        self.registry.give_up(address);
    }

    /// See `io_getevents(3)` and `io_pgetevents(3)`. `wipes` as in [`Kernel::is_wiped`].
    ///
    /// # Safety
    /// As [`reaping::getevents`].
    #[inline(always)]
    pub(super) unsafe fn getevents<T: SystemCall>(
        &self,
        entry: &Entry,
        wanted: Getevents<T>,
        wipes: impl FnOnce() -> bool,
    ) -> Result<c_int, Errno> {
        let proves = || self.is_wiped(wipes);
        // SAFETY: the caller keeps the same promise.
        unsafe {
            let (registry, pages) = (&self.registry, &self.pages);
            reaping::getevents(registry, entry, pages, &self.spinning, wanted, proves)
        }
    }

    /// The same of a context that this engine does not know.
    ///
    /// # Safety
    /// As [`aio::io_getevents`].
    pub(super) unsafe fn getevents_unknown<T: SystemCall>(
        &self,
        wanted: Getevents<T>,
    ) -> Result<c_int, Errno> {
        // SAFETY: the caller keeps the same promise.
        unsafe { reaping::call_unknown(&self.registry, &self.pages, wanted) }
    }
}

/// See `io_destroy(3)`. `entry`: what is known of the context.
///
/// # Safety
/// As [`aio::io_destroy`].
#[inline]
pub(super) unsafe fn destroy(entry: Option<&Entry>, ctx: io_context_t) -> Result<c_int, Errno> {
    // SAFETY: the caller keeps the same promise.
    unsafe {
        match entry {
            Some(entry) => reaping::destroy(entry, ctx),
            None => aio::io_destroy(ctx),
        }
    }
}

/// See `io_submit(3)`.
///
/// # Safety
/// As [`aio::io_submit`].
#[inline]
pub(super) unsafe fn submit(
    ctx: io_context_t,
    nr: c_long,
    ios: *mut *mut iocb,
) -> Result<c_int, Errno> {
    // SAFETY: the caller keeps the same promise.
    unsafe { aio::io_submit(ctx, nr, ios) }
}

/// See `io_cancel(3)`.
#[inline]
pub(super) fn cancel(
    ctx: io_context_t,
    iocb: *mut iocb,
    event: *mut io_event,
) -> Result<c_int, Errno> {
    aio::io_cancel(ctx, iocb, event)
}
