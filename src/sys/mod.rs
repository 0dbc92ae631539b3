//! System calls: a count or `-errno` comes back, and `errno` keeps its value.
//!
//! Nothing is checked here: the kernel answers for every argument (`fs/aio.c`).

#[cfg(feature = "threads")]
pub mod files;
pub mod numbers;
#[cfg(feature = "threads")]
pub mod probe;
#[cfg(feature = "threads")]
pub mod threads;

use core::ffi::{c_int, c_long, c_void};
use core::ptr;

use crate::abi::{io_context_t, io_event, iocb, timespec};
use crate::sync::AtomicU32;
use numbers::NUMBERS;

/// Runs a call of `syscall(2)`, turns its failure into `-errno` and gives `errno` its old value back.
#[inline(always)]
fn keep_errno(call: impl FnOnce() -> c_long) -> c_int {
    keep_errno_long(call) as c_int
}

/// As [`keep_errno`], for results that an `int` has no room for.
#[inline(always)]
fn keep_errno_long(call: impl FnOnce() -> c_long) -> c_long {
    // SAFETY: the address is this thread's errno for as long as the thread lives.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above; a signal handler that changes errno restores it.
    let before = unsafe { ptr::read(errno) };
    let result = call();
    if result != -1 {
        return result;
    }
    // SAFETY: as above.
    unsafe { -c_long::from(ptr::replace(errno, before)) }
}

/// `io_setup(2)`: makes a context for at least `nr_events` requests in flight and stores it at `ctxp`.
///
/// # Safety
/// `ctxp` is an address that the kernel may write if it can.
#[inline]
pub unsafe fn io_setup(nr_events: c_int, ctxp: *mut io_context_t) -> c_int {
    // SAFETY: the kernel checks every argument.
    keep_errno(|| unsafe { libc::syscall(NUMBERS.io_setup, c_long::from(nr_events), ctxp) })
}

/// `io_destroy(2)`: unmaps the ring, cancels what can be cancelled, waits for the rest.
///
/// # Safety
/// Nobody reads the ring of `ctx` any more.
#[inline]
pub unsafe fn io_destroy(ctx: io_context_t) -> c_int {
    // SAFETY: the kernel checks that `ctx` is a context; the caller answers for its readers.
    keep_errno(|| unsafe { libc::syscall(NUMBERS.io_destroy, ctx) })
}

/// `io_submit(2)`: queues requests, returns how many.
///
/// # Safety
/// The buffers that valid iocbs name stay valid until their events are reaped.
#[inline]
pub unsafe fn io_submit(ctx: io_context_t, nr: c_long, iocbpp: *mut *mut iocb) -> c_int {
    // SAFETY: the kernel checks every pointer; the caller answers for the buffers.
    keep_errno(|| unsafe { libc::syscall(NUMBERS.io_submit, ctx, nr, iocbpp) })
}

/// `io_cancel(2)`: looks `iocb` up by its address and cancels it if its kind can be cancelled.
///
/// # Safety
/// None beyond passing the caller's own arguments on: the kernel checks them.
#[inline]
pub unsafe fn io_cancel(ctx: io_context_t, iocb: *mut iocb, result: *mut io_event) -> c_int {
    // SAFETY: the kernel checks every argument.
    keep_errno(|| unsafe { libc::syscall(NUMBERS.io_cancel, ctx, iocb, result) })
}

/// `io_getevents(2)`: waits for `min_nr` events and takes up to `nr`.
///
/// # Safety
/// `events` is an address that the kernel may write `nr` events to if it can.
#[inline]
pub unsafe fn io_getevents(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *const timespec,
) -> c_int {
    // SAFETY: the kernel checks every pointer; the caller owns the array.
    keep_errno(|| unsafe { libc::syscall(NUMBERS.io_getevents, ctx, min_nr, nr, events, timeout) })
}

/// `io_pgetevents(2)`: as [`io_getevents`], with the signal mask of `sigset` while it waits.
///
/// # Safety
/// As [`io_getevents`].
#[inline]
pub unsafe fn io_pgetevents<Sigset>(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *const timespec,
    sigset: &Sigset,
) -> c_int {
    // SAFETY: the kernel checks every pointer; the caller owns the array.
    keep_errno(|| unsafe {
        libc::syscall(
            NUMBERS.io_pgetevents,
            ctx,
            min_nr,
            nr,
            events,
            timeout,
            ptr::from_ref(sigset),
        )
    })
}

