//! SIGIO: it comes for all that has ended and that nobody comes to collect.

use super::{let_time_pass_until, model, open_pool, start_helper};
use crate::libaio::{complete, waiters};
use crate::requests::collecting;
use crate::requests::process::PROCESS;
use crate::requests::words;
use crate::solaris::program::{Outcome, look, wait_for_one};
use crate::sync::yield_now;
use crate::sys::files::{BUFFERED, DIRECT, NOTHING, hold, let_end};
use crate::sys::futex::wait_for_sleepers;
use crate::sys::notifications::{told, wait_for, wait_for_more};
use crate::sys::process::{self, set_threads, spawn};
use crate::sys::signals::set_handler;
use crate::sys::sleeping::tick;

const SIGIO: usize = libc::SIGIO as usize;

/// Collects so many by signals alone: after each one all that there is.
fn collect_by_signals(count: usize) {
    let (mut collected, mut signals) = (0, 0);
    while collected < count {
        signals = wait_for_more(signals);
        while collected < count && look().is_some() {
            collected += 1;
        }
    }
}

#[test]
fn a_helper_ends_one() {
    model(2, || {
        set_handler(true);
        open_pool();
        let one = Outcome::new(0);
        one.read(BUFFERED, 1);
        start_helper();
        wait_for(SIGIO);
        assert_eq!(look(), Some(one));
        process::end();
        assert_eq!(told(), [SIGIO]);
    });
}

#[test]
fn the_kernel_ends_one() {
    model(2, || {
        set_handler(true);
        let one = Outcome::new(0);
        one.read(DIRECT, 1);
        complete(0, 1);
        wait_for(SIGIO);
        assert_eq!(look(), Some(one));
        process::end();
        assert_eq!(told(), [SIGIO]);
    });
}

#[test]
fn who_sees_the_result_finds_it() {
    model(3, || {
        set_handler(true);
        open_pool();
        let one = Outcome::new(0);
        one.read(BUFFERED, 1);
        start_helper();
        one.wait_for_end();
        assert_eq!(look(), Some(one));
    });
}

#[test]
fn two_end() {
    model(1, || {
        set_handler(true);
        open_pool();
        for number in 0..2 {
            Outcome::new(number).read(BUFFERED, number as i32 + 1);
        }
        start_helper();
        collect_by_signals(2);
    });
}

#[test]
fn a_helpers_and_the_kernels_end() {
    model(1, || {
        set_handler(true);
        open_pool();
        Outcome::new(0).read(BUFFERED, 1);
        Outcome::new(1).read(DIRECT, 2);
        complete(0, 2);
        start_helper();
        collect_by_signals(2);
    });
}

/// It has ended before the call returns.
#[test]
fn one_has_ended_at_once() {
    model(1, || {
        set_handler(true);
        let one = Outcome::new(0);
        one.read(DIRECT, -1);
        assert_eq!((one.value(), one.error()), (-1, libc::EINVAL));
        wait_for(SIGIO);
        assert_eq!(look(), Some(one));
        assert!(one.try_read(NOTHING, 1).is_err());
    });
}

#[test]
fn no_thread_can_be_had() {
    model(1, || {
        set_handler(true);
        set_threads(0);
        let one = Outcome::new(0);
        let thread = spawn(1, || complete(0, 1));
        one.read(DIRECT, 1);
        assert_eq!(told(), [SIGIO]);
        thread.join().unwrap();
        assert_eq!(look(), Some(one));
    });
}

/// Without a handler the signal would end the process.
#[test]
fn there_is_no_handler_any_more() {
    model(1, || {
        set_handler(true);
        open_pool();
        let one = Outcome::new(0);
        one.read(BUFFERED, 1);
        set_handler(false);
        start_helper();
        one.wait_for_end();
        process::end();
        assert!(told().is_empty());
        assert_eq!(look(), Some(one));
    });
}

#[test]
fn a_thread_waits_that_comes() {
    model(1, || {
        set_handler(true);
        open_pool();
        let one = Outcome::new(0);
        one.read(BUFFERED, 1);
        let thread = spawn(1, wait_for_one);
        // The notifier, and the thread.
        wait_for_sleepers(2);
        start_helper();
        assert_eq!(thread.join().unwrap(), one);
        process::end();
        assert!(told().is_empty());
    });
}

#[test]
fn a_thread_leads_that_comes() {
    model(1, || {
        set_handler(true);
        let one = Outcome::new(0);
        one.read(DIRECT, 1);
        let thread = spawn(1, wait_for_one);
        // The watcher leads and the thread follows, or the other way round.
        wait_for_sleepers(1);
        while waiters() == 0 {
            yield_now();
        }
        complete(0, 1);
        assert_eq!(thread.join().unwrap(), one);
        process::end();
        assert!(told().is_empty());
    });
}

