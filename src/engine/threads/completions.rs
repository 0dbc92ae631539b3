//! One context's completions: posting events to its ring, and taking them out.
//!
//! | who | does | holding |
//! |---|---|---|
//! | `io_submit` | promises a request room for its event | the lock |
//! | whoever carried it out | writes the event behind the others and moves `tail`: the promise is kept | the lock |
//! | `io_getevents` | copies events and moves `head` | the lock |
//! | the program | copies events and moves `head`, by itself | nothing |
//!
//! The holder of the lock returns it after some steps: see [`Lock`]. So a request that was accepted
//! never waits for room, and `tail` never stands still with an event behind it.

use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr;

use crate::abi::{aio_ring, io_event};
use crate::engine::copying::copy_events;
use crate::staff::lock::Lock;
use crate::sync::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::sync::{AtomicU32, AtomicUsize};

/// See the module. All zero: not started.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Completions {
    ring: AtomicUsize,
    nr: AtomicU32,
    lock: Lock,
    /// The engine's `tail`: the program can overwrite the ring's.
    tail: AtomicU32,
    /// Requests accepted whose events are to come.
    promised: AtomicU32,
}

/// Where the ring is: taken once per call, so that a child forked in the middle finds it.
#[derive(Clone, Copy)]
struct View {
    ring: *mut aio_ring,
    /// Slots; not 0.
    nr: u32,
}

impl View {
    fn ring(&self) -> &aio_ring {
        // SAFETY: the mapping stays while the context has references.
        unsafe { &*self.ring }
    }

    fn slot(&self, index: u32) -> *mut io_event {
        let slots = self.ring.wrapping_add(1).cast::<io_event>();
        slots.wrapping_add(index as usize)
    }

    /// The ring's `head`, which counts modulo the slots.
    fn head(&self) -> u32 {
        // Acquire: pairs with the program's store, so that slots are filled again after it has copied
        // them; and with the store in `take`. SeqCst is for `Completions::available`.
        let head = self.ring().head.load(SeqCst);
        head.checked_rem(self.nr).unwrap_or(0)
    }

    /// Events from slot `from` up to slot `to`.
    fn distance(&self, from: u32, to: u32) -> u32 {
        if to >= from {
            to - from
        } else {
            self.nr - from + to
        }
    }

    /// The slot so many after another one.
    fn after(&self, slot: u32, count: u32) -> u32 {
        let sum = slot + count;
        if sum >= self.nr { sum - self.nr } else { sum }
    }
}

impl Completions {
    /// Starts with an empty ring of `nr` slots.
    pub(crate) fn start(&self, ring: *mut aio_ring, nr: u32) {
        self.ring.store(ring.expose_provenance(), Relaxed);
        self.nr.store(nr, Relaxed);
        self.tail.store(0, Relaxed);
        self.promised.store(0, Relaxed);
    }

    /// Slots of the ring. 0 in a child that was forked during a call: it finds zeroes here.
    pub(crate) fn nr(&self) -> u32 {
        self.nr.load(Relaxed)
    }

    fn view(&self) -> Option<View> {
        let nr = self.nr();
        (nr != 0).then(|| View {
            ring: ptr::with_exposed_provenance_mut(self.ring.load(Relaxed)),
            nr,
        })
    }

    /// Whether one more request could be accepted. The kernel counts likewise: in flight and not
    /// reaped are at most all slots but one.
    pub(crate) fn has_room(&self) -> bool {
        // Relaxed, here and below: the counts change under the lock only, or are looked at again.
        self.view().is_some_and(|view| {
            let waiting = view.distance(view.head(), self.tail.load(Relaxed));
            self.promised.load(Relaxed) + waiting < view.nr - 1
        })
    }

    /// Accepts one more request, if its event will have room. Called with signals blocked, like all
    /// that follows.
    pub(crate) fn accept(&self) -> bool {
        let _held = self.lock.take();
        let has_room = self.has_room();
        if has_room {
            self.promised
                .store(self.promised.load(Relaxed) + 1, Relaxed);
        }
        has_room
    }

