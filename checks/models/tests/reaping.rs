//! What must hold however threads and signal handlers interleave, and whatever the memory model
//! lets them see: every event is delivered once, and nobody reads what another may be writing.

use std::sync::Mutex;
use std::sync::atomic::Ordering::{Acquire, Release, SeqCst};

use loom::sync::Arc;
use loom::thread;

use crate::address_space::address;
use crate::engine::kernel::registry::Entry;
use crate::engine::kernel::stand_in;
use crate::explore::{explore, explore_steps, explore_steps_with};
use crate::kernel::Context;
use crate::protocol::Process;
use crate::signal::interrupt;

/// Threads, as the gate tells them apart.
const MAIN: usize = 2;
const A: usize = 4;
const B: usize = 6;

/// A process whose first context has `slots` slots and events 0 to `events - 1`.
fn process(slots: u32, events: u32) -> Arc<Process> {
    let process = Process::new(&[slots]);
    for _ in 0..events {
        assert!(process.contexts[0].complete());
    }
    process
}

/// A process whose one context may be destroyed under a reap: there is memory to stand in for its
/// ring.
fn process_with_stand_in(slots: u32, events: u32) -> Arc<Process> {
    let process = Process::new(&[slots, slots]);
    for _ in 0..events {
        assert!(process.contexts[0].complete());
    }
    process
}

/// What the library knows of the first context.
fn entry(process: &Process) -> &'static Entry {
    let entry = process.registry.find(address(0).addr());
    let entry: *const Entry = entry.expect("the context is known");
    // SAFETY: the process outlives all threads of the model.
    unsafe { &*entry }
}

/// Starts a thread that returns the events that it took.
fn start(
    process: &Arc<Process>,
    body: impl FnOnce(&Process) -> Vec<u32> + 'static,
) -> thread::JoinHandle<Vec<u32>> {
    let process = process.clone();
    thread::spawn(move || body(&process))
}

/// Takes at most `nr` events as a program does.
fn take(process: &Process, thread: usize, nr: usize) -> Vec<u32> {
    process.getevents(thread, nr).expect("the context exists")
}

/// Takes at most `nr` events from the ring, or none if the gate is closed.
fn reap(process: &Process, thread: usize, nr: usize) -> Vec<u32> {
    let entry = entry(process);
    process.reap(entry, thread, nr).unwrap_or_default()
}

/// Takes events in a system call, whatever is in the ring, as a call with an unproven array does.
fn take_by_system_call(
    process: &Process,
    thread: usize,
    body: impl Fn(&Context) -> Vec<u32>,
) -> Vec<u32> {
    let entry = entry(process);
    process
        .call(entry, thread, |context| Some(body(context)))
        .expect("the context exists")
}

fn read(context: &Context, nr: usize) -> Vec<u32> {
    context.read(nr).expect("the context exists")
}

/// Takes what is left, and checks that every event was delivered once, and to each reader in order.
fn check(process: &Process, readers: &[Vec<u32>]) {
    let context = &process.contexts[0];
    let head = context.words.head.load(SeqCst);
    assert!(head < context.nr(), "head is a slot again");
    let rest = read(context, usize::MAX);
    for reader in readers {
        assert!(reader.is_sorted(), "in order: {reader:?}");
    }
    let mut all = readers.concat();
    all.extend(&rest);
    all.sort();
    assert!(
        all.into_iter().eq(context.completed()),
        "{readers:?}, left {rest:?}"
    );
}

#[test]
fn two_reapers() {
    explore(3, || {
        let process = process(4, 3);
        let a = start(&process, |process| take(process, A, 1));
        let b = take(&process, MAIN, 2);
        check(&process, &[a.join().unwrap(), b]);
    });
}

#[test]
fn reaper_and_kernel_reader() {
    explore(3, || {
        let process = process(4, 3);
        let a = start(&process, |process| {
            take_by_system_call(process, A, |context| read(context, 1))
        });
        let mut b = take(&process, MAIN, 1);
        b.extend(take(&process, MAIN, 1));
        check(&process, &[a.join().unwrap(), b]);
    });
}

