//! The security mode: how an AI assistant sees values.

use crate::error::{Error, Result};

/// How an AI assistant sees values. Only the person chooses this, never a tool argument or a file
/// in the project.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A handle in place of each value.
    #[default]
    Tokenized,
    /// Only the names of keys.
    Redacted,
    /// The values themselves, for throwaway environments.
    Plaintext,
}

impl Mode {
    /// The word used in a config file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Tokenized => "tokenized",
            Self::Redacted => "redacted",
            Self::Plaintext => "plaintext",
        }
    }

    /// How much the mode hides: a higher number shows less.
    fn strictness(self) -> u8 {
        match self {
            Self::Plaintext => 0,
            Self::Tokenized => 1,
            Self::Redacted => 2,
        }
    }

    /// The mode of the config, or a stricter one from the variable. A project's `.mcp.json` can set
    /// variables, so a variable must never show an assistant more.
    pub(super) fn with_variable(self, variable: Option<&str>) -> Result<Self> {
        let Some(wanted) = variable.map(str::parse::<Self>).transpose()? else {
            return Ok(self);
        };
        if wanted.strictness() >= self.strictness() {
            return Ok(wanted);
        }
        Err(Error::invalid(
            format!(
                "VAULT_SECURITY_MODE can only make the mode stricter: it is {}, but your config \
                 has {}",
                wanted.word(),
                self.word()
            ),
            format!(
                "claude-vault config edit   (and add: security_mode = \"{}\"), or: unset \
                 VAULT_SECURITY_MODE",
                wanted.word()
            ),
        ))
    }
}

impl std::str::FromStr for Mode {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "tokenized" => Ok(Self::Tokenized),
            "redacted" => Ok(Self::Redacted),
            "plaintext" => Ok(Self::Plaintext),
            _ => Err(Error::invalid(
                "the security mode is not one of: tokenized, redacted, plaintext",
                "export VAULT_SECURITY_MODE=tokenized",
            )),
        }
    }
}
