//! Timeouts with 64-bit seconds, which 32-bit programs have that are compiled with `_TIME_BITS=64`.

use core::ffi::{c_int, c_long};
use core::ptr;

use super::{Request, Timespec, returned, system_call};
use crate::abi::{io_sigset, io_sigset_32, io_sigset_64, timespec, timespec64};
use crate::sys::aio::{self, SIGSET_SIZE};
use crate::sys::probe;

impl Timespec for timespec64 {
    #[inline(always)]
    fn is_zero(self) -> bool {
        self.tv_sec == 0 && self.tv_nsec == 0
    }

    #[cfg(feature = "threads")]
    fn parts(self) -> (i64, i64) {
        (self.tv_sec, i64::from(self.tv_nsec))
    }

    #[inline(never)]
    unsafe fn system_call(request: Request<timespec64>) -> c_int {
        // SAFETY: the caller keeps the same promise.
        let result = unsafe { call(request) };
        // ENOSYS: before Linux 5.1. EPERM: a sandbox that is older than this call.
        if result == -libc::ENOSYS || result == -libc::EPERM {
            // SAFETY: the caller keeps the same promise.
            return unsafe { narrowed(request) };
        }
        result
    }
}

/// `io_pgetevents_time64`, for both functions: there is no `io_getevents` with this timeout.
///
/// # Safety
/// As [`aio::io_getevents`].
unsafe fn call(request: Request<timespec64>) -> c_int {
    let Request {
        ctx,
        min_nr,
        nr,
        events,
        timeout,
        sigmask,
    } = request;
    let mask = sigmask.unwrap_or(ptr::null());
    if mask.is_null() {
        let none = ptr::null::<io_sigset>();
        // SAFETY: the caller keeps the same promise.
        return returned(unsafe {
            aio::io_pgetevents_time64(ctx, min_nr, nr, events, timeout, none)
        });
    }
    let sigset = io_sigset_32 {
        sigset: io_sigset {
            ss: mask,
            ss_len: SIGSET_SIZE,
        },
        zero: [0; 2],
    };
    // SAFETY: the caller keeps the same promise.
    let result =
        returned(unsafe { aio::io_pgetevents_time64(ctx, min_nr, nr, events, timeout, &sigset) });
    if result != -libc::EINVAL {
        return result;
    }
    // 64-bit kernels before 6.10 read a 64-bit process's structure.
    let sigset = io_sigset_64 {
        ss: mask.addr() as u64,
        ss_len: u64::from(SIGSET_SIZE),
    };
    // SAFETY: the caller keeps the same promise.
    returned(unsafe { aio::io_pgetevents_time64(ctx, min_nr, nr, events, timeout, &sigset) })
}

/// The system call with a 32-bit timeout; more than that holds is as good as no limit.
///
/// # Safety
/// As [`aio::io_getevents`].
#[cold]
unsafe fn narrowed(request: Request<timespec64>) -> c_int {
    let narrow;
    let mut timeout = ptr::null();
    if !request.timeout.is_null() {
        // The kernel would answer EFAULT, so it is asked.
        if !probe::are_readable(request.timeout.cast(), size_of::<timespec64>()) {
            return -libc::EFAULT;
        }
        // SAFETY: the kernel could read it; it may be misaligned, as for the kernel.
        let wide = unsafe { request.timeout.read_unaligned() };
        let seconds = wide.tv_sec.max(c_long::MIN.into()).min(c_long::MAX.into());
        narrow = timespec {
            tv_sec: seconds as c_long,
            tv_nsec: wide.tv_nsec,
        };
        timeout = &raw const narrow;
    }
    let Request {
        ctx,
        min_nr,
        nr,
        events,
        timeout: _,
        sigmask,
    } = request;
    let request = Request {
        ctx,
        min_nr,
        nr,
        events,
        timeout,
        sigmask,
    };
    // SAFETY: the caller keeps the same promise.
    unsafe { system_call(request) }
}