#[test]
fn two_reapers_and_kernel_reader() {
    explore(2, || {
        let process = process(4, 3);
        let a = start(&process, |process| reap(process, A, 1));
        let b = start(&process, |process| {
            take_by_system_call(process, B, |context| read(context, 1))
        });
        let c = reap(&process, MAIN, 1);
        check(&process, &[a.join().unwrap(), b.join().unwrap(), c]);
    });
}

/// Processes that share their memory may look like one thread to the gate.
#[test]
fn two_reapers_of_one_identity() {
    explore(3, || {
        let process = process(4, 3);
        let a = start(&process, |process| take(process, MAIN, 1));
        let b = take(&process, MAIN, 2);
        check(&process, &[a.join().unwrap(), b]);
    });
}

#[test]
fn reaper_and_kernel_reader_of_one_identity() {
    explore(3, || {
        let process = process(3, 2);
        let a = start(&process, |process| {
            take_by_system_call(process, MAIN, take_many)
        });
        let b = take(&process, MAIN, 2);
        check(&process, &[a.join().unwrap(), b]);
    });
}

/// Starts the kernel's completion of requests, each if a slot is free.
fn complete(process: &Arc<Process>, requests: u32) -> thread::JoinHandle<Vec<u32>> {
    start(process, move |process| {
        for _ in 0..requests {
            process.contexts[0].complete();
        }
        Vec::new()
    })
}

/// The ring has one slot to use, so the kernel fills a slot as soon as its event is taken.
#[test]
fn reaper_and_completions_over_the_end() {
    explore(3, || {
        let process = process(2, 1);
        process.contexts[0].forbid_races();
        let completions = start(&process, |process| {
            while process.contexts[0].completed().len() < 4 {
                process.contexts[0].complete();
                thread::yield_now();
            }
            Vec::new()
        });
        let mut a = Vec::new();
        while a.len() < 4 {
            a.extend(take(&process, MAIN, 2));
            thread::yield_now();
        }
        completions.join().unwrap();
        check(&process, &[a]);
    });
}

#[test]
fn two_reapers_and_completions_over_the_end() {
    explore(2, || {
        let process = process(3, 2);
        process.contexts[0].forbid_races();
        let completions = complete(&process, 2);
        let a = start(&process, |process| reap(process, A, 2));
        let b = reap(&process, MAIN, 1);
        let a = a.join().unwrap();
        completions.join().unwrap();
        check(&process, &[a, b]);
    });
}

#[test]
fn reaper_kernel_reader_and_completions_over_the_end() {
    explore(2, || {
        let process = process(3, 2);
        let completions = complete(&process, 2);
        let a = start(&process, |process| {
            take_by_system_call(process, A, |context| read(context, 2))
        });
        let b = reap(&process, MAIN, 1);
        let a = a.join().unwrap();
        completions.join().unwrap();
        check(&process, &[a, b]);
    });
}

/// As many events as a ring of 3 slots has, so that `head` comes back to where it was, and 2 more
/// come.
fn take_many(context: &Context) -> Vec<u32> {
    let mut events = read(context, 2);
    for _ in 0..2 {
        context.complete();
    }
    events.extend(read(context, 1));
    events
}

/// A system call that waits for many events takes them as they come: when it returns, `head` may be
/// where it was, with other events in the ring.
#[test]
fn system_call_takes_a_whole_lap() {
    explore(3, || {
        let process = process(3, 2);
        let a = start(&process, |process| {
            take_by_system_call(process, A, take_many)
        });
        let b = take(&process, MAIN, 2);
        check(&process, &[a.join().unwrap(), b]);
    });
}

/// No call says that a ring is empty which never was.
#[test]
fn never_empty() {
    explore(3, || {
        let process = process(3, 2);
        let a = start(&process, |process| {
            take_by_system_call(process, A, |context| {
                let events = read(context, 1);
                context.complete();
                events
            })
        });
        let b = take(&process, MAIN, 1);
        assert!(!b.is_empty());
        check(&process, &[a.join().unwrap(), b]);
    });
}

