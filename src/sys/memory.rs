//! Mappings, and what becomes of them in a forked child.

use core::ffi::{c_long, c_void};
use core::ptr;

use super::errno;

/// The size of the smallest page of any architecture. Every page begins at a multiple of it.
pub(crate) const PAGE: usize = 4096;

/// Where a page is looked for first in a table of `1 << log2` places. Fibonacci hashing: pages at
/// any regular distance, as rings and arrays are, are spread over the table.
#[inline(always)]
pub(crate) fn first_place(address: usize, log2: u32) -> usize {
    #[cfg(target_pointer_width = "64")]
    const GOLDEN: usize = 0x9e37_79b9_7f4a_7c15;
    #[cfg(target_pointer_width = "32")]
    const GOLDEN: usize = 0x9e37_79b9;
    (address / PAGE).wrapping_mul(GOLDEN) >> (usize::BITS - log2)
}

/// Takes no room, and lets what it is a part of begin and end with pages of its own: it is aligned to the
/// largest page that the architecture has.
#[cfg_attr(
    any(
        target_arch = "x86_64",
        target_arch = "x86",
        target_arch = "arm",
        target_arch = "s390x",
        target_arch = "riscv64"
    ),
    repr(align(4096))
)]
#[cfg_attr(
    not(any(
        target_arch = "x86_64",
        target_arch = "x86",
        target_arch = "arm",
        target_arch = "s390x",
        target_arch = "riscv64"
    )),
    repr(align(65536))
)]
#[repr(C)]
pub(crate) struct OwnPages([u8; 0]);

/// `MADV_WIPEONFORK` of `madvise(2)`, which the libc crate of Debian 12, 0.2.139, does not have.
const MADV_WIPEONFORK: c_long = 18;

/// `madvise(2)`. `start` is the beginning of a page.
fn advise(start: *const c_void, length: usize, advice: c_long) -> bool {
    // SAFETY: the callers' kinds of advice change nothing in this process.
    errno::result(|| unsafe { libc::syscall(libc::SYS_madvise, start, length, advice) }).is_ok()
}

/// Asks the kernel to fill the pages of `memory` with zeroes in every forked child. False where it
/// does not know how (before Linux 4.14).
pub(crate) fn wipe_on_fork<T>(memory: &T) -> bool {
    advise(
        ptr::from_ref(memory).cast(),
        size_of::<T>(),
        MADV_WIPEONFORK,
    )
}

/// Whether the system accepts even an advice that does not exist, so that its yes means nothing.
#[cfg(feature = "threads")]
pub(crate) fn takes_any_advice() -> bool {
    const NO_SUCH_ADVICE: c_long = 0x7fff;
    let here = 0u8;
    let page = ptr::from_ref(&here).map_addr(|address| address & !(PAGE - 1));
    advise(page.cast(), PAGE, NO_SUCH_ADVICE)
}

/// What [`map`] maps: private memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Map {
    /// Addresses that cannot be used: at the given one if that is free, or anywhere.
    Reserve,
    /// Readable and writable zeroes, at the given address if that is free.
    InPlace,
}

/// `mmap(2)`. None if it fails, or gives another address than was asked for, as before Linux 4.17,
/// which takes an address as a wish.
///
/// # Safety
/// Nothing may rely on the range at `address` being unmapped.
pub(crate) unsafe fn map(address: *mut c_void, length: usize, map: Map) -> Option<*mut c_void> {
    let (protection, flags) = match map {
        Map::Reserve => (libc::PROT_NONE, 0),
        Map::InPlace => (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_FIXED_NOREPLACE,
        ),
    };
    let flags = flags | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let mapped = errno::preserve(|| {
        // SAFETY: without MAP_FIXED nothing that is mapped is touched.
        unsafe { libc::mmap(address, length, protection, flags, -1, 0) }
    });
    if mapped == libc::MAP_FAILED {
        return None;
    }
    if !address.is_null() && mapped != address {
        // SAFETY: just mapped, and nobody knows of it.
        unsafe { unmap(mapped, length) };
        return None;
    }
    Some(mapped)
}

