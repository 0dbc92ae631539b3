//! The contexts that this engine serves: a table by address, with reference counts.
//!
//! Looking up takes no lock. A call holds a reference while it is at a context. The memory goes
//! when the context was destroyed and the last reference is dropped, so a signal handler may
//! destroy the context that the interrupted call is using. In a forked child the table is empty.

use core::ops::Deref;

use super::context::{Context, number_at};
use crate::abi::io_context_t;
use crate::engine::tables::{CONTEXTS_LOG2, CONTEXTS_REACH, first_place};
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicU32, AtomicUsize};

const CONTEXTS: usize = 1 << CONTEXTS_LOG2;

/// Never used: a look-up ends here.
const EMPTY: usize = 0;
/// Added to the address while `io_setup` fills the place in.
const RESERVED: usize = 1;
/// Added to the address once `io_destroy` has begun.
const DESTROYING: usize = 2;
/// Added to the address when the ring is found elsewhere: the program moved it.
const MOVED: usize = 4;
/// Instead of the address when nothing is left of the context: the place is free.
const DEAD: usize = 8;

/// In the count of references: the context is destroyed, and the thread that drops the last one
/// frees it.
const CLOSED: u32 = 1 << 31;

/// A place of the table. All zero: free.
#[derive(Default)]
#[repr(C, align(64))]
pub(crate) struct Place {
    /// The ring's address as the program has it, with one of the marks above.
    address: AtomicUsize,
    /// Calls that are at this context, and 1 until it is destroyed.
    references: AtomicU32,
    pub(crate) context: Context,
}

/// A context with a reference, which is dropped with this.
pub(crate) struct Hold<'a>(&'a Place);

impl Deref for Hold<'_> {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.0.context
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.drop_reference();
    }
}

impl Hold<'_> {
    /// True for the one thread that may destroy the context.
    pub(crate) fn start_destroying(&self) -> bool {
        // Relaxed: the reference that is dropped after `destroyed` releases it.
        self.0.address.fetch_or(DESTROYING, Relaxed) & DESTROYING == 0
    }
}

impl Place {
    /// Holds the context if the place still says `address`, with the mark `or` or without.
    fn hold(&self, address: usize, or: usize) -> Option<Hold<'_>> {
        // Acquire: pairs with `drop_reference`. If this comes too late for the thread that frees
        // the memory, the look below sees that the context is being destroyed.
        self.references.fetch_add(1, Acquire);
        let hold = Hold(self);
        // Acquire: pairs with `insert`, and shows what it filled in.
        (self.address.load(Acquire) & !or == address).then_some(hold)
    }

    fn drop_reference(&self) {
        if self.address.load(Relaxed) == EMPTY {
            // A child, which a signal handler forked in the middle of a call: the count is zero
            // already.
            return;
        }
        // Release: what was done with the context comes before its memory is freed, and before a
        // late `hold`.
        if self.references.fetch_sub(1, Release) != CLOSED | 1 {
            return;
        }
        // A caller that looks for another context may have counted itself in since. Then it comes
        // here, when it has seen that this is not the one, and the exchange fails. Acquire: pairs
        // with all that dropped a reference.
        if self
            .references
            .compare_exchange(CLOSED, 0, Acquire, Relaxed)
            .is_ok()
        {
            self.context.free();
            // Release: pairs with the exchange in `insert`.
            self.address.store(DEAD, Release);
        }
    }

    /// Lets the context be found by its number only. `address` is that of a live context.
    fn forget_address(&self, address: usize) {
        // Relaxed: nothing else is published. If it fails, the context is being destroyed, or
        // marked already.
        let _ = self
            .address
            .compare_exchange(address, address | MOVED, Relaxed, Relaxed);
    }
}

/// The table. All zero: empty.
#[repr(C)]
pub(crate) struct Contexts {
    pub(crate) table: [Place; CONTEXTS],
    /// Contexts that there are. While it is 0, other calls need no look-up.
    pub(crate) count: AtomicU32,
}

impl Contexts {
    /// Whether there is any context.
    #[inline]
    pub(crate) fn are_any(&self) -> bool {
        // Relaxed: a thread that has a handle has seen the count of `io_setup`.
        self.count.load(Relaxed) != 0
    }

    /// The places where a context at `address` may be, and their numbers.
    fn places(&self, address: usize) -> impl Iterator<Item = (usize, &Place)> {
        let first = first_place(address, CONTEXTS_LOG2);
        (0..CONTEXTS_REACH).map(move |step| {
            let number = (first + step) % CONTEXTS;
            // SAFETY: the remainder is below the length.
            (number, unsafe { self.table.get_unchecked(number) })
        })
    }

    /// The context behind a handle. None if this engine does not serve it, or it is being
    /// destroyed.
    pub(crate) fn hold(&self, ctx: io_context_t) -> Option<Hold<'_>> {
        let address = ctx.addr();
        if !self.are_any() || address & 0xfff != 0 || address == 0 {
            return None;
        }
        for (_, place) in self.places(address) {
            // Relaxed: `Place::hold` looks again.
            let found = place.address.load(Relaxed);
            if found == address {
                return place.hold(address, 0);
            }
            if found == EMPTY {
                break;
            }
        }
        self.hold_moved(ctx)
    }

    /// A context whose ring the program moved with `mremap`: the ring's `id` says which it is.
    #[cold]
    fn hold_moved(&self, ctx: io_context_t) -> Option<Hold<'_>> {
        let place = self.table.get(number_at(ctx)? as usize)?;
        // Relaxed: `Place::hold` looks again.
        let address = place.address.load(Relaxed) & !MOVED;
        if address == EMPTY || address & (RESERVED | DESTROYING | DEAD) != 0 {
            return None;
        }
        let hold = place.hold(address, MOVED)?;
        if !hold.is_ring_at(ctx) {
            return None;
        }
        place.forget_address(address);
        Some(hold)
    }

    /// Makes a context known whose ring is at `address`, when `start` has filled it in. False:
    /// there is no place.
    pub(crate) fn insert(&self, address: usize, start: impl FnOnce(u32, &Context)) -> bool {
        // The program has moved or unmapped the ring of another context that was there.
        for (_, place) in self.places(address) {
            if place.address.load(Relaxed) == address {
                place.forget_address(address);
            }
        }
        for (number, place) in self.places(address) {
            // Relaxed: the exchange decides.
            let found = place.address.load(Relaxed);
            if found != EMPTY && found != DEAD {
                continue;
            }
            // Acquire: pairs with the store of DEAD, after which the memory of the context before
            // is gone.
            if place
                .address
                .compare_exchange(found, address | RESERVED, Acquire, Relaxed)
                .is_err()
            {
                continue;
            }
            // The context's own reference. It is added: a late caller may hold one for a moment.
            // Relaxed: the store of the address releases it.
            place.references.fetch_add(1, Relaxed);
            start(number as u32, &place.context);
            // Release: pairs with `Place::hold`.
            place.address.store(address, Release);
            self.count.fetch_add(1, Relaxed);
            return true;
        }
        false
    }

    /// Drops the context's own reference after [`Hold::start_destroying`], and the caller's. The
    /// memory goes with the last reference.
    pub(crate) fn destroyed(&self, hold: Hold<'_>) {
        self.count.fetch_sub(1, Relaxed);
        // Relaxed: the caller's reference, which is dropped last, releases it.
        hold.0.references.fetch_add(CLOSED - 1, Relaxed);
    }
}
