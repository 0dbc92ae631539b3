//! What `struct sigevent` asks for: a signal with a value, and a thread that calls a function.

use core::ffi::{c_int, c_long, c_void};
use core::mem::MaybeUninit;
use core::ptr;

use super::errno::{self, Errno, result};
use super::process;

/// `siginfo_t` of a signal that a process sends with a value.
#[repr(C)]
struct Info {
    signal: c_int,
    error: c_int,
    code: c_int,
    #[cfg(target_pointer_width = "64")]
    _padding: c_int,
    process: c_int,
    user: u32,
    value: usize,
    /// The kernel reads 128 bytes.
    _rest: [u64; 13],
}

const _: () = assert!(size_of::<Info>() >= 128);

/// SI_ASYNCIO of `<bits/siginfo-consts.h>`.
const ASYNCHRONOUS: c_int = -4;

/// Sends a signal with a value to this process, or to one of its threads: a request of asynchronous I/O has
/// ended. EAGAIN: there is no room for it.
pub(crate) fn send(signal: c_int, thread: Option<c_int>, value: usize) -> Result<(), Errno> {
    // SAFETY: it only asks, and never fails.
    let user = unsafe { libc::syscall(GETUID) } as u32;
    let info = Info {
        signal,
        error: 0,
        code: ASYNCHRONOUS,
        #[cfg(target_pointer_width = "64")]
        _padding: 0,
        process: process::id(),
        user,
        value,
        _rest: [0; 13],
    };
    let (own, signal) = (c_long::from(info.process), c_long::from(info.signal));
    // SAFETY: the structure is there.
    let sent = result(|| unsafe {
        match thread {
            None => libc::syscall(libc::SYS_rt_sigqueueinfo, own, signal, ptr::from_ref(&info)),
            Some(thread) => libc::syscall(
                libc::SYS_rt_tgsigqueueinfo,
                own,
                c_long::from(thread),
                signal,
                ptr::from_ref(&info),
            ),
        }
    });
    sent.map(drop)
}

#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
use libc::SYS_getuid as GETUID;
#[cfg(any(target_arch = "x86", target_arch = "arm"))]
use libc::SYS_getuid32 as GETUID;

/// What a new thread runs.
pub(crate) type Main = extern "C" fn(*mut c_void) -> *mut c_void;

/// `pthread_create(3)`: 0 or an error number. Without attributes the thread is detached.
///
/// # Safety
/// The attributes are 0 or the address of some that are there; `main` may be called with `argument`.
pub(crate) unsafe fn start_thread(attributes: usize, main: Main, argument: *mut c_void) -> c_int {
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    // SAFETY: the attributes are the program's, or made here.
    errno::preserve(|| unsafe {
        if attributes != 0 {
            let attributes: *const libc::pthread_attr_t = ptr::with_exposed_provenance(attributes);
            return libc::pthread_create(thread.as_mut_ptr(), attributes, main, argument);
        }
        let mut detached = MaybeUninit::<libc::pthread_attr_t>::uninit();
        libc::pthread_attr_init(detached.as_mut_ptr());
        libc::pthread_attr_setdetachstate(detached.as_mut_ptr(), libc::PTHREAD_CREATE_DETACHED);
        let failure = libc::pthread_create(thread.as_mut_ptr(), detached.as_ptr(), main, argument);
        libc::pthread_attr_destroy(detached.as_mut_ptr());
        failure
    })
}
