//! The program is told of each end once, by who is there to do it.

use std::cell::Cell;
use std::rc::Rc;

use super::{let_time_pass_until, model, open_pool, start_helper};
use crate::libaio::complete;
use crate::posix::program::{Cb, Told, read_all};
use crate::requests::process::PROCESS;
use crate::sync::yield_now;
use crate::sys::files::{BUFFERED, DIRECT, NOTHING, hold, let_end};
use crate::sys::notifications::{refuse, senders, told, wait_for};
use crate::sys::process::{self, as_thread, set_threads, spawn};
use crate::sys::sleeping::tick;

/// What was told in the end.
fn told_in_the_end() -> Vec<usize> {
    process::end();
    let mut all = told();
    all.sort_unstable();
    all
}

#[test]
fn a_helper_sends_a_signal() {
    model(2, || {
        open_pool();
        let one = Cb::new(BUFFERED, 1, Told::Signal(10));
        one.read();
        start_helper();
        wait_for(10);
        // Its handler finds the result, whatever it asks.
        one.check(1);
        assert_eq!(told_in_the_end(), [10]);
    });
}

#[test]
fn who_sees_the_result_has_got_the_signal() {
    model(2, || {
        open_pool();
        let one = Cb::new(BUFFERED, 1, Told::Signal(10));
        one.read();
        start_helper();
        one.ask();
        assert_eq!(told(), [10]);
        assert_eq!(told_in_the_end(), [10]);
    });
}

#[test]
fn who_returns_from_a_wait_has_got_the_signal() {
    model(2, || {
        open_pool();
        let one = Cb::new(BUFFERED, 1, Told::Signal(10));
        one.read();
        start_helper();
        one.suspend().unwrap();
        assert_eq!(told(), [10]);
        one.check(1);
        assert_eq!(told_in_the_end(), [10]);
    });
}

#[test]
fn the_notifier_makes_a_call() {
    model(2, || {
        open_pool();
        let one = Cb::new(BUFFERED, 1, Told::Call(10));
        one.read();
        start_helper();
        wait_for(10);
        one.check(1);
        assert_eq!(told_in_the_end(), [10]);
    });
}

/// There is room for one that has not begun.
#[test]
fn two_calls() {
    model(1, || {
        // They have ended before they begin.
        let all = [10, 20].map(|value| Cb::new(NOTHING, 1, Told::Call(value)));
        for one in all {
            one.read();
        }
        wait_for(10);
        let_time_pass_until(|| told().len() == 2);
        assert_eq!(all.map(Cb::ask), [libc::EBADF; 2]);
        assert_eq!(told_in_the_end(), [10, 20]);
    });
}

#[test]
fn the_notifier_ends_beside_another_request() {
    model(2, || {
        // They have ended before they begin.
        let [one, other] = [10, 20].map(|value| Cb::new(NOTHING, 1, Told::Signal(value)));
        one.read();
        let thread = spawn(1, move || other.read());
        tick(1_000_000_000);
        wait_for(10);
        wait_for(20);
        thread.join().unwrap();
        assert_eq!([one, other].map(Cb::ask), [libc::EBADF; 2]);
        assert_eq!(told_in_the_end(), [10, 20]);
    });
}

#[test]
fn a_second_goes_by_before_the_end() {
    model(2, || {
        open_pool();
        let one = Cb::new(BUFFERED, 1, Told::Call(10));
        hold(1);
        one.read();
        start_helper();
        tick(1_000_000_000);
        let_end(1);
        wait_for(10);
        one.check(1);
        assert_eq!(told_in_the_end(), [10]);
    });
}

#[test]
fn there_is_no_room_for_a_signal() {
    model(2, || {
        open_pool();
        let one = Cb::new(BUFFERED, 1, Told::Signal(10));
        refuse(2);
        one.read();
        start_helper();
        one.suspend().unwrap();
        // The result is seen all the same.
        one.check(1);
        assert_eq!(told_in_the_end(), [10]);
    });
}

#[test]
fn there_is_no_thread_for_a_call() {
    model(2, || {
        open_pool();
        let one = Cb::new(BUFFERED, 1, Told::Call(10));
        refuse(2);
        one.read();
        start_helper();
        one.suspend().unwrap();
        one.check(1);
        assert_eq!(told_in_the_end(), [10]);
    });
}

