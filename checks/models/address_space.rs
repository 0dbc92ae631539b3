//! The process's address space: a few places, each large enough for a ring, and what is mapped
//! there. Rings are reached by address, as the library reaches them; an access where nothing is
//! mapped fails the model.

use std::ffi::c_void;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

use loom::cell::UnsafeCell;
use loom::sync::Mutex;

use crate::abi::{Field, aio_ring, io_context_t, io_event};
use crate::kernel::{Context, Words};
use crate::protocol::Process;
use crate::signal;
use crate::slots::NOTHING;

/// Slots that a place has room for.
const ROOM: usize = 8;

/// A place. Its header has the ring's constant fields; the others are those of what is mapped
/// there.
#[repr(C, align(4096))]
pub struct Frame {
    header: aio_ring,
    slots: [io_event; ROOM],
}

pub const PLACES: usize = 3;

static FRAMES: [Frame; PLACES] = [const {
    Frame {
        header: aio_ring::mapped(),
        slots: [io_event::of(NOTHING, 0); ROOM],
    }
}; PLACES];

/// The address of a place.
pub fn address(place: usize) -> *mut aio_ring {
    (&raw const FRAMES[place]).cast_mut().cast()
}

/// The place that an address lies in, and how far in.
fn place_of(address: usize) -> Option<(usize, usize)> {
    let offset = address.checked_sub((&raw const FRAMES).addr())?;
    let place = offset / size_of::<Frame>();
    (place < PLACES).then_some((place, offset % size_of::<Frame>()))
}

/// The place that begins at an address.
fn start_of(at: *mut c_void) -> usize {
    match place_of(at.addr()) {
        Some((place, 0)) => place,
        _ => panic!("not the start of a place"),
    }
}

/// What a place holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Mapping {
    #[default]
    Nothing,
    Reserved,
    /// The ring of the process's context of this number.
    Ring(usize),
    Memory,
}

/// See the module.
pub struct AddressSpace {
    /// The kernel's lock, and what is mapped.
    mapped: Mutex<[Mapping; PLACES]>,
    /// The ring at each place again, for threads that look without the lock: loom reports a look
    /// that may meet a change.
    rings: [UnsafeCell<Option<usize>>; PLACES],
    /// The memory that took a ring's place.
    memory: Words,
    /// Where it is. Not loom's: every thread sees a move of a ring at once, and finds memory in its
    /// place; the library has a microsecond in between, in which an access would fail.
    has_memory: [AtomicBool; PLACES],
    /// Whether there is no room for more than a ring.
    pub is_full: AtomicBool,
    /// Whether rings cannot be moved.
    pub is_fixed: AtomicBool,
    /// Whether another thread is for a moment where memory is to come.
    pub is_in_the_way: AtomicBool,
}

impl Default for AddressSpace {
    fn default() -> Self {
        Self::new()
    }
}

impl AddressSpace {
    pub fn new() -> AddressSpace {
        AddressSpace {
            mapped: Mutex::default(),
            rings: std::array::from_fn(|_| UnsafeCell::new(None)),
            memory: Words::new(0),
            has_memory: Default::default(),
            is_full: AtomicBool::new(false),
            is_fixed: AtomicBool::new(false),
            is_in_the_way: AtomicBool::new(false),
        }
    }

    /// Maps the ring of a context. False if something is there, or will be in a moment.
    pub fn map_ring(&self, place: usize, context: usize) -> bool {
        let mut mapped = self.mapped.lock().unwrap();
        if mapped[place] != Mapping::Nothing || self.has_memory[place].load(SeqCst) {
            return false;
        }
        mapped[place] = Mapping::Ring(context);
        self.rings[place].with_mut(|ring| unsafe { *ring = Some(context) });
        true
    }

    /// What is at each place, by its first letter: a ring, memory, a reservation, or nothing.
    pub fn map(&self) -> String {
        let mapped = self.mapped.lock().unwrap();
        let letters = mapped.iter().map(|mapping| match mapping {
            Mapping::Nothing => '-',
            Mapping::Reserved => 'r',
            Mapping::Ring(_) => 'R',
            Mapping::Memory => 'M',
        });
        letters.collect()
    }

    /// Whether memory took the ring's place.
    pub fn has_memory(&self, place: usize) -> bool {
        self.has_memory[place].load(SeqCst)
    }

    /// The context whose ring is at an address, for the kernel.
    pub fn ring_at(&self, ctx: io_context_t) -> Option<usize> {
        match self.mapped.lock().unwrap()[start_of(ctx.cast())] {
            Mapping::Ring(context) => Some(context),
            _ => None,
        }
    }

