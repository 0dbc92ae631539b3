//! The signal mask: handlers come, or wait until they may.

#[path = "../../models/sys/blocked.rs"]
mod blocked;

pub use blocked::Blocked;

use std::cell::Cell;

use crate::signal;

thread_local! {
    /// Whether handlers interrupt calls for good.
    static INTERRUPTS: Cell<bool> = const { Cell::new(false) };
    /// Whether the program has a handler for requests that it is to collect.
    static HAS_HANDLER: Cell<bool> = const { Cell::new(false) };
}

/// A process starts, whose handlers have SA_RESTART.
pub fn start() {
    INTERRUPTS.set(false);
    HAS_HANDLER.set(false);
}

/// Gives the program a handler, or takes it away.
pub fn set_handler(is_there: bool) {
    HAS_HANDLER.set(is_there);
}

/// Lets them have none.
pub fn let_interrupt() {
    INTERRUPTS.set(true);
}

#[derive(Clone, Copy)]
pub struct Signals;

impl Signals {
    pub const NONE: Signals = Signals;
    pub const OF_THE_LIBRARY: Signals = Signals;

    pub fn set(&self) {
        signal::block(false);
    }

    pub fn deliver(&self) -> bool {
        let has_come = signal::has_come();
        let before = signal::block(false);
        signal::block(before);
        has_come
    }

    pub fn would_be_handled(&self) -> bool {
        signal::has_come()
    }
}

pub fn handlers_interrupt(_: &Signals) -> bool {
    INTERRUPTS.get()
}

/// No write of a model fails.
pub fn discard_those_of_writes() {}

/// Whether the program has a handler.
pub fn has_handler(_: i32) -> bool {
    HAS_HANDLER.get()
}
