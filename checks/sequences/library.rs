//! The library under test, called by its C interface. What a mistake would change goes through here.

use std::ffi::{CStr, CString, c_int, c_long, c_void};
use std::path::Path;

use crate::lies::Lies;

/// `struct iocb`, field by field as the kernel has it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Iocb {
    pub data: u64,
    pub key: u32,
    pub rw_flags: u32,
    pub opcode: u16,
    pub priority: i16,
    pub fd: i32,
    pub buffer: u64,
    pub bytes: u64,
    pub offset: i64,
    pub reserved: u64,
    pub flags: u32,
    pub resfd: u32,
}

/// `struct io_event`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Event {
    pub data: u64,
    pub obj: u64,
    pub res: i64,
    pub res2: i64,
}

pub struct Wait {
    pub context: usize,
    pub min: c_long,
    pub nr: c_long,
    pub events: usize,
    pub timeout: usize,
    /// `io_pgetevents` with this mask instead of `io_getevents`.
    pub mask: Option<usize>,
}

type Setup = unsafe extern "C" fn(c_int, *mut usize) -> c_int;
type Destroy = unsafe extern "C" fn(usize) -> c_int;
type Submit = unsafe extern "C" fn(usize, c_long, usize) -> c_int;
type Cancel = unsafe extern "C" fn(usize, usize, usize) -> c_int;
type Getevents = unsafe extern "C" fn(usize, c_long, c_long, usize, usize) -> c_int;
type Pgetevents = unsafe extern "C" fn(usize, c_long, c_long, usize, usize, usize) -> c_int;

pub struct Library {
    setup: Setup,
    destroy: Destroy,
    submit: Submit,
    cancel: Cancel,
    getevents: Getevents,
    pgetevents: Pgetevents,
    lies: Lies,
}

/// A function of the library, by its version: without one, some of the C library's would be those of `LIBAIO_0.1`, which
/// have other parameters.
///
/// # Safety
/// `F` is the function's type.
unsafe fn find<F: Copy>(handle: *mut c_void, name: &CStr, version: &CStr) -> F {
    // SAFETY: both are strings, and the handle is open.
    let address = unsafe { libc::dlvsym(handle, name.as_ptr(), version.as_ptr()) };
    assert!(!address.is_null(), "{name:?}@{version:?} is there");
    // SAFETY: as the caller promises; a function's address has the size of a pointer.
    unsafe { std::mem::transmute_copy(&address) }
}

/// Makes a call, and says what it returned and whether it left `errno` alone.
fn call(function: impl FnOnce() -> c_int) -> i64 {
    const ERRNO: c_int = 4242;
    // SAFETY: it is this thread's.
    unsafe { *libc::__errno_location() = ERRNO };
    let result = function();
    // SAFETY: as above.
    let errno = unsafe { *libc::__errno_location() };
    assert_eq!(errno, ERRNO, "errno does not change");
    result.into()
}

impl Library {
    pub fn load(path: &Path, lies: Lies) -> Library {
        let path =
            CString::new(path.as_os_str().as_encoded_bytes()).expect("a path has no zero byte");
        // SAFETY: the library has no start-up work but a look at the environment.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        assert!(!handle.is_null(), "{path:?} can be loaded");
        // SAFETY: these are the types of the functions, but that addresses are numbers here.
        unsafe {
            Library {
                setup: find(handle, c"io_setup", c"LIBAIO_0.4"),
                destroy: find(handle, c"io_destroy", c"LIBAIO_0.4"),
                submit: find(handle, c"io_submit", c"LIBAIO_0.1"),
                cancel: find(handle, c"io_cancel", c"LIBAIO_0.4"),
                getevents: find(handle, c"io_getevents", c"LIBAIO_0.4"),
                pgetevents: find(handle, c"io_pgetevents", c"LIBAIO_0.5"),
                lies,
            }
        }
    }

    pub fn setup(&self, nr: c_int, context: &mut usize) -> i64 {
        // SAFETY: the context is there to be written.
        call(|| unsafe { (self.setup)(nr, context) })
    }

    pub fn destroy(&self, context: usize) -> i64 {
        // SAFETY: any number may be given.
        call(|| unsafe { (self.destroy)(context) })
    }

    /// Submits the requests whose addresses lie at `array`, of which the first `known` may be looked at.
    pub fn submit(&self, context: usize, nr: c_long, array: usize, known: &[usize]) -> i64 {
        self.lies.before_submit(known);
        // SAFETY: what the addresses name stays until the process ends.
        let result = call(|| unsafe { (self.submit)(context, nr, array) });
        self.lies.submitted(result, known)
    }

    pub fn cancel(&self, context: usize, iocb: usize, result: usize) -> i64 {
        // SAFETY: any address may be given.
        let result = call(|| unsafe { (self.cancel)(context, iocb, result) });
        self.lies.cancelled(result)
    }

    /// Waits for events, and says how many lie at `wait.events`.
    pub fn wait(&self, wait: &Wait) -> i64 {
        let Wait {
            context,
            min,
            nr,
            events,
            timeout,
            mask,
        } = *wait;
        // SAFETY: there is room for `nr` events, or the address is bad.
        let result = call(|| unsafe {
            match mask {
                None => (self.getevents)(context, min, nr, events, timeout),
                Some(mask) => (self.pgetevents)(context, min, nr, events, timeout, mask),
            }
        });
        self.lies.waited(result, events as *mut Event)
    }
}
