//! What threads sleep on until a request has ended.
//!
//! There are 64 words. A thread takes the one that its identity hashes to, and leaves a mark for it at
//! each request that it waits for. Who ends a request changes the words whose marks it has, and wakes
//! who sleeps there. Two threads with one word wake for each other, and look again. A thread that
//! leaves a wait by `longjmp` leaves marks behind, which cost a wake-up of nobody.

use crate::sync::AtomicU32;
use crate::sync::Ordering::Relaxed;
use crate::sys::errno::Errno;
use crate::sys::{futex, thread};

/// All zero.
#[repr(C)]
pub(crate) struct Words([AtomicU32; 64]);

/// The words of the attendants and of the end of the process. The others are for all threads.
pub(crate) const NOTIFIER: u32 = 63;
/// See [`NOTIFIER`].
pub(crate) const WATCHER: u32 = 62;
/// See [`NOTIFIER`].
pub(crate) const END: u32 = 61;

/// The word of threads that wait until a file of theirs is closed.
pub(crate) const CLOSED: u32 = 60;

/// The number of this thread's word.
pub(crate) fn own() -> u32 {
    // Thread descriptors lie at multiples of 64 bytes at least, mostly in the same place of a page.
    let thread = thread::current();
    let mixed = (thread >> 6) ^ (thread >> 12) ^ (thread >> 17) ^ (thread >> 23);
    (mixed % CLOSED as usize) as u32
}

/// The mark for a word.
pub(crate) fn mark(word: u32) -> u64 {
    1 << (word % 64)
}

/// The numbers of the words of these marks.
fn each(mut marks: u64, mut body: impl FnMut(u32)) {
    while marks != 0 {
        body(marks.trailing_zeros());
        marks &= marks - 1;
    }
}

impl Words {
    fn word(&self, number: u32) -> &AtomicU32 {
        // SAFETY: below 64.
        unsafe { self.0.get_unchecked((number % 64) as usize) }
    }

    /// What a word is. Under the lock.
    pub(crate) fn value(&self, number: u32) -> u32 {
        self.word(number).load(Relaxed)
    }

    /// Lets sleepers of these words look again, once [`Words::wake`] is called. Under the lock: who
    /// is about to sleep has read the value under it, and does not sleep then.
    pub(crate) fn change(&self, marks: u64) {
        each(marks, |number| {
            self.word(number).fetch_add(1, Relaxed);
        });
    }

    /// Wakes all who sleep at these words.
    pub(crate) fn wake(&self, marks: u64) {
        each(marks, |number| {
            futex::wake(self.word(number), i32::MAX as u32);
        });
    }

    /// Wakes all who sleep at these words: how many there were.
    pub(crate) fn woken(&self, marks: u64) -> u32 {
        let mut count = 0;
        each(marks, |number| {
            count += futex::woken(self.word(number), i32::MAX as u32);
        });
        count
    }

    /// Changes a word and wakes one who sleeps there. Whether there was one.
    pub(crate) fn wake_one(&self, number: u32) -> bool {
        let word = self.word(number);
        word.fetch_add(1, Relaxed);
        futex::woken(word, 1) != 0
    }

    /// Sleeps while a word is `value`, until a moment of the clock.
    pub(crate) fn sleep(&self, number: u32, value: u32, until: i64) -> Result<(), Errno> {
        futex::sleep_until(self.word(number), value, until)
    }
}