/// The same; what was completed before the kernel's reader moved `head` is seen with it.
#[test]
fn never_empty_after_a_kernel_reader() {
    explore(3, || {
        let process = process(4, 1);
        let a = start(&process, |process| {
            take_by_system_call(process, A, |context| {
                context.complete();
                read(context, 1)
            })
        });
        let b = take(&process, MAIN, 1);
        assert!(!b.is_empty());
        check(&process, &[a.join().unwrap(), b]);
    });
}

/// `mapped` panics, and loom reports, if the reaper is at the ring when it goes.
#[test]
fn reaper_and_destroy() {
    explore(3, || {
        let process = process_with_stand_in(4, 2);
        let a = start(&process, |process| {
            let first = process.getevents(A, 1).unwrap_or_default();
            let second = process.getevents(A, 1).unwrap_or_default();
            [first, second].concat()
        });
        assert!(process.destroy(MAIN));
        let a = a.join().unwrap();
        assert!(a.iter().copied().eq(0..a.len() as u32), "{a:?}");
        let entry = process.registry.find(address(0).addr());
        assert!(entry.is_none_or(|entry| !entry.is_live(address(0).addr())));
    });
}

#[test]
#[ignore = "slow: make check-long"]
fn reaper_and_two_that_destroy() {
    explore(2, || {
        let process = process_with_stand_in(4, 1);
        let a = start(&process, |process| {
            process.getevents(A, 1).unwrap_or_default()
        });
        let b = start(&process, |process| vec![process.destroy(B).into()]);
        let destroyed = u32::from(process.destroy(MAIN)) + b.join().unwrap()[0];
        assert_eq!(destroyed, 1);
        a.join().unwrap();
    });
}

/// What a context still holds when it is destroyed is gone, but nothing is delivered twice; and
/// whoever revokes a claim is not at a ring that is gone.
#[test]
#[ignore = "slow: make check-long"]
fn reaper_caller_and_destroy() {
    explore(2, || {
        let process = process_with_stand_in(3, 1);
        let a = start(&process, |process| {
            let entry = entry(process);
            process.reap(entry, A, 1).unwrap_or_default()
        });
        let b = start(&process, |process| {
            let entry = entry(process);
            let read = |context: &Context| context.read(1);
            process.call(entry, B, read).unwrap_or_default()
        });
        assert!(process.destroy(MAIN));
        let taken = [a.join().unwrap(), b.join().unwrap()].concat();
        assert!(matches!(taken[..], [] | [0]), "{taken:?}");
    });
}

/// The kernel gives the address of a context that is being destroyed to a new one.
#[test]
#[ignore = "slow: make check-long"]
fn address_comes_again() {
    explore(2, || {
        let process = Process::new(&[3, 3]);
        process.contexts[0].complete();
        let a = start(&process, |process| {
            process.getevents(A, 1).unwrap_or_default()
        });
        let b = start(&process, |process| {
            if !process.setup(1, 0) {
                return Vec::new();
            }
            process.contexts[1].complete();
            process.contexts[1].complete();
            take(process, B, 1)
        });
        assert!(process.destroy(MAIN));
        let readers = [a.join().unwrap(), b.join().unwrap()];
        if process.contexts[1].completed().is_empty() {
            return;
        }
        let entry = entry(&process);
        assert!(
            entry.is_live(address(0).addr()),
            "the new context is not forgotten"
        );
        let rest = take(&process, MAIN, 2);
        let mut all = [readers.concat(), rest].concat();
        all.sort();
        let new = all.split_off(all.partition_point(|&event| event < 100));
        assert!(
            new.iter().copied().eq(process.contexts[1].completed()),
            "{readers:?} {new:?}"
        );
        assert!(all.len() <= 1, "{all:?}");
    });
}

/// The address comes again before the thread that destroyed the first context has given the entry
/// up: then there is one entry still, and it is the new context's, though another one is free.
#[test]
fn address_comes_again_before_the_entry_is_given_up() {
    explore(3, || {
        let process = Process::new(&[3, 3, 3]);
        assert!(process.setup(1, 1));
        assert!(process.destroy(MAIN));
        let a = start(&process, |process| {
            assert!(process.destroy_at(1, A));
            Vec::new()
        });
        let made = process.setup(2, 1);
        a.join().unwrap();
        let address = address(1).addr();
        let found = process.registry.find(address).expect("it is known");
        assert_eq!(found.is_live(address), made);
        let entries = process.registry.entries.iter();
        assert_eq!(entries.filter(|entry| entry.belongs_to(address)).count(), 1);
    });
}

