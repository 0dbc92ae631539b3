//! A ring's size and header: `docs/kernel-aio.md`, 1.1 and 4.1.

/// The bytes of the header, and of a slot.
pub(crate) const HEADER: u64 = 32;
const SLOT: u64 = 32;
const MAGIC: u32 = 0xa10a_10a1;

/// What the header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    /// The kernel's number of the context, in its process.
    pub id: u32,
    /// Slots.
    pub nr: u32,
    /// The slot to take next.
    pub head: u32,
    /// The slot to fill next.
    pub tail: u32,
    /// Whether the rest is what the kernel wrote.
    pub is_genuine: bool,
}

impl Header {
    /// From the first bytes of a ring.
    pub(crate) fn of(bytes: &[u8; HEADER as usize]) -> Header {
        let mut words = [0u32; 8];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = bytes.try_into().map_or(0, u32::from_ne_bytes);
        }
        let [id, nr, head, tail, magic, compat, incompat, length] = words;
        Header {
            id,
            nr,
            head,
            tail,
            is_genuine: magic == MAGIC
                && compat == 1
                && incompat == 0
                && u64::from(length) == HEADER,
        }
    }

    /// Events that nobody has taken, in a ring of so many slots: the program may have overwritten what the
    /// header says of that. `head` may be larger by the number of slots. None: the numbers are none.
    pub(crate) fn unreaped(&self, slots: u64) -> Option<u64> {
        let head = u64::from(self.head).checked_rem(slots)?;
        let tail = Some(u64::from(self.tail)).filter(|tail| *tail < slots)?;
        Some((tail + slots - head) % slots)
    }
}

/// Slots of a ring that takes so many bytes, which are whole pages.
pub(crate) fn slots(bytes: u64) -> u64 {
    bytes.saturating_sub(HEADER) / SLOT
}

/// What was asked for when a ring of this size was made: the number that `fs.aio-nr` grew by. The kernel
/// doubles it, adds two, and takes whole pages, so that many numbers come to the same ring.
///
/// At least, and at most.
pub(crate) fn requests(bytes: u64, page: u64, processors: u64) -> (u64, u64) {
    // 2 * n + 2 slots.
    let most = |bytes: u64| (slots(bytes) / 2).saturating_sub(1);
    let fewer = most(bytes.saturating_sub(page));
    let is_smallest = fewer < processors * 4;
    (if is_smallest { 1 } else { fewer + 1 }, most(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's formula (`ioctx_alloc` and `aio_setup_ring` in `fs/aio.c`).
    fn ring_for(requests: u64, processors: u64) -> u64 {
        let slots = requests.max(processors * 4) * 2 + 2;
        (32 + slots * 32).div_ceil(4096) * 4096
    }

    #[test]
    fn the_requests_of_a_ring_are_those_that_come_to_its_size() {
        for processors in [1, 2, 3, 16, 64, 100, 256] {
            for asked in 1..3000 {
                let bytes = ring_for(asked, processors);
                let (least, most) = requests(bytes, 4096, processors);
                assert!(least <= asked && asked <= most);
                assert_eq!(ring_for(least, processors), bytes);
                assert_eq!(ring_for(most, processors), bytes);
                assert!(least == 1 || ring_for(least - 1, processors) < bytes);
                assert!(ring_for(most + 1, processors) > bytes);
            }
        }
    }

    #[test]
    fn slots_are_those_of_the_kernel() {
        assert_eq!(slots(ring_for(62, 2)), 127);
        assert_eq!(slots(ring_for(63, 2)), 255);
        assert_eq!(slots(ring_for(1024, 2)), 2175);
    }

    #[test]
    fn a_header() {
        let words = [7u32, 127, 3, 5, 0xa10a_10a1, 1, 0, 32];
        let mut bytes = [0u8; 32];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        let header = Header::of(&bytes);
        assert_eq!(
            header,
            Header {
                id: 7,
                nr: 127,
                head: 3,
                tail: 5,
                is_genuine: true
            }
        );
        assert_eq!(header.unreaped(127), Some(2));
        bytes[16] ^= 1;
        assert!(!Header::of(&bytes).is_genuine);
    }

    #[test]
    fn events_that_nobody_has_taken() {
        let ring = |head, tail| Header {
            id: 0,
            nr: 127,
            head,
            tail,
            is_genuine: true,
        };
        assert_eq!(ring(0, 0).unreaped(127), Some(0));
        assert_eq!(ring(126, 1).unreaped(127), Some(2));
        assert_eq!(ring(0, 126).unreaped(127), Some(126));
        // A claim.
        assert_eq!(ring(127 + 5, 7).unreaped(127), Some(2));
        assert_eq!(ring(0, 127).unreaped(127), None);
        assert_eq!(ring(0, 0).unreaped(0), None);
    }
}
