//! The functions of libaio that are used: those that every libaio has.

#[cfg(test)]
pub(crate) use none::{io_destroy, io_getevents, io_setup, io_submit};

#[cfg(not(test))]
use core::ffi::{c_int, c_long};

#[cfg(not(test))]
use crate::abi::{io_context_t, io_event, iocb, timespec};

#[cfg(not(test))]
unsafe extern "C" {
    /// `io_setup(3)`
    pub(crate) fn io_setup(maxevents: c_int, ctxp: *mut io_context_t) -> c_int;

    /// `io_destroy(3)`
    pub(crate) fn io_destroy(ctx: io_context_t) -> c_int;

    /// `io_submit(3)`
    pub(crate) fn io_submit(ctx: io_context_t, nr: c_long, ios: *mut *mut iocb) -> c_int;

    /// `io_getevents(3)`
    pub(crate) fn io_getevents(
        ctx: io_context_t,
        min_nr: c_long,
        nr: c_long,
        events: *mut io_event,
        timeout: *mut timespec,
    ) -> c_int;
}

/// Unit tests are not linked with a libaio: there is no context.
#[cfg(test)]
#[allow(clippy::unnecessary_wraps, clippy::missing_safety_doc, missing_docs)]
mod none {
    use core::ffi::{c_int, c_long};

    use crate::abi::{io_context_t, io_event, iocb, timespec};

    const NONE: c_int = -libc::ENOSYS;

    pub(crate) unsafe fn io_setup(_: c_int, _: *mut io_context_t) -> c_int {
        NONE
    }

    pub(crate) unsafe fn io_destroy(_: io_context_t) -> c_int {
        NONE
    }

    pub(crate) unsafe fn io_submit(_: io_context_t, _: c_long, _: *mut *mut iocb) -> c_int {
        NONE
    }

    pub(crate) unsafe fn io_getevents(
        _: io_context_t,
        _: c_long,
        _: c_long,
        _: *mut io_event,
        _: *mut timespec,
    ) -> c_int {
        NONE
    }
}
