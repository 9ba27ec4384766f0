//! A session: a token, when it ends and which Vault it is for; held in the environment or in
//! memory, never on disk.
//!
//! Login exports `CLAUDE_VAULT_SESSION` beside the token: its accessor, a digest of the token, and
//! the address. A token that the digest fits is ours: it goes to that Vault alone, and logout
//! revokes it. Any other token is foreign: it goes to the current address, and is never revoked
//! unasked.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::Url;

use crate::config::{Env, Settings, lists_host, way_back};
use crate::error::{Error, Result};
use crate::secret::{Secret, WayOut};

/// The variable that says what a session of ours is for.
pub const MARK: &str = "CLAUDE_VAULT_SESSION";
/// The variable that names the context of a session. It stays after a logout, as the address does.
pub const CONTEXT: &str = "CLAUDE_VAULT_CONTEXT";
/// The variables of a session. Programs that we start do not get them, but for `exec --keep-token`.
pub const VARIABLES: [&str; 4] = ["VAULT_TOKEN", "VAULT_TOKEN_EXPIRY", "BAO_TOKEN", MARK];

/// The session that the environment or this process holds.
#[derive(Clone)]
pub struct Session {
    /// The Vault token.
    pub token: Secret,
    /// Unix seconds after which it is not used any more, even where Vault would allow it.
    pub expiry: Option<i64>,
    /// What a login of this program made it for; `None` for a token from elsewhere.
    pub ours: Option<Ours>,
}

/// What a login of this program made a token for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ours {
    /// The token's accessor: enough to revoke it, for whoever may. Empty for a batch token.
    pub accessor: String,
    /// The Vault that gave it.
    pub address: Url,
}

impl Ours {
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

    /// Reads a mark; `None` where it belongs to another token or is not one of ours.
    fn of(token: &Secret, mark: &str) -> Option<Self> {
        let mut parts = mark.splitn(3, ',');
        let (accessor, same, address) = (parts.next()?, parts.next()?, parts.next()?);
        // The address is shown, and named in a hint that people paste.
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

    /// The address as it is shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.address.as_str().trim_end_matches('/')
    }
}

/// A token's digest: 64 bits of SHA-256 tell tokens apart, and Vault's tokens cannot be guessed
/// from it.
pub(crate) fn digest(token: &Secret) -> String {
    let hash = Sha256::digest(format!(
        "claude-vault session\n{}",
        token.expose(WayOut::SessionMark)
    ));
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The path of a Vault's address, without what may stand at its end.
fn base(address: &Url) -> &str {
    let path = address.path().trim_end_matches('/');
    path.strip_suffix("/v1")
        .unwrap_or(path)
        .trim_end_matches('/')
}

impl Session {
    /// Takes `VAULT_TOKEN` (or `BAO_TOKEN`), `VAULT_TOKEN_EXPIRY` and `CLAUDE_VAULT_SESSION`.
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
        // An expiry belongs to the VAULT_TOKEN it came with, not to a token from BAO_TOKEN.
        let expiry = env
            .get("VAULT_TOKEN")
            .and(env.get("VAULT_TOKEN_EXPIRY"))
            .and_then(|text| text.parse().ok());
        let ours = env.get(MARK).and_then(|mark| Ours::of(&token, mark));
        Ok(Self {
            token,
            expiry,
            ours,
        })
    }

    /// Whether the token may go to the Vault of these settings: a session of ours goes to the one
    /// that it was made at, or to another name of its cluster, where `trusted_hosts` lists both.
    /// Never from https to http.
    ///
    /// # Errors
    /// [`Error::OtherVault`].
    pub fn check_vault(&self, settings: &Settings) -> Result<()> {
        let (Some(ours), Some(now)) = (&self.ours, &settings.address) else {
            return Ok(());
        };
        let home = &ours.address;
        let same = home.origin() == now.origin() && base(home) == base(now);
        let listed = |address| lists_host(&settings.trusted_hosts, address);
        let downgrade = home.scheme() == "https" && now.scheme() != "https";
        if same || (listed(home) && listed(now) && !downgrade) {
            return Ok(());
        }
        Err(Error::OtherVault {
            session: ours.shown().into(),
            address: now.as_str().trim_end_matches('/').into(),
            back: way_back(settings, home),
        })
    }

    /// Seconds until the expiry that the shell holds; `None` when it holds none.
    #[must_use]
    pub fn seconds_left(&self) -> Option<u64> {
        self.expiry
            .map(|expiry| u64::try_from(expiry.saturating_sub(now())).unwrap_or(0))
    }

    /// Gives the session back if its time is not over.
    ///
    /// # Errors
    /// [`Error::SessionExpired`].
    pub fn alive(self) -> Result<Self> {
        if self.seconds_left() == Some(0) {
            Err(Error::SessionExpired)
        } else {
            Ok(self)
        }
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
        Ours {
            accessor: "a.B-1_x".into(),
            address: address.parse().unwrap(),
        }
        .mark(&Secret::from(token.to_owned()))
    }

    #[test]
    fn a_mark_holds_the_accessor_and_the_address_and_not_the_token() {
        let mark = mark("hvs.canary", "https://v.example:8200/base/");
        assert!(
            mark.starts_with("a.B-1_x,")
                && mark.ends_with(",https://v.example:8200/base")
                && !mark.contains("canary")
        );
        let ours = session("hvs.canary", &mark).ours.unwrap();
        assert_eq!(
            (ours.accessor.as_str(), ours.shown()),
            ("a.B-1_x", "https://v.example:8200/base")
        );
    }

    #[test]
    fn a_token_with_another_mark_or_none_is_foreign() {
        let right = mark("hvs.one", "https://v.example");
        for wrong in [
            "",
            "a",
            "a,b",
            &right.replace(',', ";"),
            &right.replace("https:", "file:"),
            &right.replace("v.ex", "$(x).ex"),
        ] {
            assert!(session("hvs.one", wrong).ours.is_none(), "{wrong}");
        }
        assert!(session("hvs.two", &right).ours.is_none());
        assert!(session("hvs.one", &right).ours.is_some());
    }

    #[test]
    fn a_session_of_ours_goes_to_its_own_vault_only_and_a_foreign_one_to_the_current() {
        let ours = session("hvs.one", &mark("hvs.one", "https://v.example"));
        let may =
            |address: &str, trusted: &str| ours.check_vault(&settings(address, trusted)).is_ok();
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
        let error = ours
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
