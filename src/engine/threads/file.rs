//! What a descriptor stands for.

use core::ffi::c_int;

use crate::sys::errno::Errno;
use crate::sys::files::{self, Way};
use crate::sys::status::{self, Status};

/// Which file a descriptor stood for.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Identity {
    /// Device and inode.
    pub device: u64,
    /// See `device`.
    pub inode: u64,
    /// Creation time: inode numbers are reused. 0 unless [`Identity::with_birth`] filled it in.
    pub birth: i64,
}

impl Identity {
    /// Which file a descriptor stands for now.
    pub(crate) fn now(fd: c_int) -> Result<Identity, Errno> {
        Ok(Identity::of(&status::of(fd)?).with_birth(fd))
    }

    fn of(status: &Status) -> Identity {
        Identity {
            device: status.device,
            inode: status.inode,
            birth: 0,
        }
    }

    /// Adds the creation time of the file.
    pub(crate) fn with_birth(self, fd: c_int) -> Identity {
        Identity {
            birth: files::birth(fd),
            ..self
        }
    }
}

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
    /// Which one it is.
    pub identity: Identity,
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
        let identity = Identity::of(&status);
        let is_regular = status.mode & libc::S_IFMT == libc::S_IFREG;
        Ok(File {
            fd,
            flags,
            kind,
            has_device: major(identity.device) != 0,
            identity,
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
        !self.has_device && self.size == Some(0)
    }

    /// Whether its requests go to the disk while `io_submit` returns.
    pub(crate) fn is_direct(&self) -> bool {
        self.kind == Kind::Disk && self.flags & libc::O_DIRECT != 0
    }
}

/// The major number of a device, as glibc and musl lay it out.
fn major(device: u64) -> u64 {
    ((device >> 8) & 0xfff) | ((device >> 32) & !0xfff)
}
