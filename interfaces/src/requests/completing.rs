//! A request ends: the program's structure gets the result, and whoever waits is told.
//!
//! Where the program is to be told by a signal, the signal is sent first: who sees the result, or returns
//! from a wait for it, has got the signal too, as with the C library. A handler that asks for the result
//! meanwhile waits for the lock. Only threads of the library send signals: in a call of the program the
//! handler would run there each time.

use super::collecting::{self, COLLECTS};
use super::notifying::{self, Untold};
use super::ordering;
use super::process::{Guard, PROCESS};
use super::queue;
use super::slot::{Index, Kind, Notification, State};
use super::words::{END, NOTIFIER, WATCHER};
use crate::sync::Ordering::Relaxed;
use crate::sys::errno::Errno;

/// Ends a request that is in no queue of its state: `result` is a count or `-errno`.
pub(crate) fn complete(guard: &mut Guard<'_>, index: Index, result: i64) {
    let table = &guard.process.table;
    let slot = table.slot(index);
    slot.result = result;
    slot.state = State::Ended;
    ordering::uncount(guard, index);
    if guard.is_ending {
        guard.wake_attendant(END);
    }
    tell_of(guard, index);
}

/// The same, of a request that is cancelled: its result is there when the call returns, and the program is
/// told later.
pub(crate) fn complete_cancelled(guard: &mut Guard<'_>, index: Index) {
    let cancelled = Errno::ECANCELED.negated().into();
    guard.process.table.slot(index).result = cancelled;
    collecting::forget(guard, index);
    publish(guard, index);
    complete(guard, index, cancelled);
}

/// Tells of a request that has ended, or of a list, as far as this thread may.
fn tell_of(guard: &mut Guard<'_>, index: Index) {
    if COLLECTS && guard.process.table.slot(index).sequence <= guard.last_told {
        // The process ends: of what has no result nobody is to hear, and nobody to collect it.
        collecting::forget(guard, index);
    }
    let slot = guard.process.table.slot(index);
    let notification = slot.notification;
    match notification.kind {
        Kind::None => {
            collecting::announce(guard, index);
            publish(guard, index);
            leave_or_keep(guard, index);
        }
        Kind::Collection if COLLECTS => {
            collecting::announce(guard, index);
            publish(guard, index);
            guard.to_tell -= 1;
            leave_or_keep(guard, index);
            guard.wake_attendant(attendant(guard));
        }
        _ if slot.sequence <= guard.last_told => {
            // The process ends, and nobody wants to know.
            publish(guard, index);
            guard.to_tell -= 1;
            guard.free_slot(index);
        }
        Kind::Signal | Kind::ThreadSignal if guard.may_send => {
            if !send(guard, index, &notification) {
                leave_it(guard, index);
            }
        }
        _ => leave_it(guard, index),
    }
}

/// Sends the signal of what has ended, and ends it. False: that cannot be done now; the program sees the
/// result all the same.
pub(crate) fn send(guard: &mut Guard<'_>, index: Index, notification: &Notification) -> bool {
    // From here on the handler waits for the lock.
    guard.process.table.slot(index).target.store(0, Relaxed);
    let told = notifying::tell(notification, &PROCESS.calls);
    publish(guard, index);
    if matches!(told, Err(Untold::ForNow)) {
        return false;
    }
    guard.to_tell -= 1;
    guard.free_slot(index);
    true
}

/// Leaves it to an attendant to tell the program.
fn leave_it(guard: &mut Guard<'_>, index: Index) {
    let table = &guard.process.table;
    guard.told.push(table, index, queue::by_state);
    guard.wake_attendant(attendant(guard));
}

/// The word of the one who tells the program.
fn attendant(guard: &Guard<'_>) -> u32 {
    if guard.has_notifier {
        NOTIFIER
    } else {
        WATCHER
    }
}

/// Nobody needs the slot any more, but perhaps the program, which is to collect the request.
fn leave_or_keep(guard: &mut Guard<'_>, index: Index) {
    if COLLECTS && guard.process.table.slot(index).is_collected {
        collecting::keep(guard, index);
    } else {
        guard.free_slot(index);
    }
}

/// Lets the program see the result, and wakes who waits for it. Of a list there is nothing to see.
pub(crate) fn publish(guard: &mut Guard<'_>, index: Index) {
    let slot = guard.process.table.slot(index);
    if slot.state == State::List || slot.is_published {
        return;
    }
    slot.is_published = true;
    let (list, waiters, result, target) = (slot.list, slot.waiters, slot.result, slot.target_there);
    slot.target.store(0, Relaxed);
    // Where the process ends, the structure may be gone with the frame of main.
    if slot.sequence > guard.last_told {
        if let Some(store) = slot.store {
            // SAFETY: the program keeps the structure until it finds the result there.
            unsafe { store(target, index, result) };
        }
    }
    guard.forget(index);
    guard.wake(waiters);
    if list != 0 {
        leave_list(guard, list);
    }
}

/// A request of a list has ended, or all were submitted.
pub(crate) fn leave_list(guard: &mut Guard<'_>, list: Index) {
    let slot = guard.process.table.slot(list);
    slot.pending -= 1;
    if slot.pending == 0 {
        tell_of(guard, list);
    }
}
