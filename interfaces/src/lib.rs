//! Interfaces for asynchronous I/O on the functions of libaio: POSIX AIO, `libposixaio.so.1`, and Solaris
//! AIO, `libsolarisaio.so.1`.
//!
//! Programs use the one through the system's `<aio.h>`, linked with it or by LD_PRELOAD, and the other through
//! `<sys/asynch.h>`. Each library has a core of requests of its own. Like libaio they are
//! `no_std`, and have no allocator and no panic path. They call `io_setup`, `io_submit` and
//! `io_getevents` of whatever `libaio.so.1` there is, and know nothing of its inside.
//!
//! A call goes straight down, and no module calls back up (`docs/posix-aio.md`):
//!
//! | module | holds |
//! |---|---|
//! | `posix` | the exported functions of POSIX AIO, the program's `struct aiocb` |
//! | `solaris` | those of Solaris AIO, the program's `aio_result_t` |
//! | `starting`, `configuration` | the first call; what the environment says |
//! | `requests` | requests in flight, what carries them out, and who is told |
//! | `libaio` | the functions of libaio |
//! | `staff`, `sys`, `sync`, `abi` | rooms that libaio's source has too: threads, system calls, atomics, C types |

#![cfg_attr(not(test), no_std)]
// Each library is built alone, and has not all of what they share.
#![cfg_attr(not(all(feature = "posix", feature = "solaris")), allow(dead_code))]

#[cfg(not(any(panic = "abort", test, doc)))]
compile_error!("built with panic=abort only: there is nothing that could catch a panic");

#[allow(dead_code)] // Not all of a shared room is used here.
#[path = "../../src/abi.rs"]
mod abi;
mod configuration;
mod libaio;
#[cfg(not(any(test, doc)))]
#[path = "../../src/panic.rs"]
mod panic;
#[cfg(feature = "posix")]
mod posix;
mod requests;
#[cfg(feature = "solaris")]
mod solaris;
#[allow(dead_code)] // As above.
#[path = "../../src/staff/mod.rs"]
mod staff;
mod starting;
#[allow(unused_imports)] // As above.
#[path = "../../src/sync.rs"]
mod sync;
#[allow(dead_code, unused_imports)] // As above.
#[path = "../../src/sys/mod.rs"]
mod sys;
