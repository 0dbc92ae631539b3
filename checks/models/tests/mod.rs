//! The models: what must hold however threads and signal handlers interleave.

mod completions;
mod contexts;
mod crew;
mod helpers;
mod polls;
mod reaping;
mod signals;
mod spinning;
mod waiting;
