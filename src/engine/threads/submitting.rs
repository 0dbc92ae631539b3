//! `io_submit`, one iocb at a time: the kernel's checks in the kernel's order (`io_submit_one` and what it
//! calls in `fs/aio.c`).

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;

use super::carry_out::{File, Kind, Outcome, Transfer};
use super::completions::Signal;
use super::contexts::Context;
use super::requests::{
    self, Details, FEW, Identity, QUEUED, Request, Work, event, give_back, many_bytes,
};
use crate::abi::iocb;
use crate::engine::process_state::STATE;
use crate::sync::Ordering::{Relaxed, Release, SeqCst};
use crate::sys::errno::Errno;
use crate::sys::files::{self, Way};
use crate::sys::{eventfd, futex, limits, memory, probe, process};

const PREAD: u16 = 0;
const PWRITE: u16 = 1;
const FSYNC: u16 = 2;
const FDSYNC: u16 = 3;
const POLL: u16 = 5;
const PREADV: u16 = 7;
const PWRITEV: u16 = 8;

/// `aio_resfd` is an eventfd; `aio_reqprio` is a priority.
const FLAG_RESFD: u32 = 1;
const FLAG_IOPRIO: u32 = 2;

/// UIO_MAXIOV.
const MOST_VECTORS: u32 = 1024;

/// RWF_* flags that some kernel knows (up to Linux 6.18), and two that exclude each other.
const KNOWN_FLAGS: u32 = 0x1ff;
const APPEND: u32 = 0x10;
const NOAPPEND: u32 = 0x20;

/// An iocb as the kernel sees it: the same on 32 and 64 bits.
struct Call {
    at: *mut iocb,
    data: u64,
    rw_flags: u32,
    opcode: u16,
    priority: u16,
    fd: c_int,
    buf: u64,
    nbytes: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    resfd: c_int,
    /// The library's duplicate of `resfd`, which the program may close before the event comes; negative: none.
    eventfd: c_int,
}

impl Call {
    /// # Safety
    /// 64 bytes can be read; they may be misaligned, and change at any time.
    unsafe fn read(at: *mut iocb) -> Call {
        let byte = |offset| at.cast_const().cast::<u8>().wrapping_add(offset);
        // SAFETY: within the 64 bytes.
        let word = |offset| unsafe { byte(offset).cast::<u64>().read_unaligned() };
        // SAFETY: as above.
        let half = |offset| unsafe { byte(offset).cast::<u32>().read_unaligned() };
        // SAFETY: as above.
        let quarter = |offset| unsafe { byte(offset).cast::<u16>().read_unaligned() };
        Call {
            at,
            data: word(0),
            rw_flags: half(RW_FLAGS),
            opcode: quarter(16),
            priority: quarter(18),
            fd: half(20) as c_int,
            buf: word(24),
            nbytes: word(32),
            offset: word(40) as i64,
            reserved: word(48),
            flags: half(56),
            resfd: half(60) as c_int,
            eventfd: -1,
        }
    }
}

const RW_FLAGS: usize = core::mem::offset_of!(iocb, aio_rw_flags);
const KEY: usize = core::mem::offset_of!(iocb, key);

/// Submits one request. `-errno` if it is refused.
///
/// # Safety
/// The buffers that a valid iocb names stay valid until its event is taken.
pub unsafe fn submit_one(context: &Context, at: *mut iocb, batch: &mut Batch) -> c_int {
    if !batch.proven.covers(at.cast(), size_of::<iocb>()) {
        return -libc::EFAULT;
    }
    // SAFETY: the kernel has just read its pages.
    let mut call = unsafe { Call::read(at) };
    if call.reserved != 0 || (call.nbytes as i64) < 0 {
        return -libc::EINVAL;
    }
    if !context.completions.has_room() {
        return -libc::EAGAIN;
    }
    // SAFETY: as above.
    if let Some(result) = unsafe { submit_to_known_file(context, &call) } {
        return result;
    }
    let file = match File::of(call.fd) {
        Ok(file) => file,
        Err(error) => return error.negated(),
    };
    if call.flags & FLAG_RESFD != 0 {
        if let Err(error) = check_eventfd(call.resfd) {
            return error.negated();
        }
    }
    if !clear_key(at) {
        return -libc::EFAULT;
    }
    if call.flags & FLAG_RESFD != 0 {
        call.eventfd = files::duplicate(call.resfd).unwrap_or(-1);
    }
    let result = match call.opcode {
        PREAD => transfer(context, &call, &file, (Way::In, false), batch),
        PWRITE => transfer(context, &call, &file, (Way::Out, false), batch),
        PREADV => transfer(context, &call, &file, (Way::In, true), batch),
        PWRITEV => transfer(context, &call, &file, (Way::Out, true), batch),
        FSYNC => sync(context, &call, &file, false, batch),
        FDSYNC => sync(context, &call, &file, true, batch),
        POLL => poll(context, &call, &file),
        _ => -libc::EINVAL,
    };
    if result != 0 && call.eventfd >= 0 {
        files::close(call.eventfd);
    }
    result
}

