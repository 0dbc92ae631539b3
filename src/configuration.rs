//! What the environment said when the library was loaded.
//!
//! It is read before the program's first instruction, or while the library is loaded later: from
//! then on another thread may change the environment at any moment, and until glibc 2.41 `getenv(3)`
//! beside `setenv(3)` reads memory that was freed. In memory of its own: a forked child has the
//! same.

use core::ffi::{CStr, c_char};

use crate::sync::AtomicU32;
use crate::sync::Ordering::Relaxed;

/// What was said. All zero: nothing.
#[repr(C)]
pub(crate) struct Configuration {
    /// [`REAPS_BY_SYSTEM_CALL`], [`SUBMITS_ASYNCHRONOUSLY`], and what [`Engine`] numbers.
    flags: AtomicU32,
    /// `LIBAIO_THREADS`, or 0.
    threads: AtomicU32,
    /// `LIBAIO_SPIN` in nanoseconds, or 0.
    spin: AtomicU32,
}

/// In [`Configuration::flags`].
const REAPS_BY_SYSTEM_CALL: u32 = 1 << 8;
/// As [`REAPS_BY_SYSTEM_CALL`].
#[cfg(feature = "threads")]
const SUBMITS_ASYNCHRONOUSLY: u32 = 1 << 9;

/// In `libaio.a` every function is a member of its own, and all share this one.
#[cfg(not(test))]
#[unsafe(export_name = "libaio_configuration_storage")]
static STORAGE: Configuration = Configuration::empty();

#[cfg(not(test))]
unsafe extern "C" {
    /// The configuration of this process. Written once, before it is read.
    #[link_name = "libaio_configuration"]
    safe static CONFIGURATION: Configuration;
}

#[cfg(test)]
static CONFIGURATION: Configuration = Configuration::empty();

/// What the dynamic linker, or the start of a static program, calls: `abi/state.S` says so.
///
/// # Safety
/// It is called as a constructor, by glibc with the program's arguments.
#[cfg(not(test))]
#[unsafe(no_mangle)]
unsafe extern "C" fn libaio_read_environment(
    count: core::ffi::c_int,
    arguments: *const *const c_char,
) {
    // A process that runs with raised privileges ignores it, as `secure_getenv(3)` does.
    // SAFETY: it only reads what the kernel gave the process.
    if unsafe { libc::getauxval(libc::AT_SECURE) } == 0 {
        // SAFETY: the list ends with null and its strings with a zero; no other thread changes what
        // is there.
        unsafe { CONFIGURATION.read(environment(count, arguments)) };
    }
}

/// The environment. glibc hands a constructor the arguments at the top of the stack, with the
/// environment that the process was started with after them: `setenv` in another thread, beside
/// `dlopen` here, does not touch that. musl gives no arguments; there `environ` is what the process
/// was started with too, unless the library is loaded later.
#[cfg(not(test))]
unsafe fn environment(
    count: core::ffi::c_int,
    arguments: *const *const c_char,
) -> *const *const c_char {
    unsafe extern "C" {
        static environ: *const *const c_char;
    }
    /// More than the kernel lets arguments take.
    const MOST: usize = 32 << 20;
    // SAFETY: it only reads what the kernel gave the process.
    let top = unsafe { libc::getauxval(libc::AT_RANDOM) } as usize;
    let is_below = cfg!(target_env = "gnu")
        && top.wrapping_sub(arguments.addr()) < MOST
        && arguments.addr() % size_of::<usize>() == 0;
    // SAFETY: the stack reaches from there to the top. The number of arguments comes before them.
    if is_below && unsafe { arguments.wrapping_sub(1).read() }.addr() == count as usize {
        return arguments.wrapping_add(count as usize + 1);
    }
    // SAFETY: at the start nobody else changes it.
    unsafe { environ }
}

impl Configuration {
    const fn empty() -> Configuration {
        Configuration {
            flags: AtomicU32::new(0),
            threads: AtomicU32::new(0),
            spin: AtomicU32::new(0),
        }
    }

