//! What must hold of the table of served contexts: a context's memory is there while a call is at
//! it, and is freed once, when the context is destroyed and no call is left.

use std::sync::atomic::Ordering::Relaxed;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::abi::io_context_t;
use crate::engine::threads::context::MOVED;
use crate::engine::threads::contexts::{Contexts, Hold};
use crate::engine::threads::in_flight::InFlight;
use crate::engine::threads::waiting::{Limit, Waiters};
use crate::explore::{explore, explore_steps};
use crate::signal::interrupt;
use crate::sys::futex::{Process, Time};

/// Addresses of rings. The table looks in the same places for all.
const FIRST: usize = 0x7000_0000;
const SECOND: usize = 0x7000_8000;

fn table() -> Arc<Contexts> {
    Arc::default()
}

fn at(address: usize) -> io_context_t {
    std::ptr::without_provenance_mut(address)
}

/// `io_setup`
fn make(contexts: &Contexts, address: usize) -> bool {
    contexts.insert(address, |number, context| context.start(number))
}

/// Any call.
fn call(contexts: &Contexts, address: usize) -> bool {
    let hold = contexts.hold(at(address));
    if let Some(hold) = &hold {
        hold.touch();
    }
    hold.is_some()
}

/// `io_destroy`. False is EINVAL.
fn destroy(contexts: &Contexts, address: usize) -> bool {
    let Some(hold) = contexts.hold(at(address)) else {
        return false;
    };
    hold.touch();
    if !hold.start_destroying() {
        return false;
    }
    contexts.destroyed(hold);
    true
}

fn start<T: 'static>(
    contexts: &Arc<Contexts>,
    body: impl FnOnce(&Contexts) -> T + 'static,
) -> thread::JoinHandle<T> {
    let contexts = contexts.clone();
    thread::spawn(move || body(&contexts))
}

/// How many contexts were freed, and how many there are.
fn check(contexts: &Contexts, freed: u32, left: u32) {
    let found: u32 = contexts
        .contexts()
        .map(|c| c.times_freed.load(Relaxed))
        .sum();
    assert_eq!(found, freed);
    assert_eq!(contexts.count(), left);
}

#[test]
fn a_call_and_the_end() {
    explore(3, || {
        let contexts = table();
        assert!(make(&contexts, FIRST));
        let caller = start(&contexts, |contexts| call(contexts, FIRST));
        assert!(destroy(&contexts, FIRST));
        caller.join().unwrap();
        assert!(!call(&contexts, FIRST));
        check(&contexts, 1, 0);
    });
}

#[test]
fn two_calls_and_the_end() {
    explore(2, || {
        let contexts = table();
        assert!(make(&contexts, FIRST));
        let callers = [(); 2].map(|()| start(&contexts, |contexts| call(contexts, FIRST)));
        assert!(destroy(&contexts, FIRST));
        for caller in callers {
            caller.join().unwrap();
        }
        check(&contexts, 1, 0);
    });
}

#[test]
fn two_that_destroy() {
    explore(3, || {
        let contexts = table();
        assert!(make(&contexts, FIRST));
        let other = start(&contexts, |contexts| destroy(contexts, FIRST));
        let destroyed = destroy(&contexts, FIRST);
        assert!(destroyed != other.join().unwrap(), "one of them does");
        check(&contexts, 1, 0);
    });
}

/// A late caller looks for a context whose place is given to another one, at another address or at
/// the same.
fn late(second: usize) {
    explore(3, move || {
        let contexts = table();
        assert!(make(&contexts, FIRST));
        let caller = start(&contexts, |contexts| call(contexts, FIRST));
        assert!(destroy(&contexts, FIRST));
        assert!(make(&contexts, second) && call(&contexts, second));
        assert!(destroy(&contexts, second));
        caller.join().unwrap();
        check(&contexts, 2, 0);
    });
}

#[test]
fn a_place_is_given_to_another() {
    late(SECOND);
}

#[test]
fn an_address_comes_again() {
    late(FIRST);
}

