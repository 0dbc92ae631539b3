//! Pages that the kernel has read or written for an earlier call.
//!
//! The kernel answers EFAULT for a pointer that user space could only try out by crashing. So a
//! pointer is used here only if the kernel accepted its page before; otherwise the call goes to the
//! kernel, and its success proves the page for the next one. A page that was good and has been
//! unmapped since is not noticed.

use crate::sync::AtomicUsize;
use crate::sync::Ordering::Relaxed;
use crate::sys::memory::PAGE;

const ENTRIES: usize = 256;

/// A set of pages, direct-mapped: a page may push another one out. All zero: empty.
#[repr(C)]
pub(crate) struct ProvenPages {
    pages: [AtomicUsize; ENTRIES],
}

impl ProvenPages {
    #[inline]
    fn entry(&self, page: usize) -> &AtomicUsize {
        // SAFETY: the remainder is below the length.
        unsafe { self.pages.get_unchecked(page / PAGE % ENTRIES) }
    }

    /// Whether all pages of these `length` bytes (at least 1) are proven.
    #[inline]
    pub(crate) fn contain<T>(&self, start: *const T, length: usize) -> bool {
        let last = start.addr().wrapping_add(length - 1) & !(PAGE - 1);
        let mut page = start.addr() & !(PAGE - 1);
        // Relaxed: a value is right by itself. Page 0 is never proven, but an empty entry equals
        // it.
        while page != 0 && self.entry(page).load(Relaxed) == page {
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
            let entry = self.entry(page);
            // Written only when it changes, so that the cache line stays shared.
            if entry.load(Relaxed) != page {
                entry.store(page, Relaxed);
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
        pages.add(at(0x5000 + PAGE * ENTRIES), 1);
        assert!(!pages.contain(at(0x5000), 1), "pushed out");
        assert!(pages.contain(at(0x6000), 1));
    }
}
