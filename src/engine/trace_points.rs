//! Static trace points (USDT) at which `bpftrace` and others can see what makes no system call.
//!
//! Each is one `nop`, and a note in the library that says where it is and where the arguments are
//! (`sys/sdt.h` of SystemTap, version 3). Nothing loads the notes. The Makefile leaves them out of
//! `libaio.a`.
//!
//! The models bring another module of this name.

use core::ffi::{c_int, c_long};

use crate::abi::{io_context_t, iocb};
use crate::sys::errno::Errno;

/// What carries requests out, as the trace points number it.
#[derive(Clone, Copy)]
pub(super) enum By {
    /// The kernel.
    Kernel = 0,
    /// Threads of the library.
    #[cfg(feature = "threads")]
    Threads = 1,
}

#[cfg(all(
    target_arch = "x86_64",
    target_pointer_width = "64",
    not(any(miri, test))
))]
macro_rules! trace_point {
    ($name:literal, $context:expr, $second:expr, $third:expr) => {
        // SAFETY: one instruction, which does nothing. The rest is not in the program's memory.
        unsafe {
            core::arch::asm!(
                "990: nop",
                ".pushsection .note.stapsdt, \"\", @note",
                ".balign 4",
                ".4byte 992f - 991f, 994f - 993f, 3",
                "991: .asciz \"stapsdt\"",
                "992: .balign 4",
                "993: .8byte 990b, 0, 0",
                ".asciz \"libaio\"",
                concat!(".asciz \"", $name, "\""),
                ".asciz \"8@{} -8@{} -8@{}\"",
                "994: .balign 4",
                ".popsection",
                in(reg) $context.addr(),
                in(reg) $second,
                in(reg) $third,
                options(att_syntax, nomem, nostack, preserves_flags),
            );
        }
    };
}

/// Elsewhere the notes' words for registers are others, and nobody has tried them.
#[cfg(not(all(
    target_arch = "x86_64",
    target_pointer_width = "64",
    not(any(miri, test))
)))]
macro_rules! trace_point {
    ($name:literal, $context:expr, $second:expr, $third:expr) => {
        let _ = ($name, $context, $second, $third);
    };
}

/// What a program is told.
#[inline(always)]
pub(super) fn told(result: Result<c_int, Errno>) -> c_long {
    match result {
        Ok(count) => c_long::from(count),
        Err(error) => c_long::from(error.negated()),
    }
}

/// A context was made for so many requests.
#[inline(always)]
pub(super) fn setup(ctx: io_context_t, nr_events: c_long, by: By) {
    trace_point!("setup", ctx, nr_events, by as c_long);
}

/// So many requests, whose addresses lie at `ios`, are handed in. There is none after the call, which
/// would have to keep these in mind: the result is that of the system call.
#[inline(always)]
pub(super) fn submit(ctx: io_context_t, nr: c_long, ios: *mut *mut iocb) {
    trace_point!("submit", ctx, nr, ios.addr());
}

/// `count` events, of at most `nr`, were taken from the ring without a system call.
#[inline(always)]
pub(super) fn reap(ctx: io_context_t, nr: c_long, count: c_long) {
    trace_point!("reap", ctx, nr, count);
}

/// A system call, or the threads engine, is asked for events. It may wait.
#[inline(always)]
pub(super) fn wait_begin(ctx: io_context_t, min_nr: c_long, nr: c_long) {
    trace_point!("wait_begin", ctx, min_nr, nr);
}

/// What it said: how many events, or an error.
#[inline(always)]
pub(super) fn wait_end(ctx: io_context_t, min_nr: c_long, result: c_long) {
    trace_point!("wait_end", ctx, min_nr, result);
}
