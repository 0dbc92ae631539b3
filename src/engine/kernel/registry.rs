//! Which contexts this process made through this library.
//!
//! A hash table by address, of fixed size, in memory that a forked child finds empty. Looking up
//! takes no lock; making and destroying contexts changes single entries with compare-and-swap, so a
//! signal handler may do it at any point. A context that finds no room is simply not known here,
//! and its calls go to the kernel.

use super::gate::{Gate, count_out};
use super::ours::Ours;
use crate::engine::tables::{ENTRIES_LOG2, REACH, STRANGERS_LOG2, first_place};
use crate::sync::Ordering::{Relaxed, Release, SeqCst};
use crate::sync::{AtomicU32, AtomicUsize};

/// What is known of one context. Aligned so that it never spans two cache lines.
#[derive(Default)]
#[repr(C, align(32))]
pub(crate) struct Entry {
    /// The context's address, alone while it is live, else with what is added to it below; or
    /// [`EMPTY`].
    address: AtomicUsize,
    /// Who may move the ring's `head`.
    pub gate: Gate,
    /// Slots of the ring; 0: not looked at yet; [`UNPROVEN`]; [`UNREADABLE`].
    pub nr: AtomicU32,
    /// Whether a reaper of this process is inside the gate, for changes of `head`.
    pub ours: Ours,
}

/// Never used: a look-up ends here.
const EMPTY: usize = 0;
/// Added to an address, which is a page's, while its context is being destroyed.
const DESTROYING: usize = 1;
/// Added to that once one thread is about to take the ring away.
const TAKEN: usize = 8;
/// Added to the address of a context that was destroyed, or that only the kernel takes events of. The
/// entry may be given to another one, but until then the address is kept: the kernel gives it out
/// again soon, and a thread that still calls with the old handle must then be counted at the new
/// context's gate.
const DEAD: usize = 2;
/// Added to that while a maker of another context finds out whether the entry is in use.
const TRIED: usize = 4;
/// Added to that while another engine has a context at the address.
const GIVEN_UP: usize = 16;
/// What counts how often a dead entry was tried. So a maker that is about to make it live finds out
/// that a caller may have met it tried since.
const TIMES: usize = 0xfe0;
/// Once more.
const ONCE: usize = 0x20;
/// The part of [`Entry::address`] that is the address, a page's.
const ADDRESS: usize = !0xfff;

/// In [`Entry::nr`]: the ring has a layout that only the kernel reads.
pub(crate) const UNREADABLE: u32 = u32::MAX;
/// In [`Entry::nr`]: the context was made before children found this memory wiped. It may be the
/// parent's, and only the kernel takes its events.
const UNPROVEN: u32 = u32::MAX - 1;

const ENTRIES: usize = 1 << ENTRIES_LOG2;

impl Entry {
    /// Whether this entry is still that of the context at `address`, and it is not being destroyed.
    #[inline]
    pub(crate) fn is_live(&self, address: usize) -> bool {
        // SeqCst: pairs with `start_destroying`; of a thread that is counted at the gate to touch
        // the ring and one that destroys, one sees the other.
        self.address.load(SeqCst) == address
    }

    /// Stops new reapers, as another thread may have done already. The gate must be closed then.
    pub(crate) fn start_destroying(&self, address: usize) {
        // SeqCst, also for a mark that is there: see `is_live`.
        let _ = self
            .address
            .compare_exchange(address, address | DESTROYING, SeqCst, SeqCst);
    }

    /// Whether a thread is about to destroy the context at `address`.
    pub(crate) fn is_doomed(&self, address: usize) -> bool {
        // Relaxed: asked after `is_live`.
        self.address.load(Relaxed) & !TAKEN == address | DESTROYING
    }

    /// True for the one thread that is to take the ring away, of all that destroy the context.
    pub(crate) fn take_ring(&self, address: usize) -> bool {
        // Relaxed: each of them has closed the gate, or found that it cannot be closed.
        let (from, to) = (address | DESTROYING, address | DESTROYING | TAKEN);
        self.address
            .compare_exchange(from, to, Relaxed, Relaxed)
            .is_ok()
    }

    /// The slots of the ring, if it was found that it may be read.
    pub(crate) fn slots(&self) -> Option<u32> {
        // Relaxed: whoever claims events in the ring has stored or seen it before.
        match self.nr.load(Relaxed) {
            0 | UNPROVEN | UNREADABLE => None,
            nr => Some(nr),
        }
    }

