//! The contexts that this engine serves: a table by address, and what each one consists of.
//!
//! Looking up takes no lock. A call holds a reference while it is at a context; the memory goes when
//! the context was destroyed and the last reference is dropped, so a signal handler may destroy the
//! context that the call below it is using. In a forked child the table is empty.

use core::ptr;

use super::completions::Completions;
use super::polls;
use super::requests::{Request, Requests};
use super::waiting::Waiters;
use crate::abi::{AIO_RING_MAGIC, aio_ring, io_context_t, io_event};
use crate::engine::patience::SPINS;
use crate::sync::Ordering::{Acquire, Relaxed, SeqCst};
use crate::sync::{AtomicU32, AtomicUsize, spin_loop};
use crate::sys::{limits, memory, probe};

/// Contexts that one process may have.
pub const CONTEXTS: usize = 8192;

/// A context lies within so many places of where its address hashes to.
const REACH: usize = 64;

/// Never used: a look-up ends here.
const EMPTY: usize = 0;
/// Added to the address while `io_setup` fills the place in.
const RESERVED: usize = 1;
/// Added to the address once `io_destroy` has begun.
const DYING: usize = 2;
/// Added to the address that the ring is no longer at: the program moved it.
const MOVED: usize = 16;
/// Added to the address when nothing is left of the context: the place is free.
const GONE: usize = 8;

/// Set in a ring's `id` for a moment, by [`Context::is_ring_at`].
const FLIPPED: u32 = 1 << 31;

/// In the count of references: the context is destroyed, and whoever drops the last one frees it.
const CLOSED: u32 = 1 << 31;

/// One context. All zero: a free place.
#[repr(C, align(64))]
pub struct Context {
    /// The ring's address as the program has it, with one of the marks above.
    address: AtomicUsize,
    /// Calls that are at this context, and its owner.
    references: AtomicU32,
    /// The ring's `id`, which the program may overwrite: where in the table this is.
    number: AtomicU32,
    /// Requests that a helper or the poller has.
    pub in_flight: AtomicU32,
    /// The engine's own mapping of the ring; fixed while there are references.
    own_ring: AtomicUsize,
    /// Memory for `completions` and `requests`.
    area: AtomicUsize,
    /// Events taken and posted.
    pub completions: Completions,
    /// Requests that do not end inside `io_submit`.
    pub requests: Requests,
    /// Threads that wait for events.
    pub waiters: Waiters,
}

/// A context with a reference, which is dropped with this.
pub struct Hold<'a>(pub &'a Context);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.drop_reference();
    }
}

/// Bytes of a ring's mapping for `nr` events at least, and its slots: the kernel's formula
/// (`aio_setup_ring` in `fs/aio.c`).
pub fn ring_size(nr_events: u32, cpus: u32) -> (usize, u32) {
    let events = nr_events.max(cpus.saturating_mul(4)) as usize * 2 + 2;
    let bytes = size_of::<aio_ring>() + events * size_of::<io_event>();
    let bytes = bytes.div_ceil(memory::PAGE) * memory::PAGE;
    let slots = (bytes - size_of::<aio_ring>()) / size_of::<io_event>();
    (bytes, slots as u32)
}

impl Context {
    /// The ring's bytes, whole pages.
    fn ring_bytes(&self) -> usize {
        size_of::<aio_ring>() + self.completions.nr() as usize * size_of::<io_event>()
    }

    fn ring(&self) -> *mut aio_ring {
        ptr::with_exposed_provenance_mut(self.own_ring.load(Relaxed))
    }

    /// Whether `io_destroy` has begun.
    pub fn is_dying(&self) -> bool {
        // SeqCst: pairs with `start_destroying`.
        self.address.load(SeqCst) & DYING != 0
    }

    /// True for the one thread that may destroy the context.
    pub fn start_destroying(&self) -> bool {
        let mut address = self.address.load(Relaxed);
        while address & (RESERVED | DYING | GONE) == 0 {
            // SeqCst: pairs with `is_dying` of waiters and pollers. It fails if the ring was found moved.
            match self
                .address
                .compare_exchange(address, address | DYING, SeqCst, Relaxed)
            {
                Ok(_) => return true,
                Err(found) => address = found,
            }
        }
        false
    }

    /// Drops the owner's reference of a context that is being destroyed. The memory goes with the last one.
    fn close(&self) {
        // SeqCst: before any later drop; pairs with `drop_reference`.
        self.references.fetch_or(CLOSED, SeqCst);
        self.drop_reference();
    }

