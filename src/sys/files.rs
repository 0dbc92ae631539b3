//! System calls on files, for requests that the kernel's AIO does not carry out. None is a
//! cancellation point.

use core::ffi::{c_int, c_long, c_ulong};
use core::ptr;

use super::aio::SIGSET_SIZE;
use super::errno::{Errno, result};
use super::futex::as_timespec;
use crate::abi::timespec;

/// Flags of `preadv2(2)` and `pwritev2(2)`, of `<linux/fs.h>`.
pub(crate) const RWF_DSYNC: c_int = 0x2;
/// See [`RWF_DSYNC`].
pub(crate) const RWF_NOWAIT: c_int = 0x8;
/// See [`RWF_DSYNC`].
pub(crate) const RWF_APPEND: c_int = 0x10;
/// See [`RWF_DSYNC`].
pub(crate) const RWF_NOAPPEND: c_int = 0x20;
/// All that some kernel knows, up to Linux 6.18.
pub(crate) const RWF_KNOWN: c_int = 0x1ff;

/// Which way data goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// From the file.
    In,
    /// To the file.
    Out,
}

/// Reads or writes the buffers, and says how many bytes. `offset` -1: at the file's own position,
/// or a stream.
///
/// # Safety
/// The array has `count` vectors. The buffers are the program's: the kernel checks them.
pub(crate) unsafe fn transfer(
    way: Way,
    fd: c_int,
    vectors: *const libc::iovec,
    count: u32,
    offset: i64,
    flags: c_int,
) -> Result<c_int, Errno> {
    let fd = c_long::from(fd);
    #[cfg(target_pointer_width = "64")]
    if flags == 0 && count == 1 && offset >= 0 {
        let number = match way {
            Way::In => libc::SYS_pread64,
            Way::Out => libc::SYS_pwrite64,
        };
        // SAFETY: the array has one vector.
        let vector = unsafe { *vectors };
        // SAFETY: the kernel checks the buffer.
        return result(|| unsafe {
            libc::syscall(number, fd, vector.iov_base, vector.iov_len, offset)
        });
    }
    let number = match way {
        Way::In => libc::SYS_preadv2,
        Way::Out => libc::SYS_pwritev2,
    };
    let (low, high) = (offset as c_ulong, (offset >> 32) as c_ulong);
    let count = count as usize;
    // SAFETY: the kernel checks the buffers; the caller answers for the array.
    let done = result(|| unsafe {
        libc::syscall(number, fd, vectors, count, low, high, c_long::from(flags))
    });
    if done != Err(Errno::ENOSYS) {
        return done;
    }
    if flags != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    // Before Linux 4.6.
    result(|| {
        let number = match (way, offset) {
            (Way::In, -1) => libc::SYS_readv,
            (Way::Out, -1) => libc::SYS_writev,
            (Way::In, _) => libc::SYS_preadv,
            (Way::Out, _) => libc::SYS_pwritev,
        };
        // SAFETY: as above; the calls without an offset ignore it.
        unsafe { libc::syscall(number, fd, vectors, count, low, high) }
    })
}

/// `fsync(2)` or `fdatasync(2)`.
pub(crate) fn sync(fd: c_int, data_only: bool) -> Result<c_int, Errno> {
    let number = if data_only {
        libc::SYS_fdatasync
    } else {
        libc::SYS_fsync
    };
    // SAFETY: no memory is involved.
    result(|| unsafe { libc::syscall(number, c_long::from(fd)) })
}

/// The flags of an open file.
pub(crate) fn status_flags(fd: c_int) -> Result<c_int, Errno> {
    fcntl(fd, libc::F_GETFL, 0)
}

/// A duplicate, closed on exec. Never of a file that may have record locks: closing any duplicate
/// drops them.
pub(crate) fn duplicate(fd: c_int) -> Result<c_int, Errno> {
    // Out of the way of programs that count on the lowest numbers.
    fcntl(fd, libc::F_DUPFD_CLOEXEC, 512).or_else(|_| fcntl(fd, libc::F_DUPFD_CLOEXEC, 0))
}

/// Keeps the library's own file from being standard input, output or error.
pub(crate) fn out_of_the_way(fd: c_int) -> c_int {
    if fd >= 3 {
        return fd;
    }
    match fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) {
        Ok(higher) => {
            close(fd);
            higher
        }
        Err(_) => fd,
    }
}

