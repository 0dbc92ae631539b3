//! `struct aiocb`, `struct sigevent` and `struct aioinit` of the system's `<aio.h>` and `<bits/types/sigevent_t.h>`.
//!
//! A request's result is in the structure's private fields, as the C library has it there; so is the
//! number of its slot. The program may have anything there.

#![allow(non_camel_case_types)]

use core::ffi::c_int;
use core::ptr;

use crate::requests::slot::{Action, Index, Kind, Notification};
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicU32, AtomicUsize};

/// The program's request.
#[repr(C)]
pub(crate) struct aiocb {
    pub(super) aio_fildes: c_int,
    pub(super) aio_lio_opcode: c_int,
    pub(super) aio_reqprio: c_int,
    pub(super) aio_buf: usize,
    pub(super) aio_nbytes: usize,
    pub(super) aio_sigevent: sigevent,
    next_prio: usize,
    /// `__abs_prio`: the number of the slot.
    slot: AtomicU32,
    policy: c_int,
    error_code: AtomicU32,
    return_value: AtomicUsize,
    /// `aio_offset`: 8 bytes, of which a 32-bit program without 64-bit offsets has the first 4.
    offset: [u32; 2],
    _reserved: [u8; 32],
}

/// How the program wants to be told.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct sigevent {
    value: usize,
    signo: c_int,
    notify: c_int,
    /// `_sigev_un`: a function and attributes, or a thread.
    union: sigev_un,
}

/// The rest of the 64 bytes.
#[repr(C)]
#[derive(Clone, Copy)]
union sigev_un {
    thread: c_int,
    call: [usize; 2],
    _size: [usize; (64 - 8 - size_of::<usize>()) / size_of::<usize>()],
}

/// What `aio_init(3)` is given.
#[repr(C)]
pub(crate) struct aioinit {
    pub(super) aio_threads: c_int,
    _unused: [c_int; 5],
    pub(super) aio_idle_time: c_int,
    _reserved: c_int,
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<sigevent>() == 64);
    assert!(size_of::<aioinit>() == 32);
    #[cfg(target_pointer_width = "64")]
    {
        assert!(size_of::<aiocb>() == 168);
        assert!(offset_of!(aiocb, aio_sigevent) == 32);
        assert!(offset_of!(aiocb, error_code) == 112);
        assert!(offset_of!(aiocb, return_value) == 120);
        assert!(offset_of!(aiocb, offset) == 128);
    }
    #[cfg(target_pointer_width = "32")]
    {
        assert!(size_of::<aiocb>() == 144);
        assert!(offset_of!(aiocb, aio_sigevent) == 20);
        assert!(offset_of!(aiocb, error_code) == 96);
        assert!(offset_of!(aiocb, return_value) == 100);
        assert!(offset_of!(aiocb, offset) == 104);
    }
};

/// How long an offset is in the program's structure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offsets {
    /// `off_t`
    Long,
    /// `off64_t`
    Bits64,
}

/// In progress: EINPROGRESS.
pub(super) const IN_PROGRESS: u32 = libc::EINPROGRESS as u32;

/// What of a structure may be used at any time, by its address.
///
/// # Safety
/// Those that take an address: it is a program's `struct aiocb`.
impl aiocb {
    /// The error number; EINPROGRESS.
    pub(super) unsafe fn error(cb: *const aiocb) -> u32 {
        // SAFETY: the caller says so. Acquire: pairs with `finish`.
        unsafe { &(*cb).error_code }.load(Acquire)
    }

    /// The result.
    pub(super) unsafe fn result(cb: *const aiocb) -> isize {
        // SAFETY: the caller says so.
        unsafe { &(*cb).return_value }.load(Relaxed) as isize
    }

    /// The number of its slot, if the request is one of this library's.
    pub(super) unsafe fn slot(cb: *const aiocb) -> Index {
        // SAFETY: the caller says so.
        unsafe { &(*cb).slot }.load(Relaxed)
    }

    /// A request of it is in flight: stores the number of its slot. Before that the structure says what it
    /// said: who asks meanwhile does not take a request that is not there yet for a parent's.
    pub(super) unsafe fn begin(cb: usize, index: Index) {
        let cb: *mut aiocb = ptr::with_exposed_provenance_mut(cb);
        // SAFETY: the caller says so.
        unsafe {
            (*cb).return_value.store(0, Relaxed);
            (*cb).slot.store(index, Relaxed);
            // Release: pairs with `error`.
            (*cb).error_code.store(IN_PROGRESS, Release);
        }
    }

    /// It has failed.
    pub(super) unsafe fn fail(cb: *mut aiocb, error: c_int) {
        // SAFETY: the caller says so.
        unsafe {
            (*cb).return_value.store(usize::MAX, Relaxed);
            (*cb).error_code.store(error as u32, Release);
        }
    }

