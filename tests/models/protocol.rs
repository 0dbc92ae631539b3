//! The library's gate, ring and registry as they are, compiled against loom, and what
//! `src/engine/kernel.rs` does with them, step by step.

// SAFETY comments would all say the same: loom checks every access to a cell.
#![allow(clippy::undocumented_unsafe_blocks)]

pub mod abi;
#[path = "../../src/gate.rs"]
pub mod gate;
pub mod kernel;
#[path = "../../src/registry.rs"]
pub mod registry;
#[path = "../../src/ring.rs"]
pub mod ring;
pub mod signal;
pub mod sync;

use loom::cell::UnsafeCell;
use loom::sync::Mutex;

use abi::io_event;
use gate::Passage;
use kernel::Context;
use registry::{Entry, Registry};
use sync::Ordering::Relaxed;

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
        entry.start_destroying(ADDRESS);
        let stand_in = match entry.gate.wait(thread) {
            Passage::Free => None,
            Passage::Interrupting | Passage::Finishing => self.stand_in(),
        };
        let result = self.system_call_destroy(stand_in);
        entry.remove(ADDRESS);
        result
    }

    /// Unmaps the ring, and leaves a stand-in in its place or nothing.
    fn system_call_destroy(&self, stand_in: Option<usize>) -> bool {
        let mut mapped = self.address_space.lock().unwrap();
        let Some(context) = *mapped else {
            return false;
        };
        *mapped = stand_in;
        self.mapped.with_mut(|mapped| unsafe { *mapped = stand_in });
        self.contexts[context].kill()
    }

    /// `stand_in::put_in_place_of`: the process's second context, as memory that is no context.
    fn stand_in(&self) -> Option<usize> {
        let memory = self.contexts.get(1)?;
        memory.kill();
        memory.ring.head.store(u32::MAX, Relaxed);
        Some(1)
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
        let passage = entry.gate.begin_call(thread);
        if !entry.belongs_to(ADDRESS) {
            entry.gate.end_call();
            return self.system_call(body);
        }
        let result = self.system_call(body);
        let took = result.as_ref().is_some_and(|events| !events.is_empty());
        if took && passage == Passage::Interrupting {
            let tick = entry.disturbances.fetch_add(1, Relaxed);
            let context = self.mapped();
            ring::disturb_head(&context.ring, context.nr(), tick);
        }
        entry.gate.end_call();
        result
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

    fn take(&self, entry: &Entry, thread: usize, nr: usize) -> Option<Vec<u32>> {
        let taken = self.move_events(entry, nr);
        if entry.is_live(ADDRESS) {
            entry.gate.done(thread);
            let context = self.mapped();
            ring::restore_head(&context.ring, context.nr());
        }
        taken
    }

    fn move_events(&self, entry: &Entry, at_most: usize) -> Option<Vec<u32>> {
        if !entry.gate.may_move_head() {
            return None;
        }
        loop {
            let context = self.mapped();
            let look = ring::look(&context.ring, context.nr())?;
            if look.ready == 0 {
                return Some(Vec::new());
            }
            let count = look.ready.min(at_most as u32);
            let events = self.copy(look, count);
            if !entry.is_live(ADDRESS) {
                return None;
            }
            let context = self.mapped();
            if ring::advance(&context.ring, context.nr(), look, count) {
                return Some(events);
            }
        }
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
        let context = self.mapped.with(|mapped| unsafe { *mapped });
        &self.contexts[context.expect("the ring is mapped")]
    }
}