/// When a file was made, in nanoseconds; 0 where the file system does not say.
pub(crate) fn birth(fd: c_int) -> i64 {
    const STATX_BTIME: u32 = 0x800;
    let mut status = [0u64; 32];
    // SAFETY: `struct statx` has 256 bytes.
    let done = result(|| unsafe {
        libc::syscall(
            libc::SYS_statx,
            c_long::from(fd),
            c"".as_ptr(),
            c_long::from(libc::AT_EMPTY_PATH),
            STATX_BTIME as usize,
            status.as_mut_ptr(),
        )
    });
    let status = status.as_ptr().cast::<u8>();
    // SAFETY: `stx_mask` is the first word; `stx_btime` lies at byte 80.
    unsafe {
        if done.is_err() || status.cast::<u32>().read() & STATX_BTIME == 0 {
            return 0;
        }
        let seconds = status.add(80).cast::<i64>().read();
        let nanoseconds = status.add(88).cast::<u32>().read();
        seconds
            .wrapping_mul(1_000_000_000)
            .wrapping_add(i64::from(nanoseconds))
    }
}

fn fcntl(fd: c_int, command: c_int, argument: c_long) -> Result<c_int, Errno> {
    // SAFETY: no memory is involved.
    result(|| unsafe {
        libc::syscall(
            libc::SYS_fcntl,
            c_long::from(fd),
            c_long::from(command),
            argument,
        )
    })
}

/// `close(2)`.
pub(crate) fn close(fd: c_int) {
    // SAFETY: the descriptor is the library's own.
    let _ = result(|| unsafe { libc::syscall(libc::SYS_close, c_long::from(fd)) });
}

/// What `poll(2)` says of one descriptor now, or after a wait that a signal handler may end.
pub(crate) fn poll(fd: c_int, events: i16, wait: bool) -> Result<u16, Errno> {
    let limit = if wait { None } else { Some(0) };
    loop {
        // SAFETY: without a mask.
        let ready = unsafe { ppoll(fd, events, limit, ptr::null()) };
        // A handler may interrupt even a call that does not wait.
        if wait || ready != Err(Errno::EINTR) {
            return ready;
        }
    }
}

/// Sleeps for `nanoseconds` at most, or until `fd`, if there is one, is readable, with the signal
/// mask `mask`. Whether it is readable; EINTR if a handler has run.
///
/// # Safety
/// `mask` can be read.
pub(crate) unsafe fn poll_with_mask(
    fd: Option<c_int>,
    nanoseconds: i64,
    mask: *const libc::sigset_t,
) -> Result<bool, Errno> {
    // SAFETY: the caller keeps the same promise.
    let ready = unsafe { ppoll(fd.unwrap_or(-1), libc::POLLIN, Some(nanoseconds), mask) };
    ready.map(|ready| ready != 0)
}

/// `ppoll(2)` of one descriptor (negative: none), for so many nanoseconds at most: the events that
/// it has. After a signal handler has run, the kernel does not go on waiting.
///
/// # Safety
/// `mask` is null or can be read.
unsafe fn ppoll(
    fd: c_int,
    events: i16,
    limit: Option<i64>,
    mask: *const libc::sigset_t,
) -> Result<u16, Errno> {
    let mut one = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    let limit = limit.map(as_timespec);
    let timeout = limit
        .as_ref()
        .map_or(ptr::null(), ptr::from_ref::<timespec>);
    // SAFETY: the structures outlive the call.
    result(|| unsafe {
        libc::syscall(
            libc::SYS_ppoll,
            ptr::from_mut(&mut one),
            usize::from(fd >= 0),
            timeout,
            mask,
            SIGSET_SIZE,
        )
    })?;
    Ok(one.revents as u16)
}

/// Whether SO_RCVTIMEO or SO_SNDTIMEO is set.
pub(crate) fn has_time_limit(fd: c_int, way: Way) -> bool {
    let option = match way {
        Way::In => libc::SO_RCVTIMEO,
        Way::Out => libc::SO_SNDTIMEO,
    };
    let mut limit = [0u64; 2];
    let mut size = size_of_val(&limit) as libc::socklen_t;
    // SAFETY: there is room for a struct timeval.
    let done = result(|| unsafe {
        libc::syscall(
            libc::SYS_getsockopt,
            c_long::from(fd),
            c_long::from(libc::SOL_SOCKET),
            c_long::from(option),
            limit.as_mut_ptr(),
            ptr::from_mut(&mut size),
        )
    });
    done.is_ok() && limit != [0; 2]
}

/// Whether the descriptor is a terminal.
pub(crate) fn is_terminal(fd: c_int) -> bool {
    let mut settings = [0u8; 256];
    // SAFETY: the buffer is larger than any `struct termios`.
    result(|| unsafe {
        libc::syscall(
            libc::SYS_ioctl,
            c_long::from(fd),
            libc::TCGETS as c_long,
            settings.as_mut_ptr(),
        )
    })
    .is_ok()
}
