//! What one call of `io_submit` remembers from one iocb to the next.

use core::ffi::c_void;

use crate::sys::memory::PAGE;
use crate::sys::probe;

/// One call of `io_submit`.
#[derive(Default)]
pub(crate) struct Batch {
    /// Memory that it may read.
    pub readable: ReadablePages,
    /// Requests that went to the helpers, who have not been woken for them.
    pub pushed: u32,
}

/// Two pages that the kernel has read during the call, so that it is not asked again for their
/// neighbours.
#[derive(Default)]
pub(crate) struct ReadablePages {
    pages: [usize; 2],
    next: bool,
}

impl ReadablePages {
    /// Whether `length` (at least 8) bytes can be read.
    pub(crate) fn contain(&mut self, start: *const c_void, length: usize) -> bool {
        let first = start.addr() & !(PAGE - 1);
        let last = start.addr().wrapping_add(length - 1) & !(PAGE - 1);
        if first == last && self.pages.contains(&first) && first != 0 {
            return true;
        }
        if !probe::are_readable(start, length) {
            return false;
        }
        let [one, other] = &mut self.pages;
        *(if self.next { other } else { one }) = last;
        self.next = !self.next;
        true
    }
}
