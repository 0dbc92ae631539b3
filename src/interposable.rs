//! The exported functions as the other exported functions call them.
//!
//! A program may bring its own `io_setup` (LD_PRELOAD, or its own object before `libaio.a`), and
//! then `io_queue_init` must call that one. So these calls go through the dynamic linker. Each has
//! a name that the compiler cannot connect with the definition; the Makefile renames it to the
//! public one (`abi/interposable.redefine`).

use core::ffi::{c_int, c_long};

use crate::abi::{io_context_t, io_event, iocb, timespec};

unsafe extern "C" {
    /// `io_setup(3)`, whoever defines it.
    #[cfg_attr(not(test), link_name = "libaio_interposable_io_setup")]
    pub(crate) fn io_setup(maxevents: c_int, ctxp: *mut io_context_t) -> c_int;

    /// `io_destroy(3)`, whoever defines it.
    #[cfg_attr(not(test), link_name = "libaio_interposable_io_destroy")]
    pub(crate) fn io_destroy(ctx: io_context_t) -> c_int;

    /// `io_cancel(3)`, whoever defines it.
    #[cfg_attr(not(test), link_name = "libaio_interposable_io_cancel")]
    pub(crate) safe fn io_cancel(ctx: io_context_t, iocb: *mut iocb, evt: *mut io_event) -> c_int;

    /// `io_getevents(3)`, whoever defines it.
    #[cfg_attr(not(test), link_name = "libaio_interposable_io_getevents")]
    pub(crate) fn io_getevents(
        ctx: io_context_t,
        min_nr: c_long,
        nr: c_long,
        events: *mut io_event,
        timeout: *mut timespec,
    ) -> c_int;
}
