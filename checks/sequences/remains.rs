//! What can be told of a descriptor after a sequence: its flags, place and contents, and what its peer was sent.

use libc::c_int;

use crate::descriptors::{Descriptor, readiness, size_of_file, status_flags};
use crate::{digest, errors};

pub fn of(descriptor: &Descriptor) -> String {
    let fd = descriptor.fd;
    let flags = status_flags(fd);
    if flags < 0 {
        return "closed".to_owned();
    }
    let mut text = format!("flags {flags:o}");
    if let Some(size) = size_of_file(fd) {
        // SAFETY: any number may be given.
        let place = errors::of_call(unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) });
        text += &format!(" size {size} at {}", errors::text(place));
        if matches!(descriptor.kind.as_str(), "file" | "memfd" | "tmpfs") {
            text += &format!(" holds {}", contents(fd, size));
        }
    }
    let is_event = matches!(descriptor.kind.as_str(), "eventfd" | "semaphore");
    if is_event || matches!(descriptor.kind.as_str(), "timerfd" | "inotify") {
        text += &format!(
            " ready {:#x}",
            readiness(fd, libc::POLLIN | libc::POLLOUT | libc::POLLPRI)
        );
    }
    if is_event {
        text += &format!(" count {}", rest(fd));
    } else if !matches!(descriptor.kind.as_str(), "epoll" | "path" | "directory")
        && descriptor.may_block
    {
        if descriptor.kind != "signalfd"
            && descriptor.kind != "listening"
            && descriptor.kind != "timerfd"
        {
            text += &format!(" here {}", rest(fd));
        }
        if descriptor.peer >= 0 {
            text += &format!(" there {}", rest(descriptor.peer));
        }
    }
    text
}

/// The contents of a file, read through the page cache by another open file.
fn contents(fd: c_int, size: u64) -> String {
    match std::fs::read(format!("/proc/self/fd/{fd}")) {
        Ok(bytes) if bytes.len() as u64 == size => digest::of(&bytes),
        Ok(bytes) => format!("{} bytes only", bytes.len()),
        Err(error) => error.to_string(),
    }
}

fn keeps_messages(fd: c_int) -> bool {
    matches!(type_of_socket(fd), libc::SOCK_DGRAM | libc::SOCK_SEQPACKET)
}

/// Whether the kernel cuts what is there to be read as it comes along: how often says nothing then.
fn is_cut_anywhere(fd: c_int) -> bool {
    // SAFETY: any number may be given.
    type_of_socket(fd) == libc::SOCK_STREAM || unsafe { libc::isatty(fd) } != 0
}

/// 0: it is none.
fn type_of_socket(fd: c_int) -> c_int {
    let (mut kind, mut length) = (0, size_of::<c_int>() as u32);
    // SAFETY: there is room for a number.
    unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_TYPE,
            (&raw mut kind).cast(),
            &raw mut length,
        )
    };
    kind
}

/// What is there to be read, message by message.
fn rest(fd: c_int) -> String {
    let is_cut_anywhere = is_cut_anywhere(fd);
    let mut parts = Vec::new();
    let mut buffer = vec![0; 1 << 20];
    let mut all = Vec::new();
    for _ in 0..24 {
        if readiness(fd, libc::POLLIN) & libc::POLLIN == 0 {
            break;
        }
        // SAFETY: the buffer has that length.
        let result = unsafe {
            let flags = status_flags(fd);
            libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK);
            errors::of_call(libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) as i64)
        };
        if !is_cut_anywhere || result <= 0 {
            parts.push(errors::text(result));
        }
        if result < 0 {
            break;
        }
        all.extend_from_slice(&buffer[..result as usize]);
        // One that is at its end says so for ever; a socket that keeps messages has them after an empty one.
        if result == 0 && !keeps_messages(fd) {
            break;
        }
    }
    format!("[{}] {}", parts.join(" "), digest::of(&all))
}
