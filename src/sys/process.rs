//! The process: its threads, its end, and what it may do.

use core::ffi::{c_int, c_long, c_void};
use core::mem::MaybeUninit;
use core::ptr;

use super::errno::{self, Errno, result};
use super::signals::Signals;
use super::{loaded_objects, scheduling, status};

/// Enough for what helpers do; they call nothing of the program's. Its thread-local variables come on
/// top.
const STACK: usize = 128 * 1024;

/// The stack of a thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stack {
    /// Enough for the library.
    Small,
    /// As large as a thread of the program has, which is what it is to be.
    Ordinary,
}

/// Something that a thread of the library does, or that is done at the end of the process.
pub(crate) trait Run {
    /// Does it.
    fn run(&self);
}

unsafe extern "C" {
    /// The addresses of `pthread_create` and `pthread_attr_setstacksize`, or 0: before glibc 2.34
    /// they are in a library of their own, which not every program loads. And that of
    /// `__cxa_at_quick_exit`, or 0. The Makefile makes it.
    #[cfg(not(test))]
    #[link_name = "libaio_thread_functions"]
    safe static THREAD_FUNCTIONS: [usize; 3];
}

/// What a thread runs.
type Main = extern "C" fn(*mut c_void) -> *mut c_void;
/// `pthread_create`
type Create = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    Main,
    *mut c_void,
) -> c_int;
/// `pthread_attr_setstacksize`
type SetStackSize = unsafe extern "C" fn(*mut libc::pthread_attr_t, usize) -> c_int;

/// The functions that start a thread, if this program has them.
fn thread_functions() -> Option<(Create, SetStackSize)> {
    #[cfg(test)]
    return Some((libc::pthread_create, libc::pthread_attr_setstacksize));
    #[cfg(not(test))]
    match THREAD_FUNCTIONS {
        [0, _, _] | [_, 0, _] => None,
        // SAFETY: they are the functions, which have these types.
        [create, set_stack_size, _] => Some(unsafe {
            (
                core::mem::transmute::<usize, Create>(create),
                core::mem::transmute::<usize, SetStackSize>(set_stack_size),
            )
        }),
    }
}

/// Starts a detached thread with its signals blocked, which does `work`, on any processor and by the
/// ordinary policy. False if there can be none. The caller has its signals blocked too: the new thread
/// begins with them.
///
/// # Safety
/// `work` stays as long as the process.
pub(crate) unsafe fn start_thread<R: Run>(work: &R, stack: Stack) -> bool {
    let argument = ptr::from_ref(work).cast_mut().cast();
    // SAFETY: the caller keeps the same promise.
    unsafe { start(main::<R>, argument, stack) }
}

/// The same, of any kind of work.
///
/// # Safety
/// A thread may run `main(argument)` as long as the process.
#[inline(never)]
unsafe fn start(main: Main, argument: *mut c_void, stack: Stack) -> bool {
    let Some(functions) = thread_functions() else {
        return false;
    };
    // SAFETY: the functions are there, and the caller says the rest.
    errno::preserve(|| unsafe {
        // The new thread might never run beside this one, and could not change that itself.
        let own_processors = scheduling::widen();
        let bytes = match stack {
            Stack::Small => Some(STACK + loaded_objects::thread_local_bytes()),
            Stack::Ordinary => None,
        };
        let mut failure = create(functions, main, argument, bytes);
        // EINVAL: the C library wants a larger one.
        if failure == libc::EINVAL {
            failure = create(functions, main, argument, None);
        }
        if let Some(processors) = own_processors {
            processors.take();
        }
        failure == 0
    })
}

/// `pthread_create(3)`: 0 or an error number.
///
/// # Safety
/// A thread may run `main(argument)`.
unsafe fn create(
    (create, set_stack_size): (Create, SetStackSize),
    main: Main,
    argument: *mut c_void,
    stack: Option<usize>,
) -> c_int {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: the structures have room.
    unsafe {
        libc::pthread_attr_init(attributes);
        libc::pthread_attr_setdetachstate(attributes, libc::PTHREAD_CREATE_DETACHED);
        if let Some(stack) = stack {
            set_stack_size(attributes, stack);
        }
        let failure = create(thread.as_mut_ptr(), attributes, main, argument);
        libc::pthread_attr_destroy(attributes);
        failure
    }
}

/// What every thread of the library runs.
extern "C" fn main<R: Run>(work: *mut c_void) -> *mut c_void {
    settle_in();
    // SAFETY: `start_thread` was given it.
    unsafe { &*work.cast::<R>() }.run();
    ptr::null_mut()
}

/// What it does first. `ps` shows its name.
#[inline(never)]
fn settle_in() {
    let name = c"libaio";
    // SAFETY: the name ends with a zero.
    let _ = result(|| unsafe {
        libc::syscall(
            libc::SYS_prctl,
            c_long::from(libc::PR_SET_NAME),
            name.as_ptr(),
        )
    });
    Signals::OF_THE_LIBRARY.set();
    scheduling::be_ordinary();
}

