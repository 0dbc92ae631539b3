//! POSIX AIO: the functions of `<aio.h>`.
//!
//! | module | holds |
//! |---|---|
//! | [`entry`] | the exported functions, one short body each |
//! | [`structures`] | the program's structures |
//! | [`calls`], [`lists`] | what the functions do |
//! | [`glibc`] | the C library's own functions, for comparison |

mod calls;
mod entry;
mod glibc;
mod lists;
mod structures;
