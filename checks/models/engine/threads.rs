//! The threads engine's events and contexts, and the little that they need of the others.

#[path = "../../../src/engine/threads/collecting.rs"]
pub mod collecting;
#[path = "../../../src/engine/threads/completions.rs"]
pub mod completions;
pub mod context;
#[path = "../../../src/engine/threads/contexts.rs"]
pub mod contexts;
#[path = "../../../src/engine/threads/events.rs"]
pub mod events;
#[path = "../../../src/engine/threads/in_flight.rs"]
pub mod in_flight;
#[path = "../../../src/engine/threads/waiting.rs"]
pub mod waiting;

use std::sync::atomic::Ordering::Relaxed;

use context::Context;
use contexts::{Contexts, Place};

impl Contexts {
    pub fn contexts(&self) -> impl Iterator<Item = &Context> {
        self.table.iter().map(|place| &place.context)
    }

    pub fn count(&self) -> u32 {
        self.count.load(Relaxed)
    }

    /// What a forked child finds.
    pub fn wipe(&self) {
        for place in &self.table {
            let place = std::ptr::from_ref(place).cast_mut();
            unsafe { place.write(Place::default()) };
        }
        self.count.store(0, Relaxed);
    }
}

#[allow(clippy::derivable_impls)] // the library's file does not need it
impl Default for Contexts {
    fn default() -> Contexts {
        Contexts {
            table: Default::default(),
            count: Default::default(),
        }
    }
}
