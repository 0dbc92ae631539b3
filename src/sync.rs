//! The atomics. The models bring another module of this name, with loom's.

pub(crate) use core::hint::spin_loop;
#[cfg(feature = "threads")]
pub(crate) use core::sync::atomic::AtomicU64;
#[allow(unused_imports)] // The interfaces use it.
#[cfg(feature = "threads")]
pub(crate) use core::sync::atomic::fence;
pub(crate) use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