    fn drop_reference(&self) {
        if self.address.load(Relaxed) == EMPTY {
            // A child, which a signal handler forked in the middle of a call.
            return;
        }
        if self.references.fetch_sub(1, SeqCst) != CLOSED | 1 {
            return;
        }
        // SeqCst: one of those who come here frees it. A late caller that looks for another context may count
        // itself in for a moment; then it comes here.
        if self
            .references
            .compare_exchange(CLOSED, 0, SeqCst, Relaxed)
            .is_ok()
        {
            self.free_memory();
            self.address.store(GONE, SeqCst);
        }
    }

    fn free_memory(&self) {
        self.waiters.end();
        let nr = self.completions.nr();
        // SAFETY: both mappings are the engine's own, and no reference is left.
        unsafe {
            memory::unmap(self.ring().cast(), self.ring_bytes());
            memory::unmap(
                ptr::with_exposed_provenance_mut(self.area.load(Relaxed)),
                area_bytes(nr),
            );
        }
    }

    /// Lets the context be found by its `id` only. `address` is that of a live context.
    fn forget_address(&self, address: usize) {
        if address & MOVED == 0 {
            // SeqCst: as the other changes of the word. If it fails, it is being destroyed, or was marked.
            let _ = self
                .address
                .compare_exchange(address, address | MOVED, SeqCst, Relaxed);
        }
    }

    /// Whether the memory at `ctx` is this context's ring: a change made here is seen there.
    pub fn is_ring_at(&self, ctx: io_context_t) -> bool {
        // SAFETY: the engine's mapping is there while a reference is held.
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
        // Another thread is at it, or the code that this signal handler interrupted.
        theirs().is_some_and(|id| id & !FLIPPED == number)
    }

    /// Takes the ring away from the program.
    ///
    /// # Safety
    /// It is at `ctx`, and nobody uses it any more.
    pub unsafe fn unmap_for_program(&self, ctx: io_context_t) {
        // SAFETY: the caller says so.
        unsafe { memory::unmap(ctx.cast(), self.ring_bytes()) };
    }
}

fn area_bytes(nr: u32) -> usize {
    Requests::bytes(nr) + Completions::bytes(nr)
}

/// The table. All zero: empty.
#[repr(C)]
pub struct Contexts {
    table: [Context; CONTEXTS],
    /// Contexts that are there: 0 spares every other call the look-up.
    count: AtomicU32,
}

/// Why no context could be made.
pub enum Failure {
    /// No memory.
    Memory,
    /// No place in the table.
    Full,
}

impl Contexts {
    /// Whether there is any context.
    #[inline]
    pub fn are_any(&self) -> bool {
        self.count.load(Relaxed) != 0
    }

    fn places(&self, address: usize) -> impl Iterator<Item = &Context> {
        #[cfg(target_pointer_width = "64")]
        const GOLDEN: usize = 0x9e37_79b9_7f4a_7c15;
        #[cfg(target_pointer_width = "32")]
        const GOLDEN: usize = 0x9e37_79b9;
        let first =
            (address >> 12).wrapping_mul(GOLDEN) >> (usize::BITS - CONTEXTS.trailing_zeros());
        (0..REACH).map(move |step| {
            // SAFETY: the remainder is below the length.
            unsafe { self.table.get_unchecked((first + step) % CONTEXTS) }
        })
    }

