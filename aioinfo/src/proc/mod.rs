//! What the kernel says in `/proc`.
//!
//! It is read as bytes, because the paths in it are bytes: one mapped file with a name that is not UTF-8
//! must not hide a process. A process is held by its directory, so that no other process that gets its
//! number meanwhile is taken for it.

pub(crate) mod directory;
pub(crate) mod maps;
pub(crate) mod memory;
pub(crate) mod status;
pub(crate) mod system;

use std::fmt;
use std::io;

use crate::errors;

/// Why something is not known.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The process is not there, or no more.
    Gone,
    /// It is another user's, or one that hides its memory.
    Denied,
    /// Something else.
    Other(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ESRCH) => Refusal::Gone,
            Some(libc::EACCES | libc::EPERM) => Refusal::Denied,
            _ => Refusal::Other(error),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Gone => to.write_str("there is no such process"),
            Refusal::Denied => to.write_str("not permitted"),
            Refusal::Other(error) => to.write_str(&errors::explain(error)),
        }
    }
}