/// Two contexts come, the second one at the address of the first that was. Its events are delivered
/// once, whatever the late call `a` does.
fn others_come(process: &Process, a: thread::JoinHandle<Vec<u32>>) {
    // Unless memory took the ring's place.
    if !process.setup(1, 2) || !process.setup(2, 0) {
        a.join().unwrap();
        return;
    }
    let context = &process.contexts[2];
    assert!(context.complete() && context.complete());
    let taken = take(process, MAIN, 1);
    let a = a.join().unwrap();
    let rest = take(process, MAIN, 2);
    let mut all = [&taken[..], &a, &rest].concat();
    all.sort();
    assert!(
        all.into_iter().eq(context.completed()),
        "{taken:?}, {a:?}, left {rest:?}"
    );
}

/// A caller with a stale handle: its context was destroyed, others came, and one of these has its
/// address again.
#[test]
fn address_comes_again_after_another() {
    explore(3, || {
        let process = Process::new(&[3, 3, 3]);
        // The call has begun when the context is destroyed.
        let begun = loom::sync::Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let a = {
            let begun = begun.clone();
            start(&process, move |process| {
                let entry = entry(process);
                begun.store(true, Release);
                let taken = process.reap(entry, A, 1);
                let read = |context: &Context| context.read(1);
                taken
                    .or_else(|| process.call(entry, A, read))
                    .unwrap_or_default()
            })
        };
        while !begun.load(Acquire) {
            thread::yield_now();
        }
        assert!(process.destroy(MAIN));
        others_come(&process, a);
    });
}

/// A late call with a handle whose context is gone, while the entry may be given to another
/// context.
#[test]
#[ignore = "slow: make check-long"]
fn late_caller_and_other_contexts() {
    explore(4, || {
        let process = Process::new(&[3, 3, 3]);
        let entry = entry(&process);
        assert!(process.destroy(MAIN));
        let a = start(&process, move |process| {
            let read = |context: &Context| context.read(1);
            process.call(entry, A, read).unwrap_or_default()
        });
        others_come(&process, a);
    });
}

/// This thread makes the second context at `place`: each of its events is delivered once, whatever the late call `a`
/// does.
fn made_beside_a_late_call(process: &Process, place: usize, a: thread::JoinHandle<Vec<u32>>) {
    assert!(process.setup(1, place));
    let context = &process.contexts[1];
    assert!(context.complete() && context.complete());
    let get = |nr| process.getevents_at(place, MAIN, nr).expect("it exists");
    let taken = get(1);
    let a = a.join().unwrap();
    let rest = get(2);
    let mut all = [&taken[..], &a, &rest].concat();
    all.sort();
    assert!(
        all.into_iter().eq(context.completed()),
        "{taken:?}, {a:?}, left {rest:?}"
    );
}

/// A call with a handle that has no entry, while a context is made there.
#[test]
#[ignore = "slow: make check-long"]
fn unknown_caller_and_a_new_context() {
    explore(3, || {
        let process = Process::new(&[3, 3]);
        let a = start(&process, |process| {
            process.getevents_at(1, A, 1).unwrap_or_default()
        });
        made_beside_a_late_call(&process, 1, a);
    });
}

/// The address comes again while the thread of a third context tries its entry, which is in use by a late call: that
/// is about to enter the kernel.
#[test]
#[ignore = "slow: make check-long"]
fn address_comes_again_while_its_entry_is_tried() {
    explore(3, || {
        let process = Process::new(&[3, 3]);
        let entry = entry(&process);
        assert!(process.destroy(MAIN));
        assert!(entry.gate.begin_call(A) && entry.belongs_to(address(0).addr()));
        let a = start(&process, move |process| {
            let context = process.space.ring_at(address(0));
            let taken = context.and_then(|context| process.contexts[context].read(1));
            entry.gate.end_call();
            taken.unwrap_or_default()
        });
        let b = start(&process, |process| {
            process.registry.insert(address(2).addr(), true, || true);
            Vec::new()
        });
        made_beside_a_late_call(&process, 0, a);
        b.join().unwrap();
    });
}

