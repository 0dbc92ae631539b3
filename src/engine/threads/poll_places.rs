//! The table of armed polls: who of those that may end a poll ends it.
//!
//! A poll may be reported ready, be cancelled, or end with its context. Each place has a state, and
//! one exchange decides who ends the poll:
//!
//! ```text
//!       get          watch           report, withdraw          free
//!  FREE ----> ARMING -----> WATCHED ------------------> ENDING ----> FREE, in the next use
//!                |                                        ^
//!                +----------------------------------------+
//!                               report
//! ```
//!
//! The thread that arms a poll has the place until epoll watches the descriptor. A report that
//! comes sooner is left in the place, and that thread ends the poll itself.

use core::ffi::c_int;
use core::ptr;

use super::requests::Request;
use crate::engine::tables::POLLS;
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicU32, AtomicUsize};

/// The state of a place, in the two low bits of its word. Above them is the number of its use, so
/// that a report of an earlier use is known as such. Where a report came too soon, the events that
/// were reported are there instead.
const FREE: u32 = 0;
const ARMING: u32 = 1;
const WATCHED: u32 = 2;
const ENDING: u32 = 3;
const STATE: u32 = 3;
const NEXT_USE: u32 = 4;

/// One armed poll. All zero: free.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Place {
    state: AtomicU32,
    /// The library's duplicate of the descriptor.
    fd: AtomicU32,
    request: AtomicUsize,
}

/// All armed polls. All zero: none.
#[repr(C)]
pub(crate) struct Places {
    pub(crate) places: [Place; POLLS],
    /// Where the next search starts.
    pub(crate) hint: AtomicU32,
}

/// A place that the caller has, ARMING or ENDING, and with it the request that was stored there. It
/// must be freed, or watched.
#[must_use]
pub(crate) struct Taken<'a> {
    place: &'a Place,
    index: u32,
    /// The number of the use, in the place of [`STATE`]'s other bits.
    used: u32,
}

/// What became of a place that was to be watched.
pub(crate) enum Watched<'a> {
    /// Who gets the report, or withdraws the poll, has it from now on.
    Yes,
    /// These events have been reported already.
    Reported(Taken<'a>, u16),
}

impl Places {
    /// A free place, for a poll of this descriptor.
    pub(crate) fn get(&self, fd: c_int, request: *mut Request) -> Option<Taken<'_>> {
        let start = self.hint.fetch_add(1, Relaxed);
        (0..POLLS as u32).find_map(|step| {
            let index = start.wrapping_add(step) % POLLS as u32;
            // SAFETY: the remainder is below the length.
            let place = unsafe { self.places.get_unchecked(index as usize) };
            // Relaxed: the exchange decides.
            let found = place.state.load(Relaxed);
            // Acquire: pairs with `Taken::free`.
            let is_taken = found & STATE == FREE
                && place
                    .state
                    .compare_exchange(found, found | ARMING, Acquire, Relaxed)
                    .is_ok();
            is_taken.then(|| {
                // Relaxed: `Taken::watch` releases both.
                place.fd.store(fd as u32, Relaxed);
                place.request.store(request.expose_provenance(), Relaxed);
                Taken {
                    place,
                    index,
                    used: found,
                }
            })
        })
    }

    /// What the poller does with a report: it gets the poll, or leaves the events to the thread
    /// that arms it.
    pub(crate) fn report(&self, number: u64, events: u16) -> Option<Taken<'_>> {
        let (used, index) = ((number >> 32) as u32, number as u32);
        let place = self.places.get(index as usize)?;
        // Relaxed: an exchange decides. The report shows that the place was taken for this use.
        let mut found = place.state.load(Relaxed);
        loop {
            let (is_watched, next) = if found == used | WATCHED {
                (true, used | ENDING)
            } else if found == used | ARMING {
                (false, (u32::from(events) << 2) | ENDING)
            } else {
                return None;
            };
            // Acquire: pairs with `Taken::watch`.
            match place.state.compare_exchange(found, next, Acquire, Relaxed) {
                Ok(_) => return is_watched.then_some(Taken { place, index, used }),
                Err(other) => found = other,
            }
        }
    }

    /// Takes a poll back before it is reported, if it is still the one of this request.
    pub(crate) fn withdraw(&self, index: u32, request: *mut Request) -> Option<Taken<'_>> {
        let place = self.places.get(index as usize)?;
        // Acquire: pairs with `Taken::watch`.
        let found = place.state.load(Acquire);
        let used = found & !STATE;
        // Relaxed: no other use of the place has this word.
        let is_taken = found & STATE == WATCHED
            && place.request.load(Relaxed) == request.addr()
            && place
                .state
                .compare_exchange(found, used | ENDING, Relaxed, Relaxed)
                .is_ok();
        is_taken.then_some(Taken { place, index, used })
    }
}

impl<'a> Taken<'a> {
    /// The place's index in the table.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// What a report of this use names.
    pub(crate) fn number(&self) -> u64 {
        (u64::from(self.used) << 32) | u64::from(self.index)
    }

    /// The duplicate.
    pub(crate) fn fd(&self) -> c_int {
        self.place.fd.load(Relaxed) as c_int
    }

    /// The request, which is the caller's.
    pub(crate) fn request(&self) -> *mut Request {
        ptr::with_exposed_provenance_mut(self.place.request.load(Relaxed))
    }

    /// Lets others end the poll.
    pub(crate) fn watch(self) -> Watched<'a> {
        let Taken { place, used, .. } = self;
        // Release: hands fd and request over.
        match place
            .state
            .compare_exchange(used | ARMING, used | WATCHED, Release, Relaxed)
        {
            Ok(_) => Watched::Yes,
            Err(reported) => Watched::Reported(self, (reported >> 2) as u16),
        }
    }

    /// Frees the place.
    pub(crate) fn free(self) {
        // Release: pairs with `Places::get`.
        let next = self.used.wrapping_add(NEXT_USE) | FREE;
        self.place.state.store(next, Release);
    }
}
