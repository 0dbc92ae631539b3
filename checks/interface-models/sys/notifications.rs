//! What the program is told: signals, and calls in new threads.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};

use super::errno::Errno;
use super::process;
use super::process::{Run, Stack};
use super::sleeping::places;
use crate::signal;

thread_local! {
    /// The values of the signals that were sent and of the calls that were made, in their order.
    static TOLD: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    /// Which threads have sent signals.
    static SENDERS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    /// How many signals there is no room for, or calls no threads, at first.
    static REFUSED: Cell<u32> = const { Cell::new(0) };
}

/// A process starts.
pub fn start() {
    TOLD.take();
    SENDERS.take();
    REFUSED.set(0);
}

/// The values that the program was told, in their order. Loom tries the look before and after each of them.
pub fn told() -> Vec<usize> {
    places().notices.look(|| TOLD.with_borrow(Clone::clone))
}

/// The program is told a value.
pub fn tell(value: usize) {
    let push = || TOLD.with_borrow_mut(|told| told.push(value));
    places().notices.change(push);
}

/// Waits until the program was told a value.
pub fn wait_for(value: usize) {
    let is_there = || TOLD.with_borrow(|told| told.contains(&value)).then_some(());
    places().notices.sleep(i64::MAX, is_there).unwrap();
}

/// Waits until the program was told more often than that; how often it was.
pub fn wait_for_more(than: usize) -> usize {
    let look = || TOLD.with_borrow(|told| (told.len() > than).then_some(told.len()));
    places().notices.sleep(i64::MAX, look).unwrap()
}

/// Which threads have sent signals.
pub fn senders() -> Vec<usize> {
    SENDERS.with_borrow(Clone::clone)
}

/// Refuses so many at first.
pub fn refuse(count: u32) {
    REFUSED.set(count);
}

fn is_refused() -> bool {
    let refused = REFUSED.get();
    REFUSED.set(refused.saturating_sub(1));
    refused != 0
}

pub fn send(_: c_int, _: Option<c_int>, value: usize) -> Result<(), Errno> {
    signal::point();
    if is_refused() {
        return Err(Errno::EAGAIN);
    }
    let own = process::identity() / 64;
    SENDERS.with_borrow_mut(|senders| senders.push(own));
    tell(value);
    Ok(())
}

pub type Main = extern "C" fn(*mut c_void) -> *mut c_void;

/// A thread of the program's, which the attributes are not asked about.
struct Begun {
    main: Main,
    argument: *mut c_void,
}

impl Run for Begun {
    fn run(&self) {
        (self.main)(self.argument);
    }
}

pub unsafe fn start_thread(_: usize, main: Main, argument: *mut c_void) -> c_int {
    if is_refused() {
        return libc::EAGAIN;
    }
    // As long as the model.
    let begun = Box::leak(Box::new(Begun { main, argument }));
    unsafe { process::start_thread(begun, Stack::Ordinary) };
    0
}
