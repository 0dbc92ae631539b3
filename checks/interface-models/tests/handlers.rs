//! A signal handler asks and waits, whatever it interrupts.

use std::cell::Cell;
use std::rc::Rc;

use super::{let_time_pass_until, model_of_handler, open_pool, start_helper};
use crate::libaio::complete;
use crate::posix::program::{Cb, IN_PROGRESS, Told, suspend};
use crate::signal::interrupt;
use crate::sys::errno::Errno;
use crate::sys::files::{BUFFERED, DIRECT};
use crate::sys::process::{as_thread, spawn};

#[test]
fn a_handler_asks_while_a_thread_waits() {
    model_of_handler(1, |after| {
        open_pool();
        let one = Cb::new(BUFFERED, 1, Told::Not);
        one.read();
        start_helper();
        let ask = move || assert!([0, IN_PROGRESS].contains(&one.error()));
        let ((), has_run) = as_thread(1, || interrupt(after, ask, || one.suspend().unwrap()));
        one.check(1);
        has_run
    });
}

#[test]
fn a_handler_asks_while_a_thread_submits() {
    model_of_handler(1, |after| {
        open_pool();
        let [one, other] = [1, 2].map(|length| Cb::new(BUFFERED, length, Told::Not));
        one.read();
        start_helper();
        let ask = move || assert!([0, IN_PROGRESS].contains(&one.error()));
        let ((), has_run) = as_thread(1, || interrupt(after, ask, || other.read()));
        other.suspend().unwrap();
        other.check(2);
        one.suspend().unwrap();
        one.check(1);
        has_run
    });
}

#[test]
fn a_handler_waits_in_the_thread_that_leads() {
    model_of_handler(1, |after| {
        let [one, other] = [1, 2].map(|length| Cb::new(DIRECT, length, Told::Not));
        one.read();
        other.read();
        let is_done = Rc::new(Cell::new(false));
        let done = is_done.clone();
        let thread = spawn(2, move || {
            complete(1, 2);
            complete(0, 1);
            // A leader that a handler has interrupted right before its wait sleeps for a beat.
            let_time_pass_until(|| done.get());
        });
        let wait = move || {
            other.suspend().unwrap();
            other.check(2);
        };
        let ((), has_run) = as_thread(1, || interrupt(after, wait, || one.suspend().unwrap()));
        is_done.set(true);
        one.check(1);
        thread.join().unwrap();
        has_run
    });
}

#[test]
fn a_handler_waits_while_a_thread_asks() {
    model_of_handler(1, |after| {
        let one = Cb::new(DIRECT, 1, Told::Not);
        one.read();
        let thread = spawn(2, || complete(0, 1));
        let wait = move || {
            one.suspend().unwrap();
            one.check(1);
        };
        let ask = || one.check_later(1);
        let ((), has_run) = as_thread(1, || interrupt(after, wait, ask));
        one.check(1);
        thread.join().unwrap();
        has_run
    });
}

#[test]
fn a_handler_looks_at_another_request_while_a_thread_asks() {
    model_of_handler(1, |after| {
        open_pool();
        let other = Cb::new(DIRECT, 2, Told::Not);
        other.read();
        let one = Cb::new(BUFFERED, 1, Told::Not);
        one.read();
        start_helper();
        let look = move || assert_eq!(suspend(&[other], Some((0, 0))), Err(Errno::EAGAIN));
        let ((), has_run) = as_thread(1, || interrupt(after, look, || one.check_later(1)));
        complete(0, 2);
        other.check_later(2);
        has_run
    });
}
