//! Reading and writing one completion ring. The caller answers for the right to do so.

use core::cmp::min;
use core::ptr;

use crate::abi::{AIO_RING_MAGIC, aio_ring, io_event};
use crate::sync::Ordering::{Acquire, Relaxed, Release};

/// Whether the ring has the layout that [`aio_ring`] states, and its size `nr` is one that the kernel
/// makes (8 million events at most).
///
/// gVisor maps a page of zeroes; a later kernel may set `incompat_features`.
pub fn is_readable(ring: &aio_ring, nr: u32) -> bool {
    ring.magic == AIO_RING_MAGIC
        && ring.incompat_features == 0
        && ring.header_length as usize == size_of::<aio_ring>()
        && nr > 1
        && nr < 1 << 24
}

/// The slot that `head` stands for. The kernel takes it modulo `nr`.
#[inline]
fn slot(head: u32, nr: u32) -> u32 {
    // The division cannot fail: `is_readable` refuses a ring without slots.
    if head < nr {
        head
    } else {
        head.checked_rem(nr).unwrap_or(0)
    }
}

/// What a look at the ring found.
#[derive(Clone, Copy)]
pub struct Look {
    /// `head` as it was read.
    head: u32,
    /// The slot that `head` stands for.
    first: u32,
    /// How many events are ready.
    pub ready: u32,
}

/// Looks how many events are ready in a ring of `nr` slots. None if `tail` is not a slot: then some
/// program wrote there, and the kernel decides.
#[inline]
pub fn look(ring: &aio_ring, nr: u32) -> Option<Look> {
    // Relaxed: whoever moves `head` passed the gate before us, or is this thread.
    let head = ring.head.load(Relaxed);
    let first = slot(head, nr);
    // Acquire: pairs with the kernel's write barrier between the events and `tail`.
    let tail = ring.tail.load(Acquire);
    if tail >= nr {
        return None;
    }
    let ready = if tail >= first {
        tail - first
    } else {
        nr - first + tail
    };
    Some(Look { head, first, ready })
}

/// Copies `count` events, which [`look`] found ready, out of the slots after the header.
///
/// # Safety
/// `slots` is the ring's first slot, of `nr`; `events` has room for `count` events.
#[inline]
pub unsafe fn copy(slots: *const io_event, nr: u32, look: Look, count: u32, events: *mut io_event) {
    if count == 1 {
        // The most frequent case, without a call of memcpy.
        // SAFETY: `first` is below `nr`; the rest is as the caller promises.
        unsafe { copy_events(slots.add(look.first as usize), events, 1) };
        return;
    }
    // SAFETY: the caller keeps the same promise.
    unsafe { copy_runs(slots, nr, look, count, events) };
}

/// As [`copy`]: up to the last slot, and on from the first.
///
/// # Safety
/// As [`copy`].
#[inline(never)]
unsafe fn copy_runs(
    slots: *const io_event,
    nr: u32,
    look: Look,
    count: u32,
    events: *mut io_event,
) {
    let until_end = min(count, nr - look.first) as usize;
    // SAFETY: `first` and `until_end` stay within the `nr` slots, the rest starts at slot 0.
    unsafe {
        copy_events(slots.add(look.first as usize), events, until_end);
        if until_end < count as usize {
            copy_events(
                slots,
                events.wrapping_add(until_end),
                count as usize - until_end,
            );
        }
    }
}

/// Copies bytes: the array may be misaligned, as for the kernel.
///
/// # Safety
/// `from` has `count` events and `to` has room for them.
#[inline]
unsafe fn copy_events(from: *const io_event, to: *mut io_event, count: usize) {
    // SAFETY: as the caller promises; a ring and a program's array do not overlap.
    unsafe {
        ptr::copy_nonoverlapping(
            from.cast::<u8>(),
            to.cast::<u8>(),
            count * size_of::<io_event>(),
        );
    }
}

/// Moves `head` over `count` events. False if it has been moved since [`look`].
#[inline]
pub fn advance(ring: &aio_ring, nr: u32, look: Look, count: u32) -> bool {
    let next = look.first + count;
    let next = if next >= nr { next - nr } else { next };
    // Release: pairs with the kernel's use of `head`; it must not fill the slots before the copy is
    // made.
    ring.head
        .compare_exchange(look.head, next, Release, Relaxed)
        .is_ok()
}

