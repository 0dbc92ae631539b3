//! What is known of an open file.
//!
//! With glibc it is asked of the kernel: before 2.33 there is no function `fstat64` to link with, and
//! its structure is another one where the C library's time has 64 bits.

use core::ffi::{c_int, c_long};
use core::mem::MaybeUninit;

use super::errno::{Errno, result};

/// What is known of an open file.
pub(crate) struct Status {
    /// Type and permissions, as `st_mode`.
    pub mode: u32,
    /// The device that it lies on, as `st_dev`.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
}

/// What `fstat(2)` tells of a descriptor.
#[allow(clippy::unnecessary_cast)] // not the same types everywhere
pub(crate) fn of(fd: c_int) -> Result<Status, Errno> {
    let mut status = MaybeUninit::<Stat>::uninit();
    // SAFETY: the structure has room.
    result(|| unsafe { fstat(fd, status.as_mut_ptr()) })?;
    // SAFETY: filled in on success.
    let status = unsafe { status.assume_init() };
    Ok(Status {
        mode: status.st_mode as u32,
        device: status.st_dev as u64,
        inode: status.st_ino as u64,
        size: status.st_size as u64,
    })
}

#[cfg(all(
    target_env = "gnu",
    target_pointer_width = "64",
    not(target_arch = "loongarch64")
))]
use libc::{SYS_fstat as FSTAT, stat64 as Stat};

#[cfg(all(target_env = "gnu", any(target_arch = "x86", target_arch = "arm")))]
use libc::SYS_fstat64 as FSTAT;

/// The kernel's `struct stat64` (`<asm/stat.h>` of i386 and arm).
#[cfg(all(target_env = "gnu", any(target_arch = "x86", target_arch = "arm")))]
#[repr(C)]
struct Stat {
    st_dev: u64,
    _before: [u32; 2],
    st_mode: u32,
    _nlink: u32,
    _uid: u32,
    _gid: u32,
    _rdev: u64,
    _between: u32,
    st_size: i64,
    _blksize: u32,
    _blocks: u64,
    _times: [u32; 6],
    st_ino: u64,
}

/// # Safety
/// `status` has room.
#[cfg(all(
    target_env = "gnu",
    not(any(target_arch = "loongarch64", target_arch = "powerpc"))
))]
unsafe fn fstat(fd: c_int, status: *mut Stat) -> c_long {
    // SAFETY: the caller keeps the same promise.
    unsafe { libc::syscall(FSTAT, c_long::from(fd), status) }
}

#[cfg(not(all(
    target_env = "gnu",
    not(any(target_arch = "loongarch64", target_arch = "powerpc"))
)))]
use libc::stat64 as Stat;

/// # Safety
/// `status` has room.
#[cfg(not(all(
    target_env = "gnu",
    not(any(target_arch = "loongarch64", target_arch = "powerpc"))
)))]
unsafe fn fstat(fd: c_int, status: *mut Stat) -> c_long {
    // SAFETY: the caller keeps the same promise.
    c_long::from(unsafe { libc::fstat64(fd, status) })
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn the_status_of_a_file_is_what_the_c_library_says() {
        // A directory, a device, and files: of a disk with a length, and of /proc.
        let itself = std::env::current_exe().unwrap();
        let paths = ["/", "/dev/null", "/proc/self/stat"];
        for path in paths.into_iter().map(Into::into).chain([itself]) {
            let file = std::fs::File::open(&path).unwrap();
            let (wanted, found) = (file.metadata().unwrap(), of(file.as_raw_fd()).unwrap());
            assert_eq!(found.mode, wanted.mode(), "{path:?}");
            assert_eq!(found.device, wanted.dev(), "{path:?}");
            assert_eq!(found.inode, wanted.ino(), "{path:?}");
            assert_eq!(found.size, wanted.len(), "{path:?}");
        }
        assert!(of(-1).is_err_and(|error| error == Errno::EBADF));
    }
}
