//! Threads that wait: one leads, and none sleeps on when it need not.

use std::cell::Cell;
use std::rc::Rc;

use super::{let_time_pass_until, model, open_pool, start_helper};
use crate::libaio::complete;
use crate::posix::program::{Cb, IN_PROGRESS, Told, suspend};
use crate::requests::process::PROCESS;
use crate::sys::errno::Errno;
use crate::sys::files::{BUFFERED, DIRECT, hold, let_end};
use crate::sys::process::spawn;
use crate::sys::sleeping::tick;

/// Direct reads of 1 byte, of 2, and so on, which are in flight.
fn reads<const COUNT: usize>() -> [Cb; COUNT] {
    std::array::from_fn(|at| {
        let cb = Cb::new(DIRECT, at + 1, Told::Not);
        cb.read();
        cb
    })
}

/// A thread of that identity waits for a request.
fn waiter(identity: usize, cb: Cb, result: isize) -> loom::thread::JoinHandle<()> {
    spawn(identity, move || {
        cb.suspend().unwrap();
        cb.check(result);
    })
}

#[test]
fn the_first_of_two_leaves() {
    model(3, || {
        let [one, other] = reads();
        let threads = [waiter(1, one, 1), waiter(2, other, 2)];
        complete(0, 1);
        complete(1, 2);
        join(threads);
    });
}

#[test]
fn two_with_one_word() {
    model(2, || {
        let [one, other] = reads();
        // 60 words are for all threads.
        let threads = [waiter(1, one, 1), waiter(61, other, 2)];
        complete(1, 2);
        complete(0, 1);
        join(threads);
    });
}

#[test]
fn three_wait() {
    model(1, || {
        let [one, other, third] = reads();
        let threads = [waiter(1, one, 1), waiter(2, other, 2), waiter(3, third, 3)];
        complete(0, 1);
        complete(2, 3);
        complete(1, 2);
        join(threads);
    });
}

#[test]
fn two_wait_for_one() {
    model(3, || {
        let [one] = reads();
        let threads = [waiter(1, one, 1), waiter(2, one, 1)];
        complete(0, 1);
        join(threads);
    });
}

#[test]
fn a_leader_whose_time_is_over() {
    model(2, || {
        let [one, other] = reads();
        let first = spawn(1, move || suspend(&[one], Some((0, 100_000_000))));
        let second = waiter(2, other, 2);
        tick(100_000_000);
        complete(1, 2);
        second.join().unwrap();
        // It may have begun later.
        complete(0, 1);
        let waited = first.join().unwrap();
        assert!(waited == Ok(()) || waited == Err(Errno::EAGAIN));
        assert_ne!(one.error(), IN_PROGRESS);
    });
}

#[test]
fn a_leader_that_is_lost() {
    model(2, || {
        let [one] = reads();
        // As a thread leaves it that has left its wait by longjmp.
        PROCESS.take().leader = 64 * 7;
        let is_done = Rc::new(Cell::new(false));
        let done = is_done.clone();
        let thread = spawn(1, move || {
            one.suspend().unwrap();
            one.check(1);
            done.set(true);
        });
        complete(0, 1);
        let_time_pass_until(|| is_done.get());
        thread.join().unwrap();
    });
}

#[test]
fn the_beats_of_a_leader() {
    model(1, || {
        let [one, other] = reads();
        let done = Rc::new(Cell::new(0));
        let threads = [(1, one), (2, other)].map(|(number, cb)| {
            let done = done.clone();
            spawn(number, move || {
                cb.suspend().unwrap();
                cb.check(number as isize);
                done.set(done.get() + 1);
            })
        });
        tick(20_000_000);
        tick(20_000_000);
        complete(1, 2);
        complete(0, 1);
        let_time_pass_until(|| done.get() == 2);
        join(threads);
    });
}

#[test]
fn somebody_else_reads_what_has_come() {
    model(3, || {
        let [one] = reads();
        let thread = waiter(1, one, 1);
        complete(0, 1);
        one.check_later(1);
        thread.join().unwrap();
    });
}

#[test]
fn somebody_else_reads_what_a_follower_waits_for() {
    model(2, || {
        let [one, other] = reads();
        let threads = [waiter(1, one, 1), waiter(2, other, 2)];
        complete(1, 2);
        other.check_later(2);
        complete(0, 1);
        join(threads);
    });
}

#[test]
fn a_follower_of_a_helper() {
    model(1, || {
        open_pool();
        let [one] = reads();
        let other = Cb::new(BUFFERED, 2, Told::Not);
        other.read();
        start_helper();
        let threads = [waiter(1, one, 1), waiter(2, other, 2)];
        complete(0, 1);
        join(threads);
    });
}

#[test]
fn one_waits_for_both_and_a_helper_is_first() {
    model(2, || {
        open_pool();
        let [one] = reads();
        let other = Cb::new(BUFFERED, 2, Told::Not);
        hold(2);
        other.read();
        start_helper();
        let thread = spawn(1, move || {
            suspend(&[one, other], None).unwrap();
            other.check(2);
        });
        let_end(2);
        thread.join().unwrap();
        complete(0, 1);
        one.check_later(1);
    });
}

#[test]
fn one_waits_for_both_and_the_kernel_is_first() {
    model(1, || {
        open_pool();
        let [one] = reads();
        let other = Cb::new(BUFFERED, 2, Told::Not);
        hold(2);
        other.read();
        start_helper();
        let thread = spawn(1, move || {
            suspend(&[one, other], None).unwrap();
            one.check(1);
        });
        complete(0, 1);
        thread.join().unwrap();
        let_end(2);
        other.suspend().unwrap();
        other.check(2);
    });
}

#[test]
fn what_the_kernel_gives_back_goes_to_a_helper() {
    model(2, || {
        open_pool();
        let [one] = reads();
        start_helper();
        let thread = waiter(1, one, 1);
        complete(0, (-libc::EAGAIN).into());
        thread.join().unwrap();
    });
}

fn join<const COUNT: usize>(threads: [loom::thread::JoinHandle<()>; COUNT]) {
    for thread in threads {
        thread.join().unwrap();
    }
}
