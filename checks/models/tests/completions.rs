//! What must hold of a ring that the threads engine fills, however posters and takers interleave:
//! every event is delivered once, in the order of its poster; the ring is never filled beyond its
//! capacity; and a program that reads the ring by itself finds what there is.

use std::sync::atomic::Ordering::{Acquire, Release, SeqCst};

use loom::sync::Arc;
use loom::thread;

use crate::abi::io_event;
use crate::engine::threads::completions::Completions;
use crate::explore::explore;
use crate::slots::{self, NOTHING, Ring};
use crate::sys::futex::{Process, Time};

/// One context: an event's number divided by ten is its poster, and posters count up.
struct Context {
    completions: Completions,
    ring: Ring,
    nr: u32,
}

fn context(nr: u32, one_reader: bool) -> Arc<Context> {
    let ring = Ring::new(nr, one_reader);
    let completions = Completions::default();
    completions.start(ring.address(), nr);
    Arc::new(Context {
        completions,
        ring,
        nr,
    })
}

impl Context {
    /// One request: accepted, carried out, posted.
    fn post(&self, number: u32) {
        assert!(self.completions.accept(), "room for {number}");
        self.completions.post(io_event::of(number, 0), || ());
    }

    fn take(&self, at_most: u32) -> Vec<u32> {
        let mut events = vec![io_event::of(NOTHING, 0); at_most as usize];
        let count = unsafe { self.completions.take(at_most, events.as_mut_ptr()) };
        numbers(&events[..count as usize])
    }

    /// What a program does that reads the ring by itself: takes one event.
    fn take_by_program(&self) -> Option<u32> {
        let header = self.ring.header();
        let head = header.head.load(Acquire);
        if head == header.tail.load(Acquire) {
            return None;
        }
        let slot = self.ring.address().wrapping_add(1).cast::<io_event>();
        let event = unsafe { slots::read(slot.wrapping_add(head as usize)) };
        header.head.store((head + 1) % self.nr, Release);
        Some(event.number)
    }

    /// Checks that the readers and the ring have the events that were posted, each once.
    fn check(&self, readers: &[Vec<u32>], mut posted: Vec<u32>) {
        let header = self.ring.header();
        let (head, tail) = (header.head.load(SeqCst), header.tail.load(SeqCst));
        let shown = (tail + self.nr - head) % self.nr;
        assert_eq!(self.completions.available(), shown);
        let rest = self.take(self.nr);
        assert_eq!(rest.len() as u32, shown);
        for reader in readers {
            in_order(&[&reader[..], &rest].concat());
        }
        let mut all = [readers.concat(), rest].concat();
        all.sort();
        posted.sort();
        assert_eq!(all, posted, "{readers:?}");
        let room = (0..self.nr).take_while(|_| self.completions.accept());
        let room = room.count() as u32;
        assert_eq!(room, self.nr - 1, "all slots but one are free again");
    }
}

fn numbers(events: &[io_event]) -> Vec<u32> {
    let numbers: Vec<_> = events.iter().map(|event| event.number).collect();
    assert!(!numbers.contains(&NOTHING), "{numbers:?}");
    numbers
}

/// Each poster's events are in order.
fn in_order(events: &[u32]) {
    for poster in 0..10 {
        let its = events.iter().filter(|&number| number / 10 == poster);
        assert!(its.is_sorted(), "{events:?}");
    }
}

fn in_process(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    explore(preemptions, move || {
        let _process = Process::start(Time::Stands);
        model();
    });
}

fn start<T: 'static>(
    context: &Arc<Context>,
    body: impl FnOnce(&Context) -> T + 'static,
) -> thread::JoinHandle<T> {
    let context = context.clone();
    thread::spawn(move || body(&context))
}

#[test]
fn two_posters() {
    in_process(3, || {
        let context = context(4, true);
        let other = start(&context, |context| context.post(10));
        context.post(20);
        context.post(21);
        other.join().unwrap();
        context.check(&[], vec![10, 20, 21]);
    });
}

#[test]
fn poster_and_taker() {
    in_process(3, || {
        let context = context(3, true);
        let poster = start(&context, |context| [10, 11].map(|n| context.post(n)));
        let taken = [context.take(1), context.take(2)].concat();
        poster.join().unwrap();
        context.check(&[taken], vec![10, 11]);
    });
}

#[test]
fn two_takers() {
    in_process(3, || {
        let context = context(3, false);
        for number in [10, 11] {
            context.post(number);
        }
        let other = start(&context, |context| context.take(1));
        let taken = context.take(2);
        context.check(&[other.join().unwrap(), taken], vec![10, 11]);
    });
}

/// The ring has two slots to use, and a slot is filled again as soon as its event was taken.
fn goes_over_the_end<T: IntoIterator<Item = u32> + 'static>(take: fn(&Context) -> T) {
    in_process(2, move || {
        let context = context(3, true);
        let poster = start(&context, |context| {
            for number in 10..14 {
                while !context.completions.accept() {
                    crate::sync::yield_now();
                }
                context.completions.post(io_event::of(number, 0), || ());
            }
        });
        let mut taken = Vec::new();
        while taken.len() < 4 {
            taken.extend(take(&context));
            crate::sync::yield_now();
        }
        poster.join().unwrap();
        context.check(&[taken], (10..14).collect());
    });
}

#[test]
fn over_the_end() {
    goes_over_the_end(|context| context.take(2));
}

/// The same with a program that reads the ring by itself.
#[test]
fn the_program_reads_over_the_end() {
    goes_over_the_end(|context| context.take_by_program());
}

/// Both posters see what the program has taken, and fill the ring no further.
#[test]
fn two_posters_beside_the_program() {
    in_process(2, || {
        let context = context(3, true);
        let posters = [10, 20].map(|number| {
            start(&context, move |context| {
                let numbers = number..number + 2;
                numbers
                    .take_while(|&number| {
                        let accepted = context.completions.accept();
                        if accepted {
                            context.completions.post(io_event::of(number, 0), || ());
                        }
                        accepted
                    })
                    .collect::<Vec<_>>()
            })
        });
        let taken: Vec<_> = (0..2).filter_map(|_| context.take_by_program()).collect();
        let posted = posters.map(|poster| poster.join().unwrap()).concat();
        context.check(&[taken], posted);
    });
}

/// Requests in flight and events that wait are all slots but one, at most.
#[test]
fn no_more_than_all_but_one() {
    in_process(3, || {
        let context = context(3, true);
        context.post(10);
        let other = start(&context, |context| context.completions.accept());
        let accepted = (0..2).filter(|_| context.completions.accept()).count();
        let other = other.join().unwrap();
        assert_eq!(accepted + usize::from(other), 1);
        assert!(!context.completions.has_room());
        context.completions.refuse();
        assert!(context.completions.has_room());
    });
}

/// Events are looked at, and stay.
#[test]
fn events_are_looked_at() {
    in_process(2, || {
        let context = context(3, true);
        for number in [10, 11, 12] {
            context.post(number);
            if number == 10 {
                assert_eq!(context.take(1), [10]);
            }
        }
        let mut events = [io_event::of(NOTHING, 0); 2];
        unsafe { context.completions.peek(2, events.as_mut_ptr()) };
        assert_eq!(numbers(&events), [11, 12]);
        context.check(&[], vec![11, 12]);
    });
}
