//! The AIO system calls. Nothing is checked here: the kernel answers for every argument
//! (`fs/aio.c`).

use core::ffi::{c_int, c_long, c_ulong};
use core::ptr;

use super::errno::{Errno, result};
use super::numbers::NUMBERS;
use crate::abi::{io_context_t, io_event, iocb, timespec};

/// Size of the kernel's signal set in bytes: one bit for each of 64 signals.
pub(crate) const SIGSET_SIZE: c_ulong = 8;

/// `io_setup(2)`: makes a context for at least `nr_events` requests in flight and stores it at
/// `ctxp`.
///
/// # Safety
/// `ctxp` is an address that the kernel may write if it can.
#[inline]
pub(crate) unsafe fn io_setup(nr_events: c_int, ctxp: *mut io_context_t) -> Result<c_int, Errno> {
    // SAFETY: the kernel checks every argument.
    result(|| unsafe { libc::syscall(NUMBERS.io_setup, c_long::from(nr_events), ctxp) })
}

/// `io_destroy(2)`: unmaps the ring, cancels what can be cancelled, waits for the rest.
///
/// # Safety
/// Nobody reads the ring of `ctx` any more.
#[inline]
pub(crate) unsafe fn io_destroy(ctx: io_context_t) -> Result<c_int, Errno> {
    // SAFETY: the kernel checks that `ctx` is a context; the caller answers for its readers.
    result(|| unsafe { libc::syscall(NUMBERS.io_destroy, ctx) })
}

/// `io_submit(2)`: queues requests, returns how many.
///
/// # Safety
/// The buffers that valid iocbs name stay valid until their events are reaped.
#[inline]
pub(crate) unsafe fn io_submit(
    ctx: io_context_t,
    nr: c_long,
    iocbpp: *mut *mut iocb,
) -> Result<c_int, Errno> {
    // SAFETY: the kernel checks every pointer; the caller answers for the buffers.
    result(|| unsafe { libc::syscall(NUMBERS.io_submit, ctx, nr, iocbpp) })
}

/// `io_cancel(2)`: looks `iocb` up by its address and cancels it if its kind can be cancelled.
#[inline]
#[allow(clippy::not_unsafe_ptr_arg_deref)] // The kernel checks the pointers.
pub(crate) fn io_cancel(
    ctx: io_context_t,
    iocb: *mut iocb,
    event: *mut io_event,
) -> Result<c_int, Errno> {
    // SAFETY: the kernel checks every argument, and never writes `event`.
    result(|| unsafe { libc::syscall(NUMBERS.io_cancel, ctx, iocb, event) })
}

/// `io_getevents(2)`: waits for `min_nr` events and takes up to `nr`.
///
/// # Safety
/// `events` is an address that the kernel may write `nr` events to if it can.
#[inline]
pub(crate) unsafe fn io_getevents(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *const timespec,
) -> Result<c_int, Errno> {
    // SAFETY: the kernel checks every pointer; the caller owns the array.
    result(|| unsafe { libc::syscall(NUMBERS.io_getevents, ctx, min_nr, nr, events, timeout) })
}

/// `io_pgetevents(2)`: as [`io_getevents`], with the signal mask of `sigset` while it waits.
///
/// # Safety
/// As [`io_getevents`].
#[inline]
pub(crate) unsafe fn io_pgetevents<Sigset>(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *const timespec,
    sigset: &Sigset,
) -> Result<c_int, Errno> {
    // SAFETY: the kernel checks every pointer; the caller owns the array.
    result(|| unsafe {
        libc::syscall(
            NUMBERS.io_pgetevents,
            ctx,
            min_nr,
            nr,
            events,
            timeout,
            ptr::from_ref(sigset),
        )
    })
}

/// `io_pgetevents_time64(2)`: as [`io_pgetevents`]; without a `sigset` the mask stays as it is.
///
/// # Safety
/// As [`io_getevents`]; `sigset` is null or readable.
#[cfg(target_pointer_width = "32")]
#[inline]
pub(crate) unsafe fn io_pgetevents_time64<Sigset>(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *const crate::abi::timespec64,
    sigset: *const Sigset,
) -> Result<c_int, Errno> {
    // SAFETY: the kernel checks every pointer; the caller owns the array.
    result(|| unsafe {
        libc::syscall(
            NUMBERS.io_pgetevents_time64,
            ctx,
            min_nr,
            nr,
            events,
            timeout,
            sigset,
        )
    })
}
