//! The writable memory that the library has, and its lock.
//!
//! It is zero at the start, and zero again in a forked child, however the child was made: the kernel
//! wipes it. So a child knows none of its parent's requests, threads and contexts.

use core::cell::UnsafeCell;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

use super::collection::{Collection, Glimpse};
use super::context::Ring;
use super::notifying::Calls;
use super::pins::{Pin, Pins};
use super::queue::{self, Queue};
use super::slot::{Index, State};
use super::table::Table;
use super::words::{self, Words};
use crate::staff::crew::Crew;
use crate::staff::link::Link;
use crate::staff::lock::{Held, Lock};
use crate::sync::AtomicU32;
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sys::signals::Blocked;
use crate::sys::{eventfd, futex, memory, process};

/// Pools that there may be at a time. More than one only while threads whose socket the program has
/// closed still have work, or threads of the program have tables of their own; and [`SHARED`].
pub(crate) const POOLS: usize = 5;
/// The pool whose helpers have the program's descriptor table: for streams, where the system allows no
/// other.
pub(crate) const SHARED: u8 = 4;

/// What the library knows of this process. All zero: nothing. The pages that are wiped hold nothing
/// else.
#[repr(C)]
pub(crate) struct Process {
    pages: memory::OwnPages,
    is_ready: AtomicU32,
    /// How many threads a pool may have; 0: nothing was said.
    pub(crate) limit: AtomicU32,
    /// Seconds that a helper stays without work; 0: nothing was said, and it is one, as in the C library.
    pub(crate) idle: AtomicU32,
    lock: Lock,
    inner: UnsafeCell<Inner>,
    pub(crate) table: Table,
    pub(crate) words: Words,
    pub(crate) glimpse: Glimpse,
    pub(crate) ring: Ring,
    pub(crate) crew: Crew,
    pub(crate) pools: [Pool; POOLS],
    pub(crate) calls: Calls,
    pub(crate) notifier: Attendant,
    pub(crate) watcher: Attendant,
}

// SAFETY: what is in the cell is used under the lock only.
unsafe impl Sync for Process {}

/// The state of this process.
pub(crate) static PROCESS: Process =
    // SAFETY: zero is the empty state of every part.
    unsafe { core::mem::MaybeUninit::zeroed().assume_init() };

/// Where the kernel does not wipe the memory, or a filter refuses to have it asked: the C library's `fork`
/// lets the child do it.
fn wipe_after_fork() -> bool {
    type Handler = extern "C" fn();
    unsafe extern "C" {
        fn __register_atfork(
            prepare: Option<Handler>,
            parent: Option<Handler>,
            child: Option<Handler>,
            object: *const core::ffi::c_void,
        ) -> core::ffi::c_int;
        static __dso_handle: *const core::ffi::c_void;
    }
    extern "C" fn wipe() {
        let process = (&raw const PROCESS).cast_mut();
        // SAFETY: the child has no other thread, and zero is the empty state of every part.
        unsafe { process.cast::<u8>().write_bytes(0, size_of::<Process>()) };
    }
    // SAFETY: the handle is that of the object in which the function is, and which stays.
    unsafe { __register_atfork(None, None, Some(wipe), (&raw const __dso_handle).cast()) == 0 }
}

/// How many helpers there may be if nothing was said, as in the C library.
const DEFAULT_LIMIT: u32 = 20;

/// The part of a pool that is used without the lock.
#[repr(C)]
pub(crate) struct Pool {
    pub(crate) link: Link,
    /// Counts calls; helpers without work sleep on it.
    pub(crate) calls: AtomicU32,
}

/// One of the two threads that tell the program. It has no memory of its own.
#[repr(C)]
pub(crate) struct Attendant(u32);

