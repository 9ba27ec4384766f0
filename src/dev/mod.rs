//! `claude-vault dev`: a throwaway, real server on this machine, for someone without a Vault and
//! for trying things. Everything is gone at the end: processes, files, variables.

mod lab;
mod server;
mod sign_in;

pub use lab::{Lab, USER};
pub use server::{Server, Watcher, become_server, forget_servers};
pub use sign_in::sign_in;
