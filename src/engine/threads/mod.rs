//! Threads instead of the kernel's AIO, for where the kernel has none.
//!
//! What the kernel does inside `io_submit` is done there, by the caller: reads and writes of everything
//! that is not direct I/O. Direct I/O and FSYNC go to helper threads, POLL to a poller. A context is a
//! genuine ring, which programs may read themselves. The rules are those of `fs/aio.c`, check by check.
//!
//! | module | holds |
//! |---|---|
//! | [`contexts`] | the contexts, and how long their memory stays |
//! | [`completions`] | posting events to a ring and taking them out |
//! | [`requests`] | the requests that another thread carries out |
//! | [`submitting`] | `io_submit`: the kernel's checks, and who carries a request out |
//! | [`carry_out`] | carrying one out |
//! | [`helpers`] | the helper threads and their queue |
//! | [`polls`] | the poller |
//! | [`waiting`] | timeouts, and threads that wait for events |

pub mod carry_out;
pub mod completions;
pub mod contexts;
pub mod helpers;
pub mod polls;
pub mod requests;
pub mod submitting;
pub mod waiting;

use core::ffi::{c_int, c_long, c_void};
use core::ptr;

use crate::abi::{io_context_t, io_event, iocb};
use crate::configuration::{self, Engine};
use crate::engine::getevents::{Getevents, Timespec};
use crate::engine::process_state::STATE;
use crate::sync::AtomicU32;
use crate::sync::Ordering::{Relaxed, SeqCst};
use crate::sys::errno::Errno;
use crate::sys::proven_pages::ProvenPages;
use crate::sys::{aio, files, futex, limits, memory, probe, process};
use contexts::{Context, Contexts, Failure, Hold};
use submitting::{Batch, KnownFiles};
use waiting::{Limit, Woken};

pub use submitting::finish;

/// All that the engine knows of this process. All zero: nothing, as in a forked child.
#[repr(C)]
pub struct Threads {
    /// The contexts.
    pub contexts: Contexts,
    /// The helper threads.
    pub helpers: helpers::Helpers,
    /// The poller.
    pub polls: polls::Polls,
    /// Descriptors that need no look.
    pub known_files: KnownFiles,
    /// The process that this memory is of, where the kernel does not wipe it in a child; else [`WIPED`]. 0: not
    /// asked yet.
    owner: AtomicU32,
    /// `LIBAIO_THREADS`, read with the first context: helpers must not look at an environment that the program
    /// may change.
    pub limit: AtomicU32,
    /// Pages that events may be written to.
    pub writable: ProvenPages,
    /// What the environment says of engines, as [`Engine`] numbers it; 0: not read yet.
    engine: AtomicU32,
}

/// In [`Threads::owner`]: a child finds zeroes here.
const WIPED: u32 = u32::MAX;
/// In [`Threads::owner`]: a child is throwing away what it took over.
const LEAVING: u32 = u32::MAX - 1;

impl Threads {
    /// Which engine is to make contexts.
    pub fn engine(&self) -> Engine {
        // Relaxed: threads that ask at the same time come to the same answer.
        let known = self.engine.load(Relaxed);
        for engine in [
            Engine::Auto,
            Engine::AutoAndSpill,
            Engine::Kernel,
            Engine::Threads,
        ] {
            if known == engine as u32 {
                return engine;
            }
        }
        let engine = configuration::engine();
        self.limit.store(configuration::threads_limit(), Relaxed);
        self.engine.store(engine as u32, Relaxed);
        engine
    }

    /// Finds out how a forked child is told, before the first context is made.
    fn prepare(&self) {
        loop {
            let owner = self.owner.load(SeqCst);
            let process = process::id() as u32;
            match owner {
                0 => {
                    // qemu-user says yes to any advice and does nothing.
                    let is_wiped =
                        memory::wipe_on_fork(&STATE) && !memory::takes_any_advice(&STATE);
                    let owner = if is_wiped { WIPED } else { process };
                    self.owner.store(owner, SeqCst);
                }
                WIPED => return,
                LEAVING => futex::sleep(1_000_000),
                owner if owner == process => return,
                _ => self.leave_to_parent(owner),
            }
        }
    }

