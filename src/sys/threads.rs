//! System calls for threads: starting them, letting them sleep, and signals.

use core::ffi::{c_int, c_long, c_void};
use core::mem::MaybeUninit;
use core::ptr;

use super::{files, keep_errno, keep_errno_long};
use crate::abi::timespec;
use crate::sync::AtomicU32;

/// Bytes of the kernel's signal set.
const SIGSET_SIZE: usize = 8;

/// Enough for what helpers do; they call nothing of the program's.
const STACK: usize = 128 * 1024;

/// Nanoseconds of the monotonic clock.
pub fn now() -> i64 {
    let mut now = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the structure has room; this clock is always there.
    let now = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, now.as_mut_ptr());
        now.assume_init()
    };
    (now.tv_sec as i64) * 1_000_000_000 + now.tv_nsec as i64
}

fn as_timespec(nanoseconds: i64) -> timespec {
    timespec {
        tv_sec: (nanoseconds / 1_000_000_000) as c_long,
        tv_nsec: (nanoseconds % 1_000_000_000) as c_long,
    }
}

/// Sleeps while `word` is `value`, until `deadline` on the monotonic clock. 0, or `-EINTR`, `-ETIMEDOUT`,
/// `-EAGAIN`. With a deadline a signal handler always ends it, whatever SA_RESTART says (`signal(7)`).
pub fn sleep_until(word: &AtomicU32, value: u32, deadline: i64) -> c_int {
    const WAIT: c_int = libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG;
    // FUTEX_BITSET_MATCH_ANY of <linux/futex.h>.
    const ANY_WAKER: usize = u32::MAX as usize;
    let deadline = as_timespec(deadline);
    // SAFETY: the word and the deadline outlive the call.
    keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            c_long::from(WAIT),
            value as usize,
            ptr::from_ref(&deadline),
            ptr::null::<c_void>(),
            ANY_WAKER,
        )
    })
}

/// Wakes up to `count` of those who sleep on `word`.
pub fn wake(word: &AtomicU32, count: u32) {
    // SAFETY: the address is used as a name only.
    keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            c_long::from(libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG),
            count as usize,
        )
    });
}

/// Sleeps for `nanoseconds` at most, or until `fd` (negative: none) is readable, with the signal mask `mask`.
/// -EINTR if a handler has run.
///
/// # Safety
/// `mask` can be read.
pub unsafe fn poll_with_mask(fd: c_int, nanoseconds: i64, mask: *const libc::sigset_t) -> c_int {
    let mut one = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    let timeout = as_timespec(nanoseconds);
    // SAFETY: the structures outlive the call.
    keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_ppoll,
            ptr::from_mut(&mut one),
            usize::from(fd >= 0),
            ptr::from_ref(&timeout),
            mask,
            SIGSET_SIZE,
        )
    })
}

/// Starts a detached thread with a small stack and all signals blocked. False if there can be none.
pub fn start(main: extern "C" fn(*mut c_void) -> *mut c_void) -> bool {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    // SAFETY: all structures have room; errno is this thread's. The signals that glibc needs for setuid
    // and cancellation stay unblocked, because it leaves them out of the set.
    unsafe {
        let errno = libc::__errno_location();
        let errno_before = *errno;
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        libc::pthread_attr_init(attributes.as_mut_ptr());
        libc::pthread_attr_setdetachstate(attributes.as_mut_ptr(), libc::PTHREAD_CREATE_DETACHED);
        libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), STACK);
        let create = libc::pthread_create;
        let mut result = create(
            thread.as_mut_ptr(),
            attributes.as_ptr(),
            main,
            ptr::null_mut(),
        );
        if result == libc::EINVAL {
            // The program's thread-local variables need more than that.
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            libc::pthread_attr_init(attributes.as_mut_ptr());
            libc::pthread_attr_setdetachstate(
                attributes.as_mut_ptr(),
                libc::PTHREAD_CREATE_DETACHED,
            );
            result = create(
                thread.as_mut_ptr(),
                attributes.as_ptr(),
                main,
                ptr::null_mut(),
            );
        }
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
        *errno = errno_before;
        result == 0
    }
}

