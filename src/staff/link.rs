//! The one descriptor that threads of the library have in the program's table: a socket to which
//! files are sent.
//!
//! The threads have a table of their own. A file that is on its way, or has come, is held: the
//! program may close it, and closing the library's copy drops none of the program's record locks
//! (`fcntl(2)`), as it would in the program's table. The program may also close this socket, and open
//! a file of its own under its number: the number is looked at before each use. Threads whose socket
//! was closed do what they have got, and end.

use core::ffi::c_int;

use super::crew::Crew;
use super::lock::Lock;
use crate::sync::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize};
use crate::sys::errno::Errno;
use crate::sys::process::Run;
use crate::sys::signals::Signals;
use crate::sys::{files, futex, sockets, status};

/// All zero: there are no threads.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Link {
    /// All threads of the library.
    crew: AtomicUsize,
    /// Taken by threads of the program that send, start the first thread, or end them all.
    lock: Lock,
    /// The number of the program's end, plus 1; 0: none.
    number: AtomicU32,
    /// The number that the other end has in the table of the library's threads.
    other_end: AtomicU32,
    /// Which file the program's end is.
    device: AtomicU64,
    inode: AtomicU64,
    /// And the other one.
    other_device: AtomicU64,
    other_inode: AtomicU64,
    /// Threads that there are.
    pub(crate) alive: AtomicU32,
    /// What became of the first thread: 0: it is not known yet, [`HAS_TABLE`], [`HAS_NONE`] or [`HAS_FAILED`].
    started: AtomicU32,
    /// Counts the times that a first thread was started.
    teams: AtomicU32,
    /// Whether these threads get nothing more.
    pub(crate) is_over: AtomicU32,
    /// Whether the system refuses what is needed.
    is_refused: AtomicU32,
}

const HAS_TABLE: u32 = 1;
/// The system does not let it have a table of its own.
const HAS_NONE: u32 = 2;
/// Another one may get further: the program has closed this one's end of the socket, or there was no
/// memory.
const HAS_FAILED: u32 = 3;

/// Why something could not be sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// There is nobody who could get it.
    Unreachable,
    /// There is no room, for now.
    Full,
    /// The system does not let it be sent.
    Refused,
}

impl Link {
    /// Says which threads these are part of.
    pub(crate) fn set_crew(&self, crew: &Crew) {
        self.crew
            .store(core::ptr::from_ref(crew).expose_provenance(), Relaxed);
    }

    /// See [`Link::set_crew`].
    pub(crate) fn crew(&self) -> &Crew {
        // SAFETY: it was said before the first thread was started, and is part of the state.
        unsafe { &*core::ptr::with_exposed_provenance(self.crew.load(Relaxed)) }
    }

    /// Sends a word and the files with it to the threads, if there are some and there is room. Called
    /// with signals blocked, like all that a thread of the program does here.
    pub(crate) fn send(&self, word: usize, files: &[c_int]) -> Result<(), Unsent> {
        // Nobody of the library closes the socket meanwhile, and lets the number be another file's.
        let _held = self.lock.take();
        let socket = self.socket().ok_or(Unsent::Unreachable)?;
        sockets::send(socket, word, files).map_err(|error| match error {
            Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN | Errno::ENOTSOCK => {
                Unsent::Unreachable
            }
            Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM | Errno::ETOOMANYREFS => Unsent::Full,
            _ => Unsent::Refused,
        })
    }

    /// The program's end, if it is still that.
    fn socket(&self) -> Option<c_int> {
        // Acquire: pairs with `start`.
        let number = self.number.load(Acquire).checked_sub(1)? as c_int;
        self.is_ours(number).then_some(number)
    }

    fn is_ours(&self, number: c_int) -> bool {
        let (device, inode) = (self.device.load(Relaxed), self.inode.load(Relaxed));
        status::of(number).is_ok_and(|file| (file.device, file.inode) == (device, inode))
    }

    /// Whether the last ones that were started could be had.
    pub(crate) fn has_worked(&self) -> bool {
        // Relaxed: whether others can be had is seen when they are.
        self.started.load(Relaxed) == HAS_TABLE && self.is_refused.load(Relaxed) == 0
    }

