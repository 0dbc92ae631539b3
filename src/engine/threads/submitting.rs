//! `io_submit`: the kernel's checks in the kernel's order (`io_submit_one` and what it calls in
//! `fs/aio.c`).

use core::ffi::{c_int, c_long};
use core::mem::MaybeUninit;
use core::ptr;

use super::batch::Batch;
use super::carry_out::Transfer;
use super::checks::{
    check_priority, check_vectors, ends_at_once, has_doubtful_flag, may_send_signal, one_vector,
    overflows,
};
use super::context::Context;
use super::file::{File, Kind};
use super::handing_over::{Carrier, Order, hand_over_poll, hand_over_sync, hand_over_transfer};
use super::iocb::{FLAG_IOPRIO, Submission, clear_key, opcode};
use super::requests::event;
use super::state::Threads;
use crate::abi::iocb;
use crate::configuration;
use crate::sys::epoll;
use crate::sys::errno::Errno;
use crate::sys::files::{
    self, RWF_APPEND, RWF_ATOMIC, RWF_DONTCACHE, RWF_KNOWN, RWF_NOAPPEND, RWF_NOWAIT, Way,
};
use crate::sys::signals::Blocked;

/// Submits requests, and says how many. The first one that is refused ends the call. No handler runs
/// in it, as in the kernel, unless it waits.
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
    let signals = Blocked::new();
    let mut batch = Batch::new(&signals);
    let mut result = Ok(nr);
    for index in 0..nr {
        // SAFETY: the caller keeps the same promise.
        let submitted = unsafe { submit_one(threads, context, ios, index, &mut batch) };
        if let Err(error) = submitted {
            result = if index > 0 { Ok(index) } else { Err(error) };
            break;
        }
    }
    batch.end(threads, context);
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
    let iocb = unsafe { Submission::read(at) };
    if iocb.reserved != 0 || (iocb.nbytes as i64) < 0 {
        return Err(Errno::EINVAL);
    }
    if !context.events.completions.has_room() {
        return Err(Errno::EAGAIN);
    }
    let file = batch.file(iocb.fd)?;
    if iocb.has_eventfd() {
        batch.check_eventfd(iocb.resfd)?;
    }
    // SAFETY: the iocb was read before.
    if !unsafe { clear_key(at, &threads.writable) } {
        return Err(Errno::EFAULT);
    }
    match iocb.opcode {
        opcode::PREAD => transfer(threads, context, &iocb, &file, (Way::In, false), batch),
        opcode::PWRITE => transfer(threads, context, &iocb, &file, (Way::Out, false), batch),
        opcode::PREADV => transfer(threads, context, &iocb, &file, (Way::In, true), batch),
        opcode::PWRITEV => transfer(threads, context, &iocb, &file, (Way::Out, true), batch),
        opcode::FSYNC => sync(threads, context, &iocb, &file, false, batch),
        opcode::FDSYNC => sync(threads, context, &iocb, &file, true, batch),
        opcode::POLL => poll(threads, context, &iocb, &file, batch),
        _ => Err(Errno::EINVAL),
    }
}

/// Posts the event of a request that was carried out by this thread.
fn post(context: &Context, iocb: &Submission, result: Result<c_int, Errno>, batch: &mut Batch) {
    let event = event(iocb.data, iocb.at, result);
    context.events.completions.post(event, || ());
    batch.has_posted(iocb.has_eventfd().then_some(iocb.resfd));
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
    // The kernel knows these flags of some files only. It looks at that before all that follows.
    let is_refused = |flag: c_int| match flag {
        RWF_ATOMIC => way == Way::In || !file.is_direct(),
        _ => !file.has_cache(),
    };
    let is_set = |flag: &c_int| flags & flag != 0;
    if [RWF_ATOMIC, RWF_DONTCACHE]
        .into_iter()
        .filter(is_set)
        .any(is_refused)
    {
        return Err(Errno::EOPNOTSUPP);
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
    let checked = if vectored {
        check_vectors(iocb)
    } else {
        one_vector(iocb).map(|vector| (ptr::from_ref(one.write(vector)), 1))
    };
    let (vectors, count) = checked.map_err(|error| {
        // What a file cannot do at all is refused before.
        let is_lacking = file.may_lack_method() && !files::has_method(file.fd, way);
        if is_lacking { Errno::EINVAL } else { error }
    })?;
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
    if transfer.has_unknown_flag_and_nothing_else(file) {
        return Err(Errno::EOPNOTSUPP);
    }
    // SAFETY: the vectors are there.
    let way_to_go = unsafe { way_to_go(threads, file, &transfer) };
    if let WayToGo::Helper(order) = way_to_go {
        let carrier = hand_over_transfer(threads, context, iocb, file, (&transfer, order), batch)?;
        if carrier == Carrier::Helper {
            return Ok(());
        }
    }
    if !context.events.completions.accept() {
        return Err(Errno::EAGAIN);
    }
    if let WayToGo::Done(count) = way_to_go {
        post(context, iocb, Ok(count), batch);
        return Ok(());
    }
    if way_to_go != WayToGo::Caller {
        batch.wait_for_lane(threads, file.lane);
    }
    if file.kind != Kind::Disk {
        // It may wait, also for what comes before.
        batch.send(threads);
        batch.tell(context);
    }
    // SAFETY: the vectors are there.
    let result = unsafe { transfer.in_caller(file, batch.signals) };
    if way == Way::Out || file.kind != Kind::Disk {
        batch.forget_file();
    }
    let result = result.inspect_err(|_| context.events.completions.refuse())?;
    post(context, iocb, result, batch);
    Ok(())
}

/// What becomes of a read or write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum WayToGo {
    /// The caller carries it out.
    Caller,
    /// The caller does, after those that it has submitted before for this file.
    CallerInTurn,
    /// A helper does.
    Helper(Order),
    /// It was carried out.
    Done(c_int),
}

