//! Submitting: where a request goes.
//!
//! | request | goes |
//! |---|---|
//! | direct, of a regular file or block device, not appended | to the kernel |
//! | buffered read of what is in the page cache | is carried out at once |
//! | any other | to a pool |
//!
//! It is decided by what the descriptor is now: its flags and its type are asked each time, and once for requests of
//! it that are submitted together.

use core::mem::MaybeUninit;

use super::attendants::{self, Which};
use super::carrying_out::is_stream;
use super::collecting::{self, COLLECTS};
use super::completing::{complete, leave_list};
use super::context;
use super::handing_over::{May, hand_over, hand_over_or_refuse, hand_over_returned};
use super::process::{Guard, Process};
use super::ring;
use super::slot::{Action, File, Index, Kind, Notification, State, Store};
use super::telling::tell_if_nobody_does;
use crate::abi::iocb;
use crate::sync::Ordering::Relaxed;
use crate::sys::errno::Errno;
use crate::sys::files::{self, RWF_NOWAIT, Way};
use crate::sys::signals::Blocked;
use crate::sys::{futex, limits, sockets, status};

/// Requests that are submitted together.
pub(crate) const BATCH: usize = 32;

/// How long a call waits at a time that does the watcher's work.
const A_MOMENT: i64 = 1_000_000;

/// A request that the program makes.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// The program's structure, and how it gets the result.
    pub(crate) target: usize,
    pub(crate) store: Store,
    /// Tells the structure that its request is in flight, and the number of its slot.
    pub(crate) name: unsafe fn(usize, Index),
    pub(crate) action: Action,
    pub(crate) fd: i32,
    pub(crate) buffer: usize,
    pub(crate) length: usize,
    pub(crate) offset: i64,
    pub(crate) notification: Notification,
    /// The list that it is a member of, or 0.
    pub(crate) list: Index,
    /// Whether it stays when it has ended, until the program collects it; and whether the program may look
    /// at its structure alone.
    pub(crate) is_collected: bool,
    pub(crate) is_polled: bool,
}

/// Requests that are to be submitted to the kernel together.
pub(crate) struct Batch {
    entries: [MaybeUninit<Entry>; BATCH],
    count: usize,
}

/// One of them.
struct Entry {
    iocb: iocb,
    /// Which request it is: the slot may be another one's by the time that it is submitted.
    sequence: u64,
}

/// What is known of a request before it has a slot.
pub(crate) enum Begun {
    /// It has ended, and the program's structure says so.
    Ended,
    /// It has ended so, and the program is to be told.
    Known(i64),
    /// It is to be carried out on this file.
    Of(File),
}

impl Batch {
    /// None.
    pub(crate) fn new() -> Batch {
        Batch {
            entries: [const { MaybeUninit::uninit() }; BATCH],
            count: 0,
        }
    }

    /// Whether there is no room for one more.
    pub(crate) fn is_full(&self) -> bool {
        self.count == BATCH
    }
}

/// Which way the kernel may be used.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    /// Whether the kernel's AIO is used at all.
    pub(crate) uses_kernel: bool,
}

/// Makes a list, of whose end the program is told. It is there until [`end_list`].
pub(crate) fn new_list(guard: &mut Guard<'_>, notification: Notification) -> Result<Index, Errno> {
    let index = guard.new_slot().ok_or(Errno::EAGAIN)?;
    let slot = guard.process.table.slot(index);
    slot.state = State::List;
    slot.notification = notification;
    slot.pending = 1;
    guard.to_tell += 1;
    Ok(index)
}

/// All requests of a list were submitted.
pub(crate) fn end_list(guard: &mut Guard<'_>, list: Index) {
    provide(guard, Which::Notifier);
    leave_list(guard, list);
    tell_if_nobody_does(guard);
}

/// Looks at the descriptor, and reads what is in the page cache. It needs neither the lock nor memory, and
/// signals are not blocked. `seen`: the descriptor that was looked at last for requests that are submitted together.
pub(crate) fn begin(wanted: &Wanted, seen: &mut Option<(i32, File)>) -> Begun {
    // The kernel looks at that first.
    if wanted.offset < 0 && !wanted.action.is_sync() {
        return ended(wanted, Errno::EINVAL.negated().into());
    }
    let found = match *seen {
        Some((fd, file)) if fd == wanted.fd => Ok(file),
        _ => file_of(wanted.fd),
    };
    *seen = found.ok().map(|file| (wanted.fd, file));
    let result = match found {
        Err(error) => error.negated().into(),
        Ok(file) => match result_at_once(wanted, &file) {
            Some(result) => result,
            None => return Begun::Of(file),
        },
    };
    ended(wanted, result)
}