    /// The context behind a handle, or none if it is not this engine's, or is being destroyed.
    pub fn hold(&self, ctx: io_context_t) -> Option<Hold<'_>> {
        let address = ctx.addr();
        if !self.are_any() || address & 0xfff != 0 || address == 0 {
            return None;
        }
        for context in self.places(address) {
            let found = context.address.load(Acquire);
            if found == address {
                return Self::reference(context, address);
            }
            if found == EMPTY {
                break;
            }
        }
        self.hold_moved(ctx)
    }

    fn reference(context: &Context, address: usize) -> Option<Hold<'_>> {
        // SeqCst: the count before the second look; pairs with `close` and `drop_reference`.
        context.references.fetch_add(1, SeqCst);
        let hold = Hold(context);
        (context.address.load(SeqCst) == address).then_some(hold)
    }

    /// A context whose ring the program moved with `mremap`: its `id` says which it is.
    #[cold]
    fn hold_moved(&self, ctx: io_context_t) -> Option<Hold<'_>> {
        let id = probe::word_at(ctx.cast_const().cast())? & !FLIPPED;
        let context = self.table.get(id as usize)?;
        let address = context.address.load(Acquire);
        if address == EMPTY || address & (RESERVED | DYING | GONE) != 0 {
            return None;
        }
        let hold = Self::reference(context, address)?;
        if !context.is_ring_at(ctx) {
            return None;
        }
        context.forget_address(address);
        Some(hold)
    }

    /// Makes a context for `nr_events` requests and gives its handle.
    pub fn make(&self, nr_events: u32) -> Result<io_context_t, Failure> {
        /// Enough for hundreds of calls that were left by `longjmp`, and keep their context's place.
        const TRIES: u32 = 16;
        self.make_somewhere(nr_events, TRIES)
    }

    fn make_somewhere(&self, nr_events: u32, tries: u32) -> Result<io_context_t, Failure> {
        let (bytes, nr) = ring_size(nr_events, limits::possible_cpus());
        let (ring, own) = memory::map_twice(bytes).ok_or(Failure::Memory)?;
        let Some(area) = memory::map_zeroes(area_bytes(nr)) else {
            // SAFETY: just mapped.
            unsafe {
                memory::unmap(ring, bytes);
                memory::unmap(own, bytes);
            }
            return Err(Failure::Memory);
        };
        let made = self.place(ring.addr(), |index, context| {
            let header = aio_ring {
                id: index as u32,
                nr: AtomicU32::new(nr),
                head: AtomicU32::new(0),
                tail: AtomicU32::new(0),
                magic: AIO_RING_MAGIC,
                compat_features: 1,
                incompat_features: 0,
                header_length: size_of::<aio_ring>() as u32,
            };
            // SAFETY: the mapping is larger than the header.
            unsafe { own.cast::<aio_ring>().write(header) };
            context.own_ring.store(own.expose_provenance(), Relaxed);
            context.area.store(area.expose_provenance(), Relaxed);
            context.number.store(index as u32, Relaxed);
            context.in_flight.store(0, Relaxed);
            let requests = Requests::bytes(nr);
            context.requests.start(area.cast::<Request>(), nr);
            context
                .completions
                .start(own.cast(), area.wrapping_byte_add(requests).cast(), nr);
        });
        if made {
            self.count.fetch_add(1, SeqCst);
            return Ok(ring.cast());
        }
        // While this address is taken, the next one is another, with other places.
        let result = if tries > 1 {
            self.make_somewhere(nr_events, tries - 1)
        } else {
            Err(Failure::Full)
        };
        // SAFETY: mapped above.
        unsafe {
            memory::unmap(ring, bytes);
            memory::unmap(own, bytes);
            memory::unmap(area, area_bytes(nr));
        }
        result
    }

    /// Finds a free place, lets `fill` fill it, and makes it known.
    fn place(&self, address: usize, fill: impl FnOnce(usize, &Context)) -> bool {
        // Another one that was there has been moved away, or unmapped.
        for context in self.places(address) {
            if context.address.load(Relaxed) == address {
                context.forget_address(address);
            }
        }
        for context in self.places(address) {
            let found = context.address.load(Relaxed);
            if found != EMPTY && found & GONE == 0 {
                continue;
            }
            // SeqCst: the exchange decides who gets the place.
            if context
                .address
                .compare_exchange(found, address | RESERVED, SeqCst, Relaxed)
                .is_err()
            {
                continue;
            }
            // The owner's reference. It is added: a late caller may hold one for a moment.
            context.references.fetch_add(1, SeqCst);
            // SAFETY: both lie in the table.
            let index = unsafe { ptr::from_ref(context).offset_from(self.table.as_ptr()) };
            fill(index as usize, context);
            // SeqCst: publishes what `fill` wrote; pairs with the loads in `hold`.
            context.address.store(address, SeqCst);
            return true;
        }
        false
    }

    /// Ends a context that [`Context::start_destroying`] gave to the caller.
    pub fn forget(&self, context: &Context) {
        self.count.fetch_sub(1, SeqCst);
        context.close();
    }

    /// Cancels the polls of a context that is being destroyed.
    pub fn cancel_polls(&self, context: &Context) {
        context.requests.for_each(|request| {
            // SAFETY: it is one of this context's, which the caller holds.
            unsafe { polls::withdraw(request) };
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Measured on a kernel with two processors.
    #[test]
    fn rings_have_the_kernels_sizes() {
        for (requests, slots) in [
            (1, 127),
            (62, 127),
            (63, 255),
            (126, 255),
            (128, 383),
            (256, 639),
            (1024, 2175),
        ] {
            let (bytes, nr) = ring_size(requests, 2);
            assert_eq!(nr, slots, "{requests} requests");
            assert_eq!(bytes, (slots as usize + 1) * 32);
        }
        assert_eq!(ring_size(1, 64), ring_size(256, 2), "4 for each processor");
    }
}
