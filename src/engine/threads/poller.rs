//! The poller: one thread for all POLL requests that are not ready at once.
//!
//! It watches a duplicate of each descriptor, so that the program may close its own, as with the
//! kernel. Duplicates are made of pipes, sockets and the like only; closing one of a regular file
//! would drop the program's record locks, and regular files are always ready.

use core::ffi::c_int;

use super::own_descriptor::OwnDescriptor;
use super::poll_places::{Places, Taken, Watched};
use super::requests::{ARMED, Request, finish};
use crate::sync::AtomicU32;
use crate::sync::Ordering::{Relaxed, Release, SeqCst};
use crate::sys::errno::Errno;
use crate::sys::process::{self, Run};
use crate::sys::{epoll, eventfd, files, futex};

/// The poller ends after so many milliseconds without any poll.
const IDLE: c_int = 1000;

/// The polls and their thread. All zero: none.
#[repr(C)]
pub(crate) struct Poller {
    pub(crate) places: Places,
    pub(crate) epoll: OwnDescriptor,
    /// Armed polls.
    pub(crate) armed: AtomicU32,
    /// Whether the thread is there.
    pub(crate) alive: AtomicU32,
    /// The process ends: the thread does not stay.
    pub(crate) ending: AtomicU32,
}

impl Poller {
    /// Arms a poll; the request is the poller's from then on. If that fails, the request is still
    /// the caller's.
    ///
    /// # Safety
    /// The caller owns the request.
    pub(crate) unsafe fn arm(&self, request: *mut Request) -> Result<(), Errno> {
        // SAFETY: the caller owns it.
        let (fd, events) = unsafe { ((*request).details.fd, (*request).details.poll_events) };
        let epoll = self.epoll.get_or_make(epoll::make);
        let epoll = epoll.map_err(|_| Errno::EAGAIN)?;
        let fd = files::duplicate(fd).map_err(|_| Errno::EAGAIN)?;
        let Some(taken) = self.places.get(fd, request) else {
            files::close(fd);
            return Err(Errno::EAGAIN);
        };
        // SeqCst: before `alive` is looked at; see `run`.
        self.armed.fetch_add(1, SeqCst);
        let mut result = epoll::watch(epoll, fd, events.into(), taken.number());
        if result.is_ok() && !self.keep_alive() {
            // Without a thread nobody would ever see it ready.
            result = Err(Errno::EAGAIN);
        }
        if let Err(error) = result {
            let _ = epoll::forget(epoll, fd);
            files::close(fd);
            self.free(taken);
            // EPERM: the file cannot be waited for.
            return Err(match error {
                Errno::EPERM => Errno::EINVAL,
                _ => Errno::EAGAIN,
            });
        }
        // SAFETY: the caller owns it.
        let (poll, state) = unsafe { (&(*request).poll, &(*request).state) };
        poll.store(taken.index(), Relaxed);
        // Release: pairs with `Requests::for_each`, which finds polls to withdraw.
        state.store(ARMED, Release);
        if let Watched::Reported(taken, events) = taken.watch() {
            self.report(taken, events);
        }
        Ok(())
    }

    /// Makes sure that the thread is there. False: it cannot be started.
    fn keep_alive(&self) -> bool {
        // SeqCst: as in `run`.
        if self.alive.load(SeqCst) != 0
            || self.alive.compare_exchange(0, 1, SeqCst, Relaxed).is_err()
        {
            return true;
        }
        // SAFETY: it is part of the state, which stays.
        let is_there = unsafe { process::start_thread(self) };
        if !is_there {
            self.alive.store(0, SeqCst);
        }
        is_there
    }

    /// Looks again whether the thread is there, when a thread is about to wait for events.
    pub(crate) fn ensure(&self) {
        if self.armed.load(Relaxed) != 0 {
            self.keep_alive();
        }
    }

