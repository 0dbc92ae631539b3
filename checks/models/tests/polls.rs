//! What must hold of polls: each that is armed ends once, with what was reported or as cancelled,
//! and leaves no file. There may be two pollers.

use loom::sync::Arc;
use loom::thread;

use crate::descriptors::{self, Refused, check_nothing_left, make_ready};
use crate::explore::explore;
use crate::program::{Iocb, Program};
use crate::sys::errno::Errno;
use crate::sys::futex::{Process, Time};
use crate::sys::limits::set_open_files;
use crate::sys::process::{join_all, set_threads};

const IN: u32 = libc::POLLIN as u32;

/// Runs a model in a process that can have so many threads of the library. Afterwards nothing is
/// left.
fn in_process(
    preemptions: usize,
    time: Time,
    threads: u32,
    model: impl Fn(&Arc<Program>) + Send + Sync + 'static,
) {
    explore(preemptions, move || {
        let _process = Process::start(time);
        set_threads(threads);
        let program = Program::new(0);
        model(&program);
        program.pollers.end(true);
        join_all();
        check_nothing_left();
    });
}

fn start(program: &Arc<Program>, body: impl FnOnce(&Program) + 'static) -> thread::JoinHandle<()> {
    let program = program.clone();
    thread::spawn(move || body(&program))
}

/// A poll of a file of its own, and which file that is.
fn poll(number: u32) -> (Iocb, usize) {
    let (fd, file) = descriptors::open();
    (Iocb::of(number, fd), file)
}

/// Waits for a poll, which ends once.
fn check(program: &Program, poll: Iocb, expected: i32) {
    program.events.wait(poll.number);
    assert_eq!(program.events.results(poll.number), [expected]);
}

const REFUSED: i32 = -libc::EAGAIN;

#[test]
fn reported() {
    in_process(2, Time::Stands, 1, |program| {
        let (poll, file) = poll(0);
        let other = start(program, move |_| make_ready(file, IN));
        program.poll(poll).unwrap();
        check(program, poll, IN as i32);
        other.join().unwrap();
        // It does not wait for a poll.
        program.pollers.end(false);
        join_all();
    });
}

/// Its place is used again, and so is its number in the poller's table.
#[test]
fn one_after_the_other() {
    in_process(2, Time::Stands, 1, |program| {
        for number in 0..3 {
            let (poll, file) = poll(number);
            program.poll(poll).unwrap();
            make_ready(file, IN);
            check(program, poll, IN as i32);
        }
        let (last, _) = poll(3);
        program.poll(last).unwrap();
        assert!(!program.cancel(Iocb::of(0, last.fd)) && program.cancel(last));
        check(program, last, 0);
    });
}

#[test]
fn reported_or_cancelled() {
    in_process(2, Time::Stands, 1, |program| {
        let (poll, file) = poll(0);
        program.poll(poll).unwrap();
        let other = start(program, move |_| make_ready(file, IN));
        let result = if program.cancel(poll) { 0 } else { IN as i32 };
        check(program, poll, result);
        other.join().unwrap();
    });
}

#[test]
fn cancelled_once() {
    in_process(2, Time::Stands, 1, |program| {
        let (poll, _) = poll(0);
        program.poll(poll).unwrap();
        let its = program.clone();
        let other = thread::spawn(move || its.cancel(poll));
        let cancelled = program.cancel(poll);
        check(program, poll, 0);
        assert!(cancelled != other.join().unwrap(), "one of them has");
        assert!(!program.cancel(poll));
    });
}

/// Of two polls the other one stays, also when they are cancelled at the same time.
#[test]
fn two_are_cancelled() {
    in_process(2, Time::Stands, 1, |program| {
        let polls = [poll(0).0, poll(1).0];
        for poll in polls {
            program.poll(poll).unwrap();
        }
        let other = start(program, move |program| assert!(program.cancel(polls[0])));
        assert!(program.cancel(polls[1]));
        other.join().unwrap();
        check(program, polls[0], 0);
        check(program, polls[1], 0);
        // None of them is found any more.
        let (last, _) = poll(2);
        program.poll(last).unwrap();
        assert!(!program.cancel(polls[0]) && program.cancel(last));
        check(program, last, 0);
    });
}

