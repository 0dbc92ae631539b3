//! Giving a request to another thread: to a helper, or to a poller.

use core::ptr;

use super::batch::Batch;
use super::carry_out::Transfer;
use super::checks::appends;
use super::completions::NO_EVENTFD;
use super::context::Context;
use super::ending::{finish_at_exit, stay_loaded};
use super::file::File;
use super::iocb::Submission;
use super::poller::NOT_YET;
use super::requests::{Details, FEW, Request, Work};
use super::state::Threads;
use crate::sys::errno::Errno;
use crate::sys::files::Way;

/// Who carries a request out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// A helper will have it.
    Helper,
    /// No helper can have it: the caller does it.
    Caller,
}

/// How a request that goes to a helper is placed among others of its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// It is direct I/O, or a sync, which nobody waits for.
    Later,
    /// The kernel's AIO would do it inside `io_submit`: later ones wait for it.
    AtOnce,
}

/// Gives a read or write to a helper, when the call is over.
pub(crate) fn hand_over_transfer(
    threads: &Threads,
    context: &Context,
    iocb: &Submission,
    file: &File,
    (transfer, order): (&Transfer, Order),
    batch: &mut Batch,
) -> Result<Carrier, Errno> {
    let work = match transfer.way {
        Way::In => Work::Read,
        Way::Out => Work::Write,
    };
    let is_waited_for = order == Order::AtOnce;
    let lanes = &threads.helpers.lanes;
    if threads.helpers.are_ending() || is_waited_for && lanes.is_waited_for(file.lane) {
        return Ok(Carrier::Caller);
    }
    let request = prepare(context, iocb, file, work)?;
    // SAFETY: the request is this thread's, and the program's vectors were read before.
    let is_stored = unsafe {
        let details = &mut (*request).details;
        details.is_waited_for = is_waited_for;
        details.appends = is_waited_for && appends(file, transfer);
        details.store_buffers(transfer.vectors, transfer.count)
    };
    if !is_stored {
        give_back(context, request);
        return Ok(Carrier::Caller);
    }
    queue(threads, iocb, file, request, batch);
    Ok(Carrier::Helper)
}

/// Gives FSYNC or FDSYNC to a helper, when the call is over.
pub(crate) fn hand_over_sync(
    threads: &Threads,
    context: &Context,
    iocb: &Submission,
    file: &File,
    data_only: bool,
    batch: &mut Batch,
) -> Result<Carrier, Errno> {
    if threads.helpers.are_ending() {
        return Ok(Carrier::Caller);
    }
    let request = prepare(context, iocb, file, Work::Sync { data_only })?;
    queue(threads, iocb, file, request, batch);
    Ok(Carrier::Helper)
}

/// Gives a poll to a poller.
pub(crate) fn hand_over_poll(
    threads: &Threads,
    context: &Context,
    iocb: &Submission,
    file: &File,
    batch: &Batch,
) -> Result<(), Errno> {
    if threads.helpers.are_ending() {
        return Err(Errno::EAGAIN);
    }
    let request = prepare(context, iocb, file, Work::Poll)?;
    finish_at_exit(threads);
    let files = [file.fd, iocb.resfd];
    let count = if iocb.has_eventfd() { 2 } else { 1 };
    // SAFETY: the request is this thread's.
    let armed = unsafe {
        (&raw mut (*request).details.fd).write(NOT_YET);
        let files = files.get(..count).unwrap_or_default();
        threads.pollers.arm(request, files, batch.signals.before())
    };
    match armed {
        Ok(()) => stay_loaded(threads),
        Err(_) => give_back(context, request),
    }
    armed
}

/// Accepts a request, counts it in flight, and fills it in.
fn prepare(
    context: &Context,
    iocb: &Submission,
    file: &File,
    work: Work,
) -> Result<*mut Request, Errno> {
    if !context.events.completions.accept() {
        return Err(Errno::EAGAIN);
    }
    if !context.events.in_flight.enter() {
        // The context is being destroyed, and its memory goes when this call has ended.
        context.events.completions.refuse();
        return Err(Errno::EINVAL);
    }
    let Some(request) = context.requests.get() else {
        context.events.in_flight.leave();
        context.events.completions.refuse();
        return Err(Errno::EAGAIN);
    };
    let details = Details {
        events: &context.events,
        requests: &context.requests,
        work,
        fd: 0,
        eventfd: NO_EVENTFD,
        rw_flags: iocb.rw_flags as i32,
        offset: iocb.offset,
        kind: file.kind,
        poll_events: iocb.buf as u16,
        lane: file.lane,
        is_waited_for: false,
        has_turn: false,
        appends: false,
        data: iocb.data,
        obj: iocb.at,
        vectors: 0,
        many: ptr::null_mut(),
        few: [libc::iovec {
            iov_base: ptr::null_mut(),
            iov_len: 0,
        }; FEW],
    };
    // SAFETY: the place is this thread's.
    unsafe { (&raw mut (*request).details).write(details) };
    Ok(request)
}

/// Takes [`prepare`] back.
fn give_back(context: &Context, request: *mut Request) {
    // SAFETY: the request is this thread's.
    unsafe { context.requests.give_back(request) };
    context.events.completions.refuse();
    context.events.in_flight.leave();
}

/// Adds a request that was filled in to those that are sent.
fn queue(
    threads: &Threads,
    iocb: &Submission,
    file: &File,
    request: *mut Request,
    batch: &mut Batch,
) {
    batch.make_room(threads);
    // SAFETY: the request is this thread's.
    unsafe {
        (&raw mut (*request).details.fd).write(batch.index_of(file.fd));
        if iocb.has_eventfd() {
            (&raw mut (*request).details.eventfd).write(batch.index_of(iocb.resfd));
        }
        threads.helpers.lanes.add(&(*request).details);
        batch.push(request);
    }
}