/// `io_pgetevents_time64(2)`: as [`io_pgetevents`]; without a `sigset` the mask stays as it is.
///
/// # Safety
/// As [`io_getevents`]; `sigset` is null or readable.
#[cfg(target_pointer_width = "32")]
#[inline]
pub unsafe fn io_pgetevents_time64<Sigset>(
    ctx: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *const crate::abi::timespec64,
    sigset: *const Sigset,
) -> c_int {
    // SAFETY: the kernel checks every pointer; the caller owns the array.
    keep_errno(|| unsafe {
        libc::syscall(
            NUMBERS.io_pgetevents_time64,
            ctx,
            min_nr,
            nr,
            events,
            timeout,
            sigset,
        )
    })
}

/// Whether the page of `address`, a multiple of 4, can be read: the kernel tries it.
#[cfg(target_pointer_width = "32")]
pub fn can_read(address: usize) -> bool {
    let at_once = timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // FUTEX_WAIT compares the word, and there is no time to wait.
    // SAFETY: the kernel checks the address; the timeout outlives the call.
    let result = keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_futex,
            address,
            c_long::from(libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG),
            0_usize,
            ptr::from_ref(&at_once),
        )
    });
    result != -libc::EFAULT
}

/// A value that tells this thread from every other one: even, and not 0. Processes that share their
/// memory may have the same.
#[inline(always)]
pub fn thread() -> usize {
    // The thread pointer, which is what `pthread_self` gives, without a call.
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(miri)))]
    // SAFETY: the ABI keeps the thread pointer's own value there.
    unsafe {
        let thread: usize;
        core::arch::asm!("mov {}, fs:[0]", out(reg) thread, options(nostack, preserves_flags, pure, readonly));
        thread
    }
    #[cfg(all(target_arch = "x86", not(miri)))]
    // SAFETY: as above.
    unsafe {
        let thread: usize;
        core::arch::asm!("mov {}, gs:[0]", out(reg) thread, options(nostack, preserves_flags, pure, readonly));
        thread
    }
    #[cfg(any(
        miri,
        not(any(
            all(target_arch = "x86_64", target_pointer_width = "64"),
            target_arch = "x86"
        ))
    ))]
    // SAFETY: it may be called at any time, from signal handlers too.
    unsafe {
        libc::pthread_self() as usize
    }
}

/// The libc crate that Debian 12 has, 0.2.139, does not know it.
const MADV_WIPEONFORK: c_long = 18;

/// Asks the kernel to fill the pages of `memory` with zeroes in every forked child. False where it
/// does not know how (before Linux 4.14).
pub fn wipe_on_fork<T>(memory: &T) -> bool {
    // SAFETY: the range is valid; nothing changes in this process.
    keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_madvise,
            ptr::from_ref(memory),
            size_of::<T>(),
            MADV_WIPEONFORK,
        )
    }) == 0
}

/// Whether the system says yes even to an advice that does not exist, so that its yes means nothing.
#[cfg(feature = "threads")]
pub fn takes_any_advice<T>(memory: &T) -> bool {
    const NO_SUCH_ADVICE: c_long = 0x7fff;
    // SAFETY: as above.
    keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_madvise,
            ptr::from_ref(memory),
            size_of::<T>(),
            NO_SUCH_ADVICE,
        )
    }) == 0
}

/// Sleeps for `nanoseconds` (less than a second), unless a signal handler runs.
///
/// It waits at a futex that nobody else knows: sandboxes that refuse other ways to sleep allow that.
pub fn sleep(nanoseconds: c_long) {
    let word = AtomicU32::new(0);
    let timeout = timespec {
        tv_sec: 0,
        tv_nsec: nanoseconds,
    };
    // SAFETY: the word and the timeout outlive the call.
    keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            0,
            ptr::from_ref(&timeout),
        )
    });
}

/// What [`map`] maps: private memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Map {
    /// Addresses that cannot be used yet, anywhere.
    Reserve,
    /// Readable and writable zeroes, at the given address if that is free.
    InPlace,
}

