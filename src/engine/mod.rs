//! Chooses the engine that makes a context, and finds the owner of a context for every other call.
//!
//! An engine is what carries requests out. Neither knows of the other, and only this module names
//! the process's state.
//!
//! | module | holds |
//! |---|---|
//! | [`kernel`] | the AIO system calls, and reaping in user space |
//! | [`threads`] | contexts that the library serves itself, where the kernel has no AIO |
//! | [`program`] | whether the program gets its events through this library |
//! | [`process_state`] | all of the library's memory, wiped in a forked child |
//! | [`mod@getevents`] | the arguments of a call for events |
//! | [`tables`], [`patience`], [`copying`], [`trace_points`] | what both engines use, and the models replace |

mod copying;
mod getevents;
mod kernel;
mod patience;
mod process_state;
#[cfg(feature = "threads")]
mod program;
mod tables;
#[cfg(feature = "threads")]
mod threads;
mod trace_points;

#[cfg(feature = "threads")]
use core::ffi::c_void;
use core::ffi::{c_int, c_long};

use getevents::Getevents;
use kernel::registry::Entry;
use kernel::system_call::SystemCall;
use process_state::STATE;
#[cfg(feature = "threads")]
use threads::{Hold, Threads};
use trace_points::{By, told};

use crate::abi::{io_context_t, io_event, iocb};
#[cfg(feature = "threads")]
use crate::configuration::{self, Engine};
use crate::sys::errno::Errno;
use crate::sys::sanitizers;

