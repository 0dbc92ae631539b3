//! Threads that wait: one leads, and none sleeps on when it need not.

use std::cell::Cell;
use std::rc::Rc;

use super::{let_time_pass_until, model, open_pool, start_helper};
use crate::libaio::{complete, give_back_at_once, waiters};
use crate::posix::program::{Cb, IN_PROGRESS, Told, suspend};
use crate::requests::process::PROCESS;
use crate::sync::yield_now;
use crate::sys::errno::Errno;
use crate::sys::files::{BUFFERED, DIRECT, carriers, hold, let_end};
use crate::sys::process::{as_thread, spawn};
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

fn one_of_two_leaves(preemptions: usize) {
    model(preemptions, || {
        let [one, other] = reads();
        let threads = [waiter(1, one, 1), waiter(2, other, 2)];
        complete(0, 1);
        complete(1, 2);
        join(threads);
    });
}

#[test]
fn the_first_of_two_leaves() {
    one_of_two_leaves(2);
}

#[test]
#[ignore = "takes longer"]
fn the_first_of_two_leaves_at_any_moment() {
    one_of_two_leaves(3);
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
fn three_lead_one_after_the_other() {
    model(1, || {
        let [one, other, third] = reads();
        let threads = [waiter(1, one, 1), waiter(2, other, 2), waiter(3, third, 3)];
        for (number, thread) in threads.into_iter().enumerate() {
            complete(number, number as i64 + 1);
            thread.join().unwrap();
        }
    });
}

#[test]
fn two_with_one_word_wait_for_a_helper() {
    model(2, || {
        open_pool();
        let one = Cb::new(BUFFERED, 1, Told::Not);
        one.read();
        start_helper();
        join([waiter(1, one, 1), waiter(61, one, 1)]);
    });
}

#[test]
fn two_wait_for_one() {
    model(2, || {
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
        while waiters() == 0 {
            yield_now();
        }
        tick(100_000_000);
        // It may follow when the other one has yet to see that.
        let second = waiter(2, other, 2);
        yield_now();
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
    model(1, || {
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
fn a_leader_that_waits_for_both_at_last() {
    model(1, || {
        open_pool();
        let [one, other] = reads();
        // There is a watcher for who waits for both.
        let third = Cb::new(BUFFERED, 3, Told::Not);
        hold(3);
        third.read();
        start_helper();
        let thread = spawn(1, move || {
            suspend(&[one, other], None).unwrap();
            other.check(2);
        });
        complete(0, (-libc::EAGAIN).into());
        complete(1, 2);
        thread.join().unwrap();
        let_end(3);
        one.suspend().unwrap();
        third.suspend().unwrap();
    });
}

#[test]
fn one_waits_for_a_sync_that_waits_for_the_kernel() {
    model(1, || {
        open_pool();
        let [one] = reads();
        let sync = Cb::new(DIRECT, 2, Told::Not);
        sync.sync();
        start_helper();
        let thread = waiter(1, sync, 0);
        complete(0, 1);
        thread.join().unwrap();
        one.check(1);
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

/// The call that submits it hands it over, while the descriptor is what it was; not who looks meanwhile.
#[test]
fn what_comes_back_while_a_thread_submits() {
    model(1, || {
        let one = Cb::new(DIRECT, 1, Told::Not);
        give_back_at_once();
        let thread = spawn(2, move || {
            // There may be none yet.
            one.error();
        });
        as_thread(1, || one.read());
        thread.join().unwrap();
        one.suspend().unwrap();
        one.check(1);
        assert!(!carriers().contains(&2));
    });
}

fn join<const COUNT: usize>(threads: [loom::thread::JoinHandle<()>; COUNT]) {
    for thread in threads {
        thread.join().unwrap();
    }
}
