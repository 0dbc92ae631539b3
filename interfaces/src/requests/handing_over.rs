//! A request goes to a pool, with its file, or is carried out by the thread that has it in its hands.

use super::carrying_out::{as_result, attempt, carry_out, is_nameless};
use super::completing::complete;
use super::ordering;
use super::process::{Guard, SHARED};
use super::queue;
use super::ring;
use super::slot::{Action, File, Index, State};
use super::streams;
use crate::staff::link::Unsent;
use crate::sync::Ordering::Acquire;
use crate::sys::errno::Errno;
use crate::sys::files::{self, Way};
use crate::sys::process::{self, Stack};
use crate::sys::signals::{self, Signals};
use crate::sys::{futex, status};

/// How often it is tried to send a file for which there is no room at the moment: some 10 ms.
const TURNS: u32 = 100;

/// What a thread may do for a request that it hands over.
#[derive(Clone, Copy)]
pub(crate) enum May {
    /// Start threads: the signal mask of the thread.
    Start(Signals),
    /// Not that: a call that signal handlers may make.
    NotStart,
}

/// Hands over what the kernel has given back, but for what the call that submitted it hands over.
pub(crate) fn hand_over_returned(guard: &mut Guard<'_>, may: May) {
    let table = &guard.process.table;
    let mut index = guard.returned.first;
    while index != 0 {
        let slot = table.slot(index);
        if slot.is_submitting {
            index = slot.links.next;
            continue;
        }
        guard.returned.remove(table, index, queue::by_state);
        hand_over(guard, index, may);
        // The lock may have been free.
        index = guard.returned.first;
    }
}

/// Hands a request over that is in no queue.
pub(crate) fn hand_over(guard: &mut Guard<'_>, index: Index, may: May) {
    if !try_to(guard, index, may) {
        carry_out_here(guard, index);
    }
}

/// The same; false: it is a stream's, and nobody can wait for that.
pub(crate) fn hand_over_or_refuse(guard: &mut Guard<'_>, index: Index, may: May) -> bool {
    let is_stream = guard.process.table.slot(index).is_stream;
    let is_taken = try_to(guard, index, may);
    if !is_taken && !is_stream {
        carry_out_here(guard, index);
    }
    is_taken || !is_stream
}

/// Lets a pool have a request. False: no pool can have its file.
fn try_to(guard: &mut Guard<'_>, index: Index, may: May) -> bool {
    let table = &guard.process.table;
    let slot = table.slot(index);
    let (fd, file, action) = (slot.fd, slot.file, slot.action);
    let in_order = !slot.is_stream && action == Action::Write && is_in_order(file.flags);
    let is_stream = slot.is_stream;
    let must_be_it = slot.is_late;
    let mut place = find_place(guard, fd, &file, in_order || is_stream, may);
    if let Some(place) = place.as_ref().filter(|place| must_be_it && place.is_sent) {
        guard.pool(place.pool).pins.pin(place.pin).must_be_it = true;
    }
    if place.is_none() && is_stream {
        place = borrow(guard, fd, &file, may);
    }
    let Some(Place { pool, pin, is_sent }) = place else {
        return false;
    };
    let slot = table.slot(index);
    (slot.pool, slot.pin) = (pool, pin);
    slot.is_ordered = in_order || is_stream;
    if action.is_sync() {
        let pending = ordering::earlier(guard, index);
        if pending != 0 {
            ordering::defer(guard, index, pending);
            return true;
        }
    }
    ordering::enter(guard, index, is_sent);
    true
}

/// Whether writes to a file are carried out in the order of the calls: if they are appended; and if they
/// go to the page cache, where the file system lets only one write at a time.
fn is_in_order(flags: i32) -> bool {
    let is_cached = flags & (libc::O_DIRECT | libc::O_DSYNC) == 0;
    flags & libc::O_APPEND != 0 || is_cached
}

/// Where a request's file is.
struct Place {
    pool: u8,
    pin: u32,
    /// Whether it was sent there for this request.
    is_sent: bool,
}

/// A pool that has the file, or gets it. None: there is none, or it cannot get it.
fn find_place(
    guard: &mut Guard<'_>,
    fd: i32,
    file: &File,
    in_order: bool,
    may: May,
) -> Option<Place> {
    for turn in 0..TURNS {
        match send(guard, fd, file, in_order) {
            Ok(place) => return Some(place),
            Err(Unsent::Refused) => return None,
            Err(Unsent::Full) => {
                guard.release(|| futex::sleep(100_000));
            }
            Err(Unsent::Unreachable) => match may {
                May::Start(mask) if turn == 0 && start_pool(guard, mask) => {}
                _ => return None,
            },
        }
    }
    None
}

