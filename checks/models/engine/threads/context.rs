//! What a context consists of, as the table of contexts sees it: memory that is there from its
//! start until it is freed.

use std::sync::atomic::Ordering::Relaxed;

use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicU32;

use super::events::Events;
use crate::abi::io_context_t;
use crate::signal;

#[derive(Default)]
pub struct Context {
    /// Whether it is there. Loom reports an access that may meet its start or its end.
    memory: UnsafeCell<bool>,
    number: AtomicU32,
    /// Where the program has moved the ring to; 0: nowhere.
    moved: AtomicU32,
    pub times_freed: AtomicU32,
    /// Where events go, in models of that.
    pub events: Events,
}

impl Context {
    pub fn start(&self, number: u32) {
        signal::point();
        self.memory.with_mut(|is_there| unsafe {
            assert!(!*is_there);
            *is_there = true;
        });
        self.number.store(number, Relaxed);
        self.moved.store(0, Relaxed);
    }

    /// Slots of the ring.
    pub fn nr(&self) -> u32 {
        self.events.completions.nr()
    }

    /// What a call does with it.
    pub fn touch(&self) {
        signal::point();
        self.memory.with(|is_there| assert!(unsafe { *is_there }));
    }

    pub fn free(&self) {
        signal::point();
        self.memory.with_mut(|is_there| unsafe {
            assert!(*is_there);
            *is_there = false;
        });
        self.times_freed.fetch_add(1, Relaxed);
    }

    pub fn number(&self) -> u32 {
        self.touch();
        self.number.load(Relaxed)
    }

    /// The program moves the ring.
    pub fn move_to(&self, address: usize) {
        self.moved.store(address as u32, Relaxed);
    }

    pub fn is_ring_at(&self, ctx: io_context_t) -> bool {
        self.touch();
        self.moved.load(Relaxed) as usize == ctx.addr()
    }
}

/// A moved ring has its number in the last bits of the address of its place.
pub fn number_at(ctx: io_context_t) -> Option<u32> {
    signal::point();
    (ctx.addr() & MOVED != 0).then_some((ctx.addr() / PAGE % 2) as u32)
}

const PAGE: usize = 4096;

/// Rings are moved to addresses with this bit.
pub const MOVED: usize = 1 << 20;
