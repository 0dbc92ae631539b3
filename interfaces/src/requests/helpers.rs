//! The threads of a pool: they have a descriptor table of their own, and carry out what was handed over.
//!
//! One that has nothing to do *watches*: it sleeps until a file or a call comes by the link, or a stream
//! has data or room. The others sleep on the count of calls. The last one that has nothing to do starts
//! another before it begins to work, up to the limit: so streams are watched while files are slow. After a
//! time without work a helper ends; the one that watches is the last, and ends when the pool has no
//! file any more.

use core::ffi::c_int;
use core::ptr;

use super::carrying_out::{as_result, carry_out, is_ready};
use super::ordering::uncount_for_syncs;
use super::pinning::{close_dropped, finish, is_still, leave_chain, receive};
use super::pins::{SENT, of};
use super::process::{Guard, PROCESS, Pool, SHARED};
use super::queue;
use super::slot::{Index, State};
use super::streams;
use crate::sync::Ordering::Relaxed;
use crate::sys::errno::Errno;
use crate::sys::process::{Run, Stack, start_thread};
use crate::sys::{eventfd, files, futex};

impl Pool {
    fn number(&self) -> u8 {
        let first = ptr::from_ref(&PROCESS.pools).addr();
        ((ptr::from_ref(self).addr() - first) / size_of::<Pool>()) as u8
    }
}

/// What a helper does.
impl Run for Pool {
    fn run(&self) {
        let number = self.number();
        let socket = if number == SHARED {
            -1
        } else {
            let Some(socket) = self.link.enter() else {
                return;
            };
            socket
        };
        let mut guard = PROCESS.take();
        guard.in_pool = Some(number);
        guard.may_send = true;
        let state = guard.pool(number);
        // The first counts itself; who starts another one has counted that.
        state.there = state.there.max(1);
        state.starting = state.starting.saturating_sub(1);
        if !state.has_bell {
            state.has_bell = true;
            // Without it the one that watches looks again each few milliseconds.
            state.bell = eventfd::make().unwrap_or(-1);
        }
        loop {
            close_dropped(&mut guard, number);
            if start_another(&mut guard, number) {
                continue;
            }
            let table = &PROCESS.table;
            if let Some(index) = guard.pool(number).queue.pop(table, queue::by_state) {
                table.slot(index).state = State::Running;
                let is_plain = table.slot(index).is_plain;
                guard.pool(number).at_files += u32::from(!is_plain);
                if !guard.pool(number).queue.is_empty() {
                    guard.call_helper(number);
                }
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
        if number != SHARED {
            self.link.leave();
        }
    }
}

/// Sleeps until it is called. False: that took so long that this helper may end.
fn sleep(guard: &mut Guard<'_>, number: u8) -> bool {
    let process = guard.process;
    guard.pool(number).idle += 1;
    let calls = &process.pool(number).calls;
    let value = calls.load(Relaxed);
    let until = futex::now() + process.idle_time();
    let slept = guard.release(|| futex::sleep_until(calls, value, until));
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
        state.is_settled = false;
        state.has_bell = false;
        if number == SHARED && state.bell >= 0 {
            files::close(state.bell);
        }
    }
    ends
}

/// Starts another helper, if there is work and this is the last one without any: it is not to take the
/// work before, because starting a thread takes memory, and who holds the allocator's lock may wait for
/// that work. Others that have ended theirs can take it meanwhile. Whether there is one more.
fn start_another(guard: &mut Guard<'_>, number: u8) -> bool {
    let process = guard.process;
    let limit = process.limit();
    let state = guard.pool(number);
    let is_first = !state.is_settled;
    let are_others = state.idle != 0 || state.is_watched || state.starting != 0;
    // Those that may have to wait are not to keep files waiting.
    if state.there >= limit + state.plain || are_others || state.queue.is_empty() && !is_first {
        state.is_settled = true;
        return false;
    }
    state.there += 1;
    state.starting += 1;
    let pool = process.pool(number);
    pool.link.alive.fetch_add(1, Relaxed);
    let is_there = guard.release(|| {
        if number == SHARED {
            // SAFETY: it is part of the state, which stays.
            unsafe { start_thread(pool, Stack::Small) }
        } else {
            // SAFETY: as above.
            unsafe { pool.link.crew().start_another(pool) }
        }
    });
    let state = guard.pool(number);
    state.is_settled = true;
    if !is_there {
        state.there -= 1;
        state.starting -= 1;
        pool.link.alive.fetch_sub(1, Relaxed);
    }
    is_there
}

/// Carries out a request that was taken out of the queue.
fn work(guard: &mut Guard<'_>, number: u8, index: Index, socket: c_int) {
    let table = &guard.process.table;
    let slot = table.slot(index);
    let (pin, action, is_plain) = (slot.pin, slot.action, slot.is_plain);
    let (buffer, length, offset) = (slot.buffer, slot.length, slot.offset);
    if guard.pool(number).pins.pin(pin).number == SENT {
        receive(guard, number, socket);
        // What woke the helper that watches is gone, perhaps before it looked.
        guard.nudge(number);
    }
    let pin = guard.pool(number).pins.pin(pin);
    let fd = match pin.file_number() {
        Ok(fd) => fd,
        Err(error) => return finish(guard, number, index, error.negated().into()),
    };
    let file = pin.file;
    let way = action.way();
    let result = guard.release(|| {
        if number == SHARED && !is_still(fd, file.as_ref()) {
            return Err(Errno::EBADF);
        }
        if is_plain && !is_ready(fd, way) {
            return Err(Errno::EAGAIN);
        }
        carry_out(action, fd, buffer, length, offset, is_plain)
    });
    if is_plain {
        // Somebody else was first: it waits again.
        let state = guard.pool(number);
        *of(&mut state.pins.pin(table.slot(index).pin).is_busy, way) = false;
        state.plain -= 1;
        if result == Err(Errno::EAGAIN) {
            streams::wait_again(guard, number, index);
            return;
        }
        guard.nudge(number);
    } else if result == Err(Errno::ESPIPE) {
        table.slot(index).is_stream = true;
        uncount_for_syncs(guard, index);
        leave_chain(guard, number, index);
        streams::wait_again(guard, number, index);
        return;
    }
    finish(guard, number, index, as_result(result));
}
