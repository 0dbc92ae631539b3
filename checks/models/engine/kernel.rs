//! The kernel engine, but for its system calls.

#[path = "../../../src/engine/kernel/gate.rs"]
pub mod gate;
#[path = "../../../src/engine/kernel/ours.rs"]
pub mod ours;
#[path = "../../../src/engine/kernel/reaping.rs"]
pub mod reaping;
#[path = "../../../src/engine/kernel/registry.rs"]
pub mod registry;
#[path = "../../../src/engine/kernel/ring.rs"]
pub mod ring;
#[path = "../../../src/engine/kernel/spinning.rs"]
pub mod spinning;
#[path = "../../../src/engine/kernel/stand_in.rs"]
pub mod stand_in;

/// The system call, which the model's kernel makes.
pub mod system_call {
    use std::ffi::c_int;

    use crate::engine::getevents::{Getevents, Timespec};
    use crate::sys::errno::Errno;

    pub trait SystemCall: Timespec {
        unsafe fn getevents(wanted: Getevents<Self>) -> Result<c_int, Errno>;
    }
}
