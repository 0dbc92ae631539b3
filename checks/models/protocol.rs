//! The library's gate, ring and registry as they are, compiled against loom, and what
//! `src/engine/kernel.rs` does with them, step by step.

// SAFETY comments would all say the same: loom checks every access to a cell.
#![allow(clippy::undocumented_unsafe_blocks)]

pub mod abi;
pub mod explore;
#[path = "../../src/gate.rs"]
pub mod gate;
pub mod kernel;
pub mod process_state;
#[path = "../../src/registry.rs"]
pub mod registry;
#[path = "../../src/ring.rs"]
pub mod ring;
pub mod signal;
pub mod slots;
pub mod sync;
pub mod sys;
pub mod threads;

use loom::cell::UnsafeCell;
use loom::sync::Mutex;

use abi::io_event;
use kernel::Context;
use registry::{Entry, Registry};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

/// Where every ring of a model is mapped.
pub const ADDRESS: usize = 0x7000_0000;

/// A process: its contexts, of which one at a time is mapped at [`ADDRESS`], and the library.
pub struct Process {
    pub registry: Registry,
    pub contexts: Vec<Context>,
    /// Which context is mapped. Loom reports a look at it that may meet a change.
    mapped: UnsafeCell<Option<usize>>,
    /// The kernel's lock of the address space.
    address_space: Mutex<Option<usize>>,
    /// Whether the last context is mapped instead, as memory that is no context. Not loom's: every thread
    /// sees a change of the mapping at once.
    has_stand_in: AtomicBool,
}

impl Process {
    /// A process with as many contexts as there are sizes, the first one set up.
    pub fn new(sizes: &[u32]) -> Process {
        let process = Process {
            registry: Registry {
                entries: std::array::from_fn(|_| Entry::default()),
            },
            contexts: (0..)
                .zip(sizes)
                .map(|(index, &slots)| Context::new(slots, index * 100))
                .collect(),
            mapped: UnsafeCell::new(None),
            address_space: Mutex::new(None),
            has_stand_in: AtomicBool::new(false),
        };
        assert!(process.setup(0));
        process
    }

    /// io_setup. False if the kernel chose another address: nothing to see then.
    pub fn setup(&self, context: usize) -> bool {
        {
            let mut mapped = self.address_space.lock().unwrap();
            if mapped.is_some() {
                return false;
            }
            *mapped = Some(context);
            self.mapped
                .with_mut(|mapped| unsafe { *mapped = Some(context) });
        }
        self.registry.insert(ADDRESS, || true);
        true
    }

    /// `destroy`. False is EINVAL.
    pub fn destroy(&self, thread: usize) -> bool {
        let Some(entry) = self.registry.find(ADDRESS) else {
            return self.system_call_destroy(None);
        };
        let first = entry.start_destroying(ADDRESS);
        let stand_in = if entry.gate.close(thread) {
            None
        } else if first {
            self.stand_in()
        } else if entry.is_doomed(ADDRESS) {
            return false;
        } else {
            None
        };
        let result = self.system_call_destroy(stand_in);
        if first {
            entry.remove(ADDRESS);
        }
        result
    }

    /// Unmaps the ring, and leaves a stand-in in its place or nothing.
    fn system_call_destroy(&self, stand_in: Option<usize>) -> bool {
        let mut mapped = self.address_space.lock().unwrap();
        let Some(context) = *mapped else {
            return false;
        };
        if !self.contexts[context].kill() {
            return false;
        }
        *mapped = stand_in;
        if stand_in.is_some() {
            self.has_stand_in.store(true, SeqCst);
        } else {
            self.mapped.with_mut(|mapped| unsafe { *mapped = None });
        }
        true
    }

    /// `stand_in::put_in_place_of`.
    fn stand_in(&self) -> Option<usize> {
        let memory = self.contexts.len() - 1;
        self.contexts[memory].kill();
        let head = self.contexts[memory].ring.head.in_kernel();
        head.store(u32::MAX, SeqCst);
        (memory > 0).then_some(memory)
    }