#[test]
fn the_watcher_tells_of_the_kernels_requests() {
    model(3, || {
        let one = Cb::new(DIRECT, 1, Told::Signal(10));
        one.read();
        complete(0, 1);
        wait_for(10);
        one.check(1);
        assert_eq!(told_in_the_end(), [10]);
    });
}

#[test]
fn the_watcher_lets_another_thread_lead() {
    model(2, || {
        let [one, other] = [Told::Signal(10), Told::Not].map(|told| Cb::new(DIRECT, 1, told));
        one.read();
        complete(0, 1);
        wait_for(10);
        other.read();
        let thread = spawn(1, move || other.suspend().unwrap());
        yield_now();
        complete(1, 1);
        thread.join().unwrap();
        assert_eq!(told_in_the_end(), [10]);
    });
}

#[test]
fn the_watcher_hands_over() {
    model(1, || {
        open_pool();
        let [one, other] = [1, 2].map(|number| Cb::new(DIRECT, number, Told::Signal(10 * number)));
        one.read();
        other.read();
        start_helper();
        complete(0, (-libc::EAGAIN).into());
        // It waits on for the other one.
        wait_for(10);
        one.check(1);
        complete(1, 2);
        wait_for(20);
        assert_eq!(told_in_the_end(), [10, 20]);
    });
}

#[test]
fn another_thread_asks_before_the_watcher() {
    model(2, || {
        let one = Cb::new(DIRECT, 1, Told::Signal(10));
        one.read();
        complete(0, 1);
        as_thread(1, || one.ask());
        // Its handler would run in each such call.
        assert!(!senders().contains(&1));
        assert_eq!(told(), [10]);
        one.check(1);
        assert_eq!(told_in_the_end(), [10]);
    });
}

#[test]
fn the_watcher_follows_a_thread_that_leaves() {
    model(1, || {
        let [one, other] = [Told::Not, Told::Signal(20)].map(|told| Cb::new(DIRECT, 1, told));
        one.read();
        let thread = spawn(1, move || {
            one.suspend().unwrap();
            one.check(1);
        });
        other.read();
        complete(0, 1);
        thread.join().unwrap();
        complete(1, 1);
        wait_for(20);
        other.check(1);
        assert_eq!(told_in_the_end(), [20]);
    });
}

#[test]
fn the_watcher_follows_a_thread_that_is_lost() {
    model(2, || {
        // As a thread leaves it that has left its wait by longjmp.
        PROCESS.take().leader = 64 * 7;
        let one = Cb::new(DIRECT, 1, Told::Signal(10));
        one.read();
        complete(0, 1);
        let_time_pass_until(|| !told().is_empty());
        one.check(1);
        assert_eq!(told_in_the_end(), [10]);
    });
}

#[test]
fn the_watcher_ends_beside_another_request() {
    model(2, || {
        let [one, other] = [1, 2].map(|number| Cb::new(DIRECT, number, Told::Signal(10 * number)));
        one.read();
        complete(0, 1);
        wait_for(10);
        tick(1_000_000_000);
        other.read();
        complete(1, 2);
        wait_for(20);
        assert_eq!(told_in_the_end(), [10, 20]);
    });
}

#[test]
fn a_list_of_the_kernels_and_a_helpers_requests() {
    model(1, || {
        open_pool();
        let one = Cb::new(DIRECT, 1, Told::Not);
        let other = Cb::new(BUFFERED, 2, Told::Not);
        hold(2);
        read_all(&[one, other], 30);
        start_helper();
        complete(0, 1);
        let_end(2);
        wait_for(30);
        one.check(1);
        other.check(2);
        assert_eq!(told_in_the_end(), [30]);
    });
}

#[test]
fn no_thread_can_be_had() {
    model(3, || {
        set_threads(0);
        let is_told = Rc::new(Cell::new(false));
        let one = Cb::new(DIRECT, 1, Told::Signal(10));
        let thread = spawn(1, || complete(0, 1));
        // The call does all.
        one.read();
        is_told.set(told() == [10]);
        assert!(is_told.get());
        one.check(1);
        thread.join().unwrap();
        assert_eq!(told_in_the_end(), [10]);
    });
}
