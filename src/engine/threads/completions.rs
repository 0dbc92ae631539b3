//! One context's completions: posting events to its ring, and taking them out.
//!
//! Any thread posts, in any number, and a signal handler may interrupt at every point and post or
//! take itself. So there is no lock that anybody waits for:
//!
//! - A poster claims the first free slot after the published ones, fills it and marks it ready.
//! - Whoever gets `publishing` moves `tail` over the ready slots and signals their eventfds. Who
//!   does not get it goes on: the one inside looks again after leaving.
//! - A reader first writes a ticket into `head`: another number for the same slot (`head` counts
//!   modulo the slots, as for the kernel), never used before. It copies, and moves `head` on only
//!   if its ticket is still there. Readers may thus replace one another's tickets, and none keeps
//!   another out.
//! - A poster may be suspended between claiming and marking (its thread is in a signal handler).
//!   Events behind it are ready, but `tail` cannot pass the gap. A reader that finds nothing else
//!   takes these *aside*, directly from their slots; the publisher later closes such gaps.
//!
//! A position counts slots since the context was made, in 64 bits: it never wraps; its lap says how
//! often the ring went round.

use core::ffi::c_int;
use core::ptr;

use crate::abi::{aio_ring, io_event};
use crate::engine::copying::copy_events;
use crate::engine::patience::SPINS;
use crate::sync::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, spin_loop};
use crate::sys::{eventfd, files};

/// The state of a slot, in the two low bits of its mark; the lap is above them.
const FREE: u32 = 0;
const CLAIMED: u32 = 1;
const READY: u32 = 2;
const MOVING: u32 = 3;

/// The same mark, one lap on.
fn next_lap(lap: u32) -> u32 {
    lap.wrapping_add(4)
}

/// How many eventfds are signalled after one hold of `publishing`.
const BATCH: usize = 16;

/// Beside each slot.
#[repr(C)]
struct Mark {
    /// Lap and state.
    state: AtomicU32,
    /// What to signal when the event is published.
    signal: AtomicU32,
}

/// An eventfd to signal once an event is visible: the descriptor plus 1, above a bit that says
/// whether it is the library's duplicate. 0: none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Signal(u32);

impl Signal {
    /// The program's own descriptor.
    pub(crate) fn of_program(fd: c_int) -> Signal {
        Signal(((fd + 1) as u32) << 1)
    }

    /// A duplicate, which is closed afterwards.
    pub(crate) fn of_duplicate(fd: c_int) -> Signal {
        Signal((((fd + 1) as u32) << 1) | 1)
    }

    /// Whether the program may have closed the descriptor by the time of the event.
    pub(crate) fn is_of_program(self) -> bool {
        self.0 != 0 && self.0 & 1 == 0
    }

    /// Closes a duplicate that is not sent.
    pub(crate) fn discard(self) {
        if self.0 & 1 != 0 {
            files::close((self.0 >> 1) as c_int - 1);
        }
    }

    fn send(self) {
        let fd = (self.0 >> 1) as c_int - 1;
        if fd < 0 {
            return;
        }
        eventfd::signal(fd);
        self.discard();
    }
}

/// See the module. All zero: not started.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Completions {
    ring: AtomicUsize,
    marks: AtomicUsize,
    nr: AtomicU32,
    /// Whether a thread is moving `tail`.
    publishing: AtomicU32,
    /// The position that `tail` stands for.
    published: AtomicU64,
    /// Requests accepted.
    accepted: AtomicU64,
    /// Events taken aside.
    aside: AtomicU64,
    /// Events claimed, or ready, and not published.
    pending: AtomicU32,
    /// Whether events were ever taken aside.
    had_gaps: AtomicU32,
    /// Tickets given out.
    tickets: AtomicU32,
}

/// Where ring and marks are: taken once per call, so that a child forked in the middle finds them.
#[derive(Clone, Copy)]
struct View {
    ring: *mut aio_ring,
    marks: *const Mark,
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

    fn mark(&self, index: u32) -> &Mark {
        // SAFETY: callers pass an index below `nr`, and the memory is zeroed at the start.
        unsafe { &*self.marks.wrapping_add(index as usize) }
    }

