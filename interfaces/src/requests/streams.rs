//! Requests of pipes, sockets, terminals and all else that one waits for: the helper that watches asks
//! whether there is data or room, and then reads or writes without waiting. So a request that waits
//! takes no thread, and can be cancelled.
//!
//! Requests of one file and direction are carried out in the order of the calls.

use core::ffi::c_int;

use super::carrying_out::{as_result, attempt, carry_out, events};
use super::pinning::{close_dropped, finish, is_still, receive};
use super::pins::{self, Pin, SENT, of};
use super::process::{Guard, SHARED};
use super::queue;
use super::slot::{Action, Index, State};
use crate::sys::errno::Errno;
use crate::sys::files::{self, Way};
use crate::sys::{eventfd, futex, memory};

/// How long the helper that watches sleeps at a time without a bell.
const UNCALLED: i64 = 10_000_000;
/// A pool's files, the link and the bell.
const ENTRIES: usize = pins::MOST + 2;
/// After so many false alarms in a row a file is asked about again only so many nanoseconds later.
const ALARMS: u8 = 3;
/// See [`ALARMS`].
const REST: i64 = 5_000_000;

/// A request waits, as the last of its file.
pub(crate) fn wait_again(guard: &mut Guard<'_>, number: u8, index: Index) {
    let table = &guard.process.table;
    let slot = table.slot(index);
    slot.state = State::Waiting;
    let waiters = slot.waiters;
    guard
        .pool(number)
        .streams
        .push(table, index, queue::by_state);
    // Who cancels it may try again.
    guard.wake(waiters);
    guard.nudge(number);
}

/// Sleeps until something comes by the link, or a stream of those that are waited for is ready; and
/// carries its requests out. False: a second went by, and there was nothing.
pub(crate) fn watch(guard: &mut Guard<'_>, number: u8, socket: c_int) -> bool {
    receive(guard, number, socket);
    close_dropped(guard, number);
    if pass(guard, number) || !guard.pool(number).queue.is_empty() {
        return true;
    }
    let watched = Watched::list(guard, number, socket);
    let is_anything = guard.release(|| watched.sleep());
    let state = guard.pool(number);
    let was_called = core::mem::take(&mut state.looks_again);
    if was_called {
        eventfd::empty(state.bell);
    }
    if is_anything {
        watched.note(guard, number);
        receive(guard, number, socket);
        pass(guard, number);
    }
    is_anything || was_called
}

/// Maps what the helpers of a pool need. False: there is no memory.
pub(crate) fn prepare(guard: &mut Guard<'_>, number: u8) -> bool {
    let state = guard.pool(number);
    if state.watched == 0 {
        let room = memory::map_zeroes(ENTRIES * size_of::<libc::pollfd>());
        state.watched = room.map_or(0, |room| room.expose_provenance());
    }
    state.watched != 0 && state.pins.prepare()
}

/// What is asked of the kernel.
struct Watched {
    entries: *mut libc::pollfd,
    count: usize,
    timeout: i64,
}

impl Watched {
    /// The link, the bell, and each file for which a request waits.
    fn list(guard: &mut Guard<'_>, number: u8, socket: c_int) -> Watched {
        let table = &guard.process.table;
        let state = guard.pool(number);
        let entries: *mut libc::pollfd = core::ptr::with_exposed_provenance_mut(state.watched);
        let mut count = 0;
        let mut add = |fd, events| {
            // SAFETY: there is room for more than there are pins.
            unsafe {
                entries.add(count).write(libc::pollfd {
                    fd,
                    events,
                    revents: 0,
                });
            }
            count += 1;
        };
        add(if state.is_cut_off { -1 } else { socket }, libc::POLLIN);
        add(state.bell, libc::POLLIN);
        let now = futex::now();
        let is_called = state.bell >= 0;
        let longest = if is_called {
            guard.process.idle_time()
        } else {
            UNCALLED
        };
        let state = guard.pool(number);
        let mut until = now + longest;
        for pin in 0..state.pins.reach {
            let pin = state.pins.pin(pin);
            pin.wanted = 0;
        }
        let mut index = state.streams.first;
        while index != 0 {
            let slot = table.slot(index);
            let way = slot.action.way();
            let pin = state.pins.pin(slot.pin);
            if slot.deadline != 0 {
                until = until.min(slot.deadline);
            }
            if pin.number >= 0 && !*of(&mut pin.is_busy, way) {
                if pin.rests_until > now {
                    until = until.min(pin.rests_until);
                } else {
                    pin.wanted |= events(way);
                }
            }
            index = slot.links.next;
        }
        for pin in 0..state.pins.reach {
            let pin = state.pins.pin(pin);
            if pin.is_used {
                add(if pin.wanted == 0 { -1 } else { pin.number }, pin.wanted);
            } else {
                add(-1, 0);
            }
        }
        Watched {
            entries,
            count,
            timeout: (until - now).max(0),
        }
    }

