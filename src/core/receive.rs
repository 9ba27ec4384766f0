//! `receive`: opens what somebody shared. It needs no session: the token itself is one, for one
//! request.

use super::Core;
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::{printable, short};
use crate::secret::{Secret, WayOut};
use crate::vault::{Client, Secrets, WRAP_PATH};

/// The longest token that is sent, in bytes: Vault can make them JWTs.
const MAX_TOKEN: usize = 8 * 1024;

/// What was behind the token.
pub struct ReceiveReply {
    /// Keys and values.
    pub secrets: Secrets,
    /// When it was shared, RFC 3339.
    pub shared: String,
    /// What to know.
    pub warnings: Vec<String>,
}

/// Opens a wrapping token. It is looked up first, which does not use it: only what was wrapped by
/// [`WRAP_PATH`] is opened, and no answer of another path that somebody wrapped in its place.
///
/// # Errors
/// [`Error::UnderAgent`], [`Error::NotFound`] for a token that was used, has expired or never was
/// one, [`Error::Invalid`] for one of another kind, which is not used.
pub async fn receive(core: &Core, token: Secret) -> Result<ReceiveReply> {
    if core.settings.agent.is_some() {
        return Err(Error::UnderAgent { what: "receive" });
    }
    let outcome = open(core, token).await;
    let details = |reply: &ReceiveReply| {
        let names: Vec<String> = reply.secrets.keys().map(|key| short(key)).collect();
        format!("keys: {}", names.join(", "))
    };
    // The token is used: a log that cannot be written must not cost the values.
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
            "that is not a token: a token is one word",
            "paste the token alone, as share printed it",
        ));
    }
    let vault = Client::new(&core.settings, None)?;
    let active = vault.active_node().await?;
    let vault = active.unwrap_or(vault);
    let info = vault
        .look_up_wrapping(&token)
        .await?
        .ok_or_else(|| gone(""))?;
    if info.creation_path != WRAP_PATH {
        return Err(other_kind(&info.creation_path));
    }
    let opener = vault.with_token(token.clone())?;
    let secrets = match opener.unwrap_values().await {
        Ok(secrets) => secrets.ok_or_else(|| gone(" a moment ago"))?,
        Err(
            error @ (Error::Unreachable { .. } | Error::BadReply { .. } | Error::Server { .. }),
        ) => {
            return Err(match vault.look_up_wrapping(&token).await {
                Ok(None) => lost(),
                Ok(Some(_)) | Err(_) => error,
            });
        }
        Err(error) => return Err(error),
    };
    if secrets.is_empty() {
        return Err(Error::invalid(
            "that share has no keys",
            "ask for it to be shared again",
        ));
    }
    Ok(ReceiveReply {
        secrets,
        shared: printable(&info.creation_time, false),
        warnings: Vec::new(),
    })
}

/// Vault does not tell these apart.
fn gone(when: &str) -> Error {
    Error::NotFound {
        what: format!(
            "a share for that token (it was used{when}, has expired, or is not from \
            share)"
        ),
        hint: "if the token should still be valid, somebody else has read the values: have them \
            changed and shared again"
            .into(),
    }
}

fn lost() -> Error {
    Error::NotFound {
        what: "what was behind the token: the connection broke while it was opened, and it works \
            once. It"
            .into(),
        hint: "ask for it to be shared again".into(),
    }
}

/// The path is Vault's own word, shown where it looks like a path.
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
        "ask whoever sent it what it is; if you expect it: bao unwrap   (or vault unwrap)",
    )
}
