//! Threads: those that the library starts, and how many the process has.

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::ptr;

use loom::thread::JoinHandle;

use super::futex::let_time_pass;
use crate::descriptors;

thread_local! {
    /// How many more threads can be had.
    static LEFT: Cell<u32> = const { Cell::new(0) };
    static STARTED: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
    /// Numbers of the threads that the process has, and what each does. Not loom's: everybody sees
    /// what is, and nobody is ordered by it.
    static LIVING: RefCell<Vec<(c_int, &'static str)>> = const { RefCell::new(Vec::new()) };
    static LAST_NUMBER: Cell<c_int> = const { Cell::new(0) };
    /// What the thread did that ended last, of each kind how many were started.
    static ENDED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    static OWN: RefCell<Vec<(loom::thread::ThreadId, c_int)>> = const { RefCell::new(Vec::new()) };
}

/// What the program's own threads do.
const PROGRAM: &str = "the program";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    Small,
    Ordinary,
}

/// A process starts, with one thread, and can have as many as it wants.
pub fn start() {
    STARTED.take();
    ENDED.take();
    OWN.take();
    LEFT.set(u32::MAX);
    LAST_NUMBER.set(1);
    LIVING.set(vec![(1, PROGRAM)]);
}

/// Lets so many threads more be had.
pub fn set_threads(threads: u32) {
    LEFT.set(threads);
}

/// The program's thread ends, and the process goes on.
pub fn main_thread_ends() {
    descriptors::step();
    end(1);
}

/// What threads did that ended, the last one last. Types, but for the program's.
pub fn ended() -> Vec<&'static str> {
    ENDED.with_borrow(Clone::clone)
}

fn end(number: c_int) {
    LIVING.with_borrow_mut(|living| {
        let index = living.iter().position(|thread| thread.0 == number).unwrap();
        let (_, kind) = living.remove(index);
        ENDED.with_borrow_mut(|ended| ended.push(kind));
    });
}

pub trait Run {
    fn run(&self);
}

/// # Safety
/// `work` stays until [`join_all`].
pub unsafe fn start_thread<R: Run>(work: &R, _stack: Stack) -> bool {
    crate::signal::point();
    let left = LEFT.get();
    if left == 0 {
        let_time_pass();
        return false;
    }
    LEFT.set(left - 1);
    let number = LAST_NUMBER.get() + 1;
    LAST_NUMBER.set(number);
    LIVING.with_borrow_mut(|living| living.push((number, type_name::<R>())));
    let table = descriptors::share_table();
    let (run, work): (unsafe fn(usize), usize) =
        (run::<R>, ptr::from_ref(work).expose_provenance());
    let thread = loom::thread::spawn(move || {
        let own = loom::thread::current().id();
        OWN.with_borrow_mut(|all| all.push((own, number)));
        descriptors::use_table(table);
        unsafe { run(work) };
        descriptors::thread_ends();
        descriptors::step();
        end(number);
    });
    STARTED.with_borrow_mut(|all| all.push(thread));
    true
}

unsafe fn run<R: Run>(work: usize) {
    unsafe { &*ptr::with_exposed_provenance::<R>(work) }.run();
}

/// Waits for the ends of the threads that were started.
pub fn join_all() {
    while let Some(thread) = STARTED.with_borrow_mut(Vec::pop) {
        thread.join().unwrap();
    }
}

pub fn thread_id() -> c_int {
    let own = loom::thread::current().id();
    OWN.with_borrow(|all| all.iter().find(|one| one.0 == own).map_or(1, |one| one.1))
}

pub fn has_thread(number: c_int) -> bool {
    descriptors::step();
    LIVING.with_borrow(|living| living.iter().any(|thread| thread.0 == number))
}

pub fn threads() -> Option<u32> {
    descriptors::step();
    Some(LIVING.with_borrow(|living| living.len() as u32))
}

pub fn wait_for_ends() {}

/// There is one process.
pub fn id() -> c_int {
    1
}