    /// Whether only a system call can tell that the context is this process's.
    #[inline]
    pub(crate) fn is_unproven(&self) -> bool {
        self.nr.load(Relaxed) == UNPROVEN
    }

    /// A system call has told so, since children find this memory wiped.
    pub(crate) fn prove(&self) {
        // Relaxed: as every look at `nr`.
        let _ = self.nr.compare_exchange(UNPROVEN, 0, Relaxed, Relaxed);
    }

    /// Gives up the entry of a context whose ring was taken away, unless its address belongs to a
    /// new one by now.
    pub(crate) fn remove(&self, address: usize) {
        // Release: whoever gives the entry to another context knows then of a reaper that stays, as
        // this thread does.
        let (from, to) = (address | DESTROYING | TAKEN, address | DEAD);
        let _ = self.address.compare_exchange(from, to, Release, Relaxed);
    }

    /// Whether this is still the entry of the context at `address`, alive or not. Asked by a thread
    /// that is counted at the gate: if so, the entry is not given to another address.
    #[inline]
    pub(crate) fn belongs_to(&self, address: usize) -> bool {
        // SeqCst: pairs with `give`, which marks the entry and then looks at the gate.
        self.address.load(SeqCst) & (ADDRESS | TRIED) == address
    }

    /// Whether the entry has this address, whatever is added.
    fn has(&self, address: usize) -> bool {
        // Relaxed: `revive` looks again.
        self.address.load(Relaxed) & ADDRESS == address
    }

    fn exchange(&self, found: usize, new: usize) -> bool {
        // SeqCst: as in `start_destroying`, `belongs_to` and `begin_unknown`. It acquires what `remove`
        // released.
        self.address
            .compare_exchange(found, new, SeqCst, Relaxed)
            .is_ok()
    }

    /// Gives the entry to a context at another address, dead at first. `found` is what it was: free, or
    /// dead. False if it is in use, or another thread has changed it.
    fn give(&self, found: usize, address: usize, is_ours: impl Fn() -> bool) -> bool {
        let times = found.wrapping_add(ONCE) & TIMES;
        let was = found & (ADDRESS | GIVEN_UP) | DEAD | times;
        if !self.exchange(found, was | TRIED) {
            return false;
        }
        // In a child that was forked since the last question, the exchanges fail.
        let is_free = !self.gate.is_in_use() && is_ours();
        let new = if is_free { address | DEAD | times } else { was };
        self.exchange(was | TRIED, new) && is_free
    }

    /// Makes the entry of a dead context that of a new one at the same address, with `nr`. False if it
    /// was given to another address meanwhile. `is_called_past` says whether a caller of the address may
    /// be counted elsewhere; then it stays dead, and only the kernel takes events.
    fn revive(&self, address: usize, nr: u32, is_called_past: impl Fn() -> bool) -> bool {
        loop {
            // SeqCst: a caller who met the entry tried is seen by `is_called_past`.
            let found = self.address.load(SeqCst);
            if found & ADDRESS != address {
                return false;
            }
            // Relaxed: published by the exchange. If the entry is another's at this moment, or live
            // since a program destroyed the context past this library: the ring is looked at again.
            self.nr.store(nr, Relaxed);
            let is_tried = found & TRIED != 0;
            let new = if is_tried {
                // Whoever tries it finds that it is not free.
                found & !TRIED
            } else if found == address {
                return true;
            } else if is_called_past() {
                // Who has destroyed the earlier context may not have said so yet.
                address | DEAD | found & TIMES
            } else {
                address
            };
            if self.exchange(found, new) && !is_tried {
                return true;
            }
        }
    }
}

const STRANGERS: usize = 1 << STRANGERS_LOG2;

/// The table. All zero: empty.
#[repr(C)]
pub(crate) struct Registry {
    pub(crate) entries: [Entry; ENTRIES],
    /// Threads that are in, or about to make, a system call for a context without an entry, by the
    /// address's hash. It may be one that another thread is making at this moment.
    pub(crate) strangers: [AtomicU32; STRANGERS],
}

impl Registry {
    /// The entries where a context at `address` may be, first choice first.
    #[inline]
    fn candidates(&self, address: usize) -> impl Iterator<Item = &Entry> {
        let first = first_place(address, ENTRIES_LOG2);
        (0..REACH).map(move |step| {
            let index = (first + step) % ENTRIES;
            // SAFETY: the remainder is below the length.
            unsafe { self.entries.get_unchecked(index) }
        })
    }

