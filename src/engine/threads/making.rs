//! `io_setup`: the kernel's checks, and a context that this engine serves.

use core::ffi::c_int;

use super::context::Mappings;
use super::contexts::Contexts;
use super::destroying::destroy;
use super::state::Root;
use crate::abi::io_context_t;
use crate::sys::errno::Errno;
use crate::sys::process::AtQuickExit;
use crate::sys::{limits, probe};

/// The kernel limits a context's events to 0x10000000 bytes, after it has doubled their number.
const MOST_EVENTS: u32 = 0x1000_0000 / 32;

/// Makes a context and stores it at `ctxp`. `is_limited`: `fs.aio-max-nr` counts. `made` is called
/// with the context's address before the program can know it.
///
/// # Safety
/// `ctxp` is null, bad, or the caller's to write.
pub(crate) unsafe fn make(
    root: &Root,
    nr_events: c_int,
    ctxp: *mut io_context_t,
    is_limited: bool,
    wipes: impl Fn() -> bool,
    at_quick_exit: AtQuickExit,
    made: impl FnOnce(usize),
) -> Result<c_int, Errno> {
    let nr_events = nr_events as u32;
    if !probe::are_readable(ctxp.cast(), size_of::<io_context_t>()) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the kernel has just read it.
    if !unsafe { ctxp.read_unaligned() }.is_null() || nr_events == 0 {
        return Err(Errno::EINVAL);
    }
    let cpus = limits::possible_cpus();
    let doubled = nr_events.max(cpus.wrapping_mul(4)).wrapping_mul(2);
    if doubled > MOST_EVENTS {
        return Err(Errno::EINVAL);
    }
    if doubled == 0 || is_limited && limits::aio_max_nr().is_some_and(|most| nr_events > most) {
        return Err(Errno::EAGAIN);
    }
    let threads = root.made(wipes, at_quick_exit).ok_or(Errno::ENOMEM)?;
    /// Enough for hundreds of calls that were left by `longjmp`, and keep their context's place.
    const TRIES: u32 = 16;
    let ctx = make_somewhere(&threads.contexts, nr_events, cpus, TRIES)?;
    made(ctx.addr());
    if !probe::are_writable(&threads.writable, ctxp.cast(), size_of::<io_context_t>()) {
        if let Some(hold) = threads.contexts.hold(ctx) {
            // SAFETY: nobody has seen it.
            let _ = unsafe { destroy(threads, hold, ctx) };
        }
        return Err(Errno::EFAULT);
    }
    // SAFETY: the kernel has just written there.
    unsafe { ctxp.write_unaligned(ctx) };
    Ok(0)
}

fn make_somewhere(
    contexts: &Contexts,
    nr_events: u32,
    cpus: u32,
    tries: u32,
) -> Result<io_context_t, Errno> {
    let mappings = Mappings::new(nr_events, cpus).ok_or(Errno::ENOMEM)?;
    let address = mappings.ring.addr();
    if contexts.insert(address, |number, context| context.start(number, &mappings)) {
        return Ok(mappings.ring.cast());
    }
    // While this address is taken, the next one is another, with other places.
    let result = if tries > 1 {
        make_somewhere(contexts, nr_events, cpus, tries - 1)
    } else {
        Err(Errno::ENOMEM)
    };
    mappings.unmap();
    result
}