    /// Reads an environment.
    ///
    /// # Safety
    /// `variables` is null, or ends with null, and each string ends with a zero.
    unsafe fn read(&self, mut variables: *const *const c_char) {
        let mut flags = 0;
        #[cfg_attr(not(feature = "threads"), expect(unused_mut))]
        let mut threads = 0;
        let mut spin = 0;
        while !variables.is_null() {
            // SAFETY: the list ends with null.
            let variable = unsafe { variables.read() };
            if variable.is_null() {
                break;
            }
            variables = variables.wrapping_add(1);
            // SAFETY: the string ends with a zero.
            let value_of = |name: &CStr| unsafe { value_of(name, variable) };
            // SAFETY: so does what is left of it.
            let has = |value, text: &[u8]| unsafe { contains(value, text) };
            if let Some(value) = value_of(c"LIBAIO_REAP=") {
                if has(value, b"syscall") {
                    flags |= REAPS_BY_SYSTEM_CALL;
                }
            } else if let Some(value) = value_of(c"LD_PRELOAD=") {
                if has(value, b"vgpreload_") {
                    flags |= REAPS_BY_SYSTEM_CALL;
                }
            } else if let Some(value) = value_of(c"LIBAIO_SPIN=") {
                // SAFETY: as above.
                spin = unsafe { number(value, MOST_SPIN) };
            }
            #[cfg(feature = "threads")]
            if let Some(value) = value_of(c"LIBAIO_ENGINE=") {
                // SAFETY: as above.
                flags |= unsafe { engine_named(value) } as u32;
            } else if let Some(value) = value_of(c"LIBAIO_THREADS=") {
                // SAFETY: as above.
                threads = unsafe { number(value, MOST_THREADS) };
            } else if let Some(rest) = value_of(c"LIBAIO_SUBMIT=async") {
                // SAFETY: the string ends with a zero.
                if unsafe { *rest } == 0 {
                    flags |= SUBMITS_ASYNCHRONOUSLY;
                }
            }
        }
        // Mostly nothing is said, and the page stays untouched.
        if flags | threads | spin != 0 {
            self.flags.store(flags, Relaxed);
            self.threads.store(threads, Relaxed);
            self.spin.store(spin * 1000, Relaxed);
        }
    }
}

/// `LIBAIO_REAP`: whether events may be taken from the ring without a system call.
///
/// `ring` and anything unknown: yes. `syscall`: no. Under valgrind: no, because its tools learn
/// only from the system call that the events were written.
pub(crate) fn reaps_in_user_space() -> bool {
    CONFIGURATION.flags.load(Relaxed) & REAPS_BY_SYSTEM_CALL == 0
}

/// `LIBAIO_SUBMIT`: whether `io_submit` leaves to helpers what would make it wait for a disk.
///
/// `async`: yes. Anything else: no.
#[cfg(feature = "threads")]
pub(crate) fn submits_asynchronously() -> bool {
    CONFIGURATION.flags.load(Relaxed) & SUBMITS_ASYNCHRONOUSLY != 0
}

/// Which engine makes contexts.
#[cfg(feature = "threads")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Engine {
    /// The kernel's AIO, and threads where there is none: `io_setup` answers ENOSYS, or EPERM from
    /// a sandbox.
    Auto = 0,
    /// As `Auto`, and threads also where `fs.aio-max-nr` is used up.
    AutoAndSpill = 1,
    /// The kernel's AIO only.
    Kernel = 2,
    /// Threads only.
    Threads = 3,
}

/// The part of [`Configuration::flags`] that is an [`Engine`].
#[cfg(feature = "threads")]
const ENGINE: u32 = 3;

/// `LIBAIO_ENGINE`: `auto` (and anything unknown), `auto,spill`, `kernel`, `threads`.
#[cfg(feature = "threads")]
pub(crate) fn engine() -> Engine {
    match CONFIGURATION.flags.load(Relaxed) & ENGINE {
        1 => Engine::AutoAndSpill,
        2 => Engine::Kernel,
        3 => Engine::Threads,
        _ => Engine::Auto,
    }
}

/// # Safety
/// `value` ends with a zero.
#[cfg(feature = "threads")]
unsafe fn engine_named(value: *const c_char) -> Engine {
    // SAFETY: the caller says so.
    let named = |text: &[u8]| unsafe { contains(value, text) };
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
    /// Enough to keep a fast disk busy; they start only as requests wait.
    const DEFAULT: u32 = 16;
    match CONFIGURATION.threads.load(Relaxed) {
        0 => DEFAULT,
        limit => limit,
    }
}

/// The number at the start of a string, or the highest one that may be; 0: none.
///
/// # Safety
/// `digit` is the start of a string that ends with a zero.
unsafe fn number(mut digit: *const c_char, most: u32) -> u32 {
    let mut number = 0;
    loop {
        // SAFETY: nothing before it was the zero at the end.
        let value = (unsafe { *digit } as u8).wrapping_sub(b'0');
        if value > 9 {
            return number;
        }
        number = most.min(number * 10 + u32::from(value));
        digit = digit.wrapping_add(1);
    }
}

/// `LIBAIO_SPIN`: nanoseconds for which a wait looks at the ring before it makes the system call; the
/// variable says microseconds.
#[inline(always)]
pub(crate) fn spin() -> u32 {
    CONFIGURATION.spin.load(Relaxed)
}

/// Microseconds: longer waits are the kernel's.
const MOST_SPIN: u32 = 10_000;

