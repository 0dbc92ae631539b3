//! The system call for events, by the kind of timeout that it takes.

use core::ffi::c_int;

use crate::abi::{io_sigset, timespec};
use crate::engine::getevents::{Getevents, Timespec};
use crate::sys::aio::{self, SIGSET_SIZE};
use crate::sys::errno::Errno;

/// A timeout that the kernel takes.
pub(crate) trait SystemCall: Timespec {
    /// Makes the system call, with the arguments as they are.
    ///
    /// # Safety
    /// As [`aio::io_getevents`].
    unsafe fn getevents(wanted: Getevents<Self>) -> Result<c_int, Errno>;
}

impl SystemCall for timespec {
    #[inline(never)]
    unsafe fn getevents(wanted: Getevents<timespec>) -> Result<c_int, Errno> {
        let Getevents {
            ctx,
            min_nr,
            nr,
            events,
            timeout,
            sigmask,
        } = wanted;
        let Some(sigmask) = sigmask else {
            // SAFETY: the caller keeps the same promise.
            return unsafe { aio::io_getevents(ctx, min_nr, nr, events, timeout) };
        };
        let sigset = io_sigset {
            ss: sigmask,
            ss_len: SIGSET_SIZE,
        };
        #[cfg(target_pointer_width = "32")]
        let sigset = crate::abi::io_sigset_32 {
            sigset,
            zero: [0; 2],
        };
        // SAFETY: the caller keeps the same promise.
        let result = unsafe { aio::io_pgetevents(ctx, min_nr, nr, events, timeout, &sigset) };

        #[cfg(target_pointer_width = "32")]
        if result == Err(Errno::EINVAL) {
            // 64-bit kernels before 5.0 read a 32-bit process's argument in this layout. For others
            // it is a set of the wrong size, which is EINVAL again.
            let sigset = crate::abi::io_sigset_compat {
                ss: sigmask,
                __ss_pad: 0,
                ss_len: SIGSET_SIZE,
            };
            // SAFETY: the caller keeps the same promise.
            return unsafe { aio::io_pgetevents(ctx, min_nr, nr, events, timeout, &sigset) };
        }
        result
    }
}
