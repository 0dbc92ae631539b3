//! Waiting for many descriptors at once.

use core::ffi::{c_int, c_long, c_void};
use core::ptr;

use super::aio::SIGSET_SIZE;
use super::errno::{Errno, result};
use super::files;

/// `epoll_create1(2)`, closed on exec.
pub(crate) fn make() -> Result<c_int, Errno> {
    // SAFETY: no memory is involved.
    result(|| unsafe { libc::syscall(libc::SYS_epoll_create1, c_long::from(libc::EPOLL_CLOEXEC)) })
}

/// Whether a descriptor can be watched at all.
pub(crate) fn can_watch(fd: c_int) -> bool {
    let Ok(epoll) = make() else {
        return true;
    };
    let watched = watch(epoll, fd, 0, 0);
    files::close(epoll);
    watched != Err(Errno::EPERM)
}

/// Lets `epoll` report `fd` once, under a number of the caller's.
pub(crate) fn watch(epoll: c_int, fd: c_int, events: u32, number: u64) -> Result<(), Errno> {
    let event = libc::epoll_event {
        events: events | libc::EPOLLONESHOT as u32,
        u64: number,
    };
    control(epoll, libc::EPOLL_CTL_ADD, fd, event)
}

/// Lets `epoll` report, whenever it looks, that there is something to read from `fd`, or that its
/// other end is gone.
pub(crate) fn watch_always(epoll: c_int, fd: c_int, number: u64) -> Result<(), Errno> {
    let event = libc::epoll_event {
        events: libc::EPOLLIN as u32,
        u64: number,
    };
    control(epoll, libc::EPOLL_CTL_ADD, fd, event)
}

/// Stops watching `fd`. Fails if it is not watched.
pub(crate) fn forget(epoll: c_int, fd: c_int) -> Result<(), Errno> {
    let nothing = libc::epoll_event { events: 0, u64: 0 };
    control(epoll, libc::EPOLL_CTL_DEL, fd, nothing)
}

fn control(epoll: c_int, command: c_int, fd: c_int, event: libc::epoll_event) -> Result<(), Errno> {
    // SAFETY: the structure outlives the call.
    let done = result(|| unsafe {
        libc::syscall(
            libc::SYS_epoll_ctl,
            c_long::from(epoll),
            c_long::from(command),
            c_long::from(fd),
            ptr::from_ref(&event),
        )
    });
    done.map(drop)
}

/// Waits for one report, for `milliseconds` at most: its number and events. None: nothing came, or
/// a signal handler ran.
pub(crate) fn next_report(epoll: c_int, milliseconds: c_int) -> Result<Option<(u64, u32)>, Errno> {
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    // SAFETY: there is room for one event.
    let reports = result(|| unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait,
            c_long::from(epoll),
            ptr::from_mut(&mut event),
            c_long::from(1),
            c_long::from(milliseconds),
            ptr::null::<c_void>(),
            SIGSET_SIZE,
        )
    });
    match reports {
        Ok(0) | Err(Errno::EINTR) => Ok(None),
        Ok(_) => Ok(Some((event.u64, event.events))),
        Err(error) => Err(error),
    }
}
