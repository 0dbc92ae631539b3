//! What must hold of helpers: every request is carried out once, with the files that the program had
//! when it submitted; none waits for another one while a helper could be had; and no file is left.

use loom::sync::Arc;
use loom::thread;

use crate::descriptors::{self, Refused, check_nothing_left};
use crate::engine::carrying::requests::Work;
use crate::explore::explore;
use crate::program::{Iocb, Program};
use crate::sync::yield_now;
use crate::sys::futex::{Process, Time};
use crate::sys::limits::set_open_files;
use crate::sys::process::{ended, join_all, set_threads};

/// Runs a model in a process with so many helpers, and so many threads of the library, at most.
/// Afterwards nothing is left.
fn in_process(
    preemptions: usize,
    time: Time,
    (helpers, threads): (u32, u32),
    model: impl Fn(&Arc<Program>) + Send + Sync + 'static,
) {
    explore(preemptions, move || {
        let _process = Process::start(time);
        set_threads(threads);
        let program = Program::new(helpers);
        model(&program);
        program.helpers.drain();
        join_all();
        check_nothing_left();
    });
}

fn start(program: &Arc<Program>, body: impl FnOnce(&Program) + 'static) -> thread::JoinHandle<()> {
    let program = program.clone();
    thread::spawn(move || body(&program))
}

/// Requests of files of their own.
fn iocbs<const COUNT: usize>() -> [Iocb; COUNT] {
    std::array::from_fn(|number| Iocb::of(number as u32, descriptors::open().0))
}

/// Waits for requests, before `drain` comes to their help. Each ends once, and well.
fn check(program: &Program, iocbs: &[Iocb]) {
    for iocb in iocbs {
        program.events.wait(iocb.number);
    }
    for iocb in iocbs {
        assert_eq!(program.events.results(iocb.number), [0]);
    }
}

#[test]
fn one_submitter() {
    in_process(2, Time::Stands, (1, 2), |program| {
        let iocbs = iocbs::<2>();
        program.submit(&iocbs[..1]);
        program.submit(&iocbs[1..]);
        check(program, &iocbs);
        program.helpers.drain();
        join_all();
        assert_eq!(ended().len(), 1, "one helper is enough");
    });
}

/// They wait in one queue.
#[test]
fn two_calls_of_two() {
    in_process(1, Time::Stands, (1, 1), |program| {
        let iocbs = iocbs::<4>();
        program.submit(&iocbs[..2]);
        program.submit(&iocbs[2..]);
        check(program, &iocbs);
    });
}

#[test]
#[ignore = "slow: make check-long"]
fn two_submitters() {
    in_process(2, Time::Stands, (1, 1), |program| {
        let iocbs = iocbs::<2>();
        let submitter = start(program, move |program| program.submit(&iocbs[..1]));
        program.submit(&iocbs[1..]);
        check(program, &iocbs);
        submitter.join().unwrap();
    });
}

/// Helpers end as soon as they find no work.
#[test]
fn helpers_retire() {
    in_process(2, Time::Flies, (1, 3), |program| {
        let iocbs = iocbs::<2>();
        for iocb in iocbs {
            program.submit(&[iocb]);
            yield_now();
        }
        check(program, &iocbs);
    });
}

/// A request that takes long does not keep another one waiting while there can be a second helper.
fn two_at_once(time: Time, preemptions: usize, at_one_go: bool) {
    in_process(preemptions, time, (2, 4), move |program| {
        let iocbs = iocbs::<2>();
        program.events.set_other(0, 1);
        for iocbs in iocbs.chunks(if at_one_go { 2 } else { 1 }) {
            program.submit(iocbs);
        }
        check(program, &iocbs);
    });
}

#[test]
fn two_of_one_call_at_once() {
    two_at_once(Time::Stands, 2, true);
}

#[test]
#[ignore = "slow: make check-long"]
fn two_calls_at_once() {
    two_at_once(Time::Stands, 2, false);
}

/// The helper that another one relied on has had nothing to do for a while.
#[test]
fn two_calls_at_once_while_helpers_retire() {
    two_at_once(Time::Flies, 2, false);
}

/// When one request has been carried out, two more come: in one call, or in two.
fn two_more(preemptions: usize, time: Time, helpers: (u32, u32), at_once: bool) {
    in_process(preemptions, time, helpers, move |program| {
        let iocbs = iocbs::<3>();
        program.submit(&iocbs[..1]);
        program.events.wait(0);
        program.events.set_other(1, 2);
        if at_once {
            program.submit(&iocbs[1..]);
        } else {
            program.submit(&iocbs[1..2]);
            program.submit(&iocbs[2..]);
        }
        check(program, &iocbs);
    });
}