/// What changes under the lock.
#[repr(C)]
pub(crate) struct Inner {
    /// Free slots.
    free: Index,
    sequence: u64,
    /// Requests in flight by the number of their descriptor.
    descriptors: [Queue; 64],
    /// Requests that wait for earlier ones; and how many of them are no syncs.
    pub(crate) deferred: Queue,
    pub(crate) deferred_in_order: u32,
    /// Requests and lists that have ended, and of which the program is to be told.
    pub(crate) told: Queue,
    /// Requests that the kernel has given back.
    pub(crate) returned: Queue,
    /// Requests that libaio has; and those of them of which the program wants to be told.
    pub(crate) in_kernel: u32,
    pub(crate) told_in_kernel: u32,
    /// All requests.
    pub(crate) in_flight: u32,
    /// Events of the ring that were read and not taken.
    pub(crate) read_events: u32,
    /// Requests and lists of which the program is to be told, and was not yet.
    pub(crate) to_tell: u32,
    /// Whether libaio gives no context.
    pub(crate) kernel_is_refused: bool,
    /// Those of them at whose structures the program may look alone; whether it was seen to do so; and
    /// whether the watcher looks for that now and then.
    pub(crate) polled_in_kernel: u32,
    pub(crate) is_polling: bool,
    pub(crate) is_glanced_at: bool,
    /// Requests that the program collects.
    pub(crate) collection: Collection,
    /// Whether a thread waits for requests both of the kernel and of others.
    pub(crate) is_mixed: bool,
    /// Whether the process ends; and up to which request nobody is told any more.
    pub(crate) is_ending: bool,
    pub(crate) last_told: u64,
    /// Whether the attendants are there.
    pub(crate) has_notifier: bool,
    pub(crate) has_watcher: bool,
    /// The thread that waits in libaio for the others, or 0; how often it has begun to; the words of
    /// those that wait for it; and how often the ring was read.
    pub(crate) leader: usize,
    /// Whether the leader is a thread of the program's.
    pub(crate) leads_for_program: bool,
    pub(crate) beats: u32,
    pub(crate) followers: u64,
    /// Whose words have changed since the lock was taken, and the words at which threads sleep, or are about to.
    woken: u64,
    sleepers: u64,
    pub(crate) pools: [PoolState; POOLS],
}

/// The part of a pool that changes under the lock.
#[repr(C)]
pub(crate) struct PoolState {
    /// Whether it takes requests.
    pub(crate) is_open: bool,
    /// Whether its first thread is being started; whether the program has closed the link.
    pub(crate) is_starting: bool,
    pub(crate) is_cut_off: bool,
    /// Whether a helper sleeps until something comes by the link, or a stream is ready.
    pub(crate) is_watched: bool,
    /// Whether a helper is about to look at the streams again.
    pub(crate) looks_again: bool,
    pub(crate) queue: Queue,
    pub(crate) streams: Queue,
    pub(crate) pins: Pins,
    /// An eventfd in the pool's table, by which helpers call the one that watches; and room for what
    /// that one asks of the kernel.
    pub(crate) has_bell: bool,
    pub(crate) bell: i32,
    pub(crate) watched: usize,
    /// Whether the first helper has started the second, or knows that there can be none.
    pub(crate) is_settled: bool,
    /// Helpers that there are, those of them that have not begun, that sleep, and that are at files.
    pub(crate) there: u32,
    pub(crate) starting: u32,
    pub(crate) idle: u32,
    pub(crate) at_files: u32,
    /// Streams that are read or written as by `read(2)`, in the queue and at helpers: one may have to wait, if the
    /// program was first, or the kernel has said too much.
    pub(crate) plain: u32,
}

/// The lock is held.
pub(crate) struct Guard<'a> {
    pub(crate) process: &'a Process,
    held: ManuallyDrop<Held<'a>>,
    /// The pool whose descriptor table this thread has.
    pub(crate) in_pool: Option<u8>,
    /// Whether this is a thread of the library, and may send signals.
    pub(crate) may_send: bool,
}

