//! Carrying one read or write out: in the submitting thread, as the kernel does for everything that
//! is not direct I/O, or in a helper.

use core::ffi::c_int;
use core::ptr;

use super::file::{File, Kind};
use super::requests::{Details, Work};
use crate::sys::errno::Errno;
use crate::sys::files::{
    self, RWF_APPEND, RWF_DONTCACHE, RWF_DSYNC, RWF_NOAPPEND, RWF_NOWAIT, Way,
};
use crate::sys::signals::Blocked;
use crate::sys::{sockets, status};

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
    /// Where it ends in the file, if it does all and does not append.
    pub(crate) fn end(&self) -> u64 {
        (0..self.count as usize).fold(self.offset as u64, |end, index| {
            // SAFETY: the index is below the count.
            let vector = unsafe { self.vectors.wrapping_add(index).read_unaligned() };
            end.saturating_add(vector.iov_len as u64)
        })
    }

    /// A read of a file on a disk from the cache alone: what a read that waits would give, if that is
    /// clear. The kernel gives less where the cache has not all, where a page of the buffer cannot be
    /// written, and at the end of the file; only then there is no more.
    ///
    /// # Safety
    /// The vectors are there.
    pub(crate) unsafe fn read_from_cache(&self, file: &File) -> Option<c_int> {
        let offset = self.offset as u64;
        // The read below would begin to read from the disk what is not there, which takes its time.
        let wanted = self.end().min(file.size.unwrap_or(u64::MAX));
        if files::are_cached(file.fd, offset, wanted.saturating_sub(offset)) == Some(false) {
            return None;
        }
        // SAFETY: the caller keeps the same promise.
        let count = unsafe { self.at(file.fd, self.offset, RWF_NOWAIT) }.ok()?;
        let end = offset + count as u64;
        // A file system that is elsewhere would have to be asked for the size.
        let is_all = end == self.end()
            || file.has_device && status::of(file.fd).is_ok_and(|file| file.regular_size() <= end);
        is_all.then_some(count)
    }

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

    /// Carries it out in the calling thread, whose signals are blocked: the result for its event. An
    /// error is one that `io_submit` refuses the request with.
    ///
    /// # Safety
    /// The vectors are there.
    pub(crate) unsafe fn in_caller(
        &self,
        file: &File,
        signals: &Blocked,
    ) -> Result<Result<c_int, Errno>, Errno> {
        match file.kind {
            Kind::Directory => return Err(Errno::EINVAL),
            Kind::Socket if self.offset != 0 => return Ok(Err(Errno::ESPIPE)),
            Kind::Pipe | Kind::Socket => {
                // SAFETY: the caller keeps the same promise.
                return Ok(unsafe { self.stream(file, signals) });
            }
            Kind::Disk | Kind::Other => {}
        }
        if file.may_lack_method() && (self.flags != 0 || self.is_of_nothing()) {
            if !files::has_method(file.fd, self.way) {
                return Err(Errno::EINVAL);
            }
            if file.is_anonymous() && self.is_of_nothing() {
                // These want a whole number, or structure.
                return Ok(Err(Errno::EINVAL));
            }
        }
        // SAFETY: the caller keeps the same promise.
        let at_once = |offset, more| unsafe { self.at(file.fd, offset, more) };
        let at = |offset, more| match file.kind {
            // It may wait, and nothing tells for how long.
            Kind::Other => signals.open(|| at_once(offset, more)),
            _ => at_once(offset, more),
        };
        // A flag that changes nothing lets the kernel refuse files that have only the old `read`
        // and `write`: its AIO refuses them too. Writes to a disk must not be made slower by it.
        let test = if self.way == Way::In || file.kind == Kind::Other || file.is_empty() {
            RWF_DSYNC
        } else {
            0
        };
        let mut offset = self.offset;
        let mut result = Err(Errno::EOPNOTSUPP);
        if file.kind == Kind::Other && !self.never_waits(file) {
            // Those that can say that they would wait are waited for.
            result = at_once(offset, RWF_NOWAIT);
            if result == Err(Errno::ESPIPE) {
                offset = -1;
                result = at_once(offset, RWF_NOWAIT);
            }
            while result == Err(Errno::EAGAIN) {
                if let Err(error) = wait_for(file.fd, self.readiness(), signals) {
                    return Ok(Err(error));
                }
                result = at_once(offset, RWF_NOWAIT);
            }
        }
        if result == Err(Errno::EOPNOTSUPP) {
            let waits = file.kind == Kind::Other && !self.never_waits(file);
            if waits && files::has_method(file.fd, self.way) {
                // A terminal: a handler that leaves by `longjmp` is not to leave from within.
                if let Err(error) = wait_for(file.fd, self.readiness(), signals) {
                    return Ok(Err(error));
                }
            }
            result = at(offset, test);
        }
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
            Ok(0) if self.is_refused_by_ext4(file) => return Ok(Err(Errno::EOPNOTSUPP)),
            _ => {}
        }
        Ok(result)
    }

    /// Whether the program has asked that it does not wait.
    fn never_waits(&self, file: &File) -> bool {
        (file.flags & libc::O_NONBLOCK) | (self.flags & RWF_NOWAIT) != 0
    }

    /// What the file is when it need not wait.
    fn readiness(&self) -> i16 {
        match self.way {
            Way::In => libc::POLLIN,
            Way::Out => libc::POLLOUT,
        }
    }

    fn is_of_nothing(&self) -> bool {
        (0..self.count as usize).all(|index| {
            // SAFETY: the index is below the count.
            unsafe { self.vectors.wrapping_add(index).read_unaligned() }.iov_len == 0
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
        may_know(file, RWF_NOWAIT)
    }

    /// Whether the kernel's AIO would refuse a request of no byte because of a flag: `preadv2` and `pwritev2` do
    /// not look at flags then.
    pub(crate) fn has_unknown_flag_and_nothing_else(&self, file: &File) -> bool {
        let flags = self.flags & (RWF_NOWAIT | RWF_DONTCACHE);
        flags != 0 && file.kind == Kind::Disk && self.is_of_nothing() && !may_know(file, flags)
    }

    /// Whether the event of a write of no byte says EOPNOTSUPP: ext4 looks at RWF_NOWAIT before it looks at the
    /// length, and does not have it for writes through the cache.
    fn is_refused_by_ext4(&self, file: &File) -> bool {
        self.way == Way::Out
            && self.flags & RWF_NOWAIT != 0
            && file.size.is_some()
            && !file.is_direct()
            && self.is_of_nothing()
            && status::is_on_ext(file.fd)
    }

    /// A pipe or socket: the offset means nothing. A blocking one blocks, and a signal handler ends
    /// that, even with SA_RESTART; so it is tried without blocking and waited for.
    ///
    /// # Safety
    /// The vectors are there.
    unsafe fn stream(&self, file: &File, signals: &Blocked) -> Result<c_int, Errno> {
        let is_empty_datagram =
            file.kind == Kind::Socket && self.way == Way::Out && self.is_of_nothing();
        let try_once = |more| {
            if is_empty_datagram {
                let waits = (self.flags | more) & RWF_NOWAIT == 0;
                return sockets::send_nothing(file.fd, waits);
            }
            // SAFETY: the caller keeps the same promise.
            unsafe { self.at(file.fd, -1, more) }
        };
        if self.never_waits(file) {
            return try_once(0);
        }
        let first = loop {
            match try_once(RWF_NOWAIT) {
                Err(Errno::EAGAIN) => {}
                Err(Errno::EOPNOTSUPP) => return signals.open(|| try_once(0)),
                result => break result?,
            }
            if file.kind == Kind::Socket && files::has_time_limit(file.fd, self.way) {
                // Only the kernel knows when it is over; with a limit a handler ends the call too.
                return signals.open(|| try_once(0));
            }
            wait_for(file.fd, self.readiness(), signals)?;
        };
        if self.way == Way::In {
            return Ok(first);
        }
        // SAFETY: the caller keeps the same promise.
        Ok(unsafe { self.rest_of_stream(file, signals, first) })
    }

    /// Writes what a blocking stream did not take at once.
    ///
    /// # Safety
    /// The vectors are there.
    unsafe fn rest_of_stream(&self, file: &File, signals: &Blocked, first: c_int) -> c_int {
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
                    Err(Errno::EAGAIN) if wait_for(file.fd, self.readiness(), signals).is_ok() => {}
                    _ => return written as c_int,
                }
            }
            before += length;
        }
        written as c_int
    }
}