/// Moves a mapping over another one of the same length.
///
/// # Safety
/// Nobody else uses either range.
pub(crate) unsafe fn move_mapping(from: *mut c_void, length: usize, to: *mut c_void) -> bool {
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    // An address that is cut to an `int` still tells success from failure.
    // SAFETY: the caller owns both ranges.
    errno::result(|| unsafe {
        libc::syscall(
            libc::SYS_mremap,
            from,
            length,
            length,
            c_long::from(flags),
            to,
        )
    })
    .is_ok()
}

/// `munmap(2)`.
///
/// # Safety
/// Nobody uses the range any more.
pub(crate) unsafe fn unmap(start: *mut c_void, length: usize) {
    // SAFETY: the caller says so.
    let _ = errno::result(|| unsafe { libc::syscall(libc::SYS_munmap, start, length) });
}

/// Maps zeroes at two addresses: what is written at one of them is read at the other.
#[cfg(feature = "threads")]
pub(crate) fn map_twice(length: usize) -> Option<(*mut c_void, *mut c_void)> {
    let first = map_new(length, libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1)?;
    if let Some(second) = map_again(first, length) {
        return Some((first, second));
    }
    // SAFETY: just mapped.
    unsafe { unmap(first, length) };
    map_file_twice(length)
}

/// For systems that cannot duplicate a mapping, such as qemu-user: maps a file without a name
/// twice.
#[cfg(feature = "threads")]
#[cold]
fn map_file_twice(length: usize) -> Option<(*mut c_void, *mut c_void)> {
    let name = c"libaio";
    // SAFETY: the name ends with a zero.
    let file = errno::result(|| unsafe {
        libc::syscall(
            libc::SYS_memfd_create,
            name.as_ptr(),
            libc::MFD_CLOEXEC as usize,
        )
    })
    .ok()?;
    let resized = errno::result(|| {
        // SAFETY: the file is this function's.
        unsafe { libc::syscall(libc::SYS_ftruncate, c_long::from(file), length) }
    });
    let map = || {
        resized
            .is_ok()
            .then(|| map_new(length, libc::MAP_SHARED, file))
            .flatten()
    };
    let both = map().and_then(|first| match map() {
        Some(second) => Some((first, second)),
        None => {
            // SAFETY: just mapped.
            unsafe { unmap(first, length) };
            None
        }
    });
    super::files::close(file);
    both
}

/// Maps zeroes that take memory as they are written.
#[cfg(feature = "threads")]
pub(crate) fn map_zeroes(length: usize) -> Option<*mut c_void> {
    let kind = libc::MAP_PRIVATE | libc::MAP_NORESERVE | libc::MAP_ANONYMOUS;
    map_new(length, kind, -1)
}

#[cfg(feature = "threads")]
fn map_new(length: usize, kind: i32, file: i32) -> Option<*mut c_void> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping touches nothing.
    let mapped = errno::preserve(|| unsafe {
        libc::mmap(ptr::null_mut(), length, protection, kind, file, 0)
    });
    (mapped != libc::MAP_FAILED).then_some(mapped)
}

/// A second address for a shared mapping (`mremap(2)` with an old size of 0).
#[cfg(feature = "threads")]
fn map_again(mapping: *mut c_void, length: usize) -> Option<*mut c_void> {
    let second = errno::preserve(|| {
        // SAFETY: a new mapping touches nothing.
        unsafe { libc::mremap(mapping, 0, length, libc::MREMAP_MAYMOVE) }
    });
    (second != libc::MAP_FAILED).then_some(second)
}

#[cfg(all(test, not(miri), not(loom)))]
mod tests {
    use super::*;

    /// How many pages of address space this process uses, with its emulator.
    fn used() -> u64 {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').next().unwrap().parse().unwrap()
    }

    #[test]
    fn a_mapping_elsewhere_is_none_and_does_not_stay() {
        const LENGTH: usize = 1 << 20;
        // SAFETY: a new mapping.
        let taken = unsafe { map(ptr::null_mut(), LENGTH, Map::Reserve) }.unwrap();
        let before = used();
        for _ in 0..100 {
            // As with `Map::InPlace` before Linux 4.17: the address is a wish, and is taken.
            // SAFETY: nothing is unmapped that was mapped.
            assert!(unsafe { map(taken, LENGTH, Map::Reserve) }.is_none());
        }
        let grown = used().saturating_sub(before) * PAGE as u64;
        assert!(grown < 50 * LENGTH as u64, "other tests use little");
        // SAFETY: nobody uses it.
        unsafe { unmap(taken, LENGTH) };
    }
}
