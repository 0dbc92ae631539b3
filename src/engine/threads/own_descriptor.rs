//! A descriptor of the library's own, made when it is first needed.

use core::ffi::c_int;

use crate::sync::AtomicU32;
use crate::sync::Ordering::SeqCst;
use crate::sys::errno::Errno;
use crate::sys::files;

/// The descriptor plus 1; 0: none. All zero: none.
#[derive(Default)]
#[repr(C)]
pub(crate) struct OwnDescriptor(AtomicU32);

impl OwnDescriptor {
    /// The descriptor, if there is one.
    pub(crate) fn get(&self) -> Option<c_int> {
        // SeqCst: a thread that makes it, or finds it made, looks for work afterwards; one that
        // adds work looks for the descriptor afterwards. One of them sees the other.
        to_descriptor(self.0.load(SeqCst))
    }

    /// The descriptor, which `make` makes if there is none.
    pub(crate) fn get_or_make(&self, make: fn() -> Result<c_int, Errno>) -> Result<c_int, Errno> {
        if let Some(fd) = self.get() {
            return Ok(fd);
        }
        let made = make()?;
        // SeqCst: as in `get`. Of threads that make one at the same time, the first one's stays.
        match self.0.compare_exchange(0, made as u32 + 1, SeqCst, SeqCst) {
            Ok(_) => Ok(made),
            Err(other) => {
                files::close(made);
                Ok(to_descriptor(other).unwrap_or(-1))
            }
        }
    }

    /// Takes the descriptor out; the caller closes it.
    pub(crate) fn take(&self) -> Option<c_int> {
        to_descriptor(self.0.swap(0, SeqCst))
    }
}

fn to_descriptor(word: u32) -> Option<c_int> {
    (word != 0).then(|| word as c_int - 1)
}
