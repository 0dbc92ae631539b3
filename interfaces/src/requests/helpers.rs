//! The threads of a pool: they have a descriptor table of their own, and carry out what was handed over.
//!
//! One that has nothing to do *watches*: it sleeps until a file or a call comes by the link, or a stream
//! has data or room. The others sleep on the count of calls. Who begins to work sees to it that another
//! one is there without work, up to the limit: so streams are watched while files are slow. After a
//! second without work a helper ends; the one that watches is the last, and ends when the pool has no
//! file any more.

use core::ffi::c_int;
use core::ptr;

use super::carrying_out::{as_result, carry_out, is_ready};
use super::pinning::{close_dropped, finish, leave_chain, receive};
use super::pins::{SENT, of};
use super::process::{Guard, PROCESS, Pool};
use super::queue;
use super::slot::{Index, State};
use super::streams::{self, IDLE};
use crate::sync::Ordering::Relaxed;
use crate::sys::errno::Errno;
use crate::sys::process::Run;
use crate::sys::{eventfd, futex};

/// How many helpers there may be if nothing was said, as in the C library.
const DEFAULT_LIMIT: u32 = 20;

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
        guard.may_send = true;
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
    let way = action.way();
    let result = guard.release(|| {
        if is_plain && !is_ready(fd, way) {
            return Err(Errno::EAGAIN);
        }
        carry_out(action, fd, buffer, length, offset, is_plain)
    });
    if is_plain {
        // Somebody else was first: it waits again.
        let state = guard.pool(number);
        *of(&mut state.pins.pin(table.slot(index).pin).is_busy, way) = false;
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
