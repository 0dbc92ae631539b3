//! A process with contexts of the kernel's, and calls of the library as a program makes them.

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

use loom::thread::{ThreadId, current};

use crate::abi::{io_context_t, io_event};
use crate::address_space::{AddressSpace, address};
use crate::engine::getevents::{Getevents, Timespec};
use crate::engine::kernel::reaping::{self, Pages};
use crate::engine::kernel::registry::{Entry, Registry};
use crate::engine::kernel::spinning::{Place, Spinning};
use crate::engine::kernel::system_call::SystemCall;
use crate::kernel::Context;
use crate::signal;
use crate::slots::NOTHING;
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::errno::Errno;
use crate::sys::proven_pages::ProvenPages;

/// See the module.
pub struct Process {
    pub registry: Registry,
    pub pages: Pages,
    pub spinning: Spinning,
    /// Whether a wait in the kernel for what does not come is over soon. Otherwise loom reports it.
    pub is_impatient: AtomicBool,
    pub contexts: Vec<Context>,
    pub space: AddressSpace,
    /// `head` when a child was forked.
    forked_at: std::sync::Mutex<Option<u32>>,
}

/// The words of an entry of the registry, which are private there.
#[repr(C)]
struct EntryWords {
    address: AtomicUsize,
    holder: AtomicUsize,
    callers: AtomicU32,
    visitors: AtomicU32,
    nr: AtomicU32,
    ours: AtomicU32,
}

thread_local! {
    /// The process of the current run. Loom's threads take turns on one thread of the system.
    static CURRENT: Cell<*const Process> = const { Cell::new(std::ptr::null()) };
    /// Who each thread is to the gate.
    static IDENTITIES: RefCell<Vec<(ThreadId, usize)>> = const { RefCell::new(Vec::new()) };
}

/// Whether the gate's process is there.
pub fn is_there() -> bool {
    !CURRENT.get().is_null()
}

/// `sys::thread::current`.
pub fn identity() -> usize {
    let id = current().id();
    IDENTITIES
        .with_borrow(|all| all.iter().rev().find(|one| one.0 == id).map(|one| one.1))
        .expect("a thread of the model")
}

/// Runs `body` as a thread that is `identity` to the gate.
pub fn as_thread<T>(identity: usize, body: impl FnOnce() -> T) -> T {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            let id = current().id();
            IDENTITIES.with_borrow_mut(|all| {
                let last = all.iter().rposition(|one| one.0 == id);
                all.remove(last.expect("added above"));
            });
        }
    }
    IDENTITIES.with_borrow_mut(|all| all.push((current().id(), identity)));
    let _end = End;
    body()
}

impl Drop for Process {
    fn drop(&mut self) {
        CURRENT.set(std::ptr::null());
    }
}

impl Process {
    /// A process with as many contexts as there are sizes, the first one set up in the first place.
    pub fn new(sizes: &[u32]) -> loom::sync::Arc<Process> {
        IDENTITIES.take();
        let process = loom::sync::Arc::new(Process {
            registry: Registry {
                entries: std::array::from_fn(|_| Entry::default()),
                strangers: Default::default(),
            },
            pages: Pages {
                readable: ProvenPages,
                writable: ProvenPages,
            },
            spinning: Spinning {
                places: std::array::from_fn(|_| Place::default()),
            },
            is_impatient: false.into(),
            contexts: (0..)
                .zip(sizes)
                .map(|(index, &slots)| Context::new(slots, index * 100))
                .collect(),
            space: AddressSpace::new(),
            forked_at: Default::default(),
        });
        CURRENT.set(&raw const *process);
        assert!(process.setup(0, 0));
        process
    }

