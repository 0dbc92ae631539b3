//! An AIO context of one library, and its ring.

use std::ffi::{c_int, c_long, c_void};
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::{mem, ptr};

use crate::libraries::Library;

/// `struct aio_ring` of the kernel.
#[repr(C)]
pub struct Ring {
    id: u32,
    nr: AtomicU32,
    head: AtomicU32,
    tail: AtomicU32,
    magic: u32,
    compat_features: u32,
    incompat_features: u32,
    header_length: u32,
}

/// `struct iocb`, 64-bit little-endian: the C library that it is measured against is for amd64.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Iocb {
    data: *mut c_void,
    key: u32,
    rw_flags: u32,
    opcode: i16,
    reqprio: i16,
    file: c_int,
    buffer: *const c_void,
    bytes: usize,
    offset: i64,
    reserved: i64,
    flags: u32,
    resfd: u32,
}

/// `struct io_event`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Event {
    data: *mut c_void,
    iocb: *mut Iocb,
    result: i64,
    result2: i64,
}

const _: () = assert!(size_of::<Iocb>() == 64 && size_of::<Event>() == 32);

const PWRITE: i16 = 1;
const POLL: i16 = 5;

impl Iocb {
    fn new(opcode: i16, file: c_int) -> Self {
        Self {
            data: ptr::null_mut(),
            key: 0,
            rw_flags: 0,
            opcode,
            reqprio: 0,
            file,
            buffer: ptr::null(),
            bytes: 0,
            offset: 0,
            reserved: 0,
            flags: 0,
            resfd: 0,
        }
    }

    /// A write of nothing to /dev/null: the cheapest request, done when io_submit returns. Its
    /// callback, for io_queue_run, does nothing.
    pub fn null_write() -> Self {
        static NULL: OnceLock<File> = OnceLock::new();
        let file = NULL.get_or_init(|| OpenOptions::new().write(true).open("/dev/null").unwrap());
        Self {
            data: callback as *mut c_void,
            ..Self::new(PWRITE, file.as_raw_fd())
        }
    }

    /// Waits until the file can be read from.
    pub fn poll(file: c_int) -> Self {
        Self {
            // The set of events stands where the buffer's address does.
            buffer: ptr::without_provenance(libc::POLLIN as usize),
            ..Self::new(POLL, file)
        }
    }
}

/// What io_queue_run calls.
extern "C" fn callback(_: *mut Ring, _: *mut Iocb, _: c_long, _: c_long) {}

/// Requests at addresses that stay, and the array of pointers that io_submit takes.
pub struct Requests {
    pointers: Box<[*mut Iocb]>,
}

impl Requests {
    pub fn new(request: Iocb, count: usize) -> Self {
        let iocbs = Box::leak(vec![request; count].into_boxed_slice());
        Self {
            pointers: iocbs.iter_mut().map(ptr::from_mut).collect(),
        }
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        // SAFETY: it was leaked in `new` and is one slice; the pointers are not used any more.
        drop(unsafe {
            Box::from_raw(ptr::slice_from_raw_parts_mut(
                self.pointers[0],
                self.pointers.len(),
            ))
        });
    }
}

// SAFETY: the iocbs belong to the value.
unsafe impl Send for Requests {}

/// Room for the events of one call.
pub struct Events(Box<[Event]>);

impl Events {
    pub fn new() -> Self {
        // SAFETY: zero is an event.
        Self(vec![unsafe { mem::zeroed() }; 128].into_boxed_slice())
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: the pointers in it are never followed.
unsafe impl Send for Events {}

/// A timeout of zero that is not on the stack.
pub static ZERO: libc::timespec = libc::timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// A context. It is destroyed when it is dropped, which takes some 30 ms.
pub struct Context {
    pub library: &'static Library,
    pub handle: *mut Ring,
}

// SAFETY: any thread may use a context.
unsafe impl Send for Context {}
// SAFETY: likewise; the ring is atomic.
unsafe impl Sync for Context {}

impl Context {
    pub fn new(library: &'static Library, nr: c_int) -> Self {
        let mut handle = ptr::null_mut();
        // SAFETY: the pointer is good.
        let result = unsafe { (library.setup)(nr, &mut handle) };
        assert_eq!(result, 0, "io_setup({nr}) of the {}", library.name);
        Self { library, handle }
    }

    /// A context with events that are ready.
    pub fn with_ready(library: &'static Library, count: usize) -> Self {
        let context = Self::new(library, count.max(1) as c_int);
        if count > 0 {
            context.fill(&mut Requests::new(Iocb::null_write(), count));
        }
        context
    }

    /// Submits all of the requests.
    #[inline]
    pub fn fill(&self, requests: &mut Requests) {
        self.fill_some(requests, requests.pointers.len());
    }

    /// Submits the first `count` of the requests.
    #[inline]
    pub fn fill_some(&self, requests: &mut Requests, count: usize) {
        assert!(count <= requests.pointers.len());
        // SAFETY: the array has that many iocbs; they stay until the requests are dropped.
        let result = unsafe {
            (self.library.submit)(self.handle, count as c_long, requests.pointers.as_mut_ptr())
        };
        assert_eq!(result, count as c_int, "io_submit");
    }

    /// io_cancel of one of the requests.
    #[inline]
    pub fn cancel(&self, requests: &Requests, index: usize) -> c_int {
        let iocb = requests.pointers[index];
        // SAFETY: the iocb is readable; the kernel never writes the event.
        unsafe { (self.library.cancel)(self.handle, iocb, ptr::null_mut()) }
    }

    /// io_getevents.
    #[inline]
    pub fn reap(
        &self,
        min: usize,
        max: usize,
        events: &mut Events,
        timeout: Option<&libc::timespec>,
    ) -> c_int {
        debug_assert!(max <= events.0.len());
        let timeout = timeout.map_or(ptr::null(), ptr::from_ref);
        let events = events.0.as_mut_ptr();
        // SAFETY: there is room for 128 events, and nobody asks for more.
        unsafe {
            (self.library.getevents)(self.handle, min as c_long, max as c_long, events, timeout)
        }
    }

    #[inline]
    pub fn queue_run(&self) -> c_int {
        // SAFETY: every request has a callback.
        unsafe { (self.library.queue_run)(self.handle) }
    }

    fn ring(&self) -> &Ring {
        // SAFETY: the kernel keeps it mapped until io_destroy.
        unsafe { &*self.handle }
    }

    #[inline]
    pub fn head(&self) -> u32 {
        self.ring().head.load(Relaxed)
    }

    /// Makes events that were taken ready again, or takes some. The kernel leaves `head` to the
    /// program; no other thread may use the context meanwhile.
    #[inline]
    pub fn set_head(&self, head: u32) {
        self.ring().head.store(head, Relaxed);
    }

    /// Takes every event.
    pub fn drain(&self) {
        self.set_head(self.ring().tail.load(Acquire));
    }

    /// Leaves it to the kernel to end the context together with the process.
    pub fn leak(self) -> &'static Self {
        Box::leak(Box::new(self))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: nobody uses it any more.
        let result = unsafe { (self.library.destroy)(self.handle) };
        assert_eq!(result, 0, "io_destroy");
    }
}
