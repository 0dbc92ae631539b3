//! Engines: what carries requests out. One module per engine; engines do not call each other.

pub mod kernel;
