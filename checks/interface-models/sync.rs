//! Loom's atomics under the names that the library's modules use.
//!
//! The library's memory is zeroes at first, and is wiped and copied as bytes. So a word here has the size that it has
//! there, and loom's atomic belongs to its address, from its first use in a run on. Loom wants that use to come before
//! those of other threads: `sys::process::start` makes it where nothing else orders them.
//!
//! Every access is also a point where a signal handler may run.

use std::cell::{RefCell, UnsafeCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
pub use std::sync::atomic::Ordering;

use crate::signal;

thread_local! {
    /// The addresses of words that were exchanged in this run.
    static EXCHANGED: RefCell<HashSet<usize>> = RefCell::default();
}

/// A run of a model starts: no address has a word yet.
pub fn start() {
    EXCHANGED.take();
    u32_words::forget();
    usize_words::forget();
    u64_words::forget();
}

/// A fence.
pub fn fence(ordering: Ordering) {
    signal::point();
    loom::sync::atomic::fence(ordering);
}

/// Lets other threads go on.
pub fn yield_now() {
    loom::thread::yield_now();
}

macro_rules! atomic {
    ($name:ident, $integer:ty, $words:ident) => {
        mod $words {
            use super::*;

            type Word = loom::sync::atomic::$name;

            thread_local! {
                /// Loom's threads take turns on one thread of the system.
                static WORDS: RefCell<HashMap<usize, Rc<Word>>> = RefCell::default();
            }

            pub fn forget() {
                WORDS.take();
            }

            pub fn at(address: usize, value: $integer) -> Rc<Word> {
                WORDS.with_borrow_mut(|words| {
                    let word = words.entry(address);
                    word.or_insert_with(|| Rc::new(Word::new(value))).clone()
                })
            }
        }

        #[repr(transparent)]
        #[derive(Default)]
        pub struct $name(UnsafeCell<$integer>);

        unsafe impl Sync for $name {}

        impl $name {
            pub const fn new(value: $integer) -> $name {
                $name(UnsafeCell::new(value))
            }

            /// The word as the kernel sees it: signal handlers do not interrupt a system call.
            pub fn in_kernel(&self) -> Rc<loom::sync::atomic::$name> {
                $words::at(self.0.get().addr(), unsafe { *self.0.get() })
            }

            pub fn load(&self, ordering: Ordering) -> $integer {
                signal::point();
                self.in_kernel().load(ordering)
            }

            pub fn store(&self, value: $integer, ordering: Ordering) {
                signal::point();
                if EXCHANGED.with_borrow(|words| words.contains(&self.0.get().addr())) {
                    // Loom would not know which of this store and another thread's exchange came last.
                    self.in_kernel().swap(value, ordering);
                } else {
                    self.in_kernel().store(value, ordering);
                }
            }

            pub fn fetch_add(&self, value: $integer, ordering: Ordering) -> $integer {
                signal::point();
                self.in_kernel().fetch_add(value, ordering)
            }

            pub fn fetch_sub(&self, value: $integer, ordering: Ordering) -> $integer {
                signal::point();
                self.in_kernel().fetch_sub(value, ordering)
            }

            pub fn swap(&self, value: $integer, ordering: Ordering) -> $integer {
                signal::point();
                EXCHANGED.with_borrow_mut(|words| words.insert(self.0.get().addr()));
                self.in_kernel().swap(value, ordering)
            }

            pub fn compare_exchange(
                &self,
                current: $integer,
                new: $integer,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$integer, $integer> {
                signal::point();
                self.in_kernel()
                    .compare_exchange(current, new, success, failure)
            }
        }
    };
}

atomic!(AtomicU32, u32, u32_words);
atomic!(AtomicU64, u64, u64_words);
atomic!(AtomicUsize, usize, usize_words);
