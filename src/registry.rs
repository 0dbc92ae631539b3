//! Which contexts this process made through this library.
//!
//! A hash table by address, of fixed size, in memory that a forked child finds empty. Looking up
//! takes no lock; making and destroying contexts changes single entries with compare-and-swap, so a
//! signal handler may do it at any point. A context that finds no room is simply not known here, and
//! its calls go to the kernel.

use crate::gate::Gate;
use crate::sync::Ordering::{Relaxed, SeqCst};
use crate::sync::{AtomicU32, AtomicUsize};

/// What is known of one context. Aligned so that it never spans two cache lines.
#[derive(Default)]
#[repr(C, align(32))]
pub struct Entry {
    /// The context's address, with [`DESTROYING`] added or not; or [`EMPTY`], [`REMOVED`],
    /// [`RESERVED`].
    address: AtomicUsize,
    /// Who may move the ring's `head`.
    pub gate: Gate,
    /// Slots of the ring; 0: not looked at yet; [`UNREADABLE`].
    pub nr: AtomicU32,
    /// Counts reaps of this context that a signal handler disturbed.
    pub disturbances: AtomicU32,
}

/// Never used: a look-up ends here.
const EMPTY: usize = 0;
/// Used before: a look-up goes on.
const REMOVED: usize = 2;
/// Being filled.
const RESERVED: usize = 4;
/// Added to an address, which is a page's, while its context is being destroyed.
const DESTROYING: usize = 1;

/// In [`Entry::nr`]: the ring has a layout that only the kernel reads.
pub const UNREADABLE: u32 = u32::MAX;

/// Four times the contexts that the library promises to know, so that runs of full entries are short.
const ENTRIES: usize = 1 << ENTRIES_LOG2;
const ENTRIES_LOG2: u32 = 14;
/// A context lies within so many entries of where its address hashes to.
const REACH: usize = 32;

impl Entry {
    /// Whether this entry is still that of the context at `address`, and it is not being destroyed.
    #[inline]
    pub fn is_live(&self, address: usize) -> bool {
        // SeqCst: pairs with `start_destroying`; of a reaper that enters the gate and a thread that
        // destroys, one sees the other.
        self.address.load(SeqCst) == address
    }

    /// Lets no further reaper in. The caller then waits at the gate.
    pub fn start_destroying(&self, address: usize) {
        // SeqCst: see `is_live`. If it fails, another thread destroys it already.
        let _ = self
            .address
            .compare_exchange(address, address | DESTROYING, SeqCst, Relaxed);
    }

    /// Forgets a context that was destroyed, unless its address belongs to a new one by now.
    pub fn remove(&self, address: usize) {
        // Relaxed: nothing else is published.
        let _ = self
            .address
            .compare_exchange(address | DESTROYING, REMOVED, Relaxed, Relaxed);
    }
}

/// The table. All zero: empty.
#[repr(C)]
pub struct Registry {
    entries: [Entry; ENTRIES],
}

impl Registry {
    /// The entries where a context at `address` may be, first choice first.
    #[inline]
    fn candidates(&self, address: usize) -> impl Iterator<Item = &Entry> {
        // Fibonacci hashing: neighbouring rings are spread over the table whatever their size.
        #[cfg(target_pointer_width = "64")]
        const GOLDEN: usize = 0x9e37_79b9_7f4a_7c15;
        #[cfg(target_pointer_width = "32")]
        const GOLDEN: usize = 0x9e37_79b9;
        let first = (address >> 12).wrapping_mul(GOLDEN) >> (usize::BITS - ENTRIES_LOG2);
        (0..REACH).map(move |step| {
            let index = (first + step) % ENTRIES;
            // SAFETY: the remainder is below the length.
            unsafe { self.entries.get_unchecked(index) }
        })
    }

    /// The entry of a context, or none if it is not known here.
    #[inline]
    pub fn find(&self, address: usize) -> Option<&Entry> {
        for entry in self.candidates(address) {
            // Relaxed: `is_live` asks again once the gate is passed.
            let found = entry.address.load(Relaxed);
            if found & !DESTROYING == address {
                // The fixed values are no page's address, but a caller may pass them.
                return (address > RESERVED).then_some(entry);
            }
            if found == EMPTY {
                break;
            }
        }
        None
    }