/// It learns of a helper's request with its next beat.
#[test]
fn a_thread_leads_beside_a_helper() {
    model(0, || {
        open_pool();
        let [one, other] = [Outcome::new(0), Outcome::new(1)];
        one.read(DIRECT, 1);
        let thread = spawn(1, wait_for_one);
        while waiters() == 0 {
            yield_now();
        }
        set_handler(true);
        other.read(BUFFERED, 2);
        start_helper();
        other.wait_for_end();
        tick(20_000_000);
        assert_eq!(thread.join().unwrap(), other);
        complete(0, 1);
        assert_eq!(wait_for_one(), one);
        process::end();
        assert!(told().is_empty());
    });
}

/// A thread is about to sleep.
#[test]
fn a_thread_begins_to_wait() {
    model(2, || {
        set_handler(true);
        open_pool();
        let one = Outcome::new(0);
        one.read(BUFFERED, 1);
        let thread = spawn(1, wait_for_one);
        start_helper();
        assert_eq!(thread.join().unwrap(), one);
    });
}

/// It was woken, and has left its wait by longjmp.
#[test]
fn a_thread_waits_that_does_not_come() {
    model(0, || {
        set_handler(true);
        open_pool();
        let one = Outcome::new(0);
        one.read(BUFFERED, 1);
        let thread = spawn(1, || {
            let mut guard = PROCESS.take();
            let word = words::own();
            collecting::mark(&mut guard, words::mark(word));
            let value = guard.before_sleep(word);
            let _ = guard.release(|| PROCESS.words.sleep(word, value, i64::MAX));
        });
        // The notifier, and the thread.
        wait_for_sleepers(2);
        start_helper();
        thread.join().unwrap();
        let_time_pass_until(|| !told().is_empty());
        assert_eq!(look(), Some(one));
    });
}

/// It has left its wait long ago, and its mark is still there.
#[test]
fn a_thread_has_left_its_wait() {
    model(1, || {
        set_handler(true);
        open_pool();
        let one = Outcome::new(0);
        one.read(BUFFERED, 1);
        collecting::mark(&mut PROCESS.take(), words::mark(5));
        start_helper();
        wait_for(SIGIO);
        assert_eq!(look(), Some(one));
    });
}

#[test]
fn a_thread_has_left_its_wait_for_the_kernel() {
    model(0, || {
        set_handler(true);
        open_pool();
        let one = Outcome::new(0);
        one.read(BUFFERED, 1);
        {
            let mut guard = PROCESS.take();
            (guard.leader, guard.leads_for_program) = (64 * 7, true);
        }
        start_helper();
        let_time_pass_until(|| !told().is_empty());
        assert_eq!(look(), Some(one));
        PROCESS.take().leader = 0;
    });
}

/// The waiter collects one, and the other one ends meanwhile.
#[test]
fn a_thread_collects_one_of_two() {
    model(1, || {
        set_handler(true);
        open_pool();
        for number in 0..2 {
            Outcome::new(number).read(BUFFERED, number as i32 + 1);
        }
        let thread = spawn(1, wait_for_one);
        start_helper();
        thread.join().unwrap();
        collect_by_signals(1);
    });
}

#[test]
fn a_second_goes_by_before_the_end() {
    model(2, || {
        set_handler(true);
        open_pool();
        let one = Outcome::new(0);
        hold(1);
        one.read(BUFFERED, 1);
        start_helper();
        tick(1_000_000_000);
        let_end(1);
        wait_for(SIGIO);
        assert_eq!(look(), Some(one));
    });
}

#[test]
fn a_second_goes_by_before_the_kernels_end() {
    model(2, || {
        set_handler(true);
        let one = Outcome::new(0);
        one.read(DIRECT, 1);
        let thread = spawn(1, || complete(0, 1));
        tick(1_000_000_000);
        wait_for(SIGIO);
        assert_eq!(look(), Some(one));
        thread.join().unwrap();
    });
}

/// The watcher tells of both, and may end beside the second.
#[test]
fn a_second_goes_by_between_two_ends() {
    model(2, || {
        set_handler(true);
        let [one, other] = [Outcome::new(0), Outcome::new(1)];
        one.read(DIRECT, 1);
        complete(0, 1);
        wait_for(SIGIO);
        assert_eq!(look(), Some(one));
        let thread = spawn(1, || tick(1_000_000_000));
        // It has ended before it begins.
        other.read(DIRECT, -1);
        wait_for_more(1);
        assert_eq!(look(), Some(other));
        thread.join().unwrap();
    });
}
