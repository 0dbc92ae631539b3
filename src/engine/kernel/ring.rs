//! Reading and writing one completion ring. The caller answers for the right to do so.

use core::cmp::min;

use super::ours::Ours;
use crate::abi::{AIO_RING_MAGIC, aio_ring, io_event};
use crate::engine::copying::copy_events;
use crate::sync::Ordering::{Acquire, Relaxed, Release, SeqCst};

/// Whether the ring has the layout that [`aio_ring`] states, and its size `nr` is one that the
/// kernel makes (8 million events at most).
///
/// gVisor maps a page of zeroes; a later kernel may set `incompat_features`.
pub(crate) fn is_readable(ring: &aio_ring, nr: u32) -> bool {
    ring.magic == AIO_RING_MAGIC
        && ring.incompat_features == 0
        && ring.header_length as usize == size_of::<aio_ring>()
        && nr > 1
        && nr < 1 << 24
}

/// What a look at the ring found.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    /// `head`: the slot of the first event.
    head: u32,
    /// How many events are ready.
    pub ready: u32,
}

/// Looks how many events are ready in a ring of `nr` slots. None if `head` or `tail` is not a slot:
/// then some program wrote there, and the kernel decides.
#[inline]
pub(crate) fn look(ring: &aio_ring, nr: u32) -> Option<Look> {
    // Acquire: pairs with the kernel's store of `head` for a caller that passed us. `tail` is at
    // least what it saw then, and the gate says that it passed.
    let head = ring.head.load(Acquire);
    if head >= nr {
        return None;
    }
    let ready = ready(ring, nr, head)?;
    Some(Look { head, ready })
}

/// Whether nothing is ready, while others may take events at the same time.
///
/// `head` is looked at again after `tail`. So they were equal at one moment, unless as many events
/// as the ring has slots came and went between two loads; and then they were taken by somebody who
/// was there before.
#[cold]
pub(crate) fn is_empty(ring: &aio_ring, nr: u32) -> bool {
    // Acquire: the loads come in this order, and `tail` is at least what the kernel saw when it
    // stored this `head`.
    let head = ring.head.load(Acquire);
    let tail = ring.tail.load(Acquire);
    head < nr && head == tail && ring.head.load(Relaxed) == head
}

/// How many events are ready from the slot `head` on.
#[inline]
fn ready(ring: &aio_ring, nr: u32, head: u32) -> Option<u32> {
    // Acquire: pairs with the kernel's write barrier between the events and `tail`.
    let tail = ring.tail.load(Acquire);
    if tail >= nr {
        return None;
    }
    Some(if tail >= head {
        tail - head
    } else {
        nr - head + tail
    })
}

/// What `head` is while its slot is `slot` and a reaper claims the events from there on.
#[inline]
fn claimed(slot: u32, nr: u32) -> u32 {
    slot + nr
}

/// Claims the events that [`look`] found: gives `head` another value for the same slot. The kernel
/// takes `head` modulo `nr` (`fs/aio.c`, aio_read_events_ring and refill_reqs_available) and stores
/// slots only. So while the one reaper of this ring finds its claim there, nobody has taken an
/// event since.
///
/// One place takes it as it is: since Linux 6.8 aio_complete counts the events that are ready, to wake
/// whom they are enough for. With a claim it counts `tail` - slot, in 32 bits: the right number, or
/// after the end of the ring one that is too large, which wakes a waiter for nothing. It is never too
/// small. `c-tests/programs/claimed_head.c` tries every slot.
///
/// Nothing is claimed if `head` has moved since then, or this is a child by now; [`commit`] finds out.
#[inline]
pub(crate) fn claim(ring: &aio_ring, nr: u32, look: Look, ours: &Ours) {
    // SeqCst: of a reaper that claims and then looks for callers, and a caller that counts itself
    // in and then revokes, one sees the other.
    ours.exchange(ring, look.head, claimed(look.head, nr), SeqCst);
}

/// Whether `count` events are ready where they are claimed. Between the look and the claim others
/// may have taken as many events as the ring has slots.
#[inline]
pub(crate) fn has(ring: &aio_ring, nr: u32, look: Look, count: u32) -> bool {
    ready(ring, nr, look.head).is_some_and(|ready| ready >= count)
}

/// The slot after `count` claimed events.
#[inline]
pub(crate) fn slot_after(nr: u32, look: Look, count: u32) -> u32 {
    let next = look.head + count;
    if next >= nr { next - nr } else { next }
}

/// Moves `head` over claimed events, to the slot `next`. False if they are not claimed, or not any
/// more: then they are not taken.
#[inline]
pub(crate) fn commit(ring: &aio_ring, nr: u32, look: Look, next: u32, ours: &Ours) -> bool {
    // Release: pairs with the kernel's use of `head`; it must not fill the slots before the copy is
    // made.
    ours.exchange(ring, claimed(look.head, nr), next, Release)
}

/// Gives up a claim, if it was not revoked.
#[inline]
pub(crate) fn withdraw(ring: &aio_ring, nr: u32, look: Look, ours: &Ours) {
    // Relaxed: the slot stays the same.
    ours.exchange(ring, claimed(look.head, nr), look.head, Relaxed);
}

