//! Sessions and secrets of HashiCorp Vault and OpenBao, for a person in a shell and for their AI
//! assistant.
//!
//! Start reading at [`core`], which implements each operation once. [`vault`] is the client for the
//! server, [`secret`] lists where a value may go, [`cli`] is the command-line interface, and
//! [`mcp`] is the interface for assistants.

pub mod approval;
pub mod audit;
pub mod cli;
pub mod config;
pub mod core;
pub mod dev;
pub mod error;
pub mod files;
pub mod format;
pub mod launcher;
pub mod login;
mod loopback;
pub mod mcp;
pub mod names;
pub mod secret;
pub mod session;
mod shell;
pub mod signals;
pub mod terminal;
pub mod ui;
pub mod vault;
