//! `io_submit`: the kernel's checks in the kernel's order (`io_submit_one` and what it calls in
//! `fs/aio.c`).

use core::ffi::{c_int, c_long};
use core::mem::{MaybeUninit, take};
use core::ptr;

use super::batch::Batch;
use super::carry_out::{Done, Transfer};
use super::checks::{
    check_eventfd, check_priority, check_vectors, ends_at_once, one_vector, overflows,
};
use super::completions::Signal;
use super::context::Context;
use super::file::{File, Kind};
use super::handing_over::{Carrier, hand_over_poll, hand_over_sync, hand_over_transfer};
use super::iocb::{FLAG_IOPRIO, FLAG_RESFD, Submission, clear_key, opcode};
use super::requests::event;
use super::state::Threads;
use crate::abi::iocb;
use crate::sys::errno::Errno;
use crate::sys::files::{self, RWF_APPEND, RWF_KNOWN, RWF_NOAPPEND, RWF_NOWAIT, Way};

/// Submits requests, and says how many. The first one that is refused ends the call.
///
/// # Safety
/// The buffers that the iocbs name stay valid until their events are taken.
pub(crate) unsafe fn submit(
    threads: &Threads,
    context: &Context,
    nr: c_long,
    ios: *mut *mut iocb,
) -> Result<c_int, Errno> {
    if nr < 0 {
        return Err(Errno::EINVAL);
    }
    let nr = nr.min(context.nr() as c_long) as c_int;
    let mut batch = Batch::default();
    let mut result = Ok(nr);
    for index in 0..nr {
        // SAFETY: the caller keeps the same promise.
        let submitted = unsafe { submit_one(threads, context, ios, index, &mut batch) };
        if let Err(error) = submitted {
            result = if index > 0 { Ok(index) } else { Err(error) };
            break;
        }
    }
    threads.helpers.wake(batch.pushed);
    result
}

/// Submits the request at an index of the array.
///
/// # Safety
/// As [`submit`].
unsafe fn submit_one(
    threads: &Threads,
    context: &Context,
    ios: *mut *mut iocb,
    index: c_int,
    batch: &mut Batch,
) -> Result<(), Errno> {
    let place = ios.wrapping_add(index as usize);
    if !batch.readable.contain(place.cast(), size_of::<*mut iocb>()) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the kernel has just read its page.
    let at = unsafe { place.read_unaligned() };
    if !batch.readable.contain(at.cast(), size_of::<iocb>()) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the kernel has just read its pages.
    let mut iocb = unsafe { Submission::read(at) };
    if iocb.reserved != 0 || (iocb.nbytes as i64) < 0 {
        return Err(Errno::EINVAL);
    }
    if !context.events.completions.has_room() {
        return Err(Errno::EAGAIN);
    }
    // SAFETY: as the caller promises.
    if unsafe { submit_to_known_file(threads, context, &iocb) }? == ShortWay::Taken {
        return Ok(());
    }
    let file = File::of(iocb.fd)?;
    let has_signal = iocb.flags & FLAG_RESFD != 0;
    if has_signal {
        check_eventfd(iocb.resfd)?;
    }
    // SAFETY: the iocb was read before.
    if !unsafe { clear_key(at, &threads.writable) } {
        return Err(Errno::EFAULT);
    }
    if has_signal {
        // The program may close its own before the event comes. Without a duplicate it is signalled
        // all the same.
        iocb.signal = match files::duplicate(iocb.resfd) {
            Ok(duplicate) => Signal::of_duplicate(duplicate),
            Err(_) => Signal::of_program(iocb.resfd),
        };
    }
    let result = match iocb.opcode {
        opcode::PREAD => transfer(threads, context, &iocb, &file, (Way::In, false), batch),
        opcode::PWRITE => transfer(threads, context, &iocb, &file, (Way::Out, false), batch),
        opcode::PREADV => transfer(threads, context, &iocb, &file, (Way::In, true), batch),
        opcode::PWRITEV => transfer(threads, context, &iocb, &file, (Way::Out, true), batch),
        opcode::FSYNC => sync(threads, context, &iocb, &file, false, batch),
        opcode::FDSYNC => sync(threads, context, &iocb, &file, true, batch),
        opcode::POLL => poll(threads, context, &iocb, &file),
        _ => Err(Errno::EINVAL),
    };
    if result.is_err() {
        iocb.signal.discard();
    }
    result
}

/// Whether a request was done without a look at its file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ShortWay {
    /// It is done.
    Taken,
    /// Nothing was done.
    Closed,
}

/// Does a plain read or write of a file that took one lately.
///
/// # Safety
/// As [`submit`].
unsafe fn submit_to_known_file(
    threads: &Threads,
    context: &Context,
    iocb: &Submission,
) -> Result<ShortWay, Errno> {
    let way = match iocb.opcode {
        opcode::PREAD => Way::In,
        opcode::PWRITE => Way::Out,
        _ => return Ok(ShortWay::Closed),
    };
    // SAFETY: the iocb was read before.
    let clear_key = || unsafe { clear_key(iocb.at, &threads.writable) };
    if iocb.flags != 0
        || iocb.rw_flags != 0
        || iocb.offset < 0
        || !threads.known_files.trust(iocb.fd, way)
        || !clear_key()
    {
        return Ok(ShortWay::Closed);
    }
    let Ok(vector) = one_vector(iocb) else {
        return Ok(ShortWay::Closed);
    };
    let transfer = Transfer {
        way,
        vectors: &vector,
        count: 1,
        offset: iocb.offset,
        flags: 0,
    };
    if overflows(&transfer) {
        return Ok(ShortWay::Closed);
    }
    if !context.events.completions.accept() {
        return Err(Errno::EAGAIN);
    }
    // SAFETY: one vector is there.
    let Some(result) = (unsafe { transfer.on_known_file(iocb.fd) }) else {
        threads.known_files.forget(iocb.fd);
        context.events.completions.refuse();
        return Ok(ShortWay::Closed);
    };
    post(context, iocb, result);
    Ok(ShortWay::Taken)
}