    /// What `number` leaves when divided by the slots.
    fn slot_of(&self, number: u32) -> u32 {
        number.checked_rem(self.nr).unwrap_or(0)
    }

    /// Index and lap of a position. The lap is cut to what a state has room for.
    fn place(&self, position: u64) -> (u32, u32) {
        let nr = u64::from(self.nr);
        let lap = position.checked_div(nr).unwrap_or(0);
        ((position - lap * nr) as u32, (lap as u32) << 2)
    }

    /// Events from index `from` up to index `to`.
    fn distance(&self, from: u32, to: u32) -> u32 {
        if to >= from {
            to - from
        } else {
            self.nr - from + to
        }
    }

    /// # Safety
    /// `count` events from `first` on are there, and `events` has room.
    unsafe fn copy(&self, first: u32, count: u32, events: *mut io_event) {
        let until_end = count.min(self.nr - first);
        // SAFETY: as promised. The array may be misaligned, as for the kernel.
        unsafe {
            copy_events(self.slot(first), events, until_end);
            copy_events(
                self.slot(0),
                events.wrapping_add(until_end as usize),
                count - until_end,
            );
        }
    }
}

impl Completions {
    /// Bytes of memory that [`Completions::start`] needs.
    pub(crate) fn bytes(nr: u32) -> usize {
        nr as usize * size_of::<Mark>()
    }

    /// Starts with an empty ring of `nr` slots. `marks` is zeroed memory.
    pub(crate) fn start(&self, ring: *mut aio_ring, marks: *mut u8, nr: u32) {
        self.ring.store(ring.expose_provenance(), Relaxed);
        self.marks.store(marks.expose_provenance(), Relaxed);
        self.nr.store(nr, Relaxed);
        for word in [
            &self.publishing,
            &self.pending,
            &self.had_gaps,
            &self.tickets,
        ] {
            word.store(0, Relaxed);
        }
        for word in [&self.published, &self.accepted, &self.aside] {
            word.store(0, Relaxed);
        }
    }

    /// Slots of the ring.
    pub(crate) fn nr(&self) -> u32 {
        self.nr.load(Relaxed)
    }

    /// Where ring and marks are. None in a child that a signal handler forked during a call: it
    /// finds zeroes here.
    fn view(&self) -> Option<View> {
        let nr = self.nr.load(Relaxed);
        (nr != 0).then(|| View {
            ring: ptr::with_exposed_provenance_mut(self.ring.load(Relaxed)),
            marks: ptr::with_exposed_provenance(self.marks.load(Relaxed)),
            nr,
        })
    }

    /// Whether this is still the process that the view was taken in. What a child took over of the
    /// ring is its parent's.
    fn is_ours(&self) -> bool {
        self.nr.load(Relaxed) != 0
    }

    /// How many events are published and not taken, by the program's own `head`.
    fn waiting(&self, view: &View) -> u32 {
        // `head` first: if it moves on meanwhile, the answer is too large at most.
        let first = view.slot_of(view.ring().head.load(SeqCst));
        let (end, _) = view.place(self.published.load(SeqCst));
        view.distance(first, end)
    }

    /// Accepts one more request, if its event will have room. The kernel counts likewise: in flight
    /// and not reaped are at most all slots but one.
    pub(crate) fn accept(&self) -> bool {
        let Some(view) = self.view() else {
            return false;
        };
        loop {
            let (accepted, outstanding) = self.outstanding(&view);
            if outstanding >= u64::from(view.nr) - 1 {
                return false;
            }
            // It fails if another request was accepted.
            if self
                .accepted
                .compare_exchange(accepted, accepted.wrapping_add(1), SeqCst, Relaxed)
                .is_ok()
            {
                return true;
            }
        }
    }

    /// Requests accepted, and how many of them have an event that is still to come, or to be taken.
    fn outstanding(&self, view: &View) -> (u64, u64) {
        loop {
            // SeqCst, and this one first: what is subtracted below only grows.
            let accepted = self.accepted.load(SeqCst);
            let outstanding = accepted.wrapping_sub(self.consumed(view));
            // Less than nothing: others accepted and took events in between.
            if outstanding as i64 >= 0 {
                return (accepted, outstanding);
            }
        }
    }

