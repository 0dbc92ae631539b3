//! The exported functions, one short body each. The Makefile gives their names their version
//! (`interfaces/abi`).
//!
//! # Safety
//! All of them: as the manual pages say, buffers and structures are the program's, and stay as they are
//! until the requests were collected.

use core::ffi::{c_char, c_int, c_long};
use core::ptr;

use super::calls::{self, Request};
#[cfg(target_pointer_width = "32")]
use super::structures::timeval64;
use super::structures::{aio_result_t, timeval};
use crate::configuration::{self, Names};
use crate::requests::ending;
use crate::requests::slot::Action;
use crate::sys::errno::{self, Errno};

/// 0, or -1 with `errno`.
fn answer(result: Result<(), Errno>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => {
            errno::set(error);
            -1
        }
    }
}

/// The structure of a request or null, or -1 with `errno`.
fn structure(found: Result<Option<usize>, Errno>) -> *mut aio_result_t {
    match found {
        Ok(Some(address)) => ptr::with_exposed_provenance_mut(address),
        Ok(None) => ptr::null_mut(),
        Err(error) => {
            errno::set(error);
            ptr::without_provenance_mut(usize::MAX)
        }
    }
}

/// `aioread(3)`
#[unsafe(export_name = "solarisaio_read")]
unsafe extern "C" fn read(
    fd: c_int,
    buffer: *mut c_char,
    length: c_int,
    offset: c_long,
    whence: c_int,
    result: *mut aio_result_t,
) -> c_int {
    #[allow(clippy::useless_conversion)] // A long has 32 or 64 bits.
    let request = Request {
        fd,
        buffer: buffer.expose_provenance(),
        length,
        offset: offset.into(),
        whence,
        result,
    };
    // SAFETY: the program says so.
    answer(unsafe { calls::submit(&request, Action::Read) })
}

/// `aiowrite(3)`
#[unsafe(export_name = "solarisaio_write")]
unsafe extern "C" fn write(
    fd: c_int,
    buffer: *const c_char,
    length: c_int,
    offset: c_long,
    whence: c_int,
    result: *mut aio_result_t,
) -> c_int {
    #[allow(clippy::useless_conversion)] // As above.
    let request = Request {
        fd,
        buffer: buffer.expose_provenance(),
        length,
        offset: offset.into(),
        whence,
        result,
    };
    // SAFETY: the program says so.
    answer(unsafe { calls::submit(&request, Action::Write) })
}

/// `aioread64(3)`
#[cfg(target_pointer_width = "32")]
#[unsafe(export_name = "solarisaio_read64")]
unsafe extern "C" fn read64(
    fd: c_int,
    buffer: *mut c_char,
    length: c_int,
    offset: i64,
    whence: c_int,
    result: *mut aio_result_t,
) -> c_int {
    let request = Request {
        fd,
        buffer: buffer.expose_provenance(),
        length,
        offset,
        whence,
        result,
    };
    // SAFETY: the program says so.
    answer(unsafe { calls::submit(&request, Action::Read) })
}

/// `aiowrite64(3)`
#[cfg(target_pointer_width = "32")]
#[unsafe(export_name = "solarisaio_write64")]
unsafe extern "C" fn write64(
    fd: c_int,
    buffer: *const c_char,
    length: c_int,
    offset: i64,
    whence: c_int,
    result: *mut aio_result_t,
) -> c_int {
    let request = Request {
        fd,
        buffer: buffer.expose_provenance(),
        length,
        offset,
        whence,
        result,
    };
    // SAFETY: the program says so.
    answer(unsafe { calls::submit(&request, Action::Write) })
}

/// `aiowait(3)`
#[unsafe(export_name = "solarisaio_wait")]
unsafe extern "C" fn wait(timeout: *const timeval) -> *mut aio_result_t {
    // SAFETY: the program says so.
    let timeout = unsafe { timeout.as_ref() };
    #[allow(clippy::useless_conversion)] // As above.
    let timeout = timeout.map(|time| (time.tv_sec.into(), time.tv_usec.into()));
    structure(calls::wait(timeout))
}

/// The same with a time of 64 bits.
#[cfg(target_pointer_width = "32")]
#[unsafe(export_name = "solarisaio_wait_time64")]
unsafe extern "C" fn wait_time64(timeout: *const timeval64) -> *mut aio_result_t {
    // SAFETY: the program says so.
    let timeout = unsafe { timeout.as_ref() };
    structure(calls::wait(timeout.map(|time| (time.tv_sec, time.tv_usec))))
}

/// `aiocancel(3)`
#[unsafe(export_name = "solarisaio_cancel")]
unsafe extern "C" fn cancel(result: *mut aio_result_t) -> c_int {
    answer(calls::cancel(result))
}

/// Called by the loader, or at the start of a static program.
#[unsafe(no_mangle)]
unsafe extern "C" fn solarisaio_read_environment(
    _: c_int,
    _: *const *const c_char,
    variables: *const *const c_char,
) {
    let names = Names {
        engine: b"SOLARISAIO_ENGINE=",
        threads: b"SOLARISAIO_THREADS=",
    };
    // SAFETY: the loader passes the environment.
    unsafe { configuration::read_environment(&names, variables) };
}

/// Called at `exit(3)`, after the program's own exit handlers.
#[unsafe(no_mangle)]
extern "C" fn solarisaio_drain() {
    ending::drain();
}
