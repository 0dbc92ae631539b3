//! Error numbers, and the one place that reads and restores `errno`: no function of the library
//! changes it.

use core::ffi::{c_int, c_long};
use core::ptr;

/// An error number of `errno(3)`. It is kept negated, as the kernel and libaio return it, so that a
/// result becomes a count or `-errno` without a branch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(crate) struct Errno(c_int);

// Each engine, and each width, uses its own.
#[allow(missing_docs, dead_code)]
impl Errno {
    pub(crate) const EACCES: Errno = Errno(-libc::EACCES);
    pub(crate) const EAGAIN: Errno = Errno(-libc::EAGAIN);
    pub(crate) const ECANCELED: Errno = Errno(-libc::ECANCELED);
    pub(crate) const ECONNRESET: Errno = Errno(-libc::ECONNRESET);
    pub(crate) const ENOBUFS: Errno = Errno(-libc::ENOBUFS);
    pub(crate) const ENOTCONN: Errno = Errno(-libc::ENOTCONN);
    pub(crate) const ENOTSOCK: Errno = Errno(-libc::ENOTSOCK);
    pub(crate) const EPIPE: Errno = Errno(-libc::EPIPE);
    pub(crate) const ETOOMANYREFS: Errno = Errno(-libc::ETOOMANYREFS);
    pub(crate) const EBADF: Errno = Errno(-libc::EBADF);
    pub(crate) const EFAULT: Errno = Errno(-libc::EFAULT);
    pub(crate) const EFBIG: Errno = Errno(-libc::EFBIG);
    pub(crate) const EINPROGRESS: Errno = Errno(-libc::EINPROGRESS);
    pub(crate) const EINTR: Errno = Errno(-libc::EINTR);
    pub(crate) const EINVAL: Errno = Errno(-libc::EINVAL);
    pub(crate) const EIO: Errno = Errno(-libc::EIO);
    pub(crate) const EISDIR: Errno = Errno(-libc::EISDIR);
    pub(crate) const EMFILE: Errno = Errno(-libc::EMFILE);
    pub(crate) const ENFILE: Errno = Errno(-libc::ENFILE);
    pub(crate) const ENOENT: Errno = Errno(-libc::ENOENT);
    pub(crate) const ENOMEM: Errno = Errno(-libc::ENOMEM);
    pub(crate) const ENOSYS: Errno = Errno(-libc::ENOSYS);
    pub(crate) const EOPNOTSUPP: Errno = Errno(-libc::EOPNOTSUPP);
    pub(crate) const EPERM: Errno = Errno(-libc::EPERM);
    pub(crate) const ESPIPE: Errno = Errno(-libc::ESPIPE);
    pub(crate) const ETIMEDOUT: Errno = Errno(-libc::ETIMEDOUT);

    /// Of what the kernel or libaio returned: `-errno`.
    #[inline(always)]
    #[allow(dead_code)] // The interfaces' alone.
    pub(crate) const fn of_negated(number: c_int) -> Errno {
        Errno(number)
    }

    /// As the kernel and libaio return it: `-errno`.
    #[inline(always)]
    pub(crate) const fn negated(self) -> c_int {
        self.0
    }
}

/// Makes a system call with `syscall(2)`, or calls a function that fails likewise: it returns -1
/// and sets `errno`. A failure is returned, and `errno` gets its old value back. No result is
/// larger than an `int`: the kernel transfers at most 0x7ffff000 bytes at a time.
#[inline(always)]
pub(crate) fn result(call: impl FnOnce() -> c_long) -> Result<c_int, Errno> {
    // SAFETY: the address is this thread's errno for as long as the thread lives.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above; a signal handler that changes errno restores it.
    let before = unsafe { ptr::read(errno) };
    finish(call(), before)
}

/// The rest of that: where size counts more than a call, the compiler makes it once.
fn finish(result: c_long, before: c_int) -> Result<c_int, Errno> {
    if result != -1 {
        return Ok(result as c_int);
    }
    // SAFETY: as in `result`.
    Err(Errno(-unsafe {
        ptr::replace(libc::__errno_location(), before)
    }))
}

/// Calls functions that tell of a failure in another way, and gives `errno` its old value back.
#[inline(always)]
pub(crate) fn preserve<T>(call: impl FnOnce() -> T) -> T {
    // SAFETY: as in `result`.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { ptr::read(errno) };
    let result = call();
    // SAFETY: as above.
    unsafe { ptr::write(errno, before) };
    result
}

/// Sets `errno`, for functions that are to.
#[allow(dead_code)] // The interfaces' alone.
pub(crate) fn set(error: Errno) {
    // SAFETY: as in `result`.
    unsafe { ptr::write(libc::__errno_location(), -error.negated()) };
}
