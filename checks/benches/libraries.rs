//! The two libraries, loaded by path into this process.

use std::ffi::{CStr, c_int, c_long, c_void};
use std::path::{Path, PathBuf};
use std::{env, fs, mem, ptr};

use libloading::os::unix::{Library as Loaded, RTLD_LOCAL, RTLD_NOW};

use crate::context::{Event, Iocb, Ring};

/// The functions of one library. They are called through pointers, as a program calls them through
/// its PLT.
pub struct Library {
    pub name: &'static str,
    /// Where it was loaded from, as the dynamic linker tells.
    pub file: PathBuf,
    pub setup: unsafe extern "C" fn(c_int, *mut *mut Ring) -> c_int,
    pub destroy: unsafe extern "C" fn(*mut Ring) -> c_int,
    pub submit: unsafe extern "C" fn(*mut Ring, c_long, *mut *mut Iocb) -> c_int,
    pub cancel: unsafe extern "C" fn(*mut Ring, *mut Iocb, *mut Event) -> c_int,
    pub getevents:
        unsafe extern "C" fn(*mut Ring, c_long, c_long, *mut Event, *const libc::timespec) -> c_int,
    pub queue_run: unsafe extern "C" fn(*mut Ring) -> c_int,
}

/// Debian's libaio1, where `checks/original/obtain.sh` puts it.
pub fn c() -> &'static Library {
    Library::load(
        "C library",
        &project().join("build/original/amd64/usr/lib/x86_64-linux-gnu/libaio.so.1.0.2"),
    )
}

/// The one in the build directory, or `$LIBAIO_BENCH_OURS`: with a copy of the C library there,
/// every ratio must come out as 1.
pub fn ours() -> &'static Library {
    let file = env::var_os("LIBAIO_BENCH_OURS")
        .map_or_else(|| project().join("build/libaio.so.1.0.2"), PathBuf::from);
    Library::load("libaio-rs", &file)
}

/// The project's top directory.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

impl Library {
    fn load(name: &'static str, file: &Path) -> &'static Self {
        let file = fs::canonicalize(file).unwrap_or_else(|error| {
            panic!("{}: {error}: run this with 'make bench'", file.display())
        });
        // RTLD_LOCAL: io_queue_run of each must find its own io_getevents.
        // SAFETY: libaio has no initialisers.
        let handle = unsafe { Loaded::open(Some(&file), RTLD_NOW | RTLD_LOCAL) }
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
            // Never closed, so that the pointers stay good.
            .into_raw();
        // SAFETY: these are the types in <libaio.h>.
        let library = unsafe {
            Self {
                name,
                file: file.clone(),
                setup: find(handle, c"io_setup", c"LIBAIO_0.4"),
                destroy: find(handle, c"io_destroy", c"LIBAIO_0.4"),
                submit: find(handle, c"io_submit", c"LIBAIO_0.1"),
                cancel: find(handle, c"io_cancel", c"LIBAIO_0.4"),
                getevents: find(handle, c"io_getevents", c"LIBAIO_0.4"),
                queue_run: find(handle, c"io_queue_run", c"LIBAIO_0.1"),
            }
        };
        // Both have one soname: make sure that the linker did not take the first for the second.
        let origin = origin(library.getevents as *const c_void);
        assert_eq!(origin, file, "the dynamic linker took another file");
        Box::leak(Box::new(library))
    }
}

/// A function by its version: io_getevents and io_cancel have an older one of another type.
///
/// # Safety
/// `F` is the type of a pointer to that function.
unsafe fn find<F: Copy>(handle: *mut c_void, name: &CStr, version: &CStr) -> F {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    // SAFETY: the handle is a loaded library, the strings end with a zero.
    let function = unsafe { libc::dlvsym(handle, name.as_ptr(), version.as_ptr()) };
    assert!(!function.is_null(), "no {name:?} of version {version:?}");
    // SAFETY: the caller says that this is its type.
    unsafe { mem::transmute_copy(&function) }
}

/// The file that a function was loaded from.
fn origin(function: *const c_void) -> PathBuf {
    let mut found = libc::Dl_info {
        dli_fname: ptr::null(),
        dli_fbase: ptr::null_mut(),
        dli_sname: ptr::null(),
        dli_saddr: ptr::null_mut(),
    };
    // SAFETY: dladdr only looks the address up.
    let known = unsafe { libc::dladdr(function, &mut found) };
    assert_ne!(known, 0, "the dynamic linker does not know its own library");
    // SAFETY: dladdr has set it to a string.
    let name = unsafe { CStr::from_ptr(found.dli_fname) };
    PathBuf::from(name.to_str().unwrap())
}
