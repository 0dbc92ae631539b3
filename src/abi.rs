//! The C types of `<libaio.h>` and `<linux/aio_abi.h>`, field for field, with their layout checked.
//!
//! The kernel's structures are the same on 32 and 64 bits: every pointer and `long` takes 64 bits.
//! Where they are narrower, a `__pad` field fills up, before or after by byte order.

#![allow(non_camel_case_types)]

use core::ffi::{c_int, c_long, c_longlong, c_short, c_uint, c_ulong, c_void};
use core::sync::atomic::AtomicU32;

/// A context: the address of its completion ring, made by `io_setup`. Null is no context.
pub(crate) type io_context_t = *mut aio_ring;

/// What `io_queue_run` calls with each event: context, request, `res`, `res2`.
///
/// A C++ callback may throw, as through the C library. It is not `C-unwind`, because with
/// `panic=abort` the compiler would then stop every exception at the caller; as `C`, the caller has
/// unwind tables and nothing to clean up, and exceptions pass
/// (`c-tests/linking/every_function.cc`).
pub(crate) type io_callback_t =
    unsafe extern "C" fn(ctx: io_context_t, iocb: *mut iocb, res: c_long, res2: c_long);

/// Header of the ring that the kernel maps into the process; `nr` events follow it.
///
/// `head` and `tail` are shared with the kernel and with every other reader in the process.
/// Source: `struct aio_ring` in `fs/aio.c`.
#[repr(C)]
pub(crate) struct aio_ring {
    /// The kernel's index of the context; it reads this at every call.
    pub id: c_uint,
    /// How many events the ring has room for. The kernel never reads it, but a program may write
    /// it.
    pub nr: AtomicU32,
    /// The next event to take. Readers move it.
    pub head: AtomicU32,
    /// One past the newest event. The kernel moves it.
    pub tail: AtomicU32,
    /// [`AIO_RING_MAGIC`].
    pub magic: c_uint,
    /// Features that a reader may ignore: 1.
    pub compat_features: c_uint,
    /// Features that a reader must know: 0.
    pub incompat_features: c_uint,
    /// Size of this header in bytes.
    pub header_length: c_uint,
}

/// What [`aio_ring::magic`] is in a ring whose layout is the one above.
pub(crate) const AIO_RING_MAGIC: c_uint = 0xa10a_10a1;

/// `struct timespec` as the kernel's `long`-sized calls take it. Not validated by the kernel.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct timespec {
    /// Seconds.
    pub tv_sec: c_long,
    /// Nanoseconds; added to the seconds whatever its value.
    pub tv_nsec: c_long,
}

/// `struct timespec` of a 32-bit program that is compiled with `_TIME_BITS=64`.
#[cfg(target_pointer_width = "32")]
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct timespec64 {
    /// Seconds.
    pub tv_sec: i64,
    /// The upper half of the 64 bits that the kernel gives to the nanoseconds, and does not look
    /// at.
    #[cfg(target_endian = "big")]
    pub __pad: c_uint,
    /// Nanoseconds; added to the seconds whatever its value.
    pub tv_nsec: c_long,
    /// The upper half of the 64 bits that the kernel gives to the nanoseconds, and does not look
    /// at.
    #[cfg(target_endian = "little")]
    pub __pad: c_uint,
}

/// The last argument of `io_pgetevents(2)`.
#[repr(C)]
pub(crate) struct io_sigset {
    /// The mask, or null for none.
    pub ss: *const libc::sigset_t,
    /// Size of the kernel's signal set in bytes: 8.
    pub ss_len: c_ulong,
}

/// [`io_sigset`] as 64-bit kernels before 5.0 read it from a 32-bit process.
#[cfg(target_pointer_width = "32")]
#[repr(C)]
pub(crate) struct io_sigset_compat {
    /// Must be zero: the upper half of a 64-bit pointer.
    #[cfg(target_endian = "big")]
    pub __ss_pad: c_uint,
    /// The mask, or null for none.
    pub ss: *const libc::sigset_t,
    /// Must be zero: the upper half of a 64-bit pointer.
    #[cfg(target_endian = "little")]
    pub __ss_pad: c_uint,
    /// Size of the kernel's signal set in bytes: 8.
    pub ss_len: c_ulong,
}

/// [`io_sigset`] as 64-bit kernels before 6.10 read it in a 32-bit process's
/// `io_pgetevents_time64`.
#[cfg(target_pointer_width = "32")]
#[repr(C)]
pub(crate) struct io_sigset_64 {
    /// The mask's address.
    pub ss: u64,
    /// Size of the kernel's signal set in bytes: 8.
    pub ss_len: u64,
}

