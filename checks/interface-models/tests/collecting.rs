//! Threads that collect: each request once, the oldest end first, and nobody sleeps on beside one that has ended.

use std::cell::Cell;
use std::rc::Rc;

use super::{let_time_pass_until, model, open_pool, start_helper};
use crate::libaio::{complete, waiters};
use crate::requests::process::PROCESS;
use crate::solaris::program::{Outcome, look, look_for_one, wait, wait_for_one};
use crate::sync::Ordering::Acquire;
use crate::sync::{fence, yield_now};
use crate::sys::errno::Errno;
use crate::sys::files::{BUFFERED, DIRECT, NOTHING, hold, let_end};
use crate::sys::futex::wait_for_sleepers;
use crate::sys::process::spawn;
use crate::sys::sleeping::tick;

/// Requests of these files, of 1 byte, of 2, and so on, which are in flight.
fn reads<const COUNT: usize>(files: [i32; COUNT]) -> [Outcome; COUNT] {
    std::array::from_fn(|at| {
        let outcome = Outcome::new(at);
        outcome.read(files[at], at as i32 + 1);
        outcome
    })
}

/// A thread of that identity collects one.
fn collector(identity: usize) -> loom::thread::JoinHandle<Outcome> {
    spawn(identity, wait_for_one)
}

/// Nothing is left to collect.
fn check_none() {
    assert_eq!(wait(None), Err(Errno::EINVAL));
    assert_eq!(wait(Some((0, 0))), Err(Errno::EINVAL));
}

#[test]
fn one_waits_for_a_helper() {
    model(2, || {
        open_pool();
        let [one] = reads([BUFFERED]);
        start_helper();
        assert_eq!(wait_for_one(), one);
        assert_eq!((one.value(), one.error()), (1, 0));
        check_none();
    });
}

#[test]
fn one_waits_for_the_kernel() {
    model(3, || {
        let [one] = reads([DIRECT]);
        let thread = collector(1);
        complete(0, 1);
        assert_eq!(thread.join().unwrap(), one);
        assert_eq!((one.value(), one.error()), (1, 0));
        check_none();
    });
}

#[test]
fn an_error_is_a_result() {
    model(1, || {
        let [one] = reads([DIRECT]);
        complete(0, (-libc::EIO).into());
        assert_eq!(wait_for_one(), one);
        assert_eq!((one.value(), one.error()), (-1, libc::EIO));
        check_none();
    });
}

#[test]
fn two_threads_collect_two() {
    model(2, || {
        let all = reads([DIRECT, DIRECT]);
        let threads = [collector(1), collector(2)];
        complete(0, 1);
        complete(1, 2);
        let found = threads.map(|thread| thread.join().unwrap());
        assert!(found == all || found == [all[1], all[0]]);
        check_none();
    });
}

#[test]
fn two_threads_collect_a_helpers() {
    model(1, || {
        open_pool();
        let all = reads([BUFFERED, BUFFERED]);
        let threads = [collector(1), collector(2)];
        start_helper();
        let found = threads.map(|thread| thread.join().unwrap());
        assert!(found == all || found == [all[1], all[0]]);
        check_none();
    });
}

/// One waits, and the other one looks alone.
#[test]
fn two_threads_collect_one() {
    model(2, || {
        let [one] = reads([DIRECT]);
        let thread = spawn(1, || wait(None));
        complete(0, 1);
        let found = wait(Some((0, 0)));
        let other = thread.join().unwrap();
        match found {
            Ok(Some(found)) => {
                assert_eq!((found, other), (one, Err(Errno::EINVAL)));
            }
            _ => assert_eq!(other, Ok(Some(one))),
        }
        check_none();
    });
}

#[test]
fn two_threads_wait_for_one() {
    model(2, || {
        open_pool();
        let [one] = reads([BUFFERED]);
        let threads = [1, 2].map(|identity| spawn(identity, || wait(None)));
        start_helper();
        let mut found = threads.map(|thread| thread.join().unwrap());
        found.sort_by_key(Result::is_err);
        assert_eq!(found, [Ok(Some(one)), Err(Errno::EINVAL)]);
        check_none();
    });
}

#[test]
fn the_oldest_end_is_first() {
    model(1, || {
        let [one, other, third] = reads([DIRECT; 3]);
        for number in [1, 2, 0] {
            complete(number, 1);
        }
        assert_eq!([(); 3].map(|()| wait_for_one()), [other, third, one]);
        check_none();
    });
}

