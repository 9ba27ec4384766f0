//! The proof that a person, and not a program, approves a change.

use serde::{Deserialize, Serialize};

/// The kinds of proof, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// The word `yes`, typed.
    #[default]
    Typed,
    /// A passkey with user verification (WebAuthn).
    Passkey,
    /// A fresh login for a Vault role that may write: Vault itself decides.
    StepUp,
}

impl Strength {
    /// The word used in the config file and on the page.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Typed => "typed",
            Self::Passkey => "passkey",
            Self::StepUp => "step-up",
        }
    }
}
