//! System calls on files, for requests that the kernel's AIO does not carry out. None is a
//! cancellation point.

use core::ffi::{c_int, c_long, c_ulong};
use core::ptr;

use super::aio::SIGSET_SIZE;
use super::errno::{Errno, result};
use super::futex::as_timespec;
use crate::abi::timespec;

/// Flags of `preadv2(2)` and `pwritev2(2)`, of `<linux/fs.h>`.
pub(crate) const RWF_HIPRI: c_int = 0x1;
/// See [`RWF_HIPRI`].
pub(crate) const RWF_DSYNC: c_int = 0x2;
/// See [`RWF_HIPRI`].
pub(crate) const RWF_SYNC: c_int = 0x4;
/// See [`RWF_HIPRI`].
pub(crate) const RWF_NOWAIT: c_int = 0x8;
/// See [`RWF_HIPRI`].
pub(crate) const RWF_APPEND: c_int = 0x10;
/// See [`RWF_HIPRI`].
pub(crate) const RWF_NOAPPEND: c_int = 0x20;
/// See [`RWF_HIPRI`].
pub(crate) const RWF_ATOMIC: c_int = 0x40;
/// See [`RWF_HIPRI`].
pub(crate) const RWF_DONTCACHE: c_int = 0x80;
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
    match done {
        Err(Errno::ENOSYS) if flags != 0 => return Err(Errno::EOPNOTSUPP),
        // Before Linux 4.6; or a filter refuses what it does not know.
        Err(Errno::ENOSYS) => {}
        Err(Errno::EPERM) if flags == 0 => {}
        _ => return done,
    }
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

/// Whether the page cache has so many bytes of a file. None: the kernel does not tell, as before Linux 6.5
/// and of files that the process may neither write nor owns.
pub(crate) fn are_cached(fd: c_int, offset: u64, length: u64) -> Option<bool> {
    /// `cachestat(2)`: the same everywhere.
    const SYS_CACHESTAT: c_long = 451;
    if length == 0 {
        // Which would mean all that follows.
        return Some(true);
    }
    // SAFETY: it only asks.
    let page = unsafe { libc::getauxval(libc::AT_PAGESZ) } as u64;
    let range = [offset, length];
    let mut found = [0u64; 5];
    // SAFETY: a range can be read, and there is room for the answer.
    result(|| unsafe {
        libc::syscall(
            SYS_CACHESTAT,
            c_long::from(fd),
            range.as_ptr(),
            found.as_mut_ptr(),
            0usize,
        )
    })
    .ok()?;
    let [cached, ..] = found;
    let first = offset.checked_div(page)?;
    let pages = (offset + length).div_ceil(page) - first;
    Some(cached >= pages)
}

/// `read(2)` or `write(2)`. The buffer is the program's: the kernel checks it.
#[allow(dead_code)] // The interfaces' alone.
pub(crate) fn transfer_next(
    way: Way,
    fd: c_int,
    buffer: usize,
    length: usize,
) -> Result<c_int, Errno> {
    let number = match way {
        Way::In => libc::SYS_read,
        Way::Out => libc::SYS_write,
    };
    // SAFETY: the kernel checks the buffer.
    result(|| unsafe { libc::syscall(number, c_long::from(fd), buffer, length) })
}

/// Whether a file has the method that the kernel's AIO calls, and not none or only the older one, by
/// which `read(2)` and `write(2)` do as well. Linux before 6.9 does not tell those two apart: it has.
pub(crate) fn has_method(fd: c_int, way: Way) -> bool {
    let mut byte = 0u8;
    let mut of_length = |length, flags| {
        let vector = libc::iovec {
            iov_base: (&raw mut byte).cast(),
            iov_len: length,
        };
        // SAFETY: one vector is there, and so is its byte.
        unsafe { transfer(way, fd, &vector, 1, -1, flags) }
    };
    // The method refuses the two flags together, and nothing is done; the older one refuses any.
    of_length(0, 0).is_ok() && of_length(1, RWF_APPEND | RWF_NOAPPEND) != Err(Errno::EOPNOTSUPP)
        || !knows(RWF_APPEND | RWF_NOAPPEND)
}