    /// The entry of a context, alive or not, or none if it is not known here.
    #[inline]
    pub(crate) fn find(&self, address: usize) -> Option<&Entry> {
        for entry in self.candidates(address) {
            // Relaxed: `is_live` and `belongs_to` ask again at the gate.
            let found = entry.address.load(Relaxed);
            if found & (ADDRESS | GIVEN_UP) == address {
                // Null is the address of an entry that was never given to one.
                return (address != 0).then_some(entry);
            }
            if found == EMPTY {
                break;
            }
        }
        None
    }

    /// Those who are counted by the hash of `address`.
    #[inline]
    fn strangers(&self, address: usize) -> &AtomicU32 {
        let index = first_place(address, STRANGERS_LOG2) % STRANGERS;
        // SAFETY: the remainder is below the length.
        unsafe { self.strangers.get_unchecked(index) }
    }

    /// Counts the thread in as about to make a system call for a context that has no entry. Or else
    /// returns its entry, which it has by now: its gate is where the thread must be counted.
    pub(crate) fn begin_unknown(&self, address: usize) -> Option<&Entry> {
        // SeqCst: of this thread, which counts itself in and then looks for the entry, and one that
        // makes an entry known and then looks for strangers, one sees the other.
        self.strangers(address).fetch_add(1, SeqCst);
        // Null is the address of an entry that was never given to one.
        let is_its_own = |entry: &&Entry| address != 0 && entry.belongs_to(address);
        let known = self.candidates(address).find(is_its_own);
        if known.is_some() {
            self.end_unknown(address);
        }
        known
    }

    /// Counts the thread out again.
    pub(crate) fn end_unknown(&self, address: usize) {
        count_out(self.strangers(address));
    }

    /// Another engine has a context at `address` from now on. What was here is not found any more,
    /// whether this library destroyed it or not; but who is counted there stays counted.
    #[cfg(any(feature = "threads", test))]
    pub(crate) fn give_up(&self, address: usize) {
        let Some(entry) = self.candidates(address).find(|entry| entry.has(address)) else {
            return;
        };
        loop {
            // Relaxed: the exchange decides. The entry may be given to another context at this moment.
            let found = entry.address.load(Relaxed);
            let given_up = address | found & TIMES | DEAD | GIVEN_UP;
            if found & ADDRESS != address || entry.exchange(found, given_up) {
                return;
            }
        }
    }

    /// Makes a new context known, if there is room. `address` is what `io_setup` gave. `is_wiped`
    /// says whether a child finds this memory wiped, and `is_ours` whether this is still the
    /// process that made the context: a signal handler may fork at any point.
    pub(crate) fn insert(&self, address: usize, is_wiped: bool, is_ours: impl Fn() -> bool) {
        let nr = if is_wiped { 0 } else { UNPROVEN };
        // SeqCst: see `begin_unknown`.
        let is_called_past = || self.strangers(address).load(SeqCst) != 0;
        while let Some(entry) = self.place_for(address, &is_ours) {
            if !is_ours() || entry.revive(address, nr, is_called_past) {
                return;
            }
        }
    }

