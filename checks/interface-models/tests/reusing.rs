//! Slots and structures that are used anew.

use super::{model, open_pool, start_helper};
use crate::libaio::complete;
use crate::posix::program::{Cb, IN_PROGRESS, Told};
use crate::requests::process::PROCESS;
use crate::sys::files::{BUFFERED, DIRECT, hold, let_end};
use crate::sys::notifications::told;
use crate::sys::process::spawn;

const CANCELLED: i32 = libc::ECANCELED;

#[test]
fn one_asks_while_a_helper_ends_it() {
    model(3, || {
        open_pool();
        let one = Cb::new(BUFFERED, 1, Told::Not);
        one.read();
        start_helper();
        one.check_later(1);
    });
}

#[test]
fn one_asks_while_the_kernel_ends_it() {
    model(3, || {
        let one = Cb::new(DIRECT, 1, Told::Not);
        one.read();
        let thread = spawn(1, || complete(0, 1));
        one.check_later(1);
        thread.join().unwrap();
    });
}

#[test]
fn the_ring_goes_round() {
    model(1, || {
        for number in 0..10 {
            let one = Cb::new(DIRECT, number + 1, Told::Not);
            one.read();
            complete(number, number as i64 + 1);
            one.check_later(number as isize + 1);
        }
    });
}

#[test]
fn the_events_of_a_leader_that_is_lost_do_not_fill_the_ring() {
    model(1, || {
        PROCESS.take().leader = 64 * 7;
        for number in 0..10 {
            let one = Cb::new(DIRECT, number + 1, Told::Not);
            one.read();
            complete(number, number as i64 + 1);
            one.check_later(number as isize + 1);
        }
    });
}

#[test]
fn a_slot_is_used_anew_while_one_asks() {
    model(2, || {
        let [one, other] = [1, 2].map(|length| Cb::new(DIRECT, length, Told::Not));
        one.read();
        let thread = spawn(1, move || {
            one.check_later(1);
        });
        complete(0, 1);
        // It ends here or there, and this takes its slot.
        other.read();
        complete(1, 2);
        other.check_later(2);
        thread.join().unwrap();
    });
}

#[test]
fn a_slot_is_used_anew_while_one_waits() {
    model(2, || {
        let [one, other] = [1, 2].map(|length| Cb::new(DIRECT, length, Told::Not));
        one.read();
        let thread = spawn(1, move || {
            one.suspend().unwrap();
            one.check(1);
        });
        complete(0, 1);
        one.check_later(1);
        other.read();
        // The first thread must not wait for this one.
        thread.join().unwrap();
        complete(1, 2);
        other.check_later(2);
    });
}

#[test]
fn a_structure_is_used_anew_at_its_end() {
    model(2, || {
        open_pool();
        let one = Cb::new(BUFFERED, 1, Told::Not);
        one.read();
        start_helper();
        assert_eq!(one.ask(), 0);
        one.read();
        one.suspend().unwrap();
        one.check(1);
    });
}

#[test]
fn a_structure_is_used_anew_while_another_thread_asks() {
    model(1, || {
        open_pool();
        let one = Cb::new(BUFFERED, 1, Told::Not);
        one.read();
        start_helper();
        let thread = spawn(1, move || {
            let error = one.error();
            assert!(error == 0 || error == IN_PROGRESS, "{error}");
        });
        assert_eq!(one.ask(), 0);
        one.read();
        one.check_later(1);
        thread.join().unwrap();
    });
}

/// The program sees at once that it is cancelled, and is told later: of the first request, when the structure is
/// another one's.
#[test]
fn a_structure_is_used_anew_when_it_was_cancelled() {
    model(1, || {
        open_pool();
        let first = Cb::new(BUFFERED, 1, Told::Not);
        let one = Cb::new(BUFFERED, 2, Told::Signal(20));
        hold(1);
        first.read();
        one.read();
        start_helper();
        let thread = spawn(1, || let_end(1));
        let is_cancelled = one.cancel() == 0;
        if is_cancelled {
            assert_eq!(one.error(), CANCELLED);
            one.read();
        }
        thread.join().unwrap();
        one.suspend().unwrap();
        one.check(2);
        assert_eq!(first.ask(), 0);
        crate::sys::notifications::wait_for(20);
        crate::sys::process::end();
        assert_eq!(told().len(), 1 + usize::from(is_cancelled));
    });
}

#[test]
fn a_slot_is_used_anew_before_its_request_is_cancelled() {
    model(1, || {
        const ALL_DONE: i32 = 2;
        open_pool();
        let [one, other] = [1, 2].map(|length| Cb::new(BUFFERED, length, Told::Not));
        one.read();
        start_helper();
        one.suspend().unwrap();
        hold(2);
        other.read();
        assert_eq!(one.cancel(), ALL_DONE);
        let_end(2);
        other.suspend().unwrap();
        other.check(2);
    });
}

#[test]
fn a_request_of_a_parent() {
    model(1, || {
        let [one, other] = [1, 2].map(|length| Cb::new(DIRECT, length, Told::Not));
        one.read();
        other.be_a_parents();
        other.suspend().unwrap();
        assert_eq!((other.error(), other.result()), (CANCELLED, -1));
        complete(0, 1);
        one.check_later(1);
    });
}
