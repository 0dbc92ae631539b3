//! Taking a ring away from a thread that cannot be waited for, and its address from new contexts.
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

/// Moves a ring to another address, which is then the context's. None: it stays where it is.
///
/// `nr` is how many slots the ring has: not what its header says, where a program may have written,
/// because the kernel may move whatever else lies in a range that is too long.
///
/// # Safety
/// `ctx` is a context whose ring is mapped, and no other thread takes it away.
unsafe fn move_away(ctx: io_context_t, nr: u32) -> Option<io_context_t> {
    let length = length(nr);
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let reserve = |room| unsafe { memory::map(ptr::null_mut(), room, Map::Reserve) };
    let mut room = length + MARGIN;
    // Where the program's address space is nearly used up, the ring's own length may still do.
    let elsewhere = reserve(room).or_else(|| {
        room = length;
        reserve(room)
    })?;
    // SAFETY: the target range is ours, just reserved; the kernel lets rings be moved.
    let moved = unsafe { memory::move_mapping(ctx.cast(), length, elsewhere) };
    let kept = if moved { length } else { 0 };
    // SAFETY: the rest of the reservation is ours, and nobody knows of it. Of no rest the kernel
    // says EINVAL.
    unsafe { memory::unmap(elsewhere.wrapping_byte_add(kept), room - kept) };
    moved.then_some(elsewhere.cast())
}

/// Keeps the address of a context that was destroyed from new ones: takes a page of addresses, if none
/// has come there.
#[cold]
pub(crate) fn keep_address(ctx: io_context_t) {
    // SAFETY: nothing that is mapped is touched, and nobody uses what is not.
    let _ = unsafe { memory::map(ctx.cast(), memory::PAGE, Map::Reserve) };
}

/// Of a ring of `nr` slots.
fn length(nr: u32) -> usize {
    size_of::<aio_ring>() + nr as usize * size_of::<io_event>()
}

/// As [`move_away`], and leaves ordinary memory in the ring's place, all zero. Returns `ctx` itself
/// if it stays where it is.
///
/// The memory stays: nobody can tell when the interrupted thread has left it. Between the two steps
/// the place is empty, for a microsecond: the kernel knows no exchange of mappings.
///
/// # Safety
/// As [`move_away`].
#[cold]
pub(crate) unsafe fn put_in_place_of(ctx: io_context_t, nr: u32) -> io_context_t {
    // SAFETY: the caller keeps the same promise.
    let Some(elsewhere) = (unsafe { move_away(ctx, nr) }) else {
        return ctx;
    };
    for turn in 0..LOOKS_AT_PLACE {
        // SAFETY: the ring's range is empty now, and it is not replaced if another thread took it.
        if unsafe { memory::map(ctx.cast(), length(nr), Map::InPlace) }.is_some() {
            break;
        }
        // Perhaps for a moment, as another thread that is here does.
        pause(turn);
    }
    elsewhere
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
        let mapped = unsafe {
            libc::mmap(
                ptr::null_mut(),
                LENGTH,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(mapped, libc::MAP_FAILED);
        let ring = mapped.cast::<aio_ring>();
        // SAFETY: there is room.
        unsafe { &(*ring).tail }.store(5, Relaxed);
        ring
    }

    /// The number of the first check that is false, in a process in which no other test maps
    /// memory; 0: all are true.
    fn alone(checks: fn(&mut dyn FnMut(bool))) -> i32 {
        // SAFETY: the child does not allocate, and ends without the tests' exit handlers.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let mut number = 0;
            checks(&mut |is_true| {
                number += 1;
                if !is_true {
                    // SAFETY: as above.
                    unsafe { libc::_exit(number) };
                }
            });
            // SAFETY: as above.
            unsafe { libc::_exit(0) };
        }
        let mut status = 0;
        // SAFETY: the status has room.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert!(libc::WIFEXITED(status), "status {status:#x}");
        libc::WEXITSTATUS(status)
    }

    #[test]
    fn the_ring_moves_and_memory_takes_its_place() {
        let failed = alone(|check| {
            let ctx = ring();
            // SAFETY: nobody else knows of it.
            let (elsewhere, waits) = waits::of(|| unsafe { put_in_place_of(ctx, NR) });
            check(waits == 0);
            check(elsewhere != ctx);
            // SAFETY: both are mapped.
            let (left, moved) = unsafe { (&*ctx, &*elsewhere) };
            check(moved.tail.load(Relaxed) == 5);
            check(left.tail.load(Relaxed) == 0);
            // Nothing is left of the reservation behind it.
            let behind = elsewhere.wrapping_byte_add(LENGTH).cast();
            // SAFETY: it is not touched if something is there.
            check(unsafe { memory::map(behind, MARGIN, Map::InPlace) }.is_some());
        });
        assert_eq!(failed, 0, "which check");
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
