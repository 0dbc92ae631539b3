//! The pool's socket, and its bell.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::c_int;

use super::errno::Errno;
use super::files::Way;
use super::sleeping::{now, places};

pub const FILES: usize = 1;
/// The helpers' end.
pub const SOCKET: c_int = 10;
/// The eventfd beside it.
pub const BELL: c_int = 11;

pub enum Received {
    Message(usize, usize),
    Nothing,
    End,
}

thread_local! {
    static MESSAGES: RefCell<VecDeque<(usize, Option<c_int>)>> = const { RefCell::new(VecDeque::new()) };
}

/// A process starts.
pub fn start() {
    MESSAGES.take();
}

pub fn send(word: usize, file: Option<c_int>) {
    let message = (word, file);
    places()
        .sockets
        .change(|| MESSAGES.with_borrow_mut(|all| all.push_back(message)));
}

/// Whether something came before the time was over.
pub fn wait(nanoseconds: i64) -> bool {
    let look = || (!MESSAGES.with_borrow(VecDeque::is_empty)).then_some(());
    places().sockets.sleep(now() + nanoseconds, look).is_ok()
}

pub fn receive(_: c_int, _: bool, numbers: &mut [c_int; FILES]) -> Result<Received, Errno> {
    let take = || MESSAGES.with_borrow_mut(VecDeque::pop_front);
    Ok(match places().sockets.look(take) {
        None => Received::Nothing,
        Some((word, None)) => Received::Message(word, 0),
        Some((word, Some(file))) => {
            *numbers = [file];
            Received::Message(word, 1)
        }
    })
}

/// No model has a socket of the program's.
pub fn transfer(_: Way, _: c_int, _: usize, _: usize) -> Result<c_int, Errno> {
    Err(Errno::ENOTSOCK)
}

pub fn time_limit(_: c_int, _: Way) -> Option<i64> {
    None
}
