//! The numbers of the AIO system calls, by architecture.
//!
//! The `libc` crate lacks `SYS_io_pgetevents` for GNU targets. Source: each architecture's
//! `<asm/unistd.h>`.

use core::ffi::c_long;

/// One architecture's numbers.
pub(super) struct Numbers {
    /// `io_setup(2)`
    pub(super) io_setup: c_long,
    /// `io_destroy(2)`
    pub(super) io_destroy: c_long,
    /// `io_submit(2)`
    pub(super) io_submit: c_long,
    /// `io_cancel(2)`
    pub(super) io_cancel: c_long,
    /// `io_getevents(2)`, with the architecture's `long`-sized timespec
    pub(super) io_getevents: c_long,
    /// `io_pgetevents(2)`, likewise
    pub(super) io_pgetevents: c_long,
    /// `io_pgetevents_time64(2)`: with a timespec of 64 bits, where the other has 32
    #[cfg(target_pointer_width = "32")]
    pub(super) io_pgetevents_time64: c_long,
}

/// The numbers of the architecture this is built for.
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
pub(super) const NUMBERS: Numbers = Numbers {
    io_setup: 206,
    io_destroy: 207,
    io_getevents: 208,
    io_submit: 209,
    io_cancel: 210,
    io_pgetevents: 333,
};

/// The numbers of the architecture this is built for.
#[cfg(target_arch = "x86")]
pub(super) const NUMBERS: Numbers = Numbers {
    io_setup: 245,
    io_destroy: 246,
    io_getevents: 247,
    io_submit: 248,
    io_cancel: 249,
    io_pgetevents: 385,
    io_pgetevents_time64: 416,
};

/// The numbers of the architecture this is built for.
#[cfg(target_arch = "arm")]
pub(super) const NUMBERS: Numbers = Numbers {
    io_setup: 243,
    io_destroy: 244,
    io_getevents: 245,
    io_submit: 246,
    io_cancel: 247,
    io_pgetevents: 399,
    io_pgetevents_time64: 416,
};

/// The numbers of the architecture this is built for.
#[cfg(any(target_arch = "powerpc", target_arch = "powerpc64"))]
pub(super) const NUMBERS: Numbers = Numbers {
    io_setup: 227,
    io_destroy: 228,
    io_getevents: 229,
    io_submit: 230,
    io_cancel: 231,
    io_pgetevents: 388,
    #[cfg(target_pointer_width = "32")]
    io_pgetevents_time64: 416,
};

/// The numbers of the architecture this is built for.
#[cfg(target_arch = "s390x")]
pub(super) const NUMBERS: Numbers = Numbers {
    io_setup: 243,
    io_destroy: 244,
    io_getevents: 245,
    io_submit: 246,
    io_cancel: 247,
    io_pgetevents: 382,
};

/// The numbers of the architecture this is built for: `<asm-generic/unistd.h>`.
#[cfg(any(
    target_arch = "aarch64",
    target_arch = "riscv64",
    target_arch = "loongarch64"
))]
pub(super) const NUMBERS: Numbers = Numbers {
    io_setup: 0,
    io_destroy: 1,
    io_submit: 2,
    io_cancel: 3,
    io_getevents: 4,
    io_pgetevents: 292,
};

#[cfg(not(any(
    all(target_arch = "x86_64", target_pointer_width = "64"),
    target_arch = "x86",
    target_arch = "arm",
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "s390x",
    target_arch = "aarch64",
    target_arch = "riscv64",
    target_arch = "loongarch64"
)))]
compile_error!("add this architecture's AIO system call numbers to src/sys/numbers.rs");

/// Those that the `libc` crate knows are checked against it.
const _: () = assert!(
    NUMBERS.io_setup == libc::SYS_io_setup
        && NUMBERS.io_destroy == libc::SYS_io_destroy
        && NUMBERS.io_submit == libc::SYS_io_submit
        && NUMBERS.io_cancel == libc::SYS_io_cancel
        && NUMBERS.io_getevents == libc::SYS_io_getevents
);
