//! The exported functions, one short body each. The names that the C library has for 64-bit offsets are
//! functions of their own where a `long` has 32 bits; elsewhere they are the same. The Makefile gives
//! each name its versions (`interfaces/abi`).
//!
//! # Safety
//! All of them: as the manual pages say, the structures and lists are the program's, and stay as they are
//! until the requests have ended. Garbage in the private fields of a `struct aiocb` does no harm.

use core::ffi::{c_char, c_int};
use core::mem::transmute;

use super::lists::Version;
use super::structures::{Offsets, aiocb, aioinit, sigevent};
use super::{calls, glibc, lists};
use crate::abi::timespec;
#[cfg(target_pointer_width = "32")]
use crate::abi::timespec64;
use crate::configuration::{self, Names};
use crate::requests::ending;
use crate::requests::slot::Action;
use crate::sys::errno::{self, Errno};

type OfOne = unsafe extern "C" fn(*mut aiocb) -> c_int;
type OfSync = unsafe extern "C" fn(c_int, *mut aiocb) -> c_int;
type OfResult = unsafe extern "C" fn(*mut aiocb) -> isize;
type OfSuspend<T> = unsafe extern "C" fn(*const *const aiocb, c_int, *const T) -> c_int;
type OfCancel = unsafe extern "C" fn(c_int, *mut aiocb) -> c_int;
type OfList = unsafe extern "C" fn(c_int, *const *mut aiocb, c_int, *mut sigevent) -> c_int;

/// 0, or -1 with `errno`.
fn answer(result: Result<(), Errno>) -> c_int {
    number(result.map(|()| 0))
}

/// A number, or -1 with `errno`.
fn number(result: Result<c_int, Errno>) -> c_int {
    result.unwrap_or_else(|error| {
        errno::set(error);
        -1
    })
}

/// `aio_read(3)`
#[unsafe(export_name = "posixaio_read")]
unsafe extern "C" fn read(cb: *mut aiocb) -> c_int {
    if let Some(function) = glibc::function(c"aio_read") {
        // SAFETY: it is that function.
        return unsafe { transmute::<usize, OfOne>(function)(cb) };
    }
    // SAFETY: the program says so.
    answer(unsafe { calls::submit(cb, Action::Read, Offsets::Long) })
}

/// `aio_write(3)`
#[unsafe(export_name = "posixaio_write")]
unsafe extern "C" fn write(cb: *mut aiocb) -> c_int {
    if let Some(function) = glibc::function(c"aio_write") {
        // SAFETY: it is that function.
        return unsafe { transmute::<usize, OfOne>(function)(cb) };
    }
    // SAFETY: the program says so.
    answer(unsafe { calls::submit(cb, Action::Write, Offsets::Long) })
}

/// `aio_fsync(3)`
#[unsafe(export_name = "posixaio_fsync")]
unsafe extern "C" fn fsync(operation: c_int, cb: *mut aiocb) -> c_int {
    if let Some(function) = glibc::function(c"aio_fsync") {
        // SAFETY: it is that function.
        return unsafe { transmute::<usize, OfSync>(function)(operation, cb) };
    }
    // SAFETY: the program says so.
    answer(unsafe { calls::sync(operation, cb, Offsets::Long) })
}

/// `aio_error(3)`
#[unsafe(export_name = "posixaio_error")]
unsafe extern "C" fn error(cb: *mut aiocb) -> c_int {
    if let Some(function) = glibc::function(c"aio_error") {
        // SAFETY: it is that function.
        return unsafe { transmute::<usize, OfOne>(function)(cb) };
    }
    // SAFETY: the program says so.
    unsafe { calls::error(cb) }
}

/// `aio_return(3)`
#[unsafe(export_name = "posixaio_return")]
unsafe extern "C" fn result(cb: *mut aiocb) -> isize {
    if let Some(function) = glibc::function(c"aio_return") {
        // SAFETY: it is that function.
        return unsafe { transmute::<usize, OfResult>(function)(cb) };
    }
    // SAFETY: the program says so.
    unsafe { calls::result(cb) }
}