/// What becomes of a read or write. What the kernel's AIO would do later is done by helpers; and so is what
/// may make `io_submit` wait for a disk, if the program is to be spared that.
///
/// # Safety
/// The vectors are there.
unsafe fn way_to_go(threads: &Threads, file: &File, transfer: &Transfer) -> WayToGo {
    let is_direct = file.is_direct() && !file.is_in_memory();
    if is_direct && !ends_at_once(file, transfer) {
        return WayToGo::Helper(Order::Later);
    }
    let never_waits = transfer.flags & RWF_NOWAIT != 0;
    if !configuration::submits_asynchronously() || !file.may_wait() || never_waits {
        return WayToGo::Caller;
    }
    if has_doubtful_flag(transfer) || may_send_signal(file, transfer) {
        return WayToGo::CallerInTurn;
    }
    // A read is not to overtake the writes before it.
    if transfer.way == Way::In && !threads.helpers.lanes.has_writes(file.lane) {
        if is_direct {
            // Behind the end of the file.
            return WayToGo::Caller;
        }
        // SAFETY: as the caller promises.
        if let Some(count) = unsafe { transfer.read_from_cache(file) } {
            return WayToGo::Done(count);
        }
    }
    WayToGo::Helper(Order::AtOnce)
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
    batch.wait_for_lane(threads, file.lane);
    let result = files::sync(file.fd, data_only);
    if result == Err(Errno::EINVAL) {
        context.events.completions.refuse();
        return Err(Errno::EINVAL);
    }
    post(context, iocb, result, batch);
    Ok(())
}

/// POLL.
fn poll(
    threads: &Threads,
    context: &Context,
    iocb: &Submission,
    file: &File,
    batch: &mut Batch,
) -> Result<(), Errno> {
    if iocb.buf > 0xffff || iocb.offset != 0 || iocb.nbytes != 0 || iocb.rw_flags != 0 {
        return Err(Errno::EINVAL);
    }
    let asked = iocb.buf as u16;
    let always = (libc::POLLERR | libc::POLLHUP) as u16;
    let ready = files::poll(file.fd, asked as i16, 0).unwrap_or(0) & (asked | always);
    if ready != 0 {
        if !context.events.completions.accept() {
            return Err(Errno::EAGAIN);
        }
        post(context, iocb, Ok(ready.into()), batch);
        return Ok(());
    }
    // The kernel waits in one queue only. A terminal has two, and so has a pipe for both ways.
    let has_two = match file.kind {
        Kind::Pipe => file.is_both_ways(),
        Kind::Other => files::is_terminal(file.fd),
        _ => false,
    };
    // A file on a disk has none, but for some of `/proc`; nor has a device such as /dev/null.
    let may_have_none = match file.kind {
        Kind::Disk | Kind::Directory => true,
        Kind::Other => !file.is_anonymous(),
        Kind::Pipe | Kind::Socket => false,
    };
    let has_none = may_have_none && !epoll::can_watch(file.fd);
    if has_two || has_none {
        return Err(Errno::EINVAL);
    }
    hand_over_poll(threads, context, iocb, file, batch)
}
