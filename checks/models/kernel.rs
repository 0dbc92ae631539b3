//! What `fs/aio.c` does with a context's ring.

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use loom::cell::UnsafeCell;
use loom::sync::Mutex;
use loom::sync::atomic::AtomicU32;

use crate::sync;

/// The words of a ring's header that change.
pub struct Words {
    pub nr: sync::AtomicU32,
    pub head: sync::AtomicU32,
    pub tail: sync::AtomicU32,
}

impl Words {
    pub fn new(slots: u32) -> Words {
        Words {
            nr: sync::AtomicU32::new(slots),
            head: sync::AtomicU32::new(0),
            tail: sync::AtomicU32::new(0),
        }
    }
}

/// One context: its ring, and what the kernel knows of it.
pub struct Context {
    pub words: Words,
    slots: Vec<Slot>,
    /// Whether loom is to report a reader that meets a change of the slot.
    races_are_errors: AtomicBool,
    first_event: u32,
    /// How many requests are completed, under the kernel's completion lock.
    completed: Mutex<u32>,
    /// Whether the context is being destroyed, under the lock of the kernel's readers.
    dead: Mutex<bool>,
}

/// One slot. The event is atomic, because a reaper whose claim was revoked may still read while the
/// kernel writes. Loom lets it read old values too; they must not be delivered.
struct Slot {
    event: AtomicU32,
    access: UnsafeCell<()>,
}

impl Context {
    /// A context whose requests have events that count from `first_event` up.
    pub fn new(slots: u32, first_event: u32) -> Context {
        Context {
            words: Words::new(slots),
            slots: (0..slots)
                .map(|_| Slot {
                    event: AtomicU32::new(u32::MAX),
                    access: UnsafeCell::new(()),
                })
                .collect(),
            races_are_errors: AtomicBool::new(false),
            first_event,
            completed: Mutex::new(0),
            dead: Mutex::new(false),
        }
    }

    pub fn nr(&self) -> u32 {
        self.slots.len() as u32
    }

    /// For models where no claim is revoked.
    pub fn forbid_races(&self) {
        self.races_are_errors.store(true, Relaxed);
    }

    /// The event in a slot.
    pub fn slot(&self, index: u32) -> u32 {
        let slot = &self.slots[index as usize];
        if self.races_are_errors.load(Relaxed) {
            slot.access.with(|_| ());
        }
        slot.event.load(Relaxed)
    }

    /// Completes a request. False if no slot is free: then io_submit would have said EAGAIN.
    pub fn complete(&self) -> bool {
        let mut completed = self.completed.lock().unwrap();
        let head = self.words.head.in_kernel().load(Acquire) % self.nr();
        let tail = *completed % self.nr();
        let next = (tail + 1) % self.nr();
        if next == head {
            return false;
        }
        let event = self.first_event + *completed;
        let slot = &self.slots[tail as usize];
        if self.races_are_errors.load(Relaxed) {
            slot.access.with_mut(|_| ());
        }
        slot.event.store(event, Relaxed);
        *completed += 1;
        self.words.tail.in_kernel().store(next, Release);
        true
    }

    /// The events of the requests completed so far.
    pub fn completed(&self) -> Range<u32> {
        self.first_event..self.first_event + *self.completed.lock().unwrap()
    }

    /// aio_read_events_ring: takes at most `nr` events. None is EINVAL.
    pub fn read(&self, nr: usize) -> Option<Vec<u32>> {
        let dead = self.dead.lock().unwrap();
        if *dead {
            return None;
        }
        let mut head = self.words.head.in_kernel().load(Relaxed);
        let mut tail = self.words.tail.in_kernel().load(Acquire);
        let mut events = Vec::new();
        if head == tail {
            return Some(events);
        }
        head %= self.nr();
        tail %= self.nr();
        while head != tail && events.len() < nr {
            events.push(self.slot(head));
            head = (head + 1) % self.nr();
        }
        // Without comparing. A store; loom would leave open which of a store and a reaper's
        // exchange came first, even when the exchange has shown it.
        self.words.head.in_kernel().swap(head, Release);
        Some(events)
    }

    /// The first thing that io_destroy does. False if another thread was first.
    pub fn kill(&self) -> bool {
        let mut dead = self.dead.lock().unwrap();
        !std::mem::replace(&mut *dead, true)
    }
}
