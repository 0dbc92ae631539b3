//! System calls, one module per subject. A result or an [`errno::Errno`] comes back, and `errno`
//! keeps its value.

pub mod aio;
#[cfg(feature = "threads")]
pub mod epoll;
pub mod errno;
#[cfg(feature = "threads")]
pub mod eventfd;
#[cfg(feature = "threads")]
pub mod files;
pub mod futex;
#[cfg(feature = "threads")]
pub mod limits;
pub mod memory;
mod numbers;
#[cfg(any(feature = "threads", target_pointer_width = "32"))]
pub mod probe;
#[cfg(feature = "threads")]
pub mod process;
pub mod proven_pages;
pub mod thread;
