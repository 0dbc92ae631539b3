//! What the system and the process are limited to.

use core::ffi::{c_long, c_void};
use core::ptr;

use super::errno::{self, result};
use super::files;

/// Processors that the machine may have.
pub(crate) fn possible_cpus() -> u32 {
    // SAFETY: it only asks.
    let configured = errno::preserve(|| unsafe { libc::sysconf(libc::_SC_NPROCESSORS_CONF) });
    configured.clamp(1, 8192) as u32
}

/// `fs.aio-max-nr`, where there is such a limit.
pub(crate) fn aio_max_nr() -> Option<u32> {
    let path = c"/proc/sys/fs/aio-max-nr";
    // SAFETY: the path ends with a zero.
    let fd = result(|| unsafe {
        libc::syscall(
            libc::SYS_openat,
            c_long::from(libc::AT_FDCWD),
            path.as_ptr(),
            c_long::from(libc::O_RDONLY | libc::O_CLOEXEC),
        )
    })
    .ok()?;
    let mut text = [0u8; 24];
    // SAFETY: the buffer has its length.
    let length = result(|| unsafe {
        libc::syscall(
            libc::SYS_read,
            c_long::from(fd),
            text.as_mut_ptr(),
            text.len(),
        )
    });
    files::close(fd);
    let mut number = None;
    for &digit in text.get(..length.unwrap_or(0) as usize)? {
        if !digit.is_ascii_digit() {
            break;
        }
        let value = u64::from(number.unwrap_or(0u32)) * 10 + u64::from(digit - b'0');
        number = Some(value.min(u64::from(u32::MAX)) as u32);
    }
    number
}

/// How large this process may make a file; None: without limit.
pub(crate) fn file_size() -> Option<u64> {
    soft(libc::RLIMIT_FSIZE as c_long)
}

/// How many files this process may have open.
pub(crate) fn open_files() -> u32 {
    let limit = soft(libc::RLIMIT_NOFILE as c_long).unwrap_or(u64::MAX);
    limit.min(u64::from(u32::MAX)) as u32
}

/// A limit of the process; None: without limit.
fn soft(resource: c_long) -> Option<u64> {
    let mut limits = [0u64; 2];
    // SAFETY: there is room for both limits.
    let done = result(|| unsafe {
        libc::syscall(
            libc::SYS_prlimit64,
            0usize,
            resource,
            ptr::null::<c_void>(),
            limits.as_mut_ptr(),
        )
    });
    let [limit, _] = limits;
    (done.is_ok() && limit != u64::MAX).then_some(limit)
}
