//! The system calls, without a library between.

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::ring::HEADER;

/// Requests that a context is made for here.
pub(crate) const DEPTH: u32 = 64;

/// `struct iocb` of `<linux/aio_abi.h>`.
#[derive(Clone, Copy, Default, Debug)]
#[repr(C)]
pub(crate) struct Iocb {
    /// Comes back in the event.
    pub data: u64,
    #[cfg(target_endian = "big")]
    rw_flags: i32,
    key: u32,
    #[cfg(target_endian = "little")]
    rw_flags: i32,
    opcode: u16,
    priority: i16,
    descriptor: i32,
    buffer: u64,
    length: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    eventfd: i32,
}

/// `struct io_event`.
#[derive(Clone, Copy, Default, Debug)]
#[repr(C)]
pub(crate) struct Event {
    /// The iocb's.
    pub data: u64,
    /// Its address.
    pub iocb: u64,
    /// The result, or an error's number below zero.
    pub result: i64,
    second: i64,
}

/// What a request does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub(crate) enum Opcode {
    /// Reads.
    Read = 0,
    /// Writes.
    Write = 1,
    /// `fsync`.
    Fsync = 2,
    /// `fdatasync`.
    Fdsync = 3,
    /// Waits until the file is ready; the buffer is the kinds of readiness.
    Poll = 5,
    /// Reads into several buffers; the buffer is the array, the length its own.
    ReadVector = 7,
    /// Writes from several buffers.
    WriteVector = 8,
}

/// The number of `io_pgetevents`, which the libc crate does not have. Where it is not known the number is that of no
/// call, and the kernel says that it has none.
pub(crate) const IO_PGETEVENTS: libc::c_long =
    if cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
        333
    } else if cfg!(target_arch = "x86") {
        385
    } else if cfg!(target_arch = "arm") {
        399
    } else if cfg!(any(target_arch = "powerpc", target_arch = "powerpc64")) {
        388
    } else if cfg!(target_arch = "s390x") {
        382
    } else if cfg!(any(target_arch = "aarch64", target_arch = "riscv64")) {
        292
    } else {
        -1
    };

/// IOCB_FLAG_RESFD
const WITH_EVENTFD: u32 = 1;

impl Iocb {
    /// A request.
    pub(crate) fn new(opcode: Opcode, descriptor: i32) -> Iocb {
        Iocb {
            opcode: opcode as u16,
            descriptor,
            ..Iocb::default()
        }
    }

    /// With memory, at this offset of the file.
    pub(crate) fn at(self, buffer: u64, length: u64, offset: i64) -> Iocb {
        Iocb {
            buffer,
            length,
            offset,
            ..self
        }
    }

    /// With these `RWF_*`.
    pub(crate) fn with_flags(self, rw_flags: i32) -> Iocb {
        Iocb { rw_flags, ..self }
    }

    /// Signals this eventfd when it ends.
    pub(crate) fn with_eventfd(self, eventfd: i32) -> Iocb {
        Iocb {
            flags: WITH_EVENTFD,
            eventfd,
            ..self
        }
    }
}

fn result(answer: libc::c_long) -> io::Result<u64> {
    u64::try_from(answer).map_err(|_| io::Error::last_os_error())
}

/// A context, which is destroyed with this: that waits for what is in flight.
pub(crate) struct Context(libc::c_ulong);

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the ring is not read any more.
        unsafe { libc::syscall(libc::SYS_io_destroy, self.0) };
    }
}

impl Context {
    /// Makes one for so many requests.
    pub(crate) fn new(requests: u32) -> io::Result<Context> {
        let mut context: libc::c_ulong = 0;
        let requests = libc::c_ulong::from(requests);
        // SAFETY: there is room for the handle.
        result(unsafe { libc::syscall(libc::SYS_io_setup, requests, &raw mut context) })?;
        Ok(Context(context))
    }

    /// Submits one request.
    ///
    /// # Safety
    /// What its buffer says stays valid until its event is taken, or the context is destroyed.
    pub(crate) unsafe fn submit(&self, iocb: &mut Iocb) -> io::Result<()> {
        let list = [ptr::from_mut(iocb)];
        // SAFETY: the caller says the rest.
        let accepted = result(unsafe {
            libc::syscall(
                libc::SYS_io_submit,
                self.0,
                1 as libc::c_ulong,
                list.as_ptr(),
            )
        })?;
        if accepted == 1 {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(libc::EAGAIN))
        }
    }

    /// Takes an event, for which it waits so long at most.
    pub(crate) fn event(&self, wait: Duration) -> io::Result<Option<Event>> {
        self.get(libc::SYS_io_getevents, wait)
    }

    /// The same, by the call that takes a signal mask too.
    pub(crate) fn event_with_mask(&self, wait: Duration) -> io::Result<Option<Event>> {
        self.get(IO_PGETEVENTS, wait)
    }

    fn get(&self, call: libc::c_long, wait: Duration) -> io::Result<Option<Event>> {
        let mut event = Event::default();
        let mut timeout = [
            wait.as_secs() as libc::c_long,
            wait.subsec_nanos() as libc::c_long,
        ];
        // SAFETY: there is room for an event, and a timeout is two longs; the mask, which the first call does not have, is
        // none.
        let taken = result(unsafe {
            libc::syscall(
                call,
                self.0,
                1 as libc::c_long,
                1 as libc::c_long,
                &raw mut event,
                &raw mut timeout,
                ptr::null::<u8>(),
            )
        })?;
        Ok((taken == 1).then_some(event))
    }

    /// Cancels a request. Success is EINPROGRESS; the event comes in the ring.
    pub(crate) fn cancel(&self, iocb: &mut Iocb) -> io::Result<()> {
        let mut event = Event::default();
        // SAFETY: there is room for an event.
        let answer = result(unsafe {
            libc::syscall(
                libc::SYS_io_cancel,
                self.0,
                ptr::from_mut(iocb),
                &raw mut event,
            )
        });
        match answer {
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Whether an event is in the ring.
    pub(crate) fn has_event(&self) -> bool {
        let ring: *mut u32 = ptr::with_exposed_provenance_mut(self.0 as usize);
        const { assert!(HEADER == 32) };
        // SAFETY: the context's handle is the address of its ring; head and tail are its third and fourth words, which
        // the kernel writes while they are read.
        let [head, tail] = [2, 3]
            .map(|word| unsafe { AtomicU32::from_ptr(ring.add(word)) }.load(Ordering::Acquire));
        head != tail
    }
}
