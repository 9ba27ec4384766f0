//! What a model is told about an error: one fixed sentence a variant, and one fixed thing to do.
//!
//! The types make it so: `&'static str` cannot carry a path, a name, a server's words or a value. Both matches
//! name every variant, so that a new one cannot be forgotten.

use super::Error;

impl Error {
    /// What is wrong, for a model.
    #[must_use]
    pub fn for_model(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "the arguments, a file or a setting are not valid",
            Self::NoAddress => "no Vault address is configured",
            Self::NoSession => "there is no session",
            Self::SessionExpired => "the session has expired or was revoked",
            Self::OtherVault { .. } => "the inherited session is for another Vault than the one that is configured",
            Self::Forbidden { .. } => "Vault's policy forbids this",
            Self::NotFound { .. } => "it was not found",
            Self::Conflict { .. } => "someone else changed the service meanwhile",
            Self::OutcomeUnknown { .. } => "the connection broke during the write, and Vault cannot say whether it happened",
            Self::KvVersion1 { .. } => "the mount is KV version 1, and version 2 is needed",
            Self::Unreachable { .. } => "Vault cannot be reached",
            Self::Certificate { .. } => "Vault's TLS certificate is not trusted",
            Self::WrongScheme { .. } => "Vault's address has the wrong scheme, http or https",
            Self::InsecureHttp { .. } => "a token would travel over plain http, which is refused",
            Self::ForeignRedirect { .. } => "Vault redirects to an address that is not trusted with the token",
            Self::Sealed { .. } => "Vault is sealed",
            Self::Server { .. } => "Vault answered with an error",
            Self::BadReply { .. } => "the answer did not come from a Vault",
            Self::LoginFailed { .. } => "the login failed; the user was told why",
            Self::LoginTimeout { .. } => "the user did not finish the login in time",
            Self::Declined => "the user declined: nothing was written",
            Self::NoPerson { .. } => "nobody could be asked",
            Self::ApprovalPending { .. } => "it waits for the user's approval",
            Self::ApprovalExpired => "the user did not approve the change in time: nothing was written",
            Self::ApprovalUnknown => "that approval is not known: it was used or refused, or is too old",
            Self::ApprovalMismatch => "that approval is for another change: nothing was written",
            Self::UnderAgent { .. } => "this is refused under an AI agent",
            Self::Unwritable { .. } | Self::Drift { .. } | Self::Several { .. } => "it could not be done; the user was told why",
            Self::Confined { .. } => "the path leaves the project's root, is a symbolic link, or is not a plain file",
            Self::Io { .. } => "a file could not be read or written",
            Self::AuditUnwritable { .. } => "the audit log cannot be written, so nothing was done",
            Self::AuditBroken(_) => "the audit log is not intact",
            Self::CannotRun { .. } => "the program could not be started",
            Self::Dev { .. } => "the throwaway server could not be set up",
            Self::Interrupted => "it was interrupted",
        }
    }

    /// What a model can do about it.
    #[must_use]
    pub fn hint_for_model(&self) -> &'static str {
        match self {
            Self::Invalid { .. } | Self::Confined { .. } => "check the arguments; paths start at the project's root",
            Self::NoAddress => "ask the user to set VAULT_ADDR, or address in their config",
            Self::NoSession | Self::SessionExpired | Self::OtherVault { .. } => {
                "call vault_login: the user signs in in the browser"
            }
            Self::Forbidden { .. } => "tell the user: whoever runs Vault can grant it; claude-vault doctor shows what is missing",
            Self::NotFound { .. } => "vault_list shows what there is",
            Self::Conflict { .. } | Self::OutcomeUnknown { .. } => "vault_list shows the service as it is now",
            Self::KvVersion1 { .. }
            | Self::Certificate { .. }
            | Self::WrongScheme { .. }
            | Self::InsecureHttp { .. }
            | Self::ForeignRedirect { .. }
            | Self::BadReply { .. }
            | Self::Dev { .. } => "ask the user to run claude-vault doctor in a terminal of their own",
            Self::Unreachable { .. } | Self::Server { .. } => {
                "try again in a moment; if it stays, ask the user to run claude-vault doctor"
            }
            Self::Sealed { .. } => "tell the user that Vault must be unsealed",
            Self::LoginFailed { .. } | Self::LoginTimeout { .. } => {
                "to try again, call vault_login; claude-vault doctor, in a terminal of the user's, says more"
            }
            Self::Declined => "ask the user what they want instead; do not try again unasked",
            Self::NoPerson { .. } => "ask the user to run it in a terminal of their own",
            Self::ApprovalPending { .. } => "ask the user to look at the page that opened in their browser, then call again",
            Self::ApprovalExpired | Self::ApprovalMismatch => "call again without approval_token if the user still wants it",
            Self::ApprovalUnknown => {
                "vault_list shows the service as it is now; call again without approval_token if it still is to be changed"
            }
            Self::UnderAgent { .. } => "ask the user to run it in a terminal of their own",
            Self::Unwritable { .. } | Self::Drift { .. } | Self::Several { .. } => "ask the user what they were shown",
            Self::Io { .. } | Self::AuditUnwritable { .. } | Self::AuditBroken(_) | Self::CannotRun { .. } => {
                "tell the user: it is a matter of files on their machine"
            }
            Self::Interrupted => "call again if the user still wants it",
        }
    }
}
