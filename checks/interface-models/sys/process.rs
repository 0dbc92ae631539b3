//! The process: its memory, and its threads.

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use loom::thread::{JoinHandle, ThreadId};

use super::sleeping::Life;
use super::{files, futex, memory, notifications, signals, sleeping, sockets};
use crate::libaio;
use crate::requests::process::{PROCESS, Process};
use crate::sync::AtomicU32;

thread_local! {
    static STARTED: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
    /// Threads of the library that have not ended.
    static LIVING: Cell<u32> = const { Cell::new(0) };
    /// How many more threads can be had.
    static LEFT: Cell<u32> = const { Cell::new(u32::MAX) };
    static IDENTITIES: RefCell<Vec<(ThreadId, usize)>> = const { RefCell::new(Vec::new()) };
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    Small,
    Ordinary,
}

/// A process starts: it has zeroes, and lives until the result is dropped.
pub fn start() -> Life {
    STARTED.take();
    IDENTITIES.take();
    LIVING.set(0);
    LEFT.set(u32::MAX);
    files::start();
    futex::start();
    memory::start();
    notifications::start();
    signals::start();
    sockets::start();
    let process = (&raw const PROCESS).cast_mut();
    unsafe { process.cast::<u8>().write_bytes(0, size_of::<Process>()) };
    let life = Life::start();
    libaio::start();
    // What threads use that nothing orders.
    PROCESS.prepare();
    PROCESS.limit.in_kernel().load(Relaxed);
    PROCESS.table.is_of(1, 0);
    PROCESS.ring.has_unread();
    // Behind the context's address are words.
    use_words(&PROCESS.ring, size_of::<usize>() / 4);
    use_words(&PROCESS.glimpse, 0);
    life
}

/// Uses the words that a part consists of, from that one on.
fn use_words<T>(part: &T, first: usize) {
    let words: *const AtomicU32 = ptr::from_ref(part).cast();
    for at in first..size_of::<T>() / 4 {
        unsafe { &*words.add(at) }.in_kernel().load(Relaxed);
    }
}

/// Lets so many threads more be had.
pub fn set_threads(threads: u32) {
    LEFT.set(threads);
}

/// Runs `body` as a thread of that identity.
pub fn as_thread<T>(identity: usize, body: impl FnOnce() -> T) -> T {
    let own = loom::thread::current().id();
    IDENTITIES.with_borrow_mut(|all| all.push((own, identity)));
    let result = body();
    IDENTITIES.with_borrow_mut(|all| all.retain(|one| one.0 != own));
    result
}

/// A thread of the program begins.
pub fn spawn<T: 'static>(identity: usize, body: impl FnOnce() -> T + 'static) -> JoinHandle<T> {
    loom::thread::spawn(move || as_thread(identity, body))
}

/// Who the current thread is: a word's number times 64. The library's have none.
pub fn identity() -> usize {
    let own = loom::thread::current().id();
    let found = IDENTITIES.with_borrow(|all| all.iter().rev().find(|one| one.0 == own).copied());
    found.map_or(64 * 59, |(_, identity)| 64 * identity)
}

pub trait Run {
    fn run(&self);
}

/// # Safety
/// `work` stays until [`join_all`].
pub unsafe fn start_thread<R: Run>(work: &R, _: Stack) -> bool {
    crate::signal::point();
    let left = LEFT.get();
    if left == 0 {
        crate::sync::yield_now();
        return false;
    }
    LEFT.set(left - 1);
    LIVING.set(LIVING.get() + 1);
    let (run, work): (unsafe fn(usize), usize) =
        (run::<R>, ptr::from_ref(work).expose_provenance());
    let thread = loom::thread::spawn(move || {
        unsafe { run(work) };
        LIVING.set(LIVING.get() - 1);
    });
    STARTED.with_borrow_mut(|all| all.push(thread));
    true
}

unsafe fn run<R: Run>(work: usize) {
    unsafe { &*ptr::with_exposed_provenance::<R>(work) }.run();
}

/// Lets seconds go by until all threads of the library have ended. In which order they do so is not explored.
pub fn end() {
    loom::stop_exploring();
    while LIVING.get() != 0 {
        sleeping::tick(2_000_000_000);
        crate::sync::yield_now();
    }
    while let Some(thread) = STARTED.with_borrow_mut(Vec::pop) {
        thread.join().unwrap();
    }
    loom::explore();
}

/// There is one process.
pub fn id() -> c_int {
    1
}

/// The program is told the signal's number.
pub fn send_signal(signal: c_int) {
    notifications::tell(signal as usize);
}
