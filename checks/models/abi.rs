//! The ring's header with loom's atomics; the same fields as in the library's `src/abi.rs`.

#![allow(non_camel_case_types)]

use crate::sync::AtomicU32;

pub const AIO_RING_MAGIC: u32 = 0xa10a_10a1;

#[derive(Default)]
pub struct aio_ring {
    pub magic: u32,
    pub incompat_features: u32,
    pub header_length: u32,
    pub head: AtomicU32,
    pub tail: AtomicU32,
}

/// Stands for the slot of this number: so `ring::copy` tells which slots it reads, and the model reads
/// the cells that loom watches.
#[derive(Clone, Copy)]
pub struct io_event(pub u32);
