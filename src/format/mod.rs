//! Exact text for shells, `.env` files and YAML: pure functions, no I/O.
//!
//! The rule of this module: a value is either written so that every intended reader reads it back
//! byte for byte, or refused with a reason. A value is never silently corrupted.

pub mod classify;
pub mod compose;
pub mod dotenv;
pub mod edit;
pub mod example;
pub mod interpolation;
pub mod json;
pub mod json_shapes;
pub mod kubernetes;
pub mod merge;
pub mod places;
pub mod shell;
pub mod source;
pub mod yaml;
