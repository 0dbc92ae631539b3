//! The AIO system calls: a count or `-errno` comes back, and `errno` keeps its value.
//!
//! Nothing is checked here: the kernel answers for every argument (`fs/aio.c`).

pub mod numbers;

use core::ffi::{c_int, c_long};
use core::ptr;

use crate::abi::{io_context_t, io_event, iocb, timespec};
use numbers::NUMBERS;

/// Runs a call of `syscall(2)`, turns its failure into `-errno` and gives `errno` its old value back.
#[inline(always)]
fn keep_errno(call: impl FnOnce() -> c_long) -> c_int {
    // SAFETY: the address is this thread's errno for as long as the thread lives.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above; a signal handler that changes errno restores it.
    let before = unsafe { ptr::read(errno) };
    let result = call();
    if result != -1 {
        return result as c_int;
    }
    // SAFETY: as above.
    unsafe { -ptr::replace(errno, before) }
}

/// `io_setup(2)`: makes a context for at least `nr_events` requests in flight and stores it at `ctxp`.
///
/// # Safety
/// `ctxp` is an address that the kernel may write if it can.
#[inline]
pub unsafe fn io_setup(nr_events: c_int, ctxp: *mut io_context_t) -> c_int {
    // SAFETY: the kernel checks every argument.
    keep_errno(|| unsafe { libc::syscall(NUMBERS.io_setup, c_long::from(nr_events), ctxp) })
}

/// `io_destroy(2)`: unmaps the ring, cancels what can be cancelled, waits for the rest.
///
/// # Safety
/// Nobody reads the ring of `ctx` any more.
#[inline]
pub unsafe fn io_destroy(ctx: io_context_t) -> c_int {
    // SAFETY: the kernel checks that `ctx` is a context; the caller answers for its readers.
    keep_errno(|| unsafe { libc::syscall(NUMBERS.io_destroy, ctx) })
}

/// `io_submit(2)`: queues requests, returns how many.
///
/// # Safety
/// The buffers that valid iocbs name stay valid until their events are reaped.
#[inline]
pub unsafe fn io_submit(ctx: io_context_t, nr: c_long, iocbpp: *mut *mut iocb) -> c_int {
    // SAFETY: the kernel checks every pointer; the caller answers for the buffers.
    keep_errno(|| unsafe { libc::syscall(NUMBERS.io_submit, ctx, nr, iocbpp) })
}

/// `io_cancel(2)`: looks `iocb` up by its address and cancels it if its kind can be cancelled.
///
/// # Safety
/// None beyond passing the caller's own arguments on: the kernel checks them.
#[inline]
pub unsafe fn io_cancel(ctx: io_context_t, iocb: *mut iocb, result: *mut io_event) -> c_int {
    // SAFETY: the kernel checks every argument.
    keep_errno(|| unsafe { libc::syscall(NUMBERS.io_cancel, ctx, iocb, result) })
}

/// `io_getevents(2)`: waits for `min_nr` events and takes up to `nr`.
///
/// # Safety
/// `events` is an address that the kernel may write `nr` events to if it can.
#[inline]
pub unsafe fn io_getevents(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *const timespec,
) -> c_int {
    // SAFETY: the kernel checks every pointer; the caller owns the array.
    keep_errno(|| unsafe { libc::syscall(NUMBERS.io_getevents, ctx, min_nr, nr, events, timeout) })
}

/// `io_pgetevents(2)`: as [`io_getevents`], with the signal mask of `sigset` while it waits.
///
/// # Safety
/// As [`io_getevents`].
#[inline]
pub unsafe fn io_pgetevents<Sigset>(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *const timespec,
    sigset: &Sigset,
) -> c_int {
    // SAFETY: the kernel checks every pointer; the caller owns the array.
    keep_errno(|| unsafe {
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
