//! Telling the program: `struct sigevent`.

use core::ffi::{c_int, c_void};
use core::mem::transmute;
use core::ptr;

use super::slot::{Kind, Notification};
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicU32, AtomicUsize};
use crate::sys::errno::Errno;
use crate::sys::notifications;
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
        Kind::None | Kind::Collection => Ok(()),
        Kind::Signal => send(notification, None),
        Kind::ThreadSignal => send(notification, Some(notification.thread)),
        Kind::Call => call(notification, calls),
    }
}

fn send(notification: &Notification, thread: Option<c_int>) -> Result<(), Untold> {
    match notifications::send(notification.signal, thread, notification.value) {
        Ok(()) => Ok(()),
        Err(Errno::EAGAIN) => Err(Untold::ForNow),
        Err(_) => Err(Untold::ForGood),
    }
}

/// How many calls there may be that new threads have not begun. The models have one.
const CALLS: usize = if cfg!(loom) { 1 } else { 64 };

/// Calls that new threads have not begun. All zero: none.
#[repr(C)]
pub(crate) struct Calls([Call; CALLS]);

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
    let argument: *mut c_void = ptr::from_ref(call).cast_mut().cast();
    // SAFETY: the attributes are the program's; the calls stay.
    let failure = unsafe { notifications::start_thread(notification.attributes, main, argument) };
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

/// What the new thread runs: the program's function, with no signal blocked.
extern "C" fn main(argument: *mut c_void) -> *mut c_void {
    // SAFETY: `call` gave it.
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
