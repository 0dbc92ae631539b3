//! Another process's memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::Refusal;
use super::directory::Directory;

/// The memory of a process, as far as it may be read.
pub(crate) struct Memory(Result<File, Refusal>);

/// Why bytes could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unreadable {
    /// This user may not: the owner must be the same, and what is called Yama must not object.
    Denied,
    /// Nothing is there.
    Nothing,
}

impl Memory {
    /// The memory of this process.
    ///
    /// `mem` rather than `process_vm_readv`: it reads what the program has protected too, needs no system
    /// call that a container's filter refuses, and stays with the process that was opened.
    pub(crate) fn of(process: &Directory) -> Memory {
        Memory(process.file(c"mem").map_err(Refusal::from))
    }

    /// One that may not be read.
    #[cfg(test)]
    pub(crate) fn closed() -> Memory {
        Memory(Err(Refusal::Denied))
    }

    /// Whether it may be read at all.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_ok()
    }

    /// Fills the buffer with what is at this address.
    pub(crate) fn read(&self, address: u64, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let Ok(memory) = &self.0 else {
            return Err(Unreadable::Denied);
        };
        memory
            .read_exact_at(buffer, address)
            .map_err(|error: io::Error| match error.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => Unreadable::Denied,
                _ => Unreadable::Nothing,
            })
    }
}