/// See [`threads_limit`].
#[cfg(feature = "threads")]
const MOST_THREADS: u32 = 999;

/// What follows `name` at the start of the string `variable`.
///
/// # Safety
/// `variable` ends with a zero.
unsafe fn value_of(name: &CStr, variable: *const c_char) -> Option<*const c_char> {
    for (at, &wanted) in name.to_bytes().iter().enumerate() {
        // SAFETY: nothing before it was the zero at the end.
        if unsafe { *variable.wrapping_add(at) } as u8 != wanted {
            return None;
        }
    }
    Some(variable.wrapping_add(name.to_bytes().len()))
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

    /// What these variables make of a configuration.
    fn read(variables: &[&CStr]) -> Configuration {
        let configuration = Configuration::empty();
        let mut list: Vec<_> = variables.iter().map(|variable| variable.as_ptr()).collect();
        list.push(core::ptr::null());
        // SAFETY: the list ends with null, and the literals with a zero.
        unsafe { configuration.read(list.as_ptr()) };
        configuration
    }

    #[test]
    fn reads_an_environment() {
        let reaps =
            |variables: &[&CStr]| read(variables).flags.load(Relaxed) & REAPS_BY_SYSTEM_CALL == 0;
        assert!(reaps(&[]));
        assert!(reaps(&[
            c"A=syscall",
            c"LIBAIO_REAP=ring",
            c"LIBAIO_REA=syscall",
            c"LD_PRELOAD=/x"
        ]));
        assert!(!reaps(&[c"A=", c"LIBAIO_REAP=syscall", c"B="]));
        assert!(!reaps(&[c"LD_PRELOAD=/lib/vgpreload_core.so:/x"]));
        // SAFETY: null.
        unsafe { Configuration::empty().read(core::ptr::null()) };
    }

    #[cfg(feature = "threads")]
    #[test]
    fn reads_all_of_it() {
        let configuration = read(&[
            c"LIBAIO_THREADS=7",
            c"LIBAIO_ENGINE=kernel",
            c"LIBAIO_REAP=syscall",
            c"LIBAIO_SUBMIT=async",
        ]);
        assert_eq!(configuration.threads.load(Relaxed), 7);
        let flags = configuration.flags.load(Relaxed);
        let both = REAPS_BY_SYSTEM_CALL | SUBMITS_ASYNCHRONOUSLY;
        assert_eq!(flags, both | Engine::Kernel as u32);
        for variable in [
            c"LIBAIO_SUBMIT=sync",
            c"LIBAIO_SUBMIT=",
            c"LIBAIO_SUBMIT=async2",
        ] {
            assert_eq!(read(&[variable]).flags.load(Relaxed), 0);
        }
    }

    #[test]
    fn times_at_the_ring() {
        let spin = |variables: &[&CStr]| read(variables).spin.load(Relaxed);
        assert_eq!(spin(&[]), 0);
        assert_eq!(spin(&[c"LIBAIO_SPIN=50"]), 50_000);
        assert_eq!(spin(&[c"LIBAIO_SPIN=7us", c"LIBAIO_REAP=syscall"]), 7000);
        assert_eq!(spin(&[c"LIBAIO_SPIN=1", c"LIBAIO_SPIN=2"]), 2000);
        for value in [c"LIBAIO_SPIN=10001", c"LIBAIO_SPIN=99999999999999999999"] {
            assert_eq!(spin(&[value]), 10_000_000);
        }
        for value in [
            c"LIBAIO_SPIN=",
            c"LIBAIO_SPIN=0",
            c"LIBAIO_SPIN=-5",
            c"LIBAIO_SPIN=+5",
            c"LIBAIO_SPIN= 5",
            c"LIBAIO_SPIN=many",
            c"LIBAIO_SPINS=5",
        ] {
            assert_eq!(spin(&[value]), 0);
        }
        assert_eq!(super::spin(), 0, "if nothing is said");
    }

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
    }

    #[cfg(feature = "threads")]
    #[test]
    fn limits_of_threads() {
        // SAFETY: the literals end with a zero.
        let limit = |value: &CStr| unsafe { number(value.as_ptr(), MOST_THREADS) };
        assert_eq!(limit(c"1"), 1);
        assert_eq!(limit(c"32"), 32);
        assert_eq!(limit(c"999"), 999);
        assert_eq!(limit(c"1000"), 999);
        assert_eq!(limit(c"99999999999999999999"), 999);
        assert_eq!(limit(c"8 threads"), 8);
        for value in [c"", c"0", c"000", c"-1", c"many"] {
            assert_eq!(limit(value), 0);
        }
        assert_eq!(threads_limit(), 16, "if nothing is said");
    }
}
