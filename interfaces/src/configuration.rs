//! What the environment and `aio_init(3)` say.
//!
//! | variable | values |
//! |---|---|
//! | `POSIXAIO_ENGINE` | `auto` (the default), `threads`: not the kernel's AIO; `glibc`: the C library's functions do all |
//! | `POSIXAIO_THREADS` | how many threads there may be for what the kernel's AIO does not do: 1 to 999 |
//! | `SOLARISAIO_ENGINE`, `SOLARISAIO_THREADS` | the same for Solaris AIO, of which the C library has nothing |
//!
//! The environment is read once, when the library is loaded.

use core::ffi::c_char;

use crate::sync::AtomicU32;
use crate::sync::Ordering::Relaxed;

/// As many threads a pool may have.
const MOST: u32 = 999;

/// What carries requests out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Engine {
    /// The kernel, where it can do so without waiting, and threads.
    Auto = 0,
    /// Threads.
    Threads = 1,
    /// The C library's own functions.
    Glibc = 2,
}

static ENGINE: AtomicU32 = AtomicU32::new(0);
static THREADS: AtomicU32 = AtomicU32::new(0);
/// What `aio_init(3)` has said; 0: nothing. A forked child keeps it.
static WANTED_THREADS: AtomicU32 = AtomicU32::new(0);
static IDLE_SECONDS: AtomicU32 = AtomicU32::new(0);

/// See [`Engine`].
#[inline]
pub(crate) fn engine() -> Engine {
    match ENGINE.load(Relaxed) {
        1 => Engine::Threads,
        2 => Engine::Glibc,
        _ => Engine::Auto,
    }
}

/// How many threads there may be; 0: nothing was said.
pub(crate) fn threads() -> u32 {
    match THREADS.load(Relaxed) {
        0 => WANTED_THREADS.load(Relaxed),
        threads => threads,
    }
}

/// How long a thread without work stays; 0: nothing was said.
pub(crate) fn idle_seconds() -> u32 {
    IDLE_SECONDS.load(Relaxed)
}

/// What `aio_init(3)` says. As with the C library there is one thread at least, and an idle time of zero
/// changes nothing.
#[cfg(feature = "posix")]
pub(crate) fn initialize(threads: i32, idle: i32) {
    WANTED_THREADS.store(threads.clamp(1, MOST as i32) as u32, Relaxed);
    if idle != 0 {
        IDLE_SECONDS.store(idle.max(1) as u32, Relaxed);
    }
}

/// What the variables of an interface begin with. The names stand whole in the library, for who looks for
/// them there.
pub(crate) struct Names {
    pub(crate) engine: &'static [u8],
    pub(crate) threads: &'static [u8],
}

/// Reads the variables of an interface.
///
/// # Safety
/// `variables` is null or an environment.
pub(crate) unsafe fn read_environment(names: &Names, mut variables: *const *const c_char) {
    // A process that runs with raised privileges ignores it, as `secure_getenv(3)` does.
    // SAFETY: it only asks.
    if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
        return;
    }
    while !variables.is_null() {
        // SAFETY: the list ends with null.
        let variable = unsafe { *variables };
        if variable.is_null() {
            return;
        }
        variables = variables.wrapping_add(1);
        // SAFETY: each string ends with a zero.
        unsafe {
            if let Some(value) = behind(variable, names.engine) {
                let engine = if behind(value, b"threads\0").is_some() {
                    Engine::Threads
                } else if cfg!(feature = "posix") && behind(value, b"glibc\0").is_some() {
                    Engine::Glibc
                } else {
                    Engine::Auto
                };
                ENGINE.store(engine as u32, Relaxed);
            } else if let Some(value) = behind(variable, names.threads) {
                THREADS.store(number(value), Relaxed);
            }
        }
    }
}

/// What is behind `beginning`, if a string begins so.
///
/// # Safety
/// The string ends with a zero, and `beginning` has none before its last byte.
unsafe fn behind(mut string: *const c_char, beginning: &[u8]) -> Option<*const c_char> {
    for &byte in beginning {
        // SAFETY: no byte before it was the zero.
        if unsafe { *string } as u8 != byte {
            return None;
        }
        string = string.wrapping_add(1);
    }
    Some(string)
}

/// 1 to 999; 0: it is no number.
///
/// # Safety
/// The string ends with a zero.
unsafe fn number(mut digits: *const c_char) -> u32 {
    let mut number = 0;
    loop {
        // SAFETY: no byte before it was the zero.
        let byte = unsafe { *digits } as u8;
        if byte == 0 {
            return number;
        }
        let value = byte.wrapping_sub(b'0');
        if value > 9 {
            return 0;
        }
        number = MOST.min(number * 10 + u32::from(value));
        digits = digits.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use core::ffi::CStr;

    use super::*;

    #[test]
    fn numbers_of_threads() {
        // SAFETY: it ends with a zero.
        let number = |text: &CStr| unsafe { number(text.as_ptr()) };
        assert_eq!(number(c"1"), 1);
        assert_eq!(number(c"999"), 999);
        assert_eq!(number(c"123456789012345"), 999);
        for text in [c"", c"0", c"-1", c"x", c"3 "] {
            assert_eq!(number(text), 0);
        }
    }

    #[cfg(feature = "posix")]
    #[test]
    fn what_the_program_and_the_environment_say() {
        initialize(0, 0);
        assert_eq!((threads(), idle_seconds()), (1, 0));
        initialize(i32::MAX, 7);
        assert_eq!((threads(), idle_seconds()), (MOST, 7));
        initialize(-5, -1);
        assert_eq!((threads(), idle_seconds()), (1, 1));
        initialize(5, 0);
        assert_eq!((threads(), idle_seconds()), (5, 1));
        WANTED_THREADS.store(0, Relaxed);
        let list = |texts: &[&CStr]| -> Vec<*const c_char> {
            let texts = texts.iter().map(|text| text.as_ptr());
            texts.chain([core::ptr::null()]).collect()
        };
        let names = Names {
            engine: b"POSIXAIO_ENGINE=",
            threads: b"POSIXAIO_THREADS=",
        };
        let read_all = |texts: &[&CStr]| {
            // SAFETY: it is an environment.
            unsafe { read_environment(&names, list(texts).as_ptr()) };
            (engine(), threads())
        };
        assert_eq!(read_all(&[c"A=b"]), (Engine::Auto, 0));
        let both = [c"POSIXAIO_ENGINE=threads", c"X=", c"POSIXAIO_THREADS=7"];
        assert_eq!(read_all(&both), (Engine::Threads, 7));
        assert_eq!(read_all(&[c"POSIXAIO_ENGINE=glibc"]), (Engine::Glibc, 7));
        let unknown = [c"POSIXAIO_ENGINE=uring", c"POSIXAIO_THREADS=many"];
        assert_eq!(read_all(&unknown), (Engine::Auto, 0));
        assert_eq!(
            read_all(&[c"POSIXAIO_ENGINE=threads"]),
            (Engine::Threads, 0)
        );
        // Neither more nor less than a name or a value.
        let others = [c"POSIXAIO_ENGINE=threads2", c"POSIXAIO_THREADS", c""];
        assert_eq!(read_all(&others), (Engine::Auto, 0));
        // SAFETY: null.
        unsafe { read_environment(&names, core::ptr::null()) };
    }
}
