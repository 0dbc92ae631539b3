//! Pages that the kernel has read or written for an earlier call.
//!
//! The kernel answers EFAULT for a pointer that user space could only try out by crashing. So a
//! pointer is used here only if the kernel accepted its page before; otherwise the call goes to the
//! kernel, and its success proves the page for the next one. A page that was good and has been
//! unmapped since is not noticed.

use crate::sync::AtomicUsize;
use crate::sync::Ordering::Relaxed;
use crate::sys::memory::{PAGE, first_place};

/// Sets of two pages.
const SETS_LOG2: u32 = 7;

/// A set of pages. A page has two places, which it shares with others: of three pages in use one
/// may push another out, of two neither. All zero: empty.
#[repr(C)]
pub(crate) struct ProvenPages {
    sets: [[AtomicUsize; 2]; 1 << SETS_LOG2],
}

impl ProvenPages {
    #[inline]
    fn places(&self, page: usize) -> &[AtomicUsize; 2] {
        // SAFETY: it is below the length.
        unsafe { self.sets.get_unchecked(first_place(page, SETS_LOG2)) }
    }

    /// Whether all pages of these `length` bytes (at least 1) are proven.
    #[inline]
    pub(crate) fn contain<T>(&self, start: *const T, length: usize) -> bool {
        let last = start.addr().wrapping_add(length - 1) & !(PAGE - 1);
        let mut page = start.addr() & !(PAGE - 1);
        // Relaxed: a value is right by itself. Page 0 is never proven, but an empty place equals
        // it.
        while page != 0 {
            let [newer, older] = self.places(page);
            if newer.load(Relaxed) != page && older.load(Relaxed) != page {
                break;
            }
            if page == last {
                return true;
            }
            page = page.wrapping_add(PAGE);
        }
        false
    }

    /// Notes that the kernel accessed these `length` bytes (at least 1).
    #[inline]
    pub(crate) fn add<T>(&self, start: *const T, length: usize) {
        let last = start.addr().wrapping_add(length - 1) & !(PAGE - 1);
        let mut page = start.addr() & !(PAGE - 1);
        loop {
            let [newer, older] = self.places(page);
            let pushed = newer.load(Relaxed);
            // Written only when it changes, so that the cache line stays shared.
            if pushed != page && older.load(Relaxed) != page {
                older.store(pushed, Relaxed);
                newer.store(page, Relaxed);
            }
            if page == last {
                return;
            }
            page = page.wrapping_add(PAGE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::MaybeUninit;
    use core::ptr::without_provenance;

    fn at(address: usize) -> *const u8 {
        without_provenance(address)
    }

    #[test]
    fn every_page_must_be_proven() {
        // SAFETY: all zero is the empty set.
        let pages =
            unsafe { Box::<MaybeUninit<ProvenPages>>::new(MaybeUninit::zeroed()).assume_init() };
        assert!(!pages.contain(at(0x5000), 1));
        assert!(!pages.contain(at(0), 1) && !pages.contain(at(4095), 2));
        pages.add(at(0x5ff0), 32);
        assert!(
            pages.contain(at(0x5000), 0x2000),
            "both pages that it lay in"
        );
        assert!(!pages.contain(at(0x5000), 0x2001));
        assert!(!pages.contain(at(0x4fff), 2));
    }

    /// Two arrays in use at the same time, at whatever distance.
    #[test]
    fn two_pages_never_push_each_other_out() {
        // SAFETY: all zero is the empty set.
        let pages =
            unsafe { Box::<MaybeUninit<ProvenPages>>::new(MaybeUninit::zeroed()).assume_init() };
        for distance in (1..=32)
            .map(|bits| 1usize.wrapping_shl(bits))
            .chain([3, 256 * 3])
        {
            let first = at(0x7000_0000);
            let second = first.wrapping_add(distance.wrapping_mul(PAGE));
            if second.addr() == 0 || second == first {
                continue;
            }
            for _ in 0..3 {
                pages.add(first, 1);
                pages.add(second, 1);
                assert!(
                    pages.contain(first, 1) && pages.contain(second, 1),
                    "{distance}"
                );
            }
        }
    }

    #[test]
    fn a_page_is_pushed_out_by_the_second_that_shares_its_places() {
        // SAFETY: all zero is the empty set.
        let pages =
            unsafe { Box::<MaybeUninit<ProvenPages>>::new(MaybeUninit::zeroed()).assume_init() };
        let first = at(0x7000_0000);
        let same: Vec<_> = (1..100_000)
            .map(|index| first.wrapping_add(index * PAGE))
            .filter(|other| core::ptr::eq(pages.places(other.addr()), pages.places(first.addr())))
            .take(2)
            .collect();
        pages.add(first, 1);
        pages.add(same[0], 1);
        assert!(pages.contain(first, 1), "both have a place");
        pages.add(same[1], 1);
        assert!(!pages.contain(first, 1) && pages.contain(same[0], 1));
    }
}
