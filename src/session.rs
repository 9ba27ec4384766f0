//! A session: a token, its expiry, and the Vault it is for. A session is held in the environment or
//! in memory, never on disk.
//!
//! A login exports `CLAUDE_VAULT_SESSION` in addition to the token. It contains the token's
//! accessor, a digest of the token, and the address. If the digest matches the token, the token
//! came from our login: it is sent only to that Vault, and logout revokes it. Any other token is
//! foreign: it is sent to the current address and is never revoked without asking.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::Url;

use crate::config::{Env, Settings, lists_host, return_hint};
use crate::error::{Error, Result};
use crate::secret::{Secret, WayOut};

/// The variable that links a token to the login and the Vault that it came from.
pub(crate) const MARK: &str = "CLAUDE_VAULT_SESSION";
/// The variable that names the context of a session. Like the address, it stays after a logout.
pub(crate) const CONTEXT: &str = "CLAUDE_VAULT_CONTEXT";
/// The variables of a session. They are removed from the environment of every program that we
/// start, except with `exec --keep-token`.
pub(crate) const VARIABLES: [&str; 4] = ["VAULT_TOKEN", "VAULT_TOKEN_EXPIRY", "BAO_TOKEN", MARK];

/// A session, from the environment or created by this process.
#[derive(Clone)]
pub struct Session {
    /// The Vault token.
    pub token: Secret,
    /// When this program stops using the token, in Unix seconds, even if Vault would still accept
    /// it.
    pub expiry: Option<i64>,
    /// Set if a login of this program created the token; `None` for a token from elsewhere.
    pub provenance: Option<Provenance>,
}

/// The origin of a token that a login of this program created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Provenance {
    /// The token's accessor, with which an authorised person can revoke it. Empty for a batch
    /// token.
    pub accessor: String,
    /// The address of the Vault that issued the token.
    pub address: Url,
}

impl Provenance {
    /// The value of [`MARK`] for this token: `ACCESSOR,DIGEST,ADDRESS`.
    #[must_use]
    pub fn mark(&self, token: &Secret) -> String {
        format!(
            "{},{},{}",
            self.accessor,
            digest(token),
            self.address.as_str().trim_end_matches('/')
        )
    }

    /// Parses a mark; `None` if the mark belongs to another token or is malformed.
    fn of(token: &Secret, mark: &str) -> Option<Self> {
        let mut parts = mark.splitn(3, ',');
        let (accessor, same, address) = (parts.next()?, parts.next()?, parts.next()?);
        // The address appears in messages and in hints that people paste into a shell.
        let plain = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b":/._-[]~+@".contains(&b))
        };
        let address = Url::parse(address).ok().filter(|_| plain(address))?;
        let is_vault =
            matches!(address.scheme(), "http" | "https") && address.username().is_empty();
        (is_vault && plain(accessor) && same == digest(token)).then(|| Self {
            accessor: accessor.to_owned(),
            address,
        })
    }

    /// The address for messages, without a final slash.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.address.as_str().trim_end_matches('/')
    }
}

/// A token's digest: 64 bits of SHA-256. They are enough to tell tokens apart, and Vault's tokens
/// are too random to be guessed from them.
pub(crate) fn digest(token: &Secret) -> String {
    let hash = Sha256::digest(format!(
        "claude-vault session\n{}",
        token.expose(WayOut::SessionMark)
    ));
    crate::random::hex(&hash[..8])
}

/// The path of a Vault address, without an optional `/v1` and final slash.
fn base_path(address: &Url) -> &str {
    let path = address.path().trim_end_matches('/');
    path.strip_suffix("/v1")
        .unwrap_or(path)
        .trim_end_matches('/')
}

impl Session {
    /// Reads the session from `VAULT_TOKEN` (or `BAO_TOKEN`), `VAULT_TOKEN_EXPIRY` and
    /// `CLAUDE_VAULT_SESSION`.
    ///
    /// # Errors
    /// [`Error::NoSession`] without a token.
    pub fn from_env(env: &Env) -> Result<Self> {
        let token = env
            .vault("TOKEN")
            .map(str::trim)
            .filter(|token| !token.is_empty())
            .ok_or(Error::NoSession)?;
        let token = Secret::from(token.to_owned());
        // VAULT_TOKEN_EXPIRY is the expiry of VAULT_TOKEN and does not apply to BAO_TOKEN.
        let expiry = env
            .get("VAULT_TOKEN")
            .and(env.get("VAULT_TOKEN_EXPIRY"))
            .and_then(|text| text.parse().ok());
        let provenance = env.get(MARK).and_then(|mark| Provenance::of(&token, mark));
        Ok(Self {
            token,
            expiry,
            provenance,
        })
    }

