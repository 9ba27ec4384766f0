//! The HTTP client for Vault: requests, retries, redirects, and the meaning of each response.
//!
//! Works with HashiCorp Vault and OpenBao (<https://developer.hashicorp.com/vault/api-docs>,
//! <https://openbao.org/api-docs/>). Waiting for a server that fails or is slow ends with the
//! client's timeout, which holds for all requests of a command together. A response never holds
//! more than [`MAX_BODY`] bytes. The token goes only to origins (scheme, host, port) that the person
//! named.

mod client;
mod jwt;
mod kv;
mod login_error;
mod oidc;
mod reply;
mod system;
pub(crate) mod tls;
mod token;
mod versions;
mod walk;
mod wrapping;

pub use client::{Client, MAX_BODY, WaitNotice, on_wait};
pub use kv::{Metadata, Secrets, ServiceSummary, Stored};
pub use oidc::{AuthUrl, Callback, Polled, redirect_not_allowed};
pub use token::{Granted, TokenInfo};
pub use versions::{CustomMetadata, History, VersionInfo, VersionState};
pub use walk::{Folder, Listing, REQUESTS_AT_ONCE, ServiceWalk};
pub use wrapping::{WRAP_PATH, Wrapped, WrappingInfo};

pub(crate) use client::{Call, apply_proxy, is_loopback, keep_local_names, origin};
pub(crate) use kv::WriteOutcome;
pub(crate) use versions::SentChange;