/// A request has ended before it began.
pub(crate) fn ended(wanted: &Wanted, result: i64) -> Begun {
    if is_told(wanted) || COLLECTS && wanted.is_collected {
        return Begun::Known(result);
    }
    // SAFETY: the program's structure is there until it learns of the end.
    unsafe { (wanted.store)(wanted.target, 0, result) };
    Begun::Ended
}

/// What a request comes to that is not to be handed over.
fn result_at_once(wanted: &Wanted, file: &File) -> Option<i64> {
    let action = wanted.action;
    if !allows(file, action) {
        return Some(Errno::EBADF.negated().into());
    }
    // As `read(2)` has it: what it does not wait for is to be known before there is data.
    if file.is_stream && !action.is_sync() && !can_be_there(wanted) {
        return Some(Errno::EFAULT.negated().into());
    }
    // Of which the program is told, that is not yet to have ended when the call returns.
    let is_cached = is_disk(file) && file.flags & libc::O_DIRECT == 0;
    if is_cached && action == Action::Read && !is_told(wanted) {
        return read_cached(wanted);
    }
    None
}

/// Whether a program may have so much memory, whichever it has.
fn can_be_there(wanted: &Wanted) -> bool {
    let most = if cfg!(target_pointer_width = "64") {
        1 << 56
    } else {
        u64::from(u32::MAX)
    };
    let end = (wanted.buffer as u64).checked_add(wanted.length as u64);
    end.is_some_and(|end| end <= most)
}

fn is_disk(file: &File) -> bool {
    matches!(file.mode & libc::S_IFMT, libc::S_IFREG | libc::S_IFBLK)
}

/// Takes a request that has begun, and hands it over, or adds it to `batch`, which has room and is to be
/// submitted. Fails as [`new_request`].
pub(crate) fn take(
    process: &'static Process,
    blocked: &Blocked,
    wanted: &Wanted,
    begun: Begun,
    choice: Choice,
    batch: &mut Batch,
) -> Result<(), Errno> {
    let action = wanted.action;
    let file = match begun {
        Begun::Ended => return Ok(()),
        Begun::Known(result) => return end_told(process, wanted, result),
        Begun::Of(file) => file,
    };
    let is_direct = is_disk(&file) && file.flags & libc::O_DIRECT != 0;
    let mut guard = process.take();
    let index = new_request(&mut guard, wanted, file)?;
    let appends = action == Action::Write && file.flags & libc::O_APPEND != 0;
    let is_kernels = is_direct
        && choice.uses_kernel
        && !action.is_sync()
        && !appends
        && wanted.length <= isize::MAX as usize
        && !(action == Action::Write && exceeds_limit(wanted))
        && ring::set_up(&mut guard);
    if is_kernels {
        let is_polled = COLLECTS && wanted.is_polled;
        if is_told(wanted) || is_polled {
            provide(&mut guard, Which::Watcher);
            if is_told(wanted) || guard.is_polling || !guard.is_glanced_at {
                guard.wake_attendant(super::words::WATCHER);
            }
        }
        let iocb = ring::prepare(&mut guard, index);
        let sequence = process.table.slot(index).sequence;
        if let Some(entry) = batch.entries.get_mut(batch.count) {
            entry.write(Entry { iocb, sequence });
        }
        batch.count += 1;
        prepare_for_both(&mut guard);
        if COLLECTS && guard.in_kernel == 1 {
            // Who came before waits for others only. That there is a leader says nothing: it may be lost.
            collecting::call(&mut guard);
        }
        return Ok(());
    }
    if is_told(wanted) {
        provide(&mut guard, Which::Notifier);
    }
    let may = May::Start(blocked.before());
    if !hand_over_or_refuse(&mut guard, index, may) {
        take_back(&mut guard, index, wanted);
        return Err(Errno::EAGAIN);
    }
    if action.is_sync() && guard.in_kernel != 0 && !guard.deferred.is_empty() {
        provide(&mut guard, Which::Watcher);
        guard.wake_attendant(super::words::WATCHER);
    }
    prepare_for_both(&mut guard);
    tell_if_nobody_does(&mut guard);
    Ok(())
}

