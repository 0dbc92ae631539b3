//! What a descriptor stands for.

use core::ffi::c_int;

use crate::configuration;
use crate::engine::tables::LANES;
use crate::sys::errno::Errno;
use crate::sys::files::{self, Way};
use crate::sys::status::{self, Status};

/// What kind of file a descriptor stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A regular file or a block device.
    Disk,
    /// A directory.
    Directory,
    /// A pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A character device, or a file without a name such as an eventfd.
    Other,
}

/// An open file.
#[derive(Clone, Copy)]
pub(crate) struct File {
    /// The descriptor.
    pub fd: c_int,
    /// Its status flags.
    pub flags: c_int,
    /// What it is.
    pub kind: Kind,
    /// Whether it lies on a block device; files of `/proc` do not.
    pub has_device: bool,
    /// Whether it has no type.
    is_anonymous: bool,
    /// Bytes of a regular file; none of others, which have no end.
    pub size: Option<u64>,
    /// Whether it has blocks.
    has_blocks: bool,
    /// In which lane its requests keep their order. 0: in none, as `io_submit` itself keeps it.
    pub lane: u32,
}

impl File {
    /// What is behind a descriptor; EBADF if nothing is, or only a path.
    pub(crate) fn of(fd: c_int) -> Result<File, Errno> {
        let flags = files::status_flags(fd)?;
        if flags & libc::O_PATH != 0 {
            return Err(Errno::EBADF);
        }
        let status = status::of(fd).map_err(|_| Errno::EBADF)?;
        let kind = match status.mode & libc::S_IFMT {
            libc::S_IFREG | libc::S_IFBLK => Kind::Disk,
            libc::S_IFDIR => Kind::Directory,
            libc::S_IFIFO => Kind::Pipe,
            libc::S_IFSOCK => Kind::Socket,
            _ => Kind::Other,
        };
        let is_regular = status.mode & libc::S_IFMT == libc::S_IFREG;
        Ok(File {
            fd,
            flags,
            kind,
            has_device: status.device >> 32 != 0,
            is_anonymous: status.mode & libc::S_IFMT == 0,
            size: is_regular.then_some(status.size),
            has_blocks: status.has_blocks,
            lane: if configuration::submits_asynchronously() {
                lane_of(&status)
            } else {
                0
            },
        })
    }

    /// Whether it is open for this way.
    pub(crate) fn allows(&self, way: Way) -> bool {
        let without = match way {
            Way::In => libc::O_WRONLY,
            Way::Out => libc::O_RDONLY,
        };
        self.flags & libc::O_ACCMODE != without
    }

    /// Whether it is a regular file without contents, such as those of `/proc`: it may lack what
    /// others have.
    pub(crate) fn is_empty(&self) -> bool {
        // A file system that is elsewhere may not have been asked yet.
        let is_so = || status::now_of(self.fd).is_ok_and(|file| file.size == 0);
        !self.has_device && self.size == Some(0) && is_so()
    }

    /// Whether it may be of a kind that the kernel's AIO does not read, or not write.
    pub(crate) fn may_lack_method(&self) -> bool {
        self.kind == Kind::Other || self.is_empty()
    }

    /// Whether it may be one whose file system has a cache that can be left out: for others the kernel
    /// does not know RWF_DONTCACHE.
    pub(crate) fn has_cache(&self) -> bool {
        self.kind == Kind::Disk && !self.is_empty()
    }

    /// Whether it is a file without a type, such as an eventfd.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }

    /// Whether it is open both ways.
    pub(crate) fn is_both_ways(&self) -> bool {
        self.flags & libc::O_ACCMODE == libc::O_RDWR
    }

    /// Whether there is no disk under it: its direct requests end inside `io_submit`. The file by which a
    /// block device is opened lies in memory, the device does not.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.size.is_some() && !self.has_device && status::is_in_memory(self.fd)
    }

    /// Whether its requests may have to wait for a disk. A file without a block device under it, such as
    /// those of `/sys`, may have no contents that lie anywhere.
    pub(crate) fn may_wait(&self) -> bool {
        let is_somewhere = self.has_device || self.size.is_none() || self.has_blocks;
        self.kind == Kind::Disk && is_somewhere && !self.is_in_memory()
    }

    /// Whether its requests go to the disk while `io_submit` returns.
    pub(crate) fn is_direct(&self) -> bool {
        self.kind == Kind::Disk && self.flags & libc::O_DIRECT != 0
    }
}

/// In which lane the requests of a file keep their order: 1 or more. A block device is the same one by whatever
/// file it is opened.
fn lane_of(status: &Status) -> u32 {
    let (device, inode) = if status.mode & libc::S_IFMT == libc::S_IFBLK {
        (status.special, 0)
    } else {
        (status.device, status.inode)
    };
    let mixed = (device ^ inode.rotate_left(32) ^ inode).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32 % LANES as u32 + 1
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd as _;

    #[test]
    fn some_files_may_wait_for_a_disk() {
        let itself = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        let own = File::of(itself.as_raw_fd()).unwrap();
        assert_eq!(own.may_wait(), !own.is_in_memory());
        for path in [
            "/",
            "/dev/null",
            "/proc/self/stat",
            "/sys/kernel/uevent_seqnum",
        ] {
            // Not every root has all of them.
            if let Ok(open) = std::fs::File::open(path) {
                assert!(!File::of(open.as_raw_fd()).unwrap().may_wait(), "{path}");
            }
        }
    }

    fn lane(mode: u32, (device, inode): (u64, u64), special: u64) -> u32 {
        lane_of(&Status {
            mode,
            device,
            inode,
            special,
            size: 0,
            has_blocks: true,
        })
    }

    #[test]
    fn a_block_device_has_one_lane() {
        let loop_zero = 7 << 32;
        let device = |name, special| lane(libc::S_IFBLK | 0o600, name, special);
        let in_dev = device((5, 12), loop_zero);
        for inode in 0..100 {
            assert_eq!(device((8 << 32, inode), loop_zero), in_dev);
        }
        let others = (1..16).filter(|minor| device((5, 12), loop_zero | minor) != in_dev);
        assert!(others.count() > 8);
        // A directory, or a file, is not what happens to have its number.
        let file = |name| lane(libc::S_IFREG | 0o600, name, loop_zero);
        assert_ne!(file((8 << 32, 2)), file((8 << 32, 3)));
    }

    #[test]
    fn files_have_lanes_of_their_own_mostly() {
        let lane_of = |device, inode| lane(libc::S_IFREG, (device, inode), 0);
        let mut taken = [0u32; LANES + 1];
        for inode in 1..=LANES as u64 * 8 {
            if let Some(count) = taken.get_mut(lane_of(8 << 32, inode) as usize) {
                *count += 1;
            }
        }
        let [none, lanes @ ..] = taken;
        assert_eq!(none, 0);
        assert!(lanes.iter().all(|&count| (1..64).contains(&count)));
        // The same file of another device.
        let others =
            (0..16u64).filter(|minor| lane_of((8 << 32) | minor, 2) != lane_of(8 << 32, 2));
        assert!(others.count() > 8);
    }
}
