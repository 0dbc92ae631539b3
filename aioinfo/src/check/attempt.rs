//! The calls in processes of their own, which a filter may kill.

use std::io;
use std::ptr;

use super::aio::IO_PGETEVENTS;
use crate::errors;

/// What it came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Attempt {
    /// There is a context.
    Works,
    /// This error.
    Fails(i32),
    /// A filter kills processes that make this call, by this signal.
    Killed(&'static str, i32),
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
            Attempt::Killed(_, libc::SIGSYS) => Some("SIGSYS".to_owned()),
            Attempt::Killed(_, signal) => Some(format!("signal {signal}")),
        }
    }
}

/// Tries `io_setup`.
pub(crate) fn io_setup() -> Attempt {
    in_a_child("io_setup", || match make_context() {
        Ok(_) => 0,
        Err(errno) => errno,
    })
}

/// A call that has nothing to do, or refuses to do it.
type Call = fn(libc::c_ulong) -> libc::c_long;

/// The others.
const CALLS: &[(&str, Call)] = &[
    ("io_submit", |context| {
        let (none, nothing) = (0 as libc::c_long, ptr::null::<u8>());
        // SAFETY: a list of no requests is not read.
        unsafe { libc::syscall(libc::SYS_io_submit, context, none, nothing) }
    }),
    ("io_getevents", |context| {
        take_none(libc::SYS_io_getevents, context)
    }),
    ("io_pgetevents", |context| take_none(IO_PGETEVENTS, context)),
    ("io_cancel", |context| {
        let nothing = ptr::null::<u8>();
        // SAFETY: no request is at that address, so that nothing is written.
        unsafe { libc::syscall(libc::SYS_io_cancel, context, nothing, nothing) }
    }),
    ("io_destroy", |context| {
        // SAFETY: nothing uses the context.
        unsafe { libc::syscall(libc::SYS_io_destroy, context) }
    }),
];

fn take_none(call: libc::c_long, context: libc::c_ulong) -> libc::c_long {
    let nothing = ptr::null::<u8>();
    let none = 0 as libc::c_long;
    // SAFETY: no event is wanted, so that none is written.
    unsafe { libc::syscall(call, context, none, none, nothing, nothing, nothing) }
}

/// Of the other calls those that a filter kills for: where `io_setup` works.
pub(crate) fn lethal() -> Vec<Attempt> {
    let tried = CALLS.iter().map(|(name, call)| {
        in_a_child(name, || {
            if let Ok(context) = make_context() {
                call(context);
            }
            0
        })
    });
    tried
        .filter(|attempt| matches!(attempt, Attempt::Killed(..)))
        .collect()
}

/// Makes a context, which the end of the process destroys.
fn make_context() -> Result<libc::c_ulong, i32> {
    let mut context: libc::c_ulong = 0;
    // SAFETY: there is room for the handle.
    match unsafe { libc::syscall(libc::SYS_io_setup, 1 as libc::c_ulong, &raw mut context) } {
        0 => Ok(context),
        _ => Err(io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or(libc::EIO)),
    }
}

/// Makes the call of this name in a child, which is all that a filter may kill. It gives an error's number, or 0.
fn in_a_child(name: &'static str, call: impl FnOnce() -> i32) -> Attempt {
    // SAFETY: this process has one thread, and the child makes system calls and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let status = call();
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
        return Attempt::Killed(name, libc::WTERMSIG(status));
    }
    match libc::WEXITSTATUS(status) {
        0 => Attempt::Works,
        errno => Attempt::Fails(errno),
    }
}