/// Each is in the list until it ends, and found there.
#[test]
fn two_in_the_list() {
    in_process(2, Time::Stands, 1, |program| {
        let [first, second] = [poll(0).0, poll(1).0];
        let its = program.clone();
        let other = thread::spawn(move || its.arm_and_end(first));
        let cancelled = program.requests.cancel_first(Some(first.at())).is_some();
        assert!(program.arm_and_end(second));
        assert!(cancelled != other.join().unwrap());
        let (last, _) = poll(2);
        program.poll(last).unwrap();
        assert!(!program.cancel(first) && program.cancel(last));
        check(program, last, 0);
    });
}

/// What `io_destroy` does beside an `io_submit` that had begun before, or comes too late.
#[test]
fn armed_while_the_context_is_destroyed() {
    in_process(1, Time::Hurries, 1, |program| {
        let (poll, _) = poll(0);
        let submitter = start(program, move |program| {
            if program.poll(poll).is_ok() {
                check(program, poll, 0);
            }
        });
        program.destroy();
        submitter.join().unwrap();
    });
}

#[test]
fn reported_while_the_context_is_destroyed() {
    in_process(2, Time::Hurries, 1, |program| {
        let (poll, file) = poll(0);
        program.poll(poll).unwrap();
        let other = start(program, move |_| make_ready(file, IN));
        program.destroy();
        other.join().unwrap();
        let results = program.events.results(0);
        assert!(results == [0] || results == [IN as i32], "{results:?}");
    });
}

/// The file that is watched is that of the request, and it is held while it is.
#[test]
fn a_number_that_the_program_uses_again() {
    in_process(2, Time::Stands, 1, |program| {
        let (first, file) = poll(0);
        program.poll(first).unwrap();
        descriptors::close(first.fd);
        let (second, other) = poll(1);
        assert_eq!(second.fd, first.fd);
        make_ready(other, IN);
        make_ready(file, IN);
        check(program, first, IN as i32);
        program.pollers.end(true);
        join_all();
        assert!(!descriptors::is_open(file) && descriptors::is_open(other));
    });
}

/// The eventfd goes with the poll, and is signalled once.
#[test]
fn an_eventfd_is_signalled() {
    in_process(2, Time::Stands, 1, |program| {
        let (mut poll, file) = poll(0);
        let (eventfd, wanted) = descriptors::open();
        poll.eventfd = Some(eventfd);
        let signals = Arc::new(std::cell::Cell::new(0));
        let its = signals.clone();
        let watch = crate::sys::eventfd::watch_signals(move |file| {
            assert_eq!(file, wanted);
            its.set(its.get() + 1);
        });
        program.poll(poll).unwrap();
        descriptors::close(eventfd);
        make_ready(file, IN);
        check(program, poll, IN as i32);
        program.pollers.end(true);
        join_all();
        drop(watch);
        assert_eq!(signals.get(), 1);
    });
}

/// The program closes all that it does not know: cancelled polls cannot be sent.
#[test]
fn the_program_closes_the_socket() {
    in_process(2, Time::Flies, 1, |program| {
        let (poll, _) = poll(0);
        program.poll(poll).unwrap();
        descriptors::close_those_of_library();
        assert!(program.cancel(poll));
        check(program, poll, 0);
    });
}

/// There are other pollers then.
#[test]
fn armed_after_the_program_has_closed_the_socket() {
    in_process(0, Time::Flies, 2, |program| {
        let polls = [poll(0), poll(1)];
        program.poll(polls[0].0).unwrap();
        descriptors::close_those_of_library();
        program.poll(polls[1].0).unwrap();
        for (poll, file) in polls {
            make_ready(file, IN);
            check(program, poll, IN as i32);
        }
    });
}

/// Cancelled polls that cannot be sent because the socket is full.
#[test]
fn no_room_for_a_cancelled_poll() {
    in_process(1, Time::Flies, 1, |program| {
        let (poll, _) = poll(0);
        program.poll(poll).unwrap();
        descriptors::set_room(0);
        let other = start(program, move |program| {
            program.cancel(poll);
        });
        program.cancel(poll);
        check(program, poll, 0);
        other.join().unwrap();
    });
}

#[test]
fn no_room_for_two_cancelled_polls() {
    in_process(1, Time::Flies, 1, |program| {
        let polls = [poll(0).0, poll(1).0];
        for poll in polls {
            program.poll(poll).unwrap();
        }
        descriptors::set_room(0);
        for poll in polls {
            assert!(program.cancel(poll));
        }
        check(program, polls[0], 0);
        check(program, polls[1], 0);
    });
}