    /// Takes back [`Completions::accept`]: no event will come.
    pub(crate) fn refuse(&self) {
        self.accepted.fetch_sub(1, SeqCst);
    }

    /// Whether [`Completions::accept`] would find room.
    pub(crate) fn has_room(&self) -> bool {
        self.view()
            .is_some_and(|view| self.outstanding(&view).1 < u64::from(view.nr) - 1)
    }

    /// Events that left the ring.
    fn consumed(&self, view: &View) -> u64 {
        let aside = self.aside.load(SeqCst);
        let head = view.slot_of(view.ring().head.load(SeqCst));
        let published = self.published.load(SeqCst);
        let (end, _) = view.place(published);
        published
            .wrapping_sub(u64::from(view.distance(head, end)))
            .wrapping_add(aside)
    }

    /// Posts the event of a request that was accepted. `signal` is sent when it is visible.
    pub(crate) fn post(&self, event: io_event, signal: Signal) {
        let Some(view) = self.view() else {
            return;
        };
        // SeqCst: before the slot is claimed, so that a reader who sees nothing published looks
        // closer.
        self.pending.fetch_add(1, SeqCst);
        let (index, lap) = self.claim(&view);
        if !self.is_ours() {
            return;
        }
        // SAFETY: the slot is this thread's until it is marked ready.
        unsafe { copy_events(&raw const event, view.slot(index), 1) };
        let mark = view.mark(index);
        mark.signal.store(signal.0, Relaxed);
        // SeqCst: releases the event, and comes before the try in `publish`; see there.
        mark.state.store(lap | READY, SeqCst);
        self.publish(&view);
    }

    /// Claims the first free slot after the published ones.
    fn claim(&self, view: &View) -> (u32, u32) {
        loop {
            // Acquire: pairs with the store in `publish`.
            let published = self.published.load(Acquire);
            for step in 0..u64::from(view.nr) {
                let (index, lap) = view.place(published.wrapping_add(step));
                // Acquire: pairs with the store of FREE; the event before it was copied.
                if view
                    .mark(index)
                    .state
                    .compare_exchange(lap | FREE, lap | CLAIMED, Acquire, Relaxed)
                    .is_ok()
                {
                    return (index, lap);
                }
            }
            // Others published meanwhile; there is room for everything that was accepted.
            spin_loop();
            if !self.is_ours() {
                return (0, 0);
            }
        }
    }

    /// Moves `tail` over the events that are ready and signals their eventfds.
    fn publish(&self, view: &View) {
        let mut signals = [Signal::default(); BATCH];
        // SeqCst: the try comes after the mark of `post`, and the look at the end after
        // `publishing` is given back. So either this try succeeds, or the one inside sees the mark.
        while self.publishing.swap(1, SeqCst) == 0 {
            let mut moved = 0;
            for signal in &mut signals {
                let position = self.published.load(Acquire);
                if self.had_gaps.load(Relaxed) != 0 {
                    self.close_gap(view, position);
                }
                let (index, lap) = view.place(position);
                let mark = view.mark(index);
                // SeqCst: the signal is that of the event only once the slot is ready.
                if mark.state.load(SeqCst) != lap | READY {
                    break;
                }
                let signal_then = Signal(mark.signal.load(Relaxed));
                // Acquire: pairs with `post`. The slot is free for the next lap from here on, but
                // nobody claims it before `head` has passed it.
                if mark
                    .state
                    .compare_exchange(lap | READY, next_lap(lap) | FREE, SeqCst, Relaxed)
                    .is_err()
                {
                    break;
                }
                self.advance(position);
                *signal = signal_then;
                moved += 1;
            }
            if moved != 0 && self.is_ours() {
                let (tail, _) = view.place(self.published.load(Relaxed));
                // Release: pairs with the load of `tail` in programs that read the ring.
                view.ring().tail.store(tail, Release);
                self.pending.fetch_sub(moved, SeqCst);
            }
            self.publishing.store(0, SeqCst);
            // As in the kernel: after `tail`. Not before `publishing` is given back, because this
            // is a system call, and signal handlers run at its end.
            for signal in signals.iter().take(moved as usize) {
                signal.send();
            }
            let position = self.published.load(SeqCst);
            let (index, lap) = view.place(position);
            let state = view.mark(index).state.load(SeqCst);
            let is_gap = state == lap | FREE && self.had_gaps.load(Relaxed) != 0;
            if state != lap | READY
                && !(is_gap && self.first_ready(view, position, view.nr.into()).is_some())
            {
                return;
            }
        }
    }

