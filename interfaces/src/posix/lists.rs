//! `lio_listio(3)`.

use core::ffi::c_int;

use super::calls::{begin, check, wait_for};
use super::structures::{Offsets, WIDE, aiocb, is_wide, notification, sigevent};
use crate::requests::slot::{Action, Kind, Notification};
use crate::requests::submitting::{self, Batch};
use crate::starting::{choice, process};
use crate::sys::errno::Errno;
use crate::sys::signals::Blocked;

/// Which `lio_listio`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// That of glibc 2.4 and later.
    New,
    /// The one before it, which does not tell the program of each request.
    Old,
}

const LIO_NOP: c_int = 2;

/// What the C library adds to the operation of `lio_listio64`.
fn base(offsets: Offsets) -> c_int {
    if is_wide(offsets) { WIDE } else { 0 }
}

/// What an operation is, as the C library finds it out. None: it is none.
fn action_of(given: c_int, offsets: Offsets) -> Option<Action> {
    let operation = given | base(offsets);
    match (operation & (WIDE - 1), operation) {
        (0, _) => Some(Action::Read),
        (1, _) => Some(Action::Write),
        (_, 3) => Some(Action::SyncData),
        (_, 4) => Some(Action::Sync),
        _ => None,
    }
}

/// EINVAL: the mode is none, or the priority of a request that is not waited for. EAGAIN: there is no memory
/// for one. EIO: one that was waited for has failed, or could not be made.
///
/// # Safety
/// The list has `count` entries: null, or a `struct aiocb` with offsets of that length. `event` is null
/// or can be read.
pub(super) unsafe fn submit(
    mode: c_int,
    list: *const *mut aiocb,
    count: c_int,
    event: *const sigevent,
    offsets: Offsets,
    version: Version,
) -> Result<(), Errno> {
    const LIO_WAIT: c_int = 0;
    const LIO_NOWAIT: c_int = 1;
    if mode != LIO_WAIT && mode != LIO_NOWAIT {
        return Err(Errno::EINVAL);
    }
    let process = process()?;
    let blocked = Blocked::new();
    // SAFETY: the caller says so.
    let entry = |at: c_int| unsafe { *list.wrapping_add(at as usize) };
    let mut of_list = Notification::NONE;
    if mode == LIO_NOWAIT && !event.is_null() {
        // SAFETY: as above.
        of_list = notification(unsafe { &*event });
    }
    let list_index = if of_list.kind == Kind::None {
        0
    } else {
        submitting::new_list(&mut process.take(), of_list)?
    };
    let mut batch = Batch::new();
    // Members of one file ask the kernel for it once in each batch.
    let mut seen = None;
    let mut outcome = Ok(());
    let mut is_any = false;
    for cb in (0..count).map(entry).filter(|cb| !cb.is_null()) {
        // SAFETY: as above.
        let given = unsafe { (*cb).aio_lio_opcode };
        if given == LIO_NOP {
            continue;
        }
        let notification = match version {
            // SAFETY: as above.
            Version::New => notification(unsafe { &(*cb).aio_sigevent }),
            Version::Old => Notification::NONE,
        };
        let known = action_of(given, offsets);
        let action = known.unwrap_or(Action::Read);
        // SAFETY: as above.
        if let Err(error) = unsafe { check(cb, action) } {
            outcome = Err(error);
            continue;
        }
        // SAFETY: as above.
        let wanted = unsafe {
            let wanted = begin(cb, action, offsets, notification, list_index);
            (*cb).aio_lio_opcode = given | base(offsets);
            wanted
        };
        if action.is_sync() {
            // It may have to wait for those before it, in this call.
            submitting::submit(process, &blocked, &mut batch);
        }
        let begun = match known {
            Some(_) => submitting::begin(&wanted, &mut seen),
            None => submitting::ended(&wanted, Errno::EINVAL.negated().into()),
        };
        let taken = submitting::take(process, &blocked, &wanted, begun, choice(), &mut batch);
        if let Err(error) = taken {
            // SAFETY: as above; there is no request.
            unsafe { aiocb::fail(cb, -error.negated()) };
            outcome = Err(error);
        } else {
            is_any = true;
        }
        if batch.is_full() {
            submitting::submit(process, &blocked, &mut batch);
            seen = None;
        }
    }
    submitting::submit(process, &blocked, &mut batch);
    submitting::stand_in(process);
    if list_index != 0 {
        submitting::end_list(&mut process.take(), list_index);
    }
    if mode == LIO_NOWAIT || !is_any {
        return outcome;
    }
    let mut is_any_failed = outcome.is_err();
    for cb in (0..count).map(entry).filter(|cb| !cb.is_null()) {
        // SAFETY: as above. The program keeps the structures until this returns.
        unsafe {
            if (*cb).aio_lio_opcode == LIO_NOP {
                continue;
            }
            wait_for(process, &blocked, cb)?;
            is_any_failed |= aiocb::error(cb) != 0;
        }
    }
    if is_any_failed {
        Err(Errno::EIO)
    } else {
        Ok(())
    }
}
