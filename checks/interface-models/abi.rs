//! The C types as they are, but for the ring's header, whose words are loom's.

#![allow(non_camel_case_types)]

use crate::sync::AtomicU32;

#[path = "../../src/abi.rs"]
mod real;

pub(crate) use real::{AIO_RING_MAGIC, io_event, iocb, timespec};

pub type io_context_t = *mut aio_ring;

#[repr(C)]
pub struct aio_ring {
    pub id: u32,
    pub nr: AtomicU32,
    pub head: AtomicU32,
    pub tail: AtomicU32,
    pub magic: u32,
    pub compat_features: u32,
    pub incompat_features: u32,
    pub header_length: u32,
}

const _: () = assert!(size_of::<aio_ring>() == size_of::<real::aio_ring>());
