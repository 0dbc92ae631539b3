//! The helper threads: they carry out what would make `io_submit` wait for a disk.
//!
//! `io_submit` sends its requests with the files that they are for, in one message, which waits in a
//! socket until a helper takes it. So nothing of the program's is between two steps, whoever ends,
//! and the message is the wake-up. One helper at a time listens at the socket; the others work, or
//! sleep until there is more than they can see.
//!
//! | who | does | so that |
//! |---|---|---|
//! | `io_submit` | sends; then, if nobody listens, calls one that sleeps | a message is taken while there are helpers without work |
//! | who listens | gets a message; listens no more; then takes what else is there | a message that came too early for the call is not left |
//! | a helper | sees to it, before it works, that one without work is there | there is somebody to call |
//! | a helper without work | listens, if nobody does; else it sleeps, and ends after a second | |
//! | the last one | lets nothing more be sent; then does what is there; then ends | a message is taken, or not sent |

use core::ffi::c_int;
use core::ptr;

use super::carry_out;
use super::checks;
use super::completions::NO_EVENTFD;
use super::lanes::Lanes;
use super::requests::{Details, Request, finish};
use crate::engine::tables::FILE_NUMBERS;
use crate::staff::link::{IDLE, Link, Unsent};
use crate::staff::lock::Lock;
use crate::sync::Ordering::{AcqRel, Relaxed, SeqCst};
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::errno::Errno;
use crate::sys::process::Run;
use crate::sys::signals::Signals;
use crate::sys::sockets::{self, FILES, Received};
use crate::sys::{files, futex, limits};

/// Files that helpers have at a time, before they leave others in the socket.
const MANY: u32 = 1024;
/// A process that may open so few is not to have helpers: files could not get to them.
const FEWEST: u32 = 3 * FILES as u32;

/// The queue and its helpers. All zero: empty. What is below the lock changes under it only.
#[cfg_attr(loom, derive(Default))]
#[repr(C)]
pub(crate) struct Helpers {
    pub(crate) link: Link,
    lock: Lock,
    /// Requests that were taken out of the socket, the first and the last.
    first: AtomicUsize,
    last: AtomicUsize,
    /// Those that wait for others of their file.
    pub(crate) lanes: Lanes,
    /// Helpers that are there: without those that are about to end.
    there: AtomicU32,
    /// Those that sleep.
    idle: AtomicU32,
    /// Whether a helper is at the socket: one of the states below. Looked at without the lock.
    listens: AtomicU32,
    /// Counts calls; helpers without work sleep on it.
    calls: AtomicU32,
    /// The process ends: requests are carried out by who submits them.
    ending: AtomicU32,
    /// How many helpers there may be.
    limit: AtomicU32,
    /// Files that helpers have.
    files: AtomicU32,
    /// How many requests, and signals of requests, want the file of a number.
    uses: [AtomicU32; FILE_NUMBERS],
}

/// No helper is at the socket.
const NOBODY: u32 = 0;
/// One listens: it gets the next message.
const LISTENS: u32 = 1;
/// One has got a message, and takes what else is there. Nobody begins to listen meanwhile: the message
/// that it waits for could be taken away, and it would not know of the requests.
const TAKES: u32 = 2;

/// What a helper does that has no work.
enum Idle {
    /// There is work.
    Work,
    Listen,
    /// Sleep while the count of calls is this.
    Sleep(u32),
    End,
}

impl Helpers {
    /// Says how many helpers there may be, before the first request.
    pub(crate) fn set_limit(&self, limit: u32) {
        self.limit.store(limit, Relaxed);
    }

    /// Whether the process has begun to end.
    pub(crate) fn are_ending(&self) -> bool {
        // SeqCst: before the send; see `drain`.
        self.ending.load(SeqCst) != 0
    }

    /// Whether helpers can be had: starts the first one if that is not known. Called with signals blocked.
    ///
    /// # Safety
    /// `mask` is the thread's signal mask.
    pub(crate) unsafe fn try_to_start(&self, mask: Signals) -> bool {
        // SAFETY: it is part of the state, which stays.
        self.are_allowed() && (self.link.has_worked() || unsafe { self.link.start(self, mask) })
    }

    fn are_allowed(&self) -> bool {
        !self.are_ending() && limits::open_files() >= FEWEST
    }

    /// Sends requests, linked by `next`, with the files that they name. False: the caller still has
    /// them. Called with signals blocked.
    ///
    /// # Safety
    /// The caller owns the requests. `mask` is the thread's signal mask.
    pub(crate) unsafe fn send(&self, first: *mut Request, files: &[c_int], mask: Signals) -> bool {
        if !self.are_allowed() {
            return false;
        }
        let send = || self.link.send(first.expose_provenance(), files);
        let mut sent = send();
        // SAFETY: it is part of the state, which stays.
        if sent == Err(Unsent::Unreachable) && unsafe { self.link.start(self, mask) } {
            sent = send();
        }
        if sent.is_err() {
            return false;
        }
        // SeqCst: after the send; pairs with `take_all`.
        if self.listens.load(SeqCst) != LISTENS {
            self.call(1);
        }
        true
    }

