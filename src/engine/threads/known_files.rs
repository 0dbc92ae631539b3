//! Descriptors that stood for plain files lately: for these, `io_submit` skips `fstat`.
//!
//! The number may stand for another file meanwhile. The kernel refuses the shortest way for streams
//! and directories; a file opened for direct I/O is then read or written before `io_submit`
//! returns, until the trust is used up.

use core::ffi::c_int;

use crate::sync::AtomicU32;
use crate::sync::Ordering::Relaxed;
use crate::sys::files::Way;

/// Descriptors that are remembered: the lowest ones.
const KNOWN: usize = 1024;
/// How many requests in a row skip `fstat`.
const TRUST: u32 = 64;

/// One word for each descriptor: uses left for reading in the low half, for writing in the high
/// half. All zero: none is known.
#[repr(C)]
pub(crate) struct KnownFiles {
    uses: [AtomicU32; KNOWN],
}

impl KnownFiles {
    fn word(&self, fd: c_int) -> Option<&AtomicU32> {
        self.uses.get(usize::try_from(fd).ok()?)
    }

    /// Whether a request of this way may skip `fstat`; counts it.
    pub(crate) fn trust(&self, fd: c_int, way: Way) -> bool {
        let Some(word) = self.word(fd) else {
            return false;
        };
        // Relaxed: a count that may be off by some.
        let uses = word.load(Relaxed);
        let shift = shift(way);
        if (uses >> shift) & 0xffff == 0 {
            return false;
        }
        word.store(uses - (1 << shift), Relaxed);
        true
    }

    /// Notes that a descriptor stands for a plain file.
    pub(crate) fn add(&self, fd: c_int, way: Way) {
        if let Some(word) = self.word(fd) {
            let others = word.load(Relaxed) & !(0xffff << shift(way));
            word.store(others | (TRUST << shift(way)), Relaxed);
        }
    }

    /// Notes that it may not, any more.
    pub(crate) fn forget(&self, fd: c_int) {
        if let Some(word) = self.word(fd) {
            word.store(0, Relaxed);
        }
    }
}

fn shift(way: Way) -> u32 {
    match way {
        Way::In => 0,
        Way::Out => 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_file_is_trusted_so_often_and_each_way_for_itself() {
        let known = KnownFiles {
            uses: [const { AtomicU32::new(0) }; KNOWN],
        };
        assert!(!known.trust(3, Way::In));
        known.add(3, Way::In);
        assert!(!known.trust(3, Way::Out) && !known.trust(4, Way::In));
        known.add(3, Way::Out);
        for _ in 0..TRUST {
            assert!(known.trust(3, Way::In));
        }
        assert!(!known.trust(3, Way::In), "used up");
        assert!(known.trust(3, Way::Out), "the other way is left");
        known.add(3, Way::In);
        known.forget(3);
        assert!(!known.trust(3, Way::In) && !known.trust(3, Way::Out));
        // Descriptors without a place are never trusted.
        for fd in [-1, KNOWN as c_int, c_int::MAX] {
            known.add(fd, Way::In);
            assert!(!known.trust(fd, Way::In));
        }
    }
}