/// Lets `drain` run at the normal end of the process, or when a plug-in that contains the library is unloaded.
pub fn at_exit(drain: extern "C" fn(*mut c_void)) {
    unsafe extern "C" {
        fn __cxa_atexit(
            call: extern "C" fn(*mut c_void),
            argument: *mut c_void,
            object: *const c_void,
        ) -> c_int;
        /// The shared object or program that this code is part of.
        static __dso_handle: *const c_void;
    }
    // SAFETY: the handle's address is the identity, and the code is in the object that it names.
    unsafe { __cxa_atexit(drain, ptr::null_mut(), (&raw const __dso_handle).cast()) };
}

/// Gives the calling thread a name that `ps` shows.
pub fn set_name() {
    let name = c"libaio";
    // SAFETY: the name ends with a zero.
    keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_prctl,
            c_long::from(libc::PR_SET_NAME),
            name.as_ptr(),
        )
    });
}

/// The calling process.
pub fn process() -> c_int {
    // SAFETY: it only asks.
    keep_errno(|| unsafe { libc::syscall(libc::SYS_getpid) })
}

/// Whether this thread may give itself real-time I/O priority: CAP_SYS_ADMIN or CAP_SYS_NICE.
pub fn may_raise_priority() -> bool {
    /// `struct __user_cap_header_struct`, version 3.
    #[repr(C)]
    struct Header {
        version: u32,
        pid: c_int,
    }
    const VERSION_3: u32 = 0x2008_0522;
    const SYS_ADMIN: u32 = 1 << 21;
    const SYS_NICE: u32 = 1 << 23;
    let header = Header {
        version: VERSION_3,
        pid: 0,
    };
    // Two of effective, permitted, inheritable.
    let mut sets = [0u32; 6];
    // SAFETY: the structures have the sizes of version 3.
    let result = keep_errno(|| unsafe {
        libc::syscall(libc::SYS_capget, ptr::from_ref(&header), sets.as_mut_ptr())
    });
    let [effective, ..] = sets;
    result == 0 && effective & (SYS_ADMIN | SYS_NICE) != 0
}

/// `epoll_create1(2)`, closed on exec.
pub fn make_poller() -> c_int {
    // SAFETY: no memory is involved.
    files::out_of_the_way(keep_errno(|| unsafe {
        libc::syscall(libc::SYS_epoll_create1, c_long::from(libc::EPOLL_CLOEXEC))
    }))
}

/// Lets the poller watch `fd` once, under a number of the caller's.
pub fn watch(poller: c_int, fd: c_int, events: u32, number: u64) -> c_int {
    let mut event = libc::epoll_event {
        events: events | libc::EPOLLONESHOT as u32,
        u64: number,
    };
    control(poller, libc::EPOLL_CTL_ADD, fd, &mut event)
}

/// Lets the poller watch `fd` no more. False if it did not.
pub fn forget(poller: c_int, fd: c_int) -> bool {
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    control(poller, libc::EPOLL_CTL_DEL, fd, &mut event) == 0
}

fn control(poller: c_int, command: c_int, fd: c_int, event: &mut libc::epoll_event) -> c_int {
    // SAFETY: the structure outlives the call.
    keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_epoll_ctl,
            c_long::from(poller),
            c_long::from(command),
            c_long::from(fd),
            ptr::from_mut(event),
        )
    })
}

/// Waits for what the poller watches, for `milliseconds` at most. Number and events, if there was one.
pub fn next_ready(poller: c_int, milliseconds: c_int) -> Result<Option<(u64, u32)>, c_int> {
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    // SAFETY: there is room for one event.
    let result = keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait,
            c_long::from(poller),
            ptr::from_mut(&mut event),
            c_long::from(1),
            c_long::from(milliseconds),
            ptr::null::<c_void>(),
            SIGSET_SIZE,
        )
    });
    match result {
        1 => Ok(Some((event.u64, event.events))),
        result if result < 0 && result != -libc::EINTR => Err(result),
        _ => Ok(None),
    }
}

/// An eventfd with a count of 0, or `-errno`.
pub fn make_eventfd() -> c_int {
    // SAFETY: no memory is involved.
    files::out_of_the_way(keep_errno(|| unsafe {
        libc::syscall(
            libc::SYS_eventfd2,
            0usize,
            c_long::from(libc::EFD_CLOEXEC | libc::EFD_NONBLOCK),
        )
    }))
}

/// Sets an eventfd's count to 0.
pub fn drain_eventfd(fd: c_int) {
    let mut count = 0u64;
    // SAFETY: 8 bytes are there.
    keep_errno_long(|| unsafe {
        libc::syscall(
            libc::SYS_read,
            c_long::from(fd),
            ptr::from_mut(&mut count),
            8usize,
        )
    });
}