    /// Whether the publisher has marked a slot, and `published` does not show it yet.
    fn is_done(&self, view: &View, position: u64) -> bool {
        let (index, lap) = view.place(position);
        view.mark(index).state.load(SeqCst) == next_lap(lap) | FREE
    }

    /// Moves `published` over a slot whose mark says that it is done. Anybody may do it: the
    /// publisher may be the code that a signal handler interrupted.
    fn advance(&self, position: u64) {
        // SeqCst: readers look at it after `head`. It never goes back, so a late exchange fails.
        let next = position.wrapping_add(1);
        let _ = self
            .published
            .compare_exchange(position, next, SeqCst, Relaxed);
    }

    /// The first of so many slots from `position` on that is ready.
    fn first_ready(&self, view: &View, position: u64, slots: u64) -> Option<(u32, u32)> {
        (0..slots)
            .map(|step| view.place(position.wrapping_add(step)))
            .find(|&(index, lap)| view.mark(index).state.load(SeqCst) == lap | READY)
    }

    /// Where an event was taken aside, moves a later one into its slot. Called while publishing.
    #[cold]
    fn close_gap(&self, view: &View, position: u64) {
        let (gap, gap_lap) = view.place(position);
        if view.mark(gap).state.load(SeqCst) != gap_lap | FREE {
            return;
        }
        let Some((index, lap)) = self.first_ready(view, position, view.nr.into()) else {
            return;
        };
        let (from, to) = (view.mark(index), view.mark(gap));
        // SeqCst: the gap first, so that no poster fills it; then the event, so that no reader
        // takes it.
        if to
            .state
            .compare_exchange(gap_lap | FREE, gap_lap | CLAIMED, SeqCst, Relaxed)
            .is_err()
        {
            return;
        }
        if from
            .state
            .compare_exchange(lap | READY, lap | MOVING, SeqCst, Relaxed)
            .is_err()
        {
            to.state.store(gap_lap | FREE, SeqCst);
            return;
        }
        // SAFETY: both slots are this thread's.
        unsafe { copy_events(view.slot(index), view.slot(gap), 1) };
        to.signal.store(from.signal.load(Relaxed), Relaxed);
        from.state.store(lap | FREE, SeqCst);
        to.state.store(gap_lap | READY, SeqCst);
    }

    /// How many events [`Completions::take`] would find now.
    pub(crate) fn available(&self) -> u32 {
        let Some(view) = self.view() else {
            return 0;
        };
        // SeqCst: pairs with `post`. This first: an event is counted twice rather than not at all.
        if self.pending.load(SeqCst) == 0 {
            return self.waiting(&view);
        }
        self.publish(&view);
        let mut published = self.published.load(SeqCst);
        if self.is_done(&view, published) {
            self.advance(published);
            published = published.wrapping_add(1);
        }
        let ready = (0..u64::from(view.nr)).filter(|&step| {
            let (index, lap) = view.place(published.wrapping_add(step));
            view.mark(index).state.load(SeqCst) == lap | READY
        });
        self.waiting(&view) + ready.count() as u32
    }