    /// The entry that an address has, or else gets: the first one that is free.
    fn place_for(&self, address: usize, is_ours: impl Fn() -> bool) -> Option<&Entry> {
        // An address that was here before keeps its entry, for the threads at its gate.
        let own = self.candidates(address).find(|entry| entry.has(address));
        if own.is_some() {
            return own;
        }
        for entry in self.candidates(address) {
            // Relaxed: the exchange decides.
            let found = entry.address.load(Relaxed);
            if found & TRIED != 0 {
                // Perhaps by the call that this one has interrupted, for the same address: there must
                // not be two entries.
                return None;
            }
            let is_free = found == EMPTY || found & DEAD != 0;
            if is_free && entry.give(found, address, &is_ours) || entry.has(address) {
                return Some(entry);
            }
        }
        None
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use core::mem::MaybeUninit;
    use core::ptr;

    /// How many contexts must always be known.
    const PROMISED: usize = ENTRIES / 2;

    fn registry() -> Box<Registry> {
        // SAFETY: all zero is the empty registry.
        unsafe { Box::<MaybeUninit<Registry>>::new(MaybeUninit::zeroed()).assume_init() }
    }

    /// Address patterns as the kernel makes them: by the ring's size, with gaps.
    #[test]
    fn finds_all_it_promises_whatever_their_size() {
        for pages in [1, 2, 3, 4, 5, 8, 16, 17, 64, 513, 4096] {
            let registry = registry();
            let address = |i: usize| (1usize << 30) + i * pages * 4096 % (usize::MAX / 4);
            let addresses: Vec<_> = if pages < 64 || usize::BITS == 64 {
                (0..PROMISED).map(address).collect()
            } else {
                continue;
            };
            for &address in &addresses {
                registry.insert(address, true, || true);
            }
            for &address in &addresses {
                let entry = registry.find(address).expect("known");
                assert!(entry.is_live(address), "{pages} pages, {address:#x}");
            }
            assert!(
                registry
                    .find(address(PROMISED))
                    .is_none_or(|entry| entry.is_live(address(PROMISED)))
            );
        }
    }

    #[test]
    fn forgets_what_is_destroyed() {
        let registry = registry();
        let (first, second) = (0x7000_0000, 0x7000_1000);
        registry.insert(first, true, || true);
        registry.insert(second, true, || true);
        let entry = registry.find(first).unwrap();
        assert!(!entry.take_ring(first), "not while it is live");
        entry.start_destroying(first);
        entry.start_destroying(first);
        assert!(!entry.is_live(first) && entry.is_doomed(first));
        entry.remove(first);
        assert!(entry.is_doomed(first), "not while the ring is there");
        assert!(entry.take_ring(first) && !entry.take_ring(first));
        assert!(entry.is_doomed(first));
        assert!(registry.find(first).is_some(), "calls still pass its gate");
        entry.remove(first);
        assert!(!entry.is_live(first) && !entry.is_doomed(first) && entry.belongs_to(first));
        assert!(registry.find(second).unwrap().is_live(second));
    }

    #[test]
    fn an_address_may_come_again() {
        let registry = registry();
        let address = 0x7000_0000;
        registry.insert(address, true, || true);
        let entry = registry.find(address).unwrap();
        entry.nr.store(127, Relaxed);
        entry.start_destroying(address);
        assert!(entry.take_ring(address));
        registry.insert(address, true, || true);
        assert!(entry.is_live(address), "the new context has the same entry");
        assert_eq!(entry.nr.load(Relaxed), 0);
        entry.remove(address);
        assert!(
            entry.is_live(address),
            "the end of the old one does not remove the new one"
        );
        registry.insert(address, true, || true);
        assert!(std::ptr::eq(registry.find(address).unwrap(), entry));
    }

    #[test]
    fn survives_endless_coming_and_going() {
        let registry = registry();
        for i in 0..if cfg!(miri) { 2 } else { 12 } * ENTRIES {
            let address = (1 << 30) + i % (2 * ENTRIES) * 3 * 4096;
            registry.insert(address, true, || true);
            let entry = registry.find(address).expect("there is room");
            entry.start_destroying(address);
            assert!(entry.take_ring(address));
            entry.remove(address);
        }
    }

    /// A thread that is counted at a gate keeps the entry from any other address.
    #[test]
    fn an_entry_in_use_is_not_given_away() {
        let registry = registry();
        let address = 0x7000_0000;
        registry.insert(address, true, || true);
        let entry = registry.find(address).unwrap();
        assert!(entry.gate.begin_call(8));
        entry.start_destroying(address);
        assert!(entry.take_ring(address));
        entry.remove(address);
        let others: Vec<_> = (1..ENTRIES / 2).map(|i| i * 4096).collect();
        others
            .iter()
            .for_each(|&other| registry.insert(other, true, || true));
        assert!(entry.belongs_to(address));
        registry.insert(address, true, || true);
        assert!(entry.is_live(address));
        entry.gate.end_call();
        entry.start_destroying(address);
        assert!(entry.take_ring(address));
        entry.remove(address);
        let others: Vec<_> = (ENTRIES / 2..2 * ENTRIES).map(|i| i * 4096).collect();
        others
            .iter()
            .for_each(|&other| registry.insert(other, true, || true));
        assert!(!entry.belongs_to(address), "out of use, it is");
    }

    #[test]
    fn a_full_neighbourhood_is_refused() {
        let registry = registry();
        let addresses: Vec<_> = (1..3 * ENTRIES).map(|i| i * 4096).collect();
        addresses
            .iter()
            .for_each(|&address| registry.insert(address, true, || true));
        let known = addresses
            .iter()
            .filter(|&&a| registry.find(a).is_some())
            .count();
        assert!((PROMISED..=ENTRIES).contains(&known), "{known}");
    }

    #[test]
    fn what_is_no_context_is_not_found() {
        let registry = registry();
        for address in [0, 1, 2, 3, 4, 5, 4096, usize::MAX, usize::MAX - 1] {
            assert!(registry.find(address).is_none(), "{address:#x}");
            assert!(registry.begin_unknown(address).is_none(), "{address:#x}");
            registry.end_unknown(address);
        }
    }

    /// A signal handler forks while a context is made known: the child finds the memory wiped.
    #[test]
    fn a_child_registers_nothing() {
        let registry = registry();
        let (old, new) = (0x7000_0000, 0x7000_0000 + 4096 * ENTRIES);
        registry.insert(old, true, || false);
        assert!(registry.find(old).is_none(), "forked before");
        registry.insert(old, true, || true);
        let entry = registry.find(old).unwrap();
        entry.start_destroying(old);
        assert!(entry.take_ring(old));
        entry.remove(old);
        registry.insert(old, true, || false);
        assert!(entry.belongs_to(old) && !entry.is_live(old), "as it was");
        let is_forked = core::cell::Cell::new(false);
        // Right after the answer.
        let wipes = || {
            entry.address.store(EMPTY, Relaxed);
            !is_forked.replace(true)
        };
        registry.insert(old, true, wipes);
        assert!(registry.find(old).is_none() && registry.find(new).is_none());
    }

    /// A thread calls with a handle that is not known, and the kernel gives its address to a new
    /// context meanwhile.
    #[test]
    fn a_stranger_leaves_the_ring_to_the_kernel() {
        let registry = registry();
        let (address, other) = (0x7000_0000, 0x7000_1000);
        assert!(registry.begin_unknown(address).is_none());
        registry.insert(address, true, || true);
        registry.insert(other, true, || true);
        let entry = registry.find(address).unwrap();
        assert!(entry.belongs_to(address) && !entry.is_live(address));
        assert!(registry.find(other).unwrap().is_live(other));
        let known = registry.begin_unknown(address).unwrap();
        assert!(ptr::eq(known, entry), "it is known by now");
        registry.end_unknown(address);
        registry.insert(address, true, || true);
        assert!(entry.is_live(address), "each is counted once");
    }

    /// The entry of an address that was destroyed, and is tried by a maker of another context.
    fn tried(registry: &Registry, address: usize) -> &Entry {
        registry.insert(address, true, || true);
        let entry = registry.find(address).unwrap();
        entry.start_destroying(address);
        assert!(entry.take_ring(address));
        entry.remove(address);
        assert!(entry.exchange(address | DEAD, address | DEAD | TRIED | ONCE));
        entry
    }

    #[test]
    fn who_meets_an_entry_that_is_tried_is_a_stranger() {
        let registry = registry();
        let address = 0x7000_0000;
        let entry = tried(&registry, address);
        assert!(!entry.belongs_to(address) && !entry.is_live(address));
        assert!(registry.begin_unknown(address).is_none());
        // Its own address comes first, and the stranger is seen.
        registry.insert(address, true, || true);
        assert!(ptr::eq(registry.find(address).unwrap(), entry));
        assert!(entry.belongs_to(address) && !entry.is_live(address));
        registry.end_unknown(address);
        registry.insert(address, true, || true);
        assert!(entry.is_live(address));
    }

    /// Nobody becomes a stranger any more when its maker looks for strangers.
    #[test]
    fn an_entry_that_is_tried_is_not_made_live() {
        let registry = registry();
        let address = 0x7000_0000;
        let entry = tried(&registry, address);
        let is_called_past = || {
            assert!(entry.belongs_to(address));
            false
        };
        assert!(entry.revive(address, 0, is_called_past) && entry.is_live(address));
    }

    /// A maker that is interrupted while it tries an entry: by a call for the same address, perhaps.
    #[test]
    fn nobody_goes_past_an_entry_that_is_tried() {
        let registry = registry();
        let (address, other) = (0x7000_0000, 0x7000_0000 + 4096 * 4096);
        let places = |address| registry.candidates(address).take(1);
        let entry = tried(&registry, address);
        // The same first place.
        let other = (other..)
            .step_by(4096)
            .find(|&other| places(other).all(|place| ptr::eq(place, entry)))
            .unwrap();
        registry.insert(other, true, || true);
        assert!(registry.find(other).is_none());
    }

    /// Whoever is about to make a dead entry live learns that callers may have met it tried.
    #[test]
    fn an_entry_that_was_tried_is_not_what_it_was() {
        let registry = registry();
        let address = 0x7000_0000;
        registry.insert(address, true, || true);
        let entry = registry.find(address).unwrap();
        entry.start_destroying(address);
        assert!(entry.take_ring(address));
        entry.remove(address);
        let asked = core::cell::Cell::new(0);
        let is_called_past = || {
            asked.set(asked.get() + 1);
            if asked.get() == 1 {
                assert!(entry.gate.begin_call(2));
                let found = entry.address.load(Relaxed);
                assert!(!entry.give(found, 0x7100_0000, || true), "in use");
                entry.gate.end_call();
            }
            false
        };
        assert!(entry.revive(address, 0, is_called_past));
        assert_eq!(asked.get(), 2);
        assert!(entry.is_live(address));
    }

    /// A program has destroyed a context past this library, or a signal handler has made one.
    #[test]
    fn a_live_entry_stays_live() {
        let registry = registry();
        let address = 0x7000_0000;
        registry.insert(address, true, || true);
        let entry = registry.find(address).unwrap();
        entry.nr.store(127, Relaxed);
        assert!(registry.begin_unknown(0x7100_0000).is_none());
        let never = || -> bool { unreachable!("it is live") };
        assert!(entry.revive(address, 0, never));
        assert!(entry.is_live(address));
        assert_eq!(entry.slots(), None, "the ring may be another one");
        assert!(!entry.revive(0x7100_0000, 0, || false) && entry.is_live(address));
    }

    /// The kernel has destroyed the earlier context, and the thread that asked for it has not gone on.
    #[test]
    fn a_new_context_is_not_doomed() {
        for is_called_past in [false, true] {
            let registry = registry();
            let address = 0x7000_0000;
            registry.insert(address, true, || true);
            let entry = registry.find(address).unwrap();
            entry.start_destroying(address);
            assert!(entry.take_ring(address) && entry.is_doomed(address));
            assert!(entry.revive(address, 0, || is_called_past));
            assert!(entry.belongs_to(address) && !entry.is_doomed(address));
            assert_eq!(entry.is_live(address), !is_called_past);
            entry.remove(address);
            assert_eq!(entry.is_live(address), !is_called_past);
        }
    }

    #[test]
    fn a_call_at_an_entry_that_was_given_up_counts() {
        let registry = registry();
        let address = 0x7000_0000;
        registry.insert(address, true, || true);
        let entry = registry.find(address).unwrap();
        assert!(entry.gate.begin_call(2));
        registry.give_up(address);
        assert!(registry.find(address).is_none() && entry.belongs_to(address));
        let found = entry.address.load(Relaxed);
        assert!(!entry.give(found, 0x7100_0000, || true), "in use");
        assert!(registry.find(address).is_none() && entry.belongs_to(address));
        registry.insert(address, true, || true);
        let again = registry.find(address).unwrap();
        assert!(ptr::eq(entry, again) && again.is_live(address));
        assert!(again.gate.has_callers());
        again.gate.end_call();
    }

    /// A handler, which has destroyed the context that its thread is about to make known, makes another
    /// one at the same address.
    #[test]
    fn a_handler_makes_no_second_entry() {
        let registry = registry();
        let address = 0x7000_0000;
        let handler = || {
            registry.insert(address, true, || true);
            true
        };
        registry.insert(address, true, handler);
        let entries = registry.entries.iter();
        assert_eq!(entries.filter(|entry| entry.has(address)).count(), 1);
        assert!(registry.find(address).unwrap().is_live(address));
    }

    #[test]
    fn slots_are_known_once_the_ring_was_read() {
        let entry = Entry::default();
        assert_eq!(entry.slots(), None);
        entry.nr.store(UNREADABLE, Relaxed);
        assert_eq!(entry.slots(), None);
        entry.nr.store(127, Relaxed);
        assert_eq!(entry.slots(), Some(127));
    }

    #[test]
    fn whose_address_is_given_up_is_nobodys() {
        let registry = registry();
        let address = 0x7000_0000;
        for state in 0..3 {
            registry.insert(address, true, || true);
            let entry = registry.find(address).unwrap();
            if state > 0 {
                entry.start_destroying(address);
                assert!(entry.take_ring(address));
            }
            if state > 1 {
                entry.remove(address);
            }
            registry.give_up(address);
            assert!(registry.find(address).is_none() && !entry.is_live(address));
        }
    }
}
