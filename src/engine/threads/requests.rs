//! Requests that end after `io_submit`: where they are kept, and what is known of each.
//!
//! A context has one place for each slot of its ring, so a request that was accepted finds one.

use core::ffi::{c_int, c_void};
use core::ptr;

use super::completions::Signal;
use super::events::Events;
use super::file::Identity;
use crate::abi::{io_event, iocb};
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::errno::Errno;
use crate::sys::memory;

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Work {
    /// Read at an offset.
    Read,
    /// Write at an offset.
    Write,
    /// Write a file out, or only what is needed to read it again.
    Sync {
        /// FDSYNC.
        data_only: bool,
    },
    /// Wait for readiness.
    Poll,
}

/// The states of a place: free.
pub(crate) const FREE: u32 = 0;
/// Being filled in, or carried out: it cannot be cancelled.
pub(crate) const BUSY: u32 = 1;
/// In the helpers' queue.
pub(crate) const QUEUED: u32 = 2;
/// At the poller.
pub(crate) const ARMED: u32 = 3;
/// Cancelled while in the queue: the helper that takes it out reports ECANCELED.
pub(crate) const CANCELLED: u32 = 4;

/// So many vectors fit into the request.
pub(crate) const FEW: usize = 4;

/// One request.
#[repr(C)]
pub(crate) struct Request {
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
pub(crate) struct Details {
    /// Where its event goes.
    pub events: *const Events,
    pub work: Work,
    pub fd: c_int,
    /// What is sent once its event is visible.
    pub signal: Signal,
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
    /// The vectors if there are more than [`FEW`].
    pub many: *mut libc::iovec,
    pub few: [libc::iovec; FEW],
}

impl Details {
    /// The vectors.
    pub(crate) fn buffers(&self) -> (*const libc::iovec, u32) {
        let vectors = if self.many.is_null() {
            self.few.as_ptr()
        } else {
            self.many.cast_const()
        };
        (vectors, self.vectors)
    }

    /// Copies vectors into the request. False if there is no memory for them.
    ///
    /// # Safety
    /// `count` vectors can be read.
    #[must_use]
    pub(crate) unsafe fn store_buffers(&mut self, vectors: *const libc::iovec, count: u32) -> bool {
        let mut to = self.few.as_mut_ptr();
        if count as usize > FEW {
            let Some(memory) = memory::map_zeroes(many_bytes(count)) else {
                return false;
            };
            self.many = memory.cast();
            to = self.many;
        }
        self.vectors = count;
        for index in 0..count as usize {
            // SAFETY: there is room for `count`, and the caller says that so many can be read.
            unsafe {
                let vector = vectors.wrapping_add(index).read_unaligned();
                to.wrapping_add(index).write(vector);
            }
        }
        true
    }
}

/// Bytes of memory for the vectors of one request.
pub(crate) fn many_bytes(vectors: u32) -> usize {
    vectors as usize * size_of::<libc::iovec>()
}

/// An event. The kernel's `data`, `obj` and `res` are 64 bits wide everywhere.
pub(crate) fn event(data: u64, obj: *mut iocb, result: Result<c_int, Errno>) -> io_event {
    let result = result.unwrap_or_else(Errno::negated);
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
#[derive(Default)]
#[repr(C)]
pub(crate) struct Requests {
    places: AtomicUsize,
    nr: AtomicU32,
    /// Where the next search starts, and the order of submission.
    serial: AtomicU32,
}

impl Requests {
    /// Bytes of memory that [`Requests::start`] needs.
    pub(crate) fn bytes(nr: u32) -> usize {
        nr as usize * size_of::<Request>()
    }

    /// Starts with zeroed memory for `nr` requests.
    pub(crate) fn start(&self, places: *mut Request, nr: u32) {
        self.places.store(places.expose_provenance(), Relaxed);
        self.nr.store(nr, Relaxed);
        self.serial.store(0, Relaxed);
    }

    fn place(&self, index: u32) -> *mut Request {
        let places: *mut Request = ptr::with_exposed_provenance_mut(self.places.load(Relaxed));
        places.wrapping_add(index as usize)
    }

    /// A free place, which the caller then owns; and its number in the order of submission. None
    /// only if requests come in that were not accepted.
    pub(crate) fn get(&self) -> Option<(*mut Request, u32)> {
        let nr = self.nr.load(Relaxed).max(1);
        let serial = self.serial.fetch_add(1, Relaxed);
        (0..nr).find_map(|step| {
            let place = self.place(serial.wrapping_add(step) % nr);
            // SAFETY: the index is below `nr`, and the memory stays while the context has
            // references.
            let state = unsafe { &(*place).state };
            // Acquire: pairs with `give_back`.
            state
                .compare_exchange(FREE, BUSY, Acquire, Relaxed)
                .is_ok()
                .then_some((place, serial))
        })
    }

    /// Calls `visit` with every request that is queued or armed.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(*mut Request)) {
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
pub(crate) unsafe fn give_back(request: *mut Request) {
    // SAFETY: the caller owns it.
    let Details { many, vectors, .. } = unsafe { (*request).details };
    if !many.is_null() {
        // SAFETY: it was mapped for this request.
        unsafe { memory::unmap(many.cast::<c_void>(), many_bytes(vectors)) };
    }
    // Release: pairs with `get`.
    // SAFETY: the caller owns it.
    unsafe { &(*request).state }.store(FREE, Release);
}

/// Changes a request's state if it is `from`. True: the caller owns it.
///
/// # Safety
/// The request's memory is there.
pub(crate) unsafe fn change(request: *mut Request, from: u32, to: u32) -> bool {
    // SAFETY: the caller says so. AcqRel: hands the details over.
    unsafe { &(*request).state }
        .compare_exchange(from, to, AcqRel, Relaxed)
        .is_ok()
}

/// Ends a request: posts its event and frees its place.
///
/// # Safety
/// The caller owns the request, and it was counted in flight.
pub(crate) unsafe fn finish(request: *mut Request, result: Result<c_int, Errno>) {
    // SAFETY: the caller owns it.
    let Details {
        events,
        signal,
        data,
        obj,
        ..
    } = unsafe { (*request).details };
    // SAFETY: contexts lie in a table that stays.
    let events = unsafe { &*events };
    events.completions.post(event(data, obj, result), signal);
    // SAFETY: the caller owns it.
    unsafe { give_back(request) };
    events.waiters.wake();
    events.in_flight.leave();
}
