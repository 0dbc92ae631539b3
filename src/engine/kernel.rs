//! The kernel's own AIO: every request is a system call.

use core::ffi::{c_int, c_long, c_ulong};

use crate::abi::{io_context_t, io_event, io_sigset, iocb, timespec};
use crate::{ring, sys};

/// Size of the kernel's signal set in bytes: one bit for each of 64 signals.
const SIGSET_SIZE: c_ulong = 8;

/// See `io_setup(3)`.
///
/// # Safety
/// As [`sys::io_setup`].
#[inline]
pub unsafe fn setup(nr_events: c_int, ctxp: *mut io_context_t) -> c_int {
    // SAFETY: the caller keeps the same promise.
    unsafe { sys::io_setup(nr_events, ctxp) }
}

/// See `io_destroy(3)`.
///
/// # Safety
/// As [`sys::io_destroy`].
#[inline]
pub unsafe fn destroy(ctx: io_context_t) -> c_int {
    // SAFETY: the caller keeps the same promise.
    unsafe { sys::io_destroy(ctx) }
}

/// See `io_submit(3)`.
///
/// # Safety
/// As [`sys::io_submit`].
#[inline]
pub unsafe fn submit(ctx: io_context_t, nr: c_long, iocbpp: *mut *mut iocb) -> c_int {
    // SAFETY: the caller keeps the same promise.
    unsafe { sys::io_submit(ctx, nr, iocbpp) }
}

/// See `io_cancel(3)`.
///
/// # Safety
/// As [`sys::io_cancel`].
#[inline]
pub unsafe fn cancel(ctx: io_context_t, iocb: *mut iocb, result: *mut io_event) -> c_int {
    // SAFETY: the caller keeps the same promise.
    unsafe { sys::io_cancel(ctx, iocb, result) }
}

/// See `io_getevents(3)`.
///
/// # Safety
/// As [`sys::io_getevents`]; and `ctx` and `timeout` may be read, or are addresses that no process
/// can read.
#[inline]
pub unsafe fn getevents(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *const timespec,
) -> c_int {
    // SAFETY: the caller keeps the same promise.
    if unsafe { nothing_to_reap(ctx, min_nr, nr, timeout) } {
        return 0;
    }
    // SAFETY: the caller keeps the same promise.
    unsafe { sys::io_getevents(ctx, min_nr, nr, events, timeout) }
}

/// See `io_pgetevents(3)`.
///
/// # Safety
/// As [`getevents`].
#[inline]
pub unsafe fn pgetevents(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *const timespec,
    sigmask: *const libc::sigset_t,
) -> c_int {
    // With a mask only the kernel can say whether a signal is due.
    // SAFETY: the caller keeps the same promise.
    if sigmask.is_null() && unsafe { nothing_to_reap(ctx, min_nr, nr, timeout) } {
        return 0;
    }
    let sigset = io_sigset {
        ss: sigmask,
        ss_len: SIGSET_SIZE,
    };
    // SAFETY: the caller keeps the same promise.
    let result = unsafe { sys::io_pgetevents(ctx, min_nr, nr, events, timeout, &sigset) };

    #[cfg(target_pointer_width = "32")]
    if result == -libc::EINVAL {
        // 64-bit kernels before 5.0 read a 32-bit process's argument in this layout; on others it
        // is a set of the wrong size, EINVAL again.
        let sigset = crate::abi::io_sigset_compat {
            ss: sigmask,
            __ss_pad: 0,
            ss_len: SIGSET_SIZE,
        };
        // SAFETY: the caller keeps the same promise.
        return unsafe { sys::io_pgetevents(ctx, min_nr, nr, events, timeout, &sigset) };
    }
    result
}

/// Whether the ring shows that the call would return 0 at once: nothing is there, and the timeout
/// is zero. Every argument that the kernel would refuse makes this false.
///
/// # Safety
/// As [`getevents`].
#[inline]
unsafe fn nothing_to_reap(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    timeout: *const timespec,
) -> bool {
    if min_nr < 0 || min_nr > nr || is_never_valid(ctx.cast_const()) || is_never_valid(timeout) {
        return false;
    }
    // SAFETY: the caller says that both may be read now that the impossible addresses are out.
    let (ring, timeout) = unsafe { (&*ctx.cast_const(), &*timeout) };
    timeout.tv_sec == 0 && timeout.tv_nsec == 0 && ring::is_readable(ring) && ring::is_empty(ring)
}

/// Whether the kernel refuses this address for certain: the first page, and the kernel's half on 64
/// bits or the last page on 32. A misaligned address counts too: it is legal, but not read here.
#[inline]
fn is_never_valid<T>(address: *const T) -> bool {
    const PAGE: usize = 4096;
    const LAST: usize = if size_of::<usize>() == 8 {
        usize::MAX / 2
    } else {
        usize::MAX - PAGE
    };
    address.addr().wrapping_sub(PAGE) > LAST - PAGE || !address.is_aligned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::aio_ring;
    use core::ptr::without_provenance;

    #[test]
    fn addresses_that_are_not_read() {
        for address in [0, 1, 4092, 4097, usize::MAX, usize::MAX - 3] {
            assert!(
                is_never_valid::<aio_ring>(without_provenance(address)),
                "{address:#x}"
            );
        }
        #[cfg(target_pointer_width = "64")]
        for address in [1 << 63, 0xffff_ffff_8100_0000] {
            assert!(
                is_never_valid::<aio_ring>(without_provenance(address)),
                "{address:#x}"
            );
        }
        for address in [4096, 8192, usize::MAX / 2 - 3] {
            assert!(
                !is_never_valid::<aio_ring>(without_provenance(address)),
                "{address:#x}"
            );
        }
    }
}
