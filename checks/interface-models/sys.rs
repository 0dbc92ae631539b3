//! The system calls.

#[path = "../../src/sys/errno.rs"]
pub mod errno;
pub mod eventfd;
pub mod files;
pub mod futex;
pub mod limits;
pub mod memory;
pub mod notifications;
pub mod process;
pub mod signals;
pub mod sleeping;
pub mod sockets;
pub mod status;

/// Who a thread is.
pub mod thread {
    pub use super::process::identity as current;
}
