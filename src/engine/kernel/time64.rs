//! The system call with 64-bit seconds, for 32-bit programs that are compiled with `_TIME_BITS=64`.

use core::ffi::{c_int, c_long};
use core::ptr;

use super::system_call::SystemCall;
use crate::abi::{io_sigset, io_sigset_32, io_sigset_64, timespec, timespec64};
use crate::engine::getevents::Getevents;
use crate::sys::aio::{self, SIGSET_SIZE};
use crate::sys::errno::Errno;
use crate::sys::probe;

impl SystemCall for timespec64 {
    #[inline(never)]
    unsafe fn getevents(wanted: Getevents<timespec64>) -> Result<c_int, Errno> {
        // SAFETY: the caller keeps the same promise.
        let result = unsafe { wide(wanted) };
        // ENOSYS: before Linux 5.1. EPERM: a sandbox that is older than this call.
        if result == Err(Errno::ENOSYS) || result == Err(Errno::EPERM) {
            // SAFETY: the caller keeps the same promise.
            return unsafe { narrowed(wanted) };
        }
        result
    }
}

/// `io_pgetevents_time64`, for both functions: there is no `io_getevents` with this timeout.
///
/// # Safety
/// As [`aio::io_getevents`].
unsafe fn wide(wanted: Getevents<timespec64>) -> Result<c_int, Errno> {
    let Getevents {
        ctx,
        min_nr,
        nr,
        events,
        timeout,
        sigmask,
    } = wanted;
    let mask = sigmask.unwrap_or(ptr::null());
    if mask.is_null() {
        let none = ptr::null::<io_sigset>();
        // SAFETY: the caller keeps the same promise.
        return unsafe { aio::io_pgetevents_time64(ctx, min_nr, nr, events, timeout, none) };
    }
    let sigset = io_sigset_32 {
        sigset: io_sigset {
            ss: mask,
            ss_len: SIGSET_SIZE,
        },
        zero: [0; 2],
    };
    // SAFETY: the caller keeps the same promise.
    let result = unsafe { aio::io_pgetevents_time64(ctx, min_nr, nr, events, timeout, &sigset) };
    if result != Err(Errno::EINVAL) {
        return result;
    }
    // 64-bit kernels before 6.10 read a 64-bit process's structure.
    let sigset = io_sigset_64 {
        ss: mask.addr() as u64,
        ss_len: u64::from(SIGSET_SIZE),
    };
    // SAFETY: the caller keeps the same promise.
    unsafe { aio::io_pgetevents_time64(ctx, min_nr, nr, events, timeout, &sigset) }
}

/// The system call with a 32-bit timeout. What that has no room for is centuries, as good as no
/// limit.
///
/// # Safety
/// As [`aio::io_getevents`].
#[cold]
unsafe fn narrowed(wanted: Getevents<timespec64>) -> Result<c_int, Errno> {
    let narrow;
    let mut timeout = ptr::null();
    if !wanted.timeout.is_null() {
        // A bad pointer gets EFAULT, as from the kernel, which is asked.
        if !probe::are_readable(wanted.timeout.cast(), size_of::<timespec64>()) {
            return Err(Errno::EFAULT);
        }
        // SAFETY: the kernel could read it; it may be misaligned, as for the kernel.
        let wide = unsafe { wanted.timeout.read_unaligned() };
        let seconds = wide.tv_sec.max(c_long::MIN.into()).min(c_long::MAX.into());
        narrow = timespec {
            tv_sec: seconds as c_long,
            tv_nsec: wide.tv_nsec,
        };
        timeout = &raw const narrow;
    }
    let wanted = Getevents {
        ctx: wanted.ctx,
        min_nr: wanted.min_nr,
        nr: wanted.nr,
        events: wanted.events,
        timeout,
        sigmask: wanted.sigmask,
    };
    // SAFETY: the caller keeps the same promise.
    unsafe { timespec::getevents(wanted) }
}
