//! Taking a ring away from a reap that cannot be waited for.
//!
//! A signal handler may destroy the context whose ring the interrupted thread is reading. That thread
//! goes on when the handler returns, and must then find memory where the ring was.

use core::ptr;

use crate::abi::{aio_ring, io_context_t, io_event};
use crate::sync::Ordering::Relaxed;
use crate::sys;

/// Moves a ring to another address, which is then the context's, and leaves ordinary memory in its
/// place, with a `head` that no reap has seen. Returns `ctx` itself if that fails.
///
/// The memory stays: nobody can tell when the interrupted reap has left it.
///
/// # Safety
/// `ctx` is a context whose ring is mapped.
#[cold]
pub unsafe fn put_in_place_of(ctx: io_context_t) -> io_context_t {
    // SAFETY: the caller says that it is mapped. Moving a length that is not the ring's fails.
    let nr = unsafe { &(*ctx.cast_const()).nr }.load(Relaxed);
    let length = size_of::<aio_ring>() + nr as usize * size_of::<io_event>();
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let Some(elsewhere) = (unsafe { sys::map(ptr::null_mut(), length, sys::Map::Reserve) }) else {
        return ctx;
    };
    // SAFETY: the target range is ours, just reserved; the kernel lets rings be moved.
    if !unsafe { sys::move_mapping(ctx.cast(), length, elsewhere) } {
        return ctx;
    }
    // SAFETY: the ring's range is empty now, and it is not replaced if another thread took it.
    if let Some(place) = unsafe { sys::map(ctx.cast(), length, sys::Map::InPlace) } {
        // SAFETY: it is mapped, zeroed and at least as large as a ring's header.
        let ring = unsafe { &*place.cast::<aio_ring>() };
        // Relaxed: for the interrupted code of the same thread.
        ring.head.store(u32::MAX, Relaxed);
    }
    elsewhere.cast()
}
