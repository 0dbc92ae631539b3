//! What must hold of the library's threads among the program's: one keeper is there as long as others
//! are, and the last thread of the process is none that has another descriptor table.

use std::sync::atomic::Ordering::Relaxed;

use loom::sync::Arc;
use loom::sync::atomic::AtomicU32;
use loom::thread;

use crate::explore::explore;
use crate::staff::counted::crew::Crew;
use crate::sys::futex::{Process, Time};
use crate::sys::process::{self, Run, join_all, set_threads};
use crate::sys::signals::Signals;

/// A helper: it may start another one, and ends.
#[derive(Default)]
struct Helper {
    crew: Crew,
    /// How many it starts.
    others: AtomicU32,
}

impl Run for Helper {
    fn run(&self) {
        if self.others.fetch_add(u32::MAX, Relaxed) == 1 {
            unsafe { self.crew.start_another(self) };
        }
        self.crew.leave();
    }
}

fn helper(others: u32) -> Arc<Helper> {
    let helper = Arc::new(Helper::default());
    helper.others.store(others, Relaxed);
    helper.crew.set_process(process::id());
    helper
}

fn start(helper: &Helper) -> bool {
    unsafe { helper.crew.start(helper, Signals) }
}

/// How many threads of a kind have ended.
fn ended(kind: &str) -> usize {
    let ended = process::ended();
    ended.iter().filter(|other| other.contains(kind)).count()
}

/// The program's thread ends beside the helpers.
fn main_thread_ends(others: u32) {
    explore(2, move || {
        let _process = Process::start(Time::Stands);
        let helper = helper(others);
        assert!(start(&helper));
        process::main_thread_ends();
        join_all();
        let all = process::ended();
        assert!(!all.last().unwrap().contains("Helper"), "{all:?}");
        assert_eq!(ended("crew::Crew"), 1);
        // If the program's ended first, somebody is there for the handlers of the end.
        if all[0] == "the program" {
            assert_eq!(ended("Heir"), 1, "{all:?}");
        }
    });
}

#[test]
fn the_last_thread_of_the_program_ends() {
    main_thread_ends(0);
}

#[test]
fn the_last_thread_ends_while_a_helper_starts_another() {
    main_thread_ends(1);
}

/// While the program has a thread, nothing takes its place.
#[test]
fn the_program_goes_on() {
    explore(2, || {
        let _process = Process::start(Time::Stands);
        let helper = helper(0);
        assert!(start(&helper));
        helper.crew.wait_until_gone();
        join_all();
        assert_eq!(ended("Heir"), 0);
        assert_eq!(process::threads(), Some(1));
    });
}

/// When all are gone, the keeper is, and is there again with the next thread.
#[test]
fn all_end_and_others_begin() {
    explore(2, || {
        let _process = Process::start(Time::Stands);
        let helper = helper(0);
        for _ in 0..2 {
            assert!(start(&helper));
        }
        helper.crew.wait_until_gone();
        assert_eq!(process::threads(), Some(1));
        join_all();
        let keepers = ended("crew::Crew");
        assert!((1..=2).contains(&keepers));
    });
}

/// Two threads of the program start the first one.
#[test]
fn two_that_start() {
    explore(1, || {
        let _process = Process::start(Time::Stands);
        let helper = helper(0);
        let its = helper.clone();
        let other = thread::spawn(move || start(&its));
        set_threads(3);
        start(&helper);
        other.join().unwrap();
        helper.crew.wait_until_gone();
        join_all();
        assert_eq!(process::threads(), Some(1));
    });
}

/// Without a keeper there is no other thread, and a keeper alone goes.
#[test]
fn no_thread_to_be_had() {
    for threads in 0..3 {
        explore(2, move || {
            let _process = Process::start(Time::Stands);
            set_threads(threads);
            let helper = helper(1);
            assert_eq!(start(&helper), threads > 1);
            helper.crew.wait_until_gone();
            join_all();
            assert_eq!(process::threads(), Some(1));
        });
    }
}
