//! The pollers: threads for POLL requests that are not ready at once. One is enough, unless it has as
//! many files as a process may have, or the program has closed the socket by which it is reached.
//!
//! | who | does |
//! |---|---|
//! | `io_submit` | arms the request, and sends it with its files |
//! | the poller | watches the file; when it is ready, owns the request and finishes it, if it is still armed |
//! | `io_cancel`, `io_destroy` | make an armed request cancelled, and send it again |
//! | the poller | finishes what it gets as cancelled, with 0 |
//!
//! Only the poller frees a request, so no report is of one that is gone.

use core::ffi::c_int;
use core::ptr;

use super::checks;
use super::completions::NO_EVENTFD;
use super::file::Kind;
use super::requests::{ARMED, CANCELLED, Details, Request, end, finish};
use crate::engine::patience::{TURNS, pause};
use crate::engine::tables::POLLERS;
use crate::staff::crew::Crew;
use crate::staff::link::{IDLE, Link, Unsent};
use crate::sync::Ordering::{Relaxed, SeqCst};
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::errno::Errno;
use crate::sys::process::Run;
use crate::sys::signals::Signals;
use crate::sys::sockets::{self, FILES, Received};
use crate::sys::{epoll, files, futex, limits};

/// All pollers. All zero: none.
#[cfg_attr(loom, derive(Default))]
#[repr(C)]
pub(crate) struct Pollers {
    pollers: [Poller; POLLERS],
}

/// One of them.
#[cfg_attr(loom, derive(Default))]
#[repr(C)]
struct Poller {
    link: Link,
    /// Polls that were sent and are not finished.
    armed: AtomicU32,
    /// Cancelled polls that could not be sent, linked by `next`.
    unsent: AtomicUsize,
    /// The process ends.
    ending: AtomicU32,
}

impl Pollers {
    /// Gives a poll away, with its files. If that fails, the request is still the caller's. Called
    /// with signals blocked.
    ///
    /// # Safety
    /// The caller owns the request, whose context is held.
    pub(crate) unsafe fn arm(
        &self,
        request: *mut Request,
        files: &[c_int],
        mask: Signals,
    ) -> Result<(), Errno> {
        // SAFETY: the caller owns it.
        let (requests, number) = unsafe { (&*(*request).details.requests, &(*request).poller) };
        // Some numbers are left for what the thread has beside.
        let most = limits::open_files().saturating_sub(8) / 2;
        for (index, poller) in self.pollers.iter().enumerate() {
            let link = &poller.link;
            // SeqCst: counted before it is sent; see `serve`.
            let has_room = poller.armed.fetch_add(1, SeqCst) < most;
            number.store(index as u32, Relaxed);
            let mut sent = Err(Unsent::Full);
            if has_room {
                let send = || send_patiently(link, request.expose_provenance(), files);
                // SAFETY: the caller owns the request; and the poller is part of the state, which stays.
                unsafe {
                    sent = requests.arm(request, send);
                    if sent == Err(Unsent::Unreachable) && link.start(poller, mask) {
                        sent = requests.arm(request, send);
                    }
                }
            }
            if sent.is_ok() {
                return Ok(());
            }
            poller.armed.fetch_sub(1, SeqCst);
            if sent == Err(Unsent::Refused) {
                // Such as an io_uring, which Linux sends nobody.
                break;
            }
        }
        Err(Errno::EAGAIN)
    }

    /// Lets the poller end a poll that was cancelled.
    ///
    /// # Safety
    /// The caller has cancelled it, and holds its context.
    pub(crate) unsafe fn withdraw(&self, request: *mut Request) {
        // SAFETY: only who has cancelled it lets the poller end it.
        let (number, next) = unsafe { (&(*request).poller, &(*request).next) };
        let Some(poller) = self.pollers.get(number.load(Relaxed) as usize) else {
            return;
        };
        let word = request.expose_provenance();
        if send_patiently(&poller.link, word, &[]).is_ok() {
            return;
        }
        let mut first = poller.unsent.load(Relaxed);
        loop {
            next.store(first, Relaxed);
            // SeqCst: pairs with `end_unsent`.
            match poller.unsent.compare_exchange(
                first,
                request.expose_provenance(),
                SeqCst,
                Relaxed,
            ) {
                Ok(_) => return,
                Err(other) => first = other,
            }
        }
    }

