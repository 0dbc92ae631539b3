//! The models.

use std::sync::Mutex;

use crate::explore;
use crate::requests::process::PROCESS;
use crate::sync::yield_now;
use crate::sys::process::{self, Stack, start_thread};
use crate::sys::sleeping::tick;

#[cfg(feature = "solaris")]
mod cancelling;
#[cfg(feature = "solaris")]
mod collecting;
#[cfg(not(feature = "solaris"))]
mod ending;
#[cfg(feature = "solaris")]
mod glancing;
#[cfg(not(feature = "solaris"))]
mod handlers;
#[cfg(not(feature = "solaris"))]
mod leading;
#[cfg(not(feature = "solaris"))]
mod reusing;
#[cfg(feature = "solaris")]
mod signalling;
#[cfg(not(feature = "solaris"))]
mod telling;

/// Slots that the table has at first.
const SLOTS: u32 = 256;

/// The library's memory is one static variable.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Explores a model with so many switches of threads, each time in a process of its own, until all its threads have
/// ended.
fn model(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let _held = ONE_AT_A_TIME.lock();
    explore::explore(preemptions, move || {
        let _life = process::start();
        body();
        process::end();
        check_nothing_left();
    });
}

/// The same for every step of the program's first thread before which a handler runs. The model returns whether it ran.
fn model_of_handler(preemptions: usize, body: impl Fn(&[usize]) -> bool + Sync + Send + 'static) {
    let _held = ONE_AT_A_TIME.lock();
    explore::explore_steps_with(preemptions, 1, move |steps| {
        let _life = process::start();
        let has_run = body(steps);
        process::end();
        check_nothing_left();
        has_run
    });
}

/// A pool that nothing has to start, and whose helper has not begun.
fn open_pool() {
    let mut guard = PROCESS.take();
    let pool = guard.pool(0);
    assert!(pool.pins.prepare());
    (pool.is_open, pool.is_settled) = (true, true);
}

/// Its helper begins.
fn start_helper() {
    assert!(unsafe { start_thread(&PROCESS.pools[0], Stack::Small) });
}

/// No request is left behind, no notification, and no event.
fn check_nothing_left() {
    let mut guard = PROCESS.take();
    assert_eq!((guard.in_flight, guard.in_kernel), (0, 0));
    assert_eq!((guard.to_tell, guard.told_in_kernel), (0, 0));
    assert!(!guard.has_notifier && !guard.has_watcher);
    assert!(guard.collection.is_empty());
    assert!(guard.told.is_empty() && guard.returned.is_empty() && guard.deferred.is_empty());
    assert!(!PROCESS.ring.has_unread());
    if guard.leader == 0 {
        assert_eq!(guard.read_events, 0, "nobody else takes them");
    }
    for _ in 0..SLOTS {
        let is_there = guard.new_slot().is_some_and(|index| index <= SLOTS);
        assert!(is_there, "a slot that nobody has freed");
    }
}

/// Lets the time of a beat go by until something is so.
fn let_time_pass_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tick(20_000_000);
        yield_now();
    }
}
