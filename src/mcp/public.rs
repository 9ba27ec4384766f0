//! The types that may be sent to a model. `String` is not one of them, so a secret value, text from
//! a file or text from a server cannot slip into a reply. Only [`ClearValue`] holds a value, one
//! that the person's config allows to be shown.
//!
//! A reply is declared with [`public_reply!`], which compiles only if all of its fields are
//! [`Public`].

use std::path::{Component, Path};

use serde::Serialize;

use crate::config::{Mode, Strength};
use crate::names::{Key, PublicName, Service};
use crate::secret::{Secret, WayOut};

/// A type whose values may be shown to a model.
pub(super) trait Public: Serialize {}

impl Public for bool {}
impl Public for u64 {}
impl Public for Service {}
impl Public for Key {}
impl Public for Mode {}
impl Public for Strength {}
impl<T: Public> Public for Option<T> {}
impl<T: Public> Public for Vec<T> {}

/// Declares replies whose fields are all [`Public`].
macro_rules! public_reply {
    ($($(#[$doc:meta])* $visibility:vis struct $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(serde::Serialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        $visibility struct $name {
            $($(#[$field_doc])* $visibility $field: $type,)*
        }
        impl crate::mcp::public::Public for $name {}
        const _: fn() = || {
            fn assert_public<T: crate::mcp::public::Public>() {}
            $(assert_public::<$type>();)*
        };
    )*};
}
pub(super) use public_reply;

/// Declares enums of fixed words.
macro_rules! public_words {
    ($($(#[$doc:meta])* $visibility:vis enum $name:ident { $($(#[$word_doc:meta])* $word:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, serde::Serialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        $visibility enum $name { $($(#[$word_doc])* $word,)* }
        impl crate::mcp::public::Public for $name {}
    )*};
}
pub(super) use public_words;

/// Declares public types that hold a checked text.
macro_rules! checked_text {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub(super) struct $name(String);
        impl Public for $name {}
    )*};
}

checked_text! {
    /// A fixed sentence of this program that contains nothing but public names.
    Sentence
    /// The name of a key.
    Name
    /// A handle, which stands for a value.
    Handle
    /// A path below the root: one that the model sent, or the usual path of such a file.
    PublicPath
    /// A time, RFC 3339.
    Time
    /// A single word from Vault: the name of an account, entity or policy, or a version.
    Account
    /// Scheme, host and port of Vault, or the path of its services, from the settings.
    Setting
    /// A value in clear text, which the user's config allows to be shown.
    ClearValue
}

impl Sentence {
    /// A fixed sentence.
    pub(super) fn fixed(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// A fixed sentence in which names replace each `{}`.
    pub(super) fn about(text: &'static str, names: &[&dyn InSentence]) -> Self {
        let mut parts = text.split("{}");
        let mut sentence = parts.next().unwrap_or_default().to_owned();
        for (part, name) in parts.zip(names) {
            sentence.push_str(name.word());
            sentence.push_str(part);
        }
        Self(sentence)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A word that may be filled into a [`Sentence`].
pub(super) trait InSentence {
    fn word(&self) -> &str;
}

impl InSentence for &'static str {
    fn word(&self) -> &str {
        self
    }
}
impl InSentence for Service {
    fn word(&self) -> &str {
        self.as_str()
    }
}
impl InSentence for Key {
    fn word(&self) -> &str {
        self.as_str()
    }
}
impl InSentence for Name {
    fn word(&self) -> &str {
        &self.0
    }
}
impl InSentence for PublicPath {
    fn word(&self) -> &str {
        &self.0
    }
}
/// For an approval token, which is a random text made by this process.
impl InSentence for Handle {
    fn word(&self) -> &str {
        &self.0
    }
}

impl From<&PublicName> for Name {
    fn from(name: &PublicName) -> Self {
        Self(name.as_str().to_owned())
    }
}

impl From<&Key> for Name {
    fn from(key: &Key) -> Self {
        Self(key.as_str().to_owned())
    }
}

impl Handle {
    /// Wraps a random text made by this process: a handle or an approval token.
    pub(super) fn random(text: String) -> Self {
        Self(text)
    }
}

impl PublicPath {
    /// A relative path made of common characters; `None` for any other.
    pub(super) fn new(path: &Path) -> Option<Self> {
        let is_usual = |part: Component<'_>| match part {
            Component::Normal(part) => part.to_str().is_some_and(|part| {
                part.len() <= 128
                    && part
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"._-@+ ".contains(&b))
            }),
            Component::Prefix(_)
            | Component::RootDir
            | Component::CurDir
            | Component::ParentDir => false,
        };
        path.components()
            .all(is_usual)
            .then(|| path.to_str().map(|path| Self(path.to_owned())))?
    }
}

impl Time {
    /// A time as Vault writes it; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>()
            .is_ok()
            .then(|| Self(text.to_owned()))
    }
}

impl Account {
    /// A word of at most 128 characters; `None` for anything else.
    pub(super) fn new(text: &str) -> Option<Self> {
        let is_word = (1..=128).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-@+/:".contains(&b));
        is_word.then(|| Self(text.to_owned()))
    }
}

impl Setting {
    /// Scheme, host and port of Vault, or the path of its services. Both come from the person's
    /// settings.
    pub(super) fn new(text: &str) -> Self {
        Self(crate::names::printable(text, false))
    }
}

impl ClearValue {
    /// Exposes a value. Call this only if the person's config allows the value to be shown.
    pub(super) fn allowed_by_config(secret: &Secret) -> Self {
        Self(secret.expose(WayOut::PlaintextReply).to_owned())
    }
}

public_reply! {
    /// A key, or an entry of a file. If its name is not public, it has a number instead.
    pub(super) struct PublicEntry {
        /// The name
        name: Option<Name>,
        /// Its number, from 1, if the name is not shown
        entry: Option<u64>,
        /// The handle that stands for the value
        handle: Option<Handle>,
        /// The value, if the user's config allows it to be shown
        value: Option<ClearValue>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_usual_paths_and_words_are_public() {
        for path in ["plex/.env", "a b/secrets.yaml", ".env"] {
            assert!(PublicPath::new(Path::new(path)).is_some(), "{path}");
        }
        for path in ["/etc/x", "../x", "a\nb", "x=y", "\u{ff21}", "a/`x`"] {
            assert!(PublicPath::new(Path::new(path)).is_none(), "{path}");
        }
        assert!(Account::new("oidc-alice@example.org").is_some() && Account::new("a b").is_none());
        assert!(
            Time::parse("2026-01-31T10:35:00.123456789Z").is_some()
                && Time::parse("soon").is_none()
        );
    }

    #[test]
    fn names_replace_the_placeholders_of_a_sentence() {
        let Ok(key) = "A".parse::<Key>() else {
            panic!("key")
        };
        assert_eq!(
            Sentence::about("the handle for {} is {}", &[&key, &"dead"]).as_str(),
            "the handle for A is dead"
        );
    }
}
