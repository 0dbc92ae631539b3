//! The threads engine's requests on their way, and the helpers and pollers that carry them out. What
//! becomes of their events is the models'.

pub use super::threads::{completions, in_flight};

pub mod carry_out;
pub mod events;
#[path = "../../../src/engine/threads/helpers.rs"]
pub mod helpers;
#[path = "../../../src/engine/threads/lanes.rs"]
pub mod lanes;
#[path = "../../../src/engine/threads/poller.rs"]
pub mod poller;
#[path = "../../../src/engine/threads/requests.rs"]
pub mod requests;

/// What is looked at where files arrive: no program puts another file in the place of an eventfd.
pub mod checks {
    pub fn is_eventfd(_: std::ffi::c_int) -> bool {
        true
    }
}

/// What kind of file a descriptor stands for.
pub mod file {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Kind {
        Disk,
        Pipe,
        Socket,
    }
}