impl Process {
    /// Sees to it that forked children find zeroes here. False where that cannot be.
    #[inline]
    pub(crate) fn prepare(&self) -> bool {
        self.is_in_use() || self.prepare_first()
    }

    /// Whether there was a request.
    pub(crate) fn is_in_use(&self) -> bool {
        // Acquire: pairs with the store in `prepare_first`.
        self.is_ready.load(Acquire) != 0
    }

    #[cold]
    #[inline(never)]
    fn prepare_first(&self) -> bool {
        if !memory::wipe_on_fork(self) && !wipe_after_fork() {
            return false;
        }
        let _blocked = Blocked::new();
        let _held = self.lock.take();
        if self.is_ready.load(Relaxed) == 0 {
            self.crew.set_process(process::id());
            for pool in &self.pools {
                pool.link.set_crew(&self.crew);
            }
            // Release: pairs with the load above.
            self.is_ready.store(1, Release);
        }
        true
    }

    /// Takes the lock. A thread of the program has its signals blocked.
    #[inline(never)]
    pub(crate) fn take(&self) -> Guard<'_> {
        Guard {
            process: self,
            held: ManuallyDrop::new(self.lock.take()),
            in_pool: None,
            may_send: false,
        }
    }
}

impl Guard<'_> {
    /// Lets the lock go while something is done.
    pub(crate) fn release<T>(&mut self, body: impl FnOnce() -> T) -> T {
        self.let_go();
        let result = body();
        self.take_again();
        result
    }

    #[inline(never)]
    fn take_again(&mut self) {
        self.held = ManuallyDrop::new(self.process.lock.take());
    }

    fn let_go(&mut self) {
        let woken = core::mem::take(&mut self.woken);
        // SAFETY: it is taken again, or never used again.
        unsafe { ManuallyDrop::drop(&mut self.held) };
        self.process.words.wake(woken);
    }

    /// Wakes who sleeps at these words, as soon as the lock is free.
    pub(crate) fn wake(&mut self, marks: u64) {
        self.process.words.change(marks);
        self.woken |= marks & self.sleepers;
        self.sleepers &= !marks;
    }

    /// What a word is, for a thread that sleeps there once it has let the lock go.
    pub(crate) fn before_sleep(&mut self, word: u32) -> u32 {
        self.sleepers |= words::mark(word);
        self.process.words.value(word)
    }

    /// The number of the newest request.
    pub(crate) fn newest(&self) -> u64 {
        self.sequence
    }

    /// A free slot. None: there is no memory.
    pub(crate) fn new_slot(&mut self) -> Option<Index> {
        let table = &self.process.table;
        if self.free == 0 {
            let (first, last) = table.grow()?;
            for index in (first..=last).rev() {
                table.slot(index).links.next = self.free;
                self.free = index;
            }
        }
        let index = self.free;
        let slot = table.slot(index);
        self.free = slot.links.next;
        slot.links.next = 0;
        slot.state = State::Placing;
        self.sequence += 1;
        slot.sequence = self.sequence;
        Some(index)
    }

    /// Frees a slot that is in no queue.
    pub(crate) fn free_slot(&mut self, index: Index) {
        let slot = self.process.table.slot(index);
        // SAFETY: zero is a free slot. Who looks at `target` without the lock finds 0 or the last value,
        // which is not an address of a request in flight any more.
        unsafe {
            let target = &raw const slot.target;
            (*target).store(0, Relaxed);
            let rest = core::ptr::from_mut(slot).cast::<u8>();
            let skipped = size_of::<usize>();
            rest.add(skipped)
                .write_bytes(0, size_of_val(slot) - skipped);
        }
        slot.links.next = self.free;
        self.free = index;
    }

    /// The requests of descriptors whose number hashes as this one's.
    pub(crate) fn of_descriptor(&mut self, fd: i32) -> &mut Queue {
        let place = fd as usize % self.descriptors.len();
        // SAFETY: below the length.
        unsafe { self.descriptors.get_unchecked_mut(place) }
    }

    /// Calls `body` with each request of a descriptor.
    pub(crate) fn each_of(&mut self, fd: i32, mut body: impl FnMut(&mut Self, Index)) {
        let mut index = self.of_descriptor(fd).first;
        while index != 0 {
            let slot = self.process.table.slot(index);
            let next = slot.of_descriptor.next;
            if slot.fd == fd {
                body(self, index);
            }
            index = next;
        }
    }

    /// Notes a request as one of its descriptor.
    pub(crate) fn note(&mut self, index: Index) {
        let table = &self.process.table;
        let fd = table.slot(index).fd;
        self.in_flight += 1;
        self.of_descriptor(fd)
            .push(table, index, queue::by_descriptor);
    }

    /// The request is not one of its descriptor any more.
    pub(crate) fn forget(&mut self, index: Index) {
        let table = &self.process.table;
        let fd = table.slot(index).fd;
        self.in_flight -= 1;
        self.of_descriptor(fd)
            .remove(table, index, queue::by_descriptor);
    }

    /// A pool's state.
    #[inline(never)]
    pub(crate) fn pool(&mut self, number: u8) -> &mut PoolState {
        // SAFETY: below the length.
        unsafe { self.pools.get_unchecked_mut(number as usize % POOLS) }
    }

    /// Requests that are not the kernel's.
    pub(crate) fn elsewhere(&self) -> u32 {
        self.in_flight - self.in_kernel
    }

    /// The pin of a request's file.
    pub(crate) fn pin_of(&mut self, index: Index) -> &mut Pin {
        let slot = self.process.table.slot(index);
        let (pool, pin) = (slot.pool, slot.pin);
        self.pool(pool).pins.pin(pin)
    }

    /// Wakes an attendant, and who waits for the end.
    pub(crate) fn wake_attendant(&mut self, word: u32) {
        self.wake(words::mark(word));
    }

    /// Calls a helper of a pool that sleeps, if there is one; else the one that watches.
    pub(crate) fn call_helper(&mut self, number: u8) {
        let state = self.pool(number);
        if state.idle != 0 {
            let calls = &self.process.pool(number).calls;
            calls.fetch_add(1, Relaxed);
            futex::wake(calls, 1);
        } else {
            self.nudge(number);
        }
    }

    /// Lets the helper that watches look again.
    pub(crate) fn nudge(&mut self, number: u8) {
        let is_in_pool = self.in_pool == Some(number) || number == SHARED && self.in_pool.is_none();
        let state = self.pool(number);
        if !state.is_watched || state.looks_again {
            return;
        }
        state.looks_again = true;
        if is_in_pool {
            eventfd::add(state.bell);
        } else {
            // If there is no room, it has something to receive, and wakes for that.
            let _ = self.process.pool(number).link.send(0, &[]);
        }
    }
}

impl Process {
    /// How many helpers a pool may have for files, and as many more for streams that may have to wait.
    pub(crate) fn limit(&self) -> u32 {
        match self.limit.load(Relaxed) {
            0 => DEFAULT_LIMIT,
            limit => limit,
        }
    }

    /// Nanoseconds after which a helper without work ends.
    pub(crate) fn idle_time(&self) -> i64 {
        i64::from(self.idle.load(Relaxed).max(1)) * 1_000_000_000
    }

    /// The part of a pool that is used without the lock.
    #[inline(never)]
    pub(crate) fn pool(&self, number: u8) -> &Pool {
        // SAFETY: below the length.
        unsafe { self.pools.get_unchecked(number as usize % POOLS) }
    }
}

impl Deref for Guard<'_> {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        // SAFETY: the lock is held.
        unsafe { &*self.process.inner.get() }
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut Inner {
        // SAFETY: the lock is held, by this guard alone.
        unsafe { &mut *self.process.inner.get() }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.let_go();
    }
}