/// A late call that meets the entry while it is tried is a stranger, whom the maker of the next context there sees.
#[test]
fn stranger_that_met_the_entry_tried() {
    explore(3, || {
        let process = Process::new(&[3, 3]);
        let entry = entry(&process);
        assert!(process.destroy(MAIN));
        // So it stays this address's.
        assert!(entry.gate.begin_call(MAIN));
        let a = start(&process, move |process| {
            if entry.belongs_to(address(0).addr()) {
                return Vec::new();
            }
            process.getevents_at(0, A, 1).unwrap_or_default()
        });
        let b = start(&process, |process| {
            process.registry.insert(address(2).addr(), true, || true);
            Vec::new()
        });
        assert!(process.setup(1, 0));
        entry.gate.end_call();
        let context = &process.contexts[1];
        assert!(context.complete() && context.complete());
        let taken = take(&process, MAIN, 1);
        let a = a.join().unwrap();
        b.join().unwrap();
        let rest = take(&process, MAIN, 2);
        let mut all = [&taken[..], &a, &rest].concat();
        all.sort();
        assert!(all.into_iter().eq(context.completed()), "{taken:?}, {a:?}");
    });
}

/// The address was another engine's meanwhile.
#[test]
fn address_comes_again_after_it_was_given_up() {
    explore(3, || {
        let process = Process::new(&[3, 3]);
        let entry = entry(&process);
        assert!(process.destroy(MAIN));
        let a = start(&process, move |process| {
            let read = |context: &Context| context.read(1);
            process.call(entry, A, read).unwrap_or_default()
        });
        process.registry.give_up(address(0).addr());
        made_beside_a_late_call(&process, 0, a);
    });
}

/// A reaper comes late to a context that is destroyed, and stays inside the gate. If it has kept
/// the ring from being unmapped, its entry is not given to another context.
#[test]
fn entry_under_a_reaper_that_stays() {
    explore(3, || {
        let process = process_with_stand_in(3, 1);
        let entry = entry(&process);
        let a = start(&process, move |_| vec![entry.gate.enter(A).into()]);
        let c = start(&process, move |process| {
            process.registry.insert(address(2).addr(), true, || true);
            let other = process.registry.find(address(2).addr()).expect("room");
            vec![std::ptr::eq(entry, other).into()]
        });
        assert!(process.destroy(MAIN));
        let stayed = process.space.has_memory(0);
        assert_eq!(a.join().unwrap(), [1]);
        assert!(!(stayed && c.join().unwrap() == [1]));
    });
}

/// Another engine gets an address, while the entry that had it is given to another context.
#[test]
fn address_is_given_up_beside_another_context() {
    explore(3, || {
        let process = Process::new(&[3, 3]);
        assert!(process.destroy(MAIN));
        let a = start(&process, |process| {
            process.registry.give_up(address(0).addr());
            Vec::new()
        });
        process.registry.insert(address(2).addr(), true, || true);
        a.join().unwrap();
        let other = process.registry.find(address(2).addr()).expect("known");
        assert!(other.is_live(address(2).addr()));
        assert!(process.registry.find(address(0).addr()).is_none());
    });
}

/// A handler forks, and the child goes on with the call: its copy of the library's memory is empty.
/// It changes the parent's ring only where the fork comes between the load from that memory and the
/// change itself: before a claim, and before a commit.
#[test]
fn handler_forks() {
    let changes = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = changes.clone();
    explore_steps(1, move |steps| {
        let process = process(3, 2);
        let in_handler = {
            let process = process.clone();
            move || process.fork()
        };
        let (events, came) = interrupt(steps, in_handler, || process.getevents(MAIN, 1));
        count.fetch_add(process.child_changed_ring().into(), SeqCst);
        // What the child got: the event, or EINVAL; never that there is none.
        assert_ne!(events, Some(Vec::new()));
        came
    });
    assert_eq!(changes.load(SeqCst), 2);
}