    /// Calls so many helpers that sleep.
    fn call(&self, helpers: u32) {
        // SeqCst: pairs with `idle`: who is about to sleep has taken the count before.
        self.calls.fetch_add(1, SeqCst);
        futex::wake(&self.calls, helpers);
    }

    /// Waits until all that was sent is carried out and no helper is there, for the end of the
    /// process. From now on requests are carried out by who submits them: those of handlers that the
    /// program registered earlier, which run after this, and those of threads that go on meanwhile.
    pub(crate) fn drain(&self) {
        // SeqCst: who does not see it has sent before the link is closed, or finds it closed.
        self.ending.store(1, SeqCst);
        self.link.end(None, true);
    }

    /// Adds the requests of a message, whose files have these numbers.
    fn queue(&self, first: usize, files: &[c_int]) {
        let mut address = first;
        let mut last = first;
        let (mut checked, mut is_good) = (NO_EVENTFD, false);
        for &file in files {
            if let Some(uses) = self.uses.get(file as usize) {
                // Until all requests have theirs.
                uses.store(1, Relaxed);
            }
        }
        while address != 0 {
            let request: *mut Request = ptr::with_exposed_provenance_mut(address);
            // SAFETY: what was sent is the helpers'.
            let (details, next) = unsafe { (&mut (*request).details, &(*request).next) };
            details.fd = self.file(files, details.fd);
            if details.eventfd != NO_EVENTFD {
                details.eventfd = self.file(files, details.eventfd);
                if checked != details.eventfd {
                    checked = details.eventfd;
                    is_good = checks::is_eventfd(checked);
                }
                if !is_good {
                    // The program put another file there while io_submit looked.
                    self.release(details.eventfd);
                    details.eventfd = NO_EVENTFD;
                }
            }
            last = address;
            address = next.load(Relaxed);
        }
        self.files.fetch_add(files.len() as u32, Relaxed);
        for &file in files {
            self.release(file);
        }
        let _held = self.lock.take();
        let before = self.last.swap(last, Relaxed);
        if before == 0 {
            self.first.store(first, Relaxed);
        } else {
            let before: *mut Request = ptr::with_exposed_provenance_mut(before);
            // SAFETY: as above.
            unsafe { &(*before).next }.store(first, Relaxed);
        }
    }

    /// The file of this index, for one request more. Negative: it has not come.
    fn file(&self, files: &[c_int], index: c_int) -> c_int {
        let Some(&file) = files.get(index as usize) else {
            return -1;
        };
        if let Some(uses) = self.uses.get(file as usize) {
            uses.fetch_add(1, Relaxed);
        }
        file
    }

    /// A request needs its file, or eventfd, no more. Negative: it had none.
    fn release(&self, file: c_int) {
        // AcqRel: whoever is last closes it after all others have used it.
        let is_last = |uses: &AtomicU32| uses.fetch_sub(1, AcqRel) == 1;
        if self.uses.get(file as usize).is_some_and(is_last) {
            files::close(file);
            self.files.fetch_sub(1, Relaxed);
        }
    }

    /// Whether helpers have as many files as they may have beside those of one more message.
    fn have_enough(&self) -> bool {
        let files = self.files.load(Relaxed);
        files >= FILES as u32 && files >= MANY.min(limits::open_files().saturating_sub(FEWEST / 2))
    }

    /// The oldest request of the queue that may begin; and whether there are more.
    fn next(&self) -> Option<(*mut Request, bool)> {
        let _held = self.lock.take();
        loop {
            let first = self.first.load(Relaxed);
            if first == 0 {
                return None;
            }
            let request: *mut Request = ptr::with_exposed_provenance_mut(first);
            // SAFETY: what is in the queue is the helpers'.
            let next = unsafe { &(*request).next }.load(Relaxed);
            self.first.store(next, Relaxed);
            if next == 0 {
                self.last.store(0, Relaxed);
            }
            // SAFETY: it was just taken out of the queue.
            if unsafe { self.lanes.begin(request) } {
                return Some((request, next != 0));
            }
        }
    }

    /// A request was carried out: who has waited for it in its lane comes next.
    fn leave_lane(&self, details: &Details) {
        if !details.is_waited_for {
            return;
        }
        let held = self.lock.take();
        let next = self.lanes.end(details);
        if next.first != 0 {
            let last: *mut Request = ptr::with_exposed_provenance_mut(next.last);
            let others = self.first.swap(next.first, Relaxed);
            // SAFETY: what has its turn is the helpers'.
            unsafe { &(*last).next }.store(others, Relaxed);
            if others == 0 {
                self.last.store(next.last, Relaxed);
            }
        }
        drop(held);
        self.lanes.remove(details);
    }

