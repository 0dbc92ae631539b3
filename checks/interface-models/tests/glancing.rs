//! A program that looks at `aio_return` alone, and calls nothing: the watcher sees to it that it changes.

use std::cell::Cell;
use std::rc::Rc;

use super::{let_time_pass_until, model};
use crate::libaio::complete;
use crate::requests::process::PROCESS;
use crate::solaris::program::{Outcome, look, wait_for_one};
use crate::sync::yield_now;
use crate::sys::files::DIRECT;
use crate::sys::futex::wait_for_sleepers;
use crate::sys::process::{as_thread, spawn};
use crate::sys::sleeping::tick;

fn polled(number: usize) -> Outcome {
    let outcome = Outcome::new(number);
    outcome.be_polled();
    outcome.read(DIRECT, number as i32 + 1);
    outcome
}

#[test]
fn the_watcher_takes_over() {
    model(1, || {
        let one = polled(0);
        complete(0, 1);
        let_time_pass_until(|| one.has_ended());
        assert_eq!(look(), Some(one));
    });
}

/// Of more than one, the first of which it has to find out.
#[test]
fn the_watcher_goes_on() {
    model(1, || {
        let one = polled(0);
        complete(0, 1);
        let_time_pass_until(|| one.has_ended());
        let other = polled(1);
        complete(1, 2);
        let_time_pass_until(|| other.has_ended());
        assert_eq!([look(), look()], [Some(one), Some(other)]);
    });
}

/// A call that collects takes it back.
#[test]
fn a_call_takes_it_back() {
    model(1, || {
        let one = polled(0);
        complete(0, 1);
        let_time_pass_until(|| one.has_ended());
        assert!(PROCESS.take().is_polling);
        assert_eq!(look(), Some(one));
        assert!(!PROCESS.take().is_polling);
        let other = polled(1);
        let is_done = Rc::new(Cell::new(false));
        let done = is_done.clone();
        let thread = spawn(1, move || {
            assert_eq!(wait_for_one(), other);
            done.set(true);
        });
        complete(1, 2);
        let_time_pass_until(|| is_done.get());
        thread.join().unwrap();
    });
}

/// A program that calls to collect is not taken for one that looks alone.
#[test]
fn who_calls_is_not_taken_for_one() {
    model(1, || {
        let one = polled(0);
        as_thread(1, || assert_eq!(look(), None));
        let thread = spawn(1, || complete(0, 1));
        crate::solaris::program::look_for_one();
        assert!(!PROCESS.take().is_polling);
        thread.join().unwrap();
        assert_eq!(one.value(), 1);
    });
}

/// Nor one that has called while the watcher looked, and found nothing yet.
#[test]
fn who_has_called_is_not_taken_for_one() {
    model(1, || {
        let one = polled(0);
        // The watcher, in a pause that is not over at once.
        wait_for_sleepers(1);
        as_thread(1, || assert_eq!(look(), None));
        complete(0, 1);
        tick(40_000_000);
        for _ in 0..10 {
            yield_now();
        }
        assert!(!one.has_ended());
        assert_eq!(look(), Some(one));
    });
}

#[test]
fn no_watcher_can_be_had() {
    model(2, || {
        crate::sys::process::set_threads(0);
        let thread = spawn(1, || complete(0, 1));
        // The call does all.
        let one = polled(0);
        assert!(one.has_ended());
        thread.join().unwrap();
        assert_eq!(look(), Some(one));
    });
}
