//! The two threads that tell the program of what has ended: signals, and calls in new threads.
//!
//! The *notifier* sleeps until something is to be told. The *watcher* waits in libaio for requests of
//! the kernel, when no call of the program does and yet somebody is to learn of their end: the program
//! is to be told, a sync waits for them, or a thread waits for them and for others. What it finds to be
//! told it tells itself. Each is started when it is first needed, has the program's descriptors, and
//! ends after a second without anything to do.
//!
//! Nothing is told from within the calls of the program: a handler would run there each time.

use super::collecting::{self, COLLECTS};
use super::handing_over::{May, hand_over_returned};
use super::process::{Attendant, Guard, PROCESS};
use super::telling::{LONGEST_PAUSE, PAUSE, tell_all};
use super::waiting::{self, Waiter};
use super::words::{NOTIFIER, WATCHER};
use crate::sys::errno::Errno;
use crate::sys::futex;
use crate::sys::process::{self, Run, Stack};
use crate::sys::signals::Signals;

/// Nanoseconds after which an attendant without work ends.
const IDLE: i64 = 1_000_000_000;

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Notifier,
    Watcher,
}

/// Sees to it that an attendant is there. False: there can be none.
pub(crate) fn provide(guard: &mut Guard<'_>, which: Which) -> bool {
    let process = guard.process;
    let is_there = match which {
        Which::Notifier => &mut guard.has_notifier,
        Which::Watcher => &mut guard.has_watcher,
    };
    if core::mem::replace(is_there, true) {
        return true;
    }
    let attendant = match which {
        Which::Notifier => &process.notifier,
        Which::Watcher => &process.watcher,
    };
    // Exit handlers may run there, if the other threads end before it.
    // SAFETY: it is part of the state, which stays.
    let started = guard.release(|| unsafe {
        process::start_thread(attendant, Stack::Ordinary)
            || process::start_thread(attendant, Stack::Small)
    });
    if !started {
        match which {
            Which::Notifier => guard.has_notifier = false,
            Which::Watcher => guard.has_watcher = false,
        }
    }
    started
}

impl Attendant {
    fn which(&self) -> Which {
        if core::ptr::eq(self, &PROCESS.watcher) {
            Which::Watcher
        } else {
            Which::Notifier
        }
    }
}

/// What an attendant does.
impl Run for Attendant {
    fn run(&self) {
        let mut guard = PROCESS.take();
        guard.may_send = true;
        match self.which() {
            Which::Notifier => notify(&mut guard),
            Which::Watcher => watch(&mut guard),
        }
    }
}

fn notify(guard: &mut Guard<'_>) {
    let mut pause = PAUSE;
    loop {
        let is_all = tell_all(guard);
        pause = if is_all {
            PAUSE
        } else {
            LONGEST_PAUSE.min(pause * 2)
        };
        let limit = if is_all { IDLE } else { pause };
        if guard.told.is_empty() || !is_all {
            let slept = sleep(guard, NOTIFIER, limit);
            let is_done = is_all && is_all_told(guard);
            if slept == Err(Errno::ETIMEDOUT) && is_done {
                guard.has_notifier = false;
                return;
            }
        }
    }
}

/// Whether there is nothing to tell: an attendant whose time is over may have been woken since.
fn is_all_told(guard: &mut Guard<'_>) -> bool {
    guard.to_tell == 0 && !collecting::is_to_be_told(guard)
}

fn sleep(guard: &mut Guard<'_>, word: u32, limit: i64) -> Result<(), Errno> {
    let words = &guard.process.words;
    let value = guard.before_sleep(word);
    guard.release(|| words.sleep(word, value, futex::now() + limit))
}

fn watch(guard: &mut Guard<'_>) {
    // It remembers from one round to the next that it saw no leader.
    let mut waiter = Waiter::of_the_library(WATCHER);
    let mut glance = Glance::new();
    loop {
        let is_all = tell_all(guard);
        hand_over_returned(guard, May::Start(Signals::OF_THE_LIBRARY));
        if guard.in_kernel == 0 {
            guard.is_mixed = false;
        }
        let is_polled = COLLECTS && guard.polled_in_kernel != 0;
        let is_needed = guard.in_kernel != 0
            && (guard.told_in_kernel != 0
                || guard.is_mixed
                || is_polled && guard.is_polling
                || !guard.deferred.is_empty());
        if is_needed {
            waiter.wait_for(if is_all { IDLE } else { PAUSE });
            let _ = waiting::round(guard, &mut waiter, true);
            continue;
        }
        if waiting::stop_leading(guard) {
            continue;
        }
        if COLLECTS && is_all && glance.is_due(is_polled) {
            glance.at_requests(guard);
            continue;
        }
        if guard.told.is_empty() || !is_all {
            let slept = sleep(guard, WATCHER, if is_all { IDLE } else { PAUSE });
            let is_done = is_all && (guard.has_notifier || is_all_told(guard));
            if slept == Err(Errno::ETIMEDOUT) && is_done && guard.told_in_kernel == 0 {
                guard.has_watcher = false;
                return;
            }
        }
    }
}

/// How the watcher finds out whether the program looks at its structures alone: there are events that
/// nobody has read, and no call to collect since the last glance.
struct Glance {
    pause: i64,
    /// When there was last something to look at.
    at: i64,
}

/// The first pause between two glances, and the longest.
const GLANCE: i64 = 1_000_000;
/// See [`GLANCE`].
const LONGEST_GLANCE: i64 = 40_000_000;

impl Glance {
    fn new() -> Glance {
        Glance {
            pause: GLANCE,
            at: 0,
        }
    }

    /// Whether there is something to look at, or was a short time ago: a call that makes such a request
    /// wakes nobody then.
    fn is_due(&mut self, is_polled: bool) -> bool {
        let now = futex::now();
        if is_polled {
            self.at = now;
        }
        now - self.at < IDLE
    }

    fn at_requests(&mut self, guard: &mut Guard<'_>) {
        let calls = guard.process.glimpse.calls();
        guard.is_glanced_at = true;
        let _ = sleep(guard, WATCHER, self.pause);
        guard.is_glanced_at = false;
        // A call to collect takes it back.
        guard.is_polling |=
            guard.process.ring.has_unread() && guard.process.glimpse.calls() == calls;
        // Once that is known, calls that make requests wake it.
        self.pause = LONGEST_GLANCE.min(self.pause * 2);
    }
}
