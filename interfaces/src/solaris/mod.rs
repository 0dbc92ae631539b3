//! Solaris AIO: the functions of `<sys/asynch.h>`.
//!
//! | module | holds |
//! |---|---|
//! | [`entry`] | the exported functions, one short body each |
//! | [`structures`] | the program's structures |
//! | [`calls`] | what the functions do |

mod calls;
mod entry;
mod structures;
