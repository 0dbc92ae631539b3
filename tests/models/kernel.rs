//! What `fs/aio.c` does with a context's ring.

use std::ops::Range;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use loom::cell::UnsafeCell;
use loom::sync::Mutex;

use crate::abi::aio_ring;

/// One context: its ring, and what the kernel knows of it.
pub struct Context {
    pub ring: aio_ring,
    slots: Vec<UnsafeCell<u32>>,
    first_event: u32,
    /// How many requests are completed, under the kernel's completion lock.
    completed: Mutex<u32>,
    /// Whether the context is being destroyed, under the lock of the kernel's readers.
    dead: Mutex<bool>,
}

impl Context {
    /// A context whose requests have events that count from `first_event` up.
    pub fn new(slots: u32, first_event: u32) -> Context {
        Context {
            ring: aio_ring::default(),
            slots: (0..slots).map(|_| UnsafeCell::new(0)).collect(),
            first_event,
            completed: Mutex::new(0),
            dead: Mutex::new(false),
        }
    }

    pub fn nr(&self) -> u32 {
        self.slots.len() as u32
    }

    /// The event in a slot. Loom reports it if somebody may be writing there.
    pub fn slot(&self, index: u32) -> u32 {
        self.slots[index as usize].with(|slot| unsafe { *slot })
    }

    /// Completes a request. False if no slot is free: then io_submit would have said EAGAIN.
    pub fn complete(&self) -> bool {
        let mut completed = self.completed.lock().unwrap();
        let head = self.ring.head.in_kernel().load(Acquire) % self.nr();
        let tail = *completed % self.nr();
        let next = (tail + 1) % self.nr();
        if next == head {
            return false;
        }
        let event = self.first_event + *completed;
        self.slots[tail as usize].with_mut(|slot| unsafe { *slot = event });
        *completed += 1;
        self.ring.tail.in_kernel().store(next, Release);
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
        let mut head = self.ring.head.in_kernel().load(Relaxed) % self.nr();
        let tail = self.ring.tail.in_kernel().load(Acquire) % self.nr();
        let mut events = Vec::new();
        while head != tail && events.len() < nr {
            events.push(self.slot(head));
            head = (head + 1) % self.nr();
        }
        if !events.is_empty() {
            // Without comparing.
            self.ring.head.in_kernel().store(head, Release);
        }
        Some(events)
    }

    /// The first thing that io_destroy does. False if another thread was first.
    pub fn kill(&self) -> bool {
        let mut dead = self.dead.lock().unwrap();
        !std::mem::replace(&mut *dead, true)
    }
}
