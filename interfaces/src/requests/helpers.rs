//! The threads of a pool: they have a descriptor table of their own, and carry out what was handed over.
//!
//! One that has nothing to do *watches*: it sleeps until a file or a call comes by the link, or a stream
//! has data or room. The others sleep on the count of calls. Who begins to work sees to it that another
//! one is there without work, up to the limit: so streams are watched while files are slow. After a
//! second without work a helper ends; the one that watches is the last, and ends when the pool has no
//! file any more.

use core::ffi::c_int;
use core::ptr;

use super::completing::complete;
use super::handing_over::{as_result, carry_out};
use super::pins::SENT;
use super::process::{Guard, PROCESS, Pool};
use super::queue;
use super::slot::{File, Index, State};
use super::streams;
use crate::sync::Ordering::Relaxed;
use crate::sys::errno::Errno;
use crate::sys::process::Run;
use crate::sys::sockets::{self, FILES, Received};
use crate::sys::{eventfd, files, futex, status};

/// How many helpers there may be if nothing was said, as in the C library.
const DEFAULT_LIMIT: u32 = 20;
/// Nanoseconds after which a helper without work ends.
pub(crate) const IDLE: i64 = 1_000_000_000;

impl Pool {
    fn number(&self) -> u8 {
        let first = ptr::from_ref(&PROCESS.pools).addr();
        ((ptr::from_ref(self).addr() - first) / size_of::<Pool>()) as u8
    }
}

/// What a helper does.
impl Run for Pool {
    fn run(&self) {
        let Some(socket) = self.link.enter() else {
            return;
        };
        let number = self.number();
        let mut guard = PROCESS.take();
        guard.in_pool = Some(number);
        let state = guard.pool(number);
        if state.there == 0 {
            // The first counts itself; who starts another one has counted that.
            state.there = 1;
            // Without it one that watches looks again after a second at most.
            state.bell = eventfd::make().unwrap_or(-1);
        }
        loop {
            close_dropped(&mut guard, number);
            let table = &PROCESS.table;
            if let Some(index) = guard.pool(number).queue.pop(table, queue::by_state) {
                table.slot(index).state = State::Running;
                let is_plain = table.slot(index).is_plain;
                guard.pool(number).at_files += u32::from(!is_plain);
                provide_another(&mut guard, number);
                work(&mut guard, number, index, socket);
                guard.pool(number).at_files -= u32::from(!is_plain);
                continue;
            }
            let state = guard.pool(number);
            if !state.is_watched {
                state.is_watched = true;
                state.looks_again = false;
                let was_idle = !streams::watch(&mut guard, number, socket);
                guard.pool(number).is_watched = false;
                if was_idle && may_end(&mut guard, number) {
                    break;
                }
                continue;
            }
            if !sleep(&mut guard, number) {
                guard.pool(number).there -= 1;
                break;
            }
        }
        drop(guard);
        self.link.leave();
    }
}

/// Sleeps until it is called. False: that took so long that this helper may end.
fn sleep(guard: &mut Guard<'_>, number: u8) -> bool {
    let process = guard.process;
    guard.pool(number).idle += 1;
    let calls = &process.pool(number).calls;
    let value = calls.load(Relaxed);
    let slept = guard.release(|| futex::sleep_until(calls, value, futex::now() + IDLE));
    let state = guard.pool(number);
    state.idle -= 1;
    slept != Err(Errno::ETIMEDOUT) || !state.is_watched || !state.queue.is_empty()
}

/// Whether the helper that watched, and had nothing to do, ends; and with it the pool.
fn may_end(guard: &mut Guard<'_>, number: u8) -> bool {
    let state = guard.pool(number);
    let is_done = state.queue.is_empty() && state.pins.count == 0;
    let ends = is_done && state.there == 1;
    if ends {
        // Nothing is on its way: a file that is sent has a pin.
        state.is_open = false;
        state.there = 0;
    }
    ends
}

/// Sees to it that another helper is there without work, and calls it if there is work for it.
fn provide_another(guard: &mut Guard<'_>, number: u8) {
    let process = guard.process;
    let limit = match process.limit.load(Relaxed) {
        0 => DEFAULT_LIMIT,
        limit => limit,
    };
    let state = guard.pool(number);
    if state.idle != 0 || state.is_watched {
        if !state.queue.is_empty() {
            guard.call_helper(number);
        }
        return;
    }
    if state.there >= limit {
        return;
    }
    state.there += 1;
    let pool = process.pool(number);
    pool.link.alive.fetch_add(1, Relaxed);
    // SAFETY: it is part of the state, which stays.
    let is_there = guard.release(|| unsafe { pool.link.crew().start_another(pool) });
    if !is_there {
        guard.pool(number).there -= 1;
        pool.link.alive.fetch_sub(1, Relaxed);
    }
}

