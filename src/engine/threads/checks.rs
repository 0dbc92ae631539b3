//! What the kernel checks of an iocb beside the file.

use core::ffi::c_int;
use core::ptr;

use super::carry_out::Transfer;
use super::file::File;
use super::iocb::Submission;
use super::requests::many_bytes;
use crate::sys::errno::Errno;
use crate::sys::files::{RWF_APPEND, RWF_DSYNC, RWF_HIPRI, RWF_NOAPPEND, RWF_SYNC, Way};
use crate::sys::{eventfd, files, limits, probe, process, status};

/// UIO_MAXIOV.
const MOST_VECTORS: u32 = 1024;

/// Refuses an `aio_resfd` that is no eventfd.
pub(crate) fn check_eventfd(fd: c_int) -> Result<(), Errno> {
    if files::status_flags(fd)? & libc::O_PATH != 0 {
        return Err(Errno::EBADF);
    }
    if is_eventfd(fd) {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// Whether a descriptor is an eventfd: what keeps the library from ever signalling another file.
pub(crate) fn is_eventfd(fd: c_int) -> bool {
    let has_no_type = status::of(fd).is_ok_and(|file| file.mode & libc::S_IFMT == 0);
    has_no_type && eventfd::is_eventfd(fd)
}

/// `ioprio_check_cap` in `block/ioprio.c`.
pub(crate) fn check_priority(priority: u16) -> Result<(), Errno> {
    const LEVELS: u16 = 8;
    match (priority >> 13, priority % LEVELS) {
        (0, 0) | (2 | 3, _) => Ok(()),
        (1, _) if process::may_raise_priority() => Ok(()),
        (1, _) => Err(Errno::EPERM),
        _ => Err(Errno::EINVAL),
    }
}

/// The first address that no program can have.
#[cfg(target_arch = "x86_64")]
const END_OF_MEMORY: u64 = 0x7fff_ffff_f000;
#[cfg(all(target_pointer_width = "64", not(target_arch = "x86_64")))]
const END_OF_MEMORY: u64 = 1 << 63;
/// For the 64-bit kernel that a 32-bit program usually runs on, each of its addresses could be one.
#[cfg(target_pointer_width = "32")]
const END_OF_MEMORY: u64 = 1 << 47;

/// The buffer of PREAD or PWRITE, as a vector.
pub(crate) fn one_vector(iocb: &Submission) -> Result<libc::iovec, Errno> {
    /// MAX_RW_COUNT.
    const MOST: u64 = 0x7fff_f000;
    let length = iocb.nbytes.min(MOST);
    if iocb
        .buf
        .checked_add(length)
        .is_none_or(|end| end > END_OF_MEMORY)
    {
        return Err(Errno::EFAULT);
    }
    Ok(libc::iovec {
        iov_base: ptr::with_exposed_provenance_mut(iocb.buf as usize),
        iov_len: length as usize,
    })
}

/// Whether offset and length add up to more than a file can have.
pub(crate) fn overflows(transfer: &Transfer) -> bool {
    let mut end = transfer.offset;
    for index in 0..transfer.count as usize {
        // SAFETY: the index is below the count.
        let vector = unsafe { transfer.vectors.wrapping_add(index).read_unaligned() };
        let length = vector.iov_len;
        match end.checked_add(length as i64) {
            Some(sum) => end = sum,
            None => return true,
        }
    }
    transfer.offset < 0
}

/// Whether a request has a flag that the file may not have, which only the kernel knows.
pub(crate) fn has_doubtful_flag(transfer: &Transfer) -> bool {
    const WHATEVER_THE_FILE: c_int = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND | RWF_NOAPPEND;
    transfer.flags & !WHATEVER_THE_FILE != 0
}

/// Whether it writes at the end of the file, whatever the offset.
pub(crate) fn appends(file: &File, transfer: &Transfer) -> bool {
    transfer.way == Way::Out
        && (transfer.flags & RWF_APPEND != 0
            || file.flags & libc::O_APPEND != 0 && transfer.flags & RWF_NOAPPEND == 0)
}

/// Whether direct I/O is carried out before `io_submit` returns: as in the kernel, a write that makes
/// the file larger, and a read from behind its end, which would give what is written there later.
/// Further, a write beyond RLIMIT_FSIZE, for which the submitting thread gets SIGXFSZ; and what
/// has a flag that the file may not have.
pub(crate) fn ends_at_once(file: &File, transfer: &Transfer) -> bool {
    // The kernel appends inside `io_submit`, in order.
    if has_doubtful_flag(transfer) || appends(file, transfer) {
        return true;
    }
    let offset = transfer.offset as u64;
    let end = transfer.end();
    let is_beyond = |size: u64| match transfer.way {
        Way::In => offset >= size,
        Way::Out => end > size,
    };
    // A file system that is elsewhere is asked only where it matters.
    if file.size.is_some_and(is_beyond)
        && status::now_of(file.fd).is_ok_and(|file| is_beyond(file.size))
    {
        return true;
    }
    transfer.way == Way::Out && limits::file_size().is_some_and(|limit| end > limit)
}

/// Whether the thread that carries a write out gets SIGXFSZ: it begins beyond RLIMIT_FSIZE. Of what is
/// appended nobody knows yet where that will be.
pub(crate) fn may_send_signal(file: &File, transfer: &Transfer) -> bool {
    let is_beyond = |limit| appends(file, transfer) || transfer.offset as u64 >= limit;
    transfer.way == Way::Out && limits::file_size().is_some_and(is_beyond)
}

/// The array of a vectored request.
pub(crate) fn check_vectors(iocb: &Submission) -> Result<(*const libc::iovec, u32), Errno> {
    // The kernel keeps 32 bits of the count.
    let count = iocb.nbytes as u32;
    if count > MOST_VECTORS {
        return Err(Errno::EINVAL);
    }
    let vectors: *const libc::iovec = ptr::with_exposed_provenance(iocb.buf as usize);
    if count == 0 {
        return Ok((ptr::null(), 0));
    }
    if iocb.buf > END_OF_MEMORY || !probe::are_readable(vectors.cast(), many_bytes(count)) {
        return Err(Errno::EFAULT);
    }
    let all = || {
        (0..count as usize).map(|index| {
            // SAFETY: the kernel has just read them.
            unsafe { vectors.wrapping_add(index).read_unaligned() }
        })
    };
    if all().any(|vector| (vector.iov_len as isize) < 0) {
        return Err(Errno::EINVAL);
    }
    let is_out = |vector: libc::iovec| {
        let end = (vector.iov_base.addr() as u64).checked_add(vector.iov_len as u64);
        end.is_none_or(|end| end > END_OF_MEMORY)
    };
    if all().any(is_out) {
        return Err(Errno::EFAULT);
    }
    Ok((vectors, count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::threads::iocb::tests::submission;

    #[test]
    fn a_buffer_ends_where_memory_ends() {
        assert!(one_vector(&submission(0x1000, 0)).is_ok());
        assert!(one_vector(&submission(END_OF_MEMORY - 8, 8)).is_ok());
        assert_eq!(
            one_vector(&submission(END_OF_MEMORY - 8, 9)).err(),
            Some(Errno::EFAULT)
        );
        assert_eq!(
            one_vector(&submission(u64::MAX, 8)).err(),
            Some(Errno::EFAULT)
        );
        // The kernel cuts what is too long.
        let vector = one_vector(&submission(0x1000, 1 << 40)).unwrap();
        assert_eq!(vector.iov_len, 0x7fff_f000);
    }

    #[test]
    fn offset_and_length_must_fit_into_a_file() {
        let overflows = |offset, lengths: &[usize]| {
            let vectors: Vec<_> = lengths
                .iter()
                .map(|&iov_len| libc::iovec {
                    iov_base: ptr::null_mut(),
                    iov_len,
                })
                .collect();
            overflows(&Transfer {
                way: Way::In,
                vectors: vectors.as_ptr(),
                count: vectors.len() as u32,
                offset,
                flags: 0,
            })
        };
        assert!(!overflows(0, &[0]));
        assert!(overflows(-1, &[0]), "also for 0 bytes");
        assert!(!overflows(i64::MAX, &[0]));
        assert!(overflows(i64::MAX, &[1]));
        assert!(!overflows(i64::MAX - 3, &[1, 2]));
        assert!(overflows(i64::MAX - 3, &[1, 2, 1]));
    }

    #[test]
    #[cfg(not(miri))]
    fn what_appends_and_what_is_doubtful() {
        use crate::sys::files::{RWF_ATOMIC, RWF_DONTCACHE, RWF_NOWAIT};
        use std::os::fd::AsRawFd as _;

        let open = std::fs::OpenOptions::new().append(true).open("/dev/null");
        let (open, plain) = (open.unwrap(), std::fs::File::open("/dev/null").unwrap());
        let [appending, plain] = [&open, &plain].map(|file| File::of(file.as_raw_fd()).unwrap());
        let with = |way, flags| Transfer {
            way,
            vectors: ptr::null(),
            count: 0,
            offset: 0,
            flags,
        };
        assert!(appends(&appending, &with(Way::Out, 0)));
        assert!(!appends(&appending, &with(Way::Out, RWF_NOAPPEND)));
        assert!(!appends(&appending, &with(Way::In, 0)));
        assert!(!appends(&plain, &with(Way::Out, RWF_SYNC)));
        assert!(appends(&plain, &with(Way::Out, RWF_APPEND)));
        assert!(!has_doubtful_flag(&with(Way::In, RWF_HIPRI | RWF_DSYNC)));
        for flag in [RWF_NOWAIT, RWF_ATOMIC, RWF_DONTCACHE] {
            assert!(has_doubtful_flag(&with(Way::In, flag)));
        }
    }

    #[test]
    fn priorities_are_checked_by_class() {
        let class = |class: u16, level: u16| check_priority((class << 13) | level);
        assert_eq!(class(0, 0), Ok(()));
        assert_eq!(class(0, 1), Err(Errno::EINVAL), "a level of no class");
        assert_eq!(class(2, 7), Ok(()));
        assert_eq!(class(3, 0), Ok(()));
        assert_eq!(class(4, 0), Err(Errno::EINVAL));
        assert_eq!(check_priority(u16::MAX), Err(Errno::EINVAL));
    }
}
