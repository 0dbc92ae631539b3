//! The memory that requests name: iocbs, buffers, vectors and events of the executor, and addresses of every bad kind.

use std::ptr;

use crate::library::{Event, Iocb};

pub const PAGE: usize = 4096;
/// How many requests a sequence may have.
pub const REQUESTS: usize = 256;
/// Bytes of each request's buffer; a page follows that nobody may touch.
pub const BUFFER: usize = 4 * PAGE;
const STRIDE: usize = BUFFER + PAGE;
/// Events that one wait may take.
pub const EVENTS: usize = 64;
const VECTORS: usize = 8;

const READ_ONLY: usize = 0;
const UNMAPPED: usize = PAGE;
/// Pointers lie before it, and nobody may touch it.
const AFTER_POINTERS: usize = 3 * PAGE;
const EVENTS_AT: usize = 4 * PAGE;
const OWN_BUFFER: usize = 8 * PAGE;
const IOCBS: usize = 10 * PAGE;
const VECTORS_AT: usize = IOCBS + REQUESTS * 64;
const BUFFERS: usize = VECTORS_AT + REQUESTS * VECTORS * 16;

pub struct Memory {
    base: usize,
}

impl Memory {
    pub fn new() -> Memory {
        let size = BUFFERS + REQUESTS * STRIDE;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: new memory.
        let base = unsafe { libc::mmap(ptr::null_mut(), size, access, flags, -1, 0) };
        assert_ne!(base, libc::MAP_FAILED, "there is memory");
        let memory = Memory {
            base: base as usize,
        };
        memory.protect(memory.base + READ_ONLY, libc::PROT_READ);
        memory.protect(memory.base + UNMAPPED, libc::PROT_NONE);
        memory.protect(memory.base + AFTER_POINTERS, libc::PROT_NONE);
        memory
    }

    fn protect(&self, page: usize, access: libc::c_int) {
        // SAFETY: a page of this memory.
        let result = unsafe { libc::mprotect(page as *mut _, PAGE, access) };
        assert_eq!(result, 0, "a page can be protected");
    }

    pub fn iocb(&self, id: usize) -> *mut Iocb {
        (self.base + IOCBS + 64 * (id % REQUESTS)) as *mut Iocb
    }

    /// Which request an address is the iocb of.
    pub fn id_of(&self, iocb: usize) -> Option<usize> {
        let offset = iocb.checked_sub(self.base + IOCBS)?;
        (offset % 64 == 0 && offset / 64 < REQUESTS).then_some(offset / 64)
    }

    pub fn buffer(&self, id: usize) -> usize {
        self.base + BUFFERS + STRIDE * (id % REQUESTS)
    }

    /// Fills a request's buffer with bytes that no other request has at this place.
    pub fn fill(&self, id: usize) {
        let buffer = self.buffer(id);
        self.protect(buffer + BUFFER, libc::PROT_NONE);
        // SAFETY: the request is not in flight.
        let bytes = unsafe { std::slice::from_raw_parts_mut(buffer as *mut u8, BUFFER) };
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = (id * 37 + index / 512 * 11 + index % 61) as u8;
        }
    }

    pub fn bytes(&self, id: usize, at: usize, length: usize) -> Vec<u8> {
        let length = length.min(BUFFER.saturating_sub(at));
        // SAFETY: it lies inside the request's buffer.
        unsafe { std::slice::from_raw_parts((self.buffer(id) + at) as *const u8, length) }.to_vec()
    }

    /// A buffer that no request has, filled.
    pub fn own_buffer(&self) -> &'static mut [u8] {
        let at = self.base + OWN_BUFFER;
        // SAFETY: it is used by one function at a time.
        let buffer = unsafe { std::slice::from_raw_parts_mut(at as *mut u8, 2 * PAGE) };
        buffer.fill(b'p');
        buffer
    }

    /// Where a request's buffer is that the sequence calls so.
    pub fn named_buffer(&self, id: usize, name: &str) -> usize {
        match name {
            "odd" => self.buffer(id) + 1,
            "sector" => self.buffer(id) + 512,
            "half" => self.buffer(id) + BUFFER - 2048,
            _ => self.bad(name).unwrap_or_else(|| self.buffer(id)),
        }
    }

    /// Writes a vector for each length, one after the other in the buffer.
    pub fn vectors(&self, id: usize, from: usize, lengths: &[i64]) -> usize {
        let array = self.base + VECTORS_AT + id % REQUESTS * VECTORS * 16;
        let mut at = from;
        for (index, length) in lengths.iter().take(VECTORS).enumerate() {
            // SAFETY: the array has as many.
            unsafe { *((array + 16 * index) as *mut [u64; 2]) = [at as u64, *length as u64] };
            at = at.wrapping_add((*length).max(0) as usize);
        }
        array
    }

    /// An array of pointers that ends where memory ends.
    pub fn pointers(&self, pointers: &[usize]) -> usize {
        let at = self.base + AFTER_POINTERS - 8 * pointers.len();
        for (index, pointer) in pointers.iter().enumerate() {
            // SAFETY: the page has room for 512.
            unsafe { *((at + 8 * index) as *mut usize) = *pointer };
        }
        at
    }

    pub fn events(&self) -> usize {
        self.base + EVENTS_AT
    }

    /// The event that lies where memory ends: of an array of two there the second is bad.
    pub fn last_slot(&self) -> Event {
        // SAFETY: it is the end of a page of ours.
        unsafe { *((self.base + AFTER_POINTERS - 32) as *const Event) }
    }

    pub fn clear_last_slot(&self) {
        // SAFETY: as above.
        unsafe { *((self.base + AFTER_POINTERS - 32) as *mut Event) = Event::default() };
    }

    /// A bad address of a kind. `kernel` is one of the kernel's own, `split` ends in the middle of an iocb.
    pub fn bad(&self, name: &str) -> Option<usize> {
        Some(match name {
            "null" => 0,
            "kernel" => 0xffff_ffff_8100_0000,
            "last" => usize::MAX & !7,
            "unmapped" => self.base + UNMAPPED,
            "readonly" => self.base + READ_ONLY,
            "split" => self.base + AFTER_POINTERS - 32,
            _ => return None,
        })
    }
}
