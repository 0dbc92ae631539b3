//! Results as a transcript prints them: counts as numbers, errors by name.

use std::ffi::CStr;

unsafe extern "C" {
    fn strerrorname_np(number: libc::c_int) -> *const libc::c_char;
}

pub fn text(result: i64) -> String {
    if !(-4095..0).contains(&result) {
        return result.to_string();
    }
    // SAFETY: any number may be asked for, and the names are static.
    let name = unsafe { strerrorname_np(-result as libc::c_int) };
    if name.is_null() {
        return result.to_string();
    }
    // SAFETY: it is a string of the C library.
    let name = unsafe { CStr::from_ptr(name) };
    format!("-{}", name.to_string_lossy())
}

/// The result of a system call that leaves its error in `errno`.
pub fn of_call(result: i64) -> i64 {
    if result == -1 {
        -i64::from(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
    } else {
        result
    }
}
