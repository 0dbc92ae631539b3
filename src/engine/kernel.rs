//! The kernel's own AIO: every request is a system call, and so is every wait. Events that are there
//! already are taken from the ring.

#[cfg(target_pointer_width = "32")]
mod time64;

use core::cmp::min;
use core::ffi::{c_int, c_long};

use super::returned;
use crate::abi::{aio_ring, io_context_t, io_event, io_sigset, iocb, timespec};
use crate::process_state::STATE;
use crate::registry::{Entry, UNREADABLE};
use crate::sync::Ordering::Relaxed;
use crate::sys::aio::{self, SIGSET_SIZE};
use crate::sys::thread;
use crate::{ring, stand_in};

/// See `io_setup(3)`.
///
/// # Safety
/// As [`aio::io_setup`].
#[inline]
pub unsafe fn setup(nr_events: c_int, ctxp: *mut io_context_t) -> c_int {
    STATE.prepare();
    // SAFETY: the caller keeps the same promise.
    let result = returned(unsafe { aio::io_setup(nr_events, ctxp) });
    if result == 0 {
        // SAFETY: the kernel has just written it.
        let ctx = unsafe { ctxp.read_unaligned() };
        STATE.register(ctx.addr());
    }
    result
}

/// See `io_destroy(3)`.
///
/// # Safety
/// As [`aio::io_destroy`].
#[inline]
pub unsafe fn destroy(ctx: io_context_t) -> c_int {
    let Some(entry) = STATE.registry.find(ctx.addr()) else {
        // SAFETY: the caller keeps the same promise.
        return returned(unsafe { aio::io_destroy(ctx) });
    };
    // The kernel unmaps the ring first thing, so nobody may be at it.
    let first = entry.start_destroying(ctx.addr());
    let doomed = if entry.gate.close(thread::current()) {
        ctx
    } else if first {
        // SAFETY: this thread alone may unmap the ring, and has not done so.
        unsafe { stand_in::put_in_place_of(ctx) }
    } else if entry.is_doomed(ctx.addr()) {
        // What the kernel will say when the thread that came first has dealt with the reaper.
        return -libc::EINVAL;
    } else {
        ctx
    };
    // SAFETY: the caller keeps the same promise.
    let result = returned(unsafe { aio::io_destroy(doomed) });
    if first {
        entry.remove(ctx.addr());
    }
    result
}

/// See `io_submit(3)`.
///
/// # Safety
/// As [`aio::io_submit`].
#[inline]
pub unsafe fn submit(ctx: io_context_t, nr: c_long, iocbpp: *mut *mut iocb) -> c_int {
    // SAFETY: the caller keeps the same promise.
    returned(unsafe { aio::io_submit(ctx, nr, iocbpp) })
}

/// See `io_cancel(3)`.
#[inline]
pub fn cancel(ctx: io_context_t, iocb: *mut iocb, result: *mut io_event) -> c_int {
    returned(aio::io_cancel(ctx, iocb, result))
}

/// A `struct timespec`. 64-bit processes have one, 32-bit ones two.
pub trait Timespec: Copy {
    /// Whether it says not to wait.
    fn is_zero(self) -> bool;

    /// Seconds and nanoseconds.
    #[cfg(feature = "threads")]
    fn parts(self) -> (i64, i64);

    /// Makes the system call that takes this kind of timeout.
    ///
    /// # Safety
    /// As [`aio::io_getevents`].
    unsafe fn system_call(request: Request<Self>) -> c_int;
}

impl Timespec for timespec {
    #[inline(always)]
    fn is_zero(self) -> bool {
        self.tv_sec == 0 && self.tv_nsec == 0
    }

    #[cfg(feature = "threads")]
    #[allow(clippy::useless_conversion)] // long is 32 or 64 bits wide
    fn parts(self) -> (i64, i64) {
        (i64::from(self.tv_sec), i64::from(self.tv_nsec))
    }

    #[inline(always)]
    unsafe fn system_call(request: Request<timespec>) -> c_int {
        // SAFETY: the caller keeps the same promise.
        unsafe { system_call(request) }
    }
}

/// What `io_getevents` or `io_pgetevents` was asked for.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct Request<T> {
    pub ctx: io_context_t,
    pub min_nr: c_long,
    pub nr: c_long,
    pub events: *mut io_event,
    pub timeout: *const T,
    /// The signal mask of `pgetevents`, which may be null; none for `getevents`.
    pub sigmask: Option<*const libc::sigset_t>,
}