    /// The process of the current run, which outlives whoever asks.
    pub fn current() -> &'static Process {
        let current = CURRENT.get();
        assert!(!current.is_null(), "no process");
        unsafe { &*current }
    }

    /// io_setup: the kernel maps the ring at that place. False if something is there: then it would
    /// choose another one.
    pub fn setup(&self, context: usize, place: usize) -> bool {
        if !self.space.map_ring(place, context) {
            return false;
        }
        self.registry.insert(address(place).addr(), true, || true);
        true
    }

    /// A signal handler forks; from here on this is the child. The kernel wipes the library's
    /// memory, and knows no context in this process. The ring is still the parent's.
    pub fn fork(&self) {
        let head = self.contexts[0].words.head.in_kernel();
        *self.forked_at.lock().unwrap() = Some(head.load(SeqCst));
        for entry in &self.registry.entries {
            let words = unsafe { &*std::ptr::from_ref(entry).cast::<EntryWords>() };
            words.address.in_kernel().swap(0, SeqCst);
            words.holder.in_kernel().swap(0, SeqCst);
            for word in [&words.callers, &words.visitors, &words.nr, &words.ours] {
                word.in_kernel().swap(0, SeqCst);
            }
        }
        for counter in &self.registry.strangers {
            counter.in_kernel().swap(0, SeqCst);
        }
        self.contexts[0].kill();
    }

    /// Whether the call changed the parent's ring after a fork.
    pub fn child_changed_ring(&self) -> bool {
        let head = self.contexts[0].words.head.in_kernel();
        let before = *self.forked_at.lock().unwrap();
        before.is_some_and(|before| before != head.load(SeqCst))
    }

    /// io_destroy of the first context. False is EINVAL.
    pub fn destroy(&self, thread: usize) -> bool {
        self.destroy_at(0, thread)
    }

    /// The same of the context at a place.
    pub fn destroy_at(&self, place: usize, thread: usize) -> bool {
        as_thread(thread, || {
            let ctx = address(place);
            let result = match self.registry.find(ctx.addr()) {
                Some(entry) => unsafe { reaping::destroy(entry, ctx) },
                None => unsafe { io_destroy(ctx) },
            };
            result.is_ok()
        })
    }

    /// io_getevents, which does not wait. None is EINVAL.
    pub fn getevents(&self, thread: usize, nr: usize) -> Option<Vec<u32>> {
        self.getevents_at(0, thread, nr)
    }

    /// The same of the context at a place.
    pub fn getevents_at(&self, place: usize, thread: usize, nr: usize) -> Option<Vec<u32>> {
        as_thread(thread, || {
            let read = |context: &Context| context.read(nr);
            let call = Call::new(place, nr, &read);
            let entry = self.registry.find(address(place).addr());
            let result = match entry {
                Some(entry) => unsafe { self.getevents_of(entry, call.wanted()) },
                None => unsafe {
                    reaping::call_unknown(&self.registry, &self.pages, call.wanted())
                },
            };
            call.events(result)
        })
    }

    /// The call of a program that has found the entry.
    unsafe fn getevents_of<T: SystemCall>(
        &self,
        entry: &Entry,
        wanted: Getevents<T>,
    ) -> Result<c_int, Errno> {
        let (registry, pages) = (&self.registry, &self.pages);
        unsafe { reaping::getevents(registry, entry, pages, &self.spinning, wanted, || true) }
    }

    /// io_getevents of the context in the first place, which waits for `min_nr` events. EAGAIN: they do not come.
    pub fn wait(&self, thread: usize, min_nr: usize, nr: usize) -> Result<Vec<u32>, Errno> {
        as_thread(thread, || {
            let mut array = [io_event::of(NOTHING, 0); ROOM];
            let wanted = Getevents {
                ctx: address(0),
                min_nr: min_nr as _,
                nr: nr as _,
                events: array.as_mut_ptr(),
                timeout: std::ptr::null::<Patience>(),
                sigmask: None,
            };
            let count = match self.registry.find(address(0).addr()) {
                Some(entry) => unsafe { self.getevents_of(entry, wanted) },
                None => unsafe { reaping::call_unknown(&self.registry, &self.pages, wanted) },
            }?;
            let events = &array[..count as usize];
            Ok(events.iter().map(|event| event.number).collect())
        })
    }

    /// Whether a thread looks at a ring.
    pub fn is_looked_at(&self) -> bool {
        let place: *const AtomicU32 = std::ptr::from_ref(&self.spinning).cast();
        let place = unsafe { &*place }.in_kernel();
        place.load(SeqCst) & 1 << 31 != 0
    }

    /// The context that the kernel finds.
    fn context_of(&self, ctx: io_context_t) -> Result<&Context, Errno> {
        // No lock that would order what the gate must order.
        match &self.contexts[..] {
            [context] => Ok(context),
            contexts => {
                let context = self.space.ring_at(ctx);
                Ok(&contexts[context.ok_or(Errno::EINVAL)?])
            }
        }
    }

    /// A call that begins with an entry that was found before, and reaps or does nothing.
    pub fn reap(&self, entry: &Entry, thread: usize, nr: usize) -> Option<Vec<u32>> {
        as_thread(thread, || {
            let read = |context: &Context| context.read(nr);
            let call = Call::new(0, nr, &read);
            let count = unsafe { reaping::reap(entry, &self.pages, call.wanted()) }?;
            call.events(Ok(count))
        })
    }

    /// A call that begins with an entry that was found before, and makes the system call `body`.
    pub fn call(
        &self,
        entry: &Entry,
        thread: usize,
        body: impl Fn(&Context) -> Option<Vec<u32>>,
    ) -> Option<Vec<u32>> {
        as_thread(thread, || {
            let call = Call::new(0, 1, &body);
            let result = unsafe { reaping::call(entry, &self.pages, call.wanted()) };
            let result = result.unwrap_or_else(|| unsafe {
                reaping::call_unknown(&self.registry, &self.pages, call.wanted())
            });
            call.events(result)
        })
    }
}

