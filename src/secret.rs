//! The secret type: values and tokens live in it from the moment they arrive.
//!
//! A [`Secret`] cannot be printed, formatted, compared for order or serialised. Its text leaves
//! only through [`Secret::expose`], which asks for one of the [`WayOut`]s listed here; a test
//! holds each way to the files that may use it. The memory is overwritten when it is dropped.

use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

/// Where the text of a secret may go. This list is complete.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WayOut {
    /// The `X-Vault-Token` header of a request to the configured Vault.
    TokenHeader,
    /// The body of an approved write to Vault.
    RequestBody,
    /// A login's one-time code or nonce, in the request to Vault that ends the login.
    LoginRequest,
    /// The lines a shell evaluates to hold the session.
    ShellExport,
    /// A short digest of a session's token, beside the token in the environment.
    SessionMark,
    /// The standard output of `get`, which exists to print it.
    Stdout,
    /// A file written by `inject`, mode 0600.
    InjectedFile,
    /// The environment of the program that `exec` starts, or its file in memory.
    ChildEnvironment,
    /// A reply over MCP in plaintext mode, or of a key that the person's config names.
    PlaintextReply,
    /// A plan shown with `--reveal` on a person's terminal.
    RevealedPlan,
    /// A value that the person uncovers on the approval page.
    ApprovalPage,
    /// A value that the person typed, over the private socket to the process that asked.
    ApprovalSocket,
    /// A look that gives only a yes or no: equality, length limit, shell patterns.
    Inspection,
}

/// A value or token.
///
/// No `Debug`, no `Display`, no `Serialize`:
/// ```compile_fail
/// println!("{:?}", claude_vault::secret::Secret::from(String::from("x")));
/// ```
/// ```compile_fail
/// println!("{}", claude_vault::secret::Secret::from(String::from("x")));
/// ```
/// ```compile_fail
/// serde_json::to_string(&claude_vault::secret::Secret::from(String::from("x")));
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Opens the secret for one of the listed destinations.
    #[must_use]
    pub fn expose(&self, _way: WayOut) -> &str {
        &self.0
    }

    /// Takes UTF-8 bytes; what is not UTF-8 is overwritten and refused with `None`.
    #[must_use]
    pub fn from_utf8(bytes: Vec<u8>) -> Option<Self> {
        match String::from_utf8(bytes) {
            Ok(text) => Some(Self::from(text)),
            Err(error) => {
                error.into_bytes().zeroize();
                None
            }
        }
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }
}

/// A secret can arrive in a request; it can never be serialised back.
impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// In an argument's schema, a secret is a string.
#[cfg(test)]
impl schemars::JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        **self.0 == **other.0
    }
}

/// What a key of a service holds.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// A JSON string: what claude-vault and most tools write.
    Text(Secret),
    /// Any other JSON (number, boolean, list, …), kept as its exact text.
    Json(Secret),
}

impl Value {
    /// The text a person or a file gets: the string, or the JSON as it was written.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Text(secret) | Self::Json(secret) => secret,
        }
    }

    /// Appends the value as JSON, for the body of a write.
    ///
    /// # Errors
    /// None in practice: a string always has a JSON form.
    pub(crate) fn append_json(&self, body: &mut Vec<u8>) -> serde_json::Result<()> {
        match self {
            Self::Text(secret) => serde_json::to_writer(body, secret.expose(WayOut::RequestBody)),
            Self::Json(secret) => {
                body.extend_from_slice(secret.expose(WayOut::RequestBody).as_bytes());
                Ok(())
            }
        }
    }
}

impl From<Box<serde_json::value::RawValue>> for Value {
    fn from(raw: Box<serde_json::value::RawValue>) -> Self {
        let mut text = String::from(Box::<str>::from(raw));
        match serde_json::from_str::<String>(&text) {
            Ok(string) => {
                text.zeroize();
                Self::Text(Secret::from(string))
            }
            Err(_) => Self::Json(Secret::from(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_every_digit() {
        let raw = serde_json::value::RawValue::from_string("12345678901234567890".into());
        let value = Value::from(raw.unwrap_or_else(|e| panic!("{e}")));
        let mut body = Vec::new();
        assert!(value.append_json(&mut body).is_ok());
        assert_eq!(body, b"12345678901234567890");
    }
}
