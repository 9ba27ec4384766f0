//! The type for secrets. Values and tokens are put into it as soon as they arrive.
//!
//! A [`Secret`] cannot be printed, formatted, ordered or serialised. [`Secret::expose`] is the only
//! access to its text, and it requires one of the [`WayOut`]s listed here. A test checks that each
//! way out is used only in the files allowed for it. The memory is overwritten when a secret is
//! dropped.

use std::sync::Arc;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// The complete list of destinations for the text of a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WayOut {
    /// The `X-Vault-Token` header of a request to the configured Vault, or the body of a request
    /// there that looks up a wrapping token.
    TokenHeader,
    /// The body of an approved write to Vault, or of a request that wraps values for `share`.
    RequestBody,
    /// A login's one-time code, nonce or ID token, in a request of the login.
    LoginRequest,
    /// The lines that a shell evaluates to store the session.
    ShellExport,
    /// A short digest of a session's token, in the environment next to the token.
    SessionMark,
    /// The standard output of `get`, `share` and `receive`, which exist to print it.
    Stdout,
    /// The output of `export`: standard output, or files below the root with mode 0600.
    Export,
    /// A file that `inject` writes, with mode 0600.
    InjectedFile,
    /// The person's clipboard, through the standard input of a clipboard program or through a
    /// terminal escape sequence.
    Clipboard,
    /// The file that `edit` opens in the person's editor, in a private folder.
    EditedText,
    /// The environment of the program that `exec` starts, or an in-memory file for it.
    ChildEnvironment,
    /// An MCP reply in plaintext mode, or one for a key that the person's config allows.
    PlaintextReply,
    /// A plan that `--reveal` shows on the person's terminal.
    RevealedPlan,
    /// A value that the person reveals on the approval page.
    ApprovalPage,
    /// A value that the person typed, sent over the private socket to the process that asked for
    /// it.
    ApprovalSocket,
    /// A check whose result does not contain the text: equality, a length limit or shell patterns.
    Inspection,
}

/// A value or token. It does not implement `Debug`, `Display` or `Serialize`:
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
    /// Returns the text, for one of the listed destinations.
    #[must_use]
    pub fn expose(&self, _way: WayOut) -> &str {
        &self.0
    }

    /// Converts UTF-8 bytes. Bytes that are not UTF-8 are overwritten, and the result is `None`.
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

/// A secret can be deserialised from a request or response, but never serialised.
impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// In the schema of an MCP tool's arguments, a secret is a string.
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

/// Compares in a time that depends only on the two lengths.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

/// The value of a key in a service.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// A JSON string, without quotes and escapes. claude-vault and most tools write strings.
    Text(Secret),
    /// Any other JSON value (number, boolean, list, …), as JSON text.
    Json(Secret),
}

/// The JSON type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JsonType {
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
    /// `[…]`
    List,
    /// `{…}`
    Object,
}

impl JsonType {
    /// The type's name in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Null => "null",
            Self::List => "list",
            Self::Object => "object",
        }
    }
}

impl Value {
    /// The text for a person or a file: the string itself, or the JSON text of any other value.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Text(secret) | Self::Json(secret) => secret,
        }
    }

    /// The JSON type of the value.
    #[must_use]
    pub fn json_type(&self) -> JsonType {
        match self {
            Self::Text(_) => JsonType::Text,
            Self::Json(secret) => match secret.0.trim_start().as_bytes().first() {
                Some(b'{') => JsonType::Object,
                Some(b'[') => JsonType::List,
                Some(b't' | b'f') => JsonType::Boolean,
                Some(b'n') => JsonType::Null,
                _ => JsonType::Number,
            },
        }
    }

    /// The value as JSON text, for the destination `way`.
    ///
    /// # Errors
    /// None in practice: every string has a JSON form.
    pub fn json(&self, way: WayOut) -> serde_json::Result<Zeroizing<String>> {
        match self {
            Self::Text(secret) => serde_json::to_string(secret.expose(way)).map(Zeroizing::new),
            Self::Json(secret) => Ok(Zeroizing::new(secret.expose(way).to_owned())),
        }
    }

    /// Appends the value as JSON to the body of a write.
    ///
    /// # Errors
    /// None in practice: every string has a JSON form.
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
            Err(_) => {
                let plain = without_html_escapes(&text);
                text.zeroize();
                Self::Json(Secret::from(plain))
            }
        }
    }
}

/// Replaces the escapes that Go's JSON encoder adds to make JSON safe in HTML. For example, it
/// writes `<` as `\u003c`.
fn without_html_escapes(json: &str) -> String {
    const ESCAPES: [(&str, char); 5] = [
        ("u003c", '<'),
        ("u003e", '>'),
        ("u0026", '&'),
        ("u2028", '\u{2028}'),
        ("u2029", '\u{2029}'),
    ];
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        match ESCAPES
            .iter()
            .find(|(escape, _)| behind.starts_with(escape))
        {
            Some((escape, c)) => {
                out.push(*c);
                rest = &behind[escape.len()..];
            }
            None => {
                let length = behind.chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[at..at + 1 + length]);
                rest = &behind[length..];
            }
        }
    }
    out.push_str(rest);
    out
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

    fn value(json: &str) -> Value {
        let raw = serde_json::value::RawValue::from_string(json.into());
        Value::from(raw.unwrap_or_else(|e| panic!("{e}")))
    }

    #[test]
    fn the_json_type_is_recognised_from_the_text() {
        let types = [
            ("\"1\"", JsonType::Text),
            ("1", JsonType::Number),
            ("-0.5", JsonType::Number),
            ("true", JsonType::Boolean),
            ("false", JsonType::Boolean),
            ("null", JsonType::Null),
            ("[1]", JsonType::List),
            ("{}", JsonType::Object),
        ];
        for (json, expected) in types {
            assert_eq!(value(json).json_type(), expected, "{json}");
        }
    }

    #[test]
    fn only_escapes_for_html_are_undone() {
        let text = value(r#"{"a":"\u003cb\u003e \u0026 \\u003c \n \u00e9 \"\u2028"}"#);
        assert!(
            text.secret().expose(WayOut::Inspection)
                == "{\"a\":\"<b> & \\\\u003c \\n \\u00e9 \\\"\u{2028}\"}"
        );
    }
}
