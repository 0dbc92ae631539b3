//! The library's own count of its threads.

pub use super::lock;

#[path = "../../../src/staff/crew.rs"]
pub mod crew;