    /// Stops watching, and frees the place.
    fn end_poll(&self, taken: Taken) {
        let fd = taken.fd();
        // If it is not watched any more, the program closed it, and the number may be another
        // file's.
        let is_watched = |epoll| epoll::forget(epoll, fd).is_ok();
        if self.epoll.get().is_some_and(is_watched) {
            files::close(fd);
        }
        self.free(taken);
    }

    fn free(&self, taken: Taken) {
        taken.free();
        // SeqCst: see `run`.
        self.armed.fetch_sub(1, SeqCst);
    }

    /// Ends a poll with what was reported.
    fn report(&self, taken: Taken, events: u16) {
        let request = taken.request();
        self.end_poll(taken);
        // SAFETY: the request came with the place: it is this thread's.
        unsafe {
            let asked = (*request).details.poll_events;
            let always = (libc::POLLERR | libc::POLLHUP) as u16;
            finish(request, Ok((events & (asked | always)).into()));
        }
    }

    /// Ends an armed poll without its event having come: the result is 0, as in the kernel. False
    /// if it ended by itself, or is no armed poll.
    ///
    /// # Safety
    /// The request's memory is there: the caller holds its context.
    pub(crate) unsafe fn withdraw(&self, request: *mut Request) -> bool {
        // SAFETY: the caller says so. Relaxed: of another place than this request's nothing is
        // taken.
        let place = unsafe { &(*request).poll }.load(Relaxed);
        let Some(taken) = self.places.withdraw(place, request) else {
            return false;
        };
        self.end_poll(taken);
        // SAFETY: the request came with the place: it is this thread's.
        unsafe { finish(request, Ok(0)) };
        true
    }

    /// Ends the thread: the library's code may go away with a program's plug-in.
    pub(crate) fn end(&self) {
        let Some(epoll) = self.epoll.get() else {
            return;
        };
        self.ending.store(1, SeqCst);
        // A report at once, under a number that no place has. Without it the thread wakes up by
        // itself.
        let bell = eventfd::make();
        let rings = bell.and_then(|bell| {
            eventfd::signal(bell);
            epoll::watch(epoll, bell, libc::POLLIN as u32, u64::MAX)
        });
        let patience = futex::now() + 2 * i64::from(IDLE) * 1_000_000;
        while self.alive.load(SeqCst) != 0 && futex::now() < patience {
            let _ = futex::sleep_until(&self.alive, 1, futex::now() + 1_000_000);
        }
        if let Ok(bell) = bell {
            files::close(bell);
        }
        // Where nothing can be watched, the program closed the descriptor, and the number may be
        // another file's.
        if rings.is_ok() && self.armed.load(SeqCst) == 0 && self.epoll.take().is_some() {
            files::close(epoll);
        }
        self.ending.store(0, SeqCst);
    }
}

/// What the thread does.
impl Run for Poller {
    fn run(&self) {
        loop {
            if self.ending.load(SeqCst) != 0 {
                self.alive.store(0, SeqCst);
                return;
            }
            let report = match self.epoll.get() {
                Some(epoll) => epoll::next_report(epoll, IDLE),
                None => Err(Errno::EBADF),
            };
            match report {
                Ok(Some((number, events))) => {
                    if let Some(taken) = self.places.report(number, events as u16) {
                        self.report(taken, events as u16);
                    }
                }
                Ok(None) if self.armed.load(SeqCst) != 0 => {}
                _ => {
                    // There is nothing to wait for, or the program closed the library's descriptor.
                    // SeqCst: `arm` counts its poll, then looks whether the thread is there.
                    self.alive.store(0, SeqCst);
                    let is_open = |epoll| files::status_flags(epoll).is_ok();
                    if self.armed.load(SeqCst) == 0
                        || !self.epoll.get().is_some_and(is_open)
                        || self.alive.compare_exchange(0, 1, SeqCst, Relaxed).is_err()
                    {
                        return;
                    }
                }
            }
        }
    }
}
