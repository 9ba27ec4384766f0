//! `renew`: extends a session, within the limits of the person's settings and of Vault.

use super::Core;
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::printable;
use crate::session::{format_duration, now};
use crate::vault::{Client, TokenInfo};

/// An extended session.
pub struct Renewed {
    /// The display name of the session's owner.
    pub user: String,
    /// Seconds until the session ends.
    pub seconds: u64,
    /// The end of the session, in Unix seconds.
    pub expiry: i64,
    /// The reason if the session is shorter than `max_token_ttl`.
    pub end: Option<String>,
}

/// The smallest gain that counts, in seconds. A smaller one may be only the difference between the
/// clocks of two machines.
const LEAST_GAIN: u64 = 2;

/// Extends the session to `max_token_ttl` from now. A session that this program created ends
/// `max_session` after its login at the latest; Vault reports the time of the login. A token from
/// another source is renewed only with `foreign`, as far as Vault allows.
///
/// # Errors
/// [`Error::Invalid`] for a foreign token without `foreign`, [`Error::NotRenewed`] if the session
/// cannot be extended.
pub async fn renew(core: &Core, foreign: bool) -> Result<Renewed> {
    let session = core.session()?.alive()?;
    if session.provenance.is_none() && !foreign {
        return Err(Error::invalid(
            "claude-vault did not obtain this token, so it is renewed only with --foreign",
            "source claude-vault renew --foreign   (or sign in: source claude-vault login --force)",
        ));
    }
    core.audit.check()?;
    let vault = core.vault()?;
    let token = vault.look_up_token().await?;
    let held = [session.seconds_left(), token.seconds_left()]
        .into_iter()
        .flatten()
        .min();
    let Some(held) = held else {
        return Err(Error::invalid(
            "this token never expires: there is nothing to renew",
            "claude-vault status",
        ));
    };
    let (wanted, limit) = wanted(core, &token, session.provenance.is_some())?;
    let granted = extend(&vault, &token, wanted, session.provenance.is_some()).await?;
    let seconds = granted.map_or(wanted, |granted| granted.min(wanted));
    if seconds < held.saturating_add(LEAST_GAIN) {
        return Err(no_gain(&token, held, limit));
    }
    core.audit
        .record(
            Action::Renew,
            "",
            &format!("user {}; {seconds} s", token.display_name),
        )
        .await?;
    let end = match limit {
        _ if seconds.saturating_add(LEAST_GAIN) < wanted => Some(format!(
            "Vault limits this token to {}",
            format_duration(seconds)
        )),
        limit => limit,
    };
    let expiry = now().saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX));
    Ok(Renewed {
        user: printable(&token.display_name, false),
        seconds,
        expiry,
        end,
    })
}

/// The number of seconds until the session should end, and a description of the configured limit if
/// this limit makes the session shorter than `max_token_ttl`.
fn wanted(core: &Core, token: &TokenInfo, is_ours: bool) -> Result<(u64, Option<String>)> {
    let (usual, most) = (core.settings.max_token_ttl, core.settings.max_session);
    if !is_ours {
        return Ok((usual, None));
    }
    match most.saturating_sub(token.age(now())) {
        0 => {
            let (age, most) = (format_duration(token.age(now())), format_duration(most));
            Err(Error::NotRenewed {
                message: format!(
                    "the session began {age} ago and cannot be extended past {most} after login"
                ),
            })
        }
        left if left < usual => Ok((
            left,
            Some(format!(
                "a session cannot be extended past {} after login",
                format_duration(most)
            )),
        )),
        _ => Ok((usual, None)),
    }
}

/// Renews the token in Vault and returns its remaining lifetime in seconds; `None` for a token that
/// never expires.
async fn extend(
    vault: &Client,
    token: &TokenInfo,
    wanted: u64,
    is_ours: bool,
) -> Result<Option<u64>> {
    let Some(left) = token.seconds_left() else {
        return Ok(None);
    };
    // Renewal can also shorten a token. A foreign token must never get shorter.
    if !token.renewable || (!is_ours && left >= wanted) {
        return Ok(Some(left));
    }
    vault.renew_token(wanted).await.map(Some)
}

fn no_gain(token: &TokenInfo, held: u64, limit: Option<String>) -> Error {
    let why = match limit {
        Some(limit) => limit,
        None if !token.renewable => "Vault does not renew this token".to_owned(),
        None => "Vault does not allow a longer life".to_owned(),
    };
    Error::NotRenewed {
        message: format!(
            "the session cannot be extended and ends in {}: {why}",
            format_duration(held)
        ),
    }
}