    /// It has ended: the last access, after which the program may free it. If the program has made
    /// another request of it meanwhile, that one's result is to come.
    pub(super) unsafe fn finish(cb: usize, index: Index, result: i64) {
        let cb: *mut aiocb = ptr::with_exposed_provenance_mut(cb);
        // SAFETY: the caller says so.
        unsafe {
            if index != 0 && (*cb).slot.load(Relaxed) != index {
                return;
            }
            let (value, error) = if result < 0 {
                (usize::MAX, -result as u32)
            } else {
                (result as usize, 0)
            };
            (*cb).return_value.store(value, Relaxed);
            // Release: pairs with `error`.
            (*cb).error_code.store(error, Release);
        }
    }

    /// `aio_offset`
    pub(super) unsafe fn offset(cb: *const aiocb, offsets: Offsets) -> i64 {
        // SAFETY: the caller says so.
        let at = unsafe { &raw const (*cb).offset };
        if cfg!(target_pointer_width = "64") || offsets == Offsets::Bits64 {
            // SAFETY: the caller says so.
            unsafe { at.cast::<i64>().read_unaligned() }
        } else {
            // SAFETY: as above.
            unsafe { at.cast::<i32>().read() }.into()
        }
    }
}

/// LIO_READ and its neighbours, as the C library keeps them in the structure.
pub(super) fn opcode(action: Action, offsets: Offsets) -> c_int {
    let code = match action {
        Action::Read => 0,
        Action::Write => 1,
        Action::SyncData => 3,
        Action::Sync => 4,
    };
    match action {
        Action::Read | Action::Write if is_wide(offsets) => code | WIDE,
        _ => code,
    }
}

/// What the C library adds to an operation on 64-bit offsets, where a `long` has 32 bits.
pub(super) const WIDE: c_int = 128;

/// Whether it adds that.
pub(super) fn is_wide(offsets: Offsets) -> bool {
    cfg!(target_pointer_width = "32") && offsets == Offsets::Bits64
}

/// What a `struct sigevent` asks for. What the C library does not know is nothing.
pub(super) fn notification(event: &sigevent) -> Notification {
    const SIGEV_SIGNAL: c_int = 0;
    const SIGEV_THREAD: c_int = 2;
    const SIGEV_THREAD_ID: c_int = 4;
    let is_signal = (1..=64).contains(&event.signo);
    let kind = match event.notify {
        SIGEV_SIGNAL if is_signal => Kind::Signal,
        SIGEV_THREAD_ID if is_signal => Kind::ThreadSignal,
        SIGEV_THREAD => Kind::Call,
        _ => Kind::None,
    };
    // SAFETY: all members are integers.
    let (thread, [function, attributes]) = unsafe { (event.union.thread, event.union.call) };
    Notification {
        kind,
        signal: event.signo,
        thread,
        value: event.value,
        function,
        attributes,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn event(notify: c_int, signo: c_int) -> Kind {
        // SAFETY: zeroes are a structure.
        let mut event: sigevent = unsafe { core::mem::zeroed() };
        (event.notify, event.signo) = (notify, signo);
        notification(&event).kind
    }

    #[test]
    fn what_glibc_does_not_know_is_no_notification() {
        assert!(event(0, 10) == Kind::Signal && event(0, 64) == Kind::Signal);
        assert!(event(4, 10) == Kind::ThreadSignal && event(2, 0) == Kind::Call);
        for (notify, signo) in [(0, 0), (0, 65), (0, -1), (4, 0), (1, 10), (3, 10), (-1, 10)] {
            assert!(event(notify, signo) == Kind::None, "{notify} {signo}");
        }
    }

    #[test]
    fn a_result_goes_to_the_request_that_the_structure_names() {
        // SAFETY: zeroes are a structure, and it stays.
        unsafe {
            let mut cb: aiocb = core::mem::zeroed();
            let address = (&raw mut cb).expose_provenance();
            aiocb::begin(address, 5);
            assert_eq!((aiocb::error(&cb), aiocb::result(&cb)), (IN_PROGRESS, 0));
            // Made anew while an older one was in flight.
            aiocb::begin(address, 6);
            aiocb::finish(address, 5, 17);
            assert_eq!(aiocb::error(&cb), IN_PROGRESS);
            aiocb::finish(address, 6, -9);
            assert_eq!((aiocb::error(&cb), aiocb::result(&cb)), (9, -1));
            aiocb::finish(address, 0, 1 << 20);
            assert_eq!((aiocb::error(&cb), aiocb::result(&cb)), (0, 1 << 20));
        }
    }

    #[test]
    fn an_offset_is_as_long_as_the_program_has_it() {
        // SAFETY: zeroes are a structure.
        let mut cb: aiocb = unsafe { core::mem::zeroed() };
        // SAFETY: the offset has 8 bytes.
        unsafe {
            (&raw mut cb.offset)
                .cast::<i64>()
                .write_unaligned(1 << 40 | 3)
        };
        // SAFETY: as above.
        let read = |offsets| unsafe { aiocb::offset(&cb, offsets) };
        assert_eq!(read(Offsets::Bits64), 1 << 40 | 3);
        if cfg!(target_pointer_width = "64") {
            assert_eq!(read(Offsets::Long), 1 << 40 | 3);
        } else if cfg!(target_endian = "little") {
            assert_eq!(read(Offsets::Long), 3);
        }
    }
}
