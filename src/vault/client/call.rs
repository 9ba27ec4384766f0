//! A request to Vault.

use bytes::Bytes;
use reqwest::Method;
use zeroize::Zeroizing;

/// A request to one path below `/v1/`.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) query: Vec<(&'a str, &'a str)>,
    /// The memory is overwritten when the last reference is dropped.
    pub(crate) body: Option<Bytes>,
    /// Whether the request carries the session's token.
    pub(crate) with_token: bool,
    /// The operation that [`crate::error::Error::Forbidden`] names.
    pub(crate) operation: &'static str,
    /// Whether the request may be sent again after a failure.
    pub(crate) repeat: Repeat,
    /// If set, Vault wraps the response and returns a wrapping token that is valid for this many
    /// seconds.
    pub(crate) wrap_ttl: Option<u64>,
}

/// When a request may be sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Repeat {
    /// Always: sending it twice has the same effect as sending it once.
    Always,
    /// Only if Vault certainly did not carry it out.
    UnlessRun,
    /// Never: before each attempt, the caller looks whether the request still applies.
    Never,
}

impl<'a> Call<'a> {
    /// A read, which may be repeated.
    pub(crate) fn get(path: &'a str) -> Self {
        Self {
            method: Method::GET,
            path,
            query: Vec::new(),
            body: None,
            with_token: true,
            operation: "read",
            repeat: Repeat::Always,
            wrap_ttl: None,
        }
    }

    /// A write, which is not repeated unless Vault certainly did not carry it out.
    pub(crate) fn put(path: &'a str, body: Zeroizing<Vec<u8>>) -> Self {
        Self {
            method: Method::PUT,
            body: Some(Bytes::from_owner(body)),
            operation: "write",
            repeat: Repeat::UnlessRun,
            ..Self::get(path)
        }
    }

    pub(crate) fn repeated(self, repeat: Repeat) -> Self {
        Self { repeat, ..self }
    }

    pub(crate) fn without_token(self) -> Self {
        Self {
            with_token: false,
            ..self
        }
    }

    pub(crate) fn query(self, query: Vec<(&'a str, &'a str)>) -> Self {
        Self { query, ..self }
    }
}
