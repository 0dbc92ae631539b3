//! The functions of `<aio.h>`, as the library has them, and a program that calls them.

#[path = "../../interfaces/src/posix/calls.rs"]
mod calls;
#[path = "../../interfaces/src/posix/lists.rs"]
mod lists;
pub mod program;
#[path = "../../interfaces/src/posix/structures.rs"]
mod structures;
