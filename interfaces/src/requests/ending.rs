//! The end of the process by `exit(3)`: what was accepted for files is carried out. What waits for data
//! is dropped; of what is written to a stream, as much goes as has room, and nothing after that.
//! The program is told nothing of that: its structures may have been in the frame of `main`.

use super::handing_over::{May, hand_over_returned};
use super::pins::of;
use super::process::{Guard, POOLS, PROCESS};
use super::ring;
use super::slot::{Action, Index};
use super::table::Table;
use super::words::END;
use crate::sys::futex;
use crate::sys::signals::Blocked;

/// How often it is looked again, without being woken.
const LOOK: i64 = 5_000_000;

/// Waits until all is carried out that can be.
pub(crate) fn drain() {
    if !PROCESS.is_in_use() {
        return;
    }
    let blocked = Blocked::new();
    let mut guard = PROCESS.take();
    guard.is_ending = true;
    guard.last_told = guard.newest();
    for pool in 0..POOLS as u8 {
        guard.nudge(pool);
    }
    loop {
        ring::look(&mut guard);
        hand_over_returned(&mut guard, May::Start(blocked.before()));
        if is_done(&mut guard) {
            return;
        }
        let words = &PROCESS.words;
        let value = guard.before_sleep(END);
        // The program's handlers run, and may end the process otherwise.
        let sleep = || words.sleep(END, value, futex::now() + LOOK);
        let _ = guard.release(|| blocked.open(sleep));
    }
}

/// Whether nothing is left but what waits for data or room.
fn is_done(guard: &mut Guard<'_>) -> bool {
    let table = &guard.process.table;
    // What is deferred behind a stream's that waits is dropped as that is.
    if guard.in_kernel != 0 || is_any_of_a_file(table, guard.deferred.first) {
        return false;
    }
    for pool in 0..POOLS as u8 {
        let mut index = guard.pool(pool).streams.first;
        while index != 0 {
            let slot = table.slot(index);
            let is_write = slot.action == Action::Write;
            let way = slot.action.way();
            let pin = guard.pin_of(index);
            // Its turn has not come, or there may be room.
            if is_write && (!pin.was_full || *of(&mut pin.is_ready, way)) {
                return false;
            }
            index = table.slot(index).links.next;
        }
        let state = guard.pool(pool);
        if state.at_files != 0 || is_any_of_a_file(table, state.queue.first) {
            return false;
        }
    }
    true
}

/// Whether one request of a queue is none of a stream's.
#[inline(never)]
fn is_any_of_a_file(table: &Table, mut index: Index) -> bool {
    while index != 0 {
        let slot = table.slot(index);
        if !slot.is_stream {
            return true;
        }
        index = slot.links.next;
    }
    false
}
