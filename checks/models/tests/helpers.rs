//! What must hold of the helpers' queue: every request is carried out once, and none waits for
//! another one while a helper could be had.

use std::sync::atomic::Ordering::Release;

use loom::sync::Arc;
use loom::thread;

use crate::engine::threads::helpers::Helpers;
use crate::engine::threads::requests::{CANCELLED, QUEUED, Request, change};
use crate::explore::explore;
use crate::sys::futex::{Process, Time};
use crate::sys::process::{join_all, set_threads};

/// What `handing_over::queue` does, and the end of `io_submit`. The request is carried out by the
/// caller if there is no helper.
fn submit(helpers: &Helpers, requests: &[Arc<Request>]) {
    let mut pushed = 0;
    for request in requests {
        if !helpers.are_there() {
            request.details.done.finish(0);
            continue;
        }
        request.state.store(QUEUED, Release);
        unsafe { helpers.push(Arc::as_ptr(request).cast_mut()) };
        pushed += 1;
    }
    helpers.wake(pushed);
}

fn request() -> Arc<Request> {
    Arc::default()
}

/// A process that has so many threads at most.
fn process(time: Time, threads: u32) -> (Process, Arc<Helpers>) {
    let process = Process::start(time);
    set_threads(threads);
    let helpers = Arc::new(Helpers::default());
    helpers.set_limit(2);
    (process, helpers)
}

/// Runs a model in a process, and checks that all requests are done.
fn in_process(
    preemptions: usize,
    (time, threads): (Time, u32),
    model: impl Fn(&Arc<Helpers>) -> Vec<Arc<Request>> + Send + Sync + 'static,
) {
    explore(preemptions, move || {
        let (_process, helpers) = process(time, threads);
        let requests = model(&helpers);
        // Before `drain` comes to their help.
        for request in &requests {
            request.details.done.wait();
        }
        helpers.drain();
        join_all();
        for request in requests {
            assert_eq!(request.details.done.results().len(), 1);
        }
    });
}

#[test]
fn one_submitter() {
    in_process(2, (Time::Stands, 1), |helpers| {
        let requests = vec![request(), request()];
        submit(helpers, &requests[..1]);
        submit(helpers, &requests[1..]);
        requests
    });
}

#[test]
fn two_submitters() {
    in_process(2, (Time::Stands, 1), |helpers| {
        let (a, b) = (request(), request());
        let (other, its_helpers) = (a.clone(), helpers.clone());
        let submitter = thread::spawn(move || submit(&its_helpers, &[other]));
        submit(helpers, std::slice::from_ref(&b));
        submitter.join().unwrap();
        vec![a, b]
    });
}

/// Helpers end as soon as they find no work.
#[test]
fn helpers_retire() {
    in_process(1, (Time::Flies, 2), |helpers| {
        let requests = vec![request(), request()];
        submit(helpers, &requests[..1]);
        submit(helpers, &requests[1..]);
        requests
    });
}

/// A request that takes long does not keep another one waiting while there can be a second helper.
#[test]
fn two_at_once() {
    in_process(2, (Time::Stands, 2), |helpers| {
        let requests = vec![request(), request()];
        let last = requests[1].details.done.clone();
        let _ = requests[0].details.waits_for.set(last);
        submit(helpers, &requests[..1]);
        submit(helpers, &requests[1..]);
        requests
    });
}

/// A thread relies on a helper that another one is about to start, and then there is none to be
/// had.
#[test]
fn no_thread_to_be_had() {
    in_process(2, (Time::Flies, 0), |helpers| {
        let (a, b) = (request(), request());
        let (other, its_helpers) = (a.clone(), helpers.clone());
        let submitter = thread::spawn(move || submit(&its_helpers, &[other]));
        submit(helpers, std::slice::from_ref(&b));
        submitter.join().unwrap();
        // Nobody is left who would do it.
        assert_eq!(
            a.details.done.results().len() + b.details.done.results().len(),
            2
        );
        vec![a, b]
    });
}

/// Either the helper has it, or it is cancelled.
#[test]
fn cancelled_or_done() {
    explore(3, || {
        let (_process, helpers) = process(Time::Stands, 1);
        let request = request();
        submit(&helpers, std::slice::from_ref(&request));
        let cancelled = unsafe { change(Arc::as_ptr(&request).cast_mut(), QUEUED, CANCELLED) };
        if !cancelled {
            request.details.done.wait();
        }
        helpers.drain();
        join_all();
        assert_eq!(request.details.done.results().len(), 1);
    });
}

/// A thread that goes on submitting while the process ends: what it has submitted is done when the
/// process is gone, by a helper or by itself, and no helper is left.
fn ends_beside_a_submitter(threads: u32, before: usize, beside: usize) {
    explore(2, move || {
        let (_process, helpers) = process(Time::Flies, threads);
        let requests: Vec<_> = (0..before + beside).map(|_| request()).collect();
        let (others, its_helpers) = (requests[before..].to_vec(), helpers.clone());
        submit(&helpers, &requests[..before]);
        let submitter = thread::spawn(move || {
            for request in others {
                submit(&its_helpers, &[request]);
            }
        });
        helpers.drain();
        assert!(!helpers.are_there());
        submitter.join().unwrap();
        // Nothing waits for a thread.
        for request in &requests {
            assert_eq!(request.details.done.results().len(), 1);
        }
        join_all();
    });
}

#[test]
fn submitted_while_the_process_ends() {
    ends_beside_a_submitter(1, 1, 2);
}

/// The helper that the submitter relied on has ended, and none is started in its place.
#[test]
fn the_last_helper_ends_before_the_push() {
    ends_beside_a_submitter(2, 0, 1);
}
