//! A value to set, and the type with which it is stored.

use crate::format::json;
use crate::secret::{JsonType, Secret, Value, WayOut};

/// A value to set.
#[derive(Clone)]
pub enum Given {
    /// Text from a source without types, such as `KEY=TEXT` or a `.env` file. If it replaces a
    /// number or a boolean and is valid JSON of that type, it keeps the type.
    Untyped(Secret),
    /// A value that already has its type.
    Typed(Value),
}

impl Given {
    /// The text of a string, or the JSON of any other type.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Untyped(secret) => secret,
            Self::Typed(value) => value.secret(),
        }
    }

    /// The value to store for a key that currently has the value `before`.
    pub(super) fn over(&self, before: Option<&Value>) -> Value {
        match self {
            Self::Typed(value) => value.clone(),
            Self::Untyped(secret) => {
                let text = secret.expose(WayOut::Inspection);
                let kept = match before.map(Value::json_type) {
                    Some(JsonType::Number) => json::number(text).ok(),
                    Some(JsonType::Boolean) => Some(text.to_owned())
                        .filter(|text| matches!(text.as_str(), "true" | "false")),
                    Some(JsonType::Text | JsonType::Null | JsonType::List | JsonType::Object)
                    | None => None,
                };
                kept.map_or_else(
                    || Value::Text(secret.clone()),
                    |text| Value::Json(Secret::from(text)),
                )
            }
        }
    }
}
