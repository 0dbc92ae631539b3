//! The ring's header with loom's atomics; the fields that the library's protocols use.

#![allow(non_camel_case_types)]

use crate::address_space::words_at;
use crate::kernel::Words;
use crate::signal;
use crate::sync::{AtomicU32, Ordering};

pub const AIO_RING_MAGIC: u32 = 0xa10a_10a1;

pub type io_context_t = *mut aio_ring;

#[repr(C)]
pub struct aio_ring {
    pub magic: u32,
    pub incompat_features: u32,
    pub header_length: u32,
    pub nr: Field,
    pub head: Field,
    pub tail: Field,
}

impl aio_ring {
    /// A ring that the model holds by itself.
    pub fn own() -> aio_ring {
        aio_ring {
            nr: Field::Own(AtomicU32::new(0)),
            head: Field::Own(AtomicU32::new(0)),
            tail: Field::Own(AtomicU32::new(0)),
            ..aio_ring::mapped()
        }
    }

    /// A ring whose words are those of what is mapped at its address.
    pub const fn mapped() -> aio_ring {
        aio_ring {
            magic: AIO_RING_MAGIC,
            incompat_features: 0,
            header_length: size_of::<aio_ring>() as u32,
            nr: Field::Mapped(|words| &words.nr),
            head: Field::Mapped(|words| &words.head),
            tail: Field::Mapped(|words| &words.tail),
        }
    }
}

/// A word of the header.
pub enum Field {
    Own(AtomicU32),
    Mapped(fn(&Words) -> &AtomicU32),
}

impl Field {
    pub fn with<T>(&self, body: impl FnOnce(&AtomicU32) -> T) -> T {
        match self {
            Field::Own(word) => body(word),
            Field::Mapped(of) => {
                // A handler may change the mapping before the access, but not between looking it up
                // and the access.
                signal::point();
                signal::not_here(|| body(of(words_at(self))))
            }
        }
    }

    pub fn load(&self, ordering: Ordering) -> u32 {
        self.with(|word| word.load(ordering))
    }

    pub fn store(&self, value: u32, ordering: Ordering) {
        self.with(|word| word.store(value, ordering));
    }

    pub fn swap(&self, value: u32, ordering: Ordering) -> u32 {
        self.with(|word| word.swap(value, ordering))
    }

    pub fn compare_exchange(
        &self,
        current: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        self.with(|word| word.compare_exchange(current, new, success, failure))
    }
}

/// What the program has submitted; the models know it by its address.
#[repr(C)]
pub struct iocb(u8);

/// Stands for an event by its number; and what its request gave. As large as the library's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct io_event {
    pub number: u32,
    _data: u32,
    _obj: u64,
    pub result: i32,
    _res: u32,
    _res2: u64,
}

impl io_event {
    pub const fn of(number: u32, result: i32) -> io_event {
        io_event {
            number,
            _data: 0,
            _obj: 0,
            result,
            _res: 0,
            _res2: 0,
        }
    }
}

/// As the library's.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct timespec {
    pub tv_sec: i64,
    pub tv_nsec: i64,
}
