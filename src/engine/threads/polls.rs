//! The poller: one thread for all POLL requests that are not ready at once.
//!
//! It watches a duplicate of each descriptor, so that the program may close its own, as with the
//! kernel. Duplicates are made of pipes, sockets and the like only; closing one of a regular file would
//! drop the program's record locks, and regular files are always ready.

use core::ffi::{c_int, c_void};
use core::ptr;

use super::finish;
use super::requests::{ARMED, BUSY, Request, change};
use crate::engine::process_state::STATE;
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::errno::Errno;
use crate::sys::{epoll, eventfd, files, futex, process};

/// Polls that one process may have armed.
const PLACES: usize = 8192;

/// The poller ends after so many milliseconds without any.
const IDLE: c_int = 1000;

/// States of a place, in the low bits; the rest counts its uses, so that the poller tells an old report
/// from a new one.
const FREE: u32 = 0;
const TAKEN: u32 = 1;
const WATCHED: u32 = 2;
const STATE_BITS: u32 = 3;
const NEXT_USE: u32 = 4;

/// One armed poll.
#[repr(C)]
struct Place {
    state: AtomicU32,
    /// The duplicate.
    fd: AtomicU32,
    request: AtomicUsize,
}

/// All armed polls. All zero: none.
#[repr(C)]
pub struct Polls {
    places: [Place; PLACES],
    /// The epoll descriptor, plus 1; 0: none.
    poller: AtomicU32,
    /// Where the next search starts.
    hint: AtomicU32,
    /// Armed polls.
    armed: AtomicU32,
    /// Whether the thread is there.
    alive: AtomicU32,
    /// The process ends: the thread does not stay.
    ending: AtomicU32,
}

impl Polls {
    /// Arms a poll; the request is the poller's from then on. If that fails, the request is still the caller's.
    ///
    /// # Safety
    /// The caller owns the request.
    pub unsafe fn arm(&self, request: *mut Request) -> Result<(), Errno> {
        // SAFETY: the caller owns it.
        let details = unsafe { (*request).details };
        let poller = self.poller().map_err(|_| Errno::EAGAIN)?;
        let (index, used) = self.get_place().ok_or(Errno::EAGAIN)?;
        // SAFETY: the index is below the length.
        let place = unsafe { self.places.get_unchecked(index as usize) };
        let give_up = |error| {
            place
                .state
                .store((used & !STATE_BITS).wrapping_add(NEXT_USE) | FREE, SeqCst);
            Err(error)
        };
        let Ok(fd) = files::duplicate(details.fd) else {
            return give_up(Errno::EAGAIN);
        };
        place.fd.store(fd as u32, Relaxed);
        place.request.store(request.expose_provenance(), Relaxed);
        let watched = used & !STATE_BITS | WATCHED;
        // SAFETY: the caller owns it.
        unsafe { &*request }.poll.store(index, Relaxed);
        self.armed.fetch_add(1, SeqCst);
        // SAFETY: as above. AcqRel in effect: whoever withdraws sees the place.
        unsafe { &*request }.state.store(ARMED, SeqCst);
        place.state.store(watched, SeqCst);
        let number = (u64::from(watched) << 32) | u64::from(index);
        let mut armed = epoll::watch(poller, fd, u32::from(details.poll_events), number);
        // Without a thread nobody would ever see it ready.
        if armed.is_ok() && !self.keep_alive() {
            let _ = epoll::forget(poller, fd);
            armed = Err(Errno::EAGAIN);
        }
        let Err(error) = armed else {
            return Ok(());
        };
        // Nobody else has had it, unless io_destroy came in between.
        if place
            .state
            .compare_exchange(watched, used, SeqCst, Relaxed)
            .is_err()
        {
            return Ok(());
        }
        self.armed.fetch_sub(1, SeqCst);
        files::close(fd);
        // SAFETY: as above.
        unsafe { change(request, ARMED, BUSY) };
        // EPERM: the file cannot be waited for.
        give_up(if error == Errno::EPERM {
            Errno::EINVAL
        } else {
            Errno::EAGAIN
        })
    }

    fn poller(&self) -> Result<c_int, Errno> {
        // Acquire: pairs with the exchange.
        let poller = self.poller.load(Acquire);
        if poller != 0 {
            return Ok(poller as c_int - 1);
        }
        let made = epoll::make()?;
        Ok(
            match self
                .poller
                .compare_exchange(0, made as u32 + 1, AcqRel, Acquire)
            {
                Ok(_) => made,
                Err(other) => {
                    files::close(made);
                    other as c_int - 1
                }
            },
        )
    }

    fn get_place(&self) -> Option<(u32, u32)> {
        let start = self.hint.fetch_add(1, Relaxed);
        (0..PLACES as u32).find_map(|step| {
            let index = start.wrapping_add(step) % PLACES as u32;
            // SAFETY: the remainder is below the length.
            let state = &unsafe { self.places.get_unchecked(index as usize) }.state;
            let found = state.load(Relaxed);
            let taken = found & !STATE_BITS | TAKEN;
            (found & STATE_BITS == FREE
                && state
                    .compare_exchange(found, taken, SeqCst, Relaxed)
                    .is_ok())
            .then_some((index, taken))
        })
    }