/// See `io_getevents(3)` and `io_pgetevents(3)`: takes events, from the ring if that will do. None: the context
/// is not known here, and nothing was done.
///
/// # Safety
/// As [`aio::io_getevents`]; and a page of `events` or `timeout` that was good in an earlier call is
/// still good.
#[inline(always)]
pub unsafe fn collect<T: Timespec>(request: Request<T>) -> Option<c_int> {
    let entry = STATE.registry.find(request.ctx.addr())?;
    // With a mask only the kernel can say whether a signal is due.
    if request.sigmask.is_none_or(|mask| mask.is_null()) {
        // SAFETY: the caller keeps the same promise.
        if let Some(count) = unsafe { reap(entry, request) } {
            return Some(count);
        }
    }
    // SAFETY: the caller keeps the same promise.
    Some(unsafe { call(entry, request) })
}

/// Makes the system call that was asked for.
///
/// # Safety
/// As [`aio::io_getevents`].
#[inline(never)]
unsafe fn system_call(request: Request<timespec>) -> c_int {
    let Request {
        ctx,
        min_nr,
        nr,
        events,
        timeout,
        sigmask,
    } = request;
    let Some(sigmask) = sigmask else {
        // SAFETY: the caller keeps the same promise.
        return returned(unsafe { aio::io_getevents(ctx, min_nr, nr, events, timeout) });
    };
    let sigset = io_sigset {
        ss: sigmask,
        ss_len: SIGSET_SIZE,
    };
    #[cfg(target_pointer_width = "32")]
    let sigset = crate::abi::io_sigset_32 {
        sigset,
        zero: [0; 2],
    };
    // SAFETY: the caller keeps the same promise.
    let result = returned(unsafe { aio::io_pgetevents(ctx, min_nr, nr, events, timeout, &sigset) });

    #[cfg(target_pointer_width = "32")]
    if result == -libc::EINVAL {
        // 64-bit kernels before 5.0 read a 32-bit process's argument in this layout; on others it
        // is a set of the wrong size, EINVAL again.
        let sigset = crate::abi::io_sigset_compat {
            ss: sigmask,
            __ss_pad: 0,
            ss_len: SIGSET_SIZE,
        };
        // SAFETY: the caller keeps the same promise.
        return returned(unsafe { aio::io_pgetevents(ctx, min_nr, nr, events, timeout, &sigset) });
    }
    result
}

/// Makes the system call for a context that is known, when no reaper moves its `head`.
///
/// # Safety
/// As [`aio::io_getevents`].
#[inline(never)]
unsafe fn call<T: Timespec>(entry: &Entry, request: Request<T>) -> c_int {
    let undisturbed = entry.gate.begin_call(thread::current());
    if !entry.belongs_to(request.ctx.addr()) {
        // The entry was given to another context. Whoever calls with a handle so old is no reader
        // of that one.
        entry.gate.end_call();
        // SAFETY: the caller keeps the same promise.
        return unsafe { T::system_call(request) };
    }
    if !undisturbed && !revoke(entry, request.ctx) {
        entry.gate.end_call();
        return -libc::EINVAL;
    }
    // SAFETY: the caller keeps the same promise.
    let result = unsafe { T::system_call(request) };
    entry.gate.end_call();
    if result > 0 {
        let length = result as usize * size_of::<io_event>();
        STATE.writable.add(request.events.cast_const(), length);
    }
    if result >= 0 && !request.timeout.is_null() {
        STATE.readable.add(request.timeout, size_of::<T>());
    }
    result
}

/// Sees to it that a reaper that stays inside the gate moves `head` no more. False if it still may, and
/// the ring may not be touched, because a thread is about to destroy the context: it is taken for
/// destroyed.
#[cold]
fn revoke(entry: &Entry, ctx: io_context_t) -> bool {
    entry.gate.begin_revoking();
    let is_live = entry.is_live(ctx.addr());
    if is_live {
        // SAFETY: the ring is mapped: this thread is counted at the gate of a context that is not being
        // destroyed.
        ring::revoke(unsafe { &*ctx.cast_const() }, || entry.slots());
    }
    entry.gate.end_revoking();
    is_live || !entry.is_doomed(ctx.addr())
}

