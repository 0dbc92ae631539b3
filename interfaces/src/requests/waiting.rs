//! Waiting for requests.
//!
//! Of the threads that wait for requests of the kernel one *leads*: it waits in libaio, and ends the
//! requests of all. The others *follow*: each sleeps on its word until its request has ended, or it is
//! to lead. A leader that leaves lets one follower lead.
//!
//! | who | does | under the lock |
//! |---|---|---|
//! | a thread that waits for the kernel, while nobody leads | leads | yes |
//! | a leader, each 20 ms | counts a beat, and goes on | yes |
//! | a leader that leaves | leads no more, and wakes a follower | yes |
//! | a follower that saw no beat for 40 ms | leads: the other one has left by `longjmp`, or ended | yes |
//! | a handler that waits in the thread that leads | leads, and leaves as any leader | yes |
//!
//! A thread that waits for others than the kernel's sleeps on its word. One that waits for both lets the
//! watcher lead.

use super::handing_over::{May, hand_over_returned};
use super::process::{Guard, Process};
use super::ring;
use super::slot::{Index, State};
use super::telling::tell_if_nobody_does;
use super::words::{self, WATCHER};
use crate::sys::errno::Errno;
use crate::sys::signals::{self, Blocked};
use crate::sys::{futex, thread};

/// How long a leader waits at a time; and how long a follower trusts in it.
const BEAT: i64 = 20_000_000;
/// See [`BEAT`].
const TRUST: i64 = 40_000_000;
/// How long a thread sleeps at a time that waits for no deadline.
const FAR: i64 = 1_000_000_000_000;

/// A thread that waits.
pub(crate) struct Waiter<'a> {
    word: u32,
    /// Until when, on the monotonic clock; None: for ever.
    until: Option<i64>,
    /// Of a thread of the program: its signals, and whether it can be cancelled.
    blocked: Option<&'a Blocked>,
    is_cancellable: bool,
    /// Whether every handler ends the wait, SA_RESTART or not.
    ends_with_any_handler: bool,
    /// Whether it has slept before, and the leader was seen not to be there.
    has_slept: bool,
    deposes: bool,
}

impl<'a> Waiter<'a> {
    /// A thread of the program.
    pub(crate) fn new(blocked: &'a Blocked, until: Option<i64>, is_cancellable: bool) -> Self {
        Waiter {
            word: words::own(),
            until,
            blocked: Some(blocked),
            is_cancellable,
            ends_with_any_handler: false,
            has_slept: false,
            deposes: false,
        }
    }

    /// A thread of the library.
    pub(crate) fn of_the_library(word: u32) -> Self {
        Waiter {
            word,
            until: None,
            blocked: None,
            is_cancellable: false,
            ends_with_any_handler: false,
            has_slept: false,
            deposes: false,
        }
    }

    /// It waits for so long from now.
    pub(crate) fn wait_for(&mut self, nanoseconds: i64) {
        self.until = Some(futex::now() + nanoseconds);
    }

    /// The mark of its word.
    pub(crate) fn mark(&self) -> u64 {
        words::mark(self.word)
    }

    /// Sleeps by `body`, while handlers of the program run.
    fn sleep(&mut self, body: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
        let Some(blocked) = self.blocked else {
            return body();
        };
        let has_slept = core::mem::replace(&mut self.has_slept, true);
        // A signal that came since the last sleep interrupts the wait as one that comes in it does.
        if has_slept && blocked.before().would_be_handled() {
            blocked.before().deliver();
            return Err(Errno::EINTR);
        }
        let is_cancellable = self.is_cancellable;
        blocked.open(|| {
            if is_cancellable {
                cancellable(body)
            } else {
                body()
            }
        })
    }
}

/// Lets the thread be cancelled in `body`, which holds nothing.
fn cancellable<T>(body: impl FnOnce() -> T) -> T {
    unsafe extern "C" {
        fn pthread_setcanceltype(kind: i32, old: *mut i32) -> i32;
    }
    /// PTHREAD_CANCEL_ASYNCHRONOUS
    const AT_ONCE: i32 = 1;
    let mut before = 0;
    // SAFETY: there is room. If the thread is cancelled, no destructor is to run here.
    unsafe { pthread_setcanceltype(AT_ONCE, &mut before) };
    let result = body();
    let mut now = 0;
    // SAFETY: as above.
    unsafe { pthread_setcanceltype(before, &mut now) };
    result
}

