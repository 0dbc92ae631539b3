//! The functions of libaio, and the context behind them: requests end when the model says so.

use std::cell::RefCell;
use std::ffi::{c_int, c_long};
use std::sync::atomic::Ordering::{Relaxed, Release};

use crate::abi::{AIO_RING_MAGIC, aio_ring, io_context_t, io_event, iocb, timespec};
use crate::signal;
use crate::sync::AtomicU32;
use crate::sys::errno::Errno;
use crate::sys::sleeping::{now, places};

/// Events that the ring has room for, and one more: twice as many as a model lets come before its leader looks.
const NR: usize = 8;

/// The kernel's context, whose ring the library reads.
#[repr(C)]
struct Ring {
    header: aio_ring,
    events: [io_event; NR],
}

#[derive(Default)]
struct Context {
    ring: Option<Box<Ring>>,
    head: usize,
    tail: usize,
    /// What was submitted, by the values of its requests.
    submitted: Vec<usize>,
    /// Threads that wait for events.
    waiters: usize,
    /// Whether requests come back at once, because they would have to wait.
    gives_back: bool,
}

thread_local! {
    /// Loom's threads take turns on one thread of the system.
    static CONTEXT: RefCell<Context> = RefCell::default();
}

fn with<T>(body: impl FnOnce(&mut Context) -> T) -> T {
    CONTEXT.with_borrow_mut(body)
}

/// A process starts.
pub fn start() {
    CONTEXT.take();
}

/// The request ends that was submitted as the one of this number, the first being 0; waits until it was.
pub fn complete(number: usize, result: i64) {
    let submitted = || with(|context| context.submitted.get(number).copied());
    let data = places().contexts.sleep(i64::MAX, submitted).unwrap();
    places().contexts.change(|| write(data, result));
}

/// Writes an event into the ring.
fn write(data: usize, result: i64) {
    let (tail, word) = with(|context| {
        let at = context.tail;
        context.tail = (at + 1) % NR;
        let tail = context.tail;
        assert!(tail != context.head, "the ring is full");
        let ring = context.ring.as_mut().unwrap();
        ring.events[at] = io_event {
            data: std::ptr::without_provenance_mut(data),
            obj: std::ptr::null_mut(),
            res: result as _,
            res2: 0,
        };
        (tail, ring.header.tail.in_kernel())
    });
    word.store(tail as u32, Release);
}

/// Lets requests come back at once, because they would have to wait.
pub fn give_back_at_once() {
    with(|context| context.gives_back = true);
}

/// How many threads wait for events.
pub fn waiters() -> usize {
    with(|context| context.waiters)
}

pub unsafe fn io_setup(_: c_int, context: *mut io_context_t) -> c_int {
    let ring = Box::new(Ring {
        header: aio_ring {
            id: 0,
            nr: AtomicU32::new(NR as u32),
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            magic: AIO_RING_MAGIC,
            compat_features: 1,
            incompat_features: 0,
            header_length: size_of::<aio_ring>() as u32,
        },
        events: unsafe { std::mem::zeroed() },
    });
    // The kernel's.
    ring.header.tail.in_kernel().load(Relaxed);
    unsafe { context.write((&raw const ring.header).cast_mut()) };
    with(|own| own.ring = Some(ring));
    0
}

pub unsafe fn io_destroy(_: io_context_t) -> c_int {
    unreachable!("its ring is one that the library knows");
}

pub unsafe fn io_submit(_: io_context_t, nr: c_long, iocbs: *mut *mut iocb) -> c_int {
    signal::point();
    places().contexts.change(|| {
        for at in 0..nr as usize {
            let data = unsafe { (**iocbs.add(at)).data.addr() };
            with(|context| context.submitted.push(data));
            if with(|context| context.gives_back) {
                write(data, (-libc::EAGAIN).into());
            }
        }
    });
    nr as c_int
}

/// As the kernel's: it waits for `min_nr` events, and leaves them where they are if it cannot write them.
pub unsafe fn io_getevents(
    _: io_context_t,
    min_nr: c_long,
    nr: c_long,
    events: *mut io_event,
    timeout: *mut timespec,
) -> c_int {
    let timeout = unsafe { *timeout };
    let until = now() + timeout.tv_sec * 1_000_000_000 + timeout.tv_nsec;
    let take = || {
        with(|context| {
            let there = (context.tail + NR - context.head) % NR;
            if there == 0 && min_nr != 0 {
                return None;
            }
            if there != 0 && events.addr() > usize::MAX - (1 << 20) {
                return Some(Errno::EFAULT.negated());
            }
            let count = there.min(nr as usize);
            for at in 0..count {
                let event = context.ring.as_ref().unwrap().events[context.head];
                context.head = (context.head + 1) % NR;
                unsafe { events.add(at).write(event) };
            }
            Some(count as c_int)
        })
    };
    if min_nr == 0 {
        signal::point();
        return places().contexts.look(take).unwrap_or(0);
    }
    with(|context| context.waiters += 1);
    let waited = places().contexts.sleep(until, take);
    with(|context| context.waiters -= 1);
    match waited {
        Ok(result) => result,
        Err(Errno::ETIMEDOUT) => 0,
        Err(error) => error.negated(),
    }
}