/// The same, and in the handler the child makes and uses a context of its own, whose entry is that of
/// its parent's context. That makes no further change possible.
#[test]
fn handler_forks_and_makes_a_context() {
    let changes = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = changes.clone();
    explore_steps(1, move |steps| {
        let process = process_with_stand_in(3, 2);
        let in_handler = {
            let process = process.clone();
            move || {
                process.fork();
                assert!(process.setup(1, 1));
                assert!(process.contexts[1].complete());
                assert_eq!(process.getevents_at(1, MAIN, 1), Some(vec![100]));
            }
        };
        let (events, came) = interrupt(steps, in_handler, || process.getevents(MAIN, 1));
        count.fetch_add(process.child_changed_ring().into(), SeqCst);
        assert_ne!(events, Some(Vec::new()));
        came
    });
    assert_eq!(changes.load(SeqCst), 2);
}

/// The same beside a thread that counts itself in as a caller, so that a claim may have to be
/// withdrawn: a third change.
#[test]
fn handler_forks_beside_a_caller() {
    let changes = std::sync::Arc::new(Mutex::new(std::collections::BTreeSet::new()));
    let all = changes.clone();
    explore_steps(1, move |steps| {
        let process = process(3, 2);
        let entry = entry(&process);
        let caller = start(&process, move |_| {
            entry.gate.begin_call(A);
            Vec::new()
        });
        let in_handler = {
            let process = process.clone();
            move || process.fork()
        };
        let (_, came) = interrupt(steps, in_handler, || process.reap(entry, MAIN, 1));
        if process.child_changed_ring() {
            all.lock().unwrap().insert(steps[0]);
        }
        caller.join().unwrap();
        came
    });
    assert_eq!(changes.lock().unwrap().len(), 3);
}

type Threads = Vec<thread::JoinHandle<Vec<u32>>>;

/// Interrupts a thread that takes events, at every step, by handlers that call the library too.
/// `others` run at the same time.
fn interrupt_everywhere(
    handlers: usize,
    handler: fn(&Process) -> Vec<u32>,
    others: fn(&Arc<Process>) -> Threads,
) {
    // A handler beside another thread has many ways to go.
    explore_steps_with(1, handlers, move |steps| {
        let process = process(3, 2);
        let others = others(&process);
        let taken = std::sync::Arc::new(Mutex::new(Vec::new()));
        let in_handler = {
            let (process, taken) = (process.clone(), taken.clone());
            move || {
                let events = handler(&process);
                taken.lock().unwrap().push(events);
            }
        };
        let (events, all_came) = interrupt(steps, in_handler, || take(&process, MAIN, 2));
        let mut readers = vec![events];
        readers.append(&mut taken.lock().unwrap());
        readers.extend(others.into_iter().map(|other| other.join().unwrap()));
        check(&process, &readers);
        all_came
    });
}

fn nobody(_: &Arc<Process>) -> Threads {
    Vec::new()
}

/// So many that `head` comes back to where it was.
fn take_a_lap(process: &Process) -> Vec<u32> {
    take_by_system_call(process, MAIN, |context| {
        let step = |_| {
            let events = read(context, 1);
            context.complete();
            events
        };
        (0..context.nr()).flat_map(step).collect()
    })
}

#[test]
fn handler_takes_one() {
    interrupt_everywhere(1, |process| take(process, MAIN, 1), nobody);
}

#[test]
fn handler_takes_a_lap() {
    interrupt_everywhere(1, take_a_lap, nobody);
}

/// A handler that the gate does not recognise passes the reap that it interrupted all the same.
#[test]
fn unknown_handler_takes_a_lap() {
    interrupt_everywhere(
        1,
        |process| take_by_system_call(process, B, take_many),
        nobody,
    );
}

#[test]
fn two_handlers_take_one() {
    interrupt_everywhere(2, |process| take(process, MAIN, 1), nobody);
}

#[test]
fn two_handlers_take_a_lap() {
    interrupt_everywhere(2, take_a_lap, nobody);
}

#[test]
fn handler_and_another_reaper() {
    interrupt_everywhere(1, take_a_lap, |process| {
        vec![start(process, |process| reap(process, A, 1))]
    });
}