/// Posts the event of a request that was carried out by this thread.
fn post(context: &Context, iocb: &Submission, result: Result<c_int, Errno>) {
    let event = event(iocb.data, iocb.at, result);
    context.events.post(event, iocb.signal);
}

/// PREAD, PWRITE, PREADV, PWRITEV.
fn transfer(
    threads: &Threads,
    context: &Context,
    iocb: &Submission,
    file: &File,
    (way, vectored): (Way, bool),
    batch: &mut Batch,
) -> Result<(), Errno> {
    if iocb.flags & FLAG_IOPRIO != 0 {
        check_priority(iocb.priority)?;
    }
    let flags = iocb.rw_flags as c_int;
    if flags & !RWF_KNOWN != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    if flags & (RWF_APPEND | RWF_NOAPPEND) == RWF_APPEND | RWF_NOAPPEND {
        return Err(Errno::EINVAL);
    }
    if flags & RWF_NOWAIT != 0 && file.kind == Kind::Other && files::is_terminal(file.fd) {
        return Err(Errno::EOPNOTSUPP);
    }
    if !file.allows(way) {
        return Err(Errno::EBADF);
    }
    if file.kind == Kind::Directory {
        return Err(Errno::EINVAL);
    }
    let mut one = MaybeUninit::uninit();
    let (vectors, count) = if vectored {
        check_vectors(iocb)?
    } else {
        (ptr::from_ref(one.write(one_vector(iocb)?)), 1)
    };
    let transfer = Transfer {
        way,
        vectors,
        count,
        offset: iocb.offset,
        flags,
    };
    if overflows(&transfer) {
        return Err(Errno::EINVAL);
    }
    if file.is_direct() && !ends_at_once(file, &transfer) {
        let carrier = hand_over_transfer(threads, context, iocb, file, &transfer, batch)?;
        if carrier == Carrier::Helper {
            return Ok(());
        }
    }
    if !context.events.completions.accept() {
        return Err(Errno::EAGAIN);
    }
    if !matches!(file.kind, Kind::Disk) {
        // It may wait, also for what was queued before.
        threads.helpers.wake(take(&mut batch.pushed));
    }
    // SAFETY: the vectors are there.
    let done = unsafe { transfer.in_caller(file) };
    let Done {
        result,
        is_positional,
    } = done.inspect_err(|_| context.events.completions.refuse())?;
    if is_positional && !file.is_direct() {
        threads.known_files.add(file.fd, way);
    }
    post(context, iocb, result);
    Ok(())
}

/// FSYNC, FDSYNC.
fn sync(
    threads: &Threads,
    context: &Context,
    iocb: &Submission,
    file: &File,
    data_only: bool,
    batch: &mut Batch,
) -> Result<(), Errno> {
    if iocb.buf != 0 || iocb.offset != 0 || iocb.nbytes != 0 || iocb.rw_flags != 0 {
        return Err(Errno::EINVAL);
    }
    if !matches!(file.kind, Kind::Disk | Kind::Directory) {
        return Err(Errno::EINVAL);
    }
    // A file of /proc has next to nothing to write and may not be synced, so it is tried at once.
    if !file.is_empty()
        && hand_over_sync(threads, context, iocb, file, data_only, batch)? == Carrier::Helper
    {
        return Ok(());
    }
    if !context.events.completions.accept() {
        return Err(Errno::EAGAIN);
    }
    let result = files::sync(file.fd, data_only);
    if result == Err(Errno::EINVAL) {
        context.events.completions.refuse();
        return Err(Errno::EINVAL);
    }
    post(context, iocb, result);
    Ok(())
}

/// POLL.
fn poll(threads: &Threads, context: &Context, iocb: &Submission, file: &File) -> Result<(), Errno> {
    if iocb.buf > 0xffff || iocb.offset != 0 || iocb.nbytes != 0 || iocb.rw_flags != 0 {
        return Err(Errno::EINVAL);
    }
    let asked = iocb.buf as u16;
    let always = (libc::POLLERR | libc::POLLHUP) as u16;
    let ready = files::poll(file.fd, asked as i16, false).unwrap_or(0) & (asked | always);
    if ready != 0 {
        if !context.events.completions.accept() {
            return Err(Errno::EAGAIN);
        }
        post(context, iocb, Ok(ready.into()));
        return Ok(());
    }
    // The kernel waits in one queue only, and a terminal has two; a file on a disk has none.
    if matches!(file.kind, Kind::Disk | Kind::Directory) || files::is_terminal(file.fd) {
        return Err(Errno::EINVAL);
    }
    hand_over_poll(threads, context, iocb, file)
}