    /// Forgets the parent's contexts and threads, in a child that took them over.
    #[cold]
    fn leave_to_parent(&self, parent: u32) {
        // SeqCst: one thread does it, before any other makes a context.
        if self
            .owner
            .compare_exchange(parent, LEAVING, SeqCst, SeqCst)
            .is_err()
        {
            return;
        }
        let start = ptr::from_ref(self).cast_mut().cast::<u8>();
        // SAFETY: it is all atomics, for which zero is the empty state, and nobody looks at them: `are_ours` says
        // no. The owner comes last.
        unsafe { start.write_bytes(0, core::mem::offset_of!(Threads, owner)) };
        self.owner.store(0, SeqCst);
    }

    /// Whether this process has contexts of this engine.
    #[inline]
    pub fn are_used(&self) -> bool {
        self.contexts.are_any() && self.are_ours()
    }

    #[cold]
    fn are_ours(&self) -> bool {
        let owner = self.owner.load(Relaxed);
        owner == WIPED || owner == process::id() as u32
    }
}

/// Finishes what is queued and ends the threads: the process ends, or the program unloads the library.
extern "C" fn end(_: *mut c_void) {
    if !STATE.threads.are_ours() {
        // A child, which took the call over from its parent, but not the threads.
        return;
    }
    STATE.threads.helpers.drain();
    STATE.threads.polls.end();
    // What a thread does after it has said that it ends: it returns.
    futex::sleep(1_000_000);
}

/// Bytes of events that the kernel lets one context have, halved: `nr` above is EINVAL.
const MOST_EVENTS: u32 = 0x1000_0000 / 32;

/// Makes a context. `is_limited`: `fs.aio-max-nr` counts.
///
/// # Safety
/// `ctxp` is null, bad, or the caller's to write.
pub unsafe fn setup(
    nr_events: c_int,
    ctxp: *mut io_context_t,
    is_limited: bool,
    made: impl FnOnce(usize),
) -> Result<c_int, Errno> {
    let nr_events = nr_events as u32;
    if !probe::are_readable(ctxp.cast(), size_of::<io_context_t>()) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the kernel has just read it.
    if !unsafe { ctxp.read_unaligned() }.is_null() || nr_events == 0 {
        return Err(Errno::EINVAL);
    }
    let least = limits::possible_cpus().wrapping_mul(4);
    let doubled = nr_events.max(least).wrapping_mul(2);
    if doubled > MOST_EVENTS {
        return Err(Errno::EINVAL);
    }
    if doubled == 0 || is_limited && limits::aio_max_nr().is_some_and(|most| nr_events > most) {
        return Err(Errno::EAGAIN);
    }
    let state = &STATE.threads;
    state.prepare();
    let ctx = match state.contexts.make(nr_events) {
        Ok(ctx) => ctx,
        Err(Failure::Memory) => return Err(Errno::ENOMEM),
        Err(Failure::Full) => return Err(Errno::EAGAIN),
    };
    made(ctx.addr());
    if !probe::are_writable(
        &STATE.threads.writable,
        ctxp.cast(),
        size_of::<io_context_t>(),
    ) {
        if let Some(hold) = state.contexts.hold(ctx) {
            // SAFETY: nobody has seen it.
            let _ = unsafe { destroy(hold, ctx) };
        }
        return Err(Errno::EFAULT);
    }
    // SAFETY: the kernel has just written there.
    unsafe { ctxp.write_unaligned(ctx) };
    Ok(0)
}

/// Destroys a context: cancels polls, wakes waiters, waits for helpers. None: it is not this engine's.
///
/// # Safety
/// Nobody reads the ring behind `ctx` any more.
#[inline(never)]
pub unsafe fn destroy(hold: Hold<'_>, ctx: io_context_t) -> Result<c_int, Errno> {
    let state = &STATE.threads;
    let context = hold.0;
    // The program may have unmapped it, and mapped something else there.
    if !context.is_ring_at(ctx) || !context.start_destroying() {
        return Err(Errno::EINVAL);
    }
    context.waiters.wake();
    state.contexts.cancel_polls(context);
    loop {
        // SeqCst: pairs with `finish`.
        let in_flight = context.in_flight.load(SeqCst);
        if in_flight == 0 {
            break;
        }
        let _ = futex::sleep_until(&context.in_flight, in_flight, futex::now() + 10_000_000);
        // A poll may have been armed by an io_submit that had begun before.
        state.contexts.cancel_polls(context);
    }
    // Last: the next context may get the same address.
    // SAFETY: looked at above; the rest as the caller promises.
    unsafe { context.unmap_for_program(ctx) };
    state.contexts.forget(context);
    Ok(0)
}