#[test]
fn handler_and_a_kernel_reader() {
    interrupt_everywhere(1, take_a_lap, |process| {
        vec![start(process, |process| {
            take_by_system_call(process, A, |context| read(context, 1))
        })]
    });
}

/// A handler leaves by longjmp, or its thread is cancelled: the call that it interrupted never goes
/// on. Events that the call had taken are gone with it, no others.
fn jump_everywhere(others: fn(&Arc<Process>) -> Threads) {
    explore_steps(1, move |steps| {
        let process = process(3, 2);
        let others = others(&process);
        let jump = || std::panic::resume_unwind(Box::new("longjmp"));
        let call = || {
            let call = std::panic::AssertUnwindSafe(|| take(&process, MAIN, 2));
            std::panic::catch_unwind(call).map_err(|panic| {
                // A check that failed is passed on.
                panic
                    .downcast::<&str>()
                    .map(|_| ())
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        };
        let (result, came) = interrupt(steps, jump, call);
        assert_eq!(came, result.is_err());
        let mut readers = vec![result.unwrap_or_default()];
        readers.extend(others.into_iter().map(|other| other.join().unwrap()));
        let context = &process.contexts[0];
        for thread in [MAIN, A] {
            context.complete();
            readers.push(take(&process, thread, 1));
        }
        let head = context.words.head.load(SeqCst);
        assert!(head < context.nr(), "head is a slot again");
        readers.push(read(context, usize::MAX));
        let all = readers.concat();
        let gone: Vec<_> = context
            .completed()
            .filter(|event| !all.contains(event))
            .collect();
        let mut once = all.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), all.len(), "{readers:?}");
        assert!(
            gone.is_empty() || came && gone.len() <= 2,
            "{readers:?}, gone {gone:?}"
        );
        came
    });
}

#[test]
fn handler_jumps() {
    jump_everywhere(nobody);
}

#[test]
#[ignore = "slow: make check-long"]
fn handler_jumps_beside_a_reaper() {
    jump_everywhere(|process| vec![start(process, |process| take(process, A, 1))]);
}

#[test]
#[ignore = "slow: make check-long"]
fn handler_jumps_beside_a_kernel_reader() {
    jump_everywhere(|process| {
        vec![start(process, |process| {
            take_by_system_call(process, A, take_many)
        })]
    });
}

/// The model fails where an interrupted reap goes on in a ring that is gone. `is_full`: there is no
/// room for more than the ring.
fn destroy_everywhere(is_full: bool) {
    explore_steps(1, move |steps| {
        let process = process_with_stand_in(3, 1);
        process.space.is_full.store(is_full, SeqCst);
        let in_handler = {
            let process = process.clone();
            move || assert!(process.destroy(MAIN))
        };
        let (events, came) = interrupt(steps, in_handler, || process.getevents(MAIN, 1));
        // Not that there is no event: there was one.
        assert!(matches!(events.as_deref(), None | Some([0])), "{events:?}");
        if came {
            assert_eq!(process.getevents(MAIN, 1), None);
        }
        came
    });
}

#[test]
fn handler_destroys() {
    destroy_everywhere(false);
}

#[test]
fn handler_destroys_where_room_is_short() {
    destroy_everywhere(true);
}

/// What a stand-in leaves of the address space, without another thread.
fn stand_in(change: fn(&Process), after: &'static str) {
    explore(0, move || {
        let process = process_with_stand_in(3, 1);
        change(&process);
        let nr = process.contexts[0].nr();
        // SAFETY: the ring is there.
        let moved = unsafe { stand_in::put_in_place_of(address(0), nr) };
        assert_eq!(process.space.map(), after);
        assert_eq!(moved, address(after.find('R').expect("the ring")));
    });
}

#[test]
fn memory_takes_a_rings_place() {
    stand_in(|_| (), "MR-");
    // Another thread's mapping, for a moment.
    stand_in(
        |process| process.space.is_in_the_way.store(true, SeqCst),
        "MR-",
    );
    stand_in(|process| process.space.is_fixed.store(true, SeqCst), "R--");
}
