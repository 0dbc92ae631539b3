//! `io_cancel`.

use core::ffi::c_int;

use super::context::Context;
use super::iocb::key_of;
use super::requests::{CANCELLED, QUEUED, Request, change};
use super::state::Threads;
use crate::abi::iocb;
use crate::sys::errno::Errno;
use crate::sys::probe;

/// Cancels a request. Success is EINPROGRESS, as in the kernel.
pub(crate) fn cancel(threads: &Threads, context: &Context, at: *mut iocb) -> Result<c_int, Errno> {
    check_key(at)?;
    let mut tried = None;
    while let Some((request, serial)) = oldest(context, at, tried) {
        // SAFETY: the context is held, so the memory is there.
        if unsafe { threads.poller.withdraw(request) || change(request, QUEUED, CANCELLED) } {
            return Err(Errno::EINPROGRESS);
        }
        // It ends by itself. Its event may be there, and the iocb have been submitted again.
        tried = Some(serial);
    }
    Err(Errno::EINVAL)
}

/// Of the requests with this iocb that are queued or armed, the one that was submitted first, or
/// first after the one with the number `tried`; and its number.
fn oldest(context: &Context, at: *mut iocb, tried: Option<u32>) -> Option<(*mut Request, u32)> {
    let mut oldest = None;
    context.requests.for_each(|request| {
        // SAFETY: the context is held, so the memory is there; a request that changes hands
        // meanwhile is not found, or not cancelled by the caller.
        let (this, serial) = unsafe { ((*request).details.obj, (*request).details.serial) };
        let is_before = |other: u32| (serial.wrapping_sub(other) as i32) < 0;
        if this == at
            && tried.is_none_or(|tried| serial != tried && !is_before(tried))
            && oldest.is_none_or(|(_, other)| is_before(other))
        {
            oldest = Some((request, serial));
        }
    });
    oldest
}

/// Cancels a request of a context that is none.
#[inline(never)]
pub(crate) fn cancel_nothing(at: *mut iocb) -> Result<c_int, Errno> {
    check_key(at)?;
    Err(Errno::EINVAL)
}

/// The kernel looks at the key of the iocb before it looks for the request.
fn check_key(at: *mut iocb) -> Result<(), Errno> {
    let key = key_of(at);
    if !probe::are_readable(key.cast(), size_of::<u32>()) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the kernel has just read it.
    if unsafe { key.read_unaligned() } != 0 {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;
    use crate::engine::threads::requests::{ARMED, BUSY};
    use crate::sync::Ordering::Relaxed;

    /// A context with three requests of one iocb, in these states, submitted in this order from
    /// the number `first` on. None of those that are armed is at the poller any more.
    fn cancel_one_of(states: [u32; 3], first: u32) -> (Result<c_int, Errno>, [u32; 3]) {
        // Too large for the stack.
        let mut threads = Box::<Threads>::new_uninit();
        // SAFETY: zero is the empty state.
        let threads = unsafe {
            threads.as_mut_ptr().write_bytes(0, 1);
            threads.assume_init()
        };
        let context = Context::default();
        // SAFETY: zero is a free place.
        let mut places: [Request; 3] = unsafe { core::mem::zeroed() };
        let places = places.as_mut_ptr();
        context.requests.start(places, 3);
        let mut iocb = [0u64; 8];
        let at = iocb.as_mut_ptr().cast::<iocb>();
        for (index, state) in states.into_iter().enumerate() {
            // The places are used in another order.
            // SAFETY: there are three.
            let place = unsafe { &mut *places.wrapping_add((index + 1) % 3) };
            place.details.obj = at;
            place.details.serial = first.wrapping_add(index as u32);
            place.state.store(state, Relaxed);
        }
        let mut other = [0u64; 8];
        let nothing = cancel(&threads, &context, other.as_mut_ptr().cast());
        assert_eq!(nothing, Err(Errno::EINVAL), "none of this iocb's");
        let result = cancel(&threads, &context, at);
        // SAFETY: as above.
        let state = |index: usize| unsafe { &(*places.wrapping_add((index + 1) % 3)).state };
        (result, [0, 1, 2].map(|index| state(index).load(Relaxed)))
    }

    #[test]
    fn the_first_that_can_be_cancelled_is() {
        let cancelled = Err(Errno::EINPROGRESS);
        for first in [0, u32::MAX, u32::MAX - 1, 1 << 31, i32::MAX as u32] {
            let (result, states) = cancel_one_of([QUEUED, QUEUED, QUEUED], first);
            assert_eq!((result, states), (cancelled, [CANCELLED, QUEUED, QUEUED]));
            let (result, states) = cancel_one_of([BUSY, CANCELLED, QUEUED], first);
            assert_eq!((result, states), (cancelled, [BUSY, CANCELLED, CANCELLED]));
            // A poll that has ended, whose place is not free yet, hides none that came later.
            let (result, states) = cancel_one_of([ARMED, QUEUED, QUEUED], first);
            assert_eq!((result, states), (cancelled, [ARMED, CANCELLED, QUEUED]));
            let (result, states) = cancel_one_of([ARMED, ARMED, QUEUED], first);
            assert_eq!((result, states), (cancelled, [ARMED, ARMED, CANCELLED]));
            let (result, states) = cancel_one_of([ARMED, ARMED, ARMED], first);
            assert_eq!(
                (result, states),
                (Err(Errno::EINVAL), [ARMED, ARMED, ARMED])
            );
        }
    }
}