    /// Takes a ring away, if `dies` says so.
    pub fn unmap_ring(&self, ctx: io_context_t, dies: impl FnOnce(usize) -> bool) -> bool {
        let place = start_of(ctx.cast());
        let mut mapped = self.mapped.lock().unwrap();
        let Mapping::Ring(context) = mapped[place] else {
            return false;
        };
        if !dies(context) {
            return false;
        }
        mapped[place] = Mapping::Nothing;
        self.rings[place].with_mut(|ring| unsafe { *ring = None });
        true
    }

    /// What an access meets.
    fn words<'a>(&'a self, contexts: &'a [Context], place: usize) -> &'a Words {
        if self.has_memory[place].load(SeqCst) {
            return &self.memory;
        }
        let ring = self.rings[place].with(|ring| unsafe { *ring });
        &contexts[ring.expect("something is mapped here")].words
    }

    fn slot(&self, contexts: &[Context], place: usize, index: usize) -> io_event {
        if self.has_memory[place].load(SeqCst) {
            return io_event::of(0, 0);
        }
        let ring = self.rings[place].with(|ring| unsafe { *ring });
        let context = &contexts[ring.expect("something is mapped here")];
        assert!((index as u32) < context.nr(), "the slot is one of the ring");
        io_event::of(context.slot(index as u32), 0)
    }
}

/// The words of the ring or memory in whose header `field` lies.
pub fn words_at(field: &Field) -> &'static Words {
    let (place, _) = place_of(std::ptr::from_ref(field).addr()).expect("a header of a place");
    let process = Process::current();
    process.space.words(&process.contexts, place)
}

/// The event in a slot, if the address is one of a ring of the kernel's.
pub fn event_at(address: usize) -> Option<io_event> {
    let (place, offset) = place_of(address)?;
    signal::point();
    let index = (offset - size_of::<aio_ring>()) / size_of::<io_event>();
    let process = Process::current();
    Some(signal::not_here(|| {
        process.space.slot(&process.contexts, place, index)
    }))
}

/// Somebody waits.
pub fn clear_the_way() {
    if crate::protocol::is_there() {
        Process::current().space.is_in_the_way.store(false, SeqCst);
    }
}

/// `crate::sys::memory`.
pub mod memory {
    use super::*;

    pub const PAGE: usize = 4096;

    #[derive(Clone, Copy, PartialEq, Eq)]
    pub enum Map {
        Reserve,
        InPlace,
    }

    pub unsafe fn map(at: *mut c_void, length: usize, map: Map) -> Option<*mut c_void> {
        signal::point();
        let space = &Process::current().space;
        let mut mapped = space.mapped.lock().unwrap();
        let place = match map {
            Map::Reserve if space.is_full.load(SeqCst) && length > size_of::<Frame>() => None,
            Map::Reserve if !at.is_null() => Some(start_of(at)),
            // Not where the next context's ring comes.
            Map::Reserve => (1..PLACES).find(|&place| mapped[place] == Mapping::Nothing),
            Map::InPlace => Some(start_of(at)),
        }?;
        let in_the_way = map == Map::InPlace && space.is_in_the_way.load(SeqCst);
        let has_memory = space.has_memory[place].load(SeqCst) && map == Map::Reserve;
        if mapped[place] != Mapping::Nothing || has_memory || in_the_way {
            return None;
        }
        mapped[place] = match map {
            Map::Reserve => Mapping::Reserved,
            Map::InPlace => Mapping::Memory,
        };
        Some(address(place).cast())
    }

    /// No request has so many vectors that it needs more.
    pub fn map_zeroes(_: usize) -> Option<*mut c_void> {
        None
    }

    pub unsafe fn move_mapping(from: *mut c_void, length: usize, to: *mut c_void) -> bool {
        signal::point();
        let process = Process::current();
        let space = &process.space;
        let mut mapped = space.mapped.lock().unwrap();
        let (from, to) = (start_of(from), start_of(to));
        let Mapping::Ring(context) = mapped[from] else {
            return false;
        };
        let nr = process.contexts[context].nr() as usize;
        let whole = size_of::<aio_ring>() + nr * size_of::<io_event>();
        if length != whole || space.is_fixed.load(SeqCst) {
            return false;
        }
        assert_eq!(mapped[to], Mapping::Reserved);
        mapped[to] = mapped[from];
        mapped[from] = Mapping::Nothing;
        space.rings[to].with_mut(|ring| unsafe { *ring = Some(context) });
        space.has_memory[from].store(true, SeqCst);
        true
    }

    pub unsafe fn unmap(start: *mut c_void, length: usize) {
        signal::point();
        let mut mapped = Process::current().space.mapped.lock().unwrap();
        let (place, offset) = place_of(start.addr()).expect("a place");
        // What follows the ring in its place is not modelled.
        if offset == 0 && length > 0 {
            assert_eq!(mapped[place], Mapping::Reserved);
            mapped[place] = Mapping::Nothing;
        }
    }
}