/// `aio_suspend(3)`
#[unsafe(export_name = "posixaio_suspend")]
unsafe extern "C" fn suspend(
    list: *const *const aiocb,
    count: c_int,
    timeout: *const timespec,
) -> c_int {
    if let Some(function) = glibc::function(c"aio_suspend") {
        // SAFETY: it is that function.
        return unsafe { transmute::<usize, OfSuspend<timespec>>(function)(list, count, timeout) };
    }
    // SAFETY: the program says so.
    let timeout = unsafe { timeout.as_ref() };
    #[allow(clippy::useless_conversion)] // A long has 32 or 64 bits.
    let timeout = timeout.map(|time| (time.tv_sec.into(), time.tv_nsec.into()));
    // SAFETY: as above.
    answer(unsafe { calls::suspend(list, count, timeout) })
}

/// `aio_suspend(3)` of a program whose time has 64 bits.
#[cfg(target_pointer_width = "32")]
#[unsafe(export_name = "posixaio_suspend_time64")]
unsafe extern "C" fn suspend_time64(
    list: *const *const aiocb,
    count: c_int,
    timeout: *const timespec64,
) -> c_int {
    if let Some(function) = glibc::function(c"__aio_suspend_time64") {
        // SAFETY: it is that function.
        return unsafe {
            transmute::<usize, OfSuspend<timespec64>>(function)(list, count, timeout)
        };
    }
    // SAFETY: the program says so.
    let timeout = unsafe { timeout.as_ref() };
    let timeout = timeout.map(|time| (time.tv_sec, time.tv_nsec.into()));
    // SAFETY: as above.
    answer(unsafe { calls::suspend(list, count, timeout) })
}

/// `aio_cancel(3)`
#[unsafe(export_name = "posixaio_cancel")]
unsafe extern "C" fn cancel(fd: c_int, cb: *mut aiocb) -> c_int {
    if let Some(function) = glibc::function(c"aio_cancel") {
        // SAFETY: it is that function.
        return unsafe { transmute::<usize, OfCancel>(function)(fd, cb) };
    }
    // SAFETY: the program says so.
    number(unsafe { calls::cancel(fd, cb) })
}

/// `lio_listio(3)`
#[unsafe(export_name = "posixaio_listio")]
unsafe extern "C" fn listio(
    mode: c_int,
    list: *const *mut aiocb,
    count: c_int,
    event: *mut sigevent,
) -> c_int {
    if let Some(function) = glibc::function(c"lio_listio") {
        // SAFETY: it is that function.
        return unsafe { transmute::<usize, OfList>(function)(mode, list, count, event) };
    }
    // SAFETY: the program says so.
    answer(unsafe { lists::submit(mode, list, count, event, Offsets::Long, Version::New) })
}

/// The version of `lio_listio(3)` before glibc 2.4, and its name.
#[cfg(any(target_arch = "x86_64", target_arch = "x86", target_arch = "s390x"))]
mod old {
    use super::*;

    const VERSION: &core::ffi::CStr = if cfg!(target_arch = "x86_64") {
        c"GLIBC_2.2.5"
    } else if cfg!(target_arch = "x86") {
        c"GLIBC_2.1"
    } else {
        c"GLIBC_2.2"
    };

    /// `lio_listio(3)`
    #[unsafe(export_name = "posixaio_listio_old")]
    unsafe extern "C" fn listio(
        mode: c_int,
        list: *const *mut aiocb,
        count: c_int,
        event: *mut sigevent,
    ) -> c_int {
        if let Some(function) = glibc::old_function(c"lio_listio", VERSION) {
            // SAFETY: it is that function.
            return unsafe { transmute::<usize, OfList>(function)(mode, list, count, event) };
        }
        // SAFETY: the program says so.
        answer(unsafe { lists::submit(mode, list, count, event, Offsets::Long, Version::Old) })
    }

