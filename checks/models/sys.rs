//! The system calls.

pub use crate::address_space::memory;
pub use crate::descriptors::epoll;

/// The AIO system calls.
pub mod aio {
    pub use crate::protocol::io_destroy;
}

/// Who a thread is.
pub mod thread {
    pub use crate::protocol::identity as current;
}

/// No model has a sanitizer.
pub mod sanitizers {
    use std::ffi::c_int;

    use crate::abi::io_event;
    use crate::sys::errno::Errno;

    pub fn collected(_: *const io_event, _: Result<c_int, Errno>) {}
}

/// Every page is proven.
pub mod proven_pages {
    #[derive(Default)]
    pub struct ProvenPages;

    impl ProvenPages {
        pub fn contain<T>(&self, _: *const T, _: usize) -> bool {
            true
        }

        pub fn add<T>(&self, _: *const T, _: usize) {}
    }
}

#[path = "../../src/sys/errno.rs"]
pub mod errno;

/// Eventfds: one that is the library's, and the program's.
pub mod eventfd {
    use std::cell::RefCell;
    use std::ffi::c_int;
    use std::rc::Rc;

    use super::errno::Errno;
    use super::futex::{has_process, sleepers};

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

    pub fn make() -> Result<c_int, Errno> {
        crate::signal::point();
        Ok(7)
    }

    pub fn signal(fd: c_int) {
        crate::signal::point();
        let watcher = SIGNALLED.with_borrow(Clone::clone);
        match watcher {
            Some(watcher) => watcher(fd),
            None if has_process() => {
                sleepers().descriptors.make_ready(fd, libc::POLLIN as u32);
                *sleepers().eventfd.lock().unwrap() = 1;
                sleepers().readable.notify_all();
            }
            None => {}
        }
    }

    pub fn drain(_fd: c_int) {
        crate::signal::point();
        *sleepers().eventfd.lock().unwrap() = 0;
    }
}

/// Files.
pub mod files {
    use std::ffi::c_int;

    use super::errno::Errno;
    use super::futex::{FAR, let_time_pass, sleepers};

    pub use crate::descriptors::files::{close, duplicate, status_flags};

    /// # Safety
    /// None.
    pub unsafe fn poll_with_mask(
        fd: Option<c_int>,
        nanoseconds: i64,
        _mask: *const libc::sigset_t,
    ) -> Result<bool, Errno> {
        crate::signal::point();
        if fd.is_none() {
            let_time_pass();
            return Ok(false);
        }
        let mut count = sleepers().eventfd.lock().unwrap();
        if *count != 0 {
            return Ok(true);
        }
        if nanoseconds < FAR {
            drop(count);
            let_time_pass();
            return Ok(false);
        }
        while *count == 0 {
            count = sleepers().readable.wait(count).unwrap();
        }
        Ok(true)
    }
}

/// Sleeping.
pub mod futex {
    use std::cell::Cell;
    use std::ptr;
    use std::sync::atomic::Ordering::Relaxed;

    use loom::sync::{Condvar, Mutex};

    use super::errno::Errno;
    use crate::descriptors::Descriptors;
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
        static SLEEPERS: Cell<*const Sleepers> = const { Cell::new(ptr::null()) };
    }

    /// From here on a deadline is far.
    pub const FAR: i64 = 1_000_000_000;

    /// Threads that sleep.
    #[derive(Default)]
    pub struct Sleepers {
        /// How often each word was woken while somebody slept: address, sleepers, wake-ups to come.
        words: Mutex<Vec<(usize, u32, u32)>>,
        woken: Condvar,
        /// The count of the library's eventfd.
        pub eventfd: Mutex<u32>,
        pub readable: Condvar,
        /// What the kernel knows of the library's descriptors.
        pub descriptors: Descriptors,
    }

    /// A process that lives until this is dropped.
    pub struct Process(Box<Sleepers>);

    impl Process {
        pub fn start(time: Time) -> Process {
            let process = Process(Box::default());
            TIME.set(time);
            SLEEPERS.set(&raw const *process.0);
            process
        }
    }

    impl Drop for Process {
        fn drop(&mut self) {
            SLEEPERS.set(ptr::null());
        }
    }

    pub fn has_process() -> bool {
        !SLEEPERS.get().is_null()
    }

    /// The sleepers of the current process.
    pub fn sleepers() -> &'static Sleepers {
        assert!(has_process());
        unsafe { &*SLEEPERS.get() }
    }

    pub fn time() -> Time {
        TIME.get()
    }

    pub fn now() -> i64 {
        0
    }

    pub fn let_time_pass() {
        crate::sync::yield_now();
    }

    pub fn sleep_until(word: &AtomicU32, value: u32, deadline: i64) -> Result<(), Errno> {
        crate::signal::point();
        if deadline < FAR || TIME.get() == Time::Flies {
            let_time_pass();
            return Err(Errno::ETIMEDOUT);
        }
        let name = std::ptr::from_ref(word).addr();
        let mut words = sleepers().words.lock().unwrap();
        // The newest value.
        if word.in_kernel().fetch_add(0, Relaxed) != value {
            return Err(Errno::EAGAIN);
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
            words = sleepers().woken.wait(words).unwrap();
        }
        words[index].1 -= 1;
        words[index].2 -= 1;
        Ok(())
    }

    pub fn wake(word: &AtomicU32, count: u32) {
        crate::signal::point();
        let name = std::ptr::from_ref(word).addr();
        let mut words = sleepers().words.lock().unwrap();
        if let Some(found) = words.iter_mut().find(|found| found.0 == name) {
            found.2 = (found.2 + count).min(found.1);
            sleepers().woken.notify_all();
        }
    }
}

/// Threads that the library starts.
pub mod process {
    use std::cell::{Cell, RefCell};
    use std::ptr;

    use loom::thread::JoinHandle;

    use super::futex::let_time_pass;

    thread_local! {
        /// How many more threads can be had.
        static LEFT: Cell<u32> = const { Cell::new(0) };
        static STARTED: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
    }

    /// Lets so many threads be had.
    pub fn set_threads(threads: u32) {
        STARTED.take();
        LEFT.set(threads);
    }

    pub trait Run {
        fn run(&self);
    }

    /// # Safety
    /// `work` stays until [`join_all`].
    pub unsafe fn start_thread<R: Run + 'static>(work: &R) -> bool {
        crate::signal::point();
        let left = LEFT.get();
        if left == 0 {
            let_time_pass();
            return false;
        }
        LEFT.set(left - 1);
        let work = ptr::from_ref(work);
        let thread = loom::thread::spawn(move || unsafe { &*work }.run());
        STARTED.with_borrow_mut(|all| all.push(thread));
        true
    }

    /// Waits for the ends of the threads that were started.
    pub fn join_all() {
        for thread in STARTED.take() {
            thread.join().unwrap();
        }
    }
}
