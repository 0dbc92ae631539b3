//! What one call of `io_submit` remembers from one iocb to the next.

use core::ffi::{c_int, c_void};
use core::ptr;

use super::checks;
use super::completions::{Eventfd, NO_EVENTFD};
use super::context::Context;
use super::file::File;
use super::requests::Request;
use super::sending;
use super::state::Threads;
use crate::sync::Ordering::Relaxed;
use crate::sys::errno::Errno;
use crate::sys::memory::PAGE;
use crate::sys::signals::Blocked;
use crate::sys::sockets::FILES;
use crate::sys::{eventfd, files, probe};

/// One call of `io_submit`.
pub(crate) struct Batch<'a> {
    /// The signals of the thread, which are blocked.
    pub signals: &'a Blocked,
    /// Memory that it may read.
    pub readable: ReadablePages,
    /// The last file that was looked at.
    file: Option<File>,
    /// The last eventfd that was looked at.
    eventfd: Eventfd,
    /// How often that one is to be signalled.
    times: u32,
    /// Whether somebody may wait for what was posted.
    wakes: bool,
    /// Requests for the helpers, linked by `next`.
    first: *mut Request,
    last: *mut Request,
    /// The files that they name by index.
    files: [c_int; FILES],
    count: usize,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(signals: &'a Blocked) -> Batch<'a> {
        Batch {
            signals,
            readable: ReadablePages::default(),
            file: None,
            eventfd: NO_EVENTFD,
            times: 0,
            wakes: false,
            first: ptr::null_mut(),
            last: ptr::null_mut(),
            files: [0; FILES],
            count: 0,
        }
    }

    /// What is behind a descriptor: looked at once, if it comes several times in a row.
    pub(crate) fn file(&mut self, fd: c_int) -> Result<File, Errno> {
        if let Some(file) = self.file.filter(|file| file.fd == fd) {
            return Ok(file);
        }
        let file = File::of(fd)?;
        self.file = Some(file);
        Ok(file)
    }

    /// Something may have changed the file that was looked at, or taken long.
    pub(crate) fn forget_file(&mut self) {
        self.file = None;
    }

    /// Checks that a descriptor is an eventfd's, once if it comes several times in a row.
    pub(crate) fn check_eventfd(&mut self, fd: c_int) -> Result<(), Errno> {
        if self.eventfd != fd || fd == NO_EVENTFD {
            checks::check_eventfd(fd)?;
            self.signal_now();
            self.eventfd = fd;
        }
        Ok(())
    }

    /// An event was posted; with this eventfd, which was checked, it is to be signalled once more.
    pub(crate) fn has_posted(&mut self, eventfd: Option<c_int>) {
        self.wakes = true;
        if let Some(fd) = eventfd {
            self.eventfd = fd;
            self.times += 1;
        }
    }

    /// Signals the eventfd, if it is still one: the program may have closed it while a request took
    /// long.
    fn signal_now(&mut self) {
        let fd = core::mem::replace(&mut self.eventfd, NO_EVENTFD);
        let times = core::mem::take(&mut self.times);
        if times == 0 || !checks::is_eventfd(fd) {
            return;
        }
        // What is looked at is what is signalled.
        if let Ok(own) = files::duplicate(fd) {
            if checks::is_eventfd(own) {
                eventfd::signal(own, times);
            }
            files::close(own);
        } else {
            eventfd::signal(fd, times);
        }
    }

    /// Signals, and wakes who waits, for what was posted.
    pub(crate) fn tell(&mut self, context: &Context) {
        self.signal_now();
        if core::mem::take(&mut self.wakes) {
            context.events.wake();
        }
    }

    /// The index of a file that is sent. There is room for two after [`Batch::make_room`].
    pub(crate) fn index_of(&mut self, fd: c_int) -> c_int {
        let known = self.files.iter().take(self.count);
        if let Some(index) = known.clone().position(|&other| other == fd) {
            return index as c_int;
        }
        let index = self.count;
        if let Some(place) = self.files.get_mut(index) {
            *place = fd;
            self.count += 1;
        }
        index as c_int
    }

    /// Makes room for two more files.
    pub(crate) fn make_room(&mut self, threads: &Threads) {
        if self.count + 2 > FILES {
            self.send(threads);
        }
    }

    /// Adds a request for the helpers.
    ///
    /// # Safety
    /// The caller owns it, and gives it away.
    pub(crate) unsafe fn push(&mut self, request: *mut Request) {
        // SAFETY: the caller owns it.
        unsafe { &(*request).next }.store(0, Relaxed);
        if self.last.is_null() {
            self.first = request;
        } else {
            // SAFETY: it is this call's until it is sent.
            unsafe { &(*self.last).next }.store(request.expose_provenance(), Relaxed);
        }
        self.last = request;
    }

    /// The call is over.
    pub(crate) fn end(mut self, threads: &Threads, context: &Context) {
        self.send(threads);
        self.tell(context);
    }

    /// Lets what was submitted before and keeps its order in a lane end, before the caller does what
    /// would come after it.
    pub(crate) fn wait_for_lane(&mut self, threads: &Threads, lane: u32) {
        if threads.helpers.lanes.is_busy(lane) {
            self.send(threads);
            threads.helpers.lanes.wait(lane);
        }
    }

    /// Sends the requests to the helpers. Those that they cannot have are carried out here.
    pub(crate) fn send(&mut self, threads: &Threads) {
        let first = core::mem::replace(&mut self.first, ptr::null_mut());
        self.last = ptr::null_mut();
        let files = self.files.get(..self.count).unwrap_or_default();
        if !first.is_null() {
            // SAFETY: they are this call's.
            unsafe { sending::send(threads, self.signals.before(), first, files) };
        }
        self.count = 0;
    }
}

/// Two pages that the kernel has read during the call, so that it is not asked again for their
/// neighbours.
#[derive(Default)]
pub(crate) struct ReadablePages {
    pages: [usize; 2],
    next: bool,
}

impl ReadablePages {
    /// Whether `length` (at least 8) bytes can be read.
    pub(crate) fn contain(&mut self, start: *const c_void, length: usize) -> bool {
        let first = start.addr() & !(PAGE - 1);
        let last = start.addr().wrapping_add(length - 1) & !(PAGE - 1);
        if first == last && self.pages.contains(&first) && first != 0 {
            return true;
        }
        if !probe::are_readable(start, length) {
            return false;
        }
        let [one, other] = &mut self.pages;
        *(if self.next { other } else { one }) = last;
        self.next = !self.next;
        true
    }
}
