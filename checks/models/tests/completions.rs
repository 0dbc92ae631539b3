//! What must hold of a ring that the threads engine fills, however posters, takers and signal
//! handlers interleave: every event is delivered once, in the order of its poster, and `tail` shows
//! what there is.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use loom::sync::Arc;
use loom::thread;

use crate::abi::{aio_ring, io_event};
use crate::engine::threads::completions::{Completions, Signal};
use crate::explore::{explore, explore_steps};
use crate::signal::interrupt;
use crate::slots::{NOTHING, Ring};
use crate::sync::AtomicU32;
use crate::sys::eventfd;

/// One context: an event's number divided by ten is its poster, and posters count up.
struct Context {
    completions: Completions,
    ring: Ring,
    nr: u32,
    /// What `completions` keeps beside each slot.
    _marks: Vec<[AtomicU32; 2]>,
}

fn context(nr: u32, one_reader: bool) -> Arc<Context> {
    let ring = Ring::new(nr, one_reader);
    let mut marks: Vec<_> = (0..nr)
        .map(|_| Default::default())
        .collect::<Vec<[AtomicU32; 2]>>();
    assert_eq!(Completions::bytes(nr), size_of_val(&marks[..]));
    let completions = Completions::default();
    completions.start(ring.address(), marks.as_mut_ptr().cast(), nr);
    Arc::new(Context {
        completions,
        ring,
        nr,
        _marks: marks,
    })
}

impl Context {
    /// One request: accepted, carried out, posted.
    fn post(&self, number: u32) {
        assert!(self.completions.has_room(), "room for {number}");
        assert!(self.completions.accept(), "room for {number}");
        let signal = Signal::of_program(number as i32);
        self.completions.post(io_event(number), signal);
    }

    fn take(&self, at_most: u32) -> Vec<u32> {
        let mut events = vec![io_event(NOTHING); at_most as usize];
        let count = unsafe { self.completions.take(at_most, events.as_mut_ptr()) };
        events.truncate(count as usize);
        let numbers: Vec<_> = events.into_iter().map(|event| event.0).collect();
        assert!(!numbers.contains(&NOTHING), "{numbers:?}");
        numbers
    }

    /// What a program finds that reads the ring itself.
    fn shown(&self) -> u32 {
        let header = self.ring.header();
        let (head, tail) = (header.head.load(SeqCst), header.tail.load(SeqCst));
        assert!(head < self.nr && tail < self.nr);
        (tail + self.nr - head) % self.nr
    }

    /// Checks that the readers and the ring have the events that were posted, each once.
    fn check(&self, readers: &[Vec<u32>], mut posted: Vec<u32>) {
        let shown = self.shown();
        let rest = self.take(self.nr);
        assert_eq!(
            rest.len() as u32,
            shown,
            "a reader of the ring sees all that is left"
        );
        for reader in readers {
            in_order(reader);
            in_order(&[&reader[..], &rest].concat());
        }
        let mut all = [readers.concat(), rest].concat();
        all.sort();
        posted.sort();
        assert_eq!(all, posted, "{readers:?}");
        assert_eq!(self.completions.available(), 0);
        let room = (0..self.nr).take_while(|_| self.completions.accept());
        assert_eq!(
            room.count() as u32,
            self.nr - 1,
            "all slots but one are free again"
        );
    }
}

/// Each poster's events are in order.
fn in_order(events: &[u32]) {
    for poster in 0..10 {
        assert!(
            events
                .iter()
                .filter(|&number| number / 10 == poster)
                .is_sorted(),
            "{events:?}"
        );
    }
}

fn start(
    context: &Arc<Context>,
    body: impl FnOnce(&Context) -> Vec<u32> + 'static,
) -> thread::JoinHandle<Vec<u32>> {
    let context = context.clone();
    thread::spawn(move || body(&context))
}

fn post(context: &Context, numbers: &[u32]) -> Vec<u32> {
    for &number in numbers {
        context.post(number);
    }
    Vec::new()
}

#[test]
fn two_posters() {
    explore(3, || {
        let context = context(4, true);
        let a = start(&context, |context| post(context, &[10]));
        post(&context, &[20, 21]);
        a.join().unwrap();
        context.check(&[], vec![10, 20, 21]);
    });
}

