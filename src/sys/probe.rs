//! Asking the kernel whether memory may be used, where using it could crash.

// The kernel looks at the pointers; nothing here does.
#![allow(clippy::not_unsafe_ptr_arg_deref)]

use core::ffi::{c_long, c_void};

use super::aio::SIGSET_SIZE;
use super::errno::{Errno, result};
use super::memory::PAGE;
#[cfg(feature = "threads")]
use super::proven_pages::ProvenPages;

/// Whether the 8 bytes at `address` can be read.
///
/// `rt_sigprocmask` reads the new set before it finds that no such change (`how`) exists: EFAULT or
/// EINVAL.
#[inline]
pub(crate) fn is_readable(address: *const c_void) -> bool {
    const NO_SUCH_CHANGE: c_long = 0x7fff;
    if address.is_null() {
        return false;
    }
    let nothing: *const c_void = core::ptr::null();
    // SAFETY: the kernel only reads; without a valid change nothing happens.
    let answer = result(|| unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            NO_SUCH_CHANGE,
            address,
            nothing,
            SIGSET_SIZE,
        )
    });
    answer != Err(Errno::EFAULT)
}

/// Whether `length` bytes can be read.
pub(crate) fn are_readable(start: *const c_void, length: usize) -> bool {
    each_page(start, length, is_readable)
}

/// Calls `check` with an address in each page of the range, such that 8 bytes from there lie in it
/// if the range has as many.
fn each_page(start: *const c_void, length: usize, check: fn(*const c_void) -> bool) -> bool {
    if length == 0 {
        return true;
    }
    let (first, last) = (start.addr(), start.addr().wrapping_add(length - 1));
    if last < first {
        return false;
    }
    let mut page = first & !(PAGE - 1);
    loop {
        let address = page.max(first).min(page + (PAGE - 8));
        if !check(start.with_addr(address)) {
            return false;
        }
        if page == last & !(PAGE - 1) {
            return true;
        }
        page += PAGE;
    }
}

/// The word at `address`, which may be unmapped at any moment; None if it cannot be read. The
/// kernel copies it where it allows that.
#[cfg(feature = "threads")]
pub(crate) fn word_at(address: *const u32) -> Option<u32> {
    let mut word = 0u32;
    let to = libc::iovec {
        iov_base: (&raw mut word).cast(),
        iov_len: size_of::<u32>(),
    };
    let from = libc::iovec {
        iov_base: address.cast_mut().cast(),
        iov_len: size_of::<u32>(),
    };
    // SAFETY: there is room for the word.
    let copied = result(|| unsafe {
        libc::syscall(
            libc::SYS_process_vm_readv,
            c_long::from(super::process::id()),
            core::ptr::from_ref(&to),
            1usize,
            core::ptr::from_ref(&from),
            1usize,
            0usize,
        )
    });
    if copied == Ok(size_of::<u32>() as i32) {
        return Some(word);
    }
    // Sandboxes and qemu-user refuse that call. There a readability check just before the load has
    // to suffice.
    let is_there = copied != Err(Errno::EFAULT) && are_readable(address.cast(), size_of::<u32>());
    // SAFETY: the kernel has just read its page.
    is_there.then(|| unsafe { address.read_volatile() })
}

/// Whether `length` bytes can be written. Pages are asked for once, and `proven` has those that
/// can.
#[cfg(feature = "threads")]
pub(crate) fn are_writable(proven: &ProvenPages, start: *const c_void, length: usize) -> bool {
    if length == 0 || proven.contain(start, length) {
        return true;
    }
    if !each_page(start, length, is_writable) {
        return false;
    }
    proven.add(start, length);
    true
}

/// The same of what the program may have changed since an earlier call.
#[cfg(feature = "threads")]
pub(crate) fn are_writable_now(start: *const c_void, length: usize) -> bool {
    each_page(start, length, is_writable)
}

/// Whether the aligned 4 bytes around `address` can be written: a futex operation adds 0 to them.
#[cfg(feature = "threads")]
pub(crate) fn is_writable(address: *const c_void) -> bool {
    // FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0), of <linux/futex.h>.
    const ADD_NOTHING: c_long = 1 << 28;
    const WAKE_OP: c_long = (libc::FUTEX_WAKE_OP | libc::FUTEX_PRIVATE_FLAG) as c_long;
    let word = address.map_addr(|address| address & !3);
    let nobody: c_long = 0;
    // SAFETY: adding 0 atomically changes nothing; nobody waits there for the library.
    let answer = result(|| unsafe {
        libc::syscall(
            libc::SYS_futex,
            word,
            WAKE_OP,
            nobody,
            nobody,
            word,
            ADD_NOTHING,
        )
    });
    answer != Err(Errno::EFAULT)
}
