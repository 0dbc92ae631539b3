//! Where the events of one context go, and who waits for them.

use super::completions::{Completions, Signal};
use super::in_flight::InFlight;
use super::waiting::Waiters;
use crate::abi::{aio_ring, io_event};

/// All zero: not started.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Events {
    /// Events posted and taken.
    pub completions: Completions,
    /// Threads that wait for events.
    pub waiters: Waiters,
    /// Requests that a helper or the poller has.
    pub in_flight: InFlight,
}

impl Events {
    /// Starts with an empty ring of `nr` slots. `marks` is zeroed memory.
    pub(crate) fn start(&self, ring: *mut aio_ring, marks: *mut u8, nr: u32) {
        self.completions.start(ring, marks, nr);
        self.waiters.start();
        self.in_flight.start();
    }

    /// Posts the event of an accepted request, sends its signal and wakes who waits.
    pub(crate) fn post(&self, event: io_event, signal: Signal) {
        self.completions.post(event, signal);
        self.waiters.wake();
    }
}
