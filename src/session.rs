//! A session: a token and when it ends, held in the environment or in memory, never on disk.

use jiff::Timestamp;

use crate::config::Env;
use crate::error::{Error, Result};
use crate::secret::Secret;

/// The session that the environment holds.
#[derive(Clone)]
pub struct Session {
    /// The Vault token.
    pub token: Secret,
    /// Unix seconds after which it is not used any more, even where Vault would allow it.
    pub expiry: Option<i64>,
}

impl Session {
    /// Takes `VAULT_TOKEN` (or `BAO_TOKEN`) and `VAULT_TOKEN_EXPIRY`.
    ///
    /// # Errors
    /// [`Error::NoSession`] without a token.
    pub fn from_env(env: &Env) -> Result<Self> {
        let token = env.vault("TOKEN").map(str::trim).filter(|token| !token.is_empty()).ok_or(Error::NoSession)?;
        // An expiry belongs to the VAULT_TOKEN it came with, not to a token from BAO_TOKEN.
        let expiry = env.get("VAULT_TOKEN").and(env.get("VAULT_TOKEN_EXPIRY")).and_then(|text| text.parse().ok());
        Ok(Self { token: Secret::from(token.to_owned()), expiry })
    }

    /// Seconds until the expiry that the shell holds; `None` when it holds none.
    #[must_use]
    pub fn seconds_left(&self) -> Option<u64> {
        self.expiry.map(|expiry| u64::try_from(expiry.saturating_sub(now())).unwrap_or(0))
    }

    /// Gives the session back if its time is not over.
    ///
    /// # Errors
    /// [`Error::SessionExpired`].
    pub fn alive(self) -> Result<Self> {
        if self.seconds_left() == Some(0) { Err(Error::SessionExpired) } else { Ok(self) }
    }
}

/// A span of seconds as a person says it.
#[must_use]
pub fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        // Rounded: an hour that began a second ago is 60 minutes.
        120..=7199 => format!("{} min", (seconds + 30) / 60),
        7200..=172_799 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86400),
    }
}

/// Unix seconds.
#[must_use]
pub fn now() -> i64 {
    Timestamp::now().as_second()
}
