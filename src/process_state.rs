//! The one piece of writable memory that the library has: what it knows of this process.
//!
//! It is zero at the start, and it is zero again in a forked child, however the child was made: the
//! kernel wipes it (`MADV_WIPEONFORK`, Linux 4.14). So a child knows none of its parent's contexts.
//! Where the kernel cannot do that, contexts are not registered, and every call is a system call.

use crate::configuration;
#[cfg(feature = "threads")]
use crate::engine::threads::Threads;
use crate::proven_pages::ProvenPages;
use crate::registry::Registry;
use crate::sync::AtomicU32;
use crate::sync::Ordering::Relaxed;
use crate::sys::memory;

/// See the module. Aligned to the largest page that the architecture has, so that the pages that are
/// wiped hold nothing else.
#[repr(C)]
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
pub struct ProcessState {
    /// The contexts.
    pub registry: Registry,
    /// Pages that a timeout may be read from.
    pub readable: ProvenPages,
    /// Pages that events may be written to.
    pub writable: ProvenPages,
    /// The engine that needs no kernel AIO.
    #[cfg(feature = "threads")]
    pub threads: Threads,
    /// Whether contexts are registered: 0: not asked yet, [`YES`] or [`NO`].
    registers: AtomicU32,
}

const YES: u32 = 1;
const NO: u32 = 2;

/// In `libaio.a` each function is a member of its own, and all of them must share one state. So it is
/// a member too, and the functions refer to it by a name that the Makefile gives it.
#[cfg(not(test))]
#[unsafe(export_name = "libaio_process_state_storage")]
static STORAGE: ProcessState = ProcessState::empty();

#[cfg(not(test))]
unsafe extern "C" {
    /// The state of this process.
    #[link_name = "libaio_process_state"]
    pub safe static STATE: ProcessState;
}

/// The state of this process.
#[cfg(test)]
pub static STATE: ProcessState = ProcessState::empty();

impl ProcessState {
    const fn empty() -> ProcessState {
        // SAFETY: zero is the empty state of every part.
        unsafe { core::mem::MaybeUninit::zeroed().assume_init() }
    }

    /// Finds out whether contexts are to be registered, before the first one is made.
    #[inline]
    pub fn prepare(&self) {
        // Relaxed: threads that ask at the same time come to the same answer.
        if self.registers.load(Relaxed) == 0 {
            self.decide();
        }
    }

    /// Makes a context known that `io_setup` gave, unless the environment or the kernel forbids, or
    /// this is a child that a signal handler forked since [`ProcessState::prepare`].
    pub fn register(&self, address: usize) {
        // Relaxed: it was written by this thread, or wiped.
        let is_ours = || self.registers.load(Relaxed) == YES;
        if is_ours() {
            self.registry.insert(address, is_ours);
        }
    }

    #[cold]
    fn decide(&self) {
        let reaps = configuration::reaps_in_user_space() && memory::wipe_on_fork(self);
        let registers = if reaps { YES } else { NO };
        self.registers.store(registers, Relaxed);
    }
}
