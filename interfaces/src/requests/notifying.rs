//! Telling the program: `struct sigevent`.

use core::ffi::{c_int, c_long, c_void};
use core::mem::{MaybeUninit, transmute};
use core::ptr;

use super::slot::{Kind, Notification};
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::errno::{self, Errno, result};
use crate::sys::process;
use crate::sys::signals::Signals;

/// Why the program was not told.
pub(crate) enum Untold {
    /// There is no room for a signal, or no thread to be had, at the moment.
    ForNow,
    /// There is no such signal or thread.
    ForGood,
}

/// Tells the program. Called by an attendant.
pub(crate) fn tell(notification: &Notification, calls: &'static Calls) -> Result<(), Untold> {
    match notification.kind {
        Kind::None => Ok(()),
        Kind::Signal => send(notification, None),
        Kind::ThreadSignal => send(notification, Some(notification.thread)),
        Kind::Call => call(notification, calls),
    }
}

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

fn send(notification: &Notification, thread: Option<c_int>) -> Result<(), Untold> {
    // SAFETY: it only asks, and never fails.
    let user = unsafe { libc::syscall(GETUID) } as u32;
    let info = Info {
        signal: notification.signal,
        error: 0,
        code: ASYNCHRONOUS,
        #[cfg(target_pointer_width = "64")]
        _padding: 0,
        process: process::id(),
        user,
        value: notification.value,
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
    match sent {
        Ok(_) => Ok(()),
        Err(Errno::EAGAIN) => Err(Untold::ForNow),
        Err(_) => Err(Untold::ForGood),
    }
}

#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
use libc::SYS_getuid as GETUID;
#[cfg(any(target_arch = "x86", target_arch = "arm"))]
use libc::SYS_getuid32 as GETUID;

/// Calls that new threads have not begun. All zero: none.
#[repr(C)]
pub(crate) struct Calls([Call; 64]);

/// One of them.
#[repr(C)]
struct Call {
    is_used: AtomicU32,
    function: AtomicUsize,
    value: AtomicUsize,
}

fn call(notification: &Notification, Calls(calls): &'static Calls) -> Result<(), Untold> {
    // Acquire: pairs with `main`, which has read what was there.
    let is_free = |call: &&Call| call.is_used.swap(1, Acquire) == 0;
    let Some(call) = calls.iter().find(is_free) else {
        return Err(Untold::ForNow);
    };
    call.function.store(notification.function, Relaxed);
    call.value.store(notification.value, Relaxed);
    let failure = errno::preserve(|| create(notification.attributes, call));
    if failure == 0 {
        return Ok(());
    }
    call.is_used.store(0, Release);
    if failure == libc::EAGAIN || failure == libc::ENOMEM {
        Err(Untold::ForNow)
    } else {
        Err(Untold::ForGood)
    }
}

/// `pthread_create(3)`: 0 or an error number.
fn create(attributes: usize, call: &'static Call) -> c_int {
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    let argument: *mut c_void = ptr::from_ref(call).cast_mut().cast();
    // SAFETY: the attributes are the program's, or made here.
    unsafe {
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
    }
}

/// What the new thread runs: the program's function, with no signal blocked.
extern "C" fn main(argument: *mut c_void) -> *mut c_void {
    // SAFETY: `create` was given it.
    let call: &Call = unsafe { &*argument.cast_const().cast() };
    let (function, value) = (call.function.load(Relaxed), call.value.load(Relaxed));
    // Release: pairs with `call`.
    call.is_used.store(0, Release);
    Signals::NONE.set();
    type Function = extern "C" fn(usize);
    // SAFETY: the program named it as a function of a `union sigval`, which is passed as a word.
    let function = unsafe { transmute::<usize, Function>(function) };
    function(value);
    ptr::null_mut()
}
