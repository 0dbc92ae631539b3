//! The atomics. The models bring another module of this name, with loom's.

pub use core::hint::spin_loop;
#[cfg(feature = "threads")]
pub use core::sync::atomic::AtomicU64;
pub use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
