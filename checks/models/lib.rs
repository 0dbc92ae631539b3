//! The protocols of both engines as they are, compiled against loom, beside a kernel of the models'
//! own: address space, descriptors, sockets, threads and signals.

// SAFETY comments would all say the same: loom checks every access to a cell.
#![allow(clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)]
// Not every model uses all of a module.
#![allow(dead_code)]

mod abi;
mod address_space;
mod configuration;
mod descriptors;
mod engine;
mod explore;
mod kernel;
mod program;
mod protocol;
mod signal;
mod slots;
mod staff;
mod sync;
mod sys;
#[cfg(test)]
mod tests;
