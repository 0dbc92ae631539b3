//! Sleeping at words.

use std::cell::RefCell;
use std::ffi::c_long;
use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use super::errno::Errno;
pub use super::sleeping::now;
use super::sleeping::{SHORT, places};
use crate::abi::timespec;
use crate::signal;
use crate::sync::AtomicU32;

thread_local! {
    /// The threads that sleep, in the order in which they came.
    static SLEEPERS: RefCell<Vec<Sleeper>> = const { RefCell::new(Vec::new()) };
}

struct Sleeper {
    thread: loom::thread::ThreadId,
    /// The address of the word.
    at: usize,
    until: i64,
    is_woken: bool,
}

/// A process starts.
pub fn start() {
    SLEEPERS.take();
}

/// Waits until so many threads sleep that nobody has woken, not counting those whose time is over at once.
pub fn wait_for_sleepers(count: usize) {
    let sleeps = |sleeper: &&Sleeper| !sleeper.is_woken && sleeper.until - now() >= SHORT;
    while SLEEPERS.with_borrow(|all| all.iter().filter(sleeps).count()) < count {
        crate::sync::yield_now();
    }
}

pub fn as_timespec(nanoseconds: i64) -> timespec {
    timespec {
        tv_sec: nanoseconds / 1_000_000_000,
        tv_nsec: nanoseconds % 1_000_000_000,
    }
}

pub fn sleep(_: c_long) {
    signal::point();
    crate::sync::yield_now();
}

pub fn sleep_until(word: &AtomicU32, value: u32, deadline: i64) -> Result<(), Errno> {
    let thread = loom::thread::current().id();
    let at = ptr::from_ref(word).addr();
    let mut sleeps = false;
    let slept = places().words.sleep(deadline, || {
        if !sleeps {
            if word.in_kernel().load(Relaxed) != value {
                return Some(Err(Errno::EAGAIN));
            }
            sleeps = true;
            SLEEPERS.with_borrow_mut(|all| {
                all.push(Sleeper {
                    thread,
                    at,
                    until: deadline,
                    is_woken: false,
                });
            });
            return None;
        }
        let is_woken = |sleeper: &Sleeper| sleeper.thread == thread && sleeper.is_woken;
        SLEEPERS
            .with_borrow(|all| all.iter().any(is_woken))
            .then_some(Ok(()))
    });
    if sleeps {
        SLEEPERS.with_borrow_mut(|all| all.retain(|sleeper| sleeper.thread != thread));
    }
    slept?
}

pub fn wake(word: &AtomicU32, count: u32) {
    woken(word, count);
}

pub fn woken(word: &AtomicU32, count: u32) -> u32 {
    signal::point();
    let at = ptr::from_ref(word).addr();
    let sleep = |sleeper: &&mut Sleeper| sleeper.at == at && !sleeper.is_woken;
    places().words.change(|| {
        SLEEPERS.with_borrow_mut(|all| {
            let those = all.iter_mut().filter(sleep).take(count as usize);
            those.map(|sleeper| sleeper.is_woken = true).count() as u32
        })
    })
}
