//! The kernel engine's reaping, gate, ring, registry and stand-in as they are, compiled against
//! loom, beside a kernel and an address space of the model's own.

// SAFETY comments would all say the same: loom checks every access to a cell.
#![allow(clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)]

pub mod abi;
pub mod address_space;
pub mod engine;
pub mod explore;
pub mod kernel;
pub mod signal;
pub mod slots;
pub mod sync;
pub mod sys;

pub mod protocol;
