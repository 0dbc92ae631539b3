//! libaio-rs: the library `libaio.so.1` for Linux native asynchronous I/O, with the C library's
//! ABI.
//!
//! Programs use it through `<libaio.h>`; nothing here is meant to be called from Rust. It is
//! `no_std`, has no allocator and no panic path: the build fails if the finished object needs a
//! symbol that `abi/undefined-symbols` and `abi/undefined-symbols.threads` do not list.
//!
//! A call goes straight down, and no module calls back up (`docs/architecture.md`):
//!
//! | module | holds |
//! |---|---|
//! | `entry` | the exported functions, one short body each; the only place where a result becomes `-errno` |
//! | `interposable` | how the exported functions call one another, so that LD_PRELOAD sees it |
//! | `engine` | chooses what carries requests out, and finds the owner of a context |
//! | `engine::kernel` | the AIO system calls, and reaping: taking events from the ring in user space |
//! | `engine::threads` | contexts that the library serves itself, where the kernel has no AIO |
//! | `configuration` | what the environment says |
//! | `staff` | the library's own threads, and how files get into their descriptor table |
//! | `sys` | system calls, one module per subject |
//! | `sync` | the atomics, which the models replace |
//! | `abi` | the C types, with compile-time checks of their layout |

#![cfg_attr(not(test), no_std)]

#[cfg(not(any(panic = "abort", test, doc)))]
compile_error!(
    "libaio-rs is built with panic=abort only: there is nothing that could catch a panic"
);

mod abi;
mod configuration;
mod engine;
mod entry;
mod interposable;
#[cfg(not(any(test, doc)))]
mod panic;
#[cfg(feature = "threads")]
mod staff;
mod sync;
mod sys;
