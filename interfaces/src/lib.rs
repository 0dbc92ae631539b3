//! Interfaces for asynchronous I/O on the functions of libaio: POSIX AIO, `libposixaio.so.1`.
//!
//! Programs use it through the system's `<aio.h>`, linked with it or by LD_PRELOAD. Like libaio it is
//! `no_std`, and has no allocator and no panic path. It calls `io_setup`, `io_submit` and
//! `io_getevents` of whatever `libaio.so.1` there is, and knows nothing of its inside.
//!
//! A call goes straight down, and no module calls back up (`docs/posix-aio.md`):
//!
//! | module | holds |
//! |---|---|
//! | `posix` | the exported functions, the program's `struct aiocb`, what the environment says |
//! | `requests` | requests in flight, what carries them out, and who is told |
//! | `libaio` | the functions of libaio |
//! | `staff`, `sys`, `sync`, `abi` | rooms that libaio's source has too: threads, system calls, atomics, C types |

#![cfg_attr(not(test), no_std)]

#[cfg(not(any(panic = "abort", test, doc)))]
compile_error!("built with panic=abort only: there is nothing that could catch a panic");

#[allow(dead_code)] // Not all of a shared room is used here.
#[path = "../../src/abi.rs"]
mod abi;
mod libaio;
#[cfg(not(any(test, doc)))]
#[path = "../../src/panic.rs"]
mod panic;
mod posix;
mod requests;
#[allow(dead_code)] // As above.
#[path = "../../src/staff/mod.rs"]
mod staff;
#[allow(unused_imports)] // As above.
#[path = "../../src/sync.rs"]
mod sync;
#[allow(dead_code, unused_imports)] // As above.
#[path = "../../src/sys/mod.rs"]
mod sys;
