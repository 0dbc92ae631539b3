//! Where the events of one context go, and who waits for them.

use super::completions::Completions;
use super::in_flight::InFlight;
use super::waiting::Waiters;
use crate::abi::aio_ring;

/// All zero: not started.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Events {
    /// Events posted and taken.
    pub completions: Completions,
    /// Threads that wait for events.
    pub waiters: Waiters,
    /// Requests that a helper or a poller has.
    pub in_flight: InFlight,
}

impl Events {
    /// Starts with an empty ring of `nr` slots.
    pub(crate) fn start(&self, ring: *mut aio_ring, nr: u32) {
        self.completions.start(ring, nr);
        self.waiters.start();
        self.in_flight.start();
    }

    /// Wakes who waits for as many events as there are now, after [`Completions::post`].
    pub(crate) fn wake(&self) {
        self.waiters.wake(|| self.completions.available());
    }
}
