//! What is known of a file: each number is one.

use std::ffi::c_int;

use super::errno::Errno;

pub struct Status {
    pub mode: u32,
    pub device: u64,
    pub inode: u64,
    pub size: u64,
}

impl Status {
    pub fn regular_size(&self) -> u64 {
        self.size
    }
}

pub fn of(fd: c_int) -> Result<Status, Errno> {
    now_of(fd)
}

pub fn now_of(fd: c_int) -> Result<Status, Errno> {
    Ok(Status {
        mode: libc::S_IFREG,
        device: 1,
        inode: fd as u64,
        size: 1 << 20,
    })
}
