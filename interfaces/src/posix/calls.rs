//! What the functions do for one request, and for a wait.

use core::ffi::c_int;

use super::structures::{IN_PROGRESS, Offsets, aiocb, aioinit, notification, opcode};
use crate::configuration;
use crate::requests::cancelling::{self, Cancelled};
use crate::requests::handing_over::{May, hand_over_returned};
use crate::requests::process::{PROCESS, Process};
use crate::requests::ring;
use crate::requests::slot::{Action, Index, Notification, State};
use crate::requests::submitting::{self, Batch, Begun, Wanted};
use crate::requests::telling::tell_if_nobody_does;
use crate::requests::waiting::{self, Need};
use crate::starting::{choice, process};
use crate::sys::errno::Errno;
use crate::sys::files;
use crate::sys::futex;
use crate::sys::signals::Blocked;
use crate::sys::status;

/// AIO_PRIO_DELTA_MAX of `<limits.h>`.
const MOST_PRIORITY: c_int = 20;

/// Whether a request may begin. EINVAL: its priority is none; the structure says so too.
///
/// # Safety
/// `cb` is a `struct aiocb`.
pub(super) unsafe fn check(cb: *mut aiocb, action: Action) -> Result<(), Errno> {
    // SAFETY: the caller says so.
    unsafe {
        if action.is_sync() {
            (*cb).aio_reqprio = 0;
        } else if !(0..=MOST_PRIORITY).contains(&(*cb).aio_reqprio) {
            aiocb::fail(cb, libc::EINVAL);
            return Err(Errno::EINVAL);
        }
    }
    Ok(())
}

/// Begins a request that was checked: what is wanted.
///
/// # Safety
/// `cb` is a `struct aiocb` whose offset has that length.
pub(super) unsafe fn begin(
    cb: *mut aiocb,
    action: Action,
    offsets: Offsets,
    notification: Notification,
    list: Index,
) -> Wanted {
    // SAFETY: the caller says so.
    unsafe {
        (*cb).aio_lio_opcode = opcode(action, offsets);
        Wanted {
            target: cb.expose_provenance(),
            store: aiocb::finish,
            name: aiocb::begin,
            action,
            fd: (*cb).aio_fildes,
            buffer: (*cb).aio_buf,
            length: (*cb).aio_nbytes,
            offset: aiocb::offset(cb, offsets),
            notification,
            list,
            is_collected: false,
            is_polled: false,
        }
    }
}

/// `aio_read(3)`, `aio_write(3)`, and `aio_fsync(3)` once its arguments are checked.
///
/// # Safety
/// As [`begin`].
pub(super) unsafe fn submit(cb: *mut aiocb, action: Action, offsets: Offsets) -> Result<(), Errno> {
    let process = process()?;
    // SAFETY: the caller keeps the same promise.
    unsafe { check(cb, action) }?;
    // SAFETY: as above.
    let wanted = unsafe {
        let notification = notification(&(*cb).aio_sigevent);
        begin(cb, action, offsets, notification, 0)
    };
    let begun = submitting::begin(&wanted, &mut None);
    if matches!(begun, Begun::Ended) {
        return Ok(());
    }
    let blocked = Blocked::new();
    let mut batch = Batch::new();
    let taken = submitting::take(process, &blocked, &wanted, begun, choice(), &mut batch);
    if let Err(error) = taken {
        // SAFETY: as above; there is no request.
        unsafe { aiocb::fail(cb, -error.negated()) };
        return Err(error);
    }
    submitting::submit(process, &blocked, &mut batch);
    if action.is_sync() {
        submitting::stand_in(process);
    }
    Ok(())
}

/// `aio_fsync(3)`.
///
/// # Safety
/// As [`begin`].
pub(super) unsafe fn sync(operation: c_int, cb: *mut aiocb, offsets: Offsets) -> Result<(), Errno> {
    let action = match operation {
        libc::O_SYNC => Action::Sync,
        libc::O_DSYNC => Action::SyncData,
        _ => return Err(Errno::EINVAL),
    };
    // SAFETY: the caller says so.
    files::status_flags(unsafe { (*cb).aio_fildes }).map_err(|_| Errno::EBADF)?;
    // SAFETY: as above.
    unsafe { submit(cb, action, offsets) }
}

/// `aio_error(3)`: may be called by signal handlers.
///
/// # Safety
/// `cb` is a `struct aiocb`.
pub(super) unsafe fn error(cb: *const aiocb) -> c_int {
    // SAFETY: the caller says so.
    let error = || unsafe { aiocb::error(cb) };
    if error() != IN_PROGRESS {
        return error() as c_int;
    }
    if PROCESS.ring.has_unread() {
        let _blocked = Blocked::new();
        let mut guard = PROCESS.take();
        ring::look(&mut guard);
        hand_over_returned(&mut guard, May::NotStart);
        tell_if_nobody_does(&mut guard);
        if error() != IN_PROGRESS {
            return error() as c_int;
        }
    }
    // SAFETY: as above.
    if unsafe { is_in_flight(cb) } {
        return libc::EINPROGRESS;
    }
    // It has ended meanwhile, or is a parent's.
    let _blocked = Blocked::new();
    let _guard = PROCESS.take();
    let found = error();
    // SAFETY: as above.
    if found == IN_PROGRESS && unsafe { !is_in_flight(cb) } {
        return libc::ECANCELED;
    }
    found as c_int
}

