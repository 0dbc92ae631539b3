//! Eventfds, which are the program's.

use core::ffi::{c_int, c_long};
use core::ptr;

use super::errno::{Errno, result};
use super::files;

/// `eventfd2(2)`: closed on exec, and never waited for.
#[allow(dead_code)] // The interfaces' alone.
pub(crate) fn make() -> Result<c_int, Errno> {
    let flags = libc::EFD_CLOEXEC | libc::EFD_NONBLOCK;
    // SAFETY: no memory is involved.
    result(|| unsafe { libc::syscall(libc::SYS_eventfd2, 0 as c_long, c_long::from(flags)) })
}

/// Adds 1 to an eventfd of the library's own.
#[allow(dead_code)] // As above.
pub(crate) fn add(fd: c_int) {
    let _ = write(fd, 1);
}

/// Takes all from an eventfd of the library's own.
#[allow(dead_code)] // As above.
pub(crate) fn empty(fd: c_int) {
    let mut count = 0u64;
    // SAFETY: there is room for 8 bytes.
    let _ = result(|| unsafe {
        libc::syscall(
            libc::SYS_read,
            c_long::from(fd),
            ptr::from_mut(&mut count),
            8usize,
        )
    });
}

/// Adds to an eventfd, unless it is full: then a write would wait for a reader.
pub(crate) fn signal(fd: c_int, times: u32) {
    let never_waits = files::status_flags(fd).is_ok_and(|flags| flags & libc::O_NONBLOCK != 0);
    if times > 1 && never_waits && write(fd, times.into()).is_ok() {
        return;
    }
    for _ in 0..times {
        let writable = files::poll(fd, libc::POLLOUT, 0).unwrap_or(0);
        if writable & libc::POLLOUT as u16 == 0 || write(fd, 1).is_err() {
            return;
        }
    }
}

fn write(fd: c_int, count: u64) -> Result<c_int, Errno> {
    // SAFETY: 8 bytes are there.
    result(|| unsafe {
        libc::syscall(
            libc::SYS_write,
            c_long::from(fd),
            ptr::from_ref(&count),
            8usize,
        )
    })
}

/// Whether a descriptor is an eventfd. Where there is no `/proc`, every file is taken for one;
/// callers have looked at its type.
pub(crate) fn is_eventfd(fd: c_int) -> bool {
    const NAME: &[u8] = b"anon_inode:[eventfd]";
    // Threads of the library have a table of their own.
    let mut path = *b"/proc/thread-self/fd/\0\0\0\0\0\0\0\0\0\0\0\0";
    write_number(&mut path, 21, fd.unsigned_abs());
    let mut name = [0u8; 32];
    // SAFETY: the path ends with a zero; the buffer has its length.
    let length = result(|| unsafe {
        libc::syscall(
            libc::SYS_readlinkat,
            c_long::from(libc::AT_FDCWD),
            path.as_ptr(),
            name.as_mut_ptr(),
            name.len(),
        )
    });
    match length {
        Ok(length) => name.get(..length as usize) == Some(NAME),
        Err(_) => true,
    }
}

fn write_number(text: &mut [u8], mut at: usize, number: u32) {
    let mut divisor = 1_000_000_000;
    let mut started = false;
    while divisor > 0 {
        let digit = (number / divisor % 10) as u8;
        started |= digit != 0 || divisor == 1;
        if started {
            if let Some(place) = text.get_mut(at) {
                *place = b'0' + digit;
            }
            at += 1;
        }
        divisor /= 10;
    }
}
