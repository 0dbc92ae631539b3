//! The threads engine's lock-free modules, and the little that they need of the others.

#[path = "../../../src/engine/threads/completions.rs"]
pub mod completions;
pub mod context;
#[path = "../../../src/engine/threads/contexts.rs"]
pub mod contexts;
#[path = "../../../src/engine/threads/helpers.rs"]
pub mod helpers;
#[path = "../../../src/engine/threads/in_flight.rs"]
pub mod in_flight;
#[path = "../../../src/engine/threads/own_descriptor.rs"]
mod own_descriptor;
#[path = "../../../src/engine/threads/poll_places.rs"]
pub mod poll_places;
#[path = "../../../src/engine/threads/poller.rs"]
pub mod poller;
pub mod requests;
#[path = "../../../src/engine/threads/waiting.rs"]
pub mod waiting;

use std::sync::atomic::Ordering::Relaxed;

use context::Context;
use contexts::{Contexts, Place};
use poll_places::Places;
use poller::Poller;

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
impl Default for Places {
    fn default() -> Places {
        Places {
            places: Default::default(),
            hint: Default::default(),
        }
    }
}

#[allow(clippy::derivable_impls)] // the library's file does not need it
impl Default for Poller {
    fn default() -> Poller {
        Poller {
            places: Default::default(),
            epoll: Default::default(),
            armed: Default::default(),
            alive: Default::default(),
            ending: Default::default(),
        }
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

/// Carrying out a request, which takes as long as the model wants.
mod carry_out {
    use std::ffi::c_int;

    use super::requests::Details;
    use crate::sys::errno::Errno;

    pub fn in_helper(details: &Details) -> Result<c_int, Errno> {
        if let Some(other) = details.waits_for.get() {
            other.wait();
        }
        Ok(0)
    }
}