#[test]
fn poster_and_taker() {
    explore(3, || {
        let context = context(3, true);
        let a = start(&context, |context| post(context, &[10, 11]));
        let taken = [context.take(1), context.take(2)].concat();
        a.join().unwrap();
        context.check(&[taken], vec![10, 11]);
    });
}

#[test]
fn two_posters_and_taker() {
    explore(2, || {
        let context = context(4, true);
        let a = start(&context, |context| post(context, &[10]));
        let b = start(&context, |context| post(context, &[20]));
        let taken = [context.take(1), context.take(1)].concat();
        a.join().unwrap();
        b.join().unwrap();
        context.check(&[taken], vec![10, 20]);
    });
}

/// The ring has two slots to use, and a slot is filled again as soon as its event was taken.
#[test]
fn over_the_end() {
    explore(2, || {
        let context = context(3, true);
        let a = start(&context, |context| {
            for number in 10..15 {
                while !context.completions.accept() {
                    crate::sync::yield_now();
                }
                context
                    .completions
                    .post(io_event(number), Signal::default());
            }
            Vec::new()
        });
        let mut taken = Vec::new();
        while taken.len() < 5 {
            taken.extend(context.take(2));
            crate::sync::yield_now();
        }
        a.join().unwrap();
        context.check(&[taken], (10..15).collect());
    });
}

#[test]
fn two_takers() {
    explore(3, || {
        let context = context(3, false);
        post(&context, &[10, 11]);
        let a = start(&context, |context| context.take(1));
        let taken = context.take(2);
        context.check(&[a.join().unwrap(), taken], vec![10, 11]);
    });
}

/// A taker that is late finds `head` where it was, and other events there.
#[test]
fn two_takers_over_the_end() {
    explore(2, || {
        let context = context(3, false);
        post(&context, &[10, 11]);
        let a = start(&context, |context| context.take(1));
        let mut taken = Vec::new();
        for number in 20..23 {
            taken.extend(context.take(1));
            if context.completions.accept() {
                context
                    .completions
                    .post(io_event(number), Signal::default());
            }
        }
        let a = a.join().unwrap();
        let mut posted = [a.clone(), taken.clone()].concat();
        posted.sort();
        let rest = context.take(3);
        in_order(&taken);
        posted.extend(&rest);
        posted.sort();
        let expected: Vec<_> = [10, 11, 20, 21, 22]
            .into_iter()
            .take(posted.len())
            .collect();
        assert_eq!(posted, expected, "{a:?} {taken:?} {rest:?}");
        assert_eq!(context.shown(), 0);
    });
}

/// The event of a thread that waits no longer is never refused for lack of room that there is.
#[test]
fn room_for_all_but_one() {
    explore(3, || {
        let context = context(3, true);
        let a = start(&context, |context| {
            post(context, &[10]);
            let mut taken = context.take(1);
            post(context, &[11]);
            taken.extend(context.take(1));
            taken
        });
        assert!(context.completions.has_room());
        assert!(context.completions.accept());
        let taken = a.join().unwrap();
        context.completions.refuse();
        context.check(&[taken], vec![10, 11]);
    });
}

#[test]
fn no_more_than_all_but_one() {
    explore(3, || {
        let context = context(3, false);
        post(&context, &[10]);
        let a = start(&context, |context| {
            let mut taken = context.take(1);
            if context.completions.accept() {
                context.completions.post(io_event(11), Signal::default());
                taken.push(11);
            }
            taken
        });
        let accepted = (0..3).filter(|_| context.completions.accept()).count();
        let other = a.join().unwrap();
        // The other's event is in the ring, if it got the room.
        assert!(accepted + usize::from(other.contains(&11)) <= 2);
    });
}

