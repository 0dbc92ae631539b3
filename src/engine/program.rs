//! Whether the program gets its events through this library.
//!
//! Some collect them with a system call of their own, or read the ring. Where the kernel refuses
//! AIO, a context served by threads is of no use to them, and they have a way of their own to go
//! on: they shall get the kernel's error.

use crate::sys::loaded_objects;

unsafe extern "C" {
    /// In `libaio.a` the first word is 1, and the others are not 0 for those of its functions that
    /// take events which the program has linked. In `libaio.so` all are 0. The Makefile makes it.
    #[cfg(not(test))]
    #[link_name = "libaio_linked_collectors"]
    safe static LINKED: [usize; 5];
}

#[cfg(test)]
static LINKED: [usize; 5] = [0; 5];

/// In `libaio.a` every function is a member of its own, and so is this one.
#[cfg(not(test))]
#[unsafe(no_mangle)]
extern "C" fn libaio_program_collects_here() -> bool {
    find_out()
}

/// False if the program, or a library that it has loaded, refers to `io_setup` or `io_submit`, and
/// none refers to a function that takes events. Where nothing refers to anything, they are looked
/// up by name.
#[cold]
pub(super) fn collects() -> bool {
    #[cfg(test)]
    return find_out();
    #[cfg(not(test))]
    {
        unsafe extern "C" {
            safe fn libaio_program_collects() -> bool;
        }
        libaio_program_collects()
    }
}

fn find_out() -> bool {
    let [is_static, functions @ ..] = &LINKED;
    if *is_static != 0 {
        return functions.iter().any(|&function| function != 0);
    }
    const SUBMITS: u32 = 0b11;
    let found = loaded_objects::referenced(&[
        c"io_setup",
        c"io_submit",
        c"io_getevents",
        c"io_pgetevents",
        c"io_queue_run",
        c"io_queue_wait",
        c"io_getevents_time64",
        c"io_pgetevents_time64",
    ]);
    found & SUBMITS == 0 || found & !SUBMITS != 0
}