/// Submits requests. None: the context is not this engine's.
///
/// # Safety
/// The buffers that the iocbs name stay valid until their events are taken.
#[inline(never)]
pub unsafe fn submit(hold: &Hold<'_>, nr: c_long, iocbpp: *mut *mut iocb) -> Result<c_int, Errno> {
    if nr < 0 {
        return Err(Errno::EINVAL);
    }
    let context = hold.0;
    let nr = nr.min(context.completions.nr() as c_long);
    let mut batch = Batch::default();
    let mut result = Ok(nr as c_int);
    for index in 0..nr {
        let place = iocbpp.wrapping_add(index as usize);
        let refused = if batch.proven.covers(place.cast(), size_of::<*mut iocb>()) {
            // SAFETY: the kernel has just read it; the rest as the caller promises.
            unsafe { submitting::submit_one(context, place.read_unaligned(), &mut batch) }
        } else {
            -libc::EFAULT
        };
        if refused != 0 {
            result = if index > 0 {
                Ok(index as c_int)
            } else {
                Err(Errno::of_negated(refused))
            };
            break;
        }
    }
    STATE.threads.helpers.call(batch.pushed);
    result
}

/// Cancels a request. None: the context is not this engine's, and the kernel's checks come first.
/// Every argument is checked.
#[inline(never)]
pub fn cancel(hold: &Hold<'_>, iocb: *mut iocb) -> Result<c_int, Errno> {
    check_key(iocb)?;
    // The one that was submitted first.
    let mut first: *mut requests::Request = ptr::null_mut();
    hold.0.requests.for_each(|request| {
        // SAFETY: the context is held, so the memory is there; a request that changes hands now is not found,
        // or not cancelled below.
        let (this, serial) = unsafe { ((*request).details.obj, (*request).details.serial) };
        let is_older = first.is_null() || {
            // SAFETY: as above.
            let other = unsafe { (*first).details.serial };
            (serial.wrapping_sub(other) as i32) < 0
        };
        if this == iocb && is_older {
            first = request;
        }
    });
    // SAFETY: the context is held.
    if !first.is_null() && unsafe { submitting::cancel(first) } {
        Err(Errno::EINPROGRESS)
    } else {
        Err(Errno::EINVAL)
    }
}

/// Cancels a request of a context that is none.
#[inline(never)]
pub fn cancel_nothing(iocb: *mut iocb) -> Result<c_int, Errno> {
    check_key(iocb)?;
    Err(Errno::EINVAL)
}