/// Notes which eventfds are signalled during a model, and calls `check` each time.
fn signals(model: fn(&Arc<Context>), check: fn(&aio_ring, usize)) {
    explore(2, move || {
        let context = context(4, true);
        let signalled = Rc::new(RefCell::new(Vec::new()));
        let (seen, header) = (signalled.clone(), context.ring.address());
        let watch = eventfd::watch_signals(move |fd| {
            seen.borrow_mut().push(fd);
            check(unsafe { &*header }, seen.borrow().len());
        });
        model(&context);
        drop(watch);
        signalled.borrow_mut().sort();
        assert_eq!(*signalled.borrow(), [10, 20, 21]);
        context.check(&[], vec![10, 20, 21]);
    });
}

#[test]
fn each_eventfd_is_signalled_once() {
    let posters = |context: &Arc<Context>| {
        let a = start(context, |context| post(context, &[10]));
        post(context, &[20, 21]);
        a.join().unwrap();
    };
    signals(posters, |_, _| ());
}

#[test]
fn events_are_visible_when_their_eventfd_is_signalled() {
    let poster = |context: &Arc<Context>| drop(post(context, &[10, 20, 21]));
    signals(poster, |ring, signals| {
        assert!(ring.tail.load(Relaxed) as usize >= signals);
    });
}

/// Interrupts a thread at every step by handlers.
fn interrupt_everywhere(
    handlers: usize,
    handler: fn(&Context, u32) -> Vec<u32>,
    interrupted: fn(&Context) -> Vec<u32>,
    before: &'static [u32],
    posted: fn(usize) -> Vec<u32>,
) {
    explore_steps(handlers, move |steps| {
        let context = context(5, false);
        post(&context, before);
        let taken = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let in_handler = {
            let (context, taken) = (context.clone(), taken.clone());
            move || {
                let number = 30 + 2 * taken.lock().unwrap().len() as u32;
                taken.lock().unwrap().push(Vec::new());
                let events = handler(&context, number);
                taken.lock().unwrap().push(events);
            }
        };
        let (events, all_came) = interrupt(steps, in_handler, || interrupted(&context));
        let mut readers = vec![events];
        readers.append(&mut taken.lock().unwrap());
        let came = readers.len() / 2;
        context.check(&readers, [before.to_vec(), posted(came)].concat());
        all_came
    });
}

#[test]
fn handler_posts_while_posting() {
    interrupt_everywhere(
        1,
        |context, number| post(context, &[number]),
        |context| post(context, &[20]),
        &[],
        |came| [20, 30][..=came].to_vec(),
    );
}

/// The handler finds its own event, although the interrupted one is in front of it.
#[test]
fn handler_posts_and_takes_while_posting() {
    interrupt_everywhere(
        1,
        |context, number| {
            post(context, &[number, number + 1]);
            let taken = context.take(1);
            assert!(!taken.is_empty());
            taken
        },
        |context| post(context, &[20]),
        &[],
        |came| [20, 30, 31][..=came * 2].to_vec(),
    );
}

/// A handler keeps the interrupted code from marking its slot ready, until another thread takes the
/// events behind it aside; then both go on at once.
#[test]
fn another_thread_takes_aside() {
    explore_steps(1, |steps| {
        let context = context(5, true);
        let other = start(&context, |context| {
            crate::sync::yield_now();
            context.take(1)
        });
        let in_handler = {
            let context = context.clone();
            move || {
                post(&context, &[30, 31]);
                for _ in 0..3 {
                    crate::sync::yield_now();
                }
            }
        };
        let (_, came) = interrupt(steps, in_handler, || post(&context, &[20]));
        let taken = other.join().unwrap();
        let posted = if came { vec![20, 30, 31] } else { vec![20] };
        context.check(&[taken], posted);
        came
    });
}

#[test]
fn handler_takes_while_taking() {
    interrupt_everywhere(
        1,
        |context, _| context.take(1),
        |context| context.take(2),
        &[10, 11],
        |_| vec![],
    );
}

#[test]
fn handler_takes_a_lap_while_taking() {
    interrupt_everywhere(
        1,
        |context, number| {
            let mut taken = Vec::new();
            for number in number..number + 5 {
                taken.extend(context.take(1));
                context.post(number);
            }
            taken
        },
        |context| context.take(1),
        &[10, 11],
        |came| (30..30 + 5 * came as u32).collect(),
    );
}