/// Waits until a file is ready, in a thread whose signals are blocked. EINTR: a signal has come whose
/// handler runs when they are blocked no more, after the event: in the kernel it runs at the end of the
/// system call.
fn wait_for(fd: c_int, events: i16, signals: &Blocked) -> Result<(), Errno> {
    /// So often it looks for signals, in nanoseconds.
    const SLICE: i64 = 2_000_000;
    loop {
        // Where it does not tell, the file is tried.
        if files::poll(fd, events, SLICE) != Ok(0) {
            return Ok(());
        }
        if signals.before().would_be_handled() {
            return Err(Errno::EINTR);
        }
    }
}

/// Whether the kernel knows these flags, RWF_NOWAIT or RWF_DONTCACHE, of this file. Of what is open for writing only
/// nothing tells, but files in memory have neither.
fn may_know(file: &File, flags: c_int) -> bool {
    if !file.allows(Way::In) {
        return !file.is_in_memory();
    }
    let mut byte = 0u8;
    let vector = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    // Behind the end of every file there is nothing to read.
    // SAFETY: one byte is there.
    let result = unsafe { files::transfer(Way::In, file.fd, &vector, 1, i64::MAX - 4096, flags) };
    result != Err(Errno::EOPNOTSUPP)
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

/// Carries a request out whose file was held, or is the caller's: the result for its event.
pub(crate) fn in_helper(details: &Details) -> Result<c_int, Errno> {
    let way = match details.work {
        Work::Sync { data_only } => return files::sync(details.fd, data_only),
        Work::Poll => return Err(Errno::EINVAL),
        Work::Read => Way::In,
        Work::Write => Way::Out,
    };
    let (vectors, count) = details.buffers();
    let transfer = |flags| {
        // SAFETY: the vectors were copied into the request.
        unsafe { files::transfer(way, details.fd, vectors, count, details.offset, flags) }
    };
    if way == Way::In {
        return transfer(details.rw_flags);
    }
    if !details.is_waited_for {
        // The request was within the file. If the file ends before it now, then the program has cut it off
        // since; the kernel's AIO would have written before that.
        let size = status::of(details.fd).map_or(u64::MAX, |file| file.regular_size());
        if size <= details.offset as u64 {
            return Ok(details.length());
        }
    }
    // The program may have set O_APPEND since, or taken it back. Linux before 6.9 does not know the one
    // flag, and other kernels none.
    let result = transfer(
        details.rw_flags
            | if details.appends {
                RWF_APPEND
            } else {
                RWF_NOAPPEND
            },
    );
    match result {
        Err(Errno::EOPNOTSUPP) => transfer(details.rw_flags),
        result => result,
    }
}
