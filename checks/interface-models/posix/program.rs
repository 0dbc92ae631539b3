//! A program with requests.

use std::ffi::c_int;

use super::calls;
use super::lists::{self, Version};
use super::structures::{Offsets, aiocb};
use crate::requests::slot::Action;
use crate::sync::yield_now;
use crate::sys::errno::Errno;
use crate::sys::files::DIRECT;
use crate::sys::notifications;

pub const IN_PROGRESS: c_int = libc::EINPROGRESS;

/// A request of the program's, which stays as long as the model.
#[derive(Clone, Copy)]
pub struct Cb(*mut aiocb);

/// How it is told of the end.
#[derive(Clone, Copy)]
pub enum Told {
    Not,
    /// By a signal with that value.
    Signal(usize),
    /// By a call with that value, which notes it.
    Call(usize),
}

impl Cb {
    /// A request of a file, of so many bytes.
    pub fn new(fd: c_int, length: usize, told: Told) -> Cb {
        let mut cb: Box<aiocb> = Box::new(unsafe { std::mem::zeroed() });
        cb.aio_fildes = fd;
        cb.aio_nbytes = length;
        // A buffer of its own.
        cb.aio_buf = length;
        let event: *mut c_int = (&raw mut cb.aio_sigevent).cast();
        let (value, notify) = match told {
            Told::Not => (0, 1),
            Told::Signal(value) => (value, 0),
            Told::Call(value) => (value, 2),
        };
        unsafe {
            event.cast::<usize>().write(value);
            event.byte_add(8).write(libc::SIGUSR1);
            event.byte_add(12).write(notify);
            if notify == 2 {
                let function: *const () = (called as extern "C" fn(usize)) as *const ();
                event
                    .byte_add(16)
                    .cast::<usize>()
                    .write(function.expose_provenance());
            }
        }
        let cb = Cb(Box::leak(cb));
        // Loom wants the first use to come before those of other threads.
        unsafe { (aiocb::error(cb.0), aiocb::slot(cb.0), aiocb::result(cb.0)) };
        cb
    }

    /// The structure says so of a request of a parent, whose number is that of a free slot here.
    pub fn be_a_parents(self) {
        unsafe { aiocb::begin(self.0.expose_provenance(), 9) };
    }

    /// `aio_read`
    pub fn read(self) {
        unsafe { calls::submit(self.0, Action::Read, Offsets::Long) }.unwrap();
    }

    /// `aio_write`
    pub fn write(self) {
        unsafe { calls::submit(self.0, Action::Write, Offsets::Long) }.unwrap();
    }

    /// `aio_error`
    pub fn error(self) -> c_int {
        unsafe { calls::error(self.0) }
    }

    /// `aio_return`
    pub fn result(self) -> isize {
        unsafe { calls::result(self.0) }
    }

    /// What the structure says.
    pub fn raw_error(self) -> c_int {
        unsafe { aiocb::error(self.0) as c_int }
    }

    /// `aio_fsync`
    pub fn sync(self) {
        unsafe { calls::sync(libc::O_SYNC, self.0, Offsets::Long) }.unwrap();
    }

    /// `aio_suspend` for this one.
    pub fn suspend(self) -> Result<(), Errno> {
        suspend(&[self], None)
    }

    /// `aio_cancel`
    pub fn cancel(self) -> c_int {
        unsafe { calls::cancel((*self.0).aio_fildes, self.0) }.unwrap()
    }

    /// Asks until it has ended, and how.
    pub fn ask(self) -> c_int {
        loop {
            let error = self.error();
            if error != IN_PROGRESS {
                return error;
            }
            yield_now();
        }
    }

    /// It ends, with that result.
    pub fn check_later(self, result: isize) {
        assert_eq!(self.ask(), 0);
        assert_eq!(self.result(), result);
    }

    /// It has ended, with that result.
    pub fn check(self, result: isize) {
        assert_eq!(self.error(), 0);
        assert_eq!(self.result(), result);
    }
}

/// What the program has called.
extern "C" fn called(value: usize) {
    notifications::tell(value);
}

/// `lio_listio` that does not wait, of reads, which tells the program of their end by a signal of that value.
pub fn read_all(list: &[Cb], value: usize) {
    let event = Cb::new(DIRECT, 1, Told::Signal(value));
    let list: Vec<*mut aiocb> = list.iter().map(|cb| cb.0).collect();
    let (count, offsets) = (list.len() as c_int, Offsets::Long);
    unsafe {
        let event = &raw const (*event.0).aio_sigevent;
        lists::submit(1, list.as_ptr(), count, event, offsets, Version::New).unwrap();
    }
}

/// `aio_suspend`
pub fn suspend(list: &[Cb], timeout: Option<(i64, i64)>) -> Result<(), Errno> {
    let list: Vec<*const aiocb> = list.iter().map(|cb| cb.0.cast_const()).collect();
    unsafe { calls::suspend(list.as_ptr(), list.len() as c_int, timeout) }
}