/// Whether the kernel knows flags of files that have the method; so do pipes.
fn knows(flags: c_int) -> bool {
    let mut ends = [0; 2];
    // SAFETY: there is room for two.
    let made = result(|| unsafe {
        libc::syscall(
            libc::SYS_pipe2,
            ends.as_mut_ptr(),
            c_long::from(libc::O_CLOEXEC),
        )
    });
    if made.is_err() {
        return false;
    }
    let mut byte = 0u8;
    let vector = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    let [out, into] = ends;
    // SAFETY: one vector is there, and so is its byte. An empty pipe takes it, if nobody refuses the
    // flags.
    let done = unsafe { transfer(Way::Out, into, &vector, 1, -1, flags) };
    close(out);
    close(into);
    done == Err(Errno::EINVAL)
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

/// Where a file is read and written next. Fails with ESPIPE: it has no positions.
#[allow(dead_code)] // The interfaces' alone.
pub(crate) fn position(fd: c_int) -> Result<i64, Errno> {
    let (fd, current) = (c_long::from(fd), c_long::from(libc::SEEK_CUR));
    let mut position = 0i64;
    result(|| {
        #[cfg(target_pointer_width = "64")]
        // SAFETY: it only asks.
        unsafe {
            position = libc::syscall(libc::SYS_lseek, fd, 0usize, current);
            position
        }
        #[cfg(target_pointer_width = "32")]
        // SAFETY: there is room for a position.
        unsafe {
            let to = &raw mut position;
            libc::syscall(libc::SYS__llseek, fd, 0usize, 0usize, to, current)
        }
    })?;
    Ok(position)
}

/// A duplicate, closed on exec. Never of a file that may have record locks: closing any duplicate
/// drops them.
pub(crate) fn duplicate(fd: c_int) -> Result<c_int, Errno> {
    // Out of the way of programs that count on the lowest numbers.
    fcntl(fd, libc::F_DUPFD_CLOEXEC, 512).or_else(|_| fcntl(fd, libc::F_DUPFD_CLOEXEC, 0))
}

/// Gives this thread a descriptor table of its own, with nothing in it but `fd`. What it closes stays
/// open in the table that it had.
pub(crate) fn have_only(fd: c_int) -> Result<(), Errno> {
    /// CLOSE_RANGE_UNSHARE of <linux/close_range.h>.
    const OF_ITS_OWN: usize = 2;
    let close = |first: usize, last: usize, flags: usize| {
        // SAFETY: no memory is involved.
        result(|| unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) })
    };
    let fd = fd as usize;
    close(fd + 1, u32::MAX as usize, OF_ITS_OWN)?;
    if fd > 0 {
        close(0, fd - 1, 0)?;
    }
    Ok(())
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

/// What `poll(2)` says of one descriptor, within so many nanoseconds.
pub(crate) fn poll(fd: c_int, events: i16, nanoseconds: i64) -> Result<u16, Errno> {
    loop {
        // SAFETY: without a mask.
        let ready = unsafe { ppoll(fd, events, Some(nanoseconds), ptr::null()) };
        // A handler may interrupt even a call that does not wait.
        if ready != Err(Errno::EINTR) {
            return ready;
        }
    }
}

/// Lets handlers run whose signals have come, with the signal mask `mask`: EINTR if one did.
///
/// # Safety
/// `mask` can be read.
pub(crate) unsafe fn let_handlers_run(mask: *const libc::sigset_t) -> Result<(), Errno> {
    // SAFETY: the caller keeps the same promise.
    unsafe { ppoll(-1, 0, Some(0), mask) }.map(drop)
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

/// `ppoll(2)` of many descriptors, for so many nanoseconds at most: how many have something.
///
/// # Safety
/// There are `count` entries, and nobody else uses them.
#[allow(dead_code)] // The interfaces' alone.
pub(crate) unsafe fn poll_all(
    entries: *mut libc::pollfd,
    count: usize,
    nanoseconds: i64,
) -> Result<c_int, Errno> {
    let limit = as_timespec(nanoseconds);
    let no_mask: *const libc::sigset_t = ptr::null();
    // SAFETY: as the caller promises.
    result(|| unsafe {
        libc::syscall(
            libc::SYS_ppoll,
            entries,
            count,
            ptr::from_ref(&limit),
            no_mask,
            SIGSET_SIZE,
        )
    })
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
