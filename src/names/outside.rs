//! Names from outside: from a file, or from Vault if this program would not write such a name.

use zeroize::Zeroizing;

use super::{Key, is_public_name};

/// A name of unknown origin, which may be part of a secret.
///
/// It cannot be printed, formatted or serialised, and no reply to a model accepts it. A test limits
/// [`ForeignName::open`] to the files that may use it.
///
/// ```compile_fail
/// println!("{}", claude_vault::names::ForeignName::from(String::from("x")));
/// ```
/// ```compile_fail
/// serde_json::to_string(&claude_vault::names::ForeignName::from(String::from("x")));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ForeignName(Zeroizing<String>);

impl ForeignName {
    /// The name, if it may be shown to a model.
    #[must_use]
    pub fn public(&self) -> Option<PublicName> {
        is_public_name(&self.0).then(|| PublicName(self.0.to_string()))
    }

    /// The text, only for the person or for an exact comparison.
    #[must_use]
    pub fn open(&self) -> &str {
        &self.0
    }
}

impl From<String> for ForeignName {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

/// A name that may be shown to a model.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PublicName(String);

impl PublicName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a key stored in Vault; `None` unless it is a valid [`Key`]. Any other name could
    /// contain anything.
    #[must_use]
    pub fn of_stored_key(key: &str) -> Option<Self> {
        Key::is_valid(key).then(|| Self(key.to_owned()))
    }
}

impl From<&Key> for PublicName {
    fn from(key: &Key) -> Self {
        Self(key.as_str().to_owned())
    }
}
