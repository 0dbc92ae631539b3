//! Cancelling: what nobody has begun yet.

use super::completing::complete_cancelled;
use super::handing_over::{May, hand_over_returned};
use super::ordering;
use super::pinning::leave_chain;
use super::pins::of;
use super::process::{Guard, POOLS, Process};
use super::queue;
use super::ring;
use super::slot::{Index, State};
use super::telling::tell_if_nobody_does;
use super::waiting::{self, Waiter};
use super::words::{self, CLOSED};
use crate::sys::futex;
use crate::sys::signals::Blocked;
use crate::sys::status::Status;

/// How long a helper may take that looks at a stream, or closes a file: as long as copying takes.
const PATIENCE: i64 = 100_000_000;

/// What became of the requests that were to be cancelled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// There was none in flight.
    None,
    /// All.
    All,
    /// Not all: some are in the hands of the kernel or of a helper.
    NotAll,
}

impl Cancelled {
    fn and(self, is_cancelled: bool) -> Cancelled {
        match (self, is_cancelled) {
            (Cancelled::NotAll, _) | (_, false) => Cancelled::NotAll,
            _ => Cancelled::All,
        }
    }
}

/// Cancels the request of one structure.
pub(crate) fn cancel_one(
    process: &'static Process,
    blocked: &Blocked,
    index: Index,
    target: usize,
) -> Cancelled {
    let mut guard = process.take();
    ring::look(&mut guard);
    hand_over_returned(&mut guard, May::NotStart);
    let is_there = |guard: &Guard<'_>| guard.process.table.is_of(index, target);
    let until = futex::now() + PATIENCE;
    while is_there(&guard) {
        if !is_in_hands(&guard, index) || futex::now() > until {
            let is_cancelled = cancel(&mut guard, index);
            settle(&mut guard);
            return Cancelled::None.and(is_cancelled);
        }
        wait_for_helper(&mut guard, blocked, index, until);
    }
    Cancelled::None
}

/// Cancels all requests of a descriptor; not those of another file that had the number before.
pub(crate) fn cancel_all(
    process: &'static Process,
    blocked: &Blocked,
    fd: i32,
    file: &Status,
) -> Cancelled {
    let mut guard = process.take();
    ring::look(&mut guard);
    hand_over_returned(&mut guard, May::NotStart);
    let until = futex::now() + PATIENCE;
    let mut cancelled = Cancelled::None;
    loop {
        let mut tried = 0;
        let mut not_all = false;
        guard.each_of(fd, |guard, index| {
            let named = guard.process.table.slot(index).file;
            if (named.device, named.inode) != (file.device, file.inode) {
                return;
            }
            if is_in_hands(guard, index) && futex::now() <= until {
                tried = index;
            } else if cancel(guard, index) {
                cancelled = cancelled.and(true);
            } else {
                not_all = true;
            }
        });
        if tried == 0 {
            settle(&mut guard);
            return if not_all {
                Cancelled::NotAll
            } else {
                cancelled
            };
        }
        wait_for_helper(&mut guard, blocked, tried, until);
    }
}

/// Whether a request is in the hands of a thread that keeps it for a moment: a helper looks whether there
/// is something to read, or it has ended and the program is being told.
fn is_in_hands(guard: &Guard<'_>, index: Index) -> bool {
    matches!(
        guard.process.table.slot(index).state,
        State::Trying | State::Ended
    )
}

/// Waits until a helper has looked at a stream.
fn wait_for_helper(guard: &mut Guard<'_>, blocked: &Blocked, index: Index, until: i64) {
    let waiter = Waiter::new(blocked, None, false);
    waiting::mark(guard, index, &waiter);
    let words = &guard.process.words;
    let own = words::own();
    let value = guard.before_sleep(own);
    let _ = guard.release(|| words.sleep(own, value, until));
}

/// Waits until the files of what was cancelled are closed: the program may count on that.
fn settle(guard: &mut Guard<'_>) {
    tell_if_nobody_does(guard);
    let until = futex::now() + PATIENCE;
    let words = &guard.process.words;
    for number in 0..POOLS as u8 {
        while guard.pool(number).pins.is_any_dropped() && futex::now() < until {
            let value = guard.before_sleep(CLOSED);
            guard.nudge(number);
            let _ =
                guard.release(|| words.sleep(CLOSED, value, until.min(futex::now() + 5_000_000)));
        }
    }
}

/// Cancels a request that nobody has begun. Whether it was one.
fn cancel(guard: &mut Guard<'_>, index: Index) -> bool {
    let table = &guard.process.table;
    let slot = table.slot(index);
    let (pool, pin_number) = (slot.pool, slot.pin);
    let is_begun = slot.done != 0;
    let queue = match slot.state {
        State::Queued if slot.is_plain => {
            // A stream's, which was ready, and is a helper's to read.
            let way = slot.action.way();
            let pin = guard.pool(pool).pins.pin(pin_number);
            *of(&mut pin.is_busy, way) = false;
            let state = guard.pool(pool);
            state.plain -= 1;
            &mut state.queue
        }
        State::Queued => &mut guard.pool(pool).queue,
        State::Waiting if !is_begun => &mut guard.pool(pool).streams,
        State::Chained => &mut guard.pool(pool).pins.pin(pin_number).chain,
        State::Deferred => {
            ordering::take_back(guard, index);
            drop_pin(guard, index);
            complete_cancelled(guard, index);
            return true;
        }
        _ => return false,
    };
    queue.remove(table, index, queue::by_state);
    if table.slot(index).state == State::Chained {
        table.slot(index).in_chain = false;
    } else {
        leave_chain(guard, pool, index);
    }
    drop_pin(guard, index);
    complete_cancelled(guard, index);
    true
}

/// A request does not need its file any more, which helpers close.
fn drop_pin(guard: &mut Guard<'_>, index: Index) {
    let pool = guard.process.table.slot(index).pool;
    let pin = guard.pin_of(index);
    pin.uses -= 1;
    if pin.uses == 0 {
        pin.is_dropped = true;
        guard.nudge(pool);
    }
}
