//! POSIX AIO as it is (`interfaces/src`), or Solaris AIO with the feature `solaris`, compiled against loom, beside a
//! kernel of the models' own: contexts, sleeping threads, the clock, signals and files.
//!
//! Not the library's are the environment (`configuration`), the threads' descriptor tables and their socket
//! (`staff`), which have models of their own in `checks/models`, and waiting for streams (`requests/streams`).

// SAFETY comments would all say the same: loom's threads take turns on one thread of the system.
#![allow(clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)]
// Not every model uses all of a module.
#![allow(dead_code)]

mod abi;
mod configuration;
#[path = "../models/explore.rs"]
mod explore;
mod libaio;
#[cfg(not(feature = "solaris"))]
mod posix;
mod requests;
#[path = "../models/signal.rs"]
mod signal;
#[cfg(feature = "solaris")]
mod solaris;
mod staff;
#[path = "../../interfaces/src/starting.rs"]
mod starting;
mod sync;
mod sys;
#[cfg(test)]
mod tests;
