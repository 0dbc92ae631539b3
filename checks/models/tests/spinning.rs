//! What must hold of a wait that looks at the ring first: it gets each event once, whoever else takes some,
//! is never at a ring that is gone, and sleeps only where it is woken. A wait that is not woken never ends, which
//! loom reports.

use std::sync::Mutex;
use std::sync::atomic::Ordering::SeqCst;

use loom::sync::Arc;
use loom::thread;

use crate::address_space::address;
use crate::configuration::spinning;
use crate::explore::{explore, explore_steps_with};
use crate::kernel::Context;
use crate::protocol::Process;
use crate::signal::interrupt;
use crate::sys::errno::Errno;

/// Threads, as the gate tells them apart.
const MAIN: usize = 2;
const A: usize = 4;
const B: usize = 6;

/// A process whose context was read before, and has no events.
fn process(sizes: &[u32]) -> Arc<Process> {
    let process = Process::new(sizes);
    assert_eq!(process.getevents(MAIN, 1), Some(Vec::new()));
    process
}

/// Starts a thread that returns the events that it took.
fn start(
    process: &Arc<Process>,
    body: impl FnOnce(&Process) -> Vec<u32> + 'static,
) -> thread::JoinHandle<Vec<u32>> {
    let process = process.clone();
    thread::spawn(move || body(&process))
}

fn complete(process: &Process, requests: u32) {
    for _ in 0..requests {
        assert!(process.contexts[0].complete());
    }
}

/// Takes at most one event in a system call that does not wait.
fn take_by_system_call(process: &Process, thread: usize) -> Vec<u32> {
    let entry = process.registry.find(address(0).addr()).unwrap();
    let read = |context: &Context| context.read(1);
    process
        .call(entry, thread, read)
        .expect("the context exists")
}

/// Every event was delivered once, or is left.
fn check(process: &Process, readers: &[Vec<u32>]) {
    let context = &process.contexts[0];
    assert!(context.words.head.load(SeqCst) < context.nr(), "a slot");
    let mut all = readers.concat();
    all.extend(context.read(usize::MAX).expect("the context exists"));
    all.sort();
    assert!(all.into_iter().eq(context.completed()), "{readers:?}");
    assert!(!process.is_looked_at());
}

#[test]
fn one_waits() {
    explore(3, || {
        let _spinning = spinning();
        let process = process(&[4]);
        let a = start(&process, |process| process.wait(A, 1, 2).unwrap());
        complete(&process, 2);
        let a = a.join().unwrap();
        assert!(!a.is_empty());
        check(&process, &[a]);
    });
}

#[test]
fn one_waits_for_two() {
    explore(3, || {
        let _spinning = spinning();
        let process = process(&[4]);
        let a = start(&process, |process| process.wait(A, 2, 2).unwrap());
        complete(&process, 2);
        assert_eq!(a.join().unwrap(), [0, 1]);
    });
}

#[test]
fn two_wait() {
    explore(1, || {
        let _spinning = spinning();
        let process = process(&[4]);
        let a = start(&process, |process| process.wait(A, 1, 1).unwrap());
        let b = start(&process, |process| process.wait(B, 1, 1).unwrap());
        complete(&process, 2);
        check(&process, &[a.join().unwrap(), b.join().unwrap()]);
    });
}

#[test]
fn one_waits_beside_a_reaper() {
    explore(2, || {
        let _spinning = spinning();
        let process = process(&[4]);
        let a = start(&process, |process| process.wait(A, 1, 1).unwrap());
        let b = start(&process, |process| process.getevents(B, 1).unwrap());
        complete(&process, 2);
        check(&process, &[a.join().unwrap(), b.join().unwrap()]);
    });
}

#[test]
#[ignore = "slow: make check-long"]
fn one_waits_beside_a_caller() {
    explore(2, || {
        let _spinning = spinning();
        let process = process(&[3]);
        let a = start(&process, |process| process.wait(A, 1, 1).unwrap());
        let b = start(&process, |process| take_by_system_call(process, B));
        complete(&process, 2);
        check(&process, &[a.join().unwrap(), b.join().unwrap()]);
    });
}

/// The model fails where a thread looks at a ring that is gone.
#[test]
fn one_waits_and_one_destroys() {
    explore(3, || {
        let _spinning = spinning();
        let process = process(&[4, 4]);
        let a = start(&process, |process| {
            process.wait(A, 1, 2).unwrap_or_else(|error| {
                assert_eq!(error, Errno::EINVAL);
                Vec::new()
            })
        });
        complete(&process, 1);
        assert!(process.destroy(MAIN));
        let a = a.join().unwrap();
        assert!(a.is_empty() || a == [0], "{a:?}");
        assert!(!process.is_looked_at());
    });
}

/// The context's address, and its entry, are those of another one at once.
#[test]
fn one_waits_and_the_address_comes_again() {
    explore(2, || {
        let _spinning = spinning();
        let process = process(&[4, 3]);
        let a = start(&process, |process| match process.wait(A, 1, 1) {
            Ok(events) => events,
            Err(error) => {
                assert_eq!(error, Errno::EINVAL);
                Vec::new()
            }
        });
        assert!(process.destroy(MAIN));
        let is_again = process.setup(1, 0);
        assert!(process.contexts[1].complete() && process.contexts[1].complete());
        let mut events = a.join().unwrap();
        if is_again {
            events.extend(process.getevents(MAIN, 2).unwrap());
            assert_eq!(events, [100, 101]);
        }
    });
}

/// A handler runs before a thread looks or in its system call, which it ends, and not in between, where it would
/// end nothing.
#[test]
fn a_handler_ends_the_wait() {
    let ended = std::sync::Arc::new(Mutex::new(Vec::new()));
    let all = ended.clone();
    explore_steps_with(1, 1, move |steps| {
        let _spinning = spinning();
        let process = process(&[4]);
        process.is_impatient.store(true, SeqCst);
        let in_handler = {
            let process = process.clone();
            move || assert!(!process.is_looked_at())
        };
        let (result, came) = interrupt(steps, in_handler, || process.wait(MAIN, 1, 1));
        let error = result.unwrap_err();
        assert!(error == Errno::EAGAIN || came && error == Errno::EINTR);
        all.lock().unwrap().push(error);
        came
    });
    let ended = ended.lock().unwrap();
    // Too early at first, then not; and too late at last.
    let first = ended.iter().position(|&error| error == Errno::EINTR);
    let last = ended.iter().rposition(|&error| error == Errno::EINTR);
    let (first, last) = (first.unwrap(), last.unwrap());
    assert!(first > 0 && last - first > 10, "{first} to {last}");
    let between = &ended[first..=last];
    assert!(
        between.iter().all(|&error| error == Errno::EINTR),
        "{ended:?}"
    );
}

/// A handler takes an event itself, at any step.
#[test]
fn a_handler_takes_one() {
    explore_steps_with(1, 1, |steps| {
        let _spinning = spinning();
        let process = process(&[4]);
        let a = start(&process, |process| {
            complete(process, 2);
            Vec::new()
        });
        let taken = std::sync::Arc::new(Mutex::new(Vec::new()));
        let in_handler = {
            let (process, taken) = (process.clone(), taken.clone());
            move || *taken.lock().unwrap() = process.getevents(MAIN, 1).unwrap()
        };
        let (result, came) = interrupt(steps, in_handler, || process.wait(MAIN, 1, 1));
        let waited = result.unwrap_or_else(|error| {
            assert_eq!(error, Errno::EINTR);
            Vec::new()
        });
        a.join().unwrap();
        let taken = taken.lock().unwrap().clone();
        check(&process, &[waited, taken]);
        came
    });
}
