//! The threads of a pool, without their descriptor tables, their socket and their keeper, of which `checks/models` has
//! models.

pub mod crew;
pub mod link;
#[path = "../../src/staff/lock.rs"]
pub mod lock;