/// A helper that was there before sleeps; it is called.
#[test]
#[ignore = "slow: make check-long"]
fn a_helper_that_sleeps_is_called() {
    two_more(2, Time::Stands, (2, 2), false);
}

/// One that has just found no work does not leave what comes then to one that has enough.
#[test]
fn a_helper_becomes_idle() {
    two_more(1, Time::Stands, (2, 2), true);
}

/// One that had slept for long enough ends while another one begins to work, and relies on it.
#[test]
fn a_helper_ends_beside_one_that_begins() {
    two_more(2, Time::Flies, (2, 4), false);
}

/// One helper does what a second one would do, where there can be no second one.
#[test]
fn no_second_thread_to_be_had() {
    in_process(2, Time::Stands, (2, 1), |program| {
        let iocbs = iocbs::<2>();
        program.submit(&iocbs);
        check(program, &iocbs);
    });
}

/// Both callers do it themselves.
#[test]
fn no_thread_to_be_had() {
    in_process(2, Time::Flies, (2, 0), |program| {
        let iocbs = iocbs::<2>();
        let submitter = start(program, move |program| program.submit(&iocbs[..1]));
        program.submit(&iocbs[1..]);
        submitter.join().unwrap();
        check(program, &iocbs);
    });
}

/// What the system may refuse.
#[test]
fn helpers_are_refused() {
    in_process(1, Time::Stands, (1, 2), |program| {
        let iocbs = iocbs::<3>();
        set_open_files(5);
        program.submit(&iocbs[2..]);
        assert_eq!(descriptors::of_library(), []);
        set_open_files(1024);
        descriptors::refuse(Some(Refused::Sockets));
        program.submit(&iocbs[..1]);
        assert_eq!(program.events.results(0), [0]);
        descriptors::refuse(Some(Refused::OwnTable));
        program.submit(&iocbs[1..2]);
        assert_eq!(program.events.results(1), [0]);
        assert_eq!(descriptors::of_library(), []);
        check(program, &iocbs);
    });
}

/// A message for which there is no room is not sent.
#[test]
fn no_room_in_the_socket() {
    in_process(2, Time::Stands, (1, 1), |program| {
        let iocbs = iocbs::<3>();
        descriptors::set_room(1);
        for iocb in iocbs {
            program.submit(&[iocb]);
        }
        check(program, &iocbs);
    });
}

/// Files that helpers cannot have yet stay in the socket.
#[test]
fn more_files_than_helpers_may_have() {
    in_process(2, Time::Stands, (1, 1), |program| {
        let mut iocbs = iocbs::<4>();
        // Four files, in two messages; no helper has more at a time.
        set_open_files(12);
        iocbs[0].eventfd = Some(descriptors::open().0);
        iocbs[1].eventfd = Some(descriptors::open().0);
        program.submit(&iocbs[..2]);
        program.submit(&iocbs[2..]);
        check(program, &iocbs);
    });
}

/// The file stays that of the request, whatever the program has at its number then.
#[test]
fn a_number_that_the_program_uses_again() {
    in_process(2, Time::Stands, (1, 1), |program| {
        let (fd, file) = descriptors::open();
        program.submit(&[Iocb::of(0, fd)]);
        descriptors::close(fd);
        let (again, other) = descriptors::open();
        assert_eq!(again, fd);
        program.submit(&[Iocb::of(1, again)]);
        check(program, &[Iocb::of(0, fd), Iocb::of(1, fd)]);
        // They have closed it, at the latest when they are gone.
        program.helpers.drain();
        join_all();
        assert!(!descriptors::is_open(file) && descriptors::is_open(other));
    });
}

/// Requests share files, also as eventfd; the last one closes them.
#[test]
fn requests_share_files() {
    in_process(2, Time::Stands, (2, 2), |program| {
        let mut iocbs = iocbs::<2>();
        let (eventfd, file) = descriptors::open();
        iocbs[1].fd = iocbs[0].fd;
        for iocb in &mut iocbs {
            iocb.eventfd = Some(eventfd);
        }
        let signals = Arc::new(std::cell::Cell::new(0));
        let watch = crate::sys::eventfd::watch_signals({
            let signals = signals.clone();
            move |signalled| {
                assert_eq!(signalled, file);
                signals.set(signals.get() + 1);
            }
        });
        program.submit(&iocbs);
        check(program, &iocbs);
        program.helpers.drain();
        join_all();
        assert_eq!(signals.get(), 2);
        drop(watch);
    });
}

/// The program closes all that it does not know. What was sent is done, and there are other helpers
/// when these are gone.
#[test]
fn the_program_closes_the_socket() {
    in_process(2, Time::Stands, (1, 2), |program| {
        let iocbs = iocbs::<2>();
        program.submit(&iocbs[..1]);
        descriptors::close_those_of_library();
        program.submit(&iocbs[1..]);
        check(program, &iocbs);
    });
}