    /// Sees to it that another helper is there without work, and calls it if there is work for it.
    fn provide_another(&self, is_work: bool) {
        let (starts, calls) = {
            let _held = self.lock.take();
            let sleeps = self.idle.load(Relaxed) != 0;
            // Who listens does not see what came out of a lane.
            let is_there = sleeps || !is_work && self.listens.load(Relaxed) == LISTENS;
            let starts = !is_there && self.there.load(Relaxed) < self.limit.load(Relaxed);
            if starts {
                self.link.alive.fetch_add(1, Relaxed);
                self.there.fetch_add(1, Relaxed);
            }
            (starts, sleeps && is_work)
        };
        if calls {
            self.call(1);
        }
        // SAFETY: it is part of the state, which stays.
        if starts && !unsafe { self.link.crew().start_another(self) } {
            let _held = self.lock.take();
            self.link.alive.fetch_sub(1, Relaxed);
            self.there.fetch_sub(1, Relaxed);
        }
    }

    /// Carries one request out and posts its event.
    fn carry_out(&self, request: *mut Request) {
        // SAFETY: the request came out of the queue; its memory stays until it is finished.
        unsafe {
            let result = carry_out::in_helper(&(*request).details);
            // Before the event: who has that is not kept from the cache any more.
            self.leave_lane(&(*request).details);
            finish(request, result, |fd, eventfd| {
                self.release(fd);
                self.release(eventfd);
            });
        }
    }

    /// Takes all that is in the socket, and waits for a first message if `waits`. Whether there was
    /// something. Nobody listens from here on.
    fn take_all(&self, socket: c_int, waits: bool) -> bool {
        let mut numbers = [0; FILES];
        let mut received = sockets::receive(socket, waits, &mut numbers);
        let is_message = matches!(received, Ok(Received::Message(..)));
        // SeqCst: before the next look at the socket; pairs with `send`.
        self.listens
            .store(if is_message { TAKES } else { NOBODY }, SeqCst);
        let mut is_first = true;
        loop {
            match received {
                Ok(Received::Message(first, count)) => {
                    self.queue(first, numbers.get(..count).unwrap_or_default());
                    is_first = false;
                    let _held = self.lock.take();
                    if self.have_enough() {
                        self.listens.store(NOBODY, SeqCst);
                        return true;
                    }
                    // Under the lock: who is called for a message listens, or this look finds it.
                    received = sockets::receive(socket, false, &mut numbers);
                    if !matches!(received, Ok(Received::Message(..))) {
                        self.listens.store(NOBODY, SeqCst);
                    }
                }
                Ok(Received::Nothing) => return !is_first,
                Ok(Received::End) | Err(_) => {
                    // The program's end is closed, or shut; or nothing can be received.
                    sockets::refuse_more(socket);
                    self.link.is_over.store(1, Relaxed);
                    self.call(u32::MAX >> 1);
                    return true;
                }
            }
        }
    }

    /// What this helper does, which has found the queue empty.
    fn idle(&self) -> Idle {
        // SeqCst: before the looks below; pairs with `call`.
        let calls = self.calls.load(SeqCst);
        let _held = self.lock.take();
        if self.first.load(Relaxed) != 0 {
            return Idle::Work;
        }
        if self.link.is_over.load(Relaxed) != 0 {
            self.there.fetch_sub(1, Relaxed);
            return Idle::End;
        }
        // Who has files of others that wait in a lane comes here when it has done its own.
        if self.listens.load(Relaxed) == NOBODY && !self.have_enough() {
            self.listens.store(LISTENS, SeqCst);
            return Idle::Listen;
        }
        self.idle.fetch_add(1, Relaxed);
        Idle::Sleep(calls)
    }

    /// Sleeps until it is called. False: that took so long that this helper may end.
    fn sleep(&self, calls: u32) -> bool {
        let until = futex::now() + IDLE as i64 * 1_000_000_000;
        let slept = futex::sleep_until(&self.calls, calls, until);
        let _held = self.lock.take();
        self.idle.fetch_sub(1, Relaxed);
        // One that was called in the last moment is there for who called it.
        let stays = slept != Err(Errno::ETIMEDOUT)
            || self.first.load(Relaxed) != 0
            || self.listens.load(Relaxed) != LISTENS;
        if !stays {
            // Who begins to work does not count on this one any more.
            self.there.fetch_sub(1, Relaxed);
        }
        stays
    }

    /// The first helper counts itself; who starts another one has counted that.
    fn begin(&self) {
        let _held = self.lock.take();
        if self.there.load(Relaxed) == 0 {
            self.there.store(1, Relaxed);
        }
    }

    /// Whether no other helper is there.
    fn is_alone(&self) -> bool {
        let _held = self.lock.take();
        self.there.load(Relaxed) == 1
    }
}

/// What a helper does.
impl Run for Helpers {
    fn run(&self) {
        let Some(socket) = self.link.enter() else {
            return;
        };
        self.begin();
        loop {
            if let Some((request, are_more)) = self.next() {
                self.provide_another(are_more);
                self.carry_out(request);
                continue;
            }
            match self.idle() {
                Idle::Work => {}
                Idle::Listen => {
                    if !self.take_all(socket, true) && self.is_alone() {
                        // What is sent until here is carried out. Then the end is seen.
                        sockets::refuse_more(socket);
                    }
                }
                Idle::Sleep(calls) => {
                    if !self.sleep(calls) {
                        break;
                    }
                }
                Idle::End => break,
            }
        }
        self.link.leave();
    }
}
