//! System calls on files, for requests that the kernel's AIO does not carry out. None is a cancellation
//! point.

use core::ffi::{c_int, c_long, c_ulong, c_void};
use core::ptr;

use super::{keep_errno, keep_errno_long};

/// Which way data goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// From the file.
    In,
    /// To the file.
    Out,
}

/// Reads or writes the buffers. `offset` -1: at the file's own position, or a stream. A count or `-errno`.
///
/// # Safety
/// The array has `count` vectors. The buffers are the program's: the kernel checks them.
pub unsafe fn transfer(
    way: Way,
    fd: c_int,
    vectors: *const libc::iovec,
    count: u32,
    offset: i64,
    flags: c_int,
) -> i64 {
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
        return keep_errno_long(|| unsafe {
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
    let result = keep_errno_long(|| unsafe {
        libc::syscall(number, fd, vectors, count, low, high, c_long::from(flags))
    });
    if result != -c_long::from(libc::ENOSYS) {
        return result as i64;
    }
    if flags != 0 {
        return -i64::from(libc::EOPNOTSUPP);
    }
    // Before Linux 4.6.
    let result = keep_errno_long(|| {
        let number = match (way, offset) {
            (Way::In, -1) => libc::SYS_readv,
            (Way::Out, -1) => libc::SYS_writev,
            (Way::In, _) => libc::SYS_preadv,
            (Way::Out, _) => libc::SYS_pwritev,
        };
        // SAFETY: as above; the calls without an offset ignore it.
        unsafe { libc::syscall(number, fd, vectors, count, low, high) }
    });
    result as i64
}

/// `fsync(2)` or `fdatasync(2)`.
pub fn sync(fd: c_int, data_only: bool) -> c_int {
    let number = if data_only {
        libc::SYS_fdatasync
    } else {
        libc::SYS_fsync
    };
    // SAFETY: no memory is involved.
    keep_errno(|| unsafe { libc::syscall(number, c_long::from(fd)) })
}

/// The flags of an open file, or `-errno`.
pub fn status_flags(fd: c_int) -> c_int {
    fcntl(fd, libc::F_GETFL, 0)
}

/// A duplicate, closed on exec, or `-errno`. Never of a file that may have record locks: closing any
/// duplicate drops them.
pub fn duplicate(fd: c_int) -> c_int {
    // Out of the way of programs that count on the lowest numbers.
    match fcntl(fd, libc::F_DUPFD_CLOEXEC, 512) {
        result if result < 0 => fcntl(fd, libc::F_DUPFD_CLOEXEC, 0),
        duplicate => duplicate,
    }
}

/// Keeps the library's own file from being standard input, output or error. An error stays as it is.
pub fn out_of_the_way(fd: c_int) -> c_int {
    if !(0..3).contains(&fd) {
        return fd;
    }
    let higher = fcntl(fd, libc::F_DUPFD_CLOEXEC, 3);
    if higher < 0 {
        return fd;
    }
    close(fd);
    higher
}

/// When a file was made, in nanoseconds; 0 where the file system does not say.
pub fn birth(fd: c_int) -> i64 {
    const STATX_BTIME: u32 = 0x800;
    let mut status = [0u64; 32];
    // SAFETY: `struct statx` has 256 bytes.
    let result = keep_errno(|| unsafe {
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
        if result != 0 || status.cast::<u32>().read() & STATX_BTIME == 0 {
            return 0;
        }
        let seconds = status.add(80).cast::<i64>().read();
        let nanoseconds = status.add(88).cast::<u32>().read();
        seconds
            .wrapping_mul(1_000_000_000)
            .wrapping_add(i64::from(nanoseconds))
    }
}

fn fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int {
    // SAFETY: no memory is involved.
    keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_fcntl,
            c_long::from(fd),
            c_long::from(command),
            argument,
        )
    })
}

/// `close(2)`.
pub fn close(fd: c_int) {
    // SAFETY: the descriptor is the library's own.
    keep_errno(|| unsafe { libc::syscall(libc::SYS_close, c_long::from(fd)) });
}

/// Type, device and inode of an open file; none if it is not open.
pub fn status(fd: c_int) -> Option<libc::stat64> {
    let mut status = core::mem::MaybeUninit::<libc::stat64>::uninit();
    // SAFETY: the structure has room.
    let result = keep_errno(|| c_long::from(unsafe { libc::fstat64(fd, status.as_mut_ptr()) }));
    // SAFETY: filled in on success.
    (result == 0).then(|| unsafe { status.assume_init() })
}

/// Adds 1 to an eventfd, unless it is full: then a write would wait for a reader.
pub fn signal_eventfd(fd: c_int) {
    if poll(fd, libc::POLLOUT, false) & c_int::from(libc::POLLOUT) == 0 {
        return;
    }
    let one: u64 = 1;
    // SAFETY: 8 bytes are there.
    keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_write,
            c_long::from(fd),
            ptr::from_ref(&one),
            8usize,
        )
    });
}

