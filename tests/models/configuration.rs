//! What the environment says in the current model.

/// Helpers that there may be.
pub fn threads_limit() -> u32 {
    2
}
