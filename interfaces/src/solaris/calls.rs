//! What the functions do.

use core::ffi::c_int;

use super::structures::aio_result_t;
use crate::requests::cancelling::{self, Cancelled};
use crate::requests::collecting;
use crate::requests::handing_over::{May, hand_over_returned};
use crate::requests::process::{Guard, PROCESS};
use crate::requests::ring;
use crate::requests::slot::{Action, Index, Kind, Notification};
use crate::requests::submitting::{self, Batch, Begun, Wanted};
use crate::requests::waiting::{self, Need};
use crate::starting::{choice, process};
use crate::sys::errno::Errno;
use crate::sys::files;
use crate::sys::futex;
use crate::sys::signals::{self, Blocked};
use crate::sys::status;

/// A request as the program makes it.
pub(super) struct Request {
    pub(super) fd: c_int,
    pub(super) buffer: usize,
    pub(super) length: c_int,
    pub(super) offset: i64,
    pub(super) whence: c_int,
    pub(super) result: *mut aio_result_t,
}

/// `aioread(3)` and `aiowrite(3)`. EINVAL: `whence` is none, or the structure's last request was not
/// collected. EFAULT: there is no structure. EBADF: the descriptor is none, or not one for that. EAGAIN:
/// there is no memory for it. What is wrong else is the request's result.
///
/// # Safety
/// The buffer and the structure are there until the request is collected.
pub(super) unsafe fn submit(request: &Request, action: Action) -> Result<(), Errno> {
    let target = request.result.expose_provenance();
    let offset = place(request)?;
    if target == 0 {
        return Err(Errno::EFAULT);
    }
    let process = process()?;
    // It is EINVAL, but not before the descriptor was looked at.
    let is_nowhere = request.length < 0 || offset < 0;
    let blocked = Blocked::new();
    // Before anything is read into the buffer of the one before.
    if collecting::find(&mut process.take(), target) != 0 {
        return Err(Errno::EINVAL);
    }
    let wanted = Wanted {
        target,
        store: aio_result_t::finish,
        name: stay,
        action,
        fd: request.fd,
        buffer: request.buffer,
        length: if is_nowhere {
            0
        } else {
            request.length as usize
        },
        offset: offset.max(0),
        notification: notification(),
        list: 0,
        is_collected: true,
        // SAFETY: the caller says so.
        is_polled: unsafe { aio_result_t::is_polled(request.result) },
    };
    let mut begun = submitting::begin(&wanted, &mut None);
    if matches!(begun, Begun::Known(result) if result == Errno::EBADF.negated().into()) {
        return Err(Errno::EBADF);
    }
    if is_nowhere {
        begun = Begun::Known(Errno::EINVAL.negated().into());
    }
    let mut batch = Batch::new();
    submitting::take(process, &blocked, &wanted, begun, choice(), &mut batch)?;
    submitting::submit(process, &blocked, &mut batch);
    Ok(())
}

/// The structure says nothing of a request in flight.
unsafe fn stay(_: usize, _: Index) {}

/// Where a request reads or writes.
fn place(request: &Request) -> Result<i64, Errno> {
    let base = match request.whence {
        libc::SEEK_SET => 0,
        libc::SEEK_CUR => files::position(request.fd)?,
        libc::SEEK_END => status::now_of(request.fd)?.size as i64,
        _ => return Err(Errno::EINVAL),
    };
    Ok(base.saturating_add(request.offset))
}

/// SIGIO, if the program has a handler for it.
fn notification() -> Notification {
    if signals::has_handler(libc::SIGIO) {
        Notification {
            kind: Kind::Collection,
            signal: libc::SIGIO,
            ..Notification::NONE
        }
    } else {
        Notification::NONE
    }
}

/// `aiowait(3)`: the structure of the request that has ended first. None: the time is over. EINVAL: the time
/// is none, or there is nothing to wait for. EINTR: a handler ran.
pub(super) fn wait(timeout: Option<(i64, i64)>) -> Result<Option<usize>, Errno> {
    if timeout.is_some_and(|(seconds, microseconds)| {
        seconds < 0 || !(0..1_000_000).contains(&microseconds)
    }) {
        return Err(Errno::EINVAL);
    }
    if !PROCESS.is_in_use() {
        return Err(Errno::EINVAL);
    }
    let is_zero = timeout == Some((0, 0));
    if is_zero && collecting::is_nothing_to_be_seen(&PROCESS) {
        return Ok(None);
    }
    let until = timeout.map(|(seconds, microseconds)| {
        if is_zero {
            return 0;
        }
        let length = seconds.saturating_mul(1_000_000_000);
        let length = length.saturating_add(microseconds * 1000);
        futex::now().saturating_add(length)
    });
    let blocked = Blocked::new();
    let mut found = None;
    let waited = waiting::wait_for_any_handler(&PROCESS, &blocked, until, |guard, waiter| {
        collecting::begin(guard);
        found = collecting::collect(guard);
        if found.is_some() || guard.collection.is_empty() {
            return Need::Done;
        }
        collecting::mark(guard, waiter.mark());
        of_all(guard)
    });
    match waited {
        Ok(()) if found.is_none() => Err(Errno::EINVAL),
        Err(Errno::EAGAIN) => Ok(None),
        waited => waited.map(|()| found),
    }
}

/// What a thread waits for that waits for any request.
fn of_all(guard: &Guard<'_>) -> Need {
    match (guard.in_kernel, guard.elsewhere()) {
        (_, 0) => Need::Kernel,
        (0, _) => Need::Others,
        _ => Need::Both,
    }
}

/// `aiocancel(3)`. EINVAL: nothing is in flight. EACCES: that one is not, or cannot be cancelled.
pub(super) fn cancel(result: *mut aio_result_t) -> Result<(), Errno> {
    let target = result.expose_provenance();
    let is_none = |guard: &mut Guard<'_>| guard.in_flight == 0;
    if !PROCESS.is_in_use() {
        return Err(Errno::EINVAL);
    }
    let blocked = Blocked::new();
    let index = {
        let mut guard = PROCESS.take();
        ring::look(&mut guard);
        // What has come back is nobody's otherwise: aiowait that does not wait looks at what has ended.
        hand_over_returned(&mut guard, May::NotStart);
        if is_none(&mut guard) {
            return Err(Errno::EINVAL);
        }
        collecting::find(&mut guard, target)
    };
    if index == 0 {
        return Err(Errno::EACCES);
    }
    match cancelling::cancel_one(&PROCESS, &blocked, index, target) {
        Cancelled::All => Ok(()),
        // It has ended meanwhile.
        _ if is_none(&mut PROCESS.take()) => Err(Errno::EINVAL),
        _ => Err(Errno::EACCES),
    }
}
