//! The system calls of the threads engine.

/// Files.
pub mod files {
    use std::cell::RefCell;
    use std::ffi::c_int;
    use std::rc::Rc;

    type Watcher = Rc<dyn Fn(c_int)>;

    thread_local! {
        static SIGNALLED: RefCell<Option<Watcher>> = const { RefCell::new(None) };
    }

    /// What happens when an eventfd is signalled, until the result is dropped.
    pub fn watch_signals(watcher: impl Fn(c_int) + 'static) -> impl Drop {
        SIGNALLED.set(Some(Rc::new(watcher)));
        End
    }

    struct End;

    impl Drop for End {
        fn drop(&mut self) {
            SIGNALLED.take();
        }
    }

    pub fn is_eventfd(_: c_int) -> bool {
        true
    }

    pub fn signal_eventfd(fd: c_int) {
        crate::signal::point();
        let watcher = SIGNALLED.with_borrow(Clone::clone);
        match watcher {
            Some(watcher) => watcher(fd),
            None if crate::process_state::is_there() => super::threads::set_eventfd(),
            None => {}
        }
    }

    pub fn close(_fd: c_int) {}
}

/// Threads and futexes.
pub mod threads {
    use std::cell::{Cell, RefCell};
    use std::ffi::{c_int, c_void};
    use std::sync::atomic::Ordering::Relaxed;

    use loom::sync::{Condvar, Mutex};
    use loom::thread::JoinHandle;

    use crate::process_state::STATE;
    use crate::sync::AtomicU32;

    /// What a sleep with a far deadline does.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub enum Time {
        /// It lasts until somebody wakes the thread: loom reports a wake-up that is lost.
        Stands,
        /// It is over at once.
        Flies,
    }

    thread_local! {
        static TIME: Cell<Time> = const { Cell::new(Time::Stands) };
        /// How many more threads can be had.
        static THREADS: Cell<u32> = const { Cell::new(0) };
        static STARTED: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
    }

    pub fn set(time: Time, threads: u32) {
        STARTED.take();
        TIME.set(time);
        THREADS.set(threads);
    }

    /// From here on a deadline is far.
    const FAR: i64 = 1_000_000_000;

    #[derive(Default)]
    pub struct Futexes {
        /// How often each word was woken while somebody slept: address, sleepers, wake-ups to come.
        words: Mutex<Vec<(usize, u32, u32)>>,
        woken: Condvar,
        /// The eventfd, and its sleepers.
        eventfd: Mutex<u32>,
        readable: Condvar,
    }

    pub fn now() -> i64 {
        0
    }

    fn let_time_pass() {
        crate::sync::yield_now();
    }

    pub fn sleep_until(word: &AtomicU32, value: u32, deadline: i64) -> c_int {
        crate::signal::point();
        if deadline < FAR || TIME.get() == Time::Flies {
            let_time_pass();
            return -libc::ETIMEDOUT;
        }
        let name = std::ptr::from_ref(word).addr();
        let mut words = STATE.futexes.words.lock().unwrap();
        // The newest value.
        if word.in_kernel().fetch_add(0, Relaxed) != value {
            return -libc::EAGAIN;
        }
        let index = words
            .iter()
            .position(|&(other, ..)| other == name)
            .unwrap_or_else(|| {
                words.push((name, 0, 0));
                words.len() - 1
            });
        words[index].1 += 1;
        while words[index].2 == 0 {
            words = STATE.futexes.woken.wait(words).unwrap();
        }
        words[index].1 -= 1;
        words[index].2 -= 1;
        0
    }

    pub fn wake(word: &AtomicU32, count: u32) {
        crate::signal::point();
        let name = std::ptr::from_ref(word).addr();
        let mut words = STATE.futexes.words.lock().unwrap();
        if let Some(found) = words.iter_mut().find(|found| found.0 == name) {
            found.2 = (found.2 + count).min(found.1);
            STATE.futexes.woken.notify_all();
        }
    }

    pub fn start(main: extern "C" fn(*mut c_void) -> *mut c_void) -> bool {
        crate::signal::point();
        let left = THREADS.get();
        if left == 0 {
            let_time_pass();
            return false;
        }
        THREADS.set(left - 1);
        let thread = loom::thread::spawn(move || {
            main(std::ptr::null_mut());
        });
        STARTED.with_borrow_mut(|all| all.push(thread));
        true
    }

    /// Waits for the ends of the threads that were started.
    pub fn join_all() {
        for thread in STARTED.take() {
            thread.join().unwrap();
        }
    }

    pub fn at_exit(_drain: extern "C" fn(*mut c_void)) {}

    pub fn set_name() {}

    pub fn make_eventfd() -> c_int {
        crate::signal::point();
        7
    }

    /// The one eventfd is set.
    pub fn set_eventfd() {
        *STATE.futexes.eventfd.lock().unwrap() = 1;
        STATE.futexes.readable.notify_all();
    }

    pub fn drain_eventfd(_fd: c_int) {
        crate::signal::point();
        *STATE.futexes.eventfd.lock().unwrap() = 0;
    }

    /// # Safety
    /// None.
    pub unsafe fn poll_with_mask(
        fd: c_int,
        nanoseconds: i64,
        _mask: *const libc::sigset_t,
    ) -> c_int {
        crate::signal::point();
        if fd < 0 {
            let_time_pass();
            return 0;
        }
        let mut count = STATE.futexes.eventfd.lock().unwrap();
        if *count != 0 {
            return 1;
        }
        if nanoseconds < FAR {
            drop(count);
            let_time_pass();
            return 0;
        }
        while *count == 0 {
            count = STATE.futexes.readable.wait(count).unwrap();
        }
        1
    }
}
