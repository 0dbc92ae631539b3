//! What one context consists of: its ring, mapped at two addresses, and memory for its requests.
//!
//! The program has one address of the ring, and may move, unmap or overwrite what is there. The
//! engine uses the other one.

use core::ffi::c_void;
use core::ptr;

use super::events::Events;
use super::requests::{Request, Requests};
use crate::abi::{AIO_RING_MAGIC, aio_ring, io_context_t, io_event};
use crate::engine::patience::SPINS;
use crate::sync::Ordering::{Relaxed, SeqCst};
use crate::sync::{AtomicU32, AtomicUsize, spin_loop};
use crate::sys::memory::{self, PAGE};
use crate::sys::probe;

/// Set in a ring's `id` for a moment, by [`Context::is_ring_at`].
const FLIPPED: u32 = 1 << 31;

/// All zero: none.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Context {
    /// The ring's `id`, which the program may overwrite: where in the table this context is.
    number: AtomicU32,
    /// The engine's address of the ring.
    own_ring: AtomicUsize,
    /// Memory for the requests.
    area: AtomicUsize,
    /// Where events go.
    pub events: Events,
    /// Requests that end after `io_submit`.
    pub requests: Requests,
}

/// The memory of a context that is about to be made.
pub(crate) struct Mappings {
    /// The program's address of the ring.
    pub ring: *mut c_void,
    own_ring: *mut c_void,
    area: *mut c_void,
    /// Slots of the ring.
    nr: u32,
}

impl Mappings {
    /// Maps what a context for `nr_events` requests needs. None: there is no memory.
    pub(crate) fn new(nr_events: u32, cpus: u32) -> Option<Mappings> {
        let nr = slots(nr_events, cpus);
        let (ring, own_ring) = memory::map_twice(ring_bytes(nr))?;
        let Some(area) = memory::map_zeroes(Requests::bytes(nr)) else {
            // SAFETY: just mapped.
            unsafe {
                memory::unmap(ring, ring_bytes(nr));
                memory::unmap(own_ring, ring_bytes(nr));
            }
            return None;
        };
        Some(Mappings {
            ring,
            own_ring,
            area,
            nr,
        })
    }

    /// Gives back what became no context's.
    pub(crate) fn unmap(self) {
        // SAFETY: nobody knows of the mappings.
        unsafe {
            memory::unmap(self.ring, ring_bytes(self.nr));
            memory::unmap(self.own_ring, ring_bytes(self.nr));
            memory::unmap(self.area, Requests::bytes(self.nr));
        }
    }
}

/// The slots of a ring for so many requests: the kernel's formula (`aio_setup_ring` in `fs/aio.c`).
fn slots(nr_events: u32, cpus: u32) -> u32 {
    let events = nr_events.max(cpus.saturating_mul(4)) as usize * 2 + 2;
    let bytes = size_of::<aio_ring>() + events * size_of::<io_event>();
    let bytes = bytes.div_ceil(PAGE) * PAGE;
    ((bytes - size_of::<aio_ring>()) / size_of::<io_event>()) as u32
}

/// The bytes of a ring, which are whole pages.
fn ring_bytes(nr: u32) -> usize {
    size_of::<aio_ring>() + nr as usize * size_of::<io_event>()
}

/// The context that the word at the beginning of a ring names, if it is one of a ring of this
/// engine.
pub(crate) fn number_at(ctx: io_context_t) -> Option<u32> {
    Some(probe::word_at(ctx.cast_const().cast())? & !FLIPPED)
}

impl Context {
    /// Starts with new mappings, as the context of this number.
    pub(crate) fn start(&self, number: u32, mappings: &Mappings) {
        let nr = mappings.nr;
        let header = aio_ring {
            id: number,
            nr: AtomicU32::new(nr),
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            magic: AIO_RING_MAGIC,
            compat_features: 1,
            incompat_features: 0,
            header_length: size_of::<aio_ring>() as u32,
        };
        let ring = mappings.own_ring.cast::<aio_ring>();
        // SAFETY: the mapping is larger than the header.
        unsafe { ring.write(header) };
        // Relaxed, all of them: the address of the context is stored afterwards.
        self.own_ring.store(ring.expose_provenance(), Relaxed);
        self.area.store(mappings.area.expose_provenance(), Relaxed);
        self.number.store(number, Relaxed);
        self.requests.start(mappings.area.cast::<Request>(), nr);
        self.events.start(ring, nr);
    }

    /// Slots of the ring.
    pub(crate) fn nr(&self) -> u32 {
        self.events.completions.nr()
    }

    /// Gives the engine's memory back. No call is at the context any more.
    pub(crate) fn free(&self) {
        let nr = self.nr();
        let area: *mut c_void = ptr::with_exposed_provenance_mut(self.area.load(Relaxed));
        // SAFETY: both mappings are the engine's own, and nobody uses them.
        unsafe {
            memory::unmap(self.ring().cast(), ring_bytes(nr));
            memory::unmap(area, Requests::bytes(nr));
        }
    }

    fn ring(&self) -> *mut aio_ring {
        ptr::with_exposed_provenance_mut(self.own_ring.load(Relaxed))
    }

    /// Whether the memory at `ctx` is this context's ring: a change made here is seen there.
    pub(crate) fn is_ring_at(&self, ctx: io_context_t) -> bool {
        // SAFETY: the engine's mapping is there while the context is held.
        let own = unsafe { AtomicU32::from_ptr(&raw mut (*self.ring()).id) };
        let theirs = || probe::word_at(ctx.cast_const().cast());
        let number = self.number.load(Relaxed);
        for _ in 0..SPINS {
            if theirs().is_none_or(|id| id & !FLIPPED != number) {
                return false;
            }
            // SeqCst: the two names of one word are not known to be one.
            let flipped = number | FLIPPED;
            if own
                .compare_exchange(number, flipped, SeqCst, Relaxed)
                .is_ok()
            {
                let same = theirs() == Some(flipped);
                own.store(number, SeqCst);
                return same;
            }
            spin_loop();
        }
        // Another thread is between the two steps, or the code that this signal handler
        // interrupted.
        theirs().is_some_and(|id| id & !FLIPPED == number)
    }

    /// Takes the ring away from the program.
    ///
    /// # Safety
    /// It is at `ctx`, and nobody uses it any more.
    pub(crate) unsafe fn unmap_for_program(&self, ctx: io_context_t) {
        // SAFETY: the caller says so.
        unsafe { memory::unmap(ctx.cast(), ring_bytes(self.nr())) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Measured on a kernel with two processors.
    #[test]
    fn rings_have_the_kernels_sizes() {
        for (requests, expected) in [
            (1, 127),
            (62, 127),
            (63, 255),
            (126, 255),
            (128, 383),
            (256, 639),
            (1024, 2175),
        ] {
            let nr = slots(requests, 2);
            assert_eq!(nr, expected, "{requests} requests");
            assert_eq!(ring_bytes(nr) % PAGE, 0, "whole pages");
        }
        assert_eq!(slots(1, 64), slots(256, 2), "4 for each processor");
    }
}
