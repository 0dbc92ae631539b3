//! `io_getevents` and `io_pgetevents`: waiting for events and taking them.

use core::ffi::{c_int, c_long};
use core::ptr;

use super::context::Context;
use super::events::Events;
use super::waiting::{Limit, Woken};
use crate::abi::io_event;
use crate::engine::getevents::{Getevents, Timespec};
use crate::sys::errno::Errno;
use crate::sys::probe;
use crate::sys::signals::{Blocked, Signals};

/// Waits for events and takes them.
///
/// # Safety
/// `events` has room for `nr` events, or is bad; so is `timeout`, or it is null or readable.
pub(crate) unsafe fn collect<T: Timespec>(
    context: &Context,
    wanted: Getevents<T>,
) -> Result<c_int, Errno> {
    // SAFETY: the caller keeps the same promise.
    let call = unsafe { Call::check(wanted) }?;
    // Without a mask of the call's own, handlers run while the thread sleeps for the first time.
    let mut blocked = call.sigmask.map(|_| Blocked::new());
    // SAFETY: the caller keeps the same promise.
    let result = unsafe { call.collect(context, &mut blocked) };
    match call.sigmask {
        // What the mask lets through is delivered within the call, whatever its result.
        Some(mask) if result != Err(Errno::EINTR) && mask.deliver() && result == Ok(0) => {
            Err(Errno::EINTR)
        }
        _ => result,
    }
}

/// Waits for events of a context that is none.
///
/// # Safety
/// As [`collect`].
pub(crate) unsafe fn collect_nothing<T: Timespec>(wanted: Getevents<T>) -> Result<c_int, Errno> {
    // SAFETY: the caller keeps the same promise.
    let Call { sigmask, .. } = unsafe { Call::check(wanted) }?;
    // What the mask lets through is delivered within the call, whatever its result.
    sigmask.map(|mask| mask.deliver());
    Err(Errno::EINVAL)
}

/// A call whose timeout and mask were read.
#[derive(Clone, Copy)]
struct Call {
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    limit: Limit,
    /// The signal mask while it waits, if that is another one.
    sigmask: Option<Signals>,
}

impl Call {
    /// EFAULT if timeout or mask are bad.
    ///
    /// # Safety
    /// Timeout and mask do not become bad meanwhile.
    unsafe fn check<T: Timespec>(wanted: Getevents<T>) -> Result<Call, Errno> {
        let mut limit = Limit::Never;
        if !wanted.timeout.is_null() {
            if !probe::are_readable(wanted.timeout.cast(), size_of::<T>()) {
                return Err(Errno::EFAULT);
            }
            // SAFETY: the kernel has just read it.
            limit = Limit::of(unsafe { wanted.timeout.read_unaligned() }.parts());
        }
        let sigmask = wanted.sigmask.unwrap_or(ptr::null());
        if !sigmask.is_null() && !probe::is_readable(sigmask.cast()) {
            return Err(Errno::EFAULT);
        }
        // SAFETY: the kernel has just read it.
        let sigmask = (!sigmask.is_null()).then(|| unsafe { Signals::at(sigmask) });
        Ok(Call {
            min_nr: wanted.min_nr,
            nr: wanted.nr,
            events: wanted.events,
            limit,
            sigmask,
        })
    }

    /// # Safety
    /// As [`collect`].
    unsafe fn collect(
        &self,
        context: &Context,
        blocked: &mut Option<Blocked>,
    ) -> Result<c_int, Errno> {
        let Call { min_nr, limit, .. } = *self;
        if min_nr < 0 || min_nr > self.nr {
            return Err(Errno::EINVAL);
        }
        let mut got = 0;
        loop {
            // SAFETY: the caller keeps the same promise.
            match unsafe { self.take(context, got, blocked.is_none()) } {
                Ok(count) => got += count,
                Err(error) => return some_or(got, error),
            }
            if got >= min_nr || limit == Limit::Now {
                return Ok(got as c_int);
            }
            if context.events.in_flight.is_destroying() || context.nr() == 0 {
                return some_or(got, Errno::EINVAL);
            }
            // A waiter leaves events that do not satisfy it to those who want less.
            match self.wait(context, min_nr - got, blocked) {
                Woken::Perhaps => {}
                woken => {
                    // SAFETY: as above.
                    got += unsafe { self.take(context, got, blocked.is_none()) }.unwrap_or(0);
                    return match woken {
                        Woken::Interrupted => some_or(got, Errno::EINTR),
                        _ => Ok(got as c_int),
                    };
                }
            }
        }
    }

    /// Waits until so many events are there, or the context is being destroyed.
    fn wait(&self, context: &Context, events: c_long, blocked: &mut Option<Blocked>) -> Woken {
        let Events {
            completions,
            waiters,
            in_flight,
        } = &context.events;
        // No ring has room for more; who waits for more sleeps till the end.
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        let ready = || completions.available() >= events || in_flight.is_destroying();
        // Where others take what this thread is woken for, it sleeps again, and no signal is to come
        // unnoticed in between.
        if blocked.is_some() && self.sigmask.is_none() {
            waiters.note_others();
        } else if blocked.is_none() && waiters.have_others() {
            *blocked = Some(Blocked::new());
        }
        loop {
            let woken = match blocked {
                None => waiters.sleep(events, self.limit, ready),
                Some(blocked) => {
                    let mask = self.sigmask.unwrap_or(blocked.before());
                    waiters.sleep_masked(events, self.limit, mask, ready)
                }
            };
            if woken == Woken::Perhaps && blocked.is_none() {
                *blocked = Some(Blocked::new());
            }
            if woken != Woken::Perhaps || ready() || context.nr() == 0 {
                return woken;
            }
            waiters.note_others();
        }
    }

    /// Takes the events that are there behind those that the call has got, as many as it has room
    /// for. `blocks`: signals are not blocked yet.
    ///
    /// # Safety
    /// As [`collect`].
    unsafe fn take(&self, context: &Context, got: c_long, blocks: bool) -> Result<c_long, Errno> {
        let completions = &context.events.completions;
        let available = completions.available();
        let room = self.nr - got;
        if available == 0 || room <= 0 {
            return Ok(0);
        }
        let events = self.events.wrapping_add(got as usize);
        let count = room.min(available as c_long) as u32;
        let bytes = |count: u32| count as usize * size_of::<io_event>();
        let is_writable = |count| probe::are_writable_now(events.cast(), bytes(count));
        let _blocked = blocks.then(Blocked::new);
        if !is_writable(count) {
            // As the kernel: those that have a good place are written, and none is lost.
            let good = (1..count).take_while(|&count| is_writable(count)).last();
            // SAFETY: the kernel has just written there.
            unsafe { completions.peek(good.unwrap_or(0), events) };
            return Err(Errno::EFAULT);
        }
        // SAFETY: the kernel has just written there.
        Ok(unsafe { completions.take(count, events) } as c_long)
    }
}

/// What a call returns that cannot go on: the events that it has got, or else the error.
fn some_or(got: c_long, error: Errno) -> Result<c_int, Errno> {
    if got > 0 {
        Ok(got as c_int)
    } else {
        Err(error)
    }
}
