//! `io_destroy`: cancels polls, wakes waiters, waits for helpers.

use core::ffi::c_int;

use super::contexts::Hold;
use super::state::Threads;
use crate::abi::io_context_t;
use crate::sys::errno::Errno;

/// Destroys a context.
///
/// # Safety
/// Nobody reads the ring behind `ctx` any more.
pub(crate) unsafe fn destroy(
    threads: &Threads,
    hold: Hold<'_>,
    ctx: io_context_t,
) -> Result<c_int, Errno> {
    // The program may have unmapped the ring, and mapped something else there.
    if !hold.is_ring_at(ctx) || !hold.start_destroying() {
        return Err(Errno::EINVAL);
    }
    let in_flight = &hold.events.in_flight;
    in_flight.destroy();
    hold.events.waiters.wake();
    // Again while requests are in flight: an io_submit that began earlier may arm a poll.
    in_flight.wait(|| {
        hold.requests.for_each(|request| {
            // SAFETY: it is one of this context's, which is held.
            unsafe { threads.poller.withdraw(request) };
        });
    });
    // Last: the next context may get the same address.
    // SAFETY: looked at above; the rest as the caller promises.
    unsafe { hold.unmap_for_program(ctx) };
    threads.contexts.destroyed(hold);
    Ok(0)
}
