//! What must hold of the helpers' queue: every request is carried out once, and none waits for another one
//! while a helper could be had.

use std::sync::atomic::Ordering::{Release, SeqCst};

use loom::sync::Arc;
use loom::thread;

use models::explore::explore;
use models::process_state::{Process, STATE};
use models::sys::futex::{Time, set_time};
use models::sys::process::{join_all, set_threads};
use models::threads::requests::{QUEUED, Request, change};

const CANCELLED: u32 = models::threads::requests::CANCELLED;

/// What `submitting::queue` does, and the end of `io_submit`. The request is carried out by the caller if no
/// helper can be had.
fn submit(requests: &[Arc<Request>]) {
    let helpers = &STATE.threads.helpers;
    let mut pushed = 0;
    for request in requests {
        if !helpers.are_there() {
            request.details.done.finish();
            continue;
        }
        request.state.store(QUEUED, Release);
        unsafe { helpers.push(Arc::as_ptr(request).cast_mut()) };
        pushed += 1;
    }
    helpers.call(pushed);
}

fn request() -> Arc<Request> {
    Arc::default()
}

/// Runs a model in a process that has so many threads at most, and checks that all requests are done.
fn in_process(
    preemptions: usize,
    (time, threads): (Time, u32),
    model: impl Fn() -> Vec<Arc<Request>> + Send + Sync + 'static,
) {
    explore(preemptions, move || {
        let process = Process::start();
        set_time(time);
        set_threads(threads);
        let requests = model();
        // Before `drain` comes to their help.
        for request in &requests {
            request.details.done.wait();
        }
        STATE.threads.helpers.drain();
        join_all();
        for request in requests {
            assert_eq!(request.details.done.times(), 1);
        }
        drop(process);
    });
}

#[test]
fn one_submitter() {
    in_process(2, (Time::Stands, 1), || {
        let requests = vec![request(), request()];
        submit(&requests[..1]);
        submit(&requests[1..]);
        requests
    });
}

#[test]
fn two_submitters() {
    in_process(2, (Time::Stands, 1), || {
        let (a, b) = (request(), request());
        let other = a.clone();
        let submitter = thread::spawn(move || submit(&[other]));
        submit(std::slice::from_ref(&b));
        submitter.join().unwrap();
        vec![a, b]
    });
}

/// Helpers end as soon as they find no work.
#[test]
fn helpers_retire() {
    in_process(1, (Time::Flies, 2), || {
        let requests = vec![request(), request()];
        submit(&requests[..1]);
        submit(&requests[1..]);
        requests
    });
}

/// A request that takes long does not keep another one waiting while there can be a second helper.
#[test]
fn two_at_once() {
    in_process(2, (Time::Stands, 2), || {
        let requests = vec![request(), request()];
        let last = requests[1].details.done.clone();
        let _ = requests[0].details.waits_for.set(last);
        submit(&requests[..1]);
        submit(&requests[1..]);
        requests
    });
}

/// A thread relies on a helper that another one is about to start, and then there is none to be had.
#[test]
fn no_thread_to_be_had() {
    in_process(2, (Time::Flies, 0), || {
        let (a, b) = (request(), request());
        let other = a.clone();
        let submitter = thread::spawn(move || submit(&[other]));
        submit(std::slice::from_ref(&b));
        submitter.join().unwrap();
        // Nobody is left who would do it.
        assert_eq!(a.details.done.times() + b.details.done.times(), 2);
        vec![a, b]
    });
}

/// Either the helper has it, or it is cancelled.
#[test]
fn cancelled_or_done() {
    explore(3, || {
        let process = Process::start();
        set_time(Time::Stands);
        set_threads(1);
        let request = request();
        submit(std::slice::from_ref(&request));
        let cancelled = unsafe { change(Arc::as_ptr(&request).cast_mut(), QUEUED, CANCELLED) };
        if !cancelled {
            request.details.done.wait();
        }
        STATE.threads.helpers.drain();
        join_all();
        assert_eq!(STATE.finished.load(SeqCst), 1);
        drop(process);
    });
}
