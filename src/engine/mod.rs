//! Engines: what carries requests out. One module per engine; engines do not call each other. The functions
//! here choose.

pub mod kernel;
#[cfg(feature = "threads")]
pub mod threads;

use core::ffi::{c_int, c_long};

use kernel::{Request, Timespec};

use crate::abi::{io_context_t, io_event, iocb};
#[cfg(feature = "threads")]
use crate::configuration::Engine;
#[cfg(feature = "threads")]
use crate::process_state::STATE;
use crate::sys::errno::Errno;

/// What the C functions return: a count or `-errno`.
#[inline(always)]
fn returned(result: Result<c_int, Errno>) -> c_int {
    result.unwrap_or_else(Errno::negated)
}

/// Makes a context, with the engine that the environment asks for, or that works.
///
/// # Safety
/// `ctxp` is null, bad, or the caller's to write.
#[inline]
pub unsafe fn setup(nr_events: c_int, ctxp: *mut io_context_t) -> c_int {
    #[cfg(feature = "threads")]
    {
        let engine = STATE.threads.engine();
        let mut result = -libc::ENOSYS;
        if engine != Engine::Threads {
            // SAFETY: the caller keeps the same promise.
            result = unsafe { kernel::setup(nr_events, ctxp) };
        }
        let is_full = result == -libc::EAGAIN;
        let goes_over = match engine {
            Engine::Kernel => false,
            Engine::Threads => true,
            Engine::Auto => result == -libc::ENOSYS || result == -libc::EPERM,
            Engine::AutoAndSpill => result == -libc::ENOSYS || result == -libc::EPERM || is_full,
        };
        if goes_over {
            // SAFETY: as above.
            result = unsafe { threads::setup(nr_events, ctxp, !is_full) };
        }
        result
    }
    #[cfg(not(feature = "threads"))]
    // SAFETY: the caller keeps the same promise.
    unsafe {
        kernel::setup(nr_events, ctxp)
    }
}

/// Destroys a context.
///
/// # Safety
/// Nobody reads the ring behind `ctx` any more.
#[inline]
pub unsafe fn destroy(ctx: io_context_t) -> c_int {
    #[cfg(feature = "threads")]
    if STATE.threads.are_used() {
        // SAFETY: the caller keeps the same promise.
        if let Some(result) = unsafe { threads::destroy(ctx) } {
            return result;
        }
    }
    // SAFETY: the caller keeps the same promise.
    let result = unsafe { kernel::destroy(ctx) };
    #[cfg(feature = "threads")]
    let result = unless_missing(result, || -libc::EINVAL);
    result
}

/// Submits requests.
///
/// # Safety
/// The buffers that the iocbs name stay valid until their events are reaped.
#[inline]
pub unsafe fn submit(ctx: io_context_t, nr: c_long, iocbpp: *mut *mut iocb) -> c_int {
    #[cfg(feature = "threads")]
    if STATE.threads.are_used() {
        // SAFETY: the caller keeps the same promise.
        if let Some(result) = unsafe { threads::submit(ctx, nr, iocbpp) } {
            return result;
        }
    }
    // SAFETY: the caller keeps the same promise.
    let result = unsafe { kernel::submit(ctx, nr, iocbpp) };
    #[cfg(feature = "threads")]
    let result = unless_missing(result, || -libc::EINVAL);
    result
}

/// Asks for a request to be cancelled.
/// Every argument is checked.
#[inline]
pub fn cancel(ctx: io_context_t, iocb: *mut iocb, result: *mut io_event) -> c_int {
    #[cfg(feature = "threads")]
    if STATE.threads.are_used() {
        if let Some(result) = threads::cancel(ctx, iocb) {
            return result;
        }
    }
    let result = kernel::cancel(ctx, iocb, result);
    #[cfg(feature = "threads")]
    let result = unless_missing(result, || threads::cancel_nothing(iocb));
    result
}

/// Waits for events and takes them.
///
/// # Safety
/// `events` has room for `nr` events, or is bad; so is `timeout`, or it is null or readable. A page of them
/// that was good in an earlier call is still good.
#[inline]
pub unsafe fn getevents<T: Timespec>(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *const T,
) -> c_int {
    let request = Request {
        ctx,
        min_nr,
        nr,
        events,
        timeout,
        sigmask: None,
    };
    // SAFETY: the caller keeps the same promise.
    unsafe { kernel::collect(request).unwrap_or_else(|| collect_unknown(request)) }
}

/// As [`getevents`], with a signal mask while it waits.
///
/// # Safety
/// As [`getevents`]; `sigmask` is null, bad or readable.
#[inline]
pub unsafe fn pgetevents<T: Timespec>(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *const T,
    sigmask: *const libc::sigset_t,
) -> c_int {
    let request = Request {
        ctx,
        min_nr,
        nr,
        events,
        timeout,
        sigmask: Some(sigmask),
    };
    // SAFETY: the caller keeps the same promise.
    unsafe { kernel::collect(request).unwrap_or_else(|| collect_unknown(request)) }
}

/// A context that the kernel engine does not know: it is another engine's, or only the kernel knows it.
///
/// # Safety
/// As [`getevents`].
#[inline(never)]
unsafe fn collect_unknown<T: Timespec>(request: Request<T>) -> c_int {
    #[cfg(feature = "threads")]
    if STATE.threads.are_used() {
        // SAFETY: the caller keeps the same promise.
        if let Some(result) = unsafe { threads::collect(request) } {
            return result;
        }
    }
    // SAFETY: the caller keeps the same promise.
    let result = unsafe { T::system_call(request) };
    #[cfg(feature = "threads")]
    // SAFETY: as above.
    let result = unless_missing(result, || unsafe { threads::collect_nothing(request) });
    result
}

/// The kernel's answer for a context that only it may know; or, where it has no AIO at all, the other engine's.
#[cfg(feature = "threads")]
#[inline(always)]
fn unless_missing(result: c_int, answer: impl FnOnce() -> c_int) -> c_int {
    let is_missing =
        result < 0 && (result == -libc::ENOSYS || result == -libc::EPERM) && threads::stand_alone();
    if is_missing { answer() } else { result }
}
