//! Taking a ring away from a thread that cannot be waited for.
//!
//! A signal handler may destroy the context whose ring the interrupted thread is reading, or stand
//! in the way of another thread that does. The interrupted thread goes on when the handler returns,
//! and must then find memory where the ring was.

use core::ptr;

use crate::abi::{aio_ring, io_context_t, io_event};
use crate::engine::patience::{LOOKS_AT_PLACE, pause};
use crate::sys::memory::{self, Map};

/// What is reserved beside the new place of a ring, for a moment. Else the reservation would fit
/// into the empty place that another thread, in this function too, is about to fill: the kernel
/// hands out the first gap that is large enough, and rings are of one size. Larger than the gap
/// that some hundred neighbouring rings leave.
const MARGIN: usize = 1 << 20;

/// Moves a ring to another address, which is then the context's, and leaves ordinary memory in its
/// place, all zero. Returns `ctx` itself if that fails.
///
/// The memory stays: nobody can tell when the interrupted thread has left it. Between the two steps
/// the place is empty, for a microsecond: the kernel knows no exchange of mappings.
///
/// `nr` is how many slots the ring has: not what its header says, where a program may have written,
/// because the kernel may move whatever else lies in a range that is too long.
///
/// # Safety
/// `ctx` is a context whose ring is mapped, and no other thread takes it away.
#[cold]
pub(crate) unsafe fn put_in_place_of(ctx: io_context_t, nr: u32) -> io_context_t {
    let length = size_of::<aio_ring>() + nr as usize * size_of::<io_event>();
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let reserve = |room| unsafe { memory::map(ptr::null_mut(), room, Map::Reserve) };
    let mut room = length + MARGIN;
    // Where the program's address space is nearly used up, the ring's own length may still do.
    let Some(elsewhere) = reserve(room).or_else(|| {
        room = length;
        reserve(room)
    }) else {
        return ctx;
    };
    // SAFETY: the target range is ours, just reserved; the kernel lets rings be moved.
    let moved = unsafe { memory::move_mapping(ctx.cast(), length, elsewhere) };
    let kept = if moved { length } else { 0 };
    // SAFETY: the rest of the reservation is ours, and nobody knows of it. Of no rest the kernel
    // says EINVAL.
    unsafe { memory::unmap(elsewhere.wrapping_byte_add(kept), room - kept) };
    if !moved {
        return ctx;
    }
    for turn in 0..LOOKS_AT_PLACE {
        // SAFETY: the ring's range is empty now, and it is not replaced if another thread took it.
        if unsafe { memory::map(ctx.cast(), length, Map::InPlace) }.is_some() {
            break;
        }
        // Perhaps for a moment, as another thread that is here does.
        pause(turn);
    }
    elsewhere.cast()
}

#[cfg(all(test, not(miri), not(loom)))]
mod tests {
    use super::*;
    use crate::engine::patience::waits;
    use crate::sync::Ordering::Relaxed;

    const NR: u32 = 127;
    const LENGTH: usize = 4096;

    /// Memory in a ring's stead, with something in it.
    fn ring() -> io_context_t {
        // SAFETY: a new mapping.
        let reserved = unsafe { memory::map(ptr::null_mut(), LENGTH, Map::Reserve) }.unwrap();
        // SAFETY: just mapped.
        unsafe { memory::unmap(reserved, LENGTH) };
        // SAFETY: it is free.
        let ring = unsafe { memory::map(reserved, LENGTH, Map::InPlace) }.unwrap();
        let ring = ring.cast::<aio_ring>();
        // SAFETY: there is room.
        unsafe { &(*ring).tail }.store(5, Relaxed);
        ring
    }

    #[test]
    fn the_ring_moves_and_memory_takes_its_place() {
        let ctx = ring();
        // SAFETY: nobody else knows of it.
        let (elsewhere, waits) = waits::of(|| unsafe { put_in_place_of(ctx, NR) });
        assert_eq!(waits, 0);
        assert_ne!(elsewhere, ctx);
        // SAFETY: both are mapped.
        let (left, moved) = unsafe { (&*ctx, &*elsewhere) };
        assert_eq!(moved.tail.load(Relaxed), 5);
        assert_eq!(left.tail.load(Relaxed), 0);
        // Nothing is left of the reservation behind it.
        let behind = elsewhere.wrapping_byte_add(LENGTH).cast();
        // SAFETY: it is not touched if something is there.
        assert!(unsafe { memory::map(behind, MARGIN, Map::InPlace) }.is_some());
        for (start, length) in [
            (ctx.cast(), LENGTH),
            (elsewhere.cast(), LENGTH),
            (behind, MARGIN),
        ] {
            // SAFETY: mapped here.
            unsafe { memory::unmap(start, length) };
        }
    }

    #[test]
    fn what_cannot_be_moved_stays() {
        let ring = ring();
        // The kernel moves whole pages only.
        let ctx = ring.wrapping_byte_add(size_of::<aio_ring>());
        // SAFETY: nobody else knows of it.
        assert_eq!(unsafe { put_in_place_of(ctx, NR) }, ctx);
        // SAFETY: still mapped here.
        assert_eq!(unsafe { &*ring }.tail.load(Relaxed), 5);
        // SAFETY: nobody uses it.
        unsafe { memory::unmap(ring.cast(), LENGTH) };
    }
}
