//! Sleeping, alone or at a word that another thread changes, and the clock.

use core::ffi::c_long;
use core::ptr;

use super::errno;
use crate::abi::timespec;
use crate::sync::AtomicU32;

/// Sleeps for `nanoseconds` (less than a second), unless a signal handler runs.
///
/// It waits at a futex that nobody else knows: sandboxes that refuse other ways to sleep allow
/// that.
pub(crate) fn sleep(nanoseconds: c_long) {
    let word = AtomicU32::new(0);
    let timeout = timespec {
        tv_sec: 0,
        tv_nsec: nanoseconds,
    };
    // SAFETY: the word and the timeout outlive the call.
    let _ = errno::result(|| unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            0,
            ptr::from_ref(&timeout),
        )
    });
}

/// Nanoseconds of the monotonic clock, as the kernel has it: `clock_gettime(3)` may be a preloaded
/// library's, which shows another time, and the kernel would wait for that.
#[allow(clippy::useless_conversion)] // long is 32 or 64 bits wide
pub(crate) fn now() -> i64 {
    let mut now = timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the structure has room; this clock is always there.
    let _ = errno::result(|| unsafe {
        libc::syscall(
            libc::SYS_clock_gettime,
            c_long::from(libc::CLOCK_MONOTONIC),
            ptr::from_mut(&mut now),
        )
    });
    i64::from(now.tv_sec) * 1_000_000_000 + i64::from(now.tv_nsec)
}

/// `nanoseconds`, as the kernel takes them.
#[cfg(feature = "threads")]
#[allow(clippy::useless_conversion)] // as above
pub(crate) fn as_timespec(nanoseconds: i64) -> timespec {
    timespec {
        // A long may have 32 bits.
        tv_sec: (nanoseconds / 1_000_000_000).min(i64::from(c_long::MAX)) as c_long,
        tv_nsec: (nanoseconds % 1_000_000_000) as c_long,
    }
}

/// Sleeps while `word` is `value`, until `deadline` on the monotonic clock. Fails with EINTR,
/// ETIMEDOUT or EAGAIN. With a deadline a signal handler always ends it, whatever SA_RESTART says
/// (`signal(7)`).
#[cfg(feature = "threads")]
pub(crate) fn sleep_until(word: &AtomicU32, value: u32, deadline: i64) -> Result<(), errno::Errno> {
    const WAIT: c_long = (libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG) as c_long;
    // FUTEX_BITSET_MATCH_ANY of <linux/futex.h>.
    const ANY_WAKER: usize = u32::MAX as usize;
    let deadline = as_timespec(deadline);
    // SAFETY: the word and the deadline outlive the call.
    let woken = errno::result(|| unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            WAIT,
            value as usize,
            ptr::from_ref(&deadline),
            ptr::null::<u32>(),
            ANY_WAKER,
        )
    });
    woken.map(drop)
}

/// Wakes up to `count` of the threads that sleep on `word`.
#[cfg(feature = "threads")]
pub(crate) fn wake(word: &AtomicU32, count: u32) {
    woken(word, count);
}

/// The same; how many there were.
#[cfg(feature = "threads")]
pub(crate) fn woken(word: &AtomicU32, count: u32) -> u32 {
    // SAFETY: the kernel uses the address only to find the sleepers.
    let woken = errno::result(|| unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            c_long::from(libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG),
            count as usize,
        )
    });
    woken.unwrap_or(0) as u32
}
