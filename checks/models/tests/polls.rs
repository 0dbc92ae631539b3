//! What must hold of polls: each that is armed ends once, with what was reported or as cancelled,
//! and leaves no descriptor. There is room for two.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::{Acquire, Relaxed};
use loom::thread;

use crate::engine::threads::poll_places::{Places, Taken, Watched};
use crate::engine::threads::poller::Poller;
use crate::engine::threads::requests::{ARMED, Request};
use crate::explore::explore;
use crate::sys::errno::Errno;
use crate::sys::futex::{Process, Time, sleepers};
use crate::sys::process::{join_all, set_threads};

const IN: u32 = libc::POLLIN as u32;

/// A poll of one of the program's files.
fn poll_of(file: i32) -> Arc<Request> {
    let mut request = Request::default();
    request.details.fd = file;
    request.details.poll_events = IN as u16;
    Arc::new(request)
}

fn arm(poller: &Poller, request: &Arc<Request>) -> Result<(), Errno> {
    request.details.owned.with_mut(|_| ());
    unsafe { poller.arm(Arc::as_ptr(request).cast_mut()) }
}

fn withdraw(poller: &Poller, request: &Arc<Request>) -> bool {
    unsafe { poller.withdraw(Arc::as_ptr(request).cast_mut()) }
}

fn make_ready(file: i32) {
    sleepers().descriptors.make_ready(file, IN);
}

/// Runs a model in a process that can have so many threads, and checks that nothing is left.
fn in_process(
    preemptions: usize,
    (time, threads): (Time, u32),
    model: impl Fn(&Arc<Poller>) + Send + Sync + 'static,
) {
    explore(preemptions, move || {
        let _process = Process::start(time);
        set_threads(threads);
        let poller = Arc::<Poller>::default();
        model(&poller);
        poller.end();
        join_all();
        assert_eq!(sleepers().descriptors.left(), (0, false));
    });
}

/// The next place is the one before the last again.
fn pass_a_place(poller: &Poller) {
    let poll = poll_of(9);
    arm(poller, &poll).unwrap();
    assert!(withdraw(poller, &poll));
}

fn start(poller: &Arc<Poller>, body: impl FnOnce(&Poller) + 'static) -> thread::JoinHandle<()> {
    let poller = poller.clone();
    thread::spawn(move || body(&poller))
}

#[test]
fn reported() {
    in_process(2, (Time::Stands, 1), |poller| {
        let poll = poll_of(1);
        let program = start(poller, |_| make_ready(1));
        arm(poller, &poll).unwrap();
        poll.details.done.wait();
        program.join().unwrap();
        assert_eq!(poll.details.done.results(), [IN as i32]);
    });
}

#[test]
fn reported_while_it_is_armed() {
    in_process(3, (Time::Stands, 1), |poller| {
        make_ready(1);
        // One of them in a place that was used.
        for poll in [poll_of(1), poll_of(1), poll_of(1)] {
            arm(poller, &poll).unwrap();
            poll.details.done.wait();
            assert_eq!(poll.details.done.results(), [IN as i32]);
        }
    });
}

#[test]
fn reported_or_withdrawn() {
    in_process(2, (Time::Stands, 1), |poller| {
        let poll = poll_of(1);
        arm(poller, &poll).unwrap();
        let program = start(poller, |_| make_ready(1));
        let expected = if withdraw(poller, &poll) {
            0
        } else {
            IN as i32
        };
        poll.details.done.wait();
        program.join().unwrap();
        assert_eq!(poll.details.done.results(), [expected]);
    });
}

#[test]
fn withdrawn_once() {
    in_process(2, (Time::Stands, 1), |poller| {
        let poll = poll_of(1);
        arm(poller, &poll).unwrap();
        let its = poll.clone();
        let other = start(poller, move |poller| {
            withdraw(poller, &its);
        });
        withdraw(poller, &poll);
        other.join().unwrap();
        assert_eq!(poll.details.done.results(), [0]);
    });
}

/// What `io_destroy` does beside an `io_submit` that had begun before.
#[test]
fn withdrawn_while_it_is_armed() {
    in_process(2, (Time::Stands, 1), |poller| {
        let poll = poll_of(1);
        let its = poll.clone();
        let submitter = start(poller, move |poller| arm(poller, &its).unwrap());
        let early = withdraw(poller, &poll);
        submitter.join().unwrap();
        assert!(early != withdraw(poller, &poll));
        assert_eq!(poll.details.done.results(), [0]);
    });
}

