//! Loom's atomics under the names that the library's modules use.
//!
//! Loom takes a SeqCst access for an AcqRel one unless every store to the word is SeqCst, and would
//! report reorderings that the language forbids. Here a SeqCst load sees every SeqCst store that
//! was made to the same word before it, and is no stronger otherwise: a mutation that weakens
//! either side is still found.
//!
//! Every access is also a point where a signal handler may run.

use std::cell::Cell;
pub use std::sync::atomic::Ordering;

use crate::signal;
use Ordering::{Acquire, Release, SeqCst};

/// Orders the SeqCst accesses of one word.
#[derive(Default)]
struct Order(loom::sync::atomic::AtomicUsize);

thread_local! {
    /// Whether any thread has yielded in this run of the model.
    static YIELDED: Cell<bool> = const { Cell::new(false) };
}

/// A run of a model starts.
pub fn start() {
    YIELDED.set(false);
}

/// Lets other threads go on.
pub fn yield_now() {
    YIELDED.set(true);
    loom::thread::yield_now();
}

impl Order {
    fn loads(&self, ordering: Ordering) {
        self.join(ordering, Acquire);
    }

    fn stored(&self, ordering: Ordering) {
        self.join(ordering, Release);
    }

    fn join(&self, ordering: Ordering, side: Ordering) {
        if ordering == SeqCst {
            if side == Acquire && YIELDED.get() {
                // A thread that yielded is switched away from when it wakes another one: here, not
                // below.
                self.0.fetch_add(0, std::sync::atomic::Ordering::Relaxed);
            }
            // One step with the access itself: no switch of threads between them.
            loom::stop_exploring();
            self.0.fetch_add(1, side);
            loom::explore();
        }
    }
}

macro_rules! atomic {
    ($name:ident, $integer:ty) => {
        #[derive(Default)]
        pub struct $name {
            word: loom::sync::atomic::$name,
            order: Order,
        }

        impl $name {
            pub fn new(value: $integer) -> $name {
                $name {
                    word: loom::sync::atomic::$name::new(value),
                    order: Order::default(),
                }
            }

            /// The word as the kernel sees it: signal handlers do not interrupt a system call.
            pub fn in_kernel(&self) -> &loom::sync::atomic::$name {
                &self.word
            }

            pub fn load(&self, ordering: Ordering) -> $integer {
                signal::point();
                self.order.loads(ordering);
                self.word.load(ordering)
            }

            pub fn store(&self, value: $integer, ordering: Ordering) {
                signal::point();
                if ordering == SeqCst {
                    // Loom would not know which of this store and another thread's exchange came
                    // last.
                    self.word.swap(value, Release);
                } else {
                    self.word.store(value, ordering);
                }
                self.order.stored(ordering);
            }

            pub fn fetch_add(&self, value: $integer, ordering: Ordering) -> $integer {
                signal::point();
                let before = self.word.fetch_add(value, ordering);
                self.order.stored(ordering);
                before
            }

            pub fn fetch_sub(&self, value: $integer, ordering: Ordering) -> $integer {
                signal::point();
                let before = self.word.fetch_sub(value, ordering);
                self.order.stored(ordering);
                before
            }

            pub fn swap(&self, value: $integer, ordering: Ordering) -> $integer {
                signal::point();
                let before = self.word.swap(value, ordering);
                self.order.stored(ordering);
                before
            }

            pub fn fetch_or(&self, value: $integer, ordering: Ordering) -> $integer {
                signal::point();
                let before = self.word.fetch_or(value, ordering);
                self.order.stored(ordering);
                before
            }

            pub fn compare_exchange(
                &self,
                current: $integer,
                new: $integer,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$integer, $integer> {
                signal::point();
                let result = self.word.compare_exchange(current, new, success, failure);
                match result {
                    Ok(_) => self.order.stored(success),
                    Err(_) => self.order.loads(failure),
                }
                result
            }
        }
    };
}

atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);
atomic!(AtomicUsize, usize);