    /// `lio_listio64`
    #[cfg(target_pointer_width = "32")]
    #[unsafe(export_name = "posixaio_listio64_old")]
    unsafe extern "C" fn listio64(
        mode: c_int,
        list: *const *mut aiocb,
        count: c_int,
        event: *mut sigevent,
    ) -> c_int {
        if let Some(function) = glibc::old_function(c"lio_listio64", VERSION) {
            // SAFETY: it is that function.
            return unsafe { transmute::<usize, OfList>(function)(mode, list, count, event) };
        }
        // SAFETY: the program says so.
        answer(unsafe { lists::submit(mode, list, count, event, Offsets::Bits64, Version::Old) })
    }
}

/// The functions whose offsets have 64 bits where a `long` has 32.
#[cfg(target_pointer_width = "32")]
mod wide {
    use super::*;

    /// `aio_read64`
    #[unsafe(export_name = "posixaio_read64")]
    unsafe extern "C" fn read64(cb: *mut aiocb) -> c_int {
        if let Some(function) = glibc::function(c"aio_read64") {
            // SAFETY: it is that function.
            return unsafe { transmute::<usize, OfOne>(function)(cb) };
        }
        // SAFETY: the program says so.
        answer(unsafe { calls::submit(cb, Action::Read, Offsets::Bits64) })
    }

    /// `aio_write64`
    #[unsafe(export_name = "posixaio_write64")]
    unsafe extern "C" fn write64(cb: *mut aiocb) -> c_int {
        if let Some(function) = glibc::function(c"aio_write64") {
            // SAFETY: it is that function.
            return unsafe { transmute::<usize, OfOne>(function)(cb) };
        }
        // SAFETY: the program says so.
        answer(unsafe { calls::submit(cb, Action::Write, Offsets::Bits64) })
    }

    /// `aio_fsync64`
    #[unsafe(export_name = "posixaio_fsync64")]
    unsafe extern "C" fn fsync64(operation: c_int, cb: *mut aiocb) -> c_int {
        if let Some(function) = glibc::function(c"aio_fsync64") {
            // SAFETY: it is that function.
            return unsafe { transmute::<usize, OfSync>(function)(operation, cb) };
        }
        // SAFETY: the program says so.
        answer(unsafe { calls::sync(operation, cb, Offsets::Bits64) })
    }

    /// `lio_listio64`
    #[unsafe(export_name = "posixaio_listio64")]
    unsafe extern "C" fn listio64(
        mode: c_int,
        list: *const *mut aiocb,
        count: c_int,
        event: *mut sigevent,
    ) -> c_int {
        if let Some(function) = glibc::function(c"lio_listio64") {
            // SAFETY: it is that function.
            return unsafe { transmute::<usize, OfList>(function)(mode, list, count, event) };
        }
        // SAFETY: the program says so.
        answer(unsafe { lists::submit(mode, list, count, event, Offsets::Bits64, Version::New) })
    }
}

/// `aio_init(3)`
#[unsafe(export_name = "posixaio_init")]
unsafe extern "C" fn init(wanted: *const aioinit) {
    if let Some(function) = glibc::function(c"aio_init") {
        type OfInit = unsafe extern "C" fn(*const aioinit);
        // SAFETY: it is that function.
        return unsafe { transmute::<usize, OfInit>(function)(wanted) };
    }
    // SAFETY: the program says so.
    calls::initialize(unsafe { &*wanted });
}

/// Called by the loader, or at the start of a static program.
#[unsafe(no_mangle)]
unsafe extern "C" fn posixaio_read_environment(
    _: c_int,
    _: *const *const c_char,
    variables: *const *const c_char,
) {
    let names = Names {
        engine: b"POSIXAIO_ENGINE=",
        threads: b"POSIXAIO_THREADS=",
    };
    // SAFETY: the loader passes the environment.
    unsafe { configuration::read_environment(&names, variables) };
}

/// Called at `exit(3)`, after the program's own exit handlers.
#[unsafe(no_mangle)]
extern "C" fn posixaio_drain() {
    ending::drain();
}
