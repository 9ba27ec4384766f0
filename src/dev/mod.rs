//! `claude-vault dev`: a real but temporary server on this machine, to try things or to use without
//! a Vault of your own. All its processes, files and variables are removed at the end. Only a
//! fetched server program stays, in the cache folder.

mod lab;
mod server;
mod sign_in;

pub(crate) use lab::{Lab, USER};
pub(crate) use server::{Watcher, become_server, remove_fetched_servers};
pub(crate) use sign_in::sign_in;