/// Submits what was added to a batch.
pub(crate) fn submit(process: &'static Process, blocked: &Blocked, batch: &mut Batch) {
    let count = core::mem::take(&mut batch.count);
    if count == 0 {
        return;
    }
    // SAFETY: so many were written, and there is room for them.
    let entries: &mut [Entry] =
        unsafe { core::slice::from_raw_parts_mut(batch.entries.as_mut_ptr().cast(), count) };
    let mut pointers = [const { MaybeUninit::<*mut iocb>::uninit() }; BATCH];
    for (pointer, entry) in pointers.iter_mut().zip(&mut *entries) {
        pointer.write(&mut entry.iocb);
    }
    // SAFETY: as above.
    let pointers: &mut [*mut iocb] =
        unsafe { core::slice::from_raw_parts_mut(pointers.as_mut_ptr().cast(), count) };
    let may = May::Start(blocked.before());
    let mut at = 0;
    while at < count {
        // SAFETY: `at` is below `count`, which is at most the length.
        let rest = unsafe { pointers.get_unchecked_mut(at..) };
        match context::submit(&process.ring, rest) {
            Ok(submitted) => at += submitted,
            Err(error) => {
                // SAFETY: as above.
                let index = unsafe { entries.get_unchecked(at) }.iocb.data.addr() as Index;
                let mut guard = process.take();
                ring::withdraw(&mut guard, index);
                if error == Errno::EBADF {
                    complete(&mut guard, index, error.negated().into());
                } else {
                    // Its ring is full, a filter refuses the call, or a pool finds out what is wrong.
                    ring::look(&mut guard);
                    hand_over(&mut guard, index, may);
                }
                at += 1;
            }
        }
    }
    let mut guard = process.take();
    // What has come back by now is this call's.
    if process.ring.has_unread() {
        ring::look(&mut guard);
    }
    for Entry { iocb, sequence } in &*entries {
        ring::release(&mut guard, iocb.data.addr() as Index, *sequence);
    }
    hand_over_returned(&mut guard, may);
    tell_if_nobody_does(&mut guard);
    watch_here(&mut guard);
}

/// Which file a descriptor names.
fn file_of(fd: i32) -> Result<File, Errno> {
    let flags = files::status_flags(fd)?;
    let status = status::of(fd)?;
    Ok(File {
        device: status.device,
        inode: status.inode,
        flags,
        mode: status.mode,
        is_stream: is_stream(status.mode)
            || status.mode & libc::S_IFMT == libc::S_IFCHR && has_no_position(fd),
    })
}

/// Whether a device is read and written in order, as a terminal is.
#[cold]
fn has_no_position(fd: i32) -> bool {
    files::position(fd) == Err(Errno::ESPIPE)
}

/// Whether the file was opened for that.
fn allows(file: &File, action: Action) -> bool {
    let mode = file.flags & libc::O_ACCMODE;
    match action {
        _ if file.flags & libc::O_PATH != 0 => false,
        Action::Read => mode != libc::O_WRONLY,
        Action::Write => mode != libc::O_RDONLY,
        _ => true,
    }
}

/// Whether a write reaches beyond RLIMIT_FSIZE: the kernel would send a signal to this thread.
fn exceeds_limit(wanted: &Wanted) -> bool {
    let end = (wanted.offset as u64).saturating_add(wanted.length as u64);
    limits::file_size().is_some_and(|limit| end > limit)
}

/// Reads what is in the page cache, if all of it is there, or the file ends before. Anything else is
/// a helper's to find out.
fn read_cached(wanted: &Wanted) -> Option<i64> {
    // More the kernel never transfers, and what it says of longer ones is a helper's to find out.
    if wanted.offset < 0 || wanted.length > 0x7fff_f000 {
        return None;
    }
    let vector = libc::iovec {
        iov_base: core::ptr::with_exposed_provenance_mut(wanted.buffer),
        iov_len: wanted.length,
    };
    // SAFETY: the vector is there.
    let read =
        unsafe { files::transfer(Way::In, wanted.fd, &vector, 1, wanted.offset, RWF_NOWAIT) };
    let count = read.ok()? as i64;
    let is_all = count as u64 == wanted.length as u64;
    // A short count may mean that the rest is not in the cache.
    let is_end = || {
        let size = status::now_of(wanted.fd).map_or(u64::MAX, |file| file.regular_size());
        wanted.offset as u64 + count as u64 >= size
    };
    (is_all || is_end()).then_some(count)
}