/// They do not wait until nothing else happens.
#[test]
fn a_cancelled_poll_is_ended_beside_others() {
    in_process(1, Time::Stands, 1, |program| {
        let polls = [poll(0), poll(1)];
        for (poll, _) in polls {
            program.poll(poll).unwrap();
        }
        descriptors::set_room(0);
        assert!(program.cancel(polls[0].0));
        make_ready(polls[1].1, IN);
        check(program, polls[1].0, IN as i32);
        check(program, polls[0].0, 0);
    });
}

/// The poller ends when it has had nothing to do for a while.
#[test]
fn armed_when_the_poller_ends() {
    in_process(2, Time::Flies, 3, |program| {
        for number in 0..2 {
            let (poll, file) = poll(number);
            if program.poll(poll).is_ok() {
                make_ready(file, IN);
                check(program, poll, IN as i32);
            } else {
                assert_eq!(program.events.results(number), []);
            }
        }
    });
}

/// Two that start the first poller.
#[test]
fn two_that_arm() {
    in_process(1, Time::Stands, 1, |program| {
        let polls = [poll(0), poll(1)];
        let (its, file) = polls[0];
        let other = start(program, move |program| {
            program.poll(its).unwrap();
            make_ready(file, IN);
        });
        program.poll(polls[1].0).unwrap();
        make_ready(polls[1].1, IN);
        other.join().unwrap();
        for (poll, _) in polls {
            check(program, poll, IN as i32);
        }
    });
}

/// A poll that is not armed is the caller's.
#[test]
fn no_thread_to_be_had() {
    in_process(2, Time::Stands, 0, |program| {
        let (poll, _) = poll(0);
        let other = start(program, |program| program.destroy());
        let refused = program.poll(poll);
        assert!(matches!(refused, Err(Errno::EAGAIN | Errno::EINVAL)));
        other.join().unwrap();
        assert!(!program.cancel(poll));
        assert_eq!(program.events.results(0), []);
    });
}

/// One that failed leaves no trace.
#[test]
fn a_thread_to_be_had_again() {
    in_process(1, Time::Stands, 0, |program| {
        // One poll is as many as a poller may have.
        set_open_files(10);
        let (poll, file) = poll(0);
        assert_eq!(program.poll(poll), Err(Errno::EAGAIN));
        set_threads(1);
        program.poll(poll).unwrap();
        make_ready(file, IN);
        check(program, poll, IN as i32);
    });
}

/// What the system may refuse to the poller.
fn refused(what: Refused) {
    for cancels in [false, true] {
        in_process(2, Time::Flies, 1, move |program| {
            descriptors::refuse(Some(what));
            let (poll, _) = poll(0);
            if program.poll(poll).is_ok() {
                let cancelled = cancels && program.cancel(poll);
                check(program, poll, if cancelled { 0 } else { REFUSED });
            }
        });
    }
}

#[test]
fn no_epoll() {
    refused(Refused::Epoll);
}

#[test]
fn no_watching() {
    refused(Refused::Watching);
}

#[test]
fn no_table() {
    refused(Refused::OwnTable);
}

/// A poller has as many polls as it may have files; then there is another one.
#[test]
fn more_polls_than_one_poller_may_have() {
    in_process(1, Time::Stands, 2, |program| {
        set_open_files(10);
        let polls = [poll(0), poll(1)];
        for (poll, _) in polls {
            program.poll(poll).unwrap();
        }
        set_threads(0);
        let (one_more, _) = poll(2);
        set_open_files(8);
        assert_eq!(program.poll(one_more), Err(Errno::EAGAIN));
        assert_eq!(descriptors::of_library().len(), 2);
        for (poll, file) in polls {
            make_ready(file, IN);
            check(program, poll, IN as i32);
        }
    });
}

/// The process ends while a poll is armed: nobody waits for it.
#[test]
fn armed_at_the_end() {
    explore(2, || {
        let _process = Process::start(Time::Stands);
        descriptors::set_end();
        let program = Program::new(0);
        let poll = Iocb::of(0, descriptors::open().0);
        let its = poll;
        let submitter = start(&program, move |program| {
            let _ = program.poll(its);
        });
        program.pollers.end(true);
        submitter.join().unwrap();
        assert_eq!(program.poll(Iocb::of(1, poll.fd)), Err(Errno::EAGAIN));
        join_all();
    });
}
