//! `aio_result_t` of `<sys/asynch.h>`, and `struct timeval`.

#![allow(non_camel_case_types)]

use core::ffi::{c_int, c_long};
use core::ptr;

use crate::requests::slot::Index;
use crate::sync::Ordering::{Relaxed, Release};
use crate::sync::{AtomicU32, AtomicUsize};

/// Where the program finds the result of a request.
#[repr(C)]
pub(crate) struct aio_result_t {
    aio_return: AtomicUsize,
    aio_errno: AtomicU32,
}

#[repr(C)]
pub(crate) struct timeval {
    pub(super) tv_sec: c_long,
    pub(super) tv_usec: c_long,
}

/// The same with times of 64 bits, where a `long` has 32.
#[cfg(target_pointer_width = "32")]
#[repr(C)]
pub(crate) struct timeval64 {
    pub(super) tv_sec: i64,
    pub(super) tv_usec: i64,
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<aio_result_t>() == 2 * size_of::<usize>());
    assert!(offset_of!(aio_result_t, aio_errno) == size_of::<usize>());
    assert!(size_of::<c_int>() == size_of::<AtomicU32>());
};

/// AIO_INPROGRESS, which a program stores in `aio_return` that looks at it until it changes.
const IN_PROGRESS: isize = -2;

/// # Safety
/// Both: the address is that of a program's `aio_result_t`.
impl aio_result_t {
    /// Whether the program may look at the structure alone, and call nothing.
    pub(super) unsafe fn is_polled(result: *const aio_result_t) -> bool {
        // SAFETY: the caller says so. Relaxed: the program's own thread has stored it.
        unsafe { &(*result).aio_return }.load(Relaxed) as isize == IN_PROGRESS
    }

    /// A request has ended: the error is stored first, because the program may wait for `aio_return` to
    /// change. `result` is a count or `-errno`.
    pub(super) unsafe fn finish(target: usize, _: Index, result: i64) {
        let to: *mut aio_result_t = ptr::with_exposed_provenance_mut(target);
        let (value, error) = if result < 0 {
            (-1, -result as u32)
        } else {
            (result as isize, 0)
        };
        // SAFETY: the caller says so.
        unsafe {
            (*to).aio_errno.store(error, Relaxed);
            // Release: pairs with the program's look.
            (*to).aio_return.store(value as usize, Release);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_result_has_a_count_or_an_error() {
        let mut result = aio_result_t {
            aio_return: AtomicUsize::new(-2_isize as usize),
            aio_errno: AtomicU32::new(77),
        };
        let address = (&raw mut result).expose_provenance();
        // SAFETY: the structure is there.
        unsafe {
            assert!(aio_result_t::is_polled(&result));
            aio_result_t::finish(address, 1, 4096);
            assert!(!aio_result_t::is_polled(&result));
            assert_eq!(result.aio_return.load(Relaxed), 4096);
            assert_eq!(result.aio_errno.load(Relaxed), 0);
            aio_result_t::finish(address, 1, -5);
        }
        assert_eq!(result.aio_return.load(Relaxed) as isize, -1);
        assert_eq!(result.aio_errno.load(Relaxed), 5);
    }
}