/// Gives `head` another value for the same slot, one that no interrupted reap of this thread has
/// seen, so that its [`advance`] fails. For a signal handler that took events meanwhile.
///
/// The kernel takes `head` modulo `nr` (`fs/aio.c`, aio_read_events_ring and refill_reqs_available);
/// [`restore_head`] undoes this before the interrupted call returns.
#[cold]
pub fn disturb_head(ring: &aio_ring, nr: u32, tick: u32) {
    // For the smallest ring 33 million values, for the largest 500; that many handlers do not nest
    // between two looks. `is_readable` makes it more than one.
    let values = (u32::MAX / nr.max(1)).saturating_sub(1).max(1);
    loop {
        let head = ring.head.load(Relaxed);
        let other = slot(head, nr) + nr * (1 + tick.checked_rem(values).unwrap_or(0));
        // Relaxed: seen by this thread only; others are kept out by the gate.
        if ring
            .head
            .compare_exchange(head, other, Relaxed, Relaxed)
            .is_ok()
        {
            return;
        }
    }
}

/// Makes `head` a slot number again after [`disturb_head`].
#[inline]
pub fn restore_head(ring: &aio_ring, nr: u32) {
    let head = ring.head.load(Relaxed);
    if head >= nr {
        // The slot stays the same, so failing or being late does no harm. Relaxed: as in
        // `disturb_head`.
        let _ = ring
            .head
            .compare_exchange(head, slot(head, nr), Relaxed, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::AtomicU32;

    const NR: u32 = 7;

    fn header(head: u32, tail: u32) -> aio_ring {
        aio_ring {
            id: 0,
            nr: AtomicU32::new(NR),
            head: AtomicU32::new(head),
            tail: AtomicU32::new(tail),
            magic: AIO_RING_MAGIC,
            compat_features: 1,
            incompat_features: 0,
            header_length: 32,
        }
    }

    fn event(serial: usize) -> io_event {
        // SAFETY: zero is an event.
        let mut event: io_event = unsafe { core::mem::zeroed() };
        event.data = ptr::without_provenance_mut(serial);
        event
    }

    #[test]
    fn counts_what_is_ready_across_the_wrap() {
        let ready = |head, tail| look(&header(head, tail), NR).map(|look| look.ready);
        assert_eq!(ready(0, 0), Some(0));
        assert_eq!(ready(6, 6), Some(0));
        assert_eq!(ready(0, 6), Some(6));
        assert_eq!(ready(6, 0), Some(1));
        assert_eq!(ready(5, 2), Some(4));
        assert_eq!(ready(0, NR), None, "tail is not a slot");
        assert_eq!(
            ready(3 * NR + 5, 2),
            Some(4),
            "head counts modulo the slots"
        );
    }

    #[test]
    fn copies_in_order_across_the_wrap_and_moves_head_once() {
        let slots: Vec<_> = (0..NR as usize).map(event).collect();
        for head in 0..NR {
            for count in 1..NR {
                let ring = header(head, (head + count) % NR);
                let look = look(&ring, NR).unwrap();
                assert_eq!(look.ready, count);
                // One byte on: the array may be misaligned.
                let mut bytes = vec![0u8; NR as usize * 32 + 1];
                let events = bytes[1..].as_mut_ptr().cast::<io_event>();
                // SAFETY: the slots and the array have room.
                unsafe { copy(slots.as_ptr(), NR, look, count, events) };
                for index in 0..count {
                    // SAFETY: it was written.
                    let event = unsafe { events.add(index as usize).read_unaligned() };
                    assert_eq!(event.data.addr(), ((head + index) % NR) as usize);
                }
                assert!(
                    bytes[1 + count as usize * 32..]
                        .iter()
                        .all(|&byte| byte == 0)
                );
                assert!(advance(&ring, NR, look, count));
                assert_eq!(ring.head.load(Relaxed), (head + count) % NR);
                assert!(!advance(&ring, NR, look, count), "a second time is refused");
            }
        }
    }

    /// A handler that takes a multiple of all slots leaves `head` where it was.
    #[test]
    fn a_disturbed_reap_starts_over_even_if_head_came_back() {
        let ring = header(5, 2);
        let before = look(&ring, NR).unwrap();
        for tick in 0..100 {
            disturb_head(&ring, NR, tick);
            let head = ring.head.load(Relaxed);
            assert!(head >= NR && head % NR == 5);
            assert!(!advance(&ring, NR, before, 1));
            assert_eq!(look(&ring, NR).unwrap().ready, 4);
        }
        restore_head(&ring, NR);
        assert_eq!(ring.head.load(Relaxed), 5);
    }

    #[test]
    fn unknown_layouts_are_not_read() {
        assert!(is_readable(&header(0, 0), NR));
        let change = |change: fn(&mut aio_ring)| {
            let mut ring = header(0, 0);
            change(&mut ring);
            is_readable(&ring, NR)
        };
        assert!(!change(|ring| ring.magic = 0));
        assert!(!change(|ring| ring.incompat_features = 1));
        assert!(!change(|ring| ring.header_length = 64));
        assert!(!is_readable(&header(0, 0), 0) && !is_readable(&header(0, 0), u32::MAX));
    }
}