/// [`io_sigset`] with a length of 0 for kernels that read it in one of the other layouts: they
/// refuse it.
#[cfg(target_pointer_width = "32")]
#[repr(C)]
pub(crate) struct io_sigset_32 {
    /// What others read.
    pub sigset: io_sigset,
    /// The length, in the other layouts.
    pub zero: [c_ulong; 2],
}

/// Parameters of a read or write: `buf` is the buffer, or the iovec array of a vectored one.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub(crate) struct io_iocb_common {
    #[cfg(all(target_endian = "big", target_pointer_width = "32"))]
    pub __pad1: c_uint,
    pub buf: *mut c_void,
    #[cfg(all(target_endian = "little", target_pointer_width = "32"))]
    pub __pad1: c_uint,
    #[cfg(all(target_endian = "big", target_pointer_width = "32"))]
    pub __pad2: c_uint,
    pub nbytes: c_ulong,
    #[cfg(all(target_endian = "little", target_pointer_width = "32"))]
    pub __pad2: c_uint,
    pub offset: c_longlong,
    pub __pad3: c_longlong,
    pub flags: c_uint,
    pub resfd: c_uint,
}

/// The vectored view of [`io_iocb_common`].
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub(crate) struct io_iocb_vector {
    #[cfg(all(target_endian = "big", target_pointer_width = "32"))]
    pub __pad1: c_uint,
    pub vec: *const libc::iovec,
    #[cfg(all(target_endian = "little", target_pointer_width = "32"))]
    pub __pad1: c_uint,
    #[cfg(all(target_endian = "big", target_pointer_width = "32"))]
    pub __pad2: c_uint,
    pub nr: c_ulong,
    #[cfg(all(target_endian = "little", target_pointer_width = "32"))]
    pub __pad2: c_uint,
    pub offset: c_longlong,
}

/// Parameters of a poll: the events to wait for, as in `poll(2)`.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub(crate) struct io_iocb_poll {
    #[cfg(target_endian = "big")]
    pub __pad1: c_int,
    pub events: c_int,
    #[cfg(target_endian = "little")]
    pub __pad1: c_int,
}

/// Part of the interface since 2002; no request uses it.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub(crate) struct io_iocb_sockaddr {
    #[cfg(all(target_endian = "big", target_pointer_width = "32"))]
    pub __pad1: c_uint,
    pub addr: *mut libc::sockaddr,
    #[cfg(all(target_endian = "little", target_pointer_width = "32"))]
    pub __pad1: c_uint,
    #[cfg(all(target_endian = "big", target_pointer_width = "32"))]
    pub __pad2: c_uint,
    pub len: c_ulong,
    #[cfg(all(target_endian = "little", target_pointer_width = "32"))]
    pub __pad2: c_uint,
}

/// The parameters by kind of request.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub(crate) union iocb_parameters {
    pub c: io_iocb_common,
    pub v: io_iocb_vector,
    pub poll: io_iocb_poll,
    pub saddr: io_iocb_sockaddr,
}

/// One request. The program owns it; the kernel copies it in `io_submit` and writes `key` only.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub(crate) struct iocb {
    #[cfg(all(target_endian = "big", target_pointer_width = "32"))]
    pub __pad1: c_uint,
    pub data: *mut c_void,
    #[cfg(all(target_endian = "little", target_pointer_width = "32"))]
    pub __pad1: c_uint,
    #[cfg(target_endian = "big")]
    pub aio_rw_flags: c_uint,
    pub key: c_uint,
    #[cfg(target_endian = "little")]
    pub aio_rw_flags: c_uint,
    pub aio_lio_opcode: c_short,
    pub aio_reqprio: c_short,
    pub aio_fildes: c_int,
    pub u: iocb_parameters,
}

/// One completion: the request's `data` and address, and its result, a count or `-errno`.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub(crate) struct io_event {
    #[cfg(all(target_endian = "big", target_pointer_width = "32"))]
    pub __pad1: c_uint,
    pub data: *mut c_void,
    #[cfg(all(target_endian = "little", target_pointer_width = "32"))]
    pub __pad1: c_uint,
    #[cfg(all(target_endian = "big", target_pointer_width = "32"))]
    pub __pad2: c_uint,
    pub obj: *mut iocb,
    #[cfg(all(target_endian = "little", target_pointer_width = "32"))]
    pub __pad2: c_uint,
    #[cfg(all(target_endian = "big", target_pointer_width = "32"))]
    pub __pad3: c_uint,
    pub res: c_ulong,
    #[cfg(all(target_endian = "little", target_pointer_width = "32"))]
    pub __pad3: c_uint,
    #[cfg(all(target_endian = "big", target_pointer_width = "32"))]
    pub __pad4: c_uint,
    pub res2: c_ulong,
    #[cfg(all(target_endian = "little", target_pointer_width = "32"))]
    pub __pad4: c_uint,
}

