//! What is carried out in the order of the calls, and what waits for earlier requests.
//!
//! Requests that are *ordered* are appended writes, writes to the page cache, and the reads and the writes
//! of a stream. Those of one pin follow each other by themselves: in the list of the pool's streams, or
//! behind one another in the pin's chain. One whose pin is not that of all earlier ones of its descriptor
//! and direction is deferred until these have ended: the program has changed the file's flags, or the file
//! is one that only its own request can share. A sync is deferred in any case, until the earlier requests of
//! its descriptor that are not of streams have ended.

use super::process::{Guard, SHARED};
use super::queue;
use super::slot::{File, Index, Slot, State};

/// Requests of the same file and descriptor that come before a sync, or before one that is ordered and whose
/// pool and pin are known; and whether one of the latter is not in line before it with its pin.
#[inline(never)]
fn before(guard: &mut Guard<'_>, index: Index) -> (u32, bool) {
    let table = &guard.process.table;
    let slot = table.slot(index);
    let (fd, file, sequence, is_ordered) = (slot.fd, slot.file, slot.sequence, slot.is_ordered);
    let (way, place) = (slot.action.way(), (slot.pool, slot.pin));
    let mut count = 0;
    let mut is_elsewhere = false;
    guard.each_of(fd, |_, other| {
        let other = table.slot(other);
        let is_meant = if is_ordered {
            other.is_ordered && other.action.way() == way
        } else {
            other.is_counted
        };
        if is_meant && other.sequence < sequence && is_same(&other.file, &file) {
            count += 1;
            is_elsewhere |= (other.pool, other.pin) != place || other.state == State::Deferred;
        }
    });
    (count, is_elsewhere)
}

/// Requests of the same file and descriptor that a sync is to cover.
pub(crate) fn earlier(guard: &mut Guard<'_>, sync: Index) -> u32 {
    before(guard, sync).0
}

/// Defers a request that waits for so many earlier ones.
pub(crate) fn defer(guard: &mut Guard<'_>, index: Index, pending: u32) {
    let table = &guard.process.table;
    let slot = table.slot(index);
    slot.pending = pending;
    slot.state = State::Deferred;
    guard.deferred_in_order += u32::from(slot.is_ordered);
    guard.deferred.push(table, index, queue::by_state);
}

/// A request is deferred no more.
pub(crate) fn take_back(guard: &mut Guard<'_>, index: Index) {
    let table = &guard.process.table;
    guard.deferred_in_order -= u32::from(table.slot(index).is_ordered);
    guard.deferred.remove(table, index, queue::by_state);
}

/// Lets a pool carry out a request whose file it has: at once, or after earlier ones. `is_sent`: its pin was made
/// for it, by a message, which calls the helper that watches.
pub(crate) fn enter(guard: &mut Guard<'_>, index: Index, is_sent: bool) {
    let slot = guard.process.table.slot(index);
    // No requests share a pin of those in the program's table.
    let is_alone = is_sent || slot.pool == SHARED;
    if slot.is_ordered && (is_alone || guard.deferred_in_order != 0) {
        let (pending, is_elsewhere) = before(guard, index);
        if is_elsewhere {
            return defer(guard, index, pending);
        }
    }
    line_up(guard, index, is_sent);
}

/// The same, of a request that nothing elsewhere comes before.
#[inline(never)]
fn line_up(guard: &mut Guard<'_>, index: Index, is_sent: bool) {
    let table = &guard.process.table;
    let slot = table.slot(index);
    let (pool, pin) = (slot.pool, slot.pin);
    if slot.is_stream {
        slot.state = State::Waiting;
        guard.pool(pool).streams.push(table, index, queue::by_state);
        if !is_sent {
            guard.nudge(pool);
        }
        return;
    }
    slot.in_chain = slot.is_ordered;
    let state = guard.pool(pool);
    if slot.in_chain {
        let pin = state.pins.pin(pin);
        if pin.is_chained {
            slot.state = State::Chained;
            pin.chain.push(table, index, queue::by_state);
            return;
        }
        pin.is_chained = true;
    }
    slot.state = State::Queued;
    state.queue.push(table, index, queue::by_state);
    if !(is_sent && state.is_watched) {
        guard.call_helper(pool);
    }
}

/// No later sync waits for a request any more: it turns out to be a stream's.
pub(crate) fn uncount_for_syncs(guard: &mut Guard<'_>, index: Index) {
    if core::mem::take(&mut guard.process.table.slot(index).is_counted) {
        release(guard, index, true, false);
    }
}

/// A request has ended: lets those go on that waited for nothing else.
pub(crate) fn uncount(guard: &mut Guard<'_>, index: Index) {
    let slot = guard.process.table.slot(index);
    let was_counted = core::mem::take(&mut slot.is_counted);
    let was_ordered = core::mem::take(&mut slot.is_ordered);
    if (was_counted || was_ordered) && !guard.deferred.is_empty() {
        release(guard, index, was_counted, was_ordered);
    }
}

fn release(guard: &mut Guard<'_>, ended: Index, was_counted: bool, was_ordered: bool) {
    let table = &guard.process.table;
    let slot = table.slot(ended);
    let (fd, file, sequence, way) = (slot.fd, slot.file, slot.sequence, slot.action.way());
    let waits_for_it = |other: &Slot| {
        let is_later = other.sequence > sequence && other.fd == fd && is_same(&other.file, &file);
        let is_meant = if other.is_ordered {
            was_ordered && other.action.way() == way
        } else {
            was_counted
        };
        is_later && is_meant
    };
    let mut index = guard.deferred.first;
    while index != 0 {
        let other = table.slot(index);
        let next = other.links.next;
        if waits_for_it(other) {
            other.pending -= 1;
            if other.pending == 0 {
                take_back(guard, index);
                line_up(guard, index, false);
            }
        }
        index = next;
    }
}

/// Whether two descriptors name the same file, opened in whatever way.
pub(crate) fn is_same(one: &File, other: &File) -> bool {
    (one.device, one.inode) == (other.device, other.inode)
}
