//! A response of the server, and the parser for its `errors` list.
//!
//! A hostile server may send anything. The client limits the size of a body, [`ErrorTexts`] limits
//! the length of a list, and text from the server enters an error only as
//! [`crate::error::ServerText`] or [`crate::error::ForeignText`].

use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// A response: status, body and the server's address. The body is overwritten when dropped.
pub(crate) struct VaultReply {
    pub(crate) status: u16,
    pub(crate) body: Zeroizing<Vec<u8>>,
    pub(crate) address: String,
    /// Whether a standby redirected the request, which the leader may have carried out before.
    pub(crate) was_redirected: bool,
}

impl VaultReply {
    /// Parses the body as `T`. The error, [`Error::BadReply`], never repeats the body.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|_| self.bad("the JSON does not have the expected form"))
    }

    pub(crate) fn bad(&self, reason: &'static str) -> Error {
        Error::BadReply {
            address: self.address.clone(),
            reason,
        }
    }

    /// The `errors` list; empty if the body has none.
    pub(crate) fn errors(&self) -> Vec<String> {
        serde_json::from_slice::<Errors>(&self.body)
            .map(|e| e.errors.0)
            .unwrap_or_default()
    }

    /// Whether the body has an `errors` list, even an empty one. All of Vault's refusals have one.
    pub(crate) fn has_errors(&self) -> bool {
        serde_json::from_slice::<Errors>(&self.body).is_ok()
    }

    /// Whether one of the server's errors contains `text`.
    pub(crate) fn has_error_with(&self, text: &str) -> bool {
        self.errors().iter().any(|error| error.contains(text))
    }
}

#[derive(Deserialize)]
struct Errors {
    errors: ErrorTexts<16>,
}

/// A list of strings. Only the first `N` are kept.
#[derive(Debug, Clone, Default)]
pub(super) struct ErrorTexts<const N: usize>(pub(super) Vec<String>);

impl<'de, const N: usize> Deserialize<'de> for ErrorTexts<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Few<const N: usize>;
        impl<'de, const N: usize> Visitor<'de> for Few<N> {
            type Value = ErrorTexts<N>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of strings")
            }
            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> std::result::Result<ErrorTexts<N>, A::Error> {
                let mut texts = Vec::new();
                while texts.len() < N {
                    match seq.next_element::<String>()? {
                        Some(text) => texts.push(text),
                        None => return Ok(ErrorTexts(texts)),
                    }
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(ErrorTexts(texts))
            }
        }
        deserializer.deserialize_seq(Few::<N>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> VaultReply {
        VaultReply {
            status,
            body: Zeroizing::new(body.as_bytes().to_vec()),
            address: "http://x".into(),
            was_redirected: false,
        }
    }

    #[test]
    fn a_refusal_from_vault_is_recognised_by_its_error_list() {
        assert!(reply(404, r#"{"errors":[]}"#).has_errors());
        assert!(!reply(404, "<html>").has_errors() && !reply(404, r#"{"errors":{}}"#).has_errors());
    }

    #[test]
    fn a_long_list_of_errors_is_truncated() {
        let body = format!(r#"{{"errors":[{}]}}"#, vec!["\"x\""; 100_000].join(","));
        assert_eq!(reply(400, &body).errors().len(), 16);
    }
}