/// Revokes the claim of a reaper that may be at this ring, for a caller that is counted at the
/// gate: no later claim is committed either. `nr` gives the ring's slots, if a reaper may have read
/// it.
#[cold]
pub(crate) fn revoke(ring: &aio_ring, nr: impl FnOnce() -> Option<u32>) {
    // SeqCst: see `claim`. It acquires what the reaper knew of `nr`.
    let head = ring.head.load(SeqCst);
    let Some(nr) = nr() else { return };
    if head >= claimed(0, nr) && head < claimed(nr, nr) {
        // Relaxed: the slot stays the same. If it fails, there is no claim any more.
        let _ = ring
            .head
            .compare_exchange(head, head - nr, Relaxed, Relaxed);
    }
}

/// Copies `count` events, which [`look`] found ready, out of the slots after the header.
///
/// # Safety
/// `slots` is the ring's first slot, of `nr`; `events` has room for `count` events.
#[inline]
pub(crate) unsafe fn copy(
    slots: *const io_event,
    nr: u32,
    look: Look,
    count: u32,
    events: *mut io_event,
) {
    if count == 1 {
        // The most frequent case, without a call of memcpy.
        // SAFETY: `head` is below `nr`; the rest is as the caller promises.
        unsafe { copy_events(slots.add(look.head as usize), events, 1) };
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
    let until_end = min(count, nr - look.head);
    // SAFETY: `head` and `until_end` stay within the `nr` slots, the rest starts at slot 0.
    unsafe {
        copy_events(slots.add(look.head as usize), events, until_end);
        if until_end < count {
            let rest = events.wrapping_add(until_end as usize);
            copy_events(slots, rest, count - until_end);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::sync::AtomicU32;
    use core::ptr;

    const NR: u32 = 7;

    /// In the process that made the context, and in its child.
    fn relations() -> (Ours, Ours) {
        let same = Ours::default();
        same.set();
        (same, Ours::default())
    }

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
        assert_eq!(ready(NR, 0), None, "head is not a slot");
    }

    #[test]
    fn an_empty_ring_is_empty_and_no_other() {
        for head in 0..NR {
            for tail in 0..NR {
                assert_eq!(is_empty(&header(head, tail), NR), head == tail);
            }
            assert!(!is_empty(&header(head + NR, head), NR), "claimed");
            assert!(!is_empty(&header(head + NR, head + NR), NR), "no slot");
        }
    }

    #[test]
    fn copies_in_order_across_the_wrap_and_moves_head_once() {
        let (same, _) = relations();
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
                assert!(has(&ring, NR, look, count) && !has(&ring, NR, look, count + 1));
                let next = slot_after(NR, look, count);
                assert!(!commit(&ring, NR, look, next, &same), "not without a claim");
                claim(&ring, NR, look, &same);
                assert!(commit(&ring, NR, look, next, &same));
                assert_eq!(ring.head.load(Relaxed), (head + count) % NR);
                assert!(
                    !commit(&ring, NR, look, next, &same),
                    "a second time is refused"
                );
                claim(&ring, NR, look, &same);
                assert_eq!(
                    ring.head.load(Relaxed),
                    (head + count) % NR,
                    "head has moved"
                );
            }
        }
    }

    #[test]
    fn a_claim_can_be_withdrawn_or_revoked() {
        let (same, _) = relations();
        for head in 0..NR {
            let ring = header(head, (head + 2) % NR);
            let found = look(&ring, NR).unwrap();
            claim(&ring, NR, found, &same);
            assert!(ring.head.load(Relaxed) >= NR && ring.head.load(Relaxed) % NR == head);
            claim(&ring, NR, found, &same);
            assert!(ring.head.load(Relaxed) < 2 * NR, "once");
            withdraw(&ring, NR, found, &same);
            assert_eq!(ring.head.load(Relaxed), head);

            claim(&ring, NR, found, &same);
            revoke(&ring, || None);
            assert!(ring.head.load(Relaxed) >= NR, "of an unknown ring nothing");
            revoke(&ring, || Some(NR));
            assert_eq!(ring.head.load(Relaxed), head);
            // Also when others took as many events as there are slots.
            assert!(!commit(&ring, NR, found, head, &same));
            withdraw(&ring, NR, found, &same);
            revoke(&ring, || Some(NR));
            assert_eq!(ring.head.load(Relaxed), head);
        }
    }

    #[test]
    fn a_child_changes_nothing() {
        let (same, other) = relations();
        for head in 0..NR {
            let ring = header(head, (head + 2) % NR);
            let found = look(&ring, NR).unwrap();
            claim(&ring, NR, found, &other);
            assert_eq!(ring.head.load(Relaxed), head);
            claim(&ring, NR, found, &same);
            withdraw(&ring, NR, found, &other);
            assert!(!commit(&ring, NR, found, head, &other));
            assert_eq!(ring.head.load(Relaxed), head + NR);
        }
    }

    #[test]
    fn what_is_no_claim_is_not_revoked() {
        for head in [0, NR - 1, 2 * NR, u32::MAX] {
            let ring = header(head, 0);
            revoke(&ring, || Some(NR));
            assert_eq!(ring.head.load(Relaxed), head);
        }
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