    /// Whether something came.
    fn sleep(&self) -> bool {
        // SAFETY: so many entries are there, and nobody else watches.
        let ready = unsafe { files::poll_all(self.entries, self.count, self.timeout) };
        match ready {
            Ok(count) => count != 0 || self.timeout < UNCALLED,
            Err(Errno::EINTR) => true,
            Err(_) => {
                // More than the process may have open. All is tried as time goes by.
                futex::sleep(self.timeout.min(UNCALLED) as _);
                for entry in 0..self.count {
                    // SAFETY: as above.
                    unsafe { (*self.entries.add(entry)).revents = libc::POLLERR };
                }
                self.count > 2
            }
        }
    }

    /// Notes what is ready.
    fn note(&self, guard: &mut Guard<'_>, number: u8) {
        let state = guard.pool(number);
        for pin_number in 0..(self.count - 2).min(state.pins.reach as usize) {
            // SAFETY: it is below the count.
            let entry = unsafe { *self.entries.add(pin_number + 2) };
            let pin = state.pins.pin(pin_number as u32);
            if pin.is_used && pin.number == entry.fd && entry.revents != 0 {
                let is = |event| entry.revents & (event | libc::POLLHUP | libc::POLLERR) != 0;
                pin.is_ready = [is(libc::POLLIN), is(libc::POLLOUT)];
            }
        }
    }
}

/// Carries out what waits and does not have to. Whether there was anything.
fn pass(guard: &mut Guard<'_>, number: u8) -> bool {
    let table = &guard.process.table;
    let is_ending = guard.is_ending;
    let mut did_something = false;
    let mut now = 0;
    let mut index = from_the_first(guard, number);
    while index != 0 {
        let slot = table.slot(index);
        let way = slot.action.way();
        if slot.deadline != 0 && now == 0 {
            now = futex::now();
        }
        let is_late = slot.deadline != 0 && now >= slot.deadline;
        let never_waits = slot.file.flags & libc::O_NONBLOCK != 0 || slot.length == 0;
        let pin = guard.pool(number).pins.pin(slot.pin);
        if pin.rests_until != 0 && pin.rests_until <= futex::now() {
            pin.rests_until = 0;
            pin.is_ready = [true; 2];
        }
        let is_first = !*of(&mut pin.is_waited_for, way);
        // Whatever is wrong with it is to be said at once.
        let is_new = !slot.was_tried;
        let is_last_chance = is_ending && way == Way::Out && !pin.was_full;
        let may_go = never_waits || is_new || is_last_chance || *of(&mut pin.is_ready, way);
        let is_due = is_late || is_first && may_go;
        if pin.number == SENT || *of(&mut pin.is_busy, way) || !is_due {
            *of(&mut pin.is_waited_for, way) = true;
            index = slot.links.next;
            continue;
        }
        did_something |= !is_new;
        slot.was_tried = true;
        let was_ready = *of(&mut pin.is_ready, way);
        slot.state = State::Trying;
        let outcome = match pin.file_number() {
            Err(error) => Outcome::Ends(error.negated().into()),
            Ok(_) if is_late => Outcome::Ends(so_far(slot.done, Errno::EAGAIN)),
            Ok(fd) if number == SHARED && !is_still(fd, pin.file.as_ref()) => {
                Outcome::Ends(Errno::EBADF.negated().into())
            }
            Ok(fd) => try_it(guard, index, fd, never_waits),
        };
        let is_crowded = guard.pool(number).plain >= guard.process.limit();
        let slot = table.slot(index);
        let next = slot.links.next;
        let pin = guard.pool(number).pins.pin(slot.pin);
        match outcome {
            Outcome::Ends(result) => {
                pin.alarms = 0;
                guard
                    .pool(number)
                    .streams
                    .remove(table, index, queue::by_state);
                finish(guard, number, index, result);
                // The lock was free while its file was closed, and the next one may be gone.
                index = from_the_first(guard, number);
                continue;
            }
            Outcome::GoesOn => {
                *of(&mut pin.is_waited_for, way) = true;
                *of(&mut pin.is_ready, way) = false;
                pin.was_full |= way == Way::Out;
                if !is_new {
                    note_alarm(pin);
                }
                slot.state = State::Waiting;
                let waiters = slot.waiters;
                guard.wake(waiters);
            }
            // It is read or written in the ordinary way once there is something.
            Outcome::IsPlain if !was_ready => {
                pin.was_full |= way == Way::Out;
                *of(&mut pin.is_waited_for, way) = true;
                slot.state = State::Waiting;
            }
            Outcome::IsPlain if is_crowded => {
                pin.rests_until = futex::now() + REST;
                *of(&mut pin.is_waited_for, way) = true;
                *of(&mut pin.is_ready, way) = false;
                slot.state = State::Waiting;
            }
            Outcome::IsPlain => {
                *of(&mut pin.is_ready, way) = false;
                *of(&mut pin.is_busy, way) = true;
                slot.is_plain = true;
                slot.state = State::Queued;
                let state = guard.pool(number);
                state.plain += 1;
                state.streams.remove(table, index, queue::by_state);
                state.queue.push(table, index, queue::by_state);
                guard.call_helper(number);
            }
        }
        index = next;
    }
    did_something
}