    /// Makes a new context known, if there is room. `address` is what `io_setup` gave.
    pub fn insert(&self, address: usize) {
        // The kernel may give the address of a context that was destroyed behind our back, or that
        // is still on its way out.
        let stale = self.find(address);
        for entry in stale.into_iter().chain(self.candidates(address)) {
            let found = entry.address.load(Relaxed);
            let free = found == EMPTY || found == REMOVED || found & !DESTROYING == address;
            // SeqCst: as in `start_destroying`.
            if !free
                || entry
                    .address
                    .compare_exchange(found, RESERVED, SeqCst, Relaxed)
                    .is_err()
            {
                continue;
            }
            // A reaper of the entry's last context may be on its way out.
            if entry.gate.is_held() {
                entry.address.store(REMOVED, Relaxed);
                continue;
            }
            entry.nr.store(0, Relaxed);
            // SeqCst, so Release: whoever finds the address finds `nr` reset.
            entry.address.store(address, SeqCst);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Box<Registry> {
        // SAFETY: all zero is the empty registry.
        unsafe { Box::<Registry>::new_zeroed().assume_init() }
    }

    /// Address patterns as the kernel makes them: downwards, by the ring's size, with gaps.
    #[test]
    fn finds_4096_contexts_of_any_size() {
        for pages in [1, 2, 3, 4, 5, 8, 16, 17, 64, 513, 4096] {
            let registry = registry();
            let address = |i: usize| (1usize << 30) + i * pages * 4096 % (usize::MAX / 4);
            let addresses: Vec<_> = if pages < 64 || usize::BITS == 64 {
                (0..4096).map(address).collect()
            } else {
                continue;
            };
            for &address in &addresses {
                registry.insert(address);
            }
            for &address in &addresses {
                let entry = registry.find(address).expect("known");
                assert!(entry.is_live(address), "{pages} pages, {address:#x}");
            }
            assert!(
                registry
                    .find(address(4096))
                    .is_none_or(|entry| entry.is_live(address(4096)))
            );
        }
    }

    #[test]
    fn forgets_what_is_destroyed() {
        let registry = registry();
        let (first, second) = (0x7000_0000, 0x7000_1000);
        registry.insert(first);
        registry.insert(second);
        let entry = registry.find(first).unwrap();
        entry.start_destroying(first);
        assert!(!entry.is_live(first));
        assert!(registry.find(first).is_some(), "calls still pass its gate");
        entry.remove(first);
        assert!(registry.find(first).is_none());
        assert!(registry.find(second).unwrap().is_live(second));
    }

    #[test]
    fn an_address_may_come_again() {
        let registry = registry();
        let address = 0x7000_0000;
        registry.insert(address);
        let entry = registry.find(address).unwrap();
        entry.nr.store(127, Relaxed);
        entry.start_destroying(address);
        registry.insert(address);
        assert!(entry.is_live(address), "the new context has the same entry");
        assert_eq!(entry.nr.load(Relaxed), 0);
        entry.remove(address);
        assert!(
            entry.is_live(address),
            "the end of the old one does not remove the new one"
        );
        registry.insert(address);
        assert!(std::ptr::eq(registry.find(address).unwrap(), entry));
    }

    #[test]
    fn survives_endless_coming_and_going() {
        let registry = registry();
        for i in 0..200_000usize {
            let address = (1 << 30) + i % 30_000 * 3 * 4096;
            registry.insert(address);
            let entry = registry.find(address).expect("there is room");
            entry.start_destroying(address);
            entry.remove(address);
        }
    }

    #[test]
    fn a_full_neighbourhood_is_refused() {
        let registry = registry();
        let addresses: Vec<_> = (1..40_000usize).map(|i| i * 4096).collect();
        addresses
            .iter()
            .for_each(|&address| registry.insert(address));
        let known = addresses
            .iter()
            .filter(|&&a| registry.find(a).is_some())
            .count();
        assert!((4096..=ENTRIES).contains(&known), "{known}");
    }

    #[test]
    fn what_is_no_context_is_not_found() {
        let registry = registry();
        for address in [0, 1, 2, 3, 4, 5, 4096, usize::MAX, usize::MAX - 1] {
            assert!(registry.find(address).is_none(), "{address:#x}");
        }
    }
}
