//! Mistakes put between the executor and a library that makes none, to show that the comparison notices them.

use std::cell::Cell;

use crate::errors;
use crate::library::{Event, Iocb};

/// Each mistake, and what it makes of the calls.
pub const LIES: [&str; 13] = [
    "result",    // a result of 512 bytes or more is one byte short
    "lost",      // the third event that comes is never told
    "twice",     // the third event is told twice
    "errno",     // io_submit says -EINVAL for -EBADF
    "count",     // io_submit says one more than it took
    "accepts",   // io_submit says that it took a request that it refused
    "key",       // aio_key is not set
    "res2",      // the second result of an error is 1
    "data",      // the data is another request's
    "cancelled", // a cancelled poll is said to be in flight no longer
    "eventfd",   // an eventfd is not signalled
    "crash",     // the process ends by a signal with the third event
    "order",     // two events that came together change places
];

pub struct Lies {
    told: Option<String>,
    events: Cell<u32>,
}

impl Lies {
    pub fn of(told: Option<String>) -> Lies {
        if let Some(lie) = &told {
            assert!(LIES.contains(&lie.as_str()), "{lie} is one of {LIES:?}");
        }
        Lies {
            told,
            events: Cell::new(0),
        }
    }

    fn tells(&self, lie: &str) -> bool {
        self.told.as_deref() == Some(lie)
    }

    pub fn before_submit(&self, known: &[usize]) {
        if self.tells("eventfd") {
            for iocb in known {
                // SAFETY: the executor's own iocb.
                unsafe { (*(*iocb as *mut Iocb)).flags &= !1 };
            }
        }
    }

    pub fn submitted(&self, result: i64, known: &[usize]) -> i64 {
        if self.tells("key") {
            for iocb in known {
                // SAFETY: the executor's own iocb.
                unsafe { (*(*iocb as *mut Iocb)).key = 7 };
            }
        }
        match result {
            _ if self.tells("errno") && result == -i64::from(libc::EBADF) => {
                -i64::from(libc::EINVAL)
            }
            1.. if self.tells("count") => result + 1,
            _ if self.tells("accepts") && errors::text(result) == "-EINVAL" => 1,
            _ => result,
        }
    }

    pub fn cancelled(&self, result: i64) -> i64 {
        if self.tells("cancelled") && errors::text(result) == "-EINPROGRESS" {
            0
        } else {
            result
        }
    }

    pub fn waited(&self, result: i64, events: *mut Event) -> i64 {
        if self.told.is_none() || result <= 0 {
            return result;
        }
        // SAFETY: the library has just written them.
        let told = unsafe { std::slice::from_raw_parts_mut(events, result as usize) };
        if self.tells("order") && told.len() > 1 {
            told.swap(0, 1);
        }
        for index in 0..told.len() {
            let event = &mut told[index];
            self.events.set(self.events.get() + 1);
            if self.tells("result") && event.res >= 512 {
                event.res -= 1;
            }
            if self.tells("res2") && event.res < 0 {
                event.res2 = 1;
            }
            if self.tells("data") {
                event.data += 1;
            }
            if self.events.get() != 3 {
                continue;
            }
            if self.tells("crash") {
                std::process::abort();
            }
            if self.tells("lost") {
                told.copy_within(index + 1.., index);
                return result - 1;
            }
            // The executor's array has room for one more than it asks for.
            if self.tells("twice") {
                // SAFETY: as said.
                unsafe { *events.add(result as usize) = *event };
                return result + 1;
            }
        }
        result
    }
}