/// A call for events, which does not wait. Its timeout stands for what the system call does.
struct Call<'a> {
    place: usize,
    nr: usize,
    body: Body<'a>,
    array: RefCell<[io_event; ROOM]>,
}

/// More than any call takes.
const ROOM: usize = 8;

/// What the system call does.
#[derive(Clone, Copy)]
pub struct Body<'a>(&'a dyn Fn(&Context) -> Option<Vec<u32>>);

impl<'a> Call<'a> {
    fn new(place: usize, nr: usize, body: &'a dyn Fn(&Context) -> Option<Vec<u32>>) -> Call<'a> {
        Call {
            place,
            nr: nr.min(ROOM),
            body: Body(body),
            array: RefCell::new([io_event::of(NOTHING, 0); ROOM]),
        }
    }

    fn wanted(&self) -> Getevents<Body<'a>> {
        Getevents {
            ctx: address(self.place),
            min_nr: 0,
            nr: self.nr as _,
            events: self.array.as_ptr().cast(),
            timeout: &raw const self.body,
            sigmask: None,
        }
    }

    /// What the program has then.
    fn events(&self, result: Result<c_int, Errno>) -> Option<Vec<u32>> {
        let count = result.ok()? as usize;
        let events = self.array.borrow();
        Some(events[..count].iter().map(|event| event.number).collect())
    }
}

impl Timespec for Body<'_> {
    fn is_zero(self) -> bool {
        true
    }

    fn parts(self) -> (i64, i64) {
        (0, 0)
    }

    fn left(_: i64, _: i64) -> Self {
        unreachable!("it does not wait")
    }
}

impl SystemCall for Body<'_> {
    /// The kernel finds the context by itself, whatever the library knows.
    unsafe fn getevents(wanted: Getevents<Self>) -> Result<c_int, Errno> {
        signal::point();
        let process = Process::current();
        let Body(run) = unsafe { *wanted.timeout };
        let events = run(process.context_of(wanted.ctx)?).ok_or(Errno::EINVAL)?;
        for (index, &event) in events.iter().enumerate() {
            unsafe { wanted.events.add(index).write(io_event::of(event, 0)) };
        }
        Ok(events.len() as c_int)
    }
}

/// The timeout of a call that waits. There is none.
#[derive(Clone, Copy)]
struct Patience;

impl Timespec for Patience {
    fn is_zero(self) -> bool {
        false
    }

    fn parts(self) -> (i64, i64) {
        unreachable!("there is no limit")
    }

    fn left(_: i64, _: i64) -> Self {
        unreachable!("as above")
    }
}

impl SystemCall for Patience {
    /// Takes events as they come, until there are enough, a handler has run, or the context is destroyed.
    unsafe fn getevents(wanted: Getevents<Self>) -> Result<c_int, Errno> {
        let process = Process::current();
        let to_come = signal::still_to_come();
        signal::point();
        // With a mask, handlers that have waited for it run.
        let before = wanted.sigmask.map(|_| signal::block(false));
        let result = process.context_of(wanted.ctx).and_then(|context| {
            let mut taken = Vec::new();
            let mut looks = 0;
            let error = loop {
                signal::point();
                let is_interrupted = signal::still_to_come() < to_come;
                match context.read(wanted.nr as usize - taken.len()) {
                    Some(events) => taken.extend(events),
                    None => break Errno::EINVAL,
                }
                if taken.len() >= wanted.min_nr as usize || is_interrupted {
                    break Errno::EINTR;
                }
                looks += 1;
                if looks == LOOKS && process.is_impatient.load(SeqCst) {
                    let has_come = signal::has_come();
                    // What the thread lets through does not wait until the call is over.
                    assert!(!has_come || signal::point(), "a signal waits");
                    break if has_come {
                        Errno::EINTR
                    } else {
                        Errno::EAGAIN
                    };
                }
                crate::sync::yield_now();
            };
            if taken.is_empty() {
                return Err(error);
            }
            for (index, &event) in taken.iter().enumerate() {
                unsafe { wanted.events.add(index).write(io_event::of(event, 0)) };
            }
            Ok(taken.len() as c_int)
        });
        before.map(signal::block);
        result
    }
}

/// How often an impatient system call looks.
const LOOKS: u32 = 2;

/// `io_destroy(2)`: the ring is unmapped first thing.
pub unsafe fn io_destroy(ctx: io_context_t) -> Result<c_int, Errno> {
    signal::point();
    let process = Process::current();
    let dies = |context: usize| process.contexts[context].kill();
    if process.space.unmap_ring(ctx, dies) {
        Ok(0)
    } else {
        Err(Errno::EINVAL)
    }
}