/// Whether a request is in flight in this process.
///
/// # Safety
/// As [`error`].
unsafe fn is_in_flight(cb: *const aiocb) -> bool {
    // SAFETY: the caller says so.
    let slot = unsafe { aiocb::slot(cb) };
    PROCESS.table.is_of(slot, cb.expose_provenance())
}

/// `aio_return(3)`: may be called by signal handlers.
///
/// # Safety
/// As [`error`].
pub(super) unsafe fn result(cb: *const aiocb) -> isize {
    // SAFETY: the caller says so.
    unsafe {
        if aiocb::error(cb) == IN_PROGRESS && !is_in_flight(cb) && error(cb) == libc::ECANCELED {
            return -1;
        }
        aiocb::result(cb)
    }
}

/// A moment of the monotonic clock, so long from now. EINVAL: it is no time.
pub(super) fn deadline((seconds, nanoseconds): (i64, i64)) -> Result<i64, Errno> {
    if !(0..1_000_000_000).contains(&nanoseconds) {
        return Err(Errno::EINVAL);
    }
    let length = seconds.max(0).saturating_mul(1_000_000_000);
    Ok(futex::now().saturating_add(length.saturating_add(nanoseconds)))
}

/// `aio_suspend(3)`: waits until one of the requests has ended. May be called by signal handlers; a
/// thread can be cancelled in it.
///
/// # Safety
/// The list has `count` entries: null, or a `struct aiocb`.
pub(super) unsafe fn suspend(
    list: *const *const aiocb,
    count: c_int,
    timeout: Option<(i64, i64)>,
) -> Result<(), Errno> {
    if count < 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the caller says so.
    let entry = |at: c_int| unsafe { *list.wrapping_add(at as usize) };
    let mut is_any = false;
    for cb in (0..count).map(entry).filter(|cb| !cb.is_null()) {
        is_any = true;
        // SAFETY: as above.
        if unsafe { aiocb::error(cb) } != IN_PROGRESS {
            return Ok(());
        }
    }
    if !is_any {
        return Ok(());
    }
    let until = timeout.map(deadline).transpose()?;
    let process = process()?;
    // SAFETY: as above.
    unsafe { wait_for_any(process, &Blocked::new(), list, count, until, true) }
}

/// Waits until one of the requests has ended.
///
/// # Safety
/// As [`suspend`].
#[inline(never)]
unsafe fn wait_for_any(
    process: &'static Process,
    blocked: &Blocked,
    list: *const *const aiocb,
    count: c_int,
    until: Option<i64>,
    is_cancellable: bool,
) -> Result<(), Errno> {
    // SAFETY: the caller says so.
    let entry = |at: c_int| unsafe { *list.wrapping_add(at as usize) };
    waiting::wait(process, blocked, until, is_cancellable, |guard, waiter| {
        let mut need = Need::Done;
        for cb in (0..count).map(entry).filter(|cb| !cb.is_null()) {
            // Each is read once: the program may write there, whether it is right or not.
            // SAFETY: as above.
            let (error, slot) = unsafe { (aiocb::error(cb), aiocb::slot(cb)) };
            if error != IN_PROGRESS || !PROCESS.table.is_of(slot, cb.expose_provenance()) {
                return Need::Done;
            }
            debug_assert!(guard.process.table.slot(slot).state != State::Free);
            let is_kernel = waiting::mark(guard, slot, waiter);
            need = need.and(is_kernel);
        }
        need
    })
}

/// `aio_cancel(3)`.
///
/// # Safety
/// `cb` is null or a `struct aiocb`.
pub(super) unsafe fn cancel(fd: c_int, cb: *const aiocb) -> Result<c_int, Errno> {
    const AIO_CANCELED: c_int = 0;
    const AIO_NOTCANCELED: c_int = 1;
    const AIO_ALLDONE: c_int = 2;
    let file = status::of(fd).map_err(|_| Errno::EBADF)?;
    let process = process()?;
    let cancelled = if cb.is_null() {
        cancelling::cancel_all(process, &Blocked::new(), fd, &file)
    } else {
        // SAFETY: the caller says so.
        if unsafe { (*cb).aio_fildes } != fd {
            return Err(Errno::EINVAL);
        }
        // SAFETY: as above.
        let slot = unsafe { aiocb::slot(cb) };
        cancelling::cancel_one(process, &Blocked::new(), slot, cb.expose_provenance())
    };
    Ok(match cancelled {
        Cancelled::All => AIO_CANCELED,
        Cancelled::NotAll => AIO_NOTCANCELED,
        Cancelled::None => AIO_ALLDONE,
    })
}

/// Waits until one request has ended, for `lio_listio(3)`.
///
/// # Safety
/// As [`error`].
pub(super) unsafe fn wait_for(
    process: &'static Process,
    blocked: &Blocked,
    cb: *const aiocb,
) -> Result<(), Errno> {
    // SAFETY: the caller says so.
    unsafe { wait_for_any(process, blocked, &raw const cb, 1, None, false) }
}

/// `aio_init(3)`: how many threads there may be, unless the environment says so, and how long they stay;
/// not once the first request was made.
pub(super) fn initialize(wanted: &aioinit) {
    if !PROCESS.is_in_use() {
        configuration::initialize(wanted.aio_threads, wanted.aio_idle_time);
    }
}
