//! The context of libaio, as far as it is used without the lock: looking for events, waiting for them, and
//! submitting.

use core::ffi::c_long;
use core::ptr;

use crate::abi::{io_context_t, io_event, iocb};
use crate::libaio;
use crate::sync::Ordering::{Acquire, Relaxed};
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::errno::Errno;
use crate::sys::futex;

/// What is used without the lock. All zero: there is no context.
#[repr(C)]
pub(crate) struct Ring {
    pub(super) context: AtomicUsize,
    /// Up to where the events were read.
    pub(super) read_to: AtomicU32,
    /// How many events the ring has room for.
    pub(super) size: AtomicU32,
}

impl Ring {
    pub(super) fn context(&self) -> io_context_t {
        // Acquire: pairs with `ring::set_up`.
        ptr::with_exposed_provenance_mut(self.context.load(Acquire))
    }

    /// Whether events have come that nobody has read.
    pub(crate) fn has_unread(&self) -> bool {
        let context = self.context();
        if context.is_null() {
            return false;
        }
        // SAFETY: the context stays. Relaxed: they are read under the lock.
        unsafe { &(*context).tail }.load(Relaxed) != self.read_to.load(Relaxed)
    }

    /// Waits for an event, and leaves it where it is. EINTR: a signal handler ran. None of the lock is
    /// held.
    pub(crate) fn wait(&self, nanoseconds: i64) -> Result<(), Errno> {
        let nowhere: *mut io_event = ptr::without_provenance_mut(usize::MAX - 0xfff);
        let mut timeout = futex::as_timespec(nanoseconds);
        // SAFETY: nothing is written to such an address.
        let result = unsafe { libaio::io_getevents(self.context(), 1, 1, nowhere, &mut timeout) };
        match Errno::of_negated(result) {
            Errno::EFAULT => Ok(()),
            Errno::EINTR => Err(Errno::EINTR),
            _ if result >= 0 => Ok(()),
            // A filter of system calls refuses it. The ring is looked at as time goes by.
            _ => {
                futex::sleep(1_000_000.min(nanoseconds.max(0)) as c_long);
                Ok(())
            }
        }
    }
}

/// Submits requests that were prepared: how many, or why not the first.
pub(crate) fn submit(ring: &Ring, iocbs: &mut [*mut iocb]) -> Result<usize, Errno> {
    // SAFETY: the program keeps the buffers until the requests end.
    let submitted =
        unsafe { libaio::io_submit(ring.context(), iocbs.len() as c_long, iocbs.as_mut_ptr()) };
    match submitted {
        0 => Err(Errno::EAGAIN),
        count if count > 0 => Ok(count as usize),
        error => Err(Errno::of_negated(error)),
    }
}
