//! The threads engine's lock-free modules, and the little that they need of the others.

#[path = "../../../src/engine/threads/completions.rs"]
pub mod completions;
#[path = "../../../src/engine/threads/helpers.rs"]
pub mod helpers;
#[path = "../../../src/engine/threads/own_descriptor.rs"]
mod own_descriptor;
pub mod requests;
#[path = "../../../src/engine/threads/waiting.rs"]
pub mod waiting;

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