/// The shortest way: a plain read or write of a file that took one before. None: go the long way.
///
/// # Safety
/// As [`submit_one`].
unsafe fn submit_to_known_file(context: &Context, call: &Call) -> Option<c_int> {
    let way = match call.opcode {
        PREAD => Way::In,
        PWRITE => Way::Out,
        _ => return None,
    };
    if call.flags != 0
        || call.rw_flags != 0
        || call.offset < 0
        || !STATE.threads.known_files.trust(call.fd, way)
        || !clear_key(call.at)
    {
        return None;
    }
    let vector = one_vector(call).ok()?;
    let transfer = Transfer {
        way,
        vectors: &vector,
        count: 1,
        offset: call.offset,
        flags: 0,
    };
    if overflows(&transfer) {
        return None;
    }
    if !context.completions.accept() {
        return Some(-libc::EAGAIN);
    }
    // SAFETY: one vector is there.
    match unsafe { transfer.on_known_file(call.fd) } {
        Some(result) => {
            post_done(context, call, result);
            Some(0)
        }
        None => {
            STATE.threads.known_files.forget(call.fd);
            context.completions.refuse();
            None
        }
    }
}

/// Posts the event of a request that was carried out by this thread.
fn post_done(context: &Context, call: &Call, result: Result<c_int, Errno>) {
    let signal = if call.eventfd < 0 && call.flags & FLAG_RESFD != 0 {
        // No descriptor is left for a duplicate.
        Signal::of_program(call.resfd)
    } else {
        Signal::of_duplicate(call.eventfd)
    };
    let event = event(call.data, call.at, result);
    context.completions.post(event, signal);
    context.waiters.wake();
}

/// The kernel writes 0 to the key of every iocb that it looks at.
fn clear_key(at: *mut iocb) -> bool {
    let key = at.cast::<u8>().wrapping_add(KEY).cast::<u32>();
    // SAFETY: the iocb was read before.
    let is_set = unsafe { key.read_unaligned() } != 0;
    if is_set {
        if !probe::is_writable(key.cast()) {
            return false;
        }
        // SAFETY: the kernel has just written there.
        unsafe { key.write_unaligned(0) };
        return true;
    }
    probe::are_writable(&STATE.threads.writable, key.cast(), size_of::<u32>())
}

