//! Reading one completion ring.

use core::sync::atomic::Ordering::Relaxed;

use crate::abi::{AIO_RING_MAGIC, aio_ring};

/// Whether the ring has the layout that [`aio_ring`] states.
///
/// gVisor maps a page of zeroes; a later kernel may set `incompat_features`.
#[inline]
pub fn is_readable(ring: &aio_ring) -> bool {
    ring.magic == AIO_RING_MAGIC && ring.incompat_features == 0
}

/// Whether there is nothing to reap at this moment.
#[inline]
pub fn is_empty(ring: &aio_ring) -> bool {
    // Relaxed: no event is read on the strength of this.
    ring.head.load(Relaxed) == ring.tail.load(Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicU32;

    fn ring(head: u32, tail: u32) -> aio_ring {
        aio_ring {
            id: 0,
            nr: 127,
            head: AtomicU32::new(head),
            tail: AtomicU32::new(tail),
            magic: AIO_RING_MAGIC,
            compat_features: 1,
            incompat_features: 0,
            header_length: 32,
        }
    }

    #[test]
    fn empty_when_head_is_at_tail() {
        assert!(is_empty(&ring(0, 0)));
        assert!(is_empty(&ring(126, 126)));
        assert!(!is_empty(&ring(0, 1)));
        assert!(!is_empty(&ring(126, 0)), "the ring wraps");
    }

    #[test]
    fn unknown_layouts_are_not_read() {
        assert!(is_readable(&ring(0, 0)));
        let mut zeroed = ring(0, 0);
        zeroed.magic = 0;
        assert!(!is_readable(&zeroed));
        let mut newer = ring(0, 0);
        newer.incompat_features = 1;
        assert!(!is_readable(&newer));
    }
}