    /// `getevents`. None is EINVAL.
    pub fn getevents(&self, thread: usize, nr: usize) -> Option<Vec<u32>> {
        let Some(entry) = self.registry.find(ADDRESS) else {
            return self.system_call(|context| context.read(nr));
        };
        if let Some(events) = self.reap(entry, thread, nr) {
            return Some(events);
        }
        self.call(entry, thread, |context| context.read(nr))
    }

    /// The system call finds the context by itself, whatever the library knows.
    fn system_call<T>(&self, body: impl FnOnce(&Context) -> Option<T>) -> Option<T> {
        // No lock that would order what the gate must order.
        if let [context] = &self.contexts[..] {
            return body(context);
        }
        let context = *self.address_space.lock().unwrap();
        body(&self.contexts[context?])
    }

    /// `call`.
    pub fn call(
        &self,
        entry: &Entry,
        thread: usize,
        body: impl FnOnce(&Context) -> Option<Vec<u32>>,
    ) -> Option<Vec<u32>> {
        let undisturbed = entry.gate.begin_call(thread);
        if !entry.belongs_to(ADDRESS) {
            entry.gate.end_call();
            return self.system_call(body);
        }
        if !undisturbed && !self.revoke(entry) {
            entry.gate.end_call();
            return None;
        }
        let result = self.system_call(body);
        entry.gate.end_call();
        result
    }

    /// `revoke`.
    fn revoke(&self, entry: &Entry) -> bool {
        entry.gate.begin_revoking();
        let is_live = entry.is_live(ADDRESS);
        if is_live {
            let context = self.mapped();
            let nr = context.nr();
            ring::revoke(&context.ring, || Some(nr));
        }
        entry.gate.end_revoking();
        is_live || !entry.is_doomed(ADDRESS)
    }

    /// `reap`.
    pub fn reap(&self, entry: &Entry, thread: usize, nr: usize) -> Option<Vec<u32>> {
        if !entry.gate.enter(thread) {
            return None;
        }
        let taken = if entry.is_live(ADDRESS) {
            self.take(entry, thread, nr)
        } else {
            None
        };
        entry.gate.leave();
        taken
    }

    /// `take`, of a call that does not wait.
    fn take(&self, entry: &Entry, thread: usize, at_most: usize) -> Option<Vec<u32>> {
        let context = self.mapped();
        let nr = context.nr();
        if entry.gate.has_callers() {
            return None;
        }
        let look = ring::look(&context.ring, nr)?;
        if look.ready == 0 {
            return entry.gate.is_undisturbed(thread).then(Vec::new);
        }
        let count = look.ready.min(at_most as u32);
        if !entry.is_live(ADDRESS) || !ring::claim(&self.mapped().ring, nr, look) {
            return None;
        }
        let good = !entry.gate.has_callers() && ring::has(&self.mapped().ring, nr, look, count);
        let mut events = Vec::new();
        if good {
            events = self.copy(look, count);
        }
        if !entry.is_live(ADDRESS) {
            return None;
        }
        if good && ring::commit(&self.mapped().ring, nr, look, count) {
            return Some(events);
        }
        ring::withdraw(&self.mapped().ring, nr, look);
        None
    }

    fn copy(&self, look: ring::Look, count: u32) -> Vec<u32> {
        let slots: Vec<_> = (0..self.mapped().nr()).map(io_event).collect();
        let mut copied = vec![io_event(u32::MAX); count as usize];
        unsafe {
            ring::copy(
                slots.as_ptr(),
                self.mapped().nr(),
                look,
                count,
                copied.as_mut_ptr(),
            )
        };
        let read = |&io_event(slot): &io_event| {
            signal::point();
            self.mapped().slot(slot)
        };
        copied.iter().map(read).collect()
    }

    /// The context whose ring a user-space access meets. Without one, the access would fault.
    fn mapped(&self) -> &Context {
        if self.has_stand_in.load(SeqCst) {
            return &self.contexts[self.contexts.len() - 1];
        }
        let context = self.mapped.with(|mapped| unsafe { *mapped });
        &self.contexts[context.expect("the ring is mapped")]
    }
}
