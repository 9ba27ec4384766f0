//! `share`: creates a single-use token for some values. Vault stores the values until the token is
//! used (response wrapping). No service changes, and the recipient needs no session.

use jiff::{SignedDuration, Timestamp};

use super::Core;
use super::get::{self, GetReply, GetRequest};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::{Service, short};
use crate::secret::Secret;
use crate::vault::{Secrets, Wrapped};

/// The maximum lifetime of a share: thirty days, in seconds.
const LONGEST: u64 = 30 * 24 * 3600;

/// The arguments of `share`.
#[derive(clap::Args)]
pub struct ShareRequest {
    /// The service
    #[arg(value_parser = Service::from_folder)]
    pub service: Service,
    /// The keys; if omitted, all keys
    #[arg(value_name = "KEY")]
    pub keys: Vec<String>,
    /// How long the token works, such as 30m, 1h or 2d
    #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = life)]
    pub life: u64,
}

/// A created share.
pub struct ShareReply {
    /// The service.
    pub service: Service,
    /// The version from which the values were read.
    pub version: u64,
    /// The shared keys.
    pub keys: Vec<String>,
    /// The wrapping token, which can be used once.
    pub token: Secret,
    /// The lifetime of the token, in seconds.
    pub seconds: u64,
    /// When the token expires.
    pub until: Timestamp,
}

/// Wraps the requested values in a single-use token. If the audit log cannot be written, nothing is
/// shared.
///
/// # Errors
/// [`Error::UnderAgent`], [`Error::NotFound`] for a service or key that does not exist, errors of
/// the audit log, and errors from Vault.
pub async fn share(core: &Core, request: &ShareRequest) -> Result<ShareReply> {
    if core.settings.agent.is_some() {
        return Err(Error::UnderAgent { what: "share" });
    }
    let ShareRequest {
        service,
        keys,
        life,
    } = request;
    let held = read(core, service, keys).await?;
    let keys: Vec<String> = held.secrets.keys().map(|key| short(key)).collect();
    let details = format!("keys: {}; for {life} s", keys.join(", "));
    core.audit
        .record(Action::Share, service.as_str(), &details)
        .await?;
    let wrapped = wrap(core, service, &held.secrets, *life).await?;
    let left = SignedDuration::from_secs(i64::try_from(wrapped.seconds).unwrap_or(0));
    Ok(ShareReply {
        service: service.clone(),
        version: held.version,
        keys: held.secrets.into_keys().collect(),
        token: wrapped.token,
        seconds: wrapped.seconds,
        until: Timestamp::now()
            .saturating_add(left)
            .unwrap_or(Timestamp::MAX),
    })
}

/// Reads the values to share, and logs a failure.
async fn read(core: &Core, service: &Service, keys: &[String]) -> Result<GetReply> {
    let request = GetRequest {
        service: service.clone(),
        keys: keys.to_vec(),
        version: None,
    };
    let held = match get::read(core, &request).await {
        Ok(held) => held,
        Err(error) => {
            // The log entry omits the keys: someone may have typed a value in place of a key.
            let details = format!("failed: {}", error.code());
            let _ = core
                .audit
                .record(Action::Share, service.as_str(), &details)
                .await;
            return Err(error);
        }
    };
    if held.secrets.is_empty() {
        return Err(Error::invalid(
            format!("{service} has no keys to share"),
            format!("claude-vault list {service}"),
        ));
    }
    Ok(held)
}

/// Wraps the values at the active node, and logs a failure.
async fn wrap(core: &Core, service: &Service, secrets: &Secrets, life: u64) -> Result<Wrapped> {
    let vault = core.active_vault()?;
    let wrapped = vault.wrap(secrets, life).await;
    if let Err(error) = &wrapped {
        let details = format!("share: {}", error.code());
        let _ = core
            .audit
            .record(Action::Failed, service.as_str(), &details)
            .await;
    }
    wrapped
}

/// Parses a lifetime such as `90s`, `30m`, `1h` or `2d` into seconds.
fn life(text: &str) -> Result<u64> {
    let wrong = || {
        Error::invalid(
            "--for must be between 1 second and 30 days",
            "--for 30m   (or 90s, 1h, 2d)",
        )
    };
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(wrong()),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    count
        .checked_mul(unit)
        .filter(|seconds| (1..=LONGEST).contains(seconds))
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::life;

    #[test]
    fn a_lifetime_needs_a_unit_and_has_a_maximum() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("1h", 3600), ("30d", 2_592_000)] {
            assert_eq!(life(text).ok(), Some(seconds));
        }
        for text in [
            "",
            "1",
            "h",
            "0s",
            "-1h",
            "1.5h",
            "31d",
            "99999999999999999999d",
            "1w",
            "1 h",
            "１h",
        ] {
            assert!(life(text).is_err(), "{text}");
        }
    }
}
