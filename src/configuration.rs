//! What the environment says, read once.

use core::ffi::{CStr, c_char};

/// `LIBAIO_REAP`: whether events may be taken from the ring without a system call.
///
/// `ring` and anything unknown: yes. `syscall`: no. Under valgrind: no, because its tools learn only
/// from the system call that the events were written. A process that runs with raised privileges
/// ignores the variable (`secure_getenv(3)`).
pub fn reaps_in_user_space() -> bool {
    let named = |name: &CStr, text: &[u8]| {
        // SAFETY: the name ends with a zero.
        let value = unsafe { secure_getenv(name.as_ptr()) };
        // SAFETY: a value that is not null ends with a zero.
        !value.is_null() && unsafe { contains(value, text) }
    };
    !named(c"LIBAIO_REAP", b"syscall") && !named(c"LD_PRELOAD", b"vgpreload_")
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
}
