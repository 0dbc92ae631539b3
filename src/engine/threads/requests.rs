//! Requests that end after `io_submit`: where they are kept, and what is known of each.
//!
//! A context has one place for each slot of its ring, so a request that was accepted finds one.
//!
//! | from | to | by |
//! |---|---|---|
//! | free | owned | `io_submit`, which fills it in |
//! | owned | owned, by a helper | `io_submit`, which sends it; it cannot be cancelled |
//! | owned | armed | `io_submit`, before it sends a poll to the poller |
//! | armed | owned | the poller, when the file is ready |
//! | armed | cancelled | `io_cancel` and `io_destroy`, which tell the poller |
//! | cancelled | owned | the poller |
//! | owned | free | who owns it, when it posts the event |
//!
//! The owner is a thread of the library, or one of the program with its signals blocked: it always
//! goes on.

use core::ffi::{c_int, c_void};
use core::ptr;

use super::completions::{Eventfd, NO_EVENTFD};
use super::events::Events;
use super::file::Kind;
use crate::abi::{io_event, iocb};
use crate::staff::lock::Lock;
use crate::sync::Ordering::{AcqRel, Relaxed, Release};
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::errno::Errno;
use crate::sys::{eventfd, memory};

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

/// The states of a place: free, or somebody's.
const OWNED: u32 = 0;
/// At the poller.
pub(crate) const ARMED: u32 = 1;
/// Cancelled, and the poller is to end it.
pub(crate) const CANCELLED: u32 = 2;

/// So many vectors fit into the request.
pub(crate) const FEW: usize = 4;

/// One request.
#[repr(C)]
pub(crate) struct Request {
    /// One of the states above.
    state: AtomicU32,
    /// Which poller has it.
    pub poller: AtomicU32,
    /// The next one of those that are sent together, or queued; or that are free.
    pub next: AtomicUsize,
    /// The next poll of the context, and the one before.
    younger: AtomicUsize,
    older: AtomicUsize,
    /// The rest; the owner's.
    pub details: Details,
}

/// What the owner of a request knows.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub(crate) struct Details {
    /// Where its event goes.
    pub events: *const Events,
    /// The requests that it is one of.
    pub requests: *const Requests,
    pub work: Work,
    /// Which of the files that it is sent with; then the number in the table of who has it.
    pub fd: c_int,
    /// The same, of what is signalled once its event is visible.
    pub eventfd: Eventfd,
    pub rw_flags: c_int,
    pub offset: i64,
    /// What the file of a poll is, and the events asked for.
    pub kind: Kind,
    pub poll_events: u16,
    /// Which lane it keeps its order in: see [`Lanes`](super::lanes::Lanes). 0: in none.
    pub lane: u32,
    /// Whether later ones of the lane wait for it.
    pub is_waited_for: bool,
    /// Whether it has waited there, and may begin.
    pub has_turn: bool,
    /// Whether it writes at the end of the file, whatever the offset.
    pub appends: bool,
    pub data: u64,
    pub obj: *mut iocb,
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

    /// Bytes of all of them: what a transfer of everything gives.
    pub(crate) fn length(&self) -> c_int {
        let (vectors, count) = self.buffers();
        (0..count as usize).fold(0, |sum: c_int, index| {
            // SAFETY: so many were copied into the request.
            let vector = unsafe { vectors.wrapping_add(index).read() };
            sum.saturating_add(vector.iov_len as c_int)
        })
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

/// The requests of one context. All zero: none. What is below the lock changes under it only.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Requests {
    places: AtomicUsize,
    nr: AtomicU32,
    lock: Lock,
    /// Places that were never used.
    untouched: AtomicU32,
    /// The first free one of those that were.
    free: AtomicUsize,
    /// The polls, the first and the last.
    oldest: AtomicUsize,
    youngest: AtomicUsize,
}

