//! Requests that do not end inside `io_submit`: where they are kept, and what is known of each.
//!
//! A context has one place for each slot of its ring, so a request that was accepted finds one.

use core::ffi::{c_int, c_void};
use core::ptr;

use super::contexts::Context;
use crate::abi::{io_event, iocb};
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::errno::Errno;
use crate::sys::memory;

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// Read at an offset.
    Read,
    /// Write at an offset.
    Write,
    /// Write out a file, or only what is needed to read it again.
    Sync {
        /// FDSYNC.
        data_only: bool,
    },
    /// Wait for readiness.
    Poll,
}

/// The places' states.
pub const FREE: u32 = 0;
/// Being filled in, or carried out: it cannot be cancelled.
pub const BUSY: u32 = 1;
/// In the helpers' queue.
pub const QUEUED: u32 = 2;
/// At the poller.
pub const ARMED: u32 = 3;
/// Taken out of the queue by `io_cancel`: the helper that meets it only gives it back.
pub const CANCELLED: u32 = 4;

/// Vectors that need no memory of their own.
pub const FEW: usize = 4;

/// Which file a descriptor stood for.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Identity {
    /// Device and inode.
    pub device: u64,
    /// See `device`.
    pub inode: u64,
    /// When it was made: the number of a deleted file is given out again. Looked at for requests that are handed
    /// over.
    pub birth: i64,
}

/// One request.
#[repr(C)]
pub struct Request {
    /// One of the states above.
    pub state: AtomicU32,
    /// Place in the poller's table, while [`ARMED`].
    pub poll: AtomicU32,
    /// The next one in the helpers' queue.
    pub next: AtomicUsize,
    /// The rest; the thread that set the state to [`BUSY`] owns it.
    pub details: Details,
}

/// What the owner of a request knows.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct Details {
    pub context: *const Context,
    pub work: Work,
    pub fd: c_int,
    /// A duplicate of the program's eventfd; negative: none.
    pub resfd: c_int,
    pub rw_flags: c_int,
    pub offset: i64,
    pub identity: Identity,
    /// Poll events asked for.
    pub poll_events: u16,
    pub data: u64,
    pub obj: *mut iocb,
    /// Order of submission.
    pub serial: u32,
    pub vectors: u32,
    /// The buffers if there are more than [`FEW`].
    pub many: *mut libc::iovec,
    pub few: [libc::iovec; FEW],
}

impl Details {
    /// The buffers.
    pub fn buffers(&self) -> (*const libc::iovec, u32) {
        let vectors = if self.many.is_null() {
            self.few.as_ptr()
        } else {
            self.many.cast_const()
        };
        (vectors, self.vectors)
    }

    /// The event that ends it with `result`.
    pub fn event(&self, result: Result<c_int, Errno>) -> io_event {
        event(self.data, self.obj, result)
    }

    /// Gives memory back.
    pub fn release(&self) {
        if !self.many.is_null() {
            // SAFETY: it was mapped for this request.
            unsafe { memory::unmap(self.many.cast::<c_void>(), many_bytes(self.vectors)) };
        }
    }
}

/// Bytes of memory for the buffers of one request.
pub fn many_bytes(vectors: u32) -> usize {
    vectors as usize * size_of::<libc::iovec>()
}

/// An event. The kernel's `data`, `obj` and `res` are 64 bits wide everywhere.
pub fn event(data: u64, obj: *mut iocb, result: Result<c_int, Errno>) -> io_event {
    let result = result.unwrap_or_else(|error| error.negated());
    // SAFETY: integers, pointers and padding may be zero.
    let mut event: io_event = unsafe { core::mem::zeroed() };
    let words = ptr::from_mut(&mut event).cast::<u64>();
    // SAFETY: four 64-bit words make up an event; i386 aligns them to 4 bytes.
    unsafe {
        words.write_unaligned(data);
        words.wrapping_add(1).write_unaligned(obj.addr() as u64);
        words.wrapping_add(2).write_unaligned(result as u64);
    }
    event
}

/// The requests of one context. All zero: none.
#[repr(C)]
pub struct Requests {
    places: AtomicUsize,
    nr: AtomicU32,
    /// Where the next search starts, and the order of submission.
    serial: AtomicU32,
}

impl Requests {
    /// Bytes of memory that [`Requests::start`] needs.
    pub fn bytes(nr: u32) -> usize {
        nr as usize * size_of::<Request>()
    }

    /// Starts with zeroed memory for `nr` requests.
    pub fn start(&self, places: *mut Request, nr: u32) {
        self.places.store(places.expose_provenance(), Relaxed);
        self.nr.store(nr, Relaxed);
        self.serial.store(0, Relaxed);
    }

    fn place(&self, index: u32) -> *mut Request {
        let places: *mut Request = ptr::with_exposed_provenance_mut(self.places.load(Relaxed));
        places.wrapping_add(index as usize)
    }

    /// A free place, now the caller's; and its number in the order of submission. None only if requests
    /// come in that were not accepted.
    pub fn get(&self) -> Option<(*mut Request, u32)> {
        let nr = self.nr.load(Relaxed).max(1);
        let serial = self.serial.fetch_add(1, Relaxed);
        (0..nr).find_map(|step| {
            let place = self.place(serial.wrapping_add(step) % nr);
            // SAFETY: the index is below `nr`, and the memory stays while the context has references.
            let state = unsafe { &(*place).state };
            // Acquire: pairs with `give_back`.
            state
                .compare_exchange(FREE, BUSY, Acquire, Relaxed)
                .is_ok()
                .then_some((place, serial))
        })
    }

    /// Calls `visit` with every request that is queued or armed.
    pub fn for_each(&self, mut visit: impl FnMut(*mut Request)) {
        for index in 0..self.nr.load(Relaxed) {
            let place = self.place(index);
            // SAFETY: as in `get`.
            let state = unsafe { &(*place).state }.load(Acquire);
            if state == QUEUED || state == ARMED {
                visit(place);
            }
        }
    }
}

/// Frees a request's place.
///
/// # Safety
/// The caller owns it.
pub unsafe fn give_back(request: *mut Request) {
    // SAFETY: the caller owns it.
    unsafe {
        (*request).details.release();
        // Release: pairs with `get`.
        (*request).state.store(FREE, Release);
    }
}

/// Changes a request's state if it is `from`. True: the caller owns it.
///
/// # Safety
/// The request's memory is there.
pub unsafe fn change(request: *mut Request, from: u32, to: u32) -> bool {
    // SAFETY: the caller says so. AcqRel: hands the details over.
    unsafe { &(*request).state }
        .compare_exchange(from, to, AcqRel, Relaxed)
        .is_ok()
}
