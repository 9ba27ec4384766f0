//! Sessions and secrets of HashiCorp Vault and OpenBao, for a person in a shell and for an AI
//! assistant beside them.
//!
//! Start reading at [`core`], where each operation is written once; [`vault`] speaks to the
//! server, [`secret`] says where a value may go, [`cli`] is the face for a shell.

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
