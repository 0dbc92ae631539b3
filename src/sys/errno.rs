//! Error numbers, and the one place that reads and restores `errno`: no function of the library
//! changes it.

use core::ffi::{c_int, c_long};
use core::ptr;

/// An error number of `errno(3)`. It is kept negated, as the kernel and libaio return it, so that a
/// result becomes a count or `-errno` without a branch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Errno(c_int);

#[allow(missing_docs)]
impl Errno {
    pub const EAGAIN: Errno = Errno(-libc::EAGAIN);
    pub const EBADF: Errno = Errno(-libc::EBADF);
    pub const ECANCELED: Errno = Errno(-libc::ECANCELED);
    pub const EFAULT: Errno = Errno(-libc::EFAULT);
    pub const EINPROGRESS: Errno = Errno(-libc::EINPROGRESS);
    pub const EINTR: Errno = Errno(-libc::EINTR);
    pub const EINVAL: Errno = Errno(-libc::EINVAL);
    pub const EISDIR: Errno = Errno(-libc::EISDIR);
    pub const ENOMEM: Errno = Errno(-libc::ENOMEM);
    pub const ENOSYS: Errno = Errno(-libc::ENOSYS);
    pub const EOPNOTSUPP: Errno = Errno(-libc::EOPNOTSUPP);
    pub const EPERM: Errno = Errno(-libc::EPERM);
    pub const ESPIPE: Errno = Errno(-libc::ESPIPE);
    pub const ETIMEDOUT: Errno = Errno(-libc::ETIMEDOUT);

    /// As the kernel and libaio return it: `-errno`.
    #[inline(always)]
    pub const fn negated(self) -> c_int {
        self.0
    }
}

/// Makes a system call with `syscall(2)`, or calls a function that fails likewise: it returns -1
/// and sets `errno`. A failure is returned, and `errno` gets its old value back. No result is
/// larger than an `int`: the kernel transfers at most 0x7ffff000 bytes at a time.
#[inline(always)]
pub fn result(call: impl FnOnce() -> c_long) -> Result<c_int, Errno> {
    // SAFETY: the address is this thread's errno for as long as the thread lives.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above; a signal handler that changes errno restores it.
    let before = unsafe { ptr::read(errno) };
    let result = call();
    if result != -1 {
        return Ok(result as c_int);
    }
    // SAFETY: as above.
    Err(Errno(-unsafe { ptr::replace(errno, before) }))
}

/// Calls functions that tell of a failure in another way, and gives `errno` its old value back.
#[inline(always)]
pub fn preserve<T>(call: impl FnOnce() -> T) -> T {
    // SAFETY: as in `result`.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { ptr::read(errno) };
    let result = call();
    // SAFETY: as above.
    unsafe { ptr::write(errno, before) };
    result
}