fn check_eventfd(fd: c_int) -> Result<(), Errno> {
    let status = files::status(fd).map_err(|_| Errno::EBADF)?;
    // Files without a name have no type; so nothing is ever written to another file by mistake.
    if status.st_mode & libc::S_IFMT == 0 && eventfd::is_eventfd(fd) {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// `ioprio_check_cap` in `block/ioprio.c`.
fn check_priority(priority: u16) -> Result<(), Errno> {
    const LEVELS: u16 = 8;
    match (priority >> 13, priority % LEVELS) {
        (0, 0) | (2 | 3, _) => Ok(()),
        (1, _) if process::may_raise_priority() => Ok(()),
        (1, _) => Err(Errno::EPERM),
        _ => Err(Errno::EINVAL),
    }
}

/// The first address that no program can have.
#[cfg(target_arch = "x86_64")]
const END_OF_MEMORY: u64 = 0x7fff_ffff_f000;
#[cfg(all(target_pointer_width = "64", not(target_arch = "x86_64")))]
const END_OF_MEMORY: u64 = 1 << 63;
/// For the 64-bit kernel that a 32-bit program usually runs on, each of its addresses could be one.
#[cfg(target_pointer_width = "32")]
const END_OF_MEMORY: u64 = 1 << 47;

fn one_vector(call: &Call) -> Result<libc::iovec, Errno> {
    /// MAX_RW_COUNT.
    const MOST: u64 = 0x7fff_f000;
    let length = call.nbytes.min(MOST);
    if call
        .buf
        .checked_add(length)
        .is_none_or(|end| end > END_OF_MEMORY)
    {
        return Err(Errno::EFAULT);
    }
    Ok(libc::iovec {
        iov_base: ptr::with_exposed_provenance_mut(call.buf as usize),
        iov_len: length as usize,
    })
}

/// Whether offset and length add up to more than a file can have.
fn overflows(transfer: &Transfer) -> bool {
    let mut end = transfer.offset;
    for index in 0..transfer.count as usize {
        // SAFETY: the index is below the count.
        let vector = unsafe { transfer.vectors.wrapping_add(index).read_unaligned() };
        let length = vector.iov_len;
        match end.checked_add(length as i64) {
            Some(sum) => end = sum,
            None => return true,
        }
    }
    transfer.offset < 0
}

/// Whether direct I/O is carried out before `io_submit` returns: a write that makes the file larger, as in the
/// kernel; and one beyond RLIMIT_FSIZE, for which the submitting thread gets SIGXFSZ.
fn ends_at_once(file: &File, transfer: &Transfer) -> bool {
    if transfer.way == Way::In {
        return false;
    }
    // The kernel appends inside `io_submit`, in order, whatever the offset.
    if transfer.flags as u32 & APPEND != 0
        || file.flags & libc::O_APPEND != 0 && transfer.flags as u32 & NOAPPEND == 0
    {
        return true;
    }
    let end = (0..transfer.count as usize).fold(transfer.offset as u64, |end, index| {
        // SAFETY: the index is below the count.
        let vector = unsafe { transfer.vectors.wrapping_add(index).read_unaligned() };
        end.saturating_add(vector.iov_len as u64)
    });
    file.size.is_some_and(|size| end > size) || limits::file_size().is_some_and(|limit| end > limit)
}

/// PREAD, PWRITE, PREADV, PWRITEV.
fn transfer(
    context: &Context,
    call: &Call,
    file: &File,
    (way, vectored): (Way, bool),
    batch: &mut Batch,
) -> c_int {
    if call.flags & FLAG_IOPRIO != 0 {
        if let Err(error) = check_priority(call.priority) {
            return error.negated();
        }
    }
    if call.rw_flags & !KNOWN_FLAGS != 0 {
        return -libc::EOPNOTSUPP;
    }
    if call.rw_flags & (APPEND | NOAPPEND) == APPEND | NOAPPEND {
        return -libc::EINVAL;
    }
    const NOWAIT: u32 = 8;
    if call.rw_flags & NOWAIT != 0 && file.kind == Kind::Other && files::is_terminal(file.fd) {
        return -libc::EOPNOTSUPP;
    }
    if !file.allows(way) {
        return -libc::EBADF;
    }
    if file.kind == Kind::Directory {
        return -libc::EINVAL;
    }
    let mut one = MaybeUninit::uninit();
    let (vectors, count) = if vectored {
        match check_vectors(call) {
            Ok(vectors) => vectors,
            Err(error) => return error.negated(),
        }
    } else {
        match one_vector(call) {
            Ok(vector) => (ptr::from_ref(one.write(vector)), 1),
            Err(error) => return error.negated(),
        }
    };
    let transfer = Transfer {
        way,
        vectors,
        count,
        offset: call.offset,
        flags: call.rw_flags as c_int,
    };
    if overflows(&transfer) {
        return -libc::EINVAL;
    }
    if file.is_direct() && !ends_at_once(file, &transfer) {
        if let Some(result) = hand_over(context, call, file, &transfer, batch) {
            return result;
        }
    }
    if !context.completions.accept() {
        return -libc::EAGAIN;
    }
    if !matches!(file.kind, Kind::Disk) {
        // It may wait, also for what was queued before.
        STATE
            .threads
            .helpers
            .call(core::mem::take(&mut batch.pushed));
    }
    // SAFETY: the vectors are there.
    match unsafe { transfer.in_caller(file) } {
        (Outcome::Refused(error), _) => {
            context.completions.refuse();
            error.negated()
        }
        (Outcome::Done(result), is_positional) => {
            if is_positional && !file.is_direct() {
                STATE.threads.known_files.add(file.fd, way);
            }
            post_done(context, call, result);
            0
        }
    }
}

/// The array of a vectored request.
fn check_vectors(call: &Call) -> Result<(*const libc::iovec, u32), Errno> {
    // The kernel keeps 32 bits of the count.
    let count = call.nbytes as u32;
    if count > MOST_VECTORS {
        return Err(Errno::EINVAL);
    }
    let vectors: *const libc::iovec = ptr::with_exposed_provenance(call.buf as usize);
    if call.buf > END_OF_MEMORY || !probe::are_readable(vectors.cast(), many_bytes(count)) {
        return Err(Errno::EFAULT);
    }
    let all = || {
        (0..count as usize).map(|index| {
            // SAFETY: the kernel has just read them.
            unsafe { vectors.wrapping_add(index).read_unaligned() }
        })
    };
    if all().any(|vector| (vector.iov_len as isize) < 0) {
        return Err(Errno::EINVAL);
    }
    let is_out = |vector: libc::iovec| {
        let end = (vector.iov_base.addr() as u64).checked_add(vector.iov_len as u64);
        end.is_none_or(|end| end > END_OF_MEMORY)
    };
    if all().any(is_out) {
        return Err(Errno::EFAULT);
    }
    Ok((vectors, count))
}

/// A request and its place, for another thread.
fn prepare(context: &Context, call: &Call, file: &File, work: Work) -> Option<*mut Request> {
    if call.eventfd < 0 && call.flags & FLAG_RESFD != 0 {
        return None;
    }
    let (request, serial) = context.requests.get()?;
    let identity = Identity {
        birth: if work == Work::Poll {
            0
        } else {
            files::birth(file.fd)
        },
        ..file.identity
    };
    let details = Details {
        context,
        work,
        fd: file.fd,
        resfd: call.eventfd,
        rw_flags: call.rw_flags as c_int,
        offset: call.offset,
        identity,
        poll_events: call.buf as u16,
        data: call.data,
        obj: call.at,
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

/// Counts an accepted request in, unless the context is being destroyed: then its memory goes with this call.
///
/// # Safety
/// The caller owns the request; if the result is false, it is given back.
unsafe fn enter_flight(context: &Context, request: *mut Request) -> bool {
    // SeqCst, then the look: pairs with `io_destroy`, which marks the context and then waits for the count.
    context.in_flight.fetch_add(1, SeqCst);
    if !context.is_dying() {
        return true;
    }
    // SAFETY: the caller owns it.
    unsafe { give_back(request) };
    context.completions.refuse();
    context.in_flight.fetch_sub(1, SeqCst);
    false
}

/// Queues a prepared request. None: no helper, or no room; the caller carries it out.
fn queue(context: &Context, request: *mut Request, batch: &mut Batch) -> Option<c_int> {
    let helpers = &STATE.threads.helpers;
    if !helpers.are_there() {
        // SAFETY: the request is this thread's.
        unsafe { give_back(request) };
        return None;
    }
    if !context.completions.accept() {
        // SAFETY: as above.
        unsafe { give_back(request) };
        return Some(-libc::EAGAIN);
    }
    // SAFETY: as above.
    if !unsafe { enter_flight(context, request) } {
        return Some(-libc::EINVAL);
    }
    // SAFETY: as above. Release: hands the details over.
    unsafe {
        (*request).state.store(QUEUED, Release);
        helpers.push(request);
    }
    batch.pushed += 1;
    Some(0)
}

/// Gives direct I/O to a helper.
fn hand_over(
    context: &Context,
    call: &Call,
    file: &File,
    transfer: &Transfer,
    batch: &mut Batch,
) -> Option<c_int> {
    let work = match transfer.way {
        Way::In => Work::Read,
        Way::Out => Work::Write,
    };
    let request = prepare(context, call, file, work)?;
    // SAFETY: the request is this thread's.
    let details = unsafe { &mut (*request).details };
    let count = transfer.count as usize;
    let buffers = if count <= FEW {
        details.few.as_mut_ptr()
    } else {
        let Some(memory) = memory::map_zeroes(many_bytes(transfer.count)) else {
            // SAFETY: as above.
            unsafe { give_back(request) };
            return None;
        };
        details.many = memory.cast();
        details.many
    };
    details.vectors = transfer.count;
    for index in 0..count {
        // SAFETY: there is room for `count`, and the program's vectors were read before.
        unsafe {
            let vector = transfer.vectors.wrapping_add(index).read_unaligned();
            buffers.wrapping_add(index).write(vector);
        }
    }
    queue(context, request, batch)
}

/// FSYNC, FDSYNC.
fn sync(context: &Context, call: &Call, file: &File, data_only: bool, batch: &mut Batch) -> c_int {
    if call.buf != 0 || call.offset != 0 || call.nbytes != 0 || call.rw_flags != 0 {
        return -libc::EINVAL;
    }
    if !matches!(file.kind, Kind::Disk | Kind::Directory) {
        return -libc::EINVAL;
    }
    // Next to nothing to write, so it is tried at once: files of /proc cannot be synced.
    if !file.is_empty() {
        let queued = prepare(context, call, file, Work::Sync { data_only })
            .and_then(|request| queue(context, request, batch));
        if let Some(result) = queued {
            return result;
        }
    }
    if !context.completions.accept() {
        return -libc::EAGAIN;
    }
    let result = files::sync(file.fd, data_only);
    if result == Err(Errno::EINVAL) {
        context.completions.refuse();
        return -libc::EINVAL;
    }
    post_done(context, call, result);
    0
}

/// POLL.
fn poll(context: &Context, call: &Call, file: &File) -> c_int {
    if call.buf > 0xffff || call.offset != 0 || call.nbytes != 0 || call.rw_flags != 0 {
        return -libc::EINVAL;
    }
    let asked = call.buf as u16;
    let ready = files::poll(file.fd, asked as i16, false);
    let always = (libc::POLLERR | libc::POLLHUP) as u16;
    let ready = ready.unwrap_or(0) & (asked | always);
    if ready > 0 {
        if !context.completions.accept() {
            return -libc::EAGAIN;
        }
        post_done(context, call, Ok(ready.into()));
        return 0;
    }
    // The kernel waits in one queue only, and a terminal has two; a file on a disk has none.
    if matches!(file.kind, Kind::Disk | Kind::Directory) || files::is_terminal(file.fd) {
        return -libc::EINVAL;
    }
    let Some(request) = prepare(context, call, file, Work::Poll) else {
        return -libc::EAGAIN;
    };
    if !context.completions.accept() {
        // SAFETY: the request is this thread's.
        unsafe { give_back(request) };
        return -libc::EAGAIN;
    }
    // SAFETY: as above.
    if !unsafe { enter_flight(context, request) } {
        return -libc::EINVAL;
    }
    // SAFETY: as above.
    if let Err(error) = unsafe { STATE.threads.polls.arm(request) } {
        // SAFETY: still this thread's.
        unsafe { give_back(request) };
        context.completions.refuse();
        context.in_flight.fetch_sub(1, SeqCst);
        return error.negated();
    }
    0
}

/// One call of `io_submit`.
#[derive(Default)]
pub struct Batch {
    /// Memory that it may read.
    pub proven: Proven,
    /// Requests that went to the helpers.
    pub pushed: u32,
}

/// Pages that the kernel has read during one call, so that neighbours are not asked for again.
#[derive(Default)]
pub struct Proven {
    pages: [usize; 2],
    next: bool,
}

impl Proven {
    /// Whether `length` (at least 8) bytes can be read.
    pub fn covers(&mut self, start: *const c_void, length: usize) -> bool {
        let first = start.addr() & !(memory::PAGE - 1);
        let last = start.addr().wrapping_add(length - 1) & !(memory::PAGE - 1);
        if first == last && self.pages.contains(&first) && first != 0 {
            return true;
        }
        if !probe::are_readable(start, length) {
            return false;
        }
        let [one, other] = &mut self.pages;
        *(if self.next { other } else { one }) = last;
        self.next = !self.next;
        true
    }
}

/// Descriptors that stood for plain files lately: a look that can be spared.
///
/// The number may stand for another file meanwhile. The kernel refuses the shortest way for streams and
/// directories; a file opened for direct I/O is then read or written before `io_submit` returns, until the
/// trust is used up.
#[repr(C)]
pub struct KnownFiles {
    uses: [crate::sync::AtomicU32; KNOWN],
}

const KNOWN: usize = 1024;
/// How many requests in a row spare the look.
const TRUST: u32 = 64;

impl KnownFiles {
    /// One word for each descriptor: uses left for reading in the low half, for writing in the high half.
    fn word(&self, fd: c_int) -> Option<&crate::sync::AtomicU32> {
        self.uses.get(usize::try_from(fd).ok()?)
    }

    fn trust(&self, fd: c_int, way: Way) -> bool {
        let Some(word) = self.word(fd) else {
            return false;
        };
        // Relaxed: a count that may be off by some.
        let uses = word.load(Relaxed);
        let shift = shift(way);
        if (uses >> shift) & 0xffff == 0 {
            return false;
        }
        word.store(uses - (1 << shift), Relaxed);
        true
    }

    fn add(&self, fd: c_int, way: Way) {
        if let Some(word) = self.word(fd) {
            let others = word.load(Relaxed) & !(0xffff << shift(way));
            word.store(others | (TRUST << shift(way)), Relaxed);
        }
    }

    fn forget(&self, fd: c_int) {
        if let Some(word) = self.word(fd) {
            word.store(0, Relaxed);
        }
    }
}

fn shift(way: Way) -> u32 {
    match way {
        Way::In => 0,
        Way::Out => 16,
    }
}

/// What a request that ended for another thread leaves: its event, and its place.
///
/// # Safety
/// The caller owns the request.
pub unsafe fn finish(request: *mut Request, result: Result<c_int, Errno>) {
    // SAFETY: the caller owns it.
    let details = unsafe { &mut (*request).details };
    // SAFETY: contexts lie in a table that stays.
    let context = unsafe { &*details.context };
    let signal = Signal::of_duplicate(details.resfd);
    // The event's signal closes it.
    details.resfd = -1;
    context.completions.post(details.event(result), signal);
    // SAFETY: the caller owns it.
    unsafe { give_back(request) };
    context.waiters.wake();
    // SeqCst: the last access to the context's memory; pairs with the wait in `io_destroy`.
    if context.in_flight.fetch_sub(1, SeqCst) == 1 && context.is_dying() {
        futex::wake(&context.in_flight, u32::MAX >> 1);
    }
}

/// Takes a queued request out of the queue, or a poll from the poller.
///
/// # Safety
/// The request's memory is there: the caller holds its context.
pub unsafe fn cancel(request: *mut Request) -> bool {
    // SAFETY: the caller says so.
    unsafe {
        super::polls::withdraw(request) || requests::change(request, QUEUED, requests::CANCELLED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::AtomicU32;

    /// The kernel's `struct iocb` (`include/uapi/linux/aio_abi.h`), written in this machine's byte order.
    fn iocb_bytes() -> [u8; 65] {
        // One byte on: an iocb may be misaligned.
        let mut bytes = [0u8; 65];
        let mut put = |offset: usize, value: &[u8]| {
            bytes[1 + offset..][..value.len()].copy_from_slice(value);
        };
        let (key, rw_flags) = if cfg!(target_endian = "little") {
            (8, 12)
        } else {
            (12, 8)
        };
        put(0, &0x1111_2222_3333_4444_u64.to_ne_bytes());
        put(key, &0x5555_u32.to_ne_bytes());
        put(rw_flags, &0x6666_u32.to_ne_bytes());
        put(16, &7_u16.to_ne_bytes());
        put(18, &8_u16.to_ne_bytes());
        put(20, &(-9_i32).to_ne_bytes());
        put(24, &0xaaaa_bbbb_cccc_dddd_u64.to_ne_bytes());
        put(32, &0xeeee_0000_0000_0001_u64.to_ne_bytes());
        put(40, &(-2_i64).to_ne_bytes());
        put(48, &3_u64.to_ne_bytes());
        put(56, &4_u32.to_ne_bytes());
        put(60, &(-5_i32).to_ne_bytes());
        bytes
    }

    #[test]
    fn reads_every_field_of_an_iocb() {
        let mut bytes = iocb_bytes();
        let at = bytes[1..].as_mut_ptr().cast::<iocb>();
        // SAFETY: 64 bytes are there.
        let call = unsafe { Call::read(at) };
        assert_eq!(call.at, at);
        assert_eq!(call.data, 0x1111_2222_3333_4444);
        assert_eq!(call.rw_flags, 0x6666);
        assert_eq!((call.opcode, call.priority, call.fd), (7, 8, -9));
        assert_eq!(call.buf, 0xaaaa_bbbb_cccc_dddd);
        assert_eq!(call.nbytes, 0xeeee_0000_0000_0001);
        assert_eq!((call.offset, call.reserved), (-2, 3));
        assert_eq!((call.flags, call.resfd), (4, -5));
        assert_eq!(bytes[1 + KEY..][..4], 0x5555_u32.to_ne_bytes());
    }

    fn call(buf: u64, nbytes: u64) -> Call {
        // SAFETY: 64 bytes are there.
        let call = unsafe { Call::read(iocb_bytes()[1..].as_mut_ptr().cast()) };
        Call {
            buf,
            nbytes,
            ..call
        }
    }

    #[test]
    fn a_buffer_ends_where_memory_ends() {
        assert!(one_vector(&call(0x1000, 0)).is_ok());
        assert!(one_vector(&call(END_OF_MEMORY - 8, 8)).is_ok());
        assert_eq!(
            one_vector(&call(END_OF_MEMORY - 8, 9)).err(),
            Some(Errno::EFAULT)
        );
        assert_eq!(one_vector(&call(u64::MAX, 8)).err(), Some(Errno::EFAULT));
        // The kernel cuts what is too long.
        let vector = one_vector(&call(0x1000, 1 << 40)).unwrap();
        assert_eq!(vector.iov_len, 0x7fff_f000);
    }

    #[test]
    fn offset_and_length_must_fit_into_a_file() {
        let overflows = |offset, lengths: &[usize]| {
            let vectors: Vec<_> = lengths
                .iter()
                .map(|&iov_len| libc::iovec {
                    iov_base: ptr::null_mut(),
                    iov_len,
                })
                .collect();
            overflows(&Transfer {
                way: Way::In,
                vectors: vectors.as_ptr(),
                count: vectors.len() as u32,
                offset,
                flags: 0,
            })
        };
        assert!(!overflows(0, &[0]));
        assert!(overflows(-1, &[0]), "also for 0 bytes");
        assert!(!overflows(i64::MAX, &[0]));
        assert!(overflows(i64::MAX, &[1]));
        assert!(!overflows(i64::MAX - 3, &[1, 2]));
        assert!(overflows(i64::MAX - 3, &[1, 2, 1]));
    }

    #[test]
    fn priorities_are_checked_by_class() {
        let class = |class: u16, level: u16| check_priority((class << 13) | level);
        assert_eq!(class(0, 0), Ok(()));
        assert_eq!(class(0, 1), Err(Errno::EINVAL), "a level of no class");
        assert_eq!(class(2, 7), Ok(()));
        assert_eq!(class(3, 0), Ok(()));
        assert_eq!(class(4, 0), Err(Errno::EINVAL));
        assert_eq!(check_priority(u16::MAX), Err(Errno::EINVAL));
    }

    #[test]
    fn a_known_file_is_trusted_so_often_and_each_way_for_itself() {
        let known = KnownFiles {
            uses: [const { AtomicU32::new(0) }; KNOWN],
        };
        assert!(!known.trust(3, Way::In));
        known.add(3, Way::In);
        assert!(!known.trust(3, Way::Out) && !known.trust(4, Way::In));
        known.add(3, Way::Out);
        for _ in 0..TRUST {
            assert!(known.trust(3, Way::In));
        }
        assert!(!known.trust(3, Way::In), "used up");
        assert!(known.trust(3, Way::Out), "the other way is left");
        known.add(3, Way::In);
        known.forget(3);
        assert!(!known.trust(3, Way::In) && !known.trust(3, Way::Out));
        // Descriptors without a place are never trusted.
        for fd in [-1, KNOWN as c_int, c_int::MAX] {
            known.add(fd, Way::In);
            assert!(!known.trust(fd, Way::In));
        }
    }
}
