//! The system calls.

pub use crate::address_space::memory;
pub use crate::descriptors::{epoll, files, sockets, status};

#[path = "../../src/sys/errno.rs"]
pub mod errno;
pub mod eventfd;
pub mod futex;
pub mod process;
pub mod signals;

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

/// Every page is good.
pub mod probe {
    use std::ffi::c_void;

    pub fn is_readable(_: *const c_void) -> bool {
        true
    }

    pub fn are_readable(_: *const c_void, _: usize) -> bool {
        true
    }

    pub fn are_writable_now(_: *const c_void, _: usize) -> bool {
        true
    }
}

/// What the process is limited to.
pub mod limits {
    use std::cell::Cell;

    thread_local! {
        static OPEN_FILES: Cell<u32> = const { Cell::new(1024) };
    }

    /// Lets the process have so many files open.
    pub fn set_open_files(files: u32) {
        OPEN_FILES.set(files);
    }

    pub fn open_files() -> u32 {
        OPEN_FILES.get()
    }
}