/// What is wrong with the request that `io_cancel` is given, if anything.
fn check_key(iocb: *mut iocb) -> Result<(), Errno> {
    let key = iocb
        .cast::<u8>()
        .wrapping_add(core::mem::offset_of!(iocb, key))
        .cast::<u32>();
    if !probe::are_readable(key.cast(), size_of::<u32>()) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the kernel has just read it.
    if unsafe { key.read_unaligned() } != 0 {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

/// Whether the kernel has no AIO, not even errors for contexts that are none, and this engine may do its work.
#[cold]
#[inline(never)]
pub fn stand_alone() -> bool {
    // SAFETY: there is no such context.
    let answer = unsafe { aio::io_destroy(ptr::null_mut()) };
    (answer == Err(Errno::ENOSYS) || answer == Err(Errno::EPERM))
        && configuration::engine() != Engine::Kernel
}

/// Waits for events and takes them. None: the context is not this engine's.
///
/// # Safety
/// `events` has room for `nr` events, or is bad; so is `timeout`, or it is null or readable. A page of `events`
/// that was good in an earlier call is still good.
pub unsafe fn collect<T: Timespec>(hold: &Hold<'_>, request: Getevents<T>) -> Result<c_int, Errno> {
    // SAFETY: the caller keeps the same promise.
    let wanted = unsafe { Wanted::check(request) }?;
    let sigmask = wanted.sigmask;
    // SAFETY: the caller keeps the same promise, and the mask can be read.
    let result = unsafe { collect_from(hold.0, wanted) };
    if !sigmask.is_null() && result != Err(Errno::EINTR) {
        // What the mask lets through is delivered within the call, whatever its result.
        let at_once = || true;
        // SAFETY: as above.
        let woken = unsafe { hold.0.waiters.sleep_with_mask(Limit::Now, sigmask, at_once) };
        if result == Ok(0) && woken == Woken::Interrupted {
            return Err(Errno::EINTR);
        }
    }
    result
}

/// A checked request for events.
#[derive(Clone, Copy)]
struct Wanted {
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    limit: Limit,
    sigmask: *const libc::sigset_t,
}

impl Wanted {
    /// An error if timeout or mask are bad.
    ///
    /// # Safety
    /// Timeout and mask do not become bad meanwhile.
    unsafe fn check<T: Timespec>(request: Getevents<T>) -> Result<Wanted, Errno> {
        let mut limit = Limit::Never;
        if !request.timeout.is_null() {
            if !probe::are_readable(request.timeout.cast(), size_of::<T>()) {
                return Err(Errno::EFAULT);
            }
            // SAFETY: the kernel has just read it.
            limit = Limit::of(unsafe { request.timeout.read_unaligned() }.parts());
        }
        let sigmask = request.sigmask.unwrap_or(ptr::null());
        if !sigmask.is_null() && !probe::is_readable(sigmask.cast()) {
            return Err(Errno::EFAULT);
        }
        Ok(Wanted {
            min_nr: request.min_nr,
            nr: request.nr,
            events: request.events,
            limit,
            sigmask,
        })
    }
}

/// Waits for events of a context that is none.
///
/// # Safety
/// As [`collect`].
pub unsafe fn collect_nothing<T: Timespec>(request: Getevents<T>) -> Result<c_int, Errno> {
    // SAFETY: the caller keeps the same promise.
    let wanted = unsafe { Wanted::check(request) }?;
    if !wanted.sigmask.is_null() {
        // What the mask lets through is delivered within the call, whatever its result.
        // SAFETY: the mask can be read.
        let _ = unsafe { files::poll_with_mask(-1, 0, wanted.sigmask) };
    }
    Err(Errno::EINVAL)
}

/// # Safety
/// As [`collect`]; the mask is null or can be read.
unsafe fn collect_from(context: &Context, wanted: Wanted) -> Result<c_int, Errno> {
    let Wanted {
        min_nr, nr, limit, ..
    } = wanted;
    if min_nr < 0 || min_nr > nr {
        return Err(Errno::EINVAL);
    }
    let mut got: c_long = 0;
    loop {
        let events = wanted.events.wrapping_add(got as usize);
        // SAFETY: the caller keeps the same promise.
        match unsafe { take(context, nr - got, events) } {
            Ok(count) => got += count,
            Err(_) if got > 0 => return Ok(got as c_int),
            Err(error) => return Err(error),
        }
        if got >= min_nr || limit == Limit::Now {
            return Ok(got as c_int);
        }
        // A waiter leaves what does not satisfy it to those who want less.
        // SAFETY: the mask can be read.
        match unsafe { wait_for(context, min_nr - got, limit, wanted.sigmask) } {
            Woken::Perhaps if context.is_dying() => {
                return if got > 0 {
                    Ok(got as c_int)
                } else {
                    Err(Errno::EINVAL)
                };
            }
            Woken::Perhaps => {}
            woken => {
                // What there is after all.
                let events = wanted.events.wrapping_add(got as usize);
                // SAFETY: as above.
                if let Ok(count) = unsafe { take(context, nr - got, events) } {
                    got += count;
                }
                return if got == 0 && woken == Woken::Interrupted {
                    Err(Errno::EINTR)
                } else {
                    Ok(got as c_int)
                };
            }
        }
    }
}

/// Waits until so many events are there, or the context is being destroyed.
///
/// # Safety
/// The mask is null or can be read.
unsafe fn wait_for(
    context: &Context,
    events: c_long,
    limit: Limit,
    sigmask: *const libc::sigset_t,
) -> Woken {
    let ready = || context.completions.available() as c_long >= events || context.is_dying();
    loop {
        STATE.threads.polls.ensure();
        let woken = if sigmask.is_null() {
            context.waiters.sleep(limit, ready)
        } else {
            // SAFETY: the mask can be read.
            unsafe { context.waiters.sleep_with_mask(limit, sigmask, ready) }
        };
        if woken != Woken::Perhaps || ready() {
            return woken;
        }
    }
}

/// Takes what is there, up to `at_most`.
///
/// # Safety
/// As [`collect`].
unsafe fn take(context: &Context, at_most: c_long, events: *mut io_event) -> Result<c_long, Errno> {
    let available = context.completions.available();
    if available == 0 || at_most <= 0 {
        return Ok(0);
    }
    let count = at_most.min(available as c_long) as u32;
    let bytes = count as usize * size_of::<io_event>();
    if !probe::are_writable(&STATE.threads.writable, events.cast(), bytes) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the kernel has just written there, or did before.
    Ok(unsafe { context.completions.take(count, events) } as c_long)
}
