//! The errors of the login methods, with what a person can do about each.

use super::reply::VaultReply;
use crate::error::{Error, ForeignText};

/// Detects an auth method that is not mounted. Vault returns a plain 403 for it, because the
/// request carries no token.
pub(super) fn missing_method(error: Error, kind: &str, mount: &str) -> Error {
    match error {
        Error::Server { status: 403, .. } => Error::LoginFailed {
            reason: "Vault has no such login",
            said: ForeignText::new(&format!("{kind} at auth/{mount}")),
            hint: "name the mount: --auth-mount PATH   (vault auth list shows all)".into(),
        },
        other => other,
    }
}

/// The error for a reply that refuses a login, with a hint that follows from Vault's reason. `sent`
/// are the secrets of the request, which the error must not repeat.
pub(super) fn refused(reply: &VaultReply, mount: &str, sent: &[&str]) -> Error {
    let said = ForeignText::scrubbed(&reply.errors(), sent);
    let hint = if said.mentions("(aud)") {
        format!("the role in auth/{mount} must have the client ID among its bound_audiences")
    } else if said.mentions("role") && said.mentions("could not be found") {
        "name an existing role: --role NAME   (or CLAUDE_VAULT_ROLE)".into()
    } else if said.mentions("claim") {
        "you are signed in, but the Vault role requires other claims: ask for the missing group or \
         role"
            .into()
    } else if said.mentions("missing role") {
        "Vault has no default role: name one with --role NAME".into()
    } else if said.mentions("could not load configuration") {
        format!(
            "the method is not configured: vault write auth/{mount}/config oidc_discovery_url=…"
        )
    } else {
        "try again; if it fails again, see Vault's log".into()
    };
    let is_silent = said.for_person().is_empty();
    let said = if is_silent {
        ForeignText::new(&format!("status {}", reply.status))
    } else {
        said
    };
    Error::LoginFailed {
        reason: "Vault refused the login",
        said,
        hint,
    }
}
