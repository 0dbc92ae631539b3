//! The threads of a model, and what they share with the program's. Who counts them is the models', but for
//! the models of that.

pub mod counted;
pub mod crew;
#[path = "../../src/staff/link.rs"]
pub mod link;
#[path = "../../src/staff/lock.rs"]
pub mod lock;
