//! Carrying one read or write out: in the submitting thread, as the kernel does for everything that
//! is not direct I/O, or in a helper.

use core::ffi::c_int;
use core::ptr;

use super::file::{File, Identity, Kind};
use super::requests::{Details, Work};
use crate::sys::errno::Errno;
use crate::sys::files::{self, RWF_DSYNC, RWF_NOWAIT, Way};

/// How a request ended that the submitting thread carried out.
#[derive(Clone, Copy)]
pub(crate) struct Done {
    /// The result for its event.
    pub result: Result<c_int, Errno>,
    /// Whether the file takes plain requests at an offset.
    pub is_positional: bool,
}

/// A read or write.
#[derive(Clone, Copy)]
pub(crate) struct Transfer {
    /// Which way.
    pub way: Way,
    /// The buffers.
    pub vectors: *const libc::iovec,
    /// How many.
    pub count: u32,
    /// Where in the file.
    pub offset: i64,
    /// RWF_*.
    pub flags: c_int,
}

impl Transfer {
    /// # Safety
    /// The vectors are there.
    unsafe fn at(&self, fd: c_int, offset: i64, more_flags: c_int) -> Result<c_int, Errno> {
        // SAFETY: the caller keeps the same promise.
        unsafe {
            files::transfer(
                self.way,
                fd,
                self.vectors,
                self.count,
                offset,
                self.flags | more_flags,
            )
        }
    }

    /// Carries it out at its offset, whatever the file is. None: the file is not what it was taken
    /// for, or the request cannot be carried out like that, and nothing was done.
    ///
    /// # Safety
    /// The vectors are there.
    pub(crate) unsafe fn on_known_file(&self, fd: c_int) -> Option<Result<c_int, Errno>> {
        // SAFETY: the caller keeps the same promise.
        match unsafe { self.at(fd, self.offset, 0) } {
            Err(Errno::EBADF | Errno::ESPIPE | Errno::EISDIR | Errno::EINVAL) => None,
            result => Some(result),
        }
    }

    /// Carries it out in the calling thread. An error is one that `io_submit` refuses the request
    /// with.
    ///
    /// # Safety
    /// The vectors are there.
    pub(crate) unsafe fn in_caller(&self, file: &File) -> Result<Done, Errno> {
        let done = |result| {
            Ok(Done {
                result,
                is_positional: false,
            })
        };
        // SAFETY: the caller keeps the same promise.
        let at = |offset, more| unsafe { self.at(file.fd, offset, more) };
        match file.kind {
            Kind::Directory => return Err(Errno::EINVAL),
            Kind::Socket if self.offset != 0 => return done(Err(Errno::ESPIPE)),
            Kind::Pipe | Kind::Socket => {
                // SAFETY: the caller keeps the same promise.
                return done(unsafe { self.stream(file) });
            }
            Kind::Disk | Kind::Other => {}
        }
        // A flag that changes nothing lets the kernel refuse files that have only the old `read`
        // and `write`: its AIO refuses them too. Writes to a disk must not be made slower by it.
        let test = if self.way == Way::In || file.kind == Kind::Other || file.is_empty() {
            RWF_DSYNC
        } else {
            0
        };
        let mut offset = self.offset;
        let mut result = at(offset, test);
        if result == Err(Errno::ESPIPE) && file.kind == Kind::Other {
            offset = -1;
            result = at(offset, test);
        }
        if result == Err(Errno::EOPNOTSUPP) && test != 0 && self.flags == 0 {
            if knows_flags(file, self) {
                return Err(Errno::EINVAL);
            }
            result = at(offset, 0);
        }
        match result {
            Err(Errno::EISDIR) => return Err(Errno::EINVAL),
            Err(Errno::EINVAL) if !self.is_possible(file) => return Err(Errno::EINVAL),
            Err(Errno::EBADF) => return Err(Errno::EBADF),
            Err(Errno::EOPNOTSUPP) if !self.is_late_refusal(file) => {
                return Err(Errno::EOPNOTSUPP);
            }
            _ => {}
        }
        let is_positional = self.flags == 0 && offset >= 0 && result.is_ok();
        Ok(Done {
            result,
            is_positional,
        })
    }

    /// Whether the file can be read or written at all: the kernel looks at that before it looks at
    /// the length.
    fn is_possible(&self, file: &File) -> bool {
        if file.kind != Kind::Other {
            return true;
        }
        // SAFETY: one vector is there.
        unsafe { files::transfer(self.way, file.fd, &NOTHING, 1, -1, 0) }.is_ok()
    }

