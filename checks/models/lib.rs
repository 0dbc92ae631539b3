//! The kernel engine's reaping, gate, ring, registry and stand-in as they are, compiled against
//! loom, beside a kernel and an address space of the model's own.

// SAFETY comments would all say the same: loom checks every access to a cell.
#![allow(clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)]
// Not every model uses all of a module.
#![allow(dead_code)]

mod abi;
mod address_space;
mod descriptors;
mod engine;
mod explore;
mod kernel;
mod program;
mod protocol;
mod signal;
mod slots;
mod sync;
mod sys;
#[cfg(test)]
mod tests;