fn is_told(wanted: &Wanted) -> bool {
    wanted.notification.kind != Kind::None || wanted.list != 0
}

/// Ends a request of which the program is to be told.
fn end_told(process: &'static Process, wanted: &Wanted, result: i64) -> Result<(), Errno> {
    let file = File {
        device: 0,
        inode: 0,
        flags: 0,
        mode: 0,
        is_stream: false,
    };
    let mut guard = process.take();
    let index = new_request(&mut guard, wanted, file)?;
    if is_told(wanted) {
        provide(&mut guard, Which::Notifier);
    }
    complete(&mut guard, index, result);
    tell_if_nobody_does(&mut guard);
    Ok(())
}

/// A slot with all that is known of a request. Fails with EAGAIN: there is no memory; with EINVAL: the
/// program has not collected the last one of this structure.
fn new_request(guard: &mut Guard<'_>, wanted: &Wanted, file: File) -> Result<Index, Errno> {
    let index = guard.new_slot().ok_or(Errno::EAGAIN)?;
    if COLLECTS && wanted.is_collected && !collecting::add(guard, index, wanted.target) {
        guard.free_slot(index);
        return Err(Errno::EINVAL);
    }
    let slot = guard.process.table.slot(index);
    slot.is_polled = wanted.is_polled;
    slot.target.store(wanted.target, Relaxed);
    slot.target_there = wanted.target;
    slot.store = Some(wanted.store);
    slot.action = wanted.action;
    slot.fd = wanted.fd;
    slot.file = file;
    slot.buffer = wanted.buffer;
    slot.length = wanted.length;
    slot.offset = wanted.offset;
    slot.notification = wanted.notification;
    slot.list = wanted.list;
    slot.is_stream = file.is_stream && !wanted.action.is_sync();
    slot.is_counted = !slot.is_stream && !wanted.action.is_sync();
    if slot.is_stream && file.mode & libc::S_IFMT == libc::S_IFSOCK {
        let limit = sockets::time_limit(wanted.fd, wanted.action.way());
        slot.deadline = limit.map_or(0, |limit| futex::now().saturating_add(limit));
    }
    if wanted.list != 0 {
        guard.process.table.slot(wanted.list).pending += 1;
    }
    if wanted.notification.kind != Kind::None {
        guard.to_tell += 1;
    }
    guard.note(index);
    // SAFETY: the program's structure is there.
    unsafe { (wanted.name)(wanted.target, index) };
    Ok(index)
}

/// There is no such request after all.
fn take_back(guard: &mut Guard<'_>, index: Index, wanted: &Wanted) {
    // It counts the notification out of a request that is collected.
    collecting::forget(guard, index);
    let is_told = guard.process.table.slot(index).notification.kind != Kind::None;
    guard.forget(index);
    guard.free_slot(index);
    if wanted.list != 0 {
        leave_list(guard, wanted.list);
    }
    if is_told {
        guard.to_tell -= 1;
    }
}

/// Sees to it that an attendant of this kind is there, if there can be one.
fn provide(guard: &mut Guard<'_>, which: Which) {
    let _ = attendants::provide(guard, which);
}

/// Starts the watcher for a program that has requests of the kernel and others in flight: a thread may
/// wait for both.
fn prepare_for_both(guard: &mut Guard<'_>) {
    if guard.elsewhere() != 0 && guard.in_kernel != 0 && !guard.has_watcher {
        provide(guard, Which::Watcher);
    }
}

/// Does the watcher's work, if there can be none, once all that a call makes is submitted.
pub(crate) fn stand_in(process: &'static Process) {
    watch_here(&mut process.take());
}

/// Where no watcher can be had, the call waits for the requests of the kernel that the program is to be
/// told of, or that a sync waits for: it may call nothing more.
fn watch_here(guard: &mut Guard<'_>) {
    let process = guard.process;
    while !guard.has_watcher
        && guard.in_kernel != 0
        && (guard.told_in_kernel != 0 || guard.polled_in_kernel != 0 || !guard.deferred.is_empty())
    {
        guard.release(|| {
            let _ = process.ring.wait(A_MOMENT);
        });
        ring::look(guard);
        hand_over_returned(guard, May::NotStart);
        tell_if_nobody_does(guard);
    }
}
