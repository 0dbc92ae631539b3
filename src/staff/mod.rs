//! The library's own threads: how they are started and counted, how files get to them, and the lock
//! that they share with the program's.
//!
//! | module | holds |
//! |---|---|
//! | [`crew`] | all of them, and what happens when no other thread is left |
//! | [`link`] | the socket by which files get into the descriptor table of some of them |
//! | [`lock`] | a lock for a few steps |

pub(crate) mod crew;
pub(crate) mod link;
pub(crate) mod lock;