/// `mmap(2)`. None if it fails, or gives another address than was asked for.
///
/// # Safety
/// Nothing may rely on the range at `address` being unmapped.
pub unsafe fn map(address: *mut c_void, length: usize, map: Map) -> Option<*mut c_void> {
    let (protection, flags) = match map {
        Map::Reserve => (libc::PROT_NONE, 0),
        Map::InPlace => (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_FIXED_NOREPLACE,
        ),
    };
    let flags = flags | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: errno's address is this thread's.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    // SAFETY: without MAP_FIXED nothing that is mapped is touched.
    let mapped = unsafe { libc::mmap(address, length, protection, flags, -1, 0) };
    // SAFETY: as above.
    unsafe { *errno = before };
    (mapped != libc::MAP_FAILED && (address.is_null() || mapped == address)).then_some(mapped)
}

/// Moves a mapping over another one of the same length.
///
/// # Safety
/// Nobody else uses either range.
pub unsafe fn move_mapping(from: *mut c_void, length: usize, to: *mut c_void) -> bool {
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    let moved = || {
        // SAFETY: the caller owns both ranges.
        let result = unsafe {
            libc::syscall(
                libc::SYS_mremap,
                from,
                length,
                length,
                c_long::from(flags),
                to,
            )
        };
        // An address may look negative; only success and failure are told apart.
        if result == -1 { -1 } else { 0 }
    };
    keep_errno(moved) == 0
}

/// Zeroes that two addresses stand for.
#[cfg(feature = "threads")]
pub fn map_twice(length: usize) -> Option<(*mut c_void, *mut c_void)> {
    let first = map_new(length, libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1)?;
    if let Some(second) = map_again(first, length) {
        return Some((first, second));
    }
    // SAFETY: just mapped.
    unsafe { unmap(first, length) };
    map_file_twice(length)
}

/// For where mappings cannot be duplicated, as under qemu-user: a file without a name, mapped twice.
#[cfg(feature = "threads")]
#[cold]
fn map_file_twice(length: usize) -> Option<(*mut c_void, *mut c_void)> {
    let name = c"libaio";
    // SAFETY: the name ends with a zero.
    let file = keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_memfd_create,
            name.as_ptr(),
            libc::MFD_CLOEXEC as usize,
        )
    });
    if file < 0 {
        return None;
    }
    let error = keep_errno(|| {
        // SAFETY: the file is this function's.
        unsafe { libc::syscall(libc::SYS_ftruncate, c_long::from(file), length) }
    });
    let map = || {
        (error == 0)
            .then(|| map_new(length, libc::MAP_SHARED, file))
            .flatten()
    };
    let both = map().and_then(|first| match map() {
        Some(second) => Some((first, second)),
        None => {
            // SAFETY: just mapped.
            unsafe { unmap(first, length) };
            None
        }
    });
    files::close(file);
    both
}

/// Zeroes, which take room once they are written.
#[cfg(feature = "threads")]
pub fn map_zeroes(length: usize) -> Option<*mut c_void> {
    let kind = libc::MAP_PRIVATE | libc::MAP_NORESERVE | libc::MAP_ANONYMOUS;
    map_new(length, kind, -1)
}

#[cfg(feature = "threads")]
fn map_new(length: usize, kind: c_int, file: c_int) -> Option<*mut c_void> {
    // SAFETY: errno's address is this thread's.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping touches nothing.
    let mapped = unsafe { libc::mmap(ptr::null_mut(), length, protection, kind, file, 0) };
    // SAFETY: as above.
    unsafe { *errno = before };
    (mapped != libc::MAP_FAILED).then_some(mapped)
}

/// A second address for a shared mapping (`mremap(2)` with an old size of 0).
#[cfg(feature = "threads")]
fn map_again(mapping: *mut c_void, length: usize) -> Option<*mut c_void> {
    // SAFETY: a new mapping touches nothing.
    let result = unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        let result = libc::mremap(mapping, 0, length, libc::MREMAP_MAYMOVE);
        *errno = before;
        result
    };
    (result != libc::MAP_FAILED).then_some(result)
}

/// `munmap(2)`.
///
/// # Safety
/// Nobody uses the range any more.
pub unsafe fn unmap(start: *mut c_void, length: usize) {
    // SAFETY: the caller says so.
    keep_errno(|| unsafe { libc::syscall(libc::SYS_munmap, start, length) });
}