/// Places are given back.
#[test]
fn many_come_and_go() {
    explore(1, || {
        let contexts = table();
        for address in [FIRST, SECOND, FIRST, SECOND] {
            assert!(make(&contexts, address) && call(&contexts, address));
            assert!(destroy(&contexts, address) && !call(&contexts, address));
        }
        check(&contexts, 4, 0);
    });
}

/// A thread makes a context in the place that another one is about to give up.
#[test]
fn made_beside_an_end() {
    explore(3, || {
        let contexts = table();
        assert!(make(&contexts, FIRST));
        let maker = start(&contexts, |contexts| {
            assert!(make(contexts, SECOND) && call(contexts, SECOND));
        });
        assert!(destroy(&contexts, FIRST));
        maker.join().unwrap();
        assert!(call(&contexts, SECOND));
        check(&contexts, 1, 1);
    });
}

/// Two threads that make contexts get two places; there are no more.
#[test]
fn two_that_make() {
    explore(3, || {
        let contexts = table();
        let other = start(&contexts, |contexts| make(contexts, FIRST));
        assert!(make(&contexts, SECOND) && other.join().unwrap());
        assert!(call(&contexts, FIRST) && call(&contexts, SECOND));
        assert!(!make(&contexts, SECOND + FIRST));
        check(&contexts, 0, 2);
    });
}

/// A context that is about to be known is not found.
#[test]
fn found_when_it_is_complete() {
    explore(3, || {
        let contexts = table();
        let caller = start(&contexts, |contexts| {
            call(contexts, FIRST);
        });
        assert!(make(&contexts, FIRST));
        caller.join().unwrap();
    });
}

/// A handler destroys the context that the interrupted call is using, and makes others.
#[test]
fn a_handler_destroys() {
    explore_steps(1, |steps| {
        let contexts = table();
        assert!(make(&contexts, FIRST));
        let in_handler = {
            let contexts = contexts.clone();
            move || {
                assert!(destroy(&contexts, FIRST));
                // The place of the first one is still used if the interrupted call holds it.
                let freed: u32 = contexts
                    .contexts()
                    .map(|c| c.times_freed.load(Relaxed))
                    .sum();
                let made = [FIRST, SECOND].map(|address| make(&contexts, address));
                assert_eq!(made, [true, freed == 1]);
            }
        };
        let (_, came) = interrupt(steps, in_handler, || call_at_length(&contexts));
        came
    });
}

fn call_at_length(contexts: &Contexts) {
    if let Some(hold) = contexts.hold(at(FIRST)) {
        for _ in 0..10 {
            hold.touch();
        }
    }
}

/// The program moves a ring, and the next context gets its old address.
#[test]
fn a_ring_is_moved() {
    explore(3, || {
        let contexts = table();
        assert!(make(&contexts, FIRST));
        let elsewhere = FIRST | MOVED;
        contexts.hold(at(FIRST)).unwrap().move_to(elsewhere);
        let caller = start(&contexts, move |contexts| call(contexts, elsewhere));
        assert!(make(&contexts, FIRST));
        assert!(caller.join().unwrap() && call(&contexts, elsewhere));
        assert!(destroy(&contexts, elsewhere) && !call(&contexts, elsewhere));
        let other = contexts.hold(at(FIRST)).unwrap().number();
        assert_eq!(other, 1, "the one that has the address");
        check(&contexts, 1, 1);
    });
}

/// The same, before any call found out that the ring was moved.
#[test]
fn an_address_is_taken_over() {
    explore(1, || {
        let contexts = table();
        assert!(make(&contexts, FIRST) && make(&contexts, FIRST));
        let hold = contexts.hold(at(FIRST)).unwrap();
        assert_eq!(hold.number(), 1, "the one that has the address");
    });
}

/// A ring that was moved is destroyed while another thread looks for it.
#[test]
fn a_moved_ring_ends() {
    explore(3, || {
        let contexts = table();
        assert!(make(&contexts, FIRST));
        let elsewhere = FIRST | MOVED;
        contexts.hold(at(FIRST)).unwrap().move_to(elsewhere);
        let caller = start(&contexts, move |contexts| call(contexts, elsewhere));
        assert!(destroy(&contexts, elsewhere));
        caller.join().unwrap();
        check(&contexts, 1, 0);
    });
}

