//! An exchange that a forked child does not make.
//!
//! A signal handler may fork at any instruction, and return in the child too. The child then goes on
//! with its parent's ring, which it shares. The library's memory is wiped there. So what is compared
//! with `head` is made, in the last instruction before the exchange, with a value from that
//! memory: in a child it is then something that `head` never is.

use crate::abi::aio_ring;
use crate::sync::AtomicU32;
use crate::sync::Ordering::{self, Relaxed};

/// Whether a thread of this process is at the ring: [`OURS`], or 0 in a child, whatever contexts that
/// has made for itself meanwhile.
#[derive(Default)]
#[repr(transparent)]
pub(crate) struct Ours(AtomicU32);

/// No `head` has this bit: a ring has at most 2^24 slots.
const OURS: u32 = 1 << 31;

impl Ours {
    /// Said by a reaper that has entered the gate, before it looks whether the context is live: in a
    /// child that was forked before this, it is not.
    #[inline(always)]
    pub(crate) fn set(&self) {
        // Relaxed: only this thread, and a child of it, reads it.
        self.0.store(OURS, Relaxed);
        #[cfg(not(loom))]
        core::sync::atomic::compiler_fence(Ordering::SeqCst);
    }

    /// Said when it leaves.
    #[inline(always)]
    pub(crate) fn clear(&self) {
        // Relaxed: as above. The gate hands it on.
        self.0.store(0, Relaxed);
    }

    /// Stores `new` in `head` if that is `expected`, and this is not a child; except in a child that
    /// was forked between the last two instructions.
    #[inline(always)]
    pub(crate) fn exchange(
        &self,
        ring: &aio_ring,
        expected: u32,
        new: u32,
        success: Ordering,
    ) -> bool {
        #[cfg(all(any(target_arch = "x86_64", target_arch = "x86"), not(any(loom, miri))))]
        {
            // A compiler would put the load first, and other instructions in between. A locked
            // instruction has every ordering.
            let _ = success;
            let is_done: u8;
            // SAFETY: both words are there, and are changed by atomic instructions only.
            unsafe {
                core::arch::asm!(
                    "xor eax, dword ptr [{ours}]",
                    "lock cmpxchg dword ptr [{head}], {new:e}",
                    "sete {is_done}",
                    ours = in(reg) self.0.as_ptr(),
                    head = in(reg) ring.head.as_ptr(),
                    new = in(reg) new,
                    is_done = lateout(reg_byte) is_done,
                    inout("eax") expected ^ OURS => _,
                    options(nostack),
                );
            }
            is_done != 0
        }
        #[cfg(not(all(any(target_arch = "x86_64", target_arch = "x86"), not(any(loom, miri)))))]
        {
            // Relaxed: this thread has set it, or it is wiped.
            let expected = (expected ^ OURS) ^ self.0.load(Relaxed);
            ring.head
                .compare_exchange(expected, new, success, Relaxed)
                .is_ok()
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::sync::Ordering::SeqCst;

    #[test]
    fn only_a_reaper_of_this_process_exchanges() {
        let ours = Ours::default();
        // SAFETY: zero is a ring's header.
        let ring: aio_ring = unsafe { core::mem::zeroed() };
        let head = || ring.head.load(Relaxed);
        ring.head.store(7, Relaxed);
        assert!(!ours.exchange(&ring, 7, 8, SeqCst));
        assert_eq!(head(), 7);
        ours.set();
        assert!(!ours.exchange(&ring, 6, 8, SeqCst), "another value");
        assert!(ours.exchange(&ring, 7, 8, SeqCst));
        assert_eq!(head(), 8);
        assert!(ours.exchange(&ring, 8, 0, SeqCst));
        assert!(ours.exchange(&ring, 0, (1 << 25) - 1, SeqCst));
        assert_eq!(head(), (1 << 25) - 1);
        ours.clear();
        assert!(!ours.exchange(&ring, (1 << 25) - 1, 0, SeqCst), "it left");
    }
}
