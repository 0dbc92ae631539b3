//! Sleeping.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use loom::sync::{Condvar, Mutex};
use loom::thread::{ThreadId, current};

use super::errno::Errno;
use crate::descriptors::Descriptors;
use crate::sync::AtomicU32;

/// Which sleeps last until somebody wakes the thread: loom reports a wake-up that is lost. The others
/// are over at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// All but the shortest.
    Stands,
    /// Those of less than a second.
    Flies,
    /// Those of a second and more: who sleeps for less looks again.
    Hurries,
}

thread_local! {
    static TIME: Cell<Time> = const { Cell::new(Time::Stands) };
    static SLEEPERS: Cell<*const Sleepers> = const { Cell::new(ptr::null()) };
    /// How often a sleep was ended by another thread.
    static WOKEN: Cell<u32> = const { Cell::new(0) };
}

/// A shorter sleep is over at once.
const SHORT: i64 = 10_000_000;
/// One that is this long ends when time flies.
const LONG: i64 = 1_000_000_000;

/// Threads that sleep.
#[derive(Default)]
pub struct Sleepers {
    /// The threads that sleep, in the order in which they came.
    all: Mutex<Vec<Sleeper>>,
    woken: Condvar,
    /// What the kernel knows of the process's descriptors.
    pub descriptors: Descriptors,
}

struct Sleeper {
    thread: ThreadId,
    /// The address of the word.
    at: usize,
    is_woken: bool,
}

/// A process that lives until this is dropped.
pub struct Process(Box<Sleepers>);

impl Process {
    pub fn start(time: Time) -> Process {
        let process = Process(Box::default());
        TIME.set(time);
        WOKEN.set(0);
        SLEEPERS.set(&raw const *process.0);
        super::process::start();
        super::limits::set_open_files(1024);
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        SLEEPERS.set(ptr::null());
    }
}

/// The sleepers of the current process.
pub fn sleepers() -> &'static Sleepers {
    let sleepers = SLEEPERS.get();
    assert!(!sleepers.is_null(), "no process");
    unsafe { &*sleepers }
}

/// How often a thread of the process was woken so far.
pub fn times_woken() -> u32 {
    WOKEN.get()
}

/// Whether a second is over at once.
pub fn seconds_fly() -> bool {
    TIME.get() == Time::Flies
}

pub fn now() -> i64 {
    0
}

pub fn sleep(_nanoseconds: i64) {
    let_time_pass();
}

pub fn let_time_pass() {
    crate::sync::yield_now();
}

pub fn sleep_until(word: &AtomicU32, value: u32, deadline: i64) -> Result<(), Errno> {
    crate::signal::point();
    let is_over = match TIME.get() {
        Time::Stands => deadline < SHORT,
        Time::Flies => !(SHORT..LONG).contains(&deadline),
        Time::Hurries => deadline < LONG,
    };
    if is_over {
        let_time_pass();
        return Err(Errno::ETIMEDOUT);
    }
    let mut all = sleepers().all.lock().unwrap();
    // Who changes it and then wakes has had the lock before, or finds this thread.
    if word.in_kernel().load(Relaxed) != value {
        return Err(Errno::EAGAIN);
    }
    let thread = current().id();
    all.push(Sleeper {
        thread,
        at: ptr::from_ref(word).addr(),
        is_woken: false,
    });
    loop {
        all = sleepers().woken.wait(all).unwrap();
        let woken = |sleeper: &Sleeper| sleeper.thread == thread && sleeper.is_woken;
        if let Some(index) = all.iter().position(woken) {
            all.remove(index);
            break;
        }
    }
    WOKEN.set(WOKEN.get() + 1);
    Ok(())
}

pub fn wake(word: &AtomicU32, count: u32) {
    crate::signal::point();
    let at = ptr::from_ref(word).addr();
    let mut all = sleepers().all.lock().unwrap();
    let sleep = |sleeper: &&mut Sleeper| sleeper.at == at && !sleeper.is_woken;
    let mut is_any = false;
    for sleeper in all.iter_mut().filter(sleep).take(count as usize) {
        sleeper.is_woken = true;
        is_any = true;
    }
    drop(all);
    if is_any {
        sleepers().woken.notify_all();
    }
}
