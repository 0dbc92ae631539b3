//! Requests that stay when they have ended, until the program collects them: the oldest end first. They are
//! found by the address of the program's structure, which names no other request until then.
//!
//! The program may want a signal when there is something to collect. It is sent by an attendant, if no
//! thread waits to collect: one that was woken is given a moment to come, because it may have left its wait
//! by `longjmp`. One signal stands for all that has ended until then.
//!
//! | an entry | from | to | who |
//! |---|---|---|---|
//! | | new | in flight | a call that submits |
//! | | in flight | kept | who ends it |
//! | | kept | collected: its slot is free | a call that collects |
//! | | in flight | forgotten: its slot is free when it has ended | who cancels it |

use super::process::{Guard, Process};
use super::queue;
use super::slot::{Index, Kind};
use crate::sys::{futex, process, signals};

/// Whether the library has an interface with requests to be collected. Without one the linker is to find
/// none of this in use.
pub(crate) const COLLECTS: bool = cfg!(feature = "solaris");

/// How long a thread may take to come that was woken to collect: as long as a leader is trusted in.
const MOMENT: i64 = 40_000_000;

/// The request of a structure that is in flight, or to be collected; 0: none.
pub(crate) fn find(guard: &mut Guard<'_>, target: usize) -> Index {
    let mut index = *guard.collection.head(target);
    while index != 0 {
        let slot = guard.process.table.slot(index);
        if slot.target_there == target {
            break;
        }
        index = slot.of_target;
    }
    index
}

/// Notes a request of a structure. False: it has another one.
pub(crate) fn add(guard: &mut Guard<'_>, index: Index, target: usize) -> bool {
    if find(guard, target) != 0 {
        return false;
    }
    let head = guard.collection.head(target);
    let next = core::mem::replace(head, index);
    guard.collection.outstanding += 1;
    guard.process.glimpse.count(guard.collection.outstanding);
    let slot = guard.process.table.slot(index);
    slot.is_collected = true;
    slot.of_target = next;
    slot.target_there = target;
    true
}

/// A request that is in flight is not to be collected, nor the program to be told of it.
pub(crate) fn forget(guard: &mut Guard<'_>, index: Index) {
    let slot = guard.process.table.slot(index);
    if !COLLECTS || !slot.is_collected {
        return;
    }
    if slot.notification.kind == Kind::Collection {
        slot.notification.kind = Kind::None;
        guard.to_tell -= 1;
    }
    leave(guard, index);
    if guard.collection.is_empty() {
        // They wait for nothing.
        wake(guard);
    }
}

fn leave(guard: &mut Guard<'_>, index: Index) {
    let table = &guard.process.table;
    let slot = table.slot(index);
    slot.is_collected = false;
    let (target, next) = (slot.target_there, slot.of_target);
    guard.collection.outstanding -= 1;
    guard.process.glimpse.count(guard.collection.outstanding);
    let head = guard.collection.head(target);
    if *head == index {
        *head = next;
        return;
    }
    let mut before = *head;
    while before != 0 {
        let slot = table.slot(before);
        if slot.of_target == index {
            slot.of_target = next;
            return;
        }
        before = slot.of_target;
    }
}

/// Keeps a request that has ended, for the program to collect.
pub(crate) fn keep(guard: &mut Guard<'_>, index: Index) {
    let table = &guard.process.table;
    let signal = match table.slot(index).notification {
        told if told.kind == Kind::Collection => told.signal,
        _ => 0,
    };
    guard.collection.kept.push(table, index, queue::by_state);
    guard.collection.ended += 1;
    if signal == 0 {
        return wake(guard);
    }
    let is_expected = is_one_coming(guard) || guard.leader != 0 && guard.leads_for_program;
    guard.collection.signal = signal;
    guard.collection.signal_at = if is_expected {
        futex::now() + MOMENT
    } else {
        0
    };
}

/// Lets all look again that wait to collect.
fn wake(guard: &mut Guard<'_>) {
    let waiters = core::mem::take(&mut guard.collection.waiters);
    guard.wake(waiters);
}

/// The same at once. They count as coming for a moment, whether or not they find something: a signal is rather late than sent
/// though a thread waits.
pub(crate) fn call(guard: &mut Guard<'_>) {
    let waiters = core::mem::take(&mut guard.collection.waiters);
    let words = &guard.process.words;
    words.change(waiters);
    let woken = words.woken(waiters);
    if woken != 0 {
        let now = futex::now();
        let collection = &mut guard.collection;
        if now >= collection.called_until {
            collection.called = 0;
        }
        collection.called = collection.called.saturating_add(woken);
        collection.called_until = now + MOMENT;
    }
}

/// Whether a thread comes that waited, for one that has ended. Each is for one.
fn is_one_coming(guard: &mut Guard<'_>) -> bool {
    call(guard);
    let collection = &mut guard.collection;
    let is_any = collection.called != 0 && futex::now() < collection.called_until;
    if is_any {
        collection.called -= 1;
    }
    is_any
}

/// The structure of the request whose end is the oldest one that was not collected.
pub(crate) fn collect(guard: &mut Guard<'_>) -> Option<usize> {
    let table = &guard.process.table;
    let index = guard.collection.kept.pop(table, queue::by_state)?;
    let target = table.slot(index).target_there;
    guard.process.glimpse.collected();
    leave(guard, index);
    guard.free_slot(index);
    // Nobody waits, though this may have been the last: nobody begins to while one is kept.
    Some(target)
}

/// The program calls to collect: it does not look at its structures alone.
pub(crate) fn begin(guard: &mut Guard<'_>) {
    guard.process.glimpse.begin();
    guard.is_polling = false;
}

/// Whether there is nothing to collect yet, and it is no use to look closer.
pub(crate) fn is_nothing_to_be_seen(process: &Process) -> bool {
    let is_nothing = process.glimpse.shows_none() && !process.ring.has_unread();
    if is_nothing {
        process.glimpse.begin();
    }
    is_nothing
}

/// A request is about to be seen to have ended: from then on a call is to find it.
pub(crate) fn announce(guard: &mut Guard<'_>, index: Index) {
    if COLLECTS && guard.process.table.slot(index).is_collected {
        guard.process.glimpse.announce();
    }
}

/// A thread waits to collect.
pub(crate) fn mark(guard: &mut Guard<'_>, mark: u64) {
    guard.collection.waiters |= mark;
}

/// Whether the signal is to be sent, now or later.
pub(crate) fn is_to_be_told(guard: &mut Guard<'_>) -> bool {
    let collection = &guard.collection;
    COLLECTS
        && collection.signal != 0
        && !collection.kept.is_empty()
        && collection.ended != collection.signalled
}

/// Sends the signal, if that is to be. False: later.
pub(crate) fn call_program(guard: &mut Guard<'_>) -> bool {
    if !is_to_be_told(guard) {
        return true;
    }
    if guard.collection.signal_at != 0 && futex::now() < guard.collection.signal_at {
        return false;
    }
    guard.collection.signalled = guard.collection.ended;
    let signal = guard.collection.signal;
    // Without a handler it would end the process.
    if signals::has_handler(signal) {
        process::send_signal(signal);
    }
    true
}
