//! What the environment says, read once.

use core::ffi::{CStr, c_char};

/// `LIBAIO_REAP`: whether events may be taken from the ring without a system call.
///
/// `ring` and anything unknown: yes. `syscall`: no. Under valgrind: no, because its tools learn
/// only from the system call that the events were written. A process that runs with raised
/// privileges ignores the variable (`secure_getenv(3)`).
pub(crate) fn reaps_in_user_space() -> bool {
    let named = |name: &CStr, text: &[u8]| {
        // SAFETY: the name ends with a zero.
        let value = unsafe { secure_getenv(name.as_ptr()) };
        // SAFETY: a value that is not null ends with a zero.
        !value.is_null() && unsafe { contains(value, text) }
    };
    !named(c"LIBAIO_REAP", b"syscall") && !named(c"LD_PRELOAD", b"vgpreload_")
}

/// Which engine makes contexts.
#[cfg(feature = "threads")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Engine {
    /// The kernel's AIO, and threads where there is none: `io_setup` answers ENOSYS, or EPERM from
    /// a sandbox.
    Auto = 1,
    /// As `Auto`, and threads also where `fs.aio-max-nr` is used up.
    AutoAndSpill = 2,
    /// The kernel's AIO only.
    Kernel = 3,
    /// Threads only.
    Threads = 4,
}

/// `LIBAIO_ENGINE`: `auto` (and anything unknown), `auto,spill`, `kernel`, `threads`.
#[cfg(feature = "threads")]
pub(crate) fn engine() -> Engine {
    // SAFETY: the name ends with a zero, and so does a value.
    unsafe { engine_named(secure_getenv(c"LIBAIO_ENGINE".as_ptr())) }
}

/// # Safety
/// `value` is null or ends with a zero.
#[cfg(feature = "threads")]
unsafe fn engine_named(value: *const c_char) -> Engine {
    let named = |text: &[u8]| {
        // SAFETY: a value that is not null ends with a zero.
        !value.is_null() && unsafe { contains(value, text) }
    };
    if named(b"threads") {
        Engine::Threads
    } else if named(b"kernel") {
        Engine::Kernel
    } else if named(b"spill") {
        Engine::AutoAndSpill
    } else {
        Engine::Auto
    }
}

/// `LIBAIO_THREADS`: how many helper threads there may be at a time, 1 to 999.
#[cfg(feature = "threads")]
pub(crate) fn threads_limit() -> u32 {
    // SAFETY: the name ends with a zero, and so does a value.
    unsafe { limit_named(secure_getenv(c"LIBAIO_THREADS".as_ptr())) }
}

/// # Safety
/// `digit` is null or the start of a string that ends with a zero.
#[cfg(feature = "threads")]
unsafe fn limit_named(mut digit: *const c_char) -> u32 {
    /// Enough to keep a fast disk busy; they start only as requests wait.
    const DEFAULT: u32 = 16;
    const MOST: u32 = 999;
    if digit.is_null() {
        return DEFAULT;
    }
    let mut limit = 0;
    loop {
        // SAFETY: nothing before it was the zero at the end.
        let value = (unsafe { *digit } as u8).wrapping_sub(b'0');
        if value > 9 {
            break;
        }
        limit = MOST.min(limit * 10 + u32::from(value));
        digit = digit.wrapping_add(1);
    }
    if limit == 0 { DEFAULT } else { limit }
}

unsafe extern "C" {
    /// `getenv(3)`; null in a process with raised privileges.
    fn secure_getenv(name: *const c_char) -> *const c_char;
}

/// Whether `text` occurs in the string `value`.
///
/// # Safety
/// `value` ends with a zero.
unsafe fn contains(value: *const c_char, text: &[u8]) -> bool {
    let mut start = value;
    loop {
        let mut at = start;
        let mut rest = text.iter();
        loop {
            let Some(&wanted) = rest.next() else {
                return true;
            };
            // SAFETY: nothing before `at` was the zero at the end.
            if unsafe { *at } as u8 != wanted {
                break;
            }
            at = at.wrapping_add(1);
        }
        // SAFETY: as above.
        if unsafe { *start } == 0 {
            return false;
        }
        start = start.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_text_in_a_value() {
        // SAFETY: the literals end with a zero.
        let contains = |value: &CStr, text: &[u8]| unsafe { contains(value.as_ptr(), text) };
        assert!(contains(c"syscall", b"syscall"));
        assert!(contains(c"/lib/vgpreload_core.so:/x", b"vgpreload_"));
        assert!(!contains(c"ring", b"syscall"));
        assert!(!contains(c"", b"syscall"));
        assert!(!contains(c"syscal", b"syscall"));
        assert!(contains(c"sysyscall", b"syscall"));
    }

    #[cfg(feature = "threads")]
    #[test]
    fn names_of_engines() {
        // SAFETY: the literals end with a zero.
        let engine = |value: &CStr| unsafe { engine_named(value.as_ptr()) };
        assert_eq!(engine(c"auto"), Engine::Auto);
        assert_eq!(engine(c"auto,spill"), Engine::AutoAndSpill);
        assert_eq!(engine(c"kernel"), Engine::Kernel);
        assert_eq!(engine(c"threads"), Engine::Threads);
        assert_eq!(engine(c""), Engine::Auto);
        assert_eq!(engine(c"uring"), Engine::Auto, "unknown");
        // SAFETY: null.
        assert_eq!(unsafe { engine_named(core::ptr::null()) }, Engine::Auto);
    }

    #[cfg(feature = "threads")]
    #[test]
    fn limits_of_threads() {
        // SAFETY: the literals end with a zero.
        let limit = |value: &CStr| unsafe { limit_named(value.as_ptr()) };
        assert_eq!(limit(c"1"), 1);
        assert_eq!(limit(c"32"), 32);
        assert_eq!(limit(c"999"), 999);
        assert_eq!(limit(c"1000"), 999);
        assert_eq!(limit(c"99999999999999999999"), 999);
        assert_eq!(limit(c"8 threads"), 8);
        for value in [c"", c"0", c"000", c"-1", c"many"] {
            assert_eq!(limit(value), 16);
        }
        // SAFETY: null.
        assert_eq!(unsafe { limit_named(core::ptr::null()) }, 16);
    }
}
