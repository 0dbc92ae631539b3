//! What the threads of a pool do with its files: they receive them, and close them when no request
//! needs them any more.

use core::ffi::c_int;

use super::completing::complete;
use super::pins::CLOSING;
use super::process::Guard;
use super::queue;
use super::slot::{File, Index, State};
use super::words;
use crate::sys::errno::Errno;
use crate::sys::sockets::{self, FILES, Received};
use crate::sys::{files, status};

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
        pin.number = CLOSING;
        if !pin.is_borrowed {
            // Closing may take its time.
            guard.release(|| files::close(fd));
        }
    }
    guard.pool(number).pins.free(pin_number);
}

/// Closes the files of requests that were cancelled.
pub(crate) fn close_dropped(guard: &mut Guard<'_>, number: u8) {
    while let Some(pin) = guard.pool(number).pins.dropped() {
        close(guard, number, pin);
        // Who cancels waits for that.
        guard.wake(words::mark(words::CLOSED));
    }
}

/// Receives what has come by the link.
pub(crate) fn receive(guard: &mut Guard<'_>, number: u8, socket: c_int) {
    if socket < 0 {
        return;
    }
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
                // The program has closed its end, and what was sent is here; or nothing can be received.
                let state = guard.pool(number);
                state.is_open = false;
                state.is_cut_off = true;
                state.pins.fail_sent();
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
    if pin.file.as_ref().is_some_and(|file| is(fd, file)) {
        pin.number = fd;
    } else if pin.uses == 1 && !pin.is_chained && !pin.must_be_it {
        // The program has put another file there since it was looked at, and before it was sent: the
        // request is that file's.
        pin.number = fd;
        pin.file = None;
    } else {
        pin.fail(Errno::EBADF);
        files::close(fd);
    }
}

/// Whether a descriptor stands for a file, opened for the same. The program may have changed its other flags
/// since (F_SETFL).
fn is(fd: c_int, file: &File) -> bool {
    const STAY: c_int = libc::O_ACCMODE | libc::O_PATH;
    status::of(fd).is_ok_and(|found| (found.device, found.inode) == (file.device, file.inode))
        && files::status_flags(fd).is_ok_and(|flags| (flags ^ file.flags) & STAY == 0)
}

/// The same of a descriptor in the program's table, where another file may have come in its place.
pub(crate) fn is_still(fd: c_int, file: Option<&File>) -> bool {
    file.is_some_and(|file| is(fd, file))
}