    /// Lets the threads end. If the process ends, then whatever they wait for.
    pub(crate) fn end(&self, ends_process: bool) {
        for poller in &self.pollers {
            poller.ending.store(u32::from(ends_process), SeqCst);
            // Where the socket is the program's no more, they look every now and then.
            poller.link.end(
                Some(futex::now() + 3 * IDLE as i64 * 1_000_000_000),
                ends_process,
            );
        }
    }

    /// Says which threads the pollers are part of.
    pub(crate) fn set_crew(&self, crew: &Crew) {
        for poller in &self.pollers {
            poller.link.set_crew(crew);
        }
    }
}

/// What the epoll reports for the socket.
const SOCKET: u64 = 0;
/// Instead of a file of a poll that has not come to the poller.
pub(crate) const NOT_YET: c_int = -2;
/// Instead of a file that has not come with it.
const NONE: c_int = -1;

/// What was in the socket.
#[derive(PartialEq, Eq)]
enum Taken {
    Message,
    Nothing,
    /// Nothing comes any more.
    End,
}

impl Poller {
    /// Takes one message.
    fn take_message(&self, socket: c_int, epoll: c_int) -> Taken {
        let mut numbers = [0; FILES];
        match sockets::receive(socket, false, &mut numbers) {
            Ok(Received::Message(request, count)) => {
                let request = ptr::with_exposed_provenance_mut(request);
                // SAFETY: it was sent to this thread, which ends it.
                unsafe { self.take(request, epoll, numbers.get(..count).unwrap_or_default()) };
                Taken::Message
            }
            Ok(Received::Nothing) => Taken::Nothing,
            Ok(Received::End) | Err(_) => Taken::End,
        }
    }

    /// Watches a poll that has come with its files, or ends one that was cancelled.
    ///
    /// # Safety
    /// The request was sent to this thread.
    unsafe fn take(&self, request: *mut Request, epoll: c_int, numbers: &[c_int]) {
        // SAFETY: as the caller promises. These details are this thread's since it was sent.
        let (fd, eventfd, events) = unsafe {
            let details = &raw mut (*request).details;
            (
                &raw mut (*details).fd,
                &raw mut (*details).eventfd,
                (*details).poll_events,
            )
        };
        // SAFETY: as above.
        if unsafe { fd.read() } != NOT_YET {
            // SAFETY: as the caller promises: it has come for the second time.
            unsafe { self.finish(request, CANCELLED, epoll, Ok(0)) };
            return;
        }
        let number = |index: usize| numbers.get(index).copied();
        let file = number(0).unwrap_or(NONE);
        // SAFETY: as above.
        unsafe {
            fd.write(file);
            let other = number(1).filter(|&number| {
                let is_good = checks::is_eventfd(number);
                if !is_good {
                    files::close(number);
                }
                is_good
            });
            eventfd.write(other.unwrap_or(NO_EVENTFD));
        }
        let name = request.expose_provenance() as u64;
        if file == NONE || epoll::watch(epoll, file, events.into(), name).is_err() {
            // SAFETY: as the caller promises.
            unsafe { self.finish(request, ARMED, epoll, Err(Errno::EAGAIN)) };
        }
    }

    /// Ends a poll that is in the state `from`.
    ///
    /// # Safety
    /// As [`Poller::take`].
    unsafe fn finish(
        &self,
        request: *mut Request,
        from: u32,
        epoll: c_int,
        result: Result<c_int, Errno>,
    ) {
        // SAFETY: as the caller promises. What is in another state comes again.
        unsafe {
            if !end(request, from) {
                return;
            }
            let Details { fd, requests, .. } = (*request).details;
            (*requests).disarm(request);
            let _ = epoll::forget(epoll, fd);
            finish(request, result, |fd, eventfd| {
                for number in [fd, eventfd].into_iter().filter(|&number| number >= 0) {
                    files::close(number);
                }
            });
        }
        // SeqCst: see `serve`.
        self.armed.fetch_sub(1, SeqCst);
    }

    /// Ends the cancelled polls that could not be sent.
    fn end_unsent(&self, socket: c_int, epoll: c_int) {
        // SeqCst: pairs with `withdraw`.
        let mut address = self.unsent.swap(0, SeqCst);
        // Those may have to be taken first.
        while address != 0 && self.take_message(socket, epoll) == Taken::Message {}
        while address != 0 {
            let request: *mut Request = ptr::with_exposed_provenance_mut(address);
            // SAFETY: it was sent and cancelled, and this thread ends it.
            unsafe {
                address = (*request).next.load(Relaxed);
                self.finish(request, CANCELLED, epoll, Ok(0));
            }
        }
    }

