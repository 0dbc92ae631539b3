//! `aiocancel` beside ends and beside threads that wait: what is cancelled is not collected, and nobody waits for it.

use super::{model, open_pool, start_helper};
use crate::libaio::complete;
use crate::solaris::program::{Outcome, look, wait, wait_for_one};
use crate::sys::errno::Errno;
use crate::sys::files::{BUFFERED, DIRECT, hold, let_end};
use crate::sys::notifications::told;
use crate::sys::process::{self, spawn};
use crate::sys::signals::set_handler;

const CANCELLED: (isize, i32) = (-1, libc::ECANCELED);

fn result(outcome: Outcome) -> (isize, i32) {
    (outcome.value(), outcome.error())
}

/// What `aiowait` says of nothing.
const NOTHING: Result<Option<Outcome>, Errno> = Err(Errno::EINVAL);

#[test]
fn one_is_cancelled_beside_its_end() {
    model(2, || {
        open_pool();
        let one = Outcome::new(0);
        one.read(BUFFERED, 1);
        start_helper();
        match one.cancel() {
            Ok(()) => assert_eq!(result(one), CANCELLED),
            error => {
                assert!([Err(Errno::EACCES), NOTHING.map(|_| ())].contains(&error));
                assert_eq!(wait_for_one(), one);
                assert_eq!(result(one), (1, 0));
            }
        }
        assert_eq!(wait(None), NOTHING);
    });
}

/// Who waits for nothing more returns.
#[test]
fn one_is_cancelled_beside_a_waiter() {
    model(2, || {
        open_pool();
        let one = Outcome::new(0);
        one.read(BUFFERED, 1);
        let thread = spawn(1, || wait(None));
        start_helper();
        let cancelled = one.cancel();
        let found = thread.join().unwrap();
        if cancelled.is_ok() {
            assert_eq!(found, NOTHING);
            assert_eq!(result(one), CANCELLED);
        } else {
            assert_eq!(found, Ok(Some(one)));
        }
    });
}

#[test]
fn one_of_two_is_cancelled_beside_two_waiters() {
    model(1, || {
        open_pool();
        let [first, one] = [Outcome::new(0), Outcome::new(1)];
        hold(1);
        first.read(BUFFERED, 1);
        one.read(BUFFERED, 2);
        let threads = [1, 2].map(|identity| spawn(identity, || wait(None)));
        start_helper();
        let ending = spawn(3, || let_end(1));
        let cancelled = one.cancel();
        ending.join().unwrap();
        let mut found = threads.map(|thread| thread.join().unwrap());
        if cancelled.is_ok() {
            found.sort_by_key(Result::is_err);
            assert_eq!(found, [Ok(Some(first)), NOTHING]);
        } else {
            let both = [Ok(Some(first)), Ok(Some(one))];
            assert!(found == both || found == [both[1], both[0]]);
        }
    });
}

#[test]
fn what_is_the_kernels_is_not_cancelled() {
    model(1, || {
        let [one, other] = [Outcome::new(0), Outcome::new(1)];
        assert_eq!(one.cancel(), Err(Errno::EINVAL));
        one.read(DIRECT, 1);
        assert_eq!(one.cancel(), Err(Errno::EACCES));
        assert_eq!(other.cancel(), Err(Errno::EACCES));
        complete(0, 1);
        assert_eq!(other.cancel(), Err(Errno::EINVAL));
        assert_eq!(one.cancel(), Err(Errno::EINVAL));
        assert_eq!(wait_for_one(), one);
        assert_eq!(one.cancel(), Err(Errno::EINVAL));
    });
}

/// What the kernel gives back late is carried out, though it is a call of this that learns of it, and `aiowait` then does not
/// wait.
#[test]
fn what_has_come_back_is_handed_over() {
    model(1, || {
        open_pool();
        let [one, unknown] = [Outcome::new(0), Outcome::new(1)];
        one.read(DIRECT, 1);
        complete(0, (-libc::EAGAIN).into());
        assert_eq!(unknown.cancel(), Err(Errno::EACCES));
        assert_eq!(look(), None);
        start_helper();
        one.wait_for_end();
        assert_eq!(look(), Some(one));
    });
}

/// Its structure can be used anew at once.
#[test]
fn what_is_cancelled_is_not_outstanding() {
    model(1, || {
        open_pool();
        let one = Outcome::new(0);
        one.read(BUFFERED, 1);
        start_helper();
        if one.cancel().is_ok() {
            one.read(BUFFERED, 2);
            assert_eq!(wait_for_one(), one);
            assert_eq!(result(one), (2, 0));
        } else {
            assert_eq!(one.try_read(BUFFERED, 2), Err(Errno::EINVAL));
            assert_eq!(wait_for_one(), one);
        }
        assert_eq!(wait(None), NOTHING);
    });
}

/// The program gets no signal for it.
#[test]
fn nobody_is_told_of_what_is_cancelled() {
    model(1, || {
        set_handler(true);
        open_pool();
        let one = Outcome::new(0);
        one.read(BUFFERED, 1);
        start_helper();
        let cancelled = one.cancel();
        process::end();
        assert_eq!(told().is_empty(), cancelled.is_ok());
        let found = wait(None);
        assert_eq!(found == NOTHING, cancelled.is_ok());
    });
}
