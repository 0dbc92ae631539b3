//! `io_destroy`: cancels polls, wakes waiters, waits for helpers.

use core::ffi::c_int;

use super::contexts::Hold;
use super::state::Threads;
use crate::abi::io_context_t;
use crate::sys::errno::Errno;
use crate::sys::signals::Blocked;

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
    let blocked = Blocked::new();
    let in_flight = &hold.events.in_flight;
    in_flight.destroy();
    hold.events.waiters.wake_all();
    // Again while requests are in flight: an io_submit that began earlier may arm a poll.
    in_flight.wait(|| {
        while let Some(request) = hold.requests.cancel_first(None) {
            // SAFETY: it was cancelled here, and the context is held.
            unsafe { threads.pollers.withdraw(request) };
        }
    });
    // Last: the next context may get the same address.
    // SAFETY: looked at above; the rest as the caller promises.
    unsafe { hold.unmap_for_program(ctx) };
    threads.contexts.destroyed(hold);
    if !threads.contexts.are_any() {
        // A process without contexts has no thread of the library: some system calls are refused to a
        // process with threads.
        threads.let_all_end(&blocked);
    }
    Ok(0)
}