/// Who has a context.
enum Owner {
    /// The kernel engine made it.
    Kernel(&'static Entry),
    /// The threads engine serves it.
    #[cfg(feature = "threads")]
    Served(&'static Threads, Hold<'static>),
    /// This library did not make it: only the kernel can say whether it is one.
    Foreign,
}

/// Finds out who has a context.
#[inline(always)]
fn owner(ctx: io_context_t) -> Owner {
    match STATE.kernel.find(ctx) {
        Some(entry) => Owner::Kernel(entry),
        None => served_or_foreign(ctx),
    }
}

#[cold]
#[inline(never)]
fn served_or_foreign(_ctx: io_context_t) -> Owner {
    #[cfg(feature = "threads")]
    if let Some(threads) = STATE.threads.used() {
        if let Some(hold) = threads.hold(_ctx) {
            return Owner::Served(threads, hold);
        }
    }
    Owner::Foreign
}

/// The threads engine, and its hold of a context that it serves. For the calls that are the same
/// system call for all other contexts: these need no look-up while nothing is served.
#[cfg(feature = "threads")]
#[inline]
fn served(ctx: io_context_t) -> Option<(&'static Threads, Hold<'static>)> {
    STATE.threads.used()?;
    served_among_others(ctx)
}

#[cfg(feature = "threads")]
#[cold]
fn served_among_others(ctx: io_context_t) -> Option<(&'static Threads, Hold<'static>)> {
    match owner(ctx) {
        Owner::Served(threads, hold) => Some((threads, hold)),
        Owner::Kernel(_) | Owner::Foreign => None,
    }
}

/// Makes a context, with the engine that the environment asks for, or that works.
///
/// # Safety
/// `ctxp` is null, bad, or the caller's to write.
#[inline]
pub(crate) unsafe fn setup(nr_events: c_int, ctxp: *mut io_context_t) -> Result<c_int, Errno> {
    #[cfg(feature = "threads")]
    {
        let engine = configuration::engine();
        let wipes = || STATE.wipe_on_fork();
        let quick = finish_at_quick_exit;
        let spares_waiting = configuration::submits_asynchronously()
            && matches!(engine, Engine::Auto | Engine::AutoAndSpill)
            && STATE
                .threads
                .spares_waiting(program::collects, wipes, quick);
        let mut result = Err(Errno::ENOSYS);
        if engine != Engine::Threads && !spares_waiting {
            // SAFETY: the caller keeps the same promise.
            result = unsafe { STATE.kernel.setup(nr_events, ctxp) };
        }
        let is_missing = result == Err(Errno::ENOSYS) || result == Err(Errno::EPERM);
        let is_full = result == Err(Errno::EAGAIN);
        let goes_over = match engine {
            Engine::Kernel => false,
            Engine::Threads => true,
            Engine::Auto => is_missing && STATE.threads.serves(program::collects),
            Engine::AutoAndSpill => {
                (is_missing || is_full) && STATE.threads.serves(program::collects)
            }
        };
        let is_limited = !(is_full || spares_waiting && engine == Engine::AutoAndSpill);
        let mut by = By::Kernel;
        if goes_over {
            by = By::Threads;
            let made = |address| STATE.kernel.give_up(address);
            // SAFETY: as above.
            result = unsafe {
                STATE
                    .threads
                    .setup(nr_events, ctxp, is_limited, wipes, quick, made)
            };
        }
        if spares_waiting && result == Err(Errno::ENOMEM) {
            by = By::Kernel;
            // SAFETY: as above.
            result = unsafe { STATE.kernel.setup(nr_events, ctxp) };
        }
        // SAFETY: as above.
        unsafe { trace_setup(nr_events, ctxp, result, by) };
        result
    }
    #[cfg(not(feature = "threads"))]
    // SAFETY: the caller keeps the same promise.
    unsafe {
        let result = STATE.kernel.setup(nr_events, ctxp);
        trace_setup(nr_events, ctxp, result, By::Kernel);
        result
    }
}

/// What the C library calls in a process that ends by `quick_exit(3)`: it passes nothing.
#[cfg(feature = "threads")]
extern "C" fn finish_at_quick_exit(_: *mut c_void) {
    STATE.threads.finish();
}

/// # Safety
/// If a context was made, its address was written to `ctxp`.
unsafe fn trace_setup(
    nr_events: c_int,
    ctxp: *mut io_context_t,
    result: Result<c_int, Errno>,
    by: By,
) {
    if result.is_ok() {
        // SAFETY: the caller says so.
        let ctx = unsafe { ctxp.read_unaligned() };
        trace_points::setup(ctx, nr_events as c_long, by);
    }
}

/// Destroys a context.
///
/// # Safety
/// Nobody reads the ring behind `ctx` any more.
#[inline]
pub(crate) unsafe fn destroy(ctx: io_context_t) -> Result<c_int, Errno> {
    // SAFETY: the caller keeps the same promise.
    unsafe {
        match owner(ctx) {
            Owner::Kernel(entry) => kernel::destroy(Some(entry), ctx),
            #[cfg(feature = "threads")]
            Owner::Served(threads, hold) => threads.destroy(hold, ctx),
            Owner::Foreign => unless_missing(kernel::destroy(None, ctx), || Err(Errno::EINVAL)),
        }
    }
}

/// Submits requests.
///
/// # Safety
/// The buffers that the iocbs name stay valid until their events are reaped.
#[inline]
pub(crate) unsafe fn submit(
    ctx: io_context_t,
    nr: c_long,
    ios: *mut *mut iocb,
) -> Result<c_int, Errno> {
    trace_points::submit(ctx, nr, ios);
    // SAFETY: the caller keeps the same promise.
    unsafe { sanitizers::submitted(ios, nr) };
    #[cfg(feature = "threads")]
    if let Some((threads, hold)) = served(ctx) {
        // SAFETY: the caller keeps the same promise.
        return unsafe { threads.submit(&hold, nr, ios) };
    }
    // SAFETY: the caller keeps the same promise.
    let result = unsafe { kernel::submit(ctx, nr, ios) };
    unless_missing(result, || Err(Errno::EINVAL))
}

/// Asks for a request to be cancelled. Every argument is checked.
#[inline]
pub(crate) fn cancel(
    ctx: io_context_t,
    iocb: *mut iocb,
    event: *mut io_event,
) -> Result<c_int, Errno> {
    #[cfg(feature = "threads")]
    if let Some((threads, hold)) = served(ctx) {
        return threads.cancel(&hold, iocb);
    }
    let result = kernel::cancel(ctx, iocb, event);
    #[cfg(feature = "threads")]
    let result = unless_missing(result, || threads::cancel_nothing(iocb));
    result
}

/// Waits for events and takes them.
///
/// # Safety
/// `events` has room for `nr` events, or is bad; so is `timeout`, or it is null or readable. A page
/// of them that was good in an earlier call is still good.
#[inline]
pub(crate) unsafe fn getevents<T: SystemCall>(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *const T,
) -> Result<c_int, Errno> {
    let wanted = Getevents {
        ctx,
        min_nr,
        nr,
        events,
        timeout,
        sigmask: None,
    };
    // SAFETY: the caller keeps the same promise.
    unsafe { collect(wanted) }
}

/// As [`getevents()`], with a signal mask while it waits.
///
/// # Safety
/// As [`getevents()`]; `sigmask` is null, bad or readable.
#[inline]
pub(crate) unsafe fn pgetevents<T: SystemCall>(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *const T,
    sigmask: *const libc::sigset_t,
) -> Result<c_int, Errno> {
    let wanted = Getevents {
        ctx,
        min_nr,
        nr,
        events,
        timeout,
        sigmask: Some(sigmask),
    };
    // SAFETY: the caller keeps the same promise.
    unsafe { collect(wanted) }
}

/// # Safety
/// As [`getevents()`].
#[inline(always)]
unsafe fn collect<T: SystemCall>(wanted: Getevents<T>) -> Result<c_int, Errno> {
    match owner(wanted.ctx) {
        // SAFETY: the caller keeps the same promise.
        Owner::Kernel(entry) => unsafe {
            STATE
                .kernel
                .getevents(entry, wanted, || STATE.wipe_on_fork())
        },
        // SAFETY: as above.
        other => unsafe { collect_elsewhere(other, wanted) },
    }
}

/// Events of a context that the kernel engine did not make.
///
/// # Safety
/// As [`getevents()`].
#[inline(never)]
unsafe fn collect_elsewhere<T: SystemCall>(
    owner: Owner,
    wanted: Getevents<T>,
) -> Result<c_int, Errno> {
    #[cfg(feature = "threads")]
    if let Owner::Served(threads, hold) = owner {
        trace_points::wait_begin(wanted.ctx, wanted.min_nr, wanted.nr);
        // SAFETY: the caller keeps the same promise.
        let result = unsafe { threads.collect(&hold, wanted) };
        trace_points::wait_end(wanted.ctx, wanted.min_nr, told(result));
        sanitizers::collected(wanted.events, result);
        return result;
    }
    #[cfg(not(feature = "threads"))]
    let _ = owner;
    trace_points::wait_begin(wanted.ctx, wanted.min_nr, wanted.nr);
    // SAFETY: the caller keeps the same promise.
    let result = unsafe { STATE.kernel.getevents_unknown(wanted) };
    trace_points::wait_end(wanted.ctx, wanted.min_nr, told(result));
    sanitizers::collected(wanted.events, result);
    #[cfg(feature = "threads")]
    // SAFETY: as above.
    let result = unless_missing(result, || unsafe { threads::collect_nothing(wanted) });
    result
}

/// The kernel's answer for a context that only it may know; or, where it has no AIO at all, the
/// threads engine's.
#[inline(always)]
fn unless_missing(
    result: Result<c_int, Errno>,
    _answer: impl FnOnce() -> Result<c_int, Errno>,
) -> Result<c_int, Errno> {
    #[cfg(feature = "threads")]
    if (result == Err(Errno::ENOSYS) || result == Err(Errno::EPERM))
        && STATE.threads.stand_alone(program::collects)
    {
        return _answer();
    }
    result
}