/// A report of a poll that was withdrawn is none of the next one in its place.
#[test]
fn a_place_is_used_again() {
    in_process(3, (Time::Stands, 1), |poller| {
        let (first, second) = (poll_of(1), poll_of(2));
        arm(poller, &first).unwrap();
        make_ready(1);
        if !withdraw(poller, &first) {
            first.details.done.wait();
        }
        pass_a_place(poller);
        arm(poller, &second).unwrap();
        // The poller may have a report of the first one in its hands.
        crate::sync::yield_now();
        assert!(!withdraw(poller, &first), "it is over");
        assert!(withdraw(poller, &second), "it is not");
        assert_eq!(second.details.done.results(), [0]);
        assert_eq!(first.details.done.results().len(), 1);
    });
}

/// Nor does a late `io_cancel` of it end the next one.
#[test]
fn a_place_is_used_again_before_a_late_withdrawal() {
    in_process(2, (Time::Stands, 1), |poller| {
        let (first, second) = (poll_of(1), poll_of(2));
        arm(poller, &first).unwrap();
        let its = first.clone();
        let late = start(poller, move |poller| {
            withdraw(poller, &its);
        });
        withdraw(poller, &first);
        pass_a_place(poller);
        arm(poller, &second).unwrap();
        late.join().unwrap();
        assert_eq!(second.details.done.results(), []);
        assert!(withdraw(poller, &second));
        assert_eq!(first.details.done.results(), [0]);
    });
}

/// The same memory is another request in the same place when a late `io_cancel` looks at it.
#[test]
fn a_request_is_used_again() {
    in_process(2, (Time::Stands, 1), |poller| {
        let poll = poll_of(1);
        arm(poller, &poll).unwrap();
        let its = poll.clone();
        let late = start(poller, move |poller| {
            withdraw(poller, &its);
        });
        if withdraw(poller, &poll) {
            pass_a_place(poller);
            arm(poller, &poll).unwrap();
            withdraw(poller, &poll);
        }
        late.join().unwrap();
        let results = poll.details.done.results();
        assert!(results == [0] || results == [0, 0], "{results:?}");
    });
}

#[test]
fn two_that_start_the_poller() {
    in_process(3, (Time::Stands, 1), |poller| {
        let poll = poll_of(1);
        let other = start(poller, |poller| poller.ensure());
        arm(poller, &poll).unwrap();
        other.join().unwrap();
        assert!(withdraw(poller, &poll));
    });
}

/// Of two that make the epoll descriptor one is left.
#[test]
fn two_that_arm() {
    in_process(2, (Time::Stands, 1), |poller| {
        let (first, second) = (poll_of(1), poll_of(2));
        let its = first.clone();
        let other = start(poller, move |poller| {
            arm(poller, &its).unwrap();
            assert!(withdraw(poller, &its));
        });
        arm(poller, &second).unwrap();
        assert!(withdraw(poller, &second));
        other.join().unwrap();
    });
}

/// The numbers may be those of other files, which are not the library's to close.
#[test]
fn the_program_closes_all() {
    in_process(2, (Time::Stands, 1), |poller| {
        let poll = poll_of(1);
        arm(poller, &poll).unwrap();
        sleepers().descriptors.close_all();
        assert!(withdraw(poller, &poll));
        assert_eq!(poll.details.done.results(), [0]);
    });
}

/// A thread relies on a poller that another one is about to start, and then it cannot be started.
#[test]
fn the_poller_is_missed() {
    in_process(2, (Time::Stands, 0), |poller| {
        let polls = [poll_of(1), poll_of(2)];
        let its = polls[0].clone();
        let other = start(poller, move |poller| {
            let _ = arm(poller, &its);
        });
        let _ = arm(poller, &polls[1]);
        other.join().unwrap();
        set_threads(1);
        // What a thread does before it waits for events.
        poller.ensure();
        for (poll, file) in polls.iter().zip([1, 2]) {
            if poll.state.load(Acquire) == ARMED {
                make_ready(file);
                poll.details.done.wait();
            }
        }
    });
}

/// A handler that is called at the end of the process, after the library's, may submit.
#[test]
fn armed_after_the_end() {
    in_process(1, (Time::Stands, 2), |poller| {
        pass_a_place(poller);
        poller.end();
        let poll = poll_of(1);
        arm(poller, &poll).unwrap();
        make_ready(1);
        poll.details.done.wait();
    });
}

