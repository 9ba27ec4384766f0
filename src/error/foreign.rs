//! Text from outside: messages of Vault or an identity provider.
//!
//! [`ServerText`] contains one of a few fixed sentences and may be shown anywhere. [`ForeignText`]
//! contains text that the other side chose. It has no `Display`, and its `Debug` shows nothing. The
//! only way to the text is [`ForeignText::for_person`], and it may only be shown to a person.

use std::fmt;

use crate::names::printable;

/// The maximum number of characters of foreign text that are shown.
const MAX_SHOWN: usize = 300;

/// Known sentences of Vault that repeat nothing of a request.
const KNOWN: [&str; 12] = [
    "rate limit quota exceeded",
    "refused JSON input due to high complexity",
    "http: request body too large",
    "check-and-set parameter required for this call",
    "check-and-set parameter did not match the current version",
    "local node not active but active cluster node not found",
    "context canceled",
    "lease is not renewable",
    "namespace not found",
    "permission denied",
    "unsupported operation",
    "internal error",
];

/// One of the known sentences of Vault, or nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerText(Option<&'static str>);

impl ServerText {
    /// The first known sentence that any of the server's errors contains.
    pub(crate) fn known(errors: &[String]) -> Self {
        Self(
            KNOWN
                .into_iter()
                .find(|known| errors.iter().any(|error| error.contains(known))),
        )
    }
}

impl fmt::Display for ServerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |text| write!(f, ": {text}"))
    }
}

/// Text that Vault or an identity provider chose: printable, on one line, at most 300 characters.
/// Only for a person.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ForeignText(String);

impl ForeignText {
    /// Shortens foreign text and makes it printable.
    #[must_use]
    pub fn new(text: &str) -> Self {
        // Shortened before it is copied: a hostile server may send megabytes.
        let start: String = text.chars().take(4 * MAX_SHOWN).collect();
        let line = start.split_whitespace().collect::<Vec<_>>().join(" ");
        Self(printable(&line, false).chars().take(MAX_SHOWN).collect())
    }

    /// The server's first error, without any of the secrets in `sent` (codes, nonces, tokens).
    /// Secrets shorter than 4 bytes are not removed.
    pub(crate) fn scrubbed(errors: &[String], sent: &[&str]) -> Self {
        let mut text = errors.first().cloned().unwrap_or_default();
        for secret in sent.iter().filter(|secret| secret.len() >= 4) {
            text = text.replace(secret, "…");
        }
        Self::new(&text)
    }

    /// The text, for a person's terminal or page; empty if there is none.
    #[must_use]
    pub fn for_person(&self) -> &str {
        &self.0
    }

    /// Whether the text contains these words; used to choose a hint.
    pub(crate) fn mentions(&self, words: &str) -> bool {
        self.0.contains(words)
    }
}

impl fmt::Debug for ForeignText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForeignText(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_does_not_repeat_the_secrets_that_were_sent() {
        let texts = vec!["bad code canary-code\u{1b}[2J\nand more".to_owned()];
        assert_eq!(
            ForeignText::scrubbed(&texts, &["canary-code"]).for_person(),
            "bad code …\\u{1b}[2J and more"
        );
    }

    #[test]
    fn foreign_text_is_shortened_and_hidden_in_debug_output() {
        let text = ForeignText::new(&"canary ".repeat(100_000));
        assert_eq!(text.for_person().chars().count(), 300);
        assert!(!format!("{text:?}").contains("canary"));
    }

    #[test]
    fn only_known_sentences_of_the_servers_errors_are_displayed() {
        let text = |error: &str| ServerText::known(&[error.to_owned()]).to_string();
        assert_eq!(text("value canary is bad"), "");
        assert_eq!(
            text("1 error: permission denied for canary"),
            ": permission denied"
        );
    }
}
