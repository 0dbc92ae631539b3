//! Copying events. The models bring another module of this name, which sees every slot that is
//! copied.

use crate::abi::io_event;

/// Copies events between a ring and a program's array, or within a ring. Bytes are copied, because
/// the array may be misaligned, as for the kernel.
///
/// # Safety
/// `from` has `count` events and `to` has room for them; they do not overlap.
#[inline(always)]
pub(super) unsafe fn copy_events(from: *const io_event, to: *mut io_event, count: u32) {
    let bytes = count as usize * size_of::<io_event>();
    // SAFETY: as the caller promises.
    unsafe { core::ptr::copy_nonoverlapping(from.cast::<u8>(), to.cast::<u8>(), bytes) };
}
