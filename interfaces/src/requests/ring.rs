//! The context of libaio, and its ring.
//!
//! Whoever holds the lock may *read* the events that have come, and end their requests. *Taken* out of
//! the ring are they only by the leader, or while there is none: the thread that waits in
//! `io_getevents` must find them there, or it would sleep on. It waits with an address that nothing can
//! be written to: then the kernel, and libaio-rs, wait for an event and leave it in the ring (EFAULT).
//! So a thread may leave that wait by a signal handler's `longjmp`, or be cancelled in it, and nothing is lost.

use core::ffi::{c_int, c_long};
use core::ptr;

use super::completing::complete;
use super::process::Guard;
use super::queue;
use super::slot::{Action, Index, Kind, Slot, State};
use crate::abi::{AIO_RING_MAGIC, aio_ring, io_context_t, io_event, iocb};
use crate::libaio;
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sys::errno::Errno;
use crate::sys::files::RWF_NOWAIT;
use crate::sys::futex;

/// So many events are asked for; then fewer, if the system has no more (`fs.aio-max-nr`).
const SIZES: [c_int; 3] = [512, 64, 8];
/// So many are taken at a time.
const BATCH: usize = 32;

/// Whether there is a context; makes it first.
pub(crate) fn set_up(guard: &mut Guard<'_>) -> bool {
    let ring = &guard.process.ring;
    if guard.kernel_is_refused || !ring.context().is_null() {
        return !guard.kernel_is_refused;
    }
    guard.kernel_is_refused = true;
    for size in SIZES {
        let mut context: io_context_t = ptr::null_mut();
        // SAFETY: there is room for a context.
        let made = unsafe { libaio::io_setup(size, &mut context) };
        if Errno::of_negated(made) == Errno::EAGAIN {
            continue;
        }
        if made < 0 || context.is_null() {
            break;
        }
        // SAFETY: just made.
        let header = unsafe { &*context };
        if header.magic != AIO_RING_MAGIC || header.incompat_features != 0 {
            // SAFETY: nobody knows of it.
            unsafe { libaio::io_destroy(context) };
            break;
        }
        ring.size.store(header.nr.load(Relaxed), Relaxed);
        // Release: pairs with `context`.
        ring.context.store(context.expose_provenance(), Release);
        guard.kernel_is_refused = false;
        break;
    }
    !guard.kernel_is_refused
}

/// Counts a request as the kernel's, and fills its iocb in.
pub(crate) fn prepare(guard: &mut Guard<'_>, index: Index) -> iocb {
    let slot = guard.process.table.slot(index);
    slot.state = State::Kernel;
    slot.is_submitting = true;
    let (is_told, is_polled) = (is_told(slot), slot.is_polled);
    // SAFETY: zeroes are an iocb.
    let mut iocb: iocb = unsafe { core::mem::zeroed() };
    iocb.data = ptr::without_provenance_mut(index as usize);
    // IOCB_CMD_PREAD and IOCB_CMD_PWRITE.
    iocb.aio_lio_opcode = if slot.action == Action::Read { 0 } else { 1 };
    iocb.aio_fildes = slot.fd;
    // What would make the caller wait comes back, and goes to a pool.
    iocb.aio_rw_flags = RWF_NOWAIT as u32;
    iocb.u.c.buf = ptr::with_exposed_provenance_mut(slot.buffer);
    iocb.u.c.nbytes = slot.length as _;
    iocb.u.c.offset = slot.offset;
    guard.in_kernel += 1;
    guard.told_in_kernel += u32::from(is_told);
    guard.polled_in_kernel += u32::from(is_polled);
    iocb
}

/// Whether the program is told when this request ends, or its list.
fn is_told(slot: &Slot) -> bool {
    slot.notification.kind != Kind::None || slot.list != 0
}

/// The call that submitted a request is about to return.
pub(crate) fn release(guard: &mut Guard<'_>, index: Index, sequence: u64) {
    let slot = guard.process.table.slot(index);
    // It may have ended, and the slot be another one's.
    if slot.sequence == sequence {
        slot.is_submitting = false;
    }
}

/// A request is not the kernel's any more: it has come back, or could not be submitted.
pub(crate) fn withdraw(guard: &mut Guard<'_>, index: Index) {
    let slot = guard.process.table.slot(index);
    slot.state = State::Placing;
    let (is_told, is_polled) = (is_told(slot), slot.is_polled);
    guard.in_kernel -= 1;
    guard.told_in_kernel -= u32::from(is_told);
    guard.polled_in_kernel -= u32::from(is_polled);
}

/// Reads what has come: those requests end, or are to be handed over (`returned`).
pub(crate) fn read(guard: &mut Guard<'_>) {
    let ring = &guard.process.ring;
    let context: *mut aio_ring = ring.context();
    if context.is_null() {
        return;
    }
    // SAFETY: the context stays.
    let header = unsafe { &*context };
    // Acquire: pairs with the kernel, which writes an event before it moves `tail`.
    let tail = header.tail.load(Acquire);
    let size = ring.size.load(Relaxed);
    let mut at = ring.read_to.load(Relaxed);
    let events: *const io_event = context
        .cast_const()
        .wrapping_byte_add(header.header_length as usize)
        .cast();
    while at != tail {
        // SAFETY: it lies between what was read and `tail`, so it is written and nobody has taken it.
        let (index, result) = unsafe {
            let event = events.add(at as usize);
            #[allow(clippy::useless_conversion)] // A long has 32 or 64 bits.
            let result = i64::from((*event).res as c_long);
            ((*event).data.addr() as Index, result)
        };
        at += 1;
        if at >= size {
            at = 0;
        }
        ring.read_to.store(at, Relaxed);
        guard.read_events += 1;
        end(guard, index, result);
    }
}

/// What becomes of a request whose event was read.
fn end(guard: &mut Guard<'_>, index: Index, result: i64) {
    withdraw(guard, index);
    // Of a filter too the helpers know ways around.
    let would_wait = [
        Errno::EAGAIN,
        Errno::EOPNOTSUPP,
        Errno::EPERM,
        Errno::ENOSYS,
    ];
    if would_wait.contains(&Errno::of_negated(result as c_int)) && result < 0 {
        let table = &guard.process.table;
        let slot = table.slot(index);
        slot.is_late = !slot.is_submitting;
        guard.returned.push(table, index, queue::by_state);
    } else {
        complete(guard, index, result);
    }
}

/// Takes the events that were read out of the ring. The leader does, or who finds none.
pub(crate) fn take(guard: &mut Guard<'_>) {
    let context = guard.process.ring.context();
    let mut events = [const { core::mem::MaybeUninit::<io_event>::uninit() }; BATCH];
    while guard.read_events != 0 {
        let wanted = BATCH.min(guard.read_events as usize) as c_long;
        let mut timeout = futex::as_timespec(0);
        // SAFETY: there is room for so many.
        let taken = unsafe {
            libaio::io_getevents(context, 0, wanted, events.as_mut_ptr().cast(), &mut timeout)
        };
        if taken <= 0 {
            break;
        }
        guard.read_events -= taken as u32;
    }
}

/// Reads what has come, and takes it if that is nobody else's.
pub(crate) fn look(guard: &mut Guard<'_>) {
    read(guard);
    // Those of a leader that has left its wait for good pile up.
    let size = guard.process.ring.size.load(Relaxed);
    if guard.read_events != 0 && (guard.leader == 0 || guard.read_events > size / 2) {
        take(guard);
    }
}