/// The kernel's layout, in bytes, for every architecture (`include/uapi/linux/aio_abi.h`).
const _: () = {
    use core::mem::{align_of, offset_of, size_of};

    /// Where a `long` or pointer lies in the 64 bits that the kernel gives it.
    const LOW: usize = if cfg!(target_endian = "big") {
        8 - size_of::<usize>()
    } else {
        0
    };
    /// Where an `int` lies in the 64 bits that it shares.
    const LOW_INT: usize = if cfg!(target_endian = "big") { 4 } else { 0 };

    assert!(size_of::<iocb>() == 64);
    assert!(offset_of!(iocb, data) == LOW);
    assert!(offset_of!(iocb, key) == 8 + LOW_INT);
    assert!(offset_of!(iocb, aio_rw_flags) == 12 - LOW_INT);
    assert!(offset_of!(iocb, aio_lio_opcode) == 16);
    assert!(offset_of!(iocb, aio_reqprio) == 18);
    assert!(offset_of!(iocb, aio_fildes) == 20);
    assert!(offset_of!(iocb, u) == 24);
    assert!(size_of::<iocb_parameters>() == 40);

    assert!(size_of::<io_iocb_common>() == 40);
    assert!(offset_of!(io_iocb_common, buf) == LOW);
    assert!(offset_of!(io_iocb_common, nbytes) == 8 + LOW);
    assert!(offset_of!(io_iocb_common, offset) == 16);
    assert!(offset_of!(io_iocb_common, __pad3) == 24);
    assert!(offset_of!(io_iocb_common, flags) == 32);
    assert!(offset_of!(io_iocb_common, resfd) == 36);

    assert!(size_of::<io_iocb_vector>() == 24);
    assert!(offset_of!(io_iocb_vector, vec) == LOW);
    assert!(offset_of!(io_iocb_vector, nr) == 8 + LOW);
    assert!(offset_of!(io_iocb_vector, offset) == 16);

    assert!(size_of::<io_iocb_poll>() == 8);
    assert!(offset_of!(io_iocb_poll, events) == LOW_INT);

    assert!(size_of::<io_iocb_sockaddr>() == 16);
    assert!(offset_of!(io_iocb_sockaddr, addr) == LOW);
    assert!(offset_of!(io_iocb_sockaddr, len) == 8 + LOW);

    assert!(size_of::<io_event>() == 32);
    assert!(offset_of!(io_event, data) == LOW);
    assert!(offset_of!(io_event, obj) == 8 + LOW);
    assert!(offset_of!(io_event, res) == 16 + LOW);
    assert!(offset_of!(io_event, res2) == 24 + LOW);

    // i386 aligns 64-bit integers to 4 bytes inside structures; everything else to their size.
    let wide = align_of::<c_longlong>();
    assert!(align_of::<iocb>() == wide && align_of::<io_event>() == align_of::<usize>());

    assert!(size_of::<aio_ring>() == 32);
    assert!(offset_of!(aio_ring, id) == 0);
    assert!(offset_of!(aio_ring, nr) == 4);
    assert!(offset_of!(aio_ring, head) == 8);
    assert!(offset_of!(aio_ring, tail) == 12);
    assert!(offset_of!(aio_ring, magic) == 16);
    assert!(offset_of!(aio_ring, compat_features) == 20);
    assert!(offset_of!(aio_ring, incompat_features) == 24);
    assert!(offset_of!(aio_ring, header_length) == 28);

    assert!(size_of::<timespec>() == 2 * size_of::<c_long>());
    assert!(offset_of!(timespec, tv_nsec) == size_of::<c_long>());
    assert!(size_of::<io_sigset>() == 2 * size_of::<usize>());
    assert!(offset_of!(io_sigset, ss) == 0);
    assert!(offset_of!(io_sigset, ss_len) == size_of::<usize>());
};

/// The layouts that only a 32-bit process uses.
#[cfg(target_pointer_width = "32")]
const _: () = {
    use core::mem::{offset_of, size_of};

    assert!(size_of::<timespec64>() == 16);
    assert!(offset_of!(timespec64, tv_nsec) == if cfg!(target_endian = "big") { 12 } else { 8 });
    assert!(size_of::<io_sigset_64>() == 16 && size_of::<io_sigset_32>() == 16);
    assert!(size_of::<io_sigset_compat>() == 12);
    assert!(offset_of!(io_sigset_compat, ss) == if cfg!(target_endian = "big") { 4 } else { 0 });
    assert!(offset_of!(io_sigset_compat, ss_len) == 8);
};
