//! The rules: their name, the reason shown to the user, and their consequences.

use serde::Serialize;

use super::{SecretKind, Severity};

/// A rule of the classifier.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The name in `--json`, `--sarif` and the manual.
    pub id: &'static str,
    /// The reason shown to the user, as one sentence.
    pub reason: &'static str,
    /// The kind of text that the rule finds.
    pub kind: SecretKind,
    /// How serious a leak would be; [`Severity::None`] if the text is harmless.
    pub severity: Severity,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = ($id:literal, $reason:literal, $kind:ident, $severity:ident);)*) => {
        $($(#[$doc])* pub(crate) static $name: Rule =
            Rule { id: $id, reason: $reason, kind: SecretKind::$kind, severity: Severity::$severity };)*

        /// All rules except those for one provider's tokens.
        pub(super) static GENERAL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    PASSWORD = ("password-name", "its name says that it is a password", Password, High);
    WEAK_PASSWORD = ("weak-password",
        "its name says that it is a password, and it is easy to guess", Password, High);
    TOKEN = ("token-name", "its name says that it is a token or a key", Token, Medium);
    KEY_VALUE = ("key-and-form", "its name may stand for a secret, and it looks like one", Token, Medium);
    CODE = ("code-name", "it is a PIN or a code, by its name", Code, Medium);
    USER_AND_PASSWORD = ("user-and-password", "it is a user name with a password", Password, High);
    URL_PASSWORD = ("url-password", "it is an address with a password in it", UrlWithPassword, High);
    URL_TOKEN = ("url-token", "it is an address with a token in it", UrlWithPassword, High);
    WEBHOOK = ("webhook", "anyone who knows this address can use it", Webhook, High);
    TOPIC = ("topic", "anyone who knows this topic can read and write it", Webhook, Medium);
    PHRASE = ("recovery-phrase", "it is a recovery phrase", Key, High);
    PRIVATE_KEY = ("private-key", "it is a private key", Key, High);
    /// A file that compose mounts as a secret.
    SECRET_FILE = ("secret-file", "compose mounts the whole file as a secret", Token, High);
    RANDOM = ("random", "it looks random, and nothing says that it is harmless", Token, Low);

    EMPTY = ("empty", "it is empty", Empty, None);
    REFERENCE = ("reference", "it comes from somewhere else", Reference, None);
    ENCRYPTED = ("encrypted", "it is encrypted", Reference, None);
    PLACEHOLDER = ("placeholder", "it is a placeholder that someone must replace", Placeholder, None);
    PUBLIC_NAME = ("public-name", "its name says that it is public", Public, None);
    PUBLIC_FORM = ("public-form",
        "it has the form of something public: a public key, a certificate or a digest",
        Public, None);
    IDENTIFIER = ("identifier", "it is an identifier", Public, None);
    ABOUT = ("about", "its name is about a secret: a limit, a file, a name", Plain, None);
    PLAIN = ("plain", "it is a number, a boolean or a setting", Plain, None);
    PLACE = ("place", "it is a path or an address without a password", Place, None);
    TEXT = ("text", "neither its name nor its form says that it is a secret", Text, None);
    COMMENT = ("comment", "it is a comment without a secret", Text, None);
}
