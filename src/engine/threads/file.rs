//! What a descriptor stands for.

use core::ffi::c_int;

use crate::sys::errno::Errno;
use crate::sys::files::{self, Way};
use crate::sys::status;

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

    /// Whether its requests go to the disk while `io_submit` returns.
    pub(crate) fn is_direct(&self) -> bool {
        self.kind == Kind::Disk && self.flags & libc::O_DIRECT != 0
    }
}
