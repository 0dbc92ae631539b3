//! The library's modules as they are, and what the models replace.

pub mod carrying;
#[path = "../../src/engine/getevents.rs"]
pub mod getevents;
pub mod kernel;
pub mod threads;

/// How long one thread waits for another: as short as lets every path be taken. A thread that waits
/// looks again without letting the others run; that they do, or not, is loom's choice.
pub mod patience {
    pub const SPINS: u32 = 1;
    pub const TURNS: u32 = 1;
    pub const TURNS_OF_DESTROY: u32 = 2;
    pub const LOOKS_AT_PLACE: u32 = 2;
    pub const LOOKS: u32 = 2;
    pub const PAUSES: u32 = 1;

    pub fn spin() {}

    pub fn pause(_turn: u32) {
        crate::address_space::clear_the_way();
    }
}

/// Two entries, both within reach of every address.
pub mod tables {
    pub const ENTRIES_LOG2: u32 = 1;
    pub const SPINNING_LOG2: u32 = 0;
    pub const REACH: usize = 2;
    pub const STRANGERS_LOG2: u32 = 1;
    pub const CONTEXTS_LOG2: u32 = 1;
    pub const CONTEXTS_REACH: usize = 2;
    pub const POLLERS: usize = 2;
    pub const FILE_NUMBERS: usize = 8;
    pub const LANES: usize = 2;

    pub fn first_place(_address: usize, _log2: u32) -> usize {
        0
    }
}

/// Nobody traces a model.
pub mod trace_points {
    use std::ffi::{c_int, c_long};

    use crate::abi::io_context_t;
    use crate::sys::errno::Errno;

    pub fn reap(_: io_context_t, _: c_long, _: c_long) {}

    pub fn wait_begin(_: io_context_t, _: c_long, _: c_long) {}

    pub fn wait_end(_: io_context_t, _: c_long, _: c_long) {}

    pub fn told(_: Result<c_int, Errno>) -> c_long {
        0
    }
}

/// Copying, slot by slot.
pub mod copying {
    use crate::abi::io_event;
    use crate::slots;

    pub unsafe fn copy_events(from: *const io_event, to: *mut io_event, count: u32) {
        for index in 0..count as usize {
            let event = unsafe { slots::read(from.wrapping_add(index)) };
            unsafe { slots::write(to.wrapping_add(index), event) };
        }
    }
}
