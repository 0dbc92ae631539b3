//! The directory of one process.

use std::ffi::{CStr, CString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, RawFd};
use std::os::unix::fs::OpenOptionsExt as _;

use super::Refusal;

/// A process, which may end at any time: from then on everything is [`Refusal::Gone`].
pub(crate) struct Directory {
    /// Its number here.
    pub pid: u32,
    held: File,
}

impl Directory {
    /// The process of this number.
    pub(crate) fn open(pid: u32) -> Result<Directory, Refusal> {
        let held = File::open(format!("/proc/{pid}"))?;
        Ok(Directory { pid, held })
    }

    /// One of its threads. What the process has in common is the same there.
    pub(crate) fn thread(&self, thread: u32) -> io::Result<Directory> {
        let name = CString::new(format!("task/{thread}"))?;
        Ok(Directory {
            pid: self.pid,
            held: open_at(self.held.as_raw_fd(), &name, libc::O_RDONLY)?,
        })
    }

    /// Opens one of its files to be read.
    pub(crate) fn file(&self, name: &CStr) -> io::Result<File> {
        open_at(self.held.as_raw_fd(), name, libc::O_RDONLY)
    }

    /// Opens the file that one of its links leads to, to be read if it is a regular file: see [`regular`].
    pub(crate) fn linked_file(&self, name: &CStr) -> io::Result<File> {
        regular(&open_at(self.held.as_raw_fd(), name, libc::O_PATH)?)
    }

    /// The file that is mapped from one address to the other, whatever has become of its name. It cannot be read, only asked
    /// what it is. Root alone may have it.
    pub(crate) fn mapped_file(&self, start: u64, end: u64) -> io::Result<File> {
        let link = CString::new(format!("map_files/{start:x}-{end:x}"))?;
        open_at(self.held.as_raw_fd(), &link, libc::O_PATH)
    }

    /// What is in one of its files.
    pub(crate) fn read(&self, name: &CStr) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Vec::with_capacity(8192);
        self.file(name)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The numbers of its threads.
    pub(crate) fn threads(&self) -> Result<Vec<u32>, Refusal> {
        // The number may be another's by now; then the looks by the directory find nothing.
        Ok(numbers_in(&format!("/proc/{}/task", self.pid))?)
    }

    /// The name of one of its threads.
    pub(crate) fn thread_name(&self, thread: u32) -> Result<Vec<u8>, Refusal> {
        let path = CString::new(format!("task/{thread}/comm")).map_err(io::Error::from)?;
        let name = self.read(&path)?;
        Ok(without_newline(&name).to_vec())
    }
}

fn open_at(directory: RawFd, name: &CStr, flags: libc::c_int) -> io::Result<File> {
    // SAFETY: the name ends with a zero.
    let file = unsafe { libc::openat(directory, name.as_ptr(), flags | libc::O_CLOEXEC) };
    if file < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened, and is nobody else's.
    Ok(unsafe { File::from_raw_fd(file) })
}

/// Opens the file of this path to be read, if it is a regular one: see [`regular`].
pub(crate) fn regular_file(path: &CStr) -> io::Result<File> {
    regular(&open_at(libc::AT_FDCWD, path, libc::O_PATH)?)
}

/// Opens a file to be read that was found, and not opened, if it is a regular one. Whoever owns a directory may have put anything
/// in the place of a file that is mapped: to open a pipe waits for its other end, and to open a device may do something.
pub(crate) fn regular(found: &File) -> io::Result<File> {
    if !found.metadata()?.is_file() {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // Its owner may hold a lease, which an open waits for.
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(libc::O_NONBLOCK);
    options.open(format!("/proc/self/fd/{}", found.as_raw_fd()))
}

/// A name, behind which the kernel writes a newline.
pub(crate) fn without_newline(name: &[u8]) -> &[u8] {
    name.strip_suffix(b"\n").unwrap_or(name)
}

/// The numbers of all processes that are visible.
pub(crate) fn all() -> Result<Vec<u32>, Refusal> {
    let pids = numbers_in("/proc").map_err(Refusal::Other)?;
    if pids.is_empty() {
        let empty = io::Error::other("there are no processes in it; is it mounted?");
        return Err(Refusal::Other(empty));
    }
    Ok(pids)
}

fn numbers_in(path: &str) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(path)? {
        // What ends while the directory is read is left out.
        let Ok(entry) = entry else { continue };
        let name = entry.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        assert!(regular_file(c"/proc/self/exe").is_ok());
        for other in [c"/dev/null", c"/proc", c"/nowhere"] {
            assert!(regular_file(other).is_err(), "{other:?}");
        }
    }
}
