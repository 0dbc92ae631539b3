//! The functions of `<sys/asynch.h>`, as the library has them, and a program that calls them.

#[path = "../../interfaces/src/solaris/calls.rs"]
mod calls;
pub mod program;
#[path = "../../interfaces/src/solaris/structures.rs"]
mod structures;
