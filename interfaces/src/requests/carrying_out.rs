//! Carrying a request out on a descriptor of its file, by one system call.

use core::ffi::c_int;

use super::slot::Action;
use crate::sys::errno::Errno;
use crate::sys::files::{self, RWF_NOWAIT, Way};
use crate::sys::sockets;

/// Whether files of a type are streams: to be waited for, and without a position. Of devices the
/// attempt to read them tells (ESPIPE).
pub(crate) fn is_stream(mode: u32) -> bool {
    !matches!(
        mode & libc::S_IFMT,
        libc::S_IFREG | libc::S_IFBLK | libc::S_IFDIR | libc::S_IFCHR | libc::S_IFLNK
    )
}

/// Whether files of a type may be different ones with one inode: eventfds and their like, and devices.
pub(crate) fn is_nameless(mode: u32) -> bool {
    matches!(mode & libc::S_IFMT, 0 | libc::S_IFCHR)
}

/// Reads or writes a stream without waiting: EAGAIN if it would; EOPNOTSUPP if the file does not know
/// how.
pub(crate) fn attempt(way: Way, fd: c_int, buffer: usize, length: usize) -> Result<i32, Errno> {
    let vector = libc::iovec {
        iov_base: core::ptr::with_exposed_provenance_mut(buffer),
        iov_len: length,
    };
    // SAFETY: the vector is there.
    let done = unsafe { files::transfer(way, fd, &vector, 1, -1, RWF_NOWAIT) };
    // Linux before 5.4 does not know the flag for sockets, and a filter may refuse the call.
    if !matches!(done, Err(Errno::EOPNOTSUPP | Errno::EPERM)) {
        return done;
    }
    match sockets::transfer(way, fd, buffer, length) {
        Err(Errno::ENOTSOCK | Errno::ENOSYS | Errno::EPERM) => Err(Errno::EOPNOTSUPP),
        done => done,
    }
}

/// Whether reading or writing would not wait.
pub(crate) fn is_ready(fd: c_int, way: Way) -> bool {
    files::poll(fd, events(way), 0) != Ok(0)
}

pub(crate) fn events(way: Way) -> i16 {
    match way {
        Way::In => libc::POLLIN,
        Way::Out => libc::POLLOUT,
    }
}

/// Carries a request out on a descriptor of its file.
pub(crate) fn carry_out(
    action: Action,
    fd: i32,
    buffer: usize,
    length: usize,
    offset: i64,
    is_stream: bool,
) -> Result<i32, Errno> {
    if action.is_sync() {
        return files::sync(fd, action == Action::SyncData);
    }
    if is_stream {
        return files::transfer_next(action.way(), fd, buffer, length);
    }
    if offset < 0 {
        return Err(Errno::EINVAL);
    }
    let vector = libc::iovec {
        iov_base: core::ptr::with_exposed_provenance_mut(buffer),
        iov_len: length,
    };
    // SAFETY: the vector is there.
    unsafe { files::transfer(action.way(), fd, &vector, 1, offset, 0) }
}

/// A count or `-errno`.
pub(crate) fn as_result(result: Result<i32, Errno>) -> i64 {
    result.unwrap_or_else(Errno::negated).into()
}
