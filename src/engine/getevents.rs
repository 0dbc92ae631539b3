//! What a call of `io_getevents` or `io_pgetevents` asks for, as every engine gets it.

use core::ffi::c_long;

use crate::abi::{io_context_t, io_event, timespec};

/// The arguments of the call.
#[derive(Clone, Copy)]
pub(crate) struct Getevents<T> {
    /// Whose events.
    pub ctx: io_context_t,
    /// With how many events the wait ends.
    pub min_nr: c_long,
    /// How many events `events` has room for.
    pub nr: c_long,
    /// Where the events go.
    pub events: *mut io_event,
    /// How long to wait; null: until there are `min_nr`.
    pub timeout: *const T,
    /// The signal mask of `io_pgetevents`, which may be null; None for `io_getevents`.
    pub sigmask: Option<*const libc::sigset_t>,
}

/// A `struct timespec`. 64-bit processes have one, 32-bit ones two.
pub(crate) trait Timespec: Copy {
    /// Whether it says not to wait.
    fn is_zero(self) -> bool;

    /// Seconds and nanoseconds.
    fn parts(self) -> (i64, i64);

    /// As many seconds and nanoseconds as are left of one.
    fn left(seconds: i64, nanoseconds: i64) -> Self;
}

impl Timespec for timespec {
    #[inline(always)]
    fn is_zero(self) -> bool {
        self.tv_sec == 0 && self.tv_nsec == 0
    }

    #[allow(clippy::useless_conversion)] // long is 32 or 64 bits wide
    fn parts(self) -> (i64, i64) {
        (i64::from(self.tv_sec), i64::from(self.tv_nsec))
    }

    fn left(seconds: i64, nanoseconds: i64) -> timespec {
        timespec {
            tv_sec: seconds as _,
            tv_nsec: nanoseconds as _,
        }
    }
}

#[cfg(target_pointer_width = "32")]
impl Timespec for crate::abi::timespec64 {
    #[inline(always)]
    fn is_zero(self) -> bool {
        self.tv_sec == 0 && self.tv_nsec == 0
    }

    fn parts(self) -> (i64, i64) {
        (self.tv_sec, i64::from(self.tv_nsec))
    }

    fn left(seconds: i64, nanoseconds: i64) -> Self {
        crate::abi::timespec64 {
            tv_sec: seconds,
            tv_nsec: nanoseconds as _,
            __pad: 0,
        }
    }
}