/// What `__cxa_at_quick_exit` calls, with a null pointer.
pub(crate) type AtQuickExit = extern "C" fn(*mut c_void);

/// Lets `work` be done at the normal end of the process, or when a plug-in that contains the
/// library is unloaded; and calls `quick` in a process that ends by `quick_exit(3)`.
///
/// # Safety
/// `work` stays as long as the process.
pub(crate) unsafe fn at_exit<R: Run>(work: &R, quick: AtQuickExit) {
    unsafe extern "C" {
        fn __cxa_atexit(
            call: extern "C" fn(*mut c_void),
            argument: *mut c_void,
            object: *const c_void,
        ) -> c_int;
        /// The shared object or program that this code is part of: its own address, or null in a
        /// program.
        static __dso_handle: *const c_void;
    }
    extern "C" fn call<R: Run>(work: *mut c_void) {
        // SAFETY: `at_exit` was given it.
        unsafe { &*work.cast::<R>() }.run();
    }
    let argument = ptr::from_ref(work).cast_mut().cast();
    let object = (&raw const __dso_handle).cast();
    // SAFETY: the handle's address is the identity, and the code is in the object that it names.
    unsafe { __cxa_atexit(call::<R>, argument, object) };
    at_quick_exit(quick, object);
}

/// As `at_quick_exit(3)`. It names the object because the C library then forgets `quick` when it unloads that: a
/// plug-in that contains `libaio.a`.
fn at_quick_exit(quick: AtQuickExit, object: *const c_void) {
    #[cfg(test)]
    let _ = (quick, object);
    #[cfg(not(test))]
    {
        type Register = unsafe extern "C" fn(AtQuickExit, *const c_void) -> c_int;
        let [.., register] = THREAD_FUNCTIONS;
        if register != 0 {
            // SAFETY: it is the function, which has this type; and the code is in the object.
            unsafe { core::mem::transmute::<usize, Register>(register)(quick, object) };
        }
    }
}

/// The number of the calling thread.
pub(crate) fn thread_id() -> c_int {
    // SAFETY: it only asks, and never fails.
    unsafe { libc::syscall(libc::SYS_gettid) as c_int }
}

/// Whether this process has a thread of that number.
pub(crate) fn has_thread(number: c_int) -> bool {
    // SAFETY: no signal is sent.
    result(|| unsafe {
        libc::syscall(
            libc::SYS_tgkill,
            c_long::from(id()),
            c_long::from(number),
            0usize,
        )
    })
    .is_ok()
}

/// Waits until the kernel has finished with the threads that [`has_thread`] does not find any more.
pub(crate) fn wait_for_ends() {
    // A signal that is none, to this group of processes: it takes the lock under which a thread is
    // forgotten.
    // SAFETY: no signal is sent.
    let _ = result(|| unsafe { libc::syscall(libc::SYS_kill, 0usize, 0usize) });
}

/// How many threads this process has that have not ended. None: there is no `/proc`.
pub(crate) fn threads() -> Option<u32> {
    let mut links = status::links_of(c"/proc/self/task").ok()?.checked_sub(2)?;
    // The first thread stays for the number of the process, but has no memory any more.
    let mut byte = 0u8;
    // SAFETY: the path ends with a zero, and there is room for a byte.
    let program = result(|| unsafe {
        libc::syscall(
            libc::SYS_readlinkat,
            c_long::from(libc::AT_FDCWD),
            c"/proc/self/exe".as_ptr(),
            ptr::from_mut(&mut byte),
            1usize,
        )
    });
    if program == Err(Errno::ENOENT) {
        links = links.saturating_sub(1);
    }
    Some(links)
}

/// The number of the calling process.
pub(crate) fn id() -> c_int {
    // SAFETY: it only asks, and never fails.
    unsafe { libc::syscall(libc::SYS_getpid) as c_int }
}

/// Sends a signal to the calling process.
#[allow(dead_code)] // The interfaces' alone.
pub(crate) fn send_signal(signal: c_int) {
    let (own, signal) = (c_long::from(id()), c_long::from(signal));
    // SAFETY: it is this process that gets it.
    let _ = result(|| unsafe { libc::syscall(libc::SYS_kill, own, signal) });
}

/// Whether this thread may give itself real-time I/O priority: CAP_SYS_ADMIN or CAP_SYS_NICE.
pub(crate) fn may_raise_priority() -> bool {
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
    let done = result(|| unsafe {
        libc::syscall(libc::SYS_capget, ptr::from_ref(&header), sets.as_mut_ptr())
    });
    let [effective, ..] = sets;
    done.is_ok() && effective & (SYS_ADMIN | SYS_NICE) != 0
}