    /// Takes back [`Completions::accept`]: no event will come.
    pub(crate) fn refuse(&self) {
        let _held = self.lock.take();
        self.promised
            .store(self.promised.load(Relaxed) - 1, Relaxed);
    }

    /// Posts the event of a request that was accepted, and calls `signal` before the library lets
    /// anybody take it.
    pub(crate) fn post(&self, event: io_event, signal: impl FnOnce()) {
        let Some(view) = self.view() else {
            return;
        };
        let _held = self.lock.take();
        let tail = self.tail.load(Relaxed);
        // SAFETY: the slot was promised, so no reader has still to take an event from it.
        unsafe { copy_events(&raw const event, view.slot(tail), 1) };
        let next = view.after(tail, 1);
        self.promised
            .store(self.promised.load(Relaxed) - 1, Relaxed);
        // Release: the event is there for who sees it; pairs with `available` and with programs that
        // read the ring. SeqCst: it comes before the look for waiters; see `Waiters::wake`.
        self.tail.store(next, SeqCst);
        view.ring().tail.store(next, Release);
        signal();
    }

    /// How many events there are to take.
    pub(crate) fn available(&self) -> u32 {
        // SeqCst: a thread that is about to sleep has said so before; see `Waiters::sleep`.
        self.view()
            .map_or(0, |view| view.distance(view.head(), self.tail.load(SeqCst)))
    }

    /// Takes up to `at_most` events: as many as there are.
    ///
    /// # Safety
    /// `events` has room for `at_most`.
    pub(crate) unsafe fn take(&self, at_most: u32, events: *mut io_event) -> u32 {
        let mut some = MaybeUninit::<[io_event; SOME]>::uninit();
        let some: *mut io_event = some.as_mut_ptr().cast();
        let mut taken = 0;
        loop {
            let room = (at_most - taken).min(SOME as u32);
            let count = self.take_some(room, some);
            // Without the lock: another thread may unmap the program's memory meanwhile, and a handler
            // leave.
            // SAFETY: so many were taken, and the caller has room.
            unsafe { copy_events(some, events.wrapping_add(taken as usize), count) };
            taken += count;
            if count < SOME as u32 || taken == at_most {
                return taken;
            }
        }
    }

    /// Takes events to memory of the engine's, which has room for `at_most`.
    fn take_some(&self, at_most: u32, events: *mut io_event) -> u32 {
        let Some(view) = self.view() else {
            return 0;
        };
        let _held = self.lock.take();
        let head = view.head();
        // Acquire: pairs with `post`.
        let count = view.distance(head, self.tail.load(Acquire)).min(at_most);
        let until_end = count.min(view.nr - head);
        // SAFETY: so many are there, and there is room.
        unsafe {
            copy_events(view.slot(head), events, until_end);
            let rest = events.wrapping_add(until_end as usize);
            copy_events(view.slot(0), rest, count - until_end);
        }
        if count != 0 {
            // Release: the slots are filled again after the copy; pairs with `View::head`.
            view.ring().head.store(view.after(head, count), Release);
        }
        count
    }

    /// Copies as many events as there is room for, and leaves them where they are, for an array that
    /// is bad further on.
    ///
    /// # Safety
    /// As [`Completions::take`].
    pub(crate) unsafe fn peek(&self, at_most: u32, events: *mut io_event) {
        let Some(view) = self.view() else {
            return;
        };
        let head = view.head();
        let count = view.distance(head, self.tail.load(Acquire)).min(at_most);
        for step in 0..count {
            let to = events.wrapping_add(step as usize);
            // SAFETY: as in `take`. If others take them meanwhile, these are of no use, as they are for
            // the program.
            unsafe { copy_events(view.slot(view.after(head, step)), to, 1) };
        }
    }
}

/// So many events are taken at once.
const SOME: usize = 16;

/// An eventfd, by the number that it has in some table; none: negative.
pub(crate) type Eventfd = c_int;
/// See [`Eventfd`].
pub(crate) const NO_EVENTFD: Eventfd = -1;
