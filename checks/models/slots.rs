//! The slots of rings that the threads engine fills, as loom sees them.
//!
//! A slot holds one event. It is read and written as a relaxed atomic, so a reader whose barriers
//! are too weak sees an old one. Where one thread only reads, loom also reports an access that
//! may meet another.

use std::cell::RefCell;
use std::rc::Rc;

use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::Relaxed;

use crate::abi::{aio_ring, io_event};
use crate::address_space::event_at;
use crate::signal;

/// A slot that was never written.
pub const NOTHING: u32 = u32::MAX;

struct Slot {
    /// Its number, and what the request gave.
    event: AtomicU64,
    watched: Option<UnsafeCell<()>>,
}

/// A ring: its header, and the addresses that its slots have.
#[repr(C)]
struct Area {
    header: aio_ring,
    slots: [io_event; 8],
}

/// A ring and its slots.
pub struct Ring {
    area: Box<Area>,
}

type Slots = Vec<(usize, Rc<Vec<Slot>>)>;

thread_local! {
    /// The slots at each address. Loom's threads take turns on one thread of the system.
    static SLOTS: RefCell<Slots> = const { RefCell::new(Vec::new()) };
}

impl Ring {
    /// A ring of `nr` slots. `one_reader`: no two threads take at the same time.
    pub fn new(nr: u32, one_reader: bool) -> Ring {
        let area = Box::new(Area {
            header: aio_ring::own(),
            slots: [io_event::of(NOTHING, 0); 8],
        });
        let slots = (0..nr).map(|_| Slot {
            event: AtomicU64::new(NOTHING.into()),
            watched: one_reader.then(|| UnsafeCell::new(())),
        });
        let slots = Rc::new(slots.collect());
        let start = area.slots.as_ptr().addr();
        SLOTS.with_borrow_mut(|all| all.push((start, slots)));
        Ring { area }
    }

    pub fn header(&self) -> &aio_ring {
        &self.area.header
    }

    pub fn address(&self) -> *mut aio_ring {
        (&raw const *self.area).cast_mut().cast()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let start = self.area.slots.as_ptr().addr();
        SLOTS.with_borrow_mut(|all| all.retain(|(other, _)| *other != start));
    }
}

fn find(address: usize) -> Option<(Rc<Vec<Slot>>, usize)> {
    SLOTS.with_borrow(|all| {
        all.iter().find_map(|(start, slots)| {
            let index = address.checked_sub(*start)? / size_of::<io_event>();
            (index < slots.len()).then(|| (slots.clone(), index))
        })
    })
}

/// # Safety
/// There is an event, in a ring or elsewhere.
pub unsafe fn read(from: *const io_event) -> io_event {
    if let Some(event) = event_at(from.addr()) {
        return event;
    }
    let Some((slots, index)) = find(from.addr()) else {
        return unsafe { from.read() };
    };
    signal::point();
    if let Some(watched) = &slots[index].watched {
        watched.with(|_| ());
    }
    let event = slots[index].event.load(Relaxed);
    io_event::of(event as u32, (event >> 32) as i32)
}

/// # Safety
/// There is room for an event, in a ring or elsewhere.
pub unsafe fn write(to: *mut io_event, event: io_event) {
    let Some((slots, index)) = find(to.addr()) else {
        unsafe { to.write(event) };
        return;
    };
    signal::point();
    if let Some(watched) = &slots[index].watched {
        watched.with_mut(|_| ());
    }
    let result = u64::from(event.result as u32);
    slots[index]
        .event
        .store(u64::from(event.number) | result << 32, Relaxed);
}
