//! What MemorySanitizer and ThreadSanitizer of the program are told, if it has them.
//!
//! They see neither that the kernel writes events, nor that a request which one thread submits and
//! another one collects goes from the first to the second. Their own functions say so. The references
//! to them are weak, and 0 in a program without a sanitizer. Where one is there, events are not taken
//! from the ring, so that nothing has to be asked where a call takes nanoseconds.

use core::ffi::{c_int, c_long, c_void};
use core::mem::{size_of, transmute};

use super::errno::Errno;
use crate::abi::{io_event, iocb};

unsafe extern "C" {
    /// The addresses of `__msan_unpoison`, `__tsan_acquire` and `__tsan_release`, or 0. The Makefile
    /// makes it.
    #[cfg(not(test))]
    #[link_name = "libaio_sanitizers"]
    safe static SANITIZERS: [usize; 3];
}

#[cfg(test)]
static SANITIZERS: [usize; 3] = [0; 3];

/// Of a memory sanitizer: says that a range was written.
type Unpoison = unsafe extern "C" fn(*const c_void, usize);
/// Of a thread sanitizer: what was done before a release of this address comes before what is done
/// after an acquisition of it.
type Order = unsafe extern "C" fn(*const c_void);

/// Whether the program has one.
#[inline]
pub(crate) fn are_there() -> bool {
    let [unpoison, acquire, release] = SANITIZERS;
    unpoison | acquire | release != 0
}

/// A call for events has ended so. They were written to the program's array; and whoever collects
/// them goes on where their requests were submitted.
#[inline(always)]
pub(crate) fn collected(events: *const io_event, result: Result<c_int, Errno>) {
    let [unpoison, acquire, _] = SANITIZERS;
    if unpoison | acquire != 0 {
        if let Ok(count) = result {
            tell_of_events(events, count as usize, unpoison, acquire);
        }
    }
}

#[cold]
#[inline(never)]
fn tell_of_events(events: *const io_event, count: usize, unpoison: usize, acquire: usize) {
    if unpoison != 0 {
        // SAFETY: it is that function, which only notes the range.
        unsafe {
            let unpoison = transmute::<usize, Unpoison>(unpoison);
            unpoison(events.cast(), count * size_of::<io_event>());
        }
    }
    if acquire != 0 {
        for index in 0..count {
            // SAFETY: the array has so many events. It is that function, which only notes the address.
            unsafe {
                let event = events.wrapping_add(index).read_unaligned();
                transmute::<usize, Order>(acquire)(event.obj.cast());
            }
        }
    }
}

/// These requests are about to be submitted.
///
/// # Safety
/// In a program with a thread sanitizer `ios` has room for `nr` pointers.
#[inline(always)]
pub(crate) unsafe fn submitted(ios: *const *mut iocb, nr: c_long) {
    let [_, _, release] = SANITIZERS;
    if release != 0 && nr > 0 && !ios.is_null() {
        // SAFETY: the caller keeps the same promise.
        unsafe { tell_of_requests(ios, nr as usize, release) };
    }
}

#[cold]
#[inline(never)]
unsafe fn tell_of_requests(ios: *const *mut iocb, nr: usize, release: usize) {
    for index in 0..nr {
        // SAFETY: the caller says that it is there. It is that function, which only notes the address.
        unsafe {
            let iocb = ios.wrapping_add(index).read_unaligned();
            transmute::<usize, Order>(release)(iocb.cast());
        }
    }
}
