//! A request ends: the program's structure gets the result, and whoever waits is told.

use super::process::Guard;
use super::queue;
use super::slot::{Action, File, Index, Kind, State};
use super::words::{END, NOTIFIER, WATCHER};
use crate::sync::Ordering::Relaxed;

/// Ends a request that is in no queue of its state: `result` is a count or `-errno`.
pub(crate) fn complete(guard: &mut Guard<'_>, index: Index, result: i64) {
    guard.forget(index);
    let table = &guard.process.table;
    let slot = table.slot(index);
    let (fd, file, sequence) = (slot.fd, slot.file, slot.sequence);
    let is_waited_for = counts(slot.action, slot.is_stream);
    let (list, waiters) = (slot.list, slot.waiters);
    let must_tell = slot.notification.kind != Kind::None;
    let target = slot.target.load(Relaxed);
    slot.target.store(0, Relaxed);
    slot.state = State::Ended;
    if let Some(store) = slot.store {
        // SAFETY: the program keeps the structure until it finds the result there.
        unsafe { store(target, index, result) };
    }
    guard.wake(waiters);
    if guard.is_ending {
        guard.wake_attendant(END);
    }
    if is_waited_for && !guard.deferred.is_empty() {
        release_syncs(guard, fd, &file, sequence);
    }
    if list != 0 {
        leave_list(guard, list);
    }
    if must_tell {
        tell(guard, index);
    } else {
        guard.free_slot(index);
    }
}

/// Whether a later sync waits for such a request.
pub(crate) fn counts(action: Action, is_stream: bool) -> bool {
    !action.is_sync() && !is_stream
}

/// A request of a list has ended, or all were submitted.
pub(crate) fn leave_list(guard: &mut Guard<'_>, list: Index) {
    let slot = guard.process.table.slot(list);
    slot.pending -= 1;
    if slot.pending == 0 {
        tell(guard, list);
    }
}

/// Lets the program be told of what has ended.
fn tell(guard: &mut Guard<'_>, index: Index) {
    let table = &guard.process.table;
    guard.told.push(table, index, queue::by_state);
    let attendant = if guard.has_notifier {
        NOTIFIER
    } else {
        WATCHER
    };
    guard.wake_attendant(attendant);
}

/// Lets the syncs go on that waited for nothing else than this request.
fn release_syncs(guard: &mut Guard<'_>, fd: i32, file: &File, sequence: u64) {
    let table = &guard.process.table;
    let mut index = guard.deferred.first;
    while index != 0 {
        let sync = table.slot(index);
        let next = sync.links.next;
        let is_later = sync.sequence > sequence;
        if is_later && sync.fd == fd && is_same(&sync.file, file) {
            sync.pending -= 1;
            if sync.pending == 0 {
                let pool = sync.pool;
                sync.state = State::Queued;
                guard.deferred.remove(table, index, queue::by_state);
                guard.pool(pool).queue.push(table, index, queue::by_state);
                guard.call_helper(pool);
            }
        }
        index = next;
    }
}

/// Whether two descriptors name the same file, opened in whatever way.
pub(crate) fn is_same(one: &File, other: &File) -> bool {
    (one.device, one.inode) == (other.device, other.inode)
}