/// Whether the descriptor is an eventfd, as far as `/proc` tells.
pub fn is_eventfd(fd: c_int) -> bool {
    const NAME: &[u8] = b"anon_inode:[eventfd]";
    let mut path = *b"/proc/self/fd/\0\0\0\0\0\0\0\0\0\0\0\0";
    write_number(&mut path, 14, fd.unsigned_abs());
    let mut name = [0u8; 32];
    // SAFETY: the path ends with a zero; the buffer has its length.
    let length = keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_readlinkat,
            c_long::from(libc::AT_FDCWD),
            path.as_ptr(),
            name.as_mut_ptr(),
            name.len(),
        )
    });
    // Without /proc the type of the file has to do; the caller looked at it.
    length < 0 || name.get(..length as usize) == Some(NAME)
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

/// What `poll(2)` says of one descriptor now, or after a wait that a signal may end. `-errno`.
pub fn poll(fd: c_int, events: i16, wait: bool) -> c_int {
    let mut one = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    let now = crate::abi::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let timeout = if wait {
        ptr::null()
    } else {
        ptr::from_ref(&now)
    };
    loop {
        // SAFETY: the structures outlive the call. ppoll is not restarted after a handler has run.
        let result = keep_errno(|| unsafe {
            libc::syscall(
                libc::SYS_ppoll,
                ptr::from_mut(&mut one),
                1usize,
                timeout,
                ptr::null::<c_void>(),
                8usize,
            )
        });
        if result >= 0 {
            return c_int::from(one.revents as u16);
        }
        // A handler may interrupt even a look that does not wait.
        if wait || result != -libc::EINTR {
            return result;
        }
    }
}

/// Whether SO_RCVTIMEO or SO_SNDTIMEO is set.
pub fn has_time_limit(fd: c_int, way: Way) -> bool {
    let option = match way {
        Way::In => libc::SO_RCVTIMEO,
        Way::Out => libc::SO_SNDTIMEO,
    };
    let mut limit = [0u64; 2];
    let mut size = size_of_val(&limit) as libc::socklen_t;
    // SAFETY: there is room for a struct timeval.
    let result = keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_getsockopt,
            c_long::from(fd),
            c_long::from(libc::SOL_SOCKET),
            c_long::from(option),
            limit.as_mut_ptr(),
            ptr::from_mut(&mut size),
        )
    });
    result == 0 && limit != [0; 2]
}

/// Whether the descriptor is a terminal.
pub fn is_terminal(fd: c_int) -> bool {
    let mut settings = [0u8; 256];
    // SAFETY: the buffer is larger than any `struct termios`.
    keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_ioctl,
            c_long::from(fd),
            libc::TCGETS as c_long,
            settings.as_mut_ptr(),
        )
    }) == 0
}

/// Processors that the machine may have.
pub fn possible_cpus() -> u32 {
    // SAFETY: errno's address is this thread's.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    // SAFETY: it only asks.
    let configured = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_CONF) };
    // SAFETY: as above.
    unsafe { *errno = before };
    configured.clamp(1, 8192) as u32
}

/// `fs.aio-max-nr`, where there is such a limit.
pub fn aio_max_nr() -> Option<u32> {
    let path = c"/proc/sys/fs/aio-max-nr";
    // SAFETY: the path ends with a zero.
    let fd = keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_openat,
            c_long::from(libc::AT_FDCWD),
            path.as_ptr(),
            c_long::from(libc::O_RDONLY | libc::O_CLOEXEC),
        )
    });
    if fd < 0 {
        return None;
    }
    let mut text = [0u8; 24];
    // SAFETY: the buffer has its length.
    let length = keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_read,
            c_long::from(fd),
            text.as_mut_ptr(),
            text.len(),
        )
    });
    close(fd);
    let mut number = None;
    for &digit in text.get(..length.max(0) as usize)? {
        if !digit.is_ascii_digit() {
            break;
        }
        let value = u64::from(number.unwrap_or(0u32)) * 10 + u64::from(digit - b'0');
        number = Some(value.min(u64::from(u32::MAX)) as u32);
    }
    number
}

/// How large this process may make a file; none: without limit.
pub fn size_limit() -> Option<u64> {
    let mut limits = [0u64; 2];
    // SAFETY: there is room for both limits.
    let result = keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_prlimit64,
            0usize,
            libc::RLIMIT_FSIZE as c_long,
            ptr::null::<c_void>(),
            limits.as_mut_ptr(),
        )
    });
    let [limit, _] = limits;
    (result == 0 && limit != u64::MAX).then_some(limit)
}