    /// Starts `work` in a thread if there is none that can be reached. False: there can be none, or
    /// what there is no room for takes some time.
    ///
    /// # Safety
    /// `work` stays as long as the process.
    #[cold]
    pub(crate) unsafe fn start<R: Run>(&self, work: &R, mask: Signals) -> bool {
        let _held = self.lock.take();
        if self.is_refused.load(Relaxed) != 0 {
            return false;
        }
        // Acquire: pairs with `leave`. Threads whose socket is gone are still at work.
        if self.alive.load(Acquire) != 0 {
            return self.socket().is_some();
        }
        self.close();
        let [own, others] = match sockets::pair() {
            Ok(ends) => ends,
            Err(error) => {
                // A process that has too many files may have less later.
                let is_for_now = matches!(error, Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM);
                self.is_refused.store(u32::from(!is_for_now), Relaxed);
                return false;
            }
        };
        let identity = |number| status::of(number).map(|file| (file.device, file.inode));
        let (own_identity, others_identity) = (identity(own), identity(others));
        self.other_end.store(others as u32, Relaxed);
        let (device, inode) = others_identity.unwrap_or_default();
        self.other_device.store(device, Relaxed);
        self.other_inode.store(inode, Relaxed);
        self.started.store(0, Relaxed);
        self.is_over.store(0, Relaxed);
        self.teams.fetch_add(1, SeqCst);
        // SeqCst: pairs with `end`, which sees that these are others.
        self.alive.store(1, SeqCst);
        // SAFETY: as the caller promises.
        let mut is_there = unsafe { self.crew().start(work, mask) };
        if is_there {
            // Acquire: pairs with `enter`.
            while self.started.load(Acquire) == 0 {
                let _ = futex::sleep_until(&self.started, 0, futex::now() + PATIENCE);
            }
            let started = self.started.load(Relaxed);
            is_there = started == HAS_TABLE;
            self.is_refused
                .store(u32::from(started == HAS_NONE), Relaxed);
        } else {
            self.alive.store(0, Relaxed);
        }
        if identity(others) == others_identity {
            files::close(others);
        }
        let (device, inode) = own_identity.unwrap_or_default();
        self.device.store(device, Relaxed);
        self.inode.store(inode, Relaxed);
        if !is_there {
            if self.is_ours(own) {
                files::close(own);
            }
            return false;
        }
        let number = if self.is_ours(own) {
            out_of_the_way(own)
        } else {
            own
        };
        // Release: with what `is_ours` compares.
        self.number.store(number as u32 + 1, Release);
        true
    }

    /// What every thread does first. The first one gets a table of its own, with nothing but the other
    /// end, whose number comes back. None: that is not to be had, and the thread
    /// ends.
    pub(crate) fn enter(&self) -> Option<c_int> {
        let others = self.other_end.load(Relaxed) as c_int;
        // Relaxed: the first thread is started after it is stored, and the others after it is known.
        if self.started.load(Relaxed) != 0 {
            return Some(others);
        }
        // The program may have put another file there, until the table was another one.
        let identity = (
            self.other_device.load(Relaxed),
            self.other_inode.load(Relaxed),
        );
        let is_ours = || status::of(others).is_ok_and(|file| (file.device, file.inode) == identity);
        // A filter may refuse that.
        let receives = || sockets::receive(others, false, &mut [0; sockets::FILES]).is_ok();
        let answer = match files::have_only(others) {
            Ok(()) if is_ours() && !receives() => HAS_NONE,
            Ok(()) if is_ours() => HAS_TABLE,
            Ok(()) | Err(Errno::ENOMEM | Errno::EMFILE) => HAS_FAILED,
            Err(_) => HAS_NONE,
        };
        let is_done = answer == HAS_TABLE;
        if is_done {
            sockets::set_patience(others, IDLE);
        } else {
            self.crew().leave();
            self.alive.store(0, Relaxed);
        }
        // Release: pairs with `start`.
        self.started.store(answer, Release);
        futex::wake(&self.started, 1);
        is_done.then_some(others)
    }

    /// A thread ends: this is the last thing that it does.
    pub(crate) fn leave(&self) {
        self.crew().leave();
        // SeqCst: after all that it did; pairs with `start` and `end`.
        if self.alive.fetch_sub(1, SeqCst) == 1 {
            futex::wake(&self.alive, u32::MAX >> 1);
        }
    }

    /// Lets the threads end, when they have done what was sent.
    pub(crate) fn close(&self) {
        if let Some(socket) = self.socket() {
            // A child may have another descriptor of it.
            sockets::send_no_more(socket);
            files::close(socket);
        }
        self.number.store(0, Relaxed);
    }

    /// The same, and waits for it; until a moment of the clock at most, if there is one. `for_good`:
    /// none are started again.
    pub(crate) fn end(&self, until: Option<i64>, for_good: bool) {
        let team = {
            let _held = self.lock.take();
            if for_good {
                self.is_refused.store(1, Relaxed);
            }
            self.close();
            self.teams.load(Relaxed)
        };
        // SeqCst: pairs with `leave`, and with `start` of another thread, whose threads stay.
        let mut alive = self.alive.load(SeqCst);
        while alive != 0 && self.teams.load(SeqCst) == team {
            let now = futex::now();
            if until.is_some_and(|until| now >= until) {
                return;
            }
            let _ = futex::sleep_until(&self.alive, alive, now + PATIENCE);
            alive = self.alive.load(SeqCst);
        }
    }
}

/// So many seconds a thread waits for a message before it looks whether it is still needed.
pub(crate) const IDLE: usize = 1;

/// A sleep has a deadline; it begins again.
const PATIENCE: i64 = 10_000_000;

/// Programs count on the lowest numbers.
fn out_of_the_way(number: c_int) -> c_int {
    match files::duplicate(number) {
        Ok(higher) => {
            files::close(number);
            higher
        }
        Err(_) => number,
    }
}