    /// Whether EOPNOTSUPP came from the file system, for a request that the kernel's AIO would have
    /// accepted: RWF_NOWAIT on a file that knows it in general.
    fn is_late_refusal(&self, file: &File) -> bool {
        if self.flags & RWF_NOWAIT == 0 || file.kind != Kind::Disk {
            return false;
        }
        if !file.allows(Way::In) {
            return true;
        }
        let mut byte = 0u8;
        let vector = libc::iovec {
            iov_base: (&raw mut byte).cast(),
            iov_len: 1,
        };
        // Behind the end of every file there is nothing to read.
        // SAFETY: one byte is there.
        let result =
            unsafe { files::transfer(Way::In, file.fd, &vector, 1, i64::MAX - 4096, RWF_NOWAIT) };
        result != Err(Errno::EOPNOTSUPP)
    }

    /// A pipe or socket: the offset means nothing. A blocking one blocks, and a signal handler ends
    /// that, even with SA_RESTART; so it is tried without blocking and waited for.
    ///
    /// # Safety
    /// The vectors are there.
    unsafe fn stream(&self, file: &File) -> Result<c_int, Errno> {
        // SAFETY: the caller keeps the same promise.
        let try_once = |more| unsafe { self.at(file.fd, -1, more) };
        if (file.flags & libc::O_NONBLOCK) | (self.flags & RWF_NOWAIT) != 0 {
            return try_once(0);
        }
        let events = match self.way {
            Way::In => libc::POLLIN,
            Way::Out => libc::POLLOUT,
        };
        let first = loop {
            match try_once(RWF_NOWAIT) {
                Err(Errno::EAGAIN) => {}
                Err(Errno::EOPNOTSUPP) => return try_once(0),
                result => break result?,
            }
            if file.kind == Kind::Socket && files::has_time_limit(file.fd, self.way) {
                // Only the kernel knows when it is over; with a limit a handler ends the call too.
                return try_once(0);
            }
            files::poll(file.fd, events, true)?;
        };
        if self.way == Way::In {
            return Ok(first);
        }
        // SAFETY: the caller keeps the same promise.
        Ok(unsafe { self.rest_of_stream(file, events, first) })
    }

    /// Writes what a blocking stream did not take at once.
    ///
    /// # Safety
    /// The vectors are there.
    unsafe fn rest_of_stream(&self, file: &File, events: i16, first: c_int) -> c_int {
        let mut written = first as u64;
        let mut before = 0;
        for index in 0..self.count as usize {
            // SAFETY: the index is below the count.
            let vector = unsafe { self.vectors.wrapping_add(index).read_unaligned() };
            let length = vector.iov_len as u64;
            while written < before + length {
                let skip = (written - before) as usize;
                let rest = libc::iovec {
                    iov_base: vector.iov_base.wrapping_byte_add(skip),
                    iov_len: vector.iov_len - skip,
                };
                // SAFETY: one vector is there.
                let result = unsafe {
                    files::transfer(self.way, file.fd, &rest, 1, -1, self.flags | RWF_NOWAIT)
                };
                match result {
                    Ok(count) if count > 0 => written += count as u64,
                    Err(Errno::EAGAIN) if files::poll(file.fd, events, true).is_ok() => {}
                    _ => return written as c_int,
                }
            }
            before += length;
        }
        written as c_int
    }
}

/// A buffer of no length.
const NOTHING: libc::iovec = libc::iovec {
    iov_base: ptr::null_mut(),
    iov_len: 0,
};

/// Whether the kernel has `preadv2` and `pwritev2`. Where it has not, `files::transfer` answers
/// every flag with EOPNOTSUPP; else it takes a flag with no buffer.
fn knows_flags(file: &File, transfer: &Transfer) -> bool {
    // SAFETY: one vector is there.
    let result = unsafe { files::transfer(transfer.way, file.fd, &NOTHING, 1, -1, RWF_DSYNC) };
    result != Err(Errno::EOPNOTSUPP)
}

/// Carries a request out in a helper: the result for its event.
pub(crate) fn in_helper(details: &Details) -> Result<c_int, Errno> {
    // The program may have closed the descriptor, and opened another file under its number.
    if Identity::now(details.fd) != Ok(details.identity) {
        return Err(Errno::EBADF);
    }
    let way = match details.work {
        Work::Sync { data_only } => return files::sync(details.fd, data_only),
        Work::Poll => return Err(Errno::EINVAL),
        Work::Read => Way::In,
        Work::Write => Way::Out,
    };
    let (vectors, count) = details.buffers();
    // SAFETY: the vectors were copied into the request.
    unsafe {
        files::transfer(
            way,
            details.fd,
            vectors,
            count,
            details.offset,
            details.rw_flags,
        )
    }
}