/// What a helper that begins has not got, another one may get later.
fn helper_that_begins_fails(for_want_of: Refused) {
    in_process(1, Time::Stands, (1, 2), move |program| {
        let iocbs = iocbs::<2>();
        descriptors::refuse(Some(for_want_of));
        program.submit(&iocbs[..1]);
        assert_eq!(program.events.results(0), [0]);
        assert_eq!(descriptors::of_library(), []);
        descriptors::refuse(None);
        program.submit(&iocbs[1..]);
        assert_ne!(descriptors::of_library(), []);
        check(program, &iocbs);
    });
}

/// The program closes its socket.
#[test]
fn a_helper_that_begins_loses_its_socket() {
    helper_that_begins_fails(Refused::OtherEnd);
}

#[test]
fn a_helper_that_begins_has_no_memory() {
    helper_that_begins_fails(Refused::MemoryForTable);
}

/// Another file has the number of the socket, which is not the library's to close or to use.
#[test]
fn the_program_uses_the_number_of_the_socket() {
    in_process(1, Time::Stands, (1, 2), |program| {
        let iocbs = iocbs::<2>();
        program.submit(&iocbs[..1]);
        let [fd] = descriptors::of_library()[..] else {
            panic!("one socket");
        };
        descriptors::close(fd);
        descriptors::open_at(fd);
        program.submit(&iocbs[1..]);
        check(program, &iocbs);
    });
}

/// A thread that goes on submitting while the process ends: what it has submitted is done when the
/// process is gone, by a helper or by itself, and no helper is left.
fn ends_beside_a_submitter(time: Time, before: usize) {
    in_process(2, time, (1, 2), move |program| {
        let iocbs = iocbs::<2>();
        program.submit(&iocbs[..before]);
        let submitter = start(program, move |program| {
            for iocb in &iocbs[before..] {
                program.submit(std::slice::from_ref(iocb));
            }
        });
        program.helpers.drain();
        submitter.join().unwrap();
        // Nothing waits for a thread.
        for iocb in &iocbs {
            assert_eq!(program.events.results(iocb.number), [0]);
        }
    });
}

#[test]
fn submitted_while_the_process_ends() {
    ends_beside_a_submitter(Time::Stands, 1);
}

#[test]
fn started_while_the_process_ends() {
    ends_beside_a_submitter(Time::Flies, 1);
}

/// The last context goes, and all threads with it, beside a thread that has another context.
#[test]
fn threads_end_beside_a_submitter() {
    in_process(1, Time::Hurries, (1, 2), |program| {
        let iocbs = iocbs::<2>();
        program.submit(&iocbs[..1]);
        let submitter = start(program, move |program| program.submit(&iocbs[1..]));
        program.helpers.link.end(None, false);
        submitter.join().unwrap();
        check(program, &iocbs);
    });
}

/// Writes to one file, in two calls, are done one after the other though there are two helpers.
#[test]
fn a_write_waits_for_a_write() {
    in_process(2, Time::Stands, (2, 2), |program| {
        let iocbs = iocbs::<2>().map(|iocb| iocb.in_lane(1, Work::Write));
        program.submit(&iocbs[..1]);
        program.submit(&iocbs[1..]);
        check(program, &iocbs);
        assert!(program.events.was_before(0, 1));
    });
}

/// Those of two files are not.
#[test]
fn a_write_does_not_wait_for_another_file() {
    in_process(2, Time::Stands, (2, 4), |program| {
        let mut iocbs = iocbs::<2>().map(|iocb| iocb.in_lane(1, Work::Write));
        iocbs[1].lane = 2;
        program.events.set_other(0, 1);
        program.submit(&iocbs);
        check(program, &iocbs);
    });
}

/// A read that takes until another one is done.
#[test]
fn a_read_does_not_wait_for_a_read() {
    in_process(2, Time::Stands, (2, 4), |program| {
        let iocbs = iocbs::<2>().map(|iocb| iocb.in_lane(1, Work::Read));
        program.events.set_other(0, 1);
        program.submit(&iocbs);
        check(program, &iocbs);
    });
}

/// Of one call, with as many helpers as could do all at once.
fn in_order(before: [Work; 2], last: Work, is_waited_for: bool) {
    in_process(1, Time::Stands, (3, 3), move |program| {
        let mut iocbs = iocbs::<3>();
        for (iocb, work) in iocbs.iter_mut().zip(before) {
            *iocb = iocb.in_lane(1, work);
        }
        iocbs[2] = iocbs[2].in_lane(1, last);
        iocbs[2].is_waited_for = is_waited_for;
        program.submit(&iocbs);
        check(program, &iocbs);
        assert!(program.events.was_before(1, 2));
        assert!(program.events.was_before(0, 2));
        if before[0] == Work::Write || before[1] == Work::Write {
            assert!(program.events.was_before(0, 1));
        }
    });
}

