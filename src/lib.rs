//! Sessions and secrets of HashiCorp Vault and OpenBao, for a person in a shell and for their AI
//! assistant.
//!
//! A contributor starts at [`core`], which implements each operation once, and reads the private
//! modules with `cargo doc --document-private-items`. [`vault`] is the client for the server,
//! [`secret`] lists where a value may go, [`cli`] is the command-line interface.
//!
//! # For other programs
//!
//! [`format`](mod@format) is pure text and needs no Vault. It quotes a value so that a given reader
//! of `.env` reads it back exactly, or returns the reason why that is impossible:
//!
//! ```
//! use claude_vault::format::dotenv::{self, Dialect};
//!
//! let text = dotenv::write(&[Dialect::Compose, Dialect::Shell], "it's 5 $")?;
//! let file = format!("PASSWORD={}\n", text.as_str());
//! for dialect in [Dialect::Compose, Dialect::Shell] {
//!     let values = dotenv::read_as(dialect, &file).unwrap_or_default();
//!     assert_eq!(values[0].1.as_ref().map(|value| value.as_str()), Some("it's 5 $"));
//! }
//! assert!(dotenv::write(&[Dialect::Docker], "two\nlines").is_err());
//! # Ok::<(), dotenv::Reason>(())
//! ```
//!
//! It also detects whether a value is a secret, and which part of it is secret:
//!
//! ```
//! use claude_vault::format::classify::{Role, classify};
//!
//! let url = "postgres://app:Kq7-secret-Lz2@db/app";
//! let verdict = classify("DATABASE_URL", url, Role::Value);
//! assert!(verdict.is_secret);
//! assert_eq!(&url[verdict.spans[0].clone()], "Kq7-secret-Lz2");
//! assert!(!classify("TZ", "Europe/Berlin", Role::Value).is_secret);
//! ```

#![warn(unreachable_pub)]

pub mod approval;
pub mod audit;
pub mod cli;
pub mod config;
pub mod core;
mod dev;
pub mod error;
mod files;
pub mod format;
mod launcher;
mod login;
mod loopback;
mod mcp;
pub mod names;
mod private;
mod random;
pub mod secret;
mod session;
mod shell;
mod signals;
mod terminal;
mod ui;
pub mod vault;
