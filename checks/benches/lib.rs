//! What is measured, and how: one work-load per row of the table, run on two libraries in turn.
//!
//! | module | holds |
//! |---|---|
//! | [`libraries`] | the two libraries, loaded by path into this process |
//! | [`context`] | an AIO context of one library, and its ring |
//! | [`rows`] | the work-loads |
//! | [`measurement`] | the interleaved rounds, and the ratio of each pair |
//!
//! `ratios.rs` is the bench itself; `instructions.rs` runs one work-load for `instructions.sh` to
//! count.

pub mod context;
pub mod libraries;
pub mod measurement;
pub mod rows;
