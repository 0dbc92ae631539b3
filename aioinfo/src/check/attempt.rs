//! `io_setup` in a process of its own.

use std::io;

use crate::errors;

/// What it came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Attempt {
    /// There is a context.
    Works,
    /// This error.
    Fails(i32),
    /// This signal: a filter kills processes that make the call.
    Killed(i32),
}

impl Attempt {
    /// From the error of a call.
    pub(crate) fn of(error: &io::Error) -> Attempt {
        Attempt::Fails(error.raw_os_error().unwrap_or(libc::EIO))
    }

    /// The name of the error.
    pub(crate) fn name(&self) -> Option<String> {
        match self {
            Attempt::Works => None,
            Attempt::Fails(errno) => Some(errors::name(*errno)),
            Attempt::Killed(libc::SIGSYS) => Some("SIGSYS".to_owned()),
            Attempt::Killed(signal) => Some(format!("signal {signal}")),
        }
    }
}

/// Makes the call in a child, which is all that a filter may kill.
pub(crate) fn io_setup() -> Attempt {
    // SAFETY: this process has one thread, and the child makes a system call and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let mut context: libc::c_ulong = 0;
        // SAFETY: there is room for the handle. The end of the process destroys the context.
        let answer =
            unsafe { libc::syscall(libc::SYS_io_setup, 1 as libc::c_ulong, &raw mut context) };
        let errno = io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or(libc::EIO);
        let status = if answer == 0 { 0 } else { errno };
        // SAFETY: nothing is to be done at the end of this copy.
        unsafe { libc::_exit(status) };
    }
    if child < 0 {
        // No process can be had (RLIMIT_NPROC). The next call, in this one, will show it.
        return Attempt::Works;
    }
    let mut status = 0;
    loop {
        // SAFETY: it is this process's child, and there is room for the status.
        if unsafe { libc::waitpid(child, &raw mut status, 0) } == child {
            break;
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EINTR) {
            return Attempt::of(&error);
        }
    }
    if libc::WIFSIGNALED(status) {
        return Attempt::Killed(libc::WTERMSIG(status));
    }
    match libc::WEXITSTATUS(status) {
        0 => Attempt::Works,
        errno => Attempt::Fails(errno),
    }
}