/// Takes events from the ring if what is there satisfies the request. None means that the kernel must
/// be asked: something has to be waited for, or it may refuse an argument, or somebody else is taking
/// events.
///
/// # Safety
/// `events` and `timeout` are the caller's, or bad; a page of them that was good in an earlier call is
/// still good.
#[inline(always)]
unsafe fn reap<T: Timespec>(entry: &Entry, request: Request<T>) -> Option<c_int> {
    let Request {
        ctx,
        min_nr,
        nr,
        events,
        timeout,
        sigmask: _,
    } = request;
    if min_nr < 0 || nr <= 0 || min_nr > nr {
        return None;
    }
    let mut may_wait = min_nr > 0;
    if !timeout.is_null() {
        if !STATE.readable.contain(timeout, size_of::<T>()) {
            return None;
        }
        // SAFETY: the kernel has read this page before; it may be misaligned, as for the kernel.
        let timeout = unsafe { timeout.read_unaligned() };
        may_wait &= !timeout.is_zero();
    }
    let thread = thread::current();
    if !entry.gate.enter(thread) {
        return None;
    }
    let taken = if entry.is_live(ctx.addr()) {
        let wanted = Wanted {
            at_least: if may_wait { min_nr } else { 0 },
            at_most: nr,
        };
        // SAFETY: the gate is held and the context is not being destroyed, so its ring is mapped.
        unsafe { take(entry, ctx, wanted, events, thread) }
    } else {
        None
    };
    entry.gate.leave();
    taken
}

/// How many events end a call.
#[derive(Clone, Copy)]
struct Wanted {
    at_least: c_long,
    at_most: c_long,
}

/// Takes events from the ring, and moves `head` once.
///
/// # Safety
/// As [`reap`]; and the gate is held by `thread`, this one, and the ring of `ctx` is mapped.
#[inline]
unsafe fn take(
    entry: &Entry,
    ctx: io_context_t,
    wanted: Wanted,
    events: *mut io_event,
    thread: usize,
) -> Option<c_int> {
    // SAFETY: the caller says that it is mapped; what others change in it is atomic.
    let ring = unsafe { &*ctx.cast_const() };
    // A ring of another size at this address is not the one that was registered.
    let nr = ring.nr.load(Relaxed);
    let known = entry.nr.load(Relaxed);
    if nr != known && (known != 0 || !learn_ring(entry, ring, nr)) {
        return None;
    }
    // Before the ring is looked at: a reader that the kernel has in its hands now may take a whole lap of
    // events, and `head` would look untouched. Who comes later passes this reaper.
    if entry.gate.has_callers() {
        return None;
    }
    let look = ring::look(ring, nr)?;
    // At most 2^24 are ready.
    let ready = look.ready as c_long;
    if ready < wanted.at_least {
        return None;
    }
    if ready == 0 {
        return entry.gate.is_undisturbed(thread).then_some(0);
    }
    let count = min(ready, wanted.at_most) as u32;
    let length = count as usize * size_of::<io_event>();
    if !STATE.writable.contain(events.cast_const(), length) {
        return None;
    }
    // In a child that a signal handler forked just now, the ring is the parent's.
    if !entry.is_live(ctx.addr()) || !ring::claim(ring, nr, look) {
        return None;
    }
    let good = !entry.gate.has_callers() && ring::has(ring, nr, look, count);
    if good {
        // The events follow the header.
        let slots = ctx.cast_const().wrapping_add(1).cast::<io_event>();
        // SAFETY: the events are ready, and the array's pages are good. If the claim is revoked
        // meanwhile, what is copied may be anything, and is not used.
        unsafe { ring::copy(slots, nr, look, count, events) };
    }
    // Again: it may be a child's now, or be gone.
    if !entry.is_live(ctx.addr()) {
        return None;
    }
    if good && ring::commit(ring, nr, look, count) {
        return Some(count as c_int);
    }
    ring::withdraw(ring, nr, look);
    None
}

/// Looks at a context's ring for the first time. False if only the kernel may read it.
#[cold]
fn learn_ring(entry: &Entry, ring: &aio_ring, nr: u32) -> bool {
    let readable = ring::is_readable(ring, nr);
    entry
        .nr
        .store(if readable { nr } else { UNREADABLE }, Relaxed);
    readable
}
