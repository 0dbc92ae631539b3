//! What must hold of threads that wait for events: nobody sleeps on while there is what it waits
//! for. Loom reports a thread that is never woken.

use std::ptr;
use std::sync::atomic::Ordering::SeqCst;

use loom::sync::Arc;
use loom::thread;

use crate::engine::threads::waiting::{Limit, Waiters, Woken};
use crate::explore::explore;
use crate::sync::AtomicU32;
use crate::sys::futex::{Process, Time};

#[derive(Default)]
struct Context {
    waiters: Waiters,
    events: AtomicU32,
}

impl Context {
    fn post(&self, events: u32) {
        self.events.fetch_add(events, SeqCst);
        self.waiters.wake();
    }

    /// As `wait_for` of the engine.
    fn wait_for(&self, events: u32, masked: bool) {
        let ready = || self.events.load(SeqCst) >= events;
        loop {
            let woken = if masked {
                unsafe {
                    self.waiters
                        .sleep_with_mask(Limit::Never, ptr::null(), ready)
                }
            } else {
                self.waiters.sleep(Limit::Never, ready)
            };
            assert_eq!(woken, Woken::Perhaps);
            if ready() {
                return;
            }
        }
    }
}

/// Two events come one by one, while threads wait for so many, with a signal mask or without.
fn wait(preemptions: usize, waiters: &'static [(u32, bool)], posts: &'static [u32]) {
    explore(preemptions, move || {
        let _process = Process::start(Time::Stands);
        let context = Arc::new(Context::default());
        let threads: Vec<_> = waiters
            .iter()
            .map(|&(events, masked)| {
                let context = context.clone();
                thread::spawn(move || context.wait_for(events, masked))
            })
            .collect();
        for &events in posts {
            context.post(events);
        }
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn one_waiter() {
    wait(3, &[(2, false)], &[1, 1]);
}

#[test]
fn two_waiters() {
    wait(2, &[(1, false), (2, false)], &[1, 1]);
}

#[test]
fn one_masked_waiter() {
    wait(3, &[(2, true)], &[1, 1]);
}

#[test]
fn masked_and_unmasked_waiter() {
    wait(2, &[(1, false), (1, true)], &[1]);
}

#[test]
fn two_masked_waiters() {
    wait(2, &[(1, true), (1, true)], &[1]);
}

/// One that wants more takes the wake-up of one that has enough.
#[test]
fn a_masked_waiter_that_wants_more() {
    explore(2, || {
        let _process = Process::start(Time::Stands);
        let context = Arc::new(Context::default());
        let enough = Arc::new(AtomicU32::new(0));
        let more = {
            let (context, enough) = (context.clone(), enough.clone());
            thread::spawn(move || {
                context.wait_for(2, true);
                assert_eq!(enough.load(SeqCst), 1);
            })
        };
        let other = context.clone();
        let less = thread::spawn(move || other.wait_for(1, true));
        context.post(1);
        less.join().unwrap();
        enough.store(1, SeqCst);
        context.post(1);
        more.join().unwrap();
    });
}
