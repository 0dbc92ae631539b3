//! What must hold of threads that wait for events: nobody sleeps on while there is what it waits
//! for, and nobody is woken before. Loom reports a thread that is never woken.

use std::sync::atomic::Ordering::SeqCst;

use loom::sync::Arc;
use loom::thread;

use crate::engine::threads::in_flight::InFlight;
use crate::engine::threads::waiting::{Limit, Waiters, Woken};
use crate::explore::explore;
use crate::sync::AtomicU32;
use crate::sys::futex::{Process, Time, times_woken};
use crate::sys::signals::Signals;

#[derive(Default)]
struct Context {
    waiters: Waiters,
    in_flight: InFlight,
    events: AtomicU32,
}

impl Context {
    fn post(&self, events: u32) {
        for _ in 0..events {
            self.events.fetch_add(1, SeqCst);
            self.waiters.wake(|| self.events.load(SeqCst));
        }
    }

    /// As `io_destroy`.
    fn destroy(&self) {
        self.in_flight.destroy();
        self.waiters.wake_all();
    }

    /// As `io_getevents`, without taking anything. False: the context is being destroyed.
    fn wait_for(&self, events: u32, masked: bool) -> bool {
        let is_there = || self.events.load(SeqCst) >= events;
        let ready = || is_there() || self.in_flight.is_destroying();
        loop {
            let woken = if masked {
                self.waiters
                    .sleep_masked(events, Limit::Never, Signals, ready)
            } else {
                self.waiters.sleep(events, Limit::Never, ready)
            };
            assert_eq!(woken, Woken::Perhaps);
            if ready() {
                return is_there();
            }
        }
    }
}

/// Events come one by one, while threads wait for so many, with a signal mask or without.
fn wait(preemptions: usize, waiters: &'static [(u32, bool)], posts: u32) {
    explore(preemptions, move || {
        let _process = Process::start(Time::Stands);
        let context = Arc::new(Context::default());
        let threads: Vec<_> = waiters
            .iter()
            .map(|&(events, masked)| {
                let context = context.clone();
                thread::spawn(move || assert!(context.wait_for(events, masked)))
            })
            .collect();
        context.post(posts);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn one_waiter() {
    wait(3, &[(2, false)], 2);
}

#[test]
fn two_waiters() {
    wait(3, &[(1, false), (2, false)], 2);
}

#[test]
fn two_waiters_of_one_wish() {
    wait(3, &[(2, false), (2, false)], 2);
}

#[test]
fn masked_and_unmasked_waiter() {
    wait(2, &[(1, false), (1, true)], 1);
}

/// One that wants less does not wait for one that wants more.
#[test]
fn the_least_demanding_is_woken() {
    explore(2, || {
        let _process = Process::start(Time::Stands);
        let context = Arc::new(Context::default());
        let [less, more] = [1, 2].map(|events| {
            let context = context.clone();
            thread::spawn(move || assert!(context.wait_for(events, false)))
        });
        context.post(1);
        less.join().unwrap();
        context.post(1);
        more.join().unwrap();
    });
}

/// Two threads post.
#[test]
fn two_posters() {
    explore(3, || {
        let _process = Process::start(Time::Stands);
        let context = Arc::new(Context::default());
        let posters = [(); 2].map(|()| {
            let context = context.clone();
            thread::spawn(move || context.post(1))
        });
        assert!(context.wait_for(2, false));
        for poster in posters {
            poster.join().unwrap();
        }
    });
}

/// One that has gone leaves a wish behind, and others still wake up.
#[test]
fn a_waiter_is_gone() {
    explore(3, || {
        let _process = Process::start(Time::Stands);
        let context = Arc::new(Context::default());
        // As if a handler had left it by `longjmp`.
        context.waiters.sleep(1, Limit::Never, || true);
        let its = context.clone();
        let waiter = thread::spawn(move || assert!(its.wait_for(2, false)));
        context.post(2);
        waiter.join().unwrap();
    });
}

/// Who waits for several events is woken once, by the last one.
#[test]
fn a_single_waiter_is_woken_once() {
    explore(3, || {
        let _process = Process::start(Time::Stands);
        let context = Arc::new(Context::default());
        let its = context.clone();
        let poster = thread::spawn(move || its.post(3));
        assert!(context.wait_for(3, false));
        poster.join().unwrap();
        assert!(times_woken() <= 1);
    });
}

/// Who waits longer does not keep one that wants less from being woken.
#[test]
fn destroyed_while_two_wait() {
    explore(2, || {
        let _process = Process::start(Time::Stands);
        let context = Arc::new(Context::default());
        let waiters = [1, 2].map(|events| {
            let context = context.clone();
            thread::spawn(move || context.wait_for(events, false))
        });
        context.post(1);
        context.destroy();
        let [_, more] = waiters.map(|waiter| waiter.join().unwrap());
        assert!(!more);
    });
}

/// How a sleep ends when its time is over.
#[test]
fn the_time_is_over() {
    explore(2, || {
        let _process = Process::start(Time::Hurries);
        let waiters = Waiters::default();
        let soon = Limit::Until(1_000);
        assert_eq!(waiters.sleep(1, soon, || false), Woken::Late);
        let mask = Signals;
        let masked = |limit| waiters.sleep_masked(1, limit, mask, || false);
        assert_eq!(masked(soon), Woken::Late);
        // It has looked at the end of each slice.
        let looks = std::cell::Cell::new(0);
        let ready = || looks.replace(looks.get() + 1) == 2;
        let woken = waiters.sleep_masked(1, Limit::Never, mask, ready);
        assert_eq!(woken, Woken::Perhaps);
    });
}
