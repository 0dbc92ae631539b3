//! System calls, one module per subject. A result or an [`errno::Errno`] comes back, and `errno`
//! keeps its value.

pub(crate) mod aio;
#[cfg(feature = "threads")]
pub(crate) mod epoll;
pub(crate) mod errno;
#[cfg(feature = "threads")]
pub(crate) mod eventfd;
#[cfg(feature = "threads")]
pub(crate) mod files;
pub(crate) mod futex;
#[cfg(feature = "threads")]
pub(crate) mod limits;
#[cfg(feature = "threads")]
pub(crate) mod loaded_objects;
pub(crate) mod memory;
#[cfg(feature = "threads")]
#[allow(dead_code)] // The interfaces' alone.
pub(crate) mod notifications;
mod numbers;
pub(crate) mod probe;
#[cfg(feature = "threads")]
pub(crate) mod process;
pub(crate) mod proven_pages;
pub(crate) mod sanitizers;
#[cfg(feature = "threads")]
mod scheduling;
#[cfg_attr(not(feature = "threads"), allow(dead_code))] // Not all of it is used then.
pub(crate) mod signals;
#[cfg(feature = "threads")]
pub(crate) mod sockets;
#[cfg(feature = "threads")]
pub(crate) mod status;
pub(crate) mod thread;