    /// What became of a poll whose file is ready.
    ///
    /// # Safety
    /// As [`Poller::take`].
    unsafe fn result(request: *mut Request, events: u32) -> c_int {
        // SAFETY: as the caller promises. These details do not change.
        let (asked, kind, fd) = unsafe {
            let details = &raw const (*request).details;
            ((*details).poll_events, (*details).kind, (*details).fd)
        };
        let always = (libc::POLLERR | libc::POLLHUP) as u16;
        let events = events as u16 & (asked | always);
        let is_over = || files::poll(fd, libc::POLLRDHUP, 0).is_ok_and(|ready| ready != 0);
        // The kernel's AIO reports all that the file woke its waiters for, not only what was asked.
        const READABLE: u16 = (libc::POLLIN | libc::POLLRDNORM) as u16;
        const WRITABLE: u16 = (libc::POLLOUT | libc::POLLWRNORM) as u16;
        const SOCKET_IN: u16 = READABLE | (libc::POLLPRI | libc::POLLRDBAND) as u16;
        const SOCKET_OUT: u16 = WRITABLE | libc::POLLWRBAND as u16;
        let whole = match kind {
            _ if events & always != 0 => 0,
            Kind::Socket if is_over() => 0,
            Kind::Pipe if events & READABLE != 0 => READABLE,
            Kind::Pipe => WRITABLE,
            Kind::Socket if events & READABLE != 0 => SOCKET_IN,
            Kind::Socket if events & WRITABLE != 0 => SOCKET_OUT,
            _ => 0,
        };
        (events | whole).into()
    }
}

/// What the thread does.
impl Run for Poller {
    fn run(&self) {
        let Some(socket) = self.link.enter() else {
            return;
        };
        // Without one it refuses what it gets.
        self.serve(socket, epoll::make().unwrap_or(NONE));
        self.link.leave();
    }
}

impl Poller {
    fn serve(&self, socket: c_int, epoll: c_int) {
        let mut is_reachable = epoll::watch_always(epoll, socket, SOCKET).is_ok();
        if !is_reachable {
            // What was sent is taken below.
            sockets::refuse_more(socket);
        }
        loop {
            let patience = if is_reachable {
                IDLE as c_int * 1000
            } else {
                SHORT
            };
            let report = epoll::next_report(epoll, patience);
            match report {
                Ok(Some((SOCKET, _))) if self.take_message(socket, epoll) == Taken::End => {
                    is_reachable = false;
                    let _ = epoll::forget(epoll, socket);
                }
                Ok(Some((SOCKET, _))) => {}
                Ok(Some((number, events))) => {
                    let request: *mut Request = ptr::with_exposed_provenance_mut(number as usize);
                    // SAFETY: this thread watches it, and only this thread ends it.
                    unsafe {
                        let result = Poller::result(request, events);
                        self.finish(request, ARMED, epoll, Ok(result));
                    }
                }
                Ok(None) => {}
                // Cancelled polls are still to come.
                Err(_) => futex::sleep(1_000_000),
            }
            if !is_reachable && self.ending.load(SeqCst) != 0 {
                return;
            }
            if !is_reachable {
                while self.take_message(socket, epoll) == Taken::Message {}
            }
            self.end_unsent(socket, epoll);
            if is_reachable && matches!(report, Ok(Some(_))) {
                continue;
            }
            // Now and then.
            if self.link.crew().are_alone() {
                return;
            }
            // SeqCst: who has sent something, or is about to, has counted it before.
            if self.armed.load(SeqCst) == 0 {
                sockets::refuse_more(socket);
                while self.take_message(socket, epoll) == Taken::Message {}
                if self.armed.load(SeqCst) == 0 {
                    return;
                }
                is_reachable = false;
                let _ = epoll::forget(epoll, socket);
            }
        }
    }
}

/// So many milliseconds a poller sleeps that cannot be told of cancelled polls.
const SHORT: c_int = 20;

/// Sends a word and the files with it. While there is no room, it waits for some, for a few
/// milliseconds at most.
fn send_patiently(link: &Link, word: usize, files: &[c_int]) -> Result<(), Unsent> {
    for turn in 0..TURNS {
        let sent = link.send(word, files);
        if sent != Err(Unsent::Full) {
            return sent;
        }
        pause(turn);
    }
    Err(Unsent::Full)
}