    /// Makes sure that the thread is there.
    fn keep_alive(&self) -> bool {
        // SeqCst: pairs with the poller's end: it takes `alive` back, then looks at `armed`.
        if self.alive.load(SeqCst) != 0
            || self.alive.compare_exchange(0, 1, SeqCst, Relaxed).is_err()
        {
            return true;
        }
        STATE.threads.helpers.drain_later();
        if !process::start_thread(poller) {
            self.alive.store(0, SeqCst);
            return false;
        }
        true
    }

    /// Ends the thread: the library's code may go away with a program's plug-in.
    pub fn end(&self) {
        let poller = self.poller.load(Acquire) as c_int - 1;
        if poller < 0 {
            return;
        }
        self.ending.store(1, SeqCst);
        if self.alive.load(SeqCst) != 0 {
            // Readable at once, under a number that no place has. Without it the thread looks up by itself.
            let bell = eventfd::make();
            if let Ok(bell) = bell {
                eventfd::signal(bell);
                let _ = epoll::watch(poller, bell, libc::POLLIN as u32, u64::MAX);
            }
            let patience = futex::now() + 2 * i64::from(IDLE) * 1_000_000;
            while self.alive.load(SeqCst) != 0 && futex::now() < patience {
                let _ = futex::sleep_until(&self.alive, 1, futex::now() + 1_000_000);
            }
            if let Ok(bell) = bell {
                files::close(bell);
            }
        }
        if self.armed.load(SeqCst) == 0 && self.poller.swap(0, AcqRel) != 0 {
            files::close(poller);
        }
        self.ending.store(0, SeqCst);
    }

    /// Looks again whether the thread is there, when somebody is about to wait.
    pub fn ensure(&self) {
        if self.armed.load(Relaxed) != 0 {
            self.keep_alive();
        }
    }

    /// Takes a watched poll out. The request, if the caller got it.
    fn take(&self, index: u32, watched: u32) -> Option<*mut Request> {
        let place = self.places.get(index as usize)?;
        let request = place.request.load(Relaxed);
        let fd = place.fd.load(Relaxed);
        let taken = watched & !STATE_BITS | TAKEN;
        // SeqCst: one of the poller, io_cancel and io_destroy gets it.
        if place
            .state
            .compare_exchange(watched, taken, SeqCst, Relaxed)
            .is_err()
        {
            return None;
        }
        // If it is not watched any more, the program closed it, and the number may be another file's.
        if epoll::forget(self.poller.load(Relaxed) as c_int - 1, fd as c_int).is_ok() {
            files::close(fd as c_int);
        }
        let free = (watched & !STATE_BITS).wrapping_add(NEXT_USE) | FREE;
        place.state.store(free, SeqCst);
        self.armed.fetch_sub(1, SeqCst);
        Some(ptr::with_exposed_provenance_mut(request))
    }
}

/// Ends an armed poll without its event having come: the result is 0, as in the kernel. False if it ended by
/// itself.
///
/// # Safety
/// The request's memory is there: the caller holds its context.
pub unsafe fn withdraw(request: *mut Request) -> bool {
    let polls = &STATE.threads.polls;
    // SAFETY: the caller says so.
    let (state, index) = unsafe { (&(*request).state, (*request).poll.load(Relaxed)) };
    if state.load(Acquire) != ARMED {
        return false;
    }
    let Some(place) = polls.places.get(index as usize) else {
        return false;
    };
    let watched = place.state.load(SeqCst);
    if watched & STATE_BITS != WATCHED
        || place.request.load(SeqCst) != request.addr()
        || polls.take(index, watched).is_none()
    {
        return false;
    }
    // SAFETY: it was taken out of the table: it is this thread's.
    unsafe { finish(request, Ok(0)) };
    true
}

extern "C" fn poller(_: *mut c_void) -> *mut c_void {
    process::name_thread();
    let polls = &STATE.threads.polls;
    loop {
        if polls.ending.load(SeqCst) != 0 {
            polls.alive.store(0, SeqCst);
            return ptr::null_mut();
        }
        let poller = polls.poller.load(Acquire) as c_int - 1;
        match epoll::next_report(poller, IDLE) {
            Ok(Some((number, events))) => {
                let (watched, index) = ((number >> 32) as u32, number as u32);
                if let Some(request) = polls.take(index, watched) {
                    // SAFETY: it was taken out of the table: it is this thread's.
                    let asked = unsafe { &(*request).details }.poll_events;
                    let always = (libc::POLLERR | libc::POLLHUP) as u16;
                    let ready = events as u16 & (asked | always);
                    // SAFETY: as above.
                    unsafe { finish(request, Ok(ready.into())) };
                }
            }
            Ok(None) if polls.armed.load(SeqCst) != 0 => {}
            _ => {
                // Nothing to wait for, or the program closed the library's descriptor.
                polls.alive.store(0, SeqCst);
                if polls.armed.load(SeqCst) == 0
                    || files::status_flags(poller).is_err()
                    || polls.alive.compare_exchange(0, 1, SeqCst, Relaxed).is_err()
                {
                    return ptr::null_mut();
                }
            }
        }
    }
}