#[test]
fn a_helpers_and_the_kernels() {
    model(2, || {
        open_pool();
        hold(1);
        let all = reads([BUFFERED, DIRECT]);
        start_helper();
        let thread = spawn(1, || [wait_for_one(), wait_for_one()]);
        complete(0, 2);
        let_end(1);
        let found = thread.join().unwrap();
        assert!(found == all || found == [all[1], all[0]]);
        check_none();
    });
}

/// A thread that waits for a helper alone learns that there is one of the kernel's now.
#[test]
fn the_kernels_comes_beside_a_waiter() {
    model(1, || {
        open_pool();
        hold(1);
        let [one] = reads([BUFFERED]);
        start_helper();
        let thread = collector(1);
        let other = Outcome::new(2);
        other.read(DIRECT, 2);
        complete(0, 2);
        assert_eq!(thread.join().unwrap(), other);
        let_end(1);
        assert_eq!(wait_for_one(), one);
        check_none();
    });
}

/// The same, and a thread has led before that is not there any more.
#[test]
fn the_kernels_comes_beside_a_waiter_and_a_leader_that_is_lost() {
    model(0, || {
        open_pool();
        hold(1);
        let [one] = reads([BUFFERED]);
        start_helper();
        // As a thread leaves it that has left its wait by longjmp.
        PROCESS.take().leader = 64 * 7;
        let is_done = Rc::new(Cell::new(false));
        let done = is_done.clone();
        let thread = spawn(1, move || {
            let found = wait_for_one();
            done.set(true);
            found
        });
        wait_for_sleepers(1);
        let other = Outcome::new(2);
        other.read(DIRECT, 2);
        complete(0, 2);
        let_time_pass_until(|| is_done.get());
        assert_eq!(thread.join().unwrap(), other);
        let_end(1);
        assert_eq!(wait_for_one(), one);
        check_none();
    });
}

/// A leader that lets the watcher lead reads the ring as it leaves: there may be what it waits for.
#[test]
fn the_kernels_ends_as_its_leader_leaves() {
    model(1, || {
        open_pool();
        let [one] = reads([DIRECT]);
        let thread = collector(1);
        while waiters() == 0 {
            yield_now();
        }
        let other = Outcome::new(2);
        hold(2);
        other.read(BUFFERED, 2);
        start_helper();
        let kernel = spawn(2, || complete(0, 1));
        // A beat.
        tick(20_000_000);
        assert_eq!(thread.join().unwrap(), one);
        kernel.join().unwrap();
        let_end(2);
        assert_eq!(wait_for_one(), other);
        check_none();
    });
}

/// A leader learns of a helper's request with its next beat.
#[test]
fn a_helpers_comes_beside_a_waiter() {
    model(1, || {
        open_pool();
        let [one] = reads([DIRECT]);
        let is_done = Rc::new(Cell::new(false));
        let done = is_done.clone();
        let thread = spawn(1, move || {
            let found = wait_for_one();
            done.set(true);
            found
        });
        while waiters() == 0 {
            yield_now();
        }
        let other = Outcome::new(2);
        other.read(BUFFERED, 2);
        start_helper();
        other.wait_for_end();
        let_time_pass_until(|| is_done.get());
        assert_eq!(thread.join().unwrap(), other);
        complete(0, 1);
        assert_eq!(wait_for_one(), one);
        check_none();
    });
}

#[test]
fn who_only_looks_finds_the_kernels() {
    model(2, || {
        let [one] = reads([DIRECT]);
        let thread = spawn(1, || complete(0, 1));
        assert_eq!(look_for_one(), one);
        thread.join().unwrap();
        check_none();
    });
}

#[test]
fn who_only_looks_finds_a_helpers() {
    model(2, || {
        open_pool();
        let [one] = reads([BUFFERED]);
        start_helper();
        assert_eq!(look_for_one(), one);
        check_none();
    });
}

/// What the kernel gives back goes to a helper, though nobody waits.
#[test]
fn who_only_looks_hands_over() {
    model(1, || {
        open_pool();
        let [one] = reads([DIRECT]);
        start_helper();
        let thread = spawn(1, || complete(0, (-libc::EAGAIN).into()));
        assert_eq!(look_for_one(), one);
        thread.join().unwrap();
        check_none();
    });
}

/// Who has seen the result finds the request at once.
#[test]
fn who_sees_the_result_finds_a_helpers() {
    model(3, || {
        open_pool();
        let [one] = reads([BUFFERED]);
        start_helper();
        one.wait_for_end();
        assert_eq!(look(), Some(one));
        assert_eq!((one.value(), one.error()), (1, 0));
        check_none();
    });
}

