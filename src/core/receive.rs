//! `receive`: opens a share. It needs no session, because the wrapping token itself authorises one
//! request.

use super::Core;
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::{printable, short};
use crate::secret::{Secret, WayOut};
use crate::vault::{Client, Secrets, WRAP_PATH};

/// The maximum length of a token, in bytes. Vault can issue wrapping tokens as long JWTs.
const MAX_TOKEN: usize = 8 * 1024;

/// An opened share.
pub struct ReceiveReply {
    /// The shared keys and values.
    pub secrets: Secrets,
    /// When they were shared, in RFC 3339 format.
    pub shared: String,
    /// Warnings for the person.
    pub warnings: Vec<String>,
}

/// Opens a wrapping token. The token is looked up first, which does not use it up. It is opened
/// only if its content was wrapped by [`WRAP_PATH`], so nobody can substitute a wrapped response of
/// another path.
///
/// # Errors
/// [`Error::UnderAgent`], [`Error::NotFound`] for a token that was used, has expired or never
/// existed, [`Error::Invalid`] for a wrapping token of another kind, which is not used up.
pub async fn receive(core: &Core, token: Secret) -> Result<ReceiveReply> {
    if core.settings.agent.is_some() {
        return Err(Error::UnderAgent { what: "receive" });
    }
    let outcome = open(core, token).await;
    let details = |reply: &ReceiveReply| {
        let names: Vec<String> = reply.secrets.keys().map(|key| short(key)).collect();
        format!("keys: {}", names.join(", "))
    };
    // The token is used up, so a log that cannot be written must not lose the values.
    let (mut reply, unlogged) = core
        .audited(Action::Receive, None, outcome, details)
        .await?;
    reply.warnings.extend(unlogged);
    Ok(reply)
}

async fn open(core: &Core, token: Secret) -> Result<ReceiveReply> {
    let text = token.expose(WayOut::Inspection);
    if !(1..=MAX_TOKEN).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::invalid(
            "that is not a token: a token is a single word",
            "paste only the token, as share printed it",
        ));
    }
    let vault = Client::new(&core.settings, None)?.at_active_node();
    let info = vault
        .look_up_wrapping(&token)
        .await?
        .ok_or_else(|| gone(""))?;
    if info.creation_path != WRAP_PATH {
        return Err(other_kind(&info.creation_path));
    }
    let opener = vault.with_token(token.clone());
    let secrets = match opener.unwrap_values().await {
        Ok(secrets) => secrets.ok_or_else(|| gone(" a moment ago"))?,
        Err(error) if error.is_transient() => {
            return Err(match vault.look_up_wrapping(&token).await {
                Ok(None) => lost(),
                Ok(Some(_)) | Err(_) => error,
            });
        }
        Err(error) => return Err(error),
    };
    if secrets.is_empty() {
        return Err(Error::invalid(
            "the share contains no keys",
            "ask for it to be shared again",
        ));
    }
    Ok(ReceiveReply {
        secrets,
        shared: printable(&info.creation_time, false),
        warnings: Vec::new(),
    })
}

/// The error for a token that Vault does not know. Vault does not distinguish the reasons.
fn gone(when: &str) -> Error {
    Error::NotFound {
        missing: None,
        what: format!(
            "a share for that token (it was used{when}, has expired, or is not from share)"
        ),
        hint: "if the token should still be valid, someone else may have read the values: ask for \
            new values and a new share"
            .into(),
    }
}

fn lost() -> Error {
    Error::NotFound {
        missing: None,
        what: "the shared content (the connection broke while the single-use token was in use)"
            .into(),
        hint: "ask for it to be shared again".into(),
    }
}

/// The error for a token that wraps something else. The path comes from the server, so it is shown
/// only if it looks like a path.
fn other_kind(path: &str) -> Error {
    let is_path = !path.is_empty()
        && path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/_.-".contains(&b));
    let path = if is_path {
        short(path)
    } else {
        "another path".into()
    };
    Error::invalid(
        format!("that token wraps a reply of {path}, not a share; it was not opened"),
        "ask the sender what it is; if you expect it: bao unwrap   (or vault unwrap)",
    )
}