/// From its start on `io_destroy` is the last call that finds the context, wherever its ring is.
#[test]
fn the_end_has_begun() {
    explore(1, || {
        let contexts = table();
        assert!(make(&contexts, FIRST));
        let elsewhere = FIRST | MOVED;
        let hold = contexts.hold(at(FIRST)).unwrap();
        hold.move_to(elsewhere);
        assert!(hold.start_destroying());
        assert!(!call(&contexts, FIRST) && !call(&contexts, elsewhere));
        contexts.destroyed(hold);
        assert!(!call(&contexts, FIRST) && !call(&contexts, elsewhere));
        check(&contexts, 1, 0);
    });
}

/// Handles that are none, and memory that names a context which is not there.
#[test]
fn what_is_no_context() {
    explore(1, || {
        let contexts = table();
        // There is one, so that the table is looked at.
        assert!(make(&contexts, FIRST));
        let other_place = FIRST | MOVED | 0x1000;
        assert!(!call(&contexts, 0));
        assert!(!call(&contexts, other_place), "of an empty place");
        let made = contexts.insert(SECOND, |number, context| {
            assert!(
                !call(&contexts, other_place),
                "of a place that is filled in"
            );
            for mark in 1..16 {
                assert!(!call(&contexts, SECOND | mark));
            }
            context.start(number);
        });
        assert!(made && destroy(&contexts, SECOND));
        assert!(
            !call(&contexts, other_place),
            "of a place that was given up"
        );
        for handle in 0..16 {
            assert!(!call(&contexts, handle), "{handle}");
        }
        assert!(!call(&contexts, FIRST | MOVED), "not moved");
        check(&contexts, 1, 1);
    });
}

/// A handler forks in the middle of a call, and the child goes on where the parent was.
#[test]
fn a_child_finds_nothing() {
    explore(1, || {
        let contexts = table();
        assert!(make(&contexts, FIRST));
        let hold: Hold = contexts.hold(at(FIRST)).unwrap();
        contexts.wipe();
        drop(hold);
        assert!(!call(&contexts, FIRST));
        assert!(make(&contexts, FIRST) && call(&contexts, FIRST));
        let hold = contexts.hold(at(FIRST)).unwrap();
        assert!(destroy(&contexts, FIRST));
        hold.touch();
        drop(hold);
        check(&contexts, 1, 0);
    });
}

/// `io_destroy` waits for the requests of helpers and poller, and for no others.
#[test]
fn requests_in_flight() {
    explore(3, || {
        let _process = Process::start(Time::Stands);
        let (in_flight, memory) = (Arc::new(InFlight::default()), Arc::new(UnsafeCell::new(())));
        let helpers = [(); 2].map(|()| {
            let (in_flight, memory) = (in_flight.clone(), memory.clone());
            thread::spawn(move || {
                if in_flight.enter() {
                    memory.with(|_| ());
                    in_flight.leave();
                }
            })
        });
        in_flight.destroy();
        in_flight.wait(|| ());
        memory.with_mut(|_| ());
        assert!(!in_flight.enter());
        for helper in helpers {
            helper.join().unwrap();
        }
        in_flight.wait(|| ());
    });
}

/// Who waits for events wakes up when the context is destroyed.
#[test]
fn waiters_hear_of_the_end() {
    explore(3, || {
        let _process = Process::start(Time::Stands);
        let (in_flight, waiters) = (Arc::new(InFlight::default()), Arc::new(Waiters::default()));
        let (its, its_waiters) = (in_flight.clone(), waiters.clone());
        let waiter = thread::spawn(move || {
            while !its.is_destroying() {
                its_waiters.sleep(1, Limit::Never, || its.is_destroying());
            }
        });
        in_flight.destroy();
        waiters.wake_all();
        waiter.join().unwrap();
    });
}