/// The poller ends when it has had nothing to do for a while.
fn arm_when_the_poller_ends(always_yield: bool) {
    in_process(3, (Time::Flies, 3), move |poller| {
        if always_yield {
            sleepers().descriptors.always_yield();
        }
        for _ in 0..2 {
            let poll = poll_of(1);
            if !always_yield {
                // The poller goes on to where it looks for polls.
                crate::sync::yield_now();
            }
            arm(poller, &poll).unwrap();
            make_ready(1);
            poll.details.done.wait();
            assert_eq!(poll.details.done.results(), [IN as i32]);
        }
    });
}

#[test]
fn armed_when_the_poller_ends() {
    arm_when_the_poller_ends(false);
}

#[test]
fn armed_when_the_poller_ends_after_a_yield() {
    arm_when_the_poller_ends(true);
}

#[test]
fn no_thread_to_be_had() {
    in_process(2, (Time::Flies, 0), |poller| {
        let poll = poll_of(1);
        assert_eq!(arm(poller, &poll), Err(Errno::EAGAIN));
        poll.details.owned.with_mut(|_| ());
        assert_eq!(poll.details.done.results(), []);
    });
}

#[test]
fn no_place_left() {
    in_process(1, (Time::Stands, 1), |poller| {
        let polls = [poll_of(1), poll_of(2)];
        polls
            .each_ref()
            .iter()
            .for_each(|poll| arm(poller, poll).unwrap());
        let one_more = poll_of(3);
        assert_eq!(arm(poller, &one_more), Err(Errno::EAGAIN));
        assert!(!withdraw(poller, &one_more));
        assert!(polls.iter().all(|poll| withdraw(poller, poll)));
    });
}

/// Who gets a place, however it heard of it, finds there what was stored, and has it alone.
#[test]
fn a_place_and_what_is_in_it() {
    explore(3, || {
        let places = Arc::<Places>::default();
        let number = Arc::new(AtomicU64::new(u64::MAX));
        let request = poll_of(1);
        let end = |taken: Taken, request: &Arc<Request>| {
            assert_eq!(taken.fd(), 5);
            assert_eq!(taken.request().cast_const(), Arc::as_ptr(request));
            request.details.owned.with_mut(|_| ());
            taken.free();
            1
        };
        let its = (places.clone(), number.clone(), request.clone());
        let poller = thread::spawn(move || {
            let (places, number, request) = its;
            let taken = places.report(number.load(Relaxed), 3);
            taken.map_or(0, |taken| end(taken, &request))
        });
        let its = (places.clone(), request.clone());
        let canceller = thread::spawn(move || {
            let (places, request) = its;
            let taken = places.withdraw(0, Arc::as_ptr(&request).cast_mut());
            taken.map_or(0, |taken| end(taken, &request))
        });
        request.details.owned.with_mut(|_| ());
        let taken = places.get(5, Arc::as_ptr(&request).cast_mut()).unwrap();
        number.store(taken.number(), Relaxed);
        let mut ended = 0;
        if let Watched::Reported(taken, events) = taken.watch() {
            assert_eq!(events, 3);
            ended += end(taken, &request);
        }
        ended += poller.join().unwrap() + canceller.join().unwrap();
        // If it was neither reported nor withdrawn, it can be.
        let taken = places.withdraw(0, Arc::as_ptr(&request).cast_mut());
        assert_eq!(ended + taken.map_or(0, |taken| end(taken, &request)), 1);
    });
}

/// Two threads do not have one place at the same time, nor one behind the other's back.
#[test]
fn one_thread_has_a_place() {
    explore(3, || {
        let places = Arc::<Places>::default();
        let has = Arc::new([UnsafeCell::new(()), UnsafeCell::new(())]);
        let its = (places.clone(), has.clone());
        let take = |(places, has): (Arc<Places>, Arc<[UnsafeCell<()>; 2]>)| {
            for _ in 0..2 {
                if let Some(taken) = places.get(5, std::ptr::null_mut()) {
                    has[taken.index() as usize].with_mut(|_| ());
                    taken.free();
                }
            }
        };
        let other = thread::spawn(move || take(its));
        take((places, has));
        other.join().unwrap();
    });
}