/// Sleeps once, until something may have ended. `for_kernel`: what is waited for is the kernel's, all of
/// it. EINTR: a handler ran that interrupts calls.
pub(crate) fn round(
    guard: &mut Guard<'_>,
    waiter: &mut Waiter<'_>,
    for_kernel: bool,
) -> Result<(), Errno> {
    let process = guard.process;
    let own = thread::current();
    let leads = for_kernel && (guard.leader == 0 || guard.leader == own || waiter.deposes);
    let slept = if leads {
        guard.leader = own;
        guard.leads_for_program = waiter.blocked.is_some();
        guard.beats = guard.beats.wrapping_add(1);
        waiter.deposes = false;
        let limit = waiter
            .until
            .map_or(BEAT, |until| BEAT.min(until - futex::now()).max(1));
        let slept = guard.release(|| waiter.sleep(|| process.ring.wait(limit)));
        ring::read(guard);
        if guard.leader == own {
            ring::take(guard);
        }
        slept
    } else {
        let value = guard.before_sleep(waiter.word);
        let beats = guard.beats;
        let now = futex::now();
        let mut until = waiter.until.unwrap_or(now + FAR);
        if for_kernel {
            guard.followers |= waiter.mark();
            until = until.min(now + TRUST);
        }
        let word = waiter.word;
        let slept = guard.release(|| waiter.sleep(|| process.words.sleep(word, value, until)));
        let timed_out = slept == Err(Errno::ETIMEDOUT);
        waiter.deposes = for_kernel && timed_out && guard.beats == beats;
        slept
    };
    match (slept, waiter.blocked) {
        (Err(Errno::EINTR), Some(blocked))
            if waiter.ends_with_any_handler || signals::handlers_interrupt(&blocked.before()) =>
        {
            Err(Errno::EINTR)
        }
        _ => Ok(()),
    }
}

/// This thread waits no longer: if it leads, another one is to. Whether it led: then requests may have ended,
/// and what it knew of them is old.
pub(crate) fn stop_leading(guard: &mut Guard<'_>) -> bool {
    if guard.leader != thread::current() {
        return false;
    }
    guard.leader = 0;
    ring::read(guard);
    ring::take(guard);
    hand_over_returned(guard, May::NotStart);
    let words = &guard.process.words;
    while guard.followers != 0 {
        let word = guard.followers.trailing_zeros();
        if words.wake_one(word) {
            return true;
        }
        // Nobody sleeps there; who is about to finds the word changed.
        guard.followers &= guard.followers - 1;
    }
    true
}

/// What one thread waits for.
pub(crate) enum Need {
    /// Nothing more.
    Done,
    /// A request of the kernel, or requests of the kernel only.
    Kernel,
    /// A request of others, or requests of others only.
    Others,
    /// Both.
    Both,
}

impl Need {
    /// With one request more.
    pub(crate) fn and(self, is_kernel: bool) -> Need {
        match (self, is_kernel) {
            (Need::Done | Need::Kernel, true) => Need::Kernel,
            (Need::Done | Need::Others, false) => Need::Others,
            _ => Need::Both,
        }
    }
}

/// Lets `waiter` be woken at the end of a request.
pub(crate) fn mark(guard: &mut Guard<'_>, index: Index, waiter: &Waiter<'_>) -> bool {
    let slot = guard.process.table.slot(index);
    slot.waiters |= waiter.mark();
    slot.state == State::Kernel
}

/// Waits until `look` says that there is nothing more to wait for. It is called with the lock held,
/// marks what is waited for, and calls nothing that the program can keep waiting.
///
/// EINTR: a handler ran that interrupts calls. EAGAIN: the time is over.
pub(crate) fn wait(
    process: &'static Process,
    blocked: &Blocked,
    until: Option<i64>,
    is_cancellable: bool,
    look: impl FnMut(&mut Guard<'_>, &Waiter<'_>) -> Need,
) -> Result<(), Errno> {
    wait_as(process, Waiter::new(blocked, until, is_cancellable), look)
}

/// The same, and a thread can be cancelled in it. EINTR: a handler ran, of whatever kind. `until` 0: it does
/// not wait.
pub(crate) fn wait_for_any_handler(
    process: &'static Process,
    blocked: &Blocked,
    until: Option<i64>,
    look: impl FnMut(&mut Guard<'_>, &Waiter<'_>) -> Need,
) -> Result<(), Errno> {
    let mut waiter = Waiter::new(blocked, until, true);
    waiter.ends_with_any_handler = true;
    wait_as(process, waiter, look)
}

fn wait_as(
    process: &'static Process,
    mut waiter: Waiter<'_>,
    mut look: impl FnMut(&mut Guard<'_>, &Waiter<'_>) -> Need,
) -> Result<(), Errno> {
    let until = waiter.until;
    let mut guard = process.take();
    let mut ended = Ok(());
    loop {
        ring::look(&mut guard);
        hand_over_returned(&mut guard, May::NotStart);
        tell_if_nobody_does(&mut guard);
        let for_kernel = match look(&mut guard, &waiter) {
            Need::Done => {
                ended = Ok(());
                break;
            }
            Need::Kernel => true,
            Need::Others => false,
            // What it waits for may have ended as it left.
            Need::Both if guard.has_watcher && stop_leading(&mut guard) => continue,
            Need::Both => let_watch(&mut guard),
        };
        if ended.is_err() {
            break;
        }
        if until.is_some_and(|until| until <= 0 || futex::now() >= until) {
            ended = Err(Errno::EAGAIN);
            continue;
        }
        ended = round(&mut guard, &mut waiter, for_kernel);
    }
    stop_leading(&mut guard);
    ended
}

/// Lets the watcher wait in libaio, for a thread that waits for others too. Whether the thread has to do
/// it itself: there is no watcher. Then it learns of the others with the next beat.
fn let_watch(guard: &mut Guard<'_>) -> bool {
    if !guard.has_watcher {
        return true;
    }
    if !core::mem::replace(&mut guard.is_mixed, true) {
        guard.wake_attendant(WATCHER);
    }
    false
}