/// And what went wrong.
#[test]
fn who_sees_the_result_sees_the_error() {
    model(2, || {
        let [one, other] = reads([DIRECT, DIRECT]);
        complete(0, (-libc::EIO).into());
        let thread = spawn(1, move || assert_eq!(other.cancel(), Err(Errno::EACCES)));
        one.wait_for_end();
        fence(Acquire);
        assert_eq!((one.value(), one.error()), (-1, libc::EIO));
        thread.join().unwrap();
        complete(1, 2);
        assert_eq!([wait_for_one(), wait_for_one()], [one, other]);
        check_none();
    });
}

/// The same of one whose end another thread reads, which asks for another one.
#[test]
fn who_sees_the_result_finds_the_kernels() {
    model(2, || {
        let [one, other] = reads([DIRECT, DIRECT]);
        complete(0, 1);
        let thread = spawn(1, move || assert_eq!(other.cancel(), Err(Errno::EACCES)));
        one.wait_for_end();
        assert_eq!(look(), Some(one));
        assert_eq!((one.value(), one.error()), (1, 0));
        thread.join().unwrap();
        complete(1, 2);
        assert_eq!(wait_for_one(), other);
        check_none();
    });
}

/// One that was collected is none to be found, and another one is.
#[test]
fn one_is_collected_beside_an_end() {
    model(2, || {
        open_pool();
        let [one, other] = reads([DIRECT, BUFFERED]);
        complete(0, 1);
        let thread = collector(1);
        start_helper();
        other.wait_for_end();
        let first = thread.join().unwrap();
        let found = look().unwrap();
        assert!([first, found] == [one, other] || [first, found] == [other, one]);
        check_none();
    });
}

/// Their addresses hash alike.
#[test]
fn two_structures_of_one_hash() {
    model(1, || {
        let [first, second] = [Outcome::new(0), Outcome::like_the_first()];
        for number in 0..2 {
            first.read(DIRECT, 1);
            second.read(DIRECT, 2);
            assert_eq!(first.try_read(DIRECT, 3), Err(Errno::EINVAL));
            assert_eq!(second.try_read(DIRECT, 3), Err(Errno::EINVAL));
            complete(2 * number, 1);
            assert_eq!(wait_for_one(), first);
            assert_eq!(second.try_read(DIRECT, 3), Err(Errno::EINVAL));
            complete(2 * number + 1, 2);
            assert_eq!(wait_for_one(), second);
        }
        first.read(DIRECT, 1);
        second.read(DIRECT, 2);
        complete(5, 2);
        assert_eq!(wait_for_one(), second);
        assert_eq!(first.try_read(DIRECT, 3), Err(Errno::EINVAL));
        second.read(DIRECT, 2);
        complete(4, 1);
        complete(6, 2);
        assert_eq!([wait_for_one(), wait_for_one()], [first, second]);
        check_none();
    });
}

/// Its structure is not to be used before it was collected.
#[test]
fn a_structure_is_used_anew() {
    model(2, || {
        open_pool();
        let [one] = reads([BUFFERED]);
        start_helper();
        assert_eq!(one.try_read(BUFFERED, 2), Err(Errno::EINVAL));
        one.wait_for_end();
        assert_eq!(one.try_read(BUFFERED, 2), Err(Errno::EINVAL));
        assert_eq!(wait_for_one(), one);
        one.read(BUFFERED, 2);
        assert_eq!(wait_for_one(), one);
        assert_eq!(one.value(), 2);
        check_none();
    });
}

#[test]
fn two_threads_use_one_structure() {
    model(2, || {
        let [first] = reads([DIRECT]);
        let one = Outcome::new(1);
        let thread = spawn(1, move || one.try_read(DIRECT, 1));
        let own = one.try_read(DIRECT, 2);
        let mut both = [own, thread.join().unwrap()];
        both.sort_by_key(Result::is_err);
        assert_eq!(both, [Ok(()), Err(Errno::EINVAL)]);
        complete(0, 1);
        complete(1, 1);
        assert_eq!([wait_for_one(), wait_for_one()], [first, one]);
        check_none();
    });
}

#[test]
fn what_is_no_request() {
    model(1, || {
        let one = Outcome::new(0);
        assert_eq!(one.try_read(NOTHING, 1), Err(Errno::EBADF));
        check_none();
    });
}

#[test]
fn a_time_that_is_over() {
    model(2, || {
        let [one] = reads([DIRECT]);
        let thread = spawn(1, || wait(Some((0, 100_000))));
        while waiters() == 0 {
            yield_now();
        }
        tick(100_000_000);
        let found = thread.join().unwrap();
        assert_eq!(found, Ok(None));
        complete(0, 1);
        assert_eq!(wait_for_one(), one);
        check_none();
    });
}