fn at(address: usize) -> *mut Request {
    ptr::with_exposed_provenance_mut(address)
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
        self.untouched.store(nr, Relaxed);
        for word in [&self.free, &self.oldest, &self.youngest] {
            word.store(0, Relaxed);
        }
    }

    /// A free place, which the caller then owns. Called with signals blocked, like all that follows.
    /// None only if more requests come in than can be accepted.
    pub(crate) fn get(&self) -> Option<*mut Request> {
        let _held = self.lock.take();
        let free = self.free.load(Relaxed);
        if free != 0 {
            // SAFETY: it is one of the places, and free; so they are all there.
            let next = unsafe { &(*at(free)).next }.load(Relaxed);
            self.free.store(next, Relaxed);
            return Some(at(free));
        }
        let untouched = self.untouched.load(Relaxed).checked_sub(1)?;
        self.untouched.store(untouched, Relaxed);
        let index = (self.nr.load(Relaxed) - 1 - untouched) as usize;
        Some(at(self.places.load(Relaxed)).wrapping_add(index))
    }

    /// Frees a place.
    ///
    /// # Safety
    /// The caller owns the request, which is one of these.
    pub(crate) unsafe fn give_back(&self, request: *mut Request) {
        // SAFETY: the caller owns it.
        let Details { many, vectors, .. } = unsafe { (*request).details };
        if !many.is_null() {
            // SAFETY: it was mapped for this request.
            unsafe { memory::unmap(many.cast::<c_void>(), many_bytes(vectors)) };
        }
        let _held = self.lock.take();
        // SAFETY: the caller owns it.
        unsafe { &(*request).next }.store(self.free.load(Relaxed), Relaxed);
        self.free.store(request.expose_provenance(), Relaxed);
    }

    /// Makes a request the youngest of the polls that can be cancelled, if `send` gives it away. Else
    /// it is still the caller's.
    ///
    /// # Safety
    /// The caller owns the request, which is one of these.
    pub(crate) unsafe fn arm<E>(
        &self,
        request: *mut Request,
        send: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        // The lock keeps others from cancelling it, and the poller from ending it, until it is clear
        // that it is given away.
        let _held = self.lock.take();
        let address = request.expose_provenance();
        let before = self.youngest.load(Relaxed);
        // SAFETY: the caller owns the request; and polls in the list are there, and the lock's.
        unsafe {
            (*request).older.store(before, Relaxed);
            (*request).younger.store(0, Relaxed);
            // Release: hands the details over to who ends it.
            (*request).state.store(ARMED, Release);
            if let Err(error) = send() {
                (*request).state.store(OWNED, Relaxed);
                return Err(error);
            }
            let link = if before == 0 {
                &self.oldest
            } else {
                &(*at(before)).younger
            };
            link.store(address, Relaxed);
        }
        self.youngest.store(address, Relaxed);
        Ok(())
    }

    /// Takes a poll out of those that can be cancelled. The caller then owns it.
    ///
    /// # Safety
    /// The caller has ended its wait: see [`end`].
    pub(crate) unsafe fn disarm(&self, request: *mut Request) {
        let _held = self.lock.take();
        // SAFETY: as in `arm`.
        unsafe {
            let (older, younger) = (
                (*request).older.load(Relaxed),
                (*request).younger.load(Relaxed),
            );
            let to_younger = if older == 0 {
                &self.oldest
            } else {
                &(*at(older)).younger
            };
            to_younger.store(younger, Relaxed);
            let to_older = if younger == 0 {
                &self.youngest
            } else {
                &(*at(younger)).older
            };
            to_older.store(older, Relaxed);
        }
    }

    /// Of the polls, or of those with this iocb, cancels the one that was submitted first and is still
    /// armed. None: there is no such.
    pub(crate) fn cancel_first(&self, iocb: Option<*mut iocb>) -> Option<*mut Request> {
        // Relaxed: a poll of this thread's is seen, and others race with it.
        if self.oldest.load(Relaxed) == 0 {
            return None;
        }
        let _held = self.lock.take();
        let mut request = at(self.oldest.load(Relaxed));
        while !request.is_null() {
            // SAFETY: polls in the list are there; this detail does not change meanwhile.
            unsafe {
                let obj = (&raw const (*request).details.obj).read();
                if iocb.is_none_or(|iocb| iocb == obj) && change(request, ARMED, CANCELLED) {
                    return Some(request);
                }
                request = at((*request).younger.load(Relaxed));
            }
        }
        None
    }
}

/// Changes a request's state if it is `from`.
///
/// # Safety
/// The request's memory is there.
pub(crate) unsafe fn change(request: *mut Request, from: u32, to: u32) -> bool {
    // SAFETY: the caller says so. AcqRel: hands the details over.
    unsafe { &(*request).state }
        .compare_exchange(from, to, AcqRel, Relaxed)
        .is_ok()
}

/// Takes a poll that is in the state `from`: the caller owns it. False: it is in another one.
///
/// # Safety
/// The request is one that was sent to the caller, who has not ended it.
pub(crate) unsafe fn end(request: *mut Request, from: u32) -> bool {
    // SAFETY: as the caller promises.
    unsafe { change(request, from, OWNED) }
}

/// Finishes a request: posts its event, signals its eventfd, frees its place. `let_go` is called then,
/// with the numbers of its file and eventfd, before anybody is woken: as in the kernel, the file is
/// held until the event is there, and not any more when `io_destroy` returns.
///
/// # Safety
/// The caller owns the request, and it was counted in flight. Its eventfd is in the caller's table.
pub(crate) unsafe fn finish(
    request: *mut Request,
    result: Result<c_int, Errno>,
    let_go: impl FnOnce(c_int, Eventfd),
) {
    // SAFETY: the caller owns it.
    let Details {
        events,
        requests,
        fd,
        eventfd,
        data,
        obj,
        ..
    } = unsafe { (*request).details };
    // SAFETY: contexts lie in a table that stays.
    let (events, requests) = unsafe { (&*events, &*requests) };
    // SAFETY: the caller owns it. Before the event: who takes it may submit at once.
    unsafe { requests.give_back(request) };
    events.completions.post(event(data, obj, result), || {
        if eventfd != NO_EVENTFD {
            eventfd::signal(eventfd, 1);
        }
    });
    let_go(fd, eventfd);
    events.wake();
    events.in_flight.leave();
}
