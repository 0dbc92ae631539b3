//! Taking events out of the ring in user space, beside system calls that do the same.
//!
//! The protocol is that of [`super::gate`] (who may move `head`), [`super::ring`] (how it is moved)
//! and [`super::registry`] (whether the context is still there). Every function here but
//! [`call_unknown`] begins with an entry of the registry and is done when it has left the gate.

use core::cmp::min;
use core::ffi::{c_int, c_long};

use super::registry::{Entry, Registry, UNREADABLE};
use super::system_call::SystemCall;
use super::{ring, stand_in};
use crate::abi::{aio_ring, io_context_t, io_event};
use crate::engine::getevents::Getevents;
use crate::engine::trace_points;
use crate::sync::Ordering::Relaxed;
use crate::sys::errno::Errno;
use crate::sys::proven_pages::ProvenPages;
use crate::sys::{aio, sanitizers, thread};

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
    let result = unsafe {
        call(entry, pages, wanted).unwrap_or_else(|| call_unknown(registry, pages, wanted))
    };
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

/// Looks at a context's ring, if it is for the first time. False if only the kernel may read it.
#[cold]
fn learn_ring(entry: &Entry, ring: &aio_ring, nr: u32) -> bool {
    let readable = ring::is_readable(ring, nr);
    let learnt = if readable { nr } else { UNREADABLE };
    // Relaxed: as every look at `nr`. It fails if that was said before, or is said of a newer context.
    let is_learnt = entry.nr.compare_exchange(0, learnt, Relaxed, Relaxed);
    readable && is_learnt.is_ok()
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
        if !wanted.timeout.is_null() {
            pages.readable.add(wanted.timeout, size_of::<T>());
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
        /// Written through the pointer that a call gets, while others look at the context.
        array: UnsafeCell<[io_event; SLOTS as usize]>,
    }

    std::thread_local! {
        static SYSTEM_CALLS: Cell<u32> = const { Cell::new(0) };
        /// What runs in the system call.
        static WITHIN: Cell<fn()> = const { Cell::new(|| ()) };
        static ENTRY: Cell<*const Entry> = const { Cell::new(ptr::null()) };
        static REGISTRY: Cell<*const Registry> = const { Cell::new(ptr::null()) };
    }

    /// A timeout; true: do not wait.
    #[derive(Clone, Copy)]
    struct Timeout(bool);

    impl Timespec for Timeout {
        fn is_zero(self) -> bool {
            self.0
        }

        #[cfg(feature = "threads")]
        fn parts(self) -> (i64, i64) {
            (0, 0)
        }
    }

    impl SystemCall for Timeout {
        unsafe fn getevents(_: Getevents<Timeout>) -> Result<c_int, Errno> {
            SYSTEM_CALLS.set(SYSTEM_CALLS.get() + 1);
            WITHIN.get()();
            Ok(2)
        }
    }

    static AT_ONCE: Timeout = Timeout(true);
    static LATER: Timeout = Timeout(false);

    impl Context {
        /// With `ready` events from slot `head` on. The array's pages are good, and those of the
        /// timeouts.
        fn new(head: u32, ready: u32) -> Context {
            // SAFETY: all zero is a value of each.
            let (mut ring, registry, pages) = unsafe {
                (
                    Box::<MaybeUninit<Ring>>::new(MaybeUninit::zeroed()).assume_init(),
                    Box::<MaybeUninit<Registry>>::new(MaybeUninit::zeroed()).assume_init(),
                    Box::<MaybeUninit<Pages>>::new(MaybeUninit::zeroed()).assume_init(),
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
            unsafe { getevents(&self.registry, self.entry(), &self.pages, wanted, proves) }
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
