//! What is known of an open file.
//!
//! With glibc it is asked of the kernel: before 2.33 there is no function `fstat64` to link with, and
//! its structure is another one where the C library's time has 64 bits.

use core::ffi::{CStr, c_int, c_long, c_uint};
use core::mem::MaybeUninit;

use super::errno::{Errno, result};

/// What is known of an open file.
pub(crate) struct Status {
    /// Type and permissions, as `st_mode`.
    pub mode: u32,
    /// The device that it lies on: its major number in the upper half, its minor number in the lower.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// The device that it stands for, if it does, in the same way: files of several names may be one device.
    pub special: u64,
    /// Bytes.
    pub size: u64,
    /// Whether some of it lies on a disk: it has blocks.
    pub has_blocks: bool,
}

impl Status {
    /// Bytes of a regular file, and of others, which have no end, more than any has.
    pub(crate) fn regular_size(&self) -> u64 {
        if self.mode & libc::S_IFMT == libc::S_IFREG {
            self.size
        } else {
            u64::MAX
        }
    }
}

/// What the kernel knows of a descriptor's file: a file system that is elsewhere is not asked, and so
/// this does not wait for it. The kernel's AIO does not ask either.
pub(crate) fn of(fd: c_int) -> Result<Status, Errno> {
    asked(fd, libc::AT_STATX_DONT_SYNC)
}

/// The same; such a file system is asked.
pub(crate) fn now_of(fd: c_int) -> Result<Status, Errno> {
    asked(fd, 0)
}

fn asked(fd: c_int, flags: c_int) -> Result<Status, Errno> {
    const WANTED: c_uint = libc::STATX_TYPE
        | libc::STATX_MODE
        | libc::STATX_INO
        | libc::STATX_SIZE
        | libc::STATX_BLOCKS;
    let known = statx(fd, c"", libc::AT_EMPTY_PATH | flags, WANTED);
    match known {
        Ok(file) => Ok(Status {
            mode: file.mode.into(),
            device: whole(file.device),
            inode: file.inode,
            special: whole(file.special),
            size: file.size,
            has_blocks: file.blocks != 0,
        }),
        Err(Errno::EBADF) => Err(Errno::EBADF),
        // Before Linux 4.11, or in a sandbox that was made for that.
        Err(_) => by_fstat(fd),
    }
}

/// A device's number, of its halves.
fn whole([major, minor]: [u32; 2]) -> u64 {
    (u64::from(major) << 32) | u64::from(minor)
}

#[allow(clippy::unnecessary_cast)] // not the same types everywhere
fn by_fstat(fd: c_int) -> Result<Status, Errno> {
    let mut status = MaybeUninit::<Stat>::uninit();
    // SAFETY: the structure has room.
    result(|| unsafe { fstat(fd, status.as_mut_ptr()) })?;
    // SAFETY: filled in on success.
    let status = unsafe { status.assume_init() };
    // As glibc and musl lay a device's number out.
    let number = |device: u64| {
        let major = ((device >> 8) & 0xfff) | ((device >> 32) & !0xfff);
        let minor = (device & 0xff) | ((device >> 12) & !0xff & 0xffff_ffff);
        (major << 32) | minor
    };
    Ok(Status {
        mode: status.st_mode as u32,
        device: number(status.st_dev as u64),
        inode: status.st_ino as u64,
        special: number(status.st_rdev as u64),
        size: status.st_size as u64,
        has_blocks: status.st_blocks != 0,
    })
}

/// The beginning of `struct statx`.
#[repr(C)]
struct Statx {
    _mask: [u32; 2],
    _attributes: u64,
    links: u32,
    _owner: [u32; 2],
    mode: u16,
    inode: u64,
    size: u64,
    blocks: u64,
    _attributes_mask: u64,
    _times: [u64; 8],
    special: [u32; 2],
    device: [u32; 2],
    _rest: [u64; 14],
}

const _: () = assert!(size_of::<Statx>() == 256);

fn statx(fd: c_int, path: &CStr, flags: c_int, wanted: c_uint) -> Result<Statx, Errno> {
    let mut status = MaybeUninit::<Statx>::uninit();
    // SAFETY: the path ends with a zero, and the structure has room.
    result(|| unsafe {
        libc::syscall(
            libc::SYS_statx,
            c_long::from(fd),
            path.as_ptr(),
            c_long::from(flags),
            wanted as usize,
            status.as_mut_ptr(),
        )
    })?;
    // SAFETY: filled in on success.
    Ok(unsafe { status.assume_init() })
}

/// Whether a file lies on tmpfs or ramfs.
pub(crate) fn is_in_memory(fd: c_int) -> bool {
    const TMPFS: u32 = 0x0102_1994;
    const RAMFS: u32 = 0x8584_58f6;
    matches!(file_system_of(fd), Some(TMPFS | RAMFS))
}

/// Whether a file lies on ext2, ext3 or ext4.
pub(crate) fn is_on_ext(fd: c_int) -> bool {
    const EXT: u32 = 0xef53;
    file_system_of(fd) == Some(EXT)
}

/// The type of the file system that a file lies on.
fn file_system_of(fd: c_int) -> Option<u32> {
    // `struct statfs` begins with the type, whose lower half comes first where it is 64 bits long.
    let mut status = [0u32; 64];
    // SAFETY: there is room for the structure.
    let done = result(|| unsafe {
        libc::syscall(libc::SYS_fstatfs, c_long::from(fd), status.as_mut_ptr())
    });
    let [kind, ..] = status;
    done.is_ok().then_some(kind)
}

/// How many links a file has, by its path.
pub(crate) fn links_of(path: &CStr) -> Result<u32, Errno> {
    Ok(statx(libc::AT_FDCWD, path, 0, libc::STATX_NLINK)?.links)
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
    st_rdev: u64,
    _between: u32,
    st_size: i64,
    _blksize: u32,
    st_blocks: u64,
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
            let wanted = file.metadata().unwrap();
            let (major, minor) = (libc::major(wanted.dev()), libc::minor(wanted.dev()));
            for found in [of(file.as_raw_fd()), by_fstat(file.as_raw_fd())] {
                let found = found.unwrap();
                assert_eq!(found.mode, wanted.mode(), "{path:?}");
                assert_eq!(found.device, whole([major, minor]), "{path:?}");
                assert_eq!(found.inode, wanted.ino(), "{path:?}");
                let (major, minor) = (libc::major(wanted.rdev()), libc::minor(wanted.rdev()));
                assert_eq!(found.special, whole([major, minor]), "{path:?}");
                assert_eq!(found.size, wanted.len(), "{path:?}");
                assert_eq!(found.has_blocks, wanted.blocks() != 0, "{path:?}");
            }
        }
        assert!(of(-1).is_err_and(|error| error == Errno::EBADF));
    }
}
