//! Telling the program of all that has ended.

use super::collecting;
use super::completing::{publish, send};
use super::notifying::{self, Untold};
use super::process::{Guard, PROCESS};
use super::queue::{self, Queue};
use super::slot::Kind;
use crate::sys::futex;

/// The first pause before something is told again that could not be, and the longest.
pub(crate) const PAUSE: i64 = 1_000_000;
/// See [`PAUSE`].
pub(crate) const LONGEST_PAUSE: i64 = 50_000_000;

/// Tells all. False: something could not be told, and is to be later.
pub(crate) fn tell_all(guard: &mut Guard<'_>) -> bool {
    let table = &guard.process.table;
    // What cannot be told now is not tried again in this round.
    let mut untold = Queue::default();
    while let Some(index) = guard.told.pop(table, queue::by_state) {
        let notification = table.slot(index).notification;
        let is_told = if notification.kind == Kind::Call {
            // The new thread looks at the result.
            publish(guard, index);
            let told = guard.release(|| notifying::tell(&notification, &PROCESS.calls));
            let is_told = !matches!(told, Err(Untold::ForNow));
            if is_told {
                guard.to_tell -= 1;
                guard.free_slot(index);
            }
            is_told
        } else {
            send(guard, index, &notification)
        };
        if !is_told {
            untold.push(table, index, queue::by_state);
        }
    }
    let is_all = untold.is_empty() & collecting::call_program(guard);
    while let Some(index) = untold.pop(table, queue::by_state) {
        guard.told.push(table, index, queue::by_state);
    }
    is_all
}

/// The same, for a call of the program when no attendant can be had.
#[cold]
fn tell_here(guard: &mut Guard<'_>) {
    let mut pause = PAUSE;
    while !tell_all(guard) && pause <= LONGEST_PAUSE {
        guard.release(|| futex::sleep(pause as _));
        pause *= 2;
    }
}

/// Where no attendant can be had, the calls of the program tell it.
pub(crate) fn tell_if_nobody_does(guard: &mut Guard<'_>) {
    let is_any = !guard.told.is_empty() || collecting::is_to_be_told(guard);
    if is_any && !guard.has_notifier && !guard.has_watcher {
        tell_here(guard);
    }
}