    /// Takes up to `at_most` (not 0) events. Fewer, or none, are taken if there are no more.
    ///
    /// # Safety
    /// `events` has room for `at_most`.
    pub(crate) unsafe fn take(&self, at_most: u32, events: *mut io_event) -> u32 {
        let Some(view) = self.view() else {
            return 0;
        };
        let head = &view.ring().head;
        let mut spins = 0;
        loop {
            let before = head.load(SeqCst);
            let first = view.slot_of(before);
            let (end, _) = view.place(self.published.load(SeqCst));
            if first == end {
                // SeqCst: pairs with `post`.
                if self.pending.load(SeqCst) == 0 {
                    return 0;
                }
                let published = self.published.load(SeqCst);
                if self.is_done(&view, published) {
                    self.advance(published);
                    continue;
                }
                self.publish(&view);
                if spins < SPINS {
                    // Somebody is between two steps.
                    spins += 1;
                    spin_loop();
                    continue;
                }
                // SAFETY: the caller keeps the same promise.
                if let Some(taken) = unsafe { self.take_aside(&view, at_most, events) } {
                    return taken;
                }
                continue;
            }
            if !self.is_ours() {
                return 0;
            }
            let ticket = first.wrapping_add(view.nr.wrapping_mul(self.ticket(&view)));
            // SeqCst: whoever replaces the ticket afterwards makes the exchange below fail.
            if head
                .compare_exchange(before, ticket, SeqCst, Relaxed)
                .is_err()
            {
                continue;
            }
            // Again, now that `head` stays: the first look may have mixed two moments.
            let (end, _) = view.place(self.published.load(SeqCst));
            let count = view.distance(first, end).min(at_most);
            // SAFETY: published and not passed by `head`; no poster reuses them before that.
            unsafe { view.copy(first, count, events) };
            let next = view.slot_of(first + count);
            if !self.is_ours() {
                return 0;
            }
            // Release: the slots are reused after the copy.
            if head.compare_exchange(ticket, next, SeqCst, Relaxed).is_ok() && count != 0 {
                return count;
            }
        }
    }

    /// Another number for a slot: how often `nr` is added. Unique for as many takes as a u32 has
    /// room for, divided by the slots.
    fn ticket(&self, view: &View) -> u32 {
        let values = u32::MAX.checked_div(view.nr).unwrap_or(0).saturating_sub(1);
        let number = self.tickets.fetch_add(1, Relaxed);
        1 + number.checked_rem(values).unwrap_or(0)
    }

    /// See the module. None: look again, because an event came up that is older than one to be
    /// taken.
    ///
    /// # Safety
    /// As [`Completions::take`].
    #[cold]
    unsafe fn take_aside(&self, view: &View, at_most: u32, events: *mut io_event) -> Option<u32> {
        let published = self.published.load(SeqCst);
        let mut taken = 0;
        let mut overtook = false;
        for step in 0..u64::from(view.nr) {
            if taken == at_most {
                break;
            }
            let (index, lap) = view.place(published.wrapping_add(step));
            let mark = view.mark(index);
            if mark.state.load(SeqCst) != lap | READY {
                continue;
            }
            // SeqCst: before the slot becomes a gap; pairs with `publish`.
            self.had_gaps.store(1, SeqCst);
            if mark
                .state
                .compare_exchange(lap | READY, lap | MOVING, SeqCst, Relaxed)
                .is_err()
            {
                continue;
            }
            // What its poster posted before it was ready before it.
            overtook = self.is_done(view, published)
                || self.published.load(SeqCst) != published
                || self.waiting(view) != 0
                || self.first_ready(view, published, step).is_some();
            if overtook {
                mark.state.store(lap | READY, SeqCst);
                break;
            }
            let signal_then = Signal(mark.signal.load(Relaxed));
            // SAFETY: the slot is this thread's until it is free.
            unsafe { copy_events(view.slot(index), events.wrapping_add(taken as usize), 1) };
            mark.state.store(lap | FREE, SeqCst);
            // After the slot is free: the count of what is accepted must not run ahead of the
            // slots.
            self.aside.fetch_add(1, SeqCst);
            self.pending.fetch_sub(1, SeqCst);
            signal_then.send();
            taken += 1;
        }
        // A publisher may have stopped at a slot that was being taken, with others behind it.
        self.publish(view);
        (taken != 0 || !overtook).then_some(taken)
    }
}
