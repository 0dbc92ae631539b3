//! `POSIXAIO_ENGINE=glibc`: the C library's own functions, found by their names behind this library's.

use core::ffi::{CStr, c_char, c_void};

use crate::configuration::{Engine, engine};

unsafe extern "C" {
    /// The addresses of `dlsym` and `dlvsym`, or 0 in a static program. The Makefile makes it.
    #[cfg(not(test))]
    #[link_name = "posixaio_loader"]
    safe static LOADER: [usize; 2];
}

#[cfg(test)]
static LOADER: [usize; 2] = [0; 2];

/// `RTLD_NEXT`
const NEXT: *mut c_void = core::ptr::without_provenance_mut(usize::MAX);

/// The C library's function, if all is to be handed to it.
#[inline]
pub(super) fn function(name: &CStr) -> Option<usize> {
    if engine() == Engine::Glibc {
        find(name, None)
    } else {
        None
    }
}

/// The same, of an old version.
#[inline]
pub(super) fn old_function(name: &CStr, version: &CStr) -> Option<usize> {
    if engine() == Engine::Glibc {
        find(name, Some(version))
    } else {
        None
    }
}

#[cold]
#[inline(never)]
fn find(name: &CStr, version: Option<&CStr>) -> Option<usize> {
    type Find = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;
    type FindVersion =
        unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> *mut c_void;
    let [find, find_version] = LOADER;
    let found = match version {
        // SAFETY: it is that function.
        None if find != 0 => unsafe {
            core::mem::transmute::<usize, Find>(find)(NEXT, name.as_ptr())
        },
        // SAFETY: as above.
        Some(version) if find_version != 0 => unsafe {
            core::mem::transmute::<usize, FindVersion>(find_version)(
                NEXT,
                name.as_ptr(),
                version.as_ptr(),
            )
        },
        _ => return None,
    };
    (!found.is_null()).then(|| found.expose_provenance())
}