/// Carries out a request that was taken out of the queue.
fn work(guard: &mut Guard<'_>, number: u8, index: Index, socket: c_int) {
    let table = &guard.process.table;
    let slot = table.slot(index);
    let (pin, action, is_plain) = (slot.pin, slot.action, slot.is_plain);
    let (buffer, length, offset) = (slot.buffer, slot.length, slot.offset);
    if guard.pool(number).pins.pin(pin).number == SENT {
        receive(guard, number, socket);
    }
    let pin = guard.pool(number).pins.pin(pin);
    let fd = match pin.file_number() {
        Ok(fd) => fd,
        Err(error) => return finish(guard, number, index, error.negated().into()),
    };
    let way = streams::way(action);
    let result = guard.release(|| {
        if is_plain && !streams::is_ready(fd, way) {
            return Err(Errno::EAGAIN);
        }
        carry_out(action, fd, buffer, length, offset, is_plain)
    });
    if is_plain {
        // Somebody else was first: it waits again.
        let state = guard.pool(number);
        *streams::of(&mut state.pins.pin(table.slot(index).pin).is_busy, way) = false;
        if result == Err(Errno::EAGAIN) {
            streams::wait_again(guard, number, index);
            return;
        }
        guard.nudge(number);
    } else if result == Err(Errno::ESPIPE) {
        table.slot(index).is_stream = true;
        leave_chain(guard, number, index);
        streams::wait_again(guard, number, index);
        return;
    }
    finish(guard, number, index, as_result(result));
}

/// Ends a request that a helper has in its hands, and closes its file if no other needs it.
pub(crate) fn finish(guard: &mut Guard<'_>, number: u8, index: Index, result: i64) {
    leave_chain(guard, number, index);
    let table = &guard.process.table;
    let pin_number = table.slot(index).pin;
    let pin = guard.pool(number).pins.pin(pin_number);
    pin.uses -= 1;
    if pin.uses == 0 {
        // Before the program learns of the end: it may count on nobody having the file any more.
        pin.is_dropped = true;
        close(guard, number, pin_number);
    }
    complete(guard, index, result);
}

/// Lets the next of those go on that are carried out one after the other.
pub(crate) fn leave_chain(guard: &mut Guard<'_>, number: u8, index: Index) {
    let table = &guard.process.table;
    let slot = table.slot(index);
    if !slot.in_chain {
        return;
    }
    slot.in_chain = false;
    let state = guard.pool(number);
    let pin = state.pins.pin(slot.pin);
    let Some(next) = pin.chain.pop(table, queue::by_state) else {
        pin.is_chained = false;
        return;
    };
    table.slot(next).state = State::Queued;
    state.queue.push(table, next, queue::by_state);
    guard.call_helper(number);
}

/// Closes the file of a pin that nobody needs and nobody finds any more.
fn close(guard: &mut Guard<'_>, number: u8, pin_number: u32) {
    let pin = guard.pool(number).pins.pin(pin_number);
    if let Ok(fd) = pin.file_number() {
        // Nobody else is to close it meanwhile.
        pin.number = SENT;
        // Closing may take its time.
        guard.release(|| files::close(fd));
    }
    guard.pool(number).pins.free(pin_number);
}

/// Closes the files of requests that were cancelled.
pub(crate) fn close_dropped(guard: &mut Guard<'_>, number: u8) {
    while let Some(pin) = guard.pool(number).pins.dropped() {
        close(guard, number, pin);
        // Who cancels waits for that.
        guard.wake(!0);
    }
}

/// Receives what has come by the link.
pub(crate) fn receive(guard: &mut Guard<'_>, number: u8, socket: c_int) {
    let mut numbers = [0; FILES];
    loop {
        match sockets::receive(socket, false, &mut numbers) {
            Ok(Received::Message(0, _)) => {}
            Ok(Received::Message(word, count)) => {
                let arrived = if count == 0 { None } else { Some(numbers) };
                arrive(
                    guard,
                    number,
                    word as u32 - 1,
                    arrived.and_then(|n| n.first().copied()),
                );
            }
            Ok(Received::Nothing) => return,
            Ok(Received::End) | Err(_) => {
                // The program has closed its end. What was sent is here.
                let state = guard.pool(number);
                state.is_open = false;
                state.is_cut_off = true;
                return;
            }
        }
    }
}

/// A file has come, if the table had room for it.
fn arrive(guard: &mut Guard<'_>, number: u8, pin: u32, fd: Option<c_int>) {
    let pin = guard.pool(number).pins.pin(pin);
    let Some(fd) = fd else {
        pin.fail(Errno::EAGAIN);
        return;
    };
    // The program may have put another file there while it was looked at.
    if pin.file.as_ref().is_some_and(|file| is(fd, file)) {
        pin.number = fd;
    } else {
        pin.fail(Errno::EBADF);
        files::close(fd);
    }
}

fn is(fd: c_int, file: &File) -> bool {
    status::of(fd).is_ok_and(|found| (found.device, found.inode) == (file.device, file.inode))
        && files::status_flags(fd) == Ok(file.flags)
}
