//! A program with requests.

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::ptr;

use super::calls::{self, Request};
use super::structures::aio_result_t;
use crate::requests::slot::Action;
use crate::sync::Ordering::Relaxed;
use crate::sync::{AtomicU32, AtomicUsize, yield_now};
use crate::sys::errno::Errno;

/// A result structure of the program's, which stays as long as the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome(*mut aio_result_t);

const IN_PROGRESS: isize = -2;
/// What it is at first.
const UNUSED: isize = -7;

/// Where structures are: always in the same places, because loom wants each run to take the same steps.
#[repr(align(8192))]
struct Room(UnsafeCell<[u8; 8192]>);

unsafe impl Sync for Room {}

static ROOM: Room = Room(UnsafeCell::new([0; 8192]));

impl Outcome {
    /// The structure of this number.
    pub fn new(number: usize) -> Outcome {
        Outcome::at(number * size_of::<aio_result_t>())
    }

    /// One whose address hashes as that of the first one.
    pub fn like_the_first() -> Outcome {
        Outcome::at(4096 + 32)
    }

    fn at(place: usize) -> Outcome {
        let outcome = Outcome(unsafe { ROOM.0.get().byte_add(place) }.cast());
        // Loom wants the first use to come before those of other threads.
        outcome.value();
        outcome.error();
        outcome.returned().store(UNUSED as usize, Relaxed);
        outcome
    }

    /// The program looks at the structure alone.
    pub fn be_polled(self) {
        self.returned().store(IN_PROGRESS as usize, Relaxed);
    }

    fn returned(self) -> &'static AtomicUsize {
        unsafe { &*self.0.cast_const().cast() }
    }

    /// `aio_return`, as a program reads it that knows no atomics.
    pub fn value(self) -> isize {
        self.returned().load(Relaxed) as isize
    }

    /// `aio_errno`
    pub fn error(self) -> c_int {
        let words: *const AtomicU32 = self.0.cast_const().cast();
        unsafe { &*words.byte_add(size_of::<usize>()) }.load(Relaxed) as c_int
    }

    /// Whether its first request has ended.
    pub fn has_ended(self) -> bool {
        ![IN_PROGRESS, UNUSED].contains(&self.value())
    }

    /// Looks at it until it has.
    pub fn wait_for_end(self) {
        while !self.has_ended() {
            yield_now();
        }
    }

    /// `aioread`, of so many bytes into a buffer of its own.
    pub fn try_read(self, fd: c_int, length: c_int) -> Result<(), Errno> {
        let request = Request {
            fd,
            buffer: length as usize,
            length,
            offset: 0,
            whence: libc::SEEK_SET,
            result: self.0,
        };
        unsafe { calls::submit(&request, Action::Read) }
    }

    /// The same, which must be accepted.
    pub fn read(self, fd: c_int, length: c_int) {
        self.try_read(fd, length).unwrap();
    }

    /// `aiocancel`
    pub fn cancel(self) -> Result<(), Errno> {
        calls::cancel(self.0)
    }
}

/// `aiowait`
pub fn wait(timeout: Option<(i64, i64)>) -> Result<Option<Outcome>, Errno> {
    let found = calls::wait(timeout)?;
    Ok(found.map(|address| Outcome(ptr::with_exposed_provenance_mut(address))))
}

/// `aiowait` for ever, which must find one.
pub fn wait_for_one() -> Outcome {
    wait(None).unwrap().unwrap()
}

/// `aiowait` for no time.
pub fn look() -> Option<Outcome> {
    wait(Some((0, 0))).unwrap()
}

/// Looks until there is one.
pub fn look_for_one() -> Outcome {
    loop {
        if let Some(found) = look() {
            return found;
        }
        yield_now();
    }
}
