//! libaio-rs: the library `libaio.so.1` for Linux native asynchronous I/O, with the C library's ABI.
//!
//! Programs use it through `<libaio.h>`; nothing here is meant to be called from Rust. It is
//! `no_std`, has no allocator and no panic path: the build fails if the finished object needs a symbol
//! that `abi/undefined-symbols` and `abi/undefined-symbols.threads` do not list.
//!
//! A call goes straight down, and no module calls back up:
//!
//! | module | holds |
//! |---|---|
//! | [`entry`] | the exported functions, one short body each |
//! | [`interposable`] | how the exported functions call one another, so that LD_PRELOAD sees it |
//! | [`engine`] | what carries requests out: [`engine::kernel`], the AIO system calls; [`engine::threads`], where there are none |
//! | [`registry`] | the contexts that this process made |
//! | [`gate`] | who may move a ring's `head` now |
//! | [`ring`] | the completion ring that the kernel maps into the process |
//! | [`stand_in`] | what `io_destroy` leaves to a thread that is still at the ring |
//! | [`proven_pages`] | which pointers may be used without asking the kernel |
//! | [`process_state`] | all of the library's memory, wiped in a forked child |
//! | [`configuration`] | what the environment says |
//! | [`sys`] | the system calls, one module per subject |
//! | [`sync`] | the atomics, which the loom models replace |
//! | [`abi`] | the C types, with compile-time checks of their layout |

#![cfg_attr(not(test), no_std)]

#[cfg(not(any(panic = "abort", test)))]
compile_error!(
    "libaio-rs is built with panic=abort only: there is nothing that could catch a panic"
);

pub mod abi;
pub mod configuration;
pub mod engine;
pub mod entry;
pub mod gate;
pub mod interposable;
#[cfg(not(test))]
mod panic;
pub mod process_state;
pub mod proven_pages;
pub mod registry;
pub mod ring;
pub mod stand_in;
pub mod sync;
pub mod sys;
