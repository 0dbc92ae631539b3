//! Files: what each number stands for, and the system calls of helpers, which take as long as the model says.

use std::cell::RefCell;
use std::ffi::c_int;

use super::errno::Errno;
use super::process::identity;
use super::sleeping::places;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    In,
    Out,
}

pub const RWF_NOWAIT: c_int = 8;

/// Whose requests the kernel's AIO carries out.
pub const DIRECT: c_int = 3;
/// Whose requests a pool carries out.
pub const BUFFERED: c_int = 4;
/// No file.
pub const NOTHING: c_int = 5;

thread_local! {
    /// Buffers of requests that do not end until the model lets them.
    static HELD: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    /// Which threads have carried requests out.
    static CARRIERS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// A process starts.
pub fn start() {
    HELD.take();
    CARRIERS.take();
}

/// No model has a terminal.
pub fn position(_fd: c_int) -> Result<i64, Errno> {
    Ok(0)
}

/// Lets the request of a buffer not end yet.
pub fn hold(buffer: usize) {
    HELD.with_borrow_mut(|held| held.push(buffer));
}

/// Lets it end.
pub fn let_end(buffer: usize) {
    places()
        .files
        .change(|| HELD.with_borrow_mut(|held| held.retain(|&other| other != buffer)));
}

/// How many requests were carried out on files.
pub fn carried_out() -> usize {
    carriers().len()
}

/// By which threads.
pub fn carriers() -> Vec<usize> {
    places().files.look(|| CARRIERS.with_borrow(Clone::clone))
}

fn carry_out() {
    let own = identity() / 64;
    let push = || CARRIERS.with_borrow_mut(|carriers| carriers.push(own));
    places().files.look(push);
}

pub fn status_flags(fd: c_int) -> Result<c_int, Errno> {
    match fd {
        DIRECT => Ok(libc::O_RDWR | libc::O_DIRECT),
        BUFFERED => Ok(libc::O_RDWR),
        _ => Err(Errno::EBADF),
    }
}

pub fn duplicate(fd: c_int) -> Result<c_int, Errno> {
    Ok(fd)
}

/// A helper's copy of a file has the number that the program has.
pub fn close(_: c_int) {}

pub fn poll(_: c_int, _: i16, _: i64) -> Result<u16, Errno> {
    Ok(1)
}

pub fn sync(_: c_int, _: bool) -> Result<c_int, Errno> {
    carry_out();
    Ok(0)
}

/// Nothing is in the page cache; all else is done.
pub unsafe fn transfer(
    _: Way,
    _: c_int,
    vectors: *const libc::iovec,
    _: usize,
    _: i64,
    flags: c_int,
) -> Result<c_int, Errno> {
    if flags & RWF_NOWAIT != 0 {
        return Err(Errno::EAGAIN);
    }
    let vector = unsafe { *vectors };
    let is_held = || HELD.with_borrow(|held| held.contains(&vector.iov_base.addr()));
    places()
        .files
        .sleep(i64::MAX, || (!is_held()).then_some(()))?;
    carry_out();
    Ok(vector.iov_len as c_int)
}

pub fn transfer_next(_: Way, _: c_int, _: usize, length: usize) -> Result<c_int, Errno> {
    Ok(length as c_int)
}
