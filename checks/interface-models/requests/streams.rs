//! The helper that watches, without streams: it sleeps until a file or a call comes by the link.

use std::ffi::c_int;

use super::pinning::{close_dropped, receive};
use super::process::Guard;
use super::slot::Index;
use crate::sys::sockets;

pub const IDLE: i64 = 1_000_000_000;

pub fn wait_again(_: &mut Guard<'_>, _: u8, _: Index) {
    unreachable!("no model has streams");
}

pub fn watch(guard: &mut Guard<'_>, number: u8, socket: c_int) -> bool {
    receive(guard, number, socket);
    close_dropped(guard, number);
    if !guard.pool(number).queue.is_empty() {
        return true;
    }
    let has_come = guard.release(|| sockets::wait(IDLE));
    let was_called = std::mem::take(&mut guard.pool(number).looks_again);
    if has_come {
        receive(guard, number, socket);
    }
    has_come || was_called
}

pub fn prepare(guard: &mut Guard<'_>, number: u8) -> bool {
    guard.pool(number).pins.prepare()
}