/// The oldest request that waits; none of an earlier one's file was found to wait yet.
fn from_the_first(guard: &mut Guard<'_>, number: u8) -> Index {
    let state = guard.pool(number);
    for pin in 0..state.pins.reach {
        state.pins.pin(pin).is_waited_for = [false; 2];
    }
    state.streams.first
}

/// There was nothing, or no room, although the kernel had said so.
fn note_alarm(pin: &mut Pin) {
    pin.alarms = pin.alarms.saturating_add(1);
    if pin.alarms > ALARMS {
        pin.rests_until = futex::now() + REST;
    }
}

/// What becomes of a request that was tried.
enum Outcome {
    Ends(i64),
    GoesOn,
    /// Another helper is to read or write it in the ordinary way.
    IsPlain,
}

/// Tries a request until it ends, or would wait.
fn try_it(guard: &mut Guard<'_>, index: Index, fd: c_int, never_waits: bool) -> Outcome {
    let table = &guard.process.table;
    loop {
        let slot = table.slot(index);
        let (action, done) = (slot.action, slot.done);
        let (buffer, length) = (slot.buffer.wrapping_add(done), slot.length - done);
        if length == 0 && done == 0 {
            let result = guard.release(|| carry_out(action, fd, buffer, 0, -1, true));
            return Outcome::Ends(as_result(result));
        }
        let tried = guard.release(|| attempt(action.way(), fd, buffer, length));
        match tried {
            Ok(count) if action == Action::Read => return Outcome::Ends(count.into()),
            Ok(count) => {
                let slot = table.slot(index);
                slot.done += count as usize;
                // The kernel transfers no more than an `int` tells.
                if slot.done >= slot.length.min(0x7fff_f000) || count == 0 {
                    return Outcome::Ends(slot.done as i64);
                }
                let pin = guard.pin_of(index);
                (pin.alarms, pin.was_full) = (0, false);
            }
            Err(Errno::EAGAIN) if never_waits => {
                return Outcome::Ends(so_far(done, Errno::EAGAIN));
            }
            Err(Errno::EAGAIN | Errno::EINTR) => return Outcome::GoesOn,
            Err(Errno::EOPNOTSUPP) if never_waits => {
                let result = guard.release(|| carry_out(action, fd, buffer, length, -1, true));
                return Outcome::Ends(as_result(result));
            }
            Err(Errno::EOPNOTSUPP) if done == 0 => return Outcome::IsPlain,
            Err(error) => return Outcome::Ends(so_far(done, error)),
        }
    }
}

/// What a call says that fails after so many bytes.
fn so_far(done: usize, error: Errno) -> i64 {
    if done != 0 {
        done as i64
    } else {
        error.negated().into()
    }
}