#[test]
fn a_write_waits_for_two_reads() {
    in_order([Work::Read, Work::Read], Work::Write, true);
}

#[test]
fn a_read_waits_for_what_waits() {
    in_order([Work::Read, Work::Write], Work::Read, true);
}

#[test]
fn a_sync_waits_for_two_writes() {
    in_order(
        [Work::Write, Work::Write],
        Work::Sync { data_only: false },
        false,
    );
}

#[test]
fn a_direct_write_waits_for_two_reads() {
    in_order([Work::Read, Work::Read], Work::Write, false);
}

/// Nobody waits for a sync, and it keeps nobody who comes later.
#[test]
fn a_write_does_not_wait_for_a_sync() {
    in_process(2, Time::Stands, (2, 4), |program| {
        let mut iocbs = iocbs::<2>();
        iocbs[0].lane = 1;
        iocbs[0].work = Work::Sync { data_only: true };
        iocbs[1] = iocbs[1].in_lane(1, Work::Write);
        program.events.set_other(0, 1);
        program.submit(&iocbs);
        check(program, &iocbs);
    });
}

/// What cannot be sent is done by the caller, after what was sent.
#[test]
fn a_caller_waits_for_what_was_sent() {
    in_process(2, Time::Stands, (1, 1), |program| {
        let iocbs = iocbs::<3>().map(|iocb| iocb.in_lane(1, Work::Write));
        descriptors::set_room(1);
        for iocb in iocbs {
            program.submit(&[iocb]);
        }
        check(program, &iocbs);
        assert!(program.events.was_before(0, 1) && program.events.was_before(1, 2));
    });
}

/// When an event is there, nothing is pending for it.
#[test]
fn an_event_ends_what_is_pending() {
    in_process(2, Time::Stands, (1, 1), |program| {
        let iocb = Iocb::of(0, descriptors::open().0).in_lane(2, Work::Write);
        let lanes = &program.helpers.lanes;
        assert!(!lanes.has_writes(2) && !lanes.is_busy(2));
        program.submit(&[iocb]);
        check(program, &[iocb]);
        assert!(!lanes.has_writes(2) && !lanes.is_busy(2) && !lanes.is_busy(1));
    });
}

/// Whose turn it is comes before what came in another call, and neither is lost.
#[test]
fn others_come_after_whose_turn_it_is() {
    in_process(1, Time::Stands, (2, 2), |program| {
        let mut iocbs = iocbs::<4>().map(|iocb| iocb.in_lane(1, Work::Write));
        for iocb in &mut iocbs[2..] {
            iocb.lane = 0;
            iocb.is_waited_for = false;
        }
        program.events.set_other(0, 2);
        program.submit(&iocbs[..3]);
        program.submit(&iocbs[3..]);
        check(program, &iocbs);
    });
}

/// A write that takes until the others wait, a read and a write: each one's end lets only the next one begin.
#[test]
fn in_three_steps() {
    in_process(1, Time::Stands, (3, 4), |program| {
        let mut iocbs = iocbs::<4>().map(|iocb| iocb.in_lane(1, Work::Write));
        iocbs[1].work = Work::Read;
        iocbs[3].lane = 0;
        iocbs[3].is_waited_for = false;
        program.events.set_other(0, 3);
        program.submit(&iocbs);
        check(program, &iocbs);
        assert!(program.events.was_before(0, 1) && program.events.was_before(1, 2));
    });
}

/// What a write has kept waiting is done at once when that ends, though the one other helper listens: a read takes
/// until another one is done.
#[test]
#[ignore = "slow: make check-long"]
fn all_whose_turn_it_is_begin() {
    in_process(1, Time::Stands, (3, 4), |program| {
        let mut iocbs = iocbs::<4>().map(|iocb| iocb.in_lane(1, Work::Read));
        iocbs[0].work = Work::Write;
        iocbs[3].lane = 0;
        iocbs[3].is_waited_for = false;
        program.events.set_other(0, 3);
        program.events.set_other(1, 2);
        program.submit(&iocbs);
        check(program, &iocbs);
    });
}

/// Helpers without work take no files for what will wait.
#[test]
fn files_of_what_waits() {
    in_process(1, Time::Stands, (2, 2), |program| {
        let mut iocbs = iocbs::<4>().map(|iocb| iocb.in_lane(1, Work::Write));
        set_open_files(12);
        for iocb in &mut iocbs {
            iocb.eventfd = Some(descriptors::open().0);
        }
        for iocb in &iocbs {
            program.submit(std::slice::from_ref(iocb));
        }
        check(program, &iocbs);
    });
}
