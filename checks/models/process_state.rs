//! The state of the process in the current run of a model.

use std::cell::Cell;
use std::ops::Deref;

use crate::sync::AtomicU32;
use crate::threads::helpers::Helpers;

#[derive(Default)]
pub struct ProcessState {
    pub threads: Threads,
    /// Requests that were carried out.
    pub finished: AtomicU32,
    /// Threads that sleep.
    pub sleepers: crate::sys::futex::Sleepers,
}

pub struct Threads {
    pub helpers: Helpers,
    /// How many helpers there may be.
    pub limit: AtomicU32,
}

impl Default for Threads {
    fn default() -> Threads {
        Threads {
            helpers: Helpers::default(),
            limit: AtomicU32::new(2),
        }
    }
}

/// As the library's static of this name.
pub struct Handle;
pub static STATE: Handle = Handle;

thread_local! {
    static CURRENT: Cell<*const ProcessState> = const { Cell::new(std::ptr::null()) };
}

impl Deref for Handle {
    type Target = ProcessState;

    fn deref(&self) -> &ProcessState {
        let current = CURRENT.get();
        assert!(!current.is_null(), "no process");
        unsafe { &*current }
    }
}

pub fn is_there() -> bool {
    !CURRENT.get().is_null()
}

/// A process that lives until this is dropped.
pub struct Process(Box<ProcessState>);

impl Process {
    pub fn start() -> Process {
        let process = Process(Box::default());
        CURRENT.set(&raw const *process.0);
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        CURRENT.set(std::ptr::null());
    }
}
