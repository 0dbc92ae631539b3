//! Taking events out of the ring in user space, beside system calls that do the same.
//!
//! The protocol is that of [`super::gate`] (who may move `head`), [`super::ring`] (how it is moved)
//! and [`super::registry`] (whether the context is still there). Every function here but
//! [`call_unknown`] begins with an entry of the registry and is done when it has left the gate.

use core::cmp::min;
use core::ffi::{c_int, c_long};

use super::registry::{Entry, Registry, UNREADABLE};
use super::spinning::{Seen, Spinning};
use super::system_call::SystemCall;
use super::{ring, stand_in};
use crate::abi::{aio_ring, io_context_t, io_event};
use crate::configuration;
use crate::engine::getevents::Getevents;
use crate::engine::trace_points;
use crate::sync::Ordering::Relaxed;
use crate::sys::errno::Errno;
use crate::sys::proven_pages::ProvenPages;
use crate::sys::signals::Blocked;
use crate::sys::{aio, futex, probe, sanitizers, thread};

/// Pages that the kernel has accepted in earlier calls. All zero: none.
#[repr(C)]
pub(crate) struct Pages {
    /// A timeout may be read from these.
    pub readable: ProvenPages,
    /// Events may be written to these.
    pub writable: ProvenPages,
}

/// Takes events, from the ring if that will do, else with the system call. `proves` is asked before
/// that, of a context which may be the parent's: whether its success shows that it is not.
///
/// # Safety
/// As [`aio::io_getevents`]; and a page of `events` or `timeout` that was good in an earlier call
/// is still good.
#[inline(always)]
pub(crate) unsafe fn getevents<T: SystemCall>(
    registry: &Registry,
    entry: &Entry,
    pages: &Pages,
    spinning: &Spinning,
    wanted: Getevents<T>,
    proves: impl FnOnce() -> bool,
) -> Result<c_int, Errno> {
    // With a mask only the kernel can say whether a signal is due.
    if wanted.sigmask.is_none_or(|mask| mask.is_null()) {
        // SAFETY: the caller keeps the same promise.
        if let Some(count) = unsafe { reap(entry, pages, wanted) } {
            trace_points::reap(wanted.ctx, wanted.nr, c_long::from(count));
            return Ok(count);
        }
    }
    let proves = entry.is_unproven() && proves();
    trace_points::wait_begin(wanted.ctx, wanted.min_nr, wanted.nr);
    // SAFETY: the caller keeps the same promise.
    let result = unsafe { wait(registry, entry, pages, spinning, wanted) };
    trace_points::wait_end(wanted.ctx, wanted.min_nr, trace_points::told(result));
    sanitizers::collected(wanted.events, result);
    if proves && result.is_ok() {
        entry.prove();
    }
    result
}

