//! Which thread this is.

/// A value that tells this thread from every other one: even, and not 0. Processes that share their
/// memory may have the same.
#[inline(always)]
pub(crate) fn current() -> usize {
    // The thread pointer, which is what `pthread_self` gives, without a call.
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(miri)))]
    // SAFETY: the ABI keeps the thread pointer's own value there.
    unsafe {
        let thread: usize;
        core::arch::asm!("mov {}, fs:[0]", out(reg) thread, options(nostack, preserves_flags, pure, readonly));
        thread
    }
    #[cfg(all(target_arch = "x86", not(miri)))]
    // SAFETY: as above.
    unsafe {
        let thread: usize;
        core::arch::asm!("mov {}, gs:[0]", out(reg) thread, options(nostack, preserves_flags, pure, readonly));
        thread
    }
    #[cfg(any(
        miri,
        not(any(
            all(target_arch = "x86_64", target_pointer_width = "64"),
            target_arch = "x86"
        ))
    ))]
    // SAFETY: it may be called at any time, from signal handlers too.
    unsafe {
        libc::pthread_self() as usize
    }
}
