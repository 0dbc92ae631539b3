//! Giving a request to another thread: to a helper, or to the poller.

use core::ptr;

use super::batch::Batch;
use super::carry_out::Transfer;
use super::context::Context;
use super::ending::{finish_at_exit, stay_loaded};
use super::file::{File, Identity};
use super::iocb::Submission;
use super::requests::{Details, FEW, QUEUED, Request, Work, give_back};
use super::state::Threads;
use crate::sync::Ordering::Release;
use crate::sys::errno::Errno;
use crate::sys::files::Way;

/// Who carries a request out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// A helper has it.
    Helper,
    /// No helper can have it: the caller does it.
    Caller,
}

/// Gives direct I/O to a helper.
pub(crate) fn hand_over_transfer(
    threads: &Threads,
    context: &Context,
    iocb: &Submission,
    file: &File,
    transfer: &Transfer,
    batch: &mut Batch,
) -> Result<Carrier, Errno> {
    let work = match transfer.way {
        Way::In => Work::Read,
        Way::Out => Work::Write,
    };
    let Some(request) = prepare(context, iocb, file, work) else {
        return Ok(Carrier::Caller);
    };
    // SAFETY: the request is this thread's, and the program's vectors were read before.
    let is_stored = unsafe {
        let details = &mut (*request).details;
        details.store_buffers(transfer.vectors, transfer.count)
    };
    if !is_stored {
        // SAFETY: the request is this thread's.
        unsafe { give_back(request) };
        return Ok(Carrier::Caller);
    }
    queue(threads, context, request, batch)
}

/// Gives FSYNC or FDSYNC to a helper.
pub(crate) fn hand_over_sync(
    threads: &Threads,
    context: &Context,
    iocb: &Submission,
    file: &File,
    data_only: bool,
    batch: &mut Batch,
) -> Result<Carrier, Errno> {
    match prepare(context, iocb, file, Work::Sync { data_only }) {
        Some(request) => queue(threads, context, request, batch),
        None => Ok(Carrier::Caller),
    }
}

/// Gives a poll to the poller.
pub(crate) fn hand_over_poll(
    threads: &Threads,
    context: &Context,
    iocb: &Submission,
    file: &File,
) -> Result<(), Errno> {
    let request = prepare(context, iocb, file, Work::Poll).ok_or(Errno::EAGAIN)?;
    accept(context, request)?;
    finish_at_exit(threads);
    // SAFETY: the request is this thread's.
    let armed = unsafe { threads.poller.arm(request) };
    if armed.is_ok() {
        stay_loaded(threads);
    } else {
        // SAFETY: still this thread's.
        unsafe { give_back(request) };
        context.events.completions.refuse();
        context.events.in_flight.leave();
    }
    armed
}

/// Fills a request in. None: no other thread can have it.
fn prepare(context: &Context, iocb: &Submission, file: &File, work: Work) -> Option<*mut Request> {
    if iocb.signal.is_of_program() {
        return None;
    }
    let (request, serial) = context.requests.get()?;
    let identity = match work {
        Work::Poll => Identity::default(),
        _ => file.identity.with_birth(file.fd),
    };
    let details = Details {
        events: &context.events,
        work,
        fd: file.fd,
        signal: iocb.signal,
        rw_flags: iocb.rw_flags as i32,
        offset: iocb.offset,
        identity,
        poll_events: iocb.buf as u16,
        data: iocb.data,
        obj: iocb.at,
        serial,
        vectors: 0,
        many: ptr::null_mut(),
        few: [libc::iovec {
            iov_base: ptr::null_mut(),
            iov_len: 0,
        }; FEW],
    };
    // SAFETY: the place is this thread's.
    unsafe { (&raw mut (*request).details).write(details) };
    Some(request)
}

/// Accepts a request that was filled in, and counts it in flight; or gives it back.
fn accept(context: &Context, request: *mut Request) -> Result<(), Errno> {
    let mut result = Ok(());
    if !context.events.completions.accept() {
        result = Err(Errno::EAGAIN);
    } else if !context.events.in_flight.enter() {
        // The context is being destroyed, and its memory goes when this call has ended.
        context.events.completions.refuse();
        result = Err(Errno::EINVAL);
    }
    if result.is_err() {
        // SAFETY: the request is this thread's.
        unsafe { give_back(request) };
    }
    result
}

/// Gives a request that was filled in to the helpers.
fn queue(
    threads: &Threads,
    context: &Context,
    request: *mut Request,
    batch: &mut Batch,
) -> Result<Carrier, Errno> {
    finish_at_exit(threads);
    if !threads.helpers.are_there() {
        // SAFETY: the request is this thread's.
        unsafe { give_back(request) };
        return Ok(Carrier::Caller);
    }
    stay_loaded(threads);
    accept(context, request)?;
    // SAFETY: as above. Release: hands the details over.
    unsafe {
        (*request).state.store(QUEUED, Release);
        threads.helpers.push(request);
    }
    batch.pushed += 1;
    Ok(Carrier::Helper)
}