/// Takes events from the ring if what is there satisfies the call. None: the kernel must be asked,
/// because something has to be waited for, or it may refuse an argument, or somebody else is taking
/// events.
///
/// # Safety
/// As [`getevents`].
#[inline(always)]
pub(crate) unsafe fn reap<T: SystemCall>(
    entry: &Entry,
    pages: &Pages,
    wanted: Getevents<T>,
) -> Option<c_int> {
    let Getevents {
        ctx,
        min_nr,
        nr,
        events,
        timeout,
        sigmask: _,
    } = wanted;
    if min_nr < 0 || nr <= 0 || min_nr > nr {
        return None;
    }
    let mut may_wait = min_nr > 0;
    if !timeout.is_null() {
        if !pages.readable.contain(timeout, size_of::<T>()) {
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
    entry.ours.set();
    let taken = if entry.is_live(ctx.addr()) {
        let bounds = Bounds {
            at_least: if may_wait { min_nr } else { 0 },
            at_most: nr,
        };
        // SAFETY: the gate is held and the context is not being destroyed, so its ring is mapped.
        unsafe { take(entry, pages, ctx, bounds, events, thread) }
    } else {
        None
    };
    entry.ours.clear();
    entry.gate.leave();
    taken
}

/// How many events may end a call without a wait.
#[derive(Clone, Copy)]
struct Bounds {
    at_least: c_long,
    at_most: c_long,
}

/// Takes events from the ring, and moves `head` once.
///
/// # Safety
/// As [`reap`]; and the gate is held by `thread`, this one, and the ring of `ctx` is mapped.
#[inline(always)]
unsafe fn take(
    entry: &Entry,
    pages: &Pages,
    ctx: io_context_t,
    bounds: Bounds,
    events: *mut io_event,
    thread: usize,
) -> Option<c_int> {
    // SAFETY: the caller says that it is mapped; what others change in it is atomic.
    let ring = unsafe { &*ctx.cast_const() };
    // A ring of another size at this address is not the one that was registered.
    let nr = ring.nr.load(Relaxed);
    let known = entry.nr.load(Relaxed);
    if nr != known && !learn_ring(entry, ring, nr) {
        return None;
    }
    // Before the ring is looked at: a system call in progress may take as many events as the ring
    // has slots, and `head` would look untouched. Callers that arrive later see this reaper and
    // revoke its claim.
    if entry.gate.has_callers() {
        // A call that does not wait may still learn that there is nothing; unless the ring is the
        // parent's by now.
        let is_answer =
            bounds.at_least == 0 && ring::is_empty(ring, nr) && entry.is_live(ctx.addr());
        return is_answer.then_some(0);
    }
    let look = ring::look(ring, nr)?;
    // At most 2^24 are ready.
    let ready = look.ready as c_long;
    if ready < bounds.at_least {
        return None;
    }
    if ready == 0 {
        return entry.gate.is_undisturbed(thread).then_some(0);
    }
    let count = min(ready, bounds.at_most) as u32;
    let length = count as usize * size_of::<io_event>();
    if !pages.writable.contain(events.cast_const(), length) {
        return None;
    }
    // From here on this may be a child that a signal handler forked, and the ring its parent's; or a
    // thread that destroys the context may have put memory in the ring's place. Then nothing is
    // claimed, or not ready, and nothing is committed.
    ring::claim(ring, nr, look, &entry.ours);
    if entry.gate.has_callers() || !ring::has(ring, nr, look, count) {
        ring::withdraw(ring, nr, look, &entry.ours);
        return None;
    }
    // The events follow the header.
    let slots = ctx.cast_const().wrapping_add(1).cast::<io_event>();
    // SAFETY: the events are ready, and the array's pages are good. If there is no claim, or it is
    // revoked meanwhile, what is copied may be anything, and is not used.
    unsafe { ring::copy(slots, nr, look, count, events) };
    let next = ring::slot_after(nr, look, count);
    ring::commit(ring, nr, look, next, &entry.ours).then_some(count as c_int)
}

/// Waits, in the way that the environment asks for. Apart from [`getevents`], so that this costs the calls nothing
/// that take what is there.
///
/// # Safety
/// As [`getevents`].
#[inline(never)]
unsafe fn wait<T: SystemCall>(
    registry: &Registry,
    entry: &Entry,
    pages: &Pages,
    spinning: &Spinning,
    wanted: Getevents<T>,
) -> Result<c_int, Errno> {
    match configuration::spin() {
        // SAFETY: the caller keeps the same promise.
        0 => unsafe { wait_in_kernel(registry, entry, pages, wanted) },
        // SAFETY: as above.
        limit => unsafe { spin_and_call(registry, entry, pages, spinning, wanted, limit.into()) },
    }
}

/// Waits with the system call.
///
/// # Safety
/// As [`getevents`].
#[inline(always)]
unsafe fn wait_in_kernel<T: SystemCall>(
    registry: &Registry,
    entry: &Entry,
    pages: &Pages,
    wanted: Getevents<T>,
) -> Result<c_int, Errno> {
    // SAFETY: the caller keeps the same promise.
    let result = unsafe { ask(registry, entry, pages, wanted) };
    if result.is_ok() && !wanted.timeout.is_null() {
        pages.readable.add(wanted.timeout, size_of::<T>());
    }
    result
}

/// Waits at the ring for `limit` nanoseconds at most, and for the rest with the system call.
///
/// # Safety
/// As [`getevents`].
#[cold]
#[inline(never)]
unsafe fn spin_and_call<T: SystemCall>(
    registry: &Registry,
    entry: &Entry,
    pages: &Pages,
    spinning: &Spinning,
    wanted: Getevents<T>,
    limit: i64,
) -> Result<c_int, Errno> {
    let place = spinning.place(wanted.ctx);
    // Not in a call that the kernel may refuse, or that has a mask of its own.
    let is_wait = wanted.min_nr > 0
        && wanted.min_nr <= wanted.nr
        && wanted.sigmask.is_none_or(|mask| mask.is_null());
    // The entry may be that of a context that was here before.
    let is_known = || entry.slots().is_some() && entry.is_live(wanted.ctx.addr());
    let may_spin = || is_known() && !entry.gate.has_callers() && place.is_worth_it();
    let mut time = None;
    if is_wait && may_spin() {
        // SAFETY: the caller keeps the same promise.
        time = unsafe { time_of(pages, &wanted) };
    }
    let Some(time) = time.filter(|&time| time > 0) else {
        // SAFETY: as above.
        return unsafe { wait_in_kernel(registry, entry, pages, wanted) };
    };
    let blocked = Blocked::new();
    let mask = blocked.before();
    let begin = futex::now();
    let during = (begin, limit.min(time));
    let seen = place.spin(entry, wanted.ctx, wanted.min_nr, during, mask);
    if seen == Seen::Enough {
        // SAFETY: as above.
        if let Some(count) = unsafe { reap(entry, pages, wanted) } {
            return Ok(count);
        }
    }
    let left;
    let mut timeout = wanted.timeout;
    if !timeout.is_null() {
        let nanoseconds = (time - (futex::now() - begin)).max(0);
        left = T::left(nanoseconds / NANOSECONDS, nanoseconds % NANOSECONDS);
        timeout = &raw const left;
    }
    let mut rest = Getevents {
        timeout,
        sigmask: Some(mask.as_sigset()),
        ..wanted
    };
    // SAFETY: as above; timeout and mask outlive the call.
    let result = unsafe { ask(registry, entry, pages, rest) };
    // ENOSYS: before Linux 4.18. EPERM: a sandbox that is older than this call.
    if result == Err(Errno::ENOSYS) || result == Err(Errno::EPERM) {
        drop(blocked);
        rest.sigmask = None;
        // SAFETY: as above.
        return unsafe { ask(registry, entry, pages, rest) };
    }
    result
}

/// How many nanoseconds a call may wait. None: only the kernel can say.
///
/// # Safety
/// As [`getevents`].
unsafe fn time_of<T: SystemCall>(pages: &Pages, wanted: &Getevents<T>) -> Option<i64> {
    if wanted.timeout.is_null() {
        return Some(i64::MAX);
    }
    let is_proven = pages.readable.contain(wanted.timeout, size_of::<T>());
    if !is_proven {
        // Calls that fail prove no page: those of programs that wait for events and leave them in the ring.
        if !probe::are_readable(wanted.timeout.cast(), size_of::<T>()) {
            return None;
        }
        pages.readable.add(wanted.timeout, size_of::<T>());
    }
    // SAFETY: the kernel has read this page before; it may be misaligned, as for the kernel.
    let (seconds, nanoseconds) = unsafe { wanted.timeout.read_unaligned() }.parts();
    // What is no time is the kernel's to judge, and no wait is as long as the longest.
    let is_time = (0..1 << 32).contains(&seconds) && (0..NANOSECONDS).contains(&nanoseconds);
    is_time.then(|| seconds * NANOSECONDS + nanoseconds)
}

/// Of a second.
const NANOSECONDS: i64 = 1_000_000_000;

/// Looks at a context's ring, if it is for the first time. False if only the kernel may read it.
#[cold]
fn learn_ring(entry: &Entry, ring: &aio_ring, nr: u32) -> bool {
    let readable = ring::is_readable(ring, nr);
    let learnt = if readable { nr } else { UNREADABLE };
    // Relaxed: as every look at `nr`. It fails if that was said before, or is said of a newer context.
    let is_learnt = entry.nr.compare_exchange(0, learnt, Relaxed, Relaxed);
    readable && is_learnt.is_ok()
}

/// Makes the system call, while no reaper moves `head`. The timeout need not be the program's.
///
/// # Safety
/// As [`aio::io_getevents`].
#[inline(always)]
unsafe fn ask<T: SystemCall>(
    registry: &Registry,
    entry: &Entry,
    pages: &Pages,
    wanted: Getevents<T>,
) -> Result<c_int, Errno> {
    // SAFETY: the caller keeps the same promise.
    unsafe { call(entry, pages, wanted).unwrap_or_else(|| call_unknown(registry, pages, wanted)) }
}

/// Makes the system call, while no reaper moves `head`. None: the entry is another context's by now.
///
/// # Safety
/// As [`aio::io_getevents`].
#[inline(never)]
pub(crate) unsafe fn call<T: SystemCall>(
    entry: &Entry,
    pages: &Pages,
    wanted: Getevents<T>,
) -> Option<Result<c_int, Errno>> {
    let undisturbed = entry.gate.begin_call(thread::current());
    if !entry.belongs_to(wanted.ctx.addr()) {
        // A new context may have the address, and its gate does not know of this call.
        entry.gate.end_call();
        return None;
    }
    if !undisturbed && !revoke(entry, wanted.ctx) {
        entry.gate.end_call();
        return Some(Err(Errno::EINVAL));
    }
    // SAFETY: the caller keeps the same promise.
    let result = unsafe { T::getevents(wanted) };
    entry.gate.end_call();
    if let Ok(count) = result {
        if count > 0 {
            let length = count as usize * size_of::<io_event>();
            pages.writable.add(wanted.events.cast_const(), length);
        }
    }
    Some(result)
}

/// Makes the system call for a context that has no entry: this library did not make it, or it was
/// destroyed, and its address may be a new one's at any moment.
///
/// # Safety
/// As [`aio::io_getevents`].
#[inline(never)]
pub(crate) unsafe fn call_unknown<T: SystemCall>(
    registry: &Registry,
    pages: &Pages,
    wanted: Getevents<T>,
) -> Result<c_int, Errno> {
    let address = wanted.ctx.addr();
    while let Some(entry) = registry.begin_unknown(address) {
        // SAFETY: the caller keeps the same promise.
        if let Some(result) = unsafe { call(entry, pages, wanted) } {
            return result;
        }
    }
    // SAFETY: as above.
    let result = unsafe { T::getevents(wanted) };
    registry.end_unknown(address);
    result
}

/// Makes sure that a reaper that stays inside the gate does not move `head` any more. False if it
/// still may: a thread is about to destroy the context, so that the ring may not be touched, and
/// the call reports EINVAL, as if the context were destroyed already.
#[cold]
fn revoke(entry: &Entry, ctx: io_context_t) -> bool {
    entry.gate.begin_visit();
    let is_live = entry.is_live(ctx.addr());
    if is_live {
        // SAFETY: the ring is mapped: this thread is counted at the gate of a context that is not
        // being destroyed.
        ring::revoke(unsafe { &*ctx.cast_const() }, || entry.slots());
    }
    entry.gate.end_visit();
    is_live || !entry.is_doomed(ctx.addr())
}

/// Destroys the context of an entry, when nobody is at its ring.
///
/// # Safety
/// As [`aio::io_destroy`].
pub(crate) unsafe fn destroy(entry: &Entry, ctx: io_context_t) -> Result<c_int, Errno> {
    let address = ctx.addr();
    // The kernel unmaps the ring first thing, so nobody may be at it.
    entry.start_destroying(address);
    let closed = entry.gate.close(thread::current());
    if !entry.take_ring(address) {
        if entry.is_doomed(address) {
            // Another thread destroys it, and this is what the kernel will say when it has.
            return Err(Errno::EINVAL);
        }
        // SAFETY: the caller keeps the same promise. The handle is stale, or the kernel's.
        return unsafe { aio::io_destroy(ctx) };
    }
    let doomed = if closed {
        ctx
    } else {
        // Unless the reaper has not got as far.
        let nr = entry.slots().unwrap_or_else(|| {
            // SAFETY: the ring is mapped: this thread alone takes it away.
            unsafe { &(*ctx).nr }.load(Relaxed)
        });
        // SAFETY: as above.
        unsafe { stand_in::put_in_place_of(ctx, nr) }
    };
    // SAFETY: the caller keeps the same promise.
    let result = unsafe { aio::io_destroy(doomed) };
    entry.remove(address);
    // A new context at the address would have its callers counted at this gate, and theirs.
    if result.is_ok() && entry.gate.keeps_callers() {
        stand_in::keep_address(ctx);
    }
    result
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::abi::AIO_RING_MAGIC;
    use crate::engine::getevents::Timespec;
    use crate::sync::AtomicU32;
    use core::mem::MaybeUninit;
    use core::ptr;
    use std::cell::{Cell, UnsafeCell};

    const SLOTS: u32 = 7;

    /// A ring, as the kernel maps it.
    #[repr(C, align(4096))]
    struct Ring {
        header: aio_ring,
        slots: [io_event; SLOTS as usize],
    }

    /// A context that this process made, and an array for its events.
    struct Context {
        ring: Box<Ring>,
        registry: Box<Registry>,
        pages: Box<Pages>,
        spinning: Box<Spinning>,
        /// Written through the pointer that a call gets, while others look at the context.
        array: UnsafeCell<[io_event; SLOTS as usize]>,
    }

    std::thread_local! {
        static SYSTEM_CALLS: Cell<u32> = const { Cell::new(0) };
        /// What runs in the system call.
        static WITHIN: Cell<fn()> = const { Cell::new(|| ()) };
        static ENTRY: Cell<*const Entry> = const { Cell::new(ptr::null()) };
        static REGISTRY: Cell<*const Registry> = const { Cell::new(ptr::null()) };
        /// The last system call.
        static LAST: Cell<Option<Getevents<Timeout>>> = const { Cell::new(None) };
    }

    /// A timeout: seconds and nanoseconds.
    #[derive(Clone, Copy, PartialEq, Debug)]
    struct Timeout(i64, i64);

    impl Timespec for Timeout {
        fn is_zero(self) -> bool {
            self == AT_ONCE
        }

        fn parts(self) -> (i64, i64) {
            (self.0, self.1)
        }

        fn left(seconds: i64, nanoseconds: i64) -> Timeout {
            Timeout(seconds, nanoseconds)
        }
    }

    impl SystemCall for Timeout {
        unsafe fn getevents(wanted: Getevents<Timeout>) -> Result<c_int, Errno> {
            SYSTEM_CALLS.set(SYSTEM_CALLS.get() + 1);
            LAST.set(Some(wanted));
            WITHIN.get()();
            Ok(2)
        }
    }

    static AT_ONCE: Timeout = Timeout(0, 0);
    static LATER: Timeout = Timeout(7, 5);

    impl Context {
        /// With `ready` events from slot `head` on. The array's pages are good, and those of the
        /// timeouts.
        fn new(head: u32, ready: u32) -> Context {
            // SAFETY: all zero is a value of each.
            let (mut ring, registry, pages, spinning) = unsafe {
                (
                    Box::<MaybeUninit<Ring>>::new(MaybeUninit::zeroed()).assume_init(),
                    Box::<MaybeUninit<Registry>>::new(MaybeUninit::zeroed()).assume_init(),
                    Box::<MaybeUninit<Pages>>::new(MaybeUninit::zeroed()).assume_init(),
                    Box::<MaybeUninit<Spinning>>::new(MaybeUninit::zeroed()).assume_init(),
                )
            };
            ring.header = aio_ring {
                id: 0,
                nr: AtomicU32::new(SLOTS),
                head: AtomicU32::new(head),
                tail: AtomicU32::new((head + ready) % SLOTS),
                magic: AIO_RING_MAGIC,
                compat_features: 1,
                incompat_features: 0,
                header_length: 32,
            };
            for (serial, slot) in ring.slots.iter_mut().enumerate() {
                slot.data = ptr::without_provenance_mut(serial);
            }
            let context = Context {
                ring,
                registry,
                pages,
                spinning,
                // SAFETY: zero is an event.
                array: UnsafeCell::new(unsafe { core::mem::zeroed() }),
            };
            context.registry.insert(context.ctx().addr(), true, || true);
            for timeout in [&AT_ONCE, &LATER] {
                context
                    .pages
                    .readable
                    .add(ptr::from_ref(timeout), size_of::<Timeout>());
            }
            context
        }

        fn ctx(&self) -> io_context_t {
            (&raw const *self.ring).cast_mut().cast()
        }

        fn entry(&self) -> &Entry {
            self.registry.find(self.ctx().addr()).expect("known")
        }

        fn wanted(
            &mut self,
            min_nr: c_long,
            nr: c_long,
            timeout: *const Timeout,
        ) -> Getevents<Timeout> {
            let events = self.array.get().cast::<io_event>();
            self.pages.writable.add(events, size_of_val(&self.array));
            Getevents {
                ctx: self.ctx(),
                min_nr,
                nr,
                events,
                timeout,
                sigmask: None,
            }
        }

        /// What is taken from the ring; none: the kernel is asked.
        fn reap(&mut self, min_nr: c_long, nr: c_long, timeout: *const Timeout) -> Option<c_int> {
            let wanted = self.wanted(min_nr, nr, timeout);
            // SAFETY: the array has room, and the ring is there.
            unsafe { reap(self.entry(), &self.pages, wanted) }
        }

        /// # Safety
        /// As [`getevents`].
        unsafe fn getevents(
            &self,
            wanted: Getevents<Timeout>,
            proves: impl FnOnce() -> bool,
        ) -> Result<c_int, Errno> {
            // SAFETY: the caller keeps the same promise.
            unsafe {
                let (registry, pages) = (&self.registry, &self.pages);
                getevents(
                    registry,
                    self.entry(),
                    pages,
                    &self.spinning,
                    wanted,
                    proves,
                )
            }
        }

        fn head(&self) -> u32 {
            self.ring.header.head.load(Relaxed)
        }
    }

    #[test]
    fn takes_what_is_ready() {
        for head in 0..SLOTS {
            let mut context = Context::new(head, 3);
            assert_eq!(context.reap(1, 2, ptr::null()), Some(2));
            // SAFETY: nobody else has it.
            let second = unsafe { (*context.array.get())[1] };
            assert_eq!(second.data.addr() as u32, (head + 1) % SLOTS);
            assert_eq!(context.head(), (head + 2) % SLOTS);
            assert_eq!(context.reap(0, 5, &AT_ONCE), Some(1));
            assert_eq!(context.reap(0, 5, &LATER), Some(0));
            assert_eq!(context.reap(5, 5, &AT_ONCE), Some(0));
            assert_eq!(context.head(), (head + 3) % SLOTS);
        }
    }

    #[test]
    fn the_kernel_is_asked_where_it_would_wait_or_refuse() {
        let mut context = Context::new(0, 3);
        for (min_nr, nr) in [(-1, 1), (0, 0), (0, -1), (2, 1), (4, 5)] {
            assert_eq!(context.reap(min_nr, nr, ptr::null()), None, "{min_nr} {nr}");
        }
        assert_eq!(context.reap(4, 5, &LATER), None);
        let unproven: *const Timeout = ptr::without_provenance(0x5000);
        assert_eq!(context.reap(0, 1, unproven), None);
        let mut wanted = context.wanted(0, 1, ptr::null());
        wanted.events = ptr::without_provenance_mut(0x5000);
        // SAFETY: the page is not proven.
        let taken = unsafe { reap(context.entry(), &context.pages, wanted) };
        assert_eq!(taken, None);
        assert_eq!(context.head(), 0);
        assert_eq!(context.reap(4, 5, &AT_ONCE), Some(3));
    }

    #[test]
    fn only_known_rings_are_read() {
        type Change = fn(&mut aio_ring);
        let changes: [Change; 3] = [
            |ring| ring.magic = 0,
            |ring| ring.incompat_features = 1,
            |ring| ring.header_length = 64,
        ];
        for change in changes {
            let mut context = Context::new(0, 3);
            change(&mut context.ring.header);
            assert_eq!(context.reap(0, 1, ptr::null()), None);
            context.ring.header.magic = AIO_RING_MAGIC;
            context.ring.header.incompat_features = 0;
            context.ring.header.header_length = 32;
            assert_eq!(
                context.reap(0, 1, ptr::null()),
                None,
                "it is looked at once"
            );
        }
        // Programs may write the header.
        let mut context = Context::new(0, 3);
        assert_eq!(context.reap(0, 1, ptr::null()), Some(1));
        context.ring.header.nr.store(3, Relaxed);
        assert_eq!(context.reap(0, 1, ptr::null()), None);
        context.ring.header.nr.store(SLOTS, Relaxed);
        context.ring.header.head.store(SLOTS, Relaxed);
        assert_eq!(context.reap(0, 1, ptr::null()), None);
        context.ring.header.head.store(1, Relaxed);
        assert_eq!(context.reap(0, 1, ptr::null()), Some(1));
    }

    #[test]
    fn a_caller_is_in_the_kernel_alone() {
        let mut context = Context::new(0, 3);
        assert!(context.entry().gate.begin_call(2));
        assert_eq!(context.reap(0, 1, ptr::null()), None);
        context.entry().gate.end_call();
        assert_eq!(context.reap(0, 1, ptr::null()), Some(1));
    }

    #[test]
    fn system_calls_are_counted_and_prove_pages() {
        let mut context = Context::new(0, 3);
        // SAFETY: all zero: no page.
        context.pages = unsafe { Box::new(core::mem::zeroed()) };
        ENTRY.set(context.entry());
        // SAFETY: the context outlives the call.
        WITHIN.set(|| assert!(unsafe { &*ENTRY.get() }.gate.has_callers()));
        let wanted = Getevents {
            ctx: context.ctx(),
            min_nr: 0,
            nr: 2,
            events: context.array.get().cast(),
            timeout: &AT_ONCE,
            sigmask: None,
        };
        let before = SYSTEM_CALLS.get();
        let collect = |wanted| {
            // SAFETY: the array has room.
            unsafe { context.getevents(wanted, || false) }
        };
        assert_eq!(collect(wanted), Ok(2), "no page is proven");
        assert_eq!(SYSTEM_CALLS.get(), before + 1);
        assert_eq!(collect(wanted), Ok(2), "from the ring");
        assert_eq!(SYSTEM_CALLS.get(), before + 1);
        let masks = [Some(ptr::null()), Some(ptr::without_provenance(0x5000))];
        for (sigmask, system_calls) in masks.into_iter().zip([1, 2]) {
            let wanted = Getevents { sigmask, ..wanted };
            collect(wanted).unwrap();
            assert_eq!(SYSTEM_CALLS.get(), before + system_calls, "{sigmask:?}");
        }
        assert!(!context.entry().gate.has_callers());
    }

    /// What comes while a thread waits at the ring.
    #[cfg(not(miri))]
    mod at_the_ring {
        use super::*;
        use crate::engine::patience::{LOOKS, PAUSES, waits};
        use crate::sys::signals::Signals;

        /// How often a thread waits between two looks at the clock.
        const A_WHILE: u32 = LOOKS * PAUSES;
        /// Longer than any test looks.
        const LONG: i64 = NANOSECONDS;

        std::thread_local! {
            static RING: Cell<*const aio_ring> = const { Cell::new(ptr::null()) };
            static HANDLED: Cell<u32> = const { Cell::new(0) };
        }

        /// A context whose ring was read before, and is empty.
        fn context() -> Context {
            let mut context = Context::new(SLOTS - 1, 1);
            assert_eq!(context.reap(1, 1, ptr::null()), Some(1));
            RING.set(&raw const context.ring.header);
            ENTRY.set(context.entry());
            WITHIN.set(|| ());
            SYSTEM_CALLS.set(0);
            LAST.set(None);
            context
        }

        /// Waits, while `meanwhile` happens between any two looks. The result, and how often it waited.
        fn wait(
            context: &mut Context,
            limit: i64,
            change: impl FnOnce(&mut Getevents<Timeout>),
            meanwhile: fn(),
        ) -> (Result<c_int, Errno>, u32) {
            // An earlier wait may have been in vain, or late.
            let place = context.spinning.place(context.ctx());
            place.0.store(0, Relaxed);
            wait_again(context, limit, change, meanwhile)
        }

        /// As [`wait`], with what was learnt.
        fn wait_again(
            context: &mut Context,
            limit: i64,
            change: impl FnOnce(&mut Getevents<Timeout>),
            meanwhile: fn(),
        ) -> (Result<c_int, Errno>, u32) {
            let mut wanted = context.wanted(1, 2, ptr::null());
            change(&mut wanted);
            let (registry, entry, pages) = (&context.registry, context.entry(), &*context.pages);
            waits::during(meanwhile, || {
                // SAFETY: the array has room, and the ring is there.
                unsafe { spin_and_call(registry, entry, pages, &context.spinning, wanted, limit) }
            })
        }

        /// Another event is ready.
        fn complete() {
            // SAFETY: the test has it.
            unsafe { &*RING.get() }.tail.store(1, Relaxed);
        }

        /// The signals that this thread blocks.
        fn mask() -> Signals {
            Blocked::new().before()
        }

        /// This thread blocks one signal, which the mask of a system call shows then.
        fn block_one() -> Signals {
            // SAFETY: the set is there.
            unsafe {
                let mut set = core::mem::zeroed();
                libc::sigemptyset(&raw mut set);
                libc::sigaddset(&raw mut set, libc::SIGUSR2);
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, ptr::null_mut());
            }
            mask()
        }

        #[test]
        fn an_event_that_comes_is_taken() {
            let mut context = context();
            let before = block_one();
            for (timeout, head) in [(ptr::null(), 1), (&raw const LATER, 1)] {
                context.ring.header.head.store(0, Relaxed);
                context.ring.header.tail.store(0, Relaxed);
                let change = |wanted: &mut Getevents<Timeout>| wanted.timeout = timeout;
                let (result, waits) = wait(&mut context, LONG, change, complete);
                assert_eq!((result, context.head()), (Ok(1), head));
                assert!((1..=A_WHILE).contains(&waits), "{waits}");
            }
            assert_eq!(SYSTEM_CALLS.get(), 0);
            assert_eq!(mask().halves(), before.halves());
        }

        #[test]
        fn a_timeout_is_looked_at_once() {
            let mut context = context();
            // SAFETY: all zero: no page.
            context.pages.readable = unsafe { core::mem::zeroed() };
            let change = |wanted: &mut Getevents<Timeout>| wanted.timeout = &raw const LATER;
            assert_eq!(wait(&mut context, LONG, change, complete).0, Ok(1));
            assert_eq!(SYSTEM_CALLS.get(), 0);
        }

        #[test]
        fn fewer_events_than_wanted_are_left() {
            let mut context = context();
            let two = |wanted: &mut Getevents<Timeout>| wanted.min_nr = 2;
            let (result, waits) = wait(&mut context, 1, two, complete);
            assert_eq!((result, context.head()), (Ok(2), 0), "from the kernel");
            assert_eq!((waits, SYSTEM_CALLS.get()), (A_WHILE, 1));
        }

        #[test]
        fn the_rest_of_the_time_is_waited_in_the_kernel() {
            let mut context = context();
            let before = block_one();
            WITHIN.set(|| {
                let asked = LAST.get().unwrap();
                // SAFETY: it is there during the call.
                let mask_of_call = unsafe { Signals::at(asked.sigmask.unwrap()) };
                HANDLED.set(mask_of_call.halves()[0]);
                // SAFETY: as above.
                if let Some(&Timeout(seconds, nanoseconds)) = unsafe { asked.timeout.as_ref() } {
                    let left = seconds * NANOSECONDS + nanoseconds;
                    let range = 0..7 * NANOSECONDS + 5;
                    assert!(range.contains(&left) && nanoseconds < NANOSECONDS);
                    assert_ne!(asked.timeout, &raw const LATER);
                }
                assert_ne!(mask().halves()[0] & 1, 0, "SIGHUP is blocked");
            });
            let later = |wanted: &mut Getevents<Timeout>| wanted.timeout = &LATER;
            for is_limited in [false, true] {
                let change = |wanted: &mut Getevents<Timeout>| {
                    if is_limited {
                        later(wanted);
                    }
                };
                let (result, waits) = wait(&mut context, 1, change, || ());
                assert_eq!((result, waits), (Ok(2), A_WHILE));
                let asked = LAST.get().unwrap();
                assert_eq!(asked.timeout.is_null(), !is_limited);
                assert_eq!(HANDLED.get(), before.halves()[0], "the thread's own mask");
                assert_eq!(mask().halves(), before.halves());
                // The stack's page is the library's choice, and may be gone with the thread.
                let own = size_of::<Timeout>();
                assert!(!is_limited || !context.pages.readable.contain(asked.timeout, own));
            }
            // As often as the clock says, which may be looked at late.
            let (_, waits) = wait(&mut context, 3_000_000, later, || ());
            assert!(waits > A_WHILE && waits % A_WHILE == 0, "{waits}");
            // No longer than the call itself may wait.
            let short = Timeout(0, 1);
            context
                .pages
                .readable
                .add(&raw const short, size_of::<Timeout>());
            WITHIN.set(|| {
                // SAFETY: it is there during the call.
                assert_eq!(unsafe { *LAST.get().unwrap().timeout }, AT_ONCE);
            });
            let change = |wanted: &mut Getevents<Timeout>| wanted.timeout = &raw const short;
            let (_, waits) = wait(&mut context, LONG, change, || ());
            assert_eq!(waits, A_WHILE);
        }

        #[test]
        fn only_a_wait_that_the_kernel_accepts_looks() {
            static LATE: [Timeout; 5] = [
                Timeout(i64::MIN, 0),
                Timeout(1 << 32, 0),
                Timeout(0, -1),
                Timeout(0, NANOSECONDS),
                Timeout(0, 0),
            ];
            let mut context = context();
            context
                .pages
                .readable
                .add(LATE.as_ptr(), size_of_val(&LATE));
            let mut is_asked = |change: &dyn Fn(&mut Getevents<Timeout>)| {
                let mut asked = None;
                let before = SYSTEM_CALLS.get();
                let change = |wanted: &mut Getevents<Timeout>| {
                    change(wanted);
                    asked = Some(*wanted);
                };
                let (result, waits) = wait(&mut context, LONG, change, || ());
                assert_eq!((result, waits), (Ok(2), 0));
                assert_eq!(SYSTEM_CALLS.get(), before + 1);
                let (asked, last) = (asked.unwrap(), LAST.get().unwrap());
                assert_eq!(asked.timeout, last.timeout);
                assert_eq!(asked.sigmask, last.sigmask);
            };
            is_asked(&|wanted| wanted.min_nr = 0);
            is_asked(&|wanted| wanted.min_nr = -1);
            is_asked(&|wanted| wanted.min_nr = wanted.nr + 1);
            is_asked(&|wanted| wanted.sigmask = Some(ptr::without_provenance(0x5000)));
            is_asked(&|wanted| wanted.timeout = ptr::without_provenance(0x5000));
            for late in &LATE {
                is_asked(&|wanted| wanted.timeout = late);
            }
            assert!(context.entry().gate.begin_call(2));
            assert_eq!(
                wait(&mut context, LONG, |_| (), || ()),
                (Ok(2), 0),
                "a caller"
            );
            context.entry().gate.end_call();
            context.entry().nr.store(UNREADABLE, Relaxed);
            assert_eq!(
                wait(&mut context, LONG, |_| (), || ()),
                (Ok(2), 0),
                "no ring"
            );
            context.entry().nr.store(SLOTS, Relaxed);
            let learnt = |context: &Context| context.spinning.place(context.ctx()).0.load(Relaxed);
            assert_eq!(learnt(&context), 0);
            let result = wait(&mut context, 1, |_| (), || ());
            assert_eq!(result, (Ok(2), A_WHILE));
            assert!((1..1 << 31).contains(&learnt(&context)));
            let place = context.spinning.place(context.ctx());
            place.0.store(1 << 20, Relaxed);
            let result = wait_again(&mut context, LONG, |_| (), || ());
            assert_eq!(result, (Ok(2), 0), "in vain");
        }

        #[test]
        fn one_thread_looks() {
            std::thread_local! {
                static CONTEXT: Cell<*const Context> = const { Cell::new(ptr::null()) };
            }
            let mut context = context();
            CONTEXT.set(&raw const context);
            let look_too = || {
                // SAFETY: the test has it, and does not change it.
                let context = unsafe { &*CONTEXT.get() };
                let place = context.spinning.place(context.ctx());
                let (entry, mask) = (context.entry(), Signals::of_halves([0; 2]));
                let during = (futex::now(), LONG);
                let look = || place.spin(entry, context.ctx(), 1, during, mask);
                assert_eq!(waits::of(look), (Seen::Others, 0));
            };
            assert_eq!(wait(&mut context, 1, |_| (), look_too), (Ok(2), A_WHILE));
        }

        #[test]
        fn a_caller_that_comes_ends_it() {
            let mut context = context();
            // SAFETY: the context outlives the call.
            let call = || assert!(unsafe { &*ENTRY.get() }.gate.begin_call(2));
            let (result, waits) = wait(&mut context, LONG, |_| (), call);
            assert_eq!((result, waits, SYSTEM_CALLS.get()), (Ok(2), PAUSES, 1));
            for _ in 0..PAUSES {
                assert!(context.entry().gate.has_callers());
                context.entry().gate.end_call();
            }
            assert!(!context.entry().gate.has_callers());
        }

        #[test]
        fn who_destroys_the_context_ends_it() {
            let mut context = context();
            let destroy = || {
                // SAFETY: the context outlives the call.
                let entry = unsafe { &*ENTRY.get() };
                entry.start_destroying(RING.get().addr());
                // Nobody is at the ring between two looks.
                assert!(waits::of(|| entry.gate.close(4)) == (true, 0));
            };
            let (result, waits) = wait(&mut context, LONG, |_| (), destroy);
            assert_eq!((result, waits), (Ok(2), PAUSES), "the kernel knows");
        }

        #[test]
        fn what_another_has_claimed_is_waited_for() {
            let mut context = context();
            let claim = || {
                complete();
                // SAFETY: the test has it.
                unsafe { &*RING.get() }.head.store(SLOTS, Relaxed);
            };
            let (result, waits) = wait(&mut context, 1, |_| (), claim);
            assert_eq!((result, waits), (Ok(2), A_WHILE));
        }

        #[test]
        fn a_signal_ends_it_and_its_handler_runs_in_the_system_call() {
            extern "C" fn handle(_: c_int) {
                HANDLED.set(HANDLED.get() + 1);
            }
            /// For this thread.
            fn raise(signal: c_int) {
                // SAFETY: the thread is there.
                unsafe { libc::pthread_kill(libc::pthread_self(), signal) };
            }
            let mut context = context();
            HANDLED.set(0);
            // SAFETY: the handler only counts.
            let before = unsafe {
                let handler: extern "C" fn(c_int) = handle;
                libc::signal(libc::SIGUSR1, handler as libc::sighandler_t)
            };
            WITHIN.set(|| assert_eq!(HANDLED.get(), 0, "not yet"));
            let come = || raise(libc::SIGUSR1);
            let (result, waits) = wait(&mut context, LONG, |_| (), come);
            assert_eq!((result, waits), (Ok(2), A_WHILE));
            assert_eq!(HANDLED.get(), 1);
            // Not one that the thread blocks itself.
            WITHIN.set(|| ());
            let mask = block_one();
            let come = || raise(libc::SIGUSR2);
            let (_, waits) = wait(&mut context, 3_000_000, |_| (), come);
            assert!(waits > A_WHILE, "{waits}");
            assert_eq!(Blocked::new().before().halves(), mask.halves());
            // SAFETY: as it was; the signal that waits is forgotten.
            unsafe {
                libc::signal(libc::SIGUSR1, before);
                libc::signal(libc::SIGUSR2, libc::SIG_IGN);
            }
        }
    }

    #[test]
    fn a_stale_handle_is_no_context() {
        let context = Context::new(0, 3);
        let stale = ptr::without_provenance_mut::<aio_ring>(0x5000);
        let wanted = Getevents {
            ctx: stale,
            min_nr: 0,
            nr: 1,
            events: ptr::null_mut(),
            timeout: ptr::null::<Timeout>(),
            sigmask: None,
        };
        let before = SYSTEM_CALLS.get();
        // SAFETY: neither is touched.
        let result = unsafe { call(context.entry(), &context.pages, wanted) };
        assert_eq!(result, None);
        assert_eq!(SYSTEM_CALLS.get(), before);
        assert!(!context.entry().gate.has_callers());
        // The kernel is asked, and who makes a context there meanwhile sees it.
        WITHIN.set(|| {
            // SAFETY: the context is there until the call has returned.
            let registry = unsafe { &*REGISTRY.get() };
            assert_eq!(strangers(registry), 1);
        });
        REGISTRY.set(&raw const *context.registry);
        let call = |wanted| {
            // SAFETY: as above.
            unsafe { context.getevents(wanted, || false) }
        };
        assert_eq!(call(wanted), Ok(2));
        WITHIN.set(|| ());
        assert_eq!(SYSTEM_CALLS.get(), before + 1);
        assert_eq!(strangers(&context.registry), 0);
    }

    fn strangers(registry: &Registry) -> u32 {
        let counters = registry.strangers.iter();
        counters.map(|counter| counter.load(Relaxed)).sum()
    }

    /// A context became known since a call looked for it in vain: the call is counted at its gate.
    #[test]
    fn what_is_known_by_now_is_called_at_its_gate() {
        let mut context = Context::new(0, 3);
        WITHIN.set(|| {
            // SAFETY: the entry is there until the call has returned.
            assert!(unsafe { &*ENTRY.get() }.gate.has_callers());
        });
        ENTRY.set(context.entry());
        let wanted = context.wanted(0, 2, ptr::null());
        // SAFETY: the array has room.
        let result = unsafe { call_unknown(&context.registry, &context.pages, wanted) };
        WITHIN.set(|| ());
        assert_eq!(result, Ok(2));
        assert!(!context.entry().gate.has_callers());
    }

    /// The reaper is this thread, which a signal handler interrupted.
    #[test]
    fn a_context_made_before_the_memory_is_wiped_is_proven_by_the_kernel() {
        let mut context = Context::new(0, 3);
        let address = context.ctx().addr();
        context.registry.give_up(address);
        context.registry.insert(address, false, || true);
        assert!(context.entry().is_unproven() && context.entry().slots().is_none());
        let collect = |context: &mut Context, proves: fn() -> bool| {
            let wanted = context.wanted(1, 1, &AT_ONCE);
            // SAFETY: the array has room, and the ring is there.
            unsafe { context.getevents(wanted, proves) }
        };
        SYSTEM_CALLS.set(0);
        assert_eq!(collect(&mut context, || false), Ok(2));
        assert!(context.entry().is_unproven(), "not wiped yet");
        assert_eq!(collect(&mut context, || true), Ok(2));
        assert!(!context.entry().is_unproven());
        assert_eq!(SYSTEM_CALLS.get(), 2);
        let not_asked = || unreachable!("it is proven");
        assert_eq!(collect(&mut context, not_asked), Ok(1), "from the ring");
        assert_eq!(SYSTEM_CALLS.get(), 2);
        let bad = context.wanted(-1, 1, &AT_ONCE);
        // SAFETY: as above.
        let result = unsafe { context.getevents(bad, not_asked) };
        assert_eq!(result, Ok(2), "from the kernel");
    }

    #[test]
    fn a_call_beside_a_waiter_learns_that_there_is_nothing() {
        let mut context = Context::new(3, 0);
        assert!(context.entry().gate.begin_call(2));
        assert_eq!(context.reap(0, 1, &AT_ONCE), Some(0));
        assert_eq!(context.reap(2, 2, &AT_ONCE), Some(0));
        assert_eq!(context.reap(0, 1, &LATER), Some(0), "it wants none");
        assert_eq!(context.reap(1, 1, &LATER), None, "it has to wait");
        context.ring.header.tail.store(4, Relaxed);
        assert_eq!(context.reap(0, 1, &AT_ONCE), None, "the waiter may take it");
        context.entry().gate.end_call();
        assert_eq!(context.reap(0, 1, &AT_ONCE), Some(1));
    }

    #[test]
    fn a_claim_of_a_reaper_that_stays_is_revoked() {
        let mut context = Context::new(0, 3);
        assert_eq!(context.reap(0, 1, ptr::null()), Some(1));
        assert!(context.entry().gate.enter(thread::current()));
        context.entry().ours.set();
        let look = ring::look(&context.ring.header, SLOTS).unwrap();
        ring::claim(&context.ring.header, SLOTS, look, &context.entry().ours);
        assert_eq!(context.head(), 1 + SLOTS);
        let wanted = context.wanted(0, 2, ptr::null());
        // SAFETY: the array has room.
        let result = unsafe { call(context.entry(), &context.pages, wanted) };
        assert_eq!(result, Some(Ok(2)));
        assert_eq!(context.head(), 1);
        assert!(!ring::commit(
            &context.ring.header,
            SLOTS,
            look,
            2,
            &context.entry().ours
        ));
        // While another thread destroys it, the ring is not touched.
        context.entry().start_destroying(context.ctx().addr());
        let before = SYSTEM_CALLS.get();
        context.ring.header.head.store(SLOTS + 1, Relaxed);
        // SAFETY: as above.
        let result = unsafe { call(context.entry(), &context.pages, wanted) };
        assert_eq!(result, Some(Err(Errno::EINVAL)));
        assert_eq!((context.head(), SYSTEM_CALLS.get()), (SLOTS + 1, before));
        // When it is gone, only the kernel knows whether something is there again.
        assert!(context.entry().take_ring(context.ctx().addr()));
        context.entry().remove(context.ctx().addr());
        // SAFETY: as above.
        let result = unsafe { call(context.entry(), &context.pages, wanted) };
        assert_eq!((result, SYSTEM_CALLS.get()), (Some(Ok(2)), before + 1));
        context.entry().ours.clear();
        context.entry().gate.leave();
        assert!(!context.entry().gate.has_callers() && context.entry().gate.close(4));
    }

    /// The memory is no context for the kernel.
    #[cfg(not(miri))]
    #[test]
    fn one_thread_takes_the_ring_away() {
        let context = Context::new(0, 3);
        let (entry, address) = (context.entry(), context.ctx().addr());
        // Another thread was first, and has left the call by longjmp.
        entry.start_destroying(address);
        // SAFETY: nobody reads the ring.
        let destroy = || unsafe { destroy(entry, context.ctx()) };
        // EINVAL, or where there is no AIO ENOSYS.
        assert!(destroy().is_err());
        assert!(!entry.is_doomed(address) && entry.belongs_to(address));
        context.registry.insert(address, true, || true);
        entry.start_destroying(address);
        assert!(entry.take_ring(address), "another thread is at it");
        assert_eq!(destroy(), Err(Errno::EINVAL));
        assert!(entry.is_doomed(address));
    }
}