    /// Checks that the token may be sent to the configured Vault. A token from our login may go
    /// only to the Vault that issued it. Another address is allowed if `trusted_hosts` lists both
    /// hosts, for example two names of one cluster. A change from https to http is never allowed.
    ///
    /// # Errors
    /// [`Error::OtherVault`] if the token may not be sent there.
    pub fn check_vault(&self, settings: &Settings) -> Result<()> {
        let (Some(provenance), Some(now)) = (&self.provenance, &settings.address) else {
            return Ok(());
        };
        let home = &provenance.address;
        let same = home.origin() == now.origin() && base_path(home) == base_path(now);
        let listed = |address| lists_host(&settings.trusted_hosts, address);
        let downgrade = home.scheme() == "https" && now.scheme() != "https";
        if same || (listed(home) && listed(now) && !downgrade) {
            return Ok(());
        }
        Err(Error::OtherVault {
            session: provenance.shown().into(),
            address: now.as_str().trim_end_matches('/').into(),
            back: return_hint(settings, home),
        })
    }

    /// Seconds until [`Session::expiry`], 0 if it has passed; `None` if no expiry is known.
    #[must_use]
    pub fn seconds_left(&self) -> Option<u64> {
        self.expiry
            .map(|expiry| u64::try_from(expiry.saturating_sub(now())).unwrap_or(0))
    }

    /// Returns the session if it has not expired.
    ///
    /// # Errors
    /// [`Error::SessionExpired`] if it has.
    pub fn alive(self) -> Result<Self> {
        if self.seconds_left() == Some(0) {
            Err(Error::SessionExpired)
        } else {
            Ok(self)
        }
    }
}

/// Formats a duration in seconds for people, for example `90 s`, `45 min`, `2 h 5 min` or `3 days`.
#[must_use]
pub(crate) fn format_duration(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        // Rounded, so that one second less than an hour is still shown as 60 minutes.
        120..=7199 => format!("{} min", (seconds + 30) / 60),
        7200..=172_799 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86400),
    }
}

/// The current time in Unix seconds.
#[must_use]
pub(crate) fn now() -> i64 {
    Timestamp::now().as_second()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::config::Global;

    fn settings(address: &str, trusted: &str) -> Settings {
        let variables = [
            ("CLAUDE_VAULT_CONFIG", "/dev/null"),
            ("CLAUDE_VAULT_TRUSTED_HOSTS", trusted),
            ("HOME", "/"),
        ];
        let env = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        Settings::load(
            &Global {
                address: Some(address.to_owned()),
                ..Global::default()
            },
            &env,
        )
        .unwrap()
    }

    fn session(token: &str, mark: &str) -> Session {
        let variables = [("VAULT_TOKEN", token), (MARK, mark)];
        Session::from_env(
            &variables
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect(),
        )
        .unwrap()
    }

    fn mark(token: &str, address: &str) -> String {
        Provenance {
            accessor: "a.B-1_x".into(),
            address: address.parse().unwrap(),
        }
        .mark(&Secret::from(token.to_owned()))
    }

    #[test]
    fn a_mark_contains_the_accessor_and_address_but_not_the_token() {
        let mark = mark("hvs.canary", "https://v.example:8200/base/");
        assert!(
            mark.starts_with("a.B-1_x,")
                && mark.ends_with(",https://v.example:8200/base")
                && !mark.contains("canary")
        );
        let provenance = session("hvs.canary", &mark).provenance.unwrap();
        assert_eq!(
            (provenance.accessor.as_str(), provenance.shown()),
            ("a.B-1_x", "https://v.example:8200/base")
        );
    }

    #[test]
    fn a_token_with_a_wrong_mark_or_none_is_foreign() {
        let right = mark("hvs.one", "https://v.example");
        for wrong in [
            "",
            "a",
            "a,b",
            &right.replace(',', ";"),
            &right.replace("https:", "file:"),
            &right.replace("v.ex", "$(x).ex"),
        ] {
            assert!(session("hvs.one", wrong).provenance.is_none(), "{wrong}");
        }
        assert!(session("hvs.two", &right).provenance.is_none());
        assert!(session("hvs.one", &right).provenance.is_some());
    }

    #[test]
    fn our_token_goes_only_to_its_own_vault_and_a_foreign_token_to_the_current_one() {
        let provenance = session("hvs.one", &mark("hvs.one", "https://v.example"));
        let may = |address: &str, trusted: &str| {
            provenance.check_vault(&settings(address, trusted)).is_ok()
        };
        for same in [
            "https://v.example",
            "https://v.example:443/",
            "https://v.example/v1",
            "https://v.example/v1/",
        ] {
            assert!(may(same, ""), "{same}");
        }
        for other in [
            "https://w.example",
            "https://v.example:8200",
            "http://v.example",
            "https://v.example/other",
        ] {
            assert!(!may(other, "") && !may(other, "w.example"), "{other}");
        }
        assert!(may("https://w.example", "v.example w.example"));
        assert!(!may("http://w.example", "v.example w.example"));
        let error = provenance
            .check_vault(&settings("https://w.example", ""))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("https://v.example") && error.contains("https://w.example"),
            "{error}"
        );
        assert!(
            session("hvs.two", "")
                .check_vault(&settings("https://w.example", ""))
                .is_ok()
        );
    }
}
