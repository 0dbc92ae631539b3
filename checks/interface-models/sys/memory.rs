//! Memory.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::RefCell;
use std::ffi::c_void;

use crate::requests::slot::Slot;
use crate::sync::Ordering::Relaxed;

thread_local! {
    /// What is mapped, as long as the process lives.
    static MAPPED: RefCell<Vec<(*mut u8, Layout)>> = const { RefCell::new(Vec::new()) };
}

/// Slots that the table maps at a time.
const CHUNK: usize = 256;
/// Those that models use.
const SLOTS: usize = 4;

/// Takes no room.
#[repr(C)]
pub struct OwnPages([u8; 0]);

/// A process starts.
pub fn start() {
    for (memory, layout) in MAPPED.take() {
        unsafe { dealloc(memory, layout) };
    }
}

/// No model forks.
pub fn wipe_on_fork<T>(_: &T) -> bool {
    true
}

pub fn map_zeroes(length: usize) -> Option<*mut c_void> {
    let layout = Layout::from_size_align(length, 4096).unwrap();
    let memory = unsafe { alloc_zeroed(layout) };
    MAPPED.with_borrow_mut(|mapped| mapped.push((memory, layout)));
    if length == CHUNK * size_of::<Slot>() {
        let slots: *const Slot = memory.cast_const().cast();
        for at in 0..SLOTS {
            let slot = unsafe { &*slots.add(at) };
            slot.target.in_kernel().load(Relaxed);
        }
    }
    Some(memory.cast())
}