/// The same, with the pools that there are.
fn send(guard: &mut Guard<'_>, fd: i32, file: &File, in_order: bool) -> Result<Place, Unsent> {
    let is_alone = is_nameless(file.mode);
    let mut unsent = Unsent::Unreachable;
    for pool in 0..SHARED {
        let state = guard.pool(pool);
        if !state.is_open || is_alone {
            continue;
        }
        if let Some(pin) = state.pins.find(fd, file, in_order) {
            state.pins.pin(pin).uses += 1;
            return Ok(Place {
                pool,
                pin,
                is_sent: false,
            });
        }
    }
    for pool in 0..SHARED {
        let process = guard.process;
        let state = guard.pool(pool);
        if !state.is_open {
            continue;
        }
        let pin = if state.pins.have_room() {
            state.pins.add(fd, *file, is_alone)
        } else {
            None
        };
        let Some(pin) = pin else {
            unsent = Unsent::Refused;
            continue;
        };
        match process.pool(pool).link.send(pin as usize + 1, &[fd]) {
            Ok(()) => {
                return Ok(Place {
                    pool,
                    pin,
                    is_sent: true,
                });
            }
            Err(error) => {
                state.pins.free(pin);
                if error != Unsent::Unreachable {
                    unsent = error;
                }
            }
        }
    }
    Err(unsent)
}

/// Starts a pool. False: there can be none.
#[cold]
fn start_pool(guard: &mut Guard<'_>, mask: Signals) -> bool {
    let process = guard.process;
    for (number, pool) in process.pools.iter().enumerate().take(SHARED as usize) {
        let state = guard.pool(number as u8);
        // Acquire: pairs with the end of the last thread of an earlier pool.
        let is_free = !state.is_open && pool.link.alive.load(Acquire) == 0;
        if !is_free && !state.is_starting {
            continue;
        }
        if is_free && !streams::prepare(guard, number as u8) {
            return false;
        }
        let state = guard.pool(number as u8);
        if is_free {
            state.is_starting = true;
            state.is_open = true;
            state.is_cut_off = false;
        }
        // SAFETY: it is part of the state, which stays.
        let is_there = guard.release(|| unsafe { pool.link.start(pool, mask) });
        let state = guard.pool(number as u8);
        if is_free {
            state.is_starting = false;
            state.is_open = is_there;
        }
        if is_there {
            wait_for_second(guard, number as u8);
        }
        return is_there;
    }
    false
}

/// Waits until the first helper of a pool has started the second.
fn wait_for_second(guard: &mut Guard<'_>, number: u8) {
    for _ in 0..TURNS {
        if guard.pool(number).is_settled {
            return;
        }
        guard.release(|| futex::sleep(20_000));
    }
}

/// Lets the pool have a stream that is in the program's table: under a number of its own, or else under
/// the program's, which is looked at before each use.
#[cold]
fn borrow(guard: &mut Guard<'_>, fd: i32, file: &File, may: May) -> Option<Place> {
    let process = guard.process;
    let pool = process.pool(SHARED);
    if !guard.pool(SHARED).is_open {
        if matches!(may, May::NotStart) || !streams::prepare(guard, SHARED) {
            return None;
        }
        let state = guard.pool(SHARED);
        state.is_open = true;
        state.there = 1;
        // Exit handlers may run there, if the other threads end before it.
        // SAFETY: it is part of the state, which stays.
        let is_there = guard.release(|| unsafe {
            process::start_thread(pool, Stack::Ordinary)
                || process::start_thread(pool, Stack::Small)
        });
        if !is_there {
            let state = guard.pool(SHARED);
            state.is_open = false;
            state.there = 0;
            return None;
        }
    }
    let state = guard.pool(SHARED);
    let pin = state.pins.add(fd, *file, true)?;
    let copy = files::duplicate(fd);
    let shared = state.pins.pin(pin);
    shared.is_borrowed = copy.is_err();
    shared.number = copy.unwrap_or(fd);
    Some(Place {
        pool: SHARED,
        pin,
        is_sent: false,
    })
}

/// Carries a request out in this thread, which has its signals blocked: no helper can be had, or none
/// can get the file.
#[cold]
fn carry_out_here(guard: &mut Guard<'_>, index: Index) {
    let table = &guard.process.table;
    let slot = table.slot(index);
    let (fd, file, action, is_stream) = (slot.fd, slot.file, slot.action, slot.is_stream);
    slot.state = State::Running;
    if action.is_sync() {
        wait_for_earlier(guard, index);
    }
    let slot = table.slot(index);
    let (buffer, length, offset) = (slot.buffer, slot.length, slot.offset);
    let result = guard.release(|| {
        let found = status::of(fd);
        if !found.is_ok_and(|found| (found.device, found.inode) == (file.device, file.inode)) {
            return Err(Errno::EBADF);
        }
        let way = action.way();
        if is_stream && length != 0 && file.flags & libc::O_NONBLOCK == 0 {
            return attempt(way, fd, buffer, length);
        }
        let result = carry_out(action, fd, buffer, length, offset, is_stream);
        // As in a helper, the error is all that the program sees of it.
        if way == Way::Out && matches!(result, Err(Errno::EPIPE | Errno::EFBIG)) {
            signals::discard_those_of_writes();
        }
        result
    });
    complete(guard, index, as_result(result));
}

/// Waits until the requests that a sync covers have ended.
fn wait_for_earlier(guard: &mut Guard<'_>, index: Index) {
    while ordering::earlier(guard, index) != 0 {
        ring::look(guard);
        hand_over_returned(guard, May::NotStart);
        if ordering::earlier(guard, index) != 0 {
            guard.release(|| futex::sleep(1_000_000));
        }
    }
}
